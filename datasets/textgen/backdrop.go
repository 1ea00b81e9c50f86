package textgen

import (
	"image"
	"math"

	"github.com/vtbench/vtbench/datasets/internal/fill"
)

// A field is smooth noise over the whole image, kept on a grid of fieldCell
// pixels and interpolated between: what defocus, clouds and stains look like.
type field struct{ v [fieldSide * fieldSide]int }

const (
	fieldCell = 8
	fieldSide = Side/fieldCell + 2
)

// An octave is one layer of a field: its cell in pixels and its height, of 256.
type octave struct{ cellX, cellY, height int }

func newField(seed uint32, octaves ...octave) *field {
	f := new(field)
	for n, o := range octaves {
		cx, cy := max(o.cellX/fieldCell, 1), max(o.cellY/fieldCell, 1)
		at := func(i, j int) int { return int(hash(uint32(i), uint32(j), seed+uint32(n)*977)>>24) - 128 }
		for y := range fieldSide {
			fy := smooth((y % cy) * 256 / cy)
			for x := range fieldSide {
				fx := smooth((x % cx) * 256 / cx)
				i, j := x/cx, y/cy
				top := at(i, j)*(256-fx) + at(i+1, j)*fx
				bottom := at(i, j+1)*(256-fx) + at(i+1, j+1)*fx
				f.v[y*fieldSide+x] += ((top*(256-fy) + bottom*fy) >> 16) * o.height / 256
			}
		}
	}
	return f
}

// row interpolates image row y into dst, in 1/16 levels.
func (f *field) row(dst []int, y int) {
	gy, fy := y/fieldCell, y%fieldCell
	a, b := f.v[gy*fieldSide:(gy+1)*fieldSide], f.v[(gy+1)*fieldSide:(gy+2)*fieldSide]
	left := (a[0]*(fieldCell-fy) + b[0]*fy) * 2
	for g := range Side / fieldCell {
		right := (a[g+1]*(fieldCell-fy) + b[g+1]*fy) * 2
		step := (right - left) / fieldCell
		v := left
		for i := range fieldCell {
			dst[g*fieldCell+i] = v
			v += step
		}
		left = right
	}
}

// A ramp maps 0…255 to colours.
type ramp [256]rgb

// newRamp spreads stops evenly.
func newRamp(stops ...rgb) *ramp {
	var r ramp
	n := len(stops) - 1
	for i := range r {
		p := i * n
		k := min(p/255, n-1)
		r[i] = stops[k].mix(stops[k+1], (p-k*255)*256/255)
	}
	return &r
}

// A wash fills a rectangle with a ramp looked up at a gradient plus a field.
type wash struct {
	ramp     *ramp
	from, to int // gradient along y, 0…255, from the top of the area to its bottom
	sideways int // and along x
	field    *field
	tex      *tile
	amp      int // of the texture
}

func (c *canvas) wash(area image.Rectangle, w wash) {
	area = area.Intersect(image.Rect(0, 0, Side, Side))
	f := make([]int, Side)
	for y := area.Min.Y; y < area.Max.Y; y++ {
		base := (w.from*(area.Max.Y-y) + w.to*(y-area.Min.Y)) * 16 / area.Dy()
		if w.field != nil {
			w.field.row(f, y)
		}
		row := c.img.Row(y)
		var tex []int8
		if w.tex != nil {
			tex = w.tex.row(y)
		}
		step := w.sideways * 4096 / area.Dx()
		slope := 0
		for x := area.Min.X; x < area.Max.X; x++ {
			v := (base + f[x] + slope>>8) >> 4
			slope += step
			t := w.ramp[clip(v)]
			px := row[3*x : 3*x+3]
			if tex == nil {
				px[0], px[1], px[2] = t.r, t.g, t.b
				continue
			}
			d := int(tex[x&(tileSide-1)]) * w.amp >> 7
			px[0], px[1], px[2] = clip(int(t.r)+d), clip(int(t.g)+d), clip(int(t.b)+d)
		}
	}
}

var whole = image.Rect(0, 0, Side, Side)

// finish is what a camera adds: light that falls off towards the corners, and
// grain.
func (s *scene) finish(falloff, noise int) {
	ox, oy := s.n(tileSide), s.n(tileSide)
	s.draw(func(c *canvas) {
		g := grain()
		var across [Side]int
		for i := range across {
			d := i - Side/2
			across[i] = d * d / 512 * falloff * 64 / 100
		}
		for y := range Side {
			row, tex := c.img.Row(y), g.row(y+oy)
			top := 65536 - across[y]
			for x, d := range across {
				keep := top - d
				n := int(tex[(x+ox)&(tileSide-1)])*noise<<9 + 32768
				px := row[3*x : 3*x+3 : 3*x+3]
				px[0] = clip((int(px[0])*keep + n) >> 16)
				px[1] = clip((int(px[1])*keep + n) >> 16)
				px[2] = clip((int(px[2])*keep + n) >> 16)
			}
		}
	})
}

// Grounds that fill the whole image. Each returns the surface to write on.

func (s *scene) plain(c rgb) *surface {
	s.draw(func(cv *canvas) { cv.wash(whole, wash{ramp: newRamp(c, c)}) })
	return page(groundPlain, c)
}

func (s *scene) fade(c0, c1 rgb, angle float64) *surface {
	dx, dy := mul(Side/2, sine(angle)), mul(Side/2, cosine(angle))
	p := gradient(c0, c1, pt{Side/2 - dx, Side/2 - dy}, pt{Side/2 + dx, Side/2 + dy})
	on := page(groundGradient, c0.mix(c1, 128))
	s.draw(func(cv *canvas) { cv.polygon(p, on.quad(0, 0, Side, Side)) })
	return on
}

// A material is a textured ground.
type material int

const (
	wood material = iota
	darkWood
	plaster
	linen
	marble
	concrete
	slate
	felt
	materials
)

// material covers the image with something one can put things on.
func (s *scene) material(m material) *surface {
	seed := uint32(s.n(1 << 30))
	var w wash
	var tone rgb
	broad := func(h int) *field { return newField(seed, octave{256, 256, h}, octave{64, 64, h / 3}) }
	switch m {
	case wood, darkWood:
		stops := []rgb{web(0xA97C50), web(0xC89F6E), web(0xD9B98A)}
		if m == darkWood {
			stops = []rgb{web(0x3B2417), web(0x55361F), web(0x6B4529)}
		}
		w = wash{ramp: newRamp(stops...), from: 110, to: 150, field: newField(seed, octave{512, 16, 110}, octave{256, 64, 90}), tex: brushedTex(), amp: 14}
		tone = stops[1]
	case plaster:
		w = wash{ramp: newRamp(web(0xCFC5B4), web(0xE6DECF), web(0xF2ECE0)), from: 150, to: 110, field: broad(70), tex: plasterTex(), amp: 12}
		tone = web(0xE6DECF)
	case linen:
		w = wash{ramp: newRamp(web(0xB9AE9C), web(0xD3C9B8), web(0xE2DACB)), from: 128, to: 128, field: broad(60), tex: clothTex(), amp: 14}
		tone = web(0xD3C9B8)
	case marble:
		w = wash{ramp: newRamp(web(0x9FA3A8), web(0xDCDDDE), web(0xF3F3F1), web(0xFAFAF8)), from: 170, to: 190, field: newField(seed, octave{256, 128, 90}, octave{128, 64, 70}, octave{32, 16, 50}, octave{16, 16, 20})}
		tone = web(0xECECEA)
	case concrete:
		w = wash{ramp: newRamp(web(0x7E7F7D), web(0x9D9E9B), web(0xB4B4B0)), from: 140, to: 110, field: broad(110), tex: plasterTex(), amp: 8}
		tone = web(0x9D9E9B)
	case slate:
		w = wash{ramp: newRamp(web(0x1E2326), web(0x2B3236), web(0x3A4347)), from: 120, to: 130, field: broad(110), tex: chalkTex(), amp: 10}
		tone = web(0x2B3236)
	default: // felt
		c := pick(s.rng, []rgb{web(0x1F4D3A), web(0x22384F), web(0x5A1F2B), web(0x44405A)})
		w = wash{ramp: newRamp(c.shade(-14), c, c.shade(16)), from: 150, to: 100, field: broad(90), tex: clothTex(), amp: 7}
		tone = c
	}
	s.draw(func(cv *canvas) { cv.wash(whole, w) })
	if m == wood || m == darkWood { // gaps between planks
		n := s.between(4, 6)
		for i := 1; i < n; i++ {
			y := float64(i*Side/n + s.between(-20, 20))
			on := page(groundTextured, tone)
			s.draw(func(cv *canvas) {
				cv.polygon(solid(tone.mix(rgb{}, 190)).alpha(70), on.quad(0, y, Side, y+2.5))
				cv.polygon(solid(tone.mix(rgb{255, 255, 255}, 128)).alpha(35), on.quad(0, y+2.5, Side, y+4.5))
			})
		}
	}
	return page(groundTextured, tone)
}

// bricks covers an area with courses of bricks.
func (s *scene) bricks(area image.Rectangle, c, mortar rgb) {
	seed := uint32(s.n(1 << 30))
	bh := s.between(22, 30)
	bw := bh * 5 / 2
	s.draw(func(cv *canvas) {
		cv.wash(area, wash{ramp: newRamp(mortar, mortar), tex: plasterTex(), amp: 14})
		tex := plasterTex()
		for row := 0; row*bh < area.Dy(); row++ {
			shift := (row & 1) * bw / 2
			for col := -1; col*bw < area.Dx(); col++ {
				h := hash(uint32(col+1), uint32(row), seed)
				r := image.Rect(area.Min.X+col*bw+shift+2, area.Min.Y+row*bh+2, area.Min.X+(col+1)*bw+shift-1, area.Min.Y+(row+1)*bh-1).Intersect(area)
				if r.Empty() {
					continue
				}
				cv.rect(r, paint{c0: c.shade(int(h&31) - 16), c1: c.shade(int(h&31) - 22), gy: 65536 * 256 / bh, g0: -r.Min.Y * 65536 * 256 / bh, opacity: 256}.textured(tex, 16, int(h>>8&255), int(h>>16&255)))
			}
		}
	})
}

// rect fills whole pixels, without the rasteriser.
func (c *canvas) rect(r image.Rectangle, p paint) {
	r = r.Intersect(whole)
	if r.Empty() {
		return
	}
	acc := make([]int32, r.Dx()+1)
	acc[0] = fill.FullCover
	for y := r.Min.Y; y < r.Max.Y; y++ {
		c.blend(c.img.Row(y)[3*r.Min.X:3*r.Max.X], acc, p, r.Min.X, y)
	}
}

// A view is a ground that looks like a photograph out of focus.
type view int

const (
	viewSky view = iota
	viewNight
	viewFoliage
	viewDusk
	viewFog
	viewStreet
	views
)

// photo covers the image with a view.
func (s *scene) photo(v view) *surface {
	seed := uint32(s.n(1 << 30))
	on := page(groundPhoto, rgb{})
	switch v {
	case viewSky:
		on.tone = web(0xC9DDED)
		w := wash{
			ramp: newRamp(web(0x8FB8DC), web(0xA9CBE6), web(0xD9E7F1), web(0xF7F9FA)), from: 40, to: 190,
			field: newField(seed, octave{512, 256, 130}, octave{128, 64, 90}, octave{64, 32, 50}, octave{16, 16, 24}),
		}
		s.draw(func(c *canvas) { c.wash(whole, w) })
	case viewNight:
		on.tone = web(0x1B2030)
		w := wash{
			ramp: newRamp(web(0x0B0E18), web(0x171C2C), web(0x2C2A3A), web(0x3D3440)), from: 30, to: 170,
			field: newField(seed, octave{256, 256, 150}, octave{64, 64, 60}),
		}
		s.draw(func(c *canvas) { c.wash(whole, w) })
		lights := []rgb{web(0xFFB45A), web(0xFF7A4D), web(0xFFE0A3), web(0x6FB7FF), web(0xC77DFF), web(0x7CE0B8)}
		for range 46 {
			x, y, r := s.in(0, Side), s.in(100, Side), s.in(14, 64)
			p := solid(pick(s.rng, lights)).alpha(s.between(8, 22))
			s.draw(func(c *canvas) { c.polygon(p, on.circle(x, y, r)) })
		}
	case viewFoliage:
		on.tone = web(0x2F4A2B)
		w := wash{
			ramp: newRamp(web(0x14210F), web(0x24401F), web(0x3B5E2E), web(0x5E7F3C), web(0x87A055)), from: 150, to: 50,
			field: newField(seed, octave{256, 256, 120}, octave{64, 64, 110}, octave{32, 32, 80}, octave{16, 16, 50}), tex: grain(), amp: 4,
		}
		s.draw(func(c *canvas) { c.wash(whole, w) })
	case viewDusk:
		on.tone = web(0x5B3A55)
		w := wash{
			ramp: newRamp(web(0x241B3A), web(0x4A2C55), web(0x7C3F58), web(0xA65A4C)), from: 20, to: 235,
			field: newField(seed, octave{512, 64, 90}, octave{256, 32, 50}, octave{64, 16, 22}),
		}
		s.draw(func(c *canvas) { c.wash(whole, w) })
		s.hills(seed, 760, 90, web(0x2A1E33))
		s.hills(seed+5, 880, 70, web(0x1A1422))
	case viewFog:
		on.tone = web(0xD5D9DA)
		w := wash{
			ramp: newRamp(web(0xB9C3C6), web(0xD3D9DA), web(0xECEDEA), web(0xF6F4EF)), from: 210, to: 70,
			field: newField(seed, octave{512, 128, 110}, octave{128, 64, 50}),
		}
		s.draw(func(c *canvas) { c.wash(whole, w) })
		s.hills(seed, 560, 110, web(0xC3CCCE))
		s.hills(seed+3, 720, 90, web(0xB4C0C2))
		s.hills(seed+9, 880, 80, web(0xA9B6B8))
	default: // viewStreet: house fronts and lamps at night, defocused
		on.tone = web(0x2B2A33)
		w := wash{
			ramp: newRamp(web(0x14151C), web(0x23232E), web(0x37333B), web(0x4A4145)), from: 60, to: 160,
			field: newField(seed, octave{128, 512, 170}, octave{64, 128, 70}, octave{32, 32, 30}),
		}
		s.draw(func(c *canvas) { c.wash(whole, w) })
		for range 30 {
			x, y := s.in(0, Side), s.in(60, 800)
			ww, hh := s.in(24, 70), s.in(40, 110)
			p := solid(pick(s.rng, []rgb{web(0xFFC978), web(0xE8A35C), web(0x8FA8C8)})).alpha(s.between(6, 16))
			s.draw(func(c *canvas) { c.polygon(p, on.roundRect(x, y, x+ww, y+hh, 12)) })
		}
	}
	return on
}

// hills draws a ridge: noise along x, filled to the bottom.
func (s *scene) hills(seed uint32, y, height float64, c rgb) {
	var ps []pt
	for x := 0; x <= Side; x += 16 {
		v := 0.0
		for n, cell := range []int{256, 128, 32} {
			i, f := x/cell, smooth((x%cell)*256/cell)
			at := func(i int) int { return int(hash(uint32(i), uint32(n), seed)>>24) - 128 }
			v += float64(at(i)*(256-f)+at(i+1)*f) / float64(int(32768)<<n)
		}
		ps = append(ps, pt{float64(x), y - mul(v, height)})
	}
	ps = append(ps, pt{Side, Side}, pt{0, Side})
	s.draw(func(cv *canvas) { cv.polygon(solid(c), ps) })
}

// tilt is an angle in radians of deg degrees.
func tilt(deg float64) float64 { return mul(deg, math.Pi/180) }
