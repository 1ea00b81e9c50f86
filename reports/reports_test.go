package reports_test

import (
	"bytes"
	"errors"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/vtbench/vtbench/bench/summary"
	"github.com/vtbench/vtbench/internal/fixture"
	"github.com/vtbench/vtbench/reports"
	"github.com/vtbench/vtbench/reports/html"
	"github.com/vtbench/vtbench/reports/view"
)

func TestWrite(t *testing.T) {
	dir := t.TempDir()
	run, err := fixture.Text(filepath.Join(dir, "a"))
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		name string
		runs []*summary.Run
		opts reports.Options
	}{
		{"a", []*summary.Run{run}, reports.Options{}},
		{"single", []*summary.Run{run}, reports.Options{SingleFile: true}},
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

// Joined reports can be moved: they hold the pictures of all runs.
func TestWriteJoined(t *testing.T) {
	dir := t.TempDir()
	var runs []*summary.Run
	for _, name := range []string{"a", "b"} {
		run, err := fixture.Text(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		runs = append(runs, run)
	}
	out := filepath.Join(dir, "joined")
	files, err := reports.Write(t.Context(), runs, out, reports.Options{})
	if err != nil {
		t.Fatal(err)
	}
	moved := filepath.Join(dir, "moved")
	if err := os.Rename(out, moved); err != nil {
		t.Fatal(err)
	}
	for _, run := range runs {
		if err := os.RemoveAll(run.Dir); err != nil {
			t.Fatal(err)
		}
	}
	page, err := os.ReadFile(filepath.Join(moved, filepath.Base(files.HTML)))
	if err != nil {
		t.Fatal(err)
	}
	links := regexp.MustCompile(`(?:src|href)="(\./[^"]+)"`).FindAllSubmatch(page, -1)
	for _, l := range links {
		rel, err := url.PathUnescape(string(l[1]))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := os.Stat(filepath.Join(moved, filepath.FromSlash(rel))); err != nil {
			t.Errorf("the page links to what is not there: %v", err)
		}
	}
	for _, want := range []string{"a#jpeg:q=90", "b#jpeg:q=90", "./images/a/images/", "./images/b/images/"} {
		if !bytes.Contains(page, []byte(want)) {
			t.Errorf("%q is not on the page", want)
		}
	}
	if bytes.Contains(page, []byte(`href="summary.json"`)) {
		t.Error("the page links to a summary that a joined report does not have")
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
	if _, err := reports.Write(t.Context(), []*summary.Run{run}, file, reports.Options{}); err == nil {
		t.Error("a report was written into a file")
	}
}

// A run directory of somebody else may hold links: nothing is written, replaced or removed
// behind them.
func TestWriteThroughLinks(t *testing.T) {
	dir := t.TempDir()
	run, err := fixture.Text(filepath.Join(dir, "run"))
	if err != nil {
		t.Fatal(err)
	}
	const kept = "kept"
	names := []string{"items-0001.js", "t-acc.csv", "mine.png"}
	for _, sub := range []string{"tables", "plots", "figures", html.DataDir} {
		other := t.TempDir()
		for _, name := range names {
			if err := os.WriteFile(filepath.Join(other, name), []byte(kept), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		link := filepath.Join(run.Dir, sub)
		if err := errors.Join(os.RemoveAll(link), os.Symlink(other, link)); err != nil {
			t.Fatal(err)
		}
		if _, err := reports.Write(t.Context(), []*summary.Run{run}, run.Dir, reports.Options{Figures: sub == "figures"}); err == nil || !strings.Contains(err.Error(), link+" is a link") {
			t.Errorf("%s: error %v", sub, err)
		}
		found, err := os.ReadDir(other)
		if err != nil || len(found) != len(names) {
			t.Errorf("%s: behind the link stand %v, %v", sub, found, err)
		}
		for _, name := range names {
			if b, err := os.ReadFile(filepath.Join(other, name)); err != nil || string(b) != kept {
				t.Errorf("%s: behind the link %s is %q, %v", sub, name, b, err)
			}
		}
		if err := os.Remove(link); err != nil {
			t.Fatal(err)
		}
	}
}

// A report of films has a player, strips and values over time, in every form; one of images
// has nothing of them.
func TestFilms(t *testing.T) {
	dir := t.TempDir()
	run, err := fixture.Films(dir)
	if err != nil {
		t.Fatal(err)
	}
	files, err := reports.Write(t.Context(), []*summary.Run{run}, dir, reports.Options{Figures: true})
	if err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile(files.HTML)
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(files.Markdown)
	if err != nil {
		t.Fatal(err)
	}
	for what, where := range map[string][]byte{
		`id="player"`: page, `class="strips"`: page, "jpeg:q=20‡": page, "6 tracks kept": page, "clips: 3 clips, 72 frames": page, "whole clips are drawn, with": page,
		"![The track that vq3d:k=1024 holds worst, frame by frame.](plots/track-vq3d-k=1024-clips-clean-256.png)": text, "plots/rate-t-stability-clips-clean-256.png": text, "plots/time-flicker-clips-clean-256.png": text,
		"jpeg:q=20‡ |": text, "6 tracks kept.": text, "over clips, each with all its frames": text,
	} {
		if !bytes.Contains(where, []byte(what)) {
			t.Errorf("the report has no %s", what)
		}
	}
	tex, err := os.ReadFile(filepath.Join(dir, "figures", "t-stability-clips-clean-256.tex"))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`jpeg:q=20\ddag{}`, "signs flipped by clip", `\ddag{}: a tokenizer of images`} {
		if !bytes.Contains(tex, []byte(want)) {
			t.Errorf("the table for print has no %s", want)
		}
	}
	for _, name := range []string{"figures/track-vq3d-k=1024-clips-clean-256.png", "figures/time-psnr-clips-clean-256.svg", "tables/over-time.csv", "tables/tracks.csv", "tables/t-stability.csv"} {
		if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
			t.Error(err)
		}
	}
	v, err := view.New(fixture.Numbers(dir))
	if err != nil {
		t.Fatal(err)
	}
	images, err := html.Report(v, nil, html.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, what := range []string{"player", "vt.films", "‡", "film-data"} {
		if bytes.Contains(images.HTML, []byte(what)) {
			t.Errorf("the report of images has %s", what)
		}
	}
}
