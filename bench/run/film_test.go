package run_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

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

// reel is a data set of two films, of 10 and of 7 frames, in which a word moves and the
// brightness rises by 8 a frame. Frame broken cannot be loaded.
type reel struct {
	broken int // -1 for none
}

func (r reel) Info() datasets.Info { return datasets.Info{ID: "reel", Version: 1, Digest: "d"} }

func (r reel) Clips() []datasets.Clip {
	return []datasets.Clip{{ID: "long", Frames: 10, Rate: 25}, {ID: "short", First: 10, Frames: 7, Rate: 25}}
}

func (r reel) IDs() []string {
	var ids []string
	for _, c := range r.Clips() {
		for i := range c.Frames {
			ids = append(ids, fmt.Sprintf("%s/%04d", c.ID, i))
		}
	}
	return ids
}

func (r reel) Load(_ context.Context, i int) (datasets.Item, error) {
	id := r.IDs()[i]
	if i == r.broken {
		return datasets.Item{}, fmt.Errorf("decoding %s: the file ends here", id)
	}
	m := pix.New(64, 48)
	frame := i % 10
	for k := range m.Pix {
		m.Pix[k] = uint8(8*frame + 40)
	}
	clip, _, _ := strings.Cut(id, "/")
	item := datasets.Item{ID: id, Cluster: clip, Image: m, Instances: []datasets.Instance{
		{ID: "w", Box: image.Rect(2+frame, 2, 22+frame, 12), Text: "word"},
	}}
	if frame%2 == 0 {
		item.Instances = append(item.Instances, datasets.Instance{ID: "v", Box: image.Rect(2, 20, 50, 32), Text: "now and then"})
	}
	return item, nil
}

// spacetime codes pairs of frames: it makes every frame of a window darker by 1 more than
// the one before, so that a result tells which place it had.
type spacetime struct {
	info tokenizers.ClipInfo
	mu   *sync.Mutex
	got  *[]string // windows it was given
}

func newSpacetime() *spacetime {
	return &spacetime{info: tokenizers.ClipInfo{Multiple: 2}, mu: &sync.Mutex{}, got: &[]string{}}
}

func (s *spacetime) Info() tokenizers.Info {
	info := s.info
	return tokenizers.Info{Name: "spacetime", Version: "1", Deterministic: true, BatchInvariant: true, Concurrent: true, Codebooks: []int{8}, Clips: &info}
}

func (s *spacetime) Reconstruct(context.Context, []pix.Image) ([]tokenizers.Reconstruction, error) {
	return nil, errors.New("a film was given as images")
}

func (s *spacetime) ReconstructClip(_ context.Context, in pix.Clip) (tokenizers.ClipReconstruction, error) {
	s.mu.Lock()
	*s.got = append(*s.got, fmt.Sprintf("%d+%d@%g", in.Start, len(in.Frames), in.Rate))
	s.mu.Unlock()
	out := tokenizers.ClipReconstruction{Bits: 100 * int64(len(in.Frames)), Encode: 1, Decode: 1}
	out.Codes = &tokenizers.Codes{Books: []tokenizers.Book{{Size: 8, Shape: []int{1, 1, 2}, IDs: []int32{1, int32(len(in.Frames) % 8)}}}}
	for i, f := range in.Frames {
		got := f.Clone()
		for k := range got.Pix {
			got.Pix[k] -= min(got.Pix[k], uint8(i+1))
		}
		out.Frames = append(out.Frames, got)
	}
	return out, nil
}

// jumps is the difference of brightness between frames, and of all frames of a clip.
type jumps struct{ fail bool }

func (jumps) Specs() []metrics.Spec {
	return []metrics.Spec{
		{ID: "jump", Version: 1, Better: metrics.Lower, Scope: metrics.PerStep},
		{ID: "jumps", Version: 1, Better: metrics.Lower, Scope: metrics.PerClip},
	}
}

func (j jumps) Begin(ctx context.Context, c metrics.ClipInfo) (metrics.Sequence, error) {
	return &jumpsOf{ctx: ctx, c: c, fail: j.fail, last: math.NaN()}, nil
}

type jumpsOf struct {
	ctx    context.Context // of the clip
	c      metrics.ClipInfo
	fail   bool
	last   float64
	sum    float64
	frames int
	closed bool
}

func (j *jumpsOf) Next(_ context.Context, f metrics.Frame) ([]metrics.Value, error) {
	if j.ctx.Err() != nil && !j.fail {
		return nil, errors.New("the context of the clip ended before the clip")
	}
	if f.Index != j.frames || f.Ref.W != j.c.W || f.Got.W != j.c.W {
		panic("a frame out of order, or of another size")
	}
	j.frames++
	now := float64(f.Ref.Pix[0]) - float64(f.Got.Pix[0])
	step := math.Abs(now - j.last)
	j.last = now
	if f.Index == 0 {
		return nil, nil
	}
	if j.fail && f.Index == 2 {
		return nil, errors.New("lost its place")
	}
	j.sum += step
	return []metrics.Value{{Metric: "jump", Value: step}}, nil
}

func (j *jumpsOf) End(context.Context) ([]metrics.Value, error) {
	if j.frames != j.c.Frames {
		panic("a clip of fewer frames than were announced")
	}
	return []metrics.Value{{Metric: "jumps", Value: j.sum}}, nil
}

func (j *jumpsOf) Close() error {
	if j.closed {
		panic("closed twice")
	}
	j.closed = true
	return nil
}

// held follows a metric: the number of frames that have it, and of those that begin windows.
type held struct{ of, id string }

func (h held) Specs() []metrics.Spec {
	scope := metrics.PerTrack
	if h.of != "level" {
		scope = metrics.PerClip
	}
	return []metrics.Spec{{ID: h.id, Version: 1, Better: metrics.Higher, Scope: scope}}
}

func (h held) Of() string { return h.of }

func (h held) Follow(seen []metrics.Seen) ([]metrics.Value, error) {
	known, edges, failed := 0, 0, 0
	for _, s := range seen {
		if s.Known {
			known++
		}
		if s.Edge {
			edges++
		}
		if s.Failed {
			failed++
		}
	}
	return []metrics.Value{{Metric: h.id, Value: float64(10000*len(seen) + 1000*failed + 100*edges + known)}}, nil
}

func filmConfig(t *testing.T, data datasets.Dataset, c *cache.Cache, tok *spacetime) run.Config {
	t.Helper()
	s := testSuite()
	s.Datasets, s.Resolutions, s.Window = []string{"reel"}, []int{32}, 4
	s.Metrics = []string{"level", "mae", "rate", "distinct", "jump", "jumps", "held", "whole"}
	s.Corruptions = []suite.Corruption{
		{Type: "noise", Severities: []int{1}}, {Type: "noise_frozen", Severities: []int{1}}, {Type: suite.FrameDrop, Severities: []int{5}},
	}
	if _, film := data.(datasets.Clipped); !film {
		s.Metrics, s.Corruptions = []string{"level", "mae", "rate", "distinct"}, nil
	}
	s.Bins = nil
	cfg := config(t, 0)
	cfg.Suite, cfg.KeepImages, cfg.Cache = s, 2, c
	cfg.Datasets = []run.DatasetSource{{Spec: "reel", Data: data}}
	cfg.Temporal = []metrics.Temporal{jumps{}}
	cfg.Followers = []metrics.Follower{held{"level", "held"}, held{"jump", "whole"}}
	cfg.Tokenizers = []run.TokenizerSource{
		{Name: "original", Kind: "original", Tokenizer: &darker{}},
		{Name: "dark", Kind: "darker", Tokenizer: &darker{by: 9}},
	}
	if tok != nil {
		cfg.Tokenizers = append(cfg.Tokenizers, run.TokenizerSource{Name: "clip", Kind: "spacetime", Tokenizer: tok})
	}
	cfg.Corrupt = func(img pix.Image, name string, _ int, key string) (pix.Image, error) {
		if name != "noise" {
			return pix.Image{}, fmt.Errorf("there is no %q", name)
		}
		out := img.Clone()
		for k := range out.Pix {
			out.Pix[k] += uint8(len(key)) + key[len(key)-1]%8 // of the last letter of the name
		}
		return out, nil
	}
	return cfg
}

func recordsOf(t *testing.T, dir, tokenizer, condition, metric string) map[string]record.Record {
	t.Helper()
	out := map[string]record.Record{}
	for r, err := range record.Records(dir) {
		if err != nil {
			t.Fatal(err)
		}
		if r.Tokenizer == tokenizer && r.Condition == condition && r.Metric == metric {
			key := r.Item
			if r.Instance != "" {
				key += "#" + r.Instance
			}
			out[key] = r
		}
	}
	return out
}

// TestFilms: windows, their padding, tokens, and the values of steps, clips and tracks.
func TestFilms(t *testing.T) {
	tok := newSpacetime()
	dir := execute(t, filmConfig(t, reel{broken: -1}, nil, tok)).Dir
	slices.Sort(*tok.got)
	// Windows of 4, 4, 2 and 4, 3 frames, the last brought to 4, under four conditions, and
	// the second film once more for the player.
	want := map[string]int{"0+4@25": 9, "4+4@25": 9, "8+2@25": 4}
	got := map[string]int{}
	for _, w := range *tok.got {
		got[w]++
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("windows %v, want %v", got, want)
	}
	value := func(tokenizer, metric, item string) float64 {
		t.Helper()
		r, ok := recordsOf(t, dir, tokenizer, "clean@32", metric)[item]
		v, known := r.Float()
		if !ok || !known {
			t.Fatalf("%s of %s by %s: %+v", metric, item, tokenizer, r)
		}
		return v
	}
	// The reconstruction darkens by 1, 2, 3, 4 and begins anew.
	for item, want := range map[string]float64{"long/0001": 1, "long/0003": 1, "long/0004": 3, "long/0005": 1, "long/0008": 3, "short/0006": 1} {
		if got := value("clip", "jump", item); got != want {
			t.Errorf("jump of %s is %v, want %v", item, got, want)
		}
	}
	if got := value("clip", "jumps", "long/0009"); got != 13 {
		t.Errorf("jumps of long: %v, want 13", got)
	}
	if got := value("original", "jumps", "short/0006"); got != 0 {
		t.Errorf("jumps of the original: %v", got)
	}
	// Ten frames, three windows; w is in all, v in every second; steps have one value fewer.
	for item, want := range map[string]float64{"long/0009#w": 100310, "long/0009#v": 100305, "short/0006#w": 70207, "short/0006#v": 70204} {
		if got := value("clip", "held", item); got != want {
			t.Errorf("held of %s is %v, want %v", item, got, want)
		}
	}
	if got := value("clip", "whole", "long/0009"); got != 100309 {
		t.Errorf("steps seen: %v", got)
	}
	if n := len(recordsOf(t, dir, "clip", "clean@32", "jump")); n != 15 {
		t.Errorf("%d steps, want 9 and 6", n)
	}
	rates := recordsOf(t, dir, "clip", "clean@32", "rate")
	if len(rates) != 5 || rates["long/0008"].Value == nil {
		t.Errorf("rates of %d windows, want 5: %v", len(rates), rates)
	}
	timed := 0
	for l, err := range record.Timings(dir) {
		if err != nil {
			t.Fatal(err)
		}
		if l.Tokenizer == "clip" && l.Condition == "clean@32" {
			timed++
		}
	}
	if timed != 5 {
		t.Errorf("times of %d windows, want 5", timed)
	}
	// The darker film is played, frame by frame, by those that are deterministic.
	var cases []record.Case
	if err := record.ReadJSON(filepath.Join(dir, record.ImagesDir, record.CasesFile), &cases); err != nil {
		t.Fatal(err)
	}
	played := map[string][]string{}
	for _, c := range cases {
		if c.Why == record.WhyImage {
			played[c.Tokenizer] = append(played[c.Tokenizer], c.Item)
			for _, path := range []string{c.Original, c.Reconstruction} {
				if img, err := pix.Load(filepath.Join(dir, path)); err != nil || img.W != 32 {
					t.Errorf("%s: %v, %d wide", path, err, img.W)
				}
			}
		}
	}
	wantPlayed := []string{"short/0000", "short/0001", "short/0002", "short/0003", "short/0004", "short/0005", "short/0006"}
	if len(played) != 2 || !slices.Equal(played["clip"], wantPlayed) || !slices.Equal(played["dark"], wantPlayed) {
		t.Errorf("played: %v", played)
	}
	last, err := pix.Load(filepath.Join(dir, cases[len(cases)-1].Reconstruction))
	if err != nil || last.Pix[3*32*16] != 8*6+40-3 { // the third of its window
		t.Errorf("the last frame of the player is %d in its middle, %v", last.Pix[3*32*16], err)
	}
}

// windowEmbedder is worldEmbedder for windows.
type windowEmbedder struct{ worldEmbedder }

func (e windowEmbedder) EmbedClip(ctx context.Context, clip pix.Clip) (string, error) {
	if len(clip.Frames) < 3 {
		return "", errors.New("too short a window")
	}
	return e.Embed(ctx, clip.Frames[len(clip.Frames)-1])
}

// TestSetsOfWindows: metrics of sets that look at films see windows, whatever way they come.
func TestSetsOfWindows(t *testing.T) {
	configure := func(c *cache.Cache) run.Config {
		cfg := filmConfig(t, reel{broken: -1}, c, newSpacetime())
		cfg.Sets = []metrics.OpenedSets{{Specs: feature.Specs(), Sets: ofFeatures{}, Embedder: windowEmbedder{worldEmbedder{newWorld()}}}}
		cfg.Suite.Metrics = append(cfg.Suite.Metrics, feature.Specs()[0].ID)
		return cfg
	}
	plain := execute(t, configure(nil)).Dir
	states := map[string]int{}
	for l, err := range record.Codes(plain) {
		if err != nil {
			t.Fatal(err)
		}
		if l.Observer == feature.Specs()[0].ID {
			states[l.Tokenizer+" "+l.Condition]++
		}
	}
	// The last window of the long film has 2 frames.
	for _, who := range []string{" clean", "original clean@32", "dark clean@32", "clip noise/1@32"} {
		if states[who] != 4 {
			t.Errorf("%q has %d windows, want 4: %v", who, states[who], states)
		}
	}
	failed := 0
	for _, r := range recordsOf(t, plain, "dark", "clean@32", feature.Specs()[0].ID) {
		if strings.Contains(r.Error, "too short") {
			failed++
		}
	}
	if failed != 1 {
		t.Errorf("%d windows failed, want 1", failed)
	}
	store := openCache(t, filepath.Join(t.TempDir(), "cache"))
	for range 2 {
		same(t, "with a cache", results(t, execute(t, configure(store)).Dir), results(t, plain))
	}
}

// TestFramesAreImages: frame by frame, films have the values of a data set of images.
func TestFramesAreImages(t *testing.T) {
	film := execute(t, filmConfig(t, reel{broken: -1}, nil, nil)).Dir
	images := execute(t, filmConfig(t, struct{ datasets.Dataset }{reel{broken: -1}}, nil, nil)).Dir
	for _, m := range []string{"level", "mae", "rate"} {
		a, b := recordsOf(t, film, "dark", "clean@32", m), recordsOf(t, images, "dark", "clean@32", m)
		if len(a) == 0 || len(a) != len(b) {
			t.Fatalf("%s: %d values of frames, %d of images", m, len(a), len(b))
		}
		for item, r := range a {
			if o := b[item]; *r.Value != *o.Value {
				t.Errorf("%s of %s: %v as a frame, %v as an image", m, item, *r.Value, *o.Value)
			}
		}
	}
}

// TestDamageOverTime: fresh noise differs from frame to frame, frozen noise does not, and a
// lost frame is shown as the last that came.
func TestDamageOverTime(t *testing.T) {
	dir := execute(t, filmConfig(t, reel{broken: -1}, nil, nil)).Dir
	level := func(condition string, frame int) float64 {
		r := recordsOf(t, dir, "original", condition+"@32", "level")[fmt.Sprintf("long/%04d#w", frame)]
		v, ok := r.Float()
		if !ok {
			t.Fatalf("%s, frame %d: %+v", condition, frame, r)
		}
		return v - float64(8*frame+40)
	}
	fresh, frozen := map[float64]bool{}, map[float64]bool{}
	dropped := 0
	for f := range 8 {
		fresh[level("noise/1", f)], frozen[level("noise_frozen/1", f)] = true, true
		if d := level("frame_drop/5", f); d != 0 {
			if f%4 == 0 || math.Mod(d, 8) != 0 || d > 0 {
				t.Errorf("frame %d differs by %v: the first of a window comes, others are as one before", f, d)
			}
			dropped++
		}
	}
	if len(fresh) < 2 || len(frozen) != 1 || dropped == 0 {
		t.Errorf("%d levels of fresh noise, %d of frozen; %d frames lost", len(fresh), len(frozen), dropped)
	}
}

// decoding codes films together, and decodes the tokens of single images.
type decoding struct{ *spacetime }

func (decoding) Decode(_ context.Context, codes []*tokenizers.Codes, w, h int) ([]pix.Image, error) {
	out := make([]pix.Image, len(codes))
	for i := range out {
		out[i] = pix.New(w, h)
	}
	return out, nil
}

// TestTokensOfWindows: those of a window are no tokens of its first frame, and are not decoded
// as such under token damage.
func TestTokensOfWindows(t *testing.T) {
	cfg := filmConfig(t, reel{broken: -1}, nil, nil)
	cfg.Tokenizers = append(cfg.Tokenizers, run.TokenizerSource{Name: "clip", Kind: "spacetime", Tokenizer: decoding{newSpacetime()}})
	cfg.Suite.Corruptions = append(cfg.Suite.Corruptions, suite.Corruption{Type: suite.TokenDrop, Severities: []int{3}})
	dir := execute(t, cfg).Dir
	if n := len(recordsOf(t, dir, "clip", "clean@32", "mae")); n == 0 {
		t.Error("no values without damage")
	}
	if n := len(recordsOf(t, dir, "clip", "token_drop/3@32", "mae")); n != 0 {
		t.Errorf("%d values under token damage", n)
	}
}

// TestFilmsByAnyWay: a film is the same alone, with any workers, resumed, from a cache, in
// shards and by workers elsewhere.
func TestFilmsByAnyWay(t *testing.T) {
	plain := results(t, execute(t, filmConfig(t, reel{broken: -1}, nil, newSpacetime())).Dir)
	one := filmConfig(t, reel{broken: -1}, nil, newSpacetime())
	one.Workers = 1
	same(t, "one worker", results(t, execute(t, one).Dir), plain)

	store := openCache(t, filepath.Join(t.TempDir(), "cache"))
	same(t, "filling a cache", results(t, execute(t, filmConfig(t, reel{broken: -1}, store, newSpacetime())).Dir), plain)
	again := newSpacetime()
	same(t, "from a cache", results(t, execute(t, filmConfig(t, reel{broken: -1}, store, again)).Dir), plain)
	if len(*again.got) != 0 {
		t.Errorf("known windows were coded again: %q", *again.got)
	}

	var dirs []string
	for i := 1; i <= 2; i++ {
		cfg := filmConfig(t, reel{broken: -1}, nil, newSpacetime())
		cfg.Shard = run.Shard{Index: i, Count: 2}
		dirs = append(dirs, execute(t, cfg).Dir)
	}
	merged := filepath.Join(t.TempDir(), "merged")
	kinds := []metrics.Kind{{Specs: tokens{}.Specs(), Observer: tokens{}}}
	if _, err := run.Merge(t.Context(), run.MergeConfig{Dirs: dirs, Dir: merged, Kinds: kinds}); err != nil {
		t.Fatal(err)
	}
	same(t, "merged", results(t, merged), plain)

	cfg := filmConfig(t, reel{broken: -1}, nil, newSpacetime())
	cfg.Remote = &near{t: t, as: func(run.Unit) string { return run.Measured }, config: func() run.Config {
		return filmConfig(t, reel{broken: -1}, nil, newSpacetime())
	}}
	same(t, "by workers", results(t, execute(t, cfg).Dir), plain)

	stopped := filmConfig(t, reel{broken: -1}, nil, newSpacetime())
	ctx, stop := context.WithCancel(t.Context())
	stopped.Progress = &stopAfter{n: 12, stop: stop}
	if _, err := run.Execute(ctx, stopped); !errors.Is(err, context.Canceled) {
		t.Fatalf("%v, want to be stopped", err)
	}
	stopped.Progress, stopped.Resume = nil, true
	same(t, "resumed", results(t, execute(t, stopped).Dir), plain)
}

// stopAfter stops a run after so many steps.
type stopAfter struct {
	n    int
	stop func()
}

func (s *stopAfter) Begin(string, int, int) {}
func (s *stopAfter) End()                   {}
func (s *stopAfter) Step(n int) {
	if s.n -= n; s.n < 0 {
		s.stop()
	}
}

// TestFilmWithAGap: a frame that is lost costs what depends on it, and is counted.
func TestFilmWithAGap(t *testing.T) {
	for _, data := range []reel{{broken: 5}, {broken: 9}, {broken: 0}} {
		dir := execute(t, filmConfig(t, data, nil, newSpacetime())).Dir
		for _, tokenizer := range []string{"dark", "clip"} {
			steps := recordsOf(t, dir, tokenizer, "clean@32", "jump")
			whole := recordsOf(t, dir, tokenizer, "clean@32", "jumps")
			good, bad := 0, 0
			for item, r := range steps {
				if strings.HasPrefix(item, "long/") {
					if r.Error == "" {
						good++
					} else if bad++; !strings.Contains(r.Error, "missing") {
						t.Errorf("%s says %q", item, r.Error)
					}
				}
			}
			if want := max(data.broken-1, 0); good != want || bad != 9-want-min(data.broken, 1) {
				t.Errorf("frame %d lost, %s: %d steps with a value, %d without", data.broken, tokenizer, good, bad)
			}
			lost := 0
			for item, r := range whole {
				if strings.HasPrefix(item, "long/") && r.Error != "" {
					lost++
				}
				if strings.HasPrefix(item, "short/") && r.Error != "" {
					t.Errorf("the other film: %s", r.Error)
				}
			}
			if len(whole) != 2 || lost != 1 {
				t.Errorf("frame %d lost, %s: %d values of clips, %d of them lost", data.broken, tokenizer, len(whole), lost)
			}
			pixels := 0
			for item, r := range recordsOf(t, dir, tokenizer, "clean@32", "mae") {
				if strings.HasPrefix(item, "long/") && r.Error == "" {
					pixels++
				}
			}
			// Frame by frame nothing else is lost; in windows, what is behind it in its own.
			want := 9
			if tokenizer == "clip" {
				want = map[int]int{5: 7, 9: 9, 0: 6}[data.broken]
			}
			if pixels != want {
				t.Errorf("frame %d lost, %s: %d frames have values, want %d", data.broken, tokenizer, pixels, want)
			}
		}
	}
}

// TestTemporalMetricThatFails costs its own values from there on.
func TestTemporalMetricThatFails(t *testing.T) {
	cfg := filmConfig(t, reel{broken: -1}, nil, nil)
	cfg.Temporal = []metrics.Temporal{jumps{fail: true}}
	dir := execute(t, cfg).Dir
	steps := recordsOf(t, dir, "dark", "clean@32", "jump")
	for item, r := range steps {
		if failed := !strings.HasSuffix(item, "/0001"); failed != strings.Contains(r.Error, "lost its place") {
			t.Errorf("%s: %+v", item, r)
		}
	}
	if b := read(t, dir, record.RecordsFile); !bytes.Contains(b, []byte(`"metric":"mae"`)) {
		t.Error("the values of other metrics are gone")
	}
}

func TestFilmsAreAskedFor(t *testing.T) {
	stills := struct{ datasets.Dataset }{reel{broken: -1}}
	cfg := filmConfig(t, stills, nil, nil)
	cfg.Suite.Metrics = append(cfg.Suite.Metrics, "jump")
	if _, err := run.Execute(t.Context(), cfg); err == nil || !strings.Contains(err.Error(), `"jump"`) {
		t.Errorf("a metric of films on images: %v", err)
	}
	cfg = filmConfig(t, stills, nil, nil)
	cfg.Sets = []metrics.OpenedSets{{Specs: feature.Specs(), Sets: ofFeatures{}, Embedder: windowEmbedder{worldEmbedder{newWorld()}}}}
	cfg.Suite.Metrics = append(cfg.Suite.Metrics, "fid")
	if _, err := run.Execute(t.Context(), cfg); err == nil || !strings.Contains(err.Error(), `"fid" compares windows`) {
		t.Errorf("a metric of windows on images: %v", err)
	}
	cfg = filmConfig(t, stills, nil, nil)
	cfg.Suite.Corruptions = []suite.Corruption{{Type: suite.FrameDrop, Severities: []int{1}}}
	if _, err := run.Execute(t.Context(), cfg); err == nil || !strings.Contains(err.Error(), suite.FrameDrop) {
		t.Errorf("frames lost of images: %v", err)
	}
	cfg = filmConfig(t, reel{broken: -1}, nil, nil)
	cfg.Suite.Metrics = slices.DeleteFunc(cfg.Suite.Metrics, func(id string) bool { return id == "level" })
	cfg.Suite.Headline, cfg.Suite.Worst = []string{"mae"}, "mae"
	if _, err := run.Execute(t.Context(), cfg); err == nil || !strings.Contains(err.Error(), `"level"`) {
		t.Errorf("a metric that follows nothing: %v", err)
	}
}
