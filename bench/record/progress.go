package record

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/gofrs/flock"
)

// ProgressFile is there while a run is being made, and tells how far it is.
const ProgressFile = "progress.json"

// Progress is progress.json.
type Progress struct {
	Phase   string    `json:"phase"` // "measuring"
	Begun   time.Time `json:"begun"` // of the phase
	Updated time.Time `json:"updated"`
	Done    int       `json:"done"` // steps of the phase, those of an interrupted run too
	Total   int       `json:"total"`
	// Resumed is how many of them were done before the phase began.
	Resumed    int             `json:"resumed,omitempty"`
	Tokenizers []TokenProgress `json:"tokenizers,omitempty"`
	// Workers are the processes that measure, where they are others than the one that
	// writes the directory.
	Workers []Worker `json:"workers,omitempty"`
}

// A Worker is a process that measures for a run elsewhere.
type Worker struct {
	Name   string    `json:"name"`
	Host   string    `json:"host"`
	Lane   string    `json:"lane,omitempty"`   // the tokenizers that it has opened
	Done   int       `json:"done"`             // units
	Crash  int       `json:"crash,omitempty"`  // how often what measures ended before its time
	Since  time.Time `json:"since"`            // when the oldest unit that it has was begun; zero for none
	Seen   time.Time `json:"seen"`             // when it was last heard of
	Refuse string    `json:"refuse,omitempty"` // why it takes no part
}

// TokenProgress is how far a tokenizer is, in reconstructions.
type TokenProgress struct {
	Name   string `json:"name"`
	Done   int    `json:"done"`
	Total  int    `json:"total"`
	Failed int    `json:"failed,omitempty"` // of those that this process did
	Cached int    `json:"cached,omitempty"` // of those that this process did: taken from another run
	// Resumed is how many were done before this process began.
	Resumed int `json:"resumed,omitempty"`
}

// Rate is how many steps are done in a second; 0 where that is not known yet.
func (p *Progress) Rate() float64 { return rate(p.Done-p.Resumed, p.Updated.Sub(p.Begun)) }

// Left is how long the rest of the phase takes at its pace; ok is false where that is not
// known yet.
func (p *Progress) Left() (time.Duration, bool) { return left(p.Total-p.Done, p.Rate()) }

// RateOf is how many reconstructions of a tokenizer are done in a second.
func (p *Progress) RateOf(t TokenProgress) float64 {
	return rate(t.Done-t.Resumed, p.Updated.Sub(p.Begun))
}

// LeftOf is how long the rest of a tokenizer takes at its pace.
func (p *Progress) LeftOf(t TokenProgress) (time.Duration, bool) {
	return left(t.Total-t.Done, p.RateOf(t))
}

// Failed is how many reconstructions failed.
func (p *Progress) Failed() int {
	n := 0
	for _, t := range p.Tokenizers {
		n += t.Failed
	}
	return n
}

func rate(n int, in time.Duration) float64 {
	if n <= 0 || in <= 0 {
		return 0
	}
	return float64(n) / in.Seconds()
}

func left(n int, rate float64) (time.Duration, bool) {
	if rate <= 0 {
		return 0, false
	}
	d := time.Duration(float64(n) / rate * float64(time.Second))
	return d.Round(time.Second), d >= 0
}

// WriteProgress replaces progress.json. Readers see the old one or the new one; it is not
// synced, since it means nothing once its process is gone.
func WriteProgress(dir string, p *Progress) error {
	b, err := json.MarshalIndent(p, "", " ")
	if err != nil {
		return fmt.Errorf("telling the progress: %w", err)
	}
	path := filepath.Join(dir, ProgressFile)
	// Made anew: what has the name may be a pipe, which would wait for a reader.
	if err := os.Remove(path + ".tmp"); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("telling the progress: %w", err)
	}
	f, err := os.OpenFile(path+".tmp", os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o666)
	if err != nil {
		return fmt.Errorf("telling the progress: %w", err)
	}
	_, err = f.Write(append(b, '\n'))
	if err := errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("telling the progress: %w", err)
	}
	if err := os.Rename(path+".tmp", path); err != nil {
		return fmt.Errorf("telling the progress: %w", err)
	}
	return nil
}

// RemoveProgress removes progress.json at the end of a run.
func RemoveProgress(dir string) error {
	var errs []error
	for _, name := range []string{ProgressFile, ProgressFile + ".tmp"} {
		if err := os.Remove(filepath.Join(dir, name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// Held reports who writes to a run directory; held is false where nobody does, as far as
// can be told from this machine.
func Held(dir string) (h Holder, held bool, err error) {
	path := filepath.Join(dir, LockFile)
	if _, err := os.Lstat(path); err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return h, false, nil
		}
		return h, false, err
	}
	h, known := readHolder(path)
	l := flock.New(path)
	free, err := l.TryRLock()
	if err != nil {
		return h, false, fmt.Errorf("looking at the lock of %s: %w", dir, err)
	}
	if !free {
		return h, true, nil
	}
	if err := l.Unlock(); err != nil {
		return h, false, err
	}
	host, err := os.Hostname()
	// Whether a process of another machine is alive cannot be told: its word counts.
	return h, known && err == nil && h.Host != host, nil
}
