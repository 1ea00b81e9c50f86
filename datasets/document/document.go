// Package document renders dense pages with exact labels: running text, two columns,
// tables, forms, formulas, captions, footnotes and code, in letters of 6 to 14 points.
//
// Its opinion: what a tokenizer does to a document is a question of the size of its
// letters, so every kind of page comes in every size and every line says which; and a
// label is a line or a cell as it was drawn, in the order in which a page is read.
//
//	set, err := document.New(document.Options{})
//	item, err := set.Load(ctx, 0)
//	for _, in := range item.Instances {
//		fmt.Println(in.Box, in.Text, in.Tags) // "paragraphs", "10pt", …
//	}
package document

import (
	"context"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"fmt"

	"github.com/vtbench/vtbench/datasets"
)

// Version of the set: it rises when the same seed yields other pixels or labels.
const Version = 1

// IDs of the sets with default options.
const (
	ID     = "document-default"
	ScanID = "document-scan"
)

// DefaultSeed is the seed of document-default.
const DefaultSeed = 20251127

// DefaultImages is the size of the whole set: every kind in every size five times.
const DefaultImages = 200

// Side is the width and height of every image: a part of a page of 4.3 inches.
const Side = 640

// resolution is that of the page in pixels an inch: an em of 10 points has 20.8 pixels.
const resolution = 150

// points are the sizes of letters.
var points = []int{6, 8, 10, 12, 14}

// Options choose a set.
type Options struct {
	Seed   uint64 // 0 is DefaultSeed
	Images int    // 0 is DefaultImages
	Scan   bool   // as a flatbed scanner sees the pages
}

// Set is the rendered set. It holds no images: each is drawn when loaded.
type Set struct {
	seed uint64
	scan bool
	ids  []string
	info datasets.Info
}

var (
	_ datasets.Dataset = (*Set)(nil)
	_ datasets.Stratum = (*Set)(nil)
)

//go:embed sentences.txt
var sentenceFile string

// New returns the set for the options.
func New(o Options) (*Set, error) {
	if o.Seed == 0 {
		o.Seed = DefaultSeed
	}
	if o.Images == 0 {
		o.Images = DefaultImages
	}
	if o.Images < 0 || o.Images > 100_000 {
		return nil, fmt.Errorf("rendered documents, %d images: want 1 to 100000", o.Images)
	}
	s := &Set{seed: o.Seed, scan: o.Scan, ids: make([]string, o.Images)}
	for i := range s.ids {
		s.ids[i] = fmt.Sprintf("%s/%s/%03d", kinds[i%len(kinds)].name, sizeTag(points[sizeOf(i)]), i)
	}
	id, what := ID, "Rendered documents"
	if o.Scan {
		id, what = ScanID, "Rendered documents, scanned"
	}
	h := sha256.New()
	fmt.Fprintf(h, "%s version %d seed %d images %d side %d resolution %d points %v\n", id, Version, o.Seed, o.Images, Side, resolution, points)
	fmt.Fprintf(h, "text %x\n", sha256.Sum256([]byte(sentenceFile)))
	for _, f := range faces() {
		fmt.Fprintf(h, "face %s %x\n", f.name, sha256.Sum256(f.file))
	}
	s.info = datasets.Info{
		ID: id, Version: Version, Digest: hex.EncodeToString(h.Sum(nil)),
		Title:   fmt.Sprintf("%s, %d images of %d×%d", what, o.Images, Side, Side),
		Source:  fmt.Sprintf("generated, seed %d", o.Seed),
		Licence: "Apache-2.0",
	}
	return s, nil
}

// sizeOf is the place of an item's size among points: kinds and sizes are crossed, so
// that any prefix has its share of both.
func sizeOf(i int) int { return (i + i/len(kinds)) % len(points) }

func sizeTag(pt int) string { return fmt.Sprintf("%dpt", pt) }

// Info implements [datasets.Dataset].
func (s *Set) Info() datasets.Info { return s.info }

// IDs implements [datasets.Dataset]: KIND/SIZE/NUMBER. Kinds take turns, and so do sizes.
func (s *Set) IDs() []string { return s.ids }

// DefaultItems implements [datasets.Stratum]: every kind once, and every size.
func (s *Set) DefaultItems() int { return min(len(kinds), len(s.ids)) }

// Load draws item i.
func (s *Set) Load(ctx context.Context, i int) (datasets.Item, error) {
	if i < 0 || i >= len(s.ids) {
		return datasets.Item{}, fmt.Errorf("rendered documents have no item %d: there are %d", i, len(s.ids))
	}
	if err := ctx.Err(); err != nil {
		return datasets.Item{}, err
	}
	p, err := compose(s.seed, i)
	if err != nil {
		return datasets.Item{}, fmt.Errorf("rendering %s: %w", s.ids[i], err)
	}
	if s.scan {
		p.scan()
	}
	return datasets.Item{ID: s.ids[i], Image: p.img, Instances: p.instances}, nil
}
