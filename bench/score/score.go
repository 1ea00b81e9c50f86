// Package score measures pairs of files without a tokenizer: what `vtbench score` does.
//
// Its opinion: pixels are compared at one size or not at all, and a pair that cannot be
// scored stays in the result, with the reason.
package score

import (
	"context"
	"fmt"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/vtbench/vtbench/bench/record"
	"github.com/vtbench/vtbench/bench/summary"
	"github.com/vtbench/vtbench/internal/guard"
	"github.com/vtbench/vtbench/metrics"
	"github.com/vtbench/vtbench/metrics/stat"
)

// A Pair is a reference and a distorted image to score without a tokenizer.
type Pair struct {
	Name      string
	Reference string // file
	Distorted string // file
}

// PairScore is what was measured on one pair.
type PairScore struct {
	Name    string            `json:"name"`
	Metrics Values            `json:"metrics"`
	Notes   map[string]string `json:"notes,omitempty"`  // why a number is null: "inf", "nan"
	Errors  map[string]string `json:"errors,omitempty"` // metrics that could not be computed
	Error   string            `json:"error,omitempty"`  // the pair could not be read or compared
}

// Aggregate is one metric over all pairs.
type Aggregate struct {
	Mean     record.Number  `json:"mean"`
	Lo       record.Number  `json:"lo"`
	Hi       record.Number  `json:"hi"`
	N        int            `json:"n"`
	Dropped  map[string]int `json:"dropped,omitempty"`
	Warnings []string       `json:"warnings,omitempty"`
}

// Scores is the result of ScorePairs.
type Scores struct {
	Pairs     []PairScore          `json:"pairs"`
	Aggregate map[string]Aggregate `json:"aggregate"`
}

// Failed counts pairs with an error of any kind.
func (s *Scores) Failed() int {
	n := 0
	for _, p := range s.Pairs {
		if p.Error != "" || len(p.Errors) > 0 {
			n++
		}
	}
	return n
}

// Pairs computes image metrics on pairs of files, workers pairs at a time.
// A pair that cannot be scored is in the result with its error; the returned
// error concerns the whole.
func Pairs(ctx context.Context, rd *Reader, pairs []Pair, ms []metrics.Metric, ids []string, workers int, boot record.BootstrapConfig, seed uint64) (Scores, error) {
	out := Scores{Pairs: make([]PairScore, len(pairs)), Aggregate: map[string]Aggregate{}}
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(max(workers, 1))
	for i, p := range pairs {
		g.Go(func() error {
			out.Pairs[i] = scorePair(ctx, rd, p, ms, ids)
			return ctx.Err()
		})
	}
	if err := g.Wait(); err != nil {
		return Scores{}, err
	}
	plan, err := stat.NewPlan(max(len(pairs), 1), boot.Resamples, seed)
	if err != nil {
		return Scores{}, err
	}
	for _, id := range ids {
		a, err := aggregate(out.Pairs, id, plan, boot)
		if err != nil {
			return Scores{}, fmt.Errorf("summing up %s: %w", id, err)
		}
		out.Aggregate[id] = a
	}
	return out, nil
}

func scorePair(ctx context.Context, rd *Reader, p Pair, ms []metrics.Metric, ids []string) PairScore {
	s := PairScore{Name: p.Name}
	ref, err := rd.Read(p.Reference)
	if err != nil {
		s.Error = err.Error()
		return s
	}
	got, err := rd.Read(p.Distorted)
	if err != nil {
		s.Error = err.Error()
		return s
	}
	if ref.W != got.W || ref.H != got.H {
		s.Error = fmt.Sprintf("%s is %d×%d, %s is %d×%d: pixels can only be compared at one size; scale one of them first, and say how when you report the numbers",
			p.Reference, ref.W, ref.H, p.Distorted, got.W, got.H)
		return s
	}
	fail := func(specs []metrics.Spec, err error) {
		if s.Errors == nil {
			s.Errors = map[string]string{}
		}
		for _, spec := range specs {
			if slices.Contains(ids, spec.ID) {
				s.Errors[spec.ID] = err.Error()
			}
		}
	}
	for _, m := range ms {
		scorer, err := guard.Call("preparing "+m.Specs()[0].ID, func() (metrics.Scorer, error) {
			return m.Prepare(ctx, metrics.Reference{Item: p.Name, Image: ref})
		})
		if err != nil {
			fail(m.Specs(), err)
			continue
		}
		values, err := guard.Call("scoring "+m.Specs()[0].ID, func() ([]metrics.Value, error) { return scorer.Score(ctx, got) })
		if err != nil {
			fail(m.Specs(), err)
			continue
		}
		for _, v := range values {
			if !slices.Contains(ids, v.Metric) || v.Instance != "" {
				continue
			}
			s.Metrics = append(s.Metrics, Measured{v.Metric, record.Number(v.Value)})
			if n := record.NoteOf(v.Value); n != "" {
				if s.Notes == nil {
					s.Notes = map[string]string{}
				}
				s.Notes[v.Metric] = n
			}
		}
	}
	return s
}

func aggregate(pairs []PairScore, id string, plan *stat.Plan, boot record.BootstrapConfig) (Aggregate, error) {
	var a Aggregate
	ratio := stat.Ratio{Num: make([]float64, plan.Clusters()), Den: make([]float64, plan.Clusters())}
	drop := func(reason string) {
		if a.Dropped == nil {
			a.Dropped = map[string]int{}
		}
		a.Dropped[reason]++
	}
	for i, p := range pairs {
		v, ok := p.Metrics.Get(id)
		reason := record.Uncountable(float64(v))
		switch {
		case p.Error != "":
			reason = metrics.DropLoad
		case !ok:
			reason = metrics.DropFailed
		}
		if reason != "" {
			drop(reason)
			continue
		}
		ratio.Num[i], ratio.Den[i] = float64(v), 1
		a.N++
	}
	e, err := summary.Estimated(plan, stat.Single(ratio), a.N, boot)
	a.Mean, a.Lo, a.Hi, a.Warnings = e.Value, e.Lo, e.Hi, e.Warnings
	return a, err
}
