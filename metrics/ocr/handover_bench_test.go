//go:build cgo

package ocr

import (
	"bytes"
	"fmt"
	"image"
	"image/png"
	"testing"

	"golang.org/x/image/bmp"
)

// BenchmarkHandOver compares the ways of getting a line image into Tesseract
// through gosseract, which takes encoded images only: encoding here and decoding
// there, without recognition. The floor is copying the pixels twice.
func BenchmarkHandOver(b *testing.B) {
	g := grayOf(oddCrops()["noise (64,48)"]).resize(261, 48, linear)
	img := &image.Gray{Pix: g.pix, Stride: g.w, Rect: image.Rect(0, 0, g.w, g.h)}
	p := testPool(b, 1)
	s := <-p.warm
	defer p.put(s)
	for _, format := range []struct {
		name   string
		encode func() ([]byte, error)
	}{
		{"png", func() ([]byte, error) { var w bytes.Buffer; err := png.Encode(&w, img); return w.Bytes(), err }},
		{"pgm", func() ([]byte, error) { return append(fmt.Appendf(nil, "P5\n%d %d\n255\n", g.w, g.h), g.pix...), nil }},
		{"bmp", func() ([]byte, error) { var w bytes.Buffer; err := bmp.Encode(&w, img); return w.Bytes(), err }},
		{"spix", func() ([]byte, error) { return g.spix(), nil }},
	} {
		b.Run(format.name, func(b *testing.B) {
			b.SetBytes(int64(len(g.pix)))
			for b.Loop() {
				data, err := format.encode()
				if err != nil {
					b.Fatal(err)
				}
				if err := s.engine.client.SetImageFromBytes(data); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
