package paper

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"github.com/vtbench/vtbench/bench/compare"
	"github.com/vtbench/vtbench/bench/summary"
	"github.com/vtbench/vtbench/metrics/stat"
	"github.com/vtbench/vtbench/reports/view"
)

// alpha is the level at which two tokenizers differ, over all pairs of a table.
const alpha = .05

// pairs are the p-values of all pairs of contestants, by table.
type pairs struct {
	tokens []string // contestants, by their names on the page
	p      map[tableKey]map[[2]int]float64
}

type tableKey struct{ dataset, condition, metric, bin string }

// test compares every contestant of a page with every other, item by item. Runs without
// records have no results, and then nothing is tested.
func test(v *view.View, runs []*summary.Run) (*pairs, error) {
	out := &pairs{p: map[tableKey]map[[2]int]float64{}}
	results := make([]*compare.Results, len(runs))
	for i, r := range runs {
		res, err := compare.FromRunDir(r, compare.LoadOptions{})
		if err != nil {
			return nil, fmt.Errorf("testing which tokenizers differ: %w", err)
		}
		results[i] = res
	}
	var contestants []view.Token
	for _, t := range v.Tokens {
		if !t.Reference {
			contestants = append(contestants, t)
			out.tokens = append(out.tokens, t.Name)
		}
	}
	for j := 1; j < len(contestants); j++ {
		for i := range j {
			a, b := contestants[i], contestants[j]
			report, err := compare.Compare([]compare.Side{{Results: results[a.Run], Tokenizer: a.Own}}, compare.Side{Results: results[b.Run], Tokenizer: b.Own},
				compare.Options{Metrics: v.Headline, Resamples: stat.DefaultResamples, AllowVersionSkew: a.Run != b.Run})
			if err != nil {
				continue // nothing that both were measured on: no p, and no group together
			}
			for _, r := range report.Rows {
				k := tableKey{r.Dataset, r.Condition, r.Metric, r.Bin}
				if out.p[k] == nil {
					out.p[k] = map[[2]int]float64{}
				}
				p := float64(r.P)
				if math.IsNaN(p) && r.N > 0 && r.Delta == 0 {
					p = 1 // equal on every item
				}
				out.p[k][[2]int{i, j}] = p
			}
		}
	}
	return out, nil
}

// groups are letters by tokenizer for one table, best first in order: tokenizers that share
// one do not differ, by the test of differences on the same items, corrected by Holm over
// all pairs of the table. Without a test there are no letters.
func (p *pairs) groups(k tableKey, order []string) map[string]string {
	ps, ok := p.p[k]
	if !ok {
		return nil
	}
	var at []int
	for _, name := range order {
		if i := slices.Index(p.tokens, name); i >= 0 {
			at = append(at, i)
		}
	}
	n := len(at)
	type pair struct{ i, j int }
	var list []pair
	var values []float64
	differ := make([][]bool, n)
	for i := range n {
		differ[i] = make([]bool, n)
	}
	for i := range n {
		for j := i + 1; j < n; j++ {
			x := [2]int{min(at[i], at[j]), max(at[i], at[j])}
			v, ok := ps[x]
			if !ok || math.IsNaN(v) {
				differ[i][j], differ[j][i] = true, true // not known to be alike
				continue
			}
			list, values = append(list, pair{i, j}), append(values, v)
		}
	}
	for k, v := range stat.Holm(values) {
		if v < alpha {
			differ[list[k].i][list[k].j], differ[list[k].j][list[k].i] = true, true
		}
	}
	out := map[string]string{}
	for c, column := range letters(differ) {
		for i := range n {
			if column[i] {
				out[p.tokens[at[i]]] += letter(c)
			}
		}
	}
	return out
}

// letters are the columns of a compact letter display: sets in which no two differ, as few
// as insert and absorb gives, so that any two that do not differ share one (Piepho 2004,
// "An algorithm for a letter-based representation of all-pairwise comparisons").
func letters(differ [][]bool) [][]bool {
	n := len(differ)
	if n == 0 {
		return nil
	}
	all := make([]bool, n)
	for i := range all {
		all[i] = true
	}
	columns := [][]bool{all}
	for i := range n {
		for j := i + 1; j < n; j++ {
			if !differ[i][j] {
				continue
			}
			var next [][]bool
			for _, c := range columns {
				if !c[i] || !c[j] {
					next = append(next, c)
					continue
				}
				for _, out := range []int{i, j} {
					d := slices.Clone(c)
					d[out] = false
					next = append(next, d)
				}
			}
			columns = absorb(next)
		}
	}
	slices.SortStableFunc(columns, func(a, b []bool) int {
		for i := range n { // by their best members
			if a[i] != b[i] {
				if a[i] {
					return -1
				}
				return 1
			}
		}
		return 0
	})
	return columns
}

// absorb drops columns whose members are all in another one.
func absorb(columns [][]bool) [][]bool {
	within := func(a, b []bool) bool {
		for i := range a {
			if a[i] && !b[i] {
				return false
			}
		}
		return true
	}
	size := func(c []bool) (n int) {
		for _, x := range c {
			if x {
				n++
			}
		}
		return n
	}
	slices.SortStableFunc(columns, func(a, b []bool) int { return cmp.Compare(size(b), size(a)) })
	var out [][]bool
	for _, c := range columns {
		if size(c) > 0 && !slices.ContainsFunc(out, func(o []bool) bool { return within(c, o) }) {
			out = append(out, c)
		}
	}
	return out
}

// letter is a, b, … z, aa, ab …
func letter(i int) string {
	if i < 26 {
		return string(rune('a' + i))
	}
	return letter(i/26-1) + letter(i%26)
}
