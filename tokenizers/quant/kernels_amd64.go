package quant

import "golang.org/x/sys/cpu"

//go:noescape
func withinAVX2(group, x *float32, quads int, bound float32) uint64

//go:noescape
func tileAVX2(dst, a, b *float32, k, lda, ldb, ldc int)

// within is [withinGo] by vectors where there are any.
func within(group, x []float32, bound float32) uint64 {
	if !cpu.X86.HasAVX2 {
		return withinGo(group, x, bound)
	}
	_ = group[groupSize*len(x)-1] // the kernel does not check
	return withinAVX2(&group[0], &x[0], len(x)/quad, bound)
}

// multiply is [multiplyGo] by vectors where there are any: whole tiles, and then the
// rows and columns that are left.
func multiply(dst, a, b []float32, n, m, k int) {
	rows, cols := n/4*4, m/8*8
	if !cpu.X86.HasAVX2 || k < 1 {
		rows, cols = 0, 0
	}
	if rows > 0 && cols > 0 { // the kernel does not check
		_, _, _ = dst[(rows-1)*m+cols-1], a[rows*k-1], b[(k-1)*m+cols-1]
		for i := 0; i < rows; i += 4 {
			for j := 0; j < cols; j += 8 {
				tileAVX2(&dst[i*m+j], &a[i*k], &b[j], k, k, m, m)
			}
		}
	}
	multiplyGo(dst, a, b, m, k, 0, rows, cols, m)
	multiplyGo(dst, a, b, m, k, rows, n, 0, m)
}
