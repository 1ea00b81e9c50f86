package compare

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/vtbench/vtbench/bench/record"
	"github.com/vtbench/vtbench/bench/summary"
	"github.com/vtbench/vtbench/metrics"
)

// LoadOptions change how results are read.
type LoadOptions struct {
	// Kinds are the metrics that there are: they say what older files do not, and make
	// the values of whole sets of a run that was interrupted before its summary was
	// written.
	Kinds []metrics.Kind
	// Decisive leaves out what neither is a headline nor a rate, which is most of the
	// values of a run directory.
	Decisive bool
}

// A Selection is one side as the user writes it: PATH, or PATH#TOKENIZER.
type Selection struct {
	Path      string
	Tokenizer string // "" selects all; may be a family: "vq" for all "vq:…"
}

// ParseSelection splits PATH#TOKENIZER at the last # that leaves an existing path.
func ParseSelection(s string) Selection {
	if _, err := os.Stat(s); err == nil {
		return Selection{Path: s}
	}
	for i := len(s) - 1; i > 0; i-- {
		if s[i] != '#' {
			continue
		}
		if _, err := os.Stat(s[:i]); err == nil {
			return Selection{s[:i], s[i+1:]}
		}
	}
	path, tokenizer, _ := strings.Cut(s, "#")
	return Selection{path, tokenizer}
}

// Load reads a run directory or a baseline file.
func Load(path string, o LoadOptions) (*Results, error) {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s does not exist: name a run directory, a baseline file, or either with #TOKENIZER", path)
	}
	if err != nil {
		return nil, fmt.Errorf("reading results: %w", err)
	}
	if !info.IsDir() {
		if ext := strings.ToLower(filepath.Ext(path)); ext == ".csv" || ext == ".json" || ext == ".jsonl" {
			return nil, fmt.Errorf("%s is neither a run directory nor a baseline file: `vtbench baseline import` makes a baseline file of published results", path)
		}
		return loadBaseline(path, o.Kinds)
	}
	run, err := summary.Open(path, o.Kinds)
	if err != nil {
		return nil, err
	}
	return FromRunDir(run, o)
}

// FromRunDir reads the records of an opened run.
func FromRunDir(run *summary.Run, o LoadOptions) (*Results, error) {
	m := &run.Manifest
	h := Header{
		Source:   FromRun,
		Suite:    SuiteID{m.Suite.ID, m.Suite.Version, m.SuiteHash, m.Suite.Title},
		Headline: m.Suite.Headline, Worst: m.Suite.Worst, Metrics: m.Metrics, Seed: m.Seed,
		Made: m.Host.Started, Program: m.Host.Program, Partial: !run.Complete,
	}
	if m.Suite.Bins != nil {
		h.Bins = m.Suite.Bins.Names
	}
	for _, d := range m.Datasets {
		if id := m.Suite.Of[d.Spec].Worst; id != "" {
			if h.WorstOf == nil {
				h.WorstOf = map[string]string{}
			}
			h.WorstOf[d.Name] = id
		}
		for _, c := range d.Credits {
			if !slices.Contains(h.Credits, c) {
				h.Credits = append(h.Credits, c)
			}
		}
		h.Datasets = append(h.Datasets, DatasetID{d.Name, d.Info.Version, d.Info.Digest, d.Items, len(d.Clips)})
	}
	for _, t := range m.Tokenizers {
		h.Tokens = append(h.Tokens, TokenID{t.Name, t.Kind, t.Info.Version, t.Info.Weights, t.Info.Reference, t.Info.Clips != nil})
	}
	for k, v := range m.Provenance {
		h.Software = append(h.Software, KeyValue{k, v})
	}
	slices.SortFunc(h.Software, func(a, b KeyValue) int { return strings.Compare(a.Key, b.Key) })
	h.Shard = m.Shard
	b := NewBuilder(filepath.ToSlash(filepath.Clean(run.Dir)), h)
	b.r.Dir = run.Dir
	b.r.cases = run.Cases
	for rec, err := range record.Records(run.Dir) {
		if bad, ok := summary.BadLine(err); ok {
			b.r.Failures = append(b.r.Failures, bad)
			continue
		}
		if err != nil {
			return nil, err
		}
		if o.Decisive && rec.Metric != "" && !h.decides(rec.Metric) {
			rec.Metric = "" // its failure is kept
		}
		b.Add(&rec)
	}
	for _, row := range run.Summary.Rows {
		if s, ok := m.MetricSpec(row.Metric); ok && s.Scope.Whole() {
			b.r.corpus = append(b.r.corpus, corpusValue{row.Dataset, row.Tokenizer, row.Condition, row.Metric, row.Mean, row.N})
		}
	}
	return b.Results()
}
