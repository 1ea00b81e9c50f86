package quality

import "math"

type float interface{ ~float32 | ~float64 }

// convolveGo is convolve in plain Go, see there.
func convolveGo[T float](dst, src []T, stride int, taps []T) {
	n, r := len(dst), len(taps)-1
	c, t := src[r*stride:][:n], taps[0]
	for i, v := range c {
		dst[i] = t * v
	}
	// Two taps at a time halve the traffic of dst.
	k := 1
	for ; k+1 <= r; k += 2 {
		a, b := src[(r-k)*stride:][:n], src[(r+k)*stride:][:n]
		d, e := src[(r-k-1)*stride:][:n], src[(r+k+1)*stride:][:n]
		t, u := taps[k], taps[k+1]
		for i := range dst {
			dst[i] += t*(a[i]+b[i]) + u*(d[i]+e[i])
		}
	}
	if k <= r {
		a, b, t := src[(r-k)*stride:][:n], src[(r+k)*stride:][:n], taps[k]
		for i := range dst {
			dst[i] += t * (a[i] + b[i])
		}
	}
}

// diffSumsGo is diffSums in plain Go.
func diffSumsGo(a, b []uint8) (squares, sums uint64) {
	b = b[:len(a)]
	// A block's sums fit 32 bits: 255²·65536 < 2³².
	const block = 1 << 16
	for len(a) > 0 {
		n := min(len(a), block)
		var sq, su uint32
		x, y := a[:n], b[:n]
		for i, v := range x {
			d := int32(v) - int32(y[i])
			sq += uint32(d * d)
			su += uint32(max(d, -d))
		}
		squares, sums = squares+uint64(sq), sums+uint64(su)
		a, b = a[n:], b[n:]
	}
	return squares, sums
}

// gaussian returns the taps of a normalised Gaussian of 2·radius+1 values, from
// the centre outwards.
func gaussian[T float](radius int, sigma float64) []T {
	w := make([]float64, radius+1)
	sum := 0.0
	for i := range w {
		w[i] = math.Exp(-float64(i*i) / (2 * sigma * sigma))
		sum += w[i]
		if i > 0 {
			sum += w[i]
		}
	}
	out := make([]T, len(w))
	for i, v := range w {
		out[i] = T(v / sum)
	}
	return out
}
