package quality

import (
	"context"
	"math"
	"slices"

	"github.com/vtbench/vtbench/metrics"
	"github.com/vtbench/vtbench/pix"
)

// Of SSIM and MS-SSIM nearly all work is the same: the local moments at full size. So
// they are one metric, over RGB and over luma, and what is asked for decides what is
// computed. The work is done on interleaved channels, as pixels lie in memory, in tiles
// whose filtered rows stay in the second-level cache.

// A similarity yields SSIM, MS-SSIM or both, of the samples of two images.
type similarity struct {
	single, multi *definition // nil where not wanted
	of            func(mem *memory, ref, got pix.Image) samples
}

// kind is the entry of the registry.
func (m similarity) kind() metrics.Kind {
	return metrics.Kind{Specs: m.Specs(), Open: func(_ context.Context, cfg metrics.Config) (metrics.Metric, error) {
		wanted := m
		if !cfg.Wants(m.single.spec.ID) {
			wanted.single = nil
		}
		if !cfg.Wants(m.multi.spec.ID) {
			wanted.multi = nil
		}
		return wanted, nil
	}}
}

func (m similarity) parts() []*definition {
	return slices.DeleteFunc([]*definition{m.single, m.multi}, func(d *definition) bool { return d == nil })
}

func (m similarity) Specs() []metrics.Spec {
	var out []metrics.Spec
	for _, d := range m.parts() {
		out = append(out, d.spec)
	}
	return out
}

// Prepare never fails: an image that is too small for one costs the value of that one.
func (m similarity) Prepare(_ context.Context, ref metrics.Reference) (metrics.Scorer, error) {
	return metrics.ScorerFunc(func(_ context.Context, got pix.Image) ([]metrics.Value, error) {
		var values []metrics.Value
		fits := map[*definition]bool{}
		for _, d := range m.parts() {
			v := metrics.Value{Metric: d.spec.ID}
			if err := check(d.spec.ID, d.minSide, ref.Image, got); err != nil {
				v.Err = err.Error()
			} else {
				fits[d] = true
			}
			values = append(values, v)
		}
		if len(fits) == 0 {
			return values, nil
		}
		mem := borrow()
		defer mem.giveBack()
		index, product := similar(mem, m.of(mem, ref.Image, got), fits[m.multi])
		for i, d := range m.parts() {
			switch {
			case !fits[d]:
			case d == m.single:
				values[i].Value = index
			default:
				values[i].Value = product
			}
		}
		return values, nil
	}), nil
}

// Damage implements [metrics.Mapper].
func (m similarity) Damage(ref, got pix.Image) (values []float32, ok bool, err error) {
	if m.single == nil {
		return nil, false, nil
	}
	return adapter{m.single}.Damage(ref, got)
}

// samples are two images of w×h pixels with interleaved channels, and what of them is
// compared.
type samples struct {
	a, b           []uint8
	w, h, channels int
}

func colours(_ *memory, ref, got pix.Image) samples {
	return samples{ref.Pix, got.Pix, ref.W, ref.H, 3}
}

// lumas are the images in luma that is rounded to 8 bits.
func lumas(mem *memory, ref, got pix.Image) samples {
	n := ref.W * ref.H
	a, b := mem.bytes.take(n), mem.bytes.take(n)
	gray(a, ref)
	gray(b, got)
	return samples{a, b, ref.W, ref.H, 1}
}

// single and multi are SSIM and MS-SSIM alone.
func single(of func(mem *memory, ref, got pix.Image) samples) func(ref, got pix.Image, mem *memory) float64 {
	return func(ref, got pix.Image, mem *memory) float64 {
		index, _ := similar(mem, of(mem, ref, got), false)
		return index
	}
}

func multi(of func(mem *memory, ref, got pix.Image) samples) func(ref, got pix.Image, mem *memory) float64 {
	return func(ref, got pix.Image, mem *memory) float64 {
		_, product := similar(mem, of(mem, ref, got), true)
		return product
	}
}

// similar returns SSIM, the mean index at full size, and MS-SSIM where it is wanted, the
// product of the terms of all scales; both are means over the channels.
func similar(mem *memory, p samples, multi bool) (index, product float64) {
	full := scan(mem, p.w, p.h, p.channels, p.moments)
	index = full.index.mean(p.channels)
	if !multi {
		return index, 0
	}
	channels := scales(mem, p, full)
	for _, terms := range channels[:p.channels] {
		product += ssimProduct(terms) / float64(p.channels)
	}
	return index, product
}

// scales are the terms of MS-SSIM of every channel: the mean contrast-structure term of
// all scales but the coarsest, and the mean index of that one. full is what scan says of
// the full size.
func scales(mem *memory, p samples, full means) (terms [3][len(msSSIMWeights)]float64) {
	at, s, d := full, plane32{}, plane32{}
	for i := range terms[0] {
		switch {
		case i == 1:
			s, d = p.halved(mem)
		case i > 1:
			s, d = s.halved(), d.halved()
		}
		if i > 0 {
			at = scan(mem, s.w, s.h, p.channels, func(y, x, n int, m *[4][]float32) {
				k := (y*s.w + x) * p.channels
				copy(m[0][:n], s.v[k:])
				copy(m[1][:n], d.v[k:])
				squares(m, n)
			})
		}
		from := at.contrast
		if i == len(msSSIMWeights)-1 {
			from = at.index
		}
		for c := range p.channels {
			terms[c][i] = from[c]
		}
	}
	return terms
}

// perChannel is a value of each channel.
type perChannel [3]float64

func (v perChannel) mean(channels int) float64 {
	sum := 0.0
	for _, x := range v[:channels] {
		sum += x
	}
	return sum / float64(channels)
}

// means are the mean index and contrast-structure term of an image.
type means struct{ index, contrast perChannel }

// tile is about how many values of a row are filtered at once, and lanes how many a
// vector holds.
const (
	tile  = 576
	lanes = 8
)

// scan sums the terms of SSIM up over all positions where the window fits. fill writes n
// values of row y from column x on: sum and difference of both images, less ssimOffset
// each, and their squares.
func scan(mem *memory, w, h, channels int, fill func(y, x, n int, m *[4][]float32)) means {
	var index, contrast [24]float64
	scanRows(mem, w, h, channels, fill, func(_, _ int, l, cs []float32) {
		addUp(&index, l)
		addUp(&contrast, cs)
	})
	var m means
	n := float64((w - 2*ssimRadius) * (h - 2*ssimRadius))
	for i := range index {
		m.index[i%channels] += index[i]
		m.contrast[i%channels] += contrast[i]
	}
	for c := range channels { // once: equal images have 1, not the sum of its parts
		m.index[c] /= n
		m.contrast[c] /= n
	}
	return m
}

// scanRows gives to emit, for every position, the index of SSIM and its
// contrast-structure term, a part of a row at a time, from column x of the positions on.
func scanRows(mem *memory, w, h, channels int, fill func(y, x, n int, m *[4][]float32), emit func(y, x int, index, contrast []float32)) {
	r := ssimRadius
	ow, oh := w-2*r, h-2*r
	tiles := (ow*channels + tile - 1) / tile
	wide := (ow + tiles - 1) / tiles // columns of a tile
	high := min(strip, oh) + 2*r
	room := func(n int) int { return (n + lanes - 1) &^ (lanes - 1) }
	// Rows start at cache lines, so that no vector of the vertical pass straddles two.
	stride := (wide*channels + 15) &^ 15
	mark := mem.narrow.mark()
	defer mem.narrow.release(mark)
	var in, rows, out [4][]float32
	for m := range in {
		in[m] = mem.narrow.take((wide + 2*r) * channels)
		rows[m] = mem.narrow.take(stride * high)
		out[m] = mem.narrow.take(stride)
	}
	for x := 0; x < ow; x += wide {
		n := min(wide, ow-x) * channels
		have := 0 // rows filtered already, kept from the strip before
		for top := 0; top < oh; top += strip {
			count := min(strip, oh-top)
			for i := have; i < count+2*r; i++ {
				fill(top+i, x, n+2*r*channels, &in)
				for m := range in {
					convolve(rows[m][i*stride:][:n], in[m], channels, ssimWindow)
				}
			}
			for i := range count {
				for m := range out {
					convolve(out[m][:n], rows[m][i*stride:], stride, ssimWindow)
				}
				terms(&out, room(n))
				emit(top+i, x, out[0][:n], out[1][:n])
			}
			for m := range rows {
				copy(rows[m], rows[m][count*stride:(count+2*r)*stride])
			}
			have = 2 * r
		}
	}
}

// moments fills rows of scan from 8-bit samples.
func (p samples) moments(y, x, n int, m *[4][]float32) {
	k := (y*p.w + x) * p.channels
	byteMoments(p.a[k:k+n], p.b[k:k+n], m)
}

// byteMomentsGo is byteMoments in plain Go.
func byteMomentsGo(a, b []uint8, m *[4][]float32) {
	n := len(a)
	b, s, d, ss, dd := b[:n], m[0][:n], m[1][:n], m[2][:n], m[3][:n]
	for i, x := range a {
		u, v := float32(int32(x)+int32(b[i])-2*ssimOffset), float32(int32(x)-int32(b[i]))
		s[i], d[i], ss[i], dd[i] = u, v, u*u, v*v
	}
}

// squaresGo is squares in plain Go.
func squaresGo(m *[4][]float32, n int) {
	s, d, ss, dd := m[0][:n], m[1][:n], m[2][:n], m[3][:n]
	for i, u := range s {
		v := d[i]
		ss[i], dd[i] = u*u, v*v
	}
}

// termsGo is terms in plain Go.
func termsGo(m *[4][]float32, n int) {
	s, d, ss, dd := m[0][:n], m[1][:n], m[2][:n], m[3][:n]
	for i, u := range s {
		v := d[i]
		varS, varD := ss[i]-u*u, dd[i]-v*v
		u += 2 * ssimOffset
		mu, nu := u*u, v*v
		cs := ((varS-varD)/2 + ssimC2) / ((varS+varD)/2 + ssimC2)
		s[i], d[i] = ((mu-nu)/2+ssimC1)/((mu+nu)/2+ssimC1)*cs, cs
	}
}

// addUpGo adds row[i] to sums[i mod 24], which holds channels apart.
func addUpGo(sums *[24]float64, row []float32) {
	for len(row) > 0 {
		n := min(len(row), len(sums))
		for i, v := range row[:n] {
			sums[i] += float64(v)
		}
		row = row[n:]
	}
}

// plane32 is a plane of w×h pixels with interleaved channels.
type plane32 struct {
	v              []float32
	w, h, channels int
}

// halved averages 2×2 pixels of the sum and of the difference of both images; the last
// row or column of an odd size stands for the missing one too (imfilter 'symmetric').
// All values are exact: quarters of integers, and later 256ths.
func (p samples) halved(mem *memory) (s, d plane32) {
	ow, oh, c := (p.w+1)/2, (p.h+1)/2, p.channels
	s = plane32{mem.narrow.take(ow * oh * c), ow, oh, c}
	d = plane32{mem.narrow.take(ow * oh * c), ow, oh, c}
	var rows [2][4][]float32
	for i := range rows {
		for m := range rows[i] {
			rows[i][m] = mem.narrow.take(p.w * c)
		}
	}
	for y := range oh {
		p.moments(2*y, 0, p.w*c, &rows[0])
		p.moments(min(2*y+1, p.h-1), 0, p.w*c, &rows[1])
		halveRow(s.v[y*ow*c:][:ow*c], rows[0][0], rows[1][0], c)
		halveRow(d.v[y*ow*c:][:ow*c], rows[0][1], rows[1][1], c)
	}
	return s, d
}

// halved averages 2×2 pixels in place.
func (p plane32) halved() plane32 {
	c, n := p.channels, p.w*p.channels
	out := plane32{p.v, (p.w + 1) / 2, (p.h + 1) / 2, c}
	for y := range out.h {
		halveRow(out.v[y*out.w*c:][:out.w*c], p.v[2*y*n:][:n], p.v[min(2*y+1, p.h-1)*n:][:n], c)
	}
	return out
}

// halveRow averages 2×2 pixels of c interleaved channels, 1 or 3, of two rows; dst may be
// where top begins, or before.
func halveRow(dst, top, bottom []float32, c int) {
	bottom = bottom[:len(top)]
	whole := len(top) / (2 * c)
	if c == 1 {
		for x := range whole {
			dst[x] = (top[2*x] + top[2*x+1] + bottom[2*x] + bottom[2*x+1]) / 4
		}
	} else {
		for x := range whole {
			o, t, b := dst[3*x:3*x+3:3*x+3], top[6*x:6*x+6:6*x+6], bottom[6*x:6*x+6:6*x+6]
			o[0], o[1], o[2] = (t[0]+t[3]+b[0]+b[3])/4, (t[1]+t[4]+b[1]+b[4])/4, (t[2]+t[5]+b[2]+b[5])/4
		}
	}
	for x := whole * c; x < len(dst); x++ {
		dst[x] = (top[x+whole*c] + bottom[x+whole*c]) / 2
	}
}

// ssimProduct is the product of the terms of all scales to the power of their weights.
func ssimProduct(terms [len(msSSIMWeights)]float64) float64 {
	product := 1.0
	for i, v := range terms {
		product *= math.Pow(max(v, 0), msSSIMWeights[i])
	}
	return product
}
