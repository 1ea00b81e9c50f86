package quality

import (
	"math"
	"testing"
)

// The vector kernel and plain Go agree to float32 rounding for every length.
func TestConvolveAgreesWithPlainGo(t *testing.T) {
	for _, stride := range []int{1, 3, 64} {
		for n := 1; n < 50; n++ {
			src := make([]float32, n+(ssimTaps-1)*stride)
			for i := range src {
				src[i] = float32((i*7919)%511 - 256)
			}
			got, want := make([]float32, n), make([]float32, n)
			convolve(got, src, stride)
			convolveGo(want, src, stride)
			for i := range want {
				if d := math.Abs(float64(got[i] - want[i])); d > 1e-4 {
					t.Fatalf("n %d, stride %d: value %d is %v, want %v", n, stride, i, got[i], want[i])
				}
			}
		}
	}
}
