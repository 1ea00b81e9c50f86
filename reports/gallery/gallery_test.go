package gallery_test

import (
	"math"
	"testing"

	"github.com/vtbench/vtbench/internal/fixture"
	"github.com/vtbench/vtbench/reports/gallery"
	"github.com/vtbench/vtbench/reports/view"
)

// Every item is there with the values of its records, an image with the mean of its
// instances, its boxes and what was read in them.
func TestOf(t *testing.T) {
	run, err := fixture.Items(t.TempDir(), 20, nil)
	if err != nil {
		t.Fatal(err)
	}
	v, err := view.New(run)
	if err != nil {
		t.Fatal(err)
	}
	g, err := gallery.Of(v)
	if err != nil {
		t.Fatal(err)
	}
	metric := func(id string) int {
		for i, m := range g.Metrics {
			if m.ID == id {
				return i
			}
		}
		t.Fatalf("no %s", id)
		return -1
	}
	ned, psnr := metric("t-ned"), metric("psnr")
	images, cases := 0, 0
	for _, it := range g.Items {
		if it.Instance != "" {
			cases++
			if !it.Worst || it.Label == "" || len(it.Shown) != 2 {
				t.Errorf("case %s: %+v", it.Name, it)
			}
			continue
		}
		images++
		if it.Boxes == nil || len(it.Boxes.List) != 2 || it.Boxes.Metric != ned {
			t.Fatalf("%s has the boxes %+v", it.Name, it.Boxes)
		}
		if len(it.Shown) != 3 || it.Shown[0].Maps["ssim"] == "" {
			t.Errorf("%s is shown by %+v", it.Name, it.Shown)
		}
		for tok, v := range it.Values[ned] {
			sum := 0.
			for _, found := range it.Boxes.Found {
				for _, f := range found {
					if f.Token == tok {
						sum += f.Value
					}
				}
			}
			if math.Abs(sum/2-v) > 1e-9 {
				t.Errorf("%s: T-NED %g, the mean of its words is %g", it.Name, v, sum/2)
			}
		}
		if !math.IsInf(it.Values[psnr][0], 1) || math.IsNaN(it.Values[psnr][2]) {
			t.Errorf("%s: PSNR %v", it.Name, it.Values[psnr])
		}
	}
	if images != 20 || cases != 4 {
		t.Errorf("%d images and %d cases", images, cases)
	}
}

// A directory without journals has what its cases tell.
func TestOfCasesAlone(t *testing.T) {
	run, err := fixture.Text(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	v, err := view.New(run)
	if err != nil {
		t.Fatal(err)
	}
	g, err := gallery.Of(v)
	if err != nil || len(g.Items) == 0 || len(g.Metrics) == 0 {
		t.Fatalf("%d items, %d metrics, %v", len(g.Items), len(g.Metrics), err)
	}
}
