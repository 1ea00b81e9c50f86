// Package mask measures what is left of segmentation masks: label maps that are painted
// in the colours of their classes, taken through a tokenizer and read back.
//
// Its opinion: a mask is judged by its labels, not by its colours. Every decoded pixel
// belongs to the class (or void) whose colour is nearest in RGB, as those do who decode
// masks with the tokenizer of an image model; what a colour is off by counts only where it
// becomes another class. Overlaps are added up over the whole set before they are divided,
// as Cityscapes does: an object of ten pixels in one image weighs ten pixels.
//
// Pixels whose label is void are never scored. A pixel that is decoded as void, where the
// label is a class, is missing from that class.
//
//	c := mask.Count(labels, mask.Decode(got, labels.Classes))
//	fmt.Println(c.IoU(0)) // TP / (TP + FP + FN) of the first class
package mask

import (
	"context"
	"errors"
	"fmt"
	"math"

	"github.com/vtbench/vtbench/datasets"
	"github.com/vtbench/vtbench/metrics"
	"github.com/vtbench/vtbench/pix"
)

// Kinds lists the metrics of this package for the registry.
func Kinds() []metrics.Kind { return []metrics.Kind{metrics.Static(metric{})} }

var specs = []metrics.Spec{
	{
		ID: "miou", Version: 1, Title: "mIoU", Unit: "share", Better: metrics.Higher, Min: 0, Max: 1, Scope: metrics.PerInstance,
		Source:   "TP / (TP + FP + FN) of a class over all pixels of the set, mean over classes (Cordts et al. 2016, as cityscapesScripts' evalPixelLevelSemanticLabeling)",
		Weighted: true, ByClass: true, Labels: true,
		Role: metrics.RoleQuality, Show: metrics.Percent(1), Margin: metrics.Margin{Absolute: .005},
		Short: "overlap of classes with their labels",
		Long:  "What share of the pixels that are of a class, or decoded as it, are both; mean over the classes that occur. Surfaces weigh as much as the smallest class of objects. Only of data sets of masks.",
	},
	{
		ID: "pixel-acc", Version: 1, Title: "Pixel acc.", Unit: "share", Better: metrics.Higher, Min: 0, Max: 1, Scope: metrics.PerImage,
		Source:   "pixels decoded as their class over labelled pixels, of the whole set (Long, Shelhamer and Darrell 2015)",
		Weighted: true, Labels: true,
		Role: metrics.RoleQuality, Show: metrics.Percent(1), Margin: metrics.Margin{Absolute: .002},
		Short: "pixels that keep their class",
		Long:  "Dominated by large surfaces: losing every pole costs it little.",
	},
	{
		ID: "boundary-f1", Version: 1, Title: "Boundary F1", Unit: "share", Better: metrics.Higher, Min: 0, Max: 1, Scope: metrics.PerImage,
		Source: "BF score (Csurka, Larlus and Perronnin, BMVC 2013): F1 of boundary pixels within .75 % of the image's diagonal, mean over the classes of the image",
		Labels: true,
		Role:   metrics.RoleQuality, Show: metrics.Percent(1), Margin: metrics.Margin{Absolute: .005},
		Short: "outlines that stay in place",
		Long:  "Of every class, how much of its decoded outline lies near the true one, and how much of the true one near a decoded one. Classes that are drawn or decoded where the other has none count as 0.",
	},
	{
		ID: "small-lost", Version: 1, Title: "Small lost", Unit: "share", Better: metrics.Lower, Min: 0, Max: 1, Scope: metrics.PerImage,
		Source:   "ours: connected regions (4 neighbours) of classes of objects that cover less than a 300th of the image, as COCO's small objects cover of 640×480, of whose pixels fewer than half are decoded as their class; over all of them",
		Weighted: true, Labels: true,
		Role: metrics.RoleQuality, Show: metrics.Percent(1), Margin: metrics.Margin{Absolute: .01},
		Short: "small objects that are lost",
		Long:  "Persons, lights, signs and the like that are no longer there for a program that reads the mask. Images without any have no value.",
	},
}

// Void is the index of void among what Decode returns.
const Void = datasets.Void

// Decode reads an image back as labels: of every pixel the class whose colour is nearest
// in RGB, or Void where black is nearer; of two as near the first, classes before void.
func Decode(img pix.Image, classes []datasets.Class) []uint8 {
	out := make([]uint8, img.W*img.H)
	known := make(map[[3]uint8]uint8, len(classes)+1)
	for i := range out {
		c := [3]uint8(img.Pix[3*i:])
		k, ok := known[c]
		if !ok {
			k = nearest(c, classes)
			known[c] = k
		}
		out[i] = k
	}
	return out
}

func nearest(c [3]uint8, classes []datasets.Class) uint8 {
	distance := func(d [3]uint8) int {
		r, g, b := int(c[0])-int(d[0]), int(c[1])-int(d[1]), int(c[2])-int(d[2])
		return r*r + g*g + b*b
	}
	best, least := uint8(0), math.MaxInt
	for k, class := range classes {
		if d := distance(class.Colour); d < least {
			best, least = uint8(k), d
		}
	}
	if distance([3]uint8{}) < least {
		return Void
	}
	return best
}

// Counts are the pixels of each class among those whose label is not void.
type Counts struct {
	Labelled []int // of this label
	Decoded  []int // decoded as this class
	Both     []int // right
	Total    int
}

// Count compares what was decoded with the labels.
func Count(labels *datasets.LabelMap, got []uint8) Counts {
	n := len(labels.Classes)
	c := Counts{Labelled: make([]int, n), Decoded: make([]int, n), Both: make([]int, n)}
	for i, want := range labels.Index {
		if want == Void {
			continue
		}
		c.Total++
		c.Labelled[want]++
		if g := got[i]; g != Void {
			c.Decoded[g]++
			if g == want {
				c.Both[g]++
			}
		}
	}
	return c
}

// Union is TP + FP + FN of a class.
func (c Counts) Union(class int) int { return c.Labelled[class] + c.Decoded[class] - c.Both[class] }

// IoU is TP / (TP + FP + FN) of a class, NaN where it does not occur.
func (c Counts) IoU(class int) float64 { return float64(c.Both[class]) / float64(c.Union(class)) }

// Accuracy is the share of labelled pixels that are right, NaN where there are none.
func (c Counts) Accuracy() float64 {
	n := 0
	for _, b := range c.Both {
		n += b
	}
	return float64(n) / float64(c.Total)
}

type metric struct{}

func (metric) Specs() []metrics.Spec { return specs }

// Scores implements metrics.Chooser: no instance is a class.
func (metric) Scores(datasets.Instance) bool { return false }

var errSizes = errors.New("the image and its labels differ in size")

func (metric) Prepare(_ context.Context, ref metrics.Reference) (metrics.Scorer, error) {
	labels := ref.Labels
	if labels == nil {
		return metrics.ScorerFunc(func(context.Context, pix.Image) (out []metrics.Value, err error) {
			for _, s := range specs {
				if s.Scope == metrics.PerImage {
					out = append(out, metrics.Value{Metric: s.ID, Drop: metrics.DropUndefined})
				}
			}
			return out, nil
		}), nil
	}
	outlines := newOutlines(labels.Index, labels, len(labels.Classes))
	objects := smallObjects(labels)
	return metrics.ScorerFunc(func(_ context.Context, got pix.Image) ([]metrics.Value, error) {
		if err := got.Validate(); err != nil {
			return nil, err
		}
		if got.W != labels.W || got.H != labels.H {
			return nil, fmt.Errorf("%w: %d×%d and %d×%d", errSizes, got.W, got.H, labels.W, labels.H)
		}
		decoded := Decode(got, labels.Classes)
		c := Count(labels, decoded)
		var out []metrics.Value
		for k, class := range labels.Classes {
			v := metrics.Value{Metric: "miou", Instance: class.Name}
			if n := c.Union(k); n > 0 {
				v.Value, v.N = c.IoU(k), float64(n)
			} else {
				v.Weightless = true
			}
			out = append(out, v)
		}
		accuracy := metrics.Value{Metric: "pixel-acc", Value: c.Accuracy(), N: float64(c.Total)}
		boundary := metrics.Value{Metric: "boundary-f1", Value: outlines.f1(decoded, labels)}
		lost := metrics.Value{Metric: "small-lost", Value: math.NaN()}
		if len(objects) > 0 {
			lost.Value, lost.N = lostShare(objects, decoded), float64(len(objects))
		}
		return append(out, accuracy, boundary, lost), nil
	}), nil
}
