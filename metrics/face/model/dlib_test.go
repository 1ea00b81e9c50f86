package model

import (
	"encoding/json"
	"math"
	"os"
	"testing"

	"github.com/vtbench/vtbench/datasets"
)

// golden is testdata/dlib.json, what dlib 20.0.1 computed (testdata/dlib_golden.py).
func golden(t *testing.T) (g struct {
	Embeddings [][]float64
	Chip       struct {
		Scale, Offset float64
		Rect          []float64
	}
},
) {
	t.Helper()
	b, err := os.ReadFile("testdata/dlib.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, &g); err != nil {
		t.Fatal(err)
	}
	return g
}

// dlib cuts its own mean face as our template says.
func TestDlibTemplate(t *testing.T) {
	g := golden(t).Chip
	var from, to []datasets.Point
	for i, p := range dlibTemplate() {
		from = append(from, datasets.Point{X: g.Offset + g.Scale*dlibMeanFace[i].X, Y: g.Offset + g.Scale*dlibMeanFace[i].Y})
		to = append(to, p)
	}
	s, _, err := FitSimilarity(from, to)
	if err != nil {
		t.Fatal(err)
	}
	inv := s.Inverse()
	tl, br := inv.Apply(datasets.Point{}), inv.Apply(datasets.Point{X: dlibSide, Y: dlibSide})
	for i, v := range []float64{tl.X, tl.Y, br.X, br.Y} {
		if math.Abs(v-g.Rect[i]) > 1 { // dlib's points are whole numbers
			t.Errorf("side %d of the chip lies at %.1f, dlib cuts at %.1f", i, v, g.Rect[i])
		}
	}
}

func TestConvertRefusesOtherFiles(t *testing.T) {
	for name, b := range map[string][]byte{
		"nothing": nil, "no layers": []byte("a file of another kind"),
		"short": append([]byte{1, 5}, "con_4\x01\x02\x02\x80\x12\x01\x01\x01\x01\x01\x01\x00\x00"...),
		"huge":  append([]byte{1, 5}, "con_4\x01\x02\x08\xff\xff\xff\xff\xff\xff\xff\x7f\x01\x01\x01\x01\x01\x01"...),
	} {
		if _, err := FromDlib(b); err == nil {
			t.Errorf("%s: converted", name)
		}
	}
}

func FuzzConvertDlib(f *testing.F) {
	f.Add([]byte("\x01\x05con_4\x01\x02\x01\x01\x01\x01\x01\x01\x01\x01\x00\x00\x00\x00"))
	f.Fuzz(func(_ *testing.T, b []byte) { _, _ = FromDlib(b) }) // must not panic
}
