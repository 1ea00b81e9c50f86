package streets_test

import (
	"crypto/sha256"
	"encoding/hex"
	"testing"

	"github.com/vtbench/vtbench/datasets"
	"github.com/vtbench/vtbench/datasets/datasettest"
	"github.com/vtbench/vtbench/datasets/segmentation"
	"github.com/vtbench/vtbench/datasets/streets"
)

func TestConformance(t *testing.T) {
	datasettest.Run(t, func(*testing.T) datasets.Dataset { return streets.New() })
}

// Labels of a version do not change, on any machine, and every class occurs often enough
// in a default run for an interval: rare vehicles in a quarter of the scenes.
func TestScenes(t *testing.T) {
	set := streets.New()
	h := sha256.New()
	n := set.DefaultItems()
	classes := segmentation.CityscapesClasses()
	scenes := make([]int, len(classes))
	pixels := make([]int, len(scenes))
	for i := range n {
		item, err := set.Load(t.Context(), i)
		if err != nil {
			t.Fatal(err)
		}
		h.Write(item.Labels.Index)
		seen := make([]bool, len(scenes))
		for _, k := range item.Labels.Index {
			if k != datasets.Void {
				seen[k] = true
				pixels[k]++
			}
		}
		for k, there := range seen {
			if there {
				scenes[k]++
			}
		}
	}
	for k, c := range classes {
		if scenes[k] < n/5 {
			t.Errorf("%s is in %d of %d scenes", c.Name, scenes[k], n)
		}
		t.Logf("%-14s in %2d of %d scenes, %.2f %% of the pixels", c.Name, scenes[k], n, 100*float64(pixels[k])/float64(n*streets.Side*streets.Side))
	}
	const want = "a3e7fc057d240d1679f3e8b1146addd37548d2714133dca944d779d7acdc31fb"
	if got := hex.EncodeToString(h.Sum(nil)); got != want {
		t.Errorf("labels of version %d have the digest %s, want %s", streets.Version, got, want)
	}
}
