package quality

import (
	"sync"

	"github.com/vtbench/vtbench/metrics"
	"github.com/vtbench/vtbench/pix"
)

var specSSIM = metrics.Spec{
	ID: "ssim", Version: 1, Title: "SSIM", Better: metrics.Higher, Min: -1, Max: 1, Scope: metrics.PerImage,
	Source: "Wang et al. 2004: Gaussian window 11×11, σ 1.5, K .01/.03, population covariance, borders of 5 cropped, mean over RGB; scikit-image structural_similarity(gaussian_weights=True, sigma=1.5, use_sample_covariance=False)",
}

const (
	ssimRadius = 5
	ssimTaps   = 2*ssimRadius + 1
	ssimSigma  = 1.5
	ssimC1     = (0.01 * 255) * (0.01 * 255)
	ssimC2     = (0.03 * 255) * (0.03 * 255)
)

// ssimTapWeights are the weights of the window from its centre outwards.
var ssimTapWeights = gaussian[float32](ssimRadius, ssimSigma)

// strip is how many output rows are worked on at once: the filtered rows of all
// maps then stay in the second-level cache.
const strip = 32

// ssimBuffers hold one strip of the four maps.
type ssimBuffers struct {
	row  [4][]float32 // one input row
	rows [4][]float32 // horizontally filtered rows of the strip
	out  [4][]float32 // one fully filtered row
}

var ssimPool = sync.Pool{New: func() any { return &ssimBuffers{} }}

func (b *ssimBuffers) resize(w int) {
	for m := range b.row {
		if cap(b.row[m]) < w {
			b.row[m] = make([]float32, w)
			b.out[m] = make([]float32, w)
			b.rows[m] = make([]float32, w*(strip+ssimTaps-1))
		}
		b.row[m], b.out[m], b.rows[m] = b.row[m][:w], b.out[m][:w], b.rows[m][:w*(strip+ssimTaps-1)]
	}
}

// SSIM is the structural similarity with Wang's Gaussian window, the mean over
// the three channels of the mean over all positions where the window fits. Sides
// must be at least 11.
//
// The moments come from the sum and the difference of the two images: with
// s = x+y and d = x−y, local means and second moments of s and d give
// μx·μy, μx²+μy², σxy and σx²+σy², so that four filtered maps do instead of five.
// Values are centred on 128 and filtered in float32, which moves the result by
// less than 1e-6.
func SSIM(ref, got pix.Image) (float64, error) {
	if err := check("ssim", ssimTaps, ref, got); err != nil {
		return 0, err
	}
	if ref.Same(got) {
		return 1, nil
	}
	w, h := ref.W, ref.H
	inner := w - 2*ssimRadius
	buf := ssimPool.Get().(*ssimBuffers)
	defer ssimPool.Put(buf)
	buf.resize(w)
	total := 0.0
	for c := range 3 {
		for top := 0; top < h-2*ssimRadius; top += strip {
			n := min(strip, h-2*ssimRadius-top)
			for r := range n + 2*ssimRadius {
				moments(buf, ref.Row(top + r)[c:], got.Row(top + r)[c:])
				for m := range buf.row {
					convolve(buf.rows[m][r*w:r*w+inner], buf.row[m], 1, ssimTapWeights)
				}
			}
			for r := range n {
				for m := range buf.rows {
					convolve(buf.out[m][:inner], buf.rows[m][r*w:], w, ssimTapWeights)
				}
				total += ssimRow(buf, inner)
			}
		}
	}
	return total / float64(3*inner*(h-2*ssimRadius)), nil
}

// moments fills the four input rows of one channel: s, d, s², d².
func moments(buf *ssimBuffers, a, b []uint8) {
	s, d, ss, dd := buf.row[0], buf.row[1], buf.row[2], buf.row[3]
	d, ss, dd = d[:len(s)], ss[:len(s)], dd[:len(s)]
	for i := range s {
		x, y := int32(a[3*i]), int32(b[3*i])
		u, v := x+y-256, x-y
		s[i], d[i] = float32(u), float32(v)
		ss[i], dd[i] = float32(u*u), float32(v*v)
	}
}

// ssimRow sums the index over one row of filtered moments.
func ssimRow(buf *ssimBuffers, n int) float64 {
	s, d, ss, dd := buf.out[0][:n], buf.out[1][:n], buf.out[2][:n], buf.out[3][:n]
	sum := 0.0
	for i, u := range s {
		v := d[i]
		// Second moments about the means, of values centred on 128 each.
		varS, varD := ss[i]-u*u, dd[i]-v*v
		u += 256 // back to the sum of the means
		mu, nu := u*u, v*v
		num := ((mu-nu)/2 + ssimC1) * ((varS-varD)/2 + ssimC2)
		den := ((mu+nu)/2 + ssimC1) * ((varS+varD)/2 + ssimC2)
		sum += float64(num / den)
	}
	return sum
}
