package ocr

import (
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/vtbench/vtbench/internal/testenv"
	"github.com/vtbench/vtbench/metrics"
	"github.com/vtbench/vtbench/pix"
)

// openFor opens an engine for a test, which is skipped where it is missing.
func openFor(t testing.TB, engine string, options map[string]string) reader {
	t.Helper()
	all := map[string]string{OptionEngine: engine}
	for k, v := range options {
		all[k] = v
	}
	s, err := setupOf(metrics.Config{Workers: 2, Options: all})
	if err != nil {
		t.Fatal(err)
	}
	r, err := openReaders(t.Context(), s)
	testenv.Need(t, err)
	t.Cleanup(func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	})
	return r.eyes[0].reader
}

// BenchmarkEngines is the measurement behind the choice of an engine in docs/ocr.md.
//
//	go test ./metrics/ocr -run - -bench Engines -benchtime 1x
func BenchmarkEngines(b *testing.B) {
	type set struct {
		name    string
		samples []sample
	}
	var words, half []sample
	for _, size := range []float64{16, 22, 31, 52} {
		c := corpus(b, size, uint64(size))
		words = append(words, c...)
		if size > 16 {
			half = append(half, seen(b, c, 512, 0)...)
		}
	}
	sets := []set{
		{"words", words},
		{"words-512", half},
		{"words-jpeg256", jpegAt256(b, 40)},
		{"words-hard", hard(b)},
		{"blur-.1", damaged(b, words, .1, 0)},
		{"blur-.2", damaged(b, words, .2, 0)},
		{"noise-25", damaged(b, words, 0, 25)},
		{"noise-50", damaged(b, words, 0, 50)},
		{"text-default", rendered(b, 10, 0)},
		{"text-default-256", rendered(b, 10, 256)},
		{"photos", icdar(b)},
	}
	measure := func(b *testing.B, r reader) {
		for b.Loop() {
			for _, s := range sets {
				start := cpuTime(b)
				got := readAll(b, r, s.samples)
				spent := cpuTime(b) - start
				exact, ned := tally(s.samples, got)
				b.Logf("%-17s %4d  exact %5.1f %%  NED %5.1f %%  %5.1f ms a crop", s.name, len(got), 100*exact, 100*ned, float64(spent.Microseconds())/1e3/float64(len(got)))
			}
		}
	}
	b.Run(EngineTesseract, func(b *testing.B) { measure(b, openFor(b, EngineTesseract, nil)) })
	standardLayout := ppocr
	for _, m := range [][2]float64{{ppocr.padX, ppocr.padY}, {0, 0}, {.05, .05}, {.1, .1}, {.1, .2}, {.2, .2}, {.1, .3}} {
		b.Run(fmt.Sprintf("%s/margin=%g,%g", EnginePPOCR, m[0], m[1]), func(b *testing.B) {
			r := openFor(b, EnginePPOCR, nil)
			l := standardLayout
			l.padX, l.padY = m[0], m[1]
			r.(*recogniser).layout = l
			measure(b, r)
		})
	}
}

// damaged blurs words by a share of their height, and adds noise.
func damaged(t testing.TB, in []sample, blur, noise float64) []sample {
	rng := rand.New(rand.NewPCG(1, uint64(100*blur+noise)))
	out := make([]sample, 0, len(in))
	for _, s := range in {
		at := s.box.Inset(-s.box.Dy())
		m := s.img.Crop(at.Intersect(boundsOf(s.img)))
		origin := at.Intersect(boundsOf(s.img)).Min
		s.box = s.box.Sub(origin)
		if blur > 0 {
			m = blurred(m, blur*float64(s.box.Dy()))
		}
		for i, v := range m.Pix {
			m.Pix[i] = uint8(min(max(math.Round(float64(v)+noise*rng.NormFloat64()), 0), 255))
		}
		s.img = m
		out = append(out, s)
	}
	return out
}

// blurred is a Gaussian blur.
func blurred(m pix.Image, sigma float64) pix.Image {
	r := int(math.Ceil(3 * sigma))
	kernel := make([]float64, 2*r+1)
	sum := 0.0
	for i := range kernel {
		kernel[i] = math.Exp(-float64((i-r)*(i-r)) / (2 * sigma * sigma))
		sum += kernel[i]
	}
	pass := func(src pix.Image, dx, dy int) pix.Image {
		out := pix.New(src.W, src.H)
		for y := range src.H {
			for x := range src.W {
				for c := range 3 {
					v := 0.0
					for i, k := range kernel {
						sx, sy := min(max(x+(i-r)*dx, 0), src.W-1), min(max(y+(i-r)*dy, 0), src.H-1)
						v += k * float64(src.Pix[3*(sy*src.W+sx)+c])
					}
					out.Pix[3*(y*src.W+x)+c] = uint8(math.Round(v / sum))
				}
			}
		}
		return out
	}
	return pass(pass(m, 1, 0), 0, 1)
}

// TestPhotographs reads the legible words of real photographs with both engines. With
// VTBENCH_CROPS it writes the crops there, to be looked at.
func TestPhotographs(t *testing.T) {
	testenv.Sequential(t)
	in := icdar(t)
	share := map[string]float64{}
	for _, engine := range []string{EngineTesseract, EnginePPOCR} {
		r := openFor(t, engine, nil)
		got := readAll(t, r, in)
		share[engine], _ = tally(in, got)
		for i, s := range in {
			t.Logf("%-9s %-14q read as %q", engine, s.label, got[i])
			if dir := os.Getenv("VTBENCH_CROPS"); dir != "" {
				at, err := r.region(s.img, s.box)
				if err != nil {
					t.Fatal(err)
				}
				name := fmt.Sprintf("%02d-%s-%s.png", i, engine, strings.Map(func(r rune) rune {
					if r == '/' {
						return '_'
					}
					return r
				}, s.label))
				if err := s.img.Crop(at).SavePNG(filepath.Join(dir, name)); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	if share[EnginePPOCR] < .35 || share[EnginePPOCR] < share[EngineTesseract] {
		t.Errorf("of %d words PP-OCR reads %.0f %%, Tesseract %.0f %%; want 35 %% and more than Tesseract", len(in), 100*share[EnginePPOCR], 100*share[EngineTesseract])
	}
}
