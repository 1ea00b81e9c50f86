package quant

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/x448/float16"

	"github.com/vtbench/vtbench/internal/rangecoder"
	"github.com/vtbench/vtbench/pix"
	"github.com/vtbench/vtbench/tokenizers"
)

// Latents of a window as numbers of few levels, as VidKV keeps the keys and values of video:
// latents of large range have four levels; the others are transformed along time (Fourier,
// orthonormal, in real numbers) and have two for each frequency. Or all have three.
//
// Grids are those of the window: a lowest value and a spacing in half precision for every
// column, which are ids of a book like all else, so that every rate bills them.
func ternaryKind() tokenizers.Kind {
	const name = "ternary-time"
	return tokenizers.Kind{
		Name: name, Group: groupClips,
		Summary: "PCA latents of a window at 1 to 2 bits: large ones four levels, the others two in the Fourier domain of time",
		Source:  "VidKV, arXiv:2503.16257; real transform, grids of the window",
		Example: name + ":bits=1.5",
		Options: []tokenizers.Option{
			patchOption(8),
			dimOption("PCA latents of a patch; 0: 4 for each pixel of a side"),
			tokenizers.IntOption("t", 4, 1, maxBlockFrames, "frames that the Fourier transform spans"),
			tokenizers.FloatOption("bits", 1.5, 1, 2, "of a latent: the share above 1 of latents have two bits; 1.58: three levels for all"),
			tokenizers.ChoiceOption("rotate", "time: latents of small range are transformed along time; none: they are not", "time", "none"),
			tokenizers.ChoiceOption("scale", "least squared error, or from the least to the largest number", "mse", "minmax"),
			fileOption(),
		},
		Open: func(_ context.Context, opts tokenizers.Options) (tokenizers.Tokenizer, error) {
			a, t, err := openTransform(opts)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", name, err)
			}
			v := &ternary{t: t, span: opts.Int("t"), minmax: opts["scale"] == "minmax"}
			v.info = transformInfo(name, a, t, opts, tokenizers.ClipInfo{Multiple: v.span})
			v.low, v.high = 2, 4
			bits := opts.Float("bits")
			const ternaryBits, near = 1.585, .01 // log2 3, written with two digits or three
			if math.Abs(bits-ternaryBits) < near {
				v.low, v.wide = 3, 0
			} else {
				v.wide = int(math.Round((bits - 1) * float64(t.Dim)))
				if opts["rotate"] == "time" {
					v.fourier = fourierBasis(v.span)
				}
			}
			v.info.Codebooks = []int{2, 1 << 16}
			for b := range t.Dim {
				v.info.Codebooks = append(v.info.Codebooks, v.levels(b))
			}
			return v, nil
		},
	}
}

// ternary is the tokenizer.
type ternary struct {
	t         *Transform
	span      int // frames of a Fourier transform
	wide      int // latents that have high levels each; the others have low
	low, high int
	fourier   []float32 // span rows of span; nil: not transformed
	minmax    bool
	info      tokenizers.Info
}

// fourierBasis is the orthonormal discrete Fourier transform of n real numbers: rows of
// cosines and sines by rising frequency.
func fourierBasis(n int) []float32 {
	out := make([]float32, 0, n*n)
	for k := range n {
		f := float64((k + 1) / 2)
		norm := math.Sqrt(2 / float64(n))
		if k == 0 || k == n-1 && n%2 == 0 {
			norm = math.Sqrt(1 / float64(n))
		}
		for i := range n {
			phase := 2 * math.Pi * f * float64(i) / float64(n)
			v := math.Cos(phase)
			if k > 0 && k%2 == 0 {
				v = math.Sin(phase)
			}
			out = append(out, float32(norm*v))
		}
	}
	return out
}

// levels are those of the ids of book 2+b.
func (v *ternary) levels(b int) int {
	if b < v.wide {
		return v.high
	}
	return v.low
}

// columns is how many grids the latent of book 2+b has.
func (v *ternary) columns(b int) int {
	if v.fourier == nil || b < v.wide {
		return 1
	}
	return v.span
}

// Info implements [tokenizers.Tokenizer].
func (v *ternary) Info() tokenizers.Info { return v.info }

// Reconstruct implements [tokenizers.Tokenizer]: every image is a film of one frame.
func (v *ternary) Reconstruct(ctx context.Context, in []pix.Image) ([]tokenizers.Reconstruction, error) {
	return stills(ctx, v, in)
}

// ReconstructClip implements [tokenizers.ClipTokenizer].
func (v *ternary) ReconstructClip(ctx context.Context, in pix.Clip) (out tokenizers.ClipReconstruction, err error) {
	if err := checkWindow(ctx, in, v.info); err != nil {
		return out, err
	}
	start := time.Now()
	w, h := in.Size()
	gw, gh := v.t.Grid(w, h)
	n, frames := gw*gh, len(in.Frames)
	var x []float32
	for _, m := range in.Frames {
		x = append(x, v.t.Forward(m)...)
	}
	ids := v.encode(x, n)
	var e rangecoder.Encoder
	err = v.code(n, ids, func(m *rangecoder.Adaptive, id *int32) error { rangecoder.Encode(&e, m, int(*id)); return nil })
	if err != nil {
		return out, err
	}
	data := e.Finish()
	encoded := time.Now()
	back := v.blank(n * frames)
	d := rangecoder.NewDecoder(data)
	err = v.code(n, back, func(m *rangecoder.Adaptive, id *int32) error {
		s, err := rangecoder.Decode(d, m)
		*id = int32(s)
		return err
	})
	if err != nil {
		return out, fmt.Errorf("%s: decoding what was coded: %w", v.info.Name, err)
	}
	x = v.decode(back, n)
	for f := range frames {
		out.Frames = append(out.Frames, v.t.Inverse(x[f*n*v.t.Dim:][:n*v.t.Dim], w, h))
	}
	out.Encode, out.Decode = encoded.Sub(start), time.Since(encoded)
	out.Bits = max(1, 8*int64(len(data)))
	out.Codes = &tokenizers.Codes{}
	for b, size := range v.info.Codebooks {
		shape := []int{frames, gh, gw}
		if b < 2 {
			shape = []int{1, 1, len(back[b])} // of the window as a whole
		}
		out.Codes.Books = append(out.Codes.Books, tokenizers.Book{Size: size, Shape: shape, IDs: back[b]})
	}
	return out, nil
}

// blank is room for the ids of n patches over all frames: which latents have the most
// levels, the grids, then the levels of these latents and of the others.
func (v *ternary) blank(n int) [][]int32 {
	grids := 0
	for b := range v.t.Dim {
		grids += 2 * v.columns(b)
	}
	ids := [][]int32{make([]int32, v.t.Dim), make([]int32, grids)}
	for range v.t.Dim {
		ids = append(ids, make([]int32, n))
	}
	return ids
}

// order lists the latents as books have them.
func (v *ternary) order(wide []int32) []int {
	var first, rest []int
	for d, w := range wide {
		if w == 1 {
			first = append(first, d)
		} else {
			rest = append(rest, d)
		}
	}
	return append(first, rest...)
}

// encode returns the ids of latents of frames of n patches.
func (v *ternary) encode(x []float32, n int) [][]int32 {
	dim := v.t.Dim
	ids := v.blank(len(x) / dim)
	for _, d := range v.widest(x) {
		ids[0][d] = 1
	}
	grid := 0
	column := make([]float32, len(x)/dim)
	for b, d := range v.order(ids[0]) {
		for i := range column {
			column[i] = x[i*dim+d]
		}
		cols := v.columns(b)
		if cols > 1 {
			v.along(column, n, false)
		}
		part := make([]float32, len(column)/cols)
		for k := range cols {
			v.pick(part, column, n, k, cols)
			lo, step := fitLevels(part, v.levels(b), v.minmax)
			ids[1][grid], ids[1][grid+1] = int32(float16.Fromfloat32(lo).Bits()), int32(float16.Fromfloat32(step).Bits())
			lo, step = half(lo), half(step)
			grid += 2
			v.visit(len(column), n, k, cols, func(i int) {
				ids[2+b][i] = nearestLevel(column[i], lo, step, v.levels(b))
			})
		}
	}
	return ids
}

// widest are the latents of largest range.
func (v *ternary) widest(x []float32) []int {
	dim := v.t.Dim
	lo, hi := slices.Clone(x[:dim]), slices.Clone(x[:dim])
	for i, y := range x {
		lo[i%dim], hi[i%dim] = min(lo[i%dim], y), max(hi[i%dim], y)
	}
	order := upTo(dim)
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(hi[b]-lo[b], hi[a]-lo[a]) })
	return order[:v.wide]
}

// decode returns the latents of ids.
func (v *ternary) decode(ids [][]int32, n int) []float32 {
	dim := v.t.Dim
	column := make([]float32, len(ids[2]))
	x := make([]float32, dim*len(column))
	grid := 0
	for b, d := range v.order(ids[0]) {
		cols := v.columns(b)
		for k := range cols {
			lo := float16.Frombits(uint16(ids[1][grid])).Float32()
			step := float16.Frombits(uint16(ids[1][grid+1])).Float32()
			grid += 2
			v.visit(len(column), n, k, cols, func(i int) {
				column[i] = lo + float32(step*float32(ids[2+b][i]))
			})
		}
		if cols > 1 {
			v.along(column, n, true)
		}
		for i, y := range column {
			x[i*dim+d] = y
		}
	}
	return x
}

// visit calls f for the positions of frequency k of cols; of one column, for all.
func (v *ternary) visit(length, n, k, cols int, f func(i int)) {
	for start := k * n; start < length; start += cols * n {
		for i := start; i < start+n; i++ {
			f(i)
		}
	}
}

func (v *ternary) pick(to, column []float32, n, k, cols int) {
	at := 0
	v.visit(len(column), n, k, cols, func(i int) { to[at] = column[i]; at++ })
}

// along transforms one latent of n patches along time, or back.
func (v *ternary) along(x []float32, n int, back bool) {
	s := v.span
	in, out := make([]float32, s), make([]float32, s)
	for block := 0; block < len(x); block += s * n {
		for i := block; i < block+n; i++ {
			for f := range s {
				in[f], out[f] = x[i+f*n], 0
			}
			for k := range s {
				for f := range s {
					if back {
						out[f] += float32(v.fourier[k*s+f] * in[k])
					} else {
						out[k] += float32(v.fourier[k*s+f] * in[f])
					}
				}
			}
			for f := range s {
				x[i+f*n] = out[f]
			}
		}
	}
}

// fitLevels finds the grid of evenly spaced levels for x: from the least to the largest
// number; or of least squared error, from the best for a normal distribution on (Max 1960)
// by assigning numbers and refitting both ends in turn.
func fitLevels(x []float32, levels int, minmax bool) (lo, step float32) {
	least, most := slices.Min(x), slices.Max(x)
	if least == most {
		return least, 0
	}
	n := float64(levels - 1)
	if minmax {
		return least, float32((float64(most) - float64(least)) / n)
	}
	var sum, squares float64
	for _, v := range x {
		sum += float64(v)
		squares += float64(v) * float64(v)
	}
	count := float64(len(x))
	mean := sum / count
	deviation := math.Sqrt(max(squares/count-mean*mean, 0))
	spacing := map[int]float64{2: 1.596, 3: 1.224, 4: .9957}[levels]
	a, b := mean-deviation*spacing*n/2, deviation*spacing
	const rounds = 8
	for range rounds {
		var si, sii, six float64
		for _, v := range x {
			i := float64(nearestLevel(v, float32(a), float32(b), levels))
			si += i
			sii += i * i
			six += float64(i * float64(v))
		}
		// The line through levels and numbers.
		det := count*sii - si*si
		if det <= 0 {
			break
		}
		b = (count*six - si*sum) / det
		a = (sum - b*si) / count
	}
	return float32(a), float32(b)
}

func nearestLevel(v, lo, step float32, levels int) int32 {
	if step <= 0 {
		return 0
	}
	return int32(min(max((v-lo)/step+.5, 0), float32(levels-1)))
}

// code goes through all ids of n patches a frame in their order, with what is believed of
// each: counts of the window so far; of levels, for each grid apart, in the context of the
// patch to the left.
func (v *ternary) code(n int, ids [][]int32, one func(m *rangecoder.Adaptive, id *int32) error) error {
	models := func(size int) *rangecoder.Adaptive {
		m, err := rangecoder.NewAdaptive(make([]float64, size), idStrength)
		if err != nil {
			panic(err) // the weights are ours
		}
		return m
	}
	m := models(2)
	for i := range ids[0] {
		if err := one(m, &ids[0][i]); err != nil {
			return err
		}
	}
	// Numbers in half precision, byte by byte: their exponents are alike.
	low, high := models(1<<8), models(1<<8)
	for i := range ids[1] {
		bytes := [2]int32{ids[1][i] & 0xff, ids[1][i] >> 8}
		if err := errors.Join(one(high, &bytes[1]), one(low, &bytes[0])); err != nil {
			return err
		}
		ids[1][i] = bytes[1]<<8 | bytes[0]
	}
	for b, own := range ids[2:] {
		cols, size := v.columns(b), v.levels(b)
		beliefs := make([]*rangecoder.Adaptive, cols*(size+1))
		for i := range beliefs {
			beliefs[i] = models(size)
		}
		for i := range own {
			left := int32(size)
			if i%n > 0 {
				left = own[i-1]
			}
			if err := one(beliefs[i/n%cols*(size+1)+int(left)], &own[i]); err != nil {
				return err
			}
		}
	}
	return nil
}
