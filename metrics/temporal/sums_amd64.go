package temporal

import "golang.org/x/sys/cpu"

// The vector kernel needs AVX2; without it plain Go does the same.
var vectors = cpu.X86.HasAVX2

//go:noescape
func sumsAVX(r0, r1, g0, g1 *uint8, n int, sums, squares *[8]uint32)

// differences sums |d| and d² of d = (g1 − g0) − (r1 − r0).
func differences(r0, r1, g0, g1 []uint8) (abs, sq uint64) {
	const block = 1 << 16 // a lane of squares takes 2·510² every 16 bytes, and has 32 bits
	r1, g0, g1 = r1[:len(r0)], g0[:len(r0)], g1[:len(r0)]
	for vectors && len(r0) >= 16 {
		n := min(len(r0), block) &^ 15
		var sums, squares [8]uint32
		sumsAVX(&r0[0], &r1[0], &g0[0], &g1[0], n, &sums, &squares)
		for i := range sums {
			abs, sq = abs+uint64(sums[i]), sq+uint64(squares[i])
		}
		r0, r1, g0, g1 = r0[n:], r1[n:], g0[n:], g1[n:]
	}
	a, s := differencesGo(r0, r1, g0, g1)
	return abs + a, sq + s
}
