//go:build !amd64

package quant

func within(group, x []float32, bound float32) uint64 { return withinGo(group, x, bound) }

func multiply(dst, a, b []float32, n, m, k int) { multiplyGo(dst, a, b, m, k, 0, n, 0, m) }
