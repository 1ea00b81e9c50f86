package cli

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/vtbench/vtbench/bench/record"
	"github.com/vtbench/vtbench/bench/score"
	"github.com/vtbench/vtbench/bench/suite"
	"github.com/vtbench/vtbench/bench/summary"
	"github.com/vtbench/vtbench/internal/ort"
	"github.com/vtbench/vtbench/pix"
)

// flats are images of one colour each: their features are that colour.
func flats(t *testing.T, dir, prefix string, side int, colours ...[3]uint8) {
	t.Helper()
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for i, c := range colours {
		m := pix.New(side, side)
		for k := range m.Pix {
			m.Pix[k] = c[k%3]
		}
		if err := m.SavePNG(filepath.Join(dir, fmt.Sprintf("%s%02d.png", prefix, i))); err != nil {
			t.Fatal(err)
		}
	}
}

// A distance between sets takes sets: of unequal counts, other names, other sizes.
// Features are the mean colours, which differ in red only, so the distance is that of
// two normal distributions in one dimension: (Δμ)² + (σ₁ − σ₂)².
func TestScoreSetsOfAnything(t *testing.T) {
	if _, err := ort.Find(""); err != nil {
		t.Skipf("ONNX Runtime is not here: %v", err)
	}
	model, err := filepath.Abs("../../../../metrics/network/testdata/mean.onnx")
	if err != nil {
		t.Fatal(err)
	}
	t.Chdir(t.TempDir())
	red := func(vs ...uint8) (out [][3]uint8) {
		for _, v := range vs {
			out = append(out, [3]uint8{v, 7, 9})
		}
		return out
	}
	ref, got := red(10, 20, 30, 40), red(100, 110, 120, 130, 140, 150, 160)
	flats(t, "ref/a", "one", 16, ref...)
	flats(t, "dist", "two", 32, got...)
	deviation := func(c [][3]uint8) (mean, sd float64) {
		for _, x := range c {
			mean += float64(x[0]) / float64(len(c))
		}
		for _, x := range c {
			sd += (float64(x[0]) - mean) * (float64(x[0]) - mean) / float64(len(c)-1)
		}
		return mean, math.Sqrt(sd)
	}
	m1, s1 := deviation(ref)
	m2, s2 := deviation(got)
	want := (m1-m2)*(m1-m2) + (s1-s2)*(s1-s2)
	options := []string{"--option", "feature.model=" + model, "--option", "feature.range=0..255"}
	for _, side := range []string{"0", "8"} {
		status, stdout, stderr := vtbench(t, append([]string{"score", "ref", "dist", "-m", "fid,recall", "--format", "json", "--option", "feature.side=" + side}, options...)...)
		if status != ExitDone {
			t.Fatalf("status %d: %s", status, stderr)
		}
		var out struct {
			Sets []score.SetScore `json:"sets"`
		}
		if err := json.Unmarshal([]byte(stdout), &out); err != nil {
			t.Fatal(err)
		}
		if len(out.Sets) != 2 || math.Abs(float64(out.Sets[0].Value)-want) > 1e-3*want || out.Sets[0].ReferenceN != 4 || out.Sets[0].N != 7 || out.Sets[1].Value != 0 {
			t.Errorf("side %s: %+v, want FID %g of 4 against 7 images, and no recall", side, out.Sets, want)
		}
		if !strings.Contains(stderr, "biased") {
			t.Errorf("nothing warns of so few images: %s", stderr)
		}
	}
	// Too few for a subset of KID: nothing was measured, which is never a success.
	status, stdout, stderr := vtbench(t, append([]string{"score", "ref", "dist", "-m", "kid"}, options...)...)
	if status != ExitItemsFailed || !strings.Contains(stderr, "subsets") || !strings.Contains(stdout, "error") {
		t.Errorf("status %d\n%s%s", status, stdout, stderr)
	}
	status, stdout, _ = vtbench(t, append([]string{"score", "ref", "dist", "-m", "kid", "--format", "csv", "--option", "kid.subset=4"}, options...)...)
	if status != ExitDone || !strings.HasPrefix(stdout, "metric,value,references,distorted,error\nkid,") {
		t.Errorf("status %d\n%s", status, stdout)
	}
	// Together with metrics of pairs, what has no partner is still told.
	if status, _, stderr := vtbench(t, append([]string{"score", "ref", "dist", "-m", "fid,psnr"}, options...)...); status != ExitUsage || !strings.Contains(stderr, "partner") {
		t.Errorf("status %d: %s", status, stderr)
	}
	if status, _, stderr := vtbench(t, "score", "ref", "dist", "-m", "fid,psnr", "--format", "csv"); status != ExitUsage || !strings.Contains(stderr, "csv") {
		t.Errorf("status %d: %s", status, stderr)
	}
}

func TestChooseMetrics(t *testing.T) {
	start := func() suite.Suite {
		return suite.Suite{
			Metrics: []string{"t-acc", "t-ned", "psnr", "bpp-real"}, Headline: []string{"t-acc", "t-ned"}, Worst: "t-ned", Optional: []string{"t-acc"},
			Distributions: map[string][]float64{"t-ned": nil}, Of: map[string]suite.DatasetOptions{"a": {Worst: "t-ned"}},
		}
	}
	for _, tc := range []struct {
		asked             []string
		metrics, headline string
		worst             string
	}{
		{nil, "t-acc t-ned psnr bpp-real", "t-acc t-ned", "t-ned"},
		{[]string{"+ssim"}, "t-acc t-ned psnr bpp-real ssim", "t-acc t-ned ssim", "t-ned"},
		{[]string{"+psnr", "+bpp-file"}, "t-acc t-ned psnr bpp-real bpp-file", "t-acc t-ned psnr", "t-ned"},
		{[]string{"psnr", "ssim"}, "psnr ssim", "psnr ssim", "psnr"},
		{[]string{"ssim", "t-ned"}, "ssim t-ned", "ssim t-ned", "t-ned"},
		{[]string{"psnr"}, "psnr", "psnr", "psnr"},
		{[]string{"t-ned", "bpp-real"}, "t-ned bpp-real", "t-ned", "t-ned"},
		{[]string{"bpp-real"}, "bpp-real", "bpp-real", "bpp-real"},
		{[]string{"ssim", "+bpp-real", "ssim"}, "ssim bpp-real", "ssim", "ssim"},
		{[]string{"fid"}, "fid", "fid", ""},
	} {
		s := start()
		if err := chooseMetrics(&s, tc.asked); err != nil {
			t.Errorf("%v: %v", tc.asked, err)
			continue
		}
		got := []string{strings.Join(s.Metrics, " "), strings.Join(s.Headline, " "), s.Worst}
		if d := cmp.Diff([]string{tc.metrics, tc.headline, tc.worst}, got); d != "" {
			t.Errorf("%v: %s", tc.asked, d)
		}
		for id := range s.Distributions {
			if !s.Wants(id) {
				t.Errorf("%v: a histogram of %s is left", tc.asked, id)
			}
		}
	}
	for asked, want := range map[string]string{"psrn": `"psnr"`, "+lpips": "lpips-"} {
		s := start()
		if err := chooseMetrics(&s, []string{asked}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want a hint at %s", asked, err, want)
		}
	}
}

// The command line's metrics are those of the run, of the report and of the manifest.
func TestRunWithMetrics(t *testing.T) {
	t.Chdir(t.TempDir())
	photos(t, "data", 3, false, 0)
	if err := os.WriteFile("pixels.yaml", []byte(suiteFile), 0o644); err != nil {
		t.Fatal(err)
	}
	status, stdout, stderr := vtbench(t, "run", "-s", "pixels.yaml", "--data", "folder:data", "-m", "ssim,gmsd", "-m", "+mae", "-o", "out", "-t", "jpeg:q=20")
	if status != ExitDone {
		t.Fatalf("status %d: %s", status, stderr)
	}
	if !strings.HasPrefix(stdout, "SSIM↑") || !strings.Contains(stdout, "GMSD↓") {
		t.Errorf("the table is not that of what was asked for:\n%s", stdout)
	}
	r, err := summary.Open("out", nil)
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{"ssim", "gmsd", "mae"}; !slices.Equal(r.Manifest.Suite.Metrics, want) || len(r.Manifest.Metrics) != 3 {
		t.Errorf("metrics %v, want %v", r.Manifest.Suite.Metrics, want)
	}
	if status, _, stderr := vtbench(t, "run", "-s", "pixels.yaml", "--data", "folder:data", "-m", "ssin", "-o", "no"); status != ExitUsage || !strings.Contains(stderr, `"ssim"`) {
		t.Errorf("status %d: %s", status, stderr)
	}
	if _, err := os.Stat(filepath.Join("no", record.ManifestFile)); err == nil {
		t.Error("a run of an unknown metric was begun")
	}
}
