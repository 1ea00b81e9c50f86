package quant

import (
	"context"
	"errors"
	"math"
	"time"

	"github.com/vtbench/vtbench/pix"
	"github.com/vtbench/vtbench/tokenizers"
)

// No quantizer at all: the latents stay numbers, as in a KL-regularised
// autoencoder at its mean. It bounds from above what any quantizer of the same
// latents can reach. With noise it is the autoencoder's posterior: a latent that
// varies less than the noise tells nothing, and what all of them can tell is a rate.
func klRule() rule {
	return rule{
		name:    "kl",
		group:   groupContinuous,
		summary: "continuous PCA latents of patches, not quantized; optionally with noise",
		example: "kl:patch=8,dim=16",
		options: []tokenizers.Option{
			patchOption(8),
			tokenizers.IntOption("dim", 16, 1, maxDim, "numbers a patch becomes; at most as many as were fitted"),
			tokenizers.FloatOption("noise", 0, 0, 1e4, "standard deviation of the noise on every latent, in grey values; the capacity it leaves is the rate"),
			fileOption(),
		},
		stem: func(o tokenizers.Options) string { return transformStem(o["patch"]) },
		dim:  func(o tokenizers.Options) int { return o.Int("dim") },
		open: func(*Artefact, *Transform, tokenizers.Options) (Quantizer, error) { return nil, nil },
	}
}

// continuous is a transform alone, or with noise on its latents.
type continuous struct {
	t     *Transform
	info  tokenizers.Info
	noise float64
	// spread is the standard deviation of every latent over the patches fitted on;
	// nil without noise.
	spread []float64
}

// newContinuous makes the tokenizer of a transform; noise is in grey values.
func newContinuous(t *Transform, noise float64, info tokenizers.Info) (*continuous, error) {
	c := &continuous{t: t, info: info, noise: noise}
	if noise == 0 {
		return c, nil
	}
	if len(t.quantiles) == 0 {
		return nil, errors.New("the artefact has no quantiles of its latents: fit it again, or use noise=0")
	}
	for d := range t.Dim {
		c.spread = append(c.spread, max(spreads(t.quantiles[d*quantileCount:][:quantileCount], 1)[0], 1e-6))
	}
	return c, nil
}

// Info implements [tokenizers.Tokenizer].
func (c *continuous) Info() tokenizers.Info { return c.info }

// Reconstruct implements [tokenizers.Tokenizer].
func (c *continuous) Reconstruct(ctx context.Context, in []pix.Image) ([]tokenizers.Reconstruction, error) {
	return each(ctx, in, func(m pix.Image) (r tokenizers.Reconstruction) {
		start := time.Now()
		latents := c.t.Forward(m)
		if c.noise > 0 {
			disturb(latents, c.noise, m)
			gw, gh := c.t.Grid(m.W, m.H)
			r.Capacity = float64(gw*gh) * capacity(c.spread, c.noise)
		}
		encoded := time.Now()
		r.Image = c.t.Inverse(latents, m.W, m.H)
		r.Encode, r.Decode = encoded.Sub(start), time.Since(encoded)
		return r
	})
}

// Latents implements [tokenizers.LatentEncoder]. With noise they are a posterior's
// means and variances in units of each latent's spread, so that its prior is the
// standard normal.
func (c *continuous) Latents(ctx context.Context, in []pix.Image) ([]tokenizers.Latent, error) {
	out, err := latents(ctx, c.t, in)
	if err != nil || c.noise == 0 {
		return out, err
	}
	for i := range out {
		l := &out[i]
		l.LogVariance = make([]float32, len(l.Data))
		per := len(l.Data) / c.t.Dim
		for d, s := range c.spread {
			// The linear autoencoder whose posteriors together are the prior: means of
			// variance 1−w, and w, for the share w of noise. Its mean divergence from the
			// prior then is the capacity.
			w := c.noise * c.noise / (s*s + c.noise*c.noise)
			for p := range per {
				l.Data[d*per+p] *= float32(math.Sqrt(1-w) / s)
				l.LogVariance[d*per+p] = float32(math.Log(w))
			}
		}
	}
	return out, nil
}
