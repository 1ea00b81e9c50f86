package feature

import (
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/mat"
)

// Neighbours is the k of [Precision] and [Recall], DensityNeighbours that of [Density] and
// [Coverage], each that of its authors.
const (
	Neighbours        = 3
	DensityNeighbours = 5
)

// Precision is the share of reconstructions that lie among the references, in the union
// of balls around each reference that reach to its third nearest other reference
// (Kynkäänniemi et al. 2019, "improved precision"). It falls where images come out
// that look like none of the references.
func Precision(ref, got *Set) (Score, error) { return covered("precision", ref, got, ref, got) }

// Recall is the share of references that lie among the reconstructions, by the same
// rule the other way round. It falls where reconstructions leave out what references
// have.
func Recall(ref, got *Set) (Score, error) { return covered("recall", ref, got, got, ref) }

// covered is the share of points that lie in the manifold that balls span.
func covered(metric string, ref, got, balls, points *Set) (Score, error) {
	s, err := newScore(metric, ref, got, Neighbours+1)
	if err != nil {
		return Score{}, err
	}
	b, p := balls.matrix(), points.matrix()
	radii := radii(b, Neighbours)
	inside := make([]bool, points.Len())
	err = distances(p, b, func(i int, row []float64, slack []float64) {
		for j, d := range row {
			if d <= radii[j]+slack[j] {
				inside[i] = true
				return
			}
		}
	})
	if err != nil {
		return Score{}, fmt.Errorf("computing %s: %w", metric, err)
	}
	n := 0
	for _, in := range inside {
		if in {
			n++
		}
	}
	s.Value = float64(n) / float64(len(inside))
	return s, nil
}

// Density is how many balls around references, which reach to their fifth nearest other
// reference, a reconstruction lies in on average, over five (Naeem et al. 2020). Unlike
// [Precision] it is not led by references that lie alone. It is 1 for sets that are alike,
// and above where reconstructions gather where references are dense.
func Density(ref, got *Set) (Score, error) {
	return inBalls("density", ref, got, func(inside [][]bool) float64 {
		n := 0
		for _, row := range inside {
			for _, in := range row {
				if in {
					n++
				}
			}
		}
		return float64(n) / float64(DensityNeighbours*got.Len())
	})
}

// Coverage is the share of references in whose ball, as of [Density], some reconstruction
// lies (Naeem et al. 2020).
func Coverage(ref, got *Set) (Score, error) {
	return inBalls("coverage", ref, got, func(inside [][]bool) float64 {
		n := 0
		for _, row := range inside {
			if slices.Contains(row, true) {
				n++
			}
		}
		return float64(n) / float64(ref.Len())
	})
}

// inBalls tells, for every reference, which reconstructions lie within its ball: nearer than
// its surface, as in prdc, so that of two equal sets each vector is in five balls.
func inBalls(metric string, ref, got *Set, value func(inside [][]bool) float64) (Score, error) {
	s, err := newScore(metric, ref, got, DensityNeighbours+1)
	if err != nil {
		return Score{}, err
	}
	a, b := ref.matrix(), got.matrix()
	radii := radii(a, DensityNeighbours)
	inside := make([][]bool, ref.Len())
	err = distances(a, b, func(i int, row, slack []float64) {
		inside[i] = make([]bool, len(row))
		for j, d := range row {
			inside[i][j] = d < radii[i]-slack[j]
		}
	})
	if err != nil {
		return Score{}, fmt.Errorf("computing %s: %w", metric, err)
	}
	s.Value = value(inside)
	return s, nil
}

// radii are the squared distances of rows to their k-th nearest other row.
func radii(m *mat.Dense, k int) []float64 {
	n, _ := m.Dims()
	out := make([]float64, n)
	// No error: the caller's distances are of the same rows and more.
	_ = distances(m, m, func(i int, row []float64, _ []float64) {
		nearest := make([]float64, k) // ascending
		for n := range nearest {
			nearest[n] = math.Inf(1)
		}
		for j, d := range row {
			if j == i || d >= nearest[k-1] {
				continue
			}
			n := k - 1
			for ; n > 0 && nearest[n-1] > d; n-- {
				nearest[n] = nearest[n-1]
			}
			nearest[n] = d
		}
		out[i] = max(0, nearest[k-1])
	})
	return out
}

// rounding is what a squared distance may be off by, as a share of the squared lengths
// that it is the difference of: equal vectors must be at the distance 0.
const rounding = 1e-12

// distances calls f with the squared distances of every row of a to all rows of b,
// block by block, and with what they may be off by. f may change both slices.
func distances(a, b *mat.Dense, f func(i int, row, slack []float64)) error {
	n, d := a.Dims()
	m, _ := b.Dims()
	la, lb := squaredLengths(a), squaredLengths(b)
	for _, l := range [][]float64{la, lb} {
		for _, x := range l {
			if !finite(x) {
				return errTooLarge
			}
		}
	}
	slack := make([]float64, m)
	for from := 0; from < n; from += blockRows {
		var gram mat.Dense
		gram.Mul(a.Slice(from, min(n, from+blockRows), 0, d), b.T())
		rows, _ := gram.Dims()
		for r := range rows {
			row := gram.RawRowView(r)
			for j := range row {
				sum := la[from+r] + lb[j]
				row[j] = sum - 2*row[j]
				slack[j] = rounding * sum
			}
			f(from+r, row, slack)
		}
	}
	return nil
}

func squaredLengths(m *mat.Dense) []float64 {
	n, _ := m.Dims()
	out := make([]float64, n)
	for i := range n {
		for _, x := range m.RawRowView(i) {
			out[i] += x * x
		}
	}
	return out
}
