//go:build !amd64

package temporal

// differences sums |d| and d² of d = (g1 − g0) − (r1 − r0).
func differences(r0, r1, g0, g1 []uint8) (abs, sq uint64) { return differencesGo(r0, r1, g0, g1) }
