package feature

import (
	"errors"
	"fmt"
	"math"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"

	"gonum.org/v1/gonum/mat"

	"github.com/vtbench/vtbench/metrics/stat"
)

// FID is the Fréchet distance of two sets of features (Heusel et al. 2017), with
// sample covariances as in pytorch-fid, clean-fid and torchmetrics.
func FID(ref, got *Set) (Score, error) {
	s, err := newScore("fid", ref, got, 2)
	if err != nil {
		return Score{}, err
	}
	s.Warnings = append(s.Warnings, fidWarnings(s)...)
	if min(ref.Len(), got.Len()) > ref.dim {
		a, b := momentsOf(ref.matrix()), momentsOf(got.matrix())
		s.Value, err = Frechet(a, b)
	} else {
		s.Value, err = smallFID(ref.matrix(), got.matrix())
	}
	if err != nil {
		return Score{}, fmt.Errorf("computing fid: %w", err)
	}
	return s, nil
}

func fidWarnings(s Score) []Warning {
	var ws []Warning
	n := min(s.N, s.ReferenceN)
	if n < EnoughForFID {
		ws = append(ws, WarnFewSamples)
	}
	if n <= s.Dim {
		ws = append(ws, WarnSingular)
	}
	return ws
}

// smallFID needs no covariances: with the centred rows X, Σ = XᵀX/(n−1), so X
// itself is the factor L of [Frechet], and X₂X₁ᵀ has one row and column an image.
func smallFID(ref, got *mat.Dense) (float64, error) {
	n1, _ := ref.Dims()
	n2, _ := got.Dims()
	shift := squaredDistance(centre(ref), centre(got))
	var cross mat.Dense
	cross.Mul(got, ref.T())
	root, err := nuclearNorm(&cross)
	if err != nil {
		return 0, err
	}
	f1, f2 := mat.Norm(ref, 2), mat.Norm(got, 2) // Frobenius: Tr(XᵀX) squared
	d1, d2 := float64(n1-1), float64(n2-1)
	return frechet(shift, f1*f1/d1, f2*f2/d2, root/math.Sqrt(d1*d2)), nil
}

// KIDOptions change the kernel distance; the zero value is the usual one.
type KIDOptions struct {
	Subsets int // 0 means 100
	Size    int // images of a subset; 0 means 1000
	Seed    uint64
	Workers int // 0 means GOMAXPROCS; the result does not depend on it
}

// KID is the kernel distance (Bińkowski et al. 2018): the unbiased squared
// maximum mean discrepancy with the kernel (x·y/d + 1)³, averaged over random
// subsets without replacement. Value is the mean, Spread the standard deviation
// (divisor: subsets) over the subsets. Sets smaller than a subset are refused: a
// smaller Size is another metric and has to be asked for.
func KID(ref, got *Set, opts KIDOptions) (Score, error) {
	if opts.Subsets == 0 {
		opts.Subsets = 100
	}
	if opts.Size == 0 {
		opts.Size = 1000
	}
	if opts.Subsets < 1 || opts.Size < 2 {
		return Score{}, fmt.Errorf("computing kid: %d subsets of %d images", opts.Subsets, opts.Size)
	}
	if n := min(ref.Len(), got.Len()); n < opts.Size {
		return Score{}, fmt.Errorf("computing kid: %d images, subsets have %d: %w", n, opts.Size, ErrTooFew)
	}
	s, err := newScore("kid", ref, got, opts.Size)
	if err != nil {
		return Score{}, err
	}
	x, y := ref.matrix(), got.matrix()
	if opts.Size == ref.Len() && opts.Size == got.Len() {
		opts.Subsets = 1 // all subsets are the same
	}
	values := make([]float64, opts.Subsets)
	err = each(opts.Subsets, opts.Workers, func(i int) error {
		ix, err := stat.Subset(ref.Len(), opts.Size, opts.Seed, 2*i)
		if err != nil {
			return err
		}
		iy, err := stat.Subset(got.Len(), opts.Size, opts.Seed, 2*i+1)
		if err != nil {
			return err
		}
		a, b := pick(x, ix), pick(y, iy)
		values[i] = kernelDistance(a, b)
		return nil
	})
	if err != nil {
		return Score{}, fmt.Errorf("computing kid: %w", err)
	}
	for _, v := range values {
		s.Value += v / float64(len(values))
	}
	for _, v := range values {
		s.Spread += (v - s.Value) * (v - s.Value) / float64(len(values))
	}
	s.Spread = math.Sqrt(s.Spread)
	if !finite(s.Value) {
		return Score{}, fmt.Errorf("computing kid: %w", errTooLarge)
	}
	return s, nil
}

// ErrTooFew is returned by [KID] for sets smaller than a subset.
var ErrTooFew = errors.New("too few images for the kernel distance")

var errTooLarge = errors.New("the features are too large for float64")

func pick(m *mat.Dense, rows []int) *mat.Dense {
	_, d := m.Dims()
	out := mat.NewDense(len(rows), d, nil)
	for i, r := range rows {
		out.SetRow(i, m.RawRowView(r))
	}
	return out
}

// kernelDistance is the unbiased estimate for sets of equal size.
func kernelDistance(a, b *mat.Dense) float64 {
	n, d := a.Dims()
	kernel := func(dot float64) float64 { return cubic(dot, d) }
	within := pairs(a, kernel) + pairs(b, kernel)
	return within/(float64(n)*float64(n-1)) - 2*cross(a, b, kernel)/(float64(n)*float64(n))
}

func cubic(dot float64, d int) float64 {
	v := dot/float64(d) + 1
	return v * v * v
}

// pairs sums the kernel over ordered pairs of different rows.
func pairs(a *mat.Dense, kernel func(dot float64) float64) float64 {
	n, _ := a.Dims()
	gram := mat.NewSymDense(n, nil)
	gram.SymRankK(gram, 1, a)
	s := 0.0
	raw := gram.RawSymmetric()
	for i := range n {
		for _, dot := range raw.Data[i*raw.Stride+i+1 : i*raw.Stride+n] {
			s += kernel(dot)
		}
	}
	return 2 * s
}

func cross(a, b *mat.Dense, kernel func(dot float64) float64) float64 {
	var gram mat.Dense
	gram.Mul(a, b.T())
	s := 0.0
	n, _ := gram.Dims()
	for i := range n {
		for _, dot := range gram.RawRowView(i) {
			s += kernel(dot)
		}
	}
	return s
}

// CMMD's constants (Jayasumana et al. 2024, google-research/cmmd): the width of
// the Gaussian kernel on unit vectors, and what makes values readable.
const (
	cmmdSigma = 10
	cmmdScale = 1000
)

// blockRows bounds the part of a Gram matrix that is in memory at once.
const blockRows = 512

// CMMD is the squared maximum mean discrepancy of unit-length features with a
// Gaussian kernel of σ 10, times 1000, by the biased estimator of its authors
// (all pairs, the diagonal too). The features are CLIP's by convention; they are
// scaled to unit length here.
func CMMD(ref, got *Set) (Score, error) {
	s, err := newScore("cmmd", ref, got, 1)
	if err != nil {
		return Score{}, err
	}
	x, err := unit(ref)
	if err != nil {
		return Score{}, fmt.Errorf("computing cmmd: %w", err)
	}
	y, err := unit(got)
	if err != nil {
		return Score{}, fmt.Errorf("computing cmmd: %w", err)
	}
	s.Value = cmmdScale * (2*meanGap(x, y) - meanGap(x, x) - meanGap(y, y))
	return s, nil
}

// unit returns the vectors scaled to length 1.
func unit(s *Set) (*mat.Dense, error) {
	m := s.matrix()
	for i := range s.Len() {
		row := m.RawRowView(i)
		length := 0.0
		for _, x := range row {
			length += x * x // of float32: no overflow, no underflow to zero
		}
		length = math.Sqrt(length)
		if length == 0 {
			return nil, fmt.Errorf("the features of %q are all zero and have no direction", s.ids[i])
		}
		for j := range row {
			row[j] /= length
		}
	}
	return m, nil
}

// gap is 1 − k for unit vectors with the given product: k itself is within 2 % of
// 1, so that differences of its means would lose digits. ‖x−y‖² = 2 − 2x·y.
func gap(dot float64) float64 {
	return -math.Expm1(-max(0, 2-2*dot) / (2 * cmmdSigma * cmmdSigma))
}

// meanGap is the mean of gap over all pairs of rows.
func meanGap(a, b *mat.Dense) float64 { return meanOf(a, b, gap) }

// meanOf is the mean of a kernel over all pairs of rows, block by block in a fixed
// order.
func meanOf(a, b *mat.Dense, kernel func(dot float64) float64) float64 {
	n, d := a.Dims()
	m, _ := b.Dims()
	blocks := (n + blockRows - 1) / blockRows
	sums := make([]float64, blocks)
	for i := range blocks {
		rows := a.Slice(i*blockRows, min(n, (i+1)*blockRows), 0, d)
		var gram mat.Dense
		gram.Mul(rows, b.T())
		k, _ := gram.Dims()
		for r := range k {
			for _, dot := range gram.RawRowView(r) {
				sums[i] += kernel(dot)
			}
		}
	}
	s := 0.0
	for _, x := range sums {
		s += x
	}
	return s / (float64(n) * float64(m))
}

// each calls f for every i below n, on several goroutines, and returns the error
// of the smallest i that failed.
func each(n, workers int, f func(i int) error) error {
	if workers <= 0 {
		workers = runtime.GOMAXPROCS(0)
	}
	errs := make([]error, n)
	var next atomic.Int64
	var wg sync.WaitGroup
	for range min(workers, n) {
		wg.Go(func() {
			for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
				errs[i] = f(i)
			}
		})
	}
	wg.Wait()
	if i := slices.IndexFunc(errs, func(err error) bool { return err != nil }); i >= 0 {
		return errs[i]
	}
	return nil
}
