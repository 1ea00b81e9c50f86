package model

import (
	"encoding/json"
	"math"
	"os"
	"testing"

	"pgregory.net/rapid"

	"github.com/vtbench/vtbench/datasets"
	"github.com/vtbench/vtbench/pix"
)

// alignGolden is testdata/align.json: scikit-image's and OpenCV's values
// (testdata/align_golden.py).
func alignGolden(t *testing.T) (g struct {
	Fits []struct {
		From, To     [][2]float64
		A, B, TX, TY float64
	}
	Warps []struct {
		A, B, TX, TY float64
		Chip         []int
	}
},
) {
	t.Helper()
	b, err := os.ReadFile("testdata/align.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, &g); err != nil {
		t.Fatal(err)
	}
	return g
}

func toPoints(p [][2]float64) (out []datasets.Point) {
	for _, q := range p {
		out = append(out, datasets.Point{X: q[0], Y: q[1]})
	}
	return out
}

func TestFitSimilarityAgreesWithScikitImage(t *testing.T) {
	for i, g := range alignGolden(t).Fits {
		s, _, err := FitSimilarity(toPoints(g.From), toPoints(g.To))
		if err != nil {
			t.Fatal(err)
		}
		for name, d := range map[string]float64{"a": s.A - g.A, "b": s.B - g.B, "tx": s.TX - g.TX, "ty": s.TY - g.TY} {
			if math.Abs(d) > 1e-9*max(1, math.Abs(g.TX)) {
				t.Errorf("fit %d: %s differs by %g", i, name, d)
			}
		}
	}
}

func TestChipAgreesWithOpenCV(t *testing.T) {
	img := pix.New(64, 48)
	for y := range img.H {
		for x := range img.W {
			for c := range 3 {
				img.Pix[3*(y*img.W+x)+c] = uint8(x*3 + y*5 + c*40 + x*y/7)
			}
		}
	}
	for i, g := range alignGolden(t).Warps {
		// From pixel indices to positions: centres lie at .5.
		s := Similarity{A: g.A, B: g.B, TX: g.TX + .5 - .5*g.A + .5*g.B, TY: g.TY + .5 - .5*g.B - .5*g.A}
		got := Chip(img, s, 32)
		worst, sum := 0, 0
		for k, want := range g.Chip {
			d := int(got.Pix[k]) - want
			worst, sum = max(worst, d, -d), sum+max(d, -d)
		}
		// OpenCV rounds positions to 1/32 pixel; the picture has jumps of 255.
		if mean := float64(sum) / float64(len(g.Chip)); worst > 16 || mean > 0.8 {
			t.Errorf("warp %d: differs by %d at most, %.2f on average", i, worst, mean)
		}
	}
}

func TestSimilarityInverse(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := func(name string, lo, hi float64) float64 { return rapid.Float64Range(lo, hi).Draw(t, name) }
		s := Similarity{A: f("a", -5, 5), B: f("b", 0.1, 5), TX: f("tx", -100, 100), TY: f("ty", -100, 100)}
		p := datasets.Point{X: f("x", -100, 100), Y: f("y", -100, 100)}
		q := s.Inverse().Apply(s.Apply(p))
		if math.Abs(q.X-p.X)+math.Abs(q.Y-p.Y) > 1e-6 {
			t.Fatalf("%v comes back as %v", p, q)
		}
	})
}

// The residual of points that are a similarity apart is 0, their mirror image's is not;
// of a mirror image it is the other way round.
func TestResiduals(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := func(name string, lo, hi float64) float64 { return rapid.Float64Range(lo, hi).Draw(t, name) }
		s := Similarity{A: f("a", -5, 5), B: f("b", 0.1, 5), TX: f("tx", -100, 100), TY: f("ty", -100, 100)}
		var same, mirrored []datasets.Point
		for _, p := range arcFace {
			same = append(same, s.Inverse().Apply(p))
			mirrored = append(mirrored, s.Inverse().Apply(datasets.Point{X: 112 - p.X, Y: p.Y}))
		}
		for name, tc := range map[string]struct {
			points []datasets.Point
			plain  bool
		}{"similar": {same, true}, "mirrored": {mirrored, false}} {
			_, residual, err := FitSimilarity(tc.points, arcFace[:])
			if err != nil {
				t.Fatal(err)
			}
			if m := MirroredResidual(tc.points, arcFace[:]); (residual < .01) != tc.plain || (m < 3) == tc.plain || (residual < m) != tc.plain {
				t.Fatalf("%s: residual %g, after reflection %g", name, residual, m)
			}
		}
	})
}

func TestInside(t *testing.T) {
	for _, tc := range []struct {
		s    Similarity
		want float64
	}{
		{Similarity{A: 1}, 1},
		{Similarity{A: 1, TX: 50}, .5},           // the left half shows what lies before the image
		{Similarity{A: 1, TX: -50, TY: 50}, .25}, // a quarter of it
		{Similarity{A: .5}, .25},                 // the image fills a quarter of the chip
		{Similarity{A: 1, TX: 200}, 0},
	} {
		if got := tc.s.Inside(100, 100, 100); math.Abs(got-tc.want) > 1e-9 {
			t.Errorf("%+v: %g of the chip lies within, want %g", tc.s, got, tc.want)
		}
	}
}

func TestFitSimilarityRefuses(t *testing.T) {
	same := []datasets.Point{{X: 1, Y: 1}, {X: 1, Y: 1}}
	apart := []datasets.Point{{X: 0, Y: 0}, {X: 1, Y: 1}}
	nan := []datasets.Point{{X: math.NaN(), Y: 0}, {X: 1, Y: 1}}
	for name, tc := range map[string][2][]datasets.Point{
		"one point": {apart[:1], apart[:1]}, "other counts": {apart, apart[:1]},
		"coincident": {same, apart}, "collapsed": {apart, same}, "nan": {nan, apart},
	} {
		if _, _, err := FitSimilarity(tc[0], tc[1]); err == nil {
			t.Errorf("%s: fitted", name)
		}
	}
}

// A face far larger than the chip is averaged: stripes of one pixel turn gray.
func TestChipOfALargeFace(t *testing.T) {
	img := pix.New(1200, 1200)
	for y := range img.H {
		for x := range img.W {
			if x%2 == 0 {
				o := img.Pix[3*(y*img.W+x):]
				o[0], o[1], o[2] = 255, 255, 255
			}
		}
	}
	chip := Chip(img, Similarity{A: .1}, 112)
	for _, v := range chip.Pix {
		if v < 115 || v > 140 {
			t.Fatalf("a sample of %d: the stripes are not averaged", v)
		}
	}
}

func BenchmarkChip(b *testing.B) {
	img := pix.New(512, 512)
	b.SetBytes(3 * dlibSide * dlibSide)
	for b.Loop() {
		Chip(img, Similarity{A: 1.2, B: .1, TX: -50, TY: -50}, dlibSide)
	}
}
