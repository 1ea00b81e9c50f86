package corrupt

import "math"

// brightness adds to V of HSV, which scales a pixel so that its largest channel
// gains the amount.
func brightness(j *job) {
	// table[max][v]: channel v of a pixel whose largest channel is max.
	table := shorts.get(1 << 16)
	defer shorts.put(table)
	for top := range 256 {
		to := min(float64(top)/255+j.amount, 1)
		for v := range top + 1 {
			share := 1.0
			if top > 0 {
				share = float64(v) / float64(top)
			}
			exact := float64(float64(to*share) * 255)
			table[top<<8|v] = uint16(cut64(exact))
			if near := exact - math.Floor(exact+0.5); near > -1e-9 && near < 1e-9 && exact > 0.5 {
				table[top<<8|v] |= doubtful
			}
		}
	}
	add := hsvChange{gain: 1, value: j.amount}
	in := j.in.Pix[:len(j.out.Pix)]
	for i := 0; i+2 < len(in); i += 3 {
		r, g, b := in[i], in[i+1], in[i+2]
		t := table[int(max(r, g, b))<<8:][:256]
		o := j.out.Pix[i : i+3 : i+3]
		c, m, y := t[r], t[g], t[b]
		if (c|m|y)&doubtful != 0 {
			o[0], o[1], o[2] = add.apply(r, g, b)
			continue
		}
		o[0], o[1], o[2] = uint8(c), uint8(m), uint8(y)
	}
}

// doubtful marks table entries so near to a whole number that upstream's rounding
// errors decide which one comes out.
const doubtful = 1 << 8

// hsvChange is a change in HSV: S becomes S·gain + offset, V becomes V + value,
// both clipped.
type hsvChange struct{ gain, offset, value float64 }

// apply goes through HSV in float64, operation by operation as scikit-image's
// rgb2hsv and hsv2rgb do, so that it loses a gray level where they lose one.
func (c hsvChange) apply(r8, g8, b8 uint8) (uint8, uint8, uint8) {
	r, g, b := float64(r8)/255, float64(g8)/255, float64(b8)/255
	v := max(r, g, b)
	delta := v - min(r, g, b)
	h, s := 0.0, 0.0
	if delta > 0 {
		s = delta / v
		switch v {
		case b:
			h = 4 + (r-g)/delta
		case g:
			h = 2 + (b-r)/delta
		default:
			h = (g - b) / delta
		}
		if h /= 6; h < 0 {
			h++
		}
		if h >= 1 {
			h--
		}
	}
	s = min(max(float64(s*c.gain)+c.offset, 0), 1)
	v = min(max(v+c.value, 0), 1)
	h = float64(h * 6)
	sector := math.Floor(h)
	f := h - sector
	p := cut64(float64(float64(v*(1-s)) * 255))
	q := cut64(float64(float64(v*(1-float64(f*s))) * 255))
	t := cut64(float64(float64(v*(1-float64((1-f)*s))) * 255))
	w := cut64(float64(v * 255))
	switch int(sector) {
	case 1:
		return q, w, p
	case 2:
		return p, w, t
	case 3:
		return p, q, w
	case 4:
		return t, p, w
	case 5:
		return w, p, q
	}
	return w, t, p
}

// cut64 is cut for float64.
func cut64(v float64) uint8 {
	if v >= 255 {
		return 255
	}
	if v > 0 {
		return uint8(v)
	}
	return 0
}

// contrast pulls every channel towards its mean over the image; amount is what
// remains of the distance.
func contrast(j *job) {
	var sum [3]uint64
	for p := j.in.Pix; len(p) >= 3; p = p[3:] {
		sum[0] += uint64(p[0])
		sum[1] += uint64(p[1])
		sum[2] += uint64(p[2])
	}
	var table [3][256]uint8
	n := float64(j.in.W) * float64(j.in.H)
	for c := range table {
		mean := float64(sum[c]) / n / 255
		for v := range table[c] {
			table[c][v] = cut64(float64((float64((float64(v)/255-mean)*j.amount) + mean) * 255))
		}
	}
	for i := 0; i+2 < len(j.in.Pix); i += 3 {
		p, o := j.in.Pix[i:i+3:i+3], j.out.Pix[i:i+3:i+3]
		o[0], o[1], o[2] = table[0][p[0]], table[1][p[1]], table[2][p[2]]
	}
}

// saturateParams: S of HSV becomes S·gain + offset, clipped.
var saturateParams = [Severities]struct{ gain, offset float64 }{{.3, 0}, {.1, 0}, {2, 0}, {5, .1}, {20, .2}}

// saturate changes S of HSV. With hue and value kept, a channel x of a pixel of
// value v and range δ becomes v − k·(v−x) with k = v·S'/δ, which has few enough
// values for a table. A gray pixel has hue 0 by convention, so that severities 4
// and 5 turn it reddish.
func saturate(j *job) {
	p := saturateParams[j.sev]
	change := hsvChange{gain: p.gain, offset: p.offset}
	var lost, tint [256]uint8 // of a gray pixel: red; green and blue
	for v := range lost {
		lost[v], tint[v], _ = change.apply(uint8(v), uint8(v), uint8(v))
		if j.gray {
			tint[v] = lost[v]
		}
	}
	// table[max][δ] = k in 2^-24.
	table := ints.get(1 << 16)
	defer ints.put(table)
	const one = 1 << 24
	const full = 1 << 31 // marks S' = 1, which makes the smallest channel 0
	for top := range 256 {
		v := float64(top)
		for d := 1; d <= top; d++ {
			s := float64(float64(d)/v*p.gain) + p.offset
			k := uint32(math.Floor(float64(float64(v*min(s, 1)/float64(d))*one) + 0.5))
			if s >= 1 {
				k |= full
			}
			table[top<<8|d] = k
		}
	}
	for i := 0; i+2 < len(j.in.Pix); i += 3 {
		q, o := j.in.Pix[i:i+3:i+3], j.out.Pix[i:i+3:i+3]
		r, g, b := q[0], q[1], q[2]
		top := max(r, g, b)
		d := top - min(r, g, b)
		if d == 0 {
			o[0], o[1], o[2] = lost[top], tint[top], tint[top]
			continue
		}
		k := table[int(top)<<8|int(d)]
		t := int64(top) * one
		// The largest channel, and the smallest at full saturation, are known; the
		// others are looked at more closely when they are almost whole numbers.
		sure := true
		channel := func(x uint8) uint8 {
			below := top - x
			switch {
			case below == 0:
				return lost[top]
			case below == d && k&full != 0:
				return 0
			}
			s := t - int64(k&^full)*int64(below)
			if (s+256)&(one-1) < 512 {
				sure = false
			}
			return uint8(s >> 24)
		}
		o[0], o[1], o[2] = channel(r), channel(g), channel(b)
		if !sure {
			o[0], o[1], o[2] = change.apply(r, g, b)
		}
	}
}

// pixelate shrinks by averaging and enlarges by repeating (Pillow's BOX and
// NEAREST, bit by bit); amount is the ratio of the sizes.
func pixelate(j *job) {
	ratio := j.amount
	if j.scale != 1 {
		ratio = min(ratio/j.scale, 1)
	}
	w, h := j.in.W, j.in.H
	sw := max(int(float64(w)*ratio), 1)
	sh := max(int(float64(h)*ratio), 1)
	// Pillow averages along the rows first and rounds to 8 bits between the passes.
	kx, ky := newBoxKernel(w, sw), newBoxKernel(h, sh)
	tall := bytes8.get(3 * sw * h)
	defer bytes8.put(tall)
	for y := range h {
		kx.alongRow(tall[3*sw*y:][:3*sw], j.in.Row(y))
	}
	columns, rows := nearest(sw, w), nearest(sh, h)
	small := bytes8.get(3 * sw)
	defer bytes8.put(small)
	acc := ints.get(3 * sw)
	defer ints.put(acc)
	last := -1
	for y := range h {
		s := rows[y]
		out := j.out.Row(y)
		if s == last {
			copy(out, j.out.Row(y-1))
			continue
		}
		last = s
		ky.downColumns(small, tall, acc, s, 3*sw)
		for x, i := range columns {
			i *= 3
			p, o := small[i:i+3:i+3], out[3*x:3*x+3:3*x+3]
			o[0], o[1], o[2] = p[0], p[1], p[2]
		}
	}
}

// nearest says which of n samples each of m shows, with Pillow's running sum and
// its rounding errors (src/libImaging/Geometry.c, ImagingScaleAffine).
func nearest(n, m int) []int {
	at := make([]int, m)
	step := float64(n) / float64(m)
	p := float64(step * 0.5)
	for i := range at {
		at[i] = min(int(p), n-1)
		p += step
	}
	return at
}

// A boxKernel is Pillow's box filter from n to fewer samples in its fixed point
// (python-pillow/Pillow, src/libImaging/Resample.c): the samples whose centres
// lie within half a step of the target's, with equal weights.
type boxKernel struct {
	first, count []int
	weight       []uint32 // of 2^22
}

const (
	boxBits = 32 - 8 - 2
	boxHalf = 1 << (boxBits - 1)
)

func newBoxKernel(n, out int) boxKernel {
	k := boxKernel{make([]int, out), make([]int, out), make([]uint32, out)}
	scale := float64(n) / float64(out)
	support := float64(0.5 * scale)
	inverse := 1 / scale
	for i := range out {
		centre := float64((float64(i) + 0.5) * scale)
		lo := max(int(centre-support+0.5), 0)
		hi := min(int(centre+support+0.5), n)
		first, count := lo, 0
		for x := lo; x < hi; x++ {
			at := float64((float64(x) - centre + 0.5) * inverse)
			if at > -0.5 && at <= 0.5 {
				if count == 0 {
					first = x
				}
				count++
			}
		}
		k.first[i], k.count[i] = first, max(count, 1)
		k.weight[i] = uint32(0.5 + float64(1/float64(k.count[i])*(1<<boxBits)))
	}
	return k
}

func (k boxKernel) alongRow(dst, row []uint8) {
	for i, n := range k.count {
		p := row[3*k.first[i] : 3*(k.first[i]+n)]
		w := k.weight[i]
		o := dst[3*i : 3*i+3 : 3*i+3]
		switch {
		case n == 1:
			o[0], o[1], o[2] = p[0], p[1], p[2]
			continue
		case n == 2 && len(p) >= 6: // the mildest severities have little else
			o[0] = uint8((uint32(p[0]) + uint32(p[3]) + 1) >> 1)
			o[1] = uint8((uint32(p[1]) + uint32(p[4]) + 1) >> 1)
			o[2] = uint8((uint32(p[2]) + uint32(p[5]) + 1) >> 1)
			continue
		}
		var r, g, b uint32
		for ; len(p) >= 3; p = p[3:] {
			r += uint32(p[0])
			g += uint32(p[1])
			b += uint32(p[2])
		}
		o[0], o[1], o[2] = uint8((r*w+boxHalf)>>boxBits), uint8((g*w+boxHalf)>>boxBits), uint8((b*w+boxHalf)>>boxBits)
	}
}

func (k boxKernel) downColumns(dst, src []uint8, acc []uint32, i, stride int) {
	y, n, w := k.first[i], k.count[i], k.weight[i]
	dst = dst[:len(acc)]
	a := src[y*stride:][:len(acc)]
	switch n {
	case 1:
		copy(dst, a)
		return
	case 2:
		b := src[(y+1)*stride:][:len(acc)]
		for x, v := range a {
			dst[x] = uint8((uint32(v) + uint32(b[x]) + 1) >> 1)
		}
		return
	}
	for x, v := range a {
		acc[x] = uint32(v)
	}
	for ; n > 1; n-- {
		y++
		for x, v := range src[y*stride:][:len(acc)] {
			acc[x] += uint32(v)
		}
	}
	for x, v := range acc {
		dst[x] = uint8((v*w + boxHalf) >> boxBits)
	}
}
