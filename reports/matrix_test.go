package reports_test

import (
	"bytes"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/vtbench/vtbench/bench/record"
	"github.com/vtbench/vtbench/bench/summary"
	"github.com/vtbench/vtbench/datasets"
	"github.com/vtbench/vtbench/internal/fixture"
	"github.com/vtbench/vtbench/metrics"
	"github.com/vtbench/vtbench/reports/html"
	"github.com/vtbench/vtbench/reports/markdown"
	"github.com/vtbench/vtbench/reports/table"
	"github.com/vtbench/vtbench/reports/view"
)

// withMatrices is a run with a metric by class, steps between resolutions, credits and
// shares of the work.
func withMatrices(t *testing.T) *view.View {
	t.Helper()
	r := fixture.Numbers(filepath.Join(t.TempDir(), "run"))
	r.Manifest.Datasets[0].Credits = []datasets.Credit{{Title: "The <sea>", Author: "A. Nybody", Licence: "CC-BY-4.0", Source: "wallpapers (debian)"}}
	r.Manifest.Metrics = append(slices.Clone(r.Manifest.Metrics), metrics.Spec{
		ID: "miou", Version: 1, Title: "mIoU", Unit: "share", Better: metrics.Higher, Min: 0, Max: 1, Scope: metrics.PerInstance, ByClass: true, Weighted: true, Labels: true,
		Show: metrics.Percent(1), Role: metrics.RoleQuality, Source: "x", Short: "overlap", Long: "overlap",
	})
	r.Manifest.Suite.Metrics = append(slices.Clone(r.Manifest.Suite.Metrics), "miou")
	r.Manifest.Suite.Headline = append([]string{"miou"}, r.Manifest.Suite.Headline...)
	d := r.Manifest.Datasets[0].Name
	cond := r.Manifest.Suite.Conditions()[0].String()
	for i, tok := range r.Manifest.Tokenizers {
		for j, class := range []string{"road", "traffic light", summary.BinMean, summary.BinAll} {
			mean := 1 - .1*float64(i)*float64(j+1)
			r.Summary.Rows = append(r.Summary.Rows, summary.Row{
				Tokenizer: tok.Name, Dataset: d, Condition: cond, Metric: "miou", Bin: class,
				Mean: record.Number(mean), Lo: record.Number(mean - .05), Hi: record.Number(mean + .01), N: 40, Clusters: 40,
			})
		}
		row := summary.TransferRow{
			Tokenizer: tok.Name, Dataset: d, Metric: "miou", From: "clean@256", To: "clean@native",
			Before: .5, After: .625, Delta: .125, Lo: .1, Hi: .15, N: 40, Clusters: 40,
		}
		if i == 1 {
			row.Warnings = []string{summary.OtherImages}
		}
		r.Summary.Transfer = append(r.Summary.Transfer, row)
	}
	r.Performance.Stages = []summary.Stage{{Name: "tokenizers", Seconds: 1, Share: .25}, {Name: "metrics", Seconds: 3, Share: .75}}
	v, err := view.New(r)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// Classes are lines of a table of their own, never columns; steps between resolutions are
// in the terminal, too; whose photographs are shown is said.
func TestMatricesAndCredits(t *testing.T) {
	v := withMatrices(t)
	var terminal bytes.Buffer
	if err := table.View(&terminal, v, table.Options{Width: 80}); err != nil {
		t.Fatal(err)
	}
	page, err := html.Report(v, nil, html.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		text string
		want []string
		not  []string
	}{
		"terminal": {terminal.String(), []string{"mIoU↑ from resolution to resolution", "→ native size", "+12.5", "*: some values are missing"}, []string{"  road"}},
		"markdown": {markdown.Report(v, nil), []string{
			"### mIoU by class", "| traffic light | ", "| → native size |", "+12.5 [10.0, 15.0]", `+12.5&#42; [`,
			"sea", "A. Nybody", "wallpapers", "tokenizers 25.0 %, metrics 75.0 %",
		}, []string{"| road | traffic light |", "<sea>"}},
		"html": {string(page.HTML), []string{
			"<h2>Classes</h2>", `<th scope="row">traffic light</th>`, "<h2>Resolutions</h2>", "&#43;12.5", "<td>The &lt;sea&gt;</td><td>A. Nybody</td>", "tokenizers 25.0 %, metrics 75.0 %",
		}, []string{`<button type="button">traffic light</button>`, "<sea>"}},
	} {
		for _, want := range c.want {
			if !strings.Contains(c.text, want) {
				t.Errorf("%s lacks %q", name, want)
			}
		}
		for _, not := range c.not {
			if strings.Contains(c.text, not) {
				t.Errorf("%s has %q", name, not)
			}
		}
	}
	for line := range strings.Lines(terminal.String()) {
		if n := len([]rune(strings.TrimRight(line, "\n"))); n > 80 {
			t.Errorf("a line of %d columns: %s", n, line)
		}
	}
}
