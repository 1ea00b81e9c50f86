package textgen

// buildDashboard is a screen of numbers and charts.
func buildDashboard(s *scene, v variant) {
	t := texts()
	themes := [][4]rgb{ // page, tile, ink, accent
		{web(0xF3F5F8), web(0xFFFFFF), web(0x1B2838), web(0x3D6DEB)},
		{web(0x12161C), web(0x1D232C), web(0xECF1F6), web(0x36C5A2)},
		{web(0xFBF3EA), web(0xFFFDFA), web(0x40241A), web(0xD9603B)},
		{web(0x1A1430), web(0x2A2148), web(0xF0E9FF), web(0xFF8FB1)},
		{web(0xDDE3E8), web(0xE8EDF1), web(0x84909B), web(0x6C7C8C)},
	}
	th := themes[v.round%len(themes)]
	if v.round%2 == 0 {
		s.plain(th[0])
	} else {
		s.fade(th[0], th[0].mix(th[3], 40), tilt(s.in(-40, 40)))
	}
	bg := page(groundPlain, th[0])
	head := ink{face: s.face(pick(s.rng, []string{classSans, classDisplay}), true), color: th[2], style: styleWord}
	body := ink{face: s.face(pick(s.rng, []string{classSans, classSans, classMono}), false), color: th[2], style: styleWord}
	accent := th[3]
	c := &column{s: s, on: bg, x0: 44, x1: 720, y: 40}
	hl := head
	hl.style = styleLine
	c.heading(hl, huge, left, .4, func() string { return pick(s.rng, t.headings) })
	cc := &column{s: s, on: bg, x0: 740, x1: Side - 44, y: 48}
	num := body
	num.style = styleNumber
	cc.heading(num, small, right, 0, s.date)
	y := max(c.y, cc.y) + 8
	cols, rows := 3-v.round%2, 3
	const gap = 22.0
	tw := (Side - 88 - mul(gap, float64(cols-1))) / float64(cols)
	tall := (Side - y - 44 - mul(gap, float64(rows-1))) / float64(rows)
	names := []string{
		"Revenue", "Visitors", "Orders", "Energy", "Humidity", "Pressure", "Distance", "Heart rate", "Battery", "Wind speed", "Balance",
		"Messages", "Downloads", "Growth", "Latency", "Storage", "Uptime", "Rainfall", "Traffic", "Sessions",
	}
	for n := range rows * cols {
		r, q := n/cols, n%cols
		on := &surface{m: identity(), w: tw, h: tall}
		on.m.c, on.m.f = 44+mul(float64(q), tw+gap), y+mul(float64(r), tall+gap)
		s.lay(on, look{c0: th[1], c1: th[1], radius: 14, shadow: 18})
		tc := &column{s: s, on: on, x0: 22, x1: tw - 22, y: 22}
		tc.heading(body, []size{mid, small, mid, small}[n%4], left, .8, func() string { return pick(s.rng, names) })
		bn := head
		bn.style = styleNumber
		vc := []size{big, huge}[(r+q)%2]
		if s.count[vc] >= s.want[vc] {
			vc = huge + big - vc
		}
		top := tc.y
		tc.heading(bn, vc, left, .5, func() string {
			if s.chance(25) {
				return s.amount()
			}
			return s.number()
		})
		// How it changed, at the right: a text beside the value where the tile is wide.
		dc := &column{s: s, on: on, x0: tw * .5, x1: tw - 22, y: 22}
		if cols == 2 {
			dc.y = top + 6
		}
		cl := []size{small, tiny, mid}[n%3]
		if s.count[cl] < s.want[cl] {
			dc.heading(num, cl, right, .3, s.percent)
		}
		// A chart fills the rest of the tile, with its ends named below.
		low, bottom := tc.y+6, tall-24
		if bottom-low < 44 {
			continue
		}
		if s.count[tiny] < s.want[tiny] {
			ax := &column{s: s, on: on, x0: 22, x1: tw - 22, y: tall - 26}
			if ax.heading(num, tiny, left, 0, s.clock) {
				ax.y = tall - 26
				ax.heading(num, tiny, right, 0, s.clock)
			}
			bottom -= 18
		}
		switch (n + v.round) % 3 {
		case 0:
			for i := range int(tw-44) / 26 {
				hh := mul(bottom-low, s.in(.2, 1))
				x := 22 + mul(float64(i), 26)
				s.patch(on, x, bottom-hh, x+16, bottom, 4, accent, 90)
			}
		case 1:
			s.curve(on, 22, low, tw-22, bottom, accent)
		default:
			share := s.in(.25, .9)
			m := mul(low+bottom, 0.5)
			s.patch(on, 22, m-8, tw-22, m+8, 8, accent, 25)
			s.patch(on, 22, m-8, 22+mul(tw-44, share), m+8, 8, accent, 100)
		}
	}
}

// curve draws a line chart with its area.
func (s *scene) curve(on *surface, x0, y0, x1, y1 float64, c rgb) {
	const n = 12
	var top []pt
	v := s.in(.3, .7)
	for i := range n + 1 {
		v = min(max(v+s.in(-.25, .28), .05), .95)
		top = append(top, pt{x0 + mul(x1-x0, float64(i)/n), y1 - mul(y1-y0, v)})
	}
	var area, line []pt
	for _, p := range top {
		area = append(area, on.m.apply(p))
		line = append(line, on.m.apply(p))
	}
	area = append(area, on.m.apply(pt{x1, y1}), on.m.apply(pt{x0, y1}))
	for i := n; i >= 0; i-- {
		line = append(line, on.m.apply(pt{top[i].x, top[i].y + 4}))
	}
	s.draw(func(cv *canvas) {
		cv.polygon(solid(c).alpha(22), area)
		cv.polygon(solid(c), line)
	})
}
