package weights

import (
	"errors"
	"fmt"
	"math"
	"math/bits"

	"github.com/x448/float16"
)

// A Writer puts numbers of few bits one behind the other.
type Writer struct {
	out  []byte
	word uint64
	fill int
}

// Put writes the lowest n bits of v, n at most 32.
func (w *Writer) Put(v uint64, n int) {
	w.word |= (v & (1<<n - 1)) << w.fill
	for w.fill += n; w.fill >= 8; w.fill -= 8 {
		w.out = append(w.out, byte(w.word))
		w.word >>= 8
	}
}

// Bits is how many were written.
func (w *Writer) Bits() int { return 8*len(w.out) + w.fill }

// Bytes ends the stream; the last byte is filled up with zeros.
func (w *Writer) Bytes() []byte {
	if w.fill > 0 {
		w.Put(0, 8-w.fill)
	}
	return w.out
}

func (w *Writer) half(h Half) { w.Put(uint64(h), 16) }

func (w *Writer) halves(v []Half) {
	for _, h := range v {
		w.half(h)
	}
}

// digits writes numbers below size, as many to a group of bits as fit best.
func (w *Writer) digits(v []uint16, size int) {
	n, width := grouped(size)
	for len(v) > 0 {
		part := v[:min(n, len(v))]
		var word uint64
		for i := len(part) - 1; i >= 0; i-- {
			word = word*uint64(size) + uint64(part[i])
		}
		if len(part) < n {
			width = groupBits(len(part), size)
		}
		w.Put(word, min(width, 32))
		if width > 32 {
			w.Put(word>>32, width-32)
		}
		v = v[len(part):]
	}
}

// grouped says how many digits below size share how many bits: one where size is a power
// of two, else the number below 41 that wastes least.
func grouped(size int) (digits, width int) {
	if size&(size-1) == 0 {
		return 1, groupBits(1, size)
	}
	best := math.Inf(1)
	for n := 1; groupBits(n, size) <= 63; n++ {
		if b := groupBits(n, size); float64(b)/float64(n) < best-1e-12 {
			best, digits, width = float64(b)/float64(n), n, b
		}
	}
	return digits, width
}

// groupBits is how many bits n digits below size take.
func groupBits(n, size int) int {
	span := uint64(1)
	for range n {
		hi, lo := bits.Mul64(span, uint64(size))
		if hi != 0 {
			return 65
		}
		span = lo
	}
	return bits.Len64(span - 1)
}

// ErrDamaged says that bits are no form that this package writes.
var ErrDamaged = errors.New("the packed weights are damaged")

func damaged(format string, args ...any) error {
	return fmt.Errorf("%w: %w", ErrDamaged, fmt.Errorf(format, args...))
}

// A Reader reads what a [Writer] wrote. Behind the end it reads zeros and remembers it.
type Reader struct {
	in    []byte
	at    int // in bits
	short bool
}

// NewReader reads from in.
func NewReader(in []byte) *Reader { return &Reader{in: in} }

// Left is how many bits are left.
func (r *Reader) Left() int { return 8*len(r.in) - r.at }

// Get reads n bits, n at most 32.
func (r *Reader) Get(n int) uint64 {
	if n > r.Left() {
		r.at, r.short = 8*len(r.in), true
		return 0
	}
	var v uint64
	for got := 0; got < n; {
		b := uint64(r.in[r.at/8]) >> (r.at % 8)
		take := min(8-r.at%8, n-got)
		v |= b & (1<<take - 1) << got
		got += take
		r.at += take
	}
	return v
}

// need fails where fewer than n numbers of width bits are left, before they are made.
func (r *Reader) need(n, width int) error {
	if n < 0 || width > 0 && n > r.Left()/width {
		return damaged("%d numbers of %d bits are said to be in %d bits", n, width, r.Left())
	}
	return nil
}

func (r *Reader) halves(n int) ([]Half, error) {
	if err := r.need(n, 16); err != nil {
		return nil, err
	}
	out := make([]Half, n)
	for i := range out {
		out[i] = Half(r.Get(16))
		if v := out[i].Value(); math.IsNaN(v) || math.IsInf(v, 0) {
			return nil, damaged("a number is %v", v)
		}
	}
	return out, nil
}

func (r *Reader) digits(n, size int) ([]uint16, error) {
	each, width := grouped(size)
	if err := r.need(n/each, width); err != nil {
		return nil, err
	}
	out := make([]uint16, 0, n)
	for len(out) < n {
		part := min(each, n-len(out))
		if part < each {
			width = groupBits(part, size)
		}
		word := r.Get(min(width, 32))
		if width > 32 {
			word |= r.Get(width-32) << 32
		}
		for range part {
			out = append(out, uint16(word%uint64(size)))
			word /= uint64(size)
		}
		if word > 0 {
			return nil, damaged("a group of digits below %d is too large", size)
		}
	}
	if r.short {
		return nil, damaged("they end early")
	}
	return out, nil
}

// A Half is a number in half precision, as it is stored.
type Half uint16

// toHalf rounds to the nearest finite one.
func toHalf(v float64) Half {
	return Half(float16.Fromfloat32(float32(min(max(v, -65504), 65504))).Bits())
}

// Value is the number.
func (h Half) Value() float64 { return float64(float16.Frombits(uint16(h)).Float32()) }

func toHalves(v []float64) []Half {
	out := make([]Half, len(v))
	for i, x := range v {
		out[i] = toHalf(x)
	}
	return out
}
