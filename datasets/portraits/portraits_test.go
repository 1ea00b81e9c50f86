package portraits_test

import (
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/vtbench/vtbench/bench"
	"github.com/vtbench/vtbench/datasets/portraits"
	"github.com/vtbench/vtbench/internal/missing"
)

func open(t *testing.T) *portraits.Set {
	t.Helper()
	set, err := portraits.New()
	var lacks *missing.Error
	if errors.As(err, &lacks) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
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
	set := open(t)
	suite, err := bench.LoadSuite("face")
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
			filled[in.Identity+suite.Bins.Of(in.Scale, res)+string(rune(res))]++
		}
	}
	for who := range people {
		for _, res := range []int{256, 512, 1024} {
			for _, bin := range suite.Bins.Names {
				if n := filled[who+bin+string(rune(res))]; n < 2 {
					t.Errorf("%s has %d %s faces at %d", who, n, bin, res)
				}
			}
		}
	}
}

// The same pixels everywhere.
func TestGolden(t *testing.T) {
	set := open(t)
	for id, want := range map[string]string{
		"eileen-collins/250-0": "d8fb679852c52c3b5fa22ee269618766ccfc0ba17443d9d5878767eb30295170",
		"grace-hopper/035-1":   "1f0d4fa1d94ff1c867910204b5346225ef72f37bec49e287772e9a62e2ebf171",
		"eileen-collins/340-3": "88d912f57e16758f8e5916e53ce9d3f41eccd8e7b21eb5c19b3d1bc0dbabfd07",
	} {
		for i, have := range set.IDs() {
			if have != id {
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
}
