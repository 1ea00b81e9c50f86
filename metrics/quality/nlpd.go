package quality

import (
	"math"

	"github.com/vtbench/vtbench/metrics"
	"github.com/vtbench/vtbench/pix"
)

var nlpd = definition{
	spec: metrics.Spec{
		ID: "nlpd", Version: 1, Title: "NLPD", Better: metrics.Lower, Min: 0, Max: metrics.Unbounded(1), Scope: metrics.PerImage,
		Source: "Laparra et al. 2016: luma in [0, 1], normalised Laplacian pyramid of 6 levels, mean over levels of root mean squared difference; the authors' NLP_dist.m, pyiqa",
		Role:   metrics.RoleQuality, Show: metrics.Fixed(3), Margin: metrics.Margin{Absolute: .005},
		Short: "perceptual distance, 0 is identical",
		Long:  "Normalised Laplacian pyramid: local contrast at six scales.",
	},
	minSide: 17,
	prepare: func(ref pix.Image, mem *memory) scorer { return nlpdReference{nlpdPyramid(mem, ref)} },
}

const nlpdLevels = 6

// nlpdTaps are the rows and columns of the Laplacian filter, from the centre.
var nlpdTaps = [3]float64{.4, .25, .05}

// nlpdNorms are the divisive normalisation of each level: σ, and the weights of the
// neighbours above, left, right and below, as conv2 applies them (turned by 180°).
var nlpdNorms = [nlpdLevels]struct{ sigma, up, left, right, down float64 }{
	{.0248, .1015, .1460, .1493, .1011},
	{.0185, .0837, .1846, .1986, .0757},
	{.0179, .0467, .2243, .2138, .0477},
	{.0191, 0, .2616, .2503, 0},
	{.0220, 0, .2552, .2598, 0},
	{.2782, 0, .0717, .2215, 0},
}

// NLPD is the normalised Laplacian pyramid distance: 0 for identical images, larger
// the worse. Sides must be at least 17.
func NLPD(ref, got pix.Image) (float64, error) { return nlpd.score(ref, got) }

type nlpdReference struct{ levels [nlpdLevels][]float64 }

func (r nlpdReference) score(got pix.Image, mem *memory) float64 {
	mean := 0.0
	for i, level := range nlpdPyramid(mem, got) {
		sum, ref := 0.0, r.levels[i][:len(level)]
		for k, v := range level {
			d := v - ref[k]
			sum += d * d
		}
		mean += math.Sqrt(sum/float64(len(level))) / nlpdLevels
	}
	return mean
}

func nlpdPyramid(mem *memory, m pix.Image) (levels [nlpdLevels][]float64) {
	p, w, h := mem.floats(m.W*m.H), m.W, m.H
	luma(p, m)
	for i := range p {
		p[i] /= 255
	}
	for i := range nlpdLevels - 1 {
		small, sw, sh := nlpdDown(mem, p, w, h)
		nlpdSubtract(mem, p, w, h, small, sw, sh)
		levels[i] = nlpdNormalise(mem, p, w, h, i)
		p, w, h = small, sw, sh
	}
	levels[nlpdLevels-1] = nlpdNormalise(mem, p, w, h, nlpdLevels-1)
	return levels
}

// nlpdDown filters with mirrored borders and keeps every second pixel.
func nlpdDown(mem *memory, p []float64, w, h int) (q []float64, ow, oh int) {
	ow, oh = (w+1)/2, (h+1)/2
	q = mem.floats(ow * oh)
	at := mem.wide.mark()
	defer mem.wide.release(at)
	line := mem.floats(w + 4)
	t := nlpdTaps
	for y := range oh {
		var rows [5][]float64
		for k := range rows {
			rows[k] = p[mirror(2*y+k-2, h)*w:][:w]
		}
		mid := line[2 : w+2]
		for x := range mid {
			mid[x] = t[0]*rows[2][x] + t[1]*(rows[1][x]+rows[3][x]) + t[2]*(rows[0][x]+rows[4][x])
		}
		line[0], line[1] = mid[mirror(-2, w)], mid[mirror(-1, w)]
		line[w+2], line[w+3] = mid[mirror(w, w)], mid[mirror(w+1, w)]
		out := q[y*ow : (y+1)*ow]
		for x := range out {
			v := line[2*x:][:5]
			out[x] = t[0]*v[2] + t[1]*(v[1]+v[3]) + t[2]*(v[0]+v[4])
		}
	}
	return q, ow, oh
}

// nlpdSubtract takes the small image, its edges repeated, zeros put between and
// filtered, from the large one. Even outputs see three of the filter's taps, odd
// ones two.
func nlpdSubtract(mem *memory, p []float64, w, h int, small []float64, sw, sh int) {
	at := mem.wide.mark()
	defer mem.wide.release(at)
	line := mem.floats(sw + 2)
	t := nlpdTaps
	for y := range h {
		row := func(i int) []float64 { return small[min(max(i, 0), sh-1)*sw:][:sw] }
		a, b, c := row(y/2-1), row(y/2), row(y/2+1)
		mid := line[1 : sw+1]
		if y%2 == 0 {
			for x := range mid {
				mid[x] = 4 * (t[0]*b[x] + t[2]*(a[x]+c[x]))
			}
		} else {
			for x := range mid {
				mid[x] = 4 * t[1] * (b[x] + c[x])
			}
		}
		line[0], line[sw+1] = mid[0], mid[sw-1]
		out := p[y*w : (y+1)*w]
		for x := range w / 2 {
			v := line[x:][:3]
			out[2*x] -= t[0]*v[1] + t[2]*(v[0]+v[2])
			out[2*x+1] -= t[1] * (v[1] + v[2])
		}
		if w%2 == 1 {
			v := line[w/2:][:3]
			out[w-1] -= t[0]*v[1] + t[2]*(v[0]+v[2])
		}
	}
}

// nlpdNormalise divides by a mean of the magnitudes around; outside is zero.
func nlpdNormalise(mem *memory, p []float64, w, h, level int) []float64 {
	n := nlpdNorms[level]
	out := mem.floats(w * h)
	at := mem.wide.mark()
	defer mem.wide.release(at)
	magnitude := mem.floats((w + 2) * (h + 2))
	clear(magnitude[:w+2])
	clear(magnitude[(h+1)*(w+2):])
	for y := range h {
		row := magnitude[(y+1)*(w+2):][:w+2]
		row[0], row[w+1] = 0, 0
		for x, v := range p[y*w : (y+1)*w] {
			row[x+1] = math.Abs(v)
		}
	}
	for y := range h {
		up, mid, down := magnitude[y*(w+2)+1:][:w], magnitude[(y+1)*(w+2):][:w+2], magnitude[(y+2)*(w+2)+1:][:w]
		from, to := p[y*w:(y+1)*w], out[y*w:(y+1)*w]
		for x, v := range from {
			to[x] = v / (n.sigma + n.up*up[x] + n.left*mid[x] + n.right*mid[x+2] + n.down*down[x])
		}
	}
	return out
}
