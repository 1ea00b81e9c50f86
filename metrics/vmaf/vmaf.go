// Package vmaf is Netflix' VMAF of films, by the filter libvmaf of ffmpeg.
//
// Its opinion: the number is libvmaf's, from the model that it carries and that is named; the
// way of the frames into it, which others leave to defaults, is stated: RGB by BT.709 in the
// limited range, 4:2:0, at the size at which everything else is scored.
package vmaf

import (
	"context"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"sync"

	"github.com/vtbench/vtbench/internal/ffmpeg"
	"github.com/vtbench/vtbench/metrics"
)

// ID of the metric.
const ID = "vmaf"

// Model is the one of those that libvmaf carries that is asked for.
const Model = "vmaf_v0.6.1"

// Kind is the entry for a registry; opening it needs an ffmpeg with libvmaf.
func Kind() metrics.Kind {
	return metrics.Kind{Specs: specs(), Temporal: func(ctx context.Context, _ metrics.Config) (metrics.Temporal, error) {
		m, err := Open(ctx)
		if err != nil {
			return nil, err
		}
		return m, nil
	}}
}

func specs() []metrics.Spec {
	return []metrics.Spec{{
		ID: ID, Version: 1, Title: "VMAF", Better: metrics.Higher, Min: 0, Max: 100, Scope: metrics.PerClip,
		Source: "Netflix' libvmaf, model " + Model + ", mean over the frames of a clip; frames in 4:2:0 by BT.709, limited range",
		Role:   metrics.RoleQuality, Show: metrics.Fixed(2), Margin: metrics.Margin{Absolute: 1},
		Short: "what people thought of films that were damaged alike",
		Long:  "Fitted to the opinions of viewers of compressed films at 1080 lines. A film compared with itself has not exactly 100: scenes without motion lose a few points.",
	}}
}

// Metric computes VMAF.
type Metric struct{ program *ffmpeg.Program }

// Open finds an ffmpeg that has libvmaf; the error is a [missing.Error] where there is none.
func Open(ctx context.Context) (*Metric, error) {
	p, err := ffmpeg.Open(ctx)
	if err != nil {
		return nil, err
	}
	if err := p.Need("filter libvmaf"); err != nil {
		return nil, err
	}
	return &Metric{p}, nil
}

// Specs lists what is measured.
func (*Metric) Specs() []metrics.Spec { return specs() }

// Provenance names the program and the model.
func (m *Metric) Provenance() map[string]string {
	return map[string]string{"vmaf": fmt.Sprintf("%s, model %s", m.program, Model)}
}

// minSide is the shortest side that libvmaf is given; at 16 it ends the process.
const minSide = 32

// filter brings both films to the form that libvmaf takes.
func filter() string {
	const form = "scale=out_color_matrix=bt709:out_range=tv:flags=bicubic+accurate_rnd+full_chroma_int+bitexact,format=yuv420p,setpts=N"
	return "[0:v]" + form + "[got];[1:v]" + form + "[ref];[got][ref]libvmaf=model=version=" + Model + ":n_threads=1"
}

// Begin starts on a clip: its frames go through ffmpeg as they come.
func (m *Metric) Begin(ctx context.Context, clip metrics.ClipInfo) (metrics.Sequence, error) {
	if min(clip.W, clip.H) < minSide {
		return nil, fmt.Errorf("VMAF of %s: frames of %d×%d: it needs sides of at least %d", clip.ID, clip.W, clip.H, minSide)
	}
	s := &sequence{clip: clip}
	raw := []string{"-f", "rawvideo", "-pix_fmt", "rgb24", "-s", fmt.Sprintf("%dx%d", clip.W, clip.H), "-r", "25"}
	job := ffmpeg.Job{Level: "info", Output: []string{"-filter_complex", filter(), "-f", "null", "-"}}
	for i := range s.to {
		r, w := io.Pipe()
		s.to[i] = w
		job.Inputs = append(job.Inputs, ffmpeg.Input{Options: raw, Reader: r})
	}
	// The context of this call is that of the run: frames come for as long as that goes on.
	var err error
	if s.stream, err = m.program.Start(ctx, job); err != nil {
		return nil, fmt.Errorf("beginning VMAF of %s: %w", clip.ID, err)
	}
	return s, nil
}

type sequence struct {
	clip   metrics.ClipInfo
	stream *ffmpeg.Stream
	to     [2]*io.PipeWriter // the reconstruction, the reference
	frames int
}

// Next hands a pair of frames on.
func (s *sequence) Next(ctx context.Context, f metrics.Frame) ([]metrics.Value, error) {
	if f.Got.W != s.clip.W || f.Got.H != s.clip.H || f.Ref.W != s.clip.W || f.Ref.H != s.clip.H {
		return nil, fmt.Errorf("frame %d of %s: %d×%d and %d×%d, the clip is %d×%d", f.Index, s.clip.ID, f.Got.W, f.Got.H, f.Ref.W, f.Ref.H, s.clip.W, s.clip.H)
	}
	var wg sync.WaitGroup
	var errs [2]error
	for i, b := range [][]byte{f.Got.Pix, f.Ref.Pix} { // ffmpeg takes them in turn
		wg.Go(func() { _, errs[i] = s.to[i].Write(b) })
	}
	wg.Wait()
	if err := errors.Join(errs[:]...); err != nil {
		return nil, s.failed(ctx, err)
	}
	s.frames++
	return nil, nil
}

// failed says why ffmpeg took no more.
func (s *sequence) failed(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	s.hangUp()
	if _, e := io.Copy(io.Discard, s.stream); e != nil {
		err = e
	}
	return fmt.Errorf("VMAF of %s: %w", s.clip.ID, err)
}

func (s *sequence) hangUp() {
	for _, w := range s.to {
		_ = w.Close() // the reader sees the end of the film
	}
}

var said = regexp.MustCompile(`VMAF score: ([0-9.]+)`)

// End waits for the score.
func (s *sequence) End(context.Context) ([]metrics.Value, error) {
	s.hangUp()
	if _, err := io.Copy(io.Discard, s.stream); err != nil {
		return nil, fmt.Errorf("VMAF of %s: %w", s.clip.ID, err)
	}
	m := said.FindStringSubmatch(s.stream.Log())
	if m == nil {
		return nil, fmt.Errorf("VMAF of %s: ffmpeg told no score: %s", s.clip.ID, s.stream.Said())
	}
	v, err := strconv.ParseFloat(m[1], 64)
	if err != nil {
		return nil, fmt.Errorf("VMAF of %s: %w", s.clip.ID, err)
	}
	return []metrics.Value{{Metric: ID, Value: v}}, nil
}

// Close ends ffmpeg.
func (s *sequence) Close() error {
	s.hangUp()
	_ = s.stream.Close() // how it ended was told by End, or nobody waits for it
	return nil
}
