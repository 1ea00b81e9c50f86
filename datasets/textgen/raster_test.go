package textgen

import (
	"image"
	"math"
	"testing"

	"pgregory.net/rapid"

	"github.com/vtbench/vtbench/datasets/internal/fill"
)

// coverage rasterises polygons into a window: 0…fill.FullCover a pixel.
func coverage(win image.Rectangle, polys ...[]pt) []int {
	var r raster
	r.Reset(win)
	for _, p := range polys {
		r.polygon(p)
	}
	out := make([]int, win.Dx()*win.Dy())
	for y := range win.Dy() {
		sum := 0
		for x := range win.Dx() {
			sum += int(r.Row(y)[x])
			out[y*win.Dx()+x] = sum
		}
	}
	return out
}

func TestCoverageIsExact(t *testing.T) {
	for _, tc := range []struct {
		name string
		ps   []pt
		want []float64 // of 3×2 pixels
	}{
		{"pixel", []pt{{1, 0}, {2, 0}, {2, 1}, {1, 1}}, []float64{0, 1, 0, 0, 0, 0}},
		{"quarter of four", []pt{{.5, .5}, {1.5, .5}, {1.5, 1.5}, {.5, 1.5}}, []float64{.25, .25, 0, .25, .25, 0}},
		{"triangle over a row", []pt{{0, 0}, {2, 0}, {0, 1}}, []float64{.75, .25, 0, 0, 0, 0}},
		{"beyond all sides", []pt{{-9, -9}, {9, -9}, {9, 9}, {-9, 9}}, []float64{1, 1, 1, 1, 1, 1}},
		{"to the left", []pt{{-9, 0}, {-1, 0}, {-1, 2}, {-9, 2}}, []float64{0, 0, 0, 0, 0, 0}},
		{"to the right", []pt{{4, 0}, {7, 0}, {7, 2}, {4, 2}}, []float64{0, 0, 0, 0, 0, 0}},
	} {
		for i, got := range coverage(image.Rect(0, 0, 3, 2), tc.ps) {
			if math.Abs(math.Abs(float64(got))/fill.FullCover-tc.want[i]) > 1e-9 {
				t.Errorf("%s: pixel %d is covered by %g, want %g", tc.name, i, float64(got)/fill.FullCover, tc.want[i])
			}
		}
	}
	ring := coverage(image.Rect(0, 0, 3, 3), []pt{{0, 0}, {3, 0}, {3, 3}, {0, 3}}, []pt{{1, 1}, {1, 2}, {2, 2}, {2, 1}})
	if ring[4] != 0 || ring[0] != ring[8] || ring[0] == 0 {
		t.Errorf("a hole of opposite direction is covered: %v", ring)
	}
}

func drawPolygon(t *rapid.T) []pt {
	n := rapid.IntRange(3, 9).Draw(t, "n")
	ps := make([]pt, n)
	for i := range ps {
		ps[i] = pt{float64(rapid.IntRange(-2000, 12000).Draw(t, "x")) / 256, float64(rapid.IntRange(-2000, 12000).Draw(t, "y")) / 256}
	}
	return ps
}

// The coverage of all pixels adds up to the signed area of the polygon (shoelace
// formula), up to what integer division loses at crossings of pixel edges.
func TestCoverageAddsUpToArea(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ps := drawPolygon(t)
		area := 0.0
		for i, p := range ps {
			q := ps[(i+1)%len(ps)]
			area += (p.x*q.y - q.x*p.y) / 2
		}
		sum := 0
		for _, c := range coverage(image.Rect(-10, -10, 50, 50), ps) {
			sum += c
		}
		// Up to 64 rows and columns an edge, 1/256 pixel each.
		if got := math.Abs(float64(sum) / fill.FullCover); math.Abs(got-math.Abs(area)) > float64(len(ps))*64/256 {
			t.Fatalf("covered %g, area %g", got, area)
		}
	})
}

// A window shows the same as the same place of a larger one.
func TestWindowsAgree(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ps := drawPolygon(t)
		all := image.Rect(-10, -10, 50, 50)
		x, y := rapid.IntRange(-10, 40).Draw(t, "wx"), rapid.IntRange(-10, 40).Draw(t, "wy")
		win := image.Rect(x, y, x+rapid.IntRange(1, 9).Draw(t, "ww"), y+rapid.IntRange(1, 9).Draw(t, "wh"))
		big, small := coverage(all, ps), coverage(win, ps)
		for py := win.Min.Y; py < win.Max.Y; py++ {
			for px := win.Min.X; px < win.Max.X; px++ {
				a := big[(py-all.Min.Y)*all.Dx()+px-all.Min.X]
				b := small[(py-win.Min.Y)*win.Dx()+px-win.Min.X]
				if a != b {
					t.Fatalf("pixel %d,%d: %d in the whole, %d in the window", px, py, a, b)
				}
			}
		}
	})
}

func TestSineAndCosine(t *testing.T) {
	for x := -0.8; x <= 0.8; x += 0.01 {
		if math.Abs(sine(x)-math.Sin(x)) > 1e-8 || math.Abs(cosine(x)-math.Cos(x)) > 1e-7 {
			t.Errorf("at %g: %g and %g, want %g and %g", x, sine(x), cosine(x), math.Sin(x), math.Cos(x))
		}
	}
}

func TestQuadMap(t *testing.T) {
	q := [4]pt{{10, 20}, {200, 35}, {190, 120}, {5, 100}}
	m := quadMap(40, 30, q)
	for i, p := range []pt{{0, 0}, {40, 0}, {40, 30}, {0, 30}} {
		for _, d := range []pt{{0, 0}, {7, -3}} {
			got := m.moved(d.x, d.y).apply(p)
			if math.Abs(got.x-q[i].x-d.x) > 1e-9 || math.Abs(got.y-q[i].y-d.y) > 1e-9 {
				t.Errorf("corner %d moved by %v goes to %v, want %v", i, d, got, q[i])
			}
		}
	}
	r := rotation(tilt(90.0/4), 5, 5, 50, 60) // twice is 45°
	got := r.apply(pt{15, 5})
	if math.Abs(got.x-50-10*math.Cos(math.Pi/8)) > 1e-6 || math.Abs(got.y-60-10*math.Sin(math.Pi/8)) > 1e-6 {
		t.Errorf("turned to %v", got)
	}
}

func TestRNG(t *testing.T) {
	r := newRNG(1, 2)
	var seen [7]int
	for range 7000 {
		seen[r.n(7)]++
		if u := r.in(-2, 3); u < -2 || u >= 3 {
			t.Fatalf("%g is not in [-2, 3)", u)
		}
	}
	for v, n := range seen {
		if n < 850 || n > 1150 {
			t.Errorf("%d was drawn %d times of 7000, want about 1000", v, n)
		}
	}
}
