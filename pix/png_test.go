package pix

import (
	"bytes"
	"image"
	"image/color"
	"image/png"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// fastPNG must show what image/png shows, of every kind that it takes.
func TestFastPNG(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w, h := rapid.IntRange(1, 40).Draw(t, "w"), rapid.IntRange(1, 20).Draw(t, "h")
		values := rapid.SliceOfN(rapid.Byte(), 64, 64).Draw(t, "values")
		at := func(x, y, c int) uint8 { return values[(7*x+11*y+3*c+x*y)%64] + uint8(x*c) }
		r := image.Rect(0, 0, w, h)
		var src image.Image
		switch rapid.IntRange(0, 4).Draw(t, "kind") {
		case 0:
			m := image.NewGray(r)
			for i := range m.Pix {
				m.Pix[i] = at(i%w, i/w, 0)
			}
			src = m
		case 1:
			m := image.NewPaletted(r, nil)
			for i := range 1 + int(values[0]) {
				m.Palette = append(m.Palette, color.NRGBA{values[i%64], values[(i+9)%64], values[(i+5)%64], max(values[i/4], uint8(255*(i%2)))})
			}
			for i := range m.Pix {
				m.Pix[i] = uint8(int(at(i%w, i/w, 0)) % len(m.Palette))
			}
			src = m
		default: // opaque ones are written without alpha
			m := image.NewNRGBA(r)
			opaque := rapid.Bool().Draw(t, "opaque")
			for i := range m.Pix {
				if m.Pix[i] = at(i/4%w, i/4/w, i%4); opaque && i%4 == 3 {
					m.Pix[i] = 255
				}
			}
			src = m
		}
		var b bytes.Buffer
		if err := png.Encode(&b, src); err != nil {
			t.Fatal(err)
		}
		got, alpha, ok := fastPNG(b.Bytes(), MaxPixels)
		again, err := png.Decode(bytes.NewReader(b.Bytes()))
		if err != nil {
			t.Fatal(err)
		}
		want, wantAlpha := convert(again)
		if p, isPalette := again.(*image.Paletted); isPalette && len(p.Palette) <= 16 {
			return // written with fewer bits, which is image/png's
		}
		if !ok || !got.Equal(want) || alpha != wantAlpha {
			t.Fatalf("taken %v, alpha %v and %v, equal %v", ok, alpha, wantAlpha, got.Equal(want))
		}
		// Damage anywhere is left to image/png.
		bad := slices.Clone(b.Bytes())
		i := rapid.IntRange(0, len(bad)-1).Draw(t, "at")
		bad[i] ^= 1 << rapid.IntRange(0, 7).Draw(t, "bit")
		if got, _, ok := fastPNG(bad, MaxPixels); ok && i >= 8 && !got.Equal(want) {
			t.Fatalf("byte %d was changed, and other pixels came without an error", i)
		}
	})
}

func TestPaethKernel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := 3 * rapid.IntRange(1, 30).Draw(t, "pixels")
		row, above := rapid.SliceOfN(rapid.Byte(), n, n).Draw(t, "row"), rapid.SliceOfN(rapid.Byte(), n, n).Draw(t, "above")
		want := slices.Clone(row)
		paeth3Go(want, above, 0)
		plain := slices.Clone(row)
		for i := range 3 {
			plain[i] += above[i]
		}
		for i := 3; i < n; i++ {
			plain[i] += paeth(int32(plain[i-3]), int32(above[i]), int32(above[i-3]))
		}
		paeth3(row, above)
		if !slices.Equal(row, want) || !slices.Equal(row, plain) {
			t.Fatal("the kernel differs")
		}
	})
}
