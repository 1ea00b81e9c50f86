package stat

import (
	"flag"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// The tables of docs/statistics.md come from
//
//	go test ./metrics/stat -run Simulation -simulations 4000 -v
var simulations = flag.Int("simulations", 0, "data sets to simulate in each cell of the tables, all sizes (0: a quick check)")

func logistic(x float64) float64 { return 1 / (1 + math.Exp(-x)) }

func binomial(r *rand.Rand, n int, p float64) float64 {
	k := 0
	for range n {
		if r.Float64() < p {
			k++
		}
	}
	return float64(k)
}

// sample is what one image adds: numerators of baseline and candidate over a
// common denominator.
type sample struct{ base, cand, den float64 }

// models are kinds of data; effect moves the candidate.
var models = []struct {
	name string
	draw func(r *rand.Rand, effect float64) sample
}{
	// Words of one image are about equally hard: the intraclass correlation is .2.
	{"word accuracy", func(r *rand.Rand, effect float64) sample {
		m, z := 1+r.IntN(9), r.NormFloat64()
		return sample{
			binomial(r, m, logistic(.8+z)),
			binomial(r, m, logistic(.8+z+.3*r.NormFloat64()+effect)), float64(m),
		}
	}},
	// A few images carry most of the errors.
	{"CER", func(r *rand.Rand, effect float64) sample {
		m, z := 5+r.IntN(56), r.NormFloat64()
		return sample{
			binomial(r, m, min(1, math.Exp(-2+z))),
			binomial(r, m, min(1, math.Exp(-2+z+.2*r.NormFloat64()-effect))), float64(m),
		}
	}},
	{"PSNR", func(r *rand.Rand, effect float64) sample {
		z := 30 + 4*r.NormFloat64()
		return sample{z, z + .5*r.NormFloat64() + effect, 1}
	}},
}

func drawRatios(r *rand.Rand, n int, draw func(*rand.Rand, float64) sample, effect float64) (base, cand Ratio) {
	base = Ratio{make([]float64, n), make([]float64, n)}
	cand = Ratio{make([]float64, n), base.Den}
	for i := range n {
		s := draw(r, effect)
		base.Num[i], cand.Num[i], base.Den[i] = s.base, s.cand, s.den
	}
	return base, cand
}

// sizes returns the numbers of clusters and of data sets, and how many clusters
// stand for infinitely many.
func sizes(t *testing.T) (ns []int, sims, many int) {
	t.Helper()
	if *simulations > 0 {
		return []int{10, 20, 60, 240}, *simulations, 400_000
	}
	return []int{40}, 60, 20_000
}

// Intervals of single values, differences and means of two bins cover the true
// value about as often as they say. The quick check has a standard error of 3
// percentage points.
func TestSimulationCoverage(t *testing.T) {
	ns, sims, many := sizes(t)
	for _, m := range models {
		truthRand := rand.New(rand.NewPCG(1, 1))
		base, cand := drawRatios(truthRand, many, m.draw, .3)
		truths := []float64{base.Value(), cand.Value() - base.Value(), (base.Value() + cand.Value()) / 2}
		for _, n := range ns {
			r := rand.New(rand.NewPCG(uint64(n), 2))
			kinds := []Options{{}, {Method: Percentile}, {Unadjusted: true}, {Method: Percentile, Unadjusted: true}}
			covered := make([][3]int, len(kinds))
			for range sims {
				b, c := drawRatios(r, n, m.draw, .3)
				plan, err := NewPlan(n, 999, r.Uint64())
				if err != nil {
					t.Fatal(err)
				}
				// Two bins share the images; each has words in about half of them.
				binB, binC := Ratio{slices.Clone(b.Num), slices.Clone(b.Den)}, Ratio{slices.Clone(c.Num), slices.Clone(c.Den)}
				for i := range n {
					switch r.IntN(4) {
					case 0:
						binB.Num[i], binB.Den[i] = 0, 0
					case 1:
						binC.Num[i], binC.Den[i] = 0, 0
					}
				}
				stats := []Statistic{Single(b), Difference([]Ratio{b}, []Ratio{c}), MeanOf(binB, binC)}
				for o, opts := range kinds {
					ivs, err := plan.Intervals(stats, opts)
					if err != nil {
						t.Fatal(err)
					}
					for k, iv := range ivs {
						if iv.Lo <= truths[k] && truths[k] <= iv.Hi {
							covered[o][k]++
						}
					}
				}
			}
			for k, what := range []string{"value", "paired difference", "mean of two bins"} {
				row := fmt.Sprintf("| %s, %s | %d |", m.name, what, n)
				for o := range kinds {
					row += fmt.Sprintf(" %.1f |", 100*share(covered[o][k], sims))
				}
				t.Log(row)
				for o, opts := range kinds {
					if c := share(covered[o][k], sims); n >= 40 && c < .86 {
						t.Errorf("%s, %s, %d clusters, %+v: covers %.3f", m.name, what, n, opts, c)
					}
				}
			}
		}
	}
}

func share(n, of int) float64 { return float64(n) / float64(of) }

// Without a true difference tests raise their stated share of false alarms; with
// the effect that [DetectableEffect] names they find it about as often as said.
func TestSimulationPower(t *testing.T) {
	ns, sims, many := sizes(t)
	for _, m := range models {
		for _, n := range ns {
			var null, alt [3]int
			r := rand.New(rand.NewPCG(uint64(n), 3))
			shift, mde := designEffect(n, many, m.draw, balance(m.name))
			for range sims {
				for _, c := range []struct {
					effect float64
					hits   *[3]int
				}{{balance(m.name), &null}, {balance(m.name) + shift, &alt}} {
					base, cand := drawRatios(r, n, m.draw, c.effect)
					parts, err := Contributions([]Ratio{base}, []Ratio{cand})
					if err != nil {
						t.Fatal(err)
					}
					flip, err := SignFlip(parts, SignFlipOptions{Resamples: 999, Seed: r.Uint64()})
					if err != nil {
						t.Fatal(err)
					}
					ranks, err := Wilcoxon(parts, WilcoxonOptions{})
					if err != nil {
						t.Fatal(err)
					}
					plan, err := NewPlan(n, 999, r.Uint64())
					if err != nil {
						t.Fatal(err)
					}
					iv, err := plan.Interval(Difference([]Ratio{base}, []Ratio{cand}), Options{})
					if err != nil {
						t.Fatal(err)
					}
					for k, hit := range []bool{flip.P <= .05, ranks.P <= .05, iv.Lo > 0 || iv.Hi < 0} {
						if hit {
							c.hits[k]++
						}
					}
				}
			}
			row := fmt.Sprintf("| %s | %d |", m.name, n)
			for k := range null {
				row += fmt.Sprintf(" %.1f | %.0f |", 100*share(null[k], sims), 100*share(alt[k], sims))
			}
			t.Logf("%s %.3g |", row, mde)
			if a := share(null[0], sims); n >= 40 && a > .125 {
				t.Errorf("%s, %d clusters: sign flips raise %.3f false alarms", m.name, n, a)
			}
			if p := share(alt[0], sims); n >= 40 && (p < .62 || p > .95) {
				t.Errorf("%s, %d clusters: sign flips find %.3f of the effects that should be found at .8", m.name, n, p)
			}
		}
	}
}

// balance is the effect at which candidate and baseline are equally good: the
// candidate's own noise moves means through the bends of its link.
func balance(model string) float64 {
	switch model {
	case "word accuracy":
		return .010629 // E logistic(.8 + z + .3ε + x) = E logistic(.8 + z), by quadrature
	case "CER":
		return .014138 // E min(1, exp(−2 + z + .2ε − x)) = E min(1, exp(−2 + z)), likewise
	}
	return 0
}

// designEffect finds the effect whose mean difference is what [DetectableEffect]
// says for n clusters and 80 % power, by bisection on many draws.
func designEffect(n, many int, draw func(*rand.Rand, float64) sample, start float64) (effect, mde float64) {
	difference := func(x float64) (d, se float64) {
		base, cand := drawRatios(rand.New(rand.NewPCG(7, 7)), many, draw, start+x)
		diff := Ratio{make([]float64, many), base.Den}
		for i := range many {
			diff.Num[i] = cand.Num[i] - base.Num[i]
		}
		return diff.Value(), diff.StdErr() * math.Sqrt(float64(many)/float64(n))
	}
	zero, _ := difference(0)
	lo, hi := 0.0, 4.0
	for range 12 {
		x := (lo + hi) / 2
		d, se := difference(x)
		mde = DetectableEffect(se, n, .05, .8)
		if math.Abs(d-zero) < mde {
			lo = x
		} else {
			hi = x
		}
	}
	return (lo + hi) / 2, mde
}
