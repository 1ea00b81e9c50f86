package quality_test

import (
	"testing"

	"github.com/vtbench/vtbench/internal/testenv"
	"github.com/vtbench/vtbench/metrics/quality"
	"github.com/vtbench/vtbench/pix"
)

// pair is a deterministic image with gradients, edges and noise, and a noisier copy.
func pair(w, h int) (ref, got pix.Image) {
	ref, got = pix.New(w, h), pix.New(w, h)
	state := uint32(1)
	for i := range ref.Pix {
		state = state*1664525 + 1013904223
		x, y := i/3%w, i/3/w
		v := (x*255/w + (y/7%2)*60 + int(state>>28)) % 256
		ref.Pix[i] = uint8(v)
		got.Pix[i] = uint8(min(255, max(0, v+int(state>>24&15)-8)))
	}
	return ref, got
}

// floors are the least work a metric can do on a pixel, both images together; the
// benchmark's MB/s are of the 6 bytes that a pair of pixels has.
//
//	psnr          read 6 bytes once; 3 multiply-adds
//	ssim          3 channels × 4 maps × 2 passes × 6 multiply-adds + 5 additions = 264
//	ssim-uniform  3 channels × 4 sums × 4 additions = 48
//	ms-ssim       1⅓ × ssim = 352
//	gmsd          ¼ of the pixels × 2 gradients × 12 = 6, and a root and a division
//	haarpsi       ¼ × 2 images × 3 scales × 2 × 7 additions = 21, and 3 divisions
//	ssim-y, ms-ssim-y   ⅓ of ssim, ms-ssim = 88, 117
//	vif           2 images × 1⅓ × (2 bands × 12 + 20 + 5 maps × 6) ≈ 200, the filters folded by their symmetry
//	vifp          5 maps × 2 passes × (9 + ¼·5 + …) multiply-adds ≈ 105, and one at 4 scales
//	ssimulacra2   3 channels × 5 maps × 2 passes × 5 multiply-adds × 1⅓ = 200, and 6 cube roots
//	psnr-hvs      2 images × 2 passes × 8 multiply-adds = 32
func BenchmarkMetrics(b *testing.B) {
	ref, got := pair(768, 512)
	for _, m := range quality.All() {
		for _, s := range m.Specs() {
			b.Run(s.ID, func(b *testing.B) {
				b.SetBytes(int64(2 * len(ref.Pix)))
				b.ReportAllocs()
				f := plain[s.ID]
				for b.Loop() {
					if _, err := f(ref, got); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

// BenchmarkPrepared is what another image costs against a prepared reference.
func BenchmarkPrepared(b *testing.B) {
	ref, got := pair(768, 512)
	for _, id := range []string{"vif", "vifp", "haarpsi", "fsim", "iw-ssim", "nlpd", "ciede2000", "ssimulacra2"} {
		b.Run(id, func(b *testing.B) {
			p, err := quality.Prepare(id, ref)
			if err != nil {
				b.Fatal(err)
			}
			b.SetBytes(int64(2 * len(ref.Pix)))
			for b.Loop() {
				if _, err := p.Score(got); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

var plain = map[string]func(ref, got pix.Image) (float64, error){
	"psnr": quality.PSNR, "mse": quality.MSE, "mae": quality.MAE, "psnr-y": quality.PSNRY,
	"ssim": quality.SSIM, "ssim-uniform": quality.SSIMUniform, "ssim-wang": quality.SSIMWang, "ssim-y": quality.SSIMY,
	"ms-ssim": quality.MSSSIM, "ms-ssim-y": quality.MSSSIMY, "iw-ssim": quality.IWSSIM, "gmsd": quality.GMSD, "fsim": quality.FSIM,
	"fsimc": quality.FSIMC, "vif": quality.VIF, "vifp": quality.VIFP, "haarpsi": quality.HaarPSI, "mdsi": quality.MDSI,
	"psnr-hvs": quality.PSNRHVS, "psnr-hvs-m": quality.PSNRHVSM, "nlpd": quality.NLPD,
	"ciede2000": quality.CIEDE2000, "ssimulacra2": quality.SSIMULACRA2,
}

// The plain functions are the prepared forms.
func TestPlainFunctions(t *testing.T) {
	testenv.Sequential(t)
	ref := scene(161, 163, 8)
	got := distort(ref, "blur:1")
	for id := range specs() {
		f, ok := plain[id]
		if !ok {
			t.Errorf("%s has no plain function here", id)
			continue
		}
		v, err := f(ref, got)
		if want := prepared(t, id, ref, got); err != nil || v != want {
			t.Errorf("%s is %v (%v), prepared %v", id, v, err, want)
		}
	}
}
