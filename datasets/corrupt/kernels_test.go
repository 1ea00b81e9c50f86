package corrupt

import (
	"encoding/hex"
	"encoding/json"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/vtbench/vtbench/internal/testenv"
)

func TestElementaryFunctions(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x := rapid.Float64Range(-700, 700).Draw(t, "x")
		if got, want := exp(x), math.Exp(x); math.Abs(got/want-1) > 4e-15 {
			t.Fatalf("exp(%g) = %g, want %g", x, got, want)
		}
		y := rapid.Float64Range(1e-300, 1e300).Draw(t, "y")
		if got, want := log(y), math.Log(y); math.Abs(got-want) > 4e-15*(1+math.Abs(want)) {
			t.Fatalf("log(%g) = %g, want %g", y, got, want)
		}
		a := rapid.Float64Range(-1000, 1000).Draw(t, "degrees")
		sin, cos := sincos(a)
		ws, wc := math.Sincos(a * math.Pi / 180)
		if math.Abs(sin-ws) > 1e-13 || math.Abs(cos-wc) > 1e-13 {
			t.Fatalf("sincos(%g°) = %g, %g; want %g, %g", a, sin, cos, ws, wc)
		}
	})
	if exp(-1000) != 0 || !math.IsInf(exp(1000), 1) || log(1) != 0 {
		t.Error("ends of exp, or log 1")
	}
}

// Normal draws: shares of intervals, tail included, against the normal
// distribution.
func TestNormals(t *testing.T) {
	const n = 4_000_000
	s := newStream(1, "normals", 0, "")
	v := make([]float32, n)
	s.normals(v)
	edges := []float64{-4, -3.6541528853610088, -3, -2, -1, -.5, -.1, 0, .1, .5, 1, 2, 3, 3.6541528853610088, 4, math.Inf(1)}
	count := make([]int, len(edges))
	for _, x := range v {
		i := 0
		for float64(x) > edges[i] {
			i++
		}
		count[i]++
	}
	below := 0.0
	for i, e := range edges {
		to := 0.5 * math.Erfc(-e/math.Sqrt2)
		p := to - below
		below = to
		if d := float64(count[i]) - n*p; math.Abs(d) > 4.5*math.Sqrt(n*p) {
			t.Errorf("%d draws up to %g, want %.0f ± %.0f", count[i], e, n*p, 4.5*math.Sqrt(n*p))
		}
	}
	// Halves of a word must not know of each other.
	var product float64
	for i := 0; i < n; i += 2 {
		product += float64(v[i]) * float64(v[i+1])
	}
	if r := product / (n / 2); math.Abs(r) > 5/math.Sqrt(n/2) {
		t.Errorf("neighbours correlate by %g", r)
	}
}

func TestUniform(t *testing.T) {
	s := newStream(1, "uniform", 0, "")
	var count [10]int
	const n = 200_000
	for range n {
		count[int(10*s.float())]++
		if k := s.below(7); k < 0 || k > 6 {
			t.Fatalf("below(7) = %d", k)
		}
	}
	for i, k := range count {
		if d := float64(k) - n/10; math.Abs(d) > 5*math.Sqrt(n/10) {
			t.Errorf("decile %d has %d draws of %d", i, k, n)
		}
	}
	if s.below(1) != 0 || s.below(0) != 0 {
		t.Error("below of nothing to choose from")
	}
}

func TestStreamsOfKeysDiffer(t *testing.T) {
	seen := map[stream]bool{}
	for _, seed := range []uint64{0, 1} {
		for _, name := range []string{"a", "ab"} {
			for _, label := range []uint64{1, 2, amountLabel(1)} {
				for _, key := range []string{"", "b", "bc"} {
					seen[newStream(seed, name, label, key)] = true
				}
			}
		}
	}
	if len(seen) != 2*2*3*3 {
		t.Errorf("%d streams of %d keys", len(seen), 2*2*3*3)
	}
}

// The alias tables hold Poisson's probabilities, to 2^-23 a cell.
func TestPoissonTables(t *testing.T) {
	for _, c := range []float64{60, 25, 12, 5, 3, .5} {
		cells := poissonFor(c)
		for _, v := range []int{0, 1, 7, 128, 200, 255} {
			lambda := float64(v) / 255 * c
			var got [256]float64
			for _, e := range cells[v<<aliasBits : (v+1)<<aliasBits] {
				k := float64(e.keep) / 65536
				got[e.own] += k / (1 << aliasBits)
				got[e.other] += (1 - k) / (1 << aliasBits)
			}
			var want [256]float64
			for k := range 200 {
				lg, _ := math.Lgamma(float64(k) + 1)
				p := math.Exp(-lambda + float64(k)*math.Log(lambda) - lg)
				if lambda == 0 {
					p = 0
					if k == 0 {
						p = 1
					}
				}
				want[uint8(math.Min(float64(k)/c, 1)*255)] += p
			}
			for i := range want {
				if math.Abs(got[i]-want[i]) > 2e-5 {
					t.Errorf("%g photons, sample %d: value %d has probability %g, want %g", c, v, i, got[i], want[i])
				}
			}
		}
	}
}

func TestBorders(t *testing.T) {
	for _, tc := range []struct {
		name string
		f    border
		want []int // for −7…9 of 3
	}{
		{"clamped", clamped, []int{0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 2, 2, 2, 2, 2, 2, 2}},
		{"mirrored", mirrored, []int{1, 2, 1, 0, 1, 2, 1, 0, 1, 2, 1, 0, 1, 2, 1, 0, 1}},
		{"reflected", reflected, []int{0, 0, 1, 2, 2, 1, 0, 0, 1, 2, 2, 1, 0, 0, 1, 2, 2}},
	} {
		var got []int
		for i := -7; i <= 9; i++ {
			got = append(got, tc.f(i, 3))
		}
		if !slices.Equal(got, tc.want) {
			t.Errorf("%s: %v, want %v", tc.name, got, tc.want)
		}
		for i := -3; i <= 3; i++ {
			if tc.f(i, 1) != 0 {
				t.Errorf("%s(%d, 1) = %d", tc.name, i, tc.f(i, 1))
			}
		}
	}
}

// The packed filter against a plain one in float64, any size and border.
func TestFIR(t *testing.T) {
	testenv.Sequential(t)
	rapid.Check(t, func(t *rapid.T) {
		w, h := rapid.IntRange(1, 30).Draw(t, "w"), rapid.IntRange(1, 30).Draw(t, "h")
		sigma := rapid.Float64Range(0.3, 8).Draw(t, "sigma")
		edge := rapid.SampledFrom([]border{clamped, mirrored, reflected}).Draw(t, "border")
		rng := stream(rapid.Uint64().Draw(t, "seed"))
		pixels := randomBytes(&rng, 3*w*h)
		half := gaussianHalf(sigma, reach(4, sigma))
		f := newFIR(w, h, lanes3, edge, whole(half, imageWeightX), whole(half, imageWeightY), imageRenorm,
			func(y int, row []uint64) { packRGB(row, pixels[3*w*y:]) })
		defer f.release()
		total := half[0]
		for _, v := range half[1:] {
			total += 2 * v
		}
		line := make([]uint64, w)
		for y := range h {
			f.row(y, line)
			for x := range w {
				for c := range 3 {
					want := 0.0
					for j := -len(half) + 1; j < len(half); j++ {
						for i := -len(half) + 1; i < len(half); i++ {
							want += half[abs(i)] * half[abs(j)] * float64(pixels[3*(edge(y+j, h)*w+edge(x+i, w))+c])
						}
					}
					want /= total * total
					got := float64(line[x]>>(21*c)&(1<<21-1)) / (1 << imageShift)
					if math.Abs(got-want) > 0.75 {
						t.Fatalf("σ = %g at %d,%d: %g, want %g", sigma, x, y, got, want)
					}
				}
			}
		}
	})
}

// Running sums have a Gaussian's variance, keep flat planes, and keep the mean
// where borders reflect.
func TestSmooth(t *testing.T) {
	for _, sigma := range []float64{8, 12.5, 40} {
		const n = 601
		plane := make([]uint16, n)
		plane[n/2] = 65535
		smooth(plane, n, 1, sigma, 0, clamped)
		var sum, square float64
		for i, v := range plane {
			d := float64(i - n/2)
			sum += float64(v)
			square += d * d * float64(v)
		}
		if got := math.Sqrt(square / sum); math.Abs(got/sigma-1) > 0.02 {
			t.Errorf("standard deviation is %.2f, want %.2f", got, sigma)
		}
		flat := slices.Repeat([]uint16{40000}, 40*30)
		smooth(flat, 40, 30, sigma, sigma, clamped)
		if slices.Min(flat) != 40000 || slices.Max(flat) != 40000 {
			t.Errorf("σ = %g: a flat plane of 40000 became %d…%d", sigma, slices.Min(flat), slices.Max(flat))
		}
	}
	rng := stream(3)
	noise := make([]uint16, 100*80)
	before := 0.0
	for i := range noise {
		noise[i] = uint16(rng.next() >> 48)
		before += float64(noise[i]) / float64(len(noise))
	}
	smooth(noise, 100, 80, 6, 9, reflected)
	after := 0.0
	for _, v := range noise {
		after += float64(v) / float64(len(noise))
	}
	if math.Abs(after-before) > 4 {
		t.Errorf("the mean went from %.1f to %.1f", before, after)
	}
}

func TestDisk(t *testing.T) {
	for _, tc := range []struct{ radius, base int }{{1, 3}, {3, 3}, {4, 4}, {10, 10}, {23, 10}, {366, 10}} {
		disk := spans(tc.radius, tc.base)
		if got, want := float64(area(disk)), math.Pi*math.Pow(float64(tc.radius)+.5, 2); math.Abs(got/want-1) > 0.35 {
			t.Errorf("radius %d: area %g, want about %g", tc.radius, got, want)
		}
		y := -tc.radius
		for i, s := range disk {
			if s.top != y || s.bottom <= s.top || s.half > tc.radius {
				t.Errorf("radius %d: span %d is %+v, want it to begin at %d", tc.radius, i, s, y)
			}
			y = s.bottom
			if o := disk[len(disk)-1-i]; o.half != s.half || o.bottom-o.top != s.bottom-s.top {
				t.Errorf("radius %d is not symmetric: %+v and %+v", tc.radius, s, o)
			}
		}
		if y != tc.radius+1 {
			t.Errorf("radius %d ends at %d", tc.radius, y)
		}
	}
	// On its own grid it is upstream's x² + y² ≤ r².
	for y := -10; y <= 10; y++ {
		for _, s := range spans(10, 10) {
			if y >= s.top && y < s.bottom && s.half != int(math.Sqrt(float64(100-y*y))) {
				t.Errorf("row %d is %d wide to either side", y, s.half)
			}
		}
	}
}

// The table is OpenCV's own, see testdata/opencv.py.
func TestWaterAgainstOpenCV(t *testing.T) {
	b, err := os.ReadFile("testdata/opencv.json")
	if err != nil {
		t.Fatal(err)
	}
	var raw struct {
		Width, Height                                 int
		Plane, Edges, Distance, Equal, Relief, Smooth string
	}
	if err := json.Unmarshal(b, &raw); err != nil {
		t.Fatal(err)
	}
	w, h := raw.Width, raw.Height
	get := func(s string) []uint8 {
		b, err := hex.DecodeString(s)
		if err != nil || len(b) != w*h {
			t.Fatalf("a plane of %d bytes, %v", len(b), err)
		}
		return b
	}
	plane := drops(w, h)
	if !slices.Equal(plane, get(raw.Plane)) {
		t.Fatal("not the plane that the table was made of")
	}
	compare := func(what string, got, want []uint8, tol int) {
		t.Helper()
		for i := range want {
			if d := int(got[i]) - int(want[i]); d > tol || d < -tol {
				t.Errorf("%s at %d,%d is %d, want %d", what, i%w, i/w, got[i], want[i])
				return
			}
		}
	}
	edges := canny(plane, w, h)
	for i, e := range edges {
		edges[i] = 0
		if e == edge {
			edges[i] = 255
		}
	}
	compare("edge", edges, get(raw.Edges), 0)
	compare("distance", edgeDistance(plane, w, h), get(raw.Distance), 1)
	equal := get(raw.Distance)
	equalize(equal)
	compare("equalised distance", equal, get(raw.Equal), 0)
	relief := make([]uint8, w*h)
	emboss(relief, equal, w, h)
	compare("relief", relief, get(raw.Relief), 0)
}

func drops(w, h int) []uint8 {
	plane := make([]uint8, w*h)
	state := uint32(12345)
	for range 22 {
		var v [5]int
		for i := range v {
			state = state*1664525 + 1013904223
			v[i] = int(state >> 16)
		}
		x, y, a, b, level := v[0]%w, v[1]%h, 1+v[2]%9, 1+v[3]%7, 173+v[4]%83
		for py := range h {
			for px := range w {
				dx, dy := px-x, py-y
				if dx*b*dx*b+dy*a*dy*a <= a*b*a*b {
					plane[py*w+px] = uint8(level - (dx*dx+dy*dy)%20)
				}
			}
		}
	}
	return plane
}

// Textures have the recipe's colours and power in each band.
func TestIceTextures(t *testing.T) {
	testenv.Sequential(t)
	for kind, r := range iceRecipes {
		img := iceTexture(kind)
		if img.W*10 < 11*r.w || img.H*10 < 11*r.h {
			t.Errorf("texture %d is %d×%d, want a tenth more than %d×%d", kind, img.W, img.H, r.w, r.h)
		}
		for c := range 3 {
			v := make([]uint8, 0, img.W*img.H)
			for i := c; i < len(img.Pix); i += 3 {
				v = append(v, img.Pix[i])
			}
			slices.Sort(v)
			for i, q := range iceQuantiles {
				if q < .01 || q > .99 {
					continue
				}
				got := float64(v[int(q*float32(len(v)-1))])
				if d := got - float64(r.quantiles[c][i]); math.Abs(d) > 3 {
					t.Errorf("texture %d, channel %d: quantile %g is %g, want %g", kind, c, q, got, r.quantiles[c][i])
				}
			}
		}
	}
}

func BenchmarkNormals(b *testing.B) {
	s := newStream(1, "bench", 0, "")
	v := make([]float32, 4096)
	b.SetBytes(4 * 4096)
	for b.Loop() {
		s.normals(v)
	}
}

// Floor of one pass: 2 words read and one written a pair of taps and pixel.
func BenchmarkFIR(b *testing.B) {
	const w, h = 768, 64
	rng := stream(1)
	px := randomBytes(&rng, 3*w*h)
	half := gaussianHalf(3, 12)
	line := make([]uint64, w)
	b.SetBytes(3 * w * h)
	for b.Loop() {
		f := newFIR(w, h, lanes3, clamped, whole(half, imageWeightX), whole(half, imageWeightY), imageRenorm,
			func(y int, row []uint64) { packRGB(row, px[3*w*y:]) })
		for y := range h {
			f.row(y, line)
		}
		f.release()
	}
}

func randomBytes(rng *stream, n int) []uint8 {
	out := make([]uint8, n, n+64)
	for i := range out {
		out[i] = uint8(rng.next() >> 56)
	}
	return out
}

// The same normal numbers from the standard library's generator, one at a time.
func BenchmarkRandNormals(b *testing.B) {
	r := rand.New(rand.NewPCG(1, 2))
	dst := make([]float32, 1<<16)
	b.SetBytes(int64(4 * len(dst)))
	for b.Loop() {
		for i := range dst {
			dst[i] = float32(r.NormFloat64())
		}
	}
}
