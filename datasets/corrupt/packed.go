package corrupt

import "math"

// Several samples travel in one uint64, each in a lane of its own: three of 21
// bits (a pixel's channels, or three columns of a plane) or two of 32. Adding
// words, and multiplying them by small whole weights, then does the arithmetic of
// all lanes at once and exactly, as long as each lane's result is not negative
// and fits. All blurs are sums of that kind, which makes them the same on every
// machine and three times as fast as one number at a time.
type lanes struct {
	count int
	bits  uint // of a lane
	ones  uint64
}

var (
	lanes3 = lanes{count: 3, bits: 21, ones: 1 | 1<<21 | 1<<42}
	lanes2 = lanes{count: 2, bits: 32, ones: 1 | 1<<32}
	lanes1 = lanes{count: 1, bits: 63, ones: 1}
)

// rounding returns the addend and the mask with which (v+half)>>shift&mask
// divides each lane by 2^shift, to nearest.
func (l lanes) rounding(shift uint) (half, mask uint64) {
	return l.ones << (shift - 1), l.ones * (1<<(l.bits-shift) - 1)
}

// packRGB puts pixels into words, red lowest.
func packRGB(dst []uint64, row []uint8) {
	for i := range dst {
		p := row[3*i : 3*i+3 : 3*i+3]
		dst[i] = uint64(p[0]) | uint64(p[1])<<21 | uint64(p[2])<<42
	}
}

// unpackRGB divides each lane by 2^shift, cutting off, and stores the low 8 bits.
func unpackRGB(row []uint8, src []uint64, shift uint) {
	for i, v := range src {
		p := row[3*i : 3*i+3 : 3*i+3]
		v >>= shift
		p[0], p[1], p[2] = uint8(v), uint8(v>>21), uint8(v>>42)
	}
}

// whole turns the right half of a symmetric kernel (its centre first) into
// integers that sum to total over both halves; the centre takes the rounding
// error, so that flat areas stay as they are.
func whole(half []float64, total int) []uint64 {
	sum := half[0]
	for _, v := range half[1:] {
		sum += 2 * v
	}
	out := make([]uint64, len(half))
	rest := total
	for i, v := range half[1:] {
		n := int(math.Floor(float64(v/sum*float64(total)) + 0.5))
		out[i+1] = uint64(n)
		rest -= 2 * n
	}
	out[0] = uint64(rest)
	return out
}

// reach is the radius that a Gaussian is cut off at, to nearest.
func reach(deviations, sigma float64) int { return int(float64(deviations*sigma) + 0.5) }

// gaussianHalf is the right half of a Gaussian kernel: exp(−i²/2σ²), i = 0…radius.
func gaussianHalf(sigma float64, radius int) []float64 {
	out := make([]float64, radius+1)
	for i := range out {
		d := float64(i) / sigma
		out[i] = exp(-float64(d*d) / 2)
	}
	return out
}

// A rowSource fills dst with the packed samples of row y.
type rowSource func(y int, dst []uint64)

// A rowFiller fills dst with the packed samples of row y from column x on, and
// knows what lies outside.
type rowFiller func(y, x int, dst []uint64)

// fir is a separable symmetric filter that hands out rows from top to bottom and
// keeps no more of them than its height.
type fir struct {
	w, h   int
	lanes  lanes
	edge   border
	src    rowSource
	fill   rowFiller // instead of src and the horizontal part of edge
	wx, wy []uint64  // halves of the kernels
	shift  uint      // what each lane is divided by between the passes

	ring []uint64 // the last rows, filtered horizontally
	rows int      // that the ring holds
	next int      // row to read
	pad  []uint64
}

func newFIR(w, h int, l lanes, edge border, wx, wy []uint64, shift uint, src rowSource) *fir {
	f := &fir{w: w, h: h, lanes: l, edge: edge, src: src, wx: wx, wy: wy, shift: shift}
	f.rows = min(h, 2*len(wy)-1)
	f.ring = words.get(f.rows * w)
	f.pad = words.get(w + 2*(len(wx)-1))
	return f
}

func (f *fir) release() {
	words.put(f.ring)
	words.put(f.pad)
}

// line returns the horizontally filtered row y, which must be in the ring.
func (f *fir) line(y int) []uint64 {
	i := f.edge(y, f.h) % f.rows * f.w
	return f.ring[i : i+f.w]
}

// row writes filtered row y; rows must be asked for in order.
func (f *fir) row(y int, dst []uint64) {
	r := len(f.wy) - 1
	for last := min(y+r, f.h-1); f.next <= last; f.next++ {
		f.filterLine(f.next)
	}
	symmetric(dst, f.line(y), f.wy, func(k int) (a, b []uint64) { return f.line(y - k), f.line(y + k) })
}

func (f *fir) filterLine(y int) {
	r := len(f.wx) - 1
	dst := f.line(y)
	mid := f.pad[r : r+f.w]
	if f.fill != nil {
		f.fill(y, -r, f.pad)
	} else {
		f.src(y, mid)
		for k := 1; k <= r; k++ {
			f.pad[r-k] = mid[f.edge(-k, f.w)]
			f.pad[r+f.w-1+k] = mid[f.edge(f.w-1+k, f.w)]
		}
	}
	symmetric(dst, mid, f.wx, func(k int) (a, b []uint64) { return f.pad[r-k:], f.pad[r+k:] })
	half, mask := f.lanes.rounding(f.shift)
	for i, v := range dst {
		dst[i] = (v + half) >> f.shift & mask
	}
}

// symmetric writes w[0]·mid + Σ w[k]·(a+b), with a and b the k-th neighbours on
// either side, two pairs at a time to halve the traffic to dst.
func symmetric(dst, mid, w []uint64, neighbours func(k int) (a, b []uint64)) {
	mid = mid[:len(dst)]
	w0 := w[0]
	if len(w) == 1 {
		for i, v := range mid {
			dst[i] = w0 * v
		}
		return
	}
	a, b := neighbours(1)
	a, b = a[:len(dst)], b[:len(dst)]
	w1 := w[1]
	for i, v := range mid {
		dst[i] = w0*v + w1*(a[i]+b[i])
	}
	k := 2
	for ; k+1 < len(w); k += 2 {
		a, b := neighbours(k)
		c, d := neighbours(k + 1)
		a, b, c, d = a[:len(dst)], b[:len(dst)], c[:len(dst)], d[:len(dst)]
		w1, w2 := w[k], w[k+1]
		for i := range dst {
			dst[i] += w1*(a[i]+b[i]) + w2*(c[i]+d[i])
		}
	}
	if k < len(w) {
		a, b := neighbours(k)
		a, b = a[:len(dst)], b[:len(dst)]
		w1 := w[k]
		for i := range dst {
			dst[i] += w1 * (a[i] + b[i])
		}
	}
}

// mac adds up to four weighted rows to dst, or writes them when first is set.
func mac(dst []uint64, src [4][]uint64, w [4]uint64, first bool) {
	a, b, c, d := src[0][:len(dst)], src[1][:len(dst)], src[2][:len(dst)], src[3][:len(dst)]
	wa, wb, wc, wd := w[0], w[1], w[2], w[3]
	if first {
		for i := range dst {
			dst[i] = wa*a[i] + wb*b[i] + wc*c[i] + wd*d[i]
		}
		return
	}
	for i := range dst {
		dst[i] += wa*a[i] + wb*b[i] + wc*c[i] + wd*d[i]
	}
}

// maxFIR is the standard deviation, in samples, above which a Gaussian is made of
// running sums, whose cost does not grow with it.
const maxFIR = 12

// boxes returns the half-widths of four box filters that together have the
// variance of a Gaussian (Kovesi 2010, "Fast almost-Gaussian filtering").
func boxes(sigma float64) [4]int {
	const n = 4
	v := float64(12 * float64(sigma*sigma))
	ideal := math.Sqrt(float64(v/n) + 1)
	lo := int(ideal)
	if lo%2 == 0 {
		lo--
	}
	lo = max(lo, 1)
	l := float64(lo)
	m := int(math.Floor(float64((v-float64(n*l*l)-float64(4*n*l)-3*n)/(-4-float64(4*l))) + 0.5))
	var out [n]int
	for i := range out {
		out[i] = lo / 2
		if i >= m {
			out[i]++
		}
	}
	return out
}

// smooth blurs a plane in place by Gaussians made of running sums.
func smooth(plane []uint16, w, h int, sigmaX, sigmaY float64, edge border) {
	const strip = 32 // columns at a time: two cache lines
	bx, by := boxes(sigmaX), boxes(sigmaY)
	a, b := ints.get(max(w, h*strip)), ints.get(max(w, h*strip))
	defer ints.put(a)
	defer ints.put(b)
	for y := range h {
		row := plane[y*w : (y+1)*w]
		for x, v := range row {
			a[x] = uint32(v)
		}
		for _, r := range bx {
			runningSum(b, a, w, 1, r, edge)
			a, b = b, a
		}
		for x := range row {
			row[x] = uint16(a[x])
		}
	}
	for x0 := 0; x0 < w; x0 += strip {
		n := min(strip, w-x0)
		for y := range h {
			for x, v := range plane[y*w+x0 : y*w+x0+n] {
				a[y*n+x] = uint32(v)
			}
		}
		for _, r := range by {
			runningSum(b, a, h, n, r, edge)
			a, b = b, a
		}
		for y := range h {
			row := plane[y*w+x0 : y*w+x0+n]
			for x := range row {
				row[x] = uint16(a[y*n+x])
			}
		}
	}
}

// runningSum writes the mean of 2r+1 neighbours of each of count samples, to
// nearest. A sample is n ≤ 32 values side by side.
func runningSum(dst, src []uint32, count, n, r int, edge border) {
	if r == 0 {
		copy(dst[:count*n], src)
		return
	}
	width := uint64(2*r + 1)
	recip := (1<<40 + width/2) / width // sums are below 2^16·width, so the error is below 2^-8
	var sums [32]uint64
	sum := sums[:n]
	for k := -r; k <= r; k++ {
		at := src[edge(k, count)*n:]
		for x := range sum {
			sum[x] += uint64(at[x])
		}
	}
	for i := range count {
		out := dst[i*n : i*n+n]
		in, gone := i+r+1, i-r
		if uint(in) >= uint(count) {
			in = edge(in, count)
		}
		if gone < 0 {
			gone = edge(gone, count)
		}
		add, sub := src[in*n:in*n+n], src[gone*n:gone*n+n]
		for x := range out {
			out[x] = uint32((sum[x]*recip + 1<<39) >> 40)
			sum[x] += uint64(add[x]) - uint64(sub[x])
		}
	}
}
