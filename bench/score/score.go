// Package score measures pairs of images without a tokenizer: what `vtbench score` does.
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
	"github.com/vtbench/vtbench/pix"
)

// A Pair is a reference and a distorted image to score without a tokenizer.
type Pair struct {
	Name      string
	Reference string // file, or what messages call the image
	Distorted string // file, or what messages call the image
	// Images are reference and distorted where they are in memory; nil where they are files.
	Images [2]*pix.Image
}

// read returns reference and distorted image.
func (p Pair) read(rd *Reader) (ref, got pix.Image, err error) {
	if ref, err = rd.image(p.Images[0], p.Reference); err == nil {
		got, err = rd.image(p.Images[1], p.Distorted)
	}
	return ref, got, err
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

// Scores is the result of [Pairs].
type Scores struct {
	Pairs     *PairScores
	Aggregate map[string]Aggregate // by metric
}

// Pairs computes image metrics on pairs of images, workers pairs at a time.
// A pair that cannot be scored is in the result with its error; the returned
// error concerns the whole.
func Pairs(ctx context.Context, rd *Reader, pairs []Pair, ms []metrics.Metric, ids []string, workers int, boot record.BootstrapConfig, seed uint64) (Scores, error) {
	each, err := Each(ctx, rd, pairs, ms, ids, workers)
	if err != nil {
		return Scores{}, err
	}
	out := Scores{Pairs: each, Aggregate: map[string]Aggregate{}}
	plan, err := stat.NewPlan(max(len(pairs), 1), boot.Resamples, seed)
	if err != nil {
		return Scores{}, err
	}
	for k, id := range ids {
		a, err := out.Pairs.aggregate(k, plan, boot)
		if err != nil {
			return Scores{}, fmt.Errorf("summing up %s: %w", id, err)
		}
		out.Aggregate[id] = a
	}
	return out, nil
}

// Each is [Pairs] without means and intervals.
func Each(ctx context.Context, rd *Reader, pairs []Pair, ms []metrics.Metric, ids []string, workers int) (*PairScores, error) {
	out := newPairScores(pairs, ids)
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(max(workers, 1))
	for i, p := range pairs {
		g.Go(func() error {
			scorePair(ctx, rd, p, ms, out, i)
			return ctx.Err()
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	return out, nil
}

// scorePair scores pair i.
func scorePair(ctx context.Context, rd *Reader, p Pair, ms []metrics.Metric, out *PairScores, i int) {
	ref, got, err := p.read(rd)
	if err != nil {
		out.fail(i, "", err.Error())
		return
	}
	if ref.W != got.W || ref.H != got.H {
		out.fail(i, "", fmt.Sprintf("%s is %d×%d, %s is %d×%d: pixels can only be compared at one size; scale one of them first, and say how when you report the numbers",
			p.Reference, ref.W, ref.H, p.Distorted, got.W, got.H))
		return
	}
	for _, m := range ms {
		specs := m.Specs()
		values, err := guard.Call("scoring "+specs[0].ID, func() ([]metrics.Value, error) {
			scorer, err := m.Prepare(ctx, metrics.Reference{Item: p.Name, Image: ref})
			if err != nil {
				return nil, err
			}
			return scorer.Score(ctx, got)
		})
		if err != nil {
			for _, s := range specs {
				out.fail(i, s.ID, err.Error())
			}
			continue
		}
		for _, v := range values {
			switch {
			case v.Instance != "":
			case v.Err != "":
				out.fail(i, v.Metric, v.Err)
			default:
				out.set(i, v.Metric, v.Value)
			}
		}
		for _, s := range specs {
			if s.Scope == metrics.PerImage && !slices.ContainsFunc(values, func(v metrics.Value) bool { return v.Metric == s.ID }) {
				out.fail(i, s.ID, "the metric yielded no value")
			}
		}
	}
}

// aggregate sums up column k.
func (p *PairScores) aggregate(k int, plan *stat.Plan, boot record.BootstrapConfig) (Aggregate, error) {
	var a Aggregate
	ratio := stat.Ratio{Num: make([]float64, plan.Clusters()), Den: make([]float64, plan.Clusters())}
	for i := range p.pairs {
		v := p.values[i*len(p.ids)+k]
		reason := record.Uncountable(v)
		switch {
		case p.faults[i].whole != "":
			reason = metrics.DropLoad
		case !p.have[i*len(p.ids)+k]:
			reason = metrics.DropFailed
		}
		if reason != "" {
			if a.Dropped == nil {
				a.Dropped = map[string]int{}
			}
			a.Dropped[reason]++
			continue
		}
		ratio.Num[i], ratio.Den[i] = v, 1
		a.N++
	}
	e, err := summary.Estimated(plan, stat.Single(ratio), a.N, boot)
	a.Mean, a.Lo, a.Hi, a.Warnings = e.Value, e.Lo, e.Hi, e.Warnings
	return a, err
}
