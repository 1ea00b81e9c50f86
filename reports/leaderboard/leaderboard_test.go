package leaderboard_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/vtbench/vtbench/bench/compare"
	"github.com/vtbench/vtbench/bench/record"
	"github.com/vtbench/vtbench/internal/fixture"
	"github.com/vtbench/vtbench/metrics"
	"github.com/vtbench/vtbench/reports/leaderboard"
)

// results are PSNRs of tokenizers on n images, each by its own amount.
func results(t *testing.T, h compare.Header, n int, by map[string]float64) *compare.Results {
	t.Helper()
	h.Suite = compare.SuiteID{ID: "pixels", Version: 1, Digest: "0123456789abcdef", Title: "Pixels"}
	h.Datasets = []compare.DatasetID{{Name: "d", Version: 1, Digest: "d1", Items: n}}
	h.Headline = []string{"psnr"}
	h.Metrics = []metrics.Spec{{ID: "psnr", Version: 1, Title: "PSNR", Unit: "dB", Better: metrics.Higher, Scope: metrics.PerImage}}
	for name := range by {
		h.Tokens = append(h.Tokens, compare.TokenID{Name: name, Kind: "k"})
	}
	slices.SortFunc(h.Tokens, func(a, b compare.TokenID) int { return strings.Compare(a.Name, b.Name) })
	b := compare.NewBuilder("r", h)
	for i := range n {
		for _, tok := range h.Tokens {
			v := 30 + float64(i%7) + by[tok.Name]*(1+float64(i%3)/10)
			b.Add(&record.Record{Dataset: "d", Tokenizer: tok.Name, Item: fmt.Sprint(i), Condition: "clean@256", Metric: "psnr", Value: record.Num(v)})
		}
	}
	r, err := b.Results()
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// baselines writes baseline files, which are sources without a report.
func baselines(t *testing.T, dir string, of map[string]*compare.Results) {
	t.Helper()
	for name, r := range of {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := r.Save(filepath.Join(dir, name+compare.BaselineSuffix), compare.SaveOptions{}); err != nil {
			t.Fatal(err)
		}
	}
}

func write(t *testing.T, dir string, roots ...string) (*leaderboard.Site, error) {
	t.Helper()
	published, err := leaderboard.PublishedTables()
	if err != nil {
		t.Fatal(err)
	}
	return leaderboard.Write(context.Background(), roots, dir, leaderboard.Options{BoardOptions: compare.BoardOptions{Resamples: 199}, Published: published, Program: "vtbench test"})
}

// tree is every file below a folder.
func tree(t *testing.T, dir string) map[string]string {
	t.Helper()
	out := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path) //nolint:forbidigo // our own
		out[strings.TrimPrefix(path, dir)] = string(b)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// Equal input gives equal bytes, wherever it lies; what is damaged is named, and the rest
// stands.
func TestSite(t *testing.T) {
	one := results(t, compare.Header{Source: compare.FromRun, Seed: 1}, 30, map[string]float64{"good": 2, "bad": 0})
	two := results(t, compare.Header{Source: compare.FromRun, Seed: 1}, 30, map[string]float64{"better": 4})
	var sites []map[string]string
	for range 2 {
		dir := t.TempDir()
		in := filepath.Join(dir, "in")
		baselines(t, in, map[string]*compare.Results{"one": one, "two": two})
		if err := os.WriteFile(filepath.Join(in, "broken"+compare.BaselineSuffix), []byte("not gzip"), 0o644); err != nil {
			t.Fatal(err)
		}
		out := filepath.Join(dir, "site")
		site, err := write(t, out, in)
		if err != nil {
			t.Fatal(err)
		}
		if p := site.Collection.Problems; len(p) != 1 || p[0].Name != "in/broken"+compare.BaselineSuffix || strings.Contains(p[0].Error, dir) {
			t.Errorf("problems: %v", p)
		}
		var got []string
		for _, r := range site.Boards[0].Rows {
			got = append(got, fmt.Sprint(r.Rank, " ", r.Token.Name, " ", r.RankLo, "-", r.RankHi))
		}
		if d := cmp.Diff([]string{"1 better 1-1", "2 good 2-2", "3 bad 3-3"}, got); d != "" || site.Ranked() != 1 {
			t.Errorf("%d ranked: %s", site.Ranked(), d)
		}
		sites = append(sites, tree(t, out))
	}
	if d := cmp.Diff(sites[0], sites[1]); d != "" {
		t.Errorf("two sites of equal input differ: %.2000s", d)
	}
	page := sites[0]["/index.html"]
	for _, want := range []string{"in/broken", "could not be read and is left out", "better", "TokBench leaderboard", "vtbench test", "30 of 30 images"} {
		if !strings.Contains(page, want) {
			t.Errorf("%q is not on the page", want)
		}
	}
	var data struct {
		Schema  int
		Sources []struct{ Name string }
		Boards  []compare.Board
	}
	if err := json.Unmarshal([]byte(sites[0]["/leaderboard.json"]), &data); err != nil || data.Schema != leaderboard.DataVersion || len(data.Sources) != 2 || data.Boards[0].Rows[0].Rank != 1 {
		t.Errorf("%v: %+v", err, data)
	}
}

// A site is made anew over a site, and over nothing else; reports of runs that are gone go.
func TestSiteFolder(t *testing.T) {
	dir := t.TempDir()
	in, out := filepath.Join(dir, "in"), filepath.Join(dir, "out")
	baselines(t, in, map[string]*compare.Results{"one": results(t, compare.Header{Source: compare.FromRun}, 5, map[string]float64{"a": 1, "b": 2})})
	if err := os.MkdirAll(out, 0o755); err != nil {
		t.Fatal(err)
	}
	mine := filepath.Join(out, "thesis.tex")
	if err := os.WriteFile(mine, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := write(t, out, in); !errors.Is(err, leaderboard.ErrTaken) {
		t.Errorf("a folder of other things is taken: %v", err)
	}
	if err := os.Remove(mine); err != nil {
		t.Fatal(err)
	}
	site, err := write(t, out, in)
	if err != nil {
		t.Fatal(err)
	}
	// As if a run had been there, and as if somebody had written what we would not.
	outside := filepath.Join(dir, "outside")
	for _, d := range []string{filepath.Join(out, "runs", "gone"), filepath.Join(out, "runs", "kept"), outside} {
		if err := os.MkdirAll(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	data := strings.Replace(tree(t, out)["/leaderboard.json"], `"sources": [`, `"sources": [
  {"name": "x", "page": "runs/gone/report.html"}, {"name": "y", "page": "runs/../../outside/report.html"}, {"name": "z", "page": "runs/report.html"},`, 1)
	if err := os.WriteFile(filepath.Join(out, leaderboard.DataFile), []byte(data), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := write(t, out, in); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]bool{filepath.Join(out, "runs", "gone"): false, filepath.Join(out, "runs", "kept"): true, outside: true, site.Index: true} {
		if _, err := os.Stat(path); (err == nil) != want {
			t.Errorf("%s is there: %v, want %v", path, err == nil, want)
		}
	}
	if _, err := write(t, filepath.Join(dir, "new"), outside); !errors.Is(err, leaderboard.ErrNothing) {
		t.Errorf("a folder without runs: %v", err)
	}
}

// Imports are marked, are ranked among themselves, and never with what was measured here.
func TestImportsAreMarked(t *testing.T) {
	dir := t.TempDir()
	in := filepath.Join(dir, "in")
	baselines(t, in, map[string]*compare.Results{
		"ours":   results(t, compare.Header{Source: compare.FromRun}, 6, map[string]float64{"a": 1}),
		"theirs": results(t, compare.Header{Source: compare.Imported, Origin: "https://example.org/table"}, 6, map[string]float64{"b": 2}),
		"script": results(t, compare.Header{Source: compare.Imported, Origin: "javascript:alert(1)"}, 6, map[string]float64{"c": 2}),
	})
	out := filepath.Join(dir, "site")
	site, err := write(t, out, in)
	if err != nil {
		t.Fatal(err)
	}
	if len(site.Boards) != 3 {
		t.Fatalf("%d boards", len(site.Boards))
	}
	page := tree(t, out)["/index.html"]
	if n := strings.Count(page, "published by others"); n < 4 {
		t.Errorf("imports are marked %d times", n)
	}
	if !strings.Contains(page, `href="https://example.org/table"`) || strings.Contains(page, `href="javascript`) {
		t.Error("the origin is not linked, or a script is")
	}
}

// What others published was read right: means are those of their bins, to their digits.
func TestPublished(t *testing.T) {
	all, err := leaderboard.PublishedTables()
	if err != nil {
		t.Fatal(err)
	}
	checked := 0
	for _, p := range all {
		for _, s := range []string{p.ID, p.Title, p.Source, p.File, p.Commit, p.Read, p.Note} {
			if s == "" {
				t.Errorf("%s does not say where its numbers are from: %+v", p.ID, p)
			}
		}
		for _, table := range p.Tables {
			for _, row := range table.Rows {
				at := 3
				for _, g := range p.Groups {
					var values []float64
					for _, s := range row[at : at+len(g.Columns)] {
						v, err := strconv.ParseFloat(s, 64)
						if s != "" && err != nil {
							t.Errorf("%s, %s: %q is no number", p.ID, row[0], s)
						}
						values = append(values, v)
					}
					at += len(g.Columns)
					if n := len(g.Columns); g.Columns[n-1] == "mean" {
						sum := 0.0
						for _, v := range values[:n-1] {
							sum += v
						}
						if d := math.Abs(sum/float64(n-1) - values[n-1]); d > .0101 {
							t.Errorf("%s, %s, %s, %s: the bins have mean %g, the table %g", p.ID, table.Title, row[0], g.Title, sum/float64(n-1), values[n-1])
						}
						checked++
					}
				}
			}
		}
	}
	if checked != 3*(20+17+17+8) {
		t.Errorf("%d means were checked", checked)
	}
	if got, err := leaderboard.SelectPublished([]string{"tokbench"}); err != nil || len(got) != 1 {
		t.Errorf("tokbench: %v, %v", got, err)
	}
	if got, err := leaderboard.SelectPublished([]string{"none"}); err != nil || len(got) != 0 {
		t.Errorf("none: %v, %v", got, err)
	}
	if _, err := leaderboard.SelectPublished([]string{"tokbnch"}); err == nil || !strings.Contains(err.Error(), `did you mean "tokbench"?`) {
		t.Errorf("a misspelt id: %v", err)
	}
}

// The page of a server has what is running, and may ask for news; the site may not.
func TestLivePage(t *testing.T) {
	c := &leaderboard.Collection{}
	site, err := leaderboard.New(c, leaderboard.Options{})
	if err != nil {
		t.Fatal(err)
	}
	still, err := site.Page(nil)
	if err != nil {
		t.Fatal(err)
	}
	live, err := site.Page(&leaderboard.Live{Board: "b1", Note: "is being computed", Runs: []leaderboard.LiveRun{{Name: "runs/x\x1b", State: "running", Done: 3, Total: 8, Phase: "measuring", Page: "runs/x/report.html"}}})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`data-board="b1"`, "is being computed", `runs/x\x1b`, "37 %, measuring", "connect-src &#39;self&#39;"} {
		if !bytes.Contains(live, []byte(want)) {
			t.Errorf("%q is not on the live page", want)
		}
	}
	if bytes.Contains(still, []byte(`id="live"`)) || !bytes.Contains(still, []byte("connect-src &#39;none&#39;")) || !bytes.Contains(still, []byte("Nothing here can be ranked")) {
		t.Error("a page that does not change has the part of one that does")
	}
}

// Boards of films count tracks and clips, and mark tokenizers of images.
func TestFilms(t *testing.T) {
	dir := t.TempDir()
	if _, err := fixture.Films(filepath.Join(dir, "films")); err != nil {
		t.Fatal(err)
	}
	results, err := compare.Load(filepath.Join(dir, "films"), compare.LoadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	baselines(t, filepath.Join(dir, "saved"), map[string]*compare.Results{"films": results})
	if _, err := write(t, filepath.Join(dir, "site"), filepath.Join(dir, "saved")); err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile(filepath.Join(dir, "site", "index.html"))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"6 of 6 tracks that all ranked ones have, of 3 clips", "vq:patch=8,k=256‡", "3 clips, 72 frames", "‡ a tokenizer of images"} {
		if !bytes.Contains(page, []byte(want)) {
			t.Errorf("the page has no %q", want)
		}
	}
	if bytes.Contains(page, []byte("vq3d:k=1024‡")) {
		t.Error("a tokenizer that codes frames together is marked")
	}
}
