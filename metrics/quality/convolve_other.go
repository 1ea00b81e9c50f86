//go:build !amd64

package quality

func convolve(dst, src []float32, stride int) { convolveGo(dst, src, stride) }
