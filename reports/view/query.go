package view

import (
	"math"
	"slices"
	"strings"

	"github.com/vtbench/vtbench/bench/record"
	"github.com/vtbench/vtbench/bench/suite"
	"github.com/vtbench/vtbench/bench/summary"
	"github.com/vtbench/vtbench/metrics"
	"github.com/vtbench/vtbench/metrics/stat"
	"github.com/vtbench/vtbench/reports/format"
)

// Row returns the summary row of exactly this key, tokenizer by its name on the
// page.
func (v *View) Row(tokenizer, dataset, condition, bin, metric string) (summary.Row, bool) {
	r, ok := v.rows[key{tokenizer, dataset, condition, bin, metric}]
	return r, ok
}

// cell is Row for tables: an upper bound that never went through a resolution
// has its values under the condition without one.
func (v *View) cell(t Token, dataset string, c Condition, bin, metric string) (summary.Row, bool) {
	if r, ok := v.Row(t.Name, dataset, c.Key, bin, metric); ok || !t.Reference || c.Resolution == 0 {
		return r, ok
	}
	bare := c.Condition
	bare.Resolution = 0
	return v.Row(t.Name, dataset, bare.String(), bin, metric)
}

// Metric returns the spec of a metric of the page.
func (v *View) Metric(id string) (metrics.Spec, bool) {
	for _, s := range v.Metrics {
		if s.ID == id {
			return s, true
		}
	}
	return metrics.Spec{ID: id}.Complete(), false
}

// Pixels is the metric of pixels that others are shown against: the first of the page.
func (v *View) Pixels() (metrics.Spec, bool) {
	for _, s := range v.Metrics {
		if s.Role == metrics.RolePixels && s.Scope == metrics.PerImage {
			return s, true
		}
	}
	return metrics.Spec{}, false
}

// Stability is the metric that judges how a thing is held through a film: the first of tracks
// that a section has values of. ok is false where there is none.
func (v *View) Stability(s Section) (spec metrics.Spec, ok bool) {
	for _, m := range v.Metrics {
		if m.Scope == metrics.PerTrack && m.Role.Judges() && m.Better != metrics.Neither &&
			slices.ContainsFunc(v.Tokens, func(t Token) bool { return v.Head(t, s.Dataset.Name, s.Condition, m.ID).N > 0 }) {
			return m, true
		}
	}
	return metrics.Spec{}, false
}

// Token returns the tokenizer of this name on the page.
func (v *View) Token(name string) (Token, bool) {
	for _, t := range v.Tokens {
		if t.Name == name {
			return t, true
		}
	}
	return Token{}, false
}

// Condition returns the condition of this key.
func (v *View) Condition(key string) (Condition, bool) {
	for _, c := range v.Conditions {
		if c.Key == key {
			return c, true
		}
	}
	return Condition{}, false
}

// A Section is one table of the page: a data set under a condition.
type Section struct {
	Dataset   record.DatasetEntry
	Condition Condition
}

// Sections lists the undamaged conditions of every data set, the tables a reader
// sees first. A run with corruptions only has all its conditions listed.
func (v *View) Sections() []Section {
	clean := v.sections(func(c Condition) bool { return c.Corruption == "" })
	if len(clean) > 0 {
		return clean
	}
	return v.AllSections()
}

// AllSections lists every data set under every condition that has values.
func (v *View) AllSections() []Section {
	return v.sections(func(Condition) bool { return true })
}

func (v *View) sections(keep func(Condition) bool) []Section {
	type pair struct{ ds, cond string }
	contested := map[pair]bool{}
	refs := map[string]bool{}
	for _, t := range v.Tokens {
		refs[t.Name] = t.Reference
	}
	bare := map[pair]bool{}
	for k := range v.rows {
		p := pair{k.dataset, k.condition}
		if refs[k.tokenizer] {
			bare[p] = true
			continue
		}
		contested[p] = true
	}
	if len(contested) == 0 { // nothing but upper bounds: show them
		contested = bare
	}
	var out []Section
	for _, d := range v.Datasets {
		for _, c := range v.Conditions {
			if keep(c) && contested[pair{d.Name, c.Key}] {
				out = append(out, Section{Dataset: d, Condition: c})
			}
		}
	}
	return out
}

// A Cell is one number of a table.
type Cell struct {
	OK           bool // something was measured here, even if nothing was kept
	Mean, Lo, Hi float64
	N, Clusters  int
	// Infinite says that all values that there are, are infinite: nothing was lost, and there
	// is no mean.
	Infinite bool
}

// Shown is the number that stands in a table.
func (c Cell) Shown() float64 {
	if c.Infinite {
		return math.Inf(1)
	}
	return c.Mean
}

func toCell(r summary.Row, ok bool) Cell {
	if !ok {
		return Cell{Mean: math.NaN(), Lo: math.NaN(), Hi: math.NaN()}
	}
	c := Cell{OK: true, Mean: float64(r.Mean), Lo: float64(r.Lo), Hi: float64(r.Hi), N: r.N, Clusters: r.Clusters}
	if r.N == 0 && c.Mean == 0 {
		c.Mean = math.NaN() // nothing was kept: there is no mean
	}
	c.Infinite = r.N == 0 && r.Dropped[metrics.DropInfinite] > 0
	if c.Lo == 0 && c.Hi == 0 && c.Mean != 0 {
		c.Lo, c.Hi = math.NaN(), math.NaN() // not filled in
	}
	return c
}

// value is the number that is shown. An interval that no digit of it shows is left out
// where it rests on few units: ±0.00 of two images says nothing about a third.
func (v *View) value(t Token, dataset string, c Condition, bin, metric string) Cell {
	out := toCell(v.cell(t, dataset, c, bin, metric))
	spec, _ := v.Metric(metric)
	if st := format.For(spec); out.Clusters < stat.FewClusters && st.Number(out.Lo) == st.Number(out.Mean) && st.Number(out.Hi) == st.Number(out.Mean) {
		out.Lo, out.Hi = math.NaN(), math.NaN()
	}
	return out
}

// A Grid is the table of one metric: tokenizers by scale bins.
type Grid struct {
	Section
	Metric metrics.Spec
	Bins   []string // scale bins with values; empty for a metric of whole images
	Head   string   // the bin of GridRow.Head: the bins' mean, or all
	Bound  string   // the tokenizer that GridRow.Worst is measured against, "" for none
	Rows   []GridRow
}

// A GridRow is one tokenizer of a Grid.
type GridRow struct {
	Token Token
	Cells []Cell // one a bin
	Head  Cell   // headline number: mean of the bins, or all
	Worst Loss   // where it loses most against the upper bound
	Rate  Rate   // by which it is compared with others
	Fixed Rate   // of its tokens at fixed length
	Coded Rate   // after entropy coding: of its bitstream, or an estimate
}

// A Loss is a difference to the upper bound.
type Loss struct {
	OK    bool
	Bin   string
	Delta float64 // value less the upper bound's
}

// HeadlineOf are the headline metrics that a section has values of, on as many
// independent units as they need: pictures without words have no T-NED.
func (v *View) HeadlineOf(s Section) []string {
	return slices.DeleteFunc(slices.Clone(v.Headline), func(id string) bool {
		if m, _ := v.Metric(id); v.units(s.Dataset.Name, id) < m.HeadlineFrom {
			return true
		}
		return !slices.ContainsFunc(v.Tokens, func(t Token) bool {
			c := v.Head(t, s.Dataset.Name, s.Condition, id)
			return c.OK && (c.N > 0 || c.Infinite)
		})
	})
}

// Grid makes the table of one metric: upper bounds first, then best first.
// A contestant without a value keeps its row, with empty cells: it is not to
// vanish because it failed.
func (v *View) Grid(dataset, condition, metric string) Grid {
	c, _ := v.Condition(condition)
	spec, _ := v.Metric(metric)
	g := Grid{Metric: spec, Section: Section{Condition: c}}
	for _, d := range v.Datasets {
		if d.Name == dataset {
			g.Dataset = d
		}
	}
	for _, b := range v.Bins {
		for _, t := range v.Tokens {
			if _, ok := v.cell(t, dataset, c, b, metric); ok {
				g.Bins = append(g.Bins, b)
				break
			}
		}
	}
	g.Head = v.headBin(dataset, c, metric)
	for _, t := range v.Tokens {
		row := GridRow{Token: t, Head: v.value(t, dataset, c, g.Head, metric)}
		row.Rate = v.Rate(t.Name, dataset, condition)
		row.Fixed = v.rate(t.Name, dataset, condition, metrics.Nominal)
		row.Coded = v.rate(t.Name, dataset, condition, metrics.CodedCountings()...)
		any := row.Head.OK
		for _, b := range g.Bins {
			cell := v.value(t, dataset, c, b, metric)
			any = any || cell.OK
			row.Cells = append(row.Cells, cell)
		}
		if any || !t.Reference {
			g.Rows = append(g.Rows, row)
		}
	}
	if !slices.ContainsFunc(g.Rows, func(r GridRow) bool { return r.Head.OK }) {
		g.Rows = nil
		return g
	}
	slices.SortStableFunc(g.Rows, func(a, b GridRow) int {
		if d := rank(a.Token) - rank(b.Token); d != 0 {
			return d
		}
		return better(spec.Better, a.Head.Shown(), b.Head.Shown())
	})
	g.losses()
	v.floor(&g)
	if spec.ByClass { // too many for columns, see Matrices
		g.Bins = nil
		for i := range g.Rows {
			g.Rows[i].Cells = nil
		}
	}
	return g
}

// floor puts what values come down to below a table, where the metric states it: how
// alike the original of a face is to the most similar stranger of the set.
func (v *View) floor(g *Grid) {
	floor := g.Metric.Floor
	if floor.Metric == "" {
		return
	}
	for _, t := range v.Tokens {
		if t.Own != suite.Original {
			continue
		}
		row := GridRow{
			Token: Token{Name: floor.Title, Floor: true, Style: Style{Colour: Ink, Marker: Markers - 1}},
			Head:  v.value(t, g.Dataset.Name, g.Condition, g.Head, floor.Metric),
		}
		for _, b := range g.Bins {
			row.Cells = append(row.Cells, v.value(t, g.Dataset.Name, g.Condition, b, floor.Metric))
		}
		if row.Head.OK && row.Head.N > 0 {
			g.Rows = append(g.Rows, row)
		}
		return
	}
}

// headBin is the bin of the headline number: the mean of the bins where there is
// one (there is none when a bin is empty), else all instances.
func (v *View) headBin(dataset string, c Condition, metric string) string {
	for _, t := range v.Tokens {
		if r, ok := v.cell(t, dataset, c, summary.BinMean, metric); ok && !math.IsNaN(toCell(r, ok).Mean) {
			return summary.BinMean
		}
	}
	return summary.BinAll
}

// Head returns the headline number of a tokenizer.
func (v *View) Head(t Token, dataset string, c Condition, metric string) Cell {
	return v.value(t, dataset, c, v.headBin(dataset, c, metric), metric)
}

// At returns the number of a tokenizer in a bin.
func (v *View) At(t Token, dataset string, c Condition, bin, metric string) Cell {
	return v.value(t, dataset, c, bin, metric)
}

// better orders means: best first, missing ones last.
func better(d metrics.Direction, a, b float64) int {
	an, bn := math.IsNaN(a), math.IsNaN(b)
	switch {
	case an && bn:
		return 0
	case an:
		return 1
	case bn:
		return -1
	}
	switch {
	case a == b, d != metrics.Higher && d != metrics.Lower:
		return 0
	case (a > b) == (d == metrics.Higher):
		return -1
	}
	return 1
}

// losses finds where each tokenizer loses most against the upper bound. The
// bound is the one that went through the same resolution; without one, the
// original.
func (g *Grid) losses() {
	bound := -1
	for i, r := range g.Rows {
		if !r.Token.Reference || math.IsNaN(r.Head.Mean) {
			continue
		}
		if bound < 0 || r.Token.Own != suite.Original {
			bound = i
		}
	}
	sign := 1.0
	switch g.Metric.Better {
	case metrics.Higher:
		sign = -1
	case metrics.Lower:
	default:
		return
	}
	if bound < 0 {
		return
	}
	g.Bound = g.Rows[bound].Token.Name
	for i := range g.Rows {
		r := &g.Rows[i]
		if i == bound || r.Token.Reference {
			continue
		}
		try := func(bin string, got, best Cell) {
			d := got.Mean - best.Mean
			if math.IsNaN(d) || math.IsInf(d, 0) {
				return
			}
			if !r.Worst.OK || sign*d > sign*r.Worst.Delta {
				r.Worst = Loss{OK: true, Bin: bin, Delta: d}
			}
		}
		for j, b := range g.Bins {
			try(b, r.Cells[j], g.Rows[bound].Cells[j])
		}
		if len(g.Bins) == 0 {
			try(g.Head, r.Head, g.Rows[bound].Head)
		}
	}
}

// Passed reports whether a row is an upper bound that another row than the untouched
// original passes, by more than the digits that are shown: it is footnoted, since it
// looks like a mistake.
func (g Grid) Passed(r GridRow) bool {
	if !r.Token.Reference || math.IsNaN(r.Head.Mean) {
		return false
	}
	st := format.For(g.Metric)
	return slices.ContainsFunc(g.Rows, func(o GridRow) bool {
		return !o.Token.Floor && o.Token.Own != suite.Original && better(g.Metric.Better, o.Head.Mean, r.Head.Mean) < 0 && st.Number(o.Head.Mean) != st.Number(r.Head.Mean) && !math.IsNaN(o.Head.Mean)
	})
}

// Contestants are the rows of tokenizers that are no upper bounds and have a value, best
// first.
func (g Grid) Contestants() []GridRow {
	var out []GridRow
	for _, r := range g.Rows {
		if !r.Token.Reference && !r.Token.Floor && !math.IsNaN(r.Head.Mean) {
			out = append(out, r)
		}
	}
	return out
}

// BoundRow is the row of the upper bound that losses are measured against.
func (g Grid) BoundRow() (GridRow, bool) {
	for _, r := range g.Rows {
		if g.Bound != "" && r.Token.Name == g.Bound {
			return r, true
		}
	}
	return GridRow{}, false
}

// A Rate is what an image costs, in bits per pixel, and how it was counted.
type Rate struct {
	BPP     float64 // NaN where the tokenizer has no discrete code
	Counted metrics.Counting
}

// OK reports whether there is a rate.
func (r Rate) OK() bool { return !math.IsNaN(r.BPP) && r.BPP > 0 && !math.IsInf(r.BPP, 0) }

// Nominal reports whether the rate is counted from tokens and codebook sizes, not
// from a bitstream.
func (r Rate) Nominal() bool { return r.Counted != metrics.Bitstream }

// Estimated reports whether nobody wrote or could write just these bits.
func (r Rate) Estimated() bool {
	return r.OK() && (r.Counted == metrics.Estimated || r.Counted == metrics.Capacity)
}

// Note says how the rate was counted.
func (r Rate) Note() string {
	switch {
	case !r.OK():
		return ""
	case r.Counted == metrics.Bitstream:
		return "size of the bitstream"
	case r.Counted == metrics.Estimated:
		return "tokens at their entropy: an estimate, there is no bitstream"
	case r.Counted == metrics.Capacity:
		return "what the noise on a continuous latent lets through: an estimate"
	}
	return "tokens at fixed length"
}

// A RateColumn is one of the two columns of rates that tables have side by side.
type RateColumn struct {
	Title string // "bpp, fixed length"
	Short string // for narrow tables
	Of    func(GridRow) Rate
}

// RateColumns are those of which a table has values.
func (g Grid) RateColumns() []RateColumn {
	return slices.DeleteFunc([]RateColumn{
		{"bpp, fixed length", "fixed", func(r GridRow) Rate { return r.Fixed }},
		{"bpp, coded", "coded", func(r GridRow) Rate { return r.Coded }},
	}, func(c RateColumn) bool {
		return !slices.ContainsFunc(g.Rows, func(r GridRow) bool { return c.Of(r).OK() })
	})
}

// Rate prefers the size of a real bitstream; tokenizers without one are charged
// their nominal rate. Which of both it is stands in the result, since the two
// are not the same thing.
func (v *View) Rate(tokenizer, dataset, condition string) Rate {
	return v.rate(tokenizer, dataset, condition, metrics.Countings()...)
}

// rate is the first of these that there is.
func (v *View) rate(tokenizer, dataset, condition string, countings ...metrics.Counting) Rate {
	for _, counting := range countings {
		for _, s := range v.Metrics {
			if s.Rate != counting {
				continue
			}
			if r, ok := v.Row(tokenizer, dataset, condition, summary.BinAll, s.ID); ok && float64(r.Mean) > 0 {
				return Rate{BPP: float64(r.Mean), Counted: counting}
			}
		}
	}
	return Rate{BPP: math.NaN()}
}

// Timing returns what a tokenizer cost under a condition.
func (v *View) Timing(tokenizer, condition string) (Timing, bool) {
	for _, t := range v.Timings {
		if t.Tokenizer == tokenizer && t.Condition == condition {
			return t, true
		}
	}
	return Timing{}, false
}

// Resolutions are the sides of the squares that tokenizers saw, ascending.
func (v *View) Resolutions() []int {
	var out []int
	for _, c := range v.Conditions {
		if c.Resolution != 0 && !slices.Contains(out, c.Resolution) {
			out = append(out, c.Resolution)
		}
	}
	slices.Sort(out)
	return out
}

// BinTitle names a bin in a heading.
func BinTitle(bin string) string {
	switch bin {
	case summary.BinAll:
		return "all"
	case summary.BinMean:
		return "mean"
	}
	return bin
}

// Title is the heading of a section: "text-default · 256 px".
func (v *View) Title(s Section) string {
	parts := []string{}
	if len(v.Datasets) > 1 {
		parts = append(parts, s.Dataset.Name)
	}
	t := s.Condition.Title()
	if s.Condition.Corruption == "" && s.Condition.Resolution != 0 {
		t = strings.TrimPrefix(t, "clean, ")
	}
	return strings.Join(append(parts, t), " · ")
}
