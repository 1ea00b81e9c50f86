package quality_test

import (
	"math"
	"testing"

	"github.com/vtbench/vtbench/internal/testdata"
	"github.com/vtbench/vtbench/pix"
)

func load(t *testing.T, name string) pix.Image {
	t.Helper()
	m, err := pix.Load(testdata.Path(t, "iqa", name))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// Published values of piq's two test pairs, mostly from the authors' MATLAB code, as
// piq's tests and this project's reference list give them. The tolerance is half a
// unit of the last digit given, or what is stated.
//
// piq's tests hand the original of the RGB pair to IW-SSIM as the distorted image,
// so that here the roles are swapped too. gray SSIM and RGB SSIM are both pooled by
// two; the RGB one is the mean over channels, and ours is on luma, so only the gray
// one is ours.
func TestPublishedValues(t *testing.T) {
	gray := [2]pix.Image{load(t, "goldhill.gif"), load(t, "goldhill_jpeg.gif")}
	rgb := [2]pix.Image{load(t, "I01.BMP"), load(t, "i01_01_5.bmp")}
	for _, tc := range []struct {
		id      string
		pair    [2]pix.Image
		swapped bool
		want    float64
		tol     float64
	}{
		{"psnr", rgb, false, 21.016, 5e-4},
		{"psnr-y", rgb, false, 24.495, 5e-4},
		{"ssim-wang", gray, false, .8202, 5e-5},
		{"gmsd", gray, false, .138012587141798, 1e-12},
		{"gmsd", rgb, false, .094124655829098, 1e-12},
		{"vifp", gray, false, .2665, 5e-5},
		{"vifp", rgb, false, .3147, 5e-5},
		{"fsim", gray, false, .89691, 5e-6},
		{"fsim", rgb, false, .93674, 5e-6},
		{"fsimc", rgb, false, .92587, 5e-6},
		{"haarpsi", rgb, false, .71706527, 5e-9},
		{"iw-ssim", gray, false, .886297251092821, 1e-12},
		{"iw-ssim", rgb, true, .946804801436296, 1e-12},
		{"mdsi", gray, false, .395910876130775, 1e-12},
		{"mdsi", rgb, false, .338972600511665, 1e-12},
	} {
		ref, got := tc.pair[0], tc.pair[1]
		if tc.swapped {
			ref, got = got, ref
		}
		v := prepared(t, tc.id, ref, got)
		if math.Abs(v-tc.want) > tc.tol {
			t.Errorf("%s of the %d×%d pair is %.15g, published is %v ± %g", tc.id, ref.W, ref.H, v, tc.want, tc.tol)
		} else {
			t.Logf("%-10s %d×%d %.15g, published %v", tc.id, ref.W, ref.H, v, tc.want)
		}
	}
}
