// Package streets is the data set streets-default: drawn label maps of street scenes, in
// the 19 classes and colours of Cityscapes.
//
// Its opinion: whether a tokenizer keeps a mask can be asked of masks that were never
// photographed. What matters is that they look like those of streets: large surfaces that
// meet at straight lines, thin poles, crowns with ragged outlines, objects that cover each
// other and shrink with distance until a head is a pixel. So a scene is laid out in metres
// and seen by a camera: a road between sidewalks, verges, fences, walls, houses and trees;
// cars parked and driving; people, riders and their bicycles; poles with signs and lights.
// One of truck, bus, train and motorcycle is in every scene, in turn, so that rare classes
// occur in a quarter of any prefix. What covers the bonnet of one's own car is void.
//
// All is drawn in integers: the same version gives the same labels on every machine.
//
//	set := streets.New()
//	item, err := set.Load(ctx, 0)   // item.Labels, and item.Image, which is it painted
package streets

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"

	"github.com/vtbench/vtbench/datasets"
	"github.com/vtbench/vtbench/datasets/internal/dice"
	"github.com/vtbench/vtbench/datasets/segmentation"
)

// ID is the name of the data set.
const ID = "streets-default"

// Version rises when labels change.
const Version = 1

// Side is the width and height of every scene.
const Side = 256

const (
	count        = 200
	defaultItems = 48
)

// Classes of Cityscapes, by the train ids of cityscapesScripts (labels.py).
const (
	road = iota
	sidewalk
	building
	wall
	fence
	pole
	light
	sign
	vegetation
	terrain
	sky
	person
	rider
	car
	truck
	bus
	train
	motorcycle
	bicycle
)

// classes are those of Cityscapes, in that order.
var classes = segmentation.CityscapesClasses()

// Set is the data set.
type Set struct {
	ids  []string
	info datasets.Info
}

var (
	_ datasets.Dataset = (*Set)(nil)
	_ datasets.Stratum = (*Set)(nil)
)

// New returns the set.
func New() *Set {
	s := &Set{}
	h := sha256.New()
	_, _ = fmt.Fprintln(h, ID, Version, Side, classes) // hashes do not fail
	for i := range count {
		s.ids = append(s.ids, fmt.Sprintf("street/%03d", i))
	}
	s.info = datasets.Info{
		ID: ID, Version: Version, Digest: hex.EncodeToString(h.Sum(nil)),
		Title:   fmt.Sprintf("%d label maps of street scenes, %d×%d", count, Side, Side),
		Source:  "drawn by vtbench; classes and colours of Cityscapes (Cordts et al. 2016)",
		Licence: "Apache-2.0",
	}
	return s
}

// Info implements datasets.Dataset.
func (s *Set) Info() datasets.Info { return s.info }

// IDs implements datasets.Dataset.
func (s *Set) IDs() []string { return s.ids }

// DefaultItems implements datasets.Stratum.
func (s *Set) DefaultItems() int { return defaultItems }

// Load implements datasets.Dataset.
func (s *Set) Load(ctx context.Context, i int) (datasets.Item, error) {
	if err := ctx.Err(); err != nil {
		return datasets.Item{}, err
	}
	if i < 0 || i >= len(s.ids) {
		return datasets.Item{}, fmt.Errorf("%s has no item %d", ID, i)
	}
	m := draw(dice.New(seed, uint64(i)), i)
	return datasets.Item{ID: s.ids[i], Image: m.Paint(), Labels: m}, nil
}

// seed of all scenes.
const seed = 0x57ee75
