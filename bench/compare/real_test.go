package compare

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/vtbench/vtbench/bench"
)

// realFile holds the records of two built-in tokenizers of about equal use on all
// 240 images of the text suite, 4,000 words. It was made by
//
//	vtbench run --suite text --full -r 256 -t kl:patch=8,dim=16 -t vq:patch=4,k=1024 -o runs/real
//	vtbench baseline save runs/real -m t-acc,cer,psnr -o bench/compare/testdata/real.vtbench.json.gz
const (
	realFile = "testdata/real" + BaselineSuffix
	realBase = "kl:patch=8,dim=16"
	realCand = "vq:patch=4,k=1024"
)

// population is a set of real images from which simulated data sets are drawn.
type population struct {
	results *Results
	items   []string
	records [2]map[string][]bench.Record // by side and item
	truth   map[rowKey]float64           // the difference between the two on all images
}

func realResults(tb testing.TB) *Results {
	tb.Helper()
	r, err := Load(realFile, LoadOptions{})
	if err != nil {
		tb.Fatal(err)
	}
	return r
}

func realRecords(tb testing.TB) *population {
	tb.Helper()
	r := realResults(tb)
	p := &population{results: r, truth: map[rowKey]float64{}}
	for side, token := range []string{realBase, realCand} {
		p.records[side] = map[string][]bench.Record{}
		for _, k := range r.keys() {
			if k.tokenizer != token {
				continue
			}
			for _, v := range r.cells[k].values {
				u := r.units[v.unit]
				rec := bench.Record{
					Tokenizer: "tok", Dataset: k.dataset, Condition: k.condition, Metric: k.metric, Instance: u.instance,
					Bin: r.binNames[v.bin], N: v.n, Drop: reasons[v.reason], Value: bench.Num(v.v),
				}
				if side == 0 && p.records[0][u.item] == nil {
					p.items = append(p.items, u.item)
				}
				p.records[side][u.item] = append(p.records[side][u.item], rec)
			}
		}
	}
	report, err := Compare([]Side{{r, realBase}}, Side{r, realCand}, Options{Resamples: 99})
	if err != nil {
		tb.Fatal(err)
	}
	for _, x := range report.Rows {
		p.truth[rowKey{x.Metric, x.Bin}] = float64(x.Delta)
	}
	return p
}

// sample draws n images with replacement. Where swap is set, the sides of each
// image are exchanged by the toss of a coin, so that none is better.
func (p *population) sample(tb testing.TB, r *rand.Rand, n int, swap bool) (base, cand *Results) {
	tb.Helper()
	h := p.results.Header
	h.Tokens = []TokenID{{Name: "tok"}}
	b := [2]*Builder{NewBuilder("base", h), NewBuilder("cand", h)}
	for i := range n {
		item := p.items[r.IntN(len(p.items))]
		flip := 0
		if swap {
			flip = r.IntN(2)
		}
		for side := range 2 {
			for _, rec := range p.records[side^flip][item] {
				rec.Item = fmt.Sprintf("%04d", i)
				b[side].Add(&rec)
			}
		}
	}
	return built(tb, b[0]), built(tb, b[1])
}
