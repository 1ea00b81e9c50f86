package corrupt

import "math"

// Elementary functions that give the same bits on every machine. Those of
// package math do not promise to: exp, log and the trigonometric functions are
// assembly on some architectures, and a compiler may fuse a multiplication with
// an addition where no explicit conversion stands between them. These use +, −,
// ×, ÷ and conversions only, each rounded as IEEE 754 says, and are good to a few
// units in the last place: enough for constants that end up in 8 bits.

const (
	ln2Hi = 6.93147180369123816490e-01 // upper bits of ln 2, so that n·ln2Hi is exact
	ln2Lo = 1.90821492927058770002e-10
)

// exp returns e^x; 0 below the normal numbers, +Inf above.
func exp(x float64) float64 {
	switch {
	case x < -708:
		return 0
	case x > 709:
		return math.Inf(1)
	}
	n := math.Floor(float64(x*math.Log2E) + 0.5)
	r := x - float64(n*ln2Hi)
	r -= float64(n * ln2Lo)
	p := 0.0
	for _, c := range expTerms { // Taylor's series for |r| ≤ ln 2/2, by Horner
		p = c + float64(p*r)
	}
	return p * math.Float64frombits(uint64(int64(n)+1023)<<52)
}

// expTerms are 1/14! down to 1/0!.
var expTerms = [15]float64{
	1. / 87178291200, 1. / 6227020800, 1. / 479001600, 1. / 39916800, 1. / 3628800, 1. / 362880, 1. / 40320,
	1. / 5040, 1. / 720, 1. / 120, 1. / 24, 1. / 6, 1. / 2, 1, 1,
}

// log returns the natural logarithm of x, which must be positive and normal.
func log(x float64) float64 {
	b := math.Float64bits(x)
	e := int(b>>52) - 1023
	f := math.Float64frombits(b&(1<<52-1) | 1023<<52) // [1, 2)
	if f > math.Sqrt2 {
		f /= 2
		e++
	}
	s := (f - 1) / (f + 1) // log f = 2·artanh s, |s| < .172
	s2 := float64(s * s)
	p := 0.0
	for k := 23.0; k >= 1; k -= 2 {
		p = 1/k + float64(p*s2)
	}
	n := float64(e)
	return float64(n*ln2Hi) + (float64(2*float64(s*p)) + float64(n*ln2Lo))
}

// sincos returns sine and cosine of an angle in degrees.
func sincos(degrees float64) (sin, cos float64) {
	quarter := math.Floor(degrees/90 + 0.5)
	r := (degrees - float64(90*quarter)) * (math.Pi / 180) // |r| ≤ π/4
	r2 := float64(r * r)
	s, c := 1.0, 1.0
	for k := 18.0; k >= 2; k -= 2 {
		s = 1 - float64(float64(s*r2)/float64(k*(k+1)))
		c = 1 - float64(float64(c*r2)/float64(k*(k-1)))
	}
	s = float64(s * r)
	switch int64(quarter) & 3 {
	case 1:
		return c, -s
	case 2:
		return -s, -c
	case 3:
		return -c, s
	}
	return s, c
}
