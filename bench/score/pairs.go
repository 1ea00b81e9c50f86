package score

import (
	"iter"
	"math"
	"slices"
	"sync"

	"github.com/vtbench/vtbench/bench/record"
)

// A PairScore is what was measured on one pair.
type PairScore struct {
	Name    string                   `json:"name"`
	Metrics map[string]record.Number `json:"metrics"`
	Notes   map[string]string        `json:"notes,omitempty"`  // why a number is null: "inf", "nan"
	Errors  map[string]string        `json:"errors,omitempty"` // metrics that could not be computed
	Error   string                   `json:"error,omitempty"`  // the pair could not be read or compared
}

// PairScores are the scores of all pairs. There may be a million: a value takes nine
// bytes, taken before the first pair is scored, so that memory does not grow while they
// are.
type PairScores struct {
	pairs  []Pair
	ids    []string
	values []float64 // a row a pair, a column an id
	have   []bool    // that there is a value

	mu     sync.Mutex
	faults map[int]fault // by pair: few
}

// fault says why values of a pair are missing.
type fault struct {
	whole string            // all of them
	of    map[string]string // by id
}

func newPairScores(pairs []Pair, ids []string) *PairScores {
	p := &PairScores{pairs: pairs, ids: ids, values: make([]float64, len(pairs)*len(ids)), have: make([]bool, len(pairs)*len(ids))}
	for i := range p.values {
		p.values[i] = math.NaN()
	}
	return p
}

// set stores a value of pair i, if its metric is asked for.
func (p *PairScores) set(i int, id string, v float64) {
	if k := slices.Index(p.ids, id); k >= 0 {
		p.values[i*len(p.ids)+k], p.have[i*len(p.ids)+k] = v, true
	}
}

// fail says why pair i has no value of a metric, or none at all where id is "".
func (p *PairScores) fail(i int, id, why string) {
	if id != "" && !slices.Contains(p.ids, id) {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.faults == nil {
		p.faults = map[int]fault{}
	}
	f := p.faults[i]
	if id == "" {
		f.whole = why
	} else {
		if f.of == nil {
			f.of = map[string]string{}
		}
		f.of[id] = why
	}
	p.faults[i] = f
}

// Len counts the pairs.
func (p *PairScores) Len() int { return len(p.pairs) }

// Failed counts pairs with an error of any kind.
func (p *PairScores) Failed() int { return len(p.faults) }

// At returns the scores of pair i.
func (p *PairScores) At(i int) PairScore {
	f := p.faults[i]
	s := PairScore{Name: p.pairs[i].Name, Metrics: map[string]record.Number{}, Errors: f.of, Error: f.whole}
	for k, id := range p.ids {
		if !p.have[i*len(p.ids)+k] {
			continue
		}
		v := p.values[i*len(p.ids)+k]
		s.Metrics[id] = record.Number(v)
		if n := record.NoteOf(v); n != "" {
			if s.Notes == nil {
				s.Notes = map[string]string{}
			}
			s.Notes[id] = n
		}
	}
	return s
}

// All yields the scores of all pairs by their order.
func (p *PairScores) All() iter.Seq[PairScore] {
	return func(yield func(PairScore) bool) {
		for i := range p.pairs {
			if !yield(p.At(i)) {
				return
			}
		}
	}
}
