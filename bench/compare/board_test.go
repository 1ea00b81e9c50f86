package compare

import (
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/vtbench/vtbench/bench/record"
	"github.com/vtbench/vtbench/bench/summary"
	"github.com/vtbench/vtbench/metrics"
)

// boardHeader is that of a run with these tokenizers; "bound" is an upper bound.
func boardHeader(tokens ...string) Header {
	h := simHeader()
	h.Tokens = nil
	h.Metrics = append(h.Metrics, metrics.Spec{ID: "bpp", Version: 1, Title: "bits", Unit: "bpp", Better: metrics.Lower, Scope: metrics.PerImage, Role: metrics.RoleRate, Rate: metrics.Nominal})
	for _, name := range tokens {
		h.Tokens = append(h.Tokens, TokenID{Name: name, Reference: name == "bound"})
	}
	return h
}

// of is a PSNR of a tokenizer.
func of(token, item string, value float64) record.Record {
	r := recordOf(item, "", "", "psnr", value)
	r.Tokenizer = token
	return r
}

func lost(r record.Record) record.Record {
	r.Value, r.Error = nil, "out of memory"
	return r
}

func boardOf(tb testing.TB, boards []Board, metric, condition string) Board {
	tb.Helper()
	for _, b := range boards {
		if b.Metric == metric && b.Condition == condition {
			return b
		}
	}
	tb.Fatalf("no board of %s under %s in %d", metric, condition, len(boards))
	return Board{}
}

func boards(tb testing.TB, o BoardOptions, results ...*Results) []Board {
	tb.Helper()
	if o.Resamples == 0 {
		o.Resamples = 199
	}
	out, err := Boards(results, o)
	if err != nil {
		tb.Fatal(err)
	}
	return out
}

// line is a row as text: name, rank, value, coverage, where it is from.
func (b Board) lines() []string {
	var out []string
	for _, r := range b.Rows {
		out = append(out, fmt.Sprintf("%s #%d %.4g %d/%d %v", r.Token.Name, r.Rank, float64(r.Value), r.Counted, r.Total, r.Results))
	}
	return out
}

// Ranks are over what all have; whoever fails on the hard images gains nothing by it.
func TestBoardRanksOnlyWhatAllHave(t *testing.T) {
	var a, b []record.Record
	for i := range 10 {
		item := fmt.Sprint(i)
		a = append(a, of("bound", item, 50), of("one", item, 30+float64(i)))
		two := of("two", item, 30+float64(i)-1)
		if i == 0 { // the hard one: its own mean is the better one now
			two = lost(two)
		}
		b = append(b, of("bound", item, 50), two)
		if i < 4 {
			b = append(b, of("few", item, 99))
		}
	}
	r1, r2 := resultsOf(t, "a", boardHeader("bound", "one"), a...), resultsOf(t, "b", boardHeader("bound", "two", "few"), b...)
	all := boards(t, BoardOptions{}, r1, r2)
	if len(all) != 1 {
		t.Fatalf("%d boards, want the one of PSNR", len(all))
	}
	got := all[0]
	want := []string{
		"bound #0 50 10/10 [0 1]", // equal in both runs: once
		"one #1 35 10/10 [0]",     // over images 1 to 9
		"two #2 34 9/10 [1]",
		"few #0 99 4/10 [1]",
	}
	if d := cmp.Diff(want, got.lines()); d != "" {
		t.Error(d)
	}
	if got.Common != 9 || got.Total != 10 || got.Clusters != 9 {
		t.Errorf("%d of %d values on %d images", got.Common, got.Total, got.Clusters)
	}
	if l := got.Rows[2].Lacks; l[metrics.DropFailed] != 1 || len(l) != 1 {
		t.Errorf("two lacks %v", l)
	}
	if r := got.Rows[3]; r.Lacks[Missing] != 6 || r.Why == "" {
		t.Errorf("few: %v, %q", r.Lacks, r.Why)
	}
	if r := got.Rows[1]; r.RankLo != 1 || r.RankHi != 1 || got.Rows[2].RankLo != 2 {
		t.Errorf("one is better by 1 dB everywhere and has ranks %d to %d", r.RankLo, r.RankHi)
	}
	// With less asked for, the four images of few are all that is left.
	low := boards(t, BoardOptions{MinCoverage: .3}, r1, r2)[0]
	if low.Common != 3 || low.Rows[1].Token.Name != "few" || low.Rows[1].Rank != 1 {
		t.Errorf("with a least coverage of .3: %d common, %v", low.Common, low.lines())
	}
	if _, err := Boards([]*Results{r1}, BoardOptions{MinCoverage: 1.5}); err == nil {
		t.Error("a share of 1.5 is taken")
	}
}

// Means are those of a comparison: unweighted over bins, weighted within them.
func TestBoardMeansAreThoseOfComparisons(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	base, cand := drawResults(t, r, 30, .5)
	cand.Tokens[0].Name = "tok"
	report := compareBoth(t, base, cand, Options{Resamples: 199})
	for _, x := range report.Headline() {
		b := boardOf(t, boards(t, BoardOptions{}, base, cand), x.Metric, x.Condition)
		values := map[int]float64{}
		for _, row := range b.Rows {
			values[row.Results[0]] = float64(row.Value)
		}
		if math.Abs(values[0]-float64(x.Baseline)) > 1e-12 || math.Abs(values[1]-float64(x.Candidate)) > 1e-12 || b.Common != x.N || b.Clusters != x.Clusters {
			t.Errorf("%s: %v of %d values, the comparison has %v, %v of %d", x.Metric, values, b.Common, x.Baseline, x.Candidate, x.N)
		}
		if binned := len(b.Bins) > 0; binned != (x.Bin == summary.BinMean) {
			t.Errorf("%s is over bins %v, in the comparison over %q", x.Metric, b.Bins, x.Bin)
		}
	}
}

// Whatever Compare refuses to compare is never on one board.
func TestBoardKeepsVersionsApart(t *testing.T) {
	for name, change := range map[string]func(*Header){
		"suite version":    func(h *Header) { h.Suite.Version++ },
		"suite digest":     func(h *Header) { h.Suite.Digest = "x" },
		"suite":            func(h *Header) { h.Suite.ID = "x" },
		"data set version": func(h *Header) { h.Datasets = []DatasetID{{Name: "d", Version: 2, Digest: "d"}} },
		"data set digest":  func(h *Header) { h.Datasets = []DatasetID{{Name: "d", Version: 1, Digest: "x"}} },
		"metric version":   func(h *Header) { h.Metrics = slices.Clone(h.Metrics); h.Metrics[2].Version++ },
		"engine":           func(h *Header) { h.Software = []KeyValue{{"ocr", "6"}} },
		"seed":             func(h *Header) { h.Seed = 2 },
		"an import":        func(h *Header) { h.Source = Imported; h.Origin = "a paper" },
	} {
		h := boardHeader("two")
		h.Software = []KeyValue{{"ocr", "5"}}
		other := h
		h.Tokens = []TokenID{{Name: "one"}}
		change(&other)
		a, b := resultsOf(t, "a", h, of("one", "x", 1), of("one", "y", 2)), resultsOf(t, "b", other, of("two", "x", 1), of("two", "y", 2))
		all := boards(t, BoardOptions{}, a, b)
		if len(all) != 2 || len(all[0].Rows) != 1 || len(all[1].Rows) != 1 {
			t.Errorf("another %s: %d boards", name, len(all))
		}
		if len(check(&a.Header, &b.Header)) == 0 && name != "an import" {
			t.Errorf("%s: Compare would compare them", name)
		}
		same := boards(t, BoardOptions{}, a, resultsOf(t, "b", boardHeaderLike(h, "two"), of("two", "x", 1), of("two", "y", 2)))
		if len(same) != 1 || len(same[0].Rows) != 2 {
			t.Errorf("equal headers: %d boards", len(same))
		}
	}
}

func boardHeaderLike(h Header, token string) Header {
	h.Tokens = []TokenID{{Name: token}}
	return h
}

// A tokenizer that several runs have stands there once where the runs agree, and as often as
// they do not.
func TestBoardJoinsEqualValues(t *testing.T) {
	h := boardHeader("one")
	whole := resultsOf(t, "a", h, of("one", "1", 1), of("one", "2", 2), of("one", "3", 3))
	part := resultsOf(t, "b", h, of("one", "2", 2))
	other := resultsOf(t, "c", h, of("one", "2", 2), of("one", "3", 3.5))
	newer := h
	newer.Tokens = []TokenID{{Name: "one", Weights: "new"}}
	weights := resultsOf(t, "d", newer, of("one", "1", 1), of("one", "2", 2), of("one", "3", 3))
	b := boards(t, BoardOptions{MinCoverage: .1}, part, whole, other, weights)[0]
	var got []string
	for _, r := range b.Rows {
		got = append(got, fmt.Sprint(r.Token.Weights, r.Results))
	}
	slices.Sort(got)
	if d := cmp.Diff([]string{"[0 1]", "[2]", "new[3]"}, got); d != "" {
		t.Error(d)
	}
}

// Damage is ranked over all of it, once a resolution; damage to tokens and scores against
// the undamaged are no part of it.
func TestBoardOfDamage(t *testing.T) {
	var recs []record.Record
	for i := range 4 {
		for c, v := range map[string]float64{"clean@256": 40, "fog/1@256": 30, "fog/3@256": 20, "snow/1@512": 5, "token_drop/1@256": 1, "fog/1@256~clean": 2} {
			for _, tok := range []string{"one", "two"} {
				x := of(tok, fmt.Sprint(i), v)
				if tok == "two" {
					*x.Value--
				}
				x.Condition = c
				recs = append(recs, x)
			}
		}
	}
	all := boards(t, BoardOptions{}, resultsOf(t, "a", boardHeader("one", "two"), recs...))
	if len(all) != 3 {
		t.Fatalf("%d boards", len(all))
	}
	b := boardOf(t, all, "psnr", "damaged@256")
	if d := cmp.Diff([]string{"one #1 25 8/8 [0]", "two #2 24 8/8 [0]"}, b.lines()); d != "" {
		t.Error(d)
	}
	if !slices.Equal(b.Conditions, []string{"fog/1@256", "fog/3@256"}) {
		t.Errorf("conditions %v", b.Conditions)
	}
	if x := boardOf(t, all, "psnr", "damaged@512"); x.Common != 4 {
		t.Errorf("at 512: %d values", x.Common)
	}
}

// What cannot be ranked says why.
func TestBoardWithoutRanks(t *testing.T) {
	inf := func(tok, item string) record.Record {
		r := of(tok, item, 0)
		r.Value, r.Note = nil, "inf"
		return r
	}
	var recs []record.Record
	for i := range 4 {
		recs = append(recs, of("one", fmt.Sprint(i), 30), inf("lossless", fmt.Sprint(i)), lost(of("broken", fmt.Sprint(i), 0)))
	}
	b := boards(t, BoardOptions{}, resultsOf(t, "a", boardHeader("one", "lossless", "broken"), recs...))[0]
	why := map[string]string{}
	for _, r := range b.Rows {
		why[r.Token.Name] = r.Why
	}
	if !strings.Contains(why["lossless"], "infinite") || why["broken"] == "" || why["one"] != "" || b.Rows[0].Rank != 1 {
		t.Errorf("%v: %v", b.lines(), why)
	}
	// Two halves of the same images have nothing in common.
	halves := boards(t, BoardOptions{MinCoverage: .5},
		resultsOf(t, "a", boardHeader("one"), of("one", "1", 1), of("one", "2", 2)), resultsOf(t, "b", boardHeader("two"), of("two", "3", 1), of("two", "4", 2)))
	if b := halves[0]; b.Why == "" || b.Rows[0].Rank != 0 || b.Rows[1].Rank != 0 {
		t.Errorf("%q: %v", b.Why, b.lines())
	}
	few := boardHeader("one", "two")
	few.Metrics[2].HeadlineFrom = 10
	if b := boards(t, BoardOptions{}, resultsOf(t, "a", few, of("one", "1", 1), of("two", "1", 2)))[0]; b.Why == "" || b.Rows[0].Rank != 0 {
		t.Errorf("one image ranks by a metric that takes ten: %q, %v", b.Why, b.lines())
	}
}

func TestBoardOfWholeSets(t *testing.T) {
	h := boardHeader("one", "two", "half")
	h.Metrics = append(h.Metrics, metrics.Spec{ID: "fid", Version: 1, Title: "FID", Better: metrics.Lower, Scope: metrics.PerSet})
	h.Headline = []string{"fid"}
	r := resultsOf(t, "a", h, of("one", "x", 1))
	r.corpus = []corpusValue{{"d", "one", "clean@256", "fid", 9, 100}, {"d", "two", "clean@256", "fid", 3, 100}, {"d", "half", "clean@256", "fid", 1, 50}}
	b := boards(t, BoardOptions{}, r)[0]
	if d := cmp.Diff([]string{"two #1 3 100/100 [0]", "one #2 9 100/100 [0]", "half #0 1 50/100 [0]"}, b.lines()); d != "" {
		t.Error(d)
	}
	if b.Rows[0].RankLo != 0 {
		t.Error("a value of the whole set has no parts, but an interval of its rank")
	}
}

// The board does not depend on the order of records or results.
func TestBoardsAreDeterministic(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	var recs []record.Record
	for i := range 20 {
		for _, tok := range []string{"one", "two", "three"} {
			recs = append(recs, of(tok, fmt.Sprint(i), 30+r.NormFloat64()))
			rate := of(tok, fmt.Sprint(i), .5)
			rate.Metric = "bpp"
			recs = append(recs, rate)
		}
	}
	a := boards(t, BoardOptions{}, resultsOf(t, "a", boardHeader("one", "two", "three"), recs...))
	slices.Reverse(recs)
	b := boards(t, BoardOptions{}, resultsOf(t, "a", boardHeader("one", "two", "three"), recs...))
	if d := cmp.Diff(a, b); d != "" {
		t.Error(d)
	}
	if rates := a[0].Rows[0].Rates; len(rates) != 1 || rates[0].Value != .5 || rates[0].Counting != metrics.Nominal {
		t.Errorf("rates %v", rates)
	}
}

func TestFind(t *testing.T) {
	root := t.TempDir()
	write := func(name string) {
		t.Helper()
		path := filepath.Join(root, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{
		"run10/manifest.json", "run10/images/inner/manifest.json", "run2/manifest.json", "deep/er/run/manifest.json",
		"base/x.vtbench.json.gz", "base/other.json", ".hidden/run/manifest.json", "elsewhere.txt",
	} {
		write(name)
	}
	if err := os.Symlink(filepath.Join(root, "run2"), filepath.Join(root, "latest")); err != nil {
		t.Fatal(err)
	}
	got, err := Find(root)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]string{"base/x.vtbench.json.gz", "deep/er/run", "run2", "run10"}, got.Paths); d != "" {
		t.Error(d)
	}
	if len(got.Skipped) != 1 || got.Skipped[0].Path != "latest" {
		t.Errorf("skipped %v", got.Skipped)
	}
	if got, err := Find(filepath.Join(root, "run2")); err != nil || !slices.Equal(got.Paths, []string{"."}) {
		t.Errorf("a run directory itself: %v, %v", got, err)
	}
	if _, err := Find(filepath.Join(root, "absent")); err == nil {
		t.Error("a folder that is not there is searched")
	}
}
