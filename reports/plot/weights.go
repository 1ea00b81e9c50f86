package plot

import (
	"fmt"
	"math"
	"strings"

	"github.com/vtbench/vtbench/reports/view"
)

// bySize draws a metric over the size of the files that the weights of one network take,
// a line for each rule, and where each falls out of the interval of the whole network.
func bySize(v *view.View, s view.Section, id string) (Figure, bool) {
	spec, ok := v.Metric(id)
	if !ok {
		return Figure{}, false
	}
	curves, full := v.Sizes(s, id)
	f := Figure{
		Title: "Size of the weights against " + spec.Title + ", " + v.Title(s),
		X:     Axis{Label: "megabytes of the file of all weights (logarithmic)", Log: true},
		Y:     AxisOf(spec),
	}
	points := 0
	for i, c := range curves {
		line := Series{Name: c.Name, Style: view.Style{Colour: i % len(view.Palette), Marker: i % view.Markers}, Line: true}
		for _, p := range c.Points {
			line.Points = append(line.Points, Point{X: float64(p.Bytes) / 1e6, Y: p.Cell.Mean, Lo: p.Cell.Lo, Hi: p.Cell.Hi, XLo: math.NaN(), XHi: math.NaN()})
			points++
		}
		f.Series = append(f.Series, line)
	}
	if points < 3 {
		return Figure{}, false
	}
	var notes []string
	if full.Bytes > 0 {
		f.Series = append(f.Series, Series{
			Name: full.Token.Name, Style: full.Token.Style,
			Points: []Point{{X: float64(full.Bytes) / 1e6, Y: full.Cell.Mean, Lo: full.Cell.Lo, Hi: full.Cell.Hi, XLo: math.NaN(), XHi: math.NaN()}},
		})
		if falls := view.Falls(curves, full, spec); len(falls) > 0 {
			notes = append(notes, fmt.Sprintf("Outside the interval of %s: %s.", full.Token.Name, strings.Join(falls, "; ")))
		} else {
			notes = append(notes, fmt.Sprintf("None is outside the interval of %s.", full.Token.Name))
		}
	}
	if best := view.Best(curves, spec); len(best) > 0 {
		notes = append(notes, "Best at "+strings.Join(best, ", at ")+".")
	}
	f.Note = strings.Join(notes, " ")
	return f, true
}
