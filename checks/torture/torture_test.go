package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/vtbench/vtbench/bench/record"
	"github.com/vtbench/vtbench/internal/fixture"
	"github.com/vtbench/vtbench/internal/testenv"
)

// SECURITY.md names every kind, and no other.
func TestSecurityNamesKinds(t *testing.T) {
	b, err := os.ReadFile(filepath.Join(testenv.Root(t), "..", "SECURITY.md"))
	if err != nil {
		t.Fatal(err)
	}
	text, _, _ := strings.Cut(string(b), "\n## Torture")
	named := map[string]bool{}
	for _, cell := range strings.Split(text, "*") {
		named[cell] = true
	}
	total := 0
	for _, k := range kinds() {
		if !named[k.name] {
			t.Errorf("no promise of SECURITY.md names the kind %q", k.name)
		}
		if k.full < k.short || k.short < 1 || k.promise == "" {
			t.Errorf("%s: %d cases, %d in the short form, promise %q", k.name, k.full, k.short, k.promise)
		}
		total += k.full
	}
	if total < 2000 {
		t.Errorf("the full form has %d cases", total)
	}
}

// A directory that lost or doubled something is not the same as the undisturbed one.
func TestSameFindsDifferences(t *testing.T) {
	write := func(change func(dir string)) string {
		dir := t.TempDir()
		if err := fixture.Journals(dir, []byte(`{"item":"a"}`+"\n\n"+`{"item":"b"}`), nil, 0, 1); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, record.ManifestFile), []byte(`{"schema":2,"host":{"cores":1}}`), 0o644); err != nil {
			t.Fatal(err)
		}
		change(dir)
		return dir
	}
	file := func(name, content string) func(string) {
		return func(dir string) {
			if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	whole := write(func(string) {})
	sums, err := contents(whole)
	if err != nil {
		t.Fatal(err)
	}
	r := &reference{sums: sums}
	for name, c := range map[string]struct {
		change func(string)
		same   bool
	}{
		"nothing":       {func(string) {}, true},
		"another host":  {file(record.ManifestFile, `{"schema":2,"host":{"cores":64}}`), true},
		"manifest":      {file(record.ManifestFile, `{"schema":3,"host":{"cores":1}}`), false},
		"a line lost":   {file(record.RecordsFile, `{"item":"a"}`+"\n"), false},
		"a line twice":  {file(record.RecordsFile, `{"item":"a"}`+"\n"+`{"item":"b"}`+"\n"+`{"item":"b"}`+"\n"), false},
		"times torn":    {file(record.TimingsFile, "{"), false},
		"one file more": {file(".performance.json123", "{"), false},
		"one file less": {func(dir string) { _ = os.Remove(filepath.Join(dir, record.CodesFile)) }, false},
	} {
		if err := r.same(write(c.change)); (err == nil) != c.same {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// What a name must not become is found in a comment.
func TestHarmlessFindsHarm(t *testing.T) {
	const marker = "<!-- vtbench:compare -->\n"
	if err := harmless(marker + "# Title\n\n| a | b |\n|---|---|\n| `@x` | 1 |\n"); err != nil {
		t.Error(err)
	}
	for _, s := range []string{"@octocat", "see #12", "<script>x</script>", "[x](https://example.org)", "<img src=x onerror=y>", "<!-- another -->", "https://example.org", "<svg onload=x>"} {
		if harmless(marker+s) == nil {
			t.Errorf("%q passes for harmless", s)
		}
	}
}

// The ways in which a plug-in misbehaves are found in the tests of tokenizers/process.
func TestModes(t *testing.T) {
	list, err := modes(filepath.Join(testenv.Root(t), ".."))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"hang-always", "flood-stderr", "child-outlives", "oversize-claim", "no-pong"} {
		if !strings.Contains(" "+strings.Join(list, " ")+" ", " "+want+" ") {
			t.Errorf("%s is not among %v", want, list)
		}
	}
}
