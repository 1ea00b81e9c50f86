package pix

import (
	"bytes"
	"math/rand/v2"
	"testing"
)

// The vector kernels give the bytes of plain Go, whatever the sizes, up to the last row
// and column, and write nothing beside them.
func TestResizeKernels(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for _, from := range [][2]int{{1, 1}, {2, 3}, {5, 9}, {17, 16}, {64, 33}, {101, 64}} {
		src := New(from[0], from[1])
		for i := range src.Pix {
			src.Pix[i] = uint8(255 * rng.IntN(2)) // overshoots: black and white only
		}
		for _, to := range []int{1, 2, 3, 7, 8, 11, 32, 43, 100} {
			kx, ky := kernelFor(Sampling{}, src.W, to), kernelFor(Sampling{}, src.H, to)
			got, want := New(to, src.H), New(to, src.H)
			for y := range src.H {
				filterRow(got, src, y, y, kx)
				filterRowGo(want, src, y, y, kx)
			}
			if !bytes.Equal(got.Pix, want.Pix) {
				t.Errorf("%v to width %d: rows differ from plain Go's", from, to)
			}
			acc := make([]int32, 3*src.W)
			for i := range to {
				coeff := ky.coeff[i*ky.taps : i*ky.taps+ky.count[i]]
				const guard = 8
				a, b := make([]uint8, 3*src.W+guard), make([]uint8, 3*src.W+guard)
				filterColumns(a[:3*src.W], src, ky.first[i], coeff, acc)
				filterColumnsGo(b[:3*src.W], src, ky.first[i], coeff, acc)
				if !bytes.Equal(a, b) {
					t.Errorf("%v to height %d: row %d differs from plain Go's", from, to, i)
				}
			}
		}
	}
}
