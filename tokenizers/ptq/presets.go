package ptq

import (
	"fmt"
	"math"
	"slices"

	"github.com/vtbench/vtbench/tokenizers/ptq/weights"
	"github.com/vtbench/vtbench/tokenizers/quant/scalar"
)

// activations is what a rule does to them where they are quantized.
type activations int

const (
	oneStep activations = iota // of all channels
	foldedMean
	foldedMedian
	smooth
)

// A preset is a published rule: parts of package weights, and what goes with them.
type preset struct {
	name, summary, source string
	bits                  float64 // unless said otherwise
	abits                 int     // the same of activations; 0: float
	fits                  func(bits float64) bool
	activations           activations
	sequential            bool // layers are fitted one after the other, to what those before give
	important             bool // inputs count by the edges they come from
	mixed                 bool // bits differ by layer
	plain                 bool // needs no second moments
	rule                  func(s settings) weights.Rule
}

// settings are the options that change a preset.
type settings struct {
	shared   bool // one scale a matrix
	group    int
	rank     int
	outliers float64
	digits   int
}

func (s settings) scalar(scale scalar.Scale, feedback weights.Feedback) weights.Scalar {
	return weights.Scalar{Scale: scale, Shared: s.shared, Group: s.group, Feedback: feedback}
}

const rotationSeed = 20160421

func whole(least, most float64) func(float64) bool {
	return func(b float64) bool { return b == math.Trunc(b) && b >= least && b <= most }
}

// orTernary adds three levels.
func orTernary(f func(float64) bool) func(float64) bool {
	return func(b float64) bool { return f(b) || isTernary(b) }
}

func isTernary(b float64) bool { return math.Abs(b-math.Log2(3)) < .01 }

func vectorBits(list ...float64) func(float64) bool {
	return func(b float64) bool { return slices.Contains(list, b) }
}

// presets are all rules. Whether a formula could be read in the authors' code or only in
// an abstract stands in docs/weights.md.
func presets() []preset {
	any8 := orTernary(whole(1, 8))
	return []preset{
		{
			name: "rtn", summary: "nearest of equally spaced values up to the largest weight", bits: 4, fits: any8, plain: true,
			rule: func(s settings) weights.Rule { return s.scalar(scalar.MinMax, weights.Nearest) },
		},
		{
			name: "mse", summary: "the same, up to where the squared error is least", bits: 4, fits: any8, plain: true,
			rule: func(s settings) weights.Rule { return s.scalar(scalar.MSE, weights.Nearest) },
		},
		{
			name: "percentile", summary: "the same, up to the best of three quantiles", source: "RepQ-ViT, arXiv:2212.08254", bits: 4, fits: any8, plain: true,
			rule: func(s settings) weights.Rule { return s.scalar(scalar.Percentile, weights.Nearest) },
		},
		{
			name: "statsq", summary: "scale from the mean magnitude", source: "OFQ, arXiv:2302.02210", bits: 4, fits: any8, plain: true,
			rule: func(s settings) weights.Rule { return s.scalar(scalar.StatsQ, weights.Nearest) },
		},
		{
			name: "learned", summary: "scales and codes of least error of each layer's outputs, one layer after the other", source: "EfficientQAT, arXiv:2407.11062; Genie, arXiv:2212.04780", bits: 4, fits: any8, sequential: true,
			rule: func(s settings) weights.Rule { return s.scalar(scalar.MSE, weights.Learned) },
		},
		{
			name: "repq", summary: "activations by channel, folded to one step; weights quantized behind the fold", source: "RepQ-ViT, arXiv:2212.08254", bits: 4, abits: 8, fits: any8, activations: foldedMean,
			rule: func(s settings) weights.Rule { return s.scalar(scalar.MSE, weights.Nearest) },
		},
		{
			name: "mosf", summary: "repq with the median of the steps", source: "DopQ-ViT, arXiv:2408.03291", bits: 4, abits: 8, fits: any8, activations: foldedMedian,
			rule: func(s settings) weights.Rule { return s.scalar(scalar.MSE, weights.Nearest) },
		},
		{
			name: "gptq", summary: "column after column, the error made up for by those left", source: "GPTQ, arXiv:2210.17323", bits: 4, fits: any8,
			rule: func(s settings) weights.Rule { return s.scalar(scalar.MSE, weights.GPTQ) },
		},
		{
			name: "rsq", summary: "gptq in rotated directions, inputs at edges counting more", source: "RSQ, arXiv:2503.01820", bits: 4, fits: any8, important: true,
			rule: func(s settings) weights.Rule {
				return weights.Rotated{Rule: s.scalar(scalar.MSE, weights.GPTQ), Seed: rotationSeed}
			},
		},
		{
			name: "quest", summary: "Hadamard directions, the best grid of a normal distribution; down to one bit", source: "QuEST, arXiv:2502.05003", bits: 4, fits: any8, plain: true,
			rule: func(s settings) weights.Rule {
				return weights.Rotated{Rule: s.scalar(scalar.Gaussian, weights.Nearest), Seed: rotationSeed}
			},
		},
		{
			name: "nuq", summary: "levels by k-means weighted by what errors cost, outliers exact", source: "KVQuant, arXiv:2401.18079", bits: 4, fits: any8,
			rule: func(s settings) weights.Rule {
				levels := weights.Scalar{Grid: scalar.KMeans}
				if s.outliers == 0 {
					return levels
				}
				return weights.Exact{Rule: levels, Share: s.outliers}
			},
		},
		{
			name: "ternary", summary: "three values; between 1 and 2 bits, rows of large range two bits and the others one in Fourier's domain", source: "VidKV, arXiv:2503.16257", bits: math.Log2(3),
			fits: func(b float64) bool { return b >= 1 && b <= 2 }, plain: true,
			rule: func(s settings) weights.Rule {
				one := s.scalar(scalar.MSE, weights.Nearest)
				low := one
				low.Group = 32
				return ternaryOr{one, weights.Split{Wide: one, Others: weights.Rotated{Rule: low, Fourier: true}}}
			},
		},
		{
			name: "lowrank", summary: "few bits and a branch of low rank in half precision", source: "SVDQuant, arXiv:2411.05007; INT2.1, arXiv:2306.08162", bits: 4, fits: any8, activations: smooth,
			rule: func(s settings) weights.Rule {
				return weights.Branch{Rule: s.scalar(scalar.MSE, weights.Nearest), Rank: s.rank}
			},
		},
		{
			name: "qvgen", summary: "a branch of low rank that is taken away again", source: "QVGen, arXiv:2505.11497", bits: 4, fits: any8,
			rule: func(s settings) weights.Rule {
				return weights.Branch{Rule: s.scalar(scalar.MSE, weights.GPTQ), Rank: 4 * s.rank, Decay: true}
			},
		},
		{
			name: "vptq", summary: "vectors of weights, codebooks and feedback by second moments", source: "VPTQ, arXiv:2409.17066", bits: 2, fits: vectorBits(1, 2, 3, 4, 6, 8),
			rule: func(s settings) weights.Rule { return s.vector(weights.Vector{}) },
		},
		{
			name: "vq4dit", summary: "vptq, each code the best of the eight nearest candidates", source: "VQ4DiT, arXiv:2408.17131", bits: 2, fits: vectorBits(1, 2, 3, 4, 6, 8),
			rule: func(s settings) weights.Rule { return s.vector(weights.Vector{Search: weights.Candidates}) },
		},
		{
			name: "pv", summary: "vptq, books by least squares and a hundredth of the codes moved in turn", source: "PV-Tuning, arXiv:2405.14852", bits: 2, fits: vectorBits(1, 2, 3, 4, 6, 8),
			rule: func(s settings) weights.Rule { return s.vector(weights.Vector{Search: weights.Trust}) },
		},
		{
			name: "lr2vq", summary: "vectors of weights clustered in half as many dimensions", source: "LR²VQ, Li et al. 2025 (abstract)", bits: 2, fits: vectorBits(1, 2),
			rule: func(s settings) weights.Rule { return s.vector(weights.Vector{LowRank: true}) },
		},
		{
			name: "mixed", summary: "gptq with the bits of each layer by what they cost", source: "HAWQ-V3, arXiv:2011.10680", bits: 4, fits: func(b float64) bool { return b >= 2 && b <= 8 }, mixed: true,
			rule: func(s settings) weights.Rule { return s.scalar(scalar.MSE, weights.GPTQ) },
		},
		{
			name: "dyadic", summary: "steps and zero points of integer arithmetic: integers over powers of two", source: "HAWQ-V3, arXiv:2011.10680; MergeQuant, arXiv:2503.07654", bits: 8, abits: 8, fits: whole(2, 8), plain: true,
			rule: func(s settings) weights.Rule {
				r := s.scalar(scalar.MinMax, weights.Nearest)
				r.Asymmetric, r.Dyadic = true, s.digits
				return r
			},
		},
	}
}

// vector is a rule of vectors; matrices that are too small for codebooks get codes of
// single weights with feedback.
func (s settings) vector(v weights.Vector) weights.Rule {
	v.Small, v.Seed = weights.Scalar{Feedback: weights.GPTQ}, rotationSeed
	return v
}

// ternaryOr codes with three levels at 1.58 bits, and as the other rule says at others.
type ternaryOr struct{ three, other weights.Rule }

// Code implements [weights.Rule].
func (r ternaryOr) Code(p *weights.Problem, bits float64) (weights.Form, error) {
	if isTernary(bits) {
		return r.three.Code(p, bits)
	}
	return r.other.Code(p, bits)
}

func presetOf(name string) (preset, error) {
	for _, p := range presets() {
		if p.name == name {
			return p, nil
		}
	}
	return preset{}, fmt.Errorf("there is no rule %q", name)
}

func presetNames() []string {
	var out []string
	for _, p := range presets() {
		out = append(out, p.name)
	}
	return out
}
