package table

import (
	"io"

	"github.com/vtbench/vtbench/metrics"
	"github.com/vtbench/vtbench/reports/format"
	"github.com/vtbench/vtbench/reports/view"
)

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
