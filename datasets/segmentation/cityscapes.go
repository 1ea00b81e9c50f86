package segmentation

import (
	"context"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/vtbench/vtbench/datasets"
	"github.com/vtbench/vtbench/internal/files"
)

// A cityscapesLabel is a line of Cityscapes' table of labels; train is 255 where the
// evaluation ignores it.
type cityscapesLabel struct {
	name    string
	id      uint8
	train   uint8
	colour  [3]uint8
	objects bool
}

// cityscapesLabels are the labels of mcordts/cityscapesScripts at 4b83263
// (cityscapesscripts/helpers/labels.py) that label maps of the published sets have. objects
// are those whose instances are told apart there, and traffic lights and signs.
var cityscapesLabels = []cityscapesLabel{
	{"unlabeled", 0, 255, [3]uint8{0, 0, 0}, false},
	{"ego vehicle", 1, 255, [3]uint8{0, 0, 0}, false},
	{"rectification border", 2, 255, [3]uint8{0, 0, 0}, false},
	{"out of roi", 3, 255, [3]uint8{0, 0, 0}, false},
	{"static", 4, 255, [3]uint8{0, 0, 0}, false},
	{"dynamic", 5, 255, [3]uint8{111, 74, 0}, false},
	{"ground", 6, 255, [3]uint8{81, 0, 81}, false},
	{"road", 7, 0, [3]uint8{128, 64, 128}, false},
	{"sidewalk", 8, 1, [3]uint8{244, 35, 232}, false},
	{"parking", 9, 255, [3]uint8{250, 170, 160}, false},
	{"rail track", 10, 255, [3]uint8{230, 150, 140}, false},
	{"building", 11, 2, [3]uint8{70, 70, 70}, false},
	{"wall", 12, 3, [3]uint8{102, 102, 156}, false},
	{"fence", 13, 4, [3]uint8{190, 153, 153}, false},
	{"guard rail", 14, 255, [3]uint8{180, 165, 180}, false},
	{"bridge", 15, 255, [3]uint8{150, 100, 100}, false},
	{"tunnel", 16, 255, [3]uint8{150, 120, 90}, false},
	{"pole", 17, 5, [3]uint8{153, 153, 153}, false},
	{"polegroup", 18, 255, [3]uint8{153, 153, 153}, false},
	{"traffic light", 19, 6, [3]uint8{250, 170, 30}, true},
	{"traffic sign", 20, 7, [3]uint8{220, 220, 0}, true},
	{"vegetation", 21, 8, [3]uint8{107, 142, 35}, false},
	{"terrain", 22, 9, [3]uint8{152, 251, 152}, false},
	{"sky", 23, 10, [3]uint8{70, 130, 180}, false},
	{"person", 24, 11, [3]uint8{220, 20, 60}, true},
	{"rider", 25, 12, [3]uint8{255, 0, 0}, true},
	{"car", 26, 13, [3]uint8{0, 0, 142}, true},
	{"truck", 27, 14, [3]uint8{0, 0, 70}, true},
	{"bus", 28, 15, [3]uint8{0, 60, 100}, true},
	{"caravan", 29, 255, [3]uint8{0, 0, 90}, true},
	{"trailer", 30, 255, [3]uint8{0, 0, 110}, true},
	{"train", 31, 16, [3]uint8{0, 80, 100}, true},
	{"motorcycle", 32, 17, [3]uint8{0, 0, 230}, true},
	{"bicycle", 33, 18, [3]uint8{119, 11, 32}, true},
}

// CityscapesClasses are the 19 classes that are evaluated, in the order of their train ids.
func CityscapesClasses() []datasets.Class {
	out := make([]datasets.Class, 19)
	for _, l := range cityscapesLabels {
		if l.train != datasets.Void {
			out[l.train] = datasets.Class{Name: l.name, Colour: l.colour, Objects: l.objects}
		}
	}
	return out
}

// The three ways in which Cityscapes stores labels, the first that is there being taken.
var encodings = []string{"labelIds", "labelTrainIds", "color"}

// labelsOption names one of them: "cityscapes:DIR,labels=color".
const labelsOption = ",labels="

var cityscapesFile = regexp.MustCompile(`^(.+)_(gtFine|gtCoarse)_(labelIds|labelTrainIds|color)\.png$`)

// OpenCityscapes opens the label maps of a part of Cityscapes (Cordts et al. 2016):
// gtFine/val/CITY/NAME_gtFine_labelIds.png, or gtCoarse; NAME_gtFine_labelTrainIds.png or
// NAME_gtFine_color.png where those are not there, or where ,labels= asks for them. DIR is
// the folder of the set, of gtFine, or of a part; of several parts one must be named. Where
// leftImg8bit lies beside gtFine, labels without a photograph and photographs without labels
// are items that fail.
//
// Classes are the 19 that are evaluated; all else is void. In color "polegroup" cannot be
// told from "pole" and counts as it.
//
// Layout as in pytorch/vision at 038105f (torchvision/datasets/cityscapes.py), labels as in
// mcordts/cityscapesScripts at 4b83263 (cityscapesscripts/helpers/labels.py).
func OpenCityscapes(ctx context.Context, arg string, o datasets.Options) (*Set, error) {
	dir, encoding := arg, ""
	if i := strings.LastIndex(arg, labelsOption); i >= 0 {
		dir, encoding = arg[:i], arg[i+len(labelsOption):]
		if !slices.Contains(encodings, encoding) {
			return nil, fmt.Errorf("labels=%s: want one of %s", encoding, strings.Join(encodings, ", "))
		}
	}
	root, err := files.Dir(dir)
	if err != nil {
		return nil, err
	}
	if root, err = descend(Cityscapes, dir, root, []string{"gtFine", "gtCoarse"}, []string{"val", "train", "train_extra", "test"}); err != nil {
		return nil, err
	}
	all, err := files.List(ctx, root, cityscapesFile.MatchString)
	if err != nil {
		return nil, err
	}
	byEncoding := map[string][]string{}
	for _, f := range all.Files {
		m := cityscapesFile.FindStringSubmatch(path.Base(f))
		byEncoding[m[3]] = append(byEncoding[m[3]], f)
	}
	for _, e := range encodings {
		if encoding == "" && len(byEncoding[e]) > 0 {
			encoding = e
		}
	}
	if len(byEncoding[encoding]) == 0 {
		return nil, fmt.Errorf("%s has no label map: NAME_gtFine_%s.png is wanted in folders of cities", dir, encodings[0])
	}
	s := &Set{list: all, o: o, classes: CityscapesClasses()}
	s.list.Files = byEncoding[encoding]
	s.list.LeftOut = all.LeftOut.Without(files.OtherName) // the other ways of storing them
	s.read, s.values = cityscapesReader(encoding)
	failed, err := unpaired(ctx, beside(root, "leftImg8bit"), s.list,
		func(name string) string {
			return path.Join(path.Dir(name), cityscapesFile.FindStringSubmatch(path.Base(name))[1])
		},
		func(name string) string {
			return strings.TrimSuffix(strings.TrimSuffix(name, path.Ext(name)), "_leftImg8bit")
		})
	if err != nil {
		return nil, err
	}
	s.fill(failed)
	s.describe(Cityscapes, "Cityscapes, "+path.Base(root), "LicenseRef-Cityscapes-non-commercial", dir, encoding)
	return s, nil
}

// cityscapesReader reads one of the encodings.
func cityscapesReader(encoding string) (read func(r, g, b uint8) (uint8, bool), values string) {
	var of [256]int
	for i := range of {
		of[i] = -1
	}
	switch encoding {
	case "labelIds":
		for _, l := range cityscapesLabels {
			of[l.id] = int(l.train)
		}
		of[255] = datasets.Void // of licence plates, whose id is -1
		return gray(of), "a gray value that is an id of Cityscapes, 0 to 33 or 255"
	case "labelTrainIds":
		for i := range 19 {
			of[i] = i
		}
		of[255] = datasets.Void
		return gray(of), "a gray value that is a train id of Cityscapes, 0 to 18 or 255"
	}
	colours := map[[3]uint8]uint8{}
	for _, l := range slices.Backward(cityscapesLabels) { // of equal colours the first counts
		colours[l.colour] = l.train
	}
	return func(r, g, b uint8) (uint8, bool) {
		index, ok := colours[[3]uint8{r, g, b}]
		return index, ok
	}, "a colour of Cityscapes' labels"
}
