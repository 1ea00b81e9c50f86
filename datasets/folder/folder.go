// Package folder makes a data set of any folder of images: no labels, so only
// metrics that compare pixels apply.
//
// Its opinion: every image below the folder belongs to it, whatever its format,
// and one that cannot be decoded is an item that fails with its name, not one
// that is missing.
//
//	ds, err := folder.Open(ctx, "photos")
//	item, err := ds.Load(ctx, 0)
package folder

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync"

	"github.com/vtbench/vtbench/datasets"
	"github.com/vtbench/vtbench/datasets/internal/filetree"
	"github.com/vtbench/vtbench/pix"
)

// Name of the kind: "folder:DIR".
const Name = "folder"

// Version of the loader: it rises when the same files yield other items.
const Version = 1

// Set is the images of a folder, in the order of their names (numbers as
// numbers); where there are subfolders, they take turns.
type Set struct {
	root string
	ids  []string
	info func() datasets.Info
}

var _ datasets.Dataset = (*Set)(nil)

// Open lists the images below dir. It decodes none.
func Open(ctx context.Context, dir string) (*Set, error) {
	root, err := filetree.Dir(dir)
	if err != nil {
		return nil, err
	}
	names, err := filetree.Images(ctx, root)
	if err != nil {
		return nil, err
	}
	if len(names) == 0 {
		return nil, fmt.Errorf("%s: %w", dir, ErrEmpty)
	}
	return &Set{
		root: root,
		ids:  filetree.Interleave(names),
		info: sync.OnceValue(func() datasets.Info {
			return datasets.Info{
				ID: Name, Version: Version, Digest: filetree.Digest(root, names),
				Title:  fmt.Sprintf("%d images of %s", len(names), filepath.Base(root)),
				Source: dir,
			}
		}),
	}, nil
}

// ErrEmpty says that a folder has no image.
var ErrEmpty = errors.New("no PNG, JPEG, GIF, BMP, TIFF or WebP image in this folder or below")

// Info implements [datasets.Dataset]. The first call reads every file for the
// digest.
func (s *Set) Info() datasets.Info { return s.info() }

// IDs implements [datasets.Dataset]: paths below the folder.
func (s *Set) IDs() []string { return s.ids }

// Load decodes image i.
func (s *Set) Load(ctx context.Context, i int) (datasets.Item, error) {
	if i < 0 || i >= len(s.ids) {
		return datasets.Item{}, fmt.Errorf("folder %s has no image %d: it has %d", s.root, i, len(s.ids))
	}
	if err := ctx.Err(); err != nil {
		return datasets.Item{}, err
	}
	img, err := pix.Load(filepath.Join(s.root, filepath.FromSlash(s.ids[i])))
	if err != nil {
		return datasets.Item{}, err
	}
	return datasets.Item{ID: s.ids[i], Image: img}, nil
}
