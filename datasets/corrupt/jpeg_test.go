package corrupt

import (
	"slices"
	"testing"

	"pgregory.net/rapid"
)

func randomBytes(rng *stream, n int) []uint8 {
	out := make([]uint8, n, n+64)
	for i := range out {
		out[i] = uint8(rng.next() >> 56)
	}
	return out
}

// Kernels for vectors must give what the plain functions give, at any length.
func TestJPEGKernels(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rng := stream(rapid.Uint64().Draw(t, "seed"))
		n := rapid.IntRange(1, 100).Draw(t, "n")
		rgb := randomBytes(&rng, 3*n)
		var a, b [3][]uint8
		for c := range 3 {
			a[c], b[c] = make([]uint8, n), make([]uint8, n)
		}
		toYCC(a[0], a[1], a[2], rgb)
		toYCCGo(b[0], b[1], b[2], rgb)
		for c := range 3 {
			if !slices.Equal(a[c], b[c]) {
				t.Fatalf("toYCC differs in component %d", c)
			}
		}
		back, want := make([]uint8, 3*n, 3*n+32), make([]uint8, 3*n)
		toRGB(back, a[0], a[1], a[2])
		toRGBGo(want, a[0], a[1], a[2])
		if !slices.Equal(back, want) {
			t.Fatal("toRGB differs")
		}
		x, y := randomBytes(&rng, 2*n), randomBytes(&rng, 2*n)
		h, hw := make([]uint8, n), make([]uint8, n)
		halve(h, x, y)
		halveGo(hw, x, y)
		if !slices.Equal(h, hw) {
			t.Fatal("halve differs")
		}
		w, ww := make([]uint8, 2*n, 2*n+32), make([]uint8, 2*n)
		widen(w, x[:n], y[:n], make([]uint16, n+2, n+34))
		widenGo(ww, x[:n], y[:n], make([]uint16, n+2))
		if !slices.Equal(w, ww) {
			t.Fatal("widen differs")
		}
	})
}

func TestJPEGBlocks(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rng := stream(rapid.Uint64().Draw(t, "seed"))
		blocks := rapid.IntRange(1, 5).Draw(t, "blocks")
		q := newQuantTable(&lumaTable, rapid.IntRange(1, 100).Draw(t, "quality"))
		stride := 8 * blocks
		a := randomBytes(&rng, 8*stride)
		switch rapid.IntRange(0, 3).Draw(t, "content") {
		case 1: // extremes
			for i, v := range a {
				a[i] = 255 * (v & 1)
			}
		case 2: // flat
			for i := range a {
				a[i] = a[0]
			}
		case 3: // smooth
			for i := range a {
				a[i] = uint8(i%stride*3 + i/stride*2)
			}
		}
		b := slices.Clone(a)
		roundTripBlocks(a, stride, blocks, q)
		roundTripBlocksGo(b, stride, blocks, q)
		if !slices.Equal(a, b) {
			t.Fatal("blocks differ")
		}
	})
}

func BenchmarkJPEGBlocks(b *testing.B) {
	rng := stream(1)
	q := newQuantTable(&lumaTable, 25)
	v := randomBytes(&rng, 8*768)
	for name, f := range map[string]func([]uint8, int, int, *quantTable){"vector": roundTripBlocks, "plain": roundTripBlocksGo} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(v)))
			for b.Loop() {
				f(v, 768, 96, q)
			}
		})
	}
}
