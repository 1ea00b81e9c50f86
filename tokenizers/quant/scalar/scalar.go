// Package scalar quantizes numbers one by one: the number formats and
// post-training quantizers of the literature, as combinations of a grid, a way to
// scale it, and what shares a scale. It works on matrices of float32, rows of
// numbers by columns that have something in common: latents by channel, or weights
// by output channel.
//
// Its opinion: whatever such a rule is called, in the end a column has a sorted
// table of values and the thresholds between them. A [Format] is made of such
// tables, so encoding, decoding and counting are written once, and a rule is only
// the way to its tables. What a decoder needs beside the ids of the numbers (the
// scale of a row) is an id too, so that it is part of every rate.
//
//	f, err := scalar.Fit(samples, cols, scalar.Options{Bits: 4, Scale: scalar.MSE})
//	ids := make([]int32, f.IDs())
//	f.Encode(ids, row)
//	f.Decode(row, ids)
package scalar

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
)

// A Grid is where values lie between −1 and 1, before they are scaled.
type Grid string

// The grids.
const (
	Uniform  Grid = "uniform"  // equally spaced, no zero: −1 … 1
	Tan      Grid = "tan"      // dense near ±1: atan(i·tan(a)/n)/a, a by least error (DopQ-ViT; abstract only, the formula is ours)
	Log2     Grid = "log2"     // ±2^−q, and zero (RepQ-ViT)
	LogSqrt2 Grid = "logsqrt2" // ±2^(−q/2), and zero (RepQ-ViT)
	KMeans   Grid = "kmeans"   // where the numbers are (Lloyd–Max)
)

// A Scale is how the factor of a grid is found.
type Scale string

// The ways to scale.
const (
	MSE        Scale = "mse"        // of 100 parts of the largest magnitude, the one of least squared error
	MinMax     Scale = "minmax"     // the largest magnitude fits
	Percentile Scale = "percentile" // the best of the 99.9, 99.99 and 99.999 % quantiles (RepQ-ViT)
	Learned    Scale = "learned"    // codes and least squares in turn (LSQ, EfficientQAT)
	StatsQ     Scale = "statsq"     // twice the mean magnitude (OFQ)
	Gaussian   Scale = "gaussian"   // the best for a normal distribution of this spread (QuEST)
)

// A Granularity is what shares one scale.
type Granularity string

// What shares a scale.
const (
	Channel Granularity = "channel" // a column
	Tensor  Granularity = "tensor"  // everything
	Median  Granularity = "median"  // everything: the median of the columns' scales (MoSF of DopQ-ViT)
	Row     Granularity = "row"     // a row; its scale is an id of its own
)

// A Rotation mixes the columns before they are quantized, and back afterwards.
type Rotation string

// The rotations. All are orthonormal.
const (
	None     Rotation = "none"
	Hadamard Rotation = "hadamard" // random signs, then the Hadamard matrix: makes columns alike and normal (QuaRot, QuEST)
	Fourier  Rotation = "fourier"  // of the columns of small range; the others get a bit more (VidKV)
)

// An Allocation says how many bits each column gets.
type Allocation string

// The ways to allot bits.
const (
	Fixed   Allocation = "fixed"   // all the same
	Mixed   Allocation = "mixed"   // those of the least error in all, Bits on average
	Entropy Allocation = "entropy" // the fewest of 2, 4 and 8 bits that lose at most Loss bits of entropy against 8 (QuantMCU; abstract only, the rule is ours)
	Ranges  Allocation = "ranges"  // the columns of large range two bits, the others one; Bits between 1 and 2 says the share
)

// A Scheme says whether the lower end of a grid is the upper one's opposite.
type Scheme string

// The schemes.
const (
	Symmetric  Scheme = "symmetric"
	Asymmetric Scheme = "asymmetric" // a step and a zero point; zero stays a value
	Auto       Scheme = "auto"       // of either, and of the scale that all columns share, whichever has the least error in a column (Q-HyViT; abstract only, with the identity for its Hessian)
)

// A Clip is how the ends of an asymmetric grid are searched.
type Clip string

// The ways to clip.
const (
	Dual   Clip = "dual"   // one by one (RepQuant)
	Single Clip = "single" // both drawn in by one factor
)

// Options describe a format. The zero value of a field is the first of its list
// above, or what the field says.
type Options struct {
	Bits     float64 // a number, 1 … 16; log2 3 (1.58) for three levels. With Mixed or Ranges on average
	Grid     Grid
	Scale    Scale
	Per      Granularity
	Rotate   Rotation
	Allocate Allocation
	Scheme   Scheme
	Clip     Clip // with Asymmetric and Auto
	// Noise adds a fixed number to each column before, and takes it off after
	// (NoisyQuant): its range is found by least error.
	Noise bool
	// Dyadic makes scales fractions of DyadicBits binary digits, as integer hardware
	// has them; 0: scales are float32.
	Dyadic int
	// Loss is the entropy that Entropy may lose, in bits.
	Loss float64
	// Keep leaves this many of the columns of largest spread at 16 bits, as the
	// high-precision branch of low rank does (SVDQuant).
	Keep int
	Seed uint64 // of signs and noise
}

// MaxBits is the most bits a number can have.
const MaxBits = 16

// ternary is the number of bits of three levels.
var ternary = math.Log2(3)

// Levels is the number of values that a number of bits stands for.
func Levels(bits float64) int { return int(math.Round(math.Exp2(bits))) }

// defaults fills in what was left open.
func (o Options) defaults() Options {
	set := func(v *string, d string) {
		if *v == "" {
			*v = d
		}
	}
	set((*string)(&o.Grid), string(Uniform))
	set((*string)(&o.Scale), string(MSE))
	set((*string)(&o.Per), string(Channel))
	set((*string)(&o.Rotate), string(None))
	set((*string)(&o.Allocate), string(Fixed))
	set((*string)(&o.Scheme), string(Symmetric))
	set((*string)(&o.Clip), string(Dual))
	if o.Bits == 0 {
		o.Bits = 4
	}
	return o
}

// Check says what of the options is impossible for matrices of cols columns, and
// the nearest that is possible.
func (o Options) Check(cols int) error {
	o = o.defaults()
	known := func(what, v string, list ...string) error {
		if slices.Contains(list, v) {
			return nil
		}
		return fmt.Errorf("%s=%s: want one of %s", what, v, strings.Join(list, ", "))
	}
	if err := errors.Join(
		known("grid", string(o.Grid), string(Uniform), string(Tan), string(Log2), string(LogSqrt2), string(KMeans)),
		known("scale", string(o.Scale), string(MSE), string(MinMax), string(Percentile), string(Learned), string(StatsQ), string(Gaussian)),
		known("per", string(o.Per), string(Channel), string(Tensor), string(Median), string(Row)),
		known("rotate", string(o.Rotate), string(None), string(Hadamard), string(Fourier)),
		known("allocate", string(o.Allocate), string(Fixed), string(Mixed), string(Entropy), string(Ranges)),
		known("scheme", string(o.Scheme), string(Symmetric), string(Asymmetric), string(Auto)),
		known("clip", string(o.Clip), string(Dual), string(Single)),
	); err != nil {
		return err
	}
	uneven := o.Scheme != Symmetric
	signed := o.Grid == Log2 || o.Grid == LogSqrt2 || o.Grid == Tan
	switch {
	case cols < 1:
		return errors.New("a matrix without columns cannot be quantized")
	case !(o.Bits > 0) || o.Bits > MaxBits:
		return fmt.Errorf("bits=%g: want 1 to %d", o.Bits, MaxBits)
	case o.Allocate == Mixed && o.Bits > 8:
		return fmt.Errorf("bits=%g on average: a column gets 8 at most, so bits=8 is the most", o.Bits)
	case o.Allocate == Ranges && (o.Bits < 1 || o.Bits > 2):
		return fmt.Errorf("bits=%g: columns get one or two bits: want 1 to 2", o.Bits)
	case o.Allocate == Fixed && Levels(o.Bits) < 2:
		return fmt.Errorf("bits=%g has %d level: bits=1 is the least", o.Bits, Levels(o.Bits))
	case o.Allocate == Fixed && o.Bits != math.Trunc(o.Bits) && math.Abs(o.Bits-ternary) > .01:
		return fmt.Errorf("bits=%g: want a whole number, or 1.58 for three levels", o.Bits)
	case signed && o.Allocate == Fixed && o.Bits < 2:
		return fmt.Errorf("grid=%s needs a bit for the sign: bits=2 is the least", o.Grid)
	case signed && o.Allocate != Fixed:
		return fmt.Errorf("grid=%s has no values for columns of few bits: use grid=uniform or grid=kmeans", o.Grid)
	case o.Rotate == Hadamard && cols&(cols-1) != 0:
		down := 1 << floorLog2(cols)
		return fmt.Errorf("rotate=hadamard of %d columns: want a power of two, %d or %d", cols, down, 2*down)
	case o.Rotate == Fourier && o.Allocate != Ranges:
		return errors.New("rotate=fourier turns the columns that get one bit: use allocate=ranges")
	case o.Per == Row && (o.Grid == KMeans || uneven || o.Noise || o.Allocate != Fixed || o.Keep > 0):
		return errors.New("per=row scales one symmetric grid: use a grid other than kmeans, and no noise, asymmetry, allocation or kept columns")
	case o.Per != Channel && o.Per != Row && o.Allocate != Fixed:
		return errors.New("bits differ by column only where scales do: use per=channel")
	case o.Scale == Gaussian && o.Bits > 8 && o.Allocate == Fixed:
		return fmt.Errorf("scale=gaussian is known up to 8 bits, not %g", o.Bits)
	case o.Scale == Gaussian && o.Grid != Uniform:
		return fmt.Errorf("scale=gaussian belongs to grid=uniform, not %s", o.Grid)
	case uneven && o.Grid != Uniform:
		return fmt.Errorf("an asymmetric grid=%s does not exist: use grid=uniform, or scheme=symmetric", o.Grid)
	case uneven && (o.Scale == StatsQ || o.Scale == Gaussian || o.Per == Median):
		return errors.New("scales from statistics are symmetric: use scale=mse, minmax, percentile or learned")
	case o.Scheme == Auto && (o.Per != Channel || o.Allocate != Fixed || o.Keep > 0):
		return errors.New("scheme=auto chooses what shares a scale itself: use per=channel, allocate=fixed and keep=0")
	case o.Clip == Single && (!uneven || o.Scale != MSE && o.Scale != Learned):
		return errors.New("clip=single draws in both ends of an asymmetric grid: use scheme=asymmetric or auto, and scale=mse")
	case o.Dyadic < 0 || o.Dyadic > 31:
		return fmt.Errorf("dyadic=%d: want 1 to 31 binary digits, 0 for float scales", o.Dyadic)
	case o.Dyadic > 0 && (o.Grid != Uniform || o.Per == Row):
		return errors.New("dyadic scales belong to grid=uniform with scales of columns or of everything")
	case o.Keep < 0 || o.Keep > cols:
		return fmt.Errorf("keep=%d of %d columns: %d is the most", o.Keep, cols, cols)
	}
	return nil
}

func floorLog2(n int) int {
	k := 0
	for n > 1 {
		n >>= 1
		k++
	}
	return k
}

// A Table is what one column's numbers become.
type Table struct {
	Values     []float32 // ascending
	thresholds []float32 // one less; numbers above thresholds[i] are i+1 or more
	Counts     []float64 // how often each value was used in the fit, and a half
}

// newTable makes the table of values with the thresholds half way between them.
func newTable(values []float64) Table {
	t := Table{Values: make([]float32, len(values))}
	for i, v := range values {
		t.Values[i] = float32(v)
	}
	for i := 1; i < len(values); i++ {
		t.thresholds = append(t.thresholds, float32((values[i-1]+values[i])/2))
	}
	return t
}

// ID is that of the value that x becomes.
func (t *Table) ID(x float32) int32 {
	if n := len(t.thresholds); n > 16 {
		lo, hi := 0, n
		for lo < hi {
			mid := int(uint(lo+hi) >> 1)
			if t.thresholds[mid] < x {
				lo = mid + 1
			} else {
				hi = mid
			}
		}
		return int32(lo)
	}
	id := int32(0)
	for _, v := range t.thresholds {
		if x > v {
			id++
		}
	}
	return id
}

// err is the squared error over v.
func (t *Table) err(v []float32) float64 {
	var sum float64
	for _, x := range v {
		d := float64(x) - float64(t.Values[t.ID(x)])
		sum += d * d
	}
	return sum
}

// A Format is a fitted way to quantize rows of cols numbers.
type Format struct {
	cols     int
	rotation []float32 // cols×cols, rows are the new directions; nil: none
	tables   []Table   // one a column
	bits     []float64 // of every column
	coded    []int     // columns that have an id: those of more than no bits
	perRow   bool      // the first id is the scale of the row
	rowScale func(row []float32) float64
	rowCount []float64
}

// Fit makes a format for matrices like x, rows of cols numbers.
func Fit(x []float32, cols int, o Options) (*Format, error) {
	if err := o.Check(cols); err != nil {
		return nil, err
	}
	if len(x) == 0 || len(x)%cols != 0 {
		return nil, fmt.Errorf("fitting a number format: %d numbers are not rows of %d", len(x), cols)
	}
	for i, v := range x {
		if math.IsNaN(float64(v)) || math.IsInf(float64(v), 0) {
			return nil, fmt.Errorf("fitting a number format: number %d is %v", i, v)
		}
	}
	o = o.defaults()
	f := &Format{cols: cols, bits: make([]float64, cols)}
	for j := range f.bits {
		f.bits[j] = o.Bits
	}
	if o.Allocate == Ranges || o.Rotate == Fourier {
		f.byRange(x, o)
	}
	if o.Rotate != None {
		f.rotation = rotationOf(o, f.bits)
		x = rotated(x, f.rotation, cols)
	}
	columns := transposed(x, cols)
	if o.Keep > 0 {
		for _, j := range bySpread(columns)[:o.Keep] {
			f.bits[j] = MaxBits
		}
	}
	switch o.Allocate {
	case Mixed:
		f.bits = allot(columns, o)
	case Entropy:
		for j, v := range columns {
			f.bits[j] = byEntropy(v, o)
		}
	}
	switch o.Per {
	case Row:
		f.fitRows(o)
	case Tensor, Median:
		f.fitShared(columns, x, o)
	default:
		for j, v := range columns {
			f.tables = append(f.tables, fitTable(v, f.bits[j], o))
		}
		if o.Scheme == Auto {
			shared := fitTable(x, o.Bits, o)
			for j, v := range columns {
				if own := &f.tables[j]; shared.err(v) < own.err(v) {
					*own = shared
				}
			}
		}
	}
	if o.Noise {
		f.addNoise(columns, o)
	}
	for j := range f.tables {
		if len(f.tables[j].Values) > 1 {
			f.coded = append(f.coded, j)
		}
	}
	if len(f.coded) == 0 {
		return nil, fmt.Errorf("bits=%g leaves no column any: raise bits", o.Bits)
	}
	f.count(x)
	return f, nil
}

func transposed(x []float32, cols int) [][]float32 {
	rows := len(x) / cols
	out := make([][]float32, cols)
	for j := range out {
		out[j] = make([]float32, rows)
		for i := range out[j] {
			out[j][i] = x[i*cols+j]
		}
	}
	return out
}

// bySpread lists columns by falling sum of squares.
func bySpread(columns [][]float32) []int {
	sums := make([]float64, len(columns))
	order := make([]int, len(columns))
	for j, v := range columns {
		order[j] = j
		for _, x := range v {
			sums[j] += float64(x) * float64(x)
		}
	}
	slices.SortStableFunc(order, func(a, b int) int {
		switch {
		case sums[a] > sums[b]:
			return -1
		case sums[a] < sums[b]:
			return 1
		}
		return 0
	})
	return order
}

// byRange gives the columns of largest range two bits and the others one.
func (f *Format) byRange(x []float32, o Options) {
	columns := transposed(x, f.cols)
	span := make([]float64, f.cols)
	order := make([]int, f.cols)
	for j, v := range columns {
		order[j] = j
		span[j] = float64(slices.Max(v)) - float64(slices.Min(v))
	}
	slices.SortStableFunc(order, func(a, b int) int {
		switch {
		case span[a] > span[b]:
			return -1
		case span[a] < span[b]:
			return 1
		}
		return 0
	})
	two := int(math.Round((o.Bits - 1) * float64(f.cols)))
	for i, j := range order {
		f.bits[j] = 1
		if i < two {
			f.bits[j] = 2
		}
	}
}

// fitShared makes one table for all columns.
func (f *Format) fitShared(columns [][]float32, x []float32, o Options) {
	var t Table
	if o.Per == Tensor {
		t = fitTable(x, o.Bits, o)
	} else {
		var scales []float64
		for _, v := range columns {
			own := fitTable(v, o.Bits, o)
			scales = append(scales, float64(own.Values[len(own.Values)-1]))
		}
		slices.Sort(scales)
		n := len(scales)
		t = scaleTable(unitGrid(o, o.Bits, 1), (scales[(n-1)/2]+scales[n/2])/2)
	}
	for j := range columns {
		own := t
		if f.bits[j] != o.Bits { // kept
			own = fitTable(columns[j], f.bits[j], Options{Grid: Uniform, Scale: MinMax, Per: Channel})
		}
		f.tables = append(f.tables, own)
	}
}

// Scales of rows are powers of 2^(1/16) from 2^−4 to 2^12.
const (
	rowScales   = 256
	rowScaleLow = -4
	perOctave   = 16
)

func rowScaleID(scale float64) int32 {
	if !(scale > 0) {
		return 0
	}
	return int32(min(max(math.Round((math.Log2(scale)-rowScaleLow)*perOctave), 0), rowScales-1))
}

func rowScaleOf(id int32) float64 {
	return math.Exp2(float64(id)/perOctave + rowScaleLow)
}

// fitRows makes tables that a row's own scale stretches.
func (f *Format) fitRows(o Options) {
	f.perRow = true
	unit := unitGrid(o, o.Bits, 1)
	f.rowScale = func(row []float32) float64 { return fitScale(row, unit, o) }
	for range f.cols {
		f.tables = append(f.tables, unit)
	}
}

// count finds how often every id is used.
func (f *Format) count(x []float32) {
	for j := range f.tables {
		counts := make([]float64, len(f.tables[j].Values))
		for i := range counts {
			counts[i] = .5
		}
		f.tables[j].Counts = counts
	}
	if f.perRow {
		f.rowCount = make([]float64, rowScales)
		for i := range f.rowCount {
			f.rowCount[i] = .5
		}
	}
	row := make([]float32, f.cols)
	ids := make([]int32, f.IDs())
	for i := 0; i < len(x); i += f.cols {
		copy(row, x[i:])
		f.encode(ids, row)
		own := ids
		if f.perRow {
			f.rowCount[own[0]]++
			own = own[1:]
		}
		for k, j := range f.coded {
			f.tables[j].Counts[own[k]]++
		}
	}
}

// Cols is the number of columns.
func (f *Format) Cols() int { return f.cols }

// IDs is the number of ids of a row: one a column of more than no bits, and the
// row's scale before them where there is one.
func (f *Format) IDs() int {
	n := len(f.coded)
	if f.perRow {
		n++
	}
	return n
}

// Bits are the bits of every column; a column of none becomes its mean.
func (f *Format) Bits() []float64 { return slices.Clone(f.bits) }

// Sizes are the numbers of values of the ids of a row.
func (f *Format) Sizes() []int {
	var out []int
	if f.perRow {
		out = append(out, rowScales)
	}
	for _, j := range f.coded {
		out = append(out, len(f.tables[j].Values))
	}
	return out
}

// Counts say how often the values of id k were used in the fit, each with a half
// added.
func (f *Format) Counts(k int) []float64 {
	if f.perRow {
		if k == 0 {
			return f.rowCount
		}
		k--
	}
	return f.tables[f.coded[k]].Counts
}

// Value is what value id of the k-th id stands for, before the rotation back and
// the scale of the row.
func (f *Format) Value(k int, id int32) float32 {
	if f.perRow {
		if k == 0 {
			return float32(rowScaleOf(id))
		}
		k--
	}
	return f.tables[f.coded[k]].Values[id]
}

// Encode writes the ids of one row, which it does not change.
func (f *Format) Encode(ids []int32, row []float32) {
	if f.rotation != nil {
		work := make([]float32, f.cols)
		mulRow(work, f.rotation, row)
		row = work
	}
	f.encode(ids, row)
}

func (f *Format) encode(ids []int32, row []float32) {
	by := float32(1)
	if f.perRow {
		ids[0] = rowScaleID(f.rowScale(row))
		by = float32(1 / rowScaleOf(ids[0]))
		ids = ids[1:]
	}
	for k, j := range f.coded {
		ids[k] = f.tables[j].ID(row[j] * by)
	}
}

// Decode writes the row that ids stand for.
func (f *Format) Decode(row []float32, ids []int32) {
	by := float32(1)
	if f.perRow {
		by = float32(rowScaleOf(ids[0]))
		ids = ids[1:]
	}
	to := row
	if f.rotation != nil {
		to = make([]float32, f.cols)
	}
	for j := range f.tables {
		if len(f.tables[j].Values) == 1 {
			to[j] = f.tables[j].Values[0]
		}
	}
	for k, j := range f.coded {
		to[j] = f.tables[j].Values[ids[k]] * by
	}
	if f.rotation != nil {
		mulTransposed(row, f.rotation, to)
	}
}

// addNoise shifts the tables of the columns by fixed random numbers, of the range
// and the mean that give the least error; no noise where none helps.
func (f *Format) addNoise(columns [][]float32, o Options) {
	rng := rand.New(rand.NewPCG(o.Seed, 0x6e6f697379))
	draws := make([]float64, len(columns))
	for j := range draws {
		draws[j] = 2*rng.Float64() - 1
	}
	best, bestErr := 0.0, math.Inf(1)
	shifted := func(j int, part float64) Table {
		t := f.tables[j]
		n := len(t.Values)
		if n < 2 {
			return t
		}
		step := float64(t.Values[n/2]) - float64(t.Values[n/2-1])
		values := make([]float64, n)
		for i, v := range t.Values {
			values[i] = float64(v) - part*draws[j]*step
		}
		return newTable(values)
	}
	for i := 0; i <= 20; i++ {
		part := float64(i) / 20 // of a step
		var sum float64
		for j, v := range columns {
			t := shifted(j, part)
			sum += t.err(v)
		}
		if sum < bestErr {
			best, bestErr = part, sum
		}
	}
	for j := range columns {
		f.tables[j] = shifted(j, best)
	}
}
