package pix

import "image"

// FromJPEG converts what image/jpeg decodes. Where chroma is subsampled, 4:2:0 or
// 4:2:2, it is interpolated by the triangle filter that libjpeg calls fancy
// upsampling and uses by default, as then do Pillow, OpenCV and every browser.
// Package image replicates chroma instead, which costs colour edges (red text on
// white) up to several dB.
func FromJPEG(y *image.YCbCr) Image {
	rows := 2 // of pixels to a row of chroma
	switch y.SubsampleRatio {
	case image.YCbCrSubsampleRatio420:
	case image.YCbCrSubsampleRatio422:
		rows = 1
	default:
		return FromImage(y)
	}
	b := y.Rect
	w, h := b.Dx(), b.Dy()
	cw, ch := (w+1)/2, (h+1)/2
	out := New(w, h)
	cb, cr := make([]int32, w), make([]int32, w)
	for r := range h {
		if rows == 1 {
			o := y.COffset(b.Min.X, b.Min.Y+r)
			between(cb, y.Cb[o:o+cw])
			between(cr, y.Cr[o:o+cw])
		} else {
			// A row of pixels lies a quarter of a chroma row above or below the
			// centre of its own: weights 3/4 and 1/4 of the two nearest rows.
			near := r / 2
			far := min(max(near-1+2*(r&1), 0), ch-1)
			n, f := y.COffset(b.Min.X, b.Min.Y+2*near), y.COffset(b.Min.X, b.Min.Y+2*far)
			triangle(cb, y.Cb[n:n+cw], y.Cb[f:f+cw])
			triangle(cr, y.Cr[n:n+cw], y.Cr[f:f+cw])
		}
		row := out.Row(r)
		luma := y.Y[y.YOffset(b.Min.X, b.Min.Y+r):][:w]
		for x, v := range luma {
			l, u, v := int32(v), cb[x]-128, cr[x]-128
			// JFIF 1.02, section 7, in 16-bit fixed point.
			row[3*x] = clamp8(l + (91881*v+32768)>>16)
			row[3*x+1] = clamp8(l + (-22554*u-46802*v+32768)>>16)
			row[3*x+2] = clamp8(l + (116130*u+32768)>>16)
		}
	}
	return out
}

// triangle doubles a row of chroma samples, given the nearer and the farther of
// the two rows it lies between. The rounding alternates as in libjpeg, so that
// it has no bias.
func triangle(dst []int32, near, far []uint8) {
	last := len(near) - 1
	if last < 2 { // libjpeg replicates where there is too little to interpolate
		for x := range dst {
			dst[x] = int32(near[min(x/2, last)])
		}
		return
	}
	for i := range near {
		c := 3*int32(near[i]) + int32(far[i])
		l, r := c, c
		if i > 0 {
			l = 3*int32(near[i-1]) + int32(far[i-1])
		}
		if i < last {
			r = 3*int32(near[i+1]) + int32(far[i+1])
		}
		dst[2*i] = (3*c + l + 8) >> 4
		if 2*i+1 < len(dst) {
			dst[2*i+1] = (3*c + r + 7) >> 4
		}
	}
}

// between is triangle for chroma that has all its rows.
func between(dst []int32, row []uint8) {
	last := len(row) - 1
	if last < 2 {
		for x := range dst {
			dst[x] = int32(row[min(x/2, last)])
		}
		return
	}
	for i, c := range row {
		left, right := int32(c), int32(c)
		if i > 0 {
			left = (3*int32(c) + int32(row[i-1]) + 1) >> 2
		}
		if i < last {
			right = (3*int32(c) + int32(row[i+1]) + 2) >> 2
		}
		dst[2*i] = left
		if 2*i+1 < len(dst) {
			dst[2*i+1] = right
		}
	}
}

func clamp8(v int32) uint8 { return uint8(min(max(v, 0), 255)) }

// FromVP8 converts what a lossy WebP holds to RGB as libwebp does, bit by bit. It
// is BT.601 with luma in 16..235 (RFC 6386, section 9.2), whereas *image.YCbCr and
// with it package image take every YCbCr for JFIF's full range: whites would
// come out at 235. Chroma is interpolated with weights 9, 3, 3, 1 sixteenths.
func FromVP8(y *image.YCbCr) Image {
	w, h := y.Rect.Dx(), y.Rect.Dy()
	cw, ch := (w+1)/2, (h+1)/2
	out := New(w, h)
	u, v := make([]int32, w+2), make([]int32, w+2)
	for r := range h {
		near := r / 2
		far := min(max(near-1+2*(r&1), 0), ch-1)
		n, f := y.COffset(y.Rect.Min.X, y.Rect.Min.Y+2*near), y.COffset(y.Rect.Min.X, y.Rect.Min.Y+2*far)
		diagonal(u, y.Cb[n:n+cw], y.Cb[f:f+cw])
		diagonal(v, y.Cr[n:n+cw], y.Cr[f:f+cw])
		row := out.Row(r)
		for x, l := range y.Y[y.YOffset(y.Rect.Min.X, y.Rect.Min.Y+r):][:w] {
			// 14-bit fixed point after an 8-bit shift: 1.164, 1.596, .391, .813
			// and 2.018 times 2^14, the offsets folded into one constant.
			l := int32(l) * 19077 >> 8
			row[3*x] = clip14(l + v[x]*26149>>8 - 14234)
			row[3*x+1] = clip14(l - u[x]*6419>>8 - v[x]*13320>>8 + 8708)
			row[3*x+2] = clip14(l + u[x]*33050>>8 - 17685)
		}
	}
	return out
}

func clip14(v int32) uint8 { return uint8(min(max(v>>6, 0), 255)) }

// diagonal doubles a row of chroma: (9a + 3b + 3c + d + 8) / 16 of the four
// samples around, computed in libwebp's two steps, whose truncations differ from
// the plain quotient.
func diagonal(dst []int32, near, far []uint8) {
	last := len(near) - 1
	dst[0] = (3*int32(near[0]) + int32(far[0]) + 2) >> 2
	for i := range last {
		a, b := int32(near[i]), int32(near[i+1])
		c, d := int32(far[i]), int32(far[i+1])
		sum := a + b + c + d + 8
		dst[2*i+1] = ((sum+2*(b+c))>>3 + a) >> 1
		dst[2*i+2] = ((sum+2*(a+d))>>3 + b) >> 1
	}
	dst[2*last+1] = (3*int32(near[last]) + int32(far[last]) + 2) >> 2
}
