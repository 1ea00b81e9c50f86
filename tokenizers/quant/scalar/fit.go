package scalar

import (
	"math"
	"math/bits"
	"math/rand/v2"
	"slices"
	"sort"
)

// unitGrid is a grid between −1 and 1; param is the a of the tan grid.
func unitGrid(o Options, bits, param float64) Table {
	n := Levels(bits)
	half := n / 2
	var values []float64
	switch o.Grid {
	case Tan:
		for i := 1; i <= half; i++ {
			v := math.Atan(float64(i)*math.Tan(param)/float64(half)) / param
			values = append(values, -v, v)
		}
		slices.Sort(values)
		return newTable(values)
	case Log2, LogSqrt2:
		per := 1.0
		if o.Grid == LogSqrt2 {
			per = .5
		}
		values = append(values, 0)
		for q := range half - 1 {
			v := math.Exp2(-per * float64(q))
			values = append(values, -v, v)
		}
		slices.Sort(values)
		t := newTable(values)
		// Rounding is that of the exponent; the last one that is not coded is zero.
		for i := range t.thresholds {
			low, high := values[i], values[i+1]
			outer := math.Max(math.Abs(low), math.Abs(high))
			v := outer * math.Exp2(-per/2)
			if high <= 0 {
				v = -v
			}
			t.thresholds[i] = float32(v)
		}
		return t
	}
	for i := range n {
		values = append(values, 2*float64(i)/float64(n-1)-1)
	}
	return newTable(values)
}

// scaleTable stretches a table.
func scaleTable(t Table, by float64) Table {
	out := Table{Values: make([]float32, len(t.Values)), thresholds: make([]float32, len(t.thresholds))}
	for i, v := range t.Values {
		out.Values[i] = float32(float64(v) * by)
	}
	for i, v := range t.thresholds {
		out.thresholds[i] = float32(float64(v) * by)
	}
	return out
}

// gaussianReach is the outermost value of the equally spaced grid of least squared
// error for a standard normal distribution, for 1, log2 3, 2 … 8 bits (QuEST,
// arXiv:2502.05003, its released code).
var gaussianReach = map[int]float64{2: .7979, 3: 1.2240, 4: 1.4935, 8: 2.0511, 16: 2.5139, 32: 2.9161, 64: 3.2766, 128: 3.6010, 256: 3.8849}

// fitTable finds the table of one column, or of whatever shares one.
func fitTable(v []float32, bits float64, o Options) Table {
	n := Levels(bits)
	if n == 1 {
		var sum float64
		for _, x := range v {
			sum += float64(x)
		}
		return newTable([]float64{sum / float64(len(v))})
	}
	if bits == MaxBits { // kept: as fine as a 16-bit number gets
		o.Grid, o.Scale, o.Dyadic = Uniform, MinMax, 0
	}
	switch {
	case o.Grid == KMeans:
		return lloydMax(v, n)
	case o.Scheme == Auto:
		o.Scheme = Symmetric
		even := fitTable(v, bits, o)
		if t := asymmetric(v, n, o); t.err(v) < even.err(v) {
			return t
		}
		return even
	case o.Scheme == Asymmetric:
		return asymmetric(v, n, o)
	case o.Grid == Tan:
		best, bestErr := Table{}, math.Inf(1)
		for i := range 8 {
			t := unitGrid(o, bits, .1+.2*float64(i))
			t = scaleTable(t, fitScale(v, t, o))
			if e := t.err(v); e < bestErr {
				best, bestErr = t, e
			}
		}
		return best
	}
	unit := unitGrid(o, bits, 1)
	s := fitScale(v, unit, o)
	if o.Dyadic > 0 {
		// The integer scale is that of the step between neighbours.
		step := 2 * s / float64(n-1)
		m, e := Dyadic(step, o.Dyadic)
		s = math.Ldexp(float64(m), -e) * float64(n-1) / 2
	}
	return scaleTable(unit, s)
}

// fitScale finds the factor of a unit table.
func fitScale(v []float32, unit Table, o Options) float64 {
	var peak, sum, squares float64
	for _, x := range v {
		a := math.Abs(float64(x))
		peak = max(peak, a)
		sum += a
		squares += a * a
	}
	if peak == 0 {
		return 1 // nothing but zeros: any scale will do
	}
	n := len(unit.Values)
	try := func(s float64) float64 {
		t := scaleTable(unit, s)
		return t.err(v)
	}
	switch o.Scale {
	case MinMax:
		return peak
	case StatsQ:
		// s = 2·mean|x|, values (i+½)·s/(n/2): the outermost is s·(1−1/n).
		return 2 * sum / float64(len(v)) * (1 - 1/float64(n))
	case Gaussian:
		if reach, ok := gaussianReach[n]; ok {
			return reach * math.Sqrt(squares/float64(len(v)))
		}
		return peak
	case Percentile:
		sorted := magnitudes(v)
		best, bestErr := peak, math.Inf(1)
		for _, p := range []float64{.999, .9999, .99999} {
			s := float64(sorted[min(int(p*float64(len(sorted))), len(sorted)-1)])
			if e := try(s); s > 0 && e < bestErr {
				best, bestErr = s, e
			}
		}
		return best
	}
	const parts = 100
	best, bestErr := peak, try(peak)
	for i := 1; i < parts; i++ {
		s := peak * float64(i) / parts
		if e := try(s); e < bestErr {
			best, bestErr = s, e
		}
	}
	if o.Scale != Learned {
		return best
	}
	// Codes, then the scale of least squares for them: Σxq/Σq².
	for range 20 {
		t := scaleTable(unit, best)
		var xq, qq float64
		for _, x := range v {
			q := float64(unit.Values[t.ID(x)])
			xq += float64(x) * q
			qq += q * q
		}
		if qq == 0 || xq <= 0 {
			break
		}
		s := xq / qq
		e := try(s)
		if e >= bestErr {
			break
		}
		best, bestErr = s, e
	}
	return best
}

func magnitudes(v []float32) []float32 {
	out := make([]float32, len(v))
	for i, x := range v {
		out[i] = float32(math.Abs(float64(x)))
	}
	slices.Sort(out)
	return out
}

// asymmetric finds step and zero point: lo' = −z·Δ for a whole z, so that zero is a
// value. The ends are searched one by one, as RepQuant's dual clipping does.
func asymmetric(v []float32, n int, o Options) Table {
	sorted := slices.Clone(v)
	slices.Sort(sorted)
	at := func(lo, hi float64) Table {
		lo, hi = min(lo, 0), max(hi, 0)
		step := (hi - lo) / float64(n-1)
		if step == 0 {
			step = 1
		}
		if o.Dyadic > 0 {
			m, e := Dyadic(step, o.Dyadic)
			step = math.Ldexp(float64(m), -e)
		}
		zero := math.Round(-lo / step)
		values := make([]float64, n)
		for i := range values {
			values[i] = (float64(i) - zero) * step
		}
		return newTable(values)
	}
	quantile := func(p float64) float64 {
		return float64(sorted[min(max(int(p*float64(len(sorted))), 0), len(sorted)-1)])
	}
	lo, hi := float64(sorted[0]), float64(sorted[len(sorted)-1])
	best := at(lo, hi)
	switch o.Scale {
	case MinMax:
		return best
	case Percentile:
		bestErr := math.Inf(1)
		for _, p := range []float64{.999, .9999, .99999} {
			t := at(quantile(1-p), quantile(p))
			if e := t.err(v); e < bestErr {
				best, bestErr = t, e
			}
		}
		return best
	}
	bestErr := best.err(v)
	if o.Clip == Single {
		for i := 1; i < 100; i++ {
			t := at(lo*float64(i)/100, hi*float64(i)/100)
			if e := t.err(v); e < bestErr {
				best, bestErr = t, e
			}
		}
		return best
	}
	a, b := lo, hi
	for range 3 { // one end, then the other
		for end := range 2 {
			for i := 1; i <= 50; i++ {
				part := float64(i) / 50
				x, y := a, b
				if end == 0 {
					x = lo * part
				} else {
					y = hi * part
				}
				t := at(x, y)
				if e := t.err(v); e < bestErr {
					best, bestErr, a, b = t, e, x, y
				}
			}
		}
	}
	return best
}

// lloydMax finds the n values of least squared error by Lloyd's algorithm, from
// equally filled parts. Duplicates are kept apart by nothing: fewer values come
// back where there are fewer different numbers.
func lloydMax(v []float32, n int) Table {
	sorted := slices.Clone(v)
	slices.Sort(sorted)
	prefix := make([]float64, len(sorted)+1)
	for i, x := range sorted {
		prefix[i+1] = prefix[i] + float64(x)
	}
	values := make([]float64, n)
	for i := range values {
		values[i] = float64(sorted[(2*i+1)*len(sorted)/(2*n)])
	}
	const rounds = 50
	for range rounds {
		moved := false
		from := 0
		for i := range values {
			to := len(sorted)
			if i+1 < n {
				edge := float32((values[i] + values[i+1]) / 2)
				to = from + sort.Search(len(sorted)-from, func(k int) bool { return sorted[from+k] > edge })
			}
			if to > from {
				mean := (prefix[to] - prefix[from]) / float64(to-from)
				moved = moved || mean != values[i]
				values[i] = mean
			}
			from = to
		}
		slices.Sort(values)
		if !moved {
			break
		}
	}
	return newTable(values)
}

// maxAllotted is the most bits a column gets by allocation.
const maxAllotted = 8

// distortions[j][b] is the squared error of column j at b bits.
func distortions(columns [][]float32, o Options) [][]float64 {
	out := make([][]float64, len(columns))
	for j, v := range columns {
		out[j] = make([]float64, maxAllotted+1)
		for b := range out[j] {
			t := fitTable(v, float64(b), o)
			out[j][b] = t.err(v)
			if b > 0 { // a grid that fits badly is no reason for fewer bits
				out[j][b] = min(out[j][b], out[j][b-1])
			}
		}
	}
	return out
}

// allot gives out the bits.
func allot(columns [][]float32, o Options) []float64 {
	given := Allocate(distortions(columns, o), int(math.Round(o.Bits*float64(len(columns)))))
	out := make([]float64, len(given))
	for j, b := range given {
		out[j] = float64(b)
	}
	return out
}

// byEntropy is the fewest of 2, 4 and 8 bits whose ids hold all but o.Loss bits of
// the entropy that ids of 8 bits have.
func byEntropy(v []float32, o Options) float64 {
	full := idEntropy(v, 8, o)
	for _, b := range []float64{2, 4} {
		if full-idEntropy(v, b, o) <= o.Loss {
			return b
		}
	}
	return 8
}

func idEntropy(v []float32, bits float64, o Options) float64 {
	t := fitTable(v, bits, o)
	counts := make([]float64, len(t.Values))
	for _, x := range v {
		counts[t.ID(x)]++
	}
	var sum float64
	for _, c := range counts {
		if c > 0 {
			p := c / float64(len(v))
			sum -= p * math.Log2(p)
		}
	}
	return sum
}

// Allocate gives each column the bits with which all together have the least error,
// at most total in all, by dynamic programming: d[j][b] is the error of column j at
// b bits. It is the integer programme of HAWQ-V3 for one constraint. Giving one bit
// after the other to where it takes most is as good where every bit of a column
// takes less than the one before; the errors of fitted tables are not quite so.
func Allocate(d [][]float64, total int) []int {
	best := make([]float64, total+1) // least error of the columns so far, by bits
	choice := make([][]int, len(d))
	for j, errs := range d {
		next := make([]float64, total+1)
		choice[j] = make([]int, total+1)
		for t := range next {
			next[t] = math.Inf(1)
			for b := 0; b < len(errs) && b <= t; b++ {
				if e := best[t-b] + errs[b]; e < next[t] {
					next[t], choice[j][t] = e, b
				}
			}
		}
		best = next
	}
	out := make([]int, len(d))
	left := total
	for j := len(d) - 1; j >= 0; j-- {
		out[j] = choice[j][left]
		left -= out[j]
	}
	return out
}

// rotationOf makes the matrix of a rotation.
func rotationOf(o Options, columnBits []float64) []float32 {
	n := len(columnBits)
	r := make([]float32, n*n)
	if o.Rotate == Hadamard {
		rng := rand.New(rand.NewPCG(o.Seed, 0x6861646d))
		by := 1 / math.Sqrt(float64(n))
		for j := range n {
			sign := float64(1 - 2*int(rng.Uint32()&1))
			for i := range n {
				v := sign * by
				if bits.OnesCount(uint(i&j))%2 == 1 {
					v = -v
				}
				r[i*n+j] = float32(v)
			}
		}
		return r
	}
	// The discrete Fourier transform of real numbers, its real and imaginary parts
	// next to each other: as many numbers as went in.
	var low []int
	for j, b := range columnBits {
		if b > 1 {
			r[j*n+j] = 1
		} else {
			low = append(low, j)
		}
	}
	m := len(low)
	for k, i := range low {
		freq := (k + 1) / 2
		for t, j := range low {
			angle := 2 * math.Pi * float64(freq*t) / float64(m)
			by := math.Sqrt(2 / float64(m))
			v := math.Cos(angle)
			switch {
			case freq == 0 || 2*freq == m:
				by = math.Sqrt(1 / float64(m))
			case k%2 == 0:
				v = math.Sin(angle)
			}
			r[i*n+j] = float32(by * v)
		}
	}
	return r
}

func mulRow(to, r, x []float32) {
	n := len(x)
	for i := range to {
		var sum float32
		for j, v := range r[i*n:][:n] {
			sum += float32(v * x[j])
		}
		to[i] = sum
	}
}

func mulTransposed(to, r, x []float32) {
	n := len(x)
	clear(to)
	for i, v := range x {
		for j, w := range r[i*n:][:n] {
			to[j] += float32(w * v)
		}
	}
}

func rotated(x, r []float32, cols int) []float32 {
	out := make([]float32, len(x))
	for i := 0; i < len(x); i += cols {
		mulRow(out[i:][:cols], r, x[i:][:cols])
	}
	return out
}

// Dyadic writes a positive scale as m/2^e with m of so many binary digits, as
// integer-only inference does (HAWQ-V3: frexp, m rounded).
func Dyadic(scale float64, digits int) (m int64, e int) {
	frac, exp := math.Frexp(scale)
	m = int64(math.Round(math.Ldexp(frac, digits)))
	return m, digits - exp
}

// Requantize multiplies by m/2^e in whole numbers, rounding to nearest.
func Requantize(q, m int64, e int) int64 {
	if e <= 0 {
		return q * m << -e
	}
	return (q*m + 1<<(e-1)) >> e
}

// UnitTable is the grid of the options, of 2^bits values between −1 and 1.
func UnitTable(o Options, bits float64) Table { return unitGrid(o.defaults(), bits, 1) }

// ScaleOf finds the factor by which the numbers v, which share one, stretch a unit table.
func ScaleOf(v []float32, unit Table, o Options) float64 { return fitScale(v, unit, o.defaults()) }

// StepAndZero finds the step and the zero point of an asymmetric grid of n values for
// the numbers v: value i is (i − zero)·step.
func StepAndZero(v []float32, n int, o Options) (step float64, zero int) {
	o = o.defaults()
	t := asymmetric(v, n, o)
	step = (float64(t.Values[n-1]) - float64(t.Values[0])) / float64(n-1)
	return step, int(math.Round(-float64(t.Values[0]) / step))
}
