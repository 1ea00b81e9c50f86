// Package temporal measures whether films hold from frame to frame.
//
// Its opinion: a reconstruction may be wrong, but it should be wrong in the same way in the
// next frame, since what changes there is seen first. So most metrics here look at the error
// e_t = got_t − ref_t and at what becomes of it: flicker where it changes in place, the
// warping error where it does not move with the scene. All of them are exactly 0 for a
// perfect reconstruction, whatever moves in the film.
package temporal

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/vtbench/vtbench/internal/opencv"
	"github.com/vtbench/vtbench/metrics"
	"github.com/vtbench/vtbench/metrics/quality"
	"github.com/vtbench/vtbench/pix"
)

// Ids of the metrics of steps.
const (
	Flicker   = "flicker"
	PSNR      = "t-psnr"
	SSIM      = "t-ssim"
	WarpError = "warp-error"
	EWarp     = "e-warp"
)

// DropMotion is the reason for which a step has no warping error: the motion of no pixel is
// known, as at a cut.
const DropMotion = "motion_unknown"

// Kinds lists the metrics of this package.
func Kinds() []metrics.Kind {
	out := []metrics.Kind{{Specs: stepSpecs(), Temporal: func(_ context.Context, cfg metrics.Config) (metrics.Temporal, error) {
		return Steps{wanted: cfg.Wants}, nil
	}}}
	out = append(out, metrics.Kind{Specs: warpSpecs(true), Temporal: openOptical})
	for _, f := range Followers() {
		out = append(out, metrics.Kind{Specs: f.Specs(), Follower: f})
	}
	return out
}

func stepSpecs() []metrics.Spec {
	inf := metrics.Unbounded(1)
	return append([]metrics.Spec{
		{
			ID: Flicker, Version: 1, Title: "Flicker", Unit: "grey levels", Better: metrics.Lower, Min: 0, Max: 510, Scope: metrics.PerStep,
			Source: "mean |(got_t − got_{t−1}) − (ref_t − ref_{t−1})| over pixels and RGB channels of 0 to 255; our own wording of the error of frame differences",
			Role:   metrics.RoleQuality, Show: metrics.Fixed(2), Margin: metrics.Margin{Absolute: .05},
			Short: "change of the error from frame to frame",
			Long:  "How much the error of a pixel changes from one frame to the next. What stands still in the original and does not in the reconstruction shows here, also where each frame by itself looks right.",
		},
		{
			ID: PSNR, Version: 1, Title: "t-PSNR", Unit: "dB", Better: metrics.Higher, Min: metrics.Unbounded(-1), Max: inf, Scope: metrics.PerStep,
			Source: "10·log10(255²/mean((got_t − got_{t−1}) − (ref_t − ref_{t−1}))²), over pixels and RGB channels; PSNR of frame differences, the peak that of a frame: our own choice",
			Role:   metrics.RolePixels, Show: metrics.Fixed(2), Margin: metrics.Margin{Absolute: .1},
			Short: "PSNR of the frame differences",
			Long:  "As PSNR, of the differences between frames instead of the frames. It is infinite where every frame differs from the one before by what the original does.",
		},
		{
			ID: SSIM, Version: 1, Title: "t-SSIM", Better: metrics.Higher, Min: -1, Max: 1, Scope: metrics.PerStep,
			Source: "SSIM (as ssim) of the frame differences, scaled to 8 bits by (d + 255)/2, halves up: our own choice",
			Role:   metrics.RoleQuality, Show: metrics.Fixed(4), Margin: metrics.Margin{Absolute: .005},
			Short: "structure of the frame differences",
			Long:  "SSIM of what changes between two frames. Where nothing moves it is 1 only if nothing moves in the reconstruction.",
		},
	}, warpSpecs(false)...)
}

// warpSpecs are those of the warping errors, by the motion that the data set knows or by
// optical flow.
func warpSpecs(measured bool) []metrics.Spec {
	id, published, title := WarpError, EWarp, ""
	by := "the known motion"
	long := "The motion is that of the data set, exactly; where it is not known (a cut, what was hidden) pixels do not count."
	if measured {
		id, published, title = WarpErrorFlow, EWarpFlow, ", optical flow"
		p := opencv.FarnebackParams
		by = fmt.Sprintf("Farnebäck's optical flow of the originals (OpenCV, pyramid %g of %d levels, window %d, %d iterations, n %d, sigma %g), without pixels that are hidden or at the rim of a motion by the test of their program",
			p.PyramidScale, p.Levels, p.Window, p.Iterations, p.PolySize, p.PolySigma)
		long = "The motion is measured on the originals, the same for every tokenizer; what it gets wrong changes how the error is moved, and no perfect reconstruction."
	}
	return []metrics.Spec{
		{
			ID: id, Version: 1, Title: "Warping error" + title, Unit: "grey levels", Better: metrics.Lower, Min: 0, Max: 510, Scope: metrics.PerStep,
			Source: "root mean square of e_t − W(e_{t−1}) over the pixels of known motion, e = got − ref, W the bilinear warp by " + by + "; after Lai et al. 2018, of the error in the place of the frame",
			Role:   metrics.RoleQuality, Show: metrics.Fixed(2), Margin: metrics.Margin{Absolute: .05},
			Short: "error that does not move with the scene",
			Long:  "The error of the frame before is moved as the scene moves, and compared with that of this one: texture that swims over a moving object shows here. " + long,
		},
		{
			ID: published, Version: 1, Title: "E_warp" + title, Unit: "1e-3", Better: metrics.Lower, Min: 0, Max: 1000, Scope: metrics.PerStep,
			Source: "Lai et al. 2018, Learning Blind Video Temporal Consistency: mean ‖got_t − W(got_{t−1})‖² over visible pixels, values of 0 to 1, times 1000; per channel, by " + by + " in the place of FlowNet2's",
			Role:   metrics.RoleReference, Show: metrics.Significant(3), Margin: metrics.Margin{Relative: .02},
			Short: "difference between a frame and the one before, moved",
			Long:  "The published warping error. It holds what interpolation loses, too: the row of the original is its floor, and a blurred film is below that.",
		},
	}
}

// Steps is the metric of steps between frames.
type Steps struct{ wanted func(id string) bool }

// Specs lists what is measured.
func (Steps) Specs() []metrics.Spec { return stepSpecs() }

// Begin starts on a clip.
func (s Steps) Begin(_ context.Context, clip metrics.ClipInfo) (metrics.Sequence, error) {
	wanted := s.wanted
	if wanted == nil {
		wanted = func(string) bool { return true }
	}
	return &steps{before: before{clip: clip}, wanted: wanted}, nil
}

// before is the frame before, of a clip.
type before struct {
	clip     metrics.ClipInfo
	ref, got pix.Image
}

// next puts a frame in the place of the one before, and returns that; it is empty at the first.
func (b *before) next(f metrics.Frame) (ref, got pix.Image, err error) {
	for _, m := range []pix.Image{f.Ref, f.Got} {
		if err := m.Validate(); err != nil {
			return ref, got, fmt.Errorf("frame %d of %s: %w", f.Index, b.clip.ID, err)
		}
		if m.W != f.Ref.W || m.H != f.Ref.H || !b.ref.Empty() && (m.W != b.ref.W || m.H != b.ref.H) {
			return ref, got, fmt.Errorf("frame %d of %s: sizes differ: %d×%d and %d×%d, the frame before %d×%d",
				f.Index, b.clip.ID, f.Ref.W, f.Ref.H, f.Got.W, f.Got.H, b.ref.W, b.ref.H)
		}
	}
	ref, got = b.ref, b.got
	b.ref, b.got = f.Ref, f.Got
	return ref, got, nil
}

type steps struct {
	before before
	warper warper
	wanted func(string) bool
}

// Next returns the values of a step.
func (s *steps) Next(_ context.Context, f metrics.Frame) ([]metrics.Value, error) {
	ref, got, err := s.before.next(f)
	if err != nil {
		return nil, err
	}
	if ref.Empty() {
		return nil, nil
	}
	var out []metrics.Value
	if s.wanted(Flicker) || s.wanted(PSNR) {
		abs, sq := differences(ref.Pix, f.Ref.Pix, got.Pix, f.Got.Pix)
		n := float64(len(f.Ref.Pix))
		out = append(out,
			metrics.Value{Metric: Flicker, Value: float64(abs) / n},
			metrics.Value{Metric: PSNR, Value: 10 * math.Log10(255*255*n/float64(sq))})
	}
	if s.wanted(SSIM) {
		a, b := change(ref, f.Ref), change(got, f.Got)
		v, err := quality.SSIM(a, b)
		if err != nil {
			return nil, fmt.Errorf("frame %d of %s: %w", f.Index, s.before.clip.ID, err)
		}
		if a.Equal(b) {
			v = 1 // exactly: the last bit of a sum is none of the film's
		}
		out = append(out, metrics.Value{Metric: SSIM, Value: v})
	}
	values, err := s.warper.values(s.wanted, WarpError, EWarp, ref, f.Ref, got, f.Got, f.Flow)
	if err != nil {
		return nil, fmt.Errorf("frame %d of %s: %w", f.Index, s.before.clip.ID, err)
	}
	out = append(out, values...)
	return slices.DeleteFunc(out, func(v metrics.Value) bool { return !s.wanted(v.Metric) }), nil
}

// End has nothing to say of the clip as a whole.
func (s *steps) End(context.Context) ([]metrics.Value, error) { return nil, nil }

// Close releases nothing.
func (s *steps) Close() error { return nil }

// differencesGo is differences, in plain Go.
func differencesGo(r0, r1, g0, g1 []uint8) (abs, sq uint64) {
	r1, g0, g1 = r1[:len(r0)], g0[:len(r0)], g1[:len(r0)]
	for i, r := range r0 {
		d := int32(g1[i]) - int32(g0[i]) - int32(r1[i]) + int32(r)
		abs += uint64(max(d, -d))
		sq += uint64(d * d)
	}
	return abs, sq
}

// change is the difference of two frames as an image: 127.5, rounded up, where they agree.
func change(before, after pix.Image) pix.Image {
	out := pix.New(after.W, after.H)
	for i, v := range after.Pix {
		out.Pix[i] = uint8((int(v) - int(before.Pix[i]) + 256) / 2)
	}
	return out
}

var errFlow = errors.New("the motion is of another size than the frame")

// A warper makes warping errors; what it holds is reused from step to step.
type warper struct{ planes [2][]float32 }

// values are the warping errors of a step, over the pixels of known motion that lie inside the
// frame before: those that are wanted of the ids id and published.
func (u *warper) values(wanted func(string) bool, id, published string, r0, r1, g0, g1 pix.Image, flow *pix.Flow) ([]metrics.Value, error) {
	if flow != nil {
		if err := flow.Validate(); err != nil {
			return nil, err
		}
		if flow.W != r1.W || flow.H != r1.H {
			return nil, errFlow
		}
	}
	var out []metrics.Value
	add := func(id string, of func() (sum float64, n int), value func(mean float64) float64) {
		if !wanted(id) {
			return
		}
		v := metrics.Value{Metric: id, Drop: DropMotion}
		if flow != nil {
			if sum, n := of(); n > 0 {
				v.Value, v.Drop = value(sum/float64(3*n)), ""
			}
		}
		out = append(out, v)
	}
	add(id, func() (float64, int) { return u.changes(r0.Pix, r1.Pix, g0.Pix, g1.Pix, flow) }, math.Sqrt)
	add(published, func() (float64, int) { return u.changes(nil, nil, g0.Pix, g1.Pix, flow) }, func(mean float64) float64 { return 1000 * mean / (255 * 255) })
	return out, nil
}

// less is got less ref, or got where ref is nil.
func (u *warper) less(k int, ref, got []uint8) []float32 {
	if len(u.planes[k]) != len(got) {
		u.planes[k] = make([]float32, len(got))
	}
	out := u.planes[k][:len(got)]
	if ref == nil {
		for i, g := range got {
			out[i] = float32(g)
		}
		return out
	}
	ref = ref[:len(got)]
	for i, g := range got {
		out[i] = float32(int32(g) - int32(ref[i]))
	}
	return out
}

// changes sums the squared differences of got less ref, over three channels, between pixels
// and where they came from, and counts the pixels of known motion.
func (u *warper) changes(r0, r1, g0, g1 []uint8, flow *pix.Flow) (sum float64, n int) {
	before, now := u.less(0, r0, g0), u.less(1, r1, g1)
	w, h := flow.W, flow.H
	// As [between], whose call would take as long as all else here.
	lastX, lastY, right, down := max(w-2, 0), max(h-2, 0), 3*min(1, w-1), 3*w*min(1, h-1)
	for y := range h {
		row, dx, dy := now[3*y*w:3*(y+1)*w], flow.DX[y*w:(y+1)*w], flow.DY[y*w:(y+1)*w]
		for x := range w {
			fx, fy := float64(x)+float64(dx[x]), float64(y)+float64(dy[x])
			if !(fx >= 0 && fy >= 0 && fx <= float64(w-1) && fy <= float64(h-1)) {
				continue
			}
			n++
			x0, y0 := min(int(fx), lastX), min(int(fy), lastY)
			a, b := float32(fx-float64(x0)), float32(fy-float64(y0))
			i, v := 3*(y0*w+x0), row[3*x:3*x+3]
			p := before[i:][:3]
			if a == 0 && b == 0 {
				d0, d1, d2 := v[0]-p[0], v[1]-p[1], v[2]-p[2]
				sum += float64(d0*d0 + d1*d1 + d2*d2) // exact: whole numbers below 2²⁴
				continue
			}
			q, r, s := before[i+right:][:3], before[i+down:][:3], before[i+down+right:][:3]
			w00, w01, w10, w11 := (1-a)*(1-b), a*(1-b), (1-a)*b, a*b
			d0 := v[0] - (w00*p[0] + w01*q[0] + w10*r[0] + w11*s[0])
			d1 := v[1] - (w00*p[1] + w01*q[1] + w10*r[1] + w11*s[1])
			d2 := v[2] - (w00*p[2] + w01*q[2] + w10*r[2] + w11*s[2])
			sum += float64(d0*d0 + d1*d1 + d2*d2)
		}
	}
	return sum, n
}

// place is one between four pixels, at shares a and b of the way right and down.
type place struct {
	i, right, down int
	a, b           float64
}

// between finds the pixels around a place; ok is false outside the frame, and where x or y is
// NaN.
func between(x, y float64, w, h int) (p place, ok bool) {
	if !(x >= 0 && y >= 0 && x <= float64(w-1) && y <= float64(h-1)) {
		return p, false
	}
	x0, y0 := min(int(x), max(w-2, 0)), min(int(y), max(h-2, 0))
	return place{y0*w + x0, min(1, w-1), w * min(1, h-1), x - float64(x0), y - float64(y0)}, true
}

// of interpolates a plane.
func (p place) of(v []float32) float64 {
	top := float64(v[p.i])*(1-p.a) + float64(v[p.i+p.right])*p.a
	below := float64(v[p.i+p.down])*(1-p.a) + float64(v[p.i+p.down+p.right])*p.a
	return top*(1-p.b) + below*p.b
}
