package datasets

import (
	"fmt"
	"image"

	"github.com/vtbench/vtbench/pix"
)

// A LabelMap says of every pixel of an image which class it belongs to. The image of an
// item that has one is the map painted in the colours of its classes ([LabelMap.Paint]):
// tokenizers are given masks as pictures.
type LabelMap struct {
	W, H    int
	Index   []uint8 // row-major, W·H: index into Classes, or Void
	Classes []Class // at most 255; the same for all items of a data set
}

// Void is the index of pixels that are never scored. They are painted black.
const Void = 255

// A Class is one kind of thing in label maps.
type Class struct {
	Name   string
	Colour [3]uint8 // sRGB; each class has its own, and none is that of void
	// Objects marks classes of things that can be counted, such as cars, where a
	// connected region is an object; the others are surfaces, such as road.
	Objects bool
}

// Validate checks that a label map can be painted and told apart again.
func (m *LabelMap) Validate() error {
	if m.W <= 0 || m.H <= 0 || len(m.Index) != m.W*m.H {
		return fmt.Errorf("label map of %d×%d has %d labels", m.W, m.H, len(m.Index))
	}
	if n := len(m.Classes); n == 0 || n > Void {
		return fmt.Errorf("label map has %d classes, want 1 to %d", n, Void)
	}
	names, colours := map[string]bool{}, map[[3]uint8]string{{}: "void"}
	for _, c := range m.Classes {
		if c.Name == "" || names[c.Name] {
			return fmt.Errorf("label map has two classes called %q, or one without a name", c.Name)
		}
		if other, ok := colours[c.Colour]; ok {
			return fmt.Errorf("classes %s and %s have one colour, %v", other, c.Name, c.Colour)
		}
		names[c.Name], colours[c.Colour] = true, c.Name
	}
	for i, k := range m.Index {
		if int(k) >= len(m.Classes) && k != Void {
			return fmt.Errorf("label at %d, %d is %d of %d classes", i%m.W, i/m.W, k, len(m.Classes))
		}
	}
	return nil
}

// Paint returns the picture of a label map.
func (m *LabelMap) Paint() pix.Image {
	var colours [256][3]uint8
	for i, c := range m.Classes {
		colours[i] = c.Colour
	}
	img := pix.New(m.W, m.H)
	for i, k := range m.Index {
		copy(img.Pix[3*i:3*i+3], colours[k][:])
	}
	return img
}

// Fit brings a label map to where its image lies in one of w×h pixels: every pixel takes
// the label at its centre, so no colour arises that is no class's, and what lies outside
// is Void.
func (m *LabelMap) Fit(inside image.Rectangle, w, h int) *LabelMap {
	out := &LabelMap{W: w, H: h, Index: make([]uint8, w*h), Classes: m.Classes}
	for i := range out.Index {
		out.Index[i] = Void
	}
	for y := inside.Min.Y; y < inside.Max.Y; y++ {
		row := m.Index[(2*(y-inside.Min.Y)+1)*m.H/(2*inside.Dy())*m.W:]
		for x := inside.Min.X; x < inside.Max.X; x++ {
			out.Index[y*w+x] = row[(2*(x-inside.Min.X)+1)*m.W/(2*inside.Dx())]
		}
	}
	return out
}
