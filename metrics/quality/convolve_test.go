package quality

import (
	"math"
	"testing"

	"pgregory.net/rapid"
)

// The vector kernels and plain Go agree to rounding for all lengths, strides and
// radii, and write nothing beside what they are given.
func TestConvolveAgreesWithPlainGo(t *testing.T) {
	t.Run("float32", rapid.MakeCheck(func(t *rapid.T) { convolveAgrees[float32](t, 1e-6) }))
	t.Run("float64", rapid.MakeCheck(func(t *rapid.T) { convolveAgrees[float64](t, 1e-14) }))
}

func convolveAgrees[T float](t *rapid.T, tol float64) {
	n := rapid.IntRange(1, 80).Draw(t, "n")
	radius := rapid.IntRange(1, 8).Draw(t, "radius")
	stride := rapid.SampledFrom([]int{1, 2, 3, 64, 101}).Draw(t, "stride")
	seed := rapid.Uint32().Draw(t, "seed")
	src := make([]T, n+2*radius*stride)
	for i := range src {
		seed = seed*1664525 + 1013904223
		src[i] = T(int(seed>>24) - 128)
	}
	taps := gaussian[T](radius, float64(radius)/3)
	const guard = 9
	got, want := make([]T, n+guard), make([]T, n)
	convolve(got[:n], src, stride, taps)
	convolveGo(want, src, stride, taps)
	for i := range want {
		if d := math.Abs(float64(got[i] - want[i])); d > 255*tol {
			t.Fatalf("value %d is %v, want %v", i, got[i], want[i])
		}
	}
	for _, v := range got[n:] {
		if v != 0 {
			t.Fatalf("wrote past the end: %v", got[n:])
		}
	}
}

// The vector sums are the plain ones for all lengths, and for the largest
// differences, which come closest to overflow.
func TestDiffSumsAgreeWithPlainGo(t *testing.T) {
	for _, n := range []int{0, 1, 31, 32, 33, 95, 1 << 16, 1<<16 + 31, 3<<16 + 5} {
		for _, extreme := range []bool{false, true} {
			a, b := make([]uint8, n), make([]uint8, n)
			for i := range a {
				a[i], b[i] = uint8(i*7919>>3), uint8(i*104729>>5)
				if extreme {
					a[i], b[i] = 255, 0
				}
			}
			sq, su := diffSums(a, b)
			wantSq, wantSu := diffSumsGo(a, b)
			if sq != wantSq || su != wantSu {
				t.Errorf("%d bytes, extreme %v: %d and %d, want %d and %d", n, extreme, sq, su, wantSq, wantSu)
			}
		}
	}
}
