package run_test

import (
	"context"
	"fmt"
	"math"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/vtbench/vtbench/bench/record"
	"github.com/vtbench/vtbench/bench/run"
	"github.com/vtbench/vtbench/bench/suite"
	"github.com/vtbench/vtbench/bench/summary"
	"github.com/vtbench/vtbench/datasets/corrupt"
	"github.com/vtbench/vtbench/metrics"
	"github.com/vtbench/vtbench/metrics/token"
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

// Alternatives: codes of one half of the levels are a cluster.
func (cells) Alternatives(codes *tokenizers.Codes, b, at int) ([]int32, error) {
	var out []int32
	own := codes.Books[b].IDs[at]
	for id := range int32(16) {
		if id/8 == own/8 && id != own {
			out = append(out, id)
		}
	}
	return out, nil
}

// Repair guesses that a lost code is what it was: the words' images are of one level.
func (cells) Repair(codes *tokenizers.Codes, lost [][]bool, w, h int) (*tokenizers.Codes, error) {
	if len(lost[0]) != w*h {
		return nil, fmt.Errorf("%d codes of a %d×%d image", len(lost[0]), w, h)
	}
	out := &tokenizers.Codes{Books: []tokenizers.Book{codes.Books[0]}}
	out.Books[0].IDs = append([]int32(nil), codes.Books[0].IDs...)
	for i, gone := range lost[0] {
		if gone {
			out.Books[0].IDs[i] = 15 - out.Books[0].IDs[i] // tells that it was here
		}
	}
	return out, nil
}

func robustConfig(t *testing.T) run.Config {
	cfg := config(t, 4)
	s := &cfg.Suite
	s.Resolutions, s.Bins = []int{32}, nil
	s.Metrics = []string{"level", "mae", token.Flip, token.Distance}
	s.Headline, s.Worst, s.Baseline = []string{"mae"}, "mae", "dark"
	s.Corruptions = []suite.Corruption{
		{Type: "dim", Severities: []int{1, 3}},
		{Type: suite.TokenRandom, Severities: []int{1, 5}},
		{Type: suite.TokenNearest, Severities: []int{5}},
		{Type: suite.TokenDrop, Severities: []int{5}},
		{Type: suite.TokenRepair, Severities: []int{4}},
		{Type: suite.TokenCluster, Severities: []int{5}},
		{Type: suite.TokenMaskReplace, Severities: []int{5}},
	}
	cfg.Observers, cfg.Codes = nil, []metrics.CodeComparer{token.Stability{}}
	cfg.Tokenizers = []run.TokenizerSource{
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
	row := func(tok, cond, metric string) (summary.Row, bool) {
		return run.Summary.Find(tok, "words", cond, summary.BinAll, metric)
	}
	for cond, want := range map[string]float64{"token_random/1@32": .01, "token_random/5@32": .5, "token_nearest/5@32": .5, "token_repair/4@32": .2, "token_cluster/5@32": .5} {
		r, ok := row("cells", cond, token.Flip)
		if !ok || math.Abs(float64(r.Mean)-want) > 1e-3 {
			t.Errorf("%s flips %v of the tokens, want %v", cond, r.Mean, want)
		}
	}
	// Of nine in ten some are the most frequent code already; one in ten always flips.
	if r, ok := row("cells", "token_mask_replace/5@32", token.Flip); !ok || r.Mean < .05 || r.Mean > .5 {
		t.Errorf("masking and replacing flips %v of the tokens", r.Mean)
	}
	// Within a half of 16 levels no code is more than 7 away.
	if r, _ := row("cells", "token_cluster/5@32", token.Distance); r.Mean < 1 || r.Mean > 7 {
		t.Errorf("codes of a cluster are %v away", r.Mean)
	}
	if r, _ := row("cells", "token_nearest/5@32", token.Distance); r.Mean != 1 {
		t.Errorf("nearest codes are %v away, want 1", r.Mean)
	}
	if r, ok := row("cells", "clean@32", token.Flip); !ok || r.Mean != 0 {
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
		r, ok := run.Summary.Find(tok, "words", cond, summary.BinAll, "mae")
		if !ok {
			t.Fatalf("no mae of %s under %s", tok, cond)
		}
		return float64(r.Mean)
	}
	for _, against := range []string{"", suite.AgainstClean} {
		tail := ""
		if against != "" {
			tail = "~" + against
		}
		under := func(tok string) float64 { return (mean(tok, "dim/1@32"+tail) + mean(tok, "dim/3@32"+tail)) / 2 }
		for score, want := range map[string]float64{
			summary.ScoreP: mean("cells", "clean@32"), summary.ScoreMPC: under("cells"),
			summary.ScoreRPC: under("cells") / mean("cells", "clean@32"), summary.ScoreMCE: under("cells") / under("dark"),
			summary.ScoreLoss: under("cells") - under("dark"),
		} {
			r, ok := run.Summary.FindRobust("cells", "words", 32, against, "mae", score, "")
			if !ok || math.Abs(float64(r.Value)-want) > 1e-9*math.Abs(want) {
				t.Errorf("%s%s is %v, want %v", score, tail, r.Value, want)
			}
		}
		if r, ok := run.Summary.FindRobust("cells", "words", 32, against, "mae", summary.ScoreUnder, "dim"); !ok || math.Abs(float64(r.Value)-under("cells")) > 1e-9 {
			t.Errorf("under one corruption the score is %v, want %v", r.Value, under("cells"))
		}
	}
	if r, ok := run.Summary.FindRobust("dark", "words", 32, "", "mae", summary.ScoreMCE, ""); !ok || math.Abs(float64(r.Value)-1) > 1e-12 {
		t.Errorf("mCE of the baseline is %v, want 1", r.Value)
	}
}

// Damage depends on the image, the corruption and the seed, not on who works on
// it, nor on interruptions.
func TestDamageDoesNotDependOnWorkersOrInterruptions(t *testing.T) {
	noisy := func(workers int) run.Config {
		cfg := robustConfig(t)
		cfg.Workers, cfg.Suite.Worst = workers, "level"
		cfg.Corrupt = func(img pix.Image, name string, severity int, key string) (pix.Image, error) {
			return corrupt.Apply(img, "gaussian_noise", severity, corrupt.Options{Seed: cfg.Seed, Key: name + key})
		}
		return cfg
	}
	names := []string{record.RecordsFile, record.SummaryFile, "images/cases.json"}
	full := noisy(1)
	execute(t, full)
	same := func(what, dir string) {
		t.Helper()
		for _, name := range names {
			if diff := cmp.Diff(string(read(t, full.Dir, name)), string(read(t, dir, name))); diff != "" {
				t.Fatalf("%s: %s differs:\n%s", what, name, diff)
			}
		}
	}
	many := noisy(8)
	execute(t, many)
	same("8 workers", many.Dir)
	size := len(read(t, full.Dir, record.RecordsFile))
	for _, cut := range []int{1, size / 3, size - 1} {
		cfg := noisy(2)
		execute(t, cfg)
		interrupt(t, cfg.Dir, int64(cut))
		cfg.Resume = true
		execute(t, cfg)
		same(fmt.Sprintf("resumed from byte %d", cut), cfg.Dir)
	}
}

// A damaged case shows the original, what the tokenizer was shown, and what became
// of it, each with its own reading.
func TestDamagedCases(t *testing.T) {
	cfg := robustConfig(t)
	cfg.Suite.Worst = "level"
	run := execute(t, cfg)
	shown := 0
	for _, c := range run.Cases {
		cond, err := suite.ParseCondition(c.Condition)
		if err != nil {
			t.Fatal(err)
		}
		if pixels := cond.Corruption == "dim"; (c.Damaged != "") != pixels || (c.GotDamaged != "") != pixels {
			t.Fatalf("a case of %s has the damaged picture %q, read as %q", c.Condition, c.Damaged, c.GotDamaged)
		}
		if c.Why == record.WhyImage || c.Damaged == "" {
			continue
		}
		shown++
		level := func(path string) (sum float64) {
			img, err := pix.Load(filepath.Join(run.Dir, path))
			if err != nil {
				t.Fatal(err)
			}
			for _, v := range img.Pix {
				sum += float64(v) / float64(len(img.Pix))
			}
			return sum
		}
		if clean, damaged := level(c.Original), level(c.Damaged); damaged >= clean {
			t.Errorf("%s, %s: the damaged picture has the level %.1f, the original %.1f", c.Item, c.Condition, damaged, clean)
		}
		if c.GotOriginal == "" {
			t.Errorf("%s, %s: nothing is said of the original's reading", c.Item, c.Condition)
		}
	}
	if shown == 0 {
		t.Fatal("no case of a damaged image is shown")
	}
}
