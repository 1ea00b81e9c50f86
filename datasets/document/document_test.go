package document

import (
	"image"
	"slices"
	"strings"
	"testing"

	"github.com/vtbench/vtbench/datasets"
)

func open(t testing.TB, o Options) *Set {
	t.Helper()
	s, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// Every kind comes in every size, and any two rounds have all kinds and all sizes.
func TestKindsAndSizesAreCrossed(t *testing.T) {
	s := open(t, Options{})
	seen, sizes := map[string]int{}, map[string]int{}
	for i, id := range s.IDs() {
		part := strings.Split(id, "/")
		seen[part[0]+part[1]]++
		if i < s.DefaultItems() {
			sizes[part[1]]++
		}
	}
	if len(seen) != len(kinds)*len(points) {
		t.Errorf("%d of %d combinations of kind and size", len(seen), len(kinds)*len(points))
	}
	for _, pt := range points {
		if sizes[sizeTag(pt)] < 1 {
			t.Errorf("a default run has %d pages in %d points, want 1", sizes[sizeTag(pt)], pt)
		}
	}
}

// Labels lie on ink, within the page, apart from each other, and say their size and kind.
func TestLabels(t *testing.T) {
	s := open(t, Options{Images: 3 * len(kinds) * len(points)})
	for i, id := range s.IDs() {
		it, err := s.Load(t.Context(), i)
		if err != nil {
			t.Fatal(err)
		}
		if len(it.Instances) < 6 {
			t.Errorf("%s has %d labels", id, len(it.Instances))
		}
		kind := strings.Split(id, "/")[0]
		chars := 0
		for k, in := range it.Instances {
			if !in.Box.In(image.Rect(0, 0, Side, Side)) || in.Box.Dx() < 2 || in.Box.Dy() < 2 {
				t.Errorf("%s: %q in %v", id, in.Text, in.Box)
			}
			if in.Text == "" || in.Text != strings.TrimSpace(in.Text) || strings.Contains(in.Text, "\n") {
				t.Errorf("%s: the label is %q", id, in.Text)
			}
			if !slices.Contains(in.Tags, kind) || !slices.ContainsFunc(points, func(pt int) bool { return slices.Contains(in.Tags, sizeTag(pt)) }) {
				t.Errorf("%s: %q has the tags %v", id, in.Text, in.Tags)
			}
			if (kind == "table") != slices.ContainsFunc(it.Instances, func(in datasets.Instance) bool { return slices.Contains(in.Tags, datasets.TagCell) }) {
				t.Errorf("%s: cells belong to tables", id)
			}
			for _, other := range it.Instances[:k] {
				if o := other.Box.Intersect(in.Box); o.Dy() > in.Box.Dy()/3 && o.Dx() > 2 {
					t.Errorf("%s: %q in %v lies on %q in %v", id, in.Text, in.Box, other.Text, other.Box)
				}
			}
			chars += len(in.Text)
		}
		if chars < 120 || chars > 2*enough {
			t.Errorf("%s has %d characters", id, chars)
		}
	}
}

// The same item has the same pixels whenever it is drawn; scanning changes pixels, not
// labels.
func TestReproducible(t *testing.T) {
	a, b, scan := open(t, Options{}), open(t, Options{}), open(t, Options{Scan: true})
	if a.Info() != b.Info() || a.Info().Digest == scan.Info().Digest || a.Info().ID == scan.Info().ID {
		t.Errorf("%+v, %+v, %+v", a.Info(), b.Info(), scan.Info())
	}
	for i := range 3 {
		x, errX := a.Load(t.Context(), i)
		y, errY := b.Load(t.Context(), i)
		z, errZ := scan.Load(t.Context(), i)
		if errX != nil || errY != nil || errZ != nil {
			t.Fatal(errX, errY, errZ)
		}
		if !x.Image.Equal(y.Image) {
			t.Errorf("%s differs from time to time", x.ID)
		}
		if x.Image.Equal(z.Image) || len(x.Instances) != len(z.Instances) || x.Instances[0].Box != z.Instances[0].Box {
			t.Errorf("%s, scanned: labels or pixels are wrong", x.ID)
		}
	}
}

func TestWhatIsRefused(t *testing.T) {
	if _, err := New(Options{Images: -1}); err == nil {
		t.Error("a negative number of images")
	}
	s := open(t, Options{Images: 2})
	if _, err := s.Load(t.Context(), 2); err == nil {
		t.Error("an item that is not there")
	}
}
