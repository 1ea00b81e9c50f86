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

// Full prints every metric of every data set under every condition: one table a
// metric that has scale bins, with the ends of its intervals, and tables of as many
// other metrics as fit side by side.
func Full(w io.Writer, v *view.View, o Options) error {
	width := o.width(w)
	if err := printf(w, "%s\n\n", wrap([]string{"[from, to]: 95 % interval", "±: half of it", "+a−b: its ends where it is uneven", "n: values behind the mean"}, width)); err != nil {
		return err
	}
	for _, s := range v.AllSections() {
		if err := printf(w, "%s, %s\n\n", format.Line(s.Dataset.Name), s.Condition.Title()); err != nil {
			return err
		}
		var flat []metrics.Spec
		for _, m := range v.Metrics {
			g := v.Grid(s.Dataset.Name, s.Condition.Key, m.ID)
			switch {
			case len(g.Rows) == 0:
			case len(g.Bins) == 0:
				flat = append(flat, m)
			default:
				if err := binned(w, v, s, g, width); err != nil {
					return err
				}
			}
		}
		if err := sideBySide(w, v, means(v, s, flat), width); err != nil {
			return err
		}
	}
	if err := kept(w, v, width); err != nil {
		return err
	}
	return notes(w, v, width)
}

// binned prints one metric by scale bins, intervals in full where they fit.
func binned(w io.Writer, v *view.View, s view.Section, g view.Grid, width int) error {
	st := format.For(g.Metric)
	if err := printf(w, "%s%s%s\n", g.Metric.Title, g.Metric.Better.Arrow(), unit(st)); err != nil {
		return err
	}
	build := func(number func(view.Cell) string) (header []string, rows [][]string) {
		header = []string{"tokenizer"}
		for _, b := range append(slices.Clone(g.Bins), g.Head) {
			header = append(header, view.BinTitle(b))
		}
		header = append(header, "n")
		for _, r := range g.Rows {
			row := []string{format.Line(r.Token.Name)}
			for _, c := range append(slices.Clone(r.Cells), r.Head) {
				row = append(row, number(c))
			}
			rows = append(rows, append(row, format.Count(r.Head.N)))
		}
		return header, rows
	}
	header, rows := build(func(c view.Cell) string { return st.Interval(c.Shown(), c.Lo, c.Hi) })
	if tooWide(header, rows, width) {
		header, rows = build(func(c view.Cell) string { return plusMinus(g.Metric, c) })
	}
	fit(header, rows, width)
	if err := Simple(w, header, rows); err != nil {
		return err
	}
	return printf(w, "%s\n\n", tally(v, s, g, width))
}

// A column of a table whose rows are tokenizers: cells by the tokenizer's name.
type column struct {
	title string
	cells map[string]string
}

// means are columns of metrics without bins.
func means(v *view.View, s view.Section, specs []metrics.Spec) []column {
	out := make([]column, len(specs))
	for i, m := range specs {
		out[i] = column{m.Title + m.Better.Arrow() + unit(format.For(m)), map[string]string{}}
		for _, t := range v.Tokens {
			if c := v.Head(t, s.Dataset.Name, s.Condition, m.ID); c.OK {
				out[i].cells[t.Name] = plusMinus(m, c)
			}
		}
	}
	return out
}

// sideBySide prints columns, as many to a table as fit.
func sideBySide(w io.Writer, v *view.View, columns []column, width int) error {
	build := func(part []column) (header []string, rows [][]string) {
		header = []string{"tokenizer"}
		for _, c := range part {
			header = append(header, c.title)
		}
		for _, t := range v.Tokens {
			row := []string{format.Line(t.Name)}
			for _, c := range part {
				row = append(row, c.cells[t.Name])
			}
			rows = append(rows, row)
		}
		return header, rows
	}
	for len(columns) > 0 {
		n := len(columns)
		header, rows := build(columns)
		for n > 1 && tooWide(header, rows, width) {
			n--
			header, rows = build(columns[:n])
		}
		fit(header, rows, width)
		if err := Simple(w, header, rows); err != nil {
			return err
		}
		if err := printf(w, "\n"); err != nil {
			return err
		}
		columns = columns[n:]
	}
	return nil
}

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
