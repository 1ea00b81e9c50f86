package serve

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/vtbench/vtbench/bench/summary"
	"github.com/vtbench/vtbench/metrics"
	"github.com/vtbench/vtbench/reports/leaderboard"
)

const (
	// maxShelved is how many reports are kept; the one that nobody asked for longest goes.
	maxShelved = 16
	// maxWaiting bounds the reports that wait to be made. One is made at a time.
	maxWaiting = 8
	// again is how old the report of a run that goes on may be.
	again = 30 * time.Second
)

// shelf holds the reports that were asked for.
type shelf struct {
	ctx   context.Context // that of the server: what was begun for one reader is there for the next
	work  *work
	kinds []metrics.Kind
	log   func(string)

	mu      sync.Mutex
	pages   map[string]*shelved // by slug
	waiting int
	making  sync.Mutex // one at a time
	all     sync.WaitGroup
}

// shelved is a report.
type shelved struct {
	print string // of the run when the report was made
	made  time.Time
	used  time.Time
	err   error
	there bool          // files can be served
	busy  chan struct{} // closed when what is being made is there; nil where nothing is
}

// errBusy says that too many reports are being made.
var errBusy = errors.New("too many reports are being made; try again in a moment")

// get returns when the report of a run is there, or after the patience. ready is false
// where it is still being made.
func (s *shelf) get(x seen, patience time.Duration) (ready bool, err error) {
	s.mu.Lock()
	p := s.pages[x.slug]
	if p == nil {
		p = &shelved{}
		s.pages[x.slug] = p
	}
	p.used = time.Now()
	stale := p.print != x.print && (!p.there || !x.running() || time.Since(p.made) > again)
	if stale && p.busy == nil {
		if s.waiting >= maxWaiting {
			s.mu.Unlock()
			return p.there, errBusy
		}
		s.waiting++
		p.busy = make(chan struct{})
		s.all.Go(func() { s.make(x, p) })
	}
	busy, there := p.busy, p.there
	s.mu.Unlock()
	if busy != nil && !there { // an old one is better than none
		select {
		case <-busy:
		case <-time.After(patience):
			return false, nil
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return p.there, p.err
}

// make writes the report of a run.
func (s *shelf) make(x seen, p *shelved) {
	s.making.Lock()
	defer s.making.Unlock()
	err := s.ctx.Err()
	if err == nil {
		var run *summary.Run
		if run, err = summary.Open(x.Path, s.kinds); err == nil {
			err = leaderboard.Report(s.ctx, run, filepath.Join(s.work.dir, x.slug))
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.waiting--
	p.print, p.made, p.err = x.print, time.Now(), nil
	if err != nil {
		p.err = errors.New(strings.ReplaceAll(strings.ReplaceAll(err.Error(), x.Path, x.Name), s.work.dir, "pages"))
		s.log("report of " + x.Name + ": " + p.err.Error())
	} else {
		p.there = true
	}
	close(p.busy)
	p.busy = nil
	s.evict()
}

// evict removes the reports that nobody asked for longest.
func (s *shelf) evict() {
	for {
		n, oldest := 0, ""
		for slug, p := range s.pages {
			if p.busy != nil {
				continue
			}
			n++
			if oldest == "" || p.used.Before(s.pages[oldest].used) {
				oldest = slug
			}
		}
		if n <= maxShelved {
			return
		}
		delete(s.pages, oldest)
		if err := s.work.root.RemoveAll(oldest); err != nil {
			s.log(fmt.Sprintf("removing the report %s: %v", oldest, err))
		}
	}
}

// open opens a file of a report.
func (s *shelf) open(slug, name string) (*os.File, fs.FileInfo, error) {
	s.mu.Lock()
	if p := s.pages[slug]; p != nil {
		p.used = time.Now()
	}
	s.mu.Unlock()
	f, err := s.work.root.Open(path.Join(slug, name))
	if err != nil {
		return nil, nil, err
	}
	info, err := f.Stat()
	if err != nil || !info.Mode().IsRegular() {
		return nil, nil, errors.Join(fs.ErrNotExist, err, f.Close())
	}
	return f, info, nil
}

// wait returns when nothing is being made any more.
func (s *shelf) wait() { s.all.Wait() }
