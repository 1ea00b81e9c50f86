// Package pix holds the one image type of vtbench and its conversions.
//
// Everything between a data set and a score works on [Image]: 8-bit sRGB,
// interleaved, no padding, no alpha. One type on purpose: the differences that
// make published numbers disagree (float or 8-bit, [0,1] or [-1,1], BGR or RGB,
// rounded or truncated) then have one place each, at the border, where they can
// be tested.
//
//	img, err := pix.Load("photo.jpg")
//	small, place := pix.Fit(img, 256)     // centred on black, as the tokenizer sees it
//	back := place.Restore(small)          // cropped and scaled back to the original size
package pix

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"image"
	"image/color"
	"slices"
)

// Image is an 8-bit sRGB image: interleaved R, G, B; row-major; no padding.
// len(Pix) is 3*W*H. The zero value is an empty image.
//
// An Image handed to another package is read-only by convention: who wants to
// change pixels takes a [Image.Clone].
type Image struct {
	W, H int
	Pix  []uint8
}

// New returns a black image of w by h pixels.
func New(w, h int) Image {
	return Image{W: w, H: h, Pix: make([]uint8, 3*w*h)}
}

// Empty reports whether the image has no pixels.
func (m Image) Empty() bool { return m.W <= 0 || m.H <= 0 }

// Validate checks that the sizes are positive and that Pix has 3*W*H bytes.
func (m Image) Validate() error {
	if m.W <= 0 || m.H <= 0 {
		return fmt.Errorf("image is %d×%d: both sides must be positive", m.W, m.H)
	}
	if want := 3 * m.W * m.H; len(m.Pix) != want {
		return fmt.Errorf("image is %d×%d RGB: want %d bytes, have %d", m.W, m.H, want, len(m.Pix))
	}
	return nil
}

// Clone returns a deep copy.
func (m Image) Clone() Image {
	return Image{W: m.W, H: m.H, Pix: slices.Clone(m.Pix)}
}

// Equal reports whether both images have the same size and the same pixels.
func (m Image) Equal(o Image) bool {
	return m.W == o.W && m.H == o.H && slices.Equal(m.Pix, o.Pix)
}

// Same reports whether both are one and the same buffer, which makes them equal
// without looking at a pixel.
func (m Image) Same(o Image) bool {
	return m.W == o.W && m.H == o.H && len(m.Pix) == len(o.Pix) && len(m.Pix) > 0 && &m.Pix[0] == &o.Pix[0]
}

// Row returns the bytes of row y, sharing memory with the image.
func (m Image) Row(y int) []uint8 { return m.Pix[3*m.W*y : 3*m.W*(y+1)] }

// At8 returns the pixel at x, y.
func (m Image) At8(x, y int) (r, g, b uint8) {
	p := m.Pix[3*(y*m.W+x):]
	return p[0], p[1], p[2]
}

// Crop returns a copy of the part of r that lies inside the image; it is empty
// where r and the image do not meet.
func (m Image) Crop(r image.Rectangle) Image {
	r = r.Intersect(image.Rect(0, 0, m.W, m.H))
	if r.Empty() {
		return Image{}
	}
	out := New(r.Dx(), r.Dy())
	for y := range out.H {
		copy(out.Row(y), m.Row(r.Min.Y + y)[3*r.Min.X:])
	}
	return out
}

// Digest is the hex SHA-256 of the size and the pixels.
func (m Image) Digest() string {
	h := sha256.New()
	var size [16]byte
	binary.LittleEndian.PutUint64(size[:8], uint64(m.W))
	binary.LittleEndian.PutUint64(size[8:], uint64(m.H))
	h.Write(size[:])
	h.Write(m.Pix)
	return hex.EncodeToString(h.Sum(nil))
}

// FromImage converts any image to sRGB bytes. Transparent pixels are
// composited on black, since a tokenizer sees no alpha; 16-bit channels are rounded
// to nearest. JPEG files are not for it: see package internal/jpeg.
func FromImage(src image.Image) Image {
	m, _ := convert(src)
	return m
}

// convert is FromImage, and says whether any pixel was transparent.
func convert(src image.Image) (out Image, alpha bool) {
	b := src.Bounds()
	out = New(b.Dx(), b.Dy())
	switch s := src.(type) {
	case *image.RGBA:
		for y := range out.H {
			row, from := out.Row(y), s.Pix[s.PixOffset(b.Min.X, b.Min.Y+y):]
			for x := range out.W {
				p := from[4*x : 4*x+4 : 4*x+4]
				row[3*x], row[3*x+1], row[3*x+2] = p[0], p[1], p[2] // premultiplied is composited on black
				alpha = alpha || p[3] != 255
			}
		}
	case *image.NRGBA:
		for y := range out.H {
			row, from := out.Row(y), s.Pix[s.PixOffset(b.Min.X, b.Min.Y+y):]
			for x := range out.W {
				p := from[4*x : 4*x+4 : 4*x+4]
				o := row[3*x : 3*x+3 : 3*x+3]
				if o[0], o[1], o[2] = p[0], p[1], p[2]; p[3] != 255 {
					o[0], o[1], o[2] = over(p[0], p[3]), over(p[1], p[3]), over(p[2], p[3])
					alpha = true
				}
			}
		}
	case *image.Paletted:
		var colours [256][3]uint8
		for i, c := range s.Palette {
			n := color.NRGBAModel.Convert(c).(color.NRGBA)
			if i < 256 {
				colours[i] = [3]uint8{over(n.R, n.A), over(n.G, n.A), over(n.B, n.A)}
			}
		}
		for y := range out.H {
			row, from := out.Row(y), s.Pix[s.PixOffset(b.Min.X, b.Min.Y+y):]
			for x := range out.W {
				copy(row[3*x:3*x+3], colours[from[x]][:])
				if int(from[x]) < len(s.Palette) {
					_, _, _, a := s.Palette[from[x]].RGBA()
					alpha = alpha || a != 0xffff
				}
			}
		}
	case *image.Gray:
		for y := range out.H {
			row, from := out.Row(y), s.Pix[s.PixOffset(b.Min.X, b.Min.Y+y):]
			for x := range out.W {
				v := from[x]
				row[3*x], row[3*x+1], row[3*x+2] = v, v, v
			}
		}
	case *image.NRGBA64: // its RGBA() cuts off
		for y := range out.H {
			row, from := out.Row(y), s.Pix[s.PixOffset(b.Min.X, b.Min.Y+y):]
			for x := range out.W {
				p := from[8*x : 8*x+8 : 8*x+8]
				a := binary.BigEndian.Uint16(p[6:])
				for c := range 3 {
					row[3*x+c] = over16(binary.BigEndian.Uint16(p[2*c:]), a)
				}
				alpha = alpha || a != 0xffff
			}
		}
	default:
		for y := range out.H {
			row := out.Row(y)
			for x := range out.W {
				r, g, bl, a := src.At(b.Min.X+x, b.Min.Y+y).RGBA()
				row[3*x], row[3*x+1], row[3*x+2] = round16(r), round16(g), round16(bl)
				alpha = alpha || a != 0xffff
			}
		}
	}
	return out, alpha
}

// over is a value of a channel composited on black.
func over(v, alpha uint8) uint8 { return uint8((int(v)*int(alpha) + 127) / 255) }

// over16 is the same for 16 bits, rounded once.
func over16(v, alpha uint16) uint8 {
	const whole = 65535 * 65535
	return uint8((uint64(v)*uint64(alpha)*255 + whole/2) / whole)
}

// round16 maps 0..65535 to 0..255, to nearest.
func round16(v uint32) uint8 { return uint8((v*255 + 32767) / 65535) }

// RGBA returns the image as an opaque *image.RGBA copy, for encoders.
func (m Image) RGBA() *image.RGBA {
	out := image.NewRGBA(image.Rect(0, 0, m.W, m.H))
	for i, j := 0, 0; i < len(m.Pix); i, j = i+3, j+4 {
		out.Pix[j], out.Pix[j+1], out.Pix[j+2], out.Pix[j+3] = m.Pix[i], m.Pix[i+1], m.Pix[i+2], 255
	}
	return out
}
