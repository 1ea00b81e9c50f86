package compare

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"testing"

	"github.com/vtbench/vtbench/bench/record"
	"github.com/vtbench/vtbench/bench/run"
	"github.com/vtbench/vtbench/bench/suite"
	"github.com/vtbench/vtbench/bench/summary"
	"github.com/vtbench/vtbench/datasets/textgen"
	"github.com/vtbench/vtbench/metrics/quality"
	"github.com/vtbench/vtbench/tokenizers"
	"github.com/vtbench/vtbench/tokenizers/baseline"
	"github.com/vtbench/vtbench/tokenizers/quant"
)

// realFile holds the records of two built-in tokenizers of about equal use on all
// 240 images of the text suite, 4,000 words. It was made by
//
//	vtbench run --suite text --full -r 256 -t kl:patch=8,dim=16 -t vq:patch=4,k=1024 -o runs/real
//	vtbench baseline save runs/real -m t-acc,cer,psnr -o bench/compare/testdata/real.vtbench.json.gz
const (
	realFile = "testdata/real" + BaselineSuffix
	realBase = "kl:patch=8,dim=16"
	realCand = "vq:patch=4,k=1024"
)

// population is a set of real images from which simulated data sets are drawn.
type population struct {
	results *Results
	items   []string
	records [2]map[string][]record.Record // by side and item
	truth   map[rowKey]float64            // the difference between the two on all images
}

func realResults(tb testing.TB) *Results {
	tb.Helper()
	r, err := Load(realFile, LoadOptions{})
	if err != nil {
		tb.Fatal(err)
	}
	return r
}

func realRecords(tb testing.TB) *population {
	tb.Helper()
	r := realResults(tb)
	p := &population{results: r, truth: map[rowKey]float64{}}
	for side, token := range []string{realBase, realCand} {
		p.records[side] = map[string][]record.Record{}
		for _, k := range r.keys() {
			if k.tokenizer != token {
				continue
			}
			for _, v := range r.cells[k].values {
				u := r.units[v.unit]
				rec := record.Record{
					Tokenizer: "tok", Dataset: k.dataset, Condition: k.condition, Metric: k.metric, Instance: u.instance,
					Bin: r.binNames[v.bin], N: v.n, Drop: reasons[v.reason], Value: record.Num(v.v),
				}
				if side == 0 && p.records[0][u.item] == nil {
					p.items = append(p.items, u.item)
				}
				p.records[side][u.item] = append(p.records[side][u.item], rec)
			}
		}
	}
	report, err := Compare([]Side{{r, realBase}}, Side{r, realCand}, Options{Resamples: 99})
	if err != nil {
		tb.Fatal(err)
	}
	for _, x := range report.Rows {
		p.truth[rowKey{x.Metric, x.Bin}] = float64(x.Delta)
	}
	return p
}

// sample draws n images with replacement. Where swap is set, the sides of each
// image are exchanged by the toss of a coin, so that none is better.
func (p *population) sample(tb testing.TB, r *rand.Rand, n int, swap bool) (base, cand *Results) {
	tb.Helper()
	h := p.results.Header
	h.Tokens = []TokenID{{Name: "tok"}}
	b := [2]*Builder{NewBuilder("base", h), NewBuilder("cand", h)}
	for i := range n {
		item := p.items[r.IntN(len(p.items))]
		flip := 0
		if swap {
			flip = r.IntN(2)
		}
		for side := range 2 {
			for _, rec := range p.records[side^flip][item] {
				rec.Item = fmt.Sprintf("%04d", i)
				b[side].Add(&rec)
			}
		}
	}
	return built(tb, b[0]), built(tb, b[1])
}

// execute runs two built-in tokenizers over the first images of the rendered text
// set, with the runner itself.
func execute(t *testing.T, dir string, specs ...string) *summary.Run {
	t.Helper()
	set, err := textgen.New(textgen.Options{Images: 24})
	if err != nil {
		t.Fatal(err)
	}
	cfg := run.Config{
		Suite: suite.Suite{
			ID: "pixels", Version: 1, Title: "Pixels", Question: "?", Datasets: []string{"text-default"}, Resolutions: []int{64}, ScoreAt: "input",
			Metrics: []string{"psnr", "ssim"}, Headline: []string{"psnr", "ssim"}, Worst: "psnr",
		},
		Dir: dir, Seed: 1, Workers: 2, Batch: 4, KeepImages: 1,
		Datasets:  []run.DatasetSource{{Spec: "text-default", Data: set}},
		Bootstrap: record.BootstrapConfig{Resamples: 100, Level: .95, Method: "percentile"},
	}
	for _, m := range quality.All() {
		if id := m.Specs()[0].ID; id == "psnr" || id == "ssim" {
			cfg.Metrics = append(cfg.Metrics, m)
		}
	}
	for _, s := range specs {
		kinds := slices.Concat(baseline.Kinds(), quant.Kinds())
		spec, err := tokenizers.ParseSpec(s, kinds)
		if err != nil {
			t.Fatal(err)
		}
		kind, opts, err := tokenizers.Resolve(spec, kinds)
		if err != nil {
			t.Fatal(err)
		}
		tok, err := kind.Open(context.Background(), opts)
		if err != nil {
			t.Fatal(err)
		}
		cfg.Tokenizers = append(cfg.Tokenizers, run.TokenizerSource{Name: spec.Name, Kind: spec.Kind, Options: opts, Tokenizer: tok})
	}
	done, err := run.Execute(context.Background(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	return done
}

// From tokenizers to verdict without anything made up: a larger codebook is better,
// a run equals its own baseline file, and a run of other images has nothing to say.
func TestRealRun(t *testing.T) {
	dir := t.TempDir()
	run := execute(t, filepath.Join(dir, "run"), "resize", "vq:patch=8,k=256", "vq:patch=8,k=1024")
	r, err := Load(run.Dir, LoadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	report, err := Compare([]Side{{r, "vq:patch=8,k=256"}}, Side{r, "vq:patch=8,k=1024"}, Options{Resamples: 999})
	if err != nil {
		t.Fatal(err)
	}
	x := report.row(t, "psnr", "")
	if x.Verdict != Better || x.N != 24 || !x.Headline {
		t.Errorf("1024 codewords against 256: %+v", x)
	}
	// The runner and the comparison agree about the means.
	for _, side := range []struct {
		token string
		got   record.Number
	}{{"vq:patch=8,k=256", x.Baseline}, {"vq:patch=8,k=1024", x.Candidate}} {
		row, ok := run.Summary.Find(side.token, "text-default", "clean@64", "", "psnr")
		if !ok || math.Abs(float64(row.Mean-side.got)) > 1e-9 {
			t.Errorf("%s: the summary says %v, the comparison %v", side.token, row.Mean, side.got)
		}
	}
	file := filepath.Join(dir, "b"+BaselineSuffix)
	if err := r.Save(file, SaveOptions{}); err != nil {
		t.Fatal(err)
	}
	kept, err := Load(file, LoadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	same := compareBoth(t, kept, r, Options{Resamples: 99})
	if len(same.Warnings)+len(same.Skews)+len(same.Unpaired) > 0 || len(same.Pairs) != 2 || len(same.Controls) != 1 || same.Controls[0].Differing > 0 {
		t.Errorf("a run and its baseline differ: warnings %v, skews %v, controls %+v", same.Warnings, same.Skews, same.Controls)
	}
	for _, x := range same.Rows {
		if x.N > 0 && x.Verdict != Equivalent {
			t.Errorf("a run and its baseline: %s is %s (%s)", x.Metric, x.Verdict, x.Why)
		}
	}
}
