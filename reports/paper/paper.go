// Package paper writes tables of a report for print: LaTeX, Markdown and CSV, with
// intervals, and marks for tokenizers that do not differ.
//
// Its opinion: a rank is no finding. Beside each mean stands its interval, and letters
// that say which of the differences the data shows: tokenizers that share a letter do not
// differ, tested on the same items and corrected for all pairs of the table.
package paper

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/vtbench/vtbench/bench/summary"
	"github.com/vtbench/vtbench/reports/format"
	"github.com/vtbench/vtbench/reports/view"
)

// A Table is one headline metric of a data set under a condition.
type Table struct {
	Name    string // of its files
	Caption string
	Note    string
	Bins    []string // headings of the columns
	Rates   []string
	Groups  bool // some rows have letters
	Rows    []Row
	style   format.Style
}

// A Row is a tokenizer.
type Row struct {
	Token  view.Token
	Cells  []view.Cell
	Rates  []view.Rate
	Groups string // letters shared with those that it does not differ from
	Best   bool   // the best of the contestants, or alike to it
}

// Tables are those of a page. Letters need the records of the runs; without them the
// tables have none, and say so.
func Tables(v *view.View, runs []*summary.Run) ([]Table, error) {
	tested, err := test(v, runs)
	if err != nil {
		return nil, err
	}
	var names format.Slugs
	var out []Table
	for _, s := range v.Sections() {
		for _, id := range v.HeadlineOf(s) {
			g := v.Grid(s.Dataset.Name, s.Condition.Key, id)
			if len(g.Rows) == 0 {
				continue
			}
			t := Table{Name: names.For(id + "-" + s.Dataset.Name + "-" + s.Condition.Key), style: format.For(g.Metric)}
			t.Caption = fmt.Sprintf("%s%s on %s: %s. Mean and 95 %% interval", g.Metric.Title, unitIn(t.style.Unit), s.Dataset.Name, v.Title(s))
			if better := view.BetterWord(g.Metric.Better); better != "" {
				t.Caption += "; " + better
			}
			t.Caption += "."
			for _, b := range g.Bins {
				t.Bins = append(t.Bins, view.BinTitle(b))
			}
			t.Bins = append(t.Bins, view.BinTitle(g.Head))
			rates := g.RateColumns()
			for _, r := range rates {
				t.Rates = append(t.Rates, r.Title)
			}
			var order []string
			for _, r := range g.Contestants() {
				order = append(order, r.Token.Name)
			}
			groups := tested.groups(tableKey{s.Dataset.Name, s.Condition.Key, id, g.Head}, order)
			best := ""
			if len(order) > 0 {
				best = groups[order[0]]
			}
			for _, r := range g.Rows {
				row := Row{Token: r.Token, Cells: append(append([]view.Cell{}, r.Cells...), r.Head), Groups: groups[r.Token.Name]}
				for _, c := range rates {
					row.Rates = append(row.Rates, c.Of(r))
				}
				row.Best = !r.Token.Reference && !r.Token.Floor && (len(order) > 0 && r.Token.Name == order[0] || strings.ContainsAny(row.Groups, best) && best != "")
				t.Groups = t.Groups || row.Groups != ""
				t.Rows = append(t.Rows, row)
			}
			films := len(s.Dataset.Clips) > 0
			if t.Groups {
				unit := "image"
				if films {
					unit = "clip"
				}
				t.Note = fmt.Sprintf("Tokenizers that share a letter do not differ (differences on the same items, signs flipped by %s, Holm over all pairs, at %g). Bold: not shown to differ from the best.", unit, alpha)
			} else {
				t.Note = "Which tokenizers differ was not tested: the run has no records of single items, or one contestant only."
			}
			if note := v.ByFrameNote(); films && note != "" {
				t.Note += " " + note + "."
			}
			out = append(out, t)
		}
	}
	return out, nil
}

func unitIn(unit string) string {
	if unit == "" {
		return ""
	}
	return " (" + unit + ")"
}

// text is a mean with its interval.
func (t Table) text(c view.Cell) (mean, bounds string) {
	if !c.OK || math.IsNaN(c.Mean) {
		return format.None, ""
	}
	return t.style.Number(c.Mean), t.style.Bounds(c.Lo, c.Hi)
}

func rateText(r view.Rate) string {
	if !r.OK() {
		return format.None
	}
	s := strconv.FormatFloat(r.BPP, 'g', 3, 64)
	if r.Estimated() {
		s = "~" + s
	}
	return s
}

// Markdown is the table for a README or an issue.
func (t Table) Markdown() []byte {
	var b bytes.Buffer
	head := append([]string{"tokenizer"}, append(append([]string{}, t.Bins...), t.Rates...)...)
	if t.Groups {
		head = append(head, "alike")
	}
	line := func(cells []string) { fmt.Fprintf(&b, "| %s |\n", strings.Join(cells, " | ")) }
	for i := range head {
		head[i] = format.Markdown(head[i])
	}
	line(head)
	fmt.Fprintf(&b, "|:--%s|\n", strings.Repeat("|--:", len(head)-1))
	for _, r := range t.Rows {
		cells := []string{format.Code(r.Token.Name)}
		for i, c := range r.Cells {
			mean, bounds := t.text(c)
			if i == len(r.Cells)-1 && r.Best {
				mean = "**" + mean + "**"
			}
			cells = append(cells, strings.TrimSpace(mean+" "+format.Markdown(bounds)))
		}
		for _, rate := range r.Rates {
			cells = append(cells, format.Markdown(rateText(rate)))
		}
		if t.Groups {
			cells = append(cells, r.Groups)
		}
		line(cells)
	}
	fmt.Fprintf(&b, "\n%s %s\n", format.Markdown(t.Caption), format.Markdown(t.Note))
	return b.Bytes()
}

// tex escapes what LaTeX would act on.
var tex = strings.NewReplacer(
	`\`, `\textbackslash{}`, "{", `\{`, "}", `\}`, "$", `\$`, "&", `\&`, "#", `\#`, "%", `\%`, "_", `\_`, "~", `\textasciitilde{}`, "^", `\textasciicircum{}`,
	"−", "$-$", "–", "--", "∞", `$\infty$`, "†", `\dag{}`, view.ByFrameMark, `\ddag{}`, "<", `\textless{}`, ">", `\textgreater{}`, "|", `\textbar{}`, `"`, "''", "`", "{`}", "'", "{'}",
)

// LaTeX is the table for a paper; it needs the package booktabs.
func (t Table) LaTeX() []byte {
	var b bytes.Buffer
	columns := len(t.Bins) + len(t.Rates)
	fmt.Fprintf(&b, "%% Needs \\usepackage{booktabs}; made by vtbench report --figures.\n\\begin{table}\n\\centering\n\\caption{%s %s}\n\\label{tab:%s}\n", tex.Replace(format.Text(t.Caption)), tex.Replace(t.Note), t.Name)
	fmt.Fprintf(&b, "\\begin{tabular}{l%s}\n\\toprule\ntokenizer", strings.Repeat("r", columns))
	for _, h := range append(append([]string{}, t.Bins...), t.Rates...) {
		b.WriteString(" & " + tex.Replace(format.Line(h)))
	}
	b.WriteString(" \\\\\n\\midrule\n")
	bound := true
	for _, r := range t.Rows {
		if bound && !r.Token.Reference {
			if bound = false; r.Token.Name != t.Rows[0].Token.Name {
				b.WriteString("\\midrule\n")
			}
		}
		b.WriteString(tex.Replace(format.Line(r.Token.Name)))
		for i, c := range r.Cells {
			mean, bounds := t.text(c)
			mean, bounds = tex.Replace(mean), tex.Replace(bounds)
			if i == len(r.Cells)-1 {
				if r.Best {
					mean = `\textbf{` + mean + "}"
				}
				if r.Groups != "" {
					mean += `\textsuperscript{` + r.Groups + "}"
				}
			}
			b.WriteString(" & " + mean)
			if bounds != "" {
				b.WriteString(` {\scriptsize ` + bounds + "}")
			}
		}
		for _, rate := range r.Rates {
			b.WriteString(" & " + tex.Replace(rateText(rate)))
		}
		b.WriteString(" \\\\\n")
	}
	b.WriteString("\\bottomrule\n\\end{tabular}\n\\end{table}\n")
	return b.Bytes()
}

// CSV is the table with all digits, a line a tokenizer and bin.
func (t Table) CSV() ([]byte, error) {
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	number := func(v float64) string {
		if math.IsNaN(v) {
			return ""
		}
		return strconv.FormatFloat(v, 'g', -1, 64)
	}
	rows := [][]string{{"tokenizer", "bin", "mean", "lo", "hi", "n", "alike"}}
	for _, r := range t.Rows {
		for i, c := range r.Cells {
			groups := ""
			if i == len(r.Cells)-1 {
				groups = r.Groups
			}
			rows = append(rows, []string{format.Cell(r.Token.Name), format.Cell(t.Bins[i]), number(c.Mean), number(c.Lo), number(c.Hi), strconv.Itoa(c.N), groups})
		}
	}
	if err := w.WriteAll(rows); err != nil {
		return nil, fmt.Errorf("writing the table %s: %w", t.Name, err)
	}
	return b.Bytes(), nil
}
