package quality

import "golang.org/x/sys/cpu"

// lanes is how many values the vector kernel takes at once.
const lanes = 8

var vectors = cpu.X86.HasAVX2 && cpu.X86.HasFMA

//go:noescape
func convolveAVX2(dst, src *float32, n, stride int, weights *[ssimRadius + 1]float32)

// convolve applies the window to rows that lie stride apart, stride 1 being the
// row itself shifted: dst[i] = Σ_k g[|k−5|]·src[i+k·stride]. With AVX2 eight
// values at a time, which rounds differently in the last bit.
func convolve(dst, src []float32, stride int) {
	n := 0
	if vectors && len(dst) >= lanes {
		n = len(dst) &^ (lanes - 1)
		_ = src[n-1+(ssimTaps-1)*stride] // the kernel does not check
		convolveAVX2(&dst[0], &src[0], n, stride, &gauss11)
	}
	if n < len(dst) {
		convolveGo(dst[n:], src[n:], stride)
	}
}
