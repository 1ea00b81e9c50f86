package token

import (
	"math"
	"math/big"
	"math/bits"
)

// exactSum adds float64s without rounding, in a fixed-point number wide enough
// for all of them (Kulisch's long accumulator): the least bit is worth 2^-1074,
// the top word leaves room for 2^64 of the largest. Sums are therefore equal for
// any order and any grouping, which is what merging needs.
type exactSum struct {
	words [accWords]uint64 // two's complement, least significant word first
}

const (
	accLeast = 1074 // −exponent of the least bit
	accWords = (1074+1024)/64 + 2
)

// add adds x, which must be finite.
func (s *exactSum) add(x float64) {
	b := math.Float64bits(x)
	mant, exp := b&(1<<52-1), int(b>>52&0x7ff)
	if exp == 0 {
		exp = 1
	} else {
		mant |= 1 << 52
	}
	shift := exp - 1 // x = ±mant·2^(exp−1075), and the least bit is 2^-1074
	i, off := shift/64, uint(shift%64)
	lo, hi := mant<<off, mant>>(64-off) // a shift by 64 yields 0
	var c uint64
	if b>>63 == 0 {
		s.words[i], c = bits.Add64(s.words[i], lo, 0)
		s.words[i+1], c = bits.Add64(s.words[i+1], hi, c)
		for i += 2; c != 0 && i < accWords; i++ {
			s.words[i], c = bits.Add64(s.words[i], 0, c)
		}
		return
	}
	s.words[i], c = bits.Sub64(s.words[i], lo, 0)
	s.words[i+1], c = bits.Sub64(s.words[i+1], hi, c)
	for i += 2; c != 0 && i < accWords; i++ {
		s.words[i], c = bits.Sub64(s.words[i], 0, c)
	}
}

func (s *exactSum) merge(o *exactSum) {
	var c uint64
	for i := range s.words {
		s.words[i], c = bits.Add64(s.words[i], o.words[i], c)
	}
}

// integer is the sum in units of the least bit.
func (s *exactSum) integer() *big.Int {
	words := s.words
	neg := words[accWords-1]>>63 == 1
	if neg {
		c := uint64(1)
		for i := range words {
			words[i], c = bits.Add64(^words[i], 0, c)
		}
	}
	out, word := new(big.Int), new(big.Int)
	for i := accWords - 1; i >= 0; i-- {
		out.Lsh(out, 64)
		out.Or(out, word.SetUint64(words[i]))
	}
	if neg {
		out.Neg(out)
	}
	return out
}

// setInteger restores what integer returned; false where it does not fit.
func (s *exactSum) setInteger(v *big.Int) bool {
	if v.BitLen() >= accWords*64-1 {
		return false
	}
	abs := new(big.Int).Abs(v)
	mask := new(big.Int).SetUint64(math.MaxUint64)
	for i := range s.words {
		s.words[i] = new(big.Int).And(abs, mask).Uint64()
		abs.Rsh(abs, 64)
	}
	if v.Sign() < 0 {
		c := uint64(1)
		for i := range s.words {
			s.words[i], c = bits.Add64(^s.words[i], 0, c)
		}
	}
	return true
}

// rat is the sum as a fraction.
func (s *exactSum) rat() *big.Rat {
	return new(big.Rat).SetFrac(s.integer(), new(big.Int).Lsh(big.NewInt(1), accLeast))
}

// float is the sum, rounded once.
func (s *exactSum) float() float64 {
	f := new(big.Float).SetInt(s.integer())
	out, _ := f.SetMantExp(f, -accLeast).Float64()
	return out
}
