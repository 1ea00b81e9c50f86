// Package faces reads data sets of faces in the layouts in which people have
// them: WFLW, key points in COCO's JSON (300W, COFW, AFLW), LFW, CelebA and
// CelebA-HQ, FFHQ, and TokBench.
//
// Its opinion: whatever the source marks, 5 points or 98, becomes the same five,
// since those align a face; what they are made of is written in [Scheme]. A box that
// nobody drew says so in its tags.
//
// What is wrong in annotations is named by file and line (or element) and costs what it
// is about. A line or element that cannot be read is an item that fails, as is an image
// that is missing, cannot be decoded, has another size than its annotation says, or of
// which the only label cannot be read; one bad face among those of an image is a
// [datasets.LostLabel]. Of a file the first 100 faults are items, the others are counted
// in one more, and after 100,000 a list is read no further: a file of anything else does
// not become a data set. Items that stand for faults come behind the images. Only
// annotations of which nothing can be read fail the data set.
//
//	ds, err := faces.OpenWFLW(ctx, "WFLW")
//	item, err := ds.Load(ctx, 0)
//	for _, in := range item.Instances {
//		fmt.Println(in.Box, in.Points[faces.NoseTip], in.Scale)
//	}
//
// An instance has its box, clipped to the image; its five points or none, in the
// order of [LeftEye] to [RightMouth]; who it is, where the source says so; its size
// relative to the image (the longer side of its box over the longer side of the
// image, or what the source states); and tags. A face with neither points nor a
// name has an identity of its own, so that it counts as a face: points are then
// left to a detector. Coordinates are taken as the source has them.
//
// Names in annotations are paths below the folder: one that leads out of it is an
// error. Links in the folder are followed, since its owner put them there.
package faces

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"image"
	"math"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/vtbench/vtbench/datasets"
	"github.com/vtbench/vtbench/internal/files"
	"github.com/vtbench/vtbench/pix"
)

// Version of the loaders: it rises when the same files yield other labels.
const Version = 1

// Tags that tell how a box came about that the source does not state.
const (
	TagBoxFromPoints    = "box-from-points"    // drawn around the key points
	TagBoxFromAlignment = "box-from-alignment" // where the source's cropping puts faces
	TagBoxIsImage       = "box-is-image"       // nothing is known: the whole image
)

// TagOccluded marks a face of whose five points one or more are hidden.
const TagOccluded = "occluded"

// Set is a data set of faces of any of the layouts.
type Set struct {
	dir     string // images are below
	entries []entry
	ids     []string
	decode  pix.Options
	leftOut files.Omissions
	info    func() datasets.Info
}

// LeftOut implements [datasets.Listed]; it is empty where annotations list the
// images.
func (s *Set) LeftOut() files.Omissions { return s.leftOut }

var _ datasets.Dataset = (*Set)(nil)

// An entry is an image and its faces.
type entry struct {
	id    string // the image's name below the folder of images
	w, h  int    // as the annotation states, 0 where it does not
	faces []face
	// fit, where it is set, makes the faces from the size of the image.
	fit func(w, h int) ([]face, error)
	err error // why there is no such item
}

// A face is an instance before the size of its image is known.
type face struct {
	where    string // in the annotations, for errors
	box      box
	points   []datasets.Point
	identity string
	scale    float64
	ignore   bool
	tags     []string
	err      error // why it cannot be used
}

// box is left, top, right, bottom.
type box [4]float64

func (b box) empty() bool { return !(b[2] > b[0] && b[3] > b[1]) }

// rect is the smallest rectangle of whole pixels that has all of the box.
func (b box) rect() image.Rectangle {
	return image.Rect(int(math.Floor(b[0])), int(math.Floor(b[1])), int(math.Ceil(b[2])), int(math.Ceil(b[3])))
}

func (b box) times(sx, sy float64) box { return box{b[0] * sx, b[1] * sy, b[2] * sx, b[3] * sy} }

// description is what a layout knows of a whole data set.
type description struct {
	kind, source string
	name         string   // what people call it; "" for the name of root
	root         string   // the folder named by the user, links resolved
	images       string   // folder of the images
	labels       []string // paths of the annotations
	ordered      bool     // the entries are in their order
	decode       pix.Options
	leftOut      files.Omissions
	faults       []*faults // of the labels
}

// newSet orders entries and prepares the digest.
func newSet(d description, entries []entry) *Set {
	if !d.ordered {
		byID := make(map[string]entry, len(entries))
		names := make([]string, len(entries))
		for i, e := range entries {
			byID[e.id], names[i] = e, e.id
		}
		slices.SortFunc(names, files.Natural)
		for i, n := range files.Interleave(names) {
			entries[i] = byID[n]
		}
	}
	images, faces, taken := entries, 0, make(map[string]bool, len(entries))
	for _, e := range images {
		taken[e.id] = true
		for _, f := range e.faces {
			if f.err == nil {
				faces++
			}
		}
		if e.fit != nil {
			faces++
		}
	}
	entries = slices.Clip(entries)
	for _, f := range d.faults {
		for _, e := range f.entries() {
			for taken[e.id] { // by an image of that name
				e.id += "'"
			}
			taken[e.id] = true
			entries = append(entries, e)
		}
	}
	s := &Set{dir: d.images, decode: d.decode, leftOut: d.leftOut, entries: entries, ids: make([]string, len(entries))}
	for i, e := range entries {
		s.ids[i] = e.id
	}
	s.info = sync.OnceValue(func() datasets.Info {
		names := make([]string, 0, len(d.labels)+len(images))
		for _, l := range d.labels {
			names = append(names, relative(d.root, l))
		}
		dir := relative(d.root, d.images)
		for _, e := range images {
			names = append(names, path.Join(dir, e.id))
		}
		return datasets.Info{
			ID: d.kind, Version: Version, Digest: files.Digest(d.root, d.decode.Reader(), names),
			Title:  fmt.Sprintf("Faces of %s: %d in %d images", cmp.Or(d.name, filepath.Base(d.root)), faces, len(images)),
			Source: d.source, Reader: d.decode.Reader(),
		}
	})
	return s
}

// relative is a path below or beside root, with slashes; the digest uses it, so
// that moving a data set does not change it.
func relative(root, name string) string {
	rel, err := filepath.Rel(root, name)
	if err != nil {
		return filepath.Base(name)
	}
	return filepath.ToSlash(rel)
}

// Info implements [datasets.Dataset]. The first call reads every file for the
// digest.
func (s *Set) Info() datasets.Info { return s.info() }

// IDs implements [datasets.Dataset]: the names of the images below their folder, then the
// places of what cannot be used of the annotations, such as "list.txt:12".
func (s *Set) IDs() []string { return s.ids }

// Load decodes image i and puts its faces into it.
func (s *Set) Load(ctx context.Context, i int) (datasets.Item, error) {
	if i < 0 || i >= len(s.entries) {
		return datasets.Item{}, fmt.Errorf("%s has no item %d: it has %d", s.dir, i, len(s.entries))
	}
	if err := ctx.Err(); err != nil {
		return datasets.Item{}, err
	}
	e := s.entries[i]
	if e.err != nil {
		return datasets.Item{}, e.err
	}
	name := filepath.Join(s.dir, filepath.FromSlash(e.id))
	decoded, err := pix.Read(name, s.decode)
	if err != nil {
		if len(e.faces) > 0 {
			err = fmt.Errorf("%w (%s is about it)", err, e.where())
		}
		return datasets.Item{}, err
	}
	img := decoded.Image
	if e.w != 0 && e.w == img.H && e.h == img.W && decoded.Orientation > 4 {
		return datasets.Item{}, fmt.Errorf("image %s is %d×%d when it is turned as its EXIF orientation says, but %s is about %d×%d: its faces were marked on the image as it is stored, or on one that was turned; write orientation=stored or orientation=exif behind the data set",
			name, img.W, img.H, e.where(), e.w, e.h)
	}
	if e.w != 0 && (e.w != img.W || e.h != img.H) {
		return datasets.Item{}, fmt.Errorf("image %s is %d×%d, but %s is about one of %d×%d: its faces would lie elsewhere; use the images the annotations were made for",
			name, img.W, img.H, e.where(), e.w, e.h)
	}
	found := e.faces
	if e.fit != nil {
		if found, err = e.fit(img.W, img.H); err != nil {
			return datasets.Item{}, fmt.Errorf("image %s: %w", name, err)
		}
	}
	it := datasets.Item{ID: e.id, Image: img, Notes: decoded.Notes, Instances: make([]datasets.Instance, 0, len(found))}
	for n, f := range found {
		if f.err != nil {
			it.Lost = append(it.Lost, datasets.LostLabel{
				ID: instanceID(n), Reason: datasets.LostMalformed, Where: fmt.Sprintf("%s: %v", f.where, f.err),
			})
			continue
		}
		in := f.instance(n, e.id, img.W, img.H)
		if in.Box.Empty() {
			if !f.ignore { // an ignored face is never scored, so its label loses nothing
				it.Lost = append(it.Lost, datasets.LostLabel{
					ID: in.ID, Reason: datasets.LostOutside,
					Where: fmt.Sprintf("%s: box %v, image of %d×%d", f.where, f.box.rect(), img.W, img.H),
				})
			}
			continue
		}
		it.Instances = append(it.Instances, in)
	}
	// The photographs of a person are not independent. Where an image has several
	// people it is a unit of its own.
	if len(found) == 1 {
		it.Cluster = found[0].identity
	}
	return it, nil
}

func (e entry) where() string {
	if len(e.faces) > 0 {
		return e.faces[0].where
	}
	return "its annotation"
}

func instanceID(n int) string { return fmt.Sprintf("%03d", n) }

// instance is face n of an image of a size; its box is empty where it lies outside.
func (f face) instance(n int, item string, w, h int) datasets.Instance {
	in := datasets.Instance{
		ID: instanceID(n), Points: slices.Clone(f.points), Identity: f.identity,
		Ignore: f.ignore, Scale: f.scale, Tags: slices.Clone(f.tags),
	}
	in.Box = f.box.rect().Intersect(image.Rect(0, 0, w, h))
	if in.Scale == 0 {
		in.Scale = float64(max(in.Box.Dx(), in.Box.Dy())) / float64(max(w, h))
	}
	if in.Identity == "" && len(in.Points) == 0 {
		in.Identity = datasets.OwnIdentity(item, in.ID)
	}
	return in
}

// below checks a name from an annotation: a path with slashes that stays below the
// folder it is joined to.
func below(name string) (string, error) {
	if name == "" {
		return "", errors.New("the name of the image is empty")
	}
	clean := path.Clean(name)
	if clean == "." || strings.ContainsAny(name, "\\\x00") || !filepath.IsLocal(filepath.FromSlash(clean)) {
		return "", fmt.Errorf("image name %.200q leads out of the folder; names are paths below it, with slashes", name)
	}
	return clean, nil
}

// maxCoordinate bounds what is taken for a position in an image.
const maxCoordinate = 1 << 20

func plausible(v float64) bool { return math.Abs(v) <= maxCoordinate } // false for NaN

// collection gathers the faces of images by name.
type collection struct {
	at      map[string]int
	entries []entry
}

// image returns the entry of a name, which is made where there is none.
func (c *collection) image(id string) *entry {
	if c.at == nil {
		c.at = map[string]int{}
	}
	i, ok := c.at[id]
	if !ok {
		i = len(c.entries)
		c.at[id] = i
		c.entries = append(c.entries, entry{id: id})
	}
	return &c.entries[i]
}
