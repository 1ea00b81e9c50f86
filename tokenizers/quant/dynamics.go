package quant

import (
	"math"
	"math/bits"
)

// dynamics are linear latent dynamics between frames: the latents of a patch in the next
// frame are those it has, plus a linear map of what it and its eight neighbours have now.
//
//	ẑ_t+1(i) = z_t(i) + B·[z_t(i+k) for k in 3×3, leading latents; 1]
//
// With neighbours in the state, content that moves by up to a patch a frame is linear; of a
// patch alone it is not. B is found by ridge regression on the frames decoded so far, after
// 1, 2, 4 and 8 pairs of them, so that a decoder finds the same. A map whose dynamics grow
// is drawn towards copying, whose do not, until they do not either. A patch that it
// predicted worse than copying in one frame is copied in the next.
type dynamics struct {
	gw, gh, dim, state int
	n                  int       // numbers that the map sees
	gram, cross        []float32 // sums of products of what it sees, n×n, and with the change, n×dim
	b                  []float32 // n×dim; nil: not fitted yet, frames are copied
	pairs              int
	rows, rowsT        []float32 // of all patches, and transposed
	change, sum        []float32

	always    bool      // patches are never copied in spite of a map
	predicted []float32 // what the map said of the frame that is now; nil where it was not asked
	copied    []bool    // patches of which it last said less than the frame before
}

const (
	// mostPairs of frames are learned from.
	mostPairs = 8
	// ridge is the penalty of the map, as a share of the mean square of what it sees.
	ridge = 1e-3
	// unity is what stands for 1, a grey value that latents have.
	unity = 16
	// growing is the growth a frame up to which dynamics count as stable: what rounding and
	// the power iteration may be off.
	growing = 1.01
)

func newDynamics(gw, gh, dim, state int) *dynamics {
	d := &dynamics{gw: gw, gh: gh, dim: dim, state: state, n: 9*state + 1}
	d.gram, d.cross = make([]float32, d.n*d.n), make([]float32, d.n*dim)
	d.rows, d.change = make([]float32, gw*gh*d.n), make([]float32, gw*gh*dim)
	return d
}

// look writes what the map sees of every patch of x; patches beyond the edge are those at it.
func (d *dynamics) look(x []float32, one float32) {
	at := 0
	for y := range d.gh {
		for px := range d.gw {
			for dy := -1; dy <= 1; dy++ {
				ny := min(max(y+dy, 0), d.gh-1)
				for dx := -1; dx <= 1; dx++ {
					nx := min(max(px+dx, 0), d.gw-1)
					at += copy(d.rows[at:], x[(ny*d.gw+nx)*d.dim:][:d.state])
				}
			}
			d.rows[at] = one
			at++
		}
	}
}

// learn takes in that after was decoded behind before, and fits the map when there is
// enough that is new.
func (d *dynamics) learn(before, after []float32) {
	if d.pairs == mostPairs {
		return
	}
	d.look(before, unity)
	for i, v := range after {
		d.change[i] = v - before[i]
	}
	patches := d.gw * d.gh
	d.rowsT = transposed(d.rowsT, d.rows, patches, d.n)
	d.sum = append(d.sum[:0], make([]float32, d.n*max(d.n, d.dim))...)
	multiply(d.sum[:d.n*d.n], d.rowsT, d.rows, d.n, d.n, patches)
	for i, v := range d.sum[:d.n*d.n] {
		d.gram[i] += v
	}
	multiply(d.sum[:d.n*d.dim], d.rowsT, d.change, d.n, d.dim, patches)
	for i, v := range d.sum[:d.n*d.dim] {
		d.cross[i] += v
	}
	if d.pairs++; bits.OnesCount(uint(d.pairs)) == 1 {
		d.fit()
	}
}

func transposed(to, x []float32, rows, cols int) []float32 {
	to = append(to[:0], make([]float32, rows*cols)...)
	for i := range rows {
		for j, v := range x[i*cols:][:cols] {
			to[j*rows+i] = v
		}
	}
	return to
}

func (d *dynamics) fit() {
	var trace float64
	for i := range d.n {
		trace += float64(d.gram[i*d.n+i])
	}
	d.b = solveRidge(d.gram, d.cross, d.n, d.dim, ridge*trace/float64(d.n))
	const halvings = 3
	for range halvings {
		if d.growth() <= growing {
			return
		}
		for i := range d.b {
			d.b[i] /= 2
		}
	}
	if d.growth() > growing {
		d.b = nil
	}
}

// growth estimates the spectral radius of the map on the state of the whole frame, without
// its constant part, by power iteration from a fixed beginning.
func (d *dynamics) growth() float64 {
	const rounds, last = 12, 4
	x := make([]float32, d.gw*d.gh*d.dim)
	seed := uint32(1)
	for i := range x {
		if i%d.dim < d.state {
			seed = seed*1664525 + 1013904223
			x[i] = float32(int32(seed)) / (1 << 31)
		}
	}
	norm := func() float64 {
		var sum float64
		for i, v := range x {
			if i%d.dim < d.state {
				sum += float64(v) * float64(v)
			}
		}
		return math.Sqrt(sum)
	}
	next := make([]float32, len(x))
	was, grown := norm(), 0.0
	for round := range rounds {
		copy(next, x)
		d.apply(next, x, 0)
		x, next = next, x
		is := norm()
		if is == 0 {
			return 0
		}
		if round >= rounds-last {
			grown += math.Log(is / was)
		}
		scale := float32(1 / is)
		for i := range x {
			x[i] *= scale
		}
		was = norm()
	}
	return math.Exp(grown / last)
}

// advance writes the prediction of the frame behind before to now, which holds before.
func (d *dynamics) advance(now, before []float32) {
	d.predicted = d.predicted[:0]
	if d.b == nil {
		return
	}
	d.apply(now, before, unity)
	d.predicted = append(d.predicted, now...)
	for i, c := range d.copied {
		if c {
			copy(now[i*d.dim:][:d.dim], before[i*d.dim:][:d.dim])
		}
	}
}

// judge finds the patches that the map predicted worse than copying, now that the frame is
// decoded: they are copied in the next one.
func (d *dynamics) judge(now, before []float32) {
	if d.always || len(d.predicted) == 0 {
		return
	}
	if d.copied == nil {
		d.copied = make([]bool, d.gw*d.gh)
	}
	for i := range d.copied {
		var mapped, copied float64
		for k := i * d.dim; k < (i+1)*d.dim; k++ {
			a, b := now[k]-d.predicted[k], now[k]-before[k]
			mapped += float64(a) * float64(a)
			copied += float64(b) * float64(b)
		}
		d.copied[i] = mapped > copied
	}
}

// apply adds the map of x to y.
func (d *dynamics) apply(y, x []float32, one float32) {
	d.look(x, one)
	multiply(d.change, d.rows, d.b, d.gw*d.gh, d.dim, d.n)
	for i, v := range d.change {
		y[i] += v
	}
}

// solveRidge returns (G + λI)⁻¹·C for a symmetric n×n matrix G that is not negative and an
// n×m matrix C, by Cholesky's decomposition in float64; nil where that fails.
func solveRidge(gram, cross []float32, n, m int, lambda float64) []float32 {
	l := make([]float64, n*n)
	for i := range n {
		for j := range i + 1 {
			sum := float64(gram[i*n+j])
			if i == j {
				sum += lambda
			}
			for k, v := range l[i*n:][:j] {
				sum -= float64(v * l[j*n+k])
			}
			if i != j {
				l[i*n+j] = sum / l[j*n+j]
				continue
			}
			if !(sum > 0) {
				return nil
			}
			l[i*n+i] = math.Sqrt(sum)
		}
	}
	x := make([]float64, n*m)
	for i := range n {
		row := x[i*m:][:m]
		for j, v := range cross[i*m:][:m] {
			row[j] = float64(v)
		}
		for k := range i {
			f := l[i*n+k]
			for j, v := range x[k*m:][:m] {
				row[j] -= float64(f * v)
			}
		}
		for j := range row {
			row[j] /= l[i*n+i]
		}
	}
	out := make([]float32, n*m)
	for i := n - 1; i >= 0; i-- {
		row := x[i*m:][:m]
		for k := i + 1; k < n; k++ {
			f := l[k*n+i]
			for j, v := range x[k*m:][:m] {
				row[j] -= float64(f * v)
			}
		}
		for j := range row {
			row[j] /= l[i*n+i]
			out[i*m+j] = float32(row[j])
		}
	}
	return out
}
