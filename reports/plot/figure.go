package plot

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"github.com/vtbench/vtbench/reports/format"
	"github.com/vtbench/vtbench/reports/view"
)

// A Point of a series with the interval of its Y and X; ends are NaN without one.
type Point struct {
	X, Y, Lo, Hi float64
	XLo, XHi     float64
	Hollow       bool // told apart from the others: a rate that is counted, not measured
}

// A Series is one tokenizer in a figure.
type Series struct {
	Name   string
	Style  view.Style
	Points []Point
	Line   bool // join the points
	Every  int  // a mark on each so many points of a long line; 0 stands for 1
}

// An Axis of a figure.
type Axis struct {
	Label string
	Log   bool
	// Min and Max fix the range; both 0 lets the data decide.
	Min, Max float64
	// Names makes the axis categorical: position i has Names[i].
	Names []string
	// Scale multiplies values for display: 100 for percentages.
	Scale float64
}

// A Figure is series over two axes.
type Figure struct {
	Title string
	// Note stands below: what is not shown, what marks mean.
	Note   string
	X, Y   Axis
	Series []Series
	// Families are series, by index, that a thin line joins in the order of X: one
	// tokenizer at several settings.
	Families [][]int
	// Rules are places on X at which a dashed vertical line stands.
	Rules []float64
	// Side labels series at the right edge, at their last point; otherwise every
	// point is labelled where there is room.
	Side bool
}

// Heading implements Drawing.
func (f Figure) Heading() string { return f.Title }

// Describe implements Drawing.
func (f Figure) Describe() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s over %s.", format.Line(f.Y.Label), format.Line(f.X.Label))
	sx, sy := orOne(f.X.Scale), orOne(f.Y.Scale)
	for _, s := range f.Series {
		fmt.Fprintf(&b, " %s:", format.Line(s.Name))
		for i, q := range s.Points {
			if i > 0 {
				b.WriteByte(',')
			}
			if i < len(f.X.Names) {
				fmt.Fprintf(&b, " %s at %s", short(q.Y*sy), format.Line(f.X.Names[i]))
			} else {
				fmt.Fprintf(&b, " %s at %s", short(q.Y*sy), short(q.X*sx))
			}
		}
		b.WriteByte('.')
	}
	return b.String()
}

func short(v float64) string { return strconv.FormatFloat(v, 'g', 4, 64) }

// PNG implements Drawing.
func (f Figure) PNG() ([]byte, error) { return painter(f.paint).png(f.Title, Width, Height) }

// SVG implements Drawing.
func (f Figure) SVG() ([]byte, error) { return painter(f.paint).svg(f.Title, Width, Height) }

func (f Figure) paint(c draw.Canvas, th theme) {
	room := frame(c, th, f.Title, f.Note)
	f.build(th, true).Draw(room)
}

// build turns a figure into a plot, with or without names beside points.
func (f Figure) build(th theme, names bool) *plot.Plot {
	p := plot.New()
	p.BackgroundColor = nil
	for _, a := range []struct {
		to   *plot.Axis
		from Axis
	}{{&p.X, f.X}, {&p.Y, f.Y}} {
		a.to.Label.Text = format.Line(a.from.Label)
		restyle(&a.to.Label.TextStyle, axisSize, th.soft)
		restyle(&a.to.Tick.Label, tickSize, th.soft)
		a.to.Tick.LineStyle.Color = th.faint
		a.to.Tick.Length = 3
		a.to.LineStyle.Color = th.faint
		a.to.Padding = 4
		a.to.Label.Padding = 2
		a.to.Tick.Marker = ticks{a.from}
		if a.from.Log {
			a.to.Scale = plot.LogScale{}
		}
	}
	scaleSeries(&f)
	setRange(p, &f)
	p.Add(gridLines{th}, content{f: f, theme: th, names: names})
	return p
}

// scaleSeries applies the display scale of the axes and drops what cannot be
// drawn: points without coordinates, and rates of 0 on a logarithmic axis.
func scaleSeries(f *Figure) {
	sx, sy := orOne(f.X.Scale), orOne(f.Y.Scale)
	out := make([]Series, len(f.Series))
	for i, s := range f.Series {
		kept := make([]Point, 0, len(s.Points))
		for _, q := range s.Points {
			q.X, q.Y, q.Lo, q.Hi, q.XLo, q.XHi = q.X*sx, q.Y*sy, q.Lo*sy, q.Hi*sy, q.XLo*sx, q.XHi*sx
			if math.IsNaN(q.X) || math.IsNaN(q.Y) || math.IsInf(q.X, 0) || math.IsInf(q.Y, 0) || f.X.Log && q.X <= 0 || f.Y.Log && q.Y <= 0 {
				continue
			}
			if !finite(q.Lo, q.Hi) || f.Y.Log && q.Lo <= 0 {
				q.Lo, q.Hi = math.NaN(), math.NaN()
			}
			if !finite(q.XLo, q.XHi) || q.XLo == 0 && q.XHi == 0 || f.X.Log && q.XLo <= 0 {
				q.XLo, q.XHi = math.NaN(), math.NaN()
			}
			kept = append(kept, q)
		}
		s.Points = kept
		out[i] = s
	}
	f.Series = out
}

func finite(vs ...float64) bool {
	for _, v := range vs {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return false
		}
	}
	return true
}

func orOne(v float64) float64 {
	if v == 0 {
		return 1
	}
	return v
}

// setRange fits the axes to the data, intervals included, with some air.
func setRange(p *plot.Plot, f *Figure) {
	xmin, xmax, ymin, ymax := math.Inf(1), math.Inf(-1), math.Inf(1), math.Inf(-1)
	some := false
	for _, s := range f.Series {
		for _, q := range s.Points {
			some = true
			xmin, xmax = min(xmin, q.X), max(xmax, q.X)
			ymin, ymax = min(ymin, q.Y), max(ymax, q.Y)
			if finite(q.Lo, q.Hi) {
				ymin, ymax = min(ymin, q.Lo), max(ymax, q.Hi)
			}
			if finite(q.XLo, q.XHi) {
				xmin, xmax = min(xmin, q.XLo), max(xmax, q.XHi)
			}
		}
	}
	if !some {
		xmin, xmax, ymin, ymax = 1, 10, 1, 10
	}
	p.X.Min, p.X.Max = air(f.X, xmin, xmax)
	p.Y.Min, p.Y.Max = air(f.Y, ymin, ymax)
}

func air(a Axis, lo, hi float64) (float64, float64) {
	switch {
	case a.Min != 0 || a.Max != 0:
		return a.Min, a.Max
	case len(a.Names) > 0:
		return -0.5, float64(len(a.Names)) - 0.5
	case a.Log:
		return lo / 1.6, hi * 1.6
	}
	pad := (hi - lo) * 0.06
	if pad == 0 {
		pad = max(math.Abs(hi)*0.1, 0.5)
	}
	return lo - pad, hi + pad
}

// ticks puts few, round numbers on an axis, or its names.
type ticks struct{ axis Axis }

// Ticks implements plot.Ticker.
func (t ticks) Ticks(lo, hi float64) []plot.Tick {
	var out []plot.Tick
	switch {
	case len(t.axis.Names) > 0:
		for i, n := range t.axis.Names {
			out = append(out, plot.Tick{Value: float64(i), Label: format.Line(n)})
		}
	case t.axis.Log:
		steps := []float64{1, 2, 5}
		if math.Log10(hi/lo) > 4 {
			steps = steps[:1]
		}
		for e := math.Floor(math.Log10(lo)); e <= math.Ceil(math.Log10(hi)); e++ {
			for _, m := range steps {
				if v := m * math.Pow(10, e); v >= lo && v <= hi {
					out = append(out, plot.Tick{Value: v, Label: strconv.FormatFloat(v, 'g', 3, 64)})
				}
			}
		}
	default:
		step, places := niceStep((hi - lo) / 5)
		for i := math.Ceil(lo / step); i*step <= hi+step*1e-9; i++ {
			v := i * step
			out = append(out, plot.Tick{Value: v, Label: strings.Replace(strconv.FormatFloat(v+0, 'f', places, 64), "-", "−", 1)})
		}
	}
	return out
}

// niceStep is a round number near raw, and the decimals that its multiples need.
func niceStep(raw float64) (step float64, places int) {
	if !(raw > 0) || math.IsInf(raw, 0) {
		return 1, 0
	}
	exp := math.Floor(math.Log10(raw))
	base := math.Pow(10, exp)
	for _, n := range []struct {
		m    float64
		more int
	}{{1, 0}, {2, 0}, {2.5, 1}, {5, 0}, {10, -1}} {
		if n.m*base >= raw*.9 {
			return n.m * base, max(0, n.more-int(exp))
		}
	}
	return 10 * base, max(0, -1-int(exp))
}

// gridLines are faint horizontal lines at the ticks of Y, and vertical ones where
// X is a number.
type gridLines struct{ theme }

// Plot implements plot.Plotter.
func (g gridLines) Plot(c draw.Canvas, p *plot.Plot) {
	tx, ty := p.Transforms(&c)
	line := draw.LineStyle{Color: g.faint, Width: 0.6}
	for _, t := range p.Y.Tick.Marker.Ticks(p.Y.Min, p.Y.Max) {
		y := ty(t.Value)
		c.StrokeLine2(line, c.Min.X, y, c.Max.X, y)
	}
	if names, ok := p.X.Tick.Marker.(ticks); ok && len(names.axis.Names) > 0 {
		return
	}
	for _, t := range p.X.Tick.Marker.Ticks(p.X.Min, p.X.Max) {
		x := tx(t.Value)
		c.StrokeLine2(line, x, c.Min.Y, x, c.Max.Y)
	}
}

// names are what series are called where there is little room.
func (f *Figure) names() []string {
	names := make([]string, len(f.Series))
	for i, s := range f.Series {
		names[i] = s.Name
	}
	return fitted(names, sideName)
}

// GlyphBoxes implements plot.GlyphBoxer: room for the names at the right edge.
func (d content) GlyphBoxes(*plot.Plot) []plot.GlyphBox {
	if !d.f.Side || !d.names {
		return nil
	}
	st := textStyle(sans, labelSize, d.ink)
	wide := vg.Length(0)
	for _, name := range d.f.names() {
		wide = max(wide, st.Width(name))
	}
	return []plot.GlyphBox{{X: 1, Y: 0.5, Rectangle: vg.Rectangle{Max: vg.Point{X: wide + sideGap + 2}}}}
}
