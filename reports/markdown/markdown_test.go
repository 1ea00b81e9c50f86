package markdown_test

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/vtbench/vtbench/internal/fixture"
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
	rows(t, got)
}

// rows checks that every row of a table has the cells of its header.
func rows(t *testing.T, got string) {
	t.Helper()
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

func TestRobustness(t *testing.T) {
	run, err := fixture.Robust(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	v, err := view.New(run)
	if err != nil {
		t.Fatal(err)
	}
	got := markdown.Report(v, nil)
	rows(t, got)
	for _, want := range []string{"T-NED (%) against the labels", "PSNR (dB) against the undamaged original", "| motion blur |", "Best under damage"} {
		if !strings.Contains(got, want) {
			t.Errorf("the report does not say %q", want)
		}
	}
}

// Whatever things are called, no name becomes markup.
func TestHostileNames(t *testing.T) {
	run, err := fixture.Robust(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	const evil = "</details>|<script>`x`\n# [a](javascript:b) @all https://example.org ![](https://example.org/p.png)"
	old := run.Manifest.Tokenizers[3].Name
	for i := range run.Summary.Rows {
		if r := &run.Summary.Rows[i]; r.Tokenizer == old {
			r.Tokenizer = evil
		}
	}
	for i := range run.Summary.Robustness {
		if r := &run.Summary.Robustness[i]; r.Tokenizer == old {
			r.Tokenizer = evil
		}
	}
	m := &run.Manifest
	m.Tokenizers[3].Name, m.Tokenizers[3].Info.Version, m.Suite.Title = evil, evil, evil
	m.SuiteHash, m.Provenance, m.Metrics[0].Title = evil, map[string]string{evil: evil}, evil
	m.Tokenizers[1].Name = evil + "bound"
	v, err := view.New(run)
	if err != nil {
		t.Fatal(err)
	}
	got := markdown.Report(v, nil)
	rows(t, got)
	for _, bad := range []string{"<script", "](javascript", "\n# [a]", "@all", "https://"} {
		if strings.Contains(got, bad) {
			t.Errorf("the report holds %q", bad)
		}
	}
	if n, m := strings.Count(got, "<details>"), strings.Count(got, "</details>"); n != m || n == 0 {
		t.Errorf("%d details are opened, %d closed", n, m)
	}
}
