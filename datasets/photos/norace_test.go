//go:build !race

package photos_test

// stride says that every photograph is decoded.
const stride = 1
