package leaderboard

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"math"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/vtbench/vtbench/bench/compare"
	"github.com/vtbench/vtbench/metrics"
	"github.com/vtbench/vtbench/metrics/stat"
	"github.com/vtbench/vtbench/reports/format"
	"github.com/vtbench/vtbench/reports/view"
	"github.com/vtbench/vtbench/reports/web"
)

//go:embed page.html style.css script.js
var assets embed.FS

// Live is the part of a page that a server keeps up to date.
type Live struct {
	// Runs are the runs there are, those that are being made first.
	Runs []LiveRun `json:"runs"`
	// More is how many others there are.
	More int `json:"more,omitempty"`
	// Board changes when the leaderboard does.
	Board string `json:"board"`
	// Note says what the leaderboard lacks: that it is being computed, or why it cannot be.
	Note string `json:"note,omitempty"`
}

// A LiveRun is a run as a server sees it now.
type LiveRun struct {
	Name  string `json:"name"`
	State string `json:"state"` // as `vtbench status` calls it, or "damaged"
	Suite string `json:"suite"`
	// Items of Planned are committed.
	Items   int    `json:"items"`
	Planned int    `json:"planned"`
	Page    string `json:"page,omitempty"`
	// Done of Total steps of the phase are done; 0 where nothing runs.
	Phase string `json:"phase,omitempty"`
	Done  int    `json:"done,omitempty"`
	Total int    `json:"total,omitempty"`
	Left  string `json:"left,omitempty"` // how long the rest takes
	// Failed are the reconstructions that failed.
	Failed     int         `json:"failed,omitempty"`
	Error      string      `json:"error,omitempty"`
	Stalled    string      `json:"stalled,omitempty"` // how long it has told nothing
	Tokenizers []LiveToken `json:"tokenizers,omitempty"`
}

// Share is how much of a run is done, in percent.
func (r LiveRun) Share() int {
	done, total := r.Items, r.Planned
	if r.Total > 0 {
		done, total = r.Done, r.Total
	}
	if total <= 0 {
		return 0
	}
	return min(100, 100*done/total)
}

// ByToken tells how far each tokenizer is, in one line; "" where nothing runs.
func (r LiveRun) ByToken() string {
	var out []string
	for i, t := range r.Tokenizers {
		if i == shownTokens {
			out = append(out, fmt.Sprintf("%d more", len(r.Tokenizers)-i))
			break
		}
		s := fmt.Sprintf("%s %d/%d", t.Name, t.Done, t.Total)
		if t.Failed > 0 {
			s += fmt.Sprintf(" (%d failed)", t.Failed)
		}
		out = append(out, s)
	}
	return strings.Join(out, " · ")
}

// shownTokens is how many tokenizers of a run that is being made are named.
const shownTokens = 12

// A LiveToken is how far a tokenizer of a run is.
type LiveToken struct {
	Name   string `json:"name"`
	Done   int    `json:"done"`
	Total  int    `json:"total"`
	Left   string `json:"left,omitempty"`
	Failed int    `json:"failed,omitempty"`
}

// page is what the template shows.
type page struct {
	Shell     web.Shell
	Meta      []string
	Warnings  []string
	Problems  []Problem
	Live      *Live
	Divisions []division
	Published []published
	Sources   []source
	Resamples string
	Coverage  string
	Program   string
	Missing   bool // some tokenizer has less than all values
}

type division struct {
	ID, Title string
	Label     string // like no other's
	Imported  bool
	Origin    link
	Facts     [][2]string
	Engines   [][2]string
	Apart     string // what differs from the leaderboard of the same suite and data above
	Conds     []tab
	Metrics   []tab
	Boards    []board
}

type tab struct{ ID, Title string }

type board struct {
	ID, Cond, Metric, Title, Unit, Hint, Counts, Why string
	Shown                                            bool
	Fixed, Coded, Estimated                          bool
	Bounds, Ranked, Rest                             []row
}

// RowIn is a row with the board whose columns it has.
type RowIn struct {
	Board board
	Row   row
}

// In is a row of the board, for the template of rows.
func (b board) In(r row) RowIn { return RowIn{b, r} }

// Columns is how many columns a board has.
func (b board) Columns() int {
	n := 6
	for _, has := range []bool{b.Fixed, b.Coded} {
		if has {
			n++
		}
	}
	return n
}

type row struct {
	Name, Kind             string
	Rank, Ranks            string // "2", "1–3"
	RankSort, RanksSort    string
	Strip                  strip
	From                   []link
	MoreFrom               int
	Value, Interval, Sort  string
	Coverage, CoverageSort string
	Partial                bool
	Lacks                  string
	Fixed, FixedSort       string
	Coded, CodedSort       string
	Why                    string
	Imported               bool
}

// strip draws the ranks that the data does not exclude, of 100 units in width.
type strip struct {
	Shown        bool
	X, Width, At string
}

type link struct{ Text, URL string }

type published struct {
	ID, Title, File, Commit, Read, Note string
	Link, Paper                         link
	Tables                              []publishedTable
}

type publishedTable struct {
	ID, Title string
	Head      []PublishedGroup
	Columns   []string
	Rows      [][]string
}

type source struct {
	Name, Kind, Suite, Data, Made, Program string
	URL                                    string
	Origin                                 link
	Tokenizers                             int
	Notes                                  []string
}

// Page is index.html. live is what a server knows of runs that are being made; nil for a
// site that does not change.
func (s *Site) Page(live *Live) ([]byte, error) {
	var parts [2]string
	for i, name := range []string{"style.css", "script.js"} {
		b, err := assets.ReadFile(name)
		if err != nil {
			return nil, fmt.Errorf("reading the page's %s: %w", name, err)
		}
		parts[i] = string(b)
	}
	t, err := web.Parse(assets, "page.html")
	if err != nil {
		return nil, err
	}
	p := s.page()
	p.Live = live
	p = web.Clean(p)
	p.Shell = web.Shell{
		Title: "Leaderboard", Brand: "Leaderboard", Skip: "boards", CSS: template.CSS(parts[0]), JS: parts[1:], Live: live != nil, //nolint:gosec // our own file
	}
	for _, part := range []struct {
		name, id string
		there    bool
	}{{"Runs now", "live", live != nil}, {"Ranks", "boards", len(p.Divisions) > 0}, {"Published", "published", len(p.Published) > 0}, {"Sources", "sources", true}, {"Method", "method", true}} {
		if part.there {
			p.Shell.Nav = append(p.Shell.Nav, web.Link{Text: part.name, URL: "#" + part.id})
		}
	}
	var b bytes.Buffer
	if err := t.Execute(&b, p); err != nil {
		return nil, fmt.Errorf("writing the page: %w", err)
	}
	return b.Bytes(), nil
}

func (s *Site) page() page {
	c := s.Collection
	p := page{
		Problems: c.Problems, Resamples: format.Count(s.Resamples), Coverage: strconv.FormatFloat(100*s.Coverage, 'g', 4, 64), Program: s.Program,
	}
	runs, baselines := 0, 0
	tokens := map[string]bool{}
	for _, x := range c.Sources {
		if x.Results.Source == compare.FromRun {
			runs++
		} else {
			baselines++
		}
		for _, t := range x.Results.Tokens {
			if !t.Reference {
				tokens[t.Name] = true
			}
		}
		p.Sources = append(p.Sources, newSource(x))
	}
	if runs > 0 || baselines == 0 {
		p.Meta = append(p.Meta, format.Plural(runs, "run", "runs"))
	}
	if baselines > 0 {
		p.Meta = append(p.Meta, format.Plural(baselines, "baseline", "baselines"))
	}
	p.Meta = append(p.Meta, format.Plural(len(tokens), "tokenizer", "tokenizers"))
	p.divisions(s)
	if n := len(p.Divisions); n > 1 {
		p.Meta = append(p.Meta, format.Plural(n, "leaderboard", "leaderboards")+", since versions are kept apart")
	}
	for i, x := range s.Published {
		p.Published = append(p.Published, newPublished(i, x))
	}
	return p
}

func newSource(x Source) source {
	h := x.Results.Header
	out := source{
		Name: x.Name, Kind: string(h.Source), Suite: suiteName(h.Suite), Made: day(h.Made), Program: h.Program, Origin: safeLink(h.Origin),
		URL: pageURL(x.Page), Tokenizers: len(h.Tokens), Notes: x.Notes,
	}
	var sets []string
	for _, d := range h.Datasets {
		sets = append(sets, fmt.Sprintf("%s (%s)", d.Name, view.Size(d.Items, d.Clips)))
	}
	out.Data = strings.Join(sets, ", ")
	return out
}

func suiteName(s compare.SuiteID) string {
	if s.Version == 0 {
		return s.ID
	}
	return fmt.Sprintf("%s %d", s.ID, s.Version)
}

// day is the date of a time, or the text where it is none.
func day(s string) string {
	if t, err := time.Parse(time.RFC3339, s); err == nil {
		return t.UTC().Format(time.DateOnly)
	}
	return s
}

// pageURL is the address of a page of the site, relative to it.
func pageURL(rel string) string {
	if rel == "" {
		return ""
	}
	parts := strings.Split(rel, "/")
	for i, s := range parts {
		parts[i] = url.PathEscape(s)
	}
	return "./" + strings.Join(parts, "/")
}

// safeLink links to what is an address, and shows anything else as text.
func safeLink(s string) link {
	if u, err := url.Parse(s); err == nil && (u.Scheme == "https" || u.Scheme == "http") && u.Host != "" {
		return link{s, u.String()}
	}
	return link{Text: s}
}

const shortDigest = 12

func short(digest string) string { return digest[:min(len(digest), shortDigest)] }

// divisions cuts the boards into parts of equal suite, data, seed and engines.
func (p *page) divisions(s *Site) {
	for i := 0; i < len(s.Boards); {
		first := s.Boards[i]
		n := i + 1
		for n < len(s.Boards) && sameDivision(first, s.Boards[n]) {
			n++
		}
		d := newDivision(len(p.Divisions), s.Boards[i:n], s.Collection.Sources)
		p.Missing = p.Missing || slices.ContainsFunc(d.Boards, func(b board) bool { return slices.ContainsFunc(b.Ranked, func(r row) bool { return r.Partial }) })
		for _, above := range p.Divisions {
			if above.Title == d.Title && d.Apart == "" && !d.Imported {
				d.Apart = differences(slices.Concat(above.Facts, above.Engines), slices.Concat(d.Facts, d.Engines))
			}
		}
		d.Label = d.Title
		if k := 1 + countTitles(p.Divisions, d.Title); k > 1 {
			d.Label += fmt.Sprintf(" (%d)", k)
		}
		p.Divisions = append(p.Divisions, d)
		i = n
	}
}

func countTitles(list []division, title string) int {
	n := 0
	for _, d := range list {
		if d.Title == title {
			n++
		}
	}
	return n
}

// differences names the facts in which one leaderboard is not another.
func differences(above, here [][2]string) string {
	var out []string
	find := func(list [][2]string, key string) string {
		for _, f := range list {
			if f[0] == key {
				return f[1]
			}
		}
		return "absent"
	}
	for _, f := range above {
		if x := find(here, f[0]); x != f[1] {
			out = append(out, fmt.Sprintf("%s: %s there, %s here", f[0], f[1], x))
		}
	}
	for _, f := range here {
		if find(above, f[0]) == "absent" {
			out = append(out, fmt.Sprintf("%s: absent there, %s here", f[0], f[1]))
		}
	}
	return strings.Join(out, "; ")
}

func sameDivision(a, b compare.Board) bool {
	return a.Suite == b.Suite && a.Dataset == b.Dataset && a.Seed == b.Seed && slices.Equal(a.Software, b.Software) && a.Source == b.Source && a.Origin == b.Origin
}

func newDivision(number int, boards []compare.Board, sources []Source) division {
	b := boards[0]
	d := division{ID: fmt.Sprintf("b%d", number), Imported: b.Source == compare.Imported, Origin: safeLink(b.Origin)}
	d.Title = b.Suite.Title
	if d.Title == "" {
		d.Title = b.Suite.ID
	}
	d.Title += " · " + b.Dataset.Name
	identity := func(name string, version int, digest string) string {
		out := name
		if version > 0 {
			out += fmt.Sprintf(", version %d", version)
		}
		if digest != "" {
			out += ", " + short(digest)
		}
		return out
	}
	d.Facts = append(d.Facts,
		[2]string{"suite", identity(b.Suite.ID, b.Suite.Version, b.Suite.Digest)},
		[2]string{"data", identity(b.Dataset.Name, b.Dataset.Version, b.Dataset.Digest) + ", " + view.Size(b.Dataset.Items, b.Dataset.Clips)})
	if !d.Imported {
		d.Facts = append(d.Facts, [2]string{"seed", strconv.FormatUint(b.Seed, 10)})
	}
	for _, kv := range b.Software {
		d.Engines = append(d.Engines, [2]string{kv.Key, kv.Value})
	}
	for i, x := range boards {
		cond := tab{d.ID + "-c-" + format.Slug(x.Condition), condition(x)}
		if !slices.Contains(d.Conds, cond) {
			d.Conds = append(d.Conds, cond)
		}
		metric := tab{fmt.Sprintf("%s-m-%s-%d", d.ID, format.Slug(x.Metric), x.Version), x.Spec.Title}
		if !slices.ContainsFunc(d.Metrics, func(t tab) bool { return t.ID == metric.ID }) {
			if slices.ContainsFunc(d.Metrics, func(t tab) bool { return t.Title == metric.Title }) {
				metric.Title = fmt.Sprintf("%s, version %d", x.Spec.Title, x.Version)
			}
			d.Metrics = append(d.Metrics, metric)
		}
		out := newBoard(x, sources)
		out.ID, out.Cond, out.Metric, out.Shown = fmt.Sprintf("%s-%d", d.ID, i), cond.ID, metric.ID, i == 0
		d.Boards = append(d.Boards, out)
	}
	return d
}

// condition names what a board is of, for people.
func condition(b compare.Board) string {
	name, size, sized := strings.Cut(b.Condition, "@")
	if n := len(b.Conditions); n > 0 {
		name = "damaged"
	}
	if sized {
		name += ", " + size + " px"
	}
	return name
}

func newBoard(x compare.Board, sources []Source) board {
	st := format.For(x.Spec)
	b := board{Title: fmt.Sprintf("%s %s, %s", x.Spec.Title, x.Better.Arrow(), condition(x)), Unit: st.Unit, Hint: x.Spec.Short, Why: x.Why}
	ranked, byFrame := 0, false
	for _, r := range x.Rows {
		if r.Rank > 0 {
			ranked++
		}
		for _, rate := range r.Rates {
			if rate.Counting == metrics.Nominal {
				b.Fixed = true
			} else if slices.Contains(metrics.CodedCountings(), rate.Counting) {
				b.Coded = true
			}
		}
	}
	for _, r := range x.Rows {
		out := newRow(r, st, ranked, sources)
		if x.Dataset.Clips > 0 && !r.Token.Reference && !r.Token.Clips {
			out.Name += view.ByFrameMark
			byFrame = true
		}
		b.Estimated = b.Estimated || strings.HasPrefix(out.Coded, "~")
		switch {
		case r.Token.Reference:
			b.Bounds = append(b.Bounds, out)
		case r.Rank > 0:
			b.Ranked = append(b.Ranked, out)
		default:
			b.Rest = append(b.Rest, out)
		}
	}
	var parts []string
	if len(x.Bins) > 0 {
		parts = append(parts, "mean over "+strings.Join(x.Bins, ", "))
	}
	if n := len(x.Conditions); n > 0 {
		parts = append(parts, fmt.Sprintf("mean over %s of damage", format.Plural(n, "kind and severity", "kinds and severities")))
	}
	if ranked > 0 {
		films, what := x.Dataset.Clips > 0, "values"
		if x.Spec.Scope != metrics.PerInstance && len(x.Conditions) == 0 || x.Spec.Scope.Whole() {
			what = view.Units(films, x.Spec)
		}
		text := fmt.Sprintf("ranked over %s of %s %s that all ranked ones have", format.Count(x.Common), format.Count(x.Total), what)
		switch {
		case films && what != "clips" && !x.Spec.Scope.Whole():
			text += ", of " + format.Plural(x.Clusters, "clip", "clips")
		case what == "values":
			text += fmt.Sprintf(", on %s", format.Plural(x.Clusters, "independent image or person", "independent images or people"))
		}
		parts = append(parts, text)
	}
	if slices.Contains(x.Warnings, string(stat.WarnFewClusters)) {
		parts = append(parts, fmt.Sprintf("fewer than %d independent ones: intervals and ranks look surer than they are", stat.FewClusters))
	}
	if byFrame {
		parts = append(parts, view.ByFrameMark+" a tokenizer of images, which codes every frame by itself")
	}
	if x.Spec.Scope.Whole() {
		parts = append(parts, "a value of the whole set has no parts to resample: nothing says how sure its ranks are")
	}
	b.Counts = strings.Join(parts, " · ")
	return b
}

// shownSources is how many sources of a row are named.
const shownSources = 3

func newRow(r compare.BoardRow, st format.Style, ranked int, sources []Source) row {
	mean, lo, hi := float64(r.Value), float64(r.Lo), float64(r.Hi)
	out := row{
		Name: r.Token.Name, Kind: r.Token.Kind, Value: st.Number(mean), Interval: st.Bounds(lo, hi), Sort: number(mean),
		Coverage: percent(r.Counted, r.Total), CoverageSort: number(r.Coverage()), Partial: r.Counted < r.Total, Why: r.Why,
	}
	if r.Rank > 0 {
		out.Rank, out.RankSort = strconv.Itoa(r.Rank), strconv.Itoa(r.Rank)
	}
	if r.RankLo > 0 {
		out.Ranks, out.RanksSort = strconv.Itoa(r.RankLo), strconv.Itoa(r.RankLo)
		if r.RankHi > r.RankLo {
			out.Ranks += "–" + strconv.Itoa(r.RankHi)
		}
		out.Strip = newStrip(r, ranked)
	}
	for i, n := range r.Results {
		if i == shownSources {
			out.MoreFrom = len(r.Results) - i
			break
		}
		s := sources[n]
		out.From = append(out.From, link{s.Name, pageURL(s.Page)})
		out.Imported = out.Imported || s.Results.Source == compare.Imported
	}
	var lacks []string
	for reason, n := range r.Lacks {
		lacks = append(lacks, fmt.Sprintf("%s %s", format.Count(n), strings.ReplaceAll(reason, "_", " ")))
	}
	slices.Sort(lacks)
	out.Lacks = strings.Join(lacks, ", ")
	for _, rate := range r.Rates {
		v := float64(rate.Value)
		if rate.Counting == metrics.Nominal {
			out.Fixed, out.FixedSort = format.Rate.Number(v), number(v)
			continue
		}
		if slices.Contains(metrics.CodedCountings(), rate.Counting) && out.Coded == "" {
			out.Coded, out.CodedSort = format.Rate.Number(v), number(v)
			if rate.Counting != metrics.Bitstream {
				out.Coded = "~" + out.Coded
			}
		}
	}
	return out
}

// newStrip places ranks on a line of 100 units.
func newStrip(r compare.BoardRow, ranked int) strip {
	if ranked < 2 {
		return strip{}
	}
	at := func(rank float64) float64 { return 4 + 92*(rank-1)/float64(ranked-1) }
	f := func(x float64) string { return strconv.FormatFloat(x, 'f', 1, 64) }
	lo, hi := at(float64(r.RankLo)), at(float64(r.RankHi))
	return strip{true, f(lo - 3), f(hi - lo + 6), f(at(float64(r.Rank)))}
}

// number is what a column sorts by; "" for none.
func number(v float64) string {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return ""
	}
	return strconv.FormatFloat(v, 'g', -1, 64)
}

// percent is a share; 100 % only where nothing is missing.
func percent(n, of int) string {
	if of == 0 {
		return format.None
	}
	p := 100 * float64(n) / float64(of)
	if n < of && p > 99.9 {
		p = 99.9
	}
	if n > 0 && p < .1 {
		p = .1
	}
	s := strconv.FormatFloat(p, 'f', 1, 64)
	return strings.TrimSuffix(s, ".0") + " %"
}

func newPublished(number int, p Published) published {
	out := published{ID: p.ID, Title: p.Title, File: p.File, Commit: p.Commit, Read: p.Read, Note: p.Note, Link: safeLink(p.Source), Paper: safeLink(p.Paper)}
	var columns []string
	for _, g := range p.Groups {
		columns = append(columns, g.Columns...)
	}
	for i, t := range p.Tables {
		out.Tables = append(out.Tables, publishedTable{fmt.Sprintf("p%d-%d", number, i), t.Title, p.Groups, columns, t.Rows})
	}
	return out
}
