package markdown

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/vtbench/vtbench/bench/summary"
	"github.com/vtbench/vtbench/metrics"
	"github.com/vtbench/vtbench/reports/format"
	"github.com/vtbench/vtbench/reports/view"
)

// robustness says what tokenizers keep of each headline score: one table a data set
// and resolution, then one a score with every corruption.
func robustness(b *strings.Builder, v *view.View) {
	grids := v.RobustGrids()
	if len(grids) == 0 {
		return
	}
	b.WriteString("## What is kept under damage\n\nrPC is the mean over corruptions and severities over the clean score; columns name the score and what it compares with.\n\n")
	share := format.Percent
	for rest := grids; len(rest) > 0; {
		first := rest[0]
		n := slices.IndexFunc(rest, func(g view.RobustGrid) bool {
			return g.Dataset.Name != first.Dataset.Name || g.Resolution != first.Resolution
		})
		if n < 0 {
			n = len(rest)
		}
		cols := slices.DeleteFunc(slices.Clone(rest[:n]), func(g view.RobustGrid) bool { return g.Score != summary.ScoreRetention })
		rest = rest[n:]
		if len(cols) == 0 {
			continue
		}
		fmt.Fprintf(b, "### %s, %d px: rPC (%%)\n\n", Escape(first.Dataset.Name), first.Resolution)
		header := []string{"tokenizer"}
		for _, g := range cols {
			header = append(header, Escape(g.Metric.Title)+" against "+g.AgainstTitle())
		}
		writeRow(b, header)
		b.WriteString("|---|" + strings.Repeat("--:|", len(header)-1) + "\n")
		for _, r := range cols[0].Rows {
			row := []string{name(r.Token)}
			for _, g := range cols {
				cell := format.None
				for _, o := range g.Rows {
					if o.Token.Name == r.Token.Name {
						cell = share.Interval(o.RPC.Mean, o.RPC.Lo, o.RPC.Hi)
					}
				}
				row = append(row, cell)
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
	what := Escape(g.Metric.Title) + " kept, against " + g.AgainstTitle()
	switch {
	case g.Score == summary.ScoreFlip:
		what = "Tokens flipped by damage, less the floor of encoding again"
	case g.Metric.Better == metrics.Lower:
		what += " (lower is better)"
	}
	fmt.Fprintf(b, "<details><summary>%s: %s, %d px (%%)</summary>\n\n", what, Escape(g.Dataset.Name), g.Resolution)
	header := []string{"tokenizer"}
	if g.HasMCE {
		header = append(header, "mCE")
	}
	for _, c := range g.Corruptions {
		header = append(header, Escape(view.CorruptionTitle(c)))
	}
	writeRow(b, header)
	b.WriteString("|---|" + strings.Repeat("--:|", len(header)-1) + "\n")
	whole := format.Style{Scale: 100, Places: 0}
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
			row = append(row, whole.Number(c.Mean))
		}
		writeRow(b, row)
	}
	if none := g.WithoutTokens(); len(none) > 0 {
		fmt.Fprintf(b, "\nNot under token damage, having no tokens that can be decoded: %s.\n", Escape(strings.Join(none, ", ")))
	}
	b.WriteString("\n</details>\n\n")
}

// name is a tokenizer's name; upper bounds are set apart.
func name(t view.Token) string {
	if t.Reference {
		return "*" + Escape(t.Name) + "*"
	}
	return Escape(t.Name)
}
