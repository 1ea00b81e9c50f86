package run_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/vtbench/vtbench/bench/record"
	"github.com/vtbench/vtbench/bench/run"
	"github.com/vtbench/vtbench/bench/summary"
)

// Whatever was edited in a finished run is told by report and resume, and the way out
// leads back to the bytes that were written.
func TestEditedFilesAreTold(t *testing.T) {
	cfg := config(t, 4)
	execute(t, cfg)
	pictures, err := filepath.Glob(filepath.Join(cfg.Dir, record.ImagesDir, "*.png"))
	if err != nil || len(pictures) == 0 {
		t.Fatalf("%d pictures, %v", len(pictures), err)
	}
	picture := record.ImagesDir + "/" + filepath.Base(pictures[0])
	zero := 0
	for _, c := range []struct {
		file, old, new string
		report, resume string // part of the error, or of what is listed as damaged; "" for none
		redo           *int
	}{
		{record.ManifestFile, `"seed": 1`, `"seed": 2`, record.ManifestFile + ": the file is not as it was written", "seed", nil},
		{record.ManifestFile, `"total": 4`, `"Total": 4`, record.ManifestFile + ": the file is not as it was written", "", nil},
		{record.ManifestFile, "\n}", "\n\n}", "", "", nil},
		{record.GroupsFile, `"items":2`, `"items":3`, "", "groups.jsonl:1: it counts 3 items in group 0, which has 2 in the plan", &zero},
		{record.GroupsFile, `"items":2`, `"Items":2`, "groups.jsonl:1", "--redo-from 0", &zero},
		{picture, "IDAT", "IDAU", picture, picture + ": the file is not as it was written (1 in all)", &zero},
	} {
		path := filepath.Join(cfg.Dir, filepath.FromSlash(c.file))
		whole := read(t, cfg.Dir, c.file)
		edited := bytes.Replace(whole, []byte(c.old), []byte(c.new), 1)
		if bytes.Equal(edited, whole) {
			t.Fatalf("%s does not hold %s", c.file, c.old)
		}
		if err := os.WriteFile(path, edited, 0o644); err != nil {
			t.Fatal(err)
		}
		shown, err := summary.Open(cfg.Dir, kinds())
		var told string
		if err != nil {
			told = err.Error()
		} else {
			told = strings.Join(shown.Damaged, " ")
		}
		if (c.report == "") != (told == "") || !strings.Contains(told, c.report) {
			t.Errorf("%s with %s: report tells %q, want %q", c.file, c.new, told, c.report)
		}
		again := cfg
		again.Resume = true
		_, err = run.Execute(context.Background(), again)
		var config *run.ConfigError
		if c.resume == "" && err != nil || c.resume != "" && (!errors.As(err, &config) || !strings.Contains(err.Error(), c.resume)) {
			t.Errorf("%s with %s: resume tells %v, want %q", c.file, c.new, err, c.resume)
		}
		if c.redo != nil {
			again.RedoFrom = c.redo
			execute(t, again)
		}
		if c.resume == "seed" {
			if err := os.WriteFile(path, whole, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if got := read(t, cfg.Dir, c.file); !bytes.Equal(got, whole) {
			t.Errorf("%s with %s: not as it was written in the end", c.file, c.new)
		}
	}
}
