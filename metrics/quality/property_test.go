package quality_test

import (
	"context"
	"fmt"
	"math"
	"strings"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"github.com/vtbench/vtbench/metrics"
	"github.com/vtbench/vtbench/metrics/quality"
	"github.com/vtbench/vtbench/pix"
)

// traits are what holds of a metric beyond its spec.
var traits = map[string]struct {
	minSide   int
	symmetric bool
	identical float64
}{
	"psnr":         {1, true, math.Inf(1)},
	"mse":          {1, true, 0},
	"mae":          {1, true, 0},
	"psnr-y":       {1, true, math.Inf(1)},
	"ssim":         {11, true, 1},
	"ssim-uniform": {7, true, 1},
	"ssim-wang":    {11, true, 1},
	"ssim-y":       {11, true, 1},
	"ms-ssim":      {161, true, 1},
	"ms-ssim-y":    {161, true, 1},
	"iw-ssim":      {161, false, 1},
	"gmsd":         {4, true, 0},
	"fsim":         {16, true, 1},
	"fsimc":        {16, true, 1},
	"vif":          {65, false, 1},
	"vifp":         {41, false, 1},
	"haarpsi":      {16, true, 1},
	"mdsi":         {4, false, 0},
	"psnr-hvs":     {8, true, math.Inf(1)},
	"psnr-hvs-m":   {8, true, math.Inf(1)},
	"nlpd":         {17, true, 0},
	"ciede2000":    {1, true, 0},
	"ssimulacra2":  {8, false, 100},
}

// near allows for float32 and for the order of sums.
func near(a, b float64) bool {
	return a == b || math.Abs(a-b) <= 2e-6*max(1, math.Abs(a), math.Abs(b))
}

func TestEveryMetricHasTraits(t *testing.T) {
	all := specs()
	for id := range traits {
		if _, ok := all[id]; !ok {
			t.Errorf("%s is not among the metrics", id)
		}
	}
	for id, s := range all {
		if _, ok := traits[id]; !ok {
			t.Errorf("%s is not tested", id)
		}
		if s.Version < 1 || s.Title == "" || s.Source == "" || s.Scope != metrics.PerImage || s.Better == "" || !(s.Min < s.Max) {
			t.Errorf("%s: incomplete spec %+v", id, s)
		}
	}
}

func TestSizesAndErrors(t *testing.T) {
	for id, trait := range traits {
		n := trait.minSide
		ref := scene(n, n+5, 3)
		got := distort(ref, "noise:20")
		if v := prepared(t, id, ref, got); math.IsNaN(v) || math.IsInf(v, 0) {
			t.Errorf("%s of the smallest image is %v", id, v)
		}
		p, err := quality.Prepare(id, ref)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := p.Score(scene(n, n+6, 3)); err == nil || !strings.Contains(err.Error(), id) {
			t.Errorf("%s of images of two sizes: error %v", id, err)
		}
		if _, err := p.Score(pix.Image{W: n, H: n + 5}); err == nil {
			t.Errorf("%s took an image without pixels", id)
		}
		if n == 1 {
			continue
		}
		_, err = quality.Prepare(id, scene(n-1, n+5, 3))
		if err == nil || !strings.Contains(err.Error(), id) || !strings.Contains(err.Error(), fmt.Sprintf("%d×%d", n-1, n+5)) ||
			!strings.Contains(err.Error(), fmt.Sprintf("at least %d", n)) {
			t.Errorf("%s of an image that is too small: error %v", id, err)
		}
	}
	if _, err := quality.Prepare("psnrr", scene(8, 8, 1)); err == nil || !strings.Contains(err.Error(), "psnr-hvs") {
		t.Errorf("an unknown metric: error %v", err)
	}
}

// Identical images have the best value, whatever they show; so do constant ones. All but
// three, which divide sums, have it exactly.
func TestIdenticalImagesScoreBest(t *testing.T) {
	for id, trait := range traits {
		n := max(trait.minSide, 40)
		for _, kind := range []string{"none", "constant:0", "constant:128", "constant:255", "levels:128"} {
			m := distort(scene(n+3, n, 5), kind)
			exactly := id != "haarpsi" && id != "vif" && id != "vifp"
			if v := prepared(t, id, m, m.Clone()); !near(v, trait.identical) || exactly && v != trait.identical {
				t.Errorf("%s of identical images (%s) is %v, want %v", id, kind, v, trait.identical)
			}
		}
	}
}

// Two constant images, and a constant against another, have finite values in range.
func TestConstantImages(t *testing.T) {
	all := specs()
	for id, trait := range traits {
		n := max(trait.minSide, 40)
		m := scene(n, n, 5)
		for _, pair := range [][2]string{{"constant:100", "constant:110"}, {"constant:100", "none"}, {"none", "constant:100"}, {"constant:0", "constant:255"}} {
			v := prepared(t, id, distort(m, pair[0]), distort(m, pair[1]))
			s := all[id]
			if math.IsNaN(v) || math.IsInf(v, -1) || v < s.Min-1e-6 || v > s.Max+1e-6 {
				t.Errorf("%s of %s against %s is %v, outside %v…%v", id, pair[0], pair[1], v, s.Min, s.Max)
			}
		}
	}
}

// For any two images: within bounds, symmetric where said, and the prepared form and
// repeated calls agree to the last bit.
func TestBoundsAndSymmetry(t *testing.T) {
	all := specs()
	rapid.Check(t, func(t *rapid.T) {
		id := rapid.SampledFrom(keys(traits)).Draw(t, "metric")
		trait, s := traits[id], all[id]
		side := rapid.IntRange(trait.minSide, trait.minSide+40)
		ref := scene(side.Draw(t, "w"), side.Draw(t, "h"), rapid.Uint32().Draw(t, "seed"))
		kinds := rapid.SampledFrom([]string{"noise:2", "noise:60", "blur:1", "blur:4", "shift:1", "contrast:4", "levels:40", "invert", "blocks", "constant:77"})
		got := distort(ref, kinds.Draw(t, "kind"))
		a, b := value(t, id, ref, got), value(t, id, got, ref)
		for _, v := range []float64{a, b} {
			if math.IsNaN(v) || v < s.Min-1e-6 || v > s.Max+1e-6 {
				t.Fatalf("%s is %v, outside %v…%v", id, v, s.Min, s.Max)
			}
		}
		if trait.symmetric && !near(a, b) {
			t.Fatalf("%s is %v one way and %v the other", id, a, b)
		}
		if again := value(t, id, ref, got); again != a {
			t.Fatalf("%s is %v, then %v", id, a, again)
		}
	})
}

func value(t *rapid.T, id string, ref, got pix.Image) float64 {
	p, err := quality.Prepare(id, ref)
	if err != nil {
		t.Fatal(err)
	}
	v, err := p.Score(got)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func keys[V any](m map[string]V) []string {
	var out []string
	for k := range m {
		out = append(out, k)
	}
	return out
}

// More noise is worse, for every metric.
func TestMonotoneUnderNoise(t *testing.T) {
	all := specs()
	for id, s := range all {
		ref := scene(max(traits[id].minSide, 90)+7, max(traits[id].minSide, 90), 9)
		last := math.NaN()
		for _, amount := range []string{"noise:4", "noise:12", "noise:30", "noise:70"} {
			v := prepared(t, id, ref, distort(ref, amount))
			if s.Better == metrics.Higher {
				v = -v
			}
			if v <= last {
				t.Errorf("%s finds %s no worse than less noise: %v, %v", id, amount, v, last)
			}
			last = v
		}
	}
}

// One prepared reference serves many goroutines, and its values are those of one
// after the other.
func TestConcurrentScores(t *testing.T) {
	for id, trait := range traits {
		ref := scene(max(trait.minSide, 40)+3, max(trait.minSide, 40), 4)
		got := []pix.Image{distort(ref, "noise:9"), distort(ref, "blur:2")}
		p, err := quality.Prepare(id, ref)
		if err != nil {
			t.Fatal(err)
		}
		var want [2]float64
		for i, m := range got {
			want[i] = prepared(t, id, ref, m)
		}
		var wg sync.WaitGroup
		for i := range 4 {
			wg.Go(func() {
				if v, err := p.Score(got[i%2]); err != nil || v != want[i%2] {
					t.Errorf("%s is %v (%v), want %v", id, v, err, want[i%2])
				}
			})
		}
		wg.Wait()
	}
}

// The adapters yield every spec, and a too small image costs the values of that
// metric alone.
func TestAdapters(t *testing.T) {
	ctx := context.Background()
	ref := scene(161, 163, 2)
	got := distort(ref, "noise:10")
	for _, m := range quality.All() {
		s, err := m.Prepare(ctx, metrics.Reference{Image: ref})
		if err != nil {
			t.Fatal(err)
		}
		values, err := s.Score(ctx, got)
		if err != nil {
			t.Fatal(err)
		}
		if len(values) != len(m.Specs()) {
			t.Fatalf("%d values for %d specs", len(values), len(m.Specs()))
		}
		for i, v := range values {
			if spec := m.Specs()[i]; v.Metric != spec.ID || v.Value != prepared(t, spec.ID, ref, got) {
				t.Errorf("adapter of %s yields %+v", spec.ID, v)
			}
		}
		small := scene(1, 1, 1)
		s, err = m.Prepare(ctx, metrics.Reference{Image: small})
		if err != nil {
			t.Errorf("%s: preparing a tiny image: %v", m.Specs()[0].ID, err)
			continue
		}
		values, err = s.Score(ctx, small)
		for i, spec := range m.Specs() {
			failed := err != nil || values[i].Err != ""
			if failed != (traits[spec.ID].minSide > 1) {
				t.Errorf("%s of one pixel: error %v, values %+v", spec.ID, err, values)
			}
		}
	}
}

// The maps have the image's size; their means come back to the metric where it is a
// mean, and they say where a change is.
func TestMaps(t *testing.T) {
	ref := scene(61, 48, 6)
	got := ref.Clone()
	for y := 20; y < 30; y++ {
		for x := 30; x < 40; x++ {
			got.Pix[3*(y*61+x)] ^= 128
		}
	}
	for name, f := range map[string]func(a, b pix.Image) (quality.Map, error){
		"ssim": quality.SSIMMap, "gmsd": quality.GMSDMap, "ciede2000": quality.CIEDE2000Map,
	} {
		m, err := f(ref, got)
		if err != nil {
			t.Fatal(err)
		}
		if m.W != 61 || m.H != 48 || len(m.Pix) != 61*48 {
			t.Fatalf("%s: map of %d×%d with %d values", name, m.W, m.H, len(m.Pix))
		}
		// Windows reach 5 pixels, gradients at half resolution 4.
		inside, outside := 0, 0
		for i, v := range m.Pix {
			if x, y := i%61, i/61; v == m.Pix[0] {
				continue
			} else if x >= 30-6 && x < 40+6 && y >= 20-6 && y < 30+6 {
				inside++
			} else {
				outside++
			}
		}
		if inside < 30 || outside > 0 {
			t.Errorf("%s: %d pixels show the change, and %d elsewhere", name, inside, outside)
		}
		if _, err := f(ref, pix.New(61, 47)); err == nil {
			t.Errorf("%s: two sizes made a map", name)
		}
	}
	m, err := quality.CIEDE2000Map(ref, got)
	if err != nil {
		t.Fatal(err)
	}
	sum := 0.0
	for _, v := range m.Pix {
		sum += float64(v)
	}
	if v := prepared(t, "ciede2000", ref, got); math.Abs(sum/float64(len(m.Pix))-v) > 1e-6 {
		t.Errorf("the map's mean is %v, the metric %v", sum/float64(len(m.Pix)), v)
	}
	m, err = quality.SSIMMap(ref, got)
	if err != nil {
		t.Fatal(err)
	}
	sum = 0
	for y := 5; y < 48-5; y++ {
		for x := 5; x < 61-5; x++ {
			sum += float64(m.Pix[y*61+x])
		}
	}
	if v, want := sum/float64(51*38), prepared(t, "ssim", ref, got); math.Abs(v-want) > 1e-5 {
		t.Errorf("the map's mean where windows fit is %v, the metric %v", v, want)
	}
}
