package clips

import (
	"image"

	"github.com/vtbench/vtbench/datasets/internal/dice"
	"github.com/vtbench/vtbench/datasets/internal/fill"
	"github.com/vtbench/vtbench/pix"
)

type rgb struct{ r, g, b uint8 }

// A look is how a drawn ground looks: colours from dark to light, and how many shapes with
// sharp edges lie on it.
type look struct {
	seed   uint64
	colors [3]rgb
	shapes int
	height int // of the noise, of 256
}

// octaves of the noise: size of a cell in pixels, and height, of 256.
var octaves = []struct{ cell, height int }{{96, 200}, {48, 130}, {24, 80}, {12, 60}, {6, 44}, {3, 30}}

// texture draws a ground of smooth noise in octaves, as clouds, stone and foliage have it,
// with some shapes on it. Everything is integers.
func texture(w, h int, l look) pix.Image {
	rng := dice.New(l.seed, 0)
	v := make([]int, w*h) // in 1/256 of a level
	for _, o := range octaves {
		cols := w/o.cell + 2
		lattice := make([]int, cols*(h/o.cell+2))
		for i := range lattice {
			lattice[i] = rng.N(257) - 128
		}
		for y := range h {
			fy := smooth((y % o.cell) * 256 / o.cell)
			a := lattice[y/o.cell*cols:]
			b := a[cols:]
			for x := range w {
				i, fx := x/o.cell, smooth((x%o.cell)*256/o.cell)
				top, bottom := a[i]*(256-fx)+a[i+1]*fx, b[i]*(256-fx)+b[i+1]*fx
				v[y*w+x] += ((top*(256-fy) + bottom*fy) >> 16) * o.height
			}
		}
	}
	for range l.shapes {
		addShape(v, w, h, rng)
	}
	m := pix.New(w, h)
	for i, s := range v {
		p := l.color(128 + s*l.height>>16)
		m.Pix[3*i], m.Pix[3*i+1], m.Pix[3*i+2] = p.r, p.g, p.b
	}
	return m
}

// addShape makes a triangle or quadrangle lighter or darker.
func addShape(v []int, w, h int, rng dice.Source) {
	size := rng.Between(14, 60)
	at := image.Pt(rng.N(w), rng.N(h))
	var ps []image.Point
	for _, d := range [][2]int{{-1, -1}, {1, -1}, {1, 1}, {-1, 1}}[:rng.Between(3, 4)] {
		ps = append(ps, image.Pt(at.X+d[0]*rng.Between(size/3, size), at.Y+d[1]*rng.Between(size/3, size)))
	}
	level := rng.Between(40, 90) * 256
	if rng.Chance(50) {
		level = -level
	}
	box := image.Rect(at.X-size, at.Y-size, at.X+size+1, at.Y+size+1).Intersect(image.Rect(0, 0, w, h))
	var mask fill.Mask
	mask.Reset(box)
	last := ps[len(ps)-1]
	for _, p := range ps {
		mask.Edge(last.X<<fill.SubBits, last.Y<<fill.SubBits, p.X<<fill.SubBits, p.Y<<fill.SubBits)
		last = p
	}
	for row := range box.Dy() {
		sum := int32(0)
		for i, d := range mask.Row(row)[:box.Dx()] {
			sum += d
			v[(box.Min.Y+row)*w+box.Min.X+i] += level * fill.Alpha(sum) >> 8
		}
	}
}

// color is that of a level, 0 to 255.
func (l look) color(level int) rgb {
	level = min(max(level, 0), 255)
	lo, hi, f := l.colors[0], l.colors[1], level*2
	if level >= 128 {
		lo, hi, f = l.colors[1], l.colors[2], (level-128)*2
	}
	return rgb{mix(lo.r, hi.r, f), mix(lo.g, hi.g, f), mix(lo.b, hi.b, f)}
}

// smooth is 3f² − 2f³ of a share of 256.
func smooth(f int) int { return f * f * (3*256 - 2*f) >> 16 }

// tile is a texture that goes on at its other side: the middle of the noise, with its ends
// blended into each other.
func tile(w, h int, l look) pix.Image {
	const seam = 48
	big := texture(w+seam, h+seam, l)
	m := big.Crop(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range seam {
			a := smooth(x * 256 / seam)
			for c := range 3 {
				i := 3*(y*w+x) + c
				m.Pix[i] = mix(big.Pix[3*(y*big.W+w+x)+c], m.Pix[i], a)
			}
		}
	}
	wide := m.Clone()
	for y := range seam {
		a := smooth(y * 256 / seam)
		for x := range w {
			for c := range 3 {
				below := big.Pix[3*((h+y)*big.W+x)+c]
				if x < seam {
					below = mix(big.Pix[3*((h+y)*big.W+w+x)+c], below, smooth(x*256/seam))
				}
				i := 3*(y*w+x) + c
				wide.Pix[i] = mix(below, m.Pix[i], a)
			}
		}
	}
	return wide
}
