package corrupt

import "math"

// brightnessScale multiplies every sample (torchvision's adjust_brightness).
func brightnessScale(j *job) {
	var t [256]uint8
	for v := range t {
		t[v] = cut64(float64(float64(v) * j.amount))
	}
	for i, v := range j.in.Pix {
		j.out.Pix[i] = t[v]
	}
}

// contrastScale pulls samples towards, or away from, the image's mean luma
// (torchvision's adjust_contrast).
func contrastScale(j *job) {
	var sum uint64
	for p := j.in.Pix; len(p) >= 3; p = p[3:] {
		sum += uint64(luma(p[0], p[1], p[2]))
	}
	mean := float64(sum) / (float64(j.in.W) * float64(j.in.H))
	var t [256]uint8
	for v := range t {
		t[v] = cut64(float64(float64(v)*j.amount) + float64((1-j.amount)*mean))
	}
	for i, v := range j.in.Pix {
		j.out.Pix[i] = t[v]
	}
}

// luma is torchvision's rgb_to_grayscale, cut off.
func luma(r, g, b uint8) uint8 {
	return uint8((2989*uint32(r) + 5870*uint32(g) + 1140*uint32(b)) / 10000)
}

// saturationScale blends with, or away from, the pixel's luma (torchvision's
// adjust_saturation); 0 is gray, 1 the image.
func saturationScale(j *job) {
	a := int64(math.Floor(float64(j.amount*65536) + 0.5))
	for i := 0; i+2 < len(j.in.Pix); i += 3 {
		p, o := j.in.Pix[i:i+3:i+3], j.out.Pix[i:i+3:i+3]
		gray := int64(luma(p[0], p[1], p[2])) * (65536 - a)
		for c, v := range p {
			o[c] = uint8(min(max((int64(v)*a+gray)>>16, 0), 255))
		}
	}
}

// hueShift turns H of HSV by a share of the circle (torchvision's adjust_hue).
// Hue is kept as a sector and a position between two channels, so that only the
// middle channel needs arithmetic.
func hueShift(j *job) {
	shift := j.amount - math.Floor(j.amount)
	for i := 0; i+2 < len(j.in.Pix); i += 3 {
		p, o := j.in.Pix[i:i+3:i+3], j.out.Pix[i:i+3:i+3]
		o[0], o[1], o[2] = turn(p[0], p[1], p[2], shift*6)
	}
}

// turn rotates a colour's hue by sixths of a circle, 0 to 6.
func turn(r, g, b uint8, sixths float64) (uint8, uint8, uint8) {
	top, low := max(r, g, b), min(r, g, b)
	if top == low {
		return r, g, b
	}
	d := float64(top) - float64(low)
	var h float64
	switch top {
	case r:
		h = (float64(g) - float64(b)) / d
	case g:
		h = 2 + (float64(b)-float64(r))/d
	default:
		h = 4 + (float64(r)-float64(g))/d
	}
	h += sixths
	if h < 0 {
		h += 6
	}
	if h >= 6 {
		h -= 6
	}
	sector := min(int(h), 5)
	f := h - float64(sector)
	// torchvision multiplies by 255.999 and cuts off, since its 0.15.
	const bytes = 255.999 / 255
	rise := uint8(float64((float64(low) + float64(d*f)) * bytes))
	fall := uint8(float64((float64(top) - float64(d*f)) * bytes))
	switch sector {
	case 0:
		return top, rise, low
	case 1:
		return fall, top, low
	case 2:
		return low, top, rise
	case 3:
		return low, fall, top
	case 4:
		return rise, low, top
	}
	return top, low, fall
}

// horizontalMotion averages over a row of pixels around each, edges mirrored
// (OpenCV's filter2D with a kernel of one row). A kernel of even width reaches
// one further to the left.
func horizontalMotion(j *job) {
	n := max(int(math.Floor(float64(j.amount*j.scale)+0.5)), 1)
	left := n / 2
	w := j.in.W
	recip := (1<<40 + uint64(n) - 1) / uint64(n)
	for y := range j.in.H {
		in, out := j.in.Row(y), j.out.Row(y)
		var sum [3]uint64
		for k := -left; k < n-left; k++ {
			p := in[3*mirrored(k, w):][:3]
			sum[0] += uint64(p[0])
			sum[1] += uint64(p[1])
			sum[2] += uint64(p[2])
		}
		for x := range w {
			o := out[3*x : 3*x+3 : 3*x+3]
			half := uint64(n / 2)
			o[0], o[1], o[2] = uint8((sum[0]+half)*recip>>40), uint8((sum[1]+half)*recip>>40), uint8((sum[2]+half)*recip>>40)
			add, sub := in[3*mirrored(x+n-left, w):][:3], in[3*mirrored(x-left, w):][:3]
			for c := range sum {
				sum[c] += uint64(add[c]) - uint64(sub[c])
			}
		}
	}
}
