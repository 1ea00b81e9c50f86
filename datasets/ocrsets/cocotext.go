package ocrsets

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/vtbench/vtbench/datasets"
	"github.com/vtbench/vtbench/internal/boundedjson"
	"github.com/vtbench/vtbench/internal/files"
)

// Names of the kinds of this file.
const (
	COCOText = "coco-text"
	TextOCR  = "textocr"
)

// Bounds of a list of annotations, ten times what the published ones have.
const (
	maxAnnotations = 10_000_000
	maxValue       = 1 << 20 // bytes of one of its entries
)

// cocoImage and cocoLabel are entries of COCO-Text's and TextOCR's files.
type cocoImage struct {
	Set    string `json:"set"`
	Name   string `json:"file_name"`
	Width  int    `json:"width"`
	Height int    `json:"height"`
}

type cocoLabel struct {
	Image      json.RawMessage `json:"image_id"` // a number or a text
	Box        []float64       `json:"bbox"`     // left, top, width, height
	Mask       []float64       `json:"mask"`     // COCO-Text 2: x, y of a polygon
	Polygon    []float64       `json:"polygon"`  // COCO-Text 1
	Points     []float64       `json:"points"`   // TextOCR
	Text       *string         `json:"utf8_string"`
	Legibility string          `json:"legibility"`
}

// id is the image that a label belongs to.
func (l cocoLabel) id() string { return strings.Trim(string(l.Image), `"`) }

// setOption chooses a part of COCO-Text: "coco-text:DIR,set=train".
const setOption = ",set="

// OpenCOCOText opens COCO-Text (Veit et al. 2016), version 2 or 1: cocotext.v2.json or
// COCO_Text.json beside train2014/, or beside images/. Its parts are train, val and test;
// val is taken unless ,set= behind the folder names another. Images without a label are left
// out. What is illegible, or not transcribed, is don't-care.
//
// Read as in open-mmlab/mmocr at 07575ed (mmocr/datasets/preparers/parsers/coco_parser.py)
// and andreasveit/coco-text at 23dad50 (coco_text.py).
func OpenCOCOText(ctx context.Context, arg string, o datasets.Options) (*Set, error) {
	dir, set := arg, "val"
	if i := strings.LastIndex(arg, setOption); i >= 0 {
		dir, set = arg[:i], arg[i+len(setOption):]
	}
	return annotated{
		kind: COCOText, title: "COCO-Text, " + set, licence: "CC-BY-4.0",
		lists:  []string{"cocotext.v2.json", "COCO_Text.json"},
		images: []string{"train2014", "images", "textdet_imgs/train", "."}, set: set,
		dontCare: func(l cocoLabel) bool { return l.Legibility == "illegible" },
	}.open(ctx, dir, o)
}

// OpenTextOCR opens TextOCR (Singh et al. 2021): TextOCR_0.1_val.json or
// TextOCR_0.1_train.json, the file itself or the folder that has one of them, beside the
// images in train_val_images/ or train_images/. Images without a label are left out. The
// text "." marks what cannot be read, which is don't-care.
//
// Read as in open-mmlab/mmocr at 07575ed (mmocr/datasets/preparers/parsers/coco_parser.py)
// and at 20e999e (tools/dataset_converters/textdet/textocr_converter.py).
func OpenTextOCR(ctx context.Context, arg string, o datasets.Options) (*Set, error) {
	lists := []string{"TextOCR_0.1_val.json", "TextOCR_0.1_train.json"}
	dir := arg
	if strings.EqualFold(filepath.Ext(arg), ".json") {
		dir, lists = filepath.Dir(arg), []string{filepath.Base(arg)}
	}
	return annotated{
		kind: TextOCR, title: "TextOCR", licence: "CC-BY-4.0", lists: lists,
		images:   []string{"train_val_images/train_images", "train_val_images", "train_images", "images", "."},
		dontCare: func(l cocoLabel) bool { return l.Text != nil && *l.Text == "." },
	}.open(ctx, dir, o)
}

// annotated is a set with one list of all images and labels.
type annotated struct {
	kind, title, licence string
	lists, images        []string // files and folders, the first that is there
	set                  string   // part that is taken; "" for all
	dontCare             func(cocoLabel) bool
}

func (a annotated) open(ctx context.Context, dir string, o datasets.Options) (*Set, error) {
	root, err := files.Dir(dir)
	if err != nil {
		return nil, err
	}
	list := ""
	for _, name := range a.lists {
		if f, err := files.Open(filepath.Join(root, name)); err == nil {
			list = name
			if err := f.Close(); err != nil {
				return nil, err
			}
			break
		}
	}
	if list == "" {
		return nil, fmt.Errorf("%s has no %s", dir, strings.Join(a.lists, " and no "))
	}
	at := ""
	for _, name := range a.images {
		if _, err := files.Dir(filepath.Join(root, filepath.FromSlash(name))); err == nil {
			at = name
			break
		}
	}
	file := filepath.Join(root, list)
	r, err := readAnnotations(ctx, file, a)
	if err != nil {
		return nil, err
	}
	if len(r.order) == 0 {
		return nil, fmt.Errorf("%s lists no image of %s", file, a.title)
	}
	s := &Set{o: o, images: filepath.Join(root, filepath.FromSlash(at))}
	var names []string
	none := files.Omission{Reason: "an image without labels", Usual: true}
	for _, id := range r.order {
		im := r.images[id]
		c := im.collect
		if len(c.labels) == 0 && len(c.lost) == 0 {
			if none.Count++; none.Count <= 5 {
				none.Names = append(none.Names, im.name)
			}
			continue
		}
		s.entries = append(s.entries, entry{name: im.name, w: im.w, h: im.h, read: c.done, where: fmt.Sprintf("%s: imgs[%q]", file, id)})
		s.ids = append(s.ids, im.name)
		names = append(names, path.Join(at, im.name))
	}
	if none.Count > 0 {
		s.leftOut = files.Omissions{none}
	}
	if len(s.entries) == 0 {
		return nil, fmt.Errorf("%s has no label of %s", file, a.title)
	}
	if r.strangers > 0 {
		err := fmt.Errorf("%s: anns[%q] belongs to image %s, which is not in the list, and so do %d others to none", file, r.stranger, r.strangerImage, r.strangers-1)
		s.entries = append(s.entries, entry{read: func() ([]label, []datasets.LostLabel, error) { return nil, nil, err }})
		s.ids = append(s.ids, list)
	}
	s.info = layout{kind: a.kind, title: a.title, licence: a.licence}.describe(dir, root, o, append(names, list), len(names))
	return s, nil
}

// annotations are what a list says.
type annotations struct {
	images map[string]*annotatedImage
	order  []string
	// strangers counts labels of images that are not in the list, stranger is the first.
	strangers               int
	stranger, strangerImage string
}

type annotatedImage struct {
	name string
	w, h int
	collect
}

// readAnnotations reads a list entry by entry: what it holds at once is one of them, and the
// labels.
func readAnnotations(ctx context.Context, file string, a annotated) (*annotations, error) {
	f, err := files.Open(file)
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", a.title, err)
	}
	defer f.Close()
	out := &annotations{images: map[string]*annotatedImage{}}
	skipped := map[string]bool{} // images of other parts
	type pending struct {
		id string
		l  cocoLabel
	}
	var before []pending // labels that stand before the images
	sawImages, taken := false, map[string]string{}
	put := func(id string, l cocoLabel) {
		im := out.images[l.id()]
		switch {
		case im != nil:
			a.add(&im.collect, id, l)
		case !skipped[l.id()]:
			if out.strangers++; out.strangers == 1 {
				out.stranger, out.strangerImage = id, l.id()
			}
		}
	}
	n := 0
	count := func() error {
		if n++; n > maxAnnotations {
			return fmt.Errorf("more than %d entries", maxAnnotations)
		}
		return ctx.Err()
	}
	err = walkObjects(f, map[string]func(key string, value []byte) error{
		"imgs": func(key string, value []byte) error {
			sawImages = true
			var im cocoImage
			if err := boundedjson.Unmarshal(value, &im, 16*maxValue); err != nil {
				return fmt.Errorf("imgs[%q]: %w", key, err)
			}
			if a.set != "" && im.Set != a.set {
				skipped[key] = true
				return count()
			}
			name := path.Base(im.Name)
			switch {
			case name == "." || name == ".." || name == "/" || strings.ContainsAny(name, "\\\x00"):
				return fmt.Errorf("imgs[%q].file_name is %q: want the name of an image", key, im.Name)
			case taken[name] != "":
				return fmt.Errorf("imgs[%q] and imgs[%q] are both %s", taken[name], key, name)
			case im.Width < 0 || im.Height < 0 || (im.Width == 0) != (im.Height == 0):
				return fmt.Errorf("imgs[%q]: %d×%d is impossible", key, im.Width, im.Height)
			}
			taken[name] = key
			out.images[key] = &annotatedImage{name: name, w: im.Width, h: im.Height, collect: collect{file: file}}
			out.order = append(out.order, key)
			return count()
		},
		"anns": func(key string, value []byte) error {
			var l cocoLabel
			if err := boundedjson.Unmarshal(value, &l, 16*maxValue); err != nil {
				return fmt.Errorf("anns[%q]: %w", key, err)
			}
			if !sawImages {
				before = append(before, pending{key, l})
			} else {
				put(key, l)
			}
			return count()
		},
	})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	for _, p := range before {
		put(p.id, p.l)
	}
	slices.SortFunc(out.order, func(x, y string) int { return files.Natural(out.images[x].name, out.images[y].name) })
	return out, nil
}

// add takes a label of an image.
func (a annotated) add(c *collect, id string, l cocoLabel) {
	where := fmt.Sprintf("anns[%q]", id)
	text := ""
	if l.Text != nil && !a.dontCare(l) {
		text = *l.Text
	}
	var at []datasets.Point
	var err error
	polygon := slices.Concat(l.Mask, l.Polygon, l.Points)
	switch {
	case len(polygon) == 0:
		if len(l.Box) != 4 {
			err = fmt.Errorf("the box has %d numbers, want 4", len(l.Box))
		} else {
			at, err = corners([]float64{l.Box[0], l.Box[1], l.Box[0] + l.Box[2], l.Box[1] + l.Box[3]})
		}
	case len(polygon) < 6 || len(polygon)%2 != 0:
		err = fmt.Errorf("the polygon has %d numbers, want x and y of 3 corners or more", len(polygon))
	default:
		for i := 0; i < len(polygon) && err == nil; i += 2 {
			if !(math.Abs(polygon[i]) < farthest) || !(math.Abs(polygon[i+1]) < farthest) {
				err = fmt.Errorf("the polygon has %g, %g, which is no position in an image", polygon[i], polygon[i+1])
			}
			at = append(at, datasets.Point{X: polygon[i], Y: polygon[i+1]})
		}
	}
	c.add(where, text, at, len(at) == 4 && len(polygon) > 0, 0, err)
}

// walkObjects reads a JSON object of which some fields are objects of very many entries, and
// gives each entry of those to its function. Others are passed over.
func walkObjects(r io.Reader, fields map[string]func(key string, value []byte) error) error {
	bounded := &perValue{r: bufio.NewReaderSize(r, 1<<16)}
	d := json.NewDecoder(bounded)
	if err := open(d, "the file"); err != nil {
		return err
	}
	seen := map[string]bool{}
	for d.More() {
		key, err := text(d)
		if err != nil {
			return err
		}
		take := fields[key]
		seen[key] = true
		if take == nil {
			if err := pass(d, bounded); err != nil {
				return fmt.Errorf("%s: %w", key, err)
			}
			continue
		}
		if err := open(d, key); err != nil {
			return err
		}
		for d.More() {
			bounded.n = 0
			entry, err := text(d)
			if err != nil {
				return fmt.Errorf("%s: %w", key, err)
			}
			var value json.RawMessage
			if err := d.Decode(&value); err != nil {
				return fmt.Errorf("%s[%q]: %w", key, entry, err)
			}
			if err := take(entry, value); err != nil {
				return err
			}
		}
		if _, err := d.Token(); err != nil {
			return fmt.Errorf("%s: %w", key, err)
		}
	}
	if _, err := d.Token(); err != nil {
		return err
	}
	for name := range fields {
		if !seen[name] {
			return fmt.Errorf("there is no field %s", name)
		}
	}
	return nil
}

// open reads the brace that an object begins with.
func open(d *json.Decoder, what string) error {
	t, err := d.Token()
	if err == nil && t != json.Delim('{') {
		err = fmt.Errorf("%s is no JSON object", what)
	}
	return unexpected(err)
}

// text reads the name of a field.
func text(d *json.Decoder) (string, error) {
	t, err := d.Token()
	if err != nil {
		return "", unexpected(err)
	}
	s, ok := t.(string)
	if !ok {
		return "", fmt.Errorf("%v stands where the name of a field is wanted", t)
	}
	return s, nil
}

// pass reads a value of any size and keeps nothing of it.
func pass(d *json.Decoder, bounded *perValue) error {
	depth := 0
	for {
		bounded.n = 0
		t, err := d.Token()
		if err != nil {
			return unexpected(err)
		}
		switch t {
		case json.Delim('{'), json.Delim('['):
			depth++
		case json.Delim('}'), json.Delim(']'):
			depth--
		}
		if depth == 0 {
			return nil
		}
		if depth > 100 {
			return errors.New("it nests more than 100 deep")
		}
	}
}

func unexpected(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// perValue bounds what is read for one value.
type perValue struct {
	r io.Reader
	n int
}

func (p *perValue) Read(b []byte) (int, error) {
	if p.n > 2*maxValue {
		return 0, fmt.Errorf("an entry has more than %d bytes", maxValue)
	}
	n, err := p.r.Read(b)
	p.n += n
	return n, err
}
