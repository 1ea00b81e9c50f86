package run_test

import (
	"context"
	"errors"
	"testing"

	"github.com/vtbench/vtbench/bench/run"
	"github.com/vtbench/vtbench/bench/suite"
	"github.com/vtbench/vtbench/bench/summary"
	"github.com/vtbench/vtbench/metrics"
	"github.com/vtbench/vtbench/metrics/token"
	"github.com/vtbench/vtbench/pix"
	"github.com/vtbench/vtbench/tokenizers"
)

// collapsed is a continuous tokenizer of two channels, one of which says nothing.
type collapsed struct {
	darker
	err   error
	calls int
}

func (c *collapsed) Info() tokenizers.Info {
	in := c.darker.Info()
	in.Codebooks = nil
	return in
}

func (c *collapsed) Latents(_ context.Context, in []pix.Image) ([]tokenizers.Latent, error) {
	c.calls++
	out := make([]tokenizers.Latent, len(in))
	for i, m := range in {
		l := tokenizers.Latent{Shape: []int{2, m.H, m.W}, Data: make([]float32, 2*m.H*m.W)}
		for p := range m.W * m.H {
			l.Data[p] = float32(m.Pix[3*p])
			l.Data[m.W*m.H+p] = 3
		}
		out[i] = l
	}
	return out, c.err
}

// Latents of continuous tokenizers reach the observers that look at them, where the
// suite asks; a failure costs those metrics and nothing else.
func TestLatentsReachARun(t *testing.T) {
	tok := &collapsed{darker: darker{by: 1}}
	failing := &collapsed{darker: darker{by: 2}, err: errors.New("no latents today")}
	asked := func(ids ...string) run.Config {
		cfg := config(t, 4)
		cfg.Suite.Resolutions, cfg.Suite.Bins, cfg.Suite.Corruptions = []int{32}, nil, []suite.Corruption{{Type: "dim", Severities: []int{1}}}
		cfg.Suite.Metrics = append([]string{"mae"}, ids...)
		cfg.Suite.Headline, cfg.Suite.Worst, cfg.Suite.Baseline = []string{"mae"}, "mae", "ok"
		cfg.Corrupt = func(img pix.Image, _ string, _ int, _ string) (pix.Image, error) { return img, nil }
		cfg.Observers = []metrics.Observer{token.LatentObserver{}}
		cfg.Tokenizers = []run.TokenizerSource{{Name: "ok", Tokenizer: tok}, {Name: "failing", Tokenizer: failing}}
		return cfg
	}
	done := execute(t, asked(token.LatentUnits, token.LatentActive))
	for id, want := range map[string]float64{token.LatentUnits: 2, token.LatentActive: .5} {
		r, ok := done.Summary.Find("ok", "words", "clean@32", summary.BinAll, id)
		if !ok || float64(r.Mean) != want {
			t.Errorf("%s is %v (%v), want %v", id, r.Mean, ok, want)
		}
	}
	if _, ok := done.Summary.Find("ok", "words", "dim/1@32", summary.BinAll, token.LatentActive); ok {
		t.Error("latents of damaged images were asked for")
	}
	if r, ok := done.Summary.Find("failing", "words", "clean@32", summary.BinAll, "mae"); !ok || r.N == 0 {
		t.Error("failing latents cost other metrics")
	}
	if len(done.Summary.Errors) == 0 {
		t.Error("failing latents are not told")
	}
	before := tok.calls
	execute(t, asked())
	if tok.calls != before {
		t.Error("latents were computed though no metric wants them")
	}
}
