// Package conformal bounds the error of reconstructions block by block, with a stated
// coverage: for a share of at least 1−α of the blocks of images like those of the
// calibration, no sample is off by more than the bound of its block.
//
// Its opinion: a bound is only worth something beside its coverage on images that it
// was not made from, and beside its width, since a bound of 255 covers everything. It
// is split conformal prediction (Vovk et al. 2005; Lei et al. 2018), with the blocks
// sorted into three classes by the variance of the reconstruction, which a decoder
// knows. Blocks of one image are not independent, so that the coverage holds on
// average over images, not for each. The blocks and classes follow "block-based
// conformal uncertainty" for bathymetry, of which only the abstract was read.
//
//	b, err := conformal.Calibrate(originals, reconstructions, .1)
//	c, err := b.Cover(original, reconstruction)
package conformal

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/vtbench/vtbench/pix"
)

// Side is that of a block in pixels; blocks at the edges are smaller.
const Side = 8

// classes is how many classes of variance there are.
const classes = 3

// Bounds are fitted to calibration images.
type Bounds struct {
	Alpha float64 // share of blocks that may be off by more
	// Edges part the variances of reconstructed blocks into classes.
	Edges [classes - 1]float64
	// Bound is the largest error of a sample, in grey values, by class.
	Bound [classes]float64
	// Blocks is the number of calibration blocks by class.
	Blocks [classes]int
}

// Coverage is what bounds are worth on an image, or on several.
type Coverage struct {
	Blocks, Covered int
	Width           float64 // sum of the bounds over the blocks
}

// Rate is the share of blocks within their bounds; NaN without blocks.
func (c Coverage) Rate() float64 { return float64(c.Covered) / float64(c.Blocks) }

// MeanWidth is the mean bound in grey values; NaN without blocks.
func (c Coverage) MeanWidth() float64 { return c.Width / float64(c.Blocks) }

// Add sums up.
func (c Coverage) Add(o Coverage) Coverage {
	return Coverage{c.Blocks + o.Blocks, c.Covered + o.Covered, c.Width + o.Width}
}

// block is what is known of one.
type block struct{ variance, worst float64 }

// blocksOf measures every block of a pair.
func blocksOf(ref, got pix.Image) ([]block, error) {
	if err := errors.Join(ref.Validate(), got.Validate()); err != nil {
		return nil, err
	}
	if ref.W != got.W || ref.H != got.H {
		return nil, fmt.Errorf("a reconstruction of %d×%d for an image of %d×%d", got.W, got.H, ref.W, ref.H)
	}
	var out []block
	for y0 := 0; y0 < ref.H; y0 += Side {
		for x0 := 0; x0 < ref.W; x0 += Side {
			var b block
			var sum, squares, n float64
			for y := y0; y < min(y0+Side, ref.H); y++ {
				r, g := ref.Row(y), got.Row(y)
				for i := 3 * x0; i < 3*min(x0+Side, ref.W); i++ {
					v := float64(g[i])
					sum += v
					squares += v * v
					n++
					b.worst = max(b.worst, math.Abs(float64(r[i])-v))
				}
			}
			b.variance = squares/n - sum*sum/(n*n)
			out = append(out, b)
		}
	}
	return out, nil
}

// class is that of a variance.
func (b *Bounds) class(variance float64) int {
	c := 0
	for _, e := range b.Edges {
		if variance > e {
			c++
		}
	}
	return c
}

// Calibrate finds the bounds of images and what became of them: by class the
// ⌈(n+1)(1−α)⌉-th smallest of the n errors. It fails where a class has too few blocks
// for that.
func Calibrate(refs, got []pix.Image, alpha float64) (Bounds, error) {
	if !(alpha > 0 && alpha < 1) {
		return Bounds{}, fmt.Errorf("alpha=%g: want a share between 0 and 1", alpha)
	}
	if len(refs) != len(got) || len(refs) == 0 {
		return Bounds{}, fmt.Errorf("calibrating bounds: %d images and %d reconstructions", len(refs), len(got))
	}
	var all []block
	for i := range refs {
		b, err := blocksOf(refs[i], got[i])
		if err != nil {
			return Bounds{}, fmt.Errorf("calibrating bounds: image %d: %w", i, err)
		}
		all = append(all, b...)
	}
	variances := make([]float64, len(all))
	for i, b := range all {
		variances[i] = b.variance
	}
	slices.Sort(variances)
	out := Bounds{Alpha: alpha}
	for e := range out.Edges {
		out.Edges[e] = variances[(e+1)*len(variances)/classes]
	}
	var errs [classes][]float64
	for _, b := range all {
		c := out.class(b.variance)
		errs[c] = append(errs[c], b.worst)
	}
	for c, v := range errs {
		n := len(v)
		rank := int(math.Ceil(float64(n+1) * (1 - alpha)))
		if rank > n {
			least := int(math.Ceil(1/alpha)) - 1
			return Bounds{}, fmt.Errorf("calibrating bounds: %d blocks of class %d are too few for alpha=%g: %d are the least", n, c, alpha, least)
		}
		slices.Sort(v)
		out.Bound[c], out.Blocks[c] = v[rank-1], n
	}
	return out, nil
}

// Cover says how many blocks of an image are within their bounds.
func (b Bounds) Cover(ref, got pix.Image) (Coverage, error) {
	blocks, err := blocksOf(ref, got)
	if err != nil {
		return Coverage{}, fmt.Errorf("covering: %w", err)
	}
	var out Coverage
	for _, x := range blocks {
		bound := b.Bound[b.class(x.variance)]
		out.Blocks++
		out.Width += bound
		if x.worst <= bound {
			out.Covered++
		}
	}
	return out, nil
}
