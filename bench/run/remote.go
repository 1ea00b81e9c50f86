package run

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"regexp"
	"slices"

	"github.com/vtbench/vtbench/bench/identity"
	"github.com/vtbench/vtbench/bench/record"
	"github.com/vtbench/vtbench/bench/suite"
)

// A Remote has the groups of a run done by other processes. The run itself plans, commits
// and summarises.
type Remote interface {
	// Begin hands out the work: groups in this order, each once a lane. arrived is told of
	// every unit that is done, once, in any order and before Result returns it.
	Begin(ctx context.Context, m *record.Manifest, lanes []Lane, groups []int, arrived func(Unit)) error
	// Result waits until a unit is done.
	Result(ctx context.Context, u Unit) (*Output, error)
	// Tell publishes how far the run is, and Workers are those who work on it.
	Tell(p record.Progress)
	Workers() []record.Worker
	// End forgets the work of the run, all of which is committed.
	End(ctx context.Context) error
}

// A Lane is a set of tokenizers, by name, that are given a group together.
type Lane []string

// A Unit is the work of one lane on one group of the plan.
type Unit struct {
	Lane  int `json:"lane"`
	Group int `json:"group"`
}

// Lanes are those of a run: tokenizers inside the program share one, since what concerns an
// original is then done once for all of them; each that runs outside has its own, so that
// who has its model loaded keeps to it.
func Lanes(m *record.Manifest) []Lane {
	var inside Lane
	var out []Lane
	for _, t := range m.Tokenizers {
		if t.Info.External {
			out = append(out, Lane{t.Name})
		} else {
			inside = append(inside, t.Name)
		}
	}
	if len(inside) == 0 {
		return out
	}
	return slices.Insert(out, 0, inside)
}

// Of is the manifest of a run with the tokenizers of a lane only.
func (l Lane) Of(m record.Manifest) record.Manifest {
	m.Tokenizers = slices.DeleteFunc(slices.Clone(m.Tokenizers), func(t record.TokenEntry) bool { return !slices.Contains(l, t.Name) })
	return m
}

// An Output is what a unit leaves behind.
type Output struct {
	Items    []ItemOutput `json:"items"`
	Pictures []Picture    `json:"pictures,omitempty"`
}

// An ItemOutput is the part of one item.
type ItemOutput struct {
	Lost    bool              `json:"lost,omitempty"` // it could not be loaded
	Records []record.Record   `json:"records,omitempty"`
	Codes   []record.CodeLine `json:"codes,omitempty"`
	// Cells are by tokenizer of the lane; none where the item is lost.
	Cells []CellsOutput `json:"cells,omitempty"`
}

// CellsOutput are the reconstructions of an item by a tokenizer, in the order of conditions.
type CellsOutput struct {
	Records []record.Record     `json:"records,omitempty"`
	Codes   []record.CodeLine   `json:"codes,omitempty"`
	Timings []record.TimingLine `json:"timings,omitempty"`
	Failed  int                 `json:"failed,omitempty"`
}

// A Picture is one that a report may show.
type Picture struct {
	Path string `json:"path"` // relative to the run directory, "/" separated
	PNG  []byte `json:"png"`
}

// handOut has groups done elsewhere.
func (r *runner) handOut(ctx context.Context, plan []*group) error {
	r.remote = Lanes(&r.manifest)
	items := map[int]int{}
	var numbers []int
	for _, grp := range plan {
		numbers = append(numbers, grp.number)
		items[grp.number] = len(grp.items)
	}
	// Long films first: one that comes last would be waited for. Of images nobody knows yet
	// what they cost, and they keep their order.
	slices.SortStableFunc(numbers, func(a, b int) int { return items[b] - items[a] })
	return r.cfg.Remote.Begin(ctx, &r.manifest, r.remote, numbers, func(u Unit) {
		n := items[u.Group] // 0 for what was committed before
		if n == 0 || u.Lane < 0 || u.Lane >= len(r.remote) {
			return
		}
		for t, src := range r.cfg.Tokenizers {
			if slices.Contains(r.remote[u.Lane], src.Name) {
				r.stepped(n * r.cellsOf(t))
				r.live.did(t, n*r.cellsOf(t), false, false)
			}
		}
	})
}

// fetch gets what the lanes made of a group. An item that one of them could not load is
// lost to all, so that every row counts the same items.
func (r *runner) fetch(ctx context.Context, grp *group) error {
	outs := make([]*Output, len(r.remote))
	for l := range r.remote {
		var err error
		if outs[l], err = r.cfg.Remote.Result(ctx, Unit{l, grp.number}); err != nil {
			return err
		}
		if err := r.fits(outs[l], r.remote[l], grp); err != nil {
			return fmt.Errorf("the result of a worker for group %d: %w", grp.number, err)
		}
	}
	grp.out = make([]itemOutput, len(grp.items))
	for i := range grp.items {
		out := &grp.out[i]
		from := slices.IndexFunc(outs, func(o *Output) bool { return o.Items[i].Lost })
		out.records = append(out.records, outs[max(from, 0)].Items[i].Records...)
		if from >= 0 {
			for t := range r.cfg.Tokenizers {
				r.live.failed(t, r.cellsOf(t))
			}
			continue
		}
		out.codes = append(out.codes, outs[0].Items[i].Codes...)
		for t, src := range r.cfg.Tokenizers {
			for l, lane := range r.remote {
				if at := slices.Index(lane, src.Name); at >= 0 {
					c := outs[l].Items[i].Cells[at]
					out.add(itemOutput{records: c.Records, codes: c.Codes, timings: c.Timings})
					r.live.failed(t, c.Failed)
				}
			}
		}
	}
	last := &grp.out[len(grp.out)-1]
	for _, o := range outs {
		for _, p := range o.Pictures {
			last.crops = append(last.crops, crop{path: p.Path, png: p.PNG})
		}
	}
	return nil
}

// picturePath is what pictures of a run are called.
var picturePath = regexp.MustCompile(`^` + record.ImagesDir + `/[a-z]-[0-9a-f]+\.png$`)

// UnmarshalJSON reads an output as it was: values that are no numbers, which JSON has as
// null, are there and not absent.
func (o *Output) UnmarshalJSON(b []byte) error {
	type plain Output
	if err := json.Unmarshal(b, (*plain)(o)); err != nil {
		return err
	}
	restore := func(records []record.Record) {
		for i := range records {
			if r := &records[i]; r.Value == nil && r.Note != "" {
				r.Value = record.Num(math.NaN())
			}
		}
	}
	for i := range o.Items {
		restore(o.Items[i].Records)
		for c := range o.Items[i].Cells {
			restore(o.Items[i].Cells[c].Records)
		}
	}
	return nil
}

// fits holds an output against what the plan has there.
func (r *runner) fits(o *Output, lane Lane, grp *group) error {
	if len(o.Items) != len(grp.items) {
		return fmt.Errorf("it has %d items, the plan has %d there", len(o.Items), len(grp.items))
	}
	for i := range o.Items {
		it := &o.Items[i]
		if !it.Lost && len(it.Cells) != len(lane) {
			return fmt.Errorf("item %s has results of %d tokenizers, not of %d", grp.items[i].id, len(it.Cells), len(lane))
		}
		of := func(records []record.Record, tokenizer string) error {
			for _, rec := range records {
				if rec.Item != grp.items[i].id || rec.Tokenizer != tokenizer || rec.Dataset != r.manifest.Datasets[grp.items[i].source].Name {
					return fmt.Errorf("a record is of %s by %q in the place of %s by %q", rec.Item, rec.Tokenizer, grp.items[i].id, tokenizer)
				}
			}
			return nil
		}
		if err := of(it.Records, ""); err != nil {
			return err
		}
		for t := range it.Cells {
			if err := of(it.Cells[t].Records, lane[t]); err != nil {
				return err
			}
		}
	}
	for _, p := range o.Pictures {
		if !picturePath.MatchString(p.Path) || !bytes.HasPrefix(p.PNG, []byte("\x89PNG")) {
			return fmt.Errorf("%q is no picture of a run", p.Path)
		}
	}
	return nil
}

// A Worker does units of a run whose directory another process writes.
type Worker struct {
	r      *runner
	groups map[int]*group
	begun  chan struct{} // held while what comes before the first unit is done
	ready  bool
}

// NewWorker prepares to work on the tokenizers of cfg for the run that whole describes. It
// refuses, with the fields and their values, where this process would measure something
// else: other data, versions, engines or processor. step is called whenever a cell is done.
func NewWorker(ctx context.Context, cfg Config, whole record.Manifest, step func()) (*Worker, error) {
	cfg.Progress, cfg.Shard = stepping{step: step}, Shard{}
	r, plan, err := newRunner(ctx, cfg)
	if err != nil {
		return nil, err
	}
	r.eager = true
	var lane Lane
	for _, t := range cfg.Tokenizers {
		lane = append(lane, t.Name)
	}
	theirs := lane.Of(whole)
	theirs.Shard = ""
	diff, err := identity.Differences(&theirs, &r.manifest)
	if err != nil {
		return nil, err
	}
	if len(diff) > 0 {
		return nil, configErrorf("the run is another one here than where it was begun: %s", identity.Strings(diff))
	}
	w := &Worker{r: r, groups: map[int]*group{}, begun: make(chan struct{}, 1)}
	for _, g := range plan {
		w.groups[g.number] = g
	}
	return w, nil
}

// stepping is a Progress that only counts.
type stepping struct {
	silent
	step func()
}

func (s stepping) Step(int) { s.step() }

// What is done about a unit that ended its workers.
const (
	Measured = ""     // it is measured
	Failed   = "fail" // its tokenizers are not called: their values are errors
	Lost     = "lost" // its items are not even loaded
)

// Splits reports whether the items of a unit may be done one by one.
func (w *Worker) Splits() bool {
	for _, g := range w.groups {
		if g.clip != nil {
			return false
		}
	}
	return !slices.ContainsFunc(w.r.cfg.Tokenizers, func(t TokenizerSource) bool {
		return t.Name != suite.Original && !t.Tokenizer.Info().BatchInvariant
	})
}

// Items is how many items each group has.
func (w *Worker) Items() map[int]int {
	out := make(map[int]int, len(w.groups))
	for n, g := range w.groups {
		out[n] = len(g.items)
	}
	return out
}

// Do does a group, or those of its items that only names by their place in it. as says
// whether it is measured or, because of why, given up. Failures are in the output; the
// error says that the worker has to stop.
func (w *Worker) Do(ctx context.Context, number int, only []int, as, why string) (*Output, error) {
	r := w.r
	whole := w.groups[number]
	if whole == nil {
		return nil, configErrorf("the run has no group %d", number)
	}
	grp := &group{number: number, items: whole.items, clip: whole.clip}
	if only != nil {
		grp.items = nil
		for _, i := range only {
			if i < 0 || i >= len(whole.items) {
				return nil, configErrorf("group %d has no item %d", number, i)
			}
			grp.items = append(grp.items, whole.items[i])
		}
	}
	if as == Measured {
		if err := w.begin(ctx); err != nil {
			return nil, err
		}
	}
	var given error
	if as != Measured {
		given = errors.New(why)
	}
	load := r.loadItems
	if as == Lost {
		load = func(_ context.Context, list []planned, f *film) ([]*loaded, error) {
			var items []*loaded
			for _, p := range list {
				it := newLoaded(p, f)
				it.err = given
				items = append(items, it)
			}
			return items, nil
		}
	}
	items, err := r.work(ctx, grp, load, packCrops, how{given: given})
	if err != nil {
		return nil, err
	}
	out := &Output{}
	seen := map[string]bool{}
	for _, it := range items {
		o := ItemOutput{Lost: it.lost, Records: it.records}
		if !it.lost {
			o.Codes = it.codes
			o.Cells = make([]CellsOutput, len(r.cfg.Tokenizers))
		}
		for t := range o.Cells {
			all := it.by[t]
			o.Cells[t] = CellsOutput{Records: all.records, Codes: all.codes, Timings: all.timings, Failed: it.failed[t]}
			for _, c := range all.crops {
				if seen[c.path] {
					continue
				}
				seen[c.path] = true
				packed, err := packCrops([]crop{c})
				if err != nil {
					return nil, err
				}
				out.Pictures = append(out.Pictures, Picture{c.path, packed[0].png})
			}
		}
		out.Items = append(out.Items, o)
	}
	return out, nil
}

// packCrops keeps pictures as PNG alone.
func packCrops(crops []crop) ([]crop, error) {
	for i, c := range crops {
		if c.png != nil {
			continue
		}
		var png bytes.Buffer
		if err := c.img.EncodePNG(&png); err != nil {
			return nil, err
		}
		crops[i] = crop{path: c.path, png: png.Bytes()}
	}
	return crops, nil
}

// begin does what comes before the first unit.
func (w *Worker) begin(ctx context.Context) error {
	select {
	case w.begun <- struct{}{}:
		defer func() { <-w.begun }()
	case <-ctx.Done():
		return ctx.Err()
	}
	if w.ready || w.r.kept != nil { // else when the first value turns out to be missing
		return nil
	}
	if err := w.r.enrol(ctx); err != nil {
		return err
	}
	if err := w.r.warm(ctx); err != nil {
		return err
	}
	w.ready = true
	return nil
}

// Accepted says that the run has taken an output: what later ones show competes with it.
func (w *Worker) Accepted(o *Output) {
	for _, it := range o.Items {
		for _, c := range it.Cells {
			for i := range c.Records {
				w.r.keeper.add(&c.Records[i])
			}
		}
	}
}
