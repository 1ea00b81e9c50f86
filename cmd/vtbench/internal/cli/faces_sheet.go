package cli

import (
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"math"

	"golang.org/x/image/font"
	"golang.org/x/image/font/gofont/goregular"
	"golang.org/x/image/font/opentype"
	"golang.org/x/image/math/fixed"

	"github.com/vtbench/vtbench/datasets"
	"github.com/vtbench/vtbench/datasets/sheet"
	"github.com/vtbench/vtbench/metrics/face"
	"github.com/vtbench/vtbench/metrics/face/model"
	"github.com/vtbench/vtbench/pix"
)

// Measures of a sheet of faces, in pixels.
const (
	faceTile   = 192 // side of a picture
	faceGap    = 8
	faceLine   = 16 // height of a line of words
	faceBlocks = 3  // faces side by side, as far as the width allows
	faceWidth  = 2400
)

// Colours of a sheet of faces.
var (
	boxColour  = [3]uint8{0x2E, 0xE6, 0x7A} // the labelled box
	chipColour = [3]uint8{0xFF, 0xC8, 0x3D} // what the chip holds of the picture
	meanColour = [3]uint8{0xFF, 0x5C, 0x5C} // where the recogniser expects the key points
)

// faceSheet draws the faces: each in its picture, its chip, and the chips of its
// reconstructions, the reason beneath where it is left out.
func (a *app) faceSheet(out string, faces []seenFace) error {
	tiles := 1
	shown := 0
	for _, s := range faces {
		tiles = max(tiles, len(s.tiles))
		if len(s.tiles) > 0 {
			shown++
		}
	}
	if shown == 0 {
		return usagef("no face can be drawn: --sheet needs labelled faces")
	}
	width := tiles*(faceTile+faceGap) + faceGap
	columns := min(shown, max(1, min(faceBlocks, faceWidth/width)))
	height := faceTile + 4*faceLine + faceGap
	rows := (shown + columns - 1) / columns
	if int64(columns*width)*int64(rows*height) > pix.MaxPixels {
		return usagef("a sheet of %d faces would be %d×%d pixels: --limit makes it smaller", shown, columns*width, rows*height)
	}
	canvas := image.NewRGBA(image.Rect(0, 0, columns*width, rows*height))
	draw.Draw(canvas, canvas.Bounds(), image.White, image.Point{}, draw.Src)
	parsed, err := opentype.Parse(goregular.TTF)
	if err != nil {
		return fmt.Errorf("reading the font of the sheet: %w", err)
	}
	fontFace, err := opentype.NewFace(parsed, &opentype.FaceOptions{Size: 12, DPI: 72})
	if err != nil {
		return fmt.Errorf("opening the font of the sheet: %w", err)
	}
	defer fontFace.Close()
	text := font.Drawer{Dst: canvas, Face: fontFace}
	write := func(x, y, room int, ink color.Color, s string) {
		text.Src, text.Dot = image.NewUniform(ink), fixed.P(x, y)
		for text.MeasureString(s) > fixed.I(room) && s != "" {
			r := []rune(s)
			s = string(r[:len(r)-1])
		}
		text.DrawString(s)
	}
	n := 0
	for _, s := range faces {
		if len(s.tiles) == 0 {
			continue
		}
		x, y := n%columns*width+faceGap, n/columns*height+faceGap
		n++
		write(x, y+faceLine-4, width-2*faceGap, color.Black, s.title)
		for i, t := range s.tiles {
			at := image.Pt(x+i*(faceTile+faceGap), y+faceLine)
			small, err := fitted(t.img)
			if err != nil {
				return err
			}
			draw.Draw(canvas, image.Rectangle{Min: at, Max: at.Add(image.Pt(small.W, small.H))}, small.RGBA(), image.Point{}, draw.Src)
			write(at.X, at.Y+faceTile+faceLine-3, faceTile, color.Gray{Y: 0x60}, t.words)
		}
		if s.Why != "" {
			lines := wrapped(&text, s.Why, width-2*faceGap)
			for i, line := range lines[:min(2, len(lines))] {
				write(x, y+2*faceLine+faceTile+(i+1)*faceLine-4, width-2*faceGap, color.RGBA{0xB0, 0x10, 0x10, 0xFF}, line)
			}
		}
	}
	img := pix.FromImage(canvas)
	if err := img.SavePNG(out); err != nil {
		return usage(err)
	}
	a.logf("wrote %s, %d×%d: box green, what the chip holds yellow, where the recogniser expects the key points red; 1 left eye, 2 right eye, 3 nose, 4 left and 5 right corner of the mouth", out, img.W, img.H)
	return nil
}

// wrapped breaks words into lines of a width.
func wrapped(d *font.Drawer, s string, room int) []string {
	var lines []string
	line := ""
	for i, r := range s {
		line += string(r)
		if d.MeasureString(line) <= fixed.I(room) {
			continue
		}
		cut := len(line)
		for cut > 1 && line[cut-1] != ' ' {
			cut--
		}
		if cut == 1 {
			return append(lines, s[i:])
		}
		lines, line = append(lines, line[:cut]), line[cut:]
	}
	return append(lines, line)
}

// fitted scales a picture to a tile.
func fitted(img pix.Image) (pix.Image, error) {
	long := max(img.W, img.H)
	return pix.Resize(img, max(1, img.W*faceTile/long), max(1, img.H*faceTile/long))
}

// inPicture is a face in its picture, scaled to a tile: its box, what the chip holds, its
// key points by number.
func inPicture(img pix.Image, al face.Alignment, side int) (pix.Image, error) {
	corners := []datasets.Point{}
	if al.Chip.Scale() > 0 {
		inv := al.Chip.Inverse()
		s := float64(side)
		for _, p := range []datasets.Point{{}, {X: s}, {X: s, Y: s}, {Y: s}} {
			corners = append(corners, inv.Apply(p))
		}
	}
	around := al.Box
	for _, p := range append(corners, al.Key...) {
		if !(math.Abs(p.X) < 1<<20 && math.Abs(p.Y) < 1<<20) {
			continue
		}
		at := image.Pt(int(p.X), int(p.Y))
		around = around.Union(image.Rectangle{Min: at, Max: at.Add(image.Pt(1, 1))})
	}
	around = around.Inset(-around.Dx() / 8).Intersect(image.Rect(0, 0, img.W, img.H))
	if around.Empty() {
		around = image.Rect(0, 0, img.W, img.H)
	}
	out, err := fitted(img.Crop(around))
	if err != nil {
		return out, err
	}
	kx, ky := float64(out.W)/float64(around.Dx()), float64(out.H)/float64(around.Dy())
	to := func(p datasets.Point) datasets.Point {
		return datasets.Point{X: (p.X - float64(around.Min.X)) * kx, Y: (p.Y - float64(around.Min.Y)) * ky}
	}
	b := al.Box
	outline(out, boxColour, to(pointOf(b.Min)), to(pointOf(image.Pt(b.Max.X, b.Min.Y))), to(pointOf(b.Max)), to(pointOf(image.Pt(b.Min.X, b.Max.Y))))
	if len(corners) > 0 {
		for i, p := range corners {
			corners[i] = to(p)
		}
		outline(out, chipColour, corners...)
	}
	for i, p := range al.Key {
		q := to(p)
		sheet.Mark(out, int(q.X), int(q.Y), i+1)
	}
	return out, nil
}

func pointOf(p image.Point) datasets.Point { return datasets.Point{X: float64(p.X), Y: float64(p.Y)} }

// markedChip is a chip with the key points by number, and where the recogniser expects
// them.
func markedChip(chip pix.Image, al face.Alignment, l model.Layout) (pix.Image, error) {
	out, err := fitted(chip)
	if err != nil {
		return out, err
	}
	k := float64(out.W) / float64(l.Side)
	for _, p := range l.Template {
		x, y := p.X*k, p.Y*k
		outline(out, meanColour, datasets.Point{X: x - 3, Y: y - 3}, datasets.Point{X: x + 3, Y: y - 3}, datasets.Point{X: x + 3, Y: y + 3}, datasets.Point{X: x - 3, Y: y + 3})
	}
	for i, p := range al.Key {
		q := al.Chip.Apply(p)
		sheet.Mark(out, int(q.X*k), int(q.Y*k), i+1)
	}
	return out, nil
}

// outline draws a closed line.
func outline(m pix.Image, c [3]uint8, corners ...datasets.Point) {
	for i, a := range corners {
		b := corners[(i+1)%len(corners)]
		steps := math.Ceil(max(math.Abs(b.X-a.X), math.Abs(b.Y-a.Y), 1))
		if steps > 1<<14 { // a corner far beyond the picture
			continue
		}
		for t := 0.; t <= steps; t++ {
			x, y := int(a.X+(b.X-a.X)*t/steps), int(a.Y+(b.Y-a.Y)*t/steps)
			if x == m.W { // a box that ends where the picture does
				x--
			}
			if y == m.H {
				y--
			}
			if x >= 0 && y >= 0 && x < m.W && y < m.H {
				copy(m.Pix[3*(y*m.W+x):][:3], c[:])
			}
		}
	}
}
