package corrupt

import (
	"math"

	"github.com/vtbench/vtbench/pix"
)

// glassParams: blur before and after, reach and rounds of the shuffle.
var glassParams = [Severities]struct {
	sigma  float64
	delta  int
	rounds int
}{{.7, 1, 2}, {.9, 2, 1}, {1, 2, 3}, {1.1, 3, 2}, {1.5, 4, 2}}

// glassBlur blurs, replaces every pixel by one nearby, and blurs again. Upstream
// means to swap the two pixels, but numpy's views alias, so that the second half
// of the swap writes back what is there: a copy, from bottom right to top left.
func glassBlur(j *job) {
	p := glassParams[j.sev]
	sigma := p.sigma * j.scale
	delta := max(int(math.Floor(float64(float64(p.delta)*j.scale)+0.5)), 1)
	w, h := j.in.W, j.in.H
	blurImage(j.out, j.in, sigma)

	px := ints.get(w * h)
	defer ints.put(px)
	for i := range px {
		p := j.out.Pix[3*i : 3*i+3 : 3*i+3]
		px[i] = uint32(p[0]) | uint32(p[1])<<8 | uint32(p[2])<<16
	}
	state, span := j.rng, uint64(2*delta)
	for range p.rounds {
		for y := h - delta; y > delta; y-- {
			row := y * w
			for x := w - delta; x > delta; x-- {
				u := state.next()
				dx := int((u&0xFFFFFFFF)*span>>32) - delta
				dy := int((u>>32)*span>>32) - delta
				px[row+x] = px[row+dy*w+x+dx]
			}
		}
	}
	j.rng = state
	for i, v := range px {
		p := j.out.Pix[3*i : 3*i+3 : 3*i+3]
		p[0], p[1], p[2] = uint8(v), uint8(v>>8), uint8(v>>16)
	}
	blurImage(j.out, j.out, sigma)
}

// zoomParams: number and distance of the zoom factors, from 1 on.
var zoomParams = [Severities]struct {
	layers int
	step   float64
}{{12, .01}, {16, .01}, {11, .02}, {13, .02}, {11, .03}}

// Fixed-point layout of the zoom layers: weights of 12 bits down the columns,
// rounded to 8 bits and 4 of fraction; weights of 8 bits along the rows, rounded
// likewise; 18 layers' sum has 17 bits.
const (
	zoomDown, zoomAcross = 12, 8
	zoomFraction         = 4
)

// zoomBlur averages the image with enlargements of its middle. The factors need
// no scaling: they are relative to the image.
func zoomBlur(j *job) {
	p := zoomParams[j.sev]
	w, h := j.in.W, j.in.H
	// numpy.arange(1, end, step) multiplies the rounded difference of its first two.
	step := (1 + p.step) - 1
	layers := make([]zoomLayer, 0, p.layers)
	for i := 1; i < p.layers; i++ {
		f := 1 + float64(float64(i)*step)
		layers = append(layers, zoomLayer{newZoomAxis(h, f, h, zoomDown), newZoomAxis(w, f, w, zoomAcross)})
	}
	acc, line := words.get(w), words.get(w+1)
	defer words.put(acc)
	defer words.put(line)

	// Packed source rows: all that the layers of one row touch.
	src := newRowCache(j.in, layers)
	defer src.release()
	half1, mask1 := lanes3.rounding(zoomDown - zoomFraction)
	half2, mask2 := lanes3.rounding(zoomAcross)
	n := uint64(p.layers + 1)
	recip := (1<<32 + n<<zoomFraction - 1) / (n << zoomFraction)
	for y := range h {
		// The image itself and the layer of factor 1.
		packRGB(acc, j.in.Row(y))
		for x, v := range acc {
			acc[x] = v << (zoomFraction + 1)
		}
		for _, l := range layers {
			lo, hi := l.across.first, l.across.first+l.across.count
			a, b := src.row(l.down.at[y])[lo:hi], src.row(l.down.at[y] + 1)[lo:hi]
			mix := line[:len(a)]
			b = b[:len(a)]
			w1 := uint64(l.down.frac[y])
			w0 := 1<<zoomDown - w1
			for x, v := range a {
				mix[x] = (w0*v + w1*b[x] + half1) >> (zoomDown - zoomFraction) & mask1
			}
			mix = line[:len(a)+1]
			mix[len(a)] = mix[len(a)-1]
			at, frac := l.across.at[:len(acc)], l.across.frac[:len(acc)]
			for x := range acc {
				i := at[x] - lo
				w1 := uint64(frac[x])
				acc[x] += ((1<<zoomAcross-w1)*mix[i] + w1*mix[i+1] + half2) >> zoomAcross & mask2
			}
		}
		out := j.out.Row(y)
		for x, v := range acc {
			p := out[3*x : 3*x+3 : 3*x+3]
			p[0] = uint8((v & (1<<21 - 1)) * recip >> 32)
			p[1] = uint8((v >> 21 & (1<<21 - 1)) * recip >> 32)
			p[2] = uint8((v >> 42) * recip >> 32)
		}
	}
}

type zoomLayer struct{ down, across zoomAxis }

// A zoomAxis says for each output position which two samples it lies between.
type zoomAxis struct {
	first, count int // part of the axis that is enlarged
	size         int // it is enlarged to, at least what is asked for
	at           []int
	frac         []uint32 // of 2^bits
}

// newZoomAxis repeats upstream's clipped_zoom on one axis: the middle ceil(n/f)
// samples are enlarged to round(f·that) with ends on ends (scipy.ndimage.zoom),
// and the first `out` of them are kept.
func newZoomAxis(n int, f float64, out int, bits uint) zoomAxis {
	z := zoomAxis{count: min(max(int(math.Ceil(float64(n)/f)), 1), n)}
	z.first = (n - z.count) / 2
	z.size = max(int(math.RoundToEven(float64(float64(z.count)*f))), out)
	ratio := 0.0
	if z.size > 1 {
		ratio = float64(z.count-1) / float64(z.size-1)
	}
	z.at, z.frac = make([]int, z.size), make([]uint32, z.size)
	for i := range z.at {
		p := float64(float64(i) * ratio)
		k := min(int(p), z.count-1)
		z.at[i] = z.first + k
		z.frac[i] = uint32(math.Floor(float64((p-float64(k))*float64(int(1)<<bits)) + 0.5))
		if k == z.count-1 {
			z.frac[i] = 0
		}
	}
	return z
}

// A rowCache packs rows once for all layers that read them.
type rowCache struct {
	img  pix.Image
	ring []uint64
	has  []int // which row each place of the ring holds
}

func newRowCache(img pix.Image, layers []zoomLayer) *rowCache {
	// All layers of an output row read within this distance of each other.
	spread := 1
	for y := range img.H {
		lo, hi := y, y
		for _, l := range layers {
			lo, hi = min(lo, l.down.at[y]), max(hi, l.down.at[y]+1)
		}
		spread = max(spread, hi-lo+1)
	}
	c := &rowCache{img: img, ring: words.get(spread * img.W), has: make([]int, spread)}
	for i := range c.has {
		c.has[i] = -1
	}
	return c
}

func (c *rowCache) release() { words.put(c.ring) }

// row returns packed row y; the row below the last is the last.
func (c *rowCache) row(y int) []uint64 {
	y = min(y, c.img.H-1)
	i := y % len(c.has)
	row := c.ring[i*c.img.W:][:c.img.W]
	if c.has[i] != y {
		packRGB(row, c.img.Row(y))
		c.has[i] = y
	}
	return row
}

// elasticAlpha multiplies the smoothed field of displacements.
var elasticAlpha = [Severities]float64{250 * .05, 250 * .065, 250 * .085, 250 * .1, 250 * .12}

// elasticTransform moves every pixel by a smooth random field: uniform noise of
// ±.005 H, smoothed over .01 H by .01 W, times α. The smoothing shrinks the noise
// by its own width, so that displacements are α/25 pixels or so at any size: the
// mode Scaled enlarges α.
func elasticTransform(j *job) {
	w, h := j.in.W, j.in.H
	most := 0.005 * float64(h)
	alpha := elasticAlpha[j.sev] * j.scale
	field, release := elasticField(j, w, h)
	defer release()
	row := words.get(w)
	defer words.put(row)

	// The field comes in units of most/2^31, offset by 2^31; positions are counted
	// in 1/256 of a pixel.
	gain := float64(alpha*most) / (1 << 31) * 256
	for y := range h {
		field(y, row)
		out := j.out.Row(y)
		for x, d := range row {
			u := x<<8 + int(math.Floor(float64(float64(int64(d&(1<<32-1))-1<<31)*gain)+0.5))
			v := y<<8 + int(math.Floor(float64(float64(int64(d>>32)-1<<31)*gain)+0.5))
			x0, y0, fx, fy := u>>8, v>>8, uint64(u&255), uint64(v&255)
			x1, y1 := x0+1, y0+1
			if uint(x0) >= uint(w-1) || uint(y0) >= uint(h-1) {
				x0, x1, y0, y1 = reflected(x0, w), reflected(x1, w), reflected(y0, h), reflected(y1, h)
			}
			a, b := pixelAt(j.in, x0, y0), pixelAt(j.in, x1, y0)
			c, d := pixelAt(j.in, x0, y1), pixelAt(j.in, x1, y1)
			// 8 bits by 8 bits by 8 bits need 24: keep 13 bits between the two.
			const round = 1<<2 | 1<<23 | 1<<44
			const mask = (1<<18 - 1) * (1 | 1<<21 | 1<<42)
			top := ((256-fx)*a + fx*b + round) >> 3 & mask
			low := ((256-fx)*c + fx*d + round) >> 3 & mask
			s := (256-fy)*top + fy*low // 8 bits and 13 of fraction
			o := out[3*x : 3*x+3 : 3*x+3]
			o[0], o[1], o[2] = uint8(s>>13), uint8(s>>34), uint8(s>>55)
		}
	}
}

// pixelAt returns one pixel as packRGB packs it.
func pixelAt(m pix.Image, x, y int) uint64 {
	p := m.Pix[3*(y*m.W+x):][:3:3]
	return uint64(p[0]) | uint64(p[1])<<21 | uint64(p[2])<<42
}

// elasticField returns what fills a row with the horizontal (lower 32 bits) and
// the vertical displacements of that row, each in [0, 2^32). Rows must be asked
// for in order.
func elasticField(j *job, w, h int) (row rowSource, release func()) {
	sx, sy := 0.01*float64(w), 0.01*float64(h)
	if max(sx, sy) > maxFIR {
		var planes [2][]uint16
		for k := range planes {
			p := shorts.get(w * h)
			for i := range p {
				p[i] = uint16(j.rng.next() >> 48)
			}
			smooth(p, w, h, sx, sy, reflected)
			planes[k] = p
		}
		return func(y int, dst []uint64) {
				a, b := planes[0][y*w:(y+1)*w], planes[1][y*w:(y+1)*w]
				for x := range dst {
					dst[x] = uint64(a[x])<<16 | uint64(b[x])<<48
				}
			}, func() {
				shorts.put(planes[0])
				shorts.put(planes[1])
			}
	}
	// Two lanes of 32 bits: 16 bits of noise by weights of 2^16, rounded to 17 bits,
	// by weights of 2^15.
	wx := whole(gaussianHalf(sx, reach(3, sx)), 1<<16-1)
	wy := whole(gaussianHalf(sy, reach(3, sy)), 1<<15-1)
	f := newFIR(w, h, lanes2, reflected, wx, wy, 15, func(_ int, dst []uint64) {
		state := j.rng
		for x := range dst {
			dst[x] = state.next() & 0x0000FFFF0000FFFF
		}
		j.rng = state
	})
	return f.row, f.release
}
