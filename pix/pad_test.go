package pix_test

import (
	"slices"
	"testing"

	"github.com/vtbench/vtbench/pix"
)

func TestPad(t *testing.T) {
	m := pix.New(2, 3)
	for i := range m.Pix {
		m.Pix[i] = uint8(i)
	}
	p := pix.Pad(m, 4)
	if p.W != 4 || p.H != 4 || !p.Crop(pix.Whole(m).Inside).Equal(m) {
		t.Fatalf("padded to %d×%d, or changed", p.W, p.H)
	}
	if want := []uint8{0, 1, 2, 3, 4, 5, 3, 4, 5, 3, 4, 5}; !slices.Equal(p.Row(0), want) {
		t.Errorf("the first row is %v, want %v", p.Row(0), want)
	}
	if !slices.Equal(p.Row(3), p.Row(2)) {
		t.Error("the last row is not repeated")
	}
	for _, multiple := range []int{0, 1, 2} {
		even := pix.New(6, 4)
		if got := pix.Pad(even, multiple); &got.Pix[0] != &even.Pix[0] {
			t.Errorf("a multiple of %d is copied", multiple)
		}
	}
}

// An image at its own size comes back as it is, and another size is refused.
func TestWhole(t *testing.T) {
	m := pix.New(5, 7)
	p := pix.Whole(m)
	if got, err := p.Restore(m); err != nil || !got.Equal(m) {
		t.Errorf("restored to %d×%d, %v", got.W, got.H, err)
	}
	if _, err := p.Restore(pix.New(7, 5)); err == nil {
		t.Error("an image of another size is restored")
	}
	if got, err := p.RestoreBox(m, p.Inside); err != nil || !got.Equal(m) {
		t.Errorf("its whole box is %d×%d, %v", got.W, got.H, err)
	}
}
