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
	_ "golang.org/x/image/webp" // registered for Decode
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
	cfg, format, err := image.DecodeConfig(r)
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
	src, _, err := image.Decode(r)
	if err != nil {
		return Image{}, fmt.Errorf("%s data: %w", format, err)
	}
	m = FromImage(src)
	return m, m.Validate()
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
