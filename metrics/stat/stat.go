// Package stat says how sure a benchmark may be of a number, and of a
// difference between two numbers.
//
// Its opinion: images are what was sampled, so images (or identities) are what
// is resampled. The words of one image, its crops and its corrupted copies rise
// and fall together; an interval that takes them for independent is too narrow.
// Callers therefore hand over one numerator and one denominator a cluster, and
// everything here (intervals, permutation tests, power) moves whole clusters.
//
// One [Plan] is made for a data set and serves every row of it: all metrics,
// bins, conditions and tokenizers see the same resamples. That makes the
// difference of two tokenizers a paired comparison, an unweighted mean of bins a
// function of several ratios of one resample, and a table of a thousand rows
// cheap. Warnings are data ([Interval.Warnings]), never prints.
//
// Randomness is math/rand/v2's PCG, seeded for each resample from (seed, number
// of the resample) and turned into clusters by a method written down at
// [NewPlan], so a seed names the same resamples on every machine, with any
// number of workers, and the first resamples of a longer plan are those of a
// shorter one. Cluster i is the i-th element of the caller's slices: a caller who
// sorts clusters by name gets the same interval for any order of the records.
//
// What was considered and left out: the Poisson bootstrap (it needs no counts,
// but adds noise to small data sets), studentised intervals (unstable where a bin
// rests on few clusters), intervals from normal theory for accuracies (they leave
// [0, 1]).
package stat

import (
	"errors"
	"fmt"
	"math"
	"math/bits"
	"math/rand/v2"
	"slices"
)

// splitmix is the finaliser of SplitMix64 (Steele, Lea and Flood 2014): it
// spreads neighbouring seeds over the whole range.
func splitmix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// stream is a source of uniform integers below a bound of at most 2³². Two
// draws come from each word of the generator, low half first, by Lemire's
// multiplication with rejection ("Fast Random Integer Generation in an
// Interval", 2019), so they are exactly uniform.
type stream struct {
	pcg  rand.PCG
	word uint64
	half bool
}

// seedStream starts the stream of one purpose: domain separates users of one
// seed, index is the number of the resample.
func (s *stream) seedStream(seed, domain, index uint64) {
	s.pcg.Seed(splitmix(seed^splitmix(domain)), splitmix(index))
	s.half = false
}

func (s *stream) uint32() uint32 {
	if s.half {
		s.half = false
		return uint32(s.word >> 32)
	}
	s.word = s.pcg.Uint64()
	s.half = true
	return uint32(s.word)
}

// below returns a uniform integer in [0, n); n must be positive.
func (s *stream) below(n uint32) uint32 {
	hi, lo := bits.Mul32(s.uint32(), n)
	if lo < n {
		for floor := -n % n; lo < floor; {
			hi, lo = bits.Mul32(s.uint32(), n)
		}
	}
	return hi
}

// Quantile returns the p-quantile of values in ascending order, with linear
// interpolation between order statistics (numpy's default, Hyndman and Fan's
// type 7). It is NaN for no values.
func Quantile(sorted []float64, p float64) float64 {
	n := len(sorted)
	if n == 0 || math.IsNaN(p) {
		return math.NaN()
	}
	h := min(max(p, 0), 1) * float64(n-1)
	i := int(h)
	if i >= n-1 {
		return sorted[n-1]
	}
	a, b := sorted[i], sorted[i+1]
	return a + float64((h-float64(i))*(b-a))
}

var errNoClusters = errors.New("there are no clusters")

// checkFinite says which element is not a number.
func checkFinite(what string, xs []float64) error {
	if i := slices.IndexFunc(xs, notFinite); i >= 0 {
		return fmt.Errorf("%s of cluster %d is %v: leave such values out before summing", what, i, xs[i])
	}
	return nil
}
