package pix

import "image"

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
