package quality

import (
	"context"
	"math"

	"github.com/vtbench/vtbench/metrics"
	"github.com/vtbench/vtbench/pix"
)

var (
	specPSNR = metrics.Spec{
		ID: "psnr", Version: 1, Title: "PSNR", Unit: "dB", Better: metrics.Higher, Min: 0, Max: metrics.Unbounded(1),
		Scope: metrics.PerImage, Source: "10·log10(255²/MSE), MSE over all pixels and RGB channels; scikit-image peak_signal_noise_ratio",
	}
	specMSE = metrics.Spec{
		ID: "mse", Version: 1, Title: "MSE", Better: metrics.Lower, Min: 0, Max: 255 * 255,
		Scope: metrics.PerImage, Source: "mean squared difference of 8-bit RGB values",
	}
	specMAE = metrics.Spec{
		ID: "mae", Version: 1, Title: "MAE", Better: metrics.Lower, Min: 0, Max: 255,
		Scope: metrics.PerImage, Source: "mean absolute difference of 8-bit RGB values",
	}
	specPSNRY = metrics.Spec{
		ID: "psnr-y", Version: 1, Title: "PSNR-Y", Unit: "dB", Better: metrics.Higher, Min: 0, Max: metrics.Unbounded(1),
		Scope: metrics.PerImage, Source: "PSNR on full-range luma .299 R + .587 G + .114 B (BT.601), unrounded",
	}
)

// Errors are the pixel errors of an image, all from one pass.
type Errors struct {
	MSE float64 // mean squared error of 8-bit values
	MAE float64 // mean absolute error of 8-bit values
}

// PSNR is 10·log10(255²/MSE) in dB, +Inf where MSE is 0.
func (e Errors) PSNR() float64 { return psnr(e.MSE) }

func psnr(mse float64) float64 { return 10 * math.Log10(255*255/mse) }

// PixelErrors compares all pixels and channels in one pass.
func PixelErrors(ref, got pix.Image) (Errors, error) {
	if err := check("psnr", 1, ref, got); err != nil {
		return Errors{}, err
	}
	squares, sums := diffSums(ref.Pix, got.Pix)
	n := float64(len(ref.Pix))
	return Errors{MSE: float64(squares) / n, MAE: float64(sums) / n}, nil
}

// PSNR is the peak signal-to-noise ratio in dB over all pixels and RGB channels.
// Identical images give +Inf.
func PSNR(ref, got pix.Image) (float64, error) {
	e, err := PixelErrors(ref, got)
	if err != nil {
		return 0, err
	}
	return e.PSNR(), nil
}

// PSNRY is PSNR on full-range BT.601 luma, which is not rounded to 8 bits.
func PSNRY(ref, got pix.Image) (float64, error) {
	if err := check("psnr-y", 1, ref, got); err != nil {
		return 0, err
	}
	sum := 0.0
	for y := range ref.H {
		a, b := ref.Row(y), got.Row(y)
		b = b[:len(a)]
		row := 0.0
		for i := 0; i+2 < len(a); i += 3 {
			// Luma is linear: the difference of lumas is the luma of the differences.
			d := float64(299*(int(a[i])-int(b[i]))+587*(int(a[i+1])-int(b[i+1]))+114*(int(a[i+2])-int(b[i+2]))) / 1000
			row += d * d
		}
		sum += row
	}
	return psnr(sum / float64(ref.W*ref.H)), nil
}

// errorMetric yields psnr, mse and mae from one pass.
type errorMetric struct{}

func (errorMetric) Specs() []metrics.Spec { return []metrics.Spec{specPSNR, specMSE, specMAE} }

func (errorMetric) Prepare(_ context.Context, ref metrics.Reference) (metrics.Scorer, error) {
	return metrics.ScorerFunc(func(_ context.Context, got pix.Image) ([]metrics.Value, error) {
		e, err := PixelErrors(ref.Image, got)
		if err != nil {
			return nil, err
		}
		return []metrics.Value{
			{Metric: specPSNR.ID, Value: e.PSNR()},
			{Metric: specMSE.ID, Value: e.MSE},
			{Metric: specMAE.ID, Value: e.MAE},
		}, nil
	}), nil
}
