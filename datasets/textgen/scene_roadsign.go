package textgen

// buildRoadSign puts boards before a landscape, seen at an angle.
func buildRoadSign(s *scene, v variant) {
	t := texts()
	s.photo([]view{viewSky, viewFoliage, viewFog, viewDusk}[v.round%4])
	boards := [][2]rgb{
		{web(0x006B3F), web(0xFFFFFF)}, {web(0x1D4E9E), web(0xFFFFFF)}, {web(0xF7F7F2), web(0x1A1A1A)}, {web(0xFFC91F), web(0x16161A)}, {web(0x7A4A21), web(0xFFF7E8)},
	}
	dirs := []func() string{
		func() string { return pick(s.rng, t.places) }, func() string { return pick(s.rng, t.signage) },
	}
	// One large board on posts with several destinations.
	b := boards[v.round%len(boards)]
	deg, lean := 0.0, 0.0
	if v.round%3 != 0 {
		lean = s.in(.06, .2)
		if s.chance(50) {
			lean = -lean
		}
	}
	if v.round%3 == 2 {
		deg = s.in(-4, 4)
	}
	on := place(620, 430, s.in(360, 664), 270, deg, lean, 0)
	post := web(0x7C8286)
	for _, x := range []float64{110, 500} {
		p := on.m.apply(pt{x, 430})
		s.draw(func(cv *canvas) {
			cv.polygon(gradient(post, post.shade(-40), pt{p.x, 0}, pt{p.x + 22, 0}), []pt{{p.x, p.y - 30}, {p.x + 22, p.y - 30}, {p.x + 22, Side}, {p.x, Side}})
		})
	}
	s.lay(on, look{c0: b[0], c1: b[0].shade(-10), radius: 26, shadow: 40})
	s.frame(on, 10, 10, 610, 420, 18, 5, b[1])
	k := ink{face: s.face(classSans, true), color: b[1], style: styleSign}
	c := &column{s: s, on: on, x0: 38, x1: 582, y: 38, foot: 26}
	for i := range 3 {
		y := c.y
		if c.heading(k, huge, left, .6, dirs[i%2]) && i != 1 {
			num := k
			num.style = styleNumber
			cc := &column{s: s, on: on, x0: 470, x1: 582, y: y}
			cc.heading(num, big, right, 0, func() string { return []string{"24", "37", "48", "63", "72", "86", "94"}[s.n(7)] })
		}
	}
	c.heading(k, mid, left, 0, s.roadNote)
	s.blocked = append(s.blocked, on.box())
	s.fillLabels(func(cl size) (func() string, tagLook) {
		draw, style := dirs[s.n(2)], styleSign
		if s.chance(25) {
			draw, style = s.number, styleNumber
		}
		if style == styleSign && s.chance(30) {
			draw = s.street
		}
		l := tagLook{
			look: look{radius: 10, shadow: 40}, colors: boards, style: style, face: func() *Face { return s.face(pick(s.rng, []string{classSans, classSans, classDisplay}), true) },
			padX: .5, padY: .5, lean: .22, decor: func(on *surface, c rgb) { s.frame(on, 4, 4, on.w-4, on.h-4, 7, 2, c) },
		}
		if s.chance(40) {
			l.tilt, l.lean = 13, 0
			if cl >= big {
				l.tilt = 6
			}
		}
		return draw, l
	})
	s.finish(12, 6)
}

func (s *scene) roadNote() string {
	return pick(s.rng, []string{"Exit " + s.digits(2) + " ahead", "Keep right", "Toll ahead", "Use both lanes", "Next exit", "Bridge closed", "Rest area " + s.digits(1) + " km", "Slow traffic", "Through traffic only"})
}
