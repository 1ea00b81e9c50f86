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
	"slices"
	"strings"
	"sync"

	"github.com/vtbench/vtbench/datasets"
	"github.com/vtbench/vtbench/internal/assets"
	"github.com/vtbench/vtbench/pix"
)

// Version rises when pixels, labels or motion change.
const Version = 1

// Names of the data sets.
const (
	ID          = "clips-default"
	StaticID    = "clips-static"
	LinearID    = "clips-linear"
	PhotosID    = "clips-photos"    // *missing.Error before `vtbench datasets pull`
	PortraitsID = "clips-portraits" // likewise
)

// A source is what a data set is made of.
type source struct {
	id, what string
	clips    []clip
	first    int      // clips of a default run; 0 is all
	photos   []string // as internal/assets has them
}

func sources() []source {
	return []source{
		{id: ID, what: "words that pan, zoom, rotate, scroll, fade and are hidden", clips: defaults, first: defaultClips},
		{id: StaticID, what: "of which " + strings.Trim(fmt.Sprint(shares), "[]") + " percent stand", clips: statics()},
		{id: LinearID, what: "that follow linear rules", clips: linears},
		{id: PhotosID, what: "over photographs", clips: overPhotos, photos: photographs},
		{id: PortraitsID, what: "over portraits", clips: overPortraits(), photos: portraitFiles()},
	}
}

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

// New returns one of the sets. The error is a missing.Error where it needs photographs
// that were not fetched.
func New(id string) (*Set, error) {
	all := sources()
	i := slices.IndexFunc(all, func(o source) bool { return o.id == id })
	if i < 0 {
		var names []string
		for _, o := range all {
			names = append(names, o.id)
		}
		return nil, fmt.Errorf("there are no drawn clips %q (known: %s)", id, strings.Join(names, ", "))
	}
	src := all[i]
	s := &Set{info: datasets.Info{ID: id, Version: Version, Source: "generated", Licence: "Apache-2.0"}}
	h := sha256.New()
	_, _ = fmt.Fprintln(h, id, Version, rate) // hashes do not fail
	photos := map[string]string{}
	if len(src.photos) > 0 {
		found, err := assets.Collect(assets.Test, src.photos...)
		if err != nil {
			return nil, fmt.Errorf("opening %s: %w", id, err)
		}
		s.info.Reader = pix.Options{}.Reader() // the same file decoded otherwise makes another set
		_, _ = fmt.Fprintln(h, s.info.Reader)
		for k, name := range src.photos {
			photos[name] = found.Paths[k]
			_, _ = fmt.Fprintln(h, name, found.Digests[k])
		}
		s.info.Source = "generated over packages of PyPI and Debian; vtbench datasets verify lists them"
		s.info.Licence, s.credits = found.Licences, found.Credits()
	}
	for _, t := range typefaces {
		_, _ = fmt.Fprintf(h, "%s %x\n", t.name, sha256.Sum256(t.file))
	}
	for _, c := range src.clips {
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
	if src.first > 0 {
		s.first = src.first * frames
	}
	s.info.Digest = hex.EncodeToString(h.Sum(nil))
	s.info.Title = fmt.Sprintf("%d clips of %d frames %s", len(src.clips), frames, src.what)
	return s, nil
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
