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

type tokBenchImage struct {
	Name   string         `json:"image_name"`
	Height int            `json:"img_height"`
	Width  int            `json:"img_width"`
	Faces  []tokBenchFace `json:"faces"`
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
	if err := c.tokBench(meta, b); err != nil {
		return nil, err
	}
	if len(c.entries) == 0 {
		return nil, fmt.Errorf("%s lists no image", meta)
	}
	return newSet(description{kind: TokBench, decode: o.Decode, source: dir, root: root, images: images, labels: []string{meta}}, c.entries), nil
}

// tokBench adds the images and faces of the file.
func (c *collection) tokBench(file string, b []byte) error {
	var in []tokBenchImage
	if err := unmarshal(file, b, &in); err != nil {
		return err
	}
	for i, im := range in {
		where := fmt.Sprintf("%s: [%d]", file, i)
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
			where := fmt.Sprintf("%s (%s).faces[%d]", where, name, k)
			g, err := f.face()
			if err != nil {
				return fmt.Errorf("%s: %w", where, err)
			}
			g.where = where
			e.faces = append(e.faces, g)
		}
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
