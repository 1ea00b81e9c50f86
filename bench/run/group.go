package run

import (
	"context"
	"fmt"
	"image"
	"math"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/vtbench/vtbench/bench/record"
	"github.com/vtbench/vtbench/bench/suite"
	"github.com/vtbench/vtbench/bench/summary"
	"github.com/vtbench/vtbench/datasets"
	"github.com/vtbench/vtbench/internal/guard"
	"github.com/vtbench/vtbench/metrics"
	"github.com/vtbench/vtbench/pix"
	"github.com/vtbench/vtbench/tokenizers"
)

// scaled maps an instance by x·sx+dx, y·sy+dy; its scale relative to the image
// stays what it is in the original.
func scaled(in datasets.Instance, sx, sy float64, d image.Point) datasets.Instance {
	at := func(p datasets.Point) datasets.Point {
		return datasets.Point{X: p.X*sx + float64(d.X), Y: p.Y*sy + float64(d.Y)}
	}
	points := func(ps []datasets.Point) []datasets.Point {
		out := make([]datasets.Point, len(ps))
		for i, p := range ps {
			out[i] = at(p)
		}
		return out
	}
	lo := at(datasets.Point{X: float64(in.Box.Min.X), Y: float64(in.Box.Min.Y)})
	hi := at(datasets.Point{X: float64(in.Box.Max.X), Y: float64(in.Box.Max.Y)})
	in.Box = image.Rect(int(math.Floor(lo.X)), int(math.Floor(lo.Y)), int(math.Ceil(hi.X)), int(math.Ceil(hi.Y)))
	if in.Quad != nil {
		in.Quad = points(in.Quad)
	}
	if in.Points != nil {
		in.Points = points(in.Points)
	}
	return in
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
	// Clean conditions go first: damaged ones start from their tokens.
	for _, clean := range []bool{true, false} {
		jobs, ctx := errgroup.WithContext(ctx)
		jobs.SetLimit(2) // bounds memory; more conditions at once would not be faster
		for c := range r.conditions {
			if (r.conditions[c].Corruption == "") == clean {
				jobs.Go(func() error { return r.condition(ctx, items, c, cells) })
			}
		}
		if err := jobs.Wait(); err != nil {
			return err
		}
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
	defer guard.Recover(&err, "loading "+p.id)
	item, err = r.cfg.Datasets[p.source].Data.Load(ctx, p.index)
	if err != nil {
		return item, err
	}
	if err := item.Image.Validate(); err != nil {
		return item, fmt.Errorf("loading %s: %w", p.id, err)
	}
	return item, nil
}

// itemRecords are the records of an item that hold for all tokenizers.
func (r *runner) itemRecords(it *loaded) []record.Record {
	base := r.record(it)
	if it.err != nil {
		base.Error, base.Drop = it.err.Error(), metrics.DropLoad
		return []record.Record{base}
	}
	var out []record.Record
	for _, c := range r.conditions {
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

// input is an item under one condition.
type input struct {
	*loaded
	cond      suite.Condition
	img       pix.Image     // what the tokenizer is given
	place     pix.Placement // how it got there
	reference pix.Image     // what reconstructions are compared with
	undamaged pix.Image     // the same without the damage of the condition
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
	cond := r.conditions[c]
	clean := -1 // where the same items are undamaged; -1 here
	if cond.Corruption != "" {
		clean = slices.Index(r.conditions, suite.Condition{Resolution: cond.Resolution})
	}
	var tg errgroup.Group
	for t := range r.cfg.Tokenizers {
		if cond.DamagesTokens() && !damages(r.cfg.Tokenizers[t].Tokenizer, cond.Corruption) {
			continue
		}
		tg.Go(func() error {
			before := make([]*tokenizers.Codes, len(inputs))
			failures := make([]error, len(inputs))
			if clean >= 0 {
				for i := range inputs {
					before[i], failures[i] = cells[i][t][clean].tokens, cells[i][t][clean].err
				}
			}
			var recs []result
			var err error
			if cond.DamagesTokens() {
				recs, err = r.damaged(ctx, t, inputs, before, failures)
			} else {
				recs, err = r.reconstruct(ctx, t, inputs)
			}
			if err != nil {
				return err
			}
			again := make([]*tokenizers.Codes, len(inputs))
			floorErrs := make([]error, len(inputs))
			if clean < 0 {
				if again, floorErrs, err = r.floor(ctx, t, inputs, recs); err != nil {
					return err
				}
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
					out := r.score(ctx, t, in, recs[i])
					base := r.record(in.loaded)
					base.Tokenizer, base.Condition = r.cfg.Tokenizers[t].Name, cond.String()
					switch {
					case clean >= 0 && recs[i].Err == nil:
						out.records = append(out.records, r.flips(base, t, before[i], recs[i].Codes)...)
					case clean < 0:
						out.tokens, out.err = recs[i].Codes, recs[i].Err
						if floorErrs[i] != nil {
							base.Metric, base.Error = summary.TokenFlip, floorErrs[i].Error()
							out.records = append(out.records, base)
						} else if recs[i].Err == nil {
							out.records = append(out.records, r.flips(base, t, recs[i].Codes, again[i])...)
						}
					}
					cells[i][t][c] = out
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
	defer guard.Recover(&err, "preparing "+in.id+" for "+in.cond.String())
	img, place, err := pix.Fit(in.item.Image, in.cond.Resolution)
	if err != nil {
		return err
	}
	in.img, in.place = img, place
	in.instances, in.bins, _ = r.cfg.Suite.Sort(in.item, in.cond.Resolution)
	if in.cond.DamagesImage() {
		key := r.manifest.Datasets[in.source].Name + "/" + in.id
		if in.img, err = r.cfg.Corrupt(img, in.cond.Corruption, in.cond.Severity, key); err != nil {
			return fmt.Errorf("corrupting %s: %w", in.id, err)
		}
	}
	clean := in.item.Image
	if r.cfg.Suite.ScoreAt == "input" {
		clean = img
	}
	in.reference, in.undamaged = clean, clean
	if in.cond.DamagesImage() {
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
	if in.cond.DamagesImage() {
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
		if in.cond.DamagesImage() {
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
	return slices.ContainsFunc(specs, func(s metrics.Spec) bool { return r.cfg.Suite.Wants(s.ID) })
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
		case r.cfg.Tokenizers[t].Name == suite.Original:
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
	defer guard.Recover(&err, "tokenizer "+src.Name)
	release, err := r.enter(ctx, t)
	if err != nil {
		return nil, err
	}
	defer release()
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
			c.Against = suite.AgainstClean
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
			out.codes = append(out.codes, record.CodeLine{
				Tokenizer: base.Tokenizer, Dataset: base.Dataset, Item: base.Item, Condition: base.Condition,
				Observer: summary.ObserverID(o), State: state,
			})
		}
	}
	out.timings = []record.TimingLine{{
		Tokenizer: base.Tokenizer, Dataset: base.Dataset, Item: base.Item, Condition: base.Condition,
		EncodeNS: rec.Encode.Nanoseconds(), DecodeNS: rec.Decode.Nanoseconds(), Pixels: in.img.W * in.img.H,
	}}
	out.crops = r.keeper.crops(in, rec.restored, out.records)
	if in.index < r.cfg.KeepImages && in.cond.Corruption == "" {
		out.crops = append(out.crops, crop{wholePath(base.Dataset, base.Item, base.Condition, base.Tokenizer), rec.Image})
		if heat, ok := r.heat(in.img, rec.Image); ok && base.Tokenizer != suite.Original {
			out.crops = append(out.crops, crop{heatPath(base.Dataset, base.Item, base.Condition, base.Tokenizer), heat})
		}
	}
	return out
}

// callScorer scores; a metric that panics costs its own values only.
func callScorer(ctx context.Context, id string, s metrics.Scorer, got pix.Image) (v []metrics.Value, err error) {
	defer guard.Recover(&err, "scoring "+id)
	return s.Score(ctx, got)
}

// values turns what a metric returned into records of the wanted specs. A wanted
// value that is missing is a failure, not a gap.
func (r *runner) values(base record.Record, in *input, specs []metrics.Spec, values []metrics.Value, err error) []record.Record {
	if err != nil {
		return r.failed(base, in, specs, err)
	}
	labels := map[string]string{}
	for _, inst := range in.instances {
		labels[inst.ID] = inst.Text
	}
	var out []record.Record
	for _, v := range values {
		if _, ok := r.wanted[v.Metric]; !ok {
			continue
		}
		rec := base
		rec.Metric, rec.Instance, rec.Bin = v.Metric, v.Instance, in.bins[v.Instance]
		rec.Drop, rec.Detail = v.Drop, v.Detail
		if v.Detail != "" || v.Instance != "" && r.keeper.picks(base.Dataset, v.Metric) {
			rec.Expected = labels[v.Instance]
		}
		if v.Err != "" {
			rec.Error, rec.Drop = v.Err, ""
			out = append(out, rec)
			continue
		}
		rec.Value = record.Num(v.Value)
		rec.Note = record.NoteOf(v.Value)
		if v.N != 0 && v.N != 1 {
			rec.N = v.N
		}
		out = append(out, rec)
	}
	return out
}

// failed makes one error record for every wanted value that is lost, so that the
// counts of every row add up.
func (r *runner) failed(base record.Record, in *input, specs []metrics.Spec, err error) []record.Record {
	var out []record.Record
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
