// Package sample makes the pixels that the shipped tokenizers are fitted and trained
// on: the packaged photographs whose role is to fit, and rendered text.
//
// Text is half of it on purpose. A codebook of photographs alone has no strokes,
// and the table would then only say that a tokenizer was fitted on the wrong
// data. Nothing of an evaluation set is used: not its images, not its words, not
// its seeds, not its typefaces.
package sample

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"image"
	"image/draw"
	"slices"

	xdraw "golang.org/x/image/draw"

	"github.com/vtbench/vtbench/internal/assets"
	"github.com/vtbench/vtbench/pix"
)

// Photographs loads all packaged photographs to fit on, in the order of their list.
// The error is a missing.Error where they were not fetched.
func Photographs() ([]pix.Image, error) {
	var out []pix.Image
	for _, f := range assets.Photographs(assets.Fit) {
		m, err := Photograph(f)
		if err != nil {
			return nil, err
		}
		out = append(out, m)
	}
	return out, nil
}

// Photograph loads one photograph and checks that it is the one meant.
func Photograph(f assets.File) (pix.Image, error) {
	if err := f.Verify(); err != nil {
		return pix.Image{}, err
	}
	path, err := assets.Path(f.Name)
	if err != nil {
		return pix.Image{}, err
	}
	return pix.Load(path)
}

// Digest is the hex SHA-256 over the sorted digests of [Photographs], without reading
// them. What is fitted on them carries it, so that a change of roles shows.
func Digest() string {
	var digests []string
	for _, f := range assets.Photographs(assets.Fit) {
		digests = append(digests, f.SHA256)
	}
	slices.Sort(digests)
	h := sha256.New()
	for _, d := range digests {
		_, _ = fmt.Fprintln(h, d) // hashes do not fail
	}
	return hex.EncodeToString(h.Sum(nil))
}

// Shrink scales an image down so that its longer side has the given length.
func Shrink(m pix.Image, side int) pix.Image {
	long := max(m.W, m.H)
	if side >= long {
		return m
	}
	src := m.RGBA()
	dst := image.NewRGBA(image.Rect(0, 0, max(1, m.W*side/long), max(1, m.H*side/long)))
	xdraw.CatmullRom.Scale(dst, dst.Bounds(), src, src.Bounds(), draw.Src, nil)
	return pix.FromImage(dst)
}
