package summary

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"

	"github.com/vtbench/vtbench/bench/record"
	"github.com/vtbench/vtbench/metrics"
	"github.com/vtbench/vtbench/metrics/stat"
)

// DefaultBootstrap is how intervals are made unless the user says otherwise.
var DefaultBootstrap = record.BootstrapConfig{Resamples: 2000, Level: 0.95, Method: string(stat.BCa)}

// cellKey is what a row of the summary is about, without its bin.
type cellKey struct{ dataset, tokenizer, condition, metric string }

// A cell gathers the values of one metric of one tokenizer under one condition:
// sums by cluster, for every bin.
type cell struct {
	bins  map[string]*bin
	order []string // of bins, as they came
}

// classRatios are the values of every class that occurs; nil where none does.
func (c *cell) classRatios(clusters int) []stat.Ratio {
	var out []stat.Ratio
	for _, name := range c.order {
		if b := c.bins[name]; b.n > 0 {
			b.grow(clusters)
			out = append(out, stat.Ratio{Num: b.num, Den: b.den})
		}
	}
	return out
}

type bin struct {
	num, den []float64 // by cluster
	n        int
	dropped  map[string]int
}

func (b *bin) grow(clusters int) {
	for len(b.num) < clusters {
		b.num, b.den = append(b.num, 0), append(b.den, 0)
	}
}

func (b *bin) drop(reason string, n int) {
	if n > 0 {
		b.dropped[reason] += n
	}
}

func (c *cell) bin(name string) *bin {
	b := c.bins[name]
	if b == nil {
		b = &bin{dropped: map[string]int{}}
		c.bins[name] = b
		c.order = append(c.order, name)
	}
	return b
}

// aggregation is the state of Summarise: everything that is kept of the records.
type aggregation struct {
	m        *record.Manifest
	specs    map[string]metrics.Spec
	cells    map[cellKey]*cell
	clusters map[string]map[string]int // by data set: cluster id to index
	// left counts instances that are never scored, by data set, condition and
	// reason; unloaded counts images.
	left     map[[3]string]int
	unloaded map[string]int
	failures []Failure
	notes    []ItemNote
	lost     []LostLabel
	refused  map[[4]string]bool // labels among lost that metrics refused

	histograms map[cellKey]*Distribution
}

// BadLine is the failure that a line of a journal stands for which cannot be read: what
// was measured there is unknown, and counted.
func BadLine(err error) (Failure, bool) {
	var line *record.LineError
	if !errors.As(err, &line) {
		return Failure{}, false
	}
	return Failure{Item: fmt.Sprintf("%s:%d", filepath.Base(line.File), line.Line), Error: "the line cannot be read: " + line.Err.Error()}, true
}

// Summarise computes the summary of a run directory from its records alone. The
// kinds turn stored states into values of whole sets; without them those rows are
// absent.
func Summarise(dir string, m *record.Manifest, kinds []metrics.Kind) (Summary, error) {
	a := &aggregation{
		m: m, specs: map[string]metrics.Spec{}, cells: map[cellKey]*cell{},
		clusters: map[string]map[string]int{}, left: map[[3]string]int{}, unloaded: map[string]int{}, refused: map[[4]string]bool{},
		histograms: map[cellKey]*Distribution{},
	}
	for _, s := range m.Metrics {
		a.specs[s.ID] = s
	}
	for r, err := range record.Records(dir) {
		if bad, ok := BadLine(err); ok {
			a.failures = append(a.failures, bad)
			continue
		}
		if err != nil {
			return Summary{}, err
		}
		a.add(&r)
	}
	states, err := readStates(dir, m, kinds)
	if err != nil {
		return Summary{}, err
	}
	rows, err := a.rows(states.corpus)
	if err != nil {
		return Summary{}, err
	}
	robust, err := a.robustness()
	if err != nil {
		return Summary{}, err
	}
	transfer, err := a.transfer()
	if err != nil {
		return Summary{}, err
	}
	return Summary{Schema: record.SchemaVersion, Rows: rows, Robustness: robust, Transfer: transfer, Distributions: a.distributions(), Errors: a.failures, Alarms: states.alarms, Notes: a.notes, Lost: a.lost}, nil
}

func (a *aggregation) cluster(dataset, id string) int {
	m := a.clusters[dataset]
	if m == nil {
		m = map[string]int{}
		a.clusters[dataset] = m
	}
	i, ok := m[id]
	if !ok {
		i = len(m)
		m[id] = i
	}
	return i
}

// note counts what was said when an item was decoded.
func (a *aggregation) note(r *record.Record) {
	for _, text := range r.Notes {
		i := slices.IndexFunc(a.notes, func(n ItemNote) bool { return n.Dataset == r.Dataset && n.Note == text })
		if i < 0 {
			i = len(a.notes)
			a.notes = append(a.notes, ItemNote{Dataset: r.Dataset, Note: text, First: r.Item})
		}
		a.notes[i].Items++
	}
}

// lose counts a label that cannot be used; every condition has a record of it.
func (a *aggregation) lose(r *record.Record) {
	if r.Instance == "" || r.Detail == "" || r.Condition != a.m.Suite.Conditions()[0].String() {
		return
	}
	a.lost = lostLabel(a.lost, r.Dataset, r.Drop, r.Detail)
}

// refuse counts a label that a metric did not score because of what the label says. Every
// tokenizer and metric has a record of it: one is counted.
func (a *aggregation) refuse(r *record.Record) {
	if !metrics.Refused(r.Drop) {
		return
	}
	label := [4]string{r.Dataset, r.Item, r.Instance, r.Drop}
	if a.refused[label] {
		return
	}
	a.refused[label] = true
	a.lost = lostLabel(a.lost, r.Dataset, r.Drop, fmt.Sprintf("%s, %s: %s", r.Item, r.Instance, r.Detail))
}

// lostLabel adds a label to those that are lost.
func lostLabel(lost []LostLabel, dataset, reason, first string) []LostLabel {
	i := slices.IndexFunc(lost, func(l LostLabel) bool { return l.Dataset == dataset && l.Reason == reason })
	if i < 0 {
		i = len(lost)
		lost = append(lost, LostLabel{Dataset: dataset, Reason: reason, First: first})
	}
	lost[i].Labels++
	return lost
}

func (a *aggregation) add(r *record.Record) {
	if r.Error != "" {
		a.failures = append(a.failures, Failure{
			Tokenizer: r.Tokenizer, Dataset: r.Dataset, Item: r.Item, Instance: r.Instance,
			Condition: r.Condition, Metric: r.Metric, Error: r.Error,
		})
	}
	if len(r.Notes) > 0 {
		a.note(r)
		return
	}
	if r.Tokenizer == "" {
		a.lose(r)
		if r.Instance == "" {
			a.unloaded[r.Dataset]++
		} else {
			a.left[[3]string{r.Dataset, r.Condition, r.Drop}]++
		}
		return
	}
	a.refuse(r)
	key := cellKey{r.Dataset, r.Tokenizer, r.Condition, r.Metric}
	c := a.cells[key]
	if c == nil {
		c = &cell{bins: map[string]*bin{}}
		a.cells[key] = c
	}
	id := r.Cluster
	if id == "" {
		id = r.Item
	}
	k := a.cluster(r.Dataset, id)
	b := c.bin(r.Bin)
	v, reason := r.Counted()
	if reason != "" {
		b.drop(reason, 1)
		return
	}
	b.grow(k + 1)
	b.num[k] += v * r.Weight()
	b.den[k] += r.Weight()
	if !r.Weightless {
		b.n++
	}
	if !r.Weightless {
		a.count(key, v)
	}
}

// wholeRow is the row of a value of a whole set. Images that are missing in it are
// counted; a value that could not be computed is a failure.
func (a *aggregation) wholeRow(r Row, v corpusValue) Row {
	r.Mean, r.Lo, r.Hi = record.Number(v.Value.Value), record.NaN, record.NaN
	r.N, r.Clusters, r.Warnings = v.images, v.images, v.Warnings
	b := &bin{dropped: map[string]int{}}
	if c := a.cells[cellKey{r.Dataset, r.Tokenizer, r.Condition, r.Metric}]; c != nil {
		b = c.bin(BinAll)
	}
	if v.Err != "" {
		r.Mean, r.N, r.Clusters = record.NaN, 0, 0
		b.drop(metrics.DropFailed, v.images)
		a.failures = append(a.failures, Failure{Tokenizer: r.Tokenizer, Dataset: r.Dataset, Item: WholeSet, Condition: r.Condition, Metric: r.Metric, Error: v.Err})
	}
	if a.specs[r.Metric].Scope == metrics.PerSet {
		b.drop(metrics.DropLoad, a.unloaded[r.Dataset])
	}
	if len(b.dropped) > 0 {
		r.Dropped = b.dropped
	}
	return r
}

// rows lists the rows of the summary in plan order.
func (a *aggregation) rows(corpus map[cellKey]corpusValue) ([]Row, error) {
	var rows []Row
	var names []string
	if a.m.Suite.Bins != nil {
		names = a.m.Suite.Bins.Names
	}
	for _, d := range a.m.Datasets {
		var plan *stat.Plan
		if n := len(a.clusters[d.Name]); n > 0 {
			var err error
			if plan, err = stat.NewPlan(n, a.m.Bootstrap.Resamples, a.m.Seed); err != nil {
				return nil, fmt.Errorf("summing up %s: %w", d.Name, err)
			}
		}
		for _, t := range a.m.Tokenizers {
			for _, cond := range a.m.Suite.AllConditions() {
				for _, id := range a.m.Suite.Metrics {
					key := cellKey{d.Name, t.Name, cond.String(), id}
					base := Row{Tokenizer: t.Name, Suite: a.m.Suite.ID, Dataset: d.Name, Condition: key.condition, Metric: id}
					if v, ok := corpus[key]; ok {
						rows = append(rows, a.wholeRow(base, v))
						continue
					}
					c := a.cells[key]
					if c == nil {
						continue
					}
					more, err := a.cellRows(base, c, names, plan, len(a.clusters[d.Name]))
					if err != nil {
						return nil, fmt.Errorf("summing up %s of %s under %s: %w", id, t.Name, key.condition, err)
					}
					rows = append(rows, more...)
				}
			}
		}
	}
	return rows, nil
}

// cellRows makes the rows of one cell: one a bin, their unweighted mean and the
// pool, or a single row for metrics of whole images.
func (a *aggregation) cellRows(base Row, c *cell, names []string, plan *stat.Plan, clusters int) ([]Row, error) {
	spec := a.specs[base.Metric]
	row := func(name string, s stat.Statistic, n, k int, dropped map[string]int) (Row, error) {
		r := base
		r.Bin, r.N, r.Clusters = name, n, k
		if len(dropped) > 0 {
			r.Dropped = dropped
		}
		e, err := Estimated(plan, s, n, a.m.Bootstrap)
		r.Mean, r.Lo, r.Hi, r.Warnings = e.Value, e.Lo, e.Hi, e.Warnings
		return r, err
	}
	ratio := func(b *bin) stat.Ratio {
		b.grow(clusters)
		return stat.Ratio{Num: b.num, Den: b.den}
	}
	support := func(b *bin) int {
		k := 0
		for _, d := range b.den {
			if d > 0 {
				k++
			}
		}
		return k
	}

	if !spec.ByBin() {
		b := c.bin(BinAll)
		b.drop(metrics.DropLoad, a.unloaded[base.Dataset])
		r, err := row(BinAll, stat.Single(ratio(b)), b.n, support(b), b.dropped)
		return []Row{r}, err
	}

	pool := &bin{dropped: map[string]int{}}
	pool.grow(clusters)
	if spec.ByClass {
		names = slices.DeleteFunc(slices.Clone(c.order), func(name string) bool { return c.bins[name].n == 0 })
		for name, b := range c.bins { // images that failed have no class
			for reason, n := range b.dropped {
				if len(names) > 0 && b.n == 0 || name != BinAll && len(names) == 0 {
					pool.drop(reason, n)
				}
			}
		}
	}
	filled := names
	if len(names) == 0 {
		filled = []string{BinAll}
	}
	var rows []Row
	var ratios []stat.Ratio
	for _, name := range filled {
		b := c.bin(name)
		rt := ratio(b)
		for i := range rt.Num {
			pool.num[i] += rt.Num[i]
			pool.den[i] += rt.Den[i]
		}
		pool.n += b.n
		for reason, n := range b.dropped {
			pool.drop(reason, n)
		}
		if len(names) == 0 {
			continue
		}
		r, err := row(name, stat.Single(rt), b.n, support(b), b.dropped)
		if err != nil {
			return nil, err
		}
		rows = append(rows, r)
		ratios = append(ratios, rt)
	}
	for key, n := range a.left {
		if key[0] == base.Dataset && key[1] == base.Condition {
			pool.drop(key[2], n)
		}
	}
	pool.drop(metrics.DropLoad, a.unloaded[base.Dataset])
	if len(names) > 0 {
		n := pool.n
		if slices.ContainsFunc(rows, func(r Row) bool { return r.N == 0 }) {
			n = 0 // a mean over bins of which one is empty is not the mean over bins
		}
		mean := stat.MeanOf(ratios...)
		mean.Partial = spec.ByClass
		r, err := row(BinMean, mean, n, support(pool), pool.dropped)
		if err != nil {
			return nil, err
		}
		rows = append(rows, r)
		if spec.ByClass {
			return rows, nil // all classes together are another metric
		}
	}
	r, err := row(BinAll, stat.Single(stat.Ratio{Num: pool.num, Den: pool.den}), pool.n, support(pool), pool.dropped)
	if err != nil {
		return nil, err
	}
	return append(rows, r), nil
}
