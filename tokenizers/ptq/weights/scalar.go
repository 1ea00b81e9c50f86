package weights

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"sort"

	"gonum.org/v1/gonum/mat"

	"github.com/vtbench/vtbench/tokenizers/quant/scalar"
)

// A Feedback is how the error of one weight is made up for by others.
type Feedback int

// The ways.
const (
	// Nearest takes each weight's nearest value: no feedback.
	Nearest Feedback = iota
	// GPTQ takes one column after the other and moves those that are left so that the
	// outputs stay what they were (Frantar et al. 2022, arXiv:2210.17323). A row that is
	// worse for it on H keeps its nearest values.
	GPTQ
	// Learned begins with GPTQ, and then finds in turn the scales of least squares for
	// the codes (on H) and the best code of each weight for the scales and all other
	// codes, until the error of the layer falls no more. It is the block-wise
	// reconstruction of EfficientQAT, Genie and BRECQ with a layer for a block and exact
	// steps in place of gradients.
	Learned
)

// Damp is the part of H's mean diagonal that is added to its diagonal, GPTQ's default.
const Damp = .01

// A Scalar rule gives every weight a code of its own.
type Scalar struct {
	Grid       scalar.Grid  // Uniform where empty; Log2, LogSqrt2; KMeans: a table that all rows share
	Scale      scalar.Scale // how a row's grid is stretched; MSE where empty
	Shared     bool         // one scale for the whole matrix instead of one a row
	Group      int          // weights of a row that share a scale; 0: the whole row
	Asymmetric bool         // a step and a zero point instead of a scale
	Dyadic     int          // binary digits of steps that are integers over a power of two; 0: half precision
	Feedback   Feedback
	InOrder    bool // columns as they stand instead of those with the largest inputs first
}

// scalarForm is a matrix of ids. Value id of row r and group g is
//
//	2^exponent · (mid + scale · unit[id])            symmetric grids and tables
//	2^exponent · scale · (id − zero)                 with zero points
type scalarForm struct {
	rows, cols int
	levels     int
	grid       byte // index into grids
	shared     bool
	group      int // columns of a group; cols where a row has one scale
	dyadic     int
	exponent   int
	scales     []Half   // one a group of a row; nil with dyadic
	fractions  []dyadic // the same
	zeros      []uint16 // nil where symmetric
	mids       []Half   // of rows; nil without a table
	table      []Half   // nil but with one
	ids        []uint16

	unit []float64 // derived
}

type dyadic struct {
	m uint32
	e uint8
}

var grids = []scalar.Grid{scalar.Uniform, scalar.Log2, scalar.LogSqrt2, scalar.KMeans}

// maxScalarBits bounds ids.
const maxScalarBits = 8

// Code implements [Rule].
func (s Scalar) Code(p *Problem, bits float64) (Form, error) {
	if err := check(p, bits, 1, maxScalarBits); err != nil {
		return nil, err
	}
	if bits != math.Trunc(bits) && math.Abs(bits-math.Log2(3)) > .01 {
		return nil, fmt.Errorf("bits=%g: want a whole number, or 1.58 for three levels", bits)
	}
	f, err := s.fit(p, scalar.Levels(bits))
	if err != nil {
		return nil, err
	}
	if err := s.assign(f, p); err != nil {
		return nil, err
	}
	return f, nil
}

// fit finds the grids.
func (s Scalar) fit(p *Problem, levels int) (*scalarForm, error) {
	if s.Grid == "" {
		s.Grid = scalar.Uniform
	}
	if s.Scale == "" {
		s.Scale = scalar.MSE
	}
	f := &scalarForm{rows: p.Rows, cols: p.Cols, levels: levels, shared: s.Shared, dyadic: s.Dyadic, group: p.Cols, ids: make([]uint16, len(p.W))}
	if s.Group > 0 {
		f.group = min(s.Group, p.Cols)
	}
	grid := slices.Index(grids, s.Grid)
	if grid < 0 {
		return nil, fmt.Errorf("there is no grid %q for weights", s.Grid)
	}
	f.grid = byte(grid)
	if (s.Grid == scalar.Log2 || s.Grid == scalar.LogSqrt2) && levels < 4 {
		return nil, fmt.Errorf("grid=%s needs a bit for the sign: bits=2 is the least", s.Grid)
	}
	var peak float64
	for _, w := range p.W {
		peak = max(peak, math.Abs(w))
	}
	if peak > 0 {
		_, f.exponent = math.Frexp(peak)
	}
	o := scalar.Options{Grid: s.Grid, Scale: s.Scale, Bits: math.Log2(float64(levels))}
	by := math.Ldexp(1, -f.exponent)
	if s.Grid == scalar.KMeans {
		f.fitTable(p, by)
		return f, nil
	}
	f.unit = unitValues(f.grid, levels)
	unit := scalar.UnitTable(o, o.Bits)
	groups := f.groups()
	each := func(v []float32) {
		if s.Asymmetric {
			step, zero := scalar.StepAndZero(v, levels, o)
			f.addScale(step)
			f.zeros = append(f.zeros, uint16(min(max(zero, 0), levels-1)))
			return
		}
		if !slices.ContainsFunc(v, func(x float32) bool { return x != 0 }) {
			f.addScale(0) // a grid without a zero comes as near to it as it can
			return
		}
		f.addScale(scalar.ScaleOf(v, unit, o))
	}
	var v []float32
	for r := range p.Rows {
		for g := range groups {
			if !s.Shared {
				v = v[:0]
			}
			for j := g * f.group; j < min((g+1)*f.group, p.Cols); j++ {
				v = append(v, float32(p.W[r*p.Cols+j]*by))
			}
			if !s.Shared {
				each(v)
			}
		}
	}
	if s.Shared {
		each(v)
	}
	return f, nil
}

func (f *scalarForm) groups() int { return (f.cols + f.group - 1) / f.group }

// addScale stores a scale as it will be read.
func (f *scalarForm) addScale(scale float64) {
	if f.dyadic == 0 {
		f.scales = append(f.scales, toHalf(max(scale, 0x1p-24))) // never zero: that is no step
		return
	}
	f.fractions = append(f.fractions, f.fraction(scale))
}

func (f *scalarForm) fraction(scale float64) dyadic {
	m, e := scalar.Dyadic(max(scale, 0x1p-60), f.dyadic)
	return dyadic{uint32(m), uint8(min(max(e, 0), 255))}
}

// scale is that of a row and a column, with the exponent.
func (f *scalarForm) scale(i int) float64 {
	if f.dyadic > 0 {
		return math.Ldexp(float64(f.fractions[i].m), f.exponent-int(f.fractions[i].e))
	}
	return math.Ldexp(f.scales[i].Value(), f.exponent)
}

func (f *scalarForm) index(row, col int) int {
	if f.shared {
		return 0
	}
	return row*f.groups() + col/f.group
}

// level is value id of a row and a column in units of the scale.
func (f *scalarForm) level(i int, id uint16) float64 {
	if f.zeros != nil {
		return float64(id) - float64(f.zeros[i])
	}
	return f.unit[id]
}

func (f *scalarForm) mid(row int) float64 {
	if f.mids == nil {
		return 0
	}
	return math.Ldexp(f.mids[row].Value(), f.exponent)
}

// value is what an id stands for.
func (f *scalarForm) value(row, col int, id uint16) float64 {
	i := f.index(row, col)
	return f.mid(row) + f.scale(i)*f.level(i, id)
}

// nearest is the id of the value nearest to v.
func (f *scalarForm) nearest(row, col int, v float64) uint16 {
	i := f.index(row, col)
	v = (v - f.mid(row)) / f.scale(i)
	switch {
	case f.zeros != nil:
		return uint16(min(max(math.Round(v+float64(f.zeros[i])), 0), float64(f.levels-1)))
	case grids[f.grid] == scalar.Uniform:
		n := float64(f.levels - 1)
		return uint16(min(max(math.Round((v+1)/2*n), 0), n))
	}
	k := sort.SearchFloat64s(f.unit, v)
	if k == len(f.unit) || k > 0 && v-f.unit[k-1] <= f.unit[k]-v {
		k--
	}
	return uint16(k)
}

func unitValues(grid byte, levels int) []float64 {
	if grids[grid] == scalar.Uniform {
		out := make([]float64, levels)
		for i := range out {
			out[i] = 2*float64(i)/float64(levels-1) - 1
		}
		return out
	}
	t := scalar.UnitTable(scalar.Options{Grid: grids[grid]}, math.Log2(float64(levels)))
	out := make([]float64, len(t.Values))
	for i, v := range t.Values {
		out[i] = float64(v)
	}
	return out
}

// fitTable finds the table of KVQuant: rows are shifted and scaled to [−1, 1], and one
// table of levels is fitted to all by k-means, each weight counting as much as the error
// of a unit costs: its row's squared half-range times the second moment of its input. The
// rows' mean and spread are then those that they had (Q-Norm).
func (f *scalarForm) fitTable(p *Problem, by float64) {
	diagonal := p.diagonal()
	values := make([]float64, len(p.W))
	mass := make([]float64, len(p.W))
	lows, halves := make([]float64, p.Rows), make([]float64, p.Rows)
	for r := range p.Rows {
		row := p.W[r*p.Cols:][:p.Cols]
		lo, hi := slices.Min(row)*by, slices.Max(row)*by
		lows[r], halves[r] = (lo+hi)/2, max((hi-lo)/2, 1e-6)
		for j, w := range row {
			values[r*p.Cols+j] = (w*by - lows[r]) / halves[r]
			mass[r*p.Cols+j] = diagonal[j] * halves[r] * halves[r]
		}
	}
	unit := weightedLevels(values, mass, f.levels)
	f.table = toHalves(unit)
	f.unit = halfValues(f.table)
	for r := range p.Rows {
		// Q-Norm: shift and scale so that codes have the row's mean and deviation.
		var m1, m2, q1, q2 float64
		for j := range p.Cols {
			v := values[r*p.Cols+j]
			q := nearestOf(f.unit, v)
			m1, m2, q1, q2 = m1+v, m2+v*v, q1+q, q2+q*q
		}
		n := float64(p.Cols)
		m1, q1 = m1/n, q1/n
		sigma := math.Sqrt(max(m2/n-m1*m1, 0))
		coded := math.Sqrt(max(q2/n-q1*q1, 0))
		ratio := 1.0
		if coded > 1e-6 {
			ratio = sigma / coded
		}
		f.addScale(halves[r] * ratio)
		f.mids = append(f.mids, toHalf(lows[r]+halves[r]*(m1-q1*ratio)))
	}
}

func nearestOf(levels []float64, v float64) float64 {
	k := sort.SearchFloat64s(levels, v)
	if k == len(levels) || k > 0 && v-levels[k-1] <= levels[k]-v {
		k--
	}
	return levels[k]
}

func halfValues(h []Half) []float64 {
	out := make([]float64, len(h))
	for i, v := range h {
		out[i] = v.Value()
	}
	return out
}

// weightedLevels finds n levels of least weighted squared error by Lloyd's algorithm, 50
// rounds from equally filled parts.
func weightedLevels(values, mass []float64, n int) []float64 {
	order := make([]int, len(values))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int {
		switch {
		case values[a] < values[b]:
			return -1
		case values[a] > values[b]:
			return 1
		}
		return a - b
	})
	sorted := make([]float64, len(values))
	moments, masses := make([]float64, len(values)+1), make([]float64, len(values)+1)
	for i, k := range order {
		sorted[i] = values[k]
		moments[i+1] = moments[i] + mass[k]*values[k]
		masses[i+1] = masses[i] + mass[k]
	}
	levels := make([]float64, n)
	for i := range levels {
		levels[i] = sorted[(2*i+1)*len(sorted)/(2*n)]
	}
	for range 50 {
		moved, from := false, 0
		for i := range levels {
			to := len(sorted)
			if i+1 < n {
				edge := (levels[i] + levels[i+1]) / 2
				to = from + sort.Search(len(sorted)-from, func(k int) bool { return sorted[from+k] > edge })
			}
			if m := masses[to] - masses[from]; m > 0 {
				mean := (moments[to] - moments[from]) / m
				moved = moved || mean != levels[i]
				levels[i] = mean
			}
			from = to
		}
		slices.Sort(levels)
		if !moved {
			break
		}
	}
	return levels
}

// assign finds the ids.
func (s Scalar) assign(f *scalarForm, p *Problem) error {
	for r := range p.Rows {
		for j := range p.Cols {
			f.ids[r*p.Cols+j] = f.nearest(r, j, p.W[r*p.Cols+j])
		}
	}
	if s.Feedback == Nearest {
		return nil
	}
	plain := slices.Clone(f.ids)
	before := p.errors(f.Decode())
	order := columnOrder(p, !s.InOrder)
	err := feedBack(p, order, func(j int, column, decoded []float64) {
		for r, v := range column {
			id := f.nearest(r, j, v)
			f.ids[r*p.Cols+j] = id
			decoded[r] = f.value(r, j, id)
		}
	})
	if err != nil {
		return err
	}
	for r, e := range p.errors(f.Decode()) {
		if e > before[r] {
			copy(f.ids[r*p.Cols:][:p.Cols], plain[r*p.Cols:])
		}
	}
	if s.Feedback == Learned {
		f.refine(p, learnedRounds)
	}
	return nil
}

// columnOrder takes columns with large inputs first, as GPTQ's act-order does.
func columnOrder(p *Problem, largest bool) []int {
	order := make([]int, p.Cols)
	for j := range order {
		order[j] = j
	}
	if d := p.diagonal(); largest {
		slices.SortStableFunc(order, func(a, b int) int {
			switch {
			case d[a] > d[b]:
				return -1
			case d[a] < d[b]:
				return 1
			}
			return 0
		})
	}
	return order
}

// feedBack codes one column after the other. After each, what its error costs is made up
// for as well as the columns that are left can: with e = (w−ŵ)/U_ii, column j loses
// e·U_ij, where (H+δ)⁻¹ = UᵀU.
func feedBack(p *Problem, order []int, code func(j int, column, decoded []float64)) error {
	u, err := p.inverseFactor(Damp, order)
	if err != nil {
		return err
	}
	// Columns next to each other in memory.
	columns := make([]float64, len(p.W))
	for i, j := range order {
		for r := range p.Rows {
			columns[i*p.Rows+r] = p.W[r*p.Cols+j]
		}
	}
	decoded := make([]float64, p.Rows)
	for i, j := range order {
		column := columns[i*p.Rows:][:p.Rows]
		code(j, column, decoded)
		for r, v := range column {
			decoded[r] = (v - decoded[r]) / u.At(i, i)
		}
		for k := i + 1; k < p.Cols; k++ {
			by := u.At(i, k)
			if by == 0 {
				continue
			}
			for r, e := range decoded {
				columns[k*p.Rows+r] -= by * e
			}
		}
	}
	return nil
}

// learnedRounds bounds how often scales and codes are found in turn.
const learnedRounds = 20

// refine finds scales and codes in turn while the error falls.
func (f *scalarForm) refine(p *Problem, rounds int) {
	last := p.Error(f.Decode())
	for range rounds {
		if f.mids == nil {
			f.fitScales(p)
		}
		f.descend(p)
		now := p.Error(f.Decode())
		if now > last*(1-1e-3) {
			break
		}
		last = now
	}
}

// descend takes every weight to the best of its values, all others as they are: the
// error falls with every step.
func (f *scalarForm) descend(p *Problem) {
	n := p.Cols
	diagonal := p.diagonal()
	d := make([]float64, len(p.W))
	for i, v := range f.Decode() {
		d[i] = p.W[i] - v
	}
	g := p.times(d)
	for r := range p.Rows {
		grad := g[r*n:][:n]
		for j := range n {
			at := r*n + j
			old := f.value(r, j, f.ids[at])
			id := f.nearest(r, j, old+grad[j]/diagonal[j])
			if id == f.ids[at] {
				continue
			}
			step := f.value(r, j, id) - old
			// The error changes by step²·H_jj − 2·step·g_j; diagonal is H_jj but where that
			// is nothing.
			if step*step*diagonal[j] >= 2*step*grad[j] {
				continue
			}
			f.ids[at] = id
			if p.H == nil {
				grad[j] -= step
				continue
			}
			for k, h := range p.H[j*n:][:n] {
				grad[k] -= step * h
			}
		}
	}
}

// fitScales finds the scales of least error on H for the codes: of a row those of its
// groups together, one for all rows where it is shared. A row that gains nothing once its
// scales are rounded keeps what it had.
func (f *scalarForm) fitScales(p *Problem) {
	n, groups := p.Cols, f.groups()
	if f.shared {
		var ww, wu float64
		levels := make([]float64, len(p.W))
		for i, id := range f.ids {
			levels[i] = f.level(0, id)
		}
		g := p.times(levels)
		for i := range levels {
			ww += levels[i] * g[i]
			wu += p.W[i] * g[i]
		}
		if ww > 0 && wu > 0 {
			f.tryScales(p, []int{0}, []float64{wu / ww})
		}
		return
	}
	for r := range p.Rows {
		parts := make([]float64, groups*n) // one row a group
		for j := range n {
			i := f.index(r, j)
			parts[(j/f.group)*n+j] = f.level(i, f.ids[r*n+j])
		}
		g := p.times(parts)
		a := mat.NewSymDense(groups, nil)
		b := mat.NewVecDense(groups, nil)
		for s := range groups {
			for t := s; t < groups; t++ {
				var sum float64
				for j := range n {
					sum += parts[t*n+j] * g[s*n+j]
				}
				if s == t {
					sum += 1e-12
				}
				a.SetSym(s, t, sum)
			}
			var sum float64
			for j := range n {
				sum += p.W[r*n+j] * g[s*n+j]
			}
			b.SetVec(s, sum)
		}
		var chol mat.Cholesky
		var x mat.VecDense
		if !chol.Factorize(a) {
			continue
		}
		var condition mat.Condition
		if err := chol.SolveVecTo(&x, b); err != nil && !errors.As(err, &condition) {
			continue
		}
		at, scales := make([]int, groups), make([]float64, groups)
		good := true
		for s := range groups {
			at[s], scales[s] = r*groups+s, x.AtVec(s)
			good = good && scales[s] > 0
		}
		if good {
			f.tryScales(p, at, scales)
		}
	}
}

// tryScales sets scales and takes them back where the rows they are of are no better.
func (f *scalarForm) tryScales(p *Problem, at []int, scales []float64) {
	rows := 1
	first := at[0] / f.groups()
	if f.shared {
		first, rows = 0, p.Rows
	}
	part := &Problem{Rows: rows, Cols: p.Cols, W: p.W[first*p.Cols:][:rows*p.Cols], H: p.H}
	before := part.Error(f.decodeRows(first, rows))
	oldScales, oldFractions := slices.Clone(f.scales), slices.Clone(f.fractions)
	for k, i := range at {
		s := math.Ldexp(scales[k], -f.exponent)
		if f.dyadic > 0 {
			f.fractions[i] = f.fraction(s)
		} else {
			f.scales[i] = toHalf(max(s, 0x1p-24))
		}
	}
	if part.Error(f.decodeRows(first, rows)) > before {
		f.scales, f.fractions = oldScales, oldFractions
	}
}

func (f *scalarForm) decodeRows(first, rows int) []float64 {
	out := make([]float64, rows*f.cols)
	for r := range rows {
		for j := range f.cols {
			out[r*f.cols+j] = f.value(first+r, j, f.ids[(first+r)*f.cols+j])
		}
	}
	return out
}

func (f *scalarForm) Size() (rows, cols int) { return f.rows, f.cols }
func (f *scalarForm) Decode() []float64      { return f.decodeRows(0, f.rows) }
func (f *scalarForm) Nominal() float64 {
	return math.Log2(float64(f.levels)) * float64(len(f.ids))
}

func (f *scalarForm) write(w *Writer) {
	flag := func(b bool) {
		v := uint64(0)
		if b {
			v = 1
		}
		w.Put(v, 1)
	}
	w.Put(kindScalar, 4)
	w.Put(uint64(f.levels), 9)
	w.Put(uint64(f.grid), 2)
	flag(f.shared)
	flag(f.zeros != nil)
	w.Put(uint64(f.group), 32)
	w.Put(uint64(f.dyadic), 5)
	w.Put(uint64(f.exponent+1<<11), 12)
	w.halves(f.scales)
	for _, d := range f.fractions {
		w.Put(uint64(d.m), f.dyadic+1)
		w.Put(uint64(d.e), 8)
	}
	for _, z := range f.zeros {
		w.Put(uint64(z), 8)
	}
	w.halves(f.mids)
	w.halves(f.table)
	w.digits(f.ids, f.levels)
}

func readScalar(r *Reader, rows, cols int) (Form, error) {
	f := &scalarForm{rows: rows, cols: cols}
	f.levels, f.grid = int(r.Get(9)), byte(r.Get(2))
	f.shared = r.Get(1) == 1
	asymmetric := r.Get(1) == 1
	f.group, f.dyadic, f.exponent = int(r.Get(32)), int(r.Get(5)), int(r.Get(12))-1<<11
	table := grids[f.grid] == scalar.KMeans
	log := grids[f.grid] == scalar.Log2 || grids[f.grid] == scalar.LogSqrt2
	switch {
	case f.levels < 2 || f.levels > 1<<maxScalarBits || log && (f.levels < 4 || f.levels%2 == 1):
		return nil, damaged("%d levels of grid %s", f.levels, grids[f.grid])
	case f.group < 1 || f.group > cols:
		return nil, damaged("groups of %d weights in rows of %d", f.group, cols)
	case asymmetric && grids[f.grid] != scalar.Uniform || table && (f.shared || f.group != cols || f.dyadic > 0):
		return nil, damaged("a grid %s of its kind does not exist", grids[f.grid])
	}
	n := rows * f.groups()
	if f.shared {
		n = 1
	}
	var err error
	if f.dyadic == 0 {
		f.scales, err = r.halves(n)
	} else if err = r.need(n, f.dyadic+9); err == nil {
		for range n {
			f.fractions = append(f.fractions, dyadic{uint32(r.Get(f.dyadic + 1)), uint8(r.Get(8))})
		}
	}
	if err == nil && asymmetric {
		err = r.need(n, 8)
		for i := 0; i < n && err == nil; i++ {
			f.zeros = append(f.zeros, uint16(r.Get(8)))
		}
	}
	if err == nil && table {
		if f.mids, err = r.halves(rows); err == nil {
			f.table, err = r.halves(f.levels)
			f.unit = halfValues(f.table)
		}
	} else if err == nil {
		f.unit = unitValues(f.grid, f.levels)
	}
	if err == nil {
		f.ids, err = r.digits(rows*cols, f.levels)
	}
	if err == nil && len(f.unit) < f.levels && slices.ContainsFunc(f.ids, func(id uint16) bool { return int(id) >= len(f.unit) }) {
		err = damaged("an id is beyond the %d values of grid %s", len(f.unit), grids[f.grid])
	}
	if err != nil {
		return nil, err
	}
	return f, nil
}
