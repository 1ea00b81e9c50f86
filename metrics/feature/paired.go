package feature

import (
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/mat"

	"github.com/vtbench/vtbench/metrics/stat"
)

// Metric names a distance of this package.
type Metric string

// The distances there are.
const (
	MetricFID  Metric = "fid"
	MetricKID  Metric = "kid"
	MetricCMMD Metric = "cmmd"
)

// MaxPaired is the largest number of items of a paired comparison: the pairwise
// products of all items are kept in memory, up to 5·8·4096² bytes.
const MaxPaired = 4096

// PairedDifference is the distance of the candidate's features less that of the
// baseline's, each from the same references, with a percentile interval from
// resampling items. Baseline and candidate have the same items, and a resample
// takes the same ones from both. Where the references are those very items too,
// they are resampled with them; another reference set stays as it is.
//
// cluster says which cluster of the plan an item belongs to; nil means that the
// items in ascending order of their ids are the clusters. 1,000 resamples are
// usual.
//
// Only differences are offered: a resample has fewer different images than the
// set, so a single FID is larger in nearly all resamples than in the set, and an
// interval read off them would not even cover the estimate. In a difference that
// cancels but for second order. KID is computed over all pairs of different items
// here, not over subsets, and CMMD by its biased estimator.
func PairedDifference(m Metric, ref, baseline, candidate *Set, plan *stat.Plan, cluster func(id string) int, opts stat.Options) (stat.Interval, error) {
	iv, err := pairedDifference(m, ref, baseline, candidate, plan, cluster, opts)
	if err != nil {
		return stat.Interval{}, fmt.Errorf("comparing %s: %w", m, err)
	}
	return iv, nil
}

func pairedDifference(m Metric, ref, baseline, candidate *Set, plan *stat.Plan, cluster func(id string) int, opts stat.Options) (stat.Interval, error) {
	for _, s := range []*Set{baseline, candidate} {
		if err := checkPair(ref, s, 2); err != nil {
			return stat.Interval{}, err
		}
	}
	ids := baseline.IDs()
	if !slices.Equal(ids, candidate.IDs()) {
		return stat.Interval{}, fmt.Errorf("baseline (%d) and candidate (%d) have different items: compare those that both have", baseline.Len(), candidate.Len())
	}
	if n := max(len(ids), ref.Len()); n > MaxPaired {
		return stat.Interval{}, fmt.Errorf("%d items, at most %d are possible: compare a sample of them", n, MaxPaired)
	}
	owner := make([]int, len(ids))
	for i, id := range ids {
		owner[i] = i
		if cluster != nil {
			owner[i] = cluster(id)
		}
		if owner[i] < 0 || owner[i] >= plan.Clusters() {
			return stat.Interval{}, fmt.Errorf("item %q belongs to cluster %d, the plan has %d", id, owner[i], plan.Clusters())
		}
	}
	together := slices.Equal(ids, ref.IDs())
	var weigh [2]func(wr, wg []float64) (float64, error)
	for k, s := range []*Set{baseline, candidate} {
		f, err := weighted(m, ref, s)
		if err != nil {
			return stat.Interval{}, err
		}
		weigh[k] = f
	}
	difference := func(w []float64) (float64, error) {
		wr := w
		if !together {
			wr = ones(ref.Len())
		}
		b, err := weigh[0](wr, w)
		if err != nil {
			return 0, err
		}
		c, err := weigh[1](wr, w)
		return c - b, err
	}
	estimate, err := difference(ones(len(ids)))
	if err != nil {
		return stat.Interval{}, err
	}
	replicates := make([]float64, plan.Resamples())
	err = each(plan.Resamples(), opts.Workers, func(r int) error {
		counts := plan.Counts(r, nil)
		w := make([]float64, len(ids))
		for i, c := range owner {
			w[i] = float64(counts[c])
		}
		var err error
		replicates[r], err = difference(w)
		return err
	})
	if err != nil {
		return stat.Interval{}, err
	}
	seen := map[int]bool{}
	for _, c := range owner {
		seen[c] = true
	}
	return stat.FromReplicates(estimate, replicates, len(seen), opts)
}

func ones(n int) []float64 { return slices.Repeat([]float64{1}, n) }

// weighted returns the distance as a function of how often each reference and
// each reconstruction is taken; NaN where too few are.
func weighted(m Metric, ref, got *Set) (func(wr, wg []float64) (float64, error), error) {
	switch m {
	case MetricFID:
		return weightedFID(ref.matrix(), got.matrix()), nil
	case MetricKID:
		kernel := func(dot float64) float64 { return cubic(dot, ref.dim) }
		x, y := ref.matrix(), got.matrix()
		xx, yy, xy := table(x, x, kernel), table(y, y, kernel), table(x, y, kernel)
		return func(wr, wg []float64) (float64, error) {
			return different(xx, wr) + different(yy, wg) - 2*form(wr, xy, wg)/(total(wr)*total(wg)), nil
		}, nil
	case MetricCMMD:
		x, err := unit(ref)
		if err != nil {
			return nil, err
		}
		y, err := unit(got)
		if err != nil {
			return nil, err
		}
		xx, yy, xy := table(x, x, gap), table(y, y, gap), table(x, y, gap)
		return func(wr, wg []float64) (float64, error) {
			r, g := total(wr), total(wg)
			return cmmdScale * (2*form(wr, xy, wg)/(r*g) - form(wr, xx, wr)/(r*r) - form(wg, yy, wg)/(g*g)), nil
		}, nil
	}
	return nil, fmt.Errorf("there is no such distance; there are %q, %q and %q", MetricFID, MetricKID, MetricCMMD)
}

// table is the kernel of all pairs of rows.
func table(a, b *mat.Dense, kernel func(dot float64) float64) *mat.Dense {
	var t mat.Dense
	t.Mul(a, b.T())
	n, _ := t.Dims()
	for i := range n {
		row := t.RawRowView(i)
		for j, dot := range row {
			row[j] = kernel(dot)
		}
	}
	return &t
}

func total(w []float64) float64 {
	s := 0.0
	for _, x := range w {
		s += x
	}
	return s
}

// form is uᵀ·k·v.
func form(u []float64, k *mat.Dense, v []float64) float64 {
	s := 0.0
	for i, x := range u {
		if x == 0 {
			continue
		}
		row := 0.0
		for j, y := range k.RawRowView(i) {
			row += float64(y * v[j])
		}
		s += float64(x * row)
	}
	return s
}

// different is the mean of the kernel over pairs of different items: copies of
// one item in a resample are no pair, or their similarity would count as that of
// the set.
func different(k *mat.Dense, w []float64) float64 {
	sum, weight := form(w, k, w), total(w)
	weight *= weight
	for i, x := range w {
		sum -= x * x * k.At(i, i)
		weight -= x * x
	}
	if weight == 0 {
		return math.NaN()
	}
	return sum / weight
}

func weightedFID(x, y *mat.Dense) func(wr, wg []float64) (float64, error) {
	n, d := x.Dims()
	m, _ := y.Dims()
	var gram *mat.Dense
	if min(n, m) <= d {
		gram = table(y, x, func(dot float64) float64 { return dot })
	}
	return func(wr, wg []float64) (float64, error) {
		nx, ny := total(wr), total(wg)
		if nx < 2 || ny < 2 {
			return math.NaN(), nil
		}
		cx, mx := weighRows(x, wr)
		cy, my := weighRows(y, wg)
		shift := squaredDistance(mx, my)
		if gram != nil {
			root, err := nuclearNorm(weighGram(gram, wg, wr))
			if err != nil {
				return 0, err
			}
			fx, fy := mat.Norm(cx, 2), mat.Norm(cy, 2)
			return frechet(shift, fx*fx/(nx-1), fy*fy/(ny-1), root/math.Sqrt((nx-1)*(ny-1))), nil
		}
		a, b := &Moments{n: int64(nx), mean: mx, m2: mat.NewSymDense(d, nil)}, &Moments{n: int64(ny), mean: my, m2: mat.NewSymDense(d, nil)}
		a.m2.SymRankK(a.m2, 1, cx.T())
		b.m2.SymRankK(b.m2, 1, cy.T())
		return Frechet(a, b)
	}
}

// weighRows returns the weighted mean, and the rows less it times the roots of
// their weights, so that the sum of their outer products is weighted.
func weighRows(x *mat.Dense, w []float64) (*mat.Dense, []float64) {
	n, d := x.Dims()
	mean := make([]float64, d)
	for i := range n {
		if w[i] == 0 {
			continue
		}
		for j, v := range x.RawRowView(i) {
			mean[j] += w[i] * v
		}
	}
	sum := total(w)
	for j := range mean {
		mean[j] /= sum
	}
	out := mat.NewDense(n, d, nil)
	for i := range n {
		if w[i] == 0 {
			continue
		}
		root := math.Sqrt(w[i])
		to := out.RawRowView(i)
		for j, v := range x.RawRowView(i) {
			to[j] = root * (v - mean[j])
		}
	}
	return out, mean
}

// weighGram does to products of rows what weighRows does to the rows.
func weighGram(g *mat.Dense, wy, wx []float64) *mat.Dense {
	m, n := g.Dims()
	rows, columns := make([]float64, m), make([]float64, n) // weighted means
	sy, sx, all := total(wy), total(wx), 0.0
	for i := range m {
		for j, v := range g.RawRowView(i) {
			rows[i] += wx[j] * v / sx
			columns[j] += wy[i] * v / sy
		}
		all += wy[i] * rows[i] / sy
	}
	out := mat.NewDense(m, n, nil)
	for i := range m {
		if wy[i] == 0 {
			continue
		}
		to := out.RawRowView(i)
		for j, v := range g.RawRowView(i) {
			to[j] = math.Sqrt(wy[i]*wx[j]) * (v - rows[i] - columns[j] + all)
		}
	}
	return out
}
