// Package folder scores reconstructions that are on disk already: how anything in
// the world can be put on the table that can write an image file.
//
// Its opinion: a reconstruction is found by the name of its image and by nothing
// else, so a file that is missing, doubled or of the wrong size is an error of
// that item that says where it was looked for. A picture is never scaled to make
// it fit: it has the size that the tokenizer was given (256×256), or, where it was
// already scaled back, the size of the original.
//
//	folder:recon/my_tok
//
// finds the reconstruction of ic15/img_7 at 256 in the first of these that exists:
//
//	recon/my_tok/ic15_256/            TokBench's names
//	recon/my_tok/text_data/ic15_256/  or face_data/: TokBench's whole layout
//	recon/my_tok/ic15/256/
//	recon/my_tok/256/
//	recon/my_tok/ic15/
//	recon/my_tok/
//
// The last two say nothing of a resolution and serve them all, unless a folder
// beside them names one. Corrupted images are looked for in the same places below
// a folder of the condition: recon/my_tok/gaussian_noise/3/ic15_256/.
package folder

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/vtbench/vtbench/internal/suggest"
	"github.com/vtbench/vtbench/pix"
	"github.com/vtbench/vtbench/tokenizers"
)

// Kind is the registry entry.
func Kind() tokenizers.Kind {
	return tokenizers.Kind{
		Name:    "folder",
		Summary: "reconstructions that are on disk already, found by name",
		Example: "folder:recon/my_tok",
		Arg:     "dir",
		Guess: func(path string) string {
			if st, err := os.Stat(path); err != nil || !st.IsDir() {
				return ""
			}
			return "folder:" + path
		},
		Options: []tokenizers.Option{
			{Name: "dir", Required: true, Help: "folder of reconstructions, flat or in TokBench's layout ({set}_{S}/)"},
			{Name: "set", Help: "name of the folders' {set}, where it is not the data set's"},
		},
		Open: func(ctx context.Context, opts tokenizers.Options) (tokenizers.Tokenizer, error) {
			return Open(ctx, opts["dir"], opts["set"])
		},
	}
}

// A Tokenizer finds reconstructions in a folder.
type Tokenizer struct {
	dir  string
	set  string
	info tokenizers.Info

	files []string // all images, slash-separated, relative to dir, sorted
	dirs  map[string]bool

	mu      sync.Mutex
	indexes map[string]*index
}

// An index knows the images below one folder by their names without extension.
type index struct {
	dir    string
	byPath map[string][]string // "sub/img_1" to files
	byBase map[string][]string // "img_1" to files
	stems  []string
}

// side recognises folders that name a resolution: 256, ic15_256.
var side = regexp.MustCompile(`^(.*[_/])?[1-9][0-9]{1,3}$`)

// Open lists a folder and digests what is in it: changed files are another
// tokenizer. set replaces the data set's name in the folders' names, "" keeps it.
func Open(ctx context.Context, dir, set string) (*Tokenizer, error) {
	t := &Tokenizer{dir: filepath.Clean(dir), set: set, dirs: map[string]bool{}, indexes: map[string]*index{}}
	st, err := os.Stat(t.dir)
	if err != nil {
		return nil, fmt.Errorf("opening a folder of reconstructions: %w", err)
	}
	if !st.IsDir() {
		return nil, fmt.Errorf("opening a folder of reconstructions: %s is a file", t.dir)
	}
	// Followed where it is a link itself; links further down are not, so that the
	// walk ends.
	root, err := filepath.EvalSymlinks(t.dir)
	if err != nil {
		return nil, fmt.Errorf("opening a folder of reconstructions: %w", err)
	}
	t.dir = root
	err = filepath.WalkDir(root, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		rel, err := filepath.Rel(root, p)
		if err != nil {
			return err
		}
		rel = filepath.ToSlash(rel)
		switch {
		case strings.HasPrefix(d.Name(), ".") && rel != ".":
			if d.IsDir() {
				return fs.SkipDir
			}
		case d.IsDir():
			t.dirs[rel] = true
		case pix.IsImage(d.Name()):
			t.files = append(t.files, rel)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("listing %s: %w", dir, err)
	}
	if len(t.files) == 0 {
		return nil, fmt.Errorf("%s holds no image (PNG, JPEG, GIF, BMP, TIFF or WebP): put the reconstructions there under the names of their originals", dir)
	}
	slices.Sort(t.files)
	sum, err := t.digest(ctx)
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", dir, err)
	}
	t.info = tokenizers.Info{
		Name: filepath.Base(filepath.Clean(dir)), Version: "1", Weights: sum,
		Deterministic: true, Concurrent: true,
		Params: map[string]string{"files": strconv.Itoa(len(t.files))},
	}
	return t, nil
}

// digest is the SHA-256 over names and contents, read by all processors.
func (t *Tokenizer) digest(ctx context.Context) (string, error) {
	sums := make([][sha256.Size]byte, len(t.files))
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(runtime.GOMAXPROCS(0))
	for i, rel := range t.files {
		g.Go(func() error {
			if err := ctx.Err(); err != nil {
				return err
			}
			f, err := os.Open(filepath.Join(t.dir, filepath.FromSlash(rel)))
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
	for i, rel := range t.files {
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
		out[i].Err = fmt.Errorf("folder %s: reconstructions are found by the name of an image, and this one came without", t.dir)
	}
	return out, nil
}

var _ tokenizers.Lookup = (*Tokenizer)(nil)

// ReconstructItems implements tokenizers.Lookup.
func (t *Tokenizer) ReconstructItems(ctx context.Context, refs []tokenizers.ItemRef, in []pix.Image) ([]tokenizers.Reconstruction, error) {
	if len(refs) != len(in) {
		return nil, fmt.Errorf("folder %s: %d names for %d images", t.dir, len(refs), len(in))
	}
	out := make([]tokenizers.Reconstruction, len(in))
	for i, ref := range refs {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		out[i].Image, out[i].Err = t.load(ref, in[i])
	}
	return out, nil
}

// load finds, reads and checks one reconstruction.
func (t *Tokenizer) load(ref tokenizers.ItemRef, in pix.Image) (pix.Image, error) {
	rel, err := t.find(ref)
	if err != nil {
		return pix.Image{}, err
	}
	file := filepath.Join(t.dir, filepath.FromSlash(rel))
	m, err := pix.Load(file)
	if err != nil {
		return pix.Image{}, fmt.Errorf("reconstruction of %q: %w", ref.Item, err)
	}
	if (m.W != in.W || m.H != in.H) && (m.W != ref.W || m.H != ref.H) {
		want := fmt.Sprintf("%d×%d as the tokenizer is given", in.W, in.H)
		if ref.W > 0 && (ref.W != in.W || ref.H != in.H) {
			want += fmt.Sprintf(", or %d×%d as the original", ref.W, ref.H)
		}
		return pix.Image{}, fmt.Errorf("reconstruction of %q: %s is %d×%d: want %s", ref.Item, file, m.W, m.H, want)
	}
	return m, nil
}

// find returns the one file that is the reconstruction of an item.
func (t *Tokenizer) find(ref tokenizers.ItemRef) (string, error) {
	var looked []string
	for _, dir := range t.places(ref) {
		if !t.dirs[dir] {
			continue
		}
		x := t.index(dir)
		stem := strings.TrimPrefix(path.Clean("/"+filepath.ToSlash(ref.Item)), "/")
		for _, s := range []string{stem, trimExt(stem)} {
			files := x.byPath[s]
			if len(files) == 0 {
				files = x.byBase[path.Base(s)]
			}
			switch len(files) {
			case 0:
			case 1:
				return files[0], nil
			default:
				return "", fmt.Errorf("reconstruction of %q: %s and %s both could be it: keep one", ref.Item, filepath.Join(t.dir, files[0]), filepath.Join(t.dir, files[1]))
			}
		}
		looked = append(looked, fmt.Sprintf("%s (%d images%s)", filepath.Join(t.dir, dir), len(x.stems), suggest.Hint(path.Base(trimExt(stem)), x.stems)))
	}
	if len(looked) == 0 {
		return "", fmt.Errorf("reconstruction of %q: %s has no folder for %s: name one %s", ref.Item, t.dir, describe(ref), t.places(ref)[0])
	}
	return "", fmt.Errorf("reconstruction of %q (%s) is missing: looked in %s", ref.Item, describe(ref), strings.Join(looked, " and "))
}

func describe(ref tokenizers.ItemRef) string {
	s := ref.Dataset
	if ref.Resolution > 0 {
		s += fmt.Sprintf(" at %d", ref.Resolution)
	}
	if damaged(ref) {
		s += ", " + ref.Condition
	}
	return s
}

func damaged(ref tokenizers.ItemRef) bool { return ref.Condition != "" && ref.Condition != "clean" }

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
	if damaged(ref) {
		dir = path.Join(ref.Condition, dir)
	}
	return path.Join(dir, name)
}

// places lists the folders an item may be in, the most telling first. Once one of
// them exists with a resolution in its name, those without do not count.
func (t *Tokenizer) places(ref tokenizers.ItemRef) []string {
	under := "."
	if damaged(ref) {
		under = ref.Condition // gaussian_noise/3
		if flat := strings.ReplaceAll(ref.Condition, "/", "_"); !t.dirs[under] && t.dirs[flat] {
			under = flat
		}
	}
	var out []string
	s := strconv.Itoa(ref.Resolution)
	for _, set := range t.sets(ref.Dataset) {
		if ref.Resolution > 0 {
			for _, top := range []string{"", "text_data", "face_data"} {
				out = append(out, path.Join(under, top, sized(set, ref.Resolution)))
			}
			out = append(out, path.Join(under, set, s))
		}
	}
	if ref.Resolution > 0 {
		out = append(out, path.Join(under, s))
	}
	if ref.Resolution == 0 || !t.namesSides(under, ref.Dataset) {
		for _, set := range t.sets(ref.Dataset) {
			out = append(out, path.Join(under, set))
		}
		out = append(out, under)
	}
	return out
}

// namesSides says that some folder for a data set names a resolution, so that those
// which do not cannot be meant for all.
func (t *Tokenizer) namesSides(under, dataset string) bool {
	for dir := range t.dirs {
		if !side.MatchString(dir) {
			continue
		}
		head := strings.TrimRight(dir, "0123456789")
		for _, set := range t.sets(dataset) {
			for _, top := range []string{"", "text_data", "face_data"} {
				if head == path.Join(under, top, set)+"_" {
					return true
				}
			}
			if path.Clean(head) == path.Join(under, set) && strings.HasSuffix(head, "/") {
				return true
			}
		}
		if path.Join(under, path.Base(dir)) == dir && !strings.HasSuffix(head, "_") {
			return true
		}
	}
	return false
}

// sets are the names under which a data set may have its folder: "icdar:data/ic15"
// is icdar or ic15.
func (t *Tokenizer) sets(dataset string) []string {
	if t.set != "" {
		return []string{t.set}
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

// index lists one folder, once.
func (t *Tokenizer) index(dir string) *index {
	t.mu.Lock()
	defer t.mu.Unlock()
	if x := t.indexes[dir]; x != nil {
		return x
	}
	x := &index{dir: dir, byPath: map[string][]string{}, byBase: map[string][]string{}}
	prefix := dir + "/"
	if dir == "." {
		prefix = ""
	}
	for _, f := range t.files {
		rel, ok := strings.CutPrefix(f, prefix)
		if !ok {
			continue
		}
		stem := trimExt(rel)
		x.byPath[stem] = append(x.byPath[stem], f)
		base := path.Base(stem)
		x.byBase[base] = append(x.byBase[base], f)
		x.stems = append(x.stems, base)
	}
	t.indexes[dir] = x
	return x
}

// trimExt drops the extension of an image file; dots inside names stay.
func trimExt(name string) string {
	if pix.IsImage(name) {
		return strings.TrimSuffix(name, path.Ext(name))
	}
	return name
}
