// Package photos is the data set photos-default: natural photographs that anybody
// may use, from packages that any machine can install.
//
// Its opinion: a set of natural images for a default run must be free to use, the
// same for everyone, and more than crops of one camera; nineteen photographs of
// people, animals, things, buildings and landscapes are enough to rank tokenizers
// by pixel metrics under damage, and far too few for FID. No labels, so metrics of
// text and faces have nothing to say.
//
// Every photograph is there whole, its longer side reduced to 1024 pixels where it
// is larger, and large ones once more as a square cut from the middle at the
// camera's own resolution. Both are one cluster.
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

// ID is the name of the data set.
const ID = "photos-default"

// Version rises when the pixels change.
const Version = 1

const (
	maxSide    = 1024 // of a whole photograph
	detailSide = 768  // of a square at the camera's resolution
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
	{"brushes", "Picture_1A_by_freespace.jpg", false},
	{"summer-palace", "china.jpg", false},
	{"friends", "friends_by_Aitzol_Berasategi.jpg", true},
	{"dahlia", "flower.jpg", false},
	{"sunset", "sunset_by_Aitzol_Berasategi.jpg", true},
	{"coffee", "coffee.png", false},
	{"dragonfly", "Dragonfly_by_Bolly.jpg", true},
	{"rocket", "rocket.jpg", false},
	{"life", "life_by_Aitzol_Berasategi.jpg", true},
	{"wine", "Wine_by_Jakkub_Mede.jpg", true},
	{"bridge", "Bridge_by_Sander_Klootwijk.jpg", true},
	{"fig", "Picture_0B_by_freespace.jpg", true},
	{"seeding", "seeding_by_Clements_Engelhardt.jpg", true},
	{"free", "free_by_Peter_Nerlich.jpg", true},
	{"aitzgorri", "aitzgorri_by_Aitzol_Berasategi.jpg", true},
	{"greentock", "greentock_by_Peter_Nerlich.jpg", true},
}

const detailSuffix = "/detail"

// entry is an item: a photograph, whole or its middle.
type entry struct {
	photo  int
	detail bool
}

// Set is the data set.
type Set struct {
	entries []entry
	ids     []string
	paths   []string // by photograph
	info    datasets.Info
}

var (
	_ datasets.Dataset = (*Set)(nil)
	_ datasets.Stratum = (*Set)(nil)
)

// New finds the photographs. The error is a missing.Error when they were not fetched.
func New() (*Set, error) {
	s := &Set{}
	h := sha256.New()
	_, _ = fmt.Fprintf(h, "%s %d %d %d\n", ID, Version, maxSide, detailSide) // hashes do not fail
	var names []string
	for _, p := range photographs {
		names = append(names, p.file)
	}
	files, err := assets.Collect(names...)
	if err != nil {
		return nil, fmt.Errorf("opening %s: %w", ID, err)
	}
	s.paths = files.Paths
	for i, p := range photographs {
		_, _ = fmt.Fprintf(h, "%s %s %v\n", p.name, files.Digests[i], p.detail)
		s.entries, s.ids = append(s.entries, entry{i, false}), append(s.ids, p.name)
	}
	for i, p := range photographs {
		if p.detail {
			s.entries, s.ids = append(s.entries, entry{i, true}), append(s.ids, p.name+detailSuffix)
		}
	}
	s.info = datasets.Info{
		ID: ID, Version: Version, Digest: hex.EncodeToString(h.Sum(nil)),
		Title:   fmt.Sprintf("%d photographs and %d details of them", len(photographs), len(s.entries)-len(photographs)),
		Source:  "packages of PyPI and Debian; vtbench datasets verify lists them",
		Licence: files.Licences,
	}
	return s, nil
}

// Info implements datasets.Dataset.
func (s *Set) Info() datasets.Info { return s.info }

// IDs implements datasets.Dataset.
func (s *Set) IDs() []string { return s.ids }

// DefaultItems implements datasets.Stratum: the whole photographs.
func (s *Set) DefaultItems() int { return len(photographs) }

// Load implements datasets.Dataset.
func (s *Set) Load(ctx context.Context, i int) (datasets.Item, error) {
	if err := ctx.Err(); err != nil {
		return datasets.Item{}, err
	}
	if i < 0 || i >= len(s.entries) {
		return datasets.Item{}, fmt.Errorf("%s has no item %d", ID, i)
	}
	e := s.entries[i]
	img, err := pix.Load(s.paths[e.photo])
	if err != nil {
		return datasets.Item{}, err
	}
	if e.detail {
		x, y := (img.W-detailSide)/2, (img.H-detailSide)/2
		img = img.Crop(image.Rect(x, y, x+detailSide, y+detailSide))
	} else if side := max(img.W, img.H); side > maxSide {
		w, h := (img.W*maxSide+side/2)/side, (img.H*maxSide+side/2)/side
		if img, err = pix.Resize(img, w, h); err != nil {
			return datasets.Item{}, fmt.Errorf("loading %s: %w", s.ids[i], err)
		}
	}
	return datasets.Item{ID: s.ids[i], Cluster: photographs[e.photo].name, Image: img}, nil
}
