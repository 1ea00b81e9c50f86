package plot

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"github.com/vtbench/vtbench/reports/format"
	"github.com/vtbench/vtbench/reports/view"
)

// A Histogram compares distributions of one value: the same person against
// different ones. Each is drawn as shares of its own, so that sets of different
// sizes compare.
type Histogram struct {
	Title, Note string
	X           Axis
	Bars        int // 0 is 40
	Sets        []Set
	Marks       []Mark
}

// A Set is one distribution.
type Set struct {
	Name   string
	Style  view.Style
	Values []float64
}

// A Mark is a vertical line with a name: a threshold.
type Mark struct {
	X    float64
	Name string
}

// Heading implements Drawing.
func (h Histogram) Heading() string { return h.Title }

// Describe implements Drawing.
func (h Histogram) Describe() string {
	var b strings.Builder
	for _, s := range h.Sets {
		v := slices.DeleteFunc(slices.Clone(s.Values), func(x float64) bool { return !finite(x) })
		if len(v) == 0 {
			fmt.Fprintf(&b, "%s: nothing. ", format.Line(s.Name))
			continue
		}
		slices.Sort(v)
		k := orOne(h.X.Scale)
		fmt.Fprintf(&b, "%s: %d values, median %s, middle half %s to %s. ", format.Line(s.Name), len(v), short(v[len(v)/2]*k), short(v[len(v)/4]*k), short(v[3*len(v)/4]*k))
	}
	for _, m := range h.Marks {
		fmt.Fprintf(&b, "%s at %s. ", format.Line(m.Name), short(m.X*orOne(h.X.Scale)))
	}
	return strings.TrimSpace(b.String())
}

// PNG implements Drawing.
func (h Histogram) PNG() ([]byte, error) { return painter(h.paint).png(h.Title, Width, Height*.8) }

// SVG implements Drawing.
func (h Histogram) SVG() ([]byte, error) {
	return painter(h.paint).svg(h.Title, Width, Height*.8)
}

// counts are the shares of each set in equal bars over the range of all.
func (h Histogram) counts() (lo, hi float64, shares [][]float64) {
	n := h.Bars
	if n <= 0 {
		n = 40
	}
	lo, hi = math.Inf(1), math.Inf(-1)
	for _, s := range h.Sets {
		for _, v := range s.Values {
			if finite(v) {
				lo, hi = min(lo, v), max(hi, v)
			}
		}
	}
	if h.X.Min != 0 || h.X.Max != 0 {
		lo, hi = h.X.Min, h.X.Max
	}
	if !finite(lo, hi) {
		lo, hi = 0, 1
	}
	if hi <= lo {
		lo, hi = lo-.5, lo+.5
	}
	for _, s := range h.Sets {
		bars := make([]float64, n)
		total := 0
		for _, v := range s.Values {
			if !finite(v) {
				continue
			}
			total++
			if v >= lo && v <= hi {
				bars[min(n-1, int(float64(n)*(v-lo)/(hi-lo)))]++
			}
		}
		for i := range bars {
			bars[i] /= float64(max(1, total))
		}
		shares = append(shares, bars)
	}
	return lo, hi, shares
}

func (h Histogram) paint(c draw.Canvas, th theme) {
	room := frame(c, th, h.Title, h.Note)
	lo, hi, shares := h.counts()
	k := orOne(h.X.Scale)
	top := 0.0
	for _, s := range shares {
		top = max(top, slices.Max(s))
	}
	f := Figure{X: h.X, Y: Axis{Label: "share of each set (%)"}}
	f.X.Min, f.X.Max, f.X.Scale = lo*k, hi*k, 0
	if f.X.Min == 0 && f.X.Max == 0 {
		f.X.Max = 1
	}
	f.Y.Min, f.Y.Max = 0, max(top*100*1.15, 1)
	p := f.build(th, false)
	p.Add(bars{h: h, theme: th, lo: lo * k, hi: hi * k, shares: shares})
	p.Draw(room)
}

// bars draws the steps of a histogram, names at their peaks, and the marks.
type bars struct {
	h Histogram
	theme
	lo, hi float64
	shares [][]float64
}

// Plot implements plot.Plotter.
func (b bars) Plot(c draw.Canvas, p *plot.Plot) {
	tx, ty := p.Transforms(&c)
	var taken []vg.Rectangle
	for i, s := range b.h.Sets {
		col := b.colour(s.Style)
		n := len(b.shares[i])
		line := []vg.Point{{X: tx(b.lo), Y: ty(0)}}
		for j, v := range b.shares[i] {
			x0, x1 := b.lo+(b.hi-b.lo)*float64(j)/float64(n), b.lo+(b.hi-b.lo)*float64(j+1)/float64(n)
			line = append(line, vg.Point{X: tx(x0), Y: ty(100 * v)}, vg.Point{X: tx(x1), Y: ty(100 * v)})
		}
		line = append(line, vg.Point{X: tx(b.hi), Y: ty(0)})
		c.FillPolygon(fade(col, 0x38), line)
		c.StrokeLines(draw.LineStyle{Color: col, Width: 1.2}, line)
	}
	var marks, sets []string
	for _, m := range b.h.Marks {
		marks = append(marks, m.Name)
	}
	for _, s := range b.h.Sets {
		sets = append(sets, s.Name)
	}
	marks, sets = fitted(marks, sideName), fitted(sets, sideName)
	for i, m := range b.h.Marks {
		x := tx(m.X * orOne(b.h.X.Scale))
		c.StrokeLine2(draw.LineStyle{Color: b.soft, Width: 1, Dashes: []vg.Length{3, 2}}, x, c.Min.Y, x, c.Max.Y)
		st := textStyle(sans, labelSize, b.soft)
		st.YAlign = draw.YTop
		name := marks[i]
		at := vg.Point{X: x + 4, Y: c.Max.Y - 1}
		if at.X+st.Width(name) > c.Max.X {
			at.X = x - 4 - st.Width(name)
		}
		c.FillText(st, at, name)
		taken = append(taken, vg.Rectangle{Min: vg.Point{X: at.X, Y: at.Y - labelSize*1.3}, Max: vg.Point{X: at.X + st.Width(name), Y: at.Y}})
	}
	for i, s := range b.h.Sets {
		peak := 0
		for j, v := range b.shares[i] {
			if v > b.shares[i][peak] {
				peak = j
			}
		}
		st := textStyle(bold, labelSize, b.name(s.Style))
		name := sets[i]
		w := st.Width(name)
		x := tx(b.lo + (b.hi-b.lo)*(float64(peak)+.5)/float64(len(b.shares[i])))
		at := vg.Point{X: min(max(x-w/2, c.Min.X+2), c.Max.X-w-2), Y: min(ty(100*b.shares[i][peak])+4, c.Max.Y-labelSize*1.3)}
		box := func() vg.Rectangle {
			return vg.Rectangle{Min: at, Max: vg.Point{X: at.X + w, Y: at.Y + labelSize*1.3}}
		}
		for try := 0; try < 8 && slices.ContainsFunc(taken, func(r vg.Rectangle) bool { return overlap(r, box()) > 0 }); try++ {
			at.Y -= labelSize * 1.3
		}
		taken = append(taken, box())
		c.FillText(st, at, name)
	}
}
