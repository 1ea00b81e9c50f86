package corrupt

import (
	"math"
	"math/bits"
)

// snowParams: mean and deviation of the noise, how much flakes are enlarged,
// below which value there is none, length and fall-off of their streaks, and how
// much of the image's colours is kept.
var snowParams = [Severities]struct {
	mean, deviation, zoom, threshold float64
	radius, sigma, keep              float64
}{
	{.1, .3, 3, .5, 10, 4, .8},
	{.2, .3, 2, .5, 12, 4, .7},
	{.55, .3, 4, .9, 12, 8, .7},
	{.55, .3, 4.5, .85, 12, 8, .65},
	{.55, .3, 2.5, .85, 12, 12, .55},
}

// snow whitens the image and adds streaks of enlarged noise, once as they are and
// once turned by 180°.
func snow(j *job) {
	p := snowParams[j.sev]
	w, h := j.in.W, j.in.H
	layer, lw := snowLayer(j)
	defer bytes8.put(layer)
	keep, rest := float32(p.keep), float32(1-p.keep)
	for y := range h {
		in, out := j.in.Row(y), j.out.Row(y)
		down, up := layer[y*lw:][:w], layer[(h-1-y)*lw:][:w]
		for x := range w {
			q, o := in[3*x:3*x+3:3*x+3], out[3*x:3*x+3:3*x+3]
			flakes := float32(int(down[x]) + int(up[w-1-x]))
			// OpenCV's gray, in 2^-16, times 1.5 plus half of white.
			gray := 19595*uint32(q[0]) + 38470*uint32(q[1]) + 7471*uint32(q[2])
			veil := float32(float32(gray)*(1.5/65536)) + 127.5
			for c, v := range q {
				f := float32(v)
				o[c] = cut(float32(keep*f) + float32(rest*max(f, veil)) + flakes)
			}
		}
	}
}

// snowLayer draws the streaks: a plane of at least the image's size, and its
// stride.
func snowLayer(j *job) (layer []uint8, stride int) {
	p := snowParams[j.sev]
	zoom := max(p.zoom*j.scale, 1)
	down := newZoomAxis(j.in.H, zoom, j.in.H, 16)
	across := newZoomAxis(j.in.W, zoom, j.in.W, 16)
	lw, lh := across.size, down.size
	plane := bytes8.get(lw * lh)
	nw := across.count
	noise := floats.get(nw * down.count)
	defer floats.put(noise)
	j.rng.normals(noise)
	mean, deviation := float32(255*p.mean), float32(255*p.deviation)
	for i, z := range noise {
		noise[i] = mean + float32(deviation*z)
	}
	mix := floats.get(nw + 1)
	defer floats.put(mix)
	threshold := float32(255 * p.threshold)
	for y := range lh {
		k := down.at[y] - down.first
		f := float32(down.frac[y]) / 65536
		a := noise[k*nw:][:nw]
		b := noise[min(k+1, down.count-1)*nw:][:nw]
		for x, v := range a {
			mix[x] = v + float32(f*(b[x]-v))
		}
		mix[nw] = mix[nw-1]
		row := plane[y*lw:][:lw]
		for x := range row {
			i := across.at[x] - across.first
			f := float32(across.frac[x]) / 65536
			v := mix[i] + float32(f*(mix[i+1]-mix[i]))
			if v < threshold {
				row[x] = 0
				continue
			}
			row[x] = cut(v + 0.5)
		}
	}
	angle := j.rng.between(-135, -45)
	s := newStreak(p.radius, p.sigma, angle, lw, lh, j.scale)
	out := bytes8.get(lw * lh)
	if s.short != nil {
		smearPlane(out, plane, lw, lh, s.short)
		out, plane = plane, out
	}
	smearPlane(out, plane, lw, lh, s.taps)
	bytes8.put(plane)
	return out, lw
}

// smearPlane is smear for one channel, three thirds of the columns at a time, to
// nearest.
func smearPlane(dst, src []uint8, w, h int, taps []tap) {
	third := (w + 2) / 3
	m := newMover(third, h, taps, func(y, x int, row []uint64) {
		foldRow(row, src[y*w:][:w], x, third)
	})
	defer m.release()
	line := words.get(third)
	defer words.put(line)
	for y := range h {
		m.row(y, line)
		out := dst[y*w:][:w]
		for x, v := range line {
			v += lanes3.ones << (imageShift - 1)
			out[x] = uint8(v >> imageShift)
			if i := x + third; i < w {
				out[i] = uint8(v >> (21 + imageShift))
			}
			if i := x + 2*third; i < w {
				out[i] = uint8(v >> (42 + imageShift))
			}
		}
	}
}

// foldRow packs column x+i and those one and two thirds further into word i,
// edges repeated.
func foldRow(dst []uint64, row []uint8, x, third int) {
	w := len(row)
	lo := min(max(-x, 0), len(dst))           // first word with no lane left of the row
	hi := max(min(w-2*third-x, len(dst)), lo) // first word with a lane right of it
	a, b, c := x+lo, x+lo+third, x+lo+2*third // columns of word lo
	for i := range dst[lo:hi] {
		dst[lo+i] = uint64(row[a+i]) | uint64(row[b+i])<<21 | uint64(row[c+i])<<42
	}
	edge := func(i int) {
		dst[i] = uint64(row[clamped(x+i, w)]) | uint64(row[clamped(x+i+third, w)])<<21 | uint64(row[clamped(x+i+2*third, w)])<<42
	}
	for i := range lo {
		edge(i)
	}
	for i := hi; i < len(dst); i++ {
		edge(i)
	}
}

// fogParams: strength of the fog and decay of its roughness.
var fogParams = [Severities]struct{ strength, decay float64 }{{1.5, 2}, {2, 2}, {2.5, 1.7}, {2.5, 1.5}, {3, 1.4}}

// fog adds a plasma fractal and rescales so that the brightest sample stays what
// it was at the most.
func fog(j *job) {
	p := fogParams[j.sev]
	w, h := j.in.W, j.in.H
	n := 1 << bits.Len(uint(max(w, h, 3)-1))
	m := floats.get(n * n)
	defer floats.put(m)
	lo, hi := plasma(m, n, float32(p.decay), &j.rng)
	top := uint8(0)
	for _, v := range j.in.Pix {
		top = max(top, v)
	}
	most := float64(top) / 255
	shrink := most / (most + p.strength)
	gain := float32(255 * p.strength * shrink / float64(hi-lo))
	var dim [256]float32
	for v := range dim {
		dim[v] = float32(float64(v) * shrink)
	}
	for y := range h {
		in, out := j.in.Row(y), j.out.Row(y)
		for x, v := range m[y*n:][:w] {
			f := float32((v - lo) * gain)
			q, o := in[3*x:3*x+3:3*x+3], out[3*x:3*x+3:3*x+3]
			o[0], o[1], o[2] = cut(dim[q[0]]+f), cut(dim[q[1]]+f), cut(dim[q[2]]+f)
		}
	}
}

// plasma fills an n by n map, n a power of two, by the diamond-square method on a
// torus, and returns its smallest and largest value. As upstream: the first
// amplitude is 100², and what falls by the decay at each step is its root.
func plasma(m []float32, n int, decay float32, rng *stream) (lo, hi float32) {
	state := *rng
	wibble := float32(100)
	m[0] = 0
	for step := n; step >= 2; step /= 2 {
		half := step / 2
		gain := float32(wibble*wibble) / (1 << 31)
		// Middles of squares.
		for y := 0; y < n; y += step {
			above, below := m[y*n:][:n], m[(y+step)&(n-1)*n:][:n]
			mid := m[(y+half)*n:][:n]
			left := above[0] + below[0]
			for x := 0; x < n; x += step {
				i := (x + step) & (n - 1)
				right := above[i] + below[i]
				mid[x+half] = float32((left+right)*0.25) + float32(gain*float32(int32(uint32(state.next()))))
				left = right
			}
		}
		// Middles of their sides, each between two corners and two middles.
		for y := 0; y < n; y += step {
			corners := m[y*n:][:n]
			middles := m[(y+half)*n:][:n]
			before := m[(y-half)&(n-1)*n:][:n]
			after := m[(y+step)&(n-1)*n:][:n]
			last := middles[n-half]
			for x := 0; x < n; x += step {
				u := state.next()
				c, d := corners[x], middles[x+half]
				corners[x+half] = float32((c+corners[(x+step)&(n-1)]+d+before[x+half])*0.25) + float32(gain*float32(int32(uint32(u))))
				middles[x] = float32((c+after[x]+d+last)*0.25) + float32(gain*float32(int32(uint32(u>>32))))
				last = d
			}
		}
		wibble /= decay
	}
	*rng = state
	lo, hi = m[0], m[0]
	for _, v := range m[:n*n] {
		lo, hi = min(lo, v), max(hi, v)
	}
	if lo == hi {
		hi = lo + 1
	}
	return lo, hi
}

// rainParams: streaks for each 10 000 pixels, their length and width in pixels,
// how opaque they are, and how much darker and hazier the scene gets.
var rainParams = [Severities]struct {
	density, length, width, opacity, dim, haze float64
}{
	{20, 14, .9, .45, .05, .03},
	{35, 18, 1, .5, .09, .06},
	{50, 22, 1.1, .55, .14, .09},
	{70, 28, 1.2, .6, .2, .13},
	{95, 36, 1.3, .65, .27, .18},
}

// rain dims the scene, veils it in haze, and draws slanted streaks over it, two
// thirds of them far away: short, thin and faint. It is not one of ImageNet-C's.
func rain(j *job) {
	p := rainParams[j.sev]
	w, h := j.in.W, j.in.H
	// Streaks gather in a plane of 8 bits, which holds how much of a pixel they hide.
	hidden := bytes8.get(w * h)
	defer bytes8.put(hidden)
	clear(hidden)
	length, width := p.length*j.scale, max(p.width*j.scale, 0.5)
	count := int(p.density * float64(w) * float64(h) / (10000 * max(j.scale*j.scale, 1e-3)))
	tilt := j.rng.between(-18, 18)
	for range count {
		slant := tilt + j.rng.between(-2, 2)
		sin, cos := sincos(slant)
		n, thick, alpha := length, width, p.opacity
		if j.rng.below(3) > 0 {
			n, thick, alpha = 0.55*n, 0.7*thick, 0.6*alpha
		}
		n = float64(n * j.rng.between(0.6, 1.4))
		alpha = float64(alpha * j.rng.between(0.5, 1))
		x := j.rng.between(-float64(0.3*n), float64(w)+float64(0.3*n))
		y := j.rng.between(-n, float64(h))
		drop(hidden, w, h, x, y, float64(n*cos), sin/cos, thick, alpha)
	}
	veil := float64(200 * p.haze)
	keep := float64((1 - p.dim) * (1 - p.haze))
	var dim [256]uint32 // in 2^-16
	for v := range dim {
		dim[v] = uint32((float64(float64(v)*keep) + veil) * 256)
	}
	const glint = 225 << 8 // what a streak shows of the sky
	for y := range h {
		in, out := j.in.Row(y), j.out.Row(y)
		for x, a := range hidden[y*w:][:w] {
			q, o := in[3*x:3*x+3:3*x+3], out[3*x:3*x+3:3*x+3]
			sky := uint32(a) * glint
			rest := uint32(255 - a)
			o[0] = uint8((rest*dim[q[0]] + sky) / (255 << 8))
			o[1] = uint8((rest*dim[q[1]] + sky) / (255 << 8))
			o[2] = uint8((rest*dim[q[2]] + sky) / (255 << 8))
		}
	}
}

// drop draws one streak from (x, y) down: tall pixels high, moving slope pixels
// to the side for each, fading in and out at its ends.
func drop(hidden []uint8, w, h int, x, y, tall, slope, thick, alpha float64) {
	top := int(math.Ceil(y))
	for row := max(top, 0); row < h && float64(row) < y+tall; row++ {
		t := (float64(row) - y) / tall
		fade := min(4*t, 4*(1-t), 1)
		centre, half := x+float64((float64(row)-y)*slope), float64(thick/2)
		for col := max(int(math.Ceil(centre-half-0.5)), 0); col < w; col++ {
			// Share of the pixel, [col−.5, col+.5), that the streak covers.
			cover := min(float64(col)+0.5, centre+half) - max(float64(col)-0.5, centre-half)
			if cover <= 0 {
				break
			}
			i := row*w + col
			a := float64(float64(alpha*fade)*cover) * float64(255-hidden[i])
			hidden[i] += uint8(max(a, 0))
		}
	}
}
