package view_test

import (
	"errors"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/vtbench/vtbench/bench/suite"
	"github.com/vtbench/vtbench/bench/summary"
	"github.com/vtbench/vtbench/internal/fixture"
	"github.com/vtbench/vtbench/metrics"
	"github.com/vtbench/vtbench/reports/view"
)

var made = sync.OnceValues(func() (*summary.Run, error) {
	dir, err := os.MkdirTemp("", "vtbench-view-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	return fixture.Text(dir)
})

// run returns a copy of the fixture under another directory.
func run(t *testing.T, dir string) *summary.Run {
	t.Helper()
	r, err := made()
	if err != nil {
		t.Fatal(err)
	}
	out := *r
	out.Dir = filepath.Join(string(filepath.Separator), "runs", dir)
	out.Manifest.Tokenizers = slices.Clone(r.Manifest.Tokenizers)
	out.Manifest.Datasets = slices.Clone(r.Manifest.Datasets)
	out.Manifest.Metrics = slices.Clone(r.Manifest.Metrics)
	out.Summary.Rows = slices.Clone(r.Summary.Rows)
	return &out
}

func TestUpperBoundsFirstThenBestFirst(t *testing.T) {
	v, err := view.New(run(t, "a"))
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{"t-acc", "cer"} {
		g := v.Grid("text-default", "clean@256", id)
		if g.Rows[0].Token.Name != suite.Original || g.Rows[1].Token.Name != "resize" {
			t.Errorf("%s begins with %s, %s", id, g.Rows[0].Token.Name, g.Rows[1].Token.Name)
		}
		if g.Bound != "resize" {
			t.Errorf("%s is measured against %q", id, g.Bound)
		}
		last := math.Inf(1)
		if id == "cer" {
			last = math.Inf(-1)
		}
		for _, r := range g.Contestants() {
			if id == "cer" && r.Head.Mean < last || id == "t-acc" && r.Head.Mean > last {
				t.Errorf("%s: %s stands out of order", id, r.Token.Name)
			}
			last = r.Head.Mean
		}
	}
}

func TestRunsThatMayNotBeJoined(t *testing.T) {
	for name, tc := range map[string]struct {
		change func(*summary.Run)
		want   string
	}{
		"suite version":  {func(r *summary.Run) { r.Manifest.Suite.Version++ }, "version"},
		"data digest":    {func(r *summary.Run) { r.Manifest.Datasets[0].Info.Digest = "other" }, "digest"},
		"items":          {func(r *summary.Run) { r.Manifest.Datasets[0].Items++ }, "items"},
		"metric version": {func(r *summary.Run) { r.Manifest.Metrics[0].Version++ }, `metric "t-acc"`},
		"shard":          {func(r *summary.Run) { r.Manifest.Shard = "1/2" }, "shard"},
	} {
		b := run(t, "b")
		tc.change(b)
		_, err := view.New(run(t, "a"), b)
		if !errors.Is(err, view.ErrMismatch) || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: error %v, want ErrMismatch that names %q", name, err, tc.want)
		}
	}
}

func TestJoinedNames(t *testing.T) {
	a, b := run(t, "a"), run(t, "b")
	for i := range b.Summary.Rows {
		if r := &b.Summary.Rows[i]; r.Tokenizer == "jpeg:q=20" {
			r.Mean /= 2
		}
	}
	v, err := view.New(a, b)
	if err != nil {
		t.Fatal(err)
	}
	names := map[string]int{}
	for _, tok := range v.Tokens {
		names[tok.Name]++
	}
	for _, want := range []string{"a#jpeg:q=20", "b#jpeg:q=20", "resize", suite.Original} {
		if names[want] != 1 {
			t.Errorf("%q stands on the page %d times; names are %v", want, names[want], names)
		}
	}
	x, _ := v.Row("a#jpeg:q=20", "text-default", "clean@256", "small", "t-acc")
	y, _ := v.Row("b#jpeg:q=20", "text-default", "clean@256", "small", "t-acc")
	if x.Mean != 2*y.Mean {
		t.Errorf("rows were mixed up: %v and %v", x.Mean, y.Mean)
	}
}

func TestTallyCountsEverything(t *testing.T) {
	r := run(t, "a")
	v, err := view.New(r)
	if err != nil {
		t.Fatal(err)
	}
	tally := v.Tally("text-default", "clean@256", "t-acc")
	for _, tt := range tally.Tokens {
		row, ok := r.Summary.Find(tt.Token.Own, "text-default", "clean@256", summary.BinAll, "t-acc")
		if !ok {
			continue
		}
		if tt.Kept != row.N {
			t.Errorf("%s: %d kept, the row says %d", tt.Token.Name, tt.Kept, row.N)
		}
		for reason, n := range row.Dropped {
			if tt.Dropped[reason] != n {
				t.Errorf("%s: %d dropped as %s, the row says %d", tt.Token.Name, tt.Dropped[reason], reason, n)
			}
		}
	}
	if len(tally.Reasons) == 0 {
		t.Error("no reason is listed")
	}
}

func TestFewClustersAreSaid(t *testing.T) {
	r := run(t, "a")
	for i := range r.Summary.Rows {
		r.Summary.Rows[i].Warnings = []string{"few_clusters"}
	}
	v, err := view.New(r)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.ContainsFunc(v.Warnings, func(w string) bool { return strings.Contains(w, "fewer than 20 images") }) {
		t.Errorf("warnings are %q", v.Warnings)
	}
}

// The row of what values come down to is no tokenizer: it is best in nothing, next to
// nobody, and in no average.
func TestFloorIsNoContestant(t *testing.T) {
	r := run(t, "a")
	i := slices.IndexFunc(r.Manifest.Metrics, func(m metrics.Spec) bool { return m.ID == "t-acc" })
	r.Manifest.Metrics[i].Floor = metrics.Floor{Metric: "t-acc", Title: "nearest stranger"} // of the original: above all
	v, err := view.New(r)
	if err != nil {
		t.Fatal(err)
	}
	g := v.Grid("text-default", "clean@256", "t-acc")
	if !g.Rows[len(g.Rows)-1].Token.Floor {
		t.Fatalf("there is no row of the floor: %+v", g.Rows[len(g.Rows)-1])
	}
	for _, c := range g.Contestants() {
		if c.Token.Floor {
			t.Errorf("%s contends", c.Token.Name)
		}
	}
	for _, f := range v.Findings() {
		if strings.Contains(f.Value+f.Plain(), "nearest stranger") {
			t.Errorf("%s: %s %s", f.Label, f.Value, f.Plain())
		}
	}
}

// An interval without width says nothing where it rests on few images.
func TestNoCertaintyOfFew(t *testing.T) {
	for clusters, want := range map[int]bool{2: false, 40: true} {
		r := run(t, "a")
		for i := range r.Summary.Rows {
			row := &r.Summary.Rows[i]
			row.Lo, row.Hi, row.Clusters = row.Mean, row.Mean, clusters
		}
		v, err := view.New(r)
		if err != nil {
			t.Fatal(err)
		}
		for _, row := range v.Grid("text-default", "clean@256", "t-acc").Rows {
			if has := !math.IsNaN(row.Head.Lo); row.Head.OK && has != want {
				t.Errorf("%s of %d images has an interval: %v", row.Token.Name, clusters, has)
			}
		}
	}
}

// Files of quantized weights stand on curves by rule, told by the options that differ.
func TestSizesOfWeights(t *testing.T) {
	r := run(t, "a")
	section := func(v *view.View) view.Section { return v.Sections()[0] }
	v, err := view.New(r)
	if err != nil {
		t.Fatal(err)
	}
	if curves, full := v.Sizes(section(v), v.Headline[0]); len(curves) > 0 || full.Bytes > 0 {
		t.Errorf("without any: %v, %v", curves, full)
	}
	n := 0
	for i := range r.Manifest.Tokenizers {
		e := &r.Manifest.Tokenizers[i]
		if e.Info.Reference || e.Name == "original" || e.Name == "resize" {
			continue
		}
		e.Info.Name, e.Info.WeightBytes = "net", int64(1000-100*n)
		if n > 0 { // the first is the network itself
			e.Options = map[string]string{"of": "net", "rule": []string{"gptq", "rtn"}[n%2], "bits": string(rune(0x31 + n/2)), "per": "channel"}
		}
		n++
	}
	if v, err = view.New(r); err != nil {
		t.Fatal(err)
	}
	curves, full := v.Sizes(section(v), v.Headline[0])
	if full.Bytes != 1000 {
		t.Errorf("the whole network has %d bytes", full.Bytes)
	}
	total := 0
	for _, c := range curves {
		if c.Name != "rule=gptq" && c.Name != "rule=rtn" {
			t.Errorf("a curve is called %q", c.Name)
		}
		for i, p := range c.Points {
			total++
			if i > 0 && p.Bytes > c.Points[i-1].Bytes {
				t.Errorf("%s: sizes rise", c.Name)
			}
		}
	}
	if len(curves) == 0 || total >= n {
		t.Errorf("%d points on %d curves of %d networks", total, len(curves), n)
	}
	spec, _ := v.Metric(v.Headline[0])
	point := func(bytes int64, mean float64) view.SizePoint {
		return view.SizePoint{
			Token: view.Token{Name: "a", Options: map[string]string{"bits": "3"}}, Bytes: bytes,
			Cell: view.Cell{OK: true, Mean: mean, Lo: mean - .01, Hi: mean + .01},
		}
	}
	whole := point(9000, .9)
	falling := view.SizeCurve{Name: "rule=x", Points: []view.SizePoint{point(5000, .895), point(4000, .8), point(3000, .7)}}
	steady := view.SizeCurve{Name: "rule=y", Points: []view.SizePoint{point(5000, .9)}}
	if got := view.Falls([]view.SizeCurve{falling, steady}, whole, spec); !slices.Equal(got, []string{"rule=x from 3 bits on (4 kB)"}) {
		t.Errorf("%q", got)
	}
}
