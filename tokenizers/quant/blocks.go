package quant

import (
	"errors"
	"fmt"
	"slices"

	"gonum.org/v1/gonum/mat"

	"github.com/vtbench/vtbench/pix"
)

// Blocks is a Karhunen–Loève transform of space–time blocks: Patch×Patch RGB pixels of
// Frames consecutive frames become the Dim numbers along which such blocks vary most.
//
// The covariance of a large block cannot be had: one of 32×32×8 has 24,576 samples. So
// it is taken in steps. Blocks of at most [maxBlockSamples] samples have a transform of
// their own; a larger one is twice a smaller one along each axis, and its transform is
// that of what the leading numbers of the parts have in common. Every step has
// orthonormal directions, so the whole has, too.
type Blocks struct {
	Patch, Frames, Dim int
	mean               []float32 // of the smallest blocks, in the order frame, row, column, channel
	steps              []blockStep
	spread             []float64 // standard deviation of every number over the blocks fitted on
	explained          float64   // part of the variance that the directions hold
	digest             string
}

// A blockStep joins parts to blocks: samples of pixels in the first step, after that the
// numbers of the blocks of the step before.
type blockStep struct {
	side, span int       // parts along width and height, and along time
	in, out    int       // numbers of a part and of what they become
	basis      []float32 // out rows of side·side·span·in
	basisT     []float32
}

func (s *blockStep) size() int { return s.side * s.side * s.span * s.in }

func (s *blockStep) transpose() {
	n := s.size()
	s.basisT = make([]float32, len(s.basis))
	for i := range s.out {
		for j := range n {
			s.basisT[j*s.out+i] = s.basis[i*n+j]
		}
	}
}

const (
	// maxBlockSamples bounds blocks whose covariance is taken at once.
	maxBlockSamples = 1024
	// partDim is how many numbers of the smallest part a larger block looks at, and
	// jointDim of a part that has parts itself.
	partDim, jointDim = 64, 128
	maxBlockFrames    = 64
)

// blockSteps says how a block is put together, from the smallest part on. Numbers are
// those of the largest transform; the last step is cut to dim.
func blockSteps(patch, frames, dim int) ([]blockStep, error) {
	if patch < 1 || frames < 1 || patch > 256 || frames > maxBlockFrames {
		return nil, fmt.Errorf("blocks of %d×%d pixels and %d frames are not possible", patch, patch, frames)
	}
	p, t := patch, frames
	var joins []blockStep
	for 3*p*p*t > maxBlockSamples {
		j := blockStep{side: 1, span: 1}
		if p > 8 && p%2 == 0 {
			j.side, p = 2, p/2
		}
		if t > 4 && t%2 == 0 {
			j.span, t = 2, t/2
		}
		if j.side*j.span == 1 {
			return nil, fmt.Errorf("blocks of %d×%d pixels and %d frames cannot be halved to %d samples: use patches of 8, 16 or 32 pixels and 4, 8 or 16 frames", patch, patch, frames, maxBlockSamples)
		}
		joins = append(joins, j)
	}
	slices.Reverse(joins)
	steps := append([]blockStep{{side: p, span: t, in: 3}}, joins...)
	for i := range steps {
		s := &steps[i]
		if i > 0 {
			s.in = steps[i-1].out
		}
		s.out = jointDim
		if i == 0 {
			s.out = partDim
		}
		s.out = min(s.out, s.size())
	}
	last := &steps[len(steps)-1]
	if dim < 1 || dim > last.size() {
		return nil, fmt.Errorf("blocks of %d×%d pixels and %d frames become 1 to %d numbers, not %d", patch, patch, frames, last.size(), dim)
	}
	last.out = dim
	return steps, nil
}

// ReadBlocks takes a transform from an artefact and keeps its first dim directions; 0
// keeps all.
func ReadBlocks(a *Artefact, dim int) (*Blocks, error) {
	if a.Frames < 1 {
		return nil, fmt.Errorf("a %q artefact of patches is not one of space–time blocks", a.Rule)
	}
	if dim > a.Dim {
		return nil, fmt.Errorf("dim=%d: blocks of %d×%d pixels and %d frames were fitted with %d directions: dim=%d is the most", dim, a.Patch, a.Patch, a.Frames, a.Dim, a.Dim)
	}
	steps, err := blockSteps(a.Patch, a.Frames, a.Dim)
	if err != nil {
		return nil, err
	}
	if dim == 0 {
		dim = a.Dim
	}
	b := &Blocks{Patch: a.Patch, Frames: a.Frames, Dim: dim, steps: steps, digest: a.Digest()}
	if b.mean, err = a.Tensor("mean", steps[0].size()); err != nil {
		return nil, err
	}
	for i := range steps {
		s := &steps[i]
		if s.basis, err = a.Tensor(basisName(i), s.out, s.size()); err != nil {
			return nil, err
		}
		if i == len(steps)-1 {
			s.out = dim
			s.basis = s.basis[:dim*s.size()]
		}
		s.transpose()
	}
	spread, err := a.Tensor("spread", a.Dim)
	if err != nil {
		return nil, err
	}
	for _, v := range spread[:dim] {
		b.spread = append(b.spread, float64(v))
	}
	return b, nil
}

func basisName(step int) string {
	if step == 0 {
		return "basis"
	}
	return tensorName(step, "basis")
}

// tensors are those that [ReadBlocks] reads.
func (b *Blocks) tensors(dim int) []Tensor {
	out := []Tensor{{Name: "mean", Type: "f32", Shape: []int{len(b.mean)}, Data: b.mean}}
	for i, s := range b.steps {
		if i == len(b.steps)-1 {
			s.out = dim
		}
		out = append(out, Tensor{Name: basisName(i), Type: "f16", Shape: []int{s.out, s.size()}, Data: s.basis[:s.out*s.size()]})
	}
	spread := make([]float32, dim)
	for d := range spread {
		spread[d] = float32(b.spread[d])
	}
	return append(out, Tensor{Name: "spread", Type: "f32", Shape: []int{dim}, Data: spread})
}

// Artefact is the transform as a file.
func (b *Blocks) Artefact() *Artefact {
	a := &Artefact{Header: b.header()}
	a.Tensors = b.tensors(b.Dim)
	if b.explained > 0 {
		a.Fit = map[string]string{"explained": fmt.Sprintf("%.6f", b.explained)}
	}
	return a
}

// Digest identifies the artefact that the transform was read from.
func (b *Blocks) Digest() string { return b.digest }

// Size is the number of samples in a block, 3·Patch²·Frames.
func (b *Blocks) Size() int { return 3 * b.Patch * b.Patch * b.Frames }

// Grid is the number of blocks that cover w by h pixels of n frames. Blocks over the
// right and the lower edge and the last frame are filled up by repeating.
func (b *Blocks) Grid(w, h, n int) (gw, gh, gt int) {
	return (w + b.Patch - 1) / b.Patch, (h + b.Patch - 1) / b.Patch, (n + b.Frames - 1) / b.Frames
}

// parts is the grid of the smallest parts of a slab of gw by gh blocks.
func (b *Blocks) parts(gw, gh int) (pw, ph, pt int) {
	pw, ph, pt = gw, gh, 1
	for _, s := range b.steps[1:] {
		pw, ph, pt = pw*s.side, ph*s.side, pt*s.span
	}
	return pw, ph, pt
}

// Forward returns the numbers of the blocks of frames of one size, Dim each; slabs of
// Frames frames one after the other, blocks row by row.
//
// Floor: 3·Dim multiply-adds a pixel and frame for small blocks; of large ones 3·64, and
// then a quarter to an eighth of that a step.
func (b *Blocks) Forward(frames []pix.Image) []float32 {
	gw, gh, gt := b.Grid(frames[0].W, frames[0].H, len(frames))
	var out []float32
	for z := range gt {
		out = append(out, b.join(b.pixels(frames, z*b.Frames, gw, gh), gw, gh)...)
	}
	return out
}

// pixels returns the numbers of the smallest parts of a slab that begins at frame from.
func (b *Blocks) pixels(frames []pix.Image, from, gw, gh int) []float32 {
	s := b.steps[0]
	pw, ph, pt := b.parts(gw, gh)
	out := make([]float32, pw*ph*pt*s.out)
	rows := make([]float32, pw*s.size())
	for z := range pt {
		for y := range ph {
			b.gather(rows, frames, from+z*s.span, y, pw)
			multiply(out[(z*ph+y)*pw*s.out:], rows, s.basisT, pw, s.out, s.size())
		}
	}
	return out
}

// gather writes the samples of a row of parts, less the mean.
func (b *Blocks) gather(dst []float32, frames []pix.Image, from, gy, pw int) {
	s := b.steps[0]
	p, n := s.side, s.size()
	inside := min(frames[0].W/p, pw) // parts that need no filling up
	for f := range s.span {
		m := frames[min(from+f, len(frames)-1)]
		for py := range p {
			row := m.Row(min(gy*p+py, m.H-1))
			at := 3 * p * (f*p + py)
			mean := b.mean[at:][:3*p]
			for gx := range inside {
				to := dst[gx*n+at:][:3*p]
				for i, v := range row[3*p*gx:][:3*p] {
					to[i] = float32(v) - mean[i]
				}
			}
			for gx := inside; gx < pw; gx++ {
				to := dst[gx*n+at:][:3*p]
				for i := range to {
					x := min(gx*p+i/3, m.W-1)
					to[i] = float32(row[3*x+i%3]) - mean[i]
				}
			}
		}
	}
}

// join goes from the numbers of the smallest parts to those of the blocks.
func (b *Blocks) join(x []float32, gw, gh int) []float32 {
	pw, ph, pt := b.parts(gw, gh)
	for i := range b.steps[1:] {
		s := &b.steps[i+1]
		pw, ph, pt = pw/s.side, ph/s.side, pt/s.span
		next := make([]float32, pw*ph*pt*s.out)
		rows := make([]float32, pw*s.size())
		for z := range pt {
			for y := range ph {
				s.each(pw, ph, y, z, func(part, at int) { copy(rows[part:][:s.in], x[at:]) })
				multiply(next[(z*ph+y)*pw*s.out:], rows, s.basisT, pw, s.out, s.size())
			}
		}
		x = next
	}
	return x
}

// each calls f for the parts of a row of pw blocks, with the place of their numbers in the
// row's vectors and in the grid of parts.
func (s *blockStep) each(pw, ph, y, z int, f func(part, at int)) {
	part := 0
	for x := range pw {
		for dz := range s.span {
			for dy := range s.side {
				for dx := range s.side {
					at := ((z*s.span+dz)*ph*s.side+y*s.side+dy)*pw*s.side + x*s.side + dx
					f(part, at*s.in)
					part += s.in
				}
			}
		}
	}
}

// Inverse returns n frames of w by h pixels: rounded to nearest, clamped.
//
// Floor: as of [Blocks.Forward].
func (b *Blocks) Inverse(x []float32, w, h, n int) []pix.Image {
	gw, gh, gt := b.Grid(w, h, n)
	out := make([]pix.Image, n)
	for i := range out {
		out[i] = pix.New(w, h)
	}
	slab := gw * gh * b.Dim
	for z := range gt {
		b.place(out, b.split(x[z*slab:][:slab], gw, gh), z*b.Frames, gw, gh)
	}
	return out
}

// split goes from the numbers of blocks back to those of their smallest parts.
func (b *Blocks) split(x []float32, gw, gh int) []float32 {
	pw, ph, pt := gw, gh, 1
	for i := len(b.steps) - 1; i > 0; i-- {
		s := &b.steps[i]
		next := make([]float32, pw*ph*pt*s.size())
		rows := make([]float32, pw*s.size())
		for z := range pt {
			for y := range ph {
				multiply(rows, x[(z*ph+y)*pw*s.out:][:pw*s.out], s.basis, pw, s.size(), s.out)
				s.each(pw, ph, y, z, func(part, at int) { copy(next[at:][:s.in], rows[part:]) })
			}
		}
		x = next
		pw, ph, pt = pw*s.side, ph*s.side, pt*s.span
	}
	return x
}

// place writes the pixels of the smallest parts of a slab; what lies outside is cut off.
func (b *Blocks) place(out []pix.Image, x []float32, from, gw, gh int) {
	s := b.steps[0]
	p, n := s.side, s.size()
	pw, ph, pt := b.parts(gw, gh)
	rows := make([]float32, pw*n)
	for z := range pt {
		for y := range ph {
			if y*p >= out[0].H || from+z*s.span >= len(out) {
				continue
			}
			multiply(rows, x[(z*ph+y)*pw*s.out:][:pw*s.out], s.basis, pw, n, s.out)
			for f := range min(s.span, len(out)-from-z*s.span) {
				m := out[from+z*s.span+f]
				for py := range min(p, m.H-y*p) {
					at := 3 * p * (f*p + py)
					mean, to := b.mean[at:][:3*p], m.Row(y*p+py)
					for gx := 0; gx*p < m.W; gx++ {
						to := to[3*p*gx:]
						to = to[:min(len(to), 3*p)]
						for i, v := range rows[gx*n+at:][:len(to)] {
							to[i] = uint8(min(max(v+mean[i], 0), 255) + .5)
						}
					}
				}
			}
		}
	}
}

// FitBlocks finds the principal directions of blocks, each 3·patch²·frames samples in the
// order frame, row, column, channel. Larger blocks are fitted step by step, each step to
// what the rounded directions of the one before say of the same blocks.
func FitBlocks(blocks [][]uint8, patch, frames, dim int) (*Blocks, error) {
	steps, err := blockSteps(patch, frames, dim)
	if err != nil {
		return nil, fmt.Errorf("fitting a transform: %w", err)
	}
	b := &Blocks{Patch: patch, Frames: frames, Dim: dim, steps: steps, explained: 1}
	if len(blocks) < 2 {
		return nil, errors.New("fitting a transform: fewer than two blocks")
	}
	for _, x := range blocks {
		if len(x) != b.Size() {
			return nil, fmt.Errorf("fitting a transform: a block has %d samples, want %d", len(x), b.Size())
		}
	}
	if err := b.fitPixels(blocks); err != nil {
		return nil, err
	}
	for i := range b.steps[1:] {
		if err := b.fitJoin(blocks, i+1); err != nil {
			return nil, err
		}
	}
	b.spread = spreads(b.Project(blocks, dim), dim)
	return b, nil
}

// cut returns a block as frames, so that it is transformed as films are.
func (b *Blocks) cut(block []uint8) []pix.Image {
	out := make([]pix.Image, b.Frames)
	for f := range out {
		out[f] = pix.Image{W: b.Patch, H: b.Patch, Pix: block[f*3*b.Patch*b.Patch:][:3*b.Patch*b.Patch]}
	}
	return out
}

// fitPixels fits the first step to the smallest parts of all blocks.
func (b *Blocks) fitPixels(blocks [][]uint8) error {
	s := &b.steps[0]
	n := s.size()
	b.mean = make([]float32, n) // zero, while samples are gathered
	pw, ph, pt := b.parts(1, 1)
	rows := make([]float32, pw*n)
	// More parts than this add nothing to a covariance of so few numbers.
	every := max(1, len(blocks)*pw*ph*pt/(64*maxBlockSamples))
	mean, count := make([]float64, n), 0
	visit := func(f func(part []float32)) {
		k := 0
		for _, block := range blocks {
			frames := b.cut(block)
			for z := range pt {
				for y := range ph {
					if k += pw; k/every == (k-pw)/every {
						continue
					}
					b.gather(rows, frames, z*s.span, y, pw)
					for part := range slices.Chunk(rows, n) {
						f(part)
					}
				}
			}
		}
	}
	visit(func(part []float32) {
		for i, v := range part {
			mean[i] += float64(v)
		}
		count++
	})
	c := newCovariance(n)
	row := make([]float64, n)
	visit(func(part []float32) {
		for i, v := range part {
			row[i] = float64(v) - mean[i]/float64(count)
		}
		c.add(row)
	})
	for i, v := range mean {
		b.mean[i] = float32(v / float64(count))
	}
	return b.finish(s, c)
}

// fitJoin fits a later step to the blocks; those before are fitted.
func (b *Blocks) fitJoin(blocks [][]uint8, i int) error {
	s := &b.steps[i]
	before := &Blocks{Patch: b.Patch, Frames: b.Frames, mean: b.mean, steps: slices.Clone(b.steps[:i])}
	// The blocks of this step lie on this grid within the whole block.
	gw, gt := 1, 1
	for _, s := range b.steps[i+1:] {
		gw, gt = gw*s.side, gt*s.span
	}
	pw, pt := gw*s.side, gt*s.span // of its parts
	c := newCovariance(s.size())
	row := make([]float64, s.size())
	for _, block := range blocks {
		frames := b.cut(block)
		var parts []float32
		for z := range pt {
			span := b.Frames / pt
			parts = append(parts, before.join(before.pixels(frames, z*span, pw, pw), pw, pw)...)
		}
		for z := range gt {
			for y := range gw {
				s.each(gw, gw, y, z, func(part, at int) {
					at0 := part % s.size()
					for j, v := range parts[at:][:s.in] {
						row[at0+j] = float64(v)
					}
					if at0+s.in == s.size() {
						c.add(row)
					}
				})
			}
		}
	}
	return b.finish(s, c)
}

// finish sets the directions of a step, rounded as artefacts keep them.
func (b *Blocks) finish(s *blockStep, c *covariance) error {
	basis, kept, err := principal(c.sum(), s.out)
	if err != nil {
		return err
	}
	s.basis = basis
	b.explained *= kept // of what the step before kept
	roundHalf(s.basis)
	s.transpose()
	return nil
}

// Project returns the first dim numbers of raw blocks.
func (b *Blocks) Project(blocks [][]uint8, dim int) []float32 {
	out := make([]float32, 0, len(blocks)*dim)
	for _, block := range blocks {
		out = append(out, b.Forward(b.cut(block))[:dim]...)
	}
	return out
}

// A covariance gathers the sum of products of vectors.
type covariance struct {
	sums  *mat.SymDense
	chunk *mat.Dense
	rows  int
}

func newCovariance(n int) *covariance {
	return &covariance{sums: mat.NewSymDense(n, nil), chunk: mat.NewDense(2048, n, nil)}
}

func (c *covariance) add(x []float64) {
	copy(c.chunk.RawRowView(c.rows), x)
	if c.rows++; c.rows == c.chunk.RawMatrix().Rows {
		c.sum()
	}
}

func (c *covariance) sum() *mat.SymDense {
	if c.rows > 0 {
		n, _ := c.sums.Dims()
		c.sums.SymRankK(c.sums, 1, c.chunk.Slice(0, c.rows, 0, n).T())
		c.rows = 0
	}
	return c.sums
}
