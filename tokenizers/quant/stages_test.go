package quant

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/vtbench/vtbench/pix"
	"github.com/vtbench/vtbench/tokenizers"
)

// vectors draws n vectors of falling spread.
func vectors(n, dim int, seed uint64) []float32 {
	rng := rand.New(rand.NewPCG(seed, 5))
	out := make([]float32, 0, n*dim)
	for range n {
		for j := range dim {
			out = append(out, float32(rng.NormFloat64()*100/float64(j+1)))
		}
	}
	return out
}

func squaredError(q Quantizer, x []float32) float64 {
	books := 0
	n := 0
	g, ok := q.(Grid)
	if !ok {
		panic("a bag")
	}
	for b := range q.Books() {
		s := g.Shape(b, len(x)/dimOf(q), 1)
		size := 1
		for _, v := range s {
			size *= v
		}
		n += size
		books++
	}
	ids := make([]int32, n)
	q.Quantize(ids, x)
	back := make([]float32, len(x))
	q.Dequantize(back, ids)
	var sum float64
	for i, v := range x {
		d := float64(v) - float64(back[i])
		sum += d * d
	}
	return sum
}

func dimOf(q Quantizer) int {
	switch q := q.(type) {
	case *staged:
		return q.dim
	case *recoded:
		return q.base.dim
	}
	panic("another quantizer")
}

func TestNearestFewIsExact(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		dim := rapid.IntRange(1, 7).Draw(t, "dim")
		k := rapid.IntRange(1, 40).Draw(t, "k")
		grid := rapid.SampledFrom([]float32{0, 1, 2, -1, .5, 300})
		words := rapid.SliceOfN(grid, k*dim, k*dim).Draw(t, "words")
		x := rapid.SliceOfN(grid, dim, dim).Draw(t, "x")
		few := rapid.IntRange(1, 8).Draw(t, "few")
		book, err := NewCodebook(words, dim, dim)
		if err != nil {
			t.Fatal(err)
		}
		all := make([]int32, k)
		dist := make([]float32, k)
		for id := range all {
			all[id] = int32(id)
			dist[id] = book.distance(x, int(book.at[id]), float32(math.Inf(1)))
		}
		slices.SortStableFunc(all, func(a, b int32) int {
			switch {
			case dist[a] < dist[b]:
				return -1
			case dist[a] > dist[b]:
				return 1
			}
			return int(a - b)
		})
		ids, d := make([]int32, few), make([]float32, few)
		n := book.nearestFew(ids, d, x)
		if want := all[:min(few, k)]; !slices.Equal(ids[:n], want) {
			t.Fatalf("nearest few %v, want %v", ids[:n], want)
		}
	})
}

func chain(t testing.TB, x []float32, dim, k, depth, beam int) *staged {
	t.Helper()
	q := &staged{dim: dim, beam: beam}
	left := slices.Clone(x)
	for d := range depth {
		words, _, err := KMeans(left, dim, k, 10, uint64(d))
		if err != nil {
			t.Fatal(err)
		}
		s, err := makeStage(Layout{Pool: 1, Size: k, Level: d}, upTo(dim), dim, words, nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		q.stages = append(q.stages, s)
		ids, _ := assign(s.book, left, nil)
		s.add(left, ids, dim, len(ids), 1, -1)
	}
	return q
}

// Keeping more partial sums is never worse than keeping one.
func TestBeamIsNeverWorse(t *testing.T) {
	x := vectors(400, 6, 1)
	plain := chain(t, x, 6, 12, 4, 1)
	last := squaredError(plain, x)
	t.Logf("greedy %.4g", last)
	for _, beam := range []int{2, 4, 8} {
		wide := &staged{dim: plain.dim, stages: plain.stages, beam: beam}
		e := squaredError(wide, x)
		t.Logf("beam %d: %.4g", beam, e)
		if e > squaredError(plain, x) {
			t.Errorf("beam %d: error %g, greedy %g", beam, e, squaredError(plain, x))
		}
	}
	// With all sums kept it is the best there is.
	small := chain(t, x[:60], 6, 3, 3, 27)
	ids := small.QuantizeGrid(x[:60], 10, 1)
	for i := range 10 {
		best := math.Inf(1)
		for code := range 27 {
			v := slices.Clone(x[i*6:][:6])
			for d, c := 0, code; d < 3; d, c = d+1, c/3 {
				small.stages[d].add(v, []int32{int32(c % 3)}, 6, 1, 1, -1)
			}
			var e float64
			for _, r := range v {
				e += float64(r) * float64(r)
			}
			best = min(best, e)
		}
		v := slices.Clone(x[i*6:][:6])
		for d := range 3 {
			small.stages[d].add(v, ids[d][i:i+1], 6, 1, 1, -1)
		}
		var e float64
		for _, r := range v {
			e += float64(r) * float64(r)
		}
		if e > best*(1+1e-5) {
			t.Errorf("vector %d: error %g, the best sum has %g", i, e, best)
		}
	}
}

// Every latent is in exactly one group; by eigenvalues no group has much more
// variance in product than another.
func TestGroupsAreAPartition(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		dim := rapid.IntRange(1, 40).Draw(t, "dim")
		groups := rapid.IntRange(1, dim).Draw(t, "groups")
		split := rapid.SampledFrom([]string{"eigenvalue", "interleaved", "contiguous"}).Draw(t, "split")
		spread := rapid.SliceOfN(rapid.Float64Range(0, 1e3), dim, dim).Draw(t, "spread")
		seen := make([]int, dim)
		for _, g := range deal(spread, groups, split) {
			if len(g) == 0 {
				t.Fatalf("%s of %d latents into %d: an empty group", split, dim, groups)
			}
			if !slices.IsSorted(g) {
				t.Fatalf("group %v is not ascending", g)
			}
			for _, d := range g {
				seen[d]++
			}
		}
		for d, n := range seen {
			if n != 1 {
				t.Fatalf("latent %d is in %d groups", d, n)
			}
		}
	})
}

// N tokens cannot use more than about 1 − e^(−N/K) of K equally likely codes; no
// rule does, whatever it claims.
func TestUsageHasACeiling(t *testing.T) {
	img := pix.New(512, 512)
	rng := rand.New(rand.NewPCG(4, 4))
	for i := range img.Pix {
		img.Pix[i] = uint8(rng.Uint32())
	}
	for name, held := range heldOut(t) {
		for _, text := range []string{"vq:k=256", "vq:k=1024", "vq:k=4096", "simvq:k=1024", "vq-ema:k=1024", "vq-lc:k=4096"} {
			r := reconstruct(t, open(t, text), held)[0]
			book := r.Codes.Books[0]
			used := map[int32]bool{}
			for _, id := range book.IDs {
				used[id] = true
			}
			n, k := float64(len(book.IDs)), float64(book.Size)
			share, ceiling := float64(len(used))/k, 1-math.Exp(-n/k)
			t.Logf("%s, %s: %.3f used, at most %.3f", name, text, share, ceiling)
			// Three deviations of the number of used codes.
			if slack := 3 * math.Sqrt(ceiling*(1-ceiling)/k); share > ceiling+slack {
				t.Errorf("%s, %s: %.3f of the codes used by %g tokens, at most %.3f are possible", name, text, share, n, ceiling)
			}
		}
	}
}

// A reconstruction's latents that were not clipped or rounded have the same ids.
func TestDecodedLatentsKeepTheirIDs(t *testing.T) {
	x := vectors(200, 6, 3)
	q := chain(t, x, 6, 20, 1, 1)
	ids := make([]int32, 200)
	q.Quantize(ids, x)
	back := make([]float32, len(x))
	q.Dequantize(back, ids)
	again := make([]int32, 200)
	q.Quantize(again, back)
	if !slices.Equal(ids, again) {
		t.Error("encoding what was decoded gives other ids")
	}
}

// Coarse-to-fine recoding loses nothing, and its coarse ids say where the codeword
// is.
func TestRecodingLosesNothing(t *testing.T) {
	for name, img := range heldOut(t) {
		plain := reconstruct(t, open(t, "vq:k=1024"), img)[0]
		tok := open(t, "ctf:k=1024,coarse=64")
		split := reconstruct(t, tok, img)[0]
		if !plain.Image.Equal(split.Image) {
			t.Errorf("%s: recoded ids decode to another image", name)
		}
		if n := len(split.Codes.Books); n != 2 || split.Codes.Books[0].Size != 64 {
			t.Fatalf("%s: books %d of %d", name, n, split.Codes.Books[0].Size)
		}
		within := damagedPSNR(t, tok, split, img, 1)
		anywhere := damagedPSNR(t, tok, split, img, 0)
		t.Logf("%s: %.2f dB, ranks drawn anew %.2f, clusters drawn anew %.2f", name, psnr(img, split.Image), within, anywhere)
		if within < anywhere+3 {
			t.Errorf("%s: %.2f dB with other ranks, %.2f with other clusters", name, within, anywhere)
		}
	}
}

// damagedPSNR draws the ids of one book anew.
func damagedPSNR(t *testing.T, tok tokenizers.Tokenizer, r tokenizers.Reconstruction, img pix.Image, book int) float64 {
	t.Helper()
	rng := rand.New(rand.NewPCG(9, 9))
	codes := &tokenizers.Codes{Books: slices.Clone(r.Codes.Books)}
	b := &codes.Books[book]
	b.IDs = slices.Clone(b.IDs)
	for i := range b.IDs {
		b.IDs[i] = int32(rng.IntN(b.Size))
	}
	out, err := tok.(tokenizers.Decoder).Decode(t.Context(), []*tokenizers.Codes{codes}, img.W, img.H)
	if err != nil {
		t.Fatal(err)
	}
	return psnr(img, out[0])
}

// What cannot be is refused with what can.
func TestImpossibleOptionsNameTheNearest(t *testing.T) {
	t.Setenv("XDG_CACHE_HOME", t.TempDir()) // nothing may be fitted, nor photographs be needed
	for text, want := range map[string]string{
		"vq:k=256-256":                    "give one for all (k=256)",
		"mcrvq:groups=2":                  "use groups=1",
		"rvq:beam=4,scales=2-1":           "beam=1, or scales=1",
		"vq-kmeans-rate:k=4096,from=4096": "k=4095 is the most",
		"ctf:k=256,coarse=300":            "coarse=255 is the most",
		"vq:patch=16,k=50000":             "k=49152 is the most",
		"fq:groups=40":                    "groups=32 is the most",
		"vq:scales=1-2":                   "as in 2-1",
		"vq:scales=4-2":                   "4-2-1",
		"vq:groups=2,from=512":            "groups=1, depth=1, scales=1",
		"scalar:bits=2.5":                 "want a whole number, or 1.58",
		"scalar:rotate=hadamard,dim=24":   "16 or 32",
		"scalar:pack=5":                   "pack=4 does",
		"scalar:bits=4,pack=8":            "pack=4 is the most",
		"scalar:keep=33":                  "32 is the most",
		"scalar:allocate=mixed,bits=9":    "bits=8 is the most",
		"uniform:dim=65,patch=16":         "dim=64 is the most",
		"scalar:outliers=1":               "outliers=2",
		"rvq:topk=3":                      "or topk=1",
		"vq:k=16,topk=17":                 "topk=16 is the most",
		"ctf:repair=markov":               "repair=neighbours",
		"fq:repair=markov":                "repair=neighbours",
		"scalar:clip=single":              "scheme=asymmetric or auto",
		"scalar:scheme=auto,per=tensor":   "use per=channel",
		"scalar:scheme=auto,grid=tan":     "scheme=symmetric",
		"scalar:bits=0":                   "want a number from 0.05",
	} {
		if _, err := tryOpen(t, text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want %q in it", text, err, want)
		}
	}
}

// What does not ship is fitted once, told of, and found again.
func TestFittedOnDemand(t *testing.T) {
	imgs := heldOut(t)
	source := Source{Photos: []pix.Image{imgs["photograph"]}, Pages: []pix.Image{imgs["text"]}, Pixels: 1 << 16, Seed: 5}
	f, err := NewFitting("rvq:patch=8,k=30,depth=2")
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	ctx := tokenizers.WithProgress(t.Context(), func(line string) { lines = append(lines, line) })
	dir, fits := t.TempDir(), 0
	var digests [2]string
	for i := range digests {
		a, err := onDemand(ctx, f, dir+"/new", func() (Source, error) { fits++; return source, nil })
		if err != nil {
			t.Fatal(err)
		}
		digests[i] = a.Digest()
	}
	if fits != 1 || digests[0] != digests[1] {
		t.Errorf("fitted %d times, %.8s and %.8s", fits, digests[0], digests[1])
	}
	if len(lines) < 3 || !strings.Contains(lines[0], "once") || !strings.Contains(lines[1], "30 codewords") {
		t.Errorf("it said %q", lines)
	}
	again, err := onDemand(ctx, f, dir+"/other", func() (Source, error) { return source, nil })
	if err != nil || again.Digest() != digests[0] {
		t.Errorf("elsewhere it is %.8s (%v), here %.8s", again.Digest(), err, digests[0])
	}
}

// More codewords than vectors are refused while fitting, with how many can be had.
func TestFitNeedsVectors(t *testing.T) {
	img := heldOut(t)["photograph"]
	source := Source{Photos: []pix.Image{img}, Pages: []pix.Image{img}, Pixels: 1 << 12, Seed: 5}
	patches, _, err := source.Patches(8, nil)
	if err != nil {
		t.Fatal(err)
	}
	tr, err := FitTransform(patches, 8, 8)
	if err != nil {
		t.Fatal(err)
	}
	f, err := NewFitting("vq:patch=8,k=1000,dim=8")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Fit(t.Context(), source, tr, true, nil); err == nil || !strings.Contains(err.Error(), "k=128 is the most") {
		t.Errorf("error %v, want how many are possible", err)
	}
}

// Every way to fit makes an artefact that opens, and fits the same twice.
func TestEveryFitOpensAndRepeats(t *testing.T) {
	imgs := heldOut(t)
	source := Source{Photos: []pix.Image{imgs["photograph"]}, Pages: []pix.Image{imgs["text"]}, Pixels: 1 << 15, Seed: 5}
	patches, _, err := source.Patches(4, nil)
	if err != nil {
		t.Fatal(err)
	}
	tr, err := FitTransform(patches, 4, 12)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for i, opts := range []string{
		"k=32", "k=16,depth=3", "k=16,groups=3", "k=16,groups=2,depth=2,split=interleaved", "k=16,depth=4,mask=true",
		"k=16-8,scales=2-1", "k=8-16-32,scales=4-2-1", "k=32,assign=ecvq,lambda=500", "k=32,fit=ema", "k=32,fit=ema,revive=1",
		"k=32,fit=paired", "k=32,fit=paired,degrade=jpeg", "k=32,words=linear", "k=32,words=linear,basis=samples", "k=32,words=linear,basis=photos,rank=4",
		"k=32,norm=l2",
	} {
		t.Run(opts, func(t *testing.T) {
			f, err := NewFitting("vq:patch=4,dim=12," + opts)
			if err != nil {
				t.Fatal(err)
			}
			var files [2]string
			for i := range files {
				a, err := f.Fit(t.Context(), source, tr, true, nil)
				if err != nil {
					t.Fatal(err)
				}
				var b strings.Builder
				if _, err := a.WriteTo(&b); err != nil {
					t.Fatal(err)
				}
				files[i] = b.String()
			}
			if files[0] != files[1] {
				t.Error("the same fit gives another file")
			}
			path := fmt.Sprintf("%s/own%d.vtbq", dir, i)
			if err := writeFile(path, files[0]); err != nil {
				t.Fatal(err)
			}
			tok := open(t, fmt.Sprintf("vq:file=%s,%s", path, opts))
			for name, img := range imgs {
				if p := psnr(img, reconstruct(t, tok, img)[0].Image); p < 11 {
					t.Errorf("%s: %.2f dB on what it was fitted to", name, p)
				}
			}
		})
	}
}

// An id is drawn among the nearest few, each of which comes, and the same image has
// the same draws.
func TestTopKDrawsAmongTheNearest(t *testing.T) {
	img := heldOut(t)["photograph"]
	nearest := reconstruct(t, open(t, "vq:k=256"), img)[0]
	tok := open(t, "vq:k=256,topk=3")
	book := tok.(*mending).q.(*staged).stages[0].book
	x := tok.(*mending).t.Forward(img)
	r := reconstruct(t, tok, img)[0]
	few, dist := make([]int32, 3), make([]float32, 3)
	var ranks [3]int
	for i, id := range r.Codes.Books[0].IDs {
		book.nearestFew(few, dist, x[i*book.dim:][:book.dim])
		rank := slices.Index(few, id)
		if rank < 0 {
			t.Fatalf("patch %d has id %d, the nearest three are %v", i, id, few)
		}
		ranks[rank]++
	}
	n := len(r.Codes.Books[0].IDs)
	for rank, c := range ranks {
		if math.Abs(float64(c)-float64(n)/3) > 5*math.Sqrt(float64(n)*2/9) {
			t.Errorf("rank %d was drawn %d times of %d", rank, c, n)
		}
	}
	if a, b := psnr(img, nearest.Image), psnr(img, r.Image); b >= a {
		t.Errorf("drawn among three: %.2f dB, nearest %.2f dB", b, a)
	}
	if !slices.Equal(r.Codes.Books[0].IDs, reconstruct(t, tok, img)[0].Codes.Books[0].IDs) {
		t.Error("the same image has other draws")
	}
}

// Guesses by what lies side by side are right where the neighbours say so, and come
// from the file the second time.
func TestMarkovRepair(t *testing.T) {
	imgs := heldOut(t)
	q := open(t, "vq:k=256").(*mending).q.(*staged)
	tr := open(t, "vq:k=256").(*mending).t
	source := Source{Photos: []pix.Image{imgs["photograph"]}, Pages: []pix.Image{imgs["text"]}}
	dir, counted := t.TempDir(), 0
	var digests [2]string
	for i := range digests {
		var err error
		q.bigram, digests[i], err = bigramOf(t.Context(), q, tr, "w", dir, func() (Source, error) { counted++; return source, nil })
		if err != nil {
			t.Fatal(err)
		}
	}
	if counted != 1 || digests[0] != digests[1] {
		t.Errorf("counted %d times, %.8s and %.8s", counted, digests[0], digests[1])
	}
	for name, img := range imgs {
		gw, gh := tr.Grid(img.W, img.H)
		ids := q.QuantizeGrid(tr.Forward(img), gw, gh)
		lost := [][]bool{make([]bool, len(ids[0]))}
		rng := rand.New(rand.NewPCG(3, 3))
		n := 0
		for i := range lost[0] {
			if lost[0][i] = rng.Float64() < .2; lost[0][i] {
				n++
			}
		}
		right := func(q *staged) int {
			out, same := q.Mend(ids, lost, gw, gh)[0], 0
			for i, id := range out {
				if lost[0][i] && id == ids[0][i] {
					same++
				} else if !lost[0][i] && id != ids[0][i] {
					t.Fatalf("%s: id %d was not lost and changed", name, i)
				}
			}
			return same
		}
		plain := *q
		plain.bigram = nil
		with, without := right(q), right(&plain)
		t.Logf("%s: of %d lost ids %d are guessed by pairs, %d by means", name, n, with, without)
		if with <= without || with < n/2 { // pairs of the image itself
			t.Errorf("%s: of %d lost ids %d are guessed by pairs, %d by means", name, n, with, without)
		}
	}
	// By hand: 1 lies right of 0 three times, 2 once, and 2 alone lies above 3.
	g := newBigram(4, []pair{{0, 1, 3}, {0, 2, 1}}, []pair{{2, 3, 5}})
	for _, c := range []struct {
		neighbours [4]int32
		want       int32
		ok         bool
	}{
		{[4]int32{0, -1, -1, -1}, 1, true},
		{[4]int32{-1, -1, -1, 3}, 2, true},
		{[4]int32{0, -1, -1, 3}, 2, true},
		{[4]int32{-1, -1, -1, -1}, 0, false},
		{[4]int32{3, -1, -1, -1}, 0, false},
	} {
		if id, ok := g.guess(c.neighbours); id != c.want && c.ok || ok != c.ok {
			t.Errorf("beside %v: %d, %v, want %d, %v", c.neighbours, id, ok, c.want, c.ok)
		}
	}
}

// Guessing lost ids from those around is worth several decibels over the most
// frequent one, and changes nothing where nothing is lost.
func TestRepair(t *testing.T) {
	for name, img := range heldOut(t) {
		for _, text := range []string{"vq:k=1024", "rvq", "vq2", "fq"} {
			tok := open(t, text)
			r := reconstruct(t, tok, img)[0]
			rng := rand.New(rand.NewPCG(7, 7))
			lost := make([][]bool, len(r.Codes.Books))
			dropped := &tokenizers.Codes{Books: slices.Clone(r.Codes.Books)}
			for b := range lost {
				ids := slices.Clone(r.Codes.Books[b].IDs)
				dropped.Books[b].IDs = ids
				lost[b] = make([]bool, len(ids))
				counts := map[int32]int{}
				mode := int32(0)
				for _, id := range ids {
					if counts[id]++; counts[id] > counts[mode] {
						mode = id
					}
				}
				for i := range ids {
					if lost[b][i] = rng.Float64() < .2; lost[b][i] {
						ids[i] = mode
					}
				}
			}
			rep := tok.(tokenizers.Repairer)
			repaired, err := rep.Repair(dropped, lost, img.W, img.H)
			if err != nil {
				t.Fatal(err)
			}
			out, err := tok.(tokenizers.Decoder).Decode(t.Context(), []*tokenizers.Codes{dropped, repaired}, img.W, img.H)
			if err != nil {
				t.Fatal(err)
			}
			a, b := psnr(img, out[0]), psnr(img, out[1])
			t.Logf("%s, %s: intact %.2f dB, a fifth dropped %.2f, repaired %.2f", name, text, psnr(img, r.Image), a, b)
			if name == "photograph" && b < a+1 {
				t.Errorf("%s, %s: repaired %.2f dB, dropped %.2f", name, text, b, a)
			}
			for b := range lost {
				clear(lost[b])
			}
			same, err := rep.Repair(r.Codes, lost, img.W, img.H)
			if err != nil {
				t.Fatal(err)
			}
			for b := range lost {
				if !slices.Equal(same.Books[b].IDs, r.Codes.Books[b].IDs) {
					t.Errorf("%s: nothing was lost, and codebook %d changed", text, b)
				}
			}
			if _, err := rep.Repair(r.Codes, lost[1:], img.W, img.H); err == nil {
				t.Errorf("%s: no error for losses of other codebooks", text)
			}
		}
	}
}
