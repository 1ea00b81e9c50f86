package plot

import (
	"cmp"
	"image/color"
	"math"
	"slices"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// content draws series, intervals and labels.
type content struct {
	f Figure
	theme
	names bool
}

const (
	sideName = 30 // longest name at the right edge, in characters
	sideGap  = 22 // between the last point's column and the names
)

// radius is smaller where there are no names: in a panel.
func (d content) radius() vg.Length {
	if d.names {
		return markerRadius
	}
	return markerRadius * .72
}

// Plot implements plot.Plotter.
func (d content) Plot(c draw.Canvas, p *plot.Plot) {
	tx, ty := p.Transforms(&c)
	at := func(q Point) vg.Point { return vg.Point{X: tx(q.X), Y: ty(q.Y)} }
	for _, x := range d.f.Rules {
		c.StrokeLine2(draw.LineStyle{Color: d.soft, Width: .7, Dashes: []vg.Length{2, 2}}, tx(x), c.Min.Y, tx(x), c.Max.Y)
	}
	lines := d.families(at)
	for _, l := range lines {
		c.StrokeLines(draw.LineStyle{Color: l.colour, Width: 1, Dashes: []vg.Length{3, 2}}, l.points)
	}
	for _, s := range d.f.Series {
		col := d.colour(s.Style)
		if s.Line && len(s.Points) > 1 {
			line := make([]vg.Point, len(s.Points))
			for i, q := range s.Points {
				line[i] = at(q)
			}
			c.StrokeLines(draw.LineStyle{Color: fade(col, 0x80), Width: 1.2}, line)
		}
		bar := draw.LineStyle{Color: fade(col, 0xB0), Width: 1}
		for _, q := range s.Points {
			x, y := tx(q.X), ty(q.Y)
			if finite(q.Lo, q.Hi) {
				c.StrokeLine2(bar, x, ty(q.Lo), x, ty(q.Hi))
			}
			if finite(q.XLo, q.XHi) {
				c.StrokeLine2(bar, tx(q.XLo), y, tx(q.XHi), y)
			}
		}
	}
	for _, s := range d.f.Series {
		every := max(s.Every, 1)
		for i, q := range s.Points {
			if i%every != every/2 {
				continue
			}
			drawMarker(c, d.theme, s.Style, at(q), d.radius(), q.Hollow)
		}
	}
	switch {
	case !d.names:
	case d.f.Side:
		d.sideLabels(c, p)
	default:
		d.pointLabels(c, at, lines)
	}
}

// A polyline joins the members of a family.
type polyline struct {
	points []vg.Point
	colour color.Color
}

// families joins the members of each family from left to right.
func (d content) families(at func(Point) vg.Point) []polyline {
	var out []polyline
	for _, members := range d.f.Families {
		var line []vg.Point
		col := d.soft
		for _, i := range members {
			if i < 0 || i >= len(d.f.Series) {
				continue
			}
			for _, q := range d.f.Series[i].Points {
				line = append(line, at(q))
			}
			col = d.colour(d.f.Series[i].Style)
		}
		slices.SortFunc(line, func(a, b vg.Point) int { return cmp.Compare(a.X, b.X) })
		if len(line) > 1 {
			out = append(out, polyline{line, fade(mix(col, d.soft, .4), 0x70)})
		}
	}
	return out
}

// steps are small boxes along a line, which names keep away from.
func (l polyline) steps() []vg.Rectangle {
	var out []vg.Rectangle
	for i := 1; i < len(l.points); i++ {
		a, b := l.points[i-1], l.points[i]
		n := math.Ceil(math.Hypot(float64(b.X-a.X), float64(b.Y-a.Y)) / 5)
		for k := 0.0; k <= n && n > 0; k++ {
			t := vg.Length(k / n)
			out = append(out, around(vg.Point{X: a.X + (b.X-a.X)*t, Y: a.Y + (b.Y-a.Y)*t}, 1.8))
		}
	}
	return out
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
	names := d.f.names()
	for i, s := range d.f.Series {
		if len(s.Points) == 0 {
			continue
		}
		q := s.Points[len(s.Points)-1]
		from := vg.Point{X: tx(q.X), Y: ty(q.Y)}
		labels = append(labels, label{names[i], from, from.Y, i})
	}
	slices.SortStableFunc(labels, func(a, b label) int { return cmp.Compare(a.y, b.y) })
	pitch, size := vg.Length(labelSize*1.22), vg.Length(labelSize)
	if room := (c.Max.Y - c.Min.Y) / vg.Length(max(1, len(labels))); room < pitch { // very many
		pitch, size = room, max(room/1.22, 3)
	}
	// Push up from below, then down from the top where the column is too high.
	for i := 1; i < len(labels); i++ {
		labels[i].y = max(labels[i].y, labels[i-1].y+pitch)
	}
	top := c.Max.Y - pitch/2
	for i := len(labels) - 1; i >= 0; i-- {
		labels[i].y = min(labels[i].y, top)
		top = labels[i].y - pitch
	}
	right := tx(p.X.Max) + sideGap
	for _, l := range labels {
		col := d.colour(d.f.Series[l.seriesAt].Style)
		c.StrokeLine2(draw.LineStyle{Color: fade(col, 0x60), Width: 0.7}, l.from.X+markerRadius+1, l.from.Y, right-3, l.y)
		st := textStyle(sans, size, d.name(d.f.Series[l.seriesAt].Style))
		st.YAlign = -0.35
		c.FillText(st, vg.Point{X: right, Y: l.y}, l.name)
	}
}

// pointLabels writes names beside points, trying places around each until one is
// free of markers and other names.
func (d content) pointLabels(c draw.Canvas, at func(Point) vg.Point, lines []polyline) {
	var taken []vg.Rectangle
	for _, l := range lines {
		taken = append(taken, l.steps()...)
	}
	for _, s := range d.f.Series {
		for _, q := range s.Points {
			pt := at(q)
			taken = append(taken, around(pt, markerRadius+1))
			if finite(q.Lo, q.Hi) {
				lo, hi := at(Point{X: q.X, Y: q.Lo}), at(Point{X: q.X, Y: q.Hi})
				taken = append(taken, vg.Rectangle{Min: vg.Point{X: lo.X - 2, Y: lo.Y}, Max: vg.Point{X: hi.X + 2, Y: hi.Y}})
			}
			if finite(q.XLo, q.XHi) {
				lo, hi := at(Point{X: q.XLo, Y: q.Y}), at(Point{X: q.XHi, Y: q.Y})
				taken = append(taken, vg.Rectangle{Min: vg.Point{X: lo.X, Y: lo.Y - 2}, Max: vg.Point{X: hi.X, Y: hi.Y + 2}})
			}
		}
	}
	names := d.f.names()
	for i, s := range d.f.Series {
		if len(s.Points) == 0 {
			continue
		}
		q := s.Points[len(s.Points)-1]
		pt := at(q)
		st := textStyle(sans, labelSize, d.name(s.Style))
		name := names[i]
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
