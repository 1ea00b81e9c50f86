package run

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/vtbench/vtbench/bench/record"
	"github.com/vtbench/vtbench/bench/suite"
	"github.com/vtbench/vtbench/datasets"
	"github.com/vtbench/vtbench/internal/guard"
	"github.com/vtbench/vtbench/metrics"
	"github.com/vtbench/vtbench/pix"
	"github.com/vtbench/vtbench/tokenizers"
)

// A film is a group of which the items are the frames of a clip, and what is remembered of
// it from window to window. Windows are done one after the other; within one, every row is
// used by one goroutine.
type film struct {
	r    *runner
	ctx  context.Context // of the whole clip: those of windows end with them
	clip datasets.Clip   // as far as it is in the plan
	rows []filmRow       // by tokenizer and condition
}

// filmRow is a clip through one tokenizer under one condition.
type filmRow struct {
	begun     bool
	sequences []metrics.Sequence // by temporal metric; nil where it is not wanted, or failed
	errs      []error            // by temporal metric: why it has no values any more
	next      int                // the frame that comes next
	base      record.Record      // of the last frame that came
	in        *input
}

// clipsOf lists the clips of a data set whose frames are items, checked; nil where it has none.
func clipsOf(d DatasetSource) ([]datasets.Clip, error) {
	c, ok := d.Data.(datasets.Clipped)
	if !ok {
		return nil, nil
	}
	clips, next := c.Clips(), 0
	for _, clip := range clips {
		if clip.First != next || clip.Frames < 1 {
			return nil, configErrorf("data set %s: clip %q has frames %d to %d where %d would be the next: this is a fault of the data set's program",
				d.Spec, clip.ID, clip.First, clip.First+clip.Frames-1, next)
		}
		next += clip.Frames
	}
	if n := len(d.Data.IDs()); n != next {
		return nil, configErrorf("data set %s: its clips have %d frames, and it has %d: this is a fault of the data set's program", d.Spec, next, n)
	}
	return clips, nil
}

// film begins to work on a group that is a clip; it is nil for a group of images.
func (r *runner) film(ctx context.Context, grp *group) *film {
	if grp.clip == nil {
		return nil
	}
	return &film{
		r: r, ctx: ctx, clip: *grp.clip,
		rows: make([]filmRow, len(r.cfg.Tokenizers)*len(r.conditions)),
	}
}

func (f *film) row(tokenizer, condition int) *filmRow {
	return &f.rows[tokenizer*len(f.r.conditions)+condition]
}

// close ends what is still going on; without a film it does nothing.
func (f *film) close() error {
	if f == nil {
		return nil
	}
	var errs []error
	for i := range f.rows {
		for m, s := range f.rows[i].sequences {
			if s != nil {
				errs = append(errs, s.Close())
				f.rows[i].sequences[m] = nil
			}
		}
	}
	return errors.Join(errs...)
}

// windows are the items of a group that are in memory at once: all of them, or so many
// frames as tokenizers are given of a film.
func (r *runner) windows(grp *group) [][]planned {
	if grp.clip == nil {
		return [][]planned{grp.items}
	}
	return slices.Collect(slices.Chunk(grp.items, r.cfg.Suite.Window))
}

// frame is the number of an item within its clip.
func (f *film) frame(it *loaded) int { return it.index - f.clip.First }

// edge reports whether tokenizers are given a window that begins with a frame.
func (f *film) edge(frame int) bool { return frame%f.r.cfg.Suite.Window == 0 }

// codesClips reports whether tokenizer t codes the frames of films together.
func (r *runner) codesClips(t int) bool {
	_, ok := r.cfg.Tokenizers[t].Tokenizer.(tokenizers.ClipTokenizer)
	return ok && r.cfg.Tokenizers[t].Name != suite.Original && r.cfg.Tokenizers[t].Tokenizer.Info().Clips != nil
}

// together marks the cells of a batch that a tokenizer codes as one: at the first of them
// stands how many frames its tokens are for. What is behind a frame that is missing is lost
// with it: that would be another film.
func (r *runner) together(b *batch) {
	b.clips = true
	var gap error
	usable := 0
	for k, c := range b.cells {
		c.frames = 0
		if k > 0 && c.in.index != b.cells[k-1].in.index+1 || k == 0 && !b.film.edge(b.film.frame(c.in.loaded)) {
			gap = fmt.Errorf("a frame of %s before this one is missing in its window", b.film.clip.ID)
		}
		if gap == nil && c.in.err != nil {
			gap = fmt.Errorf("frame %s before this one is missing in its window: %w", c.in.id, c.in.err)
			c.lost = c.in.err
			continue
		}
		if c.lost = gap; gap == nil {
			usable++
		}
	}
	info := r.cfg.Tokenizers[b.tokenizer].Tokenizer.Info().Clips
	for first := 0; first < usable; {
		n := info.AtOnce(usable - first)
		b.cells[first].frames = n
		first += n
	}
}

// clip gives a tokenizer frames that it codes together, in as many pieces as it wants. Codes,
// bits and times are in the result of the first frame of each piece.
func (r *runner) clip(ctx context.Context, b *batch, at []*cell, frames []pix.Image) (out []tokenizers.Reconstruction, err error) {
	src := r.cfg.Tokenizers[b.tokenizer]
	tok := src.Tokenizer.(tokenizers.ClipTokenizer)
	info := tok.Info()
	defer guard.Recover(&err, "tokenizer "+src.Name)
	release, err := r.enter(ctx, b.tokenizer)
	if err != nil {
		return nil, err
	}
	defer release()
	defer r.spent.in(tokenizing)()
	padded := r.padded(b.tokenizer, frames)
	for first := 0; first < len(frames); {
		n := at[first].frames
		if n < 1 || first+n > len(frames) {
			return nil, fmt.Errorf("tokenizer %s: the frames of a window are not all there", src.Name)
		}
		in := pix.Clip{Frames: slices.Clone(padded[first : first+n]), Rate: b.film.clip.Rate, Start: b.film.frame(at[first].in.loaded)}
		for len(in.Frames) < info.Clips.Frames(n) {
			in.Frames = append(in.Frames, in.Frames[n-1])
		}
		got, err := tok.ReconstructClip(ctx, in)
		if err == nil {
			err = tokenizers.CheckClip(in, &got)
		}
		if err != nil {
			return nil, fmt.Errorf("tokenizer %s: frames %d to %d of %s: %w", src.Name, in.Start, in.Start+n-1, b.film.clip.ID, err)
		}
		for k := range n {
			rec := tokenizers.Reconstruction{Image: got.Frames[k]}
			if k == 0 {
				rec.Codes, rec.Bits, rec.FileBits = got.Codes, got.Bits, got.FileBits
				rec.Capacity, rec.Encode, rec.Decode = got.Capacity, got.Encode, got.Decode
			}
			if w, h := frames[first+k].W, frames[first+k].H; rec.Image.W != w || rec.Image.H != h {
				rec.Image = cropped(rec.Image, w, h)
			}
			out = append(out, rec)
		}
		first += n
	}
	return out, nil
}

// watched reports whether metrics of a run look at frames in their order.
func (r *runner) watched() bool {
	return slices.ContainsFunc(r.cfg.Temporal, func(t metrics.Temporal) bool { return r.anyWanted(t.Specs()) }) ||
		slices.ContainsFunc(r.cfg.Sets, func(s metrics.OpenedSets) bool { return ofClips(s) && r.anyWanted(s.Specs) })
}

// ofClips reports whether a metric of sets looks at windows of films.
func ofClips(s metrics.OpenedSets) bool {
	_, ok := s.Embedder.(metrics.ClipEmbedder)
	return ok
}

// watch shows the frames of a window to the metrics that look at them in their order, after
// they were scored. Failures are records; the error says that the run has to stop.
func (r *runner) watch(ctx context.Context, b *batch) error {
	if !r.watched() || len(b.cells) == 0 {
		return nil
	}
	release, err := r.acquire(ctx)
	if err != nil {
		return err
	}
	defer release()
	defer r.spent.in(scoring)()
	row := b.film.row(b.tokenizer, b.condition)
	if row.sequences == nil {
		row.sequences = make([]metrics.Sequence, len(r.cfg.Temporal))
		row.errs = make([]error, len(r.cfg.Temporal))
	}
	for _, c := range b.cells {
		r.watchFrame(ctx, b, row, c)
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
	for s, src := range r.cfg.Sets {
		if ofClips(src) && r.anyWanted(src.Specs) {
			r.embedWindow(ctx, b, s)
		}
	}
	return ctx.Err()
}

// embedWindow stores what a metric of sets keeps of a window, with its first frame.
func (r *runner) embedWindow(ctx context.Context, b *batch, s int) {
	src, first := r.cfg.Sets[s], b.cells[0]
	base := r.base(b, first)
	ref := pix.Clip{Rate: b.film.clip.Rate, Start: b.film.frame(first.in.loaded)}
	got := ref
	for _, c := range b.cells {
		if err := c.result.Err; err != nil {
			first.out.records = append(first.out.records, r.failed(base, first.in, src.Specs, fmt.Errorf("frame %s is missing: %w", c.in.id, err))...)
			return
		}
		ref.Frames, got.Frames = append(ref.Frames, c.in.reference), append(got.Frames, c.result.restored)
	}
	embed := func(clip pix.Clip) (string, error) {
		return guard.Call("embedding for "+src.Specs[0].ID, func() (string, error) { return src.Embedder.(metrics.ClipEmbedder).EmbedClip(ctx, clip) })
	}
	it, cond := first.in.loaded, r.cfg.Suite.ReferenceOf(b.cond)
	it.mu.Lock()
	if it.references[cond] == nil {
		it.references[cond] = make([]embedding, len(r.cfg.Sets))
	}
	e := &it.references[cond][s]
	if e.state == "" && e.err == nil {
		e.state, e.err = embed(ref)
	}
	state, err := e.state, e.err
	it.mu.Unlock()
	if err == nil && base.Tokenizer != suite.Original {
		state, err = embed(got)
	}
	if err != nil {
		first.out.records = append(first.out.records, r.failed(base, first.in, src.Specs, err)...)
		return
	}
	first.out.codes = append(first.out.codes, record.CodeLine{
		Tokenizer: base.Tokenizer, Dataset: base.Dataset, Item: base.Item, Condition: base.Condition,
		Observer: src.Specs[0].ID, State: state,
	})
}

// watchFrame shows one frame to every metric.
func (r *runner) watchFrame(ctx context.Context, b *batch, row *filmRow, c *cell) {
	f := b.film
	frame := f.frame(c.in.loaded)
	var missing error
	if row.next != frame {
		missing = fmt.Errorf("frame %d of %s is missing", row.next, f.clip.ID)
	}
	row.next = frame + 1
	row.base, row.in = r.base(b, c), c.in
	if c.result.Err == nil && c.result.restored.Empty() {
		c.result.restored, c.result.Err = r.restore(c.in, c.result.Image)
	}
	if missing == nil && c.result.Err != nil {
		missing = fmt.Errorf("frame %d of %s is missing: %w", frame, f.clip.ID, c.result.Err)
	}
	shown := metrics.Frame{Index: frame, Edge: f.edge(frame), Ref: c.in.reference, Got: c.result.restored, Flow: c.in.item.Flow}
	if shown.Flow != nil && r.cfg.Suite.ScoreAt == "input" {
		shown.Flow = shown.Flow.Fit(c.in.place, c.in.img.W, c.in.img.H)
	}
	for m, metric := range r.cfg.Temporal {
		specs := metric.Specs()
		if !r.anyWanted(specs) {
			continue
		}
		if missing != nil && row.errs[m] == nil {
			row.errs[m] = missing
		}
		if !row.begun && row.errs[m] == nil {
			row.sequences[m], row.errs[m] = guard.Call("beginning "+specs[0].ID, func() (metrics.Sequence, error) {
				return metric.Begin(f.ctx, metrics.ClipInfo{ID: f.clip.ID, W: shown.Ref.W, H: shown.Ref.H, Frames: f.clip.Frames, Rate: f.clip.Rate})
			})
		}
		var values []metrics.Value
		if row.errs[m] == nil {
			values, row.errs[m] = guard.Call("scoring "+specs[0].ID, func() ([]metrics.Value, error) { return row.sequences[m].Next(ctx, shown) })
		}
		if frame > 0 {
			c.out.records = append(c.out.records, r.timedRecords(row, specs, metrics.PerStep, values, row.errs[m])...)
		}
	}
	row.begun = true
}

// timedRecords are those of the wanted specs of one scope. A value that is owed and missing
// is a failure.
func (r *runner) timedRecords(row *filmRow, specs []metrics.Spec, scope metrics.Scope, values []metrics.Value, err error) []record.Record {
	var out []record.Record
	for _, s := range specs {
		if _, ok := r.wanted[s.ID]; !ok || s.Scope != scope {
			continue
		}
		of := slices.DeleteFunc(slices.Clone(values), func(v metrics.Value) bool { return v.Metric != s.ID })
		why := err
		if why == nil && len(of) == 0 {
			why = errNoValue
		}
		if why == nil {
			out = append(out, r.values(row.base, row.in, []metrics.Spec{s}, of, nil)...)
			continue
		}
		rec := row.base
		rec.Metric, rec.Error, rec.Again = s.ID, why.Error(), errors.Is(why, metrics.ErrAgain)
		out = append(out, rec)
	}
	return out
}

// end makes the values of the clip as a whole, and of what was followed through it. They are
// with the last frame that could be loaded.
func (f *film) end(ctx context.Context, items []done) {
	if f == nil {
		return
	}
	r := f.r
	last := -1
	for i := range items {
		if !items[i].lost {
			last = i
		}
	}
	if last < 0 {
		return // counted as frames that could not be loaded
	}
	for t := range r.cfg.Tokenizers {
		for c, cond := range r.conditions {
			row := f.row(t, c)
			out := &items[last].by[t]
			for m, metric := range r.cfg.Temporal {
				specs := metric.Specs()
				if !r.anyWanted(specs) || row.in == nil {
					continue
				}
				err := row.errs[m]
				if err == nil && row.next != f.clip.Frames {
					err = fmt.Errorf("frame %d of %s is missing", row.next, f.clip.ID)
				}
				var values []metrics.Value
				if err == nil {
					values, err = guard.Call("scoring "+specs[0].ID, func() ([]metrics.Value, error) { return row.sequences[m].End(ctx) })
				}
				out.records = append(out.records, r.timedRecords(row, specs, metrics.PerClip, values, err)...)
			}
			for _, follower := range r.cfg.Followers {
				out.records = append(out.records, r.followed(follower, f, t, cond, items, last)...)
			}
		}
	}
}

// followed are the records of a follower for a clip through tokenizer t under a condition.
func (r *runner) followed(f metrics.Follower, film *film, t int, cond suite.Condition, items []done, last int) []record.Record {
	specs := f.Specs()
	if !r.anyWanted(specs) {
		return nil
	}
	of := r.wanted[f.Of()]
	perTrack := of.Scope == metrics.PerInstance
	type track struct {
		seen []metrics.Seen
		like record.Record // where the thing was seen last
	}
	tracks := map[string]*track{}
	var order []string
	condition := cond.String()
	for i := range items {
		for k := range items[i].by[t].records {
			rec := &items[i].by[t].records[k]
			if rec.Metric != of.ID || rec.Condition != condition {
				continue
			}
			tr := tracks[rec.Instance]
			if tr == nil {
				tr = &track{seen: make([]metrics.Seen, len(items))}
				tracks[rec.Instance] = tr
				order = append(order, rec.Instance)
			}
			tr.like = *rec
			v, known := rec.Float()
			tr.seen[i].Value, tr.seen[i].Known = v, known && rec.Drop == "" && rec.Error == ""
			tr.seen[i].Failed = rec.Error != ""
		}
	}
	var out []record.Record
	for _, id := range order {
		tr := tracks[id]
		for i := range tr.seen {
			tr.seen[i].Edge = film.edge(i)
			tr.seen[i].Failed = tr.seen[i].Failed || items[i].lost
		}
		base := record.Record{
			Tokenizer: tr.like.Tokenizer, Suite: tr.like.Suite, Dataset: tr.like.Dataset, Item: items[last].id,
			Cluster: tr.like.Cluster, Condition: condition,
		}
		if perTrack {
			base.Instance, base.Bin = tr.like.Instance, tr.like.Bin
		}
		values, err := guard.Call("scoring "+specs[0].ID, func() ([]metrics.Value, error) { return f.Follow(tr.seen) })
		for _, s := range specs {
			if _, ok := r.wanted[s.ID]; !ok {
				continue
			}
			rec, why := base, err
			rec.Metric = s.ID
			i := slices.IndexFunc(values, func(v metrics.Value) bool { return v.Metric == s.ID })
			if why == nil && i < 0 {
				why = errNoValue
			}
			switch {
			case why != nil:
				rec.Error = why.Error()
			case values[i].Err != "":
				rec.Error = values[i].Err
			default:
				v := values[i]
				rec.Value, rec.Note, rec.Drop, rec.Detail = record.Num(v.Value), record.NoteOf(v.Value), v.Drop, v.Detail
				if v.N != 0 && v.N != 1 {
					rec.N = v.N
				}
			}
			out = append(out, rec)
		}
	}
	return out
}

// maxShownFrames bounds the frames of a clip that a report plays.
const maxShownFrames = 64

// shownClips says which clip of each data set of films the report plays, by the index of its
// first frame: the worst by what picks worst cases, over all tokenizers and resolutions
// without damage. It depends on that clip's values alone, so that shards agree.
type shownClips struct {
	r    *runner
	sums map[[2]int]*[2]float64 // by data set and clip: sum, and number of values
	of   map[string]int         // data sets of films by name
}

func (r *runner) showClips() *shownClips {
	s := &shownClips{r: r, sums: map[[2]int]*[2]float64{}, of: map[string]int{}}
	for i, d := range r.manifest.Datasets {
		if len(d.Clips) > 0 {
			s.of[d.Name] = i
		}
	}
	return s
}

// add takes in a record.
func (s *shownClips) add(rec *record.Record) {
	d, ok := s.of[rec.Dataset]
	if !ok || rec.Tokenizer == suite.Original || damaged(rec.Condition) || !s.r.keeper.picks(rec.Dataset, rec.Metric) {
		return
	}
	v, reason := rec.Counted()
	clip := slices.IndexFunc(s.r.manifest.Datasets[d].Clips, func(c record.ClipEntry) bool { return c.ID == rec.Cluster })
	if reason != "" || clip < 0 {
		return
	}
	if s.r.keeper.worst[rec.Dataset].Better == metrics.Lower {
		v = -v
	}
	at := [2]int{d, clip}
	if s.sums[at] == nil {
		s.sums[at] = &[2]float64{}
	}
	s.sums[at][0] += v
	s.sums[at][1]++
}

// chosen are the clips to show, by data set.
func (s *shownClips) chosen() map[int]record.ClipEntry {
	out := map[int]record.ClipEntry{}
	for _, d := range s.of {
		best, lowest := -1, 0.0
		for i := range s.r.manifest.Datasets[d].Clips {
			if sum := s.sums[[2]int{d, i}]; sum != nil && (best < 0 || sum[0]/sum[1] < lowest) {
				best, lowest = i, sum[0]/sum[1]
			}
		}
		if best >= 0 {
			out[d] = s.r.manifest.Datasets[d].Clips[best]
		}
	}
	return out
}

// shows reports whether whole pictures of an item are shown because it is a frame of the
// clip that is played.
func (r *runner) shows(p planned) bool {
	c, ok := r.played[p.source]
	return ok && r.cfg.KeepImages != 0 && p.index >= c.First && p.index < c.First+min(c.Frames, maxShownFrames)
}

// plays reports whether frames through tokenizer t under a condition are shown. What is no
// frame that was measured is not: of a tokenizer that is not deterministic none can be drawn.
func (r *runner) plays(t int, c suite.Condition) bool {
	src := r.cfg.Tokenizers[t]
	return c == r.conditions[0] && (src.Name == suite.Original || r.manifest.Tokenizers[t].Info.Deterministic)
}
