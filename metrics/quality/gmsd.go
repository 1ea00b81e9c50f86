package quality

import (
	"math"

	"github.com/vtbench/vtbench/metrics"
	"github.com/vtbench/vtbench/pix"
)

var gmsd = definition{
	spec: metrics.Spec{
		ID: "gmsd", Version: 1, Title: "GMSD", Better: metrics.Lower, Min: 0, Max: 1, Scope: metrics.PerImage,
		Source: "Xue et al. 2014: luma (unrounded), 2×2 means, Prewitt/3, T 170, standard deviation with N−1; the authors' GMSD.m",
		Role:   metrics.RoleQuality, Show: metrics.Fixed(4), Margin: metrics.Margin{Absolute: .002},
		Short: "deviation of gradients, 0 is identical",
		Long:  "Spread of local gradient similarity: one bad place counts more than the same damage spread evenly.",
	},
	minSide: 4,
	prepare: func(ref pix.Image, mem *memory) scorer {
		g := &gradients{w: (ref.W + 1) / 2, h: (ref.H + 1) / 2}
		plane := halfLuma(mem, ref)
		g.squares = mem.floats(g.w * g.h)
		for y := range g.h {
			prewitt(g.squares[y*g.w:(y+1)*g.w], plane, y, g.w, gmsdScale)
		}
		return g
	},
}

const (
	gmsdT = 170
	// gmsdScale takes squared sums of 2×2 pixels in thousandths to squared Prewitt
	// gradients of mean luma.
	gmsdScale = 1 / (3 * 4000.0 * 3 * 4000.0)
)

// GMSD is the gradient magnitude similarity deviation: 0 for identical images,
// larger the worse. Sides must be at least 4.
func GMSD(ref, got pix.Image) (float64, error) { return gmsd.score(ref, got) }

// GMSDMap returns the gradient magnitude similarity for every pixel, 1 where both
// gradients agree; GMSD is its standard deviation, at half the resolution.
func GMSDMap(ref, got pix.Image) (Map, error) {
	if err := check(gmsd.spec.ID, gmsd.minSide, ref, got); err != nil {
		return Map{}, err
	}
	mem := borrow()
	defer mem.giveBack()
	g := gmsd.prepare(ref, mem).(*gradients)
	inner := make([]float32, g.w*g.h)
	g.rows(got, mem, func(y int, loss []float64) {
		for x, v := range loss {
			inner[y*g.w+x] = float32(1 - v)
		}
	})
	return spread(inner, g.w, g.h, ref.W, ref.H, 0, 2), nil
}

// gradients are the squared gradient magnitudes of a reference at half resolution.
type gradients struct {
	w, h    int
	squares []float64
}

func (g *gradients) score(got pix.Image, mem *memory) float64 {
	// The loss 1−GMS has the deviation of GMS, and sums near zero lose no digits.
	sum, squares := 0.0, 0.0
	g.rows(got, mem, func(_ int, loss []float64) {
		for _, v := range loss {
			sum += v
			squares += v * v
		}
	})
	n := float64(g.w * g.h)
	return math.Sqrt(max(squares-sum*sum/n, 0) / (n - 1))
}

// rows calls f with 1 − gradient magnitude similarity, row by row.
func (g *gradients) rows(got pix.Image, mem *memory, f func(y int, loss []float64)) {
	plane := halfLuma(mem, got)
	row := mem.floats(g.w)
	for y := range g.h {
		prewitt(row, plane, y, g.w, gmsdScale)
		ref := g.squares[y*g.w:][:len(row)]
		for x, b := range row {
			a := ref[x]
			row[x] = (a + b - 2*math.Sqrt(a*b)) / (a + b + gmsdT)
		}
		f(y, row)
	}
}

// halfLuma returns sums of luma over 2×2 pixels in thousandths, which are integers;
// beyond an odd edge there is zero. A ring of zeros, one wide, lies around it.
func halfLuma(mem *memory, m pix.Image) []float64 {
	w, h := (m.W+1)/2, (m.H+1)/2
	out := mem.floats((w + 2) * (h + 2))
	clear(out[:w+2])
	clear(out[(h+1)*(w+2):])
	for y := range h {
		row := out[(y+1)*(w+2):][:w+2]
		row[0], row[w+1] = 0, 0
		top := m.Row(2 * y)
		full := m.W / 2
		if 2*y+1 < m.H {
			bottom := m.Row(2*y + 1)
			for x := range full {
				p, q := top[6*x:6*x+6:6*x+6], bottom[6*x:6*x+6:6*x+6]
				r := int32(p[0]) + int32(p[3]) + int32(q[0]) + int32(q[3])
				g := int32(p[1]) + int32(p[4]) + int32(q[1]) + int32(q[4])
				b := int32(p[2]) + int32(p[5]) + int32(q[2]) + int32(q[5])
				row[x+1] = float64(299*r + 587*g + 114*b)
			}
			if m.W%2 == 1 {
				p, q := top[6*full:], bottom[6*full:]
				row[w] = float64(299*(int32(p[0])+int32(q[0])) + 587*(int32(p[1])+int32(q[1])) + 114*(int32(p[2])+int32(q[2])))
			}
			continue
		}
		for x := range w {
			p := top[6*x:]
			v := 299*int32(p[0]) + 587*int32(p[1]) + 114*int32(p[2])
			if 2*x+1 < m.W {
				v += 299*int32(p[3]) + 587*int32(p[4]) + 114*int32(p[5])
			}
			row[x+1] = float64(v)
		}
	}
	return out
}

// prewitt fills dst with squared gradient magnitudes of row y of a plane w wide
// with a ring around it, times scale.
func prewitt(dst, plane []float64, y, w int, scale float64) {
	up := plane[y*(w+2):][:w+2]
	mid := plane[(y+1)*(w+2):][:w+2]
	down := plane[(y+2)*(w+2):][:w+2]
	dst = dst[:w]
	// Sums and differences of columns slide along: left, centre, right.
	s0, s1 := up[0]+mid[0]+down[0], up[1]+mid[1]+down[1]
	d0, d1 := down[0]-up[0], down[1]-up[1]
	for x := range dst {
		u, v := up[x+2], down[x+2]
		s2, d2 := u+mid[x+2]+v, v-u
		gx, gy := s2-s0, d0+d1+d2
		dst[x] = (gx*gx + gy*gy) * scale
		s0, s1, d0, d1 = s1, s2, d1, d2
	}
}
