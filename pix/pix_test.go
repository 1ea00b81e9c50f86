package pix_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"image"
	"image/color"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/vtbench/vtbench/pix"
)

// source repeats the image of testdata/lanczos.py.
func source(w, h int) pix.Image {
	m := pix.New(w, h)
	state := uint32(12345)
	for y := range h {
		row := m.Row(y)
		for x := range w {
			state = (state*1103515245 + 12345) & 0x7FFFFFFF
			row[3*x] = uint8((x * 255) / max(w-1, 1))
			if (x/3+y/5)%2 == 1 {
				row[3*x+1] = 255
			}
			row[3*x+2] = uint8(state >> 16)
		}
	}
	return m
}

// The digests are Pillow's; the resampler must agree bit by bit.
func TestResizeEqualsPillow(t *testing.T) {
	b, err := os.ReadFile("testdata/lanczos.json")
	if err != nil {
		t.Fatal(err)
	}
	var table struct {
		Rows []struct {
			W, H   int
			OutW   int `json:"out_w"`
			OutH   int `json:"out_h"`
			SHA256 string
		}
	}
	if err := json.Unmarshal(b, &table); err != nil {
		t.Fatal(err)
	}
	if len(table.Rows) == 0 {
		t.Fatal("the table is empty")
	}
	for _, r := range table.Rows {
		got, err := pix.Resize(source(r.W, r.H), r.OutW, r.OutH)
		if err != nil {
			t.Fatal(err)
		}
		sum := sha256.Sum256(got.Pix)
		if hex.EncodeToString(sum[:]) != r.SHA256 {
			t.Errorf("%d×%d to %d×%d differs from Pillow", r.W, r.H, r.OutW, r.OutH)
		}
	}
}

func TestFitAndRestore(t *testing.T) {
	for _, tc := range []struct {
		w, h, side int
		inside     image.Rectangle
	}{
		{1280, 720, 256, image.Rect(0, 56, 256, 200)},
		{720, 1280, 256, image.Rect(56, 0, 200, 256)},
		{100, 100, 256, image.Rect(0, 0, 256, 256)},
		{1000, 1, 64, image.Rect(0, 31, 64, 32)},
	} {
		img := source(tc.w, tc.h)
		fit, place, err := pix.Fit(img, tc.side)
		if err != nil {
			t.Fatal(err)
		}
		if fit.W != tc.side || fit.H != tc.side || place.Inside != tc.inside {
			t.Errorf("Fit(%d×%d, %d): %d×%d with the image at %v, want %v", tc.w, tc.h, tc.side, fit.W, fit.H, place.Inside, tc.inside)
		}
		for y := range tc.side {
			for x := range tc.side {
				if r, g, b := fit.At8(x, y); !image.Pt(x, y).In(place.Inside) && (r|g|b) != 0 {
					t.Fatalf("padding at %d,%d is not black", x, y)
				}
			}
		}
		back, err := place.Restore(fit)
		if err != nil {
			t.Fatal(err)
		}
		if back.W != tc.w || back.H != tc.h {
			t.Errorf("restored to %d×%d, want %d×%d", back.W, back.H, tc.w, tc.h)
		}
		if _, err := place.Restore(pix.New(tc.side+1, tc.side)); err == nil {
			t.Error("an image of another size was restored")
		}
	}
}

func TestResizeKeepsConstants(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		size := rapid.IntRange(1, 70)
		m := pix.New(size.Draw(t, "w"), size.Draw(t, "h"))
		v := rapid.Byte().Draw(t, "value")
		for i := range m.Pix {
			m.Pix[i] = v
		}
		got, err := pix.Resize(m, size.Draw(t, "out w"), size.Draw(t, "out h"))
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range got.Pix {
			if p != v {
				t.Fatalf("a constant image of %d became %d", v, p)
			}
		}
	})
}

func TestFromImageAgreesForAllKinds(t *testing.T) {
	want := source(9, 7)
	kinds := map[string]interface {
		image.Image
		Set(x, y int, c color.Color)
	}{
		"rgba":   image.NewRGBA(image.Rect(3, 4, 12, 11)),
		"nrgba":  image.NewNRGBA(image.Rect(3, 4, 12, 11)),
		"rgba64": image.NewRGBA64(image.Rect(3, 4, 12, 11)),
	}
	for name, im := range kinds {
		for y := range 7 {
			for x := range 9 {
				r, g, b := want.At8(x, y)
				im.Set(x+3, y+4, color.RGBA{r, g, b, 255})
			}
		}
		if got := pix.FromImage(im); !got.Equal(want) {
			t.Errorf("%s: pixels changed", name)
		}
	}
	gray := image.NewGray(image.Rect(0, 0, 2, 1))
	gray.Pix[1] = 200
	if got := pix.FromImage(gray); got.Pix[0] != 0 || got.Pix[3] != 200 || got.Pix[5] != 200 {
		t.Errorf("gray became %v", got.Pix)
	}
}

func TestPNGRoundTrip(t *testing.T) {
	want := source(33, 21)
	path := filepath.Join(t.TempDir(), "a.png")
	if err := want.SavePNG(path); err != nil {
		t.Fatal(err)
	}
	got, err := pix.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	if !got.Equal(want) {
		t.Error("pixels changed")
	}
}

func TestLoadNamesTheFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "broken.jpg")
	if err := os.WriteFile(path, []byte("\xff\xd8\xff\xe0 not a jpeg"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, p := range []string{path, path + ".absent"} {
		if _, err := pix.Load(p); err == nil || !strings.Contains(err.Error(), p) {
			t.Errorf("Load(%s): error %v does not name the file", p, err)
		}
	}
}

func TestCrop(t *testing.T) {
	m := source(10, 8)
	got := m.Crop(image.Rect(7, 5, 20, 20))
	if got.W != 3 || got.H != 3 {
		t.Fatalf("crop is %d×%d, want the 3×3 inside the image", got.W, got.H)
	}
	r0, g0, b0 := m.At8(8, 6)
	if r, g, b := got.At8(1, 1); r != r0 || g != g0 || b != b0 {
		t.Error("crop shows other pixels")
	}
	if !m.Crop(image.Rect(20, 20, 30, 30)).Empty() {
		t.Error("a crop outside the image has pixels")
	}
}

func FuzzDecode(f *testing.F) {
	var buf bytes.Buffer
	if err := source(5, 4).EncodePNG(&buf); err != nil {
		f.Fatal(err)
	}
	f.Add(buf.Bytes())
	for _, b := range seeds(f) {
		f.Add(b)
	}
	f.Add([]byte("GIF89a\xff\xff\xff\xff"))
	f.Add([]byte("BM"))
	f.Fuzz(func(t *testing.T, b []byte) {
		d, err := pix.Decode(bytes.NewReader(b), pix.Options{})
		if err == nil && d.Image.Validate() != nil {
			t.Error("Decode returned an invalid image without an error")
		}
	})
}

// Floor for 1024² from 256²: 3·(1024·256·6 + 1024·1024·6) = 23.6 M multiply-adds.
func BenchmarkRestore(b *testing.B) {
	_, place, err := pix.Fit(source(1024, 1024), 256)
	if err != nil {
		b.Fatal(err)
	}
	small := source(256, 256)
	b.SetBytes(3 * 1024 * 1024)
	for b.Loop() {
		if _, err := place.Restore(small); err != nil {
			b.Fatal(err)
		}
	}
}

// Floor for 256² from 1024²: 3·(256·1024·24 + 256·256·24) = 23.6 M multiply-adds.
func BenchmarkFit(b *testing.B) {
	img := source(1024, 1024)
	b.SetBytes(3 * 1024 * 1024)
	for b.Loop() {
		if _, _, err := pix.Fit(img, 256); err != nil {
			b.Fatal(err)
		}
	}
}
