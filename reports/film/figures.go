package film

import (
	"errors"
	"fmt"
	"image"
	"io/fs"
	"math"
	"os"
	"slices"
	"strings"

	"github.com/vtbench/vtbench/bench/record"
	"github.com/vtbench/vtbench/metrics"
	"github.com/vtbench/vtbench/pix"
	"github.com/vtbench/vtbench/reports/format"
	"github.com/vtbench/vtbench/reports/gallery"
	"github.com/vtbench/vtbench/reports/plot"
	"github.com/vtbench/vtbench/reports/view"
)

// What the figures show at most.
const (
	panels   = 8  // clips side by side
	pictures = 12 // frames of a strip; marks stand for all
	marks    = 6  // on a line
)

// Figures are the figures of films: the track that each tokenizer holds worst, and values
// over time. Pictures are read in the directories of the runs; a frame that cannot be read
// is left out, and said below.
func Figures(v *view.View, g *gallery.Gallery, films []*Film) (out []plot.Named, err error) {
	var names format.Slugs
	roots := make([]*os.Root, len(v.Runs))
	for i, r := range v.Runs {
		if roots[i], err = os.OpenRoot(r.Dir); err != nil {
			roots[i] = nil // its pictures are missing, which the page says
		}
	}
	defer func() {
		for _, r := range roots {
			if r != nil {
				err = errors.Join(err, r.Close())
			}
		}
	}()
	for _, s := range Strips(v, g, films) {
		if f, ok := s.figure(v, g, roots); ok {
			name := "track-" + strings.TrimSuffix(v.Tokens[s.Token].Name, view.ByFrameMark) + "-" + s.Dataset.Name + "-" + s.Condition.Key
			caption := "The track that " + v.Tokens[s.Token].Name + " holds worst, frame by frame."
			out = append(out, plot.Named{Name: names.For(name), Caption: caption, Figure: f, Part: plot.PartFilms, Section: s.Section, Metric: s.Metric.ID})
		}
	}
	for _, s := range v.Sections() {
		for _, m := range Timed(v, g) {
			if f, ok := overTime(v, g, films, s, m); ok {
				caption := "What " + g.Metrics[m].Title + " is from frame to frame, clip by clip."
				out = append(out, plot.Named{Name: names.For("time-" + g.Metrics[m].ID + "-" + s.Dataset.Name + "-" + s.Condition.Key), Caption: caption, Figure: f, Part: plot.PartFilms, Section: s, Metric: g.Metrics[m].ID})
			}
		}
	}
	return out, nil
}

// Timed are the metrics of frames that are shown over time, by their places in
// gallery.Gallery.Metrics: those of steps between frames, the one of pixels, and the first
// graded headline of quality, or what picks the worst cases where there is none.
func Timed(v *view.View, g *gallery.Gallery) []int {
	var out []int
	pixels, _ := v.Pixels()
	graded := -1
	for i, m := range g.Metrics {
		if m.Role != metrics.RoleQuality || m.Binary || m.Scope == metrics.PerStep {
			continue
		}
		if graded < 0 && slices.Contains(v.Headline, m.ID) || m.ID == v.Suite.Worst && (graded < 0 || !slices.Contains(v.Headline, g.Metrics[graded].ID)) {
			graded = i
		}
	}
	for i, m := range g.Metrics {
		if m.Scope == metrics.PerStep && m.Role.Judges() || i == graded || m.ID == pixels.ID {
			out = append(out, i)
		}
	}
	return out
}

// overTime draws a metric over time, a panel a clip.
func overTime(v *view.View, g *gallery.Gallery, films []*Film, s view.Section, metric int) (plot.Panels, bool) {
	spec := g.Metrics[metric]
	var figures []plot.Figure
	left := 0
	for _, f := range films {
		if f.Dataset.Name != s.Dataset.Name || f.Condition.Key != s.Condition.Key {
			continue
		}
		if len(figures) == panels {
			left++
			continue
		}
		fig := plot.Figure{Title: f.Clip.ID, X: plot.Axis{Label: "frame", Min: -.5, Max: float64(len(f.Frames)) - .5}, Y: plot.AxisOf(spec)}
		for at := range f.Frames {
			if at > 0 && f.Edge(at) {
				fig.Rules = append(fig.Rules, float64(at)-.5)
			}
		}
		for t, tok := range v.Tokens {
			ser := plot.Series{Name: tok.Name, Style: tok.Style, Line: true}
			for at := range f.Frames {
				if y := f.Value(metric, t, at); !math.IsNaN(y) && !math.IsInf(y, 0) {
					ser.Points = append(ser.Points, plot.Point{X: float64(at), Y: y, Lo: math.NaN(), Hi: math.NaN(), XLo: math.NaN(), XHi: math.NaN()})
				}
			}
			if len(ser.Points) > 1 {
				ser.Every = (len(ser.Points) + marks - 1) / marks
				fig.Series = append(fig.Series, ser)
			}
		}
		if len(fig.Series) > 0 {
			figures = append(figures, fig)
		}
	}
	if len(figures) == 0 {
		return plot.Panels{}, false
	}
	label, _, _ := strings.Cut(figures[0].Y.Label, ", ")
	notes := []string{"Horizontally the frame"}
	if better := view.BetterWord(spec.Better); better != "" {
		notes[0] += "; " + better
	}
	notes[0] += ". Dashed: where tokenizers are given the next window. One clip each, so there is no interval."
	if spec.Scope == metrics.PerInstance {
		notes = append(notes, "The mean of what is in the frame.")
	}
	if left > 0 {
		notes = append(notes, format.Plural(left, "clip", "clips")+" more in the records.")
	}
	out := plot.Curves(label+" over time, "+v.Title(s), strings.Join(notes, " "), figures)
	out.Columns = min(len(figures), 2)
	return out, true
}

// figure draws a strip; ok is false where no picture can be read.
func (s Strip) figure(v *view.View, g *gallery.Gallery, roots []*os.Root) (plot.Filmstrip, bool) {
	st := format.For(s.Metric)
	tok := v.Tokens[s.Token]
	out := plot.Filmstrip{Title: fmt.Sprintf("%s through %s, %s %s", quoted(s.Label), tok.Name, s.Metric.Title, st.With(s.Track.Values[s.Token]))}
	step := (len(s.Shots) + pictures - 1) / pictures
	missing := 0
	by := metrics.Spec{}
	for i, shot := range s.Shots {
		mark := plot.StateOf(shot.Right)
		out.Marks = append(out.Marks, plot.StripMark{Frame: shot.Frame, State: mark, Edge: s.Edge(shot.Frame) && i > 0})
		if i%step != 0 {
			continue
		}
		above, err := crop(roots, shot.Item.Run, shot.Item.Original, shot.Box)
		below, err2 := crop(roots, shot.Shown.Run, shot.Shown.Reconstruction, shot.Box)
		if err != nil || err2 != nil {
			missing++
			continue
		}
		cell := plot.StripCell{Frame: shot.Frame, Above: above, Below: below, Text: shot.Read, State: mark}
		if m := shot.Item.Boxes.Metric; m >= 0 && m < len(g.Metrics) {
			by = g.Metrics[m]
		}
		if shot.Box.Label == "" || math.IsNaN(shot.Right) { // nothing is read in faces
			cell.Text = ""
			if !math.IsNaN(shot.Value) {
				cell.Text = format.For(by).With(shot.Value)
			}
		}
		out.Cells = append(out.Cells, cell)
	}
	if len(out.Cells) == 0 {
		return out, false
	}
	read, of := s.Held()
	if of == 0 { // nothing is read in faces
		out.Marks = nil
	}
	notes := []string{"Above the original, below the reconstruction, clip " + s.Clip.ID + ", " + v.Title(s.Section) + "."}
	if of > 0 {
		notes = append(notes, fmt.Sprintf("Read in %d of %d frames: full marks; hollow: not read; dots: not counted.", read, of))
	}
	if step > 1 {
		note := fmt.Sprintf("One frame in %d is shown", step)
		if of > 0 {
			note += ", marks are for all"
		}
		notes = append(notes, note+".")
	}
	if missing > 0 {
		notes = append(notes, format.Plural(missing, "frame", "frames")+" cannot be read.")
	}
	if s.Worse != nil {
		notes = append(notes, fmt.Sprintf("Worse still is %s of %s, %s, of which no pictures were kept.", s.Worse.Instance, s.Worse.Clip, st.With(s.Worse.Values[s.Token])))
	}
	out.Note = strings.Join(notes, " ")
	return out, true
}

func quoted(label string) string { return "“" + label + "”" }

// maxSide bounds the crops of a strip, and maxPixels the pictures that they are cut out of.
const (
	maxSide   = 400
	maxPixels = 64_000_000
)

// crop cuts a box out of a kept picture, with a fifth of its height on every side.
func crop(roots []*os.Root, run int, rel string, b record.Box) (image.Image, error) {
	if run < 0 || run >= len(roots) || roots[run] == nil || !fs.ValidPath(rel) {
		return nil, fs.ErrNotExist
	}
	f, err := roots[run].Open(rel)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	d, err := pix.Decode(f, pix.Options{MaxPixels: maxPixels})
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", rel, err)
	}
	pad := max(b.H/5, 2)
	cut := d.Image.Crop(image.Rect(b.X-pad, b.Y-pad, b.X+b.W+pad, b.Y+b.H+pad))
	if cut.Empty() {
		return nil, fmt.Errorf("%s: the box lies outside", rel)
	}
	if side := max(cut.W, cut.H); side > maxSide {
		if cut, err = pix.Resize(cut, max(cut.W*maxSide/side, 1), max(cut.H*maxSide/side, 1)); err != nil {
			return nil, err
		}
	}
	return cut.RGBA(), nil
}
