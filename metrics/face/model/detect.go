package model

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/vtbench/vtbench/datasets"
	"github.com/vtbench/vtbench/pix"
)

// A Box is a rectangle in pixels of an image.
type Box struct{ X0, Y0, X1, Y1 float64 }

// IoU is the intersection over the union of two boxes, 0 to 1.
func (b Box) IoU(o Box) float64 {
	w, h := min(b.X1, o.X1)-max(b.X0, o.X0), min(b.Y1, o.Y1)-max(b.Y0, o.Y0)
	if w <= 0 || h <= 0 {
		return 0
	}
	inter := w * h
	return inter / (b.area() + o.area() - inter)
}

func (b Box) area() float64 { return max(0, b.X1-b.X0) * max(0, b.Y1-b.Y0) }

// A Detection is a face that a detector found.
type Detection struct {
	Box    Box
	Score  float64 // 0 to 1
	Points [Points]datasets.Point
}

// Thresholds of the detector, those of OpenCV's FaceDetectorYN.
const (
	minScore = 0.6
	maxIoU   = 0.3 // overlapping detections of lower score are dropped
)

// detectorSide is the side of the square that the detector looks at. Images are
// scaled to fit it, so faces of less than about 1/60 of the longer side are not found.
const detectorSide = 640

// A Detector finds faces, the surest first.
type Detector interface {
	Detect(ctx context.Context, img pix.Image) ([]Detection, error)
}

// The layouts of detectors that are known by name.
const (
	YuNet = "yunet"
	SCRFD = "scrfd"
)

// DetectorLayouts are the layouts that [NewDetector] knows.
func DetectorLayouts() []string { return []string{YuNet, SCRFD} }

// NewDetector reads faces out of the outputs of a network.
func NewDetector(layout string, net Network) (Detector, error) {
	switch layout {
	case YuNet:
		return newYuNet(net)
	case SCRFD:
		return &scrfd{net}, nil
	}
	return nil, fmt.Errorf("a detector of layout %q: want %s", layout, strings.Join(DetectorLayouts(), ", "))
}

// yuNet is the detector YuNet of 2023 (Wu et al., Machine Intelligence Research 2023;
// opencv_zoo).
type yuNet struct {
	net  Network
	outs map[string]int // output's place by name
}

func newYuNet(net Network) (*yuNet, error) {
	d := &yuNet{net: net, outs: map[string]int{}}
	for i, name := range net.Outputs() {
		d.outs[name] = i
	}
	for _, kind := range []string{"cls", "obj", "bbox", "kps"} {
		for _, stride := range yuNetStrides {
			if _, ok := d.outs[fmt.Sprintf("%s_%d", kind, stride)]; !ok {
				return nil, fmt.Errorf("%s is no YuNet of 2023: it has no output %s_%d, only %s", net.Label(), kind, stride, strings.Join(net.Outputs(), ", "))
			}
		}
	}
	return d, nil
}

var yuNetStrides = []int{8, 16, 32}

// Detect finds the faces of an image, the surest first.
func (d *yuNet) Detect(_ context.Context, img pix.Image) ([]Detection, error) {
	box, err := fitDetector(img)
	if err != nil {
		return nil, err
	}
	// Blue, green, red, 0 to 255, as OpenCV has them.
	out, err := d.net.Run(1, detectorSide, box.planes(func(p []uint8) [3]float32 {
		return [3]float32{float32(p[2]), float32(p[1]), float32(p[0])}
	}))
	if err != nil {
		return nil, fmt.Errorf("detecting faces: %w", err)
	}
	var found []Detection
	for _, stride := range yuNetStrides {
		at := func(kind string) []float32 { return out[d.outs[fmt.Sprintf("%s_%d", kind, stride)]] }
		f, err := decodeYuNet(at("cls"), at("obj"), at("bbox"), at("kps"), stride)
		if err != nil {
			return nil, fmt.Errorf("detecting faces with %s: %w", d.net.Label(), err)
		}
		found = append(found, f...)
	}
	return box.back(suppress(found)), nil
}

// decodeYuNet reads the outputs of one stride: a cell of the grid has a class score,
// an objectness, a box (centre relative to the cell, logarithms of the size, in
// strides) and five points (relative to the cell, in strides).
func decodeYuNet(cls, obj, bbox, kps []float32, stride int) ([]Detection, error) {
	cols := detectorSide / stride
	cells := cols * cols
	if len(cls) != cells || len(obj) != cells || len(bbox) != 4*cells || len(kps) != 2*Points*cells {
		return nil, fmt.Errorf("outputs of stride %d have %d, %d, %d and %d values, want %d cells", stride, len(cls), len(obj), len(bbox), len(kps), cells)
	}
	var out []Detection
	s := float64(stride)
	for i := range cells {
		c, o := float64(cls[i]), float64(obj[i])
		score := math.Sqrt(min(max(c, 0), 1) * min(max(o, 0), 1))
		if !(score >= minScore) {
			continue
		}
		col, row := float64(i%cols), float64(i/cols)
		b := bbox[4*i:][:4]
		cx, cy := (col+float64(b[0]))*s, (row+float64(b[1]))*s
		w, h := math.Exp(float64(b[2]))*s, math.Exp(float64(b[3]))*s
		d := Detection{Box: Box{cx - w/2, cy - h/2, cx + w/2, cy + h/2}, Score: score}
		for k := range d.Points {
			d.Points[k] = datasets.Point{X: (float64(kps[2*Points*i+2*k]) + col) * s, Y: (float64(kps[2*Points*i+2*k+1]) + row) * s}
		}
		out = append(out, d)
	}
	return out, nil
}

// suppress keeps of overlapping detections the one with the highest score.
func suppress(found []Detection) []Detection {
	slices.SortStableFunc(found, func(a, b Detection) int { return cmp.Compare(b.Score, a.Score) })
	var out []Detection
	for _, d := range found {
		if !slices.ContainsFunc(out, func(o Detection) bool { return d.Box.IoU(o.Box) > maxIoU }) {
			out = append(out, d)
		}
	}
	return out
}

// Match returns the detection that overlaps a box most, if by least or more.
func Match(found []Detection, box Box, least float64) (Detection, bool) {
	best, at := least, -1
	for i, d := range found {
		if v := d.Box.IoU(box); v >= best {
			best, at = v, i
		}
	}
	if at < 0 {
		return Detection{}, false
	}
	return found[at], true
}

// scrfd is SCRFD with key points (Guo et al., ICLR 2022; insightface's det_*.onnx):
// per stride two anchors a cell, each with a score, distances to the four sides and
// five points, all in strides.
type scrfd struct{ net Network }

const scrfdAnchors = 2

func (d *scrfd) Detect(_ context.Context, img pix.Image) ([]Detection, error) {
	box, err := fitDetector(img)
	if err != nil {
		return nil, err
	}
	out, err := d.net.Run(1, detectorSide, box.planes(func(p []uint8) [3]float32 {
		return [3]float32{(float32(p[0]) - 127.5) / 128, (float32(p[1]) - 127.5) / 128, (float32(p[2]) - 127.5) / 128}
	}))
	if err != nil {
		return nil, fmt.Errorf("detecting faces: %w", err)
	}
	var found []Detection
	for _, stride := range yuNetStrides {
		cells := detectorSide / stride * (detectorSide / stride)
		// Exports name outputs as they please; their sizes tell them apart.
		pick := func(each int) []float32 {
			i := slices.IndexFunc(out, func(o []float32) bool { return len(o) == cells*scrfdAnchors*each })
			if i < 0 {
				return nil
			}
			return out[i]
		}
		f, err := decodeSCRFD(pick(1), pick(4), pick(2*Points), stride)
		if err != nil {
			return nil, fmt.Errorf("detecting faces with %s: %w", d.net.Label(), err)
		}
		found = append(found, f...)
	}
	return box.back(suppress(found)), nil
}

func decodeSCRFD(score, sides, kps []float32, stride int) ([]Detection, error) {
	cols := detectorSide / stride
	n := cols * cols * scrfdAnchors
	if len(score) != n || len(sides) != 4*n || len(kps) != 2*Points*n {
		return nil, fmt.Errorf("it is no SCRFD with key points at %d pixels: stride %d has %d scores, %d sides and %d coordinates, want %d anchors", detectorSide, stride, len(score), len(sides), len(kps), n)
	}
	var out []Detection
	s := float64(stride)
	for i := range n {
		v := float64(score[i])
		if !(v >= minScore) {
			continue
		}
		cell := i / scrfdAnchors
		x, y := float64(cell%cols)*s, float64(cell/cols)*s
		b := sides[4*i:][:4]
		d := Detection{Score: min(v, 1), Box: Box{x - float64(b[0])*s, y - float64(b[1])*s, x + float64(b[2])*s, y + float64(b[3])*s}}
		for k := range d.Points {
			d.Points[k] = datasets.Point{X: x + float64(kps[2*Points*i+2*k])*s, Y: y + float64(kps[2*Points*i+2*k+1])*s}
		}
		out = append(out, d)
	}
	return out, nil
}

// fitted is an image scaled to fit the detector's square, at its top left.
type fitted struct {
	img    pix.Image
	sx, sy float64 // from the square's pixels to the image's
}

func fitDetector(img pix.Image) (fitted, error) {
	scale := float64(detectorSide) / float64(max(img.W, img.H))
	w, h := max(1, int(float64(img.W)*scale+.5)), max(1, int(float64(img.H)*scale+.5))
	small, err := pix.Resize(img, w, h)
	if err != nil {
		return fitted{}, fmt.Errorf("detecting faces: %w", err)
	}
	return fitted{small, float64(img.W) / float64(w), float64(img.H) / float64(h)}, nil
}

// planes are the square's three planes; it is 0 beside the image.
func (f fitted) planes(value func(rgb []uint8) [3]float32) []float32 {
	const n = detectorSide * detectorSide
	data := make([]float32, 3*n)
	for y := range f.img.H {
		row := f.img.Row(y)
		for x := range f.img.W {
			i := y*detectorSide + x
			v := value(row[3*x : 3*x+3])
			data[i], data[n+i], data[2*n+i] = v[0], v[1], v[2]
		}
	}
	return data
}

// back maps detections to the image's own pixels.
func (f fitted) back(found []Detection) []Detection {
	for i := range found {
		d := &found[i]
		d.Box = Box{d.Box.X0 * f.sx, d.Box.Y0 * f.sy, d.Box.X1 * f.sx, d.Box.Y1 * f.sy}
		for k := range d.Points {
			d.Points[k].X, d.Points[k].Y = d.Points[k].X*f.sx, d.Points[k].Y*f.sy
		}
	}
	return found
}
