package view

import (
	"slices"

	"github.com/vtbench/vtbench/bench/summary"
	"github.com/vtbench/vtbench/datasets"
	"github.com/vtbench/vtbench/metrics"
)

// A Tally says what became of the instances (or images) behind a table.
type Tally struct {
	Kept    Span
	Reasons []Reason // in the order of ReasonTitle, only what occurs
	Tokens  []TokenTally
}

// A Span is a count that may differ between tokenizers.
type Span struct{ Min, Max int }

// A Reason is why values stay out of the means, and how many.
type Reason struct {
	Key, Title string
	Span
}

// TokenTally is what became of the instances of one tokenizer.
type TokenTally struct {
	Token    Token
	Kept     int
	Clusters int
	Dropped  map[string]int
}

// reasonTitles words the reasons of package metrics, in the order in which they
// are listed.
var reasonTitles = []struct{ key, title string }{
	{metrics.DropUnreadable, "unreadable in the original"},
	{metrics.DropOutside, "outside the bins"},
	{metrics.DropIgnored, "marked don't-care"},
	{metrics.DropFailed, "failed"},
	{metrics.DropLoad, "could not be loaded"},
	{datasets.LostMalformed, "labels malformed"},
	{datasets.LostMissing, "labels missing"},
	{datasets.LostNoArea, "labels without area"},
	{datasets.LostOutside, "labels outside the image"},
	{metrics.DropNotFound, "not found"},
	{metrics.DropPoints, "with key points that make no face"},
	{metrics.DropBox, "with a box that does not hold the points"},
	{metrics.DropCut, "cut off by the border"},
	{metrics.DropInfinite, "infinite"},
	{metrics.DropUndefined, "undefined"},
}

// ReasonTitle words a reason for which a value stays out of a mean.
func ReasonTitle(key string) string {
	for _, r := range reasonTitles {
		if r.key == key {
			return r.title
		}
	}
	return key
}

func reasonRank(key string) int {
	for i, r := range reasonTitles {
		if r.key == key {
			return i
		}
	}
	return len(reasonTitles)
}

// Tally counts what stands behind the table of a metric: from the row over all
// bins where there is one, else from the bins together.
func (v *View) Tally(dataset, condition, metric string) Tally {
	c, _ := v.Condition(condition)
	var t Tally
	spans := map[string]*Span{}
	first := true
	for _, tok := range v.Tokens {
		tt := TokenTally{Token: tok, Dropped: map[string]int{}}
		found := false
		add := func(r summary.Row) {
			found = true
			tt.Kept += r.N
			tt.Clusters = max(tt.Clusters, r.Clusters)
			for k, n := range r.Dropped {
				tt.Dropped[k] += n
			}
		}
		if r, ok := v.cell(tok, dataset, c, summary.BinAll, metric); ok {
			add(r)
		} else {
			for _, b := range v.Bins {
				if r, ok := v.cell(tok, dataset, c, b, metric); ok {
					add(r)
				}
			}
		}
		if !found {
			continue
		}
		t.Tokens = append(t.Tokens, tt)
		if first {
			t.Kept = Span{tt.Kept, tt.Kept}
			first = false
		}
		t.Kept.add(tt.Kept)
		for k := range tt.Dropped {
			if spans[k] == nil {
				spans[k] = &Span{Min: tt.Dropped[k], Max: tt.Dropped[k]}
			}
		}
	}
	for k, s := range spans {
		for _, tt := range t.Tokens {
			s.add(tt.Dropped[k])
		}
		if s.Max > 0 {
			t.Reasons = append(t.Reasons, Reason{Key: k, Title: ReasonTitle(k), Span: *s})
		}
	}
	slices.SortFunc(t.Reasons, func(a, b Reason) int {
		if d := reasonRank(a.Key) - reasonRank(b.Key); d != 0 {
			return d
		}
		if a.Key < b.Key {
			return -1
		}
		return 1
	})
	return t
}

func (s *Span) add(n int) { s.Min, s.Max = min(s.Min, n), max(s.Max, n) }
