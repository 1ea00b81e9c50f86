package portraits_test

import (
	"errors"
	"math"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/vtbench/vtbench/bench/suite"
	"github.com/vtbench/vtbench/datasets/portraits"
	"github.com/vtbench/vtbench/internal/missing"
	"github.com/vtbench/vtbench/internal/testenv"
)

// shared is decoded once for all tests.
var shared = sync.OnceValues(portraits.New)

func open(t *testing.T) *portraits.Set {
	t.Helper()
	set, err := shared()
	testenv.Need(t, err)
	return set
}

func TestWithoutFiles(t *testing.T) {
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	_, err := portraits.New()
	var lacks *missing.Error
	if !errors.As(err, &lacks) || !strings.Contains(err.Error(), "datasets pull") {
		t.Errorf("the error is %v", err)
	}
}

// The default part fills every bin at every resolution with everybody, mirrored and
// not; labels lie where faces are.
func TestDefaultPart(t *testing.T) {
	testenv.Sequential(t)
	t.Parallel()
	set := open(t)
	face, err := suite.Load("face")
	if err != nil {
		t.Fatal(err)
	}
	filled := map[string]int{}
	people := map[string]bool{}
	for i := range set.DefaultItems() {
		item, err := set.Load(t.Context(), i)
		if err != nil {
			t.Fatal(err)
		}
		if err := item.Image.Validate(); err != nil || len(item.Instances) != 1 {
			t.Fatalf("%s: %d faces, %v", item.ID, len(item.Instances), err)
		}
		in := item.Instances[0]
		people[in.Identity] = true
		if item.ClusterID() != in.Identity || !in.IsFace() {
			t.Errorf("%s belongs to cluster %q, shows %q", item.ID, item.ClusterID(), in.Identity)
		}
		if len(in.Points) != 5 || in.Points[0].X >= in.Points[1].X || in.Points[3].X >= in.Points[4].X || in.Points[0].Y >= in.Points[3].Y {
			t.Errorf("%s: key points %v", item.ID, in.Points)
		}
		for _, p := range in.Points {
			if p.X < float64(in.Box.Min.X) || p.X > float64(in.Box.Max.X) || p.Y < float64(in.Box.Min.Y) || p.Y > float64(in.Box.Max.Y) {
				t.Errorf("%s: key point %v lies outside of %v", item.ID, p, in.Box)
			}
		}
		if in.Box.Min.X < 0 || in.Box.Min.Y < 0 || in.Box.Max.X > item.Image.W || in.Box.Max.Y > item.Image.H {
			t.Errorf("%s: the face %v is cut by the image", item.ID, in.Box)
		}
		side := float64(max(item.Image.W, item.Image.H))
		if want := float64(max(in.Box.Dx(), in.Box.Dy())) / side; math.Abs(in.Scale-want) > 1e-12 {
			t.Errorf("%s has scale %g, want %g", item.ID, in.Scale, want)
		}
		for _, res := range []int{256, 512, 1024} {
			filled[in.Identity+face.Bins.Of(in.Scale, res)+string(rune(res))]++
		}
	}
	for who := range people {
		for _, res := range []int{256, 512, 1024} {
			for _, bin := range face.Bins.Names {
				if n := filled[who+bin+string(rune(res))]; n < 2 {
					t.Errorf("%s has %d %s faces at %d", who, n, bin, res)
				}
			}
		}
	}
}

// The same pixels everywhere.
func TestGolden(t *testing.T) {
	testenv.Sequential(t)
	t.Parallel()
	set := open(t)
	for id, want := range map[string]string{
		"eileen-collins/250-0": "a83cb821e62278bdabd1a0689a956fef62b5dfab5cb7a47c952c2e876494b80e",
		"grace-hopper/035-1":   "879fc42b9389380bbb6a31158ebef27bb01f4cd20cfde7bcc098756252eca03f",
		"eileen-collins/340-3": "553e65a77fa35b4509bca3c75baf6baf1e404a51c74b99c74288911bb5cfa2da",
	} {
		i := slices.Index(set.IDs(), id)
		if i < 0 {
			t.Errorf("there is no item %s", id)
			continue
		}
		item, err := set.Load(t.Context(), i)
		if err != nil {
			t.Fatal(err)
		}
		if got := item.Image.Digest(); got != want {
			t.Errorf("%s: digest %s, want %s", id, got, want)
		}
	}
}

// Every prefix of four has everybody, and small and large faces.
func TestOrder(t *testing.T) {
	testenv.Sequential(t)
	t.Parallel()
	set := open(t)
	seen := map[string]bool{}
	for _, id := range set.IDs() {
		if seen[id] {
			t.Errorf("%s is there twice", id)
		}
		seen[id] = true
	}
	people := map[string]bool{}
	least, most := 1.0, 0.0
	for i := range 4 {
		item, err := set.Load(t.Context(), i)
		if err != nil {
			t.Fatal(err)
		}
		people[item.Cluster] = true
		least, most = min(least, item.Instances[0].Scale), max(most, item.Instances[0].Scale)
	}
	if len(people) != 2 || least > 0.1 || most < 0.2 {
		t.Errorf("the first four show %d people at %.3f to %.3f", len(people), least, most)
	}
	if !strings.Contains(set.Info().Title, "2 people") {
		t.Errorf("the title %q hides how many people there are", set.Info().Title)
	}
	for _, i := range []int{-1, len(set.IDs())} {
		if _, err := set.Load(t.Context(), i); err == nil {
			t.Errorf("item %d loads", i)
		}
	}
}
