// Package typeset sets lines of text in any script and draws them: shaping by HarfBuzz's
// rules (go-text/typesetting), outlines as the font has them, pixels from integers.
//
// Its opinion: a label is what was drawn. A character that a font does not have is an
// error, never an empty box, and the box of a line is that of its ink.
//
//	f, err := typeset.Parse("regular", goregular.TTF, 0)
//	line, err := f.Set("Hamburgefonstiv 24")
//	box := line.Draw(img, 40, 100, 21, typeset.Color{}) // 21 pixels an em, baseline at y = 100
package typeset

import (
	"bytes"
	"fmt"
	"image"
	"math"
	"slices"
	"sync"

	"github.com/go-text/typesetting/di"
	"github.com/go-text/typesetting/font"
	"github.com/go-text/typesetting/font/opentype"
	"github.com/go-text/typesetting/language"
	"github.com/go-text/typesetting/shaping"
	"golang.org/x/image/math/fixed"

	"github.com/vtbench/vtbench/datasets/internal/fill"
	"github.com/vtbench/vtbench/pix"
)

// A Font is a typeface. It is safe for concurrent use.
type Font struct {
	Name string
	font *font.Font
	upem float64

	mu     sync.Mutex
	face   *font.Face // guarded by mu: it caches
	shaper shaping.HarfbuzzShaper
	glyphs map[font.GID][]contour
}

// contour is a closed polygon in units of the em, y down.
type contour []point

type point struct{ x, y float64 }

// Parse reads a font, the index-th of a collection.
func Parse(name string, file []byte, index int) (f *Font, err error) {
	defer func() {
		if r := recover(); r != nil { // of the parser, on a damaged file
			err = fmt.Errorf("parsing font %s: %v", name, r)
		}
	}()
	faces, err := font.ParseTTC(bytes.NewReader(file))
	if err != nil {
		return nil, fmt.Errorf("parsing font %s: %w", name, err)
	}
	if index < 0 || index >= len(faces) {
		return nil, fmt.Errorf("font %s has no face %d: it has %d", name, index, len(faces))
	}
	face := faces[index]
	return &Font{Name: name, font: face.Font, upem: float64(face.Upem()), face: face, glyphs: map[font.GID][]contour{}}, nil
}

// Has reports whether the font has all characters of a text.
func (f *Font) Has(text string) bool {
	for _, r := range text {
		if _, ok := f.font.NominalGlyph(r); !ok && r != ' ' {
			return false
		}
	}
	return true
}

// A Line is a text set in a font, in units of the em, baseline at y = 0 and y down.
type Line struct {
	Text    string
	Advance float64 // from the left edge to where a next line would go on
	glyphs  []placed
	ink     bounds
}

// placed is a glyph and where its origin lies.
type placed struct {
	contours []contour
	x, y     float64
}

type bounds struct{ x0, y0, x1, y1 float64 }

// Set shapes a text. Digits and letters from left to right within a text from right to
// left keep their direction; deeper nesting is not known.
func (f *Font) Set(text string) (Line, error) {
	if !f.Has(text) {
		for _, r := range text {
			if _, ok := f.font.NominalGlyph(r); !ok && r != ' ' {
				return Line{}, fmt.Errorf("font %s has no %q (%U) of %q", f.Name, r, r, text)
			}
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	runs := split([]rune(text))
	if len(runs) > 0 && baseRTL(runs) {
		slices.Reverse(runs)
	}
	l := Line{Text: text, ink: bounds{math.MaxFloat64, math.MaxFloat64, -math.MaxFloat64, -math.MaxFloat64}}
	pen := 0.0
	for _, r := range runs {
		out := f.shaper.Shape(shaping.Input{
			Text: []rune(text), RunStart: r.start, RunEnd: r.end, Direction: r.direction, Script: r.script,
			Face: f.face, Size: fixed.I(int(f.upem)), Language: language.NewLanguage(r.language()),
		})
		for _, g := range out.Glyphs {
			p := placed{x: pen + units(g.XOffset)/f.upem, y: -units(g.YOffset) / f.upem}
			var err error
			if p.contours, err = f.outline(g.GlyphID); err != nil {
				return Line{}, fmt.Errorf("setting %q: %w", text, err)
			}
			for _, c := range p.contours {
				for _, q := range c {
					l.ink.x0, l.ink.x1 = min(l.ink.x0, q.x+p.x), max(l.ink.x1, q.x+p.x)
					l.ink.y0, l.ink.y1 = min(l.ink.y0, q.y+p.y), max(l.ink.y1, q.y+p.y)
				}
			}
			if len(p.contours) > 0 {
				l.glyphs = append(l.glyphs, p)
			}
			pen += units(g.Advance) / f.upem
		}
	}
	l.Advance = pen
	if len(l.glyphs) == 0 {
		return Line{}, fmt.Errorf("font %s: %q has no ink", f.Name, text)
	}
	return l, nil
}

func units(v fixed.Int26_6) float64 { return float64(v) / 64 }

// outline is a glyph's contours, curves flattened; callers hold mu.
func (f *Font) outline(id font.GID) ([]contour, error) {
	if c, ok := f.glyphs[id]; ok {
		return c, nil
	}
	out, ok := f.face.GlyphDataOutline(id)
	if !ok {
		return nil, fmt.Errorf("font %s has no outline of glyph %d", f.Name, id)
	}
	c := flatten(out.Segments, f.upem)
	f.glyphs[id] = c
	return c, nil
}

// pieces is into how many lines a curve is cut: at 64 pixels an em the error stays below
// a tenth of a pixel for curves of half an em.
const pieces = 8

func flatten(segments []opentype.Segment, upem float64) []contour {
	var out []contour
	var now contour
	at := func(p opentype.SegmentPoint) point {
		return point{float64(p.X) / upem, -float64(p.Y) / upem}
	}
	lerp := func(a, b point, t float64) point {
		return point{a.x + float64((b.x-a.x)*t), a.y + float64((b.y-a.y)*t)}
	}
	for _, s := range segments {
		switch s.Op {
		case opentype.SegmentOpMoveTo:
			if len(now) > 2 {
				out = append(out, now)
			}
			now = contour{at(s.Args[0])}
		case opentype.SegmentOpLineTo:
			now = append(now, at(s.Args[0]))
		case opentype.SegmentOpQuadTo:
			a, b, c := now[len(now)-1], at(s.Args[0]), at(s.Args[1])
			for i := 1; i <= pieces; i++ {
				t := float64(i) / pieces
				now = append(now, lerp(lerp(a, b, t), lerp(b, c, t), t))
			}
		case opentype.SegmentOpCubeTo:
			a, b, c, d := now[len(now)-1], at(s.Args[0]), at(s.Args[1]), at(s.Args[2])
			for i := 1; i <= pieces; i++ {
				t := float64(i) / pieces
				ab, bc, cd := lerp(a, b, t), lerp(b, c, t), lerp(c, d, t)
				now = append(now, lerp(lerp(ab, bc, t), lerp(bc, cd, t), t))
			}
		}
	}
	if len(now) > 2 {
		out = append(out, now)
	}
	return out
}

// run is a part of a text in one script and direction.
type run struct {
	start, end int
	script     language.Script
	direction  di.Direction
}

// language is that of the glyph forms where one script has several.
func (r run) language() string {
	switch r.script {
	case language.Hiragana, language.Katakana:
		return "ja"
	case language.Hangul:
		return "ko"
	case language.Devanagari:
		return "hi"
	case language.Arabic:
		return "ar"
	case language.Cyrillic:
		return "ru"
	}
	return "en"
}

// split parts a text into runs. Spaces and punctuation belong to what stands before
// them; digits within a text from right to left are runs of their own.
func split(text []rune) []run {
	var out []run
	rtl := slices.ContainsFunc(text, func(r rune) bool { return language.LookupScript(r) == language.Arabic })
	for i, r := range text {
		s := language.LookupScript(r)
		d := di.DirectionLTR
		switch {
		case s == language.Arabic && !isDigit(r):
			d = di.DirectionRTL
		case rtl && isDigit(r):
			s = language.Common
		case (s == language.Common || s == language.Inherited) && rtl:
			// Between two digits it is part of the number, elsewhere of the text.
			d = di.DirectionRTL
			if i > 0 && i+1 < len(text) && isDigit(text[i-1]) && isDigit(text[i+1]) {
				d = di.DirectionLTR
			} else {
				s = language.Arabic
			}
		case s == language.Common || s == language.Inherited:
			if n := len(out); n > 0 {
				out[n-1].end = i + 1
				continue
			}
		}
		if n := len(out); n > 0 && out[n-1].direction == d && (out[n-1].script == s || out[n-1].script == language.Common) {
			out[n-1].end, out[n-1].script = i+1, s
			continue
		}
		out = append(out, run{i, i + 1, s, d})
	}
	return out
}

func isDigit(r rune) bool {
	return '0' <= r && r <= '9' || 0x0660 <= r && r <= 0x0669
}

// baseRTL reports whether a text runs from right to left.
func baseRTL(runs []run) bool {
	return slices.ContainsFunc(runs, func(r run) bool { return r.direction == di.DirectionRTL })
}

// A Color is an sRGB colour; the zero value is black.
type Color struct{ R, G, B uint8 }

// Ink is the box of the line's ink, in units of the em.
func (l Line) Ink() (x0, y0, x1, y1 float64) { return l.ink.x0, l.ink.y0, l.ink.x1, l.ink.y1 }

// Cover rasterises the line where at, a linear map, takes its coordinates to, in pixels. It
// returns the box of the ink, cut off at within, and how much of each of the box's pixels is
// ink, row by row, 0 to 256.
func (l Line) Cover(within image.Rectangle, at func(x, y float64) (float64, float64)) (image.Rectangle, []int) {
	low := point{math.Inf(1), math.Inf(1)}
	high := point{math.Inf(-1), math.Inf(-1)}
	for _, q := range [4]point{{l.ink.x0, l.ink.y0}, {l.ink.x1, l.ink.y0}, {l.ink.x1, l.ink.y1}, {l.ink.x0, l.ink.y1}} {
		x, y := at(q.x, q.y)
		low, high = point{min(low.x, x), min(low.y, y)}, point{max(high.x, x), max(high.y, y)}
	}
	box := image.Rect(int(math.Floor(low.x)), int(math.Floor(low.y)), int(math.Ceil(high.x)), int(math.Ceil(high.y))).Intersect(within)
	if box.Empty() {
		return box, nil
	}
	fixed := func(p placed, q point) (int, int) {
		x, y := at(q.x+p.x, q.y+p.y)
		return fill.Fix(x), fill.Fix(y)
	}
	// Glyph by glyph: overlapping ones, as of Arabic, would cancel each other out where
	// their directions differ.
	var mask fill.Mask
	cover := make([]int, box.Dx()*box.Dy())
	for _, p := range l.glyphs {
		win := p.window(fixed).Intersect(box)
		if win.Empty() {
			continue
		}
		mask.Reset(win)
		for _, c := range p.contours {
			x0, y0 := fixed(p, c[len(c)-1])
			for _, q := range c {
				x1, y1 := fixed(p, q)
				mask.Edge(x0, y0, x1, y1)
				x0, y0 = x1, y1
			}
		}
		for row := range win.Dy() {
			sum := int32(0)
			to := cover[(win.Min.Y+row-box.Min.Y)*box.Dx()+win.Min.X-box.Min.X:]
			for i, d := range mask.Row(row)[:win.Dx()] {
				sum += d
				if a := fill.Alpha(sum); a > 0 {
					to[i] = a + to[i] - a*to[i]/256
				}
			}
		}
	}
	return box, cover
}

// Draw draws the line with its left edge at x and its baseline at y, px pixels an em, and
// returns the box of its ink, cut off at the image.
func (l Line) Draw(m pix.Image, x, y, px float64, c Color) image.Rectangle {
	box, cover := l.Cover(image.Rect(0, 0, m.W, m.H), func(u, v float64) (float64, float64) {
		return x + float64(u*px), y + float64(v*px)
	})
	for row := range box.Dy() {
		line := m.Row(box.Min.Y + row)[3*box.Min.X : 3*box.Max.X]
		for i, a := range cover[row*box.Dx() : (row+1)*box.Dx()] {
			p := line[3*i : 3*i+3]
			p[0] = uint8((int(p[0])*(256-a) + int(c.R)*a + 128) >> 8)
			p[1] = uint8((int(p[1])*(256-a) + int(c.G)*a + 128) >> 8)
			p[2] = uint8((int(p[2])*(256-a) + int(c.B)*a + 128) >> 8)
		}
	}
	return box
}

// window holds all pixels that a glyph touches.
func (p placed) window(at func(placed, point) (int, int)) image.Rectangle {
	r := image.Rectangle{Min: image.Pt(math.MaxInt32, math.MaxInt32), Max: image.Pt(math.MinInt32, math.MinInt32)}
	for _, c := range p.contours {
		for _, q := range c {
			x, y := at(p, q)
			r.Min.X, r.Min.Y = min(r.Min.X, x), min(r.Min.Y, y)
			r.Max.X, r.Max.Y = max(r.Max.X, x), max(r.Max.Y, y)
		}
	}
	return image.Rect(r.Min.X>>fill.SubBits, r.Min.Y>>fill.SubBits, r.Max.X>>fill.SubBits+1, r.Max.Y>>fill.SubBits+1)
}
