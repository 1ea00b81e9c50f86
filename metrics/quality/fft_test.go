package quality

import (
	"math/cmplx"
	"testing"
)

// The transform is the sum of its definition, for smooth, prime and mixed lengths,
// alone and in batches.
func TestDFTIsTheDefinition(t *testing.T) {
	for _, n := range []int{1, 2, 3, 4, 5, 6, 7, 8, 12, 16, 20, 30, 31, 33, 45, 60, 64, 74, 97, 120} {
		d := newDFT(n)
		for _, batch := range []int{1, 3} {
			x := make([]complex128, n*batch)
			state := uint32(n)
			for i := range x {
				state = state*1664525 + 1013904223
				x[i] = complex(float64(state>>24), float64(state>>16&255))
			}
			want := make([]complex128, len(x))
			for b := range batch {
				for k := range n {
					for j := range n {
						want[k*batch+b] += x[j*batch+b] * unit(j*k, n)
					}
				}
			}
			d.forward(x, make([]complex128, d.scratch(batch)), batch)
			for i := range x {
				if cmplx.Abs(x[i]-want[i]) > 1e-9 {
					t.Fatalf("length %d, batch %d: value %d is %v, want %v", n, batch, i, x[i], want[i])
				}
			}
		}
	}
}
