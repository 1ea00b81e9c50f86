package segmentation

import (
	"context"
	_ "embed"
	"fmt"
	"path"
	"path/filepath"
	"strings"

	"github.com/vtbench/vtbench/datasets"
	"github.com/vtbench/vtbench/internal/files"
)

//go:embed ade20k.txt
var ade20kClasses string

// ADE20KClasses are the 150 classes of SceneParse150, in the order of their ids, which begin
// at 1. Colours are those of open-mmlab/mmsegmentation at 088894b (mmseg/datasets/ade.py),
// but for skyscraper, which has road's there; objects are the things of
// facebookresearch/Mask2Former at 161be51.
func ADE20KClasses() []datasets.Class {
	var out []datasets.Class
	for line := range strings.Lines(ade20kClasses) {
		var c datasets.Class
		var kind string
		// Our own file; a test reads it.
		_, _ = fmt.Sscan(line, &c.Colour[0], &c.Colour[1], &c.Colour[2], &kind)
		c.Objects = kind == "object"
		c.Name = strings.TrimSpace(strings.SplitN(line, " ", 5)[4])
		out = append(out, c)
	}
	return out
}

// OpenADE20K opens the label maps of a part of ADE20K (Zhou et al. 2017) as the scene parsing
// challenge hands them out: ADEChallengeData2016/annotations/validation/NAME.png, with the
// gray values 1 to 150, 0 for void. DIR is the folder of the set, of annotations, or of a
// part; of several parts one must be named. Where images/ lies beside annotations/, labels
// without a photograph and photographs without labels are items that fail.
//
// Layout as in CSAILVision/semantic-segmentation-pytorch at 1b8371a (dataset.py,
// data/validation.odgt) and CSAILVision/sceneparsing at a840d2e; classes as [ADE20KClasses].
func OpenADE20K(ctx context.Context, dir string, o datasets.Options) (*Set, error) {
	root, err := files.Dir(dir)
	if err != nil {
		return nil, err
	}
	if root, err = descend(ADE20K, dir, root, []string{"ADEChallengeData2016"}, []string{"annotations"}, []string{"validation", "training"}); err != nil {
		return nil, err
	}
	l, err := files.List(ctx, root, func(name string) bool { return strings.EqualFold(path.Ext(name), ".png") })
	if err != nil {
		return nil, err
	}
	if len(l.Files) == 0 {
		return nil, fmt.Errorf("%s has no label map: annotations/validation/NAME.png is wanted", dir)
	}
	s := &Set{list: l, o: o, classes: ADE20KClasses(), values: "a gray value from 0 to 150"}
	var of [256]int
	for v := range of {
		switch {
		case v == 0:
			of[v] = datasets.Void
		case v <= len(s.classes):
			of[v] = v - 1
		default:
			of[v] = -1
		}
	}
	s.read = gray(of)
	photos := beside(root, "images")
	if photos == root {
		photos = ""
	}
	stem := func(name string) string { return strings.TrimSuffix(name, path.Ext(name)) }
	failed, err := unpaired(ctx, photos, l, stem, stem)
	if err != nil {
		return nil, err
	}
	s.fill(failed)
	s.describe(ADE20K, "ADE20K, "+filepath.Base(root), "LicenseRef-ADE20K-non-commercial", dir, "SceneParse150")
	return s, nil
}
