package textgen

// buildPoster announces an evening on a gradient or a photograph.
func buildPoster(s *scene, v variant) {
	t := texts()
	var on *surface
	grounds := [][2]rgb{
		{web(0x0F2027), web(0x2C5364)},
		{web(0xFFF1D0), web(0xFFC8A2)},
		{web(0x3A1C71), web(0x8A2F62)},
		{web(0xE8F6F0), web(0xB5DDD1)},
		{web(0x7A1C1C), web(0x3A0D12)},
		{web(0xF9D976), web(0xF2B04C)},
	}
	switch {
	case v.round%2 == 0:
		g := grounds[(v.round/2)%len(grounds)]
		on = s.fade(g[0], g[1], tilt(s.in(-40, 40)))
		deco := g[0].mix(rgb{255, 255, 255}, 90)
		for range 6 {
			x, y, r := s.in(0, Side), s.in(0, Side), s.in(60, 240)
			s.draw(func(c *canvas) { c.polygon(solid(deco).alpha(7), on.circle(x, y, r)) })
		}
	default:
		vw := []view{viewNight, viewDusk, viewFog, viewFoliage, viewSky, viewStreet}[(v.round/2)%6]
		on = s.photo(vw)
	}
	low := on.ground == groundGradient && v.round%4 == 2
	title := ink{face: s.face(pick(s.rng, []string{classDisplay, classSerif, classSans}), true), color: s.inkOn(on.tone, false), style: styleSign}
	plain := ink{face: s.face(pick(s.rng, []string{classSans, classSerif, classDisplay}), on.ground == groundPhoto), color: s.inkOn(on.tone, low), style: styleLine}
	if on.tone.luma() < 128 && !low {
		plain.color = pick(s.rng, lightInks)
	}
	a := pick(s.rng, []anchor{left, centre, right})
	c := &column{s: s, on: on, x0: 70, x1: Side - 70, y: s.in(60, 110)}
	for range 2 {
		c.heading(title, huge, a, .4, func() string { return loud(pick(s.rng, t.words)) })
	}
	c.heading(title, huge, a, .7, func() string { return pick(s.rng, t.headings) })
	top := c.y
	num := plain
	num.style = styleNumber
	c.heading(num, big, a, .5, s.date)
	c.heading(plain, big, a, .5, func() string { return pick(s.rng, weekdays) })
	num.style = styleNumber
	c.heading(num, mid, a, .7, s.clock)
	c.heading(plain, big, a, .6, s.name)
	c.heading(plain, mid, a, .6, s.name)
	c.heading(plain, small, a, .7, s.street)
	c.heading(plain, small, a, .7, func() string { return pick(s.rng, t.lines[len(t.lines)-25:]) })
	bottom := &column{s: s, on: on, x0: 70, x1: Side - 70, y: Side - 52}
	bottom.heading(plain, tiny, a, 1, func() string { return pick(s.rng, t.lines[len(t.lines)-25:]) })
	rest := func(cl size) (ink, string) {
		k := plain
		k.style = styleWord
		switch {
		case cl >= big:
			k.face = title.face
			if s.chance(40) {
				k.style = styleNumber
				return k, s.number()
			}
			return k, s.word()
		case cl >= small:
			k.style = styleLine
			return k, s.name()
		}
		k.style = styleLine
		return k, pick(s.rng, t.lines)
	}
	// Beside the lines what else is on, below them what is left.
	if a != centre {
		side := frect{560, top + 10, Side - 70, c.y - 10}
		if a == right {
			side.x0, side.x1 = 70, 464
		}
		s.flow(on, side, left, 4, rest)
	}
	s.flow(on, frect{70, c.y + 16, Side - 70, Side - 78}, a, 9, rest)
	if on.ground == groundPhoto {
		s.finish(12, 6)
	}
}
