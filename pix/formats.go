package pix

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"image"
	"image/gif"
	"image/png"
	"io"
	"slices"
	"strings"

	"golang.org/x/image/bmp"
	"golang.org/x/image/tiff"
	"golang.org/x/image/webp"

	"github.com/vtbench/vtbench/internal/jpeg"
)

// A format is a kind of image file.
type format struct {
	name   string
	is     func(b []byte) bool
	decode func(b []byte, x *extracted) (Image, error)
}

// extracted is what is found in a file beside pixels.
type extracted struct {
	most        int64 // pixels that are accepted
	orientation int
	profile     []byte
	notes       map[Note]bool
}

func (x *extracted) note(n Note) {
	if x.notes == nil {
		x.notes = map[Note]bool{}
	}
	x.notes[n] = true
}

func begins(prefixes ...string) func([]byte) bool {
	return func(b []byte) bool {
		return slices.ContainsFunc(prefixes, func(p string) bool { return bytes.HasPrefix(b, []byte(p)) })
	}
}

var formats = []format{
	{"png", begins("\x89PNG\r\n\x1a\n"), decodePNG},
	{"jpeg", begins("\xff\xd8\xff"), decodeJPEG},
	{"gif", begins("GIF87a", "GIF89a"), decodeGIF},
	{"bmp", begins("BM"), decodeBMP},
	{"tiff", begins("II*\x00", "MM\x00*"), decodeTIFF},
	{"webp", isWebP, decodeWebP},
	{"pnm", isPNM, decodePNM},
}

func isWebP(b []byte) bool {
	return len(b) >= 12 && string(b[:4]) == "RIFF" && string(b[8:12]) == "WEBP"
}

// refused are formats that are known, but not read.
var refused = []struct {
	name string
	is   func([]byte) bool
}{
	{"AVIF", brand("avif", "avis")},
	{"HEIF", brand("heic", "heix", "heim", "heis", "hevc", "mif1", "msf1")},
	{"JPEG XL", begins("\xff\x0a", "\x00\x00\x00\x0cJXL ")},
	{"JPEG 2000", begins("\x00\x00\x00\x0cjP  ", "\xff\x4f\xff\x51")},
	{"BigTIFF", begins("II+\x00", "MM\x00+")},
	{"PAM", begins("P7\n")},
	{"Photoshop", begins("8BPS")},
	{"OpenEXR", begins("v/1\x01")},
	{"PDF", begins("%PDF")},
	{"SVG or XML", begins("<svg", "<?xml")},
	{"a Git LFS pointer (the image itself was not fetched: git lfs pull)", begins("version https://git-lfs")},
	{"a web page (a download that failed?)", begins("<!DOCTYPE", "<!doctype", "<html", "<HTML")},
}

func brand(names ...string) func([]byte) bool {
	return func(b []byte) bool {
		return len(b) >= 12 && string(b[4:8]) == "ftyp" && slices.Contains(names, string(b[8:12]))
	}
}

func formatOf(b []byte) (format, error) {
	for _, f := range formats {
		if f.is(b) {
			return f, nil
		}
	}
	const read = "PNG, JPEG, GIF, BMP, TIFF, WebP and PPM, PGM, PBM are read"
	if len(b) == 0 {
		return format{}, errors.New("the file is empty")
	}
	for _, f := range refused {
		if f.is(b) {
			return format{}, fmt.Errorf("it is %s, which is not read; convert it: %s", f.name, read)
		}
	}
	return format{}, fmt.Errorf("its bytes are those of no image that is known: %s", read)
}

// sized checks the size that a header claims before pixels are decoded.
func (x *extracted) sized(w, h int) error {
	if w <= 0 || h <= 0 {
		return fmt.Errorf("the header says %d×%d", w, h)
	}
	if int64(w)*int64(h) > x.most {
		return fmt.Errorf("the header says %d×%d, more than the %g megapixels accepted", w, h, float64(x.most)/1e6)
	}
	return nil
}

// generic decodes with a package of the image.Image kind.
func generic(b []byte, x *extracted, config func(io.Reader) (image.Config, error), decode func(io.Reader) (image.Image, error)) (Image, error) {
	cfg, err := config(bytes.NewReader(b))
	if err != nil {
		return Image{}, fmt.Errorf("reading the header: %w", err)
	}
	if err := x.sized(cfg.Width, cfg.Height); err != nil {
		return Image{}, err
	}
	src, err := decode(bytes.NewReader(b))
	if err != nil {
		return Image{}, err
	}
	switch src.(type) {
	case *image.Gray16, *image.RGBA64, *image.NRGBA64:
		x.note(NoteDepth)
	}
	m, alpha := convert(src)
	if alpha {
		x.note(NoteAlpha)
	}
	return m, nil
}

func decodeJPEG(b []byte, x *extracted) (Image, error) {
	if x.most < MaxPixels { // the decoder knows the default
		if h, err := jpeg.DecodeHeader(b); err == nil {
			if err := x.sized(h.W, h.H); err != nil {
				return Image{}, err
			}
		}
	}
	m, err := jpeg.Decode(b)
	if err != nil {
		return Image{}, err
	}
	x.orientation, x.profile = exifOrientation(m.EXIF), m.ICC
	if m.Model == jpeg.CMYK || m.Model == jpeg.YCCK {
		x.note(NoteInks)
		x.profile = nil
	}
	return Image{W: m.W, H: m.H, Pix: m.Pix}, nil
}

func decodePNG(b []byte, x *extracted) (Image, error) {
	for rest := b[8:]; len(rest) >= 12; {
		n := int(binary.BigEndian.Uint32(rest))
		if n < 0 || n > len(rest)-12 {
			break // the decoder says what is wrong
		}
		data := rest[8 : 8+n]
		switch string(rest[4:8]) {
		case "eXIf":
			x.orientation = exifOrientation(bytes.TrimPrefix(data, []byte(exifPrefix)))
		case "zTXt": // where ImageMagick kept it before there was eXIf
			if packed, ok := bytes.CutPrefix(data, []byte("Raw profile type exif\x00")); ok && x.orientation == 1 {
				x.orientation = exifOrientation(rawProfile(packed))
			}
		case "acTL":
			x.note(NoteAnimation)
		case "iCCP":
			x.profile = inflateProfile(data)
		}
		rest = rest[12+n:]
	}
	if m, alpha, ok := fastPNG(b, x.most); ok {
		if alpha {
			x.note(NoteAlpha)
		}
		return m, nil
	}
	return generic(b, x, png.DecodeConfig, png.Decode)
}

// maxProfile bounds what is unpacked of a profile; printers' have a few megabytes.
const maxProfile = 16 << 20

// inflateProfile unpacks PNG's iCCP: a name, a zero, a method, the packed profile.
func inflateProfile(data []byte) []byte {
	i := bytes.IndexByte(data, 0)
	if i < 0 || i+2 > len(data) {
		return nil
	}
	z, err := zlib.NewReader(bytes.NewReader(data[i+2:]))
	if err != nil {
		return nil
	}
	p, err := io.ReadAll(io.LimitReader(z, maxProfile))
	if err != nil {
		return nil
	}
	return p
}

// rawProfile unpacks ImageMagick's way to keep EXIF in text: a method, then packed the name,
// the length and the bytes as hexadecimal digits, each on lines of their own.
func rawProfile(packed []byte) []byte {
	words := bytes.Fields(inflateProfile(append([]byte{0}, packed...)))
	if len(words) < 3 {
		return nil
	}
	b, err := hex.DecodeString(string(bytes.Join(words[2:], nil)))
	if err != nil {
		return nil
	}
	return bytes.TrimPrefix(b, []byte(exifPrefix))
}

func decodeBMP(b []byte, x *extracted) (Image, error) {
	m, err := generic(plainBMP(b), x, bmp.DecodeConfig, bmp.Decode)
	if errors.Is(err, bmp.ErrUnsupported) {
		err = fmt.Errorf("%w; convert it to PNG", err)
	}
	return m, err
}

// plainBMP writes the oldest header before pixels of 24 or 32 bits that have no mask of
// alpha. golang.org/x/image/bmp takes the fourth byte for alpha wherever a header has
// room for a mask: what Pillow shows would be black where that byte is zero. It also wants
// pixels right behind the header.
func plainBMP(b []byte) []byte {
	const file, info = 14, 40
	if len(b) < file+info {
		return b
	}
	u32 := func(at int) uint32 { return binary.LittleEndian.Uint32(b[at:]) }
	header, bits, compression := int(u32(14)), binary.LittleEndian.Uint16(b[28:]), u32(30)
	switch {
	case bits != 24 && bits != 32, header != 40 && header != 52 && header != 56 && header != 108 && header != 124:
		return b
	case compression == 3:
		// Masks stand at the same place within later headers and behind the oldest.
		if bits != 32 || len(b) < 70 || u32(54) != 0xff0000 || u32(58) != 0xff00 || u32(62) != 0xff || header >= 56 && u32(66) != 0 {
			return b
		}
	case compression != 0:
		return b
	}
	at := uint64(u32(10))
	if at < uint64(file+header) || at > uint64(len(b)) || at == file+info {
		return b
	}
	out := append(make([]byte, 0, file+info+len(b)-int(at)), b[:file+info]...)
	binary.LittleEndian.PutUint32(out[10:], file+info)
	binary.LittleEndian.PutUint32(out[14:], info)
	binary.LittleEndian.PutUint32(out[30:], 0)
	return append(out, b[at:]...)
}

// decodeGIF shows the first frame at its place on the screen of the file.
func decodeGIF(b []byte, x *extracted) (Image, error) {
	cfg, err := gif.DecodeConfig(bytes.NewReader(b))
	if err != nil {
		return Image{}, fmt.Errorf("reading the header: %w", err)
	}
	if err := x.sized(cfg.Width, cfg.Height); err != nil {
		return Image{}, err
	}
	if gifFrames(b) > 1 {
		x.note(NoteAnimation)
	}
	src, err := gif.Decode(bytes.NewReader(b))
	if err != nil {
		return Image{}, err
	}
	frame, alpha := convert(src)
	at := src.Bounds()
	if at.Min.X == 0 && at.Min.Y == 0 && at.Dx() == cfg.Width && at.Dy() == cfg.Height {
		if alpha {
			x.note(NoteAlpha)
		}
		return frame, nil
	}
	x.note(NoteAlpha) // what the frame leaves free
	return frame.placed(at.Min, cfg.Width, cfg.Height), nil
}

// placed is the image on black, at a place of a larger one.
func (m Image) placed(at image.Point, w, h int) Image {
	out := New(w, h)
	for y := range m.H {
		if at.Y+y < h && at.X < w {
			copy(out.Row(at.Y + y)[3*at.X:], m.Row(y))
		}
	}
	return out
}

// gifFrames counts the images of a file, up to two.
func gifFrames(b []byte) int {
	if len(b) < 13 {
		return 0
	}
	table := func(flags byte) int {
		if flags&0x80 == 0 {
			return 0
		}
		return 3 << (1 + flags&7)
	}
	i, n := 13+table(b[10]), 0
	blocks := func() {
		for i < len(b) && b[i] != 0 {
			i += 1 + int(b[i])
		}
		i++
	}
	for i < len(b) && n < 2 {
		switch b[i] {
		case 0x21:
			i += 2
			blocks()
		case 0x2c:
			if i+10 > len(b) {
				return n
			}
			n++
			i += 10 + table(b[i+9]) + 1
			blocks()
		default:
			return n
		}
	}
	return n
}

func decodeTIFF(b []byte, x *extracted) (Image, error) {
	t, err := parseTIFF(b)
	if err != nil {
		return Image{}, err
	}
	if c := t.number(tagCompression); c >= 2 && c <= 4 {
		// golang.org/x/image/tiff swaps black and white where black is zero.
		return Image{}, errors.New("fax compression (CCITT) is not read; convert it to PNG")
	}
	// It also takes the planes of channels for pixels, and bits in their usual order.
	if t.number(tagPlanar) == 2 && t.number(tagSamples) > 1 {
		return Image{}, errors.New("channels in planes of their own (PlanarConfiguration 2) are not read; convert it to PNG")
	}
	if t.number(tagFillOrder) == 2 {
		return Image{}, errors.New("bits in reverse order (FillOrder 2) are not read; convert it to PNG")
	}
	x.orientation = t.orientation()
	x.profile = t.bytes(tagProfile, maxProfile)
	if t.next != 0 {
		x.note(NotePages)
	}
	m, err := generic(b, x, tiff.DecodeConfig, tiff.Decode)
	var unsupported tiff.UnsupportedError
	if errors.As(err, &unsupported) {
		err = fmt.Errorf("%w; convert it to PNG", err)
	}
	return m, err
}

func decodeWebP(b []byte, x *extracted) (Image, error) {
	var canvas, at image.Point
	var frame []byte // the chunks of the image, or of the first of an animation
	animated, plain := false, false
	for rest := b[12:]; len(rest) >= 8; {
		n := int(binary.LittleEndian.Uint32(rest[4:]))
		if n < 0 || n > len(rest)-8 {
			break
		}
		data := rest[8 : 8+n]
		switch string(rest[:4]) {
		case "VP8X":
			if len(data) >= 10 {
				canvas, plain = image.Pt(1+int(le24(data[4:])), 1+int(le24(data[7:]))), data[0]&0x10 == 0
			}
		case "EXIF":
			x.orientation = exifOrientation(bytes.TrimPrefix(data, []byte(exifPrefix)))
		case "ICCP":
			x.profile = data
		case "ANMF":
			if !animated && len(data) >= 16 {
				at = image.Pt(2*int(le24(data)), 2*int(le24(data[3:])))
				animated, frame = true, data[16:]
			}
		case "ALPH", "VP8 ", "VP8L":
			if !animated {
				frame = append(frame, rest[:min(8+n+n&1, len(rest))]...)
			}
		}
		rest = rest[min(8+n+n&1, len(rest)):]
	}
	if animated {
		x.note(NoteAnimation)
		if err := x.sized(canvas.X, canvas.Y); err != nil {
			return Image{}, err
		}
	}
	if plain && !animated && bytes.HasPrefix(frame, []byte("ALPH")) {
		return Image{}, errors.New("it has a channel of alpha that its header denies")
	}
	// golang.org/x/image/webp goes by flags about alpha that libwebp does not look at.
	file := still(frame)
	cfg, err := webp.DecodeConfig(bytes.NewReader(file))
	if err != nil {
		return Image{}, fmt.Errorf("reading the header: %w", err)
	}
	if err := x.sized(cfg.Width, cfg.Height); err != nil {
		return Image{}, err
	}
	src, err := webp.Decode(bytes.NewReader(file))
	if err != nil {
		return Image{}, err
	}
	var m Image
	alpha := false
	switch s := src.(type) {
	case *image.YCbCr:
		m = FromVP8(s)
	case *image.NYCbCrA:
		m = FromVP8(&s.YCbCr)
		for y := range m.H {
			row, a := m.Row(y), s.A[s.AStride*y:]
			for i := range row {
				alpha = alpha || a[i/3] != 255
				row[i] = over(row[i], a[i/3])
			}
		}
	case *image.NRGBA:
		if opaque(frame) {
			for i := 3; i < len(s.Pix); i += 4 {
				s.Pix[i] = 255
			}
		}
		m, alpha = convert(s)
	default:
		return Image{}, fmt.Errorf("it holds %T, which is not known", src)
	}
	switch other := m.W != canvas.X || m.H != canvas.Y; {
	case animated && other:
		m, alpha = m.placed(at, canvas.X, canvas.Y), true
	case other && canvas != image.Point{}:
		return Image{}, fmt.Errorf("the header says %d×%d, the image has %d×%d", canvas.X, canvas.Y, m.W, m.H)
	}
	if alpha {
		x.note(NoteAlpha)
	}
	return m, nil
}

func le24(b []byte) uint32 { return uint32(b[0]) | uint32(b[1])<<8 | uint32(b[2])<<16 }

// opaque reports whether a lossless image says that its alpha means nothing.
func opaque(frame []byte) bool {
	return len(frame) >= 13 && string(frame[:4]) == "VP8L" && frame[12]&0x10 == 0
}

// still makes a file of its own from the chunks of an image.
func still(frame []byte) []byte {
	out := []byte("RIFF\x00\x00\x00\x00WEBP")
	if len(frame) >= 8 && string(frame[:4]) == "ALPH" {
		// A header with the flag of alpha goes before; the size is that of the frame.
		n := 8 + int(binary.LittleEndian.Uint32(frame[4:]))
		n += n & 1
		if n < 8 || n+18 > len(frame) {
			return out
		}
		w, h := binary.LittleEndian.Uint16(frame[n+14:])&0x3fff-1, binary.LittleEndian.Uint16(frame[n+16:])&0x3fff-1
		out = append(out, 'V', 'P', '8', 'X', 10, 0, 0, 0, 0x10, 0, 0, 0, byte(w), byte(w>>8), 0, byte(h), byte(h>>8), 0)
	}
	out = append(out, frame...)
	binary.LittleEndian.PutUint32(out[4:], uint32(len(out)-8))
	return out
}

// isSRGB reports whether a profile says that it is sRGB's: by the words of its
// description, which every maker writes.
func isSRGB(p []byte) bool {
	if len(p) < 132 {
		return false
	}
	n := int(binary.BigEndian.Uint32(p[128:]))
	for i := range min(n, 100) {
		at := 132 + 12*i
		if at+12 > len(p) {
			return false
		}
		if string(p[at:at+4]) != "desc" {
			continue
		}
		off, size := int(binary.BigEndian.Uint32(p[at+4:])), int(binary.BigEndian.Uint32(p[at+8:]))
		if off < 0 || size < 0 || off > len(p) || size > len(p)-off {
			return false
		}
		// Plain text, or UTF-16 whose other bytes are zeros.
		return strings.Contains(strings.ReplaceAll(string(p[off:off+size]), "\x00", ""), "sRGB")
	}
	return false
}
