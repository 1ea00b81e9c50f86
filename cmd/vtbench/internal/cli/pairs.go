package cli

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/vtbench/vtbench/bench/score"
	"github.com/vtbench/vtbench/internal/files"
	"github.com/vtbench/vtbench/pix"
)

// A side is one argument of score: an image, or the images of a folder.
type side struct {
	path string
	dir  bool
	l    files.Listing // of a folder
}

// sidesOf lists both arguments.
func sidesOf(ctx context.Context, ref, dist string) (sides [2]side, err error) {
	for i, path := range []string{ref, dist} {
		st, err := os.Stat(path)
		if err != nil {
			return sides, fmt.Errorf("%s: %w", []string{"reference", "distorted"}[i], err)
		}
		sides[i] = side{path: path, dir: st.IsDir()}
		if st.IsDir() {
			if sides[i].l, err = listImages(ctx, path); err != nil {
				return sides, err
			}
		}
	}
	return sides, nil
}

// images are those of a side, by names that are unique in it.
func (s side) images() []score.Image {
	if !s.dir {
		return []score.Image{{Name: filepath.Base(s.path), File: s.path}}
	}
	out := make([]score.Image, len(s.l.Files))
	for i, name := range s.l.Files {
		out[i] = score.Image{Name: name, File: s.l.Path(name)}
	}
	return out
}

// named is a file of a side as the user would write it.
func (s side) named(file string) string { return filepath.Join(s.path, filepath.FromSlash(file)) }

// match pairs two files, or the images of two folders one to one by their names (see
// [files.Pair]). unpaired lists files without a partner.
func match(ref, dist side) (pairs []score.Pair, unpaired []string, err error) {
	if ref.dir != dist.dir {
		return nil, nil, fmt.Errorf("%s and %s: give two files or two folders", ref.path, dist.path)
	}
	if !ref.dir {
		return []score.Pair{{Name: filepath.Base(dist.path), Reference: ref.path, Distorted: dist.path}}, nil, nil
	}
	m, err := files.Pair(ref.l.Files, dist.l.Files, pix.TrimExt)
	if err != nil {
		return nil, nil, fmt.Errorf("pairing %s with %s: %w", ref.path, dist.path, err)
	}
	for _, name := range ref.l.Files {
		if other, ok := m.Of[name]; ok {
			pairs = append(pairs, score.Pair{Name: name, Reference: ref.l.Path(name), Distorted: dist.l.Path(other)})
		}
	}
	if len(pairs) == 0 {
		return nil, nil, fmt.Errorf("no file of %s has a partner of the same name in %s", ref.path, dist.path)
	}
	for _, name := range m.Missing {
		unpaired = append(unpaired, ref.named(name))
	}
	for _, name := range m.Unused {
		unpaired = append(unpaired, dist.named(name))
	}
	return pairs, unpaired, nil
}

// leftOutOf is what of both sides was not taken, by folder.
func leftOutOf(sides [2]side) map[string]files.Omissions {
	out := map[string]files.Omissions{}
	for _, s := range sides {
		if len(s.l.LeftOut) > 0 {
			out[s.path] = s.l.LeftOut
		}
	}
	return out
}

// listImages lists the images below a folder, of which there must be one.
func listImages(ctx context.Context, dir string) (files.Listing, error) {
	l, err := files.List(ctx, dir, pix.IsImage)
	if err == nil && len(l.Files) == 0 {
		err = fmt.Errorf("no images in %s", dir)
		if len(l.LeftOut) > 0 {
			err = fmt.Errorf("%w; left out: %s", err, l.LeftOut)
		}
	}
	return l, err
}

// leftOut says what of a folder was not taken.
func (a *app) leftOut(dir string, l files.Listing) {
	if len(l.LeftOut) > 0 {
		a.warnf("%s: left out: %s", dir, l.LeftOut)
	}
}

// orientationFlag lets images be read as they are stored.
func orientationFlag(cmd *cobra.Command, to *string) {
	cmd.Flags().StringVar(to, "orientation", pix.Orientations()[0], "exif: turn images upright as their EXIF orientation says; stored: leave them as they are")
}
