package quant

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"math/bits"
	"slices"
	"sort"
)

// A Codebook is a set of codewords with an exact search for the nearest one.
//
// Codewords are kept in the order of their first coordinate, the direction in
// which latents vary most, and compared in groups ([within]). A search walks outward
// from the group of the vector's own first coordinate and stops where that coordinate
// alone is farther than the best codeword so far; of a group, blocks end where none of
// them is as near as that. Sums of squares only grow, in floating point too, so that
// the result is that of comparing with every codeword; of equally near ones the lowest
// id wins.
//
// The error of a codebook is large against the spread of all coordinates but the
// first, so that cutting the space along more of them saves no time (measured).
type Codebook struct {
	dim    int
	words  []float32 // dim numbers each
	groups []float32 // the same in groups, see [lane]; coordinates filled up to quads
	spans  []span    // first coordinates of each group
	ids    []int32   // their ids
	at     []int32   // where an id's codeword is
}

// A span is that of the first coordinates of a group.
type span struct{ from, to float32 }

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
	c := &Codebook{
		dim: dim, words: make([]float32, 0, k*dim), ids: make([]int32, k), at: make([]int32, k),
		groups: make([]float32, (k+groupSize-1)/groupSize*groupSize*whole(dim)),
	}
	for i := range c.ids {
		c.ids[i] = int32(i)
	}
	slices.SortStableFunc(c.ids, func(a, b int32) int {
		return cmp.Compare(words[int(a)*stride], words[int(b)*stride])
	})
	for i, id := range c.ids {
		w := words[int(id)*stride:][:dim]
		c.words = append(c.words, w...)
		c.at[id] = int32(i)
		for d, v := range w {
			c.groups[lane(i, d, whole(dim))] = v
		}
	}
	for i := 0; i < k; i += groupSize {
		c.spans = append(c.spans, span{c.first(i), c.first(min(i+groupSize, k) - 1)})
	}
	for i := k; i%groupSize != 0; i++ {
		c.groups[lane(i, 0, whole(dim))] = float32(math.NaN())
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
	if s.full = s.x; len(s.x)%quad != 0 {
		var room [maxStack]float32
		if n := whole(c.dim); n <= maxStack {
			s.full = room[:n]
		} else {
			s.full = make([]float32, n)
		}
		copy(s.full, s.x)
	}
	x0 := s.x[0]
	up, _ := slices.BinarySearchFunc(c.spans, x0, func(g span, v float32) int { return cmp.Compare(g.to, v) })
	up = min(up, len(c.spans)-1)
	if guess < 0 {
		guess = c.ids[min(up*groupSize+groupSize/2, len(c.ids)-1)]
	}
	if guess != skip {
		s.best, s.id = c.distance(s.x, int(c.at[guess]), s.best), guess
	}
	// The group that x0 falls into, then both directions in turn, so that the bound is
	// good before either has gone far.
	down := up - 1
	for up < len(c.spans) || down >= 0 {
		if up < len(c.spans) {
			if d := c.spans[up].from - x0; d > 0 && float32(d*d) > s.best {
				up = len(c.spans)
			} else {
				s.group(up)
				up++
			}
		}
		if down >= 0 {
			if d := c.spans[down].to - x0; d < 0 && float32(d*d) > s.best {
				down = -1
			} else {
				s.group(down)
				down--
			}
		}
	}
	return s.id, s.best
}

// first is the first coordinate of the codeword at a position.
func (c *Codebook) first(i int) float32 { return c.words[i*c.dim] }

// position is that of the first codeword whose first coordinate is not below v.
func (c *Codebook) position(v float32) int {
	return sort.Search(len(c.ids), func(i int) bool { return c.first(i) >= v })
}

// maxStack is the most coordinates that a search fills up without allocating.
const maxStack = 256

// A search is the state of looking for one vector's codeword.
type search struct {
	book     *Codebook
	x, full  []float32 // full is filled up to quads
	best     float32
	id, skip int32
}

// group tries the codewords of a group.
func (s *search) group(g int) {
	size := groupSize * len(s.full)
	for near := within(s.book.groups[g*size:][:size], s.full, s.best); near != 0; near &= near - 1 {
		i := g*groupSize + bits.TrailingZeros64(near)
		d := s.book.distance(s.x, i, s.best)
		if d > s.best {
			continue
		}
		if id := s.book.ids[i]; id != s.skip && (d < s.best || id < s.id || s.id < 0) {
			s.best, s.id = d, id
		}
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
	up := c.position(x[0])
	down := up - 1
	for up < len(c.ids) || down >= 0 {
		i := up
		if down >= 0 && (up >= len(c.ids) || x[0]-c.first(down) < c.first(up)-x[0]) {
			i = down
			down--
		} else {
			up++
		}
		bound := float32(math.Inf(1))
		if n == len(ids) {
			bound = dist[n-1]
		}
		d0 := c.first(i) - x[0]
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
