package textgen

// kinds are the sorts of scene in the order in which they take turns.
var kinds = []kind{
	{"words", [sizes]int{7, 7, 7, 7, 7}, buildWords},
}

func buildWords(s *scene, v variant) {
	bg, fg := web(0xF4F1EA), web(0x222222)
	if v.index%2 == 1 {
		bg, fg = fg, bg
	}
	on := page(groundPlain, bg)
	s.draw(func(c *canvas) { c.polygon(solid(bg), on.quad(0, 0, Side, Side)) })
	want := [sizes]int{7, 7, 7, 7, 7}
	for c := sizes - 1; c >= 0; c-- {
		for range want[c] {
			k := ink{face: pick(s.rng, faces()), color: fg, style: styleWord}
			for range 60 {
				text := s.word()
				if s.chance(30) {
					text = s.figure()
					k.style = styleNumber
				}
				r, ok := s.set(k, text)
				if !ok {
					return
				}
				if s.seen[text] {
					continue
				}
				px := emFor(r, s.aim(c))
				if s.putRun(on, k, r, s.in(10, 900), s.in(30, 1000), px, left) {
					break
				}
			}
		}
	}
}
