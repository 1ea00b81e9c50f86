package textgen

import (
	"image"
	"math"
	"sync"

	"github.com/vtbench/vtbench/datasets/internal/fill"
	"github.com/vtbench/vtbench/pix"
)

// rgb is an sRGB colour.
type rgb struct{ r, g, b uint8 }

// web is a colour as style sheets write it.
func web(v uint32) rgb { return rgb{uint8(v >> 16), uint8(v >> 8), uint8(v)} }

// luma is Rec. 601 luma, 0…255.
func (c rgb) luma() int { return (299*int(c.r) + 587*int(c.g) + 114*int(c.b) + 500) / 1000 }

// mix is c moved towards d by t/256.
func (c rgb) mix(d rgb, t int) rgb {
	f := func(a, b uint8) uint8 { return uint8((int(a)*(256-t) + int(b)*t + 128) >> 8) }
	return rgb{f(c.r, d.r), f(c.g, d.g), f(c.b, d.b)}
}

// shade adds v to every channel.
func (c rgb) shade(v int) rgb {
	f := func(a uint8) uint8 { return uint8(min(max(int(a)+v, 0), 255)) }
	return rgb{f(c.r), f(c.g), f(c.b)}
}

// A canvas is drawn on. Colours are blended as sRGB values, as browsers and
// office programs do, and not as linear light: the set imitates what they
// produce.
type canvas struct {
	img pix.Image
	ras raster
}

// A paint colours the pixels of a shape: one colour, or a linear gradient
// between two, with a texture on top.
type paint struct {
	c0, c1 rgb
	// The gradient's position at pixel (x, y) is (gx·x + gy·y + g0) / 2^16 of 256.
	gx, gy, g0 int
	tex        *tile
	amp        int // texture amplitude in levels, at the tile's extremes
	ox, oy     int // texture offset
	opacity    int // 0…256
}

func solid(c rgb) paint { return paint{c0: c, c1: c, opacity: 256} }

// gradient runs from c0 at point a to c1 at point b.
func gradient(c0, c1 rgb, a, b pt) paint {
	dx, dy := b.x-a.x, b.y-a.y
	n := max(mul(dx, dx)+mul(dy, dy), 1)
	const one = 256 * 65536
	return paint{
		c0: c0, c1: c1, opacity: 256,
		gx: int(mul(dx, one) / n), gy: int(mul(dy, one) / n),
		g0: int(-mul(mul(a.x, dx)+mul(a.y, dy), one) / n),
	}
}

func (p paint) textured(t *tile, amp, ox, oy int) paint {
	p.tex, p.amp, p.ox, p.oy = t, amp, ox, oy
	return p
}

func (p paint) alpha(percent int) paint {
	p.opacity = percent * 256 / 100
	return p
}

// plain reports whether every pixel gets the same colour.
func (p paint) plain() bool { return p.c0 == p.c1 && p.tex == nil }

// fill paints the polygons that add yields, which lie within win.
func (c *canvas) fill(win image.Rectangle, p paint, add func(*raster)) {
	win = win.Intersect(image.Rect(0, 0, c.img.W, c.img.H))
	if win.Empty() {
		return
	}
	c.ras.Reset(win)
	add(&c.ras)
	for y := range win.Dy() {
		acc := c.ras.Row(y)
		row := c.img.Row(win.Min.Y + y)[3*win.Min.X : 3*win.Max.X]
		c.blend(row, acc, p, win.Min.X, win.Min.Y+y)
	}
}

// blend paints one row of accumulated coverage.
func (c *canvas) blend(row []uint8, acc []int32, p paint, x0, y int) {
	sum, plain := int32(0), p.plain()
	r, g, b := int(p.c0.r), int(p.c0.g), int(p.c0.b)
	var tex []int8
	if p.tex != nil {
		tex = p.tex.row(y + p.oy)
	}
	grad := p.gy*y + p.g0 + p.gx*x0
	dr, dg, db := int(p.c1.r)-r, int(p.c1.g)-g, int(p.c1.b)-b
	for i, d := range acc[:len(row)/3] {
		sum += d
		if sum == 0 {
			continue
		}
		a := fill.Alpha(sum) * p.opacity
		if a == 0 {
			continue
		}
		px := row[3*i : 3*i+3 : 3*i+3]
		if !plain {
			t := min(max((grad+p.gx*i)>>16, 0), 256)
			r, g, b = int(p.c0.r)+dr*t>>8, int(p.c0.g)+dg*t>>8, int(p.c0.b)+db*t>>8
			if tex != nil {
				v := int(tex[(x0+i+p.ox)&(tileSide-1)]) * p.amp >> 7
				r, g, b = int(clip(r+v)), int(clip(g+v)), int(clip(b+v))
			}
		}
		if a == 65536 {
			px[0], px[1], px[2] = uint8(r), uint8(g), uint8(b)
			continue
		}
		px[0] = uint8((int(px[0])*(65536-a) + r*a + 32768) >> 16)
		px[1] = uint8((int(px[1])*(65536-a) + g*a + 32768) >> 16)
		px[2] = uint8((int(px[2])*(65536-a) + b*a + 32768) >> 16)
	}
}

// clip brings v to 0…255; one test where it lies there already.
func clip(v int) uint8 {
	if uint(v) <= 255 {
		return uint8(v)
	}
	if v < 0 {
		return 0
	}
	return 255
}

// polygon fills one polygon.
func (c *canvas) polygon(p paint, ps []pt) {
	c.fill(cover(bounds(ps)), p, func(r *raster) { r.polygon(ps) })
}

// cover is a pixel rectangle around r with room for rounding.
func cover(r frect) image.Rectangle {
	return image.Rect(int(math.Floor(r.x0))-1, int(math.Floor(r.y0))-1, int(math.Ceil(r.x1))+1, int(math.Ceil(r.y1))+1)
}

// shadow darkens what lies around a polygon, softly: its coverage, moved by
// (dx, dy), on a grid of quarter resolution, blurred three times.
func (c *canvas) shadow(ps []pt, dx, dy, radius float64, percent int) {
	const cell = 4
	small := make([]pt, len(ps))
	for i, p := range ps {
		small[i] = pt{(p.x + dx) / cell, (p.y + dy) / cell}
	}
	b := bounds(small)
	pad := int(radius/cell)*2 + 3
	win := cover(b).Inset(-pad).Intersect(image.Rect(-pad, -pad, c.img.W/cell+pad, c.img.H/cell+pad))
	if win.Empty() {
		return
	}
	c.ras.Reset(win)
	c.ras.polygon(small)
	w, h := win.Dx(), win.Dy()
	mask := func() []int {
		m := make([]int, w*h)
		for y := range h {
			sum := int32(0)
			for x := range w {
				sum += c.ras.Row(y)[x]
				m[y*w+x] = fill.Alpha(sum) << 8
			}
		}
		return m
	}
	m := mask()
	// What the shape itself will hide need not be darkened.
	for i, p := range ps {
		small[i] = pt{p.x / cell, p.y / cell}
	}
	c.ras.Reset(win)
	c.ras.polygon(small)
	hidden := mask()
	r := max(int(radius/cell/2), 1)
	tmp := make([]int, w*h)
	for range 3 {
		boxBlur(tmp, m, w, h, 1, w, r)
		boxBlur(m, tmp, h, w, w, 1, r)
	}
	// Between four cells' values the shade is bilinear, cell by cell.
	for my := range h - 1 {
		y0 := (win.Min.Y + my) * cell
		if y0 < 0 || y0+cell > c.img.H {
			continue
		}
		for mx := range w - 1 {
			i, x0 := my*w+mx, (win.Min.X+mx)*cell
			m0, m1, m2, m3 := m[i], m[i+1], m[i+w], m[i+w+1]
			if hidden[i] == 65536 || m0|m1|m2|m3 == 0 || x0 < 0 || x0+cell > c.img.W {
				continue
			}
			for ty := range cell {
				row := c.img.Row(y0 + ty)[3*x0 : 3*(x0+cell)]
				l, r := m0*(cell-ty)+m2*ty, m1*(cell-ty)+m3*ty
				for tx := range cell {
					keep := 65536 - (l*(cell-tx)+r*tx)/(cell*cell)*percent/100
					px := row[3*tx : 3*tx+3 : 3*tx+3]
					px[0], px[1], px[2] = uint8(int(px[0])*keep>>16), uint8(int(px[1])*keep>>16), uint8(int(px[2])*keep>>16)
				}
			}
		}
	}
}

// boxBlur averages 2r+1 neighbours along one axis: n lines' worth of step along,
// between lines step across. Outside counts as zero.
func boxBlur(dst, src []int, n, lines, along, across, r int) {
	for l := range lines {
		base, sum := l*across, 0
		for i := range min(r, n) {
			sum += src[base+i*along]
		}
		for i := range n {
			if i+r < n {
				sum += src[base+(i+r)*along]
			}
			if i-r-1 >= 0 {
				sum -= src[base+(i-r-1)*along]
			}
			dst[base+i*along] = sum / (2*r + 1)
		}
	}
}

// tileSide is the period of textures, a power of two.
const tileSide = 256

// A tile is a periodic texture with values around zero, −128…127.
type tile struct{ v [tileSide * tileSide]int8 }

func (t *tile) row(y int) []int8 {
	y &= tileSide - 1
	return t.v[y*tileSide : (y+1)*tileSide]
}

// hash is a mixing of a lattice point (a round of MurmurHash3's finaliser).
func hash(x, y, seed uint32) uint32 {
	h := x*0x9E3779B1 ^ y*0x85EBCA77 ^ seed*0xC2B2AE3D
	h ^= h >> 16
	h *= 0x85EBCA6B
	h ^= h >> 13
	h *= 0xC2B2AE35
	return h ^ h>>16
}

// valueNoise is smooth noise of a lattice of the given cell sizes (powers of
// two), periodic in tileSide; −128…127.
func valueNoise(x, y, cellX, cellY int, seed uint32) int {
	lx, ly := x/cellX, y/cellY
	fx, fy := smooth((x%cellX)*256/cellX), smooth((y%cellY)*256/cellY)
	nx, ny := tileSide/cellX, tileSide/cellY
	at := func(i, j int) int { return int(hash(uint32(i%nx), uint32(j%ny), seed)>>24) - 128 }
	top := at(lx, ly)*(256-fx) + at(lx+1, ly)*fx
	bottom := at(lx, ly+1)*(256-fx) + at(lx+1, ly+1)*fx
	return (top*(256-fy) + bottom*fy) >> 16
}

// smooth is 3t² − 2t³ on 0…256.
func smooth(t int) int { return (t * t * (768 - 2*t)) >> 16 }

func makeTile(f func(x, y int) int) *tile {
	t := new(tile)
	for y := range tileSide {
		for x := range tileSide {
			t.v[y*tileSide+x] = int8(min(max(f(x, y), -128), 127))
		}
	}
	return t
}

// The textures, made on first use.
var (
	// grain is what a sensor adds: white, slightly correlated.
	grain = sync.OnceValue(func() *tile {
		return makeTile(func(x, y int) int {
			n := func(dx, dy int) int { return int(hash(uint32((x+dx)&255), uint32((y+dy)&255), 1)>>24) - 128 }
			return (2*n(0, 0) + n(1, 0) + n(0, 1)) / 3
		})
	})
	// paperTex is uncoated paper: fine fibre over faint clouds.
	paperTex = sync.OnceValue(func() *tile {
		return makeTile(func(x, y int) int {
			return valueNoise(x, y, 2, 2, 11)/3 + valueNoise(x, y, 8, 4, 12)/3 + valueNoise(x, y, 64, 64, 13)/2
		})
	})
	// clothTex is a plain weave.
	clothTex = sync.OnceValue(func() *tile {
		return makeTile(func(x, y int) int {
			over := (x/4+y/4)&1 == 0
			u, v := x&3, y&3
			if over {
				u, v = v, u
			}
			ridge := [4]int{-60, 40, 50, -30}[u]
			return ridge + valueNoise(x, y, 4, 4, 21)/4 + valueNoise(x, y, 64, 32, 22)/4 - 4*v
		})
	})
	// plasterTex is a rough wall.
	plasterTex = sync.OnceValue(func() *tile {
		return makeTile(func(x, y int) int {
			h := func(x, y int) int {
				x, y = x&255, y&255
				return valueNoise(x, y, 16, 16, 31) + valueNoise(x, y, 8, 8, 32)/2 + valueNoise(x, y, 4, 4, 33)/3
			}
			return (h(x, y)-h(x+1, y+1))*2 + valueNoise(x, y, 128, 128, 34)/2
		})
	})
	// brushedTex is brushed metal or wood: streaks along x.
	brushedTex = sync.OnceValue(func() *tile {
		return makeTile(func(x, y int) int {
			return valueNoise(x, y, 64, 1, 41)/2 + valueNoise(x, y, 128, 4, 42)/2 + valueNoise(x, y, 16, 2, 43)/4
		})
	})
	// chalkTex is a wiped board: soft diagonal smears.
	chalkTex = sync.OnceValue(func() *tile {
		return makeTile(func(x, y int) int {
			d := (x + 2*y) & 255
			return valueNoise(d, y, 16, 64, 61)/2 + valueNoise(x, y, 64, 64, 62)/2 + valueNoise(x, y, 2, 2, 63)/5
		})
	})
)
