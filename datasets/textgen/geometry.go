package textgen

import (
	"image"
	"math"
)

// Floating-point products in this package go through mul: the Go specification
// lets a compiler fuse x*y + z into one rounding, which some architectures do and
// others do not, and an explicit conversion forbids it. Together with the integer
// rasteriser this makes every pixel the same on all 64-bit machines. What slipped
// through is found, from amd64, by
//
//	GOARCH=arm64 go build -gcflags=-S . 2>&1 | grep -E 'FN?M(ADD|SUB)'

// mul is a product that is rounded before anything is added to it.
func mul(a, b float64) float64 { return float64(a * b) }

type pt struct{ x, y float64 }

// A mat is a projective map of the plane:
// (x, y) → (ax+by+c, dx+ey+f) / (gx+hy+1).
type mat struct{ a, b, c, d, e, f, g, h float64 }

func identity() mat { return mat{a: 1, e: 1} }

func (m mat) apply(p pt) pt {
	x := mul(m.a, p.x) + mul(m.b, p.y) + m.c
	y := mul(m.d, p.x) + mul(m.e, p.y) + m.f
	if m.g == 0 && m.h == 0 {
		return pt{x, y}
	}
	w := mul(m.g, p.x) + mul(m.h, p.y) + 1
	return pt{x / w, y / w}
}

// moved is m followed by a translation.
func (m mat) moved(x, y float64) mat {
	m.a, m.b, m.c = m.a+mul(x, m.g), m.b+mul(x, m.h), m.c+x
	m.d, m.e, m.f = m.d+mul(y, m.g), m.e+mul(y, m.h), m.f+y
	return m
}

// sine and cosine of an angle in radians, |x| ≤ 0.8, by their series: the
// standard library's may differ in the last bit between architectures.
func sine(x float64) float64 {
	x2 := mul(x, x)
	s := 1 - x2/72
	s = 1 - mul(x2, s)/42
	s = 1 - mul(x2, s)/20
	s = 1 - mul(x2, s)/6
	return mul(x, s)
}

func cosine(x float64) float64 {
	x2 := mul(x, x)
	c := 1 - x2/90
	c = 1 - mul(x2, c)/56
	c = 1 - mul(x2, c)/30
	c = 1 - mul(x2, c)/12
	return 1 - mul(mul(x2, c), 0.5)
}

// rotation turns by the angle (radians, clockwise on screen) and moves the
// centre (cx, cy) of the source to (x, y).
func rotation(angle, cx, cy, x, y float64) mat {
	s, c := sine(angle), cosine(angle)
	return mat{
		a: c, b: -s, c: x - mul(c, cx) + mul(s, cy),
		d: s, e: c, f: y - mul(s, cx) - mul(c, cy),
	}
}

// quadMap maps the rectangle (0,0)…(w,h) to the quadrilateral q, clockwise from
// top left (P. Heckbert, Fundamentals of Texture Mapping, 1989, §2.2.3).
func quadMap(w, h float64, q [4]pt) mat {
	dx1, dy1 := q[1].x-q[2].x, q[1].y-q[2].y
	dx2, dy2 := q[3].x-q[2].x, q[3].y-q[2].y
	sx := q[0].x - q[1].x + q[2].x - q[3].x
	sy := q[0].y - q[1].y + q[2].y - q[3].y
	den := mul(dx1, dy2) - mul(dx2, dy1)
	g := (mul(sx, dy2) - mul(dx2, sy)) / den
	k := (mul(dx1, sy) - mul(sx, dy1)) / den
	return mat{
		a: (q[1].x - q[0].x + mul(g, q[1].x)) / w,
		b: (q[3].x - q[0].x + mul(k, q[3].x)) / h,
		c: q[0].x,
		d: (q[1].y - q[0].y + mul(g, q[1].y)) / w,
		e: (q[3].y - q[0].y + mul(k, q[3].y)) / h,
		f: q[0].y,
		g: g / w,
		h: k / h,
	}
}

// A frect is a rectangle in continuous coordinates.
type frect struct{ x0, y0, x1, y1 float64 }

func emptyRect() frect {
	return frect{math.MaxFloat64, math.MaxFloat64, -math.MaxFloat64, -math.MaxFloat64}
}

func (r *frect) add(p pt) {
	r.x0, r.y0 = min(r.x0, p.x), min(r.y0, p.y)
	r.x1, r.y1 = max(r.x1, p.x), max(r.y1, p.y)
}

func (r frect) w() float64 { return r.x1 - r.x0 }
func (r frect) h() float64 { return r.y1 - r.y0 }

func (r frect) corners() [4]pt {
	return [4]pt{{r.x0, r.y0}, {r.x1, r.y0}, {r.x1, r.y1}, {r.x0, r.y1}}
}

// pixels returns the smallest half-open pixel rectangle that covers r. Ink that
// reaches less than 1/64 pixel into a row or column leaves no trace in 8 bits
// and does not count.
func (r frect) pixels() image.Rectangle {
	const trace = 1.0 / 64
	return image.Rect(
		int(math.Floor(r.x0+trace)), int(math.Floor(r.y0+trace)),
		int(math.Ceil(r.x1-trace)), int(math.Ceil(r.y1-trace)))
}

func bounds(ps []pt) frect {
	r := emptyRect()
	for _, p := range ps {
		r.add(p)
	}
	return r
}
