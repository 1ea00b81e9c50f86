package compare

import (
	"cmp"
	"slices"

	"github.com/vtbench/vtbench/bench"
	"github.com/vtbench/vtbench/metrics"
)

// worstCases is how many instances of a pair are listed.
const worstCases = 6

// worst lists the instances that lost most from baseline to candidate in the
// metric by which the suite picks its worst cases.
func (e *engine) worst(m *match, pairs []int) {
	id := m.b.Worst
	if id == "" && len(m.b.Headline) > 0 {
		id = m.b.Headline[0]
	}
	spec, ok := m.b.Spec(id)
	if !ok || spec.Better == metrics.Neither || !e.wants(id) {
		return
	}
	type loss struct {
		WorstCase
		by float64
	}
	for _, p := range pairs {
		pair := e.report.Pairs[p]
		var list []loss
		for _, k := range m.b.keys() {
			if k.metric != id || k.tokenizer != pair.BaselineToken || !isClean(k.condition) {
				continue
			}
			other := k
			other.tokenizer = pair.Token
			bc, cc := m.b.cells[k], m.c.cells[other]
			if cc == nil {
				continue
			}
			for i, v := range bc.values {
				m.at[v.unit] = int32(i) + 1
			}
			for _, y := range cc.values {
				u := m.toB[y.unit]
				if u < 0 || m.at[u] == 0 {
					continue
				}
				x := bc.values[m.at[u]-1]
				by := x.v - y.v
				if spec.Better == metrics.Lower {
					by = -by
				}
				if x.reason != 0 || y.reason != 0 || by <= 0 {
					continue
				}
				name := m.b.units[u]
				list = append(list, loss{WorstCase{
					Pair: p, Dataset: k.dataset, Item: name.item, Instance: name.instance, Condition: k.condition,
					Bin: m.b.binNames[x.bin], Metric: id, Baseline: bench.Number(x.v), Candidate: bench.Number(y.v),
				}, by})
			}
			for _, v := range bc.values {
				m.at[v.unit] = 0
			}
		}
		slices.SortFunc(list, func(a, b loss) int {
			return cmp.Or(-cmp.Compare(a.by, b.by), cmp.Compare(a.Dataset, b.Dataset), cmp.Compare(a.Condition, b.Condition),
				cmp.Compare(a.Item, b.Item), cmp.Compare(a.Instance, b.Instance))
		})
		for _, l := range list[:min(len(list), worstCases)] {
			w := l.WorstCase
			if c, ok := findCase(m.c.cases, pair.Token, w); ok {
				w.Original, w.CandidateImage = c.Original, c.Reconstruction
			}
			if c, ok := findCase(m.b.cases, pair.BaselineToken, w); ok {
				w.BaselineImage = c.Reconstruction
			}
			e.report.WorstCases = append(e.report.WorstCases, w)
		}
	}
}

func findCase(cases []bench.Case, token string, w WorstCase) (bench.Case, bool) {
	for _, c := range cases {
		if c.Tokenizer == token && c.Dataset == w.Dataset && c.Item == w.Item && c.Instance == w.Instance && c.Condition == w.Condition {
			return c, true
		}
	}
	return bench.Case{}, false
}
