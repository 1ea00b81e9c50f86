package stat

import (
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/mathext"
)

// A RankSet is where one of several statistics stands among all: 1 is the best.
type RankSet struct {
	// Rank is 1 and the number of those whose estimate is better; equal estimates share
	// one. It is 0 where the statistic has no value.
	Rank int
	// Lo and Hi are the best and the worst rank that the data does not exclude.
	Lo, Hi int
}

// Ranks orders statistics of the same clusters, and says of each which ranks the data
// does not exclude: 1 and the number of those that are surely better, to all less those
// that are surely worse. Surely is said of all others at once: the differences from one
// statistic to the others have simultaneous intervals, from the largest studentised
// difference of each resample (Mogstad, Romano, Shaikh and Wilhelm 2024, "Inference for
// Ranks", the marginal confidence set with two-sided intervals), widened for few clusters
// as [Options] says. So the set of one statistic holds its true rank with about the level
// or more, and where true values are equal, every rank that they share.
//
// Quantiles of the ranks in the resamples are what is usually shown. They are too
// narrow where values are close: of ten equal statistics that happened to come out on top
// keeps near the top in most resamples (docs/statistics.md has the coverage of both).
//
// Statistics without a value have no rank and stand in nobody's way.
func (p *Plan) Ranks(stats []Statistic, higher bool, opts Options) ([]RankSet, error) {
	opts, err := opts.resolve()
	if err != nil {
		return nil, fmt.Errorf("ranking: %w", err)
	}
	out := make([]RankSet, len(stats))
	estimates := make([]float64, len(stats))
	var has []int
	clusters := math.MaxInt
	scale := 0.0
	for i, s := range stats {
		values := make([]float64, len(s.Ratios))
		support := math.MaxInt
		for j, r := range s.Ratios {
			if err := r.check(p.clusters); err != nil {
				return nil, fmt.Errorf("ranking statistic %d, ratio %d: %w", i, j, err)
			}
			values[j] = r.Value()
			support = min(support, r.support())
		}
		if estimates[i] = s.apply(values); !notFinite(estimates[i]) {
			has = append(has, i)
			clusters = min(clusters, support)
			scale = max(scale, largest(values))
		}
		if !higher {
			estimates[i] = -estimates[i]
		}
	}
	if len(has) == 0 {
		return out, nil
	}
	ranked := make([]Statistic, len(has))
	for k, i := range has {
		ranked[k] = stats[i]
	}
	reps, err := p.replicates(ranked, opts.Workers)
	if err != nil {
		return nil, fmt.Errorf("ranking: %w", err)
	}
	c := contest{noise: rounding * scale, widen: 1, level: opts.Level, of: make([]contestant, len(has))}
	for k, i := range has {
		c.of[k] = contestant{estimates[i], reps[k*p.resamples : (k+1)*p.resamples]}
		if !higher {
			for r := range c.of[k].reps {
				c.of[k].reps[r] = -c.of[k].reps[r]
			}
		}
	}
	if clusters > 1 {
		c.widen = opts.deviate(clusters) / mathext.NormalQuantile((1+opts.Level)/2)
	}
	parallel(len(has), opts.Workers, func(_, k int) {
		out[has[k]] = c.set(k)
		if clusters < 2 {
			out[has[k]].Lo, out[has[k]].Hi = 1, len(has) // one image says nothing about others
		}
	})
	return out, nil
}

// contestant is an estimate with its values in the resamples; larger is better.
type contestant struct {
	estimate float64
	reps     []float64
}

type contest struct {
	of           []contestant
	noise        float64 // by how much sums of another order may differ
	widen, level float64
}

// set is the rank set of one contestant.
func (c *contest) set(i int) RankSet {
	me := c.of[i]
	s := RankSet{Rank: 1, Lo: 1, Hi: len(c.of)}
	most := make([]float64, len(me.reps)) // by resample, the largest studentised difference
	errs := make([]float64, len(c.of))
	diffs := make([]float64, 0, len(me.reps))
	for j, other := range c.of {
		d := other.estimate - me.estimate
		if d > c.noise {
			s.Rank++
		}
		if j == i {
			continue
		}
		diffs = diffs[:0]
		for r, x := range other.reps {
			if v := x - me.reps[r]; !notFinite(v) {
				diffs = append(diffs, v)
			}
		}
		if len(diffs) == 0 || slices.Max(diffs)-slices.Min(diffs) <= c.noise {
			continue // the same difference in every resample
		}
		errs[j] = stdDev(diffs)
		for r, x := range other.reps {
			if v := math.Abs(x-me.reps[r]-d) / errs[j]; v > most[r] { // false for NaN
				most[r] = v
			}
		}
	}
	slices.Sort(most)
	critical := c.widen * Quantile(most, c.level)
	for j, other := range c.of {
		if j == i {
			continue
		}
		switch d := other.estimate - me.estimate; {
		case math.Abs(d) <= c.noise:
		case d > critical*errs[j]:
			s.Lo++
		case -d > critical*errs[j]:
			s.Hi--
		}
	}
	return s
}
