package stat

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"
)

// testTable is testdata/tests.json, made by testdata/tests.py with scipy 1.17.1
// and bjontegaard 1.3.0.
type testTable struct {
	Paired []struct {
		Name            string
		Differences     []float64
		Statistic       map[Zeros]float64
		Normal          map[Zeros]float64
		NormalCorrected map[Zeros]float64 `json:"normal_corrected"`
		Exact           map[Zeros]float64
		SignFlip        *float64 `json:"sign_flip"`
		RankBiserial    float64  `json:"rank_biserial"`
		DZ              *float64
	}
	P, BH []float64
	Cliff struct {
		A, B  []float64
		Delta float64
	}
	Power [][3]float64
	BD    []struct {
		Name                string
		Baseline, Candidate [][2]float64
		Rate, Quality       map[Interpolation]float64
	}
}

func readTests(t *testing.T) testTable {
	t.Helper()
	var table testTable
	readJSON(t, "testdata/tests.json", &table)
	return table
}

func TestPairedTestsAgreeWithScipy(t *testing.T) {
	table := readTests(t).Paired
	if len(table) != 10 {
		t.Fatalf("the table has %d samples, want 10", len(table))
	}
	for _, c := range table {
		t.Run(c.Name, func(t *testing.T) {
			for _, z := range []Zeros{Pratt, ZSplit, Wilcox} {
				for _, v := range []struct {
					opts WilcoxonOptions
					want map[Zeros]float64
				}{
					{WilcoxonOptions{Zeros: z, How: Normal}, c.Normal},
					{WilcoxonOptions{Zeros: z, How: Normal, Correction: true}, c.NormalCorrected},
					{WilcoxonOptions{Zeros: z, How: Exact}, c.Exact},
				} {
					want, ok := v.want[z]
					if !ok {
						continue
					}
					got, err := Wilcoxon(c.Differences, v.opts)
					if err != nil {
						t.Fatal(err)
					}
					if !near(got.P, want, 1e-12) || got.How != v.opts.How || !near(got.Statistic, c.Statistic[z], 1e-12) {
						t.Errorf("%+v: %+v, want statistic %v, p %v", v.opts, got, c.Statistic[z], want)
					}
				}
			}
			if c.SignFlip != nil {
				got, err := SignFlip(c.Differences, SignFlipOptions{})
				if err != nil {
					t.Fatal(err)
				}
				if got.How != Exact || !near(got.P, *c.SignFlip, 1e-14) {
					t.Errorf("sign flip: %+v, want p %v", got, *c.SignFlip)
				}
			}
			if got := RankBiserial(c.Differences); !near(got, c.RankBiserial, 1e-14) {
				t.Errorf("rank-biserial correlation %v, want %v", got, c.RankBiserial)
			}
			if c.DZ != nil {
				if got := CohenDZ(c.Differences); !near(got, *c.DZ, 1e-13) {
					t.Errorf("d_z %v, want %v", got, *c.DZ)
				}
			}
		})
	}
}

// Values of scipy's own tests (test_morestats.py, TestWilcoxon: accuracy and
// Darwin's plants), normal approximation without correction; tolerance: the digits
// given there.
func TestPublishedWilcoxon(t *testing.T) {
	var x []float64
	for i, n := range []int{1, 4, 16, 15, 8, 4, 5, 1, 2} {
		x = append(x, slices.Repeat([]float64{float64(i - 4)}, n)...)
	}
	for _, c := range []struct {
		zeros Zeros
		t, p  float64
	}{{Pratt, 423, .0031724568}, {ZSplit, 441, .0032145343}, {Wilcox, 327, .0064134612}} {
		got, err := Wilcoxon(x, WilcoxonOptions{Zeros: c.zeros, How: Normal})
		if err != nil {
			t.Fatal(err)
		}
		if got.Statistic != c.t || math.Abs(got.P-c.p) > 5e-11 || got.N != 48 || got.Zeros != 8 {
			t.Errorf("%s: %+v, want T %v, p %v", c.zeros, got, c.t, c.p)
		}
	}
	darwin := []float64{6, 8, 14, 16, 23, 24, 28, 29, 41, -48, 49, 56, 60, -67, 75}
	got, err := Wilcoxon(darwin, WilcoxonOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(Test{P: .041259765625, Statistic: 24, N: 15, How: Exact}, got); d != "" {
		t.Error(d)
	}
	// Fisher's randomisation test of the same plants, The Design of Experiments.
	flip, err := SignFlip(darwin, SignFlipOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(Test{P: .05267333984375, Statistic: 314, N: 15, How: Exact}, flip); d != "" {
		t.Error(d)
	}
}

// Benjamini and Hochberg's example (1995, section 4.1) and its Holm values;
// tolerance: the digits published.
func TestPublishedCorrections(t *testing.T) {
	p := []float64{.0001, .0004, .0019, .0095, .0201, .0278, .0298, .0344, .0459, .324, .4262, .5719, .6528, .759, 1}
	bh := []float64{.0015, .003, .0095, .035625, .0603, .06385714, .06385714, .0645, .0765, .486, .58118182, .714875, .75323077, .81321429, 1}
	holm := []float64{.0015, .0056, .0247, .114, .2211, .278, .278, .278, .3213, 1, 1, 1, 1, 1, 1}
	if d := cmp.Diff(bh, BenjaminiHochberg(p), cmpopts.EquateApprox(0, 5e-9)); d != "" {
		t.Errorf("Benjamini–Hochberg:\n%s", d)
	}
	if d := cmp.Diff(holm, Holm(p), cmpopts.EquateApprox(0, 1e-12)); d != "" {
		t.Errorf("Holm:\n%s", d)
	}
	nan := math.NaN()
	mixed := []float64{nan, .04, .01, nan, .03}
	if d := cmp.Diff([]float64{nan, .06, .03, nan, .06}, Holm(mixed), cmpopts.EquateNaNs(), cmpopts.EquateApprox(0, 1e-15)); d != "" {
		t.Errorf("Holm with gaps:\n%s", d)
	}
	if d := cmp.Diff([]float64{nan, .04, .03, nan, .04}, BenjaminiHochberg(mixed), cmpopts.EquateNaNs(), cmpopts.EquateApprox(0, 1e-15)); d != "" {
		t.Errorf("Benjamini–Hochberg with gaps:\n%s", d)
	}
	table := readTests(t)
	if d := cmp.Diff(table.BH, BenjaminiHochberg(table.P), cmpopts.EquateApprox(0, 1e-14)); d != "" {
		t.Errorf("against scipy:\n%s", d)
	}
}

func TestCorrectionProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := rapid.SliceOfN(rapid.Float64Range(0, 1), 1, 30).Draw(t, "p")
		order := rapid.Permutation(seq(len(p))).Draw(t, "order")
		shuffled := make([]float64, len(p))
		for i, k := range order {
			shuffled[i] = p[k]
		}
		for name, f := range map[string]func([]float64) []float64{"holm": Holm, "bh": BenjaminiHochberg} {
			a, b := f(p), f(shuffled)
			for i, k := range order {
				if a[k] != b[i] {
					t.Fatalf("%s depends on the order", name)
				}
			}
			for i := range p {
				if a[i] < p[i] || a[i] > 1 {
					t.Fatalf("%s: %v became %v", name, p[i], a[i])
				}
				for j := range p {
					if p[i] < p[j] && a[i] > a[j] {
						t.Fatalf("%s turned the order round", name)
					}
				}
			}
		}
		for i, h := range Holm(p) {
			if h < BenjaminiHochberg(p)[i]*(1-1e-12) {
				t.Fatal("Holm is less strict than Benjamini–Hochberg")
			}
		}
	})
}

func seq(n int) []int {
	out := make([]int, n)
	for i := range out {
		out[i] = i
	}
	return out
}

// Meeting in the middle counts what brute force counts, with ties among sums.
func TestSignFlipExact(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ds := rapid.SliceOfN(rapid.Map(rapid.IntRange(-6, 6), func(i int) float64 { return float64(i) / 10 }), 1, 12).Draw(t, "d")
		got, err := SignFlip(ds, SignFlipOptions{})
		if err != nil {
			t.Fatal(err)
		}
		sum := 0.0
		for _, d := range ds {
			sum += d
		}
		n := 0
		for p := range 1 << len(ds) {
			s := 0.0
			for i, d := range ds {
				if p>>i&1 == 1 {
					d = -d
				}
				s += d
			}
			if math.Abs(s) >= math.Abs(sum)-1e-9 {
				n++
			}
		}
		if want := float64(n) / float64(int(1)<<len(ds)); !near(got.P, want, 1e-15) {
			t.Fatalf("p %v, want %v", got.P, want)
		}
	})
}

func TestSignFlipMonteCarlo(t *testing.T) {
	r := rand.New(rand.NewPCG(4, 4))
	for _, n := range []int{5, 20, 36} {
		ds := make([]float64, n)
		for i := range ds {
			ds[i] = r.NormFloat64() + .35
		}
		exact, err := SignFlip(ds, SignFlipOptions{})
		if err != nil {
			t.Fatal(err)
		}
		mc, err := SignFlip(ds, SignFlipOptions{MonteCarlo: true, Resamples: 40000, Seed: 9})
		if err != nil {
			t.Fatal(err)
		}
		// Four standard errors of a share of 40,000.
		if tol := 4*math.Sqrt(exact.P*(1-exact.P)/40000) + 1./40000; math.Abs(exact.P-mc.P) > tol || mc.How != MonteCarlo || mc.Resamples != 40000 {
			t.Errorf("%d differences: exact %+v, Monte Carlo %+v, tolerance %v", n, exact, mc, tol)
		}
		again, err := SignFlip(ds, SignFlipOptions{MonteCarlo: true, Resamples: 40000, Seed: 9})
		if err != nil {
			t.Fatal(err)
		}
		if again != mc {
			t.Errorf("a seed gave %+v and %+v", mc, again)
		}
	}
	many := slices.Repeat([]float64{1}, 200)
	got, err := SignFlip(many, SignFlipOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if got.P != 1e-4 || got.How != MonteCarlo {
		t.Errorf("200 equal differences: %+v, want p 1/10000", got)
	}
}

// Under the hypothesis p-values are uniform, or a little larger: with 1,000
// simulations a share of .05 has a standard error of .007.
func TestFalseAlarms(t *testing.T) {
	r := rand.New(rand.NewPCG(8, 8))
	const sims = 1000
	hits := map[string]int{}
	for range sims {
		ds := make([]float64, 60)
		for i := range ds {
			ds[i] = r.ExpFloat64() * float64(2*r.IntN(2)-1)
		}
		w, err := Wilcoxon(ds, WilcoxonOptions{})
		if err != nil {
			t.Fatal(err)
		}
		s, err := SignFlip(ds, SignFlipOptions{Resamples: 499, Seed: r.Uint64()})
		if err != nil {
			t.Fatal(err)
		}
		small, err := SignFlip(ds[:12], SignFlipOptions{})
		if err != nil {
			t.Fatal(err)
		}
		for name, p := range map[string]float64{"wilcoxon": w.P, "sign flip": s.P, "exact sign flip": small.P} {
			if p <= .05 {
				hits[name]++
			}
		}
	}
	for name, n := range hits {
		if share := float64(n) / sims; share < .025 || share > .075 {
			t.Errorf("%s raises %.3f false alarms at level .05", name, share)
		}
	}
}

func TestTestEdges(t *testing.T) {
	zeros := make([]float64, 7)
	for _, z := range []Zeros{Pratt, ZSplit, Wilcox} {
		for _, ds := range [][]float64{nil, zeros} {
			got, err := Wilcoxon(ds, WilcoxonOptions{Zeros: z})
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(Test{P: 1, Zeros: len(ds), How: Exact}, got); d != "" {
				t.Errorf("%s: %s", z, d)
			}
		}
	}
	got, err := SignFlip(zeros, SignFlipOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(Test{P: 1, Zeros: 7, How: Exact}, got); d != "" {
		t.Error(d)
	}
	for _, c := range []struct {
		err  error
		want string
	}{
		{fails(Wilcoxon([]float64{1, math.NaN()}, WilcoxonOptions{})), "signed-rank test: difference of cluster 1 is NaN: leave such values out before summing"},
		{fails(Wilcoxon(nil, WilcoxonOptions{Zeros: "x"})), `signed-rank test: zeros are "x", must be "pratt", "zsplit" or "wilcox"`},
		{fails(Wilcoxon(nil, WilcoxonOptions{How: MonteCarlo})), `signed-rank test: method is "monte carlo", must be "exact" or "normal"`},
		{fails(Wilcoxon(slices.Repeat([]float64{1}, 1001), WilcoxonOptions{How: Exact})), "signed-rank test: exact p-values are for up to 1000 differences, not 1001: use the normal approximation"},
		{fails(SignFlip([]float64{math.Inf(1)}, SignFlipOptions{})), "sign-flip test: difference of cluster 0 is +Inf: leave such values out before summing"},
		{fails(SignFlip([]float64{math.MaxFloat64, math.MaxFloat64}, SignFlipOptions{})), "sign-flip test: the differences add up to infinity"},
		{fails(SignFlip(nil, SignFlipOptions{Resamples: -1})), "sign-flip test: -1 resamples"},
		{fails(Contributions(nil, nil)), "pairing: 0 ratios of the baseline, 0 of the candidate"},
		{fails(Contributions([]Ratio{{Num: []float64{1, 2}, Den: []float64{1, 2}}}, []Ratio{{Num: []float64{1, 2}}})), "pairing ratio 0: the denominators of cluster 1 differ: compare the instances that both have"},
		{fails(Contributions([]Ratio{{Num: []float64{1, 2}}}, []Ratio{{Num: []float64{1}}})), "pairing ratio 0: 1 numerators for a plan of 2 clusters"},
		{fails(Contributions([]Ratio{{Num: []float64{0}, Den: []float64{0}}}, []Ratio{{Num: []float64{0}, Den: []float64{0}}})), "pairing ratio 0: it has no data"},
	} {
		if c.err == nil || c.err.Error() != c.want {
			t.Errorf("got %v, want %s", c.err, c.want)
		}
	}
}

func fails[T any](_ T, err error) error { return err }

// The largest exact distribution still sums to 1 and agrees with the normal one.
func TestExactWilcoxonOfManyAgreesWithNormal(t *testing.T) {
	r := rand.New(rand.NewPCG(2, 3))
	ds := make([]float64, 1000)
	for i := range ds {
		ds[i] = r.NormFloat64() + .06
	}
	exact, err := Wilcoxon(ds, WilcoxonOptions{How: Exact})
	if err != nil {
		t.Fatal(err)
	}
	normal, err := Wilcoxon(ds, WilcoxonOptions{How: Normal, Correction: true})
	if err != nil {
		t.Fatal(err)
	}
	if math.Abs(exact.P-normal.P) > 2e-4 {
		t.Errorf("exact %v, normal %v", exact.P, normal.P)
	}
}

// Contributions add up to the estimate of the difference, whatever the bins.
func TestContributions(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 20).Draw(t, "n")
		k := rapid.IntRange(1, 3).Draw(t, "k")
		var base, cand []Ratio
		for range k {
			den := make([]float64, n)
			b, c := make([]float64, n), make([]float64, n)
			for i := range n {
				den[i] = float64(rapid.IntRange(0, 4).Draw(t, "den"))
				b[i] = rapid.Float64Range(-9, 9).Draw(t, "b") * den[i]
				c[i] = rapid.Float64Range(-9, 9).Draw(t, "c") * den[i]
			}
			den[0]++
			base, cand = append(base, Ratio{b, den}), append(cand, Ratio{c, den})
		}
		parts, err := Contributions(base, cand)
		if err != nil {
			t.Fatal(err)
		}
		plan, err := NewPlan(n, 1, 1)
		if err != nil {
			t.Fatal(err)
		}
		iv, err := plan.Interval(Difference(base, cand), Options{})
		if err != nil {
			t.Fatal(err)
		}
		sum := 0.0
		for _, p := range parts {
			sum += p
		}
		if !near(sum, iv.Estimate, 1e-12) {
			t.Fatalf("contributions add up to %v, the difference is %v", sum, iv.Estimate)
		}
	})
}

func TestEffects(t *testing.T) {
	c := readTests(t).Cliff
	if got := CliffDelta(c.A, c.B); !near(got, c.Delta, 1e-14) {
		t.Errorf("Cliff's delta %v, want %v", got, c.Delta)
	}
	if a, b := CliffDelta(c.A, c.B), CliffDelta(c.B, c.A); a != -b {
		t.Errorf("Cliff's delta is %v one way and %v the other", a, b)
	}
	for _, v := range []float64{CliffDelta(nil, c.B), CohenDZ(nil), CohenDZ([]float64{1})} {
		if !math.IsNaN(v) {
			t.Errorf("effect of nothing is %v", v)
		}
	}
	if v := CohenDZ([]float64{.1, .1, .1}); !math.IsInf(v, 1) {
		t.Errorf("d_z of a constant difference is %v", v)
	}
	if v := CohenDZ([]float64{0, 0}); v != 0 {
		t.Errorf("d_z of no difference is %v", v)
	}
	if v := RankBiserial([]float64{0, 0}); v != 0 {
		t.Errorf("rank-biserial correlation of no difference is %v", v)
	}
}

// The table is scipy.stats.nct; tolerance 1e-9 absolute.
func TestPowerAgreesWithScipy(t *testing.T) {
	table := readTests(t).Power
	if len(table) != 35 {
		t.Fatalf("the table has %d rows", len(table))
	}
	for _, c := range table {
		n := int(c[0])
		if got := Power(c[1]*2, 2, n, .05); math.Abs(got-c[2]) > 1e-9 {
			t.Errorf("%d clusters, shift %v: power %.12f, want %.12f", n, c[1], got, c[2])
		}
	}
	for _, n := range []int{5, 30, 1000} {
		mde := DetectableEffect(.01, n, .05, .8)
		if p := Power(mde, .01, n, .05); math.Abs(p-.8) > 1e-8 {
			t.Errorf("power at the detectable effect of %d clusters is %v", n, p)
		}
	}
	for _, v := range []float64{Power(1, 0, 10, .05), Power(1, 1, 1, .05), Power(1, 1, 10, 0), DetectableEffect(1, 10, .05, 1), DetectableEffect(math.NaN(), 10, .05, .8)} {
		if !math.IsNaN(v) {
			t.Errorf("got %v, want NaN", v)
		}
	}
}

func points(ps [][2]float64) []Point {
	out := make([]Point, len(ps))
	for i, p := range ps {
		out[i] = Point{p[0], p[1]}
	}
	return out
}

// The table is the package bjontegaard's; tolerance 1e-9 relative (its cubic is
// fitted without centring).
func TestBjontegaard(t *testing.T) {
	table := readTests(t).BD
	if len(table) != 6 {
		t.Fatalf("the table has %d pairs of curves", len(table))
	}
	warnings := map[string][2][]Warning{
		"little overlap": {{WarnLowOverlap}, {WarnLowOverlap}},
		"not monotone":   {{WarnNotMonotone}, {WarnNotMonotone}},
	}
	for _, c := range table {
		for _, m := range []Interpolation{PCHIP, Akima, Cubic} {
			rate, err := BDRate(points(c.Baseline), points(c.Candidate), m)
			if err != nil {
				t.Fatal(err)
			}
			quality, err := BDQuality(points(c.Baseline), points(c.Candidate), m)
			if err != nil {
				t.Fatal(err)
			}
			if !near(rate.Value, c.Rate[m], 1e-9) || !near(quality.Value, c.Quality[m], 1e-9) {
				t.Errorf("%s, %s: %v %% and %v, want %v %% and %v", c.Name, m, rate.Value, quality.Value, c.Rate[m], c.Quality[m])
			}
			if d := cmp.Diff(warnings[c.Name], [2][]Warning{rate.Warnings, quality.Warnings}); d != "" {
				t.Errorf("%s, %s: %s", c.Name, m, d)
			}
		}
	}
}

func TestBjontegaardEdges(t *testing.T) {
	low, high := []Point{{1, 10}, {2, 11}}, []Point{{4, 20}, {8, 21}}
	d, err := BDRate(low, high, "")
	if err != nil {
		t.Fatal(err)
	}
	if !math.IsNaN(d.Value) || d.Overlap != 0 || !slices.Equal(d.Warnings, []Warning{WarnNoOverlap}) {
		t.Errorf("%+v", d)
	}
	// Half the rate everywhere; the order of the points does not matter.
	half := []Point{{1, 11}, {.5, 10}}
	d, err = BDRate(low, half, PCHIP)
	if err != nil {
		t.Fatal(err)
	}
	if !near(d.Value, -50, 1e-13) || d.Overlap != 1 || d.Warnings != nil {
		t.Errorf("%+v", d)
	}
	for _, c := range []struct {
		b, c []Point
		m    Interpolation
		want string
	}{
		{low, high, "spline", `computing BD-rate: baseline: interpolation is "spline", must be "pchip", "akima" or "cubic"`},
		{low, high[:1], PCHIP, "computing BD-rate: candidate: 1 points, pchip interpolation needs 2 or more"},
		{low, high, Cubic, "computing BD-rate: baseline: 2 points, cubic interpolation needs 4 or more"},
		{[]Point{{0, 1}, {1, 2}}, high, Akima, "computing BD-rate: baseline: rate of point 0 is 0, must be positive"},
		{low, []Point{{1, 1}, {2, math.Inf(1)}}, Akima, "computing BD-rate: candidate: quality of point 1 is +Inf"},
		{low, []Point{{1, 1}, {2, 1}}, Akima, "computing BD-rate: candidate: two points have the same rate or quality (1): the curve is not a function there; leave one out"},
	} {
		if _, err := BDRate(c.b, c.c, c.m); err == nil || err.Error() != c.want {
			t.Errorf("got %v, want %s", err, c.want)
		}
	}
}

// Swapping the curves turns the logarithm of the rate factor round; a curve
// against itself differs by nothing; scaling rates shifts nothing but the value.
func TestBjontegaardProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		draw := func(name string) []Point {
			n := rapid.IntRange(4, 7).Draw(t, name)
			out := make([]Point, n)
			rate, quality := .05, rapid.Float64Range(20, 22).Draw(t, name)
			for i := range out {
				rate *= rapid.Float64Range(1.3, 3).Draw(t, name)
				quality += rapid.Float64Range(.5, 4).Draw(t, name)
				out[i] = Point{rate, quality}
			}
			return out
		}
		a, b := draw("a"), draw("b")
		for _, m := range []Interpolation{PCHIP, Akima, Cubic} {
			ab, err := BDRate(a, b, m)
			if err != nil {
				t.Fatal(err)
			}
			ba, err := BDRate(b, a, m)
			if err != nil {
				t.Fatal(err)
			}
			if math.IsNaN(ab.Value) {
				continue
			}
			if p := (1 + ab.Value/100) * (1 + ba.Value/100); !near(p, 1, 1e-9) {
				t.Fatalf("%s: there %v %%, back %v %%", m, ab.Value, ba.Value)
			}
			self, err := BDRate(a, a, m)
			if err != nil {
				t.Fatal(err)
			}
			if !near(self.Value, 0, 1e-9) || self.Overlap != 1 {
				t.Fatalf("%s: a curve against itself: %+v", m, self)
			}
			if ab.Overlap < 0 || ab.Overlap > 1 {
				t.Fatalf("overlap %v", ab.Overlap)
			}
		}
	})
}

func Example() {
	// Two tokenizers on six images: characters read wrongly, characters in all.
	chars := []float64{40, 32, 51, 28, 47, 36}
	baseline := []Ratio{{Num: []float64{8, 5, 12, 3, 9, 7}, Den: chars}}
	candidate := []Ratio{{Num: []float64{6, 5, 9, 1, 8, 4}, Den: chars}}

	plan, err := NewPlan(len(chars), DefaultResamples, 1)
	if err != nil {
		fmt.Println(err)
		return
	}
	iv, err := plan.Interval(Difference(baseline, candidate), Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	parts, err := Contributions(baseline, candidate)
	if err != nil {
		fmt.Println(err)
		return
	}
	test, err := SignFlip(parts, SignFlipOptions{})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("CER %+.3f [%.3f, %.3f] %v\n", iv.Estimate, iv.Lo, iv.Hi, iv.Warnings)
	fmt.Printf("p %.4f (%s)\n", test.P, test.How)
	// Output:
	// CER -0.047 [-0.074, -0.013] [few_clusters]
	// p 0.0625 (exact)
}

// BenchmarkCompare is the whole comparison of 100,000 paired instances, each
// its own cluster (the worst case): interval, permutation and signed ranks.
func BenchmarkCompare(b *testing.B) {
	const n = 100_000
	r := rand.New(rand.NewPCG(1, 1))
	base, cand := make([]float64, n), make([]float64, n)
	for i := range n {
		base[i] = r.Float64()
		cand[i] = base[i] + .1*r.NormFloat64()
	}
	baseline, candidate := []Ratio{{Num: base}}, []Ratio{{Num: cand}}
	parts, err := Contributions(baseline, candidate)
	if err != nil {
		b.Fatal(err)
	}
	b.Run("interval", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			plan, err := NewPlan(n, DefaultResamples, 1)
			if err != nil {
				b.Fatal(err)
			}
			if _, err := plan.Interval(Difference(baseline, candidate), Options{}); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("sign-flip", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := SignFlip(parts, SignFlipOptions{}); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("wilcoxon", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := Wilcoxon(parts, WilcoxonOptions{}); err != nil {
				b.Fatal(err)
			}
		}
	})
}
