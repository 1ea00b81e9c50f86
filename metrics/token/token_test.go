package token

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/vtbench/vtbench/metrics"
	"github.com/vtbench/vtbench/tokenizers"
)

func near(got, want, tol float64) bool {
	return got == want || math.Abs(got-want) <= tol*max(1, math.Abs(want))
}

type goldenTable struct {
	Histograms []struct {
		Name                           string
		Counts                         []int64
		Used                           int64
		Entropy, Perplexity, Effective float64
		EntropyMM                      float64 `json:"entropy_mm"`
		VQVAEPerplexity                float64 `json:"vqvae_perplexity"`
	}
	Latents struct {
		Mean         [][]float32
		LogVariance  [][]float32 `json:"log_variance"`
		Variance, KL []float64
	}
	Positions struct {
		IDs         [][]int32
		Size        int
		Shape       []int
		Used        []int32
		Information float64
	}
}

func goldens(t *testing.T) goldenTable {
	t.Helper()
	b, err := os.ReadFile("testdata/goldens.json")
	if err != nil {
		t.Fatal(err)
	}
	var g goldenTable
	if err := json.Unmarshal(b, &g); err != nil {
		t.Fatal(err)
	}
	return g
}

// The table is scipy.stats.entropy's (testdata/goldens.py), to rounding; the
// perplexity of VQ-VAE code adds 1e-10 to p inside the logarithm, hence 1e-6.
func TestStatsAgreeWithScipy(t *testing.T) {
	table := goldens(t).Histograms
	if len(table) != 5 {
		t.Fatalf("the table has %d histograms", len(table))
	}
	for _, c := range table {
		h, err := NewHistogram(len(c.Counts))
		if err != nil {
			t.Fatal(err)
		}
		for id, n := range c.Counts {
			if err := h.AddCount(int32(id), n); err != nil {
				t.Fatal(err)
			}
		}
		s := h.Stats()
		if s.Used != c.Used || s.Usage != float64(c.Used)/float64(len(c.Counts)) {
			t.Errorf("%s: used %d (%v), want %d", c.Name, s.Used, s.Usage, c.Used)
		}
		for what, p := range map[string][3]float64{
			"entropy":           {s.Entropy, c.Entropy, 1e-13},
			"corrected entropy": {s.EntropyMM, c.EntropyMM, 1e-13},
			"perplexity":        {s.Perplexity, c.Perplexity, 1e-13},
			"vq-vae perplexity": {s.Perplexity, c.VQVAEPerplexity, 1e-6},
			"effective":         {s.Effective, c.Effective, 1e-13},
		} {
			if !near(p[0], p[1], p[2]) {
				t.Errorf("%s: %s is %v, want %v", c.Name, what, p[0], p[1])
			}
		}
		if dead := h.Dead(len(c.Counts)); int64(len(dead)) != int64(len(c.Counts))-c.Used {
			t.Errorf("%s: %d dead codes", c.Name, len(dead))
		}
	}
}

func TestLatentsAgreeWithTorch(t *testing.T) {
	g := goldens(t).Latents
	l, err := NewLatents(6)
	if err != nil {
		t.Fatal(err)
	}
	for i := range g.Mean {
		if err := l.Add(g.Mean[i], g.LogVariance[i]); err != nil {
			t.Fatal(err)
		}
	}
	c, ok := l.Collapse()
	if !ok || c.Samples != 50 {
		t.Fatalf("collapse of %d samples, %v", c.Samples, ok)
	}
	if c.Active != 2 {
		t.Errorf("%d active units, want 2 (standard deviations 1, .3, .1 at a variance of .0098, .05, 1e-4, 0)", c.Active)
	}
	for i := range 6 {
		// numpy's two-pass variance of values around 100 is good to about 1e-10.
		if !near(c.Variance[i], g.Variance[i], 1e-10) || !near(c.KL[i], g.KL[i], 1e-12) {
			t.Errorf("unit %d: variance %v, KL %v; want %v, %v", i, c.Variance[i], c.KL[i], g.Variance[i], g.KL[i])
		}
	}
}

func observation(w, h int, books ...tokenizers.Book) metrics.Observation {
	return metrics.Observation{Codes: &tokenizers.Codes{Books: books}, W: w, H: h}
}

func byID(t testing.TB, vs []metrics.Value) map[string]metrics.Value {
	t.Helper()
	out := map[string]metrics.Value{}
	for _, v := range vs {
		if _, twice := out[v.Metric]; twice {
			t.Fatalf("%s is there twice", v.Metric)
		}
		out[v.Metric] = v
	}
	return out
}

func TestPositionsAgreeWithScipy(t *testing.T) {
	g := goldens(t).Positions
	acc := &Accumulator{}
	for _, ids := range g.IDs {
		_, state, err := Observer{}.Observe(observation(6, 4, tokenizers.Book{Size: g.Size, Shape: g.Shape, IDs: ids}))
		if err != nil {
			t.Fatal(err)
		}
		if err := acc.Add(state); err != nil {
			t.Fatal(err)
		}
	}
	s, ok := acc.Summary(3)
	if !ok || s.Positions == nil {
		t.Fatal("no positions")
	}
	p := s.Positions.Books[0]
	if d := cmp.Diff(g.Used, p.Used); d != "" {
		t.Error(d)
	}
	if !near(p.Information, g.Information, 1e-12) {
		t.Errorf("information %v, want %v", p.Information, g.Information)
	}
	want := 0.0
	for _, u := range g.Used {
		want += float64(u) / 7 / 6
	}
	if !near(p.Usage, want, 1e-14) {
		t.Errorf("usage %v, want %v", p.Usage, want)
	}
}

// The rates of a 256-token, 1,024-entry tokenizer on 256² pixels: .0390625 bit
// a pixel (reference of the project; 256·10/65536).
func TestRates(t *testing.T) {
	ids := make([]int32, 256)
	for i := range ids {
		ids[i] = int32(i % 4) // entropy 2 bits
	}
	o := observation(256, 256, tokenizers.Book{Size: 1024, Shape: []int{16, 16}, IDs: ids})
	o.Bits, o.FileBits = 655, 6553
	values, state, err := Observer{}.Observe(o)
	if err != nil {
		t.Fatal(err)
	}
	want := []metrics.Value{
		{Metric: Tokens, Value: 256},
		{Metric: BPPNominal, Value: .0390625, N: 65536},
		{Metric: RatioNominal, Value: 614.4, N: 2560},
		{Metric: BPPReal, Value: 655. / 65536, N: 65536},
		{Metric: RatioReal, Value: 24 * 65536. / 655, N: 655},
		{Metric: BPPFile, Value: 6553. / 65536, N: 65536},
	}
	if d := cmp.Diff(want, values); d != "" {
		t.Error(d)
	}
	acc := Observer{}.NewAccumulator()
	if vs, err := acc.Result(); err != nil || vs != nil {
		t.Errorf("nothing added: %v, %v", vs, err)
	}
	for range 3 {
		if err := acc.Add(state); err != nil {
			t.Fatal(err)
		}
	}
	vs, err := acc.Result()
	if err != nil {
		t.Fatal(err)
	}
	got := byID(t, vs)
	for id, want := range map[string]float64{
		BPPEntropy: 256 * 2. / 65536, Usage: 4. / 1024, Dead: 1020, Entropy: 2, Perplexity: 4, Effective: 4,
		EntropyMM: 2 + 3/(2*768*math.Ln2), PositionUsage: 1. / 3, PositionInfo: 2,
	} {
		if v, ok := got[id]; !ok || !near(v.Value, want, 1e-14) || v.N != 3 {
			t.Errorf("%s is %v of %v, want %v of 3", id, v.Value, v.N, want)
		}
		delete(got, id)
	}
	if len(got) > 0 {
		t.Errorf("more than expected: %v", got)
	}
}

// Frames that are coded together have the rates of their frames together, and their codes
// weigh as much as those of the same frames one by one.
func TestRatesOfFilms(t *testing.T) {
	ids := make([]int32, 2*8*8)
	for i := range ids {
		ids[i] = int32(i % 16)
	}
	o := observation(64, 64, tokenizers.Book{Size: 256, Shape: []int{2, 8, 8}, IDs: ids})
	o.Bits, o.Frames, o.Rate = 500, 8, 25
	values, state, err := Observer{}.Observe(o)
	if err != nil {
		t.Fatal(err)
	}
	const pixels, nominal = 64 * 64 * 8, 8 * 128
	want := []metrics.Value{
		{Metric: Tokens, Value: 16},
		{Metric: BPPNominal, Value: nominal / float64(pixels), N: pixels},
		{Metric: KbpsNominal, Value: nominal / (8. / 25) / 1000, N: 8. / 25},
		{Metric: RatioNominal, Value: 24 * float64(pixels) / nominal, N: nominal},
		{Metric: BPPReal, Value: 500 / float64(pixels), N: pixels},
		{Metric: KbpsReal, Value: 500 / (8. / 25) / 1000, N: 8. / 25},
		{Metric: RatioReal, Value: 24 * float64(pixels) / 500, N: 500},
	}
	if d := cmp.Diff(want, values); d != "" {
		t.Error(d)
	}
	acc := Observer{}.NewAccumulator()
	if err := acc.Add(state); err != nil {
		t.Fatal(err)
	}
	all, err := acc.Result()
	if err != nil {
		t.Fatal(err)
	}
	if v := byID(t, all)[BPPEntropy]; !near(v.Value, 128*4./pixels, 1e-14) {
		t.Errorf("entropy-coded rate %v", v)
	}
	o.Frames = math.MaxInt32
	if _, _, err := (Observer{}).Observe(o); err == nil {
		t.Error("more pixels than can be counted")
	}
}

// Without codes there are only the bits; every value has a spec.
func TestObserveContinuousAndSpecs(t *testing.T) {
	values, state, err := Observer{}.Observe(metrics.Observation{W: 10, H: 10, Bits: 50})
	if err != nil || state != "" {
		t.Fatalf("state %q, error %v", state, err)
	}
	if d := cmp.Diff([]metrics.Value{{Metric: BPPReal, Value: .5, N: 100}, {Metric: RatioReal, Value: 48, N: 50}}, values); d != "" {
		t.Error(d)
	}
	acc := &Accumulator{}
	if err := acc.Add(state); err != nil {
		t.Fatal(err)
	}
	if vs, err := acc.Result(); err != nil || len(vs) != 0 {
		t.Errorf("got %v, %v", vs, err)
	}
	specs := map[string]metrics.Spec{}
	for _, s := range Kind().Specs {
		if s.Version < 1 || s.Source == "" || s.Title == "" || !(s.Min < s.Max) {
			t.Errorf("spec is not complete: %+v", s)
		}
		specs[s.ID] = s
	}
	acc = twoBooks(t, 5)
	vs, err := acc.Result()
	if err != nil {
		t.Fatal(err)
	}
	for id, v := range byID(t, vs) {
		if s, ok := specs[id]; !ok || s.Scope != metrics.PerCorpus || v.Value < s.Min || v.Value > s.Max {
			t.Errorf("%s = %v does not fit its spec %+v", id, v.Value, s)
		}
		delete(specs, id)
	}
	for id, s := range specs {
		if s.Scope == metrics.PerCorpus {
			t.Errorf("%s has no value", id)
		}
	}
}

// twoBooks gathers n images of two 2×2 books where the second repeats the first.
func twoBooks(t testing.TB, n int) *Accumulator {
	t.Helper()
	acc := &Accumulator{}
	for i := range n {
		ids := []int32{int32(i % 3), 1, 2, int32(i % 2)}
		state, err := Encode(observation(8, 8, tokenizers.Book{Size: 4, Shape: []int{2, 2}, IDs: ids}, tokenizers.Book{Size: 4, Shape: []int{2, 2}, IDs: ids}))
		if err != nil {
			t.Fatal(err)
		}
		if err := acc.Add(state); err != nil {
			t.Fatal(err)
		}
	}
	return acc
}

func TestSeveralBooks(t *testing.T) {
	s, ok := twoBooks(t, 6).Summary(2)
	if !ok {
		t.Fatal("nothing was added")
	}
	one := s.Books[0].Stats
	if s.Books[1].Stats != one {
		t.Errorf("books differ: %+v, %+v", one, s.Books[1].Stats)
	}
	// Two books that always agree: jointly they say no more than one of them.
	if s.Joint == nil || !near(s.Joint.Entropy, one.Entropy, 1e-15) || s.Joint.Used != one.Used || s.Joint.Tuples != 24 || s.Joint.Images != 6 {
		t.Errorf("joint is %+v, one book %+v", s.Joint, one)
	}
	if s.Pooled == nil || !near(s.Pooled.Entropy, one.Entropy, 1e-15) || s.Pooled.Tokens != 48 {
		t.Errorf("pooled is %+v", s.Pooled)
	}
	if !near(s.Entropy, one.Entropy, 1e-15) || s.Usage != one.Usage || s.Dead != 2 || !near(s.Effective, one.Effective, 1e-14) {
		t.Errorf("summary is %+v", s)
	}
	if d := cmp.Diff([]Code{{1, 11}, {2, 8}}, s.Books[0].Top); d != "" {
		t.Error(d)
	}
	if !near(s.BPPNominal, 8*2./64, 1e-15) || !near(s.BPPEntropy, 8*one.Entropy/64, 1e-15) {
		t.Errorf("rates %v %v", s.BPPNominal, s.BPPEntropy)
	}

	acc := &Accumulator{} // levels: no joint, no pooling of different sizes
	for range 2 {
		state, err := Encode(observation(8, 8, tokenizers.Book{Size: 4, Shape: []int{1}, IDs: []int32{3}}, tokenizers.Book{Size: 5, Shape: []int{2}, IDs: []int32{4, 1}}))
		if err != nil {
			t.Fatal(err)
		}
		if err := acc.Add(state); err != nil {
			t.Fatal(err)
		}
	}
	s, _ = acc.Summary(0)
	if s.Joint != nil || s.Pooled != nil || s.Positions == nil || len(s.Positions.Books) != 2 {
		t.Errorf("levels: %+v", s)
	}
	vs, err := acc.Result()
	if err != nil {
		t.Fatal(err)
	}
	if v := byID(t, vs)[Usage]; !near(v.Value, 3./9, 1e-15) || v.Detail != "0:0.25 1:0.4" {
		t.Errorf("usage %v, %q", v.Value, v.Detail)
	}
}

func TestWideTuplesCountLikeNarrowOnes(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	var narrow, wide tupleCounter
	narrow.narrow = true
	g := &gridSet{books: []Book{{Size: 3, Shape: []int{40}}, {Size: 1 << 20, Shape: []int{40}}}}
	for range 10 {
		ids := [][]int32{make([]int32, 40), make([]int32, 40)}
		for i := range 40 {
			ids[0][i], ids[1][i] = r.Int32N(3), r.Int32N(5)<<17
		}
		narrow.add(g, ids)
		wide.add(g, ids)
	}
	if d := cmp.Diff(narrow.counts(), wide.counts()); d != "" {
		t.Error(d)
	}
}

// A codebook of 2^30 (lookup-free quantisation) costs nothing until used.
func TestHugeCodebook(t *testing.T) {
	h, err := NewHistogram(1 << 30)
	if err != nil {
		t.Fatal(err)
	}
	if err := h.Add([]int32{1<<30 - 1, 0, 0, 1 << 29}); err != nil {
		t.Fatal(err)
	}
	if h.dense != nil {
		t.Fatal("a codebook of 2^30 is dense")
	}
	s := h.Stats()
	if s.Used != 3 || s.Entropy != 1.5 || s.Usage != 3./(1<<30) {
		t.Errorf("%+v", s)
	}
	if d := cmp.Diff([]int32{1, 2, 3}, h.Dead(3)); d != "" {
		t.Error(d)
	}
}

func TestErrors(t *testing.T) {
	h, err := NewHistogram(4)
	if err != nil {
		t.Fatal(err)
	}
	other, err := NewHistogram(5)
	if err != nil {
		t.Fatal(err)
	}
	two := twoBooks(t, 1)
	one := &Accumulator{}
	state, err := Encode(observation(2, 2, tokenizers.Book{Size: 4, Shape: []int{2}, IDs: []int32{1, 2}}))
	if err != nil {
		t.Fatal(err)
	}
	if err := one.Add(state); err != nil {
		t.Fatal(err)
	}
	lat, err := NewLatents(2)
	if err != nil {
		t.Fatal(err)
	}
	lat3, err := NewLatents(3)
	if err != nil {
		t.Fatal(err)
	}
	nan := float32(math.NaN())
	codes := &tokenizers.Codes{Books: []tokenizers.Book{{Size: 4, Shape: []int{2}, IDs: []int32{1, 2}}}}
	for _, c := range []struct {
		err  error
		want string
	}{
		{h.Add([]int32{1, 4}), "counting codes: id 4 at position 1 is outside 0..3"},
		{h.AddCount(-1, 1), "counting codes: id -1 is outside 0..3"},
		{h.AddCount(1, -1), "counting codes: count -1 of id 1 is negative"},
		{h.Merge(other), "merging histograms: codebooks have 4 and 5 entries"},
		{two.Add(state), "adding tokens: 1 codebooks, the images before had 2"},
		{one.Merge(two), "merging tokens: 2 codebooks, the images before had 1"},
		{one.Add("x"), `adding tokens: decoding the state of an image: it does not begin with "t1"`},
		{lat.Add([]float32{1, nan}, nil), "gathering latents: unit 1 is NaN"},
		{lat.Add([]float32{1}, nil), "gathering latents: 1 means and 0 variances for 2 units"},
		{lat.Add([]float32{1, 2}, []float32{0, 1000}), "gathering latents: the logarithm of the variance of unit 1 is 1000, which is too large (is it a variance?)"},
		{lat.AddChannels(tokenizers.Latent{Shape: []int{2, 3}, Data: make([]float32, 5)}, nil), "gathering latents: shape [2 3] does not fit 5 numbers"},
		{lat.Merge(lat3), "merging latents: 2 and 3 units"},
		{second(Compare(nil, codes, nil)), "comparing tokens: there are no codes: the tokenizer is continuous"},
		{second(NewHistogram(0)), "making a histogram: a codebook has 1 to 2147483647 entries, not 0"},
		{second(Encode(metrics.Observation{Codes: codes})), "encoding codes: the image is 0×0"},
	} {
		if c.err == nil || c.err.Error() != c.want {
			t.Errorf("got %v, want %s", c.err, c.want)
		}
	}
	if h.Tokens() != 0 || lat.Samples() != 0 {
		t.Error("an error left something behind")
	}
	if _, ok := lat.Collapse(); ok {
		t.Error("collapse of nothing")
	}
}

func second[T any](_ T, err error) error { return err }

// drawCodes draws one image of a fixed set of books.
func drawCodes(t *rapid.T, sizes []int) metrics.Observation {
	var books []tokenizers.Book
	shape := rapid.SampledFrom([][]int{{2, 3}, {1}, {5}, {65, 64}}).Draw(t, "shape") // the last exceeds MaxGrid
	for _, size := range sizes {
		n := 1
		for _, s := range shape {
			n *= s
		}
		ids := make([]int32, n)
		r := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "ids"), 0))
		limit := int32(rapid.IntRange(1, size).Draw(t, "limit"))
		for i := range ids {
			ids[i] = r.Int32N(limit)
		}
		books = append(books, tokenizers.Book{Size: size, Shape: shape, IDs: ids})
	}
	return observation(rapid.IntRange(1, 99).Draw(t, "w"), 7, books...)
}

// A state restores what it was made of, and sets of images have the same
// results, bit by bit, for every order and every way of merging.
func TestStateAndMergeProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		sizes := rapid.SampledFrom([][]int{{1}, {5}, {300}, {1 << 18}, {4, 4}, {7, 300, 2}, {1 << 30, 1 << 30, 1 << 30}}).Draw(t, "sizes")
		n := rapid.IntRange(1, 8).Draw(t, "images")
		states := make([]string, n)
		for i := range n {
			o := drawCodes(t, sizes)
			s, err := Encode(o)
			if err != nil {
				t.Fatal(err)
			}
			states[i] = s
			back, err := Decode(s)
			if err != nil {
				t.Fatal(err)
			}
			for k, b := range o.Codes.Books {
				got := back.Books[k]
				if got.Size != b.Size || !slices.Equal(got.Shape, b.Shape) || !slices.Equal(got.Codes, countIDs(b.IDs)) {
					t.Fatalf("book %d came back as %v", k, got)
				}
				if len(b.IDs) <= MaxGrid && !slices.Equal(got.IDs, b.IDs) || len(b.IDs) > MaxGrid && got.IDs != nil {
					t.Fatalf("ids of book %d came back as %v", k, got.IDs)
				}
			}
			if back.W != o.W || back.H != o.H {
				t.Fatalf("image came back as %d×%d", back.W, back.H)
			}
		}
		reference := gather(t, states)
		shuffled := rapid.Permutation(states).Draw(t, "order")
		cut := rapid.IntRange(0, n).Draw(t, "cut")
		merged := &Accumulator{}
		for _, part := range [][]string{shuffled[:cut], shuffled[cut:]} {
			if err := merged.Merge(gather(t, part)); err != nil {
				t.Fatal(err)
			}
		}
		a, okA := reference.Summary(5)
		b, okB := merged.Summary(5)
		if d := cmp.Diff(a, b); d != "" || okA != okB {
			t.Fatalf("merging changed the result:\n%s", d)
		}
		for _, st := range append([]Stats{}, a.Books[0].Stats) {
			if !(st.Perplexity >= 1-1e-12 && st.Perplexity <= float64(st.Used)*(1+1e-12) && st.Effective <= st.Perplexity*(1+1e-9) && st.Effective >= 1-1e-12) {
				t.Fatalf("out of bounds: %+v", st)
			}
		}
	})
}

func gather(t *rapid.T, states []string) *Accumulator {
	acc := &Accumulator{}
	for _, s := range states {
		if err := acc.Add(s); err != nil {
			t.Fatal(err)
		}
	}
	return acc
}

func TestPositionsOfLargeSetsAreDropped(t *testing.T) {
	ids := make([]int32, MaxGrid)
	state, err := Encode(observation(64, 64, tokenizers.Book{Size: 2, Shape: []int{64, 64}, IDs: ids}))
	if err != nil {
		t.Fatal(err)
	}
	const limit, images = 10 * MaxGrid, 11
	halves := [2]*Accumulator{{limit: limit}, {limit: limit}}
	for i := range images {
		if err := halves[i%2].Add(state); err != nil {
			t.Fatal(err)
		}
	}
	if s, _ := halves[0].Summary(0); s.Positions == nil {
		t.Fatal("half the set has no positions")
	}
	if err := halves[0].Merge(halves[1]); err != nil {
		t.Fatal(err)
	}
	if s, _ := halves[0].Summary(0); s.Positions != nil || s.Images != images {
		t.Errorf("positions of %d images with %d tokens", s.Images, s.Tokens)
	}
	vs, err := halves[0].Result()
	if err != nil {
		t.Fatal(err)
	}
	if got := byID(t, vs); got[Usage].Value != .5 || len(got) != 7 {
		t.Errorf("values are %v", got)
	}
}

// Sums of latents are the same bits in any order, and equal to sums in
// arbitrary precision.
func TestLatentsMergeExactly(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(2, 12).Draw(t, "n")
		finite := rapid.Float32Range(-1e38, 1e38)
		samples := make([][2][]float32, n)
		for i := range samples {
			samples[i] = [2][]float32{
				{finite.Draw(t, "m"), rapid.Float32Range(-3, 3).Draw(t, "m")},
				{rapid.Float32Range(-80, 80).Draw(t, "v"), rapid.Float32Range(-1, 1).Draw(t, "v")},
			}
		}
		add := func(order [][2][]float32) *Latents {
			l, err := NewLatents(2)
			if err != nil {
				t.Fatal(err)
			}
			for _, s := range order {
				if err := l.Add(s[0], s[1]); err != nil {
					t.Fatal(err)
				}
			}
			return l
		}
		whole := add(samples)
		shuffled := rapid.Permutation(samples).Draw(t, "order")
		cut := rapid.IntRange(0, n).Draw(t, "cut")
		parts := add(shuffled[:cut])
		second, err := DecodeLatents(add(shuffled[cut:]).Encode())
		if err != nil {
			t.Fatal(err)
		}
		if err := parts.Merge(second); err != nil {
			t.Fatal(err)
		}
		a, _ := whole.Collapse()
		b, _ := parts.Collapse()
		if d := cmp.Diff(a, b); d != "" {
			t.Fatalf("merging changed the result:\n%s", d)
		}
		if whole.Encode() != parts.Encode() {
			t.Fatal("merging changed the state")
		}
	})
}

func TestExactSum(t *testing.T) {
	tiny, huge := math.SmallestNonzeroFloat64, math.MaxFloat64
	for _, c := range []struct {
		xs   []float64
		want float64
	}{
		{[]float64{1e100, 1, -1e100}, 1},
		{[]float64{tiny, huge, -huge}, tiny},
		{[]float64{-huge, tiny, huge, -tiny}, 0},
		{[]float64{.1, .2, -.3}, 2.7755575615628914e-17}, // .1 + .2 − .3 of the doubles, exactly
		{[]float64{huge, huge, -huge, -huge, -2.5}, -2.5},
		{nil, 0},
	} {
		var s exactSum
		for _, x := range c.xs {
			s.add(x)
		}
		if got := s.float(); got != c.want {
			t.Errorf("sum of %v is %v, want %v", c.xs, got, c.want)
		}
	}
}

func TestAddChannels(t *testing.T) {
	a, err := NewLatents(2)
	if err != nil {
		t.Fatal(err)
	}
	b, err := NewLatents(2)
	if err != nil {
		t.Fatal(err)
	}
	if err := a.AddChannels(tokenizers.Latent{Shape: []int{2, 1, 3}, Data: []float32{1, 2, 3, 4, 5, 6}},
		&tokenizers.Latent{Shape: []int{2, 1, 3}, Data: []float32{0, 0, 0, 1, 1, 1}}); err != nil {
		t.Fatal(err)
	}
	for i := range 3 {
		if err := b.Add([]float32{float32(1 + i), float32(4 + i)}, []float32{0, 1}); err != nil {
			t.Fatal(err)
		}
	}
	if a.Encode() != b.Encode() {
		t.Error("channels and samples differ")
	}
}

type lineBook struct{}

func (lineBook) Nearest(int) ([]int32, error) { return nil, nil }

func (lineBook) Distance(_ int, a, b int32) (float64, error) {
	return math.Abs(float64(a) - float64(b)), nil
}

func TestCompare(t *testing.T) {
	codes := func(ids ...int32) *tokenizers.Codes {
		return &tokenizers.Codes{Books: []tokenizers.Book{{Size: 9, Shape: []int{len(ids)}, IDs: ids}}}
	}
	f, err := Compare(codes(1, 2, 3, 4), codes(1, 5, 3, 0), lineBook{})
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(Flips{Tokens: 4, Flipped: 2, Distance: 7, Measured: 2}, f); d != "" {
		t.Error(d)
	}
	if f = f.Add(f); f.Rate() != .5 || f.MeanDistance() != 3.5 {
		t.Errorf("rate %v, distance %v", f.Rate(), f.MeanDistance())
	}
	if r := (Flips{}).Rate(); !math.IsNaN(r) {
		t.Errorf("rate of nothing is %v", r)
	}
	if _, err := Compare(codes(1), codes(1, 2), nil); err == nil || !strings.Contains(err.Error(), "shape [1] before, 9 in shape [2] after") {
		t.Error(err)
	}
	s, err := Encode(metrics.Observation{Codes: codes(3, 8), W: 1, H: 1})
	if err != nil {
		t.Fatal(err)
	}
	st, err := Decode(s)
	if err != nil {
		t.Fatal(err)
	}
	back, err := st.Codes()
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(codes(3, 8), back); d != "" {
		t.Error(d)
	}
}

func FuzzDecode(f *testing.F) {
	for _, o := range []metrics.Observation{
		observation(9, 9, tokenizers.Book{Size: 5, Shape: []int{2, 2}, IDs: []int32{0, 1, 4, 4}}, tokenizers.Book{Size: 1, Shape: []int{1}, IDs: []int32{0}}),
		observation(640, 480, tokenizers.Book{Size: 8192, Shape: []int{65, 64}, IDs: make([]int32, 65*64)}),
	} {
		s, err := Encode(o)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		st, err := Decode(s)
		if err != nil {
			return
		}
		acc := &Accumulator{}
		if err := acc.Add(s); err != nil {
			t.Fatalf("%q decodes but cannot be added: %v", s, err)
		}
		if _, err := acc.Result(); err != nil {
			t.Fatal(err)
		}
		if codes, err := st.Codes(); err == nil && s != "" {
			back, err := Encode(metrics.Observation{Codes: codes, W: st.W, H: st.H})
			if err != nil || back != s {
				t.Fatalf("%q decodes and encodes to %q, %v", s, back, err)
			}
		}
	})
}

func FuzzDecodeLatents(f *testing.F) {
	l, err := NewLatents(2)
	if err != nil {
		f.Fatal(err)
	}
	if err := l.Add([]float32{-1.5, 3}, []float32{.25, 0}); err != nil {
		f.Fatal(err)
	}
	f.Add(l.Encode())
	f.Fuzz(func(t *testing.T, s string) {
		l, err := DecodeLatents(s)
		if err != nil {
			return
		}
		if back := l.Encode(); back != s {
			t.Fatalf("%q decodes and encodes to %q", s, back)
		}
		l.Collapse()
	})
}

func Example() {
	acc := Observer{}.NewAccumulator()
	for i := range int32(4) {
		_, state, err := Observer{}.Observe(metrics.Observation{W: 32, H: 32, Codes: &tokenizers.Codes{
			Books: []tokenizers.Book{{Size: 16, Shape: []int{2, 2}, IDs: []int32{i, i + 4, 0, 0}}},
		}})
		if err != nil {
			fmt.Println(err)
			return
		}
		if err := acc.Add(state); err != nil {
			fmt.Println(err)
			return
		}
	}
	values, err := acc.Result()
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, v := range values[:7] {
		fmt.Printf("%s %.4f\n", v.Metric, v.Value)
	}
	// Output:
	// bpp-entropy 0.0087
	// code-usage 0.5000
	// code-dead 8.0000
	// code-entropy 2.2169
	// code-entropy-mm 2.5325
	// code-perplexity 4.6490
	// code-effective 2.9091
}

// One image of 1,024 tokens of 10 bits. The floor of observing is 1,280 bytes of
// base64, that of adding a sort of 1,024 numbers besides.
func BenchmarkObserve(b *testing.B) {
	r := rand.New(rand.NewPCG(1, 1))
	ids := make([]int32, 1024)
	for i := range ids {
		ids[i] = r.Int32N(1024)
	}
	o := observation(256, 256, tokenizers.Book{Size: 1024, Shape: []int{32, 32}, IDs: ids})
	_, state, err := Observer{}.Observe(o)
	if err != nil {
		b.Fatal(err)
	}
	b.Run("observe", func(b *testing.B) {
		b.SetBytes(4 * 1024)
		b.ReportAllocs()
		for b.Loop() {
			if _, _, err := (Observer{}).Observe(o); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("add", func(b *testing.B) {
		b.SetBytes(4 * 1024)
		b.ReportAllocs()
		acc := &Accumulator{}
		for b.Loop() {
			if err := acc.Add(state); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(float64(len(state)), "state-bytes")
	})
	b.Run("result of 1000", func(b *testing.B) {
		acc := &Accumulator{}
		for range 1000 {
			if err := acc.Add(state); err != nil {
				b.Fatal(err)
			}
		}
		for b.Loop() {
			if _, err := acc.Result(); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// A latent of 4 channels at 32 × 32 positions; the floor is three additions of
// two words for each number.
func BenchmarkLatents(b *testing.B) {
	data := make([]float32, 4*32*32)
	r := rand.New(rand.NewPCG(1, 1))
	for i := range data {
		data[i] = float32(r.NormFloat64())
	}
	l, err := NewLatents(4)
	if err != nil {
		b.Fatal(err)
	}
	latent := tokenizers.Latent{Shape: []int{4, 32, 32}, Data: data}
	b.SetBytes(int64(4 * len(data)))
	for b.Loop() {
		if err := l.AddChannels(latent, &latent); err != nil {
			b.Fatal(err)
		}
	}
}

// A codebook that is hardly used is said to have collapsed, one that is used as
// equally likely codes are is not, and of too few tokens nothing is said.
func TestWarningsOfCollapse(t *testing.T) {
	draw := func(n, size, used int) *tokenizers.Codes {
		rng := rand.New(rand.NewPCG(uint64(n), uint64(used)))
		b := tokenizers.Book{Size: size, Shape: []int{n}, IDs: make([]int32, n)}
		for i := range b.IDs {
			b.IDs[i] = int32(rng.IntN(used))
		}
		return &tokenizers.Codes{Books: []tokenizers.Book{b}}
	}
	two := func(a, b *tokenizers.Codes) *tokenizers.Codes {
		return &tokenizers.Codes{Books: append(a.Books, b.Books...)}
	}
	for name, c := range map[string]struct {
		codes *tokenizers.Codes
		want  string
	}{
		"all used":     {draw(1000, 500, 500), ""},
		"half used":    {draw(2000, 500, 250), ""},
		"collapsed":    {draw(2000, 500, 20), "it uses 20 of 500 codes, where 2000 tokens could use 491"},
		"too few":      {draw(400, 500, 2), ""},
		"one of two":   {two(draw(2000, 500, 500), draw(2000, 500, 7)), "1 of 2 codebooks have collapsed: the worst uses 7 of 500 codes"},
		"the worse":    {two(draw(2000, 500, 9), draw(2000, 500, 7)), "2 of 2 codebooks have collapsed: the worst uses 7"},
		"a small book": {draw(1000, 2, 1), ""},
	} {
		_, state, err := Observer{}.Observe(metrics.Observation{Codes: c.codes, W: 64, H: 64})
		if err != nil {
			t.Fatal(err)
		}
		a := Observer{}.NewAccumulator()
		if err := a.Add(state); err != nil {
			t.Fatal(err)
		}
		got := a.(metrics.Warner).Warnings()
		if c.want == "" && len(got) > 0 || c.want != "" && (len(got) != 1 || !strings.Contains(got[0], c.want)) {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}
