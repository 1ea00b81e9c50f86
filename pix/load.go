package pix

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	_ "image/gif"  // registered for Decode
	_ "image/jpeg" // registered for Decode
	"image/png"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	_ "golang.org/x/image/bmp"  // registered for Decode
	_ "golang.org/x/image/tiff" // registered for Decode
	"golang.org/x/image/webp"
)

// MaxPixels is the largest image Decode accepts: a header can claim any size,
// and memory is taken before the first pixel is read.
const MaxPixels = 200_000_000

// extensions that IsImage knows; Decode looks at content, not at names.
var extensions = []string{".png", ".jpg", ".jpeg", ".gif", ".bmp", ".tif", ".tiff", ".webp"}

// IsImage reports whether a file name looks like an image Load can read.
func IsImage(name string) bool {
	return slices.Contains(extensions, strings.ToLower(filepath.Ext(name)))
}

// Load reads an image file. Errors name the file.
func Load(path string) (Image, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return Image{}, fmt.Errorf("reading image: %w", err)
	}
	m, err := Decode(bytes.NewReader(b))
	if err != nil {
		return Image{}, fmt.Errorf("decoding image %s: %w", path, err)
	}
	return m, nil
}

// Decode reads a PNG, JPEG, GIF (first frame), BMP, TIFF or WebP image. The size
// is checked before pixels are decoded, and a decoder that panics on hostile
// input yields an error. EXIF orientation is not applied: labels refer to the
// pixels as they are stored.
func Decode(r io.ReadSeeker) (m Image, err error) {
	defer func() {
		if p := recover(); p != nil {
			m, err = Image{}, fmt.Errorf("the decoder gave up on damaged data: %v", p)
		}
	}()
	decodeConfig, decode := image.DecodeConfig, image.Decode
	// Other packages of a program may have registered a WebP decoder as well, and
	// which one answers would depend on the order of their initialisation.
	if webpFile, err := isWebP(r); err != nil {
		return Image{}, err
	} else if webpFile {
		decodeConfig = func(r io.Reader) (image.Config, string, error) {
			c, err := webp.DecodeConfig(r)
			return c, "webp", err
		}
		decode = func(r io.Reader) (image.Image, string, error) {
			m, err := webp.Decode(r)
			return m, "webp", err
		}
	}
	cfg, format, err := decodeConfig(r)
	if err != nil {
		if errors.Is(err, image.ErrFormat) {
			return Image{}, fmt.Errorf("not a PNG, JPEG, GIF, BMP, TIFF or WebP image: %w", err)
		}
		return Image{}, fmt.Errorf("reading the header: %w", err)
	}
	if cfg.Width <= 0 || cfg.Height <= 0 {
		return Image{}, fmt.Errorf("%s header says %d×%d", format, cfg.Width, cfg.Height)
	}
	if int64(cfg.Width)*int64(cfg.Height) > MaxPixels {
		return Image{}, fmt.Errorf("%s header says %d×%d, more than the %d megapixels accepted", format, cfg.Width, cfg.Height, MaxPixels/1_000_000)
	}
	if _, err := r.Seek(0, io.SeekStart); err != nil {
		return Image{}, fmt.Errorf("rewinding: %w", err)
	}
	src, _, err := decode(r)
	if err != nil {
		return Image{}, fmt.Errorf("%s data: %w", format, err)
	}
	switch s := src.(type) {
	case *image.YCbCr:
		if format == "webp" {
			m = FromVP8(s)
		} else {
			m = FromJPEG(s)
		}
	case *image.NYCbCrA: // lossy WebP with transparency
		m = FromVP8(&s.YCbCr)
		for y := range m.H {
			row, alpha := m.Row(y), s.A[s.AStride*y:]
			for i := range row {
				row[i] = uint8((int(row[i])*int(alpha[i/3]) + 127) / 255) // composited on black
			}
		}
	default:
		m = FromImage(src)
	}
	return m, m.Validate()
}

// isWebP looks at the first bytes and rewinds.
func isWebP(r io.ReadSeeker) (bool, error) {
	var head [12]byte
	_, err := io.ReadFull(r, head[:])
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return false, fmt.Errorf("reading the header: %w", err)
	}
	if _, err := r.Seek(0, io.SeekStart); err != nil {
		return false, fmt.Errorf("rewinding: %w", err)
	}
	return string(head[:4]) == "RIFF" && string(head[8:]) == "WEBP", nil
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
	tmp := path + ".tmp"
	if err := os.WriteFile(tmp, buf.Bytes(), 0o644); err != nil {
		return fmt.Errorf("writing image: %w", err)
	}
	if err := os.Rename(tmp, path); err != nil {
		return fmt.Errorf("writing image: %w", err)
	}
	return nil
}
