package sample

import (
	"image"
	"image/color"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestPagesDependOnTheSeedOnly(t *testing.T) {
	page := func(seed uint64) (out [2]string) {
		text, err := NewText(seed)
		if err != nil {
			t.Fatal(err)
		}
		for i := range out {
			m, err := text.Page(120, 90)
			if err != nil {
				t.Fatal(err)
			}
			out[i] = m.Digest()
		}
		return out
	}
	a, b, c := page(1), page(1), page(2)
	if a != b {
		t.Error("the same seed draws other pages")
	}
	if a[0] == a[1] || a[0] == c[0] {
		t.Error("two pages are the same")
	}
}

func TestPhotosAreNamedOnceAndCredited(t *testing.T) {
	seen := map[string]bool{}
	for _, p := range Photos() {
		if seen[p.SHA256] || len(p.SHA256) != 64 || p.Author == "" || p.Licence == "" || strings.Contains(p.Licence, "SA") {
			t.Errorf("%+v", p)
		}
		seen[p.SHA256] = true
	}
}

func TestAnotherFileIsRefused(t *testing.T) {
	root := t.TempDir()
	p := Photos()[0]
	if _, err := p.Load(root); err == nil || !strings.Contains(err.Error(), "fetch.sh") {
		t.Errorf("no file: %v", err)
	}
	path := filepath.Join(root, filepath.FromSlash(p.Path))
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte("something else"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Load(root); err == nil || !strings.Contains(err.Error(), "SHA-256") {
		t.Errorf("another file: %v", err)
	}
}

func TestShrink(t *testing.T) {
	m := image.NewRGBA(image.Rect(0, 0, 90, 30))
	for i := range m.Pix {
		m.Pix[i] = 255
	}
	m.Set(0, 0, color.RGBA{A: 255})
	if s := Shrink(m, 45); s.W != 45 || s.H != 15 || s.Pix[len(s.Pix)-1] != 255 {
		t.Errorf("%d×%d", s.W, s.H)
	}
	if s := Shrink(m, 500); s.W != 90 || s.H != 30 {
		t.Errorf("enlarged to %d×%d", s.W, s.H)
	}
}
