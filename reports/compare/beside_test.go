package compare

import (
	"bytes"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/vtbench/vtbench/bench/compare"
	"github.com/vtbench/vtbench/bench/record"
	"github.com/vtbench/vtbench/metrics"
)

func TestBeside(t *testing.T) {
	front := func(metric, title string, ours, theirs float64) compare.Front {
		return compare.Front{
			Dataset: "text-default", Condition: "clean@256", Metric: metric, Title: title, Better: metrics.Higher, Show: metrics.Percent(1),
			Points: []compare.FrontPoint{
				{Name: "main#vq", Role: "baseline", Source: compare.FromRun, Value: 0.1, N: 9},
				{Name: "them#tok", Role: "baseline", Source: compare.Imported, Dataset: "tokbench", Value: record.Number(theirs), N: 1200},
				{Name: "pr#vq", Role: "candidate", Source: compare.FromRun, Value: record.Number(ours), N: 9},
			},
		}
	}
	r := &compare.Report{Schema: compare.ReportVersion, Fronts: []compare.Front{front("t-acc", "T-ACC", .25, .5), front("t-ned", "T-NED", .25, .5)}}
	want := []string{"imported, beside and not tested: them#tok on tokbench, clean, 256 px: T-ACC 50.0 % (n 1,200), T-NED 50.0 % (n 1,200); " +
		"here pr#vq on text-default: T-ACC 25.0 %, T-NED 25.0 %"}
	if d := cmp.Diff(want, Beside(r)); d != "" {
		t.Error(d)
	}
	for _, f := range []string{FormatTable, FormatMarkdown} {
		var b bytes.Buffer
		if err := Write(&b, f, r, Options{}); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(b.String(), "not tested") || !strings.Contains(b.String(), "50.0") {
			t.Errorf("%s does not show the published result:\n%s", f, b.String())
		}
	}
	r.Fronts[0].Points = r.Fronts[0].Points[1:2]
	if got := Beside(&compare.Report{Fronts: r.Fronts[:1]}); len(got) != 1 || strings.Contains(got[0], "here") {
		t.Errorf("without anything of our own: %q", got)
	}
}
