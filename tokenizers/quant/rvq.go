package quant

import (
	"errors"
	"fmt"
	"slices"

	"github.com/vtbench/vtbench/tokenizers"
)

// Residual vector quantization: each codebook codes what the ones before it left
// over, and the codewords are added up (Juang & Gray 1982; the tokenizers of
// SoundStream, RQ-VAE, ResGen, Mogo).
func rvqRule() rule {
	const maxDepth = 64
	return rule{
		name:    "rvq",
		summary: "patches to a sum of codewords, one from each of several codebooks",
		example: "rvq:patch=8,depth=4,k=256",
		options: []tokenizers.Option{
			patchOption(8),
			tokenizers.IntOption("depth", 4, 1, maxDepth, "codebooks; at most as many as were fitted"),
			tokenizers.IntOption("k", 256, 2, 1<<20, "codewords of each codebook"),
			dimOption("PCA latents a codeword has; 0: as many as were fitted"),
			fileOption(),
		},
		stem: func(o tokenizers.Options) string { return fmt.Sprintf("rvq-p%s-k%s", o["patch"], o["k"]) },
		open: func(a *Artefact, t *Transform, o tokenizers.Options) (Quantizer, error) {
			have, k := a.Rows("codebooks"), 0
			for _, x := range a.Tensors {
				if x.Name == "codebooks" && len(x.Shape) == 3 {
					k = x.Shape[1]
				}
			}
			depth := o.Int("depth")
			if depth > have {
				return nil, fmt.Errorf("depth=%d: %d codebooks were fitted", depth, have)
			}
			words, err := a.Tensor("codebooks", have, k, a.Dim)
			if err != nil {
				return nil, err
			}
			r := &residual{dim: t.Dim}
			for words := range slices.Chunk(words[:depth*k*a.Dim], k*a.Dim) {
				book, err := NewCodebook(words, a.Dim, t.Dim)
				if err != nil {
					return nil, err
				}
				r.books = append(r.books, book)
			}
			return r, nil
		},
		fit: func(x []float32, dim int, o tokenizers.Options, seed uint64) ([]Tensor, map[string]string, error) {
			depth, k := o.Int("depth"), o.Int("k")
			left := slices.Clone(x)
			all := make([]float32, 0, depth*k*dim)
			notes := map[string]string{}
			for d := range depth {
				words, mse, err := KMeans(left, dim, k, iterations, seed+uint64(d))
				if err != nil {
					return nil, nil, fmt.Errorf("codebook %d: %w", d, err)
				}
				book, err := NewCodebook(words, dim, dim)
				if err != nil {
					return nil, nil, err
				}
				for i := 0; i < len(left); i += dim {
					id, _ := book.Nearest(left[i:])
					subtract(left[i:][:dim], book.Word(id))
				}
				all = append(all, words...)
				notes[fmt.Sprintf("mse%d", d+1)] = fmt.Sprintf("%.4g", mse)
			}
			return []Tensor{{Name: "codebooks", Type: "f16", Shape: []int{depth, k, dim}, Data: all}}, notes, nil
		},
	}
}

// residual is a chain of codebooks.
type residual struct {
	dim   int
	books []*Codebook
}

func subtract(x, y []float32) {
	y = y[:len(x)]
	for i := range x {
		x[i] -= y[i]
	}
}

// Books implements [Quantizer].
func (r *residual) Books() []int {
	out := make([]int, len(r.books))
	for i, b := range r.books {
		out[i] = b.Size()
	}
	return out
}

// Quantize implements [Quantizer].
func (r *residual) Quantize(ids []int32, x []float32) {
	n := len(ids) / len(r.books)
	left := slices.Clone(x)
	for b, book := range r.books {
		own := ids[b*n:][:n]
		book.Quantize(own, left)
		for i, id := range own {
			subtract(left[i*r.dim:][:r.dim], book.Word(id))
		}
	}
}

// Dequantize implements [Quantizer].
func (r *residual) Dequantize(x []float32, ids []int32) {
	n := len(ids) / len(r.books)
	clear(x)
	for b, book := range r.books {
		for i, id := range ids[b*n:][:n] {
			to := x[i*r.dim:][:r.dim]
			for j, v := range book.Word(id) {
				to[j] += v
			}
		}
	}
}

// Nearby implements [Neighbours].
func (r *residual) Nearby(book int) ([]int32, error) {
	if book >= len(r.books) {
		return nil, errors.New("there is no such codebook")
	}
	return r.books[book].Nearby(0)
}

// Distance implements [Neighbours].
func (r *residual) Distance(book int, a, b int32) float64 { return r.books[book].Distance(0, a, b) }
