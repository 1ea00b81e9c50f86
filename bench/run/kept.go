package run

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"slices"

	"github.com/vtbench/vtbench/bench/cache"
	"github.com/vtbench/vtbench/bench/identity"
	"github.com/vtbench/vtbench/bench/record"
	"github.com/vtbench/vtbench/bench/suite"
	"github.com/vtbench/vtbench/datasets"
	"github.com/vtbench/vtbench/internal/boundedjson"
	"github.com/vtbench/vtbench/metrics"
	"github.com/vtbench/vtbench/tokenizers"
)

// kept is what a run needs to take results from a cache, and to leave its own there.
type kept struct {
	cache *cache.Cache
	ids   *identity.Run
	// keys of what yields values, in the order of the configuration.
	metrics, observers, codes, sets []identity.Part
	look                            identity.Part
}

// openKept prepares the keys of the run; nil without a cache.
func (r *runner) openKept() *kept {
	if r.cfg.Cache == nil {
		return nil
	}
	var pairs [][]datasets.Pair
	for _, d := range r.cfg.Datasets {
		if p, ok := d.Data.(datasets.Paired); ok {
			pairs = append(pairs, p.Pairs())
		}
	}
	k := &kept{cache: r.cfg.Cache, ids: identity.Of(&r.manifest, pairs)}
	for _, m := range r.cfg.Metrics {
		k.metrics = append(k.metrics, k.ids.Part("metric", m.Specs(), r.cfg.Suite.Wants, m))
	}
	for _, o := range r.cfg.Observers {
		k.observers = append(k.observers, k.ids.Part("observer", o.Specs(), nil, o))
	}
	for _, c := range r.cfg.Codes {
		k.codes = append(k.codes, k.ids.Part("codes", c.Specs(), nil, c))
	}
	for _, s := range r.cfg.Sets {
		k.sets = append(k.sets, k.ids.Part("set", s.Specs, nil, s.Embedder))
	}
	k.look = k.ids.Part("look", nil, nil, nil)
	return k
}

// A part is what one metric says of one reconstruction, as it is kept.
type part struct {
	values []metrics.Value
	state  string
}

// sound reports whether a part may be kept: a failure may be gone the next time.
func (p part) sound() bool {
	return !slices.ContainsFunc(p.values, func(v metrics.Value) bool { return v.Err != "" })
}

// needs says what has to be computed for a cell.
type needs struct {
	pixels    bool // its reconstruction
	scoring   bool // some of its values
	originals bool // by a metric that has to see all originals first
	again     bool // tokens of the reconstruction encoded once more
	latents   bool
}

// everything is what a cell needs of which nothing is known.
var everything = needs{pixels: true, scoring: true, originals: true, again: true, latents: true}

var errMissing = errors.New("the value is not in the cache")

// part returns what is known of a part of a cell, or computes it.
func (c *cell) part(key identity.Key, n needs, compute func() (part, error)) (part, error) {
	if p, ok := c.known[key]; ok {
		return p, nil
	}
	if c.asking {
		c.needs.pixels, c.needs.scoring = true, true
		c.needs.originals = c.needs.originals || n.originals
		c.needs.again = c.needs.again || n.again
		c.needs.latents = c.needs.latents || n.latents
		return part{}, errMissing
	}
	p, err := compute()
	if err == nil && key.Known() && p.sound() {
		if c.fresh == nil {
			c.fresh = map[identity.Key]part{}
		}
		c.fresh[key] = p
	}
	return p, err
}

// value is key V of a part for the reconstruction rec of a cell.
func (r *runner) value(c *cell, rec identity.Key, of func(*kept) identity.Part, against func(*input) identity.Scored) identity.Key {
	if r.kept == nil || !rec.Known() {
		return identity.Key{}
	}
	return r.kept.ids.Value(rec, of(r.kept), against(c.in))
}

// What a cell is scored against.
func asShown(in *input) identity.Scored   { return in.shown }
func asLabels(in *input) identity.Scored  { return in.labelled }
func undamaged(in *input) identity.Scored { return in.unharmed }

// identify makes the keys of what reconstructions of an input are scored against.
func (r *runner) identify(in *input) {
	if r.kept == nil {
		return
	}
	in.given = identity.Pixels(in.img)
	a := identity.Against{Item: in.id, Original: in.loaded.pixelsKey(), Place: in.place, Instances: in.item.Instances}
	if in.item.Labels != nil {
		a.Classes = in.item.Labels.Classes
	}
	in.shown = r.kept.ids.Scored(a)
	a.Undamaged = true
	in.unharmed = r.kept.ids.Scored(a)
	a.Undamaged, a.Instances = false, r.placed(in)
	in.labelled = r.kept.ids.Scored(a)
}

// pixelsKey is the key of the original, made once for all conditions.
func (it *loaded) pixelsKey() identity.Key {
	it.mu.Lock()
	defer it.mu.Unlock()
	if !it.original.Known() {
		it.original = identity.Pixels(it.item.Image)
	}
	return it.original
}

// members are the cells of a batch that its tokenizer is given.
func (r *runner) members(b *batch) []int {
	var out []int
	for i, c := range b.cells {
		if c.in.err == nil && c.lost == nil && (b.clean == nil || !b.cond.DamagesTokens() || b.clean[i].in.err == nil) {
			out = append(out, i)
		}
	}
	return out
}

// name gives the cells of a batch their keys R.
func (r *runner) name(b *batch) {
	ids := r.kept.ids
	src := r.cfg.Tokenizers[b.tokenizer]
	if src.Name == suite.Original {
		for _, c := range b.cells {
			if c.in.err == nil {
				c.key, c.found = ids.Original(c.in.given, b.cond), true
			}
		}
		return
	}
	_, lookup := src.Tokenizer.(tokenizers.Lookup)
	var alone []identity.Key
	members := r.members(b)
	for _, i := range members {
		c := b.cells[i]
		switch {
		case b.cond.DamagesTokens():
			alone = append(alone, ids.Damaged(b.tokenizer, b.clean[i].key, b.cond, r.manifest.Datasets[c.in.source].Name, c.in.id))
		case lookup:
			ref := r.refTo(c.in)
			c.found = true
			alone = append(alone, ids.Reconstruction(b.tokenizer, c.in.given, b.cond, &ref))
		default:
			alone = append(alone, ids.Reconstruction(b.tokenizer, c.in.given, b.cond, nil))
		}
	}
	if b.clips {
		alone = ids.Together(b.tokenizer, b.film.clip.Rate, alone)
	} else {
		alone = ids.Batched(b.tokenizer, alone)
	}
	for k, key := range alone {
		b.cells[members[k]].key = key
	}
}

// apart reports whether the images of a batch may be given to its tokenizer in any batch.
func (r *runner) apart(b *batch) bool {
	src := r.cfg.Tokenizers[b.tokenizer]
	return src.Name == suite.Original || src.Tokenizer.Info().BatchInvariant && !b.clips
}

// ask takes from the cache what it has of a batch, and finds out what its cells need
// besides. Cells that need nothing have their output.
func (r *runner) ask(ctx context.Context, b *batch) error {
	if b.how.todo != nil {
		return r.foreseen(ctx, b)
	}
	if r.kept == nil {
		for _, c := range b.cells {
			c.needs = everything
		}
		return nil
	}
	r.name(b)
	if err := r.compute(ctx, len(b.cells), func(i int) {
		c := b.cells[i]
		if c.in.err != nil || !c.key.Known() {
			c.needs = everything
			return
		}
		c.known = r.kept.values(c)
		c.asking = true
		c.out = r.score(ctx, b, i)
		c.asking = false
		c.needs.pixels = c.needs.pixels || r.pictured(c) && (r.eager || !r.kept.drawable(c)) || b.film != nil && r.watched()
		c.lacksTokens = !c.needs.pixels
		if c.needs.pixels {
			c.out = itemOutput{}
			r.kept.reconstruction(c)
		}
	}); err != nil {
		return err
	}
	if r.apart(b) {
		return nil
	}
	// One that is wanted takes its whole batch along.
	var all needs
	for _, c := range b.cells {
		all.pixels = all.pixels || c.needs.pixels
		all.again = all.again || c.needs.again
		all.latents = all.latents || c.needs.latents
	}
	if !all.pixels {
		return nil
	}
	return r.compute(ctx, len(b.cells), func(i int) {
		c := b.cells[i]
		c.needs.again, c.needs.latents = all.again, all.latents
		if !c.needs.pixels {
			c.out, c.needs.pixels, c.lacksTokens = itemOutput{}, true, false
			r.kept.reconstruction(c)
		}
	})
}

// drawable reports whether pictures of a cell can wait until it is known which are shown.
func (k *kept) drawable(c *cell) bool {
	return c.found || k.cache.Has(cache.Reconstructions, c.key)
}

// pictured reports whether pixels of a cell are kept for the report.
func (r *runner) pictured(c *cell) bool {
	if r.keepsWhole(c.in, false) {
		return true
	}
	shown, _ := r.keeper.wanted(c.out.records)
	return slices.Contains(shown, true)
}

// wanting are the cells of a batch that need to be reconstructed: none, those whose
// reconstructions are not there, or all where a tokenizer must not see a part of a batch.
func (r *runner) wanting(b *batch) []int {
	var out []int
	for i, c := range b.cells {
		if c.needs.pixels && !c.taken {
			out = append(out, i)
		}
	}
	if len(out) > 0 && !r.apart(b) {
		out = out[:0]
		for i, c := range b.cells {
			c.taken = false
			out = append(out, i)
		}
	}
	return out
}

// remember brings back the tokens of clean cells of a batch that were taken from the cache
// without them, for damaged conditions that need them.
func (r *runner) remember(ctx context.Context, b *batch) error {
	if b.clean == nil || r.kept == nil && b.how.todo == nil || !b.cond.DamagesTokens() && (b.how.todo != nil || !r.comparesCodes()) {
		return nil
	}
	for i, c := range b.cells {
		if c.needs.pixels && b.clean[i].batch != nil {
			return r.recall(ctx, b.clean[i].batch)
		}
	}
	return nil
}

// recall reconstructs the cells of a batch whose tokens are not known, or takes them from
// the cache.
func (r *runner) recall(ctx context.Context, b *batch) error {
	select {
	case b.recalling <- struct{}{}:
		defer func() { <-b.recalling }()
	case <-ctx.Done():
		return ctx.Err()
	}
	var lost []*cell
	for _, c := range b.cells {
		if c.lacksTokens {
			lost = append(lost, c)
		}
	}
	if len(lost) == 0 {
		return nil
	}
	for _, c := range lost {
		c.needs.pixels, c.taken = true, false
		r.kept.reconstruction(c)
	}
	if err := r.reconstruct(ctx, b, r.wanting(b)); err != nil {
		return err
	}
	for _, c := range b.cells {
		if c.lacksTokens { // others may be read at this moment
			c.tokens, c.err, c.lacksTokens = c.result.Codes, c.result.Err, false
		}
		c.result, c.needs = result{}, needs{}
	}
	return nil
}

// keep leaves what was computed of a batch in the cache. Where results depend on the
// batch, one failure makes it another batch.
func (r *runner) keep(b *batch) {
	if r.kept == nil {
		return
	}
	if slices.ContainsFunc(b.cells, func(c *cell) bool { return c.err != nil || c.againErr != nil || c.result.latentErr != nil }) &&
		!r.apart(b) {
		for _, c := range b.cells {
			c.key, c.fresh = identity.Key{}, nil
		}
	}
}

// values are the parts of a cell that the cache has.
func (k *kept) values(c *cell) map[identity.Key]part {
	b, ok := k.cache.Get(cache.Values, k.ids.Cell(c.key, c.in.shown))
	if !ok {
		return nil
	}
	out, err := decodeParts(b)
	if err != nil {
		return nil // of a version with another form
	}
	return out
}

// mostParts bounds what lies together: values of other metrics and other versions gather.
const mostParts = 100

// store leaves the parts of a cell that were computed, beside those that were there.
func (k *kept) store(c *cell) {
	if len(c.fresh) == 0 || !c.key.Known() {
		return
	}
	all := c.known
	if all == nil || len(all)+len(c.fresh) > mostParts {
		all = c.fresh
	} else {
		for key, p := range c.fresh {
			all[key] = p
		}
	}
	if b, err := encodeParts(all); err == nil {
		k.cache.Put(cache.Values, k.ids.Cell(c.key, c.in.shown), b)
	}
}

// remarks takes what metric i said of the originals of an equal run.
func (k *kept) remarks(i int) (said []metrics.Remark, known bool) {
	if k == nil || !k.metrics[i].Known() {
		return nil, false
	}
	b, ok := k.cache.Get(cache.Values, identity.Remarks(k.metrics[i]))
	known = ok && boundedjson.Unmarshal(b, &said, boundedjson.Default) == nil
	return said, known
}

func (k *kept) storeRemarks(i int, said []metrics.Remark) {
	if k == nil || !k.metrics[i].Known() {
		return
	}
	if b, err := json.Marshal(said); err == nil {
		k.cache.Put(cache.Values, identity.Remarks(k.metrics[i]), b)
	}
}

// reconstruction takes the reconstruction of a cell from the cache.
func (k *kept) reconstruction(c *cell) {
	if k == nil || c.found || !c.key.Known() {
		return
	}
	b, ok := k.cache.Get(cache.Reconstructions, c.key)
	if !ok {
		return
	}
	rec, err := decodeReconstruction(b, c.in.img)
	if err != nil {
		return
	}
	c.result.Reconstruction, c.taken = rec, true
}

// storeReconstruction leaves the reconstruction of a cell.
func (k *kept) storeReconstruction(c *cell) {
	if c.taken || c.found || !c.key.Known() || c.result.Err != nil || k.cache.Has(cache.Reconstructions, c.key) {
		return
	}
	if b, err := encodeReconstruction(&c.result.Reconstruction, c.in.img); err == nil {
		k.cache.Put(cache.Reconstructions, c.key, b)
	}
}

// state is what a metric of sets keeps of a reference, from the cache or made by embed.
func (k *kept) state(reference identity.Key, p identity.Part, embed func() (string, error)) (string, error) {
	key := k.ids.State(reference, p)
	if key.Known() {
		if b, ok := k.cache.Get(cache.Values, key); ok {
			if all, err := decodeParts(b); err == nil {
				if p, ok := all[key]; ok {
					return p.state, nil
				}
			}
		}
	}
	s, err := embed()
	if err == nil && key.Known() {
		if b, err := encodeParts(map[identity.Key]part{key: {state: s}}); err == nil {
			k.cache.Put(cache.Values, key, b)
		}
	}
	return s, err
}

// keptPart is a part in a file.
type keptPart struct {
	Values []keptValue `json:"v,omitempty"`
	State  string      `json:"s,omitempty"`
}

// keptValue is a [metrics.Value] without failures; JSON has no infinities.
type keptValue struct {
	Metric   string         `json:"m"`
	Instance string         `json:"i,omitempty"`
	Value    *record.Number `json:"v,omitempty"`
	Note     string         `json:"x,omitempty"`
	N        float64        `json:"n,omitempty"`
	No       bool           `json:"w0,omitempty"` // weightless
	Drop     string         `json:"d,omitempty"`
	Detail   string         `json:"t,omitempty"`
	Warnings []string       `json:"w,omitempty"`
}

func encodeParts(parts map[identity.Key]part) ([]byte, error) {
	out := map[string]keptPart{}
	for k, p := range parts {
		kp := keptPart{State: p.state}
		for _, v := range p.values {
			kp.Values = append(kp.Values, keptValue{
				Metric: v.Metric, Instance: v.Instance, Value: record.Num(v.Value), Note: record.NoteOf(v.Value),
				N: v.N, No: v.Weightless, Drop: v.Drop, Detail: v.Detail, Warnings: v.Warnings,
			})
		}
		out[k.String()] = kp
	}
	b, err := json.Marshal(out)
	if err != nil {
		return nil, err
	}
	return packer.EncodeAll(b, nil), nil
}

func decodeParts(b []byte) (map[identity.Key]part, error) {
	b, err := unpacker.DecodeAll(b, nil)
	if err != nil {
		return nil, err
	}
	var in map[string]keptPart
	if err := boundedjson.Unmarshal(b, &in, boundedjson.Default); err != nil {
		return nil, err
	}
	out := map[identity.Key]part{}
	for name, kp := range in {
		k, err := identity.ParseKey(name)
		if err != nil {
			return nil, err
		}
		p := part{state: kp.State}
		for _, v := range kp.Values {
			r := record.Record{Value: v.Value, Note: v.Note}
			x, ok := r.Float()
			if !ok {
				x = math.NaN()
			}
			p.values = append(p.values, metrics.Value{
				Metric: v.Metric, Instance: v.Instance, Value: x, N: v.N, Weightless: v.No, Drop: v.Drop, Detail: v.Detail, Warnings: v.Warnings,
			})
		}
		out[k] = p
	}
	return out, nil
}
