package run

import (
	"context"
	"fmt"
	"path/filepath"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/vtbench/vtbench/bench/record"
	"github.com/vtbench/vtbench/datasets"
	"github.com/vtbench/vtbench/internal/guard"
	"github.com/vtbench/vtbench/metrics"
)

// originals says whether all originals were shown to the metrics that ask for it.
type originals struct {
	sync.Mutex
	done bool
}

// enrol shows every original of the run, those of other shards too, to the metrics
// that ask for it, once. What cannot be loaded is counted when its turn comes.
func (r *runner) enrol(ctx context.Context) error {
	r.looked.Lock()
	defer r.looked.Unlock()
	var enrollers []metrics.Enroller
	for _, m := range r.cfg.Metrics {
		if e, ok := m.(metrics.Enroller); ok && r.anyWanted(m.Specs()) {
			enrollers = append(enrollers, e)
		}
	}
	if len(enrollers) == 0 || r.looked.done {
		return nil
	}
	for _, d := range r.cfg.Datasets {
		p, ok := d.Data.(datasets.Paired)
		for _, e := range enrollers {
			if m, wants := e.(metrics.Pairer); ok && wants {
				m.EnrolPairs(p.Pairs())
			}
		}
	}
	total := 0
	for _, d := range r.cfg.Datasets {
		total += r.items(d)
	}
	r.beginAside("reading originals", total)
	defer r.endAside()
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(r.cfg.Workers)
	for s, d := range r.cfg.Datasets {
		look := func(i int) error {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			defer r.steppedAside()
			it := planned{s, i, d.Data.IDs()[i]}
			item, err := r.load(ctx, it)
			if err != nil {
				return ctx.Err()
			}
			for _, e := range enrollers {
				if err := enrolOne(ctx, e, metrics.Reference{Item: it.id, Image: item.Image, Instances: item.Instances}); err != nil {
					return fmt.Errorf("looking at the originals: %s: %w", it.id, err)
				}
			}
			return nil
		}
		if _, ok := d.Data.(datasets.Clipped); ok { // frames are loaded in order
			g.Go(func() error {
				for i := range r.items(d) {
					if err := look(i); err != nil {
						return err
					}
				}
				return nil
			})
			continue
		}
		for i := range r.items(d) {
			g.Go(func() error { return look(i) })
		}
	}
	err := g.Wait()
	r.looked.done = err == nil
	return err
}

// remark writes what metrics have to say of the originals into the manifest. They must
// have seen them, unless an equal run has left it in the cache.
func (r *runner) remark(ctx context.Context) error {
	var all []metrics.Remark
	for i, m := range r.cfg.Metrics {
		e, ok := m.(metrics.Remarker)
		if !ok || !r.anyWanted(m.Specs()) {
			continue
		}
		said, known := r.kept.remarks(i)
		if !known {
			if err := r.enrol(ctx); err != nil {
				return err
			}
			said = e.Remarks()
			r.kept.storeRemarks(i, said)
		}
		all = append(all, said...)
	}
	if len(all) == 0 {
		return nil
	}
	r.manifest.Remarks = all
	return record.WriteJSON(filepath.Join(r.cfg.Dir, record.ManifestFile), &r.manifest)
}

func enrolOne(ctx context.Context, e metrics.Enroller, ref metrics.Reference) (err error) {
	defer guard.Recover(&err, "enrolling "+ref.Item)
	return e.Enrol(ctx, ref)
}

// beginAside begins a phase that may come while measuring waits for it.
func (r *runner) beginAside(phase string, total int) {
	r.progress.Lock()
	defer r.progress.Unlock()
	if r.total > 0 {
		r.cfg.Progress.End()
	}
	r.aside = true
	r.cfg.Progress.Begin(phase, total, 0)
}

func (r *runner) steppedAside() {
	r.progress.Lock()
	defer r.progress.Unlock()
	r.cfg.Progress.Step(1)
}

// endAside ends such a phase; measuring goes on where it was.
func (r *runner) endAside() {
	r.progress.Lock()
	defer r.progress.Unlock()
	r.cfg.Progress.End()
	r.aside = false
	if r.total > 0 {
		r.cfg.Progress.Begin("measuring", r.total, r.measured)
	}
}
