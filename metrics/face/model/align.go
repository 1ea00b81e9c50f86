package model

import (
	"errors"
	"fmt"
	"math"

	"github.com/vtbench/vtbench/datasets"
	"github.com/vtbench/vtbench/pix"
)

// A Similarity maps (x, y) to (A·x − B·y + TX, B·x + A·y + TY): rotation, one scale
// for both axes, and translation.
type Similarity struct{ A, B, TX, TY float64 }

// ErrDegenerate is wrapped by the error of [FitSimilarity] for points that fall together
// or are not finite: no transform maps them.
var ErrDegenerate = errors.New("its key points fall together, or are not finite")

// FitSimilarity returns the similarity transform that maps from onto to with the
// least sum of squared distances (Umeyama, PAMI 1991; without reflection, in two
// dimensions, it has this closed form), and the residual: the root mean square distance
// of the mapped points from their targets, in units of to. It needs two different points
// at least.
func FitSimilarity(from, to []datasets.Point) (s Similarity, residual float64, err error) {
	if len(from) != len(to) || len(from) < 2 {
		return Similarity{}, 0, fmt.Errorf("aligning a face: %d points onto %d, want as many of both and two at least", len(from), len(to))
	}
	n := float64(len(from))
	var fx, fy, tx, ty float64
	for i := range from {
		fx, fy, tx, ty = fx+from[i].X/n, fy+from[i].Y/n, tx+to[i].X/n, ty+to[i].Y/n
	}
	var a, b, norm float64
	for i := range from {
		x, y, u, v := from[i].X-fx, from[i].Y-fy, to[i].X-tx, to[i].Y-ty
		a += x*u + y*v
		b += x*v - y*u
		norm += x*x + y*y
	}
	s = Similarity{A: a / norm, B: b / norm}
	s.TX, s.TY = tx-s.A*fx+s.B*fy, ty-s.B*fx-s.A*fy
	if scale := s.Scale(); !(scale > 1e-9) || math.IsInf(scale, 0) || math.IsInf(s.TX, 0) || math.IsInf(s.TY, 0) {
		return Similarity{}, 0, fmt.Errorf("aligning a face: %w", ErrDegenerate)
	}
	for i := range from {
		p := s.Apply(from[i])
		residual += (p.X-to[i].X)*(p.X-to[i].X) + (p.Y-to[i].Y)*(p.Y-to[i].Y)
	}
	return s, math.Sqrt(residual / n), nil
}

// MirroredResidual is the residual of the best fit after reflection. Where it is less
// than that of [FitSimilarity], left and right are exchanged; +Inf where no transform
// fits.
func MirroredResidual(from, to []datasets.Point) float64 {
	mirrored := make([]datasets.Point, len(from))
	for i, p := range from {
		mirrored[i] = datasets.Point{X: -p.X, Y: p.Y}
	}
	_, residual, err := FitSimilarity(mirrored, to)
	if err != nil {
		return math.Inf(1)
	}
	return residual
}

// Inside is the share of a chip of the given side whose pixels lie within an image of
// w by h pixels, 0 to 1.
func (s Similarity) Inside(w, h, side int) float64 {
	inv := s.Inverse()
	n := 0
	for y := range side {
		for x := range side {
			p := inv.Apply(datasets.Point{X: float64(x) + .5, Y: float64(y) + .5})
			if p.X >= 0 && p.Y >= 0 && p.X < float64(w) && p.Y < float64(h) {
				n++
			}
		}
	}
	return float64(n) / float64(side*side)
}

// Apply maps a point.
func (s Similarity) Apply(p datasets.Point) datasets.Point {
	return datasets.Point{X: s.A*p.X - s.B*p.Y + s.TX, Y: s.B*p.X + s.A*p.Y + s.TY}
}

// Scale is how much the transform enlarges.
func (s Similarity) Scale() float64 { return math.Hypot(s.A, s.B) }

// Inverse undoes the transform.
func (s Similarity) Inverse() Similarity {
	d := s.A*s.A + s.B*s.B
	i := Similarity{A: s.A / d, B: -s.B / d}
	i.TX, i.TY = -i.A*s.TX+i.B*s.TY, -i.B*s.TX-i.A*s.TY
	return i
}

// Chip cuts a square of the given side out of an image: the transform maps image
// coordinates to those of the chip. Pixels are interpolated bilinearly between pixel
// centres and black beyond the image, as by OpenCV's warpAffine, which the common
// recognisers were trained with. Where the chip is less than half as large as the
// face, every pixel of it is the mean of several such samples: plain bilinear
// sampling would skip pixels there, and compare aliases instead of faces.
func Chip(img pix.Image, s Similarity, side int) pix.Image {
	out := pix.New(side, side)
	inv := s.Inverse()
	k := min(max(1, int(inv.Scale())), 64)
	var sum [3]float64
	for y := range side {
		for x := range side {
			sum = [3]float64{}
			for j := range k {
				for i := range k {
					p := inv.Apply(datasets.Point{X: float64(x) + (float64(i)+.5)/float64(k), Y: float64(y) + (float64(j)+.5)/float64(k)})
					sample(img, p.X-.5, p.Y-.5, &sum)
				}
			}
			o := out.Pix[3*(y*side+x):][:3]
			for c := range o {
				o[c] = uint8(sum[c]/float64(k*k) + .5)
			}
		}
	}
	return out
}

// sample adds the bilinear value at a position in units of pixel indices.
func sample(img pix.Image, x, y float64, sum *[3]float64) {
	fx, fy := math.Floor(x), math.Floor(y)
	if !(fx >= -1 && fy >= -1 && fx < float64(img.W) && fy < float64(img.H)) {
		return
	}
	x0, y0 := int(fx), int(fy)
	wx, wy := x-fx, y-fy
	add := func(x, y int, w float64) {
		if x < 0 || y < 0 || x >= img.W || y >= img.H || w == 0 {
			return
		}
		p := img.Pix[3*(y*img.W+x):][:3]
		for c := range sum {
			sum[c] += w * float64(p[c])
		}
	}
	add(x0, y0, (1-wx)*(1-wy))
	add(x0+1, y0, wx*(1-wy))
	add(x0, y0+1, (1-wx)*wy)
	add(x0+1, y0+1, wx*wy)
}

// Points counts what the networks are aligned by: the left eye as seen in the image,
// the right eye, the tip of the nose, the left and the right corner of the mouth.
const Points = 5

// arcFace are the five points of ArcFace's 112² template (deepinsight/insightface,
// face_align.py), in units of pixel indices there; half a pixel more here.
var arcFace = [Points]datasets.Point{
	{X: 38.2946 + .5, Y: 51.6963 + .5},
	{X: 73.5318 + .5, Y: 51.5014 + .5},
	{X: 56.0252 + .5, Y: 71.7366 + .5},
	{X: 41.5493 + .5, Y: 92.3655 + .5},
	{X: 70.7299 + .5, Y: 92.2041 + .5},
}

// dlibMeanFace are the same points of dlib's mean face (render_face_detections and
// get_face_chip_details of dlib/image_transforms: eyes are means of their six points),
// in a square that the face fills.
var dlibMeanFace = [Points]datasets.Point{
	{X: (0.121737 + 0.187122 + 0.265825 + 0.334606 + 0.260918 + 0.182743) / 6, Y: (0.216423 + 0.178758 + 0.179852 + 0.231733 + 0.245099 + 0.244077) / 6},
	{X: (0.645647 + 0.714428 + 0.793132 + 0.858516 + 0.79751 + 0.719335) / 6, Y: (0.231733 + 0.179852 + 0.178758 + 0.216423 + 0.244077 + 0.245099) / 6},
	{X: 0.490127, Y: 0.515625},
	{X: 0.254149, Y: 0.780233},
	{X: 0.726104, Y: 0.780233},
}

// dlibPadding is the border around the face in the chips that dlib's network was
// trained with, in units of the face.
const dlibPadding = 0.25

// dlibTemplate are the points in a chip of dlibSide pixels.
func dlibTemplate() [Points]datasets.Point {
	var out [Points]datasets.Point
	for i, p := range dlibMeanFace {
		out[i] = datasets.Point{X: (dlibPadding + p.X) / (2*dlibPadding + 1) * dlibSide, Y: (dlibPadding + p.Y) / (2*dlibPadding + 1) * dlibSide}
	}
	return out
}
