package detail

import (
	"errors"
	"fmt"
	"image"
	"math"
	"slices"
	"sync"

	"github.com/vtbench/vtbench/pix"
)

const (
	oversampling  = 4   // bins of the profile a pixel
	reach         = 16  // pixels of the profile on either side of the edge
	maxFrequency  = 1   // cycles a pixel up to which MTF is looked at
	frequencies   = 100 // between 0 and that, between which it is interpolated
	frequencyStep = float64(maxFrequency) / frequencies
	leastStep     = 2 // levels between both sides that are an edge
)

// An Edge is a straight line between two even areas, in a window of an image. In its own
// frame, u runs across the edge and v along it: u = x and v = y, or the other way round
// where the edge lies more than it stands.
type Edge struct {
	box       image.Rectangle
	lying     bool
	at, slope float64 // the edge is at u = at + slope·v
}

// FindEdge finds the edge in a window: line by line its place is the centroid of the
// profile's derivative, and a straight line is laid through these places, as in
// ISO 12233 and sfrmat.
func FindEdge(m pix.Image, box image.Rectangle) (Edge, error) {
	if err := m.Validate(); err != nil {
		return Edge{}, err
	}
	return findEdge(luma(m), m.W, m.H, box)
}

func findEdge(plane []float64, w, h int, box image.Rectangle) (Edge, error) {
	e := Edge{box: box.Intersect(image.Rect(0, 0, w, h))}
	if e.box != box || box.Dx() < 2*oversampling || box.Dy() < 2*oversampling {
		return e, fmt.Errorf("the window %v of an edge is too small, or not within the image", box)
	}
	// The edge stands where values change more along rows than along columns.
	var along, across float64
	for y := box.Min.Y; y < box.Max.Y-1; y++ {
		for x := box.Min.X; x < box.Max.X-1; x++ {
			v := plane[y*w+x]
			along += math.Abs(plane[y*w+x+1] - v)
			across += math.Abs(plane[(y+1)*w+x] - v)
		}
	}
	e.lying = across > along
	us, vs := e.size()
	var sv, su, svv, svu, n float64
	for v := range vs {
		moment, sum := 0.0, 0.0
		for u := range us - 1 {
			d := e.value(plane, w, u+1, v) - e.value(plane, w, u, v)
			moment += d * (float64(u) + 1) // between the centres of both pixels
			sum += d
		}
		if math.Abs(sum) < leastStep {
			continue
		}
		u, y := moment/sum, float64(v)+.5
		sv, su, svv, svu, n = sv+y, su+u, svv+y*y, svu+y*u, n+1
	}
	det := n*svv - sv*sv
	if n < float64(vs)/2 || det == 0 {
		return e, errors.New("the window holds no edge")
	}
	e.slope = (n*svu - sv*su) / det
	e.at = (su - e.slope*sv) / n
	if s := math.Abs(e.slope); s*float64(vs) < 1 || s > 1 {
		return e, fmt.Errorf("the edge is not slanted: it moves by %.2f pixels in %d lines, so that its profile cannot be sampled finely", e.slope*float64(vs), vs)
	}
	return e, nil
}

// size is that of the window across and along the edge.
func (e Edge) size() (us, vs int) {
	if e.lying {
		return e.box.Dy(), e.box.Dx()
	}
	return e.box.Dx(), e.box.Dy()
}

func (e Edge) value(plane []float64, w, u, v int) float64 {
	if e.lying {
		return plane[(e.box.Min.Y+u)*w+e.box.Min.X+v]
	}
	return plane[(e.box.Min.Y+v)*w+e.box.Min.X+u]
}

// MTF50 is the frequency in cycles a pixel at which an image of the size of the edge's
// own keeps half of the contrast across it; 0 where the edge is gone, 1 where contrast
// does not fall that far.
func (e Edge) MTF50(m pix.Image) (float64, error) {
	if err := m.Validate(); err != nil {
		return 0, err
	}
	if !e.box.In(image.Rect(0, 0, m.W, m.H)) {
		return 0, fmt.Errorf("the edge at %v is not within an image of %d×%d", e.box, m.W, m.H)
	}
	return e.mtf50(luma(m), m.W), nil
}

func (e Edge) mtf50(plane []float64, w int) float64 {
	spread, ok := e.spread(plane, w)
	if !ok {
		return 0
	}
	// Distances were taken along rows; across the edge they are shorter.
	cos := 1 / math.Sqrt(1+e.slope*e.slope)
	last := 1.0
	for k := 1; k < len(waves()); k++ {
		f := float64(k) * frequencyStep
		re, im := 0.0, 0.0
		for i, v := range spread {
			re += v * waves()[k][i].cos
			im += v * waves()[k][i].sin
		}
		// Averaging in bins and the difference of neighbours are two filters as wide as
		// a bin, which are divided out.
		s := sinc(f / oversampling)
		m := math.Hypot(re, im) / (s * s)
		if m <= .5 {
			return min((f-frequencyStep*(.5-m)/(last-m))/cos, maxFrequency)
		}
		last = m
	}
	return maxFrequency
}

// spread is the line spread function of an edge, under a window and with sum 1; ok is
// false where both sides have one value.
func (e Edge) spread(plane []float64, w int) (out []float64, ok bool) {
	const bins = 2 * reach * oversampling
	var sum [bins + 1]float64
	var n [bins + 1]int
	us, vs := e.size()
	for v := range vs {
		at := e.at + e.slope*(float64(v)+.5)
		for u := range us {
			d := float64(u) + .5 - at
			if b := int(math.Floor((d + reach) * oversampling)); b >= 0 && b <= bins {
				sum[b] += e.value(plane, w, u, v)
				n[b]++
			}
		}
	}
	var profile []float64
	first := slices.IndexFunc(n[:], func(k int) bool { return k > 0 })
	if first < 0 {
		return nil, false
	}
	last := sum[first] / float64(n[first])
	for i := range sum {
		if n[i] > 0 {
			last = sum[i] / float64(n[i])
		}
		profile = append(profile, last) // of a bin without a pixel: the one before
	}
	const side = bins / 8
	if math.Abs(total(profile[len(profile)-side:])-total(profile[:side])) < leastStep*side {
		return nil, false
	}
	out = make([]float64, bins)
	for i := range out {
		out[i] = (profile[i+1] - profile[i]) * taper((float64(i)+.5)/bins)
	}
	all := total(out)
	if all == 0 {
		return nil, false
	}
	for i := range out {
		out[i] /= all
	}
	return out, true
}

func total(p []float64) float64 {
	sum := 0.0
	for _, v := range p {
		sum += v
	}
	return sum
}

// taper is a Tukey window over 0…1, even in the middle half: a Hamming window makes edges
// of 3 pixels' blur look 8 % sharper than they are.
func taper(t float64) float64 {
	if t = min(t, 1-t); t < .25 {
		return .5 - .5*math.Cos(4*math.Pi*t)
	}
	return 1
}

type wave struct{ cos, sin float64 }

// waves are those of every frequency that is looked at, at every bin.
var waves = sync.OnceValue(func() [][]wave {
	out := make([][]wave, frequencies)
	for k := range out {
		out[k] = make([]wave, 2*reach*oversampling)
		for i := range out[k] {
			out[k][i].sin, out[k][i].cos = math.Sincos(2 * math.Pi * float64(k) * frequencyStep * float64(i) / oversampling)
		}
	}
	return out
})

func sinc(x float64) float64 {
	if x == 0 {
		return 1
	}
	return math.Sin(math.Pi*x) / (math.Pi * x)
}
