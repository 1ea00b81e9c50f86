package run

import (
	"context"
	"fmt"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/vtbench/vtbench/bench/record"
	"github.com/vtbench/vtbench/bench/suite"
	"github.com/vtbench/vtbench/bench/summary"
	"github.com/vtbench/vtbench/internal/guard"
	"github.com/vtbench/vtbench/internal/memory"
	"github.com/vtbench/vtbench/pix"
	"github.com/vtbench/vtbench/tokenizers"
)

// warm lets tokenizers do what should not be timed, at every resolution, before the
// first batch. One that fails shows it again in its first batch, where it is counted.
func (r *runner) warm(ctx context.Context) error {
	r.cfg.Progress.Begin("warming up", len(r.cfg.Tokenizers), 0)
	defer r.cfg.Progress.End()
	var g errgroup.Group
	for t := range r.cfg.Tokenizers {
		g.Go(func() error {
			defer r.stepped(1)
			return r.warmOne(ctx, t)
		})
	}
	return g.Wait()
}

// warmed warms a tokenizer before its first call in a run where results may be known, so
// that it may never be called.
func (r *runner) warmed(ctx context.Context, t int) error {
	if r.kept == nil {
		return nil
	}
	select {
	case r.cold[t] <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-r.cold[t] }()
	if r.warmth[t] {
		return nil
	}
	if err := r.warmOne(ctx, t); err != nil {
		return err
	}
	r.warmth[t] = true
	return nil
}

func (r *runner) warmOne(ctx context.Context, t int) error {
	w, ok := r.cfg.Tokenizers[t].Tokenizer.(tokenizers.Warmer)
	if !ok {
		return nil
	}
	for _, side := range r.cfg.Suite.Resolutions {
		if side == suite.Native {
			continue // of any size
		}
		release, err := r.enter(ctx, t)
		if err != nil {
			return err
		}
		_, _ = guard.Call("warming "+r.cfg.Tokenizers[t].Name, func() (struct{}, error) { return struct{}{}, w.Warm(ctx, side, side) })
		release()
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
	return nil
}

// How long a tokenizer is timed at one resolution: until both are reached, or the third.
const (
	timedBatches = 5
	timedFor     = time.Second
	timedAtMost  = 30 * time.Second
)

// timeAlone measures every tokenizer with the machine to itself, one after the other:
// single images for latency, batches for throughput, and the most memory that was in
// use. Images are the first ones of the plan that can be loaded.
func (r *runner) timeAlone(ctx context.Context, plan []*group) ([]summary.Alone, error) {
	images, err := r.timed(ctx, plan)
	if err != nil || len(images) == 0 {
		return nil, err
	}
	r.cfg.Progress.Begin("timing", len(r.cfg.Tokenizers)*len(r.cfg.Suite.Resolutions), 0)
	defer r.cfg.Progress.End()
	var out []summary.Alone
	for t, src := range r.cfg.Tokenizers {
		_, lookup := src.Tokenizer.(tokenizers.Lookup)
		for _, side := range r.cfg.Suite.Resolutions {
			r.stepped(1)
			if lookup || src.Name == suite.Original || src.Tokenizer.Info().Reference {
				continue // nothing is computed
			}
			a, err := r.timeOne(ctx, t, side, r.padded(t, images[side]))
			if ctx.Err() != nil {
				return nil, ctx.Err()
			}
			if err != nil {
				a = summary.Alone{Error: err.Error()}
			}
			a.Tokenizer, a.Condition = src.Name, suite.Condition{Resolution: side}.String()
			out = append(out, a)
		}
	}
	return out, nil
}

// timed are a batch of images for every resolution.
func (r *runner) timed(ctx context.Context, plan []*group) (map[int][]pix.Image, error) {
	out := map[int][]pix.Image{}
	n, most := 0, r.manifest.Batch
	if r.playsFilms() {
		most = r.cfg.Suite.Window
	}
	for p := range everyItem(plan) {
		if n == most {
			break
		}
		item, err := r.load(ctx, p)
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if err != nil {
			continue // counted in the records
		}
		n++
		for _, side := range r.cfg.Suite.Resolutions {
			img, _, err := fit(item.Image, side)
			if err != nil {
				return nil, err
			}
			out[side] = append(out[side], img)
		}
	}
	return out, nil
}

// timeOne times one tokenizer at one resolution.
func (r *runner) timeOne(ctx context.Context, t, side int, images []pix.Image) (a summary.Alone, err error) {
	src := r.cfg.Tokenizers[t]
	defer guard.Recover(&err, "timing "+src.Name)
	if w, ok := src.Tokenizer.(tokenizers.Warmer); ok && side != suite.Native {
		if err := w.Warm(ctx, side, side); err != nil {
			return a, err
		}
	}
	memory.Reset()
	before := memory.Now()
	meter, metered := src.Tokenizer.(tokenizers.Meter)
	if metered {
		meter.ResetPeak()
	}
	var single, encode, decode, batch []float64
	begun := time.Now()
	for i := 0; i < timedBatches || time.Since(begun) < timedFor; i++ {
		ms, recs, err := timedCall(ctx, src.Tokenizer, images[i%len(images):][:1])
		if err != nil {
			return a, err
		}
		single = append(single, ms)
		encode = append(encode, float64(recs[0].Encode)/1e6)
		decode = append(decode, float64(recs[0].Decode)/1e6)
		if time.Since(begun) > timedAtMost {
			break
		}
	}
	begun = time.Now()
	for i := 0; i < timedBatches || time.Since(begun) < timedFor; i++ {
		ms, err := r.timedBatch(ctx, t, images)
		if err != nil {
			return a, err
		}
		batch = append(batch, ms)
		if time.Since(begun) > timedAtMost {
			break
		}
	}
	pixels := 0
	for _, m := range images {
		pixels += m.W * m.H
	}
	a.Batch, a.Calls = len(images), len(single)+len(batch)
	a.LatencyMS, a.EncodeMS, a.DecodeMS = record.Number(summary.Median(single)), told(encode), told(decode)
	a.MegapixelsS = record.Number(float64(pixels) / 1e3 / summary.Median(batch))
	a.PeakMemory = max(memory.Peak()-before, 0)
	if metered {
		host, device := meter.PeakMemory()
		a.PeakMemory, a.PeakDevice = a.PeakMemory+host, device
	}
	return a, nil
}

// playsFilms reports whether the first data set is one of films, from whose frames times are
// taken.
func (r *runner) playsFilms() bool { return len(r.manifest.Datasets[0].Clips) > 0 }

// timedBatch reconstructs images together, as a window of a film where they are one and are
// coded together, and returns the milliseconds on the clock.
func (r *runner) timedBatch(ctx context.Context, t int, images []pix.Image) (float64, error) {
	if !r.playsFilms() || !r.codesClips(t) {
		ms, _, err := timedCall(ctx, r.cfg.Tokenizers[t].Tokenizer, images)
		return ms, err
	}
	tok := r.cfg.Tokenizers[t].Tokenizer.(tokenizers.ClipTokenizer)
	info := *tok.Info().Clips
	ms := 0.
	for len(images) > 0 {
		n := info.AtOnce(len(images))
		in := pix.Clip{Frames: slices.Clone(images[:n]), Rate: r.manifest.Datasets[0].Clips[0].Rate}
		for len(in.Frames) < info.Frames(n) {
			in.Frames = append(in.Frames, in.Frames[n-1])
		}
		begun := time.Now()
		got, err := tok.ReconstructClip(ctx, in)
		ms += float64(time.Since(begun)) / 1e6
		if err == nil {
			err = tokenizers.CheckClip(in, &got)
		}
		if err != nil {
			return 0, err
		}
		images = images[n:]
	}
	return ms, nil
}

// timedCall reconstructs images and returns the milliseconds on the clock.
func timedCall(ctx context.Context, tok tokenizers.Tokenizer, images []pix.Image) (float64, []tokenizers.Reconstruction, error) {
	begun := time.Now()
	recs, err := tok.Reconstruct(ctx, images)
	ms := float64(time.Since(begun)) / 1e6
	if err != nil {
		return 0, nil, err
	}
	if err := tokenizers.Check(images, recs); err != nil {
		return 0, nil, err
	}
	for _, rec := range recs {
		if rec.Err != nil {
			return 0, nil, fmt.Errorf("an image failed: %w", rec.Err)
		}
	}
	return ms, recs, nil
}

// told is the median of times that an adapter told, null where it told none.
func told(ms []float64) record.Number {
	if m := summary.Median(ms); m > 0 {
		return record.Number(m)
	}
	return record.NaN
}
