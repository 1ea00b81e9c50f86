package quality

import (
	"context"
	"math"

	"github.com/vtbench/vtbench/metrics"
	"github.com/vtbench/vtbench/pix"
)

var (
	psnrRGB = definition{
		spec: metrics.Spec{
			ID: "psnr", Version: 1, Title: "PSNR", Unit: "dB", Better: metrics.Higher, Min: 0, Max: metrics.Unbounded(1),
			Scope: metrics.PerImage, Source: "10·log10(255²/MSE), MSE over all pixels and RGB channels; scikit-image peak_signal_noise_ratio",
			Role: metrics.RolePixels, Show: metrics.Fixed(2), Margin: metrics.Margin{Absolute: .1},
			Short: "pixel fidelity, logarithmic",
			Long:  "Peak signal-to-noise ratio over all pixels and channels. It rewards getting every pixel nearly right and hardly notices that small text has become unreadable.",
		},
		minSide: 1,
		prepare: pairwise(func(ref, got pix.Image, _ *memory) float64 { return errorsOf(ref, got).PSNR() }),
	}
	mse = definition{
		spec: metrics.Spec{
			ID: "mse", Version: 1, Title: "MSE", Better: metrics.Lower, Min: 0, Max: 255 * 255,
			Scope: metrics.PerImage, Source: "mean squared difference of 8-bit RGB values",
			Role: metrics.RolePixels, Show: metrics.Significant(3), Margin: metrics.Margin{Relative: .02},
			Short: "squared pixel error",
			Long:  "Mean squared difference of 8-bit values; PSNR is its logarithm.",
		},
		minSide: 1,
		prepare: pairwise(func(ref, got pix.Image, _ *memory) float64 { return errorsOf(ref, got).MSE }),
	}
	mae = definition{
		spec: metrics.Spec{
			ID: "mae", Version: 1, Title: "MAE", Better: metrics.Lower, Min: 0, Max: 255,
			Scope: metrics.PerImage, Source: "mean absolute difference of 8-bit RGB values",
			Role: metrics.RolePixels, Show: metrics.Fixed(2), Margin: metrics.Margin{Relative: .01},
			Short: "absolute pixel error",
			Long:  "Mean absolute difference of 8-bit values.",
		},
		minSide: 1,
		prepare: pairwise(func(ref, got pix.Image, _ *memory) float64 { return errorsOf(ref, got).MAE }),
	}
	psnrY = definition{
		spec: metrics.Spec{
			ID: "psnr-y", Version: 1, Title: "PSNR-Y", Unit: "dB", Better: metrics.Higher, Min: 0, Max: metrics.Unbounded(1),
			Scope: metrics.PerImage, Source: "PSNR on full-range luma .299 R + .587 G + .114 B (BT.601), unrounded",
			Role: metrics.RolePixels, Show: metrics.Fixed(2), Margin: metrics.Margin{Absolute: .1},
			Short: "pixel fidelity in brightness",
			Long:  "PSNR of the luma channel alone; not comparable with PSNR over RGB.",
		},
		minSide: 1,
		prepare: pairwise(psnrLuma),
	}
)

// Errors are the pixel errors of an image, all from one pass.
type Errors struct {
	MSE float64 // mean squared error of 8-bit values
	MAE float64 // mean absolute error of 8-bit values
}

// PSNR is 10·log10(255²/MSE) in dB, +Inf where MSE is 0.
func (e Errors) PSNR() float64 { return decibels(e.MSE) }

// decibels is the PSNR of a mean squared error of 8-bit values.
func decibels(mse float64) float64 { return 10 * math.Log10(255*255/mse) }

// PixelErrors compares all pixels and channels in one pass.
func PixelErrors(ref, got pix.Image) (Errors, error) {
	if err := check(psnrRGB.spec.ID, psnrRGB.minSide, ref, got); err != nil {
		return Errors{}, err
	}
	return errorsOf(ref, got), nil
}

func errorsOf(ref, got pix.Image) Errors {
	squares, sums := diffSums(ref.Pix, got.Pix)
	n := float64(len(ref.Pix))
	return Errors{MSE: float64(squares) / n, MAE: float64(sums) / n}
}

// PSNR is the peak signal-to-noise ratio in dB over all pixels and RGB channels.
// Identical images give +Inf.
func PSNR(ref, got pix.Image) (float64, error) { return psnrRGB.score(ref, got) }

// MSE is the mean squared error of 8-bit values over all pixels and RGB channels.
func MSE(ref, got pix.Image) (float64, error) { return mse.score(ref, got) }

// MAE is the mean absolute error of 8-bit values over all pixels and RGB channels.
func MAE(ref, got pix.Image) (float64, error) { return mae.score(ref, got) }

// PSNRY is PSNR on full-range BT.601 luma, which is not rounded to 8 bits.
func PSNRY(ref, got pix.Image) (float64, error) { return psnrY.score(ref, got) }

func psnrLuma(ref, got pix.Image, _ *memory) float64 {
	sum := 0.0
	for y := range ref.H {
		a, b := ref.Row(y), got.Row(y)
		b = b[:len(a)]
		// Luma is linear: the difference of lumas is the luma of the differences,
		// in thousandths. A row's sum of squares is exact: 255000²·W < 2⁶³ for W < 1.4e8.
		row := int64(0)
		for i := 0; i+2 < len(a); i += 3 {
			d := 299*(int64(a[i])-int64(b[i])) + 587*(int64(a[i+1])-int64(b[i+1])) + 114*(int64(a[i+2])-int64(b[i+2]))
			row += d * d
		}
		sum += float64(row)
	}
	return decibels(sum / 1e6 / float64(ref.W*ref.H))
}

// errorMetric yields psnr, mse and mae from one pass.
type errorMetric struct{}

func (errorMetric) Specs() []metrics.Spec {
	return []metrics.Spec{psnrRGB.spec, mse.spec, mae.spec}
}

func (errorMetric) Prepare(_ context.Context, ref metrics.Reference) (metrics.Scorer, error) {
	return metrics.ScorerFunc(func(_ context.Context, got pix.Image) ([]metrics.Value, error) {
		e, err := PixelErrors(ref.Image, got)
		if err != nil {
			return nil, err
		}
		return []metrics.Value{
			{Metric: psnrRGB.spec.ID, Value: e.PSNR()},
			{Metric: mse.spec.ID, Value: e.MSE},
			{Metric: mae.spec.ID, Value: e.MAE},
		}, nil
	}), nil
}
