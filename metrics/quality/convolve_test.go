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

// The kernels of SSIM are the plain ones: exactly where they only multiply, to rounding
// where they fuse and divide.
func TestSimilarityKernelsAgreeWithPlainGo(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 100).Draw(t, "n")
		a := rapid.SliceOfN(rapid.Byte(), n, n).Draw(t, "a")
		b := rapid.SliceOfN(rapid.Byte(), n, n).Draw(t, "b")
		var got, want [4][]float32
		for i := range got {
			got[i], want[i] = make([]float32, n+lanes), make([]float32, n+lanes)
		}
		same := func(what string, tol float64) {
			for i := range got {
				for k := range got[i] {
					if d := math.Abs(float64(got[i][k] - want[i][k])); d > tol {
						t.Fatalf("%s: map %d, value %d is %v, want %v", what, i, k, got[i][k], want[i][k])
					}
				}
			}
		}
		byteMoments(a, b, &got)
		byteMomentsGo(a, b, &want)
		same("byteMoments", 0)
		for i := 2; i < 4; i++ {
			clear(got[i])
			clear(want[i])
		}
		squares(&got, n)
		squaresGo(&want, n)
		same("squares", 0)
		for k := range n { // moments of a window: squares are at least the square of the mean
			for i := 2; i < 4; i++ {
				got[i][k] += float32(k)
				want[i][k] += float32(k)
			}
		}
		whole := n &^ (lanes - 1)
		if whole > 0 {
			terms(&got, whole)
			termsGo(&want, whole)
		}
		same("terms", 2e-6)
		var sums, plain [24]float64
		addUp(&sums, got[0][:n])
		addUpGo(&plain, got[0][:n])
		if sums != plain {
			t.Fatalf("addUp gives %v, want %v", sums, plain)
		}
	})
}
