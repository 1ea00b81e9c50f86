package bench

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/vtbench/vtbench/datasets"
	"github.com/vtbench/vtbench/metrics"
	"github.com/vtbench/vtbench/pix"
	"github.com/vtbench/vtbench/tokenizers"
)

// DatasetSource is a data set of a run as the user named it.
type DatasetSource struct {
	Spec string
	Data datasets.Dataset
}

// TokenizerSource is an opened tokenizer of a run.
type TokenizerSource struct {
	Name, Kind string
	Options    tokenizers.Options
	Tokenizer  tokenizers.Tokenizer
}

// Config is everything a run depends on.
type Config struct {
	Suite      Suite
	Datasets   []DatasetSource
	Tokenizers []TokenizerSource
	Metrics    []metrics.Metric
	Observers  []metrics.Observer
	// Corrupt damages an image; key makes random damage the same on every machine.
	// It may be nil for suites without corruptions.
	Corrupt func(img pix.Image, name string, severity int, key string) (pix.Image, error)

	Dir     string // the run directory; made when it does not exist
	Resume  bool   // continue what is there
	Limit   int    // items a data set, 0 for the data set's own default
	Full    bool   // all items
	Shard   Shard
	Workers int // goroutines that compute; 0 means all cores
	Batch   int // images a tokenizer gets at once; 0 lets the tokenizers choose
	Seed    uint64

	Bootstrap  BootstrapConfig
	Provenance map[string]string
	Program    string // name, version and commit, for the manifest
	KeepImages int    // whole images kept for the report, a data set
	Progress   Progress
}

// Progress is told how far a run is. Calls come from one goroutine at a time.
type Progress interface {
	// Start says how many reconstructions are planned and how many a resumed run
	// has already.
	Start(total, done int)
	// Step says that n more are done.
	Step(n int)
	// Stop ends the display; nothing is called after it.
	Stop()
}

// Shard is a share of a run: items whose hash falls on Index of Count. The zero
// value is the whole run.
type Shard struct{ Index, Count int } // Index is 1-based

// String is "2/8", or "" for the whole run.
func (s Shard) String() string {
	if s.Count <= 1 {
		return ""
	}
	return strconv.Itoa(s.Index) + "/" + strconv.Itoa(s.Count)
}

func (s Shard) has(item string) bool {
	if s.Count <= 1 {
		return true
	}
	h := sha256.Sum256([]byte(item))
	return int(binary.LittleEndian.Uint64(h[:8])%uint64(s.Count)) == s.Index-1
}

// A ConfigError is the user's to mend: what was asked for cannot be run.
type ConfigError struct{ Err error }

// Error implements error.
func (e *ConfigError) Error() string { return e.Err.Error() }

// Unwrap returns the cause.
func (e *ConfigError) Unwrap() error { return e.Err }

func configErrorf(format string, args ...any) error {
	return &ConfigError{fmt.Errorf(format, args...)}
}

// defaultBatch is used when no tokenizer states a preference: enough to feed the
// workers, small enough that interrupting loses little.
const defaultBatch = 4

// inFlight is how many groups are worked on at once: one is committed, one
// scored, one tokenized.
const inFlight = 3

// planned is one item of the plan.
type planned struct {
	source int // index of the data set
	index  int // in the data set
	id     string
}

type runner struct {
	cfg        Config
	manifest   Manifest
	conditions []Condition
	observers  []metrics.Observer
	wanted     map[string]metrics.Spec
	slots      chan struct{}   // one a worker: held while computing
	lanes      []chan struct{} // one a tokenizer that takes one call at a time, else nil
	keeper     *keeper
}

// Execute runs a suite and leaves a complete run directory without reports. When
// ctx ends it stops after what is being committed and returns ctx's error; the
// directory can then be resumed. Items that fail are in the Run's summary, not
// in the error.
func Execute(ctx context.Context, cfg Config) (*Run, error) {
	r, plan, err := newRunner(cfg)
	if err != nil {
		return nil, err
	}
	if err := r.run(ctx, plan); err != nil {
		return nil, err
	}
	return r.finish(plan)
}

func newRunner(cfg Config) (*runner, []planned, error) {
	if err := cfg.Suite.Validate(); err != nil {
		return nil, nil, &ConfigError{err}
	}
	if cfg.Workers <= 0 {
		cfg.Workers = runtime.GOMAXPROCS(0)
	}
	if cfg.Bootstrap == (BootstrapConfig{}) {
		cfg.Bootstrap = DefaultBootstrap
	}
	if cfg.Progress == nil {
		cfg.Progress = silent{}
	}
	if len(cfg.Tokenizers) == 0 {
		return nil, nil, configErrorf("no tokenizer: name one with -t, or in the suite")
	}
	if len(cfg.Suite.Corruptions) > 0 && cfg.Corrupt == nil {
		return nil, nil, configErrorf("suite %s corrupts images, but no corruptions are configured", cfg.Suite.ID)
	}
	r := &runner{cfg: cfg, conditions: cfg.Suite.conditions(), slots: make(chan struct{}, cfg.Workers)}
	if err := r.selectMetrics(); err != nil {
		return nil, nil, err
	}
	batch := cfg.Batch
	seen := map[string]bool{}
	for _, t := range cfg.Tokenizers {
		if seen[t.Name] {
			return nil, nil, configErrorf("tokenizer %q is named twice; give one of them a label: mine=%s", t.Name, t.Name)
		}
		seen[t.Name] = true
		info := t.Tokenizer.Info()
		for _, res := range cfg.Suite.Resolutions {
			if err := info.Accepts(res, res); err != nil && t.Name != Original {
				return nil, nil, configErrorf("tokenizer %q cannot run at resolution %d: %w; choose others with --resolution", t.Name, res, err)
			}
		}
		if cfg.Batch == 0 {
			batch = max(batch, info.BatchSize)
		}
		var lane chan struct{}
		if !info.Concurrent {
			lane = make(chan struct{}, 1)
		}
		r.lanes = append(r.lanes, lane)
		r.manifest.Tokenizers = append(r.manifest.Tokenizers, TokenEntry{Name: t.Name, Kind: t.Kind, Options: t.Options, Info: info})
	}
	if batch == 0 {
		batch = defaultBatch
	}
	plan, err := r.plan()
	if err != nil {
		return nil, nil, err
	}
	m := &r.manifest
	m.Schema, m.Suite, m.Seed, m.Batch = SchemaVersion, cfg.Suite, cfg.Seed, batch
	m.SuiteHash, m.Shard, m.Bootstrap = digestOf(cfg.Suite), cfg.Shard.String(), cfg.Bootstrap
	m.Provenance, m.Host = cfg.Provenance, thisHost(cfg.Program)
	r.keeper = newKeeper(m)
	return r, plan, nil
}

// selectMetrics checks that every metric of the suite is there.
func (r *runner) selectMetrics() error {
	have := map[string]metrics.Spec{}
	for _, m := range r.cfg.Metrics {
		for _, s := range m.Specs() {
			have[s.ID] = s
		}
	}
	for _, o := range r.cfg.Observers {
		for _, s := range o.Specs() {
			have[s.ID] = s
		}
	}
	r.wanted = map[string]metrics.Spec{}
	for _, id := range r.cfg.Suite.Metrics {
		s, ok := have[id]
		if !ok {
			return configErrorf("suite %s: metric %q is not configured", r.cfg.Suite.ID, id)
		}
		r.wanted[id] = s
		r.manifest.Metrics = append(r.manifest.Metrics, s)
	}
	return nil
}

func (r *runner) plan() ([]planned, error) {
	var plan []planned
	names := map[string]int{}
	for s, d := range r.cfg.Datasets {
		info, ids := d.Data.Info(), d.Data.IDs()
		n := len(ids)
		switch st, ok := d.Data.(datasets.Stratum); {
		case r.cfg.Full:
		case r.cfg.Limit > 0:
			n = min(n, r.cfg.Limit)
		case ok:
			n = min(n, st.DefaultItems())
		}
		name := info.ID
		if names[name]++; names[name] > 1 {
			name += "#" + strconv.Itoa(names[name])
		}
		entry := DatasetEntry{Name: name, Spec: d.Spec, Info: info, Total: len(ids)}
		for i, id := range ids[:n] {
			if r.cfg.Shard.has(id) {
				plan = append(plan, planned{s, i, id})
				entry.Items++
			}
		}
		r.manifest.Datasets = append(r.manifest.Datasets, entry)
	}
	if len(plan) == 0 {
		return nil, configErrorf("the plan is empty: the data sets have no items for this limit and shard")
	}
	return plan, nil
}

func digestOf(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err) // our own plain structs
	}
	h := sha256.Sum256(b)
	return hex.EncodeToString(h[:])
}

// A group is a slice of the plan that is committed as one: a batch for every
// tokenizer under every condition.
type group struct {
	first int // position in the plan
	items []planned
	done  chan struct{}
	out   []itemOutput
}

// itemOutput is what one item of a group leaves behind.
type itemOutput struct {
	records []Record
	codes   []codeLine
	timings []timingLine
	crops   []crop
}

// run does what is left of the plan and commits it group by group, in order.
func (r *runner) run(ctx context.Context, plan []planned) (err error) {
	start, err := r.open(plan)
	if err != nil {
		return err
	}
	dir := r.cfg.Dir
	records, err := openJournal(filepath.Join(dir, RecordsFile))
	if err != nil {
		return err
	}
	codes, err := openJournal(filepath.Join(dir, codesFile))
	if err != nil {
		return errors.Join(err, records.close())
	}
	times, err := openJournal(filepath.Join(dir, timingsFile))
	if err != nil {
		return errors.Join(err, records.close(), codes.close())
	}
	defer func() { err = errors.Join(err, records.close(), codes.close(), times.close()) }()

	perItem := len(r.conditions) * len(r.cfg.Tokenizers)
	r.cfg.Progress.Start(len(plan)*perItem, start*perItem)
	defer r.cfg.Progress.Stop()

	g, ctx := errgroup.WithContext(ctx)
	window := make(chan struct{}, inFlight)
	queue := make(chan *group, inFlight)
	g.Go(func() error {
		defer close(queue)
		for first := start; first < len(plan); first += r.manifest.Batch {
			grp := &group{first: first, items: plan[first:min(first+r.manifest.Batch, len(plan))], done: make(chan struct{})}
			select {
			case window <- struct{}{}:
			case <-ctx.Done():
				return ctx.Err()
			}
			g.Go(func() error {
				defer close(grp.done)
				return r.do(ctx, grp)
			})
			queue <- grp
		}
		return nil
	})
	g.Go(func() error {
		for grp := range queue {
			<-grp.done
			if ctx.Err() != nil {
				continue // drain; a later group of a failed run is not committed
			}
			if err := r.commit(grp, records, codes, times); err != nil {
				return err
			}
			r.cfg.Progress.Step(len(grp.items) * perItem)
			<-window
		}
		return nil
	})
	return g.Wait()
}

// commit makes a group durable: states and pictures first, records last, since it
// is the records that say how far a run is.
func (r *runner) commit(grp *group, records, codes, times *journal) error {
	for i := range grp.out {
		out := &grp.out[i]
		for j := range out.codes {
			if err := codes.add(&out.codes[j]); err != nil {
				return fmt.Errorf("encoding codes: %w", err)
			}
		}
		for j := range out.timings {
			if err := times.add(&out.timings[j]); err != nil {
				return fmt.Errorf("encoding timings: %w", err)
			}
		}
		for j := range out.records {
			r.keeper.add(&out.records[j])
			if err := records.add(&out.records[j]); err != nil {
				return fmt.Errorf("encoding records: %w", err)
			}
		}
		for _, c := range out.crops {
			if err := c.save(r.cfg.Dir); err != nil {
				return err
			}
		}
	}
	grp.out = nil
	for _, j := range []*journal{codes, times, records} {
		if err := j.flush(); err != nil {
			return err
		}
	}
	return nil
}

// finish writes the summary and everything else that is computed from records.
func (r *runner) finish(plan []planned) (*Run, error) {
	dir := r.cfg.Dir
	sum, err := Summarise(dir, &r.manifest, r.cfg.Observers)
	if err != nil {
		return nil, err
	}
	perf, err := timings(dir, &r.manifest)
	if err != nil {
		return nil, err
	}
	cases, err := r.cases(plan)
	if err != nil {
		return nil, err
	}
	if err := WriteJSON(filepath.Join(dir, PerformanceFile), perf); err != nil {
		return nil, err
	}
	// The summary comes last: its presence says that the run is complete.
	if err := WriteJSON(filepath.Join(dir, SummaryFile), &sum); err != nil {
		return nil, err
	}
	return &Run{Dir: dir, Manifest: r.manifest, Summary: sum, Timings: perf, Cases: cases, Complete: true}, nil
}

// loaded is an item with what all its conditions share.
type loaded struct {
	planned
	item datasets.Item
	err  error
	mu   sync.Mutex
	// prepared scorers of the original image: those of metrics that compare with
	// labels by resolution (the bins differ), those of pixel metrics once.
	labels map[int][]metrics.Scorer
	pixels []metrics.Scorer
}

// acquire takes a worker's slot; the returned function gives it back.
func (r *runner) acquire(ctx context.Context) (func(), error) {
	select {
	case r.slots <- struct{}{}:
		return func() { <-r.slots }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// do works on a group: loads its items, then takes every condition through every
// tokenizer. It fails only when the run has to stop.
func (r *runner) do(ctx context.Context, grp *group) error {
	items := make([]*loaded, len(grp.items))
	var wg errgroup.Group
	for i, p := range grp.items {
		items[i] = &loaded{planned: p, labels: map[int][]metrics.Scorer{}}
		wg.Go(func() error {
			release, err := r.acquire(ctx)
			if err != nil {
				return err
			}
			defer release()
			items[i].item, items[i].err = r.load(ctx, p)
			return ctx.Err()
		})
	}
	if err := wg.Wait(); err != nil {
		return err
	}
	// out[item][tokenizer][condition], put in order afterwards.
	cells := make([][][]itemOutput, len(items))
	for i := range cells {
		cells[i] = make([][]itemOutput, len(r.cfg.Tokenizers))
		for t := range cells[i] {
			cells[i][t] = make([]itemOutput, len(r.conditions))
		}
	}
	jobs, ctx := errgroup.WithContext(ctx)
	jobs.SetLimit(2) // bounds memory; more conditions at once would not be faster
	for c := range r.conditions {
		jobs.Go(func() error { return r.condition(ctx, items, c, cells) })
	}
	if err := jobs.Wait(); err != nil {
		return err
	}
	grp.out = make([]itemOutput, len(items))
	for i, it := range items {
		out := &grp.out[i]
		out.records = r.itemRecords(it)
		for t := range cells[i] {
			for c := range cells[i][t] {
				cell := &cells[i][t][c]
				out.records = append(out.records, cell.records...)
				out.codes = append(out.codes, cell.codes...)
				out.timings = append(out.timings, cell.timings...)
				out.crops = append(out.crops, cell.crops...)
			}
		}
	}
	return nil
}

// load reads an item; a data set that panics costs this item.
func (r *runner) load(ctx context.Context, p planned) (item datasets.Item, err error) {
	defer recovered(&err, "loading "+p.id)
	item, err = r.cfg.Datasets[p.source].Data.Load(ctx, p.index)
	if err != nil {
		return item, err
	}
	if err := item.Image.Validate(); err != nil {
		return item, fmt.Errorf("loading %s: %w", p.id, err)
	}
	return item, nil
}

// recovered turns a panic into an error that says where it came from: the line
// that panicked, without addresses, so that records stay the same from run to run.
func recovered(err *error, doing string) {
	if p := recover(); p != nil {
		*err = fmt.Errorf("%s: panic: %v (in %s)", doing, p, panicSite())
	}
}

// panicSite is the innermost function outside the runtime on the stack of a panic.
func panicSite() string {
	var pcs [64]uintptr
	frames := runtime.CallersFrames(pcs[:runtime.Callers(0, pcs[:])])
	panicking := false
	for {
		f, more := frames.Next()
		if panicking && !strings.HasPrefix(f.Function, "runtime.") {
			return fmt.Sprintf("%s, %s:%d", f.Function, filepath.Base(f.File), f.Line)
		}
		panicking = panicking || f.Function == "runtime.gopanic"
		if !more {
			return "unknown place"
		}
	}
}

// itemRecords are the records of an item that hold for all tokenizers.
func (r *runner) itemRecords(it *loaded) []Record {
	base := r.record(it)
	if it.err != nil {
		base.Error, base.Drop = it.err.Error(), metrics.DropLoad
		return []Record{base}
	}
	var out []Record
	for _, c := range r.conditions {
		_, _, left := r.cfg.Suite.sorted(it.item, c.Resolution)
		for _, in := range it.item.Instances {
			if reason, ok := left[in.ID]; ok {
				rec := base
				rec.Instance, rec.Condition, rec.Drop = in.ID, c.String(), reason
				out = append(out, rec)
			}
		}
	}
	return out
}

func (r *runner) record(it *loaded) Record {
	rec := Record{Suite: r.cfg.Suite.ID, Dataset: r.manifest.Datasets[it.source].Name, Item: it.id}
	if c := it.item.ClusterID(); c != it.id && c != "" {
		rec.Cluster = c
	}
	return rec
}

// input is an item under one condition.
type input struct {
	*loaded
	cond      Condition
	img       pix.Image     // what the tokenizer is given
	place     pix.Placement // how it got there
	reference pix.Image     // what reconstructions are compared with
	instances []datasets.Instance
	bins      map[string]string
	// scorers by metric source: against the reference, against labels on the
	// original, and (corrupted conditions only) against the clean original.
	scorers []metrics.Scorer
	clean   []metrics.Scorer
	err     error
}

// condition takes the items of a group through every tokenizer under condition c.
func (r *runner) condition(ctx context.Context, items []*loaded, c int, cells [][][]itemOutput) error {
	inputs := make([]*input, len(items))
	var wg errgroup.Group
	for i, it := range items {
		if it.err != nil {
			continue
		}
		inputs[i] = &input{loaded: it, cond: r.conditions[c]}
		wg.Go(func() error {
			release, err := r.acquire(ctx)
			if err != nil {
				return err
			}
			defer release()
			inputs[i].err = r.prepare(ctx, inputs[i])
			return ctx.Err()
		})
	}
	if err := wg.Wait(); err != nil {
		return err
	}
	var tg errgroup.Group
	for t := range r.cfg.Tokenizers {
		tg.Go(func() error {
			recs, err := r.reconstruct(ctx, t, inputs)
			if err != nil {
				return err
			}
			var sg errgroup.Group
			for i, in := range inputs {
				if in == nil {
					continue
				}
				sg.Go(func() error {
					release, err := r.acquire(ctx)
					if err != nil {
						return err
					}
					defer release()
					cells[i][t][c] = r.score(ctx, t, in, recs[i])
					recs[i] = result{} // a batch at 1024² is not small
					return ctx.Err()
				})
			}
			return sg.Wait()
		})
	}
	return tg.Wait()
}

// prepare fits and corrupts an item and prepares its scorers.
func (r *runner) prepare(ctx context.Context, in *input) (err error) {
	defer recovered(&err, "preparing "+in.id+" for "+in.cond.String())
	img, place, err := pix.Fit(in.item.Image, in.cond.Resolution)
	if err != nil {
		return err
	}
	in.img, in.place = img, place
	in.instances, in.bins, _ = r.cfg.Suite.sorted(in.item, in.cond.Resolution)
	if in.cond.Corruption != "" {
		key := r.manifest.Datasets[in.source].Name + "/" + in.id
		if in.img, err = r.cfg.Corrupt(img, in.cond.Corruption, in.cond.Severity, key); err != nil {
			return fmt.Errorf("corrupting %s: %w", in.id, err)
		}
	}
	clean := in.item.Image
	if r.cfg.Suite.ScoreAt == "input" {
		clean = img
	}
	in.reference = clean
	if in.cond.Corruption != "" {
		if in.reference, err = r.restore(in, in.img); err != nil {
			return err
		}
	}
	in.scorers = make([]metrics.Scorer, len(r.cfg.Metrics))
	in.clean = make([]metrics.Scorer, len(r.cfg.Metrics))
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.pixels == nil && r.cfg.Suite.ScoreAt != "input" {
		if in.pixels, err = r.scorers(ctx, in.loaded, clean, in.item.Instances, false); err != nil {
			return err
		}
	}
	labels, ok := in.labels[in.cond.Resolution]
	if !ok {
		if labels, err = r.scorers(ctx, in.loaded, clean, r.placed(in), true); err != nil {
			return err
		}
		in.labels[in.cond.Resolution] = labels
	}
	pixels := in.pixels
	if pixels == nil {
		if pixels, err = r.scorers(ctx, in.loaded, clean, nil, false); err != nil {
			return err
		}
	}
	damaged := pixels
	if in.cond.Corruption != "" {
		if damaged, err = r.scorers(ctx, in.loaded, in.reference, nil, false); err != nil {
			return err
		}
	}
	for m := range r.cfg.Metrics {
		if labels[m] != nil {
			in.scorers[m] = labels[m]
			continue
		}
		in.scorers[m] = damaged[m]
		if in.cond.Corruption != "" {
			in.clean[m] = pixels[m]
		}
	}
	return nil
}

// placed returns the instances that are scored, in the coordinates of the image
// that reconstructions are compared at.
func (r *runner) placed(in *input) []datasets.Instance {
	if r.cfg.Suite.ScoreAt != "input" {
		return in.instances
	}
	out := slices.Clone(in.instances)
	sx := float64(in.place.Inside.Dx()) / float64(in.place.W)
	sy := float64(in.place.Inside.Dy()) / float64(in.place.H)
	for i := range out {
		out[i] = scaled(out[i], sx, sy, in.place.Inside.Min)
	}
	return out
}

// restore brings an image of the tokenizer's size back to the size of scoring.
func (r *runner) restore(in *input, m pix.Image) (pix.Image, error) {
	if r.cfg.Suite.ScoreAt == "input" {
		return m, nil
	}
	return in.place.Restore(m)
}

// scorers prepares the metrics that compare with labels, or the others.
func (r *runner) scorers(ctx context.Context, it *loaded, ref pix.Image, instances []datasets.Instance, labels bool) ([]metrics.Scorer, error) {
	out := make([]metrics.Scorer, len(r.cfg.Metrics))
	for i, m := range r.cfg.Metrics {
		if specs := m.Specs(); specs[0].Labels != labels || !r.anyWanted(specs) {
			continue
		}
		s, err := m.Prepare(ctx, metrics.Reference{Item: it.id, Image: ref, Instances: instances})
		if err != nil {
			return nil, fmt.Errorf("preparing %s on %s: %w", m.Specs()[0].ID, it.id, err)
		}
		out[i] = s
	}
	return out, nil
}

func (r *runner) anyWanted(specs []metrics.Spec) bool {
	return slices.ContainsFunc(specs, func(s metrics.Spec) bool { return r.cfg.Suite.wants(s.ID) })
}

// result is a reconstruction, and the same at the size of scoring where it is
// there already; the others are scaled when they are scored, one by one, since a
// batch of them would be the largest thing in memory.
type result struct {
	tokenizers.Reconstruction
	restored pix.Image
}

// reconstruct runs one batch through one tokenizer. Failures are in the results.
func (r *runner) reconstruct(ctx context.Context, t int, inputs []*input) ([]result, error) {
	recs := make([]result, len(inputs))
	var batch []pix.Image
	var at []int
	for i, in := range inputs {
		switch {
		case in == nil:
		case in.err != nil:
			recs[i].Err = in.err
		case r.cfg.Tokenizers[t].Name == Original:
			recs[i].Image, recs[i].restored = in.img, in.reference
		default:
			batch, at = append(batch, in.img), append(at, i)
		}
	}
	if len(batch) == 0 {
		return recs, nil
	}
	var refs []tokenizers.ItemRef
	for _, i := range at {
		in := inputs[i]
		c := in.cond
		c.Resolution = 0
		refs = append(refs, tokenizers.ItemRef{
			Dataset: r.manifest.Datasets[in.source].Name, Item: in.id, Condition: c.String(),
			Resolution: in.cond.Resolution, W: in.item.Image.W, H: in.item.Image.H,
		})
	}
	out, err := r.call(ctx, t, batch, refs)
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	for k, i := range at {
		if err != nil {
			recs[i].Err = err
			continue
		}
		recs[i].Reconstruction = out[k]
		if got := out[k].Image; out[k].Err == nil {
			if r.cfg.Suite.ScoreAt != "input" && atOwnSize(refs[k], batch[k], got) {
				recs[i].restored = got
			}
		}
	}
	return recs, nil
}

// atOwnSize says that a reconstruction was looked up and is already scaled back.
func atOwnSize(ref tokenizers.ItemRef, in, got pix.Image) bool {
	return (got.W != in.W || got.H != in.H) && got.W == ref.W && got.H == ref.H
}

// call is Reconstruct with its contract enforced; a panic costs the batch.
func (r *runner) call(ctx context.Context, t int, batch []pix.Image, refs []tokenizers.ItemRef) (out []tokenizers.Reconstruction, err error) {
	src := r.cfg.Tokenizers[t]
	defer recovered(&err, "tokenizer "+src.Name)
	if lane := r.lanes[t]; lane != nil {
		select {
		case lane <- struct{}{}:
			defer func() { <-lane }()
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	if !r.manifest.Tokenizers[t].Info.External {
		release, err := r.acquire(ctx)
		if err != nil {
			return nil, err
		}
		defer release()
	}
	expect := batch
	if look, ok := src.Tokenizer.(tokenizers.Lookup); ok {
		out, err = look.ReconstructItems(ctx, refs, batch)
		expect = slices.Clone(batch)
		for k := range min(len(out), len(batch)) {
			if r.cfg.Suite.ScoreAt != "input" && atOwnSize(refs[k], batch[k], out[k].Image) {
				expect[k] = out[k].Image
			}
		}
	} else {
		out, err = src.Tokenizer.Reconstruct(ctx, batch)
	}
	if err != nil {
		return nil, fmt.Errorf("tokenizer %s: %w", src.Name, err)
	}
	if err := tokenizers.Check(expect, out); err != nil {
		return nil, fmt.Errorf("tokenizer %s: %w", src.Name, err)
	}
	return out, nil
}

// score makes the records of one reconstruction.
func (r *runner) score(ctx context.Context, t int, in *input, rec result) itemOutput {
	var out itemOutput
	base := r.record(in.loaded)
	base.Tokenizer, base.Condition = r.cfg.Tokenizers[t].Name, in.cond.String()
	if rec.Err == nil && rec.restored.Empty() {
		rec.restored, rec.Err = r.restore(in, rec.Image)
	}
	if rec.Err != nil {
		out.records = r.failed(base, in, r.manifest.Metrics, rec.Err)
		return out
	}
	for m, metric := range r.cfg.Metrics {
		specs := metric.Specs()
		if in.scorers[m] != nil {
			values, err := callScorer(ctx, specs[0].ID, in.scorers[m], rec.restored)
			out.records = append(out.records, r.values(base, in, specs, values, err)...)
		}
		if in.clean[m] != nil {
			against := base
			c := in.cond
			c.Against = AgainstClean
			against.Condition = c.String()
			values, err := callScorer(ctx, specs[0].ID, in.clean[m], rec.restored)
			out.records = append(out.records, r.values(against, in, specs, values, err)...)
		}
	}
	for _, o := range r.cfg.Observers {
		values, state, err := o.Observe(metrics.Observation{Codes: rec.Codes, Bits: rec.Bits, FileBits: rec.FileBits, W: in.img.W, H: in.img.H})
		image := slices.DeleteFunc(slices.Clone(o.Specs()), func(s metrics.Spec) bool { return s.Scope == metrics.PerCorpus })
		out.records = append(out.records, r.values(base, in, image, values, err)...)
		if state != "" {
			out.codes = append(out.codes, codeLine{base.Tokenizer, base.Dataset, base.Item, base.Condition, observerID(o), state})
		}
	}
	out.timings = []timingLine{{base.Tokenizer, base.Dataset, base.Item, base.Condition, rec.Encode.Nanoseconds(), rec.Decode.Nanoseconds(), in.img.W * in.img.H}}
	out.crops = r.keeper.crops(in, rec.restored, out.records)
	if in.index < r.cfg.KeepImages && in.cond.Corruption == "" {
		out.crops = append(out.crops, crop{wholePath(base.Dataset, base.Item, base.Condition, base.Tokenizer), rec.Image})
	}
	return out
}

// callScorer scores; a metric that panics costs its own values only.
func callScorer(ctx context.Context, id string, s metrics.Scorer, got pix.Image) (v []metrics.Value, err error) {
	defer recovered(&err, "scoring "+id)
	return s.Score(ctx, got)
}

// values turns what a metric returned into records of the wanted specs. A wanted
// value that is missing is a failure, not a gap.
func (r *runner) values(base Record, in *input, specs []metrics.Spec, values []metrics.Value, err error) []Record {
	if err != nil {
		return r.failed(base, in, specs, err)
	}
	labels := map[string]string{}
	for _, inst := range in.instances {
		labels[inst.ID] = inst.Text
	}
	var out []Record
	for _, v := range values {
		if _, ok := r.wanted[v.Metric]; !ok {
			continue
		}
		rec := base
		rec.Metric, rec.Instance, rec.Bin = v.Metric, v.Instance, in.bins[v.Instance]
		rec.Drop, rec.Detail = v.Drop, v.Detail
		if v.Detail != "" || v.Instance != "" && v.Metric == r.cfg.Suite.Worst {
			rec.Expected = labels[v.Instance]
		}
		if v.Err != "" {
			rec.Error, rec.Drop = v.Err, ""
			out = append(out, rec)
			continue
		}
		rec.Value = Num(v.Value)
		rec.Note = note(v.Value)
		if v.N != 0 && v.N != 1 {
			rec.N = v.N
		}
		out = append(out, rec)
	}
	return out
}

// note names what JSON has no number for.
func note(v float64) string {
	switch {
	case math.IsInf(v, 1):
		return "inf"
	case math.IsInf(v, -1):
		return "-inf"
	case math.IsNaN(v):
		return "nan"
	}
	return ""
}

// failed makes one error record for every wanted value that is lost, so that the
// counts of every row add up.
func (r *runner) failed(base Record, in *input, specs []metrics.Spec, err error) []Record {
	var out []Record
	for _, s := range specs {
		if _, ok := r.wanted[s.ID]; !ok || s.Scope == metrics.PerCorpus {
			continue
		}
		rec := base
		rec.Metric, rec.Error = s.ID, err.Error()
		if s.Scope == metrics.PerImage {
			out = append(out, rec)
			continue
		}
		for _, inst := range in.instances {
			rec.Instance, rec.Bin = inst.ID, in.bins[inst.ID]
			out = append(out, rec)
		}
	}
	return out
}

type silent struct{}

func (silent) Start(int, int) {}
func (silent) Step(int)       {}
func (silent) Stop()          {}

// thisHost describes where and when the run is made.
func thisHost(program string) Host {
	return Host{
		Started: time.Now().UTC().Format(time.RFC3339), Program: program, Go: runtime.Version(),
		OS: runtime.GOOS + "/" + runtime.GOARCH, CPU: cpuModel(), Cores: runtime.NumCPU(),
	}
}

func cpuModel() string {
	b, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return "" // not Linux
	}
	for line := range strings.Lines(string(b)) {
		if key, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(key) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return ""
}
