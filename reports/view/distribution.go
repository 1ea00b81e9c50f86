package view

import (
	"cmp"
	"slices"

	"github.com/vtbench/vtbench/bench/summary"
)

// Distribution returns the histogram of a metric's single values, if the suite asked
// for it.
func (v *View) Distribution(t Token, s Section, metric string) (summary.Distribution, bool) {
	for _, d := range v.distributions {
		if d.Tokenizer == t.Name && d.Dataset == s.Dataset.Name && d.Condition == s.Condition.Key && d.Metric == metric {
			return d, true
		}
	}
	return summary.Distribution{}, false
}

// sortDistributions puts them into the order of the page's tokenizers.
func (v *View) sortDistributions() {
	place := map[string]int{}
	for i, t := range v.Tokens {
		place[t.Name] = i
	}
	slices.SortStableFunc(v.distributions, func(a, b summary.Distribution) int {
		return cmp.Compare(place[a.Tokenizer], place[b.Tokenizer])
	})
}
