package quant

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/x448/float16"
	"gonum.org/v1/gonum/mat"
)

// fitVQ fits the codebooks of a layout one after the other, each to what those
// before leave over.
func fitVQ(f *fitting) ([]Tensor, []Layout, map[string]string, error) {
	span := slices.Max(numbers(f.opts, "scales"))
	x, err := f.latents(span, nil)
	if err != nil {
		return nil, nil, nil, err
	}
	plan, err := layouts(f.opts, spreads(x, f.dim))
	if err != nil {
		return nil, nil, nil, err
	}
	var tensors []Tensor
	notes := map[string]string{}
	left := x // windows of span×span patches, one after the other
	windows := len(x) / (f.dim * span * span)
	for i, l := range plan {
		dims := l.Dims
		if dims == nil {
			dims = upTo(f.dim)
		}
		probe := stage{pool: l.Pool, dims: dims, normalise: l.Normalise}
		cells := probe.gather(left, f.dim, windows, span)
		f.progress("codebook %d of %d: %d codewords from %d vectors", i+1, len(plan), l.Size, len(cells)/len(dims))
		c := codebookFit{fitting: f, Layout: l, n: len(dims), seed: f.seed + uint64(i)}
		if err := c.run(cells); err != nil {
			return nil, nil, nil, fmt.Errorf("codebook %d: %w", i, err)
		}
		plan[i] = c.Layout
		tensors = append(tensors, c.tensors(i)...)
		s, err := makeStage(l, dims, len(dims), c.words, c.out, c.bits)
		if err != nil {
			return nil, nil, nil, fmt.Errorf("codebook %d: %w", i, err)
		}
		if i == 0 && len(plan) > 1 {
			left = slices.Clone(x)
		}
		mse := s.takeOff(left, cells, c.ids, f.dim, windows, span, len(plan) > 1)
		notes[fmt.Sprintf("mse%d", i+1)] = fmt.Sprintf("%.4g", mse)
	}
	return tensors, plan, notes, nil
}

// spreads are the standard deviations of the columns of x, around zero.
func spreads(x []float32, dim int) []float64 {
	out := make([]float64, dim)
	for i, v := range x {
		out[i%dim] += float64(v) * float64(v)
	}
	for d := range out {
		out[d] = math.Sqrt(out[d] / float64(max(1, len(x)/dim)))
	}
	return out
}

// gather lists what the stage codes of windows of span×span patches, as it is, not
// yet normalised.
func (s *stage) gather(x []float32, dim, windows, span int) []float32 {
	per := dim * span * span
	side := span / s.pool
	out := make([]float32, 0, windows*side*side*len(s.dims))
	mean := make([]float32, dim)
	for w := range windows {
		for cell := range side * side {
			s.mean(mean, x[w*per:][:per], dim, cell%side, cell/side, span, span)
			for _, d := range s.dims {
				out = append(out, mean[d])
			}
		}
	}
	return out
}

// takeOff assigns cells, subtracts what their ids stand for where anything comes
// after, and returns the mean squared error of the stage's own latents.
func (s *stage) takeOff(x, cells []float32, guesses []int32, dim, windows, span int, more bool) float64 {
	n := len(s.dims)
	count := len(cells) / n
	compared := make([]float32, count*s.book.dim)
	local := stage{dims: upTo(n), normalise: s.normalise, penalty: s.penalty}
	for i := range count {
		local.pick(compared[i*s.book.dim:][:s.book.dim], cells[i*n:][:n])
	}
	ids, _ := assign(s.book, compared, guesses)
	var sum float64
	for i, id := range ids {
		for j, v := range s.word(id) {
			d := float64(cells[i*n+j]) - float64(v)
			sum += d * d
		}
	}
	if more {
		side := span / s.pool
		per, cell := dim*span*span, side*side
		for w := range windows {
			s.add(x[w*per:][:per], ids[w*cell:][:cell], dim, span, span, -1)
		}
	}
	return sum / float64(count)
}

// A codebookFit finds the codewords of one layout.
type codebookFit struct {
	*fitting
	Layout
	n          int // numbers a codeword has
	seed       uint64
	words, out []float32
	bits       []float64
	basis      []float32 // Size rows of Rank, where it is stored
	linear     []float32 // Rank rows of n
	ids        []int32   // of the codeword of every vector, as far as is known
}

// tensors are what the artefact keeps. Codewords are rounded to half precision
// there, so the fit goes on with the rounded ones.
func (c *codebookFit) tensors(i int) []Tensor {
	var out []Tensor
	keep := func(what string, data []float32, shape ...int) {
		out = append(out, Tensor{Name: tensorName(i, what), Type: "f16", Shape: shape, Data: data})
	}
	if c.Basis == "" {
		keep("words", c.words, c.Size, c.n)
	} else {
		out = append(out, Tensor{Name: tensorName(i, "map"), Type: "f32", Shape: []int{c.Rank, c.n}, Data: c.linear})
		if c.Basis != "gaussian" {
			keep("basis", c.basis, c.Size, c.Rank)
		}
	}
	if c.out != nil {
		keep("out", c.out, c.Size, c.n)
	}
	bits := make([]float32, len(c.bits))
	for id, b := range c.bits {
		bits[id] = half(float32(b))
		c.bits[id] = float64(bits[id])
	}
	keep("bits", bits, c.Size)
	return out
}

// half rounds to half precision, as artefacts keep most numbers.
func half(v float32) float32 { return float16.Fromfloat32(v).Float32() }

func roundHalf(x []float32) {
	for i, v := range x {
		x[i] = half(v)
	}
}

func (c *codebookFit) run(cells []float32) error {
	if n := len(cells) / c.n; c.Size > n {
		return fmt.Errorf("k=%d codewords from %d vectors: k=%d is the most", c.Size, n, n)
	}
	var err error
	switch {
	case c.Basis != "":
		err = c.fitLinear(cells)
	case c.opts["fit"] == "ema":
		c.words = fitEMA(cells, c.n, c.Size, c.opts.Float("revive"), c.seed)
	case c.opts["fit"] == "paired":
		return c.fitPaired(cells)
	case c.Normalise:
		return c.fitSpherical(cells)
	case c.Lambda > 0:
		return c.fitECVQ(cells)
	default:
		c.words, _, err = KMeans(cells, c.n, c.Size, iterations, c.seed)
	}
	if err != nil {
		return err
	}
	if c.Basis == "" {
		roundHalf(c.words)
	}
	return c.count(cells)
}

// count finds how often each codeword is used.
func (c *codebookFit) count(cells []float32) error {
	book, err := NewCodebook(c.words, c.n, c.n)
	if err != nil {
		return err
	}
	c.ids, _ = assign(book, cells, c.ids)
	c.bits = bitsOf(countIDs(c.ids, c.Size))
	return nil
}

func countIDs(ids []int32, k int) []float64 {
	out := make([]float64, k)
	for _, id := range ids {
		out[id]++
	}
	return out
}

// fitECVQ is entropy-constrained vector quantization (Chou, Lookabaugh and Gray
// 1989): a vector goes to the codeword of least squared error plus lambda times
// the bits of its id; codewords and frequencies follow in turn.
func (c *codebookFit) fitECVQ(cells []float32) error {
	var err error
	if c.words, _, err = KMeans(cells, c.n, c.Size, iterations, c.seed); err != nil {
		return err
	}
	if err := c.count(cells); err != nil {
		return err
	}
	wide := make([]float32, 0, len(cells)/c.n*(c.n+1))
	for v := range slices.Chunk(cells, c.n) {
		wide = append(append(wide, v...), 0)
	}
	const rounds = 20
	last := math.Inf(1)
	for range rounds {
		s, err := makeStage(c.Layout, upTo(c.n), c.n, c.words, nil, c.bits)
		if err != nil {
			return err
		}
		ids, cost := assign(s.book, wide, nil)
		var total float64
		for _, v := range cost {
			total += float64(v)
		}
		counts := countIDs(ids, c.Size)
		c.bits = bitsOf(counts)
		means(c.words, cells, ids, counts, c.n)
		if total >= last*(1-1e-4) {
			break
		}
		last = total
	}
	roundHalf(c.words)
	return nil
}

// means moves every codeword that is used to the mean of what falls to it.
func means(words, vectors []float32, ids []int32, counts []float64, dim int) {
	sums := make([]float64, len(words))
	for i, id := range ids {
		to := sums[int(id)*dim:][:dim]
		for j, v := range vectors[i*dim:][:dim] {
			to[j] += float64(v)
		}
	}
	for id, n := range counts {
		if n == 0 {
			continue
		}
		for j := range dim {
			words[id*dim+j] = float32(sums[id*dim+j] / n)
		}
	}
}

// fitEMA moves codewords by exponential moving averages over batches, as VQ-VAE
// trains (van den Oord et al. 2017, appendix A.1; constants and initial values of
// VQGAN-LC's code): counts n ← γn + (1−γ)·hist, sums s ← γs + (1−γ)Σx, a codeword
// is s over the smoothed n. With revive, a codeword whose n is below it becomes a
// vector of the batch.
func fitEMA(x []float32, dim, k int, revive float64, seed uint64) []float32 {
	const (
		gamma, eps = .99, 1e-5
		batch      = 2048
		epochs     = 2
	)
	n := len(x) / dim
	rng := rand.New(rand.NewPCG(seed, 0x656d61))
	spread := spreads(x, dim)
	words := make([]float32, k*dim)
	for i := range words {
		words[i] = float32((2*rng.Float64() - 1) / float64(k) * spread[i%dim])
	}
	counts, sums := make([]float64, k), make([]float64, k*dim)
	for i := range counts {
		counts[i] = 1
		for j := range dim {
			sums[i*dim+j] = float64(words[i*dim+j])
		}
	}
	part := make([]float32, 0, batch*dim)
	for range epochs {
		order := rng.Perm(n)
		for start := 0; start+min(batch, n) <= n; start += batch {
			part = part[:0]
			for _, i := range order[start:][:min(batch, n)] {
				part = append(part, x[i*dim:][:dim]...)
			}
			book, err := NewCodebook(words, dim, dim)
			if err != nil {
				panic(err) // sizes were checked
			}
			ids, _ := assign(book, part, nil)
			emaStep(words, counts, sums, part, ids, dim, gamma, eps)
			if revive > 0 {
				for c := range counts {
					if counts[c] < revive {
						v := part[rng.IntN(len(part)/dim)*dim:][:dim]
						copy(words[c*dim:][:dim], v)
						counts[c] = revive
						for j, y := range v {
							sums[c*dim+j] = revive * float64(y)
						}
					}
				}
			}
		}
	}
	return words
}

// emaStep is one update by a batch.
func emaStep(words []float32, counts, sums []float64, batch []float32, ids []int32, dim int, gamma, eps float64) {
	k := len(counts)
	for i := range counts {
		counts[i] *= gamma
	}
	for i := range sums {
		sums[i] *= gamma
	}
	for i, id := range ids {
		counts[id] += 1 - gamma
		to := sums[int(id)*dim:][:dim]
		for j, v := range batch[i*dim:][:dim] {
			to[j] += (1 - gamma) * float64(v)
		}
	}
	var total float64
	for _, n := range counts {
		total += n
	}
	for c, n := range counts {
		smooth := (n + eps) / (total + float64(k)*eps) * total
		for j := range dim {
			words[c*dim+j] = float32(sums[c*dim+j] / smooth)
		}
	}
}

// fitSpherical is k-means of directions: codewords of length 1, compared by their
// angle. What an id stands for is the mean of the vectors that fall to it, since
// there is no decoder that could learn the lengths.
func (c *codebookFit) fitSpherical(cells []float32) error {
	unitary := slices.Clone(cells)
	for v := range slices.Chunk(unitary, c.n) {
		unit(v)
	}
	words, _, err := KMeans(unitary, c.n, c.Size, 1, c.seed)
	if err != nil {
		return err
	}
	var ids []int32
	for range iterations {
		for v := range slices.Chunk(words, c.n) {
			unit(v)
		}
		roundHalf(words)
		book, err := NewCodebook(words, c.n, c.n)
		if err != nil {
			return err
		}
		before := ids
		ids, _ = assign(book, unitary, ids)
		if slices.Equal(before, ids) {
			break
		}
		c.words = slices.Clone(words)
		means(words, unitary, ids, countIDs(ids, c.Size), c.n)
	}
	counts := countIDs(ids, c.Size)
	c.bits = bitsOf(counts)
	c.out = make([]float32, len(c.words))
	means(c.out, cells, ids, counts, c.n)
	roundHalf(c.out)
	return nil
}

// fitPaired finds codewords of damaged patches, and what each stands for: the mean
// of the clean ones whose damaged versions fall to it (the idea of VQD-SR, which
// learns degradations as codebooks; the pairing by conditional means is ours).
func (c *codebookFit) fitPaired(cells []float32) error {
	damaged, err := c.latents(1, damage(c.opts["degrade"]))
	if err != nil {
		return err
	}
	if len(damaged) != len(cells) {
		return errors.New("the damaged images have other patches")
	}
	if c.words, _, err = KMeans(damaged, c.n, c.Size, iterations, c.seed); err != nil {
		return err
	}
	roundHalf(c.words)
	book, err := NewCodebook(c.words, c.n, c.n)
	if err != nil {
		return err
	}
	ids, _ := assign(book, damaged, nil)
	counts := countIDs(ids, c.Size)
	c.bits = bitsOf(counts)
	c.out = slices.Clone(c.words)
	means(c.out, cells, ids, counts, c.n)
	roundHalf(c.out)
	return nil
}

// gaussianBasis draws k vectors of n numbers of variance 1/n (SimVQ's frozen
// codebook). Half precision, so that it is the same wherever it is drawn.
func gaussianBasis(k, n int, seed uint64) []float32 {
	rng := rand.New(rand.NewPCG(seed, 0x73696d7671))
	out := make([]float32, k*n)
	by := 1 / math.Sqrt(float64(n))
	for i := range out {
		out[i] = float32(rng.NormFloat64() * by)
	}
	roundHalf(out)
	return out
}

// fitLinear finds the one linear map of a frozen basis whose images are the
// codewords (SimVQ, arXiv:2411.02038; VQGAN-LC, arXiv:2406.11837): assigning and
// least squares in turn, in place of their gradient steps.
func (c *codebookFit) fitLinear(cells []float32) error {
	n := len(cells) / c.n
	spread := spreads(cells, c.n)
	var rounds int
	c.linear = make([]float32, c.Rank*c.n)
	switch c.Basis {
	case "gaussian":
		rounds, c.Layout.Seed = 12, c.seed
		c.basis = gaussianBasis(c.Size, c.Rank, c.seed)
		// The basis has variance 1/rank in every direction.
		for i := range min(c.Rank, c.n) {
			c.linear[i*c.n+i] = float32(spread[i] * math.Sqrt(float64(c.Rank)))
		}
	case "samples":
		rounds = 5
		rng := rand.New(rand.NewPCG(c.seed, 0x6c63))
		for _, i := range rng.Perm(n)[:c.Size] {
			for j := range c.Rank {
				v := 0.0
				if j < c.n {
					v = float64(cells[i*c.n+j]) / max(spread[j], 1e-6)
				}
				c.basis = append(c.basis, float32(v))
			}
		}
		for i := range min(c.Rank, c.n) {
			c.linear[i*c.n+i] = float32(spread[i])
		}
	default:
		rounds = 5
		if err := c.photoBasis(cells, spread); err != nil {
			return err
		}
		for i := range min(c.Rank, c.n) {
			c.linear[i*c.n+i] = float32(spread[i])
		}
	}
	roundHalf(c.basis)
	c.words = make([]float32, c.Size*c.n)
	for round := range rounds {
		multiply(c.words, c.basis, c.linear, c.Size, c.n, c.Rank)
		book, err := NewCodebook(c.words, c.n, c.n)
		if err != nil {
			return err
		}
		var dist []float32
		c.ids, dist = assign(book, cells, c.ids)
		var sum float64
		for _, d := range dist {
			sum += float64(d)
		}
		c.progress("round %d of %d: squared error %.4g", round+1, rounds, sum/float64(n))
		if err := c.leastSquares(cells, c.ids); err != nil {
			return err
		}
	}
	multiply(c.words, c.basis, c.linear, c.Size, c.n, c.Rank)
	return nil
}

// photoBasis takes cluster centres of every image on its own, as VQGAN-LC takes
// them of every class: of the first Rank latents, each scaled to variance 1.
func (c *codebookFit) photoBasis(cells []float32, spread []float64) error {
	image := c.images
	if len(image) != len(cells)/c.n {
		return errors.New("basis=photos needs to know which patch is of which image")
	}
	byImage := map[int][]float32{}
	var order []int
	for i, m := range image {
		if byImage[m] == nil {
			order = append(order, m)
		}
		for j := range c.Rank {
			v := 0.0
			if j < c.n {
				v = float64(cells[i*c.n+j]) / max(spread[j], 1e-6)
			}
			byImage[m] = append(byImage[m], float32(v))
		}
	}
	slices.Sort(order)
	for i, m := range order {
		// As many from every image, the rest from the last ones that have enough.
		want := (c.Size - len(c.basis)/c.Rank) / (len(order) - i)
		x := byImage[m]
		k := min(want, len(x)/c.Rank)
		if k == 0 {
			continue
		}
		// Centres of so many clusters need no long search: a few rounds.
		centres, _, err := KMeans(x, c.Rank, k, 4, c.seed+uint64(m))
		if err != nil {
			return err
		}
		c.basis = append(c.basis, centres...)
	}
	if have := len(c.basis) / c.Rank; have < c.Size {
		return fmt.Errorf("the images have %d different patches: k=%d is the most", have, have)
	}
	return nil
}

// leastSquares finds the map with the least squared error of the assignment, with
// a small ridge: (BᵀNB + εI)⁻¹ BᵀS for counts N and sums S of each basis vector.
func (c *codebookFit) leastSquares(cells []float32, ids []int32) error {
	const ridge = 1e-3
	gram := mat.NewSymDense(c.Rank, nil)
	right := mat.NewDense(c.Rank, c.n, nil)
	counts := countIDs(ids, c.Size)
	sums := make([]float64, c.Size*c.n)
	for i, id := range ids {
		to := sums[int(id)*c.n:][:c.n]
		for j, v := range cells[i*c.n:][:c.n] {
			to[j] += float64(v)
		}
	}
	g := make([]float64, c.Rank*c.Rank)
	r := right.RawMatrix().Data
	for id, count := range counts {
		if count == 0 {
			continue
		}
		b := c.basis[id*c.Rank:][:c.Rank]
		for i, u := range b {
			for j, v := range b[:i+1] {
				g[i*c.Rank+j] += count * float64(u) * float64(v)
			}
			for j, s := range sums[id*c.n:][:c.n] {
				r[i*c.n+j] += float64(u) * s
			}
		}
	}
	for i := range c.Rank {
		for j := range i + 1 {
			v := g[i*c.Rank+j]
			if i == j {
				v += ridge
			}
			gram.SetSym(i, j, v)
		}
	}
	var chol mat.Cholesky
	if !chol.Factorize(gram) {
		return errors.New("the basis is singular")
	}
	var w mat.Dense
	if err := chol.SolveTo(&w, right); err != nil {
		return fmt.Errorf("solving for the map: %w", err)
	}
	for i := range c.Rank {
		for j := range c.n {
			c.linear[i*c.n+j] = float32(w.At(i, j))
		}
	}
	return nil
}
