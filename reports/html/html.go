// Package html writes a run as report.html: one page with tables, plots and the
// worst reconstructions beside their originals, without anything from the network.
//
// Its opinion: a reader wants the verdict first, then the table, then to see with
// their own eyes what a number means; so pictures stand with what was read in
// them, worst first, and next to samples that nobody chose by their result. All
// that comes from outside goes through html/template.
package html

import (
	"bytes"
	"embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"math"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/vtbench/vtbench/bench"
	"github.com/vtbench/vtbench/metrics"
	"github.com/vtbench/vtbench/reports/format"
	"github.com/vtbench/vtbench/reports/view"
)

//go:embed page.html style.css script.js
var assets embed.FS

// A Plot is a figure shown on the page.
type Plot struct {
	Title, Caption string
	SVG, DarkSVG   []byte
}

// Options change the page.
type Options struct {
	Dir        string // where the page will lie; pictures are linked from there
	SingleFile bool   // embed the pictures
}

// Report renders the page.
func Report(v *view.View, plots []Plot, o Options) ([]byte, error) {
	css, err := assets.ReadFile("style.css")
	if err != nil {
		return nil, err
	}
	js, err := assets.ReadFile("script.js")
	if err != nil {
		return nil, err
	}
	t, err := template.New("page.html").ParseFS(assets, "page.html")
	if err != nil {
		return nil, fmt.Errorf("reading the page template: %w", err)
	}
	p := newPage(v, plots, o)
	p.CSS, p.JS = template.CSS(css), template.JS(js) //nolint:gosec // our own files
	var b bytes.Buffer
	if err := t.Execute(&b, p); err != nil {
		return nil, fmt.Errorf("writing the page: %w", err)
	}
	return b.Bytes(), nil
}

// page is what the template shows.
type page struct {
	CSS                    template.CSS
	JS                     template.JS
	Title, Question, Name  string
	Meta                   []string
	Warnings               []string
	Findings               []view.Finding
	Sections               []section
	Plots                  []figure
	Worst                  []caseGroup
	Samples                []sampleTable
	Wholes                 []whole
	Failures               []failure
	MoreFailures           int
	Runs                   []runInfo
	Words                  []word
	Tokens                 []token
	Modes                  []string
	WholesJSON             []wholeJSON
	SummaryFile, TablesDir string
}

type token struct {
	Name   string
	Colour template.CSS // a colour of our own palette
	Dark   template.CSS
	Bound  bool
}

type section struct {
	ID, Title string
	Grids     []grid
	Rest      *rest
}

type grid struct {
	ID, Title, Unit, Short, Better string
	Bins                           []string
	Bound                          string
	Rows                           []gridRow
	Counts                         string
}

type gridRow struct {
	Token token
	Cells []cell
	Rate  string
	Rank  string // sort key of the rate
	Note  string // how the rate was counted
	Worst string
	Loss  string
	N     string
}

type cell struct {
	Text, Interval string
	Sort           string // number for sorting, "" sorts last
	Bar            template.CSS
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
	Title, Caption string
	URL, Dark      template.URL // data URIs of our own SVG
}

type caseGroup struct {
	Section, Token string
	Cases          []shown
}

type shown struct {
	Original, Reconstruction template.URL
	Alt                      string
	Expected                 string
	Got                      []span
	GotText, GotOriginal     string
	Value, Bin, Where        string
	Exact                    bool
}

type sampleTable struct {
	Section string
	Tokens  []token
	Rows    []sampleRow
}

type sampleRow struct {
	Expected, Bin, Where string
	Cells                []shown
}

type whole struct {
	Section, Item, Token     string
	Original, Reconstruction template.URL
	Heat                     template.URL
}

// wholeJSON is a whole for the page's script.
type wholeJSON struct {
	Section        string `json:"section"`
	Item           string `json:"item"`
	Token          string `json:"token"`
	Original       string `json:"original"`
	Reconstruction string `json:"reconstruction"`
	Heat           string `json:"heat,omitempty"`
}

type failure struct{ Token, Condition, Item, Error string }

type runInfo struct {
	Name  string
	Facts [][2]string
}

type word struct{ Title, ID, Short, Long string }

const maxFailures = 200

func newPage(v *view.View, plots []Plot, o Options) *page {
	p := &page{
		Title: v.Suite.Title, Question: v.Suite.Question, Name: v.Name, Warnings: v.Warnings, Findings: v.Findings(),
		SummaryFile: bench.SummaryFile, TablesDir: "tables/",
	}
	if p.Title == "" {
		p.Title = v.Suite.ID
	}
	for _, d := range v.Datasets {
		p.Meta = append(p.Meta, fmt.Sprintf("%s: %s", d.Name, format.Plural(d.Items, "image", "images")))
	}
	contestants := 0
	for _, t := range v.Tokens {
		p.Tokens = append(p.Tokens, toToken(t))
		if !t.Reference {
			contestants++
		}
	}
	p.Meta = append(p.Meta, format.Plural(contestants, "tokenizer", "tokenizers"))
	if len(v.Runs) > 0 {
		p.Meta = append(p.Meta, v.Runs[0].Manifest.Host.Started)
	}
	for i, s := range v.Sections() {
		p.Sections = append(p.Sections, newSection(v, s, fmt.Sprintf("s%d", i)))
	}
	for _, f := range plots {
		p.Plots = append(p.Plots, figure{f.Title, f.Caption, dataURI("image/svg+xml", f.SVG), dataURI("image/svg+xml", f.DarkSVG)})
	}
	pics := pictures{v, o}
	p.Worst, p.Samples, p.Wholes = pics.worst(), pics.samples(), pics.wholes()
	p.Modes = []string{"side by side", "slider", "difference", "flip"}
	for _, w := range p.Wholes {
		p.WholesJSON = append(p.WholesJSON, wholeJSON{w.Section, w.Item, w.Token, string(w.Original), string(w.Reconstruction), string(w.Heat)})
		if w.Heat != "" && len(p.Modes) == 4 {
			p.Modes = append(p.Modes, "damage map")
		}
	}
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
		w := view.Explain(m)
		p.Words = append(p.Words, word{m.Title, fmt.Sprintf("%s, version %d", m.ID, m.Version), w.Short, w.Long})
	}
	return p
}

func toToken(t view.Token) token {
	out := token{Name: t.Name, Bound: t.Reference}
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
	words := view.Explain(g.Metric)
	out := grid{ID: g.Metric.ID, Title: g.Metric.Title, Unit: st.Unit, Short: words.Short, Better: view.BetterWord(g.Metric.Better), Bound: g.Bound}
	for _, b := range append(slices.Clone(g.Bins), g.Head) {
		out.Bins = append(out.Bins, view.BinTitle(b))
	}
	for _, r := range g.Rows {
		row := gridRow{Token: toToken(r.Token), N: format.Count(r.Head.N)}
		for i, c := range append(slices.Clone(r.Cells), r.Head) {
			x := toCell(st, g.Metric, c)
			x.Head = i == len(r.Cells)
			row.Cells = append(row.Cells, x)
		}
		if r.Rate.OK() {
			row.Rate = format.Style{Digits: 3, Scale: 1}.Number(r.Rate.BPP)
			row.Rank = fmt.Sprint(r.Rate.BPP)
			row.Note = "size of the bitstream"
			if r.Rate.Nominal() {
				row.Note = "counted from tokens: no bitstream"
				row.Rate = "~" + row.Rate
			}
		}
		if r.Worst.OK {
			row.Worst, row.Loss = view.BinTitle(r.Worst.Bin), st.Delta(r.Worst.Delta)
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

func toCell(st format.Style, m metrics.Spec, c view.Cell) cell {
	if !c.OK {
		return cell{}
	}
	out := cell{Text: st.Number(c.Mean), Interval: st.Bounds(c.Lo, c.Hi)}
	if !math.IsNaN(c.Mean) {
		out.Sort = fmt.Sprint(c.Mean)
		if st.Unit == "%" && m.Better == metrics.Higher {
			out.Bar = template.CSS(fmt.Sprintf("--v:%.1f%%", math.Max(0, math.Min(100, c.Mean*st.Scale)))) //nolint:gosec // a number
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
		out.Header, out.Hints = append(out.Header, title), append(out.Hints, view.Explain(m).Short)
	}
	out.Header = append(out.Header, "encode (ms)", "decode (ms)")
	out.Hints = append(out.Hints, "median of an image, on this machine", "median of an image, on this machine")
	for _, t := range v.Tokens {
		row := restRow{Token: toToken(t)}
		for _, m := range specs {
			c := v.Head(t, s.Dataset.Name, s.Condition, m.ID)
			x := toCell(format.For(m), m, c)
			x.Bar = ""
			row.Cells = append(row.Cells, x)
		}
		tm, ok := v.Timing(t.Name, s.Condition.Key)
		for _, ms := range []bench.Number{tm.EncodeMS, tm.DecodeMS} {
			c := cell{}
			if f := float64(ms); ok && !math.IsNaN(f) {
				c = cell{Text: format.Style{Digits: 3, Scale: 1}.Number(f), Sort: fmt.Sprint(f)}
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
		add("data set", "%s, version %d, digest %.12s: %s of %s items", d.Name, d.Info.Version, d.Info.Digest, format.Count(d.Items), format.Count(d.Total))
	}
	add("intervals", "%g %%, %s bootstrap over images, %s resamples, seed %d", 100*m.Bootstrap.Level, m.Bootstrap.Method, format.Count(m.Bootstrap.Resamples), m.Seed)
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

func dataURI(mime string, b []byte) template.URL {
	return template.URL("data:" + mime + ";base64," + base64.StdEncoding.EncodeToString(b)) //nolint:gosec // base64
}

// pictures turns cases into what is shown.
type pictures struct {
	v *view.View
	o Options
}

// url is where a picture of a run is found from the page: a path beside it, or the
// picture itself. A path that leaves the run directory shows nothing.
func (p pictures) url(run int, rel string) template.URL {
	clean := path.Clean(rel)
	if rel == "" || clean != rel || strings.HasPrefix(clean, "../") || clean == ".." || path.IsAbs(clean) || strings.ContainsAny(clean, ":\\?#%") {
		return ""
	}
	file := filepath.Join(p.v.Runs[run].Dir, filepath.FromSlash(clean))
	if p.o.SingleFile {
		b, err := os.ReadFile(file)
		if err != nil {
			return ""
		}
		return dataURI("image/png", b)
	}
	from, err1 := filepath.Abs(p.o.Dir)
	to, err2 := filepath.Abs(file)
	if err1 != nil || err2 != nil {
		return ""
	}
	out, err := filepath.Rel(from, to)
	if err != nil {
		return ""
	}
	// Each element is escaped, so that no name becomes a scheme or a query.
	parts := strings.Split(filepath.ToSlash(out), "/")
	for i, s := range parts {
		parts[i] = template.URLQueryEscaper(s)
		parts[i] = strings.ReplaceAll(parts[i], "+", "%20")
	}
	return template.URL("./" + strings.Join(parts, "/")) //nolint:gosec // escaped above
}

func (p pictures) show(c view.Case) shown {
	spec, _ := p.v.Metric(c.Metric)
	out := shown{
		Original: p.url(c.Run, c.Original), Reconstruction: p.url(c.Run, c.Reconstruction),
		Expected: c.Expected, GotText: c.Got, GotOriginal: c.GotOriginal, Bin: c.Bin, Exact: c.Got == c.Expected,
		Where: c.Item,
		Alt:   fmt.Sprintf("%s after %s", c.Expected, c.Tokenizer),
	}
	if c.Instance != "" {
		out.Where += ", " + c.Instance
	}
	if c.Value != nil {
		out.Value = spec.Title + " " + format.For(spec).With(float64(*c.Value))
	}
	if c.Expected != "" || c.Got != "" {
		out.Got = diff(c.Expected, c.Got)
	}
	return out
}

func (p pictures) sectionTitle(c view.Case) string {
	cond, _ := p.v.Condition(c.Condition)
	s := view.Section{Condition: cond}
	for _, d := range p.v.Datasets {
		if d.Name == c.Dataset {
			s.Dataset = d
		}
	}
	return p.v.Title(s)
}

func (p pictures) worst() []caseGroup {
	var out []caseGroup
	for _, c := range p.v.Cases {
		if c.Why != bench.WhyWorst {
			continue
		}
		title := p.sectionTitle(c)
		i := slices.IndexFunc(out, func(g caseGroup) bool { return g.Section == title && g.Token == c.Tokenizer })
		if i < 0 {
			out, i = append(out, caseGroup{Section: title, Token: c.Tokenizer}), len(out)
		}
		out[i].Cases = append(out[i].Cases, p.show(c))
	}
	return out
}

// samples are tables of instances by tokenizers.
func (p pictures) samples() []sampleTable {
	type key struct{ section, dataset, item, instance, condition string }
	var keys []key
	cases := map[key]map[string]view.Case{}
	for _, c := range p.v.Cases {
		if c.Why != bench.WhySample {
			continue
		}
		k := key{p.sectionTitle(c), c.Dataset, c.Item, c.Instance, c.Condition}
		if cases[k] == nil {
			cases[k] = map[string]view.Case{}
			keys = append(keys, k)
		}
		cases[k][c.Tokenizer] = c
	}
	var out []sampleTable
	for _, k := range keys {
		if len(cases[k]) < 2 {
			continue // read by the original only: nothing to compare
		}
		i := slices.IndexFunc(out, func(t sampleTable) bool { return t.Section == k.section })
		if i < 0 {
			t := sampleTable{Section: k.section}
			for _, tok := range p.v.Tokens {
				t.Tokens = append(t.Tokens, toToken(tok))
			}
			out, i = append(out, t), len(out)
		}
		row := sampleRow{}
		for _, t := range p.v.Tokens {
			c, ok := cases[k][t.Name]
			if !ok {
				row.Cells = append(row.Cells, shown{})
				continue
			}
			s := p.show(c)
			row.Expected, row.Bin, row.Where = s.Expected, s.Bin, s.Where
			row.Cells = append(row.Cells, s)
		}
		out[i].Rows = append(out[i].Rows, row)
	}
	for i := range out {
		slices.SortStableFunc(out[i].Rows, func(a, b sampleRow) int {
			return slices.Index(p.v.Bins, a.Bin) - slices.Index(p.v.Bins, b.Bin)
		})
	}
	return out
}

func (p pictures) wholes() []whole {
	var out []whole
	for _, c := range p.v.Cases {
		if c.Why != bench.WhyImage {
			continue
		}
		w := whole{p.sectionTitle(c), c.Item, c.Tokenizer, p.url(c.Run, c.Original), p.url(c.Run, c.Reconstruction), ""}
		if c.Heat != "" {
			w.Heat = p.url(c.Run, c.Heat)
		}
		if w.Original != "" && w.Reconstruction != "" {
			out = append(out, w)
		}
	}
	return out
}
