// Package quality holds the full-reference image quality metrics.
//
// Its opinion: a name is one definition. "PSNR" and "SSIM" in papers are families
// whose members differ by whole decibels on the same pixels, so every member has
// its own id here, says which paper or package it follows, and is held to values
// that somebody else computed. All take 8-bit sRGB images of equal size:
//
//	v, err := quality.PSNR(ref, got)
//
// Images that are too small for a metric, or differ in size, are an error;
// identical images score the metric's best value, which for PSNR is +Inf.
package quality

import (
	"fmt"

	"github.com/vtbench/vtbench/metrics"
	"github.com/vtbench/vtbench/pix"
)

// Kinds lists the metrics of this package.
func Kinds() []metrics.Kind {
	return []metrics.Kind{
		metrics.Static(errorMetric{}),
		metrics.Static(metrics.Func(specPSNRY, PSNRY)),
		metrics.Static(metrics.Func(specSSIM, SSIM)),
	}
}

// check says whether two images can be compared by a metric that needs sides of
// at least minSide pixels.
func check(metric string, minSide int, ref, got pix.Image) error {
	if err := ref.Validate(); err != nil {
		return fmt.Errorf("%s: reference: %w", metric, err)
	}
	if err := got.Validate(); err != nil {
		return fmt.Errorf("%s: distorted: %w", metric, err)
	}
	if ref.W != got.W || ref.H != got.H {
		return fmt.Errorf("%s: the reference is %d×%d, the other image %d×%d: sizes must be equal", metric, ref.W, ref.H, got.W, got.H)
	}
	if min(ref.W, ref.H) < minSide {
		return fmt.Errorf("%s: images are %d×%d, both sides must be at least %d", metric, ref.W, ref.H, minSide)
	}
	return nil
}
