// Package ocrsets reads data sets of documents and scene text in the layouts in which
// they are published: TokBench's text, COCO-Text, TextOCR, CORD, SROIE, FUNSD and
// OmniDoc-TokenBench.
//
// Its opinion: what a set's own reader takes is what is taken. A label that says nothing
// that could be scored costs itself, with file and place; a file of labels that cannot be
// read costs its image; nothing costs the set but a list of all its images.
//
//	ds, err := ocrsets.OpenCORD(ctx, "CORD/test", datasets.Options{})
//	item, err := ds.Load(ctx, 0)
//	for _, in := range item.Instances {
//		fmt.Println(in.Text, in.Box)
//	}
//
// Words stand in the order of their file, which is that of reading in CORD, SROIE and
// FUNSD.
package ocrsets

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"image"
	"math"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/vtbench/vtbench/datasets"
	"github.com/vtbench/vtbench/datasets/icdar"
	"github.com/vtbench/vtbench/internal/boundedjson"
	"github.com/vtbench/vtbench/internal/files"
	"github.com/vtbench/vtbench/pix"
)

// Names of the kinds: "cord:DIR".
const (
	TokBench = "tokbench"
	CORD     = "cord"
	SROIE    = "sroie"
	FUNSD    = "funsd"
	OmniDoc  = "omnidoc"
)

// Version of the loaders: it rises when the same files yield other labels.
const Version = 1

// Bounds of what is read.
const (
	maxLabels = 64 << 20 // of the labels of an image
	maxList   = 1 << 30  // of a file that lists all images
	maxWords  = 100_000  // of an image
	farthest  = 1 << 20  // what is taken for a position in an image
)

// Set is a data set of any of the layouts, in the order of the images' names.
type Set struct {
	o       datasets.Options
	images  string // folder
	entries []entry
	ids     []string
	leftOut files.Omissions
	info    func() datasets.Info
}

var (
	_ datasets.Dataset = (*Set)(nil)
	_ datasets.Listed  = (*Set)(nil)
)

// An entry is an image and how its labels are read.
type entry struct {
	name string // of the image, below the folder
	w, h int    // as the labels state, 0 where they do not
	// where the labels list the image, "" where they lie in a file of its own
	where string
	read  func() (labels []label, lost []datasets.LostLabel, err error)
}

// A label is an instance before the size of its image is known.
type label struct {
	corners []datasets.Point
	text    string
	scale   float64
	quad    bool
	where   string
}

// Info implements [datasets.Dataset]. The first call reads every file for the digest.
func (s *Set) Info() datasets.Info { return s.info() }

// IDs implements [datasets.Dataset]: the names of the images below their folder.
func (s *Set) IDs() []string { return s.ids }

// LeftOut implements [datasets.Listed].
func (s *Set) LeftOut() files.Omissions { return s.leftOut }

// Load decodes image i and reads its labels.
func (s *Set) Load(ctx context.Context, i int) (datasets.Item, error) {
	if i < 0 || i >= len(s.entries) {
		return datasets.Item{}, fmt.Errorf("%s has no item %d: it has %d", s.images, i, len(s.entries))
	}
	if err := ctx.Err(); err != nil {
		return datasets.Item{}, err
	}
	e := s.entries[i]
	file := filepath.Join(s.images, filepath.FromSlash(e.name))
	var labels []label
	var lost []datasets.LostLabel
	if e.read != nil {
		var err error
		if labels, lost, err = e.read(); err != nil {
			return datasets.Item{}, err
		}
	}
	d, err := pix.Read(file, s.o.Decode)
	if err != nil {
		if e.where != "" {
			err = fmt.Errorf("%w (listed in %s)", err, e.where)
		}
		return datasets.Item{}, err
	}
	if e.w > 0 && (e.w != d.Image.W || e.h != d.Image.H) {
		return datasets.Item{}, fmt.Errorf("%s is %d×%d, its labels say %d×%d", file, d.Image.W, d.Image.H, e.w, e.h)
	}
	it := datasets.Item{ID: s.ids[i], Image: d.Image, Notes: d.Notes, Lost: lost}
	whole := image.Rect(0, 0, d.Image.W, d.Image.H)
	for n, l := range labels {
		id := fmt.Sprintf("%03d", n)
		all := boxOf(l.corners)
		box := all.Intersect(whole)
		reason, what := "", ""
		switch {
		case all.Empty():
			reason, what = datasets.LostNoArea, "the box has no area"
		case box.Empty():
			reason, what = datasets.LostOutside, fmt.Sprintf("box %v lies outside the %d×%d image", all, d.Image.W, d.Image.H)
		}
		if reason != "" {
			it.Lost = append(it.Lost, datasets.LostLabel{ID: id, Reason: reason, Where: l.where + ": " + what})
			continue
		}
		in := datasets.Instance{ID: id, Box: box, Text: l.text, Scale: l.scale, Ignore: l.text == "" || l.text == icdar.DontCare}
		if l.quad {
			in.Quad = l.corners
		}
		it.Instances = append(it.Instances, in)
	}
	return it, nil
}

// boxOf is the smallest box of whole pixels that has all corners.
func boxOf(corners []datasets.Point) image.Rectangle {
	x0, y0, x1, y1 := math.Inf(1), math.Inf(1), math.Inf(-1), math.Inf(-1)
	for _, p := range corners {
		x0, y0, x1, y1 = min(x0, p.X), min(y0, p.Y), max(x1, p.X), max(y1, p.Y)
	}
	return image.Rectangle{Min: image.Pt(int(math.Floor(x0)), int(math.Floor(y0))), Max: image.Pt(int(math.Ceil(x1)), int(math.Ceil(y1)))}
}

// corners of a box: left, top, right, bottom. An error says what is wrong with it.
func corners(box []float64) ([]datasets.Point, error) {
	if len(box) != 4 {
		return nil, fmt.Errorf("the box has %d numbers, want 4", len(box))
	}
	for _, v := range box {
		if !(math.Abs(v) < farthest) {
			return nil, fmt.Errorf("the box has %g, which is no position in an image", v)
		}
	}
	return []datasets.Point{{X: box[0], Y: box[1]}, {X: box[2], Y: box[1]}, {X: box[2], Y: box[3]}, {X: box[0], Y: box[3]}}, nil
}

// collect gathers labels of one file.
type collect struct {
	file   string
	labels []label
	lost   []datasets.LostLabel
}

// add takes a label, or notes why it cannot be used.
func (c *collect) add(where, text string, at []datasets.Point, quad bool, scale float64, err error) {
	if err != nil {
		c.lost = append(c.lost, datasets.LostLabel{ID: where, Reason: datasets.LostMalformed, Where: c.file + ": " + where + ": " + err.Error()})
		return
	}
	c.labels = append(c.labels, label{corners: at, text: text, quad: quad, scale: scale, where: c.file + ": " + where})
}

// done returns what was gathered; a file of which nothing can be used is an error.
func (c *collect) done() ([]label, []datasets.LostLabel, error) {
	if len(c.labels) == 0 && len(c.lost) > 0 {
		return nil, nil, fmt.Errorf("%s; nor can any other label be used", c.lost[0].Where)
	}
	if len(c.labels) > maxWords {
		return nil, nil, fmt.Errorf("%s has %d labels: at most %d are read", c.file, len(c.labels), maxWords)
	}
	return c.labels, c.lost, nil
}

// A layout is a set whose labels are one file an image.
type layout struct {
	kind, title, licence string
	folders              [][2]string // of images and labels, the first that is there
	parts                []string    // folders that hold one part of the set each
	ext                  string      // of the labels
	parse                func(file string, b []byte) ([]label, []datasets.LostLabel, error)
}

// open finds and pairs images and labels.
func (l layout) open(ctx context.Context, dir string, o datasets.Options) (*Set, error) {
	root, err := files.Dir(dir)
	if err != nil {
		return nil, err
	}
	var at [2]string
	for _, f := range l.folders {
		_, errA := files.Dir(filepath.Join(root, f[0]))
		_, errB := files.Dir(filepath.Join(root, f[1]))
		if errA == nil && errB == nil {
			at = f
			break
		}
	}
	if at[0] == "" {
		for _, p := range l.parts {
			if _, err := files.Dir(filepath.Join(root, p)); err == nil {
				return nil, fmt.Errorf("%s has several parts: name one, %s:%s", dir, l.kind, filepath.Join(dir, p))
			}
		}
		return nil, fmt.Errorf("%s is no %s: want the folders %s and %s", dir, l.title, l.folders[0][0], l.folders[0][1])
	}
	images, err := files.List(ctx, filepath.Join(root, at[0]), pix.IsImage)
	if err != nil {
		return nil, err
	}
	labels, err := files.List(ctx, filepath.Join(root, at[1]), func(name string) bool { return strings.EqualFold(path.Ext(name), l.ext) })
	if err != nil {
		return nil, err
	}
	if len(images.Files) == 0 || len(labels.Files) == 0 {
		return nil, fmt.Errorf("%s has %d images in %s and %d labels in %s: want both", dir, len(images.Files), at[0], len(labels.Files), at[1])
	}
	m, err := files.Pair(images.Files, labels.Files, func(name string) string { return strings.TrimSuffix(name, path.Ext(name)) })
	if err != nil {
		return nil, fmt.Errorf("%s: pairing images with labels: %w", dir, err)
	}
	s := &Set{o: o, images: images.Root, leftOut: images.LeftOut}
	for _, name := range images.Files {
		gt := m.Of[name]
		s.entries = append(s.entries, entry{name: name, read: func() ([]label, []datasets.LostLabel, error) {
			if gt == "" {
				return nil, nil, fmt.Errorf("image %s has no labels: %s is missing", images.Path(name), strings.TrimSuffix(name, path.Ext(name))+l.ext)
			}
			file := labels.Path(gt)
			b, err := files.Read(file, maxLabels)
			if err != nil {
				return nil, nil, fmt.Errorf("reading labels: %w", err)
			}
			return l.parse(file, b)
		}})
		s.ids = append(s.ids, name)
	}
	for _, gt := range m.Unused {
		s.entries = append(s.entries, entry{name: gt, read: func() ([]label, []datasets.LostLabel, error) {
			return nil, nil, fmt.Errorf("labels %s have no image", labels.Path(gt))
		}})
		s.ids = append(s.ids, gt)
	}
	var names []string
	for _, f := range images.Files {
		names = append(names, path.Join(filepath.ToSlash(at[0]), f))
	}
	for _, f := range labels.Files {
		names = append(names, path.Join(filepath.ToSlash(at[1]), f))
	}
	s.info = l.describe(dir, root, o, names, len(images.Files))
	return s, nil
}

// describe is the set's information, with a digest of files below root.
func (l layout) describe(dir, root string, o datasets.Options, names []string, images int) func() datasets.Info {
	return sync.OnceValue(func() datasets.Info {
		return datasets.Info{
			ID: l.kind, Version: Version, Digest: files.Digest(root, o.Decode.Reader(), names),
			Title: fmt.Sprintf("%s, %d images", l.title, images), Source: dir, Licence: l.licence, Reader: o.Decode.Reader(),
		}
	})
}

// OpenCORD opens receipts of CORD (Park et al. 2019) as they unpack: image/ and json/,
// in train/, dev/ and test/. An instance is a word.
//
// Read as in clovaai/cord at 327310c and mindee/doctr at 8a88fea (doctr/datasets/cord.py).
func OpenCORD(ctx context.Context, dir string, o datasets.Options) (*Set, error) {
	return layout{
		kind: CORD, title: "CORD", licence: "CC-BY-4.0", ext: ".json", parse: parseCORD,
		folders: [][2]string{{"image", "json"}}, parts: []string{"test", "dev", "train"},
	}.open(ctx, dir, o)
}

func parseCORD(file string, b []byte) ([]label, []datasets.LostLabel, error) {
	var in struct {
		Lines []struct {
			Words []struct {
				Text string             `json:"text"`
				Quad map[string]float64 `json:"quad"`
			} `json:"words"`
		} `json:"valid_line"`
	}
	if err := boundedjson.UnmarshalFile(file, b, &in); err != nil {
		return nil, nil, err
	}
	c := collect{file: file}
	for i, l := range in.Lines {
		for k, w := range l.Words {
			if w.Text == "" {
				continue
			}
			var at []datasets.Point
			var err error
			for n := 1; n <= 4; n++ {
				x, okX := w.Quad[fmt.Sprintf("x%d", n)]
				y, okY := w.Quad[fmt.Sprintf("y%d", n)]
				if !okX || !okY || !(math.Abs(x) < farthest) || !(math.Abs(y) < farthest) {
					err = fmt.Errorf("quad has no corner x%d, y%d within an image", n, n)
					break
				}
				at = append(at, datasets.Point{X: x, Y: y})
			}
			c.add(fmt.Sprintf("valid_line[%d].words[%d]", i, k), w.Text, at, true, 0, err)
		}
	}
	return c.done()
}

// OpenFUNSD opens forms of FUNSD (Jaume et al. 2019) as they unpack: images/ and
// annotations/, in training_data/ and testing_data/. An instance is a word.
//
// Read as in mindee/doctr at 8a88fea (doctr/datasets/funsd.py).
func OpenFUNSD(ctx context.Context, dir string, o datasets.Options) (*Set, error) {
	return layout{
		kind: FUNSD, title: "FUNSD", licence: "LicenseRef-FUNSD-non-commercial", ext: ".json", parse: parseFUNSD,
		folders: [][2]string{{"images", "annotations"}},
		parts:   []string{"testing_data", "training_data", "dataset/testing_data", "dataset/training_data"},
	}.open(ctx, dir, o)
}

func parseFUNSD(file string, b []byte) ([]label, []datasets.LostLabel, error) {
	var in struct {
		Form []struct {
			Words []struct {
				Text string    `json:"text"`
				Box  []float64 `json:"box"`
			} `json:"words"`
		} `json:"form"`
	}
	if err := boundedjson.UnmarshalFile(file, b, &in); err != nil {
		return nil, nil, err
	}
	c := collect{file: file}
	for i, f := range in.Form {
		for k, w := range f.Words {
			if w.Text == "" {
				continue
			}
			at, err := corners(w.Box)
			c.add(fmt.Sprintf("form[%d].words[%d]", i, k), w.Text, at, false, 0, err)
		}
	}
	return c.done()
}

// OpenSROIE opens receipts of SROIE (Huang et al. 2019): images/ and annotations/, or img/
// and box/. An instance is a line; files that are not UTF-8 are read as ISO 8859-1.
//
// Read as in mindee/doctr at 8a88fea (doctr/datasets/sroie.py).
func OpenSROIE(ctx context.Context, dir string, o datasets.Options) (*Set, error) {
	return layout{
		kind: SROIE, title: "SROIE", ext: ".txt", parse: parseSROIE,
		folders: [][2]string{{"images", "annotations"}, {"img", "box"}, {"image", "box"}},
		parts:   []string{"test", "train"},
	}.open(ctx, dir, o)
}

func parseSROIE(file string, b []byte) ([]label, []datasets.LostLabel, error) {
	if !utf8.Valid(b) {
		runes := make([]rune, len(b))
		for i, v := range b {
			runes[i] = rune(v)
		}
		b = []byte(string(runes))
	}
	list, bad, err := icdar.Parse(b)
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", file, err)
	}
	c := collect{file: file}
	for _, e := range bad {
		c.add(fmt.Sprintf("line %d", e.Line), "", nil, false, 0, e.Err)
	}
	for _, l := range list {
		c.add(fmt.Sprintf("line %d", l.Line), l.Text, l.Corners, l.Quad, 0, nil)
	}
	return c.done()
}

// OpenTokBench opens the text of TokBench (Wu et al. 2025): annotations/text_SET.json and
// images/text_data/SET/, of all sets that are there. Scale is the ratio that the file
// states, which is what TokBench bins by.
//
// Layout and fields as in wjf5203/TokBench at a77070c.
func OpenTokBench(ctx context.Context, dir string, o datasets.Options) (*Set, error) {
	root, err := files.Dir(dir)
	if err != nil {
		return nil, err
	}
	lists, err := files.List(ctx, filepath.Join(root, "annotations"), func(name string) bool {
		return strings.HasPrefix(path.Base(name), "text_") && strings.HasSuffix(name, ".json")
	})
	if err != nil {
		return nil, fmt.Errorf("TokBench's labels are looked for in annotations/text_SET.json: %w", err)
	}
	if len(lists.Files) == 0 {
		return nil, fmt.Errorf("%s has no annotations/text_SET.json", dir)
	}
	s := &Set{o: o, images: filepath.Join(root, "images", "text_data")}
	if _, err := files.Dir(s.images); err != nil {
		return nil, fmt.Errorf("TokBench's images are looked for in images/text_data: %w", err)
	}
	byID := map[string]entry{}
	var names, faultIDs []string
	var faults []entry // elements of lists that are no image
	for _, f := range lists.Files {
		file := lists.Path(f)
		set := strings.TrimSuffix(strings.TrimPrefix(path.Base(f), "text_"), ".json")
		b, err := files.Read(file, maxList)
		if err != nil {
			return nil, fmt.Errorf("reading TokBench's labels: %w", err)
		}
		entries, err := parseTokBench(file, set, b)
		if err != nil {
			return nil, err
		}
		for i, e := range entries {
			if _, twice := byID[e.name]; twice {
				e = broken(e.where, fmt.Errorf("%s: %s is listed twice", e.where, e.name))
			}
			if e.name == "" {
				faults, faultIDs = append(faults, e), append(faultIDs, fmt.Sprintf("%s[%d]", path.Base(f), i))
				continue
			}
			byID[e.name] = e
			names = append(names, e.name)
		}
	}
	if len(names) == 0 {
		if len(faults) > 0 {
			_, _, err := faults[0].read()
			return nil, fmt.Errorf("%s lists no image that can be used: %w", dir, err)
		}
		return nil, fmt.Errorf("%s lists no image", dir)
	}
	slices.SortFunc(names, files.Natural)
	names = files.Interleave(names) // sets take turns
	digested := make([]string, 0, len(names)+len(lists.Files))
	for _, n := range names {
		s.entries, s.ids = append(s.entries, byID[n]), append(s.ids, n)
		digested = append(digested, "images/text_data/"+n)
	}
	s.entries, s.ids = append(s.entries, faults...), append(s.ids, faultIDs...)
	for _, f := range lists.Files {
		digested = append(digested, "annotations/"+f)
	}
	s.info = layout{kind: TokBench, title: "TokBench, text"}.describe(dir, root, o, digested, len(names))
	return s, nil
}

// parseTokBench reads a list. What one of its elements gets wrong is the error of an entry
// without a name; the others stand.
func parseTokBench(file, set string, b []byte) ([]entry, error) {
	type annotation struct {
		Text  string    `json:"rec"`
		Box   []float64 `json:"bbox"`
		Ratio float64   `json:"ratio"`
	}
	type listed struct {
		Name        string            `json:"file_name"`
		Height      int               `json:"height"`
		Width       int               `json:"width"`
		Annotations []json.RawMessage `json:"annotations"`
	}
	list, err := elements(file, b)
	if err != nil {
		return nil, err
	}
	one := func(where string, raw json.RawMessage) (entry, error) {
		var im listed
		if err := json.Unmarshal(raw, &im); err != nil {
			return entry{}, fmt.Errorf("%s: %w", where, err)
		}
		if !filepath.IsLocal(im.Name) || im.Name != path.Clean(im.Name) {
			return entry{}, fmt.Errorf("%s.file_name is %q: want the name of an image below images/text_data/%s", where, im.Name, set)
		}
		if im.Width <= 0 || im.Height <= 0 {
			return entry{}, fmt.Errorf("%s (%s): width and height are %d and %d: the size of the image is wanted", where, im.Name, im.Width, im.Height)
		}
		c := collect{file: where + " (" + im.Name + ")"}
		for k, raw := range im.Annotations {
			var a annotation
			var at []datasets.Point
			err := json.Unmarshal(raw, &a)
			if err == nil {
				at, err = corners(a.Box)
			}
			if err == nil && !(a.Ratio >= 0 && a.Ratio <= 1) {
				err = fmt.Errorf("ratio is %g: want a share of the image", a.Ratio)
			}
			c.add(fmt.Sprintf("annotations[%d]", k), a.Text, at, false, a.Ratio, err)
		}
		return entry{name: path.Join(set, im.Name), w: im.Width, h: im.Height, read: c.done, where: where}, nil
	}
	var out []entry
	for i, el := range list {
		where := fmt.Sprintf("%s:%d: [%d]", file, el.line, i)
		e, err := one(where, el.raw)
		if err != nil {
			e = broken(where, err)
		}
		out = append(out, e)
	}
	return out, nil
}

// broken is an entry that has no image and fails.
func broken(where string, err error) entry {
	return entry{where: where, read: func() ([]label, []datasets.LostLabel, error) { return nil, nil, err }}
}

// An element of a list, and the line that it begins in.
type element struct {
	raw  json.RawMessage
	line int
}

// elements are those of a JSON array, not decoded yet.
func elements(file string, b []byte) ([]element, error) {
	b = bytes.TrimPrefix(b, []byte("\xef\xbb\xbf"))
	var all []json.RawMessage // bounds what is there, and says where it is no JSON
	if err := boundedjson.UnmarshalFile(file, b, &all); err != nil {
		return nil, err
	}
	d := json.NewDecoder(bytes.NewReader(b))
	if _, err := d.Token(); err != nil || len(all) == 0 {
		return nil, err
	}
	out := make([]element, len(all))
	line, at := 1, 0
	for i := range out {
		if err := d.Decode(&out[i].raw); err != nil {
			return nil, fmt.Errorf("%s: [%d]: %w", file, i, err)
		}
		begins := int(d.InputOffset()) - len(out[i].raw)
		line, at = line+bytes.Count(b[at:begins], []byte("\n")), begins
		out[i].line = line
	}
	return out, nil
}

// OpenOmniDoc opens OmniDoc-TokenBench (2026): the images of data/, gt_dir/ or the folder
// itself. It has no labels: its NED compares what is read in the reconstruction with what
// is read in the original (the metric page-ned-original, with lines looked for).
//
// Layout as in alibaba/OmniDoc-TokenBench at f2815a7.
func OpenOmniDoc(ctx context.Context, dir string, o datasets.Options) (*Set, error) {
	root, err := files.Dir(dir)
	if err != nil {
		return nil, err
	}
	for _, name := range []string{"data", "gt_dir"} {
		if at, err := files.Dir(filepath.Join(root, name)); err == nil {
			root = at
			break
		}
	}
	l, err := files.List(ctx, root, pix.IsImage)
	if err != nil {
		return nil, err
	}
	if len(l.Files) == 0 {
		return nil, fmt.Errorf("%s has no images, neither in data/ nor in gt_dir/ nor in itself", dir)
	}
	s := &Set{o: o, images: l.Root, leftOut: l.LeftOut}
	for _, name := range files.Interleave(l.Files) {
		s.entries, s.ids = append(s.entries, entry{name: name}), append(s.ids, name)
	}
	s.info = layout{kind: OmniDoc, title: "OmniDoc-TokenBench", licence: "Apache-2.0"}.describe(dir, l.Root, o, l.Files, len(l.Files))
	return s, nil
}
