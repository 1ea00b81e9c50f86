package run_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

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
