package quality_test

import (
	"context"
	"fmt"
	"math"
	"testing"

	"github.com/vtbench/vtbench/metrics"
	"github.com/vtbench/vtbench/metrics/quality"
	"github.com/vtbench/vtbench/pix"
)

// kindOf is the entry of the registry that yields a metric.
func kindOf(t *testing.T, id string) metrics.Kind {
	t.Helper()
	for _, k := range quality.Kinds() {
		if k.Yields([]string{id}) {
			return k
		}
	}
	t.Fatalf("no kind yields %s", id)
	return metrics.Kind{}
}

// SSIM and MS-SSIM from one pass are those that are computed alone, one is left out where
// it is not asked for, and one that an image is too small for costs itself.
func TestSimilarityComputesWhatIsWanted(t *testing.T) {
	ctx := context.Background()
	plain := map[string]func(ref, got pix.Image) (float64, error){
		"ssim": quality.SSIM, "ms-ssim": quality.MSSSIM, "ssim-y": quality.SSIMY, "ms-ssim-y": quality.MSSSIMY,
	}
	for _, size := range [][2]int{{161, 161}, {170, 200}, {399, 163}, {60, 40}} {
		ref := scene(size[0], size[1], 3)
		got := distort(ref, "noise:20")
		for _, ids := range [][]string{{"ssim"}, {"ms-ssim"}, {"ssim", "ms-ssim"}, {"ssim-y"}, {"ms-ssim-y"}, {"ssim-y", "ms-ssim-y"}} {
			t.Run(fmt.Sprint(size, ids), func(t *testing.T) {
				m, err := kindOf(t, ids[0]).Open(ctx, metrics.Config{Wanted: ids})
				if err != nil {
					t.Fatal(err)
				}
				s, err := m.Prepare(ctx, metrics.Reference{Image: ref})
				if err != nil {
					t.Fatal(err)
				}
				values, err := s.Score(ctx, got)
				if err != nil || len(values) != len(ids) || len(m.Specs()) != len(ids) {
					t.Fatalf("%d values of %d specs, %v", len(values), len(m.Specs()), err)
				}
				for i, v := range values {
					want, err := plain[ids[i]](ref, got)
					if v.Metric != ids[i] || (err != nil) != (v.Err != "") || err == nil && v.Value != want {
						t.Errorf("%+v, alone it is %v, %v", v, want, err)
					}
				}
			})
		}
	}
}

// An image that is as wide as several tiles scores the mean of its map, and what
// channels score apart is their mean.
func TestSimilarityOfTilesAndChannels(t *testing.T) {
	for _, w := range []int{11, 18, 201, 202, 203, 400, 601, 1203} {
		ref := scene(w, 23, uint32(w))
		got := distort(ref, "noise:15")
		all, err := quality.SSIM(ref, got)
		if err != nil {
			t.Fatal(err)
		}
		mean := 0.0
		for c := range 3 { // grey images of one channel
			a, b := pix.New(w, 23), pix.New(w, 23)
			for i := range a.Pix {
				a.Pix[i], b.Pix[i] = ref.Pix[i/3*3+c], got.Pix[i/3*3+c]
			}
			one, err := quality.SSIM(a, b)
			if err != nil {
				t.Fatal(err)
			}
			luma, err := quality.SSIMY(a, b)
			if err != nil {
				t.Fatal(err)
			}
			if math.Abs(one-luma) > 1e-7 {
				t.Errorf("width %d, channel %d: %v over RGB, %v over luma", w, c, one, luma)
			}
			mean += one / 3
		}
		if math.Abs(all-mean) > 1e-7 {
			t.Errorf("width %d: %v, the mean of the channels is %v", w, all, mean)
		}
	}
}
