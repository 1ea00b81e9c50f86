package textgen

// buildCards spreads tickets, business cards and labels on a table.
func buildCards(s *scene, v variant) {
	t := texts()
	s.material(materialOrder[(v.round+3)%len(materialOrder)])
	looks := [][2]rgb{
		{web(0xFDFCF8), web(0x1F2933)},
		{web(0x1D3557), web(0xF1FAEE)},
		{web(0xF6E3C5), web(0x582F0E)},
		{web(0x2F3E46), web(0xCAD2C5)},
		{web(0xF4ACB7), web(0x5B2333)},
		{web(0xC8D9E6), web(0x6D8496)},
		{web(0xFFFFFF), web(0x9B2226)},
		{web(0x8A9A86), web(0x364038)},
	}
	spots := []pt{{268, 180}, {752, 168}, {262, 512}, {760, 500}, {262, 850}, {758, 848}}
	for i, p := range spots {
		lk := looks[(v.round*3+i)%len(looks)]
		deg, lean := s.in(-5, 5), 0.0
		if s.chance(30) {
			deg = 0
		}
		if s.chance(25) {
			deg, lean = 0, s.in(-.12, .12)
		}
		w, h := s.in(390, 430), s.in(232, 262)
		on := place(w, h, p.x+s.in(-10, 10), p.y+s.in(-8, 8), deg, lean, 0)
		l := look{c0: lk[0], c1: lk[0], radius: pick(s.rng, []float64{0, 8, 18}), shadow: 48}
		if s.chance(50) {
			l.tex, l.amp = paperTex(), 6
		} else if s.chance(50) {
			l.c1 = lk[0].shade(-14)
		}
		s.lay(on, l)
		s.blocked = append(s.blocked, on.box())
		k := ink{face: s.anyFace(), color: lk[1], style: styleLine}
		body := ink{face: s.face(pick(s.rng, []string{classSans, classSerif, classMono}), false), color: lk[1], style: styleLine}
		num := body
		num.style = styleNumber
		c := &column{s: s, on: on, x0: 26, x1: w - 26, y: 26}
		switch (v.round + i) % 3 {
		case 0: // business card
			c.heading(k, pick(s.rng, []size{mid, big}), left, .6, s.name)
			c.heading(body, small, left, 1.2, func() string {
				return pick(s.rng, []string{"Architect", "Photographer", "Translator", "Head Gardener", "Engineer", "Dentist", "Manager", "Carpenter", "Teacher", "Accountant"})
			})
			s.bar(on, 26, c.y-4, w-26, c.y-2, lk[1], 50)
			c.y += 12
			c.heading(body, tiny, left, 1.2, s.street)
			c.heading(num, tiny, left, 1.2, s.phone)
		case 1: // ticket
			k.style = styleSign
			c.heading(k, huge, left, .5, func() string {
				return pick(s.rng, []string{"TICKET", "ADMIT", "PASS", "ENTRY", "Museum", "Railway", "CINEMA", "Ferry", "RAFFLE", "THEATRE"})
			})
			c.heading(num, mid, left, .8, s.date)
			c.heading(num, small, left, 1, func() string { return "Row " + s.digits(1) + ", Seat " + s.digits(2) })
			c.heading(num, tiny, left, 1, s.code)
			s.dashes(on, w-70, w-69, 14, 10, h-28, lk[1])
		default: // parcel label
			c.heading(body, small, left, .9, func() string { return "To: " + pick(s.rng, t.first) })
			c.heading(k, []size{huge, big}[i%2], left, .5, func() string { return pick(s.rng, t.places) })
			if c.y < h-70 {
				s.barcode(on, 26, c.y+4, w*.6, h-44, lk[1])
				c.y = h - 34
				c.heading(num, tiny, left, 0, s.code)
				cc := &column{s: s, on: on, x0: w * .64, x1: w - 24, y: h - 74}
				num.face = k.face
				cc.heading(num, big, right, 0, func() string { return s.digits(2) })
			}
		}
	}
	s.fillLabels(s.stickers(v))
	s.finish(s.between(8, 18), 5)
}
