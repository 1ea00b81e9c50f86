package compare

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/vtbench/vtbench/bench/record"
	"github.com/vtbench/vtbench/metrics"
)

// gated is a report made by hand: t-acc over two bins, psnr, and a value of the set.
func gated() *Report {
	none := record.Number(math.NaN())
	row := func(metric, bin string, x Row) Row {
		x.Dataset, x.Condition, x.Metric, x.Title, x.Bin = "d", "clean@256", metric, strings.ToUpper(metric), bin
		x.N, x.Clusters, x.Margin, x.Adjusted = 100, 40, .01, .001
		if x.Better == "" {
			x.Better = metrics.Higher
		}
		return x
	}
	return &Report{
		Pairs: []Pair{{Label: "pr", Token: "mine"}},
		Rows: []Row{
			row("t-acc", "mean", Row{Baseline: .60, Candidate: .58, Delta: -.02, Lo: -.03, Hi: -.01, Verdict: Worse}),
			row("t-acc", "small", Row{Baseline: .40, Candidate: .34, Delta: -.06, Lo: -.08, Hi: -.04, Verdict: Worse}),
			row("t-acc", "large", Row{Baseline: .80, Candidate: .82, Delta: .02, Lo: .01, Hi: .03, Verdict: Better}),
			row("t-acc", "", Row{Baseline: .60, Candidate: .59, Delta: -.01, Lo: -.03, Hi: .01, Verdict: NoDifference}),
			row("cer", "", Row{Better: metrics.Lower, Baseline: .10, Candidate: .11, Delta: .01, Lo: -.01, Hi: .03, Verdict: NoDifference, Lost: 3}),
			row("fid", "", Row{Better: metrics.Lower, Baseline: 20, Candidate: 22, Delta: 2, Lo: none, Hi: none, Verdict: NotCompared, Why: "a value of the whole set"}),
			row("usage", "", Row{Better: metrics.Neither, Baseline: .5, Candidate: .7, Delta: .2, Lo: .1, Hi: .3, Verdict: Changed}),
		},
	}
}

func TestGates(t *testing.T) {
	for name, tc := range map[string]struct {
		gates            string
		errors, warnings int
		rules            string // of the findings, in order
		message          string
	}{
		"verdict, overall row":       {"{metric: t-acc}", 1, 0, "regression/0", "T-ACC mean of pr on d, clean@256: worse by 0.02, more than the margin 0.01"},
		"warn":                       {"{metric: t-acc, level: warn}", 0, 1, "regression/0", ""},
		"off":                        {"{metric: t-acc, level: off}", 0, 0, "", ""},
		"one bin":                    {"{metric: t-acc, bin: large}", 0, 0, "", ""},
		"all bins":                   {`{metric: t-acc, bin: "*"}`, 2, 0, "regression/0 regression/1", ""},
		"the pool":                   {"{metric: t-acc, bin: all}", 0, 0, "", ""},
		"the last that matches wins": {"{metric: \"*\"}\n  - {metric: \"*\", level: off}\n  - {metric: t-acc, bin: small, level: warn}", 0, 1, "regression/1", ""},
		"estimate within":            {"{metric: t-acc, allow: 0.02}", 0, 0, "", ""},
		"estimate beyond":            {"{metric: t-acc, allow: 0.019}", 1, 0, "regression/0", "worse by 0.02, allowed 0.019"},
		"a share of the baseline":    {"{metric: t-acc, allow: 3%}", 1, 0, "regression/0", "allowed 0.018"},
		"a larger share":             {"{metric: t-acc, allow: 4%}", 0, 0, "", ""},
		"shown to be worse":          {"{metric: t-acc, judge: shown, allow: 0.009}", 1, 0, "regression/0", "worse by at least 0.01"},
		"not shown to be worse":      {"{metric: t-acc, judge: shown, allow: 0.015}", 0, 0, "", ""},
		"not excluded":               {"{metric: t-acc, judge: excluded, allow: 0.02}", 1, 0, "regression/0", "a regression of 0.03 is not excluded"},
		"excluded":                   {"{metric: t-acc, judge: excluded, allow: 0.03}", 0, 0, "", ""},
		"lower is better, estimate":  {"{metric: cer, allow: 0.005, missing: off}", 1, 0, "regression/4", "worse by 0.01, allowed 0.005"},
		"lower is better, excluded":  {"{metric: cer, judge: excluded, allow: 0.02, missing: off}", 1, 0, "regression/4", "0.03 is not excluded"},
		"lower is better, shown":     {"{metric: cer, judge: shown, allow: 0, missing: off}", 0, 0, "", ""},
		"min":                        {"{metric: t-acc, min: 0.6, level: error, allow: 1}", 1, 0, "min/0", "0.58 is below 0.6"},
		"max":                        {"{metric: cer, max: 0.1, missing: off}", 1, 0, "max/4", "0.11 is above 0.1"},
		"min_n":                      {"{metric: t-acc, min_n: 101, allow: 1}", 1, 0, "min_n/0", "100 paired values, fewer than 101"},
		"missing values":             {"{metric: cer, level: warn, missing: error}", 1, 0, "missing/4", "3 values of the baseline are missing"},
		"missing values ignored":     {"{metric: cer, missing: off}", 0, 0, "", ""},
		"a set has no verdict":       {"{metric: fid}", 1, 0, "regression/5", "there is no verdict to judge by (a value of the whole set)"},
		"a set has bounds":           {"{metric: fid, max: 21}", 1, 0, "max/5", ""},
		"a set by estimate":          {"{metric: fid, judge: estimate, allow: 5%}", 1, 0, "regression/5", "worse by 2, allowed 1"},
		"a set has no interval":      {"{metric: fid, judge: excluded, allow: 5}", 1, 0, "regression/5", "there is no interval to judge by"},
		"no better end":              {"{metric: usage, allow: 0.1}", 1, 0, "regression/6", "has no better end"},
		"bounds without better end":  {"{metric: usage, max: 0.6}", 1, 0, "max/6", ""},
		"a slip of the fingers":      {"{metric: t-ac}", 1, 0, "no_row/-1", `matches no row, so it guards nothing, did you mean "t-acc"?`},
		"no such bin":                {"{metric: t-acc, bin: smal}", 1, 0, "no_row/-1", "guards nothing"},
		"no such condition":          {`{metric: t-acc, condition: "*/5@*"}`, 1, 0, "no_row/-1", ""},
		"condition":                  {`{metric: t-acc, condition: "clean@*"}`, 1, 0, "regression/0", ""},
		"tokenizer":                  {`{metric: t-acc, tokenizer: "mi*", dataset: d}`, 1, 0, "regression/0", ""},
		"errors come first":          {"{metric: t-acc, level: warn}\n  - {metric: t-acc, bin: small}", 1, 1, "regression/1 regression/0", ""},
	} {
		f, err := ParseGates("g.yaml", []byte("version: 1\ngates:\n  - "+tc.gates+"\n"))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		g := gated().Gate("g.yaml", f)
		var rules, messages []string
		for _, x := range g.Findings {
			rules = append(rules, fmt.Sprintf("%s/%d", x.Rule, x.Row))
			messages = append(messages, x.Message)
		}
		if g.Errors != tc.errors || g.Warnings != tc.warnings || strings.Join(rules, " ") != tc.rules || g.Failed() != (tc.errors > 0) {
			t.Errorf("%s: %d errors, %d warnings, %v; want %d, %d, %s\n%s", name, g.Errors, g.Warnings, rules, tc.errors, tc.warnings, tc.rules, strings.Join(messages, "\n"))
		}
		if !strings.Contains(strings.Join(messages, "\n"), tc.message) {
			t.Errorf("%s: messages %q, want %q", name, messages, tc.message)
		}
	}
}

// What a gate makes of single rows that are out of the ordinary.
func TestGatesOnOddRows(t *testing.T) {
	none := record.Number(math.NaN())
	row := func(x Row) Row {
		x.Dataset, x.Condition, x.Metric, x.Title = "d", "clean@256", "m", "M"
		if x.N == 0 {
			x.N, x.Clusters = 100, 40
		}
		return x
	}
	steps := []float64{.1, .2, .3} // the sum of these is above .6 by rounding
	sum := record.Number(steps[0] + steps[1] + steps[2])
	for name, tc := range map[string]struct {
		row     Row
		gate    string
		message string // "" where the gate holds
	}{
		"no difference, higher is better":  {row(Row{Better: metrics.Higher, Lo: -.05, Hi: .01, Verdict: NoDifference}), "judge: excluded, allow: 0.02", "a regression of 0.05 is not excluded"},
		"no difference, lower is better":   {row(Row{Better: metrics.Lower, Lo: -.05, Hi: .01, Verdict: NoDifference}), "judge: excluded, allow: 0.02", ""},
		"the bound itself, by estimate":    {row(Row{Better: metrics.Lower, Delta: sum}), "judge: estimate, allow: 0.6", ""},
		"the bound itself, shown":          {row(Row{Better: metrics.Lower, Delta: sum, Lo: sum, Hi: 1}), "judge: shown, allow: 0.6", ""},
		"the bound itself, excluded":       {row(Row{Better: metrics.Lower, Hi: sum}), "judge: excluded, allow: 0.6", ""},
		"the bound itself, max":            {row(Row{Better: metrics.Lower, Candidate: sum}), "max: 0.6", ""},
		"the bound itself, min":            {row(Row{Better: metrics.Lower, Candidate: -sum}), "min: -0.6", ""},
		"above the bound":                  {row(Row{Better: metrics.Lower, Delta: .600001}), "judge: estimate, allow: 0.6", "worse by 0.6"},
		"nothing of a baseline of nothing": {row(Row{Better: metrics.Lower}), "judge: estimate, allow: 5%", ""},
		"a little of nothing":              {row(Row{Better: metrics.Lower, Delta: .01}), "judge: estimate, allow: 5%", "worse by 0.01, allowed 0"},
		"one image excludes nothing":       {row(Row{Better: metrics.Higher, N: 9, Clusters: 1, Lo: none, Hi: none}), "judge: excluded, allow: 1, missing: off", "there is no interval to judge by: one image only"},
		"one image shows nothing":          {row(Row{Better: metrics.Higher, N: 9, Clusters: 1, Lo: none, Hi: none}), "judge: shown, allow: 1, missing: off", ""},
		"no value in the baseline":         {row(Row{Better: metrics.Higher, Baseline: none, Delta: none, Lo: none, Hi: none}), "judge: estimate, allow: 1", "the baseline has no value to subtract"},
		"images that a set lost":           {row(Row{Better: metrics.Lower, Lo: none, Hi: none, Verdict: NotCompared, Lost: 4}), "judge: estimate, allow: 1", "4 values of the baseline are missing"},
	} {
		f, err := ParseGates("g.yaml", []byte("version: 1\ngates:\n  - {metric: m, "+tc.gate+"}\n"))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		r := &Report{Pairs: []Pair{{Label: "pr", Token: "mine"}}, Rows: []Row{tc.row}}
		var got []string
		for _, x := range r.Gate("g.yaml", f).Findings {
			got = append(got, x.Message)
		}
		if all := strings.Join(got, "; "); (len(got) > 0) != (tc.message != "") || !strings.Contains(all, tc.message) {
			t.Errorf("%s: %q, want %q", name, all, tc.message)
		}
	}
}

// A candidate that lost its contestants fails the gates that guard them: its upper bounds
// are better than any of them, and are no change of one.
func TestBoundsAreNoCandidate(t *testing.T) {
	base := tokens(t, "base", map[string][2]float64{"mine": {1, 20}, "resize": {3, 50}}, "resize")
	cand := tokens(t, "cand", map[string][2]float64{"resize": {3, 50}, "original": {3, 60}}, "resize", "original")
	r, err := Compare([]Side{{base, ""}}, Side{cand, ""}, Options{Resamples: 99})
	if err != nil {
		t.Fatal(err)
	}
	f, err := ParseGates("g.yaml", []byte("version: 1\ngates:\n  - {metric: \"*\"}\n"))
	if err != nil {
		t.Fatal(err)
	}
	g := r.Gate("g.yaml", f)
	if len(r.Rows) > 0 || len(r.Unpaired) != 1 || !g.Failed() || !strings.Contains(fmt.Sprint(g.Findings), "mine is in the baseline base and not in the candidate") {
		t.Errorf("%d rows, unpaired %v, findings %v", len(r.Rows), r.Unpaired, g.Findings)
	}
	for _, sides := range [][2]Side{{{base, ""}, {cand, "resize"}}, {{cand, ""}, {base, ""}}, {{cand, ""}, {cand, ""}}} {
		if r, err := Compare(sides[:1], sides[1], Options{Resamples: 99}); err != nil || len(r.Rows) == 0 {
			t.Errorf("%s and %s: %v", sides[0].name(), sides[1].name(), err)
		}
	}
}

// A row without any value and a tokenizer that is gone are findings.
func TestGatesOnWhatIsGone(t *testing.T) {
	r := gated()
	r.Rows[0].N, r.Rows[0].Candidate, r.Rows[0].Why = 0, record.Number(math.NaN()), "no value that both sides have"
	r.Unpaired = []Unpaired{{"baseline", "runs/main", "mine-large"}, {"candidate", "runs/pr", "newer"}}
	f, err := ParseGates("g.yaml", []byte("version: 1\ngates:\n  - {metric: t-acc}\n"))
	if err != nil {
		t.Fatal(err)
	}
	g := r.Gate("g.yaml", f)
	var got []string
	for _, x := range g.Findings {
		got = append(got, x.Rule+": "+x.Message)
	}
	want := []string{
		"missing: T-ACC mean of pr on d, clean@256: nothing to judge: no value that both sides have",
		"missing: mine-large is in the baseline runs/main and not in the candidate",
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

// Every mistake in a gates file has its line and field, all at once.
func TestGateErrors(t *testing.T) {
	for name, tc := range map[string]struct{ file, want string }{
		"unknown key":      {"version: 1\ngates:\n  - {metric: a, lvl: warn}\n", `g.yaml:3:17: unknown field "lvl"`},
		"misspelt key":     {"version: 1\ngates:\n  - {metric: a, alow: 1}\n", `did you mean "allow"?`},
		"version":          {"version: 2\ngates:\n  - {metric: a}\n", "g.yaml:1:10: version: is 2, want 1"},
		"no version":       {"gates:\n  - {metric: a}\n", "g.yaml: version: is 0, want 1"},
		"alpha":            {"version: 1\nalpha: 0.9\ngates:\n  - {metric: a}\n", "g.yaml:2:8: alpha: is 0.9"},
		"empty":            {"version: 1\ngates: []\n", "gates: is empty: a file without gates passes everything"},
		"no metric":        {"version: 1\ngates:\n  - {level: warn}\n", "gates[0]: metric is missing"},
		"level":            {"version: 1\ngates:\n  - {metric: a}\n  - {metric: b, level: erorr}\n", `g.yaml:4:24: gates[1].level: is "erorr", want off, warn, error, did you mean "error"?`},
		"missing":          {"version: 1\ngates:\n  - {metric: a, missing: never}\n", "gates[0].missing: is \"never\""},
		"judge":            {"version: 1\ngates:\n  - metric: a\n    judge: estimat\n    allow: 1\n", `g.yaml:4:12: gates[0].judge: is "estimat", want verdict, estimate, shown, excluded, did you mean "estimate"?`},
		"allow":            {"version: 1\ngates:\n  - {metric: a, allow: some}\n", `g.yaml:3:24: gates[0].allow: "some" is not an amount`},
		"allow + verdict":  {"version: 1\ngates:\n  - {metric: a, judge: verdict, allow: 1}\n", "gates[0].judge: verdict and allow exclude each other"},
		"judge, no allow":  {"version: 1\ngates:\n  - {metric: a, judge: shown}\n", "gates[0].judge: shown needs allow"},
		"pattern":          {"version: 1\ngates:\n  - {metric: \"[\"}\n", `gates[0].metric: "[" is not a pattern`},
		"bounds":           {"version: 1\ngates:\n  - {metric: a, min: 2, max: 1}\n", "gates[0].min: 2 is above max 1"},
		"nan":              {"version: 1\ngates:\n  - {metric: a, max: .nan}\n", "gates[0].max: is NaN"},
		"min_n":            {"version: 1\ngates:\n  - {metric: a, min_n: -1}\n", "gates[0].min_n: is -1"},
		"margin amount":    {"version: 1\nmargins:\n  - {metric: a, amount: x}\ngates:\n  - {metric: a}\n", `g.yaml:3:25: margins[0].amount: "x" is not an amount`},
		"margin pattern":   {"version: 1\nmargins:\n  - {metric: \"[\", amount: 1}\ngates:\n  - {metric: a}\n", "margins[0].metric"},
		"margin of what":   {"version: 1\nmargins:\n  - {amount: 1}\ngates:\n  - {metric: a}\n", "margins[0]: metric is missing"},
		"type":             {"version: 1\ngates:\n  - {metric: a, min: low}\n", "g.yaml:3:"},
		"no YAML":          {"version: [1\n", "g.yaml:1:"},
		"a panic of goccy": {"version: 0\nmargins:\n ! 0000000000000000000000\n00008: 00000", "g.yaml: it is not YAML that can be read"},
		"no content":       {"", "g.yaml: the file is empty"},
		"all at once":      {"version: 3\ngates:\n  - {metric: a, level: x}\n", "gates[0].level"},
		"all at once, too": {"version: 3\ngates:\n  - {metric: a, level: x}\n", "version: is 3"},
	} {
		_, err := ParseGates("g.yaml", []byte(tc.file))
		if err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: error %v, want %q", name, err, tc.want)
		}
	}
	if _, err := LoadGates("testdata/absent.yaml"); err == nil || !strings.Contains(err.Error(), "absent.yaml") {
		t.Errorf("error %v", err)
	}
}

// What the command line says wins over the file.
func TestGatesApply(t *testing.T) {
	f, err := ParseGates("g.yaml", []byte("version: 1\nalpha: 0.01\nmargins:\n  - {metric: t-acc, amount: 0.02}\n  - {metric: cer, amount: 5%}\ngates:\n  - {metric: t-acc}\n"))
	if err != nil {
		t.Fatal(err)
	}
	own := margin("t-acc", .5, 0)
	o, err := f.Apply(Options{Margins: []Margin{own}})
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]Margin{margin("t-acc", .02, 0), margin("cer", 0, .05), own}, o.Margins); d != "" || o.Alpha != .01 {
		t.Errorf("alpha %v, margins %s", o.Alpha, d)
	}
	if o, err = f.Apply(Options{Alpha: .1}); err != nil || o.Alpha != .1 {
		t.Errorf("alpha %v, %v", o.Alpha, err)
	}
}

// The file that --init-gates writes can be read, guards every headline metric and
// passes a comparison of a run with itself.
func TestInitGates(t *testing.T) {
	r := realResults(t)
	text := InitGates(&r.Header)
	f, err := ParseGates("init.yaml", []byte(text))
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	o, err := f.Apply(Options{Resamples: 99})
	if err != nil {
		t.Fatal(err)
	}
	same := compareBoth(t, r, r, o)
	if g := same.Gate("init.yaml", f); g.Errors > 0 || g.Warnings > 0 || g.Checked == 0 {
		t.Errorf("a run fails its own gates: %+v", g)
	}
	worse, err := Compare([]Side{{r, "vq:patch=4,k=1024"}}, Side{r, "kl:patch=8,dim=16"}, o)
	if err != nil {
		t.Fatal(err)
	}
	g := worse.Gate("init.yaml", f)
	var small bool
	for _, x := range g.Findings {
		small = small || x.Level == Error && x.Row >= 0 && worse.Rows[x.Row].Bin == "small"
	}
	if !g.Failed() || !small {
		t.Errorf("less small text is read, and the gates say %+v", g)
	}
}

func FuzzGates(f *testing.F) {
	f.Add([]byte(InitGates(&Header{Headline: []string{"psnr"}, Metrics: simHeader().Metrics, Bins: []string{"small"}})))
	f.Add([]byte("version: 1\ngates:\n  - {metric: t-acc, allow: 2%, judge: shown, min: 0.1, min_n: 3, bin: \"*\"}\n"))
	f.Add([]byte("version: 1\nmargins:\n  - {metric: \"[\", amount: 1}\ngates: [{}]\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		gates, err := ParseGates("f.yaml", b)
		if err != nil {
			if !strings.Contains(err.Error(), "f.yaml") {
				t.Errorf("the error does not name the file: %v", err)
			}
			return
		}
		if _, err := gates.Apply(Options{}); err != nil {
			t.Errorf("a checked file has margins that cannot be applied: %v", err)
		}
		r := gated()
		g := r.Gate("f.yaml", gates)
		if g.Errors+g.Warnings != len(g.Findings) {
			t.Errorf("%d errors, %d warnings, %d findings", g.Errors, g.Warnings, len(g.Findings))
		}
	})
}
