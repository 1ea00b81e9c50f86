package clips

import (
	"fmt"
	"image"
	"sync"

	"github.com/go-fonts/dejavu/dejavusansbold"
	"github.com/go-fonts/liberation/liberationmonobold"
	"github.com/go-fonts/liberation/liberationsansbold"
	"github.com/go-fonts/liberation/liberationserifbold"
	"golang.org/x/image/font/gofont/gobold"

	"github.com/vtbench/vtbench/datasets"
	"github.com/vtbench/vtbench/datasets/internal/dice"
	"github.com/vtbench/vtbench/datasets/internal/typeset"
)

// Size of the drawn frames, their number in a clip and a second.
const (
	width  = 480
	height = 270
	frames = 32
	rate   = 25
)

// typefaces the words are set in, by name.
var typefaces = []struct {
	name string
	file []byte
	font func() (*typeset.Font, error)
}{
	typeface("sans", liberationsansbold.TTF), typeface("serif", liberationserifbold.TTF),
	typeface("mono", liberationmonobold.TTF), typeface("dejavu", dejavusansbold.TTF), typeface("go", gobold.TTF),
}

func typeface(name string, file []byte) struct {
	name string
	file []byte
	font func() (*typeset.Font, error)
} {
	return struct {
		name string
		file []byte
		font func() (*typeset.Font, error)
	}{name, file, sync.OnceValues(func() (*typeset.Font, error) { return typeset.Parse(name, file, 0) })}
}

// A clip is one film and how it is made.
type clip struct {
	id   string
	w, h int
	make func(*maker)
}

// drawn is a clip of the usual size.
func drawn(id string, f func(*maker)) clip { return clip{id, width, height, f} }

// A maker puts the layers of a film together. The first error stays.
type maker struct {
	film
	photos map[string]string // paths of photographs by name
	err    error
}

// cut begins a shot.
func (m *maker) cut(first int) { m.shots = append(m.shots, shot{first: first}) }

func (m *maker) add(l layer) {
	if len(m.shots) == 0 {
		m.cut(0)
	}
	s := &m.shots[len(m.shots)-1]
	s.layers = append(s.layers, l)
}

// gain sets by how much the frames of the shot are brighter, of 256.
func (m *maker) gain(f func(t int) int) { m.shots[len(m.shots)-1].gain = f }

// A type is what words look like.
type style struct {
	face string
	em   float64
	ink  rgb
}

// word adds a line of text; its ID is how many words there are before it.
func (m *maker) word(move *motion, s style, x, y float64, text string) *word {
	w := &word{move: move, x: x, y: y, em: s.em, ink: s.ink, alpha: always}
	n := 0
	for _, sh := range m.shots {
		for _, l := range sh.layers {
			if _, ok := l.(*word); ok {
				n++
			}
		}
	}
	w.id = fmt.Sprintf("word-%02d", n)
	for _, t := range typefaces {
		if t.name != s.face {
			continue
		}
		f, err := t.font()
		if err == nil {
			w.line, err = f.Set(text)
		}
		if err != nil && m.err == nil {
			m.err = err
		}
	}
	m.add(w)
	return w
}

// sign is a word on a plate of its own, which moves with it.
func (m *maker) sign(move *motion, s style, back rgb, x, y float64, text string) *word {
	p := &plate{move: move, ink: back}
	m.add(p)
	w := m.word(move, s, x, y, text)
	x0, y0, x1, y1 := w.line.Ink()
	pad := float64(s.em * .45)
	p.x0, p.x1 = x+float64(x0*s.em)-pad, x+float64(x1*s.em)+pad
	p.y0, p.y1 = y+float64(y0*s.em)-pad, y+float64(y1*s.em)+pad
	return w
}

var (
	white  = rgb{248, 247, 242}
	black  = rgb{18, 18, 22}
	navy   = rgb{20, 38, 92}
	green  = rgb{16, 84, 58}
	red    = rgb{158, 26, 30}
	yellow = rgb{250, 214, 60}
	cream  = rgb{244, 234, 206}
)

// Looks of the drawn grounds.
var (
	meadow = look{11, [3]rgb{{24, 52, 26}, {96, 128, 58}, {214, 214, 150}}, 26, 200}
	stone  = look{12, [3]rgb{{44, 42, 46}, {124, 118, 112}, {216, 210, 200}}, 30, 190}
	sea    = look{13, [3]rgb{{10, 32, 66}, {42, 106, 146}, {196, 226, 232}}, 18, 200}
	brick  = look{14, [3]rgb{{60, 22, 16}, {150, 74, 50}, {222, 176, 142}}, 34, 200}
	dusk   = look{15, [3]rgb{{26, 16, 44}, {128, 62, 98}, {246, 182, 120}}, 22, 210}
	slate  = look{16, [3]rgb{{16, 18, 24}, {30, 34, 44}, {58, 64, 80}}, 0, 120}
)

// still is the motion of what stands.
func still() *motion { return &motion{func(int) affine { return shift(0, 0) }} }

// pan moves by so many pixels a frame.
func pan(dx, dy float64) *motion {
	return &motion{func(t int) affine { return shift(float64(float64(t)*dx), float64(float64(t)*dy)) }}
}

// over is a ground as large as the frame and so many pixels more.
func (m *maker) over(move *motion, l look, moreW, moreH int) *ground {
	g := &ground{move: move, img: texture(m.w+moreW, m.h+moreH, l), alpha: always}
	m.add(g)
	return g
}

const last = frames - 1

// defaults are the clips of clips-default; a default run takes the first defaultClips.
var defaults = []clip{
	drawn("pan", func(m *maker) { // whole pixels, to the right and down
		move := pan(-3, -1)
		m.over(move, meadow, 3*last, last)
		m.sign(move, style{"sans", 40, white}, navy, 60, 88, "Harbour Road")
		m.sign(move, style{"serif", 26, black}, cream, 150, 168, "Fresh bread daily")
		m.sign(move, style{"mono", 17, yellow}, black, 330, 225, "Bus 42 to Central")
		m.sign(move, style{"go", 32, white}, green, 420, 120, "Museum")
	}),
	drawn("zoom", func(m *maker) { // to twice the size
		centre := datasets.Point{X: width, Y: height}
		move := &motion{func(t int) affine {
			return turn(.5+float64(t)/64, 0, centre, datasets.Point{X: width / 2, Y: height / 2})
		}}
		m.over(move, stone, width, height)
		m.sign(move, style{"sans", 62, white}, red, 300, 250, "Platform 9")
		m.sign(move, style{"dejavu", 38, black}, yellow, 350, 330, "Mind the gap")
		m.sign(move, style{"serif", 34, white}, navy, 400, 387, "Ticket hall")
		m.sign(move, style{"mono", 40, white}, black, 90, 130, "Exit B")
	}),
	drawn("credits", func(m *maker) { // scrolls up by two pixels
		move := pan(0, -2)
		m.over(move, slate, 0, 2*last)
		y := 40.0
		for _, c := range [][2]string{
			{"Directed by", "Helen Marsh"},
			{"Written by", "Thomas Whitfield"},
			{"Camera", "Nadia Petrov"},
			{"Music", "Oliver Grant"},
			{"Editor", "Ingrid Larsen"},
		} {
			m.word(move, style{"serif", 18, rgb{184, 188, 200}}, 64, y, c[0])
			m.word(move, style{"sans", 25, white}, 216, y, c[1])
			y += 58
		}
	}),
	drawn("word", func(m *maker) { // one word moves, all else stands
		stay := still()
		m.over(stay, sea, 0, 0)
		m.sign(stay, style{"serif", 30, black}, cream, 34, 232, "Lighthouse")
		m.sign(stay, style{"sans", 18, white}, navy, 300, 242, "Open until 18:00")
		m.word(pan(8, 2), style{"go", 44, yellow}, 16, 72, "Ferry")
	}),
	drawn("occlusion", func(m *maker) { // a bar passes in front of words that stand
		stay, bar := still(), pan(18, 0)
		m.over(stay, brick, 0, 0)
		m.sign(stay, style{"sans", 34, white}, green, 54, 84, "Garden")
		m.sign(stay, style{"serif", 30, black}, cream, 300, 110, "Library")
		m.sign(stay, style{"dejavu", 22, black}, yellow, 140, 214, "Closed on Monday")
		m.add(&plate{move: bar, x0: -150, y0: -1, x1: -6, y1: height + 1, ink: rgb{36, 40, 46}, hides: true})
		m.add(&plate{move: bar, x0: -120, y0: -1, x1: -96, y1: height + 1, ink: rgb{200, 120, 40}})
		m.add(&plate{move: bar, x0: -62, y0: -1, x1: -48, y1: height + 1, ink: rgb{84, 92, 104}})
	}),
	drawn("cut", func(m *maker) { // to another scene, away from where windows begin
		move := pan(2, 0)
		g := m.over(move, dusk, 0, 0)
		g.img, g.wraps = tile(width, height, dusk), true
		m.sign(move, style{"sans", 36, white}, red, 60, 110, "Theatre")
		m.sign(move, style{"serif", 26, black}, cream, 220, 200, "Box office")
		m.cut(13)
		stay := pan(0, 0)
		m.over(stay, stone, 0, 0)
		m.sign(stay, style{"dejavu", 34, black}, yellow, 110, 120, "Car park")
		m.sign(stay, style{"mono", 24, white}, navy, 150, 205, "Level 3 East")
	}),
	drawn("shake", func(m *maker) { // by quarters of a pixel, up to three
		rng := dice.New(21, 0)
		var at [frames]affine
		for t := range at {
			at[t] = shift(float64(rng.Between(-12, 12))/4-4, float64(rng.Between(-12, 12))/4-4)
		}
		move := &motion{func(t int) affine { return at[t] }}
		m.over(move, meadow, 8, 8)
		m.sign(move, style{"serif", 38, white}, green, 60, 100, "Riverside")
		m.sign(move, style{"sans", 20, black}, cream, 250, 170, "Boats for hire")
		m.sign(move, style{"go", 26, white}, navy, 70, 230, "Pier 7")
	}),
	drawn("rotate", func(m *maker) { // by 11 degrees
		centre := datasets.Point{X: 280, Y: 180}
		move := &motion{func(t int) affine {
			return turn(1, float64(float64(2*t-last)*.0016), centre, datasets.Point{X: width / 2, Y: height / 2})
		}}
		m.over(move, brick, 80, 90)
		m.sign(move, style{"sans", 40, white}, navy, 160, 160, "Bakery Lane")
		m.sign(move, style{"serif", 28, black}, cream, 190, 240, "Since 1936")
	}),
	drawn("drift", func(m *maker) { // a pan by fractions of a pixel
		move := pan(-1.375, -.625)
		m.over(move, sea, 43, 20)
		m.sign(move, style{"go", 36, white}, red, 70, 92, "Lifeboat")
		m.sign(move, style{"serif", 24, black}, cream, 190, 166, "North Beach")
		m.sign(move, style{"sans", 18, white}, navy, 260, 236, "No swimming")
	}),
	drawn("fade", func(m *maker) { // words come and go over what stands
		stay := still()
		m.over(stay, dusk, 0, 0)
		m.word(stay, style{"sans", 42, white}, 54, 96, "Good evening").alpha = func(t int) int { return min(256, t*20) }
		m.word(stay, style{"serif", 30, cream}, 120, 168, "The late show").alpha = func(t int) int { return min(256, max(0, (last-t)*20)) }
		m.sign(stay, style{"mono", 20, black}, yellow, 330, 240, "Channel 4")
	}),
	drawn("ramp", func(m *maker) { // it grows light
		stay := still()
		m.over(stay, stone, 0, 0)
		m.sign(stay, style{"dejavu", 34, white}, green, 60, 100, "Hospital")
		m.sign(stay, style{"sans", 24, black}, cream, 210, 180, "Main entrance")
		m.gain(func(t int) int { return 80 + 176*t/last })
	}),
}

const defaultClips = 8

// shares are the static shares of the clips of clips-static, in percent.
var shares = []int{0, 25, 50, 75, 95}

// statics are clips that differ only in how much of them stands: the first frame is the
// same in all, and in the rest of the columns it pans by (2, 1) pixels a frame.
var statics = sync.OnceValue(func() []clip {
	var out []clip
	for _, share := range shares {
		moves := width * (100 - share) / 100
		out = append(out, drawn(fmt.Sprintf("static-%02d", share), func(m *maker) {
			stay, move := still(), pan(-2, -1)
			img := texture(width+2*last, height+last, meadow)
			m.add(&ground{move: stay, img: img, alpha: always})
			m.add(&ground{move: move, img: img, window: image.Rect(0, 0, moves, height), alpha: always})
		}))
	}
	return out
})

// linears are clips in which every frame is a linear (or affine) function of the frame
// before, but for rounding to 8 bits.
var linears = []clip{
	drawn("cycle", func(m *maker) { // what leaves at one side comes in at the other
		m.add(&ground{move: pan(2, 1), img: tile(width, height, sea), wraps: true, alpha: always})
	}),
	drawn("cycle-fast", func(m *maker) {
		m.add(&ground{move: pan(-7, 3), img: tile(width, height, brick), wraps: true, alpha: always})
	}),
	drawn("crossfade", func(m *maker) { // from one picture to another
		stay := still()
		m.over(stay, meadow, 0, 0)
		m.over(stay, dusk, 0, 0).alpha = func(t int) int { return t * 256 / last }
	}),
	drawn("ramp", func(m *maker) { // brightness rises by the same amount
		m.over(still(), stone, 0, 0)
		m.gain(func(t int) int { return 80 + 176*t/last })
	}),
	drawn("decay", func(m *maker) { // brightness falls by the same share
		m.over(still(), dusk, 0, 0)
		g, gains := 256*256, [frames]int{}
		for t := range gains {
			gains[t] = (g + 128) >> 8
			g = g * 15 / 16
		}
		m.gain(func(t int) int { return gains[t] })
	}),
}
