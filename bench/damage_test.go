package bench_test

import (
	"context"
	"math"
	"testing"

	"github.com/vtbench/vtbench/bench"
	"github.com/vtbench/vtbench/metrics"
	"github.com/vtbench/vtbench/pix"
	"github.com/vtbench/vtbench/tokenizers"
)

// cells is a tokenizer of one code a pixel row group that decodes and knows its
// neighbours: code k is the gray level 16k.
type cells struct{}

func (cells) Info() tokenizers.Info {
	return tokenizers.Info{Name: "cells", Deterministic: true, Codebooks: []int{16}}
}

func (c cells) Reconstruct(ctx context.Context, in []pix.Image) ([]tokenizers.Reconstruction, error) {
	out := make([]tokenizers.Reconstruction, len(in))
	for i, m := range in {
		ids := make([]int32, m.W*m.H)
		for p := range ids {
			ids[p] = int32(m.Pix[3*p] / 16)
		}
		codes := &tokenizers.Codes{Books: []tokenizers.Book{{Size: 16, Shape: []int{m.H, m.W}, IDs: ids}}}
		images, err := c.Decode(ctx, []*tokenizers.Codes{codes}, m.W, m.H)
		if err != nil {
			return nil, err
		}
		out[i] = tokenizers.Reconstruction{Image: images[0], Codes: codes}
	}
	return out, nil
}

func (cells) Decode(_ context.Context, codes []*tokenizers.Codes, w, h int) ([]pix.Image, error) {
	out := make([]pix.Image, len(codes))
	for i, c := range codes {
		out[i] = pix.New(w, h)
		for p, id := range c.Books[0].IDs {
			for k := range 3 {
				out[i].Pix[3*p+k] = uint8(id * 16)
			}
		}
	}
	return out, nil
}

func (cells) Nearest(int) ([]int32, error) {
	out := make([]int32, 16)
	for i := range out {
		out[i] = int32(i ^ 1)
	}
	return out, nil
}

func (cells) Distance(_ int, a, b int32) (float64, error) { return math.Abs(float64(a - b)), nil }

func robustConfig(t *testing.T) bench.Config {
	cfg := config(t, 4)
	s := &cfg.Suite
	s.Resolutions, s.Bins = []int{32}, nil
	s.Metrics = []string{"level", "mae", bench.TokenFlip, bench.CodewordDistance}
	s.Headline, s.Worst, s.Baseline = []string{"mae"}, "mae", "dark"
	s.Corruptions = []bench.Corruption{
		{Type: "dim", Severities: []int{1, 3}},
		{Type: bench.TokenRandom, Severities: []int{1, 5}},
		{Type: bench.TokenNearest, Severities: []int{5}},
		{Type: bench.TokenDrop, Severities: []int{5}},
	}
	cfg.Observers = nil
	cfg.Tokenizers = []bench.TokenizerSource{
		{Name: "original", Tokenizer: &darker{}},
		{Name: "dark", Tokenizer: &darker{by: 40}},
		{Name: "cells", Tokenizer: cells{}},
	}
	cfg.Corrupt = func(img pix.Image, _ string, severity int, _ string) (pix.Image, error) {
		out := img.Clone()
		for i, v := range out.Pix {
			out.Pix[i] = v - min(v, uint8(20*severity))
		}
		return out, nil
	}
	return cfg
}

func TestTokenDamage(t *testing.T) {
	cfg := robustConfig(t)
	run := execute(t, cfg)
	if len(run.Summary.Errors) != 0 {
		t.Fatalf("failures: %+v", run.Summary.Errors)
	}
	row := func(tok, cond, metric string) (bench.Row, bool) {
		return run.Summary.Find(tok, "words", cond, bench.BinAll, metric)
	}
	for cond, want := range map[string]float64{"token_random/1@32": .01, "token_random/5@32": .5, "token_nearest/5@32": .5} {
		r, ok := row("cells", cond, bench.TokenFlip)
		if !ok || math.Abs(float64(r.Mean)-want) > 1e-3 {
			t.Errorf("%s flips %v of the tokens, want %v", cond, r.Mean, want)
		}
	}
	if r, _ := row("cells", "token_nearest/5@32", bench.CodewordDistance); r.Mean != 1 {
		t.Errorf("nearest codes are %v away, want 1", r.Mean)
	}
	if r, ok := row("cells", "clean@32", bench.TokenFlip); !ok || r.Mean != 0 {
		t.Errorf("the floor of an idempotent tokenizer is %v, %v", r.Mean, ok)
	}
	if _, ok := row("dark", "token_random/5@32", "mae"); ok {
		t.Error("a tokenizer that cannot decode codes has a row under token damage")
	}
	if _, ok := row("cells", "token_random/5@32~clean", "mae"); ok {
		t.Error("token damage has a second side")
	}
}

func TestRobustScores(t *testing.T) {
	run := execute(t, robustConfig(t))
	mean := func(tok, cond string) float64 {
		r, ok := run.Summary.Find(tok, "words", cond, bench.BinAll, "mae")
		if !ok {
			t.Fatalf("no mae of %s under %s", tok, cond)
		}
		return float64(r.Mean)
	}
	for _, against := range []string{"", bench.AgainstClean} {
		tail := ""
		if against != "" {
			tail = "~" + against
		}
		under := func(tok string) float64 { return (mean(tok, "dim/1@32"+tail) + mean(tok, "dim/3@32"+tail)) / 2 }
		for score, want := range map[string]float64{
			bench.ScoreP: mean("cells", "clean@32"), bench.ScoreMPC: under("cells"),
			bench.ScoreRPC: under("cells") / mean("cells", "clean@32"), bench.ScoreMCE: under("cells") / under("dark"),
		} {
			r, ok := run.Summary.FindRobust("cells", "words", 32, against, "mae", score, "")
			if !ok || math.Abs(float64(r.Value)-want) > 1e-9*math.Abs(want) {
				t.Errorf("%s%s is %v, want %v", score, tail, r.Value, want)
			}
		}
	}
	if r, ok := run.Summary.FindRobust("dark", "words", 32, "", "mae", bench.ScoreMCE, ""); !ok || math.Abs(float64(r.Value)-1) > 1e-12 {
		t.Errorf("mCE of the baseline is %v, want 1", r.Value)
	}
}

func TestTokenMetricsHaveSpecs(t *testing.T) {
	for _, s := range bench.TokenMetrics() {
		if s.Scope != metrics.PerImage || !s.Weighted || s.Source == "" {
			t.Errorf("spec of %s: %+v", s.ID, s)
		}
	}
}
