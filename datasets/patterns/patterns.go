// Package patterns is the data set patterns-default: drawn test patterns, each of which
// asks one thing of a tokenizer, and all of which need no download.
//
// Its opinion: what is lost of detail can only be said of images whose detail is known.
// Slanted edges have a stated sharpness and say where they lie; zone plates, stars and
// gratings hold every frequency; noise has a stated spectrum; ramps and patches show
// banding and shifts of colour. Patterns are drawn in linear arithmetic on values of
// sRGB, 256×256, so that a tokenizer at 256 sees every pixel as it was drawn.
//
// The same version gives the same pixels on every machine: floating point is kept from
// fusing, and random numbers are PCG's.
//
//	set := patterns.New()
//	item, err := set.Load(ctx, 0)   // a square turned by 5°: four edges, as instances
package patterns

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"image"
	"math"
	"math/rand/v2"
	"slices"
	"sync"

	"github.com/vtbench/vtbench/datasets"
	"github.com/vtbench/vtbench/pix"
)

// ID is the name of the data set.
const ID = "patterns-default"

// Version rises when the pixels or labels change.
const Version = 1

// Side is the width and height of every pattern.
const Side = 256

// EdgeSigma is the Gaussian blur of every slanted edge, in pixels, before a pixel's own
// area is averaged: no camera and no renderer draws sharper ones without aliasing.
const EdgeSigma = .5

// A pattern draws one item.
type pattern struct {
	name string
	draw func(c *canvas)
}

// patterns in the order of the set: any prefix asks several things.
var patterns = []pattern{
	{"edges/grey-5", edges(5, gray(40), gray(215))},
	{"plate/grey", plate(gray(20), gray(235))},
	{"noise/natural", noise(2)},
	{"star/36", star(36)},
	{"chart/colours", chart},
	{"edges/soft-8", edges(8, gray(110), gray(146))},
	{"gratings/grey", gratings(gray(64), gray(192))},
	{"ramp/grey", ramps(gray(0), gray(255))},
	{"noise/white", noise(0)},
	{"edges/red-cyan-5", edges(5, colour{200, 40, 40}, colour{40, 160, 160})},
	{"plate/red-green", plate(colour{190, 70, 90}, colour{40, 140, 90})},
	{"noise/smooth", noise(3)},
	{"star/72", star(72)},
	{"ramp/colours", ramps(colour{255, 0, 0}, colour{0, 0, 255})},
	{"edges/black-white-12", edges(12, gray(0), gray(255))},
	{"gratings/blue-yellow", gratings(colour{70, 70, 190}, colour{180, 180, 60})},
}

// Set is the data set.
type Set struct {
	ids  []string
	info datasets.Info
}

var _ datasets.Dataset = (*Set)(nil)

// New returns the set.
func New() *Set {
	s := &Set{}
	h := sha256.New()
	_, _ = fmt.Fprintln(h, ID, Version, Side, EdgeSigma) // a hash never fails
	for _, p := range patterns {
		s.ids = append(s.ids, p.name)
		_, _ = fmt.Fprintln(h, p.name)
	}
	s.info = datasets.Info{
		ID: ID, Version: Version, Digest: hex.EncodeToString(h.Sum(nil)),
		Title:   fmt.Sprintf("%d test patterns of %d×%d", len(patterns), Side, Side),
		Source:  "drawn by vtbench",
		Licence: "Apache-2.0",
	}
	return s
}

// Info implements datasets.Dataset.
func (s *Set) Info() datasets.Info { return s.info }

// IDs implements datasets.Dataset.
func (s *Set) IDs() []string { return s.ids }

// Load implements datasets.Dataset.
func (s *Set) Load(ctx context.Context, i int) (datasets.Item, error) {
	if err := ctx.Err(); err != nil {
		return datasets.Item{}, err
	}
	if i < 0 || i >= len(patterns) {
		return datasets.Item{}, fmt.Errorf("%s has no item %d", ID, i)
	}
	c := drawn()[i]()
	return datasets.Item{ID: s.ids[i], Image: c.Image.Clone(), Instances: slices.Clone(c.instances)}, nil
}

// drawn draws each pattern once, when it is first asked for.
var drawn = sync.OnceValue(func() []func() *canvas {
	var out []func() *canvas
	for _, p := range patterns {
		out = append(out, sync.OnceValue(func() *canvas {
			c := &canvas{Image: pix.New(Side, Side)}
			p.draw(c)
			return c
		}))
	}
	return out
})

// colour is R, G and B in 0…255.
type colour [3]float64

func gray(v float64) colour { return colour{v, v, v} }

// mix is a at 0 and b at 1.
func mix(a, b colour, t float64) (c colour) {
	for i := range c {
		c[i] = a[i] + float64((b[i]-a[i])*t)
	}
	return c
}

// canvas is an image that is drawn, with what is known of it.
type canvas struct {
	pix.Image
	instances []datasets.Instance
}

func (c *canvas) set(x, y int, v colour) {
	p := c.Pix[3*(y*Side+x):][:3]
	for i := range p {
		p[i] = uint8(min(max(math.Floor(v[i]+.5), 0), 255))
	}
}

// each draws every pixel as the mean of f over a grid of n×n points in it, from 0 for
// lo to 1 for hi.
func (c *canvas) each(n int, lo, hi colour, f func(x, y float64) float64) {
	for y := range Side {
		for x := range Side {
			sum := 0.0
			for j := range n {
				for i := range n {
					sum += f(float64(x)+(float64(i)+.5)/float64(n), float64(y)+(float64(j)+.5)/float64(n))
				}
			}
			c.set(x, y, mix(lo, hi, sum/float64(n*n)))
		}
	}
}

// edges is a square turned by some degrees: four slanted edges, which are instances.
func edges(degrees float64, inside, outside colour) func(*canvas) {
	return func(c *canvas) {
		sin, cos := math.Sincos(degrees * math.Pi / 180)
		const half = 72.3 // from the middle to an edge: no whole number of pixels
		step := func(d float64) float64 { return .5 * math.Erfc(-d/(EdgeSigma*math.Sqrt2)) }
		c.each(4, inside, outside, func(x, y float64) float64 {
			u, v := x-Side/2, y-Side/2
			u, v = float64(u*cos)+float64(v*sin), float64(v*cos)-float64(u*sin)
			return 1 - float64(float64(step(half-u)*step(half+u))*float64(step(half-v)*step(half+v)))
		})
		// Windows on the middle of each edge, far from the corners.
		const across, along = 20, 32 // half the sides of a window
		for i, n := range []string{"right", "bottom", "left", "top"} {
			turn := float64(degrees*math.Pi/180) + float64(float64(i)*math.Pi/2)
			s, k := math.Sincos(turn)
			x, y := int(math.Round(Side/2+float64(half*k))), int(math.Round(Side/2+float64(half*s)))
			box := image.Rect(x-across, y-along, x+across, y+along)
			if i%2 == 1 {
				box = image.Rect(x-along, y-across, x+along, y+across)
			}
			c.instances = append(c.instances, datasets.Instance{ID: n, Box: box, Tags: []string{datasets.TagEdge}})
		}
	}
}

// plate is a zone plate: rings whose frequency grows with the distance from the middle,
// to half a period a pixel at the middle of a side.
func plate(lo, hi colour) func(*canvas) {
	return func(c *canvas) {
		c.each(6, lo, hi, func(x, y float64) float64 {
			u, v := x-Side/2, y-Side/2
			return .5 + float64(.5*math.Cos(math.Pi*(float64(u*u)+float64(v*v))/Side))
		})
	}
}

// star is a Siemens star.
func star(spokes float64) func(*canvas) {
	return func(c *canvas) {
		c.each(6, gray(20), gray(235), func(x, y float64) float64 {
			u, v := x-Side/2, y-Side/2
			if math.Hypot(u, v) > 120 {
				return .5
			}
			if math.Mod(math.Atan2(v, u)/(2*math.Pi)*spokes+spokes, 1) < .5 {
				return 0
			}
			return 1
		})
	}
}

// gratings are fields of 2, 3, 4, 6, 8 and 16 pixels a period, upright, lying and
// slanted.
func gratings(lo, hi colour) func(*canvas) {
	periods := []float64{2, 3, 4, 6, 8, 16}
	return func(c *canvas) {
		c.each(4, lo, hi, func(x, y float64) float64 {
			p := periods[min(int(x)*len(periods)/Side, len(periods)-1)]
			along := x
			switch {
			case y >= 2*Side/3:
				along = (x + y) / math.Sqrt2
			case y >= Side/3:
				along = y
			}
			return .5 + float64(.5*math.Sin(2*math.Pi*along/p))
		})
	}
}

// ramps are smooth: along the row, along the column, and around the middle.
func ramps(from, to colour) func(*canvas) {
	return func(c *canvas) {
		c.each(1, from, to, func(x, y float64) float64 {
			switch {
			case y < Side/3:
				return x / Side
			case x < Side/2:
				return (y - Side/3) / (Side - Side/3)
			}
			return min(math.Hypot(x-3*Side/4, y-2*Side/3)/90, 1)
		})
	}
}

// chart is 6×4 patches: the colours of the usual chart in sRGB, without anybody's exact
// values, and a row of greys.
func chart(c *canvas) {
	patches := []colour{
		{115, 82, 68},
		{194, 150, 130},
		{98, 122, 157},
		{87, 108, 67},
		{133, 128, 177},
		{103, 189, 170},
		{214, 126, 44},
		{80, 91, 166},
		{193, 90, 99},
		{94, 60, 108},
		{157, 188, 64},
		{224, 163, 46},
		{56, 61, 150},
		{70, 148, 73},
		{175, 54, 60},
		{231, 199, 31},
		{187, 86, 149},
		{8, 133, 161},
		{243, 243, 242},
		{200, 200, 200},
		{160, 160, 160},
		{122, 122, 121},
		{85, 85, 85},
		{52, 52, 52},
	}
	for y := range Side {
		for x := range Side {
			const w, h, gap = Side / 6, Side / 4, 3
			col, row := min(x/w, 5), min(y/h, 3)
			v := gray(16)
			if x-col*w >= gap && y-row*h >= gap {
				v = patches[6*row+col]
			}
			c.set(x, y, v)
		}
	}
}

// noise has a power spectrum that falls with the power-th power of frequency, 2 as that of
// photographs, in three channels that share half of their variance.
func noise(power float64) func(*canvas) {
	return func(c *canvas) {
		rng := rand.New(rand.NewPCG(20250607, uint64(power)))
		var channels [4][]float64
		for i := range channels {
			channels[i] = shaped(rng, power)
		}
		for y := range Side {
			for x := range Side {
				var v colour
				for i := range v {
					z := (channels[i][y*Side+x] + channels[3][y*Side+x]) / math.Sqrt2
					v[i] = 128 + float64(32*z)
				}
				c.set(x, y, v)
			}
		}
	}
}

// shaped is a plane of noise of mean 0 and variance 1: the sum of sinusoids of random
// phase, as many as there are frequencies in one of Side² samples.
func shaped(rng *rand.Rand, power float64) []float64 {
	re, im := make([]float64, Side*Side), make([]float64, Side*Side)
	for v := range Side {
		for u := range Side {
			fu, fv := float64(min(u, Side-u)), float64(min(v, Side-v))
			r := math.Sqrt(float64(fu*fu) + float64(fv*fv))
			phase := 2 * math.Pi * rng.Float64()
			if r == 0 {
				continue
			}
			a := math.Pow(r, -power/2)
			s, k := math.Sincos(phase)
			re[v*Side+u], im[v*Side+u] = a*k, a*s
		}
	}
	transform(re, im)
	var ss float64
	for _, x := range re {
		ss += float64(x * x)
	}
	scale := 1 / math.Sqrt(ss/float64(len(re)))
	for i := range re {
		re[i] *= scale
	}
	return re
}

// transform is the discrete Fourier transform of a square of Side, in place.
func transform(re, im []float64) {
	for i := range Side {
		line(re[i*Side:], im[i*Side:], 1)
	}
	for i := range Side {
		line(re[i:], im[i:], Side)
	}
}

// line transforms Side values that lie step apart (Cooley and Tukey, radix 2).
func line(re, im []float64, step int) {
	for i, j := 0, 0; i < Side; i++ {
		if i < j {
			re[i*step], re[j*step] = re[j*step], re[i*step]
			im[i*step], im[j*step] = im[j*step], im[i*step]
		}
		bit := Side >> 1
		for ; j&bit != 0; bit >>= 1 {
			j ^= bit
		}
		j ^= bit
	}
	for n := 2; n <= Side; n *= 2 {
		for k := range n / 2 {
			s, c := math.Sincos(-2 * math.Pi * float64(k) / float64(n))
			for i := k; i < Side; i += n {
				a, b := i*step, (i+n/2)*step
				x, y := float64(re[b]*c)-float64(im[b]*s), float64(re[b]*s)+float64(im[b]*c)
				re[b], im[b] = re[a]-x, im[a]-y
				re[a], im[a] = re[a]+x, im[a]+y
			}
		}
	}
}
