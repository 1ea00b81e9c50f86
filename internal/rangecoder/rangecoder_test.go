package rangecoder

import (
	"bytes"
	"math"
	"math/rand/v2"
	"testing"

	"pgregory.net/rapid"
)

// draw returns n symbols of a distribution and its entropy in bits.
func draw(weights []float64, n int, seed uint64) ([]int, float64) {
	var sum, entropy float64
	for _, w := range weights {
		sum += w
	}
	for _, w := range weights {
		if w > 0 {
			entropy -= w / sum * math.Log2(w/sum)
		}
	}
	cumulative := make([]float64, len(weights))
	at := 0.0
	for i, w := range weights {
		at += w / sum
		cumulative[i] = at
	}
	rng := rand.New(rand.NewPCG(seed, 1))
	out := make([]int, n)
	for i := range out {
		v := rng.Float64()
		for out[i] < len(weights)-1 && cumulative[out[i]] <= v {
			out[i]++
		}
	}
	return out, entropy
}

func zipf(n int, a float64) []float64 {
	out := make([]float64, n)
	for i := range out {
		out[i] = math.Pow(float64(i+1), -a)
	}
	return out
}

// empirical is the entropy of what was drawn: no coder with these counts gets
// below it.
func empirical(symbols []int, n int) float64 {
	counts := make([]float64, n)
	for _, s := range symbols {
		counts[s]++
	}
	var bits float64
	for _, c := range counts {
		if c > 0 {
			bits -= c * math.Log2(c/float64(len(symbols)))
		}
	}
	return bits
}

func code(t testing.TB, symbols []int, model func() Model) []byte {
	t.Helper()
	var e Encoder
	m := model()
	for _, s := range symbols {
		Encode(&e, m, s)
	}
	out := e.Finish()
	d, m := NewDecoder(out), model()
	for i, want := range symbols {
		got, err := Decode(d, m)
		if err != nil || got != want {
			t.Fatalf("symbol %d is %d (%v), coded was %d", i, got, err, want)
		}
	}
	return out
}

func TestStaticIsWithinAThousandthOfTheEntropy(t *testing.T) {
	for name, weights := range map[string][]float64{
		"even 2": {1, 1}, "skewed 2": {999, 1}, "even 256": zipf(256, 0),
		"zipf 1000": zipf(1000, 1), "zipf 4096": zipf(4096, .8), "zipf 100000": zipf(100000, .9),
	} {
		const n = 20000
		symbols, _ := draw(weights, n, 3)
		counts := make([]float64, len(weights))
		for _, s := range symbols {
			counts[s]++
		}
		out := code(t, symbols, func() Model {
			m, err := NewStatic(counts)
			if err != nil {
				t.Fatal(err)
			}
			return m
		})
		want := empirical(symbols, len(weights))
		got := float64(8 * len(out))
		t.Logf("%s: %.0f bits, entropy %.0f", name, got, want)
		// The frequency that every unused symbol keeps costs 1/64 of a bit at most.
		if got < want-8 || got > want*1.001+n/40.+16 {
			t.Errorf("%s: %.0f bits for an entropy of %.0f", name, got, want)
		}
	}
}

func TestAdaptiveComesToTheEntropy(t *testing.T) {
	for name, weights := range map[string][]float64{
		"skewed 2": {99, 1}, "zipf 16": zipf(16, 1), "zipf 256": zipf(256, 1.2), "one of 4096": append([]float64{1}, make([]float64, 4095)...),
	} {
		symbols, entropy := draw(weights, 100000, 5)
		out := code(t, symbols, func() Model {
			m, err := NewAdaptive(make([]float64, len(weights)), 32)
			if err != nil {
				t.Fatal(err)
			}
			return m
		})
		got, want := float64(8*len(out)), entropy*float64(len(symbols))
		t.Logf("%s: %.0f bits, entropy %.0f", name, got, want)
		// Learning a distribution costs about ½ log2 n bits a symbol of the alphabet.
		used := 0
		for _, w := range weights {
			if w > 0 {
				used++
			}
		}
		if got > want*1.01+float64(used)*12+float64(len(weights))/8 {
			t.Errorf("%s: %.0f bits for an entropy of %.0f", name, got, want)
		}
	}
}

// What is known beforehand is worth something: a good beginning costs less than
// none.
func TestAdaptiveBeginsWithItsWeights(t *testing.T) {
	weights := zipf(1024, 1)
	symbols, _ := draw(weights, 1000, 9)
	length := func(prior []float64, strength float64) int {
		return len(code(t, symbols, func() Model {
			m, err := NewAdaptive(prior, strength)
			if err != nil {
				t.Fatal(err)
			}
			return m
		}))
	}
	if with, without := length(weights, 500), length(make([]float64, 1024), 500); with >= without {
		t.Errorf("%d bytes with the right prior, %d with none", with, without)
	}
}

func TestRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 700).Draw(t, "symbols")
		weights := rapid.SliceOfN(rapid.SampledFrom([]float64{0, 1e-9, 1, 3, 1e6}), n, n).Draw(t, "weights")
		seq := rapid.SliceOf(rapid.IntRange(0, n-1)).Draw(t, "sequence")
		raw := rapid.Uint32Range(0, 1<<20-1).Draw(t, "raw")
		static, err := NewStatic(weights)
		if err != nil {
			t.Fatal(err)
		}
		fresh := func() *Adaptive {
			m, err := NewAdaptive(weights, rapid.SampledFrom([]float64{1. / 16, 1, 1e3, 1e9}).Draw(t, "strength"))
			if err != nil {
				t.Fatal(err)
			}
			return m
		}
		a := fresh()
		b := &Adaptive{tree: append([]uint32(nil), a.tree...), sum: a.sum, step: a.step, first: a.first}
		var e Encoder
		for _, s := range seq {
			Encode(&e, static, s)
			Encode(&e, a, s)
		}
		e.Put(raw, 20)
		out := e.Finish()
		d := NewDecoder(out)
		for i, s := range seq {
			for _, m := range []Model{static, b} {
				got, err := Decode(d, m)
				if err != nil || got != s {
					t.Fatalf("symbol %d is %d (%v), coded was %d", i, got, err, s)
				}
			}
		}
		if got, err := d.Get(20); err != nil || got != raw {
			t.Fatalf("raw bits are %d (%v), coded was %d", got, err, raw)
		}
	})
}

// Counts are halved when they are about to run over; both sides do so alike.
func TestCountsNeverRunOver(t *testing.T) {
	symbols := make([]int, 300)
	for i := range symbols {
		symbols[i] = i % 3
	}
	code(t, symbols, func() Model {
		m, err := NewAdaptive(make([]float64, 3), 1./16)
		if err != nil {
			t.Fatal(err)
		}
		m.step = 1 << 28
		return m
	})
}

func TestNothingIsNoBytes(t *testing.T) {
	var e Encoder
	if out := e.Finish(); len(out) != 0 {
		t.Errorf("%d bytes for no symbols", len(out))
	}
}

func TestImpossibleModelsAreRefused(t *testing.T) {
	for name, weights := range map[string][]float64{"none": {}, "negative": {1, -1}, "NaN": {math.NaN()}, "infinite": {math.Inf(1)}} {
		if _, err := NewStatic(weights); err == nil {
			t.Errorf("%s: no error", name)
		}
		if _, err := NewAdaptive(weights, 1); err == nil {
			t.Errorf("%s, adaptive: no error", name)
		}
	}
	if _, err := NewAdaptive([]float64{1}, 0); err == nil {
		t.Error("strength 0: no error")
	}
}

// Damaged bytes give an error or other symbols, never a panic and never more than
// was asked for.
func FuzzDecode(f *testing.F) {
	f.Add([]byte{}, uint8(3))
	f.Add([]byte{255, 255, 255, 255, 255, 255, 255, 255, 255}, uint8(200))
	f.Add(bytes.Repeat([]byte{0x80, 1}, 40), uint8(17))
	f.Fuzz(func(t *testing.T, in []byte, n uint8) {
		weights := zipf(int(n)+1, 1)
		s, err := NewStatic(weights)
		if err != nil {
			t.Fatal(err)
		}
		a, err := NewAdaptive(weights, 4)
		if err != nil {
			t.Fatal(err)
		}
		d := NewDecoder(in)
		for range 8 * (len(in) + 64) {
			for _, m := range []Model{s, a} {
				got, err := Decode(d, m)
				if err != nil {
					return
				}
				if got < 0 || got > int(n) {
					t.Fatalf("symbol %d of an alphabet of %d", got, int(n)+1)
				}
			}
		}
	})
}

func BenchmarkEncode(b *testing.B) {
	weights := zipf(4096, .8)
	symbols, _ := draw(weights, 4096, 1)
	static, err := NewStatic(weights)
	if err != nil {
		b.Fatal(err)
	}
	b.Run("static", func(b *testing.B) {
		for b.Loop() {
			var e Encoder
			for _, s := range symbols {
				Encode(&e, static, s)
			}
			e.Finish()
		}
	})
	b.Run("adaptive", func(b *testing.B) {
		for b.Loop() {
			m, err := NewAdaptive(weights, 512)
			if err != nil {
				b.Fatal(err)
			}
			var e Encoder
			for _, s := range symbols {
				Encode(&e, m, s)
			}
			e.Finish()
		}
	})
}

// A long run of the first symbol at the end is bytes of zero, which are left out.
func TestLongRunsAtTheEnd(t *testing.T) {
	symbols, _ := draw([]float64{1, 1, 2, 3}, 500, 3)
	symbols = append(symbols, make([]int, 200000)...)
	var e Encoder
	m, err := NewAdaptive(make([]float64, 4), 16)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range symbols {
		Encode(&e, m, s)
	}
	data := e.Finish()
	if m, err = NewAdaptive(make([]float64, 4), 16); err != nil {
		t.Fatal(err)
	}
	d := NewDecoder(data)
	for i, want := range symbols {
		got, err := Decode(d, m)
		if err != nil || got != want {
			t.Fatalf("symbol %d of %d in %d bytes: %d, want %d, %v", i, len(symbols), len(data), got, want, err)
		}
	}
}
