package textgen

import "image"

// subpixels is the resolution of the rasteriser: vertices are rounded to 1/256
// of a pixel, and from there on everything is integer arithmetic.
const (
	subBits   = 8
	subpixels = 1 << subBits
	fullCover = subpixels * 2 * subpixels // coverage of a whole pixel
)

// A raster accumulates the exact signed area that closed polygons cover in each
// pixel of a window, the scheme of libart, FreeType's smooth rasteriser and
// font-rs. A row's running sum is the winding-weighted coverage.
type raster struct {
	win  image.Rectangle
	w, h int
	acc  []int32 // (w+2) × h differences
}

// reset empties the raster and moves its window.
func (r *raster) reset(win image.Rectangle) {
	r.win, r.w, r.h = win, win.Dx(), win.Dy()
	n := (r.w + 2) * r.h
	if cap(r.acc) < n {
		r.acc = make([]int32, n)
		return
	}
	r.acc = r.acc[:n]
	clear(r.acc)
}

// fix rounds a coordinate to 1/256 pixel.
func fix(v float64) int {
	v = mul(v, subpixels)
	if v < 0 {
		return -int(0.5 - v)
	}
	return int(v + 0.5)
}

// polygon adds a closed contour in image coordinates.
func (r *raster) polygon(ps []pt) {
	if len(ps) < 3 {
		return
	}
	ox, oy := r.win.Min.X<<subBits, r.win.Min.Y<<subBits
	last := ps[len(ps)-1]
	x0, y0 := fix(last.x)-ox, fix(last.y)-oy
	for _, p := range ps {
		x1, y1 := fix(p.x)-ox, fix(p.y)-oy
		r.edge(x0, y0, x1, y1)
		x0, y0 = x1, y1
	}
}

// edge adds one directed line, in subpixels relative to the window.
func (r *raster) edge(x0, y0, x1, y1 int) {
	if y0 == y1 {
		return
	}
	sign := 1
	if y0 > y1 {
		x0, y0, x1, y1 = x1, y1, x0, y0
		sign = -1
	}
	top, bottom := max(y0, 0), min(y1, r.h<<subBits)
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
		row := y >> subBits
		next := min((row+1)<<subBits, bottom)
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
// advances by dy subpixels (negative for an edge that runs upwards).
func (r *raster) span(row, xa, xb, dy int) {
	if xa > xb {
		xa, xb = xb, xa
	}
	acc := r.acc[row*(r.w+2) : (row+1)*(r.w+2)]
	ca, cb := xa>>subBits, xb>>subBits
	switch {
	case ca >= r.w:
		return
	case cb < 0:
		acc[0] += int32(dy * 2 * subpixels)
		return
	case ca == cb:
		f := xa&(subpixels-1) + xb&(subpixels-1)
		acc[ca] += int32(dy * (2*subpixels - f))
		acc[ca+1] += int32(dy * f)
		return
	}
	dx, done := xb-xa, 0
	for c, x := ca, xa; c <= cb && c < r.w; c++ {
		end := min((c+1)<<subBits, xb)
		part := dy*(end-xa)/dx - done
		done += part
		if c < 0 {
			acc[0] += int32(part * 2 * subpixels)
		} else {
			f := x + end - c<<(subBits+1)
			acc[c] += int32(part * (2*subpixels - f))
			acc[c+1] += int32(part * f)
		}
		x = end
	}
}

// alpha turns an accumulated sum into 0…256.
func alpha(sum int32) int {
	if sum < 0 {
		sum = -sum
	}
	return int(min(sum, fullCover)) >> 9
}
