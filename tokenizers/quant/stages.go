package quant

import (
	"encoding/binary"
	"hash/fnv"
	"math"
	"math/rand/v2"
	"slices"
)

// A stage codes what the stages before it left over of some of the latents, with
// a codebook of its own.
type stage struct {
	// pool is the side in patches of what gets one id: the mean of pool×pool
	// patches is coded, and taken off each of them.
	pool int
	dims []int // the latents it sees, ascending
	// book has the codewords that are compared; one coordinate more than dims where
	// they carry a penalty.
	book *Codebook
	// out are the codewords that ids stand for, where those are others than the
	// compared ones.
	out       []float32
	normalise bool      // only the direction is compared
	penalty   bool      // the last coordinate of the codewords is one
	bits      []float64 // −log2 of how often each id was used in the fit; nil: not known
}

// whole reports whether a stage codes vectors as they are, so that its codebook
// can be searched without copying.
func (s *stage) whole(dim int) bool {
	return len(s.dims) == dim && s.pool == 1 && !s.normalise && !s.penalty
}

// word is what an id stands for.
func (s *stage) word(id int32) []float32 {
	if s.out != nil {
		return s.out[int(id)*len(s.dims):][:len(s.dims)]
	}
	return s.book.Word(id)[:len(s.dims)]
}

// pick gathers the latents that the stage sees into to, as they are compared.
func (s *stage) pick(to, x []float32) {
	for i, d := range s.dims {
		to[i] = x[d]
	}
	if s.normalise {
		unit(to[:len(s.dims)])
	}
	if s.penalty {
		to[len(s.dims)] = 0
	}
}

// unit scales v to length 1; nothing has no direction and stays.
func unit(v []float32) {
	var sum float64
	for _, x := range v {
		sum += float64(x) * float64(x)
	}
	if sum == 0 {
		return
	}
	by := float32(1 / math.Sqrt(sum))
	for i := range v {
		v[i] *= by
	}
}

// staged is vector quantization in its composed form: a chain of stages. One
// stage is VQ, one behind the other a residual quantizer, on separate latents a
// product quantizer, on means of patches a coarse-to-fine one.
type staged struct {
	dim    int
	stages []stage
	beam   int // partial sums that are kept while searching; 1: the best one
	topk   int // codewords of the one stage that an id is drawn from; 1: the nearest
	bigram *bigram
}

var (
	_ Grid       = (*staged)(nil)
	_ Neighbours = (*staged)(nil)
	_ Frequent   = (*staged)(nil)
	_ Mender     = (*staged)(nil)
)

// Books implements [Quantizer].
func (q *staged) Books() []int {
	out := make([]int, len(q.stages))
	for i, s := range q.stages {
		out[i] = s.book.Size()
	}
	return out
}

// Shape implements [Grid].
func (q *staged) Shape(book, gw, gh int) []int {
	p := q.stages[book].pool
	return []int{(gh + p - 1) / p, (gw + p - 1) / p}
}

// Quantize implements [Quantizer]: a row of patches.
func (q *staged) Quantize(ids []int32, x []float32) {
	n := len(x) / q.dim
	at := 0
	for _, book := range q.QuantizeGrid(x, n, 1) {
		at += copy(ids[at:], book)
	}
}

// Dequantize implements [Quantizer].
func (q *staged) Dequantize(x []float32, ids []int32) {
	n := len(x) / q.dim
	books := make([][]int32, len(q.stages))
	for i := range q.stages {
		shape := q.Shape(i, n, 1)
		books[i], ids = ids[:shape[0]*shape[1]], ids[shape[0]*shape[1]:]
	}
	q.DequantizeGrid(x, books, n, 1)
}

// QuantizeGrid implements [Grid].
func (q *staged) QuantizeGrid(x []float32, gw, gh int) [][]int32 {
	if q.beam > 1 {
		return q.search(x)
	}
	if q.topk > 1 {
		return [][]int32{q.stages[0].draw(x, q.dim, q.topk)}
	}
	out := make([][]int32, len(q.stages))
	left := x
	for i := range q.stages {
		s := &q.stages[i]
		shape := q.Shape(i, gw, gh)
		out[i] = make([]int32, shape[0]*shape[1])
		if s.whole(q.dim) {
			s.book.Quantize(out[i], left)
		} else {
			s.quantize(out[i], left, q.dim, gw, gh)
		}
		if i == len(q.stages)-1 {
			break
		}
		if i == 0 {
			left = slices.Clone(x)
		}
		s.add(left, out[i], q.dim, gw, gh, -1)
	}
	return out
}

// quantize writes the ids of one stage.
func (s *stage) quantize(ids []int32, x []float32, dim, gw, gh int) {
	cw := (gw + s.pool - 1) / s.pool
	mean, v := make([]float32, dim), make([]float32, s.book.dim)
	guess := int32(-1)
	for i := range ids {
		from := mean
		if s.pool > 1 {
			s.mean(mean, x, dim, i%cw, i/cw, gw, gh)
		} else {
			from = x[i*dim:][:dim]
		}
		s.pick(v, from)
		ids[i], _ = s.book.nearest(v, guess, -1)
		guess = ids[i]
	}
}

// draw chooses among the nearest codewords of each vector, all equally likely (the
// stochastic choice of VQD-SR). The same vectors have the same draws.
func (s *stage) draw(x []float32, dim, topk int) []int32 {
	h := fnv.New64a()
	_ = binary.Write(h, binary.LittleEndian, x) // hashes do not fail
	rng := rand.New(rand.NewPCG(h.Sum64(), 0x746f706b))
	ids := make([]int32, len(x)/dim)
	few, dist, v := make([]int32, topk), make([]float32, topk), make([]float32, s.book.dim)
	for i := range ids {
		s.pick(v, x[i*dim:][:dim])
		ids[i] = few[rng.IntN(s.book.nearestFew(few, dist, v))]
	}
	return ids
}

// mean is that of the patches of a cell, as many as there are at the edges.
func (s *stage) mean(to, x []float32, dim, cx, cy, gw, gh int) {
	clear(to)
	n := 0
	for y := cy * s.pool; y < min((cy+1)*s.pool, gh); y++ {
		for px := cx * s.pool; px < min((cx+1)*s.pool, gw); px++ {
			for j, v := range x[(y*gw+px)*dim:][:dim] {
				to[j] += v
			}
			n++
		}
	}
	for j := range to {
		to[j] /= float32(n)
	}
}

// add adds what ids stand for, times sign, to the patches.
func (s *stage) add(x []float32, ids []int32, dim, gw, gh int, sign float32) {
	cw := (gw + s.pool - 1) / s.pool
	for y := range gh {
		for px := range gw {
			to := x[(y*gw+px)*dim:][:dim]
			word := s.word(ids[y/s.pool*cw+px/s.pool])
			if len(word) == dim {
				for j, v := range word {
					to[j] += sign * v
				}
				continue
			}
			for j, v := range word {
				to[s.dims[j]] += sign * v
			}
		}
	}
}

// DequantizeGrid implements [Grid].
func (q *staged) DequantizeGrid(x []float32, ids [][]int32, gw, gh int) {
	clear(x)
	for i := range q.stages {
		q.stages[i].add(x, ids[i], q.dim, gw, gh, 1)
	}
}

// search keeps the best few partial sums of every vector while going through the
// stages (as additive quantizers do). The greedy choice stands where it is better.
func (q *staged) search(x []float32) [][]int32 {
	n := len(x) / q.dim
	greedy := (&staged{dim: q.dim, stages: q.stages, beam: 1}).QuantizeGrid(x, n, 1)
	b := newBeam(q)
	ids := make([]int32, len(q.stages))
	for i := range n {
		v := x[i*q.dim:][:q.dim]
		var sum float32
		copy(b.left, v)
		for s := range q.stages {
			q.stages[s].add(b.left[:q.dim], greedy[s][i:i+1], q.dim, 1, 1, -1)
		}
		for _, d := range b.left[:q.dim] {
			sum += d * d
		}
		if b.best(ids, v) < sum {
			for s, id := range ids {
				greedy[s][i] = id
			}
		}
	}
	return greedy
}

// A beam is the working memory of a search.
type beam struct {
	q          *staged
	left, next []float32 // what each partial sum leaves over
	path, grow []int32   // ids so far, one row of stages a partial sum
	few        []int32
	dist       []float32
	v          []float32
	candidates []candidate
}

type candidate struct {
	from int
	id   int32
	err  float32
}

func newBeam(q *staged) *beam {
	wide := 0
	for _, s := range q.stages {
		wide = max(wide, s.book.dim)
	}
	n := len(q.stages)
	return &beam{
		q: q, left: make([]float32, q.beam*q.dim), next: make([]float32, q.beam*q.dim),
		path: make([]int32, q.beam*n), grow: make([]int32, q.beam*n),
		few: make([]int32, q.beam), dist: make([]float32, q.beam), v: make([]float32, wide),
	}
}

// best writes the ids of the best sum found for x and returns its squared error.
func (b *beam) best(ids []int32, x []float32) float32 {
	n, dim := len(b.q.stages), b.q.dim
	copy(b.left, x)
	states := 1
	for i := range b.q.stages {
		s := &b.q.stages[i]
		b.candidates = b.candidates[:0]
		for p := range states {
			left := b.left[p*dim:][:dim]
			v := b.v[:s.book.dim]
			s.pick(v, left)
			var all, seen float32
			for _, d := range left {
				all += d * d
			}
			for _, d := range s.dims {
				seen += left[d] * left[d]
			}
			found := s.book.nearestFew(b.few, b.dist, v)
			for k := range found {
				b.candidates = append(b.candidates, candidate{p, b.few[k], all - seen + b.dist[k]})
			}
		}
		slices.SortStableFunc(b.candidates, func(a, c candidate) int {
			switch {
			case a.err < c.err:
				return -1
			case a.err > c.err:
				return 1
			}
			return 0
		})
		states = min(b.q.beam, len(b.candidates))
		for p, c := range b.candidates[:states] {
			copy(b.grow[p*n:][:n], b.path[c.from*n:][:n])
			b.grow[p*n+i] = c.id
			to := b.next[p*dim:][:dim]
			copy(to, b.left[c.from*dim:][:dim])
			s.add(to, []int32{c.id}, dim, 1, 1, -1)
		}
		b.left, b.next = b.next, b.left
		b.path, b.grow = b.grow, b.path
	}
	copy(ids, b.path[:n])
	// Summed up anew: what was carried along has rounded.
	var final float32
	for _, d := range b.left[:dim] {
		final += d * d
	}
	return final
}

// Nearby implements [Neighbours].
func (q *staged) Nearby(book int) ([]int32, error) {
	s := &q.stages[book]
	if s.out == nil && !s.penalty {
		return s.book.Nearby(0)
	}
	words, err := NewCodebook(s.words(), len(s.dims), len(s.dims))
	if err != nil {
		return nil, err
	}
	return words.Nearby(0)
}

// words lists what the ids stand for.
func (s *stage) words() []float32 {
	if s.out != nil {
		return s.out
	}
	out := make([]float32, 0, s.book.Size()*len(s.dims))
	for id := range s.book.Size() {
		out = append(out, s.word(int32(id))...)
	}
	return out
}

// Distance implements [Neighbours].
func (q *staged) Distance(book int, a, b int32) float64 {
	s := &q.stages[book]
	var sum float64
	wb := s.word(b)
	for i, v := range s.word(a) {
		d := float64(v) - float64(wb[i])
		sum += d * d
	}
	return math.Sqrt(sum)
}

// Frequencies implements [Frequent].
func (q *staged) Frequencies(book int) []float64 {
	s := &q.stages[book]
	if s.bits == nil {
		return nil
	}
	out := make([]float64, len(s.bits))
	for i, b := range s.bits {
		out[i] = math.Exp2(-b)
	}
	return out
}

// Mend implements [Mender]: a lost id becomes that of the codeword nearest to the
// mean of the eight around it that are left, or of all that are left where none is; with
// a bigram the most probable one beside the four next to it, where any of those is left.
func (q *staged) Mend(ids [][]int32, lost [][]bool, gw, gh int) [][]int32 {
	out := make([][]int32, len(ids))
	for b := range q.stages {
		out[b] = q.stages[b].mend(ids[b], lost[b], q.Shape(b, gw, gh))
	}
	if q.bigram != nil {
		q.bigram.mend(out[0], ids[0], lost[0], gw, gh)
	}
	return out
}

func (s *stage) mend(ids []int32, lost []bool, shape []int) []int32 {
	out := slices.Clone(ids)
	if !slices.Contains(lost, true) {
		return out
	}
	n := len(s.dims)
	words, err := NewCodebook(s.words(), n, n)
	if err != nil {
		return out // a stage has codewords
	}
	all := make([]float64, n)
	left := 0
	for i, id := range ids {
		if !lost[i] {
			left++
			for j, v := range s.word(id) {
				all[j] += float64(v)
			}
		}
	}
	h, w := shape[0], shape[1]
	mean := make([]float32, n)
	for i := range ids {
		if !lost[i] {
			continue
		}
		clear(mean)
		around := 0
		for y := max(i/w-1, 0); y <= min(i/w+1, h-1); y++ {
			for x := max(i%w-1, 0); x <= min(i%w+1, w-1); x++ {
				if lost[y*w+x] {
					continue
				}
				around++
				for j, v := range s.word(ids[y*w+x]) {
					mean[j] += v
				}
			}
		}
		for j := range mean {
			switch {
			case around > 0:
				mean[j] /= float32(around)
			case left > 0:
				mean[j] = float32(all[j] / float64(left))
			}
		}
		out[i], _ = words.Nearest(mean)
	}
	return out
}
