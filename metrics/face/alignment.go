package face

import (
	"context"
	"errors"
	"fmt"
	"image"
	"math"

	"github.com/vtbench/vtbench/datasets"
	"github.com/vtbench/vtbench/metrics"
	"github.com/vtbench/vtbench/metrics/face/model"
	"github.com/vtbench/vtbench/pix"
)

// Limits of what is scored. They were chosen on labelled and detected faces of real
// sets; docs/faces.md has the figures.
const (
	// minEyes is the least distance between the eyes, in pixels: below there is nothing
	// that could be a face.
	minEyes = 2
	// maxResidual is the greatest residual of the alignment, as a share of how far the
	// template's points lie from their mean. Frontal faces have .03 to .3, profiles up to
	// .58, points of which left and right are exchanged .98.
	maxResidual = 2. / 3
	// minInside is the least share of the chip that lies within the image: black is alike
	// in every face.
	minInside = 0.7
	// boxMargin is how far a key point may lie outside of the box, in sides of the box.
	boxMargin = 0.25
	// The side of the chip in the image over the longer side of the box: 0.67 to 1.3 on
	// real sets.
	minChip, maxChip = 0.2, 3
)

// foundIoU is from which overlap on a detection in the original is the labelled face:
// labels and detectors draw boxes differently.
const foundIoU = 0.3

// An Alignment is how a face of an original is brought into the chip that the
// recogniser sees, or why it is not scored.
type Alignment struct {
	datasets.Instance
	// Key are the five points: as labelled or, where there are none, as detected.
	Key      []datasets.Point
	Detected bool             // the points are the detector's
	Chip     model.Similarity // from the image to the chip
	Residual float64          // of the points, in pixels of the chip (root mean square)
	Inside   float64          // share of the chip within the image
	Drop     string           // why the face is not scored, one of metrics.Drop…; "" where it is
	Why      string           // Drop in words, with figures
	Err      error            // the label is wrong in kind
}

// Scored reports whether the face is scored.
func (a Alignment) Scored() bool { return a.Drop == "" && a.Err == nil }

// Eyes is how far the eyes are apart, in pixels of the image; 0 without key points.
func (a Alignment) Eyes() float64 {
	if len(a.Key) != model.Points {
		return 0
	}
	return eyes(a.Key)
}

func (a *Alignment) drop(reason, format string, args ...any) {
	a.Drop, a.Why = reason, fmt.Sprintf(format, args...)
}

// align aligns a face in an image of w by h pixels; found are the detections there,
// needed for a face without points.
func align(in datasets.Instance, w, h int, l model.Layout, found []model.Detection) Alignment {
	a := Alignment{Instance: in, Key: in.Points}
	if len(a.Key) == 0 {
		d, ok := model.Match(found, boxOf(in.Box), foundIoU)
		if !ok {
			a.drop(metrics.DropNotFound, "it has no key points, and the detector finds no face in its box")
			return a
		}
		a.Key, a.Detected = d.Points[:], true
	}
	if len(a.Key) != model.Points {
		a.Err = fmt.Errorf("face %q has %d key points, want the %d of eyes, nose and mouth", in.ID, len(a.Key), model.Points)
		return a
	}
	var err error
	a.Chip, a.Residual, err = model.FitSimilarity(a.Key, l.Template[:])
	switch {
	case errors.Is(err, model.ErrDegenerate):
		a.drop(metrics.DropUndefined, "its key points fall together, or are not finite")
		return a
	case err != nil:
		a.Err = fmt.Errorf("face %q: %w", in.ID, err)
		return a
	}
	if d := eyes(a.Key); !(d >= minEyes) {
		a.drop(metrics.DropUndefined, "its eyes are %.1f pixels apart, less than %d", d, minEyes)
		return a
	}
	a.check(w, h, l)
	return a
}

// check drops a face whose points make no face, that the image cuts off, or whose box is
// another's.
func (a *Alignment) check(w, h int, l model.Layout) {
	spread := spread(l.Template[:])
	mirrored := model.MirroredResidual(a.Key, l.Template[:])
	a.Inside = a.Chip.Inside(w, h, l.Side)
	box := boxOf(a.Box)
	longer := max(box.X1-box.X0, box.Y1-box.Y0)
	chip := float64(l.Side) / a.Chip.Scale()
	switch k, off := outermost(a.Key, box, w, h); {
	case mirrored < a.Residual:
		a.drop(metrics.DropPoints, "left and right of its key points are exchanged: they lie %.0f of %d pixels off, mirrored %.0f; left is left in the image", a.Residual, l.Side, mirrored)
	case a.Residual > maxResidual*spread:
		a.drop(metrics.DropPoints, "its key points make no face: they lie %.0f of %d pixels off, more than %.0f", a.Residual, l.Side, maxResidual*spread)
	case a.Inside < minInside:
		a.drop(metrics.DropCut, "%.0f %% of what is compared lies within the image, less than %.0f %%", 100*a.Inside, 100*minInside)
	case off > boxMargin:
		a.drop(metrics.DropBox, "key point %q lies %.2f sides outside of its box %v", PointNames[k], off, a.Box)
	case chip > maxChip*longer, chip < minChip*longer:
		a.drop(metrics.DropBox, "by its key points it is %.2f times as large as its box %v", chip/longer, a.Box)
	}
}

// PointNames are the five points in their order. Left is left in the image.
var PointNames = [model.Points]string{"left eye", "right eye", "nose", "left mouth", "right mouth"}

// outermost is the key point that lies farthest outside of a box, and how far: in sides
// of the box, 0 where all lie within. Where the image ends, so does the box, so what
// lies beyond the image is held against the border of the image.
func outermost(points []datasets.Point, b model.Box, w, h int) (k int, off float64) {
	for i, p := range points {
		x, y := min(max(p.X, 0), float64(w)), min(max(p.Y, 0), float64(h))
		d := max((b.X0-x)/(b.X1-b.X0), (x-b.X1)/(b.X1-b.X0), (b.Y0-y)/(b.Y1-b.Y0), (y-b.Y1)/(b.Y1-b.Y0), 0)
		if d > off {
			k, off = i, d
		}
	}
	return k, off
}

// spread is the root mean square distance of points from their mean.
func spread(points []datasets.Point) float64 {
	n := float64(len(points))
	var mx, my, sum float64
	for _, p := range points {
		mx, my = mx+p.X/n, my+p.Y/n
	}
	for _, p := range points {
		sum += (p.X-mx)*(p.X-mx) + (p.Y-my)*(p.Y-my)
	}
	return math.Sqrt(sum / n)
}

func eyes(p []datasets.Point) float64 { return math.Hypot(p[0].X-p[1].X, p[0].Y-p[1].Y) }

func boxOf(r image.Rectangle) model.Box {
	return model.Box{X0: float64(r.Min.X), Y0: float64(r.Min.Y), X1: float64(r.Max.X), Y1: float64(r.Max.Y)}
}

// An Aligner aligns faces as the metrics do and compares nothing: it is for looking at
// what they compare.
type Aligner struct{ e *engine }

// OpenAligner opens the networks that the options of the metrics name.
func OpenAligner(ctx context.Context, options map[string]string) (*Aligner, error) {
	e, err := openEngine(ctx, options)
	if err != nil {
		return nil, err
	}
	return &Aligner{e}, nil
}

// Close ends the networks.
func (a *Aligner) Close() error { return a.e.close() }

// Layout says how the recogniser wants its faces.
func (a *Aligner) Layout() model.Layout { return a.e.layout }

// Align aligns the faces of an image, in their order; the detector runs only where a
// face has no points.
func (a *Aligner) Align(ctx context.Context, img pix.Image, instances []datasets.Instance) ([]Alignment, error) {
	var found []model.Detection
	looked := false
	var out []Alignment
	for _, in := range instances {
		if !scores(in) {
			continue
		}
		if len(in.Points) == 0 && !looked {
			var err error
			if found, err = a.e.Detect(ctx, img); err != nil {
				return nil, err
			}
			looked = true
		}
		out = append(out, align(in, img.W, img.H, a.e.layout, found))
	}
	return out, nil
}

// scores reports whether an instance is a face that is scored.
func scores(in datasets.Instance) bool { return !in.Ignore && in.IsFace() }

// Cut returns the chip of an aligned face in an image of the original's size: what the
// recogniser sees.
func (a *Aligner) Cut(img pix.Image, face Alignment) pix.Image {
	return model.Chip(img, face.Chip, a.e.layout.Side)
}

// Similarity is the calibrated similarity of two chips.
func (a *Aligner) Similarity(ctx context.Context, x, y pix.Image) (float64, error) {
	e, err := a.e.Embed(ctx, []pix.Image{x, y})
	if err != nil {
		return 0, err
	}
	return a.e.layout.Calibrated(model.Cosine(e[0], e[1])), nil
}
