package stat

import (
	"cmp"
	"math"
	"slices"
)

// Holm adjusts the p-values of a family of tests so that the chance of any false
// alarm among them stays below the level (Holm 1979), whatever their dependence.
// It is for the few headline rows that a decision hangs on. NaN stands for a test
// that was not made: it stays NaN and does not count.
func Holm(ps []float64) []float64 {
	out, order := arrange(ps)
	worst := 0.0
	for i, k := range order {
		worst = max(worst, min(1, float64(len(order)-i)*ps[k]))
		out[k] = worst
	}
	return out
}

// BenjaminiHochberg adjusts p-values so that the expected share of false alarms
// among the rows called different stays below the level (Benjamini and Hochberg
// 1995; independent or positively dependent tests). It is for grids of many rows.
// NaN is treated as by [Holm].
func BenjaminiHochberg(ps []float64) []float64 {
	out, order := arrange(ps)
	best := 1.0
	for i := len(order) - 1; i >= 0; i-- {
		k := order[i]
		best = min(best, ps[k]*(float64(len(order))/float64(i+1)))
		out[k] = best
	}
	return out
}

// arrange returns a slice of NaN and the indices of the numbers, ascending.
func arrange(ps []float64) (out []float64, order []int) {
	out = make([]float64, len(ps))
	for i, p := range ps {
		out[i] = math.NaN()
		if !math.IsNaN(p) {
			order = append(order, i)
		}
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(ps[a], ps[b]) })
	return out, order
}
