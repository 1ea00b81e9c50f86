package compare

import (
	"fmt"
	"math"
	"path"
	"slices"
	"strconv"
	"strings"

	"gonum.org/v1/gonum/stat/distuv"

	"github.com/vtbench/vtbench/bench/record"
	"github.com/vtbench/vtbench/metrics"
	"github.com/vtbench/vtbench/metrics/stat"
)

// Margin is the smallest difference that matters, of the metrics that a pattern names.
type Margin struct {
	Metric string `json:"metric"` // pattern as of path.Match
	metrics.Margin
}

func margin(metric string, absolute, relative float64) Margin {
	return Margin{metric, metrics.Margin{Absolute: absolute, Relative: relative}}
}

// ParseMargin reads "t-acc=0.02" or "bpp-*=1%".
func ParseMargin(s string) (Margin, error) {
	name, v, ok := strings.Cut(s, "=")
	if !ok || name == "" {
		return Margin{}, fmt.Errorf("margin %q: want METRIC=NUMBER or METRIC=PERCENT%%, for example t-acc=0.01", s)
	}
	abs, rel, err := parseAmount(v)
	if err != nil {
		return Margin{}, fmt.Errorf("margin %q: %w", s, err)
	}
	m := margin(name, abs, rel)
	return m, m.check()
}

// parseAmount reads "0.02" or "3%".
func parseAmount(s string) (absolute, relative float64, err error) {
	number, isPercent := strings.CutSuffix(strings.TrimSpace(s), "%")
	f, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
	if err != nil || math.IsNaN(f) || math.IsInf(f, 0) || f < 0 {
		return 0, 0, fmt.Errorf("%q is not an amount: want a number such as 0.01, or a share of the baseline such as 2%%", s)
	}
	if isPercent {
		return 0, f / 100, nil
	}
	return f, 0, nil
}

func (m Margin) check() error {
	if _, err := path.Match(m.Metric, ""); err != nil {
		return fmt.Errorf("margin of %q: %w", m.Metric, err)
	}
	if !(m.Absolute >= 0) || !(m.Relative >= 0) || math.IsInf(m.Absolute+m.Relative, 0) {
		return fmt.Errorf("margin of %q: %g and %g must not be negative", m.Metric, m.Absolute, m.Relative)
	}
	return nil
}

// margin is what the user says of a metric, or else what the metric itself does.
func (e *engine) margin(r Row) float64 {
	m := r.spec.Margin
	for _, o := range e.o.Margins {
		if matches(o.Metric, r.Metric) {
			m = o.Margin
		}
	}
	return m.Of(float64(r.Baseline))
}

// adjust corrects p-values for the number of rows and gives verdicts. Headline
// rows, on which a decision hangs, are one family (Holm), all others another
// (Benjamini–Hochberg): a row of the grid that is called different may be one of
// the 5 % false ones among those called so.
func (e *engine) adjust() {
	rows := e.report.Rows
	var head, grid []int
	for i, r := range rows {
		switch {
		case math.IsNaN(float64(r.P)):
		case r.Headline:
			head = append(head, i)
		default:
			grid = append(grid, i)
		}
	}
	e.report.Method.Headline, e.report.Method.Grid = len(head), len(grid)
	apply := func(which []int, name string, correct func([]float64) []float64) {
		ps := make([]float64, len(which))
		for k, i := range which {
			ps[k] = float64(rows[i].P)
		}
		for k, p := range correct(ps) {
			rows[which[k]].Adjusted, rows[which[k]].Correction = record.Number(p), name
		}
	}
	apply(head, "holm", stat.Holm)
	apply(grid, "bh", stat.BenjaminiHochberg)
	for i := range rows {
		r := &rows[i]
		if r.N == 0 || r.Verdict != NotCompared || r.Why != "" {
			continue
		}
		level := e.o.Alpha
		if r.Headline {
			level /= float64(max(1, len(head))) // Holm's first step, the hardest
		}
		r.Detectable = record.Number(e.detectable(r, level))
		r.judge(e.o.Alpha)
		// The interval may exclude 0 here, since few resamples lack all images that
		// differ; the test knows better.
		if r.Verdict == NoDifference && r.Why == "" && r.differing > 0 && r.differing < r.Clusters && smallestP(r.differing) > level {
			r.Why = fmt.Sprintf("only %d of %d samples (%s) differ, too few for any verdict", r.differing, r.Clusters, samples(r.films))
		}
		if math.IsNaN(float64(r.Detectable)) && r.Verdict == NoDifference && r.Why == "" && r.se > 0 {
			r.Why = fmt.Sprintf("%d samples (%s) are too few for any verdict", r.Clusters, samples(r.films))
		}
	}
}

// samples are what is independent of each other, in words.
func samples(films bool) string {
	if films {
		return "clips"
	}
	return "images or people"
}

// smallestP is the smallest p-value that n images can give: that of 2 among 2^n sign
// patterns.
func smallestP(n int) float64 { return math.Ldexp(2, -n) }

// detectable is the smallest true difference that would be called one: large enough
// for the test, and for an estimate around it to exceed the margin. It is NaN where
// even the smallest p-value of the test, 2 of 2^n sign patterns, is above the level.
func (e *engine) detectable(r *Row, level float64) float64 {
	if !(r.se > 0) || smallestP(r.Clusters) > level {
		return nan
	}
	k := effectKey{r.Clusters, level}
	unit, known := e.effects[k]
	if !known { // in units of the standard error; finding it takes a millisecond
		unit = stat.DetectableEffect(1, r.Clusters, level, e.o.Power)
		e.effects[k] = unit
	}
	return max(unit*r.se, float64(r.Margin)+distuv.UnitNormal.Quantile(e.o.Power)*r.se)
}

// judge gives the verdict of a row: significance and size for a difference, an
// interval within the margin for equivalence.
func (r *Row) judge(alpha float64) {
	delta, margin := float64(r.Delta), float64(r.Margin)
	few := slices.Contains(r.Warnings, string(stat.WarnFewClusters))
	significant := float64(r.Adjusted) < alpha // false for NaN
	matters := math.Abs(delta) >= margin && delta != 0
	inside := float64(r.Lo) > -margin && float64(r.Hi) < margin
	switch {
	case r.Clusters < 2:
		r.Verdict, r.Why = NoDifference, "one image says nothing about others"
		if r.films {
			r.Why = "one clip says nothing about others"
		}
	case significant && matters:
		switch reg := r.Regression(); {
		case math.IsNaN(reg):
			r.Verdict = Changed
		case reg > 0:
			r.Verdict = Worse
		default:
			r.Verdict = Better
		}
	case inside && !few:
		r.Verdict = Equivalent
		switch {
		case r.Lo == 0 && r.Hi == 0:
			r.Why = "all paired sums are equal"
		case significant:
			r.Why = "a difference is there, but too small to matter"
		}
	case significant:
		r.Verdict, r.Why = NoDifference, "significant, but smaller than what matters; larger ones are not excluded"
	case inside:
		r.Verdict, r.Why = NoDifference, fmt.Sprintf("within the margin, but on fewer than %d images", stat.FewClusters)
		if r.films {
			r.Why = fmt.Sprintf("within the margin, but on fewer than %d clips", stat.FewClusters)
		}
	default:
		r.Verdict = NoDifference
	}
}
