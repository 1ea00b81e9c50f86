package textgen

import "math/rand/v2"

// rng draws with arithmetic of its own on top of PCG, whose raw output Go
// promises to keep; the distributions of rand.Rand carry no such promise.
type rng struct{ src *rand.PCG }

func newRNG(seed, stream uint64) rng { return rng{rand.NewPCG(seed, stream)} }

// n returns a number in 0…k-1.
func (r rng) n(k int) int { return int((r.src.Uint64() >> 32) * uint64(k) >> 32) }

// unit returns a number in [0, 1).
func (r rng) unit() float64 { return float64(r.src.Uint64()>>11) / (1 << 53) }

// in returns a number in [lo, hi).
func (r rng) in(lo, hi float64) float64 { return lo + mul(hi-lo, r.unit()) }

// between returns an integer in lo…hi.
func (r rng) between(lo, hi int) int { return lo + r.n(hi-lo+1) }

// chance is true with the given probability in percent.
func (r rng) chance(percent int) bool { return r.n(100) < percent }

func pick[T any](r rng, xs []T) T { return xs[r.n(len(xs))] }

func shuffle[T any](r rng, xs []T) {
	for i := len(xs) - 1; i > 0; i-- {
		j := r.n(i + 1)
		xs[i], xs[j] = xs[j], xs[i]
	}
}
