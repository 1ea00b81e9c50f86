package cli

import (
	"fmt"
	"io"
	"time"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"

	"github.com/vtbench/vtbench/bench/run"
)

// progress returns a bar on a terminal, plain lines elsewhere, nothing when quiet.
func (a *app) progress() run.Progress {
	switch {
	case a.quiet:
		return nil
	case terminal(a.err):
		return &bar{w: a.err}
	}
	return &plain{w: a.err}
}

// bar is a progress bar with the time left.
type bar struct {
	w io.Writer
	p *mpb.Progress
	b *mpb.Bar
}

func (b *bar) Start(total, done int) {
	b.p = mpb.New(mpb.WithOutput(b.w), mpb.WithWidth(48), mpb.WithRefreshRate(200*time.Millisecond))
	b.b = b.p.AddBar(int64(total),
		mpb.BarRemoveOnComplete(),
		mpb.PrependDecorators(decor.CountersNoUnit("%d / %d reconstructions")),
		mpb.AppendDecorators(decor.Percentage(decor.WC{W: 5}), decor.Name("  "), decor.AverageETA(decor.ET_STYLE_GO)))
	b.b.SetCurrent(int64(done))
}

func (b *bar) Step(n int) { b.b.IncrBy(n) }

func (b *bar) Stop() {
	b.b.Abort(true)
	b.p.Wait()
}

// plain writes a line at every tenth of the way, and at least every half minute.
type plain struct {
	w           io.Writer
	total, done int
	tenth       int
	begun, last time.Time
}

func (p *plain) Start(total, done int) {
	p.total, p.done = total, done
	p.begun = time.Now()
	p.last, p.tenth = p.begun, 10*done/max(total, 1)
	if done > 0 {
		fmt.Fprintf(p.w, "resuming at %d of %d reconstructions\n", done, total)
	}
}

func (p *plain) Step(n int) {
	p.done += n
	tenth, now := 10*p.done/max(p.total, 1), time.Now()
	if tenth == p.tenth && now.Sub(p.last) < 30*time.Second {
		return
	}
	p.tenth, p.last = tenth, now
	fmt.Fprintf(p.w, "%d of %d reconstructions (%d %%), %s\n", p.done, p.total, 100*p.done/max(p.total, 1), now.Sub(p.begun).Round(time.Second))
}

func (p *plain) Stop() {}
