package run

import (
	"sync"
	"time"

	"github.com/vtbench/vtbench/bench/record"
)

// liveEvery is how often progress.json is written.
const liveEvery = time.Second

// A Watcher is a Progress that also wants to be told what progress.json says.
type Watcher interface {
	Watch(p record.Progress)
}

// live keeps count of a run for progress.json. It shows what the display is told, too.
type live struct {
	Progress
	dir    string
	mu     sync.Mutex
	p      record.Progress
	remote Remote // is told, and has workers; nil where there is none
	stop   chan struct{}
	ended  sync.WaitGroup
}

func newLive(shown Progress, dir string, m *record.Manifest) *live {
	l := &live{Progress: shown, dir: dir, stop: make(chan struct{})}
	for _, t := range m.Tokenizers {
		l.p.Tokenizers = append(l.p.Tokenizers, record.TokenProgress{Name: t.Name})
	}
	return l
}

// start begins to write the file. A directory that cannot be written to fails the run
// elsewhere, where it matters.
func (l *live) start() {
	l.ended.Go(func() {
		tick := time.NewTicker(liveEvery)
		defer tick.Stop()
		for {
			if p := l.now(); p.Phase != "" {
				_ = record.WriteProgress(l.dir, &p)
				if w, ok := l.Progress.(Watcher); ok {
					w.Watch(p)
				}
				if l.remote != nil {
					l.remote.Tell(p)
				}
			}
			select {
			case <-l.stop:
				return
			case <-tick.C:
			}
		}
	})
}

// end stops writing and removes the file.
func (l *live) end() error {
	close(l.stop)
	l.ended.Wait()
	return record.RemoveProgress(l.dir)
}

func (l *live) now() record.Progress {
	l.mu.Lock()
	defer l.mu.Unlock()
	p := l.p
	p.Tokenizers = append([]record.TokenProgress(nil), l.p.Tokenizers...)
	p.Updated = time.Now().UTC()
	if l.remote != nil {
		p.Workers = l.remote.Workers()
	}
	return p
}

// Begin implements Progress.
func (l *live) Begin(phase string, total, done int) {
	l.mu.Lock()
	l.p.Phase, l.p.Total, l.p.Done, l.p.Resumed, l.p.Begun = phase, total, done, done, time.Now().UTC()
	for t := range l.p.Tokenizers {
		l.p.Tokenizers[t].Resumed = l.p.Tokenizers[t].Done
	}
	l.mu.Unlock()
	l.Progress.Begin(phase, total, done)
}

// Step implements Progress.
func (l *live) Step(n int) {
	l.mu.Lock()
	l.p.Done += n
	l.mu.Unlock()
	l.Progress.Step(n)
}

// plan says how many reconstructions each tokenizer has, and how many of them are done.
func (l *live) plan(t, total, done int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	x := &l.p.Tokenizers[t]
	x.Total, x.Done, x.Resumed = total, done, done
}

// failed counts reconstructions of a tokenizer that were done and have failed.
func (l *live) failed(t, n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.p.Tokenizers[t].Failed += n
}

// did counts reconstructions of a tokenizer.
func (l *live) did(t, n int, failed, cached bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	x := &l.p.Tokenizers[t]
	x.Done += n
	if failed {
		x.Failed += n
	}
	if cached {
		x.Cached += n
	}
}
