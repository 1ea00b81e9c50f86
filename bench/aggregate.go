package bench

import (
	"cmp"
	"fmt"
	"math"
	"path/filepath"
	"slices"

	"github.com/vtbench/vtbench/metrics"
	"github.com/vtbench/vtbench/metrics/stat"
)

// DefaultBootstrap is how intervals are made unless the user says otherwise.
var DefaultBootstrap = BootstrapConfig{Resamples: 2000, Level: 0.95, Method: string(stat.BCa)}

// cellKey is what a row of the summary is about, without its bin.
type cellKey struct{ dataset, tokenizer, condition, metric string }

// A cell gathers the values of one metric of one tokenizer under one condition:
// sums by cluster, for every bin.
type cell struct {
	bins map[string]*bin
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
	}
	return b
}

// aggregation is the state of Summarise: everything that is kept of the records.
type aggregation struct {
	m        *Manifest
	specs    map[string]metrics.Spec
	cells    map[cellKey]*cell
	clusters map[string]map[string]int // by data set: cluster id to index
	// left counts instances that are never scored, by data set, condition and
	// reason; unloaded counts images.
	left     map[[3]string]int
	unloaded map[string]int
	failures []Failure

	histograms map[cellKey]*Distribution
}

// Summarise computes the summary of a run directory from its records alone. The
// observers turn stored token states into values of the set; without them
// (reports of an interrupted run) those rows are absent.
func Summarise(dir string, m *Manifest, observers []metrics.Observer) (Summary, error) {
	a := &aggregation{
		m: m, specs: map[string]metrics.Spec{}, cells: map[cellKey]*cell{},
		clusters: map[string]map[string]int{}, left: map[[3]string]int{}, unloaded: map[string]int{},
		histograms: map[cellKey]*Distribution{},
	}
	for _, s := range m.Metrics {
		a.specs[s.ID] = s
	}
	for r, err := range Records(dir) {
		if err != nil {
			return Summary{}, err
		}
		a.add(&r)
	}
	corpus, err := corpusValues(dir, observers)
	if err != nil {
		return Summary{}, err
	}
	rows, err := a.rows(corpus)
	if err != nil {
		return Summary{}, err
	}
	robust, err := a.robustness()
	if err != nil {
		return Summary{}, err
	}
	return Summary{Schema: SchemaVersion, Rows: rows, Robustness: robust, Distributions: a.distributions(), Errors: a.failures}, nil
}

// count puts a value into the histogram of its row.
func (a *aggregation) count(key cellKey, v float64) {
	span := a.m.Suite.Distributions[key.metric]
	if len(span) != 2 {
		return
	}
	d := a.histograms[key]
	if d == nil {
		d = &Distribution{
			Tokenizer: key.tokenizer, Dataset: key.dataset, Condition: key.condition, Metric: key.metric,
			Lo: Number(span[0]), Hi: Number(span[1]), Counts: make([]int, bars),
		}
		a.histograms[key] = d
	}
	d.add(v)
}

func (a *aggregation) distributions() []Distribution {
	var out []Distribution
	for _, d := range a.histograms {
		out = append(out, *d)
	}
	slices.SortFunc(out, func(x, y Distribution) int {
		return cmp.Or(cmp.Compare(x.Dataset, y.Dataset), cmp.Compare(x.Condition, y.Condition),
			cmp.Compare(x.Metric, y.Metric), cmp.Compare(x.Tokenizer, y.Tokenizer))
	})
	return out
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

func (a *aggregation) add(r *Record) {
	if r.Error != "" {
		a.failures = append(a.failures, Failure{
			Tokenizer: r.Tokenizer, Dataset: r.Dataset, Item: r.Item, Instance: r.Instance,
			Condition: r.Condition, Metric: r.Metric, Error: r.Error,
		})
	}
	if r.Tokenizer == "" {
		if r.Instance == "" {
			a.unloaded[r.Dataset]++
		} else {
			a.left[[3]string{r.Dataset, r.Condition, r.Drop}]++
		}
		return
	}
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
	v, ok := r.Float()
	switch {
	case r.Error != "" || !ok:
		b.drop(metrics.DropFailed, 1)
	case r.Drop != "":
		b.drop(r.Drop, 1)
	case math.IsInf(v, 0):
		b.drop(metrics.DropInfinite, 1)
	case math.IsNaN(v):
		b.drop(metrics.DropUndefined, 1)
	default:
		b.grow(k + 1)
		b.num[k] += v * r.Weight()
		b.den[k] += r.Weight()
		b.n++
		a.count(key, v)
	}
}

// corpusValues adds up the stored token states of each tokenizer under each
// condition.
func corpusValues(dir string, observers []metrics.Observer) (map[cellKey]corpusValue, error) {
	out := map[cellKey]corpusValue{}
	if len(observers) == 0 {
		return out, nil
	}
	type group struct{ dataset, tokenizer, condition, observer string }
	byID := map[string]metrics.Observer{}
	for _, o := range observers {
		byID[observerID(o)] = o
	}
	sums := map[group]metrics.Accumulator{}
	counts := map[group]int{}
	path := filepath.Join(dir, codesFile)
	for _, decode := range lines[codeLine](path) {
		l, err := decode()
		if err != nil {
			return nil, err
		}
		o, ok := byID[l.Observer]
		if !ok {
			continue
		}
		g := group{l.Dataset, l.Tokenizer, l.Condition, l.Observer}
		if sums[g] == nil {
			sums[g] = o.NewAccumulator()
		}
		if err := sums[g].Add(l.State); err != nil {
			return nil, fmt.Errorf("reading %s: tokens of %s on %s: %w", path, l.Tokenizer, l.Item, err)
		}
		counts[g]++
	}
	for g, acc := range sums {
		values, err := acc.Result()
		if err != nil {
			return nil, fmt.Errorf("summing the tokens of %s under %s: %w", g.tokenizer, g.condition, err)
		}
		for _, v := range values {
			out[cellKey{g.dataset, g.tokenizer, g.condition, v.Metric}] = corpusValue{v, counts[g]}
		}
	}
	return out, nil
}

type corpusValue struct {
	metrics.Value
	images int
}

func observerID(o metrics.Observer) string { return o.Specs()[0].ID }

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
			for _, cond := range a.m.Suite.allConditions() {
				for _, id := range a.m.Suite.Metrics {
					key := cellKey{d.Name, t.Name, cond.String(), id}
					base := Row{Tokenizer: t.Name, Suite: a.m.Suite.ID, Dataset: d.Name, Condition: key.condition, Metric: id}
					if v, ok := corpus[key]; ok {
						base.Mean, base.Lo, base.Hi = Number(v.Value.Value), nan, nan
						base.N, base.Clusters = v.images, v.images
						rows = append(rows, base)
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

var nan = Number(math.NaN())

// cellRows makes the rows of one cell: one a bin, their unweighted mean and the
// pool, or a single row for metrics of whole images.
func (a *aggregation) cellRows(base Row, c *cell, names []string, plan *stat.Plan, clusters int) ([]Row, error) {
	spec := a.specs[base.Metric]
	opts := stat.Options{Level: a.m.Bootstrap.Level, Method: stat.Method(a.m.Bootstrap.Method)}
	row := func(name string, s stat.Statistic, n, k int, dropped map[string]int) (Row, error) {
		r := base
		r.Bin, r.N, r.Clusters = name, n, k
		if len(dropped) > 0 {
			r.Dropped = dropped
		}
		r.Mean, r.Lo, r.Hi = nan, nan, nan
		if n == 0 {
			return r, nil
		}
		iv, err := plan.Interval(s, opts)
		if err != nil {
			return r, err
		}
		r.Mean = Number(iv.Estimate)
		if iv.Clusters > 1 { // one image says nothing about others
			r.Lo, r.Hi = Number(iv.Lo), Number(iv.Hi)
		}
		for _, w := range iv.Warnings {
			r.Warnings = append(r.Warnings, string(w))
		}
		return r, nil
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

	if spec.Scope != metrics.PerInstance {
		b := c.bin(BinAll)
		b.drop(metrics.DropLoad, a.unloaded[base.Dataset])
		r, err := row(BinAll, stat.Single(ratio(b)), b.n, support(b), b.dropped)
		return []Row{r}, err
	}

	pool := &bin{dropped: map[string]int{}}
	pool.grow(clusters)
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
		r, err := row(BinMean, stat.MeanOf(ratios...), n, support(pool), pool.dropped)
		if err != nil {
			return nil, err
		}
		rows = append(rows, r)
	}
	r, err := row(BinAll, stat.Single(stat.Ratio{Num: pool.num, Den: pool.den}), pool.n, support(pool), pool.dropped)
	if err != nil {
		return nil, err
	}
	return append(rows, r), nil
}

// timings reads the medians of every tokenizer under every condition.
func timings(dir string, m *Manifest) ([]Timing, error) {
	type key struct{ tokenizer, condition string }
	type sample struct {
		encode, decode []float64
		pixels         int
		n              int
		total          float64
	}
	samples := map[key]*sample{}
	for _, decode := range lines[timingLine](filepath.Join(dir, timingsFile)) {
		l, err := decode()
		if err != nil {
			return nil, err
		}
		k := key{l.Tokenizer, l.Condition}
		s := samples[k]
		if s == nil {
			s = &sample{}
			samples[k] = s
		}
		s.n++
		if l.EncodeNS > 0 {
			s.encode = append(s.encode, float64(l.EncodeNS)/1e6)
		}
		if l.DecodeNS > 0 {
			s.decode = append(s.decode, float64(l.DecodeNS)/1e6)
		}
		if t := l.EncodeNS + l.DecodeNS; t > 0 {
			s.pixels += l.Pixels
			s.total += float64(t) / 1e9
		}
	}
	var out []Timing
	for _, t := range m.Tokenizers {
		for _, c := range m.Suite.conditions() {
			s := samples[key{t.Name, c.String()}]
			if s == nil {
				continue
			}
			out = append(out, Timing{
				Tokenizer: t.Name, Condition: c.String(), Images: s.n,
				EncodeMS: Number(median(s.encode)), DecodeMS: Number(median(s.decode)),
				MegapixelsS: Number(float64(s.pixels) / 1e6 / s.total),
			})
		}
	}
	return out, nil
}

func median(v []float64) float64 {
	if len(v) == 0 {
		return math.NaN()
	}
	slices.Sort(v)
	if n := len(v); n%2 == 0 {
		return (v[n/2-1] + v[n/2]) / 2
	}
	return v[len(v)/2]
}
