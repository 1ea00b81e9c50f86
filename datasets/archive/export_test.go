package archive

import "testing"

// GrowAtMost sets what a compressed tar may grow to, for a test.
func GrowAtMost(t *testing.T, n int64) {
	before := freeGrowth
	freeGrowth = n
	t.Cleanup(func() { freeGrowth = before })
}
