package corrupt_test

import (
	"fmt"
	"testing"

	"github.com/vtbench/vtbench/datasets/corrupt"
	"github.com/vtbench/vtbench/pix"
)

func benchImage(b *testing.B) pix.Image {
	b.Helper()
	img, err := pix.Resize(probe(), 768, 512)
	if err != nil {
		b.Fatal(err)
	}
	return img
}

// Floor: 768·512·3 bytes read and written, 2.4 MB. scripts/corruptions-speed.sh
// sets these beside imagecorruptions.
func BenchmarkApply(b *testing.B) {
	img := benchImage(b)
	for _, c := range corrupt.All() {
		for _, severity := range []int{1, 3, 5} {
			b.Run(fmt.Sprintf("%s/%d", c.Name, severity), func(b *testing.B) {
				b.SetBytes(int64(len(img.Pix)))
				b.ReportAllocs()
				for b.Loop() {
					if _, err := corrupt.Apply(img, c.Name, severity, corrupt.Options{Key: "bench"}); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
