package quant

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/vtbench/vtbench/pix"
)

// BenchmarkRules encodes and decodes 512×512 pixels by every rule.
func BenchmarkRules(b *testing.B) {
	small, err := pix.Load("testdata/astronaut.png")
	if err != nil {
		b.Fatal(err)
	}
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
// that systems have, one vector after the other. The floor of a search that compares
// with all codewords is reading them once, which "read" does as fast as the memory
// allows. The memory of a codebook is twice that of its codewords, and 8 bytes each.
func BenchmarkNearest(b *testing.B) {
	const dim, largest = 32, 100_000
	tr, err := shippedTransform(transformStem("8"))
	if err != nil {
		b.Fatal(err)
	}
	t, err := ReadTransform(tr, dim)
	if err != nil {
		b.Fatal(err)
	}
	x, err := t.Sample(dim)
	if err != nil {
		b.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(1, 1))
	for _, k := range []int{1024, 4096, 16384, largest} {
		// Latents of the sample with a little noise: as far apart as a codebook's words.
		words := make([]float32, 0, k*dim)
		for range k {
			v := x[rng.IntN(len(x)/dim)*dim:][:dim]
			for j, u := range v {
				words = append(words, u*float32(1+.3*rng.NormFloat64())+float32(rng.NormFloat64()*40/float64(j+1)))
			}
		}
		book, err := NewCodebook(words, dim, dim)
		if err != nil {
			b.Fatal(err)
		}
		b.Run(fmt.Sprint("k=", k), func(b *testing.B) {
			i := 0
			for b.Loop() {
				book.Nearest(x[i%(len(x)/dim)*dim:][:dim])
				i++
			}
		})
	}
	all := bytes.Repeat([]byte{1}, largest*dim*4)
	b.Run(fmt.Sprint("read k=", largest), func(b *testing.B) {
		b.SetBytes(int64(len(all)))
		for b.Loop() {
			if bytes.IndexByte(all, 0) >= 0 {
				b.Fatal("there is no zero")
			}
		}
	})
}
