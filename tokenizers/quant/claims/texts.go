package main

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/vtbench/vtbench/bench/record"
)

// tned is the metric of reading that claims are about.
const tned = "t-ned"

// texts is what was read in a run of rules.yaml.
type texts struct {
	dir   string
	set   *set                       // images without pixels, each a cluster of its own
	sums  map[string]map[string]mark // by tokenizer and item
	items []string
}

// mark is the sum of T-NED over the words of an item that count, and their number.
type mark struct{ sum, n float64 }

// readings reads the T-NED of every word from a run.
func readings(dir string) (*texts, error) {
	t := &texts{dir: dir, set: &set{}, sums: map[string]map[string]mark{}}
	var m record.Manifest
	if err := record.ReadJSON(filepath.Join(dir, record.ManifestFile), &m); err != nil {
		return nil, fmt.Errorf("%w: `make claims` runs the suite first", err)
	}
	for r, err := range record.Records(dir) {
		if err != nil {
			return nil, err
		}
		if r.Metric != tned || r.Tokenizer == "" {
			continue
		}
		if t.sums[r.Tokenizer] == nil {
			t.sums[r.Tokenizer] = map[string]mark{}
		}
		v, why := r.Counted()
		if why != "" || r.Drop != "" {
			continue
		}
		if !slices.Contains(t.items, r.Item) {
			t.items = append(t.items, r.Item)
			t.set.clusters = append(t.set.clusters, []int{len(t.items) - 1})
		}
		sum := t.sums[r.Tokenizer][r.Item]
		t.sums[r.Tokenizer][r.Item] = mark{sum.sum + v*r.Weight(), sum.n + r.Weight()}
	}
	if len(t.items) == 0 {
		return nil, fmt.Errorf("%s has no value of %s", dir, tned)
	}
	return t, nil
}

// of is the mean over words that a tokenizer has on some items.
func (t *texts) of(use string) (value, error) {
	marks, ok := t.sums[use]
	if !ok {
		return nil, fmt.Errorf("%s is not in the run %s: it belongs into tokenizers/quant/claims/rules.yaml", use, t.dir)
	}
	return func(items []int) float64 {
		var sum, n float64
		for _, i := range items {
			m := marks[t.items[i]]
			sum, n = sum+m.sum, n+m.n
		}
		return sum / n
	}, nil
}

// all are the items of the set.
func (t *texts) all() []int { return slices.Concat(t.set.clusters...) }

// row writes the cells of a claim about reading, in points of a hundred.
func (t *texts) row(w *strings.Builder, c claim) error {
	of, err := t.of(c.Of.Use)
	if err != nil {
		return err
	}
	against, err := t.of(c.Against.Use)
	if err != nil {
		return err
	}
	v, lo, hi := interval(t.set, func(items []int) float64 { return 100 * (of(items) - against(items)) })
	fmt.Fprintf(w, " %s: %.1f (%.1f … %.1f) | | |\n", verdict(lo, hi, c.Least), v, lo, hi)
	return nil
}
