// Package corrupt damages images: the 19 corruptions of ImageNet-C in five
// severities, CAM-Seg's degradations, and rain.
//
//	img, err := pix.Load("photo.jpg")
//	noisy, err := corrupt.Apply(img, "gaussian_noise", 3, corrupt.Options{Seed: 1, Key: "photo"})
//
// # Its opinion
//
// A corrupted image is a value, not an event: it depends on the image, the name,
// the severity, the mode, the seed and the key, and on nothing else. The pixels
// are the same in any order, by any number of workers, and on every machine:
// random numbers are drawn from counters keyed by SHA-256, sums are of integers,
// and where there are floats every product is rounded by itself, so that no
// compiler can fuse it with a sum. What is promised of a [Version] is checked by
// digests, and by a test that looks for fused instructions.
//
// Published constants are kept as they are, flaws included: a "swap" of glass_blur
// that only copies, disks of defocus_blur that brighten by a percent, gray pixels
// that saturate turns red. Who compares with ImageNet-C's numbers wants those.
// What is different on purpose is listed in docs/corruptions.md.
//
// Constants in pixels make a large image's damage milder than a small one's.
// [Compat] keeps that, since everybody's numbers have it; [Scaled] multiplies them
// by the shorter side over 224. [Spec] writes down which it was.
//
// # Accuracy
//
// brightness, contrast, saturate, pixelate and jpeg_compression give the bytes of
// the Python package imagecorruptions (of contrast, but for the last bit of a
// mean); defocus_blur, zoom_blur and gaussian_blur are within one gray level of
// it; the others agree in distribution. Severity does not order PSNR: glass_blur's
// and saturate's go up and down, by their authors' choice of constants.
//
// # Cost
//
// On one core, an image of 768×512 takes .7 ms (contrast, JPEG) to 13 ms
// (glass_blur, spatter), without an allocation a pixel; buffers are recycled.
// Three channels, or three columns of a plane, share one 64-bit word, which makes
// sums exact and three times as cheap. Only JPEG uses vector instructions, where
// there is AVX2.
package corrupt
