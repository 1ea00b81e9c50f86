package view

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/vtbench/vtbench/bench/suite"
	"github.com/vtbench/vtbench/bench/summary"
	"github.com/vtbench/vtbench/metrics"
	"github.com/vtbench/vtbench/reports/format"
)

// A Finding is one thing the page says in words before it shows tables. Findings
// state what the numbers are; what is not shown by the intervals is not claimed.
type Finding struct {
	Key   string // "best", "scale", "rate", "misleading", "kept", "steadiest", "failures"
	Label string // "Best at 256 px"
	Value string // what stands large; a tokenizer's name where Name is true
	Name  bool
	Text  []Part
	Bad   bool // asks for attention
}

// A Part is a stretch of text; names are set apart from words.
type Part struct {
	Text string
	Name bool
}

// Plain is the text of a finding without marks.
func (f Finding) Plain() string {
	var b strings.Builder
	for _, p := range f.Text {
		b.WriteString(format.Line(p.Text))
	}
	return b.String()
}

// sentence builds a text of words and names (tokens).
func sentence(parts ...any) []Part {
	var out []Part
	for _, p := range parts {
		switch p := p.(type) {
		case Token:
			out = append(out, Part{Text: p.Name, Name: true})
		case string:
			out = append(out, Part{Text: p})
		default:
			out = append(out, Part{Text: fmt.Sprint(p)})
		}
	}
	return out
}

// Findings says what a reader should know first, for the first section of the
// page and its first headline metric.
func (v *View) Findings() []Finding {
	sections := v.Sections()
	if len(sections) == 0 || len(v.Headline) == 0 {
		return nil
	}
	s := sections[0]
	head := v.HeadlineOf(s)
	if len(head) == 0 {
		return nil
	}
	g := v.Grid(s.Dataset.Name, s.Condition.Key, head[0])
	var out []Finding
	for _, f := range []func(Section, Grid) (Finding, bool){v.best, v.hardest, v.cheapest, v.misleading, v.kept} {
		if finding, ok := f(s, g); ok {
			out = append(out, finding)
		}
	}
	if finding, ok := v.steadiest(); ok {
		out = append(out, finding)
	}
	if n := v.failed(); n > 0 {
		first := summary.Alike(v.plainFailures())[0][0]
		what := []any{"First: " + format.Line(first.Item)}
		if first.Tokenizer != "" {
			what = append(what, " with ", Token{Name: first.Tokenizer})
		}
		what = append(what, ", "+format.Line(clip(first.Error, 140))+". All are listed below; none is in a mean.")
		out = append(out, Finding{Key: "failures", Label: "Failed", Value: format.Plural(n, "failure", "failures"), Text: sentence(what...), Bad: true})
	}
	return out
}

// failed is how many failures there are, each counted once whatever it cost.
func (v *View) failed() int { return len(summary.Distinct(v.plainFailures())) }

func (v *View) plainFailures() []summary.Failure {
	all := make([]summary.Failure, len(v.Failures))
	for i, f := range v.Failures {
		all[i] = f.Failure
	}
	return all
}

// A FailureRow says of failures of one reason where they were, in words.
type FailureRow struct {
	Tokenizer, Condition string // "" for all
	Item, Why            string
	Failures             int
}

// namedItems is how many items are named in one row of failures.
const namedItems = 3

// FailureRows are the failures by their reason, as summary.Alike orders them.
func (v *View) FailureRows() []FailureRow {
	var out []FailureRow
	for _, alike := range summary.Alike(v.plainFailures()) {
		var toks, conds, items []string
		for _, f := range alike {
			toks, conds = append(toks, f.Tokenizer), append(conds, f.Condition)
			if f.Instance != "" {
				f.Item += ", " + f.Instance
			}
			items = append(items, f.Item)
		}
		items = unique(items)
		row := FailureRow{
			Tokenizer: oneOrCount(unique(toks), "tokenizers"), Condition: oneOrCount(unique(conds), "conditions"),
			Why: alike[0].Error, Failures: len(alike),
		}
		row.Item = strings.Join(items[:min(namedItems, len(items))], "; ")
		if n := len(items) - namedItems; n > 0 {
			row.Item += fmt.Sprintf(" and %s more", format.Count(n))
		}
		out = append(out, row)
	}
	return out
}

// oneOrCount is the only name, or how many there are.
func oneOrCount(names []string, many string) string {
	if len(names) == 1 {
		return names[0]
	}
	return format.Count(len(names)) + " " + many
}

// unique are the names in their order, each once.
func unique(names []string) []string {
	seen := map[string]bool{}
	return slices.DeleteFunc(names, func(n string) bool {
		was := seen[n]
		seen[n] = true
		return was
	})
}

func (v *View) best(s Section, g Grid) (Finding, bool) {
	c := g.Contestants()
	if len(c) == 0 || g.Metric.Better == metrics.Neither {
		return Finding{}, false
	}
	st := format.For(g.Metric)
	b := c[0]
	text := []any{g.Metric.Title + " " + st.Interval(b.Head.Mean, b.Head.Lo, b.Head.Hi) + unit(st)}
	if bound, ok := g.BoundRow(); ok && !math.IsNaN(bound.Head.Mean) {
		text = append(text, "; the upper bound ", bound.Token, " has "+st.Number(bound.Head.Mean))
	}
	text = append(text, ".")
	if len(c) > 1 {
		switch overlap(b.Head, c[1].Head) {
		case 1:
			text = append(text, " Not clearly ahead of ", c[1].Token, " ("+st.Number(c[1].Head.Mean)+"): their intervals overlap.")
		case 0:
			text = append(text, " Next is ", c[1].Token, " with "+st.Number(c[1].Head.Mean)+".")
		}
	}
	for _, other := range v.Sections()[1:] {
		if other.Dataset.Name != s.Dataset.Name {
			continue
		}
		o := v.Grid(other.Dataset.Name, other.Condition.Key, g.Metric.ID).Contestants()
		if len(o) > 0 && o[0].Token.Name != b.Token.Name {
			text = append(text, " At "+v.Title(other)+" it is ", o[0].Token, ".")
		}
	}
	return Finding{Key: "best", Label: "Best, " + v.Title(s), Value: b.Token.Name, Name: true, Text: sentence(text...)}, true
}

func unit(st format.Style) string {
	if st.Unit == "" {
		return ""
	}
	return " " + st.Unit
}

// overlap is 1 where two intervals overlap, 0 where they do not, -1 where one is
// missing.
func overlap(a, b Cell) int {
	if math.IsNaN(a.Lo+a.Hi) || math.IsNaN(b.Lo+b.Hi) {
		return -1
	}
	if a.Lo <= b.Hi && b.Lo <= a.Hi {
		return 1
	}
	return 0
}

// hardest is the scale at which the contestants lose most on average.
func (v *View) hardest(s Section, g Grid) (Finding, bool) {
	bound, ok := g.BoundRow()
	c := g.Contestants()
	if !ok || len(g.Bins) < 2 || len(c) < 2 {
		return Finding{}, false
	}
	st := format.For(g.Metric)
	mean := make([]float64, len(g.Bins))
	for j := range g.Bins {
		n := 0
		for _, r := range c {
			if d := r.Cells[j].Mean - bound.Cells[j].Mean; !math.IsNaN(d) {
				mean[j] += d
				n++
			}
		}
		if n == 0 {
			return Finding{}, false
		}
		mean[j] /= float64(n)
	}
	worst, least := 0, 0
	for j, d := range mean {
		if better(g.Metric.Better, d, mean[worst]) > 0 {
			worst = j
		}
		if better(g.Metric.Better, d, mean[least]) < 0 {
			least = j
		}
	}
	if worst == least {
		return Finding{}, false
	}
	top := c[0]
	for _, r := range c {
		if better(g.Metric.Better, r.Cells[worst].Mean, top.Cells[worst].Mean) < 0 {
			top = r
		}
	}
	return Finding{
		Key: "scale", Label: "Hardest scale, " + v.Title(s), Value: g.Bins[worst],
		Text: sentence("On average the tokenizers differ by "+st.Delta(mean[worst])+unit(st)+" from the upper bound there, and by "+st.Delta(mean[least])+unit(st)+" at "+g.Bins[least]+". Best there: ",
			top.Token, " with "+st.Number(top.Cells[worst].Mean)+" of "+st.Number(bound.Cells[worst].Mean)+"."),
	}, true
}

// enough is the share of the best score that counts as nearly as good in the
// finding on rate.
const enough = 0.9

// cheapest is the tokenizer with the fewest bits among those that come near the
// best.
func (v *View) cheapest(s Section, g Grid) (Finding, bool) {
	c := g.Contestants()
	if len(c) < 2 || g.Metric.Better != metrics.Higher || c[0].Head.Mean <= 0 {
		return Finding{}, false
	}
	pick := -1
	rated := 0
	for i, r := range c {
		if !r.Rate.OK() {
			continue
		}
		rated++
		if r.Head.Mean >= enough*c[0].Head.Mean && (pick < 0 || r.Rate.BPP < c[pick].Rate.BPP) {
			pick = i
		}
	}
	if pick < 0 || rated < 2 {
		return Finding{}, false
	}
	st, r := format.For(g.Metric), c[pick]
	how := "real bitstream"
	if r.Rate.Nominal() {
		how = "nominal"
	}
	bpp := format.Rate.Number(r.Rate.BPP)
	text := []any{fmt.Sprintf("%s bits per pixel (%s) for %s %s%s", bpp, how, g.Metric.Title, st.Number(r.Head.Mean), unit(st))}
	if pick == 0 {
		text = append(text, ": nothing cheaper comes within a tenth of it.")
	} else {
		text = append(text, ", the fewest bits within a tenth of the best.")
	}
	return Finding{Key: "rate", Label: "Most for its bits, " + v.Title(s), Value: r.Token.Name, Name: true, Text: sentence(text...)}, true
}

// misleading is the pair that a pixel metric orders the other way round, beyond
// the intervals of both metrics.
func (v *View) misleading(s Section, g Grid) (Finding, bool) {
	pixel, ok := v.Pixels()
	if !ok || g.Metric.Role == metrics.RolePixels || len(g.Contestants()) < 2 {
		return Finding{}, false
	}
	c := g.Contestants() // best first by the headline metric
	var hi, lo GridRow
	var pHi, pLo Cell
	gap := 0.0
	for i, a := range c {
		for _, b := range c[i+1:] {
			pa := v.Head(a.Token, s.Dataset.Name, s.Condition, pixel.ID)
			pb := v.Head(b.Token, s.Dataset.Name, s.Condition, pixel.ID)
			if better(pixel.Better, pb.Mean, pa.Mean) >= 0 || overlap(a.Head, b.Head) != 0 || overlap(pa, pb) != 0 {
				continue
			}
			if d := math.Abs(a.Head.Mean - b.Head.Mean); d > gap {
				gap, hi, lo, pHi, pLo = d, a, b, pa, pb
			}
		}
	}
	if gap == 0 {
		return Finding{}, false
	}
	st, ps := format.For(g.Metric), format.For(pixel)
	return Finding{
		Key: "misleading", Label: "Where " + pixel.Title + " misleads", Value: ps.Delta(pLo.Mean-pHi.Mean) + unit(ps),
		Text: sentence(lo.Token, fmt.Sprintf(" has %s %s%s against %s of ", pixel.Title, ps.Number(pLo.Mean), unit(ps), ps.Number(pHi.Mean)), hi.Token,
			fmt.Sprintf(", but %s %s against %s%s.", g.Metric.Title, st.Number(lo.Head.Mean), st.Number(hi.Head.Mean), unit(st))),
	}, true
}

// steadiest is the tokenizer with the best score under damage, how far it is from the
// upper bound there, and what damages all of them most.
func (v *View) steadiest() (Finding, bool) {
	grids := v.RobustGrids()
	if len(grids) == 0 || grids[0].Score != summary.ScoreUnder || grids[0].Metric.Better == metrics.Neither {
		return Finding{}, false
	}
	g := grids[0]
	var rows []RobustGridRow // the best first
	for _, r := range g.Rows {
		if !r.Token.Reference && !math.IsNaN(r.MPC.Mean) {
			rows = append(rows, r)
		}
	}
	if len(rows) == 0 {
		return Finding{}, false
	}
	st := format.For(g.Metric)
	b := rows[0]
	text := []any{fmt.Sprintf("%s %s%s on average under damage (mPC), %s on clean images.", g.Metric.Title, st.Interval(b.MPC.Mean, b.MPC.Lo, b.MPC.Hi), unit(st), st.Number(b.P.Mean))}
	if !math.IsNaN(b.Loss.Mean) {
		text = append(text, " Against ", Token{Name: g.Baseline}, " under the same damage: "+st.Delta(b.Loss.Mean)+unit(format.Style{Unit: format.Points(st.Unit)})+".")
	}
	if len(rows) > 1 {
		switch overlap(b.MPC, rows[1].MPC) {
		case 1:
			text = append(text, " Not clearly ahead of ", rows[1].Token, " ("+st.Number(rows[1].MPC.Mean)+"): their intervals overlap.")
		case 0:
			text = append(text, " Next is ", rows[1].Token, " with "+st.Number(rows[1].MPC.Mean)+".")
		}
	}
	worst, worstMean := -1, 0.0
	for i, kind := range g.Corruptions {
		if slices.Contains(suite.TokenDamages(), kind) {
			continue
		}
		sum := 0.0
		for _, r := range rows {
			sum += r.Cells[i].Mean
		}
		if m := sum / float64(len(rows)); !math.IsNaN(m) && (worst < 0 || better(g.Metric.Better, m, worstMean) > 0) {
			worst, worstMean = i, m
		}
	}
	if worst >= 0 {
		text = append(text, " Hardest for all: "+CorruptionTitle(g.Corruptions[worst])+", "+st.Number(worstMean)+".")
	}
	return Finding{Key: "steadiest", Label: "Best under damage", Value: b.Token.Name, Name: true, Text: sentence(text...)}, true
}

func (v *View) kept(s Section, g Grid) (Finding, bool) {
	t := v.Tally(s.Dataset.Name, s.Condition.Key, g.Metric.ID)
	if len(t.Tokens) == 0 {
		return Finding{}, false
	}
	thing := Units(len(s.Dataset.Clips) > 0, g.Metric)
	f := Finding{Key: "kept", Label: "What was counted, " + v.Title(s), Value: t.Kept.String() + " " + thing}
	if len(t.Reasons) == 0 {
		f.Text = sentence("All " + thing + " of the plan are in the means.")
		return f, true
	}
	var parts []string
	for _, r := range t.Reasons {
		parts = append(parts, r.Span.String()+" "+r.Title)
		if r.Key == metrics.DropFailed || r.Key == metrics.DropLoad {
			f.Bad = true
		}
	}
	f.Text = sentence("Kept out of the means: " + strings.Join(parts, ", ") + ".")
	return f, true
}

// String is "12" or "12–15" where tokenizers differ.
func (s Span) String() string {
	if s.Min == s.Max {
		return format.Count(s.Min)
	}
	return format.Count(s.Min) + "–" + format.Count(s.Max)
}

// clip shortens a text for one line.
func clip(s string, n int) string {
	r := []rune(strings.Join(strings.Fields(s), " "))
	if len(r) <= n {
		return string(r)
	}
	return string(r[:n-1]) + "…"
}
