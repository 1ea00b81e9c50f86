package textgen

import (
	"strings"
)

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
	low := v.round%3 == 2
	head := ink{face: s.face(pick(s.rng, []string{classSerif, classDisplay}), s.chance(50)), color: s.inkOn(on.tone, false), style: styleSign}
	body := ink{face: s.face(pick(s.rng, []string{classSerif, classSans}), dark), color: s.inkOn(on.tone, low), style: styleLine}
	x0, x1 := 70.0, on.w-70
	c := &column{s: s, on: on, x0: x0, x1: x1, y: 44}
	c.heading(head, huge, centre, .4, func() string {
		return pick(s.rng, []string{"Menu", "Lunch", "Dinner", "Breakfast", "Kitchen", "Today", "Specials", "Brunch"})
	})
	c.heading(body, small, centre, .9, func() string { return pick(s.rng, t.lines[len(t.lines)-25:]) })
	px := s.meanEm(body, s.in(.0212, .024), sample)
	sub := []size{small, tiny, small, tiny}
	for n := range 2 {
		c.heading(head, big, left, .55, func() string {
			return pick(s.rng, []string{"Starters", "Main Dishes", "Desserts", "Drinks", "Bakery", "From the Grill", "Soups", "Cheese", "Pasta", "Salads"})
		})
		for m := range 2 - n {
			c.row(body, mid, px, 1.25,
				cell{x: x0, room: (x1 - x0) * .7, draw: func() string { return pick(s.rng, t.dishes) }},
				cell{x: x1, room: 140, a: right, draw: s.price})
			c.heading(body, sub[n+m], left, .85, func() string {
				return "with " + strings.ToLower(pick(s.rng, t.foods)+" and "+pick(s.rng, t.foods))
			})
		}
	}
	s.bar(on, x0, c.y, x1, c.y+3, body.color, 60)
	s.flow(on, frect{x0, c.y + 20, x1, on.h - 44}, left, 9, func(cl size) (ink, string) {
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
		case cl == tiny:
			return k, pick(s.rng, t.lines)
		case s.chance(40):
			k.style = styleNumber
			return k, s.price()
		}
		return k, pick(s.rng, t.dishes)
	})
	s.finish(14, 5)
}
