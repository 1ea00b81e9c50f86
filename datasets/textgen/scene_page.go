package textgen

// buildPage is a page of a book or a notice: lines of text.
func buildPage(s *scene, v variant) {
	t := texts()
	var on *surface
	papers := [][2]rgb{{web(0xFBF8F1), web(0xF1ECDF)}, {web(0xFFFFFF), web(0xFFFFFF)}, {web(0xEFE6D2), web(0xE3D6BA)}, {web(0x1E1F22), web(0x1E1F22)}, {web(0xE9EDF0), web(0xD5DCE2)}}
	p := papers[v.round%len(papers)]
	switch v.round % 3 {
	case 0:
		s.plain(p[0])
		on = page(groundPlain, p[0])
	case 1:
		s.material(materialOrder[(v.round/3)%len(materialOrder)])
		deg := s.in(1, 1.8)
		if s.chance(50) {
			deg = -deg
		}
		on = place(880, 930, Side/2, Side/2, deg, 0, 0)
		s.lay(on, look{c0: p[0], c1: p[1], tex: paperTex(), amp: 8, shadow: 50})
	default:
		s.material(materialOrder[(v.round/3+2)%len(materialOrder)])
		on = place(900, 950, Side/2, Side/2, 0, s.in(-.07, .07), s.in(-.05, .05))
		s.lay(on, look{c0: p[0], c1: p[1], tex: paperTex(), amp: 8, shadow: 50})
	}
	low := v.round%3 == 1
	head := ink{face: s.face(pick(s.rng, []string{classSerif, classDisplay}), true), color: s.inkOn(on.tone, false), style: styleLine}
	body := ink{face: s.face(pick(s.rng, []string{classSerif, classSerif, classSans}), false), color: s.inkOn(on.tone, low), style: styleLine}
	x0, x1 := 70.0, on.w-70
	c := &column{s: s, on: on, x0: x0, x1: x1, y: 48}
	c.heading(head, huge, left, .45, func() string { return pick(s.rng, t.headings) })
	c.heading(body, big, left, .7, s.name)
	s.bar(on, x0, c.y, x1, c.y+3, body.color, 60)
	c.y += 26
	line := func() string { return pick(s.rng, t.lines) }
	for range 2 {
		c.heading(body, mid, left, .7, line)
	}
	// Two columns of smaller print.
	half := mul(x1-x0-50, .5)
	px := s.meanEm(body, s.in(.0135, .0165), sample)
	y := c.y + 10
	l := &column{s: s, on: on, x0: x0, x1: x0 + half, y: y}
	r := &column{s: s, on: on, x0: x0 + half + 50, x1: x1, y: y}
	for range 3 {
		l.row(body, small, px, 1.8, cell{x: l.x0, room: half, draw: line})
	}
	px = s.meanEm(body, .0082, sample)
	for range 4 {
		r.row(body, tiny, px, 2.2, cell{x: r.x0, room: half, draw: line})
	}
	if r.y < l.y {
		hgt := l.y - r.y - 8
		if hgt > 60 {
			s.picture(on, r.x0, r.y+6, r.x1, r.y+6+hgt)
		}
	}
	s.flow(on, frect{x0, max(l.y, r.y) + 24, x1, on.h - 40}, left, 9, func(cl size) (ink, string) {
		k := body
		switch {
		case cl >= big:
			k = head
			k.style = styleWord
			return k, capital(pick(s.rng, t.words))
		case s.chance(30):
			k.style = styleNumber
			return k, s.date()
		}
		return k, line()
	})
	if on.ground == groundTextured {
		s.finish(14, 5)
	}
}

// picture draws a small framed landscape.
func (s *scene) picture(on *surface, x0, y0, x1, y1 float64) {
	sky0, sky1 := web(0x9EC3DD), web(0xF3E3C7)
	q := on.quad(x0, y0, x1, y1)
	g := gradient(sky0, sky1, q[0], q[3])
	at := func(u, v float64) pt { return pt{x0 + mul(x1-x0, u), y0 + mul(y1-y0, v)} }
	centre := at(.72, .35)
	sun := on.circle(centre.x, centre.y, mul(y1-y0, .13))
	far := []pt{at(0, 1), at(0, .62), at(.3, .36), at(.55, .66), at(.8, .5), at(1, .7), at(1, 1)}
	near := []pt{at(0, 1), at(0, .8), at(.4, .68), at(1, .86), at(1, 1)}
	for _, ps := range [][]pt{far, near} {
		for i := range ps {
			ps[i] = on.m.apply(ps[i])
		}
	}
	s.draw(func(cv *canvas) {
		cv.polygon(g, q)
		cv.polygon(solid(web(0xFFF4D6)), sun)
		cv.polygon(solid(web(0x6C8C97)), far)
		cv.polygon(solid(web(0x3F6150)), near)
	})
	s.blocked = append(s.blocked, cover(bounds(q)))
}
