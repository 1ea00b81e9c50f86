package detail_test

import (
	"context"
	"encoding/json"
	"fmt"
	"image"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"testing"

	"github.com/vtbench/vtbench/datasets/patterns"
	"github.com/vtbench/vtbench/metrics"
	"github.com/vtbench/vtbench/metrics/detail"
	"github.com/vtbench/vtbench/pix"
)

// edge draws a slanted edge of a stated Gaussian blur, averaged over the area of pixels.
func edge(degrees, sigma float64, lying bool, dark, light float64) pix.Image {
	const side, grid = 80, 6
	m := pix.New(side, side)
	s, c := math.Sincos(degrees * math.Pi / 180)
	for y := range side {
		for x := range side {
			sum := 0.0
			for j := range grid {
				for i := range grid {
					u, v := float64(x)+(float64(i)+.5)/grid-side/2, float64(y)+(float64(j)+.5)/grid-side/2
					if lying {
						u, v = v, u
					}
					sum += .5 * math.Erfc(-(u*c+v*s)/(sigma*math.Sqrt2))
				}
			}
			v := uint8(dark + (light-dark)*sum/(grid*grid) + .5)
			copy(m.Pix[3*(y*side+x):], []uint8{v, v, v})
		}
	}
	return m
}

// half solves for the frequency at which a Gaussian blur and the area of a pixel, crossed
// at an angle, leave half of the contrast.
func half(sigma, degrees float64) float64 {
	sinc := func(x float64) float64 {
		if x == 0 {
			return 1
		}
		return math.Sin(math.Pi*x) / (math.Pi * x)
	}
	s, c := math.Sincos(degrees * math.Pi / 180)
	lo, hi := 0.0, 1.0
	for range 60 {
		f := (lo + hi) / 2
		if math.Exp(-2*math.Pi*math.Pi*sigma*sigma*f*f)*sinc(f*c)*sinc(f*s) > .5 {
			lo = f
		} else {
			hi = f
		}
	}
	return lo
}

// The edge of a known blur has its known MTF50, whatever its direction and contrast.
func TestMTF50OfKnownEdges(t *testing.T) {
	box := image.Rect(20, 8, 60, 72)
	for _, sigma := range []float64{.4, .5, .7, 1, 1.5, 2, 3} {
		for _, degrees := range []float64{-12, 5, 8} {
			for _, lying := range []bool{false, true} {
				for _, levels := range [][2]float64{{40, 215}, {200, 90}} {
					m := edge(degrees, sigma, lying, levels[0], levels[1])
					b := box
					if lying {
						b = image.Rect(8, 20, 72, 60)
					}
					e, err := detail.FindEdge(m, b)
					if err != nil {
						t.Fatal(err)
					}
					got, err := e.MTF50(m)
					if err != nil {
						t.Fatal(err)
					}
					want := half(sigma, degrees)
					t.Logf("σ %.1f, %3.0f°: %.4f, drawn %.4f (%+.1f %%)", sigma, degrees, got, want, 100*(got/want-1))
					if math.Abs(got/want-1) > .01 {
						t.Errorf("σ %.1f at %v° (lying %v): MTF50 %.4f, drawn with %.4f", sigma, degrees, lying, got, want)
					}
				}
			}
		}
	}
}

// What is no slanted edge is said to be none; an edge that is gone counts as 0.
func TestEdgesThatAreNone(t *testing.T) {
	box := image.Rect(20, 8, 60, 72)
	flat := pix.New(80, 80)
	for name, m := range map[string]pix.Image{"flat": flat, "upright": edge(0, .5, false, 40, 215)} {
		if _, err := detail.FindEdge(m, box); err == nil {
			t.Errorf("%s: an edge was found", name)
		}
	}
	if _, err := detail.FindEdge(edge(5, .5, false, 40, 215), image.Rect(60, 8, 100, 72)); err == nil {
		t.Error("an edge outside of the image was found")
	}
	e, err := detail.FindEdge(edge(5, .5, false, 40, 215), box)
	if err != nil {
		t.Fatal(err)
	}
	if v, err := e.MTF50(flat); v != 0 || err != nil {
		t.Errorf("an edge that is gone has %v, %v", v, err)
	}
	if _, err := e.MTF50(pix.New(30, 30)); err == nil {
		t.Error("an image that does not hold the edge was measured")
	}
}

// scene is noise that falls with frequency.
func scene(t *testing.T) pix.Image {
	t.Helper()
	set := patterns.New()
	for i, id := range set.IDs() {
		if id == "noise/natural" {
			item, err := set.Load(context.Background(), i)
			if err != nil {
				t.Fatal(err)
			}
			return item.Image
		}
	}
	t.Fatal("no noise")
	return pix.Image{}
}

// mapped makes another image of every value and its place.
func mapped(m pix.Image, f func(x, y int, v float64) float64) pix.Image {
	out := m.Clone()
	for i, v := range m.Pix {
		out.Pix[i] = uint8(min(max(f(i/3%m.W, i/3/m.W, float64(v))+.5, 0), 255))
	}
	return out
}

// A band keeps all of itself in a copy, half in one of half the contrast, nothing in
// noise that is as strong; its energy says the opposite of the last.
func TestBands(t *testing.T) {
	m := scene(t)
	same, err := detail.SpectrumBands(m, m)
	if err != nil {
		t.Fatal(err)
	}
	faint, err := detail.SpectrumBands(m, mapped(m, func(_, _ int, v float64) float64 { return 128 + (v-128)/2 }))
	if err != nil {
		t.Fatal(err)
	}
	brighter, err := detail.SpectrumBands(m, mapped(m, func(_, _ int, v float64) float64 { return v/2 + 90 }))
	if err != nil {
		t.Fatal(err)
	}
	other, err := detail.SpectrumBands(m, mapped(m, func(x, y int, _ float64) float64 { return float64(m.Pix[3*((y+61)%m.H*m.W+(x+97)%m.W)]) }))
	if err != nil {
		t.Fatal(err)
	}
	for b := range same.Kept {
		near := func(what string, got, want, tol float64) {
			if math.Abs(got-want) > tol {
				t.Errorf("band %d: %s is %.4f, want %.4f", b, what, got, want)
			}
		}
		near("kept of itself", same.Kept[b], 1, 1e-9)
		near("energy of itself", same.Energy[b], 1, 1e-9)
		near("kept at half the contrast", faint.Kept[b], .5, .01)
		near("energy at half the contrast", faint.Energy[b], .25, .01)
		near("kept in a brighter copy", brighter.Kept[b], .5, .01)
		near("kept of another picture", other.Kept[b], 0, .25)
		near("energy of another picture", other.Energy[b], 1.5, .75)
	}
	flat := mapped(m, func(int, int, float64) float64 { return 100 })
	none, err := detail.SpectrumBands(flat, m)
	if err != nil || !math.IsNaN(none.Kept[detail.Fine]) {
		t.Errorf("a flat reference keeps %v, %v", none.Kept, err)
	}
}

// A sinusoid lies in the band of its period, and only there.
func TestBandOfSinusoid(t *testing.T) {
	for b, period := range []float64{24, 12, 6, 3} {
		m := mapped(pix.New(250, 130), func(x, _ int, _ float64) float64 { return 128 + 60*math.Sin(2*math.Pi*float64(x)/period) })
		got, err := detail.SpectrumBands(m, mapped(m, func(x, _ int, _ float64) float64 { return 128 + 15*math.Sin(2*math.Pi*float64(x)/period) }))
		if err != nil {
			t.Fatal(err)
		}
		if math.Abs(got.Kept[b]-.25) > .01 {
			t.Errorf("period %v: band %d keeps %.3f of a quarter of the contrast", period, b, got.Kept[b])
		}
		for other, v := range got.Kept {
			if other > b+1 && !math.IsNaN(v) {
				t.Errorf("period %v has structure in band %d", period, other)
			}
		}
	}
}

// Counts of local binary patterns are scikit-image's (testdata/lbp.py).
func TestPatternsAreScikitImages(t *testing.T) {
	var golden struct {
		W, H   int
		Seed   uint64
		Counts map[string][10]int
	}
	b, err := os.ReadFile("testdata/lbp.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, &golden); err != nil {
		t.Fatal(err)
	}
	for name, want := range golden.Counts {
		if got := detail.Patterns(drawn(name, golden.W, golden.H)); got != want {
			t.Errorf("%s: %v, want %v", name, got, want)
		}
	}
}

// drawn are the images of testdata/lbp.py, by the same integers.
func drawn(name string, w, h int) pix.Image {
	state := uint32(7)
	m := pix.New(w, h)
	for i := range w * h {
		x, y := i%w, i/w
		state = state*1664525 + 1013904223
		v := map[string]int{"noise": int(state >> 24), "ramp": (3*x + 5*y) % 256, "blocks": 40 + 150*((x/5+y/7)%2) + (7*x+13*y)%11}[name]
		copy(m.Pix[3*i:], []uint8{uint8(v), uint8(v), uint8(v)})
	}
	return m
}

func TestTexture(t *testing.T) {
	m := scene(t)
	rng := rand.New(rand.NewPCG(1, 2))
	for _, tc := range []struct {
		name               string
		got                pix.Image
		contrast, patterns [2]float64 // least and most
	}{
		{"itself", m, [2]float64{1, 1}, [2]float64{1, 1}},
		{"half the contrast", mapped(m, func(_, _ int, v float64) float64 { return 128 + (v-128)/2 }), [2]float64{.49, .52}, [2]float64{.85, 1}},
		{"flat", mapped(m, func(int, int, float64) float64 { return 128 }), [2]float64{0, 0}, [2]float64{0, .5}},
		{"noise on it", mapped(m, func(_, _ int, v float64) float64 { return v + 60*rng.NormFloat64() }), [2]float64{.2, .8}, [2]float64{.5, .99}},
	} {
		c, err := detail.TextureContrast(m, tc.got)
		if err != nil || c < tc.contrast[0]-1e-9 || c > tc.contrast[1]+1e-9 {
			t.Errorf("%s: contrast %.4f, %v", tc.name, c, err)
		}
		p, err := detail.TexturePatterns(m, tc.got)
		if err != nil || p < tc.patterns[0]-1e-9 || p > tc.patterns[1]+1e-9 {
			t.Errorf("%s: patterns %.4f, %v", tc.name, p, err)
		}
	}
}

// The metrics yield what they state, edges alone have MTF50, and other sizes are errors.
func TestKinds(t *testing.T) {
	ctx := context.Background()
	item, err := patterns.New().Load(ctx, 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range detail.Kinds() {
		m, err := k.Open(ctx, metrics.Config{})
		if err != nil {
			t.Fatal(err)
		}
		s, err := m.Prepare(ctx, metrics.Reference{Item: item.ID, Image: item.Image, Instances: item.Instances})
		if err != nil {
			t.Fatal(err)
		}
		values, err := s.Score(ctx, item.Image)
		if err != nil {
			t.Fatal(err)
		}
		want := len(k.Specs)
		if k.Specs[0].Scope == metrics.PerInstance {
			want = len(item.Instances)
		}
		if len(values) != want {
			t.Errorf("%s: %d values, want %d", k.Specs[0].ID, len(values), want)
		}
		for _, v := range values {
			if v.Metric == detail.EdgeSpec.ID && math.Abs(v.Value/half(patterns.EdgeSigma, 5)-1) > .03 {
				t.Errorf("edge %s: %.4f, drawn with %.4f", v.Instance, v.Value, half(patterns.EdgeSigma, 5))
			}
		}
		values, err = s.Score(ctx, pix.New(40, 40))
		if err == nil && slices.ContainsFunc(values, func(v metrics.Value) bool { return v.Err == "" }) {
			t.Errorf("%s: another size was scored", k.Specs[0].ID)
		}
	}
}

func ExampleSpectrumBands() {
	ref := pix.New(64, 64)
	for i := range ref.Pix {
		ref.Pix[i] = uint8(100 + 50*(i/3%2))
	}
	blurred := pix.New(64, 64)
	for i := range blurred.Pix {
		blurred.Pix[i] = uint8(120 + 10*(i/3%2))
	}
	b, err := detail.SpectrumBands(ref, blurred)
	fmt.Printf("%.2f %v\n", b.Kept[detail.Finest], err)
	// Output: 0.20 <nil>
}

func BenchmarkBands(b *testing.B) {
	m := pix.New(512, 512)
	rng := rand.New(rand.NewPCG(1, 2))
	for i := range m.Pix {
		m.Pix[i] = uint8(rng.Uint32())
	}
	b.SetBytes(int64(2 * len(m.Pix)))
	for b.Loop() {
		if _, err := detail.SpectrumBands(m, m); err != nil {
			b.Fatal(err)
		}
	}
}
