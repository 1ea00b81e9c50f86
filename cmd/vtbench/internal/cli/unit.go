package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/vtbench/vtbench/bench/record"
	"github.com/vtbench/vtbench/bench/run"
	"github.com/vtbench/vtbench/internal/workwire"
	"github.com/vtbench/vtbench/metrics"
	"github.com/vtbench/vtbench/metrics/quality"
	"github.com/vtbench/vtbench/tokenizers"
	alltok "github.com/vtbench/vtbench/tokenizers/all"
)

// runsCommands are the kinds whose options are commands, or reach beyond the program: a
// worker opens them, alone or inside others, only where its own command line names them.
var (
	runsCommands = []string{"process", "fd", "zoo"}
	nestsCommand = regexp.MustCompile(`\b(process|fd|zoo):`)
)

// commands reports whether opening a tokenizer of a run may run a command.
func commands(e record.TokenEntry) bool {
	if slices.Contains(runsCommands, e.Kind) {
		return true
	}
	for _, v := range e.Options {
		if nestsCommand.MatchString(v) {
			return true
		}
	}
	return false
}

// stepEvery is how often a worker says that it is getting on.
const stepEvery = 500 * time.Millisecond

type unitFlags struct {
	workers    int
	tokenizers []string
	cache      cacheFlags
}

// unitCommand is what vtbench-work starts to measure.
func (a *app) unitCommand() *cobra.Command {
	var f unitFlags
	cmd := &cobra.Command{
		Use: "unit", Short: "Measure units of a run for vtbench-work, which starts this", Hidden: true, Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.units(cmd.Context(), &f, os.Stdin) },
	}
	cmd.Flags().IntVarP(&f.workers, "jobs", "j", 0, "workers (default: all cores)")
	cmd.Flags().StringArrayVarP(&f.tokenizers, "tokenizer", "t", nil, "a kind, or a whole tokenizer, that may be opened; repeatable; default: all kinds that run no commands")
	f.cache.add(cmd)
	return cmd
}

// units answers the lines of vtbench-work until they end.
func (a *app) units(ctx context.Context, f *unitFlags, in io.Reader) (err error) {
	out := workwire.NewWriter(a.out)
	lines := json.NewDecoder(in)
	var job *workwire.Job
	var lane *openLane
	defer func() {
		if lane != nil {
			err = errors.Join(err, lane.close())
		}
	}()
	var doing errgroup.Group
	defer func() { err = errors.Join(doing.Wait(), err) }()
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	for {
		var msg workwire.ToWorker
		if err := lines.Decode(&msg); err != nil {
			if errors.Is(err, io.EOF) {
				return nil
			}
			return fmt.Errorf("reading what vtbench-work asks for: %w", err)
		}
		switch {
		case msg.Job != nil:
			job = msg.Job
			serves, err := f.serves(job)
			if err != nil {
				return usage(err)
			}
			if err := out.Write(workwire.FromWorker{Serves: &serves}); err != nil {
				return err
			}
		case msg.Lane != nil && job != nil && *msg.Lane >= 0 && *msg.Lane < len(job.Lanes):
			if lane, err = a.openLane(ctx, f, job, *msg.Lane, out); err != nil {
				err := out.Write(workwire.FromWorker{Refused: err.Error()})
				return err
			}
			if err := out.Write(workwire.FromWorker{Joined: &workwire.Joined{Splits: lane.worker.Splits(), Items: lane.worker.Items()}}); err != nil {
				return err
			}
		case msg.Do != nil && lane != nil:
			doing.Go(func() error {
				err := lane.do(ctx, msg.Do, out)
				if err != nil {
					_ = out.Write(workwire.FromWorker{Error: err.Error()})
				}
				return err
			})
		case msg.Accepted != 0 && lane != nil:
			lane.accepted(msg.Accepted)
		default:
			return errors.New("vtbench-work asks for something that cannot be: it is of another version")
		}
	}
}

// serves are the lanes of which every tokenizer may be opened here.
func (f *unitFlags) serves(job *workwire.Job) ([]int, error) {
	out := []int{}
	for l, names := range job.Lanes {
		all := true
		for _, name := range names {
			e, ok := job.Manifest.Token(name)
			if !ok {
				return nil, fmt.Errorf("the run has no tokenizer %q", name)
			}
			may, err := f.may(e)
			if err != nil {
				return nil, err
			}
			all = all && may
		}
		if all {
			out = append(out, l)
		}
	}
	return out, nil
}

// may reports whether a tokenizer of a run may be opened. Nothing that came from elsewhere
// is run as a command, unless -t says the same.
func (f *unitFlags) may(e record.TokenEntry) (bool, error) {
	command := commands(e)
	if len(f.tokenizers) == 0 {
		return !command, nil
	}
	bound := e.Kind == "original" || e.Kind == "resize" // in every table
	for _, t := range f.tokenizers {
		if !strings.ContainsAny(t, ":=") {
			if t == e.Kind && !command {
				return true, nil
			}
			continue
		}
		specs, err := tokenizers.ParseSpecs(t, alltok.Kinds())
		if err != nil {
			return false, err
		}
		for _, s := range specs {
			kind, opts, err := tokenizers.Resolve(s, alltok.Kinds())
			if err != nil {
				return false, err
			}
			if kind.Name == e.Kind && equalOptions(opts, e.Options) {
				return true, nil
			}
		}
	}
	return bound, nil
}

func equalOptions(a, b tokenizers.Options) bool {
	x, errX := json.Marshal(a)
	y, errY := json.Marshal(b)
	return errX == nil && errY == nil && string(x) == string(y)
}

// openLane is what a process measures with.
type openLane struct {
	worker *run.Worker
	mu     sync.Mutex
	waits  map[int]*run.Output // not accepted yet
	ends   []func() error
}

func (l *openLane) close() error {
	var errs []error
	for _, end := range slices.Backward(l.ends) {
		errs = append(errs, end())
	}
	return errors.Join(errs...)
}

func (a *app) openLane(ctx context.Context, f *unitFlags, job *workwire.Job, n int, out *workwire.Writer) (_ *openLane, err error) {
	l := &openLane{waits: map[int]*run.Output{}}
	defer func() {
		if err != nil {
			err = errors.Join(err, l.close())
		}
	}()
	m := run.Lane(job.Lanes[n]).Of(job.Manifest)
	workers := f.workers
	if workers == 0 {
		workers = runtime.GOMAXPROCS(0)
	}
	cfg := run.Config{
		Suite: m.Suite, Workers: workers, Batch: m.Batch, Seed: m.Seed, Program: "vtbench " + version(),
		KeepImages: m.KeepImages, Bootstrap: m.Bootstrap, LeftOut: m.LeftOut,
	}
	if cfg.Cache, err = f.cache.open(a); err != nil {
		return nil, err
	}
	if cfg.Cache != nil {
		l.ends = append(l.ends, cfg.Cache.Close)
	}
	if cfg.Corrupt, err = corrupter(&cfg.Suite, cfg.Seed); err != nil {
		return nil, err
	}
	for _, d := range m.Datasets {
		set, err := a.openData(ctx, d.Spec)
		if err != nil {
			return nil, err
		}
		planned := d.Planned
		cfg.Datasets = append(cfg.Datasets, run.DatasetSource{Spec: d.Spec, Data: set, Items: &planned})
	}
	opened, err := openMetrics(ctx, m.Suite.Metrics, nil, metrics.Config{Workers: workers, Options: m.Suite.Options})
	if err != nil {
		return nil, err
	}
	l.ends = append(l.ends, opened.close)
	drawing, err := openMetrics(ctx, quality.Maps(), nil, metrics.Config{Workers: workers})
	if err != nil {
		return nil, err
	}
	l.ends = append(l.ends, drawing.close)
	cfg.Maps = drawing.metrics
	cfg.Metrics, cfg.Observers, cfg.Codes, cfg.Sets, cfg.Provenance = opened.metrics, opened.observers, opened.codes, opened.sets, opened.provenance
	cfg.Temporal, cfg.Followers = opened.temporal, opened.followers
	if cfg.Suite.ImageCorruptions() {
		cfg.Provenance["corrupt"] = corruptProvenance()
	}
	kinds := alltok.Kinds()
	for _, e := range m.Tokenizers {
		may, err := f.may(e)
		if err != nil {
			return nil, err
		}
		if !may {
			return nil, fmt.Errorf("tokenizer %s (kind %s) is not among those that this worker may open; name it with -t", e.Name, e.Kind)
		}
		i := slices.IndexFunc(kinds, func(k tokenizers.Kind) bool { return k.Name == e.Kind })
		if i < 0 {
			return nil, fmt.Errorf("tokenizer %s: this program has no kind %q", e.Name, e.Kind)
		}
		t, err := kinds[i].Open(ctx, e.Options)
		if err != nil {
			return nil, fmt.Errorf("opening tokenizer %q: %w", e.Name, err)
		}
		cfg.Tokenizers = append(cfg.Tokenizers, run.TokenizerSource{Name: e.Name, Kind: e.Kind, Options: e.Options, Tokenizer: t})
		l.ends = append(l.ends, func() error { return closeTokenizers(cfg.Tokenizers[len(cfg.Tokenizers)-1:]) })
	}
	var mu sync.Mutex
	var told time.Time
	step := func() {
		mu.Lock()
		defer mu.Unlock()
		if time.Since(told) >= stepEvery {
			told = time.Now()
			_ = out.Write(workwire.FromWorker{Step: true}) // it ends when the reader does
		}
	}
	if l.worker, err = run.NewWorker(ctx, cfg, job.Manifest, step); err != nil {
		return nil, err
	}
	return l, nil
}

// do does a unit and says what came of it.
func (l *openLane) do(ctx context.Context, d *workwire.Do, out *workwire.Writer) error {
	got, err := l.worker.Do(ctx, d.Group, d.Only, d.As, d.Why)
	if err != nil {
		return err
	}
	b, err := json.Marshal(got)
	if err != nil {
		return err
	}
	l.mu.Lock()
	l.waits[d.ID] = got
	l.mu.Unlock()
	return out.Write(workwire.FromWorker{Done: &workwire.Done{ID: d.ID, Output: b}})
}

func (l *openLane) accepted(id int) {
	l.mu.Lock()
	got := l.waits[id]
	delete(l.waits, id)
	l.mu.Unlock()
	if got != nil {
		l.worker.Accepted(got)
	}
}
