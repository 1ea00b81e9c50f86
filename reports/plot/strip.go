package plot

import (
	"cmp"
	"fmt"
	"image"
	"image/color"
	"math"
	"slices"
	"strings"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"github.com/vtbench/vtbench/reports/format"
)

// A Filmstrip is one thing in frames of a film, the original above what became of it, with a
// mark for every frame in which it is.
type Filmstrip struct {
	Title, Note string
	Cells       []StripCell
	Marks       []StripMark
}

// A StripCell is the thing in one frame.
type StripCell struct {
	Frame        int
	Above, Below image.Image
	Text         string // what was read, or how alike it is
	State        StripState
}

// A StripMark is what became of the thing in one frame.
type StripMark struct {
	Frame int
	State StripState
	Edge  bool // a window that tokenizers are given begins here
}

// StripState is whether a thing was read.
type StripState int

// The states there are.
const (
	Uncounted StripState = iota // it does not count in this frame
	Unread
	Right
)

// StateOf is the state for a value that is 1 where the thing was read, 0 where not and NaN
// where it does not count.
func StateOf(right float64) StripState {
	switch {
	case math.IsNaN(right):
		return Uncounted
	case right > 0:
		return Right
	}
	return Unread
}

func (s StripState) String() string { return [...]string{"not counted", "not read", "read"}[s] }

// Heading implements Drawing.
func (f Filmstrip) Heading() string { return f.Title }

// Describe implements Drawing.
func (f Filmstrip) Describe() string {
	var parts []string
	if len(f.Marks) == 0 {
		for _, c := range f.Cells {
			parts = append(parts, fmt.Sprintf("frame %d: %s", c.Frame, cmp.Or(format.Line(c.Text), c.State.String())))
		}
	}
	for i, m := range f.Marks { // runs of one state
		if i == 0 || m.State != f.Marks[i-1].State {
			parts = append(parts, fmt.Sprintf("%s from frame %d", m.State, m.Frame))
		}
	}
	return strings.Join(parts, ", ") + "."
}

// Sizes of a strip, in points.
const (
	stripGap  = 6
	stripLine = noteSize * 1.35
	stripMark = 14 // height of the line of marks
)

// layout is how many cells stand side by side, and the size of a picture.
func (f Filmstrip) layout() (columns int, w, h vg.Length) {
	var tall []float64
	for _, c := range f.Cells {
		b := c.Above.Bounds()
		tall = append(tall, float64(b.Dy())/float64(max(1, b.Dx())))
	}
	slices.SortFunc(tall, cmp.Compare)
	columns = 6
	middle := min(max(tall[len(tall)/2], .15), 1.2)
	if middle < .5 {
		columns = 4
	}
	w = (Width-2*margin)/vg.Length(columns) - stripGap
	return columns, w, w * vg.Length(middle)
}

func (f Filmstrip) height() vg.Length {
	columns, _, h := f.layout()
	rows := vg.Length((len(f.Cells) + columns - 1) / columns)
	return rows*(2*h+2*stripLine+2+stripGap) + stripMark + titleSize*1.7 + noteHeight(f.Note) + 2*margin
}

// PNG implements Drawing.
func (f Filmstrip) PNG() ([]byte, error) { return painter(f.paint).png(f.Title, Width, f.height()) }

// SVG implements Drawing.
func (f Filmstrip) SVG() ([]byte, error) { return painter(f.paint).svg(f.Title, Width, f.height()) }

// ofState is the colour of a state: blue and orange, which all eyes tell apart.
func (t theme) ofState(s StripState) color.RGBA {
	switch s {
	case Right:
		return color.RGBA{0x00, 0x72, 0xB2, 0xFF}
	case Unread:
		return color.RGBA{0xB4, 0x4A, 0x00, 0xFF}
	}
	return t.soft
}

func (f Filmstrip) paint(c draw.Canvas, th theme) {
	room := frame(c, th, f.Title, f.Note)
	columns, w, h := f.layout()
	for i, cell := range f.Cells {
		x := room.Min.X + vg.Length(i%columns)*(w+stripGap)
		y := room.Max.Y - vg.Length(i/columns)*(2*h+2*stripLine+2+stripGap)
		st := textStyle(sans, noteSize, th.soft)
		st.YAlign = draw.YTop
		room.FillText(st, vg.Point{X: x, Y: y}, fmt.Sprintf("frame %d", cell.Frame))
		y -= stripLine
		picture(room, cell.Above, vg.Rectangle{Min: vg.Point{X: x, Y: y - h}, Max: vg.Point{X: x + w, Y: y}})
		y -= h + 2
		picture(room, cell.Below, vg.Rectangle{Min: vg.Point{X: x, Y: y - h}, Max: vg.Point{X: x + w, Y: y}})
		y -= h + 1
		f.mark(room, th, vg.Point{X: x + 4, Y: y - noteSize*.62}, 3, cell.State)
		st = textStyle(sans, noteSize, th.ofState(cell.State))
		st.YAlign = draw.YTop
		text := cell.Text
		if text == "" && cell.State != Uncounted {
			text = cell.State.String()
		}
		room.FillText(st, vg.Point{X: x + 10, Y: y}, clipTo(st, format.Line(text), w-10))
	}
	if len(f.Marks) == 0 {
		return
	}
	first, last := f.Marks[0].Frame, f.Marks[len(f.Marks)-1].Frame
	pitch := (room.Max.X - room.Min.X - 8) / vg.Length(last-first+1)
	pitch = min(pitch, 9)
	for _, m := range f.Marks {
		at := vg.Point{X: room.Min.X + 4 + (vg.Length(m.Frame-first)+.5)*pitch, Y: room.Min.Y + stripMark/2}
		if m.Edge {
			c.StrokeLine2(draw.LineStyle{Color: th.soft, Width: .7, Dashes: []vg.Length{2, 2}}, at.X-pitch/2, at.Y-6, at.X-pitch/2, at.Y+6)
		}
		f.mark(room, th, at, min(3, pitch*.42), m.State)
	}
}

// mark draws a state: full where the thing was read, hollow where it was not, a dot where it
// does not count.
func (Filmstrip) mark(c draw.Canvas, th theme, at vg.Point, r vg.Length, s StripState) {
	disc := func(col color.Color, r vg.Length) {
		var p vg.Path
		p.Move(vg.Point{X: at.X + r, Y: at.Y})
		p.Arc(at, r, 0, 2*math.Pi)
		p.Close()
		c.SetColor(col)
		c.Fill(p)
	}
	switch s {
	case Uncounted:
		disc(th.soft, r*.35)
	case Unread:
		disc(th.ofState(s), r)
		disc(th.ground, r*.6)
	case Right:
		disc(th.ofState(s), r)
	}
}

// picture draws an image as large as it fits, in the middle.
func picture(c draw.Canvas, img image.Image, room vg.Rectangle) {
	b := img.Bounds()
	w, h := room.Max.X-room.Min.X, room.Max.Y-room.Min.Y
	scale := min(w/vg.Length(b.Dx()), h/vg.Length(b.Dy()))
	dx, dy := (w-scale*vg.Length(b.Dx()))/2, (h-scale*vg.Length(b.Dy()))/2
	c.DrawImage(vg.Rectangle{
		Min: vg.Point{X: room.Min.X + dx, Y: room.Min.Y + dy},
		Max: vg.Point{X: room.Max.X - dx, Y: room.Max.Y - dy},
	}, img)
}
