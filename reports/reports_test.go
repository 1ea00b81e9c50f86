package reports_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/vtbench/vtbench/bench"
	"github.com/vtbench/vtbench/reports"
	"github.com/vtbench/vtbench/reports/internal/fixture"
)

func TestWrite(t *testing.T) {
	dir := t.TempDir()
	run, err := fixture.Text(filepath.Join(dir, "a"))
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		name string
		runs []*bench.Run
		opts reports.Options
	}{
		{"a", []*bench.Run{run}, reports.Options{}},
		{"single", []*bench.Run{run}, reports.Options{SingleFile: true}},
	} {
		out := filepath.Join(dir, tc.name)
		files, err := reports.Write(t.Context(), tc.runs, out, tc.opts)
		if err != nil {
			t.Fatal(err)
		}
		page, err := os.ReadFile(files.HTML)
		if err != nil {
			t.Fatal(err)
		}
		if linked := bytes.Contains(page, []byte(`src="./images/`)); linked == tc.opts.SingleFile {
			t.Errorf("%s: pictures are linked: %v", tc.name, linked)
		}
		for _, pattern := range []string{"report.md", "tables/t-acc.csv", "plots/*.png", "plots/*.svg"} {
			found, err := filepath.Glob(filepath.Join(out, pattern))
			if err != nil || len(found) == 0 {
				t.Errorf("%s: no %s", tc.name, pattern)
			}
		}
		left, err := filepath.Glob(filepath.Join(out, "*.tmp"))
		if err != nil || len(left) > 0 {
			t.Errorf("%s: left behind: %v", tc.name, left)
		}
	}
}

func TestWriteWhereItCannot(t *testing.T) {
	run, err := fixture.Robust(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := reports.Write(t.Context(), []*bench.Run{run}, file, reports.Options{}); err == nil {
		t.Error("a report was written into a file")
	}
}
