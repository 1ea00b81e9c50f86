package mask

import (
	"math"

	"github.com/vtbench/vtbench/datasets"
)

// tolerance of boundaries, as a share of the image's diagonal (Csurka et al. 2013).
const tolerance = .0075

// BoundaryF1 is the BF score of one image: of every class that is drawn or decoded, the
// F1 score of its boundary pixels that have one of the other's within .75 % of the
// diagonal (Euclidean, from centre to centre), and the mean over these classes; NaN where
// there is none.
//
// A boundary pixel of a class is one of it with a neighbour, of four, that is another
// class; the border of the image is no boundary, and neither is that to void. A class
// that only one side has counts as 0.
func BoundaryF1(labels *datasets.LabelMap, got []uint8) float64 {
	return newOutlines(labels.Index, labels, len(labels.Classes)).f1(got, labels)
}

// outlines are boundary pixels, by class.
type outlines struct {
	w, h    int
	reach   float64 // tolerance in pixels
	present []bool  // classes with pixels
	at      [][]int // by class
}

// newOutlines finds the boundaries of a map of labels or of what was decoded. Pixels whose
// true label is void have no boundary and make none.
func newOutlines(index []uint8, labels *datasets.LabelMap, classes int) *outlines {
	w, h := labels.W, labels.H
	o := &outlines{w: w, h: h, reach: tolerance * math.Hypot(float64(w), float64(h)), present: make([]bool, classes), at: make([][]int, classes)}
	differs := func(k uint8, j int) bool {
		return index[j] != k && labels.Index[j] != Void
	}
	for y := range h {
		for x := range w {
			i := y*w + x
			k := index[i]
			if k == Void || labels.Index[i] == Void {
				continue
			}
			o.present[k] = true
			if x > 0 && differs(k, i-1) || x+1 < w && differs(k, i+1) || y > 0 && differs(k, i-w) || y+1 < h && differs(k, i+w) {
				o.at[k] = append(o.at[k], i)
			}
		}
	}
	return o
}

// f1 is the mean over classes against what was decoded.
func (o *outlines) f1(decoded []uint8, labels *datasets.LabelMap) float64 {
	got := newOutlines(decoded, labels, len(o.at))
	sum, n := 0.0, 0
	near := newNear(o.w, o.h, o.reach)
	for k := range o.at {
		if !o.present[k] && !got.present[k] {
			continue
		}
		n++
		switch a, b := o.at[k], got.at[k]; {
		case o.present[k] && got.present[k] && len(a) == 0 && len(b) == 0:
			sum++ // both cover everything there is
		case len(a) == 0 || len(b) == 0:
		default:
			precision, recall := near.share(b, a), near.share(a, b)
			if precision+recall > 0 {
				sum += 2 * precision * recall / (precision + recall)
			}
		}
	}
	if n == 0 {
		return math.NaN()
	}
	return sum / float64(n)
}

// near finds whether pixels have others within a distance, exactly and in time that does
// not grow with the area of the disc.
type near struct {
	w, h   int
	reach  int     // whole pixels
	limit  float64 // square of the distance
	beside []int32 // by pixel: distance to the nearest marked one in its row
}

const far = math.MaxInt16

func newNear(w, h int, reach float64) *near {
	return &near{w: w, h: h, reach: int(reach), limit: reach * reach, beside: make([]int32, w*h)}
}

// share is the share of pixels that have one of the others near.
func (n *near) share(pixels, others []int) float64 {
	rows := make([]bool, n.h)
	for _, i := range others {
		y := i / n.w
		if row := n.beside[y*n.w:][:n.w]; !rows[y] {
			rows[y] = true
			for x := range row {
				row[x] = far
			}
		}
		n.beside[i] = 0
	}
	for y, some := range rows {
		if !some {
			continue
		}
		row := n.beside[y*n.w:][:n.w]
		for x := 1; x < n.w; x++ {
			row[x] = min(row[x], row[x-1]+1)
		}
		for x := n.w - 2; x >= 0; x-- {
			row[x] = min(row[x], row[x+1]+1)
		}
	}
	hits := 0
	for _, i := range pixels {
		x, y := i%n.w, i/n.w
		for dy := max(-n.reach, -y); dy <= min(n.reach, n.h-1-y); dy++ {
			if !rows[y+dy] {
				continue
			}
			dx := float64(n.beside[(y+dy)*n.w+x])
			if dx*dx+float64(dy*dy) <= n.limit {
				hits++
				break
			}
		}
	}
	return float64(hits) / float64(len(pixels))
}
