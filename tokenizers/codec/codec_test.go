package codec

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/vtbench/vtbench/internal/missing"
	"github.com/vtbench/vtbench/pix"
	"github.com/vtbench/vtbench/tokenizers"
	"github.com/vtbench/vtbench/tokenizers/tokenizertest"
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

func TestQualityBuysBits(t *testing.T) {
	img := scene(160, 120, 1)
	for _, kind := range []string{"jpeg", "webp", "avif", "jxl"} {
		t.Run(kind, func(t *testing.T) {
			lastBits, lastPSNR := int64(0), 0.0
			for _, q := range []int{5, 30, 60, 95} {
				r := reconstruct(t, open(t, fmt.Sprintf("%s:q=%d", kind, q)), img)[0]
				p := psnr(img, r.Image)
				t.Logf("q=%d: %d bits, %d with container, %.2f dB, encode %v, decode %v", q, r.Bits, r.FileBits, p, r.Encode, r.Decode)
				if r.Bits <= lastBits || p <= lastPSNR {
					t.Errorf("q=%d: %d bits and %.2f dB, the quality below had %d and %.2f", q, r.Bits, p, lastBits, lastPSNR)
				}
				if r.FileBits < r.Bits || kind != "jxl" && r.FileBits == r.Bits {
					t.Errorf("q=%d: a file of %d bits with a payload of %d", q, r.FileBits, r.Bits)
				}
				lastBits, lastPSNR = r.Bits, p
			}
		})
	}
}

func TestLossless(t *testing.T) {
	for _, spec := range []string{"png", "jxl:q=100", "webp:lossless=true"} {
		for _, size := range [][2]int{{1, 1}, {3, 2}, {67, 45}, {300, 200}} {
			img := scene(size[0], size[1], 2)
			if r := reconstruct(t, open(t, spec), img)[0]; !r.Image.Equal(img) {
				t.Errorf("%s changes a %d×%d image: %.2f dB", spec, img.W, img.H, psnr(img, r.Image))
			}
		}
	}
}

// A plain image has no corner that could be spoiled and pass for coding error:
// bindings that hand out memory they have freed show here.
func TestPlainImagesStayPlain(t *testing.T) {
	for _, spec := range []string{"jpeg", "webp", "avif", "avif:chroma=444", "jxl", "png:palette=2"} {
		tok := open(t, spec)
		for _, size := range [][2]int{{1, 1}, {16, 16}, {33, 65}, {256, 256}} {
			m := pix.New(size[0], size[1])
			for i := range m.Pix {
				m.Pix[i] = []uint8{200, 90, 30}[i%3]
			}
			got := reconstruct(t, tok, m)[0].Image
			for i, v := range got.Pix {
				if d := int(v) - int(m.Pix[i]); d > 12 || d < -12 { // JPEG XL is coarse in dark blue
					t.Errorf("%s, %d×%d: sample %d is %d, want about %d", spec, m.W, m.H, i, v, m.Pix[i])
					break
				}
			}
		}
	}
}

func TestPaletteHasTheColoursThereAre(t *testing.T) {
	img := scene(80, 60, 4)
	last := 0.0
	for _, n := range []int{2, 4, 16, 64, 256} {
		r := reconstruct(t, open(t, fmt.Sprintf("png:palette=%d", n)), img)[0]
		seen := map[[3]uint8]bool{}
		for i := 0; i < len(r.Image.Pix); i += 3 {
			seen[[3]uint8(r.Image.Pix[i:i+3])] = true
		}
		p := psnr(img, r.Image)
		t.Logf("%d colours: %.2f dB, %d bits", n, p, r.Bits)
		if len(seen) > n || len(seen) < n*3/4 {
			t.Errorf("palette=%d gives %d colours", n, len(seen))
		}
		if p <= last {
			t.Errorf("palette=%d: %.2f dB, fewer colours gave %.2f", n, p, last)
		}
		last = p
	}
	// What has few colours keeps them exactly.
	few := pix.New(9, 9)
	for i := range 81 {
		copy(few.Pix[3*i:], [][]uint8{{255, 0, 0}, {0, 0, 0}, {250, 250, 250}}[i%3])
	}
	if r := reconstruct(t, open(t, "png:palette=3"), few)[0]; !r.Image.Equal(few) {
		t.Error("three colours do not survive a palette of three")
	}
}

// The version in the name of a bundled encoder must be the one that is linked;
// library.go is tied to it.
func TestBundledEncoders(t *testing.T) {
	mod, err := os.ReadFile("../../go.mod")
	if err != nil {
		t.Fatal(err)
	}
	img := scene(40, 30, 5)
	for _, c := range []struct {
		spec, module string
		lib          library
		digest       string
	}{
		{"webp", "github.com/gen2brain/webp v0.5.5", webpLibrary, "d9521bc67b2c864f4cbc9d4e77c9b9baf221f1ff7536e1f0c60730cd587a77d4"},
		{"avif", "github.com/gen2brain/avif v0.4.4", avifLibrary, "7bc5da5f1c01684a9af7ff5ab7f6ace2fca719fac4619a6b94e458c169f93f3b"},
		{"jxl", "github.com/gen2brain/jpegxl v0.4.5", jxlLibrary, "612eee9e4b64194384901db127c0c757e147d62b3f29b9c2815e91b8b6ccc33d"},
	} {
		if !strings.Contains(string(mod), c.module) {
			t.Errorf("go.mod has another version than %s: look at the bindings in library.go and at the names there", c.module)
		}
		if want := strings.TrimPrefix(c.module, "github.com/"); !strings.Contains(c.lib.bundled, want) {
			t.Errorf("%s: the encoder is called %q, which does not name %s", c.spec, c.lib.bundled, want)
		}
		tok := open(t, c.spec)
		if in := tok.Info(); in.Version != c.lib.bundled || in.Params["encoder"] != c.lib.bundled {
			t.Errorf("%s: info is %+v", c.spec, in)
		}
		data, err := tok.(*tokenizer).encode(img)
		if err != nil {
			t.Fatal(err)
		}
		if got := fmt.Sprintf("%x", sha256.Sum256(data)); got != c.digest {
			t.Errorf("%s: the encoder writes %s, want %s: its bits have changed", c.spec, got, c.digest)
		}
	}
}

func TestSystemLibraryIsNamedOrItsPackageIs(t *testing.T) {
	for _, kind := range []string{"webp", "avif", "jxl"} {
		spec, err := tokenizers.ParseSpec(kind+":lib=system", Kinds())
		if err != nil {
			t.Fatal(err)
		}
		k, opts, err := tokenizers.Resolve(spec, Kinds())
		if err != nil {
			t.Fatal(err)
		}
		tok, err := k.Open(t.Context(), opts)
		var lacks *missing.Error
		switch {
		case errors.As(err, &lacks):
			if !strings.Contains(lacks.Mend, "apt-get install lib") {
				t.Errorf("%s: mend is %q", kind, lacks.Mend)
			}
		case err != nil:
			t.Errorf("%s: %v", kind, err)
		default:
			t.Logf("%s: %s", kind, tok.Info().Params["encoder"])
			img := scene(70, 50, 6)
			if p := psnr(img, reconstruct(t, tok, img)[0].Image); p < 20 {
				t.Errorf("%s: %.2f dB by %s", kind, p, tok.Info().Params["encoder"])
			}
		}
	}
}

// The others pass it in package all.
func TestSlowCodecsConform(t *testing.T) {
	for _, text := range []string{"avif:chroma=444,effort=0", "jxl:q=100,effort=1"} {
		t.Run(text, func(t *testing.T) {
			t.Parallel()
			tokenizertest.Conform(t, func(context.Context) (tokenizers.Tokenizer, error) {
				return open(t, text), nil
			}, tokenizertest.Options{Side: 32})
		})
	}
}

func TestConcurrentCallsGiveTheSameBits(t *testing.T) {
	for _, spec := range []string{"jpeg", "webp", "avif", "jxl", "png:palette=7"} {
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

// coders are those whose payload is measured, each with some option.
func coders() []coder {
	return []coder{jpegCoder{quality: 50}, webpCoder{quality: 50}, avifCoder{quality: 50, speed: 10}, jxlCoder{quality: 50, effort: 1}, pngCoder{}}
}

// What an encoder writes has a payload, and not more than all of it.
func TestPayload(t *testing.T) {
	for i, c := range coders() {
		data, err := c.encode(scene(9, 7, 8))
		if err != nil {
			t.Fatal(err)
		}
		if n, err := c.payload(data); err != nil || n <= 0 || n > len(data) {
			t.Errorf("coder %d: payload %d of %d bytes, %v", i, n, len(data), err)
		}
	}
}

// Payloads are measured on what the encoders write; nothing else may bring the
// measuring down. The files of the encoders that run as WebAssembly are kept as inputs:
// compiling those under the fuzzer takes minutes.
func FuzzPayload(f *testing.F) {
	for _, c := range []coder{jpegCoder{quality: 50}, pngCoder{}} {
		data, err := c.encode(scene(9, 7, 8))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
		f.Add(data[:len(data)-1])
	}
	f.Add([]byte("\x00\x00\x00\x01mdat\xff\xff\xff\xff\xff\xff\xff\xff"))
	f.Add([]byte("RIFF\x00\x00\x00\x00WEBPVP8 \xff\xff\xff\xff"))
	f.Fuzz(func(t *testing.T, data []byte) {
		for i, c := range coders() {
			if n, err := c.payload(data); err == nil && (n < 0 || n > len(data)) {
				t.Errorf("coder %d: payload of %d in %d bytes", i, n, len(data))
			}
		}
	})
}

func BenchmarkCodecs(b *testing.B) {
	img := scene(512, 512, 7)
	for _, spec := range []string{"jpeg", "webp", "webp:effort=0", "avif", "jxl", "png", "png:palette=16"} {
		tok := open(b, spec)
		b.Run(spec, func(b *testing.B) {
			b.SetBytes(int64(len(img.Pix)))
			var encode, decode float64
			for b.Loop() {
				r := reconstruct(b, tok, img)[0]
				encode += r.Encode.Seconds()
				decode += r.Decode.Seconds()
			}
			b.ReportMetric(1e3*encode/float64(b.N), "ms-encode")
			b.ReportMetric(1e3*decode/float64(b.N), "ms-decode")
		})
	}
}
