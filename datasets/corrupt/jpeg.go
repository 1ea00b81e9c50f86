package corrupt

import (
	"math"

	"github.com/vtbench/vtbench/internal/jpeg"
)

// jpegCompression is what an image looks like after libjpeg has compressed it at
// a quality, with chroma at half size, and has decompressed it: conversion,
// halving, DCT, quantisation and all the way back, with libjpeg's integer
// arithmetic (jccolor.c, jcsample.c, jfdctint.c, jcdctmgr.c, jidctint.c,
// jdsample.c, jdcolor.c), so that the pixels are those of Pillow with
// libjpeg-turbo. Entropy coding loses nothing and is left out.
func jpegCompression(j *job) {
	quality := min(max(int(math.Floor(j.amount+0.5)), 1), 100)
	w, h := j.in.W, j.in.H
	luma, chroma := newQuantTable(&lumaTable, quality), newQuantTable(&chromaTable, quality)

	// Planes of whole blocks; samples beyond the image repeat its edge.
	cw, ch := (w+1)/2, (h+1)/2
	y := newBlockPlane(w, h)
	cb, cr := newBlockPlane(cw, ch), newBlockPlane(cw, ch)
	defer y.release()
	defer cb.release()
	defer cr.release()

	// Two rows of either chroma before it is halved or after it is doubled; 32
	// samples more are room for its whole blocks, and for kernels that write ahead.
	even := 2 * cw
	full := bytes8.get(4 * (even + 32))
	defer bytes8.put(full)
	row := func(i int) []uint8 { return full[i*(even+32):][:even+32] }
	for v := range ch {
		for k := range 2 {
			i := min(2*v+k, h-1)
			to := y.row(2*v + k)
			if 2*v+k >= y.h { // an odd last row counts twice in chroma
				to = row(2*k + 1)[:w] // overwritten below
			}
			jpeg.ToYCC(to[:w], row(2 * k)[:w], row(2*k + 1)[:w], j.in.Row(i))
			// The edge is repeated before it is halved, where rounding goes up and down.
			repeat(row(2 * k)[:2*cb.w], w)
			repeat(row(2*k + 1)[:2*cb.w], w)
		}
		jpeg.Halve(cb.row(v), row(0)[:2*cb.w], row(2)[:2*cb.w])
		jpeg.Halve(cr.row(v), row(1)[:2*cb.w], row(3)[:2*cb.w])
	}
	for v := range h {
		repeat(y.row(v), w)
	}
	y.extend(h)
	cb.extend(ch)
	cr.extend(ch)

	y.roundTrip(luma)
	cb.roundTrip(chroma)
	cr.roundTrip(chroma)

	sums := shorts.get(cw + 2 + 32)
	defer shorts.put(sums)
	line := bytes8.get(3*w + 32)
	defer bytes8.put(line)
	for v := range h {
		near := v / 2
		far := clamped(near+2*(v%2)-1, ch)
		for k, c := range [2]*blockPlane{cb, cr} {
			if cw > 2 {
				jpeg.Widen(row(k)[:even], c.row(near)[:cw], c.row(far)[:cw], sums)
				continue
			}
			for x := range even { // libjpeg does not smooth what is this narrow
				row(k)[x] = c.row(near)[x/2]
			}
		}
		jpeg.ToRGB(line[:3*w], y.row(v)[:w], row(0)[:w], row(1)[:w])
		copy(j.out.Row(v), line)
	}
}

// A blockPlane is one component, in whole blocks.
type blockPlane struct {
	w, h int // multiples of 8
	v    []uint8
}

func newBlockPlane(w, h int) *blockPlane {
	p := &blockPlane{w: (w + 7) &^ 7, h: (h + 7) &^ 7}
	p.v = bytes8.get(p.w*p.h + 32)
	return p
}

func (p *blockPlane) release() { bytes8.put(p.v) }

func (p *blockPlane) row(y int) []uint8 {
	if y >= p.h {
		return nil
	}
	return p.v[y*p.w : (y+1)*p.w]
}

// extend repeats the last of the h rows that are there.
func (p *blockPlane) extend(h int) {
	for y := h; y < p.h; y++ {
		copy(p.row(y), p.row(h-1))
	}
}

// repeat fills a row from sample n on with the one before.
func repeat(row []uint8, n int) {
	for i := n; i < len(row); i++ {
		row[i] = row[n-1]
	}
}

func (p *blockPlane) roundTrip(q *jpeg.Quantizer) {
	for y := 0; y < p.h; y += 8 {
		jpeg.RoundTrip(p.v[y*p.w:], p.w, p.w/8, q)
	}
}

// Tables of the JPEG standard, ITU-T T.81, K.1 and K.2.
var (
	lumaTable = [64]uint8{
		16, 11, 10, 16, 24, 40, 51, 61,
		12, 12, 14, 19, 26, 58, 60, 55,
		14, 13, 16, 24, 40, 57, 69, 56,
		14, 17, 22, 29, 51, 87, 80, 62,
		18, 22, 37, 56, 68, 109, 103, 77,
		24, 35, 55, 64, 81, 104, 113, 92,
		49, 64, 78, 87, 103, 121, 120, 101,
		72, 92, 95, 98, 112, 100, 103, 99,
	}
	chromaTable = [64]uint8{
		17, 18, 24, 47, 99, 99, 99, 99,
		18, 21, 26, 66, 99, 99, 99, 99,
		24, 26, 56, 99, 99, 99, 99, 99,
		47, 66, 99, 99, 99, 99, 99, 99,
		99, 99, 99, 99, 99, 99, 99, 99,
		99, 99, 99, 99, 99, 99, 99, 99,
		99, 99, 99, 99, 99, 99, 99, 99,
		99, 99, 99, 99, 99, 99, 99, 99,
	}
)

func newQuantTable(base *[64]uint8, quality int) *jpeg.Quantizer {
	scale := 200 - 2*quality
	if quality < 50 {
		scale = 5000 / quality
	}
	var steps [64]uint8
	for i, v := range base {
		steps[i] = uint8(min(max((int(v)*scale+50)/100, 1), 255))
	}
	return jpeg.NewQuantizer(&steps)
}
