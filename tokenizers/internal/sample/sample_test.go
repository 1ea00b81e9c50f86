package sample

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/vtbench/vtbench/datasets/textgen"
	"github.com/vtbench/vtbench/internal/assets"
	"github.com/vtbench/vtbench/internal/missing"
	"github.com/vtbench/vtbench/internal/testenv"
	"github.com/vtbench/vtbench/pix"
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

// What is fitted on shares neither photographs nor typefaces with what is scored.
func TestNothingOfAnEvaluationSet(t *testing.T) {
	drawn := map[string]string{}
	for _, f := range textgen.Faces() {
		drawn[f.Digest()] = f.Name
	}
	seen := map[string]bool{}
	for i, ttf := range Typefaces() {
		sum := sha256.Sum256(ttf)
		digest := hex.EncodeToString(sum[:])
		if name, ok := drawn[digest]; ok || seen[digest] {
			t.Errorf("typeface %d is %s of the rendered text set, or is there twice", i, name)
		}
		seen[digest] = true
	}
	photographs, err := Photographs()
	testenv.Need(t, err)
	if n := len(assets.Photographs(assets.Fit)); len(photographs) != n {
		t.Errorf("%d photographs were loaded, want %d", len(photographs), n)
	}
}

func TestPhotographsOfOtherBytesAreRefused(t *testing.T) {
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	var lacks *missing.Error
	if _, err := Photographs(); !errors.As(err, &lacks) {
		t.Errorf("without photographs: %v", err)
	}
	dir, err := assets.Dir()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	f := assets.Photographs(assets.Fit)[0]
	ext := filepath.Ext(f.Name)
	file := filepath.Join(dir, strings.TrimSuffix(f.Name, ext)+"-"+f.SHA256[:12]+ext)
	if err := os.WriteFile(file, []byte("something else"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Photographs(); err == nil || !strings.Contains(err.Error(), "SHA-256") {
		t.Errorf("another file: %v", err)
	}
}

func TestShrink(t *testing.T) {
	m := pix.New(90, 30)
	for i := range m.Pix {
		m.Pix[i] = 255
	}
	clear(m.Pix[:3])
	if s := Shrink(m, 45); s.W != 45 || s.H != 15 || s.Pix[len(s.Pix)-1] != 255 {
		t.Errorf("%d×%d", s.W, s.H)
	}
	if s := Shrink(m, 500); s.W != 90 || s.H != 30 {
		t.Errorf("enlarged to %d×%d", s.W, s.H)
	}
}
