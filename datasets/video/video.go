// Package video reads films: files through ffmpeg, folders of frames, DAVIS, TokBench's
// films with their labels, and a piece of Big Buck Bunny.
//
// Its opinion: a film is what its frames are, not what its header says, so every file is
// decoded once when the set is opened, and frames are counted, measured and timed by that.
// A frame that is there is an item; a file that is damaged, cut short or changes its size is
// named by a frame that fails, and the frames before stand, as do the other films. Frames
// come out of one decoder in their order and none is kept, so a film takes the memory of a
// few frames, however long it is.
//
//	set, err := video.Open(ctx, "films,frames=48", datasets.Options{})
//	defer set.Close()
//	for _, c := range set.Clips() {
//		for i := range c.Frames {
//			item, err := set.Load(ctx, c.First+i)
//		}
//	}
//
// Colours are converted by ffmpeg as the file says, and as BT.601 where it does not; films
// of more than 8 bits are rounded to 8, and neither HDR nor colour primaries are converted.
package video

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/vtbench/vtbench/datasets"
	"github.com/vtbench/vtbench/internal/ffmpeg"
	"github.com/vtbench/vtbench/internal/files"
	"github.com/vtbench/vtbench/pix"
)

// Names of the kinds: "video:DIR".
const (
	Name     = "video"
	DAVIS    = "davis"
	TokBench = "tokbench-video"
	Bunny    = "bunny"
)

// Version of the loaders: it rises when the same files yield other items.
const Version = 1

// Bounds of what is read.
const (
	maxFrames = 1_000_000  // of a clip
	maxItems  = 10_000_000 // of a set
	maxPixels = 1 << 26    // of a frame of a file: four times those of 4K
)

// Notes of frames.
const (
	NoteRotated  pix.Note = "turned upright as the film's file says"
	NoteVariable pix.Note = "frames of the film do not come at a constant rate"
	NoteDamaged  pix.Note = "ffmpeg reports damage in the film's file"
	NoteDepth    pix.Note = "the film has more than 8 bits a channel, rounded to 8"
	NoteHDR      pix.Note = "the film is HDR (PQ or HLG), and its values are taken as they are"
	NoteAlpha    pix.Note = "the film has an alpha channel: transparent pixels are shown on black"
	NoteLayer    pix.Note = "the film has a layer of transparency beside it, which is not read"
)

// extensions of the files that are taken for films.
var extensions = []string{".mp4", ".m4v", ".mov", ".webm", ".mkv", ".avi", ".y4m"}

// IsFilm reports whether a file's name is that of a film.
func IsFilm(name string) bool {
	return slices.Contains(extensions, strings.ToLower(path.Ext(name)))
}

// Set is a data set of films, in the order of their names.
type Set struct {
	o        options
	decode   pix.Options
	films    []*film
	clips    []datasets.Clip
	ids      []string
	leftOut  files.Omissions
	decoders *decoders
	info     func() datasets.Info
	credits  []datasets.Credit
}

var (
	_ datasets.Clipped  = (*Set)(nil)
	_ datasets.Listed   = (*Set)(nil)
	_ datasets.Credited = (*Set)(nil)
)

// A film is a clip before it is cut into items.
type film struct {
	id    string
	names []string // of its frames, in their order; the ids of items are id/name
	rate  float64
	src   source
	// after is why there are not more frames: it is the error of one more item.
	after error
	// label puts labels into frame k; nil where there are none.
	label func(k int, it *datasets.Item) error

	mu   sync.Mutex
	w, h int // of the first frame, once it was seen
}

// A source decodes the frames of one film. It is safe for concurrent use.
type source interface {
	frame(ctx context.Context, k int) (pix.Decoded, error)
}

// Open opens the films of a folder and its subfolders, or of one file: files of films, and
// folders of images, each of which is a film of its images in the order of their names.
// Behind the path may stand, separated by commas:
//
//   - start=N, every=N, frames=N: the first frame that is taken, each how many-th, and at
//     most how many of a film;
//   - size=WxH: what frames are scaled to;
//   - fps=F: files are brought to this rate, by leaving out and repeating frames;
//   - rate=F: the frames a second of folders of images.
//
// The error is a missing.Error where there are files and no ffmpeg. Films that cannot be
// read are items that fail.
func Open(ctx context.Context, arg string, o datasets.Options) (*Set, error) {
	dir, opts, err := parse(arg, anyKeys...)
	if err != nil {
		return nil, err
	}
	s := &Set{o: opts, decode: o.Decode}
	var l files.Listing
	if IsFilm(dir) && !isDir(dir) {
		real, err := filepath.EvalSymlinks(dir)
		if err != nil {
			return nil, fmt.Errorf("opening film: %w", err)
		}
		l = files.Listing{Root: filepath.Dir(real), Files: []string{filepath.Base(real)}}
	} else if l, err = files.List(ctx, dir, func(name string) bool { return IsFilm(name) || pix.IsImage(name) }); err != nil {
		return nil, err
	}
	s.leftOut = l.LeftOut
	images := map[string][]string{}
	var inFiles []string
	for _, f := range l.Files {
		if IsFilm(f) {
			inFiles = append(inFiles, f)
		} else {
			images[path.Dir(f)] = append(images[path.Dir(f)], f)
		}
	}
	if len(l.Files) == 0 {
		return nil, fmt.Errorf("%s: no film (%s) and no image in this folder or below%s", dir, strings.Join(extensions, ", "), besides(l.LeftOut))
	}
	if opts.fps > 0 && len(images) > 0 {
		return nil, fmt.Errorf("fps=%g is of films in files, but %s has folders of images (%s): leave it out, or use every=N", opts.fps, dir, path.Dir(images[firstKey(images)][0]))
	}
	if opts.rate > 0 && len(images) == 0 {
		return nil, fmt.Errorf("rate=%g is of folders of images, and %s has none: the rate of a file is in it", opts.rate, dir)
	}
	films, err := s.open(ctx, l, inFiles)
	if err != nil {
		return nil, err
	}
	for d, names := range images {
		films = append(films, s.folder(l, d, names))
	}
	return s, s.finish(films, description{kind: Name, source: dir, root: l.Root, names: l.Files, title: fmt.Sprintf("films of %s", filepath.Base(l.Root))})
}

func isDir(name string) bool {
	_, err := files.Dir(name)
	return err == nil
}

func besides(o files.Omissions) string {
	if len(o) == 0 {
		return ""
	}
	return "; left out: " + o.String()
}

func firstKey(m map[string][]string) string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	return slices.MinFunc(keys, files.Natural)
}

// open looks into the files of films. Those that cannot be read become films of which the
// only frame fails.
func (s *Set) open(ctx context.Context, l files.Listing, names []string) ([]*film, error) {
	if len(names) == 0 {
		return nil, nil
	}
	if s.decoders == nil {
		p, err := ffmpeg.Open(ctx)
		if err != nil {
			return nil, err
		}
		s.decoders = newDecoders(p)
	}
	films := make([]*film, len(names))
	g, probing := errgroup.WithContext(ctx)
	g.SetLimit(runtime.GOMAXPROCS(0))
	for i, name := range names {
		g.Go(func() error {
			films[i] = s.file(probing, name, l.Path(name), max(1, runtime.GOMAXPROCS(0)/len(names)))
			return ctx.Err()
		})
	}
	return films, g.Wait()
}

// A description is what a layout knows of a whole data set.
type description struct {
	kind, title, source, licence string
	root                         string
	names                        []string // files below root that are in the digest
}

// finish lists films as clips and items.
func (s *Set) finish(films []*film, d description) error {
	slices.SortFunc(films, func(a, b *film) int { return files.Natural(a.id, b.id) })
	s.films = films
	seen := map[string]bool{}
	for _, f := range films {
		if seen[f.id] {
			return fmt.Errorf("%s has two films called %s", d.source, f.id)
		}
		seen[f.id] = true
		if f.after != nil {
			f.names = append(f.names, f.next())
		}
		s.clips = append(s.clips, datasets.Clip{ID: f.id, First: len(s.ids), Frames: len(f.names), Rate: f.rate})
		for _, n := range f.names {
			s.ids = append(s.ids, f.id+"/"+n)
		}
		if len(s.ids) > maxItems {
			return fmt.Errorf("%s has more than %d frames: name a folder with fewer, or frames=N behind it", d.source, maxItems)
		}
	}
	reader := s.decode.Reader() + ", " + s.o.String()
	if s.decoders != nil {
		reader += ", " + s.decoders.program.String()
	}
	s.info = sync.OnceValue(func() datasets.Info {
		return datasets.Info{
			ID: d.kind, Version: Version, Digest: files.Digest(d.root, reader, d.names), Licence: d.licence,
			Title: fmt.Sprintf("%s: %s, %s", d.title, count(len(films), "film"), count(len(s.ids), "frame")), Source: d.source, Reader: reader,
		}
	})
	return nil
}

func count(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}

// next is the name of the frame behind the last.
func (f *film) next() string {
	name := "lost"
	for slices.Contains(f.names, name) {
		name += "_"
	}
	return name
}

// Info implements [datasets.Dataset]. The first call reads every file for the digest.
func (s *Set) Info() datasets.Info { return s.info() }

// IDs implements [datasets.Dataset]: the film's name below the folder, "/", and the number
// of the frame in its file, or the name of its image. "lost" stands for frames that the
// film should have and that cannot be had.
func (s *Set) IDs() []string { return s.ids }

// Clips implements [datasets.Clipped].
func (s *Set) Clips() []datasets.Clip { return slices.Clone(s.clips) }

// LeftOut implements [datasets.Listed].
func (s *Set) LeftOut() files.Omissions { return s.leftOut }

// Credits implements [datasets.Credited].
func (s *Set) Credits() []datasets.Credit { return s.credits }

// Close ends what is decoding still.
func (s *Set) Close() error {
	if s.decoders == nil {
		return nil
	}
	return s.decoders.close()
}

// Load decodes frame i. In the order of the frames it takes as long as decoding one; else as
// long as decoding the film up to it.
func (s *Set) Load(ctx context.Context, i int) (datasets.Item, error) {
	if i < 0 || i >= len(s.ids) {
		return datasets.Item{}, fmt.Errorf("there is no frame %d: the films have %d", i, len(s.ids))
	}
	if err := ctx.Err(); err != nil {
		return datasets.Item{}, err
	}
	at, found := slices.BinarySearchFunc(s.clips, i, func(c datasets.Clip, i int) int { return cmp.Compare(c.First, i) })
	if !found {
		at--
	}
	f, k := s.films[at], i-s.clips[at].First
	if f.after != nil && k == len(f.names)-1 {
		return datasets.Item{}, f.after
	}
	d, err := f.src.frame(ctx, k)
	if err != nil {
		return datasets.Item{}, err
	}
	if err := s.checkSize(ctx, f, k, d.Image); err != nil {
		return datasets.Item{}, err
	}
	it := datasets.Item{ID: s.ids[i], Cluster: f.id, Image: d.Image, Notes: d.Notes}
	if f.label != nil {
		if err := f.label(k, &it); err != nil {
			return datasets.Item{}, err
		}
	}
	if s.o.w > 0 {
		if err := s.scale(&it); err != nil {
			return datasets.Item{}, err
		}
	}
	return it, nil
}

// checkSize holds a frame against the first of its film that can be read, which those of
// folders may not agree with.
func (s *Set) checkSize(ctx context.Context, f *film, k int, m pix.Image) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	for j := 0; f.w == 0; j++ {
		first := pix.Decoded{Image: m}
		if j < k {
			var err error
			if first, err = f.src.frame(ctx, j); err != nil && ctx.Err() == nil {
				continue // its own item says so
			} else if err != nil {
				return err
			}
		}
		f.w, f.h = first.Image.W, first.Image.H
	}
	w, h := f.w, f.h
	if m.W != w || m.H != h {
		return fmt.Errorf("frame %s of %s is %d×%d, the first of the film %d×%d: the frames of a film have one size; cut it there into two", f.names[k], f.id, m.W, m.H, w, h)
	}
	return nil
}

// scale brings a frame and its labels to the size that was asked for.
func (s *Set) scale(it *datasets.Item) error {
	sx, sy := float64(s.o.w)/float64(it.Image.W), float64(s.o.h)/float64(it.Image.H)
	m, err := pix.Resize(it.Image, s.o.w, s.o.h)
	if err != nil {
		return err
	}
	it.Image = m
	for i := range it.Instances {
		in := &it.Instances[i]
		in.Box = outer(float64(in.Box.Min.X)*sx, float64(in.Box.Min.Y)*sy, float64(in.Box.Max.X)*sx, float64(in.Box.Max.Y)*sy)
		in.Points = slices.Clone(in.Points)
		for k := range in.Points {
			in.Points[k].X *= sx
			in.Points[k].Y *= sy
		}
	}
	return nil
}

var errNoFrame = errors.New("the film has no frame")
