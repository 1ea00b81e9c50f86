package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/vtbench/vtbench/bench/record"
	"github.com/vtbench/vtbench/bench/score"
	"github.com/vtbench/vtbench/bench/suite"
	"github.com/vtbench/vtbench/bench/summary"
	"github.com/vtbench/vtbench/datasets"
	"github.com/vtbench/vtbench/internal/wholefile"
	"github.com/vtbench/vtbench/metrics"
	"github.com/vtbench/vtbench/metrics/quality"
	"github.com/vtbench/vtbench/reports"
	"github.com/vtbench/vtbench/reports/format"
	"github.com/vtbench/vtbench/tokenizers"
)

// scorePageOptions say where a page of scored pairs goes and what it shows.
type scorePageOptions struct {
	dir  string
	keep record.Keep
}

// worstPairs is how many pairs are shown of the worst.
const worstPairs = 24

// page checks the flags of --format html before anything is read.
func (f *scoreFlags) page(ids, sets []string) (o scorePageOptions, err error) {
	if f.format != "html" {
		if f.output != "" {
			return o, usagef("-o is the directory of a page: ask for one with --format html")
		}
		return o, nil
	}
	if f.output == "" {
		return o, usagef("--format html writes a directory: name it with -o")
	}
	if len(ids) == 0 || len(sets) > 0 {
		return o, usagef("a page shows pairs: leave out the metrics of sets, or ask for --format json")
	}
	if _, err := os.Stat(filepath.Join(f.output, record.ManifestFile)); err == nil {
		return o, usagef("%s holds a run: name another directory with -o", f.output)
	}
	if o.keep, err = record.ParseKeep(f.keep); err != nil {
		return o, usagef("--keep-images: %w", err)
	}
	o.dir = f.output
	return o, nil
}

// scored is what a page of pairs is made of.
type scored struct {
	dirs       [2]string
	reader     *score.Reader
	pairs      []score.Pair
	scores     *score.Scores
	ids        []string
	provenance map[string]string
	workers    int
	seed       uint64
}

// scorePage writes scored pairs as a report, with the pictures of as many as are kept.
func (a *app) scorePage(ctx context.Context, s scored, o scorePageOptions) (err error) {
	drawing, err := openMetrics(ctx, quality.Maps(), nil, metrics.Config{Workers: s.workers})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, drawing.close()) }()
	run := s.run(o, drawing.metrics)
	kept := s.kept(o.keep)
	if err := wholefile.Folder(o.dir, record.ImagesDir); err != nil {
		return fmt.Errorf("making the directory of the page: %w", err)
	}
	var size int64
	for n, i := range kept {
		if err := ctx.Err(); err != nil {
			return err
		}
		cases, bytes, err := s.picture(o.dir, i, drawing.metrics)
		if err != nil {
			a.warnf("%s is not shown: %v", s.pairs[i].Name, err)
			continue
		}
		if size += bytes; n == 0 && len(kept) > shownPairs {
			a.logf("keeping the pictures of %s pairs (%s): about %s if all are like the first", format.Count(len(kept)), o.keep, format.Bytes(bytes*int64(len(kept))))
		}
		run.Cases = append(run.Cases, cases...)
	}
	files, err := reports.Write(ctx, []*summary.Run{run}, o.dir, reports.Options{})
	if err != nil {
		return fmt.Errorf("writing the page: %w", err)
	}
	a.logf("page: %s, pictures of %s pairs (%s)", files.HTML, format.Count(len(kept)), format.Bytes(size))
	return nil
}

const scoredAs = "clean" // the condition of pairs: nobody damaged them

// run is the scores as a run that reports can show.
func (s scored) run(o scorePageOptions, draw []metrics.Metric) *summary.Run {
	specs := specsByID()
	name, set := filepath.Base(filepath.Clean(s.dirs[1])), filepath.Base(filepath.Clean(s.dirs[0]))
	run := &summary.Run{Dir: o.dir, Complete: true}
	m := &run.Manifest
	m.Schema, m.Seed, m.Bootstrap, m.Provenance = record.SchemaVersion, s.seed, summary.DefaultBootstrap, s.provenance
	m.Suite = suite.Suite{ID: "score", Version: 1, Title: "Scored pairs", Question: "How close is " + s.dirs[1] + " to " + s.dirs[0] + "?", Metrics: s.ids, Headline: s.ids, ScoreAt: "input"}
	m.Datasets = []record.DatasetEntry{{Name: set, Spec: s.dirs[0], Items: len(s.pairs), Total: len(s.pairs), Info: datasets.Info{ID: set, Title: s.dirs[0]}}}
	m.Tokenizers = []record.TokenEntry{{Name: name, Kind: "folder", Info: tokenizers.Info{Name: name}}}
	m.Host = record.Host{Program: "vtbench " + version(), Started: time.Now().UTC().Format(time.RFC3339)}
	for _, x := range draw {
		spec := x.Specs()[0].Complete()
		m.Maps = append(m.Maps, record.Map{ID: spec.ID, Title: spec.Title})
	}
	for _, id := range s.ids {
		agg := s.scores.Aggregate[id]
		m.Metrics = append(m.Metrics, specs[id])
		run.Summary.Rows = append(run.Summary.Rows, summary.Row{
			Tokenizer: name, Suite: "score", Dataset: set, Condition: scoredAs, Metric: id,
			Mean: agg.Mean, Lo: agg.Lo, Hi: agg.Hi, N: agg.N, Clusters: agg.N, Dropped: agg.Dropped, Warnings: agg.Warnings,
		})
	}
	for i := range s.pairs {
		p := s.scores.Pairs.At(i)
		if p.Error != "" {
			run.Summary.Errors = append(run.Summary.Errors, summary.Failure{Tokenizer: name, Dataset: set, Item: p.Name, Condition: scoredAs, Error: p.Error})
		}
		for _, id := range slices.Sorted(maps.Keys(p.Errors)) {
			run.Summary.Errors = append(run.Summary.Errors, summary.Failure{Tokenizer: name, Dataset: set, Item: p.Name, Condition: scoredAs, Metric: id, Error: p.Errors[id]})
		}
		run.Cases = append(run.Cases, s.values(i, "", "", nil)...)
	}
	return run
}

// kept are the pairs whose pictures are shown, by index.
func (s scored) kept(keep record.Keep) []int {
	var out []int
	for i := range s.pairs {
		if s.scores.Pairs.At(i).Error == "" {
			out = append(out, i)
		}
	}
	if keep == record.KeepAll {
		return out
	}
	n := int(keep)
	if keep == record.KeepWorst {
		n = worstPairs
		id := s.ids[0]
		sign := 1.
		if specsByID()[id].Better == metrics.Lower {
			sign = -1
		}
		value := func(i int) float64 {
			p := s.scores.Pairs.At(i)
			if p.Notes[id] == "inf" {
				return sign * 1e300
			}
			return sign * float64(p.Metrics[id])
		}
		slices.SortStableFunc(out, func(i, j int) int { return cmp.Compare(value(i), value(j)) })
	}
	return out[:min(n, len(out))]
}

// values are a pair's values as cases: one a metric, with its pictures.
func (s scored) values(i int, original, distorted string, drawn map[string]string) []record.Case {
	p := s.scores.Pairs.At(i)
	var out []record.Case
	for _, id := range s.ids {
		v, ok := p.Metrics[id]
		if !ok {
			continue
		}
		if f, isNamed := (&record.Record{Note: p.Notes[id]}).Float(); isNamed {
			v = record.Number(f)
		}
		out = append(out, record.Case{
			Why: record.WhyImage, Tokenizer: filepath.Base(filepath.Clean(s.dirs[1])), Dataset: filepath.Base(filepath.Clean(s.dirs[0])),
			Item: p.Name, Condition: scoredAs, Metric: id, Value: &v, Original: original, Reconstruction: distorted, Maps: drawn,
		})
	}
	return out
}

// picture saves the pictures of a pair and says how many bytes they take.
func (s scored) picture(dir string, i int, draw []metrics.Metric) ([]record.Case, int64, error) {
	p := s.pairs[i]
	ref, err := s.reader.Read(p.Reference)
	if err != nil {
		return nil, 0, err
	}
	got, err := s.reader.Read(p.Distorted)
	if err != nil {
		return nil, 0, err
	}
	path := func(kind string) string { return fmt.Sprintf("%s/%s-%06d.png", record.ImagesDir, kind, i) }
	saved := []string{path("o"), path("d")}
	if err := errors.Join(ref.SavePNG(filepath.Join(dir, saved[0])), got.SavePNG(filepath.Join(dir, saved[1]))); err != nil {
		return nil, 0, err
	}
	drawn := map[string]string{}
	for _, m := range draw {
		mapper, ok := m.(metrics.Mapper)
		if !ok {
			continue
		}
		id := m.Specs()[0].ID
		img, err := metrics.Picture(mapper, ref, got)
		if err != nil || img.Empty() {
			continue // too small for this metric, say: a picture less
		}
		drawn[id] = path(id)
		if err := img.SavePNG(filepath.Join(dir, drawn[id])); err != nil {
			return nil, 0, err
		}
		saved = append(saved, drawn[id])
	}
	var size int64
	for _, name := range saved {
		if st, err := os.Stat(filepath.Join(dir, name)); err == nil {
			size += st.Size()
		} else if !errors.Is(err, fs.ErrNotExist) {
			return nil, 0, err
		}
	}
	return s.values(i, saved[0], saved[1], drawn), size, nil
}
