package pix

import (
	"fmt"
	"math"
)

// A Flow says where the pixels of a frame were in the frame before: pixel (x, y) was at
// (x+DX, y+DY). Row-major, in pixels.
type Flow struct {
	W, H   int
	DX, DY []float32 // len W*H; NaN where the pixel was hidden, outside, or is not known
}

// NewFlow returns a flow of a scene that stands still.
func NewFlow(w, h int) *Flow {
	return &Flow{W: w, H: h, DX: make([]float32, w*h), DY: make([]float32, w*h)}
}

// Validate checks the sizes.
func (f *Flow) Validate() error {
	if f.W <= 0 || f.H <= 0 {
		return fmt.Errorf("flow is %d×%d: both sides must be positive", f.W, f.H)
	}
	if n := f.W * f.H; len(f.DX) != n || len(f.DY) != n {
		return fmt.Errorf("flow is %d×%d: want %d values each way, have %d and %d", f.W, f.H, n, len(f.DX), len(f.DY))
	}
	return nil
}

// Known reports whether the motion of pixel i is known.
func (f *Flow) Known(i int) bool {
	return !math.IsNaN(float64(f.DX[i])) && !math.IsNaN(float64(f.DY[i]))
}

// Fit scales a flow as [Fit] and the placement p scale the frames; the padding has no
// known motion. The value nearest to the centre of a pixel stands for it.
func (f *Flow) Fit(p Placement, w, h int) *Flow {
	out := NewFlow(w, h)
	nan := float32(math.NaN())
	sx, sy := float64(p.Inside.Dx())/float64(p.W), float64(p.Inside.Dy())/float64(p.H)
	for y := range h {
		for x := range w {
			i := y*w + x
			fx := int((float64(x-p.Inside.Min.X) + .5) / sx)
			fy := int((float64(y-p.Inside.Min.Y) + .5) / sy)
			if x < p.Inside.Min.X || y < p.Inside.Min.Y || x >= p.Inside.Max.X || y >= p.Inside.Max.Y || fx >= f.W || fy >= f.H {
				out.DX[i], out.DY[i] = nan, nan
				continue
			}
			j := fy*f.W + fx
			out.DX[i], out.DY[i] = float32(float64(f.DX[j])*sx), float32(float64(f.DY[j])*sy)
		}
	}
	return out
}
