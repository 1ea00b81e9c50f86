package pix

import (
	"bytes"
	"errors"
	"fmt"
	"image/png"
	"io"
	"path/filepath"
	"slices"
	"strings"

	"github.com/vtbench/vtbench/internal/files"
	"github.com/vtbench/vtbench/internal/jpeg"
	"github.com/vtbench/vtbench/internal/wholefile"
)

// MaxPixels is the largest image that is decoded: a header can claim any size, and
// memory is taken before the first pixel is read.
const MaxPixels = jpeg.MaxPixels

// MaxBytes is the longest file that is read as an image.
const MaxBytes = 1 << 30

// Version of the decoding: it rises when the same file yields other pixels.
const Version = 3

// Extensions are the names' ends that IsImage knows, in lower case.
func Extensions() []string {
	return []string{
		".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".gif", ".bmp", ".dib", ".tif", ".tiff", ".webp",
		".ppm", ".pgm", ".pbm", ".pnm",
	}
}

var extensions = Extensions()

// IsImage reports whether a file is taken for an image by its name. What is in it
// decides how it is decoded.
func IsImage(name string) bool {
	return slices.Contains(extensions, strings.ToLower(filepath.Ext(name)))
}

// TrimExt takes the extension of an image off a name; dots inside names stay.
func TrimExt(name string) string {
	if IsImage(name) {
		return strings.TrimSuffix(name, filepath.Ext(name))
	}
	return name
}

// Options say how a file becomes pixels. The zero value is the default.
type Options struct {
	// Stored leaves the pixels as they are stored; by default an image is turned
	// upright as its EXIF orientation says.
	Stored bool
	// MaxPixels is the largest image that is decoded, width times height; 0 means the
	// constant of that name, which is also the most that can be asked for.
	MaxPixels int64
}

// Limit returns the options with another bound of the pixels of an image.
func (o Options) Limit(pixels int64) (Options, error) {
	if pixels < 1 || pixels > MaxPixels {
		return o, fmt.Errorf("at most %d pixels an image: want a number from 1 to %d", pixels, MaxPixels)
	}
	o.MaxPixels = pixels
	return o, nil
}

// most is the number of pixels that is accepted.
func (o Options) most() int64 {
	if o.MaxPixels == 0 {
		return MaxPixels
	}
	return min(o.MaxPixels, MaxPixels)
}

// Orientations are the values of the setting that Options stand for: "exif" turns
// images upright, "stored" leaves them as they are.
func Orientations() []string { return []string{"exif", "stored"} }

// ParseOrientation reads that setting; "" is the default.
func ParseOrientation(s string) (Options, error) {
	switch s {
	case "", "exif":
		return Options{}, nil
	case "stored":
		return Options{Stored: true}, nil
	}
	return Options{}, fmt.Errorf("orientation %q: want exif, which turns images upright, or stored, which leaves them as they are", s)
}

// Reader names the decoding, for digests and manifests: it differs wherever the same
// file could yield other pixels, or none.
func (o Options) Reader() string {
	orientation := "exif"
	if o.Stored {
		orientation = "stored"
	}
	s := fmt.Sprintf("pix %d, jpeg %d, orientation %s", Version, jpeg.Version, orientation)
	if o.most() < MaxPixels {
		s += fmt.Sprintf(", at most %d pixels", o.most())
	}
	return s
}

// A Note says what an image lost or what was assumed when it was decoded.
type Note string

// The notes.
const (
	NoteAlpha     Note = "transparent pixels are shown on black"
	NoteDepth     Note = "16 bits a channel are rounded to 8"
	NoteInks      Note = "CMYK is converted to RGB without its profile"
	NoteProfile   Note = "a colour profile other than sRGB is not applied"
	NoteAnimation Note = "animated: the first frame is shown"
	NotePages     Note = "several pages: the first is shown"
	NoteTurned    Note = "turned upright by its EXIF orientation"
	NoteSideways  Note = "left as stored against its EXIF orientation"
)

// Decoded is an image with what decoding it did.
type Decoded struct {
	Image       Image
	Format      string // "png", "jpeg", "gif", "bmp", "tiff", "webp", "pnm"
	Orientation int    // as EXIF has it, 1 to 8; 1 where nothing is said
	Notes       []Note // in the order of the constants
}

// Load reads an image file with the default options. Errors name the file.
func Load(path string) (Image, error) {
	d, err := Read(path, Options{})
	return d.Image, err
}

// Read reads an image file: see [Decode]. Errors name the file; one that is no
// regular file, or longer than MaxBytes, is refused.
func Read(path string, o Options) (Decoded, error) {
	b, err := files.Read(path, MaxBytes)
	if err != nil {
		return Decoded{}, fmt.Errorf("reading image: %w", err)
	}
	d, err := decode(b, o)
	if err != nil {
		return Decoded{}, fmt.Errorf("decoding image %s: %w", path, err)
	}
	return d, nil
}

// Decode reads a PNG, JPEG, GIF, BMP, TIFF, WebP or PNM image; what it is, its bytes
// say. Sizes are checked before pixels are decoded, and a decoder that panics on
// hostile input yields an error.
func Decode(r io.Reader, o Options) (Decoded, error) {
	b, err := ReadFile(r)
	if err != nil {
		return Decoded{}, fmt.Errorf("reading image: %w", err)
	}
	return decode(b, o)
}

// headBytes is how much of a file says what it is.
const headBytes = 64

// ReadFile reads the bytes of an image file, at most MaxBytes of them. One whose first bytes
// are those of no image is refused before the rest is read: what an archive says of a
// gigabyte of zeros is not unpacked.
func ReadFile(r io.Reader) ([]byte, error) {
	head := make([]byte, headBytes)
	n, err := io.ReadFull(r, head)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, err
	}
	head = head[:n]
	if _, err := formatOf(head); err != nil {
		return nil, err
	}
	if n < headBytes {
		return head, nil
	}
	b, err := io.ReadAll(io.LimitReader(io.MultiReader(bytes.NewReader(head), r), MaxBytes+1))
	if err == nil && len(b) > MaxBytes {
		err = fmt.Errorf("it has more than the %d bytes accepted", MaxBytes)
	}
	return b, err
}

func decode(b []byte, o Options) (d Decoded, err error) {
	defer func() {
		if p := recover(); p != nil {
			d, err = Decoded{}, fmt.Errorf("the decoder gave up on damaged data: %v", p)
		}
	}()
	f, err := formatOf(b)
	if err != nil {
		return Decoded{}, err
	}
	x := extracted{orientation: 1, most: o.most()}
	m, err := f.decode(b, &x)
	if err != nil {
		return Decoded{}, fmt.Errorf("%s: %w", f.name, err)
	}
	if x.orientation != 1 {
		if o.Stored {
			x.note(NoteSideways)
		} else {
			m = upright(m, x.orientation)
			x.note(NoteTurned)
		}
	}
	if len(x.profile) > 0 && !isSRGB(x.profile) {
		x.note(NoteProfile)
	}
	d = Decoded{Image: m, Format: f.name, Orientation: x.orientation}
	for _, n := range []Note{NoteAlpha, NoteDepth, NoteInks, NoteProfile, NoteAnimation, NotePages, NoteTurned, NoteSideways} {
		if x.notes[n] {
			d.Notes = append(d.Notes, n)
		}
	}
	return d, m.Validate()
}

// EncodePNG writes the image losslessly.
func (m Image) EncodePNG(w io.Writer) error {
	if err := m.Validate(); err != nil {
		return fmt.Errorf("encoding png: %w", err)
	}
	enc := png.Encoder{CompressionLevel: png.BestSpeed}
	return enc.Encode(w, m.RGBA())
}

// SavePNG writes the image to a file, replacing it whole or not at all.
func (m Image) SavePNG(path string) error {
	var buf bytes.Buffer
	if err := m.EncodePNG(&buf); err != nil {
		return err
	}
	return wholefile.Write(path, buf.Bytes())
}
