package stat

import (
	"cmp"
	"fmt"
	"math"
	"slices"
)

// A Test is the outcome of a two-sided test of paired differences.
type Test struct {
	P float64
	// Statistic is what was tested: the smaller rank sum of [Wilcoxon], the sum of
	// the differences of [SignFlip].
	Statistic float64
	// Z is the standardised statistic where the normal approximation was used.
	Z float64
	// N is the number of differences that are not zero, Zeros that of the others.
	N, Zeros int
	// How says where P comes from: "exact", "normal", or "monte carlo" with
	// Resamples random sign flips.
	How       How
	Resamples int
}

// How is where a p-value comes from.
type How string

// The ways there are.
const (
	Exact      How = "exact"
	Normal     How = "normal"
	MonteCarlo How = "monte carlo"
)

// Zeros is what [Wilcoxon] does with differences of zero.
type Zeros string

// The treatments there are, named as in scipy.
const (
	// Pratt ranks zeros with the others, then leaves their ranks out. The default:
	// accuracies tie often, and dropping ties first would let a handful of changed
	// items speak for all.
	Pratt Zeros = "pratt"
	// ZSplit gives half the ranks of the zeros to either side.
	ZSplit Zeros = "zsplit"
	// Wilcox drops zeros before ranking, as Wilcoxon did.
	Wilcox Zeros = "wilcox"
)

// ExactWilcoxon is the largest number of nonzero differences for which
// [Wilcoxon] computes the exact distribution by itself.
const ExactWilcoxon = 50

// WilcoxonOptions change the test; the zero value is Pratt's, exact for up to
// [ExactWilcoxon] nonzero differences.
type WilcoxonOptions struct {
	Zeros Zeros // "" means Pratt
	How   How   // "" chooses; Exact (up to 1000 differences) or Normal
	// Correction moves the statistic half a rank towards its mean before the normal
	// approximation, as scipy's correction=True does. Off by default there and here.
	Correction bool
}

// Wilcoxon is the signed-rank test that paired differences are symmetric about
// zero. Differences of one cluster are not independent: hand over one per
// cluster, such as [Contributions].
//
// The exact p-value counts sign patterns of the ranks that occurred, so it holds
// with ties and zeros too; scipy, whose exact table needs distinct ranks, there
// changes to the normal approximation above 13 differences. The normal
// approximation has the tie correction, and with Pratt's zeros Cureton's (1967),
// as in scipy.
func Wilcoxon(differences []float64, opts WilcoxonOptions) (Test, error) {
	if opts.Zeros == "" {
		opts.Zeros = Pratt
	}
	if opts.Zeros != Pratt && opts.Zeros != ZSplit && opts.Zeros != Wilcox {
		return Test{}, fmt.Errorf("signed-rank test: zeros are %q, must be %q, %q or %q", opts.Zeros, Pratt, ZSplit, Wilcox)
	}
	if err := checkFinite("difference", differences); err != nil {
		return Test{}, fmt.Errorf("signed-rank test: %w", err)
	}
	zeros := 0
	for _, d := range differences {
		if d == 0 {
			zeros++
		}
	}
	t := Test{N: len(differences) - zeros, Zeros: zeros, How: opts.How}
	switch {
	case t.How == "" && t.N <= ExactWilcoxon:
		t.How = Exact
	case t.How == "":
		t.How = Normal
	case t.How == Exact && t.N > maxExactRanks:
		return Test{}, fmt.Errorf("signed-rank test: exact p-values are for up to %d differences, not %d: use the normal approximation", maxExactRanks, t.N)
	case t.How != Exact && t.How != Normal:
		return Test{}, fmt.Errorf("signed-rank test: method is %q, must be %q or %q", t.How, Exact, Normal)
	}
	if t.N == 0 {
		t.P = 1
		return t, nil
	}
	r := rank(differences, opts.Zeros)
	t.Statistic = min(r.plus, r.minus)
	if t.How == Exact {
		t.P = r.exact()
		return t, nil
	}
	t.Z = r.z(opts.Correction)
	t.P = min(1, math.Erfc(math.Abs(t.Z)/math.Sqrt2))
	return t, nil
}

// maxExactRanks keeps the counts of sign patterns, up to 2^n, within float64.
const maxExactRanks = 1000

// ranks are the signed ranks of differences.
type ranks struct {
	doubled     []int   // twice the mid-ranks of the nonzero differences
	plus, minus float64 // rank sums, with the zeros' share
	mean, vari  float64 // of plus under the hypothesis, by the normal approximation
}

func rank(differences []float64, zeros Zeros) ranks {
	type entry struct {
		size float64
		up   bool
	}
	all := make([]entry, 0, len(differences))
	for _, d := range differences {
		if d != 0 || zeros != Wilcox {
			all = append(all, entry{math.Abs(d), d > 0})
		}
	}
	slices.SortFunc(all, func(a, b entry) int { return cmp.Compare(a.size, b.size) })
	var r ranks
	var ties, nz float64
	for i := 0; i < len(all); {
		j := i
		for j < len(all) && all[j].size == all[i].size {
			j++
		}
		doubled := i + j + 1 // mean of the ranks i+1 … j, twice
		k := float64(j - i)
		if all[i].size == 0 {
			nz = k
			if zeros == ZSplit {
				half := float64(doubled) / 2 * k / 2
				r.plus += half
				r.minus += half
				ties += k*k*k - k
			}
		} else {
			for _, e := range all[i:j] {
				r.doubled = append(r.doubled, doubled)
				if e.up {
					r.plus += float64(doubled) / 2
				} else {
					r.minus += float64(doubled) / 2
				}
			}
			ties += k*k*k - k
		}
		i = j
	}
	n := float64(len(all))
	r.mean = n * (n + 1) / 4
	six := n * (n + 1) * (2*n + 1)
	if zeros == Pratt {
		r.mean -= nz * (nz + 1) / 4
		six -= nz * (nz + 1) * (2*nz + 1)
	}
	r.vari = (six - ties/2) / 24
	return r
}

// exact is the share of sign patterns of the nonzero ranks whose positive sum is
// as far from the middle as the one seen.
func (r ranks) exact() float64 {
	total := 0
	for _, d := range r.doubled {
		total += d
	}
	// In plus − minus the zeros' halves cancel.
	up := (r.plus - r.minus) + float64(total)/2 // twice the positive rank sum
	// ways[s] is the probability that the doubled ranks taken so far sum to s.
	ways := make([]float64, total+1)
	ways[0] = 1
	reach := 0
	for _, d := range r.doubled {
		for s := reach; s >= 0; s-- {
			half := ways[s] / 2
			ways[s] = half
			ways[s+d] += half
		}
		reach += d
	}
	seen := int(math.Round(up))
	low := min(seen, total-seen)
	p := 0.0
	for s := 0; s <= low; s++ {
		p += ways[s]
	}
	return min(1, 2*p)
}

func (r ranks) z(correction bool) float64 {
	d := r.plus - r.mean
	if correction && d != 0 {
		d -= math.Copysign(0.5, d)
	}
	return d / math.Sqrt(r.vari)
}
