package cheapest

import (
	"context"
	"errors"
	"io"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/vtbench/vtbench/internal/assets"
	"github.com/vtbench/vtbench/internal/testenv"
	"github.com/vtbench/vtbench/metrics/quality"
	"github.com/vtbench/vtbench/pix"
	"github.com/vtbench/vtbench/tokenizers"
	"github.com/vtbench/vtbench/tokenizers/codec"
	"github.com/vtbench/vtbench/tokenizers/internal/sample"
	"github.com/vtbench/vtbench/tokenizers/quant"
)

func kinds() []tokenizers.Kind {
	return slices.Concat(codec.Kinds(), quant.Kinds(), quant.ClipKinds(), []tokenizers.Kind{Kind(kinds)})
}

func tryOpen(t *testing.T, text string) (tokenizers.Tokenizer, error) {
	t.Helper()
	spec, err := tokenizers.ParseSpec(text, kinds())
	if err != nil {
		return nil, err
	}
	kind, opts, err := tokenizers.Resolve(spec, kinds())
	if err != nil {
		return nil, err
	}
	tok, err := kind.Open(t.Context(), opts)
	if c, ok := tok.(io.Closer); ok && err == nil {
		t.Cleanup(func() {
			if err := c.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	return tok, err
}

func reconstruct(t *testing.T, text string, in ...pix.Image) []tokenizers.Reconstruction {
	t.Helper()
	tok, err := tryOpen(t, text)
	if err != nil {
		t.Fatal(err)
	}
	out, err := tok.Reconstruct(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// images are a smooth one, which little is good enough for, and one of noise.
func images() []pix.Image {
	smooth, noisy := pix.New(64, 48), pix.New(64, 48)
	rng := rand.New(rand.NewPCG(1, 2))
	for i := range smooth.Pix {
		smooth.Pix[i] = uint8(60 + i/3%64)
		noisy.Pix[i] = uint8(rng.Uint32())
	}
	return []pix.Image{smooth, noisy}
}

// An image gets the first tokenizer that is good enough for it, the last one where none
// is; its bits say which, and batches do not matter.
func TestFirstThatIsGoodEnough(t *testing.T) {
	in := images()
	members := []string{"jpeg:q=10", "jpeg:q=50", "jpeg:q=95"}
	var each [][]tokenizers.Reconstruction
	for _, m := range members {
		each = append(each, reconstruct(t, m, in...))
	}
	for _, least := range []struct {
		text string
		want [2]int // member chosen for each image
	}{{"-100", [2]int{0, 0}}, {"1000", [2]int{2, 2}}, {"32", [2]int{0, 2}}} {
		text := "cheapest:of={jpeg:q={10,50,95}},least=" + least.text
		got := reconstruct(t, text, in...)
		for i, want := range least.want {
			w := each[want][i]
			if !got[i].Image.Equal(w.Image) || got[i].Bits != w.Bits+2 || got[i].Codes != nil {
				t.Errorf("least=%s, image %d: %d bits, want those of %s, %d, and two", least.text, i, got[i].Bits, members[want], w.Bits)
			}
			if alone := reconstruct(t, text, in[i])[0]; !alone.Image.Equal(got[i].Image) || alone.Bits != got[i].Bits {
				t.Errorf("least=%s: image %d alone differs from it in a batch", least.text, i)
			}
		}
	}
	// Ids at fixed length where there is no bitstream are bits too.
	if r := reconstruct(t, "cheapest:of={{vq:patch=16,k=256},jpeg},least=-100", in[0])[0]; r.Err != nil || r.Bits < 2 {
		t.Errorf("%d bits, %v", r.Bits, r.Err)
	}
}

func TestInfoIsThatOfAll(t *testing.T) {
	a, err := tryOpen(t, "cheapest:of={{vq:patch=16,k=256},{vq:patch=8,k=256}}")
	if err != nil {
		t.Fatal(err)
	}
	b, err := tryOpen(t, "cheapest:of={{vq:patch=16,k=256},{vq:patch=8,k=1024}},score=tchebichef")
	if err != nil {
		t.Fatal(err)
	}
	in := a.Info()
	if !in.Deterministic || !in.BatchInvariant || !in.Concurrent || in.External || len(in.Codebooks) > 0 || len(in.Weights) != 64 || in.Weights == b.Info().Weights {
		t.Errorf("%+v", in)
	}
	if in.Params["least"] != "25" || b.Info().Params["least"] != "0.04" {
		t.Errorf("least is %s and %s", in.Params["least"], b.Info().Params["least"])
	}
	if n := lcm(6, 4); n != 12 {
		t.Errorf("the least common multiple of 6 and 4 is %d", n)
	}
}

// Tokenizers of clips are taken as what they are for images: the choice is made frame by
// frame, and it says so.
func TestClipTokenizersAreChosenByFrame(t *testing.T) {
	in, one := images(), "vq3d:patch=8,k=1024"
	member, err := tryOpen(t, one)
	if err != nil {
		t.Fatal(err)
	}
	if _, clips := member.(tokenizers.ClipTokenizer); !clips || member.Info().Clips == nil {
		t.Fatalf("%s takes no clips: this test needs one that does", one)
	}
	text := "cheapest:of={{" + one + "},{jpeg:q=95}},least=-1000"
	tok, err := tryOpen(t, text)
	if err != nil {
		t.Fatal(err)
	}
	if _, clips := tok.(tokenizers.ClipTokenizer); clips || tok.Info().Clips != nil {
		t.Errorf("takes clips: %v, and says %+v", clips, tok.Info().Clips)
	}
	want, got := reconstruct(t, one, in...), reconstruct(t, text, in...)
	for i := range in {
		if got[i].Err != nil || want[i].Err != nil {
			t.Fatal(got[i].Err, want[i].Err)
		}
		if !slices.Equal(got[i].Image.Pix, want[i].Image.Pix) {
			t.Errorf("image %d is not what %s makes of it", i, one)
		}
	}
}

// What a member says of its engine is said of all: a result with another engine is another
// result.
func TestParametersOfMembers(t *testing.T) {
	of := func(version string) tokenizers.Info {
		c := &choosing{members: []tokenizers.Tokenizer{engined{"1"}, engined{version}}}
		if err := c.describe(tokenizers.Options{}); err != nil {
			t.Fatal(err)
		}
		return c.Info()
	}
	if a, b := of("1").Params["of.2.engine"], of("2").Params["of.2.engine"]; a != "1" || b != "2" {
		t.Errorf("the engine of the second is %q and %q", a, b)
	}
}

// engined states the version of its engine.
type engined struct{ version string }

func (e engined) Info() tokenizers.Info {
	return tokenizers.Info{Name: "engined", Params: map[string]string{"engine": e.version}}
}

func (engined) Reconstruct(context.Context, []pix.Image) ([]tokenizers.Reconstruction, error) {
	return nil, errors.ErrUnsupported
}

func TestWhatCannotBeChosenIsRefused(t *testing.T) {
	for text, want := range map[string]string{
		"cheapest":                                "option \"of\" is missing",
		"cheapest:of={jpeg:q=20}":                 "nothing to choose",
		"cheapest:of={vq:patch=8,k=256,jpeg}":     "braces of its own",
		"cheapest:of={jpeg,jpg}":                  "did you mean \"jpeg\"",
		"cheapest:of={jpeg,{vq:k=1}}":             "want whole numbers from 2",
		"cheapest:of={jpeg,png},score=ssim":       "want one of psnr, tchebichef",
		"cheapest:of={jpeg,png},least=much":       "want a number, or auto",
		"cheapest:of={{rvq:groups=3,k=8},{jpeg}}": "cannot be fitted now",
	} {
		t.Setenv("XDG_CACHE_HOME", t.TempDir())
		if _, err := tryOpen(t, text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q in it", text, err, want)
		}
	}
	r := reconstruct(t, "cheapest:of={{kl:dim=8},jpeg},least=-100", images()[0])[0]
	if r.Err == nil || !strings.Contains(r.Err.Error(), "neither a bitstream nor ids") {
		t.Errorf("a member without a rate: %v", r.Err)
	}
}

// failing fails on some images.
type failing struct{ tokenizers.Tokenizer }

func (f failing) Reconstruct(_ context.Context, in []pix.Image) ([]tokenizers.Reconstruction, error) {
	out := make([]tokenizers.Reconstruction, len(in))
	for i := range out {
		out[i].Err = errors.New("no")
	}
	return out, nil
}

type named struct{ tokenizers.Tokenizer }

func (named) Info() tokenizers.Info { return tokenizers.Info{Name: "named"} }

// What fails with the tokenizer that is asked fails.
func TestFailuresCostTheirImage(t *testing.T) {
	c := &choosing{members: []tokenizers.Tokenizer{failing{named{}}, named{}}, score: scores()[0]}
	out, err := c.Reconstruct(t.Context(), images())
	if err != nil || out[0].Err == nil || out[1].Err == nil {
		t.Errorf("%v, %v", out, err)
	}
}

// The score falls with the loss: of what is sharp and has no blocks it is largest.
func TestTchebichef(t *testing.T) {
	// Orthonormal polynomials.
	for i := range 4 {
		for j := range 4 {
			var dot float64
			for x := range 4 {
				dot += tchebi[i][x] * tchebi[j][x]
			}
			want := 0.0
			if i == j {
				want = 1
			}
			if math.Abs(dot-want) > 1e-12 {
				t.Errorf("polynomials %d and %d have the product %g", i, j, dot)
			}
		}
	}
	// A ramp is of the first order alone; a chequered field of the highest.
	ramp, chequers := pix.New(16, 16), pix.New(16, 16)
	for i := range ramp.Pix {
		x, y := i/3%16, i/3/16
		ramp.Pix[i] = uint8(8 * (x + y))
		chequers.Pix[i] = uint8(100 + 100*((x+y)%2))
	}
	if s, _ := sharpness(ramp); s > 1e-9 {
		t.Errorf("a ramp has %g of high order", s)
	}
	if s, j := sharpness(chequers); s < .9 || math.Abs(j-1) > 1e-9 {
		t.Errorf("chequers have %g of high order and jumps of %g", s, j)
	}
	noisy := images()[1]
	last := tchebichef(noisy)
	for _, text := range []string{"rvq:depth=8", "rvq:depth=4", "rvq:depth=2"} {
		s := tchebichef(reconstruct(t, text, noisy)[0].Image)
		if s >= last {
			t.Errorf("%s scores %g, what is better %g", text, s, last)
		}
		last = s
	}
}

// The score from which a reconstruction is good enough is what it is said to be.
func TestLeastIsCalibrated(t *testing.T) {
	var got []float64
	for _, f := range assets.Photographs(assets.Calibrate) {
		m, err := sample.Photograph(f)
		testenv.Need(t, err)
		img, _, err := pix.Fit(sample.Shrink(m, 1024), 256)
		if err != nil {
			t.Fatal(err)
		}
		r := reconstruct(t, "rvq:depth=4", img)[0]
		p, err := quality.PSNR(img, r.Image)
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, tchebichef(r.Image))
		t.Logf("%s: %.4f at %.2f dB", f.Name, got[len(got)-1], p)
	}
	slices.Sort(got)
	n := len(got)
	if median := (got[(n-1)/2] + got[n/2]) / 2; math.Abs(median-leastTchebichef) > .001 {
		t.Errorf("the median is %.4f, the constant %g", median, leastTchebichef)
	}
}
