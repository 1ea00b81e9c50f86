package textgen

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
			low := !photo && s.chance(40)
			if photo && !f.Bold && f.Class != classDisplay && c < mid {
				f = s.face(classSans, true)
			}
			k := ink{face: f, color: s.inkOn(on.tone, low), style: style}
			s.loose(on, k, text, c)
		}
	}
	if photo || on.ground == groundTextured {
		s.finish(12, 6)
	}
}

// loose writes a word at a free place of the image, upright, turned by up to 15°,
// or in perspective.
func (s *scene) loose(on *surface, k ink, text string, c size) bool {
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
