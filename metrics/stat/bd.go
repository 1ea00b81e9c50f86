package stat

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/mat"
)

// A Point is what a tokenizer reaches at one of its rates.
type Point struct {
	Rate    float64 // bits a pixel, or any other positive unit
	Quality float64 // of any metric; higher or lower may be better
}

// Interpolation is how a curve is drawn through points.
type Interpolation string

// The interpolations there are.
const (
	// PCHIP is the monotone piecewise cubic of Fritsch and Butland, as in scipy's
	// PchipInterpolator: the way of JVET's common test conditions. The default.
	PCHIP Interpolation = "pchip"
	// Akima is Akima's piecewise cubic (1970), as in scipy's Akima1DInterpolator.
	Akima Interpolation = "akima"
	// Cubic is one polynomial of degree 3, by least squares for more than 4 points:
	// Bjøntegaard's original (VCEG-M33, 2001). It overshoots.
	Cubic Interpolation = "cubic"
)

// MinOverlap is the overlap of two curves below which a Bjøntegaard delta carries
// [WarnLowOverlap].
const MinOverlap = 0.75

// The warnings a [Delta] may carry.
const (
	// WarnLowOverlap: the curves share less than [MinOverlap] of the range that they
	// cover together; the delta speaks for that part only.
	WarnLowOverlap Warning = "low_overlap"
	// WarnNoOverlap: the curves share nothing; there is no delta.
	WarnNoOverlap Warning = "no_overlap"
	// WarnNotMonotone: on one of the curves more rate does not always mean a change
	// of quality in the same direction.
	WarnNotMonotone Warning = "not_monotone"
)

// A Delta is the mean distance of two rate–quality curves.
type Delta struct {
	Value    float64 // NaN with WarnNoOverlap
	Overlap  float64 // shared range over joint range, 0 to 1
	Lo, Hi   float64 // shared range: of quality for BDRate, of log10 rate for BDQuality
	Warnings []Warning
}

// BDRate is how much more rate the candidate needs for equal quality, in percent:
// (10^Δ − 1)·100, Δ being the mean difference of log10 rate over the shared range
// of quality. Negative means that the candidate saves rate.
func BDRate(baseline, candidate []Point, m Interpolation) (Delta, error) {
	d, err := bjontegaard(baseline, candidate, m, func(p Point) (x, y float64) { return p.Quality, math.Log10(p.Rate) })
	if err != nil {
		return Delta{}, fmt.Errorf("computing BD-rate: %w", err)
	}
	d.Value = (math.Pow(10, d.Value) - 1) * 100
	return d, nil
}

// BDQuality is how much more quality the candidate gives for equal rate (BD-PSNR
// for PSNR, in dB): the mean difference of quality over the shared range of log10
// rate.
func BDQuality(baseline, candidate []Point, m Interpolation) (Delta, error) {
	d, err := bjontegaard(baseline, candidate, m, func(p Point) (x, y float64) { return math.Log10(p.Rate), p.Quality })
	if err != nil {
		return Delta{}, fmt.Errorf("computing BD-quality: %w", err)
	}
	return d, nil
}

func bjontegaard(baseline, candidate []Point, m Interpolation, axes func(Point) (x, y float64)) (Delta, error) {
	if m == "" {
		m = PCHIP
	}
	b, err := newCurve(baseline, m, axes)
	if err != nil {
		return Delta{}, fmt.Errorf("baseline: %w", err)
	}
	c, err := newCurve(candidate, m, axes)
	if err != nil {
		return Delta{}, fmt.Errorf("candidate: %w", err)
	}
	d := Delta{Lo: max(b.lo, c.lo), Hi: min(b.hi, c.hi)}
	if !b.monotone || !c.monotone {
		d.Warnings = append(d.Warnings, WarnNotMonotone)
	}
	shared := d.Hi - d.Lo
	if shared <= 0 {
		d.Value, d.Lo, d.Hi = math.NaN(), math.NaN(), math.NaN()
		d.Warnings = append(d.Warnings, WarnNoOverlap)
		return d, nil
	}
	d.Overlap = shared / (max(b.hi, c.hi) - min(b.lo, c.lo))
	if d.Overlap < MinOverlap {
		d.Warnings = append(d.Warnings, WarnLowOverlap)
	}
	d.Value = (c.integral(d.Lo, d.Hi) - b.integral(d.Lo, d.Hi)) / shared
	return d, nil
}

// curve is a function through points, by pieces of degree 3.
type curve struct {
	lo, hi   float64
	monotone bool
	pieces   []piece
}

// piece is c[0] + c[1]·u + c[2]·u² + c[3]·u³ with u = x − at, between from and to.
type piece struct {
	from, to, at float64
	c            [4]float64
}

func newCurve(points []Point, m Interpolation, axes func(Point) (x, y float64)) (curve, error) {
	least := map[Interpolation]int{PCHIP: 2, Akima: 2, Cubic: 4}[m]
	if least == 0 {
		return curve{}, fmt.Errorf("interpolation is %q, must be %q, %q or %q", m, PCHIP, Akima, Cubic)
	}
	if len(points) < least {
		return curve{}, fmt.Errorf("%d points, %s interpolation needs %d or more", len(points), m, least)
	}
	type pair struct{ x, y float64 }
	ps := make([]pair, len(points))
	for i, p := range points {
		if !(p.Rate > 0) || math.IsInf(p.Rate, 0) {
			return curve{}, fmt.Errorf("rate of point %d is %v, must be positive", i, p.Rate)
		}
		if math.IsNaN(p.Quality) || math.IsInf(p.Quality, 0) {
			return curve{}, fmt.Errorf("quality of point %d is %v", i, p.Quality)
		}
		ps[i].x, ps[i].y = axes(p)
	}
	slices.SortFunc(ps, func(a, b pair) int { return cmp.Compare(a.x, b.x) })
	n := len(ps)
	x, y := make([]float64, n), make([]float64, n)
	up, down := true, true
	for i, p := range ps {
		x[i], y[i] = p.x, p.y
		if i == 0 {
			continue
		}
		if x[i] == x[i-1] {
			return curve{}, fmt.Errorf("two points have the same rate or quality (%v): %w", x[i], errAmbiguous)
		}
		up, down = up && y[i] > y[i-1], down && y[i] < y[i-1]
	}
	c := curve{lo: x[0], hi: x[n-1], monotone: up || down}
	switch {
	case m == Cubic:
		p, err := fitCubic(x, y)
		if err != nil {
			return curve{}, err
		}
		c.pieces = []piece{p}
	case n == 2:
		s := (y[1] - y[0]) / (x[1] - x[0])
		c.pieces = hermite(x, y, []float64{s, s})
	case m == Akima:
		c.pieces = hermite(x, y, akimaSlopes(x, y))
	default:
		c.pieces = hermite(x, y, pchipSlopes(x, y))
	}
	return c, nil
}

var errAmbiguous = errors.New("the curve is not a function there; leave one out")

// integral is the integral of the curve between a and b, which lie within it.
func (c curve) integral(a, b float64) float64 {
	sum := 0.0
	for _, p := range c.pieces {
		if lo, hi := max(a, p.from), min(b, p.to); lo < hi {
			sum += p.primitive(hi) - p.primitive(lo)
		}
	}
	return sum
}

func (p piece) primitive(x float64) float64 {
	u := x - p.at
	return u * (p.c[0] + u*(p.c[1]/2+u*(p.c[2]/3+u*p.c[3]/4)))
}

// hermite joins points by cubics of given slopes.
func hermite(x, y, slope []float64) []piece {
	out := make([]piece, len(x)-1)
	for i := range out {
		h := x[i+1] - x[i]
		d := (y[i+1] - y[i]) / h
		out[i] = piece{from: x[i], to: x[i+1], at: x[i], c: [4]float64{
			y[i], slope[i], (3*d - 2*slope[i] - slope[i+1]) / h, (slope[i] + slope[i+1] - 2*d) / (h * h),
		}}
	}
	return out
}

// secants are the slopes between neighbouring points.
func secants(x, y []float64) []float64 {
	out := make([]float64, len(x)-1)
	for i := range out {
		out[i] = (y[i+1] - y[i]) / (x[i+1] - x[i])
	}
	return out
}

// pchipSlopes are weighted harmonic means of neighbouring secants, 0 where these
// change sign (Fritsch and Butland 1984), with three-point formulas limited to
// keep monotonicity at the ends, for three or more points.
func pchipSlopes(x, y []float64) []float64 {
	n := len(x)
	d := secants(x, y)
	s := make([]float64, n)
	for i := 1; i < n-1; i++ {
		if d[i-1]*d[i] > 0 {
			h0, h1 := x[i]-x[i-1], x[i+1]-x[i]
			w0, w1 := 2*h1+h0, h1+2*h0
			s[i] = (w0 + w1) / (w0/d[i-1] + w1/d[i])
		}
	}
	s[0] = pchipEnd(x[1]-x[0], x[2]-x[1], d[0], d[1])
	s[n-1] = pchipEnd(x[n-1]-x[n-2], x[n-2]-x[n-3], d[n-2], d[n-3])
	return s
}

func pchipEnd(h0, h1, d0, d1 float64) float64 {
	s := ((2*h0+h1)*d0 - h0*d1) / (h0 + h1)
	switch {
	case sign(s) != sign(d0):
		return 0
	case sign(d0) != sign(d1) && math.Abs(s) > 3*math.Abs(d0):
		return 3 * d0
	}
	return s
}

func sign(x float64) int { return cmp.Compare(x, 0) }

// akimaSlopes weigh neighbouring secants by how much those beyond them bend,
// with two more secants extrapolated at either end, for three or more points.
func akimaSlopes(x, y []float64) []float64 {
	n := len(x)
	m := make([]float64, n+3)
	copy(m[2:], secants(x, y))
	m[1] = 2*m[2] - m[3]
	m[0] = 2*m[1] - m[2]
	m[n+1] = 2*m[n] - m[n-1]
	m[n+2] = 2*m[n+1] - m[n]
	bend := func(i int) float64 { return math.Abs(m[i+1] - m[i]) }
	widest := 0.0
	for i := range n {
		widest = max(widest, bend(i+2)+bend(i))
	}
	s := make([]float64, n)
	for i := range s {
		after, before := bend(i+2), bend(i)
		if after+before > 1e-9*widest { // scipy's bound
			s[i] = (after*m[i+1] + before*m[i+2]) / (after + before)
		} else {
			s[i] = (m[i] + m[i+3]) / 2
		}
	}
	return s
}

// fitCubic fits one cubic by least squares, about the middle of the range and in
// units of half of it, which keeps the system well conditioned.
func fitCubic(x, y []float64) (piece, error) {
	n := len(x)
	mid, half := (x[0]+x[n-1])/2, (x[n-1]-x[0])/2
	a := mat.NewDense(n, 4, nil)
	for i, v := range x {
		u := (v - mid) / half
		a.SetRow(i, []float64{1, u, u * u, u * u * u})
	}
	var c mat.VecDense
	if err := c.SolveVec(a, mat.NewVecDense(n, y)); err != nil {
		return piece{}, fmt.Errorf("fitting a cubic: %w", err)
	}
	p := piece{from: x[0], to: x[n-1], at: mid}
	scale := 1.0
	for i := range p.c {
		p.c[i] = c.AtVec(i) / scale
		scale *= half
	}
	return p, nil
}
