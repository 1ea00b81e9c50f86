package jpeg

import (
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

func randomBytes(rng *rand.Rand, n int) []uint8 {
	out := make([]uint8, n, n+64)
	for i := range out {
		out[i] = uint8(rng.Uint32())
	}
	return out
}

// Kernels for vectors must give what the plain functions give, at any length.
func TestKernels(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rng := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
		n := rapid.IntRange(1, 100).Draw(t, "n")
		rgb := randomBytes(rng, 3*n)
		var a, b [3][]uint8
		for c := range 3 {
			a[c], b[c] = make([]uint8, n), make([]uint8, n)
		}
		ToYCC(a[0], a[1], a[2], rgb)
		toYCCGo(b[0], b[1], b[2], rgb)
		for c := range 3 {
			if !slices.Equal(a[c], b[c]) {
				t.Fatalf("toYCC differs in component %d", c)
			}
		}
		back, want := make([]uint8, 3*n, 3*n+32), make([]uint8, 3*n)
		ToRGB(back, a[0], a[1], a[2])
		toRGBGo(want, a[0], a[1], a[2])
		if !slices.Equal(back, want) {
			t.Fatal("toRGB differs")
		}
		x, y := randomBytes(rng, 2*n), randomBytes(rng, 2*n)
		h, hw := make([]uint8, n), make([]uint8, n)
		Halve(h, x, y)
		halveGo(hw, x, y)
		if !slices.Equal(h, hw) {
			t.Fatal("halve differs")
		}
		w, ww := make([]uint8, 2*n, 2*n+32), make([]uint8, 2*n)
		Widen(w, x[:n], y[:n], make([]uint16, n+2, n+34))
		widenGo(ww, x[:n], y[:n], make([]uint16, n+2))
		if !slices.Equal(w, ww) {
			t.Fatal("widen differs")
		}
		stretch(w, x[:n], make([]uint16, n+2, n+34))
		stretchGo(ww, x[:n])
		if !slices.Equal(w, ww) {
			t.Fatal("stretch differs")
		}
		var coef [64]int16
		var q [64]int32
		for i := range coef {
			coef[i], q[i] = int16(rng.IntN(200)-100)>>rng.IntN(8), 1+rng.Int32N(40)
		}
		var block, plain [8 * 16]uint8
		inverseVector(block[:], 16, &coef, &q)
		inverseBlockGo(plain[:], 16, &coef, &q)
		if block != plain {
			t.Fatal("the inverse transform differs")
		}
		clear(coef[1:])
		inverseBlock(block[:], 16, &coef, &q, 0)
		inverseBlockGo(plain[:], 16, &coef, &q)
		if block != plain {
			t.Fatal("the inverse transform of a mean differs")
		}
	})
}

// quantizer has steps that grow with frequency.
func quantizer(coarseness int) *Quantizer {
	var steps [64]uint8
	for i := range steps {
		steps[i] = uint8(min(1+coarseness*(1+i/8+i%8)/8, 255))
	}
	return NewQuantizer(&steps)
}

func TestBlocks(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rng := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
		blocks := rapid.IntRange(1, 5).Draw(t, "blocks")
		q := quantizer(rapid.IntRange(1, 100).Draw(t, "coarseness"))
		stride := 8 * blocks
		a := randomBytes(rng, 8*stride)
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
		RoundTrip(a, stride, blocks, q)
		roundTripBlocksGo(b, stride, blocks, q)
		if !slices.Equal(a, b) {
			t.Fatal("blocks differ")
		}
	})
}

func BenchmarkBlocks(b *testing.B) {
	rng := rand.New(rand.NewPCG(1, 0))
	q := quantizer(30)
	v := randomBytes(rng, 8*768)
	for name, f := range map[string]func([]uint8, int, int, *Quantizer){"vector": RoundTrip, "plain": roundTripBlocksGo} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(v)))
			for b.Loop() {
				f(v, 768, 96, q)
			}
		})
	}
}
