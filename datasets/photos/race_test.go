//go:build race

package photos_test

// stride says that every fifth photograph is decoded: the race detector makes
// sixteen megapixels slow.
const stride = 5
