package jpeg

import "golang.org/x/sys/cpu"

// The kernels of JPEG in AVX2, eight lanes of 32 bits at a time. They compute the
// same integers as the functions in kernels.go, which stand in for them on other
// machines and at the ends of rows.

var vectors = cpu.X86.HasAVX2

//go:noescape
func roundTripAVX2(v *uint8, stride, blocks int, q *Quantizer)

//go:noescape
func toYCCAVX2(y, cb, cr, rgb *uint8, n int)

//go:noescape
func toRGBAVX2(rgb, y, cb, cr *uint8, n int)

//go:noescape
func halveAVX2(dst, a, b *uint8, n int)

//go:noescape
func widenSumsAVX2(sums *uint16, near, far *uint8, n int)

//go:noescape
func widenMixAVX2(dst *uint8, sums *uint16, n int)

//go:noescape
func inverseAVX2(dst *uint8, stride int, coef *[64]int16, q *[64]int32)

//go:noescape
func extendAVX2(sums *uint16, row *uint8, n int)

//go:noescape
func stretchMixAVX2(dst *uint8, sums *uint16, n int)

// ToYCC converts pixels to luma and chroma, which have as many samples as y.
func ToYCC(y, cb, cr, rgb []uint8) {
	n := 0
	// The kernel reads 32 bytes for 8 pixels.
	if rest := len(rgb) - 32; vectors && rest >= 0 {
		n = 8 * min(rest/24+1, len(y)/8)
		if n > 0 {
			toYCCAVX2(&y[0], &cb[0], &cr[0], &rgb[0], n)
		}
	}
	toYCCGo(y[n:], cb[n:], cr[n:], rgb[3*n:])
}

// ToRGB converts back. It may write up to 4 bytes beyond rgb, within its capacity.
func ToRGB(rgb, y, cb, cr []uint8) {
	n := 0
	if vectors && len(y) >= 8 && cap(rgb) >= len(rgb)+4 {
		n = len(y) &^ 7
		toRGBAVX2(&rgb[0], &y[0], &cb[0], &cr[0], n)
	}
	toRGBGo(rgb[3*n:], y[n:], cb[n:], cr[n:])
}

// Halve averages 2×2 samples of the rows a and b, rounding down and up in turn.
func Halve(dst, a, b []uint8) {
	n := 0
	if vectors && len(dst) >= 16 {
		n = len(dst) &^ 15
		halveAVX2(&dst[0], &a[0], &b[0], n)
	}
	halveGo(dst[n:], a[2*n:], b[2*n:])
}

// Widen doubles a row between the row near it and the one that is far, by a
// triangle filter; sums has room for two more than the row. It may read 16 bytes beyond its inputs and write 32 beyond its outputs,
// within their capacities.
func Widen(dst, near, far []uint8, sums []uint16) {
	n := len(near)
	if !vectors || cap(near) < n+16 || cap(far) < n+16 || cap(dst) < 2*n+32 || cap(sums) < n+18 {
		widenGo(dst, near, far, sums)
		return
	}
	widenSumsAVX2(&sums[1], &near[0], &far[0], n)
	sums[0], sums[n+1] = sums[1], sums[n]
	widenMixAVX2(&dst[0], &sums[0], n)
}

// RoundTrip sends a row of 8×8 blocks through DCT, quantisation and inverse DCT, in
// place.
func RoundTrip(v []uint8, stride, blocks int, q *Quantizer) {
	if !vectors || blocks == 0 {
		roundTripBlocksGo(v, stride, blocks, q)
		return
	}
	_ = v[7*stride+8*blocks-1] // the kernel does not check
	roundTripAVX2(&v[0], stride, blocks, q)
}

// stretch doubles a row by a triangle filter along it; it may read 16 bytes beyond
// its input and write 32 beyond its output, within their capacities.
func stretch(dst, row []uint8, sums []uint16) {
	n := len(row)
	if !vectors || cap(row) < n+16 || cap(dst) < 2*n+32 || cap(sums) < n+18 {
		stretchGo(dst, row)
		return
	}
	extendAVX2(&sums[1], &row[0], n)
	sums[0], sums[n+1] = sums[1], sums[n]
	stretchMixAVX2(&dst[0], &sums[0], n)
}

func inverseVector(dst []uint8, stride int, coef *[64]int16, q *[64]int32) {
	if !vectors {
		inverseBlockGo(dst, stride, coef, q)
		return
	}
	_ = dst[7*stride+7] // the kernel does not check
	inverseAVX2(&dst[0], stride, coef, q)
}
