package compare

import (
	"flag"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/vtbench/vtbench/bench/record"
	"github.com/vtbench/vtbench/bench/summary"
	"github.com/vtbench/vtbench/metrics"
	"github.com/vtbench/vtbench/metrics/stat"
)

// The tables of the documentation come from
//
//	go test ./bench/compare -run Simulation -simulations 2000 -v
//
// Without the flag the same code runs over 200 data sets of one size.
var simulations = flag.Int("simulations", 0, "data sets to simulate in each cell of the tables, all sizes (0: 200 of one size)")

func simulationSizes() (images []int, sims, resamples int) {
	if *simulations > 0 {
		return []int{20, 60, 240}, *simulations, 999
	}
	return []int{60}, 200, 399
}

// simHeader is a small text suite: words in two bins, a micro-average in which few
// images carry most errors, and one value an image.
func simHeader() Header {
	return Header{
		Source: FromRun, Suite: SuiteID{ID: "sim", Version: 1, Digest: "s"}, Headline: []string{"t-acc", "cer", "psnr"}, Worst: "t-acc",
		Bins: []string{"small", "large"}, Datasets: []DatasetID{{Name: "d", Version: 1, Digest: "d"}}, Seed: 1,
		Tokens: []TokenID{{Name: "tok"}},
		Metrics: []metrics.Spec{
			{ID: "t-acc", Version: 1, Title: "T-ACC", Better: metrics.Higher, Scope: metrics.PerInstance},
			{ID: "cer", Version: 1, Title: "CER", Better: metrics.Lower, Scope: metrics.PerInstance, Weighted: true},
			{ID: "psnr", Version: 1, Title: "PSNR", Unit: "dB", Better: metrics.Higher, Scope: metrics.PerImage},
		},
	}
}

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

// draw makes the records of one image for both sides. The sides share how hard the
// image is (the intraclass correlation of words is about .2) and have noise of
// their own, equal in distribution, so that without an effect they could be
// swapped. The effect moves the candidate towards the better end of every metric.
func draw(r *rand.Rand, item string, effect float64, add func(side int, rec record.Record)) {
	hard := r.NormFloat64()
	words := 1 + r.IntN(9)
	size := make([]string, words)
	chars := make([]int, words)
	for i := range words {
		size[i], chars[i] = []string{"small", "large"}[r.IntN(2)], 3+r.IntN(8)
	}
	for side := range 2 {
		shift := effect * float64(side)
		noise := .3 * r.NormFloat64()
		rec := record.Record{Dataset: "d", Tokenizer: "tok", Item: item, Condition: "clean@256"}
		for i := range words {
			rec.Instance, rec.Bin = string(rune('a'+i)), size[i]
			easier := 0.0
			if size[i] == "large" {
				easier = 1
			}
			rec.Metric, rec.Value, rec.N = "t-acc", record.Num(binomial(r, 1, logistic(.3+easier+hard+noise+shift))), 0
			add(side, rec)
			wrong := min(1, math.Exp(-2-easier/2-hard+noise/2-shift/2))
			rec.Metric, rec.Value, rec.N = "cer", record.Num(binomial(r, chars[i], wrong)/float64(chars[i])), float64(chars[i])
			add(side, rec)
		}
		rec.Instance, rec.Bin, rec.N = "", "", 0
		rec.Metric, rec.Value = "psnr", record.Num(30+4*hard+.5*r.NormFloat64()+shift/2)
		add(side, rec)
	}
}

// drawResults makes two results of n images.
func drawResults(tb testing.TB, r *rand.Rand, n int, effect float64) (base, cand *Results) {
	tb.Helper()
	b := [2]*Builder{NewBuilder("base", simHeader()), NewBuilder("cand", simHeader())}
	for i := range n {
		draw(r, fmt.Sprintf("%05d", i), effect, func(side int, rec record.Record) { b[side].Add(&rec) })
	}
	return built(tb, b[0]), built(tb, b[1])
}

func built(tb testing.TB, b *Builder) *Results {
	tb.Helper()
	r, err := b.Results()
	if err != nil {
		tb.Fatal(err)
	}
	return r
}

// noMargin lets significance alone decide, so that tests are seen and not margins.
var noMargin = []Margin{{Metric: "*"}}

func compareBoth(tb testing.TB, base, cand *Results, o Options) *Report {
	tb.Helper()
	r, err := Compare([]Side{{Results: base}}, Side{Results: cand}, o)
	if err != nil {
		tb.Fatal(err)
	}
	return r
}

// outcome counts what a family of rows did over many data sets.
type outcome struct{ anyRaw, anyAdjusted, anyVerdict, rows, raw int }

func (o *outcome) add(rows []Row, alpha float64) {
	var raw, adjusted, verdict bool
	for _, x := range rows {
		if math.IsNaN(float64(x.P)) {
			continue
		}
		o.rows++
		if float64(x.P) < alpha {
			o.raw++
			raw = true
		}
		adjusted = adjusted || float64(x.Adjusted) < alpha
		verdict = verdict || x.Verdict == Better || x.Verdict == Worse
	}
	for _, c := range []struct {
		hit bool
		n   *int
	}{{raw, &o.anyRaw}, {adjusted, &o.anyAdjusted}, {verdict, &o.anyVerdict}} {
		if c.hit {
			*c.n++
		}
	}
}

func percentOf(n, of int) float64 { return 100 * float64(n) / float64(max(of, 1)) }

func grid(r *Report) []Row {
	return slices.DeleteFunc(slices.Clone(r.Rows), func(x Row) bool { return x.Headline })
}

// pairSource makes the two sides of one simulated data set.
type pairSource struct {
	name string
	make func(r *rand.Rand, n int) (base, cand *Results)
}

// A against A: two sides of one distribution, and two real tokenizers whose images
// are swapped at random, so that no difference is left.
func TestSimulationOfNoDifference(t *testing.T) {
	photos := realRecords(t)
	sources := []pairSource{
		{"simulated", func(r *rand.Rand, n int) (*Results, *Results) { return drawResults(t, r, n, 0) }},
		{"real", func(r *rand.Rand, n int) (*Results, *Results) { return photos.sample(t, r, n, true) }},
	}
	images, sims, resamples := simulationSizes()
	t.Log("| records | images | a headline row, uncorrected | Holm | verdict | a row of the grid, uncorrected | Benjamini–Hochberg | verdict | single rows, uncorrected |")
	for _, src := range sources {
		for _, n := range images {
			r := rand.New(rand.NewPCG(uint64(n), 11))
			var head, rest outcome
			for s := range sims {
				base, cand := src.make(r, n)
				report := compareBoth(t, base, cand, Options{Resamples: resamples, Seed: uint64(s) + 1, Margins: noMargin})
				head.add(report.Headline(), .05)
				rest.add(grid(report), .05)
			}
			t.Logf("| %s | %d | %.1f | %.1f | %.1f | %.1f | %.1f | %.1f | %.1f |", src.name, n,
				percentOf(head.anyRaw, sims), percentOf(head.anyAdjusted, sims), percentOf(head.anyVerdict, sims),
				percentOf(rest.anyRaw, sims), percentOf(rest.anyAdjusted, sims), percentOf(rest.anyVerdict, sims),
				percentOf(head.raw+rest.raw, head.rows+rest.rows))
			// Three standard errors above the stated 5 %.
			limit := 100 * (.05 + 3*math.Sqrt(.05*.95/float64(sims)))
			if got := percentOf(head.anyVerdict, sims); got > limit {
				t.Errorf("%s, %d images: a headline row is better or worse in %.1f %% of comparisons of A with A, at most %.1f expected", src.name, n, got, limit)
			}
			if got := percentOf(rest.anyVerdict, sims); got > limit {
				t.Errorf("%s, %d images: a row of the grid is better or worse in %.1f %% of comparisons of A with A, at most %.1f expected", src.name, n, got, limit)
			}
			if head.anyAdjusted > head.anyRaw || head.anyVerdict > head.anyAdjusted {
				t.Errorf("%s, %d images: correction finds more than no correction: %+v", src.name, n, head)
			}
		}
	}
}

// rowKey names a row across data sets.
type rowKey struct{ metric, bin string }

// truths are the differences that infinitely many images would show.
func truths(effect float64) map[rowKey]float64 {
	const many = 60_000
	type sum struct{ base, cand, den float64 }
	sums := map[rowKey]*sum{}
	r := rand.New(rand.NewPCG(1, 1))
	for range many {
		draw(r, "", effect, func(side int, rec record.Record) {
			for _, bin := range slices.Compact([]string{rec.Bin, ""}) {
				k := rowKey{rec.Metric, bin}
				if sums[k] == nil {
					sums[k] = &sum{}
				}
				v := float64(*rec.Value) * rec.Weight()
				if side == 0 {
					sums[k].base += v
					sums[k].den += rec.Weight()
				} else {
					sums[k].cand += v
				}
			}
		})
	}
	out := map[rowKey]float64{}
	for k, s := range sums {
		out[k] = (s.cand - s.base) / s.den
	}
	for _, m := range []string{"t-acc", "cer"} {
		out[rowKey{m, summary.BinMean}] = (out[rowKey{m, "small"}] + out[rowKey{m, "large"}]) / 2
	}
	return out
}

// effectCell is what one row did over many data sets with a true difference.
type effectCell struct {
	sims, covered, found int
	predicted            float64
}

// True differences: how often the 95 % interval of a headline row covers them, and
// how often they are found, against the predicted power.
func TestSimulationOfTrueEffects(t *testing.T) {
	photos := realRecords(t)
	images, sims, resamples := simulationSizes()
	t.Log("| records | row | images | coverage of the 95 % interval | power, predicted | power, measured |")
	if *simulations == 0 {
		sims /= 2
	}
	for _, n := range images {
		// About as large as n images can show, so that power is neither 0 nor 1.
		effect := map[int]float64{20: .9, 60: .5, 240: .25}[n]
		simulated := truths(effect)
		for _, src := range []struct {
			pairSource
			truth map[rowKey]float64
		}{
			{pairSource{"simulated", func(r *rand.Rand, n int) (*Results, *Results) { return drawResults(t, r, n, effect) }}, simulated},
			{pairSource{"real", func(r *rand.Rand, n int) (*Results, *Results) { return photos.sample(t, r, n, false) }}, photos.truth},
		} {
			cells := map[rowKey]*effectCell{}
			r := rand.New(rand.NewPCG(uint64(n), 12))
			for s := range sims {
				base, cand := src.make(r, n)
				report := compareBoth(t, base, cand, Options{Resamples: resamples, Seed: uint64(s) + 1, Margins: noMargin})
				for _, x := range report.Headline() {
					k := rowKey{x.Metric, x.Bin}
					truth, ok := src.truth[k]
					if !ok || math.IsNaN(float64(x.Lo)) {
						t.Fatalf("%s: no truth or no interval of %+v", src.name, k)
					}
					c := cells[k]
					if c == nil {
						c = &effectCell{}
						cells[k] = c
					}
					c.sims++
					if float64(x.Lo) <= truth && truth <= float64(x.Hi) {
						c.covered++
					}
					if float64(x.P) < .05 { // single rows, as the prediction is
						c.found++
					}
					c.predicted += stat.Power(truth, x.se, x.Clusters, .05)
				}
			}
			for _, id := range []string{"t-acc", "cer", "psnr"} {
				for _, bin := range []string{summary.BinMean, ""} {
					c := cells[rowKey{id, bin}]
					if c == nil {
						continue
					}
					covered, found, predicted := percentOf(c.covered, c.sims), percentOf(c.found, c.sims), 100*c.predicted/float64(c.sims)
					t.Logf("| %s | %s %s | %d | %.1f | %.0f | %.0f |", src.name, id, bin, n, covered, predicted, found)
					// The quick run has a standard error of 2.2 points.
					if n >= 60 && (covered < 90 || covered > 99) {
						t.Errorf("%s, %s %s, %d images: the 95 %% interval covers %.1f %%", src.name, id, bin, n, covered)
					}
					if n >= 60 && math.Abs(found-predicted) > 12 {
						t.Errorf("%s, %s %s, %d images: found in %.0f %%, predicted %.0f %%", src.name, id, bin, n, found, predicted)
					}
				}
			}
		}
	}
}
