package main

import (
	"fmt"
	"path/filepath"
	"strings"

	"github.com/vtbench/vtbench/bench/summary"
	"github.com/vtbench/vtbench/internal/wholefile"
	"github.com/vtbench/vtbench/reports/format"
	"github.com/vtbench/vtbench/reports/plot"
	"github.com/vtbench/vtbench/reports/view"
	"github.com/vtbench/vtbench/tokenizers"
	"github.com/vtbench/vtbench/tokenizers/quant"
)

// plotted are the figures: what is read of text, and how far the pixels of photographs
// are.
var plotted = []struct{ dataset, metric, what string }{
	{"text-small", tned, "text"}, {"photos-small", "psnr", "photographs"},
}

// plots draws every rule and preset over its coded rate, a figure for each group of
// them and each metric, named by the preset alone so that it can be read.
func plots(run, folder string) error {
	r, err := summary.Open(run, nil)
	if err != nil {
		return err
	}
	v, err := view.New(r)
	if err != nil {
		return err
	}
	groups := map[string][]tokenizers.Kind{}
	var order []string
	for _, k := range quant.Kinds() {
		if groups[k.Group] == nil {
			order = append(order, k.Group)
		}
		groups[k.Group] = append(groups[k.Group], k)
	}
	for _, p := range plotted {
		spec, _ := v.Metric(p.metric)
		st := format.For(spec)
		label := spec.Title
		if st.Unit != "" {
			label += " (" + st.Unit + ")"
		}
		c, ok := v.Condition("clean@256")
		if !ok {
			return fmt.Errorf("%s has no images at 256 pixels", run)
		}
		var bounds []string // without a rate
		for _, group := range order {
			f := plot.Figure{
				Title: strings.ToUpper(group[:1]) + group[1:] + ": rate against " + spec.Title + " of " + p.what,
				X:     plot.Axis{Label: "bits per pixel, entropy-coded (logarithmic)", Log: true},
				Y:     plot.Axis{Label: label + ", higher is better", Scale: st.Scale},
			}
			for i, k := range groups[group] {
				t, ok := v.Token(k.Example)
				if !ok {
					return fmt.Errorf("%s is not in the run %s: it belongs into tokenizers/quant/claims/rules.yaml", k.Example, run)
				}
				cell := v.Head(t, p.dataset, c, p.metric)
				rate := v.Rate(t.Name, p.dataset, c.Key)
				if !rate.OK() {
					bounds = append(bounds, fmt.Sprintf("%s (no rate): %s %s", k.Example, st.Number(cell.Mean), st.Unit))
					continue
				}
				f.Series = append(f.Series, plot.Series{
					Name:   k.Name,
					Style:  view.Style{Colour: i % len(view.Palette), Marker: i % view.Markers},
					Points: []plot.Point{{X: rate.BPP, Y: cell.Mean, Lo: cell.Lo, Hi: cell.Hi}},
				})
			}
			if len(f.Series) == 0 {
				continue
			}
			f.Note = "Settings are those of the table. " + strings.Join(bounds, ", ") + "."
			name := fmt.Sprintf("rules-%s-%s.png", strings.Fields(group)[0], p.metric)
			b, err := f.PNG()
			if err != nil {
				return err
			}
			if err := wholefile.Write(filepath.Join(folder, name), b); err != nil {
				return err
			}
		}
	}
	return nil
}
