//go:build race

package photos_test

// stride says that every eleventh item is decoded: the race detector makes
// sixteen megapixels slow.
const stride = 11
