// Package folder scores reconstructions that are on disk already: how anything in
// the world can be put on the table that can write an image file.
//
// Its opinion: a reconstruction is found by the full name of its image and by nothing
// else. A name that could mean two files, or a file that two images could mean, ends
// the run before it begins; a file that is missing or of the wrong size is an error of
// its item that says where it was looked for. A picture is never scaled to make it fit:
// it has the size that the tokenizer was given (256×256). Pictures of the originals'
// sizes may have seen pixels that a tokenizer at 256 does not: where they were scaled
// back elsewhere, that must be declared, and the tables say so. (An original that is no
// larger than the square loses nothing, so its own size counts without a word.)
//
//	folder:recon/my_tok
//	folder:recon/my_tok,scaled_back=true
//
// finds the reconstructions of data set ic15 at 256 in the first of these that has any:
//
//	recon/my_tok/ic15_256/            TokBench's names
//	recon/my_tok/text_data/ic15_256/  or face_data/: TokBench's whole layout
//	recon/my_tok/ic15/256/
//	recon/my_tok/256/
//	recon/my_tok/ic15/
//	recon/my_tok/
//
// Frames of films are found like that, as clip/0012.png; or a film in a file, clip.mp4 in the
// place of the folder clip, holds all of them in their order.
//
// The last two say nothing of a resolution and serve them all, unless a folder
// beside them names one. A folder named by a number is a resolution only where the
// data set has no items in a folder of that name: 256/img.png may be the name of an
// item. Corrupted images are looked for in the same places below a folder of the
// condition: recon/my_tok/gaussian_noise/3/ic15_256/. Which files of a place belong to
// which items, [files.Pair] says.
package folder

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/vtbench/vtbench/internal/files"
	"github.com/vtbench/vtbench/internal/suggest"
	"github.com/vtbench/vtbench/pix"
	"github.com/vtbench/vtbench/tokenizers"
)

// Kind is the registry entry; films reads reconstructions of whole films.
func Kind(films Films) tokenizers.Kind {
	return tokenizers.Kind{
		Name:       "folder",
		Summary:    "reconstructions that are on disk already, found by name",
		Example:    "folder:recon/my_tok",
		Arg:        "dir",
		ArgOptions: true,
		Guess: func(path string) string {
			if st, err := os.Stat(path); err != nil || !st.IsDir() {
				return ""
			}
			return "folder:" + path
		},
		Options: []tokenizers.Option{
			{Name: "dir", Required: true, Help: "folder of reconstructions, flat or in TokBench's layout ({set}_{S}/)"},
			{Name: "set", Help: "name of the folders' {set}, where it is not the data set's"},
			tokenizers.BoolOption("scaled_back", false, "the pictures have the originals' sizes: they were scaled back elsewhere"),
			tokenizers.ChoiceOption("orientation", "exif: pictures are turned upright as their EXIF orientation says; stored: not", pix.Orientations()...),
		},
		Open: func(ctx context.Context, opts tokenizers.Options) (tokenizers.Tokenizer, error) {
			decode, err := pix.ParseOrientation(opts["orientation"])
			if err != nil {
				return nil, err
			}
			return Open(ctx, opts["dir"], Options{Set: opts["set"], ScaledBack: opts.Bool("scaled_back"), Decode: decode, Films: films})
		},
	}
}

// Options say how a folder is read. The zero value is the default.
type Options struct {
	Set        string // stands in folders' names for the data set's name
	ScaledBack bool   // the pictures have the sizes of the originals
	Decode     pix.Options
	Films      Films // reads films; the zero value takes none
}

// A Tokenizer finds reconstructions in a folder.
type Tokenizer struct {
	name  string // as the user wrote the folder
	o     Options
	info  tokenizers.Info
	list  files.Listing // its Files are the images
	films []*film
	dirs  map[string]bool // of list, with "."
	// stems are the files of list without extension, one or two.
	stems map[string]bool

	mu    sync.Mutex
	asked map[string][]string // items of a data set
	found map[key]*place
}

// A key is a set of reconstructions of a data set.
type key struct {
	dataset, condition string
	resolution         int
}

// A place is where the reconstructions of a key are.
type place struct {
	dir     string
	of      map[string]string  // file, below the root, by item
	frames  map[string]frameOf // of films, by item
	odd     map[string]error   // why the film of an item does not serve
	films   []string           // that are for clips of the data set
	have    []string           // files of dir, for hints
	missing error              // there is no place
	err     error              // names are ambiguous
}

// Open lists a folder and digests what is in it: changed files are another tokenizer. Films
// are looked into; the tokenizer has to be closed.
func Open(ctx context.Context, dir string, o Options) (*Tokenizer, error) {
	isFilm := o.Films.Is
	if isFilm == nil {
		isFilm = func(string) bool { return false }
	}
	l, err := files.List(ctx, dir, func(name string) bool { return pix.IsImage(name) || isFilm(name) })
	if err != nil {
		return nil, fmt.Errorf("opening a folder of reconstructions: %w", err)
	}
	all := l.Files
	l.Files = slices.DeleteFunc(slices.Clone(all), isFilm)
	if len(all) == 0 {
		left := ""
		if len(l.LeftOut) > 0 {
			left = "; left out: " + l.LeftOut.String()
		}
		return nil, fmt.Errorf("%s holds no image (PNG, JPEG, GIF, BMP, TIFF, WebP, PPM, PGM, PBM) and no film: put the reconstructions there under the names of their originals%s", dir, left)
	}
	t := &Tokenizer{name: filepath.Clean(dir), o: o, list: l, dirs: map[string]bool{".": true}, stems: map[string]bool{}, asked: map[string][]string{}, found: map[key]*place{}}
	for _, d := range l.Dirs {
		t.dirs[d] = true
	}
	for _, f := range l.Files {
		f = pix.TrimExt(f)
		t.stems[f], t.stems[pix.TrimExt(f)] = true, true
	}
	if err := t.openFilms(ctx, slices.DeleteFunc(slices.Clone(all), func(name string) bool { return !isFilm(name) })); err != nil {
		return nil, err
	}
	sum, err := t.digest(ctx, all)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("reading %s: %w", dir, err), t.Close())
	}
	t.info = tokenizers.Info{
		Name: filepath.Base(t.name), Version: "2", Weights: sum,
		Deterministic: true, Concurrent: true, ScaledBack: o.ScaledBack,
		Params: map[string]string{"files": strconv.Itoa(len(all)), "reader": o.Decode.Reader()},
	}
	return t, nil
}

// LeftOut is what is in the folder, but no reconstruction.
func (t *Tokenizer) LeftOut() files.Omissions { return t.list.LeftOut }

// digest is the SHA-256 over names and contents, read by all processors.
func (t *Tokenizer) digest(ctx context.Context, names []string) (string, error) {
	names = slices.Clone(names)
	slices.Sort(names)
	sums := make([][sha256.Size]byte, len(names))
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(runtime.GOMAXPROCS(0))
	for i, rel := range names {
		g.Go(func() error {
			if err := ctx.Err(); err != nil {
				return err
			}
			f, err := files.Open(t.list.Path(rel))
			if err != nil {
				return err
			}
			h := sha256.New()
			_, err = io.Copy(h, f)
			h.Sum(sums[i][:0])
			return errors.Join(err, f.Close())
		})
	}
	if err := g.Wait(); err != nil {
		return "", err
	}
	h := sha256.New()
	for i, rel := range names {
		h.Write(fmt.Appendf(nil, "%d %s %x\n", len(rel), rel, sums[i])) // a hash never fails
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// Info implements tokenizers.Tokenizer.
func (t *Tokenizer) Info() tokenizers.Info { return t.info }

// Reconstruct implements tokenizers.Tokenizer. Pixels without a name find nothing:
// every item fails. Use ReconstructItems.
func (t *Tokenizer) Reconstruct(_ context.Context, in []pix.Image) ([]tokenizers.Reconstruction, error) {
	out := make([]tokenizers.Reconstruction, len(in))
	for i := range out {
		out[i].Err = fmt.Errorf("folder %s: reconstructions are found by the name of an image, and this one came without", t.name)
	}
	return out, nil
}

var (
	_ tokenizers.Lookup  = (*Tokenizer)(nil)
	_ tokenizers.Planner = (*Tokenizer)(nil)
)

// Plan implements tokenizers.Planner.
func (t *Tokenizer) Plan(ctx context.Context, asked []tokenizers.Asked) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	clear(t.found)
	for _, a := range asked {
		t.asked[a.Dataset] = cleaned(a.Items)
	}
	for _, a := range asked {
		for _, c := range a.Conditions {
			for _, r := range a.Resolutions {
				if err := ctx.Err(); err != nil {
					return err
				}
				if p := t.place(key{a.Dataset, c, r}); p.err != nil {
					return p.err
				}
			}
		}
	}
	return nil
}

// cleaned are names as paths below a folder, whatever leads out of it.
func cleaned(items []string) []string {
	out := make([]string, len(items))
	for i, it := range items {
		out[i] = clean(it)
	}
	return out
}

func clean(item string) string {
	return strings.TrimPrefix(path.Clean("/"+filepath.ToSlash(item)), "/")
}

// ReconstructItems implements tokenizers.Lookup. Of data sets that Plan did not hear
// of, the items are those of this call.
func (t *Tokenizer) ReconstructItems(ctx context.Context, refs []tokenizers.ItemRef, in []pix.Image) ([]tokenizers.Reconstruction, error) {
	if len(refs) != len(in) {
		return nil, fmt.Errorf("folder %s: %d names for %d images", t.name, len(refs), len(in))
	}
	places := t.places(refs)
	out := make([]tokenizers.Reconstruction, len(in))
	for i, ref := range refs {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		out[i].Image, out[i].Err = t.load(ctx, ref, in[i], places[i])
	}
	return out, nil
}

// places finds the place of each name.
func (t *Tokenizer) places(refs []tokenizers.ItemRef) []*place {
	t.mu.Lock()
	defer t.mu.Unlock()
	unplanned := map[string]bool{}
	for _, r := range refs {
		if items, ok := t.asked[r.Dataset]; !ok || unplanned[r.Dataset] {
			unplanned[r.Dataset] = true
			if it := clean(r.Item); !slices.Contains(items, it) {
				t.asked[r.Dataset] = append(items, it)
			}
		}
	}
	out := make([]*place, len(refs))
	for i, r := range refs {
		out[i] = t.place(key{r.Dataset, r.Condition, r.Resolution})
	}
	for d := range unplanned { // the next call may ask for others
		delete(t.asked, d)
		for k := range t.found {
			if k.dataset == d {
				delete(t.found, k)
			}
		}
	}
	return out
}

// load reads and checks one reconstruction.
func (t *Tokenizer) load(ctx context.Context, ref tokenizers.ItemRef, in pix.Image, p *place) (pix.Image, error) {
	if err := errors.Join(p.err, p.missing); err != nil {
		return pix.Image{}, fmt.Errorf("reconstruction of %q: %w", ref.Item, err)
	}
	m, file, found, err := t.read(ctx, clean(ref.Item), p)
	if !found {
		return pix.Image{}, fmt.Errorf("reconstruction of %q (%s) is missing: looked in %s (%d images%s)",
			ref.Item, describe(ref), filepath.Join(t.name, p.dir), len(p.have), suggest.Hint(path.Base(pix.TrimExt(clean(ref.Item))), stems(p.have)))
	}
	if err != nil {
		return pix.Image{}, fmt.Errorf("reconstruction of %q: %w", ref.Item, err)
	}
	given, original := m.W == in.W && m.H == in.H, m.W == ref.W && m.H == ref.H
	switch {
	case t.o.ScaledBack && original, !t.o.ScaledBack && given:
		return m, nil
	case original && ref.W <= in.W && ref.H <= in.H:
		return m, nil // the square has room for all of the original: nothing was scaled down
	case t.o.ScaledBack && ref.W > 0:
		return pix.Image{}, &tokenizers.SizeError{
			W: m.W, H: m.H, WantW: ref.W, WantH: ref.H,
			Text: fmt.Sprintf("reconstruction of %q: %s is %d×%d: want %d×%d as the original, since scaled_back=true says so", ref.Item, file, m.W, m.H, ref.W, ref.H),
		}
	case original:
		return pix.Image{}, fmt.Errorf("reconstruction of %q: %s is %d×%d as the original: want %d×%d as the tokenizer is given; if it was reconstructed at %d px and scaled back, declare that: folder:%s,scaled_back=true", ref.Item, file, m.W, m.H, in.W, in.H, ref.Resolution, t.name)
	}
	return pix.Image{}, &tokenizers.SizeError{
		W: m.W, H: m.H, WantW: in.W, WantH: in.H,
		Text: fmt.Sprintf("reconstruction of %q: %s is %d×%d: want %d×%d as the tokenizer is given", ref.Item, file, m.W, m.H, in.W, in.H),
	}
}

func stems(names []string) []string {
	out := make([]string, len(names))
	for i, n := range names {
		out[i] = path.Base(pix.TrimExt(n))
	}
	return out
}

func describe(ref tokenizers.ItemRef) string {
	s := ref.Dataset
	if ref.Resolution > 0 {
		s += fmt.Sprintf(" at %d", ref.Resolution)
	}
	if damaged(ref.Condition) {
		s += ", " + ref.Condition
	}
	return s
}

func damaged(condition string) bool { return condition != "" && condition != "clean" }

// sized is the name of the folder of a data set at a resolution.
func sized(set string, resolution int) string { return set + "_" + strconv.Itoa(resolution) }

// Name is the name of a file, with slashes, under which a Tokenizer of the folder that it
// is put into finds the reconstruction of an image, whatever else is there:
//
//	gaussian_noise/3/ic15_256/images/img_1.jpg.png
//
// It ends in .png, behind the item's own extension if that is another, so that images
// which differ in their extension alone stay apart.
func Name(ref tokenizers.ItemRef) string {
	name, dir := ref.Item, strings.ReplaceAll(ref.Dataset, "/", "_")
	if path.Ext(name) != ".png" {
		name += ".png"
	}
	if ref.Resolution > 0 {
		dir = sized(dir, ref.Resolution)
	}
	if damaged(ref.Condition) {
		dir = path.Join(ref.Condition, dir)
	}
	return path.Join(dir, name)
}

// place finds the reconstructions of a key, once; t.mu is held.
func (t *Tokenizer) place(k key) *place {
	if p := t.found[k]; p != nil {
		return p
	}
	p := t.search(k)
	t.found[k] = p
	return p
}

// search takes the first place that has a reconstruction of any item.
func (t *Tokenizer) search(k key) *place {
	items := t.asked[k.dataset]
	candidates, exist := t.candidates(k)
	var first *place
	for _, dir := range exist {
		p := &place{dir: dir, of: map[string]string{}, frames: map[string]frameOf{}, odd: map[string]error{}}
		for _, f := range t.list.Files {
			if rel, ok := below(dir, f); ok {
				p.have = append(p.have, rel)
			}
		}
		m, err := files.Pair(items, p.have, pix.TrimExt)
		if err != nil {
			p.err = fmt.Errorf("in %s: %w", filepath.Join(t.name, dir), err)
			return p
		}
		for it, f := range m.Of {
			p.of[it] = path.Join(dir, f)
		}
		if t.pairFilms(p, items); len(p.of) > 0 || len(p.films) > 0 {
			return p
		}
		if first == nil {
			first = p
		}
	}
	if first != nil {
		return first
	}
	ref := tokenizers.ItemRef{Dataset: k.dataset, Condition: k.condition, Resolution: k.resolution}
	return &place{missing: fmt.Errorf("%s has no folder for %s: name one %s", t.name, describe(ref), candidates[0])}
}

// below is a file's path below a folder.
func below(dir, file string) (string, bool) {
	if dir == "." {
		return file, true
	}
	return strings.CutPrefix(file, dir+"/")
}

// candidates lists the folders that the reconstructions of a key may be in, the most
// telling first, and those of them that exist. Once one of them exists with a
// resolution in its name, those without do not count.
func (t *Tokenizer) candidates(k key) (all, exist []string) {
	under := "."
	if damaged(k.condition) {
		under = k.condition // gaussian_noise/3
		if flat := strings.ReplaceAll(k.condition, "/", "_"); !t.dirs[under] && t.dirs[flat] {
			under = flat
		}
	}
	items := t.asked[k.dataset]
	sets := t.sets(k.dataset)
	add := func(dir string) {
		all = append(all, dir)
		if t.dirs[dir] {
			exist = append(exist, dir)
		}
	}
	if k.resolution > 0 {
		for _, set := range sets {
			for _, top := range []string{"", "text_data", "face_data"} {
				add(path.Join(under, top, sized(set, k.resolution)))
			}
			if dir := path.Join(under, set, strconv.Itoa(k.resolution)); t.isSide(dir, items) {
				add(dir)
			}
		}
		if dir := path.Join(under, strconv.Itoa(k.resolution)); t.isSide(dir, items) {
			add(dir)
		}
		if t.namesSides(under, sets, items) {
			return all, exist
		}
	}
	for _, set := range sets {
		add(path.Join(under, set))
	}
	add(under)
	return all, exist
}

// leastSide is the smallest number that a folder's name may state as a resolution.
const leastSide = 16

// isSide says that a folder's name is a number that states a resolution: it is large
// enough, and the folder it is in has no reconstructions of items that lie in numbered
// folders themselves.
func (t *Tokenizer) isSide(dir string, items []string) bool {
	base := path.Base(dir)
	if n, err := strconv.Atoi(base); err != nil || n < leastSide || base != strconv.Itoa(n) {
		return false
	}
	parent := path.Dir(dir)
	return !slices.ContainsFunc(items, func(it string) bool {
		top, _, nested := strings.Cut(it, "/")
		_, err := strconv.Atoi(top)
		return nested && err == nil && t.stems[pix.TrimExt(path.Join(parent, it))]
	})
}

// namesSides says that some folder for a data set names a resolution, so that those
// which do not cannot be meant for all.
func (t *Tokenizer) namesSides(under string, sets, items []string) bool {
	for dir := range t.dirs {
		parent, base := path.Dir(dir), path.Base(dir)
		if parent == path.Clean(under) && t.isSide(dir, items) {
			return true
		}
		for _, set := range sets {
			if parent == path.Join(under, set) && set != "." && t.isSide(dir, items) {
				return true
			}
			number, ok := strings.CutPrefix(base, path.Base(set)+"_")
			if n, err := strconv.Atoi(number); !ok || err != nil || n < leastSide {
				continue
			}
			for _, top := range []string{"", "text_data", "face_data"} {
				if dir == path.Join(under, top, set+"_"+number) {
					return true
				}
			}
		}
	}
	return false
}

// sets are the names under which a data set may have its folder: "icdar:data/ic15"
// is icdar or ic15.
func (t *Tokenizer) sets(dataset string) []string {
	if t.o.Set != "" {
		return []string{t.o.Set}
	}
	name, arg, _ := strings.Cut(dataset, ":")
	var out []string
	for _, s := range []string{path.Base(strings.TrimRight(filepath.ToSlash(arg), "/")), name, strings.ReplaceAll(name, "/", "_")} {
		if s != "" && s != "." && s != "/" && !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	if len(out) == 0 {
		return []string{"."}
	}
	return out
}
