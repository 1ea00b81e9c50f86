package textgen

// buildTable is a page of a report: title, a ruled table, notes.
func buildTable(s *scene, v variant) {
	t := texts()
	themes := [][4]rgb{ // page, ink, header, header ink
		{web(0xFFFFFF), web(0x1C2430), web(0x22577A), web(0xFFFFFF)},
		{web(0xFDFBF4), web(0x2B2118), web(0xE2D6BC), web(0x2B2118)},
		{web(0x20242B), web(0xE8ECF1), web(0x39424E), web(0xFFD479)},
		{web(0xF1F6F2), web(0x12372A), web(0x436850), web(0xFFFFFF)},
		{web(0xE4E7EB), web(0x7B8794), web(0x52606D), web(0xF5F7FA)},
	}
	th := themes[v.round%len(themes)]
	var on *surface
	if v.round%4 == 3 {
		s.material(materialOrder[s.n(len(materialOrder))])
		on = place(940, 960, Side/2, Side/2, 0, s.in(-.06, .06), 0)
		s.lay(on, look{c0: th[0], c1: th[0], tex: paperTex(), amp: 6, shadow: 50})
	} else {
		s.plain(th[0])
		on = page(groundPlain, th[0])
	}
	head := ink{face: s.face(pick(s.rng, []string{classSans, classSerif, classDisplay}), true), color: th[1], style: styleLine}
	body := ink{face: s.face(pick(s.rng, []string{classSans, classSerif, classMono}), false), color: th[1], style: styleTable}
	x0, x1 := 56.0, on.w-56
	c := &column{s: s, on: on, x0: x0, x1: x1, y: 52}
	c.heading(head, huge, left, .45, func() string { return pick(s.rng, t.headings) })
	sub := body
	sub.style = styleLine
	c.heading(sub, mid, left, .9, func() string { return pick(s.rng, t.places) + ", " + pick(s.rng, months) })
	// Header row.
	hk := ink{face: head.face, color: th[3], style: styleTable}
	px := s.meanEm(hk, .0238, sample)
	cols := []float64{x0 + 14, x0 + mul(x1-x0, .56), x0 + mul(x1-x0, .78), x1 - 14}
	s.bar(on, x0, c.y, x1, c.y+mul(px, 1.75), th[2], 100)
	top := c.y
	c.y += mul(px, .36)
	strip := *on
	strip.tone, strip.ground = th[2], groundPlain
	hc := &column{s: s, on: &strip, x0: x0, x1: x1, y: c.y}
	names := func() string {
		return pick(s.rng, []string{"Item", "Name", "Place", "Total", "Price", "Units", "Share", "Weight", "Volume", "Count", "Week", "Month", "Region", "Target", "Change", "Sales", "Orders", "Depth", "Height"})
	}
	hc.row(hk, mid, px, 1, cell{x: cols[0], room: 260, draw: names}, cell{x: cols[1], room: 170, a: right, draw: names},
		cell{x: cols[2], room: 170, a: right, draw: names}, cell{x: cols[3], room: 170, a: right, draw: names})
	c.y = top + mul(px, 1.75) + 14
	px = s.meanEm(body, s.in(.0135, .018), sample)
	rows := 3
	first := func() string { return pick(s.rng, t.places) }
	if v.round%2 == 0 {
		first = s.product
	}
	figures := []func() string{s.amount, s.number, s.number}
	pitch := 2.0
	for r := range rows {
		if r%2 == 1 {
			s.bar(on, x0, c.y-mul(px, .28), x1, c.y+mul(px, 1.36), th[2], 9)
		}
		c.row(body, small, px, pitch, cell{x: cols[0], room: 300, draw: first},
			cell{x: cols[1], room: 150, a: right, draw: figures[0]},
			cell{x: cols[2], room: 150, a: right, draw: figures[1]},
			cell{x: cols[3], room: 150, a: right, draw: figures[2]})
	}
	s.bar(on, x0, c.y, x1, c.y+3, th[2], 100)
	c.y += 18
	px = s.meanEm(head, .0345, "Total 24.80")
	tot := head
	tot.style = styleTable
	c.row(tot, big, px, 1.7, cell{x: cols[0], room: 300, draw: func() string { return pick(s.rng, []string{"Total", "Average", "Median", "TOTAL", "Balance"}) }},
		cell{x: cols[3], room: 420, a: right, draw: s.amount})
	// A chart beside notes.
	base, low := on.h-84, c.y+16
	if base-low > 120 {
		n := 9
		for i := range n {
			bx := x0 + 20 + mul(float64(i), 46)
			hgt := mul(base-low, s.in(.25, .95))
			s.bar(on, bx, base-hgt, bx+30, base, th[2], 40+10*(i%5))
		}
		s.bar(on, x0, base, x0+450, base+3, th[1], 70)
		s.blocked = append(s.blocked, cover(bounds(on.quad(x0, low, x0+450, base+4))))
	}
	note := body
	note.style = styleLine
	s.flow(on, frect{x0 + 490, c.y + 14, x1, on.h - 96}, left, 9, func(cl size) (ink, string) {
		switch {
		case cl == tiny || cl == small:
			return note, pick(s.rng, t.lines)
		case cl == mid:
			k := body
			k.style = styleLine
			return k, s.name()
		}
		k := head
		k.style = styleNumber
		return k, s.number()
	})
	s.flow(on, frect{x0, on.h - 66, x1, on.h - 16}, left, 6, func(cl size) (ink, string) {
		if cl > small {
			return note, ""
		}
		return note, pick(s.rng, t.lines)
	})
	if on.rotated || on.persp {
		s.finish(12, 5)
	}
}
