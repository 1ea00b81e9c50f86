// Package leaderboard puts many runs and baselines on one static site: who is better, on
// what all of them have, and how sure that is.
//
// Its opinion: a rank means something only among values of one suite, one data set and one
// version of everything that measures them, on the items that all have; so versions make
// tables of their own, what somebody lacks stands beside the rank, and a rank is shown with
// the ranks that the data does not exclude. What others published stands beside it and is
// ranked with nothing. Nothing on the site depends on when or where it was made.
//
//	site, err := leaderboard.Write(ctx, []string{"runs"}, "site", leaderboard.Options{Kinds: kinds})
package leaderboard

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/vtbench/vtbench/bench/compare"
	"github.com/vtbench/vtbench/bench/record"
	"github.com/vtbench/vtbench/bench/summary"
	"github.com/vtbench/vtbench/internal/wholefile"
	"github.com/vtbench/vtbench/metrics"
	"github.com/vtbench/vtbench/metrics/stat"
	"github.com/vtbench/vtbench/reports"
	"github.com/vtbench/vtbench/reports/format"
)

// Files of a site.
const (
	IndexFile  = "index.html"
	DataFile   = "leaderboard.json"
	RunsDir    = "runs"
	ReportFile = "report.html" // of a run, in a folder of its own below RunsDir
)

// DataVersion is the version of leaderboard.json.
const DataVersion = 1

// Options change what is written; the zero value is the usual one without published
// tables.
type Options struct {
	compare.BoardOptions
	Kinds     []metrics.Kind
	Published []Published
	Program   string // version of the program, for the page
	// Log tells how far the writing is; nil tells nothing.
	Log func(line string)
}

// A Site is what was written, or would be.
type Site struct {
	Index      string // path of the page
	Collection *Collection
	Boards     []compare.Board
	Published  []Published
	Program    string
	Resamples  int
	Coverage   float64 // least share of the values that a ranked tokenizer has
}

// Ranked is how many boards have a rank.
func (s *Site) Ranked() int {
	n := 0
	for _, b := range s.Boards {
		if slices.ContainsFunc(b.Rows, func(r compare.BoardRow) bool { return r.Rank > 0 }) {
			n++
		}
	}
	return n
}

// New ranks what was collected.
func New(c *Collection, o Options) (*Site, error) {
	results := make([]*compare.Results, len(c.Sources))
	for i, s := range c.Sources {
		results[i] = s.Results
	}
	boards, err := compare.Boards(results, o.BoardOptions)
	if err != nil {
		return nil, err
	}
	return &Site{
		Collection: c, Boards: boards, Published: o.Published, Program: o.Program,
		Resamples: cmp.Or(o.Resamples, stat.DefaultResamples), Coverage: cmp.Or(o.MinCoverage, compare.DefaultMinCoverage),
	}, nil
}

// Write makes a site in dir: index.html, leaderboard.json, and below runs the report of
// every run. Files are replaced whole or not at all. dir is empty, or holds a site, of which
// reports of runs that are no longer on it are removed.
func Write(ctx context.Context, roots []string, dir string, o Options) (*Site, error) {
	old, err := claim(dir)
	if err != nil {
		return nil, err
	}
	var slugs format.Slugs
	c, err := Collect(ctx, roots, CollectOptions{Kinds: o.Kinds, Each: func(s *Source, run *summary.Run) error {
		slug := slugs.For(s.Name)
		if err := Report(ctx, run, filepath.Join(dir, RunsDir, slug)); err != nil {
			return err
		}
		s.Page = PageOf(slug)
		if o.Log != nil {
			o.Log("report of " + s.Name)
		}
		return nil
	}})
	if err != nil {
		return nil, err
	}
	site, err := New(c, o)
	if err != nil {
		return nil, err
	}
	data, err := site.JSON()
	if err != nil {
		return nil, err
	}
	page, err := site.Page(nil)
	if err != nil {
		return nil, err
	}
	if err := wholefile.Write(filepath.Join(dir, DataFile), data); err != nil {
		return nil, err
	}
	site.Index = filepath.Join(dir, IndexFile)
	if err := wholefile.Write(site.Index, page); err != nil {
		return nil, err
	}
	return site, removeOld(dir, old, c)
}

// PageOf is where the report of a run lies on a site.
func PageOf(slug string) string { return path.Join(RunsDir, slug, ReportFile) }

// Report writes the report of a run into a folder of its own.
func Report(ctx context.Context, run *summary.Run, dir string) error {
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return fmt.Errorf("making the folder of a report: %w", err)
	}
	_, err := reports.Write(ctx, []*summary.Run{run}, dir, reports.Options{})
	return err
}

// ErrTaken says that a folder holds something else than a site.
var ErrTaken = errors.New("is not empty and holds no " + DataFile)

// claim makes the folder of a site, and returns the reports of the site that is there.
func claim(dir string) (old []string, err error) {
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return nil, fmt.Errorf("making the site: %w", err)
	}
	var data siteJSON
	switch err := record.ReadJSON(filepath.Join(dir, DataFile), &data); {
	case err == nil:
		for _, s := range data.Sources {
			// Only what this program would have written.
			if slug, ok := strings.CutSuffix(s.Page, "/"+ReportFile); ok && path.Dir(slug) == RunsDir && format.Slug(path.Base(slug)) == path.Base(slug) {
				old = append(old, path.Base(slug))
			}
		}
		return old, nil
	case !errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("reading the site that is there: %w", err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("making the site: %w", err)
	}
	if slices.ContainsFunc(entries, func(e os.DirEntry) bool { return e.Name() != RunsDir }) {
		return nil, fmt.Errorf("%s %w: name a new folder for the site", dir, ErrTaken)
	}
	return nil, nil
}

// removeOld removes the reports of runs that are no longer on the site.
func removeOld(dir string, old []string, c *Collection) (err error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return fmt.Errorf("tidying the site: %w", err)
	}
	defer func() { err = errors.Join(err, root.Close()) }()
	for _, slug := range old {
		page := path.Join(RunsDir, slug, ReportFile)
		if slices.ContainsFunc(c.Sources, func(s Source) bool { return s.Page == page }) {
			continue
		}
		if err := root.RemoveAll(path.Join(RunsDir, slug)); err != nil {
			return fmt.Errorf("tidying the site: %w", err)
		}
	}
	return nil
}

// siteJSON is leaderboard.json.
type siteJSON struct {
	Schema    int             `json:"schema"`
	Program   string          `json:"program,omitempty"`
	Coverage  float64         `json:"min_coverage"`
	Resamples int             `json:"resamples"`
	Level     float64         `json:"level"` // of intervals and ranks
	Sources   []sourceJSON    `json:"sources"`
	Problems  []Problem       `json:"problems"`
	Boards    []compare.Board `json:"boards"`
	Published []Published     `json:"published,omitempty"`
}

type sourceJSON struct {
	Name       string              `json:"name"`
	Page       string              `json:"page,omitempty"`
	Source     compare.Source      `json:"source"`
	Origin     string              `json:"origin,omitempty"`
	Suite      compare.SuiteID     `json:"suite"`
	Datasets   []compare.DatasetID `json:"datasets"`
	Tokenizers []compare.TokenID   `json:"tokenizers"`
	Made       string              `json:"made,omitempty"`
	Program    string              `json:"program,omitempty"`
	Notes      []string            `json:"notes,omitempty"`
}

// JSON is leaderboard.json: all that the page shows.
func (s *Site) JSON() ([]byte, error) {
	out := siteJSON{
		Schema: DataVersion, Program: s.Program, Coverage: s.Coverage, Resamples: s.Resamples, Level: level,
		Sources: []sourceJSON{}, Problems: s.Collection.Problems, Boards: s.Boards, Published: s.Published,
	}
	if out.Problems == nil {
		out.Problems = []Problem{}
	}
	if out.Boards == nil {
		out.Boards = []compare.Board{}
	}
	for _, x := range s.Collection.Sources {
		h := x.Results.Header
		out.Sources = append(out.Sources, sourceJSON{x.Name, x.Page, h.Source, h.Origin, h.Suite, h.Datasets, h.Tokens, h.Made, h.Program, x.Notes})
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", " ")
	if err := enc.Encode(out); err != nil {
		return nil, fmt.Errorf("writing %s: %w", DataFile, err)
	}
	return b.Bytes(), nil
}

// level is that of intervals and ranks.
const level = .95
