package model

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/vtbench/vtbench/datasets"
	"github.com/vtbench/vtbench/pix"
)

// A Recogniser turns aligned faces into embeddings of unit length or, for those whose
// length means something, as they come.
type Recogniser struct {
	Layout
	net Network
}

// NewRecogniser reads embeddings out of the output of a network.
func NewRecogniser(l Layout, net Network) *Recogniser { return &Recogniser{l, net} }

// A Layout says how a family of recognisers wants its faces.
type Layout struct {
	Name     string
	Side     int                    // of the square chip, in pixels
	Template [Points]datasets.Point // where the key points lie in the chip
	Mean     [3]float32             // subtracted from red, green, blue …
	Scale    float32                // … before this is multiplied
	BGR      bool                   // blue comes first
	Unit     bool                   // embeddings are compared at unit length
	// Strangers is the mean cosine of different people, measured (docs/faces.md): what
	// the calibrated similarity calls 0. Calibration says what it rests on; it rises in
	// version with every measurement.
	Strangers   float64
	Calibration string
	// Threshold is the distance up to which the source of the recogniser calls two
	// faces the same person; 0 where it states none.
	Threshold float64
}

// Layouts are those known by name.
func Layouts() []Layout {
	return []Layout{
		{Name: "dlib", Side: dlibSide, Template: dlibTemplate(), Mean: dlibMean, Scale: dlibScale, Strangers: dlibStrangers, Calibration: dlibCalibration, Threshold: 0.6},
		{Name: "arcface", Side: 112, Template: arcFace, Mean: [3]float32{127.5, 127.5, 127.5}, Scale: 1 / 127.5, Unit: true},
		{Name: "sface", Side: 112, Template: arcFace, Scale: 1, BGR: true, Unit: true, Threshold: 1.128},
	}
}

// FindLayout returns the layout of a name.
func FindLayout(name string) (Layout, error) {
	var names []string
	for _, l := range Layouts() {
		if l.Name == name {
			return l, nil
		}
		names = append(names, l.Name)
	}
	return Layout{}, fmt.Errorf("a recogniser of layout %q: want %s", name, strings.Join(names, ", "))
}

// dlibStrangers is the mean cosine of dlib's embeddings of different people, in the nine
// group photographs of dlib's own examples (TestStrangersOfACrowd prints it).
const (
	dlibStrangers   = 0.854
	dlibCalibration = "version 2: 990 pairs of 45 people, 95 % interval 0.844 to 0.863"
)

// Calibrated stretches a cosine so that strangers score 0 on average.
func (l Layout) Calibrated(cosine float64) float64 {
	return (cosine - l.Strangers) / (1 - l.Strangers)
}

// chipBatch bounds how many faces the network is given at once.
const chipBatch = 16

// Embed returns one embedding a chip.
func (r *Recogniser) Embed(_ context.Context, chips []pix.Image) ([][]float32, error) {
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

func (r *Recogniser) batch(chips []pix.Image) ([][]float32, error) {
	n := r.Side * r.Side
	data := make([]float32, 3*n*len(chips))
	for i, c := range chips {
		if c.W != r.Side || c.H != r.Side {
			return nil, fmt.Errorf("embedding a face: the chip is %d×%d, %s wants %d×%d", c.W, c.H, r.Name, r.Side, r.Side)
		}
		planes := data[3*n*i:][:3*n]
		for ch := range 3 {
			from := ch
			if r.BGR {
				from = 2 - ch
			}
			plane := planes[ch*n:][:n]
			for k := range plane {
				plane[k] = (float32(c.Pix[3*k+from]) - r.Mean[from]) * r.Scale
			}
		}
	}
	out, err := r.net.Run(len(chips), r.Side, data)
	if err != nil {
		return nil, fmt.Errorf("embedding faces: %w", err)
	}
	dims := len(out[0]) / len(chips)
	if dims == 0 || len(out[0]) != dims*len(chips) {
		return nil, fmt.Errorf("embedding faces: %s gives %d numbers for %d faces", r.net.Label(), len(out[0]), len(chips))
	}
	embeddings := make([][]float32, len(chips))
	for i := range embeddings {
		e := out[0][dims*i:][:dims]
		for _, v := range e {
			if math.IsNaN(float64(v)) || math.IsInf(float64(v), 0) {
				return nil, fmt.Errorf("embedding faces: %s gives numbers that are not finite", r.net.Label())
			}
		}
		if r.Unit {
			e = Unit(e)
		}
		embeddings[i] = e
	}
	return embeddings, nil
}

// Unit scales an embedding to unit length; one without length stays as it is.
func Unit(e []float32) []float32 {
	var sum float64
	for _, v := range e {
		sum += float64(v) * float64(v)
	}
	out := slices.Clone(e)
	if sum > 0 {
		for i := range out {
			out[i] = float32(float64(out[i]) / math.Sqrt(sum))
		}
	}
	return out
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
