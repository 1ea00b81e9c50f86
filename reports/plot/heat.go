package plot

import (
	"fmt"
	"math"
	"strings"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"github.com/vtbench/vtbench/reports/format"
)

// A HeatMap is a table of shades with its numbers written in: rows by columns.
type HeatMap struct {
	Title, Note string
	Rows, Cols  []string
	Values      [][]float64 // by row and column; NaN where there is nothing
	Style       format.Style
	// Lo and Hi are the values at the ends of the shades; both 0 fits them to the
	// data. Lo may lie above Hi where less is better.
	Lo, Hi float64
	// Gap is how many rows stand apart at the top: upper bounds.
	Gap int
}

// Heading implements Drawing.
func (h HeatMap) Heading() string { return h.Title }

// Describe implements Drawing.
func (h HeatMap) Describe() string {
	var b strings.Builder
	for i, r := range h.Rows {
		fmt.Fprintf(&b, "%s:", format.Line(r))
		for j, c := range h.Cols {
			if j > 0 {
				b.WriteByte(',')
			}
			fmt.Fprintf(&b, " %s %s", format.Line(c), h.Style.Number(h.at(i, j)))
		}
		b.WriteString(". ")
	}
	return strings.TrimSpace(b.String())
}

func (h HeatMap) at(i, j int) float64 {
	if i < len(h.Values) && j < len(h.Values[i]) {
		return h.Values[i][j]
	}
	return math.NaN()
}

// Sizes of a heat map.
const (
	heatCell = 20 * vg.Length(1)
	heatName = 30 // longest name of a row
	heatCol  = 22 // longest name of a column
)

func (h HeatMap) size() (width, height vg.Length) {
	st := textStyle(sans, labelSize, nil)
	high := vg.Length(0)
	for _, c := range fitted(h.Cols, heatCol) {
		high = max(high, st.Width(c))
	}
	return Width, vg.Length(len(h.Rows))*heatCell + high*.72 + 6 + titleSize*1.7 + noteHeight(h.Note) + 2*margin + 20
}

// PNG implements Drawing.
func (h HeatMap) PNG() ([]byte, error) {
	w, ht := h.size()
	return painter(h.paint).png(h.Title, w, ht)
}

// SVG implements Drawing.
func (h HeatMap) SVG() ([]byte, error) {
	w, ht := h.size()
	return painter(h.paint).svg(h.Title, w, ht)
}

func (h HeatMap) ends() (lo, hi float64) {
	if h.Lo != 0 || h.Hi != 0 {
		return h.Lo, h.Hi
	}
	lo, hi = math.Inf(1), math.Inf(-1)
	for i := range h.Rows {
		for j := range h.Cols {
			if v := h.at(i, j); finite(v) {
				lo, hi = min(lo, v), max(hi, v)
			}
		}
	}
	if !finite(lo, hi) || lo == hi {
		return 0, 1
	}
	return lo, hi
}

func (h HeatMap) paint(c draw.Canvas, th theme) {
	room := frame(c, th, h.Title, h.Note)
	if len(h.Rows) == 0 || len(h.Cols) == 0 {
		return
	}
	st := textStyle(sans, labelSize, th.ink)
	rows, cols := fitted(h.Rows, heatName), fitted(h.Cols, heatCol)
	left := vg.Length(0)
	for _, r := range rows {
		left = max(left, st.Width(r))
	}
	high := vg.Length(0)
	for _, col := range cols {
		high = max(high, st.Width(col))
	}
	left += 8
	// Names of columns lean, so that each starts at its column whatever its length;
	// the last one needs room to the right.
	const lean = 0.80 // rad
	lastName := st.Width(cols[len(cols)-1])
	cellW := min((room.Max.X-room.Min.X-left-lastName*.5)/vg.Length(len(h.Cols)), 54)
	cellH := heatCell
	x0, y0 := room.Min.X+left, room.Max.Y-high*.72-8
	for j, col := range cols {
		s := st
		s.Rotation = lean
		s.XAlign, s.YAlign = draw.XLeft, draw.YCenter
		c.FillText(s, vg.Point{X: x0 + (vg.Length(j)+.42)*cellW, Y: y0 + 6}, col)
	}
	lo, hi := h.ends()
	num := textStyle(sans, min(labelSize, cellW*.30), th.ink)
	num.XAlign, num.YAlign = draw.XCenter, draw.YCenter
	name := st
	name.XAlign, name.YAlign = draw.XRight, draw.YCenter
	for i, r := range rows {
		y := y0 - vg.Length(i+1)*cellH
		if i >= h.Gap && h.Gap > 0 {
			y -= 4
		}
		name.Color = th.ink
		if i < h.Gap {
			name.Color = th.soft
		}
		c.FillText(name, vg.Point{X: x0 - 6, Y: y + cellH/2}, r)
		for j := range h.Cols {
			v := h.at(i, j)
			x := x0 + vg.Length(j)*cellW
			box := vg.Rectangle{Min: vg.Point{X: x + .6, Y: y + .6}, Max: vg.Point{X: x + cellW - .6, Y: y + cellH - .6}}
			if !finite(v) {
				s := num
				s.Color = th.soft
				c.FillText(s, vg.Point{X: x + cellW/2, Y: y + cellH/2}, format.None)
				continue
			}
			bg, fg := th.shade((v - lo) / (hi - lo))
			c.SetColor(bg)
			c.Fill(box.Path())
			s := num
			s.Color = fg
			c.FillText(s, vg.Point{X: x + cellW/2, Y: y + cellH/2}, h.Style.Number(v))
		}
	}
}
