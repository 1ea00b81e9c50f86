package quality_test

import (
	"math"
	"testing"

	"github.com/vtbench/vtbench/metrics/quality"
	"github.com/vtbench/vtbench/pix"
)

// Values of scikit-image 0.26 on the pair of the benchmarks (the generator is
// integer arithmetic): peak_signal_noise_ratio, and structural_similarity with
// gaussian_weights=True, sigma=1.5, use_sample_covariance=False, data_range=255.
func TestAgreesWithScikitImage(t *testing.T) {
	ref, got := pair(768, 512)
	for _, tc := range []struct {
		name      string
		f         func(a, b pix.Image) (float64, error)
		want, tol float64
	}{
		{"psnr", quality.PSNR, 34.881749615, 1e-9},
		{"ssim", quality.SSIM, 0.974093781, 1e-6}, // float32 filters
	} {
		v, err := tc.f(ref, got)
		if err != nil {
			t.Fatal(err)
		}
		if math.Abs(v-tc.want) > tc.tol {
			t.Errorf("%s is %.9f, scikit-image says %.9f", tc.name, v, tc.want)
		}
	}
}

func TestSizesAreChecked(t *testing.T) {
	for _, tc := range []struct{ a, b pix.Image }{
		{pix.New(16, 16), pix.New(16, 17)},
		{pix.New(10, 16), pix.New(10, 16)},
		{pix.Image{}, pix.Image{}},
	} {
		if v, err := quality.SSIM(tc.a, tc.b); err == nil {
			t.Errorf("ssim of %d×%d and %d×%d is %v", tc.a.W, tc.a.H, tc.b.W, tc.b.H, v)
		}
	}
}

func TestIdenticalImages(t *testing.T) {
	ref, _ := pair(40, 30)
	if v, err := quality.PSNR(ref, ref.Clone()); err != nil || !math.IsInf(v, 1) {
		t.Errorf("psnr of identical images is %v, %v", v, err)
	}
	if v, err := quality.SSIM(ref, ref.Clone()); err != nil || math.Abs(v-1) > 1e-6 {
		t.Errorf("ssim of identical images is %v, %v", v, err)
	}
}
