package pix

import (
	"fmt"
	"image"
	"math"
	"sync"
)

// Fixed-point layout of Pillow's 8-bit resampler: coefficients are scaled by
// 2^22, sums fit 32 bits, and each pass rounds to 8 bits. Keeping it makes
// [Resize] equal to Pillow's Image.resize(…, LANCZOS) bit by bit, which is what
// TokBench and most PyTorch preprocessing use
// (python-pillow/Pillow, src/libImaging/Resample.c).
const (
	precision = 32 - 8 - 2
	half      = 1 << (precision - 1)
)

// lanczosSupport is the radius of the Lanczos-3 window in source pixels at scale 1.
const lanczosSupport = 3.0

func lanczos3(x float64) float64 {
	if x < -lanczosSupport || x >= lanczosSupport {
		return 0
	}
	return sinc(x) * sinc(x/lanczosSupport)
}

func sinc(x float64) float64 {
	if x == 0 {
		return 1
	}
	x *= math.Pi
	return math.Sin(x) / x
}

// A kernel holds for every output position where its taps start and their
// fixed-point weights; all positions have room for the same number of taps.
type kernel struct {
	taps  int
	first []int
	count []int
	coeff []int32
}

type kernelKey struct {
	sampling Sampling
	in, out  int
}

// kernels caches coefficient tables: a run resizes between a handful of sizes.
var kernels sync.Map // kernelKey -> *kernel

func kernelFor(s Sampling, in, out int) *kernel {
	key := kernelKey{s, in, out}
	if k, ok := kernels.Load(key); ok {
		return k.(*kernel)
	}
	weight, radius := s.Filter.window()
	scale := float64(in) / float64(out)
	filterScale := max(scale, 1)
	support := radius * filterScale
	taps := int(math.Ceil(support))*2 + 1
	k := &kernel{taps: taps, first: make([]int, out), count: make([]int, out), coeff: make([]int32, out*taps)}
	w := make([]float64, taps)
	for i := range out {
		center := (float64(i) + 0.5) * scale
		lo := max(int(center-support+0.5), 0)
		hi := min(int(center+support+0.5), in)
		n, sum := hi-lo, 0.0
		for t := range n {
			w[t] = weight((float64(t+lo) - center + 0.5) / filterScale)
			sum += w[t]
		}
		k.first[i], k.count[i] = lo, n
		for t := range n {
			v := w[t]
			if sum != 0 {
				v /= sum
			}
			k.coeff[i*taps+t] = int32(math.Copysign(0.5, v) + v*(1<<precision))
		}
	}
	kernels.Store(key, k)
	return k
}

// Resize scales an image to w by h with Lanczos-3, widened when shrinking,
// rounding to 8 bits after the horizontal and after the vertical pass: equal to
// Pillow's. Cost: about 3·taps multiply-adds an output pixel and pass, taps being
// 6 when enlarging and 6·(in/out) when shrinking.
func Resize(m Image, w, h int) (Image, error) { return ResizeBy(Sampling{}, m, w, h) }

// ResizeBy is Resize with another filter, or without widening it.
func ResizeBy(s Sampling, m Image, w, h int) (Image, error) {
	if err := s.Validate(); err != nil {
		return Image{}, fmt.Errorf("resizing: %w", err)
	}
	if err := m.Validate(); err != nil {
		return Image{}, fmt.Errorf("resizing: %w", err)
	}
	if w <= 0 || h <= 0 {
		return Image{}, fmt.Errorf("resizing %d×%d to %d×%d: both sides must be positive", m.W, m.H, w, h)
	}
	if w == m.W && h == m.H {
		return m.Clone(), nil
	}
	if s.Aliased {
		return resizeAliased(s.Filter, m, w, h), nil
	}
	return resizeBox(s, m, w, h, image.Rect(0, 0, w, h)), nil
}

// resizeBox computes the part r of the resized image; the horizontal pass touches only
// the source rows it depends on.
func resizeBox(s Sampling, m Image, w, h int, r image.Rectangle) Image {
	if w == m.W && h == m.H {
		return m.Crop(r)
	}
	out := New(r.Dx(), r.Dy())
	if h == m.H {
		horizontal(m, out, kernelFor(s, m.W, w).part(r.Min.X, r.Max.X), r.Min.Y)
		return out
	}
	kv := kernelFor(s, m.H, h)
	lo, hi := kv.first[r.Min.Y], 0
	for y := r.Min.Y; y < r.Max.Y; y++ {
		hi = max(hi, kv.first[y]+kv.count[y])
	}
	src, base := m, 0
	switch {
	case w != m.W:
		src = Image{W: r.Dx(), H: hi - lo, Pix: scratch(3 * r.Dx() * (hi - lo))}
		base = lo
		defer release(src.Pix)
		horizontal(m, src, kernelFor(s, m.W, w).part(r.Min.X, r.Max.X), lo)
	case r.Dx() != m.W:
		src, base = m.Crop(image.Rect(r.Min.X, lo, r.Max.X, hi)), lo
	}
	vertical(src, out, kv, r.Min.Y, base)
	return out
}

// part is the kernel of the output positions from lo to hi.
func (k *kernel) part(lo, hi int) *kernel {
	return &kernel{taps: k.taps, first: k.first[lo:hi], count: k.count[lo:hi], coeff: k.coeff[lo*k.taps : hi*k.taps]}
}

var buffers sync.Pool

func scratch(n int) []uint8 {
	if b, ok := buffers.Get().(*[]uint8); ok && cap(*b) >= n {
		return (*b)[:n]
	}
	return make([]uint8, n)
}

func release(b []uint8) { buffers.Put(&b) }

// horizontal filters rows first… of src into all rows of dst.
func horizontal(src, dst Image, k *kernel, first int) {
	for y := range dst.H {
		filterRow(dst, src, y, first+y, k)
	}
}

// filterRowGo filters row from of src into row y of dst.
func filterRowGo(dst, src Image, y, from int, k *kernel) {
	in, out := src.Row(from), dst.Row(y)
	for x := range k.first {
		n := k.count[x]
		coeff := k.coeff[x*k.taps : x*k.taps+n]
		px := in[3*k.first[x] : 3*(k.first[x]+n)]
		r, g, b := int32(half), int32(half), int32(half)
		for _, c := range coeff {
			r += c * int32(px[0])
			g += c * int32(px[1])
			b += c * int32(px[2])
			px = px[3:]
		}
		o := out[3*x : 3*x+3]
		o[0], o[1], o[2] = clip8(r), clip8(g), clip8(b)
	}
}

// vertical filters columns: row y0+y of the resized image into row y of dst; row
// base of the unfiltered image is row 0 of src.
func vertical(src, dst Image, k *kernel, y0, base int) {
	acc := make([]int32, 3*dst.W)
	for y := range dst.H {
		i := y0 + y
		coeff := k.coeff[i*k.taps : i*k.taps+k.count[i]]
		filterColumns(dst.Row(y), src, k.first[i]-base, coeff, acc)
	}
}

// filterColumnsGo weighs the rows of src from row on; acc has room for one of them.
func filterColumnsGo(dst []uint8, src Image, row int, coeff, acc []int32) {
	for j := range acc {
		acc[j] = half
	}
	// Two rows at a time: half the traffic to acc.
	t := 0
	for ; t+1 < len(coeff); t += 2 {
		c0, c1 := coeff[t], coeff[t+1]
		a, b := src.Row(row + t)[:len(acc)], src.Row(row + t + 1)[:len(acc)]
		for j := range acc {
			acc[j] += c0*int32(a[j]) + c1*int32(b[j])
		}
	}
	if t < len(coeff) {
		c, a := coeff[t], src.Row(row + t)[:len(acc)]
		for j := range acc {
			acc[j] += c * int32(a[j])
		}
	}
	dst = dst[:len(acc)]
	for j, v := range acc {
		dst[j] = clip8(v)
	}
}

func clip8(v int32) uint8 {
	v >>= precision
	if uint32(v) <= 255 {
		return uint8(v)
	}
	if v < 0 {
		return 0
	}
	return 255
}

// A Placement remembers how an image was fitted into the square a tokenizer
// sees, so that the way back is exact.
type Placement struct {
	W, H   int             // size of the original
	Side   int             // of the square; 0 where the image was left as it is
	Inside image.Rectangle // where the scaled image lies in it
}

// Fit scales an image, up or down, to fit a square of the given side and centres
// it on black (TokBench's preparation). The image keeps its proportions; sides
// are rounded to nearest even halves, and are at least one pixel.
func Fit(m Image, side int) (Image, Placement, error) {
	if err := m.Validate(); err != nil {
		return Image{}, Placement{}, fmt.Errorf("fitting: %w", err)
	}
	if side <= 0 {
		return Image{}, Placement{}, fmt.Errorf("fitting into a square of side %d: it must be positive", side)
	}
	scale := float64(side) / float64(max(m.W, m.H))
	w := max(int(math.RoundToEven(float64(m.W)*scale)), 1)
	h := max(int(math.RoundToEven(float64(m.H)*scale)), 1)
	x, y := (side-w)/2, (side-h)/2
	p := Placement{W: m.W, H: m.H, Side: side, Inside: image.Rect(x, y, x+w, y+h)}
	small, err := Resize(m, w, h)
	if err != nil {
		return Image{}, Placement{}, err
	}
	if w == side && h == side {
		return small, p, nil
	}
	out := New(side, side)
	for r := range h {
		copy(out.Row(y + r)[3*x:], small.Row(r))
	}
	return out, p, nil
}

// Whole is the placement of an image that is handed out at its own size.
func Whole(m Image) Placement {
	return Placement{W: m.W, H: m.H, Inside: image.Rect(0, 0, m.W, m.H)}
}

// size is what was handed out.
func (p Placement) size() (w, h int) {
	if p.Side == 0 {
		return p.W, p.H
	}
	return p.Side, p.Side
}

// check says whether an image has the size that was handed out.
func (p Placement) check(m Image) error {
	if w, h := p.size(); m.W != w || m.H != h {
		return fmt.Errorf("restoring: image is %d×%d, want the %d×%d that was handed out", m.W, m.H, w, h)
	}
	return nil
}

// Restore undoes Fit on a tokenizer's output: crops the padding off and scales
// back to the original size.
func (p Placement) Restore(m Image) (Image, error) {
	if err := p.check(m); err != nil {
		return Image{}, err
	}
	if p.Inside.Dx() != m.W || p.Inside.Dy() != m.H {
		m = m.Crop(p.Inside)
	}
	return Resize(m, p.W, p.H)
}

// RestoreBox is the part r of what Restore returns, pixel for pixel, without the rest; it
// is empty where r lies outside.
func (p Placement) RestoreBox(m Image, r image.Rectangle) (Image, error) {
	if err := p.check(m); err != nil {
		return Image{}, err
	}
	if r = r.Intersect(image.Rect(0, 0, p.W, p.H)); r.Empty() {
		return Image{}, nil
	}
	if p.Inside.Dx() != m.W || p.Inside.Dy() != m.H {
		m = m.Crop(p.Inside)
	}
	return resizeBox(Sampling{}, m, p.W, p.H, r), nil
}

// Pad repeats the last column and row of an image until both sides are multiples of m, and
// returns the image itself where they are.
func Pad(img Image, m int) Image {
	if m <= 1 || img.W%m == 0 && img.H%m == 0 {
		return img
	}
	out := New((img.W+m-1)/m*m, (img.H+m-1)/m*m)
	for y := range out.H {
		row := out.Row(y)
		n := copy(row, img.Row(min(y, img.H-1)))
		for x := n; x < len(row); x++ {
			row[x] = row[x-3]
		}
	}
	return out
}
