//go:build race

package corrupt_test

// slow is by how much fewer seeds are averaged under the race detector.
const slow = 6
