package corrupt

import (
	"math"

	"github.com/vtbench/vtbench/pix"
)

// Fixed-point layout of an image filter in lanes of 21 bits: 8-bit samples times
// weights that sum to 2^13, rounded to 10 bits, times weights that sum to 2^11.
const (
	imageWeightX = 1 << 13
	imageWeightY = 1 << 11
	imageRenorm  = 11
	imageShift   = 13

	imageWeightBits = 13
)

// gaussianBlur is a Gaussian cut off at four standard deviations, edges repeated
// (scipy.ndimage.gaussian_filter, mode "nearest"); amount is σ in pixels.
func gaussianBlur(j *job) {
	blurImage(j.out, j.in, j.amount*j.scale)
}

// blurImage writes the blurred src; dst may be src.
func blurImage(dst, src pix.Image, sigma float64) {
	if sigma > maxFIR {
		blurWide(dst, src, sigma)
		return
	}
	half := gaussianHalf(sigma, reach(4, sigma))
	f := newFIR(src.W, src.H, lanes3, clamped, whole(half, imageWeightX), whole(half, imageWeightY), imageRenorm,
		func(y int, row []uint64) { packRGB(row, src.Row(y)) })
	defer f.release()
	line := words.get(src.W)
	defer words.put(line)
	for y := range src.H {
		f.row(y, line)
		unpackRGB(dst.Row(y), line, imageShift)
	}
}

// blurWide blurs channel by channel by running sums.
func blurWide(dst, src pix.Image, sigma float64) {
	plane := shorts.get(src.W * src.H)
	defer shorts.put(plane)
	for c := range 3 {
		for i := range plane {
			plane[i] = uint16(src.Pix[3*i+c]) << 8
		}
		smooth(plane, src.W, src.H, sigma, sigma, clamped)
		for i, v := range plane {
			dst.Pix[3*i+c] = uint8(v >> 8)
		}
	}
}

// defocusParams are the disk's radius and the standard deviation that softens its
// edge, in pixels.
var defocusParams = [Severities]struct {
	radius int
	alias  float64
}{{3, .1}, {4, .5}, {6, .5}, {8, .5}, {10, .5}}

// defocusBlur averages over a disk. Upstream softens the disk by a small Gaussian
// before it filters; here the image goes through that Gaussian first, which is
// the same filter, and then the disk is a sum of row spans, each two lookups in
// running sums.
func defocusBlur(j *job) {
	p := defocusParams[j.sev]
	radius := max(int(math.Floor(float64(float64(p.radius)*j.scale)+0.5)), 1)
	taps := 1
	if p.radius > 8 {
		taps = 2
	}
	alias := p.alias * max(j.scale, 1)
	if j.scale > 1 {
		taps = int(math.Ceil(float64(taps) * j.scale))
	}
	half := gaussianHalf(alias, taps)
	disk := spans(radius, p.radius)
	sum := diskSum(p.radius, p.alias)
	if area(disk) < 1<<(lanes3.bits-diskBits) {
		diskBlur(j, half, disk, sum, lanes3, 0)
		return
	}
	for c := range 3 {
		diskBlur(j, half, disk, sum, lanes1, c)
	}
}

// A span is a band of rows of the disk that have the same width.
type span struct{ top, bottom, half int }

// spans lays out a disk on the pixel grid. One that was enlarged from radius base
// keeps the steps of the small one, enlarged with it, so that the number of spans
// does not grow with the image.
func spans(radius, base int) []span {
	rows := min(radius, base)
	scale := float64(2*radius+1) / float64(2*rows+1)
	top := func(k int) int { return int(math.Ceil((float64(k) - 0.5) * scale)) }
	var out []span
	for k := -rows; k <= rows; k++ {
		half := math.Floor(math.Sqrt(float64(rows*rows - k*k)))
		s := span{top(k), top(k + 1), int(math.Floor(float64((half+0.5)*scale) - 0.5))}
		if n := len(out); n > 0 && out[n-1].half == s.half {
			out[n-1].bottom = s.bottom
			continue
		}
		out = append(out, s)
	}
	return out
}

func area(disk []span) int {
	n := 0
	for _, s := range disk {
		n += (s.bottom - s.top) * (2*s.half + 1)
	}
	return n
}

// diskSum is what upstream's softened disk sums to. It is 1 where the grid the
// disk is drawn on leaves room for the softening; with the disks of radius 8 and
// 10, which touch the grid's border, OpenCV mirrors what lies inside, and images
// become one percent brighter.
func diskSum(radius int, alias float64) float64 {
	grid, taps := 8, 1
	if radius > 8 {
		grid, taps = radius, 2
	}
	n := 2*grid + 1
	kernel := gaussianHalf(alias, taps)
	total := kernel[0]
	for _, v := range kernel[1:] {
		total += 2 * v
	}
	// How often a mirrored row or column is counted; the kernel is separable, so is
	// the count.
	count := make([]float64, n)
	for i := range n {
		for k := -taps; k <= taps; k++ {
			count[mirrored(i+k, n)] += kernel[abs(k)] / total
		}
	}
	inside, sum := 0, 0.0
	for y := range n {
		for x := range n {
			if dx, dy := x-grid, y-grid; dx*dx+dy*dy <= radius*radius {
				inside++
				sum += float64(count[x] * count[y])
			}
		}
	}
	sum /= float64(inside)
	if sum < 1+1e-6 {
		return 1
	}
	return sum
}

// diskBits is how finely the image is kept between the two filters: 8 bits and 4
// of fraction.
const diskBits = 12

// diskBlur filters all channels in three lanes, or channel c in one wide one.
func diskBlur(j *job, half []float64, disk []span, sum float64, l lanes, c int) {
	w, h := j.in.W, j.in.H
	src := func(y int, row []uint64) { packRGB(row, j.in.Row(y)) }
	if l.count == 1 {
		src = func(y int, row []uint64) {
			in := j.in.Row(y)
			for x := range row {
				row[x] = uint64(in[3*x+c])
			}
		}
	}
	soft := newFIR(w, h, l, mirrored, whole(half, imageWeightX), whole(half, imageWeightY), imageRenorm, src)
	defer soft.release()

	radius := disk[len(disk)-1].bottom - 1
	margin := 0
	for _, s := range disk {
		margin = max(margin, s.half)
	}
	// Rows above and below the image mirror rows that are still held.
	held := min(h, radius+2)
	rows := words.get(held * w)
	defer words.put(rows)
	read := 0
	const renorm = imageWeightBits - diskBits + 8
	round, mask := l.rounding(renorm)
	mirror := func(y int) []uint64 {
		y = mirrored(y, h)
		for ; read <= y; read++ {
			row := rows[read%held*w:][:w]
			soft.row(read, row)
			for x, v := range row {
				row[x] = (v + round) >> renorm & mask
			}
		}
		return rows[y%held*w:][:w]
	}

	// Sums over all rows so far and all columns to the left, modulo 2^64, of which
	// differences are exact. Sum i of a row is over columns below i−margin.
	stride := w + 2*margin + 1
	depth := 2*radius + 2
	sums := words.get(depth * stride)
	defer words.put(sums)
	sumsTo := func(y int) []uint64 { return sums[(y+depth)%depth*stride:][:stride] }
	clear(sumsTo(-radius - 1))
	added := -radius

	acc := words.get(w)
	defer words.put(acc)
	recip := (1<<40 + uint64(area(disk))<<(diskBits-8) - 1) / (uint64(area(disk)) << (diskBits - 8))
	if sum != 1 {
		recip = uint64(float64(float64(recip) * sum))
	}
	laneMask := uint64(1)<<l.bits - 1
	for y := range h {
		for ; added <= y+radius; added++ {
			addRow(sumsTo(added), sumsTo(added-1), mirror(added), margin)
		}
		clear(acc)
		for _, s := range disk {
			lo, hi := sumsTo(y+s.top-1), sumsTo(y+s.bottom-1)
			left, right := margin-s.half, margin+s.half+1
			a, b := hi[right:right+w], hi[left:left+w]
			c, d := lo[right:right+w], lo[left:left+w]
			acc := acc[:len(a)]
			b, c, d = b[:len(a)], c[:len(a)], d[:len(a)]
			for x, v := range a {
				acc[x] += v - b[x] - c[x] + d[x]
			}
		}
		out := j.out.Row(y)
		if l.count == 1 {
			for x, v := range acc {
				out[3*x+c] = uint8(min(v*recip>>40, 255))
			}
			continue
		}
		for x, v := range acc {
			p := out[3*x : 3*x+3 : 3*x+3]
			p[0] = uint8(min((v&laneMask)*recip>>40, 255))
			p[1] = uint8(min((v>>21&laneMask)*recip>>40, 255))
			p[2] = uint8(min((v>>42)*recip>>40, 255))
		}
	}
}

// addRow writes the sums down to a row from those down to the row above it.
func addRow(dst, above, row []uint64, margin int) {
	w, sum, i := len(row), uint64(0), 0
	dst[0] = above[0]
	for x := -margin; x < 0; x++ {
		sum += row[mirrored(x, w)]
		i++
		dst[i] = above[i] + sum
	}
	to, from := dst[i+1:][:w], above[i+1:][:w]
	for x, v := range row {
		sum += v
		to[x] = from[x] + sum
	}
	i += w
	for x := w; x < w+margin; x++ {
		sum += row[mirrored(x, w)]
		i++
		dst[i] = above[i] + sum
	}
}

// motionParams are the length and the fall-off of the streak, in pixels.
var motionParams = [Severities]struct{ radius, sigma float64 }{{10, 3}, {15, 5}, {15, 8}, {15, 12}, {20, 15}}

// motionBlur smears the image along a line at an angle of −45° to 45°, weighted
// by half a Gaussian, edges repeated.
func motionBlur(j *job) {
	p := motionParams[j.sev]
	angle := j.rng.between(-45, 45)
	streak := newStreak(p.radius, p.sigma, angle, j.in.W, j.in.H, j.scale)
	if j.scale < 2 {
		smear(j.out, j.in, streak.taps, 0)
		return
	}
	tmp := pix.Image{W: j.in.W, H: j.in.H, Pix: bytes8.get(len(j.in.Pix))}
	defer bytes8.put(tmp.Pix)
	smear(tmp, j.in, streak.short, lanes3.ones<<(imageShift-1))
	smear(j.out, tmp, streak.taps, 0)
}

// A tap is one term of a filter: weight/2^13 of the sample at (x+dx, y+dy).
type tap struct {
	dx, dy int
	weight uint64
}

// A streak is a motion blur as a sum of shifted images. An enlarged one of
// thousands of taps is split in two: a short line with equal weights, and the
// small streak's taps, spread out, which step over it.
type streak struct{ short, taps []tap }

func newStreak(radius, sigma, angle float64, w, h int, scale float64) streak {
	step := 1.0
	var s streak
	sin, cos := sincos(angle)
	if scale < 2 {
		radius, sigma = math.Floor(float64(radius*scale)+0.5), float64(sigma*scale)
	} else {
		step = scale
		n := int(math.Floor(scale + 0.5))
		equal := make([]float64, n)
		for i := range equal {
			equal[i] = 1
		}
		s.short = line(equal, 1, sin, cos, w, h)
	}
	weights := gaussianHalf(sigma, 2*max(int(radius), 1))
	s.taps = line(weights, step, sin, cos, w, h)
	return s
}

// line places weights along a direction, step pixels apart. Upstream's shifts and
// rounding: the streak starts at the pixel and leads away from it, and ends where
// it has left the image, without making up for the weights it lost.
func line(weights []float64, step, sin, cos float64, w, h int) []tap {
	total := 0.0
	for _, v := range weights {
		total += v
	}
	var out []tap
	sum, given := 0.0, 0
	for i, v := range weights {
		at := float64(float64(i) * step)
		dy := int(math.Ceil(float64(at*sin) - 0.5))
		dx := int(math.Ceil(float64(at*cos) - 0.5))
		if abs(dy) >= h || abs(dx) >= w {
			break
		}
		// Differences of the rounded sum, so that rounding errors do not add up.
		sum += v
		upTo := int(math.Floor(float64(sum/total*imageWeightX) + 0.5))
		if upTo > given {
			out = append(out, tap{dx, dy, uint64(upTo - given)})
		}
		given = upTo
	}
	return out
}

func abs(n int) int {
	if n < 0 {
		return -n
	}
	return n
}

// smear sums shifted copies of an image, adds round to the packed sums, and cuts
// off.
func smear(dst, src pix.Image, taps []tap, round uint64) {
	m := newMover(src.W, src.H, taps, func(y, x int, row []uint64) {
		in := src.Row(y)
		lo := min(max(-x, 0), len(row)) // left of the image
		hi := max(min(src.W-x, len(row)), lo)
		if lo < hi {
			packRGB(row[lo:hi], in[3*(x+lo):])
		}
		var end [2]uint64
		packRGB(end[:1], in)
		packRGB(end[1:], in[3*(src.W-1):])
		for i := range lo {
			row[i] = end[0]
		}
		for i := hi; i < len(row); i++ {
			row[i] = end[1]
		}
	})
	defer m.release()
	line := words.get(src.W)
	defer words.put(line)
	for y := range src.H {
		m.row(y, line)
		if round != 0 {
			for x := range line {
				line[x] += round
			}
		}
		unpackRGB(dst.Row(y), line, imageShift)
	}
}

// A mover sums shifted rows of a packed plane, top to bottom.
type mover struct {
	w, h         int
	taps         []tap
	left         int // columns held to the left of the plane
	stride       int
	ahead, depth int // rows held below the one asked for; in all
	next         int
	ring         []uint64
	fill         func(y, x int, row []uint64)
}

func newMover(w, h int, taps []tap, fill rowFiller) *mover {
	m := &mover{w: w, h: h, taps: taps, fill: fill}
	right, above := 0, 0
	for _, t := range taps {
		m.left, right = max(m.left, -t.dx), max(right, t.dx)
		above, m.ahead = max(above, -t.dy), max(m.ahead, t.dy)
	}
	m.stride = m.left + w + right
	m.depth = min(above+m.ahead+1, h)
	m.ring = words.get(m.depth * m.stride)
	return m
}

func (m *mover) release() { words.put(m.ring) }

func (m *mover) row(y int, dst []uint64) {
	for last := min(y+m.ahead, m.h-1); m.next <= last; m.next++ {
		m.fill(m.next, -m.left, m.ring[m.next%m.depth*m.stride:][:m.stride])
	}
	at := func(t tap) []uint64 {
		r := clamped(y+t.dy, m.h) % m.depth
		return m.ring[r*m.stride+m.left+t.dx:][:m.w]
	}
	for i := 0; i < len(m.taps); i += 4 {
		var src [4][]uint64
		var weight [4]uint64
		for k := range src {
			if i+k < len(m.taps) {
				src[k], weight[k] = at(m.taps[i+k]), m.taps[i+k].weight
			} else {
				src[k] = src[0]
			}
		}
		mac(dst, src, weight, i == 0)
	}
}
