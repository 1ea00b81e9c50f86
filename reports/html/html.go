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

	"github.com/vtbench/vtbench/datasets"
	"github.com/vtbench/vtbench/metrics"
	"github.com/vtbench/vtbench/reports/film"
	"github.com/vtbench/vtbench/reports/format"
	"github.com/vtbench/vtbench/reports/gallery"
	"github.com/vtbench/vtbench/reports/plot"
	"github.com/vtbench/vtbench/reports/view"
	"github.com/vtbench/vtbench/reports/web"
)

//go:embed page.html gallery.js plots.js script.js films.js
var assets embed.FS

//go:embed films.css
var filmStyle string

// A Plot is a figure shown on the page.
type Plot struct {
	Title, Caption string
	Alt            string     // the numbers in words
	SVG            []byte     // for readers without scripts
	Data           *plot.Data // for the script
	Grid           string     // key of the table of what is kept under damage that it belongs to
	Table          bool       // its numbers stand in a table of the page already
	Section        string     // id of the section of the results that it belongs to, "" for none
	Part           string     // of the page where it stands, see plot.Named
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
	// Gallery is what is shown item by item; nil gathers it. Films are of it.
	Gallery *gallery.Gallery
	Films   []*film.Film
}

// NewPlot is a figure for the page; sections are those of the results.
func NewPlot(f plot.Named, sections []view.Section) Plot {
	p := Plot{Title: f.Figure.Heading(), Caption: f.Caption, Alt: f.Figure.Describe(), Grid: f.Grid, Part: f.Part}
	_, p.Table = f.Figure.(plot.HeatMap)
	i := slices.IndexFunc(sections, func(s view.Section) bool {
		return f.Metric != "" && s.Dataset.Name == f.Section.Dataset.Name && s.Condition.Key == f.Section.Condition.Key
	})
	if i >= 0 {
		p.Section = sectionID(i)
	}
	if d, ok := plot.DataOf(f.Figure); ok && f.Part == "" { // films have a player that draws them
		d.Section, d.Metric, d.Bins = p.Section, f.Metric, f.Bins
		p.Data = &d
	}
	return p
}

func sectionID(i int) string { return fmt.Sprintf("s%d", i) }

// A Page is what Report makes: the page, and scripts that lie beside it.
type Page struct {
	HTML []byte
	Data []Data
}

// Data is a script with items of the gallery.
type Data struct {
	Name   string // relative to the page, "/" separated
	Script []byte
}

// DataDir is where scripts with items lie, beside the page.
const DataDir = "report-data"

// Report renders the page. Pictures are looked for in the directories of the
// runs; those that are not there are counted on the page.
func Report(v *view.View, plots []Plot, o Options) (out Page, err error) {
	var js []string
	names := []string{"gallery.js", "plots.js", "script.js"}
	if len(o.Films) > 0 {
		names = append(names, "films.js")
	}
	for _, name := range names {
		b, err := assets.ReadFile(name)
		if err != nil {
			return out, fmt.Errorf("reading the page's script: %w", err)
		}
		js = append(js, string(b))
	}
	t, err := web.Parse(assets, "page.html")
	if err != nil {
		return out, err
	}
	a := openAlbum(v, o)
	defer func() { err = errors.Join(err, a.close()) }()
	g := o.Gallery
	if g == nil {
		if g, err = gallery.Of(v); err != nil {
			return out, err
		}
	}
	encoded, err := encodeGallery(v, g, a)
	if err != nil {
		return out, err
	}
	p := newPage(v, plots, o, a)
	p.Items = encoded.index
	p.films(v, g, o)
	if len(g.Items) <= inPage || o.SingleFile {
		p.Inline = encoded.all()
	} else {
		for i, part := range encoded.parts {
			d := Data{fmt.Sprintf("%s/items-%04d.js", DataDir, i+1), slices.Concat([]byte("vt.part("), part, []byte(");\n"))}
			out.Data = append(out.Data, d)
			p.Items.Parts = append(p.Items.Parts, "./"+d.Name)
		}
	}
	p = web.Clean(p)
	p.shell(js)
	p.Shell.Files = len(out.Data) > 0
	var b bytes.Buffer
	if err := t.Execute(&b, p); err != nil {
		return out, fmt.Errorf("writing the page: %w", err)
	}
	out.HTML = b.Bytes()
	return out, nil
}

// page is what the template shows.
type page struct {
	Shell                 web.Shell
	Title, Question, Name string
	Kind                  string // what others are that the numbers would hold for: "images"
	Meta                  []string
	Warnings              []string
	Findings              []view.Finding
	Sections              []section
	Matrices              []matrixGroup
	Robust                []robustTable
	Plots                 []figure
	Films                 *films
	Explore               explore
	Items                 galleryIndex
	Inline                template.JS // items that are on the page, as JSON
	Data                  []plot.Data // of the figures
	Legend                []token
	CloudX, CloudY        string // metrics that the plot of items begins with
	Samples               []sampleTable
	SamplesLeft           int
	Missing               int // pictures that are not there
	Failures              []view.FailureRow
	MoreFailures          int
	Runs                  []runInfo
	Words                 []word
	Credits               []datasets.Credit
	Summary               string
	Tables                []link

	strips []figure // of films, until they have their place
}

// shell fills what stands around the content: its parts, as far as they are there.
func (p *page) shell(js []string) {
	p.Shell.Title, p.Shell.Brand, p.Shell.Skip = p.Title+" · "+p.Name, p.Title, "results"
	p.Shell.JS = js
	if p.Films != nil {
		p.Shell.CSS = template.CSS(filmStyle) //nolint:gosec // our own file
	}
	part := func(there bool, id, text string) {
		if there {
			p.Shell.Nav = append(p.Shell.Nav, web.Link{Text: text, URL: "#" + id, Bad: id == "failures"})
		}
	}
	part(true, "results", "Results")
	for _, g := range p.Matrices {
		part(true, g.ID, g.Title)
	}
	part(len(p.Robust) > 0, "damage", "Damage")
	part(p.Films != nil, "films", "Films")
	part(len(p.Plots) > 0 || p.Items.Total > 0, "plots", "Plots")
	part(p.Items.Total > 0, "gallery", "Gallery")
	part(len(p.Samples) > 0, "samples", "Samples")
	part(true, "explore", "Explore")
	part(len(p.Failures) > 0, "failures", "Failures")
	part(true, "method", "Method")
	part(len(p.Credits) > 0, "credits", "Credits")
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
	Index               int    // in page.Data, -1 for a picture
	Section             string // id, "" for none
	Panels              bool
	URL                 template.URL // the picture, for readers without scripts
	Files               []link
}

type link struct{ Text, URL string }

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
	_, p.Kind = v.Runs[0].Drawn()
	p.meta(v)
	for i, s := range v.Sections() {
		p.Sections = append(p.Sections, newSection(v, s, sectionID(i)))
	}
	p.Credits = v.Credits()
	p.Robust, p.Explore, p.Matrices = newRobust(v), newExplore(v), newMatrices(v)
	p.plots(plots, o)
	p.cases(v, a)
	p.Failures = v.FailureRows()
	for _, f := range p.Failures[min(maxFailures, len(p.Failures)):] {
		p.MoreFailures += f.Failures
	}
	p.Failures = p.Failures[:min(maxFailures, len(p.Failures))]
	for _, r := range v.Runs {
		p.Runs = append(p.Runs, newRunInfo(r))
	}
	if work := v.Work(); work != "" && len(p.Runs) == 1 {
		p.Runs[0].Facts = append(p.Runs[0].Facts, [2]string{"shares of the work", work})
	}
	for _, m := range v.Metrics {
		p.Words = append(p.Words, word{m.Title, fmt.Sprintf("%s, version %d", m.ID, m.Version), m.Short, m.Long})
	}
	return p
}

// meta is the line below the heading.
func (p *page) meta(v *view.View) {
	for _, d := range v.Datasets {
		p.Meta = append(p.Meta, fmt.Sprintf("%s: %s", d.Name, view.Size(d.Items, len(d.Clips))))
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

// plots places the figures.
func (p *page) plots(plots []Plot, o Options) {
	for _, f := range plots {
		if f.Grid != "" && f.Table {
			continue
		}
		out := figure{Title: f.Title, Caption: f.Caption, Alt: strings.TrimSpace(f.Title + ". " + f.Alt), Index: -1, Section: f.Section}
		if f.Data != nil {
			out.Index, out.Panels = len(p.Data), len(f.Data.Panels) > 0
			p.Data = append(p.Data, *f.Data)
		}
		if o.SingleFile {
			out.URL = dataURI("image/svg+xml", f.SVG)
		}
		for _, file := range f.Files {
			if o.SingleFile {
				break
			}
			l := link{strings.ToUpper(strings.TrimPrefix(path.Ext(file), ".")), "./" + escapePath(file)}
			out.Files = append(out.Files, l)
			if l.Text == "SVG" {
				out.URL = template.URL(l.URL) //nolint:gosec // escaped
			}
		}
		i := slices.IndexFunc(p.Robust, func(r robustTable) bool { return r.Key == f.Grid })
		if f.Part == plot.PartFilms {
			p.strips = append(p.strips, out)
		} else if f.Grid == "" || i < 0 {
			p.Plots = append(p.Plots, out)
		} else {
			p.Robust[i].Plots = append(p.Robust[i].Plots, out)
		}
	}
}

// cases places the samples, and what the plot of items begins with.
func (p *page) cases(v *view.View, a *album) {
	p.Samples, p.SamplesLeft = pictures{v, a}.samples()
	for _, t := range v.Tokens {
		p.Legend = append(p.Legend, toToken(t))
	}
	if len(v.Headline) > 0 {
		p.CloudY = cmp.Or(graded(v), v.Headline[0])
	}
	if m, ok := v.Pixels(); ok {
		p.CloudX = m.ID
	}
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
			if len(g.Bins) > 0 || g.Metric.ByClass {
				row.Worst = view.BinTitle(r.Worst.Bin)
			}
		}
		out.Rows = append(out.Rows, row)
	}
	t := v.Tally(s.Dataset.Name, s.Condition.Key, g.Metric.ID)
	parts := []string{t.Kept.String() + " " + view.Units(len(s.Dataset.Clips) > 0, g.Metric) + " kept"}
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
	out := cell{Text: st.Number(c.Shown()), Interval: st.Bounds(c.Lo, c.Hi)}
	if c.Infinite {
		out.Sort = "Infinity" // as scripts read it
	}
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
	_, kind := r.Drawn()
	people := " (or people, where the data set names them)"
	if kind == "clips" {
		people = ""
	}
	add("intervals", "%g %%, %s cluster bootstrap, %s resamples, seed %d: whole %s are drawn%s, with all that is in them", 100*m.Bootstrap.Level, m.Bootstrap.Method, format.Count(m.Bootstrap.Resamples), m.Seed, kind, people)
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
