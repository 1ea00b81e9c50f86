package pix_test

import (
	"bytes"
	"errors"
	"image/gif"
	stdjpeg "image/jpeg"
	"strings"
	"testing"

	"golang.org/x/image/bmp"

	"github.com/vtbench/vtbench/pix"
)

// A bound on pixels holds for every format before its pixels are decoded, and is part of
// what names the decoding.
func TestMaxPixels(t *testing.T) {
	m := pix.New(30, 20)
	var png, jpg, bmpFile, gifFile bytes.Buffer
	if err := m.EncodePNG(&png); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(stdjpeg.Encode(&jpg, m.RGBA(), nil), bmp.Encode(&bmpFile, m.RGBA()), gif.Encode(&gifFile, m.RGBA(), nil)); err != nil {
		t.Fatal(err)
	}
	pnm := append([]byte("P6 30 20 255\n"), m.Pix...)
	for name, b := range map[string][]byte{"png": png.Bytes(), "jpeg": jpg.Bytes(), "bmp": bmpFile.Bytes(), "gif": gifFile.Bytes(), "pnm": pnm} {
		for most, fits := range map[int64]bool{600: true, 599: false} {
			o, err := (pix.Options{}).Limit(most)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := pix.Decode(bytes.NewReader(b), o); (err == nil) != fits || !fits && !strings.Contains(err.Error(), "30×20, more than the 0.000599 megapixels") {
				t.Errorf("%s of 600 pixels, at most %d: %v", name, most, err)
			}
		}
	}
	few, err := (pix.Options{}).Limit(599)
	if err != nil || few.Reader() == (pix.Options{}).Reader() {
		t.Errorf("the bound does not name the decoding: %q, %v", few.Reader(), err)
	}
	if all, err := (pix.Options{}).Limit(pix.MaxPixels); err != nil || all.Reader() != (pix.Options{}).Reader() {
		t.Errorf("the usual bound names another decoding: %q, %v", all.Reader(), err)
	}
	for _, n := range []int64{0, -1, pix.MaxPixels + 1} {
		if _, err := (pix.Options{}).Limit(n); err == nil {
			t.Errorf("a bound of %d was accepted", n)
		}
	}
}

// A stream that does not begin like an image is not read to its end.
func TestReadFileLooksFirst(t *testing.T) {
	z := &zeros{left: 1 << 40}
	if _, err := pix.ReadFile(z); err == nil || z.read > 1<<12 {
		t.Errorf("%d bytes were read: %v", z.read, err)
	}
}

type zeros struct{ left, read int64 }

func (z *zeros) Read(p []byte) (int, error) {
	n := min(int64(len(p)), z.left)
	clear(p[:n])
	z.left, z.read = z.left-n, z.read+n
	return int(n), nil
}
