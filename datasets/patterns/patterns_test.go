package patterns_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"image"
	"math"
	"testing"

	"github.com/vtbench/vtbench/datasets"
	"github.com/vtbench/vtbench/datasets/datasettest"
	"github.com/vtbench/vtbench/datasets/patterns"
	"github.com/vtbench/vtbench/pix"
)

// Pixels of a version do not change, on any machine; every item is of the stated size and
// its edges lie in it.
func TestPixelsOfVersion(t *testing.T) {
	set := patterns.New()
	h := sha256.New()
	for i, id := range set.IDs() {
		item, err := set.Load(context.Background(), i)
		if err != nil || item.ID != id || item.Image.W != patterns.Side || item.Image.H != patterns.Side || item.Image.Validate() != nil {
			t.Fatalf("%s: %v", id, err)
		}
		h.Write(item.Image.Pix)
		for _, in := range item.Instances {
			if !in.IsEdge() || in.IsFace() || !in.Box.In(image.Rect(0, 0, patterns.Side, patterns.Side)) {
				t.Errorf("%s: %+v", id, in)
			}
		}
	}
	const want = "3a5373b70f534b9fc4e314dc512ba66a2b0c38e4fa4cc9f51e1a961cce13eb4d"
	if got := hex.EncodeToString(h.Sum(nil)); got != want {
		t.Errorf("pixels of version %d have the digest %s, want %s", patterns.Version, got, want)
	}
}

func TestConformance(t *testing.T) {
	datasettest.Run(t, func(*testing.T) datasets.Dataset { return patterns.New() })
}

func load(t *testing.T, id string) datasets.Item {
	t.Helper()
	set := patterns.New()
	for i, have := range set.IDs() {
		if have == id {
			item, err := set.Load(context.Background(), i)
			if err != nil {
				t.Fatal(err)
			}
			return item
		}
	}
	t.Fatalf("there is no item %s", id)
	return datasets.Item{}
}

// Noise has the mean and the spread that it is drawn with, and the colour of its
// spectrum: neighbours are alike in smooth noise and strangers in white noise.
func TestNoise(t *testing.T) {
	likeness := func(m pix.Image) float64 {
		var xy, xx float64
		for y := range m.H {
			for x := range m.W - 1 {
				a, b := float64(m.Pix[3*(y*m.W+x)])-128, float64(m.Pix[3*(y*m.W+x+1)])-128
				xy, xx = xy+a*b, xx+a*a
			}
		}
		if sd := math.Sqrt(xx / float64(m.H*(m.W-1))); sd < 29 || sd > 34 {
			t.Errorf("standard deviation %.1f, want 32", sd)
		}
		return xy / xx
	}
	white, natural, smooth := likeness(load(t, "noise/white").Image), likeness(load(t, "noise/natural").Image), likeness(load(t, "noise/smooth").Image)
	if math.Abs(white) > .02 || natural < .75 || natural > .85 || smooth < .95 {
		t.Errorf("neighbours correlate by %.3f in white, %.3f in natural, %.3f in smooth noise", white, natural, smooth)
	}
}
