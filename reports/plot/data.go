package plot

import (
	"encoding/json"
	"math"
	"strconv"

	"github.com/vtbench/vtbench/reports/format"
	"github.com/vtbench/vtbench/reports/view"
)

// Data is a drawing as a page's script draws it again at any width: axes and points in
// the units that are shown. It marshals to JSON.
type Data struct {
	Title    string       `json:"title"`
	X        DataAxis     `json:"x"`
	Y        DataAxis     `json:"y"`
	Series   []DataSeries `json:"series,omitempty"`
	Families [][]string   `json:"families,omitempty"`
	Marks    []DataMark   `json:"marks,omitempty"`
	Side     bool         `json:"side,omitempty"`
	Panels   []Data       `json:"panels,omitempty"`
	// Section, Metric and Bins say which items are behind a point: bins by the place on X.
	Section string   `json:"section,omitempty"`
	Metric  string   `json:"metric,omitempty"`
	Bins    []string `json:"bins,omitempty"`
}

// DataAxis is an [Axis].
type DataAxis struct {
	Label string   `json:"label,omitempty"`
	Log   bool     `json:"log,omitempty"`
	Min   float64  `json:"min,omitempty"`
	Max   float64  `json:"max,omitempty"`
	Names []string `json:"names,omitempty"`
}

// DataSeries is a [Series]: points are x, y, the ends of the intervals of y and x, and 1
// where the mark is hollow. With Step, points are the left edges of bars that wide.
type DataSeries struct {
	Name   string   `json:"name"`
	Light  string   `json:"light,omitempty"`
	Dark   string   `json:"dark,omitempty"`
	Marker int      `json:"marker,omitempty"`
	Line   bool     `json:"line,omitempty"`
	Steps  bool     `json:"steps,omitempty"`
	Step   float64  `json:"step,omitempty"`
	Points [][]real `json:"points"`
}

// DataMark is a vertical line.
type DataMark struct {
	X    float64 `json:"x"`
	Name string  `json:"name"`
}

// real is a number in JSON with six significant digits, null where it is none.
type real float64

// MarshalJSON implements json.Marshaler.
func (r real) MarshalJSON() ([]byte, error) {
	f := float64(r)
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return []byte("null"), nil
	}
	return strconv.AppendFloat(nil, f, 'g', 6, 64), nil
}

var _ json.Marshaler = real(0)

// DataOf is a drawing for a page's script; ok is false for one that has none.
func DataOf(d Drawing) (Data, bool) {
	switch f := d.(type) {
	case Figure:
		return f.data(), len(f.Series) > 0
	case Panels:
		out := Data{Title: format.Text(f.Title)}
		for _, p := range f.Figures {
			out.Panels = append(out.Panels, p.data())
		}
		return out, len(out.Panels) > 0
	case Histogram:
		return f.data(), len(f.Sets) > 0
	}
	return Data{}, false
}

func (a Axis) data() DataAxis {
	out := DataAxis{Label: format.Text(a.Label), Log: a.Log, Min: a.Min, Max: a.Max}
	for _, n := range a.Names {
		out.Names = append(out.Names, format.Text(n))
	}
	return out
}

func dataSeries(name string, st view.Style) DataSeries {
	out := DataSeries{Name: format.Text(name), Marker: st.Marker}
	if st.Colour >= 0 && st.Colour < len(view.Palette) {
		out.Light, out.Dark = view.Palette[st.Colour], view.DarkPalette[st.Colour]
	}
	return out
}

func (f Figure) data() Data {
	out := Data{Title: format.Text(f.Title), X: f.X.data(), Y: f.Y.data(), Side: f.Side}
	scaleSeries(&f)
	for _, s := range f.Series {
		d := dataSeries(s.Name, s.Style)
		d.Line = s.Line
		for _, p := range s.Points {
			row := []real{real(p.X), real(p.Y), real(p.Lo), real(p.Hi)}
			if p.Hollow || finite(p.XLo, p.XHi) {
				row = append(row, real(p.XLo), real(p.XHi), 0)
			}
			if p.Hollow {
				row[6] = 1
			}
			d.Points = append(d.Points, row)
		}
		out.Series = append(out.Series, d)
	}
	for _, line := range f.Families {
		var names []string
		for _, i := range line {
			if i >= 0 && i < len(f.Series) {
				names = append(names, format.Text(f.Series[i].Name))
			}
		}
		out.Families = append(out.Families, names)
	}
	return out
}

// data counts the sets of a histogram in equal bars, as shares of each.
func (h Histogram) data() Data {
	lo, hi := h.X.Min, h.X.Max
	if lo == 0 && hi == 0 {
		lo, hi = math.Inf(1), math.Inf(-1)
		for _, s := range h.Sets {
			for _, v := range s.Values {
				if finite(v) {
					lo, hi = min(lo, v), max(hi, v)
				}
			}
		}
		if !finite(lo, hi) {
			lo, hi = 0, 1
		}
	}
	bars := h.Bars
	if bars == 0 {
		bars = 40
	}
	scale := orOne(h.X.Scale)
	step := (hi - lo) / float64(bars)
	x := h.X
	x.Min, x.Max = lo*scale, hi*scale
	out := Data{Title: format.Text(h.Title), X: x.data(), Y: DataAxis{Label: "share of the values"}}
	for _, s := range h.Sets {
		d := dataSeries(s.Name, s.Style)
		d.Steps, d.Step = true, step*scale
		counts, n := make([]float64, bars), 0.0
		for _, v := range s.Values {
			if !finite(v) || step <= 0 {
				continue
			}
			counts[max(0, min(bars-1, int((v-lo)/step)))]++
			n++
		}
		for i, c := range counts {
			d.Points = append(d.Points, []real{real((lo + float64(i)*step) * scale), real(c / max(n, 1))})
		}
		out.Series = append(out.Series, d)
	}
	for _, m := range h.Marks {
		out.Marks = append(out.Marks, DataMark{m.X * scale, format.Text(m.Name)})
	}
	return out
}
