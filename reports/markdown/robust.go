package markdown

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/vtbench/vtbench/bench/suite"
	"github.com/vtbench/vtbench/bench/summary"
	"github.com/vtbench/vtbench/metrics"
	"github.com/vtbench/vtbench/reports/format"
	"github.com/vtbench/vtbench/reports/view"
)

// robustness shows headline scores under damage: one table a data set and resolution,
// with the loss against the baseline, then one a score with every corruption.
func robustness(b *strings.Builder, v *view.View) {
	grids := v.RobustGrids()
	if len(grids) == 0 {
		return
	}
	b.WriteString("## Scores under damage\n\nMeans over corruptions and severities (mPC); columns name the score and what it compares with.")
	if g := grids[0]; g.Baseline != "" {
		fmt.Fprintf(b, " Loss: less that of %s under the same damage, of the first score.", format.Markdown(g.Baseline))
		if g.HasKept() {
			b.WriteString(" Under " + format.Markdown(g.KeptLegend()) + ".")
		}
	}
	b.WriteString("\n\n")
	for rest := grids; len(rest) > 0; {
		first := rest[0]
		n := slices.IndexFunc(rest, func(g view.RobustGrid) bool {
			return g.Dataset.Name != first.Dataset.Name || g.Resolution != first.Resolution
		})
		if n < 0 {
			n = len(rest)
		}
		cols := slices.DeleteFunc(slices.Clone(rest[:n]), func(g view.RobustGrid) bool { return g.Score != summary.ScoreUnder })
		rest = rest[n:]
		if len(cols) == 0 {
			continue
		}
		fmt.Fprintf(b, "### %s, %s: mPC\n\n", format.Markdown(first.Dataset.Name), suite.Size(first.Resolution))
		header := []string{"tokenizer"}
		for i, g := range cols {
			st := format.For(g.Metric)
			header = append(header, format.Markdown(g.Metric.Title)+unitOf(st.Unit)+" against "+g.AgainstTitle())
			if i == 0 {
				header = append(header, "loss"+unitOf(format.Points(st.Unit)))
				if g.HasKept() {
					header = append(header, "kept (%)")
				}
			}
		}
		writeRow(b, header)
		b.WriteString("|---|" + strings.Repeat("--:|", len(header)-1) + "\n")
		for _, r := range cols[0].Rows {
			row := []string{name(r.Token)}
			for i, g := range cols {
				st, cell := format.For(g.Metric), format.None
				for _, o := range g.Rows {
					if o.Token.Name == r.Token.Name {
						cell = st.Interval(o.MPC.Mean, o.MPC.Lo, o.MPC.Hi)
					}
				}
				row = append(row, cell)
				if i == 0 {
					row = append(row, st.Delta(r.Loss.Mean))
					if g.HasKept() {
						row = append(row, view.Kept(r.RPC))
					}
				}
			}
			writeRow(b, row)
		}
		b.WriteString("\n")
	}
	for _, g := range grids {
		corruptions(b, g)
	}
}

// corruptions writes one score under every corruption, folded.
func corruptions(b *strings.Builder, g view.RobustGrid) {
	what := format.Markdown(g.Metric.Title) + " under damage, against " + g.AgainstTitle()
	st := format.For(g.Metric)
	st.Places = max(0, st.Places-1) // there are many columns
	switch {
	case g.Score == summary.ScoreFlip:
		what, st = "Tokens flipped by damage, less the floor of encoding again", format.Style{Unit: "%", Scale: 100, Places: 0}
	case g.Metric.Better == metrics.Lower:
		what += ", lower is better"
	}
	fmt.Fprintf(b, "<details><summary>%s: %s, %s%s</summary>\n\n", what, format.Markdown(g.Dataset.Name), suite.Size(g.Resolution), unitOf(st.Unit))
	header := []string{"tokenizer"}
	if g.HasMCE {
		header = append(header, "mCE")
	}
	for _, c := range g.Corruptions {
		header = append(header, format.Markdown(view.CorruptionTitle(c)))
	}
	writeRow(b, header)
	b.WriteString("|---|" + strings.Repeat("--:|", len(header)-1) + "\n")
	for _, r := range g.Rows {
		row := []string{name(r.Token)}
		if g.HasMCE {
			cell := format.None
			if !math.IsNaN(r.MCE.Mean) {
				cell = format.Style{Scale: 1, Places: 2}.Number(r.MCE.Mean)
			}
			row = append(row, cell)
		}
		for _, c := range r.Cells {
			row = append(row, st.Number(c.Mean))
		}
		writeRow(b, row)
	}
	if none := g.WithoutTokens(); len(none) > 0 {
		fmt.Fprintf(b, "\nNot under token damage, having no tokens that can be decoded: %s.\n", format.Markdown(strings.Join(none, ", ")))
	}
	b.WriteString("\n</details>\n\n")
}

func unitOf(unit string) string {
	if unit == "" {
		return ""
	}
	return " (" + unit + ")"
}

// name is a tokenizer's name; upper bounds are set apart.
func name(t view.Token) string {
	if t.Reference {
		return "*" + format.Markdown(t.Name) + "*"
	}
	return format.Markdown(t.Name)
}
