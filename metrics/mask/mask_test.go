package mask_test

import (
	"encoding/json"
	"math"
	"os"
	"slices"
	"testing"

	"github.com/vtbench/vtbench/datasets"
	"github.com/vtbench/vtbench/datasets/streets"
	"github.com/vtbench/vtbench/metrics"
	"github.com/vtbench/vtbench/metrics/mask"
	"github.com/vtbench/vtbench/pix"
)

const void = datasets.Void

var six = []datasets.Class{
	{Name: "a", Colour: [3]uint8{200, 0, 0}},
	{Name: "b", Colour: [3]uint8{0, 200, 0}},
	{Name: "c", Colour: [3]uint8{0, 0, 200}, Objects: true},
	{Name: "d", Colour: [3]uint8{200, 200, 0}},
	{Name: "e", Colour: [3]uint8{200, 0, 200}, Objects: true},
	{Name: "f", Colour: [3]uint8{0, 200, 200}, Objects: true},
}

// drawn is a map and what was decoded of it, as masks.py draws them.
func drawn(w, h, k int) (*datasets.LabelMap, []uint8) {
	state := uint64(17 + k)
	draw := func(n int) int {
		state = (state*1664525 + 1013904223) % (1 << 32)
		return int(state>>16) % n
	}
	blocks := func(index []uint8, n, wide, high int) {
		for range n {
			x, y, bw, bh, c := draw(w), draw(h), 1+draw(wide), 1+draw(high), draw(7)
			for j := y; j < min(y+bh, h); j++ {
				for i := x; i < min(x+bw, w); i++ {
					index[j*w+i] = uint8(c)
					if c == 6 {
						index[j*w+i] = void
					}
				}
			}
		}
	}
	m := &datasets.LabelMap{W: w, H: h, Index: make([]uint8, w*h), Classes: six}
	blocks(m.Index, 60, 40, 30)
	got := slices.Clone(m.Index)
	for i := range got {
		if got[i] == void {
			got[i] = 0
		}
	}
	blocks(got, 200, 16, 12)
	if k == 3 {
		for i := range got {
			if m.Index[i] == 1 {
				m.Index[i] = 0
			}
			if got[i] == 1 {
				got[i] = 0
			}
		}
	}
	return m, got
}

// paint is the picture of labels.
func paint(m *datasets.LabelMap, index []uint8) pix.Image {
	return (&datasets.LabelMap{W: m.W, H: m.H, Index: index, Classes: m.Classes}).Paint()
}

// Every number of a map, and those of all together as a run adds them up, are those of
// scikit-learn and scipy.
func TestAgreesWithScikitLearn(t *testing.T) {
	var table struct {
		W, H int
		Maps []struct {
			Confusion          [][]int
			Accuracy, Boundary float64
			Lost, Small        int
		}
		IoU      []float64
		Accuracy float64
	}
	b, err := os.ReadFile("testdata/masks.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, &table); err != nil {
		t.Fatal(err)
	}
	near := func(got, want float64) bool { return math.Abs(got-want) <= 1e-12 }
	num, den := make([]float64, len(six)), make([]float64, len(six))
	var right, labelled float64
	for k, want := range table.Maps {
		labels, got := drawn(table.W, table.H, k)
		c := mask.Count(labels, got)
		for i := range six {
			row, column := 0, 0
			for j := range want.Confusion {
				row += want.Confusion[i][j]
				column += want.Confusion[j][i]
			}
			if c.Labelled[i] != row || c.Decoded[i] != column || c.Both[i] != want.Confusion[i][i] {
				t.Errorf("map %d, class %s: %d, %d, %d pixels, want %d, %d, %d", k, six[i].Name, c.Labelled[i], c.Decoded[i], c.Both[i], row, column, want.Confusion[i][i])
			}
		}
		if got := mask.BoundaryF1(labels, got); !near(got, want.Boundary) {
			t.Errorf("map %d: boundary F1 %.15g, want %.15g", k, got, want.Boundary)
		}
		if lost, all := mask.SmallLost(labels, got); lost != want.Lost || all != want.Small {
			t.Errorf("map %d: %d of %d small objects are lost, want %d of %d", k, lost, all, want.Lost, want.Small)
		}
		for _, v := range score(t, labels, paint(labels, got)) {
			switch v.Metric {
			case "miou":
				i := slices.IndexFunc(six, func(c datasets.Class) bool { return c.Name == v.Instance })
				num[i] += v.Value * v.N
				den[i] += v.N
				if v.Weightless != (c.Union(i) == 0) {
					t.Errorf("map %d, class %s: weightless is %v for a union of %d", k, v.Instance, v.Weightless, c.Union(i))
				}
			case "pixel-acc":
				right += v.Value * v.N
				labelled += v.N
				if !near(v.Value, want.Accuracy) {
					t.Errorf("map %d: accuracy %.15g, want %.15g", k, v.Value, want.Accuracy)
				}
			case "boundary-f1":
				if !near(v.Value, want.Boundary) {
					t.Errorf("map %d: boundary F1 of the picture %.15g, want %.15g", k, v.Value, want.Boundary)
				}
			case "small-lost":
				if !near(v.Value*v.N, float64(want.Lost)) || v.N != float64(want.Small) {
					t.Errorf("map %d: %g of %g small objects", k, v.Value*v.N, v.N)
				}
			}
		}
	}
	for i := range six {
		if got := num[i] / den[i]; !near(got, table.IoU[i]) {
			t.Errorf("class %s: IoU of all maps %.15g, want %.15g", six[i].Name, got, table.IoU[i])
		}
	}
	if got := right / labelled; !near(got, table.Accuracy) {
		t.Errorf("accuracy of all maps %.15g, want %.15g", got, table.Accuracy)
	}
}

func metric(t *testing.T) metrics.Metric {
	t.Helper()
	m, err := mask.Kinds()[0].Open(t.Context(), metrics.Config{})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func score(t *testing.T, labels *datasets.LabelMap, got pix.Image) []metrics.Value {
	t.Helper()
	s, err := metric(t).Prepare(t.Context(), metrics.Reference{Item: "x", Image: got, Labels: labels})
	if err != nil {
		t.Fatal(err)
	}
	values, err := s.Score(t.Context(), got)
	if err != nil {
		t.Fatal(err)
	}
	return values
}

// A mask that comes back as it was is perfect, class by class; colours may be off by less
// than half of the way to the nearest other one.
func TestPerfectMasks(t *testing.T) {
	item, err := streets.New().Load(t.Context(), 0)
	if err != nil {
		t.Fatal(err)
	}
	img := item.Image.Clone()
	for i := range img.Pix {
		img.Pix[i] = uint8(min(int(img.Pix[i])+i%3, 255))
	}
	for _, got := range []pix.Image{item.Image, img} {
		for _, v := range score(t, item.Labels, got) {
			want := 1.
			if v.Metric == "small-lost" || v.Weightless {
				want = 0
			}
			if v.Value != want || v.Err != "" || v.Drop != "" {
				t.Errorf("%s of %q is %g, %q, %q", v.Metric, v.Instance, v.Value, v.Err, v.Drop)
			}
		}
	}
}

// No pixel is nearer to another class than to its own when it has that one's colour; of
// two as near the first is taken, and black is void.
func TestDecode(t *testing.T) {
	// The third is as far from black as from red and from green.
	img := pix.Image{W: 4, H: 1, Pix: []uint8{0, 0, 0, 199, 10, 3, 100, 100, 0, 95, 95, 95}}
	classes := []datasets.Class{{Name: "red", Colour: [3]uint8{200, 0, 0}}, {Name: "green", Colour: [3]uint8{0, 200, 0}}, {Name: "grey", Colour: [3]uint8{180, 180, 180}}}
	if got, want := mask.Decode(img, classes), []uint8{void, 0, 0, 2}; !slices.Equal(got, want) {
		t.Errorf("decoded as %v, want %v", got, want)
	}
}

// A shift by one pixel costs thin things everything and surfaces hardly anything; within
// the tolerance it costs the boundary nothing.
func TestShift(t *testing.T) {
	const side = 200 // tolerance 2.1 pixels
	m := &datasets.LabelMap{W: side, H: side, Index: make([]uint8, side*side), Classes: six}
	shifted := make([]uint8, side*side)
	for y := range side {
		for x := range side {
			if x == 50 { // a pole
				m.Index[y*side+x] = 2
			}
			if x == 52 {
				shifted[y*side+x] = 2
			}
		}
	}
	c := mask.Count(m, shifted)
	if c.IoU(2) != 0 || c.IoU(0) < .97 || !math.IsNaN(c.IoU(1)) {
		t.Errorf("IoU of pole, ground and nothing: %g, %g, %g", c.IoU(2), c.IoU(0), c.IoU(1))
	}
	if f := mask.BoundaryF1(m, shifted); f != 1 {
		t.Errorf("boundary F1 within the tolerance is %g", f)
	}
	if f := mask.BoundaryF1(m, make([]uint8, side*side)); f != 0 {
		t.Errorf("boundary F1 where the pole is gone: %g, want 0 of both", f)
	}
}

// An image that is no mask has no values, and says why.
func TestNoMask(t *testing.T) {
	img := pix.New(8, 8)
	for _, v := range score(t, nil, img) {
		if v.Drop != metrics.DropUndefined || v.Metric == "miou" {
			t.Errorf("%+v", v)
		}
	}
	labels, _ := drawn(9, 9, 0)
	s, err := metric(t).Prepare(t.Context(), metrics.Reference{Labels: labels})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Score(t.Context(), img); err == nil {
		t.Error("a picture of another size is scored")
	}
}

func BenchmarkScore(b *testing.B) {
	item, err := streets.New().Load(b.Context(), 0)
	if err != nil {
		b.Fatal(err)
	}
	m, err := mask.Kinds()[0].Open(b.Context(), metrics.Config{})
	if err != nil {
		b.Fatal(err)
	}
	s, err := m.Prepare(b.Context(), metrics.Reference{Image: item.Image, Labels: item.Labels})
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(item.Image.Pix)))
	for b.Loop() {
		if _, err := s.Score(b.Context(), item.Image); err != nil {
			b.Fatal(err)
		}
	}
}
