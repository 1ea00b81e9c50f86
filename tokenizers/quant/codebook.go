package quant

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"
)

// A Codebook is a set of codewords with an exact search for the nearest one.
//
// Codewords are kept in the order of their first coordinate, the direction in
// which latents vary most. A search walks outward from the vector's own first
// coordinate and stops where that coordinate alone is farther than the best
// codeword so far; what passes is compared in its first four coordinates, and
// only what passes that in all. Sums of squares only grow, in floating point
// too, so that the result is that of comparing with every codeword; of equally
// near ones the lowest id wins.
//
// The error of a codebook is large against the spread of all coordinates but the
// first, so that cutting the space along more of them saves no time (measured).
type Codebook struct {
	dim   int
	heads []head
	words []float32 // dim numbers each
	ids   []int32   // their ids
	at    []int32   // where an id's codeword is
}

// A head is the beginning of a codeword, filled up with zeros: all of them
// together stay in the first-level cache.
type head [4]float32

// NewCodebook makes a codebook of the first dim coordinates of codewords that
// are stride numbers each.
func NewCodebook(words []float32, stride, dim int) (*Codebook, error) {
	if stride < 1 || dim < 1 || dim > stride || len(words) == 0 || len(words)%stride != 0 {
		return nil, fmt.Errorf("a codebook of %d numbers, %d a codeword, of which %d are used, is not possible", len(words), stride, dim)
	}
	k := len(words) / stride
	if k > math.MaxInt32 {
		return nil, fmt.Errorf("a codebook of %d codewords is too large", k)
	}
	c := &Codebook{dim: dim, heads: make([]head, k), words: make([]float32, 0, k*dim), ids: make([]int32, k), at: make([]int32, k)}
	for i := range c.ids {
		c.ids[i] = int32(i)
	}
	slices.SortStableFunc(c.ids, func(a, b int32) int {
		return cmp.Compare(words[int(a)*stride], words[int(b)*stride])
	})
	for i, id := range c.ids {
		w := words[int(id)*stride:][:dim]
		c.words = append(c.words, w...)
		copy(c.heads[i][:], w)
		c.at[id] = int32(i)
	}
	return c, nil
}

// Size is the number of codewords.
func (c *Codebook) Size() int { return len(c.ids) }

// Word returns a codeword; not to be written to.
func (c *Codebook) Word(id int32) []float32 {
	return c.words[int(c.at[id])*c.dim:][:c.dim]
}

// Nearest returns the id of the codeword nearest to x and its squared distance.
func (c *Codebook) Nearest(x []float32) (int32, float32) { return c.nearest(x, -1, -1) }

// nearest searches for x, trying the codeword guess first where it is not
// negative, and never returning the id skip.
//
// Floor: one codeword compared, dim multiply-adds; at worst all of them.
func (c *Codebook) nearest(x []float32, guess, skip int32) (int32, float32) {
	s := search{book: c, x: x[:c.dim], best: float32(math.Inf(1)), id: -1, skip: skip}
	copy(s.head[:], s.x)
	if guess >= 0 && guess != skip {
		s.best, s.id = c.distance(s.x, int(c.at[guess]), s.best), guess
	}
	// Both directions in turn, a few codewords each, so that the bound is good
	// before either has gone far.
	const stretch = 16
	up, _ := slices.BinarySearchFunc(c.heads, x[0], func(h head, v float32) int { return cmp.Compare(h[0], v) })
	down := up
	for up < len(c.heads) || down > 0 {
		if end := min(up+stretch, len(c.heads)); s.scan(up, end) {
			up = end
		} else {
			up = len(c.heads)
		}
		if end := max(down-stretch, 0); s.scanDown(down, end) {
			down = end
		} else {
			down = 0
		}
	}
	return s.id, s.best
}

// A search is the state of looking for one vector's codeword.
type search struct {
	book     *Codebook
	x        []float32
	head     head
	best     float32
	id, skip int32
}

// scan tries the codewords from..to; it reports false where the rest of them and
// all behind are too far.
func (s *search) scan(from, to int) bool {
	x0, x1, x2, x3 := s.head[0], s.head[1], s.head[2], s.head[3]
	for i, h := range s.book.heads[from:to] {
		d0, d1, d2, d3 := h[0]-x0, h[1]-x1, h[2]-x2, h[3]-x3
		sum := float32(d0 * d0)
		if sum > s.best {
			return false
		}
		if sum+float32(d1*d1)+float32(d2*d2)+float32(d3*d3) <= s.best {
			s.try(from + i)
		}
	}
	return true
}

// scanDown is scan for from-1 down to to.
func (s *search) scanDown(from, to int) bool {
	x0, x1, x2, x3 := s.head[0], s.head[1], s.head[2], s.head[3]
	heads := s.book.heads[to:from]
	for i := len(heads) - 1; i >= 0; i-- {
		h := &heads[i]
		d0, d1, d2, d3 := h[0]-x0, h[1]-x1, h[2]-x2, h[3]-x3
		sum := float32(d0 * d0)
		if sum > s.best {
			return false
		}
		if sum+float32(d1*d1)+float32(d2*d2)+float32(d3*d3) <= s.best {
			s.try(to + i)
		}
	}
	return true
}

func (s *search) try(i int) {
	d := s.book.distance(s.x, i, s.best)
	if d > s.best {
		return
	}
	if id := s.book.ids[i]; id != s.skip && (d < s.best || id < s.id || s.id < 0) {
		s.best, s.id = d, id
	}
}

// block is the number of squares added between two looks at the bound.
const block = 4

// distance is the squared distance to the codeword at position i; once it is
// beyond bound, some value beyond bound.
func (c *Codebook) distance(x []float32, i int, bound float32) float32 {
	w := c.words[i*c.dim:][:c.dim]
	x = x[:len(w)]
	var sum float32
	for len(w) >= block {
		d0, d1, d2, d3 := x[0]-w[0], x[1]-w[1], x[2]-w[2], x[3]-w[3]
		sum = sum + float32(d0*d0) + float32(d1*d1) + float32(d2*d2) + float32(d3*d3)
		if sum > bound {
			return sum
		}
		x, w = x[block:], w[block:]
	}
	for j, v := range w {
		d := x[j] - v
		sum += float32(d * d)
	}
	return sum
}

// Books implements [Quantizer].
func (c *Codebook) Books() []int { return []int{c.Size()} }

// Quantize implements [Quantizer].
func (c *Codebook) Quantize(ids []int32, x []float32) {
	guess := int32(-1)
	for i := range ids {
		ids[i], _ = c.nearest(x[i*c.dim:][:c.dim], guess, -1)
		guess = ids[i] // neighbours are alike
	}
}

// Dequantize implements [Quantizer].
func (c *Codebook) Dequantize(x []float32, ids []int32) {
	for i, id := range ids {
		copy(x[i*c.dim:][:c.dim], c.Word(id))
	}
}

// Nearby implements [Neighbours].
func (c *Codebook) Nearby(_ int) ([]int32, error) {
	if c.Size() < 2 {
		return nil, errors.New("a codebook of one codeword has no other one")
	}
	out := make([]int32, c.Size())
	for id := range out {
		out[id], _ = c.nearest(c.Word(int32(id)), -1, int32(id))
	}
	return out, nil
}

// Distance implements [Neighbours].
func (c *Codebook) Distance(_ int, a, b int32) float64 {
	var sum float64
	wb := c.Word(b)
	for i, v := range c.Word(a) {
		d := float64(v) - float64(wb[i])
		sum += d * d
	}
	return math.Sqrt(sum)
}

// nearestFew writes the ids of the codewords nearest to x to ids, nearest first,
// and their squared distances to dist; as many as ids has room for, at most all.
// It returns how many there are.
func (c *Codebook) nearestFew(ids []int32, dist []float32, x []float32) int {
	n := 0
	// Outward from the first coordinate as in nearest; the bound is the worst of the
	// few.
	up, _ := slices.BinarySearchFunc(c.heads, x[0], func(h head, v float32) int { return cmp.Compare(h[0], v) })
	down := up - 1
	for up < len(c.heads) || down >= 0 {
		i := up
		if down >= 0 && (up >= len(c.heads) || x[0]-c.heads[down][0] < c.heads[up][0]-x[0]) {
			i = down
			down--
		} else {
			up++
		}
		bound := float32(math.Inf(1))
		if n == len(ids) {
			bound = dist[n-1]
		}
		d0 := c.heads[i][0] - x[0]
		if float32(d0*d0) > bound {
			break // the other side is farther still
		}
		d := c.distance(x, i, bound)
		id := c.ids[i]
		if d > bound || n == len(ids) && d == bound && id > ids[n-1] {
			continue
		}
		if n < len(ids) {
			n++
		}
		at := n - 1
		for at > 0 && (dist[at-1] > d || dist[at-1] == d && ids[at-1] > id) {
			ids[at], dist[at] = ids[at-1], dist[at-1]
			at--
		}
		ids[at], dist[at] = id, d
	}
	return n
}
