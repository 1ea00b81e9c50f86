package score

import (
	"slices"
	"strings"
	"sync"

	"github.com/vtbench/vtbench/pix"
)

// A Reader reads image files in one way, and remembers what was assumed or lost in it.
// Its zero value reads by default options. It is safe for concurrent use.
type Reader struct {
	Decode pix.Options

	mu    sync.Mutex
	notes map[pix.Note]map[string]bool // files
}

// A FileNote says of how many files something was said when they were decoded.
type FileNote struct {
	Note  pix.Note `json:"note"`
	Files int      `json:"files"`
	First string   `json:"first"` // the first of them by name
}

// Read reads a file.
func (r *Reader) Read(file string) (pix.Image, error) {
	d, err := pix.Read(file, r.Decode)
	if err != nil || len(d.Notes) == 0 {
		return d.Image, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, n := range d.Notes {
		if r.notes == nil {
			r.notes = map[pix.Note]map[string]bool{}
		}
		if r.notes[n] == nil {
			r.notes[n] = map[string]bool{}
		}
		r.notes[n][file] = true
	}
	return d.Image, nil
}

// image returns an image that is in memory, or else reads the file.
func (r *Reader) image(m *pix.Image, file string) (pix.Image, error) {
	if m == nil {
		return r.Read(file)
	}
	return *m, m.Validate()
}

// Notes lists what was said so far; the order of reading does not show in it.
func (r *Reader) Notes() []FileNote {
	r.mu.Lock()
	defer r.mu.Unlock()
	var out []FileNote
	for n, names := range r.notes {
		f := FileNote{Note: n, Files: len(names)}
		for name := range names {
			if f.First == "" || name < f.First {
				f.First = name
			}
		}
		out = append(out, f)
	}
	slices.SortFunc(out, func(a, b FileNote) int { return strings.Compare(string(a.Note), string(b.Note)) })
	return out
}
