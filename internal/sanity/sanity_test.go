package sanity_test

import (
	"fmt"
	"image"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"

	"github.com/vtbench/vtbench/datasets"
	alldata "github.com/vtbench/vtbench/datasets/all"
	"github.com/vtbench/vtbench/internal/sanity"
	"github.com/vtbench/vtbench/internal/testenv"
	"github.com/vtbench/vtbench/pix"
	"github.com/vtbench/vtbench/tokenizers"
	alltok "github.com/vtbench/vtbench/tokenizers/all"
)

// A view is an image as a tokenizer is given it, and where it lies in its square.
type view struct {
	pix.Image
	inside image.Rectangle
}

const side, items = 256, 4

var setNames = []string{"text-default", "photos-small"}

var loaded sync.Map

// images are the first of a shipped data set, fitted.
func images(t testing.TB, set string) []view {
	t.Helper()
	if have, ok := loaded.Load(set); ok {
		return have.([]view)
	}
	d, err := datasets.Open(t.Context(), set, alldata.Kinds())
	testenv.Need(t, err)
	var out []view
	for i := range items {
		it, err := d.Load(t.Context(), i)
		if err != nil {
			t.Fatal(err)
		}
		fitted, place, err := pix.Fit(it.Image, side)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, view{fitted, place.Inside})
	}
	loaded.Store(set, out)
	return out
}

// reconstructions are what a tokenizer makes of images.
func reconstructions(t *testing.T, spec string, in []view) []tokenizers.Reconstruction {
	t.Helper()
	s, err := tokenizers.ParseSpec(spec, alltok.Kinds())
	if err != nil {
		t.Fatal(err)
	}
	kind, opts, err := tokenizers.Resolve(s, alltok.Kinds())
	if err != nil {
		t.Fatal(err)
	}
	tok, err := kind.Open(t.Context(), opts)
	testenv.Need(t, err)
	var batch []pix.Image
	for _, v := range in {
		batch = append(batch, v.Image)
	}
	out, err := tok.Reconstruct(t.Context(), batch)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// shipped are tokenizers down to the worst that ship: one principal component, four codes
// in all, two colours, the lowest qualities. AVIF and JPEG XL at their lowest lie between
// JPEG's and WebP's, and take too long here.
var shipped = strings.Fields(`jpeg:q=1 jpeg:q=50 webp:q=1 webp:lossless=true png png:palette=2
	kl:patch=16,dim=1 kl:patch=8,dim=16 vq:patch=16,k=256 vq:patch=4,k=1024 rvq:patch=8,depth=1,k=256
	fsq:patch=4,levels=8-5-5-5 fsq:patch=8,levels=2-2 fsq:patch=16,levels=3-3-3`)

func TestNoFalseAlarm(t *testing.T) {
	for _, name := range setNames {
		t.Run(name, func(t *testing.T) {
			views := images(t, name)
			for _, spec := range shipped {
				var all sanity.Sums
				for i, r := range reconstructions(t, spec, views) {
					if r.Err != nil {
						t.Fatal(r.Err)
					}
					one := sanity.Look(views[i].Image, r.Image, views[i].inside, max(r.Bits, r.FileBits))
					if a := one.Alarms(); len(a) > 0 {
						t.Errorf("%s on image %d: %v", spec, i, a)
					}
					all.Add(one)
				}
				if a := all.Alarms(); len(a) > 0 {
					t.Errorf("%s: %v", spec, a)
				}
				t.Logf("%-12s %-24s %s", name, spec, all.Describe())
			}
		})
	}
}

// levels maps every level.
func levels(m pix.Image, f func(v float64) float64) pix.Image {
	out := m.Clone()
	for i, v := range out.Pix {
		out.Pix[i] = uint8(min(max(f(float64(v)), 0), 255))
	}
	return out
}

func channels(m pix.Image, order [3]int) pix.Image {
	out := m.Clone()
	for i := 0; i < len(m.Pix); i += 3 {
		for c, o := range order {
			out.Pix[i+c] = m.Pix[i+o]
		}
	}
	return out
}

// Every mistake is found behind a good tokenizer and behind a bad one, and nothing else.
func TestMistakes(t *testing.T) {
	mistakes := map[string]struct {
		make func(v view, m pix.Image) pix.Image
		kind sanity.Kind
		says string
	}{
		"a tenth": {func(_ view, m pix.Image) pix.Image { return levels(m, func(v float64) float64 { return v / 10 }) }, sanity.Range, "of the contrast"},
		"a tenth, of middle": {func(_ view, m pix.Image) pix.Image {
			return levels(m, func(v float64) float64 { return 127 + (v-127)/10 })
		}, sanity.Range, "of the contrast"},
		"0…1 for −1…1":  {func(_ view, m pix.Image) pix.Image { return levels(m, func(v float64) float64 { return v/2 + 127.5 }) }, sanity.Range, "0 to 1 that are taken for −1 to 1"},
		"half":          {func(_ view, m pix.Image) pix.Image { return levels(m, func(v float64) float64 { return v / 2 }) }, sanity.Range, "of the contrast"},
		"shifted down":  {func(_ view, m pix.Image) pix.Image { return levels(m, func(v float64) float64 { return v - 60 }) }, sanity.Range, "levels off"},
		"BGR":           {func(_ view, m pix.Image) pix.Image { return channels(m, [3]int{2, 1, 0}) }, sanity.Channels, "BGR"},
		"GBR":           {func(_ view, m pix.Image) pix.Image { return channels(m, [3]int{1, 2, 0}) }, sanity.Channels, "GBR"},
		"negative":      {func(_ view, m pix.Image) pix.Image { return levels(m, func(v float64) float64 { return 255 - v }) }, sanity.Inverted, "negated"},
		"black":         {func(_ view, m pix.Image) pix.Image { return pix.New(m.W, m.H) }, sanity.Constant, "0 to 1"},
		"0…1 as levels": {func(_ view, m pix.Image) pix.Image { return levels(m, func(v float64) float64 { return v/255 + .5 }) }, sanity.Constant, "0 to 1"},
		"gray":          {func(_ view, m pix.Image) pix.Image { return levels(m, func(float64) float64 { return 128 }) }, sanity.Constant, "one colour"},
		"the input":     {func(v view, _ pix.Image) pix.Image { return v.Clone() }, sanity.Identical, "pixel for pixel"},
		"noise": {func(v view, m pix.Image) pix.Image {
			rng := rand.New(rand.NewPCG(uint64(v.Pix[999]), 1))
			return levels(m, func(float64) float64 { return float64(rng.IntN(256)) })
		}, sanity.Unlike, "do not show"},
		"one picture": {func(view, pix.Image) pix.Image { return images(t, "text-default")[0].Clone() }, sanity.Constant, "same reconstruction"},
	}
	for _, set := range setNames {
		t.Run(set, func(t *testing.T) {
			views := images(t, set)
			for _, spec := range []string{"kl:patch=8,dim=64", "vq:patch=16,k=256"} {
				out := reconstructions(t, spec, views)
				for name, mistake := range mistakes {
					var all sanity.Sums
					for i, v := range views {
						one := sanity.Look(v.Image, mistake.make(v, out[i].Image), v.inside, 0)
						back, err := sanity.Parse(one.State())
						if err != nil {
							t.Fatal(err)
						}
						all.Add(back)
					}
					t.Logf("%-12s %-24s %-18s %s", set, spec, name, all.Describe())
					got := all.Alarms()
					if len(got) != 1 || got[0].Kind != mistake.kind || !strings.Contains(got[0].Text, mistake.says) {
						t.Errorf("%s behind %s: %v, want %s: …%s…", name, spec, got, mistake.kind, mistake.says)
					}
				}
			}
		})
	}
}

// Values of −1 to 1 that are taken for 0 to 1 lose their dark half: on photographs that
// shows, on black text on white it changes next to nothing.
func TestClippedRange(t *testing.T) {
	views := images(t, "photos-small")
	var all sanity.Sums
	for _, v := range views {
		all.Add(sanity.Look(v.Image, levels(v.Image, func(x float64) float64 { return 2*x - 255 }), v.inside, 0))
	}
	if got := all.Alarms(); len(got) != 1 || got[0].Kind != sanity.Range || !strings.Contains(got[0].Text, "−1 to 1 that are taken for 0 to 1") {
		t.Errorf("%v", got)
	}
}

func TestSizes(t *testing.T) {
	for _, tc := range []struct {
		size [4]int
		says string
	}{
		{[4]int{256, 256, 512, 512}, "512×512 for 256×256: 2 times the sides"},
		{[4]int{256, 256, 64, 64}, "1/4 of the sides"},
		{[4]int{256, 128, 128, 256}, "exchanged"},
		{[4]int{250, 250, 256, 256}, "crop what was padded"},
	} {
		var all sanity.Sums
		for range 3 {
			one, err := sanity.Parse(sanity.OtherSize(tc.size[0], tc.size[1], tc.size[2], tc.size[3]).State())
			if err != nil {
				t.Fatal(err)
			}
			all.Add(one)
		}
		if got := all.Alarms(); len(got) != 1 || got[0].Kind != sanity.Size || !strings.Contains(got[0].Text, tc.says) {
			t.Errorf("%v: %v, want …%s…", tc.size, got, tc.says)
		}
	}
}

// What was added in which order does not matter, and sums that nothing was added to, or
// single colours, raise no alarm.
func TestOrderAndNothing(t *testing.T) {
	var none sanity.Sums
	if a := none.Alarms(); len(a) > 0 {
		t.Errorf("of nothing: %v", a)
	}
	plain := pix.New(40, 30)
	none.Add(sanity.Look(plain, plain, image.Rect(0, 0, 40, 30), 0))
	if a := none.Alarms(); len(a) > 0 {
		t.Errorf("of black: %v", a)
	}
	views := images(t, "text-default")
	var parts []sanity.Sums
	for _, v := range views {
		parts = append(parts, sanity.Look(v.Image, levels(v.Image, func(x float64) float64 { return x / 3 }), v.inside, 0))
	}
	parts = append(parts, sanity.OtherSize(4, 4, 8, 8))
	var forward, backward, nested sanity.Sums
	for i := range parts {
		forward.Add(parts[i])
		backward.Add(parts[len(parts)-1-i])
	}
	var half sanity.Sums
	for _, p := range parts[:3] {
		half.Add(p)
	}
	for _, p := range parts[3:] {
		nested.Add(p)
	}
	nested.Add(half)
	want := fmt.Sprint(forward.Alarms())
	for _, s := range []sanity.Sums{backward, nested} {
		if got := fmt.Sprint(s.Alarms()); got != want {
			t.Errorf("%s, in another order %s", want, got)
		}
	}
	for _, bad := range []string{"", "1 2", "size 1 2 3", "size 0 1 1 1", "a b c", strings.Repeat("9999999999999999999999 ", 31)} {
		if _, err := sanity.Parse(bad); err == nil {
			t.Errorf("%q was read", bad)
		}
	}
}

func BenchmarkLook(b *testing.B) {
	v := images(b, "text-default")[0]
	out := v.Clone()
	b.SetBytes(int64(2 * len(v.Pix)))
	for b.Loop() {
		sanity.Look(v.Image, out, v.inside, 1)
	}
}
