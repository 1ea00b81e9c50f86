package run_test

import (
	"context"
	"math"
	"slices"
	"testing"

	"github.com/vtbench/vtbench/bench/compare"
	"github.com/vtbench/vtbench/bench/run"
	"github.com/vtbench/vtbench/bench/suite"
	"github.com/vtbench/vtbench/bench/summary"
	"github.com/vtbench/vtbench/datasets"
	"github.com/vtbench/vtbench/metrics"
	"github.com/vtbench/vtbench/metrics/mask"
	"github.com/vtbench/vtbench/pix"
	"github.com/vtbench/vtbench/tokenizers"
)

var classes = []datasets.Class{
	{Name: "ground", Colour: [3]uint8{120, 0, 0}},
	{Name: "never", Colour: [3]uint8{0, 120, 0}},
	{Name: "wall", Colour: [3]uint8{0, 0, 120}},
	{Name: "rare", Colour: [3]uint8{120, 120, 0}},
}

// masks are 30 maps of 40×20 pixels: ground above wall of a height that differs, void in a
// corner, and "rare" in two of them.
type masks struct{}

func (masks) Info() datasets.Info { return datasets.Info{ID: "masks", Version: 1, Digest: "d"} }

func (masks) IDs() []string {
	out := make([]string, 30)
	for i := range out {
		out[i] = "m/" + string(rune('A'+i))
	}
	return out
}

func (d masks) Load(_ context.Context, i int) (datasets.Item, error) {
	m := &datasets.LabelMap{W: 40, H: 20, Index: make([]uint8, 800), Classes: classes}
	for p := range m.Index {
		switch x, y := p%40, p/40; {
		case x < 2 && y < 2:
			m.Index[p] = datasets.Void
		case y >= 8+i%5:
			m.Index[p] = 2
		case i%15 == 3 && x > 30:
			m.Index[p] = 3
		}
	}
	return datasets.Item{ID: d.IDs()[i], Image: m.Paint(), Labels: m}, nil
}

// recolour paints the upper rows of walls as ground, and sees only colours of classes.
type recolour struct {
	t    *testing.T
	rows int
}

func (recolour) Info() tokenizers.Info {
	return tokenizers.Info{Name: "recolour", Deterministic: true, BatchInvariant: true}
}

func (r recolour) Reconstruct(_ context.Context, in []pix.Image) ([]tokenizers.Reconstruction, error) {
	out := make([]tokenizers.Reconstruction, len(in))
	for i, m := range in {
		got := m.Clone()
		for p := 0; p < len(m.Pix); p += 3 {
			c := [3]uint8(m.Pix[p:])
			if c != ([3]uint8{}) && !slices.ContainsFunc(classes, func(k datasets.Class) bool { return k.Colour == c }) {
				r.t.Errorf("a tokenizer is given the colour %v, which is no class's", c)
			}
			above := p - 3*m.W*r.rows
			if c == classes[2].Colour && above >= 0 && [3]uint8(m.Pix[above:]) != c {
				copy(got.Pix[p:p+3], classes[0].Colour[:])
			}
		}
		out[i].Image = got
	}
	return out, nil
}

func maskConfig(t *testing.T) run.Config {
	cfg := config(t, 0)
	m, err := mask.Kinds()[0].Open(t.Context(), metrics.Config{})
	if err != nil {
		t.Fatal(err)
	}
	cfg.Suite = suite.Suite{
		ID: "masks", Version: 1, Datasets: []string{"masks"}, Resolutions: suite.Resolutions{32, suite.Native}, ScoreAt: "input", Transfer: true,
		Metrics: []string{"miou", "pixel-acc", "boundary-f1", "small-lost"}, Headline: []string{"miou"}, Worst: "boundary-f1",
	}
	cfg.Datasets = []run.DatasetSource{{Spec: "masks", Data: masks{}}}
	cfg.Metrics, cfg.Observers = []metrics.Metric{m}, nil
	cfg.Tokenizers = []run.TokenizerSource{
		{Name: "original", Kind: "original", Tokenizer: &darker{}},
		{Name: "one", Kind: "recolour", Tokenizer: recolour{t, 1}},
		{Name: "two", Kind: "recolour", Tokenizer: recolour{t, 2}},
		{Name: "bad", Kind: "panicking", Tokenizer: panicking{}},
	}
	return cfg
}

// The mean of the set is that over classes that occur, of sums of pixels over all maps.
func TestMasks(t *testing.T) {
	cfg := maskConfig(t)
	done := execute(t, cfg)
	var both, union [4]int
	for i := range masks.IDs(masks{}) {
		item, err := masks{}.Load(t.Context(), i)
		if err != nil {
			t.Fatal(err)
		}
		out, err := recolour{t, 2}.Reconstruct(t.Context(), []pix.Image{item.Image})
		if err != nil {
			t.Fatal(err)
		}
		c := mask.Count(item.Labels, mask.Decode(out[0].Image, classes))
		for k := range classes {
			both[k] += c.Both[k]
			union[k] += c.Union(k)
		}
	}
	mean, n := 0., 0
	for k, class := range classes {
		row, ok := done.Summary.Find("two", "masks", "clean@native", class.Name, "miou")
		if union[k] == 0 {
			if ok {
				t.Errorf("class %s occurs nowhere and has a row", class.Name)
			}
			continue
		}
		want := float64(both[k]) / float64(union[k])
		if !ok || math.Abs(float64(row.Mean)-want) > 1e-12 {
			t.Errorf("IoU of %s is %v, want %v", class.Name, row.Mean, want)
		}
		mean, n = mean+want, n+1
	}
	row, ok := done.Summary.Find("two", "masks", "clean@native", summary.BinMean, "miou")
	if !ok || math.Abs(float64(row.Mean)-mean/float64(n)) > 1e-12 || !(row.Lo < row.Mean && row.Mean < row.Hi) || row.Clusters != 30 {
		t.Errorf("mIoU is %+v, want %v over %d classes", row, mean/float64(n), n)
	}
	for _, cond := range []string{"clean@32", "clean@native"} {
		if row, ok := done.Summary.Find("original", "masks", cond, summary.BinMean, "miou"); !ok || row.Mean != 1 {
			t.Errorf("the original under %s: %+v", cond, row)
		}
		if row, ok := done.Summary.Find("bad", "masks", cond, summary.BinAll, "miou"); !ok || row.N != 0 || row.Dropped["failed"] != 30 {
			t.Errorf("a tokenizer that fails under %s: %+v", cond, row)
		}
	}

	// One row more is lost at the smaller size, where there are fewer of them.
	i := slices.IndexFunc(done.Summary.Transfer, func(r summary.TransferRow) bool { return r.Tokenizer == "one" && r.Metric == "miou" })
	if i < 0 {
		t.Fatal("resolutions are not compared")
	}
	small, _ := done.Summary.Find("one", "masks", "clean@32", summary.BinMean, "miou")
	large, _ := done.Summary.Find("one", "masks", "clean@native", summary.BinMean, "miou")
	r := done.Summary.Transfer[i]
	if r.From != "clean@32" || r.To != "clean@native" || r.Before != small.Mean || math.Abs(float64(r.Delta-(large.Mean-small.Mean))) > 1e-12 || !(r.Lo <= r.Delta && r.Delta <= r.Hi) || r.Delta <= 0 {
		t.Errorf("%+v, from %v to %v", r, small.Mean, large.Mean)
	}
}

// Two tokenizers whose unions differ are compared, by class and in the mean.
func TestMasksAreCompared(t *testing.T) {
	done := execute(t, maskConfig(t))
	results, err := compare.FromRunDir(done, compare.LoadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	report, err := compare.Compare([]compare.Side{{Results: results, Tokenizer: "one"}}, compare.Side{Results: results, Tokenizer: "two"}, compare.Options{Resamples: 500})
	if err != nil {
		t.Fatal(err)
	}
	a, _ := done.Summary.Find("one", "masks", "clean@native", summary.BinMean, "miou")
	b, _ := done.Summary.Find("two", "masks", "clean@native", summary.BinMean, "miou")
	var seen []string
	for _, r := range report.Rows {
		if r.Metric != "miou" || r.Condition != "clean@native" {
			continue
		}
		seen = append(seen, r.Bin)
		if r.Bin != summary.BinMean {
			continue
		}
		if math.Abs(float64(r.Delta-(b.Mean-a.Mean))) > 1e-12 || r.Lost != 0 || r.Verdict != compare.Worse || !r.Headline || !(r.P < .05) {
			t.Errorf("%+v; want a difference of %v", r, b.Mean-a.Mean)
		}
	}
	if want := []string{summary.BinMean, "ground", "wall", "rare"}; !slices.Equal(seen, want) {
		t.Errorf("rows of mIoU are %q, want %q", seen, want)
	}
}

// squares needs sides that are multiples of 16 and states the sizes it was given.
type squares struct{ sizes chan [2]int }

func (squares) Info() tokenizers.Info {
	return tokenizers.Info{Name: "squares", Deterministic: true, BatchInvariant: true, MultipleOf: 16}
}

func (s squares) Reconstruct(_ context.Context, in []pix.Image) ([]tokenizers.Reconstruction, error) {
	out := make([]tokenizers.Reconstruction, len(in))
	for i, m := range in {
		s.sizes <- [2]int{m.W, m.H}
		out[i].Image = m.Clone()
	}
	return out, nil
}

// At native size an image is given as it is, padded for those who need multiples, and
// what comes back is cropped.
func TestNativeSize(t *testing.T) {
	cfg := config(t, 3)
	cfg.Suite.Resolutions, cfg.Suite.Bins = suite.Resolutions{suite.Native}, nil
	s := squares{make(chan [2]int, 100)}
	odd := oddSet{}
	cfg.Datasets = []run.DatasetSource{{Spec: "odd", Data: odd}}
	cfg.Tokenizers = []run.TokenizerSource{
		{Name: "original", Kind: "original", Tokenizer: &darker{}},
		{Name: "squares", Kind: "squares", Tokenizer: s},
	}
	done := execute(t, cfg)
	close(s.sizes)
	for size := range s.sizes {
		if size != [2]int{32, 48} {
			t.Errorf("the tokenizer was given %v", size)
		}
	}
	row, ok := done.Summary.Find("squares", "odd", "clean@native", summary.BinAll, "mae")
	if !ok || row.N != 3 || row.Mean != 0 {
		t.Errorf("mae of a copy is %+v, failures %v", row, done.Summary.Errors)
	}
}

// oddSet has images of 23×37 pixels.
type oddSet struct{}

func (oddSet) Info() datasets.Info { return datasets.Info{ID: "odd", Version: 1, Digest: "d"} }
func (oddSet) IDs() []string       { return []string{"a", "b", "c"} }
func (d oddSet) Load(_ context.Context, i int) (datasets.Item, error) {
	m := pix.New(23, 37)
	for k := range m.Pix {
		m.Pix[k] = uint8(k*11 + i)
	}
	return datasets.Item{ID: d.IDs()[i], Image: m}, nil
}
