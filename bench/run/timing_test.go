package run_test

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/vtbench/vtbench/pix"
	"github.com/vtbench/vtbench/tokenizers"
)

// warmed is a tokenizer that notes whether it was warmed before its first batch.
type warmed struct {
	darker
	sides        atomic.Int32
	cold, resets atomic.Int32
}

func (w *warmed) Warm(context.Context, int, int) error {
	w.sides.Add(1)
	return nil
}

func (w *warmed) Reconstruct(ctx context.Context, in []pix.Image) ([]tokenizers.Reconstruction, error) {
	if w.sides.Load() < 2 {
		w.cold.Add(1)
	}
	return w.darker.Reconstruct(ctx, in)
}

func (w *warmed) ResetPeak() { w.resets.Add(1) }

func (w *warmed) PeakMemory() (host, device int64) { return 5e6, 7e6 }

func TestWarmingAndTimingAlone(t *testing.T) {
	cfg := config(t, 4)
	w := &warmed{}
	cfg.Tokenizers[1].Tokenizer = w
	cfg.Timing = true
	done := execute(t, cfg)
	if w.cold.Load() != 0 {
		t.Errorf("%d batches came before every resolution was warm", w.cold.Load())
	}
	got := map[string]string{}
	for _, a := range done.Performance.Alone {
		got[a.Tokenizer+" "+a.Condition] = a.Error
		if a.Error != "" {
			continue
		}
		if !(a.LatencyMS > 0) || !(a.MegapixelsS > 0) || a.Calls < 10 || a.Batch != 2 || a.PeakMemory < 5e6 || a.PeakDevice != 7e6 {
			t.Errorf("%+v", a)
		}
	}
	if len(got) != 4 || w.resets.Load() != 2 {
		t.Errorf("timed: %v; want two tokenizers at two resolutions, none of them original", got)
	}
	for _, side := range []string{"32", "64"} {
		if got["dark clean@"+side] != "" || !strings.Contains(got["bad clean@"+side], "panic") {
			t.Errorf("%s: %v", side, got)
		}
	}
	for _, tm := range done.Performance.Times {
		if tm.Tokenizer == "original" {
			t.Errorf("an upper bound has times: %+v", tm)
		}
	}
}
