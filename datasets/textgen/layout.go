package textgen

import (
	"cmp"
	"image"
	"math"
	"slices"
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

// anyFace draws a face; all four classes are as likely.
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

// A look says how a sheet looks.
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
		for x := x0; x+mul(step, 0.6) <= x1; x += step {
			cv.polygon(solid(c), on.quad(x, y, x+mul(step, 0.6), y+width))
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

// tallest is the largest letter size, in pixels an em, that one line is given
// where its class allows a smaller one: narrow faces would fill the page.
const tallest = 104

// sizeFor draws the letter size of a text of a class that is at most room wide.
func (s *scene) sizeFor(r run, c size, room float64) (px float64, ok bool) {
	px, least := emFor(r, s.aim(c)), emFor(r, mul(max(edges[c], aims[c][0]), 1.03))
	px = max(min(px, tallest, room/r.ink.w()), least)
	return px, mul(r.ink.w(), px) <= room
}

// A column stacks lines on a surface from the top.
type column struct {
	s      *scene
	on     *surface
	x0, x1 float64
	y      float64 // top of the next line
	foot   float64 // what must stay free at the bottom of the surface
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
		px, ok := s.sizeFor(r, class, room)
		if !ok {
			continue
		}
		x := c.x0
		switch a {
		case centre:
			x = (c.x0 + c.x1) / 2
		case right:
			x = c.x1
		}
		// On a sheet that is turned, boxes need more room than lines: move down
		// until there is some.
		base := c.y - mul(r.ink.y0, px)
		done := false
		for range 8 {
			if base+mul(r.ink.y1, px) > c.on.h-max(c.foot, 6) {
				break
			}
			if done = s.putRun(c.on, k, r, x, base, px, a); done {
				break
			}
			base += mul(r.ink.h(), mul(px, 0.2))
		}
		if !done {
			continue
		}
		c.y = base + mul(r.ink.y1, px) + mul(r.ink.h(), mul(px, gap))
		return true
	}
	return false
}

// row writes cells of one size side by side; each has its place and anchor. On a
// sheet that is turned it moves down until there is room for the first.
func (c *column) row(k ink, class size, px, pitch float64, cells ...cell) {
	base := c.y + mul(px, 0.8)
	for i, cl := range cells {
		r, ok := c.s.choose(k, px, class, cl.room, cl.draw)
		if !ok {
			continue
		}
		for range 6 {
			if base > c.on.h-max(c.foot, 8) || c.s.putRun(c.on, k, r, cl.x, base, px, cl.a) || i > 0 {
				break
			}
			base += mul(px, 0.25)
		}
	}
	c.y = base + mul(px, pitch-0.8)
}

type cell struct {
	x, room float64
	a       anchor
	draw    func() string
}

// A piece is a text that waits for its place.
type piece struct {
	k    ink
	r    run
	px   float64
	w    float64
	asc  float64
	desc float64
}

// piece sets a new text of a class that is not wider than room; mk says "" where
// it has none of this class.
func (s *scene) piece(c size, room float64, used map[string]bool, mk func(size) (ink, string)) (piece, bool) {
	for range 16 {
		var k ink
		text := s.brief(c, func() (text string) { k, text = mk(c); return text })
		if text == "" {
			return piece{}, false
		}
		if s.seen[text] || used[text] {
			continue
		}
		r, ok := s.set(k, text)
		if !ok {
			return piece{}, false
		}
		px, ok := s.sizeFor(r, c, room)
		if !ok {
			continue
		}
		used[text] = true
		return piece{k, r, px, mul(r.ink.w(), px), -mul(r.ink.y0, px), mul(r.ink.y1, px)}, true
	}
	return piece{}, false
}

// flow sets what a scene still wants into an area in rows with common baselines,
// large before small, spread over the area's height. At most most texts of a class.
func (s *scene) flow(on *surface, area frect, a anchor, most int, mk func(size) (ink, string)) {
	used := map[string]bool{}
	// Small print first: it costs little room, and large print would take it all.
	var groups [2][]piece
	for c := sizes - 1; c >= 0; c-- {
		for range min(s.want[c]-s.count[c], most) {
			if p, ok := s.piece(c, area.w(), used, mk); ok {
				groups[c/big] = append(groups[c/big], p)
			}
		}
	}
	tallFirst := func(p, q piece) int { return cmp.Compare(q.asc, p.asc) }
	slices.SortStableFunc(groups[0], tallFirst)
	slices.SortStableFunc(groups[1], tallFirst)
	type line struct {
		ps        []piece
		asc, desc float64
		used      float64
	}
	space := func(p piece) float64 { return mul(0.45, p.asc+p.desc) + 9 }
	var rows []line
	total := 0.0
	for _, all := range groups {
		for len(all) > 0 {
			l := line{ps: []piece{all[0]}, asc: all[0].asc, desc: all[0].desc, used: all[0].w}
			var rest []piece
			for _, p := range all[1:] {
				if need := l.used + space(l.ps[0]) + p.w; need <= area.w() {
					l.ps, l.used = append(l.ps, p), need
					l.desc = max(l.desc, p.desc)
					continue
				}
				rest = append(rest, p)
			}
			// Rows are parted by the margins of both; the taller one's is the larger.
			between := mul(0.42, l.asc+l.desc) + 6
			pitch := l.asc + l.desc + between
			if total+pitch > area.h()+between {
				all = all[1:] // too tall for what is left: perhaps the next is not
				continue
			}
			rows, total, all = append(rows, l), total+pitch, rest
		}
	}
	if len(rows) == 0 {
		return
	}
	slices.SortStableFunc(rows, func(p, q line) int { return cmp.Compare(q.asc, p.asc) })
	extra := max(area.h()-total, 0) / float64(len(rows))
	y := area.y0
	for _, l := range rows {
		shuffle(s.rng, l.ps)
		x, gap := area.x0, 0.0
		if n := len(l.ps); n > 1 {
			gap = (area.w() - l.used) / float64(n-1)
			if a != left {
				gap = min(gap, 40)
			}
		}
		slack := area.w() - l.used - mul(gap, float64(len(l.ps)-1))
		switch a {
		case centre:
			x += mul(slack, 0.5)
		case right:
			x += slack
		}
		big := slices.MaxFunc(l.ps, func(p, q piece) int { return cmp.Compare(p.asc, q.asc) })
		for _, p := range l.ps {
			s.putRun(on, p.k, p.r, x, y+l.asc, p.px, left)
			x += p.w + space(big) + gap
		}
		y += mul(1.42, l.asc+l.desc) + 6 + min(extra, mul(0.8, l.asc+l.desc))
	}
}
