package faces

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/vtbench/vtbench/datasets"
	"github.com/vtbench/vtbench/internal/files"
)

// COCO names the kind "coco-face:FILE.json" and "coco-face:DIR".
const COCO = "coco-face"

// cocoImages are the folders, seen from the JSON file, in which its images are
// looked for.
var cocoImages = []string{".", "images", "../images", ".."}

type cocoFile struct {
	Images      []cocoImage      `json:"images"`
	Annotations []cocoAnnotation `json:"annotations"`
	Categories  []cocoCategory   `json:"categories"`
}

type cocoCategory struct {
	ID     json.RawMessage `json:"id"`
	Name   string          `json:"name"`
	Super  string          `json:"supercategory"`
	Points []string        `json:"keypoints"` // their names; many files leave them out
}

type cocoImage struct {
	ID     json.RawMessage `json:"id"` // number or text
	Name   string          `json:"file_name"`
	Width  int             `json:"width"`
	Height int             `json:"height"`
}

type cocoAnnotation struct {
	ID        json.RawMessage `json:"id"`
	Image     json.RawMessage `json:"image_id"`
	Category  json.RawMessage `json:"category_id"`
	KeyPoints []float64       `json:"keypoints"` // x, y, visibility
	Box       []float64       `json:"bbox"`      // left, top, width, height
	Crowd     int             `json:"iscrowd"`
}

// Visibility of a key point.
const (
	cocoUnlabelled = 0
	cocoHidden     = 1
	cocoVisible    = 2
)

// OpenCOCO opens faces with key points in COCO's JSON, which is how 300W (68
// points), COFW (29), AFLW (19, 21), WFLW (98) and LaPa (106) are passed around. Where
// the category names eyes, nose and corners of the mouth among its keypoints, these are
// taken, whatever their number and order. Of a folder, all
// its JSON files are taken, or else those in its folder annotations. The images are
// beside the file, in images, in ../images or in .., whichever has the first of
// them. A face has its five points when all that they are made of are labelled; one
// that is marked iscrowd is ignored.
func OpenCOCO(ctx context.Context, name string, o datasets.Options) (*Set, error) {
	lists, root, err := cocoFiles(name)
	if err != nil {
		return nil, err
	}
	var c collection
	broken := make([]*faults, len(lists))
	for i, f := range lists {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		b, err := files.Read(f, maxList)
		if err != nil {
			return nil, fmt.Errorf("reading annotations: %w", err)
		}
		if broken[i], err = c.coco(f, b); err != nil {
			return nil, err
		}
	}
	if len(c.entries) == 0 {
		return nil, unusable(strings.Join(lists, ", ")+" lists no image", broken...)
	}
	dir := filepath.Dir(lists[0])
	for _, d := range cocoImages {
		d = filepath.Join(filepath.Dir(lists[0]), d)
		if slices.ContainsFunc(c.entries, func(e entry) bool {
			info, err := os.Stat(filepath.Join(d, filepath.FromSlash(e.id)))
			return err == nil && info.Mode().IsRegular()
		}) {
			dir = d
			break
		}
	}
	d := description{kind: COCO, decode: o.Decode, source: name, root: root, images: dir, labels: lists, faults: broken}
	if len(lists) == 1 {
		d.name = filepath.Base(lists[0])
	}
	return newSet(d, c.entries), nil
}

// cocoFiles finds the annotations and the folder the data set is named after.
func cocoFiles(name string) (lists []string, root string, err error) {
	if name == "" {
		return nil, "", errors.New("no file is named; write the JSON file or its folder behind the colon")
	}
	if info, err := os.Stat(name); err != nil {
		return nil, "", fmt.Errorf("opening annotations: %w", err)
	} else if !info.IsDir() {
		real, err := filepath.EvalSymlinks(name)
		if err != nil {
			return nil, "", fmt.Errorf("opening annotations: %w", err)
		}
		return []string{real}, filepath.Dir(real), nil
	}
	if root, err = files.Dir(name); err != nil {
		return nil, "", err
	}
	for _, d := range []string{root, filepath.Join(root, "annotations")} {
		if lists, err = filepath.Glob(filepath.Join(escapeGlob(d), "*.json")); err != nil {
			return nil, "", fmt.Errorf("looking for annotations: %w", err)
		}
		if len(lists) > 0 {
			slices.SortFunc(lists, files.Natural)
			return lists, root, nil
		}
	}
	return nil, "", fmt.Errorf("%s has no JSON file, neither in itself nor in annotations", name)
}

// readCOCO decodes the three lists element by element.
func readCOCO(file string, b []byte) (images []element[cocoImage], annotations []element[cocoAnnotation], categories []element[cocoCategory], err error) {
	r, err := read(file, b, new(cocoFile))
	if err != nil {
		return nil, nil, nil, err
	}
	if _, err = r.open("the file", '{'); err != nil {
		return nil, nil, nil, err
	}
	seen := false
	for r.dec.More() {
		key, err := r.dec.Token()
		if err != nil {
			return nil, nil, nil, fmt.Errorf("decoding %s: %w", file, err)
		}
		switch key {
		case "images":
			seen = true
			images, err = elements[cocoImage](r, "images")
		case "annotations":
			annotations, err = elements[cocoAnnotation](r, "annotations")
		case "categories":
			categories, err = elements[cocoCategory](r, "categories")
		default:
			if err = r.dec.Decode(&nothing{}); err != nil {
				err = fmt.Errorf("decoding %s: %w", file, err)
			}
		}
		if err != nil {
			return nil, nil, nil, err
		}
	}
	if !seen {
		return nil, nil, nil, fmt.Errorf("%s has no field images, so it is not COCO's format; where the folder has other JSON files, name the file that is meant", file)
	}
	return images, annotations, categories, nil
}

// coco adds the images and faces of a file, and returns what of it is neither.
func (c *collection) coco(file string, b []byte) (*faults, error) {
	images, annotations, categories, err := readCOCO(file, b)
	if err != nil {
		return nil, err
	}
	broken := &faults{file: file}
	bad := func(list string, n int, err error) { broken.add(fmt.Sprintf(" %s[%d]", list, n), "", err) }
	var in cocoFile
	for _, el := range categories {
		if el.err != nil {
			bad("categories", el.n, fmt.Errorf("%s: categories[%d]: %w", at(file, el.line), el.n, el.err))
			continue
		}
		in.Categories = append(in.Categories, el.value)
	}
	for _, el := range annotations {
		in.Annotations = append(in.Annotations, el.value)
	}
	if err := in.faces(); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	// By id; "" stands for images that cannot be used, which costs their faces.
	names := make(map[string]string, len(images))
	for _, el := range images {
		err := c.cocoImage(fmt.Sprintf("%s: images[%d]", at(file, el.line), el.n), el, names)
		if err != nil {
			bad("images", el.n, err)
			if key := text(el.value.ID); key != "" && names[key] == "" {
				names[key] = ""
			}
		}
	}
	// Some files, 300W's among them, give every point visibility 1: it then says
	// nothing of what is hidden.
	tells := slices.ContainsFunc(in.Annotations, func(a cocoAnnotation) bool {
		for i := 2; i < len(a.KeyPoints); i += 3 {
			if a.KeyPoints[i] == cocoVisible {
				return true
			}
		}
		return false
	})
	named := in.namedSchemes()
	strangers, first := 0, ""
	for _, el := range annotations {
		a := el.value
		where := fmt.Sprintf("%s: annotations[%d]", at(file, el.line), el.n)
		if id := text(a.ID); id != "" {
			where += fmt.Sprintf(" (id %.80s)", id)
		}
		name, ok := names[text(a.Image)]
		switch {
		case !ok && el.err != nil:
			bad("annotations", el.n, fmt.Errorf("%s: %w", where, el.err))
			continue
		case !ok:
			if strangers++; strangers == 1 {
				first = fmt.Sprintf("%s.image_id: there is no image %.80q in the file", where, text(a.Image))
			}
			continue
		case name == "":
			continue
		}
		f, err := a.face(tells, named[text(a.Category)])
		if el.err != nil {
			err = el.err
		}
		f.where, f.err = where, err
		e := c.image(name)
		e.faces = append(e.faces, f)
	}
	if strangers > 0 {
		broken.add(" annotations", "", fmt.Errorf("%s, nor for %d others of its annotations", first, strangers-1))
	}
	return broken, nil
}

// cocoImage adds an image, and its name to names.
func (c *collection) cocoImage(where string, el element[cocoImage], names map[string]string) error {
	if el.err != nil {
		return fmt.Errorf("%s: %w", where, el.err)
	}
	im := el.value
	name, err := below(im.Name)
	if err != nil {
		return fmt.Errorf("%s.file_name: %w", where, err)
	}
	key := text(im.ID)
	if _, double := names[key]; double || key == "" {
		return fmt.Errorf("%s.id is %.80q: every image needs an id of its own", where, key)
	}
	if im.Width < 0 || im.Height < 0 || (im.Width == 0) != (im.Height == 0) {
		return fmt.Errorf("%s: a size of %d×%d is impossible", where, im.Width, im.Height)
	}
	e := c.image(name)
	if e.w != 0 && im.Width != 0 && (e.w != im.Width || e.h != im.Height) {
		return fmt.Errorf("%s: %s is %d×%d here, %d×%d before", where, name, im.Width, im.Height, e.w, e.h)
	}
	if im.Width != 0 {
		e.w, e.h = im.Width, im.Height
	}
	names[key] = name
	return nil
}

// faces refuses files that say by their categories that they are about something
// else, and have no key points: COCO-Text, objects.
func (f *cocoFile) faces() error {
	var others []string
	for _, c := range f.Categories {
		name := strings.ToLower(c.Name + " " + c.Super)
		for _, of := range []string{"face", "person", "people", "head", "human"} {
			if strings.Contains(name, of) {
				return nil
			}
		}
		others = append(others, c.Name)
	}
	if len(others) == 0 || slices.ContainsFunc(f.Annotations, func(a cocoAnnotation) bool { return len(a.KeyPoints) > 0 }) {
		return nil
	}
	return fmt.Errorf("its categories are %s, and no annotation has key points: this is no set of faces; docs/text-data.md says how text is read", strings.Join(others[:min(len(others), 5)], ", "))
}

// text is an id, number or text, for comparison; "" for none.
func text(id json.RawMessage) string {
	if bytes.Equal(id, []byte("null")) {
		return ""
	}
	return strings.Trim(string(bytes.TrimSpace(id)), `"`)
}

// namedSchemes are the schemes of categories that name their key points, by id.
func (f *cocoFile) namedSchemes() map[string]*Scheme {
	out := map[string]*Scheme{}
	for _, c := range f.Categories {
		if s, ok := schemeByNames(c.Name, c.Points); ok {
			out[text(c.ID)] = &s
		}
	}
	return out
}

// face is the annotation as a face; tells says that visibility distinguishes hidden
// points from others, named is the scheme that the category states by names, or nil.
func (a cocoAnnotation) face(tells bool, named *Scheme) (face, error) {
	f := face{ignore: a.Crowd != 0}
	drawn := box{}
	if n := len(a.KeyPoints); n > 0 {
		if n%3 != 0 {
			return f, fmt.Errorf("keypoints has %d numbers: x, y and visibility of each are wanted", n)
		}
		var scheme Scheme
		if named != nil && named.Points == n/3 {
			scheme = *named
		} else {
			var err error
			if scheme, err = schemeOf(n / 3); err != nil {
				return f, fmt.Errorf("keypoints: %w", err)
			}
		}
		var all, labelled []datasets.Point
		for i := 0; i < n; i += 3 {
			x, y, v := a.KeyPoints[i], a.KeyPoints[i+1], a.KeyPoints[i+2]
			if !plausible(x) || !plausible(y) || v != cocoUnlabelled && v != cocoHidden && v != cocoVisible {
				return f, fmt.Errorf("keypoints[%d]: %g, %g with visibility %g is no key point", i, x, y, v)
			}
			all = append(all, datasets.Point{X: x, Y: y})
			if v != cocoUnlabelled {
				labelled = append(labelled, all[i/3])
			}
		}
		least, hidden := float64(cocoVisible), false
		for _, from := range scheme.Five {
			for _, i := range from {
				least = min(least, a.KeyPoints[3*i+2])
				hidden = hidden || tells && a.KeyPoints[3*i+2] == cocoHidden
			}
		}
		if least > cocoUnlabelled {
			if f.points = scheme.five(all); named != nil {
				f.points = inImageOrder(f.points)
			}
		}
		if hidden {
			f.tags = append(f.tags, TagOccluded)
		}
		if drawn = bounds(labelled); scheme.Points == pointCount && f.points != nil {
			drawn = square(f.points)
		}
	}
	if len(a.Box) > 0 {
		b, err := boxOf(a.Box)
		if err != nil {
			return f, fmt.Errorf("bbox: %w", err)
		}
		f.box = box{b[0], b[1], b[0] + b[2], b[1] + b[3]}
	}
	if f.box.empty() {
		if f.box = drawn; f.box.empty() {
			return f, fmt.Errorf("bbox %v has no area, and there are no key points around which to draw one", a.Box)
		}
		f.tags = append(f.tags, TagBoxFromPoints)
	}
	return f, nil
}
