package plot

import (
	"cmp"
	"math"
	"slices"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"github.com/vtbench/vtbench/reports/format"
)

// content draws series, intervals and labels.
type content struct {
	f Figure
	theme
}

// Sizes of what is drawn, in points.
const (
	markerRadius = 3.1
	labelSize    = 8.2
	sideRoom     = 135 // for names at the right edge
)

// GlyphBoxes implements plot.GlyphBoxer: room for the names at the right edge.
func (d content) GlyphBoxes(p *plot.Plot) []plot.GlyphBox {
	if !d.f.Side {
		return nil
	}
	return []plot.GlyphBox{{X: p.X.Norm(p.X.Max), Y: 0.5, Rectangle: vg.Rectangle{Max: vg.Point{X: sideRoom}}}}
}

// Plot implements plot.Plotter.
func (d content) Plot(c draw.Canvas, p *plot.Plot) {
	tx, ty := p.Transforms(&c)
	at := func(q Point) vg.Point { return vg.Point{X: tx(q.X), Y: ty(q.Y)} }
	for _, s := range d.f.Series {
		col := d.colour(s.Style)
		if s.Line && len(s.Points) > 1 {
			line := make([]vg.Point, len(s.Points))
			for i, q := range s.Points {
				line[i] = at(q)
			}
			c.StrokeLines(draw.LineStyle{Color: fade(col, 0x70), Width: 1.1}, line)
		}
		for _, q := range s.Points {
			if math.IsNaN(q.Lo) || math.IsNaN(q.Hi) {
				continue
			}
			x, lo, hi := tx(q.X), ty(q.Lo), ty(q.Hi)
			bar := draw.LineStyle{Color: fade(col, 0xB0), Width: 1}
			c.StrokeLine2(bar, x, lo, x, hi)
			for _, y := range []vg.Length{lo, hi} {
				c.StrokeLine2(bar, x-2, y, x+2, y)
			}
		}
	}
	for _, s := range d.f.Series {
		for _, q := range s.Points {
			c.DrawGlyph(draw.GlyphStyle{Color: d.colour(s.Style), Radius: markerRadius, Shape: marker(s.Style.Marker)}, at(q))
		}
	}
	if d.f.Side {
		d.sideLabels(c, p)
		return
	}
	d.pointLabels(c, at)
}

// sideLabels writes names at the right edge in the order of the last points,
// moved apart until none overlaps, each joined to its point by a thin line.
func (d content) sideLabels(c draw.Canvas, p *plot.Plot) {
	tx, ty := p.Transforms(&c)
	type label struct {
		name     string
		from     vg.Point
		y        vg.Length
		seriesAt int
	}
	labels := make([]label, 0, len(d.f.Series))
	for i, s := range d.f.Series {
		q := s.Points[len(s.Points)-1]
		from := vg.Point{X: tx(q.X), Y: ty(q.Y)}
		labels = append(labels, label{clip(format.Line(s.Name), 26), from, from.Y, i})
	}
	slices.SortStableFunc(labels, func(a, b label) int { return cmp.Compare(a.y, b.y) })
	const pitch = labelSize * 1.22
	// Push up from below, then down from the top where the column is too high.
	for i := 1; i < len(labels); i++ {
		labels[i].y = max(labels[i].y, labels[i-1].y+pitch)
	}
	top := c.Max.Y - pitch/2
	for i := len(labels) - 1; i >= 0; i-- {
		labels[i].y = min(labels[i].y, top)
		top = labels[i].y - pitch
	}
	right := tx(p.X.Max) + 8
	for _, l := range labels {
		col := d.colour(d.f.Series[l.seriesAt].Style)
		c.StrokeLine2(draw.LineStyle{Color: fade(col, 0x60), Width: 0.7}, l.from.X+markerRadius+1, l.from.Y, right-3, l.y)
		st := textStyle(labelSize, col)
		st.YAlign = -0.35
		c.FillText(st, vg.Point{X: right, Y: l.y}, l.name)
	}
}

// pointLabels writes names beside points, trying places around each until one is
// free of markers and other names.
func (d content) pointLabels(c draw.Canvas, at func(Point) vg.Point) {
	var taken []vg.Rectangle
	for _, s := range d.f.Series {
		for _, q := range s.Points {
			pt := at(q)
			taken = append(taken, around(pt, markerRadius+1))
			if !math.IsNaN(q.Lo) && !math.IsNaN(q.Hi) {
				lo, hi := at(Point{X: q.X, Y: q.Lo}), at(Point{X: q.X, Y: q.Hi})
				taken = append(taken, vg.Rectangle{Min: vg.Point{X: lo.X - 2, Y: lo.Y}, Max: vg.Point{X: hi.X + 2, Y: hi.Y}})
			}
		}
	}
	for _, s := range d.f.Series {
		q := s.Points[len(s.Points)-1]
		pt := at(q)
		st := textStyle(labelSize, d.colour(s.Style))
		name := clip(format.Line(s.Name), 30)
		w, h := st.Width(name), st.Height(name)
		best, bestCost := vg.Rectangle{}, vg.Length(math.Inf(1))
		for _, o := range offsets(w, h) {
			min := vg.Point{X: pt.X + o.X, Y: pt.Y + o.Y}
			r := vg.Rectangle{Min: min, Max: vg.Point{X: min.X + w, Y: min.Y + h}}
			cost := outside(r, c.Rectangle)*50 + vg.Length(math.Hypot(float64(o.X+w/2), float64(o.Y+h/2)))*0.02
			for _, t := range taken {
				cost += overlap(r, t)
			}
			if cost < bestCost {
				best, bestCost = r, cost
			}
		}
		taken = append(taken, best)
		if near := closest(best, pt); math.Hypot(float64(near.X-pt.X), float64(near.Y-pt.Y)) > 12 {
			c.StrokeLine2(draw.LineStyle{Color: fade(d.colour(s.Style), 0x60), Width: 0.6}, pt.X, pt.Y, near.X, near.Y)
		}
		c.FillText(st, best.Min, name)
	}
}

// offsets are places for the lower left corner of a w by h name around a point,
// the preferred ones first.
func offsets(w, h vg.Length) []vg.Point {
	var out []vg.Point
	for _, gap := range []vg.Length{6, 16, 28, 42} {
		out = append(out,
			vg.Point{X: gap, Y: -h / 2},
			vg.Point{X: -gap - w, Y: -h / 2},
			vg.Point{X: -w / 2, Y: gap},
			vg.Point{X: -w / 2, Y: -gap - h},
			vg.Point{X: gap * .7, Y: gap * .7},
			vg.Point{X: gap * .7, Y: -gap*.7 - h},
			vg.Point{X: -gap*.7 - w, Y: gap * .7},
			vg.Point{X: -gap*.7 - w, Y: -gap*.7 - h})
	}
	return out
}

func around(p vg.Point, r vg.Length) vg.Rectangle {
	return vg.Rectangle{Min: vg.Point{X: p.X - r, Y: p.Y - r}, Max: vg.Point{X: p.X + r, Y: p.Y + r}}
}

// overlap is the area that two rectangles share.
func overlap(a, b vg.Rectangle) vg.Length {
	w := min(a.Max.X, b.Max.X) - max(a.Min.X, b.Min.X)
	h := min(a.Max.Y, b.Max.Y) - max(a.Min.Y, b.Min.Y)
	if w <= 0 || h <= 0 {
		return 0
	}
	return w * h
}

// outside is how far a rectangle sticks out of another.
func outside(r, c vg.Rectangle) vg.Length {
	return max(0, c.Min.X-r.Min.X) + max(0, r.Max.X-c.Max.X) + max(0, c.Min.Y-r.Min.Y) + max(0, r.Max.Y-c.Max.Y)
}

func closest(r vg.Rectangle, p vg.Point) vg.Point {
	return vg.Point{X: min(max(p.X, r.Min.X), r.Max.X), Y: min(max(p.Y, r.Min.Y), r.Max.Y)}
}

// clip shortens a name in the middle, since both ends tell tokenizers apart.
func clip(s string, n int) string {
	r := []rune(s)
	if len(r) <= n {
		return s
	}
	return string(r[:n/2-1]) + "…" + string(r[len(r)-n/2:])
}
