package view

import (
	"math"
	"slices"

	"github.com/vtbench/vtbench/bench/suite"
	"github.com/vtbench/vtbench/bench/summary"
	"github.com/vtbench/vtbench/metrics"
	"github.com/vtbench/vtbench/reports/format"
)

// A Matrix is a table beside those of sections: what is lost by class of a mask, what a
// resolution changes.
type Matrix struct {
	Group   string // [ClassTables] or [ResolutionTables]
	Title   string
	Note    string // what the numbers are, a sentence
	Corner  string // heading of the first column
	Metric  metrics.Spec
	Columns []string
	Rows    []MatrixRow
}

// The groups of matrices, as headings.
const (
	ClassTables      = "Classes"
	ResolutionTables = "Resolutions"
)

// A MatrixRow is a line of a Matrix.
type MatrixRow struct {
	Name  string
	Token *Token // whose line it is; nil for a class
	Cells []MatrixCell
}

// A MatrixCell is a number with its interval; NaN where there is none.
type MatrixCell struct {
	Value, Lo, Hi float64
	Signed        bool // a difference
	Unpaired      bool // not of the same images on both sides
}

// Text writes the number of a cell; * marks a step between other images.
func (c MatrixCell) Text(st format.Style) string {
	out := st.Number(c.Value)
	if c.Signed {
		out = st.Delta(c.Value)
	}
	if c.Unpaired {
		out += "*"
	}
	return out
}

// UnpairedNote explains the mark of Text.
const UnpairedNote = "*: some values are missing or infinite at one of the two resolutions"

var unmeasured = MatrixCell{Value: math.NaN(), Lo: math.NaN(), Hi: math.NaN()}

// Matrices are the tables of classes, then those of resolutions.
func (v *View) Matrices() []Matrix {
	var out []Matrix
	for _, s := range v.Sections() {
		for _, m := range v.Metrics {
			if m.ByClass {
				if x := v.byClass(s, m); len(x.Rows) > 0 {
					out = append(out, x)
				}
			}
		}
	}
	for _, d := range v.Datasets {
		for _, id := range v.Headline {
			if x := v.transferOf(d.Name, id); len(x.Rows) > 0 {
				out = append(out, x)
			}
		}
	}
	return out
}

// byClass has a line for each class, in the order of classes.
func (v *View) byClass(s Section, m metrics.Spec) Matrix {
	x := Matrix{
		Group: ClassTables, Title: m.Title + " by class: " + s.Dataset.Name + ", " + s.Condition.Title(),
		Note:   m.Title + " of each class over the whole set, with 95 % intervals over images.",
		Corner: "class", Metric: m,
	}
	var tokens []Token
	for _, t := range v.Tokens {
		if !t.Reference || t.Own != suite.Original {
			tokens = append(tokens, t)
			x.Columns = append(x.Columns, t.Name)
		}
	}
	for _, bin := range v.Bins {
		row, any := MatrixRow{Name: bin}, false
		for _, t := range tokens {
			c := v.value(t, s.Dataset.Name, s.Condition, bin, m.ID)
			if !c.OK {
				row.Cells = append(row.Cells, unmeasured)
				continue
			}
			any = true
			row.Cells = append(row.Cells, MatrixCell{Value: c.Mean, Lo: c.Lo, Hi: c.Hi})
		}
		if any {
			x.Rows = append(x.Rows, row)
		}
	}
	return x
}

// transferOf has a line for each tokenizer: the value at the first resolution, then what
// each step changes.
func (v *View) transferOf(dataset, metric string) Matrix {
	m, _ := v.Metric(metric)
	x := Matrix{
		Group: ResolutionTables, Title: m.Title + " from resolution to resolution: " + dataset,
		Note:   "The value at the first resolution, then what each step to the next one changes, on the same images, with 95 % intervals of the difference.",
		Corner: "tokenizer", Metric: m,
	}
	size := func(condition string) string {
		c, _ := suite.ParseCondition(condition)
		return suite.Size(c.Resolution)
	}
	var steps []string // by where they lead
	for _, r := range v.transfer {
		if r.Dataset != dataset || r.Metric != metric {
			continue
		}
		if len(x.Columns) == 0 {
			x.Columns = append(x.Columns, size(r.From))
		}
		if !slices.Contains(steps, r.To) {
			steps = append(steps, r.To)
			x.Columns = append(x.Columns, "→ "+size(r.To))
		}
	}
	for _, t := range v.Tokens {
		row := MatrixRow{Name: t.Name, Token: &t}
		any := false
		for i, to := range steps {
			at := slices.IndexFunc(v.transfer, func(r summary.TransferRow) bool {
				return r.Dataset == dataset && r.Metric == metric && r.To == to && r.Tokenizer == t.Name
			})
			if at < 0 {
				if i == 0 {
					row.Cells = append(row.Cells, unmeasured)
				}
				row.Cells = append(row.Cells, unmeasured)
				continue
			}
			r := v.transfer[at]
			if i == 0 {
				row.Cells = append(row.Cells, MatrixCell{Value: float64(r.Before), Lo: math.NaN(), Hi: math.NaN()})
			}
			any = any || !math.IsNaN(float64(r.Delta))
			row.Cells = append(row.Cells, MatrixCell{
				Value: float64(r.Delta), Lo: float64(r.Lo), Hi: float64(r.Hi), Signed: true,
				Unpaired: slices.Contains(r.Warnings, summary.OtherImages),
			})
		}
		if any {
			x.Rows = append(x.Rows, row)
		}
	}
	return x
}
