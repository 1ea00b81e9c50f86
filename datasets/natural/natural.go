// Package natural reads sets of natural photographs in the layouts in which they are
// published: ImageNet by class, Kodak, DIV2K and CLIC.
//
// Its opinion: the name of a published set stands for all of its images. One that is missing
// is an item that fails, since a mean over 23 of Kodak's 24 images is nobody's figure; a part
// of a set is folder:DIR. Classes are what the set's own lists say, never guessed.
//
//	set, err := natural.OpenImageNet(ctx, "imagenet/val", datasets.Options{})
//	item, err := set.Load(ctx, 0)
//	fmt.Println(item.Class) // n01440764 tench, Tinca tinca
package natural

import (
	"context"
	"fmt"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/vtbench/vtbench/datasets"
	"github.com/vtbench/vtbench/internal/files"
	"github.com/vtbench/vtbench/pix"
)

// Names of the kinds: "kodak:DIR".
const (
	ImageNet = "imagenet"
	Kodak    = "kodak"
	DIV2K    = "div2k"
	CLIC     = "clic"
)

// Version of the loaders: it rises when the same files yield other items.
const Version = 1

// Set is a set of photographs of any of the layouts.
type Set struct {
	images  files.Listing
	entries []entry
	ids     []string
	o       datasets.Options
	info    func() datasets.Info
}

// An entry is an image, or the reason why there is none.
type entry struct {
	name  string // of the file below the folder of images
	class string
	lost  []datasets.LostLabel
	err   error
}

var (
	_ datasets.Dataset = (*Set)(nil)
	_ datasets.Listed  = (*Set)(nil)
)

// Info implements [datasets.Dataset]. The first call reads every file for the digest.
func (s *Set) Info() datasets.Info { return s.info() }

// IDs implements [datasets.Dataset]: the names of the images below their folder. What is
// missing or cannot be read of a list comes last.
func (s *Set) IDs() []string { return s.ids }

// LeftOut implements [datasets.Listed].
func (s *Set) LeftOut() files.Omissions { return s.images.LeftOut }

// Load decodes image i.
func (s *Set) Load(ctx context.Context, i int) (datasets.Item, error) {
	if i < 0 || i >= len(s.entries) {
		return datasets.Item{}, fmt.Errorf("%s has no item %d: it has %d", s.images.Root, i, len(s.entries))
	}
	if err := ctx.Err(); err != nil {
		return datasets.Item{}, err
	}
	e := s.entries[i]
	if e.err != nil {
		return datasets.Item{}, e.err
	}
	d, err := pix.Read(s.images.Path(e.name), s.o.Decode)
	if err != nil {
		return datasets.Item{}, err
	}
	return datasets.Item{ID: s.ids[i], Image: d.Image, Notes: d.Notes, Class: e.class, Lost: e.lost}, nil
}

// add puts an entry into the set; id is that of what failed, or "" for the name.
func (s *Set) add(e entry, id string) {
	if id == "" {
		id = e.name
	}
	s.entries, s.ids = append(s.entries, e), append(s.ids, id)
}

// list finds the images below a folder.
func list(ctx context.Context, dir string, want func(name string) bool) (files.Listing, error) {
	l, err := files.List(ctx, dir, want)
	if err != nil {
		return l, err
	}
	if len(l.Files) == 0 {
		more := ""
		if len(l.LeftOut) > 0 {
			more = "; left out: " + l.LeftOut.String()
		}
		return l, fmt.Errorf("%s has no image of this set%s", dir, more)
	}
	return l, nil
}

// describe makes the set's information, with a digest of the images and of lists, which lie
// below root.
func (s *Set) describe(kind, title, licence, dir, root string, lists []string) {
	s.info = sync.OnceValue(func() datasets.Info {
		names := slices.Clone(lists)
		for _, f := range s.images.Files {
			rel, err := filepath.Rel(root, s.images.Path(f))
			if err != nil {
				rel = f
			}
			names = append(names, filepath.ToSlash(rel))
		}
		return datasets.Info{
			ID: kind, Version: Version, Digest: files.Digest(root, s.o.Decode.Reader(), names),
			Title: fmt.Sprintf("%s, %d images", title, len(s.images.Files)), Source: dir, Licence: licence, Reader: s.o.Decode.Reader(),
		}
	})
}

// below is the first of folders that is there, "" where none is.
func below(root string, names ...string) string {
	for _, name := range names {
		if dir, err := files.Dir(filepath.Join(root, filepath.FromSlash(name))); err == nil {
			return dir
		}
	}
	return ""
}

// numbered opens a set whose images are numbered from first to last.
func numbered(ctx context.Context, dir string, o datasets.Options, kind, title, licence string, name *regexp.Regexp, shown string, first, last int) (*Set, error) {
	l, err := list(ctx, dir, func(n string) bool { return name.MatchString(n) })
	if err != nil {
		return nil, err
	}
	s := &Set{images: l, o: o}
	at := map[string]bool{}
	for _, f := range l.Files {
		number := name.FindStringSubmatch(path.Base(f))[1]
		if at[number] {
			s.add(entry{err: fmt.Errorf("%s: number %s is there twice; remove one", l.Path(f), number)}, f)
			continue
		}
		at[number] = true
		s.add(entry{name: f}, "")
	}
	for n := first; n <= last; n++ {
		file := fmt.Sprintf(shown, n)
		if number := name.FindStringSubmatch(file)[1]; !at[number] {
			s.add(entry{err: fmt.Errorf("%s has no image %s of %s: it is missing; folder:DIR takes a part of a set", dir, file, title)}, file)
		}
	}
	s.describe(kind, title, licence, dir, l.Root, nil)
	return s, nil
}

var kodakName = regexp.MustCompile(`(?i)^kodim(0[1-9]|1[0-9]|2[0-4])\.(?:png|bmp|ppm|tiff?)$`)

// OpenKodak opens the Kodak Lossless True Color Image Suite: kodim01.png to kodim24.png, in
// the folder or below it.
//
// Read as in InterDigitalInc/CompressAI at 12a6e46 (compressai/datasets/image.py): every file
// of a folder; here every one of these names, and each must be there.
func OpenKodak(ctx context.Context, dir string, o datasets.Options) (*Set, error) {
	return numbered(ctx, dir, o, Kodak, "Kodak's 24 photographs", "", kodakName, "kodim%02d.png", 1, 24)
}

var div2kName = regexp.MustCompile(`(?i)^(0[0-9]{3})\.png$`)

// OpenDIV2K opens a part of DIV2K (Agustsson & Timofte 2017) in full resolution:
// DIV2K_valid_HR/0801.png to 0900.png, or DIV2K_train_HR/0001.png to 0800.png. Of a folder
// that holds both, one must be named.
//
// Layout as in tensorflow/datasets at 0560e68 (tensorflow_datasets/image/div2k.py).
func OpenDIV2K(ctx context.Context, dir string, o datasets.Options) (*Set, error) {
	root, err := files.Dir(dir)
	if err != nil {
		return nil, err
	}
	const valid, train = "DIV2K_valid_HR", "DIV2K_train_HR"
	part := filepath.Base(root)
	if part != valid && part != train {
		v, t := below(root, valid), below(root, train)
		switch {
		case v != "" && t != "":
			return nil, fmt.Errorf("%s has two parts: name one, %s:%s", dir, DIV2K, filepath.Join(dir, valid))
		case v != "":
			root, part = v, valid
		case t != "":
			root, part = t, train
		default:
			return nil, fmt.Errorf("%s is no DIV2K: want the folder %s or %s, or one that holds it", dir, valid, train)
		}
	}
	first, last := 801, 900
	if part == train {
		first, last = 1, 800
	}
	return numbered(ctx, root, o, DIV2K, "DIV2K, "+part, "LicenseRef-DIV2K-academic-research", div2kName, "%04d.png", first, last)
}

// clicParts are the folders of the parts that people keep beside each other.
var clicParts = []string{"train", "valid", "validation", "test"}

// OpenCLIC opens a part of the sets of the Challenge on Learned Image Compression: all PNG
// files of the folder and below, professional and mobile in turns. Of a folder with several
// parts (train/, valid/, test/), one must be named.
//
// As in tensorflow/datasets at 05e20ad (tensorflow_datasets/image/clic.py): every .png file
// of what the zip files of a part unpack to.
func OpenCLIC(ctx context.Context, dir string, o datasets.Options) (*Set, error) {
	root, err := files.Dir(dir)
	if err != nil {
		return nil, err
	}
	var there []string
	for _, p := range clicParts {
		if below(root, p) != "" {
			there = append(there, p)
		}
	}
	if len(there) > 1 {
		return nil, fmt.Errorf("%s has the parts %s: name one, %s:%s", dir, strings.Join(there, ", "), CLIC, filepath.Join(dir, there[0]))
	}
	l, err := list(ctx, dir, func(n string) bool { return strings.EqualFold(path.Ext(n), ".png") })
	if err != nil {
		return nil, err
	}
	s := &Set{images: l, o: o}
	for _, f := range files.Interleave(l.Files) {
		s.add(entry{name: f}, "")
	}
	s.describe(CLIC, "CLIC, "+filepath.Base(root), "", dir, l.Root, nil)
	return s, nil
}

// errLine is what is wrong with a line of a list.
func errLine(file string, line int, what string) error {
	return fmt.Errorf("%s:%d: %s", file, line, what)
}
