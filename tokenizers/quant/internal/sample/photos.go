// Package sample makes the pixels that the shipped artefacts are fitted on:
// photographs that anyone may redistribute, by checksum, and rendered text.
//
// Text is half of it on purpose. A codebook of photographs alone has no strokes,
// and the table would then only say that a tokenizer was fitted on the wrong
// data. Nothing of an evaluation set is used: not its images, not its words, not
// its seeds.
package sample

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"image"
	"image/draw"
	_ "image/jpeg" // photographs are JPEG
	_ "image/png"  // or PNG
	"os"
	"path/filepath"

	xdraw "golang.org/x/image/draw"

	"github.com/vtbench/vtbench/pix"
)

// A Photo is one source image of a Debian package.
type Photo struct {
	Path    string // below the folder that the packages were unpacked to
	SHA256  string
	Author  string
	Licence string
}

const (
	wallpapers = "usr/share/backgrounds/"
	skimage    = "usr/lib/python3/dist-packages/skimage/data/"
)

// Packages are the Debian packages that bring [Photos].
func Packages() []string { return []string{"lomiri-wallpapers-16.04", "python3-skimage"} }

// Photos are the photographs of the shipped fit. Share-alike ones of the same
// packages are left out.
func Photos() []Photo {
	return []Photo{
		{wallpapers + "aitzgorri_by_Aitzol_Berasategi.jpg", "66268e7b48f8854d36a28765fac6e23ec1aee251daa6da1f64715f201020ad36", "Aitzol Berasategi", "CC-BY-4.0"},
		{wallpapers + "friends_by_Aitzol_Berasategi.jpg", "cc40e313c74e421edffe3403def413c16878ce14661cce7ec5915baeab35538d", "Aitzol Berasategi", "CC-BY-4.0"},
		{wallpapers + "life_by_Aitzol_Berasategi.jpg", "4c119350ead80201fe256850c3d316309ddfb4bdf10b235ce982dcde0c667c05", "Aitzol Berasategi", "CC-BY-4.0"},
		{wallpapers + "picosdeeuropa_by_Aitzol_Berasategi.jpg", "414d0072b2f6f2c555deafeaef6e45c4fed6fa9ad26eba6560ca8803959cf97a", "Aitzol Berasategi", "CC-BY-4.0"},
		{wallpapers + "sunset_by_Aitzol_Berasategi.jpg", "474dab6a4b9f94dc76c29dfe30e9f5db4af0fd2e33fe5d695f8152b371efca18", "Aitzol Berasategi", "CC-BY-4.0"},
		{wallpapers + "Picture_0B_by_freespace.jpg", "c8c0ab18e48d9e0419fe42881112137f3afafc27dfddc29ec3a6d54c56d225ad", "Trevor \"Freespace\"", "CC-BY-4.0"},
		{wallpapers + "Picture_1A_by_freespace.jpg", "89e86af38d04daaef975665dc2127e9fa76f0fd68f4eea105a2d0ae3390b010b", "Trevor \"Freespace\"", "CC-BY-4.0"},
		{wallpapers + "seeding_by_Clements_Engelhardt.jpg", "a5634d1ab5e41a3568e92d4a894a500c92b891f9ff734e50bd224d6e185a605f", "Clemens Engelhardt", "CC0-1.0"},
		{wallpapers + "umang_by_Abhishek_Mudgal.jpg", "bfb425545e77e9f0eb1b037b607fc9ed4a446f3b0f04aa2879be3556073c57ef", "Abhishek Mudgal", "CC-BY-4.0"},
		{wallpapers + "Wine_by_Jakkub_Mede.jpg", "d2e96e6d4da40dd804b3d0ce295e94de04a2d7d9b6785d42cd9d92ba58bced74", "Jakub Mede", "CC-BY-4.0"},
		{skimage + "chelsea.png", "596aa1e7cb875eb79f437e310381d26b338a81c2da23439704a73c4651e8c4bb", "Stefan van der Walt", "CC0-1.0"},
		{skimage + "coffee.png", "cc02f8ca188b167c775a7101b5d767d1e71792cf762c33d6fa15a4599b5a8de7", "Rachel Michetti", "CC0-1.0"},
		{skimage + "hubble_deep_field.jpg", "3a19c5dd8a927a9334bb1229a6d63711b1c0c767fb27e2286e7c84a3e2c2f5f4", "NASA", "public domain"},
		{skimage + "retina.jpg", "38a07f36f27f095e818aea7b96d34202c05176d30253c66733f2e00379e9e0e6", "Mikael Häggström", "CC0-1.0"},
	}
}

// Load reads a photograph below root and checks that it is the one meant.
func (p Photo) Load(root string) (image.Image, error) {
	path := filepath.Join(root, filepath.FromSlash(p.Path))
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("%w; `tokenizers/quant/fit/fetch.sh %s` gets the photographs", err, root)
	}
	if sum := sha256.Sum256(data); hex.EncodeToString(sum[:]) != p.SHA256 {
		return nil, fmt.Errorf("%s is another file than the one meant: its SHA-256 is %x, want %s", path, sum, p.SHA256)
	}
	return LoadFile(path)
}

// LoadFile reads any JPEG or PNG.
func LoadFile(path string) (image.Image, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	m, _, err := image.Decode(f)
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", path, err)
	}
	return m, nil
}

// Shrink scales an image down so that its longer side has the given length.
func Shrink(m image.Image, side int) pix.Image {
	b := m.Bounds()
	long := max(b.Dx(), b.Dy())
	if side >= long {
		return pix.FromImage(m)
	}
	w, h := max(1, b.Dx()*side/long), max(1, b.Dy()*side/long)
	dst := image.NewRGBA(image.Rect(0, 0, w, h))
	xdraw.CatmullRom.Scale(dst, dst.Bounds(), m, b, draw.Src, nil)
	return pix.FromImage(dst)
}
