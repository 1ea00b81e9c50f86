package quality

import (
	"math"
	"slices"
	"sync"

	"github.com/vtbench/vtbench/pix"
)

// memory hands out scratch slices and keeps them for the next call: metrics that
// run in a loop allocate nothing but a few small values once it has grown.
type memory struct {
	wide    shelf[float64]
	narrow  shelf[float32]
	windows shelf[windowSums]
	bytes   shelf[uint8]
}

type shelf[T any] struct {
	slices [][]T
	used   int
}

var memories = sync.Pool{New: func() any { return &memory{} }}

func borrow() *memory { return memories.Get().(*memory) }

func (m *memory) giveBack() {
	m.wide.used, m.narrow.used, m.windows.used, m.bytes.used = 0, 0, 0, 0
	memories.Put(m)
}

// take returns n values of arbitrary content.
func (s *shelf[T]) take(n int) []T {
	if s.used == len(s.slices) {
		s.slices = append(s.slices, nil)
	}
	p := &s.slices[s.used]
	s.used++
	if cap(*p) < n {
		*p = make([]T, n)
	}
	return (*p)[:n]
}

// mark and release free what was taken in between.
func (s *shelf[T]) mark() int            { return s.used }
func (s *shelf[T]) release(at int)       { s.used = at }
func (m *memory) floats(n int) []float64 { return m.wide.take(n) }

// zeros returns n zeros.
func (m *memory) zeros(n int) []float64 {
	s := m.wide.take(n)
	clear(s)
	return s
}

// take returns n floats of either width.
func take[T float](m *memory, n int) []T {
	var zero T
	if _, ok := any(zero).(float32); ok {
		return any(m.narrow.take(n)).([]T)
	}
	return any(m.wide.take(n)).([]T)
}

// luma fills dst with full-range BT.601 luma, .299 R + .587 G + .114 B, not
// rounded; a gray of v gives exactly v.
func luma(dst []float64, m pix.Image) {
	p := m.Pix[:3*len(dst)]
	for i := range dst {
		q := p[3*i : 3*i+3 : 3*i+3]
		dst[i] = float64(299*int32(q[0])+587*int32(q[1])+114*int32(q[2])) / 1000
	}
}

// gray fills dst with luma rounded to 8 bits, halves upwards: what MATLAB's rgb2gray and
// IQA-PyTorch make of an image before they compare it.
func gray[T float | uint8](dst []T, m pix.Image) {
	p := m.Pix[:3*len(dst)]
	for i := range dst {
		q := p[3*i : 3*i+3 : 3*i+3]
		dst[i] = T((299*int32(q[0]) + 587*int32(q[1]) + 114*int32(q[2]) + 500) / 1000)
	}
}

// channel fills dst with one channel.
func channel(dst []float64, m pix.Image, c int) {
	p := m.Pix[c:]
	for i := range dst {
		dst[i] = float64(p[3*i])
	}
}

// poolFactor is how much Wang's SSIM, FSIM and MDSI shrink an image first: its
// shorter side comes to about 256 pixels. MATLAB's round takes halves away from
// zero.
func poolFactor(w, h int) int { return max(1, int(math.Round(float64(min(w, h))/256))) }

// border says what lies outside an image.
type border int

const (
	zeroBorder      border = iota // MATLAB's conv2(…, 'same')
	symmetricBorder               // MATLAB's imfilter(…, 'symmetric')
)

// pool averages f×f pixels and keeps every f-th, as MATLAB code does by filtering
// with ones(f)/f² and indexing 1:f:end: the window of output i covers inputs
// i·f−⌊(f−1)/2⌋ … i·f+⌊f/2⌋. The result has ⌈w/f⌉×⌈h/f⌉ values, which may be src
// itself.
func pool(mem *memory, src []float64, w, h, f int, b border) (dst []float64, ow, oh int) {
	if f == 1 {
		return src, w, h
	}
	ow, oh = (w+f-1)/f, (h+f-1)/f
	dst = mem.floats(ow * oh)
	column := mem.floats(w)
	lead := (f - 1) / 2
	scale := 1 / float64(f*f)
	for y := range oh {
		clear(column)
		for k := range f {
			r := y*f - lead + k
			if r < 0 || r >= h {
				if b == zeroBorder {
					continue
				}
				r = mirror(r, h)
			}
			row := src[r*w : (r+1)*w]
			for x, v := range row {
				column[x] += v
			}
		}
		out := dst[y*ow : (y+1)*ow]
		for x := range out {
			sum := 0.0
			for k := range f {
				c := x*f - lead + k
				if c < 0 || c >= w {
					if b == zeroBorder {
						continue
					}
					c = mirror(c, w)
				}
				sum += column[c]
			}
			out[x] = sum * scale
		}
	}
	return dst, ow, oh
}

// mirror reflects an index at the edges of 0…n−1, the edge itself repeated.
func mirror(i, n int) int {
	for i < 0 || i >= n {
		if i < 0 {
			i = -1 - i
		} else {
			i = 2*n - 1 - i
		}
	}
	return i
}

// strip is how many output rows sweep works on at once: the filtered rows of all
// maps then stay in the second-level cache.
const strip = 32

// sweep filters several maps of w×h values at once with a symmetric separable
// window, where it fits, without ever holding a whole map: fill writes row y of
// every map, emit gets row y (of h−2r) of every filtered map, w−2r values each.
func sweep[T float](mem *memory, maps, w, h int, taps []T, fill func(y int, in [][]T), emit func(y int, out [][]T)) {
	r := len(taps) - 1
	ow, oh := w-2*r, h-2*r
	var lists [3][8][]T
	in, rows, out := lists[0][:maps], lists[1][:maps], lists[2][:maps]
	high := min(strip, oh) + 2*r
	// Rows start at cache lines, so that no vector of the vertical pass straddles two.
	stride := (ow + 15) &^ 15
	for m := range maps {
		in[m], rows[m], out[m] = take[T](mem, w), take[T](mem, stride*high), take[T](mem, ow)
	}
	have := 0 // rows filtered already, kept from the strip before
	for top := 0; top < oh; top += strip {
		n := min(strip, oh-top)
		for i := have; i < n+2*r; i++ {
			fill(top+i, in)
			for m := range maps {
				convolve(rows[m][i*stride:][:ow], in[m], 1, taps)
			}
		}
		for i := range n {
			for m := range maps {
				convolve(out[m], rows[m][i*stride:], stride, taps)
			}
			emit(top+i, out)
		}
		for m := range maps {
			copy(rows[m], rows[m][n*stride:(n+2*r)*stride])
		}
		have = 2 * r
	}
}

// Map is a score for every pixel, in the size of the image. Where a metric has no
// value of its own at a pixel (the window does not fit there, or the metric works
// at a lower resolution) it takes the nearest one.
type Map struct {
	W, H int
	Pix  []float32
}

// spread makes a map of an inner map of iw×ih values that lie at every step-th
// pixel, the first one at offset.
func spread(inner []float32, iw, ih, w, h, offset, step int) Map {
	out := Map{W: w, H: h, Pix: make([]float32, w*h)}
	for y := range h {
		iy := min(max((y-offset)/step, 0), ih-1)
		row, from := out.Pix[y*w:(y+1)*w], inner[iy*iw:(iy+1)*iw]
		for x := range row {
			row[x] = from[min(max((x-offset)/step, 0), iw-1)]
		}
	}
	return out
}

// median is the mean of the two middle values, or the middle one; it reorders v.
func median(v []float64) float64 {
	n := len(v)
	hi := selectNth(v, n/2)
	if n%2 == 1 {
		return hi
	}
	return (slices.Max(v[:n/2]) + hi) / 2
}

// selectNth returns the k-th smallest value and leaves no larger one before it
// (Hoare's algorithm).
func selectNth(v []float64, k int) float64 {
	lo, hi := 0, len(v)-1
	for lo < hi {
		p := v[lo+(hi-lo)/2]
		i, j := lo, hi
		for i <= j {
			for v[i] < p {
				i++
			}
			for v[j] > p {
				j--
			}
			if i <= j {
				v[i], v[j] = v[j], v[i]
				i, j = i+1, j-1
			}
		}
		switch {
		case k <= j:
			hi = j
		case k >= i:
			lo = i
		default:
			return v[k]
		}
	}
	return v[k]
}
