package compare

import (
	"math"
	"slices"

	"github.com/vtbench/vtbench/bench/record"
	"github.com/vtbench/vtbench/metrics"
	"github.com/vtbench/vtbench/metrics/stat"
)

// contestant is a tokenizer of a side, as a point.
type contestant struct {
	side  Side
	role  string
	token TokenID
	name  string
}

func contestants(baselines []Side, candidate Side) ([]contestant, error) {
	var out []contestant
	add := func(s Side, role string) error {
		toks, err := s.selected()
		if err != nil {
			return err
		}
		for _, t := range toks {
			out = append(out, contestant{s, role, t, s.Results.Name + "#" + t.Name})
		}
		return nil
	}
	for _, b := range baselines {
		if err := add(b, "baseline"); err != nil {
			return nil, err
		}
	}
	if err := add(candidate, "candidate"); err != nil {
		return nil, err
	}
	seen := map[string]bool{}
	return slices.DeleteFunc(out, func(c contestant) bool { // RUN against RUN#x names x twice
		if seen[c.name] {
			return true
		}
		seen[c.name] = true
		return false
	}), nil
}

// overall is the mean of all values of a tokenizer: over bins for metrics of
// instances, where every bin has some.
func (r *Results) overall(k cellKey, spec metrics.Spec) (value float64, n int) {
	if spec.Scope.Whole() {
		if c, ok := r.ofSet(k); ok {
			return float64(c.Value), c.Images
		}
		return nan, 0
	}
	c := r.cells[k]
	if c == nil {
		return nan, 0
	}
	num, den := make([]float64, len(r.binNames)), make([]float64, len(r.binNames))
	var allNum, allDen float64
	for _, v := range c.values {
		if v.reason == 0 {
			num[v.bin] += v.v * v.n
			den[v.bin] += v.n
			allNum += v.v * v.n
			allDen += v.n
			n++
		}
	}
	if spec.ByClass {
		classes := make([]float64, len(num))
		for i := range num {
			classes[i] = num[i] / den[i] // NaN, and left out, where the class does not occur
		}
		return stat.MeanOfDefined(classes), n
	}
	if spec.ByBin() && len(r.Bins) > 0 {
		total, ok := 0.0, true
		for _, name := range r.Bins {
			i := slices.Index(r.binNames, name)
			if i < 0 || den[i] == 0 {
				ok = false
				break
			}
			total += num[i] / den[i]
		}
		if ok {
			return total / float64(len(r.Bins)), n
		}
	}
	if allDen == 0 {
		return nan, 0
	}
	return allNum / allDen, n
}

// fronts makes the Pareto fronts of every headline metric, and the curves of those and,
// where curves are all that is compared or metrics were asked for, of all others.
func (e *engine) fronts(baselines []Side, candidate Side) error {
	list, err := contestants(baselines, candidate)
	if err != nil {
		return err
	}
	h := &candidate.Results.Header
	if h.Source == Imported {
		h = &baselines[0].Results.Header
	}
	specs := make([]metrics.Spec, 0, len(h.Metrics))
	for _, id := range h.Headline {
		if spec, ok := specOf(h, id); ok {
			specs = append(specs, spec)
		}
	}
	heads := len(specs)
	if e.o.Metrics != nil || len(e.curvesOnly) > 0 {
		for _, spec := range h.Metrics {
			if !slices.Contains(h.Headline, spec.ID) {
				specs = append(specs, spec)
			}
		}
	}
	m := newMatch(candidate.Results, candidate.Results)
	for _, d := range h.Datasets {
		for _, cond := range m.conditions(d.Name) {
			if !isClean(cond) {
				continue
			}
			for i, spec := range specs {
				if !e.wants(spec.ID) || spec.Role == metrics.RoleRate || spec.Better == metrics.Neither {
					continue
				}
				if i < heads {
					e.front(list, d.Name, cond, spec)
				}
				e.curves(list, d.Name, cond, spec)
			}
		}
	}
	if len(e.curvesOnly) > 0 && len(e.report.Curves) == 0 {
		e.warn("there is no metric of quality of undamaged images that both sides measure and that was asked for")
	}
	return nil
}

func specOf(h *Header, id string) (metrics.Spec, bool) {
	i := slices.IndexFunc(h.Metrics, func(s metrics.Spec) bool { return s.ID == id })
	if i < 0 {
		return metrics.Spec{}, false
	}
	return h.Metrics[i], true
}

// rateMetrics are the ids of measures of rate that any of the contestants has, those
// of a real bitstream first. One comparison uses one of them for all, since a
// bitstream and a count of tokens are not the same thing.
func rateMetrics(list []contestant) []string {
	var ids []string
	for _, counting := range metrics.Countings() {
		for _, c := range list {
			for _, s := range c.side.Results.Metrics {
				if s.Rate == counting && !slices.Contains(ids, s.ID) {
					ids = append(ids, s.ID)
				}
			}
		}
	}
	return ids
}

// rate is the mean of a measure of rate, NaN where the tokenizer has none.
func (c contestant) rate(dataset, cond, id string) float64 {
	if s, ok := c.side.Results.Spec(id); ok {
		if v, _ := c.side.Results.overall(cellKey{dataset, c.token.Name, cond, id}, s); v > 0 {
			return v
		}
	}
	return nan
}

func (e *engine) front(list []contestant, dataset, cond string, spec metrics.Spec) {
	f := Front{Dataset: dataset, Condition: cond, Metric: spec.ID, Title: spec.Title, Unit: spec.Unit, Better: spec.Better, Show: spec.Show}
	rates := make([]float64, len(list))
	best := 0
	for _, id := range rateMetrics(list) { // the first that most tokenizers have
		found := 0
		got := make([]float64, len(list))
		for i, c := range list {
			if got[i] = c.rate(dataset, cond, id); !math.IsNaN(got[i]) {
				found++
			}
		}
		if found > best {
			best, rates, f.Rate = found, got, id
		}
	}
	for i, c := range list {
		r := c.side.Results
		v, n := r.overall(cellKey{dataset, c.token.Name, cond, spec.ID}, spec)
		elsewhere := ""
		if math.IsNaN(v) && r.Source == Imported && len(r.Datasets) == 1 {
			elsewhere = r.Datasets[0].Name
			v, n = r.overall(cellKey{elsewhere, c.token.Name, cond, spec.ID}, spec)
		}
		if math.IsNaN(v) {
			continue
		}
		if best == 0 {
			rates[i] = nan
		}
		f.Points = append(f.Points, FrontPoint{Name: c.name, Role: c.role, Source: r.Source, Dataset: elsewhere, Rate: record.Number(rates[i]), Value: record.Number(v), N: n})
	}
	for i := range f.Points {
		for j := range f.Points {
			if i != j && dominates(f.Points[j], f.Points[i], spec.Better) {
				f.Points[i].DominatedBy = append(f.Points[i].DominatedBy, f.Points[j].Name)
			}
		}
	}
	if len(f.Points) > 1 {
		e.report.Fronts = append(e.report.Fronts, f)
	}
}

// alike reports whether two means differ by no more than the order of their sums.
func alike(a, b float64) bool { return math.Abs(a-b) <= 1e-9*max(math.Abs(a), math.Abs(b)) }

// dominates reports whether a has at most the rate and at least the quality of b,
// and is not equal in both.
func dominates(a, b FrontPoint, d metrics.Direction) bool {
	if !(float64(a.Rate) <= float64(b.Rate)) || a.Dataset != b.Dataset { // false for NaN
		return false
	}
	va, vb := float64(a.Value), float64(b.Value)
	if d == metrics.Lower {
		va, vb = -va, -vb
	}
	same := alike(va, vb)
	return (va > vb || same) && (!same || float64(a.Rate) < float64(b.Rate) && !alike(float64(a.Rate), float64(b.Rate)))
}
