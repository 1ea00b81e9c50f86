//go:build !amd64

package quality

func convolve[T float](dst, src []T, stride int, taps []T) { convolveGo(dst, src, stride, taps) }

func diffSums(a, b []uint8) (squares, sums uint64) { return diffSumsGo(a, b) }
