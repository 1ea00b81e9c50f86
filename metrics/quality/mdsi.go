package quality

import (
	"math"

	"github.com/vtbench/vtbench/metrics"
	"github.com/vtbench/vtbench/pix"
)

var mdsi = definition{
	spec: metrics.Spec{
		ID: "mdsi", Version: 1, Title: "MDSI", Better: metrics.Lower, Min: 0, Max: 1, Scope: metrics.PerImage,
		Source: "Nafchi et al. 2016: LHM colours, C1 140, C2 55, C3 550, α .6, summation, q = o = 1/4; the authors' MDSI.m",
		Role:   metrics.RoleQuality, Show: metrics.Fixed(3), Margin: metrics.Margin{Absolute: .005},
		Short: "deviation of gradients and colours, 0 is identical",
		Long:  "Mean deviation similarity of gradients and chroma.",
	},
	minSide: 4,
	prepare: func(ref pix.Image, mem *memory) scorer {
		p, w, h := mdsiPlanes(mem, ref)
		m := &mdsiReference{l: p[0], hue: p[1], m: p[2], gradient: mem.floats(w * h)}
		for y := range h {
			prewitt(m.gradient[y*w:(y+1)*w], m.l, y, w, 1.0/9)
		}
		return m
	},
}

const (
	mdsiC1    = 140
	mdsiC2    = 55
	mdsiC3    = 550
	mdsiAlpha = 0.6
)

// MDSI is the mean deviation similarity index: 0 for identical images, larger the
// worse. It is not symmetric. Sides must be at least 4.
func MDSI(ref, got pix.Image) (float64, error) { return mdsi.score(ref, got) }

type mdsiReference struct {
	l        []float64 // luminance with a ring of zeros
	hue, m   []float64
	gradient []float64 // squared magnitudes of l
}

// mdsiPlanes returns L with a ring of zeros, H and M of an image, shrunk.
func mdsiPlanes(mem *memory, m pix.Image) (lhm [3][]float64, w, h int) {
	f := poolFactor(m.W, m.H)
	var rgb [3][]float64
	for c := range rgb {
		p := mem.floats(m.W * m.H)
		channel(p, m, c)
		rgb[c], w, h = pool(mem, p, m.W, m.H, f, zeroBorder)
	}
	lhm[0] = mem.zeros((w + 2) * (h + 2))
	lhm[1], lhm[2] = mem.floats(w*h), mem.floats(w*h)
	for y := range h {
		at := y * w
		r, g, b := rgb[0][at:at+w], rgb[1][at:at+w], rgb[2][at:at+w]
		l, hue, mm := lhm[0][(y+1)*(w+2)+1:][:w], lhm[1][at:at+w], lhm[2][at:at+w]
		for x := range r {
			l[x] = .2989*r[x] + .5870*g[x] + .1140*b[x]
			hue[x] = .30*r[x] + .04*g[x] - .35*b[x]
			mm[x] = .34*r[x] - .60*g[x] + .17*b[x]
		}
	}
	return lhm, w, h
}

func (r *mdsiReference) score(got pix.Image, mem *memory) float64 {
	p, w, h := mdsiPlanes(mem, got)
	n := w * h
	mean := mem.floats((w + 2) * (h + 2)) // of both luminances, ring and all
	for i, v := range p[0] {
		mean[i] = (v + r.l[i]) / 2
	}
	row, fused := mem.floats(w), mem.floats(w)
	// The similarity may be negative, and its fourth root then is complex:
	// |s|^¼·(1+i)/√2. Positive roots are kept as they are, others with a minus sign.
	roots := mem.floats(n)
	re, im := 0.0, 0.0
	for y := range h {
		prewitt(row, p[0], y, w, 1.0/9)
		prewitt(fused, mean, y, w, 1.0/9)
		at := y * w
		for x := range w {
			i := at + x
			rr, dd, ff := r.gradient[i], row[x], fused[x]
			gr, gd, gf := math.Sqrt(rr), math.Sqrt(dd), math.Sqrt(ff)
			gs := (2*gr*gd+mdsiC1)/(rr+dd+mdsiC1) + (2*gd*gf+mdsiC2)/(dd+ff+mdsiC2) - (2*gr*gf+mdsiC2)/(rr+ff+mdsiC2)
			h0, h1, m0, m1 := r.hue[i], p[1][i], r.m[i], p[2][i]
			cs := (2*(h0*h1+m0*m1) + mdsiC3) / (h0*h0 + h1*h1 + m0*m0 + m1*m1 + mdsiC3)
			s := mdsiAlpha*gs + (1-mdsiAlpha)*cs
			root := math.Sqrt(math.Sqrt(math.Abs(s)))
			if s < 0 {
				roots[i] = -root
				re += root / math.Sqrt2
				im += root / math.Sqrt2
				continue
			}
			roots[i] = root
			re += root
		}
	}
	re, im = re/float64(n), im/float64(n)
	sum := 0.0
	for _, v := range roots {
		switch {
		case v < 0:
			sum += math.Hypot(-v/math.Sqrt2-re, -v/math.Sqrt2-im)
		case im == 0:
			sum += math.Abs(v - re)
		default:
			sum += math.Hypot(v-re, im)
		}
	}
	deviation := sum / float64(n)
	if deviation < mdsiTiny {
		return 0 // the fourth root would blow rounding errors up to 1e-4
	}
	return math.Sqrt(math.Sqrt(deviation))
}

// mdsiTiny is less than any two 8-bit images that differ can deviate, and more than
// rounding can.
const mdsiTiny = 1e-13
