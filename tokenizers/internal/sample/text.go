package sample

import (
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"math"
	"math/rand/v2"
	"strings"

	"github.com/go-fonts/dejavu/dejavusansextralight"
	"github.com/go-fonts/dejavu/dejavusansmonooblique"
	"github.com/go-fonts/dejavu/dejavusansoblique"
	"github.com/go-fonts/dejavu/dejavuserifcondensed"
	"github.com/go-fonts/dejavu/dejavuserifitalic"
	"github.com/go-fonts/latin-modern/lmmono10regular"
	"github.com/go-fonts/latin-modern/lmmonolt10bold"
	"github.com/go-fonts/latin-modern/lmroman17regular"
	"github.com/go-fonts/latin-modern/lmromandemi10regular"
	"github.com/go-fonts/latin-modern/lmsans10bold"
	"github.com/go-fonts/latin-modern/lmsans10regular"
	"github.com/go-fonts/latin-modern/lmsans17regular"
	"github.com/go-fonts/latin-modern/lmsansquot8regular"
	"github.com/go-fonts/liberation/liberationmonobolditalic"
	"github.com/go-fonts/liberation/liberationmonoitalic"
	"github.com/go-fonts/liberation/liberationsansitalic"
	"github.com/go-fonts/liberation/liberationserifbolditalic"
	"golang.org/x/image/font"
	"golang.org/x/image/font/gofont/goitalic"
	"golang.org/x/image/font/gofont/gomediumitalic"
	"golang.org/x/image/font/gofont/gomonoitalic"
	"golang.org/x/image/font/gofont/gosmallcaps"
	"golang.org/x/image/font/opentype"
	"golang.org/x/image/math/fixed"

	"github.com/vtbench/vtbench/pix"
)

// Text draws pages of random letters: it knows shapes, not words.
type Text struct {
	faces []*opentype.Font
	rng   *rand.Rand
}

// Typefaces are the outlines that pages are set in: none that a data set draws with.
func Typefaces() [][]byte {
	return [][]byte{
		goitalic.TTF, gomediumitalic.TTF, gomonoitalic.TTF, gosmallcaps.TTF,
		liberationmonobolditalic.TTF, liberationmonoitalic.TTF, liberationsansitalic.TTF, liberationserifbolditalic.TTF,
		dejavusansextralight.TTF, dejavusansmonooblique.TTF, dejavusansoblique.TTF,
		dejavuserifcondensed.TTF, dejavuserifitalic.TTF,
		lmmono10regular.TTF, lmmonolt10bold.TTF, lmroman17regular.TTF, lmromandemi10regular.TTF,
		lmsans10bold.TTF, lmsans10regular.TTF, lmsans17regular.TTF, lmsansquot8regular.TTF,
	}
}

// NewText returns a source of pages that depends on the seed only.
func NewText(seed uint64) (*Text, error) {
	t := &Text{rng: rand.New(rand.NewPCG(seed, 0x74657874))}
	for i, ttf := range Typefaces() {
		f, err := opentype.Parse(ttf)
		if err != nil {
			return nil, fmt.Errorf("parsing font %d: %w", i, err)
		}
		t.faces = append(t.faces, f)
	}
	return t, nil
}

// Page draws a page of w by h pixels: lines of one face, 6 to 60 pixels high, on
// a plain or shaded ground, of dark on light or light on dark, in colour or gray.
func (t *Text) Page(w, h int) (pix.Image, error) {
	m := image.NewRGBA(image.Rect(0, 0, w, h))
	for y := 0; y < h; {
		band := min(h-y, 24+t.rng.IntN(1+h/2))
		if err := t.band(m.SubImage(image.Rect(0, y, w, y+band)).(*image.RGBA)); err != nil {
			return pix.Image{}, err
		}
		y += band
	}
	return pix.FromImage(m), nil
}

func (t *Text) band(m *image.RGBA) error {
	light, dark := t.colour(150, 255), t.colour(0, 110)
	ground, ink := light, dark
	if t.rng.IntN(3) == 0 {
		ground, ink = dark, light
	}
	t.fill(m, ground)
	size := math.Exp(math.Log(6) + t.rng.Float64()*math.Log(10))
	face, err := opentype.NewFace(t.faces[t.rng.IntN(len(t.faces))], &opentype.FaceOptions{Size: size, DPI: 72})
	if err != nil {
		return fmt.Errorf("scaling a font to %.1f pixels: %w", size, err)
	}
	d := font.Drawer{Dst: m, Src: image.NewUniform(ink), Face: face}
	b := m.Bounds()
	for y := float64(b.Min.Y) + size; y < float64(b.Max.Y); y += size * (1.1 + .5*t.rng.Float64()) {
		// Fractions of a pixel matter: they decide how a stroke falls on the grid.
		d.Dot = fixed.Point26_6{
			X: fixed.Int26_6(64 * (float64(b.Min.X) + size*t.rng.Float64())),
			Y: fixed.Int26_6(64 * (y + t.rng.Float64())),
		}
		for d.Dot.X.Floor() < b.Max.X {
			d.DrawString(t.word() + " ")
		}
	}
	return face.Close()
}

// fill paints a ground that is plain or shaded in one direction, sometimes with
// grain.
func (t *Text) fill(m *image.RGBA, c color.RGBA) {
	draw.Draw(m, m.Bounds(), image.NewUniform(c), image.Point{}, draw.Src)
	gx, gy, grain := 0.0, 0.0, 0.0
	if t.rng.IntN(2) == 0 {
		gx, gy = 40*t.rng.NormFloat64(), 40*t.rng.NormFloat64()
	}
	if t.rng.IntN(3) == 0 {
		grain = 8 * t.rng.Float64()
	}
	if gx == 0 && grain == 0 {
		return
	}
	b := m.Bounds()
	for y := b.Min.Y; y < b.Max.Y; y++ {
		for x := b.Min.X; x < b.Max.X; x++ {
			shade := gx*float64(x-b.Min.X)/float64(b.Dx()) + gy*float64(y-b.Min.Y)/float64(b.Dy()) + grain*t.rng.NormFloat64()
			p := m.Pix[m.PixOffset(x, y):]
			for i := range 3 {
				p[i] = uint8(min(max(float64(p[i])+shade, 0), 255))
			}
		}
	}
}

// colour draws a colour with channels from lo to hi, gray half of the time.
func (t *Text) colour(lo, hi int) color.RGBA {
	v := func() uint8 { return uint8(lo + t.rng.IntN(hi-lo+1)) }
	c := color.RGBA{v(), v(), v(), 255}
	if t.rng.IntN(2) == 0 {
		c.G, c.B = c.R, c.R
	}
	return c
}

// letters are about as frequent as in European languages.
const letters = "eeeeeeeetttttaaaaaooooiiiinnnnsssrrrhhhlllddcuumwfgypbvkjxqz"

func (t *Text) word() string {
	var b strings.Builder
	n := 1 + t.rng.IntN(9)
	switch t.rng.IntN(8) {
	case 0:
		for range n {
			b.WriteByte("0123456789.,:-/$%"[t.rng.IntN(17)])
		}
	case 1:
		for range n {
			b.WriteString(strings.ToUpper(letters[t.rng.IntN(len(letters)):][:1]))
		}
	default:
		for range n {
			b.WriteByte(letters[t.rng.IntN(len(letters))])
		}
		switch t.rng.IntN(5) {
		case 0:
			b.WriteByte("!?,.;:)'"[t.rng.IntN(8)])
		case 1:
			s := b.String()
			return strings.ToUpper(s[:1]) + s[1:]
		}
	}
	return b.String()
}
