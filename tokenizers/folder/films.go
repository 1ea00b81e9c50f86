package folder

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"runtime"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/vtbench/vtbench/datasets"
	"github.com/vtbench/vtbench/pix"
)

// Films are what reads whole films in files, for reconstructions that are kept as such.
type Films struct {
	// Is reports whether a file's name is that of a film.
	Is func(name string) bool
	// Open opens one; its items are the frames, in order.
	Open func(ctx context.Context, file string, decode pix.Options) (datasets.Dataset, error)
}

// A film is a file with the frames of a clip.
type film struct {
	rel  string // below the folder
	data datasets.Dataset
}

// A frameOf is a frame of a film.
type frameOf struct {
	film  *film
	index int
}

// openFilms opens the films among files below a folder.
func (t *Tokenizer) openFilms(ctx context.Context, files []string) error {
	t.films = make([]*film, len(files))
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(runtime.GOMAXPROCS(0))
	for i, rel := range files {
		g.Go(func() error {
			d, err := t.o.Films.Open(ctx, t.list.Path(rel), t.o.Decode)
			if err != nil {
				return fmt.Errorf("opening a film of reconstructions: %w", err)
			}
			t.films[i] = &film{rel, d}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return errors.Join(err, t.Close())
	}
	return nil
}

// Close ends what still decodes films.
func (t *Tokenizer) Close() error {
	var errs []error
	for _, f := range t.films {
		if f == nil {
			continue
		}
		if c, ok := f.data.(io.Closer); ok {
			errs = append(errs, c.Close())
		}
	}
	return errors.Join(errs...)
}

// pairFilms finds frames of films below dir for items that have no file: clip.mp4 holds those
// of clip/…, in their order, and as many. Frames are never guessed: a film of another length
// serves none of them.
func (t *Tokenizer) pairFilms(p *place, items []string) {
	clips := map[string][]string{}
	for _, it := range items {
		if clip := path.Dir(it); clip != "." {
			clips[clip] = append(clips[clip], it)
		}
	}
	for _, f := range t.films {
		rel, ok := below(p.dir, f.rel)
		if !ok {
			continue
		}
		clip := strings.TrimSuffix(rel, path.Ext(rel))
		frames := clips[clip]
		if len(frames) == 0 {
			continue
		}
		p.films = append(p.films, rel)
		if has := len(f.data.IDs()); has != len(frames) {
			err := fmt.Errorf("%s has %d frames, and %s has %d: the film has to have every frame once", t.list.Path(f.rel), has, clip, len(frames))
			for _, it := range frames {
				p.odd[it] = err
			}
			continue
		}
		for k, it := range frames {
			if _, own := p.of[it]; own {
				continue // a file of its own
			}
			if other, twice := p.frames[it]; twice {
				p.err = fmt.Errorf("in %s: %s and %s both hold %s: take one of them away", t.list.Path(p.dir), other.film.rel, f.rel, clip)
				return
			}
			p.frames[it] = frameOf{f, k}
		}
	}
}

// read is the picture of an item, with the name of what it is from; found is false where
// there is none.
func (t *Tokenizer) read(ctx context.Context, item string, p *place) (m pix.Image, from string, found bool, err error) {
	if rel, ok := p.of[item]; ok {
		from = t.list.Path(rel)
		d, err := pix.Read(from, t.o.Decode)
		return d.Image, from, true, err
	}
	if f, ok := p.frames[item]; ok {
		it, err := f.film.data.Load(ctx, f.index)
		return it.Image, fmt.Sprintf("frame %d of %s", f.index, t.list.Path(f.film.rel)), true, err
	}
	if err := p.odd[item]; err != nil {
		return m, "", true, err
	}
	return m, "", false, nil
}
