// Package clips is the data sets of drawn films: short clips whose words, tracks and motion
// are known exactly.
//
// Its opinion: whether a tokenizer holds from frame to frame can only be said where the
// motion is certain, and no estimate of optical flow is. So layers (a ground, signs, words,
// a bar in front) move by stated maps, and everything follows from these: the pixels, the
// box and corners of every word in every frame, and where every pixel was in the frame
// before. What no single motion explains has no flow: rims where two motions mix, what
// comes in at the side or from behind the bar, everything after a cut.
//
// clips-default needs no download and has words that pan, zoom, rotate, scroll, fade, move
// over a scene that stands, are hidden, shaken, cut away and lit. clips-static are clips
// that differ in how much of them stands, clips-linear follow linear rules. clips-photos
// and clips-portraits move over photographs from packages (vtbench datasets pull), the
// latter with the key points of a face.
//
//	set, err := clips.New(clips.ID)
//	item, err := set.Load(ctx, 12)   // pan/0012
//	dx := item.Flow.DX[0]            // the pixel at the top left came from there
//
// The same version gives the same pixels on every machine: outlines and textures are drawn
// in integers, and floating point is kept from fusing.
package clips

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"sync"

	"github.com/vtbench/vtbench/datasets"
)

// Version rises when pixels, labels or motion change.
const Version = 1

// Names of the data sets.
const (
	ID       = "clips-default"
	StaticID = "clips-static"
	LinearID = "clips-linear"
)

// Set is one of the data sets. It keeps the layers of clips that were drawn, some 0.5 to
// 2 MB each, and no frames.
type Set struct {
	info    datasets.Info
	ids     []string
	clips   []datasets.Clip
	films   []func() (*film, error)
	first   int // items of a default run
	credits []datasets.Credit
}

var (
	_ datasets.Clipped  = (*Set)(nil)
	_ datasets.Stratum  = (*Set)(nil)
	_ datasets.Credited = (*Set)(nil)
)

// New returns one of the sets that need no files.
func New(id string) (*Set, error) {
	switch id {
	case ID:
		s := open(id, "words that pan, zoom, rotate, scroll, fade and are hidden", defaults, nil)
		s.first = defaultClips * frames
		return s, nil
	case StaticID:
		return open(id, "of which "+strings.Trim(fmt.Sprint(shares), "[]")+" percent stand", statics(), nil), nil
	case LinearID:
		return open(id, "that follow linear rules", linears, nil), nil
	}
	return nil, fmt.Errorf("there are no drawn clips %q (known: %s, %s, %s)", id, ID, StaticID, LinearID)
}

// open makes a set of clips; photos are the paths of photographs by name.
func open(id, what string, cs []clip, photos map[string]string) *Set {
	s := &Set{}
	h := sha256.New()
	_, _ = fmt.Fprintln(h, id, Version, rate) // hashes do not fail
	for _, t := range typefaces {
		_, _ = fmt.Fprintf(h, "%s %x\n", t.name, sha256.Sum256(t.file))
	}
	for _, c := range cs {
		_, _ = fmt.Fprintln(h, c.id, c.w, c.h, frames)
		s.clips = append(s.clips, datasets.Clip{ID: c.id, First: len(s.ids), Frames: frames, Rate: rate})
		for t := range frames {
			s.ids = append(s.ids, fmt.Sprintf("%s/%04d", c.id, t))
		}
		s.films = append(s.films, sync.OnceValues(func() (*film, error) {
			m := &maker{film: film{w: c.w, h: c.h}, photos: photos}
			c.make(m)
			return &m.film, m.err
		}))
	}
	s.first = len(s.ids)
	s.info = datasets.Info{
		ID: id, Version: Version, Digest: hex.EncodeToString(h.Sum(nil)),
		Title:  fmt.Sprintf("%d clips of %d frames %s", len(cs), frames, what),
		Source: "generated", Licence: "Apache-2.0",
	}
	return s
}

// Info implements [datasets.Dataset].
func (s *Set) Info() datasets.Info { return s.info }

// IDs implements [datasets.Dataset].
func (s *Set) IDs() []string { return s.ids }

// Clips implements [datasets.Clipped].
func (s *Set) Clips() []datasets.Clip { return s.clips }

// DefaultItems implements [datasets.Stratum]: of clips-default the first eight clips.
func (s *Set) DefaultItems() int { return s.first }

// Credits implements [datasets.Credited].
func (s *Set) Credits() []datasets.Credit { return s.credits }

// Load draws frame i; any order costs the same.
func (s *Set) Load(ctx context.Context, i int) (datasets.Item, error) {
	if err := ctx.Err(); err != nil {
		return datasets.Item{}, err
	}
	if i < 0 || i >= len(s.ids) {
		return datasets.Item{}, fmt.Errorf("%s has no item %d: it has %d", s.info.ID, i, len(s.ids))
	}
	c := i / frames
	f, err := s.films[c]()
	if err != nil {
		return datasets.Item{}, fmt.Errorf("drawing %s: %w", s.ids[i], err)
	}
	item := datasets.Item{ID: s.ids[i], Cluster: s.clips[c].ID}
	item.Image, item.Instances, item.Flow = f.frame(i % frames)
	return item, nil
}
