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
func TestAgreesWithScikitImageOnTheBenchmark(t *testing.T) {
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
