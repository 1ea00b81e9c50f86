package quality

import (
	"github.com/vtbench/vtbench/metrics"
	"github.com/vtbench/vtbench/pix"
)

var (
	ssim = definition{
		spec: metrics.Spec{
			ID: "ssim", Version: 1, Title: "SSIM", Better: metrics.Higher, Min: -1, Max: 1, Scope: metrics.PerImage,
			Source: "Wang et al. 2004: Gaussian window 11×11, σ 1.5, K .01/.03, population covariance, borders of 5 cropped, mean over RGB; scikit-image structural_similarity(gaussian_weights=True, sigma=1.5, use_sample_covariance=False)",
			Role:   metrics.RoleQuality, Show: metrics.Fixed(3), Margin: metrics.Margin{Absolute: .005},
			Short: "structural similarity, 1 is identical",
			Long:  "Compares local brightness, contrast and structure (Gaussian window, mean of channels). Closer to what people see than PSNR, still an average over the whole picture.",
		},
		minSide: ssimTaps,
		prepare: pairwise(single(colours)),
	}
	ssimUniform = definition{
		spec: metrics.Spec{
			ID: "ssim-uniform", Version: 1, Title: "SSIM (uniform)", Better: metrics.Higher, Min: -1, Max: 1, Scope: metrics.PerImage,
			Source: "scikit-image's default structural_similarity: uniform window 7×7, sample covariance (49/48), borders of 3 cropped, mean over RGB",
			Role:   metrics.RoleQuality, Show: metrics.Fixed(3), Margin: metrics.Margin{Absolute: .005},
			Short: "structural similarity with a uniform window",
			Long:  "scikit-image's default; not comparable with the Gaussian SSIM.",
		},
		minSide: uniformSide,
		prepare: pairwise(ssimOfUniformWindows),
	}
	ssimWang = definition{
		spec: metrics.Spec{
			ID: "ssim-wang", Version: 1, Title: "SSIM (Wang)", Better: metrics.Higher, Min: -1, Max: 1, Scope: metrics.PerImage,
			Source: "Wang's ssim.m: luma, averaged and subsampled by round(shorter side/256), then the Gaussian window of ssim",
			Role:   metrics.RoleQuality, Show: metrics.Fixed(3), Margin: metrics.Margin{Absolute: .005},
			Short: "structural similarity of brightness, pooled first",
			Long:  "As the authors' own program computes it; not comparable with SSIM at full size.",
		},
		minSide: ssimTaps,
		prepare: pairwise(func(ref, got pix.Image, mem *memory) float64 {
			n := ref.W * ref.H
			a, b := mem.floats(n), mem.floats(n)
			luma(a, ref)
			luma(b, got)
			return ssimPooled(mem, a, b, ref.W, ref.H)
		}),
	}
	msSSIM = definition{
		spec: metrics.Spec{
			ID: "ms-ssim", Version: 1, Title: "MS-SSIM", Better: metrics.Higher, Min: 0, Max: 1, Scope: metrics.PerImage,
			Source: "Wang et al. 2003: 5 scales, weights .0448 .2856 .3001 .2363 .1333, 2×2 means between scales (odd edges mirrored), negative terms clamped to 0, mean over RGB",
			Role:   metrics.RoleQuality, Show: metrics.Fixed(3), Margin: metrics.Margin{Absolute: .005},
			Short: "structural similarity over several scales, 1 is identical",
			Long:  "SSIM at five scales, combined: details count, and so do shapes.",
		},
		minSide: msSSIMSide,
		prepare: pairwise(multi(colours)),
	}
	ssimY = definition{
		spec: metrics.Spec{
			ID: "ssim-y", Version: 1, Title: "SSIM-Y", Better: metrics.Higher, Min: -1, Max: 1, Scope: metrics.PerImage,
			Source: "ssim on full-range luma .299 R + .587 G + .114 B (BT.601) rounded to 8 bits, not shrunk first; Wang's ssim_index.m on rgb2gray, the ssim of IQA-PyTorch but for its clamping",
			Role:   metrics.RoleQuality, Show: metrics.Fixed(3), Margin: metrics.Margin{Absolute: .005},
			Short: "structural similarity of brightness, 1 is identical",
			Long:  "SSIM of 8-bit luma at full size, what IQA-PyTorch and many papers call SSIM; not comparable with SSIM over RGB.",
		},
		minSide: ssimTaps,
		prepare: pairwise(single(lumas)),
	}
	msSSIMY = definition{
		spec: metrics.Spec{
			ID: "ms-ssim-y", Version: 1, Title: "MS-SSIM-Y", Better: metrics.Higher, Min: 0, Max: 1, Scope: metrics.PerImage,
			Source: "ms-ssim on full-range luma .299 R + .587 G + .114 B (BT.601) rounded to 8 bits; Wang's msssim.m (product) on rgb2gray, the ms_ssim of IQA-PyTorch but for its clamping and odd sizes",
			Role:   metrics.RoleQuality, Show: metrics.Fixed(3), Margin: metrics.Margin{Absolute: .005},
			Short: "structural similarity of brightness over several scales, 1 is identical",
			Long:  "MS-SSIM of 8-bit luma, what IQA-PyTorch and many papers call MS-SSIM; not comparable with MS-SSIM over RGB.",
		},
		minSide: msSSIMSide,
		prepare: pairwise(multi(lumas)),
	}
)

const (
	ssimRadius = 5
	ssimTaps   = 2*ssimRadius + 1
	ssimSigma  = 1.5
	ssimC1     = (0.01 * 255) * (0.01 * 255)
	ssimC2     = (0.03 * 255) * (0.03 * 255)

	// ssimOffset is taken from 8-bit values that are filtered in float32, which keeps
	// their squares, and so the rounding, small.
	ssimOffset = 128

	uniformSide = 7
)

// The window's weights from its centre outwards.
var (
	ssimWindow   = gaussian[float32](ssimRadius, ssimSigma)
	ssimWindow64 = gaussian[float64](ssimRadius, ssimSigma)
)

// msSSIMWeights are those of the paper, which sum to 1.0001.
var msSSIMWeights = [...]float64{0.0448, 0.2856, 0.3001, 0.2363, 0.1333}

// msSSIMSide is the smallest side that still holds a window at the coarsest scale.
const msSSIMSide = (ssimTaps-1)<<(len(msSSIMWeights)-1) + 1

// SSIM is the structural similarity with Wang's Gaussian window, the mean over
// the three channels of the mean over all positions where the window fits. Sides
// must be at least 11. It filters in float32, which moves the result by less than
// 1e-6.
func SSIM(ref, got pix.Image) (float64, error) { return ssim.score(ref, got) }

// SSIMUniform is scikit-image's default: uniform 7×7 windows and sample
// covariance. Sides must be at least 7.
func SSIMUniform(ref, got pix.Image) (float64, error) { return ssimUniform.score(ref, got) }

// SSIMWang is the index of Wang's ssim.m: on luma, which is averaged and
// subsampled first so that the shorter side comes to about 256 pixels.
func SSIMWang(ref, got pix.Image) (float64, error) { return ssimWang.score(ref, got) }

// MSSSIM is the multi-scale structural similarity, the mean over RGB channels.
// Sides must be at least 161. Negative terms, which have no real power, count as
// 0. It filters in float32, which moves the result by less than 1e-6.
func MSSSIM(ref, got pix.Image) (float64, error) { return msSSIM.score(ref, got) }

// SSIMY is SSIM on luma that is rounded to 8 bits.
func SSIMY(ref, got pix.Image) (float64, error) { return ssimY.score(ref, got) }

// MSSSIMY is MSSSIM on luma that is rounded to 8 bits.
func MSSSIMY(ref, got pix.Image) (float64, error) { return msSSIMY.score(ref, got) }

// SSIMMap returns the index of SSIM for every pixel, the mean over RGB channels.
func SSIMMap(ref, got pix.Image) (Map, error) {
	if err := check(ssim.spec.ID, ssim.minSide, ref, got); err != nil {
		return Map{}, err
	}
	mem := borrow()
	defer mem.giveBack()
	iw, ih := ref.W-2*ssimRadius, ref.H-2*ssimRadius
	inner := make([]float32, iw*ih)
	p := colours(mem, ref, got)
	scanRows(mem, p.w, p.h, p.channels, p.moments, func(y, x int, index, _ []float32) {
		row := inner[y*iw+x:]
		for i := range len(index) / 3 {
			row[i] = (index[3*i] + index[3*i+1] + index[3*i+2]) / 3
		}
	})
	return spread(inner, iw, ih, ref.W, ref.H, ssimRadius, 1), nil
}

// ssimPooled is Wang's ssim.m on two gray planes of 0…255.
func ssimPooled(mem *memory, a, b []float64, w, h int) float64 {
	f := poolFactor(w, h)
	a, _, _ = pool(mem, a, w, h, f, symmetricBorder)
	b, w, h = pool(mem, b, w, h, f, symmetricBorder)
	return ssimMean(mem, a, b, w, h)
}

// moments are one row of the filtered sum s = x+y and difference d = x−y and of
// their squares.
//
// From them come μx·μy, μx²+μy², σxy and σx²+σy², all that SSIM needs, so that four
// filtered maps do instead of five.
type moments struct{ s, d, ss, dd []float64 }

// sweepMoments filters the moments of two planes.
func sweepMoments(mem *memory, a, b []float64, w, h int, window []float64, emit func(y int, m moments)) {
	sweep(mem, 4, w, h, window, func(y int, in [][]float64) {
		p, q := a[y*w:(y+1)*w], b[y*w:(y+1)*w]
		q = q[:len(p)]
		s, d, ss, dd := in[0][:len(p)], in[1][:len(p)], in[2][:len(p)], in[3][:len(p)]
		for i, x := range p {
			u, v := x+q[i], x-q[i]
			s[i], d[i] = u, v
			ss[i], dd[i] = u*u, v*v
		}
	}, func(y int, out [][]float64) { emit(y, moments{out[0], out[1], out[2], out[3]}) })
}

// ssimMean is the mean index of two planes.
func ssimMean(mem *memory, a, b []float64, w, h int) float64 {
	total := 0.0
	sweepMoments(mem, a, b, w, h, ssimWindow64, func(_ int, m moments) {
		s, d, ss, dd := m.s, m.d[:len(m.s)], m.ss[:len(m.s)], m.dd[:len(m.s)]
		for i, u := range s {
			v := d[i]
			varS, varD := ss[i]-u*u, dd[i]-v*v
			mu, nu := u*u, v*v
			num := ((mu-nu)/2 + ssimC1) * ((varS-varD)/2 + ssimC2)
			den := ((mu+nu)/2 + ssimC1) * ((varS+varD)/2 + ssimC2)
			total += num / den
		}
	})
	return total / float64((w-2*ssimRadius)*(h-2*ssimRadius))
}

// halve averages 2×2 pixels of a plane in place, as plane32.halved does.
func halve(p []float32, w, h int) (ow, oh int) {
	out := plane32{p, w, h, 1}.halved()
	return out.w, out.h
}

// windowSums are sums over a column or a window of both images.
type windowSums struct{ a, b, sq, ab int32 }

// ssimOfUniformWindows keeps integer sums of columns and windows, which are exact,
// so that a window of any size costs four additions and four subtractions a map.
func ssimOfUniformWindows(ref, got pix.Image, mem *memory) float64 {
	const (
		n  = uniformSide * uniformSide
		c1 = ssimC1 * n * n       // of means in n-ths
		c2 = ssimC2 * n * (n - 1) // of sample variances in n·(n−1)-ths
	)
	w, h := ref.W, ref.H
	columns := mem.windows.take(3 * w)
	clear(columns)
	add := func(y int, sign int32) {
		p, q := ref.Row(y), got.Row(y)
		q, cols := q[:len(p)], columns[:len(p)]
		for i := range p {
			a, b := int32(p[i]), int32(q[i])
			c := &cols[i]
			c.a, c.b, c.sq, c.ab = c.a+sign*a, c.b+sign*b, c.sq+sign*(a*a+b*b), c.ab+sign*a*b
		}
	}
	total := 0.0
	for y := range h {
		add(y, 1)
		if y < uniformSide-1 {
			continue
		}
		for c := range 3 {
			var s windowSums
			row := 0.0
			for x := range w {
				k := &columns[3*x+c]
				s.a, s.b, s.sq, s.ab = s.a+k.a, s.b+k.b, s.sq+k.sq, s.ab+k.ab
				if x < uniformSide-1 {
					continue
				}
				ab, sq := float64(int64(s.a)*int64(s.b)), float64(int64(s.a)*int64(s.a)+int64(s.b)*int64(s.b))
				num := (2*ab + c1) * (2*(n*float64(s.ab)-ab) + c2)
				den := (sq + c1) * (n*float64(s.sq) - sq + c2)
				row += num / den
				k = &columns[3*(x-uniformSide+1)+c]
				s.a, s.b, s.sq, s.ab = s.a-k.a, s.b-k.b, s.sq-k.sq, s.ab-k.ab
			}
			total += row
		}
		add(y-uniformSide+1, -1)
	}
	return total / float64(3*(w-uniformSide+1)*(h-uniformSide+1))
}
