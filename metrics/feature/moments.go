package feature

import (
	"errors"
	"fmt"
	"math"

	"gonum.org/v1/gonum/mat"
)

// Moments are the mean and covariance of feature vectors, gathered in one pass
// and merged pair by pair (Chan, Golub and LeVeque 1979), for sets too large to be
// kept. Merging in another order changes the last digits only; where results must
// be equal to the last bit, keep a [Set].
type Moments struct {
	n      int64
	mean   []float64
	m2     *mat.SymDense // Σ (x−mean)(x−mean)ᵀ
	buffer [][]float32
}

// batch is how many vectors are added to the covariance at once: a product of
// matrices is an order of magnitude faster than as many outer products.
const batch = 128

// Add takes in one vector, which must not change until 128 have been added or
// the moments are read.
func (m *Moments) Add(features []float32) error {
	d := len(m.mean)
	if len(m.buffer) > 0 {
		d = len(m.buffer[0])
	}
	if len(features) == 0 || d != 0 && len(features) != d {
		return fmt.Errorf("adding features: %d numbers, the vectors before had %d", len(features), d)
	}
	for i, x := range features {
		if !finite(float64(x)) {
			return fmt.Errorf("adding features: number %d is %v", i, x)
		}
	}
	m.buffer = append(m.buffer, features)
	if len(m.buffer) == batch {
		m.flush()
	}
	return nil
}

func (m *Moments) flush() {
	if len(m.buffer) == 0 {
		return
	}
	rows := mat.NewDense(len(m.buffer), len(m.buffer[0]), nil)
	for i, f := range m.buffer {
		out := rows.RawRowView(i)
		for j, x := range f {
			out[j] = float64(x)
		}
	}
	clear(m.buffer)
	m.buffer = m.buffer[:0]
	m.combine(momentsOf(rows))
}

// momentsOf centres rows in place.
func momentsOf(rows *mat.Dense) *Moments {
	n, d := rows.Dims()
	m := &Moments{n: int64(n), mean: centre(rows), m2: mat.NewSymDense(d, nil)}
	m.m2.SymRankK(m.m2, 1, rows.T())
	return m
}

// centre subtracts the mean of the rows and returns it.
func centre(rows *mat.Dense) []float64 {
	n, d := rows.Dims()
	mean := make([]float64, d)
	for i := range n {
		for j, x := range rows.RawRowView(i) {
			mean[j] += x
		}
	}
	for j := range mean {
		mean[j] /= float64(n)
	}
	for i := range n {
		row := rows.RawRowView(i)
		for j := range row {
			row[j] -= mean[j]
		}
	}
	return mean
}

// combine takes in moments of other vectors, which must not be used again.
func (m *Moments) combine(o *Moments) {
	if m.n == 0 {
		m.n, m.mean, m.m2 = o.n, o.mean, o.m2
		return
	}
	n := m.n + o.n
	delta := mat.NewVecDense(len(m.mean), nil)
	for j, x := range o.mean {
		d := x - m.mean[j]
		delta.SetVec(j, d)
		m.mean[j] += d * (float64(o.n) / float64(n))
	}
	m.m2.AddSym(m.m2, o.m2)
	m.m2.SymRankOne(m.m2, float64(m.n)*(float64(o.n)/float64(n)), delta)
	m.n = n
}

// Merge takes in the moments of another set of vectors.
func (m *Moments) Merge(o *Moments) error {
	m.flush()
	o.flush()
	if o.n == 0 {
		return nil
	}
	if m.n > 0 && len(m.mean) != len(o.mean) {
		return fmt.Errorf("merging moments: vectors of %d and %d numbers", len(m.mean), len(o.mean))
	}
	m2 := mat.NewSymDense(len(o.mean), nil)
	m2.CopySym(o.m2)
	m.combine(&Moments{n: o.n, mean: append([]float64(nil), o.mean...), m2: m2})
	return nil
}

// N is the number of vectors.
func (m *Moments) N() int64 { return m.n + int64(len(m.buffer)) }

// Mean returns the mean; nil without vectors.
func (m *Moments) Mean() []float64 {
	m.flush()
	return append([]float64(nil), m.mean...)
}

// Covariance returns the sample covariance (divisor n−1); it fails for fewer
// than two vectors.
func (m *Moments) Covariance() (*mat.SymDense, error) {
	m.flush()
	if m.n < 2 {
		return nil, fmt.Errorf("computing a covariance: %d vectors, need at least 2", m.n)
	}
	c := mat.NewSymDense(len(m.mean), nil)
	c.ScaleSym(1/float64(m.n-1), m.m2)
	return c, nil
}

// Frechet is the squared Fréchet distance of two normal distributions with the
// given moments, ‖Δμ‖² + Tr(Σ₁ + Σ₂ − 2(Σ₁Σ₂)^½): FID where the vectors are
// features of Inception v3.
//
// With Σᵢ = LᵢLᵢᵀ the trace of the root is the sum of the singular values of
// L₂ᵀL₁, since these are the roots of the eigenvalues of Σ₁Σ₂. No root of a
// product that is not symmetric is taken, no small number is added to singular
// covariances, and no imaginary part is dropped. L is Cholesky's factor, or for
// singular covariances the eigenvectors times the roots of the eigenvalues.
func Frechet(a, b *Moments) (float64, error) {
	ca, err := a.Covariance()
	if err != nil {
		return 0, err
	}
	cb, err := b.Covariance()
	if err != nil {
		return 0, err
	}
	if len(a.mean) != len(b.mean) {
		return 0, fmt.Errorf("computing a Fréchet distance: vectors of %d and %d numbers", len(a.mean), len(b.mean))
	}
	la, err := factor(ca)
	if err != nil {
		return 0, err
	}
	lb, err := factor(cb)
	if err != nil {
		return 0, err
	}
	var product mat.Dense
	product.Mul(lb.T(), la)
	root, err := nuclearNorm(&product)
	if err != nil {
		return 0, err
	}
	return frechet(squaredDistance(a.mean, b.mean), mat.Trace(ca), mat.Trace(cb), root), nil
}

// frechet adds up; the distance is not negative but for rounding.
func frechet(shift, traceA, traceB, root float64) float64 {
	return max(0, shift+(traceA+traceB-2*root))
}

func squaredDistance(a, b []float64) float64 {
	s := 0.0
	for i, x := range a {
		d := x - b[i]
		s += d * d
	}
	return s
}

var errDecompose = errors.New("the decomposition did not converge: are the features finite and of sensible size?")

// factor returns L with LLᵀ = c.
func factor(c *mat.SymDense) (*mat.Dense, error) {
	var l mat.Dense
	var chol mat.Cholesky
	if chol.Factorize(c) { //nolint:misspell // gonum's spelling
		var lower mat.TriDense
		chol.LTo(&lower)
		l.CloneFrom(&lower) // products of triangular matrices are slow in gonum
		return &l, nil
	}
	var eigen mat.EigenSym
	if !eigen.Factorize(c, true) { //nolint:misspell // gonum's spelling
		return nil, fmt.Errorf("factorising a covariance: %w", errDecompose)
	}
	eigen.VectorsTo(&l)
	roots := eigen.Values(nil)
	for i, v := range roots {
		roots[i] = math.Sqrt(max(0, v)) // negative by rounding only
	}
	l.Mul(&l, mat.NewDiagDense(len(roots), roots))
	return &l, nil
}

// nuclearNorm is the sum of the singular values.
func nuclearNorm(a mat.Matrix) (float64, error) {
	var svd mat.SVD
	if !svd.Factorize(a, mat.SVDNone) { //nolint:misspell // gonum's spelling
		return 0, fmt.Errorf("computing singular values: %w", errDecompose)
	}
	s := 0.0
	for _, v := range svd.Values(nil) {
		s += v
	}
	return s, nil
}
