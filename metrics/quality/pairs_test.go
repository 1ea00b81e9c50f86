package quality_test

import (
	"cmp"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/vtbench/vtbench/internal/testenv"
	"github.com/vtbench/vtbench/metrics"
	"github.com/vtbench/vtbench/metrics/quality"
	"github.com/vtbench/vtbench/pix"
)

// grain is the noise of testdata/golden.py.
type grain uint32

func (g *grain) next() int {
	*g = *g*1664525 + 1013904223
	return int(*g >> 24)
}

// scene repeats the image of testdata/golden.py: gradients, a chequerboard, a disc
// and grain.
func scene(w, h int, seed uint32) pix.Image {
	m := pix.New(w, h)
	g := grain(seed)
	for y := range h {
		for x := range w {
			v := [3]int{
				x*200/max(w-1, 1) + g.next()>>4,
				40 + g.next()>>3,
				(x*y/8)%160 + g.next()>>2,
			}
			if (x/7+y/5)%2 == 1 {
				v[1] += 150
			}
			r := min(w, h) / 2
			disc := (2*x-w)*(2*x-w)+(2*y-h)*(2*y-h) < r*r
			for c := range v {
				if disc {
					v[c] = 230 - v[c]/2
				}
				m.Pix[3*(y*w+x)+c] = clip(v[c])
			}
		}
	}
	return m
}

func clip(v int) uint8 { return uint8(min(max(v, 0), 255)) }

// distort repeats the distortions of testdata/golden.py.
func distort(m pix.Image, kind string) pix.Image {
	name, arg, _ := strings.Cut(kind, ":")
	n, _ := strconv.Atoi(arg) //nolint:errcheck // no argument is 0
	out := m.Clone()
	switch name {
	case "none":
	case "noise":
		g := grain(77)
		for i, v := range m.Pix {
			out.Pix[i] = clip(int(v) + g.next()%(2*n+1) - n)
		}
	case "blur":
		for range n {
			out = boxBlur(out)
		}
	case "shift":
		for y := range m.H {
			for x := range m.W {
				to, from := 3*((y+n)%m.H*m.W+(x+n)%m.W), 3*(y*m.W+x)
				copy(out.Pix[to:to+3], m.Pix[from:from+3])
			}
		}
	case "contrast":
		for i, v := range m.Pix {
			out.Pix[i] = uint8(128 + ((int(v)-128)*n)>>3)
		}
	case "levels":
		for i, v := range m.Pix {
			out.Pix[i] = uint8(int(v)/n*n + n/2)
		}
	case "invert":
		for i, v := range m.Pix {
			out.Pix[i] = 255 - v
		}
	case "constant":
		for i := range m.Pix {
			out.Pix[i] = uint8(n)
		}
	case "faint":
		for i, v := range m.Pix {
			out.Pix[i] = uint8(n + int(v)%3)
		}
	case "dot":
		out.Pix[3*(m.H/2*m.W+m.W/2)+1] ^= 1
	case "blocks":
		for y := 0; y < m.H; y += 8 {
			for x := 0; x < m.W; x += 8 {
				block(out, m, x, y)
			}
		}
	default:
		panic("no distortion " + kind)
	}
	return out
}

func boxBlur(m pix.Image) pix.Image {
	out := pix.New(m.W, m.H)
	for y := range m.H {
		for x := range m.W {
			for c := range 3 {
				sum := 0
				for dy := -1; dy <= 1; dy++ {
					for dx := -1; dx <= 1; dx++ {
						sum += int(m.Pix[3*(min(max(y+dy, 0), m.H-1)*m.W+min(max(x+dx, 0), m.W-1))+c])
					}
				}
				out.Pix[3*(y*m.W+x)+c] = uint8(sum / 9)
			}
		}
	}
	return out
}

// block moves the pixels of one 8×8 block towards their mean.
func block(out, m pix.Image, x0, y0 int) {
	x1, y1 := min(x0+8, m.W), min(y0+8, m.H)
	for c := range 3 {
		sum := 0
		for y := y0; y < y1; y++ {
			for x := x0; x < x1; x++ {
				sum += int(m.Pix[3*(y*m.W+x)+c])
			}
		}
		mean := sum / ((x1 - x0) * (y1 - y0))
		for y := y0; y < y1; y++ {
			for x := x0; x < x1; x++ {
				i := 3*(y*m.W+x) + c
				out.Pix[i] = uint8((int(m.Pix[i]) + 3*mean) >> 2)
			}
		}
	}
}

// specs are the specs of all metrics here, by id.
func specs() map[string]metrics.Spec {
	out := map[string]metrics.Spec{}
	for _, m := range quality.All() {
		for _, s := range m.Specs() {
			out[s.ID] = s
		}
	}
	return out
}

func prepared(t testing.TB, id string, ref, got pix.Image) float64 {
	t.Helper()
	p, err := quality.Prepare(id, ref)
	if err != nil {
		t.Fatal(err)
	}
	v, err := p.Score(got)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

type bound struct {
	abs, rel float64
	why      string
}

// bounds are how far a value may be from the other package's: relative where the
// definition is the same, with the reason where it is not.
var bounds = map[string]bound{
	"fsim":        {rel: 5e-6, why: "the authors add 1e-4 to the local energy, piq 2e-16"},
	"fsimc":       {rel: 5e-6, why: "the authors add 1e-4 to the local energy, piq 2e-16"},
	"ssim":        {abs: 1e-6, why: "float32 filters"},
	"ssim-y":      {abs: 1e-6, why: "float32 filters"},
	"ms-ssim":     {abs: 1e-6, why: "float32 filters"},
	"ms-ssim-y":   {abs: 1e-6, why: "float32 filters"},
	"ssimulacra2": {abs: 3e-2, why: "the recursive filter of the other rounds to float32 at every step; in float64 ours moves by less than .005"},
	"vifp":        {abs: 1e-10, rel: 1e-6, why: "piq adds 1e-8 to both sums, LIVE nothing"},
}

// extremes are the bounds of pairs that are nearly equal, nearly or quite flat, or black
// and white.
var extremes = map[string]bound{
	"fsim":        {rel: 2e-5, why: "the 1e-4 of the authors counts for more where there is little energy"},
	"fsimc":       {rel: 2e-5, why: "the 1e-4 of the authors counts for more where there is little energy"},
	"ssim":        bounds["ssim"],
	"ssim-y":      bounds["ssim-y"],
	"ms-ssim":     {abs: 2e-5, why: "the power .1333 of a term of 1e-4"},
	"ms-ssim-y":   {abs: 2e-5, why: "the power .1333 of a term of 1e-4"},
	"ssimulacra2": {abs: 3, why: "the power .63 of next to nothing; ours is within .2 of float64"},
	"vifp":        bounds["vifp"],
}

// golden.json holds what scikit-image, piq and others say about the same pixels.
func TestAgreesWithOtherPackages(t *testing.T) {
	testenv.Sequential(t)
	b, err := os.ReadFile("testdata/golden.json")
	if err != nil {
		t.Fatal(err)
	}
	var table struct {
		Rows []struct {
			W, H       int
			Seed       uint32
			Of         string // of an extreme pair: what the reference was made of
			Distortion string
			Check      int
			Values     map[string]float64
		}
	}
	if err := json.Unmarshal(b, &table); err != nil {
		t.Fatal(err)
	}
	tested := map[string]float64{}
	for _, r := range table.Rows {
		t.Run(fmt.Sprintf("%dx%d_%s%s", r.W, r.H, r.Of, r.Distortion), func(t *testing.T) {
			bounds, rounding := bounds, 5e-3
			if r.Of != "" {
				bounds, rounding = extremes, .2
			}
			ref := distort(scene(r.W, r.H, r.Seed), cmp.Or(r.Of, "none"))
			got := distort(ref, r.Distortion)
			check := 0
			for i, v := range got.Pix {
				check += int(v) * (1 + i%97)
			}
			if check != r.Check {
				t.Fatalf("the images differ from those of golden.py: check sum %d, want %d", check, r.Check)
			}
			// Between ours and float64 lies only what float32 rounds off.
			if v, want := prepared(t, "ssimulacra2", ref, got), r.Values["ssimulacra2-float64"]; math.Abs(v-want) > rounding {
				t.Errorf("ssimulacra2 is %.9g, in float64 it is %.9g", v, want)
			}
			for id := range specs() {
				want, ok := r.Values[id]
				if !ok {
					continue
				}
				b, ok := bounds[id]
				if !ok {
					b.rel = 1e-6
				}
				v := prepared(t, id, ref, got)
				tested[id] = max(tested[id], math.Abs(v-want)/max(math.Abs(want), 1e-300))
				if !(math.Abs(v-want) <= b.abs+b.rel*math.Abs(want)) {
					t.Errorf("%s is %.12g, want %.12g ± %g (off by %.3g)", id, v, want, b.abs+b.rel*math.Abs(want), v-want)
				}
			}
		})
	}
	for id := range specs() {
		if worst, ok := tested[id]; ok {
			t.Logf("%-12s relative difference at most %.2g", id, worst)
		}
	}
}
