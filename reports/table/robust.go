package table

import (
	"io"
	"math"
	"slices"

	"github.com/vtbench/vtbench/bench/suite"
	"github.com/vtbench/vtbench/bench/summary"
	"github.com/vtbench/vtbench/metrics"
	"github.com/vtbench/vtbench/reports/format"
	"github.com/vtbench/vtbench/reports/view"
)

// kept prints scores under damage: one table a data set and resolution, with the
// loss against the baseline, what is kept, and the hardest corruption last.
func kept(w io.Writer, v *view.View, width int) error {
	grids := slices.DeleteFunc(v.RobustGrids(), func(g view.RobustGrid) bool { return g.Score != summary.ScoreUnder })
	for len(grids) > 0 {
		first := grids[0]
		n := slices.IndexFunc(grids, func(g view.RobustGrid) bool {
			return g.Dataset.Name != first.Dataset.Name || g.Resolution != first.Resolution
		})
		if n < 0 {
			n = len(grids)
		}
		if err := keptTable(w, grids[:n], width); err != nil {
			return err
		}
		grids = grids[n:]
	}
	return nil
}

func keptTable(w io.Writer, grids []view.RobustGrid, width int) error {
	g := grids[0]
	at := ""
	if size := suite.Size(g.Resolution); size != "" {
		at = ", " + size
	}
	if err := printf(w, "under damage (mPC) of %s%s\n", format.Line(g.Dataset.Name), at); err != nil {
		return err
	}
	build := func(cols []view.RobustGrid) (header []string, rows [][]string) {
		header = []string{"tokenizer"}
		for i, c := range cols {
			st := format.For(c.Metric)
			title := c.Metric.Title
			if c.Against == suite.AgainstClean {
				title += "~clean"
			}
			header = append(header, title+c.Metric.Better.Arrow()+unit(st))
			if i == 0 {
				header = append(header, "loss"+unit(format.Style{Unit: format.Points(st.Unit)}))
				if c.HasKept() {
					header = append(header, "kept (%)")
				}
			}
		}
		header = append(header, "hardest")
		for _, r := range g.Rows {
			row := []string{format.Line(r.Token.Name)}
			for i, c := range cols {
				at := slices.IndexFunc(c.Rows, func(o view.RobustGridRow) bool { return o.Token.Name == r.Token.Name })
				cell := format.None
				if at >= 0 {
					cell = plusMinus(c.Metric, c.Rows[at].MPC)
				}
				row = append(row, cell)
				if i == 0 {
					row = append(row, format.For(c.Metric).Delta(r.Loss.Mean))
					if c.HasKept() {
						row = append(row, view.Kept(r.RPC))
					}
				}
			}
			rows = append(rows, append(row, hardest(g, r)))
		}
		return header, rows
	}
	cols := grids
	header, rows := build(cols)
	for len(cols) > 1 && tooWide(header, rows, width) {
		cols = cols[:len(cols)-1]
		header, rows = build(cols)
	}
	fit(header, rows, width)
	if err := Simple(w, header, rows); err != nil {
		return err
	}
	legend := []string{"mPC: mean over corruptions and severities", "loss: mPC less that of " + format.Line(g.Baseline)}
	if format.For(g.Metric).Unit == "%" {
		legend[1] += ", in points of a hundred (pp)"
	}
	if g.HasKept() {
		legend = append(legend, g.KeptLegend())
	}
	legend = append(legend, intervalMarks(rows)...)
	if slices.ContainsFunc(cols, func(c view.RobustGrid) bool { return c.Against == suite.AgainstClean }) {
		legend = append(legend, "~clean: against the undamaged original")
	}
	if n := len(grids) - len(cols); n > 0 {
		legend = append(legend, format.Plural(n, "score", "scores")+" more in the report")
	}
	return printf(w, "%s\n\n", wrap(legend, width))
}

// hardest is the corruption of images under which a tokenizer scores worst.
func hardest(g view.RobustGrid, r view.RobustGridRow) string {
	worst := -1
	for i, c := range r.Cells {
		if math.IsNaN(c.Mean) || slices.Contains(suite.TokenDamages(), g.Corruptions[i]) {
			continue
		}
		if worst < 0 || (c.Mean < r.Cells[worst].Mean) == (g.Metric.Better != metrics.Lower) {
			worst = i
		}
	}
	if worst < 0 {
		return ""
	}
	return view.CorruptionTitle(g.Corruptions[worst]) + " " + format.For(g.Metric).Number(r.Cells[worst].Mean)
}
