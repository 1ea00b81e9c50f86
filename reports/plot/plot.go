// Package plot draws the figures of a report with gonum/plot, as PNG and SVG.
//
// Its opinion: a figure answers one question and is read without a legend. Names
// stand beside what they name, a tokenizer has the same colour and marker in
// every figure, upper bounds are black, every mean carries its interval, and a
// rate axis is logarithmic. Colours are Okabe and Ito's.
package plot

import (
	"bytes"
	"fmt"
	"image/color"
	"math"
	"os"
	"strconv"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"
	"gonum.org/v1/plot/vg/vgsvg"

	"github.com/vtbench/vtbench/reports/format"
	"github.com/vtbench/vtbench/reports/view"
)

// A Point of a series with the interval of its Y; Lo and Hi are NaN without one.
type Point struct{ X, Y, Lo, Hi float64 }

// A Series is one tokenizer in a figure.
type Series struct {
	Name   string
	Style  view.Style
	Points []Point
	Line   bool // join the points
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

// A Figure is what is drawn.
type Figure struct {
	Title    string
	Subtitle string
	X, Y     Axis
	Series   []Series
	// Side labels series at the right edge, at their last point; otherwise every
	// point is labelled where there is room.
	Side bool
}

// Size of a figure.
const (
	Width  = 18 * vg.Centimeter
	Height = 11 * vg.Centimeter
	dpi    = 160
)

var sans = font.Font{Typeface: "Liberation", Variant: "Sans"}

// A theme is a ground and what is drawn on it.
type theme struct {
	ground, ink, faint, soft color.RGBA
	palette                  []string
}

var (
	light = theme{
		ground: color.RGBA{0xFF, 0xFF, 0xFF, 0xFF}, ink: color.RGBA{0x22, 0x24, 0x28, 0xFF},
		faint: color.RGBA{0xE4, 0xE6, 0xEA, 0xFF}, soft: color.RGBA{0x6B, 0x70, 0x78, 0xFF}, palette: view.Palette,
	}
	dark = theme{
		ground: color.RGBA{0x1D, 0x20, 0x26, 0xFF}, ink: color.RGBA{0xE7, 0xE9, 0xEC, 0xFF},
		faint: color.RGBA{0x34, 0x39, 0x43, 0xFF}, soft: color.RGBA{0xA0, 0xA7, 0xB2, 0xFF}, palette: view.DarkPalette,
	}
)

// colour is the colour of a style.
func (t theme) colour(s view.Style) color.Color {
	if s.Colour < 0 || s.Colour >= len(t.palette) {
		return t.ink
	}
	n, err := strconv.ParseUint(t.palette[s.Colour][1:], 16, 32)
	if err != nil {
		return t.ink // our own palette
	}
	return color.RGBA{uint8(n >> 16), uint8(n >> 8), uint8(n), 0xFF}
}

func fade(c color.Color, alpha uint8) color.Color {
	r, g, b, _ := c.RGBA()
	return color.NRGBA{uint8(r >> 8), uint8(g >> 8), uint8(b >> 8), alpha}
}

func textStyle(size vg.Length, c color.Color) text.Style {
	f := sans
	f.Size = size
	return text.Style{Color: c, Font: f, Handler: plot.DefaultTextHandler}
}

// restyle changes size and colour and leaves the alignment that gonum chose.
func restyle(s *text.Style, size vg.Length, c color.Color) {
	s.Font, s.Color = sans, c
	s.Font.Size = size
}

func marker(n int) draw.GlyphDrawer {
	return []draw.GlyphDrawer{
		draw.CircleGlyph{}, draw.SquareGlyph{}, draw.TriangleGlyph{}, draw.BoxGlyph{}, draw.RingGlyph{}, draw.CrossGlyph{}, draw.PlusGlyph{},
	}[((n%view.Markers)+view.Markers)%view.Markers]
}

// build turns a figure into a plot.
func build(f Figure, th theme) *plot.Plot {
	p := plot.New()
	p.Title.Text = format.Line(f.Title)
	if f.Subtitle != "" {
		p.Title.Text += "\n" + format.Line(f.Subtitle)
	}
	restyle(&p.Title.TextStyle, 11, th.ink)
	p.Title.Padding = 6
	p.BackgroundColor = th.ground
	for _, a := range []struct {
		to   *plot.Axis
		from Axis
	}{{&p.X, f.X}, {&p.Y, f.Y}} {
		a.to.Label.Text = format.Line(a.from.Label)
		restyle(&a.to.Label.TextStyle, 9.5, th.soft)
		restyle(&a.to.Tick.Label, 8.5, th.soft)
		a.to.Tick.LineStyle.Color = th.faint
		a.to.LineStyle.Color = th.faint
		a.to.Padding = 4
		a.to.Tick.Marker = ticks{a.from}
		if a.from.Log {
			a.to.Scale = plot.LogScale{}
		}
	}
	scaleSeries(&f)
	setRange(p, &f)
	p.Add(gridLines{th}, content{f, th})
	return p
}

// scaleSeries applies the display scale of the axes and drops what cannot be
// drawn: points without coordinates, and rates of 0 on a logarithmic axis.
func scaleSeries(f *Figure) {
	sx, sy := orOne(f.X.Scale), orOne(f.Y.Scale)
	out := make([]Series, 0, len(f.Series))
	for _, s := range f.Series {
		kept := make([]Point, 0, len(s.Points))
		for _, q := range s.Points {
			q = Point{q.X * sx, q.Y * sy, q.Lo * sy, q.Hi * sy}
			if math.IsNaN(q.X) || math.IsNaN(q.Y) || math.IsInf(q.X, 0) || math.IsInf(q.Y, 0) || f.X.Log && q.X <= 0 || f.Y.Log && q.Y <= 0 {
				continue
			}
			kept = append(kept, q)
		}
		if len(kept) > 0 {
			s.Points = kept
			out = append(out, s)
		}
	}
	f.Series = out
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
	for _, s := range f.Series {
		for _, q := range s.Points {
			xmin, xmax = min(xmin, q.X), max(xmax, q.X)
			ymin, ymax = min(ymin, q.Y), max(ymax, q.Y)
			if !math.IsNaN(q.Lo) && !math.IsNaN(q.Hi) {
				ymin, ymax = min(ymin, q.Lo), max(ymax, q.Hi)
			}
		}
	}
	if len(f.Series) == 0 {
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
	pad := (hi - lo) * 0.08
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
		for e := math.Floor(math.Log10(lo)); e <= math.Ceil(math.Log10(hi)); e++ {
			for _, m := range []float64{1, 2, 5} {
				if v := m * math.Pow(10, e); v >= lo && v <= hi {
					out = append(out, plot.Tick{Value: v, Label: strconv.FormatFloat(v, 'g', 3, 64)})
				}
			}
		}
	default:
		step := niceStep((hi - lo) / 5)
		for v := math.Ceil(lo/step) * step; v <= hi+step*1e-9; v += step {
			if math.Abs(v) < step*1e-9 {
				v = 0
			}
			out = append(out, plot.Tick{Value: v, Label: strconv.FormatFloat(v, 'f', decimals(step), 64)})
		}
	}
	return out
}

func niceStep(raw float64) float64 {
	if !(raw > 0) {
		return 1
	}
	base := math.Pow(10, math.Floor(math.Log10(raw)))
	for _, m := range []float64{1, 2, 5, 10} {
		if m*base >= raw {
			return m * base
		}
	}
	return 10 * base
}

func decimals(step float64) int {
	return max(0, -int(math.Floor(math.Log10(step)+1e-9)))
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

// PNG renders the figure.
func (f Figure) PNG() ([]byte, error) {
	c := vgimg.PngCanvas{Canvas: vgimg.NewWith(vgimg.UseWH(Width, Height), vgimg.UseDPI(dpi))}
	build(f, light).Draw(draw.New(c))
	var b bytes.Buffer
	if _, err := c.WriteTo(&b); err != nil {
		return nil, fmt.Errorf("drawing %q: %w", f.Title, err)
	}
	return b.Bytes(), nil
}

// SVG renders the figure on white.
func (f Figure) SVG() ([]byte, error) { return f.svg(light) }

// DarkSVG renders the figure for a dark page.
func (f Figure) DarkSVG() ([]byte, error) { return f.svg(dark) }

func (f Figure) svg(th theme) ([]byte, error) {
	c := vgsvg.New(Width, Height)
	build(f, th).Draw(draw.New(c))
	var b bytes.Buffer
	if _, err := c.WriteTo(&b); err != nil {
		return nil, fmt.Errorf("drawing %q: %w", f.Title, err)
	}
	return b.Bytes(), nil
}

// Save writes base.png and base.svg.
func (f Figure) Save(base string) error {
	for ext, render := range map[string]func() ([]byte, error){".png": f.PNG, ".svg": f.SVG} {
		b, err := render()
		if err != nil {
			return err
		}
		if err := os.WriteFile(base+ext, b, 0o644); err != nil {
			return fmt.Errorf("writing a plot: %w", err)
		}
	}
	return nil
}
