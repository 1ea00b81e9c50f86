package textgen

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"flag"
	"fmt"
	"image"
	"math"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/vtbench/vtbench/datasets"
	"github.com/vtbench/vtbench/internal/testenv"
	"github.com/vtbench/vtbench/pix"
)

var update = flag.Bool("update", false, "write testdata/golden.json from this build; raise Version with it")

func newSet(t testing.TB, o Options) *Set {
	t.Helper()
	s, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

type golden struct {
	Version int
	Digest  string // of Info
	Items   []goldenItem
}

type goldenItem struct{ ID, Pixels, Labels string }

// The golden file is this package's own output on linux/amd64; its purpose is
// that no change of a pixel or label goes by without a new Version, and that
// other architectures draw the same.
func TestGolden(t *testing.T) {
	testenv.Sequential(t)
	s := newSet(t, Options{})
	got := golden{Version: Version, Digest: s.Info().Digest}
	for i := range kinds {
		it, err := s.Load(t.Context(), i)
		if err != nil {
			t.Fatal(err)
		}
		b, err := json.Marshal(it.Instances)
		if err != nil {
			t.Fatal(err)
		}
		sum := sha256.Sum256(b)
		got.Items = append(got.Items, goldenItem{it.ID, it.Image.Digest(), hex.EncodeToString(sum[:])})
	}
	const name = "testdata/golden.json"
	if *update {
		b, err := json.MarshalIndent(got, "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, append(b, '\n'), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	var want golden
	if err := json.Unmarshal(b, &want); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("pixels or labels changed: raise Version and run with -update (-want +got):\n%s", d)
	}
}

// labels are the instances of the whole default set, laid out once for all tests.
var labels = sync.OnceValues(func() ([][]datasets.Instance, error) {
	out := make([][]datasets.Instance, DefaultImages)
	for i := range out {
		sc, err := compose(DefaultSeed, i)
		if err != nil {
			return nil, err
		}
		out[i] = sc.instances
	}
	return out, nil
})

func allLabels(t *testing.T) [][]datasets.Instance {
	t.Helper()
	l, err := labels()
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// scale is TokBench's ratio.
func scale(in datasets.Instance) float64 {
	return float64(in.Box.Dx()) / float64(len([]rune(in.Text))*Side)
}

// bins are TokBench's, as in its code.
var bins = map[int][4]float64{256: {.02, .03, .04, 1}, 512: {.01, .02, .03, 1}, 1024: {.005, .01, .02, 1}}

type binCount map[string]int

func (b binCount) add(in datasets.Instance) {
	for res, edges := range bins {
		for i, name := range []string{"small", "medium", "large"} {
			if r := scale(in); edges[i] <= r && r < edges[i+1] {
				b[fmt.Sprintf("%s@%d", name, res)]++
			}
		}
	}
}

func TestEveryBinIsFilled(t *testing.T) {
	testenv.Sequential(t)
	s := newSet(t, Options{})
	if len(s.IDs()) < 240 {
		t.Fatalf("%d images, want at least 240", len(s.IDs()))
	}
	n := s.DefaultItems()
	if n < 24 || n > 48 {
		t.Errorf("a default run takes %d images, want 24 to 48", n)
	}
	all, first := binCount{}, binCount{}
	var texts int
	for i, instances := range allLabels(t) {
		texts += len(instances)
		for _, in := range instances {
			all.add(in)
			if i < n {
				first.add(in)
			}
		}
	}
	for res := range bins {
		for _, name := range []string{"small", "medium", "large"} {
			key := fmt.Sprintf("%s@%d", name, res)
			if all[key] < 300 || first[key] < 150 {
				t.Errorf("%s has %d instances and %d in the default prefix, want 300 and 150", key, all[key], first[key])
			}
		}
	}
	t.Logf("%d texts in %d images; the first %d: %v", texts, len(s.IDs()), n, first)
}

// Any prefix of whole rounds has every class, ground and manner in about the
// proportion of the whole.
func TestPrefixesAreStratified(t *testing.T) {
	s := newSet(t, Options{})
	count := map[string]float64{}
	perRound := make([]map[string]float64, len(s.IDs())/len(kinds))
	total := 0.0
	for i, instances := range allLabels(t) {
		r := i / len(kinds)
		if perRound[r] == nil {
			perRound[r] = map[string]float64{}
		}
		for _, in := range instances {
			c, ok := classOf(scale(in))
			if !ok {
				t.Errorf("%s: %q lies in no class", s.ids[i], in.Text)
			}
			for _, tag := range append(slices.Clone(in.Tags), fmt.Sprintf("class %d", c), "all") {
				count[tag]++
				perRound[r][tag]++
			}
			total++
		}
	}
	// What the set promises to hold, with the least share of the texts.
	for tag, least := range map[string]float64{
		"class 0": .1, "class 1": .1, "class 2": .1, "class 3": .1, "class 4": .1,
		styleReceipt: .03, styleSign: .05, styleTable: .05, styleLine: .05, styleWord: .05, styleNumber: .1,
		classSans: .1, classSerif: .1, classMono: .1, classDisplay: .05, "bold": .2, "italic": .01,
		groundPlain: .1, groundGradient: .1, groundTextured: .1, groundPhoto: .05,
		"low-contrast": .08, "light-on-dark": .2, "dark-on-light": .2, "rotated": .1, "perspective": .05,
	} {
		if count[tag]/total < least {
			t.Errorf("%s is %.1f %% of the texts, want at least %.0f %%", tag, 100*count[tag]/total, 100*least)
		}
	}
	sum := map[string]float64{}
	for r, in := range perRound {
		for tag, n := range in {
			sum[tag] += n
		}
		if r < 1 {
			continue
		}
		for c := range sizes {
			tag := fmt.Sprintf("class %d", c)
			share, want := sum[tag]/sum["all"], count[tag]/count["all"]
			if share < want*.8 || share > want*1.2 {
				t.Errorf("the first %d images have %.1f %% of %s, the whole set %.1f %%", (r+1)*len(kinds), 100*share, tag, 100*want)
			}
		}
	}
}

func TestLabelsAreSound(t *testing.T) {
	for i, id := range newSet(t, Options{}).IDs() {
		instances := allLabels(t)[i]
		ids := map[string]bool{}
		for n, in := range instances {
			if ids[in.ID] || in.Text == "" || in.Text != strings.TrimSpace(in.Text) || in.Ignore {
				t.Errorf("%s: instance %+v", id, in)
			}
			ids[in.ID] = true
			if !in.Box.In(image.Rect(0, 0, Side, Side)) {
				t.Errorf("%s: %q in %v leaves the image", id, in.Text, in.Box)
			}
			// The corners enclose the ink, and the box does not reach beyond them.
			q := emptyRect()
			for _, p := range in.Quad {
				q.add(pt{p.X, p.Y})
			}
			if b := cover(q); !in.Box.In(b) || len(in.Quad) != 4 {
				t.Errorf("%s: %q: box %v reaches beyond its corners %v", id, in.Text, in.Box, in.Quad)
			}
			// What a reader crops holds no other text.
			crop := in.Box.Inset(-int(math.Round(0.2 * float64(in.Box.Dy()))))
			for m, other := range instances {
				if m != n && crop.Overlaps(other.Box) {
					t.Errorf("%s: the crop of %q shows %q", id, in.Text, other.Text)
				}
			}
			turned, persp := slices.Contains(in.Tags, "rotated"), slices.Contains(in.Tags, "perspective")
			if dx, dy := in.Quad[1].X-in.Quad[0].X, in.Quad[1].Y-in.Quad[0].Y; !turned && !persp && dy != 0 {
				t.Errorf("%s: %q is turned and not tagged", id, in.Text)
			} else if !persp && math.Abs(math.Atan2(dy, dx)) > 15.01*math.Pi/180 {
				t.Errorf("%s: %q is turned by %.1f°", id, in.Text, math.Atan2(dy, dx)*180/math.Pi)
			}
		}
	}
}

// The box is the ink's: the pixels that differ between an empty ground and one
// with the text fill it, row for row and column for column.
func TestBoxesAreTight(t *testing.T) {
	testenv.Sequential(t)
	for n, on := range []*surface{
		page(groundPlain, rgb{}),
		place(600, 300, 512, 512, 13, 0, 0),
		place(600, 300, 500, 500, -5, .2, .1),
		place(600, 300, 512, 512, 0, -.25, 0),
	} {
		for i, f := range faces() {
			s := &scene{rng: newRNG(1, uint64(i)), seen: map[string]bool{}}
			r, err := f.set("Quick Jogs, 48%", 0)
			if err != nil {
				t.Fatal(err)
			}
			if !s.putRun(on, ink{face: f, style: styleWord, color: rgb{255, 255, 255}}, r, 40.3, 150.7, 21.5+float64(i), left) {
				t.Fatalf("%s on surface %d was refused", f.Name, n)
			}
			c := &canvas{img: pix.New(Side, Side)} // black
			for _, op := range s.ops {
				op(c)
			}
			ink := image.Rectangle{Min: image.Pt(Side, Side)}
			for j, v := range c.img.Pix {
				if v > 4 { // less is the trace that a box leaves out
					x, y := j/3%Side, j/3/Side
					ink.Min.X, ink.Min.Y = min(ink.Min.X, x), min(ink.Min.Y, y)
					ink.Max.X, ink.Max.Y = max(ink.Max.X, x+1), max(ink.Max.Y, y+1)
				}
			}
			// No ink outside; and none missing but for the tip of a letter that covers
			// too little of its last pixel.
			if box := s.instances[0].Box; !ink.In(box) || !box.Inset(1).In(ink) {
				t.Errorf("%s on surface %d: ink in %v, box %v", f.Name, n, ink, box)
			}
		}
	}
}

func TestAnyOrderGivesTheSame(t *testing.T) {
	a, b := newSet(t, Options{Seed: 7, Images: 8}), newSet(t, Options{Seed: 7, Images: 8})
	want := make([]string, 8)
	for i := range want {
		it, err := a.Load(t.Context(), i)
		if err != nil {
			t.Fatal(err)
		}
		want[i] = it.Image.Digest()
	}
	var wg sync.WaitGroup
	for i := 7; i >= 0; i-- {
		wg.Go(func() {
			it, err := b.Load(t.Context(), i)
			if err != nil || it.Image.Digest() != want[i] {
				t.Errorf("item %d differs when drawn beside others (error %v)", i, err)
			}
		})
	}
	wg.Wait()
}

func TestDigestTellsSetsApart(t *testing.T) {
	seen := map[string]Options{}
	for _, o := range []Options{{}, {Seed: 1}, {Seed: 2}, {Seed: 1, Images: 24}} {
		d := newSet(t, o).Info().Digest
		if other, ok := seen[d]; ok {
			t.Errorf("%+v and %+v have the same digest", o, other)
		}
		seen[d] = o
	}
	one, err := newSet(t, Options{Seed: 1}).Load(t.Context(), 0)
	if err != nil {
		t.Fatal(err)
	}
	two, err := newSet(t, Options{Seed: 2}).Load(t.Context(), 0)
	if err != nil {
		t.Fatal(err)
	}
	if one.Image.Equal(two.Image) {
		t.Error("two seeds give the same picture")
	}
}

func TestBadOptionsAndIndices(t *testing.T) {
	if _, err := New(Options{Images: -1}); err == nil {
		t.Error("a set of -1 images was made")
	}
	s := newSet(t, Options{Images: 3})
	if n := s.DefaultItems(); n != 3 {
		t.Errorf("a set of 3 images has a default prefix of %d", n)
	}
	for _, i := range []int{-1, 3} {
		if _, err := s.Load(t.Context(), i); err == nil {
			t.Errorf("item %d of 3 was loaded", i)
		}
	}
}

// Every face can set every text, and no text is the same picture in two cases.
func TestTexts(t *testing.T) {
	l := texts()
	all := map[string][]string{
		"words": l.words, "first": l.first, "last": l.last, "places": l.places, "shops": l.shops, "signage": l.signage,
		"foods": l.foods, "goods": l.goods, "dishes": l.dishes, "headings": l.headings, "lines": l.lines,
	}
	for name, list := range all {
		if len(list) < 30 {
			t.Errorf("list %s has %d texts", name, len(list))
		}
		sorted := slices.Clone(list)
		slices.Sort(sorted)
		if len(slices.Compact(sorted)) != len(list) {
			t.Errorf("list %s repeats a text", name)
		}
		for _, text := range list {
			if len(text) < 3 || text != strings.Join(strings.Fields(text), " ") {
				t.Errorf("list %s: %q", name, text)
			}
			if upper := loud(text); strings.Trim(upper, strings.ToUpper(lookalikes)+" ") == "" {
				t.Errorf("list %s: %q in capitals looks as in small letters", name, upper)
			}
			for _, f := range faces() {
				if _, err := f.set(text, 0); err != nil {
					t.Errorf("list %s: %v", name, err)
				}
			}
		}
	}
}

func TestFacesAreDocumented(t *testing.T) {
	b, err := os.ReadFile("FONTS.md")
	if err != nil {
		t.Fatal(err)
	}
	classes := map[string]int{}
	for _, f := range Faces() {
		classes[f.Class]++
		if !strings.Contains(string(b), "`"+f.Name+"`") || f.Licence == "" {
			t.Errorf("FONTS.md does not name %s and its licence", f.Name)
		}
	}
	if len(Faces()) < 12 || len(classes) != 4 {
		t.Errorf("%d faces in classes %v", len(Faces()), classes)
	}
}

// Floor: every byte of 3 MiB is written at least once; a typical scene writes
// each pixel two to three times (ground, sheets with shadows, light and grain).
func BenchmarkLoad(b *testing.B) {
	s := newSet(b, Options{})
	b.SetBytes(3 * Side * Side)
	for i := 0; b.Loop(); i++ {
		if _, err := s.Load(b.Context(), i%len(kinds)); err != nil {
			b.Fatal(err)
		}
	}
}

// Labels without pixels, as DefaultItems needs them.
func BenchmarkCompose(b *testing.B) {
	for i := 0; b.Loop(); i++ {
		if _, err := compose(DefaultSeed, i%len(kinds)); err != nil {
			b.Fatal(err)
		}
	}
}
