// Package run executes suites: it plans, reconstructs, scores and commits, and knows
// tokenizers, metrics and data sets by their contracts only.
//
// Its opinion: a run is a pure function of (suite, data, tokenizer, seed). The
// records of a run are the same bytes for any number of workers, any order of
// completion and any number of interruptions, because items are committed in
// plan order and an interrupted item is done again from its start. What fails costs
// what it concerns: a value, an item, a batch; never the run.
package run

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"unicode/utf8"

	"golang.org/x/sync/errgroup"

	"github.com/vtbench/vtbench/bench/cache"
	"github.com/vtbench/vtbench/bench/identity"
	"github.com/vtbench/vtbench/bench/record"
	"github.com/vtbench/vtbench/bench/suite"
	"github.com/vtbench/vtbench/bench/summary"
	"github.com/vtbench/vtbench/datasets"
	"github.com/vtbench/vtbench/internal/wholefile"
	"github.com/vtbench/vtbench/metrics"
	"github.com/vtbench/vtbench/pix"
	"github.com/vtbench/vtbench/tokenizers"
)

// Config is everything a run depends on.
type Config struct {
	Suite      suite.Suite
	Datasets   []DatasetSource
	Tokenizers []TokenizerSource
	Metrics    []metrics.Metric
	Observers  []metrics.Observer
	Codes      []metrics.CodeComparer
	Sets       []metrics.OpenedSets
	Temporal   []metrics.Temporal // of films
	Followers  []metrics.Follower
	// Corrupt damages an image; key makes random damage the same on every machine.
	// It may be nil for suites without corruptions.
	Corrupt func(img pix.Image, name string, severity int, key string) (pix.Image, error)

	Dir    string // the run directory; made when it does not exist
	Resume bool   // continue what is there
	// RedoFrom, with Resume, measures this group of the plan and all after it again,
	// counted from 0; nil keeps all groups that are whole.
	RedoFrom  *int
	BreakLock bool // take the directory over from a process on another machine
	Limit     int  // items a data set, 0 for the data set's own default
	Full      bool // all items
	Shard     Shard
	Workers   int // goroutines that compute; 0 means all cores
	Batch     int // images a tokenizer gets at once; 0 lets the tokenizers choose
	Seed      uint64

	Bootstrap  record.BootstrapConfig
	Provenance map[string]string
	LeftOut    map[string]string // what of the suite could not be had, and why
	Program    string            // name, version and commit, for the manifest
	KeepImages record.Keep       // whole images kept for the report, a data set
	Maps       []metrics.Metric  // those that draw where they see damage in them: [metrics.Mapper]
	Timing     bool              // time every tokenizer alone, after everything else
	Cache      *cache.Cache      // results of other runs; nil takes and keeps none
	Remote     Remote            // does the groups elsewhere; nil does them here
	Progress   Progress
}

// Progress is told how far a run is. Calls come from one goroutine at a time, and
// phases do not overlap.
type Progress interface {
	// Begin starts a phase: what is being done ("reading originals"), how many steps it
	// has, and how many of them an interrupted run has done already.
	Begin(phase string, total, done int)
	// Step says that n more are done.
	Step(n int)
	// End ends the phase.
	End()
}

// defaultBatch is used when no tokenizer states a preference: enough to feed the
// workers, small enough that interrupting loses little.
const defaultBatch = 4

// manyConditions is the number above which a single item makes a group, unless a
// tokenizer asks for more.
const manyConditions = 8

// inFlight is how many groups are worked on at once: while one is scored, the next
// is tokenized. A third would only cost memory.
const inFlight = 2

// planned is one item of the plan.
type planned struct {
	source int // index of the data set
	index  int // in the data set
	id     string
}

type runner struct {
	cfg        Config
	manifest   record.Manifest
	conditions []suite.Condition
	wanted     map[string]metrics.Spec
	slots      chan struct{}   // one a worker: held while computing
	lanes      []chan struct{} // one a tokenizer that takes one call at a time, else nil
	keeper     *keeper
	kinds      []metrics.Kind // that make values of whole sets
	kept       *kept          // results of other runs; nil without a cache
	remote     []Lane         // what is handed out at once, where groups are done elsewhere
	eager      bool           // pictures are made at once, though it is not known which are shown
	live       *live
	played     map[int]record.ClipEntry // by data set: the clip that the report plays, at the end
	spent      spent
	looked     originals
	cold       []chan struct{} // one a tokenizer: held while it is being warmed
	warmth     []bool          // guarded by it
	progress   sync.Mutex
	measured   int  // steps of measuring that are done
	total      int  // and all there are
	aside      bool // another phase is shown while measuring waits for it
}

// stepped tells the display that n steps of measuring are done.
func (r *runner) stepped(n int) {
	r.progress.Lock()
	defer r.progress.Unlock()
	r.measured += n
	if !r.aside {
		r.cfg.Progress.Step(n)
	}
}

// Execute runs a suite and leaves a complete run directory without reports. When
// ctx ends it stops after what is being committed and returns ctx's error; the
// directory can then be resumed. Items that fail are in the Run's summary, not
// in the error.
func Execute(ctx context.Context, cfg Config) (_ *summary.Run, err error) {
	r, plan, err := newRunner(ctx, cfg)
	if err != nil {
		return nil, err
	}
	lock, err := r.lock()
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, lock.Release()) }()
	r.live.start()
	defer func() { err = errors.Join(err, r.live.end()) }()
	if err := r.run(ctx, plan); err != nil {
		return nil, err
	}
	done, err := r.finish(ctx, plan, r.draw)
	if err == nil && cfg.Remote != nil {
		err = cfg.Remote.End(ctx)
	}
	return done, err
}

func newRunner(ctx context.Context, cfg Config) (*runner, []*group, error) {
	if err := cfg.Suite.Validate(); err != nil {
		return nil, nil, &ConfigError{err}
	}
	if cfg.Workers <= 0 {
		cfg.Workers = runtime.GOMAXPROCS(0)
	}
	if cfg.Bootstrap == (record.BootstrapConfig{}) {
		cfg.Bootstrap = summary.DefaultBootstrap
	}
	if cfg.Progress == nil {
		cfg.Progress = silent{}
	}
	if len(cfg.Tokenizers) == 0 {
		return nil, nil, configErrorf("no tokenizer: name one with -t, or in the suite")
	}
	if cfg.Suite.ImageCorruptions() && cfg.Corrupt == nil {
		return nil, nil, configErrorf("suite %s corrupts images, but no corruptions are configured", cfg.Suite.ID)
	}
	if cfg.Suite.Window == 0 && slices.ContainsFunc(cfg.Datasets, func(d DatasetSource) bool { _, ok := d.Data.(datasets.Clipped); return ok }) {
		cfg.Suite.Window = suite.DefaultWindow
	}
	r := &runner{cfg: cfg, conditions: cfg.Suite.Conditions(), slots: make(chan struct{}, cfg.Workers)}
	if err := r.selectMetrics(); err != nil {
		return nil, nil, err
	}
	if cfg.Batch == 0 {
		cfg.Batch = cfg.Suite.Batch
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
			if res == suite.Native {
				if info.FixedW > 0 || info.FixedH > 0 {
					return nil, nil, configErrorf("tokenizer %q takes only %d×%d images, none at native size; choose others with --resolution", t.Name, info.FixedW, info.FixedH)
				}
				continue
			}
			if err := info.Accepts(res, res); err != nil && t.Name != suite.Original {
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
		r.cold, r.warmth = append(r.cold, make(chan struct{}, 1)), append(r.warmth, false)
		entry := record.TokenEntry{Name: t.Name, Kind: t.Kind, Options: t.Options, Info: info}
		if l, ok := t.Tokenizer.(tokenizers.Listed); ok {
			entry.LeftOut = l.LeftOut()
		}
		r.manifest.Tokenizers = append(r.manifest.Tokenizers, entry)
	}
	if batch == 0 {
		batch = defaultBatch
		if len(r.conditions) > manyConditions {
			batch = 1 // one item keeps all cores busy, and an interruption loses less
		}
	}
	m := &r.manifest
	m.Schema, m.Suite, m.Seed, m.Batch, m.KeepImages = record.SchemaVersion, cfg.Suite, cfg.Seed, batch, cfg.KeepImages
	plan, err := r.plan()
	if err != nil {
		return nil, nil, err
	}
	if err := r.announce(ctx); err != nil {
		return nil, nil, err
	}
	for _, x := range cfg.Maps {
		s := x.Specs()[0].Complete()
		m.Maps = append(m.Maps, record.Map{ID: s.ID, Title: s.Title})
	}
	m.SuiteHash, m.Shard, m.Bootstrap = identity.Digest(cfg.Suite), cfg.Shard.String(), cfg.Bootstrap
	m.Provenance, m.LeftOut, m.Host = cfg.Provenance, cfg.LeftOut, thisHost(cfg.Program)
	r.kept = r.openKept()
	r.live = newLive(r.cfg.Progress, cfg.Dir, m)
	r.live.remote = cfg.Remote
	r.cfg.Progress = r.live
	r.keeper = newKeeper(m)
	return r, plan, nil
}

// selectMetrics checks that every metric of the suite is there.
func (r *runner) selectMetrics() error {
	have := map[string]metrics.Spec{}
	add := func(specs []metrics.Spec) {
		for _, s := range specs {
			have[s.ID] = s
		}
	}
	for _, m := range r.cfg.Metrics {
		add(m.Specs())
	}
	for _, o := range r.cfg.Observers {
		add(o.Specs())
		r.kinds = append(r.kinds, metrics.Kind{Specs: o.Specs(), Observer: o})
	}
	for _, c := range r.cfg.Codes {
		add(c.Specs())
	}
	for _, t := range r.cfg.Temporal {
		add(t.Specs())
	}
	for _, f := range r.cfg.Followers {
		add(f.Specs())
	}
	for _, s := range r.cfg.Sets {
		add(s.Specs)
		r.kinds = append(r.kinds, metrics.Kind{Specs: s.Specs, Sets: s.Sets})
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
	for _, f := range r.cfg.Followers {
		if _, ok := r.wanted[f.Of()]; !ok && r.anyWanted(f.Specs()) {
			return configErrorf("suite %s: metric %q follows the values of %q, which the suite does not ask for; add it with -m +%s",
				r.cfg.Suite.ID, f.Specs()[0].ID, f.Of(), f.Of())
		}
	}
	return nil
}

// plan cuts all items of the run, of all shards, into groups, and returns those of this
// shard. So batches are the same for any number of shards.
func (r *runner) plan() ([]*group, error) {
	var plan []*group
	names := map[string]int{}
	number, films := 0, false
	for s, d := range r.cfg.Datasets {
		info, ids := d.Data.Info(), d.Data.IDs()
		n := r.items(d)
		for _, id := range ids {
			if !utf8.ValidString(id) {
				return nil, configErrorf("data set %s: the name %q of an item is not UTF-8, and no result could tell it from others: rename it", d.Spec, id)
			}
		}
		name := info.ID
		if names[name]++; names[name] > 1 {
			name += "#" + strconv.Itoa(names[name])
		}
		entry := record.DatasetEntry{Name: name, Spec: d.Spec, Info: info, Total: len(ids), Planned: n}
		if l, ok := d.Data.(datasets.Listed); ok {
			entry.LeftOut = l.LeftOut()
		}
		if c, ok := d.Data.(datasets.Credited); ok {
			entry.Credits = c.Credits()
		}
		clips, err := clipsOf(d)
		if err != nil {
			return nil, err
		}
		for _, c := range clips {
			if c.First < n {
				entry.Clips = append(entry.Clips, record.ClipEntry{ID: c.ID, First: c.First, Frames: min(c.Frames, n-c.First), Rate: c.Rate})
			}
		}
		films = films || len(clips) > 0
		of := 0 // clip
		for first, end := range entry.Groups(r.manifest.Batch) {
			g := &group{number: number, done: make(chan struct{})}
			if len(clips) > 0 {
				g.clip = &clips[of]
				g.clip.Frames = end - first
				of++
			}
			for i := first; i < end; i++ {
				g.items = append(g.items, planned{s, i, ids[i]})
			}
			number++
			if r.cfg.Shard.has(g.number) {
				plan = append(plan, g)
				entry.Items += len(g.items)
			}
		}
		r.manifest.Datasets = append(r.manifest.Datasets, entry)
	}
	for _, c := range r.conditions {
		if c.Films() && !films {
			return nil, configErrorf("corruption %s is one of films, and the data sets have single images only", c.Corruption)
		}
	}
	for _, m := range r.manifest.Metrics {
		if m.Scope.Timed() && !films {
			return nil, configErrorf("metric %q compares frames with those before them, and the data sets have single images only; name one with films by --data, or choose metrics with -m", m.ID)
		}
	}
	for _, set := range r.cfg.Sets {
		if ofClips(set) && r.anyWanted(set.Specs) && !films {
			return nil, configErrorf("metric %q compares windows of frames, and the data sets have single images only; name one with films by --data, or choose metrics with -m", set.Specs[0].ID)
		}
	}
	switch {
	case number == 0:
		return nil, configErrorf("the plan is empty: the data sets have no items for this limit")
	case len(plan) == 0:
		return nil, configErrorf("shard %s has nothing to measure: the plan has %d groups of up to %d items; ask for at most %d shards",
			r.cfg.Shard, number, r.manifest.Batch, number)
	}
	return plan, nil
}

// everyItem yields the items of groups in order.
func everyItem(plan []*group) iter.Seq[planned] {
	return func(yield func(planned) bool) {
		for _, g := range plan {
			for _, p := range g.items {
				if !yield(p) {
					return
				}
			}
		}
	}
}

// count is how many items groups have.
func count(plan []*group) int {
	n := 0
	for _, g := range plan {
		n += len(g.items)
	}
	return n
}

// announce tells tokenizers that look reconstructions up what they will be asked for.
func (r *runner) announce(ctx context.Context) error {
	var asked []tokenizers.Asked
	for s, d := range r.cfg.Datasets {
		a := tokenizers.Asked{Dataset: r.manifest.Datasets[s].Name, Items: d.Data.IDs()}
		for _, c := range r.conditions {
			if c.DamagesTokens() {
				continue
			}
			if side := max(c.Resolution, 0); !slices.Contains(a.Resolutions, side) {
				a.Resolutions = append(a.Resolutions, side)
			}
			c.Resolution = 0
			if !slices.Contains(a.Conditions, c.String()) {
				a.Conditions = append(a.Conditions, c.String())
			}
		}
		asked = append(asked, a)
	}
	for _, t := range r.cfg.Tokenizers {
		if p, ok := t.Tokenizer.(tokenizers.Planner); ok {
			if err := p.Plan(ctx, asked); err != nil {
				return configErrorf("tokenizer %s: %w", t.Name, err)
			}
		}
	}
	return nil
}

// cellsOfItem is how many reconstructions an item has.
func (r *runner) cellsOfItem() int {
	n := 0
	for t := range r.cfg.Tokenizers {
		n += r.cellsOf(t)
	}
	return n
}

// cellsOf is how many reconstructions an item has by tokenizer t.
func (r *runner) cellsOf(t int) int {
	n := 0
	films := !slices.ContainsFunc(r.cfg.Datasets, func(d DatasetSource) bool { _, ok := d.Data.(datasets.Clipped); return !ok })
	for _, c := range r.conditions {
		if !c.DamagesTokens() || r.damages(t, c.Corruption, films) {
			n++
		}
	}
	return n
}

// items is how many items of a data set the run takes, over all shards.
func (r *runner) items(d DatasetSource) int {
	n := len(d.Data.IDs())
	switch st, ok := d.Data.(datasets.Stratum); {
	case d.Items != nil:
		n = min(n, *d.Items)
	case r.cfg.Full:
	case r.cfg.Limit > 0:
		n = min(n, r.cfg.Limit)
	case r.cfg.Suite.ItemsOf(d.Spec) > 0:
		n = min(n, r.cfg.Suite.ItemsOf(d.Spec))
	case ok:
		n = min(n, st.DefaultItems())
	}
	return n
}

// run does what is left of the plan and commits it group by group, in order.
func (r *runner) run(ctx context.Context, plan []*group) (err error) {
	start, err := r.open(plan)
	if err != nil {
		return err
	}
	journal, err := record.OpenJournal(r.cfg.Dir)
	if err != nil {
		return &ConfigError{err}
	}
	defer func() { err = errors.Join(err, journal.Close()) }()

	if r.cfg.Remote == nil && r.kept == nil { // else when the first value turns out to be missing
		if err := r.enrol(ctx); err != nil {
			return err
		}
		if err := r.warm(ctx); err != nil {
			return err
		}
	}
	if err := r.remark(ctx); err != nil {
		return err
	}
	perItem := r.cellsOfItem()
	r.measured = count(plan[:start]) * perItem
	r.total = count(plan) * perItem
	for t := range r.cfg.Tokenizers {
		n := r.cellsOf(t)
		r.live.plan(t, count(plan)*n, count(plan[:start])*n)
	}
	r.cfg.Progress.Begin("measuring", r.total, r.measured)
	defer r.cfg.Progress.End()

	do := r.do
	if r.cfg.Remote != nil {
		if err := r.handOut(ctx, plan[start:]); err != nil {
			return err
		}
		do = r.fetch
	}
	g, ctx := errgroup.WithContext(ctx)
	window := make(chan struct{}, inFlight)
	queue := make(chan *group, inFlight)
	g.Go(func() error {
		defer close(queue)
		for _, grp := range plan[start:] {
			select {
			case window <- struct{}{}:
			case <-ctx.Done():
				return ctx.Err()
			}
			g.Go(func() error {
				defer close(grp.done)
				return do(ctx, grp)
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
			if err := r.commit(grp, journal); err != nil {
				return err
			}
			<-window
		}
		return nil
	})
	return g.Wait()
}

// commit makes a group durable: pictures first, then the journals.
func (r *runner) commit(grp *group, journal *record.Journal) error {
	pictures := false
	defer r.spent.in(writing)()
	for i := range grp.out {
		out := &grp.out[i]
		for j := range out.codes {
			if err := journal.AddCodes(&out.codes[j]); err != nil {
				return err
			}
		}
		for j := range out.timings {
			if err := journal.AddTiming(&out.timings[j]); err != nil {
				return err
			}
		}
		for j := range out.records {
			r.keeper.add(&out.records[j])
			if err := journal.AddRecord(&out.records[j]); err != nil {
				return err
			}
		}
		for _, c := range out.crops {
			if err := c.save(r.cfg.Dir); err != nil {
				return err
			}
			pictures = true
		}
	}
	grp.out = nil
	if pictures || grp.clip != nil {
		if err := wholefile.SyncFolder(filepath.Join(r.cfg.Dir, record.ImagesDir)); err != nil {
			return fmt.Errorf("writing pictures: %w", err)
		}
	}
	return journal.Commit(grp.number, len(grp.items))
}

// finish writes the summary and everything else that is computed from records. Pictures
// that are to be shown and not there are left to draw.
func (r *runner) finish(ctx context.Context, plan []*group, draw func(context.Context, []*group, drawings) error) (*summary.Run, error) {
	dir := r.cfg.Dir
	r.cfg.Progress.Begin("computing intervals", 1, 0)
	sum, err := summary.Summarise(dir, &r.manifest, r.kinds)
	r.cfg.Progress.End()
	if err != nil {
		return nil, err
	}
	var perf summary.Performance
	if perf.Times, err = summary.MedianTimes(dir, &r.manifest); err != nil {
		return nil, err
	}
	perf.Stages = r.spent.told()
	if r.cfg.Timing {
		if perf.Alone, err = r.timeAlone(ctx, plan); err != nil {
			return nil, err
		}
	}
	list, err := r.choose()
	if err != nil {
		return nil, err
	}
	todo, err := r.undrawn(plan, list)
	if err != nil {
		return nil, err
	}
	if err := draw(ctx, plan, todo); err != nil {
		return nil, err
	}
	cases, err := r.cases(plan, list)
	if err != nil {
		return nil, err
	}
	if err := record.WriteJSON(filepath.Join(dir, record.PerformanceFile), perf); err != nil {
		return nil, err
	}
	if err := record.WriteJSON(filepath.Join(dir, record.SummaryFile), &sum); err != nil {
		return nil, err
	}
	if err := record.Seal(dir); err != nil {
		return nil, err
	}
	return &summary.Run{Dir: dir, Manifest: r.manifest, Summary: sum, Performance: perf, Cases: cases, Complete: true}, nil
}

type silent struct{}

func (silent) Begin(string, int, int) {}
func (silent) Step(int)               {}
func (silent) End()                   {}
