package compare

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/vtbench/vtbench/bench/record"
	"github.com/vtbench/vtbench/metrics"
	"github.com/vtbench/vtbench/metrics/stat"
)

// WarnLowRateOverlap is a warning of a [Curve]: less than [stat.MinOverlap] of the rates
// that the two cover together are shared, so BDQuality speaks for those only. The other
// warnings are those of [stat.BDRate], or words.
const WarnLowRateOverlap = "low_rate_overlap"

// A family is the tokenizers of one side that differ in their options: points of a
// curve of quality over rate.
type family struct {
	role, name string
	asked      bool // selected as a family: RUN#KIND
	only       bool // of a side that is compared with curves only
	members    []contestant
}

// A curvePoint is a member of a family that has both a rate and a quality.
type curvePoint struct {
	stat.Point
	name string
}

// families groups the contestants.
func (e *engine) families(list []contestant) []*family {
	var out []*family
	for _, c := range list {
		name := c.side.Results.Name + "#" + c.token.Family()
		k := slices.IndexFunc(out, func(f *family) bool { return f.role == c.role && f.name == name })
		if k < 0 {
			out = append(out, &family{
				role: c.role, name: name,
				asked: c.side.Tokenizer == c.token.Family() && c.side.Tokenizer != c.token.Name,
				only:  c.role == "baseline" && slices.Contains(e.curvesOnly, c.side.name()),
			})
			k = len(out) - 1
		}
		out[k].members = append(out[k].members, c)
	}
	return out
}

// points are the members that have a metric and a measure of rate, by rate.
func (f *family) points(dataset, cond string, spec metrics.Spec, rate string) []curvePoint {
	var out []curvePoint
	for _, c := range f.members {
		x := c.rate(dataset, cond, rate)
		y, _ := c.side.Results.overall(cellKey{dataset, c.token.Name, cond, spec.ID}, spec)
		if !math.IsNaN(x) && !math.IsNaN(y) && !math.IsInf(y, 0) {
			out = append(out, curvePoint{stat.Point{Rate: x, Quality: y}, c.token.Name})
		}
	}
	slices.SortStableFunc(out, func(a, b curvePoint) int {
		if a.Rate < b.Rate {
			return -1
		}
		return 1
	})
	return out
}

// curves compares families that come at several rates, at equal rate and at equal
// quality. What cannot be compared is stated with the reason.
func (e *engine) curves(list []contestant, dataset, cond string, spec metrics.Spec) {
	fams := e.families(list)
	for _, b := range fams {
		for _, c := range fams {
			if b.role != "baseline" || c.role != "candidate" {
				continue
			}
			several := len(b.members) > 1 && len(c.members) > 1
			asked := b.asked && c.asked && (len(b.members) > 1 || len(c.members) > 1)
			if !several && !asked && !b.only {
				continue
			}
			if !b.measures(dataset, spec.ID) || !c.measures(dataset, spec.ID) {
				continue // said of the whole side
			}
			if !b.valued(dataset, cond, spec) && !c.valued(dataset, cond, spec) {
				continue // not a metric of this data set
			}
			out := Curve{
				Baseline: b.name, Candidate: c.name, Dataset: dataset, Condition: cond, Metric: spec.ID, Title: spec.Title, Unit: spec.Unit, Show: spec.Show,
				Better: spec.Better, BDRate: record.Number(nan), BDQuality: record.Number(nan), Overlap: record.Number(nan),
			}
			out.fill(b, c, spec, rateMetrics(list))
			e.report.Curves = append(e.report.Curves, out)
		}
	}
}

// measures reports whether a family's results have a metric and a data set at all.
func (f *family) measures(dataset, id string) bool {
	r := f.members[0].side.Results
	_, ok := r.Spec(id)
	return ok && slices.ContainsFunc(r.Datasets, func(d DatasetID) bool { return d.Name == dataset })
}

// valued reports whether any member has a value.
func (f *family) valued(dataset, cond string, spec metrics.Spec) bool {
	return slices.ContainsFunc(f.members, func(m contestant) bool {
		_, n := m.side.Results.overall(cellKey{dataset, m.token.Name, cond, spec.ID}, spec)
		return n > 0
	})
}

// fill computes the deltas, or says why there are none. Of several measures of rate it
// takes the one that gives most points, the first of equals.
func (out *Curve) fill(b, c *family, spec metrics.Spec, rates []string) {
	var bp, cp []curvePoint
	for _, id := range rates {
		x, y := b.points(out.Dataset, out.Condition, spec, id), c.points(out.Dataset, out.Condition, spec, id)
		if min(len(x), len(y)) > min(len(bp), len(cp)) || out.Rate == "" && len(x)+len(y) > 0 {
			bp, cp, out.Rate = x, y, id
		}
	}
	out.Points = [2]int{len(bp), len(cp)}
	if out.Why = fewPoints(b, c, bp, cp, spec, out, rates); out.Why != "" {
		return
	}
	warn := func(s string) {
		if !slices.Contains(out.Warnings, s) {
			out.Warnings = append(out.Warnings, s)
		}
	}
	if len(bp) < 4 || len(cp) < 4 {
		warn("fewer than 4 points on a curve")
	}
	bs, cs := plainPoints(bp), plainPoints(cp)
	if d, err := stat.BDQuality(bs, cs, stat.PCHIP); err == nil { // two equal rates are an error, and a reason below
		out.BDQuality = record.Number(d.Value)
		if slices.Contains(d.Warnings, stat.WarnLowOverlap) {
			warn(WarnLowRateOverlap)
		}
	}
	for _, f := range []struct {
		name   string
		points []curvePoint
	}{{b.name, bp}, {c.name, cp}} {
		if out.Why = notMonotone(f.name, f.points, spec, out.Rate); out.Why != "" {
			return
		}
	}
	d, err := stat.BDRate(bs, cs, stat.PCHIP)
	if err != nil {
		out.Why = err.Error()
		return
	}
	if slices.Contains(d.Warnings, stat.WarnNoOverlap) {
		out.Overlap = 0
		out.Why = fmt.Sprintf("the curves share no %s: %s reaches %s, %s %s", spec.Title, b.name, span(bp), c.name, span(cp))
		return
	}
	out.BDRate, out.Overlap = record.Number(d.Value), record.Number(d.Overlap)
	for _, w := range d.Warnings {
		warn(string(w))
	}
}

func plainPoints(ps []curvePoint) []stat.Point {
	out := make([]stat.Point, len(ps))
	for i, p := range ps {
		out[i] = p.Point
	}
	return out
}

func span(ps []curvePoint) string {
	lo, hi := math.Inf(1), math.Inf(-1)
	for _, p := range ps {
		lo, hi = min(lo, p.Quality), max(hi, p.Quality)
	}
	return fmt.Sprintf("%.4g to %.4g", lo, hi)
}

// fewPoints says why there are not two points on either curve.
func fewPoints(b, c *family, bp, cp []curvePoint, spec metrics.Spec, out *Curve, rates []string) string {
	if len(bp) > 1 && len(cp) > 1 {
		return ""
	}
	var without, lacking []string
	for _, f := range []struct {
		*family
		points []curvePoint
	}{{b, bp}, {c, cp}} {
		var measured []string
		for _, id := range rates {
			if slices.ContainsFunc(f.members, func(m contestant) bool { return !math.IsNaN(m.rate(out.Dataset, out.Condition, id)) }) {
				measured = append(measured, id)
			}
		}
		switch {
		case len(f.points) > 1:
		case len(measured) == 0:
			without = append(without, f.name+" has no measure of rate")
		case !slices.Contains(measured, out.Rate):
			without = append(without, fmt.Sprintf("%s has its rate in %s, not in %s", f.name, strings.Join(measured, ", "), out.Rate))
		case len(f.members) == 1:
			lacking = append(lacking, f.name+" is a single point, a curve needs 2 or more")
		default:
			lacking = append(lacking, fmt.Sprintf("%d of the %d tokenizers of %s have both a finite %s and %s, a curve needs 2 or more", len(f.points), len(f.members), f.name, spec.Title, out.Rate))
		}
	}
	return strings.Join(append(without, lacking...), "; ")
}

// notMonotone says where on a curve more rate does not give more quality: there,
// quality does not tell the rate.
func notMonotone(name string, ps []curvePoint, spec metrics.Spec, rate string) string {
	for i, p := range ps[1:] {
		q := ps[i]
		gain := p.Quality - q.Quality
		if spec.Better == metrics.Lower {
			gain = -gain
		}
		switch {
		case alike(p.Rate, q.Rate):
			return fmt.Sprintf("%s: %s and %s have the same %s", name, q.name, p.name, rate)
		case gain <= 0 || alike(p.Quality, q.Quality):
			return fmt.Sprintf("%s is not monotone: %s takes more rate than %s (%s %.4g, %.4g) and has no better %s (%.4g, %.4g)",
				name, p.name, q.name, rate, p.Rate, q.Rate, spec.Title, p.Quality, q.Quality)
		}
	}
	return ""
}
