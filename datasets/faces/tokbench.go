package faces

import (
	"context"
	"fmt"
	"path/filepath"

	"github.com/vtbench/vtbench/datasets"
	"github.com/vtbench/vtbench/internal/files"
)

// TokBench names the kind "tokbench-face:DIR".
const TokBench = "tokbench-face"

// A tokBenchImage has faces, or parts that are faces.
type tokBenchImage[F any] struct {
	Name   string `json:"image_name"`
	Height int    `json:"img_height"`
	Width  int    `json:"img_width"`
	Faces  []F    `json:"faces"`
}

type tokBenchFace struct {
	KeyPoints [][]float64 `json:"kps"`
	Box       []float64   `json:"box"` // left, top, right, bottom
	Ratio     float64     `json:"ratio"`
}

// OpenTokBench opens the faces of TokBench (Wu et al. 2025): images/face_data/wflw
// and annotations/face_meta.json. Scale is the ratio that the file states, which is
// what TokBench bins by; its field gt is not read.
func OpenTokBench(ctx context.Context, dir string, o datasets.Options) (*Set, error) {
	root, err := files.Dir(dir)
	if err != nil {
		return nil, err
	}
	images := filepath.Join(root, "images", "face_data", "wflw")
	if _, err := files.Dir(images); err != nil {
		return nil, fmt.Errorf("TokBench's faces are looked for in images/face_data/wflw: %w", err)
	}
	meta := filepath.Join(root, "annotations", "face_meta.json")
	b, err := files.Read(meta, maxList)
	if err != nil {
		return nil, fmt.Errorf("reading TokBench's key points: %w", err)
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	var c collection
	broken, err := c.tokBench(meta, b)
	if err != nil {
		return nil, err
	}
	if len(c.entries) == 0 {
		return nil, unusable(meta+" lists no image", broken)
	}
	return newSet(description{kind: TokBench, decode: o.Decode, source: dir, root: root, images: images, labels: []string{meta}, faults: []*faults{broken}}, c.entries), nil
}

// tokBench adds the images and faces of the file, and returns which of its elements are
// none.
func (c *collection) tokBench(file string, b []byte) (*faults, error) {
	r, err := read(file, b, new([]tokBenchImage[tokBenchFace]))
	if err != nil {
		return nil, err
	}
	list, err := elements[tokBenchImage[part[tokBenchFace]]](r, "the file")
	if err != nil {
		return nil, err
	}
	broken := &faults{file: file}
	for _, el := range list {
		where := fmt.Sprintf("%s: [%d]", at(file, el.line), el.n)
		if err := c.tokBenchImage(where, el); err != nil {
			broken.add(fmt.Sprintf("[%d]", el.n), "", err)
		}
	}
	return broken, nil
}

// tokBenchImage adds an image and its faces.
func (c *collection) tokBenchImage(where string, el element[tokBenchImage[part[tokBenchFace]]]) error {
	if el.err != nil {
		return fmt.Errorf("%s: %w", where, el.err)
	}
	im := el.value
	name, err := below(im.Name)
	if err != nil {
		return fmt.Errorf("%s.image_name: %w", where, err)
	}
	if im.Width <= 0 || im.Height <= 0 {
		return fmt.Errorf("%s (%s): img_width and img_height are %d and %d: the size of the image is wanted", where, name, im.Width, im.Height)
	}
	if _, double := c.at[name]; double {
		return fmt.Errorf("%s: %s is listed twice", where, name)
	}
	e := c.image(name)
	e.w, e.h = im.Width, im.Height
	for k, f := range im.Faces {
		g, err := f.value.face()
		if f.err != nil {
			err = f.err
		}
		g.where, g.err = fmt.Sprintf("%s (%s).faces[%d]", where, name, k), err
		e.faces = append(e.faces, g)
	}
	return nil
}

func (f tokBenchFace) face() (face, error) {
	g := face{scale: f.Ratio}
	if f.Ratio <= 0 {
		return g, fmt.Errorf("ratio is %g: the size of the face over that of the image is wanted", f.Ratio)
	}
	if len(f.KeyPoints) != pointCount {
		return g, fmt.Errorf("kps has %d points, want 5", len(f.KeyPoints))
	}
	for i, p := range f.KeyPoints {
		if len(p) != 2 || !plausible(p[0]) || !plausible(p[1]) {
			return g, fmt.Errorf("kps[%d] is %v: x and y are wanted", i, p)
		}
		g.points = append(g.points, datasets.Point{X: p[0], Y: p[1]})
	}
	var err error
	if g.box, err = boxOf(f.Box); err != nil {
		return g, fmt.Errorf("box: %w", err)
	}
	if g.box.empty() {
		return g, fmt.Errorf("box is %v: left, top, right, bottom are wanted in this order", f.Box)
	}
	return g, nil
}
