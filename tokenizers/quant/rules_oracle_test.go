package quant

import (
	"encoding/json"
	"math"
	"os"
	"slices"
	"testing"
)

// rulesOracle is testdata/rules.json, written by testdata/rules.py.
type rulesOracle struct {
	Source  string
	Grouped struct {
		Dim, K, Depth, Groups   int
		Codebooks, X, Quantized []float32
		IDs                     []int32
	}
	LFQ struct {
		Dim   int
		X     []float32
		Signs []int
		IDs   []int
	}
	Cosine struct {
		Dim, K      int
		Codebook, X []float32
		IDs         []int32
	}
	EMA struct {
		Dim, K             int
		Decay, Eps         float64
		Codebook, X, After []float32
		Counts, Sums       []float64
		CountsAfter        []float64
		IDs                []int32
	}
	Linear struct {
		Dim, K, Rank  int
		Basis, X, Map []float32
		IDs           []int32
	}
	ECVQ struct {
		Dim, K            int
		Lambda            float64
		Codebook, X, Bits []float32
		IDs               []int32
	}
}

func readRules(t *testing.T) rulesOracle {
	t.Helper()
	raw, err := os.ReadFile("testdata/rules.json")
	if err != nil {
		t.Fatal(err)
	}
	var o rulesOracle
	if err := json.Unmarshal(raw, &o); err != nil {
		t.Fatal(err)
	}
	return o
}

// The library splits channels in blocks, so this holds the stages and not the
// split.
func TestGroupedRVQAgreesWithOracle(t *testing.T) {
	o := readRules(t).Grouped
	q := &staged{dim: o.Dim, beam: 1}
	per := o.Dim / o.Groups
	words := slices.Collect(slices.Chunk(o.Codebooks, o.K*per))
	for d := range o.Depth {
		for g := range o.Groups {
			s, err := makeStage(Layout{Pool: 1, Size: o.K, Level: d}, upTo(o.Dim)[g*per:][:per], per, words[g*o.Depth+d], nil, nil)
			if err != nil {
				t.Fatal(err)
			}
			q.stages = append(q.stages, s)
		}
	}
	// Ours go depth by depth, theirs group by group.
	n := len(o.X) / o.Dim
	var ids []int32
	for d := range o.Depth {
		for g := range o.Groups {
			ids = append(ids, o.IDs[(g*o.Depth+d)*n:][:n]...)
		}
	}
	compare(t, readRules(t).Source, q, o.X, ids, o.Quantized, 1e-5)
}

// One bit a latent: the id's digits are the signs, as in the library, which writes
// the first latent as the most significant.
func TestLFQAgreesWithOracle(t *testing.T) {
	o := readRules(t).LFQ
	_, opts, err := resolve("lfq:dim=5,pack=5")
	if err != nil {
		t.Fatal(err)
	}
	q, err := newNumeric(o.X, o.Dim, opts)
	if err != nil {
		t.Fatal(err)
	}
	n := len(o.X) / o.Dim
	ids := make([]int32, n)
	q.Quantize(ids, o.X)
	for i, id := range ids {
		mirrored := 0
		for d := range o.Dim {
			bit := int(id>>d) & 1
			if bit != o.Signs[i*o.Dim+d] {
				t.Fatalf("latent %d of vector %d has sign %d, %s has %d", d, i, bit, readRules(t).Source, o.Signs[i*o.Dim+d])
			}
			mirrored = mirrored<<1 | bit
		}
		if mirrored != o.IDs[i] {
			t.Fatalf("vector %d has id %d, the library's is %d", i, mirrored, o.IDs[i])
		}
	}
}

func TestDirectionsAgreeWithOracle(t *testing.T) {
	o := readRules(t).Cosine
	s, err := makeStage(Layout{Pool: 1, Size: o.K, Normalise: true}, upTo(o.Dim), o.Dim, o.Codebook, o.Codebook, nil)
	if err != nil {
		t.Fatal(err)
	}
	q := &staged{dim: o.Dim, stages: []stage{s}, beam: 1}
	ids := q.QuantizeGrid(o.X, len(o.X)/o.Dim, 1)[0]
	if !slices.Equal(ids, o.IDs) {
		t.Errorf("ids %v, the library has %v", ids, o.IDs)
	}
}

func TestEMAStepAgreesWithOracle(t *testing.T) {
	o := readRules(t).EMA
	words := slices.Clone(o.Codebook)
	book, err := NewCodebook(words, o.Dim, o.Dim)
	if err != nil {
		t.Fatal(err)
	}
	ids, _ := assign(book, o.X, nil)
	if !slices.Equal(ids, o.IDs) {
		t.Fatalf("ids %v, the library has %v", ids, o.IDs)
	}
	counts := slices.Clone(o.Counts)
	emaStep(words, counts, slices.Clone(o.Sums), o.X, ids, o.Dim, o.Decay, o.Eps)
	for i, v := range words {
		if d := math.Abs(float64(v - o.After[i])); d > 1e-4*(1+math.Abs(float64(v))) {
			t.Errorf("number %d is %v, the library has %v", i, v, o.After[i])
		}
	}
	for i, n := range counts {
		if math.Abs(n-o.CountsAfter[i]) > 1e-4 {
			t.Errorf("count %d is %v, the library has %v", i, n, o.CountsAfter[i])
		}
	}
}

func TestLinearMapAgreesWithOracle(t *testing.T) {
	o := readRules(t).Linear
	c := codebookFit{Layout: Layout{Size: o.K, Rank: o.Rank}, n: o.Dim, basis: o.Basis, linear: make([]float32, o.Rank*o.Dim)}
	if err := c.leastSquares(o.X, o.IDs); err != nil {
		t.Fatal(err)
	}
	for i, v := range c.linear {
		if d := math.Abs(float64(v - o.Map[i])); d > 1e-4*(1+math.Abs(float64(v))) {
			t.Errorf("number %d of the map is %v, numpy has %v", i, v, o.Map[i])
		}
	}
}

func TestECVQAgreesWithOracle(t *testing.T) {
	o := readRules(t).ECVQ
	bits := make([]float64, o.K)
	for i, b := range o.Bits {
		bits[i] = float64(b)
	}
	s, err := makeStage(Layout{Pool: 1, Size: o.K, Lambda: o.Lambda}, upTo(o.Dim), o.Dim, o.Codebook, nil, bits)
	if err != nil {
		t.Fatal(err)
	}
	q := &staged{dim: o.Dim, stages: []stage{s}, beam: 1}
	if ids := q.QuantizeGrid(o.X, len(o.X)/o.Dim, 1)[0]; !slices.Equal(ids, o.IDs) {
		t.Errorf("ids %v, numpy has %v", ids, o.IDs)
	}
	for id := range int32(o.K) {
		if w := s.word(id); len(w) != o.Dim || w[0] != o.Codebook[int(id)*o.Dim] {
			t.Fatalf("id %d stands for %v: the price must not be part of it", id, w)
		}
	}
}
