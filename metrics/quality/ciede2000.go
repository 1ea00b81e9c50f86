package quality

import (
	"math"

	"github.com/vtbench/vtbench/metrics"
	"github.com/vtbench/vtbench/pix"
)

var ciede = definition{
	spec: metrics.Spec{
		ID: "ciede2000", Version: 1, Title: "CIEDE2000", Better: metrics.Lower, Min: 0, Max: metrics.Unbounded(1), Scope: metrics.PerImage,
		Source: "Sharma et al. 2005, mean over pixels, sRGB to CIELAB under D65 (2°); scikit-image deltaE_ciede2000",
		Role:   metrics.RoleQuality, Show: metrics.Fixed(2), Margin: metrics.Margin{Absolute: .1},
		Short: "colour difference a person would see",
		Long:  "Mean CIEDE2000 over pixels; about 1 is just noticeable.",
	},
	minSide: 1,
	prepare: func(ref pix.Image, mem *memory) scorer {
		lab := mem.floats(3 * ref.W * ref.H)
		toLab(lab, ref)
		return ciedeReference{ref, lab}
	},
}

// CIEDE2000 is the mean colour difference over all pixels: 0 for identical images;
// 1 is about as much as an eye can just tell.
func CIEDE2000(ref, got pix.Image) (float64, error) { return ciede.score(ref, got) }

// CIEDE2000Map returns the colour difference of every pixel.
func CIEDE2000Map(ref, got pix.Image) (Map, error) {
	if err := check(ciede.spec.ID, ciede.minSide, ref, got); err != nil {
		return Map{}, err
	}
	mem := borrow()
	defer mem.giveBack()
	out := Map{W: ref.W, H: ref.H, Pix: make([]float32, ref.W*ref.H)}
	ciede.prepare(ref, mem).(ciedeReference).each(got, mem, func(i int, v float64) { out.Pix[i] = float32(v) })
	return out, nil
}

type ciedeReference struct {
	ref pix.Image
	lab []float64
}

func (r ciedeReference) score(got pix.Image, mem *memory) float64 {
	sum := 0.0
	r.each(got, mem, func(_ int, v float64) { sum += v })
	return sum / float64(got.W*got.H)
}

// each calls f for every pixel that differs.
func (r ciedeReference) each(got pix.Image, mem *memory, f func(i int, v float64)) {
	lab := mem.floats(len(r.lab))
	toLab(lab, got)
	a, b := r.ref.Pix, got.Pix
	last := 0.0
	for i := 0; i < len(a); i += 3 {
		if a[i] == b[i] && a[i+1] == b[i+1] && a[i+2] == b[i+2] {
			continue
		}
		// Text and flat areas repeat the pair before.
		if i == 0 || a[i] != a[i-3] || a[i+1] != a[i-2] || a[i+2] != a[i-1] || b[i] != b[i-3] || b[i+1] != b[i-2] || b[i+2] != b[i-1] {
			last = deltaE2000([3]float64(r.lab[i:i+3]), [3]float64(lab[i:i+3]))
		}
		f(i/3, last)
	}
}

// linear is the inverse of the sRGB transfer function (IEC 61966-2-1) for 8-bit
// values.
var linear = func() (t [256]float64) {
	for i := range t {
		v := float64(i) / 255
		if v > 0.04045 {
			t[i] = math.Pow((v+0.055)/1.055, 2.4)
		} else {
			t[i] = v / 12.92
		}
	}
	return t
}()

// toLab converts to CIELAB with the constants of scikit-image: the rounded matrix of
// IEC 61966-2-1 and the D65 white of ASTM E308.
func toLab(dst []float64, m pix.Image) {
	const white0, white2 = 0.95047, 1.08883
	var l, a, b float64
	for i := 0; i < len(m.Pix); i += 3 {
		p := m.Pix[i : i+3 : i+3]
		if i == 0 || p[0] != m.Pix[i-3] || p[1] != m.Pix[i-2] || p[2] != m.Pix[i-1] {
			r, g, bl := linear[p[0]], linear[p[1]], linear[p[2]]
			x := labRoot((0.412453*r + 0.357580*g + 0.180423*bl) / white0)
			y := labRoot(0.212671*r + 0.715160*g + 0.072169*bl)
			z := labRoot((0.019334*r + 0.119193*g + 0.950227*bl) / white2)
			l, a, b = 116*y-16, 500*(x-y), 200*(y-z)
		}
		q := dst[i : i+3 : i+3]
		q[0], q[1], q[2] = l, a, b
	}
}

func labRoot(t float64) float64 {
	if t > 0.008856 {
		return math.Cbrt(t)
	}
	return 7.787*t + 16.0/116
}

// deltaE2000 is the colour difference of Sharma, Wu and Dalal 2005. Hues are kept as
// unit vectors, whose sums and products stand for the mean hue and its multiples,
// so that one arctangent is all the trigonometry but for the rotation term.
func deltaE2000(p, q [3]float64) float64 {
	const to7 = 6103515625 // 25⁷
	c1, c2 := math.Sqrt(p[1]*p[1]+p[2]*p[2]), math.Sqrt(q[1]*q[1]+q[2]*q[2])
	c := (c1 + c2) / 2
	c3 := c * c * c
	c7 := c3 * c3 * c
	g := 1 + 0.5*(1-math.Sqrt(c7/(c7+to7)))
	a1, b1, a2, b2 := g*p[1], p[2], g*q[1], q[2]
	c1, c2 = math.Sqrt(a1*a1+b1*b1), math.Sqrt(a2*a2+b2*b2)

	dL, dC := q[0]-p[0], c2-c1
	var dH, t, rotation float64
	meanC := (c1 + c2) / 2
	// The mean hue as a unit vector: of both where both have one.
	var x, y float64
	switch {
	case c1 == 0 && c2 == 0:
		x = 1
	case c1 == 0:
		x, y = a2/c2, b2/c2
	case c2 == 0:
		x, y = a1/c1, b1/c1
	default:
		x1, y1, x2, y2 := a1/c1, b1/c1, a2/c2, b2/c2
		sin := math.Sqrt((x2-x1)*(x2-x1)+(y2-y1)*(y2-y1)) / 2 // of half the angle
		if x1*y2-y1*x2 < 0 {
			sin = -sin
		}
		dH = 2 * math.Sqrt(c1*c2) * sin
		x, y = x1+x2, y1+y2
		if n := math.Sqrt(x*x + y*y); n > 1e-7 {
			x, y = x/n, y/n
		} else {
			// Opposite hues: the mean of the two angles in [0, 360).
			x, y = oppositeMean(x1, y1, x2, y2)
		}
	}
	// cos and sin of twice, three and four times the mean hue.
	x2, y2 := x*x-y*y, 2*x*y
	x3, y3 := x2*x-y2*y, y2*x+x2*y
	x4, y4 := x2*x2-y2*y2, 2*x2*y2
	t = 1 - 0.17*(x*cos30+y*sin30) + 0.24*x2 + 0.32*(x3*cos6-y3*sin6) - 0.20*(x4*cos63+y4*sin63)

	meanL := (p[0]+q[0])/2 - 50
	sL := 1 + 0.015*meanL*meanL/math.Sqrt(20+meanL*meanL)
	sC := 1 + 0.045*meanC
	sH := 1 + 0.015*meanC*t
	if dC != 0 && dH != 0 {
		degrees := math.Atan2(y, x) * (180 / math.Pi)
		if degrees < 0 {
			degrees += 360
		}
		k := (degrees - 275) / 25
		theta := 60 * math.Exp(-k*k) * (math.Pi / 180) // twice Δθ
		m3 := meanC * meanC * meanC
		m7 := m3 * m3 * meanC
		rotation = -2 * math.Sqrt(m7/(m7+to7)) * math.Sin(theta)
	}
	l, ch, h := dL/sL, dC/sC, dH/sH
	return math.Sqrt(max(l*l+ch*ch+h*h+rotation*ch*h, 0))
}

const (
	cos30 = 0.86602540378443864676
	sin30 = 0.5
	cos6  = 0.99452189536827333692
	sin6  = 0.10452846326765347140
	cos63 = 0.45399049973954679156
	sin63 = 0.89100652418836786236
)

// oppositeMean is the direction of the mean of two angles in [0, 360°).
func oppositeMean(x1, y1, x2, y2 float64) (x, y float64) {
	h1, h2 := math.Atan2(y1, x1), math.Atan2(y2, x2)
	if h1 < 0 {
		h1 += 2 * math.Pi
	}
	if h2 < 0 {
		h2 += 2 * math.Pi
	}
	y, x = math.Sincos((h1 + h2) / 2)
	return x, y
}
