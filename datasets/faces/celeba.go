package faces

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/vtbench/vtbench/datasets"
	"github.com/vtbench/vtbench/internal/files"
	"github.com/vtbench/vtbench/pix"
)

// CelebA names the kind "celeba:DIR".
const CelebA = "celeba"

// celebaCrop is a way in which CelebA's images are handed out.
type celebaCrop struct {
	dirs      []string
	landmarks string // "" where those of the other crops do not fit
	boxes     string
	// aligned is where faces are, for w×h images, when nothing else tells.
	aligned func(w, h int) (box, bool)
}

// The size of img_align_celeba, and about where its alignment puts eyes, nose and
// mouth.
const celebaW, celebaH = 178, 218

var celebaFive = []datasets.Point{{X: 69.5, Y: 111}, {X: 108, Y: 111}, {X: 89, Y: 135}, {X: 71.5, Y: 152}, {X: 105.5, Y: 152}}

func celebaCrops() []celebaCrop {
	return []celebaCrop{
		{
			dirs:      []string{"img_align_celeba", "img_align_celeba_png"},
			landmarks: "list_landmarks_align_celeba",
			aligned: func(w, h int) (box, bool) {
				return square(celebaFive), w == celebaW && h == celebaH
			},
		},
		{dirs: []string{"img_celeba"}, landmarks: "list_landmarks_celeba", boxes: "list_bbox_celeba"},
		{
			dirs:    []string{"CelebA-HQ-img", "CelebA-HQ", "celeba-hq", "celeba_hq", "data1024x1024", "celeba-1024", "data512x512", "data256x256"},
			aligned: func(w, h int) (box, bool) { return alignedBox(w, h), w == h },
		},
	}
}

// The files beside the images; the text files of the authors or tables with commas.
const (
	celebaIdentities = "identity_CelebA"
	celebaMapping    = "CelebA-HQ-to-CelebA-mapping"
)

// celebaAnnotations are the folders in which they lie.
var celebaAnnotations = []string{".", "Anno", "anno", "annotations"}

// OpenCelebA opens CelebA (Liu et al. 2015) in any of its crops: img_align_celeba
// with list_landmarks_align_celeba.txt, img_celeba with list_landmarks_celeba.txt
// and list_bbox_celeba.txt, or CelebA-HQ (Karras et al. 2018) in CelebA-HQ-img, with
// identity_CelebA.txt, in dir itself or in Anno. The first crop that is there is
// taken; its folder may hold a part of the images. An image of which a list that is
// there has no line, or none that can be read, is an item that fails.
//
// CelebA-HQ was cropped anew, so that no list has its points. Who it is, is known
// where images keep CelebA's names or CelebA-HQ-to-CelebA-mapping.txt tells them.
func OpenCelebA(ctx context.Context, dir string, o datasets.Options) (*Set, error) {
	root, err := files.Dir(dir)
	if err != nil {
		return nil, err
	}
	crop, images, err := celebaImages(root)
	if err != nil {
		return nil, err
	}
	found, err := files.List(ctx, images, pix.IsImage)
	if err != nil {
		return nil, err
	}
	names := found.Files
	if len(names) == 0 {
		return nil, fmt.Errorf("%s has no image", images)
	}
	d := description{kind: CelebA, decode: o.Decode, leftOut: found.LeftOut, source: dir, root: root, images: images}
	read := func(name string, columns int, numeric bool) (table, error) {
		t, err := celebaTable(ctx, root, name, columns, numeric)
		if err == nil && t.file != "" {
			d.labels = append(d.labels, t.file)
			d.faults = append(d.faults, t.broken)
		}
		return t, err
	}
	var lists celebaLists
	if lists.points, err = read(crop.landmarks, 2*pointCount, true); err != nil {
		return nil, err
	}
	if lists.boxes, err = read(crop.boxes, 4, true); err != nil {
		return nil, err
	}
	if lists.people, err = read(celebaIdentities, 1, false); err != nil {
		return nil, err
	}
	if crop.landmarks == "" {
		if lists.originals, err = read(celebaMapping, 2, false); err != nil {
			return nil, err
		}
	}
	entries := make([]entry, len(names))
	for i, n := range names {
		entries[i] = entry{id: n, fit: func(w, h int) ([]face, error) {
			f, err := lists.face(n, crop, w, h)
			return []face{f}, err
		}}
		lists.claim(n, crop)
	}
	return newSet(d, entries), nil
}

// celebaImages finds the first crop.
func celebaImages(root string) (celebaCrop, string, error) {
	var all []string
	for _, c := range celebaCrops() {
		for _, d := range c.dirs {
			for _, in := range []string{"", "Img", "img"} {
				// A link stays as it is: what it is resolved to would get into the digest.
				images := filepath.Join(root, in, d)
				if isDir(images) {
					return c, images, nil
				}
			}
		}
		all = append(all, c.dirs...)
	}
	return celebaCrop{}, "", fmt.Errorf("%s has no folder of CelebA's images; looked for are %s", root, strings.Join(all, ", "))
}

// celebaLists is what is known of the images, by name; a list that is not there has
// no file.
type celebaLists struct{ points, boxes, people, originals table }

// claim looks up the lines of an image, so that those that cannot be read are told as
// errors of that image alone.
func (l celebaLists) claim(name string, crop celebaCrop) {
	base := path.Base(name)
	l.points.claim(base)
	l.boxes.claim(base)
	if crop.landmarks == "" {
		l.originals.claim(celebaNumber(base))
	}
	if who, err := l.original(base, crop); err == nil {
		l.people.claim(who)
	}
}

func (l celebaLists) face(name string, crop celebaCrop, w, h int) (face, error) {
	base := path.Base(name)
	f := face{where: name}
	if l.points.file != "" {
		v, where, err := l.points.row(base)
		if err != nil {
			return f, err
		}
		f.where = where
		for i := range pointCount {
			f.points = append(f.points, datasets.Point{X: v.numbers[2*i], Y: v.numbers[2*i+1]})
		}
	}
	if l.boxes.file != "" {
		v, where, err := l.boxes.row(base)
		if err != nil {
			return f, err
		}
		b := v.numbers
		f.where, f.box = where, box{b[0], b[1], b[0] + b[2], b[1] + b[3]}
	}
	if f.box.empty() { // a few of list_bbox_celeba.txt have no area
		b, ok := box{}, false
		if crop.aligned != nil {
			b, ok = crop.aligned(w, h)
		}
		switch {
		case f.points != nil:
			f.box, f.tags = square(f.points), []string{TagBoxFromPoints}
		case ok:
			f.box, f.tags = b, []string{TagBoxFromAlignment}
		default:
			f.box, f.tags = box{0, 0, float64(w), float64(h)}, []string{TagBoxIsImage}
		}
	}
	who, err := l.original(base, crop)
	if err != nil || who == "" || l.people.file == "" {
		return f, err
	}
	v, _, err := l.people.row(who)
	if err != nil {
		return f, err
	}
	f.identity = v.fields[0]
	return f, nil
}

// celebaDigits is how long CelebA's numbers are; CelebA-HQ's own numbers are
// shorter, and of other people.
const celebaDigits = 6

// original is CelebA's name of an image, "" where it is not known.
func (l celebaLists) original(base string, crop celebaCrop) (string, error) {
	switch {
	case crop.landmarks != "":
		return base, nil
	case l.originals.file != "":
		v, _, err := l.originals.row(celebaNumber(base))
		if err != nil {
			return "", err
		}
		return v.fields[1], nil
	case len(stem(base)) == celebaDigits:
		return base, nil
	}
	return "", nil
}

// celebaNumber is the number of an image of CelebA-HQ, as the mapping has it.
func celebaNumber(base string) string {
	if n := strings.TrimLeft(stem(base), "0"); n != "" {
		return n
	}
	return "0"
}

// table is a list of CelebA's: a line an image.
type table struct {
	file   string
	rows   map[string]tableRow
	broken *faults
}

type tableRow struct {
	line    int
	fields  []string
	numbers []float64
}

// row finds the line of an image, which PNG copies keep under the name of the JPEG.
func (t table) row(name string) (tableRow, string, error) {
	r, ok := t.rows[stem(name)]
	if !ok {
		err := t.broken.of(stem(name))
		if err == nil {
			err = t.broken.missing("line for " + name)
		}
		return r, "", err
	}
	return r, at(t.file, r.line), nil
}

// claim says that the image of a name is there.
func (t table) claim(name string) {
	if _, ok := t.rows[stem(name)]; !ok && t.file != "" {
		t.broken.claim(stem(name))
	}
}

// celebaTable reads a list, NAME.txt or NAME.csv; where there is none it has no file.
func celebaTable(ctx context.Context, root, name string, columns int, numeric bool) (table, error) {
	if name == "" {
		return table{}, nil
	}
	for _, d := range celebaAnnotations {
		for _, ext := range []string{".txt", ".csv"} {
			if err := ctx.Err(); err != nil {
				return table{}, err
			}
			file := filepath.Join(root, d, name+ext)
			b, err := files.Read(file, maxList)
			if errors.Is(err, os.ErrNotExist) {
				continue
			}
			if err != nil {
				return table{}, fmt.Errorf("reading CelebA's list: %w", err)
			}
			return parseTable(file, b, columns, numeric)
		}
	}
	return table{}, nil
}

// parseTable reads lines of a name and columns, parted by blanks or commas. The
// number of lines and the names of the columns may stand before them, as in the
// authors' files. A line that cannot be read is a fault of the image that it begins with.
func parseTable(file string, b []byte, columns int, numeric bool) (table, error) {
	t := table{file: file, rows: map[string]tableRow{}, broken: &faults{file: file}}
	count, counted, n, rows, data := 0, 0, 0, 0, false // counted is the line that announces, 0 for none
	eachLine(b, t.broken, func(lineNo int, line string) error {
		n++
		f := strings.FieldsFunc(line, func(r rune) bool { return r == ' ' || r == '\t' || r == ',' })
		if len(f) == 0 {
			return fmt.Errorf("commas alone: a name and %d more fields are wanted", columns)
		}
		if n == 1 && len(f) == 1 {
			var err error
			if count, err = strconv.Atoi(f[0]); err != nil || count < 0 {
				return fmt.Errorf("%.80q is no number of lines", f[0])
			}
			counted = lineNo
			return nil
		}
		if !data && tableHeader(f) {
			return nil
		}
		data = true
		rows++
		key := stem(f[0])
		r, err := parseRow(f[1:], columns, numeric)
		before, double := t.rows[key]
		switch {
		case err != nil:
			about := key
			if double {
				about = "" // the image has a line
			}
			t.broken.line(lineNo, about, err)
		case double:
			return fmt.Errorf("%.80s has a line before, %d", f[0], before.line)
		default:
			r.line = lineNo
			t.rows[key] = r
		}
		return nil
	})
	if len(t.rows) == 0 && t.broken.count() > 0 {
		return table{}, unusable(file+" has no line that can be read", t.broken)
	}
	if counted > 0 && count != rows && !t.broken.cut {
		t.broken.line(counted, "", fmt.Errorf("%d lines of images are announced, but there are %d; the file was cut off or edited: get it again, or correct this line", count, rows))
	}
	return t, nil
}

// parseRow reads what stands behind the name of an image.
func parseRow(f []string, columns int, numeric bool) (tableRow, error) {
	if len(f) != columns {
		return tableRow{}, fmt.Errorf("%d fields: a name and %d more are wanted", len(f)+1, columns)
	}
	if !numeric {
		return tableRow{fields: f}, nil
	}
	var r tableRow
	for _, s := range f {
		x, err := strconv.ParseFloat(s, 64)
		if err != nil || !plausible(x) {
			return tableRow{}, fmt.Errorf("%.80q is no position in an image", s)
		}
		r.numbers = append(r.numbers, x)
	}
	return r, nil
}

// celebaHeaders are first words of the lines that name columns.
var celebaHeaders = []string{"image_id", "image", "lefteye_x", "idx", "filename"}

func tableHeader(f []string) bool { return slices.Contains(celebaHeaders, strings.ToLower(f[0])) }
