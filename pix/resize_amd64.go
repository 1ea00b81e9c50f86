package pix

import "golang.org/x/sys/cpu"

//go:noescape
func horizontalAVX2(dst, src *uint8, n int, first, count *int, coeff *int32, taps int)

//go:noescape
func verticalAVX2(dst, src *uint8, n, stride int, coeff *int32, taps int)

// filterRow is filterRowGo, by vectors where there are any. The kernel reads two bytes
// beyond the row, so the last row of an image is left to plain Go.
func filterRow(dst, src Image, y, from int, k *kernel) {
	if !cpu.X86.HasAVX2 || from >= src.H-1 {
		filterRowGo(dst, src, y, from, k)
		return
	}
	horizontalAVX2(&dst.Row(y)[0], &src.Row(from)[0], len(k.first), &k.first[0], &k.count[0], &k.coeff[0], k.taps)
}

// filterColumns is filterColumnsGo, by vectors where there are any.
func filterColumns(dst []uint8, src Image, row int, coeff []int32, acc []int32) {
	const lanes = 8
	n := len(dst)
	if !cpu.X86.HasAVX2 || n < lanes {
		filterColumnsGo(dst, src, row, coeff, acc)
		return
	}
	stride := 3 * src.W
	from := src.Pix[row*stride : (row+len(coeff))*stride] // the kernel does not check
	whole := n &^ (lanes - 1)
	verticalAVX2(&dst[0], &from[0], whole, stride, &coeff[0], len(coeff))
	if whole < n { // the last vector overlaps the one before
		verticalAVX2(&dst[n-lanes], &from[n-lanes], lanes, stride, &coeff[0], len(coeff))
	}
}
