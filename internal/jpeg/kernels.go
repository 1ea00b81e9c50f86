package jpeg

import "encoding/binary"

// The kernels: conversion of colours, resampling of chroma, transforms of blocks.
// Those named …Go are plain; the exported ones use vectors where the machine has
// them and give the same integers.

// A Quantizer is a quantisation table at a quality, row by row; vectors read
// the fields in this order.
type Quantizer struct {
	step       [64]int32   // coefficients are multiples of it
	half       [64]int32   // what is added before dividing: half of 8·step, the forward DCT's scale
	reciprocal [64]float32 // of 8·step
}

// NewQuantizer prepares a table of steps, row by row.
func NewQuantizer(steps *[64]uint8) *Quantizer {
	t := new(Quantizer)
	for i, s := range steps {
		t.step[i] = int32(s)
		t.half[i] = 4 * int32(s)
		t.reciprocal[i] = 1 / float32(8*int32(s))
	}
	return t
}

// toYCCGo converts pixels to luma and chroma, with 16 bits of fraction.
func toYCCGo(y, cb, cr, rgb []uint8) {
	cb, cr = cb[:len(y)], cr[:len(y)]
	for i := range y {
		p := rgb[3*i : 3*i+3 : 3*i+3]
		r, g, b := int32(p[0]), int32(p[1]), int32(p[2])
		y[i] = uint8((19595*r + 38470*g + 7471*b + 1<<15) >> 16)
		cb[i] = uint8((-11059*r - 21709*g + 32768*b + 128<<16 + 1<<15 - 1) >> 16)
		cr[i] = uint8((32768*r - 27439*g - 5329*b + 128<<16 + 1<<15 - 1) >> 16)
	}
}

// toRGBGo converts back.
func toRGBGo(rgb, y, cb, cr []uint8) {
	cb, cr = cb[:len(y)], cr[:len(y)]
	for i, v := range y {
		u, b, r := int32(v), int32(cb[i])-128, int32(cr[i])-128
		p := rgb[3*i : 3*i+3 : 3*i+3]
		p[0] = byteOf(u + (91881*r+1<<15)>>16)
		p[1] = byteOf(u + (-22554*b-46802*r+1<<15)>>16)
		p[2] = byteOf(u + (116130*b+1<<15)>>16)
	}
}

func byteOf(v int32) uint8 {
	if uint32(v) <= 255 {
		return uint8(v)
	}
	if v < 0 {
		return 0
	}
	return 255
}

// halveGo averages 2×2 samples, rounding down and up in turn.
func halveGo(dst, a, b []uint8) {
	bias := uint32(1)
	for i := range dst {
		p, q := a[2*i:2*i+2:2*i+2], b[2*i:2*i+2:2*i+2]
		dst[i] = uint8((uint32(p[0]) + uint32(p[1]) + uint32(q[0]) + uint32(q[1]) + bias) >> 2)
		bias ^= 3
	}
}

// widenGo doubles a row between the row near it and the one that is far, by a
// triangle filter; sums has room for two more than the row.
func widenGo(dst, near, far []uint8, sums []uint16) {
	n := len(near)
	far = far[:n]
	mid := sums[1 : n+1]
	for i, v := range near {
		mid[i] = 3*uint16(v) + uint16(far[i])
	}
	sums[0], sums[n+1] = mid[0], mid[n-1]
	left, right := sums[:n], sums[2:n+2]
	for i, v := range mid {
		p := dst[2*i : 2*i+2 : 2*i+2]
		p[0], p[1] = uint8((3*v+left[i]+8)>>4), uint8((3*v+right[i]+7)>>4)
	}
}

// Constants of the DCT by Loeffler, Ligtenberg and Moschytz, with 13 bits of
// fraction.
const (
	dctBits  = 13
	passBits = 2 // of fraction kept between the passes

	c0298 = 2446
	c0390 = 3196
	c0541 = 4433
	c0765 = 6270
	c0899 = 7373
	c1175 = 9633
	c1501 = 12299
	c1847 = 15137
	c1961 = 16069
	c2053 = 16819
	c2562 = 20995
	c3072 = 25172
)

// roundTripBlocksGo sends a row of 8×8 blocks through DCT, quantisation and
// inverse DCT, in place.
func roundTripBlocksGo(v []uint8, stride, blocks int, q *Quantizer) {
	var m [64]int32
	for n := range blocks {
		at := v[8*n:]
		for y := range 8 {
			row := at[y*stride:][:8]
			o := m[8*y : 8*y+8 : 8*y+8]
			for x, p := range row {
				o[x] = int32(p) - 128
			}
		}
		for i := 0; i < 64; i += 8 {
			forward(m[i:i+8:i+8], 1, true)
		}
		for i := range 8 {
			forward(m[i:], 8, false)
		}
		rest := int32(0)
		for i, c := range m {
			s := c >> 31
			k := uint32((c^s)-s+q.half[i]) / uint32(2*q.half[i])
			d := (int32(k) ^ s) - s
			m[i] = d * q.step[i]
			if i > 0 {
				rest |= d
			}
		}
		if rest == 0 {
			p := byteOf((m[0]<<passBits+1<<(passBits+2))>>(passBits+3) + 128)
			for y := range 8 {
				row := at[y*stride:][:8]
				for x := range row {
					row[x] = p
				}
			}
			continue
		}
		for i := range 8 {
			inverse(m[i:], 8, dctBits-passBits)
		}
		for i := 0; i < 64; i += 8 {
			inverse(m[i:i+8:i+8], 1, dctBits+passBits+3)
		}
		for y := range 8 {
			row := at[y*stride:][:8]
			for x := range row {
				row[x] = byteOf(m[8*y+x] + 128)
			}
		}
	}
}

// inverseBlockGo transforms a block of coefficients back, row by row of dst.
func inverseBlockGo(dst []uint8, stride int, coef *[64]int16, q *[64]int32) {
	var m [64]int32
	for i, c := range coef {
		m[i] = int32(c) * q[i]
	}
	for i := range 8 {
		inverse(m[i:], 8, dctBits-passBits)
	}
	for i := 0; i < 64; i += 8 {
		inverse(m[i:i+8:i+8], 1, dctBits+passBits+3)
	}
	for y := range 8 {
		row := dst[y*stride:][:8]
		for x := range row {
			row[x] = byteOf(m[8*y+x] + 128)
		}
	}
}

// inverseBlock is inverseBlockGo by the fastest way; last is 0 where only the mean
// is left.
func inverseBlock(dst []uint8, stride int, coef *[64]int16, q *[64]int32, last int) {
	if last > 0 {
		inverseVector(dst, stride, coef, q)
		return
	}
	p := uint64(byteOf((int32(coef[0])*q[0]<<passBits+1<<(passBits+2))>>(passBits+3)+128)) * 0x0101010101010101
	for y := range 8 {
		binary.LittleEndian.PutUint64(dst[y*stride:], p)
	}
}

// stretchGo doubles a row by a triangle filter along it.
func stretchGo(dst, row []uint8) {
	last := len(row) - 1
	for i, v := range row {
		c, l, r := uint16(v), uint16(row[max(i-1, 0)]), uint16(row[min(i+1, last)])
		dst[2*i], dst[2*i+1] = uint8((3*c+l+1)>>2), uint8((3*c+r+2)>>2)
	}
}

// odd is the half that both transforms share.
func odd(t0, t1, t2, t3 int32) (int32, int32, int32, int32) {
	z1, z2, z3, z4 := t0+t3, t1+t2, t0+t2, t1+t3
	z5 := (z3 + z4) * c1175
	z1 *= -c0899
	z2 *= -c2562
	z3 = z3*-c1961 + z5
	z4 = z4*-c0390 + z5
	return t0*c0298 + z1 + z3, t1*c2053 + z2 + z4, t2*c3072 + z2 + z3, t3*c1501 + z1 + z4
}

// forward transforms eight values that lie step apart; the result is scaled by
// √8, and after the first of two passes by 2^passBits more.
func forward(m []int32, step int, first bool) {
	at := func(i int) *int32 { return &m[i*step] }
	d0, d1, d2, d3, d4, d5, d6, d7 := *at(0), *at(1), *at(2), *at(3), *at(4), *at(5), *at(6), *at(7)
	t0, t1, t2, t3 := d0+d7, d1+d6, d2+d5, d3+d4
	t4, t5, t6, t7 := odd(d3-d4, d2-d5, d1-d6, d0-d7)
	e0, e3, e1, e2 := t0+t3, t0-t3, t1+t2, t1-t2
	z := (e2 + e3) * c0541
	e3 = z + e3*c0765
	e2 = z - e2*c1847
	shift := dctBits + passBits
	if first {
		shift = dctBits - passBits
		*at(0), *at(4) = (e0+e1)<<passBits, (e0-e1)<<passBits
	} else {
		const round = 1 << (passBits - 1)
		*at(0), *at(4) = (e0+e1+round)>>passBits, (e0-e1+round)>>passBits
	}
	round := int32(1) << (shift - 1)
	*at(2), *at(6) = (e3+round)>>shift, (e2+round)>>shift
	*at(7), *at(5), *at(3), *at(1) = (t4+round)>>shift, (t5+round)>>shift, (t6+round)>>shift, (t7+round)>>shift
}

// inverse transforms back, dividing by 2^shift.
func inverse(m []int32, step, shift int) {
	at := func(i int) *int32 { return &m[i*step] }
	d0, d2, d4, d6 := *at(0), *at(2), *at(4), *at(6)
	z := (d2 + d6) * c0541
	e2, e3 := z-d6*c1847, z+d2*c0765
	e0, e1 := (d0+d4)<<dctBits, (d0-d4)<<dctBits
	round := int32(1) << (shift - 1)
	u0, u3, u1, u2 := e0+e3+round, e0-e3+round, e1+e2+round, e1-e2+round
	t0, t1, t2, t3 := odd(*at(7), *at(5), *at(3), *at(1))
	*at(0), *at(7) = (u0+t3)>>shift, (u0-t3)>>shift
	*at(1), *at(6) = (u1+t2)>>shift, (u1-t2)>>shift
	*at(2), *at(5) = (u2+t1)>>shift, (u2-t1)>>shift
	*at(3), *at(4) = (u3+t0)>>shift, (u3-t0)>>shift
}
