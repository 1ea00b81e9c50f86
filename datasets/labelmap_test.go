package datasets_test

import (
	"image"
	"slices"
	"strings"
	"testing"

	"github.com/vtbench/vtbench/datasets"
)

var twoClasses = []datasets.Class{{Name: "road", Colour: [3]uint8{128, 64, 128}}, {Name: "car", Colour: [3]uint8{0, 0, 142}, Objects: true}}

func TestLabelMapFaults(t *testing.T) {
	good := func() *datasets.LabelMap {
		return &datasets.LabelMap{W: 2, H: 1, Index: []uint8{0, datasets.Void}, Classes: slices.Clone(twoClasses)}
	}
	if err := good().Validate(); err != nil {
		t.Fatalf("a sound map: %v", err)
	}
	for what, spoil := range map[string]func(*datasets.LabelMap){
		"1 labels":      func(m *datasets.LabelMap) { m.Index = m.Index[:1] },
		"0 classes":     func(m *datasets.LabelMap) { m.Classes = nil },
		"two classes":   func(m *datasets.LabelMap) { m.Classes[1].Name = "road" },
		"one colour":    func(m *datasets.LabelMap) { m.Classes[1].Colour = m.Classes[0].Colour },
		"void":          func(m *datasets.LabelMap) { m.Classes[1].Colour = [3]uint8{} },
		"2 of 2":        func(m *datasets.LabelMap) { m.Index[0] = 2 },
		"without a nam": func(m *datasets.LabelMap) { m.Classes[0].Name = "" },
	} {
		m := good()
		spoil(m)
		if err := m.Validate(); err == nil || !strings.Contains(err.Error(), what) {
			t.Errorf("want %q in the error, got %v", what, err)
		}
	}
}

func TestLabelMapPaint(t *testing.T) {
	m := &datasets.LabelMap{W: 3, H: 1, Index: []uint8{1, datasets.Void, 0}, Classes: twoClasses}
	if got, want := m.Paint().Pix, []uint8{0, 0, 142, 0, 0, 0, 128, 64, 128}; !slices.Equal(got, want) {
		t.Errorf("painted as %v, want %v", got, want)
	}
}

func TestLabelMapFit(t *testing.T) {
	const v = datasets.Void
	m := &datasets.LabelMap{W: 4, H: 2, Index: []uint8{0, 0, 1, 1, 0, v, 1, 0}, Classes: twoClasses}
	for _, c := range []struct {
		inside image.Rectangle
		w, h   int
		want   []uint8
	}{
		{image.Rect(0, 0, 4, 2), 4, 2, m.Index},
		// Twice the size, below an empty row.
		{image.Rect(0, 1, 8, 5), 8, 6, []uint8{
			v, v, v, v, v, v, v, v,
			0, 0, 0, 0, 1, 1, 1, 1,
			0, 0, 0, 0, 1, 1, 1, 1,
			0, 0, v, v, 1, 1, 0, 0,
			0, 0, v, v, 1, 1, 0, 0,
			v, v, v, v, v, v, v, v,
		}},
		// Half of it: centres of pixels fall on the right one of two.
		{image.Rect(0, 0, 2, 1), 2, 2, []uint8{v, 0, v, v}},
	} {
		if got := m.Fit(c.inside, c.w, c.h); !slices.Equal(got.Index, c.want) || got.Validate() != nil {
			t.Errorf("fitted to %v of %d×%d: %v, want %v", c.inside, c.w, c.h, got.Index, c.want)
		}
	}
}
