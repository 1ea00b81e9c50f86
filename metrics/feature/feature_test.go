package feature

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"gonum.org/v1/gonum/mat"
	"pgregory.net/rapid"

	"github.com/vtbench/vtbench/metrics/stat"
)

var provenance = Provenance{Extractor: "stored", Resize: "none", Reference: "made"}

func near(got, want, tol float64) bool {
	return got == want || math.Abs(got-want) <= tol*max(1, math.Abs(want))
}

type tb interface {
	Helper()
	Fatal(args ...any)
}

// setOf names rows so that their order is that of their ids.
func setOf(t tb, rows [][]float32) *Set {
	t.Helper()
	s := NewSet(provenance)
	for i, r := range rows {
		if err := s.Add(fmt.Sprintf("%06d", i), r); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

func momentsFrom(t tb, rows [][]float32) *Moments {
	t.Helper()
	m := &Moments{}
	for _, r := range rows {
		if err := m.Add(r); err != nil {
			t.Fatal(err)
		}
	}
	return m
}

// The table is torchmetrics', scipy's and numpy's (testdata/goldens.py).
// Tolerances: rounding where nothing is singular; 1e-6 against torchmetrics
// where it is, since eigenvalues of a product that should be 0 come out as ±1e-15
// there, and the sum of their roots matters; KID and CMMD rounding.
func TestAgreesWithOthers(t *testing.T) {
	var table []struct {
		Name        string
		Ref, Got    [][]float32
		SVD         float64  `json:"fid_svd"`
		Torch       float64  `json:"fid_torchmetrics"`
		Scipy       *float64 `json:"fid_scipy"`
		KID, CMMD   float64
		KIDElements int `json:"kid_n"`
	}
	b, err := os.ReadFile("testdata/goldens.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, &table); err != nil {
		t.Fatal(err)
	}
	if len(table) != 4 {
		t.Fatalf("the table has %d cases", len(table))
	}
	for _, c := range table {
		t.Run(c.Name, func(t *testing.T) {
			ref, got := setOf(t, c.Ref), setOf(t, c.Got)
			fid, err := FID(ref, got)
			if err != nil {
				t.Fatal(err)
			}
			moments, err := Frechet(momentsFrom(t, c.Ref), momentsFrom(t, c.Got))
			if err != nil {
				t.Fatal(err)
			}
			torchTol := 1e-6
			if c.Scipy != nil {
				torchTol = 1e-10
				if !near(fid.Value, *c.Scipy, 1e-10) {
					t.Errorf("FID %v, scipy %v", fid.Value, *c.Scipy)
				}
			}
			// Through covariances, a singular one costs half the digits at worst.
			if !near(fid.Value, c.SVD, 1e-12) || !near(fid.Value, c.Torch, torchTol) || !near(moments, c.SVD, 1e-7) {
				t.Errorf("FID %v (through moments %v), numpy %v, torchmetrics %v", fid.Value, moments, c.SVD, c.Torch)
			}
			n := c.KIDElements
			kid, err := KID(setOf(t, c.Ref[:n]), setOf(t, c.Got[:n]), KIDOptions{Size: n})
			if err != nil {
				t.Fatal(err)
			}
			if !near(kid.Value, c.KID, 1e-12) || kid.Spread != 0 {
				t.Errorf("KID %v ± %v, torchmetrics %v", kid.Value, kid.Spread, c.KID)
			}
			cmmd, err := CMMD(ref, got)
			if err != nil {
				t.Fatal(err)
			}
			if !near(cmmd.Value, c.CMMD, 1e-11) {
				t.Errorf("CMMD %v, formula %v", cmmd.Value, c.CMMD)
			}
		})
	}
}

func random(seed uint64, n, d int, shift float64) [][]float32 {
	r := rand.New(rand.NewPCG(seed, 5))
	rows := make([][]float32, n)
	for i := range rows {
		rows[i] = make([]float32, d)
		for j := range rows[i] {
			rows[i][j] = float32(r.NormFloat64()*float64(1+j%3) + shift)
		}
	}
	return rows
}

// Between normal distributions the distance is known: here means differ by 2 in
// each of d coordinates and standard deviations are s and 2s.
func TestFrechetOfNormals(t *testing.T) {
	const d = 6
	exact := func(scale, shift float64) *Moments {
		m := &Moments{n: 11, mean: slices.Repeat([]float64{shift}, d), m2: mat.NewSymDense(d, nil)}
		for i := range d {
			m.m2.SetSym(i, i, 10*scale*scale)
		}
		return m
	}
	got, err := Frechet(exact(3, 0), exact(6, 2))
	if err != nil {
		t.Fatal(err)
	}
	if want := d*4. + d*9; !near(got, want, 1e-14) {
		t.Errorf("distance %v, want %v", got, want)
	}
}

func TestScoreSaysWhatItIsMadeOf(t *testing.T) {
	ref, got := setOf(t, random(1, 30, 4, 0)), setOf(t, random(2, 40, 4, .1))
	got.Provenance.Reference = "other"
	s, err := FID(ref, got)
	if err != nil {
		t.Fatal(err)
	}
	s.Value = 0
	if d := cmp.Diff(Score{Metric: "fid", N: 40, ReferenceN: 30, Dim: 4, Provenance: provenance, Warnings: []Warning{WarnReference, WarnFewSamples}}, s); d != "" {
		t.Error(d)
	}
	s, err = FID(setOf(t, random(1, 4, 4, 0)), setOf(t, random(2, 9, 4, 0)))
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]Warning{WarnFewSamples, WarnSingular}, s.Warnings); d != "" {
		t.Error(d)
	}
}

func TestKIDSubsets(t *testing.T) {
	ref, got := setOf(t, random(1, 60, 5, 0)), setOf(t, random(2, 50, 5, .3))
	if _, err := KID(ref, got, KIDOptions{}); !errors.Is(err, ErrTooFew) {
		t.Errorf("50 images in subsets of 1000: %v", err)
	}
	if _, err := KID(ref, got, KIDOptions{Size: 51}); !errors.Is(err, ErrTooFew) || err.Error() != "computing kid: 50 images, subsets have 51: too few images for the kernel distance" {
		t.Errorf("50 images in subsets of 51: %v", err)
	}
	one, err := KID(ref, got, KIDOptions{Size: 20, Subsets: 40, Seed: 1, Workers: 1})
	if err != nil {
		t.Fatal(err)
	}
	many, err := KID(ref, got, KIDOptions{Size: 20, Subsets: 40, Seed: 1, Workers: 5})
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(one, many); d != "" {
		t.Errorf("depends on the number of workers:\n%s", d)
	}
	// The mean over subsets estimates the same as all pairs do.
	full, err := pairedDifference(MetricKID, ref, got, got, plan(t, 50, 5), nil, stat.Options{})
	if err != nil || full.Estimate != 0 {
		t.Fatalf("%v, %v", full, err)
	}
	f, err := weighted(MetricKID, ref, got)
	if err != nil {
		t.Fatal(err)
	}
	all, err := f(ones(60), ones(50))
	if err != nil {
		t.Fatal(err)
	}
	if one.Spread <= 0 || math.Abs(one.Value-all) > 4*one.Spread/math.Sqrt(40) {
		t.Errorf("mean over subsets %v ± %v, all pairs %v", one.Value, one.Spread, all)
	}
}

func plan(t tb, clusters, resamples int) *stat.Plan {
	t.Helper()
	p, err := stat.NewPlan(clusters, resamples, 1)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// A weighted distance is the distance of a set with copies.
func TestWeightedIsRepeated(t *testing.T) {
	for _, d := range []int{3, 40} {
		x, y := random(1, 20, d, 0), random(2, 20, d, .4)
		r := rand.New(rand.NewPCG(3, 3))
		w := make([]float64, 20)
		var rx, ry [][]float32
		for i := range w {
			w[i] = float64(r.IntN(3))
			for range int(w[i]) {
				rx, ry = append(rx, x[i]), append(ry, y[i])
			}
		}
		for _, m := range []Metric{MetricFID, MetricCMMD} {
			f, err := weighted(m, setOf(t, x), setOf(t, y))
			if err != nil {
				t.Fatal(err)
			}
			got, err := f(w, w)
			if err != nil {
				t.Fatal(err)
			}
			score := FID
			if m == MetricCMMD {
				score = CMMD
			}
			want, err := score(setOf(t, rx), setOf(t, ry))
			if err != nil {
				t.Fatal(err)
			}
			if !near(got, want.Value, 1e-9) {
				t.Errorf("%s of %d features: weighted %v, repeated %v", m, d, got, want.Value)
			}
		}
	}
}

func TestPairedDifference(t *testing.T) {
	const n, d = 80, 6
	x := random(1, n, d, 0)
	noisy := func(seed uint64, by float64) [][]float32 {
		r := rand.New(rand.NewPCG(seed, 1))
		out := make([][]float32, n)
		for i := range out {
			out[i] = slices.Clone(x[i])
			for j := range out[i] {
				out[i][j] += float32(by * (1 + r.NormFloat64()))
			}
		}
		return out
	}
	ref, good, bad := setOf(t, x), setOf(t, noisy(2, .3)), setOf(t, noisy(3, 1.5))
	for _, m := range []Metric{MetricFID, MetricKID, MetricCMMD} {
		iv, err := PairedDifference(m, ref, good, bad, plan(t, n, 300), nil, stat.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if !(iv.Lo > 0 && iv.Lo < iv.Estimate && iv.Estimate < iv.Hi) || iv.Clusters != n || iv.Method != stat.Percentile {
			t.Errorf("%s: %+v", m, iv)
		}
		back, err := PairedDifference(m, ref, bad, good, plan(t, n, 300), nil, stat.Options{Workers: 1})
		if err != nil {
			t.Fatal(err)
		}
		if !near(back.Lo, -iv.Hi, 1e-9) || !near(back.Hi, -iv.Lo, 1e-9) {
			t.Errorf("%s: one way %+v, the other %+v", m, iv, back)
		}
		same, err := PairedDifference(m, ref, good, good, plan(t, n, 50), nil, stat.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if same.Lo != 0 || same.Hi != 0 {
			t.Errorf("%s: a set against itself: %+v", m, same)
		}
		// Clusters of eight, and a reference set of other images.
		other := setOf(t, random(9, 50, d, 0))
		iv, err = PairedDifference(m, other, good, bad, plan(t, 10, 100), func(id string) int {
			var i int
			if _, err := fmt.Sscanf(id, "%d", &i); err != nil {
				t.Fatal(err)
			}
			return i / 8
		}, stat.Options{Level: .9})
		if err != nil {
			t.Fatal(err)
		}
		if iv.Clusters != 10 || !slices.Contains(iv.Warnings, stat.WarnFewClusters) || !(iv.Lo < iv.Hi) {
			t.Errorf("%s: %+v", m, iv)
		}
	}
}

func TestErrors(t *testing.T) {
	a, b := setOf(t, random(1, 5, 3, 0)), setOf(t, random(2, 5, 4, 0))
	clip := setOf(t, random(3, 5, 3, 0))
	clip.Provenance.Extractor = "clip"
	zero := setOf(t, [][]float32{{1, 2, 3}, {0, 0, 0}})
	one := setOf(t, random(1, 1, 3, 0))
	six := setOf(t, random(1, 6, 3, 0))
	nan := float32(math.NaN())
	m := momentsFrom(t, random(1, 3, 3, 0))
	for _, c := range []struct {
		err  error
		want string
	}{
		{a.Add("x", nil), `adding features of "x": there are none`},
		{a.Add("x", []float32{1}), `adding features of "x": 1 numbers, the other items have 3`},
		{a.Add("x", []float32{1, nan, 2}), `adding features of "x": number 1 is NaN`},
		{a.Add("000001", []float32{1, 2, 3}), `adding features of "000001": the set has this item already`},
		{a.Merge(clip), `merging: features are not comparable: extractor is "stored" in one set and "clip" in the other`},
		{a.Merge(one), `merging features of "000000": the set has this item already`},
		{second(FID(a, b)), "computing fid: vectors of 3 and 4 numbers"},
		{second(FID(a, one)), "computing fid: 5 references and 1 reconstructions, at least 2 of each are needed"},
		{second(CMMD(a, clip)), `computing cmmd: features are not comparable: extractor is "stored" in one set and "clip" in the other`},
		{second(CMMD(a, zero)), `computing cmmd: the features of "000001" are all zero and have no direction`},
		{second(KID(a, a, KIDOptions{Size: 1})), "computing kid: 100 subsets of 1 images"},
		{second(PairedDifference("is", a, a, a, plan(t, 5, 3), nil, stat.Options{})), `comparing is: there is no such distance; there are "fid", "kid" and "cmmd"`},
		{second(PairedDifference(MetricFID, a, a, six, plan(t, 5, 3), nil, stat.Options{})), "comparing fid: baseline (5) and candidate (6) have different items: compare those that both have"},
		{second(PairedDifference(MetricFID, a, a, a, plan(t, 4, 3), nil, stat.Options{})), `comparing fid: item "000004" belongs to cluster 4, the plan has 4`},
		{m.Add([]float32{1}), "adding features: 1 numbers, the vectors before had 3"},
		{m.Add([]float32{1, 2, nan}), "adding features: number 2 is NaN"},
		{m.Merge(momentsFrom(t, random(1, 2, 4, 0))), "merging moments: vectors of 3 and 4 numbers"},
		{second(Frechet(m, &Moments{})), "computing a covariance: 0 vectors, need at least 2"},
	} {
		if c.err == nil || c.err.Error() != c.want {
			t.Errorf("got %v, want %s", c.err, c.want)
		}
	}
	if a.Len() != 5 || m.N() != 3 {
		t.Error("an error left something behind")
	}
}

func second[T any](_ T, err error) error { return err }

// Sets merged in any order give the same bits; moments the same to rounding. A
// set is at distance 0 from itself; distances are symmetric.
func TestProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n, d := rapid.IntRange(3, 25).Draw(t, "n"), rapid.IntRange(1, 12).Draw(t, "d")
		x := random(rapid.Uint64().Draw(t, "x"), n, d, 3)
		y := setOf(t, random(rapid.Uint64().Draw(t, "y"), n, d, 2))
		whole := setOf(t, x)
		order := rapid.Permutation(sequence(n)).Draw(t, "order")
		cut := rapid.IntRange(0, n).Draw(t, "cut")
		merged := NewSet(provenance)
		ma, mb := &Moments{}, &Moments{}
		part := NewSet(provenance)
		for i, k := range order {
			s, m := merged, ma
			if i >= cut {
				s, m = part, mb
			}
			if err := s.Add(fmt.Sprintf("%06d", k), x[k]); err != nil {
				t.Fatal(err)
			}
			if err := m.Add(x[k]); err != nil {
				t.Fatal(err)
			}
		}
		if err := merged.Merge(part); err != nil {
			t.Fatal(err)
		}
		if err := ma.Merge(mb); err != nil {
			t.Fatal(err)
		}
		if ma.N() != int64(n) {
			t.Fatalf("%d vectors after merging", ma.N())
		}
		for name, f := range map[string]func(a, b *Set) (Score, error){
			"fid": FID, "cmmd": CMMD,
			"kid": func(a, b *Set) (Score, error) { return KID(a, b, KIDOptions{Size: n - 1, Subsets: 3}) },
		} {
			a, err := f(whole, y)
			if err != nil {
				t.Fatal(err)
			}
			b, err := f(merged, y)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(a, b); diff != "" {
				t.Fatalf("%s depends on the order of merging:\n%s", name, diff)
			}
			if name == "kid" {
				continue
			}
			back, err := f(y, whole)
			if err != nil {
				t.Fatal(err)
			}
			if !near(a.Value, back.Value, 1e-10) {
				t.Fatalf("%s is %v one way, %v the other", name, a.Value, back.Value)
			}
			self, err := f(whole, merged)
			if err != nil {
				t.Fatal(err)
			}
			if math.Abs(self.Value) > 1e-10 {
				t.Fatalf("%s of a set from itself is %v", name, self.Value)
			}
		}
		one := momentsOf(setOf(t, x).matrix())
		a, err := ma.Covariance()
		if err != nil {
			t.Fatal(err)
		}
		b, err := one.Covariance()
		if err != nil {
			t.Fatal(err)
		}
		if !mat.EqualApprox(a, b, 1e-11) {
			t.Fatal("covariances of merged moments differ")
		}
		for j, v := range ma.Mean() {
			if !near(v, one.mean[j], 1e-13) {
				t.Fatalf("mean %d is %v, want %v", j, v, one.mean[j])
			}
		}
	})
}

func sequence(n int) []int {
	out := make([]int, n)
	for i := range out {
		out[i] = i
	}
	return out
}

// Many vectors in batches, far from the origin.
func TestMomentsOfManyBatches(t *testing.T) {
	rows := random(4, 1000, 3, 1e4)
	m := momentsFrom(t, rows)
	c, err := m.Covariance()
	if err != nil {
		t.Fatal(err)
	}
	all := mat.NewDense(1000, 3, nil)
	for i, r := range rows {
		for j, x := range r {
			all.Set(i, j, float64(x))
		}
	}
	centre(all)
	var want mat.SymDense
	want.SymOuterK(1./999, all.T())
	if !mat.EqualApprox(c, &want, 1e-9) {
		t.Errorf("covariance %v, want %v", mat.Formatted(c), mat.Formatted(&want))
	}
}

func TestSetKeepsOrder(t *testing.T) {
	s := NewSet(provenance)
	for _, id := range strings.Fields("c a b") {
		if err := s.Add(id, []float32{float32(id[0])}); err != nil {
			t.Fatal(err)
		}
	}
	if d := cmp.Diff([]string{"a", "b", "c"}, s.IDs()); d != "" {
		t.Error(d)
	}
	if f, ok := s.Features("b"); !ok || f[0] != 'b' {
		t.Errorf("features of b are %v", f)
	}
	if _, ok := s.Features("d"); ok || s.Dim() != 1 {
		t.Error("there are features of d")
	}
}

func Example() {
	ref, got := NewSet(Provenance{Extractor: "stored", Resize: "none"}), NewSet(Provenance{Extractor: "stored", Resize: "none"})
	for i := range 100 {
		a, b := float32(i%7), float32(i%5)
		if err := errors.Join(ref.Add(fmt.Sprint(i), []float32{a, b}), got.Add(fmt.Sprint(i), []float32{a + 1, b})); err != nil {
			fmt.Println(err)
			return
		}
	}
	s, err := FID(ref, got)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%s %.3f, n %d, %s, %v\n", s.Metric, s.Value, s.N, s.Provenance.Extractor, s.Warnings)
	// Output: fid 1.000, n 100, stored, [few_samples]
}

// 1,000 images of 256 features. FID's floor is 2·n·d² multiply-adds for the
// covariances and about 3·d³ for the factors and singular values; that of KID
// (one subset of everything) and CMMD n²·d each for three Gram matrices.
func BenchmarkDistances(b *testing.B) {
	const n, d = 1000, 256
	ref, got := setOf(b, random(1, n, d, 0)), setOf(b, random(2, n, d, .1))
	for name, f := range map[string]func() error{
		"fid":  func() error { return second(FID(ref, got)) },
		"kid":  func() error { return second(KID(ref, got, KIDOptions{})) },
		"cmmd": func() error { return second(CMMD(ref, got)) },
	} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(2 * 4 * n * d)
			for b.Loop() {
				if err := f(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
