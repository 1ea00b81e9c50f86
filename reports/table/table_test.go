package table_test

import (
	"bytes"
	"flag"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/olekukonko/tablewriter/pkg/twwidth"

	"github.com/vtbench/vtbench/bench/record"
	"github.com/vtbench/vtbench/bench/summary"
	"github.com/vtbench/vtbench/internal/fixture"
	"github.com/vtbench/vtbench/metrics"
	"github.com/vtbench/vtbench/reports/table"
	"github.com/vtbench/vtbench/reports/view"
	"github.com/vtbench/vtbench/tokenizers"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got; -update rewrites it):\n%s", path, diff)
	}
}

// made is the fixture, made once: its pictures take time and are not needed here.
var made = sync.OnceValues(func() (*summary.Run, error) {
	dir, err := os.MkdirTemp("", "vtbench-table-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	return fixture.Text(dir)
})

// text returns a run that a test may change.
func text(t *testing.T) *summary.Run {
	t.Helper()
	run, err := made()
	if err != nil {
		t.Fatal(err)
	}
	out := *run
	out.Manifest.Tokenizers = slices.Clone(run.Manifest.Tokenizers)
	out.Summary.Rows = slices.Clone(run.Summary.Rows)
	return &out
}

func TestHeadlineFits(t *testing.T) {
	run := text(t)
	for _, width := range []int{80, 120} {
		var b bytes.Buffer
		if err := table.Headline(&b, run, table.Options{Width: width}); err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(b.String()) {
			if n := len([]rune(strings.TrimRight(line, "\n"))); n > width && !strings.HasPrefix(line, "note:") {
				t.Errorf("at %d columns a line has %d: %s", width, n, line)
			}
		}
		golden(t, "headline"+map[int]string{80: "80", 120: "120"}[width]+".txt", b.String())
	}
}

func TestHeadlineOfARobustnessRun(t *testing.T) {
	run, err := fixture.Robust(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := table.Headline(&b, run, table.Options{Width: 80}); err != nil {
		t.Fatal(err)
	}
	golden(t, "robust80.txt", b.String())
}

func TestWidthFromTheEnvironment(t *testing.T) {
	run := text(t)
	t.Setenv("COLUMNS", "60")
	var b bytes.Buffer
	if err := table.Headline(&b, run, table.Options{}); err != nil {
		t.Fatal(err)
	}
	widest := 0
	for line := range strings.Lines(b.String()) {
		widest = max(widest, twwidth.Width(strings.TrimRight(line, "\n")))
	}
	if widest > 60+20 { // the numbers of four bins need more than 60 beside any name
		t.Errorf("the widest line has %d columns", widest)
	}
}

// Wide and combining characters take the columns that a terminal gives them.
func TestWideNames(t *testing.T) {
	run := text(t)
	const wide = "分词器:补丁=8,码本=1024的长长长长名字"
	for i := range run.Summary.Rows {
		if run.Summary.Rows[i].Tokenizer == "jpeg:q=90" {
			run.Summary.Rows[i].Tokenizer = wide
		}
	}
	for i := range run.Manifest.Tokenizers {
		if run.Manifest.Tokenizers[i].Name == "jpeg:q=90" {
			run.Manifest.Tokenizers[i].Name = wide
		}
	}
	var b bytes.Buffer
	if err := table.Headline(&b, run, table.Options{Width: 80}); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(b.String(), "分") || !strings.Contains(b.String(), "…") {
		t.Errorf("the name is not there, or not shortened:\n%s", b.String())
	}
	for line := range strings.Lines(b.String()) {
		if n := twwidth.Width(strings.TrimRight(line, "\n")); n > 80 {
			t.Errorf("a line has %d columns: %s", n, line)
		}
	}
}

// A name can hold anything; a table stays a table.
func TestHostileNames(t *testing.T) {
	run := text(t)
	evil := "a\nb\x1b[31m\tc" + strings.Repeat("x", 300)
	for i := range run.Summary.Rows {
		if run.Summary.Rows[i].Tokenizer == "jpeg:q=90" {
			run.Summary.Rows[i].Tokenizer = evil
		}
	}
	for i := range run.Manifest.Tokenizers {
		if run.Manifest.Tokenizers[i].Name == "jpeg:q=90" {
			run.Manifest.Tokenizers[i].Name = evil
		}
	}
	var b bytes.Buffer
	if err := table.Headline(&b, run, table.Options{Width: 80}); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(b.String(), "\x1b") {
		t.Error("an escape sequence reached the terminal")
	}
	for line := range strings.Lines(b.String()) {
		if n := len([]rune(line)); n > 81 && !strings.HasPrefix(line, "note:") {
			t.Errorf("a line of %d columns: %q", n, line)
		}
	}
}

func TestCSVHoldsEveryRow(t *testing.T) {
	run := text(t)
	v, err := view.New(run)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := table.CSV(&b, v, "t-acc"); err != nil {
		t.Fatal(err)
	}
	want := 0
	for _, r := range run.Summary.Rows {
		if r.Metric == "t-acc" {
			want++
		}
	}
	lines := strings.Split(strings.TrimSpace(b.String()), "\n")
	if len(lines)-1 != want {
		t.Errorf("%d lines for %d rows", len(lines)-1, want)
	}
	if !strings.HasPrefix(lines[0], "tokenizer,dataset,condition,bin,metric,mean,lo,hi,n,clusters,") {
		t.Errorf("header: %s", lines[0])
	}
}

func TestNoValueIsNoNumber(t *testing.T) {
	run := text(t)
	for i := range run.Summary.Rows {
		if r := &run.Summary.Rows[i]; r.Tokenizer == "jpeg:q=90" {
			r.Mean, r.Lo, r.Hi, r.N = record.Number(math.NaN()), record.Number(math.NaN()), record.Number(math.NaN()), 0
		}
	}
	var b bytes.Buffer
	if err := table.Headline(&b, run, table.Options{Width: 120}); err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(b.String()) {
		if strings.HasPrefix(line, "jpeg:q=90") && strings.ContainsAny(strings.TrimPrefix(line, "jpeg:q=90"), "0123456789") {
			t.Errorf("a tokenizer without values shows numbers: %s", line)
		}
	}
}

// What a reader stumbles over is marked and explained: an upper bound below another row,
// an interval that passes a limit, a rate that is blank, a difference without a unit.
func TestMarksAreExplained(t *testing.T) {
	run := text(t)
	for i := range run.Summary.Rows {
		r := &run.Summary.Rows[i]
		if r.Metric != "t-acc" || r.Condition != "clean@256" {
			continue
		}
		switch r.Tokenizer {
		case "resize":
			r.Mean, r.Lo, r.Hi = r.Mean-.1, r.Lo-.1, r.Hi-.1 // below jpeg:q=90
		case "jpeg:q=90":
			r.Mean, r.Lo, r.Hi = .99, .95, 1
		}
	}
	for width, wants := range map[int][]string{
		80:  {"resize*", "*: upper bound", "99.0+1.0−4.0", "+a−b: ends", "worst (pp)", "(pp)", " – small", "–: no bits to count"},
		160: {"99.0 [95.0, 100.0]", "[from, to]: 95 % interval"},
	} {
		var b bytes.Buffer
		if err := table.Headline(&b, run, table.Options{Width: width}); err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(b.String()) {
			if strings.HasPrefix(line, "tokenizer") && strings.Contains(line, "fixed") != strings.Contains(line, "coded") {
				t.Errorf("at %d columns the two rates stand apart: %s", width, line)
			}
		}
		for _, want := range wants {
			if !strings.Contains(b.String(), strings.ReplaceAll(want, "*: upper", "*: an upper")) {
				t.Errorf("at %d columns the table does not say %q:\n%s", width, want, b.String())
			}
		}
	}
}

// Where nothing was lost every PSNR is infinite: that is a result, and no lack of one.
func TestInfinite(t *testing.T) {
	run := text(t)
	run.Manifest.Suite.Headline = []string{"psnr"}
	rows := run.Summary.Rows
	for _, all := range []bool{false, true} {
		run.Summary.Rows = slices.Clone(rows)
		for i := range run.Summary.Rows {
			if r := &run.Summary.Rows[i]; r.Metric == "psnr" && (all || r.Tokenizer == "original" || r.Tokenizer == "resize") {
				r.Dropped = map[string]int{metrics.DropInfinite: r.N, metrics.DropLoad: 1} // what is not there changes nothing
				r.Mean, r.Lo, r.Hi, r.N, r.Clusters = record.NaN, record.NaN, record.NaN, 0, 0
			}
		}
		var b bytes.Buffer
		if err := table.Headline(&b, run, table.Options{}); err != nil {
			t.Fatal(err)
		}
		if n := strings.Count(b.String(), "∞"); !strings.Contains(b.String(), "PSNR") || n < 2 || all && n < len(run.Manifest.Tokenizers) {
			t.Errorf("all %v: %d values are infinite in\n%s", all, n, b.String())
		}
	}
}

// Of networks whose weights were quantized the size stands beside what is lost.
func TestSizesOfQuantizedNetworks(t *testing.T) {
	run := text(t)
	for i := range run.Manifest.Tokenizers {
		switch tok := &run.Manifest.Tokenizers[i]; tok.Name {
		case "vq:patch=8,k=1024":
			tok.Options, tok.Info.WeightBytes = tokenizers.Options{"of": "conv-vq"}, 214_513
		case "vq:patch=16,k=1024":
			tok.Info.WeightBytes = 1_343_044
		}
	}
	for _, width := range []int{80, 140} {
		var b bytes.Buffer
		if err := table.Headline(&b, run, table.Options{Width: width}); err != nil {
			t.Fatal(err)
		}
		for _, want := range []string{" kB ", " 215 ", " 1,343 ", "kB: files of the network"} {
			if !strings.Contains(b.String(), want) {
				t.Errorf("no %q at %d columns in\n%s", want, width, b.String())
			}
		}
	}
}
