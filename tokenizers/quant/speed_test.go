package quant

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/vtbench/vtbench/pix"
	"github.com/vtbench/vtbench/tokenizers/internal/sample"
)

// BenchmarkRules encodes and decodes 512×512 pixels by every rule.
func BenchmarkRules(b *testing.B) {
	photo, err := sample.LoadFile("testdata/astronaut.png")
	if err != nil {
		b.Fatal(err)
	}
	small := pix.FromImage(photo)
	img := pix.New(512, 512)
	for y := range 512 {
		row := small.Row(y % 256)
		copy(img.Row(y), row)
		copy(img.Row(y)[3*256:], row)
	}
	for _, k := range Kinds() {
		tok := open(b, k.Example)
		b.Run(k.Name, func(b *testing.B) {
			b.SetBytes(int64(len(img.Pix)))
			for b.Loop() {
				if _, err := tok.Reconstruct(b.Context(), []pix.Image{img}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkNearest searches codebooks of photographs' statistics up to the largest
// that systems have. words/op is how many codewords were compared in all their
// coordinates; the memory of a codebook is 1.2 times that of its codewords.
func BenchmarkNearest(b *testing.B) {
	tr, err := shippedTransform(8)
	if err != nil {
		b.Fatal(err)
	}
	t, err := ReadTransform(tr, 32)
	if err != nil {
		b.Fatal(err)
	}
	x, err := t.Sample(32)
	if err != nil {
		b.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(1, 1))
	for _, k := range []int{1024, 4096, 16384, 100000} {
		// Latents of the sample with a little noise: as far apart as a codebook's words.
		words := make([]float32, 0, k*32)
		for range k {
			v := x[rng.IntN(len(x)/32)*32:][:32]
			for j, u := range v {
				words = append(words, u*float32(1+.3*rng.NormFloat64())+float32(rng.NormFloat64()*40/float64(j+1)))
			}
		}
		book, err := NewCodebook(words, 32, 32)
		if err != nil {
			b.Fatal(err)
		}
		b.Run(fmt.Sprint("k=", k), func(b *testing.B) {
			i := 0
			for b.Loop() {
				book.Nearest(x[i%(len(x)/32)*32:][:32])
				i++
			}
		})
	}
	// The floor of memory: reading 100,000 codewords of 32 numbers once.
	all := make([]float32, 100000*32)
	b.Run("read 100000 words", func(b *testing.B) {
		b.SetBytes(int64(4 * len(all)))
		var sum float32
		for b.Loop() {
			for _, v := range all {
				sum += v
			}
		}
		sink = sum
	})
}

var sink float32
