package cli

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/vtbench/vtbench/bench/compare"
	compared "github.com/vtbench/vtbench/reports/compare"
)

// twoRuns makes runs/good and runs/bad of the same 24 images and moves there:
// "tok" is JPEG at quality 60 in one and at quality 5 in the other.
func twoRuns(t *testing.T) {
	t.Helper()
	t.Chdir(t.TempDir())
	write(t, "s.yaml", suiteFile)
	photos(t, "in", 24, false, 0)
	for dir, q := range map[string]string{"runs/good": "60", "runs/bad": "5"} {
		if status, _, stderr := vtbench(t, "run", "--suite", "s.yaml", "--data", "folder:in", "-o", dir, "-t", "tok=jpeg:q="+q, "-q"); status != ExitDone {
			t.Fatalf("status %d: %s", status, stderr)
		}
	}
}

func write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func text(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestCompareRuns(t *testing.T) {
	twoRuns(t)
	status, stdout, stderr := vtbench(t, "compare", "runs/good", "runs/bad")
	if status != ExitDone || stderr != "" {
		t.Fatalf("status %d: %s", status, stderr)
	}
	for _, want := range []string{"PSNR", "worse", "24", "95 % interval"} {
		if !strings.Contains(stdout, want) {
			t.Errorf("stdout lacks %q:\n%s", want, stdout)
		}
	}
	// The other way round it is better, with the same size.
	var there, back compare.Report
	for args, r := range map[string]*compare.Report{"runs/good runs/bad": &there, "runs/bad#tok runs/good#tok": &back} {
		status, stdout, stderr := vtbench(t, append(strings.Fields("compare --format json"), strings.Fields(args)...)...)
		if status != ExitDone {
			t.Fatalf("status %d: %s", status, stderr)
		}
		if err := json.Unmarshal([]byte(stdout), r); err != nil {
			t.Fatal(err)
		}
	}
	x, y := there.Headline(), back.Headline()
	if len(x) != 1 || len(y) != 1 || x[0].Verdict != compare.Worse || y[0].Verdict != compare.Better || x[0].Delta != -y[0].Delta || x[0].N != 24 {
		t.Errorf("there %+v\nback %+v", x, y)
	}
}

func TestCompareFormatsAndStoredComparison(t *testing.T) {
	twoRuns(t)
	status, stdout, stderr := vtbench(t, "compare", "runs/good", "runs/bad", "--format", "json", "-o", "out/c.json")
	if status != ExitUsage || !strings.Contains(stderr, "out/c.json") || stdout != "" {
		t.Errorf("a folder that is not there: status %d: %s", status, stderr)
	}
	status, stdout, stderr = vtbench(t, "compare", "runs/good", "runs/bad", "--format", "json", "-o", "c.json",
		"--also", "markdown=comment.md", "--also", "junit=j.xml", "--also", "github=a.txt", "--commit", "abc123", "--key", "k")
	if status != ExitDone || stdout != "" {
		t.Fatalf("status %d, %q: %s", status, stdout, stderr)
	}
	for name, want := range map[string]string{"c.json": `"schema": 1`, "comment.md": "<!--", "j.xml": "<testsuite", "a.txt": ""} {
		if !strings.Contains(text(t, name), want) {
			t.Errorf("%s lacks %q", name, want)
		}
	}
	for _, format := range append(compared.Formats(), "github") {
		status, fresh, stderr := vtbench(t, "compare", "runs/good", "runs/bad", "--format", format)
		if status != ExitDone {
			t.Fatalf("%s: status %d: %s", format, status, stderr)
		}
		// A stored comparison needs no runs; where the pictures are is not stored.
		status, again, stderr := vtbench(t, "compare", "--from", "c.json", "--format", format,
			"--baseline-images", "runs/good", "--candidate-images", "runs/bad")
		if status != ExitDone || again != fresh {
			t.Errorf("%s: status %d (%s); from the store:\n%s\ninstead of\n%s", format, status, stderr, again, fresh)
		}
	}
}

func TestCompareGates(t *testing.T) {
	twoRuns(t)
	write(t, "loose.yaml", "version: 1\ngates:\n  - {metric: psnr, allow: 90%}\n")
	write(t, "wrong.yaml", "version: 1\ngates:\n  - {metric: psnr, alow: 90%}\n")
	status, stdout, stderr := vtbench(t, "compare", "--init-gates", "runs/good", "-o", "gates.yaml")
	if status != ExitDone || stdout != "" || !strings.Contains(text(t, "gates.yaml"), "metric: psnr, level: error") {
		t.Fatalf("status %d: %s", status, stderr)
	}
	if status, _, stderr = vtbench(t, "compare", "--init-gates", "runs/good", "-o", "gates.yaml"); status != ExitUsage || !strings.Contains(stderr, "gates.yaml exists") {
		t.Errorf("gates are replaced: status %d: %s", status, stderr)
	}
	if status, stdout, _ = vtbench(t, "compare", "--init-gates", "runs/good"); status != ExitDone || stdout != text(t, "gates.yaml") {
		t.Errorf("status %d, stdout differs from the file", status)
	}
	for _, tc := range []struct {
		name, args string
		status     int
		want       string // on stderr
	}{
		{"worse fails", "runs/good runs/bad --gates gates.yaml", ExitGate, "gates of gates.yaml failed: 1 error"},
		{"better passes", "runs/bad runs/good --gates gates.yaml", ExitDone, ""},
		{"equal passes", "runs/good runs/good --gates gates.yaml", ExitDone, ""},
		{"allowed passes", "runs/good runs/bad --gates loose.yaml", ExitDone, ""},
		{"a larger margin passes", "runs/good runs/bad --gates gates.yaml --margin psnr=99", ExitDone, ""},
		{"a wrong file", "runs/good runs/bad --gates wrong.yaml", ExitUsage, `wrong.yaml:3:20: unknown field "alow", did you mean "allow"?`},
		{"no file", "runs/good runs/bad --gates absent.yaml", ExitUsage, "absent.yaml"},
	} {
		status, stdout, stderr := vtbench(t, append([]string{"compare"}, strings.Fields(tc.args)...)...)
		if status != tc.status || !strings.Contains(stderr, tc.want) {
			t.Errorf("%s: status %d, want %d with %q on stderr:\n%s", tc.name, status, tc.status, tc.want, stderr)
		}
		if (status == ExitUsage) != (stdout == "") {
			t.Errorf("%s: status %d prints %q", tc.name, status, stdout)
		}
	}
	// Written again, the failed comparison says so and does not fail again.
	status, _, _ = vtbench(t, "compare", "runs/good", "runs/bad", "--gates", "gates.yaml", "--format", "json", "-o", "c.json")
	if status != ExitGate {
		t.Errorf("status %d", status)
	}
	status, stdout, stderr = vtbench(t, "compare", "--from", "c.json")
	if status != ExitDone || !strings.Contains(stdout, "gates failed") {
		t.Errorf("status %d: %s\n%s", status, stderr, stdout)
	}
}

func TestCompareUsage(t *testing.T) {
	twoRuns(t)
	write(t, "other.yaml", strings.Replace(suiteFile, "version: 1", "version: 2", 1))
	if status, _, stderr := vtbench(t, "run", "--suite", "other.yaml", "--data", "folder:in", "-o", "runs/other", "-t", "tok=jpeg:q=60", "-q"); status != ExitDone {
		t.Fatalf("status %d: %s", status, stderr)
	}
	write(t, "no.json", "{}")
	for _, tc := range []struct{ args, want string }{
		{"compare", "compare what with what?"},
		{"compare runs/good", "compare what with what?"},
		{"compare runs/good runs/absent", "runs/absent does not exist"},
		{"compare runs/good in", "not a run directory"},
		{"compare runs/good#tik runs/bad", `no tokenizer "tik": there are`},
		{"compare runs/good runs/bad --format xml", `format "xml"`},
		{"compare runs/good runs/bad --format jsn", `did you mean "json"?`},
		{"compare runs/good runs/bad --also junit", "want FORMAT=FILE"},
		{"compare runs/good runs/bad --also pdf=x", `format "pdf"`},
		{"compare runs/good runs/bad --margin psnr", "--margin: margin \"psnr\""},
		{"compare runs/good runs/bad --alpha 2", "alpha is 2"},
		{"compare runs/good runs/bad --test t", "test is \"t\""},
		{"compare runs/good runs/bad --metrics psrn", `has a metric "psrn", did you mean "psnr"?`},
		{"compare runs/good runs/other", "suite pixels: version 1"},
		{"compare --init-gates runs/good runs/bad", "takes one run"},
		{"compare --init-gates runs/good --gates g.yaml", "leave out"},
		{"compare --from no.json runs/good", "leave out"},
		{"compare --from no.json", "no.json"},
		{"compare --from absent.json", "absent.json"},
		{"compare no.json runs/good", "vtbench baseline import"},
	} {
		status, stdout, stderr := vtbench(t, strings.Fields(tc.args)...)
		if status != ExitUsage || !strings.Contains(stderr, tc.want) || stdout != "" {
			t.Errorf("vtbench %s: status %d, want %d with %q on stderr:\n%s", tc.args, status, ExitUsage, tc.want, stderr)
		}
	}
	status, stdout, stderr := vtbench(t, "compare", "runs/good", "runs/other", "--allow-version-skew")
	if status != ExitDone || !strings.Contains(stdout, "suite pixels: version 1") {
		t.Errorf("status %d: %s\n%s", status, stderr, stdout)
	}
}

func TestBaselines(t *testing.T) {
	twoRuns(t)
	file := "base/main" + compare.BaselineSuffix
	status, stdout, stderr := vtbench(t, "baseline", "save", "runs/good", "-o", file)
	if status != ExitDone || !strings.Contains(stdout, file+": ") || !strings.Contains(stdout, "24 images") {
		t.Fatalf("status %d, %q: %s", status, stdout, stderr)
	}
	var fromRun, fromFile compare.Report
	for base, r := range map[string]*compare.Report{"runs/good": &fromRun, file: &fromFile} {
		status, stdout, stderr := vtbench(t, "compare", base, "runs/bad", "--format", "json")
		if status != ExitDone {
			t.Fatalf("status %d: %s", status, stderr)
		}
		if err := json.Unmarshal([]byte(stdout), r); err != nil {
			t.Fatal(err)
		}
	}
	a, b := fromRun.Headline()[0], fromFile.Headline()[0]
	if a.Delta != b.Delta || a.Lo != b.Lo || a.P != b.P || a.Verdict != b.Verdict {
		t.Errorf("from the run %+v\nfrom the file %+v", a, b)
	}
	status, _, stderr = vtbench(t, "baseline", "save", "runs/bad#tok", "-m", "psnr", "-o", "small"+compare.BaselineSuffix)
	if status != ExitDone {
		t.Fatalf("status %d: %s", status, stderr)
	}
	status, stdout, _ = vtbench(t, "baseline", "list")
	if status != ExitDone || !strings.Contains(stdout, file) || !strings.Contains(stdout, "small"+compare.BaselineSuffix) || !strings.Contains(stdout, "pixels 1") {
		t.Errorf("status %d:\n%s", status, stdout)
	}
	status, stdout, _ = vtbench(t, "baseline", "show", file)
	for _, want := range []string{"suite     pixels 1", "tokenizer tok", "data set  folder", "PSNR", "clean@32"} {
		if status != ExitDone || !strings.Contains(stdout, want) {
			t.Errorf("status %d, want %q:\n%s", status, want, stdout)
		}
	}
	status, stdout, _ = vtbench(t, "baseline", "show", file, "--format", "json")
	var shown struct {
		Suite compare.SuiteID `json:"suite"`
		Means []compare.Mean  `json:"means"`
	}
	if err := json.Unmarshal([]byte(stdout), &shown); err != nil || status != ExitDone || shown.Suite.ID != "pixels" || len(shown.Means) == 0 {
		t.Errorf("status %d, %v: %+v", status, err, shown)
	}

	// A damaged file is named, in a list and everywhere else.
	damaged := "base/damaged" + compare.BaselineSuffix
	write(t, damaged, text(t, file)[:100])
	for _, args := range []string{"baseline list", "baseline show " + damaged, "compare " + damaged + " runs/bad"} {
		if status, _, stderr := vtbench(t, strings.Fields(args)...); status != ExitUsage || !strings.Contains(stderr, damaged) || !strings.Contains(stderr, "cut off or damaged") {
			t.Errorf("%s: status %d: %s", args, status, stderr)
		}
	}
	status, stdout, _ = vtbench(t, "baseline", "list", "base", "--format", "json")
	var list []baselineEntry
	if err := json.Unmarshal([]byte(stdout), &list); err != nil || status != ExitUsage || len(list) != 2 || list[0].Error == "" || list[1].Items != 24 {
		t.Errorf("status %d, %v: %+v", status, err, list)
	}
}

func TestBaselineUsage(t *testing.T) {
	twoRuns(t)
	write(t, "v.csv", "item,metric,value\na.png,beauty,1\n")
	for _, tc := range []struct{ args, want string }{
		{"baseline save", "want vtbench baseline save RUN[#TOKENIZER], but nothing is given"},
		{"baseline save runs/absent", "does not exist"},
		{"baseline save runs/good -o x.gz", "baseline files end in " + compare.BaselineSuffix},
		{"baseline save runs/good#tik", `no tokenizer "tik", did you mean "tok"?`},
		{"baseline save runs/good -m lpips", "no metric matches lpips"},
		{"baseline list absent", "absent"},
		{"baseline list --format xml", `"xml" for "--format" flag: want table or json`},
		{"baseline show", "want vtbench baseline show FILE"},
		{"baseline frobnicate", "frobnicate"},
		{"baseline import csv v.csv", "name the file to write with -o"},
		{"baseline import cvs v.csv -o x.vtbench.json.gz", `did you mean "csv"?`},
		{"baseline import csv v.csv v.csv -o x.vtbench.json.gz", "csv takes one file"},
		{"baseline import csv v.csv -o x.vtbench.json.gz", "say whose values these are"},
		{"baseline import csv v.csv -o x.vtbench.json.gz --tokenizer them", `metric "beauty" is not known`},
		{"baseline import csv v.csv -o x.vtbench.json.gz --better beauty=more", "--better"},
		{"baseline import tokbench v.csv -o x.vtbench.json.gz", "not laid out as TokBench's"},
	} {
		status, stdout, stderr := vtbench(t, strings.Fields(tc.args)...)
		if status != ExitUsage || !strings.Contains(stderr, tc.want) || stdout != "" {
			t.Errorf("vtbench %s: status %d, want %d with %q on stderr:\n%s", tc.args, status, ExitUsage, tc.want, stderr)
		}
	}
}

// A published result stands beside ours and is marked as imported.
func TestBaselineImport(t *testing.T) {
	twoRuns(t)
	write(t, "v.csv", "item,metric,value\na.png,psnr,31\nb.png,psnr,29\na.png,beauty,1\n")
	file := "them" + compare.BaselineSuffix
	status, stdout, stderr := vtbench(t, "baseline", "import", "csv", "v.csv", "-o", file, "--tokenizer", "them", "--condition", "clean@32",
		"--dataset", "theirs", "--better", "beauty=higher", "--origin", "a paper")
	if status != ExitDone || !strings.Contains(stdout, "3 values of 1 tokenizer") {
		t.Fatalf("status %d, %q: %s", status, stdout, stderr)
	}
	status, stdout, _ = vtbench(t, "baseline", "show", file)
	if status != ExitDone || !strings.Contains(stdout, "imported") || !strings.Contains(stdout, "a paper") || !strings.Contains(stdout, "30.00") {
		t.Errorf("status %d:\n%s", status, stdout)
	}
	status, stdout, stderr = vtbench(t, "compare", "runs/good", "runs/bad", file)
	if status != ExitDone || !strings.Contains(stdout, "imported") {
		t.Errorf("status %d: %s\n%s", status, stderr, stdout)
	}
}
