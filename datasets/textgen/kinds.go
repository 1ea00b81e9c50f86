package textgen

import "image"

// kinds are the sorts of scene in the order in which they take turns. The
// numbers are how many texts of each class (tiny, small, mid, big, huge) a scene
// is filled up to; their columns add up to about 80, so that two rounds give
// every bin its 150.
var kinds = []kind{
	{"receipt", [sizes]int{7, 7, 12, 5, 4}, buildReceipt},
	{"shopfront", [sizes]int{5, 7, 6, 8, 9}, buildShopfront},
	{"table", [sizes]int{6, 14, 8, 5, 3}, buildTable},
	{"poster", [sizes]int{6, 5, 6, 7, 8}, buildPoster},
	{"page", [sizes]int{12, 8, 6, 4, 4}, buildPage},
	{"words", [sizes]int{6, 6, 7, 9, 9}, buildWords},
	{"menu", [sizes]int{5, 7, 10, 7, 4}, buildMenu},
	{"roadsign", [sizes]int{5, 4, 6, 9, 11}, buildRoadSign},
	{"departures", [sizes]int{6, 8, 10, 6, 5}, buildDepartures},
	{"shelf", [sizes]int{8, 7, 6, 8, 8}, buildShelf},
	{"cards", [sizes]int{9, 8, 6, 6, 6}, buildCards},
	{"dashboard", [sizes]int{7, 6, 6, 7, 8}, buildDashboard},
}

// sample is typical text, for choosing one letter size for many strings.
const sample = "Handgloves 24"

var materialOrder = []material{wood, marble, linen, darkWood, concrete, felt, slate}

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
	low := v.round%4 == 1
	body := ink{face: s.face(pick(s.rng, []string{classMono, classSans}), false), color: s.inkOn(on.tone, low), style: styleReceipt}
	head := ink{face: s.face(pick(s.rng, []string{classSans, classDisplay, classSerif}), true), color: body.color, style: styleReceipt}
	t := texts()
	c := &column{s: s, on: on, x0: 44, x1: w - 44, y: 40}
	c.heading(head, huge, centre, 0.5, func() string { return loud(pick(s.rng, t.shops)) })
	c.heading(body, small, centre, 0.9, func() string { return s.street() })
	c.heading(body, tiny, centre, 1.4, func() string { return s.phone() })
	px := s.meanEm(body, .0168, sample)
	num := body
	num.style = styleNumber
	c.row(num, small, px, 1.5, cell{x: c.x0, room: 200, draw: s.date}, cell{x: c.x1, room: 200, a: right, draw: s.clock})
	s.dashes(on, c.x0, c.x1, c.y+px*.2, 14, 2, body.color)
	c.y += mul(px, 0.9)
	px = s.meanEm(body, .0238, sample)
	for range s.between(4, 5) {
		c.row(body, mid, px, 1.62,
			cell{x: c.x0, room: w * .55, draw: func() string { return pick(s.rng, t.products) }},
			cell{x: c.x1, room: w * .3, a: right, style: styleNumber, draw: s.amount})
	}
	s.dashes(on, c.x0, c.x1, c.y, 14, 2, body.color)
	c.y += mul(px, 0.6)
	px = s.meanEm(head, .0345, "TOTAL 24.80")
	c.row(head, big, px, 1.6,
		cell{x: c.x0, room: w * .5, draw: func() string { return pick(s.rng, []string{"TOTAL", "Total", "AMOUNT", "To pay", "BALANCE"}) }},
		cell{x: c.x1, room: w * .5, a: right, style: styleNumber, draw: s.amount})
	c.heading(body, small, left, 1.1, func() string {
		return pick(s.rng, []string{"Cash paid", "Card payment", "Change due", "Table 14", "Member discount", "Tax included"})
	})
	c.heading(body, small, centre, 1.0, func() string { return pick(s.rng, t.lines[len(t.lines)-25:]) })
	if c.y < h-90 {
		s.barcode(on, w*.2, c.y+8, w*.8, h-56, body.color)
		c.y = h - 40
		num.color = body.color
		c.heading(num, tiny, centre, 0, func() string { return s.code() })
	}
	s.blocked = append(s.blocked, on.box())
	s.fillLabels(s.stickers(v))
	s.finish(s.between(10, 22), 5)
}

func (s *scene) street() string {
	return pick(s.rng, texts().places) + " " + pick(s.rng, []string{"Street", "Road", "Avenue", "Square", "Lane"})
}

// stickers is a look for labels lying about.
func (s *scene) stickers(v variant) func(size) (func() string, tagLook) {
	sheets := [][2]rgb{
		{web(0xFFD23F), web(0x1B1B1B)}, {web(0xD7263D), web(0xFFFFFF)}, {web(0x1B4965), web(0xF4F9FF)},
		{web(0xFFFFFF), web(0x1F2A36)}, {web(0x2A9D5C), web(0xFFFFFF)}, {web(0xF26419), web(0xFFFFFF)},
		{web(0x222222), web(0xFFD9A0)}, {web(0xF3E9DC), web(0x5E3023)},
	}
	if v.round%3 == 1 {
		sheets = [][2]rgb{
			{web(0xB9C4C9), web(0x5F6C73)}, {web(0xE9DFC8), web(0x9A8A68)}, {web(0x31464F), web(0x8CA0A8)},
			{web(0xD9B7A6), web(0x8A5A48)}, {web(0x5A4A6A), web(0xB1A3BE)},
		}
	}
	return func(c size) (func() string, tagLook) {
		style, draw := styleWord, s.word
		switch s.n(3) {
		case 0:
			style, draw = styleNumber, s.price
		case 1:
			style, draw = styleSign, func() string { return pick(s.rng, texts().signage) }
		}
		most := 12.0
		if c >= big {
			most = 6
		}
		l := tagLook{
			look: look{radius: pick(s.rng, []float64{0, 6, 14}), shadow: 40}, colors: sheets, style: style,
			face: s.anyFace, padX: 0.45, padY: 0.45,
		}
		if s.chance(45) {
			l.tilt = most
		}
		return draw, l
	}
}

// fillLabels adds labels of every class until the scene has what its kind wants.
func (s *scene) fillLabels(mk func(size) (func() string, tagLook)) {
	for c := sizes - 1; c >= 0; c-- {
		for range s.want[c] {
			if s.count[c] >= s.want[c] {
				break
			}
			draw, l := mk(c)
			s.labels(c, s.count[c]+1, whole.Inset(8), draw, l)
		}
	}
}

// buildShopfront is a facade: sign, awning, window with notices, door plate.
func buildShopfront(s *scene, v variant) {
	t := texts()
	facades := [][2]rgb{
		{web(0x8E4B38), web(0xBFB3A4)}, {web(0x6E3B33), web(0xA79C90)}, {web(0xB98B62), web(0xD8CBB8)}, {web(0x56606A), web(0x8A9299)},
	}
	f := facades[v.round%len(facades)]
	if v.round%3 == 2 {
		s.material(plaster)
	} else {
		s.bricks(whole, f[0], f[1])
	}
	// The sign over the window.
	signs := [][3]rgb{
		{web(0x14342B), web(0x1F4D3F), web(0xF6E7B4)}, {web(0xF4EDE0), web(0xE4D9C4), web(0x7A1F1F)},
		{web(0x12263F), web(0x1E3A5C), web(0xFFFFFF)}, {web(0x6B0F1A), web(0x8C1C2A), web(0xFFE8C2)}, {web(0x2B2B2B), web(0x3C3C3C), web(0xFFC857)},
		{web(0x9FC5BD), web(0x8DB5AD), web(0x35544F)},
	}
	c := signs[v.round%len(signs)]
	lean := 0.0
	if v.round%2 == 1 {
		lean = s.in(.05, .12)
		if s.chance(50) {
			lean = -lean
		}
	}
	on := place(920, 216, Side/2, 150, 0, lean, 0)
	s.lay(on, look{c0: c[0], c1: c[1], radius: 6, shadow: 55})
	s.frame(on, 8, 8, 912, 208, 4, 3, c[2].mix(c[1], 90))
	head := ink{face: s.face(pick(s.rng, []string{classDisplay, classSerif, classSans}), true), color: c[2], style: styleSign, shadow: 35}
	col := &column{s: s, on: on, x0: 36, x1: 884, y: 30}
	col.heading(head, huge, centre, 0.42, func() string { return loud(pick(s.rng, t.shops)) })
	sub := ink{face: s.face(pick(s.rng, []string{classSerif, classSans}), false), color: c[2], style: styleSign}
	col.heading(sub, mid, centre, 0, func() string {
		return pick(s.rng, []string{"since " + s.year(), "family business", "open every day", "made by hand", "at the corner"})
	})
	s.blocked = append(s.blocked, on.box())
	// Awning.
	stripes := page(groundPlain, c[0])
	for i := range 12 {
		x := 70 + float64(i)*74
		cc := c[0]
		if i%2 == 1 {
			cc = web(0xF3EEE4)
		}
		s.draw(func(cv *canvas) {
			ps := []pt{{x, 272}, {x + 74, 272}, {x + 80, 336}, {x - 6, 336}}
			cv.polygon(gradient(cc, cc.shade(-30), pt{x, 272}, pt{x, 336}), ps)
			cv.polygon(solid(cc.shade(-30)), stripes.roundRect(x-6, 320, x+80, 352, 14))
		})
	}
	s.blocked = append(s.blocked, image.Rect(60, 262, 964, 360))
	// Window and door.
	glass := place(600, 500, 370, 640, 0, 0, 0)
	s.draw(func(cv *canvas) { cv.shadow(glass.quad(-8, -8, 608, 508), 0, 0, 14, 60) })
	s.bar(glass, -14, -14, 614, 514, c[0].shade(-10), 100)
	s.lay(glass, look{c0: web(0x26343D), c1: web(0x51656F)})
	s.draw(func(cv *canvas) {
		cv.polygon(solid(rgb{255, 255, 255}).alpha(7), []pt{{120, 390}, {270, 390}, {70, 800}, {70, 500}})
	})
	lettering := ink{face: s.face(pick(s.rng, []string{classSerif, classDisplay}), false), color: pick(s.rng, lightInks), style: styleSign}
	s.scatter(glass, frect{40, 30, 560, 140}, big, s.count[big]+1, func() (ink, string) { return lettering, capital(pick(s.rng, t.words)) })
	s.scatter(glass, frect{40, 160, 560, 470}, small, s.count[small]+2, func() (ink, string) { return lettering, pick(s.rng, t.products) })
	door := place(230, 600, 850, 720, 0, 0, 0)
	s.lay(door, look{c0: c[0].shade(14), c1: c[0].shade(-8), radius: 4, shadow: 50})
	s.frame(door, 22, 26, 208, 300, 4, 4, c[0].shade(-26))
	s.draw(func(cv *canvas) { cv.polygon(solid(web(0xD9B45B)), door.circle(30, 345, 11)) })
	// Opening hours on the door: days and times.
	plate := place(172, 190, 850, 560, 0, 0, 0)
	s.lay(plate, look{c0: web(0xF7F5EF), c1: web(0xF7F5EF), radius: 6})
	body := ink{face: s.face(classSans, false), color: web(0x222222), style: styleTable}
	hours := &column{s: s, on: plate, x0: 12, x1: 160, y: 14}
	hours.heading(body, small, centre, 0.7, func() string { return pick(s.rng, []string{"OPEN", "HOURS", "Welcome"}) })
	px := s.meanEm(body, .0084, sample)
	for range 3 {
		hours.row(body, tiny, px, 2.1, cell{x: 12, room: 80, draw: func() string { return pick(s.rng, weekdays) }},
			cell{x: 160, room: 60, a: right, style: styleNumber, draw: s.clock})
	}
	s.blocked = append(s.blocked, plate.box())
	s.fillLabels(s.notices())
	s.finish(s.between(8, 20), 6)
}

func (s *scene) year() string {
	return []string{"1924", "1936", "1948", "1962", "1973", "1987", "1996"}[s.n(7)]
}

// notices is a look for posters and plates on walls and windows.
func (s *scene) notices() func(size) (func() string, tagLook) {
	colors := [][2]rgb{
		{web(0xF8F4E6), web(0xB3202A)}, {web(0xFFE14D), web(0x1A1A1A)}, {web(0xC1121F), web(0xFFFFFF)}, {web(0x003F88), web(0xFFFFFF)},
		{web(0xFFFFFF), web(0x14213D)}, {web(0x1D1D1D), web(0xF5F5F5)}, {web(0xE8E0D0), web(0x8F8268)},
	}
	return func(c size) (func() string, tagLook) {
		draw, style := func() string { return pick(s.rng, texts().signage) }, styleSign
		switch s.n(4) {
		case 0:
			draw, style = s.price, styleNumber
		case 1:
			draw = s.word
		}
		return draw, tagLook{look: look{radius: 5, shadow: 45}, colors: colors, style: style, face: s.anyFace, padX: .5, padY: .5, lean: .12, tilt: 4}
	}
}

// buildTable is a page of a report: title, a ruled table, notes.
func buildTable(s *scene, v variant) {
	t := texts()
	themes := [][4]rgb{ // page, ink, header, header ink
		{web(0xFFFFFF), web(0x1C2430), web(0x22577A), web(0xFFFFFF)}, {web(0xFDFBF4), web(0x2B2118), web(0xE2D6BC), web(0x2B2118)},
		{web(0x20242B), web(0xE8ECF1), web(0x39424E), web(0xFFD479)}, {web(0xF1F6F2), web(0x12372A), web(0x436850), web(0xFFFFFF)},
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
	cols := []float64{x0 + 14, x0 + (x1-x0)*.56, x0 + (x1-x0)*.78, x1 - 14}
	s.bar(on, x0, c.y, x1, c.y+px*1.75, th[2], 100)
	top := c.y
	c.y += px * .36
	strip := *on
	strip.tone, strip.ground = th[2], groundPlain
	hc := &column{s: s, on: &strip, x0: x0, x1: x1, y: c.y}
	names := func() string {
		return pick(s.rng, []string{"Item", "Name", "Place", "Total", "Price", "Units", "Share", "Weight", "Volume", "Count", "Week", "Month", "Region", "Target", "Change", "Sales", "Orders", "Depth", "Height"})
	}
	hc.row(hk, mid, px, 1, cell{x: cols[0], room: 260, draw: names}, cell{x: cols[1], room: 170, a: right, draw: names},
		cell{x: cols[2], room: 170, a: right, draw: names}, cell{x: cols[3], room: 170, a: right, draw: names})
	c.y = top + px*1.75 + 14
	// Body rows: alternately one size, so that the page has a rhythm of its own.
	px = s.meanEm(body, s.in(.0135, .018), sample)
	rows := 4
	first := func() string { return pick(s.rng, t.places) }
	if v.round%2 == 0 {
		first = func() string { return pick(s.rng, t.products) }
	}
	figures := []func() string{s.amount, s.number, func() string { return s.number() }}
	pitch := 2.0
	for r := range rows {
		if r%2 == 1 {
			s.bar(on, x0, c.y-px*.28, x1, c.y+px*1.36, th[2], 9)
		}
		c.row(body, small, px, pitch, cell{x: cols[0], room: 300, draw: first},
			cell{x: cols[1], room: 150, a: right, style: styleNumber, draw: figures[0]},
			cell{x: cols[2], room: 150, a: right, style: styleNumber, draw: figures[1]},
			cell{x: cols[3], room: 150, a: right, style: styleNumber, draw: figures[2]})
	}
	s.bar(on, x0, c.y, x1, c.y+3, th[2], 100)
	c.y += 18
	px = s.meanEm(head, .0345, "Total 24.80")
	tot := head
	tot.style = styleTable
	c.row(tot, big, px, 1.7, cell{x: cols[0], room: 300, draw: func() string { return pick(s.rng, []string{"Total", "Average", "Median", "TOTAL", "Balance"}) }},
		cell{x: cols[3], room: 420, a: right, style: styleNumber, draw: s.amount})
	// A chart beside notes.
	base, low := on.h-84, c.y+16
	if base-low > 120 {
		n := 9
		for i := range n {
			bx := x0 + 20 + float64(i)*46
			hgt := mul(base-low, s.in(.25, .95))
			s.bar(on, bx, base-hgt, bx+30, base, th[2], 40+10*(i%5))
		}
		s.bar(on, x0, base, x0+450, base+3, th[1], 70)
		s.blocked = append(s.blocked, cover(bounds(on.quad(x0, low, x0+450, base+4))))
	}
	note := body
	note.style = styleLine
	s.scatterFree(on, frect{x0 + 480, c.y + 10, x1, on.h - 40}, func(cl size) (ink, string) {
		switch {
		case cl <= small:
			return note, pick(s.rng, t.lines)
		case cl == huge:
			k := head
			k.style = styleNumber
			return k, s.number()
		}
		k := body
		k.style = styleWord
		return k, s.word()
	})
	s.scatterFree(on, frect{x0, on.h - 76, x1, on.h - 12}, func(size) (ink, string) { return note, pick(s.rng, t.lines) })
	if on.rotated || on.persp {
		s.finish(12, 5)
	}
}

// scatterFree fills an area of a surface with what the kind still wants, large
// before small.
func (s *scene) scatterFree(on *surface, area frect, mk func(size) (ink, string)) {
	for c := sizes - 1; c >= 0; c-- {
		s.scatter(on, area, c, s.want[c], func() (ink, string) { return mk(c) })
	}
}

// buildPoster announces an evening on a gradient or a photograph.
func buildPoster(s *scene, v variant) {
	t := texts()
	var on *surface
	grounds := [][2]rgb{
		{web(0x0F2027), web(0x2C5364)}, {web(0xFFF1D0), web(0xFFC8A2)}, {web(0x3A1C71), web(0x8A2F62)}, {web(0xE8F6F0), web(0xB5DDD1)},
		{web(0x7A1C1C), web(0x3A0D12)}, {web(0xF9D976), web(0xF2B04C)},
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
	num := plain
	num.style = styleNumber
	c.heading(num, big, a, .5, s.date)
	c.heading(plain, big, a, .5, func() string { return pick(s.rng, weekdays) })
	num.style = styleNumber
	c.heading(num, mid, a, .7, s.clock)
	for range 2 {
		c.heading(plain, mid, a, .6, s.name)
	}
	c.heading(plain, small, a, .7, func() string { return s.street() })
	c.heading(plain, small, a, .7, func() string { return pick(s.rng, t.lines[len(t.lines)-25:]) })
	bottom := &column{s: s, on: on, x0: 70, x1: Side - 70, y: Side - 52}
	bottom.heading(plain, tiny, a, 1, func() string { return pick(s.rng, t.lines[len(t.lines)-25:]) })
	s.scatterFree(on, frect{60, 60, Side - 60, Side - 70}, func(cl size) (ink, string) {
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
		case s.chance(50):
			k.style = styleLine
			return k, s.name()
		}
		return k, s.word()
	})
	if on.ground == groundPhoto {
		s.finish(12, 6)
	}
}

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
		deg := s.in(-2.4, 2.4)
		on = place(880, 930, Side/2, Side/2, deg, 0, 0)
		s.lay(on, look{c0: p[0], c1: p[1], tex: paperTex(), amp: 8, shadow: 50})
	default:
		s.material(materialOrder[(v.round/3+2)%len(materialOrder)])
		on = place(900, 950, Side/2, Side/2, 0, s.in(-.07, .07), s.in(-.05, .05))
		s.lay(on, look{c0: p[0], c1: p[1], tex: paperTex(), amp: 8, shadow: 50})
	}
	low := v.round%5 == 1
	head := ink{face: s.face(pick(s.rng, []string{classSerif, classDisplay}), true), color: s.inkOn(on.tone, false), style: styleLine}
	body := ink{face: s.face(pick(s.rng, []string{classSerif, classSerif, classSans}), false), color: s.inkOn(on.tone, low), style: styleLine}
	x0, x1 := 70.0, on.w-70
	c := &column{s: s, on: on, x0: x0, x1: x1, y: 60}
	c.heading(head, huge, left, .5, func() string { return pick(s.rng, t.headings) })
	c.heading(body, big, left, .9, s.name)
	s.bar(on, x0, c.y, x1, c.y+3, body.color, 60)
	c.y += 26
	line := func() string { return pick(s.rng, t.lines) }
	for range 2 {
		c.heading(body, mid, left, .9, line)
	}
	// Two columns of smaller print.
	half := (x1 - x0 - 50) / 2
	px := s.meanEm(body, s.in(.0135, .0165), sample)
	y := c.y + 10
	l := &column{s: s, on: on, x0: x0, x1: x0 + half, y: y}
	r := &column{s: s, on: on, x0: x0 + half + 50, x1: x1, y: y}
	for range 4 {
		l.row(body, small, px, 2.1, cell{x: l.x0, room: half, draw: line})
	}
	px = s.meanEm(body, .0082, sample)
	for range 5 {
		r.row(body, tiny, px, 2.5, cell{x: r.x0, room: half, draw: line})
	}
	if r.y < l.y {
		hgt := l.y - r.y - 8
		if hgt > 60 {
			s.picture(on, r.x0, r.y+6, r.x1, r.y+6+hgt)
		}
	}
	s.scatterFree(on, frect{x0, max(l.y, r.y) + 20, x1, on.h - 40}, func(cl size) (ink, string) {
		k := body
		switch {
		case cl >= big:
			k = head
			k.style = styleWord
			if s.chance(40) {
				k.style = styleNumber
				return k, s.number()
			}
			return k, s.word()
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
	sun := on.circle(x0+(x1-x0)*.72, y0+(y1-y0)*.35, (y1-y0)*.13)
	m := (y1 - y0)
	far := []pt{{x0, y1}, {x0, y0 + m*.62}, {x0 + (x1-x0)*.3, y0 + m*.36}, {x0 + (x1-x0)*.55, y0 + m*.66}, {x0 + (x1-x0)*.8, y0 + m*.5}, {x1, y0 + m*.7}, {x1, y1}}
	near := []pt{{x0, y1}, {x0, y0 + m*.8}, {x0 + (x1-x0)*.4, y0 + m*.68}, {x1, y0 + m*.86}, {x1, y1}}
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

// buildWords scatters single words over photographs and textures, turned and in
// perspective.
func buildWords(s *scene, v variant) {
	var on *surface
	switch v.round % 5 {
	case 0:
		on = s.photo([]view{viewNight, viewFoliage, viewFog, viewStreet}[(v.round/5)%4])
	case 1:
		on = s.material([]material{plaster, concrete, slate, felt}[(v.round/5)%4])
	case 2:
		g := [][2]rgb{{web(0xFDEFF9), web(0xE3C7D9)}, {web(0x134E5E), web(0x2F7A60)}, {web(0xE0EAFC), web(0xB9C9EA)}, {web(0x232526), web(0x414345)}}[(v.round/5)%4]
		on = s.fade(g[0], g[1], tilt(s.in(-40, 40)))
	case 3:
		on = s.photo([]view{viewSky, viewDusk, viewStreet, viewFog}[(v.round/5)%4])
	default:
		on = s.plain(pick(s.rng, []rgb{web(0xF4F1EA), web(0x101418), web(0xF2C14E), web(0x274C77), web(0xB7C9B0)}))
	}
	kinds := func() (*Face, string, string) {
		if s.chance(30) {
			return s.anyFace(), s.figure(), styleNumber
		}
		return s.anyFace(), s.word(), styleWord
	}
	photo := on.ground == groundPhoto
	for c := sizes - 1; c >= 0; c-- {
		for tries := 0; s.count[c] < s.want[c] && tries < 300; tries++ {
			f, text, style := kinds()
			low := !photo && s.chance(30)
			if photo && !f.Bold && f.Class != classDisplay && c < mid {
				f = s.face(classSans, true)
			}
			k := ink{face: f, color: s.inkOn(on.tone, low), style: style}
			s.free1(on, k, text, c)
		}
	}
	if photo || on.ground == groundTextured {
		s.finish(12, 6)
	}
}

// free1 writes a word at a free place of the image, upright, turned by up to 15°,
// or in perspective.
func (s *scene) free1(on *surface, k ink, text string, c size) bool {
	if s.seen[text] {
		return false
	}
	r, ok := s.set(k, text)
	if !ok {
		return false
	}
	deg, lean := 0.0, 0.0
	switch s.n(5) {
	case 0:
		most := 15.0
		if len(text) > 5 {
			most = 75 / float64(len(text))
		}
		deg = s.in(-most, most)
	case 1:
		lean = s.in(-.25, .25)
	}
	px := emFor(r, s.aim(c))
	w, h := mul(r.ink.w(), px), mul(r.ink.h(), px)
	sheet := place(w+4, h+4, s.in(0, Side), s.in(0, Side), deg, lean, 0)
	sheet.ground, sheet.tone = on.ground, on.tone
	if !sheet.box().In(whole) {
		return false
	}
	return s.putRun(sheet, k, r, 2, 2-mul(r.ink.y0, px), px, left)
}

// buildMenu is a board with dishes and prices.
func buildMenu(s *scene, v variant) {
	t := texts()
	var on *surface
	dark := v.round%2 == 0
	if dark {
		s.material(darkWood)
		on = place(950, 950, Side/2, Side/2, 0, 0, 0)
		board := pick(s.rng, []rgb{web(0x22272A), web(0x1F3029), web(0x2A2530)})
		s.lay(on, look{c0: board, c1: board.shade(8), tex: chalkTex(), amp: 12, shadow: 50})
		s.frame(on, 10, 10, 940, 940, 6, 4, web(0xBFA77A))
	} else {
		s.material([]material{linen, wood, marble}[v.round%3])
		on = place(840, 940, Side/2, Side/2, s.in(-2, 2), 0, 0)
		s.lay(on, look{c0: web(0xFBF5E6), c1: web(0xF3E8CF), tex: paperTex(), amp: 7, shadow: 50})
		s.frame(on, 18, 18, 822, 922, 0, 3, web(0xA08A5B))
	}
	low := v.round%5 == 3
	head := ink{face: s.face(pick(s.rng, []string{classSerif, classDisplay}), s.chance(50)), color: s.inkOn(on.tone, false), style: styleSign}
	body := ink{face: s.face(pick(s.rng, []string{classSerif, classSans}), dark), color: s.inkOn(on.tone, low), style: styleLine}
	x0, x1 := 70.0, on.w-70
	c := &column{s: s, on: on, x0: x0, x1: x1, y: 56}
	c.heading(head, huge, centre, .5, func() string {
		return pick(s.rng, []string{"Menu", "Lunch", "Dinner", "Breakfast", "Kitchen", "Today", "Specials", "Brunch"})
	})
	c.heading(body, small, centre, 1.1, func() string { return pick(s.rng, t.lines[len(t.lines)-25:]) })
	for range 2 {
		c.heading(head, big, left, .7, func() string {
			return pick(s.rng, []string{"Starters", "Main Dishes", "Desserts", "Drinks", "Bakery", "From the Grill", "Soups", "Cheese", "Pasta", "Salads"})
		})
		px := s.meanEm(body, s.in(.0215, .025), sample)
		for range s.between(2, 3) {
			c.row(body, mid, px, 1.75,
				cell{x: x0, room: (x1 - x0) * .7, draw: func() string { return pick(s.rng, t.dishes) }},
				cell{x: x1, room: 140, a: right, style: styleNumber, draw: s.price})
		}
		px = s.meanEm(body, .0155, sample)
		c.row(body, small, px, 2.2, cell{x: x0, room: (x1 - x0) * .8, draw: func() string { return pick(s.rng, t.lines) }})
		c.y += 10
	}
	s.scatterFree(on, frect{x0, c.y + 6, x1, on.h - 50}, func(cl size) (ink, string) {
		k := body
		switch {
		case cl >= big:
			k = head
			k.style = styleWord
			if s.chance(50) {
				k.style = styleNumber
				return k, s.price()
			}
			return k, capital(pick(s.rng, t.words))
		case s.chance(40):
			k.style = styleNumber
			return k, s.price()
		}
		return k, pick(s.rng, t.dishes)
	})
	s.finish(14, 5)
}

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
	on := place(660, 470, s.in(380, 644), 300, deg, lean, 0)
	post := web(0x7C8286)
	for _, x := range []float64{120, 540} {
		p := on.m.apply(pt{x, 470})
		s.draw(func(cv *canvas) {
			cv.polygon(gradient(post, post.shade(-40), pt{p.x, 0}, pt{p.x + 22, 0}), []pt{{p.x, p.y - 30}, {p.x + 22, p.y - 30}, {p.x + 22, Side}, {p.x, Side}})
		})
	}
	s.lay(on, look{c0: b[0], c1: b[0].shade(-10), radius: 26, shadow: 40})
	s.frame(on, 10, 10, 650, 460, 18, 5, b[1])
	k := ink{face: s.face(classSans, true), color: b[1], style: styleSign}
	c := &column{s: s, on: on, x0: 42, x1: 618, y: 44}
	for i := range 3 {
		y := c.y
		if c.heading(k, huge, left, .75, dirs[i%2]) && i != 1 {
			num := k
			num.style = styleNumber
			cc := &column{s: s, on: on, x0: 500, x1: 618, y: y}
			cc.heading(num, big, right, 0, func() string { return []string{"24", "37", "48", "63", "72", "86", "94"}[s.n(7)] })
		}
	}
	c.heading(k, mid, left, .6, func() string { return pick(s.rng, t.lines[len(t.lines)-25:]) })
	s.blocked = append(s.blocked, on.box())
	s.fillLabels(func(cl size) (func() string, tagLook) {
		draw, style := dirs[s.n(2)], styleSign
		if s.chance(25) {
			draw, style = s.number, styleNumber
		}
		if s.chance(25) {
			draw = func() string { return s.street() }
		}
		l := tagLook{look: look{radius: 10, shadow: 40}, colors: boards, style: style, face: func() *Face { return s.face(pick(s.rng, []string{classSans, classSans, classDisplay}), true) },
			padX: .5, padY: .5, lean: .22, decor: func(on *surface, c rgb) { s.frame(on, 4, 4, on.w-4, on.h-4, 7, 2, c) }}
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

// buildDepartures is a board of trains or flights in letters of one width.
func buildDepartures(s *scene, v variant) {
	t := texts()
	themes := [][3]rgb{
		{web(0x0B0E13), web(0xFFC63D), web(0x1A2029)}, {web(0x0C2340), web(0xFFFFFF), web(0x16365F)}, {web(0x111111), web(0xE8E8E8), web(0x1F1F1F)},
		{web(0xF3F4F6), web(0x16213A), web(0xE2E6EC)}, {web(0x26303A), web(0x8D99A4), web(0x2D3843)},
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
	for i := range 4 {
		if i%2 == 0 {
			s.bar(on, x0, c.y-px*.35, x1, c.y+px*1.32, th[2], 100)
		}
		c.row(k, mid, px, 1.9, cell{x: x0 + 12, room: 150, style: styleNumber, draw: s.clock},
			cell{x: x0 + 190, room: 380, draw: func() string { return pick(s.rng, t.places) }},
			cell{x: x1 - 12, room: 230, a: right, draw: func() string {
				return pick(s.rng, []string{"On time", "Delayed", "Boarding", "Cancelled", "Gate " + s.digits(2), "Platform " + s.digits(1), "Closed", "Last call", s.code()})
			}})
	}
	s.scatterFree(on, frect{x0, c.y + 14, x1, on.h - 34}, func(cl size) (ink, string) {
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

// digits is a number of n digits without a leading nought or one.
func (s *scene) digits(n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = "2346789"[s.n(7)]
	}
	return string(b)
}

// buildShelf is a shelf of goods: boxes, tins, price tags on the rails.
func buildShelf(s *scene, v variant) {
	t := texts()
	walls := [][2]rgb{{web(0xDDD8CF), web(0xBDB6AA)}, {web(0x3B4046), web(0x2A2E33)}, {web(0xC9D6DF), web(0xA5B5C1)}}
	wl := walls[v.round%len(walls)]
	bg := s.fade(wl[0], wl[1], 0)
	goods := [][3]rgb{ // two shades of the box and its ink
		{web(0xD64045), web(0xA92B30), web(0xFFFFFF)}, {web(0x1D6FA5), web(0x134B70), web(0xFFFFFF)}, {web(0xF5E9CF), web(0xE4D3AC), web(0x5B2A1A)},
		{web(0xF2C335), web(0xDDA71A), web(0x2A1D05)}, {web(0x2E7D4F), web(0x1E5836), web(0xF5FFE9)}, {web(0x5B3F8C), web(0x3E2A63), web(0xFCEBFF)},
		{web(0xFAFAFA), web(0xDEDEDE), web(0x14213D)}, {web(0xE8894A), web(0xC76C2F), web(0x331603)}, {web(0xA9BDB3), web(0x93A99E), web(0x4C6156)},
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
				on = place(w, h, x+w/2, y1-h/2, 0, s.in(-.08, .08), 0)
			}
			s.lay(on, look{c0: g[0], c1: g[1], radius: pick(s.rng, []float64{4, 4, 26}), shadow: 45})
			face := s.anyFace()
			k := ink{face: face, color: g[2], style: styleWord}
			c := &column{s: s, on: on, x0: 22, x1: w - 22, y: 22}
			cl := huge
			if s.count[huge] >= s.want[huge]-1 || s.chance(45) {
				cl = big
			}
			if !c.heading(k, cl, centre, .45, func() string { return loud(pick(s.rng, t.words)) }) {
				c.heading(k, mid, centre, .5, s.word)
			}
			sub := ink{face: s.face(pick(s.rng, []string{classSans, classSerif}), false), color: g[2], style: styleLine}
			if s.chance(60) && s.count[mid] < s.want[mid] {
				c.heading(sub, mid, centre, .7, func() string { return pick(s.rng, t.products) })
			} else {
				c.heading(sub, small, centre, .8, func() string { return pick(s.rng, t.products) })
			}
			if c.y < h-40 {
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
			on := place(150, 50, x+75, y1+29, 0, 0, 0)
			c := pick(s.rng, [][2]rgb{{web(0xFFFFFF), web(0x1A1A1A)}, {web(0xFFE14D), web(0xB00020)}, {web(0xFFFFFF), web(0xB00020)}})
			s.lay(on, look{c0: c[0], c1: c[0], radius: 3})
			k := ink{face: s.face(pick(s.rng, []string{classSans, classDisplay}), true), color: c[1], style: styleNumber}
			cl := pick(s.rng, []size{small, mid, mid, big})
			if s.count[cl] >= s.want[cl] {
				cl = small
			}
			if r, ok := s.choose(k, s.meanEm(k, mul(edges[cl]+edges[cl+1], .5), "24.80"), cl, 130, s.amount); ok {
				px := s.meanEm(k, mul(edges[cl]+edges[cl+1], .5), "24.80")
				s.putRun(on, k, r, 75, 25-mul(r.ink.y0+r.ink.y1, px)/2, px, centre)
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

// buildCards spreads tickets, business cards and labels on a table.
func buildCards(s *scene, v variant) {
	t := texts()
	s.material(materialOrder[(v.round+3)%len(materialOrder)])
	looks := [][2]rgb{
		{web(0xFDFCF8), web(0x1F2933)}, {web(0x1D3557), web(0xF1FAEE)}, {web(0xF6E3C5), web(0x582F0E)}, {web(0x2F3E46), web(0xCAD2C5)},
		{web(0xF4ACB7), web(0x5B2333)}, {web(0xC8D9E6), web(0x6D8496)}, {web(0xFFFFFF), web(0x9B2226)}, {web(0x8A9A86), web(0x364038)},
	}
	spots := []pt{{268, 180}, {752, 168}, {262, 512}, {760, 500}, {262, 850}, {758, 848}}
	for i, p := range spots {
		lk := looks[(v.round*3+i)%len(looks)]
		deg, lean := s.in(-7, 7), 0.0
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
			c.heading(body, tiny, left, 1.2, func() string { return s.street() })
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
			c.heading(k, big, left, .6, func() string { return pick(s.rng, t.places) })
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

// buildDashboard is a screen of numbers and charts.
func buildDashboard(s *scene, v variant) {
	t := texts()
	themes := [][4]rgb{ // page, tile, ink, accent
		{web(0xF3F5F8), web(0xFFFFFF), web(0x1B2838), web(0x3D6DEB)}, {web(0x12161C), web(0x1D232C), web(0xECF1F6), web(0x36C5A2)},
		{web(0xFBF3EA), web(0xFFFDFA), web(0x40241A), web(0xD9603B)}, {web(0x1A1430), web(0x2A2148), web(0xF0E9FF), web(0xFF8FB1)},
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
	c := &column{s: s, on: bg, x0: 44, x1: 600, y: 40}
	hl := head
	hl.style = styleLine
	c.heading(hl, big, left, .4, func() string { return pick(s.rng, t.headings) })
	cc := &column{s: s, on: bg, x0: 700, x1: Side - 44, y: 48}
	num := body
	num.style = styleNumber
	cc.heading(num, small, right, 0, s.date)
	y := max(c.y, cc.y) + 8
	cols, rows := 2+v.round%2, 3
	gap := 22.0
	tw := (Side - 88 - gap*float64(cols-1)) / float64(cols)
	th0 := (Side - y - 44 - gap*float64(rows-1)) / float64(rows)
	for r := range rows {
		for q := range cols {
			on := &surface{m: identity(), w: tw, h: th0}
			on.m.c, on.m.f = 44+float64(q)*(tw+gap), y+float64(r)*(th0+gap)
			s.lay(on, look{c0: th[1], c1: th[1], radius: 14, shadow: 18})
			tc := &column{s: s, on: on, x0: 24, x1: tw - 24, y: 24}
			lab := body
			cl := []size{small, mid, small, tiny}[(r*cols+q)%4]
			tc.heading(lab, cl, left, .9, func() string {
				return pick(s.rng, []string{"Revenue", "Visitors", "Orders", "Energy", "Humidity", "Pressure", "Distance", "Heart rate", "Battery", "Wind speed", "Balance", "Messages", "Downloads", "Growth", "Latency", "Storage", "Uptime", "Rainfall", "Traffic", "Sessions"})
			})
			bn := head
			bn.style = styleNumber
			cl = []size{huge, big, huge}[(r+q)%3]
			tc.heading(bn, cl, left, .6, func() string {
				if s.chance(25) {
					return s.amount()
				}
				return s.number()
			})
			// A chart fills the rest of the tile: bars, a line, or a gauge.
			top, bottom := tc.y+8, th0-22
			if bottom-top > 50 {
				switch (r + q + v.round) % 3 {
				case 0:
					n := int(tw-48) / 26
					for i := range n {
						hh := mul(bottom-top, s.in(.2, 1))
						x := 24 + float64(i)*26
						s.patch(on, x, bottom-hh, x+16, bottom, 4, accent, 90)
					}
					s.blocked = append(s.blocked, cover(bounds(on.quad(20, top, tw-20, bottom+4))))
				case 1:
					s.curve(on, 24, top, tw-24, bottom, accent)
					s.blocked = append(s.blocked, cover(bounds(on.quad(20, top, tw-20, bottom+4))))
				default:
					note := body
					s.scatterIn(on, frect{24, top, tw - 24, bottom}, 2, func(cl size) (ink, string) {
						k := note
						if cl >= big || s.chance(50) {
							k.style = styleNumber
							return k, s.figure()
						}
						return k, s.word()
					})
				}
			}
			s.scatterIn(on, frect{tw * .45, 16, tw - 20, th0 - 16}, 1, func(cl size) (ink, string) {
				k := body
				k.style = styleNumber
				return k, s.number()
			})
		}
	}
	s.scatterFree(bg, frect{44, 24, Side - 44, Side - 20}, func(cl size) (ink, string) { return body, s.word() })
}

// scatterIn is scatterFree with at most n texts of each class.
func (s *scene) scatterIn(on *surface, area frect, n int, mk func(size) (ink, string)) {
	for c := sizes - 1; c >= 0; c-- {
		s.scatter(on, area, c, min(s.want[c], s.count[c]+n), func() (ink, string) { return mk(c) })
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
