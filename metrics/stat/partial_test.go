package stat

import (
	"math"
	"testing"

	"pgregory.net/rapid"
)

// overlaps draws intersections and unions of several classes over clusters; a class may be
// missing in a cluster, on one side or both.
func overlaps(t *rapid.T, classes, clusters int) []Ratio {
	out := make([]Ratio, classes)
	for k := range out {
		for range clusters {
			union := float64(rapid.IntRange(0, 4).Draw(t, "union"))
			out[k].Den = append(out[k].Den, union)
			out[k].Num = append(out[k].Num, float64(rapid.IntRange(0, int(union)).Draw(t, "both")))
		}
	}
	return out
}

func meanOverlap(rs []Ratio) float64 {
	values := make([]float64, len(rs))
	for i, r := range rs {
		values[i] = r.Value()
	}
	return MeanOfDefined(values)
}

// Swapping counts what brute force counts, classes that vanish on one side included.
func TestSwapExact(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		clusters := rapid.IntRange(1, 7).Draw(t, "clusters")
		classes := rapid.IntRange(1, 3).Draw(t, "classes")
		a, b := overlaps(t, classes, clusters), overlaps(t, classes, clusters)
		got, err := Swap(a, b, SignFlipOptions{})
		if err != nil {
			t.Fatal(err)
		}
		seen := meanOverlap(b) - meanOverlap(a)
		if math.IsNaN(seen) {
			if got.P != 1 {
				t.Fatalf("p %v where there is no difference", got.P)
			}
			return
		}
		n, all := 0, 0
		for p := range 1 << clusters {
			x, y := make([]Ratio, classes), make([]Ratio, classes)
			for k := range classes {
				for i := range clusters {
					s, u := a[k], b[k]
					if p>>i&1 == 1 {
						s, u = u, s
					}
					x[k].Num, x[k].Den = append(x[k].Num, s.Num[i]), append(x[k].Den, s.Den[i])
					y[k].Num, y[k].Den = append(y[k].Num, u.Num[i]), append(y[k].Den, u.Den[i])
				}
			}
			all++
			if d := meanOverlap(y) - meanOverlap(x); math.IsNaN(d) || math.Abs(d) >= math.Abs(seen)-1e-9 {
				n++
			}
		}
		if want := float64(n) / float64(all); !near(got.P, want, 1e-12) || !near(got.Statistic, seen, 1e-12) {
			t.Fatalf("p %v of %v, want %v of %v", got.P, got.Statistic, want, seen)
		}
	})
}

// With equal denominators swapping is flipping signs.
func TestSwapIsSignFlip(t *testing.T) {
	n := 40
	a, b := Ratio{Num: make([]float64, n), Den: make([]float64, n)}, Ratio{Num: make([]float64, n), Den: make([]float64, n)}
	var ds []float64
	for i := range n {
		a.Num[i], b.Num[i] = float64(i%5), float64(i%5+i%3%2)
		a.Den[i], b.Den[i] = 6, 6
		ds = append(ds, b.Num[i]-a.Num[i])
	}
	swap, err := Swap([]Ratio{a}, []Ratio{b}, SignFlipOptions{Resamples: 20000, Seed: 3})
	if err != nil {
		t.Fatal(err)
	}
	flip, err := SignFlip(ds, SignFlipOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if swap.How != MonteCarlo || swap.N != flip.N || math.Abs(swap.P-flip.P) > .005 {
		t.Errorf("swap %+v, sign flip %+v", swap, flip)
	}
	if _, err := Swap([]Ratio{a}, []Ratio{{Num: b.Num}}, SignFlipOptions{}); err == nil {
		t.Error("a ratio without denominators is swapped")
	}
}

// A class of one cluster is left out of resamples that lack it, and of them only.
func TestPartialMean(t *testing.T) {
	n := 30
	common, rare := Ratio{Num: make([]float64, n), Den: make([]float64, n)}, Ratio{Num: make([]float64, n), Den: make([]float64, n)}
	for i := range n {
		common.Num[i], common.Den[i] = float64(i%4), 4
	}
	rare.Num[7], rare.Den[7] = 1, 1
	plan, err := NewPlan(n, 400, 1)
	if err != nil {
		t.Fatal(err)
	}
	s := MeanOf(common, rare)
	strict, err := plan.Interval(s, Options{})
	if err != nil {
		t.Fatal(err)
	}
	s.Partial = true
	got, err := plan.Interval(s, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if strict.Undefined == 0 || got.Undefined != 0 || got.Clusters != n || strict.Clusters != 1 || got.Estimate != strict.Estimate {
		t.Errorf("partial %+v, strict %+v", got, strict)
	}
	reps, err := plan.Replicates(s)
	if err != nil {
		t.Fatal(err)
	}
	for r, v := range reps {
		counts := plan.Counts(r, nil)
		num, den := 0., 0.
		for i, c := range counts {
			num += float64(c) * common.Num[i]
			den += float64(c) * common.Den[i]
		}
		want := num / den
		if counts[7] > 0 {
			want = (want + 1) / 2
		}
		if !near(v, want, 1e-12) {
			t.Fatalf("resample %d is %v, want %v", r, v, want)
		}
	}
	empty := MeanOf(Ratio{Num: make([]float64, n), Den: make([]float64, n)}, common)
	empty.Partial = true
	if iv, err := plan.Interval(empty, Options{}); err != nil || iv.Estimate != common.Value() {
		t.Errorf("with a class that never occurs: %+v, %v", iv, err)
	}
}
