package markdown_test

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/vtbench/vtbench/reports/internal/fixture"
	"github.com/vtbench/vtbench/reports/markdown"
	"github.com/vtbench/vtbench/reports/view"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func TestReport(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run")
	run, err := fixture.Text(dir)
	if err != nil {
		t.Fatal(err)
	}
	v, err := view.New(run)
	if err != nil {
		t.Fatal(err)
	}
	got := markdown.Report(v, []markdown.Plot{{Path: "plots/a.png", Caption: "What a bit buys"}})
	path := filepath.Join("testdata", "report.md")
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got; -update rewrites it):\n%s", path, diff)
	}
	// Every table is a table: as many cells in a row as in its header.
	cells := 0
	for line := range strings.Lines(got) {
		n := strings.Count(strings.ReplaceAll(line, `\|`, ""), "|")
		switch {
		case n == 0:
			cells = 0
		case cells == 0:
			cells = n
		case n != cells:
			t.Errorf("a row of %d cells in a table of %d: %s", n-1, cells-1, line)
		}
	}
}

func TestEscape(t *testing.T) {
	for in, want := range map[string]string{
		"a|b":                 `a\|b`,
		"<script>x</script>":  "&lt;script&gt;x&lt;/script&gt;",
		"`code`":              "\\`code\\`",
		"[x](javascript:y)":   `\[x\]\(javascript:y\)`,
		"@somebody *bold* _i": `&#64;somebody \*bold\* \_i`,
	} {
		if got := markdown.Escape(in); got != want {
			t.Errorf("Escape(%q) = %q, want %q", in, got, want)
		}
	}
	for _, in := range []string{"two\nlines", "a\r\n\r\nb", "\x1b[31mred"} {
		if got := markdown.Escape(in); strings.ContainsAny(got, "\n\r\x1b") {
			t.Errorf("Escape(%q) = %q has control characters", in, got)
		}
	}
}
