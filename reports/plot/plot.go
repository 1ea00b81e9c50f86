// Package plot draws the figures of a report with gonum/plot, as PNG and SVG.
//
// Its opinion: a figure answers one question and is read without a legend where
// that is possible. Names stand beside what they name, a tokenizer has the same
// colour and marker in every figure, upper bounds are black, every mean carries
// its interval, and a rate axis is logarithmic. What could not be drawn is named
// below the figure. Colours are Okabe and Ito's.
//
//	f := plot.Figure{Title: "Rate against T-NED", X: plot.Axis{Label: "bits per pixel", Log: true}, Series: series}
//	svg, err := f.SVG()
package plot

import (
	"bytes"
	"fmt"
	"html"
	"image/color"
	"regexp"
	"strconv"
	"strings"

	xfont "golang.org/x/image/font"
	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"
	"gonum.org/v1/plot/vg/vgsvg"

	"github.com/vtbench/vtbench/internal/wholefile"
	"github.com/vtbench/vtbench/reports/format"
	"github.com/vtbench/vtbench/reports/view"
)

// A Drawing is anything a report can show as a picture.
type Drawing interface {
	Heading() string      // what is shown, in a few words
	Describe() string     // the numbers in words, for who cannot see them
	PNG() ([]byte, error) // on white
	SVG() ([]byte, error) // on white
}

// Save writes a drawing as base.png and base.svg.
func Save(d Drawing, base string) error {
	for _, f := range []struct {
		ext    string
		render func() ([]byte, error)
	}{{".png", d.PNG}, {".svg", d.SVG}} {
		b, err := f.render()
		if err != nil {
			return err
		}
		if err := wholefile.Write(base+f.ext, b); err != nil {
			return fmt.Errorf("writing a plot: %w", err)
		}
	}
	return nil
}

// Size of a figure.
const (
	Width  = 18 * vg.Centimeter
	Height = 11 * vg.Centimeter
	dpi    = 160
)

// Sizes of what is drawn, in points.
const (
	titleSize    = 11.5
	noteSize     = 8
	axisSize     = 9
	tickSize     = 8.5
	labelSize    = 8.2
	markerRadius = 3.2
	margin       = 7
)

var (
	sans = font.Font{Typeface: "Liberation", Variant: "Sans"}
	bold = font.Font{Typeface: "Liberation", Variant: "Sans", Weight: xfont.WeightBold}
)

// A theme is a ground and what is drawn on it.
type theme struct {
	ground, ink, faint, soft color.RGBA
	low, high                color.RGBA // ends of a scale of shades
	palette                  []string
}

// light is the ground of print; pages draw figures themselves, from [Data].
var light = theme{
	ground: color.RGBA{0xFF, 0xFF, 0xFF, 0xFF}, ink: color.RGBA{0x22, 0x24, 0x28, 0xFF},
	faint: color.RGBA{0xE4, 0xE6, 0xEA, 0xFF}, soft: color.RGBA{0x5F, 0x65, 0x6E, 0xFF},
	low: color.RGBA{0xF1, 0xF5, 0xFA, 0xFF}, high: color.RGBA{0x08, 0x4A, 0x86, 0xFF}, palette: view.Palette,
}

// colour is the colour of a style.
func (t theme) colour(s view.Style) color.RGBA {
	if s.Colour < 0 || s.Colour >= len(t.palette) {
		return t.ink
	}
	n, err := strconv.ParseUint(t.palette[s.Colour][1:], 16, 32)
	if err != nil {
		return t.ink // our own palette
	}
	return color.RGBA{uint8(n >> 16), uint8(n >> 8), uint8(n), 0xFF}
}

// name is the colour of a style's name: nearer to ink, so that light colours can
// be read as letters (4.5:1 on the ground).
func (t theme) name(s view.Style) color.RGBA { return mix(t.colour(s), t.ink, 0.45) }

// shade is the colour of v in 0..1, and whether letters on it are dark.
func (t theme) shade(v float64) (color.RGBA, color.RGBA) {
	c := mix(t.low, t.high, min(max(v, 0), 1))
	if luminance(c) > 0.30 {
		return c, color.RGBA{0x16, 0x1A, 0x20, 0xFF}
	}
	return c, color.RGBA{0xF6, 0xF8, 0xFA, 0xFF}
}

// luminance is the relative luminance of WCAG 2, with a gamma of 2.2.
func luminance(c color.RGBA) float64 {
	lin := func(v uint8) float64 { f := float64(v) / 255; return f * f }
	return 0.2126*lin(c.R) + 0.7152*lin(c.G) + 0.0722*lin(c.B)
}

// mix goes from a to b.
func mix(a, b color.RGBA, t float64) color.RGBA {
	m := func(x, y uint8) uint8 { return uint8(float64(x) + (float64(y)-float64(x))*t + 0.5) }
	return color.RGBA{m(a.R, b.R), m(a.G, b.G), m(a.B, b.B), 0xFF}
}

func fade(c color.RGBA, alpha uint8) color.Color { return color.NRGBA{c.R, c.G, c.B, alpha} }

func textStyle(f font.Font, size vg.Length, c color.Color) text.Style {
	f.Size = size
	return text.Style{Color: c, Font: f, Handler: plot.DefaultTextHandler}
}

// restyle changes size and colour and leaves the alignment that gonum chose.
func restyle(s *text.Style, size vg.Length, c color.Color) {
	s.Font, s.Color = sans, c
	s.Font.Size = size
}

// painter draws on a canvas in a theme.
type painter func(c draw.Canvas, th theme)

func (p painter) png(title string, w, h vg.Length) ([]byte, error) {
	c := vgimg.PngCanvas{Canvas: vgimg.NewWith(vgimg.UseWH(w, h), vgimg.UseDPI(dpi))}
	p(draw.New(c), light)
	var b bytes.Buffer
	if _, err := c.WriteTo(&b); err != nil {
		return nil, fmt.Errorf("drawing %q: %w", title, err)
	}
	return b.Bytes(), nil
}

func (p painter) svg(title string, w, h vg.Length) ([]byte, error) {
	c := vgsvg.New(w, h)
	p(draw.New(c), light)
	var b bytes.Buffer
	if _, err := c.WriteTo(&b); err != nil {
		return nil, fmt.Errorf("drawing %q: %w", title, err)
	}
	out := textTag.ReplaceAllFunc(b.Bytes(), fixWidth)
	// Liberation Sans has the widths of Arial and Helvetica; where a reader has none
	// of them, their own sans is better than their serif.
	return bytes.ReplaceAll(out, []byte("font-family:Liberation Sans;"), []byte("font-family:'Liberation Sans',Arial,Helvetica,sans-serif;")), nil
}

// textTag is a text element as vgsvg writes it.
var (
	textTag  = regexp.MustCompile(`<text ([^<>]*)>([^<>]*)</text>`)
	fontSize = regexp.MustCompile(`font-size:([0-9.]+)px`)
)

// fixWidth states the width that the layout counts on, so that a reader without
// the font squeezes another one into it instead of cutting names off.
func fixWidth(tag []byte) []byte {
	m := textTag.FindSubmatch(tag)
	size := fontSize.FindSubmatch(m[1])
	str := html.UnescapeString(string(m[2]))
	if size == nil || len([]rune(str)) < 3 {
		return tag
	}
	pt, err := strconv.ParseFloat(string(size[1]), 64)
	if err != nil {
		return tag
	}
	f := sans
	if bytes.Contains(m[1], []byte("font-weight:bold")) {
		f = bold
	}
	w := textStyle(f, vg.Length(pt), nil).Width(str)
	return fmt.Appendf(nil, `<text textLength="%.5g" lengthAdjust="spacingAndGlyphs" %s>%s</text>`, w.Points(), m[1], m[2])
}

// frame paints the ground, title and note, and returns the room between them.
func frame(c draw.Canvas, th theme, title, note string) draw.Canvas {
	c.SetColor(th.ground)
	c.Fill(c.Rectangle.Path())
	c = draw.Crop(c, margin, -margin, margin, -margin)
	top, bottom := vg.Length(0), vg.Length(0)
	if title != "" {
		st := textStyle(bold, titleSize, th.ink)
		st.YAlign = draw.YTop
		c.FillText(st, vg.Point{X: c.Min.X, Y: c.Max.Y}, clipTo(st, format.Line(title), c.Max.X-c.Min.X))
		top = titleSize * 1.7
	}
	if note != "" {
		st := textStyle(sans, noteSize, th.soft)
		st.YAlign = draw.YBottom
		lines := wrapTo(st, format.Line(note), c.Max.X-c.Min.X)
		for i, line := range lines {
			c.FillText(st, vg.Point{X: c.Min.X, Y: c.Min.Y + vg.Length(len(lines)-1-i)*noteSize*1.3}, line)
		}
		bottom = vg.Length(len(lines))*noteSize*1.3 + 3
	}
	return draw.Crop(c, 0, 0, bottom, -top)
}

// noteHeight is the room that a note takes below a drawing of the usual width.
func noteHeight(note string) vg.Length {
	if note == "" {
		return 0
	}
	return vg.Length(len(wrapTo(textStyle(sans, noteSize, nil), format.Line(note), Width-2*margin)))*noteSize*1.3 + 3
}

// clipTo shortens a text to a width.
func clipTo(st text.Style, s string, w vg.Length) string {
	for n := len([]rune(s)); n > 4 && st.Width(s) > w; n-- {
		s = format.Fit([]string{s}, n)[0]
	}
	return s
}

// wrapTo breaks a text at spaces into at most three lines of a width.
func wrapTo(st text.Style, s string, w vg.Length) []string {
	out := []string{""}
	for rest := s; rest != ""; {
		var word string
		word, rest, _ = strings.Cut(rest, " ")
		last := &out[len(out)-1]
		switch {
		case *last == "":
			*last = word
		case st.Width(*last+" "+word) <= w:
			*last += " " + word
		case len(out) == 3:
			*last = clipTo(st, *last+" "+word+" "+rest, w)
			return out
		default:
			out = append(out, word)
		}
	}
	return out
}

// fitted shortens names as format.Fit does: those that differ are told apart.
func fitted(names []string, n int) []string {
	out := make([]string, len(names))
	for i, name := range names {
		out[i] = format.Line(name)
	}
	return format.Fit(out, n)
}
