package quant

import (
	"fmt"
	"math"
	"testing"

	"github.com/vtbench/vtbench/metrics"
	"github.com/vtbench/vtbench/metrics/token"
	"github.com/vtbench/vtbench/tokenizers"
)

// Less noise is more capacity and a better image; the noise is that of the image,
// not of the call.
func TestNoiseHasARate(t *testing.T) {
	for name, img := range heldOut(t) {
		last, bits := 0.0, 0.0
		for _, noise := range []float64{200, 50, 10, 2} {
			tok := open(t, fmt.Sprintf("kl:patch=8,dim=32,noise=%g", noise))
			r := reconstruct(t, tok, img)[0]
			p := psnr(img, r.Image)
			t.Logf("%s, noise %g: %.2f dB at %.3f bit a pixel", name, noise, p, r.Capacity/float64(img.W*img.H))
			if p <= last || r.Capacity <= bits {
				t.Errorf("%s: noise %g gives %.2f dB and %.0f bits, more noise %.2f and %.0f", name, noise, p, r.Capacity, last, bits)
			}
			last, bits = p, r.Capacity
			if r.Codes != nil || r.Bits != 0 {
				t.Error("a continuous latent has no codes and no bitstream")
			}
			if !reconstruct(t, tok, img)[0].Image.Equal(r.Image) {
				t.Error("the same image has other noise")
			}
		}
		if r := reconstruct(t, open(t, "kl:patch=8,dim=32"), img)[0]; r.Capacity != 0 {
			t.Errorf("without noise the capacity is %v: nothing bounds it", r.Capacity)
		}
	}
}

// A latent that hardly varies against the noise is found inactive, and only such:
// the linear autoencoder can be written down (probabilistic PCA), and its posterior
// means have variance λ/(λ+σ²) over what it was fitted to.
func TestCollapseIsFoundWhereItIs(t *testing.T) {
	tok := open(t, "kl:patch=8,dim=64,noise=400").(*continuous)
	// Latents of the sample that ships, as an image of patches in a row would have them.
	x, err := tok.t.Sample(64)
	if err != nil {
		t.Fatal(err)
	}
	n := len(x) / 64
	l := tokenizers.Latent{Shape: []int{64, 1, n}, Data: make([]float32, len(x)), LogVariance: make([]float32, len(x))}
	for d, s := range tok.spread {
		w := tok.noise * tok.noise / (s*s + tok.noise*tok.noise)
		for p := range n {
			l.Data[d*n+p] = x[p*64+d] * float32(math.Sqrt(1-w)/s)
			l.LogVariance[d*n+p] = float32(math.Log(w))
		}
	}
	var obs token.LatentObserver
	_, state, err := obs.Observe(metrics.Observation{Latent: &l, W: 8, H: 8 * n})
	if err != nil {
		t.Fatal(err)
	}
	all, err := token.DecodeLatents(state)
	if err != nil {
		t.Fatal(err)
	}
	c, ok := all.Collapse()
	if !ok {
		t.Fatal("nothing to describe")
	}
	var kl float64
	for d, s := range tok.spread {
		want := s * s / (s*s + tok.noise*tok.noise)
		// The spread is of 128 quantiles, which cut the tails; the sample is of 2048.
		active, expected := c.Variance[d] > token.ActiveVariance, want > token.ActiveVariance
		if near := want > token.ActiveVariance/3 && want < token.ActiveVariance*3; active != expected && !near {
			t.Errorf("latent %d: variance %.4g, active %v, by its spread %.4g", d, c.Variance[d], active, want)
		}
		kl += c.KL[d]
	}
	t.Logf("%d of 64 active, KL %.2f nats, capacity %.2f", c.Active, kl, capacity(tok.spread, tok.noise)*math.Ln2)
	if c.Active == 64 || c.Active == 0 {
		t.Errorf("%d of 64 are active: the test shows nothing", c.Active)
	}
	if d := math.Abs(kl/(capacity(tok.spread, tok.noise)*math.Ln2) - 1); d > .25 {
		t.Errorf("mean divergence %.2f nats, capacity %.2f", kl, capacity(tok.spread, tok.noise)*math.Ln2)
	}
}
