package typeset

import (
	"image"
	"strings"
	"testing"

	"github.com/go-fonts/dejavu/dejavusans"
	"golang.org/x/image/font/gofont/goregular"

	"github.com/vtbench/vtbench/pix"
)

func parse(t testing.TB, ttf []byte) *Font {
	t.Helper()
	f, err := Parse("test", ttf, 0)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func set(t testing.TB, f *Font, text string) Line {
	t.Helper()
	l, err := f.Set(text)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// inkOf is the box of all pixels that are not white, and how dark they are in all.
func inkOf(m pix.Image) (box image.Rectangle, dark int) {
	for y := range m.H {
		for x := range m.W {
			if v := m.Pix[3*(y*m.W+x)]; v < 255 {
				box = box.Union(image.Rect(x, y, x+1, y+1))
				dark += 255 - int(v)
			}
		}
	}
	return box, dark
}

func white(w, h int) pix.Image {
	m := pix.New(w, h)
	for i := range m.Pix {
		m.Pix[i] = 255
	}
	return m
}

// The box that is told is that of the ink, but for coverage that rounds to nothing.
func TestBoxIsThatOfTheInk(t *testing.T) {
	f := parse(t, goregular.TTF)
	for _, text := range []string{"Hamburg", "agjpq", "·", "W 7"} {
		for _, px := range []float64{9, 20.8, 61} {
			m := white(500, 120)
			box := set(t, f, text).Draw(m, 20.3, 80.6, px, Color{})
			ink, dark := inkOf(m)
			if !ink.In(box) || !box.Inset(1).In(ink) && box.Dx() > 3 && box.Dy() > 3 || dark == 0 {
				t.Errorf("%q at %g: box %v, ink %v", text, px, box, ink)
			}
		}
	}
}

func TestAdvanceAndKerning(t *testing.T) {
	f := parse(t, dejavusans.TTF)
	a, v, av := set(t, f, "A"), set(t, f, "V"), set(t, f, "AV")
	if av.Advance >= a.Advance+v.Advance {
		t.Error("AV is not kerned")
	}
	n := set(t, f, "n")
	if w := set(t, f, "nn").Advance; w != 2*n.Advance {
		t.Errorf("nn is %g wide, n %g", w, n.Advance)
	}
}

// Arabic letters join, which makes a word narrower than its letters apart, and the first
// letter stands at the right; numbers in it keep their order.
func TestArabic(t *testing.T) {
	f := parse(t, dejavusans.TTF)
	apart := 0.0
	for _, r := range "محمد" {
		apart += set(t, f, string(r)).Advance
	}
	if joined := set(t, f, "محمد").Advance; joined >= apart {
		t.Errorf("joined %g, apart %g", joined, apart)
	}
	// An alef, then a long word: the alef's ink is at the right end.
	m, n := white(300, 80), white(300, 80)
	set(t, f, "ا محمد").Draw(m, 10, 60, 40, Color{})
	box := set(t, f, "محمد").Draw(n, 10, 60, 40, Color{})
	whole, _ := inkOf(m)
	if whole.Max.X <= box.Max.X {
		t.Errorf("%v with a first letter, %v without: it does not stand at the right", whole, box)
	}
	for x := box.Min.X; x < box.Max.X; x++ {
		for y := range m.H {
			if m.Pix[3*(y*m.W+x)] != n.Pix[3*(y*n.W+x)] {
				t.Fatalf("the word is another where a letter stands before it, at (%d, %d)", x, y)
			}
		}
	}
	runs := split([]rune("عام 1936 وطوله"))
	if len(runs) != 3 || runs[1].end-runs[1].start != 4 || !baseRTL(runs) {
		t.Errorf("runs: %+v", runs)
	}
	for _, text := range []string{"a + b = 3,5", "E = mc²", "3x² + 2x − 7"} {
		if runs := split([]rune(text)); len(runs) == 0 || runs[0].start != 0 || runs[len(runs)-1].end != len([]rune(text)) {
			t.Errorf("%q: runs %+v", text, runs)
		}
	}
}

func TestWhatAFontLacks(t *testing.T) {
	f := parse(t, goregular.TTF)
	if _, err := f.Set("Nähe 東"); err == nil || !strings.Contains(err.Error(), "U+6771") {
		t.Errorf("a character that is not there: %v", err)
	}
	if _, err := f.Set("  "); err == nil {
		t.Error("a text without ink")
	}
	if _, err := Parse("bad", []byte("no font"), 0); err == nil {
		t.Error("a file that is no font")
	}
	if _, err := Parse("few", goregular.TTF, 3); err == nil {
		t.Error("a face that is not there")
	}
	for n := 0; n < len(goregular.TTF); n += len(goregular.TTF) / 30 {
		if g, err := Parse("cut", goregular.TTF[:n], 0); err == nil {
			_, _ = g.Set("Hamburg") // an error or not, no panic
		}
	}
}
