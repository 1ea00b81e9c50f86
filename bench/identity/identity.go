// Package identity says when two reconstructions, two values or two runs are the same,
// and is the one place that knows.
//
// Its opinion: whatever can change a result stands in a key, and what is not known well
// enough to stand there makes the result one of its own kind, which is measured again.
// Key R is that of a reconstruction: tokenizer with its options, weights and code, the
// engine, the pixels it was given, the condition, the seed. Key V is that of values: R,
// the image and the labels they are scored against, how the suite scores, the versions of
// the metrics and of what computes them. The cache goes by keys; resuming and merging go
// by [Differences] of manifests, which hold what keys are made of. docs/identity.md lists
// it all, and a test changes each of it, one at a time.
package identity

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"

	"github.com/vtbench/vtbench/bench/record"
	"github.com/vtbench/vtbench/bench/suite"
	"github.com/vtbench/vtbench/datasets"
	"github.com/vtbench/vtbench/metrics"
	"github.com/vtbench/vtbench/pix"
	"github.com/vtbench/vtbench/tokenizers"
)

// A Key is what results are equal by. The zero Key is that of a result whose identity is
// not known: it equals nothing and must not be kept.
type Key [sha256.Size]byte

// String is the key in hex.
func (k Key) String() string { return hex.EncodeToString(k[:]) }

// MarshalText implements [encoding.TextMarshaler].
func (k Key) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

// Known reports whether the key says what a result is.
func (k Key) Known() bool { return k != Key{} }

// of is the key of a value of plain data, told apart by what it is.
func of(what string, v any) Key {
	b, err := json.Marshal(v)
	if err != nil {
		return Key{} // a number that JSON has no form for, from a data set
	}
	h := sha256.New()
	h.Write([]byte(what))
	h.Write([]byte{0})
	h.Write(b)
	return Key(h.Sum(nil))
}

// join is the key of what several keys say together; unknown where one of them is.
func join(what string, keys ...Key) Key {
	h := sha256.New()
	h.Write([]byte(what))
	h.Write([]byte{0})
	for _, k := range keys {
		if !k.Known() {
			return Key{}
		}
		h.Write(k[:])
	}
	return Key(h.Sum(nil))
}

// Pixels is the key of an image.
func Pixels(img pix.Image) Key {
	h := sha256.New()
	var size [16]byte
	binary.LittleEndian.PutUint64(size[:8], uint64(img.W))
	binary.LittleEndian.PutUint64(size[8:], uint64(img.H))
	h.Write(size[:])
	h.Write(img.Pix)
	return Key(h.Sum(nil))
}

// A Run makes the keys of one run.
type Run struct {
	seed       uint64
	engine     Key
	options    map[string]string
	scoreAt    string
	tokenizers []tokenizer
	set        Key // all originals of the run, of all shards
}

type tokenizer struct {
	key       Key
	label     string
	invariant bool
	why       string // it is never kept
}

// Of prepares the keys of the run that a manifest describes. pairs are the pairs of items
// that its data sets ask about.
func Of(m *record.Manifest, pairs [][]datasets.Pair) *Run {
	r := &Run{seed: m.Seed, engine: engine(m.Host), options: m.Suite.Options, scoreAt: m.Suite.ScoreAt}
	for _, t := range m.Tokenizers {
		r.tokenizers = append(r.tokenizers, tokenizer{
			key:   of("tokenizer", tokenizerOf(t)),
			label: t.Name, invariant: t.Info.BatchInvariant, why: Unkept(t.Info),
		})
	}
	type originals struct {
		Name string
		Info datasets.Info
		Took int
	}
	var set []originals
	known := true
	for _, d := range m.Datasets {
		set = append(set, originals{d.Name, d.Info, d.Planned})
		known = known && d.Info.Digest != ""
	}
	if known {
		r.set = of("originals", struct {
			Sets  []originals
			Pairs [][]datasets.Pair
		}{set, pairs})
	}
	return r
}

// engineOf is what of a machine and a program can change a result: the program, byte for
// byte, and the instructions that engines choose their code by.
type engineOf struct{ Build, Go, OS, Features string }

func engine(h record.Host) Key {
	if h.Build == "" {
		return Key{} // a program that cannot read itself
	}
	return of("engine", engineOf{h.Build, h.Go, h.OS, h.Features})
}

// tokenizerOf is what of a tokenizer can change a result: all that it says of itself but
// how it likes to be called, and not the label that the user gave it.
func tokenizerOf(t record.TokenEntry) record.TokenEntry {
	in := t.Info
	in.Concurrent, in.External, in.BatchSize, in.Reference = false, false, 0, false
	return record.TokenEntry{Kind: t.Kind, Options: t.Options, Info: in}
}

// Unkept says why results of a tokenizer are never taken for those of another run; ""
// where they are.
func Unkept(in tokenizers.Info) string {
	switch {
	case !in.Deterministic:
		return "it is not deterministic"
	case in.External && in.Weights == "":
		return "it states no digest of its weights"
	case in.External && in.Code == "":
		return "it states no digest of its code"
	}
	return ""
}

// Unkept says why results of tokenizer t are never taken from another run; "" where they
// are.
func (r *Run) Unkept(t int) string {
	if !r.engine.Known() {
		return "the program cannot tell which build it is"
	}
	return r.tokenizers[t].why
}

// Original is key R of an image that no tokenizer touched.
func (r *Run) Original(given Key, c suite.Condition) Key {
	return join("original", r.engine, given, of("condition", c))
}

// Reconstruction is key R of what tokenizer t makes of an image under a condition; ref
// names the image to a tokenizer that looks its results up, and is nil for all others.
// Where results depend on the batch, see [Run.Batched].
func (r *Run) Reconstruction(t int, given Key, c suite.Condition, ref *tokenizers.ItemRef) Key {
	if r.Unkept(t) != "" {
		return Key{}
	}
	return join("reconstruction", r.engine, r.tokenizers[t].key, given, of("asked", struct {
		Condition suite.Condition
		Seed      uint64
		Ref       *tokenizers.ItemRef
	}{c, r.seed, ref}))
}

// Damaged is key R of what tokenizer t decodes from damaged tokens of a clean
// reconstruction. Which tokens are hit depends on the names, too.
func (r *Run) Damaged(t int, clean Key, c suite.Condition, dataset, item string) Key {
	return join("damaged", clean, of("damage", struct {
		Condition            suite.Condition
		Seed                 uint64
		Dataset, Item, Label string
	}{c, r.seed, dataset, item, r.tokenizers[t].label}))
}

// Batched makes the keys R of a batch from those that its images would have alone: the
// same for a tokenizer that is declared invariant, else bound to the whole batch and the
// place in it.
func (r *Run) Batched(t int, alone []Key) []Key {
	if r.tokenizers[t].invariant {
		return alone
	}
	return bound(join("batch", alone...), len(alone))
}

// Together makes the keys R of frames that are coded as one, so many a second, from those
// that they would have alone.
func (r *Run) Together(t int, rate float64, alone []Key) []Key {
	if r.Unkept(t) != "" {
		return alone
	}
	return bound(join("clip", join("frames", alone...), of("rate", rate)), len(alone))
}

// bound are keys for n places of a batch.
func bound(batch Key, n int) []Key {
	out := make([]Key, n)
	for i := range out {
		out[i] = join("place", batch, of("place", i))
	}
	return out
}

// A Part is the key of what yields values together: one metric of the registry, an
// observer, a comparison of codes.
type Part struct{ key Key }

// specOf is what of a spec can change a value; the rest is how it is shown.
type specOf struct {
	ID      string
	Version int
	Scope   metrics.Scope
	Labels  bool
	Wanted  bool // a metric may leave out what nobody asks for
}

// Part is the key of specs that one pass yields, with those that were asked for where the
// pass may depend on that; wanted is nil where it does not. by is what computes them, asked
// for its provenance and whether it looks at all originals of the run first.
func (r *Run) Part(kind string, specs []metrics.Spec, wanted func(id string) bool, by any) Part {
	var list []specOf
	for _, s := range specs {
		list = append(list, specOf{s.ID, s.Version, s.Scope, s.Labels, wanted == nil || wanted(s.ID)})
	}
	var engine map[string]string
	if p, ok := by.(metrics.Provenance); ok {
		engine = p.Provenance()
	}
	keys := []Key{r.engine, of("metric", struct {
		Kind    string
		Specs   []specOf
		Engine  map[string]string
		Options map[string]string
	}{kind, list, engine, r.options})}
	if _, ok := by.(metrics.Enroller); ok {
		keys = append(keys, r.set)
	}
	return Part{join("part", keys...)}
}

// Known reports whether values of the part may be taken from other runs.
func (p Part) Known() bool { return p.key.Known() }

// Remarks is the key of what a part that looks at all originals says of them.
func Remarks(p Part) Key { return join("remarks", p.key) }

// A Scored is the key of what a reconstruction is scored against.
type Scored struct{ key Key }

// Against describes what a reconstruction is scored against.
type Against struct {
	Item      string        // as the metric is told
	Original  Key           // pixels of the item
	Place     pix.Placement // of the item in the square that the tokenizer saw
	Undamaged bool          // scored against the undamaged image where the tokenizer saw another
	Instances []datasets.Instance
	Classes   []datasets.Class `json:",omitempty"` // of a mask; the pixels say where they are
}

// Scored is the key of what a reconstruction is scored against, at the size that the suite
// asks for.
func (r *Run) Scored(a Against) Scored {
	return Scored{of("scored", struct {
		Against
		ScoreAt string
	}{a, r.scoreAt})}
}

// Value is key V of the values of a part for the reconstruction of key rec.
func (r *Run) Value(rec Key, p Part, s Scored) Key { return join("value", rec, p.key, s.key) }

// State is key V of what a metric of sets keeps of a reference.
func (r *Run) State(reference Key, p Part) Key { return join("state", reference, p.key) }

// Cell is the key under which the values of one reconstruction lie together.
func (r *Run) Cell(rec Key, s Scored) Key { return join("cell", rec, s.key) }

// Changed is key R of what compares two reconstructions of one tokenizer.
func Changed(clean, damaged Key) Key { return join("changed", clean, damaged) }

// ParseKey reads what String wrote.
func ParseKey(s string) (k Key, err error) {
	if len(s) != hex.EncodedLen(len(k)) {
		return k, hex.ErrLength
	}
	_, err = hex.Decode(k[:], []byte(s))
	return k, err
}
