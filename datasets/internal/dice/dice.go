// Package dice draws random numbers for rendered data sets with arithmetic of its own on
// top of PCG, whose raw output Go promises to keep; the distributions of rand.Rand carry
// no such promise.
package dice

import "math/rand/v2"

// A Source is a stream of random numbers. It is not safe for concurrent use.
type Source struct{ src *rand.PCG }

// New returns the stream of a seed.
func New(seed, stream uint64) Source { return Source{rand.NewPCG(seed, stream)} }

// N returns a number in 0…k-1.
func (s Source) N(k int) int { return int((s.src.Uint64() >> 32) * uint64(k) >> 32) }

// Between returns an integer in lo…hi.
func (s Source) Between(lo, hi int) int { return lo + s.N(hi-lo+1) }

// Chance is true with the given probability in percent.
func (s Source) Chance(percent int) bool { return s.N(100) < percent }

// Noise returns a number with mean 0 and standard deviation sigma in units of 1/65536:
// the sum of twelve uniform ones (Irwin and Hall).
func (s Source) Noise(sigma int) int {
	sum := 0
	for range 3 {
		u := s.src.Uint64()
		for k := range 4 {
			sum += int(u >> (16 * k) & 0xffff)
		}
	}
	return (sum - 6*0xffff) * sigma
}

// Pick returns one of xs.
func Pick[T any](s Source, xs []T) T { return xs[s.N(len(xs))] }

// Shuffle puts xs in a random order.
func Shuffle[T any](s Source, xs []T) {
	for i := len(xs) - 1; i > 0; i-- {
		j := s.N(i + 1)
		xs[i], xs[j] = xs[j], xs[i]
	}
}
