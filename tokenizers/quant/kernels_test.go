package quant

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// The vector kernels give the bits of those in Go: on every processor the same ids.
func TestKernelsAgree(t *testing.T) {
	values := rapid.SampledFrom([]float32{0, 1, -1, .5, 1e-3, 1e-20, 3e18, 77.7, 254.9})
	number := rapid.OneOf(values, rapid.Float32Range(-300, 300))
	rapid.Check(t, func(t *rapid.T) {
		dim := quad * rapid.IntRange(1, 9).Draw(t, "quads")
		rng := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1))
		pool := rapid.SliceOfN(number, 2, 12).Draw(t, "pool")
		pick := func(n int) []float32 {
			out := make([]float32, n)
			for i := range out {
				out[i] = pool[rng.IntN(len(pool))]
			}
			return out
		}
		group, x := pick(groupSize*dim), pick(dim)
		for word := range rapid.IntRange(0, groupSize).Draw(t, "words that fill up") {
			group[lane(groupSize-1-word, 0, dim)] = float32(math.NaN())
		}
		bound := rapid.SampledFrom([]float32{0, 1, 100, 1e5, float32(math.Inf(1))}).Draw(t, "bound")
		if got, want := within(group, x, bound), withinGo(group, x, bound); got != want {
			t.Errorf("within %g: %064b, want %064b", bound, got, want)
		}
		n, m, k := rapid.IntRange(0, 9).Draw(t, "n"), rapid.IntRange(0, 35).Draw(t, "m"), rapid.IntRange(0, 20).Draw(t, "k")
		a, b := pick(n*k), pick(k*m)
		got, want := pick(n*m), make([]float32, n*m)
		multiply(got, a, b, n, m, k)
		multiplyGo(want, a, b, m, k, 0, n, 0, m)
		if !slices.Equal(got, want) {
			t.Errorf("%d×%d times %d×%d: %v, want %v", n, k, k, m, got, want)
		}
	})
}
