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
	},
	minSide: 16,
	prepare: func(ref pix.Image, mem *memory) scorer {
		h := &haarReference{w: (ref.W + 1) / 2, h: (ref.H + 1) / 2}
		h.coefficients = haarTransform(mem, ref)
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

// haarBands are the magnitudes at one pixel: vertical and horizontal detail at
// widths 2, 4 and 8, and the two chroma means.
type haarBands [8]float64

const (
	haarV2 = iota
	haarH2
	haarV4
	haarH4
	haarV8
	haarH8
	haarI
	haarQ
)

type haarReference struct {
	w, h         int
	coefficients []float64 // haarBands of every pixel
}

// haarTransform returns the magnitudes of an image at half resolution.
func haarTransform(mem *memory, m pix.Image) []float64 {
	w, h := (m.W+1)/2, (m.H+1)/2
	out := mem.floats(w * h * len(haarBands{}))
	at := mem.wide.mark()
	defer mem.wide.release(at)

	// Sums of luma over rectangles from a table of sums, in thousandths of sums over
	// 2×2 pixels: integers far below 2⁵³, so that nothing is rounded. Around the
	// image lies haarPad of zeros.
	y4 := halfLuma(mem, m)
	tw := w + 2*haarPad + 1
	table := mem.floats(tw * (h + 2*haarPad + 1))
	clear(table[:tw*(haarPad+1)])
	for y := range h {
		row, above := table[(y+haarPad+1)*tw:][:tw], table[(y+haarPad)*tw:][:tw]
		clear(row[:haarPad+1])
		from := y4[(y+1)*(w+2)+1:][:w]
		sum := 0.0
		for x, v := range from {
			sum += v
			row[x+haarPad+1] = above[x+haarPad+1] + sum
		}
		for x := w + haarPad + 1; x < tw; x++ {
			row[x] = row[w+haarPad]
		}
	}
	last := table[(h+haarPad)*tw:][:tw]
	for y := h + haarPad + 1; y <= h+2*haarPad; y++ {
		copy(table[y*tw:(y+1)*tw], last)
	}

	chroma := haarChroma(mem, m, w, h)
	for y := range h {
		bands := out[y*w*len(haarBands{}):][:w*len(haarBands{})]
		for k, half := range [3]int{1, 2, 4} {
			// The window of row y covers rows y−half+1 … y+half.
			top, mid, bottom := (y+haarPad-half+1)*tw, (y+haarPad+1)*tw, (y+haarPad+half+1)*tw
			x0 := haarPad - half + 1
			a, b, c := table[top+x0:][:w+2*half], table[mid+x0:][:w+2*half], table[bottom+x0:][:w+2*half]
			scale := 1 / (4000 * 2 * float64(half))
			for x := range w {
				whole := x + 2*half
				al, ar, cl, cr := a[x], a[whole], c[x], c[whole]
				outer := cr - cl + ar - al
				v := outer - 2*(b[whole]-b[x]) // lower half less upper half
				u := (cr - ar) + (cl - al) - 2*(c[x+half]-a[x+half])
				p := bands[x*len(haarBands{})+2*k:][:2]
				p[0], p[1] = math.Abs(v)*scale, math.Abs(u)*scale
			}
		}
		i0, i1 := chroma[2*y*(w+1):][:2*(w+1)], chroma[2*(y+1)*(w+1):][:2*(w+1)]
		for x := range w {
			p := bands[x*len(haarBands{})+haarI:][:2]
			p[0] = math.Abs(i0[2*x] + i0[2*x+2] + i1[2*x] + i1[2*x+2])
			p[1] = math.Abs(i0[2*x+1] + i0[2*x+3] + i1[2*x+1] + i1[2*x+3])
		}
	}
	return out
}

// haarChroma returns I and Q, interleaved, of 2×2 pixels, over 4·4 so that four of
// them sum to a mean of means; below and to the right lies one of zeros.
func haarChroma(mem *memory, m pix.Image, w, h int) []float64 {
	out := mem.floats(2 * (w + 1) * (h + 1))
	clear(out[2*h*(w+1):])
	for y := range h {
		row := out[2*y*(w+1):][:2*(w+1)]
		row[2*w], row[2*w+1] = 0, 0
		top := m.Row(2 * y)
		var bottom []uint8
		if 2*y+1 < m.H {
			bottom = m.Row(2*y + 1)
		}
		for x := range w {
			var r, g, b int32
			if full := 6*x + 6; full <= len(top) && bottom != nil {
				p, q := top[6*x:full:full], bottom[6*x:full:full]
				r = int32(p[0]) + int32(p[3]) + int32(q[0]) + int32(q[3])
				g = int32(p[1]) + int32(p[4]) + int32(q[1]) + int32(q[4])
				b = int32(p[2]) + int32(p[5]) + int32(q[2]) + int32(q[5])
			} else {
				for _, line := range [2][]uint8{top, bottom} {
					for i := 6 * x; i < min(6*x+6, len(line)); i += 3 {
						r, g, b = r+int32(line[i]), g+int32(line[i+1]), b+int32(line[i+2])
					}
				}
			}
			row[2*x] = float64(596*r-274*g-322*b) / 16000
			row[2*x+1] = float64(211*r-523*g+312*b) / 16000
		}
	}
	return out
}

func (r *haarReference) score(got pix.Image, mem *memory) float64 {
	other := haarTransform(mem, got)
	sum, weights := 0.0, 0.0
	n := r.w * r.h
	const bands = len(haarBands{})
	// alike is the sum of two similarities (2ab+C)/(a²+b²+C), with one division.
	alike := func(a0, b0, a1, b1 float64) float64 {
		n0, d0 := 2*a0*b0+haarC, a0*a0+b0*b0+haarC
		n1, d1 := 2*a1*b1+haarC, a1*a1+b1*b1+haarC
		return (n0*d1 + n1*d0) / (d0 * d1)
	}
	for i := range n {
		a, b := (*haarBands)(r.coefficients[i*bands:]), (*haarBands)(other[i*bands:])
		wv, wh := max(a[haarV8], b[haarV8]), max(a[haarH8], b[haarH8])
		wc := (wv + wh) / 2
		sv := haarSigmoid(alike(a[haarV2], b[haarV2], a[haarV4], b[haarV4]) / 2)
		sh := haarSigmoid(alike(a[haarH2], b[haarH2], a[haarH4], b[haarH4]) / 2)
		sc := haarSigmoid(alike(a[haarI], b[haarI], a[haarQ], b[haarQ]) / 2)
		sum += sv*wv + sh*wh + sc*wc
		weights += wv + wh + wc
	}
	if weights == 0 {
		return 1 // both constant: nothing differs in structure
	}
	p := sum / weights
	logit := math.Log(p/(1-p)) / haarAlpha
	return min(logit*logit, 1)
}

// haarSteps divide 0…1; a cubic on each is within 1e-12 of the sigmoid.
const haarSteps = 512

// haarTable holds the sigmoid of α·x at multiples of 1/haarSteps, and its slope per
// step.
var haarTable = func() (t [haarSteps + 2][2]float64) {
	for i := range t {
		s := 1 / (1 + math.Exp(-haarAlpha*float64(i)/haarSteps))
		t[i] = [2]float64{s, haarAlpha * s * (1 - s) / haarSteps}
	}
	return t
}()

// haarSigmoid is 1/(1+exp(−α·x)) for x in [0, 1].
func haarSigmoid(x float64) float64 {
	x *= haarSteps
	i := uint(x)
	if i > haarSteps {
		i = haarSteps
	}
	u := x - float64(i)
	p, q := &haarTable[i], &haarTable[i+1]
	// Cubic Hermite interpolation.
	d := q[0] - p[0]
	return p[0] + u*(p[1]+u*(3*d-2*p[1]-q[1]+u*(p[1]+q[1]-2*d)))
}
