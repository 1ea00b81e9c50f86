package run_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"image"
	"maps"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/vtbench/vtbench/bench/cache"
	"github.com/vtbench/vtbench/bench/record"
	"github.com/vtbench/vtbench/bench/run"
	"github.com/vtbench/vtbench/bench/suite"
	"github.com/vtbench/vtbench/datasets"
	"github.com/vtbench/vtbench/metrics"
	"github.com/vtbench/vtbench/metrics/feature"
	"github.com/vtbench/vtbench/pix"
	"github.com/vtbench/vtbench/tokenizers"
)

// A world is a run in which everything that can change a value can be changed, and then
// does change one: a value that was taken from the cache and should not have been shows in
// the records.
type world struct {
	items   []worldItem
	dataset datasets.Info

	kind    string
	options tokenizers.Options
	label   string
	info    tokenizers.Info
	dark    int  // what the tokenizer does
	mixes   bool // what it does depends on the batch

	metric     metrics.Spec
	provenance map[string]string
	gain       float64 // what the metric does
	observer   int     // version
	embedder   string

	suite                 suite.Suite
	corrupt               int
	seed                  uint64
	batch, workers, limit int
	keep                  record.Keep

	reconstructed, scored *atomic.Int64
}

type worldItem struct {
	id     string
	pixel  uint8
	text   string
	ignore bool
	box    image.Rectangle
}

func newWorld() world {
	w := world{
		dataset: datasets.Info{ID: "words", Version: 1, Digest: "d1"},
		kind:    "dark", options: tokenizers.Options{"q": "20"}, label: "mine",
		info: tokenizers.Info{Name: "dark", Version: "1", Weights: "w1", Deterministic: true, BatchInvariant: true, Codebooks: []int{8}},
		dark: 9, gain: 1, observer: 1, embedder: "e1",
		metric:     metrics.Spec{ID: "read", Version: 1, Better: metrics.Higher, Max: 1e6, Scope: metrics.PerInstance, Labels: true},
		provenance: map[string]string{"reader": "1.0"},
		suite: suite.Suite{
			ID: "world", Version: 1, Datasets: []string{"words"}, Resolutions: []int{32}, ScoreAt: "original", Baseline: "mine",
			Metrics: []string{"read", "mae", "looks", "rate", "distinct", "moved", "fid"}, Headline: []string{"read"}, Worst: "read",
			Corruptions: []suite.Corruption{{Type: "dim", Severities: []int{1}}, {Type: suite.TokenRandom, Severities: []int{4}}},
			Options:     map[string]string{"read.lang": "eng"},
		},
		corrupt: 3, seed: 1, batch: 2, workers: 2, keep: 1,
		reconstructed: &atomic.Int64{}, scored: &atomic.Int64{},
	}
	for i := range 4 {
		w.items = append(w.items, worldItem{fmt.Sprintf("img/%d", i), uint8(40 * i), fmt.Sprintf("text %d", i), false, image.Rect(2, 2, 22, 12)})
	}
	return w
}

func (w world) changed(change func(*world)) world {
	w.items = append([]worldItem(nil), w.items...)
	w.options, w.provenance = maps.Clone(w.options), maps.Clone(w.provenance)
	w.suite.Options = maps.Clone(w.suite.Options)
	w.suite.Corruptions = []suite.Corruption{{Type: "dim", Severities: []int{1}}, {Type: suite.TokenRandom, Severities: []int{4}}}
	w.suite.Resolutions = []int{32}
	change(&w)
	return w
}

// Data set.

type worldSet struct{ world }

func (s worldSet) Info() datasets.Info { return s.dataset }

func (s worldSet) IDs() []string {
	var ids []string
	for _, it := range s.items {
		ids = append(ids, it.id)
	}
	return ids
}

func (s worldSet) Load(_ context.Context, i int) (datasets.Item, error) {
	it := s.items[i]
	m := pix.New(48, 40)
	for k := range m.Pix {
		m.Pix[k] = uint8(k*k/7) + it.pixel
	}
	return datasets.Item{ID: it.id, Image: m, Instances: []datasets.Instance{{ID: "a", Box: it.box, Text: it.text, Ignore: it.ignore}}}, nil
}

// Tokenizer.

type worldTokenizer struct{ world }

func (t worldTokenizer) Info() tokenizers.Info { return t.info }

func (t worldTokenizer) Reconstruct(_ context.Context, in []pix.Image) ([]tokenizers.Reconstruction, error) {
	out := make([]tokenizers.Reconstruction, len(in))
	mixed := 0
	if t.mixes {
		for _, m := range in {
			mixed += int(m.Pix[0])
		}
	}
	for i, m := range in {
		t.reconstructed.Add(1)
		got := m.Clone()
		for k, v := range got.Pix {
			got.Pix[k] = v/2 + uint8(t.dark) + uint8(mixed*(i+1)%50)
		}
		ids := make([]int32, 16)
		for p := range ids {
			ids[p] = int32(m.Pix[len(m.Pix)/16*p]/32+uint8(t.dark)+uint8(mixed)) % 8
		}
		out[i] = tokenizers.Reconstruction{Image: got, Bits: int64(100 + t.dark), Codes: &tokenizers.Codes{Books: []tokenizers.Book{{Size: 8, Shape: []int{4, 4}, IDs: ids}}}}
	}
	return out, nil
}

func (t worldTokenizer) Decode(_ context.Context, codes []*tokenizers.Codes, w, h int) ([]pix.Image, error) {
	out := make([]pix.Image, len(codes))
	for i, c := range codes {
		t.reconstructed.Add(1)
		out[i] = pix.New(w, h)
		for k := range out[i].Pix {
			out[i].Pix[k] = uint8(c.Books[0].IDs[k%16])*20 + uint8(t.dark)
		}
	}
	return out, nil
}

// Metrics.

type worldReader struct{ world }

func (m worldReader) Specs() []metrics.Spec         { return []metrics.Spec{m.metric} }
func (m worldReader) Provenance() map[string]string { return m.provenance }
func (m worldReader) Prepare(_ context.Context, ref metrics.Reference) (metrics.Scorer, error) {
	return metrics.ScorerFunc(func(_ context.Context, got pix.Image) ([]metrics.Value, error) {
		m.scored.Add(1)
		var out []metrics.Value
		for _, in := range ref.Instances {
			if in.Ignore {
				continue
			}
			sum := float64(len(in.Text)) + float64(in.Text[0])
			for _, v := range got.Crop(in.Box).Pix {
				sum += float64(v)
			}
			out = append(out, metrics.Value{Metric: m.metric.ID, Instance: in.ID, Value: sum * m.gain, Detail: in.Text})
		}
		return out, nil
	}), nil
}

// worldGallery compares with all originals of the run.
type worldGallery struct {
	world
	mu  *sync.Mutex
	sum *int
}

func (m worldGallery) Specs() []metrics.Spec {
	return []metrics.Spec{{ID: "looks", Version: 1, Better: metrics.Higher, Scope: metrics.PerImage}}
}

// remarked counts how often a gallery was asked for its remarks.
var remarked atomic.Int64

// Remarks implements metrics.Remarker.
func (m worldGallery) Remarks() []metrics.Remark {
	remarked.Add(1)
	m.mu.Lock()
	defer m.mu.Unlock()
	return []metrics.Remark{{Text: fmt.Sprint("the sum is ", *m.sum), Head: true}}
}

func (m worldGallery) Enrol(_ context.Context, ref metrics.Reference) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	*m.sum += int(ref.Image.Pix[0]) * len(ref.Item)
	return nil
}

func (m worldGallery) Prepare(_ context.Context, _ metrics.Reference) (metrics.Scorer, error) {
	return metrics.ScorerFunc(func(_ context.Context, got pix.Image) ([]metrics.Value, error) {
		m.scored.Add(1)
		return []metrics.Value{{Metric: "looks", Value: float64(*m.sum) + float64(got.Pix[5])}}, nil
	}), nil
}

type worldObserver struct{ world }

func (o worldObserver) Specs() []metrics.Spec {
	return []metrics.Spec{{ID: "rate", Version: o.observer, Better: metrics.Lower, Scope: metrics.PerImage}, {ID: "distinct", Version: 1, Better: metrics.Higher, Scope: metrics.PerCorpus}}
}

func (o worldObserver) Observe(s metrics.Observation) ([]metrics.Value, string, error) {
	o.scored.Add(1)
	if s.Codes == nil {
		return nil, "", nil
	}
	return []metrics.Value{{Metric: "rate", Value: float64(s.Bits) * float64(o.observer)}}, fmt.Sprint(s.Codes.Books[0].IDs, o.observer), nil
}
func (worldObserver) NewAccumulator() metrics.Accumulator { return &distinct{} }

type worldChanges struct{ world }

func (c worldChanges) Specs() []metrics.Spec {
	return []metrics.Spec{{ID: "moved", Version: 1, Better: metrics.Lower, Scope: metrics.PerImage}}
}

func (c worldChanges) Compare(before, after *tokenizers.Codes, _ tokenizers.Neighbourer) ([]metrics.Value, error) {
	c.scored.Add(1)
	n := 0
	for i, id := range before.Books[0].IDs {
		n += int(id-after.Books[0].IDs[i]) * (i + 1)
	}
	return []metrics.Value{{Metric: "moved", Value: float64(n)}}, nil
}

type worldEmbedder struct{ world }

func (e worldEmbedder) Embed(_ context.Context, img pix.Image) (string, error) {
	e.scored.Add(1)
	f := channelMeans(img)
	f[0] += float32(len(e.embedder))
	return feature.Encode(f), nil
}

func (e worldEmbedder) Provenance() map[string]string { return map[string]string{"net": e.embedder} }

func (w world) config(t *testing.T, c *cache.Cache) run.Config {
	t.Helper()
	mae := metrics.Func(metrics.Spec{ID: "mae", Version: 1, Better: metrics.Lower, Scope: metrics.PerImage}, func(ref, got pix.Image) (float64, error) {
		w.scored.Add(1)
		return absError(ref, got)
	})
	return run.Config{
		Suite: w.suite, Dir: filepath.Join(t.TempDir(), "run"), Seed: w.seed, Workers: w.workers, KeepImages: w.keep, Batch: w.batch, Limit: w.limit,
		Datasets:  []run.DatasetSource{{Spec: "words", Data: worldSet{w}}},
		Metrics:   []metrics.Metric{worldReader{w}, mae, worldGallery{w, &sync.Mutex{}, new(int)}},
		Observers: []metrics.Observer{worldObserver{w}},
		Codes:     []metrics.CodeComparer{worldChanges{w}},
		Sets:      []metrics.OpenedSets{{Specs: feature.Specs(), Sets: ofFeatures{}, Embedder: worldEmbedder{w}}},
		Tokenizers: []run.TokenizerSource{
			{Name: suite.Original, Kind: "original", Tokenizer: worldTokenizer{newWorld()}},
			{Name: w.label, Kind: w.kind, Options: w.options, Tokenizer: worldTokenizer{w}},
		},
		Corrupt: func(img pix.Image, _ string, severity int, key string) (pix.Image, error) {
			out := img.Clone()
			for k := range out.Pix {
				out.Pix[k] = out.Pix[k]/2 + uint8(w.corrupt*severity) + uint8(len(key))
			}
			return out, nil
		},
		Bootstrap: record.BootstrapConfig{Resamples: 100, Level: .95, Method: "percentile"},
		Cache:     c,
	}
}

// results are the files of a run that must not depend on what was known before.
var resultFiles = []string{record.RecordsFile, record.CodesFile, record.GroupsFile, record.SummaryFile, record.SealFile, record.ImagesDir + "/" + record.CasesFile}

func results(t *testing.T, dir string) map[string][]byte {
	t.Helper()
	out := map[string][]byte{}
	for _, name := range resultFiles {
		out[name] = read(t, dir, name)
	}
	return out
}

func openCache(t *testing.T, dir string) *cache.Cache {
	t.Helper()
	c, err := cache.Open(dir, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	return c
}

func same(t *testing.T, what string, got, want map[string][]byte) {
	t.Helper()
	for _, name := range resultFiles {
		if !bytes.Equal(got[name], want[name]) {
			t.Errorf("%s: %s is another one", what, name)
		}
	}
}

// valueChanges are the things that can change a value, each alone. In this world each does.
var valueChanges = map[string]func(*world){
	"weights":            func(w *world) { w.info.Weights, w.dark = "w2", 11 },
	"version":            func(w *world) { w.info.Version, w.dark = "2", 11 },
	"name":               func(w *world) { w.info.Name, w.dark = "darker", 11 },
	"parameter":          func(w *world) { w.info.Params, w.dark = map[string]string{"encoder": "2.0"}, 11 },
	"code":               func(w *world) { w.info.Code, w.dark = "c2", 11 },
	"option":             func(w *world) { w.options["q"], w.dark = "21", 11 },
	"kind":               func(w *world) { w.kind, w.dark = "light", 11 },
	"pixels":             func(w *world) { w.items[1].pixel++; w.dataset.Digest = "d3" },
	"label":              func(w *world) { w.items[2].text = "taxt 2" },
	"box":                func(w *world) { w.items[2].box = image.Rect(3, 2, 23, 12) },
	"ignored":            func(w *world) { w.items[2].ignore = true },
	"item":               func(w *world) { w.items[0].id = "img/9" },
	"data set":           func(w *world) { w.dataset.ID = "words2" },
	"another original":   func(w *world) { w.items[3].pixel, w.dataset.Digest = 7, "d2" },
	"number of items":    func(w *world) { w.limit = 3 },
	"resolution":         func(w *world) { w.suite.Resolutions = []int{40} },
	"size of scoring":    func(w *world) { w.suite.ScoreAt = "input" },
	"suite option":       func(w *world) { w.suite.Options["read.lang"], w.gain = "deu", 2 },
	"severity":           func(w *world) { w.suite.Corruptions[0].Severities = []int{2} },
	"share of tokens":    func(w *world) { w.suite.Corruptions[1].Severities = []int{5} },
	"corruption":         func(w *world) { w.corrupt = 4 },
	"seed":               func(w *world) { w.seed = 2 },
	"metric version":     func(w *world) { w.metric.Version, w.gain = 2, 2 },
	"metric engine":      func(w *world) { w.provenance["reader"], w.gain = "1.1", 2 },
	"observer version":   func(w *world) { w.observer = 2 },
	"network of a set":   func(w *world) { w.embedder = "e2 and more" },
	"label of tokenizer": func(w *world) { w.label, w.suite.Baseline = "yours", "yours" }, // token damage is drawn by it
	"batch": func(w *world) {
		w.info.BatchInvariant, w.mixes, w.batch = false, true, 3
	},
	"rest of the batch": func(w *world) {
		w.info.BatchInvariant, w.mixes, w.items[0].pixel, w.dataset.Digest = false, true, 99, "d4"
	},
}

// TestEachChangeGoesThroughTheCache changes everything that can change a value, one at a
// time, in front of a cache that is full of the results of the others: the run is that of
// no cache.
func TestEachChangeGoesThroughTheCache(t *testing.T) {
	dir := t.TempDir()
	base, mixing := newWorld(), newWorld().changed(func(w *world) { w.info.BatchInvariant, w.mixes = false, true })
	for _, w := range []world{base, mixing} {
		execute(t, w.config(t, openCache(t, dir)))
	}
	before := results(t, execute(t, base.config(t, nil)).Dir)
	for name, change := range valueChanges {
		t.Run(name, func(t *testing.T) {
			w := base.changed(change)
			want := results(t, execute(t, w.config(t, nil)).Dir)
			if bytes.Equal(want[record.RecordsFile], before[record.RecordsFile]) && bytes.Equal(want[record.CodesFile], before[record.CodesFile]) {
				t.Fatal("the change changes nothing, so this test would see nothing")
			}
			same(t, "with a cache of other runs", results(t, execute(t, w.config(t, openCache(t, dir))).Dir), want)
			same(t, "with its own results", results(t, execute(t, w.config(t, openCache(t, dir))).Dir), want)
		})
	}
}

// TestKnownResultsAreNotMeasuredAgain changes what cannot change a value: nothing is
// reconstructed or scored, and the files are those of a run without a cache.
func TestKnownResultsAreNotMeasuredAgain(t *testing.T) {
	dir := t.TempDir()
	base := newWorld()
	execute(t, base.config(t, openCache(t, dir)))
	for name, change := range map[string]func(*world){
		"nothing":              func(*world) {},
		"workers":              func(w *world) { w.workers = 1 },
		"batch":                func(w *world) { w.batch = 3 },
		"whole images":         func(w *world) { w.keep = 3 },
		"concurrency":          func(w *world) { w.info.Concurrent = true },
		"preferred batch":      func(w *world) { w.info.BatchSize = 7 },
		"presentation":         func(w *world) { w.metric.Title, w.metric.Long = "READ", "how it reads" },
		"headline":             func(w *world) { w.suite.Headline = []string{"mae"} },
		"a metric less":        func(w *world) { w.suite.Metrics = w.suite.Metrics[:6] },
		"a condition less":     func(w *world) { w.suite.Corruptions = w.suite.Corruptions[:1] },
		"title of the suite":   func(w *world) { w.suite.Title = "another" },
		"licence of the data":  nil, // in the digest of the originals; see docs/identity.md
		"version of the suite": func(w *world) { w.suite.Version = 2 },
	} {
		if change == nil {
			continue
		}
		t.Run(name, func(t *testing.T) {
			w := base.changed(change)
			want := results(t, execute(t, w.config(t, nil)).Dir)
			w.reconstructed.Store(0)
			w.scored.Store(0)
			same(t, "from the cache", results(t, execute(t, w.config(t, openCache(t, dir))).Dir), want)
			if n, m := w.reconstructed.Load(), w.scored.Load(); n != 0 || m != 0 {
				t.Errorf("%d images were reconstructed and %d values computed, though all are known", n, m)
			}
		})
	}
}

// TestRemarksOnOriginals: what a metric says of the originals stands in the manifest,
// comes from the cache where nothing is measured, and does not hinder a resumed run.
func TestRemarksOnOriginals(t *testing.T) {
	dir := t.TempDir()
	w := newWorld()
	plain := w.config(t, nil)
	want := execute(t, plain).Manifest.Remarks
	if len(want) != 1 || !want[0].Head || want[0].Text == "the sum is 0" {
		t.Fatalf("remarks %+v", want)
	}
	resumed := w.config(t, nil) // another gallery, as in another process
	resumed.Dir, resumed.Resume = plain.Dir, true
	if d := cmp.Diff(want, execute(t, resumed).Manifest.Remarks); d != "" {
		t.Errorf("resumed (-before +after):\n%s", d)
	}
	if d := cmp.Diff(want, execute(t, w.config(t, openCache(t, dir))).Manifest.Remarks); d != "" {
		t.Errorf("into the cache:\n%s", d)
	}
	before := remarked.Load()
	cached := w.config(t, openCache(t, dir))
	if d := cmp.Diff(want, execute(t, cached).Manifest.Remarks); d != "" || remarked.Load() != before {
		t.Errorf("from the cache, after %d questions:\n%s", remarked.Load()-before, d)
	}
	var onDisk record.Manifest
	if err := json.Unmarshal(read(t, cached.Dir, record.ManifestFile), &onDisk); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(want, onDisk.Remarks); d != "" {
		t.Errorf("on disk:\n%s", d)
	}
}

// TestNewMetricScoresWhatIsKept: a metric more costs its own values, a tokenizer more its
// own reconstructions.
func TestNewMetricScoresWhatIsKept(t *testing.T) {
	dir := t.TempDir()
	less := newWorld().changed(func(w *world) { w.suite.Metrics = []string{"read", "mae", "rate", "distinct", "moved"} })
	execute(t, less.config(t, openCache(t, dir)))
	w := newWorld()
	want := results(t, execute(t, w.config(t, nil)).Dir)
	w.reconstructed.Store(0)
	same(t, "a metric more", results(t, execute(t, w.config(t, openCache(t, dir))).Dir), want)
	if n := w.reconstructed.Load(); n != 0 {
		t.Errorf("%d images were reconstructed for a metric more", n)
	}

	two := func(c *cache.Cache) run.Config {
		cfg := w.config(t, c)
		other := w.changed(func(w *world) { w.info.Name, w.dark, w.reconstructed = "other", 20, &atomic.Int64{} })
		cfg.Tokenizers = append(cfg.Tokenizers, run.TokenizerSource{Name: "other", Kind: "dark", Tokenizer: worldTokenizer{other}})
		return cfg
	}
	want = results(t, execute(t, two(nil)).Dir)
	w.reconstructed.Store(0)
	same(t, "a tokenizer more", results(t, execute(t, two(openCache(t, dir))).Dir), want)
	if n := w.reconstructed.Load(); n != 0 {
		t.Errorf("%d images were reconstructed by the tokenizer that was there before", n)
	}
}

// TestWhatIsNeverServed: results whose identity is not certain are measured in every run.
func TestWhatIsNeverServed(t *testing.T) {
	for name, change := range map[string]func(*world){
		"not deterministic":      func(w *world) { w.info.Deterministic, w.info.BatchInvariant = false, false },
		"no digest of weights":   func(w *world) { w.info.External, w.info.Weights, w.info.Code = true, "", "c" },
		"no digest of its code":  func(w *world) { w.info.External = true },
		"the batch is not whole": func(w *world) { w.info.BatchInvariant, w.mixes, w.limit = false, true, 3 },
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			w := newWorld().changed(change)
			full := w.changed(func(w *world) { w.limit = 0 })
			execute(t, full.config(t, openCache(t, dir)))
			w.reconstructed.Store(0)
			execute(t, w.config(t, openCache(t, dir)))
			// Of the last case the first batch is known and the second is another one.
			if w.reconstructed.Load() == 0 {
				t.Error("nothing was reconstructed")
			}
		})
	}
}

// TestEvictedReconstructions: values without pixels, and pixels without values, are as
// good as nothing where both are needed.
func TestEvictedReconstructions(t *testing.T) {
	for _, mixes := range []bool{false, true} {
		for _, space := range []string{"-r", "-v"} {
			dir := t.TempDir()
			w := newWorld().changed(func(w *world) { w.info.BatchInvariant, w.mixes = !mixes, mixes })
			want := results(t, execute(t, w.config(t, openCache(t, dir))).Dir)
			n := 0
			if err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
				if err == nil && !d.IsDir() && len(path) > 2 && path[len(path)-2:] == space {
					if n++; n%3 != 0 { // some are left
						return os.Remove(path)
					}
				}
				return err
			}); err != nil {
				t.Fatal(err)
			}
			same(t, fmt.Sprintf("without some %s, mixing %v", space, mixes), results(t, execute(t, w.config(t, openCache(t, dir))).Dir), want)
		}
	}
}

// TestTornAndForeignEntries are noticed, and measured again.
func TestTornAndForeignEntries(t *testing.T) {
	dir := t.TempDir()
	w := newWorld()
	want := results(t, execute(t, w.config(t, openCache(t, dir))).Dir)
	entries, err := filepath.Glob(filepath.Join(dir, "??", "*-?"))
	if err != nil || len(entries) < 8 {
		t.Fatalf("%d entries, %v", len(entries), err)
	}
	whole, err := os.ReadFile(entries[0])
	if err != nil {
		t.Fatal(err)
	}
	for i, path := range entries {
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		switch i % 4 {
		case 0:
			b = b[:len(b)/2] // torn
		case 1:
			b[len(b)-1] ^= 1 // a bit
		case 2:
			b = whole // another one's
		case 3:
			b = []byte("something else entirely\n")
		}
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	c := openCache(t, dir)
	same(t, "with damaged entries", results(t, execute(t, w.config(t, c)).Dir), want)
	if c.Stats().Damaged == 0 {
		t.Error("no damage was noticed")
	}
	w.reconstructed.Store(0)
	same(t, "after that", results(t, execute(t, w.config(t, openCache(t, dir))).Dir), want)
	if n := w.reconstructed.Load(); n != 0 {
		t.Errorf("%d images were reconstructed: the damage was not mended", n)
	}
}

// TestTwoRunsShareACache at the same time, and a third that prunes meanwhile.
func TestTwoRunsShareACache(t *testing.T) {
	dir := t.TempDir()
	w := newWorld()
	want := results(t, execute(t, w.config(t, nil)).Dir)
	stop := make(chan struct{})
	var pruning, running sync.WaitGroup
	pruning.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
			}
			if _, err := cache.Prune(dir, 20_000); err != nil {
				t.Error(err)
				return
			}
		}
	})
	for range 3 {
		cfg := w.config(t, openCache(t, dir))
		running.Go(func() {
			done, err := run.Execute(context.Background(), cfg)
			if err != nil {
				t.Error(err)
				return
			}
			same(t, "shared", results(t, done.Dir), want)
		})
	}
	running.Wait()
	close(stop)
	pruning.Wait()
}

// TestCachedTimes: what was not measured has no time.
func TestCachedTimes(t *testing.T) {
	dir := t.TempDir()
	w := newWorld()
	execute(t, w.config(t, openCache(t, dir)))
	done := execute(t, w.config(t, openCache(t, dir)))
	for l, err := range record.Timings(done.Dir) {
		if err != nil {
			t.Fatal(err)
		}
		if l.Tokenizer == "mine" && (!l.Cached || l.EncodeNS != 0 || l.DecodeNS != 0) {
			t.Errorf("a time of what was not measured: %+v", l)
		}
	}
	for _, p := range done.Performance.Times {
		if p.Images != 0 || p.Cached == 0 {
			t.Errorf("%s: %d timed, %d cached", p.Condition, p.Images, p.Cached)
		}
	}
}
