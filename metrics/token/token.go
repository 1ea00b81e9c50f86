// Package token measures what a tokenizer emits besides pixels: how much of its
// codebooks it uses, how many bits its tokens cost, and how stable they are.
//
// Its opinion: usage, entropy and perplexity belong to a whole set. They are
// computed from one accumulated [Histogram], never averaged over batches, because
// a batch of 16 images cannot use 16,384 codes however good the codebook is. For
// the same reason the small-sample bias of the entropy is named beside it
// (Miller–Madow), and three rates are never called by one name: "bpp-nominal"
// (tokens × log2 K), "bpp-entropy" (tokens × entropy, what an ideal order-0 coder
// would need) and "bpp-real" (bits that were really written).
//
// Everything is kept as integers (or, for continuous latents, as exact sums), so
// that merging is exact: images may be added in any order and on any number of
// machines, and every result is the same to the last bit. The state of one image
// is a short string ([Encode]) that the run directory stores.
package token

import (
	"errors"
	"fmt"
	"iter"
	"maps"
	"math"
	"math/big"
	"slices"
)

// A Histogram counts the ids drawn from one codebook. It is sparse while few
// entries are used, so a codebook of 2^30 costs nothing until its codes appear.
type Histogram struct {
	size   int
	total  int64
	dense  []int64         // nil while sparse is used
	sparse map[int32]int64 // never holds zeros
}

const (
	maxSize   = math.MaxInt32 // ids are int32
	denseSize = 4096          // codebooks up to this size are dense at once
	// A map entry takes about denseRatio times the bytes of an array element.
	denseRatio = 6
)

// NewHistogram returns an empty histogram of a codebook with size entries.
func NewHistogram(size int) (*Histogram, error) {
	if size < 1 || size > maxSize {
		return nil, fmt.Errorf("making a histogram: a codebook has 1 to %d entries, not %d", maxSize, size)
	}
	h := &Histogram{size: size}
	if size <= denseSize {
		h.dense = make([]int64, size)
	} else {
		h.sparse = map[int32]int64{}
	}
	return h, nil
}

// Size is the number of entries of the codebook, K.
func (h *Histogram) Size() int { return h.size }

// Tokens is the number of ids counted.
func (h *Histogram) Tokens() int64 { return h.total }

// Add counts ids. On an error nothing was counted.
func (h *Histogram) Add(ids []int32) error {
	for i, id := range ids {
		if id < 0 || int(id) >= h.size {
			return fmt.Errorf("counting codes: id %d at position %d is outside 0..%d", id, i, h.size-1)
		}
	}
	if h.total > math.MaxInt64-int64(len(ids)) {
		return fmt.Errorf("counting codes: more than %d of them", int64(math.MaxInt64))
	}
	for _, id := range ids {
		h.add(id, 1)
	}
	return nil
}

// AddCount counts id n times.
func (h *Histogram) AddCount(id int32, n int64) error {
	switch {
	case id < 0 || int(id) >= h.size:
		return fmt.Errorf("counting codes: id %d is outside 0..%d", id, h.size-1)
	case n < 0:
		return fmt.Errorf("counting codes: count %d of id %d is negative", n, id)
	case h.total > math.MaxInt64-n:
		return fmt.Errorf("counting codes: more than %d of them", int64(math.MaxInt64))
	case n > 0:
		h.add(id, n)
	}
	return nil
}

func (h *Histogram) add(id int32, n int64) {
	h.total += n
	if h.dense != nil {
		h.dense[id] += n
		return
	}
	h.sparse[id] += n
	if len(h.sparse)*denseRatio > h.size {
		h.dense = make([]int64, h.size)
		for id, n := range h.sparse {
			h.dense[id] = n
		}
		h.sparse = nil
	}
}

// Merge adds the counts of another histogram of the same codebook.
func (h *Histogram) Merge(o *Histogram) error {
	if o.size != h.size {
		return fmt.Errorf("merging histograms: codebooks have %d and %d entries", h.size, o.size)
	}
	if h.total > math.MaxInt64-o.total {
		return fmt.Errorf("merging histograms: more than %d codes", int64(math.MaxInt64))
	}
	if o.dense != nil && h.dense != nil {
		for i, n := range o.dense {
			h.dense[i] += n
		}
		h.total += o.total
		return nil
	}
	for id, n := range o.All() {
		h.add(id, n)
	}
	return nil
}

// All yields the ids that occur, in ascending order, with their counts.
func (h *Histogram) All() iter.Seq2[int32, int64] {
	return func(yield func(int32, int64) bool) {
		if h.dense != nil {
			for id, n := range h.dense {
				if n > 0 && !yield(int32(id), n) {
					return
				}
			}
			return
		}
		for _, id := range slices.Sorted(maps.Keys(h.sparse)) {
			if !yield(id, h.sparse[id]) {
				return
			}
		}
	}
}

// A Code is an id with its count.
type Code struct {
	ID    int32 `json:"id"`
	Count int64 `json:"count"`
}

// Top returns the n commonest codes, commonest first, equals by id.
func (h *Histogram) Top(n int) []Code {
	var all []Code
	for id, c := range h.All() {
		all = append(all, Code{id, c})
	}
	slices.SortStableFunc(all, func(a, b Code) int {
		switch {
		case a.Count > b.Count:
			return -1
		case a.Count < b.Count:
			return 1
		}
		return 0
	})
	return all[:max(0, min(n, len(all)))]
}

// Dead returns up to limit ids that never occur, in ascending order.
func (h *Histogram) Dead(limit int) []int32 {
	var out []int32
	next := 0
	for id := range h.All() {
		for ; next < int(id) && len(out) < limit; next++ {
			out = append(out, int32(next))
		}
		next = int(id) + 1
	}
	for ; next < h.size && len(out) < limit; next++ {
		out = append(out, int32(next))
	}
	return out
}

// Stats describe a histogram. With N tokens, K entries and pᵢ = countᵢ/N:
type Stats struct {
	Size   int   `json:"size"`   // K
	Tokens int64 `json:"tokens"` // N
	Used   int64 `json:"used"`   // entries that occur, m
	// Usage is Used/Size, the share of the codebook that the whole set uses.
	Usage float64 `json:"usage"`
	// Entropy is −Σ pᵢ log2 pᵢ, in bits a token, of the observed frequencies. With
	// N not much larger than K it is too low.
	Entropy float64 `json:"entropy"`
	// EntropyMM is Entropy + (m−1)/(2N ln 2), Miller and Madow's first-order
	// correction of that bias (1955). It is not limited to log2 K.
	EntropyMM float64 `json:"entropy_mm"`
	// Perplexity is 2^Entropy, between 1 and Used.
	Perplexity float64 `json:"perplexity"`
	// Effective is 1/Σ pᵢ², the inverse Simpson index: the number of equally common
	// codes with the same chance of drawing one code twice. At most Perplexity.
	Effective float64 `json:"effective"`
}

// Stats describes the counts so far; without tokens all but Size is zero.
func (h *Histogram) Stats() Stats { return describe(h.size, h.total, h.counts()) }

func (h *Histogram) counts() iter.Seq[int64] {
	return func(yield func(int64) bool) {
		for _, n := range h.All() {
			if !yield(n) {
				return
			}
		}
	}
}

// describe takes the counts in a fixed order, so that equal histograms have
// equal statistics to the last bit.
func describe(size int, total int64, counts iter.Seq[int64]) Stats {
	s := Stats{Size: size, Tokens: total}
	if total == 0 {
		return s
	}
	n := float64(total)
	var logs float64
	var squares big.Int // Σ count² overflows 64 bits beyond 3e9 equal tokens
	var square, c2 big.Int
	var small uint64
	for c := range counts {
		s.Used++
		f := float64(c)
		logs += float64(f * math.Log2(f))
		if c < 1<<31 && small < 1<<63 {
			small += uint64(c * c)
			continue
		}
		c2.SetInt64(c)
		squares.Add(&squares, square.Mul(&c2, &c2))
	}
	squares.Add(&squares, square.SetUint64(small))
	sum, _ := new(big.Float).SetInt(&squares).Float64()
	s.Usage = float64(s.Used) / float64(size)
	s.Entropy = min(max(math.Log2(n)-logs/n, 0), math.Log2(float64(s.Used)))
	s.EntropyMM = s.Entropy + float64(s.Used-1)/(2*n*math.Ln2)
	s.Perplexity = math.Exp2(s.Entropy)
	s.Effective = float64(n*n) / sum
	return s
}

var errNoCodes = errors.New("there are no codes: the tokenizer is continuous")

func ratio(sum float64, n int64) float64 {
	if n == 0 {
		return math.NaN()
	}
	return sum / float64(n)
}
