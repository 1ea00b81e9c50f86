package textgen

import (
	"fmt"
	"image"
	"math"

	"github.com/vtbench/vtbench/datasets"
	"github.com/vtbench/vtbench/pix"
)

// Side is the width and height of every image.
const Side = 1024

// A size says how large text is: its width per character relative to the image,
// the ratio TokBench bins by. The five classes are cut at all edges of TokBench's
// bins, so that each lies in one bin at each resolution:
//
//	class  ratio        256     512     1024
//	tiny   .005–.01     –       –       small
//	small  .01–.02      –       small   medium
//	mid    .02–.03      small   medium  large
//	big    .03–.04      medium  large   large
//	huge   .04–         large   large   large
type size int

const (
	tiny size = iota
	small
	mid
	big
	huge
	sizes
)

// edges are the ratios between the classes.
var edges = [sizes + 1]float64{.005, .01, .02, .03, .04, 1}

// aims is where in its class a text's ratio may lie: clear of the edges, of what
// no reader can read, and of what fills a whole image.
var aims = [sizes][2]float64{{.0068, .0098}, {.0106, .0194}, {.0206, .0294}, {.0306, .0390}, {.0408, .0500}}

func classOf(ratio float64) (size, bool) {
	for s := range sizes {
		if edges[s] <= ratio && ratio < edges[s+1] {
			return s, true
		}
	}
	return 0, false
}

// ratio is TokBench's: box width / (characters · longer side).
func ratio(box image.Rectangle, text string) float64 {
	return float64(box.Dx()) / float64(len(text)*Side)
}

// Styles of text, as they appear among an instance's tags.
const (
	styleReceipt = "receipt"
	styleSign    = "sign"
	styleTable   = "table"
	styleLine    = "line"
	styleWord    = "word"
	styleNumber  = "number"
)

// Kinds of what lies behind a text.
const (
	groundPlain    = "plain"
	groundGradient = "gradient"
	groundTextured = "textured"
	groundPhoto    = "photographic"
)

// A scene is an image before it is drawn: the operations in order, and the
// labels, which are known without a pixel.
type scene struct {
	rng
	ops       []func(*canvas)
	instances []datasets.Instance
	taken     []image.Rectangle // boxes of texts with the margin a reader crops
	blocked   []image.Rectangle // what free placement must avoid besides
	count     [sizes]int
	want      [sizes]int
	seen      map[string]bool
	err       error
}

func (s *scene) draw(op func(*canvas)) { s.ops = append(s.ops, op) }

// A surface is something text is put on: a map from its own coordinates (about
// pixels) to the image, and what it looks like.
type surface struct {
	m       mat
	w, h    float64
	ground  string // groundPlain, …
	tone    rgb    // mean colour behind the text
	rotated bool
	persp   bool
}

// page is the surface of the whole image.
func page(ground string, tone rgb) *surface {
	return &surface{m: identity(), w: Side, h: Side, ground: ground, tone: tone}
}

// An ink is how a text looks and what it is.
type ink struct {
	face     *Face
	color    rgb
	style    string
	tracking float64
	shadow   int // percent of black under the letters, moved by 4 % of an em
}

// Where x is on a text.
type anchor int

const (
	left anchor = iota
	centre
	right
)

// margin around a text's box that must stay free of other ink: what a reader
// crops around it (a fifth of the height) and a little more.
func margin(h int) int { return h/5 + 3 }

// putRun writes a text at (x, baseline) of a surface in letters of px pixels an em,
// and labels it. It refuses, and returns false, where the text would leave the
// image or its surface, or come too near to another text.
func (s *scene) putRun(on *surface, k ink, r run, x, baseline, px float64, a anchor) bool {
	switch a {
	case centre:
		x -= mul(mul(r.ink.x0+r.ink.x1, px), 0.5)
	case right:
		x -= mul(r.ink.x1, px)
	case left:
		x -= mul(r.ink.x0, px)
	}
	local := frect{x + mul(r.ink.x0, px), baseline + mul(r.ink.y0, px), x + mul(r.ink.x1, px), baseline + mul(r.ink.y1, px)}
	if local.x0 < 0 || local.y0 < 0 || local.x1 > on.w || local.y1 > on.h {
		return false
	}
	// The corners bound the ink, and cost nothing: most refusals end here.
	box := bounds(on.quad(local.x0, local.y0, local.x1, local.y1)).pixels()
	guard := box.Inset(-margin(box.Dy()))
	if !guard.In(whole) || s.crowded(box, guard) {
		return false
	}
	to := func(p pt) pt { return on.m.apply(pt{x + mul(p.x, px), baseline + mul(p.y, px)}) }
	inkBox := bounds(on.quad(local.x0, local.y0, local.x1, local.y1))
	if on.rotated || on.persp { // else the corners are the ink's own
		inkBox = emptyRect()
		r.outline(to, func(ps []pt) {
			for _, p := range ps {
				inkBox.add(p)
			}
		})
		box = inkBox.pixels()
		guard = box.Inset(-margin(box.Dy()))
	}
	class, ok := classOf(ratio(box, r.text))
	if !ok {
		return false
	}
	quad := make([]datasets.Point, 0, 4)
	for _, c := range local.corners() {
		p := on.m.apply(c)
		quad = append(quad, datasets.Point{X: p.x, Y: p.y})
	}
	s.instances = append(s.instances, datasets.Instance{
		ID:   fmt.Sprintf("%03d", len(s.instances)),
		Box:  box,
		Quad: quad,
		Text: r.text,
		Tags: tags(on, k, r.text),
	})
	s.taken = append(s.taken, guard)
	s.count[class]++
	s.seen[r.text] = true
	c := k.color
	if k.shadow > 0 {
		d := mul(px, 0.04)
		under := func(p pt) pt { q := to(p); return pt{q.x + d, q.y + d} }
		s.draw(func(cv *canvas) { cv.run(r, under, inkBox, d, solid(rgb{}).alpha(k.shadow)) })
	}
	s.draw(func(cv *canvas) { cv.run(r, to, inkBox, 0, solid(c)) })
	return true
}

// crowded reports whether a text's box lies in another's margin, or the other way
// round.
func (s *scene) crowded(box, guard image.Rectangle) bool {
	for i, t := range s.taken {
		if t.Overlaps(box) || s.instances[i].Box.Overlaps(guard) {
			return true
		}
	}
	return false
}

func (c *canvas) run(r run, to func(pt) pt, b frect, moved float64, p paint) {
	b.x1, b.y1 = b.x1+moved, b.y1+moved
	c.fill(cover(b), p, func(ras *raster) { r.outline(to, ras.polygon) })
}

// lowContrast is the difference in luma, of 255, below which a text is tagged.
const lowContrast = 90

func tags(on *surface, k ink, text string) []string {
	tags := []string{k.style}
	digits := 0
	for i := range len(text) {
		if '0' <= text[i] && text[i] <= '9' {
			digits++
		}
	}
	if k.style != styleNumber && 2*digits >= len(text) {
		tags = append(tags, styleNumber)
	}
	tags = append(tags, k.face.Class)
	if k.face.Bold {
		tags = append(tags, "bold")
	}
	if k.face.Italic {
		tags = append(tags, "italic")
	}
	tags = append(tags, on.ground)
	d := k.color.luma() - on.tone.luma()
	if d > 0 {
		tags = append(tags, "light-on-dark")
	} else {
		tags = append(tags, "dark-on-light")
		d = -d
	}
	if d < lowContrast {
		tags = append(tags, "low-contrast")
	}
	if on.rotated {
		tags = append(tags, "rotated")
	}
	if on.persp {
		tags = append(tags, "perspective")
	}
	return tags
}

// emFor returns the letter size at which a text has the ratio, where a pixel of
// its surface is a pixel of the image.
func emFor(r run, ratio float64) float64 {
	return mul(ratio*Side, float64(len(r.text))) / r.ink.w()
}

// brief draws a text; of large ones several, of which it takes the shortest: in
// large letters long texts leave no room for others.
func (s *scene) brief(c size, draw func() string) string {
	text := draw()
	if c < big {
		return text
	}
	for range 2 {
		if t := draw(); len(t) < len(text) && len(t) > 2 {
			text = t
		}
	}
	return text
}

// aim draws a ratio of a class.
func (s *scene) aim(c size) float64 { return s.in(aims[c][0], aims[c][1]) }

// set is Face.set that keeps the error.
func (s *scene) set(k ink, text string) (run, bool) {
	r, err := k.face.set(text, k.tracking)
	if err != nil {
		s.err = err
		return run{}, false
	}
	return r, true
}

// fits reports whether a text set at px pixels an em lands in the class.
func fits(r run, px float64, c size) bool {
	got := mul(r.ink.w(), px) / float64(len(r.text)*Side)
	return edges[c]*1.02 <= got && got < edges[c+1]*0.98
}

// choose draws texts until one is new, is not wider than maxW pixels, and lands
// in the class at px; or in any class, where after many tries none does.
func (s *scene) choose(k ink, px float64, c size, maxW float64, draw func() string) (run, bool) {
	var spare run
	for range 30 {
		text := draw()
		if s.seen[text] {
			continue
		}
		r, ok := s.set(k, text)
		if !ok {
			return run{}, false
		}
		if mul(r.ink.w(), px) > maxW {
			continue
		}
		if fits(r, px, c) {
			return r, true
		}
		if mul(r.ink.w(), px) >= mul(aims[tiny][0], float64(len(text)*Side)) {
			spare = r
		}
	}
	return spare, spare.text != ""
}

// meanEm is a letter size at which typical text of the face has the ratio.
func (s *scene) meanEm(k ink, ratio float64, sample string) float64 {
	r, ok := s.set(k, sample)
	if !ok {
		return 0
	}
	return emFor(r, ratio)
}

// free reports whether a rectangle meets no text and nothing blocked.
func (s *scene) free(r image.Rectangle) bool {
	for _, t := range s.taken {
		if t.Overlaps(r) {
			return false
		}
	}
	for _, t := range s.blocked {
		if t.Overlaps(r) {
			return false
		}
	}
	return true
}

// render draws the scene.
func (s *scene) render() pix.Image {
	c := &canvas{img: pix.New(Side, Side)}
	for _, op := range s.ops {
		op(c)
	}
	return c.img
}

// quad is the corners of a rectangle of a surface in the image.
func (on *surface) quad(x0, y0, x1, y1 float64) []pt {
	return []pt{on.m.apply(pt{x0, y0}), on.m.apply(pt{x1, y0}), on.m.apply(pt{x1, y1}), on.m.apply(pt{x0, y1})}
}

// roundRect is a rectangle of a surface with rounded corners in the image.
func (on *surface) roundRect(x0, y0, x1, y1, r float64) []pt {
	r = min(r, (x1-x0)/2, (y1-y0)/2)
	if r <= 0 {
		return on.quad(x0, y0, x1, y1)
	}
	const n = 8
	var ps []pt
	corner := func(cx, cy, from float64) {
		for i := range n + 1 {
			// A quarter circle from two eighths: the series hold up to 0.8.
			t := mul(math.Pi/4, mul(float64(i), 2.0/n)-1)
			sn, cs := sine(t), cosine(t)
			dx, dy := (cs-sn)*math.Sqrt2/2, (cs+sn)*math.Sqrt2/2
			switch from { // turn the corner that lies at the lower right
			case 1:
				dx, dy = -dy, dx
			case 2:
				dx, dy = -dx, -dy
			case 3:
				dx, dy = dy, -dx
			}
			ps = append(ps, on.m.apply(pt{cx + mul(r, dx), cy + mul(r, dy)}))
		}
	}
	corner(x1-r, y1-r, 0)
	corner(x0+r, y1-r, 1)
	corner(x0+r, y0+r, 2)
	corner(x1-r, y0+r, 3)
	return ps
}

// circle is a disk of a surface in the image.
func (on *surface) circle(cx, cy, r float64) []pt { return on.roundRect(cx-r, cy-r, cx+r, cy+r, r) }
