package codec

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"image/png"
	"math"
	"math/rand/v2"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/vtbench/vtbench/pix"
	"github.com/vtbench/vtbench/tokenizers"
)

func open(t testing.TB, text string) tokenizers.Tokenizer {
	t.Helper()
	spec, err := tokenizers.ParseSpec(text, Kinds())
	if err != nil {
		t.Fatal(err)
	}
	kind, opts, err := tokenizers.Resolve(spec, Kinds())
	if err != nil {
		t.Fatal(err)
	}
	tok, err := kind.Open(t.Context(), opts)
	if err != nil {
		t.Fatal(err)
	}
	return tok
}

// scene is a picture with smooth parts, hard coloured edges and noise.
func scene(w, h int, seed uint64) pix.Image {
	rng := rand.New(rand.NewPCG(seed, 1))
	m := pix.New(w, h)
	for y := range h {
		for x := range w {
			p := m.Pix[3*(y*w+x):]
			n := rng.NormFloat64() * 3
			board := 90 * float64((x/16+y/12)%2)
			p[0] = clampF(80 + 60*math.Sin(float64(x)/17+float64(y)/23) + board + n)
			p[1] = clampF(80 + board + n)
			p[2] = clampF(150*float64(y)/float64(h) + board + n)
		}
	}
	return m
}

func clampF(v float64) uint8 { return uint8(math.Round(min(max(v, 0), 255))) }

func psnr(a, b pix.Image) float64 {
	var sum float64
	for i := range a.Pix {
		d := float64(a.Pix[i]) - float64(b.Pix[i])
		sum += d * d
	}
	return 10 * math.Log10(255*255/(sum/float64(len(a.Pix))))
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

// What libjpeg-turbo and libwebp decode from a file, this package must show too:
// a table of codecs that nobody else can reproduce is worth nothing.
func TestDecodersAgreeWithTheirLibraries(t *testing.T) {
	var oracle struct {
		Source string
		Files  []string
	}
	raw, err := os.ReadFile("testdata/oracle.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(raw, &oracle); err != nil {
		t.Fatal(err)
	}
	for _, name := range oracle.Files {
		t.Run(name, func(t *testing.T) {
			data, err := os.ReadFile("testdata/" + name)
			if err != nil {
				t.Fatal(err)
			}
			wantPNG, err := os.ReadFile("testdata/" + name + ".png")
			if err != nil {
				t.Fatal(err)
			}
			wantImg, err := png.Decode(bytes.NewReader(wantPNG))
			if err != nil {
				t.Fatal(err)
			}
			want := pix.FromImage(wantImg)
			var c coder = webpCoder{}
			allowed := 0 // VP8's inverse transform is exact by its definition
			if strings.HasSuffix(name, ".jpg") {
				c, allowed = jpegCoder{}, 4 // inverse DCTs may round differently, and colour conversion adds up
			}
			got, err := c.decode(data)
			if err != nil {
				t.Fatal(err)
			}
			if got.W != want.W || got.H != want.H {
				t.Fatalf("size %d×%d, %s has %d×%d", got.W, got.H, oracle.Source, want.W, want.H)
			}
			worst, sum := 0, 0
			for i := range got.Pix {
				d := int(got.Pix[i]) - int(want.Pix[i])
				worst, sum = max(worst, d, -d), sum+d
			}
			if worst > allowed {
				t.Errorf("differs by up to %d from %s, want at most %d", worst, oracle.Source, allowed)
			}
			t.Logf("largest difference %d, mean %.4f", worst, float64(sum)/float64(len(got.Pix)))
		})
	}
}

func TestQualityBuysBits(t *testing.T) {
	img := scene(160, 120, 1)
	for _, kind := range []string{"jpeg", "webp"} {
		t.Run(kind, func(t *testing.T) {
			lastBits, lastPSNR := int64(0), 0.0
			for _, q := range []int{5, 30, 60, 95} {
				r := reconstruct(t, open(t, fmt.Sprintf("%s:q=%d", kind, q)), img)[0]
				p := psnr(img, r.Image)
				t.Logf("q=%d: %d bits, %d with container, %.2f dB, encode %v, decode %v", q, r.Bits, r.FileBits, p, r.Encode, r.Decode)
				if r.Bits <= lastBits || p <= lastPSNR {
					t.Errorf("q=%d: %d bits and %.2f dB, the quality below had %d and %.2f", q, r.Bits, p, lastBits, lastPSNR)
				}
				if r.FileBits <= r.Bits {
					t.Errorf("q=%d: the file (%d bits) is not larger than its payload (%d)", q, r.FileBits, r.Bits)
				}
				lastBits, lastPSNR = r.Bits, p
			}
		})
	}
}

func TestLossless(t *testing.T) {
	for _, spec := range []string{"webp:lossless=true"} {
		for _, size := range [][2]int{{1, 1}, {3, 2}, {67, 45}} {
			img := scene(size[0], size[1], 2)
			if r := reconstruct(t, open(t, spec), img)[0]; !r.Image.Equal(img) {
				t.Errorf("%s changes a %d×%d image: %.2f dB", spec, img.W, img.H, psnr(img, r.Image))
			}
		}
	}
}

func TestConcurrentCallsGiveTheSameBits(t *testing.T) {
	for _, spec := range []string{"jpeg", "webp"} {
		t.Run(spec, func(t *testing.T) {
			tok := open(t, spec)
			img := scene(96, 64, 3)
			want := reconstruct(t, tok, img)[0]
			var wg sync.WaitGroup
			for range 6 {
				wg.Go(func() {
					out, err := tok.Reconstruct(context.Background(), []pix.Image{img})
					if err != nil || out[0].Err != nil || out[0].Bits != want.Bits || !out[0].Image.Equal(want.Image) {
						t.Errorf("a concurrent call differs: %v %v", err, out)
					}
				})
			}
			wg.Wait()
		})
	}
}
