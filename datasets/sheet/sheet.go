// Package sheet shows a data set at a glance: thumbnails side by side, labelled
// boxes around what will be scored.
//
// Its opinion: nobody should trust scores on data they have not looked at.
//
//	img, err := sheet.Contact(ctx, ds, sheet.Options{Items: 24, Boxes: true})
//	err = img.SavePNG("sheet.png")
package sheet

import (
	"context"
	"errors"
	"fmt"
	"image"

	"github.com/vtbench/vtbench/datasets"
	"github.com/vtbench/vtbench/pix"
)

// Options of a contact sheet; zero values are the defaults.
type Options struct {
	Items   int  // first items shown; 0 is 24, and never more than there are
	Columns int  // 0 is 6
	Thumb   int  // side of a thumbnail in pixels; 0 is 320
	Boxes   bool // outline the labelled instances
}

// Colours of a sheet.
var (
	paper   = [3]uint8{0x2A, 0x2C, 0x30}
	scored  = [3]uint8{0x2E, 0xE6, 0x7A} // outline of an instance that is scored
	ignored = [3]uint8{0xFF, 0x5C, 0x5C} // and of one marked as don't-care
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
	rows := (n + cols - 1) / cols
	w, h := gap+cols*(o.Thumb+gap), gap+rows*(o.Thumb+gap)
	if int64(w)*int64(h) > pix.MaxPixels {
		return pix.Image{}, fmt.Errorf("a contact sheet of %d items of %d pixels would be %d×%d; choose fewer or smaller ones", n, o.Thumb, w, h)
	}
	out := pix.New(w, h)
	fill(out, image.Rect(0, 0, w, h), paper)
	var errs []error
	for i := range n {
		cell := image.Rect(0, 0, o.Thumb, o.Thumb).Add(image.Pt(gap+i%cols*(o.Thumb+gap), gap+i/cols*(o.Thumb+gap)))
		it, err := ds.Load(ctx, i)
		if err == nil {
			err = it.Image.Validate()
		}
		if err != nil {
			if ctx.Err() != nil {
				return pix.Image{}, ctx.Err()
			}
			errs = append(errs, fmt.Errorf("item %s: %w", ds.IDs()[i], err))
			cross(out, cell)
			continue
		}
		if err := thumb(out, cell, it, o.Boxes); err != nil {
			return pix.Image{}, fmt.Errorf("item %s: %w", it.ID, err)
		}
	}
	return out, errors.Join(errs...)
}

// thumb draws an item into a cell, centred, keeping its proportions.
func thumb(out pix.Image, cell image.Rectangle, it datasets.Item, boxes bool) error {
	side, long := cell.Dx(), max(it.Image.W, it.Image.H)
	w, h := max(it.Image.W*side/long, 1), max(it.Image.H*side/long, 1)
	small, err := pix.Resize(it.Image, w, h)
	if err != nil {
		return err
	}
	at := cell.Min.Add(image.Pt((side-w)/2, (side-h)/2))
	for y := range h {
		copy(out.Row(at.Y + y)[3*at.X:], small.Row(y))
	}
	if !boxes {
		return nil
	}
	inside := image.Rect(0, 0, w, h).Add(at)
	for _, in := range it.Instances {
		c := scored
		if in.Ignore {
			c = ignored
		}
		// Rounded outwards, so that the outline stands around the thing.
		b := image.Rect(in.Box.Min.X*w/it.Image.W, in.Box.Min.Y*h/it.Image.H,
			(in.Box.Max.X*w+it.Image.W-1)/it.Image.W, (in.Box.Max.Y*h+it.Image.H-1)/it.Image.H).Add(at).Inset(-1)
		for _, e := range []image.Rectangle{
			{b.Min, image.Pt(b.Max.X, b.Min.Y+1)},
			{image.Pt(b.Min.X, b.Max.Y-1), b.Max},
			{b.Min, image.Pt(b.Min.X+1, b.Max.Y)},
			{image.Pt(b.Max.X-1, b.Min.Y), b.Max},
		} {
			fill(out, e.Intersect(inside), c)
		}
	}
	return nil
}

func fill(m pix.Image, r image.Rectangle, c [3]uint8) {
	for y := r.Min.Y; y < r.Max.Y; y++ {
		row := m.Row(y)
		for x := r.Min.X; x < r.Max.X; x++ {
			copy(row[3*x:3*x+3], c[:])
		}
	}
}

// cross marks a cell whose item could not be loaded.
func cross(m pix.Image, cell image.Rectangle) {
	n := cell.Dx()
	for i := range n {
		for _, p := range []image.Point{{i, i}, {n - 1 - i, i}} {
			p = p.Add(cell.Min)
			fill(m, image.Rectangle{p, p.Add(image.Pt(2, 2))}.Intersect(cell), ignored)
		}
	}
}
