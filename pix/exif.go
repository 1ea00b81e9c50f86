package pix

import (
	"encoding/binary"
	"errors"
)

// Tags of TIFF 6.0, of which EXIF is a use.
const (
	tagCompression = 259
	tagFillOrder   = 266
	tagOrientation = 274
	tagSamples     = 277
	tagPlanar      = 284
	tagProfile     = 34675
)

// exifPrefix stands before EXIF in JPEG, and now and then elsewhere.
const exifPrefix = "Exif\x00\x00"

// tiffDir is the first directory of a TIFF structure.
type tiffDir struct {
	b       []byte
	order   binary.ByteOrder
	entries []byte // 12 bytes each
	next    uint32 // place of the second directory, 0 for none
}

func parseTIFF(b []byte) (tiffDir, error) {
	t := tiffDir{b: b}
	if len(b) < 8 {
		return t, errors.New("the file ends early")
	}
	switch string(b[:4]) {
	case "II*\x00":
		t.order = binary.LittleEndian
	case "MM\x00*":
		t.order = binary.BigEndian
	default:
		return t, errors.New("the byte order is not stated")
	}
	at := uint64(t.order.Uint32(b[4:]))
	if at+2 > uint64(len(b)) {
		return t, errors.New("the directory lies outside the file")
	}
	n := uint64(t.order.Uint16(b[at:]))
	if at+2+12*n > uint64(len(b)) {
		return t, errors.New("the directory lies outside the file")
	}
	t.entries = b[at+2:][:12*n]
	if rest := b[at+2+12*n:]; len(rest) >= 4 {
		t.next = t.order.Uint32(rest)
	}
	return t, nil
}

// number is the first value of a tag of whole numbers, 0 where there is none.
func (t tiffDir) number(tag uint16) int {
	for e := t.entries; len(e) >= 12; e = e[12:] {
		if t.order.Uint16(e) != tag {
			continue
		}
		switch t.order.Uint16(e[2:]) {
		case 1:
			return int(e[8])
		case 3:
			return int(t.order.Uint16(e[8:]))
		case 4:
			return int(t.order.Uint32(e[8:]))
		}
	}
	return 0
}

// orientation is 1 to 8; 1 where it is absent or impossible.
func (t tiffDir) orientation() int {
	if v := t.number(tagOrientation); v >= 1 && v <= 8 {
		return v
	}
	return 1
}

// bytes is the value of a tag of bytes, nil where there is none.
func (t tiffDir) bytes(tag uint16, most int) []byte {
	for e := t.entries; len(e) >= 12; e = e[12:] {
		if t.order.Uint16(e) != tag {
			continue
		}
		n, at := uint64(t.order.Uint32(e[4:])), uint64(t.order.Uint32(e[8:]))
		if n > 4 && n <= uint64(most) && at+n <= uint64(len(t.b)) {
			return t.b[at : at+n]
		}
	}
	return nil
}

// exifOrientation reads the orientation from an EXIF block; 1 where there is none.
func exifOrientation(b []byte) int {
	t, err := parseTIFF(b)
	if err != nil {
		return 1
	}
	return t.orientation()
}

// upright turns an image as EXIF's orientation says: 2 mirrored, 3 upside down, 4
// both, 5 transposed, 6 to be turned right, 7 transposed the other way, 8 to be
// turned left.
func upright(m Image, orientation int) Image {
	w, h := m.W, m.H
	if orientation >= 5 {
		w, h = h, w
	}
	out := New(w, h)
	for y := range m.H {
		row := m.Row(y)
		for x := range m.W {
			var u, v int
			switch orientation {
			case 2:
				u, v = m.W-1-x, y
			case 3:
				u, v = m.W-1-x, m.H-1-y
			case 4:
				u, v = x, m.H-1-y
			case 5:
				u, v = y, x
			case 6:
				u, v = m.H-1-y, x
			case 7:
				u, v = m.H-1-y, m.W-1-x
			case 8:
				u, v = y, m.W-1-x
			default:
				u, v = x, y
			}
			copy(out.Pix[3*(v*w+u):][:3], row[3*x:][:3])
		}
	}
	return out
}
