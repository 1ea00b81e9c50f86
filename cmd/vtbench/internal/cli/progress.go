package cli

import (
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"

	"github.com/vtbench/vtbench/bench/record"
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

// bar is a progress bar a phase, with the time since it began and the time left.
type bar struct {
	w io.Writer
	p *mpb.Progress
	b *mpb.Bar
	failures
}

// failures is what the display reads of progress.json: how many reconstructions failed.
type failures struct{ n atomic.Int64 }

// Watch implements run.Watcher.
func (f *failures) Watch(p record.Progress) { f.n.Store(int64(p.Failed())) }

// told ends a line; "" where nothing failed.
func (f *failures) told() string {
	if n := f.n.Load(); n > 0 {
		return fmt.Sprintf(", %d failed", n)
	}
	return ""
}

func (b *bar) Begin(phase string, total, done int) {
	b.p = mpb.New(mpb.WithOutput(b.w), mpb.WithWidth(40), mpb.WithRefreshRate(200*time.Millisecond))
	begun := time.Now()
	ticking := decor.Any(func(s decor.Statistics) string {
		return clock(time.Since(begun), int(s.Current)-done, total-int(s.Current)) + b.told()
	})
	if total <= 1 { // nothing to count
		b.b = b.p.New(int64(total), mpb.NopStyle(), mpb.BarRemoveOnComplete(), mpb.PrependDecorators(decor.Name(phase+", "), ticking))
		return
	}
	b.b = b.p.AddBar(int64(total),
		mpb.BarRemoveOnComplete(),
		mpb.PrependDecorators(decor.Name(phase+" "), decor.CountersNoUnit("%d/%d")),
		mpb.AppendDecorators(decor.Percentage(decor.WC{W: 5}), decor.Name("  "), ticking))
	b.b.SetCurrent(int64(done))
}

// clock is the time a phase has taken and, once steps were done, what the others
// take at their pace.
func clock(elapsed time.Duration, done, left int) string {
	s := elapsed.Round(time.Second).String()
	if done > 0 && left > 0 {
		s += ", about " + (elapsed * time.Duration(left) / time.Duration(done)).Round(time.Second).String() + " left"
	}
	return s
}

func (b *bar) Step(n int) { b.b.IncrBy(n) }

func (b *bar) End() {
	b.b.Abort(true)
	b.p.Wait()
}

// plainEvery are the times after the begin of a phase at which a line is written
// whatever happens; after the last of them the last step repeats.
var plainEvery = []time.Duration{2 * time.Second, 10 * time.Second, 30 * time.Second, time.Minute}

// plain writes a line when a phase begins to take time, at every tenth of the way, and
// at least every half minute, also while nothing comes to an end.
type plain struct {
	w     io.Writer
	mu    sync.Mutex
	phase string
	total int
	done  int
	tenth int
	begun time.Time
	from  int // done when the phase began
	stop  chan struct{}
	ended sync.WaitGroup
	failures
}

func (p *plain) Begin(phase string, total, done int) {
	p.phase, p.total, p.done = phase, total, done
	p.begun, p.from, p.tenth = time.Now(), done, 10*done/max(total, 1)
	if done > 0 {
		fmt.Fprintf(p.w, "resuming at %d of %d\n", done, total)
	}
	p.stop = make(chan struct{})
	p.ended.Go(func() {
		next := plainEvery[0]
		for i := 1; ; i++ {
			select {
			case <-p.stop:
				return
			case <-time.After(time.Until(p.begun.Add(next))):
			}
			p.mu.Lock()
			p.line()
			p.mu.Unlock()
			if i < len(plainEvery) {
				next = plainEvery[i]
			} else {
				next += plainEvery[len(plainEvery)-1] - plainEvery[len(plainEvery)-2]
			}
		}
	})
}

func (p *plain) Step(n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.done += n
	if tenth := 10 * p.done / max(p.total, 1); tenth != p.tenth {
		p.tenth = tenth
		if time.Since(p.begun) > plainEvery[0] {
			p.line()
		}
	}
}

// line says how far the phase is.
func (p *plain) line() {
	if p.total <= 1 {
		fmt.Fprintf(p.w, "%s, %s\n", p.phase, time.Since(p.begun).Round(time.Second))
		return
	}
	fmt.Fprintf(p.w, "%s %d/%d (%d %%), %s%s\n", p.phase, p.done, p.total, 100*p.done/max(p.total, 1), clock(time.Since(p.begun), p.done-p.from, p.total-p.done), p.told())
}

func (p *plain) End() {
	close(p.stop)
	p.ended.Wait()
}
