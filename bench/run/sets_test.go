package run_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/vtbench/vtbench/bench/record"
	"github.com/vtbench/vtbench/bench/run"
	"github.com/vtbench/vtbench/bench/summary"
	"github.com/vtbench/vtbench/metrics"
	"github.com/vtbench/vtbench/metrics/feature"
	"github.com/vtbench/vtbench/pix"
)

// means embeds an image as the mean of each channel.
type means struct{ fail func(pix.Image) error }

func channelMeans(img pix.Image) []float32 {
	f := make([]float32, 3)
	for i, v := range img.Pix {
		f[i%3] += float32(v) / float32(img.W*img.H)
	}
	return f
}

func (m means) Embed(_ context.Context, img pix.Image) (string, error) {
	if m.fail != nil {
		if err := m.fail(img); err != nil {
			return "", err
		}
	}
	return feature.Encode(channelMeans(img)), nil
}

type ofFeatures struct{}

func (ofFeatures) Open(context.Context, metrics.Config) (metrics.Embedder, error) {
	return nil, errors.New("reports never open an embedder")
}
func (ofFeatures) Gather(cfg metrics.Config) metrics.Gathering { return feature.Gather(cfg.Seed) }
func (ofFeatures) Compare(cfg metrics.Config, wanted []string, ref, got metrics.Gathering) ([]metrics.Value, error) {
	return feature.Compare(cfg, wanted, ref.(*feature.Gathering), got.(*feature.Gathering))
}

func setConfig(t *testing.T, n int) run.Config {
	cfg := config(t, n)
	cfg.Suite.Metrics = append(cfg.Suite.Metrics, "fid", "kid")
	cfg.Sets = []metrics.OpenedSets{{Specs: feature.Specs(), Sets: ofFeatures{}, Embedder: means{}}}
	return cfg
}

func setKinds() []metrics.Kind {
	return append(kinds(), metrics.Kind{Specs: feature.Specs(), Sets: ofFeatures{}})
}

// fidOf computes the distance from the images themselves.
func fidOf(t *testing.T, cfg run.Config, change func(pix.Image) (pix.Image, bool)) (value float64, n int) {
	t.Helper()
	ref, got := feature.NewSet(feature.Provenance{}), feature.NewSet(feature.Provenance{})
	data := cfg.Datasets[0].Data
	for i, id := range data.IDs() {
		item, err := data.Load(context.Background(), i)
		if err != nil {
			continue
		}
		if err := ref.Add(id, channelMeans(item.Image)); err != nil {
			t.Fatal(err)
		}
		if img, ok := change(item.Image); ok {
			if err := got.Add(id, channelMeans(img)); err != nil {
				t.Fatal(err)
			}
		}
	}
	s, err := feature.FID(ref, got)
	if err != nil {
		t.Fatal(err)
	}
	return s.Value, got.Len()
}

func darkened(by uint8) func(pix.Image) (pix.Image, bool) {
	return func(img pix.Image) (pix.Image, bool) {
		out := img.Clone()
		for i, v := range out.Pix {
			out.Pix[i] = v - min(v, by)
		}
		return out, true
	}
}

func TestMetricsOfSets(t *testing.T) {
	cfg := setConfig(t, 12)
	cfg.Suite.Resolutions = []int{64} // the images' own size: nothing is scaled
	done := execute(t, cfg)
	row := func(tok, metric string) summary.Row {
		t.Helper()
		r, ok := done.Summary.Find(tok, "words", "clean@64", summary.BinAll, metric)
		if !ok {
			t.Fatalf("%s of %s has no row", metric, tok)
		}
		return r
	}
	if r := row("original", "fid"); r.N != 11 || math.Abs(float64(r.Mean)) > 1e-9 {
		t.Errorf("the originals are %v from themselves, over %d images", r.Mean, r.N)
	}
	failed := row("dark", "mae").Dropped[metrics.DropFailed]
	if failed == 0 {
		t.Fatal("nothing fails in this test")
	}
	less := darkened(9)
	want, n := fidOf(t, cfg, func(img pix.Image) (pix.Image, bool) {
		shown, _, err := pix.Fit(img, 64)
		if err != nil || shown.Pix[len(shown.Pix)/2]%5 == 0 {
			return img, false // where the tokenizer fails
		}
		return less(img)
	})
	r := row("dark", "fid")
	if r.N != n || r.Dropped[metrics.DropFailed] != failed || r.Dropped[metrics.DropLoad] != 1 || math.Abs(float64(r.Mean)-want) > 1e-4 {
		t.Errorf("dark is %v away over %d images, dropped %v; want %v over %d, %d failed and 1 not loaded", r.Mean, r.N, r.Dropped, want, n, failed)
	}
	if len(r.Warnings) == 0 {
		t.Error("FID of a dozen images carries no warning")
	}
	if r := row("bad", "fid"); r.N != 0 || r.Dropped[metrics.DropFailed] != 11 {
		t.Errorf("a tokenizer that fails on everything: %+v", r)
	}
	// Too few images for a subset of KID: a failure, with its reason.
	if r := row("dark", "kid"); r.N != 0 || !math.IsNaN(float64(r.Mean)) {
		t.Errorf("kid of a dozen images: %+v", r)
	}
	said := false
	for _, f := range done.Summary.Errors {
		said = said || f.Metric == "kid" && f.Tokenizer == "dark" && strings.Contains(f.Error, "subsets")
	}
	if !said {
		t.Error("nothing says why there is no kid")
	}
	// A report of an interrupted run makes the same values without an embedder.
	for _, name := range []string{record.SummaryFile, record.SealFile} {
		if err := os.Remove(filepath.Join(cfg.Dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	again, err := summary.Open(cfg.Dir, setKinds())
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(text(t, done.Summary), text(t, again.Summary)); d != "" {
		t.Errorf("the summary from stored states differs:\n%s", d)
	}
}

func text(t *testing.T, v any) string {
	t.Helper()
	b, err := json.MarshalIndent(v, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// Damaged images have two sides: what was shown, and the undamaged original.
func TestSetsUnderDamage(t *testing.T) {
	cfg := robustConfig(t)
	cfg.Suite.Metrics = append(cfg.Suite.Metrics, "fid")
	cfg.Sets = []metrics.OpenedSets{{Specs: feature.Specs(), Sets: ofFeatures{}, Embedder: means{}}}
	done := execute(t, cfg)
	at := func(tok, cond string) float64 {
		t.Helper()
		r, ok := done.Summary.Find(tok, "words", cond, summary.BinAll, "fid")
		if !ok {
			t.Fatalf("no fid of %s under %s", tok, cond)
		}
		return float64(r.Mean)
	}
	if v := at("original", "dim/3@32"); math.Abs(v) > 1e-9 {
		t.Errorf("what was shown is %v from itself", v)
	}
	if v := at("original", "dim/3@32~clean"); v < 1000 {
		t.Errorf("images darkened by 60 are %v from the clean ones", v)
	}
	if v := at("cells", "token_drop/5@32"); v == 0 {
		t.Error("dropped tokens change nothing")
	}
}

// An embedder that fails or panics costs what it concerns.
func TestEmbedderFails(t *testing.T) {
	cfg := setConfig(t, 6)
	less := darkened(9)
	victim, err := cfg.Datasets[0].Data.Load(context.Background(), 1)
	if err != nil {
		t.Fatal(err)
	}
	dark, _ := less(victim.Image)
	cfg.Suite.Resolutions = []int{64}
	cfg.Tokenizers[1].Tokenizer = &darker{by: 9}
	cfg.Sets[0].Embedder = means{fail: func(img pix.Image) error {
		if slices.Equal(img.Pix, dark.Pix) {
			panic("no such features")
		}
		return nil
	}}
	done := execute(t, cfg)
	r, ok := done.Summary.Find("dark", "words", "clean@64", summary.BinAll, "fid")
	if !ok || r.Dropped[metrics.DropFailed] != 1 {
		t.Errorf("row %+v, want one failed image", r)
	}
	if m, _ := done.Summary.Find("dark", "words", "clean@64", summary.BinAll, "mae"); m.Dropped[metrics.DropFailed] != 0 {
		t.Errorf("another metric lost values: %+v", m)
	}
}

// A resumed run has the same stored references and states, byte for byte.
func TestResumeWithSets(t *testing.T) {
	cfg := setConfig(t, 8)
	execute(t, cfg)
	want := map[string]string{}
	for _, name := range []string{record.RecordsFile, record.CodesFile, record.SummaryFile} {
		want[name] = string(read(t, cfg.Dir, name))
	}
	if !strings.Contains(want[record.CodesFile], fmt.Sprintf("%q:%q", "tokenizer", "")) {
		t.Fatal("no references are stored")
	}
	interrupt(t, cfg.Dir, int64(len(want[record.RecordsFile])/2))
	cfg.Resume, cfg.Workers = true, 1
	execute(t, cfg)
	for name, text := range want {
		if d := cmp.Diff(text, string(read(t, cfg.Dir, name))); d != "" {
			t.Errorf("%s differs after a resume:\n%s", name, d)
		}
	}
}
