package portraits

import (
	"image"
	"testing"

	"github.com/vtbench/vtbench/pix"
)

// A square from (2,2) to (12,12), corners at the centres of pixels.
var square = []image.Point{{2, 2}, {12, 2}, {12, 12}, {2, 12}}

func TestInside(t *testing.T) {
	r := bounds(square)
	if r != image.Rect(2, 2, 13, 13) {
		t.Fatalf("bounds %v", r)
	}
	n := inside(square, r)
	for _, tc := range []struct{ x, y, want int }{
		{5, 5, samples * samples}, {0, 5, samples * samples / 2}, {5, 10, samples * samples / 2}, {10, 10, samples * samples / 4},
	} {
		if got := n[tc.y*r.Dx()+tc.x]; got != tc.want {
			t.Errorf("%d samples of pixel %d,%d lie inside, want %d", got, tc.x, tc.y, tc.want)
		}
	}
	sum := 0
	for _, v := range n {
		sum += v
	}
	if sum != 10*10*samples*samples {
		t.Errorf("the square has an area of %g, want 100", float64(sum)/samples/samples)
	}
	// Order and start of the corners say nothing.
	again := inside([]image.Point{{12, 12}, {12, 2}, {2, 2}, {2, 12}}, r)
	for i := range n {
		if n[i] != again[i] {
			t.Fatalf("pixel %d: %d samples, backwards %d", i, n[i], again[i])
		}
	}
	// A notch is outside.
	notched := inside([]image.Point{{2, 2}, {7, 8}, {12, 2}, {12, 12}, {2, 12}}, r)
	if notched[1*r.Dx()+5] != 0 || notched[9*r.Dx()+5] != samples*samples {
		t.Errorf("in the notch %d samples, below it %d", notched[1*r.Dx()+5], notched[9*r.Dx()+5])
	}
}

// The rim fades within the outline; what surrounds the head never shows, at no size.
func TestSurroundingsStayBehind(t *testing.T) {
	m := pix.New(40, 40)
	outline := []image.Point{{8, 8}, {31, 8}, {31, 31}, {8, 31}}
	for y := range m.H {
		for x := range m.W {
			c := [3]uint8{0, 255, 0} // surroundings
			if image.Pt(x, y).In(image.Rect(8, 8, 32, 32)) {
				c = [3]uint8{200, 0, 200}
			}
			copy(m.Row(y)[3*x:], c[:])
		}
	}
	whole := cutOut(m, outline)
	for _, side := range []int{24, 17, 8} {
		b, err := whole.scale(side, side)
		if err != nil {
			t.Fatal(err)
		}
		canvas := pix.New(30, 30)
		b.over(canvas, 3, 4)
		for y := range canvas.H {
			for x := range canvas.W {
				// Lanczos rings by a few hundredths.
				if _, g, _ := canvas.At8(x, y); g > 8 {
					t.Fatalf("side %d: green %d shines through at %d,%d", side, g, x, y)
				}
			}
		}
		if r, _, _ := canvas.At8(3+side/2, 4+side/2); r < 196 || r > 204 {
			t.Errorf("side %d: the middle is %d, want 200", side, r)
		}
		if r, _, _ := canvas.At8(2, 4+side/2); r != 0 {
			t.Errorf("side %d: something lies beside the cut-out", side)
		}
	}
	// Where it covers all, nothing of the canvas is left; where it covers nothing, all.
	canvas := pix.New(24, 24)
	for i := range canvas.Pix {
		canvas.Pix[i] = 90
	}
	whole.over(canvas, 0, 0)
	if r, g, b := canvas.At8(12, 12); r != 200 || g != 0 || b != 200 {
		t.Errorf("the middle is %d %d %d", r, g, b)
	}
	if r, g, b := canvas.At8(0, 0); r != 90 || g != 90 || b != 90 {
		t.Errorf("the corner is %d %d %d", r, g, b)
	}
}

// Annotations are sane before any pixel is read: key points within faces, faces
// within outlines' bounds, nothing enlarged.
func TestAnnotations(t *testing.T) {
	for _, p := range portraitsAtHand {
		r := bounds(p.outline)
		if !p.face.In(r) {
			t.Errorf("%s: the face %v leaves the cut-out %v", p.name, p.face, r)
		}
		n := inside(p.outline, r)
		for i, q := range p.points {
			at := image.Pt(int(q.X), int(q.Y))
			if !at.In(p.face) || n[(at.Y-r.Min.Y)*r.Dx()+at.X-r.Min.X] != samples*samples {
				t.Errorf("%s: key point %d at %v lies outside", p.name, i, q)
			}
		}
		for _, ratio := range ratios {
			face := max(p.face.Dx(), p.face.Dy())
			side := min(maxCanvas, int(float64(face)/ratio))
			if k := ratio * float64(side) / float64(face); k > 1 {
				t.Errorf("%s at %g is enlarged by %g", p.name, ratio, k)
			}
		}
	}
}

func TestMirrorTwice(t *testing.T) {
	m := pix.New(3, 2)
	for i := range m.Pix {
		m.Pix[i] = uint8(i)
	}
	if once := mirror(m); once.Equal(m) || !mirror(once).Equal(m) {
		t.Error("twice mirrored is not the image itself")
	}
}
