package compare

import (
	"fmt"
	"io"
	"math"
	"slices"
	"strings"

	"github.com/olekukonko/tablewriter/pkg/twwidth"

	"github.com/vtbench/vtbench/bench/compare"
	"github.com/vtbench/vtbench/reports/format"
	"github.com/vtbench/vtbench/reports/table"
)

// TerminalOptions change what a terminal shows.
type TerminalOptions struct {
	Width  int  // in columns; 0 means [table.DefaultWidth]
	Colour bool // better green, worse red
	All    bool // every row, not only the headline and what differs
}

const (
	green = "\x1b[32m"
	red   = "\x1b[31m"
	plain = "\x1b[0m"
)

// printer prints a comparison on a terminal.
type printer struct {
	strings.Builder
	r *compare.Report
	o TerminalOptions
}

// Terminal prints the comparison: alarms, gates, headline rows, rows of the grid
// that differ, curves and who is dominated.
func Terminal(w io.Writer, r *compare.Report, o TerminalOptions) error {
	if o.Width <= 0 {
		o.Width = table.DefaultWidth
	}
	p := &printer{r: r, o: o}
	for _, s := range r.Sides {
		p.paragraph(fmt.Sprintf("%-11s", s.Role), fmt.Sprintf("%s (suite %s %d, %s)", s.Name, s.Suite.ID, s.Suite.Version, format.Plural(len(s.Tokens), "tokenizer", "tokenizers")))
	}
	for _, a := range Alarms(r) {
		p.paragraph("! ", a)
	}
	if g := r.Gates; g != nil && len(g.Findings) > 0 {
		p.WriteString("\n")
		for _, f := range g.Findings {
			where, what := Finding(r, f)
			if where != "" {
				what = where + ": " + what
			}
			p.paragraph(string(f.Level)+": ", what)
		}
	}
	for i := range r.Pairs {
		if err := p.pair(i); err != nil {
			return err
		}
	}
	if err := p.curves(); err != nil {
		return err
	}
	for _, s := range slices.Concat(Dominated(r), Beside(r)) {
		p.paragraph("", s)
	}
	p.WriteString("\n")
	p.paragraph("", Title(r))
	return write(w, p.String())
}

func (p *printer) paint(s, colour string) string {
	if !p.o.Colour {
		return s
	}
	return colour + s + plain
}

// paragraph prints a text in lines that fit, its lead before the first.
func (p *printer) paragraph(lead, s string) {
	indent := strings.Repeat(" ", twwidth.Width(lead))
	lead = strings.NewReplacer("error", p.paint("error", red)).Replace(lead)
	used := len(indent)
	p.WriteString(lead)
	for i, word := range strings.Fields(format.Line(s)) {
		n := twwidth.Width(word)
		switch {
		case i == 0:
		case used+1+n > p.o.Width:
			p.WriteString("\n" + indent)
			used = len(indent)
		default:
			p.WriteString(" ")
			used++
		}
		p.WriteString(word)
		used += n
	}
	p.WriteString("\n")
}

// pair prints the tables of one pair: a table for each data set and condition that
// has something to say.
func (p *printer) pair(pair int) error {
	type group struct{ dataset, condition string }
	var groups []group
	rows := map[group][]int{}
	hidden := 0
	for i, x := range p.r.Rows {
		if x.Pair != pair {
			continue
		}
		differs := x.Verdict == compare.Worse || x.Verdict == compare.Better || x.Verdict == compare.Changed
		if !x.Headline && !differs && !p.o.All {
			hidden++
			continue
		}
		g := group{x.Dataset, x.Condition}
		if rows[g] == nil {
			groups = append(groups, g)
		}
		rows[g] = append(rows[g], i)
	}
	less := urgency(p.r)
	p.WriteString("\n")
	p.paragraph("", p.r.Pairs[pair].Label)
	for _, g := range groups {
		p.paragraph("  ", g.dataset+", "+conditionTitle(g.condition))
		which := rows[g]
		slices.SortStableFunc(which, less)
		if err := p.table(which); err != nil {
			return err
		}
		p.words(which)
	}
	if hidden > 0 {
		p.paragraph("", fmt.Sprintf("%s of the grid without a difference shown are not listed here.", format.Plural(hidden, "row", "rows")))
	}
	return nil
}

// words says the headline rows as sentences. Of many pairs that would be a wall of
// text: there, only why rows are neither better nor worse, and what would have been
// seen.
func (p *printer) words(which []int) {
	var order []string
	metrics := map[string][]string{}
	add := func(why, metric string) {
		if metrics[why] == nil {
			order = append(order, why)
		}
		metrics[why] = append(metrics[why], metric)
	}
	for _, i := range which {
		x := p.r.Rows[i]
		if !x.Headline {
			continue
		}
		if len(p.r.Pairs) == 1 {
			add(predicate(x), x.Title+binWords(x))
			continue
		}
		if x.Verdict == compare.Better || x.Verdict == compare.Worse {
			continue
		}
		why := x.Why
		if d := float64(x.Detectable); x.Verdict == compare.NoDifference && !math.IsNaN(d) {
			if why != "" {
				why += "; "
			}
			why += "this data would have shown " + points(format.For(x.Spec()), d)
		}
		if why != "" {
			add(": "+why, x.Title)
		}
	}
	if len(order) > 0 {
		p.WriteString("\n")
	}
	for _, why := range order {
		p.paragraph("  ", strings.Join(metrics[why], ", ")+why)
	}
}

// curves prints what families of tokenizers are worth at equal quality and at equal
// rate: a table for each two, and below it what has no value, and why.
func (p *printer) curves() error {
	type group struct{ baseline, candidate, dataset, condition, rate string }
	var order []group
	of := map[group][]compare.Curve{}
	for _, c := range p.r.Curves {
		g := group{c.Baseline, c.Candidate, c.Dataset, c.Condition, c.Rate}
		if of[g] == nil {
			order = append(order, g)
		}
		of[g] = append(of[g], c)
	}
	for _, g := range order {
		p.WriteString("\n")
		about := fmt.Sprintf("%s against %s: %s, %s", g.candidate, g.baseline, g.dataset, conditionTitle(g.condition))
		if g.rate != "" {
			about += ", rate in " + g.rate
		}
		p.paragraph("", about)
		var rows [][]string
		var notes []string
		metrics := map[string][]string{}
		for _, c := range of[g] {
			if curveHasValue(c) {
				rows = append(rows, []string{format.Line(c.Title), bdRate(c), bdQuality(c), share(c.Overlap), fmt.Sprintf("%d, %d", c.Points[0], c.Points[1])})
			}
			if n := curveNote(c); n != "" {
				if metrics[n] == nil {
					notes = append(notes, n)
				}
				metrics[n] = append(metrics[n], c.Title)
			}
		}
		if len(rows) > 0 {
			if err := table.Simple(p, []string{"metric", "at equal quality", "at equal rate", "overlap", "points"}, rows); err != nil {
				return err
			}
		}
		for _, n := range notes {
			p.paragraph("  ", strings.Join(metrics[n], ", ")+": "+n)
		}
	}
	return nil
}

// dropOrder is which columns go where a terminal is narrow, the first first; they
// are in every other format.
var dropOrder = []string{"Δ %", "shows", "n"}

func (p *printer) table(which []int) error {
	header := []string{"metric", "base", "cand", "Δ", "Δ %", "95 % interval", "p", "n", "shows", "verdict"}
	var rows [][]string
	for _, i := range which {
		x := p.r.Rows[i]
		st := format.For(x.Spec())
		verdict := verdictWord(x)
		switch x.Verdict {
		case compare.Better:
			verdict = p.paint(verdict, green)
		case compare.Worse:
			verdict = p.paint(verdict, red)
		case compare.NoDifference:
			if !identical(x) {
				verdict = "not shown"
			}
		}
		bin := ""
		if b := binTitle(x.Bin); b != "all" {
			bin = " " + b
		}
		rows = append(rows, []string{
			format.Line(metricTitle(x) + bin), st.Number(float64(x.Baseline)), st.Number(float64(x.Candidate)), st.Delta(float64(x.Delta)), relative(x),
			bounds(st, x), P(float64(x.Adjusted)), format.Count(x.N), detectable(x), verdict,
		})
	}
	for _, name := range dropOrder {
		if _, total := extent(header, rows); total <= p.o.Width {
			break
		}
		k := slices.Index(header, name)
		header = slices.Delete(header, k, k+1)
		for i := range rows {
			rows[i] = slices.Delete(rows[i], k, k+1)
		}
	}
	if first, total := extent(header, rows); total > p.o.Width {
		names := make([]string, len(rows))
		for i, row := range rows {
			names[i] = row[0]
		}
		for i, name := range format.Fit(names, max(first-(total-p.o.Width), 10)) {
			rows[i][0] = name
		}
	}
	return table.Simple(p, header, rows)
}

// extent is the width of the first column and of the table, whose rule runs one
// column past the last cell.
func extent(header []string, rows [][]string) (first, total int) {
	for c, h := range header {
		wide := twwidth.Width(h)
		for _, row := range rows {
			wide = max(wide, twwidth.Width(row[c]))
		}
		if c == 0 {
			first = wide
		}
		total += wide + 1
	}
	return first, total
}

// bounds writes the interval of a difference with signs.
func bounds(st format.Style, x compare.Row) string {
	if math.IsNaN(float64(x.Lo)) {
		return format.None
	}
	return "[" + st.Delta(float64(x.Lo)) + ", " + st.Delta(float64(x.Hi)) + "]"
}
