// Package rangecoder turns symbols into bytes at the length that their
// probabilities allow, and back: what makes a rate in a table a length that
// exists and not an estimate.
//
// Its opinion: the coder is one thing, what it believes about the next symbol
// another. [Encoder] and [Decoder] only know intervals of a total; a [Model]
// gives them. [NewStatic] holds to frequencies that both sides know, [NewAdaptive]
// begins with them and learns from what has passed, so that no table needs to be
// sent.
//
// The Go libraries that code entropy (klauspost/compress/fse and huff0,
// flanglet/kanzi-go) take bytes as symbols; codebooks have up to a million
// entries, so that this is a coder of its own: Subbotin's carry-less range coder
// (1999) with 64-bit registers, which loses less than 2^-16 of a bit a symbol
// to rounding.
package rangecoder

import (
	"errors"
	"fmt"
	"math"
)

// MaxTotal bounds the total of the frequencies that a symbol is coded with.
const MaxTotal = 1 << 31

const (
	top    = 1 << 56 // below it the leading byte is settled
	bottom = 1 << 48 // the interval is never narrower than this
)

// An Encoder gathers symbols. The zero value is ready to use.
type Encoder struct {
	low, width uint64
	out        []byte
	begun      bool
}

// Encode codes one symbol: the interval of size frequencies from start, of total.
func (e *Encoder) Encode(start, size, total uint32) {
	if !e.begun {
		e.begun, e.width = true, math.MaxUint64
	}
	unit := e.width / uint64(total)
	e.low += unit * uint64(start)
	e.width = unit * uint64(size)
	for settle(e.low, &e.width) {
		e.out = append(e.out, byte(e.low>>56))
		e.low <<= 8
		e.width <<= 8
	}
}

// settle reports whether the leading byte is settled; an interval that straddles
// two leading bytes and is too narrow to go on is cut down to one of them.
func settle(low uint64, width *uint64) bool {
	if low^(low+*width) < top {
		return true
	}
	if *width < bottom {
		*width = -low & (bottom - 1)
		return true
	}
	return false
}

// Put codes the lowest n bits of v, n at most 31, at one bit each.
func (e *Encoder) Put(v uint32, n int) {
	e.Encode(v&(1<<n-1), 1, 1<<n)
}

// Finish returns the bytes: as few as tell the last interval from all others, when
// whatever follows reads as zeros. The encoder must not be used any more.
func (e *Encoder) Finish() []byte {
	if !e.begun {
		return e.out
	}
	// The shortest number within [low, low+width): round low up to ever more bytes.
	for n := 0; n <= 8; n++ {
		mask := uint64(math.MaxUint64)
		if n < 8 {
			mask >>= 8 * n
		} else {
			mask = 0
		}
		v := (e.low + mask) &^ mask
		if v < e.low || v-e.low >= e.width { // overflow, or beyond
			continue
		}
		for ; v != 0; v <<= 8 {
			e.out = append(e.out, byte(v>>56))
		}
		break
	}
	// A decoder reads zeros behind the end, so that trailing ones say nothing.
	for len(e.out) > 0 && e.out[len(e.out)-1] == 0 {
		e.out = e.out[:len(e.out)-1]
	}
	return e.out
}

// ErrCorrupt says that bytes cannot have come from an [Encoder] with the same
// models.
var ErrCorrupt = errors.New("the coded bytes are damaged, or were coded with other frequencies")

// A Decoder reads what an [Encoder] wrote. Behind the end it reads zeros, however many: a
// long run of the first symbol is nothing but zeros, which [Encoder.Finish] leaves out. Who
// decodes knows how many symbols there are.
type Decoder struct {
	low, width, code uint64
	in               []byte
	at               int
}

// NewDecoder reads from in.
func NewDecoder(in []byte) *Decoder {
	d := &Decoder{in: in, width: math.MaxUint64}
	for range 8 {
		d.code = d.code<<8 | d.next()
	}
	return d
}

func (d *Decoder) next() uint64 {
	if d.at >= len(d.in) {
		d.at++
		return 0
	}
	d.at++
	return uint64(d.in[d.at-1])
}

// Peek returns the frequency below total that the next symbol's interval holds.
func (d *Decoder) Peek(total uint32) (uint32, error) {
	v := (d.code - d.low) / (d.width / uint64(total))
	if v >= uint64(total) {
		return 0, ErrCorrupt
	}
	return uint32(v), nil
}

// Skip goes past the symbol of that interval, which must be the one that [Peek]
// pointed at.
func (d *Decoder) Skip(start, size, total uint32) {
	unit := d.width / uint64(total)
	d.low += unit * uint64(start)
	d.width = unit * uint64(size)
	for settle(d.low, &d.width) {
		d.code = d.code<<8 | d.next()
		d.low <<= 8
		d.width <<= 8
	}
}

// Get reads n bits that [Encoder.Put] coded.
func (d *Decoder) Get(n int) (uint32, error) {
	v, err := d.Peek(1 << n)
	if err != nil {
		return 0, err
	}
	d.Skip(v, 1, 1<<n)
	return v, nil
}

// Encode codes a symbol by what m believes, and tells m.
func Encode(e *Encoder, m Model, symbol int) {
	start, size := m.interval(symbol)
	e.Encode(start, size, m.total())
	m.update(symbol)
}

// Decode reads a symbol that [Encode] coded with a model in the same state.
func Decode(d *Decoder, m Model) (int, error) {
	v, err := d.Peek(m.total())
	if err != nil {
		return 0, err
	}
	symbol := m.find(v)
	start, size := m.interval(symbol)
	d.Skip(start, size, m.total())
	m.update(symbol)
	return symbol, nil
}

// A Model is a belief about the next symbol, 0 … n−1.
type Model interface {
	interval(symbol int) (start, size uint32)
	total() uint32
	find(v uint32) int
	update(symbol int)
}

// scaled turns weights into whole frequencies of at least one each that add up to
// about total.
func scaled(weights []float64, total uint32) ([]uint32, error) {
	n := len(weights)
	if n == 0 || n > MaxTotal/4 || uint64(n) > uint64(total) {
		return nil, fmt.Errorf("frequencies of %d symbols that add up to %d are not possible", n, total)
	}
	var sum float64
	for i, w := range weights {
		if !(w >= 0) || math.IsInf(w, 0) {
			return nil, fmt.Errorf("the weight of symbol %d is %v: it must be finite and not negative", i, w)
		}
		sum += w
	}
	out := make([]uint32, n)
	spare := float64(total) - float64(n)
	for i, w := range weights {
		out[i] = 1
		if sum > 0 {
			out[i] += uint32(math.Round(spare * w / sum))
		}
	}
	return out, nil
}

// precision is the total that n frequencies are scaled to: fine enough that the
// one which every symbol has costs the others nothing that shows.
func precision(n int) uint32 {
	total := uint32(1 << 16)
	for total < 1<<28 && uint64(total) < 64*uint64(n) {
		total <<= 1
	}
	return total
}

// A Static model holds to given frequencies.
type Static struct {
	cumulative []uint32 // n+1 numbers
	// jump is where the search for a frequency begins: one entry a bucket.
	jump  []int32
	shift uint
	bits  []float32 // of every symbol
}

// NewStatic makes a model of weights that need not add up to anything. A weight of
// 0 still leaves its symbol possible.
func NewStatic(weights []float64) (*Static, error) {
	freqs, err := scaled(weights, precision(len(weights)))
	if err != nil {
		return nil, err
	}
	m := &Static{cumulative: make([]uint32, len(freqs)+1), bits: make([]float32, len(freqs))}
	for i, f := range freqs {
		m.cumulative[i+1] = m.cumulative[i] + f
	}
	for i, f := range freqs {
		m.bits[i] = float32(math.Log2(float64(m.total()) / float64(f)))
	}
	const buckets = 1 << 10
	for m.total()>>m.shift >= buckets {
		m.shift++
	}
	symbol := int32(0)
	for v := uint32(0); v < m.total(); v += 1 << m.shift {
		for m.cumulative[symbol+1] <= v {
			symbol++
		}
		m.jump = append(m.jump, symbol)
	}
	return m, nil
}

func (m *Static) interval(s int) (start, size uint32) {
	return m.cumulative[s], m.cumulative[s+1] - m.cumulative[s]
}

func (m *Static) total() uint32 { return m.cumulative[len(m.cumulative)-1] }

func (m *Static) find(v uint32) int {
	s := int(m.jump[v>>m.shift])
	for m.cumulative[s+1] <= v {
		s++
	}
	return s
}

func (*Static) update(int) {}

// Symbols is the number of symbols.
func (m *Static) Symbols() int { return len(m.cumulative) - 1 }

// Bits is what the model expects a symbol to cost.
func (m *Static) Bits(symbol int) float64 { return float64(m.bits[symbol]) }

// An Adaptive model begins with given frequencies and counts what passes.
type Adaptive struct {
	tree  []uint32 // Fenwick tree of the counts, one-based
	sum   uint32
	step  uint32 // what one occurrence adds
	first int    // largest power of two within the tree
}

// NewAdaptive makes a model that begins with weights; a nil slice of n symbols is
// written make([]float64, n), all equal. The weights count as much as strength
// symbols seen: the smaller, the sooner what passes outweighs them.
func NewAdaptive(weights []float64, strength float64) (*Adaptive, error) {
	total := precision(len(weights))
	freqs, err := scaled(weights, total)
	if err != nil {
		return nil, err
	}
	if !(strength >= 1.0/16) {
		return nil, fmt.Errorf("a strength of %v symbols is not possible: at least 1/16", strength)
	}
	m := &Adaptive{tree: make([]uint32, len(freqs)+1), step: uint32(max(1, math.Round(float64(total)/strength)))}
	copy(m.tree[1:], freqs)
	m.build()
	return m, nil
}

// build turns counts in tree[1:] into the tree.
func (m *Adaptive) build() {
	m.sum = 0
	for _, f := range m.tree[1:] {
		m.sum += f
	}
	n := len(m.tree) - 1
	for i := 1; i <= n; i++ {
		if up := i + i&-i; up <= n {
			m.tree[up] += m.tree[i]
		}
	}
	for m.first = 1; 2*m.first <= n; m.first *= 2 {
	}
}

func (m *Adaptive) below(s int) uint32 {
	var sum uint32
	for i := s; i > 0; i -= i & -i {
		sum += m.tree[i]
	}
	return sum
}

func (m *Adaptive) interval(s int) (start, size uint32) {
	start = m.below(s)
	// The count of one symbol is its node less the nodes that it covers.
	i := s + 1
	size = m.tree[i]
	for j := i - 1; j > i-i&-i; j -= j & -j {
		size -= m.tree[j]
	}
	return start, size
}

func (m *Adaptive) total() uint32 { return m.sum }

func (m *Adaptive) find(v uint32) int {
	at := 0
	for bit := m.first; bit > 0; bit /= 2 {
		if next := at + bit; next < len(m.tree) && m.tree[next] <= v {
			at = next
			v -= m.tree[next]
		}
	}
	return at
}

func (m *Adaptive) update(s int) {
	if uint64(m.sum)+uint64(m.step) > MaxTotal {
		m.halve()
	}
	m.sum += m.step
	for i := s + 1; i < len(m.tree); i += i & -i {
		m.tree[i] += m.step
	}
}

// halve makes room; every symbol stays possible.
func (m *Adaptive) halve() {
	counts := make([]uint32, len(m.tree)-1)
	for s := range counts {
		_, size := m.interval(s)
		counts[s] = size - size/2
	}
	copy(m.tree[1:], counts)
	m.build()
}
