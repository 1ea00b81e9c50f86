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

// match pairs two files, or the images of two folders one to one by their names (see
// [files.Pair]). unpaired lists files without a partner.
func match(ref, dist string) (pairs []score.Pair, unpaired []string, err error) {
	rs, err := os.Stat(ref)
	if err != nil {
		return nil, nil, fmt.Errorf("reference: %w", err)
	}
	ds, err := os.Stat(dist)
	if err != nil {
		return nil, nil, fmt.Errorf("distorted: %w", err)
	}
	if rs.IsDir() != ds.IsDir() {
		return nil, nil, fmt.Errorf("%s and %s: give two files or two folders", ref, dist)
	}
	if !rs.IsDir() {
		return []score.Pair{{Name: filepath.Base(dist), Reference: ref, Distorted: dist}}, nil, nil
	}
	a, err := listImages(ref)
	if err != nil {
		return nil, nil, err
	}
	b, err := listImages(dist)
	if err != nil {
		return nil, nil, err
	}
	m, err := files.Pair(a.Files, b.Files, pix.TrimExt)
	if err != nil {
		return nil, nil, fmt.Errorf("pairing %s with %s: %w", ref, dist, err)
	}
	for _, name := range a.Files {
		if other, ok := m.Of[name]; ok {
			pairs = append(pairs, score.Pair{Name: name, Reference: a.Path(name), Distorted: b.Path(other)})
		}
	}
	if len(pairs) == 0 {
		return nil, nil, fmt.Errorf("no file of %s has a partner of the same name in %s", ref, dist)
	}
	for _, name := range m.Missing {
		unpaired = append(unpaired, filepath.Join(ref, filepath.FromSlash(name)))
	}
	for _, name := range m.Unused {
		unpaired = append(unpaired, filepath.Join(dist, filepath.FromSlash(name)))
	}
	return pairs, unpaired, nil
}

// listImages lists the images below a folder, of which there must be one.
func listImages(dir string) (files.Listing, error) {
	l, err := files.List(context.Background(), dir, pix.IsImage)
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
