package stat

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// means are statistics of one value a cluster.
func means(values [][]float64) []Statistic {
	out := make([]Statistic, len(values))
	for i, v := range values {
		out[i] = Single(Ratio{Num: v})
	}
	return out
}

func TestRanksByHand(t *testing.T) {
	plan, err := NewPlan(40, 999, 1)
	if err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(1, 2))
	base := make([]float64, 40)
	for i := range base {
		base[i] = 30 + 4*r.NormFloat64()
	}
	shifted := func(by, noise float64) []float64 {
		out := make([]float64, len(base))
		for i := range out {
			out[i] = base[i] + by + noise*r.NormFloat64()
		}
		return out
	}
	none := Statistic{Ratios: []Ratio{{Num: make([]float64, 40), Den: make([]float64, 40)}}}
	values := [][]float64{base, shifted(5, .1), base, shifted(-5, .1), shifted(1, 0)}
	for _, tc := range []struct {
		higher bool
		want   []RankSet
	}{
		// Equal ones share a rank, and either may be before the other. One that is better by
		// the same on every image is better.
		{true, []RankSet{{3, 3, 4}, {1, 1, 1}, {3, 3, 4}, {5, 5, 5}, {2, 2, 2}, {}}},
		{false, []RankSet{{2, 2, 3}, {5, 5, 5}, {2, 2, 3}, {1, 1, 1}, {4, 4, 4}, {}}},
	} {
		got, err := plan.Ranks(append(means(values), none), tc.higher, Options{})
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(got, tc.want) {
			t.Errorf("higher %v: %v, want %v", tc.higher, got, tc.want)
		}
	}
	one, err := NewPlan(1, 99, 1)
	if err != nil {
		t.Fatal(err)
	}
	got, err := one.Ranks(means([][]float64{{1}, {2}}), true, Options{})
	if err != nil || !slices.Equal(got, []RankSet{{2, 1, 2}, {1, 1, 2}}) {
		t.Errorf("one image gives %v, %v: it excludes no rank", got, err)
	}
	if got, err := plan.Ranks(means(values[:1]), true, Options{}); err != nil || !slices.Equal(got, []RankSet{{1, 1, 1}}) {
		t.Errorf("one alone has %v, %v", got, err)
	}
	if got, err := plan.Ranks(nil, true, Options{}); err != nil || len(got) != 0 {
		t.Errorf("none have %v, %v", got, err)
	}
}

// The ranks belong to the statistics, in whatever order these come, and turn around with
// the direction.
func TestRanksFollowTheirStatistics(t *testing.T) {
	plan, err := NewPlan(12, 199, 1)
	if err != nil {
		t.Fatal(err)
	}
	rapid.Check(t, func(rt *rapid.T) {
		n := rapid.IntRange(2, 6).Draw(rt, "n")
		values := make([][]float64, n)
		for i := range values {
			values[i] = rapid.SliceOfN(rapid.Float64Range(-3, 3), 12, 12).Draw(rt, "values")
		}
		order := rapid.Permutation(slices.Collect(func(yield func(int) bool) {
			for i := range n {
				if !yield(i) {
					return
				}
			}
		})).Draw(rt, "order")
		shuffled := make([][]float64, n)
		for i, k := range order {
			shuffled[i] = values[k]
		}
		a, err := plan.Ranks(means(values), true, Options{})
		if err != nil {
			rt.Fatal(err)
		}
		b, err := plan.Ranks(means(shuffled), true, Options{})
		if err != nil {
			rt.Fatal(err)
		}
		down, err := plan.Ranks(means(values), false, Options{})
		if err != nil {
			rt.Fatal(err)
		}
		for i, k := range order {
			if b[i] != a[k] {
				rt.Fatalf("%v in another order has %v", a[k], b[i])
			}
		}
		for i := range a {
			if a[i].Lo > a[i].Rank || a[i].Hi < a[i].Rank {
				rt.Fatalf("rank set %v does not hold its rank", a[i])
			}
			if a[i].Lo != n+1-down[i].Hi || a[i].Hi != n+1-down[i].Lo {
				rt.Fatalf("%v is %v with the direction turned", a[i], down[i])
			}
		}
	})
}

// Rank sets hold the true rank, or of equal ones every rank that they share, in 95 % of
// data sets; quantiles of the ranks in the resamples do not.
func TestSimulationRanks(t *testing.T) {
	ns, sims, resamples := []int{40}, 100, 399
	if *simulations > 0 {
		ns, sims, resamples = []int{10, 20, 60, 240}, *simulations, 999
	}
	for _, model := range []struct {
		name  string
		truth []float64
	}{
		{"ten equal", make([]float64, 10)},
		{"two groups", []float64{0, 0, 0, 0, 0, 1, 1, 1, 1, 1}},
		{"even steps", []float64{0, .1, .2, .3, .4, .5, .6, .7, .8, .9}},
	} {
		for _, n := range ns {
			plan, err := NewPlan(n, resamples, 7)
			if err != nil {
				t.Fatal(err)
			}
			var sets, quantiles, width int
			for sim := range sims {
				r := rand.New(rand.NewPCG(uint64(sim), uint64(n)))
				values := make([][]float64, len(model.truth))
				for i := range values {
					values[i] = make([]float64, n)
				}
				for c := range n {
					hard := 2 * r.NormFloat64()
					for i, mu := range model.truth {
						values[i][c] = mu + hard + r.NormFloat64()
					}
				}
				got, err := plan.Ranks(means(values), true, Options{})
				if err != nil {
					t.Fatal(err)
				}
				naive := quantileRanks(t, plan, values)
				for i, mu := range model.truth {
					lo, hi := 1, 0
					for _, other := range model.truth {
						if other > mu {
							lo++
						}
						if other >= mu {
							hi++
						}
					}
					if got[i].Lo <= lo && got[i].Hi >= hi {
						sets++
					}
					if naive[i].Lo <= lo && naive[i].Hi >= hi {
						quantiles++
					}
					width += got[i].Hi - got[i].Lo + 1
				}
			}
			all := float64(sims * len(model.truth))
			share := float64(sets) / all
			t.Logf("| %s | %d | %.1f %% | %.1f %% | %.1f |", model.name, n, 100*share, 100*float64(quantiles)/all, float64(width)/all)
			least := .95 - 4*math.Sqrt(.95*.05/float64(sims))
			if n < FewClusters {
				least -= .04
			}
			if share < least {
				t.Errorf("%s, %d clusters: the true ranks are in %.1f %% of the sets", model.name, n, 100*share)
			}
			if model.name == "ten equal" && *simulations > 0 && quantiles > sets/2 {
				t.Errorf("quantiles of ranks hold in %s: the comment of Ranks is wrong", fmt.Sprint(float64(quantiles)/all))
			}
		}
	}
}

// quantileRanks are the 2.5 and 97.5 % quantiles of the ranks in the resamples.
func quantileRanks(t *testing.T, plan *Plan, values [][]float64) []RankSet {
	t.Helper()
	reps := make([][]float64, len(values))
	for i, s := range means(values) {
		var err error
		if reps[i], err = plan.Replicates(s); err != nil {
			t.Fatal(err)
		}
	}
	out := make([]RankSet, len(values))
	ranks := make([]float64, plan.Resamples())
	for i := range values {
		for r := range ranks {
			ranks[r] = 1
			for j := range values {
				if reps[j][r] > reps[i][r] {
					ranks[r]++
				}
			}
		}
		slices.Sort(ranks)
		out[i] = RankSet{Lo: int(Quantile(ranks, .025)), Hi: int(math.Ceil(Quantile(ranks, .975)))}
	}
	return out
}
