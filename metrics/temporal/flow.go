package temporal

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"sync"

	"github.com/kballard/go-shellquote"

	"github.com/vtbench/vtbench/internal/opencv"
	"github.com/vtbench/vtbench/metrics"
	"github.com/vtbench/vtbench/pix"
	"github.com/vtbench/vtbench/tokenizers"
	"github.com/vtbench/vtbench/tokenizers/process"
)

// Ids of the warping errors by optical flow.
const (
	WarpErrorFlow = "warp-error-flow"
	EWarpFlow     = "e-warp-flow"
)

func flowSpecs() []metrics.Spec {
	const by = "by Farnebäck's optical flow of the originals (OpenCV, pyramid .5 of 5 levels, window 15, 3 iterations, n 5, sigma 1.1), pixels that are hidden left out by the test of forward against backward flow of Sundaram, Brox, Keutzer 2010"
	var out []metrics.Spec
	for _, s := range stepSpecs() {
		switch s.ID {
		case WarpError:
			s.ID, s.Title = WarpErrorFlow, "Warping error (optical flow)"
			s.Source = "as warp-error, " + by
			s.Long = "As the warping error, of films whose motion nobody knows: it is estimated on the original."
		case EWarp:
			s.ID, s.Title = EWarpFlow, "E_warp (optical flow)"
			s.Source = "Lai et al. 2018, Learning Blind Video Temporal Consistency: mean ‖got_t − W(got_{t−1})‖² over visible pixels, values of 0 to 1, times 1000; " + by + ", in the place of FlowNet2's"
		default:
			continue
		}
		out = append(out, s)
	}
	return out
}

// FlowSteps is the metric of steps by optical flow. The helper that holds OpenCV computes the
// flow of the originals, once for all tokenizers.
type FlowSteps struct {
	helper  *process.Helper
	version string
	wanted  func(string) bool
	mu      sync.Mutex
	flows   []*estimate // the latest last
}

// An estimate is the flow between two originals.
type estimate struct {
	clip        string
	index       int
	before, ref pix.Image
	once        sync.Once
	flow        *pix.Flow
	err         error
}

// keptFlows is how many estimates are kept: those of a window, under a few conditions.
const keptFlows = 64

// OpenFlow starts the helper.
func OpenFlow(ctx context.Context, cfg metrics.Config) (*FlowSteps, error) {
	program, err := opencv.Find()
	if err != nil {
		return nil, err
	}
	h, err := process.OpenHelper(ctx, tokenizers.Options{
		"command": shellquote.Join(program, "flow"), "start_timeout": "1m", "first_batch_timeout": "1m", "batch_timeout": "1m",
	}, opencv.FlowFarneback)
	if err != nil {
		return nil, fmt.Errorf("opening optical flow in OpenCV: %w", err)
	}
	return &FlowSteps{helper: h, version: h.Info().Params[opencv.ParamOpenCV], wanted: cfg.Wants}, nil
}

// Specs lists what is measured.
func (*FlowSteps) Specs() []metrics.Spec { return flowSpecs() }

// Provenance names OpenCV.
func (f *FlowSteps) Provenance() map[string]string {
	return map[string]string{"optical flow": "OpenCV " + f.version}
}

// Close ends the helper.
func (f *FlowSteps) Close() error { return f.helper.Close() }

// Begin starts on a clip.
func (f *FlowSteps) Begin(_ context.Context, clip metrics.ClipInfo) (metrics.Sequence, error) {
	return &flowSteps{of: f, steps: steps{clip: clip, wanted: func(id string) bool { return id == WarpError || id == EWarp }}}, nil
}

type flowSteps struct {
	of *FlowSteps
	steps
	before pix.Image
}

// Next returns the values of a step.
func (s *flowSteps) Next(ctx context.Context, f metrics.Frame) ([]metrics.Value, error) {
	before := s.before
	s.before = f.Ref
	f.Flow = nil
	if !before.Empty() && before.W == f.Ref.W && before.H == f.Ref.H {
		var err error
		if f.Flow, err = s.of.between(ctx, s.clip.ID, f.Index, before, f.Ref); err != nil {
			return nil, fmt.Errorf("frame %d of %s: %w", f.Index, s.clip.ID, err)
		}
	}
	values, err := s.steps.Next(ctx, f)
	out := values[:0]
	for _, v := range values {
		if v.Metric += "-flow"; s.of.wanted(v.Metric) {
			out = append(out, v)
		}
	}
	return out, err
}

// between is the flow from ref back to the frame before, estimated once. An estimate holds
// its frames, so that no other frames can be where they are in memory.
func (f *FlowSteps) between(ctx context.Context, clip string, index int, before, ref pix.Image) (*pix.Flow, error) {
	f.mu.Lock()
	var e *estimate
	for _, o := range f.flows {
		if o.clip == clip && o.index == index && (o.ref.Same(ref) && o.before.Same(before) || o.ref.Equal(ref) && o.before.Equal(before)) {
			e = o
		}
	}
	if e == nil {
		e = &estimate{clip: clip, index: index, before: before, ref: ref}
		if f.flows = append(f.flows, e); len(f.flows) > keptFlows {
			f.flows = append([]*estimate(nil), f.flows[1:]...)
		}
	}
	f.mu.Unlock()
	e.once.Do(func() { e.flow, e.err = f.estimate(ctx, before, ref) })
	return e.flow, e.err
}

func (f *FlowSteps) estimate(ctx context.Context, before, ref pix.Image) (*pix.Flow, error) {
	size := 8 * ref.W * ref.H
	call := process.Call{
		Op: opencv.FlowFarneback, Args: opencv.Image{W: ref.W, H: ref.H}, Raw: [][]byte{before.Pix, ref.Pix},
		Value: &struct{}{}, Most: 2 * size,
	}
	raw, err := f.helper.Call(ctx, call)
	if errors.Is(err, process.ErrLost) && ctx.Err() == nil {
		raw, err = f.helper.Call(ctx, call)
	}
	switch {
	case errors.Is(err, process.ErrLost):
		return nil, fmt.Errorf("estimating motion: %w (%w)", err, metrics.ErrAgain)
	case err != nil:
		return nil, fmt.Errorf("estimating motion: %w", err)
	case len(raw) != 2*size:
		return nil, fmt.Errorf("estimating motion: %d bytes, want %d", len(raw), 2*size)
	}
	back, forth := decodeFlow(raw[:size], ref.W, ref.H), decodeFlow(raw[size:], ref.W, ref.H)
	hide(back, forth)
	return back, nil
}

func decodeFlow(raw []byte, w, h int) *pix.Flow {
	f := pix.NewFlow(w, h)
	for i := range f.DX {
		f.DX[i] = math.Float32frombits(binary.LittleEndian.Uint32(raw[8*i:]))
		f.DY[i] = math.Float32frombits(binary.LittleEndian.Uint32(raw[8*i+4:]))
	}
	return f
}

// hide makes the pixels of back unknown at which it and the flow the other way disagree:
// |b(x) + f(x + b(x))|² > .01 (|b|² + |f|²) + .5 (Sundaram, Brox, Keutzer 2010), the pixel that
// is nearest standing for x + b(x).
func hide(back, forth *pix.Flow) {
	nan := float32(math.NaN())
	for y := range back.H {
		for x := range back.W {
			i := y*back.W + x
			bx, by := float64(back.DX[i]), float64(back.DY[i])
			px, py := math.Round(float64(x)+bx), math.Round(float64(y)+by)
			if px >= 0 && py >= 0 && px < float64(back.W) && py < float64(back.H) {
				j := int(py)*back.W + int(px)
				fx, fy := float64(forth.DX[j]), float64(forth.DY[j])
				if (bx+fx)*(bx+fx)+(by+fy)*(by+fy) <= .01*(bx*bx+by*by+fx*fx+fy*fy)+.5 {
					continue
				}
			}
			back.DX[i], back.DY[i] = nan, nan
		}
	}
}
