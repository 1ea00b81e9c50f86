package quality

import "golang.org/x/sys/cpu"

// The vector kernels need AVX2 and FMA; without them plain Go does the same.
var vectors = cpu.X86.HasAVX2 && cpu.X86.HasFMA

//go:noescape
func convolveAVX32(dst, src *float32, n, stride int, taps *float32, radius int)

//go:noescape
func convolveAVX64(dst, src *float64, n, stride int, taps *float64, radius int)

//go:noescape
func diffSumsAVX(a, b *uint8, n int, squares *[8]uint32, sums *[4]uint64)

// convolve applies a symmetric filter, given from its centre outwards, to rows
// that lie stride apart, stride 1 being the row itself shifted:
//
//	dst[i] = Σ_k taps[|k−r|]·src[i+k·stride], k = 0…2r, r = len(taps)−1
//
// Vectors fuse multiplication and addition and so round differently from plain Go
// in the last bit. dst and src do not overlap.
func convolve[T float](dst, src []T, stride int, taps []T) {
	lanes := 8
	if _, ok := any(dst).([]float64); ok {
		lanes = 4
	}
	n, r := len(dst), len(taps)-1
	if !vectors || n < lanes || r < 1 {
		convolveGo(dst, src, stride, taps)
		return
	}
	src = src[:n+2*r*stride] // the kernel does not check
	whole := n &^ (lanes - 1)
	convolveVectors(dst, src, whole, stride, taps)
	if whole < n { // the last vector overlaps the one before
		convolveVectors(dst[n-lanes:], src[n-lanes:], lanes, stride, taps)
	}
}

func convolveVectors[T float](dst, src []T, n, stride int, taps []T) {
	switch d := any(dst).(type) {
	case []float32:
		s, t := any(src).([]float32), any(taps).([]float32)
		convolveAVX32(&d[0], &s[0], n, stride, &t[0], len(t)-1)
	case []float64:
		s, t := any(src).([]float64), any(taps).([]float64)
		convolveAVX64(&d[0], &s[0], n, stride, &t[0], len(t)-1)
	}
}

// diffSums returns Σ(a−b)² and Σ|a−b|.
func diffSums(a, b []uint8) (squares, sums uint64) {
	const block = 1 << 16
	b = b[:len(a)]
	for vectors && len(a) >= 32 {
		n := min(len(a), block) &^ 31
		var sq [8]uint32
		var su [4]uint64
		diffSumsAVX(&a[0], &b[0], n, &sq, &su)
		for _, v := range sq {
			squares += uint64(v)
		}
		for _, v := range su {
			sums += v
		}
		a, b = a[n:], b[n:]
	}
	sq, su := diffSumsGo(a, b)
	return squares + sq, sums + su
}

//go:noescape
func byteMomentsAVX(a, b *uint8, s, d, ss, dd *float32, n int)

//go:noescape
func squaresAVX(s, d, ss, dd *float32, n int)

//go:noescape
func termsAVX(s, d, ss, dd *float32, n int)

//go:noescape
func addUpAVX(sums *[24]float64, row *float32, n int)

// byteMoments writes sum and difference of two rows, less ssimOffset each, and their
// squares.
func byteMoments(a, b []uint8, m *[4][]float32) {
	n := len(a)
	if !vectors || n < lanes {
		byteMomentsGo(a, b, m)
		return
	}
	kernel := func(k, n int) {
		byteMomentsAVX(&a[k], &b[k], &m[0][k], &m[1][k], &m[2][k], &m[3][k], n)
	}
	kernel(0, n&^(lanes-1))
	if n%lanes > 0 { // the last vector overlaps the one before
		kernel(n-lanes, lanes)
	}
}

// squares writes the squares of n sums and differences behind them.
func squares(m *[4][]float32, n int) {
	if !vectors || n < lanes {
		squaresGo(m, n)
		return
	}
	kernel := func(k, n int) { squaresAVX(&m[0][k], &m[1][k], &m[2][k], &m[3][k], n) }
	kernel(0, n&^(lanes-1))
	if n%lanes > 0 {
		kernel(n-lanes, lanes)
	}
}

// terms makes of n filtered moments, in place of the first two, the index of SSIM and its
// contrast-structure term. n is a multiple of lanes.
func terms(m *[4][]float32, n int) {
	if !vectors {
		termsGo(m, n)
		return
	}
	termsAVX(&m[0][:n][0], &m[1][:n][0], &m[2][:n][0], &m[3][:n][0], n)
}

// addUp adds row[i] to sums[i mod 24].
func addUp(sums *[24]float64, row []float32) {
	if n := len(row) - len(row)%len(sums); vectors && n > 0 {
		addUpAVX(sums, &row[0], n)
		row = row[n:]
	}
	addUpGo(sums, row)
}
