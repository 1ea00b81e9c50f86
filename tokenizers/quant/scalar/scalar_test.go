package scalar

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"

	"pgregory.net/rapid"
)

// heavy draws rows of numbers with tails, of falling spread, as latents are.
func heavy(rows, cols int, seed uint64) []float32 {
	rng := rand.New(rand.NewPCG(seed, 3))
	out := make([]float32, 0, rows*cols)
	for range rows {
		row := math.Exp(.7 * rng.NormFloat64()) // a patch is quiet or busy as a whole
		for j := range cols {
			out = append(out, float32(row*rng.NormFloat64()*200/math.Pow(float64(j+1), .9)))
		}
	}
	return out
}

func fit(t testing.TB, x []float32, cols int, o Options) *Format {
	t.Helper()
	f, err := Fit(x, cols, o)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// through is what becomes of x.
func through(f *Format, x []float32) []float32 {
	out := make([]float32, len(x))
	ids := make([]int32, f.IDs())
	for i := 0; i < len(x); i += f.Cols() {
		f.Encode(ids, x[i:][:f.Cols()])
		f.Decode(out[i:][:f.Cols()], ids)
	}
	return out
}

func mse(a, b []float32) float64 {
	var sum float64
	for i, v := range a {
		d := float64(v) - float64(b[i])
		sum += d * d
	}
	return sum / float64(len(a))
}

// The values that each formula gives, by numpy: see ../testdata/rules.py.
func TestGridsAgreeWithOracle(t *testing.T) {
	raw, err := os.ReadFile("../testdata/rules.json")
	if err != nil {
		t.Fatal(err)
	}
	var o struct {
		Scalar struct {
			X                                []float32
			StatsQ, Gaussian, Log2, LogSqrt2 map[string][]float32
		}
	}
	if err := json.Unmarshal(raw, &o); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		want map[string][]float32
		opts Options
	}{
		"statsq":   {o.Scalar.StatsQ, Options{Scale: StatsQ}},
		"gaussian": {o.Scalar.Gaussian, Options{Scale: Gaussian}},
		"log2":     {o.Scalar.Log2, Options{Grid: Log2, Scale: MinMax}},
		"logsqrt2": {o.Scalar.LogSqrt2, Options{Grid: LogSqrt2, Scale: MinMax}},
	} {
		if len(c.want) < 3 {
			t.Fatalf("%s: %d cases", name, len(c.want))
		}
		for bits, want := range c.want {
			c.opts.Bits, _ = strconv.ParseFloat(bits, 64)
			got := through(fit(t, o.Scalar.X, 1, c.opts), o.Scalar.X)
			for i, v := range got {
				if d := math.Abs(float64(v - want[i])); d > 1e-4*(1+math.Abs(float64(v))) {
					t.Errorf("%s, %s bits: %v becomes %v, numpy has %v", name, bits, o.Scalar.X[i], v, want[i])
				}
			}
		}
	}
}

// A scale that is searched is never worse than the one that it begins from.
func TestMSEIsNeverWorseThanMinMax(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		cols := rapid.IntRange(1, 4).Draw(t, "cols")
		x := heavy(rapid.IntRange(2, 60).Draw(t, "rows"), cols, rapid.Uint64().Draw(t, "seed"))
		bits := float64(rapid.IntRange(1, 8).Draw(t, "bits"))
		per := rapid.SampledFrom([]Granularity{Channel, Tensor}).Draw(t, "per")
		clip := Dual
		error := func(s Scale, scheme Scheme) float64 {
			o := Options{Bits: bits, Scale: s, Per: per, Scheme: scheme}
			if scheme == Asymmetric && s != MinMax {
				o.Clip = clip
			}
			f, err := Fit(x, cols, o)
			if err != nil {
				t.Fatal(err)
			}
			return mse(x, through(f, x))
		}
		for _, scheme := range []Scheme{Symmetric, Asymmetric} {
			base := error(MinMax, scheme)
			for _, s := range []Scale{MSE, Learned} {
				for _, clip = range []Clip{Dual, Single} {
					if got := error(s, scheme); got > base*(1+1e-6) {
						t.Errorf("%s (%s, clip %s): error %g, min-max has %g", s, scheme, clip, got, base)
					}
				}
			}
		}
		clip = Dual
		even, uneven := error(MSE, Symmetric), error(MSE, Asymmetric)
		if l := error(Learned, Symmetric); l > even*(1+1e-6) {
			t.Errorf("a learned scale has error %g, the searched one it begins from %g", l, even)
		}
		// Chosen column by column it is never worse than one scheme for all, nor than one
		// scale for all.
		if per == Channel {
			auto := error(MSE, Auto)
			per = Tensor
			if best := min(even, uneven, error(MSE, Symmetric)); auto > best*(1+1e-6) {
				t.Errorf("scheme auto has error %g, the best of one for all %g", auto, best)
			}
		}
	})
}

// What is decoded encodes to the same ids.
func TestDecodingIsIdempotent(t *testing.T) {
	x := heavy(300, 8, 5)
	for _, o := range all() {
		if o.Per == Row || o.Noise { // a decoded row has another largest number; noise is taken off
			continue
		}
		f := fit(t, x, 8, o)
		once := through(f, x)
		ids, again := make([]int32, f.IDs()), make([]int32, f.IDs())
		for i := 0; i < len(x); i += 8 {
			f.Encode(ids, x[i:][:8])
			f.Encode(again, once[i:][:8])
			for k := range ids {
				if f.Value(k, ids[k]) != f.Value(k, again[k]) && o.Rotate == "" {
					t.Fatalf("%+v: id %d of row %d is %d, decoded and encoded again %d", o, k, i/8, ids[k], again[k])
				}
			}
		}
	}
}

// all are options of every kind.
func all() []Options {
	out := []Options{{Rotate: Hadamard, Per: Row, Scale: Gaussian, Bits: 2}, {Rotate: Fourier, Allocate: Ranges, Bits: 1.5}, {Allocate: Mixed, Grid: KMeans, Bits: 2}, {Allocate: Entropy, Loss: 2}, {Noise: true, Per: Tensor}, {Keep: 2, Bits: 2}, {Dyadic: 8}, {Bits: 1.58}, {Scheme: Asymmetric}, {Scheme: Auto}, {Scheme: Asymmetric, Clip: Single}}
	for _, g := range []Grid{Uniform, Tan, Log2, LogSqrt2, KMeans} {
		for _, p := range []Granularity{Channel, Tensor} {
			out = append(out, Options{Grid: g, Per: p, Bits: 3})
		}
	}
	for _, s := range []Scale{MSE, MinMax, Percentile, Learned, StatsQ, Gaussian} {
		out = append(out, Options{Scale: s, Bits: 4}, Options{Scale: s, Per: Row, Bits: 4}, Options{Scale: s, Per: Median, Bits: 4})
	}
	return out
}

// More bits are never worse, whatever the grid; and more than a handful of levels
// leave little of the error.
func TestMoreBitsAreBetter(t *testing.T) {
	x := heavy(500, 8, 9)
	for _, o := range all() {
		if o.Bits != math.Trunc(o.Bits) || o.Grid == Log2 || o.Grid == LogSqrt2 || o.Scale == StatsQ || o.Keep > 0 {
			continue // those have an error that finer steps do not take away
		}
		last := math.Inf(1)
		for bits := 2.; bits <= 8; bits += 2 {
			o.Bits = bits
			e := mse(x, through(fit(t, x, 8, o), x))
			if e > last {
				t.Errorf("%+v: error %g, with two bits less %g", o, e, last)
			}
			last = e
		}
	}
}

// A bit given where it takes most of the error is what dynamic programming finds,
// where each bit takes less than the one before.
func TestGreedyIsExact(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		cols := rapid.IntRange(1, 6).Draw(t, "cols")
		d := make([][]float64, cols)
		for j := range d {
			gains := rapid.SliceOfN(rapid.Float64Range(0, 100), 8, 8).Draw(t, "gains")
			sortDown(gains)
			e := 0.0
			for _, g := range gains {
				e += g
			}
			d[j] = []float64{e}
			for _, g := range gains {
				e -= g
				d[j] = append(d[j], max(e, 0))
			}
		}
		total := rapid.IntRange(0, 8*cols).Draw(t, "bits")
		if g, x := cost(d, greedy(d, total)), cost(d, Allocate(d, total)); g > x+1e-6 {
			t.Errorf("greedy leaves %g, dynamic programming %g", g, x)
		}
	})
}

// On what is really quantized it is never worse.
func TestAllocationIsNeverWorseThanGreedy(t *testing.T) {
	columns := transposed(heavy(2000, 16, 4), 16)
	d := distortions(columns, Options{Grid: KMeans}.defaults())
	for _, total := range []int{8, 16, 40, 80} {
		g, x := greedy(d, total), Allocate(d, total)
		cg, cx := cost(d, g), cost(d, x)
		t.Logf("%d bits: greedy %v leaves %.4g, the programme %v leaves %.4g", total, g, cg, x, cx)
		if cx > cg*(1+1e-12) {
			t.Errorf("%d bits: greedy %v leaves %g, dynamic programming %v leaves %g", total, g, cg, x, cx)
		}
	}
}

// greedy gives one bit after the other to the column where it takes most.
func greedy(d [][]float64, total int) []int {
	out := make([]int, len(d))
	for range total {
		best, gain := -1, 0.0
		for j, b := range out {
			if b+1 < len(d[j]) {
				if g := d[j][b] - d[j][b+1]; best < 0 || g > gain {
					best, gain = j, g
				}
			}
		}
		if best < 0 {
			break
		}
		out[best]++
	}
	return out
}

func cost(d [][]float64, bits []int) float64 {
	var sum float64
	for j, b := range bits {
		sum += d[j][b]
	}
	return sum
}

func sortDown(v []float64) {
	for i := range v {
		for j := i + 1; j < len(v); j++ {
			if v[j] > v[i] {
				v[i], v[j] = v[j], v[i]
			}
		}
	}
}

func TestMixedBeatsEqualBits(t *testing.T) {
	x := heavy(2000, 16, 8)
	for _, bits := range []float64{1, 2, 3, 4} {
		f := fit(t, x, 16, Options{Bits: bits, Grid: KMeans, Allocate: Mixed})
		var sum float64
		for _, b := range f.Bits() {
			sum += b
		}
		if sum > bits*16 {
			t.Errorf("%g bits on average: %g were given out", bits, sum/16)
		}
		mixed, equal := mse(x, through(f, x)), mse(x, through(fit(t, x, 16, Options{Bits: bits, Grid: KMeans}), x))
		if mixed >= equal {
			t.Errorf("%g bits: error %g by allocation, %g with equal bits", bits, mixed, equal)
		}
	}
}

// Folded into one scale and zero point, channel-wise quantization is the same
// (RepQ-ViT): r1 = s/s̃, x' = x/r1 + shift, then one table, then back.
func TestFoldedRepQIsChannelWise(t *testing.T) {
	const cols = 8
	x := heavy(500, cols, 12)
	f := fit(t, x, cols, Options{Bits: 4, Scheme: Asymmetric, Scale: Percentile})
	// One step and zero point for all: the means.
	step, zero := make([]float64, cols), make([]float64, cols)
	var meanStep, meanZero float64
	for j := range cols {
		v := f.tables[j].Values
		step[j] = float64(v[1]) - float64(v[0])
		zero[j] = -float64(v[0]) / step[j]
		meanStep += step[j] / cols
		meanZero += zero[j] / cols
	}
	meanZero = math.Round(meanZero)
	last := float64(len(f.tables[0].Values) - 1)
	want := through(f, x)
	for i, v := range x {
		j := i % cols
		// The layer before hands over x' = x/r1 − b; one step and zero point serve all
		// channels; the layer behind takes r1·(x' + b).
		r1 := step[j] / meanStep
		b := (meanZero - zero[j]) * meanStep
		moved := float64(v)/r1 - b
		code := min(max(math.Round(moved/meanStep+meanZero), 0), last)
		back := r1 * ((code-meanZero)*meanStep + b)
		if math.Abs(back-float64(want[i])) > 1e-3*step[j] {
			// A number in the middle between two values may go either way.
			if _, edge := math.Modf(math.Abs(float64(v)/step[j] + zero[j])); math.Abs(edge-.5) > 1e-3 {
				t.Fatalf("number %d: folded %g, channel-wise %v", i, back, want[i])
			}
		}
	}
}

func TestDyadicEqualsFloatWithinOneCode(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		scale := math.Exp2(rapid.Float64Range(-20, 4).Draw(t, "log scale"))
		digits := rapid.IntRange(8, 31).Draw(t, "digits")
		m, e := Dyadic(scale, digits)
		if got := math.Ldexp(float64(m), -e); math.Abs(got-scale) > scale*math.Exp2(-float64(digits)) {
			t.Fatalf("%g as %d/2^%d is %g", scale, m, e, got)
		}
		q := int64(rapid.IntRange(-1<<15, 1<<15).Draw(t, "q"))
		want := math.Round(float64(q) * scale)
		// The error of the scale is 2^−digits of the product.
		slack := 1 + math.Abs(want)*math.Exp2(-float64(digits)+1)
		if got := float64(Requantize(q, m, e)); math.Abs(got-want) > slack {
			t.Errorf("%d·%g is %g in whole numbers, %g in floating point", q, scale, got, want)
		}
	})
	// And a whole format: dyadic scales of 31 digits move no id by more than one.
	x := heavy(500, 8, 2)
	plain, dyadic := fit(t, x, 8, Options{Bits: 8, Scale: MinMax}), fit(t, x, 8, Options{Bits: 8, Scale: MinMax, Dyadic: 31})
	a, b := make([]int32, 8), make([]int32, 8)
	for i := 0; i < len(x); i += 8 {
		plain.Encode(a, x[i:][:8])
		dyadic.Encode(b, x[i:][:8])
		for k := range a {
			if d := a[k] - b[k]; d < -1 || d > 1 {
				t.Fatalf("id %d of row %d is %d, with dyadic scales %d", k, i/8, a[k], b[k])
			}
		}
	}
}

func TestRotationsAreOrthonormal(t *testing.T) {
	for _, n := range []int{1, 2, 4, 8, 32} {
		for _, o := range []Options{{Rotate: Hadamard, Seed: 3}, {Rotate: Fourier, Allocate: Ranges, Bits: 1.5}} {
			bits := make([]float64, n)
			for j := range bits {
				bits[j] = float64(1 + (j*7+1)%2)
			}
			r := rotationOf(o, bits)
			for i := range n {
				for j := range n {
					var dot float64
					for k := range n {
						dot += float64(r[i*n+k]) * float64(r[j*n+k])
					}
					want := 0.
					if i == j {
						want = 1
					}
					if math.Abs(dot-want) > 1e-5 {
						t.Fatalf("%s of %d: rows %d and %d have product %g", o.Rotate, n, i, j, dot)
					}
				}
			}
		}
	}
}

func TestImpossibleOptionsAreRefused(t *testing.T) {
	for _, c := range []struct {
		cols int
		o    Options
	}{
		{8, Options{Bits: -1}},
		{8, Options{Bits: 17}},
		{8, Options{Bits: 2.5}},
		{8, Options{Bits: .5}},
		{8, Options{Bits: 1, Grid: Log2}},
		{6, Options{Rotate: Hadamard}},
		{8, Options{Rotate: Fourier}},
		{8, Options{Per: Row, Grid: KMeans}},
		{8, Options{Per: Tensor, Allocate: Mixed, Grid: KMeans}},
		{8, Options{Scale: Gaussian, Bits: 9}},
		{8, Options{Scheme: Asymmetric, Grid: Tan}},
		{8, Options{Scheme: Auto, Per: Tensor}},
		{8, Options{Scheme: Auto, Allocate: Mixed}},
		{8, Options{Clip: Single}},
		{8, Options{Scheme: "even"}},
		{8, Options{Dyadic: 32}},
		{8, Options{Keep: 9}},
		{8, Options{Grid: "hexagonal"}},
		{0, Options{}},
	} {
		if _, err := Fit(heavy(4, 8, 1)[:c.cols*4], c.cols, c.o); err == nil {
			t.Errorf("%d columns, %+v: no error", c.cols, c.o)
		}
	}
	if _, err := Fit([]float32{1, float32(math.NaN())}, 1, Options{}); err == nil {
		t.Error("NaN: no error")
	}
	if _, err := Fit([]float32{1, 2, 3}, 2, Options{}); err == nil {
		t.Error("half a row: no error")
	}
}

func BenchmarkEncode(b *testing.B) {
	const cols, rows = 32, 4096
	x := heavy(rows, cols, 1)
	for name, o := range map[string]Options{"4 bits": {Bits: 4}, "8 bits": {Bits: 8, Scale: MinMax}, "hadamard": {Bits: 2, Rotate: Hadamard, Per: Row, Scale: Gaussian}} {
		f, err := Fit(x, cols, o)
		if err != nil {
			b.Fatal(err)
		}
		b.Run(name, func(b *testing.B) {
			b.SetBytes(4 * cols * rows)
			ids := make([]int32, f.IDs())
			for b.Loop() {
				for i := 0; i < len(x); i += cols {
					f.Encode(ids, x[i:][:cols])
				}
			}
		})
	}
}
