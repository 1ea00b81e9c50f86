package faces

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"unicode"

	"github.com/vtbench/vtbench/datasets"
)

// The five points of an instance. Left and right are those of the image when the
// face is upright: the left eye is the person's right one. A face that lies or
// stands on its head keeps the anatomical order.
const (
	LeftEye = iota
	RightEye
	NoseTip
	LeftMouth
	RightMouth
	pointCount
)

// A Scheme is a way of marking faces: which of its points make the five. Each of
// the five is the mean of the points listed, numbered from 0.
type Scheme struct {
	Name   string
	Points int
	Five   [5][]int
}

// Schemes lists the schemes that are understood; no two have as many points.
//
//   - 5: the five themselves.
//   - 19: AFLW without ears. Centres of the eyes 7 and 10, nose 13, mouth 15 and 17.
//   - 21: AFLW with ears. Centres of the eyes 7 and 10, nose 14, mouth 17 and 19.
//   - 29: COFW. Pupils 16 and 17, nose tip 20, mouth 22 and 23.
//   - 68: iBUG, of 300W and of FFHQ. An eye is the mean of the six points of its lids,
//     36 to 41 and 42 to 47; nose tip 30, outer corners of the mouth 48 and 54.
//   - 98: WFLW. Pupils 96 and 97, nose tip 54, outer corners of the mouth 76 and 82.
//   - 106: LaPa. Pupils 104 and 105, nose tip 54, outer corners of the mouth 84 and 90.
func Schemes() []Scheme {
	return []Scheme{
		{"five points", 5, [5][]int{{0}, {1}, {2}, {3}, {4}}},
		{"AFLW without ears", 19, [5][]int{{7}, {10}, {13}, {15}, {17}}},
		{"AFLW", 21, [5][]int{{7}, {10}, {14}, {17}, {19}}},
		{"COFW", 29, [5][]int{{16}, {17}, {20}, {22}, {23}}},
		{"iBUG", 68, [5][]int{{36, 37, 38, 39, 40, 41}, {42, 43, 44, 45, 46, 47}, {30}, {48}, {54}}},
		{"WFLW", 98, [5][]int{{96}, {97}, {54}, {76}, {82}}},
		{"LaPa", 106, [5][]int{{104}, {105}, {54}, {84}, {90}}},
	}
}

// schemeOf finds the scheme by the number of points.
func schemeOf(n int) (Scheme, error) {
	for _, s := range Schemes() {
		if s.Points == n {
			return s, nil
		}
	}
	var known []string
	for _, s := range Schemes() {
		known = append(known, fmt.Sprintf("%d (%s)", s.Points, s.Name))
	}
	return Scheme{}, fmt.Errorf("%d key points a face: understood are %s; without keypoints in the file the detector looks for the five", n, strings.Join(known, ", "))
}

// pointNames are the names by which files call the five points, without case and marks.
// Left and right are the subject's in some files and the picture's in others, which
// [inImageOrder] mends.
var pointNames = [pointCount][]string{
	{"lefteye", "lefteyecenter", "lefteyecentre", "leftpupil", "eyeleft"},
	{"righteye", "righteyecenter", "righteyecentre", "rightpupil", "eyeright"},
	{"nose", "nosetip", "nosecenter", "nosecentre", "tipofnose"},
	{"leftmouth", "mouthleft", "leftmouthcorner", "mouthleftcorner", "leftcornerofmouth"},
	{"rightmouth", "mouthright", "rightmouthcorner", "mouthrightcorner", "rightcornerofmouth"},
}

// schemeByNames finds the five among named points; ok is false where one of them has no
// name that is known, or two have one.
func schemeByNames(category string, names []string) (s Scheme, ok bool) {
	s = Scheme{Name: category, Points: len(names)}
	plain := func(name string) string {
		return strings.Map(func(r rune) rune {
			if unicode.IsLetter(r) {
				return unicode.ToLower(r)
			}
			return -1
		}, name)
	}
	for i, name := range names {
		for k, known := range pointNames {
			if slices.Contains(known, plain(name)) {
				s.Five[k] = append(s.Five[k], i)
			}
		}
	}
	for _, at := range s.Five {
		if len(at) != 1 {
			return Scheme{}, false
		}
	}
	return s, true
}

// inImageOrder exchanges left and right of points that were named for the subject: seen
// from the eyes, the mouth lies to the right hand of the line from left to right eye.
func inImageOrder(p []datasets.Point) []datasets.Point {
	eye, mouth := middle(p[LeftEye], p[RightEye]), middle(p[LeftMouth], p[RightMouth])
	across, down := datasets.Point{X: p[RightEye].X - p[LeftEye].X, Y: p[RightEye].Y - p[LeftEye].Y}, datasets.Point{X: mouth.X - eye.X, Y: mouth.Y - eye.Y}
	if across.X*down.Y-across.Y*down.X >= 0 {
		return p
	}
	return []datasets.Point{p[RightEye], p[LeftEye], p[NoseTip], p[RightMouth], p[LeftMouth]}
}

// five returns the five points.
func (s Scheme) five(all []datasets.Point) []datasets.Point {
	out := make([]datasets.Point, pointCount)
	for k, from := range s.Five {
		for _, i := range from {
			out[k].X += all[i].X / float64(len(from))
			out[k].Y += all[i].Y / float64(len(from))
		}
	}
	return out
}

// bounds is the box around points that reach from jaw to brow; of none it is empty.
func bounds(points []datasets.Point) box {
	b := box{math.Inf(1), math.Inf(1), math.Inf(-1), math.Inf(-1)}
	for _, p := range points {
		b = box{min(b[0], p.X), min(b[1], p.Y), max(b[2], p.X), max(b[3], p.Y)}
	}
	return b
}

// square is a box for a face of which only the five points are known, which lie all
// inside of it.
func square(five []datasets.Point) box {
	eyes, mouth := middle(five[LeftEye], five[RightEye]), middle(five[LeftMouth], five[RightMouth])
	d := max(distance(five[LeftEye], five[RightEye]), distance(eyes, mouth))
	c, half := middle(eyes, mouth), faceSide/2*d
	return box{c.X - half, c.Y - half, c.X + half, c.Y + half}
}

// faceSide is the side of a square around a face, in distances of the eyes from
// each other or from the mouth, whichever is longer, centred half way between eyes
// and mouth: it reaches from the hairline to the chin. On the four photographs of
// the tests it meets the annotators' boxes with an IoU of .5 and more, which is
// as well as those agree among data sets.
const faceSide = 2.5

func middle(a, b datasets.Point) datasets.Point {
	return datasets.Point{X: (a.X + b.X) / 2, Y: (a.Y + b.Y) / 2}
}

func distance(a, b datasets.Point) float64 { return math.Hypot(a.X-b.X, a.Y-b.Y) }

// alignedBox is where the cropping of CelebA-HQ (Karras et al. 2018, appendix C)
// and FFHQ puts a face, as shares of the image: the side of the image is 3.6
// distances of eyes and mouth (for a face that is longer than wide), and its centre
// lies a tenth of that distance below the eyes. The box is that of [faceSide].
func alignedBox(w, h int) box {
	const (
		unit   = 1 / 3.6             // distance of eyes and mouth
		centre = .5 + (.5-.1)*unit   // half way between them
		half   = faceSide / 2 * unit // of the box
	)
	return box{.5 - half, centre - half, .5 + half, centre + half}.times(float64(w), float64(h))
}
