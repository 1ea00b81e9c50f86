package sheet_test

import (
	"context"
	"errors"
	"image"
	"strings"
	"testing"

	"github.com/vtbench/vtbench/datasets"
	"github.com/vtbench/vtbench/datasets/sheet"
	"github.com/vtbench/vtbench/pix"
)

// three has a wide image with a box, one that fails, and one of nothing.
type three struct{}

func (three) Info() datasets.Info { return datasets.Info{ID: "three"} }
func (three) IDs() []string       { return []string{"wide", "broken", "gray"} }
func (three) Load(_ context.Context, i int) (datasets.Item, error) {
	switch i {
	case 0:
		m := pix.New(80, 40)
		for j := range m.Pix {
			m.Pix[j] = 200
		}
		return datasets.Item{ID: "wide", Image: m, Instances: []datasets.Instance{
			{Box: image.Rect(20, 10, 40, 30), Points: []datasets.Point{{X: 33, Y: 23}}}, {Box: image.Rect(60, 10, 90, 30), Ignore: true},
		}}, nil
	case 1:
		return datasets.Item{}, errors.New("is damaged")
	}
	m := pix.New(16, 16)
	for j := range m.Pix {
		m.Pix[j] = 100
	}
	return datasets.Item{ID: "gray", Image: m}, nil
}

func TestContact(t *testing.T) {
	img, err := sheet.Contact(t.Context(), three{}, sheet.Options{Columns: 2, Thumb: 40, Boxes: true})
	if err == nil || !strings.Contains(err.Error(), "item broken: is damaged") {
		t.Errorf("error %v does not name the broken item", err)
	}
	if img.W != 6+2*46 || img.H != 6+2*46 {
		t.Fatalf("sheet is %d×%d", img.W, img.H)
	}
	at := func(x, y int) [3]uint8 { r, g, b := img.At8(x, y); return [3]uint8{r, g, b} }
	// The wide image is 40×20 at the top of its cell, its box 10,5–20,15 there.
	for _, tc := range []struct {
		x, y int
		want [3]uint8
		what string
	}{
		{6, 6, [3]uint8{200, 200, 200}, "corner of the image"},
		{6, 5, [3]uint8{0x2A, 0x2C, 0x30}, "paper above it"},
		{6 + 9, 6 + 4, [3]uint8{0x2E, 0xE6, 0x7A}, "corner of the box"},
		{6 + 12, 6 + 10, [3]uint8{200, 200, 200}, "inside the box"},
		{6 + 16, 6 + 11, [3]uint8{0x3D, 0xC8, 0xFF}, "key point"},
		{6 + 16, 6 + 13, [3]uint8{0x3D, 0xC8, 0xFF}, "arm of its cross"},
		{6 + 17, 6 + 12, [3]uint8{200, 200, 200}, "beside the cross"},
		{6 + 29, 6 + 8, [3]uint8{0xFF, 0x5C, 0x5C}, "edge of the ignored box"},
		{6 + 40, 6 + 8, [3]uint8{0x2A, 0x2C, 0x30}, "paper beside the image, where the box would go on"},
		{52, 6, [3]uint8{0xFF, 0x5C, 0x5C}, "cross of the broken item"},
		{20, 60, [3]uint8{100, 100, 100}, "third item"},
		{60, 60, [3]uint8{0x2A, 0x2C, 0x30}, "empty cell"},
	} {
		if got := at(tc.x, tc.y); got != tc.want {
			t.Errorf("%s: %v at %d,%d, want %v", tc.what, got, tc.x, tc.y, tc.want)
		}
	}
	if _, err := sheet.Contact(t.Context(), three{}, sheet.Options{Items: 1}); err != nil {
		t.Errorf("one good item: %v", err)
	}
	if _, err := sheet.Contact(t.Context(), three{}, sheet.Options{Thumb: 1 << 20}); err == nil {
		t.Error("a sheet of terapixels was begun")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := sheet.Contact(ctx, cancelled{}, sheet.Options{}); !errors.Is(err, context.Canceled) {
		t.Errorf("after cancelling: %v", err)
	}
}

type cancelled struct{ three }

func (cancelled) Load(ctx context.Context, _ int) (datasets.Item, error) {
	return datasets.Item{}, ctx.Err()
}
