package token

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/big"

	"github.com/vtbench/vtbench/tokenizers"
)

// ActiveVariance is the variance of the posterior mean over the set above which
// a unit counts as active (Burda, Grosse and Salakhutdinov 2016, section 5.3).
const ActiveVariance = 0.01

// Latents gathers what continuous latents do over a set: the mean and variance
// of each unit's posterior mean, and the mean of its KL divergence from the
// standard normal. Sums are exact, so results do not depend on the order of the
// images or on how sets are merged. A unit takes 816 bytes.
//
// What a unit is, the caller decides with the vectors that go in: one per channel
// with every position of every image as a sample ([Latents.AddChannels]), or one
// per channel and position with an image as a sample (Add with the whole latent).
// The first is the usual one for convolutional latents of images of many sizes; in
// it a channel that only encodes the position counts as active.
type Latents struct {
	samples int64
	kls     int64 // samples that came with a variance
	units   []unit
}

const (
	maxUnits   = 1 << 20 // 820 MB
	maxSamples = 1 << 48
)

type unit struct {
	mean, square, kl exactSum
}

// NewLatents returns an empty accumulator of n units.
func NewLatents(n int) (*Latents, error) {
	if n < 1 || n > maxUnits {
		return nil, fmt.Errorf("gathering latents: %d units, 1 to %d are possible", n, maxUnits)
	}
	return &Latents{units: make([]unit, n)}, nil
}

// Samples is the number of samples added.
func (l *Latents) Samples() int64 { return l.samples }

// Add takes in one sample: the posterior mean of every unit, and the natural
// logarithm of its variance, nil where the tokenizer does not tell. On an error
// nothing was added.
func (l *Latents) Add(mean, logVariance []float32) error {
	if len(mean) != len(l.units) || logVariance != nil && len(logVariance) != len(l.units) {
		return fmt.Errorf("gathering latents: %d means and %d variances for %d units", len(mean), len(logVariance), len(l.units))
	}
	for _, v := range [][]float32{mean, logVariance} {
		if i := notFinite(v); i >= 0 {
			return fmt.Errorf("gathering latents: unit %d is %v", i, v[i])
		}
	}
	for i, x := range logVariance {
		if math.IsInf(math.Exp(float64(x)), 1) {
			return fmt.Errorf("gathering latents: the logarithm of the variance of unit %d is %v, which is too large (is it a variance?)", i, x)
		}
	}
	l.samples++
	if logVariance != nil {
		l.kls++
	}
	for i, m := range mean {
		u := &l.units[i]
		x := float64(m)
		u.mean.add(x)
		u.square.add(x * x) // exact: 24-bit mantissas
		if logVariance != nil {
			// KL(N(μ, σ²) ‖ N(0, 1)) = (μ² + σ² − 1 − ln σ²)/2, Kingma and Welling 2014,
			// appendix B.
			v := float64(logVariance[i])
			u.kl.add((float64(x*x) + (math.Expm1(v) - v)) / 2)
		}
	}
	return nil
}

// AddChannels takes in a latent {channels, …}, every position as a sample.
// logVariance may be nil.
func (l *Latents) AddChannels(mean tokenizers.Latent, logVariance *tokenizers.Latent) error {
	positions := 1
	if len(mean.Shape) == 0 || mean.Shape[0] != len(l.units) {
		return fmt.Errorf("gathering latents: shape %v for %d channels", mean.Shape, len(l.units))
	}
	for _, s := range mean.Shape[1:] {
		if s < 1 || s > len(mean.Data) {
			return fmt.Errorf("gathering latents: shape %v does not fit %d numbers", mean.Shape, len(mean.Data))
		}
		positions *= s
		if positions > len(mean.Data) {
			break
		}
	}
	n := len(l.units)
	if positions*n != len(mean.Data) || logVariance != nil && len(logVariance.Data) != len(mean.Data) {
		return fmt.Errorf("gathering latents: shape %v does not fit %d numbers", mean.Shape, len(mean.Data))
	}
	if i := notFinite(mean.Data); i >= 0 {
		return fmt.Errorf("gathering latents: number %d of the means is %v", i, mean.Data[i])
	}
	m := make([]float32, n)
	var v []float32
	if logVariance != nil {
		v = make([]float32, n)
		for i, x := range logVariance.Data {
			if math.IsNaN(float64(x)) || math.IsInf(math.Exp(float64(x)), 0) || math.IsInf(float64(x), 0) {
				return fmt.Errorf("gathering latents: number %d of the logarithms of variances is %v", i, x)
			}
		}
	}
	for p := range positions {
		for c := range n {
			m[c] = mean.Data[c*positions+p]
			if v != nil {
				v[c] = logVariance.Data[c*positions+p]
			}
		}
		if err := l.Add(m, v); err != nil {
			return err
		}
	}
	return nil
}

func notFinite(v []float32) int {
	for i, x := range v {
		if f := float64(x); math.IsNaN(f) || math.IsInf(f, 0) {
			return i
		}
	}
	return -1
}

// Merge takes in another accumulator of as many units.
func (l *Latents) Merge(o *Latents) error {
	if len(o.units) != len(l.units) {
		return fmt.Errorf("merging latents: %d and %d units", len(l.units), len(o.units))
	}
	if l.samples+o.samples > maxSamples {
		return fmt.Errorf("merging latents: more than %d samples", int64(maxSamples))
	}
	l.samples += o.samples
	l.kls += o.kls
	for i := range l.units {
		a, b := &l.units[i], &o.units[i]
		a.mean.merge(&b.mean)
		a.square.merge(&b.square)
		a.kl.merge(&b.kl)
	}
	return nil
}

// A Collapse describes how much of a continuous latent is in use.
type Collapse struct {
	Samples int64 `json:"samples"`
	Units   int   `json:"units"`
	// Active counts units whose Variance exceeds [ActiveVariance].
	Active   int       `json:"active"`
	Mean     []float64 `json:"mean"`
	Variance []float64 `json:"variance"` // of the posterior mean over the samples, divisor n−1
	// KL is the mean divergence from the standard normal of each unit in nats; nil
	// unless every sample came with a variance.
	KL []float64 `json:"kl,omitempty"`
}

// Collapse describes the samples so far; ok is false for fewer than two.
func (l *Latents) Collapse() (c Collapse, ok bool) {
	if l.samples < 2 {
		return Collapse{}, false
	}
	c = Collapse{Samples: l.samples, Units: len(l.units)}
	n := new(big.Rat).SetInt64(l.samples)
	for i := range l.units {
		u := &l.units[i]
		// Σx² − (Σx)²/n is exact in fractions: no cancellation.
		sum := u.mean.rat()
		ss := new(big.Rat).Mul(sum, sum)
		ss.Sub(u.square.rat(), ss.Quo(ss, n))
		variance, _ := ss.Quo(ss, new(big.Rat).SetInt64(l.samples-1)).Float64()
		mean, _ := sum.Quo(sum, n).Float64()
		c.Mean = append(c.Mean, mean)
		c.Variance = append(c.Variance, variance)
		if variance > ActiveVariance {
			c.Active++
		}
		if l.kls == l.samples {
			c.KL = append(c.KL, u.kl.float()/float64(l.samples))
		}
	}
	return c, true
}

const latentsPrefix = "l1"

// Encode writes the accumulator as a string:
//
//	"l1" samples kls units (Σmean Σmean² ΣKL)×units
//
// A sum is an integer in units of 2^-1074: zigzag length (sign in the least
// bit), power of 256 that was divided out, big-endian bytes.
func (l *Latents) Encode() string {
	b := binary.AppendUvarint(nil, uint64(l.samples))
	b = binary.AppendUvarint(b, uint64(l.kls))
	b = binary.AppendUvarint(b, uint64(len(l.units)))
	for i := range l.units {
		u := &l.units[i]
		for _, s := range []*exactSum{&u.mean, &u.square, &u.kl} {
			v := s.integer()
			zeros := v.TrailingZeroBits() / 8
			digits := new(big.Int).Rsh(new(big.Int).Abs(v), zeros*8).Bytes()
			head := uint64(len(digits)) << 1
			if v.Sign() < 0 {
				head |= 1
			}
			b = binary.AppendUvarint(b, head)
			b = binary.AppendUvarint(b, uint64(zeros))
			b = append(b, digits...)
		}
	}
	return latentsPrefix + base64url.EncodeToString(b)
}

// DecodeLatents reads what [Latents.Encode] wrote.
func DecodeLatents(s string) (*Latents, error) {
	l, err := decodeLatents(s)
	if err != nil {
		return nil, fmt.Errorf("decoding latents: %w", err)
	}
	return l, nil
}

func decodeLatents(s string) (*Latents, error) {
	r, err := open(s, latentsPrefix)
	if err != nil {
		return nil, err
	}
	l := &Latents{samples: int64(r.number(maxSamples)), kls: int64(r.number(maxSamples))}
	n := r.number(maxUnits)
	switch {
	case r.err != nil:
		return nil, r.err
	case n == 0 || l.kls > l.samples:
		return nil, errCanonical
	case n > uint64(len(r.b))/6: // a sum takes two bytes at least
		return nil, errTruncated
	}
	for range n { // memory grows as the string is read, not by what it claims
		var u unit
		for _, sum := range []*exactSum{&u.mean, &u.square, &u.kl} {
			r.sum(sum)
		}
		if r.err != nil {
			return nil, r.err
		}
		l.units = append(l.units, u)
	}
	return l, r.close()
}

func (r *reader) sum(into *exactSum) {
	head, zeros := r.number(accWords*8<<1|1), r.number(accWords*8)
	n := int(head >> 1)
	switch {
	case r.err != nil:
		return
	case n > len(r.b):
		r.err = errTruncated
		return
	case n == 0 && (head != 0 || zeros != 0), n > 0 && (r.b[0] == 0 || r.b[n-1] == 0):
		r.err = errCanonical
		return
	}
	v := new(big.Int).SetBytes(r.b[:n])
	v.Lsh(v, uint(zeros)*8)
	if head&1 == 1 {
		v.Neg(v)
	}
	if !into.setInteger(v) {
		r.err = fmt.Errorf("a sum has more than %d bits", accWords*64-1)
		return
	}
	r.b = r.b[n:]
}
