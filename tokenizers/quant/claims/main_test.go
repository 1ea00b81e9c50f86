package main

import (
	"fmt"
	"math"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/vtbench/vtbench/pix"
	"github.com/vtbench/vtbench/tokenizers"
	"github.com/vtbench/vtbench/tokenizers/quant"
)

// The list is read, its tokenizers exist, and the page has its places.
func TestListAndPage(t *testing.T) {
	claims, err := list()
	if err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile("../../../docs/rules.md")
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, c := range claims {
		if seen[c.ID] || c.System == "" || c.Claim == "" {
			t.Errorf("claim %q: its id is there twice, or it says nothing", c.ID)
		}
		seen[c.ID] = true
		if !strings.Contains(string(page), c.Claim) {
			t.Errorf("docs/rules.md has no row for %q: run `make claims`", c.Claim)
		}
	}
	films, err := listClips()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range films {
		if seen[c.ID] || c.System == "" || c.Claim == "" {
			t.Errorf("claim %q of films: its id is there twice, or it says nothing", c.ID)
		}
		seen[c.ID] = true
		if !strings.Contains(string(page), c.Claim) {
			t.Errorf("docs/rules.md has no row for %q: run `make claims`", c.Claim)
		}
	}
	for _, marker := range []string{"claims", "rates", "bounds", "films"} {
		once, err := replace(page, marker, "new\n")
		if err != nil {
			t.Fatal(err)
		}
		twice, err := replace(once, marker, "new\n")
		if err != nil || string(twice) != string(once) {
			t.Errorf("%s: replacing twice gives something else (%v)", marker, err)
		}
	}
	if _, err := replace(page, "no such", ""); err == nil {
		t.Error("a marker that is not there is no error")
	}
}

// The suite that text is read in and plots come from has every rule and preset, and what
// claims about reading compare.
func TestSuiteHasEveryPreset(t *testing.T) {
	b, err := os.ReadFile("rules.yaml")
	if err != nil {
		t.Fatal(err)
	}
	claims, err := list()
	if err != nil {
		t.Fatal(err)
	}
	var want []string
	for _, k := range quant.Kinds() {
		want = append(want, k.Example)
	}
	for _, c := range claims {
		if c.Measure == tned {
			want = append(want, c.Of.Use, c.Against.Use)
		}
	}
	for _, use := range want {
		if !strings.Contains(string(b), fmt.Sprintf("  - %q\n", use)) {
			t.Errorf("rules.yaml has no tokenizer %q", use)
		}
	}
}

// What is read is counted by item: words of a page are drawn together.
func TestReadings(t *testing.T) {
	x := &texts{dir: "r", set: &set{clusters: [][]int{{0}, {1}}}, items: []string{"a", "b"}, sums: map[string]map[string]mark{
		"vq": {"a": {sum: 1, n: 2}, "b": {sum: 3, n: 3}},
	}}
	of, err := x.of("vq")
	if err != nil {
		t.Fatal(err)
	}
	if v := of(x.all()); v != .8 {
		t.Errorf("four of five are %v", v)
	}
	if v := of([]int{0, 0}); v != .5 {
		t.Errorf("two pages of a half are %v", v)
	}
	if _, err := x.of("fq"); err == nil || !strings.Contains(err.Error(), "rules.yaml") {
		t.Errorf("what is not in the run: %v", err)
	}
	if _, err := readings(t.TempDir()); err == nil || !strings.Contains(err.Error(), "make claims") {
		t.Errorf("no run: %v", err)
	}
}

func TestVerdict(t *testing.T) {
	for _, c := range []struct {
		lo, hi, least float64
		want          string
	}{{.1, .2, 0, "holds"}, {-.2, -.1, 0, "does not"}, {-.1, .1, 0, "undecided"}, {0, 1, 0, "holds"}} {
		if got := verdict(c.lo, c.hi, c.least); got != c.want {
			t.Errorf("%v … %v against %v: %s, want %s", c.lo, c.hi, c.least, got, c.want)
		}
	}
}

func TestAlong(t *testing.T) {
	x, y := []float64{0, 1, 3}, []float64{10, 12, 13}
	for at, want := range map[float64]float64{0: 10, .5: 11, 1: 12, 2: 12.5, 3: 13, 4: 13.5, -1: 8} {
		if got := along(x, y, at); math.Abs(got-want) > 1e-12 {
			t.Errorf("at %v it is %v, want %v", at, got, want)
		}
	}
}

// A mean of known spread has the interval that theory gives, by either way.
func TestIntervals(t *testing.T) {
	s := &set{}
	var v []float64
	for i := range 100 {
		s.clusters = append(s.clusters, []int{i})
		v = append(v, float64(i%10))
	}
	f := func(images []int) float64 {
		var sum float64
		for _, i := range images {
			sum += v[i]
		}
		return sum / float64(len(images))
	}
	want := 1.96 * 2.8868 / 10 // deviation of 0 … 9, over √100
	for name, way := range map[string]func(*set, value) (float64, float64, float64){"bootstrap": interval, "jackknife": jackknife} {
		m, lo, hi := way(s, f)
		if math.Abs(m-4.5) > 1e-12 || math.Abs((hi-lo)/2-want) > .08 {
			t.Errorf("%s: %v (%v … %v), want 4.5 ± %.3f", name, m, lo, hi, want)
		}
	}
	if used, _ := usage([]outcome{{ids: []int32{1, 2}, size: 4}, {ids: []int32{2, 3}, size: 4}}, []int{0, 1}); used != .75 {
		t.Errorf("three of four codes are in use, not %v", used)
	}
	if !slices.Equal(s.clusters[3], []int{3}) {
		t.Error("a statistic changed the clusters")
	}
}

// Bits at equal PSNR are read off the curve of a family, whichever way it runs.
func TestBitsAtEqualPSNR(t *testing.T) {
	family := func(scale float64) [][]clipOutcome {
		return [][]clipOutcome{{{psnr: 36, coded: 4 * scale}}, {{psnr: 30, coded: scale}}, {{psnr: 24, coded: scale / 4}}}
	}
	for at, want := range map[float64]float64{36: 4, 33: 2, 30: 1, 27: .5, 21: .125} {
		if got := bitsAt(family(1), []int{0}, at); math.Abs(got-want) > 1e-9 {
			t.Errorf("at %g dB: %g bits, want %g", at, got, want)
		}
	}
	// A clip of half the bits at every PSNR saves half.
	b := &clipBench{clips: []string{"static-00", "static-75"}, seen: map[clipArm][]clipOutcome{}}
	c := clipClaim{Measure: "stands", Of: clipArm{Use: "x"}, Steps: []float64{8, 16, 32}}
	for i, a := range c.arms() {
		b.seen[a] = []clipOutcome{family(1)[i][0], family(.5)[i][0]}
	}
	f, err := b.statistic(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	if got := f(nil); math.Abs(got-50) > 1e-9 {
		t.Errorf("%g %% saved, want 50", got)
	}
}

// A window is measured frame by frame and together alike.
func TestMeasureClip(t *testing.T) {
	in := pix.Clip{}
	for f := range 4 {
		m := pix.New(filmWidth, filmHeight)
		for i := range m.Pix {
			m.Pix[i] = uint8(100 + 20*math.Sin(float64(i%(3*filmWidth))/90+float64(f)))
		}
		in.Frames = append(in.Frames, m)
	}
	b := &clipBench{tokens: map[string]tokenizers.Tokenizer{}, windows: []pix.Clip{in}, clips: []string{"waves"}, seen: map[clipArm][]clipOutcome{}}
	blocks, err := b.outcomes(t.Context(), clipArm{Use: "kl3d:patch=8,t=4,dim=64"})
	if err != nil {
		t.Fatal(err)
	}
	frames, err := b.outcomes(t.Context(), clipArm{Use: "kl:patch=8,dim=16"})
	if err != nil {
		t.Fatal(err)
	}
	if blocks[0].ratio != 12 || frames[0].ratio != 12 || blocks[0].psnr < 30 || frames[0].psnr < 30 || blocks[0].flicker <= 0 {
		t.Errorf("%+v and %+v", blocks[0], frames[0])
	}
	codes, err := b.outcomes(t.Context(), clipArm{Use: "vq3d:patch=8,t=4,depth=4"})
	if err != nil {
		t.Fatal(err)
	}
	if o := codes[0]; math.Abs(o.nominal-40./256) > 1e-9 || o.coded <= 0 || o.coded >= o.nominal {
		t.Errorf("%+v", o)
	}
}
