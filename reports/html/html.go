// Package html writes a run as report.html: one page with tables, plots and the
// worst reconstructions beside their originals, without anything from the network.
//
// Its opinion: a reader wants the verdict first, then the table, then to see with
// their own eyes what a number means; so pictures stand with what was read in
// them, worst first, and next to samples that were not chosen by their result. All
// that comes from outside goes through html/template.
package html

import (
	"bytes"
	"cmp"
	"embed"
	"errors"
	"fmt"
	"html/template"
	"math"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/vtbench/vtbench/metrics"
	"github.com/vtbench/vtbench/reports/format"
	"github.com/vtbench/vtbench/reports/view"
	"github.com/vtbench/vtbench/reports/web"
)

//go:embed page.html script.js
var assets embed.FS

// A Plot is a figure shown on the page.
type Plot struct {
	Title, Caption string
	Alt            string // the numbers in words
	SVG, DarkSVG   []byte
	Grid           string // key of the table of what is kept under damage that it belongs to
	Table          bool   // its numbers stand in a table of the page already
	// Files are links to the same picture for other uses, relative to the page.
	Files []string
}

// Options change the page.
type Options struct {
	SingleFile bool // embed the pictures; nothing beside the page is linked
	// Prefix is, by run, what stands before the paths of its pictures: "" where the
	// page lies in the run's directory.
	Prefix []string
	// Tables and Summary are links to the numbers, relative to the page.
	Tables  []string
	Summary string
}

// Report renders the page. Pictures are looked for in the directories of the
// runs; those that are not there are counted on the page.
func Report(v *view.View, plots []Plot, o Options) (page []byte, err error) {
	js, err := assets.ReadFile("script.js")
	if err != nil {
		return nil, fmt.Errorf("reading the page's script: %w", err)
	}
	t, err := web.Parse(assets, "page.html")
	if err != nil {
		return nil, err
	}
	a := openAlbum(v, o)
	defer func() { err = errors.Join(err, a.close()) }()
	p := web.Clean(newPage(v, plots, o, a))
	p.shell(string(js))
	var b bytes.Buffer
	if err := t.Execute(&b, p); err != nil {
		return nil, fmt.Errorf("writing the page: %w", err)
	}
	return b.Bytes(), nil
}

// page is what the template shows.
type page struct {
	Shell                 web.Shell
	Title, Question, Name string
	Meta                  []string
	Warnings              []string
	Findings              []view.Finding
	Sections              []section
	Robust                []robustTable
	Plots                 []figure
	Explore               explore
	Worst                 []shown
	WorstTokens           []string // best first
	WorstSections         []string
	WorstLeft             int
	Read                  bool // some of the worst cases are words
	Samples               []sampleTable
	SamplesLeft           int
	Wholes                []wholeJSON
	Modes                 []string
	Missing               int // pictures that are not there
	Failures              []failure
	MoreFailures          int
	Runs                  []runInfo
	Words                 []word
	Summary               string
	Tables                []link
}

// shell fills what stands around the content: its parts, as far as they are there.
func (p *page) shell(js string) {
	p.Shell.Title, p.Shell.Brand, p.Shell.Skip = p.Title+" · "+p.Name, p.Title, "results"
	p.Shell.JS = []string{js}
	part := func(there bool, id, text string) {
		if there {
			p.Shell.Nav = append(p.Shell.Nav, web.Link{Text: text, URL: "#" + id, Bad: id == "failures"})
		}
	}
	part(true, "results", "Results")
	part(len(p.Robust) > 0, "damage", "Damage")
	part(len(p.Plots) > 0, "plots", "Plots")
	part(len(p.Worst) > 0, "worst", "Worst")
	part(len(p.Samples) > 0, "samples", "Samples")
	part(len(p.Wholes) > 0, "images", "Images")
	part(true, "explore", "Explore")
	part(len(p.Failures) > 0, "failures", "Failures")
	part(true, "method", "Method")
}

type token struct {
	Name   string
	Colour template.CSS // a colour of our own palette
	Dark   template.CSS
	Bound  bool
	Floor  bool
}

type section struct {
	ID, Title string
	Grids     []grid
	Rest      *rest
}

type grid struct {
	ID, Title, Unit, Short, Better string
	Bins                           []string
	Rates                          []string // headings of the columns of rates
	Bound                          string
	Rows                           []gridRow
	Counts                         string
	Estimated                      bool // some rates are
}

type rate struct {
	Text, Rank string // Rank sorts
	Note       string // how it was counted
}

type gridRow struct {
	Token token
	Cells []cell
	Rates []rate
	Worst string
	Loss  string
	N     string
}

type cell struct {
	Text, Interval string
	Sort           string       // number for sorting, "" sorts last
	Bar            template.CSS // where the mean and the interval lie between 0 and 100 %
	Head           bool
}

type rest struct {
	Header []string
	Hints  []string
	Rows   []restRow
}

type restRow struct {
	Token token
	Cells []cell
}

type figure struct {
	Title, Caption, Alt string
	SVG                 template.HTML // our own SVG, tinted for both themes
	URL                 template.URL  // or the picture itself
	Files               []link
}

type link struct{ Text, URL string }

type failure struct{ Token, Condition, Item, Error string }

type runInfo struct {
	Name  string
	Facts [][2]string
}

type word struct{ Title, ID, Short, Long string }

const maxFailures = 200

func newPage(v *view.View, plots []Plot, o Options, a *album) *page {
	p := &page{
		Title: v.Suite.Title, Question: v.Suite.Question, Name: v.Name, Warnings: v.Warnings, Findings: v.Findings(), Summary: o.Summary,
	}
	if p.Title == "" {
		p.Title = v.Suite.ID
	}
	if o.SingleFile {
		p.Summary = ""
	} else {
		for _, t := range o.Tables {
			p.Tables = append(p.Tables, link{strings.TrimSuffix(path.Base(t), ".csv"), "./" + escapePath(t)})
		}
	}
	p.meta(v)
	for i, s := range v.Sections() {
		p.Sections = append(p.Sections, newSection(v, s, fmt.Sprintf("s%d", i)))
	}
	p.Robust, p.Explore = newRobust(v), newExplore(v)
	p.plots(plots, o)
	p.cases(v, a)
	for i, f := range v.Failures {
		if i == maxFailures {
			p.MoreFailures = len(v.Failures) - i
			break
		}
		item := f.Item
		if f.Instance != "" {
			item += ", " + f.Instance
		}
		p.Failures = append(p.Failures, failure{f.Tokenizer, f.Condition, item, f.Error})
	}
	for _, r := range v.Runs {
		p.Runs = append(p.Runs, newRunInfo(r))
	}
	for _, m := range v.Metrics {
		p.Words = append(p.Words, word{m.Title, fmt.Sprintf("%s, version %d", m.ID, m.Version), m.Short, m.Long})
	}
	return p
}

// meta is the line below the heading.
func (p *page) meta(v *view.View) {
	for _, d := range v.Datasets {
		p.Meta = append(p.Meta, fmt.Sprintf("%s: %s", d.Name, format.Plural(d.Items, "image", "images")))
	}
	p.Meta = append(p.Meta, v.Heads...)
	contestants := 0
	for _, t := range v.Tokens {
		if !t.Reference {
			contestants++
		}
	}
	p.Meta = append(p.Meta, format.Plural(contestants, "tokenizer", "tokenizers"))
	started := v.Runs[0].Manifest.Host.Started
	if t, err := time.Parse(time.RFC3339, started); err == nil {
		started = t.Format("2 January 2006, 15:04 MST")
	}
	if started != "" {
		p.Meta = append(p.Meta, started)
	}
}

// plots places the figures and collects their colours.
func (p *page) plots(plots []Plot, o Options) {
	var t tint
	for _, f := range plots {
		if f.Grid != "" && f.Table {
			continue
		}
		out := figure{Title: f.Title, Caption: f.Caption, Alt: strings.TrimSpace(f.Title + ". " + f.Alt)}
		var ok bool
		if out.SVG, ok = t.inline(f.SVG, f.DarkSVG); !ok {
			out.URL = dataURI("image/svg+xml", f.SVG)
		}
		if !o.SingleFile {
			for _, file := range f.Files {
				out.Files = append(out.Files, link{strings.ToUpper(strings.TrimPrefix(path.Ext(file), ".")), "./" + escapePath(file)})
			}
		}
		i := slices.IndexFunc(p.Robust, func(r robustTable) bool { return r.Key == f.Grid })
		if f.Grid == "" || i < 0 {
			p.Plots = append(p.Plots, out)
		} else {
			p.Robust[i].Plots = append(p.Robust[i].Plots, out)
		}
	}
	p.Shell.CSS = t.css()
}

// cases places the pictures.
func (p *page) cases(v *view.View, a *album) {
	pics := pictures{v, a}
	p.Worst, p.WorstLeft = pics.worst()
	p.Read = slices.ContainsFunc(p.Worst, shown.Read)
	p.Samples, p.SamplesLeft = pics.samples()
	p.Wholes = pics.wholes()
	p.Modes = []string{"side by side", "slider", "difference", "flip"}
	if slices.ContainsFunc(p.Wholes, func(w wholeJSON) bool { return w.Heat != "" }) {
		p.Modes = append(p.Modes, "damage map")
	}
	var order []string // best first, by the first table
	if len(p.Sections) > 0 && len(p.Sections[0].Grids) > 0 {
		for _, r := range p.Sections[0].Grids[0].Rows {
			order = append(order, r.Token.Name)
		}
	}
	place := func(name string) int {
		t, _ := v.Token(name)
		i := slices.Index(order, name)
		if i < 0 {
			i = len(order)
		}
		if t.Reference {
			i += len(order) + 1
		}
		return i
	}
	for _, c := range p.Worst {
		if !slices.Contains(p.WorstTokens, c.Token.Name) {
			p.WorstTokens = append(p.WorstTokens, c.Token.Name)
		}
		if !slices.Contains(p.WorstSections, c.Section) {
			p.WorstSections = append(p.WorstSections, c.Section)
		}
	}
	slices.SortStableFunc(p.WorstTokens, func(a, b string) int { return cmp.Compare(place(a), place(b)) })
	at := map[string]int{}
	for i, s := range v.AllSections() {
		at[v.Title(s)] = i
	}
	slices.SortStableFunc(p.WorstSections, func(a, b string) int { return cmp.Compare(at[a], at[b]) })
	p.Missing = a.missing
}

func toToken(t view.Token) token {
	out := token{Name: t.Name, Bound: t.Reference || t.Floor, Floor: t.Floor}
	if c := t.Style.Colour; c >= 0 && c < len(view.Palette) {
		out.Colour, out.Dark = template.CSS(view.Palette[c]), template.CSS(view.DarkPalette[c]) //nolint:gosec // our own palette
	}
	return out
}

func newSection(v *view.View, s view.Section, id string) section {
	out := section{ID: id, Title: v.Title(s)}
	for _, m := range v.Headline {
		g := v.Grid(s.Dataset.Name, s.Condition.Key, m)
		if len(g.Rows) > 0 {
			out.Grids = append(out.Grids, newGrid(v, s, g))
		}
	}
	out.Rest = newRest(v, s)
	return out
}

func newGrid(v *view.View, s view.Section, g view.Grid) grid {
	st := format.For(g.Metric)
	out := grid{ID: g.Metric.ID, Title: g.Metric.Title, Unit: st.Unit, Short: g.Metric.Short, Better: view.BetterWord(g.Metric.Better), Bound: g.Bound}
	for _, b := range append(slices.Clone(g.Bins), g.Head) {
		out.Bins = append(out.Bins, view.BinTitle(b))
	}
	rates := g.RateColumns()
	for _, c := range rates {
		out.Rates = append(out.Rates, c.Title)
	}
	for _, r := range g.Rows {
		row := gridRow{Token: toToken(r.Token), N: format.Count(r.Head.N)}
		for i, c := range append(slices.Clone(r.Cells), r.Head) {
			x := toCell(st, c)
			x.Head = i == len(r.Cells)
			row.Cells = append(row.Cells, x)
		}
		for _, c := range rates {
			x := c.Of(r)
			cell := rate{Note: x.Note()}
			if x.OK() {
				cell.Text, cell.Rank = format.Rate.Number(x.BPP), fmt.Sprint(x.BPP)
			}
			if x.Estimated() {
				cell.Text = "~" + cell.Text
				out.Estimated = true
			}
			row.Rates = append(row.Rates, cell)
		}
		if r.Worst.OK {
			row.Loss = st.Delta(r.Worst.Delta)
			if len(g.Bins) > 0 {
				row.Worst = view.BinTitle(r.Worst.Bin)
			}
		}
		out.Rows = append(out.Rows, row)
	}
	t := v.Tally(s.Dataset.Name, s.Condition.Key, g.Metric.ID)
	what := "images"
	if g.Metric.Scope == metrics.PerInstance {
		what = "instances"
	}
	parts := []string{t.Kept.String() + " " + what + " kept"}
	for _, r := range t.Reasons {
		parts = append(parts, r.Span.String()+" "+r.Title)
	}
	out.Counts = strings.Join(parts, " · ")
	return out
}

// bar is where a percentage and its interval lie in their cell.
func bar(mean, lo, hi float64) template.CSS {
	clamp := func(v float64) float64 { return math.Max(0, math.Min(100, v)) }
	if math.IsNaN(lo) || math.IsNaN(hi) {
		lo, hi = mean, mean
	}
	lo, hi = clamp(lo), clamp(hi)
	if hi-lo < 1.6 { // wide enough to be seen
		mid := math.Max(.8, math.Min(99.2, (lo+hi)/2))
		lo, hi = mid-.8, mid+.8
	}
	return template.CSS(fmt.Sprintf("--v:%.1f%%;--lo:%.1f%%;--hi:%.1f%%", clamp(mean), lo, hi)) //nolint:gosec // numbers
}

func toCell(st format.Style, c view.Cell) cell {
	if !c.OK {
		return cell{}
	}
	out := cell{Text: st.Number(c.Mean), Interval: st.Bounds(c.Lo, c.Hi)}
	if !math.IsNaN(c.Mean) {
		out.Sort = fmt.Sprint(c.Mean)
		if st.Unit == "%" {
			out.Bar = bar(c.Mean*st.Scale, c.Lo*st.Scale, c.Hi*st.Scale)
		}
	}
	return out
}

// newRest is the table of all metrics that are not in the headline.
func newRest(v *view.View, s view.Section) *rest {
	var specs []metrics.Spec
	for _, m := range v.Metrics {
		if slices.Contains(v.Headline, m.ID) {
			continue
		}
		if slices.ContainsFunc(v.Tokens, func(t view.Token) bool { return v.Head(t, s.Dataset.Name, s.Condition, m.ID).OK }) {
			specs = append(specs, m)
		}
	}
	if len(specs) == 0 {
		return nil
	}
	out := &rest{}
	for _, m := range specs {
		title := m.Title
		if u := format.For(m).Unit; u != "" {
			title += " (" + u + ")"
		}
		out.Header, out.Hints = append(out.Header, title), append(out.Hints, m.Short)
	}
	costs := v.Costs(s.Condition.Key)
	for _, c := range costs {
		out.Header, out.Hints = append(out.Header, c.Title), append(out.Hints, c.Hint)
	}
	for _, t := range v.Tokens {
		row := restRow{Token: toToken(t)}
		for _, m := range specs {
			c := v.Head(t, s.Dataset.Name, s.Condition, m.ID)
			x := toCell(format.For(m), c)
			x.Bar = ""
			row.Cells = append(row.Cells, x)
		}
		for _, cost := range costs {
			c := cell{}
			if text, sort, ok := cost.Of(t.Name); ok {
				c = cell{Text: text, Sort: fmt.Sprint(sort)}
			}
			row.Cells = append(row.Cells, c)
		}
		out.Rows = append(out.Rows, row)
	}
	return out
}

func newRunInfo(r view.Run) runInfo {
	m := r.Manifest
	out := runInfo{Name: r.Name}
	add := func(k, f string, args ...any) { out.Facts = append(out.Facts, [2]string{k, fmt.Sprintf(f, args...)}) }
	add("suite", "%s, version %d, digest %.12s, scored at the %s size", m.Suite.ID, m.Suite.Version, m.SuiteHash, m.Suite.ScoreAt)
	for _, d := range m.Datasets {
		add("data set", "%s, version %d, digest %.12s: %s of %s items%s", d.Name, d.Info.Version, d.Info.Digest, format.Count(d.Items), format.Count(d.Total), view.About(d.Info))
	}
	add("intervals", "%g %%, %s cluster bootstrap, %s resamples, seed %d: whole images are drawn (or people, where the data set names them), with all that is in them", 100*m.Bootstrap.Level, m.Bootstrap.Method, format.Count(m.Bootstrap.Resamples), m.Seed)
	for _, t := range m.Tokenizers {
		facts := []string{t.Info.Version}
		if t.Info.Weights != "" {
			facts = append(facts, fmt.Sprintf("weights %.12s", t.Info.Weights))
		}
		for _, k := range sortedKeys(t.Info.Params) {
			facts = append(facts, k+": "+t.Info.Params[k])
		}
		add(t.Name, "%s", strings.Join(slices.DeleteFunc(facts, func(s string) bool { return s == "" }), ", "))
	}
	for _, k := range sortedKeys(m.Provenance) {
		add(k, "%s", m.Provenance[k])
	}
	add("program", "%s, %s, %s", m.Host.Program, m.Host.Go, m.Host.OS)
	add("machine", "%d cores %s", m.Host.Cores, m.Host.CPU)
	add("started", "%s", m.Host.Started)
	return out
}

func sortedKeys(m map[string]string) []string {
	var keys []string
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
