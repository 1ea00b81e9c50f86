package quality_test

import (
	"fmt"

	"github.com/vtbench/vtbench/metrics/quality"
	"github.com/vtbench/vtbench/pix"
)

// chequers is a small picture, every value changed by delta.
func chequers(delta int) pix.Image {
	m := pix.New(64, 48)
	for i := range m.Pix {
		v := 60
		if (i/3%64/8+i/3/64/8)%2 == 1 {
			v = 180
		}
		m.Pix[i] = uint8(v + delta*(i%2))
	}
	return m
}

func Example() {
	psnr, err := quality.PSNR(chequers(0), chequers(5))
	if err != nil {
		fmt.Println(err)
		return
	}
	ssim, err := quality.SSIM(chequers(0), chequers(5))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("PSNR %.2f dB, SSIM %.3f\n", psnr, ssim)
	// Output: PSNR 37.16 dB, SSIM 0.998
}

func ExamplePrepare() {
	ref, err := quality.Prepare("gmsd", chequers(0))
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, delta := range []int{0, 5, 20} {
		v, err := ref.Score(chequers(delta))
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Printf("%.4f\n", v)
	}
	// Output:
	// 0.0000
	// 0.0002
	// 0.0023
}

func ExampleSSIM_tooSmall() {
	_, err := quality.SSIM(pix.New(10, 64), pix.New(10, 64))
	fmt.Println(err)
	// Output: ssim: images are 10×64, both sides must be at least 11
}
