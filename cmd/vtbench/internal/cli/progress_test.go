package cli

import (
	"bytes"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// A phase that takes time is told of after two seconds, and again while nothing comes
// to an end; one that is quick is not.
func TestPlainProgress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var w bytes.Buffer
		p := &plain{w: &w}
		p.Begin("opening tokenizers", 2, 0)
		time.Sleep(time.Second)
		p.Step(1)
		p.Step(1)
		p.End()
		if w.Len() > 0 {
			t.Errorf("a quick phase: %s", w.String())
		}
		p.Begin("reading originals", 31, 0)
		time.Sleep(3 * time.Second)
		p.Step(12)
		time.Sleep(60 * time.Second)
		p.End()
		p.Begin("measuring", 40, 30)
		time.Sleep(5 * time.Second)
		p.End()
		p.Begin("computing intervals", 1, 0)
		time.Sleep(4 * time.Second)
		p.End()
		want := []string{
			"reading originals 0/31 (0 %), 2s",
			"reading originals 12/31 (38 %), 3s, about 5s left",
			"reading originals 12/31 (38 %), 10s, about 16s left",
			"reading originals 12/31 (38 %), 30s, about 48s left",
			"reading originals 12/31 (38 %), 1m0s, about 1m35s left",
			"resuming at 30 of 40",
			"measuring 30/40 (75 %), 2s",
			"computing intervals, 2s",
		}
		if got := strings.TrimSpace(w.String()); got != strings.Join(want, "\n") {
			t.Errorf("lines:\n%s\nwant:\n%s", got, strings.Join(want, "\n"))
		}
	})
}

func TestClock(t *testing.T) {
	for want, c := range map[string]struct{ done, left int }{"10s": {0, 30}, "10s, about 30s left": {10, 30}, "10s ": {40, 0}} {
		if got := clock(10*time.Second+time.Millisecond, c.done, c.left); got != strings.TrimSpace(want) {
			t.Errorf("%d done, %d left: %q, want %q", c.done, c.left, got, want)
		}
	}
}

// The bar ends by itself, however far it came.
func TestBarEnds(t *testing.T) {
	var w bytes.Buffer
	b := &bar{w: &w}
	for _, total := range []int{0, 1, 5} {
		b.Begin("measuring", total, 0)
		b.Step(1)
		b.End()
	}
}
