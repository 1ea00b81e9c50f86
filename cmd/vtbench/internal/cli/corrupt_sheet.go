package cli

import (
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"path/filepath"
	"strings"

	"golang.org/x/image/font"
	"golang.org/x/image/font/gofont/goregular"
	"golang.org/x/image/font/opentype"
	"golang.org/x/image/math/fixed"

	"github.com/vtbench/vtbench/datasets/corrupt"
	"github.com/vtbench/vtbench/pix"
)

// Measures of a sheet, in pixels.
const (
	sheetGap   = 6
	sheetLabel = 150 // width of the names
	sheetHead  = 26
	sheetFont  = 14
)

// corruptSheet writes corruptions × severities of one image, the image itself in
// front. Damage is done at the image's own size and scaled down afterwards.
func (a *app) corruptSheet(in, out string, f *corruptFlags, opt corrupt.Options) error {
	if err := writable(out, f.force); err != nil {
		return err
	}
	if f.size < 32 || f.size > 1024 {
		return usagef("--cell %d: want 32 to 1024 pixels", f.size)
	}
	names := corrupt.Names()
	if f.kind != "" {
		names = strings.Split(f.kind, ",")
	}
	for _, n := range names {
		if _, err := corrupt.Lookup(n); err != nil {
			return usagef("--type: %w", err)
		}
	}
	d, err := pix.Read(in, a.decode)
	img := d.Image
	if err != nil {
		return usage(err)
	}
	if opt.Key == "" {
		opt.Key = filepath.Base(in)
	}
	long := float64(max(img.W, img.H))
	w := max(1, int(float64(img.W)*float64(f.size)/long))
	h := max(1, int(float64(img.H)*float64(f.size)/long))
	columns := corrupt.Severities + 1
	sheet := image.NewRGBA(image.Rect(0, 0, sheetLabel+columns*(w+sheetGap), sheetHead+len(names)*(h+sheetGap)))
	draw.Draw(sheet, sheet.Bounds(), image.White, image.Point{}, draw.Src)
	parsed, err := opentype.Parse(goregular.TTF)
	if err != nil {
		return fmt.Errorf("reading the font of the sheet: %w", err)
	}
	face, err := opentype.NewFace(parsed, &opentype.FaceOptions{Size: sheetFont, DPI: 72})
	if err != nil {
		return fmt.Errorf("opening the font of the sheet: %w", err)
	}
	defer face.Close()
	text := font.Drawer{Dst: sheet, Src: image.NewUniform(color.Black), Face: face}
	write := func(x, y int, s string) {
		text.Dot = fixed.P(x, y)
		text.DrawString(s)
	}
	for c := range columns {
		head := fmt.Sprintf("severity %d", c)
		if c == 0 {
			head = "clean"
		}
		write(sheetLabel+c*(w+sheetGap), sheetHead-8, head)
	}
	for r, name := range names {
		y := sheetHead + r*(h+sheetGap)
		write(4, y+h/2, strings.ReplaceAll(name, "_", " "))
		for c := range columns {
			got := img
			if c > 0 {
				if got, err = corrupt.Apply(img, name, c, opt); err != nil {
					return fmt.Errorf("%s: %w", in, err)
				}
			}
			small, err := pix.Resize(got, w, h)
			if err != nil {
				return fmt.Errorf("scaling %s for the sheet: %w", in, err)
			}
			x := sheetLabel + c*(w+sheetGap)
			draw.Draw(sheet, image.Rect(x, y, x+w, y+h), small.RGBA(), image.Point{}, draw.Src)
		}
	}
	return pix.FromImage(sheet).SavePNG(out)
}
