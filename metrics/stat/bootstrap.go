package stat

import (
	"errors"
	"fmt"
	"math"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"

	"gonum.org/v1/gonum/mathext"
	"gonum.org/v1/gonum/stat/distuv"
)

// A Ratio is Σ Num / Σ Den over clusters. A mean has the sum of a cluster's
// values as Num and their number as Den; a micro-average such as the character
// error rate has errors and reference characters. A cluster without values has
// zero in both (errors over an empty reference are a numerator over zero, and
// count). A nil Den stands for 1 in every cluster.
type Ratio struct {
	Num, Den []float64
}

// Value is the ratio over all clusters, NaN where Den sums to zero.
func (r Ratio) Value() float64 {
	num, den := r.sums()
	return quotient(num, den)
}

func (r Ratio) sums() (num, den float64) {
	for _, x := range r.Num {
		num += x
	}
	if r.Den == nil {
		return num, float64(len(r.Num))
	}
	for _, x := range r.Den {
		den += x
	}
	return num, den
}

func quotient(num, den float64) float64 {
	if den == 0 {
		return math.NaN()
	}
	return num / den
}

// StdErr is the linearised (sandwich) standard error of the ratio with clusters
// as the sampled units, √(n/(n−1) Σ(numᵢ − r·denᵢ)²)/Σden over the n clusters with
// a positive Den (Cochran, Sampling Techniques, 3rd ed., section 6.4). It is NaN
// for fewer than two of them.
func (r Ratio) StdErr() float64 {
	num, den := r.sums()
	v := quotient(num, den)
	n, ss := 0, 0.0
	for i, x := range r.Num {
		d := 1.0
		if r.Den != nil {
			d = r.Den[i]
		}
		if d == 0 {
			continue
		}
		n++
		e := x - float64(v*d)
		ss += float64(e * e)
	}
	if n < 2 {
		return math.NaN()
	}
	return math.Sqrt(ss*float64(n)/float64(n-1)) / den
}

func (r Ratio) check(clusters int) error {
	if len(r.Num) != clusters {
		return fmt.Errorf("%d numerators for a plan of %d clusters", len(r.Num), clusters)
	}
	if r.Den != nil && len(r.Den) != clusters {
		return fmt.Errorf("%d denominators for a plan of %d clusters", len(r.Den), clusters)
	}
	if err := checkFinite("numerator", r.Num); err != nil {
		return err
	}
	if err := checkFinite("denominator", r.Den); err != nil {
		return err
	}
	if i := slices.IndexFunc(r.Den, func(d float64) bool { return d < 0 }); i >= 0 {
		return fmt.Errorf("denominator of cluster %d is %v, must not be negative", i, r.Den[i])
	}
	return nil
}

// A Statistic is a function of one or several ratios of the same clusters.
type Statistic struct {
	Ratios []Ratio
	// Of computes the statistic from the values of Ratios; nil means their
	// unweighted mean, which for one ratio is the ratio itself. It must not keep or
	// change its argument and may be called from several goroutines. It may return
	// NaN where the statistic is undefined.
	Of func(values []float64) float64
	// Partial leaves a ratio without data (NaN) out of means, where it would otherwise make
	// the statistic undefined: classes of masks, of which a resample may lack the rare
	// ones, as mIoU leaves out classes that do not occur. Of then has to do the same, see
	// [MeanOfDefined].
	Partial bool
}

// MeanOfDefined is the mean of those values that are not NaN; NaN where all are.
func MeanOfDefined(values []float64) float64 {
	s, n := 0.0, 0
	for _, v := range values {
		if !math.IsNaN(v) {
			s += v
			n++
		}
	}
	return quotient(s, float64(n))
}

// Single is the statistic of one ratio.
func Single(r Ratio) Statistic { return Statistic{Ratios: []Ratio{r}} }

// MeanOf is the unweighted mean of ratios, such as the mean over scale bins.
func MeanOf(rs ...Ratio) Statistic { return Statistic{Ratios: rs} }

// Difference is the mean of the candidate's ratios less that of the baseline's,
// on the same clusters: a paired difference. Both have the same number of
// ratios (1, or one a bin).
func Difference(baseline, candidate []Ratio) Statistic {
	k := len(baseline)
	return Statistic{
		Ratios: slices.Concat(baseline, candidate),
		Of: func(v []float64) float64 {
			return MeanOfDefined(v[k:]) - MeanOfDefined(v[:k])
		},
	}
}

func mean(v []float64) float64 {
	if len(v) == 1 {
		return v[0]
	}
	s := 0.0
	for _, x := range v {
		s += x
	}
	return s / float64(len(v))
}

func (s Statistic) apply(values []float64) float64 {
	for _, v := range values {
		if math.IsNaN(v) && !s.Partial {
			return v
		}
	}
	if s.Of == nil {
		return MeanOfDefined(values)
	}
	return s.Of(values)
}

// Method is how an interval is read off the bootstrap distribution.
type Method string

// The methods there are.
const (
	// BCa is the bias-corrected and accelerated interval (Efron 1987), with the
	// acceleration from a jackknife over clusters. The default.
	BCa Method = "bca"
	// Percentile takes the quantiles of the bootstrap distribution as they are.
	Percentile Method = "percentile"
)

// A Warning says why an interval deserves less trust.
type Warning string

// The warnings there are.
const (
	// WarnNoData: a ratio has no data at all; nothing could be estimated.
	WarnNoData Warning = "no_data"
	// WarnFewClusters: a ratio rests on fewer than [FewClusters] clusters; the
	// bootstrap is then too optimistic.
	WarnFewClusters Warning = "few_clusters"
	// WarnUndefined: over 1 % of the resamples were left out, because a ratio was
	// empty in them or the statistic undefined; the interval is conditional on the rest.
	WarnUndefined Warning = "undefined_resamples"
	// WarnConstant: the statistic is the same in every resample; the interval has
	// no width and says nothing about what other images would give.
	WarnConstant Warning = "constant"
	// WarnFellBack: the BCa interval does not exist here (the estimate lies outside
	// the bootstrap distribution, or a leave-one-out value is undefined); the
	// percentile interval stands in its place.
	WarnFellBack Warning = "fell_back_to_percentile"
	// WarnExtreme: an end of the interval is among the 5 most extreme resamples on
	// its side, so it is mostly noise; more resamples are needed.
	WarnExtreme Warning = "extreme_quantile"
)

// FewClusters is the number of clusters below which an interval is marked with
// [WarnFewClusters]. Measured coverage: docs/statistics.md.
const FewClusters = 20

// An Interval is an estimate with its uncertainty.
type Interval struct {
	Estimate  float64
	Lo, Hi    float64
	Level     float64 // 0.95
	SE        float64 // standard deviation over the resamples
	Method    Method  // the one that was used
	Clusters  int     // clusters with data, in the ratio that has fewest
	Resamples int     // resamples the interval rests on
	Undefined int     // resamples that were left out
	Warnings  []Warning
}

// Options change how intervals are made; the zero value is a 95 % BCa interval,
// widened for few clusters.
//
// The bootstrap distribution of n clusters is too narrow by √((n−1)/n), and its
// quantiles are those of a normal where Student's t is needed. Hesterberg's
// expansion ("What Teachers Should Know About the Bootstrap", 2015, section 3.3)
// mends both by reading the quantiles further out, where the normal deviate is
// √(n/(n−1))·t(n−1). An interval of 240 clusters grows by .7 %, one of 20 by 10 %;
// what it does for coverage is in docs/statistics.md.
type Options struct {
	Level   float64 // 0 means 0.95
	Method  Method  // "" means BCa
	Workers int     // 0 means GOMAXPROCS; the result does not depend on it
	// Unadjusted leaves out the widening for few clusters and gives the textbook
	// interval, for comparison with other software.
	Unadjusted bool
}

func (o Options) resolve() (Options, error) {
	if o.Level == 0 {
		o.Level = 0.95
	}
	if !(o.Level > 0 && o.Level < 1) {
		return o, fmt.Errorf("confidence level is %v, must lie between 0 and 1 (0.95)", o.Level)
	}
	switch o.Method {
	case "":
		o.Method = BCa
	case BCa, Percentile:
	default:
		return o, fmt.Errorf("interval method is %q, must be %q or %q", o.Method, BCa, Percentile)
	}
	if o.Workers <= 0 {
		o.Workers = runtime.GOMAXPROCS(0)
	}
	return o, nil
}

// deviate is how many standard deviations an interval reaches to either side.
func (o Options) deviate(clusters int) float64 {
	p := (1 + o.Level) / 2
	if o.Unadjusted || clusters < 2 {
		return mathext.NormalQuantile(p)
	}
	n := float64(clusters)
	return math.Sqrt(n/(n-1)) * distuv.StudentsT{Mu: 0, Sigma: 1, Nu: n - 1}.Quantile(p)
}

// Interval estimates one statistic; see [Plan.Intervals].
func (p *Plan) Interval(s Statistic, opts Options) (Interval, error) {
	out, err := p.Intervals([]Statistic{s}, opts)
	if err != nil {
		return Interval{}, err
	}
	return out[0], nil
}

// Intervals estimates many statistics of the same clusters on the same
// resamples.
//
// A resample in which a ratio has no data (its clusters were not drawn), or in
// which the statistic is undefined, is left out and counted: filling the gap with
// the mean of the other bins would change what is estimated, and filling it with
// the overall value would understate the spread. A statistic with a ratio that
// has no data at all has NaN for its estimate and ends, and [WarnNoData].
func (p *Plan) Intervals(stats []Statistic, opts Options) ([]Interval, error) {
	opts, err := opts.resolve()
	if err != nil {
		return nil, fmt.Errorf("bootstrapping: %w", err)
	}
	reps, err := p.replicates(stats, opts.Workers)
	if err != nil {
		return nil, err
	}
	out := make([]Interval, len(stats))
	parallel(len(stats), opts.Workers, func(_, i int) {
		out[i] = interval(stats[i], reps[i*p.resamples:(i+1)*p.resamples], opts)
	})
	return out, nil
}

// Replicates returns the statistic's value in each resample, in the order of
// the plan, NaN where it is undefined. Two statistics' replicates of one plan
// belong together pair by pair, which is what ranks and joint intervals need.
func (p *Plan) Replicates(s Statistic) ([]float64, error) {
	return p.replicates([]Statistic{s}, runtime.GOMAXPROCS(0))
}

// replicates returns len(stats) × resamples values.
func (p *Plan) replicates(stats []Statistic, workers int) ([]float64, error) {
	most := 0
	for i, s := range stats {
		if len(s.Ratios) == 0 {
			return nil, fmt.Errorf("bootstrapping statistic %d: %w", i, errors.New("it has no ratio"))
		}
		for j, r := range s.Ratios {
			if err := r.check(p.clusters); err != nil {
				return nil, fmt.Errorf("bootstrapping statistic %d, ratio %d: %w", i, j, err)
			}
		}
		most = max(most, len(s.Ratios))
	}
	// A block of resamples stays in the first-level cache while all statistics
	// pass over it.
	const blockBytes = 16 << 10
	block := max(1, blockBytes/(2*p.clusters))
	blocks := (p.resamples + block - 1) / block
	workers = max(1, min(workers, blocks))
	type scratch struct {
		counts []uint16
		values []float64
		ratios []float64 // by ratio and resample of the block
	}
	scratches := make([]scratch, workers)
	out := make([]float64, len(stats)*p.resamples)
	ratios, uses := distinct(stats)
	parallel(blocks, workers, func(w, b int) {
		sc := &scratches[w]
		if sc.values == nil {
			sc.values, sc.ratios = make([]float64, most), make([]float64, len(ratios)*block)
		}
		first, last := b*block, min((b+1)*block, p.resamples)
		counts := p.block(first, last, &sc.counts)
		for i, ratio := range ratios {
			for r := range last - first {
				sc.ratios[i*block+r] = ratio.resampled(counts[r*p.clusters : (r+1)*p.clusters])
			}
		}
		for i, s := range stats {
			values := sc.values[:len(s.Ratios)]
			for r := first; r < last; r++ {
				for j, u := range uses[i] {
					values[j] = sc.ratios[u*block+r-first]
				}
				out[i*p.resamples+r] = s.apply(values)
			}
		}
	})
	return out, nil
}

// distinct lists each ratio once, though several statistics share it (a bin, and the
// mean over bins): what is resampled is most of the work. uses[i][j] is where ratio j
// of statistic i stands. Equal slices are equal ratios; contents are not compared.
func distinct(stats []Statistic) (ratios []Ratio, uses [][]int) {
	type key struct{ num, den *float64 }
	seen := map[key]int{}
	for _, s := range stats {
		use := make([]int, len(s.Ratios))
		for j, r := range s.Ratios {
			k := key{first(r.Num), first(r.Den)}
			at, ok := seen[k]
			if !ok {
				at = len(ratios)
				seen[k] = at
				ratios = append(ratios, r)
			}
			use[j] = at
		}
		uses = append(uses, use)
	}
	return ratios, uses
}

func first(x []float64) *float64 {
	if len(x) == 0 {
		return nil
	}
	return &x[0]
}

// block returns the counts of resamples [first, last).
func (p *Plan) block(first, last int, buf *[]uint16) []uint16 {
	if p.counts != nil {
		return p.counts[first*p.clusters : last*p.clusters]
	}
	n := (last - first) * p.clusters
	if cap(*buf) < n {
		*buf = make([]uint16, n)
	}
	*buf = (*buf)[:n]
	clear(*buf)
	for r := first; r < last; r++ {
		p.draw(r, (*buf)[(r-first)*p.clusters:(r-first+1)*p.clusters])
	}
	return *buf
}

// resampled is the ratio with each cluster taken counts[i] times.
func (r Ratio) resampled(counts []uint16) float64 {
	if r.Den == nil {
		return dot(counts, r.Num) / float64(len(counts))
	}
	num, den := dot2(counts, r.Num, r.Den)
	return quotient(num, den)
}

// dot sums counts·x in four interleaved parts. The conversions keep compilers
// from fusing multiplication and addition, which would round differently on
// other processors.
func dot(counts []uint16, x []float64) float64 {
	var a, b, c, d float64
	x = x[:len(counts)]
	i := 0
	for ; i+4 <= len(counts); i += 4 {
		k, v := counts[i:i+4:i+4], x[i:i+4:i+4]
		a += float64(float64(k[0]) * v[0])
		b += float64(float64(k[1]) * v[1])
		c += float64(float64(k[2]) * v[2])
		d += float64(float64(k[3]) * v[3])
	}
	for ; i < len(counts); i++ {
		a += float64(float64(counts[i]) * x[i])
	}
	return (a + b) + (c + d)
}

// dot2 is dot for two vectors at once.
func dot2(counts []uint16, x, y []float64) (sx, sy float64) {
	var xa, xb, ya, yb float64
	x, y = x[:len(counts)], y[:len(counts)]
	i := 0
	for ; i+2 <= len(counts); i += 2 {
		k, v, w := counts[i:i+2:i+2], x[i:i+2:i+2], y[i:i+2:i+2]
		k0, k1 := float64(k[0]), float64(k[1])
		xa += float64(k0 * v[0])
		ya += float64(k0 * w[0])
		xb += float64(k1 * v[1])
		yb += float64(k1 * w[1])
	}
	if i < len(counts) {
		k := float64(counts[i])
		xa += float64(k * x[i])
		ya += float64(k * y[i])
	}
	return xa + xb, ya + yb
}

// interval estimates a statistic from its replicates.
func interval(s Statistic, reps []float64, opts Options) Interval {
	values := make([]float64, len(s.Ratios))
	iv := Interval{Level: opts.Level, Method: opts.Method, Clusters: math.MaxInt}
	for j, r := range s.Ratios {
		values[j] = r.Value()
		iv.Clusters = min(iv.Clusters, r.support())
	}
	if s.Partial {
		iv.Clusters = s.support()
	}
	iv.Estimate = s.apply(values)
	return iv.read(reps, largest(values), opts, func(noise float64, sorted []float64, z float64) (lo, hi float64, ok bool) {
		return bcaLevels(s, iv.Estimate, noise, sorted, z)
	})
}

// read completes an interval from its replicates, which it sorts. scale is the
// size of the numbers that the statistic is made of; bca finds the levels of a BCa
// interval.
func (iv Interval) read(reps []float64, scale float64, opts Options, bca func(noise float64, sorted []float64, z float64) (lo, hi float64, ok bool)) Interval {
	all := len(reps)
	reps = slices.DeleteFunc(reps, notFinite)
	slices.Sort(reps)
	iv.Resamples, iv.Undefined = len(reps), all-len(reps)
	if notFinite(iv.Estimate) || len(reps) == 0 {
		iv.Lo, iv.Hi, iv.SE = math.NaN(), math.NaN(), math.NaN()
		iv.Warnings = append(iv.Warnings, WarnNoData)
		return iv
	}
	if iv.Clusters < FewClusters {
		iv.Warnings = append(iv.Warnings, WarnFewClusters)
	}
	if iv.Undefined*100 > all {
		iv.Warnings = append(iv.Warnings, WarnUndefined)
	}
	noise := rounding * scale
	if reps[len(reps)-1]-reps[0] <= noise {
		iv.Lo, iv.Hi, iv.SE = reps[0], reps[len(reps)-1], 0
		iv.Warnings = append(iv.Warnings, WarnConstant)
		return iv
	}
	iv.SE = stdDev(reps)
	z := opts.deviate(iv.Clusters)
	lo, hi := normalCDF(-z), normalCDF(z)
	if opts.Method == BCa {
		if l, h, ok := bca(noise, reps, z); ok {
			lo, hi = l, h
		} else {
			iv.Method = Percentile
			iv.Warnings = append(iv.Warnings, WarnFellBack)
		}
	}
	iv.Lo, iv.Hi = Quantile(reps, lo), Quantile(reps, hi)
	if b := float64(len(reps) - 1); lo*b < 5 || (1-hi)*b < 5 {
		iv.Warnings = append(iv.Warnings, WarnExtreme)
	}
	return iv
}

func notFinite(x float64) bool { return math.IsNaN(x) || math.IsInf(x, 0) }

// rounding is how far apart, relative to the ratios they are made of, two
// statistics may be that differ only in the order of their sums.
const rounding = 1e-12

func largest(values []float64) float64 {
	m := 0.0
	for _, v := range values {
		if !math.IsNaN(v) {
			m = max(m, math.Abs(v))
		}
	}
	return m
}

// support is the number of clusters with data in any ratio.
func (s Statistic) support() int {
	n := 0
	for i := range s.Ratios[0].Num {
		if slices.ContainsFunc(s.Ratios, func(r Ratio) bool { return r.Den == nil || r.Den[i] > 0 }) {
			n++
		}
	}
	return n
}

// support is the number of clusters with data.
func (r Ratio) support() int {
	if r.Den == nil {
		return len(r.Num)
	}
	n := 0
	for _, d := range r.Den {
		if d > 0 {
			n++
		}
	}
	return n
}

// bcaLevels returns the levels at which the bootstrap distribution is read, for
// an interval of ±z normal deviates
// (Efron and Tibshirani, An Introduction to the Bootstrap, 1993, section 14.3).
// Replicates equal to the estimate count half to either side, as in scipy, since
// accuracies tie often.
func bcaLevels(s Statistic, estimate, noise float64, sorted []float64, z float64) (lo, hi float64, ok bool) {
	below, _ := slices.BinarySearch(sorted, estimate-noise)
	upTo, _ := slices.BinarySearch(sorted, math.Nextafter(estimate+noise, math.Inf(1)))
	share := float64(below+upTo) / float64(2*len(sorted))
	if share <= 0 || share >= 1 {
		return 0, 0, false
	}
	a, ok := s.acceleration()
	if !ok {
		return 0, 0, false
	}
	z0 := mathext.NormalQuantile(share)
	level := func(z float64) (float64, bool) {
		den := 1 - a*(z0+z)
		if den <= 0 {
			return 0, false // beyond the pole the map turns back on itself
		}
		return normalCDF(z0 + (z0+z)/den), true
	}
	lo, okLo := level(-z)
	hi, okHi := level(z)
	return lo, hi, okLo && okHi
}

// acceleration is Σu³/(6(Σu²)^1.5), u being the leave-one-cluster-out values'
// deviations from their mean with the sign turned; 0 where they do not vary.
// It does not exist where a ratio has all its data in one cluster.
func (s Statistic) acceleration() (float64, bool) {
	k := len(s.Ratios)
	n := len(s.Ratios[0].Num)
	nums, dens := make([]float64, k), make([]float64, k)
	for j, r := range s.Ratios {
		if r.support() < 2 && !s.Partial {
			return 0, false
		}
		nums[j], dens[j] = r.sums()
	}
	values, left := make([]float64, k), make([]float64, n)
	for i := range left {
		for j, r := range s.Ratios {
			d := 1.0
			if r.Den != nil {
				d = r.Den[i]
			}
			values[j] = quotient(nums[j]-r.Num[i], dens[j]-d)
		}
		left[i] = s.apply(values)
		if math.IsNaN(left[i]) || math.IsInf(left[i], 0) {
			return 0, false
		}
	}
	m := mean(left)
	var u2, u3 float64
	for _, x := range left {
		u := m - x
		u2 += float64(u * u)
		u3 += float64(float64(u*u) * u)
	}
	if u2 == 0 {
		return 0, true
	}
	return u3 / (6 * u2 * math.Sqrt(u2)), true
}

func stdDev(xs []float64) float64 {
	if len(xs) < 2 {
		return math.NaN()
	}
	m := mean(xs)
	ss := 0.0
	for _, x := range xs {
		ss += float64((x - m) * (x - m))
	}
	return math.Sqrt(ss / float64(len(xs)-1))
}

func normalCDF(z float64) float64 { return math.Erfc(-z/math.Sqrt2) / 2 }

// parallel calls f(worker, i) for every i below n; calls with one worker number
// never overlap.
func parallel(n, workers int, f func(worker, i int)) {
	workers = min(workers, n)
	if workers <= 1 {
		for i := range n {
			f(0, i)
		}
		return
	}
	var next atomic.Int64
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			for {
				i := int(next.Add(1)) - 1
				if i >= n {
					return
				}
				f(w, i)
			}
		})
	}
	wg.Wait()
}

// FromReplicates is the percentile interval of a statistic that a caller
// resampled by itself with [Plan.Counts], such as a distance between sets of
// features. NaN and ±Inf among the replicates are left out and counted. clusters
// is the number of clusters that were resampled.
func FromReplicates(estimate float64, replicates []float64, clusters int, opts Options) (Interval, error) {
	opts.Method = Percentile
	opts, err := opts.resolve()
	if err != nil {
		return Interval{}, fmt.Errorf("bootstrapping: %w", err)
	}
	iv := Interval{Estimate: estimate, Level: opts.Level, Method: Percentile, Clusters: clusters}
	return iv.read(slices.Clone(replicates), math.Abs(estimate), opts, nil), nil
}

// Subset returns k different numbers below n in random order, each subset being
// equally likely: the resampling without replacement that the kernel distances
// ask for. It depends on (seed, index) alone.
func Subset(n, k int, seed uint64, index int) ([]int, error) {
	if k < 0 || k > n || n > math.MaxInt32 {
		return nil, fmt.Errorf("drawing a subset: %d out of %d", k, n)
	}
	var s stream
	s.seedStream(seed, domainSubset, uint64(index))
	all := make([]int, n)
	for i := range all {
		all[i] = i
	}
	for i := range k { // Fisher and Yates's shuffle, stopped after k
		j := i + int(s.below(uint32(n-i)))
		all[i], all[j] = all[j], all[i]
	}
	return all[:k:k], nil
}
