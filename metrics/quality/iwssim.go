package quality

import (
	"math"

	"gonum.org/v1/gonum/mat"

	"github.com/vtbench/vtbench/metrics"
	"github.com/vtbench/vtbench/pix"
)

var iwSSIM = definition{
	spec: metrics.Spec{
		ID: "iw-ssim", Version: 1, Title: "IW-SSIM", Better: metrics.Higher, Min: 0, Max: 1, Scope: metrics.PerImage,
		Source: "Wang & Li 2011: luma (unrounded), Laplacian pyramid of 5 scales, information content weights (3×3 blocks and parent, σn² .4), MS-SSIM's exponents; the authors' iwssim.m, piq",
		Role:   metrics.RoleQuality, Show: metrics.Fixed(3), Margin: metrics.Margin{Absolute: .005},
		Short: "structural similarity where there is something to see",
		Long:  "MS-SSIM weighted by how much information each place holds; 1 is identical.",
	},
	minSide: msSSIMSide,
	prepare: func(ref pix.Image, mem *memory) scorer { return newIWReference(ref, mem) },
}

const (
	iwLevels = len(msSSIMWeights)
	iwNoise  = 0.4 // σn²
	iwTiny   = 2.220446049250313e-16
	iwBlock  = 3
)

// IWSSIM is the information content weighted structural similarity, 1 for identical
// images. It is not symmetric: the weights come from the reference. Sides must be
// at least 161.
func IWSSIM(ref, got pix.Image) (float64, error) { return iwSSIM.score(ref, got) }

// plane is a matrix of values.
type plane struct {
	p    []float64
	w, h int
}

func (m *memory) plane(w, h int) plane { return plane{m.floats(w * h), w, h} }

func (p plane) row(y int) []float64 { return p.p[y*p.w:][:p.w] }

// iwScale is what the reference says about one scale.
type iwScale struct {
	band plane
	// eigenvalues of the covariance of neighbourhoods, and for each neighbourhood
	// its squared length in the metric of that covariance, over its size.
	eigenvalues []float64
	length      plane
}

type iwReference struct{ scales [iwLevels]iwScale }

// iwPyramid is the Laplacian pyramid with binomial filters and reflected borders;
// the last band is the low pass.
func iwPyramid(mem *memory, m pix.Image) (bands [iwLevels]plane) {
	p := mem.plane(m.W, m.H)
	luma(p.p, m)
	for i := range iwLevels - 1 {
		low := iwReduce(mem, p)
		iwExpandInto(mem, p, low)
		bands[i] = p
		p = low
	}
	bands[iwLevels-1] = p
	return bands
}

// reflect mirrors an index at the edges of 0…n−1, the edge itself not repeated.
func reflect(i, n int) int {
	for n > 1 && (i < 0 || i >= n) {
		if i < 0 {
			i = -i
		} else {
			i = 2*(n-1) - i
		}
	}
	return i
}

// iwTaps are the binomial filter 1 4 6 4 1 over 16, times √2, from its centre.
var iwTaps = [3]float64{6 * math.Sqrt2 / 16, 4 * math.Sqrt2 / 16, math.Sqrt2 / 16}

// iwReduce filters both ways and keeps every second value.
func iwReduce(mem *memory, p plane) plane {
	ow, oh := (p.w+1)/2, (p.h+1)/2
	out := mem.plane(ow, oh)
	at := mem.wide.mark()
	defer mem.wide.release(at)
	line := mem.floats(p.w + 4)
	t := iwTaps
	for y := range oh {
		a, b, c := p.row(reflect(2*y-2, p.h)), p.row(reflect(2*y-1, p.h)), p.row(2*y)
		d, e := p.row(reflect(2*y+1, p.h)), p.row(reflect(2*y+2, p.h))
		mid := line[2 : p.w+2]
		for x := range mid {
			mid[x] = t[0]*c[x] + t[1]*(b[x]+d[x]) + t[2]*(a[x]+e[x])
		}
		for _, x := range [4]int{-2, -1, p.w, p.w + 1} {
			line[x+2] = mid[reflect(x, p.w)]
		}
		row := out.row(y)
		for x := range row {
			v := line[2*x:][:5]
			row[x] = t[0]*v[2] + t[1]*(v[1]+v[3]) + t[2]*(v[0]+v[4])
		}
	}
	return out
}

// iwExpandInto takes from p its low pass, blown up: zeros between the values, then
// the same filter, reflected at the border of the blown-up plane.
func iwExpandInto(mem *memory, p, low plane) {
	at := mem.wide.mark()
	defer mem.wide.release(at)
	// Blown up, an index beyond the border reflects to an even one if it is even.
	uw, uh := 2*low.w, 2*low.h
	t := iwTaps
	wide := mem.floats(low.w)
	for y := range p.h {
		clear(wide)
		for k := -2; k <= 2; k++ {
			r := reflect(y+k, uh)
			if r%2 != 0 {
				continue
			}
			weight := t[max(k, -k)]
			for x, v := range low.row(r / 2) {
				wide[x] += weight * v
			}
		}
		row := p.row(y)
		for x := range row {
			sum := 0.0
			for k := -2; k <= 2; k++ {
				c := reflect(x+k, uw)
				if c%2 == 0 {
					sum += t[max(k, -k)] * wide[c/2]
				}
			}
			row[x] -= sum
		}
	}
}

// iwEnlarge doubles a plane as the authors do, and cuts it to w×h: bilinearly to 4n−3
// samples, of which, after one was extrapolated at either end, every second is kept.
// Sample i of 4n−3 lies at (i+½)·n/(4n−3)−½, and output k is sample 2k−1. The two
// extrapolated ones equal the edge, since the two samples next to them do.
func iwEnlarge(mem *memory, p plane, w, h int) plane {
	out := mem.plane(w, h)
	locate := func(k, n int) (int, int, float64) {
		s := (2*float64(k)-0.5)*float64(n)/float64(4*n-3) - 0.5
		s = min(max(s, 0), float64(n-1))
		l := int(s)
		return l, min(l+1, n-1), s - float64(l)
	}
	for y := range h {
		a, b, f := locate(y, p.h)
		up, down, row := p.row(a), p.row(b), out.row(y)
		for x := range row {
			l, r, g := locate(x, p.w)
			left, right := up[l]+f*(down[l]-up[l]), up[r]+f*(down[r]-up[r])
			row[x] = left + g*(right-left)
		}
	}
	return out
}

func newIWReference(ref pix.Image, mem *memory) *iwReference {
	r := &iwReference{}
	bands := iwPyramid(mem, ref)
	for i, band := range bands {
		s := &r.scales[i]
		s.band = band
		if i == iwLevels-1 {
			continue
		}
		var parent plane
		if i < iwLevels-2 {
			parent = iwEnlarge(mem, bands[i+1], band.w, band.h)
		}
		s.eigenvalues, s.length = iwNeighbourhoods(mem, band, parent)
	}
	return r
}

// iwNeighbourhoods models the 3×3 neighbours of every value, and its parent, as a
// Gaussian: the eigenvalues of their covariance, and yᵀC⁻¹y/N of each.
func iwNeighbourhoods(mem *memory, band, parent plane) (eigenvalues []float64, length plane) {
	const most = iwBlock*iwBlock + 1
	n := most - 1
	if parent.p != nil {
		n = most
	}
	w, h := band.w-2, band.h-2
	gather := func(dst *[most]float64, x, y int) {
		for k := range iwBlock {
			copy(dst[iwBlock*k:], band.p[(y+k)*band.w+x:][:iwBlock])
		}
		if n == most {
			dst[most-1] = parent.p[(y+1)*parent.w+x+1]
		}
	}
	var v [most]float64
	var sums [most][most]float64
	for y := range h {
		for x := range w {
			gather(&v, x, y)
			for i := range n {
				for j := i; j < n; j++ {
					sums[i][j] += v[i] * v[j]
				}
			}
		}
	}
	cov := mat.NewSymDense(n, nil)
	for i := range n {
		for j := i; j < n; j++ {
			cov.SetSym(i, j, sums[i][j]/float64(w*h))
		}
	}
	length = mem.plane(w, h)
	var eigen mat.EigenSym
	if !eigen.Factorize(cov, true) {
		clear(length.p) // no information anywhere; weights are then equal
		return nil, length
	}
	values := eigen.Values(nil)
	var vectors mat.Dense
	eigen.VectorsTo(&vectors)
	// Negative eigenvalues are rounding; the others take over what they summed to.
	all, positive, largest := 0.0, 0.0, values[n-1]
	for _, l := range values {
		all += l
		positive += max(l, 0)
	}
	var axes [][most]float64
	for k, l := range values {
		if l <= 1e-12*largest {
			continue // a direction without variance says nothing
		}
		l *= all / positive
		var axis [most]float64
		for i := range n {
			axis[i] = vectors.At(i, k) / math.Sqrt(l*float64(n))
		}
		axes = append(axes, axis)
		eigenvalues = append(eigenvalues, l)
	}
	v = [most]float64{}
	for y := range h {
		row := length.row(y)
		for x := range row {
			gather(&v, x, y)
			sum := 0.0
			for k := range axes {
				a := &axes[k]
				d := 0.0
				for i, u := range v {
					d += a[i] * u
				}
				sum += d * d
			}
			row[x] = sum
		}
	}
	return eigenvalues, length
}

func (r *iwReference) score(got pix.Image, mem *memory) float64 {
	product, weights := 1.0, 0.0
	for _, w := range msSSIMWeights {
		weights += w
	}
	for i, band := range iwPyramid(mem, got) {
		at := mem.wide.mark()
		s := &r.scales[i]
		var v float64
		if i == iwLevels-1 {
			v = ssimMean(mem, s.band.p, band.p, band.w, band.h)
		} else {
			v = s.weighted(mem, band)
		}
		product *= math.Pow(math.Abs(v), msSSIMWeights[i]/weights)
		mem.wide.release(at)
	}
	return product
}

// weighted is the mean contrast-structure term, weighted by information content.
func (s *iwScale) weighted(mem *memory, band plane) float64 {
	iw := band.w - 2*ssimRadius
	terms := mem.plane(iw, band.h-2*ssimRadius)
	sweepMoments(mem, s.band.p, band.p, band.w, band.h, ssimWindow64, func(y int, m moments) {
		row := terms.row(y)
		for x := range row {
			u, v := m.s[x], m.d[x]
			varS, varD := m.ss[x]-u*u, m.dd[x]-v*v
			row[x] = ((varS-varD)/2 + ssimC2) / ((varS+varD)/2 + ssimC2)
		}
	})
	const crop = ssimRadius - iwBlock/2
	sum, weights, plain := 0.0, 0.0, 0.0
	sweep(mem, 5, band.w, band.h, []float64{1.0 / 3, 1.0 / 3}, func(y int, in [][]float64) {
		p, q := s.band.row(y), band.row(y)
		q = q[:len(p)]
		a, b, aa, bb, ab := in[0][:len(p)], in[1][:len(p)], in[2][:len(p)], in[3][:len(p)], in[4][:len(p)]
		for x, u := range p {
			v := q[x]
			a[x], b[x], aa[x], bb[x], ab[x] = u, v, u*u, v*v, u*v
		}
	}, func(y int, out [][]float64) {
		if y < crop || y-crop >= terms.h {
			return
		}
		row, length := terms.row(y-crop), s.length.row(y)
		for x, term := range row {
			i := x + crop
			a, b := out[0][i], out[1][i]
			w := s.information(out[2][i]-a*a, out[3][i]-b*b, out[4][i]-a*b, length[i])
			sum += term * w
			weights += w
			plain += term
		}
	})
	if weights == 0 {
		return plain / float64(len(terms.p))
	}
	return sum / weights
}

// information is the mutual information, in bits, between a neighbourhood and what is
// seen of it in both images through noise.
func (s *iwScale) information(varRef, varGot, cov, length float64) float64 {
	varRef, varGot = max(varRef, 0), max(varGot, 0)
	gain := cov / (varRef + iwTiny)
	rest := varGot - gain*cov
	if varRef < iwTiny {
		gain, rest = 0, varGot
	}
	if varGot < iwTiny {
		gain, rest = 0, 0
	}
	a := (rest + (1+gain*gain)*iwNoise) * length / (iwNoise * iwNoise)
	b := 1 + rest/iwNoise
	product := 1.0
	for _, l := range s.eigenvalues {
		product *= a*l + b
	}
	if bits := math.Log2(product); bits >= iwTiny {
		return bits
	}
	return 0
}
