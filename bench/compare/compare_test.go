package compare

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"gonum.org/v1/gonum/stat/distuv"
	"pgregory.net/rapid"

	"github.com/vtbench/vtbench/bench/record"
	"github.com/vtbench/vtbench/bench/suite"
	"github.com/vtbench/vtbench/metrics"
)

// record is a value of tokenizer "tok" on "d" under clean@256.
func recordOf(item, instance, bin, metric string, value float64) record.Record {
	return record.Record{Dataset: "d", Tokenizer: "tok", Item: item, Instance: instance, Condition: "clean@256", Metric: metric, Bin: bin, Value: record.Num(value)}
}

func resultsOf(tb testing.TB, name string, h Header, recs ...record.Record) *Results {
	tb.Helper()
	b := NewBuilder(name, h)
	for i := range recs {
		b.Add(&recs[i])
	}
	return built(tb, b)
}

func (r *Report) row(tb testing.TB, metric, bin string) Row {
	tb.Helper()
	for _, x := range r.Rows {
		if x.Metric == metric && x.Bin == bin {
			return x
		}
	}
	tb.Fatalf("no row of %s in bin %q", metric, bin)
	return Row{}
}

// Means, differences and counts against arithmetic by hand.
func TestRowsByHand(t *testing.T) {
	cer := func(item, instance, bin string, value, n float64) record.Record {
		r := recordOf(item, instance, bin, "cer", value)
		r.N = n
		return r
	}
	base := resultsOf(t, "base", simHeader(),
		recordOf("a", "1", "small", "t-acc", 0), recordOf("a", "2", "large", "t-acc", 1), recordOf("b", "1", "large", "t-acc", 1), recordOf("b", "2", "small", "t-acc", 1),
		cer("a", "1", "small", .5, 10), cer("a", "2", "large", 0, 4), cer("b", "1", "large", .25, 4),
		recordOf("a", "", "", "psnr", 30), recordOf("b", "", "", "psnr", 40))
	cand := resultsOf(t, "cand", simHeader(),
		recordOf("a", "1", "small", "t-acc", 1), recordOf("a", "2", "large", "t-acc", 1), recordOf("b", "1", "large", "t-acc", 0), recordOf("b", "2", "small", "t-acc", 1),
		cer("a", "1", "small", .2, 10), cer("a", "2", "large", .5, 4), cer("b", "1", "large", .25, 4),
		recordOf("a", "", "", "psnr", 31), recordOf("b", "", "", "psnr", 40))
	r := compareBoth(t, base, cand, Options{Resamples: 99})
	for _, tc := range []struct {
		metric, bin       string
		base, cand, delta float64
		n, clusters       int
		headline          bool
	}{
		{"t-acc", "mean", .75, .75, 0, 4, 2, true}, // (1/2 + 2/2)/2, then (2/2 + 1/2)/2
		{"t-acc", "small", .5, 1, .5, 2, 2, false},
		{"t-acc", "large", 1, .5, -.5, 2, 2, false},
		{"t-acc", "", .75, .75, 0, 4, 2, false},
		{"cer", "small", .5, .2, -.3, 1, 1, false},
		{"cer", "large", 1.0 / 8, 3.0 / 8, .25, 2, 2, false}, // micro-averages: (0 + 1)/8, (2 + 1)/8
		{"cer", "", 6.0 / 18, 5.0 / 18, -1.0 / 18, 3, 2, false},
		{"cer", "mean", (.5 + .125) / 2, (.2 + .375) / 2, -.025, 3, 2, true},
		{"psnr", "", 35, 35.5, .5, 2, 2, true},
	} {
		x := r.row(t, tc.metric, tc.bin)
		for _, v := range []struct {
			what      string
			got, want float64
		}{{"baseline", float64(x.Baseline), tc.base}, {"candidate", float64(x.Candidate), tc.cand}, {"delta", float64(x.Delta), tc.delta}} {
			if math.Abs(v.got-v.want) > 1e-12 {
				t.Errorf("%s %q: %s is %v, want %v", tc.metric, tc.bin, v.what, v.got, v.want)
			}
		}
		if x.N != tc.n || x.Clusters != tc.clusters || x.Headline != tc.headline {
			t.Errorf("%s %q: n %d, clusters %d, headline %v; want %d, %d, %v", tc.metric, tc.bin, x.N, x.Clusters, x.Headline, tc.n, tc.clusters, tc.headline)
		}
	}
	if one := r.row(t, "cer", "small"); one.Verdict != NoDifference || one.Why == "" || !math.IsNaN(float64(one.Lo)) {
		t.Errorf("one image has verdict %q (%s), interval from %v", one.Verdict, one.Why, one.Lo)
	}
	if two := r.row(t, "psnr", ""); !math.IsNaN(float64(two.Detectable)) || two.Why == "" {
		t.Errorf("two images can show %v (%s): no p-value of two images is below .05", two.Detectable, two.Why)
	}
}

// A ratio is weighted by the bits of each side, so that its mean is that of the set.
func TestWeightsOfTheirOwn(t *testing.T) {
	h := simHeader()
	h.Metrics = []metrics.Spec{{ID: "ratio", Version: 1, Title: "Ratio", Better: metrics.Higher, Scope: metrics.PerImage, Weighted: true, Measured: true}}
	h.Headline = []string{"ratio"}
	side := func(name string, bits ...float64) *Results {
		var recs []record.Record
		for i, b := range bits {
			rec := recordOf(fmt.Sprintf("%02d", i), "", "", "ratio", 2400/b)
			rec.N = b
			recs = append(recs, rec)
		}
		return resultsOf(t, name, h, recs...)
	}
	r := compareBoth(t, side("base", 100, 200, 300, 200, 100, 300), side("cand", 50, 100, 150, 100, 50, 150), Options{Resamples: 999})
	x := r.row(t, "ratio", "")
	if x.N != 6 || float64(x.Baseline) != 12 || float64(x.Candidate) != 24 || float64(x.Delta) != 12 || r.Tallies[0].Moved != 0 {
		t.Errorf("%v to %v, by %v, of %d (%+v); want 12 to 24 of 6", x.Baseline, x.Candidate, x.Delta, x.N, r.Tallies[0])
	}
	if p := float64(x.P); p != 2./64 {
		t.Errorf("p is %v, want that of 2 among 64 ways to swap", p)
	}
	h.Metrics[0].Measured = false // a file of an older version
	older := side("base", 100, 200, 300, 200, 100, 300)
	h.Metrics = slices.Clone(h.Metrics)
	h.Metrics[0].Measured = true
	if x := compareBoth(t, older, side("cand", 50, 100, 150, 100, 50, 150), Options{Resamples: 99}).row(t, "ratio", ""); float64(x.Delta) != 12 {
		t.Errorf("beside an older file: by %v (%s)", x.Delta, x.Why)
	}
}

// Values of a set that saw fewer images in the candidate have lost some.
func TestSetsThatLostImages(t *testing.T) {
	h := simHeader()
	h.Metrics = append(slices.Clone(h.Metrics), metrics.Spec{ID: "fid", Version: 1, Title: "FID", Better: metrics.Lower, Scope: metrics.PerSet})
	side := func(name string, fid float64, images int) *Results {
		r := resultsOf(t, name, h, recordOf("a", "", "", "psnr", 30), recordOf("b", "", "", "psnr", 31))
		r.corpus = []corpusValue{{"d", "tok", "clean@256", "fid", record.Number(fid), images}}
		return r
	}
	for _, tc := range []struct{ base, cand, lost int }{{100, 100, 0}, {100, 90, 10}, {90, 100, 0}} {
		x := compareBoth(t, side("base", 9, tc.base), side("cand", 3, tc.cand), Options{Resamples: 99}).row(t, "fid", "")
		if x.Lost != tc.lost || float64(x.Delta) != -6 {
			t.Errorf("of %d and %d images %d are lost, by %v; want %d", tc.base, tc.cand, x.Lost, x.Delta, tc.lost)
		}
	}
}

// Whatever one side lacks is counted with a reason, and never enters a mean.
func TestWhatOneSideLacks(t *testing.T) {
	failure := func(item string) record.Record {
		r := recordOf(item, "", "", "psnr", 0)
		r.Value, r.Error = nil, "out of memory"
		return r
	}
	infinite := func(item string) record.Record {
		r := recordOf(item, "", "", "psnr", 0)
		r.Value, r.Note = nil, "inf"
		return r
	}
	dropped := func(item string) record.Record {
		r := recordOf(item, "", "", "psnr", 1)
		r.Drop = metrics.DropUnreadable
		return r
	}
	heavy := recordOf("moved", "", "", "psnr", 3)
	heavy.N = 2
	ok := func(item string) record.Record { return recordOf(item, "", "", "psnr", 3) }
	base := resultsOf(t, "base", simHeader(), ok("both"), ok("gone"), failure("fb"), ok("fc"), failure("ff"), dropped("db"), ok("dc"), dropped("dd"), ok("inf"), ok("moved"))
	cand := resultsOf(t, "cand", simHeader(), ok("both"), ok("new"), ok("fb"), failure("fc"), failure("ff"), ok("db"), dropped("dc"), dropped("dd"), infinite("inf"), heavy)
	r := compareBoth(t, base, cand, Options{Resamples: 99})
	got := r.Tallies[0]
	if len(got.Examples) == 0 || len(got.Examples) > maxExamples {
		t.Errorf("examples: %v", got.Examples)
	}
	got.Examples = nil
	want := Tally{
		Dataset: "d", Condition: "clean@256", Metric: "psnr", Paired: 1, Missing: 1, New: 1, FailedCandidate: 1, FailedBaseline: 1,
		FailedBoth: 1, DroppedCandidate: 1, DroppedBaseline: 1, DroppedBoth: 1, Infinite: 1, Moved: 1,
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	if got.Lost() != 8 || got.LostByCandidate() != 3 {
		t.Errorf("lost %d, by the candidate %d; want 8 and 3", got.Lost(), got.LostByCandidate())
	}
	if x := r.row(t, "psnr", ""); x.N != 1 || x.Lost != 3 {
		t.Errorf("the row has n %d and %d lost", x.N, x.Lost)
	}
	if r.Sides[1].Failures != 2 || !strings.Contains(r.Sides[1].FirstFail, "out of memory") {
		t.Errorf("candidate: %d failures, first %q", r.Sides[1].Failures, r.Sides[1].FirstFail)
	}
}

func TestNothingInCommonIsAnError(t *testing.T) {
	base := resultsOf(t, "base", simHeader(), recordOf("a", "", "", "psnr", 1))
	cand := resultsOf(t, "cand", simHeader(), recordOf("b", "", "", "psnr", 1))
	_, err := Compare([]Side{{Results: base}}, Side{Results: cand}, Options{})
	if err == nil || !strings.Contains(err.Error(), "--limit") {
		t.Errorf("error %v", err)
	}
}

func TestDuplicatesAreAnError(t *testing.T) {
	b := NewBuilder("twice", simHeader())
	for range 2 {
		r := recordOf("a", "1", "small", "t-acc", 1)
		b.Add(&r)
	}
	if _, err := b.Results(); err == nil || !strings.Contains(err.Error(), "t-acc of tok on d a 1") {
		t.Errorf("error %v", err)
	}
}

// Unequal versions and digests are errors that say what differs; allowed, they are
// in the report.
func TestVersionSkew(t *testing.T) {
	base := resultsOf(t, "base", simHeader(), recordOf("a", "", "", "psnr", 1))
	for name, tc := range map[string]struct {
		change func(h *Header)
		want   string
	}{
		"suite":          {func(h *Header) { h.Suite.ID = "other" }, `suite: "sim" in the baseline, "other" in the candidate`},
		"suite version":  {func(h *Header) { h.Suite.Version = 2 }, "suite sim: version 1, digest s in the baseline, version 2, digest s in the candidate"},
		"suite digest":   {func(h *Header) { h.Suite.Digest = "t" }, "digest t in the candidate"},
		"data digest":    {func(h *Header) { h.Datasets[0].Digest = "e" }, "data set d: version 1, digest d in the baseline, version 1, digest e in the candidate"},
		"data set":       {func(h *Header) { h.Datasets[0].Name = "other" }, "data set other: absent in the baseline"},
		"metric":         {func(h *Header) { h.Metrics[2].Version = 2 }, "metric psnr: version 1 in the baseline, version 2 in the candidate"},
		"direction":      {func(h *Header) { h.Metrics[2].Better = metrics.Lower }, "metric psnr (direction): higher in the baseline, lower in the candidate"},
		"seed":           {func(h *Header) { h.Seed = 2 }, "seed of the run: 1 in the baseline, 2 in the candidate"},
		"software":       {func(h *Header) { h.Software = []KeyValue{{"tesseract", "5.4"}} }, "software tesseract: absent in the baseline, 5.4 in the candidate"},
		"two at a time":  {func(h *Header) { h.Seed, h.Suite.Version = 2, 2 }, "seed of the run"},
		"the way out":    {func(h *Header) { h.Seed = 2 }, "--allow-version-skew"},
		"both are named": {func(h *Header) { h.Seed = 2 }, "base and cand cannot be compared"},
	} {
		h := simHeader()
		tc.change(&h)
		cand := resultsOf(t, "cand", h, recordOf("a", "", "", "psnr", 2))
		_, err := Compare([]Side{{Results: base}}, Side{Results: cand}, Options{})
		if err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: error %v, want %q", name, err, tc.want)
			continue
		}
		var skew *SkewError
		if !errors.As(err, &skew) {
			t.Errorf("%s: not a SkewError", name)
			continue
		}
		if name == "data set" {
			continue // nothing to pair
		}
		r, err := Compare([]Side{{Results: base}}, Side{Results: cand}, Options{AllowVersionSkew: true, Resamples: 99})
		if err != nil {
			t.Errorf("%s: allowed, but %v", name, err)
			continue
		}
		if d := cmp.Diff(skew.Skews, r.Skews); d != "" {
			t.Errorf("%s: the report names other skews:\n%s", name, d)
		}
	}
}

// What does not change a value does not hinder a comparison.
func TestNoSkew(t *testing.T) {
	h := simHeader()
	h.Made, h.Program, h.Source, h.Suite.Title = "2027-01-01T00:00:00Z", "vtbench 9", FromBaseline, "Another title"
	h.Tokens = []TokenID{{Name: "tok", Version: "2", Weights: "w"}}
	h.Datasets[0].Items = 5
	base := resultsOf(t, "base", simHeader(), recordOf("a", "", "", "psnr", 1))
	if _, err := Compare([]Side{{Results: base}}, Side{Results: resultsOf(t, "cand", h, recordOf("a", "", "", "psnr", 1))}, Options{Resamples: 99}); err != nil {
		t.Error(err)
	}
}

func TestVerdicts(t *testing.T) {
	for name, tc := range map[string]struct {
		row  Row
		want Verdict
		why  string
	}{
		"better":                     {Row{Better: metrics.Higher, Delta: .05, Lo: .02, Hi: .08, Adjusted: .01}, Better, ""},
		"worse":                      {Row{Better: metrics.Lower, Delta: .05, Lo: .02, Hi: .08, Adjusted: .01}, Worse, ""},
		"descriptive":                {Row{Better: metrics.Neither, Delta: .05, Lo: .02, Hi: .08, Adjusted: .01}, Changed, ""},
		"not significant":            {Row{Better: metrics.Higher, Delta: .05, Lo: -.01, Hi: .11, Adjusted: .06}, NoDifference, ""},
		"at the level":               {Row{Better: metrics.Higher, Delta: .05, Lo: .001, Hi: .1, Adjusted: .05}, NoDifference, ""},
		"too small":                  {Row{Better: metrics.Higher, Delta: .005, Lo: .004, Hi: .006, Adjusted: .001}, Equivalent, "too small to matter"},
		"too small, wide":            {Row{Better: metrics.Higher, Delta: .008, Lo: .004, Hi: .012, Adjusted: .001}, NoDifference, "larger ones are not excluded"},
		"equivalent":                 {Row{Better: metrics.Higher, Delta: .001, Lo: -.004, Hi: .006, Adjusted: .7}, Equivalent, ""},
		"interval ends at margin":    {Row{Better: metrics.Higher, Delta: .001, Lo: -.004, Hi: .01, Adjusted: .7}, NoDifference, ""},
		"equal":                      {Row{Better: metrics.Higher, Adjusted: 1}, Equivalent, "equal"},
		"few images, not equivalent": {Row{Better: metrics.Higher, Adjusted: 1, Warnings: []string{"few_clusters"}}, NoDifference, "fewer than 20"},
		"no p-value":                 {Row{Better: metrics.Higher, Delta: .05, Lo: .02, Hi: .08, Adjusted: record.Number(math.NaN())}, NoDifference, ""},
	} {
		r := tc.row
		r.Clusters, r.Margin = 30, .01
		r.judge(.05)
		if r.Verdict != tc.want || !strings.Contains(r.Why, tc.why) || tc.why == "" && r.Why != "" {
			t.Errorf("%s: %s (%s), want %s (%s)", name, r.Verdict, r.Why, tc.want, tc.why)
		}
	}
}

func TestMargins(t *testing.T) {
	for in, want := range map[string]Margin{
		"t-acc=0.02": margin("t-acc", .02, 0), "bpp-*=1%": margin("bpp-*", 0, .01), "psnr= 0.5": margin("psnr", .5, 0), "x=0": margin("x", 0, 0),
	} {
		got, err := ParseMargin(in)
		if err != nil || cmp.Diff(want, got) != "" {
			t.Errorf("%s: %+v, %v", in, got, err)
		}
	}
	for _, in := range []string{"", "t-acc", "=1", "t-acc=", "t-acc=-1", "t-acc=x%", "t-acc=nan", "t-acc=inf", "[=1"} {
		if m, err := ParseMargin(in); err == nil {
			t.Errorf("%q is read as %+v", in, m)
		}
	}
	// The last margin that matches wins; others keep their default.
	r := rand.New(rand.NewPCG(3, 3))
	base, cand := drawResults(t, r, 30, 0)
	report := compareBoth(t, base, cand, Options{Resamples: 99, Margins: []Margin{margin("*", 9, 0), margin("t-*", 0, .5)}})
	if x := report.row(t, "psnr", ""); x.Margin != 9 || x.Verdict != Equivalent {
		t.Errorf("psnr has margin %v and verdict %s", x.Margin, x.Verdict)
	}
	if x := report.row(t, "t-acc", "mean"); x.Margin != x.Baseline/2 {
		t.Errorf("t-acc has margin %v on %v", x.Margin, x.Baseline)
	}
}

func TestOptionErrors(t *testing.T) {
	base := resultsOf(t, "base", simHeader(), recordOf("a", "", "", "psnr", 1))
	side := Side{Results: base}
	for want, o := range map[string]Options{
		"alpha is 0.7":     {Alpha: .7},
		"alpha is NaN":     {Alpha: math.NaN()},
		"power is 0.01":    {Power: .01},
		"resamples is 10":  {Resamples: 10},
		"test is":          {Test: "t"},
		"metric pattern":   {Metrics: []string{"["}},
		"margin of \"[\"":  {Margins: []Margin{{Metric: "["}}},
		"has a metric":     {Metrics: []string{"nothing*"}},
		"must not be nega": {Margins: []Margin{margin("a", -1, 0)}},
	} {
		if _, err := Compare([]Side{side}, side, o); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: error %v, want %q", o, err, want)
		}
	}
	if _, err := Compare(nil, side, Options{}); err == nil {
		t.Error("no baseline is no error")
	}
	if _, err := Compare([]Side{{base, "nope"}}, side, Options{}); err == nil || !strings.Contains(err.Error(), `no tokenizer "nope": there are tok`) {
		t.Errorf("error %v", err)
	}
}

// tokens makes results with several tokenizers, each with its own rate and quality.
func tokens(tb testing.TB, name string, points map[string][2]float64, bounds ...string) *Results {
	tb.Helper()
	h := simHeader()
	h.Headline, h.Tokens = []string{"psnr"}, nil
	h.Metrics = append(h.Metrics, metrics.Spec{ID: "bpp-real", Version: 1, Title: "Rate", Unit: "bit/px", Better: metrics.Lower, Scope: metrics.PerImage})
	var names []string
	for t := range points {
		names = append(names, t)
	}
	slices.Sort(names)
	var recs []record.Record
	for _, t := range names {
		h.Tokens = append(h.Tokens, TokenID{Name: t, Reference: slices.Contains(bounds, t)})
		for i := range 30 {
			wobble := float64(i%3) / 100
			for metric, v := range map[string]float64{"bpp-real": points[t][0], "psnr": points[t][1] + wobble} {
				rec := recordOf(fmt.Sprintf("%02d", i), "", "", metric, v)
				rec.Tokenizer = t
				recs = append(recs, rec)
			}
		}
	}
	return resultsOf(tb, name, h, recs...)
}

func TestWhatIsPairedWithWhat(t *testing.T) {
	a := tokens(t, "a", map[string][2]float64{"vq:k=2": {1, 20}, "vq:k=4": {2, 22}, "fsq": {2, 23}, "resize": {3, 50}}, "resize")
	b := tokens(t, "b", map[string][2]float64{"vq:k=2": {1, 21}, "fsq": {2, 23}, "lfq": {1, 3}, "resize": {3, 50}}, "resize")
	one := tokens(t, "one", map[string][2]float64{"mine": {1, 21}})
	for name, tc := range map[string]struct {
		base, cand Side
		pairs      []string
		unpaired   int
		err        string
	}{
		"equal names":               {Side{a, ""}, Side{b, ""}, []string{"fsq", "vq:k=2"}, 2, ""},
		"one with one":              {Side{a, "vq:k=2"}, Side{a, "vq:k=4"}, []string{"vq:k=4 against vq:k=2"}, 0, ""},
		"a kind":                    {Side{a, "vq"}, Side{b, "vq"}, []string{"vq:k=2"}, 1, ""},
		"several with one":          {Side{a, ""}, Side{one, ""}, []string{"mine against fsq", "mine against vq:k=2", "mine against vq:k=4"}, 0, ""},
		"one with several":          {Side{one, ""}, Side{b, "vq"}, []string{"vq:k=2 against mine"}, 0, ""},
		"its own baselines":         {Side{a, ""}, Side{a, "fsq"}, []string{"fsq against vq:k=2", "fsq against vq:k=4"}, 0, ""},
		"with itself":               {Side{a, ""}, Side{a, ""}, []string{"fsq", "vq:k=2", "vq:k=4"}, 0, ""},
		"an upper bound, by name":   {Side{a, "resize"}, Side{b, "lfq"}, []string{"lfq against resize"}, 0, ""},
		"no such tokenizer":         {Side{a, "vp"}, Side{b, ""}, nil, 0, `no tokenizer "vp"`},
		"several, none of one name": {Side{a, "vq"}, Side{tokens(t, "c", map[string][2]float64{"x": {1, 1}, "y": {1, 1}}), ""}, nil, 0, "select with RUN#TOKENIZER"},
	} {
		r, err := Compare([]Side{tc.base}, tc.cand, Options{Resamples: 99, Metrics: []string{"psnr"}})
		if tc.err != "" {
			if err == nil || !strings.Contains(err.Error(), tc.err) {
				t.Errorf("%s: error %v, want %q", name, err, tc.err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		var got []string
		for _, p := range r.Pairs {
			got = append(got, p.Label)
		}
		slices.Sort(got)
		if d := cmp.Diff(tc.pairs, got); d != "" || len(r.Unpaired) != tc.unpaired {
			t.Errorf("%s: %d unpaired, pairs %s", name, len(r.Unpaired), d)
		}
	}
}

func TestSeveralBaselines(t *testing.T) {
	a := tokens(t, "a", map[string][2]float64{"vq": {1, 20}})
	b := tokens(t, "b", map[string][2]float64{"vq": {1, 22}})
	c := tokens(t, "c", map[string][2]float64{"vq": {1, 21}})
	r, err := Compare([]Side{{a, ""}, {b, ""}}, Side{c, ""}, Options{Resamples: 99})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, x := range r.Headline() {
		got = append(got, fmt.Sprintf("%s: %s", r.Pairs[x.Pair].Label, x.Verdict))
	}
	want := []string{"vq: better", "vq against b#vq: worse"}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	if len(r.Sides) != 3 || r.Sides[2].Role != "candidate" || r.Method.Headline != 2 {
		t.Errorf("sides %+v, %d headline rows", r.Sides, r.Method.Headline)
	}
}

// An upper bound that differs means that the harness changed.
func TestControls(t *testing.T) {
	a := tokens(t, "a", map[string][2]float64{"vq": {1, 20}, "resize": {3, 50}}, "resize")
	same := tokens(t, "b", map[string][2]float64{"vq": {1, 21}, "resize": {3, 50}}, "resize")
	other := tokens(t, "c", map[string][2]float64{"vq": {1, 21}, "resize": {3, 51}}, "resize")
	if r := compareBoth(t, a, same, Options{Resamples: 99}); len(r.Warnings) > 0 || len(r.Controls) != 1 || r.Controls[0].Values != 60 || r.Controls[0].Differing != 0 {
		t.Errorf("equal bounds: %+v, warnings %v", r.Controls, r.Warnings)
	}
	r := compareBoth(t, a, other, Options{Resamples: 99})
	if len(r.Controls) != 1 || r.Controls[0].Differing != 30 || r.Controls[0].Metric != "psnr" || math.Abs(float64(r.Controls[0].Largest)-1) > 1e-9 {
		t.Errorf("other bounds: %+v", r.Controls)
	}
	if len(r.Warnings) != 1 || !strings.Contains(r.Warnings[0], "every row is in doubt") {
		t.Errorf("warnings %v", r.Warnings)
	}
}

// Rate counts: who is dominated, and how much rate equal quality takes.
func TestFrontAndCurves(t *testing.T) {
	curve := func(factor float64, kind string) map[string][2]float64 {
		out := map[string][2]float64{}
		for i, q := range []float64{20, 24, 28, 31} {
			out[fmt.Sprintf("%s:k=%d", kind, i)] = [2]float64{factor * math.Pow(2, float64(i)), q}
		}
		return out
	}
	a, b := tokens(t, "a", curve(1, "vq")), tokens(t, "b", curve(.8, "fsq"))
	r, err := Compare([]Side{{a, "vq"}}, Side{b, "fsq"}, Options{Resamples: 99})
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Pairs) != 0 || len(r.Curves) != 1 {
		t.Fatalf("%d pairs, %d curves", len(r.Pairs), len(r.Curves))
	}
	c := r.Curves[0]
	// Every quality is reached at .8 of the rate.
	if math.Abs(float64(c.BDRate)+20) > 1e-6 || math.Abs(float64(c.Overlap)-1) > 1e-9 || c.Points != [2]int{4, 4} || !(c.BDQuality > 0) || len(c.Warnings) > 0 {
		t.Errorf("curve %+v", c)
	}
	if len(r.Fronts) != 1 || len(r.Fronts[0].Points) != 8 || r.Fronts[0].Rate != "bpp-real" {
		t.Fatalf("fronts %+v", r.Fronts)
	}
	for _, p := range r.Fronts[0].Points {
		if want := p.Role == "baseline"; (len(p.DominatedBy) > 0) != want {
			t.Errorf("%s is dominated by %v", p.Name, p.DominatedBy)
		}
	}
	// Equal points do not dominate each other.
	same := compareBoth(t, a, tokens(t, "a2", curve(1, "vq")), Options{Resamples: 99})
	for _, p := range same.Fronts[0].Points {
		if len(p.DominatedBy) > 0 {
			t.Errorf("%s is dominated by its equal %v", p.Name, p.DominatedBy)
		}
	}
}

// Two families have a BD-rate in every metric that both measure, or a reason why not.
func TestCurvesHaveAValueOrAReason(t *testing.T) {
	type points = map[string][2]float64 // rate, PSNR
	line := func(kind string, factor, shift float64) points {
		out := points{}
		for i, q := range []float64{20, 24, 28, 31} {
			out[fmt.Sprintf("%s:k=%d", kind, i)] = [2]float64{factor * math.Pow(2, float64(i)), q + shift}
		}
		return out
	}
	change := func(p points, k string, v [2]float64) points { p[k] = v; return p }
	without := func(r *Results, id string) *Results {
		for k := range r.cells {
			if k.metric == id {
				delete(r.cells, k)
			}
		}
		return r
	}
	// renamed measures its rate in something else.
	renamed := func(r *Results, id string) *Results {
		for i, s := range r.Metrics {
			if s.ID == "bpp-real" {
				r.Metrics[i].ID, r.Metrics[i].Rate = id, metrics.Nominal
			}
		}
		for k, c := range r.cells {
			if k.metric == "bpp-real" {
				delete(r.cells, k)
				k.metric = id
				r.cells[k] = c
			}
		}
		return r
	}
	for name, tc := range map[string]struct {
		cand    *Results
		why     string
		quality bool // a difference at equal rate, all the same
	}{
		"a value":       {tokens(t, "b", line("fsq", .8, 0)), "", true},
		"one point":     {tokens(t, "b", points{"fsq:k=1": {1, 24}}), "b#fsq is a single point, a curve needs 2 or more", false},
		"no rate":       {without(tokens(t, "b", line("fsq", 1, 0)), "bpp-real"), "b#fsq has no measure of rate", false},
		"another rate":  {renamed(tokens(t, "b", line("fsq", 1, 0)), "bpp-nominal"), "b#fsq has its rate in bpp-nominal, not in bpp-real", false},
		"no quality":    {without(tokens(t, "b", line("fsq", 1, 0)), "psnr"), "0 of the 4 tokenizers of b#fsq have both a finite PSNR and bpp-real, a curve needs 2 or more", false},
		"no overlap":    {tokens(t, "b", line("fsq", 1, 40)), "the curves share no PSNR: a#vq reaches 20.01 to 31.01, b#fsq 60.01 to 71.01", true},
		"not monotone":  {tokens(t, "b", change(line("fsq", 1, 0), "fsq:k=2", [2]float64{4, 23})), "b#fsq is not monotone: fsq:k=2 takes more rate than fsq:k=1 (bpp-real 4, 2) and has no better PSNR (23.01, 24.01)", true},
		"equal quality": {tokens(t, "b", change(line("fsq", 1, 0), "fsq:k=3", [2]float64{8, 28})), "b#fsq is not monotone: fsq:k=3 takes more rate than fsq:k=2 (bpp-real 8, 4) and has no better PSNR (28.01, 28.01)", true},
		"equal rate":    {tokens(t, "b", change(line("fsq", 1, 0), "fsq:k=2", [2]float64{2, 28})), "b#fsq: fsq:k=1 and fsq:k=2 have the same bpp-real", false},
		"worse":         {tokens(t, "b", points{"fsq:k=0": {1, 31}, "fsq:k=1": {2, 24}}), "b#fsq is not monotone: fsq:k=1 takes more rate than fsq:k=0 (bpp-real 2, 1) and has no better PSNR (24.01, 31.01)", true},
	} {
		t.Run(name, func(t *testing.T) {
			a := tokens(t, "a", line("vq", 1, 0))
			for _, headline := range [][]string{{"psnr"}, {}} { // whatever decides, a family is compared in all
				a.Headline, tc.cand.Headline = headline, headline
				r, err := Compare([]Side{{a, "vq"}}, Side{tc.cand, "fsq"}, Options{Resamples: 99, AllowVersionSkew: true})
				if err != nil {
					if name == "no quality" || name == "one point" && len(headline) == 0 {
						continue // paired instead, and nothing to pair
					}
					t.Fatal(err)
				}
				if name == "one point" && len(headline) == 0 {
					continue // rows are the comparison, and the headline chooses
				}
				if len(r.Curves) != 1 {
					t.Fatalf("curves %+v, warnings %v", r.Curves, r.Warnings)
				}
				c := r.Curves[0]
				if c.Why != tc.why || math.IsNaN(float64(c.BDRate)) != (tc.why != "") || math.IsNaN(float64(c.BDQuality)) == tc.quality {
					t.Errorf("BD-rate %v, BD-quality %v, why %q\nwant %q", c.BDRate, c.BDQuality, c.Why, tc.why)
				}
				if got := r.Compared(); got != (tc.quality || len(r.Rows) > 0) {
					t.Errorf("compared: %v", got)
				}
			}
		})
	}
	// Asked for nothing that has a curve.
	r, err := Compare([]Side{{tokens(t, "a", line("vq", 1, 0)), "vq"}}, Side{tokens(t, "b", line("fsq", 1, 0)), "fsq"}, Options{Resamples: 99, Metrics: []string{"bpp-*"}})
	if err != nil || r.Compared() || len(r.Curves) > 0 || !slices.ContainsFunc(r.Warnings, func(s string) bool { return strings.HasPrefix(s, "there is no metric of quality") }) {
		t.Errorf("rates only: %v, %+v", err, r)
	}
}

// A tokenizer without codes has no nominal rate: nothing got lost.
func TestMetricThatATokenizerCannotHave(t *testing.T) {
	a := tokens(t, "a", map[string][2]float64{"vq": {1, 20}, "kl": {1, 20}})
	for k := range a.cells {
		if k.tokenizer == "kl" && k.metric == "bpp-real" {
			delete(a.cells, k)
		}
	}
	r, err := Compare([]Side{{a, "kl"}}, Side{a, "vq"}, Options{Resamples: 99})
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range r.Tallies {
		if x.Lost() > 0 {
			t.Errorf("lost: %+v", x)
		}
	}
	if x := r.row(t, "bpp-real", ""); x.Verdict != NotCompared || x.Why != "kl has no Rate" {
		t.Errorf("%s: %s", x.Verdict, x.Why)
	}
}

func TestWorstCases(t *testing.T) {
	h := simHeader()
	h.Worst = "psnr"
	var base, cand []record.Record
	for i := range 10 {
		item := string(rune('a' + i))
		base, cand = append(base, recordOf(item, "", "", "psnr", 30)), append(cand, recordOf(item, "", "", "psnr", 30-float64(i%4)))
	}
	b, c := resultsOf(t, "base", h, base...), resultsOf(t, "cand", h, cand...)
	b.cases = []record.Case{{Tokenizer: "tok", Dataset: "d", Item: "d", Condition: "clean@256", Original: "o", Reconstruction: "images/b.png", Expected: "Total", Got: "Total"}}
	c.cases = []record.Case{{Tokenizer: "tok", Dataset: "d", Item: "d", Condition: "clean@256", Original: "images/o.png", Reconstruction: "images/c.png", Expected: "Total", Got: "Tola"}}
	r := compareBoth(t, b, c, Options{Resamples: 99})
	var got []string
	for _, w := range r.WorstCases {
		got = append(got, fmt.Sprintf("%s %g→%g", w.Item, w.Baseline, w.Candidate))
	}
	want := []string{"d 30→27", "h 30→27", "c 30→28", "g 30→28", "b 30→29", "f 30→29"}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	if w := r.WorstCases[0]; w.Original != "images/o.png" || w.BaselineImage != "images/b.png" || w.CandidateImage != "images/c.png" {
		t.Errorf("pictures of the worst case: %+v", w)
	} else if w.Label != "Total" || w.ReadBaseline != "Total" || w.ReadCandidate != "Tola" {
		t.Errorf("readings of the worst case: %+v", w)
	}
}

// A line that cannot be read costs its own reading, not the comparison.
func TestReadingsAfterABadLine(t *testing.T) {
	h := simHeader()
	h.Worst = "psnr"
	base, cand := recordOf("a", "", "", "psnr", 30), recordOf("a", "", "", "psnr", 20)
	cand.Expected, cand.Detail = "Total", "Tola"
	b, c := resultsOf(t, "base", h, base), resultsOf(t, "cand", h, cand)
	c.Dir = t.TempDir()
	j, err := record.OpenJournal(c.Dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(j.AddRecord(&base), j.AddRecord(&cand), j.Commit(0, 1), j.Close()); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(c.Dir, record.RecordsFile)
	lines, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	lines[0] = 'x'
	if err := os.WriteFile(path, lines, 0o644); err != nil {
		t.Fatal(err)
	}
	r := compareBoth(t, b, c, Options{Resamples: 99})
	if len(r.WorstCases) != 1 || r.WorstCases[0].ReadCandidate != "Tola" {
		t.Errorf("worst cases %+v", r.WorstCases)
	}
}

// Swapping the sides changes signs and nothing else; the order of records changes
// nothing at all.
func TestSymmetryAndOrder(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		r := rand.New(rand.NewPCG(rapid.Uint64().Draw(rt, "seed"), 5))
		n := rapid.IntRange(2, 25).Draw(rt, "images")
		var recs [2][]record.Record
		for i := range n {
			draw(r, fmt.Sprintf("%02d", i), 1, func(side int, rec record.Record) { recs[side] = append(recs[side], rec) })
		}
		base, cand := resultsOf(t, "x", simHeader(), recs[0]...), resultsOf(t, "x", simHeader(), recs[1]...)
		o := Options{Resamples: 99}
		forth, back := compareBoth(t, base, cand, o), compareBoth(t, cand, base, o)
		flip := map[Verdict]Verdict{Better: Worse, Worse: Better}
		for i, x := range forth.Rows {
			y := back.Rows[i]
			want := x.Verdict
			if f, ok := flip[want]; ok {
				want = f
			}
			// The margin may be relative to the baseline, so only verdicts that hang on
			// absolute margins are symmetric; here all are.
			if y.Verdict != want || math.Abs(float64(x.Delta+y.Delta)) > 1e-9 || x.P != y.P && !(math.IsNaN(float64(x.P)) && math.IsNaN(float64(y.P))) {
				rt.Fatalf("%s %q: %v (p %v, %s) and back %v (p %v, %s)", x.Metric, x.Bin, x.Delta, x.P, x.Verdict, y.Delta, y.P, y.Verdict)
			}
		}
		for side := range 2 {
			r.Shuffle(len(recs[side]), func(i, j int) { recs[side][i], recs[side][j] = recs[side][j], recs[side][i] })
		}
		again := compareBoth(t, resultsOf(t, "x", simHeader(), recs[0]...), resultsOf(t, "x", simHeader(), recs[1]...), o)
		same := cmp.Comparer(func(a, b record.Number) bool {
			return a == b || math.IsNaN(float64(a)) && math.IsNaN(float64(b)) || math.Abs(float64(a-b)) < 1e-9
		})
		if d := cmp.Diff(forth.Rows, again.Rows, same, cmpopts.IgnoreUnexported(Row{})); d != "" {
			rt.Fatalf("another order of records: %s", d)
		}
	})
}

// welch is the two-sided p-value of Welch's t test, which knows nothing of pairs.
func welch(a, b []float64) float64 {
	moments := func(x []float64) (mean, v, n float64) {
		n = float64(len(x))
		for _, f := range x {
			mean += f / n
		}
		for _, f := range x {
			v += (f - mean) * (f - mean) / (n - 1)
		}
		return mean, v, n
	}
	ma, va, na := moments(a)
	mb, vb, nb := moments(b)
	s := va/na + vb/nb
	df := s * s / (va*va/(na*na*(na-1)) + vb*vb/(nb*nb*(nb-1)))
	t := math.Abs(ma-mb) / math.Sqrt(s)
	return 2 * distuv.StudentsT{Mu: 0, Sigma: 1, Nu: df}.Survival(t)
}

// Images differ far more among each other than one tokenizer from another: without
// pairs the difference drowns, on drawn and on real images.
func TestPairingFindsWhatUnpairedMisses(t *testing.T) {
	images := realRecords(t)
	for name, source := range map[string]func(r *rand.Rand) (*Results, *Results){
		"simulated": func(r *rand.Rand) (*Results, *Results) { return drawResults(t, r, 60, .8) },
		"real":      func(r *rand.Rand) (*Results, *Results) { return images.sample(t, r, 40, false) },
	} {
		const sims = 40
		paired, unpaired := 0, 0
		for s := range sims {
			base, cand := source(rand.New(rand.NewPCG(uint64(s), 9)))
			x := compareBoth(t, base, cand, Options{Resamples: 499, Metrics: []string{"psnr"}, Margins: noMargin}).row(t, "psnr", "")
			if x.P < .05 {
				paired++
			}
			means := func(r *Results) (out []float64) {
				for k, c := range r.cells {
					if k.metric == "psnr" {
						for _, v := range c.values {
							out = append(out, v.v)
						}
					}
				}
				return out
			}
			if welch(means(base), means(cand)) < .05 {
				unpaired++
			}
		}
		t.Logf("%s: PSNR found in %d of %d data sets with pairs, in %d without", name, paired, sims, unpaired)
		if paired < sims*9/10 || unpaired > sims/4 {
			t.Errorf("%s: found in %d of %d with pairs and in %d without", name, paired, sims, unpaired)
		}
	}
}

// The test of ranks is there for data in which few images dominate.
func TestWilcoxonOption(t *testing.T) {
	var base, cand []record.Record
	for i := range 30 {
		item, gain := fmt.Sprintf("%02d", i), .5
		if i == 0 {
			gain = -14 // one image loses almost what 29 gain
		}
		base, cand = append(base, recordOf(item, "", "", "psnr", 30)), append(cand, recordOf(item, "", "", "psnr", 30+gain))
	}
	b, c := resultsOf(t, "base", simHeader(), base...), resultsOf(t, "cand", simHeader(), cand...)
	sign := compareBoth(t, b, c, Options{}).row(t, "psnr", "")
	ranks := compareBoth(t, b, c, Options{Test: Wilcoxon}).row(t, "psnr", "")
	if sign.P < .5 || ranks.P > .001 {
		t.Errorf("p of means %v, of ranks %v", sign.P, ranks.P)
	}
	if r := compareBoth(t, b, c, Options{Test: Wilcoxon, Resamples: 99}); r.Method.Test != "wilcoxon" {
		t.Errorf("method %+v", r.Method)
	}
}

func TestMisspeltMargin(t *testing.T) {
	r := resultsOf(t, "base", simHeader(), recordOf("a", "", "", "psnr", 1))
	report := compareBoth(t, r, r, Options{Resamples: 99, Margins: []Margin{margin("psrn", 1, 0), margin("t-*", 1, 0)}})
	if want := `the margin of "psrn" matches no metric`; !slices.Contains(report.Warnings, want) || len(report.Warnings) != 2 {
		t.Errorf("warnings %q", report.Warnings)
	}
}

// A codec has no tokens to drop: that is said once, and nothing counts as lost.
func TestConditionThatATokenizerCannotHave(t *testing.T) {
	a := tokens(t, "a", map[string][2]float64{"vq": {1, 20}, "jpeg": {1, 20}})
	for k, c := range a.cells {
		if k.tokenizer == "vq" {
			k.condition = suite.TokenDrop + "/3@256"
			a.cells[k] = &cell{slices.Clone(c.values)}
		}
	}
	r, err := Compare([]Side{{a, "jpeg"}}, Side{a, "vq"}, Options{Resamples: 99})
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range r.Tallies {
		if x.Lost() > 0 {
			t.Errorf("lost: %+v", x)
		}
	}
	if len(r.Warnings) != 1 || !strings.Contains(r.Warnings[0], "jpeg has no tokens to damage") {
		t.Errorf("warnings %q", r.Warnings)
	}
	// The same tokenizer on both sides has lost them.
	b := tokens(t, "b", map[string][2]float64{"vq": {1, 20}})
	if r, err = Compare([]Side{{a, "vq"}}, Side{b, ""}, Options{Resamples: 99}); err != nil {
		t.Fatal(err)
	}
	lost := 0
	for _, x := range r.Tallies {
		lost += x.Missing
	}
	if lost != 60 {
		t.Errorf("%d values are missing, want those of 30 images and 2 metrics", lost)
	}
}

// A margin is the metric's own: an id that looks like another's, or a scale to 65025,
// says nothing about what matters.
func TestMarginIsTheMetricsOwn(t *testing.T) {
	specs := []metrics.Spec{
		{ID: "ssimulacra2", Better: metrics.Higher, Min: math.Inf(-1), Max: 100, Scope: metrics.PerImage, Margin: metrics.Margin{Absolute: 1}},
		{ID: "mse", Better: metrics.Lower, Min: 0, Max: 65025, Scope: metrics.PerImage, Margin: metrics.Margin{Relative: .02}},
		{ID: "new-ssim", Better: metrics.Higher, Min: 0, Max: 100, Scope: metrics.PerImage}, // states nothing
		{ID: "of-older-runs", Better: metrics.Lower, Min: math.Inf(-1), Max: math.Inf(1), Scope: metrics.PerImage},
	}
	h := simHeader()
	h.Metrics, h.Headline = specs, []string{"mse"}
	side := func(name string, add float64) *Results {
		var recs []record.Record
		for i := range 30 {
			for _, s := range specs {
				recs = append(recs, recordOf(fmt.Sprintf("%02d", i), "", "", s.ID, 50+float64(i)/7+add))
			}
		}
		return resultsOf(t, name, h, recs...)
	}
	r := compareBoth(t, side("base", 0), side("cand", .1), Options{Resamples: 99})
	for id, want := range map[string]float64{"ssimulacra2": 1, "mse": .02 * 52.07, "new-ssim": .02 * 52.07, "of-older-runs": .02 * 52.07} {
		x := r.row(t, id, "")
		if math.Abs(float64(x.Margin)-want) > .01 || x.Verdict != Equivalent {
			t.Errorf("%s: %g more on %g has the margin %g and is %s (%s), want %g and equivalent", id, x.Delta, x.Baseline, x.Margin, x.Verdict, x.Why, want)
		}
	}
}

// A metric that is too easy on few people decides nothing there.
func TestHeadlineFrom(t *testing.T) {
	h := simHeader()
	h.Headline = []string{"rank"}
	h.Metrics = []metrics.Spec{{ID: "rank", Version: 1, Better: metrics.Higher, Min: 0, Max: 1, Scope: metrics.PerImage, HeadlineFrom: 20}}
	for n, want := range map[int]bool{19: false, 20: true} {
		var recs []record.Record
		for i := range n {
			recs = append(recs, recordOf(fmt.Sprintf("%02d", i), "", "", "rank", float64(i%2)))
		}
		r := resultsOf(t, "r", h, recs...)
		if x := compareBoth(t, r, r, Options{Resamples: 99}).row(t, "rank", ""); x.Headline != want {
			t.Errorf("%d people: headline %v, want %v", n, x.Headline, want)
		}
	}
	if text := InitGates(&h); strings.Contains(text, "metric: rank, level: error") {
		t.Errorf("gates fail on it whatever the number of people:\n%s", text)
	}
}
