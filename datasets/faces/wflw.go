package faces

import (
	"bytes"
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/vtbench/vtbench/datasets"
	"github.com/vtbench/vtbench/internal/files"
)

// WFLW names the kind "wflw:DIR".
const WFLW = "wflw"

// wflwLists are the folders in which the lists of faces lie, as they come out of
// the archive, and wherever people move them.
var wflwLists = []string{
	"WFLW_annotations/list_98pt_rect_attr_train_test", "list_98pt_rect_attr_train_test", "WFLW_annotations", ".",
}

// wflwAttributes are the six attributes of a line, in their order.
var wflwAttributes = [6]string{"pose", "expression", "illumination", "make-up", "occlusion", "blur"}

// wflwFields is how many fields stand before the name of the image.
const wflwFields = 2*98 + 4 + len(wflwAttributes)

// OpenWFLW opens Wider Facial Landmarks in the Wild (Wu et al. 2018): the images
// in WFLW_images and list_98pt_rect_attr_train.txt, list_98pt_rect_attr_test.txt or
// both, in the folders of the archive or in dir itself. The faces of an image are
// one item, also where lists share the image. Tags are the attributes that are set
// and "train" or "test".
func OpenWFLW(ctx context.Context, dir string, o datasets.Options) (*Set, error) {
	root, err := files.Dir(dir)
	if err != nil {
		return nil, err
	}
	images := filepath.Join(root, "WFLW_images")
	if _, err := files.Dir(images); err != nil {
		return nil, fmt.Errorf("WFLW's images are looked for in WFLW_images: %w", err)
	}
	lists, err := wflwFiles(root)
	if err != nil {
		return nil, err
	}
	if len(lists) == 0 {
		return nil, fmt.Errorf("%s has no list_98pt_rect_attr_*.txt, neither in itself nor in %s", dir, strings.Join(wflwLists[:3], " nor in "))
	}
	var c collection
	broken := make([]*faults, len(lists))
	for i, l := range lists {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		b, err := files.Read(l, maxList)
		if err != nil {
			return nil, fmt.Errorf("reading WFLW's list: %w", err)
		}
		if broken[i], err = c.wflw(l, b); err != nil {
			return nil, err
		}
	}
	if len(c.entries) == 0 {
		return nil, unusable(strings.Join(lists, ", ")+" has no face", broken...)
	}
	return newSet(description{kind: WFLW, decode: o.Decode, source: dir, root: root, images: images, labels: lists, faults: broken}, c.entries), nil
}

func wflwFiles(root string) ([]string, error) {
	for _, d := range wflwLists {
		lists, err := filepath.Glob(filepath.Join(escapeGlob(root), d, "list_98pt_rect_attr_*.txt"))
		if err != nil {
			return nil, fmt.Errorf("looking for WFLW's lists: %w", err)
		}
		if len(lists) > 0 {
			slices.Sort(lists)
			return lists, nil
		}
	}
	return nil, nil
}

// wflw adds the faces of a list, and returns which of its lines have none.
func (c *collection) wflw(file string, b []byte) (*faults, error) {
	scheme, err := schemeOf(98)
	if err != nil {
		return nil, err
	}
	broken := &faults{file: file}
	split := strings.TrimPrefix(strings.TrimSuffix(filepath.Base(file), ".txt"), "list_98pt_rect_attr_")
	eachLine(b, broken, func(n int, line string) error {
		name, v, err := wflwLine(line)
		if err != nil {
			return err
		}
		f := face{where: at(file, n), tags: []string{split}}
		all := make([]datasets.Point, 98)
		for i := range all {
			all[i] = datasets.Point{X: v[2*i], Y: v[2*i+1]}
		}
		f.points = scheme.five(all)
		if f.box = box(v[196:200]); f.box.empty() {
			f.box = bounds(all)
			f.tags = append(f.tags, TagBoxFromPoints)
		}
		for i, a := range wflwAttributes {
			if v[200+i] != 0 {
				f.tags = append(f.tags, a)
			}
		}
		e := c.image(name)
		e.faces = append(e.faces, f)
		return nil
	})
	return broken, nil
}

// wflwLine splits a line into the name of the image and the numbers before it.
func wflwLine(line string) (string, []float64, error) {
	v := make([]float64, wflwFields)
	rest := line
	for i := range v {
		field, after, ok := strings.Cut(strings.TrimLeft(rest, " \t"), " ")
		f, err := strconv.ParseFloat(field, 64)
		if err != nil || !plausible(f) || !ok {
			return "", nil, fmt.Errorf("field %d is %.80q: 196 coordinates, 4 of the box, 6 attributes and the image's name are wanted", i+1, field)
		}
		v[i], rest = f, after
	}
	for i, a := range wflwAttributes {
		if x := v[200+i]; x != 0 && x != 1 {
			return "", nil, fmt.Errorf("field %d, %s, is %g: 0 or 1 is wanted", 201+i, a, x)
		}
	}
	name, err := below(strings.TrimSpace(rest))
	return name, v, err
}

// escapeGlob makes a path a pattern that matches it alone.
func escapeGlob(p string) string {
	return strings.NewReplacer(`[`, `[[]`, `*`, `[*]`, `?`, `[?]`).Replace(p)
}

// at names a line of a file.
func at(file string, line int) string { return file + ":" + strconv.Itoa(line) }

// maxList is the longest list of faces that is read whole: ten times the longest of the
// sets that are known.
const maxList = 256 << 20

// maxLine is the longest line of a list; WFLW's have 3 kB.
const maxLine = 1 << 20

// eachLine calls f for the lines of a file that are not blank. A line for which it has an
// error is a fault; after enough of them it ends.
func eachLine(b []byte, broken *faults, f func(n int, line string) error) {
	n := 0
	for raw := range bytes.Lines(bytes.TrimPrefix(b, []byte("\xef\xbb\xbf"))) {
		n++
		raw = bytes.TrimSpace(raw)
		var err error
		switch {
		case len(raw) == 0:
			continue
		case len(raw) > maxLine:
			err = fmt.Errorf("the line has more than %d bytes; this is no list of faces", maxLine)
		default:
			err = f(n, string(raw))
		}
		if err != nil {
			broken.line(n, "", err)
		}
		if broken.enough() {
			return
		}
	}
}
