package cli

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/vtbench/vtbench/bench/cache"
	"github.com/vtbench/vtbench/bench/recipe"
	"github.com/vtbench/vtbench/bench/record"
	"github.com/vtbench/vtbench/bench/run"
	"github.com/vtbench/vtbench/bench/suite"
	"github.com/vtbench/vtbench/bench/summary"
	"github.com/vtbench/vtbench/datasets"
	"github.com/vtbench/vtbench/internal/wholefile"
	"github.com/vtbench/vtbench/metrics"
	"github.com/vtbench/vtbench/metrics/face"
	"github.com/vtbench/vtbench/metrics/quality"
	"github.com/vtbench/vtbench/reports/format"
	"github.com/vtbench/vtbench/reports/view"
	"github.com/vtbench/vtbench/tokenizers"
	alltok "github.com/vtbench/vtbench/tokenizers/all"
)

type runFlags struct {
	suite, config, output, shard, format string
	tokenizers, data, metrics            []string
	resolutions                          suite.Resolutions
	workers, limit, batch, window        int
	resamples                            int
	keep                                 string
	full, resume, timing                 bool
	allowModel, breakLock, strict        bool
	redoFrom                             int
	options                              map[string]string
	faceModels, recipe                   string
	seed                                 uint64
	cache                                cacheFlags
	nats, listen                         string
}

func (a *app) runCommand() *cobra.Command {
	var f runFlags
	cmd := &cobra.Command{
		Use:   "run --suite NAME [-t TOKENIZER]…",
		Short: "Run a suite over tokenizers and write the reports",
		Example: `  vtbench run --suite text
  vtbench run --suite text -t resize -t jpeg:q=20 -t 'mine=process:python my_tok.py'
  vtbench run --suite text --data icdar:DIR --resolution 256,512 -o runs/street
  vtbench run --suite text -o runs/street --resume`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.run(cmd, &f) },
	}
	fl := cmd.Flags()
	fl.StringVarP(&f.suite, "suite", "s", "", "suite to run: a name that vtbench list suites shows, or the path of a .yaml file")
	fl.StringArrayVarP(&f.tokenizers, "tokenizer", "t", nil, "tokenizer: KIND, KIND:key=value,… or NAME=KIND:…; repeatable; default: the suite's")
	fl.StringArrayVar(&f.data, "data", nil, "data set instead of the suite's: NAME or KIND:PATH; repeatable")
	fl.StringSliceVarP(&f.metrics, "metrics", "m", nil, "metrics instead of the suite's; +NAME adds to them: psnr,ssim or +lpips-alex")
	fl.StringVar(&f.recipe, "recipe", "", "YAML file with the conditions under which sets are compared, instead of a suite (docs/rfid.md)")
	fl.StringVarP(&f.config, "config", "c", "", "YAML file that says what is measured (docs/cli.md has its keys)")
	fl.StringVarP(&f.output, "output", "o", "", "run directory (default runs/SUITE-TIME)")
	fl.VarP(&sides{to: &f.resolutions}, "resolution", "r", "sides of the squares tokenizers see, or native (default: the suite's)")
	fl.IntVarP(&f.workers, "jobs", "j", 0, "workers (default: all cores); results do not depend on it")
	fl.IntVar(&f.limit, "limit", 0, "only the first N items of each data set (a stratified prefix)")
	fl.BoolVar(&f.full, "full", false, "all items of each data set")
	fl.IntVar(&f.redoFrom, "redo-from", -1, "with --resume: measure this group of the plan and all after it again; a damaged run says which")
	fl.BoolVar(&f.breakLock, "break-lock", false, "take over a run directory whose writer ran on another machine and is dead")
	fl.BoolVar(&f.strict, "strict", false, "load all data first and refuse to run where an item fails, a label is lost or a file is left out")
	fl.BoolVar(&f.timing, "timing", false, "afterwards time every tokenizer alone, with the memory it takes")
	fl.BoolVar(&f.resume, "resume", false, "continue the run in -o, or the newest unfinished one of the suite")
	fl.StringVar(&f.shard, "shard", "", "only share i of n of the items: i/n")
	fl.IntVar(&f.batch, "batch", 0, "images a tokenizer gets at once (default: what the tokenizers ask for)")
	fl.IntVar(&f.window, "window", 0, "frames of a film that tokenizers get at once (default: the suite's, or 16)")
	fl.Uint64Var(&f.seed, "seed", 1, "seed of everything random")
	fl.IntVar(&f.resamples, "resamples", summary.DefaultBootstrap.Resamples, "bootstrap resamples behind each interval")
	fl.StringVar(&f.keep, "keep-images", strconv.Itoa(defaultKeep), "whole images kept for the report: all, worst (those of the worst cases), or how many of each data set")
	fl.StringToStringVar(&f.options, "option", nil, "option of a metric, over the suite's: ocr.lang=deu; repeatable")
	fl.StringVar(&f.faceModels, "face-models", "", "folder with face-models.yaml and ONNX files of your own (docs/faces.md)")
	fl.BoolVar(&f.allowModel, "allow-model", false, "take network files without a stated digest")
	f.cache.add(cmd)
	fl.StringVar(&f.nats, "workers", "", "measure by vtbench-work on other machines, which share a NATS server: nats://HOST:4222")
	fl.StringVar(&f.listen, "listen", "", "as --workers, with a NATS server of this run's own, at HOST:PORT")
	formatFlag(cmd, &f.format, "table", "json")
	complete(cmd, "suite", completeSuite)
	complete(cmd, "tokenizer", completeTokenizer)
	complete(cmd, "data", completeDataset)
	complete(cmd, "config", completeYAML)
	complete(cmd, "recipe", completeYAML)
	return cmd
}

// defaultKeep is how many whole images of each data set are kept unless asked.
const defaultKeep = 2

// gcPercent trades a little time for memory: pictures are large and short-lived,
// and at Go's default half of what a run occupies is waiting to be collected.
const gcPercent = 50

func (a *app) run(cmd *cobra.Command, f *runFlags) error {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
	var c config
	if f.config != "" {
		var err error
		if c, err = readConfig(f.config); err != nil {
			return err
		}
	}
	merge(cmd, f, &c)
	var asked suite.Suite
	var r *recipe.Recipe
	var err error
	switch {
	case f.recipe != "":
		asked, r, err = a.askRecipe(cmd, f, &c)
	case c.Suite == "":
		return usagef("which suite? name one with --suite; `vtbench list suites` shows them")
	default:
		asked, err = suite.Load(c.Suite)
	}
	if err != nil {
		return usage(err)
	}
	override(&asked, &c)
	if err := chooseMetrics(&asked, c.Metrics); err != nil {
		return err
	}
	if err := addBeside(&asked); err != nil {
		return err
	}
	shard, err := parseShard(f.shard)
	if err != nil {
		return err
	}
	if cmd.Flags().Changed("limit") && f.full {
		return usagef("--limit and --full exclude each other")
	}
	if c.Limit != nil && *c.Limit < 1 {
		return usagef("--limit %d: want 1 item or more; leave it out for the suite's own number, --full takes all", *c.Limit)
	}
	if c.Workers < 0 || c.Batch < 0 {
		return usagef("--jobs and --batch must not be negative")
	}
	if _, err := record.ParseKeep(f.keep); err != nil {
		return usagef("--keep-images: %w", err)
	}
	if err := asked.Validate(); err != nil {
		return usage(err)
	}
	if c.Resamples < 100 {
		return usagef("--resamples %d: need at least 100 for an interval", c.Resamples)
	}
	dir, err := runDir(c.Output, asked.ID, f.resume)
	if err != nil {
		return err
	}
	return a.execute(cmd.Context(), asked, r, c, f, shard, dir)
}

// merge puts flags that were given over what the file says.
func merge(cmd *cobra.Command, f *runFlags, c *config) {
	given := cmd.Flags().Changed
	set := func(flag string, apply func()) {
		if given(flag) {
			apply()
		}
	}
	set("suite", func() { c.Suite = f.suite })
	set("data", func() { c.Data = f.data })
	set("resolution", func() { c.Resolutions = f.resolutions })
	set("metrics", func() { c.Metrics = f.metrics })
	set("limit", func() { c.Limit, c.Full = &f.limit, false })
	set("full", func() { c.Full = f.full })
	set("jobs", func() { c.Workers = f.workers })
	set("batch", func() { c.Batch = f.batch })
	set("window", func() { c.Window = f.window })
	set("output", func() { c.Output = f.output })
	if given("seed") || c.Seed == nil {
		c.Seed = &f.seed
	}
	if given("resamples") || c.Resamples == 0 {
		c.Resamples = f.resamples
	}
	option := func(key, value string) {
		if c.Options == nil {
			c.Options = map[string]string{}
		}
		c.Options[key] = value
	}
	for k, v := range f.options {
		option(k, v)
	}
	set("face-models", func() { option(face.OptionModels, f.faceModels) })
	set("allow-model", func() { option(face.OptionAllow, strconv.FormatBool(f.allowModel)) })
	set("tokenizer", func() {
		c.Tokenizers = nil
		for _, t := range f.tokenizers {
			c.Tokenizers = append(c.Tokenizers, tokenizerConfig{Use: t})
		}
	})
}

// override puts the configuration over the suite's own choices. The upper bounds
// stay in every table, whatever tokenizers were asked for.
func override(s *suite.Suite, c *config) {
	if len(c.Data) > 0 {
		s.OnlyDatasets(c.Data)
	}
	if c.Window != 0 {
		s.Window = c.Window
	}
	if len(c.Resolutions) > 0 {
		s.Resolutions = c.Resolutions
		s.Transfer = s.Transfer && len(c.Resolutions) > 1
	}
	for k, v := range c.Options {
		if s.Options == nil {
			s.Options = map[string]string{}
		}
		s.Options[k] = v
	}
	if len(c.Tokenizers) == 0 {
		for _, t := range s.Tokenizers {
			c.Tokenizers = append(c.Tokenizers, tokenizerConfig{Use: t, optional: slices.Contains(s.Optional, t)})
		}
	}
	for _, bound := range []string{"resize", suite.Original} {
		if !c.names(bound) {
			c.Tokenizers = slices.Insert(c.Tokenizers, 0, tokenizerConfig{Use: bound})
		}
	}
	s.WithoutTokenizers() // the manifest lists what really runs
}

// runDir is where a run goes, or where the run to resume is.
func runDir(dir, suite string, resume bool) (string, error) {
	switch {
	case dir != "" && resume:
		if _, err := os.Stat(filepath.Join(dir, record.ManifestFile)); err != nil {
			return "", usagef("nothing to resume: %s holds no run (%w); leave out --resume to begin one there", dir, err)
		}
		return dir, nil
	case dir != "":
		return dir, nil
	case !resume:
		return filepath.Join("runs", suite+"-"+time.Now().Format("20060102-150405")), nil
	}
	found, err := filepath.Glob(filepath.Join("runs", suite+"-*", record.ManifestFile))
	if err != nil {
		return "", err
	}
	slices.Sort(found) // by time, which is in the name
	for _, file := range slices.Backward(found) {
		dir := filepath.Dir(file)
		if record.Complete(dir) {
			continue
		}
		// The name of another suite may begin like this one's: robustness-full.
		var m record.Manifest
		if err := record.ReadJSON(file, &m); err != nil {
			return "", usagef("looking for a run to resume: %w", err)
		}
		if m.Suite.ID == suite {
			return dir, nil
		}
	}
	return "", usagef("no unfinished run of suite %s under runs/; name the directory with -o", suite)
}

func (a *app) execute(ctx context.Context, suite suite.Suite, r *recipe.Recipe, c config, f *runFlags, shard run.Shard, dir string) (err error) {
	workers := c.Workers
	if workers == 0 {
		workers = runtime.GOMAXPROCS(0)
	}
	cfg := run.Config{
		Suite: suite, Dir: dir, Resume: f.resume, Full: c.Full, Shard: shard, Workers: workers,
		Batch: c.Batch, Seed: *c.Seed, Program: "vtbench " + version(), Progress: a.progress(),
		Bootstrap: summary.DefaultBootstrap,
	}
	cfg.BreakLock, cfg.Timing = f.breakLock, f.timing
	if cfg.KeepImages, err = record.ParseKeep(f.keep); err != nil {
		return usagef("--keep-images: %w", err)
	}
	remote := f.nats != "" || f.listen != ""
	if err := f.remotely(); err != nil {
		return err
	}
	if !remote { // workers have caches of their own
		if cfg.Cache, err = f.cache.open(a); err != nil {
			return err
		}
	}
	if cfg.Cache != nil {
		defer func() { a.kept(cfg.Cache) }()
	}
	if f.redoFrom >= 0 {
		if !f.resume {
			return usagef("--redo-from continues a run: give --resume with it")
		}
		cfg.RedoFrom = &f.redoFrom
	}
	if c.Limit != nil {
		cfg.Limit = *c.Limit
	}
	cfg.Bootstrap.Resamples = c.Resamples
	if cfg.Corrupt, err = corrupter(&cfg.Suite, cfg.Seed); err != nil {
		return err
	}
	cfg.LeftOut = map[string]string{}
	for _, spec := range suite.Datasets {
		d, err := a.openData(ctx, spec)
		if isMissing(err) && slices.Contains(suite.Optional, spec) {
			cfg.LeftOut[spec] = err.Error()
			cfg.Suite.WithoutDataset(spec)
			continue
		}
		if err != nil {
			return usage(err)
		}
		src := run.DatasetSource{Spec: spec, Data: d}
		if err := byRecipe(r, &src); err != nil {
			return err
		}
		cfg.Datasets = append(cfg.Datasets, src)
		if l, ok := d.(datasets.Listed); ok && len(l.LeftOut()) > 0 {
			a.warnf("data set %s: left out: %s", spec, l.LeftOut())
		}
	}
	var opened openedMetrics
	var opening errgroup.Group
	opening.Go(func() (err error) {
		opened, err = openMetrics(ctx, suite.Metrics, suite.Optional, metrics.Config{Workers: workers, Options: suite.Options})
		return err
	})
	leftOut := map[string]string{}
	opening.Go(func() (err error) {
		cfg.Tokenizers, err = openTokenizers(ctx, c.Tokenizers, alltok.Kinds(), cfg.Progress, leftOut)
		return err
	})
	err = opening.Wait()
	defer func() { err = errors.Join(err, opened.close()) }()
	defer a.closeTokenizers(cfg.Tokenizers)
	defer a.closeData(cfg.Datasets)
	if err != nil {
		return err
	}
	for id, why := range opened.leftOut {
		cfg.LeftOut[id] = why
		cfg.Suite.WithoutMetric(id)
	}
	maps.Copy(cfg.LeftOut, leftOut)
	for _, t := range cfg.Tokenizers {
		if l, ok := t.Tokenizer.(tokenizers.Listed); ok && len(l.LeftOut()) > 0 {
			a.warnf("tokenizer %s: left out: %s", t.Name, l.LeftOut())
		}
	}
	for _, name := range slices.Sorted(maps.Keys(cfg.LeftOut)) {
		a.warnf("%s is left out: %s", name, cfg.LeftOut[name])
	}
	cfg.Metrics, cfg.Observers, cfg.Codes, cfg.Sets, cfg.Provenance = opened.metrics, opened.observers, opened.codes, opened.sets, opened.provenance
	cfg.Temporal, cfg.Followers = opened.temporal, opened.followers
	if cfg.Suite.ImageCorruptions() {
		cfg.Provenance["corrupt"] = corruptProvenance()
	}

	if ids, items := cfg.Unscored(ctx); len(ids) > 0 {
		a.warnf("%s can have no value: nothing is labelled that they score in the first %s of %s; `vtbench datasets info DATASET --suite %s` counts labels",
			strings.Join(ids, ", "), format.Plural(items, "item", "items"), strings.Join(cfg.Suite.Datasets, ", "), c.Suite)
	}
	drawing, err := openMetrics(ctx, quality.Maps(), nil, metrics.Config{Workers: workers})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, drawing.close()) }()
	cfg.Maps = drawing.metrics
	if err := a.foresee(ctx, &cfg); err != nil {
		return err
	}
	ctx, stopWatching := a.guests(ctx, cfg.Tokenizers)
	defer stopWatching()
	if f.strict {
		faults, err := cfg.Faults(ctx)
		if err != nil {
			return err
		}
		if err := a.refuse(faults, "the data"); err != nil {
			return err
		}
	}
	a.logf("suite %s: %s at %s, into %s", suite.ID, format.Plural(len(cfg.Tokenizers), "tokenizer", "tokenizers"), &sides{to: &suite.Resolutions}, dir)
	if remote {
		w, failed := a.startWorkers(ctx, f.nats, f.listen, filepath.Clean(dir)+".queue")
		if failed != nil {
			return failed
		}
		defer func() { err = errors.Join(err, w.close()) }()
		cfg.Remote = w
	}
	begun := time.Now()
	done, err := run.Execute(ctx, cfg)
	a.witness(dir, cfg.Tokenizers)
	if err != nil {
		if cause := context.Cause(ctx); errors.Is(cause, errGone) {
			return &statusError{ExitInterrupted, fmt.Errorf("%w; what was measured is in %s", cause, dir)}
		}
		if ctx.Err() != nil {
			return fmt.Errorf("interrupted; continue with: %s: %w", a.again(f, dir), ctx.Err())
		}
		if _, begun := os.Stat(filepath.Join(dir, record.ManifestFile)); begun == nil && diskFailed(err) {
			return fmt.Errorf("%w; once there is room, continue with: %s", err, a.again(f, dir))
		}
		return err
	}
	a.logf("measured in %s", time.Since(begun).Round(100*time.Millisecond))
	if err := a.report(ctx, []*summary.Run{done}, dir, reportOptions{}); err != nil {
		return fmt.Errorf("%w; everything measured is in %s, write its reports with: vtbench report %s", err, dir, shellWord(dir))
	}
	if f.format == "json" {
		if err := a.json(&done.Summary); err != nil {
			return err
		}
	} else if err := a.printTable(done); err != nil {
		return err
	}
	a.remarks(&done.Summary)
	return a.failures(done)
}

// errGone says that nobody waits for a run.
var errGone = errors.New("the run was given up, since nobody waits for it")

// guests cancels the context that it returns when a program that serves a tokenizer, and
// has started this one for it, is gone.
func (a *app) guests(ctx context.Context, toks []run.TokenizerSource) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	for _, t := range toks {
		if g, ok := t.Tokenizer.(tokenizers.Guest); ok && g.Gone() != nil {
			go func() {
				select {
				case <-g.Gone():
					cancel(fmt.Errorf("tokenizer %q: %w: %w", t.Name, g.Why(), errGone))
				case <-ctx.Done():
				}
			}()
		}
	}
	return ctx, func() { cancel(nil) }
}

// remotely refuses what a run by workers cannot do.
func (f *runFlags) remotely() error {
	switch {
	case f.nats == "" && f.listen == "":
		return nil
	case f.nats != "" && f.listen != "":
		return usagef("--workers and --listen exclude each other: the first names a server, the second starts one")
	case f.recipe != "":
		return usagef("--recipe is for runs without workers")
	case f.shard != "":
		return usagef("--shard is for runs without workers: workers share all items")
	case f.timing:
		return usagef("--timing times tokenizers alone on one machine: leave out --workers")
	}
	return nil
}

// mostPictures is how many whole pictures a report can list.
const mostPictures = 200_000

// foresee says what whole images will take, where more are kept than by default, and
// refuses what no report could list.
func (a *app) foresee(ctx context.Context, cfg *run.Config) error {
	if cfg.KeepImages >= 0 && cfg.KeepImages <= defaultKeep {
		return nil
	}
	kept := cfg.Kept(ctx)
	if kept.Pictures > mostPictures {
		return usagef("--keep-images %s keeps %s pictures, about %s: a report lists %s at most; take fewer items with --limit, or keep the worst",
			cfg.KeepImages, format.Count(kept.Pictures), format.Bytes(kept.Bytes), format.Count(mostPictures))
	}
	a.logf("keeping whole images (%s): %s pictures, about %s if all are like the first", cfg.KeepImages, format.Count(kept.Pictures), format.Bytes(kept.Bytes))
	return nil
}

// kept closes the cache of a run and says what it did. What went wrong with it never
// costs the run.
func (a *app) kept(c *cache.Cache) {
	if err := c.Close(); err != nil {
		a.warnf("the cache in %s: %v", c.Dir(), err)
	}
	st := c.Stats()
	if st.Damaged > 0 {
		a.warnf("%s in the cache %s damaged and measured again (%s)", format.Plural(int(st.Damaged), "entry", "entries"), was(st.Damaged), c.Dir())
	}
	if st.Failed > 0 {
		a.warnf("%s could not be written to the cache (%s)", format.Plural(int(st.Failed), "entry", "entries"), c.Dir())
	}
	if st.Hits > 0 {
		a.logf("%s from the cache, %d not there (%s)", format.Plural(int(st.Hits), "result", "results"), st.Misses, c.Dir())
	}
}

func was(n int64) string {
	if n == 1 {
		return "was"
	}
	return "were"
}

// witness keeps what tokenizers said beside their results: the last of a plug-in's
// stderr in the run directory, its warnings on ours.
func (a *app) witness(dir string, toks []run.TokenizerSource) {
	for _, t := range toks {
		w, ok := t.Tokenizer.(tokenizers.Witness)
		if !ok {
			continue
		}
		for _, line := range w.Warnings() {
			a.warnf("%s: %s", t.Name, line)
		}
		if said := w.Stderr(); len(said) > 0 {
			path := filepath.Join(dir, "logs", format.Slug(t.Name)+".stderr")
			err := wholefile.Folder(dir, "logs")
			if err == nil {
				err = wholefile.Write(path, []byte(strings.Join(said, "\n")))
			}
			if err != nil {
				a.warnf("keeping the stderr of %s: %v", t.Name, err)
			}
		}
	}
}

// shownFailures is how many reasons of failures are told on stderr; all failures are in the
// summary.
const shownFailures = 10

// remarks says what was assumed or lost in images and labels of data sets.
func (a *app) remarks(s *summary.Summary) {
	for _, n := range s.Notes {
		a.warnf("data set %s: %s (%s, %s first)", n.Dataset, n.Note, format.Plural(n.Items, "image", "images"), n.First)
	}
	for _, l := range s.Lost {
		if metrics.Refused(l.Reason) {
			continue // a note of the report
		}
		a.warnf("data set %s: %d %s, the first is %s", l.Dataset, l.Labels, view.ReasonTitle(l.Reason), l.First)
	}
}

// failures lists what failed and turns it into the exit status; what was lost of labels is
// named by remarks.
func (a *app) failures(run *summary.Run) error {
	list := summary.Distinct(run.Summary.Errors)
	unsaid := len(list)
	for i, alike := range summary.Alike(run.Summary.Errors) {
		if i == shownFailures {
			a.warnf("… and %d more; all are in %s", unsaid, filepath.Join(run.Dir, record.SummaryFile))
			break
		}
		unsaid -= len(alike)
		w := alike[0]
		who := "data set " + w.Dataset
		if w.Tokenizer != "" {
			who = w.Tokenizer + " at " + w.Condition
		}
		more := ""
		if n := len(alike) - 1; n > 0 {
			more = fmt.Sprintf(" (and %d more alike)", n)
		}
		a.warnf("%s: %s: %s%s", who, w.Item, w.Error, more)
	}
	lost := 0
	for _, l := range run.Summary.Lost {
		if !metrics.Refused(l.Reason) {
			lost += l.Labels
		}
	}
	var counted []string
	if len(list) > 0 {
		counted = append(counted, format.Plural(len(list), "failure", "failures"))
	}
	if lost > 0 {
		counted = append(counted, format.Plural(lost, "label that cannot be used", "labels that cannot be used"))
	}
	nothing := unmeasured(run)
	switch {
	case len(counted) == 0 && nothing == "":
		return nil
	case len(counted) == 0:
		return &statusError{ExitItemsFailed, fmt.Errorf("done, but %s", nothing)}
	case nothing != "":
		nothing = ", and " + nothing
	}
	return &statusError{ExitItemsFailed, fmt.Errorf("done, with %s; all are counted in every table%s", strings.Join(counted, " and "), nothing)}
}

// unmeasured says that a run left the question of its suite open, and why: no
// headline metric has a value for any tokenizer. It is "" where one has. The untouched
// original does not count: that it cannot be read is a value of its own.
func unmeasured(run *summary.Run) string {
	s := &run.Manifest.Suite
	ids := s.Headline
	if len(ids) == 0 {
		ids = s.Metrics
	}
	most := map[string]int{} // by reason, of the tokenizer and condition that lost most
	for _, r := range run.Summary.Rows {
		if !slices.Contains(ids, r.Metric) || r.Tokenizer == suite.Original {
			continue
		}
		if r.N > 0 || r.Dropped[metrics.DropInfinite] > 0 { // infinite: identical images
			return ""
		}
		for reason, n := range r.Dropped {
			most[reason] = max(most[reason], n)
		}
	}
	var why []string
	lost := map[[2]string]bool{} // items that no tokenizer got
	for _, f := range run.Summary.Errors {
		if f.Tokenizer == "" {
			lost[[2]string{f.Dataset, f.Item}] = true
		}
	}
	planned := 0
	for _, d := range run.Manifest.Datasets {
		planned += d.Items
	}
	if len(lost) > 0 {
		why = append(why, fmt.Sprintf("%d of %s could not be loaded", len(lost), format.Plural(planned, "item", "items")))
		delete(most, metrics.DropLoad)
	}
	for _, reason := range slices.Sorted(maps.Keys(most)) {
		why = append(why, fmt.Sprintf("%d %s", most[reason], view.ReasonTitle(reason)))
	}
	if len(most) == 0 && len(lost) < planned {
		why = append(why, "nothing in the data is labelled that they score")
	}
	return fmt.Sprintf("nothing was measured: none of the headline metrics of suite %s (%s) has a value (%s)", s.ID, strings.Join(ids, ", "), strings.Join(why, ", "))
}
