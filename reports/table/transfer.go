package table

import (
	"io"
	"math"

	"github.com/vtbench/vtbench/reports/format"
	"github.com/vtbench/vtbench/reports/view"
)

// transfer prints what each step from resolution to resolution changes. Tables of classes
// are wider than a terminal and stand in the reports.
func transfer(w io.Writer, v *view.View, width int) error {
	for _, m := range v.Matrices() {
		if m.Group != view.ResolutionTables {
			continue
		}
		st := format.For(m.Metric)
		if err := printf(w, "%s%s%s\n", m.Metric.Title, m.Metric.Better.Arrow(), format.Line(m.Title[len(m.Metric.Title):])+unit(st)); err != nil {
			return err
		}
		rows := transferRows(m, st, true)
		header := append([]string{m.Corner}, m.Columns...)
		if tooWide(header, rows, width) {
			rows = transferRows(m, st, false)
		}
		fit(header, rows, width)
		if err := Simple(w, header, rows); err != nil {
			return err
		}
		var parts []string
		if tooWide(header, transferRows(m, st, true), width) {
			parts = append(parts, "→: change on the same images")
		} else {
			parts = append(parts, "→: change on the same images, with 95 % intervals")
		}
		for _, r := range m.Rows {
			for _, c := range r.Cells {
				if c.Unpaired && len(parts) == 1 {
					parts = append(parts, view.UnpairedNote)
				}
			}
		}
		if err := printf(w, "%s\n\n", wrap(parts, width)); err != nil {
			return err
		}
	}
	return nil
}

func transferRows(m view.Matrix, st format.Style, bounds bool) [][]string {
	var out [][]string
	for _, r := range m.Rows {
		row := []string{format.Line(r.Name)}
		for _, c := range r.Cells {
			text := c.Text(st)
			if half := st.Number((c.Hi - c.Lo) / 2); bounds && !math.IsNaN(c.Hi-c.Lo) {
				text += "±" + half
			}
			row = append(row, text)
		}
		out = append(out, row)
	}
	return out
}
