package ocr

import (
	"context"
	"image"
	"image/color"
	"image/draw"
	"testing"

	"golang.org/x/image/font"
	"golang.org/x/image/font/opentype"
	"golang.org/x/image/math/fixed"

	"github.com/vtbench/vtbench/internal/testenv"
	"github.com/vtbench/vtbench/pix"
)

// testPool is a pool for a test; the test is skipped where Tesseract is missing.
func testPool(t testing.TB, clients int) *Pool { return recipePool(t, clients, standard) }

func recipePool(t testing.TB, clients int, r recipe) *Pool {
	t.Helper()
	p, err := newPool(context.Background(), Options{Clients: clients}, r)
	testenv.Need(t, err)
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	})
	return p
}

// canvas collects words drawn on one image, with their boxes.
type canvas struct {
	img   *image.RGBA
	boxes []image.Rectangle
}

func newCanvas(w, h int, background color.Color) *canvas {
	c := &canvas{img: image.NewRGBA(image.Rect(0, 0, w, h))}
	draw.Draw(c.img, c.img.Rect, image.NewUniform(background), image.Point{}, draw.Src)
	return c
}

// word draws s with its top left ink at x, y and notes the box of its ink.
func (c *canvas) word(t testing.TB, ttf []byte, size float64, ink color.Color, x, y int, s string) image.Rectangle {
	t.Helper()
	f, err := opentype.Parse(ttf)
	if err != nil {
		t.Fatal(err)
	}
	face, err := opentype.NewFace(f, &opentype.FaceOptions{Size: size, DPI: 72, Hinting: font.HintingNone})
	if err != nil {
		t.Fatal(err)
	}
	b, _ := font.BoundString(face, s)
	d := font.Drawer{Dst: c.img, Src: image.NewUniform(ink), Face: face}
	d.Dot = fixed.Point26_6{X: fixed.I(x) - b.Min.X, Y: fixed.I(y) - b.Min.Y}
	d.DrawString(s)
	box := image.Rect(x, y, x+(b.Max.X-b.Min.X).Ceil(), y+(b.Max.Y-b.Min.Y).Ceil())
	c.boxes = append(c.boxes, box)
	return box
}

func (c *canvas) pix() pix.Image { return pix.FromImage(c.img) }
