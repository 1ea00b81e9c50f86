package detail

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/dsp/fourier"

	"github.com/vtbench/vtbench/pix"
)

// A Band is an octave of frequencies.
type Band int

// The bands, from 16 to 32 pixels a period down to 2 to 4.
const (
	Coarse Band = iota
	Medium
	Fine
	Finest
	bandCount = iota
)

// String is the name of the band in ids of metrics.
func (b Band) String() string { return [bandCount]string{"coarse", "medium", "fine", "finest"}[b] }

// periods are the shortest and the longest period of a band, in pixels.
func (b Band) periods() (lo, hi int) { return 16 >> b, 32 >> b }

// Bands are what a reconstruction keeps of each band; NaN where the reference has
// nothing there.
type Bands struct {
	Kept   [bandCount]float64 // of the reference's own structure, 1 is all
	Energy [bandCount]float64 // of any structure, 1 is as much as in the reference
}

// SpectrumBands compares the spectra of two images of at least 32 pixels a side, those of
// R, G and B together, so that structure of colour alone counts too. Means are taken off
// and a Hann window laid over the images, so that borders, which do not meet, make no
// detail.
func SpectrumBands(ref, got pix.Image) (Bands, error) {
	var out Bands
	if err := check(ref, got, 32); err != nil {
		return out, fmt.Errorf("bands of the spectrum: %w", err)
	}
	w, h := ref.W, ref.H
	wx, wy := hann(w), hann(h)
	t := newTransform(w, h)
	z := make([]complex128, w*h)
	var own, cross, other [bandCount]float64
	var count [bandCount]int
	for c := range 3 {
		// Both images are one complex one, of which one transform yields both spectra.
		ma, mb := mean(ref, c), mean(got, c)
		for y := range h {
			for x := range w {
				k := 3*(y*w+x) + c
				z[y*w+x] = complex((float64(ref.Pix[k])-ma)*wx[x]*wy[y], (float64(got.Pix[k])-mb)*wx[x]*wy[y])
			}
		}
		t.of(z)
		for y := range h {
			fy := float64(min(y, h-y)) / float64(h)
			for x := range w {
				band := bandOf(math.Hypot(float64(min(x, w-x))/float64(w), fy))
				if band < 0 {
					continue
				}
				// F = (Z(k) + conj Z(−k))/2, G = (Z(k) − conj Z(−k))/2i.
				p, q := z[y*w+x], z[(h-y)%h*w+(w-x)%w]
				fr, fi := (real(p)+real(q))/2, (imag(p)-imag(q))/2
				gr, gi := (imag(p)+imag(q))/2, (real(q)-real(p))/2
				own[band] += fr*fr + fi*fi
				other[band] += gr*gr + gi*gi
				cross[band] += fr*gr + fi*gi
				count[band]++
			}
		}
	}
	power := 0.0
	for _, v := range wy {
		for _, u := range wx {
			power += u * u * v * v
		}
	}
	for i := range own {
		// White noise of one level has an expected |F|² of Σ window²: less is no structure.
		if own[i] < power*float64(count[i]) {
			out.Kept[i], out.Energy[i] = math.NaN(), math.NaN()
			continue
		}
		out.Kept[i], out.Energy[i] = cross[i]/own[i], other[i]/own[i]
	}
	return out, nil
}

// transform is a Fourier transform of w×h values.
type transform struct {
	w, h        int
	row, column *fourier.CmplxFFT
	line, from  []complex128
}

func newTransform(w, h int) *transform {
	n := max(w, h)
	return &transform{w, h, fourier.NewCmplxFFT(w), fourier.NewCmplxFFT(h), make([]complex128, n), make([]complex128, n)}
}

// of transforms z in place.
func (t *transform) of(z []complex128) {
	for y := range t.h {
		row := z[y*t.w : (y+1)*t.w]
		copy(row, t.row.Coefficients(t.line[:t.w], row))
	}
	for x := range t.w {
		for y := range t.h {
			t.from[y] = z[y*t.w+x]
		}
		for y, v := range t.column.Coefficients(t.line[:t.h], t.from[:t.h]) {
			z[y*t.w+x] = v
		}
	}
}

// bandOf is the band of a frequency in cycles a pixel, −1 for none.
func bandOf(f float64) Band {
	if f < 1./32 || f > .5 {
		return -1
	}
	return Band(min(int(math.Log2(f*32)), bandCount-1))
}

// mean is that of a channel.
func mean(m pix.Image, c int) float64 {
	sum := 0
	for i := c; i < len(m.Pix); i += 3 {
		sum += int(m.Pix[i])
	}
	return float64(sum) / float64(m.W*m.H)
}

// hann is a window that falls to 0 just outside of n values.
func hann(n int) []float64 {
	out := make([]float64, n)
	for i := range out {
		out[i] = .5 - .5*math.Cos(2*math.Pi*(float64(i)+.5)/float64(n))
	}
	return out
}
