package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/vtbench/vtbench/bench/record"
	"github.com/vtbench/vtbench/bench/score"
	"github.com/vtbench/vtbench/bench/suite"
	"github.com/vtbench/vtbench/bench/summary"
	"github.com/vtbench/vtbench/internal/ort"
	"github.com/vtbench/vtbench/internal/testenv"
	"github.com/vtbench/vtbench/pix"
	alltok "github.com/vtbench/vtbench/tokenizers/all"
	"github.com/vtbench/vtbench/tokenizers/tokenizertest"
)

// vtbench runs the program in a folder of its own.
func vtbench(t *testing.T, args ...string) (status int, stdout, stderr string) {
	t.Helper()
	var out, err bytes.Buffer
	status = Run(context.Background(), args, &out, &err)
	return status, out.String(), err.String()
}

// photos writes n images, the last of them damaged when broken.
func photos(t *testing.T, dir string, n int, broken bool, shift uint8) {
	t.Helper()
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for i := range n {
		m := pix.New(48, 40)
		for k := range m.Pix {
			m.Pix[k] = uint8(k*3+i*17)/2 + shift
		}
		if err := m.SavePNG(filepath.Join(dir, string(rune('a'+i))+".png")); err != nil {
			t.Fatal(err)
		}
	}
	if broken {
		if err := os.WriteFile(filepath.Join(dir, "z.png"), []byte("\x89PNG\r\n\x1a\nnot really"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// suiteFile is a suite that needs neither Tesseract nor rendered text.
const suiteFile = `id: pixels
version: 1
title: Pixels
question: How far are the pixels?
datasets: [text-default]
resolutions: [32]
score_at: original
metrics: [psnr, ssim, bpp-real]
headline: [psnr]
worst: psnr
tokenizers: [resize, "jpeg:q=30"]
`

func TestUsageErrors(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := os.WriteFile("s.yaml", []byte(suiteFile), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile("bad.yaml", []byte("suite: s.yaml\nresolution: [32]\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	photos(t, "in", 1, false, 0)
	for _, tc := range []struct{ args, want string }{
		{"run", "--suite"},
		{"run --suite txet", `did you mean "text"?`},
		{"run --suite s.yaml --data folder:in -t jpg", `did you mean "jpeg"?`},
		{"run --suite s.yaml --data folder:in -t jpeg:quality=3", `column 6 (at "quality=3"): unknown option`},
		{"run --suite s.yaml --data folder:in -t jpeg:q={3", "the brace is not closed"},
		{"conform jpeg:q={3,4}", "stands for 2 tokenizers"},
		{"run --suite s.yaml --data folder:in -t jpeg:q=300", "q=300"},
		{"run --suite s.yaml --data folder:absent", "absent"},
		{"run --suite s.yaml --data foldr:in", `did you mean "folder"?`},
		{"run --suite s.yaml --data in", "write folder:in, or with another prefix"},
		{"run --suite s.yaml --data folder:in --limit 0", "--limit 0: want 1 item or more"},
		{"run --suite s.yaml --data folder:in --resolution 0", "want the side of a square in pixels, or native"},
		{"run --suite s.yaml --data folder:in -o new --resume", "nothing to resume: new holds no run"},
		{"run --suite s.yaml --data folder:in --resume", "no unfinished run of suite pixels"},
		{"run --suite s.yaml --data folder:in -t my_tok.py", "did you mean 'process:python3 my_tok.py'?"},
		{"run --suite s.yaml jpeg:q=30", "in single quotes where it has braces"},
		{"run --suit s.yaml", "did you mean --suite? `vtbench run --help`"},
		{"run --suite s.yaml --format jsn", `want table or json, did you mean "json"?`},
		{"runn", `unknown command "runn" of vtbench, did you mean "run"?`},
		{"datasets inof", `unknown command "inof" of vtbench datasets, did you mean "info"?`},
		{"run --suite s.yaml --data folder:in --shard 3/2", "--shard"},
		{"run --suite s.yaml --data folder:in -o s.yaml/x", "run directory"},
		{"run -c bad.yaml", `bad.yaml:2:1: unknown field "resolution", did you mean "resolutions"?`},
		{"run --no-such-flag", "--help"},
		{"list metric", `did you mean "metrics"?`},
		{"list", "want vtbench list suites|tokenizers|metrics|datasets|corruptions, but nothing is given"},
		{"score in", `want vtbench score REF DIST, or score --recipe FILE [REF] DIST, but only "in" is given`},
		{"status a b", `want vtbench status RUN|URL, but 2 arguments are given, the last is "b"`},
		{"run --limit abc", `--limit "abc": want a whole number; `},
		{"run --limit 99999999999999999999", "want a whole number, and none so large"},
		{"run --seed -1", `--seed "-1": want a whole number from 0`},
		{"run --full=maybe", `--full "maybe": want true or false`},
		{"compare a b --alpha x", `--alpha "x": want a number`},
		{"metrics", "did you mean `vtbench list metrics`? `vtbench --help`"},
		{"run --suite s.yaml --data folder:in --option orc.lang=deu -o x", `option "orc.lang": nothing has options of "orc", did you mean "ocr"?`},
		{"run --suite s.yaml --data folder:in --option lang=deu -o x", `want METRIC.NAME=VALUE`},
		{"score in in -m psnr --option psrn.peak=1", `did you mean "psnr"?`},
		{"run --suite s.yaml --data folder:in --limit 1 --full -o x", "--limit and --full exclude each other"},
		{"run --suite s.yaml -r 256,512 -r 256", "256 is given twice"},
		{"datasets export folder:in x -r 256,256", "256 is given twice"},
		{"datasets sheet folder:in in/a.png", "in/a.png exists; --force replaces it"},
		{"datasets sheet text-default o.png --side 9000 -n 99", "choose fewer or smaller ones"},
		{"datasets sheet text-default o.png --side 9223372036854775807", "--side from 16"},
		{"datasets sheet folder:in s.yaml", "images are written as PNG"},
		{"help rnu", `unknown command "rnu" of vtbench, did you mean "run"?`},
		{"help datasets inof", `did you mean "info"?`},
		{"completion fsh", `did you mean "fish"?`},
		{"score in absent", "absent"},
		{"score in in --metrics psrn", `did you mean "psnr"?`},
		{"score in in --metrics t-acc", "vtbench run"},
		{"report in", "not a run directory"},
		{"frobnicate", "unknown command"},
	} {
		status, stdout, stderr := vtbench(t, strings.Fields(tc.args)...)
		if status != ExitUsage || !strings.Contains(stderr, tc.want) {
			t.Errorf("vtbench %s: status %d, want %d, with %q on stderr:\n%s", tc.args, status, ExitUsage, tc.want, stderr)
		}
		if stdout != "" {
			t.Errorf("vtbench %s: an error printed on stdout: %s", tc.args, stdout)
		}
	}
}

func TestRunFolder(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := os.WriteFile("s.yaml", []byte(suiteFile), 0o644); err != nil {
		t.Fatal(err)
	}
	photos(t, "in", 3, false, 0)
	status, stdout, stderr := vtbench(t, "run", "--suite", "s.yaml", "--data", "folder:in", "-o", "run", "--format", "json", "-t", "jpeg:q={30,60}", "-t", "tiny=jpeg:q=1")
	if status != ExitDone {
		t.Fatalf("status %d: %s", status, stderr)
	}
	var sum summary.Summary
	if err := json.Unmarshal([]byte(stdout), &sum); err != nil {
		t.Fatalf("stdout is not the summary: %v\n%s", err, stdout)
	}
	good, _ := sum.Find("jpeg:q=30", "folder", "clean@32", "", "psnr")
	bad, _ := sum.Find("tiny", "folder", "clean@32", "", "psnr")
	bound, _ := sum.Find("resize", "folder", "clean@32", "", "psnr")
	better, _ := sum.Find("jpeg:q=60", "folder", "clean@32", "", "psnr")
	if !(bad.Mean < good.Mean && good.Mean < better.Mean && better.Mean < bound.Mean) || good.N != 3 {
		t.Errorf("psnr of quality 1, 30, 60 and no coding: %v, %v, %v, %v (n %d)", bad.Mean, good.Mean, better.Mean, bound.Mean, good.N)
	}
	for _, f := range []string{"manifest.json", "records.jsonl", "summary.json", "report.html", "report.md"} {
		if st, err := os.Stat(filepath.Join("run", f)); err != nil || st.Size() == 0 {
			t.Errorf("%s: %v", f, err)
		}
	}
	// The reports can be made again from the directory alone.
	if err := os.Remove("run/report.html"); err != nil {
		t.Fatal(err)
	}
	if status, _, stderr := vtbench(t, "report", "run"); status != ExitDone {
		t.Fatalf("report: status %d: %s", status, stderr)
	}
	if _, err := os.Stat("run/report.html"); err != nil {
		t.Error(err)
	}
}

// Errors are JSON where results are, wherever the flag stands and whatever is wrong.
func TestErrorsAsJSON(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, args := range []string{"list suits --format json", "--format=json rnu", "run --format json --no-such-flag", "score a b --format json", "conform jpg --format json", "doctor --format json x"} {
		status, stdout, stderr := vtbench(t, strings.Fields(args)...)
		var got errorReport
		if err := json.Unmarshal([]byte(stderr), &got); err != nil || status != ExitUsage || got.Status != status || got.Error == "" || stdout != "" {
			t.Errorf("%s: status %d, stdout %q, stderr %q: %v", args, status, stdout, stderr, err)
		}
	}
	// Not where the word stands behind the end of the flags.
	if _, _, stderr := vtbench(t, "rnu", "--", "--format", "json"); !strings.HasPrefix(stderr, "vtbench: ") {
		t.Errorf("stderr %q", stderr)
	}
}

// Every command that prints on stdout takes --format json.
func TestEveryCommandHasJSON(t *testing.T) {
	silent := map[string]bool{ // these write files, and nothing on stdout
		"vtbench unit":          true, // its output is a protocol
		"vtbench datasets pull": true, "vtbench models pull": true, "vtbench datasets sheet": true, "vtbench corrupt": true,
		"vtbench help": true, "vtbench completion bash": true, "vtbench completion zsh": true, "vtbench completion fish": true, "vtbench completion powershell": true,
	}
	var walk func(*cobra.Command)
	walk = func(c *cobra.Command) {
		if !c.HasSubCommands() && !silent[c.CommandPath()] && c.Flags().Lookup("format") == nil {
			t.Errorf("%s has no --format", c.CommandPath())
		}
		for _, sub := range c.Commands() {
			walk(sub)
		}
	}
	walk((&app{}).root())
}

// Names are completed where they are typed.
func TestCompletion(t *testing.T) {
	for args, want := range map[string]string{
		"run --suite ":        "robustness-full\tRobustness, full",
		"run -t ":             "process:\t",
		"run -t vq:patch=8,":  "vq:patch=8,k=\t",
		"run -t mine=v":       "mine=vq\t",
		"conform ":            "jpeg\t",
		"run --data ":         "icdar:\t",
		"datasets info ":      "text-default\t",
		"score -m psnr,":      "psnr,ssim\t",
		"compare -m ":         "t-acc\t",
		"corrupt --type fog,": "fog,frost\t",
		"list --format ":      "json\n",
		"list ":               "metrics\n",
		"compare --format ":   "junit\n",
		"run --config ":       "yaml\n",
	} {
		status, stdout, stderr := vtbench(t, append([]string{"__complete"}, strings.Split(args, " ")...)...)
		if status != ExitDone || !strings.Contains("\n"+stdout, "\n"+want) {
			t.Errorf("%s: status %d, want %q in\n%s%s", args, status, want, stdout, stderr)
		}
	}
	if _, stdout, _ := vtbench(t, "__complete", "run", "-t", "vq:k=4,"); strings.Contains(stdout, "k=4,k=") {
		t.Errorf("an option that was given is offered again:\n%s", stdout)
	}
}

// A run is resumed by its suite and not by how its folder is called.
func TestResumePicksTheSuite(t *testing.T) {
	t.Chdir(t.TempDir())
	for dir, id := range map[string]string{"pixels-20260101-000000": "pixels", "pixels-20260102-000000": "pixels", "pixels-full-20260103-000000": "pixels-full", "pixels-20260104-000000": "pixels"} {
		if err := os.MkdirAll(filepath.Join("runs", dir), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := record.WriteJSON(filepath.Join("runs", dir, record.ManifestFile), &record.Manifest{Suite: suite.Suite{ID: id}}); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile("runs/pixels-20260104-000000/"+record.SealFile, []byte("{}"), 0o644); err != nil {
		t.Fatal(err) // this one is finished
	}
	for id, want := range map[string]string{"pixels": "runs/pixels-20260102-000000", "pixels-full": "runs/pixels-full-20260103-000000"} {
		if dir, err := runDir("", id, true); err != nil || filepath.ToSlash(dir) != want {
			t.Errorf("%s: %s, %v, want %s", id, dir, err, want)
		}
	}
}

// A run whose headline has no value says so before and after, and is not done well;
// nor is a comparison of two such.
func TestNothingMeasured(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := os.WriteFile("s.yaml", []byte(strings.NewReplacer("[psnr, ssim, bpp-real]", "[t-ned, psnr]", "headline: [psnr]", "headline: [t-ned]").Replace(suiteFile)), 0o644); err != nil {
		t.Fatal(err)
	}
	photos(t, "in", 2, false, 0)
	status, stdout, stderr := vtbench(t, "run", "--suite", "s.yaml", "--data", "folder:in", "-o", "a", "-t", "jpeg:q=30")
	if status == ExitMissing {
		testenv.Skip(t, "Tesseract is not here: "+stderr)
	}
	for _, want := range []string{
		"warning: t-ned can have no value: nothing is labelled that they score in the first 2 items of folder:in",
		"nothing was measured: none of the headline metrics of suite pixels (t-ned) has a value (nothing in the data is labelled that they score)",
	} {
		if status != ExitItemsFailed || !strings.Contains(stderr, want) {
			t.Errorf("status %d, want %q in\n%s%s", status, want, stdout, stderr)
		}
	}
	if status, _, stderr := vtbench(t, "run", "--suite", "s.yaml", "--data", "folder:in", "-o", "b", "-t", "jpeg:q=30", "-q"); status != ExitItemsFailed {
		t.Errorf("status %d\n%s", status, stderr)
	}
	if status, _, stderr := vtbench(t, "compare", "a#jpeg:q=30", "b#jpeg:q=30"); status != ExitItemsFailed || !strings.Contains(stderr, "no headline metric has a value on both sides") {
		t.Errorf("comparing two runs without headline values: status %d\n%s", status, stderr)
	}
	if status, _, stderr := vtbench(t, "compare", "a#jpeg:q=30", "b#jpeg:q=30", "-m", "psnr"); status != ExitDone {
		t.Errorf("comparing what was measured: status %d\n%s", status, stderr)
	}
	// All images unreadable.
	if err := os.WriteFile("p.yaml", []byte(suiteFile), 0o644); err != nil {
		t.Fatal(err)
	}
	photos(t, "bad", 0, true, 0)
	for _, dir := range []string{"c", "d"} {
		status, _, stderr := vtbench(t, "run", "--suite", "p.yaml", "--data", "folder:bad", "-o", dir)
		if status != ExitItemsFailed || !strings.Contains(stderr, "has a value (1 of 1 item could not be loaded)") || strings.Contains(stderr, "labelled") {
			t.Errorf("status %d\n%s", status, stderr)
		}
	}
	if status, _, stderr := vtbench(t, "compare", "c#resize", "d#resize"); status != ExitItemsFailed || !strings.Contains(stderr, "share no value") {
		t.Errorf("comparing two empty runs: status %d\n%s", status, stderr)
	}
}

// Each check is printed once, as it ends.
func TestConform(t *testing.T) {
	status, stdout, stderr := vtbench(t, "conform", "jpeg:q=30", "--side", "32")
	if status != ExitDone || stderr != "" || strings.Count(stdout, "is there one image of the input's size") != 1 || !strings.Contains(stdout, " 0 failed") {
		t.Errorf("status %d\n%s%s", status, stdout, stderr)
	}
	status, stdout, stderr = vtbench(t, "conform", "jpeg:q=30", "--side", "32", "--format", "json")
	var report tokenizertest.Report
	if err := json.Unmarshal([]byte(stdout), &report); err != nil || status != ExitDone || !report.OK() || !report.Info.BatchInvariant {
		t.Errorf("status %d, %v\n%s", status, err, stdout)
	}
	if strings.Count(stderr, "shape\n") != 1 {
		t.Errorf("progress beside JSON:\n%s", stderr)
	}
}

// A text with alternatives and a list of values stand for several tokenizers.
func TestTokenizersOfAConfigFile(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := os.WriteFile("c.yaml", []byte("tokenizers:\n  - use: \"{jpeg,webp}:q=20\"\n  - {use: \"vq:patch=8\", name: mine, options: {k: [256, 1024]}}\n  - use: original\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	c, err := readConfig("c.yaml")
	if err != nil {
		t.Fatal(err)
	}
	toks, err := openTokenizers(t.Context(), c.Tokenizers, alltok.Kinds(), nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := closeTokenizers(toks); err != nil {
			t.Error(err)
		}
	}()
	var got []string
	for _, tok := range toks {
		got = append(got, tok.Name+" "+tok.Options["q"]+tok.Options["k"])
	}
	if want := "jpeg:q=20 20|webp:q=20 20|mine:k=256 256|mine:k=1024 1024|original "; strings.Join(got, "|") != want {
		t.Errorf("%q, want %q", strings.Join(got, "|"), want)
	}
	if !c.names("original") || c.names("resize") {
		t.Error("which tokenizers are named is not known")
	}
}

func TestRunWithBrokenImage(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := os.WriteFile("s.yaml", []byte(suiteFile), 0o644); err != nil {
		t.Fatal(err)
	}
	photos(t, "in", 2, true, 0)
	status, _, stderr := vtbench(t, "run", "--suite", "s.yaml", "--data", "folder:in", "-o", "run", "-q")
	if status != ExitItemsFailed || !strings.Contains(stderr, "z.png") {
		t.Errorf("status %d, want %d, with z.png named on stderr:\n%s", status, ExitItemsFailed, stderr)
	}
	run, err := summary.Open("run", nil)
	if err != nil {
		t.Fatal(err)
	}
	row, ok := run.Summary.Find("resize", "folder", "clean@32", "", "psnr")
	if !ok || row.N != 2 || row.Dropped["load_failed"] != 1 {
		t.Errorf("row %+v: want 2 values and 1 image that could not be loaded", row)
	}
}

func TestInterrupted(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := os.WriteFile("s.yaml", []byte(suiteFile), 0o644); err != nil {
		t.Fatal(err)
	}
	photos(t, "in", 2, false, 0)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	var out, stderr bytes.Buffer
	if status := Run(ctx, []string{"run", "--suite", "s.yaml", "--data", "folder:in", "-o", "run"}, &out, &stderr); status != ExitInterrupted {
		t.Errorf("status %d, want %d: %s", status, ExitInterrupted, stderr.String())
	}
	for args, want := range map[string]string{
		"run|-s|text|--resume|-t|mine=process:python3 it's.py": `vtbench run -s text -t 'mine=process:python3 it'\''s.py' -o 'a b/é' --resume`,
		"run|-o|x|-t|vq:k={2,4}|--redo-from|3|--resume=true":   `vtbench run -o x -t 'vq:k={2,4}' --resume`,
		"run|--redo-from=3|-c|c.yaml":                          `vtbench run -c c.yaml -o 'a b/é' --resume`,
	} {
		a, f := app{args: strings.Split(args, "|")}, runFlags{}
		if strings.Contains(args, "|-o|") {
			f.output = "x"
		}
		if got := a.again(&f, "a b/é"); got != want {
			t.Errorf("%s continues with\n%s, want\n%s", args, got, want)
		}
	}
	if said := stderr.String(); !strings.Contains(said, "vtbench: interrupted") || strings.Contains(said, "context canceled") {
		t.Errorf("an interrupted run says %q", said)
	}
}

// scores are what score writes as JSON.
type scores struct {
	Pairs     []score.PairScore
	Aggregate map[string]score.Aggregate
}

func TestScore(t *testing.T) {
	t.Chdir(t.TempDir())
	photos(t, "ref", 3, false, 0)
	photos(t, "dist", 3, false, 4)
	status, stdout, stderr := vtbench(t, "score", "ref", "dist", "--metrics", "psnr,mae", "--format", "json")
	if status != ExitDone {
		t.Fatalf("status %d: %s", status, stderr)
	}
	var s scores
	if err := json.Unmarshal([]byte(stdout), &s); err != nil {
		t.Fatal(err)
	}
	// Every value is shifted by 4: MAE 4, PSNR 10·log10(255²/16) = 36.08960.
	if a := s.Aggregate["mae"]; a.Mean != 4 || a.N != 3 {
		t.Errorf("mae %+v, want 4 of 3 pairs", a)
	}
	if v := s.Pairs[0].Metrics["psnr"]; v < 36.08959 || v > 36.08961 {
		t.Errorf("psnr %v, want 36.08960", v)
	}
	// No three images have an interval of 95 %, and a table that shows one says so.
	if _, stdout, _ := vtbench(t, "score", "ref", "dist", "--metrics", "psnr,mae"); !strings.Contains(stdout, "fewer than 20 pairs") {
		t.Errorf("the interval of three pairs is not marked:\n%s", stdout)
	}
	// One file is identical, one has no partner.
	photos(t, "ref2", 2, false, 0)
	photos(t, "dist2", 1, false, 0)
	status, stdout, stderr = vtbench(t, "score", "ref2", "dist2", "--metrics", "psnr", "--format", "csv")
	if status != ExitItemsFailed || !strings.Contains(stderr, "b.png has no partner") || !strings.Contains(stdout, "a.png,inf,") {
		t.Errorf("status %d\n%s\n%s", status, stdout, stderr)
	}
	if _, _, stderr := vtbench(t, "score", "ref/a.png", "other.png"); !strings.Contains(stderr, "other.png") {
		t.Errorf("a missing file is not named: %s", stderr)
	}
}

// A metric that an image is too small for costs its own value, and says so; the others of
// the same pass have theirs.
func TestScoreTooSmallForOne(t *testing.T) {
	t.Chdir(t.TempDir())
	put(t, "ref/a.png", pngOf(t, flat(40, 32, 100)))
	put(t, "dist/a.png", pngOf(t, flat(40, 32, 110)))
	status, stdout, stderr := vtbench(t, "score", "ref", "dist", "-m", "ssim,ms-ssim", "--format", "json")
	var s scores
	if err := json.Unmarshal([]byte(stdout), &s); err != nil {
		t.Fatal(err)
	}
	p := s.Pairs[0]
	if _, ok := p.Metrics["ms-ssim"]; ok || p.Metrics["ssim"] < .9 || !strings.Contains(p.Errors["ms-ssim"], "at least 161") || p.Error != "" {
		t.Errorf("%+v", p)
	}
	if a := s.Aggregate["ms-ssim"]; a.N != 0 || a.Dropped["failed"] != 1 || s.Aggregate["ssim"].N != 1 {
		t.Errorf("%+v", s.Aggregate)
	}
	if status != ExitItemsFailed || !strings.Contains(stderr, "a.png: ms-ssim: images are") {
		t.Errorf("status %d: %s", status, stderr)
	}
	put(t, "ref2/a.png", pngOf(t, flat(9, 7, 100)))
	put(t, "dist2/a.png", pngOf(t, flat(9, 7, 110)))
	_, stdout, _ = vtbench(t, "score", "ref2", "dist2", "-m", "texture-contrast,texture-lbp", "--format", "json")
	s = scores{}
	if err := json.Unmarshal([]byte(stdout), &s); err != nil {
		t.Fatal(err)
	}
	if p := s.Pairs[0]; p.Metrics["texture-lbp"] != 1 || !strings.Contains(p.Errors["texture-contrast"], "at least 8") {
		t.Errorf("%+v", p)
	}
}

func TestScoreSizesDiffer(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := pix.New(20, 20).SavePNG("a.png"); err != nil {
		t.Fatal(err)
	}
	if err := pix.New(20, 21).SavePNG("b.png"); err != nil {
		t.Fatal(err)
	}
	status, _, stderr := vtbench(t, "score", "a.png", "b.png")
	if status != ExitItemsFailed || !strings.Contains(stderr, "20×21") {
		t.Errorf("status %d: %s", status, stderr)
	}
}

func TestLists(t *testing.T) {
	for _, what := range []string{"suites", "tokenizers", "metrics", "datasets"} {
		status, stdout, stderr := vtbench(t, "list", what, "--format", "json")
		var rows []entry
		if err := json.Unmarshal([]byte(stdout), &rows); err != nil || status != ExitDone || len(rows) == 0 {
			t.Errorf("list %s: status %d, %d rows, %v: %s", what, status, len(rows), err, stderr)
		}
		for _, r := range rows {
			if r.Name == "" || r.Summary == "" {
				t.Errorf("list %s: a row without name or summary: %+v", what, r)
			}
		}
		if status, stdout, _ := vtbench(t, "list", what); status != ExitDone || !strings.Contains(stdout, rows[0].Name) {
			t.Errorf("list %s as a table: status %d\n%s", what, status, stdout)
		}
	}
}

// Every name a suite uses exists: metrics, data sets, tokenizers.
func TestBuiltInSuitesResolve(t *testing.T) {
	all, err := suite.BuiltIn()
	if err != nil {
		t.Fatal(err)
	}
	specs := specsByID()
	for _, s := range all {
		for _, id := range s.Metrics {
			if _, ok := specs[id]; !ok {
				t.Errorf("suite %s: metric %s does not exist", s.ID, id)
			}
		}
		var list []tokenizerConfig
		for _, tok := range s.Tokenizers {
			list = append(list, tokenizerConfig{Use: tok})
		}
		opened, err := openTokenizers(t.Context(), list, alltok.Kinds(), nil, nil)
		if err != nil {
			t.Errorf("suite %s: %v", s.ID, err)
		}
		if err := closeTokenizers(opened); err != nil {
			t.Error(err)
		}
	}
}

func TestHelpProbesNothing(t *testing.T) {
	status, stdout, stderr := vtbench(t, "--help")
	if status != ExitDone || stderr != "" || !strings.Contains(stdout, "Exit status") {
		t.Errorf("status %d\n%s%s", status, stdout, stderr)
	}
}

// A metric that needs a network names it, and how to get it, when it is missing;
// distances between sets carry what they were made of.
func TestScoreWithNetworks(t *testing.T) {
	graphs, err := filepath.Abs("../../../../metrics/network/testdata")
	if err != nil {
		t.Fatal(err)
	}
	t.Chdir(t.TempDir())
	photos(t, "ref", 3, false, 0)
	photos(t, "dist", 3, false, 4)
	for id, way := range map[string]string{ // export.py has no networks of features
		"lpips-alex": "metrics/network/export.py", "fid": "feature.model=FILE, an ONNX graph", "fvd": "fvd.model=FILE, an ONNX graph",
	} {
		if status, _, stderr := vtbench(t, "score", "ref", "dist", "-m", id); status != ExitMissing || !strings.Contains(stderr, way) {
			t.Errorf("%s without a model: status %d, want %d: %s", id, status, ExitMissing, stderr)
		}
	}
	_, err = ort.Find("")
	testenv.Need(t, err)
	status, stdout, stderr := vtbench(t, "score", "ref", "dist", "-m", "fid,psnr", "--format", "json",
		"--option", "feature.model="+filepath.Join(graphs, "mean.onnx"), "--option", "feature.range=0..255")
	if status != ExitDone {
		t.Fatalf("status %d: %s", status, stderr)
	}
	var got struct {
		scores
		Sets       []score.SetScore  `json:"sets"`
		Provenance map[string]string `json:"provenance"`
	}
	if err := json.Unmarshal([]byte(stdout), &got); err != nil {
		t.Fatal(err)
	}
	// Features are channel means; all are shifted by 4, nothing else changes, so
	// FID is the squared distance of the means, 3·4² = 48.
	if len(got.Sets) != 1 || got.Sets[0].Value < 47.99 || got.Sets[0].Value > 48.01 || got.Sets[0].N != 3 || !strings.HasPrefix(got.Provenance["feature.model"], "sha256:") {
		t.Errorf("sets: %+v, want one FID of 48 over 3 images", got.Sets)
	}
	if got.Aggregate["psnr"].N != 3 {
		t.Errorf("psnr: %+v", got.Aggregate["psnr"])
	}
}

// Shards that are merged give the table of one run; a missing one is named.
func TestMergeCommand(t *testing.T) {
	t.Chdir(t.TempDir())
	photos(t, "images", 5, false, 0)
	if err := os.WriteFile("s.yaml", []byte(suiteFile), 0o644); err != nil {
		t.Fatal(err)
	}
	common := []string{"--suite", "s.yaml", "--data", "folder:images", "--resamples", "100", "-q", "--batch", "2"}
	whole, table, stderr := vtbench(t, append([]string{"run", "-o", "whole"}, common...)...)
	if whole != ExitDone {
		t.Fatalf("status %d\n%s", whole, stderr)
	}
	for _, shard := range []string{"1", "2"} {
		if status, _, stderr := vtbench(t, append([]string{"run", "-o", "part" + shard, "--shard", shard + "/2"}, common...)...); status != whole {
			t.Fatalf("shard %s: status %d\n%s", shard, status, stderr)
		}
	}
	status, stdout, stderr := vtbench(t, "merge", "part2", "part1", "-o", "merged", "-q")
	if status != whole || stdout != table {
		t.Errorf("status %d, want %d\n%s\nwant\n%s%s", status, whole, stdout, table, stderr)
	}
	if status, _, stderr := vtbench(t, "merge", "part1", "-o", "half", "-q"); status != ExitUsage || !strings.Contains(stderr, "items 3 to 4") {
		t.Errorf("half a run: status %d\n%s", status, stderr)
	}
	if status, _, stderr := vtbench(t, "merge", "part1", "-o", "half", "-q", "--partial"); status != ExitItemsFailed || !strings.Contains(stderr, "missing") {
		t.Errorf("half a run, --partial: status %d\n%s", status, stderr)
	}
}

// What stands for the value of a flag in the help is one word: a command in backquotes
// there would be taken for it.
func TestHelpNamesValuesOfFlagsByOneWord(t *testing.T) {
	word := regexp.MustCompile(`^[A-Za-z]*$`)
	var walk func(*cobra.Command)
	walk = func(cmd *cobra.Command) {
		cmd.LocalFlags().VisitAll(func(f *pflag.Flag) {
			if name, _ := pflag.UnquoteUsage(f); !word.MatchString(name) {
				t.Errorf("%s --%s: its value is called %q", cmd.CommandPath(), f.Name, name)
			}
		})
		for _, sub := range cmd.Commands() {
			walk(sub)
		}
	}
	walk((&app{}).root())
}

// An image that cannot be loaded is told before values of others that are missing, however
// many these are, and of one reason there is one line.
func TestFailuresByTheirReason(t *testing.T) {
	t.Chdir(t.TempDir())
	put(t, "s.yaml", []byte(suiteFile))
	photos(t, "in", 12, true, 0) // z.png is damaged, and the last by name
	status, _, stderr := vtbench(t, "run", "--suite", "s.yaml", "--data", "folder:in", "-m", "+ms-ssim", "-t", "jpeg:q=20", "-t", "jpeg:q=90", "-o", "run", "-q")
	if status != ExitItemsFailed {
		t.Fatalf("status %d: %s", status, stderr)
	}
	var failed []string
	for line := range strings.SplitSeq(stderr, "\n") {
		if strings.Contains(line, ".png: ") {
			failed = append(failed, line)
		}
	}
	if len(failed) != 2 || !strings.Contains(failed[0], "z.png: decoding") || !strings.Contains(failed[1], "ms-ssim: images are") || !strings.HasSuffix(failed[1], "(and 47 more alike)") {
		t.Errorf("12 images that are too small for one metric, by 4 tokenizers, and 1 that cannot be read are told as\n%s", strings.Join(failed, "\n"))
	}
	page, err := os.ReadFile("run/report.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rows, _ := strings.Cut(string(page), "|---|---|---|---|\n| all | all | z.png |")
	if want := "| 4 tokenizers | clean&#64;&#8203;32 | a.png; b.png; c.png and 9 more |"; !strings.Contains(rows, want) {
		t.Errorf("the report has no %q behind z.png:\n%s", want, page)
	}
}
