package compare

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/olekukonko/tablewriter/pkg/twwidth"
	"pgregory.net/rapid"

	"github.com/vtbench/vtbench/bench/compare"
	"github.com/vtbench/vtbench/internal/fixture"
	"github.com/vtbench/vtbench/metrics"
	"github.com/vtbench/vtbench/reports/format"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func written(t testing.TB, format string, r *compare.Report, o Options) string {
	t.Helper()
	var b bytes.Buffer
	if err := Write(&b, format, r, o); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// Goldens hold what sample looks like in every format.
func TestGolden(t *testing.T) {
	o := Options{Commit: "0123456789abcdef", Full: "compare.json in the artefact vtbench", BaselineImages: "../main", CandidateImages: "."}
	for name, format := range map[string]string{
		"sample.txt": FormatTable, "sample.md": FormatMarkdown, "sample.summary.md": FormatSummary,
		"sample.html": FormatHTML, "sample.json": FormatJSON, "sample.xml": FormatJUnit, "sample.annotations.txt": FormatAnnotations,
	} {
		got := written(t, format, fixture.Comparison(), o)
		path := filepath.Join("testdata", name)
		if *update {
			if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
			continue
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(string(want), got); d != "" {
			t.Errorf("%s differs from its golden; if that is meant, run with -update:\n%s", path, d)
		}
	}
}

func TestFormatsAreAllWritten(t *testing.T) {
	for _, f := range Formats() {
		if written(t, f, fixture.Comparison(), Options{}) == "" {
			t.Errorf("%s is empty", f)
		}
		empty := &compare.Report{Schema: compare.ReportVersion, Pairs: []compare.Pair{}, Rows: []compare.Row{}, Tallies: []compare.Tally{}}
		if out := written(t, f, empty, Options{}); !strings.Contains(out, "nothing was compared") && f != FormatJSON {
			t.Errorf("%s of an empty comparison does not say so:\n%s", f, out)
		}
		if !Known(f) {
			t.Errorf("%s is not known", f)
		}
	}
	err := Write(io.Discard, "markdwon", fixture.Comparison(), Options{})
	if err == nil || !strings.Contains(err.Error(), `did you mean "markdown"?`) {
		t.Errorf("got %v", err)
	}
}

type brokenWriter struct{}

var errFull = errors.New("disk full")

func (brokenWriter) Write([]byte) (int, error) { return 0, errFull }

func TestWriteErrorsAreReported(t *testing.T) {
	for _, f := range Formats() {
		if err := Write(brokenWriter{}, f, fixture.Comparison(), Options{}); !errors.Is(err, errFull) {
			t.Errorf("%s: got %v", f, err)
		}
	}
}

func TestTitle(t *testing.T) {
	set := func(change func(*compare.Report)) *compare.Report { r := fixture.Comparison(); change(r); return r }
	for want, r := range map[string]*compare.Report{
		"gates failed (3 errors); worse in 1 of 3 headline rows; of the other rows 1 worse, 1 better": fixture.Comparison(),
		"worse in 1 of 3 headline rows; of the other rows 1 worse, 1 better":                          set(func(r *compare.Report) { r.Gates = nil }),
		"nothing was compared":                               set(func(r *compare.Report) { r.Rows, r.Gates, r.Curves = nil, nil, nil }),
		"compared at equal rate only, in 2 metrics":          set(func(r *compare.Report) { r.Rows, r.Gates = nil, nil }),
		"compared at equal rate only, in 1 metric, not in 1": set(func(r *compare.Report) { r.Rows, r.Gates = nil, nil; r.Curves[1].BDQuality = r.Curves[1].BDRate }),
		"nothing was tested": set(func(r *compare.Report) {
			r.Rows, r.Gates, r.Curves = nil, nil, nil
			r.Fronts[0].Points[0].Source = compare.Imported
		}),
		"gates passed with 1 warning; better in 1 of 1 headline row": set(func(r *compare.Report) {
			r.Rows = r.Rows[:1]
			r.Rows[0].Verdict = compare.Better
			r.Gates = &compare.GateResult{Warnings: 1}
		}),
		"gates passed; equivalent in 1 headline row": set(func(r *compare.Report) {
			r.Rows = r.Rows[3:4]
			r.Gates = &compare.GateResult{}
		}),
		"no difference shown in 1 headline row":                 set(func(r *compare.Report) { r.Rows, r.Gates = r.Rows[4:5], nil }),
		"no headline rows; of the other rows 0 worse, 1 better": set(func(r *compare.Report) { r.Rows, r.Gates = r.Rows[5:6], nil }),
	} {
		if got := Title(r); got != want {
			t.Errorf("got  %q\nwant %q", got, want)
		}
	}
}

func TestAlarmsComeFirst(t *testing.T) {
	r := fixture.Comparison()
	r.Skews = []compare.Skew{{What: "metric", Name: "t-acc", Baseline: "version 1", Candidate: "version 2"}}
	r.Sides[0].Source, r.Sides[0].Origin = compare.Imported, "paper.csv"
	for _, f := range []string{FormatTable, FormatMarkdown, FormatSummary} {
		out := written(t, f, r, Options{Width: 1000})
		at := strings.Index(out, "T-ACC↑")
		for _, want := range []string{"NOT LIKE WITH LIKE", "is imported from paper", "2 values failed", "missing", "3 missing in the candidate, 2 failed in the candidate only", "the run is small"} {
			if i := strings.Index(out, want); i < 0 || i > at {
				t.Errorf("%s: %q stands at %d, the first row at %d", f, want, i, at)
			}
		}
	}
}

var ansi = regexp.MustCompile("\x1b\\[[0-9]*m")

func TestTerminalFits(t *testing.T) {
	r := fixture.Comparison()
	r.Rows[1].Title = "A metric of quite a long name, which is shortened"
	for _, width := range []int{80, 100, 140} {
		for line := range strings.Lines(written(t, FormatTable, r, Options{Width: width, All: true, Colour: true})) {
			if n := twwidth.Width(strings.TrimRight(line, "\n")); n > width {
				t.Errorf("%d columns: a line has %d: %s", width, n, line)
			}
		}
	}
	// Long names in prose wrap; a single word that is longer keeps its line.
	if out := written(t, FormatTable, r, Options{Width: 140, All: true}); !strings.Contains(out, "Δ %") || !strings.Contains(out, "shows") {
		t.Errorf("columns are missing although there is room:\n%s", out)
	}
}

func TestColourMeansBetterOrWorseOnly(t *testing.T) {
	coloured := written(t, FormatTable, fixture.Comparison(), Options{Colour: true, All: true})
	for _, m := range regexp.MustCompile("\x1b\\[3[0-9]m([^\x1b]*)\x1b\\[0m").FindAllStringSubmatch(coloured, -1) {
		if m[1] != "better" && m[1] != "worse" && m[1] != "error" {
			t.Errorf("%q is coloured", m[1])
		}
	}
	if got, want := ansi.ReplaceAllString(coloured, ""), written(t, FormatTable, fixture.Comparison(), Options{All: true}); got != want {
		t.Errorf("without its colours the table differs:\n%s", cmp.Diff(want, got))
	}
}

func TestTerminalEscapesNames(t *testing.T) {
	for _, f := range []string{FormatTable, FormatAnnotations, FormatJUnit} {
		out := written(t, f, fixture.HostileComparison("\x1b[2J\x1b]0;owned\a\n::set-output name=x::y\r\n##[error]z\x00\ufffe"), Options{})
		if strings.ContainsAny(out, "\x1b\a\r\x00") || f == FormatJUnit && strings.Contains(out, "\ufffe") {
			t.Errorf("%s lets control characters through: %q", f, out)
		}
		for line := range strings.Lines(out) {
			if strings.HasPrefix(strings.TrimSpace(line), "::set-output") {
				t.Errorf("%s: a name made a workflow command: %q", f, line)
			}
		}
	}
}

func TestMarkdownNeverExceedsItsLimit(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 300).Draw(t, "n")
		name := strings.Repeat(rapid.StringN(0, 5, -1).Draw(t, "name"), rapid.IntRange(1, 200).Draw(t, "times"))
		limit := rapid.IntRange(minLimit, 70_000).Draw(t, "limit")
		r := fixture.HugeComparison(n, name)
		if rapid.Bool().Draw(t, "hostile") {
			h := fixture.HostileComparison(name)
			r.Sides, r.Curves, r.WorstCases, r.Fronts = append(h.Sides, r.Sides...), append(h.Curves, r.Curves...), append(h.WorstCases, r.WorstCases...), h.Fronts
			r.Warnings = append(h.Warnings, r.Warnings...)
			r.Gates.File = name
		}
		var b bytes.Buffer
		if err := Markdown(&b, r, Options{Limit: limit, Full: strings.Repeat(name, 3), FullURL: "https://a.example/" + strings.Repeat("x", 280), Commit: name}); err != nil {
			t.Fatal(err)
		}
		if b.Len() > limit {
			t.Fatalf("%d bytes, limit %d", b.Len(), limit)
		}
		if !utf8.Valid(b.Bytes()) {
			t.Fatal("not UTF-8")
		}
		if o, c := strings.Count(b.String(), "<details>"), strings.Count(b.String(), "</details>"); o != c {
			t.Fatalf("%d details opened, %d closed", o, c)
		}
	})
}

// What is cut is counted exactly, and the least important goes first.
func TestCutIsHonest(t *testing.T) {
	r := fixture.HugeComparison(200, "tokenizer")
	out := written(t, FormatMarkdown, r, Options{Full: "compare.json"})
	if len(out) > CommentLimit {
		t.Fatalf("%d bytes", len(out))
	}
	// Findings stand in their rows: every row is shown or counted as left out.
	shown := len(regexp.MustCompile(`(?m)^\| (❌|⚠️|🔴|🟢|🟡|equivalent|no difference shown|not compared|identical)`).FindAllString(out, -1))
	left := 0
	for _, m := range regexp.MustCompile(`… ([0-9,]+) rows of “([^”]+)” left out for length: all are in compare\.json`).FindAllStringSubmatch(out, -1) {
		n := 0
		if _, err := fmt.Sscan(strings.ReplaceAll(m[1], ",", ""), &n); err != nil {
			t.Fatal(err)
		}
		if strings.Contains(m[2], "rows") || strings.Contains(m[2], "Rows") {
			left += n
		}
	}
	if shown+left != len(r.Rows) || shown == 0 || left == 0 {
		t.Errorf("%d rows are shown and %d left out, there are %d:\n%s", shown, left, len(r.Rows), regexp.MustCompile(`…[^\n]*left out[^\n]*`).FindAllString(out, -1))
	}
	if !strings.Contains(out, "rows of “All other rows” left out") || strings.Contains(out, "<details><summary>All other rows") {
		t.Error("the least important rows are not the first to go")
	}
	if !strings.Contains(out, "❌&nbsp;**worse**") {
		t.Error("the list of findings left no room for the rows that decide")
	}
	if !strings.Contains(out, "How to read this") {
		t.Error("the note on how to read it was cut")
	}
}

func TestLimitTooSmall(t *testing.T) {
	if err := Markdown(io.Discard, fixture.Comparison(), Options{Limit: 100}); err == nil || !strings.Contains(err.Error(), "20000") {
		t.Errorf("got %v", err)
	}
}

func TestMarker(t *testing.T) {
	for key, want := range map[string]string{"": "<!-- vtbench:compare -->", "text.small": "<!-- vtbench:text.small -->"} {
		if got, err := Marker(key); err != nil || got != want {
			t.Errorf("%q: got %q, %v", key, got, err)
		}
	}
	for _, key := range []string{"a b", "-->", "a--b", "-", "ü", strings.Repeat("x", 65)} {
		if _, err := Marker(key); err == nil {
			t.Errorf("%q was taken", key)
		}
	}
	if out := written(t, FormatMarkdown, fixture.Comparison(), Options{Key: "k"}); !strings.HasPrefix(out, "<!-- vtbench:k -->\n") {
		t.Errorf("the marker is not the first line: %.60q", out)
	}
	if out := written(t, FormatSummary, fixture.Comparison(), Options{}); strings.Contains(out, "<!--") {
		t.Error("the summary has a marker")
	}
}

func TestPicturesOnlyByRelativeLinks(t *testing.T) {
	for in, want := range map[string]string{
		"images/a b.png": "../pr/images/a%20b.png", "images/x_y.png": "../pr/images/x%5Fy.png",
		"images/sub/../c.png": "../pr/images/c.png", `a"onload=x.png`: "../pr/a%22onload=x.png", "a|b.png": "../pr/a%7Cb.png", "a#?.png": "../pr/a%23%3F.png",
	} {
		if got, err := relativeLink("../pr", in); err != nil || got != want {
			t.Errorf("%q: got %q, %v; want %q", in, got, err, want)
		}
	}
	for _, in := range []string{"", "/etc/passwd", "../../x.png", "https://example.org/x.png", "javascript:x", `..\x`, "a/../../b"} {
		if got, err := relativeLink("../pr", in); err == nil {
			t.Errorf("%q became %q", in, got)
		}
	}
	// Below an address, both slashes of which stay; what leads out of it is refused, too.
	for in, want := range map[string]string{"images/a b.png": "https://host.example/runs/pr/images/a%20b.png", "images/sub/../x_y.png": "https://host.example/runs/pr/images/x%5Fy.png"} {
		for _, prefix := range []string{"https://host.example/runs/pr", "https://host.example/runs/pr/"} {
			if got, err := relativeLink(prefix, in); err != nil || got != want {
				t.Errorf("%s and %q: got %q, %v; want %q", prefix, in, got, err, want)
			}
		}
	}
	for _, prefix := range []string{"https://host.example/x?y=", "https://host.example/\"onload=", "https://a@host.example"} {
		if got, err := relativeLink(prefix, "images/x.png"); err == nil {
			t.Errorf("%s became %q", prefix, got)
		}
	}
	if got, err := relativeLink("https://host.example/runs/pr", "../x.png"); err == nil {
		t.Errorf("out of the run: %q", got)
	}
	with := written(t, FormatMarkdown, fixture.Comparison(), Options{BaselineImages: "../main", CandidateImages: "."})
	if strings.Count(with, "<img ") != 3 || !strings.Contains(with, `src="../main/images/b.png"`) || !strings.Contains(with, `src="images/c.png"`) {
		t.Errorf("pictures are missing:\n%s", with)
	}
	if strings.Contains(written(t, FormatMarkdown, fixture.Comparison(), Options{}), "<img ") {
		t.Error("pictures without a place to link to")
	}
}

func TestFullResultsAreLinkedTo(t *testing.T) {
	out := written(t, FormatMarkdown, fixture.Comparison(), Options{Full: "compare.json", FullURL: "https://service.example/a_b/actions/runs/1?x=1"})
	if !strings.Contains(out, `<a href="https://service.example/a%5Fb/actions/runs/1?x=1">compare.json</a>`) {
		t.Errorf("no link:\n%s", out)
	}
	for _, bad := range []string{"http://a.example", "javascript:x", "https://a.example/\"onclick=x", "https://a@b.example", "https://a.example/" + strings.Repeat("x", 400), "https://a.example/\n"} {
		if err := Markdown(io.Discard, fixture.Comparison(), Options{FullURL: bad}); err == nil || !strings.Contains(err.Error(), "address") {
			t.Errorf("%q: got %v", bad, err)
		}
	}
}

func TestNoComparison(t *testing.T) {
	var b bytes.Buffer
	if err := NoComparison(&b, "failure", Options{Commit: "0123", FullURL: "https://service.example/runs/1"}); err != nil {
		t.Fatal(err)
	}
	want := "<!-- vtbench:compare -->\n### ❌ vtbench: no comparison\n\n<a href=\"https://service.example/runs/1\">The run</a> for commit <code>0123</code> (failure) left no comparison. Nothing is known about this change; earlier numbers are not of this commit.\n"
	if got := b.String(); got != want {
		t.Error(cmp.Diff(want, got))
	}
	for _, o := range []Options{{Key: "a b"}, {FullURL: "javascript:x"}} {
		if err := NoComparison(io.Discard, "", o); err == nil {
			t.Errorf("%+v was taken", o)
		}
	}
}

func TestJSONRoundTrip(t *testing.T) {
	out := written(t, FormatJSON, fixture.Comparison(), Options{})
	back, err := ReadJSON(strings.NewReader(out))
	if err != nil {
		t.Fatal(err)
	}
	if again := written(t, FormatJSON, back, Options{}); again != out {
		t.Error(cmp.Diff(out, again))
	}
	if a, b := written(t, FormatMarkdown, fixture.Comparison(), Options{}), written(t, FormatMarkdown, back, Options{}); a != b {
		t.Errorf("Markdown made from the file differs:\n%s", cmp.Diff(a, b))
	}
}

func TestReadJSONRefuses(t *testing.T) {
	good := written(t, FormatJSON, fixture.Comparison(), Options{})
	for name, tc := range map[string]struct{ in, want string }{
		"empty":        {"", "ends too early"},
		"not JSON":     {"hello", "no JSON (at byte 1)"},
		"unknown key":  {strings.Replace(good, `"schema"`, `"extra": 1, "schema"`, 1), "a field that this version does not know"},
		"version":      {strings.Replace(good, `"schema": 1`, `"schema": 99`, 1), "schema 99"},
		"pair":         {strings.Replace(good, `"pair": 0`, `"pair": 7`, 1), "pair 7"},
		"negative":     {strings.Replace(good, `"pair": 0`, `"pair": -1`, 1), "pair -1"},
		"finding":      {strings.Replace(good, `"row": 1,`, `"row": 70,`, 1), "row 70"},
		"trailing":     {good + "{}", "after"},
		"string in it": {strings.Replace(good, `"delta": -`, `"delta": "x`, 1), "no JSON"},
		"kind":         {strings.Replace(good, `"schema": 1`, `"schema": "secret"`, 1), "schema is of another kind"},
		"list":         {`["secret"]`, "no object"},
		"number":       {strings.Replace(good, `"delta": -`, `"delta": "secret", "x": -`, 1), "a value cannot be read"},
		"secret":       {"TOKEN=secret\x00PATH=/bin", "no JSON"},
		"empty rows":   {`{"schema":1,"rows":[` + strings.Repeat("{},", 1<<20) + `{}]}`, "more than 128 MB"},
	} {
		if _, err := ReadJSON(strings.NewReader(tc.in)); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: got %v, want …%s…", name, err, tc.want)
		} else if strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: the message quotes the file: %v", name, err)
		}
	}
}

func TestJUnit(t *testing.T) {
	type parsed struct {
		Tests    int `xml:"tests,attr"`
		Failures int `xml:"failures,attr"`
		Skipped  int `xml:"skipped,attr"`
		Suites   []struct {
			Cases []struct {
				Class   string    `xml:"classname,attr"`
				Name    string    `xml:"name,attr"`
				Failure *struct{} `xml:"failure"`
				Skipped *struct{} `xml:"skipped"`
			} `xml:"testcase"`
		} `xml:"testsuite"`
	}
	read := func(r *compare.Report) parsed {
		t.Helper()
		var p parsed
		if err := xml.Unmarshal([]byte(written(t, FormatJUnit, r, Options{})), &p); err != nil {
			t.Fatal(err)
		}
		return p
	}
	p := read(fixture.Comparison())
	if p.Tests != 5 || p.Failures != 2 || p.Skipped != 0 || len(p.Suites[0].Cases) != 5 {
		t.Errorf("got %+v", p)
	}
	seen := map[string]bool{}
	failed := 0
	for _, c := range p.Suites[0].Cases {
		if k := c.Class + "\x00" + c.Name; seen[k] {
			t.Errorf("two cases are called %s %s", c.Class, c.Name)
		} else {
			seen[k] = true
		}
		if c.Failure != nil {
			failed++
		}
	}
	if failed != p.Failures {
		t.Errorf("%d cases failed, the count says %d", failed, p.Failures)
	}
	r := fixture.Comparison()
	r.Gates = nil
	if p := read(r); p.Tests != 3 || p.Skipped != 3 || p.Failures != 0 {
		t.Errorf("without gates: %+v", p)
	}
	rapid.Check(t, func(rt *rapid.T) { // well-formed whatever names hold
		var b bytes.Buffer
		if err := JUnit(&b, fixture.HostileComparison(string(rapid.SliceOf(rapid.Byte()).Draw(rt, "name")))); err != nil {
			rt.Fatal(err)
		}
		dec := xml.NewDecoder(&b)
		for {
			if _, err := dec.Token(); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				rt.Fatal(err)
			}
		}
	})
}

func TestAnnotationEscaping(t *testing.T) {
	if got := commandProperty("a:b,c%d"); got != "a%3Ab%2Cc%25d" {
		t.Errorf("got %q", got)
	}
	if got := commandData("50%: a, b"); got != "50%25: a, b" {
		t.Errorf("got %q", got)
	}
	// Line breaks arrive as visible escapes, and what is left would be escaped.
	if got := commandData("a\r\nb"); strings.ContainsAny(got, "\r\n") {
		t.Errorf("got %q", got)
	}
	rapid.Check(t, func(t *rapid.T) {
		var b bytes.Buffer
		if err := Annotations(&b, fixture.HostileComparison(rapid.String().Draw(t, "name"))); err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(b.String()) {
			if !regexp.MustCompile(`^::(error|warning|notice) title=[^:,\r\n]*::[^\r\n]*\n$`).MatchString(line) {
				t.Fatalf("not a workflow command: %q", line)
			}
		}
	})
}

func TestAnnotationsAreCounted(t *testing.T) {
	out := written(t, FormatAnnotations, fixture.HugeComparison(5, "t"), Options{})
	r := fixture.HugeComparison(5, "t")
	if n := strings.Count(out, "::error "); n != annotationsPerKind {
		t.Errorf("%d errors", n)
	}
	if want := fmt.Sprintf("%d errors more", r.Gates.Errors); strings.Contains(out, want) {
		t.Errorf("counted by a field: %s", out)
	}
	if want := fmt.Sprintf("%d errors more", len(r.Gates.Findings)-1-(annotationsPerKind-1)); !strings.Contains(out, want) {
		t.Errorf("no %q in:\n%s", want, out)
	}
}

func TestSentence(t *testing.T) {
	r := fixture.Comparison()
	got := Sentence(r, r.Rows[0])
	want := "T-ACC, mean over scales of vq:k=256 on text-default, clean, 256 px fell from 29.2 to 22.9 %, by 6.3 points (95 % interval −8.4 to −4.2; p .003): worse"
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func BenchmarkMarkdown(b *testing.B) {
	r := fixture.HugeComparison(500, "tokenizer")
	rand.New(rand.NewPCG(1, 2)).Shuffle(len(r.Rows), func(i, j int) { r.Rows[i], r.Rows[j] = r.Rows[j], r.Rows[i] })
	for b.Loop() {
		if err := Markdown(io.Discard, r, Options{}); err != nil {
			b.Fatal(err)
		}
	}
}

// Every field that can be written is in schema.json, required where it is always
// written, and nothing else is.
func TestSchemaKnowsEveryField(t *testing.T) {
	b, err := os.ReadFile("schema.json")
	if err != nil {
		t.Fatal(err)
	}
	var schema map[string]any
	if err := json.Unmarshal(b, &schema); err != nil {
		t.Fatal(err)
	}
	defs, ok := schema["$defs"].(map[string]any)
	if !ok {
		t.Fatal("the schema has no definitions")
	}
	schema = resolved(schema, defs).(map[string]any)
	follow(t, "comparison", reflect.TypeFor[compare.Report](), schema)
}

// resolved puts definitions in the place of references to them.
func resolved(node any, defs map[string]any) any {
	switch n := node.(type) {
	case map[string]any:
		if ref, ok := n["$ref"].(string); ok {
			if d, ok := defs[strings.TrimPrefix(ref, "#/$defs/")]; ok {
				return resolved(d, defs) // a copy
			}
		}
		out := map[string]any{}
		for k, v := range n {
			out[k] = resolved(v, defs)
		}
		return out
	case []any:
		out := make([]any, len(n))
		for i, v := range n {
			out[i] = resolved(v, defs)
		}
		return out
	}
	return node
}

// follow walks a type and its schema side by side.
func follow(t *testing.T, at string, typ reflect.Type, schema map[string]any) {
	t.Helper()
	for typ.Kind() == reflect.Pointer || typ.Kind() == reflect.Slice || typ.Kind() == reflect.Array {
		if typ.Kind() != reflect.Pointer {
			items, ok := schema["items"].(map[string]any)
			if !ok {
				t.Errorf("%s: the schema does not say what is in the list", at)
				return
			}
			schema = items
		}
		typ = typ.Elem()
	}
	if typ.Kind() != reflect.Struct {
		return
	}
	properties, ok := schema["properties"].(map[string]any)
	if !ok {
		t.Errorf("%s: the schema lists no properties", at)
		return
	}
	if schema["additionalProperties"] != false {
		t.Errorf("%s: the schema takes unknown keys", at)
	}
	required := map[string]bool{}
	for _, x := range schema["required"].([]any) {
		required[x.(string)] = true
	}
	for i := range typ.NumField() {
		name, options, _ := strings.Cut(typ.Field(i).Tag.Get("json"), ",")
		if name == "" || name == "-" {
			continue
		}
		sub, ok := properties[name].(map[string]any)
		if !ok {
			t.Errorf("%s.%s is not in the schema", at, name)
			continue
		}
		delete(properties, name)
		if always := !strings.Contains(options, "omit"); always != required[name] {
			t.Errorf("%s.%s: always written: %v, required by the schema: %v", at, name, always, required[name])
		}
		follow(t, at+"."+name, typ.Field(i).Type, sub)
	}
	for name := range properties {
		t.Errorf("%s.%s is in the schema only", at, name)
	}
}

func TestMiddle(t *testing.T) {
	marks := "e" + strings.Repeat("\u0301", 10000)
	for in, want := range map[string]string{
		strings.Repeat("a", 60) + strings.Repeat("b", 60): "aaaaaa…bbb",
		"short": "short", "": "", marks: "…", "ab" + marks + "cd": "ab…cd",
	} {
		if got := middle(in, 10); got != want {
			t.Errorf("%.20q: got %q, want %q", in, got, want)
		}
	}
}

// What changed most comes first, in one sentence; a percentage has no percentage behind
// it, and what is the same is called so.
func TestLeadAndWords(t *testing.T) {
	r := fixture.Comparison()
	if got, want := Lead(r), "Worse most: small, T-ACC 12.1 → 2.2 %, vq:k=256 on text-default, clean, 256 px"; got != want {
		t.Errorf("the sentence is %q, want %q", got, want)
	}
	for i := range r.Rows {
		x := &r.Rows[i]
		x.Verdict, x.Delta, x.Lo, x.Hi, x.Candidate = compare.Equivalent, 0, 0, 0, x.Baseline
		if got := verdictWord(*x); x.N > 0 && got != "identical" {
			t.Errorf("a row without any difference is %q", got)
		}
		if got := relative(*x); x.Show.Form == metrics.FormPercent && got != format.None {
			t.Errorf("a percentage of a percentage: %q", got)
		}
	}
	if got := Lead(r); got != "" {
		t.Errorf("nothing changed, and the sentence is %q", got)
	}
}

// The page shows what was read and how it looks before the rows, and names cannot become
// markup.
func TestHTML(t *testing.T) {
	out := written(t, FormatHTML, fixture.Comparison(), Options{BaselineImages: "../main", CandidateImages: "."})
	last := -1
	for _, want := range []string{"Worse most: small, T-ACC", "What lost most", "Total|&lt;b&gt;", "Tola1", `src="../main/images/b.png"`, `src="images/c.png"`, "Rows that decide", "All other rows", "could show"} {
		at := strings.Index(out, want)
		if at < 0 || at < last && want != "could show" {
			t.Errorf("%q is at %d, after %d", want, at, last)
		}
		last = max(last, at)
	}
	for _, bad := range []string{"<script>alert(1)</script>", `" onerror="x`, "</style><b>", "\u202eabc\n"} {
		page := written(t, FormatHTML, fixture.HostileComparison(bad), Options{BaselineImages: "../a", CandidateImages: "."})
		if strings.Contains(page, bad) || strings.Contains(page, "<script") {
			t.Errorf("%q stands in the page as it is", bad)
		}
	}
}
