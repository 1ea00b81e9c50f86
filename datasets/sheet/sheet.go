// Package sheet shows a data set at a glance: thumbnails side by side, labelled
// boxes around what will be scored, crosses at key points.
//
// Its opinion: look at the data before trusting scores on it.
//
//	img, err := sheet.Contact(ctx, ds, sheet.Options{Items: 24, Boxes: true})
//	err = img.SavePNG("sheet.png")
package sheet

import (
	"context"
	"errors"
	"fmt"
	"image"
	"strconv"

	"github.com/vtbench/vtbench/datasets"
	"github.com/vtbench/vtbench/pix"
)

// Options of a contact sheet; zero values are the defaults.
type Options struct {
	Items   int  // first items shown; 0 is 24, and never more than there are
	Columns int  // 0 is 6
	Thumb   int  // side of a thumbnail in pixels; 0 is 320
	Boxes   bool // outline the labelled instances, number their key points from 1
}

// Colours of a sheet.
var (
	paper   = [3]uint8{0x2A, 0x2C, 0x30}
	scored  = [3]uint8{0x2E, 0xE6, 0x7A} // outline of an instance that is scored
	ignored = [3]uint8{0xFF, 0x5C, 0x5C} // and of one marked as don't-care
	point   = [3]uint8{0x3D, 0xC8, 0xFF} // a cross at a key point and its number
	shade   = [3]uint8{0x10, 0x12, 0x16} // beneath the number
)

// gap is the space between thumbnails in pixels.
const gap = 6

// Contact draws the first items of a data set, left to right, top to bottom.
// An item that cannot be loaded is a crossed-out cell: the sheet is returned
// together with the joined errors.
func Contact(ctx context.Context, ds datasets.Dataset, o Options) (pix.Image, error) {
	total := len(ds.IDs())
	if o.Items <= 0 {
		o.Items = 24
	}
	if o.Columns <= 0 {
		o.Columns = 6
	}
	if o.Thumb <= 0 {
		o.Thumb = 320
	}
	n := min(o.Items, total)
	if n == 0 {
		return pix.Image{}, errors.New("drawing a contact sheet: the data set has no items")
	}
	cols := min(o.Columns, n)
	if w, h := gap+cols*(o.Thumb+gap), gap+(n+cols-1)/cols*(o.Thumb+gap); int64(w)*int64(h) > pix.MaxPixels {
		return pix.Image{}, fmt.Errorf("a contact sheet of %d items of %d pixels would be %d×%d; choose fewer or smaller ones", n, o.Thumb, w, h)
	}
	thumbs := make([]pix.Image, n)
	var errs []error
	for i := range thumbs {
		it, err := ds.Load(ctx, i)
		if err == nil {
			thumbs[i], err = thumb(it, o.Thumb, o.Boxes)
		}
		if err != nil {
			if ctx.Err() != nil {
				return pix.Image{}, ctx.Err()
			}
			errs = append(errs, fmt.Errorf("item %s: %w", ds.IDs()[i], err))
			thumbs[i] = crossed(o.Thumb)
		}
	}
	// A row is as tall as its tallest picture: sets of wide photographs take less.
	var tops []int
	bottom := gap
	for r := 0; r < n; r += cols {
		tallest := 0
		for _, t := range thumbs[r:min(r+cols, n)] {
			tallest = max(tallest, t.H)
		}
		tops = append(tops, bottom)
		bottom += tallest + gap
	}
	out := pix.New(gap+cols*(o.Thumb+gap), bottom)
	fill(out, image.Rect(0, 0, out.W, out.H), paper)
	for i, t := range thumbs {
		x, y := gap+i%cols*(o.Thumb+gap)+(o.Thumb-t.W)/2, tops[i/cols]
		for r := range t.H {
			copy(out.Row(y + r)[3*x:], t.Row(r))
		}
	}
	return out, errors.Join(errs...)
}

// thumb scales an item to fit a square and outlines its instances.
func thumb(it datasets.Item, side int, boxes bool) (pix.Image, error) {
	if err := it.Image.Validate(); err != nil {
		return pix.Image{}, err
	}
	long := max(it.Image.W, it.Image.H)
	w, h := max(it.Image.W*side/long, 1), max(it.Image.H*side/long, 1)
	out, err := pix.Resize(it.Image, w, h)
	if err != nil || !boxes {
		return out, err
	}
	for _, in := range it.Instances {
		c := scored
		if in.Ignore {
			c = ignored
		}
		// Rounded outwards, so that the outline stands around the thing.
		b := image.Rect(in.Box.Min.X*w/it.Image.W, in.Box.Min.Y*h/it.Image.H,
			(in.Box.Max.X*w+it.Image.W-1)/it.Image.W, (in.Box.Max.Y*h+it.Image.H-1)/it.Image.H).Inset(-1)
		for _, e := range []image.Rectangle{
			{b.Min, image.Pt(b.Max.X, b.Min.Y+1)},
			{image.Pt(b.Min.X, b.Max.Y-1), b.Max},
			{b.Min, image.Pt(b.Min.X+1, b.Max.Y)},
			{image.Pt(b.Max.X-1, b.Min.Y), b.Max},
		} {
			fill(out, e, c)
		}
		for i, p := range in.Points {
			Mark(out, int(p.X*float64(w)/float64(it.Image.W)), int(p.Y*float64(h)/float64(it.Image.H)), i+1)
		}
	}
	return out, nil
}

// Mark draws a cross at a key point and its number beside it: which point is which is
// what an exchanged left and right is seen by.
func Mark(m pix.Image, x, y, number int) {
	fill(m, image.Rect(x-2, y, x+3, y+1), point)
	fill(m, image.Rect(x, y-2, x+1, y+3), point)
	left, top := x+4, y-2
	text := strconv.Itoa(number)
	fill(m, image.Rect(left-1, top-1, left+4*len(text), top+6), shade)
	for _, c := range text {
		for i, on := range digits[c-'0'] {
			if on == '#' {
				at := image.Pt(left+i%3, top+i/3)
				fill(m, image.Rectangle{Min: at, Max: at.Add(image.Pt(1, 1))}, point)
			}
		}
		left += 4
	}
}

// digits are three pixels wide and five high.
var digits = [10]string{
	"####.##.##.####", ".#.##..#..#.###", "###..#####..###", "###..####..####", "#.##.####..#..#",
	"####..###..####", "####..####.####", "###..#..#..#..#", "####.#####.####", "####.####..####",
}

// crossed stands for an item that could not be loaded.
func crossed(side int) pix.Image {
	m := pix.New(side, side)
	for i := range side {
		for _, x := range []int{i, side - 1 - i} {
			fill(m, image.Rect(x, i, x+2, i+2), ignored)
		}
	}
	return m
}

// fill paints the part of r that lies in the image.
func fill(m pix.Image, r image.Rectangle, c [3]uint8) {
	r = r.Intersect(image.Rect(0, 0, m.W, m.H))
	for y := r.Min.Y; y < r.Max.Y; y++ {
		row := m.Row(y)
		for x := r.Min.X; x < r.Max.X; x++ {
			copy(row[3*x:3*x+3], c[:])
		}
	}
}
