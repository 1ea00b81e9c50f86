package compare

import (
	"math"

	"github.com/vtbench/vtbench/bench/record"
)

// Mean is what one tokenizer reached in one metric: over scale bins, unweighted,
// where the metric has instances in all of them, else over all values.
type Mean struct {
	Tokenizer string        `json:"tokenizer"`
	Dataset   string        `json:"dataset"`
	Condition string        `json:"condition"`
	Metric    string        `json:"metric"`
	Value     record.Number `json:"value"`
	N         int           `json:"n"`
}

// Means lists the headline metrics of every tokenizer on undamaged images.
func (r *Results) Means() []Mean {
	m := newMatch(r, r)
	out := []Mean{}
	for _, d := range r.Datasets {
		for _, cond := range m.conditions(d.Name) {
			if !isClean(cond) {
				continue
			}
			for _, t := range r.Tokens {
				for _, id := range r.Headline {
					spec, _ := r.Spec(id)
					v, n := r.overall(cellKey{d.Name, t.Name, cond, id}, spec)
					if !math.IsNaN(v) {
						out = append(out, Mean{t.Name, d.Name, cond, id, record.Number(v), n})
					}
				}
			}
		}
	}
	return out
}

// Values is how many values there are, those that do not count among them.
func (r *Results) Values() int {
	n := len(r.corpus)
	for _, c := range r.cells {
		n += len(c.values)
	}
	return n
}

// Items is how many images have a value.
func (r *Results) Items() int {
	type key struct{ dataset, item string }
	seen := map[key]bool{}
	for _, u := range r.units {
		seen[key{u.dataset, u.item}] = true
	}
	return len(seen)
}
