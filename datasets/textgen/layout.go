package textgen

import (
	"image"
	"math"
)

// face draws a face of a class; bold asks for a bold one where the class has it.
func (s *scene) face(class string, bold bool) *Face {
	all := facesByClass()[class]
	for range 8 {
		if f := pick(s.rng, all); f.Bold == bold && !f.Italic {
			return f
		}
	}
	return pick(s.rng, all)
}

// anyFace draws a face of any class, each as likely.
func (s *scene) anyFace() *Face {
	return pick(s.rng, facesByClass()[pick(s.rng, []string{classSans, classSerif, classMono, classDisplay})])
}

var (
	darkInks  = []rgb{web(0x17181A), web(0x14213D), web(0x4A0F14), web(0x0B3D2E), web(0x2D1E4A), web(0x3A2410), web(0x0F2C3F)}
	lightInks = []rgb{web(0xFFFFFF), web(0xF7F3E3), web(0xFFE9A8), web(0xD8F1FF), web(0xE6F7DC), web(0xFFE3D6)}
)

// inkOn draws a colour that reads on a tone: strongly, or with low contrast.
func (s *scene) inkOn(tone rgb, low bool) rgb {
	l := tone.luma()
	if !low {
		if l > 128 {
			return pick(s.rng, darkInks)
		}
		return pick(s.rng, lightInks)
	}
	d := s.between(62, 84)
	if l > 128 {
		return tone.mix(rgb{}, d*256/l)
	}
	return tone.mix(rgb{255, 255, 255}, d*256/(255-l))
}

// place makes a surface of w by h pixels centred at (cx, cy), turned by deg
// degrees, and seen in perspective: lean is by how much of their size the right
// (positive) or left (negative) side is smaller, nod the same for top and bottom.
func place(w, h, cx, cy, deg, lean, nod float64) *surface {
	half := [4]pt{{-w / 2, -h / 2}, {w / 2, -h / 2}, {w / 2, h / 2}, {-w / 2, h / 2}}
	sn, cs := sine(tilt(deg)), cosine(tilt(deg))
	var q [4]pt
	for i, p := range half {
		if (p.x > 0) == (lean > 0) {
			p.y = mul(p.y, 1-math.Abs(lean))
		}
		if (p.y > 0) == (nod > 0) {
			p.x = mul(p.x, 1-math.Abs(nod))
		}
		q[i] = pt{cx + mul(p.x, cs) - mul(p.y, sn), cy + mul(p.x, sn) + mul(p.y, cs)}
	}
	on := &surface{w: w, h: h, rotated: deg != 0, persp: lean != 0 || nod != 0}
	if on.persp {
		on.m = quadMap(w, h, q)
	} else {
		on.m = rotation(tilt(deg), w/2, h/2, cx, cy)
	}
	return on
}

// box is the surface's bounding box in the image.
func (on *surface) box() image.Rectangle {
	return cover(bounds(on.quad(0, 0, on.w, on.h)))
}

// A finishOf says how a sheet looks.
type look struct {
	c0, c1 rgb // from top left to bottom right
	tex    *tile
	amp    int
	radius float64
	shadow int // percent; 0 is none
}

// lay draws a sheet and makes it something to write on.
func (s *scene) lay(on *surface, l look) {
	on.tone = l.c0.mix(l.c1, 128)
	switch {
	case l.tex != nil:
		on.ground = groundTextured
	case l.c0 != l.c1:
		on.ground = groundGradient
	default:
		on.ground = groundPlain
	}
	shape := on.roundRect(0, 0, on.w, on.h, l.radius)
	p := solid(l.c0)
	if l.c0 != l.c1 {
		p = gradient(l.c0, l.c1, on.m.apply(pt{0, 0}), on.m.apply(pt{on.w, on.h}))
	}
	if l.tex != nil {
		p = p.textured(l.tex, l.amp, s.n(tileSide), s.n(tileSide))
	}
	s.draw(func(c *canvas) {
		if l.shadow > 0 {
			c.shadow(shape, 4, 7, 16, l.shadow)
		}
		c.polygon(p, shape)
	})
}

// bar fills a rectangle of a surface.
func (s *scene) bar(on *surface, x0, y0, x1, y1 float64, c rgb, percent int) {
	s.draw(func(cv *canvas) { cv.polygon(solid(c).alpha(percent), on.quad(x0, y0, x1, y1)) })
}

// patch fills a rounded rectangle of a surface.
func (s *scene) patch(on *surface, x0, y0, x1, y1, r float64, c rgb, percent int) {
	s.draw(func(cv *canvas) { cv.polygon(solid(c).alpha(percent), on.roundRect(x0, y0, x1, y1, r)) })
}

// frame draws the outline of a rectangle of a surface.
func (s *scene) frame(on *surface, x0, y0, x1, y1, r, width float64, c rgb) {
	outer := on.roundRect(x0, y0, x1, y1, r)
	inner := on.roundRect(x0+width, y0+width, x1-width, y1-width, max(r-width, 0))
	for i, j := 0, len(inner)-1; i < j; i, j = i+1, j-1 {
		inner[i], inner[j] = inner[j], inner[i]
	}
	s.draw(func(cv *canvas) {
		cv.fill(cover(bounds(outer)), solid(c), func(r *raster) { r.polygon(outer); r.polygon(inner) })
	})
}

// dashes draws a dashed rule.
func (s *scene) dashes(on *surface, x0, x1, y, step, width float64, c rgb) {
	s.draw(func(cv *canvas) {
		for x := x0; x+step*0.6 <= x1; x += step {
			cv.polygon(solid(c), on.quad(x, y, x+step*0.6, y+width))
		}
	})
}

// barcode draws bars of random widths.
func (s *scene) barcode(on *surface, x0, y0, x1, y1 float64, c rgb) {
	unit := (x1 - x0) / 95
	var quads [][]pt
	for x := x0; x < x1-unit; {
		w := float64(s.between(1, 3))
		quads = append(quads, on.quad(x, y0, min(x+mul(w, unit), x1), y1))
		x += mul(w+float64(s.between(1, 3)), unit)
	}
	s.draw(func(cv *canvas) {
		for _, q := range quads {
			cv.polygon(solid(c), q)
		}
	})
}

// A column stacks lines on a surface from the top.
type column struct {
	s      *scene
	on     *surface
	x0, x1 float64
	y      float64
}

// heading writes a text of its own size, aimed at a class, with gap (in heights
// of the text) below it.
func (c *column) heading(k ink, class size, a anchor, gap float64, draw func() string) bool {
	s := c.s
	room := c.x1 - c.x0
	for range 40 {
		text := draw()
		if s.seen[text] {
			continue
		}
		r, ok := s.set(k, text)
		if !ok {
			return false
		}
		px := emFor(r, s.aim(class))
		if mul(r.ink.w(), px) > room {
			px = emFor(r, mul(edges[class], 1.03))
		}
		if mul(r.ink.w(), px) > room {
			continue
		}
		base := c.y - mul(r.ink.y0, px)
		if base+mul(r.ink.y1, px) > c.on.h {
			return false
		}
		x := c.x0
		switch a {
		case centre:
			x = (c.x0 + c.x1) / 2
		case right:
			x = c.x1
		}
		if !s.putRun(c.on, k, r, x, base, px, a) {
			continue
		}
		c.y = base + mul(r.ink.y1, px) + mul(r.ink.h(), mul(px, gap))
		return true
	}
	return false
}

// row writes cells of one size side by side; each has its place and anchor.
func (c *column) row(k ink, class size, px, pitch float64, cells ...cell) {
	base := c.y + mul(px, 0.8)
	if base > c.on.h-6 {
		return
	}
	for _, cl := range cells {
		kk := k
		if cl.style != "" {
			kk.style = cl.style
		}
		if r, ok := c.s.choose(kk, px, class, cl.room, cl.draw); ok {
			c.s.putRun(c.on, kk, r, cl.x, base, px, cl.a)
		}
	}
	c.y += mul(px, pitch)
}

type cell struct {
	x, room float64
	a       anchor
	style   string
	draw    func() string
}

// scatter writes texts of a class at free places of an area of a surface, until
// there are n of them in the image.
func (s *scene) scatter(on *surface, area frect, class size, n int, kinds func() (ink, string)) {
	for tries := 0; s.count[class] < n && tries < 12*n; tries++ {
		k, text := kinds()
		if s.seen[text] {
			continue
		}
		r, ok := s.set(k, text)
		if !ok {
			return
		}
		px := emFor(r, s.aim(class))
		w, h := mul(r.ink.w(), px), mul(r.ink.h(), px)
		if w > area.w() || h > area.h() {
			continue
		}
		for range 10 {
			x := area.x0 + mul(area.w()-w, s.unit())
			y := area.y0 + mul(area.h()-h, s.unit())
			if s.putRun(on, k, r, x, y-mul(r.ink.y0, px), px, left) {
				break
			}
		}
	}
}

// A tag is a small sheet with one text that fills what a scene lacks: a sticker,
// a price tag, a plate.
type tagLook struct {
	look
	face   func() *Face
	low    bool
	style  string
	tilt   float64 // most degrees
	lean   float64 // most perspective
	padX   float64 // in heights of the text
	padY   float64
	decor  func(on *surface, c rgb)
	colors [][2]rgb // sheet and ink; look's colour and a fitting ink where empty
}

// tags adds labels of a class at free places until the image has n of it.
func (s *scene) labels(class size, n int, area image.Rectangle, draw func() string, t tagLook) {
	for tries := 0; s.count[class] < n && tries < 6*n+6; tries++ {
		text := draw()
		if s.seen[text] {
			continue
		}
		k := ink{face: t.face(), style: t.style}
		r, ok := s.set(k, text)
		if !ok {
			return
		}
		px := emFor(r, s.aim(class))
		iw, ih := mul(r.ink.w(), px), mul(r.ink.h(), px)
		w, h := iw+mul(2*ih, t.padX)+12, ih+mul(2*ih, t.padY)+12
		for range 24 {
			cx, cy := s.in(float64(area.Min.X), float64(area.Max.X)), s.in(float64(area.Min.Y), float64(area.Max.Y))
			deg, lean := 0.0, 0.0
			if t.tilt > 0 {
				deg = s.in(-t.tilt, t.tilt)
				if math.Abs(deg) < 1.5 {
					deg = 0
				}
			}
			if t.lean > 0 && s.chance(60) {
				lean = s.in(-t.lean, t.lean)
			}
			on := place(w, h, cx, cy, deg, lean, 0)
			b := on.box()
			if !b.In(area) || !s.free(b.Inset(-4)) {
				continue
			}
			l := t.look
			if len(t.colors) > 0 {
				c := pick(s.rng, t.colors)
				l.c0, l.c1, k.color = c[0], c[0], c[1]
			} else {
				k.color = s.inkOn(l.c0.mix(l.c1, 128), t.low)
			}
			s.lay(on, l)
			if t.decor != nil {
				t.decor(on, k.color)
			}
			s.putRun(on, k, r, w/2, h/2-mul(r.ink.y0+r.ink.y1, px)/2, px, centre)
			s.blocked = append(s.blocked, b)
			break
		}
	}
}
