package quality_test

import (
	"testing"

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

// Floor: 6 bytes a pixel read once, 3 multiplies and adds each.
func BenchmarkPSNR(b *testing.B) {
	ref, got := pair(768, 512)
	b.SetBytes(int64(2 * len(ref.Pix)))
	for b.Loop() {
		if _, err := quality.PSNR(ref, got); err != nil {
			b.Fatal(err)
		}
	}
}

// Floor: 4 maps × 2 passes × 6 multiplies × 3 channels = 144 multiplies and 264
// additions a pixel.
func BenchmarkSSIM(b *testing.B) {
	ref, got := pair(768, 512)
	b.SetBytes(int64(2 * len(ref.Pix)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := quality.SSIM(ref, got); err != nil {
			b.Fatal(err)
		}
	}
}
