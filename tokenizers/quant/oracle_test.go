package quant

import (
	"encoding/json"
	"math"
	"os"
	"slices"
	"testing"
)

// oracle is testdata/oracle.json, written by testdata/oracle.py.
type oracle struct {
	Source string
	VQ     struct {
		Dim, K                 int
		Codebook, X, Quantized []float32
		IDs                    []int32
	}
	KMeans struct {
		Dim, K, Iterations int
		X, Init, Means     []float32
		Counts             []int
	}
	RVQ struct {
		Dim, K, Depth           int
		Codebooks, X, Quantized []float32
		IDs                     []int32
	}
	FSQ []struct {
		Levels       []int
		X, Quantized []float32
		IDs          []int32
	}
}

func readOracle(t *testing.T) oracle {
	t.Helper()
	raw, err := os.ReadFile("testdata/oracle.json")
	if err != nil {
		t.Fatal(err)
	}
	var o oracle
	if err := json.Unmarshal(raw, &o); err != nil {
		t.Fatal(err)
	}
	return o
}

func TestVQAgreesWithOracle(t *testing.T) {
	o := readOracle(t)
	book, err := NewCodebook(o.VQ.Codebook, o.VQ.Dim, o.VQ.Dim)
	if err != nil {
		t.Fatal(err)
	}
	compare(t, o.Source, book, o.VQ.X, o.VQ.IDs, o.VQ.Quantized, 0)
}

// compare quantizes x and compares ids and what they stand for.
func compare(t *testing.T, source string, q Quantizer, x []float32, ids []int32, quantized []float32, tolerance float64) {
	t.Helper()
	got := make([]int32, len(ids))
	q.Quantize(got, x)
	if !slices.Equal(got, ids) {
		for i := range got {
			if got[i] != ids[i] {
				t.Fatalf("id %d is %d, %s has %d", i, got[i], source, ids[i])
			}
		}
	}
	back := make([]float32, len(x))
	q.Dequantize(back, got)
	for i, v := range back {
		if d := math.Abs(float64(v) - float64(quantized[i])); d > tolerance {
			t.Fatalf("number %d is %v, %s has %v", i, v, source, quantized[i])
		}
	}
}

func TestLloydAgreesWithOracle(t *testing.T) {
	o := readOracle(t)
	words := slices.Clone(o.KMeans.Init)
	last := math.Inf(1)
	for range o.KMeans.Iterations {
		mse, _, err := lloyd(words, o.KMeans.X, nil, o.KMeans.Dim, nil)
		if err != nil {
			t.Fatal(err)
		}
		if mse > last {
			t.Errorf("the error rises from %g to %g", last, mse)
		}
		last = mse
	}
	for i, v := range words {
		if d := math.Abs(float64(v) - float64(o.KMeans.Means[i])); d > 1e-4 {
			t.Errorf("number %d is %v, %s has %v", i, v, o.Source, o.KMeans.Means[i])
		}
	}
}

func TestRVQAgreesWithOracle(t *testing.T) {
	o := readOracle(t)
	r := &staged{dim: o.RVQ.Dim, beam: 1}
	for words := range slices.Chunk(o.RVQ.Codebooks, o.RVQ.K*o.RVQ.Dim) {
		s, err := makeStage(Layout{Pool: 1, Size: o.RVQ.K}, upTo(o.RVQ.Dim), o.RVQ.Dim, words, nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.stages = append(r.stages, s)
	}
	if len(r.stages) != o.RVQ.Depth {
		t.Fatalf("%d codebooks, want %d", len(r.stages), o.RVQ.Depth)
	}
	compare(t, o.Source, r, o.RVQ.X, o.RVQ.IDs, o.RVQ.Quantized, 1e-5)
}

// The library's codewords are levels scaled to -1 … 1; given those as values and
// no scale, quantizing and ids must be its own.
func TestFSQAgreesWithOracle(t *testing.T) {
	o := readOracle(t)
	for _, c := range o.FSQ {
		f := &finite{groups: 1, k: 1}
		for _, n := range c.Levels {
			s := squashed{levels: n, scale: 1, radix: int32(f.k), values: make([]float32, n)}
			for l := range n {
				s.values[l] = float32(l-n/2) / float32(n/2)
			}
			f.scalars = append(f.scalars, s)
			f.k *= n
		}
		compare(t, o.Source, f, c.X, c.IDs, c.Quantized, 1e-6)
	}
}
