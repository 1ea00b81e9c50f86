package stat

import (
	"errors"
	"fmt"
	"math"
	"math/bits"
	"slices"
)

// ExactSignFlip is the largest number of nonzero differences for which
// [SignFlip] counts all sign patterns.
const ExactSignFlip = 36

// SignFlipOptions change the test; the zero value is exact for up to
// [ExactSignFlip] nonzero differences, otherwise [DefaultResamples] random flips.
type SignFlipOptions struct {
	Resamples int // 0 means DefaultResamples
	Seed      uint64
	// MonteCarlo flips at random even where all patterns could be counted.
	MonteCarlo bool
}

// SignFlip is the paired permutation test that differences are symmetric about
// zero: under it, baseline and candidate could have been swapped for any cluster.
// The statistic is the sum of the differences. Its p-value is the share of sign
// patterns whose sum is at least as far from zero; a Monte-Carlo one counts the
// pattern seen among them, (1+k)/(1+resamples), and so is never 0 (Phipson and
// Smyth 2010).
//
// Hand over one difference per cluster, such as [Contributions]: flipping whole
// clusters is what keeps the test honest when words of one image go together.
func SignFlip(differences []float64, opts SignFlipOptions) (Test, error) {
	if err := checkFinite("difference", differences); err != nil {
		return Test{}, fmt.Errorf("sign-flip test: %w", err)
	}
	if opts.Resamples == 0 {
		opts.Resamples = DefaultResamples
	}
	if opts.Resamples < 0 {
		return Test{}, fmt.Errorf("sign-flip test: %d resamples", opts.Resamples)
	}
	var t Test
	ds := make([]float64, 0, len(differences))
	size := 0.0
	for _, d := range differences {
		if d != 0 {
			ds = append(ds, d)
			t.Statistic += d
			size += math.Abs(d)
		}
	}
	t.N, t.Zeros = len(ds), len(differences)-len(ds)
	if math.IsInf(size, 0) {
		return Test{}, fmt.Errorf("sign-flip test: %w", errors.New("the differences add up to infinity"))
	}
	// Sums that differ in rounding only are equal.
	least := math.Abs(t.Statistic) - rounding*size
	t.How = Exact
	if opts.MonteCarlo || t.N > ExactSignFlip {
		t.How, t.Resamples = MonteCarlo, opts.Resamples
	}
	switch {
	case t.N == 0 || least <= 0 && t.How == Exact:
		t.How, t.Resamples, t.P = Exact, 0, 1
	case t.How == Exact:
		// Sums come in pairs ±s, so one tail counts for both.
		t.P = min(1, 2*float64(countFlips(ds, least))/math.Exp2(float64(t.N)))
	default:
		t.P = float64(1+countRandomFlips(ds, least, opts.Resamples, opts.Seed)) / float64(1+opts.Resamples)
	}
	return t, nil
}

// countFlips counts the sign patterns with a sum of at least least: all sums of
// one half of the differences meet all of the other, in 2^(n/2) steps (Horowitz
// and Sahni 1974).
func countFlips(ds []float64, least float64) uint64 {
	a, b := flipSums(ds[:len(ds)/2]), flipSums(ds[len(ds)/2:])
	var n uint64
	j := len(b)
	for _, x := range a {
		for j > 0 && x+b[j-1] >= least {
			j--
		}
		n += uint64(len(b) - j)
	}
	return n
}

// flipSums returns the sums of all sign patterns in ascending order.
func flipSums(ds []float64) []float64 {
	sums := []float64{0}
	for _, d := range ds {
		d = math.Abs(d)
		next := make([]float64, 0, 2*len(sums))
		i := 0 // of sums − d, while the loop runs over sums + d
		for _, s := range sums {
			for i < len(sums) && sums[i]-d <= s+d {
				next = append(next, sums[i]-d)
				i++
			}
			next = append(next, s+d)
		}
		for ; i < len(sums); i++ {
			next = append(next, sums[i]-d)
		}
		sums = next
	}
	return sums
}

// countRandomFlips counts the random sign patterns whose sum is at least least
// in absolute value. 64 differences share a word of random bits and eight tables
// of the 256 sums of eight differences, which stay in the first-level cache while
// all resamples pass: 1/8 of an addition a difference and resample. Block b of 64
// uses the stream of (seed, sign flips, b).
func countRandomFlips(ds []float64, least float64, resamples int, seed uint64) int {
	sums := make([]float64, resamples)
	var tables [8][256]float64
	var s stream
	for b := 0; b*64 < len(ds); b++ {
		block := ds[b*64 : min((b+1)*64, len(ds))]
		tables = [8][256]float64{}
		for g := 0; g*8 < len(block); g++ {
			group := block[g*8 : min((g+1)*8, len(block))]
			for _, d := range group {
				tables[g][0] -= d
			}
			for i, d := range group {
				for p := range 1 << i {
					tables[g][p|1<<i] = tables[g][p] + float64(2*d)
				}
			}
			// Bits beyond a last, shorter group must not matter.
			for p := 1 << len(group); p < 256; p++ {
				tables[g][p] = tables[g][p&(1<<len(group)-1)]
			}
		}
		s.seedStream(seed, domainSignFlip, uint64(b))
		for r := range sums {
			w := s.pcg.Uint64()
			sums[r] += (tables[0][w&255] + tables[1][w>>8&255]) + (tables[2][w>>16&255] + tables[3][w>>24&255]) +
				((tables[4][w>>32&255] + tables[5][w>>40&255]) + (tables[6][w>>48&255] + tables[7][w>>56]))
		}
	}
	n := 0
	for _, x := range sums {
		if math.Abs(x) >= least {
			n++
		}
	}
	return n
}

// Swap is the paired permutation test of ratios whose denominators are measured, too,
// such as intersections over unions: under it, baseline and candidate could have been
// swapped for any cluster. The statistic is [Difference] with Partial; its p-value is the
// share of random swaps in which it is at least as far from zero, the one seen among
// them. There is one ratio a class on both sides, or more.
func Swap(baseline, candidate []Ratio, opts SignFlipOptions) (Test, error) {
	if len(baseline) != len(candidate) || len(baseline) == 0 {
		return Test{}, fmt.Errorf("swapping: %d ratios of the baseline, %d of the candidate", len(baseline), len(candidate))
	}
	if opts.Resamples == 0 {
		opts.Resamples = DefaultResamples
	}
	n := len(baseline[0].Num)
	for k, b := range baseline {
		for _, r := range []Ratio{b, candidate[k]} {
			if err := r.check(n); err != nil {
				return Test{}, fmt.Errorf("swapping ratio %d: %w", k, err)
			}
			if r.Den == nil {
				return Test{}, fmt.Errorf("swapping ratio %d: %w", k, errors.New("it has no denominators"))
			}
		}
	}
	// Clusters of which both sides are equal change nothing.
	var differ []int
	for i := range n {
		for k, b := range baseline {
			if c := candidate[k]; b.Num[i] != c.Num[i] || b.Den[i] != c.Den[i] {
				differ = append(differ, i)
				break
			}
		}
	}
	t := Test{N: len(differ), Zeros: n - len(differ), P: 1, How: Exact}
	s := swapped{baseline, candidate, make([]float64, 4*len(baseline)), make([]float64, 2*len(baseline))}
	for k, b := range baseline {
		s.sums[4*k], s.sums[4*k+1] = b.sums()
		s.sums[4*k+2], s.sums[4*k+3] = candidate[k].sums()
	}
	t.Statistic = s.difference()
	if len(differ) == 0 || math.IsNaN(t.Statistic) {
		return t, nil
	}
	least := math.Abs(t.Statistic) - rounding*largest(s.values)
	t.How, t.Resamples = MonteCarlo, opts.Resamples
	exact := len(differ) <= maxExactSwaps
	if exact {
		t.How, t.Resamples = Exact, 0
		opts.Resamples = 1<<len(differ) - 1 // one swap leads from each pattern to the next, back to none swapped
	}
	as, far := make([]bool, n), 0
	var random stream
	for r := range opts.Resamples {
		if exact { // Gray code: the lowest set bit of r+1 says which cluster
			s.swap(differ[bits.TrailingZeros(uint(r+1))], as)
		} else {
			random.seedStream(opts.Seed, domainSignFlip, uint64(r))
			var word uint64
			for j, i := range differ {
				if j%64 == 0 {
					word = random.pcg.Uint64()
				}
				if word>>(j%64)&1 == 1 != as[i] {
					s.swap(i, as)
				}
			}
		}
		if d := s.difference(); math.IsNaN(d) || math.Abs(d) >= least {
			far++
		}
	}
	t.P = float64(1+far) / float64(1+opts.Resamples)
	return t, nil
}

// maxExactSwaps is the largest number of differing clusters for which all swaps are tried.
const maxExactSwaps = 12

// swapped are the sums of both sides while clusters are swapped: by ratio, numerator and
// denominator of the baseline, then of the candidate.
type swapped struct {
	baseline, candidate []Ratio
	sums, values        []float64
}

func (s *swapped) swap(i int, as []bool) {
	sign := 1.0
	if as[i] {
		sign = -1
	}
	as[i] = !as[i]
	for k, b := range s.baseline {
		num, den := sign*(s.candidate[k].Num[i]-b.Num[i]), sign*(s.candidate[k].Den[i]-b.Den[i])
		s.sums[4*k] += num
		s.sums[4*k+1] += den
		s.sums[4*k+2] -= num
		s.sums[4*k+3] -= den
	}
}

// difference is the mean over the candidate's ratios less that over the baseline's.
func (s *swapped) difference() float64 {
	n := len(s.baseline)
	for k := range n {
		s.values[k], s.values[n+k] = quotient(s.sums[4*k], s.sums[4*k+1]), quotient(s.sums[4*k+2], s.sums[4*k+3])
	}
	return MeanOfDefined(s.values[n:]) - MeanOfDefined(s.values[:n])
}

// Contributions splits a paired difference into one summand a cluster: their
// sum is the mean of the candidate's ratios less that of the baseline's, the
// estimate of [Difference]. They are what [SignFlip], [Wilcoxon] and the effect
// sizes take. Baseline and candidate must have the same denominators, that is, be
// computed over the same instances; without that, swapping them would mean nothing.
func Contributions(baseline, candidate []Ratio) ([]float64, error) {
	if len(baseline) != len(candidate) || len(baseline) == 0 {
		return nil, fmt.Errorf("pairing: %d ratios of the baseline, %d of the candidate", len(baseline), len(candidate))
	}
	n := len(baseline[0].Num)
	out := make([]float64, n)
	for k, b := range baseline {
		c := candidate[k]
		for _, r := range []Ratio{b, c} {
			if err := r.check(n); err != nil {
				return nil, fmt.Errorf("pairing ratio %d: %w", k, err)
			}
		}
		if i := differ(b.Den, c.Den); i >= 0 {
			return nil, fmt.Errorf("pairing ratio %d: the denominators of cluster %d differ: compare the instances that both have", k, i)
		}
		_, den := b.sums()
		if den == 0 {
			return nil, fmt.Errorf("pairing ratio %d: %w", k, errors.New("it has no data"))
		}
		scale := den * float64(len(baseline))
		for i := range out {
			out[i] += (c.Num[i] - b.Num[i]) / scale
		}
	}
	return out, nil
}

// differ returns the first index at which denominators differ, −1 for none; nil
// is all ones.
func differ(a, b []float64) int {
	if a == nil {
		a, b = b, a
	}
	if b == nil {
		return slices.IndexFunc(a, func(x float64) bool { return x != 1 })
	}
	for i := range a {
		if a[i] != b[i] {
			return i
		}
	}
	return -1
}
