package run_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/vtbench/vtbench/bench/record"
	"github.com/vtbench/vtbench/bench/run"
	"github.com/vtbench/vtbench/bench/suite"
	"github.com/vtbench/vtbench/bench/summary"
	"github.com/vtbench/vtbench/datasets"
	"github.com/vtbench/vtbench/metrics"
	"github.com/vtbench/vtbench/pix"
	"github.com/vtbench/vtbench/tokenizers"
)

// set is a small data set with two labelled words an image, one of them outside
// the bins, and one that is ignored; item "broken" cannot be loaded.
type set struct {
	n     int
	block atomic.Pointer[chan struct{}] // when set, item stopAt waits for it
	stop  int
}

func (s *set) Info() datasets.Info { return datasets.Info{ID: "words", Version: 1, Digest: "d"} }

func (s *set) IDs() []string {
	ids := make([]string, s.n)
	for i := range ids {
		ids[i] = fmt.Sprintf("img/%03d", i)
	}
	return ids
}

func (s *set) DefaultItems() int { return s.n }

func (s *set) Load(ctx context.Context, i int) (datasets.Item, error) {
	if c := s.block.Load(); c != nil && i >= s.stop {
		select {
		case <-*c:
		case <-ctx.Done():
			return datasets.Item{}, ctx.Err()
		}
	}
	if i == 5 {
		return datasets.Item{}, errors.New("decoding img/005: not an image")
	}
	m := pix.New(64, 48)
	for k := range m.Pix {
		m.Pix[k] = uint8(k*7 + i*13)
	}
	return datasets.Item{ID: s.IDs()[i], Image: m, Instances: []datasets.Instance{
		{ID: "a", Box: image.Rect(2, 2, 22, 12), Text: "word"},  // ratio 20/(4·64) = .078
		{ID: "b", Box: image.Rect(2, 20, 50, 32), Text: "long"}, // ratio .1875
		{ID: "tiny", Box: image.Rect(0, 40, 2, 42), Text: "outside"},
		{ID: "dc", Box: image.Rect(30, 40, 40, 46), Text: "###", Ignore: true},
	}}, nil
}

// darker subtracts a constant and fails on the images it is told to.
type darker struct {
	by   uint8
	fail map[int]error
}

func (d *darker) Info() tokenizers.Info {
	return tokenizers.Info{Name: "darker", Version: "1", Deterministic: true, Codebooks: []int{4}}
}

func (d *darker) Reconstruct(_ context.Context, in []pix.Image) ([]tokenizers.Reconstruction, error) {
	out := make([]tokenizers.Reconstruction, len(in))
	for i, m := range in {
		got := m.Clone()
		for k, v := range got.Pix {
			got.Pix[k] = v - min(v, d.by)
		}
		out[i] = tokenizers.Reconstruction{
			Image: got, Bits: 800,
			Codes: &tokenizers.Codes{Books: []tokenizers.Book{{Size: 4, Shape: []int{2}, IDs: []int32{int32(m.Pix[len(m.Pix)/2] % 4), 1}}}},
		}
		if m.Pix[len(m.Pix)/2]%5 == 0 && d.fail != nil {
			out[i].Err = d.fail[0]
		}
	}
	return out, nil
}

type panicking struct{}

func (panicking) Info() tokenizers.Info { return tokenizers.Info{Name: "panicking"} }
func (panicking) Reconstruct(context.Context, []pix.Image) ([]tokenizers.Reconstruction, error) {
	panic("out of cheese")
}

// level is an instance metric: mean brightness of the box, and whether the label
// is "long"; it drops what is dark in the reference.
type level struct{}

func (level) Specs() []metrics.Spec {
	return []metrics.Spec{{ID: "level", Version: 1, Better: metrics.Higher, Max: 255, Scope: metrics.PerInstance, Labels: true}}
}

func (level) Prepare(_ context.Context, ref metrics.Reference) (metrics.Scorer, error) {
	return metrics.ScorerFunc(func(_ context.Context, got pix.Image) ([]metrics.Value, error) {
		var out []metrics.Value
		for _, in := range ref.Instances {
			c := got.Crop(in.Box)
			sum := 0.0
			for _, v := range c.Pix {
				sum += float64(v)
			}
			out = append(out, metrics.Value{Metric: "level", Instance: in.ID, Value: sum / float64(len(c.Pix)), Detail: "<" + in.ID + ">"})
		}
		return out, nil
	}), nil
}

func absError(ref, got pix.Image) (float64, error) {
	sum := 0
	for i := range ref.Pix {
		sum += max(int(ref.Pix[i]), int(got.Pix[i])) - min(int(ref.Pix[i]), int(got.Pix[i]))
	}
	return float64(sum) / float64(len(ref.Pix)), nil
}

// tokens observes codes: rate an image, distinct ids of the set.
type tokens struct{}

func (tokens) Specs() []metrics.Spec {
	return []metrics.Spec{
		{ID: "rate", Version: 1, Better: metrics.Lower, Scope: metrics.PerImage},
		{ID: "distinct", Version: 1, Better: metrics.Higher, Scope: metrics.PerCorpus},
	}
}

func (tokens) Observe(o metrics.Observation) ([]metrics.Value, string, error) {
	if o.Codes == nil {
		return nil, "", nil
	}
	return []metrics.Value{{Metric: "rate", Value: float64(o.Bits)}}, fmt.Sprint(o.Codes.Books[0].IDs[0]), nil
}

func (tokens) NewAccumulator() metrics.Accumulator { return &distinct{} }

type distinct struct{ seen map[string]bool }

func (d *distinct) Add(s string) error {
	if d.seen == nil {
		d.seen = map[string]bool{}
	}
	d.seen[s] = true
	return nil
}
func (d *distinct) Merge(metrics.Accumulator) error { return nil }
func (d *distinct) Result() ([]metrics.Value, error) {
	return []metrics.Value{{Metric: "distinct", Value: float64(len(d.seen))}}, nil
}

func testSuite() suite.Suite {
	return suite.Suite{
		ID: "demo", Version: 1, Datasets: []string{"words"}, Resolutions: []int{32, 64}, ScoreAt: "original",
		Metrics: []string{"level", "mae", "rate", "distinct"}, Headline: []string{"level"}, Worst: "level",
		Bins: &suite.Bins{Scale: "text", Names: []string{"small", "large"}, Edges: map[int][]float64{
			32: {.05, .1, 1}, 64: {.05, .1, 1},
		}},
	}
}

func config(t *testing.T, n int) run.Config {
	t.Helper()
	mae := metrics.Func(metrics.Spec{ID: "mae", Version: 1, Better: metrics.Lower, Scope: metrics.PerImage}, absError)
	return run.Config{
		Suite: testSuite(), Dir: filepath.Join(t.TempDir(), "run"), Seed: 1, Workers: 3, KeepImages: 1, Batch: 2,
		Datasets:  []run.DatasetSource{{Spec: "words", Data: &set{n: n}}},
		Metrics:   []metrics.Metric{level{}, mae},
		Observers: []metrics.Observer{tokens{}},
		Tokenizers: []run.TokenizerSource{
			{Name: "original", Kind: "original", Tokenizer: &darker{}},
			{Name: "dark", Kind: "darker", Tokenizer: &darker{by: 9, fail: map[int]error{0: errors.New("no")}}},
			{Name: "bad", Kind: "panicking", Tokenizer: panicking{}},
		},
		Bootstrap: record.BootstrapConfig{Resamples: 200, Level: .95, Method: "percentile"},
	}
}

func execute(t *testing.T, cfg run.Config) *summary.Run {
	t.Helper()
	done, err := run.Execute(context.Background(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	return done
}

func read(t *testing.T, run, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(run, name))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestCountsAddUp(t *testing.T) {
	run := execute(t, config(t, 12))
	const loadable = 11
	for _, tok := range []string{"original", "dark", "bad"} {
		for _, cond := range []string{"clean@32", "clean@64"} {
			row, ok := run.Summary.Find(tok, "words", cond, summary.BinAll, "mae")
			if !ok {
				t.Fatalf("no mae row for %s %s", tok, cond)
			}
			if got := row.N + row.Dropped["failed"] + row.Dropped["infinite"]; got != loadable || row.Dropped["load_failed"] != 1 {
				t.Errorf("%s %s mae: %d of %d images accounted for, %v", tok, cond, got, loadable, row.Dropped)
			}
			row, _ = run.Summary.Find(tok, "words", cond, summary.BinAll, "level")
			if got := row.N + row.Dropped["failed"]; got != 2*loadable || row.Dropped["outside"] != loadable || row.Dropped["ignored"] != loadable {
				t.Errorf("%s %s level: %d of %d instances accounted for, %v", tok, cond, got, 2*loadable, row.Dropped)
			}
			for _, bin := range []string{"small", "large"} {
				row, _ = run.Summary.Find(tok, "words", cond, bin, "level")
				if got := row.N + row.Dropped["failed"]; got != loadable {
					t.Errorf("%s %s level %s: %d of %d accounted for", tok, cond, bin, got, loadable)
				}
			}
		}
	}
	small, _ := run.Summary.Find("original", "words", "clean@64", "small", "level")
	large, _ := run.Summary.Find("original", "words", "clean@64", "large", "level")
	mean, _ := run.Summary.Find("original", "words", "clean@64", summary.BinMean, "level")
	if want := (small.Mean + large.Mean) / 2; mean.Mean-want > 1e-9 || want-mean.Mean > 1e-9 {
		t.Errorf("mean of bins is %v, want %v", mean.Mean, want)
	}
	if bad, _ := run.Summary.Find("bad", "words", "clean@64", summary.BinMean, "level"); bad.N != 0 || bad.Dropped["failed"] != 2*loadable {
		t.Errorf("a panicking tokenizer: n %d, %v", bad.N, bad.Dropped)
	}
	loads, panics := 0, 0
	for _, f := range run.Summary.Errors {
		switch {
		case f.Tokenizer == "" && strings.Contains(f.Error, "img/005"):
			loads++
		case f.Tokenizer == "bad" && strings.Contains(f.Error, "out of cheese"):
			panics++
		}
	}
	if loads != 1 || panics == 0 {
		t.Errorf("failures: %d of loading, %d panics", loads, panics)
	}
	if row, ok := run.Summary.Find("dark", "words", "clean@32", summary.BinAll, "distinct"); !ok || row.Mean < 1 || row.Mean > 4 {
		t.Errorf("distinct ids: %+v", row)
	}
}

func TestRecordsDoNotDependOnWorkers(t *testing.T) {
	var want [3][]byte
	for i, workers := range []int{1, 2, 8} {
		cfg := config(t, 9)
		cfg.Workers = workers
		execute(t, cfg)
		for k, name := range []string{record.RecordsFile, record.SummaryFile, "images/cases.json"} {
			got := read(t, cfg.Dir, name)
			if i == 0 {
				want[k] = got
			} else if !bytes.Equal(got, want[k]) {
				t.Errorf("%d workers: %s differs: %s", workers, name, cmp.Diff(string(want[k]), string(got)))
			}
		}
	}
}

// An interrupted run, cut at any byte, ends with the bytes of an uninterrupted one.
func TestResumeEqualsUninterrupted(t *testing.T) {
	full := config(t, 9)
	execute(t, full)
	names := []string{record.RecordsFile, record.SummaryFile, "codes.jsonl", "images/cases.json", record.GroupsFile, record.SealFile}
	records := read(t, full.Dir, record.RecordsFile)
	for _, cut := range []int{0, 1, len(records) / 3, len(records)/2 + 7, len(records) - 1, len(records)} {
		cfg := config(t, 9)
		execute(t, cfg)
		interrupt(t, cfg.Dir, int64(cut))
		cfg.Resume = true
		execute(t, cfg)
		for _, name := range names {
			if diff := cmp.Diff(string(read(t, full.Dir, name)), string(read(t, cfg.Dir, name))); diff != "" {
				t.Fatalf("cut at byte %d: %s differs (-uninterrupted +resumed):\n%s", cut, name, diff)
			}
		}
	}
}

func TestCancelledRunResumes(t *testing.T) {
	full := config(t, 9)
	execute(t, full)

	cfg := config(t, 9)
	data := cfg.Datasets[0].Data.(*set)
	never := make(chan struct{})
	data.block.Store(&never)
	data.stop = 6
	ctx, cancel := context.WithCancel(context.Background())
	// Three groups: the third begins when the first is committed.
	cfg.Progress = &cancelAfter{cancel: cancel, left: 6 * 6}
	if _, err := run.Execute(ctx, cfg); !errors.Is(err, context.Canceled) {
		t.Fatalf("a cancelled run returned %v", err)
	}
	if _, err := os.Stat(filepath.Join(cfg.Dir, record.SummaryFile)); err == nil {
		t.Fatal("a cancelled run has a summary")
	}
	partial, err := summary.Open(cfg.Dir, kinds())
	if err != nil {
		t.Fatal(err)
	}
	if partial.Complete || len(partial.Summary.Rows) == 0 {
		t.Errorf("an interrupted run is read as complete=%v with %d rows", partial.Complete, len(partial.Summary.Rows))
	}
	data.block.Store(nil)
	cfg.Resume, cfg.Progress = true, nil
	execute(t, cfg)
	if diff := cmp.Diff(string(read(t, full.Dir, record.SummaryFile)), string(read(t, cfg.Dir, record.SummaryFile))); diff != "" {
		t.Errorf("summaries differ:\n%s", diff)
	}
}

type cancelAfter struct {
	cancel func()
	left   int
}

func (c *cancelAfter) Begin(string, int, int) {}
func (c *cancelAfter) End()                   {}
func (c *cancelAfter) Step(n int) {
	if c.left -= n; c.left <= 0 {
		c.cancel()
	}
}

// interrupt leaves a run directory as a crash does after cut bytes of records: the groups
// that had been synced by then, and the beginning of the next one.
func interrupt(t *testing.T, dir string, cut int64) {
	t.Helper()
	var groups, end int64
	for line := range strings.Lines(string(read(t, dir, record.GroupsFile))) {
		var g record.GroupLine
		if err := json.Unmarshal([]byte(line), &g); err != nil {
			t.Fatal(err)
		}
		if end += g.Records.Bytes; end > cut {
			break
		}
		groups += int64(len(line))
	}
	for name, size := range map[string]int64{record.GroupsFile: groups, record.RecordsFile: cut} {
		if err := os.Truncate(filepath.Join(dir, name), size); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{record.SummaryFile, record.SealFile} {
		if err := os.Remove(filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
}

// Whatever is edited, lost or doubled in a run directory is noticed by reports and by a
// resume, with the file; what lies before it can be kept.
func TestDamageIsNoticed(t *testing.T) {
	full := config(t, 9)
	execute(t, full)
	edit := func(line int, with func(l string) string) func(string) string {
		return func(b string) string {
			lines := strings.SplitAfter(b, "\n")
			lines[line] = with(lines[line])
			return strings.Join(lines, "")
		}
	}
	double := func(l string) string { return l + l }
	lose := func(string) string { return "" }
	flip := func(l string) string { return strings.Replace(l, `"`, `"x`, 1) }
	gone := func(string) string { return "\x00" }
	for _, tc := range []struct {
		what, file string
		with       func(string) string
		redo       int // first group that is not whole
	}{
		{"a value edited", record.RecordsFile, edit(60, flip), 1},
		{"a record lost", record.RecordsFile, edit(60, lose), 1},
		{"a record doubled", record.RecordsFile, edit(0, double), 0},
		{"records lost", record.RecordsFile, gone, 0},
		{"codes edited", record.CodesFile, edit(22, flip), 3},
		{"codes lost", record.CodesFile, edit(2, lose), 0},
		{"a time edited", record.TimingsFile, edit(20, flip), 2},
		{"a time doubled", record.TimingsFile, edit(20, double), 2},
		{"a group doubled", record.GroupsFile, edit(2, double), 3},
		{"a group lost", record.GroupsFile, edit(1, lose), 1},
		{"a group that is no JSON", record.GroupsFile, edit(1, func(string) string { return "{\n" }), 1},
		{"a summary edited", record.SummaryFile, flip, -1},
		{"cases edited", "images/cases.json", flip, -1},
	} {
		cfg := config(t, 9)
		if err := os.CopyFS(cfg.Dir, os.DirFS(full.Dir)); err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(cfg.Dir, tc.file)
		if b := tc.with(string(read(t, cfg.Dir, tc.file))); b == "\x00" {
			if err := os.Remove(path); err != nil {
				t.Fatal(err)
			}
		} else if err := os.WriteFile(path, []byte(b), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := summary.Open(cfg.Dir, kinds())
		var damage *record.Damage
		if !errors.As(err, &damage) || !strings.HasPrefix(damage.File, strings.TrimSuffix(tc.file, ".jsonl")) && tc.what != "a group lost" {
			t.Errorf("%s: a report says %v", tc.what, err)
			continue
		}
		if damage.Group != tc.redo {
			t.Errorf("%s: %v; want group %d", tc.what, damage, tc.redo)
		}
		cfg.Resume = true
		if tc.redo >= 0 {
			var ce *run.ConfigError
			if _, err := run.Execute(t.Context(), cfg); !errors.As(err, &ce) {
				t.Errorf("%s: a resume says %v", tc.what, err)
			}
			cfg.RedoFrom = &tc.redo
		}
		execute(t, cfg)
		for _, name := range []string{record.RecordsFile, record.CodesFile, record.GroupsFile, record.SummaryFile, record.SealFile} {
			if diff := cmp.Diff(string(read(t, full.Dir, name)), string(read(t, cfg.Dir, name))); diff != "" {
				t.Errorf("%s: %s differs after it was redone:\n%s", tc.what, name, diff)
			}
		}
	}
}

// A picture that is gone is told, and no reason to refuse a report.
func TestMissingPicture(t *testing.T) {
	cfg := config(t, 4)
	done := execute(t, cfg)
	if err := os.Remove(filepath.Join(cfg.Dir, done.Cases[0].Original)); err != nil {
		t.Fatal(err)
	}
	got, err := summary.Open(cfg.Dir, kinds())
	if err != nil || len(got.Damaged) != 1 || !strings.Contains(got.Damaged[0], done.Cases[0].Original) {
		t.Errorf("%v, %v", got.Damaged, err)
	}
}

// A run without anything that runs outside of it can be resumed like any other.
func TestResumeWithoutProvenance(t *testing.T) {
	cfg := config(t, 4)
	cfg.Provenance, cfg.LeftOut = map[string]string{}, map[string]string{}
	execute(t, cfg)
	cfg.Resume = true
	execute(t, cfg)
}

func TestOneProcessOneDirectory(t *testing.T) {
	cfg := config(t, 4)
	if err := os.MkdirAll(cfg.Dir, 0o777); err != nil {
		t.Fatal(err)
	}
	lock, err := record.TakeLock(cfg.Dir, false)
	if err != nil {
		t.Fatal(err)
	}
	var locked *record.LockedError
	if _, err := run.Execute(t.Context(), cfg); !errors.As(err, &locked) || locked.Holder.PID != os.Getpid() {
		t.Errorf("a second process: %v", err)
	}
	if err := lock.Release(); err != nil {
		t.Fatal(err)
	}
	// A process of this machine that died is taken over; one of another machine is not.
	path := filepath.Join(cfg.Dir, record.LockFile)
	host, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		host  string
		force bool
		held  bool
	}{{host, false, false}, {"elsewhere", false, true}, {"elsewhere", true, false}} {
		if err := os.WriteFile(path, []byte(`{"host":"`+tc.host+`","pid":1,"started":"2026-01-01T00:00:00Z"}`), 0o600); err != nil {
			t.Fatal(err)
		}
		lock, err := record.TakeLock(cfg.Dir, tc.force)
		if held := errors.As(err, &locked); held != tc.held || held && !strings.Contains(err.Error(), "--break-lock") {
			t.Errorf("held on %s, force %v: %v", tc.host, tc.force, err)
		}
		if lock != nil {
			if err := lock.Release(); err != nil {
				t.Error(err)
			}
		}
	}
	execute(t, cfg)
}

func TestResumeRefusesAnotherRun(t *testing.T) {
	cfg := config(t, 4)
	execute(t, cfg)
	if _, err := run.Execute(context.Background(), cfg); err == nil || !strings.Contains(err.Error(), "--resume") {
		t.Errorf("a second run into the same directory: %v", err)
	}
	cfg.Resume, cfg.Seed = true, 2
	_, err := run.Execute(context.Background(), cfg)
	var ce *run.ConfigError
	if !errors.As(err, &ce) || !strings.Contains(err.Error(), "seed") {
		t.Errorf("resuming with another seed: %v", err)
	}
}

func TestShardsMakeTheWhole(t *testing.T) {
	whole := config(t, 12)
	execute(t, whole)
	want := lineSet(read(t, whole.Dir, record.RecordsFile))
	got := map[string]int{}
	for i := 1; i <= 3; i++ {
		cfg := config(t, 12)
		cfg.Shard = run.Shard{Index: i, Count: 3}
		execute(t, cfg)
		for l, n := range lineSet(read(t, cfg.Dir, record.RecordsFile)) {
			got[l] += n
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("three shards are not the whole:\n%s", diff)
	}
}

// More shards than groups are refused with the most that there is work for.
func TestShardWithoutWork(t *testing.T) {
	cfg := config(t, 2)
	cfg.Shard = run.Shard{Index: 9, Count: 9}
	_, err := run.Execute(t.Context(), cfg)
	var ce *run.ConfigError
	if !errors.As(err, &ce) || !strings.Contains(err.Error(), "shard 9/9") || !strings.Contains(err.Error(), "at most 1 shards") {
		t.Errorf("%v", err)
	}
}

// lineSet counts lines.
func lineSet(b []byte) map[string]int {
	m := map[string]int{}
	for l := range strings.Lines(string(b)) {
		m[l]++
	}
	return m
}

func TestCasesShowFiles(t *testing.T) {
	run := execute(t, config(t, 9))
	why := map[string]int{}
	for _, c := range run.Cases {
		why[c.Why]++
		for _, p := range []string{c.Original, c.Reconstruction} {
			if _, err := pix.Load(filepath.Join(run.Dir, p)); err != nil {
				t.Errorf("%s case of %s: %v", c.Why, c.Tokenizer, err)
			}
		}
	}
	if why[record.WhyWorst] == 0 || why[record.WhySample] == 0 || why[record.WhyImage] == 0 {
		t.Errorf("cases by kind: %v", why)
	}
	files, err := os.ReadDir(filepath.Join(run.Dir, "images"))
	if err != nil {
		t.Fatal(err)
	}
	shown := map[string]bool{"cases.json": true}
	for _, c := range run.Cases {
		shown[filepath.Base(c.Original)], shown[filepath.Base(c.Reconstruction)] = true, true
	}
	for _, f := range files {
		if !shown[f.Name()] {
			t.Errorf("%s is shown by no case", f.Name())
		}
	}
}

func BenchmarkRunner(b *testing.B) {
	noop := metrics.Func(metrics.Spec{ID: "mae", Version: 1, Scope: metrics.PerImage}, func(_, _ pix.Image) (float64, error) { return 0, nil })
	for i := range b.N {
		cfg := run.Config{
			Suite: suite.Suite{ID: "x", Version: 1, Datasets: []string{"words"}, Resolutions: []int{64}, ScoreAt: "original", Metrics: []string{"mae"}},
			Dir:   filepath.Join(b.TempDir(), fmt.Sprint(i)), Metrics: []metrics.Metric{noop},
			Datasets:   []run.DatasetSource{{Spec: "words", Data: &set{n: 100}}},
			Tokenizers: []run.TokenizerSource{{Name: "same", Tokenizer: &darker{}}},
		}
		if _, err := run.Execute(context.Background(), cfg); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)/100, "µs/item")
}

// A data set's own number of items holds for it alone.
func TestItemsOfADataset(t *testing.T) {
	cfg := config(t, 9)
	cfg.Limit, cfg.Full = 0, false
	cfg.Suite.Items = 5
	cfg.Suite.Of = map[string]suite.DatasetOptions{cfg.Datasets[0].Spec: {Items: 3}}
	run := execute(t, cfg)
	if n := run.Manifest.Datasets[0].Items; n != 3 {
		t.Errorf("%d items were planned, want 3", n)
	}
}

func TestDistributionsHoldEveryValueThatCounts(t *testing.T) {
	cfg := config(t, 6)
	cfg.Suite.Distributions = map[string][]float64{"level": {0, 100}}
	if err := cfg.Suite.Validate(); err != nil {
		t.Fatal(err)
	}
	run := execute(t, cfg)
	if len(run.Summary.Distributions) == 0 {
		t.Fatal("no distributions")
	}
	for _, d := range run.Summary.Distributions {
		want := 0
		for _, r := range run.Summary.Rows {
			if r.Tokenizer == d.Tokenizer && r.Dataset == d.Dataset && r.Condition == d.Condition && r.Metric == d.Metric && r.Bin == summary.BinAll {
				want = r.N
			}
		}
		got := 0
		for _, n := range d.Counts {
			got += n
		}
		if got != want || want == 0 {
			t.Errorf("%s, %s: %d values in the bars, %d in the mean", d.Tokenizer, d.Condition, got, want)
		}
	}
	cfg.Suite.Distributions = map[string][]float64{"grade": {0, 1}, "level": {1, 1}}
	if err := cfg.Suite.Validate(); err == nil || !strings.Contains(err.Error(), "grade") || !strings.Contains(err.Error(), "distributions.level") {
		t.Errorf("faults of distributions: %v", err)
	}
}

// Shards, merged in any order and with parts that overlap, are the files of one run.
func TestMergeEqualsOneRun(t *testing.T) {
	whole := config(t, 11)
	execute(t, whole)
	dirs := make([]string, 3)
	for i := range dirs {
		cfg := config(t, 11)
		cfg.Shard = run.Shard{Index: i + 1, Count: 3}
		execute(t, cfg)
		dirs[i] = cfg.Dir
	}
	names := []string{record.RecordsFile, record.CodesFile, record.GroupsFile, record.SummaryFile, record.SealFile, "images/cases.json"}
	out := filepath.Join(t.TempDir(), "merged")
	for _, parts := range [][]string{{dirs[2], dirs[0], dirs[1]}, {dirs[0], dirs[1], dirs[2], whole.Dir}} {
		got, err := run.Merge(t.Context(), run.MergeConfig{Dirs: parts, Dir: out, Kinds: kinds()})
		if err != nil {
			t.Fatal(err)
		}
		if len(got.Missing) != 0 || (len(got.Doubled) == 3) != (len(parts) == 4) || !got.Run.Complete {
			t.Errorf("%d parts: doubled %v, missing %v, complete %v", len(parts), got.Doubled, got.Missing, got.Run.Complete)
		}
		for _, name := range names {
			if diff := cmp.Diff(string(read(t, whole.Dir, name)), string(read(t, out, name))); diff != "" {
				t.Errorf("%d parts: %s differs (-one run +merged):\n%s", len(parts), name, diff)
			}
		}
		if _, err := summary.Open(out, kinds()); err != nil {
			t.Error(err)
		}
	}

	some := run.MergeConfig{Dirs: dirs[:2], Dir: filepath.Join(t.TempDir(), "some"), Kinds: kinds()}
	if _, err := run.Merge(t.Context(), some); err == nil || !strings.Contains(err.Error(), "words: items 5 to 6, words: items 11 to 11") {
		t.Errorf("a merge without a shard: %v", err)
	}
	some.Partial = true
	got, err := run.Merge(t.Context(), some)
	if err != nil || got.Run.Complete || len(got.Missing) != 2 || len(got.Run.Summary.Rows) == 0 {
		t.Errorf("a partial merge: %+v, %v", got, err)
	}

	other := config(t, 11)
	other.Seed = 7
	execute(t, other)
	for _, tc := range []struct {
		cfg  run.MergeConfig
		want string
	}{
		{run.MergeConfig{Dirs: []string{dirs[0], other.Dir}, Dir: out}, "seed"},
		{run.MergeConfig{Dirs: dirs, Dir: other.Dir}, "already holds another run"},
		{run.MergeConfig{Dirs: dirs, Dir: dirs[1]}, "into itself"},
		{run.MergeConfig{Dirs: []string{t.TempDir()}, Dir: out}, "not a run directory"},
	} {
		var ce *run.ConfigError
		if _, err := run.Merge(t.Context(), tc.cfg); !errors.As(err, &ce) || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%v; want %s", err, tc.want)
		}
	}
}

// kinds are the registry of these tests.
func kinds() []metrics.Kind {
	return []metrics.Kind{{Specs: tokens{}.Specs(), Observer: tokens{}}}
}
