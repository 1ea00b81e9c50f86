//go:build !race

package photos_test

// stride says that every third item is decoded: originals are large.
const stride = 3
