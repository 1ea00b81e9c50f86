package run_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/vtbench/vtbench/bench/record"
	"github.com/vtbench/vtbench/bench/summary"
	"github.com/vtbench/vtbench/metrics"
	"github.com/vtbench/vtbench/pix"
)

// faulty is a metric of whole images that fails at one of its stages.
type faulty struct{ stage string }

func (f faulty) Specs() []metrics.Spec {
	return []metrics.Spec{{ID: "faulty", Version: 1, Better: metrics.Higher, Scope: metrics.PerImage}}
}

func (f faulty) Prepare(context.Context, metrics.Reference) (metrics.Scorer, error) {
	switch f.stage {
	case "prepare":
		return nil, errors.New("no reference")
	case "prepare panics":
		panic("prepare")
	}
	return metrics.ScorerFunc(func(context.Context, pix.Image) ([]metrics.Value, error) {
		switch f.stage {
		case "score":
			return nil, errors.New("no score")
		case "score panics":
			panic("score")
		}
		return nil, nil // a value that is owed and withheld
	}), nil
}

func (f faulty) Damage(pix.Image, pix.Image) ([]float32, bool, error) { panic("damage") }

// faultyTokens is an observer that panics.
type faultyTokens struct{ tokens }

func (faultyTokens) Observe(metrics.Observation) ([]metrics.Value, string, error) { panic("observe") }

// A metric or observer that fails at any stage costs its own values, each counted,
// and nothing else of the item.
func TestFaultyMetricCostsItsOwnValues(t *testing.T) {
	for _, stage := range []string{"prepare", "prepare panics", "score", "score panics", "nothing"} {
		cfg := config(t, 4)
		cfg.Metrics = append(cfg.Metrics, faulty{stage})
		cfg.Suite.Metrics = append(slices.Clone(cfg.Suite.Metrics), "faulty")
		got := execute(t, cfg)
		row, ok := got.Summary.Find("original", "words", "clean@32", summary.BinAll, "faulty")
		if !ok || row.N != 0 || row.Dropped[metrics.DropFailed] != 4 {
			t.Errorf("%s: the row of the metric is %+v, %v; want 4 failed", stage, row, ok)
		}
		for _, id := range []string{"level", "mae"} {
			if row, ok := got.Summary.Find("original", "words", "clean@32", summary.BinAll, id); !ok || row.N == 0 {
				t.Errorf("%s: %s lost its values: %+v", stage, id, row)
			}
		}
	}
	cfg := config(t, 4)
	cfg.Observers = []metrics.Observer{faultyTokens{}}
	got := execute(t, cfg)
	if row, ok := got.Summary.Find("original", "words", "clean@32", summary.BinAll, "mae"); !ok || row.N != 4 {
		t.Errorf("an observer that panics costs the row of another metric: %+v", row)
	}
	if !slices.ContainsFunc(got.Summary.Errors, func(f summary.Failure) bool { return strings.Contains(f.Error, "observe") }) {
		t.Error("an observer that panicked is not among the failures")
	}
}

// fragile is level, but fails the way a metric does whose helper died.
type fragile struct {
	level
	item string // that it fails on
	err  error
}

func (f *fragile) Prepare(ctx context.Context, ref metrics.Reference) (metrics.Scorer, error) {
	s, err := f.level.Prepare(ctx, ref)
	if ref.Item != f.item || f.err == nil {
		return s, err
	}
	return metrics.ScorerFunc(func(context.Context, pix.Image) ([]metrics.Value, error) { return nil, f.err }), err
}

// What was lost with a helper is measured again when the run is resumed, and the run is
// then as if nothing had happened; what failed for itself is not.
func TestResumeMeasuresAgainWhatWasLost(t *testing.T) {
	sound := config(t, 7)
	sound.Batch = 2
	execute(t, sound)
	want := read(t, sound.Dir, record.RecordsFile)
	for name, tc := range map[string]struct {
		err   error
		again bool
	}{
		"a helper died": {fmt.Errorf("embedding: %w", metrics.ErrAgain), true},
		"a bad image":   {errors.New("no such thing"), false},
	} {
		cfg := config(t, 7)
		cfg.Batch = 2
		i := slices.IndexFunc(cfg.Metrics, func(m metrics.Metric) bool { _, ok := m.(level); return ok })
		broken := &fragile{item: cfg.Datasets[0].Data.IDs()[3], err: tc.err}
		cfg.Metrics[i] = broken
		execute(t, cfg)
		if bytes.Equal(read(t, cfg.Dir, record.RecordsFile), want) {
			t.Fatalf("%s: nothing failed", name)
		}
		broken.err = nil
		cfg.Resume = true
		execute(t, cfg)
		if mended := bytes.Equal(read(t, cfg.Dir, record.RecordsFile), want); mended != tc.again {
			t.Errorf("%s: after resuming, the run is as if nothing had happened: %v", name, mended)
		}
	}
}
