package quant

import (
	"fmt"
	"math/rand/v2"

	"github.com/vtbench/vtbench/pix"
)

// syntheticPatch is the transform that images are drawn from: the largest that ships, for
// the fewest edges between patches.
const syntheticPatch = "16"

// SyntheticImages draws images from statistics that ship alone, without any photograph:
// patches of 16 pixels, each latent of the fitted transform from its own quantiles. They
// have the spread of natural patches along every direction and nothing that joins one
// patch to the next.
func SyntheticImages(n, w, h int, seed uint64) ([]pix.Image, error) {
	a, err := shippedTransform(transformStem(syntheticPatch))
	if err != nil {
		return nil, err
	}
	t, err := ReadTransform(a, 0)
	if err != nil {
		return nil, err
	}
	if len(t.quantiles) == 0 {
		return nil, fmt.Errorf("the transform of patch=%s has no quantiles of its latents: fit it again", syntheticPatch)
	}
	rng := rand.New(rand.NewPCG(seed, 0x73796e746865))
	gw, gh := t.Grid(w, h)
	out := make([]pix.Image, n)
	latents := make([]float32, gw*gh*t.Dim)
	for i := range out {
		for k := range latents {
			latents[k] = t.draw(rng, k%t.Dim)
		}
		out[i] = t.Inverse(latents, w, h)
	}
	return out, nil
}
