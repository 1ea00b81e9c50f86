package quality

import (
	"math"

	"github.com/vtbench/vtbench/metrics"
	"github.com/vtbench/vtbench/pix"
)

var haarPSI = definition{
	spec: metrics.Spec{
		ID: "haarpsi", Version: 1, Title: "HaarPSI", Better: metrics.Higher, Min: 0, Max: 1, Scope: metrics.PerImage,
		Source: "Reisenhofer et al. 2018: C 30, α 4.2, YIQ, 2×2 means, 3 Haar scales aligned as MATLAB's conv2(…, 'same'); rgcda/haarpsi",
		Role:   metrics.RoleQuality, Show: metrics.Fixed(3), Margin: metrics.Margin{Absolute: .01},
		Short: "perceptual similarity from wavelets, 1 is identical",
		Long:  "Haar wavelet similarity, weighted by where edges are.",
	},
	minSide: 16,
	prepare: func(ref pix.Image, mem *memory) scorer {
		h := &haarReference{w: (ref.W + 1) / 2, h: (ref.H + 1) / 2}
		h.bands = mem.narrow.take(haarBands * h.w * h.h)
		at := mem.wide.mark()
		t := newHaarTable(mem, ref)
		for y := range h.h {
			t.row(y, h.row(y))
		}
		mem.wide.release(at)
		return h
	},
}

const (
	haarC     = 30
	haarAlpha = 4.2
	haarPad   = 4 // half the widest filter
)

// HaarPSI is the Haar wavelet-based perceptual similarity index, 1 for identical
// images. Sides must be at least 16.
func HaarPSI(ref, got pix.Image) (float64, error) { return haarPSI.score(ref, got) }

// Bands are coefficients at every pixel of a row, one after the other: vertical and
// horizontal detail at widths 2, 4 and 8, and two chroma means; all but for their
// sign, which does not matter, as in the source. They are kept in
// float32, which moves the index by less than 1e-8.
const (
	haarV2 = iota
	haarH2
	haarV4
	haarH4
	haarV8
	haarH8
	haarI
	haarQ
	haarBands
)

type haarReference struct {
	w, h  int
	bands []float32
}

func (r *haarReference) row(y int) []float32 { return r.bands[haarBands*r.w*y:][:haarBands*r.w] }

// haarTable makes rows of bands.
type haarTable struct {
	w, h, stride int
	sums         []float64 // of luma over all rectangles from the corner, and haarPad around
	i, q         []float64 // with one column and row of zeros
}

// newHaarTable sums luma in thousandths of sums over 2×2 pixels: integers far below
// 2⁵³, so that nothing is rounded.
func newHaarTable(mem *memory, m pix.Image) *haarTable {
	t := &haarTable{w: (m.W + 1) / 2, h: (m.H + 1) / 2}
	w, h := t.w, t.h
	t.stride = w + 2*haarPad + 1
	t.sums = mem.floats(t.stride * (h + 2*haarPad + 1))
	t.i, t.q = mem.floats((w+1)*(h+1)), mem.floats((w+1)*(h+1))
	clear(t.sums[:t.stride*(haarPad+1)])
	clear(t.i[h*(w+1):])
	clear(t.q[h*(w+1):])
	var blank []uint8 // stands for the row below an odd height
	if m.H%2 == 1 {
		blank = make([]uint8, 3*m.W)
	}
	for y := range h {
		top, bottom := m.Row(2*y), blank
		if 2*y+1 < m.H {
			bottom = m.Row(2*y + 1)
		}
		at := (y+haarPad+1)*t.stride + haarPad + 1
		clear(t.sums[at-haarPad-1 : at])
		row, above := t.sums[at:][:w], t.sums[at-t.stride:][:w]
		rowI, rowQ := t.i[y*(w+1):][:w+1], t.q[y*(w+1):][:w+1]
		rowI[w], rowQ[w] = 0, 0
		sum := 0.0
		for x := range m.W / 2 {
			u, v := top[6*x:6*x+6:6*x+6], bottom[6*x:6*x+6:6*x+6]
			r := int32(u[0]) + int32(u[3]) + int32(v[0]) + int32(v[3])
			g := int32(u[1]) + int32(u[4]) + int32(v[1]) + int32(v[4])
			b := int32(u[2]) + int32(u[5]) + int32(v[2]) + int32(v[5])
			sum += float64(299*r + 587*g + 114*b)
			row[x] = above[x] + sum
			rowI[x] = float64(596*r - 274*g - 322*b)
			rowQ[x] = float64(211*r - 523*g + 312*b)
		}
		if m.W%2 == 1 {
			u, v := top[3*m.W-3:], bottom[3*m.W-3:]
			r, g, b := int32(u[0])+int32(v[0]), int32(u[1])+int32(v[1]), int32(u[2])+int32(v[2])
			row[w-1] = above[w-1] + sum + float64(299*r+587*g+114*b)
			rowI[w-1] = float64(596*r - 274*g - 322*b)
			rowQ[w-1] = float64(211*r - 523*g + 312*b)
		}
		right := t.sums[at+w:][:haarPad]
		for x := range right {
			right[x] = row[w-1]
		}
	}
	last := t.sums[(h+haarPad)*t.stride:][:t.stride]
	for y := h + haarPad + 1; y <= h+2*haarPad; y++ {
		copy(t.sums[y*t.stride:], last)
	}
	return t
}

// row fills out with the bands of row y.
func (t *haarTable) row(y int, out []float32) {
	w := t.w
	for k, half := range [3]int{1, 2, 4} {
		// The window of row y covers rows y−half+1 … y+half, and columns alike; a, b and c
		// are the sums above it, to its middle and to its end.
		at := (y+haarPad-half+1)*t.stride + haarPad - half + 1
		a, b, c := t.sums[at:], t.sums[at+half*t.stride:], t.sums[at+2*half*t.stride:]
		al, am, ar := a[:w], a[half:][:w], a[2*half:][:w]
		bl, br := b[:w], b[2*half:][:w]
		cl, cm, cr := c[:w], c[half:][:w], c[2*half:][:w]
		scale := 1 / (4000 * 2 * float64(half))
		vertical, horizontal := out[2*k*w:][:w], out[(2*k+1)*w:][:w]
		for x, p := range al {
			q, r, s := ar[x], cl[x], cr[x]
			vertical[x] = float32(((s - r) + (q - p) - 2*(br[x]-bl[x])) * scale)
			horizontal[x] = float32(((s - q) + (r - p) - 2*(cm[x]-am[x])) * scale)
		}
	}
	for k, p := range [2][]float64{t.i, t.q} {
		top, bottom, to := p[y*(w+1):][:w+1], p[(y+1)*(w+1):][:w+1], out[(haarI+k)*w:][:w]
		left := top[0] + bottom[0]
		for x := range to {
			right := top[x+1] + bottom[x+1]
			to[x] = float32((left + right) * (1.0 / 16000))
			left = right
		}
	}
}

func (r *haarReference) score(got pix.Image, mem *memory) float64 {
	t := newHaarTable(mem, got)
	w := r.w
	bands := mem.narrow.take(haarBands * w)
	sum, weights := 0.0, 0.0
	for y := range r.h {
		t.row(y, bands)
		s, u := haarRow(w, r.row(y), bands)
		sum += s
		weights += u
	}
	if weights == 0 {
		return 1 // both constant: nothing differs in structure
	}
	p := sum / weights
	logit := math.Log(p/(1-p)) / haarAlpha
	return min(logit*logit, 1)
}

// haarRow sums the weighted similarities of a row, and the weights.
func haarRow(w int, ref, got []float32) (sum, weights float64) {
	band := func(p []float32, k int) []float32 { return p[k*w:][:w] }
	a0, a1, a2, a3 := band(ref, haarV2), band(ref, haarH2), band(ref, haarV4), band(ref, haarH4)
	a4, a5, a6, a7 := band(ref, haarV8), band(ref, haarH8), band(ref, haarI), band(ref, haarQ)
	b0, b1, b2, b3 := band(got, haarV2), band(got, haarH2), band(got, haarV4), band(got, haarH4)
	b4, b5, b6, b7 := band(got, haarV8), band(got, haarH8), band(got, haarI), band(got, haarQ)
	for x := range w {
		v, h := larger(a4[x], b4[x]), larger(a5[x], b5[x])
		c := (v + h) / 2
		sum += haarSigmoid(alike(a0[x], b0[x], a2[x], b2[x]))*float64(v) +
			haarSigmoid(alike(a1[x], b1[x], a3[x], b3[x]))*float64(h) +
			haarSigmoid(alike(a6[x], b6[x], a7[x], b7[x]))*float64(c)
		weights += float64(v) + float64(h) + float64(c)
	}
	return sum, weights
}

// magnitude is |v|, without a branch.
func magnitude(v float32) float32 { return math.Float32frombits(math.Float32bits(v) &^ (1 << 31)) }

// larger is the larger magnitude; of positive floats it is the one with the larger bits.
func larger(a, b float32) float32 {
	return math.Float32frombits(max(math.Float32bits(a)&^(1<<31), math.Float32bits(b)&^(1<<31)))
}

// alike is the mean of two similarities (2|ab|+C)/(a²+b²+C), with one division.
func alike(a0, b0, a1, b1 float32) float32 {
	n0, d0 := 2*magnitude(a0*b0)+haarC, a0*a0+b0*b0+haarC
	n1, d1 := 2*magnitude(a1*b1)+haarC, a1*a1+b1*b1+haarC
	return (n0*d1 + n1*d0) / (2 * d0 * d1)
}

// haarSteps divide 0…1; a cubic on each is within 1e-10 of the sigmoid.
const haarSteps = 256

// haarCubics are the coefficients of those cubics, by Hermite interpolation; the last
// one serves what rounding puts above 1.
var haarCubics = func() (t [haarSteps + 1][4]float64) {
	at := func(i int) (v, slope float64) {
		s := 1 / (1 + math.Exp(-haarAlpha*float64(i)/haarSteps))
		return s, haarAlpha * s * (1 - s) / haarSteps
	}
	for i := range t {
		p0, m0 := at(i)
		p1, m1 := at(i + 1)
		d := p1 - p0
		t[i] = [4]float64{p0, m0, 3*d - 2*m0 - m1, m0 + m1 - 2*d}
	}
	return t
}()

// haarSigmoid is 1/(1+exp(−α·x)) for x in [0, 1].
func haarSigmoid(s float32) float64 {
	x := float64(s) * haarSteps
	i := min(max(int(x), 0), haarSteps)
	c, u := &haarCubics[i], x-float64(i)
	return c[0] + u*(c[1]+u*(c[2]+u*c[3]))
}
