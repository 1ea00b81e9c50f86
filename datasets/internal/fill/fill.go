// Package fill rasterises polygons in integers, so that the same outlines give the same
// pixels on every machine. It is shared by the data sets that draw text.
package fill

import "image"

// Subpixels is the resolution of the rasteriser: vertices are rounded to 1/256
// of a pixel, and from there on everything is integer arithmetic.
const (
	SubBits   = 8
	Subpixels = 1 << SubBits
	FullCover = Subpixels * 2 * Subpixels // coverage of a whole pixel
)

// A Mask accumulates the exact signed area that closed polygons cover in each
// pixel of a window, the scheme of libart, FreeType's smooth rasteriser and
// font-rs. A row's running sum is the winding-weighted coverage.
type Mask struct {
	Window image.Rectangle
	acc    []int32 // (width+2) × height differences
	w, h   int
}

// Reset empties the mask and moves its window.
func (r *Mask) Reset(win image.Rectangle) {
	r.Window, r.w, r.h = win, win.Dx(), win.Dy()
	n := (r.w + 2) * r.h
	if cap(r.acc) < n {
		r.acc = make([]int32, n)
		return
	}
	r.acc = r.acc[:n]
	clear(r.acc)
}

// Row is a row of differences of coverage, from the top of the window; two more than
// there are pixels.
func (r *Mask) Row(y int) []int32 { return r.acc[y*(r.w+2) : (y+1)*(r.w+2)] }

// Fix rounds a coordinate to 1/256 pixel.
func Fix(v float64) int {
	v = float64(v * Subpixels) // the conversion keeps it from being fused with the addition
	if v < 0 {
		return -int(0.5 - v)
	}
	return int(v + 0.5)
}

// Edge adds one directed line of a closed polygon, in subpixels of the image.
func (r *Mask) Edge(x0, y0, x1, y1 int) {
	ox, oy := r.Window.Min.X<<SubBits, r.Window.Min.Y<<SubBits
	r.edge(x0-ox, y0-oy, x1-ox, y1-oy)
}

// edge adds one directed line, in Subpixels relative to the window.
func (r *Mask) edge(x0, y0, x1, y1 int) {
	if y0 == y1 {
		return
	}
	sign := 1
	if y0 > y1 {
		x0, y0, x1, y1 = x1, y1, x0, y0
		sign = -1
	}
	top, bottom := max(y0, 0), min(y1, r.h<<SubBits)
	if top >= bottom {
		return
	}
	dx, dy := x1-x0, y1-y0
	at := func(y int) int { return x0 + floorDiv(dx*(y-y0), dy) }
	x := x0
	if top != y0 {
		x = at(top)
	}
	for y := top; y < bottom; {
		row := y >> SubBits
		next := min((row+1)<<SubBits, bottom)
		nx := x1
		if next != y1 {
			nx = at(next)
		}
		r.span(row, x, nx, sign*(next-y))
		x, y = nx, next
	}
}

func floorDiv(a, b int) int { // b > 0
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}

// span adds the part of an edge that lies in one row: from xa to xb while y
// advances by dy Subpixels (negative for an edge that runs upwards).
func (r *Mask) span(row, xa, xb, dy int) {
	if xa > xb {
		xa, xb = xb, xa
	}
	acc := r.acc[row*(r.w+2) : (row+1)*(r.w+2)]
	ca, cb := xa>>SubBits, xb>>SubBits
	switch {
	case ca >= r.w:
		return
	case cb < 0:
		acc[0] += int32(dy * 2 * Subpixels)
		return
	case ca == cb:
		f := xa&(Subpixels-1) + xb&(Subpixels-1)
		acc[ca] += int32(dy * (2*Subpixels - f))
		acc[ca+1] += int32(dy * f)
		return
	}
	dx, done := xb-xa, 0
	for c, x := ca, xa; c <= cb && c < r.w; c++ {
		end := min((c+1)<<SubBits, xb)
		part := dy*(end-xa)/dx - done
		done += part
		if c < 0 {
			acc[0] += int32(part * 2 * Subpixels)
		} else {
			f := x + end - c<<(SubBits+1)
			acc[c] += int32(part * (2*Subpixels - f))
			acc[c+1] += int32(part * f)
		}
		x = end
	}
}

// Alpha turns an accumulated sum into 0…256.
func Alpha(sum int32) int {
	if sum < 0 {
		sum = -sum
	}
	return int(min(sum, FullCover)) >> 9
}
