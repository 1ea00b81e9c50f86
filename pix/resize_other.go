//go:build !amd64

package pix

func filterRow(dst, src Image, y, from int, k *kernel) { filterRowGo(dst, src, y, from, k) }

func filterColumns(dst []uint8, src Image, row int, coeff []int32, acc []int32) {
	filterColumnsGo(dst, src, row, coeff, acc)
}
