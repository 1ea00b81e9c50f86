package feature

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/vtbench/vtbench/metrics"
)

// The table is that of prdc 0.2 (testdata/prdc_goldens.py): shares of at most 70, so
// they are equal or wrong.
func TestPrecisionAndRecallAgree(t *testing.T) {
	var table []struct {
		Name              string
		Ref, Got          [][]float32
		Precision, Recall float64
		Density, Coverage *float64
	}
	b, err := os.ReadFile("testdata/prdc.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, &table); err != nil {
		t.Fatal(err)
	}
	if len(table) != 5 {
		t.Fatalf("the table has %d cases", len(table))
	}
	for _, c := range table {
		p, err := Precision(setOf(t, c.Ref), setOf(t, c.Got))
		if err != nil {
			t.Fatal(err)
		}
		r, err := Recall(setOf(t, c.Ref), setOf(t, c.Got))
		if err != nil {
			t.Fatal(err)
		}
		if !near(p.Value, c.Precision, 1e-12) || !near(r.Value, c.Recall, 1e-12) {
			t.Errorf("%s: precision %v, recall %v; prdc %v, %v", c.Name, p.Value, r.Value, c.Precision, c.Recall)
		}
		if c.Density == nil {
			continue
		}
		d, err := Density(setOf(t, c.Ref), setOf(t, c.Got))
		if err != nil {
			t.Fatal(err)
		}
		v, err := Coverage(setOf(t, c.Ref), setOf(t, c.Got))
		if err != nil {
			t.Fatal(err)
		}
		if !near(d.Value, *c.Density, 1e-12) || !near(v.Value, *c.Coverage, 1e-12) {
			t.Errorf("%s: density %v, coverage %v; prdc %v, %v", c.Name, d.Value, v.Value, *c.Density, *c.Coverage)
		}
	}
}

// Equal sets are as dense as they are, and cover each other, to the last bit.
func TestDensityOfTheSame(t *testing.T) {
	a, b := setOf(t, random(1, 40, 6, 0)), setOf(t, random(1, 40, 6, 0))
	d, errD := Density(a, b)
	c, errC := Coverage(a, b)
	if errD != nil || errC != nil || d.Value != 1 || c.Value != 1 {
		t.Errorf("density %v, coverage %v, %v, %v", d.Value, c.Value, errD, errC)
	}
	few := setOf(t, random(1, 5, 6, 0))
	if _, err := Density(few, few); err == nil {
		t.Error("five images have a density")
	}
}

// A set of another size than the recipe says has no value, and both numbers are told.
func TestNumberOfImages(t *testing.T) {
	g := func(n int) *Gathering {
		out := Gather(1)
		for i, row := range random(1, n, 6, 0) {
			if err := out.AddFeatures(string(rune('A'+i)), row); err != nil {
				t.Fatal(err)
			}
		}
		return out
	}
	for n, want := range map[int]string{20: "", 19: "20 references and 19 images, the recipe is about 20 of each"} {
		v, err := Compare(metrics.Config{Options: map[string]string{OptionN: "20"}}, []string{"fid", "coverage"}, g(20), g(n))
		if err != nil || len(v) != 2 || v[0].Err != want || v[1].Err != want {
			t.Errorf("%d: %+v, %v", n, v, err)
		}
	}
}

func TestPrecisionOfTheSame(t *testing.T) {
	constant := slices.Repeat([][]float32{{3, -1, .1}}, 9)
	for name, rows := range map[string][][]float32{"images": random(1, 40, 6, 0), "constant images": constant, "zeros": slices.Repeat([][]float32{{0, 0}}, 5)} {
		a, b := setOf(t, rows), setOf(t, rows)
		p, err := Precision(a, b)
		if err != nil {
			t.Fatal(err)
		}
		r, err := Recall(a, b)
		if err != nil {
			t.Fatal(err)
		}
		if p.Value != 1 || r.Value != 1 {
			t.Errorf("%s against themselves: precision %v, recall %v", name, p.Value, r.Value)
		}
	}
	if _, err := Precision(setOf(t, random(1, 3, 4, 0)), setOf(t, random(2, 9, 4, 0))); err == nil {
		t.Error("three references have no third neighbour")
	}
}

func all() []string {
	var ids []string
	for _, s := range Specs() {
		ids = append(ids, s.ID)
	}
	return ids
}

func gathered(t tb, limit int, rows [][]float32, order []int) *Gathering {
	t.Helper()
	g := gather(limit, 7)
	for _, i := range order {
		if err := g.Add(fmt.Sprintf("%05d", i), Encode(rows[i])); err != nil {
			t.Fatal(err)
		}
	}
	return g
}

// Sets that are kept whole have the values of the plain functions, whatever the order.
func TestGatheringOfSmallSets(t *testing.T) {
	ref, got := random(1, 40, 5, 0), random(2, 33, 5, .4)
	cfg := metrics.Config{Seed: 3, Options: map[string]string{OptionKIDSubset: "20"}}
	values := func(shuffle uint64) []metrics.Value {
		r := rand.New(rand.NewPCG(shuffle, 1))
		vs, err := Compare(cfg, all(), gathered(t, Reservoir, ref, r.Perm(len(ref))), gathered(t, Reservoir, got, r.Perm(len(got))))
		if err != nil {
			t.Fatal(err)
		}
		return vs
	}
	vs := values(1)
	a, b := setOf(t, ref), setOf(t, got)
	want := map[string]func() (Score, error){
		"fid":       func() (Score, error) { return FID(a, b) },
		"kid":       func() (Score, error) { return KID(a, b, KIDOptions{Size: 20, Seed: 3}) },
		"cmmd":      func() (Score, error) { return CMMD(a, b) },
		"precision": func() (Score, error) { return Precision(a, b) },
		"recall":    func() (Score, error) { return Recall(a, b) },
		"density":   func() (Score, error) { return Density(a, b) },
		"coverage":  func() (Score, error) { return Coverage(a, b) },
	}
	if len(vs) != len(want) {
		t.Fatalf("%d values, want %d", len(vs), len(want))
	}
	for _, v := range vs {
		s, err := want[v.Metric]()
		if err != nil {
			t.Fatal(err)
		}
		if v.Value != s.Value || v.Err != "" || len(v.Warnings) != len(s.Warnings) {
			t.Errorf("%+v, the plain function gives %+v", v, s)
		}
	}
	if d := cmp.Diff(vs, values(2)); d != "" {
		t.Errorf("another order gives other values:\n%s", d)
	}
}

// Larger sets: FID and CMMD are still those of all vectors, CMMD but for what its sample
// of 200 adds to the terms of third order; the others are those of a sample that does
// not depend on the order.
func TestGatheringOfLargeSets(t *testing.T) {
	ref, got := random(1, 900, 6, .5), random(2, 700, 6, .9)
	whole := map[string]float64{}
	a, b := setOf(t, ref), setOf(t, got)
	for id, f := range map[string]func(a, b *Set) (Score, error){"fid": FID, "cmmd": CMMD} {
		s, err := f(a, b)
		if err != nil {
			t.Fatal(err)
		}
		whole[id] = s.Value
	}
	cfg := metrics.Config{Options: map[string]string{OptionKIDSubset: "50"}}
	var first []metrics.Value
	for shuffle := range uint64(3) {
		r := rand.New(rand.NewPCG(shuffle, 2))
		x, y := gathered(t, 200, ref, r.Perm(len(ref))), gathered(t, 200, got, r.Perm(len(got)))
		if x.N() != 900 || len(x.kept) != 200 || len(x.names) != 200 {
			t.Fatalf("%d vectors, %d kept under %d names", x.N(), len(x.kept), len(x.names))
		}
		vs, err := Compare(cfg, all(), x, y)
		if err != nil {
			t.Fatal(err)
		}
		for i, v := range vs {
			if v.Err != "" {
				t.Errorf("%s: %s", v.Metric, v.Err)
			}
			if w, ok := whole[v.Metric]; ok && !near(v.Value, w, map[string]float64{"fid": 1e-9, "cmmd": 1e-5}[v.Metric]) {
				t.Errorf("%s of a gathering is %v, of all vectors %v", v.Metric, v.Value, w)
			}
			if shuffle > 0 && !near(v.Value, first[i].Value, 1e-9) {
				t.Errorf("%s is %v in another order, %v before", v.Metric, v.Value, first[i].Value)
			}
		}
		if first == nil {
			first = vs
		}
	}
	// One side may be small.
	vs, err := Compare(cfg, []string{"fid", "cmmd"}, gathered(t, 200, ref, sequence(900)), gathered(t, 200, got, sequence(60)))
	if err != nil {
		t.Fatal(err)
	}
	few := setOf(t, got[:60])
	for _, v := range vs {
		s, err := map[string]func(a, b *Set) (Score, error){"fid": FID, "cmmd": CMMD}[v.Metric](a, few)
		if err != nil {
			t.Fatal(err)
		}
		if !near(v.Value, s.Value, 1e-5) {
			t.Errorf("%s against a small set is %v, of all vectors %v", v.Metric, v.Value, s.Value)
		}
	}
}

func TestGatheringErrors(t *testing.T) {
	g := Gather(1)
	add := func(item, state string) error { return g.Add(item, state) }
	if err := add("a", Encode([]float32{1, 2})); err != nil {
		t.Fatal(err)
	}
	for want, err := range map[string]error{
		"already":                           add("a", Encode([]float32{1, 2})),
		"no float32":                        add("b", "AAA"),
		"illegal base64":                    add("b", "!"),
		"1 numbers, the other items have 2": add("b", Encode([]float32{1})),
		"number 0 is NaN":                   add("b", Encode([]float32{float32(math.NaN()), 1})),
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one that says %q", err, want)
		}
	}
	vs, err := Compare(metrics.Config{}, all(), Gather(1), g)
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range vs {
		if v.Err == "" {
			t.Errorf("%s of an empty set is %v", v.Metric, v.Value)
		}
	}
	if _, err := Compare(metrics.Config{Options: map[string]string{OptionKIDSubset: "1"}}, all(), g, g); err == nil {
		t.Error("a subset of one image is taken")
	}
	other := Gather(1)
	if err := other.AddFeatures("a", []float32{1}); err != nil {
		t.Fatal(err)
	}
	if _, err := Compare(metrics.Config{}, all(), other, g); err == nil {
		t.Error("features of other lengths are compared")
	}
}

func TestStatesSurvive(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := rapid.SliceOfN(rapid.Float32(), 1, 40).Draw(t, "features")
		got, err := Decode(Encode(f))
		if err != nil || !slices.Equal(got, f) {
			t.Fatalf("%v became %v: %v", f, got, err)
		}
	})
}

func FuzzDecode(f *testing.F) {
	f.Add(Encode([]float32{1, 2}))
	f.Add("AAA")
	f.Fuzz(func(t *testing.T, s string) {
		if v, err := Decode(s); err == nil && len(v) == 0 {
			t.Error("an empty vector")
		}
	})
}
