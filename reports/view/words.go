package view

import (
	"slices"
	"strings"

	"github.com/vtbench/vtbench/bench/record"
	"github.com/vtbench/vtbench/datasets"
	"github.com/vtbench/vtbench/metrics"
	"github.com/vtbench/vtbench/reports/format"
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

// Units are what a metric has values of: "instances", "tracks"; "frames" of films where
// others have images.
func Units(films bool, m metrics.Spec) string {
	switch m.Scope {
	case metrics.PerInstance:
		return "instances"
	case metrics.PerStep:
		return "steps between frames"
	case metrics.PerClip:
		return "clips"
	case metrics.PerTrack:
		return "tracks"
	}
	if films {
		return "frames"
	}
	return "images"
}

// Size is how much there is of a data set: "240 images", "6 clips, 288 frames".
func Size(items, clips int) string {
	if clips > 0 {
		return format.Plural(clips, "clip", "clips") + ", " + format.Plural(items, "frame", "frames")
	}
	return format.Plural(items, "image", "images")
}

// Films are the data sets of a run that are films.
func (r Run) Films() []record.DatasetEntry {
	return slices.DeleteFunc(slices.Clone(r.Manifest.Datasets), func(d record.DatasetEntry) bool { return len(d.Clips) == 0 })
}

// Drawn says in words what is drawn for intervals, and of what kind others would be.
func (r Run) Drawn() (what, kind string) {
	const people = "images (or the people shown)"
	switch n := len(r.Films()); {
	case n == 0:
		return people, "images"
	case n == len(r.Manifest.Datasets):
		return "clips, each with all its frames", "clips"
	}
	return people + " and clips, each with all its frames", "images and clips"
}

// Films reports whether the page shows films.
func (v *View) Films() bool {
	return slices.ContainsFunc(v.Datasets, func(d record.DatasetEntry) bool { return len(d.Clips) > 0 })
}

// Samples are what is independent of each other, and drawn for intervals.
func (v *View) Samples() string {
	films := 0
	for _, d := range v.Datasets {
		if len(d.Clips) > 0 {
			films++
		}
	}
	switch films {
	case 0:
		return "images or people"
	case len(v.Datasets):
		return "clips"
	}
	return "images, people or clips"
}

// ByFrameNote says what ByFrameMark means; "" where no tokenizer has it.
func (v *View) ByFrameNote() string {
	marked, others := false, false
	for _, t := range v.Tokens {
		marked = marked || strings.HasSuffix(t.Name, ByFrameMark)
		others = others || t.Info.Clips != nil
	}
	switch {
	case !marked:
		return ""
	case others:
		return ByFrameMark + ": a tokenizer of images, which codes every frame by itself; the others code frames together"
	}
	return ByFrameMark + ": a tokenizer of images, which codes every frame by itself"
}
