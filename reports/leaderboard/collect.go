package leaderboard

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/vtbench/vtbench/bench/compare"
	"github.com/vtbench/vtbench/bench/record"
	"github.com/vtbench/vtbench/bench/summary"
	"github.com/vtbench/vtbench/metrics"
	"github.com/vtbench/vtbench/reports/format"
)

// A Source is a run directory or a baseline file.
type Source struct {
	// Name is its path below the folder that was searched, with that folder's name before
	// it: what a reader of the site knows it by.
	Name    string
	Path    string // where it lies
	Page    string // its report, relative to the site; "" where it has none
	Results *compare.Results
	Notes   []string // what a reader must know: it was interrupted, pictures are missing
	Print   string   // for [CollectOptions.Earlier]: what the caller knows it by
}

// A Problem is something that could not be read.
type Problem struct {
	Name  string `json:"name"`
	Error string `json:"error"`
}

// A Collection is what a leaderboard is made of. Its sources are in the order of their
// roots and names.
type Collection struct {
	Sources  []Source
	Problems []Problem
	Skipped  []string // links, which are not followed
}

// ErrNothing says that there is no run and no baseline.
var ErrNothing = errors.New("there is no run directory and no baseline file")

// CollectOptions change what is opened.
type CollectOptions struct {
	Kinds []metrics.Kind
	// Each is called with every run while it is open; a run for which it fails is a problem.
	Each func(s *Source, run *summary.Run) error
	// Earlier returns a source that was opened before and is still the same; nil where there
	// is none. skip leaves it out.
	Earlier func(s Source) (same *Source, skip bool)
}

// Collect opens all run directories and baseline files at and below roots. What cannot be
// read is a [Problem], and the rest goes on.
func Collect(ctx context.Context, roots []string, o CollectOptions) (*Collection, error) {
	c := &Collection{}
	found, err := c.find(roots)
	if err != nil {
		return nil, err
	}
	if len(found) == 0 {
		return nil, fmt.Errorf("%w in %s", ErrNothing, strings.Join(roots, ", "))
	}
	for _, s := range found {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if o.Earlier != nil {
			same, skip := o.Earlier(s)
			if skip {
				continue
			}
			if same != nil {
				c.Sources = append(c.Sources, *same)
				continue
			}
		}
		if err := s.open(o.Kinds, o.Each); err != nil {
			if ctx.Err() != nil {
				return nil, ctx.Err()
			}
			// A site is read elsewhere: where a run lay here says nothing there.
			text := strings.ReplaceAll(err.Error(), s.Path, s.Name)
			c.Problems = append(c.Problems, Problem{s.Name, text})
			continue
		}
		c.Sources = append(c.Sources, s)
	}
	return c, nil
}

// Find lists the run directories and baseline files at and below roots without opening
// them: sources with name and path.
func Find(roots []string) ([]Source, error) {
	var c Collection
	return c.find(roots)
}

// find lists the sources of all roots, each once.
func (c *Collection) find(roots []string) ([]Source, error) {
	var out []Source
	seen := map[string]bool{}
	names := map[string]int{}
	add := func(root, rel string) error {
		at := filepath.Join(root, filepath.FromSlash(rel))
		real, err := filepath.EvalSymlinks(at)
		if err != nil {
			return fmt.Errorf("reading %s: %w", at, err)
		}
		if real, err = filepath.Abs(real); err != nil || seen[real] {
			return err
		}
		seen[real] = true
		abs, err := filepath.Abs(root)
		if err != nil {
			return err
		}
		name := path.Join(filepath.Base(abs), rel)
		if names[name]++; names[name] > 1 {
			name = fmt.Sprintf("%s (%d)", name, names[name])
		}
		out = append(out, Source{Name: name, Path: at})
		return nil
	}
	for _, root := range roots {
		info, err := os.Stat(root)
		if err != nil {
			return nil, fmt.Errorf("looking for runs: %w", err)
		}
		if !info.IsDir() {
			if err := add(root, "."); err != nil {
				return nil, err
			}
			continue
		}
		found, err := compare.Find(root)
		if err != nil {
			return nil, err
		}
		for _, s := range found.Skipped {
			c.Skipped = append(c.Skipped, fmt.Sprintf("%s/%s: %s", root, s.Path, s.Why))
		}
		for _, rel := range found.Paths {
			if err := add(root, rel); err != nil {
				return nil, err
			}
		}
	}
	return out, nil
}

// open reads a source.
func (s *Source) open(kinds []metrics.Kind, each func(*Source, *summary.Run) error) error {
	o := compare.LoadOptions{Kinds: kinds, Decisive: true}
	info, err := os.Stat(s.Path)
	if err != nil {
		return err
	}
	if !info.IsDir() {
		s.Results, err = compare.Load(s.Path, o)
		return err
	}
	run, err := summary.Open(s.Path, kinds)
	if err != nil {
		return err
	}
	if s.Results, err = compare.FromRunDir(run, o); err != nil {
		return err
	}
	if shard := run.Manifest.Shard; shard != "" {
		s.Notes = append(s.Notes, "shard "+shard+" of a run: join shards with `vtbench merge`")
	}
	if !run.Complete {
		s.Notes = append(s.Notes, "not complete: what it lacks is counted as missing")
		if _, held, err := record.Held(s.Path); err == nil && held {
			s.Notes[len(s.Notes)-1] = "being made now: what it lacks is counted as missing"
		}
	}
	if n := len(run.Damaged); n > 0 {
		s.Notes = append(s.Notes, format.Plural(n, "picture is", "pictures are")+" missing or not as written")
	}
	if n := len(summary.Distinct(run.Summary.Errors)); n > 0 {
		s.Notes = append(s.Notes, format.Plural(n, "failure", "failures"))
	}
	if each == nil {
		return nil
	}
	return each(s, run)
}
