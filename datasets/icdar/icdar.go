// Package icdar reads scene text data sets in the layout of the ICDAR Robust
// Reading competitions of 2013 and 2015.
//
// Its opinion: labels are what the annotators wrote, to the letter. A line that
// cannot be understood fails its image and is named by file and line; an image
// without labels, or labels without an image, is an item that fails, so that it
// shows in the counts.
//
//	ds, err := icdar.Open(ctx, "icdar2015/train")
//	item, err := ds.Load(ctx, 0)
//	for _, in := range item.Instances {
//		fmt.Println(in.Text, in.Box, in.Ignore)
//	}
//
// A folder holds its images in images, imgs or itself, and its labels, one text
// file an image named gt_NAME.txt or NAME.txt, in gt, annotations, beside the
// images, or in itself. See [Parse] for the files.
package icdar

import (
	"context"
	"errors"
	"fmt"
	"image"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/vtbench/vtbench/datasets"
	"github.com/vtbench/vtbench/datasets/internal/filetree"
	"github.com/vtbench/vtbench/pix"
)

// Name of the kind: "icdar:DIR".
const Name = "icdar"

// Version of the loader: it rises when the same files yield other labels.
const Version = 1

// Set is a folder of images with transcriptions, in the order of the images'
// names (numbers as numbers).
type Set struct {
	root  string
	pairs []pair
	ids   []string
	info  func() datasets.Info
}

// A pair is an image and its labels as paths below the root; one of them is ""
// where it is missing.
type pair struct{ image, gt string }

var _ datasets.Dataset = (*Set)(nil)

// Open pairs images with labels. It decodes and parses none.
func Open(ctx context.Context, dir string) (*Set, error) {
	root, err := filetree.Dir(dir)
	if err != nil {
		return nil, err
	}
	images, err := list(ctx, root, []string{"images", "imgs", "."}, pix.IsImage)
	if err != nil {
		return nil, err
	}
	if len(images) == 0 {
		return nil, fmt.Errorf("%s has no images, neither in images/ nor in imgs/ nor in itself", dir)
	}
	imageDir := path.Dir(images[0])
	gts, err := list(ctx, root, []string{"gt", "annotations", imageDir, "."}, isGT)
	if err != nil {
		return nil, err
	}
	if len(gts) == 0 {
		return nil, fmt.Errorf("%s has no labels: gt_NAME.txt or NAME.txt are looked for in gt/, in annotations/, beside the images and in the folder itself", dir)
	}
	s := &Set{root: root, pairs: join(images, gts)}
	s.ids = make([]string, len(s.pairs))
	both := false
	for i, p := range s.pairs {
		both = both || p.image != "" && p.gt != ""
		s.ids[i] = path.Base(p.image)
		if p.image == "" {
			s.ids[i] = path.Base(p.gt)
		}
	}
	if !both {
		return nil, fmt.Errorf("%s: none of the %d images has labels; %s wants gt_%s.txt", dir, len(images), images[0], stem(images[0]))
	}
	s.info = sync.OnceValue(func() datasets.Info {
		return datasets.Info{
			ID: Name, Version: Version, Digest: filetree.Digest(root, slices.Concat(images, gts)),
			Title:  fmt.Sprintf("Scene text of %s, %d images", filepath.Base(root), len(images)),
			Source: dir,
		}
	})
	return s, nil
}

// list returns the wanted files directly in the first of the folders that has any.
func list(ctx context.Context, root string, dirs []string, want func(string) bool) ([]string, error) {
	for _, d := range dirs {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		entries, err := os.ReadDir(filepath.Join(root, d))
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("listing labels and images: %w", err)
		}
		var names []string
		for _, e := range entries {
			if !e.IsDir() && !strings.HasPrefix(e.Name(), ".") && want(e.Name()) {
				names = append(names, path.Join(d, e.Name()))
			}
		}
		if len(names) > 0 {
			slices.SortFunc(names, filetree.Natural)
			return names, nil
		}
	}
	return nil, nil
}

func isGT(name string) bool {
	lower := strings.ToLower(name)
	return strings.HasSuffix(lower, ".txt") && !strings.HasPrefix(lower, "readme")
}

func stem(name string) string {
	name = path.Base(name)
	return strings.TrimSuffix(name, path.Ext(name))
}

// join pairs images with labels by name; what has no partner stands alone.
func join(images, gts []string) []pair {
	byName := make(map[string]string, len(gts))
	for _, g := range gts {
		byName[stem(g)] = g
	}
	var pairs []pair
	used := map[string]bool{}
	for _, im := range images {
		p := pair{image: im}
		for _, name := range []string{"gt_" + stem(im), stem(im)} {
			if g, ok := byName[name]; ok {
				p.gt = g
				used[g] = true
				break
			}
		}
		pairs = append(pairs, p)
	}
	for _, g := range gts {
		if !used[g] {
			pairs = append(pairs, pair{gt: g})
		}
	}
	return pairs
}

// Info implements [datasets.Dataset]. The first call reads every file for the
// digest.
func (s *Set) Info() datasets.Info { return s.info() }

// IDs implements [datasets.Dataset]: the names of the images; labels without an
// image come last, under their own names.
func (s *Set) IDs() []string { return s.ids }

// Load decodes image i and parses its labels.
func (s *Set) Load(ctx context.Context, i int) (datasets.Item, error) {
	if i < 0 || i >= len(s.pairs) {
		return datasets.Item{}, fmt.Errorf("%s has no item %d: it has %d", s.root, i, len(s.pairs))
	}
	if err := ctx.Err(); err != nil {
		return datasets.Item{}, err
	}
	p := s.pairs[i]
	switch {
	case p.gt == "":
		return datasets.Item{}, fmt.Errorf("image %s has no labels: gt_%s.txt is missing", filepath.Join(s.root, p.image), stem(p.image))
	case p.image == "":
		return datasets.Item{}, fmt.Errorf("labels %s have no image %s", filepath.Join(s.root, p.gt), strings.TrimPrefix(stem(p.gt), "gt_"))
	}
	img, err := pix.Load(filepath.Join(s.root, p.image))
	if err != nil {
		return datasets.Item{}, err
	}
	name := filepath.Join(s.root, p.gt)
	b, err := os.ReadFile(name)
	if err != nil {
		return datasets.Item{}, fmt.Errorf("reading labels: %w", err)
	}
	labels, err := Parse(b)
	if err != nil {
		var at *LineError
		if errors.As(err, &at) {
			return datasets.Item{}, fmt.Errorf("%s:%d: %w", name, at.Line, at.Err)
		}
		return datasets.Item{}, fmt.Errorf("%s: %w", name, err)
	}
	it := datasets.Item{ID: s.ids[i], Image: img, Instances: make([]datasets.Instance, len(labels))}
	for n, l := range labels {
		box := l.Box().Intersect(image.Rect(0, 0, img.W, img.H))
		if box.Empty() {
			return datasets.Item{}, fmt.Errorf("%s:%d: box %v lies outside the %d×%d image", name, l.Line, l.Box(), img.W, img.H)
		}
		in := datasets.Instance{ID: fmt.Sprintf("%03d", n), Box: box, Text: l.Text, Ignore: l.Ignore()}
		if l.Quad {
			in.Quad = l.Corners[:]
		}
		it.Instances[n] = in
	}
	return it, nil
}
