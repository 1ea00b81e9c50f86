package ocr

import (
	"bytes"
	"encoding/binary"
	"image"
	"image/color"
	"testing"

	"golang.org/x/image/font/gofont/goregular"
	"pgregory.net/rapid"

	"github.com/vtbench/vtbench/pix"
)

func TestCrop(t *testing.T) {
	img := pix.New(100, 80)
	for _, tt := range []struct {
		box  image.Rectangle
		want image.Point // size; zero for an error
	}{
		{image.Rect(30, 30, 60, 50), image.Pt(30+2*2, 20+2*6)}, // margins of .1 and .3 heights
		{image.Rect(60, 50, 30, 30), image.Pt(34, 32)},         // corners the other way round
		{image.Rect(0, 0, 30, 20), image.Pt(32, 26)},           // clipped at two sides
		{image.Rect(-50, -50, 500, 500), image.Pt(100, 80)},
		{image.Rect(98, 78, 300, 300), image.Pt(2, 3)},
		{image.Rect(99, 10, 300, 20), image.Point{}}, // one pixel inside
		{image.Rect(10, 10, 11, 40), image.Point{}},
		{image.Rect(10, 10, 40, 11), image.Point{}},
		{image.Rect(10, 10, 10, 10), image.Point{}},
		{image.Rect(200, 10, 240, 30), image.Point{}},
	} {
		got, err := Crop(img, tt.box)
		if size := image.Pt(got.W, got.H); size != tt.want || (err != nil) != (tt.want == image.Point{}) {
			t.Errorf("crop of %v is %v, error %v; want %v", tt.box, size, err, tt.want)
		}
	}
	if _, err := Crop(pix.Image{}, image.Rect(0, 0, 9, 9)); err == nil {
		t.Error("an empty image has a crop")
	}
}

func TestGrayIsBT601(t *testing.T) {
	// Pillow 13.0: Image.new("RGB", (1, 1), c).convert("L").getpixel((0, 0))
	for _, tt := range []struct {
		rgb  [3]uint8
		want uint8
	}{
		{[3]uint8{0, 0, 0}, 0},
		{[3]uint8{255, 255, 255}, 255},
		{[3]uint8{255, 0, 0}, 76},
		{[3]uint8{0, 255, 0}, 150},
		{[3]uint8{0, 0, 255}, 29},
		{[3]uint8{12, 200, 77}, 130},
		{[3]uint8{201, 3, 254}, 91},
	} {
		if got := grayOf(pix.Image{W: 1, H: 1, Pix: tt.rgb[:]}).pix[0]; got != tt.want {
			t.Errorf("gray of %v is %d, want %d", tt.rgb, got, tt.want)
		}
	}
}

// wordGray draws a word on plain paper and returns its crop in gray.
func wordGray(t *testing.T, paper, ink color.Color) gray {
	c := newCanvas(300, 100, paper)
	box := c.word(t, goregular.TTF, 40, ink, 40, 30, "Quality")
	crop, err := Crop(c.pix(), box)
	if err != nil {
		t.Fatal(err)
	}
	return grayOf(crop)
}

func TestPolarity(t *testing.T) {
	for _, tt := range []struct {
		paper, ink uint8
	}{{255, 0}, {0, 255}, {130, 110}, {110, 130}, {60, 20}} {
		g := wordGray(t, color.Gray{tt.paper}, color.Gray{tt.ink})
		c := g.classes()
		if got, want := c.lightOnDark(), tt.paper < tt.ink; got != want {
			t.Errorf("paper %d, ink %d: light on dark is %v", tt.paper, tt.ink, got)
		}
		g.invert()
		if got := g.classes().lightOnDark(); got == c.lightOnDark() {
			t.Errorf("paper %d, ink %d: the inverted crop has the same polarity", tt.paper, tt.ink)
		}
	}
}

func TestStretchSpreadsInkAndPaper(t *testing.T) {
	g := wordGray(t, color.Gray{140}, color.Gray{120})
	g.stretch(g.classes())
	var hist [256]int
	for _, v := range g.pix {
		hist[v]++
	}
	if 2*hist[255] < len(g.pix) || 50*hist[0] < len(g.pix) {
		t.Errorf("of %d pixels %d are white and %d black", len(g.pix), hist[255], hist[0])
	}
}

func TestResize(t *testing.T) {
	filters := []filter{linear, cubic, lanczos}
	rapid.Check(t, func(t *rapid.T) {
		side := rapid.IntRange(1, 40)
		f := filters[rapid.IntRange(0, len(filters)-1).Draw(t, "filter")]
		v := rapid.Uint8().Draw(t, "value")
		g := gray{w: side.Draw(t, "w"), h: side.Draw(t, "h")}
		g.pix = bytes.Repeat([]byte{v}, g.w*g.h)
		w, h := side.Draw(t, "to w"), side.Draw(t, "to h")
		got := g.resize(w, h, f)
		if got.w != w || got.h != h || len(got.pix) != w*h {
			t.Fatalf("%d×%d with %d bytes, want %d×%d", got.w, got.h, len(got.pix), w, h)
		}
		for _, p := range got.pix {
			if p != v {
				t.Fatalf("%s: constant %d becomes %d", f.name, v, p)
			}
		}
	})
	// A ramp keeps its slope: pixel centres are mapped to pixel centres. The numbers
	// are those of Pillow 13.0, Image.resize((n, 1), BILINEAR).
	ramp := gray{w: 8, h: 1, pix: []uint8{0, 32, 64, 96, 128, 160, 192, 224}}
	want := []uint8{0, 8, 24, 40, 56, 72, 88, 104, 120, 136, 152, 168, 184, 200, 216, 224}
	if got := ramp.resize(16, 1, linear).pix; !bytes.Equal(got, want) {
		t.Errorf("ramp doubled: %v, want %v", got, want)
	}
	if got, want := ramp.resize(4, 1, linear).pix, []uint8{23, 80, 144, 201}; !bytes.Equal(got, want) {
		t.Errorf("ramp halved: %v, want %v", got, want)
	}
}

func TestSpix(t *testing.T) {
	g := gray{w: 5, h: 2, pix: []uint8{1, 2, 3, 4, 5, 6, 7, 8, 9, 10}}
	b := g.spix()
	word := func(i int) uint32 { return binary.NativeEndian.Uint32(b[4*i:]) }
	if string(b[:4]) != "spix" || len(b) != spixHeader+16 {
		t.Fatalf("%d bytes starting with %q", len(b), b[:4])
	}
	for i, want := range []uint32{5, 2, 8, 2, 0, 16, 0x01020304, 0x05000000, 0x06070809, 0x0a000000} {
		if got := word(i + 1); got != want {
			t.Errorf("word %d is %#x, want %#x", i+1, got, want)
		}
	}
}

func FuzzEncode(f *testing.F) {
	f.Add(3, 4, []byte{1, 2, 3, 200, 100})
	f.Add(5000, 1, []byte{0, 255})
	f.Add(1, 5000, []byte{0, 9, 3})
	f.Fuzz(func(t *testing.T, w, h int, content []byte) {
		if w < 1 || h < 1 || w > 1<<13 || h > 1<<13 || w*h > 1<<20 || len(content) == 0 {
			return
		}
		m := pix.New(w, h)
		for i := range m.Pix {
			m.Pix[i] = content[i%len(content)]
		}
		line, err := standard.encode(m)
		if err != nil {
			t.Fatal(err)
		}
		if line == nil {
			return
		}
		lw, lh := int(binary.NativeEndian.Uint32(line[4:])), int(binary.NativeEndian.Uint32(line[8:]))
		if lh != standard.height || lw < lh/4 || lw > maxAspect*lh || len(line) != spixHeader+lh*((lw+3)/4)*4 {
			t.Errorf("a crop of %d×%d becomes %d×%d in %d bytes", w, h, lw, lh, len(line))
		}
	})
}
