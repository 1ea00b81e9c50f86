package video

import (
	"context"
	"fmt"
	"path"
	"path/filepath"
	"strings"

	"github.com/vtbench/vtbench/datasets"
	"github.com/vtbench/vtbench/internal/files"
	"github.com/vtbench/vtbench/pix"
)

// images are a film of which every frame is a file.
type images struct {
	paths  []string
	decode pix.Options
}

func (s images) frame(_ context.Context, k int) (pix.Decoded, error) {
	return pix.Read(s.paths[k], s.decode)
}

// folder is the film of the images of one folder, whose names are in their order.
func (s *Set) folder(l files.Listing, dir string, names []string) *film {
	id := dir
	if dir == "." {
		id = filepath.Base(l.Root)
	}
	f := &film{id: id, rate: s.o.rate / float64(s.o.every)}
	src := images{decode: s.decode}
	for _, k := range s.o.picked(len(names)) {
		f.names = append(f.names, path.Base(names[k]))
		src.paths = append(src.paths, l.Path(names[k]))
	}
	f.src = src
	if len(f.names) == 0 {
		f.after = s.tooShort(l.Path(dir), len(names))
	}
	return f
}

// maxNames bounds a list of films.
const maxNames = 1 << 20

// OpenDAVIS opens sequences of DAVIS (Perazzi et al. 2016, Pont-Tuset et al. 2017):
// JPEGImages/480p/NAME/00000.jpg of the names in ImageSets/2017/val.txt. Behind the folder
// may stand set=2017/train, or set=all for every sequence that is there;
// resolution=Full-Resolution; and start, every, frames and size as for [Open]. Sequences have
// 24 frames a second, as the paper says. Masks are not read.
//
// Read as in davisvideochallenge/davis2017-evaluation at ac7c43f (davis2017/davis.py).
func OpenDAVIS(ctx context.Context, arg string, o datasets.Options) (*Set, error) {
	dir, opts, err := parse(arg, append([]string{"set", "resolution"}, frameKeys...)...)
	if err != nil {
		return nil, err
	}
	root, err := files.Dir(dir)
	if err != nil {
		return nil, err
	}
	if !filepath.IsLocal(opts.set) || !filepath.IsLocal(opts.resolution) {
		return nil, fmt.Errorf("set=%s, resolution=%s: want names of a list below ImageSets and of a folder below JPEGImages", opts.set, opts.resolution)
	}
	below := path.Join("JPEGImages", opts.resolution)
	l, err := files.List(ctx, filepath.Join(root, filepath.FromSlash(below)), pix.IsImage)
	if err != nil {
		return nil, fmt.Errorf("DAVIS's frames are looked for in %s/NAME: %w", below, err)
	}
	of := map[string][]string{}
	for _, f := range l.Files {
		of[path.Dir(f)] = append(of[path.Dir(f)], f)
	}
	opts.rate = 24
	s := &Set{o: opts, decode: o.Decode, leftOut: l.LeftOut}
	d := description{kind: DAVIS, title: "DAVIS, " + opts.set, source: dir, root: root}
	var names []string
	if opts.set == "all" {
		for n := range of {
			names = append(names, n)
		}
	} else {
		list := path.Join("ImageSets", opts.set+".txt")
		b, err := files.Read(filepath.Join(root, filepath.FromSlash(list)), maxNames)
		if err != nil {
			return nil, fmt.Errorf("the list of DAVIS's sequences, set=2017/val unless stated: %w", err)
		}
		names = strings.Fields(string(b))
		d.names = append(d.names, list)
	}
	if len(names) == 0 {
		return nil, fmt.Errorf("%s: the set %s has no sequence", dir, opts.set)
	}
	var films []*film
	for _, n := range names {
		if len(of[n]) == 0 {
			films = append(films, &film{id: n, after: fmt.Errorf("%s has no images, which ImageSets/%s.txt lists", l.Path(n), opts.set)})
			continue
		}
		films = append(films, s.folder(l, n, of[n]))
		for _, f := range of[n] {
			d.names = append(d.names, path.Join(below, f))
		}
	}
	return s, s.finish(films, d)
}
