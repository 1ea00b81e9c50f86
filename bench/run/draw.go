package run

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/vtbench/vtbench/bench/record"
	"github.com/vtbench/vtbench/bench/suite"
	"github.com/vtbench/vtbench/internal/wholefile"
)

// Pictures of cells that were measured here are saved with their group. Of cells whose
// values are another run's no pixel is needed until it is known what the report shows, which
// is a third of what might have been: those are drawn at the end, and a run that broke off
// before draws them when it is resumed.

// cellName says which cell of the run one is.
type cellName struct{ dataset, item, condition, tokenizer string }

// A drawing is what is still to be drawn of a cell.
type drawing struct {
	records []record.Record // their instances
	whole   bool            // the whole image, with its maps
	played  bool            // for the player only: there is none where the frame failed
}

// drawings are those of some cells; nil while cells are measured.
type drawings map[cellName]*drawing

func (d drawings) of(name cellName) *drawing {
	if d[name] == nil {
		d[name] = &drawing{}
	}
	return d[name]
}

// under reports whether a condition has cells that are to be drawn, or that others at the
// same resolution start from.
func (d drawings) under(cond suite.Condition) bool {
	for name := range d {
		c, err := suite.ParseCondition(name.condition)
		if err != nil || c == cond || cond.Corruption == "" && c.DamagesTokens() && c.Resolution == cond.Resolution {
			return true
		}
	}
	return false
}

func (c *chosen) cell() cellName { return cellName{c.Dataset, c.Item, c.Condition, c.Tokenizer} }

func (r *runner) nameOf(b *batch, c *cell) cellName {
	return cellName{r.manifest.Datasets[c.in.source].Name, c.in.id, b.cond.String(), r.cfg.Tokenizers[b.tokenizer].Name}
}

func (r *runner) saved(path string) bool {
	_, err := os.Stat(filepath.Join(r.cfg.Dir, filepath.FromSlash(path)))
	return err == nil
}

// undrawn lists the pictures that are to be shown and are not there.
func (r *runner) undrawn(plan []*group, list []chosen) (drawings, error) {
	out := drawings{}
	for i := range list {
		c := &list[i]
		for _, path := range []string{c.Original, c.Damaged, c.Reconstruction} {
			if path != "" && !r.saved(path) {
				d := out.of(c.cell())
				d.records = append(d.records, c.record)
				break
			}
		}
	}
	whole := func(name cellName) {
		if !damaged(name.condition) && !r.saved(wholePath(name.dataset, name.item, name.condition, name.tokenizer)) {
			out.of(name).whole = true
		}
	}
	for p := range everyItem(plan) {
		for t := range r.cfg.Tokenizers {
			if r.shows(p) && r.plays(t, r.conditions[0]) {
				name := cellName{r.manifest.Datasets[p.source].Name, p.id, r.conditions[0].String(), r.cfg.Tokenizers[t].Name}
				if whole(name); out[name] != nil {
					out[name].played = len(out[name].records) == 0
				}
			}
		}
	}
	switch r.cfg.KeepImages {
	case 0:
		return out, nil
	case record.KeepWorst:
		for i := range list {
			if list[i].Why == record.WhyWorst {
				whole(list[i].cell())
			}
		}
		return out, nil
	}
	kept := map[[2]string]bool{}
	for p := range everyItem(plan) {
		if r.cfg.KeepImages.Item(p.index) && (r.cfg.KeepImages == record.KeepAll || len(r.manifest.Datasets[p.source].Clips) == 0) {
			kept[[2]string{r.manifest.Datasets[p.source].Name, p.id}] = true
		}
	}
	// What was known has no failure: its pictures can be drawn.
	for l, err := range record.Timings(r.cfg.Dir) {
		if err != nil {
			return nil, err
		}
		if l.Cached && kept[[2]string{l.Dataset, l.Item}] {
			whole(cellName{l.Dataset, l.Item, l.Condition, l.Tokenizer})
		}
	}
	return out, nil
}

// draw saves pictures that are still to be drawn, from kept reconstructions, or from new
// ones where those are gone.
func (r *runner) draw(ctx context.Context, plan []*group, todo drawings) error {
	if len(todo) == 0 {
		return nil
	}
	names := map[[2]string][]cellName{} // by item
	for name := range todo {
		item := [2]string{name.dataset, name.item}
		names[item] = append(names[item], name)
	}
	r.cfg.Progress.Begin("drawing pictures", len(plan), 0)
	defer r.cfg.Progress.End()
	r.total = 0 // measuring is over
	groups, ctx := errgroup.WithContext(ctx)
	groups.SetLimit(inFlight)
	for _, grp := range plan {
		groups.Go(func() error {
			defer r.steppedAside()
			mine := drawings{}
			for _, p := range grp.items {
				for _, name := range names[[2]string{r.manifest.Datasets[p.source].Name, p.id}] {
					mine[name] = todo[name]
				}
			}
			if len(mine) == 0 {
				return ctx.Err()
			}
			return r.drawGroup(ctx, grp, mine)
		})
	}
	if err := groups.Wait(); err != nil {
		return err
	}
	return wholefile.SyncFolder(filepath.Join(r.cfg.Dir, record.ImagesDir))
}

func (r *runner) drawGroup(ctx context.Context, grp *group, todo drawings) error {
	wanted := map[[2]string]bool{}
	for name := range todo {
		wanted[[2]string{name.dataset, name.item}] = true
	}
	film := r.film(ctx, grp)
	for _, part := range r.windows(grp) {
		if !slices.ContainsFunc(part, func(p planned) bool { return wanted[[2]string{r.manifest.Datasets[p.source].Name, p.id}] }) {
			continue
		}
		items, err := r.loadItems(ctx, part, film)
		if err != nil {
			return err
		}
		cs := newCells(len(items), len(r.cfg.Tokenizers), len(r.conditions))
		if err := r.cells(ctx, items, cs, how{todo: todo}); err != nil {
			return err
		}
		if err := r.savePictures(ctx, cs); err != nil {
			return err
		}
	}
	return nil
}

// savePictures saves those of cells that are not there.
func (r *runner) savePictures(ctx context.Context, cs *cells) error {
	seen := map[string]bool{}
	saving, ctx := errgroup.WithContext(ctx)
	saving.SetLimit(runtime.GOMAXPROCS(0))
	for i := range cs.all {
		for _, c := range cs.all[i].out.crops {
			if seen[c.path] || r.saved(c.path) {
				continue
			}
			seen[c.path] = true
			saving.Go(func() error {
				if ctx.Err() != nil {
					return ctx.Err()
				}
				return c.save(r.cfg.Dir)
			})
		}
	}
	return saving.Wait()
}

// foreseen marks the cells of a batch that are to be drawn, and finds their reconstructions.
func (r *runner) foreseen(ctx context.Context, b *batch) error {
	if r.kept != nil {
		r.name(b)
	}
	return r.compute(ctx, len(b.cells), func(i int) {
		c := b.cells[i]
		if b.how.todo[r.nameOf(b, c)] == nil || c.in.err != nil {
			c.lacksTokens = true
			return
		}
		c.needs.pixels = true
		r.kept.reconstruction(c)
	})
}

// undrawnError says that a directory lacks pictures that only its own run can draw, if any.
func undrawnError(todo drawings) error {
	maps.DeleteFunc(todo, func(_ cellName, d *drawing) bool { return d.played })
	if len(todo) == 0 {
		return nil
	}
	names := slices.SortedFunc(maps.Keys(todo), func(a, b cellName) int { return cmp.Compare(fmt.Sprint(a), fmt.Sprint(b)) })
	return fmt.Errorf("pictures of %d reconstructions are not there, the first is of %s by %s at %s: a run that takes results from a cache draws its pictures at its end, and a part broke off before",
		len(todo), names[0].item, names[0].tokenizer, names[0].condition)
}
