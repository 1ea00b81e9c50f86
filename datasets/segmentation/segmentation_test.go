package segmentation_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/vtbench/vtbench/datasets"
	"github.com/vtbench/vtbench/datasets/segmentation"
	"github.com/vtbench/vtbench/pix"
)

// row writes an image of one row of pixels.
func row(t *testing.T, file string, pixels ...[3]uint8) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		t.Fatal(err)
	}
	m := pix.New(len(pixels), 1)
	for i, p := range pixels {
		copy(m.Pix[3*i:], p[:])
	}
	if err := m.SavePNG(file); err != nil {
		t.Fatal(err)
	}
}

func gray(v uint8) [3]uint8 { return [3]uint8{v, v, v} }

func indices(t *testing.T, d *segmentation.Set, err error) []uint8 {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	it, err := d.Load(t.Context(), 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := it.Labels.Validate(); err != nil {
		t.Error(err)
	}
	return it.Labels.Index
}

// The three ways in which Cityscapes stores labels mean the same: road, pole, car, and void
// for what is not evaluated.
func TestCityscapesEncodings(t *testing.T) {
	root := t.TempDir()
	at := filepath.Join(root, "gtFine", "val", "ulm", "ulm_000000_000019_gtFine_")
	row(t, at+"labelIds.png", gray(7), gray(17), gray(26), gray(4), gray(29))
	row(t, at+"labelTrainIds.png", gray(0), gray(5), gray(13), gray(255), gray(255))
	row(t, at+"color.png", [3]uint8{128, 64, 128}, [3]uint8{153, 153, 153}, [3]uint8{0, 0, 142}, [3]uint8{0, 0, 0}, [3]uint8{0, 0, 90})
	want := []uint8{0, 5, 13, datasets.Void, datasets.Void}
	for _, option := range []string{"", ",labels=labelIds", ",labels=labelTrainIds", ",labels=color"} {
		d, err := segmentation.OpenCityscapes(t.Context(), root+option, datasets.Options{})
		if got := indices(t, d, err); !slices.Equal(got, want) {
			t.Errorf("%q: %v, want %v", option, got, want)
		}
		if d.IDs()[0][:4] != "ulm/" {
			t.Errorf("ids %q", d.IDs())
		}
	}
	classes := segmentation.CityscapesClasses()
	if len(classes) != 19 || classes[13].Name != "car" || !classes[13].Objects || classes[0].Objects || classes[18].Name != "bicycle" {
		t.Errorf("classes %+v", classes)
	}
	row(t, filepath.Join(root, "gtFine", "train", "a", "a_gtFine_labelIds.png"), gray(7))
	for arg, want := range map[string]string{
		root: "has the parts val, train: name one", root + ",labels=ids": "want one of labelIds", t.TempDir(): "has no label map",
	} {
		if _, err := segmentation.OpenCityscapes(t.Context(), arg, datasets.Options{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want one with %q", arg, err, want)
		}
	}
}

func TestADE20K(t *testing.T) {
	root := t.TempDir()
	row(t, filepath.Join(root, "annotations", "validation", "ADE_val_00000001.png"), gray(0), gray(1), gray(150))
	d, err := segmentation.OpenADE20K(t.Context(), root, datasets.Options{})
	if got, want := indices(t, d, err), []uint8{datasets.Void, 0, 149}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	classes := segmentation.ADE20KClasses()
	objects := 0
	for _, c := range classes {
		if c.Objects {
			objects++
		}
	}
	if len(classes) != 150 || objects != 100 || classes[0].Name != "wall" || classes[44].Name != "chest of drawers" || classes[149].Name != "flag" {
		t.Errorf("%d classes, %d of objects: %+v", len(classes), objects, classes)
	}
}
