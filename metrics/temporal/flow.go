package temporal

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"sync"

	"github.com/vtbench/vtbench/internal/opencv"
	"github.com/vtbench/vtbench/internal/opencv/helper"
	"github.com/vtbench/vtbench/metrics"
	"github.com/vtbench/vtbench/pix"
	"github.com/vtbench/vtbench/tokenizers/process"
)

// Ids of the warping errors by optical flow.
const (
	WarpErrorFlow = "warp-error-flow"
	EWarpFlow     = "e-warp-flow"
)

// Limits of the test for occlusion, of Ruder et al. 2016 as Lai et al. 2018 use it.
const (
	occlusionShare = .01 // of the squared lengths of both flows
	occlusionFloor = .5  // squared pixels
	boundaryShare  = .01
	boundaryFloor  = .002
)

// flowBytes bounds the motion that is kept for other tokenizers: a window of 16 frames at
// 1280×720, or 129 frames at 480×270.
const flowBytes = 128 << 20

// optical measures warping errors by optical flow.
type optical struct {
	wanted     func(string) bool
	helper     helper.Helper
	provenance map[string]string

	mu    sync.Mutex
	known map[pair]*measured
	order []pair // the oldest first
	bytes int
}

// pair is two frames, by the digests of their pixels: whoever asks for the motion between
// them gets the same.
type pair struct{ now, before [sha256.Size]byte }

// measured is the motion between two frames, once done is closed.
type measured struct {
	done chan struct{}
	flow *pix.Flow
	err  error
}

var (
	_ metrics.Temporal   = (*optical)(nil)
	_ metrics.Provenance = (*optical)(nil)
)

// openOptical starts OpenCV.
func openOptical(ctx context.Context, cfg metrics.Config) (metrics.Temporal, error) {
	h, err := helper.Open(ctx, []string{"flow"}, opencv.FlowFarneback)
	if err != nil {
		return nil, fmt.Errorf("opening optical flow in OpenCV: %w", err)
	}
	return &optical{
		wanted: cfg.Wants, helper: h, known: map[pair]*measured{},
		provenance: map[string]string{"optical flow": "OpenCV " + h.Info().Params[opencv.ParamOpenCV]},
	}, nil
}

// Specs implements metrics.Temporal.
func (*optical) Specs() []metrics.Spec { return warpSpecs(true) }

// Provenance implements metrics.Provenance.
func (o *optical) Provenance() map[string]string { return o.provenance }

// Close implements io.Closer.
func (o *optical) Close() error { return o.helper.Close() }

// Begin implements metrics.Temporal.
func (o *optical) Begin(_ context.Context, clip metrics.ClipInfo) (metrics.Sequence, error) {
	return &opticalSteps{o: o, before: before{clip: clip}}, nil
}

type opticalSteps struct {
	o      *optical
	before before
	warper warper
	digest [sha256.Size]byte // of the reference before
}

// Next implements metrics.Sequence.
func (s *opticalSteps) Next(ctx context.Context, f metrics.Frame) ([]metrics.Value, error) {
	ref, got, err := s.before.next(f)
	if err != nil {
		return nil, err
	}
	p := pair{now: sha256.Sum256(f.Ref.Pix), before: s.digest}
	s.digest = p.now
	if ref.Empty() {
		return nil, nil
	}
	flow, err := s.o.flow(ctx, p, f.Ref, ref)
	if err != nil {
		return nil, fmt.Errorf("frame %d of %s: %w", f.Index, s.before.clip.ID, err)
	}
	values, err := s.warper.values(s.o.wanted, WarpErrorFlow, EWarpFlow, ref, f.Ref, got, f.Got, flow)
	if err != nil {
		return nil, fmt.Errorf("frame %d of %s: %w", f.Index, s.before.clip.ID, err)
	}
	return values, nil
}

// End implements metrics.Sequence.
func (*opticalSteps) End(context.Context) ([]metrics.Value, error) { return nil, nil }

// Close implements metrics.Sequence.
func (*opticalSteps) Close() error { return nil }

// flow returns the motion between two frames, from memory where another tokenizer had them.
func (o *optical) flow(ctx context.Context, p pair, now, before pix.Image) (*pix.Flow, error) {
	for {
		o.mu.Lock()
		m, ok := o.known[p]
		if !ok {
			m = &measured{done: make(chan struct{})}
			o.known[p] = m
		}
		o.mu.Unlock()
		if !ok {
			m.flow, m.err = o.measure(ctx, now, before)
			o.keep(p, m)
			close(m.done)
			return m.flow, m.err
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-m.done:
		}
		if !errors.Is(m.err, context.Canceled) && !errors.Is(m.err, context.DeadlineExceeded) {
			return m.flow, m.err
		}
		// Whoever measured it was told to stop; this one was not.
	}
}

// keep bounds what is kept; failures are not.
func (o *optical) keep(p pair, m *measured) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if m.err != nil {
		delete(o.known, p)
		return
	}
	o.order = append(o.order, p)
	o.bytes += 8 * len(m.flow.DX)
	for o.bytes > flowBytes && len(o.order) > 1 {
		o.bytes -= 8 * len(o.known[o.order[0]].flow.DX)
		delete(o.known, o.order[0])
		o.order = o.order[1:]
	}
}

func (o *optical) measure(ctx context.Context, now, before pix.Image) (*pix.Flow, error) {
	n := now.W * now.H
	raw, err := o.helper.Call(ctx, process.Call{
		Op: opencv.FlowFarneback, Args: opencv.Image{W: now.W, H: now.H}, Raw: [][]byte{before.Pix, now.Pix}, Most: 2 * 8 * n,
	})
	if err != nil {
		return nil, fmt.Errorf("measuring optical flow: %w", err)
	}
	if len(raw) != 2*8*n {
		return nil, fmt.Errorf("measuring optical flow: %d bytes for two flows of %d×%d", len(raw), now.W, now.H)
	}
	return visible(readFlow(now.W, now.H, raw[:8*n]), readFlow(now.W, now.H, raw[8*n:])), nil
}

// readFlow reads (dx, dy) of every pixel.
func readFlow(w, h int, raw []byte) *pix.Flow {
	f := pix.NewFlow(w, h)
	for i := range f.DX {
		f.DX[i] = math.Float32frombits(binary.LittleEndian.Uint32(raw[8*i:]))
		f.DY[i] = math.Float32frombits(binary.LittleEndian.Uint32(raw[8*i+4:]))
	}
	return f
}

// visible is the motion to, from a frame to the one before, without the pixels that cannot
// be trusted: hidden or outside there, since the motion from leads elsewhere than back, and
// at the rims of what moves.
func visible(to, from *pix.Flow) *pix.Flow {
	w, h := to.W, to.H
	out := pix.NewFlow(w, h)
	nan := float32(math.NaN())
	square := func(x, y float64) float64 { return x*x + y*y }
	for y := range h {
		for x := range w {
			i := y*w + x
			dx, dy := float64(to.DX[i]), float64(to.DY[i])
			var gradient float64
			for _, k := range []int{i + min(1, w-1-x), i + w*min(1, h-1-y)} {
				gradient += square(float64(to.DX[k])-dx, float64(to.DY[k])-dy)
			}
			out.DX[i], out.DY[i] = nan, nan
			at, ok := between(float64(x)+dx, float64(y)+dy, w, h)
			if !ok || gradient > boundaryShare*square(dx, dy)+boundaryFloor {
				continue
			}
			bx, by := at.of(from.DX), at.of(from.DY)
			if square(dx+bx, dy+by) <= occlusionShare*(square(dx, dy)+square(bx, by))+occlusionFloor {
				out.DX[i], out.DY[i] = to.DX[i], to.DY[i]
			}
		}
	}
	return out
}
