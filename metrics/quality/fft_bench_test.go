package quality

import (
	"testing"

	"gonum.org/v1/gonum/dsp/fourier"
)

// The transforms of a 512×512 image, rows and columns, by dft and by gonum: one is
// given interleaved series, the other one series after the other with columns gathered.
func BenchmarkDFT512(b *testing.B) {
	const n = 512
	d := newDFT(n)
	x, scratch := make([]complex128, n*n), make([]complex128, d.scratch(n))
	for i := range x {
		x[i] = complex(float64(i%251), 0)
	}
	b.SetBytes(16 * n * n)
	for b.Loop() {
		d.forward(x, scratch, n)
	}
}

func BenchmarkGonumFFT512(b *testing.B) {
	const n = 512
	f := fourier.NewCmplxFFT(n)
	x, column := make([]complex128, n*n), make([]complex128, n)
	for i := range x {
		x[i] = complex(float64(i%251), 0)
	}
	b.SetBytes(16 * n * n)
	for b.Loop() {
		for c := range n {
			for r := range n {
				column[r] = x[r*n+c]
			}
			f.Coefficients(column, column)
			for r := range n {
				x[r*n+c] = column[r]
			}
		}
	}
}
