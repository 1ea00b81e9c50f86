package html

import (
	"fmt"

	"github.com/vtbench/vtbench/reports/format"
	"github.com/vtbench/vtbench/reports/view"
)

// matrixGroup is a part of the page: tables of classes, or of resolutions.
type matrixGroup struct {
	ID, Title string
	Tables    []matrix
}

type matrix struct {
	ID, Title, Unit, Note, Corner string
	Columns                       []string
	Rows                          []matrixRow
	Unpaired                      bool
}

type matrixRow struct {
	Name  string
	Token *token // nil for a class
	Cells []cell
}

func newMatrices(v *view.View) []matrixGroup {
	var out []matrixGroup
	for _, m := range v.Matrices() {
		if len(out) == 0 || out[len(out)-1].Title != m.Group {
			out = append(out, matrixGroup{ID: fmt.Sprintf("m%d", len(out)), Title: m.Group})
		}
		g := &out[len(out)-1]
		st := format.For(m.Metric)
		t := matrix{ID: fmt.Sprintf("%s-%d", g.ID, len(g.Tables)), Title: m.Title, Unit: st.Unit, Note: m.Note, Corner: m.Corner, Columns: m.Columns}
		for _, r := range m.Rows {
			row := matrixRow{Name: r.Name}
			if r.Token != nil {
				tok := toToken(*r.Token)
				row.Token = &tok
			}
			for _, c := range r.Cells {
				x := plainCell(st, view.Cell{OK: true, Mean: c.Value, Lo: c.Lo, Hi: c.Hi})
				x.Text = c.Text(st)
				t.Unpaired = t.Unpaired || c.Unpaired
				row.Cells = append(row.Cells, x)
			}
			t.Rows = append(t.Rows, row)
		}
		g.Tables = append(g.Tables, t)
	}
	return out
}
