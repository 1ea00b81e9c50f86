package textgen

import (
	"image"
	"math"
)

// A tagLook says how a small sheet with one text looks that fills what a scene
// lacks: a sticker, a price tag, a plate.
type tagLook struct {
	look
	face   func() *Face
	style  string
	tilt   float64 // most degrees
	lean   float64 // most perspective
	padX   float64 // in heights of the text
	padY   float64
	decor  func(on *surface, c rgb)
	colors [][2]rgb // of the sheet and of the ink, one pair drawn for each
}

// labels adds labels of a class at free places until the image has n of it.
func (s *scene) labels(class size, n int, area image.Rectangle, draw func() string, t tagLook) {
	for tries := 0; s.count[class] < n && tries < 6*n+6; tries++ {
		text := s.brief(class, draw)
		if s.seen[text] {
			continue
		}
		k := ink{face: t.face(), style: t.style}
		r, ok := s.set(k, text)
		if !ok {
			return
		}
		px := emFor(r, s.aim(class))
		iw, ih := mul(r.ink.w(), px), mul(r.ink.h(), px)
		w, h := iw+mul(2*ih, t.padX)+12, ih+mul(2*ih, t.padY)+12
		deg, lean := 0.0, 0.0
		if t.tilt > 0 {
			deg = s.in(-t.tilt, t.tilt)
			if math.Abs(deg) < 1.5 {
				deg = 0
			}
		}
		if t.lean > 0 && s.chance(60) {
			lean = s.in(-t.lean, t.lean)
		}
		on := place(w, h, 0, 0, deg, lean, 0)
		extent := on.box()
		for range 150 {
			cx, cy := s.between(area.Min.X, area.Max.X), s.between(area.Min.Y, area.Max.Y)
			b := extent.Add(image.Pt(cx, cy))
			if !b.In(area) || !s.free(b.Inset(-4)) {
				continue
			}
			on.m = on.m.moved(float64(cx), float64(cy))
			c := pick(s.rng, t.colors)
			t.c0, t.c1, k.color = c[0], c[0], c[1]
			before := len(s.ops)
			s.lay(on, t.look)
			if t.decor != nil {
				t.decor(on, k.color)
			}
			if s.putRun(on, k, r, w/2, mul(h-mul(r.ink.y0+r.ink.y1, px), 0.5), px, centre) {
				s.blocked = append(s.blocked, b)
			} else {
				s.ops = s.ops[:before] // no label without a text
			}
			break
		}
	}
}

// stickers is a look for labels lying about.
func (s *scene) stickers(v variant) func(size) (func() string, tagLook) {
	sheets := [][2]rgb{
		{web(0xFFD23F), web(0x1B1B1B)},
		{web(0xD7263D), web(0xFFFFFF)},
		{web(0x1B4965), web(0xF4F9FF)},
		{web(0xFFFFFF), web(0x1F2A36)},
		{web(0x2A9D5C), web(0xFFFFFF)},
		{web(0xF26419), web(0xFFFFFF)},
		{web(0x222222), web(0xFFD9A0)},
		{web(0xF3E9DC), web(0x5E3023)},
	}
	if v.round%3 == 1 {
		sheets = [][2]rgb{
			{web(0xB9C4C9), web(0x5F6C73)},
			{web(0xE9DFC8), web(0x9A8A68)},
			{web(0x31464F), web(0x8CA0A8)},
			{web(0xD9B7A6), web(0x8A5A48)},
			{web(0x5A4A6A), web(0xB1A3BE)},
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
	one := func(c size) {
		if s.count[c] < s.want[c] {
			draw, l := mk(c)
			s.labels(c, s.count[c]+1, whole.Inset(8), draw, l)
		}
	}
	for range max(s.want[huge], s.want[big]) { // in turns: they compete for room
		one(huge)
		one(big)
	}
	for _, c := range []size{mid, small, tiny} {
		for range s.want[c] {
			one(c)
		}
	}
}

// notices is a look for posters and plates on walls and windows.
func (s *scene) notices() func(size) (func() string, tagLook) {
	colors := [][2]rgb{
		{web(0xF8F4E6), web(0xB3202A)},
		{web(0xFFE14D), web(0x1A1A1A)},
		{web(0xC1121F), web(0xFFFFFF)},
		{web(0x003F88), web(0xFFFFFF)},
		{web(0xFFFFFF), web(0x14213D)},
		{web(0x1D1D1D), web(0xF5F5F5)},
		{web(0xE8E0D0), web(0x8F8268)},
	}
	return func(_ size) (func() string, tagLook) {
		draw, style := func() string { return pick(s.rng, texts().signage) }, styleSign
		switch s.n(4) {
		case 0:
			draw, style = s.price, styleNumber
		case 1:
			draw = s.product
		}
		return draw, tagLook{look: look{radius: 5, shadow: 45}, colors: colors, style: style, face: s.anyFace, padX: .5, padY: .5, lean: .12, tilt: 4}
	}
}
