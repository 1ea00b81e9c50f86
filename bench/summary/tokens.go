package summary

import (
	"fmt"
	"math"
	"path/filepath"

	"github.com/vtbench/vtbench/bench/record"
	"github.com/vtbench/vtbench/internal/sanity"
	"github.com/vtbench/vtbench/metrics"
)

// states is what the stored states of all reconstructions amount to.
type states struct {
	corpus map[cellKey]corpusValue
	alarms []Alarm
}

// readStates adds up the stored token states of each tokenizer under each condition, and
// the statistics of its pictures on each data set.
func readStates(dir string, observers []metrics.Observer) (states, error) {
	type group struct{ dataset, tokenizer, condition, observer string }
	byID := map[string]metrics.Observer{}
	for _, o := range observers {
		byID[ObserverID(o)] = o
	}
	sums := map[group]metrics.Accumulator{}
	counts := map[group]int{}
	looks := map[group]*sanity.Sums{}
	var looked []group
	path := filepath.Join(dir, record.CodesFile)
	for l, err := range record.Codes(dir) {
		if err != nil {
			return states{}, err
		}
		if l.Observer == SanityID {
			one, err := sanity.Parse(l.State)
			if err != nil {
				return states{}, fmt.Errorf("reading %s: %s on %s: %w", path, l.Tokenizer, l.Item, err)
			}
			g := group{dataset: l.Dataset, tokenizer: l.Tokenizer}
			if looks[g] == nil {
				looks[g] = &sanity.Sums{}
				looked = append(looked, g)
			}
			looks[g].Add(one)
			continue
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
			return states{}, fmt.Errorf("reading %s: tokens of %s on %s: %w", path, l.Tokenizer, l.Item, err)
		}
		counts[g]++
	}
	out := states{corpus: map[cellKey]corpusValue{}}
	for g, acc := range sums {
		values, err := acc.Result()
		if err != nil {
			return states{}, fmt.Errorf("summing the tokens of %s under %s: %w", g.tokenizer, g.condition, err)
		}
		for _, v := range values {
			out.corpus[cellKey{g.dataset, g.tokenizer, g.condition, v.Metric}] = corpusValue{v, counts[g]}
		}
	}
	for _, g := range looked { // in the order of the plan
		for _, a := range looks[g].Alarms() {
			out.alarms = append(out.alarms, Alarm{Tokenizer: g.tokenizer, Dataset: g.dataset, Kind: a.Kind, Text: a.Text})
		}
	}
	return out, nil
}

type corpusValue struct {
	metrics.Value
	images int
}

// SanityID marks the statistics of pictures among the states of observers.
const SanityID = "sanity"

// ObserverID is the id of an observer, that of its first spec.
func ObserverID(o metrics.Observer) string { return o.Specs()[0].ID }

// Metrics that the runner itself measures where a suite asks for them.
const (
	// TokenFlip is the share of tokens that differ from those of the clean image. On
	// clean images it is the floor: what encoding the reconstruction again flips.
	TokenFlip = "token-flip"
	// CodewordDistance is the mean distance between the codewords of flipped tokens.
	CodewordDistance = "codeword-distance"
)

// TokenMetrics are the specs of what the runner itself measures.
func TokenMetrics() []metrics.Spec {
	return []metrics.Spec{
		{
			ID: TokenFlip, Version: 1, Weighted: true, Title: "Flipped tokens", Unit: "share", Better: metrics.Lower, Min: 0, Max: 1, Scope: metrics.PerImage,
			Source: "share of tokens unlike those of the clean image; on clean images: flipped by encoding the reconstruction again",
			Role:   metrics.RoleTokens, Show: metrics.Percent(1), Margin: metrics.Margin{Absolute: .01},
			Short: "share of tokens that change under damage",
			Long:  "Token ids of the damaged picture that differ from those of the clean one; on clean pictures, those that encoding the reconstruction again changes.",
		},
		{
			ID: CodewordDistance, Version: 1, Weighted: true, Title: "Codeword distance", Better: metrics.Lower, Min: 0, Max: math.Inf(1), Scope: metrics.PerImage,
			Source: "mean Euclidean distance between the codewords of flipped tokens, in units of the tokenizer's own codebook",
			Role:   metrics.RoleTokens, Show: metrics.Fixed(3), Margin: metrics.Margin{Relative: .02},
			Short: "how far flipped tokens moved",
			Long:  "Mean distance between the codewords of flipped tokens, in units of the tokenizer's own codebook: not comparable between tokenizers.",
		},
	}
}
