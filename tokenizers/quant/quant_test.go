package quant

import (
	"bytes"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/vtbench/vtbench/internal/testenv"
	"github.com/vtbench/vtbench/pix"
	"github.com/vtbench/vtbench/tokenizers"
	"github.com/vtbench/vtbench/tokenizers/internal/sample"
)

func open(t testing.TB, text string) tokenizers.Tokenizer {
	t.Helper()
	tok, err := tryOpen(t, text)
	if err != nil {
		t.Fatal(err)
	}
	return tok
}

func tryOpen(t testing.TB, text string) (tokenizers.Tokenizer, error) {
	t.Helper()
	kind, opts, err := resolve(text)
	if err != nil {
		return nil, err
	}
	return kind.Open(t.Context(), opts)
}

func resolve(text string) (tokenizers.Kind, tokenizers.Options, error) {
	spec, err := tokenizers.ParseSpec(text, Kinds())
	if err != nil {
		return tokenizers.Kind{}, nil, err
	}
	return tokenizers.Resolve(spec, Kinds())
}

// heldOut are images that nothing was fitted on: a photograph (Eileen Collins,
// NASA, public domain; from scikit-image, scaled to 256×256) and a page of
// rendered text of another seed.
func heldOut(t testing.TB) map[string]pix.Image {
	t.Helper()
	photo, err := pix.Load("testdata/astronaut.png")
	if err != nil {
		t.Fatal(err)
	}
	text, err := sample.NewText(77)
	if err != nil {
		t.Fatal(err)
	}
	page, err := text.Page(256, 256)
	if err != nil {
		t.Fatal(err)
	}
	return map[string]pix.Image{"photograph": photo, "text": page}
}

func noise(w, h int, seed uint64) pix.Image {
	rng := rand.New(rand.NewPCG(seed, 2))
	m := pix.New(w, h)
	for i := range m.Pix {
		m.Pix[i] = uint8(rng.Uint32())
	}
	return m
}

func reconstruct(t testing.TB, tok tokenizers.Tokenizer, in ...pix.Image) []tokenizers.Reconstruction {
	t.Helper()
	out, err := tok.Reconstruct(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	if err := tokenizers.Check(in, out); err != nil {
		t.Fatal(err)
	}
	for i := range out {
		if out[i].Err != nil {
			t.Fatalf("image %d: %v", i, out[i].Err)
		}
	}
	return out
}

func psnr(a, b pix.Image) float64 {
	var sum float64
	for i := range a.Pix {
		d := float64(a.Pix[i]) - float64(b.Pix[i])
		sum += d * d
	}
	return 10 * math.Log10(255*255/(sum/float64(len(a.Pix))))
}

// reference/seeds: "quality is bounded by the codebook: it rises with K".
func TestVQQualityRisesWithK(t *testing.T) {
	for name, img := range heldOut(t) {
		for _, patch := range []int{4, 8, 16} {
			last := 0.0
			for _, k := range []int{256, 1024, 4096} {
				if patch == 16 && k == 4096 {
					continue // does not ship
				}
				p := psnr(img, reconstruct(t, open(t, fmt.Sprintf("vq:patch=%d,k=%d", patch, k)), img)[0].Image)
				t.Logf("%s, patch %d, K %d: %.2f dB", name, patch, k, p)
				if p <= last {
					t.Errorf("%s, patch %d: %.2f dB at K=%d is not above %.2f dB at a quarter of it", name, patch, p, k, last)
				}
				last = p
			}
		}
	}
}

// reference/seeds: "continuous beats discrete at equal latent size".
func TestContinuousBeatsDiscrete(t *testing.T) {
	for name, img := range heldOut(t) {
		for _, size := range []struct{ patch, dim, k int }{{4, 16, 4096}, {8, 32, 4096}, {16, 64, 1024}} {
			kl := psnr(img, reconstruct(t, open(t, fmt.Sprintf("kl:patch=%d,dim=%d", size.patch, size.dim)), img)[0].Image)
			vq := psnr(img, reconstruct(t, open(t, fmt.Sprintf("vq:patch=%d,k=%d,dim=%d", size.patch, size.k, size.dim)), img)[0].Image)
			t.Logf("%s, patch %d, %d latents: continuous %.2f dB, K=%d %.2f dB", name, size.patch, size.dim, kl, size.k, vq)
			if kl <= vq {
				t.Errorf("%s, patch %d: continuous %.2f dB is not above discrete %.2f dB", name, size.patch, kl, vq)
			}
		}
	}
}

// reference/seeds: "fidelity rises with depth".
func TestRVQFidelityRisesWithDepth(t *testing.T) {
	for name, img := range heldOut(t) {
		for patch, depths := range map[int][]int{4: {1, 2, 3, 4}, 8: {1, 2, 4, 6, 8}} {
			last := 0.0
			for _, depth := range depths {
				p := psnr(img, reconstruct(t, open(t, fmt.Sprintf("rvq:patch=%d,depth=%d", patch, depth)), img)[0].Image)
				t.Logf("%s, patch %d, depth %d: %.2f dB", name, patch, depth, p)
				if p <= last {
					t.Errorf("%s, patch %d: %.2f dB at depth %d is not above %.2f dB before", name, patch, p, depth, last)
				}
				last = p
			}
		}
	}
}

func TestFSQRisesWithLevelsAndGroups(t *testing.T) {
	for name, img := range heldOut(t) {
		for _, ladder := range [][]string{
			{"fsq:levels=3-3-3-3", "fsq:levels=5-5-5-5", "fsq:levels=8-8-8-8", "fsq:levels=16-16-16-16"},
			{"fsq:groups=1", "fsq:groups=2", "fsq:groups=4", "fsq:groups=12"},
		} {
			last := 0.0
			for _, text := range ladder {
				p := psnr(img, reconstruct(t, open(t, text), img)[0].Image)
				t.Logf("%s, %s: %.2f dB", name, text, p)
				if p <= last {
					t.Errorf("%s: %s gives %.2f dB, less gives %.2f", name, text, p, last)
				}
				last = p
			}
		}
	}
}

func TestMoreLatentsAreBetterAndAllAreLossless(t *testing.T) {
	for name, img := range heldOut(t) {
		last := 0.0
		for _, dim := range []int{4, 16, 64, 192} {
			p := psnr(img, reconstruct(t, open(t, fmt.Sprintf("kl:patch=8,dim=%d", dim)), img)[0].Image)
			t.Logf("%s, patch 8, dim %d: %.2f dB", name, dim, p)
			if p <= last {
				t.Errorf("%s: %.2f dB with %d latents, %.2f dB with fewer", name, p, dim, last)
			}
			last = p
		}
		if last < 50 {
			t.Errorf("%s: all 192 latents give %.2f dB: the basis is not orthonormal", name, last)
		}
	}
}

func TestDecodeIsWhatReconstructShows(t *testing.T) {
	for _, text := range []string{"vq:patch=4,k=256", "vq", "vq:patch=16,k=1024,dim=20", "rvq:depth=3", "rvq:patch=4,dim=7", "fsq", "fsq:patch=8,levels=7-2,groups=5"} {
		tok := open(t, text)
		for _, size := range [][2]int{{1, 1}, {8, 8}, {17, 5}, {64, 33}} {
			img := noise(size[0], size[1], 3)
			r := reconstruct(t, tok, img)[0]
			got, err := tok.(tokenizers.Decoder).Decode(t.Context(), []*tokenizers.Codes{r.Codes}, img.W, img.H)
			if err != nil {
				t.Fatal(err)
			}
			if !got[0].Equal(r.Image) {
				t.Errorf("%s, %d×%d: decoding the codes gives another image", text, img.W, img.H)
			}
		}
	}
}

func TestDecodeRefusesWhatDoesNotFit(t *testing.T) {
	tok := open(t, "vq:patch=8,k=256").(tokenizers.Decoder)
	book := func(size int, shape []int, ids ...int32) *tokenizers.Codes {
		return &tokenizers.Codes{Books: []tokenizers.Book{{Size: size, Shape: shape, IDs: ids}}}
	}
	for name, c := range map[string]struct {
		codes *tokenizers.Codes
		w, h  int
		want  string
	}{
		"nil":        {nil, 8, 8, "want ids of 1 codebooks"},
		"no books":   {&tokenizers.Codes{}, 8, 8, "want ids of 1 codebooks"},
		"other size": {book(512, []int{1, 1}, 3), 8, 8, "has size 512"},
		"beyond":     {book(256, []int{1, 1}, 256), 8, 8, "outside 0..255"},
		"shape":      {book(256, []int{1, 2}, 1, 2), 8, 8, "[1 2]"},
		"no pixels":  {book(256, []int{1, 1}, 3), 0, 8, "0×8"},
	} {
		if _, err := tok.Decode(t.Context(), []*tokenizers.Codes{c.codes}, c.w, c.h); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want %q in it", name, err, c.want)
		}
	}
}

// brute compares with every codeword, in the arithmetic of the search.
func brute(words []float32, stride, dim int, x []float32) int32 {
	c := &Codebook{dim: dim}
	best, id := float32(math.Inf(1)), int32(-1)
	for i := range len(words) / stride {
		c.words = words[i*stride:][:dim]
		if d := c.distance(x, 0, float32(math.Inf(1))); d < best {
			best, id = d, int32(i)
		}
	}
	return id
}

func TestNearestIsExact(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		dim := rapid.IntRange(1, 11).Draw(t, "dim")
		k := rapid.IntRange(1, 60).Draw(t, "k")
		// Few distinct values make ties, which must go to the lowest id.
		grid := rapid.SampledFrom([]float32{0, 1, 2, -1, .5, 1e-3, 300})
		words := rapid.SliceOfN(grid, k*dim, k*dim).Draw(t, "words")
		book, err := NewCodebook(words, dim, dim)
		if err != nil {
			t.Fatal(err)
		}
		for range 4 {
			x := rapid.SliceOfN(grid, dim, dim).Draw(t, "x")
			want := brute(words, dim, dim, x)
			guess := int32(rapid.IntRange(-1, k-1).Draw(t, "guess"))
			if got, _ := book.nearest(x, guess, -1); got != want {
				t.Fatalf("nearest to %v from guess %d is %d, want %d", x, guess, got, want)
			}
		}
	})
}

func TestNearestIsExactOnImages(t *testing.T) {
	img := heldOut(t)["photograph"]
	d := open(t, "vq:patch=8,k=1024").(*mending)
	book := d.q.(*staged).stages[0].book
	words := make([]float32, 0, book.Size()*book.dim)
	for id := range book.Size() {
		words = append(words, book.Word(int32(id))...)
	}
	x := d.t.Forward(img)
	ids := reconstruct(t, d, img)[0].Codes.Books[0].IDs
	for i, id := range ids {
		if want := brute(words, book.dim, book.dim, x[i*book.dim:][:book.dim]); id != want {
			t.Fatalf("patch %d has id %d, comparing with all gives %d", i, id, want)
		}
	}
}

func TestNearbyAndDistance(t *testing.T) {
	tok := open(t, "vq:patch=4,k=256").(tokenizers.Neighbourer)
	near, err := tok.Nearest(0)
	if err != nil {
		t.Fatal(err)
	}
	for a, b := range near {
		if int32(a) == b {
			t.Fatalf("codeword %d is its own neighbour", a)
		}
		want, err := tok.Distance(0, int32(a), b)
		if err != nil {
			t.Fatal(err)
		}
		for c := range near {
			if got, err := tok.Distance(0, int32(a), int32(c)); err != nil || c != a && got < want*(1-1e-6) {
				t.Fatalf("codeword %d is nearer to %d (%g) than its neighbour %d (%g), %v", c, a, got, b, want, err)
			}
		}
	}
	if _, err := tok.Nearest(1); err == nil {
		t.Error("no error for a codebook that does not exist")
	}
	if _, err := tok.Distance(0, 0, 256); err == nil {
		t.Error("no error for an id that does not exist")
	}
}

func TestBatchesDoNotMatter(t *testing.T) {
	images := []pix.Image{noise(40, 24, 1), noise(9, 70, 2), noise(33, 33, 3)}
	for _, text := range []string{"kl", "kl:patch=4,dim=7", "vq", "rvq", "fsq:groups=3"} {
		tok := open(t, text)
		together := reconstruct(t, tok, images...)
		for i, img := range images {
			if !reconstruct(t, tok, img)[0].Image.Equal(together[i].Image) {
				t.Errorf("%s: image %d alone differs from image %d in a batch", text, i, i)
			}
		}
	}
}

func TestEdgesAreRepeatedNotBlack(t *testing.T) {
	// An image of one colour must stay so whatever its size: nothing dark may
	// leak in from outside.
	for _, text := range []string{"kl:patch=8,dim=8", "kl:patch=16,dim=8"} {
		for _, size := range [][2]int{{1, 1}, {7, 9}, {17, 31}} {
			m := pix.New(size[0], size[1])
			for i := range m.Pix {
				m.Pix[i] = 200
			}
			got := reconstruct(t, open(t, text), m)[0].Image
			if slices.Min(got.Pix) < 190 || slices.Max(got.Pix) > 210 {
				t.Errorf("%s: a %d×%d image of 200 becomes %d..%d", text, m.W, m.H, slices.Min(got.Pix), slices.Max(got.Pix))
			}
		}
	}
}

func TestWhatDoesNotShipSaysHowToFitIt(t *testing.T) {
	t.Setenv("XDG_CACHE_HOME", t.TempDir()) // where no photographs were fetched
	_, err := tryOpen(t, "vq:patch=8,k=777")
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{"vq-p8-k777", "vq-p8-k256", "vtbench datasets pull", "go run ./tokenizers/quant/fit", "vq:patch=8,k=777", "file="} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("error %q does not mention %q", err, want)
		}
	}
	for _, text := range []string{"kl:patch=4,dim=49", "vq:dim=33", "kl:patch=5", "vq:file=does-not-exist.vtbq", "rvq:depth=9", "rvq:k=1024", "fsq:levels=8-1", "fsq:levels=", "fsq:levels=256-256-256", "fsq:groups=13"} {
		if _, err := tryOpen(t, text); err == nil {
			t.Errorf("%s opens", text)
		}
	}
}

func TestFitAndUseAFileOfOnesOwn(t *testing.T) {
	img := heldOut(t)["photograph"]
	source := Source{Photos: []pix.Image{img}, Pages: []pix.Image{heldOut(t)["text"]}, Pixels: 1 << 16, Seed: 5}
	patches, _, err := source.Patches(6, nil)
	if err != nil {
		t.Fatal(err)
	}
	tr, err := FitTransform(patches, 6, 24)
	if err != nil {
		t.Fatal(err)
	}
	f, err := NewFitting("vq:patch=6,k=40,dim=24")
	if err != nil {
		t.Fatal(err)
	}
	a, err := f.Fit(t.Context(), source, tr, true, nil)
	if err != nil {
		t.Fatal(err)
	}
	var one, two bytes.Buffer
	if _, err := a.WriteTo(&one); err != nil {
		t.Fatal(err)
	}
	again, err := f.Fit(t.Context(), source, tr, true, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := again.WriteTo(&two); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(one.Bytes(), two.Bytes()) {
		t.Error("the same fit gives another file")
	}
	path := t.TempDir() + "/own.vtbq"
	if err := os.WriteFile(path, one.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	tok := open(t, "vq:file="+path)
	if in := tok.Info(); in.Stride != 6 || !slices.Equal(in.Codebooks, []int{40}) || in.Weights != a.Digest() {
		t.Errorf("info is %+v", in)
	}
	if p := psnr(img, reconstruct(t, tok, img)[0].Image); p < 18 {
		t.Errorf("on what it was fitted to: %.2f dB", p)
	}
}

func TestEveryShippedArtefactOpens(t *testing.T) {
	for _, name := range Shipped() {
		data, err := fitted.ReadFile("fitted/" + name + extension)
		if err != nil {
			t.Fatal(err)
		}
		a, err := ReadArtefact(data)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if got, want := a.Fit["photographs"], sample.Digest(); got != want {
			t.Errorf("%s was fitted on the photographs %.12s, those to fit on are now %.12s: run go run ./tokenizers/quant/fit", name, got, want)
		}
		if a.Transform != "" {
			if _, err := transformOf(a); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}

// What ships can be made again: the images it was fitted on are those that the fit
// would make today, to the last bit of decoding, scaling and drawing text.
func TestShippedArtefactsWereFittedToTheseImages(t *testing.T) {
	src, err := Packaged(SourcePixels, SourceSeed)
	testenv.Need(t, err)
	want := src.Digest()
	for _, name := range Shipped() {
		data, err := fitted.ReadFile("fitted/" + name + extension)
		if err != nil {
			t.Fatal(err)
		}
		a, err := ReadArtefact(data)
		if err != nil {
			t.Fatal(err)
		}
		if got := a.Fit["images"]; got != want {
			t.Errorf("%s was fitted on the images %.12s, today they are %.12s: run go run ./tokenizers/quant/fit", name, got, want)
		}
	}
}

func BenchmarkReconstruct(b *testing.B) {
	small, err := pix.Load("testdata/astronaut.png")
	if err != nil {
		b.Fatal(err)
	}
	img := pix.New(512, 512) // four times the photograph
	for y := range 512 {
		row := small.Row(y % 256)
		copy(img.Row(y), row)
		copy(img.Row(y)[3*256:], row)
	}
	for _, text := range []string{"kl:patch=8,dim=16", "kl:patch=8,dim=64", "vq:patch=4,k=1024", "vq:patch=4,k=4096", "vq:patch=8,k=256", "vq:patch=8,k=1024", "vq:patch=8,k=4096", "vq:patch=16,k=1024"} {
		tok := open(b, text)
		b.Run(text, func(b *testing.B) {
			b.SetBytes(int64(len(img.Pix)))
			var encode, decode float64
			for b.Loop() {
				r, err := tok.Reconstruct(b.Context(), []pix.Image{img})
				if err != nil {
					b.Fatal(err)
				}
				encode += r[0].Encode.Seconds()
				decode += r[0].Decode.Seconds()
			}
			b.ReportMetric(1e3*encode/float64(b.N), "ms-encode")
			b.ReportMetric(1e3*decode/float64(b.N), "ms-decode")
		})
	}
}

func writeFile(path, content string) error { return os.WriteFile(path, []byte(content), 0o600) }
