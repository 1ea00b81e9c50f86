//go:build !amd64

package quality

func convolve[T float](dst, src []T, stride int, taps []T) { convolveGo(dst, src, stride, taps) }

func diffSums(a, b []uint8) (squares, sums uint64) { return diffSumsGo(a, b) }

func byteMoments(a, b []uint8, m *[4][]float32) { byteMomentsGo(a, b, m) }

func squares(m *[4][]float32, n int) { squaresGo(m, n) }

func terms(m *[4][]float32, n int) { termsGo(m, n) }

func addUp(sums *[24]float64, row []float32) { addUpGo(sums, row) }
