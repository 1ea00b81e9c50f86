package quant

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/vtbench/vtbench/internal/rangecoder"
	"github.com/vtbench/vtbench/tokenizers"
)

// Finite scalar quantization (Mentzer et al. 2023, arXiv:2309.15505): every
// latent is squashed by tanh and rounded to a few levels of its own; the levels
// of a position together are one id. There is no codebook to collapse.
//
// In a network the encoder learns the scale and the decoder what a level means.
// Here both follow from the latents' quantiles, kept with the transform: the
// scale is the one of least squared error, a level stands for the mean of what
// falls on it.
func fsqRule() rule {
	return rule{
		name:    "fsq",
		group:   groupScalar,
		summary: "each PCA latent rounded to a few levels (finite scalar quantization)",
		source:  "Mentzer et al. 2023, arXiv:2309.15505",
		example: "fsq:patch=4,levels=8-5-5-5",
		options: []tokenizers.Option{
			patchOption(4),
			{
				Name: "levels", Default: "8-5-5-5", Help: "levels of each latent of an id, 2 to 256 each, joined by -",
				Check: func(v string) error { _, err := parseLevels(v); return err },
			},
			tokenizers.IntOption("groups", 1, 1, 1024, "ids a patch; each takes as many further latents"),
			fileOption(),
		},
		stem: func(o tokenizers.Options) string { return transformStem(o["patch"]) },
		dim: func(o tokenizers.Options) int {
			levels, _ := parseLevels(o["levels"]) // checked when the spec was resolved
			return len(levels) * o.Int("groups")
		},
		open: func(_ *Artefact, t *Transform, o tokenizers.Options) (Quantizer, error) {
			levels, err := parseLevels(o["levels"])
			if err != nil {
				return nil, err
			}
			if len(t.quantiles) == 0 {
				return nil, errors.New("the artefact has no quantiles of its latents: fit it again")
			}
			return newFSQ(t, levels)
		},
	}
}

// maxLevels bounds the codebook that levels span.
const maxLevels = 1 << 20

func parseLevels(text string) ([]int, error) {
	var out []int
	size := 1
	for field := range strings.SplitSeq(text, "-") {
		n, err := strconv.Atoi(field)
		if err != nil || n < 2 || n > 256 {
			return nil, fmt.Errorf("want numbers from 2 to 256 joined by -, as in 8-5-5-5; %q is none", field)
		}
		out = append(out, n)
		if size *= n; size > maxLevels {
			return nil, fmt.Errorf("levels %s span more than %d ids", text, maxLevels)
		}
	}
	return out, nil
}

// finite is a grid of levels, one for each latent.
type finite struct {
	groups, k int
	scalars   []squashed
	coder     *digits                     // a latent's level is a digit of its id
	nearby    []func() (*Codebook, error) // codewords of each group, when asked for
}

// A squashed latent is quantized by levels of its own.
type squashed struct {
	levels int
	scale  float64
	values []float32 // what a level stands for
	counts []float64 // how many quantiles fall to a level, and a half
	radix  int32     // what a step of its level adds to the id
}

// bound squashes a scaled latent so that rounding gives one of the levels: the
// paper's f, with its half step aside for an even number of levels.
func bound(z float64, levels int) float64 {
	const slack = 1e-3 // keeps the outermost levels within reach
	half := float64(levels-1) * (1 + slack) / 2
	offset := .5 * float64(1-levels%2)
	return math.Tanh(z+math.Atanh(offset/half))*half - offset
}

// level is the level of a scaled latent, 0 … levels-1.
func level(z float64, levels int) int {
	return int(math.RoundToEven(bound(z, levels))) + levels/2
}

func newFSQ(t *Transform, levels []int) (*finite, error) {
	f := &finite{groups: t.Dim / len(levels), k: 1}
	for _, n := range levels {
		f.k *= n
	}
	for d := range t.Dim {
		s := fitScalar(t.quantiles[d*quantileCount:][:quantileCount], levels[d%len(levels)])
		s.radix = 1
		for _, n := range levels[:d%len(levels)] {
			s.radix *= int32(n)
		}
		f.scalars = append(f.scalars, s)
	}
	for g := range f.groups {
		f.nearby = append(f.nearby, sync.OnceValues(func() (*Codebook, error) { return f.codebook(g) }))
	}
	weights := make([][][]float64, f.groups)
	for d, s := range f.scalars {
		g := d / len(levels)
		weights[g] = append(weights[g], s.counts)
	}
	var err error
	f.coder, err = newDigits(weights)
	return f, err
}

// Encode implements [Coder].
func (f *finite) Encode(e *rangecoder.Encoder, ids [][]int32) { f.coder.Encode(e, ids) }

// Decode implements [Coder].
func (f *finite) Decode(d *rangecoder.Decoder, ids [][]int32) error { return f.coder.Decode(d, ids) }

// fitScalar finds the scale with the least squared error over a latent's
// quantiles, and the means of the levels at that scale.
func fitScalar(quantiles []float32, levels int) squashed {
	var spread float64
	for _, q := range quantiles {
		spread += float64(q) * float64(q)
	}
	spread = math.Sqrt(spread/float64(len(quantiles))) + 1e-9
	best, bestError := squashed{}, math.Inf(1)
	// Eight steps an octave from a fifth of the spread to five times.
	for i := -19; i <= 19; i++ {
		s := squashed{levels: levels, scale: spread * math.Exp2(float64(i)/8), values: make([]float32, levels)}
		sums, counts := make([]float64, levels), make([]float64, levels)
		for _, q := range quantiles {
			l := level(float64(q)/s.scale, levels)
			sums[l] += float64(q)
			counts[l]++
		}
		for l := range levels {
			if counts[l] > 0 {
				s.values[l] = float32(sums[l] / counts[l])
			} else {
				s.values[l] = float32(s.scale * middle(l, levels))
			}
		}
		for _, c := range counts {
			s.counts = append(s.counts, c+.5)
		}
		var e float64
		for _, q := range quantiles {
			d := float64(q) - float64(s.values[level(float64(q)/s.scale, levels)])
			e += d * d
		}
		if e < bestError {
			best, bestError = s, e
		}
	}
	return best
}

// middle is a scaled latent that bound maps to the level itself.
func middle(l, levels int) float64 {
	half := float64(levels-1) * (1 + 1e-3) / 2
	offset := .5 * float64(1-levels%2)
	return math.Atanh((float64(l-levels/2)+offset)/half) - math.Atanh(offset/half)
}

// Books implements [Quantizer].
func (f *finite) Books() []int { return slices.Repeat([]int{f.k}, f.groups) }

// Quantize implements [Quantizer].
func (f *finite) Quantize(ids []int32, x []float32) {
	n, per := len(ids)/f.groups, len(f.scalars)/f.groups
	clear(ids)
	for i := range n {
		for d, v := range x[i*len(f.scalars):][:len(f.scalars)] {
			s := &f.scalars[d]
			ids[d/per*n+i] += s.radix * int32(level(float64(v)/s.scale, s.levels))
		}
	}
}

// Dequantize implements [Quantizer].
func (f *finite) Dequantize(x []float32, ids []int32) {
	n, per := len(ids)/f.groups, len(f.scalars)/f.groups
	for i := range n {
		for d := range f.scalars {
			s := &f.scalars[d]
			x[i*len(f.scalars)+d] = s.values[ids[d/per*n+i]/s.radix%int32(s.levels)]
		}
	}
}

// codebook lists the codewords of a group.
func (f *finite) codebook(g int) (*Codebook, error) {
	per := len(f.scalars) / f.groups
	words := make([]float32, 0, f.k*per)
	for id := range int32(f.k) {
		for _, s := range f.scalars[g*per:][:per] {
			words = append(words, s.values[id/s.radix%int32(s.levels)])
		}
	}
	return NewCodebook(words, per, per)
}

// Nearby implements [Neighbours].
func (f *finite) Nearby(book int) ([]int32, error) {
	c, err := f.nearby[book]()
	if err != nil {
		return nil, err
	}
	return c.Nearby(0)
}

// Distance implements [Neighbours].
func (f *finite) Distance(book int, a, b int32) float64 {
	per := len(f.scalars) / f.groups
	var sum float64
	for _, s := range f.scalars[book*per:][:per] {
		n := int32(s.levels)
		d := float64(s.values[a/s.radix%n]) - float64(s.values[b/s.radix%n])
		sum += d * d
	}
	return math.Sqrt(sum)
}
