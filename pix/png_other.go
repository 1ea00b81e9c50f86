//go:build !amd64

package pix

func paeth3(row, above []uint8) { paeth3Go(row, above, 0) }
