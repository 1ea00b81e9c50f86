package face

import (
	"fmt"
	"math"

	"github.com/vtbench/vtbench/datasets"
	"github.com/vtbench/vtbench/pix"
)

// A recogniser turns aligned faces into embeddings of unit length or, for those whose
// length means something, as they come.
type recogniser struct {
	layout
	net network
}

// A layout says how a family of recognisers wants its faces.
type layout struct {
	name     string
	side     int
	template [points]datasets.Point // where the key points lie in the chip
	mean     [3]float32             // subtracted from red, green, blue …
	scale    float32                // … before this is multiplied
	bgr      bool                   // blue comes first
	unit     bool                   // embeddings are compared at unit length
	// strangers is the mean cosine of different people, measured (docs/faces.md): what
	// the calibrated similarity calls 0.
	strangers float64
	// threshold is the distance up to which the source of the recogniser calls two
	// faces the same person; 0 where it states none.
	threshold float64
}

// layouts are those known by name.
func layouts() []layout {
	return []layout{
		{name: "dlib", side: dlibSide, template: dlibTemplate(), mean: dlibMean, scale: dlibScale, strangers: dlibStrangers, threshold: 0.6},
		{name: "arcface", side: 112, template: arcFace, mean: [3]float32{127.5, 127.5, 127.5}, scale: 1 / 127.5, unit: true},
		{name: "sface", side: 112, template: arcFace, scale: 1, bgr: true, unit: true, threshold: 1.128},
	}
}

// dlibStrangers is the mean cosine of dlib's embeddings of different people: six people,
// 15 pairs (TestModelsOnRealFaces prints it).
const dlibStrangers = 0.83

// calibrated stretches a cosine so that strangers score 0 on average.
func (l layout) calibrated(cosine float64) float64 {
	return (cosine - l.strangers) / (1 - l.strangers)
}

// chipBatch bounds how many faces the network is given at once.
const chipBatch = 16

// embed returns one embedding a chip.
func (r *recogniser) embed(chips []pix.Image) ([][]float32, error) {
	var out [][]float32
	for len(chips) > 0 {
		n := min(len(chips), chipBatch)
		e, err := r.batch(chips[:n])
		if err != nil {
			return nil, err
		}
		out = append(out, e...)
		chips = chips[n:]
	}
	return out, nil
}

func (r *recogniser) batch(chips []pix.Image) ([][]float32, error) {
	n := r.side * r.side
	data := make([]float32, 3*n*len(chips))
	for i, c := range chips {
		if c.W != r.side || c.H != r.side {
			return nil, fmt.Errorf("embedding a face: the chip is %d×%d, %s wants %d×%d", c.W, c.H, r.name, r.side, r.side)
		}
		planes := data[3*n*i:][:3*n]
		for ch := range 3 {
			from := ch
			if r.bgr {
				from = 2 - ch
			}
			plane := planes[ch*n:][:n]
			for k := range plane {
				plane[k] = (float32(c.Pix[3*k+from]) - r.mean[from]) * r.scale
			}
		}
	}
	out, err := r.net.run(len(chips), r.side, data)
	if err != nil {
		return nil, fmt.Errorf("embedding faces: %w", err)
	}
	dims := len(out[0]) / len(chips)
	if dims == 0 || len(out[0]) != dims*len(chips) {
		return nil, fmt.Errorf("embedding faces: %s gives %d numbers for %d faces", r.net.label(), len(out[0]), len(chips))
	}
	embeddings := make([][]float32, len(chips))
	for i := range embeddings {
		e := out[0][dims*i:][:dims]
		for _, v := range e {
			if math.IsNaN(float64(v)) || math.IsInf(float64(v), 0) {
				return nil, fmt.Errorf("embedding faces: %s gives numbers that are not finite", r.net.label())
			}
		}
		if r.unit {
			e = unit(e)
		}
		embeddings[i] = e
	}
	return embeddings, nil
}

// Cosine is the cosine of the angle between two embeddings, −1 to 1; 0 where one has
// no length.
func Cosine(a, b []float32) float64 {
	var ab, aa, bb float64
	for i := range a {
		x, y := float64(a[i]), float64(b[i])
		ab, aa, bb = ab+x*y, aa+x*x, bb+y*y
	}
	if aa == 0 || bb == 0 {
		return 0
	}
	return max(-1, min(1, ab/math.Sqrt(aa*bb)))
}

// Distance is the Euclidean distance of two embeddings.
func Distance(a, b []float32) float64 {
	var sum float64
	for i := range a {
		d := float64(a[i]) - float64(b[i])
		sum += d * d
	}
	return math.Sqrt(sum)
}
