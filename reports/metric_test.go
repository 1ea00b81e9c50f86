package reports_test

import (
	"bytes"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/vtbench/vtbench/bench/compare"
	"github.com/vtbench/vtbench/bench/record"
	"github.com/vtbench/vtbench/internal/fixture"
	"github.com/vtbench/vtbench/metrics"
	shown "github.com/vtbench/vtbench/reports/compare"
	"github.com/vtbench/vtbench/reports/html"
	"github.com/vtbench/vtbench/reports/markdown"
	"github.com/vtbench/vtbench/reports/plot"
	"github.com/vtbench/vtbench/reports/table"
	"github.com/vtbench/vtbench/reports/view"
)

// zigzag is a metric that nobody has heard of, as its own folder would state it.
var zigzag = metrics.Spec{
	ID: "zigzag", Version: 3, Title: "Zigzag", Unit: "zz", Better: metrics.Lower, Min: 0, Max: 400, Scope: metrics.PerImage, Source: "made up",
	Role: metrics.RoleQuality, Show: metrics.Fixed(1), Margin: metrics.Margin{Absolute: 7}, Short: "how much it zigs", Long: "And how much it zags.",
}

// A new metric touches its own folder and one line: tables, pages, figures, comparisons
// and gates show it as its spec says, since none of them knows a metric.
func TestAMetricIsItsSpec(t *testing.T) {
	run := fixture.Numbers("a")
	m := &run.Manifest
	m.Suite.Metrics, m.Suite.Headline = append([]string{zigzag.ID}, m.Suite.Metrics...), []string{zigzag.ID}
	m.Metrics = append([]metrics.Spec{zigzag}, m.Metrics...)
	value := 0.
	for _, r := range slices.Clone(run.Summary.Rows) {
		if r.Metric == "ssim" {
			value += 11.25
			r.Metric, r.Mean, r.Lo, r.Hi = zigzag.ID, record.Number(value), record.Number(value-3), record.Number(value+3)
			run.Summary.Rows = append(run.Summary.Rows, r)
		}
	}
	v, err := view.New(run)
	if err != nil {
		t.Fatal(err)
	}
	has := func(where, text string, wants ...string) {
		t.Helper()
		for _, want := range wants {
			if !strings.Contains(text, want) {
				t.Errorf("%s does not say %q", where, want)
			}
		}
	}
	var b bytes.Buffer
	if err := table.View(&b, v, table.Options{Width: 100}); err != nil {
		t.Fatal(err)
	}
	has("the table", b.String(), "Zigzag↓ (zz)", "11.2±3.0", "worst (zz)")
	has("Markdown", markdown.Report(v, nil), "Zigzag", "how much it zigs; lower is better", "And how much it zags.")
	page, err := html.Report(v, nil, html.Options{})
	if err != nil {
		t.Fatal(err)
	}
	has("the page", string(page.HTML), "Zigzag", "how much it zigs", "And how much it zags.", "zz")
	names := ""
	for _, f := range plot.Figures(v) {
		names += f.Name + " " + f.Caption + " " + f.Figure.Heading() + "\n"
	}
	has("the figures", names, "rate-zigzag-", "rate against Zigzag")

	header := compare.Header{Headline: []string{zigzag.ID}, Metrics: []metrics.Spec{zigzag}, Datasets: []compare.DatasetID{{Name: "d"}}, Tokens: []compare.TokenID{{Name: "tok"}}}
	has("the gates", compare.InitGates(&header), `{metric: "zigzag", amount: "7"} # zz`, "metric: zigzag, level: error")
	side := func(name string, more float64) *compare.Results {
		build := compare.NewBuilder(name, header)
		for i := range 30 {
			build.Add(&record.Record{Tokenizer: "tok", Dataset: "d", Item: fmt.Sprint(i), Condition: "clean@256", Metric: zigzag.ID, Value: record.Num(100 + 10*math.Sin(float64(i)) + more)})
		}
		r, err := build.Results()
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	for more, want := range map[float64]compare.Verdict{6: compare.Equivalent, 9: compare.Worse} {
		report, err := compare.Compare([]compare.Side{{Results: side("base", 0)}}, compare.Side{Results: side("cand", more)}, compare.Options{Resamples: 199})
		if err != nil {
			t.Fatal(err)
		}
		if x := report.Rows[0]; x.Verdict != want || x.Margin != 7 {
			t.Errorf("%g more is %s with the margin %g, want %s", more, x.Verdict, x.Margin, want)
		}
		b.Reset()
		if err := shown.Terminal(&b, report, shown.TerminalOptions{Width: 100}); err != nil {
			t.Fatal(err)
		}
		has("the comparison", b.String(), "Zigzag↓ (zz)", fmt.Sprintf("+%.1f", more))
	}
}
