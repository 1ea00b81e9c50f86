package corrupt

import (
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"math"
	"strings"

	"golang.org/x/image/font"
	"golang.org/x/image/font/basicfont"
	"golang.org/x/image/math/fixed"

	"github.com/vtbench/vtbench/pix"
)

// SheetOptions of a contact sheet; the zero value shows everything.
type SheetOptions struct {
	Options
	Names      []string // corruptions, one a row; all where empty
	Severities []int    // one a column; 1 to 5 where empty
	Cell       int      // longer side of a picture in pixels; 192 where 0
}

const (
	sheetCell   = 192
	sheetGap    = 6
	sheetLabel  = 132 // width of the names' column: 18 characters of 7 pixels
	sheetHeader = 20
)

// Sheet draws all corruptions × severities of an image, the clean image first in
// each row. The image is brought to the size of a cell before it is damaged, so
// that every pixel of the damage is seen: for what happens to it at full size,
// apply the corruption and look at that.
func Sheet(img pix.Image, opt SheetOptions) (pix.Image, error) {
	if err := img.Validate(); err != nil {
		return pix.Image{}, fmt.Errorf("drawing a sheet of corruptions: %w", err)
	}
	names, severities, cell := opt.Names, opt.Severities, opt.Cell
	if len(names) == 0 {
		names = Names()
	}
	if len(severities) == 0 {
		severities = []int{1, 2, 3, 4, 5}
	}
	if cell == 0 {
		cell = sheetCell
	}
	if cell < 16 || cell > 4096 {
		return pix.Image{}, fmt.Errorf("drawing a sheet of corruptions: cells are %d pixels, want 16 to 4096", cell)
	}
	scale := float64(cell) / float64(max(img.W, img.H))
	cw := max(int(math.Floor(float64(float64(img.W)*scale)+0.5)), 1)
	ch := max(int(math.Floor(float64(float64(img.H)*scale)+0.5)), 1)
	small, err := pix.Resize(img, cw, ch)
	if err != nil {
		return pix.Image{}, fmt.Errorf("drawing a sheet of corruptions: %w", err)
	}

	cols := len(severities) + 1
	w := sheetLabel + cols*(cw+sheetGap) + sheetGap
	h := sheetHeader + len(names)*(ch+sheetGap) + sheetGap
	if int64(w)*int64(h) > pix.MaxPixels {
		return pix.Image{}, fmt.Errorf("drawing a sheet of corruptions: %d×%d pixels are too many; use smaller cells or fewer corruptions", w, h)
	}
	page := image.NewRGBA(image.Rect(0, 0, w, h))
	draw.Draw(page, page.Bounds(), image.NewUniform(color.Gray{Y: 250}), image.Point{}, draw.Src)
	text := func(x, y int, s string) {
		d := font.Drawer{Dst: page, Src: image.Black, Face: basicfont.Face7x13, Dot: fixed.P(x, y)}
		d.DrawString(s)
	}
	place := func(col, row int, m pix.Image) {
		x, y := sheetLabel+sheetGap+col*(cw+sheetGap), sheetHeader+row*(ch+sheetGap)
		draw.Draw(page, image.Rect(x, y, x+cw, y+ch), m.RGBA(), image.Point{}, draw.Src)
	}
	text(sheetGap, 14, fmt.Sprintf("%dx%d %s", cw, ch, opt.Mode))
	text(sheetLabel+sheetGap, 14, "clean")
	for i, s := range severities {
		text(sheetLabel+sheetGap+(i+1)*(cw+sheetGap), 14, fmt.Sprintf("%d", s))
	}
	for row, name := range names {
		y := sheetHeader + row*(ch+sheetGap) + 13
		for i, word := range strings.SplitAfter(name, "_") { // a long name in two lines
			if len(name) <= 18 {
				text(sheetGap, y, name)
				break
			}
			text(sheetGap, y+14*i, word)
		}
		place(0, row, small)
		for i, s := range severities {
			m, err := Apply(small, name, s, opt.Options)
			if err != nil {
				return pix.Image{}, fmt.Errorf("drawing a sheet of corruptions: %w", err)
			}
			place(i+1, row, m)
		}
	}
	return pix.FromImage(page), nil
}
