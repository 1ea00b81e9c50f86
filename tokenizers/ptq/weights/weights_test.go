package weights

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/vtbench/vtbench/tokenizers/quant/scalar"
)

func random(rows, cols int, seed uint64) *Problem {
	rng := rand.New(rand.NewPCG(seed, 1))
	p := NewProblem(rows, cols, make([]float64, rows*cols), make([]float64, cols*cols))
	for i := range p.W {
		p.W[i] = .1 * rng.NormFloat64() * (1 + float64(i/cols%3))
	}
	x := make([]float64, cols)
	for range 3 * cols {
		common := rng.NormFloat64()
		for j := range x {
			x[j] = (common + rng.NormFloat64()) * (1 + 3*float64(j%4/3))
		}
		for i := range cols {
			for j := range cols {
				p.H[i*cols+j] += x[i] * x[j] / float64(3*cols)
			}
		}
	}
	return p
}

// rules are all parts, each with bits that it takes.
func rules() map[string]struct {
	rule Rule
	bits float64
} {
	gptq := Scalar{Feedback: GPTQ}
	return map[string]struct {
		rule Rule
		bits float64
	}{
		"nearest":    {Scalar{Scale: scalar.MinMax}, 3},
		"shared":     {Scalar{Shared: true, Feedback: Learned}, 3},
		"groups":     {Scalar{Group: 8, Feedback: Learned}, 2},
		"ternary":    {Scalar{}, math.Log2(3)},
		"log":        {Scalar{Grid: scalar.Log2}, 4},
		"asymmetric": {Scalar{Asymmetric: true, Feedback: GPTQ}, 4},
		"dyadic":     {Scalar{Asymmetric: true, Dyadic: 31}, 8},
		"table":      {Exact{Rule: Scalar{Grid: scalar.KMeans}, Share: 5}, 3},
		"rotated":    {Rotated{Rule: gptq, Seed: 7}, 2},
		"gaussian":   {Rotated{Rule: Scalar{Scale: scalar.Gaussian}, Seed: 7}, 1},
		"branch":     {Branch{Rule: Scalar{}, Rank: 2}, 2},
		"decay":      {Branch{Rule: gptq, Rank: 4, Decay: true}, 3},
		"split":      {Split{Wide: Scalar{}, Others: Rotated{Rule: Scalar{Group: 32}, Fourier: true}}, 1.5},
		"vectors":    {Vector{}, 2},
		"candidates": {Vector{Search: Candidates}, 2},
		"trust":      {Vector{Search: Trust}, 2},
		"low rank":   {Vector{LowRank: true}, 1},
		"residual":   {Vector{}, 3},
		"small":      {Vector{Small: gptq}, 8},
		"plain":      {Plain{}, 4},
	}
}

func TestOracle(t *testing.T) {
	data, err := os.ReadFile("testdata/oracle.json")
	if err != nil {
		t.Fatal(err)
	}
	var cases []struct {
		Rows, Cols               int
		Bits                     float64
		W, H, RTN, GPTQ, LowRank []float64
		Scales                   []float64
		Errors                   struct{ RTN, GPTQ float64 }
	}
	if err := json.Unmarshal(data, &cases); err != nil {
		t.Fatal(err)
	}
	same := func(what string, got, want []float64, within float64) {
		t.Helper()
		for i := range want {
			if math.Abs(got[i]-want[i]) > within {
				t.Errorf("%s: number %d is %g, want %g", what, i, got[i], want[i])
				return
			}
		}
	}
	for _, c := range cases {
		name := fmt.Sprintf("%d×%d at %g bits", c.Rows, c.Cols, c.Bits)
		p := NewProblem(c.Rows, c.Cols, c.W, c.H)
		plain := code(t, Scalar{Scale: scalar.MinMax}, p, c.Bits)
		same(name+", nearest", plain.Decode(), c.RTN, 1e-12)
		fed := code(t, Scalar{Scale: scalar.MinMax, Feedback: GPTQ}, p, c.Bits)
		same(name+", feedback", fed.Decode(), c.GPTQ, 1e-12)
		same(name+", errors", []float64{p.Error(plain.Decode()), p.Error(fed.Decode())}, []float64{c.Errors.RTN, c.Errors.GPTQ}, 1e-9)
		left, right, err := lowRank(p, c.RTN, 2)
		if err != nil {
			t.Fatal(err)
		}
		branch := &branchForm{rank: 2, left: left, right: right, inner: plain}
		same(name+", branch", branch.product(1, 2), c.LowRank, 2e-4) // stored in half precision
		f := plain.(*scalarForm)
		f.fitScales(p)
		for r, want := range c.Scales {
			if got := f.scale(r); math.Abs(got/want-1) > 1e-3 && p.Error(f.Decode()) > c.Errors.RTN {
				t.Errorf("%s: the scale of row %d is %g, want %g", name, r, got, want)
			}
		}
	}
}

func code(t testing.TB, r Rule, p *Problem, bits float64) Form {
	t.Helper()
	f, err := r.Code(p, bits)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// What is read back decodes to the weights that were coded, bit by bit.
func TestFormsAreReadBack(t *testing.T) {
	for name, c := range rules() {
		for _, size := range [][2]int{{33, 40}, {8, 64}, {1, 9}} {
			if _, vector := c.rule.(Vector); vector && size[0]*size[1] < 100 {
				continue
			}
			p := random(size[0], size[1], 3)
			f := code(t, c.rule, p, c.bits)
			want := f.Decode()
			var w Writer
			Write(&w, f)
			bits := w.Bits()
			got, err := Read(NewReader(w.Bytes()))
			if err != nil {
				t.Errorf("%s, %v: %v", name, size, err)
				continue
			}
			if !slices.Equal(got.Decode(), want) {
				t.Errorf("%s, %v: other weights are read back", name, size)
			}
			if float64(bits) < f.Nominal() {
				t.Errorf("%s, %v: %d bits where the codes alone take %g", name, size, bits, f.Nominal())
			}
			if math.IsNaN(p.Error(want)) || p.Error(want) > 1.5*p.Signal() {
				t.Errorf("%s, %v: error %g of %g", name, size, p.Error(want), p.Signal())
			}
		}
	}
}

// Feedback is never worse than rounding, and what refines it never worse than feedback.
func TestFeedbackIsNeverWorse(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := random(rapid.IntRange(1, 12).Draw(t, "rows"), rapid.IntRange(1, 24).Draw(t, "cols"), rapid.Uint64().Draw(t, "seed"))
		bits := float64(rapid.IntRange(1, 8).Draw(t, "bits"))
		s := Scalar{Asymmetric: rapid.Bool().Draw(t, "asymmetric"), Shared: rapid.Bool().Draw(t, "shared")}
		var errs []float64
		for _, feedback := range []Feedback{Nearest, GPTQ, Learned} {
			s.Feedback = feedback
			f, err := s.Code(p, bits)
			if err != nil {
				t.Fatal(err)
			}
			errs = append(errs, p.Error(f.Decode()))
		}
		for i := 1; i < len(errs); i++ {
			if errs[i] > errs[i-1]*(1+1e-9)+1e-15 {
				t.Errorf("errors of nearest, feedback, learned: %v", errs)
			}
		}
	})
}

// Every part does what it is for, on weights and inputs of which it can.
func TestParts(t *testing.T) {
	p := random(48, 64, 5)
	e := func(r Rule, bits float64) float64 { return p.Error(code(t, r, p, bits).Decode()) }
	less := func(what string, a, b float64) {
		t.Helper()
		if !(a < b) {
			t.Errorf("%s: %g, want less than %g", what, a, b)
		}
	}
	gptq := Scalar{Feedback: GPTQ}
	less("feedback", e(gptq, 3), .7*e(Scalar{}, 3))
	less("a scale of least error at 2 bits", e(Scalar{}, 2), e(Scalar{Scale: scalar.MinMax}, 2))
	less("a scale for every row", e(Scalar{}, 4), e(Scalar{Shared: true}, 4))
	less("scales of groups", e(Scalar{Group: 16, Feedback: Learned}, 2), e(Scalar{Feedback: Learned}, 2))
	less("a branch", e(Branch{Rule: Scalar{}, Rank: 4}, 3), e(Scalar{}, 3))
	less("candidates", e(Vector{Search: Candidates}, 2), e(Vector{}, 2))
	less("trust", e(Vector{Search: Trust}, 2), e(Vector{}, 2))
	less("a residual book", e(Vector{}, 4), e(Vector{}, 2))
	less("more bits", e(gptq, 4), e(gptq, 3))

	// Outliers: exact ones leave the grid to the others.
	q := random(32, 100, 6)
	for r := range q.Rows {
		q.W[r*q.Cols+7*r%q.Cols] = 5
	}
	plain := q.Error(code(t, Scalar{Grid: scalar.KMeans}, q, 3).Decode())
	exact := q.Error(code(t, Exact{Rule: Scalar{Grid: scalar.KMeans}, Share: 2}, q, 3).Decode())
	less("exact outliers", exact, .5*plain)
	// One column of large weights: rotation spreads it.
	q = random(32, 64, 8)
	q.H = nil
	for r := range q.Rows {
		q.W[r*q.Cols] *= 40
	}
	less("rotation", q.Error(code(t, Rotated{Rule: Scalar{Scale: scalar.MinMax}}, q, 4).Decode()), q.Error(code(t, Scalar{Scale: scalar.MinMax}, q, 4).Decode()))
}

func TestRotationsAreOrthonormal(t *testing.T) {
	for _, fourier := range []bool{false, true} {
		for _, n := range []int{1, 2, 3, 31, 32, 45, 100} {
			turn := newRotation(n, fourier, 3)
			unit := make([]float64, n*n)
			for i := range n {
				unit[i*n+i] = 1
			}
			turned := slices.Clone(unit)
			turn.rows(turned)
			for i := range n {
				for j := range n {
					var dot, want float64
					for k := range n {
						dot += turned[i*n+k] * turned[j*n+k]
					}
					if i == j {
						want = 1
					}
					if math.Abs(dot-want) > 1e-12 {
						t.Fatalf("fourier %v of %d: rows %d and %d have the product %g", fourier, n, i, j, dot)
					}
				}
			}
			turn.back(turned)
			for i := range unit {
				if math.Abs(turned[i]-unit[i]) > 1e-12 {
					t.Fatalf("fourier %v of %d: there and back is not where it was", fourier, n)
				}
			}
		}
	}
}

// Integer-only: the sum of products of integer codes, requantized by an integer
// multiplication and a shift, is within one code of the same in float.
func TestDyadicEqualsFloatWithinOneCode(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := random(4, 32, rapid.Uint64().Draw(t, "seed"))
		f := func() *scalarForm {
			form, err := Scalar{Scale: scalar.MinMax, Asymmetric: true, Dyadic: 31}.Code(p, 8)
			if err != nil {
				t.Fatal(err)
			}
			return form.(*scalarForm)
		}()
		in, out := .013, .021 // steps of what goes in and comes out
		rng := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "inputs"), 2))
		for r := range p.Rows {
			var sum int64
			for j := range p.Cols {
				x := int64(rng.IntN(256)) - 128
				sum += x * (int64(f.ids[r*p.Cols+j]) - int64(f.zeros[r]))
			}
			by := f.scale(r) * in / out
			m, e := scalar.Dyadic(by, 31)
			got, want := scalar.Requantize(sum, m, e), float64(sum)*by
			if math.Abs(float64(got)-want) > 1 {
				t.Errorf("row %d: %d, in float %g", r, got, want)
			}
		}
	})
}

func TestRefused(t *testing.T) {
	p := random(3, 4, 1)
	bad := func(change func(*Problem)) *Problem {
		q := random(3, 4, 1)
		change(q)
		return q
	}
	for name, c := range map[string]struct {
		r    Rule
		p    *Problem
		bits float64
	}{
		"no bits":        {Scalar{}, p, 0},
		"many bits":      {Scalar{}, p, 9},
		"half a bit":     {Scalar{}, p, 2.5},
		"log of one bit": {Scalar{Grid: scalar.Log2}, p, 1},
		"NaN":            {Scalar{}, bad(func(q *Problem) { q.W[1] = math.NaN() }), 4},
		"infinite input": {Scalar{}, bad(func(q *Problem) { q.H[1] = math.Inf(1) }), 4},
		"few weights":    {Scalar{}, bad(func(q *Problem) { q.W = q.W[1:] }), 4},
		"scales":         {Scaled{Rule: Scalar{}, By: []float64{1}}, p, 4},
		"zero scale":     {Scaled{Rule: Scalar{}, By: []float64{1, 0, 1, 1}}, p, 4},
		"vector bits":    {Vector{}, p, 5},
		"rank":           {Branch{Rule: Scalar{}}, p, 4},
	} {
		if _, err := c.r.Code(c.p, c.bits); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestConstantWeights(t *testing.T) {
	for name, c := range rules() {
		for _, v := range []float64{0, 3.5, -1e-7} {
			p := random(16, 32, 1)
			for i := range p.W {
				p.W[i] = v
			}
			f, err := c.rule.Code(p, c.bits)
			if err != nil {
				t.Errorf("%s of %g: %v", name, v, err)
				continue
			}
			for _, w := range f.Decode() {
				if math.IsNaN(w) || math.Abs(w) > 16*math.Abs(v)+1e-6 {
					t.Errorf("%s: %g became %g", name, v, w)
					break
				}
			}
		}
	}
}

// Bits that are no form are an error, never a crash or a flood.
func FuzzRead(f *testing.F) {
	for _, c := range rules() {
		p := random(9, 12, 2)
		form, err := c.rule.Code(p, c.bits)
		if err != nil {
			f.Fatal(err)
		}
		var w Writer
		Write(&w, form)
		f.Add(w.Bytes())
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		form, err := Read(NewReader(data))
		if err != nil {
			if !errors.Is(err, ErrDamaged) {
				t.Errorf("%v is no ErrDamaged", err)
			}
			return
		}
		rows, cols := form.Size()
		if n := len(form.Decode()); n != rows*cols || n > 8*len(data) {
			t.Errorf("%d weights of %d×%d from %d bytes", n, rows, cols, len(data))
		}
	})
}
