package quant

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"gonum.org/v1/gonum/mat"

	"github.com/vtbench/vtbench/pix"
)

// A Transform is a Karhunen–Loève transform of patches: a patch of Patch×Patch
// RGB pixels less the mean patch, projected on the Dim directions in which the
// patches it was fitted on vary most. No other linear code of Dim numbers has a
// smaller squared error on those patches.
type Transform struct {
	Patch, Dim int
	mean       []float32 // 3·Patch², in the order of the patch's pixels
	basis      []float32 // Dim rows of 3·Patch²
	basisT     []float32 // its transpose
	// quantiles are Dim rows of the latents' quantiles over the patches fitted on:
	// what a scalar quantizer needs to know. Empty where the artefact has none.
	quantiles []float32
	// sample are latents of patches fitted on, rows of sampleDim: what a rule needs
	// that looks at several latents of a patch. Empty where the artefact has none.
	sample    []float32
	sampleDim int
	explained float64 // part of the variance that the directions hold
	digest    string
}

// quantileCount is how many quantiles of a latent are kept, at (i+½)/n.
const quantileCount = 128

// Of sampleRows patches the first sampleDims latents are kept.
const (
	sampleRows = 2048
	sampleDims = 64
)

// Sample returns latents of patches that the transform was fitted on, rows of the
// first dim latents.
func (t *Transform) Sample(dim int) ([]float32, error) {
	switch {
	case len(t.sample) == 0:
		return nil, errors.New("the transform has no sample of its latents: fit it again")
	case dim < 1 || dim > t.sampleDim:
		return nil, fmt.Errorf("dim=%d: the transform has a sample of the first %d latents: dim=%d is the most", dim, t.sampleDim, t.sampleDim)
	}
	return firstColumns(t.sample, t.sampleDim, dim), nil
}

// synthetic draws latents from what is known of their statistics alone: each from its
// quantiles, independent of the others, since their covariance is diagonal (what ZeroQ,
// arXiv:2001.00281, and Genie, arXiv:2212.04780, get by optimising images until a
// network's statistics are met).
func (t *Transform) synthetic() ([]float32, error) {
	if len(t.quantiles) == 0 {
		return nil, errors.New("the transform has no quantiles of its latents: fit it again")
	}
	rng := rand.New(rand.NewPCG(SourceSeed, 0x7a65726f71))
	out := make([]float32, 0, sampleRows*t.Dim)
	for range sampleRows {
		for d := range t.Dim {
			out = append(out, t.draw(rng, d))
		}
	}
	return out, nil
}

// draw is a number with the quantiles of latent d: between them in proportion; beyond the
// outermost there is nothing to go by.
func (t *Transform) draw(rng *rand.Rand, d int) float32 {
	at := min(max(rng.Float64()*quantileCount-.5, 0), quantileCount-1)
	i := min(int(at), quantileCount-2)
	q := t.quantiles[d*quantileCount+i:][:2]
	return q[0] + float32(at-float64(i))*(q[1]-q[0])
}

// firstColumns cuts rows of stride numbers to their first dim.
func firstColumns(x []float32, stride, dim int) []float32 {
	out := make([]float32, 0, len(x)/stride*dim)
	for i := 0; i < len(x); i += stride {
		out = append(out, x[i:][:dim]...)
	}
	return out
}

// Size is the number of samples in a patch, 3·Patch².
func (t *Transform) Size() int { return 3 * t.Patch * t.Patch }

// Grid is the number of patches that cover a w by h image. Patches at the right
// and the lower edge are filled up by repeating the last pixel.
func (t *Transform) Grid(w, h int) (gw, gh int) {
	return (w + t.Patch - 1) / t.Patch, (h + t.Patch - 1) / t.Patch
}

// Digest identifies the artefact that the transform was read from.
func (t *Transform) Digest() string { return t.digest }

// ReadTransform takes a transform from an artefact and keeps its first dim
// directions; 0 keeps all.
func ReadTransform(a *Artefact, dim int) (*Transform, error) {
	have := a.Rows("basis")
	if dim == 0 {
		dim = have
	}
	if dim < 0 || dim > have {
		return nil, fmt.Errorf("the fitted transform of patch %d has %d directions, not %d", a.Patch, have, dim)
	}
	t := &Transform{Patch: a.Patch, Dim: dim, digest: a.Digest()}
	var err error
	if t.mean, err = a.Tensor("mean", t.Size()); err != nil {
		return nil, err
	}
	if t.basis, err = a.Tensor("basis", have, t.Size()); err != nil {
		return nil, err
	}
	t.basis = t.basis[:dim*t.Size()]
	t.transpose()
	if a.Has("quantiles") {
		q, err := a.Tensor("quantiles", have, quantileCount)
		if err != nil {
			return nil, err
		}
		t.quantiles = q[:dim*quantileCount]
	}
	for _, x := range a.Tensors {
		if x.Name == "sample" && len(x.Shape) == 2 {
			t.sampleDim = min(dim, x.Shape[1])
			t.sample = firstColumns(x.Data, x.Shape[1], t.sampleDim)
		}
	}
	return t, nil
}

func (t *Transform) transpose() {
	n := t.Size()
	t.basisT = make([]float32, len(t.basis))
	for i := range t.Dim {
		for j := range n {
			t.basisT[j*t.Dim+i] = t.basis[i*n+j]
		}
	}
}

// Artefact is the transform as a file.
func (t *Transform) Artefact() *Artefact {
	a := &Artefact{Header: Header{Rule: "pca", Patch: t.Patch, Dim: t.Dim, Tensors: t.tensors(t.Dim)}}
	if t.explained > 0 {
		a.Fit = map[string]string{"explained": fmt.Sprintf("%.6f", t.explained)}
	}
	return a
}

// tensors are those of the first dim directions.
func (t *Transform) tensors(dim int) []Tensor {
	out := []Tensor{
		{Name: "mean", Type: "f32", Shape: []int{t.Size()}, Data: t.mean},
		{Name: "basis", Type: "f16", Shape: []int{dim, t.Size()}, Data: t.basis[:dim*t.Size()]},
	}
	if len(t.quantiles) > 0 {
		out = append(out, Tensor{Name: "quantiles", Type: "f16", Shape: []int{dim, quantileCount}, Data: t.quantiles[:dim*quantileCount]})
	}
	if len(t.sample) > 0 {
		n := min(dim, t.sampleDim)
		x := firstColumns(t.sample, t.sampleDim, n)
		out = append(out, Tensor{Name: "sample", Type: "f16", Shape: []int{len(x) / n, n}, Data: x})
	}
	return out
}

// Forward returns the latents of an image, Dim numbers a patch, patches row by
// row.
//
// Floor: 3·Patch²·Dim multiply-adds a patch.
func (t *Transform) Forward(m pix.Image) []float32 {
	gw, gh := t.Grid(m.W, m.H)
	out := make([]float32, gw*gh*t.Dim)
	patches := make([]float32, gw*t.Size())
	for gy := range gh {
		t.gather(patches, m, gy)
		multiply(out[gy*gw*t.Dim:], patches, t.basisT, gw, t.Dim, t.Size())
	}
	return out
}

// gather writes the patches of grid row gy, less the mean.
func (t *Transform) gather(dst []float32, m pix.Image, gy int) {
	p, n := t.Patch, t.Size()
	gw, _ := t.Grid(m.W, m.H)
	whole := m.W / p // patches that need no filling up
	for py := range p {
		row := m.Row(min(gy*p+py, m.H-1))
		mean := t.mean[3*p*py:][:3*p]
		for gx := range whole {
			from, to := row[3*p*gx:][:3*p], dst[gx*n+3*p*py:][:3*p]
			for i, v := range from {
				to[i] = float32(v) - mean[i]
			}
		}
		for gx := whole; gx < gw; gx++ {
			to := dst[gx*n+3*p*py:][:3*p]
			for i := range to {
				x := min(gx*p+i/3, m.W-1)
				to[i] = float32(row[3*x+i%3]) - mean[i]
			}
		}
	}
}

// Inverse returns the w by h image of latents: rounded to nearest, clamped.
//
// Floor: 3·Patch²·Dim multiply-adds a patch.
func (t *Transform) Inverse(latents []float32, w, h int) pix.Image {
	gw, gh := t.Grid(w, h)
	m := pix.New(w, h)
	patches := make([]uint8, gw*t.Size())
	work := make([]float32, gw*t.Size())
	for gy := range gh {
		t.patches(patches, work, latents[gy*gw*t.Dim:][:gw*t.Dim])
		for gx := range gw {
			t.place(m, patches[gx*t.Size():][:t.Size()], gx, gy)
		}
	}
	return m
}

// patches writes the pixels of consecutive latents.
func (t *Transform) patches(dst []uint8, work, latents []float32) {
	n, size := len(latents)/t.Dim, t.Size()
	multiply(work, latents, t.basis, n, size, t.Dim)
	for i := range n {
		row, to := work[i*size:][:size], dst[i*size:][:size]
		for j, mean := range t.mean {
			to[j] = uint8(min(max(row[j]+mean, 0), 255) + .5)
		}
	}
}

// place copies one patch into an image; what lies outside is cut off.
func (t *Transform) place(m pix.Image, patch []uint8, gx, gy int) {
	p := t.Patch
	width := 3 * min(p, m.W-gx*p)
	for py := range min(p, m.H-gy*p) {
		copy(m.Pix[3*(m.W*(gy*p+py)+gx*p):][:width], patch[3*p*py:])
	}
}

// Patches cuts an image into all its whole patches, as raw samples for
// [FitTransform], beginning at pixel x0, y0.
func Patches(m pix.Image, patch, x0, y0 int) [][]uint8 {
	var out [][]uint8
	for y := y0; y+patch <= m.H; y += patch {
		for x := x0; x+patch <= m.W; x += patch {
			p := make([]uint8, 0, 3*patch*patch)
			for r := range patch {
				p = append(p, m.Row(y + r)[3*x:][:3*patch]...)
			}
			out = append(out, p)
		}
	}
	return out
}

// FitTransform finds the principal directions of patches: mean and leading
// eigenvectors of the covariance, computed in float64. Each direction's sign is
// fixed by making its largest component positive, so that a fit is repeatable.
func FitTransform(patches [][]uint8, patch, dim int) (*Transform, error) {
	n := 3 * patch * patch
	if dim < 1 || dim > n {
		return nil, fmt.Errorf("fitting a transform: %d directions of patches of %d samples", dim, n)
	}
	if len(patches) < 2 {
		return nil, errors.New("fitting a transform: fewer than two patches")
	}
	mean := make([]float64, n)
	for _, p := range patches {
		if len(p) != n {
			return nil, fmt.Errorf("fitting a transform: a patch has %d samples, want %d", len(p), n)
		}
		for i, v := range p {
			mean[i] += float64(v)
		}
	}
	for i := range mean {
		mean[i] /= float64(len(patches))
	}
	cov := newCovariance(n)
	row := make([]float64, n)
	for _, p := range patches {
		for j, v := range p {
			row[j] = float64(v) - mean[j]
		}
		cov.add(row)
	}
	t := &Transform{Patch: patch, Dim: dim, mean: make([]float32, n)}
	var err error
	if t.basis, t.explained, err = principal(cov.sum(), dim); err != nil {
		return nil, err
	}
	for i, v := range mean {
		t.mean[i] = float32(v)
	}
	t.transpose()
	latents := t.Project(patches, dim)
	t.quantiles = quantilesOf(latents, dim)
	// Evenly over what was given, which comes image by image and kind by kind.
	t.sampleDim = min(dim, sampleDims)
	rows := min(len(patches), sampleRows)
	for i := range rows {
		t.sample = append(t.sample, latents[i*len(patches)/rows*dim:][:t.sampleDim]...)
	}
	return t, nil
}

// principal returns the dim leading eigenvectors of a covariance, as rows, and the part
// of the variance that they hold.
func principal(cov *mat.SymDense, dim int) (basis []float32, explained float64, err error) {
	n, _ := cov.Dims()
	var eig mat.EigenSym
	if !eig.Factorize(cov, true) {
		return nil, 0, errors.New("fitting a transform: the covariance has no eigenvalues; are the patches all equal?")
	}
	var vectors mat.Dense
	eig.VectorsTo(&vectors) // columns, eigenvalues ascending
	basis = make([]float32, dim*n)
	for d := range dim {
		col := n - 1 - d
		peak := 0.0
		for i := range n {
			if v := vectors.At(i, col); math.Abs(v) > math.Abs(peak) {
				peak = v
			}
		}
		for i := range n {
			basis[d*n+i] = float32(math.Copysign(1, peak) * vectors.At(i, col))
		}
	}
	values, kept := eig.Values(nil), 0.0
	for _, v := range values[n-dim:] {
		kept += v
	}
	return basis, kept / mat.Sum(mat.NewVecDense(n, values)), nil
}

// quantilesOf is the table of quantiles of every column of x.
func quantilesOf(x []float32, dim int) []float32 {
	n := len(x) / dim
	column := make([]float32, n)
	out := make([]float32, 0, dim*quantileCount)
	for d := range dim {
		for i := range column {
			column[i] = x[i*dim+d]
		}
		slices.Sort(column)
		for i := range quantileCount {
			out = append(out, column[(2*i+1)*n/(2*quantileCount)])
		}
	}
	return out
}

// Project returns the first dim latents of raw patches.
func (t *Transform) Project(patches [][]uint8, dim int) []float32 {
	const chunk = 256
	n := t.Size()
	x, y := make([]float32, chunk*n), make([]float32, chunk*t.Dim)
	out := make([]float32, 0, len(patches)*dim)
	for part := range slices.Chunk(patches, chunk) {
		for i, p := range part {
			row := x[i*n:][:n]
			for j, v := range p {
				row[j] = float32(v) - t.mean[j]
			}
		}
		multiply(y, x, t.basisT, len(part), t.Dim, n)
		for i := range part {
			out = append(out, y[i*t.Dim:][:dim]...)
		}
	}
	return out
}
