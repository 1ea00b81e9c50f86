package quant

import "github.com/vtbench/vtbench/tokenizers"

// No quantizer at all: the latents stay numbers, as in a KL-regularised
// autoencoder at its mean. It bounds from above what any quantizer of the same
// latents can reach.
func klRule() rule {
	return rule{
		name:    "kl",
		summary: "continuous PCA latents of patches, not quantized",
		example: "kl:patch=8,dim=16",
		options: []tokenizers.Option{
			patchOption(8),
			tokenizers.IntOption("dim", 16, 1, maxDim, "numbers a patch becomes; at most as many as were fitted"),
			fileOption(),
		},
		stem: func(o tokenizers.Options) string { return transformStem(o["patch"]) },
		dim:  func(o tokenizers.Options) int { return o.Int("dim") },
		open: func(*Artefact, *Transform, tokenizers.Options) (Quantizer, error) { return nil, nil },
	}
}
