package jpeg

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"image"
	"image/color"
	stdjpeg "image/jpeg"
	"os"
	"slices"
	"strings"
	"testing"
)

// encoded is a small file of baseline JPEG, 4:2:0.
func encoded(tb testing.TB, w, h int) []byte {
	tb.Helper()
	m := image.NewRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			m.Set(x, y, color.RGBA{uint8(x * 5), uint8(y * 7), uint8(x * y), 255})
		}
	}
	var b bytes.Buffer
	if err := stdjpeg.Encode(&b, m, &stdjpeg.Options{Quality: 90}); err != nil {
		tb.Fatal(err)
	}
	return b.Bytes()
}

// patched replaces bytes of the frame header, from the marker on.
func patched(b []byte, at int, v ...byte) []byte {
	out := slices.Clone(b)
	i := bytes.Index(out, []byte{0xff, 0xc0})
	copy(out[i+at:], v)
	return out
}

// What is not decoded is refused by its name, with the way out.
func TestRefused(t *testing.T) {
	good := encoded(t, 40, 30)
	scan := bytes.Index(good, []byte{0xff, 0xda})
	for _, tc := range []struct {
		name string
		b    []byte
		want string
	}{
		{"12 bits", patched(good, 4, 12), "12 bits a sample"},
		{"lossless", patched(good, 1, 0xc3), "lossless JPEG"},
		{"hierarchical", patched(good, 1, 0xc5), "hierarchical JPEG"},
		{"arithmetic", patched(good, 1, 0xc9), "arithmetic codes"},
		{"no height", patched(good, 5, 0, 0), "DNL"},
		{"no width", patched(good, 7, 0, 0), "width of 0"},
		{"a bomb", patched(good, 5, 0xff, 0xff, 0xff, 0xff), "megapixels"},
		{"a large claim", patched(good, 5, 0x20, 0, 0x20, 0), "bytes cannot hold"},
		{"2 components", patched(good, 9, 2), "2 components"},
		{"sampling that divides nothing", patched(good, 11, 0x31, 0, 2, 0x21), "is not read, nor by libjpeg"},
		{"cut in the scan", good[:len(good)-30], "ends early"},
		{"cut before the scan", good[:scan], "ends early"},
		{"no JPEG", []byte("GIF89a"), "does not begin with FF D8"},
		{"nothing", nil, "does not begin with FF D8"},
		{"headers only", append(slices.Clone(good[:scan]), 0xff, 0xd9), "no scan"},
	} {
		m, err := Decode(tc.b)
		if err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: %d×%d, error %v, want one with %q", tc.name, m.W, m.H, err, tc.want)
		}
	}
	// A missing end marker and bytes before markers cost nothing.
	want, err := Decode(good)
	if err != nil {
		t.Fatal(err)
	}
	for name, b := range map[string][]byte{
		"no end marker":    good[:len(good)-2],
		"bytes between":    slices.Concat(good[:scan], []byte{1, 2, 3}, good[scan:]),
		"bytes at the end": append(slices.Clone(good), 1, 2, 3),
	} {
		got, err := Decode(b)
		if err != nil || !bytes.Equal(got.Pix, want.Pix) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestHeader(t *testing.T) {
	h, err := DecodeHeader(encoded(t, 41, 30))
	if err != nil || h.W != 41 || h.H != 30 || h.Model != YCbCr || h.Progressive {
		t.Errorf("%+v, %v", h, err)
	}
}

// seeds are the JPEG files of Pillow's table.
func seeds(tb testing.TB) [][]byte {
	tb.Helper()
	b, err := os.ReadFile("../../pix/testdata/pillow.json")
	if err != nil {
		tb.Fatal(err)
	}
	var table struct{ Rows []struct{ Name, File string } }
	if err := json.Unmarshal(b, &table); err != nil {
		tb.Fatal(err)
	}
	var out [][]byte
	for _, r := range table.Rows {
		if f, err := base64.StdEncoding.DecodeString(r.File); err == nil && strings.HasPrefix(r.Name, "jpeg") {
			out = append(out, f)
		}
	}
	return out
}

// Whatever a file holds: an error, or pixels of the size that the header states.
func FuzzDecode(f *testing.F) {
	for _, b := range seeds(f) {
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := Decode(b)
		if err == nil && (m.W <= 0 || m.H <= 0 || len(m.Pix) != 3*m.W*m.H) {
			t.Errorf("%d×%d with %d bytes", m.W, m.H, len(m.Pix))
		}
	})
}

// Any one byte changed must not make the decoder panic or hang.
func TestDamaged(t *testing.T) {
	for _, b := range seeds(t)[:12] {
		for i := 2; i < len(b); i += 1 + len(b)/150 {
			for _, v := range []byte{0, 0xff, b[i] ^ 0x55} {
				bad := slices.Clone(b)
				bad[i] = v
				if m, err := Decode(bad); err == nil && len(m.Pix) != 3*m.W*m.H {
					t.Fatalf("byte %d: %d×%d with %d bytes", i, m.W, m.H, len(m.Pix))
				}
			}
		}
	}
}

// BenchmarkDecode is set beside OpenCV's imread by testdata/speed.py.
func BenchmarkDecode(b *testing.B) {
	for _, size := range []int{256, 1024} {
		file := encoded(b, size, size)
		b.Run(map[int]string{256: "256", 1024: "1024"}[size], func(b *testing.B) {
			b.SetBytes(int64(3 * size * size))
			for b.Loop() {
				if _, err := Decode(file); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
