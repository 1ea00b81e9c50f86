package quality

import (
	"math"

	"github.com/vtbench/vtbench/metrics"
	"github.com/vtbench/vtbench/pix"
)

var ssimulacra2 = definition{
	spec: metrics.Spec{
		ID: "ssimulacra2", Version: 1, Title: "SSIMULACRA 2", Better: metrics.Higher, Min: metrics.Unbounded(-1), Max: 100, Scope: metrics.PerImage,
		Source: "cloudinary/ssimulacra2 2.1: XYB, up to 6 scales, 108 weights; 90 is visually lossless, 70 high, 50 medium, 30 low quality",
		Role:   metrics.RoleQuality, Show: metrics.Fixed(2), Margin: metrics.Margin{Absolute: 1},
		Short: "perceptual quality, 100 is identical",
		Long:  "Tuned to people's judgements of compressed pictures: 90 is visually lossless, 70 high, 50 medium, 30 low.",
	},
	minSide: 8,
	prepare: func(ref pix.Image, mem *memory) scorer { return newSSIMULACRA2Reference(ref, mem) },
}

const (
	s2Scales = 6
	s2Min    = 8 // a side below this ends the scales
	s2C2     = 0.0009
	s2Sigma  = 1.5
)

// SSIMULACRA2 is Cloudinary's metric, version 2.1: 100 for identical images, about 90
// where no difference is seen, below 0 for extremely bad ones. Sides must be at
// least 8. It computes in float32, as the original does. A Rust port agrees within .03,
// but for nearly equal images, whose differences are of the size of what float32 rounds
// off: there ours is within .2 of the formulas and the port is within 3.
func SSIMULACRA2(ref, got pix.Image) (float64, error) { return ssimulacra2.score(ref, got) }

// s2Window is the impulse response of the recursive Gaussian of libjxl
// (Charalampidis 2016, doi 10.1109/TSP.2016.2549985, whose equation numbers are
// below). It sums three truncated cosines and so is finite: convolving with it is
// the same filter without feedback, and faster with vectors.
var s2Window = func() []float32 {
	n := math.Round(3.2795*s2Sigma + 0.2546) // (57)
	var omega, p, r, rho [3]float64
	for i := range omega {
		k := float64(2*i + 1)
		sign := [3]float64{1, -1, 1}[i]
		omega[i] = k * math.Pi / (2 * n)
		p[i] = sign / math.Tan(omega[i]/2)                                  // (37)
		r[i] = sign * p[i] * p[i] / math.Sin(omega[i])                      // (44)
		rho[i] = math.Exp(-0.5*s2Sigma*s2Sigma*omega[i]*omega[i]) * (1 / n) // (50)
	}
	d13, d35, d51 := p[0]*r[1]-r[0]*p[1], p[1]*r[2]-r[1]*p[2], p[2]*r[0]-r[2]*p[0] // (52)
	z15, z35 := d35/d13, d51/d13
	beta := solve3([3][3]float64{p, r, {z15, z35, 1}}, // (53), (55), (56)
		[3]float64{1, n*n - s2Sigma*s2Sigma, z15*rho[0] + z35*rho[1] + rho[2]})
	taps := make([]float32, int(n))
	for k := range taps {
		v := 0.0
		for i, w := range omega {
			// The response to 1 at 0 of y(m) = 2cos(ω)·y(m−1) − y(m−2) + b·(x(m−n−1)+x(m+n−1)).
			v += impulse(w, -beta[i]*math.Cos(w*(n+1)), int(n), k)
		}
		taps[k] = float32(v)
	}
	return taps
}()

// impulse runs one of the three recursions from its start at −n+1 to m.
func impulse(w, b float64, n, m int) float64 {
	y1, y2 := 0.0, 0.0
	for i := -n + 1; i <= m; i++ {
		y := 2*math.Cos(w)*y1 - y2
		if i == -n+1 || i == n+1 {
			y += b
		}
		y1, y2 = y, y1
	}
	return y1
}

// solve3 solves a·x = b (Cramer's rule).
func solve3(a [3][3]float64, b [3]float64) (x [3]float64) {
	det := func(m [3][3]float64) float64 {
		return m[0][0]*(m[1][1]*m[2][2]-m[1][2]*m[2][1]) -
			m[0][1]*(m[1][0]*m[2][2]-m[1][2]*m[2][0]) +
			m[0][2]*(m[1][0]*m[2][1]-m[1][1]*m[2][0])
	}
	d := det(a)
	for i := range x {
		m := a
		for r := range m {
			m[r][i] = b[r]
		}
		x[i] = det(m) / d
	}
	return x
}

// s2Planes are the three components of one image at one scale, in a border of zeros
// as wide as the window reaches.
type s2Planes [3][]float32

// s2Scale is the reference at one scale.
type s2Scale struct {
	planes  s2Planes
	mu, s11 [3][]float32
}

type s2Reference struct {
	scales []s2Scale
}

func newSSIMULACRA2Reference(ref pix.Image, mem *memory) *s2Reference {
	s := &s2Reference{}
	s2EachScale(ref, mem, func(planes s2Planes, w, h int) {
		var scale s2Scale
		for c, p := range planes {
			keep := take[float32](mem, len(p))
			copy(keep, p)
			scale.planes[c] = keep
			scale.mu[c], scale.s11[c] = take[float32](mem, w*h), take[float32](mem, w*h)
			mu, s11 := scale.mu[c], scale.s11[c]
			at := mem.narrow.mark()
			s2Sweep(mem, 2, w, h, func(row int, in [][]float32) {
				a, b := in[0], in[1][:len(in[0])]
				copy(a, keep[row*len(a):])
				for i, v := range a {
					b[i] = v * v
				}
			}, func(y int, out [][]float32) {
				copy(mu[y*w:(y+1)*w], out[0])
				copy(s11[y*w:(y+1)*w], out[1])
			})
			mem.narrow.release(at)
		}
		s.scales = append(s.scales, scale)
	})
	return s
}

// s2Sweep filters maps of planes with their border.
func s2Sweep(mem *memory, maps, w, h int, fill func(y int, in [][]float32), emit func(y int, out [][]float32)) {
	r := len(s2Window) - 1
	sweep(mem, maps, w+2*r, h+2*r, s2Window, fill, emit)
}

func (s *s2Reference) score(got pix.Image, mem *memory) float64 {
	// The weights run over components, then scales, then norms, then maps.
	var sums [3][s2Scales][2][3]float64
	n := 0
	s2EachScale(got, mem, func(planes s2Planes, w, h int) {
		ref := &s.scales[n]
		for c, p := range planes {
			sums[c][n] = s2Errors(mem, ref, c, p, w, h)
		}
		n++
	})
	total, i := 0.0, 0
	for c := range sums {
		// With fewer scales the weights move up, as they do in the original.
		for scale := range n {
			for _, norm := range sums[c][scale] {
				for _, v := range norm {
					total += s2Weights[i] * v
					i++
				}
			}
		}
	}
	total *= 0.9562382616834844
	total = 2.326765642916932*total - 0.020884521182843837*total*total + 6.248496625763138e-5*total*total*total
	if total <= 0 {
		return 100
	}
	return 100 - 10*math.Pow(total, 0.6276336467831387)
}

// s2Errors are the mean and the 4-norm of three error maps: of structure, of detail
// added and of detail lost.
func s2Errors(mem *memory, ref *s2Scale, c int, p []float32, w, h int) (norms [2][3]float64) {
	r := len(s2Window) - 1
	stride := w + 2*r
	at := mem.narrow.mark()
	defer mem.narrow.release(at)
	own := ref.planes[c]
	s2Sweep(mem, 3, w, h, func(row int, in [][]float32) {
		q, o := p[row*stride:(row+1)*stride], own[row*stride:(row+1)*stride]
		a, b, x := in[0][:len(q)], in[1][:len(q)], in[2][:len(q)]
		o = o[:len(q)]
		for i, v := range q {
			a[i], b[i], x[i] = v, v*v, v*o[i]
		}
	}, func(y int, out [][]float32) {
		mu2, s22, s12 := out[0][:w], out[1][:w], out[2][:w]
		mu1, s11 := ref.mu[c][y*w:][:w], ref.s11[c][y*w:][:w]
		v1, v2 := own[(y+r)*stride+r:][:w], p[(y+r)*stride+r:][:w]
		var mean, fourth [3]float64
		for i, m1 := range mu1 {
			m2 := mu2[i]
			d := m1 - m2
			num := (1 - d*d) * (2*(s12[i]-m1*m2) + s2C2)
			den := (s11[i] - m1*m1) + (s22[i] - m2*m2) + s2C2
			if e := 1 - float64(num/den); e > 0 {
				mean[0] += e
				e *= e
				fourth[0] += e * e
			}
			detail1, detail2 := v1[i]-m1, v2[i]-m2
			if detail1 < 0 {
				detail1 = -detail1
			}
			if detail2 < 0 {
				detail2 = -detail2
			}
			e := float64(detail2-detail1) / (1 + float64(detail1))
			if e > 0 {
				mean[1] += e
				e *= e
				fourth[1] += e * e
			} else {
				mean[2] -= e
				e *= e
				fourth[2] += e * e
			}
		}
		for k := range mean {
			norms[0][k] += mean[k]
			norms[1][k] += fourth[k]
		}
	})
	n := float64(w * h)
	for k := range norms[0] {
		norms[0][k] /= n
		norms[1][k] = math.Sqrt(math.Sqrt(norms[1][k] / n))
	}
	return norms
}

// s2EachScale calls f with the components of every scale, in one buffer that the
// next call overwrites. Scales are halved in linear light.
func s2EachScale(m pix.Image, mem *memory, f func(p s2Planes, w, h int)) {
	w, h := m.W, m.H
	var rgb, xyb s2Planes
	r := len(s2Window) - 1
	for c := range rgb {
		rgb[c] = take[float32](mem, w*h)
		xyb[c] = take[float32](mem, (w+2*r)*(h+2*r))
		plane := rgb[c]
		for i := range plane {
			plane[i] = linear32[m.Pix[3*i+c]]
		}
	}
	for scale := range s2Scales {
		if w < s2Min || h < s2Min {
			return
		}
		if scale > 0 {
			halve(rgb[0], w, h)
			halve(rgb[1], w, h)
			w, h = halve(rgb[2], w, h)
		}
		var planes s2Planes
		for c := range planes {
			planes[c] = xyb[c][:(w+2*r)*(h+2*r)]
			clear(planes[c])
		}
		for y := range h {
			from, to := y*w, (y+r)*(w+2*r)+r
			s2XYB(planes[0][to:to+w], planes[1][to:to+w], planes[2][to:to+w],
				rgb[0][from:from+w], rgb[1][from:from+w], rgb[2][from:from+w])
		}
		f(planes, w, h)
	}
}

var linear32 = func() (t [256]float32) {
	for i, v := range linear {
		t[i] = float32(v)
	}
	return t
}()

// s2XYB converts a row of linear RGB to XYB, moved and scaled to lie in 0…1.
func s2XYB(x, y, z, r, g, b []float32) {
	const (
		bias = 0.0037930732552754493
		m00  = 0.30
		m02  = 0.078
		m01  = 1 - m02 - m00
		m10  = 0.23
		m12  = 0.078
		m11  = 1 - m12 - m10
		m20  = 0.24342268924547819
		m21  = 0.20476744424496821
		m22  = 1 - m20 - m21
	)
	root := cbrt32(bias)
	y, z, g, b = y[:len(x)], z[:len(x)], g[:len(x)], b[:len(x)]
	for i, u := range r[:len(x)] {
		v, w := g[i], b[i]
		if i > 0 && u == r[i-1] && v == g[i-1] && w == b[i-1] {
			x[i], y[i], z[i] = x[i-1], y[i-1], z[i-1]
			continue
		}
		l := cbrt32(m00*u+m01*v+m02*w+bias) - root
		m := cbrt32(m10*u+m11*v+m12*w+bias) - root
		s := cbrt32(m20*u+m21*v+m22*w+bias) - root
		luma := (l + m) / 2
		x[i] = (l-m)/2*14 + 0.42
		y[i] = luma + 0.01
		z[i] = s - luma + 0.55
	}
}

// cbrt32 is the cube root of a positive, normal number to float32 precision: a guess
// from the exponent, then two steps of Halley's method.
func cbrt32(v float32) float32 {
	x := float64(v)
	t := float64(math.Float32frombits(math.Float32bits(v)/3 + 709958130))
	for range 2 {
		c := t * t * t
		t *= (c + x + x) / (c + c + x)
	}
	return float32(t)
}

// s2Weights are those of the original, fitted to subjective scores.
var s2Weights = [108]float64{
	0, 0.0007376606707406586, 0, 0, 0.0007793481682867309, 0,
	0, 0.0004371155730107379, 0, 1.1041726426657346, 0.00066284834129271, 0.00015231632783718752,
	0, 0.0016406437456599754, 0, 1.8422455520539298, 11.441172603757666, 0,
	0.0007989109436015163, 0.000176816438078653, 0, 1.8787594979546387, 10.94906990605142, 0,
	0.0007289346991508072, 0.9677937080626833, 0, 0.00014003424285435884, 0.9981766977854967, 0.00031949755934435053,
	0.0004550992113792063, 0, 0, 0.0013648766163243398, 0, 0,
	0, 0, 0, 7.466890328078848, 0, 17.445833984131262,
	0.0006235601634041466, 0, 0, 6.683678146179332, 0.00037724407979611296, 1.027889937768264,
	225.20515300849274, 0, 0, 19.213238186143016, 0.0011401524586618361, 0.001237755635509985,
	176.39317598450694, 0, 0, 24.43300999870476, 0.28520802612117757, 0.0004485436923833408,
	0, 0, 0, 34.77906344483772, 44.835625328877896, 0,
	0, 0, 0, 0, 0, 0,
	0, 0.0008680556573291698, 0, 0, 0, 0,
	0, 0.0005313191874358747, 0, 0.00016533814161379112, 0, 0,
	0, 0, 0, 0.0004179171803251336, 0.0017290828234722833, 0,
	0.0020827005846636437, 0, 0, 8.826982764996862, 23.19243343998926, 0,
	95.1080498811086, 0.9863978034400682, 0.9834382792465353, 0.0012286405048278493, 171.2667255897307, 0.9807858872435379,
	0, 0, 0, 0.0005130064588990679, 0, 0.00010854057858411537,
}
