// Package segmentation reads label maps in the layouts in which they are published:
// Cityscapes and ADE20K (SceneParse150).
//
// Its opinion: the label map is the item, painted in the colours of its classes, since that
// is what a tokenizer of masks is shown; photographs beside it are folder:DIR. What the set's
// own evaluation ignores is void here. A file whose values are none of the set's, or that
// belongs to no photograph, is an item that fails and names the file and the pixel.
//
//	set, err := segmentation.OpenCityscapes(ctx, "cityscapes/gtFine/val", datasets.Options{})
//	item, err := set.Load(ctx, 0)
//	fmt.Println(item.Labels.Classes[item.Labels.Index[0]].Name)
package segmentation

import (
	"context"
	"fmt"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/vtbench/vtbench/datasets"
	"github.com/vtbench/vtbench/internal/files"
	"github.com/vtbench/vtbench/pix"
)

// Names of the kinds: "cityscapes:DIR".
const (
	Cityscapes = "cityscapes"
	ADE20K     = "ade20k"
)

// Version of the loaders: it rises when the same files yield other items.
const Version = 1

// Set is a set of label maps of any of the layouts.
type Set struct {
	list    files.Listing // of the label maps
	entries []entry
	ids     []string
	o       datasets.Options
	classes []datasets.Class
	read    func(r, g, b uint8) (index uint8, ok bool)
	values  string // what read takes, for messages
	info    func() datasets.Info
}

// An entry is a label map, or the reason why there is none.
type entry struct {
	name string // of the file below the folder of label maps
	err  error
}

var (
	_ datasets.Dataset = (*Set)(nil)
	_ datasets.Listed  = (*Set)(nil)
)

// Info implements [datasets.Dataset]. The first call reads every file for the digest.
func (s *Set) Info() datasets.Info { return s.info() }

// IDs implements [datasets.Dataset]: names of the files below their folder, folders in turns.
func (s *Set) IDs() []string { return s.ids }

// LeftOut implements [datasets.Listed].
func (s *Set) LeftOut() files.Omissions { return s.list.LeftOut }

// Load reads label map i and paints it.
func (s *Set) Load(ctx context.Context, i int) (datasets.Item, error) {
	if i < 0 || i >= len(s.entries) {
		return datasets.Item{}, fmt.Errorf("%s has no item %d: it has %d", s.list.Root, i, len(s.entries))
	}
	if err := ctx.Err(); err != nil {
		return datasets.Item{}, err
	}
	e := s.entries[i]
	if e.err != nil {
		return datasets.Item{}, e.err
	}
	file := s.list.Path(e.name)
	d, err := pix.Read(file, s.o.Decode)
	if err != nil {
		return datasets.Item{}, err
	}
	if slices.Contains(d.Notes, pix.NoteDepth) {
		return datasets.Item{}, fmt.Errorf("%s has 16 bits a pixel: a label map has 8", file)
	}
	m := &datasets.LabelMap{W: d.Image.W, H: d.Image.H, Index: make([]uint8, d.Image.W*d.Image.H), Classes: s.classes}
	for k := range m.Index {
		p := d.Image.Pix[3*k : 3*k+3]
		index, ok := s.read(p[0], p[1], p[2])
		if !ok {
			return datasets.Item{}, fmt.Errorf("%s: pixel %d, %d is %v: want %s", file, k%m.W, k/m.W, p, s.values)
		}
		m.Index[k] = index
	}
	return datasets.Item{ID: s.ids[i], Image: m.Paint(), Labels: m}, nil
}

// fill makes the entries of what was listed, in turns, and those that fail last.
func (s *Set) fill(failed map[string]error) {
	for _, name := range files.Interleave(s.list.Files) {
		e := entry{name: name, err: failed[name]}
		delete(failed, name)
		s.entries, s.ids = append(s.entries, e), append(s.ids, name)
	}
	var rest []string
	for name := range failed {
		rest = append(rest, name)
	}
	slices.SortFunc(rest, files.Natural)
	for _, name := range rest {
		s.entries, s.ids = append(s.entries, entry{err: failed[name]}), append(s.ids, name)
	}
}

func (s *Set) describe(kind, title, licence, dir, reader string) {
	s.info = sync.OnceValue(func() datasets.Info {
		return datasets.Info{
			ID: kind, Version: Version, Digest: files.Digest(s.list.Root, s.o.Decode.Reader()+" "+reader, s.list.Files),
			Title: fmt.Sprintf("%s, %d label maps", title, len(s.list.Files)), Source: dir, Licence: licence, Reader: s.o.Decode.Reader(),
		}
	})
}

// gray reads ids that are stored as gray values.
func gray(of [256]int) func(r, g, b uint8) (uint8, bool) {
	return func(r, g, b uint8) (uint8, bool) {
		if r != g || g != b || of[r] < 0 {
			return 0, false
		}
		return uint8(of[r]), true
	}
}

// parts tells the folders below a folder that hold a part of a set each.
func parts(root string, names ...string) (there []string) {
	for _, n := range names {
		if _, err := files.Dir(filepath.Join(root, n)); err == nil {
			there = append(there, n)
		}
	}
	return there
}

// descend goes down to the folder of one part.
func descend(kind, dir, root string, levels ...[]string) (string, error) {
	at := root
	for _, names := range levels {
		there := parts(at, names...)
		switch {
		case len(there) > 1:
			rel, err := filepath.Rel(root, at)
			if err != nil {
				return "", err
			}
			return "", fmt.Errorf("%s has the parts %s: name one, %s:%s", filepath.Join(dir, rel), strings.Join(there, ", "), kind, filepath.Join(dir, rel, there[0]))
		case len(there) == 1:
			at = filepath.Join(at, there[0])
		}
	}
	return at, nil
}

// beside finds the folder that lies beside a part as images do beside labels: of
// ROOT/labels/val it is ROOT/images/val; "" where there is none.
func beside(labels string, names ...string) string {
	part, top := filepath.Base(labels), filepath.Dir(filepath.Dir(labels))
	for _, n := range names {
		if dir, err := files.Dir(filepath.Join(top, n, part)); err == nil {
			return dir
		}
	}
	return ""
}

// unpaired names label maps without a photograph and photographs without a label map; keys
// are the names that both have in common.
func unpaired(ctx context.Context, photos string, labels files.Listing, labelKey, photoKey func(name string) string) (map[string]error, error) {
	failed := map[string]error{}
	if photos == "" {
		return failed, nil
	}
	l, err := files.List(ctx, photos, pix.IsImage)
	if err != nil {
		return nil, err
	}
	have := map[string]bool{}
	for _, p := range l.Files {
		have[photoKey(p)] = true
	}
	labelled := map[string]bool{}
	for _, name := range labels.Files {
		key := labelKey(name)
		labelled[key] = true
		if !have[key] {
			failed[name] = fmt.Errorf("labels %s belong to no photograph: %s is not in %s", labels.Path(name), path.Base(key), photos)
		}
	}
	for _, p := range l.Files {
		if !labelled[photoKey(p)] {
			failed[p] = fmt.Errorf("photograph %s has no label map in %s", l.Path(p), labels.Root)
		}
	}
	return failed, nil
}
