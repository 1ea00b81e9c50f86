package summary

import (
	"fmt"
	"math"
	"path/filepath"

	"github.com/vtbench/vtbench/bench/record"
	"github.com/vtbench/vtbench/metrics"
)

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
		byID[ObserverID(o)] = o
	}
	sums := map[group]metrics.Accumulator{}
	counts := map[group]int{}
	path := filepath.Join(dir, record.CodesFile)
	for l, err := range record.Codes(dir) {
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
