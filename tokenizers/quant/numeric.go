package quant

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/x448/float16"

	"github.com/vtbench/vtbench/internal/rangecoder"
	"github.com/vtbench/vtbench/tokenizers"
	"github.com/vtbench/vtbench/tokenizers/quant/scalar"
)

// Scalar quantization: every latent is a number of few bits. The rules are those of
// package scalar, calibrated on the sample of latents that comes with the
// transform, so that nothing more needs to be fitted or shipped.
func scalarRule() rule {
	return rule{
		name:    "scalar",
		group:   groupScalar,
		summary: "each PCA latent as a number of few bits; grids, scales, rotation, allocation, outliers",
		example: "scalar:patch=8,bits=4",
		options: []tokenizers.Option{
			patchOption(8),
			dimOption("PCA latents of a patch; 0: 4 for each pixel of a side"),
			tokenizers.FloatOption("bits", 4, .05, scalar.MaxBits, "of a latent: whole, or 1.58 for three levels; the average where allocate is mixed or ranges"),
			tokenizers.ChoiceOption("grid", "where values lie", string(scalar.Uniform), string(scalar.Tan), string(scalar.Log2), string(scalar.LogSqrt2), string(scalar.KMeans)),
			tokenizers.ChoiceOption("scale", "how the grid is stretched", string(scalar.MSE), string(scalar.MinMax), string(scalar.Percentile), string(scalar.Learned), string(scalar.StatsQ), string(scalar.Gaussian)),
			tokenizers.ChoiceOption("per", "what shares a scale; row: a patch, whose scale takes 8 bits", string(scalar.Channel), string(scalar.Tensor), string(scalar.Median), string(scalar.Row)),
			tokenizers.ChoiceOption("scheme", "whether the lower end is the upper one's opposite; auto: by error, latent by latent, sharing one scale included", string(scalar.Symmetric), string(scalar.Asymmetric), string(scalar.Auto)),
			tokenizers.ChoiceOption("clip", "how the ends of an asymmetric grid are searched: one by one, or both by one factor", string(scalar.Dual), string(scalar.Single)),
			tokenizers.ChoiceOption("calibrate", "what the grids are fitted to: latents of patches, or latents drawn from the statistics of the transform alone", "sample", "synthetic"),
			tokenizers.ChoiceOption("rotate", "what mixes the latents before", string(scalar.None), string(scalar.Hadamard), string(scalar.Fourier)),
			tokenizers.BoolOption("noise", false, "a fixed random number is added to each latent before and taken off after"),
			tokenizers.ChoiceOption("allocate", "bits of each latent: all alike, by error, by entropy, or two and one by range", string(scalar.Fixed), string(scalar.Mixed), string(scalar.Entropy), string(scalar.Ranges)),
			tokenizers.FloatOption("loss", 4, 0, 8, "bits of entropy that allocate=entropy may lose"),
			tokenizers.IntOption("keep", 0, 0, maxDim, "latents of largest spread that get 16 bits"),
			tokenizers.IntOption("dyadic", 0, 0, 31, "binary digits of the scales as integers over a power of two; 0: float32"),
			tokenizers.IntOption("outliers", 0, 0, 1<<16, "one latent of this many is kept in half precision, the one worst off; 0: none"),
			tokenizers.IntOption("fine", 0, 0, 1<<16, "one patch of this many gets 8 bits a latent, the one worst off; 0: none"),
			tokenizers.IntOption("pack", 1, 1, 20, "latents that share an id"),
			fileOption(),
		},
		stem:   func(o tokenizers.Options) string { return transformStem(o["patch"]) },
		dim:    defaultDim,
		refuse: refuseScalar,
		open: func(_ *Artefact, t *Transform, o tokenizers.Options) (Quantizer, error) {
			x, err := t.Sample(t.Dim)
			if o["calibrate"] == "synthetic" {
				x, err = t.synthetic()
			}
			if err != nil {
				return nil, err
			}
			q, err := newNumeric(x, t.Dim, o)
			if err != nil {
				return nil, err
			}
			// Places and scales are not near each other.
			if q.block == 0 && o["per"] != string(scalar.Row) {
				return neighbourly{q}, nil
			}
			return q, nil
		},
	}
}

func formatOptions(o tokenizers.Options) scalar.Options {
	return scalar.Options{
		Bits: o.Float("bits"), Grid: scalar.Grid(o["grid"]), Scale: scalar.Scale(o["scale"]), Per: scalar.Granularity(o["per"]),
		Rotate: scalar.Rotation(o["rotate"]), Allocate: scalar.Allocation(o["allocate"]), Scheme: scalar.Scheme(o["scheme"]), Clip: scalar.Clip(o["clip"]),
		Noise: o.Bool("noise"), Dyadic: o.Int("dyadic"), Keep: o.Int("keep"), Loss: o.Float("loss"), Seed: formatSeed,
	}
}

// formatSeed draws the signs of rotations and the noise; they follow from the
// options alone.
const formatSeed = 20160421

func refuseScalar(o tokenizers.Options) error {
	dim := defaultDim(o)
	if err := formatOptions(o).Check(dim); err != nil {
		return err
	}
	pack := o.Int("pack")
	switch {
	case o.Int("outliers") == 1 || o.Int("fine") == 1:
		return errors.New("of one number all would be kept: outliers=2 and fine=2 are the least")
	case o.Int("outliers") > 0 && o.Int("fine") > 0:
		return errors.New("outliers keeps numbers, fine patches: use one of them")
	case pack > 1 && dim%pack != 0:
		down := pack
		for dim%down != 0 {
			down--
		}
		return fmt.Errorf("pack=%d does not divide %d latents: pack=%d does", pack, dim, down)
	case pack > 1 && (o["per"] == string(scalar.Row) || o["allocate"] == string(scalar.Mixed) || o.Int("keep") > 0):
		return errors.New("pack joins latents that all have ids of one kind: use pack=1 with per=row, allocate=mixed and keep")
	case pack > 1 && math.Pow(float64(scalar.Levels(o.Float("bits"))), float64(pack)) > maxLevels:
		down := pack
		for down > 1 && (dim%down != 0 || math.Pow(float64(scalar.Levels(o.Float("bits"))), float64(down)) > maxLevels) {
			down--
		}
		return fmt.Errorf("pack=%d ids of %d values span more than %d: pack=%d is the most", pack, scalar.Levels(o.Float("bits")), maxLevels, down)
	}
	return nil
}

// numeric quantizes latents by a number format. Beside the ids of the latents it
// has books for what a block of patches has exactly.
type numeric struct {
	f        *scalar.Format
	fine     *scalar.Format // of 8 bits, for one patch of every block; nil: none
	pack     int
	block    int // numbers (outliers) or patches (fine) of which one is kept
	outliers bool
	sizes    []int // of the format's ids
	coder    *digits
}

var _ Grid = (*numeric)(nil)

func newNumeric(x []float32, dim int, o tokenizers.Options) (*numeric, error) {
	opts := formatOptions(o)
	f, err := scalar.Fit(x, dim, opts)
	if err != nil {
		return nil, err
	}
	q := &numeric{f: f, pack: o.Int("pack"), sizes: f.Sizes()}
	if n := o.Int("outliers"); n > 0 {
		q.block, q.outliers = n, true
	}
	if n := o.Int("fine"); n > 0 {
		q.block = n
		opts.Bits, opts.Allocate = 8, scalar.Fixed
		if q.fine, err = scalar.Fit(x, dim, opts); err != nil {
			return nil, err
		}
	}
	var weights [][][]float64
	for k := 0; k < len(q.sizes); k += q.pack {
		var book [][]float64
		for i := range q.pack {
			book = append(book, f.Counts(k+i))
		}
		weights = append(weights, book)
	}
	if q.block > 0 {
		weights = append(weights, [][]float64{make([]float64, q.block)})
	}
	if q.outliers {
		weights = append(weights, [][]float64{make([]float64, 1<<16)})
	}
	if q.fine != nil {
		for k := range q.fine.IDs() {
			weights = append(weights, [][]float64{q.fine.Counts(k)})
		}
	}
	q.coder, err = newDigits(weights)
	return q, err
}

// plain is the number of books that every patch has an id of.
func (q *numeric) plain() int { return len(q.sizes) / q.pack }

// Books implements [Quantizer].
func (q *numeric) Books() []int {
	var out []int
	for ids := range slices.Chunk(q.sizes, q.pack) {
		size := 1
		for _, n := range ids {
			size *= n
		}
		out = append(out, size)
	}
	if q.block > 0 {
		out = append(out, q.block)
	}
	if q.outliers {
		out = append(out, 1<<16)
	}
	if q.fine != nil {
		out = append(out, q.fine.Sizes()...)
	}
	return out
}

// blocks is the number of blocks of a grid.
func (q *numeric) blocks(patches int) int {
	n := patches
	if q.outliers {
		n *= q.f.Cols()
	}
	return (n + q.block - 1) / q.block
}

// Shape implements [Grid].
func (q *numeric) Shape(book, gw, gh int) []int {
	if book < q.plain() {
		return []int{gh, gw}
	}
	return []int{q.blocks(gw * gh)}
}

// Quantize implements [Quantizer].
func (q *numeric) Quantize(ids []int32, x []float32) {
	at := 0
	for _, book := range q.QuantizeGrid(x, len(x)/q.f.Cols(), 1) {
		at += copy(ids[at:], book)
	}
}

// Dequantize implements [Quantizer].
func (q *numeric) Dequantize(x []float32, ids []int32) {
	n := len(x) / q.f.Cols()
	books := make([][]int32, len(q.Books()))
	for b := range books {
		size := n
		if b >= q.plain() {
			size = q.blocks(n)
		}
		books[b], ids = ids[:size], ids[size:]
	}
	q.DequantizeGrid(x, books, n, 1)
}

// QuantizeGrid implements [Grid].
func (q *numeric) QuantizeGrid(x []float32, gw, gh int) [][]int32 {
	n, dim := gw*gh, q.f.Cols()
	out := make([][]int32, q.plain())
	for b := range out {
		out[b] = make([]int32, n)
	}
	row := make([]int32, q.f.IDs())
	var back []float32 // what the ids stand for, where the worst is looked for
	if q.block > 0 {
		back = make([]float32, len(x))
	}
	for i := range n {
		q.f.Encode(row, x[i*dim:][:dim])
		for b := range out {
			id, radix := int32(0), int32(1)
			for k, v := range row[b*q.pack:][:q.pack] {
				id += radix * v
				radix *= int32(q.sizes[b*q.pack+k])
			}
			out[b][i] = id
		}
		if back != nil {
			q.f.Decode(back[i*dim:][:dim], row)
		}
	}
	if q.block == 0 {
		return out
	}
	places := make([]int32, q.blocks(n))
	for b := range places {
		worst := -1.0
		unit := 1
		if !q.outliers {
			unit = dim
		}
		from, to := b*q.block*unit, min((b+1)*q.block*unit, len(x))
		for i := from; i < to; i += unit {
			var e float64
			for k := range unit {
				d := float64(x[i+k]) - float64(back[i+k])
				e += d * d
			}
			if e > worst {
				worst, places[b] = e, int32((i-from)/unit)
			}
		}
	}
	out = append(out, places)
	if q.outliers {
		values := make([]int32, len(places))
		for b, p := range places {
			values[b] = int32(float16.Fromfloat32(clampHalf(x[b*q.block+int(p)])).Bits())
		}
		return append(out, values)
	}
	fine := make([][]int32, q.fine.IDs())
	for k := range fine {
		fine[k] = make([]int32, len(places))
	}
	row = make([]int32, q.fine.IDs())
	for b, p := range places {
		q.fine.Encode(row, x[(b*q.block+int(p))*dim:][:dim])
		for k, id := range row {
			fine[k][b] = id
		}
	}
	return append(out, fine...)
}

// clampHalf keeps a number within what half precision has.
func clampHalf(v float32) float32 { return min(max(v, -65504), 65504) }

// DequantizeGrid implements [Grid].
func (q *numeric) DequantizeGrid(x []float32, ids [][]int32, gw, gh int) {
	n, dim := gw*gh, q.f.Cols()
	row := make([]int32, q.f.IDs())
	for i := range n {
		for b := range q.plain() {
			id := ids[b][i]
			for k := range q.pack {
				size := int32(q.sizes[b*q.pack+k])
				row[b*q.pack+k] = id % size
				id /= size
			}
		}
		q.f.Decode(x[i*dim:][:dim], row)
	}
	if q.block == 0 {
		return
	}
	rest := ids[q.plain():]
	if q.outliers {
		for b, p := range rest[0] {
			// A damaged place may lie beyond the end.
			if at := b*q.block + int(p); at < len(x) {
				if v := float16.Frombits(uint16(rest[1][b])); !v.IsNaN() && !v.IsInf(0) {
					x[at] = v.Float32()
				}
			}
		}
		return
	}
	row = make([]int32, q.fine.IDs())
	for b, p := range rest[0] {
		at := b*q.block + int(p)
		if at >= n {
			continue
		}
		for k := range row {
			row[k] = rest[1+k][b]
		}
		q.fine.Decode(x[at*dim:][:dim], row)
	}
}

// Encode implements [Coder].
func (q *numeric) Encode(e *rangecoder.Encoder, ids [][]int32) { q.coder.Encode(e, ids) }

// Decode implements [Coder].
func (q *numeric) Decode(d *rangecoder.Decoder, ids [][]int32) error { return q.coder.Decode(d, ids) }

// neighbourly is a numeric quantizer all of whose ids have distances.
type neighbourly struct{ *numeric }

// Nearby implements [Neighbours].
func (q neighbourly) Nearby(book int) ([]int32, error) {
	words := q.words(book)
	if len(words)/q.pack < 2 {
		return nil, errors.New("a codebook of one value has no other one")
	}
	c, err := NewCodebook(words, q.pack, q.pack)
	if err != nil {
		return nil, err
	}
	return c.Nearby(0)
}

// words lists the values of the ids of a book.
func (q neighbourly) words(book int) []float32 {
	size := q.Books()[book]
	out := make([]float32, 0, size*q.pack)
	for id := range int32(size) {
		for k := range q.pack {
			n := int32(q.sizes[book*q.pack+k])
			out = append(out, q.f.Value(book*q.pack+k, id%n))
			id /= n
		}
	}
	return out
}

// Distance implements [Neighbours].
func (q neighbourly) Distance(book int, a, b int32) float64 {
	var sum float64
	for k := range q.pack {
		n := int32(q.sizes[book*q.pack+k])
		d := float64(q.f.Value(book*q.pack+k, a%n)) - float64(q.f.Value(book*q.pack+k, b%n))
		sum += d * d
		a, b = a/n, b/n
	}
	return math.Sqrt(sum)
}
