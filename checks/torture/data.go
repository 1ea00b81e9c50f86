package main

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"math/rand/v2"
	"os"
	"path/filepath"

	"golang.org/x/image/font"
	"golang.org/x/image/font/gofont/goregular"
	"golang.org/x/image/font/opentype"
	"golang.org/x/image/math/fixed"
)

// inputFiles are the images that runs are made on: small, so that a run takes tenths of
// a second.
type inputFiles struct {
	words  string // ICDAR's layout: images of a word each, with labels
	photos string // images without labels
	suite  string // a suite of pixel metrics, in one YAML file
}

// items is how many images each folder has.
const items = 6

// ownSuite asks for what is computed without any library, on images without labels.
const ownSuite = `id: pixels
version: 1
title: Pixels
question: What is left of the pixels?
datasets: [folder]
resolutions: [64]
score_at: original
metrics: [psnr, ssim, bpp-real, bpp-nominal, bpp-entropy, code-usage, code-perplexity]
headline: [psnr]
worst: psnr
tokenizers: [original, resize]
`

func makeInputs(dir string) (*inputFiles, error) {
	in := &inputFiles{words: filepath.Join(dir, "words"), photos: filepath.Join(dir, "photos"), suite: filepath.Join(dir, "pixels.yaml")}
	face, err := opentype.Parse(goregular.TTF)
	if err != nil {
		return nil, err
	}
	files := map[string][]byte{in.suite: []byte(ownSuite)}
	rng := rand.New(rand.NewPCG(1, 2))
	for i := range items {
		img, box, err := wordImage(face, []string{"word", "line", "exit", "sign", "milk", "book"}[i%6])
		if err != nil {
			return nil, err
		}
		files[filepath.Join(in.words, "images", fmt.Sprintf("img_%d.png", i))] = img
		files[filepath.Join(in.words, "gt", fmt.Sprintf("gt_img_%d.txt", i))] = fmt.Appendf(nil, "%d,%d,%d,%d,%d,%d,%d,%d,%s\n",
			box.Min.X, box.Min.Y, box.Max.X, box.Min.Y, box.Max.X, box.Max.Y, box.Min.X, box.Max.Y, []string{"word", "line", "exit", "sign", "milk", "book"}[i%6])
		files[filepath.Join(in.photos, fmt.Sprintf("photo_%d.png", i))] = photo(rng)
	}
	for name, b := range files {
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			return nil, err
		}
		if err := os.WriteFile(name, b, 0o644); err != nil {
			return nil, err
		}
	}
	return in, nil
}

// wordImage is a word on paper, 96×64, and its box.
func wordImage(f *opentype.Font, text string) ([]byte, image.Rectangle, error) {
	face, err := opentype.NewFace(f, &opentype.FaceOptions{Size: 22, DPI: 72})
	if err != nil {
		return nil, image.Rectangle{}, err
	}
	img := image.NewRGBA(image.Rect(0, 0, 96, 64))
	draw.Draw(img, img.Rect, image.NewUniform(color.RGBA{244, 242, 230, 255}), image.Point{}, draw.Src)
	d := font.Drawer{Dst: img, Src: image.NewUniform(color.RGBA{20, 24, 40, 255}), Face: face, Dot: fixed.P(12, 40)}
	width := d.MeasureString(text).Ceil()
	d.DrawString(text)
	var b bytes.Buffer
	err = png.Encode(&b, img)
	return b.Bytes(), image.Rect(10, 20, 14+width, 48), err
}

// photo is 64×48 pixels of soft colours with noise.
func photo(rng *rand.Rand) []byte {
	img := image.NewRGBA(image.Rect(0, 0, 64, 48))
	a, c := rng.IntN(200), rng.IntN(200)
	for y := range 48 {
		for x := range 64 {
			img.SetRGBA(x, y, color.RGBA{uint8(a + x/2), uint8(c + y/2), uint8(rng.IntN(60) + x + y), 255})
		}
	}
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		panic(err) // writing to memory does not fail
	}
	return b.Bytes()
}
