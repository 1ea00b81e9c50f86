package plot_test

import (
	"bytes"
	"image/png"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/vtbench/vtbench/internal/fixture"
	"github.com/vtbench/vtbench/reports/plot"
	"github.com/vtbench/vtbench/reports/view"
)

func TestFiguresOfARun(t *testing.T) {
	run, err := fixture.Text(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	v, err := view.New(run)
	if err != nil {
		t.Fatal(err)
	}
	figures := plot.Figures(v)
	if want := 4 * len(v.Sections()); len(figures) != want { // without corruptions
		t.Errorf("%d figures, want %d", len(figures), want)
	}
	names := map[string]bool{}
	for _, f := range figures {
		if names[f.Name] {
			t.Errorf("two figures are named %s", f.Name)
		}
		names[f.Name] = true
	}
	dir := t.TempDir()
	if d := os.Getenv("VTBENCH_KEEP_PLOTS"); d != "" {
		dir = d // to look at them
	}
	for _, f := range figures[:4] {
		base := filepath.Join(dir, f.Name)
		if err := plot.Save(f.Figure, base); err != nil {
			t.Fatal(err)
		}
		b, err := os.ReadFile(base + ".png")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := png.Decode(bytes.NewReader(b)); err != nil {
			t.Errorf("%s: %v", f.Name, err)
		}
		svg, err := os.ReadFile(base + ".svg")
		if err != nil {
			t.Fatal(err)
		}
		for _, tok := range []string{"jpeg:q=20", "kl:patch"} {
			if strings.HasPrefix(f.Name, "rate") && strings.HasPrefix(tok, "kl") {
				continue // no rate
			}
			if !bytes.Contains(svg, []byte(tok)) {
				t.Errorf("%s does not name %s", f.Name, tok)
			}
		}
	}
}

// Whatever is in the data, a figure is drawn.
func TestOddData(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	for name, s := range map[string][]plot.Series{
		"nothing":  nil,
		"one":      {{Name: "a", Points: []plot.Point{{X: 1, Y: 2, Lo: nan, Hi: nan}}}},
		"nan":      {{Name: "a", Points: []plot.Point{{X: nan, Y: 2, Lo: nan, Hi: nan}, {X: 1, Y: inf, Lo: nan, Hi: nan}}}},
		"constant": {{Name: "a", Points: []plot.Point{{X: 1, Y: 2, Lo: 2, Hi: 2}, {X: 1, Y: 2, Lo: 2, Hi: 2}}}},
		"zero":     {{Name: "a", Points: []plot.Point{{}}}, {Name: "<b>&\n", Points: []plot.Point{{X: 3, Y: 1, Lo: 0, Hi: 2}}}},
	} {
		for _, log := range []bool{false, true} {
			f := plot.Figure{Title: name, X: plot.Axis{Log: log}, Series: s}
			if _, err := f.PNG(); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			if _, err := f.SVG(); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}
