package plot

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/vtbench/vtbench/bench/suite"
	"github.com/vtbench/vtbench/bench/summary"
	"github.com/vtbench/vtbench/metrics"
	"github.com/vtbench/vtbench/reports/format"
	"github.com/vtbench/vtbench/reports/view"
)

// Named is a figure with the name of its files and what it shows, for alt texts.
type Named struct {
	Name    string // "t-acc-by-scale-256"
	Caption string
	Figure  Drawing
	Grid    string // key of the view.RobustGrid it shows, "" for none
	Part    string // of the page where it stands, "" for that of the plots
	// Section is the data set and condition that it shows, Metric what it shows of them
	// and Bins the scale bins along its X, where these are so.
	Section view.Section
	Metric  string
	Bins    []string
}

// PartFilms is the part of a page with films.
const PartFilms = "films"

// Figures are the figures of a page: for every section the headline score by
// scale bin, rate against score and PSNR, and PSNR against score; for a run with
// corruptions what is kept under each, and how it falls with severity.
func Figures(v *view.View) []Named {
	var out []Named
	if len(v.Headline) == 0 {
		return nil
	}
	var names format.Slugs
	add := func(name, caption string, n Named, d Drawing) {
		n.Name, n.Caption, n.Figure = names.For(name), caption, d
		out = append(out, n)
	}
	for _, s := range v.Sections() {
		suffix := s.Dataset.Name + "-" + s.Condition.Key
		head := v.HeadlineOf(s)
		if len(head) == 0 {
			continue
		}
		if f, ok := byScale(v, s, head[0]); ok {
			add(head[0]+"-by-scale-"+suffix, "Score by size, with 95 % intervals: what is lost first.", Named{Section: s, Metric: head[0], Bins: v.Grid(s.Dataset.Name, s.Condition.Key, head[0]).Bins}, f)
		}
		score := scoreMetric(v, head)
		pixels, ok := v.Pixels()
		ids := []string{score}
		if ok && score != pixels.ID {
			ids = append(ids, pixels.ID)
		}
		rated := slices.Clone(ids)
		held, films := v.Stability(s)
		if films && !slices.Contains(ids, held.ID) {
			rated = append(rated, held.ID)
		}
		for _, id := range rated {
			caption := "What a bit buys: rate against " + title(v, id) + "."
			if films && id == held.ID {
				caption = "Does it hold from frame to frame, and at what rate: " + held.Title + ", " + held.Short + "."
			}
			if f, ok := against(v, s, "", id); ok {
				add("rate-"+id+"-"+suffix, caption, Named{Section: s, Metric: id}, f)
			}
		}
		if len(ids) > 1 {
			if f, ok := against(v, s, pixels.ID, score); ok {
				add(pixels.ID+"-"+score+"-"+suffix, "Where pixel metrics mislead: equal "+pixels.Title+", another "+title(v, score)+".", Named{Section: s, Metric: score}, f)
			}
		}
	}
	for _, s := range v.AllSections() {
		for _, id := range v.HeadlineOf(s) {
			if f, ok := bySize(v, s, id); ok {
				add("size-"+id+"-"+s.Dataset.Name+"-"+s.Condition.Key, "What smaller weights cost: the size of their file against "+title(v, id)+".", Named{Section: s, Metric: id}, f)
			}
		}
	}
	for _, s := range v.Sections() {
		for _, m := range v.Metrics {
			if h, ok := floor(v, s, m); ok {
				add(m.Floor.Metric+"-"+s.Dataset.Name+"-"+s.Condition.Key, "How far "+m.Title+" and "+m.Floor.Title+" lie apart, for the tokenizers at both ends and between: where they overlap, nothing is left.", Named{Section: s, Metric: m.ID}, h)
			}
		}
	}
	for _, g := range v.RobustGrids() {
		suffix := g.Metric.ID + "-" + g.Dataset.Name + "-" + strconv.Itoa(g.Resolution)
		if g.Against != "" {
			suffix += "-" + g.Against
		}
		add(g.Score+"-"+suffix, heatCaption(g), Named{Grid: g.Key()}, heat(v, g))
		if p, ok := severities(v, g); ok {
			add("severity-"+suffix, "How "+g.Metric.Title+" falls with severity, with 95 % intervals; 0 is clean.", Named{Grid: g.Key()}, p)
		}
	}
	return out
}

func heatCaption(g view.RobustGrid) string {
	if g.Score == summary.ScoreFlip {
		return "Share of tokens that damage changes, less what encoding the reconstruction again changes."
	}
	return g.Metric.Title + " under each corruption, mean over severities."
}

// where is the resolution and data set of a robustness figure.
func where(v *view.View, g view.RobustGrid) string {
	s := ""
	if len(v.Datasets) > 1 {
		s = g.Dataset.Name + " · "
	}
	if size := suite.Size(g.Resolution); size != "" {
		return s + size
	}
	return s + "own size"
}

func heat(v *view.View, g view.RobustGrid) HeatMap {
	st := format.For(g.Metric)
	st.Places = max(0, st.Places-1) // cells are small
	h := HeatMap{Title: g.Metric.Title + " under damage, against " + g.AgainstTitle() + ", " + where(v, g), Style: st}
	if lo, hi, ok := g.Metric.Bounds(); ok && lo == 0 {
		h.Hi = hi
	}
	if g.Score == summary.ScoreFlip {
		h.Title, h.Style, h.Hi = "Tokens flipped by damage, "+where(v, g), format.Style{Scale: 100, Places: 0}, 1
		h.Note = "Percent of all tokens, less the floor of encoding again."
	} else {
		h.Note = "Mean over severities" + unitNote(st.Unit) + "; " + view.BetterWord(g.Metric.Better) + "."
	}
	for _, c := range g.Corruptions {
		h.Cols = append(h.Cols, view.CorruptionTitle(c))
	}
	for _, r := range g.Rows {
		h.Rows = append(h.Rows, r.Token.Name)
		if r.Token.Reference {
			h.Gap++
		}
		row := make([]float64, len(r.Cells))
		for i, c := range r.Cells {
			row[i] = c.Mean
		}
		h.Values = append(h.Values, row)
	}
	return h
}

func unitNote(unit string) string {
	if unit == "" {
		return ""
	}
	return ", in " + unit
}

// severities are the curves of a grid, one panel a corruption.
func severities(v *view.View, g view.RobustGrid) (Panels, bool) {
	if g.Score != summary.ScoreUnder {
		return Panels{}, false
	}
	var panels []Figure
	for _, corruption := range g.Corruptions {
		f := Figure{Title: view.CorruptionTitle(corruption), X: Axis{Label: "severity", Names: []string{"0", "1", "2", "3", "4", "5"}}, Y: AxisOf(g.Metric)}
		for _, r := range g.Rows {
			s := Series{Name: r.Token.Name, Style: r.Token.Style, Line: true}
			for _, p := range v.Severities(r.Token, g, corruption) {
				s.Points = append(s.Points, Point{X: float64(p.Severity), Y: p.Mean, Lo: p.Lo, Hi: p.Hi})
			}
			if len(s.Points) > 1 {
				f.Series = append(f.Series, s)
			}
		}
		if len(f.Series) > 0 {
			panels = append(panels, f)
		}
	}
	if len(panels) == 0 {
		return Panels{}, false
	}
	label, _, _ := strings.Cut(AxisOf(g.Metric).Label, ", ")
	return Curves(label+" by severity, against "+g.AgainstTitle()+", "+where(v, g), strings.TrimSuffix("Horizontally the severity, 0 is clean; "+view.BetterWord(g.Metric.Better), "; ")+".", panels), true
}

// shownSets is how many tokenizers a histogram shows beside the strangers: more hide
// each other.
const shownSets = 3

// floor compares the single values of a metric with those of its floor: how alike faces
// are to themselves and to the nearest stranger.
func floor(v *view.View, s view.Section, m metrics.Spec) (Histogram, bool) {
	if m.Floor.Metric == "" {
		return Histogram{}, false
	}
	g := v.Grid(s.Dataset.Name, s.Condition.Key, m.ID)
	lowest, _ := v.Metric(m.Floor.Metric)
	h := Histogram{Title: m.Title + " and " + strings.ToLower(lowest.Title) + ", " + v.Title(s), X: AxisOf(m), Bars: 50}
	if m.Floor.Mark != "" {
		h.Note = "The vertical line: " + m.Floor.Mark + ", " + format.For(m).Number(m.Floor.At) + "."
		h.Marks = []Mark{{X: m.Floor.At, Name: m.Floor.Mark}}
	}
	var contestants []view.GridRow
	for _, r := range g.Rows {
		if !r.Token.Reference && !r.Token.Floor {
			contestants = append(contestants, r)
		}
		if r.Token.Own == suite.Original {
			if d, ok := v.Distribution(r.Token, s, m.Floor.Metric); ok {
				h.Sets = append(h.Sets, Set{Name: strings.ToLower(lowest.Title), Style: r.Token.Style, Values: values(d)})
			}
		}
	}
	if len(h.Sets) == 0 || len(contestants) == 0 {
		return h, false
	}
	shown := map[int]bool{}
	for i := range shownSets { // spread from the best to the worst
		shown[i*(len(contestants)-1)/(shownSets-1)] = true
	}
	for i, r := range contestants {
		if d, ok := v.Distribution(r.Token, s, m.ID); ok && shown[i] {
			h.Sets = append(h.Sets, Set{Name: r.Token.Name, Style: r.Token.Style, Values: values(d)})
			h.X.Min, h.X.Max = float64(d.Lo), float64(d.Hi)
		}
	}
	return h, len(h.Sets) > 1
}

// values are as many as a distribution counts, each in the middle of its bar.
func values(d summary.Distribution) []float64 {
	var out []float64
	lo, width := float64(d.Lo), (float64(d.Hi)-float64(d.Lo))/float64(max(1, len(d.Counts)))
	for i, n := range d.Counts {
		for range n {
			out = append(out, lo+(float64(i)+.5)*width)
		}
	}
	return out
}

// scoreMetric is the graded headline metric where there is one: a share of exact
// matches hides what a graded score shows.
func scoreMetric(v *view.View, head []string) string {
	for _, id := range head {
		if m, ok := v.Metric(id); ok && m.Role == metrics.RoleQuality && !m.Binary {
			return id
		}
	}
	return head[0]
}

func title(v *view.View, id string) string {
	spec, _ := v.Metric(id)
	return spec.Title
}

// AxisOf is the axis of a metric, in the units that are shown.
func AxisOf(spec metrics.Spec) Axis {
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
	f := Figure{Title: g.Metric.Title + " by size, " + v.Title(s), Y: AxisOf(g.Metric), Side: true}
	for _, b := range g.Bins {
		f.X.Names = append(f.X.Names, binLabel(v, s, b))
	}
	n := float64(len(g.Rows))
	for i, r := range g.Rows {
		ser := Series{Name: r.Token.Name, Style: r.Token.Style, Line: true}
		// Side by side within the bin, so that intervals do not cover each other.
		dodge := (float64(i) - (n-1)/2) * 0.5 / n
		for b, c := range r.Cells {
			ser.Points = append(ser.Points, Point{X: float64(b) + dodge, Y: c.Mean, Lo: c.Lo, Hi: c.Hi})
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
	f := Figure{Y: AxisOf(spec)}
	if x == "" {
		f.Title = "Rate against " + spec.Title + ", " + v.Title(s)
		f.X = Axis{Label: "bits per pixel the tokenizer saw (logarithmic)", Log: true}
	} else {
		xs, ok := v.Metric(x)
		if !ok {
			return Figure{}, false
		}
		f.Title = xs.Title + " against " + spec.Title + ", " + v.Title(s)
		f.X = AxisOf(xs)
	}
	var absent []string
	family := map[string][]int{}
	hollow := false
	for _, t := range v.Tokens {
		c := v.Head(t, s.Dataset.Name, s.Condition, y)
		p := Point{Y: c.Mean, Lo: c.Lo, Hi: c.Hi}
		if x == "" {
			r := v.Rate(t.Name, s.Dataset.Name, s.Condition.Key)
			p.X = r.BPP
			p.Hollow = r.OK() && r.Nominal()
		} else {
			xc := v.Head(t, s.Dataset.Name, s.Condition, x)
			p.X, p.XLo, p.XHi = xc.Mean, xc.Lo, xc.Hi
		}
		if !finite(p.X, p.Y) || x == "" && p.X <= 0 {
			if x != "" || !t.Reference {
				absent = append(absent, t.Name)
			}
			continue
		}
		hollow = hollow || p.Hollow
		if !t.Reference {
			family[t.Family()] = append(family[t.Family()], len(f.Series))
		}
		f.Series = append(f.Series, Series{Name: t.Name, Style: t.Style, Points: []Point{p}})
	}
	var notes []string
	if x == "" {
		for _, t := range v.Tokens { // in the order of the page
			if m := family[t.Family()]; len(m) > 1 {
				f.Families = append(f.Families, m)
				delete(family, t.Family())
			}
		}
		if hollow {
			notes = append(notes, "Hollow: rate counted from tokens at fixed length; full: size of a bitstream.")
		}
		if len(absent) > 0 {
			notes = append(notes, "Without a rate, so not shown: "+strings.Join(absent, ", ")+".")
		}
	} else if len(absent) > 0 {
		notes = append(notes, "Not shown, for want of a finite value: "+strings.Join(absent, ", ")+".")
	}
	if note := v.ByFrameNote(); note != "" && len(s.Dataset.Clips) > 0 {
		notes = append(notes, note+".")
	}
	f.Note = strings.Join(notes, " ")
	return f, len(f.Series) >= 2
}
