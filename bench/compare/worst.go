package compare

import (
	"cmp"
	"slices"

	"github.com/vtbench/vtbench/bench/record"
	"github.com/vtbench/vtbench/bench/summary"
	"github.com/vtbench/vtbench/metrics"
)

// worstCases is how many instances of a pair are listed, for each metric that picks.
const worstCases = 6

// picks is the metric by which the worst cases of a data set are picked.
func (h *Header) picks(dataset string) string {
	switch {
	case h.WorstOf[dataset] != "":
		return h.WorstOf[dataset]
	case h.Worst != "" || len(h.Headline) == 0:
		return h.Worst
	}
	return h.Headline[0]
}

// worst lists the instances that lost most from baseline to candidate in the metric
// by which the suite picks its worst cases: as many for each such metric, since
// losses of two metrics do not compare.
func (e *engine) worst(m *match, pairs []int) {
	type loss struct {
		WorstCase
		by float64
	}
	picked := map[string][]cellKey{} // by tokenizer
	for _, k := range m.keys {
		if k.metric == m.b.picks(k.dataset) && isClean(k.condition) && e.wants(k.metric) {
			picked[k.tokenizer] = append(picked[k.tokenizer], k)
		}
	}
	for _, p := range pairs {
		pair := e.report.Pairs[p]
		var ids []string
		lists := map[string][]loss{}
		for _, k := range picked[pair.BaselineToken] {
			spec, ok := m.b.Spec(k.metric)
			other := k
			other.tokenizer = pair.Token
			bc, cc := m.b.cells[k], m.c.cells[other]
			if !ok || spec.Better == metrics.Neither || cc == nil {
				continue
			}
			if lists[k.metric] == nil {
				ids = append(ids, k.metric)
				lists[k.metric] = []loss{}
			}
			for u, v := range m.pairs(bc, cc) {
				x, y := v[0], v[1]
				by := x.v - y.v
				if spec.Better == metrics.Lower {
					by = -by
				}
				if x.reason != 0 || y.reason != 0 || by <= 0 {
					continue
				}
				name := m.b.units[u]
				lists[k.metric] = append(lists[k.metric], loss{WorstCase{
					Pair: p, Dataset: k.dataset, Item: name.item, Instance: name.instance, Condition: k.condition,
					Bin: m.b.binNames[x.bin], Metric: k.metric, Baseline: record.Number(x.v), Candidate: record.Number(y.v),
				}, by})
			}
		}
		for _, id := range ids {
			list := lists[id]
			slices.SortFunc(list, func(a, b loss) int {
				return cmp.Or(-cmp.Compare(a.by, b.by), cmp.Compare(a.Dataset, b.Dataset), cmp.Compare(a.Condition, b.Condition),
					cmp.Compare(a.Item, b.Item), cmp.Compare(a.Instance, b.Instance))
			})
			for _, l := range list[:min(len(list), worstCases)] {
				w := l.WorstCase
				if c, ok := findCase(m.c.cases, pair.Token, w); ok {
					w.Original, w.CandidateImage, w.Label, w.ReadCandidate = c.Original, c.Reconstruction, c.Expected, c.Got
				}
				if c, ok := findCase(m.b.cases, pair.BaselineToken, w); ok {
					w.BaselineImage, w.Label, w.ReadBaseline = c.Reconstruction, cmp.Or(w.Label, c.Expected), c.Got
				}
				e.report.WorstCases = append(e.report.WorstCases, w)
			}
		}
	}
}

// readings adds what was read to the worst cases of a match from the from-th on: one more
// pass over the records of each run.
func (e *engine) readings(m *match, from int) error {
	cases := e.report.WorstCases[from:]
	if len(cases) == 0 {
		return nil
	}
	for _, side := range []struct {
		dir   string
		token func(Pair) string
		read  func(*WorstCase) *string
	}{
		{m.b.Dir, func(p Pair) string { return p.BaselineToken }, func(w *WorstCase) *string { return &w.ReadBaseline }},
		{m.c.Dir, func(p Pair) string { return p.Token }, func(w *WorstCase) *string { return &w.ReadCandidate }},
	} {
		if side.dir == "" { // a baseline file keeps values alone
			continue
		}
		wanted := map[[5]string][]int{}
		for i, w := range cases {
			k := [5]string{side.token(e.report.Pairs[w.Pair]), w.Dataset, w.Item, w.Instance, w.Condition}
			wanted[k] = append(wanted[k], i)
		}
		for rec, err := range record.Records(side.dir) {
			if _, bad := summary.BadLine(err); bad {
				continue // counted where the run was read
			}
			if err != nil {
				return err
			}
			if rec.Detail == "" && rec.Expected == "" || rec.Drop != "" {
				continue
			}
			for _, i := range wanted[[5]string{rec.Tokenizer, rec.Dataset, rec.Item, rec.Instance, rec.Condition}] {
				if w := &cases[i]; rec.Metric == w.Metric || *side.read(w) == "" {
					w.Label, *side.read(w) = cmp.Or(w.Label, rec.Expected), rec.Detail
				}
			}
		}
	}
	return nil
}

func findCase(cases []record.Case, token string, w WorstCase) (record.Case, bool) {
	for _, c := range cases {
		if c.Tokenizer == token && c.Dataset == w.Dataset && c.Item == w.Item && c.Instance == w.Instance && c.Condition == w.Condition {
			return c, true
		}
	}
	return record.Case{}, false
}
