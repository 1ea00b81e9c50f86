package token

import (
	"github.com/vtbench/vtbench/metrics"
	"github.com/vtbench/vtbench/tokenizers"
)

// Ids of the metrics of [Stability].
const (
	Flip     = "token-flip"        // flipped tokens / tokens
	Distance = "codeword-distance" // mean distance of the codewords of flipped tokens
)

// Stability measures how many tokens of an image change, and how far.
type Stability struct{}

var _ metrics.CodeComparer = Stability{}

// StabilityKind is its entry for a registry.
func StabilityKind() metrics.Kind {
	return metrics.Kind{Specs: Stability{}.Specs(), Codes: Stability{}}
}

// Specs implements metrics.CodeComparer.
func (Stability) Specs() []metrics.Spec {
	return []metrics.Spec{
		{
			ID: Flip, Version: 1, Weighted: true, Title: "Flipped tokens", Unit: "share", Better: metrics.Lower, Min: 0, Max: 1, Scope: metrics.PerImage,
			Source: "share of tokens unlike those of the clean image; on clean images: flipped by encoding the reconstruction again",
			Role:   metrics.RoleStability, Show: metrics.Percent(1), Margin: metrics.Margin{Absolute: .01},
			Short: "share of tokens that change under damage",
			Long:  "Token ids of the damaged picture that differ from those of the clean one; on clean pictures, those that encoding the reconstruction again changes.",
		},
		{
			ID: Distance, Version: 1, Weighted: true, Title: "Codeword distance", Better: metrics.Lower, Min: 0, Max: inf, Scope: metrics.PerImage,
			Source: "mean Euclidean distance between the codewords of flipped tokens, in units of the tokenizer's own codebook",
			Role:   metrics.RoleTokens, Show: metrics.Fixed(3), Margin: metrics.Margin{Relative: .02},
			Short: "how far flipped tokens moved",
			Long:  "Mean distance between the codewords of flipped tokens, in units of the tokenizer's own codebook: not comparable between tokenizers.",
		},
	}
}

// Compare implements metrics.CodeComparer: shares are weighted by tokens, distances by
// flipped tokens. Without any there is no value.
func (Stability) Compare(before, after *tokenizers.Codes, near tokenizers.Neighbourer) ([]metrics.Value, error) {
	f, err := Compare(before, after, near)
	if err != nil {
		return nil, err
	}
	var out []metrics.Value
	if f.Tokens > 0 {
		out = append(out, metrics.Value{Metric: Flip, Value: f.Rate(), N: float64(f.Tokens)})
	}
	if f.Measured > 0 {
		out = append(out, metrics.Value{Metric: Distance, Value: f.MeanDistance(), N: float64(f.Measured)})
	}
	return out, nil
}
