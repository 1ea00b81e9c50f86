package quant

import (
	"fmt"
	"slices"

	"github.com/vtbench/vtbench/internal/rangecoder"
)

// A Coder is implemented by quantizers that code their ids better than one id at
// a time by its frequency: where one book says what to expect of another, or an id
// is made of digits.
//
// Whatever a decoder must know besides what was fitted is an id of some book:
// scales, classes, positions and values of outliers. So nothing escapes the rate.
type Coder interface {
	// Encode codes the ids of an image, book after book.
	Encode(e *rangecoder.Encoder, ids [][]int32)
	// Decode fills in the ids, whose numbers are known from the shapes.
	Decode(d *rangecoder.Decoder, ids [][]int32) error
}

// Frequent is implemented by quantizers that know how often each id of a book was
// used when they were fitted.
type Frequent interface {
	// Frequencies returns a weight for every id; nil where they are not known.
	Frequencies(book int) []float64
}

// frequencies codes every book by the frequencies of the fit, or by counts that
// begin with them, whichever is shorter for the image; one bit a book says which.
type frequencies struct {
	books   []int
	weights [][]float64 // nil: all equal
	static  []*rangecoder.Static
}

// adaptiveStrength is how many ids outweigh the frequencies of the fit.
const adaptiveStrength = 256

func newFrequencies(q Quantizer) (*frequencies, error) {
	f := &frequencies{books: q.Books()}
	known, _ := q.(Frequent)
	for b, size := range f.books {
		var w []float64
		if known != nil {
			w = known.Frequencies(b)
		}
		if w == nil {
			w = make([]float64, size)
		}
		if len(w) != size {
			return nil, fmt.Errorf("codebook %d has %d entries and %d frequencies", b, size, len(w))
		}
		// Books of one table share its model.
		if b > 0 && slices.Equal(w, f.weights[b-1]) {
			f.weights, f.static = append(f.weights, f.weights[b-1]), append(f.static, f.static[b-1])
			continue
		}
		m, err := rangecoder.NewStatic(w)
		if err != nil {
			return nil, fmt.Errorf("codebook %d: %w", b, err)
		}
		f.weights, f.static = append(f.weights, w), append(f.static, m)
	}
	return f, nil
}

func (f *frequencies) adaptive(book int) *rangecoder.Adaptive {
	m, err := rangecoder.NewAdaptive(f.weights[book], adaptiveStrength)
	if err != nil {
		panic(err) // the static model of the same weights was made
	}
	return m
}

// Encode implements [Coder].
func (f *frequencies) Encode(e *rangecoder.Encoder, ids [][]int32) {
	for b, own := range ids {
		var fixed float64
		var trial rangecoder.Encoder
		adaptive := f.adaptive(b)
		for _, id := range own {
			fixed += f.static[b].Bits(int(id))
			rangecoder.Encode(&trial, adaptive, int(id))
		}
		var m rangecoder.Model = f.static[b]
		learns := float64(8*len(trial.Finish())) < fixed
		if learns {
			m = f.adaptive(b)
			e.Put(1, 1)
		} else {
			e.Put(0, 1)
		}
		for _, id := range own {
			rangecoder.Encode(e, m, int(id))
		}
	}
}

// Decode implements [Coder].
func (f *frequencies) Decode(d *rangecoder.Decoder, ids [][]int32) error {
	for b, own := range ids {
		learns, err := d.Get(1)
		if err != nil {
			return err
		}
		var m rangecoder.Model = f.static[b]
		if learns == 1 {
			m = f.adaptive(b)
		}
		for i := range own {
			id, err := rangecoder.Decode(d, m)
			if err != nil {
				return err
			}
			own[i] = int32(id)
		}
	}
	return nil
}

// digits codes ids that are numbers of mixed radix digit by digit: book b has
// digits[b], of as many values as each has weights, the first digit the least
// significant. One bit a book says whether the weights hold for the image, or all
// digits are taken to be equally frequent.
type digits struct {
	books [][]digit
}

type digit struct{ fitted, even *rangecoder.Static }

// newDigits takes the weights of every digit of every book.
func newDigits(weights [][][]float64) (*digits, error) {
	out := &digits{}
	for _, book := range weights {
		var own []digit
		for _, w := range book {
			fitted, err := rangecoder.NewStatic(w)
			if err != nil {
				return nil, err
			}
			even, err := rangecoder.NewStatic(make([]float64, len(w)))
			if err != nil {
				return nil, err
			}
			own = append(own, digit{fitted, even})
		}
		out.books = append(out.books, own)
	}
	return out, nil
}

// Encode implements [Coder].
func (g *digits) Encode(e *rangecoder.Encoder, ids [][]int32) {
	for b, own := range ids {
		var fitted, even float64
		for _, id := range own {
			rest := int(id)
			for _, m := range g.books[b] {
				n := m.fitted.Symbols()
				fitted += m.fitted.Bits(rest % n)
				even += m.even.Bits(rest % n)
				rest /= n
			}
		}
		plain := even < fitted
		if plain {
			e.Put(1, 1)
		} else {
			e.Put(0, 1)
		}
		for _, id := range own {
			rest := int(id)
			for _, m := range g.books[b] {
				n := m.fitted.Symbols()
				rangecoder.Encode(e, m.model(plain), rest%n)
				rest /= n
			}
		}
	}
}

func (d digit) model(plain bool) *rangecoder.Static {
	if plain {
		return d.even
	}
	return d.fitted
}

// Decode implements [Coder].
func (g *digits) Decode(d *rangecoder.Decoder, ids [][]int32) error {
	for b, own := range ids {
		plain, err := d.Get(1)
		if err != nil {
			return err
		}
		for i := range own {
			id, radix := 0, 1
			for _, m := range g.books[b] {
				v, err := rangecoder.Decode(d, m.model(plain == 1))
				if err != nil {
					return err
				}
				id += radix * v
				radix *= m.fitted.Symbols()
			}
			own[i] = int32(id)
		}
	}
	return nil
}

// shaped is a grid's way of seeing a quantizer that does not look at neighbours.
type shaped struct{ Quantizer }

// onGrid gives every quantizer the grid's methods.
func onGrid(q Quantizer) Grid {
	if g, ok := q.(Grid); ok {
		return g
	}
	return shaped{q}
}

// Shape implements [Grid].
func (shaped) Shape(_, gw, gh int) []int { return []int{gh, gw} }

// QuantizeGrid implements [Grid].
func (s shaped) QuantizeGrid(x []float32, gw, gh int) [][]int32 {
	n, books := gw*gh, len(s.Books())
	ids := make([]int32, books*n)
	s.Quantize(ids, x)
	out := make([][]int32, books)
	for b := range out {
		out[b] = ids[b*n:][:n:n]
	}
	return out
}

// DequantizeGrid implements [Grid].
func (s shaped) DequantizeGrid(x []float32, ids [][]int32, _, _ int) {
	s.Dequantize(x, slices.Concat(ids...))
}
