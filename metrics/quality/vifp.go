package quality

import (
	"math"

	"github.com/vtbench/vtbench/metrics"
	"github.com/vtbench/vtbench/pix"
)

var vifp = definition{
	spec: metrics.Spec{
		ID: "vifp", Version: 1, Title: "VIFp", Better: metrics.Higher, Min: 0, Max: metrics.Unbounded(1), Scope: metrics.PerImage,
		Source: "Sheikh & Bovik 2006 in the pixel domain: luma, 4 scales, windows 17/9/5/3 with σ = N/5, σn² 2; LIVE's vifp_mscale.m",
		Role:   metrics.RoleQuality, Show: metrics.Fixed(3), Margin: metrics.Margin{Absolute: .01},
		Short: "visual information kept, 1 is all of it",
		Long:  "Visual information fidelity in the pixel domain; sharpening can raise it above 1.",
	},
	minSide: 41,
	prepare: func(ref pix.Image, mem *memory) scorer { return newVIFReference(ref, mem) },
}

const (
	vifNoise = 2     // σn², the variance of the visual noise
	vifTiny  = 1e-10 // variances below count as none
)

// vifWindows are the windows of the four scales.
var vifWindows = [4][]float64{
	gaussian[float64](8, 17.0/5), gaussian[float64](4, 9.0/5), gaussian[float64](2, 5.0/5), gaussian[float64](1, 3.0/5),
}

// VIFP is the visual information fidelity in the pixel domain: the information
// about the scene that is left, 1 for identical images, above 1 where contrast was
// enhanced. It is not symmetric. Sides must be at least 41. A reference without
// any information (constant luma) scores 1 against a constant image and 0 against
// any other.
func VIFP(ref, got pix.Image) (float64, error) { return vifp.score(ref, got) }

// vifScale is the reference at one scale.
type vifScale struct {
	w, h              int
	x, mean, variance []float64 // the plane, and its filtered mean and variance
}

type vifReference struct {
	scales [4]vifScale
	total  float64 // information in the reference, in nats
}

// vifNext filters with the window of the next scale and keeps every second pixel.
func vifNext(mem *memory, p []float64, w, h, scale int) (q []float64, ow, oh int) {
	taps := vifWindows[scale]
	r := len(taps) - 1
	ow, oh = (w-2*r+1)/2, (h-2*r+1)/2
	q = mem.floats(ow * oh)
	at := mem.wide.mark()
	defer mem.wide.release(at)
	column, row := mem.floats(w), mem.floats(w-2*r)
	for y := range oh { // columns first: only every second row is wanted
		convolve(column, p[2*y*w:], w, taps)
		convolve(row, column, 1, taps)
		out := q[y*ow : (y+1)*ow]
		for x := range out {
			out[x] = row[2*x]
		}
	}
	return q, ow, oh
}

// vifPlane is luma centred on 128, which keeps squares small; variances do not
// notice.
func vifPlane(mem *memory, m pix.Image) []float64 {
	p := mem.floats(m.W * m.H)
	luma(p, m)
	for i := range p {
		p[i] -= 128
	}
	return p
}

func newVIFReference(ref pix.Image, mem *memory) *vifReference {
	v := &vifReference{}
	p, w, h := vifPlane(mem, ref), ref.W, ref.H
	for i := range v.scales {
		if i > 0 {
			p, w, h = vifNext(mem, p, w, h, i)
		}
		r := len(vifWindows[i]) - 1
		iw, ih := w-2*r, h-2*r
		s := vifScale{w: w, h: h, x: p, mean: mem.floats(iw * ih), variance: mem.floats(iw * ih)}
		at := mem.wide.mark()
		sweep(mem, 2, w, h, vifWindows[i], func(y int, in [][]float64) {
			a, b := in[0], in[1][:len(in[0])]
			copy(a, p[y*w:(y+1)*w])
			for x, u := range a {
				b[x] = u * u
			}
		}, func(y int, out [][]float64) {
			mean, variance := s.mean[y*iw:(y+1)*iw], s.variance[y*iw:(y+1)*iw]
			nats := newLogSum()
			for x, mu := range out[0][:iw] {
				u := out[1][x] - mu*mu
				if u < vifTiny {
					u = 0
				}
				mean[x], variance[x] = mu, u
				nats.add(1 + u/vifNoise)
			}
			v.total += nats.value()
		})
		mem.wide.release(at)
		v.scales[i] = s
	}
	return v
}

func (v *vifReference) score(got pix.Image, mem *memory) float64 {
	kept := 0.0
	p := vifPlane(mem, got)
	changed := false
	for i := range v.scales {
		s := &v.scales[i]
		w, h := s.w, s.h
		if i > 0 {
			p, w, h = vifNext(mem, p, v.scales[i-1].w, v.scales[i-1].h, i)
		}
		iw := w - 2*(len(vifWindows[i])-1)
		at := mem.wide.mark()
		sweep(mem, 3, w, h, vifWindows[i], func(y int, in [][]float64) {
			q, ref := p[y*w:(y+1)*w], s.x[y*w:(y+1)*w]
			a, b, c := in[0][:len(q)], in[1][:len(q)], in[2][:len(q)]
			ref = ref[:len(q)]
			for x, u := range q {
				a[x], b[x], c[x] = u, u*u, u*ref[x]
			}
		}, func(y int, out [][]float64) {
			mean, variance := s.mean[y*iw:][:iw], s.variance[y*iw:][:iw]
			m, mm, mx := out[0][:iw], out[1][:iw], out[2][:iw]
			nats := newLogSum()
			for x, varX := range variance {
				varY := mm[x] - m[x]*m[x]
				changed = changed || varY >= vifTiny
				if varX < vifTiny || varY < vifTiny {
					continue // gain 0
				}
				cov := mx[x] - mean[x]*m[x]
				gain := cov / (varX + vifTiny)
				if gain <= 0 {
					continue
				}
				rest := max(varY-gain*cov, vifTiny)
				nats.add(1 + gain*gain*varX/(rest+vifNoise))
			}
			kept += nats.value()
		})
		mem.wide.release(at)
	}
	if v.total == 0 {
		if changed {
			return 0
		}
		return 1
	}
	return kept / v.total
}

// logSum is the sum of logarithms of numbers from 1 to 1e100, by products, which are
// far cheaper; the logarithm is taken before they overflow.
type logSum struct{ sum, product float64 }

func newLogSum() logSum { return logSum{0, 1} }

func (l *logSum) add(v float64) {
	l.product *= v
	if l.product > 1e200 {
		l.sum += math.Log(l.product)
		l.product = 1
	}
}

func (l *logSum) value() float64 { return l.sum + math.Log(l.product) }
