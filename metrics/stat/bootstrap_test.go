package stat

import (
	"encoding/json"
	"math"
	"os"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"
)

// near says whether two numbers agree to a relative or absolute tolerance.
func near(got, want, tol float64) bool {
	return got == want || math.IsNaN(got) && math.IsNaN(want) ||
		math.Abs(got-want) <= tol*max(1, math.Abs(want))
}

func readJSON(t testing.TB, path string, into any) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, into); err != nil {
		t.Fatalf("reading %s: %v", path, err)
	}
}

// The table is scipy.stats.bootstrap's, on resamples stored with it
// (testdata/bootstrap.py); tolerance: rounding.
func TestIntervalsAgreeWithScipy(t *testing.T) {
	var table struct {
		Clusters int
		Counts   []uint16
		Cases    []struct {
			Name         string
			Ratios       []Ratio
			Estimate, SE float64
			Percentile90 [2]float64 `json:"percentile0.9"`
			Percentile95 [2]float64 `json:"percentile0.95"`
			BCa90        [2]float64 `json:"bca0.9"`
			BCa95        [2]float64 `json:"bca0.95"`
		}
	}
	readJSON(t, "testdata/bootstrap.json", &table)
	plan := newPlanFromCounts(table.Clusters, table.Counts)
	if len(table.Cases) != 7 {
		t.Fatalf("the table has %d cases, want 7", len(table.Cases))
	}
	for _, c := range table.Cases {
		t.Run(c.Name, func(t *testing.T) {
			s := MeanOf(c.Ratios...)
			switch c.Name {
			case "paired difference":
				s = Difference(c.Ratios[:1], c.Ratios[1:])
			case "relative difference":
				s = relative(c.Ratios[0], c.Ratios[1])
			case "quotient of bins":
				s = Statistic{Ratios: c.Ratios, Of: func(v []float64) float64 { return quotient(v[0], v[1]) }}
			}
			for _, want := range []struct {
				method Method
				level  float64
				ends   [2]float64
			}{
				{Percentile, .9, c.Percentile90},
				{Percentile, .95, c.Percentile95},
				{BCa, .9, c.BCa90},
				{BCa, .95, c.BCa95},
			} {
				iv, err := plan.Interval(s, Options{Level: want.level, Method: want.method, Unadjusted: true})
				if err != nil {
					t.Fatal(err)
				}
				if iv.Method != want.method {
					t.Fatalf("method is %s, want %s", iv.Method, want.method)
				}
				for _, p := range [][2]float64{{iv.Estimate, c.Estimate}, {iv.SE, c.SE}, {iv.Lo, want.ends[0]}, {iv.Hi, want.ends[1]}} {
					if !near(p[0], p[1], 1e-12) {
						t.Errorf("%s %v: got [%v, %v] around %v (se %v), want [%v, %v] around %v (se %v)", want.method, want.level,
							iv.Lo, iv.Hi, iv.Estimate, iv.SE, want.ends[0], want.ends[1], c.Estimate, c.SE)
						break
					}
				}
			}
		})
	}
}

// The resamples of a seed are part of the contract: a stored interval must be
// reproducible by any later version. testdata/plan.py computes the same values
// from the documentation.
func TestPlanIsPinned(t *testing.T) {
	p, err := NewPlan(10, 3, 42)
	if err != nil {
		t.Fatal(err)
	}
	got := [][]uint16{p.Counts(0, nil), p.Counts(1, nil), p.Counts(2, nil)}
	want := [][]uint16{
		{1, 1, 1, 0, 0, 1, 0, 4, 1, 1},
		{0, 1, 1, 1, 1, 1, 2, 1, 0, 2},
		{0, 0, 1, 1, 2, 0, 1, 2, 3, 0},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("resamples changed (-want +got):\n%s", d)
	}
}

func TestPlanProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 60).Draw(t, "clusters")
		r := rapid.IntRange(1, 40).Draw(t, "resamples")
		seed := rapid.Uint64().Draw(t, "seed")
		p, err := NewPlan(n, r, seed)
		if err != nil {
			t.Fatal(err)
		}
		longer, err := NewPlan(n, r+7, seed)
		if err != nil {
			t.Fatal(err)
		}
		redrawn := &Plan{clusters: n, resamples: r, seed: seed}
		for i := range r {
			c := p.Counts(i, nil)
			sum := 0
			for _, x := range c {
				sum += int(x)
			}
			if sum != n {
				t.Fatalf("resample %d has %d clusters, want %d", i, sum, n)
			}
			if !slices.Equal(c, longer.Counts(i, nil)) {
				t.Fatalf("resample %d is another in a longer plan", i)
			}
			if !slices.Equal(c, redrawn.Counts(i, nil)) {
				t.Fatalf("resample %d is another when drawn again", i)
			}
		}
	})
}

// Every cluster is drawn equally often: with 4,000 resamples of 25 clusters a
// cluster's total has mean 4,000 and variance 4,000·(1−1/25).
func TestPlanIsUniform(t *testing.T) {
	const n, r = 25, 4000
	p, err := NewPlan(n, r, 7)
	if err != nil {
		t.Fatal(err)
	}
	totals := make([]float64, n)
	zeros := 0
	for i := range r {
		for c, k := range p.Counts(i, nil) {
			totals[c] += float64(k)
			if k == 0 {
				zeros++
			}
		}
	}
	chi2 := 0.0
	for _, x := range totals {
		chi2 += (x - r) * (x - r) / r
	}
	if chi2 > 52 { // the .999 quantile for 24 degrees of freedom is 51.2
		t.Errorf("chi-squared over clusters is %.1f", chi2)
	}
	want := math.Pow(1-1./n, n)
	if got := float64(zeros) / (n * r); math.Abs(got-want) > 0.005 {
		t.Errorf("share of clusters left out is %.4f, want %.4f", got, want)
	}
}

func TestLargePlanAgreesWithStored(t *testing.T) {
	const n, r = 300, 200
	stored, err := NewPlan(n, r, 3)
	if err != nil {
		t.Fatal(err)
	}
	redrawn := &Plan{clusters: n, resamples: r, seed: 3}
	stats := someStatistics(n, 5)
	var results [][]Interval
	for _, p := range []*Plan{stored, redrawn} {
		for _, workers := range []int{1, 3} {
			ivs, err := p.Intervals(stats, Options{Workers: workers})
			if err != nil {
				t.Fatal(err)
			}
			results = append(results, ivs)
		}
	}
	for i, r := range results[1:] {
		if d := cmp.Diff(results[0], r); d != "" {
			t.Errorf("variant %d differs:\n%s", i+1, d)
		}
	}
}

// someStatistics makes ratios whose values depend on the cluster in fixed ways.
func someStatistics(n, k int) []Statistic {
	var s stream
	s.seedStream(1, 99, 0)
	out := make([]Statistic, k)
	for j := range out {
		r := Ratio{Num: make([]float64, n), Den: make([]float64, n)}
		for i := range n {
			r.Den[i] = float64(1 + s.below(9))
			r.Num[i] = float64(s.below(1000)) / 1000 * r.Den[i]
		}
		out[j] = Single(r)
	}
	return out
}

func TestIntervalEdges(t *testing.T) {
	plan, err := NewPlan(30, 999, 1)
	if err != nil {
		t.Fatal(err)
	}
	full := make([]float64, 30)
	for i := range full {
		full[i] = float64(i % 7)
	}
	constant := slices.Repeat([]float64{0.1}, 30)
	zero := make([]float64, 30)
	lone, loneDen := make([]float64, 30), make([]float64, 30)
	lone[4], loneDen[4] = 3, 5
	pair, pairDen := make([]float64, 30), make([]float64, 30)
	pair[4], pairDen[4], pair[9], pairDen[9] = 3, 5, 1, 5
	for _, c := range []struct {
		name string
		s    Statistic
		want Interval
	}{
		{
			"all the same", Single(Ratio{Num: constant}),
			Interval{Estimate: .1, Lo: .1, Hi: .1, Level: .95, Method: BCa, Clusters: 30, Resamples: 999, Warnings: []Warning{WarnConstant}},
		},
		{
			"a baseline against itself", Difference([]Ratio{{Num: full}}, []Ratio{{Num: full}}),
			Interval{Level: .95, Method: BCa, Clusters: 30, Resamples: 999, Warnings: []Warning{WarnConstant}},
		},
		{
			"no data", MeanOf(Ratio{Num: full}, Ratio{Num: zero, Den: zero}),
			Interval{Estimate: math.NaN(), Lo: math.NaN(), Hi: math.NaN(), SE: math.NaN(), Level: .95, Method: BCa, Undefined: 999, Warnings: []Warning{WarnNoData}},
		},
		{
			"division by zero", relative(Ratio{Num: zero}, Ratio{Num: full}),
			Interval{Estimate: math.NaN(), Lo: math.NaN(), Hi: math.NaN(), SE: math.NaN(), Level: .95, Method: BCa, Clusters: 30, Undefined: 999, Warnings: []Warning{WarnNoData}},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := plan.Interval(c.s, Options{})
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(c.want, got, cmpopts.EquateNaNs(), cmpopts.EquateApprox(0, 1e-15)); d != "" {
				t.Errorf("(-want +got):\n%s", d)
			}
		})
	}
	t.Run("one cluster with data", func(t *testing.T) {
		got, err := plan.Interval(MeanOf(Ratio{Num: full}, Ratio{Num: lone, Den: loneDen}), Options{})
		if err != nil {
			t.Fatal(err)
		}
		if got.Method != Percentile || got.Clusters != 1 {
			t.Errorf("method %s on %d clusters, want the percentile method on 1", got.Method, got.Clusters)
		}
		if d := cmp.Diff([]Warning{WarnFewClusters, WarnUndefined, WarnFellBack}, got.Warnings); d != "" {
			t.Error(d)
		}
		// A cluster is missing from a resample of n with probability (1−1/n)^n.
		if share := float64(got.Undefined) / 999; math.Abs(share-math.Pow(29./30, 30)) > .05 {
			t.Errorf("%d of 999 resamples were left out", got.Undefined)
		}
	})
	t.Run("two clusters with data", func(t *testing.T) {
		got, err := plan.Interval(Single(Ratio{Num: pair, Den: pairDen}), Options{})
		if err != nil {
			t.Fatal(err)
		}
		if !(got.Lo >= .2 && got.Hi <= .6 && got.Lo < got.Hi && got.Estimate == .4) {
			t.Errorf("got %+v", got)
		}
	})
}

func TestIntervalErrors(t *testing.T) {
	plan, err := NewPlan(3, 9, 1)
	if err != nil {
		t.Fatal(err)
	}
	ok := []float64{1, 2, 3}
	for name, c := range map[string]struct {
		s    Statistic
		o    Options
		want string
	}{
		"length":     {Single(Ratio{Num: ok[:2]}), Options{}, "bootstrapping statistic 0, ratio 0: 2 numerators for a plan of 3 clusters"},
		"den length": {Single(Ratio{Num: ok, Den: ok[:2]}), Options{}, "bootstrapping statistic 0, ratio 0: 2 denominators for a plan of 3 clusters"},
		"nan":        {Single(Ratio{Num: []float64{1, math.NaN(), 2}}), Options{}, "bootstrapping statistic 0, ratio 0: numerator of cluster 1 is NaN: leave such values out before summing"},
		"inf":        {MeanOf(Ratio{Num: ok}, Ratio{Num: []float64{1, 2, math.Inf(1)}}), Options{}, "bootstrapping statistic 0, ratio 1: numerator of cluster 2 is +Inf: leave such values out before summing"},
		"negative":   {Single(Ratio{Num: ok, Den: []float64{1, -1, 1}}), Options{}, "bootstrapping statistic 0, ratio 0: denominator of cluster 1 is -1, must not be negative"},
		"no ratio":   {Statistic{}, Options{}, "bootstrapping statistic 0: it has no ratio"},
		"level":      {Single(Ratio{Num: ok}), Options{Level: 95}, "bootstrapping: confidence level is 95, must lie between 0 and 1 (0.95)"},
		"method":     {Single(Ratio{Num: ok}), Options{Method: "t"}, `bootstrapping: interval method is "t", must be "bca" or "percentile"`},
	} {
		if _, err := plan.Interval(c.s, c.o); err == nil || err.Error() != c.want {
			t.Errorf("%s: got %v, want %s", name, err, c.want)
		}
	}
	for _, c := range [][2]int{{0, 10}, {-1, 10}, {5, 0}, {math.MaxInt32 + 1, 1}} {
		if _, err := NewPlan(c[0], c[1], 1); err == nil {
			t.Errorf("NewPlan(%d, %d) did not fail", c[0], c[1])
		}
	}
}

// Invariants: scaling values scales the interval; swapping baseline and
// candidate turns it round; the estimate of a single ratio is the plain quotient;
// a ratio's order of clusters does not matter to anything but the draw.
func TestIntervalProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(2, 40).Draw(t, "n")
		base, cand, den := make([]float64, n), make([]float64, n), make([]float64, n)
		for i := range n {
			den[i] = float64(rapid.IntRange(0, 5).Draw(t, "den"))
			if den[i] > 0 {
				base[i] = float64(rapid.IntRange(0, 64).Draw(t, "base"))
				cand[i] = float64(rapid.IntRange(0, 64).Draw(t, "cand"))
			}
		}
		plan, err := NewPlan(n, 199, rapid.Uint64().Draw(t, "seed"))
		if err != nil {
			t.Fatal(err)
		}
		a, b := []Ratio{{base, den}}, []Ratio{{cand, den}}
		scaled := slices.Clone(base)
		for i := range scaled {
			scaled[i] *= 4 // exact in binary
		}
		for _, m := range []Method{Percentile, BCa} {
			ivs, err := plan.Intervals([]Statistic{Difference(a, b), Difference(b, a), Single(a[0]), Single(Ratio{scaled, den})}, Options{Method: m})
			if err != nil {
				t.Fatal(err)
			}
			d, r, s, s4 := ivs[0], ivs[1], ivs[2], ivs[3]
			if !near(d.Lo, -r.Hi, 1e-9) || !near(d.Hi, -r.Lo, 1e-9) || !near(d.Estimate, -r.Estimate, 1e-12) {
				t.Fatalf("%s: difference %+v, reversed %+v", m, d, r)
			}
			if !near(s4.Lo, 4*s.Lo, 1e-12) || !near(s4.Hi, 4*s.Hi, 1e-12) {
				t.Fatalf("%s: interval %+v, of fourfold values %+v", m, s, s4)
			}
			if s.Lo > s.Hi || d.Lo > d.Hi {
				t.Fatalf("%s: interval runs backwards: %+v %+v", m, s, d)
			}
		}
	})
}

// The widened percentile interval reaches to the quantiles at
// Φ(±√(n/(n−1))·t(n−1)); scipy 1.17.1: norm.cdf(-(10/9)**.5*t.ppf(.975, 9)) and so on.
func TestWidening(t *testing.T) {
	for _, c := range []struct {
		clusters int
		level    float64
	}{{10, 0.008550639}, {20, 0.015880830}, {240, 0.024187670}} {
		if got := normalCDF(-Options{Level: .95}.deviate(c.clusters)); math.Abs(got-c.level) > 1e-9 {
			t.Errorf("%d clusters: the lower end is at %.9f, want %.9f", c.clusters, got, c.level)
		}
	}
	for _, n := range []int{0, 1} {
		if got := (Options{Level: .95}).deviate(n); math.Abs(got-1.959963985) > 1e-9 {
			t.Errorf("%d clusters: deviate %v", n, got)
		}
	}
}

func TestFromReplicates(t *testing.T) {
	reps := []float64{math.NaN(), 3, 1, 2, 5, 4, math.Inf(1)}
	got, err := FromReplicates(3, reps, 40, Options{Level: .5, Method: BCa, Unadjusted: true})
	if err != nil {
		t.Fatal(err)
	}
	want := Interval{Estimate: 3, Lo: 2, Hi: 4, Level: .5, SE: math.Sqrt(2.5), Method: Percentile, Clusters: 40, Resamples: 5, Undefined: 2, Warnings: []Warning{WarnUndefined, WarnExtreme}}
	if d := cmp.Diff(want, got, cmpopts.EquateApprox(0, 1e-15)); d != "" {
		t.Error(d)
	}
	if !math.IsNaN(reps[0]) {
		t.Error("the caller's replicates were changed")
	}
}

func TestSubset(t *testing.T) {
	counts := make([]int, 10)
	const draws = 5000
	for i := range draws {
		s, err := Subset(10, 4, 3, i)
		if err != nil {
			t.Fatal(err)
		}
		again, err := Subset(10, 4, 3, i)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(s, again) || len(s) != 4 {
			t.Fatalf("%v and %v", s, again)
		}
		slices.Sort(s)
		if len(slices.Compact(s)) != 4 {
			t.Fatalf("%v has a number twice", s)
		}
		for _, x := range s {
			counts[x]++
		}
	}
	for x, n := range counts { // binomial: mean 2000, standard deviation 35
		if n < 1850 || n > 2150 {
			t.Errorf("%d was drawn %d times of %d", x, n, draws)
		}
	}
	if _, err := Subset(3, 4, 0, 0); err == nil {
		t.Error("4 out of 3")
	}
}

func TestQuantile(t *testing.T) {
	// numpy.quantile([1, 2, 4, 8], p)
	for _, c := range [][2]float64{{0, 1}, {.1, 1.3}, {.5, 3}, {.9, 6.8}, {1, 8}, {-1, 1}, {2, 8}} {
		if got := Quantile([]float64{1, 2, 4, 8}, c[0]); !near(got, c[1], 1e-15) {
			t.Errorf("quantile %v is %v, want %v", c[0], got, c[1])
		}
	}
	if got := Quantile(nil, .5); !math.IsNaN(got) {
		t.Errorf("quantile of nothing is %v", got)
	}
}

// BenchmarkIntervals: 500 rows of 240 clusters, 2,000 resamples, BCa. The floor
// is 500·2000·240 conversions and 2 multiply-adds each: 2.4e8 × 3 operations,
// about 0.25 s on one core at one element a nanosecond.
func BenchmarkIntervals(b *testing.B) {
	plan, err := NewPlan(240, 2000, 1)
	if err != nil {
		b.Fatal(err)
	}
	stats := someStatistics(240, 500)
	b.SetBytes(500 * 2000 * 240 * 2)
	for b.Loop() {
		if _, err := plan.Intervals(stats, Options{}); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkIntervalLarge: a paired difference over 100,000 clusters, 9,999
// resamples: 1e9 random draws into 200 kB of counts, and as many multiply-adds.
func BenchmarkIntervalLarge(b *testing.B) {
	const n = 100_000
	plan, err := NewPlan(n, DefaultResamples, 1)
	if err != nil {
		b.Fatal(err)
	}
	s := someStatistics(n, 1)[0]
	s.Ratios[0].Den = nil
	b.SetBytes(n * DefaultResamples * 2)
	for b.Loop() {
		if _, err := plan.Interval(s, Options{}); err != nil {
			b.Fatal(err)
		}
	}
}

// relative is the difference of two ratios as a fraction of the first: a statistic that is
// neither linear nor always defined.
func relative(baseline, candidate Ratio) Statistic {
	return Statistic{
		Ratios: []Ratio{baseline, candidate},
		Of:     func(v []float64) float64 { return quotient(v[1]-v[0], math.Abs(v[0])) },
	}
}
