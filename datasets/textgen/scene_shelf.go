package textgen

import (
	"image"
)

// buildShelf is a shelf of goods: boxes, tins, price tags on the rails.
func buildShelf(s *scene, v variant) {
	t := texts()
	walls := [][2]rgb{{web(0xDDD8CF), web(0xBDB6AA)}, {web(0x3B4046), web(0x2A2E33)}, {web(0xC9D6DF), web(0xA5B5C1)}}
	wl := walls[v.round%len(walls)]
	bg := s.fade(wl[0], wl[1], 0)
	goods := [][3]rgb{ // two shades of the box and its ink
		{web(0xD64045), web(0xA92B30), web(0xFFFFFF)},
		{web(0x1D6FA5), web(0x134B70), web(0xFFFFFF)},
		{web(0xF5E9CF), web(0xE4D3AC), web(0x5B2A1A)},
		{web(0xF2C335), web(0xDDA71A), web(0x2A1D05)},
		{web(0x2E7D4F), web(0x1E5836), web(0xF5FFE9)},
		{web(0x5B3F8C), web(0x3E2A63), web(0xFCEBFF)},
		{web(0xFAFAFA), web(0xDEDEDE), web(0x14213D)},
		{web(0xE8894A), web(0xC76C2F), web(0x331603)},
		{web(0xA9BDB3), web(0x93A99E), web(0x4C6156)},
	}
	rows := []float64{40, 372, 704}
	height := 250.0
	n := v.round
	for _, y0 := range rows {
		y1 := y0 + height
		for x := s.in(24, 50); x < Side-150; {
			w := s.in(250, 400)
			if x+w > Side-24 {
				w = Side - 24 - x
			}
			if w < 150 {
				break
			}
			h := s.in(170, height)
			g := goods[n%len(goods)]
			n++
			on := &surface{m: identity(), w: w, h: h}
			on.m.c, on.m.f = x, y1-h
			if s.chance(25) {
				on = place(w, h, x+mul(w, .5), y1-mul(h, .5), 0, s.in(-.08, .08), 0)
			}
			s.lay(on, look{c0: g[0], c1: g[1], radius: pick(s.rng, []float64{4, 4, 26}), shadow: 45})
			face := s.anyFace()
			k := ink{face: face, color: g[2], style: styleWord}
			c := &column{s: s, on: on, x0: 22, x1: w - 22, y: 22}
			cl := huge
			if s.count[huge] >= s.want[huge] || n%4 == 3 {
				cl = big
			}
			if !c.heading(k, cl, centre, .45, func() string { return loud(pick(s.rng, t.words)) }) {
				c.heading(k, mid, centre, .5, s.word)
			}
			sub := ink{face: s.face(pick(s.rng, []string{classSans, classSerif}), false), color: g[2], style: styleLine}
			if s.chance(60) && s.count[mid] < s.want[mid] {
				c.heading(sub, mid, centre, .7, s.product)
			} else {
				c.heading(sub, small, centre, .8, s.product)
			}
			if c.y < h-40 && s.count[tiny] < s.want[tiny] {
				c.heading(sub, tiny, centre, 1, func() string {
					return pick(s.rng, []string{s.digits(3) + " grams", s.digits(2) + " pieces", pick(s.rng, t.lines[len(t.lines)-25:])})
				})
			}
			x += w + s.in(10, 24)
		}
		// The rail with price tags.
		s.bar(bg, 0, y1, Side, y1+58, web(0x8A8D91), 100)
		s.bar(bg, 0, y1, Side, y1+5, web(0xC9CCD0), 100)
		s.bar(bg, 0, y1+52, Side, y1+58, web(0x5D6064), 100)
		for x := s.in(40, 120); x < Side-190; x += s.in(220, 300) {
			c := pick(s.rng, [][2]rgb{{web(0xFFFFFF), web(0x1A1A1A)}, {web(0xFFE14D), web(0xB00020)}, {web(0xFFFFFF), web(0xB00020)}})
			k := ink{face: s.face(pick(s.rng, []string{classSans, classDisplay}), true), color: c[1], style: styleNumber}
			cl := pick(s.rng, []size{small, mid, big})
			for range 2 {
				if s.count[cl] >= s.want[cl] {
					cl = small + (cl+1-small)%3
				}
			}
			if s.count[cl] >= s.want[cl] {
				continue
			}
			px := s.meanEm(k, mul(edges[cl]+edges[cl+1], .5), "24.80")
			if r, ok := s.choose(k, px, cl, 180, s.amount); ok {
				w := max(mul(r.ink.w(), px)+36, 110)
				on := place(w, 50, x+mul(w, .5), y1+29, 0, 0, 0)
				before := len(s.ops)
				s.lay(on, look{c0: c[0], c1: c[0], radius: 3})
				if !s.putRun(on, k, r, w/2, 25-mul(mul(r.ink.y0+r.ink.y1, px), .5), px, centre) {
					s.ops = s.ops[:before] // no tag without a price
				}
			}
		}
		s.blocked = append(s.blocked, image.Rect(0, int(y1)-2, Side, int(y1)+60))
	}
	s.fillLabels(func(cl size) (func() string, tagLook) {
		draw, l := s.stickers(v)(cl)
		if cl >= big {
			draw, l.style = s.price, styleNumber
		}
		return draw, l
	})
	s.finish(8, 4)
}
