package summary

import (
	"cmp"
	"slices"

	"github.com/vtbench/vtbench/bench/record"
)

// count puts a value into the histogram of its row.
func (a *aggregation) count(key cellKey, v float64) {
	span, asked := a.m.Suite.Distributions[key.metric]
	if !asked {
		return
	}
	if len(span) != 2 {
		lo, hi, ok := a.specs[key.metric].Span()
		if !ok {
			return // a metric without limits, of which nobody said what to show
		}
		span = []float64{lo, hi}
	}
	d := a.histograms[key]
	if d == nil {
		d = &Distribution{
			Tokenizer: key.tokenizer, Dataset: key.dataset, Condition: key.condition, Metric: key.metric,
			Lo: record.Number(span[0]), Hi: record.Number(span[1]), Counts: make([]int, bars),
		}
		a.histograms[key] = d
	}
	d.add(v)
}

func (a *aggregation) distributions() []Distribution {
	var out []Distribution
	for _, d := range a.histograms {
		out = append(out, *d)
	}
	slices.SortFunc(out, func(x, y Distribution) int {
		return cmp.Or(cmp.Compare(x.Dataset, y.Dataset), cmp.Compare(x.Condition, y.Condition),
			cmp.Compare(x.Metric, y.Metric), cmp.Compare(x.Tokenizer, y.Tokenizer))
	})
	return out
}

// A Distribution is a histogram of single values: those that count in the mean, in
// bars of equal width from Lo to Hi; what lies beyond is in the first or last bar.
type Distribution struct {
	Tokenizer string        `json:"tokenizer"`
	Dataset   string        `json:"dataset"`
	Condition string        `json:"condition"`
	Metric    string        `json:"metric"`
	Lo        record.Number `json:"lo"`
	Hi        record.Number `json:"hi"`
	Counts    []int         `json:"counts"`
}

// bars is how many bars a distribution has.
const bars = 50

func (d *Distribution) add(v float64) {
	lo, hi := float64(d.Lo), float64(d.Hi)
	i := int((v - lo) / (hi - lo) * bars)
	d.Counts[min(max(i, 0), bars-1)]++
}
