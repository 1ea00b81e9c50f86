package weights

import (
	"errors"
	"fmt"
	"math"
	"sync"

	"gonum.org/v1/gonum/mat"
)

// MaxWeights bounds a matrix.
const MaxWeights = 1 << 28

// A Problem is the matrix of a layer and what is known of its inputs.
type Problem struct {
	Rows, Cols int
	W          []float64 // row-major: one row an output, one column an input
	// H are the second moments of the inputs, E[x xᵀ], Cols×Cols; nil stands for the
	// identity: all inputs alike.
	H []float64

	factors *factors
}

// NewProblem makes a problem; h is nil where nothing is known of the inputs.
func NewProblem(rows, cols int, w, h []float64) *Problem {
	return &Problem{Rows: rows, Cols: cols, W: w, H: h, factors: &factors{}}
}

// factors keep what was computed of H, for problems of the same inputs.
type factors struct {
	mu      sync.Mutex
	inverse map[string]*mat.TriDense // by order of the columns
}

// Check refuses what is no problem.
func (p *Problem) Check() error {
	switch {
	case p.Rows < 1 || p.Cols < 1 || p.Rows > MaxWeights/p.Cols:
		return fmt.Errorf("a matrix of %d×%d weights: want 1 to %d of them", p.Rows, p.Cols, MaxWeights)
	case len(p.W) != p.Rows*p.Cols:
		return fmt.Errorf("a matrix of %d×%d has %d weights", p.Rows, p.Cols, len(p.W))
	case p.H != nil && len(p.H) != p.Cols*p.Cols:
		return fmt.Errorf("%d second moments of %d inputs: want %d", len(p.H), p.Cols, p.Cols*p.Cols)
	}
	for i, w := range p.W {
		if math.IsNaN(w) || math.IsInf(w, 0) {
			return fmt.Errorf("the weight in row %d, column %d is %v", i/p.Cols, i%p.Cols, w)
		}
	}
	for _, h := range p.H {
		if math.IsNaN(h) || math.IsInf(h, 0) {
			return fmt.Errorf("a second moment of the inputs is %v", h)
		}
	}
	return nil
}

// with is the problem of other weights and the same inputs.
func (p *Problem) with(w []float64) *Problem {
	return &Problem{Rows: p.Rows, Cols: p.Cols, W: w, H: p.H, factors: p.factors}
}

// diagonal are the second moments of single inputs, all positive.
func (p *Problem) diagonal() []float64 {
	out := make([]float64, p.Cols)
	var mean float64
	for j := range out {
		out[j] = 1
		if p.H != nil {
			out[j] = p.H[j*p.Cols+j]
		}
		mean += out[j] / float64(p.Cols)
	}
	for j := range out {
		out[j] = max(out[j], 1e-8*mean, 1e-30)
	}
	return out
}

// Error is tr (W−Ŵ)H(W−Ŵ)ᵀ: the squared error of the outputs an input, all rows together.
func (p *Problem) Error(decoded []float64) float64 {
	var sum float64
	for _, e := range p.errors(decoded) {
		sum += e
	}
	return sum
}

// Signal is the error of a form that is all zeros.
func (p *Problem) Signal() float64 { return p.Error(make([]float64, len(p.W))) }

// errors are those of single rows.
func (p *Problem) errors(decoded []float64) []float64 {
	d := make([]float64, len(p.W))
	for i, w := range p.W {
		d[i] = w - decoded[i]
	}
	g := p.times(d)
	out := make([]float64, p.Rows)
	for r := range out {
		for j := range p.Cols {
			out[r] += d[r*p.Cols+j] * g[r*p.Cols+j]
		}
		out[r] = max(out[r], 0) // a sum of squares, but for rounding
	}
	return out
}

// times is D·H.
func (p *Problem) times(d []float64) []float64 {
	g := make([]float64, len(d))
	if p.H == nil {
		copy(g, d)
		return g
	}
	rows := len(d) / p.Cols
	var to mat.Dense
	to.Mul(mat.NewDense(rows, p.Cols, d), mat.NewDense(p.Cols, p.Cols, p.H))
	copy(g, to.RawMatrix().Data)
	return g
}

// damped is H with part of its mean diagonal added to the diagonal, so that it has an
// inverse (GPTQ's percdamp).
func (p *Problem) damped(part float64) *mat.SymDense {
	h := mat.NewSymDense(p.Cols, nil)
	var mean float64
	for j, d := range p.diagonal() {
		mean += d / float64(p.Cols)
		h.SetSym(j, j, d)
	}
	for i := range p.Cols {
		for j := i; j < p.Cols; j++ {
			switch {
			case i == j:
				h.SetSym(i, i, h.At(i, i)+part*mean)
			case p.H != nil:
				h.SetSym(i, j, p.H[i*p.Cols+j])
			}
		}
	}
	return h
}

var errNotPositive = errors.New("the second moments of its inputs are not those of any numbers")

// inverseFactor is the upper U with (H+δ)⁻¹ = UᵀU of the damped H. Columns are taken in
// the given order.
func (p *Problem) inverseFactor(damp float64, order []int) (*mat.TriDense, error) {
	if p.factors == nil {
		return p.factorize(damp, order)
	}
	p.factors.mu.Lock()
	defer p.factors.mu.Unlock()
	key := fmt.Sprint(damp, order)
	if u := p.factors.inverse[key]; u != nil {
		return u, nil
	}
	u, err := p.factorize(damp, order)
	if err == nil {
		p.factors.inverse = map[string]*mat.TriDense{key: u} // one order is used at a time
	}
	return u, err
}

func (p *Problem) factorize(damp float64, order []int) (*mat.TriDense, error) {
	h := p.damped(damp)
	n := p.Cols
	moved := mat.NewSymDense(n, nil)
	for i := range n {
		for j := i; j < n; j++ {
			moved.SetSym(i, j, h.At(order[i], order[j]))
		}
	}
	var chol, second mat.Cholesky
	if !chol.Factorize(moved) {
		return nil, errNotPositive
	}
	inverse := mat.NewSymDense(n, nil)
	if err := chol.InverseTo(inverse); err != nil {
		var condition mat.Condition
		if !errors.As(err, &condition) { // badly conditioned is still good enough to feed back
			return nil, fmt.Errorf("inverting the second moments: %w", err)
		}
	}
	if !second.Factorize(inverse) {
		return nil, errNotPositive
	}
	u := mat.NewTriDense(n, mat.Upper, nil)
	second.UTo(u)
	return u, nil
}
