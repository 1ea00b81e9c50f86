package textgen

// buildReceipt lays a till receipt on a table, with stickers around it.
func buildReceipt(s *scene, v variant) {
	s.material(materialOrder[v.round%len(materialOrder)])
	deg := 0.0
	if v.round%2 == 1 {
		deg = s.in(1.2, 2.6)
		if s.chance(50) {
			deg = -deg
		}
	}
	w, h := s.in(520, 580), s.in(900, 960)
	cx := s.in(300, 340)
	if s.chance(50) {
		cx = Side - cx
	}
	on := place(w, h, cx, Side/2, deg, 0, 0)
	paper := look{c0: web(0xFBFAF6), c1: web(0xF0EEE8), tex: paperTex(), amp: 7, shadow: 45}
	if v.round%3 == 2 {
		paper.c0, paper.c1 = web(0xFFF4CF), web(0xF7E8B8)
	}
	s.lay(on, paper)
	low := v.round%3 == 1
	body := ink{face: s.face(pick(s.rng, []string{classMono, classSans}), false), color: s.inkOn(on.tone, low), style: styleReceipt}
	head := ink{face: s.face(pick(s.rng, []string{classSans, classDisplay, classSerif}), true), color: body.color, style: styleReceipt}
	t := texts()
	c := &column{s: s, on: on, x0: 44, x1: w - 44, y: 40}
	c.heading(head, huge, centre, 0.5, func() string { return loud(pick(s.rng, t.shops)) })
	c.heading(body, small, centre, 0.9, s.street)
	c.heading(body, tiny, centre, 1.4, s.phone)
	px := s.meanEm(body, .0168, sample)
	num := body
	num.style = styleNumber
	c.row(num, small, px, 1.5, cell{x: c.x0, room: 200, draw: s.date}, cell{x: c.x1, room: 200, a: right, draw: s.clock})
	s.dashes(on, c.x0, c.x1, c.y+mul(px, .2), 14, 2, body.color)
	c.y += mul(px, 0.9)
	px = s.meanEm(body, .0238, sample)
	for range s.between(3, 4) {
		c.row(body, mid, px, 1.62,
			cell{x: c.x0, room: w * .55, draw: s.product},
			cell{x: c.x1, room: w * .3, a: right, draw: s.amount})
	}
	s.dashes(on, c.x0, c.x1, c.y, 14, 2, body.color)
	c.y += mul(px, 0.6)
	class := []size{huge, big}[v.round%2]
	px = s.meanEm(head, []float64{.0435, .0345}[v.round%2], "TOTAL 24.80")
	c.row(head, class, px, 1.6,
		cell{x: c.x0, room: mul(c.x1-c.x0, .5) - 4, draw: func() string { return pick(s.rng, []string{"TOTAL", "Total", "AMOUNT", "To pay", "BALANCE", "Sum"}) }},
		cell{x: c.x1, room: mul(c.x1-c.x0, .5) - 24, a: right, draw: s.amount})
	c.heading(body, small, left, 1.1, func() string {
		return pick(s.rng, []string{"Cash paid", "Card payment", "Change due", "Table 14", "Member discount", "Tax included"})
	})
	c.heading(body, small, centre, 1.0, func() string { return pick(s.rng, t.lines[len(t.lines)-25:]) })
	if c.y < h-90 {
		s.barcode(on, w*.2, c.y+8, w*.8, h-56, body.color)
		c.y = h - 40
		num.color = body.color
		c.heading(num, tiny, centre, 0, s.code)
	}
	s.blocked = append(s.blocked, on.box())
	s.fillLabels(s.stickers(v))
	s.finish(s.between(10, 22), 5)
}
