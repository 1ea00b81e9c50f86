//go:build !amd64

package corrupt

func toYCC(y, cb, cr, rgb []uint8)                { toYCCGo(y, cb, cr, rgb) }
func toRGB(rgb, y, cb, cr []uint8)                { toRGBGo(rgb, y, cb, cr) }
func halve(dst, a, b []uint8)                     { halveGo(dst, a, b) }
func widen(dst, near, far []uint8, sums []uint16) { widenGo(dst, near, far, sums) }

func roundTripBlocks(v []uint8, stride, blocks int, q *quantTable) {
	roundTripBlocksGo(v, stride, blocks, q)
}
