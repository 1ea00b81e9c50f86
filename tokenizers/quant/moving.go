package quant

import (
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/vtbench/vtbench/pix"
)

const (
	// movingBytes bounds the samples of the blocks that a fit sees, movingBlocks their number.
	movingBytes  = 160 << 20
	movingBlocks = 48 << 10
)

// movingCount is how many blocks a fit sees.
func movingCount(side, frames, pixels int) int {
	return min(movingBlocks, movingBytes/(3*side*side*frames), 2*pixels/(side*side))
}

// Moving draws blocks of side×side pixels and frames consecutive frames: windows of the
// images that a camera moves over, half of photographs and half of text. A quarter stands
// still; the others pan (half-normal speeds, 2.5 pixels a frame), zoom and turn, shake, or
// change in brightness. The samples of a block are in the order frame, row, column,
// channel; frames are interpolated linearly between pixels, and repeat the edge of the
// image beyond it.
func (s Source) Moving(side, frames int) ([][]uint8, error) {
	n := movingCount(side, frames, s.Pixels)
	if n < 2 || len(s.Photos) == 0 && len(s.Pages) == 0 {
		return nil, fmt.Errorf("the images have no blocks of %d×%d pixels and %d frames", side, side, frames)
	}
	rng := rand.New(rand.NewPCG(s.Seed, uint64(side)<<32|uint64(frames)))
	out := make([][]uint8, n)
	for i := range out {
		images := s.Photos
		if i%2 == 1 && len(s.Pages) > 0 || len(images) == 0 {
			images = s.Pages
		}
		out[i] = film(images[rng.IntN(len(images))], side, frames, rng)
	}
	return out, nil
}

// film is one block under a motion that is drawn.
func film(m pix.Image, side, frames int, rng *rand.Rand) []uint8 {
	// Everything is drawn for every block, so that one kind of motion does not shift the
	// draws of the others.
	kind := rng.IntN(8)
	x0, y0 := rng.IntN(max(1, m.W-side+1)), rng.IntN(max(1, m.H-side+1))
	angle, speed := 2*math.Pi*rng.Float64(), 2.5*math.Abs(rng.NormFloat64())
	zoom := 1 + .015*rng.NormFloat64() // a frame
	turn := .02 * rng.NormFloat64()    // radians a frame
	fade := 1 + .04*rng.NormFloat64()  // a frame
	cx, cy := float64(m.W)*rng.Float64(), float64(m.H)*rng.Float64()
	shakes := make([][2]float64, frames)
	for f := 1; f < frames; f++ {
		shakes[f] = [2]float64{1.5 * rng.NormFloat64(), 1.5 * rng.NormFloat64()}
	}
	out := make([]uint8, 0, 3*side*side*frames)
	for f := range frames {
		at := float64(f)
		scale, cos, sin, gain, dx, dy := 1.0, 1.0, 0.0, 1.0, 0.0, 0.0
		switch kind {
		case 0, 1: // still
		case 2, 3, 4:
			dx, dy = at*speed*math.Cos(angle), at*speed*math.Sin(angle)
		case 5:
			scale = math.Pow(zoom, at)
			sin, cos = math.Sincos(turn * at)
		case 6:
			dx, dy = shakes[f][0], shakes[f][1]
		default:
			gain = math.Pow(fade, at)
		}
		for y := range side {
			for x := range side {
				px, py := float64(x0+x)-cx, float64(y0+y)-cy
				px, py = scale*(cos*px-sin*py)+cx+dx, scale*(sin*px+cos*py)+cy+dy
				out = append(out, between(m, px, py, gain)...)
			}
		}
	}
	return out
}

// between interpolates linearly between pixels.
func between(m pix.Image, x, y, gain float64) []uint8 {
	fx, fy := math.Floor(x), math.Floor(y)
	ax, ay := x-fx, y-fy
	clamp := func(v float64, n int) int { return int(min(max(v, 0), float64(n-1))) }
	xa, xb := clamp(fx, m.W), clamp(fx+1, m.W)
	ra, rb := m.Row(clamp(fy, m.H)), m.Row(clamp(fy+1, m.H))
	var out [3]uint8
	for c := range out {
		top := float64(ra[3*xa+c])*(1-ax) + float64(ra[3*xb+c])*ax
		low := float64(rb[3*xa+c])*(1-ax) + float64(rb[3*xb+c])*ax
		out[c] = uint8(min(max(gain*(top*(1-ay)+low*ay), 0), 255) + .5)
	}
	return out[:]
}
