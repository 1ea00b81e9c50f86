package pix

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"io"
	"sync"

	"github.com/klauspost/compress/zlib"
)

// Colour types of PNG.
const (
	pngGray      = 0
	pngRGB       = 2
	pngPalette   = 3
	pngGrayAlpha = 4
	pngRGBA      = 6
)

// fastPNG decodes what nearly all files are: 8 bits a channel, not interlaced, without
// a transparent colour. It takes half the time of image/png, which a listing of small
// files is made of. ok is false for everything else and for everything damaged; then
// image/png decodes it, or says what is wrong.
func fastPNG(b []byte, most int64) (m Image, alpha, ok bool) {
	var w, h, kind int
	var palette, opacity []byte
	var data [][]byte
	size := 0
	for rest := b[8:]; ; {
		if len(rest) < 12 {
			return m, false, false
		}
		n := int(binary.BigEndian.Uint32(rest))
		if n < 0 || n > len(rest)-12 {
			return m, false, false
		}
		name, body := string(rest[4:8]), rest[8:8+n]
		if crc32.ChecksumIEEE(rest[4:8+n]) != binary.BigEndian.Uint32(rest[8+n:]) {
			return m, false, false
		}
		switch name {
		case "IHDR":
			if n != 13 || body[8] != 8 || body[10]|body[11]|body[12] != 0 {
				return m, false, false
			}
			w, h, kind = int(binary.BigEndian.Uint32(body)), int(binary.BigEndian.Uint32(body[4:])), int(body[9])
		case "PLTE":
			palette = body
		case "tRNS":
			opacity = body
		case "IDAT":
			data = append(data, body)
			size += n
		}
		if rest = rest[12+n:]; name == "IEND" {
			break
		}
	}
	channels := map[int]int{pngGray: 1, pngRGB: 3, pngPalette: 1, pngGrayAlpha: 2, pngRGBA: 4}[kind]
	switch {
	case channels == 0, w <= 0 || h <= 0 || int64(w)*int64(h) > most, opacity != nil && kind != pngPalette:
		return m, false, false
	case kind == pngPalette && (len(palette) == 0 || len(palette)%3 != 0 || len(palette) > 3*256 || 3*len(opacity) > len(palette)):
		return m, false, false
	case w*h*channels/1100 > size: // deflate packs 1032 to 1 at most: memory is not taken for less
		return m, false, false
	}
	stride := channels * w
	raw := pngRows.get((stride + 1) * h)
	defer pngRows.put(raw)
	if !inflate(raw, data) {
		return m, false, false
	}
	m = New(w, h)
	zero := make([]uint8, stride)
	above := zero
	for y := range h {
		line := raw[(stride+1)*y : (stride+1)*(y+1)]
		row := line[1:]
		if !unfilter(line[0], row, above, channels) {
			return m, false, false
		}
		above = row
		out := m.Row(y)
		switch kind {
		case pngRGB:
			copy(out, row)
		case pngGray:
			for x, v := range row {
				o := out[3*x : 3*x+3 : 3*x+3]
				o[0], o[1], o[2] = v, v, v
			}
		case pngGrayAlpha:
			for x := range w {
				v, a := row[2*x], row[2*x+1]
				if a != 255 {
					v, alpha = over(v, a), true
				}
				o := out[3*x : 3*x+3 : 3*x+3]
				o[0], o[1], o[2] = v, v, v
			}
		case pngRGBA:
			for x := range w {
				p, o := row[4*x:4*x+4:4*x+4], out[3*x:3*x+3:3*x+3]
				if o[0], o[1], o[2] = p[0], p[1], p[2]; p[3] != 255 {
					o[0], o[1], o[2] = over(p[0], p[3]), over(p[1], p[3]), over(p[2], p[3])
					alpha = true
				}
			}
		case pngPalette:
			for x, i := range row {
				if 3*int(i) >= len(palette) {
					return m, false, false
				}
				p, o := palette[3*int(i):][:3], out[3*x:3*x+3:3*x+3]
				if o[0], o[1], o[2] = p[0], p[1], p[2]; int(i) < len(opacity) && opacity[i] != 255 {
					a := opacity[i]
					o[0], o[1], o[2] = over(p[0], a), over(p[1], a), over(p[2], a)
					alpha = true
				}
			}
		}
	}
	return m, alpha, true
}

type bytePool struct{ sync.Pool }

func (p *bytePool) get(n int) []uint8 {
	if b, ok := p.Get().(*[]uint8); ok && cap(*b) >= n {
		return (*b)[:n]
	}
	return make([]uint8, n)
}

func (p *bytePool) put(b []uint8) { p.Put(&b) }

var (
	pngRows   bytePool
	inflaters sync.Pool // of io.ReadCloser that is a zlib.Resetter
)

// inflate fills dst from the parts of a zlib stream, which must end there.
func inflate(dst []uint8, parts [][]byte) bool {
	readers := make([]io.Reader, len(parts))
	for i, p := range parts {
		readers[i] = bytes.NewReader(p)
	}
	var src io.Reader
	if len(readers) == 1 {
		src = readers[0]
	} else {
		src = io.MultiReader(readers...)
	}
	z, ok := inflaters.Get().(io.ReadCloser)
	if ok {
		if z.(zlib.Resetter).Reset(src, nil) != nil {
			return false
		}
	} else {
		var err error
		if z, err = zlib.NewReader(src); err != nil {
			return false
		}
	}
	if _, err := io.ReadFull(z, dst); err != nil {
		return false
	}
	var end [1]byte
	if n, err := z.Read(end[:]); n != 0 || err != io.EOF { // the checksum holds
		return false
	}
	inflaters.Put(z)
	return true
}

// unfilter undoes a row's filter in place (PNG, second edition, 9.2).
func unfilter(filter uint8, row, above []uint8, channels int) bool {
	above = above[:len(row)]
	switch filter {
	case 0:
	case 1:
		for i := channels; i < len(row); i++ {
			row[i] += row[i-channels]
		}
	case 2:
		for i, v := range above {
			row[i] += v
		}
	case 3:
		for i := range channels {
			row[i] += above[i] / 2
		}
		for i := channels; i < len(row); i++ {
			row[i] += uint8((int(row[i-channels]) + int(above[i])) / 2)
		}
	case 4:
		if channels == 3 {
			paeth3(row, above)
			return true
		}
		for i := range channels {
			row[i] += above[i]
		}
		for i := channels; i < len(row); i++ {
			row[i] += paeth(int32(row[i-channels]), int32(above[i]), int32(above[i-channels]))
		}
	default:
		return false
	}
	return true
}

// paeth is the predictor: whichever of left, above and above left is nearest to
// left + above − above left. What it is cannot be foreseen, so there are no branches:
// each if is a conditional move.
func paeth(left, above, corner int32) uint8 {
	pa, pb := above-corner, left-corner
	pc := magnitude(pa + pb)
	pa, pb = magnitude(pa), magnitude(pb)
	if pb < pa {
		left = above
	}
	if pc < min(pa, pb) {
		left = corner
	}
	return uint8(left)
}

func magnitude(v int32) int32 {
	s := v >> 31
	return (v ^ s) - s
}

// paeth3Go is the filter for three channels from pixel n on; their chains run side by
// side.
func paeth3Go(row, above []uint8, n int) {
	var a0, a1, a2, c0, c1, c2 int32
	if n > 0 {
		a, c := row[3*n-3:], above[3*n-3:]
		a0, a1, a2 = int32(a[0]), int32(a[1]), int32(a[2])
		c0, c1, c2 = int32(c[0]), int32(c[1]), int32(c[2])
	}
	row, above = row[3*n:], above[3*n:]
	for len(row) >= 3 && len(above) >= 3 {
		b0, b1, b2 := int32(above[0]), int32(above[1]), int32(above[2])
		a0 = int32(row[0] + paeth(a0, b0, c0))
		a1 = int32(row[1] + paeth(a1, b1, c1))
		a2 = int32(row[2] + paeth(a2, b2, c2))
		row[0], row[1], row[2] = uint8(a0), uint8(a1), uint8(a2)
		c0, c1, c2 = b0, b1, b2
		row, above = row[3:], above[3:]
	}
}
