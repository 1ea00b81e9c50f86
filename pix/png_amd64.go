package pix

import "golang.org/x/sys/cpu"

//go:noescape
func paeth3AVX2(row, above *uint8, n int)

// paeth3 is the filter for three channels, by vectors where there are any. The kernel
// reads five bytes beyond its pixels, so the last ones are left to paeth3Go.
func paeth3(row, above []uint8) {
	n := len(row)/3 - 2
	if !cpu.X86.HasAVX2 || n < 1 {
		paeth3Go(row, above, 0)
		return
	}
	_ = above[len(row)-1] // the kernel does not check
	paeth3AVX2(&row[0], &above[0], n)
	paeth3Go(row, above, n)
}
