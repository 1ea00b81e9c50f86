package view

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/vtbench/vtbench/metrics"
)

// A SizeCurve is one network with its weights in files of several sizes, by one rule.
type SizeCurve struct {
	Name   string // what tells the rule from others: "rule=gptq"
	Points []SizePoint
}

// A SizePoint is one file.
type SizePoint struct {
	Token Token
	Bytes int64
	Cell  Cell
}

// Quantized reports whether weights of a tokenizer in this table were quantized: then the size
// of all weights belongs to the result.
func (g Grid) Quantized() bool {
	return slices.ContainsFunc(g.Rows, func(r GridRow) bool { return quantized(r.Token) })
}

func quantized(t Token) bool { return t.Info.WeightBytes > 0 && t.Options["of"] != "" }

// Sizes are the networks of a section whose weights were quantized, by rule, each from
// the largest file to the smallest, and the network that they were made of, whose Bytes
// are 0 where it is not on the page.
func (v *View) Sizes(s Section, metric string) (curves []SizeCurve, full SizePoint) {
	var packed []SizePoint
	of := ""
	for _, t := range v.Tokens {
		c := v.Head(t, s.Dataset.Name, s.Condition, metric)
		if quantized(t) && finite(c.Mean) {
			packed = append(packed, SizePoint{t, t.Info.WeightBytes, c})
			of = t.Info.Name
		}
	}
	byName := map[string]*SizeCurve{}
	var order []string
	for _, p := range packed {
		name := rule(p.Token, packed)
		if byName[name] == nil {
			byName[name] = &SizeCurve{Name: name}
			order = append(order, name)
		}
		byName[name].Points = append(byName[name].Points, p)
	}
	for _, name := range order {
		c := byName[name]
		slices.SortStableFunc(c.Points, func(a, b SizePoint) int { return cmp.Compare(b.Bytes, a.Bytes) })
		curves = append(curves, *c)
	}
	for _, t := range v.Tokens {
		c := v.Head(t, s.Dataset.Name, s.Condition, metric)
		if t.Info.Name == of && t.Options["of"] == "" && t.Info.WeightBytes > full.Bytes && finite(c.Mean) {
			full = SizePoint{t, t.Info.WeightBytes, c}
		}
	}
	return curves, full
}

// rule is what of the options of a quantized network, its bits left out, differs from
// that of others.
func rule(t Token, all []SizePoint) string {
	var parts []string
	for _, key := range slices.Sorted(maps.Keys(t.Options)) {
		if key != "bits" && slices.ContainsFunc(all, func(p SizePoint) bool { return p.Token.Options[key] != t.Options[key] }) {
			if common := most(all, key); key == "rule" || t.Options[key] != common {
				parts = append(parts, key+"="+t.Options[key])
			}
		}
	}
	if len(parts) == 0 {
		return t.Kind
	}
	return strings.Join(parts, ", ")
}

// most is the value of an option that most networks have.
func most(all []SizePoint, key string) string {
	counts := map[string]int{}
	best := ""
	for _, p := range all {
		v := p.Token.Options[key]
		if counts[v]++; counts[v] > counts[best] {
			best = v
		}
	}
	return best
}

// Falls says from which file on each curve lies outside the interval of the full network,
// on its worse side, and stays there.
func Falls(curves []SizeCurve, full SizePoint, m metrics.Spec) []string {
	var out []string
	for _, c := range curves {
		at := -1
		for i := len(c.Points) - 1; i >= 0; i-- {
			if !worse(c.Points[i].Cell.Mean, full.Cell, m) {
				break
			}
			at = i
		}
		if at < 0 {
			continue
		}
		p := c.Points[at]
		out = append(out, fmt.Sprintf("%s from %s on (%.0f kB)", c.Name, bitsOf(p.Token), float64(p.Bytes)/1000))
	}
	return out
}

func worse(v float64, full Cell, m metrics.Spec) bool {
	if m.Better == metrics.Lower {
		return v > full.Hi
	}
	return v < full.Lo
}

func bitsOf(t Token) string {
	if b := t.Options["bits"]; b != "" {
		return b + " bits"
	}
	return t.Info.Params["bits"] + " bits"
}

// Best is, for every number of bits that at least two rules have, the best of them and
// those whose intervals its mean lies in.
func Best(curves []SizeCurve, m metrics.Spec) []string {
	byBits := map[string][]SizePoint{}
	names := map[string]string{}
	for _, c := range curves {
		for _, p := range c.Points {
			b := bitsOf(p.Token)
			byBits[b] = append(byBits[b], p)
			names[p.Token.Name] = c.Name
		}
	}
	var out []string
	for _, b := range slices.Sorted(maps.Keys(byBits)) {
		points := byBits[b]
		if len(points) < 2 {
			continue
		}
		better := func(a, b SizePoint) int {
			if m.Better == metrics.Lower {
				return cmp.Compare(a.Cell.Mean, b.Cell.Mean)
			}
			return cmp.Compare(b.Cell.Mean, a.Cell.Mean)
		}
		slices.SortStableFunc(points, better)
		best := points[0]
		text := b + ": " + names[best.Token.Name]
		var ties []string
		for _, p := range points[1:] {
			if p.Cell.Lo <= best.Cell.Mean && best.Cell.Mean <= p.Cell.Hi {
				ties = append(ties, names[p.Token.Name])
			}
		}
		if len(ties) > 0 {
			text += " (tied with " + strings.Join(ties, "; ") + ")"
		}
		out = append(out, text)
	}
	return out
}

func finite(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }
