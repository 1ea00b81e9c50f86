package corrupt_test

import (
	"fmt"
	"log"

	"github.com/vtbench/vtbench/datasets/corrupt"
	"github.com/vtbench/vtbench/pix"
)

// picture stands in for pix.Load("photo.jpg").
func picture() pix.Image {
	img := pix.New(64, 48)
	for i := range img.Pix {
		img.Pix[i] = uint8(i / 36)
	}
	return img
}

func ExampleApply() {
	img := picture()
	noisy, err := corrupt.Apply(img, "gaussian_noise", 3, corrupt.Options{Seed: 1, Key: "photo"})
	if err != nil {
		log.Fatal(err)
	}
	again, err := corrupt.Apply(img, "gaussian_noise", 3, corrupt.Options{Seed: 1, Key: "photo"})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(noisy.W, noisy.H, noisy.Equal(img), noisy.Equal(again))
	// Output: 64 48 false true
}

func ExampleApply_unknown() {
	_, err := corrupt.Apply(picture(), "defocus", 3, corrupt.Options{})
	fmt.Println(err)
	// Output: unknown corruption "defocus", did you mean "defocus_blur"?
}

func ExampleApplyAmount() {
	// CAM-Seg's strongest impulse noise: 80 % of all pixels.
	damaged, err := corrupt.ApplyAmount(picture(), "salt_and_pepper", 0.8, corrupt.Options{Seed: 2})
	if err != nil {
		log.Fatal(err)
	}
	hit := 0
	for i := 0; i < len(damaged.Pix); i += 3 {
		if p := damaged.Pix[i : i+3]; p[0] == p[1] && p[1] == p[2] && (p[0] == 0 || p[0] == 255) {
			hit++
		}
	}
	fmt.Printf("%.0f %%\n", 100*float64(hit)/float64(damaged.W*damaged.H))
	// Output: 80 %
}

func ExampleSpec() {
	spec, err := corrupt.ParseSpec("motion_blur/4+scaled")
	if err != nil {
		log.Fatal(err)
	}
	out, err := spec.Apply(picture(), 1, "photo")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(spec.Name, spec.Severity, spec.Mode, out.W, out.H)
	// Output: motion_blur 4 scaled 64 48
}

func ExampleAll() {
	for _, c := range corrupt.All() {
		if c.Family == corrupt.Noise {
			fmt.Printf("%s: %s (%s %v)\n", c.Name, c.Summary, c.Unit, c.Amounts)
		}
	}
	// Output:
	// gaussian_noise: normal noise on every sample, as in low light (standard deviation of 1 [0.08 0.12 0.18 0.26 0.38])
	// shot_noise: Poisson noise of light that comes in few photons (photons of white [60 25 12 5 3])
	// impulse_noise: salt and pepper on single channel samples (share of samples [0.03 0.06 0.09 0.17 0.27])
	// speckle_noise: normal noise in proportion to the sample (standard deviation of the sample [0.15 0.2 0.35 0.45 0.6])
}

func ExampleSheet() {
	sheet, err := corrupt.Sheet(picture(), corrupt.SheetOptions{Names: corrupt.Common(), Cell: 64})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(sheet.W > 6*64, sheet.H > 15*48) // sheet.SavePNG("sheet.png")
	// Output: true true
}
