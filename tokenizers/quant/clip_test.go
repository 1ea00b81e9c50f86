package quant

import (
	"bytes"
	"context"
	"math"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/vtbench/vtbench/internal/rangecoder"
	"github.com/vtbench/vtbench/pix"
	"github.com/vtbench/vtbench/tokenizers"
)

// openClip opens a tokenizer of clips.
func openClip(t testing.TB, text string) tokenizers.ClipTokenizer {
	t.Helper()
	tok, err := tryOpenClip(t.Context(), text)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return tok
}

func tryOpenClip(ctx context.Context, text string) (tokenizers.ClipTokenizer, error) {
	kinds := ClipKinds()
	s, err := tokenizers.ParseSpec(text, kinds)
	if err != nil {
		return nil, err
	}
	k, opts, err := tokenizers.Resolve(s, kinds)
	if err != nil {
		return nil, err
	}
	tok, err := k.Open(ctx, opts)
	if err != nil {
		return nil, err
	}
	return tok.(tokenizers.ClipTokenizer), nil
}

// panned is a film of a w by h window that moves over an image, mirrored at its edges, by
// dx, dy pixels a frame.
func panned(m pix.Image, w, h, n, dx, dy int) pix.Clip {
	mirror := func(v, n int) int {
		if v %= 2 * n; v >= n {
			return 2*n - 1 - v
		}
		return v
	}
	c := pix.Clip{Rate: 25}
	for f := range n {
		out := pix.New(w, h)
		for y := range h {
			from, to := m.Row(mirror(y+f*dy, m.H)), out.Row(y)
			for x := range w {
				copy(to[3*x:][:3], from[3*mirror(x+f*dx, m.W):])
			}
		}
		c.Frames = append(c.Frames, out)
	}
	return c
}

func code(t testing.TB, tok tokenizers.ClipTokenizer, in pix.Clip) tokenizers.ClipReconstruction {
	t.Helper()
	out, err := tok.ReconstructClip(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	if err := tokenizers.CheckClip(in, &out); err != nil {
		t.Fatal(err)
	}
	return out
}

// psnrOver is that of all samples of a clip.
func psnrOver(a, b []pix.Image) float64 {
	join := func(frames []pix.Image) pix.Image {
		m := pix.Image{W: frames[0].W, H: frames[0].H * len(frames)}
		for _, f := range frames {
			m.Pix = append(m.Pix, f.Pix...)
		}
		return m
	}
	return psnr(join(a), join(b))
}

// clipTexts are the tokenizers that the tests of all go through.
func clipTexts() []string {
	out := []string{
		"kl3d:noise=4", "vq3d:depth=4,beam=2,dim=16", "sparse-residual:step=4,tau=0,dim=9", "koopman:patch=16,state=4", "kl3d:patch=16,t=8", "kl3d:patch=32,t=8,dim=128",
		"ternary-time:bits=1.58,t=2", "ternary-time:rotate=none,scale=minmax",
	}
	for _, k := range ClipKinds() {
		out = append(out, k.Example)
	}
	return out
}

// What comes back belongs to the window alone: the same bits again, whatever else is
// coded meanwhile, at any size.
func TestClipsAreCodedAlike(t *testing.T) {
	photo := heldOut(t)["photograph"]
	for _, text := range clipTexts() {
		t.Run(text, func(t *testing.T) {
			t.Parallel()
			tok := openClip(t, text)
			info := tok.Info()
			n := info.Clips.Frames(5)
			in := panned(photo, 75, 49, n, 3, 1)
			want := code(t, tok, in)
			kept := in.Frames[0].Digest()
			var group sync.WaitGroup
			for range 3 {
				group.Go(func() {
					got, err := tok.ReconstructClip(context.Background(), in)
					got.Encode, got.Decode = want.Encode, want.Decode
					if diff := cmp.Diff(want, got); err != nil || diff != "" {
						t.Errorf("another time: %v %s", err, diff)
					}
				})
			}
			group.Wait()
			if in.Frames[0].Digest() != kept {
				t.Error("the input was written to")
			}
			if p := psnrOver(in.Frames, want.Frames); p < 12 {
				t.Errorf("%.2f dB", p)
			}
			if want.Codes == nil {
				return
			}
			per := 1 // frames of an id
			if strings.HasSuffix(info.Name, "3d") {
				per = info.Clips.Multiple
			}
			gw, gh := (75+info.Stride-1)/info.Stride, (49+info.Stride-1)/info.Stride
			for b, book := range want.Codes.Books {
				if book.Size != info.Codebooks[b] || (info.Name != "ternary-time" || b > 1) && !slices.Equal(book.Shape, []int{n / per, gh, gw}) {
					t.Errorf("book %d of %d has shape %v", b, book.Size, book.Shape)
				}
			}
			if len(want.Codes.Books) != len(info.Codebooks) || want.Bits == 0 {
				t.Errorf("%d books, %d bits", len(want.Codes.Books), want.Bits)
			}
		})
	}
}

func TestWindowsThatDoNotFitAreRefused(t *testing.T) {
	photo := heldOut(t)["photograph"]
	tok := openClip(t, "kl3d")
	for name, c := range map[string]struct {
		in   pix.Clip
		want string
	}{
		"none":      {pix.Clip{}, "no frames"},
		"five":      {panned(photo, 32, 32, 5, 0, 0), "multiple of 4"},
		"two sizes": {pix.Clip{Frames: append(panned(photo, 32, 32, 3, 0, 0).Frames, pix.New(8, 8))}, "8×8"},
	} {
		if _, err := tok.ReconstructClip(t.Context(), c.in); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q in it", name, err, c.want)
		}
	}
	for text, want := range map[string]string{
		"kl3d:patch=11,t=4": "cannot be halved", "kl3d:patch=4,t=2,dim=97": "1 to 96 numbers", "kl3d:patch=16,t=4": "go run ./tokenizers/quant/fit",
		"kl3d:dim=129": "dim=128 is the most", "vq3d:groups=64,dim=32": "groups=32 is the most", "sparse-residual:patch=5": "pca-p4", "koopman:dim=193": "dim=192 is the most",
	} {
		if _, err := tryOpenClip(t.Context(), text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q in it", text, err, want)
		}
	}
	// Artefacts of the one kind are not taken for the other.
	file := filepath.Join(t.TempDir(), "blocks.vtbq")
	a, err := shippedTransform("klt3-p8-t4")
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if _, err := a.WriteTo(&b); err != nil {
		t.Fatal(err)
	}
	if err := writeFile(file, b.String()); err != nil {
		t.Fatal(err)
	}
	if _, err := tryOpen(t, "kl:file="+file); err == nil || !strings.Contains(err.Error(), "kl3d") {
		t.Errorf("blocks for patches: %v", err)
	}
	if _, err := tryOpenClip(t.Context(), "koopman:file="+file); err == nil || !strings.Contains(err.Error(), "no transform of patches") {
		t.Errorf("blocks for prediction: %v", err)
	}
	if tok, err := tryOpenClip(t.Context(), "kl3d:file="+file); err != nil || tok.Info().Stride != 8 {
		t.Errorf("blocks of a file: %v", err)
	}
}

// All parts of a block come back to where they were taken from: numbers that are made
// pixels and transformed again are the same, but for rounding to grey values.
func TestBlocksGoBackAndForth(t *testing.T) {
	for _, stem := range []string{"klt3-p8-t4", "klt3-p16-t8", "klt3-p32-t8"} {
		a, err := shippedTransform(stem)
		if err != nil {
			t.Fatal(err)
		}
		b, err := ReadBlocks(a, 0)
		if err != nil {
			t.Fatal(err)
		}
		w, h, n := 3*b.Patch, 2*b.Patch, 2*b.Frames
		gw, gh, gt := b.Grid(w, h, n)
		rng := rand.New(rand.NewPCG(1, 2))
		x := make([]float32, gw*gh*gt*b.Dim)
		for i := range x {
			x[i] = float32(60 * rng.NormFloat64())
		}
		back := b.Forward(b.Inverse(x, w, h, n))
		var worst float64
		for i, v := range x {
			worst = max(worst, math.Abs(float64(v-back[i])))
		}
		// Rounding is ±½ of many samples: a deviation of .29; and directions are in half
		// precision.
		if worst > 2.5 {
			t.Errorf("%s: a number is off by %.3g", stem, worst)
		}
	}
}

// A still film costs its first frame and next to nothing more.
func TestOnlyWhatMovesIsSent(t *testing.T) {
	for name, img := range heldOut(t) {
		for _, text := range []string{"sparse-residual", "koopman"} {
			tok := openClip(t, text)
			first, still := code(t, tok, panned(img, 128, 128, 1, 0, 0)), code(t, tok, panned(img, 128, 128, 16, 0, 0))
			if still.Bits > first.Bits*11/10+400 {
				t.Errorf("%s, %s: %d bits for one frame, %d for sixteen of them", text, name, first.Bits, still.Bits)
			}
			if p := psnrOver(first.Frames, still.Frames[15:]); p < 45 {
				t.Errorf("%s, %s: the last of sixteen equal frames is %.2f dB from the first", text, name, p)
			}
		}
	}
}

// reference/seeds: Koopman VAE "predicts a linear motion's next frame".
func TestLinearDynamicsFollowLinearMotion(t *testing.T) {
	for name, img := range heldOut(t) {
		in := panned(img, 192, 192, 12, 3, 0)
		copied, carried := code(t, openClip(t, "koopman:predictor=copy"), in), code(t, openClip(t, "koopman"), in)
		t.Logf("%s: %d bits by copying, %d by linear dynamics", name, copied.Bits, carried.Bits)
		if carried.Bits > copied.Bits*95/100 {
			t.Errorf("%s: %d bits by copying, %d by linear dynamics", name, copied.Bits, carried.Bits)
		}
		if same := code(t, openClip(t, "sparse-residual"), in); same.Bits != copied.Bits {
			t.Errorf("copying is not sparse-residual: %d and %d bits", copied.Bits, same.Bits)
		}
	}
}

// What ternary-time sends is what it says: the grids and the choice of latents are ids, and
// all ids come back from the bytes.
func TestTernaryIsDecodedFromItsBits(t *testing.T) {
	in := panned(heldOut(t)["photograph"], 96, 64, 8, 2, 0)
	for text, want := range map[string]float64{"ternary-time:bits=1.5": 1.5, "ternary-time:bits=1": 1, "ternary-time:bits=2": 2, "ternary-time:bits=1.58": math.Log2(3)} {
		v := openClip(t, text).(*ternary)
		r := code(t, v, in)
		var bits, side float64
		var ids [][]int32
		for b, book := range r.Codes.Books {
			own := float64(len(book.IDs)) * math.Log2(float64(book.Size))
			if ids = append(ids, book.IDs); b < 2 {
				side += own
			} else {
				bits += own
			}
		}
		n := 12 * 8
		if got := bits / float64(n*8*v.t.Dim); math.Abs(got-want) > 1e-9 {
			t.Errorf("%s: %.4f bits a latent", text, got)
		}
		if side == 0 || side > bits/2 {
			t.Errorf("%s: %g bits of grids beside %g", text, side, bits)
		}
		x := v.decode(ids, n)
		for f, m := range r.Frames {
			if v.t.Inverse(x[f*n*v.t.Dim:][:n*v.t.Dim], 96, 64).Digest() != m.Digest() {
				t.Errorf("%s: frame %d is not what its ids stand for", text, f)
			}
		}
	}
}

// Where motion is not linear the map is not believed: with it hardly more is sent than by
// copying.
func TestTheMapIsBelievedWhereItWasRight(t *testing.T) {
	photo := heldOut(t)["photograph"]
	rng := rand.New(rand.NewPCG(5, 5))
	in := pix.Clip{}
	for f := range 12 { // half stands, the other half jumps about
		m := panned(photo, 192, 192, 1, 0, 0).Frames[0]
		if f > 0 {
			dx, dy := rng.IntN(30), rng.IntN(30)
			for y := range m.H {
				for x := range m.W / 2 {
					copy(m.Row(y)[3*x:][:3], photo.Row(y + dy)[3*(x+dx):])
				}
			}
		}
		in.Frames = append(in.Frames, m)
	}
	bits := func(text string) int64 { return code(t, openClip(t, text), in).Bits }
	copied, earned, always := bits("koopman:predictor=copy"), bits("koopman"), bits("koopman:trust=always")
	t.Logf("%d bits by copying, %d where it was right, %d always", copied, earned, always)
	if earned > always || earned > copied*105/100 {
		t.Errorf("%d bits by copying, %d where it was right, %d always", copied, earned, always)
	}
}

// Ids are those that were coded, up to the largest; bytes that nobody coded are refused or
// give ids within the bounds.
func TestResidualIDsComeBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		gw, gh, frames := rapid.IntRange(1, 5).Draw(t, "gw"), rapid.IntRange(1, 4).Draw(t, "gh"), rapid.IntRange(1, 4).Draw(t, "frames")
		bounds := rapid.SliceOfN(rapid.Int32Range(1, 5000), 1, 4).Draw(t, "bounds")
		n := gw * gh * frames
		blank := func() [][]int32 {
			ids := make([][]int32, 1+len(bounds))
			for b := range ids {
				ids[b] = make([]int32, n)
			}
			return ids
		}
		ids := blank()
		for i := range n {
			if ids[0][i] = rapid.Int32Range(0, 1).Draw(t, "gate"); ids[0][i] == 1 {
				for d, most := range bounds {
					ids[1+d][i] = zigzag(rapid.Int32Range(-most, most).Draw(t, "id"))
				}
			}
		}
		var e rangecoder.Encoder
		newResidualModels(len(bounds)).encode(&e, ids, bounds, gw, gh)
		data, back := e.Finish(), blank()
		if err := newResidualModels(len(bounds)).decode(rangecoder.NewDecoder(data), back, bounds, gw, gh); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(ids, back); diff != "" {
			t.Fatal(diff)
		}
		other, back := rapid.SliceOf(rapid.Byte()).Draw(t, "bytes"), blank()
		if newResidualModels(len(bounds)).decode(rangecoder.NewDecoder(other), back, bounds, gw, gh) != nil {
			return
		}
		for d, most := range bounds {
			for _, id := range back[1+d] {
				if id < 0 || id > 2*most {
					t.Fatalf("id %d of at most %d", id, 2*most)
				}
			}
		}
	})
}

// An image is a film of one frame.
func TestClipTokenizersTakeImages(t *testing.T) {
	for name, img := range heldOut(t) {
		for _, text := range []string{"kl3d", "vq3d:depth=2", "sparse-residual"} {
			tok := openClip(t, text)
			r := reconstruct(t, tok, img)[0]
			c := code(t, tok, panned(img, img.W, img.H, tok.Info().Clips.Frames(1), 0, 0))
			if r.Image.Digest() != c.Frames[0].Digest() || r.Bits != c.Bits {
				t.Errorf("%s, %s: another result than of a film", text, name)
			}
		}
	}
}

// What is fitted is a function of the source alone, and opens under its own options.
func TestFitClips(t *testing.T) {
	source := Source{Photos: []pix.Image{heldOut(t)["photograph"]}, Pages: []pix.Image{heldOut(t)["text"]}, Pixels: 20000, Seed: 3}
	fit := func() string {
		moving, err := source.Moving(4, 2)
		if err != nil {
			t.Fatal(err)
		}
		b, err := FitBlocks(moving, 4, 2, 40)
		if err != nil {
			t.Fatal(err)
		}
		base, err := ReadArtefact(encode(t, b.Artefact()))
		if err != nil {
			t.Fatal(err)
		}
		linear, err := ReadLinear(base)
		if err != nil {
			t.Fatal(err)
		}
		f, err := NewFitting("vq3d:patch=4,t=2,k=32,depth=2,dim=20")
		if err != nil {
			t.Fatal(err)
		}
		a, err := f.Fit(t.Context(), source, linear, true, nil)
		if err != nil {
			t.Fatal(err)
		}
		return string(encode(t, a))
	}
	data := fit()
	if data != fit() {
		t.Error("the same source gives another artefact")
	}
	file := filepath.Join(t.TempDir(), "own.vtbq")
	if err := writeFile(file, data); err != nil {
		t.Fatal(err)
	}
	tok := openClip(t, "vq3d:depth=2,file="+file)
	if in := tok.Info(); in.Stride != 4 || in.Channels != 20 || in.Clips.Multiple != 2 || !slices.Equal(in.Codebooks, []int{32, 32}) {
		t.Errorf("info is %+v", in)
	}
	in := panned(source.Photos[0], 64, 64, 4, 1, 0)
	if p := psnrOver(in.Frames, code(t, tok, in).Frames); p < 18 {
		t.Errorf("on what it was fitted to: %.2f dB", p)
	}
	// Codebooks for a transform that ships are fitted when first asked for.
	f, err := NewFitting("vq3d:groups=2,dim=12,k=8")
	if err != nil {
		t.Fatal(err)
	}
	asked := 0
	for range 2 {
		a, err := onDemand(t.Context(), f, filepath.Dir(file), func() (Source, error) { asked++; return source, nil })
		if err != nil || a.Frames != 4 || a.Dim != 12 || a.Transform == "" {
			t.Fatalf("on demand: %v", err)
		}
	}
	if asked != 1 {
		t.Errorf("fitted %d times", asked)
	}
}

// BenchmarkClips reports the time for a million pixels of a frame beside that for a window
// of 16 frames of 256×256.
func BenchmarkClips(b *testing.B) {
	in := panned(heldOut(b)["photograph"], 256, 256, 16, 2, 1)
	texts := []string{"kl3d:patch=16,t=8,dim=128", "kl3d:patch=32,t=8,dim=128"}
	for _, k := range ClipKinds() {
		texts = append(texts, k.Example)
	}
	for _, text := range texts {
		b.Run(text, func(b *testing.B) {
			tok := openClip(b, text)
			b.SetBytes(3 * 256 * 256 * 16)
			for b.Loop() {
				if _, err := tok.ReconstructClip(b.Context(), in); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)/(256*256*16/1e6), "µs/Mpixel")
		})
	}
}
