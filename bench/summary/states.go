package summary

import (
	"cmp"
	"fmt"
	"path/filepath"
	"slices"

	"github.com/vtbench/vtbench/bench/record"
	"github.com/vtbench/vtbench/bench/suite"
	"github.com/vtbench/vtbench/internal/sanity"
	"github.com/vtbench/vtbench/metrics"
)

// ObserverID is the name of an observer in stored states: that of its first metric.
func ObserverID(o metrics.Observer) string { return o.Specs()[0].ID }

// corpusValue is a value of a whole set, and the number of images behind it.
type corpusValue struct {
	metrics.Value
	images int
}

// states is codes.jsonl, read once for observers and indexed for metrics of sets: the
// features of a large set are read again for every tokenizer, so that one set and its
// references are in memory at a time.
type states struct {
	m      *record.Manifest
	dir    string
	kinds  map[string]metrics.Kind     // by observer
	places map[stateKey][]record.Place // of metrics of sets
	corpus map[cellKey]corpusValue
	alarms []Alarm
}

// stateKey is one set of stored states; without a tokenizer it is one of references.
type stateKey struct{ dataset, tokenizer, condition, observer string }

// SanityID marks the statistics of pictures among the states of observers.
const SanityID = "sanity"

// readStates makes the values of whole sets from stored states, and looks at the
// statistics of each tokenizer's pictures on each data set.
func readStates(dir string, m *record.Manifest, kinds []metrics.Kind) (*states, error) {
	s := &states{m: m, dir: dir, kinds: map[string]metrics.Kind{}, places: map[stateKey][]record.Place{}, corpus: map[cellKey]corpusValue{}}
	for _, k := range kinds {
		if k.Observer != nil || k.Sets != nil {
			s.kinds[k.Specs[0].ID] = k
		}
	}
	if err := s.observe(); err != nil {
		return nil, err
	}
	return s, s.compare()
}

// observe adds up the tokens of each tokenizer under each condition, and notes where
// the states for metrics of sets are.
func (s *states) observe() error {
	sums := map[stateKey]metrics.Accumulator{}
	var summed []stateKey // in the order of the plan
	counts := map[stateKey]int{}
	looks := map[stateKey]*sanity.Sums{}
	var looked []stateKey
	for at, err := range record.LocatedCodes(s.dir) {
		if err != nil {
			return err
		}
		l := at.Line
		if l.Observer == SanityID {
			one, err := sanity.Parse(l.State)
			if err != nil {
				return fmt.Errorf("reading %s: %s on %s: %w", filepath.Join(s.dir, record.CodesFile), l.Tokenizer, l.Item, err)
			}
			g := stateKey{dataset: l.Dataset, tokenizer: l.Tokenizer}
			if looks[g] == nil {
				looks[g] = &sanity.Sums{}
				looked = append(looked, g)
			}
			looks[g].Add(one)
			continue
		}
		k, ok := s.kinds[l.Observer]
		if !ok {
			continue
		}
		g := stateKey{l.Dataset, l.Tokenizer, l.Condition, l.Observer}
		if k.Sets != nil {
			s.places[g] = append(s.places[g], at.Place)
			continue
		}
		if sums[g] == nil {
			sums[g] = k.Observer.NewAccumulator()
			summed = append(summed, g)
		}
		if err := sums[g].Add(l.State); err != nil {
			return fmt.Errorf("reading %s: tokens of %s on %s: %w", filepath.Join(s.dir, record.CodesFile), l.Tokenizer, l.Item, err)
		}
		counts[g]++
	}
	for g, acc := range sums {
		values, err := acc.Result()
		if err != nil {
			return fmt.Errorf("summing the tokens of %s under %s: %w", g.tokenizer, g.condition, err)
		}
		for _, v := range values {
			s.corpus[cellKey{g.dataset, g.tokenizer, g.condition, v.Metric}] = corpusValue{v, counts[g]}
		}
	}
	for _, g := range looked { // in the order of the plan
		for _, a := range looks[g].Alarms() {
			s.alarms = append(s.alarms, Alarm{Tokenizer: g.tokenizer, Dataset: g.dataset, Kind: a.Kind, Text: a.Text})
		}
	}
	return s.warnings(summed, sums)
}

// warnings asks observers what they see in a set, all undamaged conditions together.
func (s *states) warnings(summed []stateKey, sums map[stateKey]metrics.Accumulator) error {
	clean := map[stateKey]metrics.Accumulator{}
	var order []stateKey
	for _, g := range summed {
		if c, err := suite.ParseCondition(g.condition); err != nil || c.Corruption != "" {
			continue
		}
		if _, ok := sums[g].(metrics.Warner); !ok {
			continue
		}
		all := g
		all.condition = ""
		if clean[all] == nil {
			clean[all] = s.kinds[g.observer].Observer.NewAccumulator()
			order = append(order, all)
		}
		if err := clean[all].Merge(sums[g]); err != nil {
			return fmt.Errorf("summing the tokens of %s: %w", g.tokenizer, err)
		}
	}
	for _, g := range order {
		for _, text := range clean[g].(metrics.Warner).Warnings() {
			s.alarms = append(s.alarms, Alarm{Tokenizer: g.tokenizer, Dataset: g.dataset, Kind: Collapse, Text: text})
		}
	}
	return nil
}

// compare compares every set of reconstructions with its references.
func (s *states) compare() error {
	type comparison struct {
		ref, got  stateKey
		condition string
	}
	var todo []comparison
	for key := range s.places {
		if key.tokenizer == "" {
			continue
		}
		c, err := suite.ParseCondition(key.condition)
		if err != nil {
			return fmt.Errorf("reading %s: %w", filepath.Join(s.dir, record.CodesFile), err)
		}
		add := func(c suite.Condition) {
			ref := stateKey{key.dataset, "", s.m.Suite.ReferenceOf(c).String(), key.observer}
			todo = append(todo, comparison{ref, key, c.String()})
		}
		add(c)
		if c.DamagesImage() {
			c.Against = suite.AgainstClean
			add(c)
		}
	}
	slices.SortFunc(todo, func(a, b comparison) int { // those of the same references together
		return cmp.Or(a.ref.compare(b.ref), a.got.compare(b.got), cmp.Compare(a.condition, b.condition))
	})
	var ref metrics.Gathering
	for i, c := range todo {
		cfg := metrics.Config{Options: s.m.Suite.Options, Seed: s.m.Seed}
		k := s.kinds[c.got.observer]
		if i == 0 || c.ref != todo[i-1].ref {
			var err error
			if ref, err = s.gather(k.Sets.Gather(cfg), c.ref); err != nil {
				return err
			}
		}
		got, err := s.gather(k.Sets.Gather(cfg), c.got)
		if err != nil {
			return err
		}
		values, err := k.Sets.Compare(cfg, s.m.Suite.Metrics, ref, got)
		if err != nil {
			return fmt.Errorf("comparing the images of %s under %s with their references: %w", c.got.tokenizer, c.condition, err)
		}
		for _, v := range values {
			s.corpus[cellKey{c.got.dataset, c.got.tokenizer, c.condition, v.Metric}] = corpusValue{v, len(s.places[c.got])}
		}
	}
	return nil
}

func (k stateKey) compare(o stateKey) int {
	return cmp.Or(cmp.Compare(k.dataset, o.dataset), cmp.Compare(k.observer, o.observer), cmp.Compare(k.condition, o.condition), cmp.Compare(k.tokenizer, o.tokenizer))
}

// gather reads one set.
func (s *states) gather(g metrics.Gathering, key stateKey) (metrics.Gathering, error) {
	for l, err := range record.CodesAt(s.dir, s.places[key]) {
		if err != nil {
			return nil, err
		}
		if err := g.Add(l.Item, l.State); err != nil {
			return nil, fmt.Errorf("reading %s: %w", filepath.Join(s.dir, record.CodesFile), err)
		}
	}
	return g, nil
}
