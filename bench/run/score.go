package run

import (
	"context"
	"errors"
	"image"
	"slices"

	"github.com/vtbench/vtbench/bench/identity"
	"github.com/vtbench/vtbench/bench/record"
	"github.com/vtbench/vtbench/bench/suite"
	"github.com/vtbench/vtbench/bench/summary"
	"github.com/vtbench/vtbench/internal/guard"
	"github.com/vtbench/vtbench/internal/sanity"
	"github.com/vtbench/vtbench/metrics"
	"github.com/vtbench/vtbench/pix"
	"github.com/vtbench/vtbench/tokenizers"
)

// score makes the records of cell i of a batch: of its pixels and labels, of its
// tokens, and of what flipped in them.
func (r *runner) score(ctx context.Context, b *batch, i int) itemOutput {
	c := b.cells[i]
	base := r.base(b, c)
	out := r.measure(ctx, c, base)
	switch {
	case c.err != nil:
	case b.clean != nil:
		out.records = append(out.records, r.changes(c, base, b.tokenizer, b.clean[i])...)
	default:
		out.records = append(out.records, r.changes(c, base, b.tokenizer, nil)...)
	}
	return out
}

// base is what all records of a cell have in common.
func (r *runner) base(b *batch, c *cell) record.Record {
	base := r.record(c.in.loaded)
	base.Tokenizer, base.Condition = r.cfg.Tokenizers[b.tokenizer].Name, b.cond.String()
	return base
}

// measure makes the records of all metrics and observers for one reconstruction.
func (r *runner) measure(ctx context.Context, c *cell, base record.Record) itemOutput {
	var out itemOutput
	in, rec := c.in, &c.result
	if rec.Err == nil && rec.restored.Empty() && c.needs.scoring && !c.asking {
		rec.restored, rec.Err = r.restore(in, rec.Image)
	}
	r.look(&out, base, c)
	if rec.Err != nil {
		out.records = r.failed(base, in, r.manifest.Metrics, rec.Err)
		return out
	}
	against := base
	unharmed := in.cond
	unharmed.Against = suite.AgainstClean
	against.Condition = unharmed.String()
	for m := range r.cfg.Metrics {
		out.records = append(out.records, r.scored(ctx, base, c, m, false)...)
		if in.cond.DamagesImage() {
			out.records = append(out.records, r.scored(ctx, against, c, m, true)...)
		}
	}
	for o := range r.cfg.Observers {
		r.observe(&out, o, base, c)
	}
	for s := range r.cfg.Sets {
		r.embed(ctx, &out, s, base, c)
	}
	if c.frames > 0 {
		out.timings = []record.TimingLine{{
			Tokenizer: base.Tokenizer, Dataset: base.Dataset, Item: base.Item, Condition: base.Condition,
			EncodeNS: rec.Encode.Nanoseconds(), DecodeNS: rec.Decode.Nanoseconds(), Pixels: in.img.W * in.img.H * c.frames,
			Cached: c.asking || c.taken,
		}}
	}
	if r.tellsBoxes(base, in) {
		out.codes = append(out.codes, r.boxes(base, in))
	}
	if c.asking {
		return out // pictures need pixels
	}
	out.crops = r.pictures(c, base, out.records, func(worst bool) bool { return r.keepsWhole(in, worst) })
	return out
}

// pictures are what may be shown of a reconstruction: of the instances of records, and the
// whole where that says so, told whether one of them is among the worst.
func (r *runner) pictures(c *cell, base record.Record, records []record.Record, whole func(worst bool) bool) []crop {
	in, rec := c.in, &c.result
	w, h := in.place.W, in.place.H
	if r.cfg.Suite.ScoreAt == "input" {
		w, h = rec.Image.W, rec.Image.H
	}
	out, worst := r.keeper.crops(in, w, h, func(box image.Rectangle) pix.Image { return r.cut(c, box) }, records)
	if whole(worst) {
		out = append(out, r.wholes(base, in, rec.Image)...)
	}
	return out
}

// cut is a part of a reconstruction at the size of scoring. Where nothing is scored the
// whole of it need not be made.
func (r *runner) cut(c *cell, box image.Rectangle) pix.Image {
	switch {
	case !c.result.restored.Empty():
		return c.result.restored.Crop(box)
	case r.cfg.Suite.ScoreAt == "input":
		return c.result.Image.Crop(box)
	}
	img, err := c.in.place.RestoreBox(c.result.Image, box)
	if err != nil {
		return pix.Image{} // of another size: its values have failed, and there is nothing to show
	}
	return img
}

// look keeps what tells, over all images, whether something is wrong with the
// reconstructions of undamaged ones. Upper bounds are right by construction.
func (r *runner) look(out *itemOutput, base record.Record, c *cell) {
	in, rec := c.in, &c.result
	if t, _ := r.manifest.Token(base.Tokenizer); in.cond.Corruption != "" || t.Name == suite.Original || t.Info.Reference {
		return
	}
	got, err := c.part(r.value(c, c.key, func(k *kept) identity.Part { return k.look }, asShown), needs{}, func() (part, error) {
		var s sanity.Sums
		var size *tokenizers.SizeError
		switch {
		case errors.As(rec.Err, &size):
			s = sanity.OtherSize(size.WantW, size.WantH, size.W, size.H)
		case rec.Err != nil:
			return part{}, rec.Err
		case rec.Image.W == in.img.W && rec.Image.H == in.img.H:
			s = sanity.Look(in.img, rec.Image, in.place.Inside, max(rec.Bits, rec.FileBits)/int64(max(c.frames, 1)))
		default: // looked up, and scaled back already
			s = sanity.Look(in.item.Image, rec.Image, image.Rect(0, 0, rec.Image.W, rec.Image.H), max(rec.Bits, rec.FileBits))
		}
		return part{state: s.State()}, nil
	})
	if err != nil {
		return
	}
	out.codes = append(out.codes, record.CodeLine{
		Tokenizer: base.Tokenizer, Dataset: base.Dataset, Item: base.Item, Condition: base.Condition,
		Observer: summary.SanityID, State: got.state,
	})
}

// scored are the records of metric m, of pixels against what the tokenizer was shown or,
// under damage, what it was not; one that fails or panics costs its own values only.
func (r *runner) scored(ctx context.Context, base record.Record, c *cell, m int, unharmed bool) []record.Record {
	metric := r.cfg.Metrics[m]
	specs := metric.Specs()
	if !r.anyWanted(specs) || unharmed && specs[0].Labels {
		return nil
	}
	against := asShown
	switch {
	case specs[0].Labels:
		against = asLabels
	case unharmed:
		against = undamaged
	}
	_, looks := metric.(metrics.Enroller)
	got, err := c.part(r.value(c, c.key, func(k *kept) identity.Part { return k.metrics[m] }, against), needs{originals: looks}, func() (part, error) {
		p := c.in.scorers[m]
		if unharmed {
			p = c.in.clean[m]
		}
		if p.err != nil {
			return part{}, p.err
		}
		values, err := guard.Call("scoring "+specs[0].ID, func() ([]metrics.Value, error) { return p.Score(ctx, c.result.restored) })
		return part{values: values}, err
	})
	records := r.values(base, c.in, specs, got.values, err)
	if err == nil {
		records = append(records, r.withheld(base, c.in, specs, got.values)...)
	}
	return records
}

// observe adds what observer o says of the tokens of one reconstruction; one that fails or
// panics costs its own values only.
func (r *runner) observe(out *itemOutput, o int, base record.Record, c *cell) {
	if c.frames == 0 {
		return // its tokens are those of a frame before it
	}
	observer := r.cfg.Observers[o]
	image := slices.DeleteFunc(slices.Clone(observer.Specs()), func(s metrics.Spec) bool { return s.Scope == metrics.PerCorpus })
	latents := r.wantsLatents(observer)
	got, err := c.part(r.value(c, c.key, func(k *kept) identity.Part { return k.observers[o] }, asShown), needs{latents: latents}, func() (part, error) {
		return guard.Call("observing "+summary.ObserverID(observer), func() (got part, err error) {
			rec := &c.result
			seen := metrics.Observation{Codes: rec.Codes, Bits: rec.Bits, FileBits: rec.FileBits, Capacity: rec.Capacity, W: c.in.img.W, H: c.in.img.H, Frames: c.frames}
			if c.in.film != nil {
				seen.Rate = c.in.film.clip.Rate
			}
			if latents {
				if rec.latentErr != nil {
					return got, rec.latentErr
				}
				seen.Latent = rec.latent
			}
			got.values, got.state, err = observer.Observe(seen)
			return got, err
		})
	})
	out.records = append(out.records, r.values(base, c.in, image, got.values, err)...)
	if err != nil && len(image) == 0 {
		base.Metric, base.Error = summary.ObserverID(observer), err.Error()
		out.records = append(out.records, base)
	}
	if got.state != "" && err == nil {
		out.codes = append(out.codes, record.CodeLine{
			Tokenizer: base.Tokenizer, Dataset: base.Dataset, Item: base.Item, Condition: base.Condition,
			Observer: summary.ObserverID(observer), State: got.state,
		})
	}
}

// embed stores what a metric of sets keeps of one reconstruction. One that cannot be
// embedded, or whose reference cannot, is missing in the set and counted as failed.
func (r *runner) embed(ctx context.Context, out *itemOutput, s int, base record.Record, c *cell) {
	src := r.cfg.Sets[s]
	if !r.anyWanted(src.Specs) || c.in.film != nil && ofClips(src) {
		return
	}
	ref := c.in.references[s]
	state, err := ref.state, ref.err
	if err == nil && base.Tokenizer != suite.Original {
		var got part
		got, err = c.part(r.value(c, c.key, func(k *kept) identity.Part { return k.sets[s] }, asShown), needs{}, func() (part, error) {
			state, err := r.embedded(ctx, src, c.result.restored)
			return part{state: state}, err
		})
		state = got.state
	}
	if err != nil {
		out.records = append(out.records, r.failed(base, c.in, src.Specs, err)...)
		return
	}
	out.codes = append(out.codes, record.CodeLine{
		Tokenizer: base.Tokenizer, Dataset: base.Dataset, Item: base.Item, Condition: base.Condition,
		Observer: src.Specs[0].ID, State: state,
	})
}

func (r *runner) embedded(ctx context.Context, src metrics.OpenedSets, img pix.Image) (string, error) {
	return guard.Call("embedding for "+src.Specs[0].ID, func() (string, error) { return src.Embed(ctx, img) })
}

// values turns what a metric returned into records of the wanted specs.
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
		if r.wanted[v.Metric].Binned {
			rec.Bin = in.bin
		}
		if r.wanted[v.Metric].ByClass {
			rec.Bin = v.Instance
		}
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
		rec.Weightless = v.Weightless
		if v.N != 0 && v.N != 1 {
			rec.N = v.N
		}
		out = append(out, rec)
	}
	return out
}

// withheld are failures for wanted values of the whole image that a metric owes and did
// not yield: a value that is missing is counted, never a gap. Instances are left to the
// metric, which knows whether they are words, faces or nothing to it.
func (r *runner) withheld(base record.Record, in *input, specs []metrics.Spec, got []metrics.Value) []record.Record {
	var owed []metrics.Spec
	for _, s := range specs {
		if s.Scope == metrics.PerImage && !slices.ContainsFunc(got, func(v metrics.Value) bool { return v.Metric == s.ID }) {
			owed = append(owed, s)
		}
	}
	return r.failed(base, in, owed, errNoValue)
}

var errNoValue = errors.New("the metric yielded no value")

// failed makes one error record for every wanted value that is lost, so that the
// counts of every row add up.
func (r *runner) failed(base record.Record, in *input, specs []metrics.Spec, err error) []record.Record {
	var out []record.Record
	for _, s := range specs {
		if _, ok := r.wanted[s.ID]; !ok || s.Scope == metrics.PerCorpus || s.Scope.Timed() {
			continue
		}
		rec := base
		rec.Metric, rec.Error, rec.Again = s.ID, err.Error(), errors.Is(err, metrics.ErrAgain)
		if s.Scope != metrics.PerInstance || s.ByClass {
			if s.Binned {
				rec.Bin = in.bin
			}
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
