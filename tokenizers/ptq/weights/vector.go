package weights

import (
	"errors"
	"fmt"
	"math"
	"math/bits"
	"math/rand/v2"
	"slices"

	"gonum.org/v1/gonum/mat"
)

// A Search is how the codewords of a [Vector] rule are improved once all are given.
type Search int

// The ways.
const (
	// Once leaves what feedback gave (VPTQ).
	Once Search = iota
	// Candidates takes, in turn, the codeword of each vector among the nearest to what it
	// was at first that is best for the outputs, and the codebooks of least squares
	// (VQ4DiT: hard choices in place of its softmax of ratios).
	Candidates
	// Trust does the same with all codewords to choose from, and moves at most a hundredth
	// of the vectors in a step, those that gain most (PV-Tuning).
	Trust
)

// A Vector rule gives Length weights of neighbouring rows in one column one code, and
// what that leaves another, of codebooks that are fitted to the matrix with the second
// moments of the inputs for weights; columns are coded with feedback, as in GPTQ (VPTQ).
//
// Codes of b bits a weight are of these books; rows are scaled to equal spread first.
//
//	1: 256 words of 8 · 2: 256 of 4 · 3: 64 + 64 of 4 · 4: 256 + 256 of 4 · 6: 64 + 64 of 2 · 8: 256 + 256 of 2
type Vector struct {
	Search Search
	// Inner is the length of words before a linear map to vectors of twice as many
	// weights, 0 for words of the vectors' own length (LR²VQ).
	LowRank bool
	// Small is the rule for matrices whose codebooks would outweigh their codes; it is
	// asked for the same bits.
	Small Rule
	Seed  uint64
}

// a layout of books.
type layout struct{ length, size, stages int }

func layoutOf(bits float64, lowRank bool) (layout, error) {
	l, ok := map[float64]layout{1: {8, 256, 1}, 2: {4, 256, 1}, 3: {4, 64, 2}, 4: {4, 256, 2}, 6: {2, 64, 2}, 8: {2, 256, 2}}[bits]
	if !ok {
		return l, fmt.Errorf("bits=%g: vectors are coded with 1, 2, 3, 4, 6 or 8 bits a weight", bits)
	}
	if lowRank {
		if bits != 1 && bits != 2 {
			return l, fmt.Errorf("bits=%g: words behind a linear map have 1 or 2 bits a weight", bits)
		}
		return layout{8, 256, int(bits)}, nil
	}
	return l, nil
}

// vectorForm is a matrix of codes. Vector i of column j is rows i·length … of it; the last
// one of a column may go beyond the last row.
type vectorForm struct {
	rows, cols int
	layout
	inner    int      // length of words; length but for a linear map
	exponent int      // of two, of all
	scales   []Half   // of rows
	maps     []Half   // inner×length; nil without
	books    [][]Half // size×inner each
	ids      [][]uint16
	// derived
	words [][]float64 // size×length each: mapped, not scaled
}

const (
	kMeansRounds  = 20
	nearWords     = 8 // candidates of a vector, VQ4DiT's n
	searchRounds  = 8
	trustRounds   = 12
	trustShare    = .01 // PV-Tuning's max_code_change_per_step
	descentRounds = 6   // of conjugate gradients
)

// Code implements [Rule].
func (s Vector) Code(p *Problem, bits float64) (Form, error) {
	if err := p.Check(); err != nil {
		return nil, err
	}
	l, err := layoutOf(bits, s.LowRank)
	if err != nil {
		return nil, err
	}
	f := &vectorForm{rows: p.Rows, cols: p.Cols, layout: l, inner: l.length}
	if s.LowRank {
		f.inner = l.length / 2
	}
	// Books that take more than a bit a weight are no way to save any.
	if s.Small != nil && 16*f.size*f.inner*f.stages > p.Rows*p.Cols {
		return s.Small.Code(p, bits)
	}
	f.fitScales(p)
	if err := s.fitBooks(f, p); err != nil {
		return nil, err
	}
	plain := make([][]uint16, f.stages)
	for k := range f.ids {
		plain[k] = slices.Clone(f.ids[k])
	}
	before := p.Error(f.Decode())
	if err := f.feedBack(p); err != nil {
		return nil, err
	}
	if p.Error(f.Decode()) > before {
		f.ids = plain
	}
	switch s.Search {
	case Candidates:
		f.search(p, searchRounds, nearWords, 1)
	case Trust:
		f.search(p, trustRounds, f.size, trustShare)
	}
	return f, nil
}

// blocks is how many vectors a column has.
func (l layout) blocks(rows int) int { return (rows + l.length - 1) / l.length }

func (f *vectorForm) fitScales(p *Problem) {
	var peak float64
	rms := make([]float64, p.Rows)
	for r := range rms {
		for _, w := range p.W[r*p.Cols:][:p.Cols] {
			rms[r] += w * w / float64(p.Cols)
		}
		rms[r] = math.Sqrt(rms[r])
		peak = max(peak, rms[r])
	}
	if peak > 0 {
		_, f.exponent = math.Frexp(peak)
	}
	for _, v := range rms {
		f.scales = append(f.scales, toHalf(max(math.Ldexp(v, -f.exponent), 0x1p-14)))
	}
}

// scale is that of a row; rows behind the last have that of the last.
func (f *vectorForm) scale(row int) float64 {
	return math.Ldexp(f.scales[min(row, f.rows-1)].Value(), f.exponent)
}

// vectors are those of a matrix, scaled, column by column; what lies behind the last row
// is zero.
func (f *vectorForm) vectors(w []float64) []float64 {
	blocks := f.blocks(f.rows)
	out := make([]float64, f.cols*blocks*f.length)
	for j := range f.cols {
		for r := range f.rows {
			out[j*blocks*f.length+r] = w[r*f.cols+j] / f.scale(r)
		}
	}
	return out
}

// fitBooks finds codebooks one after the other, each by weighted k-means of what the ones
// before leave.
func (s Vector) fitBooks(f *vectorForm, p *Problem) error {
	blocks := f.blocks(f.rows)
	left := f.vectors(p.W)
	mass := make([]float64, f.cols*blocks)
	for j, d := range p.diagonal() {
		for b := range blocks {
			mass[j*blocks+b] = d
		}
	}
	var directions []float64
	if s.LowRank {
		var err error
		if directions, err = principal(left, mass, f.length, f.inner); err != nil {
			return err
		}
		f.maps = toHalves(directions)
		directions = halfValues(f.maps)
	}
	for stage := range f.stages {
		x := left
		if directions != nil { // coordinates along orthonormal directions
			x = make([]float64, len(mass)*f.inner)
			for i := range mass {
				for k := range f.inner {
					for d := range f.length {
						x[i*f.inner+k] += directions[k*f.length+d] * left[i*f.length+d]
					}
				}
			}
		}
		book := kMeans(x, mass, f.inner, f.size, s.Seed+uint64(stage))
		f.books = append(f.books, toHalves(book))
		f.derive()
		ids := make([]uint16, len(mass))
		for i := range ids {
			v := left[i*f.length:][:f.length]
			ids[i] = nearestWord(f.words[stage], v)
			for d, c := range f.words[stage][int(ids[i])*f.length:][:f.length] {
				v[d] -= c
			}
		}
		f.ids = append(f.ids, ids)
	}
	return nil
}

// principal are the directions of largest weighted energy, one a row.
func principal(x, mass []float64, length, n int) ([]float64, error) {
	c := mat.NewSymDense(length, nil)
	for i, m := range mass {
		v := x[i*length:][:length]
		for a := range length {
			for b := a; b < length; b++ {
				c.SetSym(a, b, c.At(a, b)+m*v[a]*v[b])
			}
		}
	}
	var eigen mat.EigenSym
	if !eigen.Factorize(c, true) {
		return nil, errors.New("the principal directions of the weights could not be found")
	}
	var v mat.Dense
	eigen.VectorsTo(&v)
	out := make([]float64, n*length)
	for k := range n {
		for d := range length {
			out[k*length+d] = v.At(d, length-1-k) // ascending values
		}
	}
	return out, nil
}

// derive makes the words of all books.
func (f *vectorForm) derive() {
	f.words = f.words[:0]
	m := halfValues(f.maps)
	for _, book := range f.books {
		values := halfValues(book)
		if m == nil || f.maps == nil {
			f.words = append(f.words, values)
			continue
		}
		words := make([]float64, f.size*f.length)
		for i := range f.size {
			for k := range f.inner {
				for d := range f.length {
					words[i*f.length+d] += values[i*f.inner+k] * m[k*f.length+d]
				}
			}
		}
		f.words = append(f.words, words)
	}
}

// kMeans finds size words of dim numbers, from words drawn at random.
func kMeans(x, mass []float64, dim, size int, seed uint64) []float64 {
	rng := rand.New(rand.NewPCG(seed, 0x6b6d65616e73))
	n := len(mass)
	book := make([]float64, size*dim)
	draws := rng.Perm(n)
	for i := range size {
		copy(book[i*dim:][:dim], x[draws[i%n]*dim:])
	}
	sums, masses := make([]float64, size*dim), make([]float64, size)
	ids := make([]uint16, n)
	for round := range kMeansRounds {
		clear(sums)
		clear(masses)
		moved := round == 0
		for i, m := range mass {
			id := nearestWord(book, x[i*dim:][:dim])
			moved = moved || id != ids[i]
			ids[i] = id
			masses[id] += m
			for d, v := range x[i*dim:][:dim] {
				sums[int(id)*dim+d] += m * v
			}
		}
		if !moved {
			break
		}
		for i := range size {
			if masses[i] == 0 { // nobody's: begin again at a vector drawn anew
				copy(book[i*dim:][:dim], x[rng.IntN(n)*dim:])
				continue
			}
			for d := range dim {
				book[i*dim+d] = sums[i*dim+d] / masses[i]
			}
		}
	}
	return book
}

func nearestWord(words, v []float64) uint16 {
	best, least := 0, math.Inf(1)
	dim := len(v)
	for i := 0; i*dim < len(words); i++ {
		var d float64
		for k, c := range words[i*dim:][:dim] {
			e := v[k] - c
			d += e * e
		}
		if d < least {
			best, least = i, d
		}
	}
	return uint16(best)
}

// feedBack gives the codes anew, column by column with feedback.
func (f *vectorForm) feedBack(p *Problem) error {
	blocks := f.blocks(f.rows)
	v := make([]float64, f.length)
	return feedBack(p, columnOrder(p, true), func(j int, column, decoded []float64) {
		for b := range blocks {
			for d := range v {
				v[d] = 0
				if r := b*f.length + d; r < f.rows {
					v[d] = column[r] / f.scale(r)
				}
			}
			for stage, words := range f.words {
				id := nearestWord(words, v)
				f.ids[stage][j*blocks+b] = id
				for d, c := range words[int(id)*f.length:][:f.length] {
					v[d] -= c
				}
			}
			for d := range v {
				if r := b*f.length + d; r < f.rows {
					decoded[r] = column[r] - v[d]*f.scale(r)
				}
			}
		}
	})
}

// search improves codes and books in turn while the error falls.
func (f *vectorForm) search(p *Problem, rounds, near int, share float64) {
	last := p.Error(f.Decode())
	first := f.clone()
	for range rounds {
		old := f.clone()
		f.fitWords(p)
		f.assign(p, first, near, share)
		now := p.Error(f.Decode())
		if now >= last {
			*f = *old
			return
		}
		small := now > last*(1-1e-3)
		last = now
		if small {
			return
		}
	}
}

func (f *vectorForm) clone() *vectorForm {
	c := *f
	c.books, c.ids, c.words = nil, nil, nil
	for k := range f.books {
		c.books = append(c.books, slices.Clone(f.books[k]))
		c.ids = append(c.ids, slices.Clone(f.ids[k]))
	}
	c.derive()
	return &c
}

// assign takes vectors to the codeword that is best for the outputs, all others as they
// are: rows of a column have one second moment, so that it is the nearest to the vector
// that least squares would put there. Of all that would move, the share that gains most
// does.
func (f *vectorForm) assign(p *Problem, first *vectorForm, near int, share float64) {
	n, blocks := p.Cols, f.blocks(f.rows)
	diagonal := p.diagonal()
	d := make([]float64, len(p.W))
	for i, v := range f.Decode() {
		d[i] = p.W[i] - v
	}
	g := p.times(d)
	v, old := make([]float64, f.length), make([]float64, f.length)
	// target is what least squares would put in place of one stage's word; gain is by how
	// much the error falls with another word.
	target := func(stage, j, b int) {
		copy(old, f.words[stage][int(f.ids[stage][j*blocks+b])*f.length:])
		for k := range v {
			v[k] = old[k]
			if r := b*f.length + k; r < f.rows {
				v[k] += g[r*n+j] / diagonal[j] / f.scale(r)
			}
		}
	}
	gain := func(j, b int, word []float64) float64 {
		var sum float64
		for k, c := range word {
			if r := b*f.length + k; r < f.rows {
				s := f.scale(r) * f.scale(r) * diagonal[j]
				sum += s * ((v[k]-old[k])*(v[k]-old[k]) - (v[k]-c)*(v[k]-c))
			}
		}
		return sum
	}
	best := func(stage, j, b int) (id uint16, most float64) {
		target(stage, j, b)
		words := f.words[stage]
		id = f.ids[stage][j*blocks+b]
		try := func(i int) {
			if w := gain(j, b, words[i*f.length:][:f.length]); w > most {
				id, most = uint16(i), w
			}
		}
		if near >= f.size {
			for i := range f.size {
				try(i)
			}
			return id, most
		}
		for _, i := range nearWordsOf(words, first.words[stage][int(first.ids[stage][j*blocks+b])*f.length:][:f.length], near) {
			try(i)
		}
		return id, most
	}
	type move struct {
		stage, j, b int
		gain        float64
	}
	var moves []move
	for stage := range f.stages {
		for j := range n {
			for b := range blocks {
				if share < 1 {
					if _, w := best(stage, j, b); w > 0 {
						moves = append(moves, move{stage, j, b, w})
					}
				} else {
					moves = append(moves, move{stage: stage, j: j, b: b})
				}
			}
		}
	}
	if share < 1 {
		slices.SortStableFunc(moves, func(a, b move) int {
			switch {
			case a.gain > b.gain:
				return -1
			case a.gain < b.gain:
				return 1
			}
			return 0
		})
		moves = moves[:min(len(moves), 1+int(share*float64(f.stages*n*blocks)))]
	}
	for _, m := range moves {
		id, w := best(m.stage, m.j, m.b) // again: others have moved
		if w <= 0 {
			continue
		}
		word := f.words[m.stage][int(id)*f.length:][:f.length]
		for k := range f.length {
			r := m.b*f.length + k
			if r >= f.rows {
				break
			}
			step := (word[k] - old[k]) * f.scale(r)
			if p.H == nil {
				g[r*n+m.j] -= step
				continue
			}
			for c, h := range p.H[m.j*n:][:n] {
				g[r*n+c] -= step * h
			}
		}
		f.ids[m.stage][m.j*blocks+m.b] = id
	}
}

// nearWordsOf are the words nearest to one of them, itself among them.
func nearWordsOf(words, v []float64, n int) []int {
	type near struct {
		i int
		d float64
	}
	list := make([]near, 0, n+1)
	for i := 0; i*len(v) < len(words); i++ {
		var d float64
		for k, c := range words[i*len(v):][:len(v)] {
			d += (v[k] - c) * (v[k] - c)
		}
		at, _ := slices.BinarySearchFunc(list, d, func(a near, d float64) int {
			if a.d <= d {
				return -1
			}
			return 1
		})
		if at < n {
			list = slices.Insert(list, at, near{i, d})
			list = list[:min(len(list), n)]
		}
	}
	out := make([]int, len(list))
	for i, l := range list {
		out[i] = l.i
	}
	return out
}

// fitWords takes the codebooks towards those of least squares on H for the codes, by
// conjugate gradients.
func (f *vectorForm) fitWords(p *Problem) {
	n, blocks := p.Cols, f.blocks(f.rows)
	m := halfValues(f.maps)
	// spread writes the matrix that changes of the words stand for; gather is its
	// transpose.
	spread := func(words [][]float64) []float64 {
		out := make([]float64, len(p.W))
		for stage, book := range words {
			for j := range n {
				for b := range blocks {
					word := book[int(f.ids[stage][j*blocks+b])*f.inner:][:f.inner]
					for k := range f.length {
						r := b*f.length + k
						if r >= f.rows {
							break
						}
						v := 0.0
						if len(m) == 0 {
							v = word[k]
						} else {
							for i, c := range word {
								v += c * m[i*f.length+k]
							}
						}
						out[r*n+j] += v * f.scale(r)
					}
				}
			}
		}
		return out
	}
	gather := func(g []float64) [][]float64 {
		out := make([][]float64, f.stages)
		for stage := range out {
			out[stage] = make([]float64, f.size*f.inner)
			for j := range n {
				for b := range blocks {
					word := out[stage][int(f.ids[stage][j*blocks+b])*f.inner:][:f.inner]
					for k := range f.length {
						r := b*f.length + k
						if r >= f.rows {
							break
						}
						v := g[r*n+j] * f.scale(r)
						if len(m) == 0 {
							word[k] += v
							continue
						}
						for i := range word {
							word[i] += v * m[i*f.length+k]
						}
					}
				}
			}
		}
		return out
	}
	dot := func(a, b [][]float64) float64 {
		var sum float64
		for s := range a {
			for i, v := range a[s] {
				sum += v * b[s][i]
			}
		}
		return sum
	}
	add := func(to, v [][]float64, by float64) {
		for s := range to {
			for i, x := range v[s] {
				to[s][i] += by * x
			}
		}
	}
	left := make([]float64, len(p.W))
	for i, v := range f.Decode() {
		left[i] = p.W[i] - v
	}
	words := make([][]float64, f.stages)
	for s := range words {
		words[s] = halfValues(f.books[s])
	}
	residual := gather(p.times(left))
	direction := make([][]float64, f.stages)
	for s := range direction {
		direction[s] = slices.Clone(residual[s])
	}
	norm := dot(residual, residual)
	for range descentRounds {
		if norm == 0 {
			break
		}
		image := gather(p.times(spread(direction)))
		curvature := dot(direction, image)
		if !(curvature > 0) {
			break
		}
		by := norm / curvature
		add(words, direction, by)
		add(residual, image, -by)
		next := dot(residual, residual)
		for s := range direction {
			for i := range direction[s] {
				direction[s][i] = residual[s][i] + next/norm*direction[s][i]
			}
		}
		norm = next
	}
	for s := range words {
		f.books[s] = toHalves(words[s])
	}
	f.derive()
}

func (f *vectorForm) Size() (rows, cols int) { return f.rows, f.cols }

func (f *vectorForm) Nominal() float64 {
	return float64(f.stages*f.cols*f.blocks(f.rows)) * math.Log2(float64(f.size))
}

func (f *vectorForm) Decode() []float64 {
	out := make([]float64, f.rows*f.cols)
	blocks := f.blocks(f.rows)
	for r := range f.rows {
		scale := f.scale(r)
		for j := range f.cols {
			var v float64
			for stage, words := range f.words {
				id := int(f.ids[stage][j*blocks+r/f.length])
				v += words[id*f.length+r%f.length]
			}
			out[r*f.cols+j] = v * scale
		}
	}
	return out
}

func (f *vectorForm) write(w *Writer) {
	w.Put(kindVector, 4)
	w.Put(uint64(f.length), 5)
	w.Put(uint64(f.inner), 5)
	w.Put(uint64(bits.Len(uint(f.size-1))), 5)
	w.Put(uint64(f.stages), 3)
	w.Put(uint64(f.exponent+1<<11), 12)
	w.halves(f.scales)
	w.halves(f.maps)
	for stage, book := range f.books {
		w.halves(book)
		w.digits(f.ids[stage], f.size)
	}
}

func readVector(r *Reader, rows, cols int) (Form, error) {
	f := &vectorForm{rows: rows, cols: cols}
	f.length, f.inner = int(r.Get(5)), int(r.Get(5))
	f.size, f.stages = 1<<r.Get(5), int(r.Get(3))
	f.exponent = int(r.Get(12)) - 1<<11
	if f.length < 1 || f.inner < 1 || f.inner > f.length || f.size > 1<<16 || f.size < 1<<f.length && f.stages < 2 || f.stages < 1 {
		return nil, damaged("%d books of %d words of %d numbers for %d weights", f.stages, f.size, f.inner, f.length)
	}
	var err error
	if f.scales, err = r.halves(rows); err != nil {
		return nil, err
	}
	if f.inner != f.length {
		if f.maps, err = r.halves(f.inner * f.length); err != nil {
			return nil, err
		}
	}
	for range f.stages {
		book, err := r.halves(f.size * f.inner)
		if err != nil {
			return nil, err
		}
		ids, err := r.digits(cols*f.blocks(rows), f.size)
		if err != nil {
			return nil, err
		}
		f.books, f.ids = append(f.books, book), append(f.ids, ids)
	}
	f.derive()
	return f, nil
}
