package textgen

// buildDepartures is a board of trains or flights in letters of one width.
func buildDepartures(s *scene, v variant) {
	t := texts()
	themes := [][3]rgb{
		{web(0x0B0E13), web(0xFFC63D), web(0x1A2029)},
		{web(0x0C2340), web(0xFFFFFF), web(0x16365F)},
		{web(0x111111), web(0xE8E8E8), web(0x1F1F1F)},
		{web(0xF3F4F6), web(0x16213A), web(0xE2E6EC)},
		{web(0x26303A), web(0x8D99A4), web(0x2D3843)},
	}
	th := themes[v.round%len(themes)]
	var on *surface
	if v.round%2 == 1 {
		s.photo(viewStreet)
		on = place(960, 900, Side/2, Side/2, 0, s.in(-.1, .1), 0)
		s.lay(on, look{c0: th[0], c1: th[0].shade(6), radius: 8, shadow: 60})
	} else {
		s.plain(th[0])
		on = page(groundPlain, th[0])
	}
	k := ink{face: s.face(classMono, s.chance(60)), color: th[1], style: styleTable}
	head := ink{face: s.face(pick(s.rng, []string{classSans, classMono, classDisplay}), true), color: th[1], style: styleSign}
	x0, x1 := 50.0, on.w-50
	c := &column{s: s, on: on, x0: x0, x1: x1, y: 44}
	y := c.y
	c.heading(head, huge, left, .5, func() string {
		return pick(s.rng, []string{"Departures", "Arrivals", "DEPARTURES", "ARRIVALS", "Trains", "Ferries", "BUSES"})
	})
	num := head
	num.style = styleNumber
	cc := &column{s: s, on: on, x0: x1 - 260, x1: x1, y: y}
	cc.heading(num, huge, right, 0, s.clock)
	c.y = max(c.y, cc.y) + 8
	px := s.meanEm(k, .0155, sample)
	c.row(k, small, px, 2.2, cell{x: x0 + 12, room: 160, draw: func() string { return "Time" }}, cell{x: x0 + 190, room: 300, draw: func() string { return pick(s.rng, []string{"Destination", "From", "Towards"}) }},
		cell{x: x1 - 12, room: 200, a: right, draw: func() string { return pick(s.rng, []string{"Platform", "Gate", "Status", "Track"}) }})
	px = s.meanEm(k, s.in(.0225, .027), sample)
	for i := range 3 {
		if i%2 == 0 {
			s.bar(on, x0, c.y-mul(px, .35), x1, c.y+mul(px, 1.32), th[2], 100)
		}
		c.row(k, mid, px, 1.9, cell{x: x0 + 12, room: 150, draw: s.clock},
			cell{x: x0 + 190, room: 380, draw: func() string { return pick(s.rng, t.places) }},
			cell{x: x1 - 12, room: 230, a: right, draw: func() string {
				return pick(s.rng, []string{"On time", "Delayed", "Boarding", "Cancelled", "Gate " + s.digits(2), "Platform " + s.digits(1), "Closed", "Last call", s.code()})
			}})
	}
	s.flow(on, frect{x0, c.y + 18, x1, on.h - 34}, left, 9, func(cl size) (ink, string) {
		kk := k
		switch {
		case cl >= big:
			kk = head
			if s.chance(50) {
				kk.style = styleNumber
				return kk, s.clock()
			}
			return kk, pick(s.rng, t.places)
		case cl == tiny:
			kk.style = styleLine
			return kk, pick(s.rng, t.lines[len(t.lines)-25:])
		case s.chance(40):
			kk.style = styleNumber
			return kk, s.code()
		}
		return kk, pick(s.rng, t.signage)
	})
	if v.round%2 == 1 {
		s.finish(14, 6)
	}
}
