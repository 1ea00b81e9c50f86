package quality

import (
	"math"
	"sync"

	"github.com/vtbench/vtbench/metrics"
	"github.com/vtbench/vtbench/pix"
)

var (
	fsim = definition{
		spec: metrics.Spec{
			ID: "fsim", Version: 1, Title: "FSIM", Better: metrics.Higher, Min: 0, Max: 1, Scope: metrics.PerImage,
			Source: "Zhang et al. 2011: luma, phase congruency (log-Gabor, 4 scales × 4 orientations, wavelength from 6, σf .55, Δθ 1.2, k 2) and Scharr gradients, T .85/160; the authors' FeatureSIM.m",
			Role:   metrics.RoleQuality, Show: metrics.Fixed(3), Margin: metrics.Margin{Absolute: .005},
			Short: "similarity of edges, 1 is identical",
			Long:  "Phase congruency and gradients of brightness.",
		},
		minSide: 16,
		prepare: func(ref pix.Image, mem *memory) scorer { return newFSIMReference(ref, mem, false) },
	}
	fsimc = definition{
		spec: metrics.Spec{
			ID: "fsimc", Version: 1, Title: "FSIMc", Better: metrics.Higher, Min: 0, Max: 1, Scope: metrics.PerImage,
			Source: "FSIM with chroma: I and Q of YIQ, T 200/200, λ .03; the authors' FeatureSIM.m",
			Role:   metrics.RoleQuality, Show: metrics.Fixed(3), Margin: metrics.Margin{Absolute: .005},
			Short: "similarity of edges and colours, 1 is identical",
			Long:  "FSIM with chroma.",
		},
		minSide: 16,
		prepare: func(ref pix.Image, mem *memory) scorer { return newFSIMReference(ref, mem, true) },
	}
)

const (
	fsimScales       = 4
	fsimOrientations = 4
	fsimWavelength   = 6    // of the finest scale, doubled at each
	fsimSigmaF       = 0.55 // bandwidth of a log-Gabor filter
	fsimDeltaTheta   = 1.2  // spacing of orientations over their spread
	fsimK            = 2    // standard deviations of noise below which nothing counts
	fsimEpsilon      = 1e-4
	fsimT1           = 0.85
	fsimT2           = 160
	fsimT3           = 200
	fsimT4           = 200
	fsimLambda       = 0.03
)

// FSIM is the feature similarity index on luma, 1 for identical images. Sides must be
// at least 16. Images without any feature (both constant) score 1.
func FSIM(ref, got pix.Image) (float64, error) { return fsim.score(ref, got) }

// FSIMC is FSIM with chroma.
func FSIMC(ref, got pix.Image) (float64, error) { return fsimc.score(ref, got) }

// features are what FSIM compares, at every pixel of the shrunk image.
type features struct {
	congruency []float64
	gradient   []float64 // squared magnitudes
	i, q       []float64 // chroma, where wanted
}

type fsimReference struct {
	features
	chroma bool
}

func newFSIMReference(ref pix.Image, mem *memory, chroma bool) *fsimReference {
	return &fsimReference{featuresOf(mem, ref, chroma), chroma}
}

func featuresOf(mem *memory, m pix.Image, chroma bool) features {
	n, f := m.W*m.H, poolFactor(m.W, m.H)
	p := mem.floats(n)
	luma(p, m)
	y, w, h := pool(mem, p, m.W, m.H, f, zeroBorder)
	out := features{congruency: mem.floats(w * h), gradient: mem.floats(w * h)}
	scharr(mem, out.gradient, y, w, h)
	phaseCongruency(mem, out.congruency, y, w, h)
	if !chroma {
		return out
	}
	i, q := mem.floats(n), mem.floats(n)
	for k := range n {
		r, g, b := int32(m.Pix[3*k]), int32(m.Pix[3*k+1]), int32(m.Pix[3*k+2])
		i[k] = float64(596*r-274*g-322*b) / 1000
		q[k] = float64(211*r-523*g+312*b) / 1000
	}
	out.i, _, _ = pool(mem, i, m.W, m.H, f, zeroBorder)
	out.q, _, _ = pool(mem, q, m.W, m.H, f, zeroBorder)
	return out
}

func (r *fsimReference) score(got pix.Image, mem *memory) float64 {
	g := featuresOf(mem, got, r.chroma)
	sum, weights := 0.0, 0.0
	for k, p0 := range r.congruency {
		p1, g0, g1 := g.congruency[k], r.gradient[k], g.gradient[k]
		weight := max(p0, p1)
		s := (2*p0*p1 + fsimT1) / (p0*p0 + p1*p1 + fsimT1) * (2*math.Sqrt(g0*g1) + fsimT2) / (g0 + g1 + fsimT2)
		if r.chroma {
			i0, i1, q0, q1 := r.i[k], g.i[k], r.q[k], g.q[k]
			c := (2*i0*i1 + fsimT3) / (i0*i0 + i1*i1 + fsimT3) * (2*q0*q1 + fsimT4) / (q0*q0 + q1*q1 + fsimT4)
			s *= realPower(c, fsimLambda)
		}
		sum += s * weight
		weights += weight
	}
	if weights == 0 {
		return 1
	}
	return sum / weights
}

// realPower is the real part of v^e, as in the authors' code; v may be negative.
func realPower(v, e float64) float64 {
	if v < 0 {
		return math.Pow(-v, e) * math.Cos(math.Pi*e)
	}
	return math.Pow(v, e)
}

// scharr fills dst with squared gradient magnitudes; outside the image is zero.
func scharr(mem *memory, dst, p []float64, w, h int) {
	at := mem.wide.mark()
	defer mem.wide.release(at)
	ring := mem.zeros((w + 2) * (h + 2))
	for y := range h {
		copy(ring[(y+1)*(w+2)+1:], p[y*w:(y+1)*w])
	}
	for y := range h {
		up, mid, down := ring[y*(w+2):][:w+2], ring[(y+1)*(w+2):][:w+2], ring[(y+2)*(w+2):][:w+2]
		out := dst[y*w:][:w]
		for x := range out {
			gx := 3*(up[x+2]-up[x]) + 10*(mid[x+2]-mid[x]) + 3*(down[x+2]-down[x])
			gy := 3*(down[x]-up[x]) + 10*(down[x+1]-up[x+1]) + 3*(down[x+2]-up[x+2])
			out[x] = (gx*gx + gy*gy) / (16 * 16)
		}
	}
}

// gabor is the filter bank for one size of image: a filter is a radial times an
// angular part.
type gabor struct {
	w, h    int
	radial  [fsimScales][]float64
	angular [fsimOrientations][]float64
	// noise is, for each orientation, Σf₀² and what the noise energy of all scales
	// is in units of noise power.
	noise [fsimOrientations]struct{ em, energy float64 }
	rows  *dft
	cols  *dft
}

// banks keeps the filter banks of the last sizes: building one takes longer than
// using it. Images of a data set mostly share a few sizes.
var banks struct {
	sync.Mutex
	recent []*gabor // the latest last
}

// maxBanks bounds the memory: a bank of 256×384 takes 6 MB.
const maxBanks = 4

func bankFor(w, h int) *gabor {
	banks.Lock()
	defer banks.Unlock()
	for i, b := range banks.recent {
		if b.w == w && b.h == h {
			copy(banks.recent[i:], banks.recent[i+1:])
			banks.recent[len(banks.recent)-1] = b
			return b
		}
	}
	b := newGabor(w, h)
	if len(banks.recent) == maxBanks {
		copy(banks.recent, banks.recent[1:])
		banks.recent = banks.recent[:maxBanks-1]
	}
	banks.recent = append(banks.recent, b)
	return b
}

// frequency is that of index i of a transform of n, as Kovesi's code lays it out:
// odd sizes are divided by n−1.
func frequency(i, n int) float64 {
	if i > (n-1)/2 {
		i -= n
	}
	if n%2 == 1 {
		return float64(i) / float64(n-1)
	}
	return float64(i) / float64(n)
}

func newGabor(w, h int) *gabor {
	b := &gabor{w: w, h: h, rows: newDFT(w), cols: newDFT(h)}
	for i := range b.radial {
		b.radial[i] = make([]float64, w*h)
	}
	for i := range b.angular {
		b.angular[i] = make([]float64, w*h)
	}
	const spread = math.Pi / fsimOrientations / fsimDeltaTheta
	logSigma := math.Log(fsimSigmaF)
	for y := range h {
		fy := frequency(y, h)
		for x := range w {
			fx := frequency(x, w)
			i := y*w + x
			radius := math.Sqrt(fx*fx + fy*fy)
			// A Butterworth low pass of order 15 cuts the corners off.
			low := 1 / (1 + math.Pow(radius/.45, 2*15))
			if i > 0 {
				log := math.Log(radius)
				for s := range b.radial {
					d := log + math.Log(fsimWavelength*float64(int(1)<<s))
					b.radial[s][i] = math.Exp(-d*d/(2*logSigma*logSigma)) * low
				}
			}
			sin, cos := math.Sincos(math.Atan2(-fy, fx))
			for o := range b.angular {
				sinO, cosO := math.Sincos(float64(o) * math.Pi / fsimOrientations)
				d := math.Atan2(sin*cosO-cos*sinO, cos*cosO+sin*sinO)
				b.angular[o][i] = math.Exp(-d * d / (2 * spread * spread))
			}
		}
	}
	// The authors sum squares and products of the real parts of the filters' inverse
	// transforms. Their spectra are the even parts of the filters, and by Parseval
	// the sums are those of the spectra.
	for o := range b.angular {
		var squares, products float64
		for y := range h {
			for x := range w {
				i, j := y*w+x, (h-y)%h*w+(w-x)%w
				var even [fsimScales]float64
				total := 0.0
				for s := range even {
					even[s] = (b.radial[s][i]*b.angular[o][i] + b.radial[s][j]*b.angular[o][j]) / 2
					total += even[s]
				}
				own := 0.0
				for _, v := range even {
					own += v * v
				}
				squares += own
				products += (total*total - own) / 2
				f := b.radial[0][i] * b.angular[o][i]
				b.noise[o].em += f * f
			}
		}
		b.noise[o].energy = 2*squares + 4*products
	}
	return b
}

// spectra are complex planes, kept for reuse.
type spectra struct{ image, filtered, scratch []complex128 }

var spectraPool = sync.Pool{New: func() any { return &spectra{} }}

func (s *spectra) resize(b *gabor) {
	n := b.w * b.h
	if cap(s.image) < n {
		s.image, s.filtered = make([]complex128, n), make([]complex128, n)
	}
	if need := max(b.rows.scratch(1), b.cols.scratch(b.w)); len(s.scratch) < need {
		s.scratch = make([]complex128, need)
	}
	s.image, s.filtered = s.image[:n], s.filtered[:n]
}

// transform is the 2-D discrete Fourier transform in place.
func (s *spectra) transform(p []complex128, b *gabor) {
	for y := range b.h {
		b.rows.forward(p[y*b.w:(y+1)*b.w], s.scratch, 1)
	}
	b.cols.forward(p, s.scratch, b.w)
}

// phaseCongruency is Kovesi's measure PC2 as FSIM computes it.
func phaseCongruency(mem *memory, dst, p []float64, w, h int) {
	b := bankFor(w, h)
	s := spectraPool.Get().(*spectra)
	defer spectraPool.Put(s)
	s.resize(b)
	at := mem.wide.mark()
	defer mem.wide.release(at)
	n := w * h
	for i, v := range p[:n] {
		s.image[i] = complex(v, 0)
	}
	s.transform(s.image, b)

	energyAll, amplitudeAll := dst[:n], mem.zeros(n)
	clear(energyAll)
	var even, odd [fsimScales][]float64
	for k := range even {
		even[k], odd[k] = mem.floats(n), mem.floats(n)
	}
	squares := mem.floats(n)
	norm := 1 / float64(n)
	for o := range b.angular {
		angular := b.angular[o]
		for k := range b.radial {
			// The inverse transform is the conjugate of the transform of the conjugate; that
			// of the result is left out, as the sign of all odd parts makes no difference.
			radial, f := b.radial[k], s.filtered
			for i, v := range s.image {
				g := radial[i] * angular[i] * norm
				f[i] = complex(real(v)*g, -imag(v)*g)
			}
			s.transform(f, b)
			e, d := even[k], odd[k]
			for i, v := range f {
				e[i], d[i] = real(v), imag(v)
			}
		}
		for i := range squares {
			e, d := even[0][i], odd[0][i]
			squares[i] = e*e + d*d
		}
		power := median(squares) / math.Ln2 / b.noise[o].em
		tau := math.Sqrt(power * b.noise[o].energy / 2)
		threshold := (tau*math.Sqrt(math.Pi/2) + fsimK*tau*math.Sqrt(2-math.Pi/2)) / 1.7
		for i := range n {
			var sumE, sumO, amplitude float64
			for k := range even {
				e, d := even[k][i], odd[k][i]
				sumE, sumO = sumE+e, sumO+d
				amplitude += math.Sqrt(e*e + d*d)
			}
			x := math.Sqrt(sumE*sumE+sumO*sumO) + fsimEpsilon
			meanE, meanO := sumE/x, sumO/x
			energy := 0.0
			for k := range even {
				e, d := even[k][i], odd[k][i]
				energy += e*meanE + d*meanO - math.Abs(e*meanO-d*meanE)
			}
			energyAll[i] += max(energy-threshold, 0)
			amplitudeAll[i] += amplitude
		}
	}
	for i, a := range amplitudeAll {
		if a < fsimFlat {
			energyAll[i] = 0 // nothing there but rounding
			continue
		}
		energyAll[i] /= a
	}
}

// fsimFlat is an amplitude far below what a single step of one pixel causes and far
// above rounding.
const fsimFlat = 1e-9
