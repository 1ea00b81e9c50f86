package view

import (
	"slices"

	"github.com/vtbench/vtbench/datasets"
	"github.com/vtbench/vtbench/metrics"
)

// About is what a data set says of itself: what it shows, and its licence.
func About(d datasets.Info) string {
	out := ""
	if d.Title != "" {
		out += "; " + d.Title
	}
	if d.Licence != "" {
		out += "; " + d.Licence
	}
	return out
}

// Credits are those of all that the page may show, each once.
func (v *View) Credits() []datasets.Credit {
	var out []datasets.Credit
	for _, d := range v.Datasets {
		for _, c := range d.Credits {
			if !slices.Contains(out, c) {
				out = append(out, c)
			}
		}
	}
	return out
}

// BetterWord is "higher is better", "lower is better" or "".
func BetterWord(d metrics.Direction) string {
	switch d {
	case metrics.Higher:
		return "higher is better"
	case metrics.Lower:
		return "lower is better"
	}
	return ""
}
