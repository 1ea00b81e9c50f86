// Package film arranges what a report shows of films: their frames in order, beside what
// tokenizers made of them, what metrics say from frame to frame, and the track that each
// tokenizer holds worst.
//
// Its opinion: a mean hides whether a word is read steadily or comes and goes. So the track
// that is held worst is shown frame by frame, with what was read in each, and values over
// time are those of single clips: a mean over clips at a frame would mean nothing.
//
//	g, err := gallery.Of(v)
//	films := film.Of(v, g)
//	figures, err := film.Figures(v, g, films)
package film

import (
	"cmp"
	"math"
	"slices"

	"github.com/vtbench/vtbench/bench/record"
	"github.com/vtbench/vtbench/bench/suite"
	"github.com/vtbench/vtbench/metrics"
	"github.com/vtbench/vtbench/reports/gallery"
	"github.com/vtbench/vtbench/reports/view"
)

// A Film is a clip of a data set under an undamaged condition.
type Film struct {
	view.Section
	Clip   record.ClipEntry
	Window int             // frames that tokenizers are given at once
	Frames []*gallery.Item // by frame, up to the last of which something is known; nil where nothing is
	// Kept are the tokenizers, by their places in view.View.Tokens, with pictures of frames;
	// none where no pictures were kept. Shown is how many frames there are up to the last
	// with pictures: of a long clip the beginning is kept.
	Kept  []int
	Shown int
}

// Of lists the films of a page, those with pictures first.
func Of(v *view.View, g *gallery.Gallery) []*Film {
	var out []*Film
	type place struct{ dataset, condition, clip string }
	by := map[place]*Film{}
	window := v.Suite.Window
	if window < 1 {
		window = suite.DefaultWindow
	}
	for _, s := range v.Sections() {
		for _, c := range s.Dataset.Clips {
			f := &Film{Section: s, Clip: c, Window: window}
			by[place{s.Dataset.Name, s.Condition.Key, c.ID}] = f
			out = append(out, f)
		}
	}
	for _, it := range g.Items {
		if it.Clip == "" || it.Instance != "" {
			continue
		}
		if f := by[place{it.Dataset, it.Condition, it.Clip}]; f != nil {
			if more := it.Frame + 1 - len(f.Frames); more > 0 { // a manifest may state any number
				f.Frames = append(f.Frames, make([]*gallery.Item, more)...)
			}
			f.Frames[it.Frame] = it
		}
	}
	out = slices.DeleteFunc(out, func(f *Film) bool { return len(f.Frames) == 0 })
	for _, f := range out {
		counts := make([]int, len(v.Tokens))
		for at, it := range f.Frames {
			if it == nil || it.Original == "" {
				continue
			}
			for _, s := range it.Shown {
				counts[s.Token]++
				f.Shown = at + 1
			}
		}
		for t, n := range counts {
			if n > 1 {
				f.Kept = append(f.Kept, t)
			}
		}
	}
	slices.SortStableFunc(out, func(a, b *Film) int { return min(len(b.Kept), 1) - min(len(a.Kept), 1) })
	return out
}

// Value is what a metric of gallery.Gallery.Metrics says of a frame through a tokenizer; NaN
// where it says nothing.
func (f *Film) Value(metric, token, frame int) float64 {
	if it := f.Frames[frame]; it != nil && metric < len(it.Values) && it.Values[metric] != nil {
		return it.Values[metric][token]
	}
	return math.NaN()
}

// Edge reports whether a window of frames begins at a frame.
func (f *Film) Edge(frame int) bool { return f.Window > 0 && frame%f.Window == 0 }

// A Strip is the track of a film that a tokenizer holds worst, frame by frame.
type Strip struct {
	*Film
	Token  int
	Track  *gallery.Track
	Metric metrics.Spec
	Label  string
	Shots  []Shot // frames in which the thing is, in order
	// Worse is the track that the tokenizer holds worse still, in a clip of which no
	// pictures were kept; nil where there is none.
	Worse *gallery.Track
}

// A Shot is the thing of a strip in one frame.
type Shot struct {
	Frame int
	Item  *gallery.Item
	Shown gallery.Shown
	Box   record.Box
	Right float64 // 1 where it was read as labelled, 0 where not; NaN where it does not count
	Value float64 // of the metric of the image's boxes
	Read  string
}

// Strips are those of every tokenizer with pictures of films, by section.
func Strips(v *view.View, g *gallery.Gallery, films []*Film) []Strip {
	var out []Strip
	for _, s := range v.Sections() {
		spec, ok := v.Stability(s)
		if !ok {
			continue
		}
		for t, tok := range v.Tokens {
			if tok.Reference {
				continue
			}
			worse := func(a, b float64) bool { return a < b == (spec.Better == metrics.Higher) && a != b }
			var worst *gallery.Track
			best, found := Strip{Token: t, Metric: spec}, false
			for _, tr := range g.Tracks {
				if tr.Metric != spec.ID || tr.Dataset != s.Dataset.Name || tr.Condition != s.Condition.Key || math.IsNaN(tr.Values[t]) {
					continue
				}
				if worst == nil || worse(tr.Values[t], worst.Values[t]) {
					worst = tr
				}
				if found && worse(best.Track.Values[t], tr.Values[t]) {
					continue
				}
				i := slices.IndexFunc(films, func(f *Film) bool {
					return f.Dataset.Name == tr.Dataset && f.Condition.Key == tr.Condition && f.Clip.ID == tr.Clip && slices.Contains(f.Kept, t)
				})
				if i < 0 {
					continue
				}
				shots, label := films[i].shots(tr.Instance, t)
				if len(shots) > len(best.Shots) || found && len(shots) > 0 && worse(tr.Values[t], best.Track.Values[t]) { // of equals the longest
					best.Film, best.Track, best.Shots, best.Label, found = films[i], tr, shots, cmp.Or(label, tr.Instance), true
				}
			}
			if !found {
				continue
			}
			if worse(worst.Values[t], best.Track.Values[t]) {
				best.Worse = worst
			}
			out = append(out, best)
		}
	}
	return out
}

// shots are the frames in which a thing is, with pictures through a tokenizer.
func (f *Film) shots(instance string, token int) (out []Shot, label string) {
	for i, it := range f.Frames {
		if it == nil || it.Boxes == nil {
			continue
		}
		b := slices.IndexFunc(it.Boxes.List, func(b record.Box) bool { return b.ID == instance })
		s := slices.IndexFunc(it.Shown, func(s gallery.Shown) bool { return s.Token == token })
		if b < 0 || s < 0 {
			continue
		}
		shot := Shot{Frame: i, Item: it, Shown: it.Shown[s], Box: it.Boxes.List[b], Right: math.NaN(), Value: math.NaN()}
		for _, found := range it.Boxes.Found[instance] {
			if found.Token == token {
				shot.Right, shot.Value, shot.Read = found.Right, found.Value, found.Read
			}
		}
		label = cmp.Or(label, shot.Box.Label)
		out = append(out, shot)
	}
	return out, label
}

// Held counts the frames of a strip that count, and those in which the thing was read.
func (s Strip) Held() (read, of int) {
	for _, shot := range s.Shots {
		if !math.IsNaN(shot.Right) {
			of++
			read += int(shot.Right)
		}
	}
	return read, of
}
