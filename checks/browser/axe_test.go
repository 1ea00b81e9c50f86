package browser_test

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/vtbench/vtbench/internal/fixture"
	shown "github.com/vtbench/vtbench/reports/compare"
)

//go:embed testdata/axe/axe.min.js
var axe string

// finding is what axe-core says of a page.
type finding struct {
	ID, Impact, Help string
	Nodes            []struct{ HTML, FailureSummary string }
}

// accessible runs axe-core on the page as it is now: everything it knows, and nothing
// may be serious or critical.
func (x *tab) accessible(name string) {
	x.t.Helper()
	x.run(axe + `; window.axe = axe`)
	out := value[string](x, `axe.run(document, { resultTypes: ['violations'] }).then(r => JSON.stringify({ v: r.violations.map(v => ({ ID: v.id, Impact: v.impact, Help: v.help, Nodes: v.nodes.slice(0, 3).map(n => ({ HTML: n.html.slice(0, 200), FailureSummary: n.failureSummary })) })), n: r.passes.length }))`)
	var got struct {
		V []finding
		N int
	}
	if err := json.Unmarshal([]byte(out), &got); err != nil {
		x.t.Fatal(err)
	}
	minor := 0
	for _, f := range got.V {
		if f.Impact != "serious" && f.Impact != "critical" {
			minor++
			x.t.Logf("%s: %s (%s): %s", name, f.ID, f.Impact, f.Help)
			continue
		}
		for _, n := range f.Nodes {
			x.t.Errorf("%s: %s (%s): %s: %s\n%s", name, f.ID, f.Impact, f.Help, n.HTML, n.FailureSummary)
		}
	}
	x.t.Logf("%s: %d rules hold, %d findings are serious, %d are not", name, got.N, len(got.V)-minor, minor)
}

// axe-core has no serious finding on any page, light and dark, wide and narrow, with an
// item open and without.
func TestAccessible(t *testing.T) {
	comparison := comparisonPage(t)
	for _, s := range []size{desktop, phone} {
		for _, dark := range []bool{false, true} {
			t.Run(fmt.Sprintf("%d-dark-%t", s.w, dark), func(t *testing.T) {
				for name, dir := range map[string]string{"items": items(t, 60), "text": text(t)} {
					x := open(t, filepath.Join(dir, "report.html"), s, dark)
					x.settle()
					x.accessible(name)
					x.run(`document.querySelector('#g-help').open = true; document.querySelector('#g-grid .tile').click()`)
					x.wait(`document.querySelector('#g-view').open`)
					x.settle()
					x.accessible(name + ", an item")
				}
				x := open(t, comparison, s, dark)
				x.shot(fmt.Sprintf("compare-%d-dark-%t", s.w, dark))
				x.accessible("comparison")
				if over := value[float64](x, `document.documentElement.scrollWidth - innerWidth`); over > 0 {
					t.Errorf("the comparison is %g pixels wider than the window", over)
				}
			})
		}
	}
}

// comparisonPage writes a comparison as a page, and returns where it is.
func comparisonPage(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "compare.html")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := shown.HTML(f, fixture.Comparison(), shown.Options{}); err != nil {
		t.Fatal(err)
	}
	return path
}
