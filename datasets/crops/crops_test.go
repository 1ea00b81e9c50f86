package crops_test

import (
	"errors"
	"path"
	"strings"
	"testing"

	"github.com/vtbench/vtbench/datasets"
	"github.com/vtbench/vtbench/datasets/crops"
	"github.com/vtbench/vtbench/datasets/datasettest"
	"github.com/vtbench/vtbench/internal/assets"
	"github.com/vtbench/vtbench/internal/missing"
	"github.com/vtbench/vtbench/internal/testenv"
)

func open(t *testing.T) *crops.Set {
	t.Helper()
	set, err := crops.New()
	testenv.Need(t, err)
	return set
}

func TestWithoutFiles(t *testing.T) {
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	_, err := crops.New()
	var lacks *missing.Error
	if !errors.As(err, &lacks) || !strings.Contains(err.Error(), "datasets pull") {
		t.Errorf("the error is %v", err)
	}
}

func TestConformance(t *testing.T) {
	open(t)
	datasettest.Run(t, func(t *testing.T) datasets.Dataset { return open(t) })
}

// There are enough crops of enough photographs, all of which may be tested on, and every
// photograph is credited.
func TestCrops(t *testing.T) {
	set := open(t)
	clusters := map[string]bool{}
	for _, id := range set.IDs() {
		clusters[path.Dir(id)] = true
	}
	if len(set.IDs()) < 40 || len(clusters) < 20 || len(set.Credits()) != len(clusters) {
		t.Errorf("%d crops of %d photographs with %d credits", len(set.IDs()), len(clusters), len(set.Credits()))
	}
	test := map[string]bool{}
	for _, f := range assets.Photographs(assets.Test) {
		test[f.Title+f.Author] = true
	}
	for _, c := range set.Credits() {
		if c.Title == "" || c.Author == "" || c.Licence == "" || c.Source == "" || !test[c.Title+c.Author] {
			t.Errorf("credit %+v", c)
		}
	}
	odd := 0
	for _, i := range []int{0, 2, 6, 9, 12, 21} { // whole, packed, a window, small
		item, err := set.Load(t.Context(), i)
		if err != nil {
			t.Fatal(err)
		}
		if item.ClusterID() != path.Dir(item.ID) || max(item.Image.W, item.Image.H) > 1024 || min(item.Image.W, item.Image.H) < 256 {
			t.Errorf("%s of %s is %d×%d", item.ID, item.ClusterID(), item.Image.W, item.Image.H)
		}
		if item.Image.W%8 != 0 || item.Image.H%8 != 0 {
			odd++
		}
	}
	if odd == 0 {
		t.Error("all sides are multiples of a usual stride: native size would ask nothing of tokenizers")
	}
}
