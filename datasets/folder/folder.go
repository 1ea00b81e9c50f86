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
	"github.com/vtbench/vtbench/internal/files"
	"github.com/vtbench/vtbench/pix"
)

// Name of the kind: "folder:DIR".
const Name = "folder"

// Version of the loader: it rises when the same files yield other items.
const Version = 1

// Set is the images of a folder, in the order of their names (numbers as
// numbers); where there are subfolders, they take turns.
type Set struct {
	list files.Listing
	ids  []string
	o    datasets.Options
	info func() datasets.Info
}

var (
	_ datasets.Dataset = (*Set)(nil)
	_ datasets.Listed  = (*Set)(nil)
)

// Open lists the images below dir, as [files.List] does. It decodes none.
func Open(ctx context.Context, dir string, o datasets.Options) (*Set, error) {
	l, err := files.List(ctx, dir, pix.IsImage)
	if err != nil {
		return nil, err
	}
	if len(l.Files) == 0 {
		if len(l.LeftOut) > 0 {
			return nil, fmt.Errorf("%s: %w; left out: %s", dir, ErrEmpty, l.LeftOut)
		}
		return nil, fmt.Errorf("%s: %w", dir, ErrEmpty)
	}
	return &Set{
		list: l,
		ids:  files.Interleave(l.Files),
		o:    o,
		info: sync.OnceValue(func() datasets.Info {
			return datasets.Info{
				ID: Name, Version: Version, Digest: files.Digest(l.Root, o.Decode.Reader(), l.Files),
				Title:  fmt.Sprintf("%d images of %s", len(l.Files), filepath.Base(l.Root)),
				Source: dir, Reader: o.Decode.Reader(),
			}
		}),
	}, nil
}

// ErrEmpty says that a folder has no image.
var ErrEmpty = errors.New("no image (PNG, JPEG, GIF, BMP, TIFF, WebP, PPM, PGM, PBM) in this folder or below")

// Info implements [datasets.Dataset]. The first call reads every file for the
// digest.
func (s *Set) Info() datasets.Info { return s.info() }

// LeftOut implements [datasets.Listed].
func (s *Set) LeftOut() files.Omissions { return s.list.LeftOut }

// IDs implements [datasets.Dataset]: paths below the folder.
func (s *Set) IDs() []string { return s.ids }

// Load decodes image i.
func (s *Set) Load(ctx context.Context, i int) (datasets.Item, error) {
	if i < 0 || i >= len(s.ids) {
		return datasets.Item{}, fmt.Errorf("folder %s has no image %d: it has %d", s.list.Root, i, len(s.ids))
	}
	if err := ctx.Err(); err != nil {
		return datasets.Item{}, err
	}
	d, err := pix.Read(s.list.Path(s.ids[i]), s.o.Decode)
	if err != nil {
		return datasets.Item{}, err
	}
	return datasets.Item{ID: s.ids[i], Image: d.Image, Notes: d.Notes}, nil
}
