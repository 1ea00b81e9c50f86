package clips

import (
	"image"
	"math"

	"github.com/vtbench/vtbench/datasets"
	"github.com/vtbench/vtbench/datasets/internal/fill"
	"github.com/vtbench/vtbench/datasets/internal/typeset"
	"github.com/vtbench/vtbench/pix"
)

// An affine takes (x, y) to (a·x + b·y + c, d·x + e·y + f). Products are rounded before
// they are added, on every machine alike.
type affine struct{ a, b, c, d, e, f float64 }

func shift(x, y float64) affine { return affine{1, 0, x, 0, 1, y} }

// turn scales and rotates about a centre and moves that to another place. u is the tangent
// of half the angle, so that no machine's sine matters; y runs down, so it turns clockwise.
func turn(scale, u float64, centre, to datasets.Point) affine {
	n := 1 + float64(u*u)
	c, s := float64(scale*(1-float64(u*u)))/n, float64(scale*2*u)/n
	return affine{
		c, -s, to.X - float64(c*centre.X) + float64(s*centre.Y),
		s, c, to.Y - float64(s*centre.X) - float64(c*centre.Y),
	}
}

func (m affine) at(x, y float64) (float64, float64) {
	return float64(m.a*x) + float64(m.b*y) + m.c, float64(m.d*x) + float64(m.e*y) + m.f
}

func (m affine) point(p datasets.Point) datasets.Point {
	x, y := m.at(p.X, p.Y)
	return datasets.Point{X: x, Y: y}
}

// after is the map that does o first, then m.
func (m affine) after(o affine) affine {
	c, f := m.at(o.c, o.f)
	return affine{
		float64(m.a*o.a) + float64(m.b*o.d), float64(m.a*o.b) + float64(m.b*o.e), c,
		float64(m.d*o.a) + float64(m.e*o.d), float64(m.d*o.b) + float64(m.e*o.e), f,
	}
}

func (m affine) inverse() affine {
	det := float64(m.a*m.e) - float64(m.b*m.d)
	i := affine{a: m.e / det, b: -m.b / det, d: -m.d / det, e: m.a / det}
	i.c, i.f = -(float64(i.a*m.c) + float64(i.b*m.f)), -(float64(i.d*m.c) + float64(i.e*m.f))
	return i
}

// reduces reports whether it makes things smaller, so that pixels are averaged.
func (m affine) reduces() bool { return float64(m.a*m.e)-float64(m.b*m.d) < 1-1e-9 }

// A motion takes the coordinates of a world, in pixels, to those of frame t. What shares a
// motion moves as one.
type motion struct{ at func(t int) affine }

// A layer is one thing in a shot, in the coordinates of its world.
type layer interface {
	world() *motion
	// paint paints it as it is in frame t; m is the motion then. Without pixels only the
	// owners are wanted.
	paint(c *canvas, t int, m affine)
}

// A canvas is a frame in the making: its pixels, and which motion each shows.
type canvas struct {
	img    pix.Image // empty where only the owners are wanted
	w, h   int
	owner  []uint8
	motion uint8 // of the layer that is being painted
}

// mixed owns the pixels that show two motions at once.
const mixed = 0

func (c *canvas) bounds() image.Rectangle { return image.Rect(0, 0, c.w, c.h) }

// own says that a layer covers pixel i by alpha, 0 to 256.
func (c *canvas) own(i, alpha int) {
	if c.owner[i] == c.motion || alpha <= 0 {
		return
	}
	c.owner[i] = mixed
	if alpha >= 256 {
		c.owner[i] = c.motion
	}
}

func (c *canvas) blend(i, alpha int, p rgb) {
	c.own(i, alpha)
	if len(c.img.Pix) == 0 {
		return
	}
	to := c.img.Pix[3*i : 3*i+3]
	to[0] = mix(to[0], p.r, alpha)
	to[1] = mix(to[1], p.g, alpha)
	to[2] = mix(to[2], p.b, alpha)
}

func mix(under, over uint8, alpha int) uint8 {
	return uint8((int(under)*(256-alpha) + int(over)*alpha + 128) >> 8)
}

// always is the alpha of what does not fade.
func always(int) int { return 256 }

// A ground is an image that fills the frame, or a window of it that stands still.
type ground struct {
	move   *motion
	img    pix.Image
	window image.Rectangle // of the frame; empty is all of it
	wraps  bool            // goes on at its other side; otherwise it must be larger than what is seen
	alpha  func(t int) int
}

func (g *ground) world() *motion { return g.move }

func (g *ground) paint(c *canvas, t int, m affine) {
	win := c.bounds()
	if !g.window.Empty() {
		win = win.Intersect(g.window)
	}
	alpha := g.alpha(t)
	for y := win.Min.Y; y < win.Max.Y; y++ {
		for x := win.Min.X; x < win.Max.X; x++ {
			c.own(y*c.w+x, alpha)
		}
	}
	if len(c.img.Pix) == 0 || win.Empty() {
		return
	}
	back := m.inverse()
	at := []float64{.5} // samples within a pixel
	if m.reduces() {
		at = []float64{.25, .75}
	}
	n := len(at) * len(at) << (2 * fill.SubBits)
	line := make([]int, 3*win.Dx()) // sums of samples
	for y := win.Min.Y; y < win.Max.Y; y++ {
		to := c.img.Row(y)[3*win.Min.X : 3*win.Max.X]
		if from, ok := g.straight(m, win.Min.X, win.Max.X, y); ok && alpha == 256 {
			copy(to, from)
			continue
		}
		clear(line)
		for _, v := range at {
			for _, u := range at {
				for x := range win.Dx() {
					tx, ty := back.at(float64(win.Min.X+x)+u, float64(y)+v)
					g.sample(line[3*x:3*x+3], fill.Fix(tx-.5), fill.Fix(ty-.5))
				}
			}
		}
		for i, sum := range line {
			to[i] = mix(to[i], uint8((sum+n/2)/n), alpha)
		}
	}
}

// straight are the pixels that lie under those of row y from x0 to x1 where m moves by whole
// pixels, and the image is not cut off there.
func (g *ground) straight(m affine, x0, x1, y int) ([]uint8, bool) {
	dx, dy := int(m.c), int(m.f)
	if m != shift(float64(dx), float64(dy)) || x0-dx < 0 || x1-dx > g.img.W || y-dy < 0 || y-dy >= g.img.H {
		return nil, false
	}
	return g.img.Row(y - dy)[3*(x0-dx) : 3*(x1-dx)], true
}

// sample adds the colour at a place, in 1/256 of a pixel between centres, times 65536.
func (g *ground) sample(sum []int, x, y int) {
	x0, y0, fx, fy := x>>fill.SubBits, y>>fill.SubBits, x&(fill.Subpixels-1), y&(fill.Subpixels-1)
	x1, y1 := x0, y0
	if fx > 0 {
		x1++
	}
	if fy > 0 {
		y1++
	}
	w, h := g.img.W, g.img.H
	if x0 < 0 || y0 < 0 || x1 >= w || y1 >= h {
		x0, x1, y0, y1 = g.inside(x0, w), g.inside(x1, w), g.inside(y0, h), g.inside(y1, h)
	}
	p := g.img.Pix
	a, b, c, d := 3*(y0*w+x0), 3*(y0*w+x1), 3*(y1*w+x0), 3*(y1*w+x1)
	for i := range sum[:3] {
		top := int(p[a+i])*(fill.Subpixels-fx) + int(p[b+i])*fx
		bottom := int(p[c+i])*(fill.Subpixels-fx) + int(p[d+i])*fx
		sum[i] += top*(fill.Subpixels-fy) + bottom*fy
	}
}

// inside is the place of a row or column of the image that stands for one beyond its sides.
func (g *ground) inside(i, n int) int {
	if g.wraps {
		return (i%n + n) % n
	}
	return min(max(i, 0), n-1)
}

// A plate is a rectangle of one colour: a sign, or a bar that hides what is behind it.
type plate struct {
	move           *motion
	x0, y0, x1, y1 float64
	ink            rgb
	hides          bool // words behind it are not scored
}

func (p *plate) world() *motion { return p.move }

func (p *plate) corners(m affine) []datasets.Point {
	return quad(m, p.x0, p.y0, p.x1, p.y1)
}

func (p *plate) paint(c *canvas, _ int, m affine) {
	cs := p.corners(m)
	box := around(cs).Intersect(c.bounds())
	if box.Empty() {
		return
	}
	var mask fill.Mask
	mask.Reset(box)
	last := cs[len(cs)-1]
	for _, q := range cs {
		mask.Edge(fill.Fix(last.X), fill.Fix(last.Y), fill.Fix(q.X), fill.Fix(q.Y))
		last = q
	}
	for row := range box.Dy() {
		sum := int32(0)
		for i, d := range mask.Row(row)[:box.Dx()] {
			sum += d
			if a := fill.Alpha(sum); a > 0 {
				c.blend((box.Min.Y+row)*c.w+box.Min.X+i, a, p.ink)
			}
		}
	}
}

// A word is a line of text that is labelled.
type word struct {
	move     *motion
	id       string // of the track
	line     typeset.Line
	x, y, em float64 // left end of the baseline, and size of the letters
	ink      rgb
	alpha    func(t int) int
}

func (w *word) world() *motion { return w.move }

func (w *word) paint(c *canvas, t int, m affine) {
	alpha := w.alpha(t)
	if alpha == 0 {
		return
	}
	box, cover := w.line.Cover(c.bounds(), func(x, y float64) (float64, float64) {
		return m.at(w.x+float64(x*w.em), w.y+float64(y*w.em))
	})
	for i, a := range cover {
		if a > 0 {
			c.blend((box.Min.Y+i/box.Dx())*c.w+box.Min.X+i%box.Dx(), a*alpha>>8, w.ink)
		}
	}
}

// corners are those of the box of the ink, before it moves.
func (w *word) corners(m affine) []datasets.Point {
	x0, y0, x1, y1 := w.line.Ink()
	return quad(m, w.x+float64(x0*w.em), w.y+float64(y0*w.em), w.x+float64(x1*w.em), w.y+float64(y1*w.em))
}

// A face is one in an image that lies under it.
type face struct {
	move   *motion
	id     string // of the track, and the person
	box    image.Rectangle
	points []datasets.Point
}

func (f *face) world() *motion             { return f.move }
func (f *face) paint(*canvas, int, affine) {}

// quad is a rectangle's corners where m takes them, clockwise from top left.
func quad(m affine, x0, y0, x1, y1 float64) []datasets.Point {
	return []datasets.Point{
		m.point(datasets.Point{X: x0, Y: y0}), m.point(datasets.Point{X: x1, Y: y0}),
		m.point(datasets.Point{X: x1, Y: y1}), m.point(datasets.Point{X: x0, Y: y1}),
	}
}

// around is the box of pixels that points touch.
func around(ps []datasets.Point) image.Rectangle {
	x0, y0, x1, y1 := ps[0].X, ps[0].Y, ps[0].X, ps[0].Y
	for _, p := range ps {
		x0, x1, y0, y1 = min(x0, p.X), max(x1, p.X), min(y0, p.Y), max(y1, p.Y)
	}
	return image.Rect(int(math.Floor(x0)), int(math.Floor(y0)), int(math.Ceil(x1)), int(math.Ceil(y1)))
}

// A shot is what is seen until the next cut.
type shot struct {
	first  int     // frame
	layers []layer // from back to front
	gain   func(t int) int
}

// A film is a clip whose layers are made; only the frames are drawn anew.
type film struct {
	w, h  int
	shots []shot
}

// shotOf is what is seen in frame t.
func (f *film) shotOf(t int) shot {
	s := f.shots[0]
	for _, o := range f.shots[1:] {
		if o.first <= t {
			s = o
		}
	}
	return s
}

// motions are those of a shot; the owner of pixels is the place in it, from 1.
func (s shot) motions() []*motion {
	var out []*motion
	for _, l := range s.layers {
		if placeOf(out, l.world()) == 0 {
			out = append(out, l.world())
		}
	}
	return out
}

func placeOf(ms []*motion, m *motion) int {
	for i, o := range ms {
		if o == m {
			return i + 1
		}
	}
	return 0
}

// draw paints frame t of a shot.
func (f *film) draw(s shot, ms []*motion, t int, pixels bool) *canvas {
	c := &canvas{w: f.w, h: f.h, owner: make([]uint8, f.w*f.h)}
	if pixels {
		c.img = pix.New(f.w, f.h)
	}
	for _, l := range s.layers {
		c.motion = uint8(placeOf(ms, l.world()))
		l.paint(c, t, l.world().at(t))
	}
	if pixels && s.gain != nil {
		if g := s.gain(t); g != 256 {
			for i, v := range c.img.Pix {
				c.img.Pix[i] = uint8(min(255, (int(v)*g+128)>>8))
			}
		}
	}
	return c
}

// frame draws frame t with its labels and the motion from the frame before.
func (f *film) frame(t int) (pix.Image, []datasets.Instance, *pix.Flow) {
	s := f.shotOf(t)
	ms := s.motions()
	now := f.draw(s, ms, t, true)
	var flow *pix.Flow
	if t > 0 {
		flow = f.flow(s, ms, now, t)
	}
	return now.img, f.instances(s, t), flow
}

// whole is how near to a whole number a place is one: below what 32 bits tell apart.
const whole = 1e-5

// flow is the motion of frame t from the frame before it. It is known where a pixel shows
// one motion alone, and all pixels between which it lay in the frame before showed the
// same.
func (f *film) flow(s shot, ms []*motion, now *canvas, t int) *pix.Flow {
	out := pix.NewFlow(f.w, f.h)
	nan := float32(math.NaN())
	if s.first == t {
		for i := range out.DX {
			out.DX[i], out.DY[i] = nan, nan
		}
		return out
	}
	before := f.draw(s, ms, t-1, false)
	back := make([]affine, len(ms)) // from this frame to the one before, less the place itself
	for i, m := range ms {
		back[i] = m.at(t - 1).after(m.at(t).inverse())
		back[i].a--
		back[i].e--
	}
	for y := range f.h {
		for x := range f.w {
			i := y*f.w + x
			who := now.owner[i]
			known := who != mixed
			var dx, dy float64
			if known {
				dx, dy = back[who-1].at(float64(x)+.5, float64(y)+.5)
				x0, x1 := span(float64(x) + dx)
				y0, y1 := span(float64(y) + dy)
				known = x0 >= 0 && y0 >= 0 && x1 < f.w && y1 < f.h &&
					before.owner[y0*f.w+x0] == who && before.owner[y0*f.w+x1] == who &&
					before.owner[y1*f.w+x0] == who && before.owner[y1*f.w+x1] == who
			}
			if known {
				out.DX[i], out.DY[i] = float32(dx), float32(dy)
			} else {
				out.DX[i], out.DY[i] = nan, nan
			}
		}
	}
	return out
}

// span are the pixels between whose centres a place lies, one where it is at a centre.
func span(v float64) (int, int) {
	lo, hi := math.Floor(v+whole), math.Ceil(v-whole)
	return int(lo), int(hi)
}

// instances labels frame t. What is cut off, hidden in part or half faded is there and not
// scored; what cannot be seen is not there.
func (f *film) instances(s shot, t int) []datasets.Instance {
	var out []datasets.Instance
	frame := image.Rect(0, 0, f.w, f.h)
	for k, l := range s.layers {
		m := l.world().at(t)
		var in datasets.Instance
		switch l := l.(type) {
		case *word:
			if l.alpha(t) == 0 {
				continue
			}
			in = datasets.Instance{ID: l.id, Text: l.line.Text, Quad: l.corners(m), Ignore: l.alpha(t) < 128}
			in.Box = around(in.Quad)
		case *face:
			b := l.box
			q := quad(m, float64(b.Min.X), float64(b.Min.Y), float64(b.Max.X), float64(b.Max.Y))
			in = datasets.Instance{ID: l.id, Identity: l.id, Box: image.Rect(
				int(math.Round(q[0].X)), int(math.Round(q[0].Y)), int(math.Round(q[2].X)), int(math.Round(q[2].Y)),
			)}
			for _, p := range l.points {
				in.Points = append(in.Points, m.point(p))
			}
		default:
			continue
		}
		hidden := false
		for _, o := range s.layers[k+1:] {
			if p, ok := o.(*plate); ok && p.hides {
				bar := around(p.corners(p.move.at(t)))
				hidden = hidden || in.Box.In(bar)
				in.Ignore = in.Ignore || in.Box.Overlaps(bar)
			}
		}
		if !in.Box.In(frame) {
			in.Box, in.Quad, in.Ignore = in.Box.Intersect(frame), nil, true
		}
		if !hidden && !in.Box.Empty() {
			out = append(out, in)
		}
	}
	return out
}
