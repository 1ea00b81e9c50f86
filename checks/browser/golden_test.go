package browser_test

import (
	"bytes"
	"flag"
	"image"
	"image/color"
	"image/png"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"golang.org/x/image/draw"
)

var update = flag.Bool("update", false, "write the golden pictures of views anew")

// Goldens are pictures of views, scaled down to cells of twenty pixels: they show where
// what is and in which colours, and little of the letters, since machines have other
// fonts. A view may differ by golden levels of 255 on average, and by farOff in a tenth of
// its cells.
const (
	cellSide = 20
	golden   = 9
	farOff   = 48
)

// held are the views that are held against a golden.
var held = []string{"top", "results", "plots", "cloud", "gallery-two", "gallery-images", "alone", "alone-slider", "alone-map", "explore"}

func compareGolden(t *testing.T, name string, shot []byte) {
	t.Helper()
	img, err := png.Decode(bytes.NewReader(shot))
	if err != nil {
		t.Fatal(err)
	}
	b := img.Bounds()
	small := image.NewRGBA(image.Rect(0, 0, b.Dx()/cellSide, b.Dy()/cellSide))
	draw.BiLinear.Scale(small, small.Bounds(), img, b, draw.Src, nil)
	path := filepath.Join("testdata", "golden", name+".png")
	if *update {
		var out bytes.Buffer
		if err := png.Encode(&out, small); err != nil {
			t.Fatal(err)
		}
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, out.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	f, err := os.ReadFile(path) //nolint:forbidigo // our own file
	if err != nil {
		t.Fatal(err)
	}
	want, err := png.Decode(bytes.NewReader(f))
	if err != nil {
		t.Fatal(err)
	}
	if want.Bounds() != small.Bounds() {
		t.Errorf("%s is %v cells, want %v", name, small.Bounds().Max, want.Bounds().Max)
		return
	}
	sum, far, n := 0, 0, 0
	for y := range small.Bounds().Dy() {
		for x := range small.Bounds().Dx() {
			p, q := small.RGBAAt(x, y), color.RGBAModel.Convert(want.At(x, y)).(color.RGBA)
			d := max(apart(p.R, q.R), apart(p.G, q.G), apart(p.B, q.B))
			sum += d
			n++
			if d > farOff {
				far++
			}
		}
	}
	if sum > golden*n || far > n/10 {
		t.Errorf("%s differs from %s: by %d of 255 on average, and by more than %d in %d of %d cells; look at it (-shots FOLDER), then -update", name, path, sum/n, farOff, far, n)
	}
}

func apart(a, b uint8) int { return max(int(a), int(b)) - min(int(a), int(b)) }

func isHeld(view string) bool { return slices.Contains(held, view) }
