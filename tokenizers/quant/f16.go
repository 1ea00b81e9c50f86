package quant

import "math"

// IEEE 754 binary16 halves the fitted artefacts at a relative error of 2^-11,
// far below what the transform drops.

// toHalf rounds to the nearest binary16, ties to even.
func toHalf(f float32) uint16 {
	b := math.Float32bits(f)
	sign, mag := uint16(b>>16&0x8000), b&0x7fffffff
	switch {
	case mag > 0x7f800000:
		return sign | 0x7e00 // NaN
	case mag >= 0x477ff000:
		return sign | 0x7c00 // rounds to 65536 or more, or is infinite
	case mag < 0x38800000: // below 2^-14: subnormal, a multiple of 2^-24
		scaled := math.RoundToEven(math.Ldexp(float64(math.Float32frombits(mag)), 24))
		return sign | uint16(scaled)
	}
	mag += 0xfff + mag>>13&1 // round to even on the 13 bits that go
	return sign | uint16((mag-0x38000000)>>13)
}

func fromHalf(h uint16) float32 {
	sign, exp, frac := uint32(h&0x8000)<<16, uint32(h>>10&0x1f), uint32(h&0x3ff)
	switch exp {
	case 0:
		f := float32(math.Ldexp(float64(frac), -24))
		return math.Float32frombits(math.Float32bits(f) | sign)
	case 0x1f:
		return math.Float32frombits(sign | 0x7f800000 | frac<<13)
	}
	return math.Float32frombits(sign | (exp+112)<<23 | frac<<13)
}
