package run

import (
	"context"
	"errors"
	"fmt"
	"image"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/vtbench/vtbench/bench/identity"
	"github.com/vtbench/vtbench/bench/record"
	"github.com/vtbench/vtbench/bench/suite"
	"github.com/vtbench/vtbench/datasets"
	"github.com/vtbench/vtbench/internal/guard"
	"github.com/vtbench/vtbench/metrics"
	"github.com/vtbench/vtbench/pix"
	"github.com/vtbench/vtbench/tokenizers"
)

// conditionsAtOnce bounds the conditions of a group that are worked on at once, and
// with them the reconstructions in memory; more would not be faster.
const conditionsAtOnce = 2

// A group is a slice of the plan that is committed as one: a batch for every
// tokenizer under every condition.
type group struct {
	number int // in the whole plan
	items  []planned
	clip   *datasets.Clip // of which the items are the frames; nil where they are images
	done   chan struct{}
	out    []itemOutput // by item, in plan order
}

// itemOutput is what an item leaves behind, or one cell of it.
type itemOutput struct {
	records []record.Record
	codes   []record.CodeLine
	timings []record.TimingLine
	crops   []crop
}

func (o *itemOutput) add(more itemOutput) {
	o.records = append(o.records, more.records...)
	o.codes = append(o.codes, more.codes...)
	o.timings = append(o.timings, more.timings...)
	o.crops = append(o.crops, more.crops...)
}

// A cell is one item through one tokenizer under one condition.
type cell struct {
	in     *input
	result result // dropped as soon as it is scored: a batch at 1024² is not small
	// tokens of the result, or why there is none, for as long as the group lasts:
	// damaged conditions start from the tokens of clean ones and are compared with them.
	tokens *tokenizers.Codes
	err    error
	// again are the tokens of the reconstruction when it is encoded once more, of clean
	// cells: what flips without any damage.
	again    *tokenizers.Codes
	againErr error
	out      itemOutput

	key    identity.Key          // R; unknown where results are not kept
	known  map[identity.Key]part // what the cache had, by V
	fresh  map[identity.Key]part // what was computed and can be kept
	asking bool                  // only finds out what is not known
	needs  needs
	taken  bool // the reconstruction is from the cache
	found  bool // it is no work of a tokenizer: not worth keeping
	// lacksTokens says that the values were known, so that the tokens were not needed.
	lacksTokens bool
	batch       *batch

	// Of frames that a tokenizer codes together: how many the tokens of this one are for, 0
	// where they are with one before it; and why the frame is not among them.
	frames int
	lost   error
}

// cells are those of a group, in the order of records: by item, by tokenizer, by
// condition.
type cells struct {
	tokenizers, conditions int
	all                    []cell
}

func newCells(items, tokenizers, conditions int) *cells {
	return &cells{tokenizers, conditions, make([]cell, items*tokenizers*conditions)}
}

func (c *cells) at(item, tokenizer, condition int) *cell {
	return &c.all[(item*c.tokenizers+tokenizer)*c.conditions+condition]
}

// how says what is done with cells: they are measured, unless one of these is set.
type how struct {
	todo  drawings // they are only drawn, those that are here
	given error    // they are given up, and this is why
}

// measures reports whether cells are measured.
func (h how) measures() bool { return h.todo == nil && h.given == nil }

// A batch is what a tokenizer gets at once: the items of a group under one condition,
// less those that could not be loaded.
type batch struct {
	tokenizer int
	condition int
	cond      suite.Condition
	film      *film // whose frames these are
	clips     bool  // and they are coded together
	cells     []*cell
	clean     []*cell // under a condition of damage: the same cells without it
	how       how
	recalling chan struct{} // held while tokens are brought back
}

// done is what came of an item.
type done struct {
	id      string
	lost    bool // it could not be loaded
	records []record.Record
	codes   []record.CodeLine
	by      []itemOutput // of its cells, by tokenizer
	failed  []int        // cells, by tokenizer
}

// do works on a group. It fails only when the run has to stop.
func (r *runner) do(ctx context.Context, grp *group) error {
	items, err := r.work(ctx, grp, r.loadItems, r.saveCrops, how{})
	if err != nil {
		return err
	}
	grp.out = make([]itemOutput, len(items))
	for i, it := range items {
		out := &grp.out[i]
		out.records, out.codes = it.records, it.codes
		if it.lost {
			r.stepped(r.cellsOfItem()) // which nothing was done for
			for t := range r.cfg.Tokenizers {
				r.live.did(t, r.cellsOf(t), true, false)
			}
		}
		for _, cells := range it.by {
			out.add(cells)
		}
	}
	return nil
}

// saveCrops saves pictures of a window of a film: those of a whole clip would be the largest
// thing in memory. They count for nothing until the clip is committed.
func (r *runner) saveCrops(crops []crop) ([]crop, error) {
	defer r.spent.in(writing)()
	for _, c := range crops {
		if err := c.save(r.cfg.Dir); err != nil {
			return nil, err
		}
	}
	return nil, nil
}

// work loads the items of a group and takes them through every tokenizer under every
// condition; films window by window, with what keep makes of the pictures of each.
func (r *runner) work(ctx context.Context, grp *group, load func(context.Context, []planned, *film) ([]*loaded, error), keep func([]crop) ([]crop, error), h how) (out []done, err error) {
	film := r.film(ctx, grp)
	defer func() { err = errors.Join(err, film.close()) }()
	for _, part := range r.windows(grp) {
		items, err := load(ctx, part, film)
		if err != nil {
			return nil, err
		}
		cs := newCells(len(items), len(r.cfg.Tokenizers), len(r.conditions))
		if err := r.cells(ctx, items, cs, h); err != nil {
			return nil, err
		}
		for i, it := range items {
			d := done{
				id: it.id, lost: it.err != nil, records: r.itemRecords(it), codes: r.referenceLines(it),
				by: make([]itemOutput, len(r.cfg.Tokenizers)), failed: make([]int, len(r.cfg.Tokenizers)),
			}
			for t := range r.cfg.Tokenizers {
				for c := range r.conditions {
					cell := cs.at(i, t, c)
					d.by[t].add(cell.out)
					if cell.err != nil {
						d.failed[t]++
					}
				}
				if film != nil {
					if d.by[t].crops, err = keep(d.by[t].crops); err != nil {
						return nil, err
					}
				}
			}
			out = append(out, d)
		}
	}
	film.end(ctx, out)
	return out, nil
}

// loadItems loads items; those that cannot be loaded have their error. Frames of a film are
// loaded in order.
func (r *runner) loadItems(ctx context.Context, list []planned, f *film) ([]*loaded, error) {
	items := make([]*loaded, len(list))
	load := func(i int) {
		items[i] = newLoaded(list[i], f)
		items[i].item, items[i].err = r.load(ctx, list[i])
	}
	if f == nil {
		return items, r.compute(ctx, len(items), load)
	}
	err := r.compute(ctx, 1, func(int) {
		for i := range items {
			load(i)
			if i > 0 {
				items[i].before = items[i-1]
			}
		}
	})
	return items, err
}

func newLoaded(p planned, f *film) *loaded {
	return &loaded{planned: p, film: f, labels: map[int][]prepared{}, references: map[suite.Condition][]embedding{}}
}

// cells takes items through every tokenizer under every condition. Clean conditions go
// first: damaged ones start from their tokens.
func (r *runner) cells(ctx context.Context, items []*loaded, cs *cells, h how) error {
	for _, clean := range []bool{true, false} {
		jobs, ctx := errgroup.WithContext(ctx)
		jobs.SetLimit(conditionsAtOnce)
		for c, cond := range r.conditions {
			if (cond.Corruption == "") == clean && (h.todo == nil || h.todo.under(cond)) {
				jobs.Go(func() error { return r.condition(ctx, items, c, cs, h) })
			}
		}
		if err := jobs.Wait(); err != nil {
			return err
		}
	}
	return nil
}

// compute does n pieces of work, each on a worker's slot.
func (r *runner) compute(ctx context.Context, n int, work func(i int)) error {
	var g errgroup.Group
	for i := range n {
		g.Go(func() error {
			release, err := r.acquire(ctx)
			if err != nil {
				return err
			}
			defer release()
			work(i)
			return ctx.Err()
		})
	}
	return g.Wait()
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

// load reads an item; a data set that panics costs this item.
func (r *runner) load(ctx context.Context, p planned) (datasets.Item, error) {
	defer r.spent.in(reading)()
	item, err := guard.Call("loading "+p.id, func() (datasets.Item, error) {
		return r.cfg.Datasets[p.source].Data.Load(ctx, p.index)
	})
	if err != nil {
		return item, err
	}
	if err := item.Image.Validate(); err != nil {
		return item, fmt.Errorf("loading %s: %w", p.id, err)
	}
	if m := item.Labels; m != nil {
		if err := m.Validate(); err != nil {
			return item, fmt.Errorf("loading %s: %w", p.id, err)
		}
		if m.W != item.Image.W || m.H != item.Image.H {
			return item, fmt.Errorf("loading %s: labels of %d×%d for an image of %d×%d", p.id, m.W, m.H, item.Image.W, item.Image.H)
		}
	}
	return item, nil
}

// condition takes the items of a group through every tokenizer under condition c:
// prepare, reconstruct, score.
func (r *runner) condition(ctx context.Context, items []*loaded, c int, cs *cells, h how) error {
	cond := r.conditions[c]
	inputs := make([]*input, len(items)) // nil where the item could not be loaded
	if err := r.compute(ctx, len(items), func(i int) {
		if items[i].err == nil {
			defer r.spent.in(preparing)()
			inputs[i] = &input{loaded: items[i], cond: cond}
			inputs[i].err = r.begin(ctx, inputs[i], !h.measures())
		}
	}); err != nil {
		return err
	}
	var g errgroup.Group
	film := items[0].film
	if film != nil {
		g.SetLimit(r.cfg.Workers) // whole windows are held until they were seen in order
	}
	for t := range r.cfg.Tokenizers {
		if cond.DamagesTokens() && !r.damages(t, cond.Corruption, film != nil) {
			continue
		}
		b := &batch{tokenizer: t, condition: c, cond: cond, film: film, how: h, recalling: make(chan struct{}, 1)}
		for i, in := range inputs {
			if in == nil {
				continue
			}
			cell := cs.at(i, t, c)
			cell.in, cell.batch, cell.frames = in, b, 1
			b.cells = append(b.cells, cell)
			if cond.Corruption != "" {
				b.clean = append(b.clean, cs.at(i, t, r.cleanOf(cond)))
			}
		}
		if film != nil && r.codesClips(t) {
			r.together(b)
		}
		g.Go(func() error { return r.batch(ctx, b) })
	}
	return g.Wait()
}

// cleanOf is the index of the condition without damage at the same resolution.
func (r *runner) cleanOf(c suite.Condition) int {
	for i, o := range r.conditions {
		if o == (suite.Condition{Resolution: c.Resolution}) {
			return i
		}
	}
	panic("a suite without clean conditions") // Suite.Conditions lists them first
}

// batch takes one batch through its tokenizer and scores what comes out, as far as the
// values are not known already.
func (r *runner) batch(ctx context.Context, b *batch) error {
	if b.how.given != nil {
		for i, c := range b.cells {
			c.err, c.result.Err = b.how.given, b.how.given
			c.out = r.score(ctx, b, i)
		}
		var err error
		if b.film != nil {
			err = r.watch(ctx, b)
		}
		for _, c := range b.cells {
			c.result = result{}
		}
		return err
	}
	if err := r.ask(ctx, b); err != nil {
		return err
	}
	if err := r.produce(ctx, b); err != nil {
		return err
	}
	defer func() {
		for _, c := range b.cells {
			c.result, c.known, c.fresh, c.needs = result{}, nil, nil, needs{}
		}
	}()
	err := r.compute(ctx, len(b.cells), func(i int) {
		c := b.cells[i]
		if b.how.todo != nil {
			if d := b.how.todo[r.nameOf(b, c)]; d != nil && c.needs.pixels && c.result.Err == nil {
				c.out.crops = r.pictures(c, r.base(b, c), d.records, func(bool) bool { return d.whole })
			}
			c.result, c.needs = result{}, needs{}
			return
		}
		if c.needs.pixels {
			defer r.spent.in(scoring)()
			c.out = r.score(ctx, b, i)
			if r.kept != nil {
				r.kept.storeReconstruction(c)
				r.kept.store(c)
			}
		}
		r.live.did(b.tokenizer, 1, c.result.Err != nil, c.taken || !c.needs.pixels)
		if b.film == nil {
			c.result, c.known, c.fresh, c.needs = result{}, nil, nil, needs{}
		}
		r.stepped(1)
	})
	if err == nil && b.film != nil && b.how.todo == nil {
		err = r.watch(ctx, b)
	}
	return err
}

// produce makes what the cells of a batch need to be scored.
func (r *runner) produce(ctx context.Context, b *batch) error {
	some := func(of func(needs) bool) bool {
		return slices.ContainsFunc(b.cells, func(c *cell) bool { return of(c.needs) })
	}
	if !some(func(n needs) bool { return n.pixels }) {
		return nil
	}
	if r.kept != nil && some(func(n needs) bool { return n.originals }) {
		if err := r.enrol(ctx); err != nil {
			return err
		}
	}
	if err := r.compute(ctx, len(b.cells), func(i int) {
		switch c := b.cells[i]; {
		case !c.needs.pixels || c.in.err != nil:
		case c.needs.scoring:
			defer r.spent.in(scoring)()
			c.result.Err = r.prepare(ctx, c.in)
		default:
			c.result.Err = r.refer(ctx, c.in)
		}
	}); err != nil {
		return err
	}
	if err := r.remember(ctx, b); err != nil {
		return err
	}
	step := r.reconstruct
	if b.cond.DamagesTokens() {
		step = r.decodeDamaged
	}
	if err := step(ctx, b, r.wanting(b)); err != nil {
		return err
	}
	for _, c := range b.cells {
		if c.needs.pixels {
			c.tokens, c.err = c.result.Codes, c.result.Err
		}
	}
	if b.clean == nil && some(func(n needs) bool { return n.again }) {
		if err := r.encodeAgain(ctx, b); err != nil {
			return err
		}
	}
	if b.clean == nil && some(func(n needs) bool { return n.latents }) {
		if err := r.latents(ctx, b); err != nil {
			return err
		}
	}
	r.keep(b)
	return nil
}

// result is a reconstruction, and the same at the size of scoring where it is
// there already; the others are scaled when they are scored, one by one, since a
// batch of them would be the largest thing in memory.
type result struct {
	tokenizers.Reconstruction
	restored pix.Image
	// latent is that of a continuous tokenizer, where a metric looks at latents.
	latent    *tokenizers.Latent
	latentErr error
}

// reconstruct runs cells of a batch through its tokenizer. Failures are in the results;
// the error says that the run has to stop.
func (r *runner) reconstruct(ctx context.Context, b *batch, wanted []int) error {
	var images []pix.Image
	var refs []tokenizers.ItemRef
	var at []*cell
	for _, i := range wanted {
		c := b.cells[i]
		switch in := c.in; {
		case in.err != nil:
			c.result.Err = in.err
		case c.lost != nil:
			c.result.Err = c.lost
		case c.result.Err != nil && !b.clips: // its reference could not be made
		case r.cfg.Tokenizers[b.tokenizer].Name == suite.Original:
			c.result.Image, c.result.restored = in.img, in.reference
		default:
			images, at = append(images, in.img), append(at, c)
			refs = append(refs, r.refTo(in))
		}
	}
	if len(images) == 0 {
		return nil
	}
	if err := r.warmed(ctx, b.tokenizer); err != nil {
		return err
	}
	var out []tokenizers.Reconstruction
	var err error
	if b.clips {
		out, err = r.clip(ctx, b, at, images)
	} else {
		out, err = r.call(ctx, b.tokenizer, images, refs)
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	for k, c := range at {
		if c.result.Err != nil {
			continue // only a part of a film
		}
		if err != nil {
			c.result.Err = err
			continue
		}
		c.result.Reconstruction = out[k]
		if got := out[k].Image; out[k].Err == nil && r.cfg.Suite.ScoreAt != "input" && atOwnSize(refs[k], images[k], got) {
			c.result.restored = got
		}
	}
	return nil
}

// latents asks a continuous tokenizer for its latents of a clean batch, where an
// observer that looks at them has wanted metrics. A failure is that metric's own.
func (r *runner) latents(ctx context.Context, b *batch) error {
	src := r.cfg.Tokenizers[b.tokenizer].Tokenizer
	enc, ok := src.(tokenizers.LatentEncoder)
	if !ok || b.clips || len(src.Info().Codebooks) > 0 || !slices.ContainsFunc(r.cfg.Observers, r.wantsLatents) {
		return nil
	}
	var images []pix.Image
	var at []*cell
	for _, c := range b.cells {
		if c.needs.latents && c.in.err == nil && c.result.Err == nil {
			images, at = append(images, c.in.img), append(at, c)
		}
	}
	if len(images) == 0 {
		return nil
	}
	release, err := r.enter(ctx, b.tokenizer)
	if err != nil {
		return err
	}
	defer release()
	defer r.spent.in(tokenizing)()
	out, err := guard.Call("latents of "+r.cfg.Tokenizers[b.tokenizer].Name, func() ([]tokenizers.Latent, error) {
		out, err := enc.Latents(ctx, r.padded(b.tokenizer, images))
		if err == nil && len(out) != len(images) {
			err = fmt.Errorf("%d latents for a batch of %d", len(out), len(images))
		}
		return out, err
	})
	if ctx.Err() != nil {
		return ctx.Err()
	}
	for k, c := range at {
		if c.result.latentErr = err; err == nil {
			c.result.latent = &out[k]
		}
	}
	return nil
}

// wantsLatents reports whether an observer looks at latents and has metrics that
// the suite asks for.
func (r *runner) wantsLatents(o metrics.Observer) bool {
	if _, ok := o.(metrics.LatentObserver); !ok {
		return false
	}
	return slices.ContainsFunc(o.Specs(), func(s metrics.Spec) bool { _, ok := r.wanted[s.ID]; return ok })
}

// refTo names the image that an input was made from.
func (r *runner) refTo(in *input) tokenizers.ItemRef {
	c := in.cond
	c.Resolution = 0
	return tokenizers.ItemRef{
		Dataset: r.manifest.Datasets[in.source].Name, Item: in.id, Condition: c.String(),
		Resolution: max(in.cond.Resolution, 0), W: in.item.Image.W, H: in.item.Image.H,
	}
}

// atOwnSize says that a reconstruction was looked up and is already scaled back.
func atOwnSize(ref tokenizers.ItemRef, in, got pix.Image) bool {
	return (got.W != in.W || got.H != in.H) && got.W == ref.W && got.H == ref.H
}

// call is Reconstruct with its contract enforced; a panic costs the batch.
func (r *runner) call(ctx context.Context, t int, images []pix.Image, refs []tokenizers.ItemRef) (out []tokenizers.Reconstruction, err error) {
	src := r.cfg.Tokenizers[t]
	defer guard.Recover(&err, "tokenizer "+src.Name)
	release, err := r.enter(ctx, t)
	if err != nil {
		return nil, err
	}
	defer release()
	defer r.spent.in(tokenizing)()
	var expect []pix.Image
	if look, ok := src.Tokenizer.(tokenizers.Lookup); ok {
		out, err = look.ReconstructItems(ctx, refs, images)
		expect = append([]pix.Image(nil), images...)
		for k := range min(len(out), len(images)) {
			if r.cfg.Suite.ScoreAt != "input" && atOwnSize(refs[k], images[k], out[k].Image) {
				expect[k] = out[k].Image
			}
		}
	} else {
		expect = r.padded(t, images)
		out, err = src.Tokenizer.Reconstruct(ctx, expect)
	}
	if err != nil {
		return nil, fmt.Errorf("tokenizer %s: %w", src.Name, err)
	}
	if err := tokenizers.Check(expect, out); err != nil {
		return nil, fmt.Errorf("tokenizer %s: %w", src.Name, err)
	}
	for k := range out {
		if m := &out[k].Image; out[k].Err == nil && refs != nil && expect[k].W*expect[k].H > images[k].W*images[k].H {
			*m = cropped(*m, images[k].W, images[k].H)
		}
	}
	return out, nil
}

// cropped is the part of a padded image that was there before.
func cropped(m pix.Image, w, h int) pix.Image { return m.Crop(image.Rect(0, 0, w, h)) }

// padded are images as tokenizer t takes them: at native size sides may be no multiples
// of what it needs, and their last columns and rows are repeated.
func (r *runner) padded(t int, images []pix.Image) []pix.Image {
	m := r.cfg.Tokenizers[t].Tokenizer.Info().MultipleOf
	var out []pix.Image
	for i, img := range images {
		p := pix.Pad(img, m)
		if out == nil && (p.W != img.W || p.H != img.H) {
			out = slices.Clone(images)
		}
		if out != nil {
			out[i] = p
		}
	}
	if out == nil {
		return images
	}
	return out
}

// enter waits until tokenizer t may be called; the returned function gives its
// place back.
func (r *runner) enter(ctx context.Context, t int) (func(), error) {
	leave := func() {}
	if lane := r.lanes[t]; lane != nil {
		select {
		case lane <- struct{}{}:
			leave = func() { <-lane }
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	if r.manifest.Tokenizers[t].Info.External {
		return leave, nil
	}
	release, err := r.acquire(ctx)
	if err != nil {
		leave()
		return nil, err
	}
	return func() { release(); leave() }, nil
}

// itemRecords are the records of an item that hold for all tokenizers.
func (r *runner) itemRecords(it *loaded) []record.Record {
	base := r.record(it)
	if it.err != nil {
		base.Error, base.Drop = it.err.Error(), metrics.DropLoad
		return []record.Record{base}
	}
	var out []record.Record
	if len(it.item.Notes) > 0 {
		rec := base
		for _, n := range it.item.Notes {
			rec.Notes = append(rec.Notes, string(n))
		}
		out = append(out, rec)
	}
	for _, c := range r.conditions {
		for _, l := range it.item.Lost {
			rec := base
			rec.Instance, rec.Condition, rec.Drop, rec.Detail = l.ID, c.String(), l.Reason, l.Where
			out = append(out, rec)
		}
		_, _, left := r.cfg.Suite.Sort(it.item, c.Resolution)
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

func (r *runner) record(it *loaded) record.Record {
	rec := record.Record{Suite: r.cfg.Suite.ID, Dataset: r.manifest.Datasets[it.source].Name, Item: it.id}
	if c := it.item.ClusterID(); c != it.id && c != "" {
		rec.Cluster = c
	}
	return rec
}
