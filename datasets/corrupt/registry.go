package corrupt

// registry lists all corruptions: ImageNet-C's in the order of imagecorruptions,
// then the others.
var registry = []entry{
	{
		Corruption: Corruption{
			Name: "gaussian_noise", Family: Noise, InImageNetC: true, Random: true,
			Summary: "normal noise on every sample, as in low light",
			Unit:    "standard deviation of 1", Amounts: []float64{.08, .12, .18, .26, .38},
		}, run: gaussianNoise, hi: 4,
	},
	{
		Corruption: Corruption{
			Name: "shot_noise", Family: Noise, InImageNetC: true, Random: true,
			Summary: "Poisson noise of light that comes in few photons",
			Unit:    "photons of white", Amounts: []float64{60, 25, 12, 5, 3},
		}, run: shotNoise, lo: 0.5, hi: maxPhotons,
	},
	{
		Corruption: Corruption{
			Name: "impulse_noise", Family: Noise, InImageNetC: true, Random: true,
			Summary: "salt and pepper on single channel samples",
			Unit:    "share of samples", Amounts: []float64{.03, .06, .09, .17, .27},
		}, run: impulseNoise, hi: 1,
	},
	{
		Corruption: Corruption{
			Name: "defocus_blur", Family: Blur, InImageNetC: true, PixelUnits: true,
			Summary: "average over a disk, as out of focus",
		}, run: defocusBlur,
	},
	{
		Corruption: Corruption{
			Name: "glass_blur", Family: Blur, InImageNetC: true, Random: true, PixelUnits: true,
			Summary: "pixels shuffled locally, as behind frosted glass",
		}, run: glassBlur,
	},
	{
		Corruption: Corruption{
			Name: "motion_blur", Family: Blur, InImageNetC: true, Random: true, PixelUnits: true,
			Summary: "streaks at an angle of up to 45°, as of a moving camera",
		}, run: motionBlur,
	},
	{
		Corruption: Corruption{
			Name: "zoom_blur", Family: Blur, InImageNetC: true,
			Summary: "average of enlargements, as when moving towards the scene",
		}, run: zoomBlur,
	},
	{
		Corruption: Corruption{
			Name: "snow", Family: Weather, InImageNetC: true, Random: true, PixelUnits: true,
			Summary: "falling flakes over a whitened scene",
		}, run: snow,
	},
	{
		Corruption: Corruption{
			Name: "frost", Family: Weather, InImageNetC: true, Random: true, PixelUnits: true,
			Summary: "ice crystals on the lens",
		}, run: frost,
	},
	{
		Corruption: Corruption{
			Name: "fog", Family: Weather, InImageNetC: true, Random: true,
			Summary: "clouds of a plasma fractal",
		}, run: fog,
	},
	{
		Corruption: Corruption{
			Name: "brightness", Family: Digital, InImageNetC: true,
			Summary: "value of HSV raised",
			Unit:    "increase of 1", Amounts: []float64{.1, .2, .3, .4, .5},
		}, run: brightness, lo: 0, hi: 1,
	},
	{
		Corruption: Corruption{
			Name: "contrast", Family: Digital, InImageNetC: true,
			Summary: "channels pulled towards their means",
			Unit:    "contrast kept", Amounts: []float64{.4, .3, .2, .1, .05},
		}, run: contrast, hi: 4,
	},
	{
		Corruption: Corruption{
			Name: "elastic_transform", Family: Digital, InImageNetC: true, Random: true, PixelUnits: true,
			Summary: "pixels moved by a smooth random field",
		}, run: elasticTransform,
	},
	{
		Corruption: Corruption{
			Name: "pixelate", Family: Digital, InImageNetC: true, PixelUnits: true,
			Summary: "shrunk by averaging, enlarged by repeating",
			Unit:    "size kept", Amounts: []float64{.6, .5, .4, .3, .25},
		}, run: pixelate, lo: 1. / 1024, hi: 1,
	},
	{
		Corruption: Corruption{
			Name: "jpeg_compression", Family: Digital, InImageNetC: true,
			Summary: "JPEG of low quality, 4:2:0",
			Unit:    "libjpeg quality", Amounts: []float64{25, 18, 15, 10, 7},
		}, run: jpegCompression, lo: 1, hi: 100,
	},
	{
		Corruption: Corruption{
			Name: "speckle_noise", Family: Noise, InImageNetC: true, Validation: true, Random: true,
			Summary: "normal noise in proportion to the sample",
			Unit:    "standard deviation of the sample", Amounts: []float64{.15, .2, .35, .45, .6},
		}, run: speckleNoise, hi: 4,
	},
	{
		Corruption: Corruption{
			Name: "gaussian_blur", Family: Blur, InImageNetC: true, Validation: true, PixelUnits: true,
			Summary: "Gaussian blur",
			Unit:    "standard deviation in pixels", Amounts: []float64{1, 2, 3, 4, 6},
		}, run: gaussianBlur, lo: 0.1, hi: 1000,
	},
	{
		Corruption: Corruption{
			Name: "spatter", Family: Weather, InImageNetC: true, Validation: true, Random: true, PixelUnits: true,
			Summary: "drops of water, then of mud, on the lens",
		}, run: spatter,
	},
	{
		Corruption: Corruption{
			Name: "saturate", Family: Digital, InImageNetC: true, Validation: true,
			Summary: "saturation of HSV lowered, then raised",
		}, run: saturate,
	},
	{
		Corruption: Corruption{
			Name: "salt_and_pepper", Family: Extra, Random: true,
			Summary: "whole pixels white or black (CAM-Seg)",
			Unit:    "share of pixels", Amounts: []float64{.05, .1, .25, .5, .8},
		}, run: saltAndPepper, hi: 1,
	},
	{
		Corruption: Corruption{
			Name: "horizontal_motion", Family: Extra, PixelUnits: true,
			Summary: "average over a row of pixels (CAM-Seg)",
			Unit:    "kernel in pixels", Amounts: []float64{10, 21, 51, 101, 221},
		}, run: horizontalMotion, lo: 1, hi: 4096,
	},
	{
		Corruption: Corruption{
			Name: "brightness_scale", Family: Extra,
			Summary: "samples multiplied (CAM-Seg, torchvision)",
			Unit:    "factor", Amounts: []float64{1.1, 1.2, 1.3, 1.4, 1.5},
		}, run: brightnessScale, hi: 16,
	},
	{
		Corruption: Corruption{
			Name: "contrast_scale", Family: Extra,
			Summary: "blended with the mean gray (CAM-Seg, torchvision)",
			Unit:    "factor", Amounts: []float64{.9, .8, .7, .6, .5},
		}, run: contrastScale, hi: 16,
	},
	{
		Corruption: Corruption{
			Name: "saturation_scale", Family: Extra,
			Summary: "blended with gray (CAM-Seg, torchvision)",
			Unit:    "factor", Amounts: []float64{.8, .6, .4, .2, 0},
		}, run: saturationScale, hi: 16,
	},
	{
		Corruption: Corruption{
			Name: "hue_shift", Family: Extra,
			Summary: "hue turned (CAM-Seg, torchvision)",
			Unit:    "turns", Amounts: []float64{.05, .1, .15, .2, .5},
		}, run: hueShift, lo: -.5, hi: .5,
	},
	{
		Corruption: Corruption{
			Name: "rain", Family: Extra, Random: true, PixelUnits: true,
			Summary: "slanted streaks over a dimmed, hazy scene",
		}, run: rain,
	},
}
