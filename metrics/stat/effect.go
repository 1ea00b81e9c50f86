package stat

import (
	"math"
	"slices"
	"sort"

	"gonum.org/v1/gonum/integrate/quad"
	"gonum.org/v1/gonum/stat/distuv"
)

// CohenDZ is the mean of paired differences in units of their standard deviation
// (Cohen 1988, d_z). It is NaN for fewer than two, and ±Inf where all are equal
// and not zero.
func CohenDZ(differences []float64) float64 {
	m := mean(differences)
	if len(differences) < 2 {
		return math.NaN()
	}
	sd := stdDev(differences)
	if sd <= rounding*math.Abs(m) { // all equal, but for rounding
		if m == 0 {
			return 0
		}
		return math.Inf(int(math.Copysign(1, m)))
	}
	return m / sd
}

// RankBiserial is the matched-pairs rank-biserial correlation (R⁺−R⁻)/(R⁺+R⁻) of
// the nonzero differences' ranks (Kerby 2014), between −1 (all down) and 1 (all
// up). It is 0 where nothing differs.
func RankBiserial(differences []float64) float64 {
	r := rank(differences, Wilcox)
	if r.plus+r.minus == 0 {
		return 0
	}
	return (r.plus - r.minus) / (r.plus + r.minus)
}

// CliffDelta is the chance that a value of b exceeds one of a, less the chance of
// the reverse (Cliff 1993). It knows nothing of pairs: use it for unpaired sets. It
// is NaN where one of them is empty.
func CliffDelta(a, b []float64) float64 {
	if len(a) == 0 || len(b) == 0 {
		return math.NaN()
	}
	sorted := slices.Sorted(slices.Values(a))
	var more, less float64
	for _, x := range b {
		more += float64(sort.SearchFloat64s(sorted, x))
		less += float64(len(a) - sort.Search(len(a), func(i int) bool { return sorted[i] > x }))
	}
	return (more - less) / (float64(len(a)) * float64(len(b)))
}

// Power is the chance that a two-sided t test at level alpha finds a true paired
// difference, given its standard error ([Interval.SE] of a [Difference], or that
// of [Ratio.StdErr]) and the number of clusters. Bootstrap intervals and sign
// flips come close to it from about 20 clusters on. It is NaN for fewer than two
// clusters or a standard error that is not positive.
func Power(effect, se float64, clusters int, alpha float64) float64 {
	if clusters < 2 || !(se > 0) || !(alpha > 0 && alpha < 1) || math.IsNaN(effect) {
		return math.NaN()
	}
	df := float64(clusters - 1)
	t := distuv.StudentsT{Mu: 0, Sigma: 1, Nu: df}.Quantile(1 - alpha/2)
	return tailsOfNoncentralT(t, df, math.Abs(effect)/se)
}

// DetectableEffect is the smallest true paired difference that would be found
// with the given power (0.8 is usual) at level alpha: what "no difference shown"
// excludes. It is NaN where [Power] is.
func DetectableEffect(se float64, clusters int, alpha, power float64) float64 {
	if !(power > alpha && power < 1) || math.IsNaN(Power(0, se, clusters, alpha)) {
		return math.NaN()
	}
	missing := func(x float64) float64 { return Power(x*se, se, clusters, alpha) - power }
	lo, hi := 0.0, 1.0
	atLo, atHi := alpha-power, missing(hi)
	for atHi < 0 {
		lo, atLo = hi, atHi
		hi *= 2
		atHi = missing(hi)
	}
	// False position, Illinois variant (Dowell and Jarratt 1971): a power costs an
	// integral, and this takes a fifth of the steps that halving does.
	side := 0
	for range 100 {
		x := (lo*atHi - hi*atLo) / (atHi - atLo)
		at := missing(x)
		if math.Abs(at) < 1e-11 || hi-lo <= 1e-10*hi {
			return x * se
		}
		if at < 0 {
			if lo, atLo = x, at; side < 0 {
				atHi /= 2
			}
			side = -1
		} else {
			if hi, atHi = x, at; side > 0 {
				atLo /= 2
			}
			side = 1
		}
	}
	return (lo + hi) / 2 * se
}

// tailsOfNoncentralT is P(|T| > t) for T = (Z+shift)/S with Z standard normal and
// df·S² chi-squared with df degrees of freedom, integrated over S: within ten of
// its standard deviations, by 200-point Gauss–Legendre quadrature.
func tailsOfNoncentralT(t, df, shift float64) float64 {
	lg, _ := math.Lgamma(df / 2)
	logC := math.Ln2 + df/2*math.Log(df/2) - lg
	density := func(s float64) float64 {
		return math.Exp(logC + (df-1)*math.Log(s) - df*s*s/2)
	}
	w := 10 / math.Sqrt(2*df)
	return quad.Fixed(func(s float64) float64 {
		return density(s) * (normalCDF(shift-t*s) + normalCDF(-shift-t*s))
	}, max(0, 1-w), 1+w, 200, quad.Legendre{}, 0)
}
