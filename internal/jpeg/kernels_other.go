//go:build !amd64

package jpeg

// ToYCC converts pixels to luma and chroma, which have as many samples as y.
func ToYCC(y, cb, cr, rgb []uint8) { toYCCGo(y, cb, cr, rgb) }

// ToRGB converts back.
func ToRGB(rgb, y, cb, cr []uint8) { toRGBGo(rgb, y, cb, cr) }

// Halve averages 2×2 samples of the rows a and b, rounding down and up in turn.
func Halve(dst, a, b []uint8) { halveGo(dst, a, b) }

// Widen doubles a row between the row near it and the one that is far, by a
// triangle filter; sums has room for two more than the row.
func Widen(dst, near, far []uint8, sums []uint16) { widenGo(dst, near, far, sums) }

// RoundTrip sends a row of 8×8 blocks through DCT, quantisation and inverse DCT, in
// place.
func RoundTrip(v []uint8, stride, blocks int, q *Quantizer) {
	roundTripBlocksGo(v, stride, blocks, q)
}

func stretch(dst, row []uint8, _ []uint16) { stretchGo(dst, row) }

func inverseVector(dst []uint8, stride int, coef *[64]int16, q *[64]int32) {
	inverseBlockGo(dst, stride, coef, q)
}
