package summary

import (
	"fmt"
	"math"
	"slices"

	"github.com/vtbench/vtbench/bench/suite"
	"github.com/vtbench/vtbench/metrics"
	"github.com/vtbench/vtbench/metrics/stat"
)

// Scores of robustness. See docs/robustness.md.
const (
	ScoreP         = "p"         // the metric on clean images
	ScoreMPC       = "mpc"       // mean over corruptions of the mean over severities
	ScoreLoss      = "loss"      // mPC less that of the baseline
	ScoreUnder     = "under"     // mean over severities of one corruption
	ScoreRPC       = "rpc"       // mPC over P: the share that is kept
	ScoreRetention = "retention" // mean over severities of one corruption, over P
	ScoreCE        = "ce"        // errors over those of the baseline, one corruption
	ScoreMCE       = "mce"       // mean of CE over corruptions
	ScoreFlip      = "flip"      // flipped tokens less those that encoding again flips
)

// robustness computes the scores over conditions.
func (a *aggregation) robustness() ([]RobustRow, error) {
	s := &a.m.Suite
	if len(s.Corruptions) == 0 {
		return nil, nil
	}
	var out []RobustRow
	for _, d := range a.m.Datasets {
		n := len(a.clusters[d.Name])
		if n == 0 {
			continue
		}
		plan, err := stat.NewPlan(n, a.m.Bootstrap.Resamples, a.m.Seed)
		if err != nil {
			return nil, fmt.Errorf("summing up the robustness of %s: %w", d.Name, err)
		}
		for _, res := range s.Resolutions {
			for _, id := range s.Headline {
				for _, against := range a.sides(id) {
					rs := &robust{a: a, plan: plan, dataset: d.Name, res: res, against: against, spec: a.specs[id], clusters: n}
					rs.bins = rs.allFilled()
					for _, t := range a.m.Tokenizers {
						rows, err := rs.scores(t.Name)
						if err != nil {
							return nil, fmt.Errorf("scoring the robustness of %s on %s by %s: %w", t.Name, d.Name, id, err)
						}
						out = append(out, rows...)
					}
				}
			}
			for _, id := range s.Metrics {
				if a.specs[id].Role != metrics.RoleStability {
					continue
				}
				rs := &robust{a: a, plan: plan, dataset: d.Name, res: res, spec: a.specs[id], clusters: n}
				for _, t := range a.m.Tokenizers {
					rows, err := rs.flips(t.Name)
					if err != nil {
						return nil, fmt.Errorf("comparing the tokens of %s on %s: %w", t.Name, d.Name, err)
					}
					out = append(out, rows...)
				}
			}
		}
	}
	return out, nil
}

// sides are what a metric compares with: labels once, images both ways.
func (a *aggregation) sides(metric string) []string {
	if a.specs[metric].Labels {
		return []string{""}
	}
	return []string{"", suite.AgainstClean}
}

// robust computes scores of one metric of one data set at one resolution.
type robust struct {
	a        *aggregation
	plan     *stat.Plan
	dataset  string
	res      int
	against  string
	spec     metrics.Spec
	bins     bool
	clusters int
}

// condition is where the values under a corruption are; token damage and clean
// images have one side only.
func (rs *robust) condition(corruption string, severity int) suite.Condition {
	c := suite.Condition{Corruption: corruption, Severity: severity, Resolution: rs.res}
	if c.DamagesImage() {
		c.Against = rs.against
	}
	return c
}

func (rs *robust) cell(tokenizer string, c suite.Condition) *cell {
	return rs.a.cells[cellKey{rs.dataset, tokenizer, c.String(), rs.spec.ID}]
}

// allFilled reports whether the mean over scale bins exists everywhere, so that
// all tokenizers are scored by the same rule.
func (rs *robust) allFilled() bool {
	b := rs.a.m.Suite.Bins
	if b == nil || !rs.spec.ByBin() {
		return false
	}
	found := false
	for key, c := range rs.a.cells {
		if key.dataset != rs.dataset || key.metric != rs.spec.ID {
			continue
		}
		if cond, err := suite.ParseCondition(key.condition); err != nil || cond.Resolution != rs.res {
			continue
		}
		kept := false
		for _, bin := range c.bins {
			kept = kept || bin.n > 0
		}
		if !kept {
			continue // nothing but failures: no score either way
		}
		for _, name := range b.Names {
			if bin := c.bins[name]; bin == nil || bin.n == 0 {
				return false
			}
		}
		found = true
	}
	return found
}

// ratios are the values under one condition: one a scale bin, or all together;
// nil where nothing was kept.
func (rs *robust) ratios(tokenizer string, c suite.Condition) []stat.Ratio {
	cl := rs.cell(tokenizer, c)
	if cl == nil {
		return nil
	}
	if rs.spec.ByClass {
		return cl.classRatios(rs.clusters)
	}
	if rs.bins {
		var out []stat.Ratio
		for _, name := range rs.a.m.Suite.Bins.Names {
			b := cl.bins[name]
			if b == nil || b.n == 0 {
				return nil
			}
			b.grow(rs.clusters)
			out = append(out, stat.Ratio{Num: b.num, Den: b.den})
		}
		return out
	}
	if w := cl.whole(false, rs.clusters); w.n > 0 {
		return w.ratios
	}
	return nil
}

// A formula gathers ratios and remembers where the values of each condition are.
type formula struct {
	ratios []stat.Ratio
	ok     bool // every condition so far has values
}

// span is a condition's values among those of a formula.
type span struct{ from, to int }

func (s span) mean(v []float64) float64 { return stat.MeanOfDefined(v[s.from:s.to]) }

func (f *formula) add(rs []stat.Ratio) span {
	f.ok = f.ok && len(rs) > 0
	s := span{len(f.ratios), len(f.ratios) + len(rs)}
	f.ratios = append(f.ratios, rs...)
	return s
}

// severities adds the conditions of a corruption.
func (rs *robust) severities(f *formula, tokenizer string, c suite.Corruption) []span {
	var out []span
	for _, sev := range c.Severities {
		out = append(out, f.add(rs.ratios(tokenizer, rs.condition(c.Type, sev))))
	}
	return out
}

func meanOf(spans []span, v []float64) float64 {
	s := 0.0
	for _, sp := range spans {
		s += sp.mean(v)
	}
	return s / float64(len(spans))
}

func meanOfAll(groups [][]span, v []float64) float64 {
	s := 0.0
	for _, g := range groups {
		s += meanOf(g, v)
	}
	return s / float64(len(groups))
}

// row evaluates one score; undefined ones are null, not left out.
func (rs *robust) row(tokenizer, score, corruption string, f formula, of func(v []float64) float64) (RobustRow, error) {
	r := RobustRow{
		Tokenizer: tokenizer, Dataset: rs.dataset, Resolution: rs.res, Against: rs.against, Metric: rs.spec.ID,
		Score: score, Corruption: corruption, Bins: rs.bins,
	}
	n := len(f.ratios)
	if !f.ok {
		n = 0
	}
	e, err := Estimated(rs.plan, stat.Statistic{Ratios: f.ratios, Of: of, Partial: rs.spec.ByClass}, n, rs.a.m.Bootstrap)
	r.Value, r.Lo, r.Hi, r.Clusters, r.Warnings = e.Value, e.Lo, e.Hi, e.Clusters, e.Warnings
	return r, err
}

// scores are those of one tokenizer by a headline metric.
func (rs *robust) scores(tokenizer string) ([]RobustRow, error) {
	clean := rs.ratios(tokenizer, rs.condition("", 0))
	if clean == nil {
		return nil, nil
	}
	var rows []RobustRow
	add := func(score, corruption string, f formula, of func([]float64) float64) error {
		r, err := rs.row(tokenizer, score, corruption, f, of)
		rows = append(rows, r)
		return err
	}
	f := formula{ok: true}
	p := f.add(clean)
	if err := add(ScoreP, "", f, p.mean); err != nil {
		return nil, err
	}
	all := formula{ok: true}
	var groups [][]span
	for _, c := range rs.a.m.Suite.Corruptions {
		if isTokenDamage(c.Type) {
			if rs.cell(tokenizer, rs.condition(c.Type, c.Severities[0])) == nil || rs.against != "" {
				continue // takes no part
			}
		} else if !c.Extra {
			groups = append(groups, rs.severities(&all, tokenizer, c))
		}
		f := formula{ok: true}
		under := rs.severities(&f, tokenizer, c)
		if err := add(ScoreUnder, c.Type, f, func(v []float64) float64 { return meanOf(under, v) }); err != nil {
			return nil, err
		}
		p := f.add(clean)
		if err := add(ScoreRetention, c.Type, f, func(v []float64) float64 { return over(meanOf(under, v), p.mean(v)) }); err != nil {
			return nil, err
		}
	}
	if len(groups) > 0 {
		if err := add(ScoreMPC, "", all, func(v []float64) float64 { return meanOfAll(groups, v) }); err != nil {
			return nil, err
		}
		p := all.add(clean)
		if err := add(ScoreRPC, "", all, func(v []float64) float64 { return over(meanOfAll(groups, v), p.mean(v)) }); err != nil {
			return nil, err
		}
	}
	if err := rs.loss(tokenizer, add); err != nil {
		return nil, err
	}
	return rows, rs.errors(tokenizer, add)
}

// loss adds by how much the mean over corruptions differs from that of the baseline,
// both on the same images.
func (rs *robust) loss(tokenizer string, add func(string, string, formula, func([]float64) float64) error) error {
	s := &rs.a.m.Suite
	if _, there := rs.a.m.Token(s.Baseline); !there || s.Baseline == "" || tokenizer == s.Baseline {
		return nil
	}
	f := formula{ok: true}
	var own, base [][]span
	for _, c := range s.Corruptions {
		if isTokenDamage(c.Type) || c.Extra {
			continue
		}
		own = append(own, rs.severities(&f, tokenizer, c))
		base = append(base, rs.severities(&f, s.Baseline, c))
	}
	if len(own) == 0 {
		return nil
	}
	return add(ScoreLoss, "", f, func(v []float64) float64 { return meanOfAll(own, v) - meanOfAll(base, v) })
}

// over is a quotient, undefined over nothing.
func over(num, den float64) float64 {
	if den == 0 {
		return math.NaN()
	}
	return num / den
}

// errors adds CE and mCE where there is a baseline and the metric has a best
// value that errors can be counted from.
func (rs *robust) errors(tokenizer string, add func(string, string, formula, func([]float64) float64) error) error {
	s := &rs.a.m.Suite
	best, ok := rs.spec.Perfect()
	if _, there := rs.a.m.Token(s.Baseline); !ok || !there || s.Baseline == "" {
		return nil
	}
	type pair struct{ own, base []span }
	ce := func(p pair, v []float64) float64 {
		return over(math.Abs(best-meanOf(p.own, v)), math.Abs(best-meanOf(p.base, v)))
	}
	all := formula{ok: true}
	var pairs []pair
	for _, c := range s.Corruptions {
		if isTokenDamage(c.Type) {
			continue // the baseline may have no tokens
		}
		f := formula{ok: true}
		one := pair{rs.severities(&f, tokenizer, c), rs.severities(&f, s.Baseline, c)}
		if err := add(ScoreCE, c.Type, f, func(v []float64) float64 { return ce(one, v) }); err != nil {
			return err
		}
		if !c.Extra {
			pairs = append(pairs, pair{rs.severities(&all, tokenizer, c), rs.severities(&all, s.Baseline, c)})
		}
	}
	if len(pairs) == 0 {
		return nil
	}
	return add(ScoreMCE, "", all, func(v []float64) float64 {
		sum := 0.0
		for _, p := range pairs {
			sum += ce(p, v)
		}
		return sum / float64(len(pairs))
	})
}

func isTokenDamage(kind string) bool { return slices.Contains(suite.TokenDamages(), kind) }

// flips are flipped tokens by corruption, less the floor.
func (rs *robust) flips(tokenizer string) ([]RobustRow, error) {
	floor := rs.ratios(tokenizer, rs.condition("", 0))
	if floor == nil {
		return nil, nil
	}
	var rows []RobustRow
	for _, c := range rs.a.m.Suite.Corruptions {
		if isTokenDamage(c.Type) {
			continue // flips what it is told to
		}
		f := formula{ok: true}
		under := rs.severities(&f, tokenizer, c)
		base := f.add(floor)
		r, err := rs.row(tokenizer, ScoreFlip, c.Type, f, func(v []float64) float64 { return meanOf(under, v) - base.mean(v) })
		if err != nil {
			return nil, err
		}
		rows = append(rows, r)
	}
	return rows, nil
}
