package plot_test

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"image/png"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/vtbench/vtbench/internal/fixture"
	"github.com/vtbench/vtbench/reports/format"
	"github.com/vtbench/vtbench/reports/plot"
	"github.com/vtbench/vtbench/reports/view"
)

// check renders a drawing every way and holds that the results are pictures.
func check(t *testing.T, name string, d plot.Drawing) []byte {
	t.Helper()
	b, err := d.PNG()
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	if _, err := png.Decode(bytes.NewReader(b)); err != nil {
		t.Errorf("%s: %v", name, err)
	}
	if dir := os.Getenv("VTBENCH_KEEP_PLOTS"); dir != "" { // to look at them
		if err := os.WriteFile(filepath.Join(dir, name+".png"), b, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	svg, err := d.SVG()
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	for dec := xml.NewDecoder(bytes.NewReader(svg)); ; {
		if _, err := dec.Token(); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatalf("%s: its SVG is not XML: %v", name, err)
		}
	}
	if bytes.Contains(svg, []byte("NaN")) || bytes.Contains(svg, []byte("Inf")) {
		t.Errorf("%s: its SVG has coordinates that are no numbers", name)
	}
	if data, ok := plot.DataOf(d); ok { // what a page draws
		b, err := json.Marshal(data)
		if err != nil || bytes.Contains(b, []byte("NaN")) {
			t.Errorf("%s for a page: %v", name, err)
		}
	}
	return svg
}

func TestFiguresOfDamage(t *testing.T) {
	run, err := fixture.Robust(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	v, err := view.New(run)
	if err != nil {
		t.Fatal(err)
	}
	kinds := map[string]int{}
	for _, f := range plot.Figures(v) {
		kinds[fmt.Sprintf("%T %v", f.Figure, f.Grid != "")]++
		if f.Grid == "" {
			continue
		}
		svg := check(t, f.Name, f.Figure)
		for _, want := range []string{"fog", "jpeg:q=20", "motion blur"} {
			if !bytes.Contains(svg, []byte(want)) || !strings.Contains(f.Figure.Describe(), want) {
				t.Errorf("%s does not show %q", f.Name, want)
			}
		}
	}
	// t-ned has one side, psnr two; all have a map and curves.
	if kinds["plot.HeatMap true"] != 3 || kinds["plot.Panels true"] != 3 {
		t.Errorf("figures: %v", kinds)
	}
}

func TestHistogram(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	var same, other []float64
	for range 400 {
		same = append(same, min(1, .72+.1*rng.NormFloat64()))
		other = append(other, .08+.12*rng.NormFloat64())
	}
	same[0] = math.NaN()
	h := plot.Histogram{
		Title: "Similarity of the same and of different people", X: plot.Axis{Label: "F-Sim"},
		Sets:  []plot.Set{{Name: "same person", Values: same}, {Name: "different people", Style: view.Style{Colour: 1}, Values: other}},
		Marks: []plot.Mark{{X: .36, Name: "threshold"}},
	}
	svg := check(t, "histogram", h)
	for _, want := range []string{"same person", "different people", "threshold"} {
		if !bytes.Contains(svg, []byte(want)) {
			t.Errorf("the figure does not name %q", want)
		}
	}
	if d := h.Describe(); !strings.Contains(d, "399 values") {
		t.Errorf("description: %s", d)
	}
}

// Whatever is in the data, something is drawn.
func TestOddShapes(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	long := strings.Repeat("very long name ", 20)
	for name, d := range map[string]plot.Drawing{
		"no-heat":     plot.HeatMap{Title: "nothing"},
		"one-heat":    plot.HeatMap{Title: long, Rows: []string{long}, Cols: []string{long}, Values: [][]float64{{1}}, Style: format.Style{Scale: 1}},
		"odd-heat":    plot.HeatMap{Title: "<&>\x1b", Note: long, Rows: []string{"a", "b<&>"}, Cols: []string{"c", "d"}, Values: [][]float64{{nan, inf}}, Style: format.Style{Scale: 1}},
		"no-panels":   plot.Panels{Title: "nothing"},
		"odd-panels":  plot.Curves("odd", long, []plot.Figure{{Title: long}, {Title: "b", Series: []plot.Series{{Name: long, Points: []plot.Point{{X: 1, Y: nan}, {X: 2, Y: 1}}}}}}),
		"no-values":   plot.Histogram{Title: "nothing"},
		"one-value":   plot.Histogram{Title: "one", Sets: []plot.Set{{Name: "a", Values: []float64{2}}, {Name: "b", Values: []float64{nan, inf}}}},
		"log-figure":  plot.Figure{Title: "log", X: plot.Axis{Log: true}, Y: plot.Axis{Log: true}, Series: []plot.Series{{Name: "a", Points: []plot.Point{{X: 1e-6, Y: 1e6, Lo: -1, Hi: 2e6}}}}},
		"many-series": many(),
	} {
		check(t, name, d)
	}
}

func many() plot.Figure {
	f := plot.Figure{Title: "many", Side: true, Families: [][]int{{0, 1, 99, -1}}}
	for i := range 70 {
		f.Series = append(f.Series, plot.Series{Name: fmt.Sprintf("tokenizer %d", i), Style: view.Style{Colour: i, Marker: i}, Points: []plot.Point{{X: 1, Y: float64(i)}, {X: 2, Y: float64(i * i)}}, Line: true})
	}
	return f
}
