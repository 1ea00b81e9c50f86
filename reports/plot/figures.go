package plot

import (
	"fmt"
	"math"

	"github.com/vtbench/vtbench/metrics"
	"github.com/vtbench/vtbench/reports/format"
	"github.com/vtbench/vtbench/reports/view"
)

// Named is a figure with the name of its files and what it shows, for alt texts.
type Named struct {
	Name    string // "t-acc-by-scale-256"
	Caption string
	Figure  Figure
}

// Figures are the figures of a page: for every section the headline score by
// scale bin, rate against score and PSNR, and PSNR against score.
func Figures(v *view.View) []Named {
	var out []Named
	if len(v.Headline) == 0 {
		return nil
	}
	for _, s := range v.Sections() {
		suffix := format.Slug(s.Dataset.Name + "-" + s.Condition.Key)
		if f, ok := byScale(v, s, v.Headline[0]); ok {
			out = append(out, Named{v.Headline[0] + "-by-scale-" + suffix, "Score by size of the text, with 95 % intervals: what is lost first.", f})
		}
		score := scoreMetric(v)
		for _, id := range []string{score, "psnr"} {
			if f, ok := against(v, s, "", id); ok {
				out = append(out, Named{"rate-" + id + "-" + suffix, "What a bit buys: rate against " + title(v, id) + ".", f})
			}
		}
		if score != "psnr" {
			if f, ok := against(v, s, "psnr", score); ok {
				out = append(out, Named{"psnr-" + score + "-" + suffix, "Where pixel metrics mislead: equal PSNR, other legibility.", f})
			}
		}
	}
	return out
}

// scoreMetric is the graded headline metric where there is one: a share of exact
// matches hides what a graded score shows.
func scoreMetric(v *view.View) string {
	for _, id := range v.Headline {
		if id == "t-ned" || id == "f-sim" {
			return id
		}
	}
	return v.Headline[0]
}

func title(v *view.View, id string) string {
	spec, _ := v.Metric(id)
	return spec.Title
}

func axis(spec metrics.Spec) Axis {
	st := format.For(spec)
	label := spec.Title
	if st.Unit != "" {
		label += " (" + st.Unit + ")"
	}
	switch spec.Better {
	case metrics.Higher:
		label += ", higher is better"
	case metrics.Lower:
		label += ", lower is better"
	}
	return Axis{Label: label, Scale: st.Scale}
}

func byScale(v *view.View, s view.Section, id string) (Figure, bool) {
	g := v.Grid(s.Dataset.Name, s.Condition.Key, id)
	if len(g.Bins) < 2 || len(g.Rows) == 0 {
		return Figure{}, false
	}
	f := Figure{Title: g.Metric.Title + " by size, " + v.Title(s), Y: axis(g.Metric), Side: true}
	for _, b := range g.Bins {
		f.X.Names = append(f.X.Names, binLabel(v, s, b))
	}
	n := float64(len(g.Rows))
	for i, r := range g.Rows {
		ser := Series{Name: r.Token.Name, Style: r.Token.Style, Line: true}
		// Side by side within the bin, so that intervals do not cover each other.
		dodge := (float64(i) - (n-1)/2) * 0.5 / n
		for b, c := range r.Cells {
			ser.Points = append(ser.Points, Point{float64(b) + dodge, c.Mean, c.Lo, c.Hi})
		}
		f.Series = append(f.Series, ser)
	}
	return f, true
}

// binLabel is a bin with its edges: "small .02–.03".
func binLabel(v *view.View, s view.Section, bin string) string {
	b := v.Suite.Bins
	if b == nil {
		return bin
	}
	edges := b.Edges[s.Condition.Resolution]
	for i, name := range b.Names {
		if name != bin || i+1 >= len(edges) {
			continue
		}
		if edges[i+1] >= 1 {
			return fmt.Sprintf("%s (from %g)", bin, edges[i])
		}
		return fmt.Sprintf("%s (%g to %g)", bin, edges[i], edges[i+1])
	}
	return bin
}

// against draws the metric y over the metric x, or over the rate where x is "".
func against(v *view.View, s view.Section, x, y string) (Figure, bool) {
	spec, ok := v.Metric(y)
	if !ok {
		return Figure{}, false
	}
	f := Figure{Y: axis(spec)}
	if x == "" {
		f.Title = "Rate against " + spec.Title + ", " + v.Title(s)
		f.X = Axis{Label: "bits per pixel the tokenizer saw (logarithmic)", Log: true}
	} else {
		xs, ok := v.Metric(x)
		if !ok {
			return Figure{}, false
		}
		f.Title = xs.Title + " against " + spec.Title + ", " + v.Title(s)
		f.X = axis(xs)
	}
	points := 0
	for _, t := range v.Tokens {
		c := v.Head(t, s.Dataset.Name, s.Condition, y)
		p := Point{Y: c.Mean, Lo: c.Lo, Hi: c.Hi}
		if x == "" {
			r := v.Rate(t.Name, s.Dataset.Name, s.Condition.Key)
			if !r.OK() {
				continue
			}
			p.X = r.BPP
		} else {
			p.X = v.Head(t, s.Dataset.Name, s.Condition, x).Mean
		}
		if math.IsNaN(p.X) || math.IsInf(p.X, 0) || math.IsNaN(p.Y) {
			continue
		}
		points++
		f.Series = append(f.Series, Series{Name: t.Name, Style: t.Style, Points: []Point{p}})
	}
	return f, points >= 2
}
