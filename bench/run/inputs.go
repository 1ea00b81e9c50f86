package run

import (
	"context"
	"fmt"
	"runtime"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/vtbench/vtbench/bench/record"
	"github.com/vtbench/vtbench/bench/suite"
	"github.com/vtbench/vtbench/pix"
	"github.com/vtbench/vtbench/tokenizers"
)

// An Input is an image that tokenizers are given in a run, or why there is none.
type Input struct {
	Index     int // in the order of items, then conditions
	Condition suite.Condition
	Ref       tokenizers.ItemRef
	Image     pix.Image
	Place     pix.Placement // how it came into its square
	Err       error         // Image and Place mean nothing
}

// Inputs makes the images that tokenizers are given in the run that cfg describes, pixel
// for pixel, and hands each to do, from several goroutines at once and in no order. It
// needs neither tokenizers nor metrics. Conditions that damage tokens are left out: they
// change no image. It returns the data sets with the number of items taken, and how many
// inputs there are; its error is that of cfg, of do or of ctx.
func Inputs(ctx context.Context, cfg Config, do func(Input) error) ([]record.DatasetEntry, int, error) {
	if cfg.Workers <= 0 {
		cfg.Workers = runtime.GOMAXPROCS(0)
	}
	if cfg.Suite.Window == 0 {
		cfg.Suite.Window = suite.DefaultWindow
	}
	r := &runner{cfg: cfg, manifest: record.Manifest{Batch: 1}, slots: make(chan struct{}, cfg.Workers)}
	r.conditions = slices.DeleteFunc(cfg.Suite.Conditions(), suite.Condition.DamagesTokens)
	if cfg.Suite.ImageCorruptions() && cfg.Corrupt == nil {
		return nil, 0, configErrorf("suite %s corrupts images, but no corruptions are configured", cfg.Suite.ID)
	}
	if len(r.conditions) == 0 {
		return nil, 0, configErrorf("no condition: state a resolution")
	}
	plan, err := r.plan()
	if err != nil {
		return nil, 0, err
	}
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(cfg.Workers)
	n := 0
	for _, grp := range plan {
		first := n
		n += len(grp.items)
		g.Go(func() error {
			for _, part := range r.windows(grp) {
				items, err := r.loadItems(ctx, part, r.film(ctx, grp))
				if err != nil {
					return err
				}
				for _, it := range items {
					if err := r.inputsOf(ctx, it, first, do); err != nil {
						return err
					}
					first++
				}
			}
			return nil
		})
	}
	return r.manifest.Datasets, n * len(r.conditions), g.Wait()
}

// inputsOf hands on one item under every condition.
func (r *runner) inputsOf(ctx context.Context, it *loaded, number int, do func(Input) error) error {
	for c, cond := range r.conditions {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		in := &input{loaded: it, cond: cond, err: it.err}
		if in.err == nil {
			_, in.err = r.give(in)
		}
		if err := do(Input{number*len(r.conditions) + c, cond, r.refTo(in), in.img, in.place, in.err}); err != nil {
			return fmt.Errorf("%s of %s: %w", cond, it.id, err)
		}
	}
	return nil
}
