package textgen

import (
	"image"
	"slices"
	"testing"

	"github.com/vtbench/vtbench/datasets"
)

// Windows show what scenes show, labels moved along; the default part has two of
// every kind and enough texts.
func TestSmall(t *testing.T) {
	small, err := NewSmall(Options{})
	if err != nil {
		t.Fatal(err)
	}
	whole, err := New(Options{})
	if err != nil {
		t.Fatal(err)
	}
	if small.Info().Digest == whole.Info().Digest || small.Info().ID != SmallID || len(small.IDs()) != len(whole.IDs()) {
		t.Errorf("info: %+v, %d items", small.Info(), len(small.IDs()))
	}
	n := small.DefaultItems()
	if n < 24 {
		t.Errorf("%d images by default, want 24 independent ones", n)
	}
	texts := 0
	for i := range n {
		it, err := small.Load(t.Context(), i)
		if err != nil {
			t.Fatal(err)
		}
		if it.Image.W != windowSide || it.Image.H != windowSide || it.ClusterID() != it.ID {
			t.Fatalf("%s: %d×%d of cluster %s", it.ID, it.Image.W, it.Image.H, it.ClusterID())
		}
		if len(it.Instances) < 3 {
			t.Errorf("%s holds %d texts", it.ID, len(it.Instances))
		}
		texts += len(it.Instances)
		if i%5 != 0 {
			continue
		}
		full, err := whole.Load(t.Context(), i)
		if err != nil {
			t.Fatal(err)
		}
		for _, in := range it.Instances {
			if !in.Box.In(image.Rect(0, 0, windowSide, windowSide)) {
				t.Errorf("%s: %q lies at %v", it.ID, in.Text, in.Box)
			}
			k := slices.IndexFunc(full.Instances, func(o datasets.Instance) bool { return o.ID == in.ID })
			if k < 0 || full.Instances[k].Text != in.Text {
				t.Fatalf("%s: label %s %q is not the scene's", it.ID, in.ID, in.Text)
			}
			got, want := it.Image.Crop(in.Box), full.Image.Crop(full.Instances[k].Box)
			if got.Digest() != want.Digest() {
				t.Errorf("%s: %q shows other pixels than in its scene", it.ID, in.Text)
			}
			if len(in.Quad) > 0 {
				dx := full.Instances[k].Box.Min.X - in.Box.Min.X
				if d := full.Instances[k].Quad[0].X - in.Quad[0].X; d != float64(dx) {
					t.Errorf("%s: the corners of %q moved by %g, its box by %d", it.ID, in.Text, d, dx)
				}
			}
		}
	}
	t.Logf("%d texts in %d images", texts, n)
	if texts < 90 {
		t.Errorf("%d texts in %d images, want 90", texts, n)
	}
}
