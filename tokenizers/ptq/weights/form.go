package weights

import (
	"fmt"
)

// A Rule codes the matrix of a layer with about so many bits a weight.
type Rule interface {
	Code(p *Problem, bits float64) (Form, error)
}

// A Form is a coded matrix.
type Form interface {
	// Size is the matrix's.
	Size() (rows, cols int)
	// Decode returns the weights, row-major. They follow from what Write writes alone.
	Decode() []float64
	// Nominal is how many bits the codes of all weights take, without scales, books and
	// whatever else is stored beside them.
	Nominal() float64
	write(w *Writer)
}

// Kinds of forms, as they are written.
const (
	kindScalar = iota + 1
	kindVector
	kindRotated
	kindScaled
	kindBranch
	kindExact
	kindSplit
	kindPlain
)

// maxNested bounds forms within forms.
const maxNested = 8

// Write writes a form: its size, then the form.
func Write(w *Writer, f Form) {
	rows, cols := f.Size()
	w.Put(uint64(rows), 32)
	w.Put(uint64(cols), 32)
	write(w, f)
}

// write writes what kind of form it is and its bits; the size is that of the form around.
func write(w *Writer, f Form) { f.write(w) }

// Read reads a form that [Write] wrote. The error is an [ErrDamaged].
func Read(r *Reader) (Form, error) {
	rows, cols := int(r.Get(32)), int(r.Get(32))
	if rows < 1 || cols < 1 || rows > MaxWeights/cols {
		return nil, damaged("a matrix of %d×%d", rows, cols)
	}
	f, err := read(r, rows, cols, 0)
	if err == nil && r.short {
		err = damaged("they end early")
	}
	if err != nil {
		return nil, err
	}
	return f, nil
}

func read(r *Reader, rows, cols, depth int) (Form, error) {
	if depth > maxNested {
		return nil, damaged("forms nest more than %d deep", maxNested)
	}
	// No form has less than a bit a weight, but rows and columns of a split.
	if err := r.need(rows*cols, 1); err != nil {
		return nil, err
	}
	switch kind := r.Get(4); kind {
	case kindScalar:
		return readScalar(r, rows, cols)
	case kindVector:
		return readVector(r, rows, cols)
	case kindRotated:
		return readRotated(r, rows, cols, depth)
	case kindScaled:
		return readScaled(r, rows, cols, depth)
	case kindBranch:
		return readBranch(r, rows, cols, depth)
	case kindExact:
		return readExact(r, rows, cols, depth)
	case kindSplit:
		return readSplit(r, rows, cols, depth)
	case kindPlain:
		return readPlain(r, rows, cols)
	default:
		return nil, damaged("there is no form %d", kind)
	}
}

// plainForm are weights in half precision: what is too small to be worth a code.
type plainForm struct {
	rows, cols int
	values     []Half
}

// Plain is the rule that keeps weights in half precision.
type Plain struct{}

// Code implements [Rule].
func (Plain) Code(p *Problem, _ float64) (Form, error) {
	if err := p.Check(); err != nil {
		return nil, err
	}
	return &plainForm{p.Rows, p.Cols, toHalves(p.W)}, nil
}

func (f *plainForm) Size() (rows, cols int) { return f.rows, f.cols }
func (f *plainForm) Nominal() float64       { return 16 * float64(len(f.values)) }

func (f *plainForm) Decode() []float64 {
	out := make([]float64, len(f.values))
	for i, h := range f.values {
		out[i] = h.Value()
	}
	return out
}

func (f *plainForm) write(w *Writer) {
	w.Put(kindPlain, 4)
	w.halves(f.values)
}

func readPlain(r *Reader, rows, cols int) (Form, error) {
	values, err := r.halves(rows * cols)
	if err != nil {
		return nil, err
	}
	return &plainForm{rows, cols, values}, nil
}

func check(p *Problem, bits, least, most float64) error {
	if err := p.Check(); err != nil {
		return err
	}
	if !(bits >= least && bits <= most) {
		return fmt.Errorf("bits=%g: want %g to %g", bits, least, most)
	}
	return nil
}
