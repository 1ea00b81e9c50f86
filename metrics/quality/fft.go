package quality

import (
	"math"
	"math/cmplx"
)

// dft is a discrete Fourier transform of one length, of many interleaved series at
// once: Stockham's algorithm with radices 4, 2, 3 and 5, and Bluestein's for lengths
// with other factors, so that no length is slow. It does not change when used.
//
// It stands in place of gonum's dsp/fourier because that takes one series at a time: the
// columns of a 512² image take it 7 times as long (BenchmarkDFT512, BenchmarkGonumFFT512).
type dft struct {
	n        int
	radices  []int
	twiddles [][]complex128 // of each pass, r−1 for every p

	// Bluestein: x·chirp convolved with the chirp's conjugate, by transforms of a
	// longer, smooth length.
	chirp    []complex128
	long     *dft
	spectrum []complex128
}

// unit is exp(−2πi·k/n).
func unit(k, n int) complex128 {
	s, c := math.Sincos(-2 * math.Pi * float64(k%n) / float64(n))
	return complex(c, s)
}

func newDFT(n int) *dft {
	d := &dft{n: n}
	rest := n
	for _, r := range [4]int{4, 2, 3, 5} {
		for rest%r == 0 {
			d.radices = append(d.radices, r)
			rest /= r
		}
	}
	if rest > 1 {
		return newBluestein(n)
	}
	length := n
	for _, r := range d.radices {
		var t []complex128
		for p := range length / r {
			for j := 1; j < r; j++ {
				t = append(t, unit(p*j, length))
			}
		}
		d.twiddles = append(d.twiddles, t)
		length /= r
	}
	return d
}

func newBluestein(n int) *dft {
	m := 1
	for m < 2*n-1 {
		m *= 2
	}
	d := &dft{n: n, long: newDFT(m), chirp: make([]complex128, n), spectrum: make([]complex128, m)}
	for k := range d.chirp {
		d.chirp[k] = unit(k*k%(2*n), 2*n) // exp(−πi·k²/n)
		c := cmplx.Conj(d.chirp[k]) / complex(float64(m), 0)
		d.spectrum[k] = c
		if k > 0 {
			d.spectrum[m-k] = c
		}
	}
	d.long.forward(d.spectrum, make([]complex128, m), 1)
	return d
}

// scratch is how much forward needs for a batch of series.
func (d *dft) scratch(batch int) int {
	if d.long != nil {
		return 2 * d.long.n * batch
	}
	return d.n * batch
}

// forward transforms batch series in place; x[k·batch+b] is value k of series b.
func (d *dft) forward(x, scratch []complex128, batch int) {
	if d.long != nil {
		d.bluestein(x, scratch, batch)
		return
	}
	from, to := x[:d.n*batch], scratch[:d.n*batch]
	stride, length := batch, d.n
	for i, r := range d.radices {
		m := length / r
		switch r {
		case 2:
			pass2(to, from, d.twiddles[i], m, stride)
		case 3:
			pass3(to, from, d.twiddles[i], m, stride)
		case 4:
			pass4(to, from, d.twiddles[i], m, stride)
		default:
			pass5(to, from, d.twiddles[i], m, stride)
		}
		from, to = to, from
		stride, length = stride*r, m
	}
	if len(d.radices)%2 == 1 {
		copy(x, from)
	}
}

func (d *dft) bluestein(x, scratch []complex128, batch int) {
	m := d.long.n
	long, rest := scratch[:m*batch], scratch[m*batch:]
	for k, c := range d.chirp {
		to := long[k*batch:][:batch]
		for i, v := range x[k*batch:][:batch] {
			to[i] = v * c
		}
	}
	clear(long[d.n*batch:])
	d.long.forward(long, rest, batch)
	// The inverse transform is the conjugate of the transform of the conjugate.
	for k, s := range d.spectrum {
		row := long[k*batch:][:batch]
		for i, v := range row {
			row[i] = cmplx.Conj(v * s)
		}
	}
	d.long.forward(long, rest, batch)
	for k, c := range d.chirp {
		to := x[k*batch:][:batch]
		for i, v := range long[k*batch:][:batch] {
			to[i] = cmplx.Conj(v) * c
		}
	}
}

// A pass takes r rows of s values m·s apart, transforms them, and puts them side by
// side, times the twiddles.

func pass2(to, from, w []complex128, m, s int) {
	for p := range m {
		w1 := w[p]
		a, b := from[p*s:][:s], from[(p+m)*s:][:s]
		y0, y1 := to[2*p*s:][:s], to[(2*p+1)*s:][:s]
		for q, u := range a {
			v := b[q]
			y0[q], y1[q] = u+v, (u-v)*w1
		}
	}
}

func pass3(to, from, w []complex128, m, s int) {
	const sin60 = 0.86602540378443864676
	for p := range m {
		w1, w2 := w[2*p], w[2*p+1]
		a, b, c := from[p*s:][:s], from[(p+m)*s:][:s], from[(p+2*m)*s:][:s]
		y0, y1, y2 := to[3*p*s:][:s], to[(3*p+1)*s:][:s], to[(3*p+2)*s:][:s]
		for q, u := range a {
			sum, dif := b[q]+c[q], b[q]-c[q]
			mid := complex(real(u)-real(sum)/2, imag(u)-imag(sum)/2)
			turn := complex(imag(dif)*sin60, -real(dif)*sin60) // −i·sin60·dif
			y0[q], y1[q], y2[q] = u+sum, (mid+turn)*w1, (mid-turn)*w2
		}
	}
}

func pass4(to, from, w []complex128, m, s int) {
	for p := range m {
		w1, w2, w3 := w[3*p], w[3*p+1], w[3*p+2]
		a, b, c, d := from[p*s:][:s], from[(p+m)*s:][:s], from[(p+2*m)*s:][:s], from[(p+3*m)*s:][:s]
		y0, y1, y2, y3 := to[4*p*s:][:s], to[(4*p+1)*s:][:s], to[(4*p+2)*s:][:s], to[(4*p+3)*s:][:s]
		for q, u := range a {
			ac, amc := u+c[q], u-c[q]
			bd, bmd := b[q]+d[q], b[q]-d[q]
			turn := complex(imag(bmd), -real(bmd)) // −i·(b−d)
			y0[q], y1[q], y2[q], y3[q] = ac+bd, (amc+turn)*w1, (ac-bd)*w2, (amc-turn)*w3
		}
	}
}

func pass5(to, from, w []complex128, m, s int) {
	const (
		cos72, sin72   = 0.30901699437494742410, 0.95105651629515357212
		cos144, sin144 = -0.80901699437494742410, 0.58778525229247312917
	)
	for p := range m {
		w1, w2, w3, w4 := w[4*p], w[4*p+1], w[4*p+2], w[4*p+3]
		a, b, c, d, e := from[p*s:][:s], from[(p+m)*s:][:s], from[(p+2*m)*s:][:s], from[(p+3*m)*s:][:s], from[(p+4*m)*s:][:s]
		y0, y1, y2, y3, y4 := to[5*p*s:][:s], to[(5*p+1)*s:][:s], to[(5*p+2)*s:][:s], to[(5*p+3)*s:][:s], to[(5*p+4)*s:][:s]
		for q, u := range a {
			s1, d1, s2, d2 := b[q]+e[q], b[q]-e[q], c[q]+d[q], c[q]-d[q]
			m1 := complex(real(u)+cos72*real(s1)+cos144*real(s2), imag(u)+cos72*imag(s1)+cos144*imag(s2))
			m2 := complex(real(u)+cos144*real(s1)+cos72*real(s2), imag(u)+cos144*imag(s1)+cos72*imag(s2))
			t1 := complex(sin72*imag(d1)+sin144*imag(d2), -sin72*real(d1)-sin144*real(d2))
			t2 := complex(sin144*imag(d1)-sin72*imag(d2), -sin144*real(d1)+sin72*real(d2))
			y0[q] = u + s1 + s2
			y1[q], y4[q] = (m1+t1)*w1, (m1-t1)*w4
			y2[q], y3[q] = (m2+t2)*w2, (m2-t2)*w3
		}
	}
}
