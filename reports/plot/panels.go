package plot

import (
	"math"
	"strings"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"github.com/vtbench/vtbench/reports/format"
)

// Panels are small figures on one scale with one legend: the same series under
// many conditions.
type Panels struct {
	Title, Note string
	Columns     int // 0 chooses
	Figures     []Figure
}

// Curves makes panels of curves that share the range of Y.
func Curves(title, note string, figures []Figure) Panels {
	lo, hi := math.Inf(1), math.Inf(-1)
	for _, f := range figures {
		sy := orOne(f.Y.Scale)
		for _, s := range f.Series {
			for _, q := range s.Points {
				for _, v := range []float64{q.Y * sy, q.Lo * sy, q.Hi * sy} {
					if finite(v) {
						lo, hi = min(lo, v), max(hi, v)
					}
				}
			}
		}
	}
	out := Panels{Title: title, Note: note}
	for _, f := range figures {
		if finite(lo, hi) {
			f.Y.Min, f.Y.Max = air(Axis{}, lo, hi)
		}
		out.Figures = append(out.Figures, f)
	}
	return out
}

// Heading implements Drawing.
func (p Panels) Heading() string { return p.Title }

// Describe implements Drawing.
func (p Panels) Describe() string {
	var b strings.Builder
	for _, f := range p.Figures {
		b.WriteString(format.Line(f.Title) + ": " + f.Describe() + " ")
	}
	return strings.TrimSpace(b.String())
}

func (p Panels) columns() int {
	if p.Columns > 0 {
		return p.Columns
	}
	return max(1, min(4, len(p.Figures)))
}

// panelHeight is the height of one row of panels.
const panelHeight = 4.1 * vg.Centimeter

func (p Panels) legendLines() int {
	return len(p.legend(textStyle(sans, labelSize, nil).Width, Width-2*margin))
}

func (p Panels) height() vg.Length {
	rows := (len(p.Figures) + p.columns() - 1) / p.columns()
	return vg.Length(rows)*panelHeight + titleSize*1.7 + noteHeight(p.Note) + 2*margin + vg.Length(p.legendLines())*legendPitch + 6
}

// PNG implements Drawing.
func (p Panels) PNG() ([]byte, error) { return painter(p.paint).png(p.Title, Width, p.height()) }

// SVG implements Drawing.
func (p Panels) SVG() ([]byte, error) { return painter(p.paint).svg(p.Title, Width, p.height()) }

const (
	legendPitch = labelSize * 1.45
	legendKey   = 11 // room of a marker
	legendGap   = 12 // between entries
)

// names are what the series of all panels are called in the legend.
func (p Panels) names() map[string]string {
	var names []string
	for _, f := range p.Figures {
		for _, s := range f.Series {
			names = append(names, s.Name)
		}
	}
	out := map[string]string{}
	for i, short := range fitted(names, sideName) {
		out[names[i]] = short
	}
	return out
}

// legend breaks the names of all series into lines.
func (p Panels) legend(width func(string) vg.Length, room vg.Length) [][]Series {
	var out [][]Series
	seen, names := map[string]bool{}, p.names()
	x := room + 1
	for _, f := range p.Figures {
		for _, s := range f.Series {
			if seen[s.Name] || len(s.Points) == 0 {
				continue
			}
			seen[s.Name] = true
			w := legendKey + width(names[s.Name]) + legendGap
			if x+w > room {
				out = append(out, nil)
				x = 0
			}
			out[len(out)-1] = append(out[len(out)-1], s)
			x += w
		}
	}
	return out
}

func (p Panels) paint(c draw.Canvas, th theme) {
	room := frame(c, th, p.Title, p.Note)
	st := textStyle(sans, labelSize, th.ink)
	names := p.names()
	lines := p.legend(st.Width, room.Max.X-room.Min.X)
	y := room.Max.Y - legendPitch/2
	for _, line := range lines {
		x := room.Min.X
		for _, s := range line {
			drawMarker(room, th, s.Style, vg.Point{X: x + 4, Y: y}, markerRadius*.85, false)
			st := textStyle(sans, labelSize, th.name(s.Style))
			st.YAlign = draw.YCenter
			name := names[s.Name]
			room.FillText(st, vg.Point{X: x + legendKey, Y: y}, name)
			x += legendKey + st.Width(name) + legendGap
		}
		y -= legendPitch
	}
	room.Max.Y = y + legendPitch/2 - 6
	cols := p.columns()
	rows := (len(p.Figures) + cols - 1) / cols
	w, h := (room.Max.X-room.Min.X)/vg.Length(cols), (room.Max.Y-room.Min.Y)/vg.Length(max(1, rows))
	for i, f := range p.Figures {
		min := vg.Point{X: room.Min.X + vg.Length(i%cols)*w, Y: room.Max.Y - vg.Length(i/cols+1)*h}
		cell := draw.Canvas{Canvas: room.Canvas, Rectangle: vg.Rectangle{Min: min, Max: vg.Point{X: min.X + w - 6, Y: min.Y + h - 4}}}
		head := textStyle(bold, labelSize, th.ink)
		head.YAlign = draw.YTop
		cell.FillText(head, vg.Point{X: cell.Min.X + 4, Y: cell.Max.Y}, clipTo(head, format.Line(f.Title), w-10))
		cell.Max.Y -= labelSize * 1.5
		f.X.Label, f.Y.Label = "", "" // the title and the note say what the axes are
		plot := f.build(th, false)
		plot.X.Tick.Label.Font.Size, plot.Y.Tick.Label.Font.Size = tickSize-1.5, tickSize-1.5
		plot.Draw(cell)
	}
}
