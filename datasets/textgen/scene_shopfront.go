package textgen

import (
	"image"
	"strings"
)

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
		{web(0x14342B), web(0x1F4D3F), web(0xF6E7B4)},
		{web(0xF4EDE0), web(0xE4D9C4), web(0x7A1F1F)},
		{web(0x12263F), web(0x1E3A5C), web(0xFFFFFF)},
		{web(0x6B0F1A), web(0x8C1C2A), web(0xFFE8C2)},
		{web(0x2B2B2B), web(0x3C3C3C), web(0xFFC857)},
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
	on := place(920, 206, Side/2, 142, 0, lean, 0)
	s.lay(on, look{c0: c[0], c1: c[1], radius: 6, shadow: 55})
	s.frame(on, 8, 8, 912, 198, 4, 3, c[2].mix(c[1], 90))
	head := ink{face: s.face(pick(s.rng, []string{classDisplay, classSerif, classSans}), true), color: c[2], style: styleSign, shadow: 35}
	col := &column{s: s, on: on, x0: 36, x1: 884, y: 38, foot: 20}
	col.heading(head, huge, centre, 0.42, func() string { return loud(pick(s.rng, t.shops)) })
	sub := ink{face: s.face(pick(s.rng, []string{classSerif, classSans}), false), color: c[2], style: styleSign}
	col.heading(sub, mid, centre, 0, func() string {
		return pick(s.rng, []string{"since " + s.year(), "family business", "open every day", "made by hand", "at the corner"})
	})
	s.blocked = append(s.blocked, on.box())
	// Awning.
	stripes := page(groundPlain, c[0])
	for i := range 12 {
		x := 70 + mul(float64(i), 74)
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
	gl := &column{s: s, on: glass, x0: 34, x1: 566, y: 34}
	gl.heading(lettering, big, centre, .5, func() string { return pick(s.rng, t.goods) })
	gl.heading(lettering, small, centre, .7, func() string { return pick(s.rng, t.foods) + " and " + strings.ToLower(pick(s.rng, t.foods)) })
	door := place(230, 600, 850, 720, 0, 0, 0)
	s.lay(door, look{c0: c[0].shade(14), c1: c[0].shade(-8), radius: 4, shadow: 50})
	s.frame(door, 22, 26, 208, 300, 4, 4, c[0].shade(-26))
	s.draw(func(cv *canvas) { cv.polygon(solid(web(0xD9B45B)), door.circle(30, 345, 11)) })
	// Opening hours on the door: days and times.
	plate := place(172, 164, 850, 546, 0, 0, 0)
	s.lay(plate, look{c0: web(0xF7F5EF), c1: web(0xF7F5EF), radius: 6})
	body := ink{face: s.face(classSans, false), color: web(0x222222), style: styleTable}
	hours := &column{s: s, on: plate, x0: 12, x1: 160, y: 14}
	hours.heading(body, small, centre, 1.1, func() string { return pick(s.rng, []string{"OPEN", "HOURS", "Welcome"}) })
	px := s.meanEm(body, .0084, sample)
	for range 3 {
		hours.row(body, tiny, px, 2.1, cell{x: 12, room: 80, draw: func() string { return pick(s.rng, weekdays) }},
			cell{x: 160, room: 60, a: right, draw: s.clock})
	}
	s.blocked = append(s.blocked, plate.box())
	s.fillLabels(s.notices())
	s.finish(s.between(8, 20), 6)
}
