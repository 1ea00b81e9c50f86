// Package textgen renders the embedded text set: pictures full of words, lines,
// signs, receipts, tables and numbers with exact labels, made from a seed and
// needing no download.
//
// Its opinion: a benchmark of small text needs labels that are certain and sizes
// that are even. Both come from drawing the text oneself. Every text's size is
// aimed at one of the classes that TokBench's bins cut out (256, 512 and 1024
// pixels), so that a few dozen images fill all nine bins; and what is drawn is
// what an OCR engine reads without fault in the untouched image, so that an error
// in a reconstruction is the tokenizer's.
//
// The same seed gives the same pixels on every machine: outlines are rasterised
// in integers, floating point is kept from fusing, random numbers are PCG's.
//
//	set, err := textgen.New(textgen.Options{})
//	item, err := set.Load(ctx, 0)      // 1024², about 35 texts
//	fmt.Println(item.Instances[0].Text, item.Instances[0].Box)
//
// text-small ([NewSmall]) cuts one window out of every scene: a seventh of the pixels
// and texts, so that a suite with many conditions can afford many independent images.
package textgen

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"sync"

	"github.com/vtbench/vtbench/datasets"
)

// Version of the set: it rises when the same seed yields other pixels or labels.
const Version = 1

// IDs of the sets with default options.
const (
	ID      = "text-default"
	SmallID = "text-small"
)

// DefaultSeed is the seed of text-default.
const DefaultSeed = 20250607

// DefaultImages is the size of the whole set: twenty rounds of the twelve kinds
// of scene.
const DefaultImages = 240

// perBin is how many instances a default run wants in every bin of 256, 512 and
// 1024: 150 that a reader can read in the original, when it fails on 5 %.
const perBin = 158

// Options choose a set.
type Options struct {
	Seed   uint64 // 0 is DefaultSeed
	Images int    // 0 is DefaultImages
}

// Set is the rendered text set. It holds no images: each is drawn when loaded.
type Set struct {
	seed  uint64
	ids   []string
	info  datasets.Info
	small bool // windows, not whole scenes
	first func() int
}

var (
	_ datasets.Dataset = (*Set)(nil)
	_ datasets.Stratum = (*Set)(nil)
)

// New returns the set for the options.
func New(o Options) (*Set, error) {
	if o.Seed == 0 {
		o.Seed = DefaultSeed
	}
	if o.Images == 0 {
		o.Images = DefaultImages
	}
	if o.Images < 0 || o.Images > 100_000 {
		return nil, fmt.Errorf("rendered text set of %d images: want 1 to 100000", o.Images)
	}
	s := &Set{seed: o.Seed, ids: make([]string, o.Images)}
	for i := range s.ids {
		s.ids[i] = fmt.Sprintf("%s/%04d", kinds[i%len(kinds)].name, i)
	}
	digest, err := digestOf(o)
	if err != nil {
		return nil, err
	}
	s.info = datasets.Info{
		ID: ID, Version: Version, Digest: digest,
		Title:   fmt.Sprintf("Rendered text, %d images of %d×%d", o.Images, Side, Side),
		Source:  fmt.Sprintf("generated, seed %d", o.Seed),
		Licence: "Apache-2.0",
	}
	s.first = sync.OnceValue(s.defaultItems)
	return s, nil
}

// NewSmall returns the set of windows for the options.
func NewSmall(o Options) (*Set, error) {
	s, err := New(o)
	if err != nil {
		return nil, err
	}
	h := sha256.Sum256(fmt.Appendf(nil, "%s %s version %d side %d texts %d\n", s.info.Digest, SmallID, SmallVersion, windowSide, windowTexts))
	s.small = true
	s.info.ID, s.info.Version, s.info.Digest = SmallID, SmallVersion, hex.EncodeToString(h[:])
	s.info.Title = fmt.Sprintf("Rendered text, %d images of %d×%d", len(s.ids), windowSide, windowSide)
	s.first = func() int { return min(2*len(kinds), len(s.ids)) }
	return s, nil
}

// digestOf covers all that shapes pixels and labels: the code by its version,
// the rest by content.
func digestOf(o Options) (string, error) {
	h := sha256.New()
	fmt.Fprintf(h, "%s version %d seed %d images %d side %d\n", ID, Version, o.Seed, o.Images, Side)
	fmt.Fprintf(h, "edges %v aims %v\n", edges, aims)
	for _, k := range kinds {
		fmt.Fprintf(h, "kind %s %v\n", k.name, k.want)
	}
	for _, f := range faces() {
		fmt.Fprintf(h, "face %s %s %d bytes\n", f.Name, f.Class, len(f.ttf))
	}
	entries, err := fs.ReadDir(listFiles, "lists")
	if err != nil {
		return "", fmt.Errorf("reading the embedded texts: %w", err)
	}
	for _, e := range entries {
		b, err := listFiles.ReadFile("lists/" + e.Name())
		if err != nil {
			return "", fmt.Errorf("reading the embedded texts: %w", err)
		}
		fmt.Fprintf(h, "list %s %x\n", e.Name(), sha256.Sum256(b))
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// Info implements [datasets.Dataset].
func (s *Set) Info() datasets.Info { return s.info }

// IDs implements [datasets.Dataset]. The kinds of scene take turns, so that any
// prefix has its share of all.
func (s *Set) IDs() []string { return s.ids }

// Load draws item i.
func (s *Set) Load(ctx context.Context, i int) (datasets.Item, error) {
	if i < 0 || i >= len(s.ids) {
		return datasets.Item{}, fmt.Errorf("rendered text set has no item %d: it has %d", i, len(s.ids))
	}
	if err := ctx.Err(); err != nil {
		return datasets.Item{}, err
	}
	sc, err := compose(s.seed, i)
	if err != nil {
		return datasets.Item{}, fmt.Errorf("rendering %s: %w", s.ids[i], err)
	}
	it := datasets.Item{ID: s.ids[i], Image: sc.render(), Instances: sc.instances}
	if s.small {
		it = cutWindow(it)
	}
	return it, nil
}

// DefaultItems implements [datasets.Stratum]. For text-default it is the smallest prefix with enough instances in every bin of 256,
// 512 and 1024 to leave 150 after those that the reader cannot read in the
// original; all items where there are too few. It lays out that prefix once,
// some 50 ms, and draws nothing. For text-small it is two of every kind of scene.
func (s *Set) DefaultItems() int { return s.first() }

func (s *Set) defaultItems() int {
	var have [sizes]int
	for i := range s.ids {
		sc, err := compose(s.seed, i)
		if err != nil {
			continue // Load reports it
		}
		enough := true
		for c := range sizes {
			have[c] += sc.count[c]
			enough = enough && have[c] >= perBin
		}
		if enough {
			return i + 1
		}
	}
	return len(s.ids)
}

// A kind is one sort of scene: how it is laid out and how many texts of each
// size it is meant to hold.
type kind struct {
	name  string
	want  [sizes]int
	build func(*scene, variant)
}

// A variant numbers what should be evenly spread over the images of a kind.
type variant struct {
	round int // 0, 1, 2, … of this kind
}

// compose lays out item i.
func compose(seed uint64, i int) (*scene, error) {
	k := kinds[i%len(kinds)]
	s := &scene{rng: newRNG(seed, uint64(i)), seen: map[string]bool{}, want: k.want}
	k.build(s, variant{round: i / len(kinds)})
	if s.err != nil {
		return nil, s.err
	}
	return s, nil
}
