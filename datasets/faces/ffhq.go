package faces

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/vtbench/vtbench/datasets"
	"github.com/vtbench/vtbench/internal/boundedjson"
	"github.com/vtbench/vtbench/internal/files"
	"github.com/vtbench/vtbench/pix"
)

// FFHQ names the kind "ffhq:DIR".
const FFHQ = "ffhq"

// ffhqWild is the folder of the photographs before cropping; the others are of the
// cropped ones at some size.
const ffhqWild = "in-the-wild-images"

// ffhqFolders are the folders of images, of which the first is taken.
var ffhqFolders = []string{"images1024x1024", ffhqWild, "thumbnails128x128"}

// ffhqFiles are the names of the annotations.
var ffhqFiles = []string{"ffhq-dataset-v2.json", "ffhq-dataset-v1.json"}

// ffhqSide is the side to which landmarks of cropped images refer.
const ffhqSide = 1024

type ffhqEntry struct {
	Image struct {
		Landmarks [][]float64 `json:"face_landmarks"`
	} `json:"image"`
	Wild struct {
		Size      []int       `json:"pixel_size"`
		Rect      []float64   `json:"face_rect"` // left, top, right, bottom
		Landmarks [][]float64 `json:"face_landmarks"`
	} `json:"in_the_wild"`
}

// An ffhqTable is what the annotations say, by the number of the image.
type ffhqTable struct {
	labels map[int]ffhqLabels
	broken *faults
}

// claim says that the image of a name is there.
func (t *ffhqTable) claim(name string) {
	n, ok := ffhqNumber(name)
	if _, has := t.labels[n]; ok && !has {
		t.broken.claim(strconv.Itoa(n))
	}
}

// ffhqLabels is what the annotations say of one image.
type ffhqLabels struct {
	w, h   int
	box    box
	points []datasets.Point
}

// OpenFFHQ opens Flickr-Faces-HQ (Karras et al. 2019): images1024x1024,
// in-the-wild-images or thumbnails128x128, the first of them that is there, or a
// folder of images of one of these kinds (in the wild where it is named so). A part
// of the images will do, and cropped ones may have any size, as copies at 256 and
// 512 pixels do; they go by the number their name ends in: 00042.png, img00042.jpg.
//
// ffhq-dataset-v2.json, in the folder or beside it, has the points. Without it
// there are none, and boxes of cropped images are where the cropping puts faces.
func OpenFFHQ(ctx context.Context, dir string, o datasets.Options) (*Set, error) {
	root, err := files.Dir(dir)
	if err != nil {
		return nil, err
	}
	images := root
	for _, d := range ffhqFolders {
		if in := filepath.Join(root, d); isDir(in) {
			images = in
			break
		}
	}
	wild := filepath.Base(images) == ffhqWild
	found, err := files.List(ctx, images, pix.IsImage)
	if err != nil {
		return nil, err
	}
	names := found.Files
	if len(names) == 0 {
		return nil, fmt.Errorf("%s has no image", images)
	}
	d := description{kind: FFHQ, decode: o.Decode, leftOut: found.LeftOut, source: dir, root: root, images: images}
	labels, err := ffhqLabelsOf(ctx, root, wild)
	if err != nil {
		return nil, err
	}
	if labels != nil {
		d.labels, d.faults = []string{labels.broken.file}, []*faults{labels.broken}
	}
	entries := make([]entry, len(names))
	for i, n := range names {
		fit := func(w, h int) ([]face, error) {
			f := face{where: n, box: box{0, 0, float64(w), float64(h)}, tags: []string{TagBoxIsImage}}
			if !wild && w == h {
				f.box, f.tags = alignedBox(w, h), []string{TagBoxFromAlignment}
			}
			return []face{f}, nil
		}
		if labels != nil {
			fit = func(w, h int) ([]face, error) {
				f, err := labels.face(n, wild, w, h)
				return []face{f}, err
			}
			labels.claim(n)
		}
		entries[i] = entry{id: n, fit: fit}
	}
	return newSet(d, entries), nil
}

func isDir(name string) bool {
	_, err := files.Dir(name)
	return err == nil
}

// face scales the labels of an image to its size.
func (t *ffhqTable) face(name string, wild bool, w, h int) (face, error) {
	file := t.broken.file
	n, ok := ffhqNumber(name)
	if !ok {
		return face{}, fmt.Errorf("%s has no number by which %s could know it", name, file)
	}
	l, ok := t.labels[n]
	if !ok {
		err := t.broken.of(strconv.Itoa(n))
		if err == nil {
			err = t.broken.missing(fmt.Sprintf("entry %q", strconv.Itoa(n)))
		}
		return face{}, err
	}
	f := face{where: fmt.Sprintf("%s: entry %q", file, strconv.Itoa(n))}
	scale := 1.
	switch {
	case wild && (w != l.w || h != l.h):
		return f, fmt.Errorf("%s is about an image of %d×%d, this one is %d×%d", f.where, l.w, l.h, w, h)
	case !wild && w != h:
		return f, fmt.Errorf("the image is %d×%d, but FFHQ's are square; photographs before cropping belong in a folder %s", w, h, ffhqWild)
	case !wild:
		scale = float64(w) / ffhqSide
		f.tags = []string{TagBoxFromPoints}
	}
	f.box = l.box.times(scale, scale)
	f.points = slices.Clone(l.points)
	for i := range f.points {
		f.points[i].X *= scale
		f.points[i].Y *= scale
	}
	return f, nil
}

// ffhqNumber is the number that a name ends in.
func ffhqNumber(name string) (int, bool) {
	s := stem(name)
	digits := s[len(strings.TrimRight(s, "0123456789")):]
	n, err := strconv.Atoi(digits)
	return n, err == nil
}

// ffhqLabelsOf reads the annotations in a folder or beside it; nil where there are none.
func ffhqLabelsOf(ctx context.Context, root string, wild bool) (*ffhqTable, error) {
	for _, d := range []string{root, filepath.Dir(root)} {
		for _, n := range ffhqFiles {
			file := filepath.Join(d, n)
			r, err := files.Open(file)
			if errors.Is(err, os.ErrNotExist) {
				continue
			}
			if err != nil {
				return nil, fmt.Errorf("reading FFHQ's landmarks: %w", err)
			}
			defer r.Close()
			return parseFFHQ(ctx, file, r, wild)
		}
	}
	return nil, nil //nolint:nilnil // there need be none
}

// parseFFHQ reads the annotations entry by entry, since they have 250 MB, of which
// a thousandth is wanted. They have no lines worth naming: errors name the entry. An entry
// that does not fit is a fault of its image; where the text is no JSON, nothing behind it
// can be read.
func parseFFHQ(ctx context.Context, file string, r io.Reader, wild bool) (*ffhqTable, error) {
	room := &allowance{r: bufio.NewReaderSize(r, 1<<20)}
	dec := json.NewDecoder(room)
	room.left = maxFFHQEntry
	open, err := dec.Token()
	if err != nil {
		return nil, fmt.Errorf("decoding %s: %w", file, err)
	}
	if open != json.Delim('{') {
		return nil, fmt.Errorf("%s begins with %v; an object with an entry an image is wanted", file, open)
	}
	t := &ffhqTable{labels: map[int]ffhqLabels{}, broken: &faults{file: file}}
	for dec.More() {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		room.left = maxFFHQEntry
		key, err := dec.Token()
		if err != nil {
			return nil, fmt.Errorf("decoding %s at byte %d: %w", file, dec.InputOffset(), err)
		}
		name := fmt.Sprint(key)
		var raw json.RawMessage
		if err := dec.Decode(&raw); err != nil {
			return nil, fmt.Errorf("%s: entry %.80q at byte %d: %w", file, name, dec.InputOffset(), err)
		}
		if about, err := t.entry(name, raw, wild); err != nil {
			t.broken.add(fmt.Sprintf("[%.80q]", name), about, fmt.Errorf("%s: entry %.80q at byte %d: %w", file, name, dec.InputOffset(), err))
		}
		if t.broken.enough() {
			return t.checked()
		}
	}
	if _, err := dec.Token(); err != nil {
		return nil, fmt.Errorf("decoding %s at byte %d: the file is cut off: %w", file, dec.InputOffset(), err)
	}
	return t.checked()
}

// checked is the table, if it has anything.
func (t *ffhqTable) checked() (*ffhqTable, error) {
	if len(t.labels) == 0 {
		return nil, unusable(t.broken.file+" has no entry", t.broken)
	}
	return t, nil
}

// entry takes an entry; about is the number of the image that an error is about.
func (t *ffhqTable) entry(name string, raw []byte, wild bool) (about string, err error) {
	n, err := strconv.Atoi(name)
	if err != nil || n < 0 {
		return "", errors.New("the number of an image is wanted")
	}
	if _, double := t.labels[n]; double {
		return "", errors.New("it stands there twice; the first is taken")
	}
	var e ffhqEntry
	if err := boundedjson.Unmarshal(raw, &e, maxFFHQEntry); err != nil {
		if kind := misfit(err); kind != nil {
			err = kind
		}
		return strconv.Itoa(n), err
	}
	l, err := e.labels(wild)
	if err != nil {
		return strconv.Itoa(n), err
	}
	t.labels[n] = l
	return "", nil
}

// maxFFHQEntry bounds the text of an entry and what it becomes; FFHQ's own have 4 KB.
const maxFFHQEntry = 1 << 20

// An allowance reads no more than left bytes.
type allowance struct {
	r    io.Reader
	left int
}

func (a *allowance) Read(p []byte) (int, error) {
	if a.left <= 0 {
		return 0, fmt.Errorf("it has more than %d bytes", maxFFHQEntry)
	}
	n, err := a.r.Read(p[:min(len(p), a.left)])
	a.left -= n
	return n, err
}

func (e ffhqEntry) labels(wild bool) (l ffhqLabels, err error) {
	const count = 68
	scheme, err := schemeOf(count)
	if err != nil {
		return l, err
	}
	field, marks := "image.face_landmarks", e.Image.Landmarks
	if wild {
		field, marks = "in_the_wild.face_landmarks", e.Wild.Landmarks
	}
	if len(marks) != count {
		return l, fmt.Errorf("%s has %d points, want %d", field, len(marks), count)
	}
	all := make([]datasets.Point, count)
	for i, p := range marks {
		if len(p) != 2 || !plausible(p[0]) || !plausible(p[1]) {
			return l, fmt.Errorf("%s[%d] is %v: x and y are wanted", field, i, p)
		}
		all[i] = datasets.Point{X: p[0], Y: p[1]}
	}
	l.points, l.box = scheme.five(all), bounds(all)
	if wild {
		if len(e.Wild.Size) != 2 {
			return l, fmt.Errorf("in_the_wild.pixel_size is %v: width and height are wanted", e.Wild.Size)
		}
		l.w, l.h = e.Wild.Size[0], e.Wild.Size[1]
		if l.box, err = boxOf(e.Wild.Rect); err != nil {
			return l, fmt.Errorf("in_the_wild.face_rect: %w", err)
		}
	}
	if l.box.empty() {
		return l, fmt.Errorf("%s: the box %v of the face has no area", field, l.box)
	}
	return l, nil
}
