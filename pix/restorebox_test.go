package pix_test

import (
	"image"
	"math/rand/v2"
	"testing"

	"github.com/vtbench/vtbench/pix"
)

// TestRestoreBox: a part that is made alone is that part of the whole.
func TestRestoreBox(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for _, size := range [][2]int{{64, 48}, {48, 64}, {32, 32}, {32, 20}, {20, 32}, {300, 7}} {
		img := pix.New(size[0], size[1])
		for i := range img.Pix {
			img.Pix[i] = uint8(rng.UintN(256))
		}
		small, place, err := pix.Fit(img, 32)
		if err != nil {
			t.Fatal(err)
		}
		whole, err := place.Restore(small)
		if err != nil {
			t.Fatal(err)
		}
		for range 40 {
			x, y := rng.IntN(size[0]+20)-10, rng.IntN(size[1]+20)-10
			box := image.Rect(x, y, x+rng.IntN(size[0]), y+rng.IntN(size[1]))
			got, err := place.RestoreBox(small, box)
			if want := whole.Crop(box); err != nil || got.Empty() != want.Empty() || !got.Empty() && !got.Equal(want) {
				t.Fatalf("%v of %v: another part (%v)", box, size, err)
			}
		}
	}
}
