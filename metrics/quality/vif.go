package quality

import (
	"math"

	"gonum.org/v1/gonum/mat"

	"github.com/vtbench/vtbench/metrics"
	"github.com/vtbench/vtbench/pix"
)

var vif = definition{
	spec: metrics.Spec{
		ID: "vif", Version: 1, Title: "VIF", Better: metrics.Higher, Min: 0, Max: metrics.Unbounded(1), Scope: metrics.PerImage,
		Source: "Sheikh & Bovik 2006 in the wavelet domain: luma rounded to 8 bits, steerable pyramid sp5 of 4 levels, orientations 0 and 3, 3×3 blocks, σn² .4; LIVE's vifvec, IQA-PyTorch's vif",
		Role:   metrics.RoleQuality, Show: metrics.Fixed(3), Margin: metrics.Margin{Absolute: .01},
		Short: "visual information kept, in wavelets; 1 is all of it",
		Long:  "Visual information fidelity as first defined, in the wavelet domain; not comparable with VIFp. Sharpening can raise it above 1.",
	},
	minSide: vifSide,
	prepare: func(ref pix.Image, mem *memory) scorer { return newWaveletReference(ref, mem) },
}

const (
	steerLevels  = 4
	steerBands   = 2     // of the six orientations, LIVE takes two: the derivatives along x and along y
	waveletBlock = 3     // side of a block, whose values are one vector
	waveletNoise = 0.4   // σn², the variance of the visual noise
	waveletTiny  = 1e-15 // variances below count as none

	// vifSide is the smallest side at which the coarsest level keeps a block.
	vifSide = 8<<(steerLevels-1) + 1
)

// The filters of Simoncelli's steerable pyramid of order 5 (sp5Filters.m of
// matlabPyrTools, pyrtools), to the eight decimals given there. All are symmetric, or
// antisymmetric along one axis, so a half or a quarter says all.
var (
	// steerFirst and steerLow are the low passes before the first level and between
	// levels: the rows from the centre downwards, each from its centre outwards.
	steerFirst = [][]float64{
		{0.40304148, 0.15925570, -0.03848215},
		{0.15925570, 0.05586982, -0.01551246},
		{-0.03848215, -0.01551246, 0.00341614},
	}
	steerLow = doubled([][]float64{
		{0.10096540, 0.08169618, 0.03981393, 0.01002988, -0.00962054},
		{0.08169618, 0.06426333, 0.03277038, 0.00410600, -0.00944432},
		{0.03981393, 0.03277038, 0.01396746, -0.00661117, -0.00387812},
		{0.01002988, 0.00410600, -0.00661117, -0.00523281, -0.00244917},
		{-0.00962054, -0.00944432, -0.00387812, -0.00244917, 0.00085404},
	})
	// steerOdd is the derivative: its lines at distance 1, 2 and 3 after the centre,
	// each from its centre outwards. The lines before are their negatives, the one
	// through the centre is zero.
	steerOdd = [][]float64{
		{0.11732297, 0.08226445, 0.03075356, 0.01021852},
		{-0.02755155, -0.01189859, 0.00893064, 0.00986904},
		{-0.01455399, -0.01026699, -0.00496194, -0.00277643},
	}
)

// steerPad is the margin that the widest filter needs.
const steerPad = 4

func doubled(filter [][]float64) [][]float64 {
	for _, row := range filter {
		for i := range row {
			row[i] *= 2
		}
	}
	return filter
}

// VIF is the visual information fidelity in the wavelet domain: the information about
// the scene that is left, 1 for identical images, above 1 where contrast was enhanced.
// It is not symmetric. Sides must be at least 65. A reference without any information
// (constant luma) scores 1 against a constant image and 0 against any other. Directions
// in which the reference's blocks do not vary at all carry no information.
func VIF(ref, got pix.Image) (float64, error) { return vif.score(ref, got) }

// padded is p with a margin of r values, reflected without repeating the edge.
func (m *memory) padded(p plane, r int) plane {
	out := m.plane(p.w+2*r, p.h+2*r)
	for y := range out.h {
		row, from := out.row(y), p.row(reflect(y-r, p.h))
		copy(row[r:], from)
		for x := range r {
			row[x] = from[reflect(x-r, p.w)]
			row[r+p.w+x] = from[reflect(p.w+x, p.w)]
		}
	}
	return out
}

// steerPyramid returns the two bands of every level, the finest first.
func steerPyramid(mem *memory, m pix.Image) (bands [steerLevels][steerBands]plane) {
	p := mem.plane(m.W, m.H)
	gray(p.p, m)
	r := len(steerFirst) - 1
	p = lowPass(mem, mem.padded(p, r), m.W, m.H, 1, steerFirst)
	for i := range bands {
		wide := mem.padded(p, steerPad)
		bands[i] = [steerBands]plane{alongX(mem, wide, p.w, p.h), alongY(mem, wide, p.w, p.h)}
		if i < steerLevels-1 {
			p = lowPass(mem, wide, p.w, p.h, 2, steerLow)
		}
	}
	return bands
}

// lowPass filters a plane of w×h, of which p is the padded form, and keeps every
// step-th value.
func lowPass(mem *memory, p plane, w, h, step int, filter [][]float64) plane {
	r := len(filter) - 1
	out := mem.plane((w+step-1)/step, (h+step-1)/step)
	at := mem.wide.mark()
	defer mem.wide.release(at)
	sum, part, line := mem.floats(w), mem.floats(w), mem.floats(p.w)
	for y := range out.h {
		centre := y*step + r
		convolve(sum, p.row(centre), 1, filter[0])
		for k := 1; k <= r; k++ {
			above, below := p.row(centre-k), p.row(centre+k)
			for x := range line {
				line[x] = above[x] + below[x]
			}
			convolve(part, line, 1, filter[k])
			for x, v := range part {
				sum[x] += v
			}
		}
		row := out.row(y)
		for x := range row {
			row[x] = sum[x*step]
		}
	}
	return out
}

// alongY filters with the derivative along y.
func alongY(mem *memory, p plane, w, h int) plane {
	out := mem.plane(w, h)
	at := mem.wide.mark()
	defer mem.wide.release(at)
	part, line := mem.floats(w), mem.floats(p.w)
	for y := range h {
		row := out.row(y)
		clear(row)
		for k, taps := range steerOdd {
			above, below := p.row(y+steerPad-k-1), p.row(y+steerPad+k+1)
			for x := range line {
				line[x] = below[x] - above[x]
			}
			convolve(part, line[steerPad-len(taps)+1:], 1, taps)
			for x, v := range part {
				row[x] += v
			}
		}
	}
	return out
}

// alongX filters with the derivative along x.
func alongX(mem *memory, p plane, w, h int) plane {
	out := mem.plane(w, h)
	at := mem.wide.mark()
	defer mem.wide.release(at)
	line := mem.floats(p.w)
	for y := range h {
		row := out.row(y)
		clear(row)
		for k, taps := range steerOdd {
			convolve(line, p.p[(y+steerPad-len(taps)+1)*p.w:], p.w, taps)
			before, after := line[steerPad-k-1:][:w], line[steerPad+k+1:][:w]
			for x := range row {
				row[x] += after[x] - before[x]
			}
		}
	}
	return out
}

// A blockGrid is where a level's statistics are taken: around the centres of the 3×3
// blocks that a band is cut into, in windows of 2·radius+1, without the blocks of the
// border whose windows would overlap it.
type blockGrid struct{ radius, skip, w, h int }

// gridOf is the grid of the i-th level, counted from the finest, of w×h values.
func gridOf(level, w, h int) blockGrid {
	r := 1 << (steerLevels - 1 - level)
	skip := (r + waveletBlock - 1) / waveletBlock
	return blockGrid{r, skip, w/waveletBlock - 2*skip, h/waveletBlock - 2*skip}
}

// area is how many values a window holds.
func (g blockGrid) area() float64 { return float64((2*g.radius + 1) * (2*g.radius + 1)) }

// corner is the first index of block i.
func (g blockGrid) corner(i int) int { return waveletBlock * (i + g.skip) }

// windowTaps are the halves of windows of ones, by radius.
var windowTaps = func() (taps [1<<(steerLevels-1) + 1][]float64) {
	for r := range taps {
		for range r + 1 {
			taps[r] = append(taps[r], 1)
		}
	}
	return taps
}()

// sums adds up a plane over the windows of one row of blocks.
func (g blockGrid) sums(dst, column []float64, p plane, row int) {
	convolve(column, p.p[(g.corner(row)+waveletBlock/2-g.radius)*p.w:], p.w, windowTaps[g.radius])
	for i := range dst {
		sum := 0.0
		for _, v := range column[g.corner(i)+waveletBlock/2-g.radius:][:2*g.radius+1] {
			sum += v
		}
		dst[i] = sum
	}
}

// waveletBand is what the reference says about one band.
type waveletBand struct {
	grid blockGrid
	band plane
	// of every block of the grid: the window's mean and the sum of squares around it,
	// and the block's squared length in the metric of its covariance, over its size.
	mean, squares, length []float64
	eigenvalues           []float64 // of that covariance, those that are not zero
}

type waveletReference struct {
	bands [steerLevels][steerBands]waveletBand
	total float64 // information in the reference, in nats
}

func newWaveletReference(ref pix.Image, mem *memory) *waveletReference {
	v := &waveletReference{}
	for i, level := range steerPyramid(mem, ref) {
		for k, band := range level {
			g := gridOf(i, band.w, band.h)
			b := waveletBand{
				grid: g, band: band,
				mean: mem.floats(g.w * g.h), squares: mem.floats(g.w * g.h), length: mem.floats(g.w * g.h),
			}
			at := mem.wide.mark()
			product, column := mem.plane(band.w, band.h), mem.floats(band.w)
			multiply(product, band, band)
			for y := range g.h {
				mean, squares := b.mean[y*g.w:][:g.w], b.squares[y*g.w:][:g.w]
				g.sums(mean, column, band, y)
				g.sums(squares, column, product, y)
				for x := range mean {
					mean[x] /= g.area()
					squares[x] = max(squares[x]-g.area()*mean[x]*mean[x], 0)
				}
			}
			b.model(mem)
			mem.wide.release(at)
			nats := newLogSum()
			for _, s := range b.length {
				for _, l := range b.eigenvalues {
					nats.add(1 + s*l/waveletNoise)
				}
			}
			v.total += nats.value()
			v.bands[i][k] = b
		}
	}
	return v
}

// multiply fills dst with the products of two planes of its size.
func multiply(dst, a, b plane) {
	p, q := a.p[:len(dst.p)], b.p[:len(dst.p)]
	for i := range dst.p {
		dst.p[i] = p[i] * q[i]
	}
}

// model takes the 3×3 neighbourhoods of the band, as far as it is cut into whole
// blocks, for samples of a Gaussian, and fills eigenvalues and length.
func (b *waveletBand) model(mem *memory) {
	const n = waveletBlock * waveletBlock
	cov := b.covariance(mem)
	var eigen mat.EigenSym
	if !eigen.Factorize(cov, true) {
		clear(b.length)
		return
	}
	values := eigen.Values(nil)
	var vectors mat.Dense
	eigen.VectorsTo(&vectors)
	var axes [][n]float64
	for k, l := range values {
		if l <= 1e-12*values[n-1] {
			continue
		}
		var axis [n]float64
		for i := range n {
			axis[i] = vectors.At(i, k) / math.Sqrt(l*n)
		}
		axes = append(axes, axis)
		b.eigenvalues = append(b.eigenvalues, l)
	}
	var block [n]float64
	for y := range b.grid.h {
		for x := range b.grid.w {
			for r := range waveletBlock {
				copy(block[waveletBlock*r:], b.band.row(b.grid.corner(y) + r)[b.grid.corner(x):][:waveletBlock])
			}
			sum := 0.0
			for k := range axes {
				a, d := &axes[k], 0.0
				for i, u := range block {
					d += a[i] * u
				}
				sum += d * d
			}
			b.length[y*b.grid.w+x] = sum
		}
	}
}

// covariance is that of the nine values of all 3×3 neighbourhoods, overlapping ones.
//
// The sum of products of two of the nine values depends on how far they lie apart, but
// for the borders: nine sums over neighbourhoods that start at rows 0…2 and columns 0…2
// share all else. So each of the 13 distances is summed once.
func (b *waveletBand) covariance(mem *memory) *mat.SymDense {
	const side, n = waveletBlock, waveletBlock * waveletBlock
	w, h := b.band.w/side*side, b.band.h/side*side
	ow, oh := w-side+1, h-side+1 // positions of a neighbourhood
	count := float64(ow * oh)
	var mean [n]float64
	starts := [side][]float64{mem.floats(h), mem.floats(h), mem.floats(h)}
	// fold adds up, for a neighbourhood's row k, what starts holds for rows k…k+oh−1.
	fold := func(k, j int) float64 {
		sum := 0.0
		for _, v := range starts[j][k:][:oh] {
			sum += v
		}
		return sum
	}
	ones := mem.floats(w)
	for i := range ones {
		ones[i] = 1
	}
	for y := range h {
		starts[0][y], starts[1][y], starts[2][y] = startSums(b.band.row(y)[:w], ones, ow)
	}
	for k := range side {
		for j := range side {
			mean[side*k+j] = fold(k, j) / count
		}
	}
	cov := mat.NewSymDense(n, nil)
	for dy := range side {
		for dx := 1 - side; dx < side; dx++ {
			if dy == 0 && dx < 0 {
				continue // the transpose of (0, −dx)
			}
			from, to := max(0, -dx), w-max(0, dx) // where both columns exist
			for y := range h - dy {
				p, q := b.band.row(y)[from:to], b.band.row(y + dy)[from+dx:to+dx]
				// starts[j] is for neighbourhoods whose first value lies in column from+j.
				starts[0][y], starts[1][y], starts[2][y] = startSums(p, q, ow)
			}
			for k := range side - dy {
				for j := range side {
					if j+dx < 0 || j+dx >= side {
						continue
					}
					a, c := side*k+j, side*(k+dy)+j+dx
					cov.SetSym(a, c, fold(k, j-from)/count-mean[a]*mean[c])
				}
			}
		}
	}
	return cov
}

// startSums returns the sums of n products that start at 0, 1 and 2; 0 for a start from
// which there are not n.
func startSums(p, q []float64, n int) (a, b, c float64) {
	var s0, s1, s2, s3 float64
	i := 0
	for ; i+4 <= n; i += 4 {
		u, v := p[i:i+4:i+4], q[i:i+4:i+4]
		s0, s1, s2, s3 = s0+u[0]*v[0], s1+u[1]*v[1], s2+u[2]*v[2], s3+u[3]*v[3]
	}
	for ; i < n; i++ {
		s0 += p[i] * q[i]
	}
	a = s0 + s1 + s2 + s3
	if len(p) > n {
		b = a + p[n]*q[n] - p[0]*q[0]
	}
	if len(p) > n+1 {
		c = b + p[n+1]*q[n+1] - p[1]*q[1]
	}
	return a, b, c
}

func (v *waveletReference) score(got pix.Image, mem *memory) float64 {
	kept, changed := 0.0, false
	for i, level := range steerPyramid(mem, got) {
		for k, band := range level {
			at := mem.wide.mark()
			nats, varies := v.bands[i][k].kept(mem, band)
			mem.wide.release(at)
			kept += nats
			changed = changed || varies
		}
	}
	if v.total == 0 {
		if changed {
			return 0
		}
		return 1
	}
	return kept / v.total
}

// kept is the information about the scene, in nats, that a band of another image
// holds; varies says whether that band holds anything.
func (b *waveletBand) kept(mem *memory, band plane) (kept float64, varies bool) {
	g := b.grid
	squared, crossed := mem.plane(band.w, band.h), mem.plane(band.w, band.h)
	multiply(squared, band, band)
	multiply(crossed, band, b.band)
	column, mean := mem.floats(band.w), mem.floats(g.w)
	squares, cross := mem.floats(g.w), mem.floats(g.w)
	n := g.area()
	nats := newLogSum()
	for y := range g.h {
		g.sums(mean, column, band, y)
		g.sums(squares, column, squared, y)
		g.sums(cross, column, crossed, y)
		refMean, refSquares, length := b.mean[y*g.w:], b.squares[y*g.w:], b.length[y*g.w:]
		for x := range g.w {
			mu := mean[x] / n
			ss := max(squares[x]-n*mu*mu, 0)
			varies = varies || ss >= waveletTiny
			if refSquares[x] < waveletTiny || ss < waveletTiny {
				continue // gain 0
			}
			cov := cross[x] - n*mu*refMean[x]
			if cov <= 0 {
				continue
			}
			gain := cov / (refSquares[x] + waveletTiny)
			rest := max((ss-gain*cov)/n, waveletTiny)
			ratio := gain * gain * length[x] / (rest + waveletNoise)
			for _, l := range b.eigenvalues {
				nats.add(1 + ratio*l)
			}
		}
	}
	return nats.value(), varies
}
