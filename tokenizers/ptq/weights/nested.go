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

// A Rotated rule codes the matrix in other directions of its inputs: W·Rᵀ on the inputs
// R·x. R is orthonormal and follows from the seed: columns are shuffled, get random signs
// and go, in runs of powers of two, through Hadamard matrices (QuaRot, QuEST, RSQ). With
// Fourier, columns stay in their places and go through the real discrete Fourier
// transform, in runs of at most 32 (VidKV).
type Rotated struct {
	Rule
	Fourier bool
	Seed    uint64
}

type rotatedForm struct {
	fourier bool
	seed    uint64
	inner   Form
}

// fourierRun is how many columns go through one Fourier transform, VidKV's group.
const fourierRun = 32

// Code implements [Rule].
func (s Rotated) Code(p *Problem, bits float64) (Form, error) {
	if err := p.Check(); err != nil {
		return nil, err
	}
	turn := newRotation(p.Cols, s.Fourier, s.Seed)
	q := &Problem{Rows: p.Rows, Cols: p.Cols, W: slices.Clone(p.W)}
	turn.rows(q.W)
	if p.H != nil {
		q.H = slices.Clone(p.H)
		turn.rows(q.H)
		transpose(q.H, p.Cols)
		turn.rows(q.H)
	}
	inner, err := s.Rule.Code(q, bits)
	if err != nil {
		return nil, err
	}
	return &rotatedForm{s.Fourier, s.Seed, inner}, nil
}

func transpose(m []float64, n int) {
	for i := range n {
		for j := range i {
			m[i*n+j], m[j*n+i] = m[j*n+i], m[i*n+j]
		}
	}
}

func (f *rotatedForm) Size() (rows, cols int) { return f.inner.Size() }
func (f *rotatedForm) Nominal() float64       { return f.inner.Nominal() }

func (f *rotatedForm) Decode() []float64 {
	w := f.inner.Decode()
	_, cols := f.Size()
	newRotation(cols, f.fourier, f.seed).back(w)
	return w
}

func (f *rotatedForm) write(w *Writer) {
	w.Put(kindRotated, 4)
	fourier := uint64(0)
	if f.fourier {
		fourier = 1
	}
	w.Put(fourier, 1)
	w.Put(f.seed, 32)
	write(w, f.inner)
}

func readRotated(r *Reader, rows, cols, depth int) (Form, error) {
	f := &rotatedForm{fourier: r.Get(1) == 1, seed: r.Get(32)}
	var err error
	f.inner, err = read(r, rows, cols, depth+1)
	return f, err
}

// A rotation of rows of n numbers.
type rotation struct {
	n       int
	order   []int
	signs   []float64
	runs    []int // lengths
	fourier bool
}

func newRotation(n int, fourier bool, seed uint64) *rotation {
	t := &rotation{n: n, fourier: fourier}
	if fourier {
		for left := n; left > 0; left -= t.runs[len(t.runs)-1] {
			t.runs = append(t.runs, min(left, fourierRun))
		}
		return t
	}
	rng := rand.New(rand.NewPCG(seed, uint64(n)))
	t.order = rng.Perm(n)
	t.signs = make([]float64, n)
	for i := range t.signs {
		t.signs[i] = float64(1 - 2*int(rng.Uint32()&1))
	}
	for left := n; left > 0; {
		run := 1 << (bits.Len(uint(left)) - 1)
		t.runs = append(t.runs, run)
		left -= run
	}
	return t
}

// rows turns every row.
func (t *rotation) rows(m []float64) {
	work := make([]float64, t.n)
	for at := 0; at < len(m); at += t.n {
		row := m[at:][:t.n]
		if t.fourier {
			t.transform(row, work, false)
			continue
		}
		for i, j := range t.order {
			work[i] = t.signs[i] * row[j]
		}
		copy(row, work)
		t.hadamard(row)
	}
}

// back undoes it.
func (t *rotation) back(m []float64) {
	work := make([]float64, t.n)
	for at := 0; at < len(m); at += t.n {
		row := m[at:][:t.n]
		if t.fourier {
			t.transform(row, work, true)
			continue
		}
		t.hadamard(row)
		for i, j := range t.order {
			work[j] = t.signs[i] * row[i]
		}
		copy(row, work)
	}
}

// hadamard is its own inverse.
func (t *rotation) hadamard(row []float64) {
	for _, run := range t.runs {
		x := row[:run]
		row = row[run:]
		for half := 1; half < run; half *= 2 {
			for i := 0; i < run; i += 2 * half {
				for k := i; k < i+half; k++ {
					x[k], x[k+half] = x[k]+x[k+half], x[k]-x[k+half]
				}
			}
		}
		by := 1 / math.Sqrt(float64(run))
		for i := range x {
			x[i] *= by
		}
	}
}

func (t *rotation) transform(row, work []float64, back bool) {
	for _, run := range t.runs {
		x := row[:run]
		row = row[run:]
		clear(work[:run])
		for k := range run {
			for j := range run {
				c := fourierAt(k, j, run)
				if back {
					work[j] += c * x[k]
				} else {
					work[k] += c * x[j]
				}
			}
		}
		copy(x, work)
	}
}

// fourierAt is row k, column j of the real orthonormal Fourier transform of n numbers:
// cosines and sines next to each other.
func fourierAt(k, j, n int) float64 {
	freq := (k + 1) / 2
	angle := 2 * math.Pi * float64(freq*j%n) / float64(n)
	switch {
	case freq == 0 || 2*freq == n:
		return math.Cos(angle) / math.Sqrt(float64(n))
	case k%2 == 0:
		return math.Sin(angle) * math.Sqrt(2/float64(n))
	}
	return math.Cos(angle) * math.Sqrt(2/float64(n))
}

// A Scaled rule codes W·diag(s) on the inputs x/s: what RepQ-ViT's reparameterization
// from a scale of every channel to one scale, and SmoothQuant's, leave to the weights.
type Scaled struct {
	Rule
	By []float64 // positive, one a column
}

type scaledForm struct {
	by    []Half
	inner Form
}

// Code implements [Rule].
func (s Scaled) Code(p *Problem, bits float64) (Form, error) {
	if err := p.Check(); err != nil {
		return nil, err
	}
	if len(s.By) != p.Cols {
		return nil, fmt.Errorf("%d scales of %d columns", len(s.By), p.Cols)
	}
	f := &scaledForm{by: make([]Half, p.Cols)}
	by := make([]float64, p.Cols)
	for j, v := range s.By {
		if f.by[j] = toHalf(v); !(f.by[j].Value() > 0) {
			return nil, fmt.Errorf("the scale of column %d is %g: want a positive one", j, v)
		}
		by[j] = f.by[j].Value()
	}
	q := &Problem{Rows: p.Rows, Cols: p.Cols, W: make([]float64, len(p.W))}
	for i, w := range p.W {
		q.W[i] = w * by[i%p.Cols]
	}
	// Without moments all inputs are alike, so those of x/s are not.
	q.H = make([]float64, p.Cols*p.Cols)
	for i := range p.Cols {
		for j := range p.Cols {
			switch {
			case p.H != nil:
				q.H[i*p.Cols+j] = p.H[i*p.Cols+j] / by[i] / by[j]
			case i == j:
				q.H[i*p.Cols+j] = 1 / by[i] / by[j]
			}
		}
	}
	var err error
	f.inner, err = s.Rule.Code(q, bits)
	return f, err
}

func (f *scaledForm) Size() (rows, cols int) { return f.inner.Size() }
func (f *scaledForm) Nominal() float64       { return f.inner.Nominal() }

func (f *scaledForm) Decode() []float64 {
	w := f.inner.Decode()
	by := halfValues(f.by)
	for i := range w {
		w[i] /= by[i%len(by)]
	}
	return w
}

func (f *scaledForm) write(w *Writer) {
	w.Put(kindScaled, 4)
	w.halves(f.by)
	write(w, f.inner)
}

func readScaled(r *Reader, rows, cols, depth int) (Form, error) {
	f := &scaledForm{}
	var err error
	if f.by, err = r.halves(cols); err != nil {
		return nil, err
	}
	for _, h := range f.by {
		if !(h.Value() > 0) {
			return nil, damaged("the scale of a column is %g", h.Value())
		}
	}
	f.inner, err = read(r, rows, cols, depth+1)
	return f, err
}

// A Branch rule adds a product of low rank in half precision to what it codes
// (SVDQuant, INT2.1): W ≈ Ŵ + L·R. Code and branch are fitted in turn, each to what the
// other leaves, until the error rises. The branch is the best of its rank for the outputs
// of the layer: the leading part of (W−Ŵ)·C with H = C·Cᵀ.
type Branch struct {
	Rule
	Rank int
	// Decay takes the branch away again (QVGen): in stages that halve its rank, the part
	// that goes is multiplied by (1 + cos πt/T)/2 while the code is refined from where it
	// was. It needs a [Scalar] rule, whose form is what is left.
	Decay bool
}

type branchForm struct {
	rank        int
	left, right []Half // rows×rank, rank×cols
	inner       Form
}

const (
	branchRounds = 10
	decaySteps   = 4
)

// Code implements [Rule].
func (s Branch) Code(p *Problem, bits float64) (Form, error) {
	if err := p.Check(); err != nil {
		return nil, err
	}
	rank := min(s.Rank, p.Rows, p.Cols)
	if rank < 1 {
		return nil, fmt.Errorf("a branch of rank %d: want 1 or more", s.Rank)
	}
	inner, err := s.Rule.Code(p, bits)
	if err != nil {
		return nil, err
	}
	var best *branchForm
	least := math.Inf(1)
	for range branchRounds {
		f := &branchForm{rank: rank, inner: inner}
		if f.left, f.right, err = lowRank(p, inner.Decode(), rank); err != nil {
			return nil, err
		}
		e := p.Error(f.Decode())
		if e >= least {
			break
		}
		best, least = f, e
		if inner, err = s.Rule.Code(p.with(f.remainder(p.W, 1, rank)), bits); err != nil {
			return nil, err
		}
	}
	if !s.Decay {
		return best, nil
	}
	return s.decay(p, best)
}

// lowRank is the best product of a rank for what a decoded matrix leaves.
func lowRank(p *Problem, decoded []float64, rank int) (left, right []Half, err error) {
	e := mat.NewDense(p.Rows, p.Cols, nil)
	for i, w := range p.W {
		e.Set(i/p.Cols, i%p.Cols, w-decoded[i])
	}
	var chol mat.Cholesky
	if !chol.Factorize(p.damped(Damp)) {
		return nil, nil, errNotPositive
	}
	var upper mat.TriDense // H = UᵀU, so C is Uᵀ
	chol.UTo(&upper)
	var weighted mat.Dense
	weighted.Mul(e, upper.T())
	var svd mat.SVD
	if !svd.Factorize(&weighted, mat.SVDThin) {
		return nil, nil, errors.New("the singular values of what is left could not be found")
	}
	var u, v mat.Dense
	svd.UTo(&u)
	svd.VTo(&v)
	values := svd.Values(nil)
	// R = Vᵀ·C⁻¹: solve Rᵀ from U·Rᵀ = V.
	var rt mat.Dense
	vr := v.Slice(0, p.Cols, 0, rank)
	var condition mat.Condition
	if err := rt.Solve(&upper, vr); err != nil && !errors.As(err, &condition) {
		return nil, nil, fmt.Errorf("fitting the branch: %w", err)
	}
	left, right = make([]Half, p.Rows*rank), make([]Half, rank*p.Cols)
	for k := range rank {
		// Both sides as large as each other: half precision has no small numbers.
		var a, b float64
		for i := range p.Rows {
			a = max(a, math.Abs(u.At(i, k)*values[k]))
		}
		for j := range p.Cols {
			b = max(b, math.Abs(rt.At(j, k)))
		}
		by := 1.0
		if a > 0 && b > 0 {
			by = math.Sqrt(a / b)
		}
		for i := range p.Rows {
			left[i*rank+k] = toHalf(u.At(i, k) * values[k] / by)
		}
		for j := range p.Cols {
			right[k*p.Cols+j] = toHalf(rt.At(j, k) * by)
		}
	}
	return left, right, nil
}

// product is L·R of the components before to, those from keep on multiplied by part.
func (f *branchForm) product(part float64, keep int) []float64 {
	rows, cols := f.Size()
	out := make([]float64, rows*cols)
	for i := range rows {
		for k := range f.rank {
			l := f.left[i*f.rank+k].Value()
			if k >= keep {
				l *= part
			}
			if l == 0 {
				continue
			}
			for j := range cols {
				out[i*cols+j] += l * f.right[k*cols+j].Value()
			}
		}
	}
	return out
}

// remainder is what a branch leaves of weights to code.
func (f *branchForm) remainder(w []float64, part float64, keep int) []float64 {
	out := f.product(part, keep)
	for i := range out {
		out[i] = w[i] - out[i]
	}
	return out
}

// decay takes the branch away.
func (s Branch) decay(p *Problem, f *branchForm) (Form, error) {
	inner, ok := f.inner.(*scalarForm)
	if !ok {
		return nil, errors.New("a branch decays only around codes of single weights")
	}
	for rank := f.rank; rank > 0; rank /= 2 {
		for t := 1; t <= decaySteps; t++ {
			part := (1 + math.Cos(math.Pi*float64(t)/decaySteps)) / 2
			inner.refine(p.with(f.remainder(p.W, part, rank/2)), 1)
		}
		if rank/2 > 0 { // what is left, anew
			left, right, err := lowRank(p, inner.Decode(), rank/2)
			if err != nil {
				return nil, err
			}
			f = &branchForm{rank: rank / 2, left: left, right: right, inner: inner}
		}
	}
	inner.refine(p, learnedRounds)
	return inner, nil
}

func (f *branchForm) Size() (rows, cols int) { return f.inner.Size() }
func (f *branchForm) Nominal() float64       { return f.inner.Nominal() }

func (f *branchForm) Decode() []float64 {
	out := f.product(1, f.rank)
	for i, v := range f.inner.Decode() {
		out[i] += v
	}
	return out
}

func (f *branchForm) write(w *Writer) {
	w.Put(kindBranch, 4)
	w.Put(uint64(f.rank), 16)
	w.halves(f.left)
	w.halves(f.right)
	write(w, f.inner)
}

func readBranch(r *Reader, rows, cols, depth int) (Form, error) {
	f := &branchForm{rank: int(r.Get(16))}
	if f.rank < 1 || f.rank > min(rows, cols) {
		return nil, damaged("a branch of rank %d in a matrix of %d×%d", f.rank, rows, cols)
	}
	var err error
	if f.left, err = r.halves(rows * f.rank); err != nil {
		return nil, err
	}
	if f.right, err = r.halves(cols * f.rank); err != nil {
		return nil, err
	}
	f.inner, err = read(r, rows, cols, depth+1)
	return f, err
}

// An Exact rule keeps the outliers of every row in half precision, place and value, and
// codes the others (KVQuant, dense and sparse). Outliers are the weights beyond the
// quantiles (1−Share/100)/2 at either end.
type Exact struct {
	Rule
	Share float64 // per cent
}

type exactForm struct {
	places []uint32 // ascending
	values []Half
	inner  Form
}

// Code implements [Rule].
func (s Exact) Code(p *Problem, bits float64) (Form, error) {
	if err := p.Check(); err != nil {
		return nil, err
	}
	if !(s.Share > 0 && s.Share <= 50) {
		return nil, fmt.Errorf("%g %% outliers: want more than 0, at most 50", s.Share)
	}
	f := &exactForm{}
	dense := slices.Clone(p.W)
	each := max(1, int(math.Round(s.Share/100/2*float64(p.Cols)))) // at either end
	if p.Cols < 4 {
		each = 0
	}
	order := make([]int, p.Cols)
	for r := range p.Rows {
		row := p.W[r*p.Cols:][:p.Cols]
		for j := range order {
			order[j] = j
		}
		slices.SortStableFunc(order, func(a, b int) int {
			switch {
			case row[a] < row[b]:
				return -1
			case row[a] > row[b]:
				return 1
			}
			return 0
		})
		inside := order[each : p.Cols-each]
		var mean float64
		for _, j := range inside {
			mean += row[j] / float64(len(inside))
		}
		out := slices.Concat(order[:each], order[p.Cols-each:])
		slices.Sort(out)
		for _, j := range out {
			f.places = append(f.places, uint32(r*p.Cols+j))
			f.values = append(f.values, toHalf(row[j]))
			dense[r*p.Cols+j] = mean
		}
	}
	var err error
	f.inner, err = s.Rule.Code(p.with(dense), bits)
	return f, err
}

func (f *exactForm) Size() (rows, cols int) { return f.inner.Size() }
func (f *exactForm) Nominal() float64       { return f.inner.Nominal() }

func (f *exactForm) Decode() []float64 {
	w := f.inner.Decode()
	for i, at := range f.places {
		w[at] = f.values[i].Value()
	}
	return w
}

func (f *exactForm) write(w *Writer) {
	w.Put(kindExact, 4)
	w.Put(uint64(len(f.places)), 32)
	rows, cols := f.Size()
	width := bits.Len(uint(rows*cols - 1))
	for i, at := range f.places {
		w.Put(uint64(at), width)
		w.half(f.values[i])
	}
	write(w, f.inner)
}

func readExact(r *Reader, rows, cols, depth int) (Form, error) {
	f := &exactForm{}
	n, width := int(r.Get(32)), bits.Len(uint(rows*cols-1))
	if err := r.need(n, width+16); err != nil {
		return nil, err
	}
	for i := range n {
		at := uint32(r.Get(width))
		h := Half(r.Get(16))
		if int(at) >= rows*cols || i > 0 && at <= f.places[i-1] {
			return nil, damaged("outlier %d is in place %d", i, at)
		}
		if v := h.Value(); math.IsNaN(v) || math.IsInf(v, 0) {
			return nil, damaged("an outlier is %v", v)
		}
		f.places, f.values = append(f.places, at), append(f.values, h)
	}
	var err error
	f.inner, err = read(r, rows, cols, depth+1)
	return f, err
}

// A Split rule codes the rows of largest range by one rule, and the others by another
// (VidKV: two bits, and one bit in the Fourier domain). Bits between 1 and 2 say how many
// rows are wide: half of them at 1.5.
type Split struct{ Wide, Others Rule }

type splitForm struct {
	wide         []bool // by row
	first, other Form   // nil where there is no such row
}

// Code implements [Rule].
func (s Split) Code(p *Problem, bits float64) (Form, error) {
	if err := check(p, bits, 1, 2); err != nil {
		return nil, err
	}
	span := make([]float64, p.Rows)
	order := make([]int, p.Rows)
	for r := range order {
		order[r] = r
		row := p.W[r*p.Cols:][:p.Cols]
		span[r] = slices.Max(row) - slices.Min(row)
	}
	slices.SortStableFunc(order, func(a, b int) int {
		switch {
		case span[a] > span[b]:
			return -1
		case span[a] < span[b]:
			return 1
		}
		return 0
	})
	f := &splitForm{wide: make([]bool, p.Rows)}
	for _, r := range order[:int(math.Round((bits-1)*float64(p.Rows)))] {
		f.wide[r] = true
	}
	code := func(rule Rule, wide bool, bits float64) (Form, error) {
		q := &Problem{Cols: p.Cols, H: p.H}
		for r, is := range f.wide {
			if is == wide {
				q.W = append(q.W, p.W[r*p.Cols:][:p.Cols]...)
				q.Rows++
			}
		}
		if q.Rows == 0 {
			return nil, nil
		}
		return rule.Code(q, bits)
	}
	var err error
	if f.first, err = code(s.Wide, true, 2); err != nil {
		return nil, err
	}
	f.other, err = code(s.Others, false, 1)
	return f, err
}

func (f *splitForm) Size() (rows, cols int) {
	some := f.first
	if some == nil {
		some = f.other
	}
	_, cols = some.Size()
	return len(f.wide), cols
}

func (f *splitForm) Nominal() float64 {
	var sum float64
	for _, part := range []Form{f.first, f.other} {
		if part != nil {
			sum += part.Nominal()
		}
	}
	return sum
}

func (f *splitForm) Decode() []float64 {
	rows, cols := f.Size()
	var parts [2][]float64
	for i, part := range []Form{f.first, f.other} {
		if part != nil {
			parts[i] = part.Decode()
		}
	}
	out := make([]float64, 0, rows*cols)
	for _, wide := range f.wide {
		from := &parts[1]
		if wide {
			from = &parts[0]
		}
		out = append(out, (*from)[:cols]...)
		*from = (*from)[cols:]
	}
	return out
}

func (f *splitForm) write(w *Writer) {
	w.Put(kindSplit, 4)
	for _, wide := range f.wide {
		bit := uint64(0)
		if wide {
			bit = 1
		}
		w.Put(bit, 1)
	}
	for _, part := range []Form{f.first, f.other} {
		if part != nil {
			write(w, part)
		}
	}
}

func readSplit(r *Reader, rows, cols, depth int) (Form, error) {
	f := &splitForm{wide: make([]bool, rows)}
	n := 0
	for i := range f.wide {
		if f.wide[i] = r.Get(1) == 1; f.wide[i] {
			n++
		}
	}
	var err error
	if n > 0 {
		if f.first, err = read(r, n, cols, depth+1); err != nil {
			return nil, err
		}
	}
	if n < rows {
		if f.other, err = read(r, rows-n, cols, depth+1); err != nil {
			return nil, err
		}
	}
	return f, nil
}
