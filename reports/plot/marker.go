package plot

import (
	"image/color"
	"math"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"github.com/vtbench/vtbench/reports/view"
)

// shapes are the corners of the markers of view.Style on a circle of radius 1,
// scaled to look equally large; nil is the circle itself.
var shapes = [view.Markers][]vg.Point{
	nil,
	polygon(4, 1.12, math.Pi/4),
	polygon(3, 1.32, math.Pi/2),
	polygon(4, 1.18, 0),
	polygon(3, 1.32, -math.Pi/2),
	polygon(5, 1.1, math.Pi/2),
	star(5, 1.38, .58),
}

func polygon(n int, r, turn float64) []vg.Point {
	out := make([]vg.Point, n)
	for i := range out {
		s, c := math.Sincos(turn + 2*math.Pi*float64(i)/float64(n))
		out[i] = vg.Point{X: vg.Length(r * c), Y: vg.Length(r * s)}
	}
	return out
}

func star(n int, outer, inner float64) []vg.Point {
	out := make([]vg.Point, 2*n)
	for i := range out {
		r := outer
		if i%2 == 1 {
			r = inner
		}
		s, c := math.Sincos(math.Pi/2 + math.Pi*float64(i)/float64(n))
		out[i] = vg.Point{X: vg.Length(r * c), Y: vg.Length(r * s)}
	}
	return out
}

// drawMarker draws a marker with a rim of the ground's colour, so that markers
// that lie on each other stay apart. A hollow one shows the ground inside.
func drawMarker(c draw.Canvas, th theme, s view.Style, at vg.Point, r vg.Length, hollow bool) {
	shape := shapes[((s.Marker%view.Markers)+view.Markers)%view.Markers]
	path := func(scale vg.Length) vg.Path {
		var p vg.Path
		if shape == nil {
			p.Move(vg.Point{X: at.X + scale, Y: at.Y})
			p.Arc(at, scale, 0, 2*math.Pi)
			p.Close()
			return p
		}
		for i, q := range shape {
			pt := vg.Point{X: at.X + q.X*scale, Y: at.Y + q.Y*scale}
			if i == 0 {
				p.Move(pt)
			} else {
				p.Line(pt)
			}
		}
		p.Close()
		return p
	}
	fill := func(col color.Color, scale vg.Length) {
		c.SetColor(col)
		c.Fill(path(scale))
	}
	fill(th.ground, r+1)
	fill(th.colour(s), r)
	if hollow {
		fill(th.ground, r*.52)
	}
}
