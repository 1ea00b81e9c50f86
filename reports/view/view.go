// Package view arranges finished runs for showing: which tokenizers, data sets,
// conditions, bins and metrics there are, in which order, under which names and
// colours, and what was kept out of the means. Terminal tables, CSV files,
// Markdown, HTML and plots all start from a [View], so that they agree.
//
// Its opinion: a report computes nothing that the run did not measure. It
// orders, pairs and words what summary.json says; the only arithmetic is a
// difference to the upper bound of the same table. What may not be compared
// (other suite, data set or metric versions, other items) is not put on one
// page: [New] refuses and says what differs.
//
//	v, err := view.New(runA, runB)          // both on one page
//	g := v.Grid("text-default", "clean@256", "t-acc")
//	for _, row := range g.Rows { … }        // upper bounds first, then best first
package view

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"math"
	"path/filepath"
	"reflect"
	"slices"
	"strings"

	"github.com/vtbench/vtbench/bench/record"
	"github.com/vtbench/vtbench/bench/suite"
	"github.com/vtbench/vtbench/bench/summary"
	"github.com/vtbench/vtbench/datasets"
	"github.com/vtbench/vtbench/metrics"
	"github.com/vtbench/vtbench/metrics/stat"
	"github.com/vtbench/vtbench/tokenizers"
)

// ErrMismatch is wrapped by the error of [New] for runs that may not stand on
// one page.
var ErrMismatch = errors.New("the runs cannot be joined")

// A View is one or several runs, arranged for showing.
type View struct {
	Name       string // of the run, or of all runs joined by " + "
	Suite      suite.Suite
	Runs       []Run
	Datasets   []record.DatasetEntry
	Conditions []Condition    // clean first, then as the suite lists corruptions
	Bins       []string       // scale bins that occur, from small to large
	Metrics    []metrics.Spec // headline first, then in suite order
	Headline   []string       // ids of the headline metrics that have values
	Tokens     []Token        // upper bounds first, then in run order
	Failures   []Failure
	Cases      []Case
	Timings    []Timing
	Alone      []summary.Alone     // times and memory with the machine to itself, where they were asked for
	Stages     []summary.Stage     // where the time of the run went, where there is one run
	Robust     []summary.RobustRow // scores over conditions, with the tokenizers' names on the page
	Warnings   []string            // what a reader must know before trusting the page
	Heads      []string            // what metrics say of the originals that belongs at the top: "36 faces of 2 people"

	distributions []summary.Distribution
	transfer      []summary.TransferRow
	rows          map[key]summary.Row
}

type key struct{ tokenizer, dataset, condition, bin, metric string }

// A Run is where a part of the view comes from.
type Run struct {
	Name     string // of the directory, unique on the page
	Dir      string
	Manifest *record.Manifest
}

// A Condition of the page, parsed where it can be.
type Condition struct {
	Key string // as in the records
	suite.Condition
}

// Title is the condition in words: "clean, 256 px", "fog 3, 512 px".
func (c Condition) Title() string {
	if c.Key != "" && c.Condition == (suite.Condition{}) && c.Key != "clean" {
		return c.Key
	}
	s := "clean"
	if c.Corruption != "" {
		s = fmt.Sprintf("%s %d", strings.ReplaceAll(c.Corruption, "_", " "), c.Severity)
	}
	if size := suite.Size(c.Resolution); size != "" {
		s += ", " + size
	}
	if c.Against != "" {
		s += ", against " + c.Against
	}
	return s
}

// A Token is a tokenizer of the page.
type Token struct {
	Name      string // unique on the page; the run's name stands in front where two runs share it
	Run       int    // index in View.Runs
	Own       string // name in its own run
	Kind      string
	Info      tokenizers.Info
	Options   tokenizers.Options
	Reference bool // an upper bound, not a contestant
	Floor     bool // what means nothing is left: no tokenizer at all
	Style     Style
}

// Failure is a failed item, with the tokenizer's name on the page.
type Failure struct {
	summary.Failure
	Run int
}

// Case is a shown instance or image, with the tokenizer's name on the page.
type Case struct {
	record.Case
	Run int
}

// Timing is what a tokenizer cost, with its name on the page.
type Timing struct {
	summary.Timing
	Run int
}

// New arranges runs. Several runs stand on one page only where suite, data sets
// and metrics have the same versions and the same items were planned; the error
// otherwise lists everything that differs and wraps [ErrMismatch].
func New(runs ...*summary.Run) (*View, error) {
	if len(runs) == 0 {
		return nil, errors.New("arranging a report: there is no run")
	}
	for _, r := range runs {
		if r.Manifest.Schema > record.SchemaVersion {
			return nil, fmt.Errorf("arranging the report of %s: its schema is %d and this program knows up to %d: use a newer vtbench", r.Dir, r.Manifest.Schema, record.SchemaVersion)
		}
	}
	v := &View{rows: map[key]summary.Row{}}
	names := runNames(runs)
	for i, r := range runs {
		v.Runs = append(v.Runs, Run{Name: names[i], Dir: r.Dir, Manifest: &r.Manifest})
		if !r.Complete {
			v.warn("run %s is not complete: these are the values so far; continue it with --resume", names[i])
		}
		if s := r.Manifest.Shard; s != "" {
			v.warn("run %s is shard %s: a part of the items only", names[i], s)
		}
	}
	v.Name = strings.Join(names, " + ")
	v.Suite = runs[0].Manifest.Suite
	if err := joinable(runs, names); err != nil {
		return nil, err
	}
	v.differences()
	for i, names := range v.nameTokens(runs) {
		v.addRun(i, runs[i], names)
		for _, row := range runs[i].Summary.Robustness {
			if names.shown[row.Tokenizer] {
				continue
			}
			row.Tokenizer = names.name(row.Tokenizer)
			v.Robust = append(v.Robust, row)
		}
		for _, row := range runs[i].Summary.Transfer {
			if !names.shown[row.Tokenizer] {
				row.Tokenizer = names.name(row.Tokenizer)
				v.transfer = append(v.transfer, row)
			}
		}
		for _, d := range runs[i].Summary.Distributions {
			if !names.shown[d.Tokenizer] {
				d.Tokenizer = names.name(d.Tokenizer)
				v.distributions = append(v.distributions, d)
			}
		}
	}
	v.leftOut(runs)
	v.remarks(runs)
	v.alarms(runs)
	v.sortDistributions()
	v.order(runs)
	v.fewClusters()
	v.assignStyles()
	return v, nil
}

func (v *View) warn(format string, args ...any) {
	v.Warnings = append(v.Warnings, fmt.Sprintf(format, args...))
}

// runNames are the names of the run directories, with as many parents in front
// as make them different.
func runNames(runs []*summary.Run) []string {
	full := make([][]string, len(runs))
	for i, r := range runs {
		dir := r.Dir
		if abs, err := filepath.Abs(dir); err == nil && dir != "" {
			dir = abs
		}
		for _, p := range strings.Split(filepath.ToSlash(filepath.Clean(dir)), "/") {
			if p != "" && p != "." {
				full[i] = append(full[i], p)
			}
		}
		if len(full[i]) == 0 {
			full[i] = []string{"run"}
		}
	}
	names := make([]string, len(runs))
	for depth := 1; ; depth++ {
		seen, deepest := map[string]int{}, 0
		for i, parts := range full {
			names[i] = strings.Join(parts[max(0, len(parts)-depth):], "/")
			seen[names[i]]++
			deepest = max(deepest, len(parts))
		}
		if len(seen) == len(runs) {
			return names
		}
		if depth >= deepest { // the same directory twice
			for i := range names {
				names[i] = fmt.Sprintf("%s (%d)", names[i], i+1)
			}
			return names
		}
	}
}

// leftOut says what of the suite could not be had.
func (v *View) leftOut(runs []*summary.Run) {
	seen := map[string]bool{}
	for _, r := range runs {
		for _, name := range slices.Sorted(maps.Keys(r.Manifest.LeftOut)) {
			if why := r.Manifest.LeftOut[name]; !seen[name] {
				seen[name] = true
				v.warn("%s is part of the suite and left out: %s", name, why)
			}
		}
	}
}

// remarks says what metrics noticed in the originals, and which labels they refused.
func (v *View) remarks(runs []*summary.Run) {
	for _, r := range runs {
		for _, m := range r.Manifest.Remarks {
			if m.Head && !slices.Contains(v.Heads, m.Text) {
				v.Heads = append(v.Heads, m.Text)
			}
			if !m.Head && !slices.Contains(v.Warnings, m.Text) {
				v.warn("%s", m.Text)
			}
		}
		for _, l := range r.Summary.Lost {
			if !metrics.Refused(l.Reason) {
				continue // the loader has said it
			}
			text := fmt.Sprintf("%s: %d %s, the first is %s", l.Dataset, l.Labels, ReasonTitle(l.Reason), l.First)
			if !slices.Contains(v.Warnings, text) {
				v.warn("%s", text)
			}
		}
	}
}

// alarms says whose reconstructions look as if the adapter were wrong, before anything
// else: such numbers are not the tokenizer's. What holds of several data sets is said once.
func (v *View) alarms(runs []*summary.Run) {
	type alarm struct{ tokenizer, text string }
	var order []alarm
	sets := map[alarm][]string{}
	for i, r := range runs {
		for _, a := range r.Summary.Alarms {
			k := alarm{a.Tokenizer, a.Text}
			if j := slices.IndexFunc(v.Tokens, func(t Token) bool { return t.Run == i && t.Own == a.Tokenizer }); j >= 0 {
				k.tokenizer = v.Tokens[j].Name
			}
			if sets[k] == nil {
				order = append(order, k)
			}
			sets[k] = append(sets[k], a.Dataset)
		}
	}
	var said []string
	for _, k := range order {
		said = append(said, fmt.Sprintf("%s on %s: %s", k.tokenizer, strings.Join(sets[k], ", "), k.text))
	}
	v.Warnings = append(said, v.Warnings...)
}

// fewClusters warns where headline intervals rest on few images.
func (v *View) fewClusters() {
	few, all, most := 0, 0, 0
	for _, r := range v.rows {
		if r.N == 0 || !slices.Contains(v.Headline, r.Metric) {
			continue
		}
		if all++; slices.Contains(r.Warnings, string(stat.WarnFewClusters)) {
			few++
			most = max(most, r.Clusters)
		}
	}
	if few > 0 {
		v.warn("%d of %d headline values rest on fewer than %d %s (%d at most): their intervals are rough, and missing where there is only one", few, all, stat.FewClusters, v.Samples(), most)
	}
}

// joinable says what keeps runs from standing on one page.
func joinable(runs []*summary.Run, names []string) error {
	var faults []string
	first := &runs[0].Manifest
	infos := map[string]record.DatasetEntry{}
	specs := map[string]metrics.Spec{}
	owner := map[string]string{}
	for i, r := range runs {
		m := &r.Manifest
		fault := func(other, format string, args ...any) {
			faults = append(faults, fmt.Sprintf("%s and %s: ", other, names[i])+fmt.Sprintf(format, args...))
		}
		if i > 0 {
			a, b := first.Suite, m.Suite
			switch {
			case a.ID != b.ID:
				fault(names[0], "suite %q against %q", a.ID, b.ID)
			case a.Version != b.Version:
				fault(names[0], "suite %q version %d against %d", a.ID, a.Version, b.Version)
			default:
				if a.ScoreAt != b.ScoreAt {
					fault(names[0], "suite %q scores at %q against %q", a.ID, a.ScoreAt, b.ScoreAt)
				}
				if x, y := cmp.Or(a.Window, suite.DefaultWindow), cmp.Or(b.Window, suite.DefaultWindow); x != y {
					fault(names[0], "suite %q gives tokenizers %d frames of a film at once against %d", a.ID, x, y)
				}
				if !sameBins(a.Bins, b.Bins) {
					fault(names[0], "suite %q has other scale bins", a.ID)
				}
				if !reflect.DeepEqual(a.Corruptions, b.Corruptions) || a.Baseline != b.Baseline {
					fault(names[0], "suite %q has other corruptions or another baseline", a.ID)
				}
				if !reflect.DeepEqual(orEmpty(a.Options), orEmpty(b.Options)) {
					fault(names[0], "suite %q has other metric options: %v against %v", a.ID, a.Options, b.Options)
				}
			}
			if m.Shard != first.Shard {
				fault(names[0], "shard %q against %q: shards of one run become one by vtbench merge PART… -o DIR", first.Shard, m.Shard)
			}
		}
		for _, d := range m.Datasets {
			name := entryName(d)
			was, ok := infos[name]
			if !ok {
				infos[name], owner["d "+name] = d, names[i]
				continue
			}
			from := owner["d "+name]
			switch {
			case was.Info.ID != d.Info.ID:
				fault(from, "the name %q stands for data set %q against %q", name, was.Info.ID, d.Info.ID)
			case was.Info.Version != d.Info.Version:
				fault(from, "data set %q version %d against %d", d.Info.ID, was.Info.Version, d.Info.Version)
			case was.Info.Digest != d.Info.Digest:
				fault(from, "data set %q has other contents: digest %s against %s", d.Info.ID, short(was.Info.Digest), short(d.Info.Digest))
			case was.Items != d.Items:
				fault(from, "data set %q: %d items were planned against %d", d.Info.ID, was.Items, d.Items)
			}
		}
		for _, s := range m.Metrics {
			was, ok := specs[s.ID]
			if !ok {
				specs[s.ID], owner["m "+s.ID] = s, names[i]
				continue
			}
			if was.Version != s.Version {
				fault(owner["m "+s.ID], "metric %q version %d against %d", s.ID, was.Version, s.Version)
			}
		}
	}
	if len(faults) == 0 {
		return nil
	}
	return fmt.Errorf("%w: their values do not mean the same:\n  %s\nmake the older run again with this program, or report them apart", ErrMismatch, strings.Join(faults, "\n  "))
}

// differences warns of what may shift values without being a version.
func (v *View) differences() {
	a := v.Runs[0]
	for _, b := range v.Runs[1:] {
		for _, k := range sortedKeys(a.Manifest.Provenance, b.Manifest.Provenance) {
			if x, y := a.Manifest.Provenance[k], b.Manifest.Provenance[k]; x != y {
				v.warn("%s was %s in run %s and %s in run %s: small differences may come from it", k, orNone(x), a.Name, orNone(y), b.Name)
			}
		}
		if a.Manifest.Bootstrap != b.Manifest.Bootstrap || a.Manifest.Seed != b.Manifest.Seed {
			v.warn("runs %s and %s made their intervals with other seeds or settings", a.Name, b.Name)
		}
	}
}

// entryName is the name of a data set in records.
func entryName(d record.DatasetEntry) string {
	if d.Name != "" {
		return d.Name
	}
	return d.Info.ID
}

func orNone(s string) string {
	if s == "" {
		return "not stated"
	}
	return s
}

func orEmpty(m map[string]string) map[string]string {
	if m == nil {
		return map[string]string{}
	}
	return m
}

func sameBins(a, b *suite.Bins) bool {
	if a == nil || b == nil {
		return a == b
	}
	if a.Scale != b.Scale || !slices.Equal(a.Names, b.Names) {
		return false
	}
	for res, edges := range a.Edges { // resolutions may differ, shared ones may not
		if other, ok := b.Edges[res]; ok && !slices.Equal(edges, other) {
			return false
		}
	}
	return true
}

func short(digest string) string {
	if len(digest) > 12 {
		return digest[:12]
	}
	if digest == "" {
		return "none"
	}
	return digest
}

func sortedKeys(ms ...map[string]string) []string {
	var out []string
	for _, m := range ms {
		for k := range m {
			if !slices.Contains(out, k) {
				out = append(out, k)
			}
		}
	}
	slices.Sort(out)
	return out
}

// nameTokens gives every tokenizer its name on the page: its own where no other
// run uses it, RUN#NAME where one does. An upper bound with the same values in
// all runs stands on the page once.
func (v *View) nameTokens(runs []*summary.Run) []naming {
	uses := map[string]int{}
	for _, r := range runs {
		for _, name := range tokenNames(r) {
			uses[name]++
		}
	}
	merged := map[string]bool{}
	out := make([]naming, len(runs))
	taken := map[string]bool{}
	scaledBack, films, byFrame := false, slices.ContainsFunc(v.Runs, func(r Run) bool { return len(r.Films()) > 0 }), false
	for i, r := range runs {
		out[i] = naming{names: map[string]string{}, shown: map[string]bool{}}
		for _, own := range tokenNames(r) {
			entry, _ := r.Manifest.Token(own)
			ref := entry.Info.Reference || own == suite.Original
			name := own
			if uses[own] > 1 {
				if ref && sameEverywhere(runs, own) {
					if merged[own] {
						out[i].shown[own] = true
						continue
					}
					merged[own] = true
				} else {
					name = v.Runs[i].Name + "#" + own
				}
			}
			for base, n := name, 2; taken[name]; n++ {
				name = fmt.Sprintf("%s (%d)", base, n)
			}
			if entry.Info.ScaledBack {
				name += scaledBackMark
				scaledBack = true
			}
			if films && !ref && entry.Info.Clips == nil {
				name += ByFrameMark
				byFrame = true
			}
			taken[name] = true
			out[i].names[own] = name
			v.Tokens = append(v.Tokens, Token{
				Name: name, Run: i, Own: own, Kind: entry.Kind, Info: entry.Info,
				Options: entry.Options, Reference: ref,
			})
		}
	}
	if scaledBack {
		v.warn("%s: these reconstructions came at the size of the originals; that they were made at the resolution of the table, and how they were scaled, is their maker's word", scaledBackMark)
	}
	if byFrame {
		v.warn("%s", v.ByFrameNote())
	}
	return out
}

// scaledBackMark stands behind the name of a tokenizer whose reconstructions were
// scaled back elsewhere.
const scaledBackMark = "†"

// ByFrameMark stands, where films are shown, behind the name of a tokenizer of images.
const ByFrameMark = "‡"

// naming is what the tokenizers of one run are called on the page.
type naming struct {
	names map[string]string
	shown map[string]bool // upper bounds that an earlier run shows already
}

func (n naming) name(own string) string {
	if name, ok := n.names[own]; ok {
		return name
	}
	return own
}

// tokenNames are the tokenizers of the manifest, then those that only the rows
// know.
func tokenNames(r *summary.Run) []string {
	var names []string
	for _, t := range r.Manifest.Tokenizers {
		if !slices.Contains(names, t.Name) {
			names = append(names, t.Name)
		}
	}
	seen := map[string]bool{}
	for _, row := range r.Summary.Rows {
		if !seen[row.Tokenizer] {
			seen[row.Tokenizer] = true
			if !slices.Contains(names, row.Tokenizer) {
				names = append(names, row.Tokenizer)
			}
		}
	}
	return names
}

// sameEverywhere reports whether all runs that have a tokenizer measured the
// same values for it, wherever they measured the same thing.
func sameEverywhere(runs []*summary.Run, name string) bool {
	seen := map[key]summary.Row{}
	for _, r := range runs {
		for _, row := range r.Summary.Rows {
			if row.Tokenizer != name {
				continue
			}
			k := key{"", row.Dataset, row.Condition, row.Bin, row.Metric}
			was, ok := seen[k]
			if !ok {
				seen[k] = row
				continue
			}
			if !sameFloat(float64(was.Mean), float64(row.Mean)) || was.N != row.N {
				return false
			}
		}
	}
	return true
}

func sameFloat(a, b float64) bool { return a == b || math.IsNaN(a) && math.IsNaN(b) }

// addRun takes over the rows, failures, cases and timings of one run.
func (v *View) addRun(i int, r *summary.Run, names naming) {
	twice := 0
	for _, row := range r.Summary.Rows {
		known := names.shown[row.Tokenizer]
		row.Tokenizer = names.name(row.Tokenizer)
		k := key{row.Tokenizer, row.Dataset, row.Condition, row.Bin, row.Metric}
		if _, there := v.rows[k]; !there {
			v.rows[k] = row
		} else if !known {
			twice++
		}
	}
	if twice > 0 {
		v.warn("the summary of run %s states %d values twice; the first of each is shown", v.Runs[i].Name, twice)
	}
	for _, f := range r.Summary.Errors {
		if !names.shown[f.Tokenizer] {
			f.Tokenizer = names.name(f.Tokenizer)
			v.Failures = append(v.Failures, Failure{Failure: f, Run: i})
		}
	}
	for _, c := range r.Cases {
		if !names.shown[c.Tokenizer] {
			c.Tokenizer = names.name(c.Tokenizer)
			v.Cases = append(v.Cases, Case{Case: c, Run: i})
		}
	}
	for _, t := range r.Performance.Times {
		if !names.shown[t.Tokenizer] {
			t.Tokenizer = names.name(t.Tokenizer)
			v.Timings = append(v.Timings, Timing{Timing: t, Run: i})
		}
	}
	if i == 0 {
		v.Stages = r.Performance.Stages
	} else {
		v.Stages = nil
	}
	for _, a := range r.Performance.Alone {
		if !names.shown[a.Tokenizer] {
			a.Tokenizer = names.name(a.Tokenizer)
			v.Alone = append(v.Alone, a)
		}
	}
}

// order fills what is listed on the page.
func (v *View) order(runs []*summary.Run) {
	var dsIDs, conds, bins []string
	have := map[string]bool{}
	// Rows are walked in their own order, since that is plan order.
	for _, r := range runs {
		for _, d := range r.Manifest.Datasets {
			d.Name = entryName(d)
			if !slices.Contains(dsIDs, d.Name) {
				dsIDs = append(dsIDs, d.Name)
				v.Datasets = append(v.Datasets, d)
			}
		}
		for _, row := range r.Summary.Rows {
			have[row.Metric] = true
			if !slices.Contains(dsIDs, row.Dataset) {
				dsIDs = append(dsIDs, row.Dataset)
				v.Datasets = append(v.Datasets, record.DatasetEntry{Name: row.Dataset, Spec: row.Dataset, Info: datasets.Info{ID: row.Dataset, Title: row.Dataset}})
			}
			if !slices.Contains(conds, row.Condition) {
				conds = append(conds, row.Condition)
			}
			if row.Bin != summary.BinAll && row.Bin != summary.BinMean && !slices.Contains(bins, row.Bin) {
				bins = append(bins, row.Bin)
			}
		}
	}
	v.Conditions = v.orderConditions(conds)
	if b := v.Suite.Bins; b != nil {
		for _, name := range b.Names {
			if slices.Contains(bins, name) {
				v.Bins = append(v.Bins, name)
			}
		}
	}
	for _, name := range bins {
		if !slices.Contains(v.Bins, name) {
			v.Bins = append(v.Bins, name)
		}
	}
	v.orderMetrics(runs, have)
	v.demote()
	slices.SortStableFunc(v.Tokens, func(a, b Token) int { return rank(a) - rank(b) })
}

// rank puts upper bounds first, the untouched original before the others.
func rank(t Token) int {
	switch {
	case t.Own == suite.Original:
		return 0
	case t.Reference:
		return 1
	}
	return 2
}

// demote takes metrics out of the headline that rest on fewer independent units than
// they need on every data set, and says so. The last one stays.
func (v *View) demote() {
	var kept []string
	for _, id := range v.Headline {
		m, _ := v.Metric(id)
		most := 0
		for _, d := range v.Datasets {
			most = max(most, v.units(d.Name, id))
		}
		if most >= m.HeadlineFrom {
			kept = append(kept, id)
			continue
		}
		v.warn("%s is no headline here: it rests on %d %s, fewer than %d, which makes it too easy", m.Title, most, v.Samples(), m.HeadlineFrom)
	}
	if len(kept) > 0 {
		v.Headline = kept
	}
}

// units is on how many independent units a metric rests on a data set, at most.
func (v *View) units(dataset, metric string) int {
	n := 0
	for k, r := range v.rows {
		if k.dataset == dataset && k.metric == metric {
			n = max(n, r.Clusters)
		}
	}
	return n
}

func (v *View) orderMetrics(runs []*summary.Run, have map[string]bool) {
	specs := map[string]metrics.Spec{}
	var ids []string
	add := func(id string) {
		if have[id] && !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
	}
	for _, r := range runs {
		for _, s := range r.Manifest.Metrics {
			if _, ok := specs[s.ID]; !ok {
				specs[s.ID] = s
			}
		}
	}
	for _, id := range v.Suite.Headline {
		add(id)
	}
	v.Headline = slices.Clone(ids)
	for _, id := range v.Suite.Metrics {
		add(id)
	}
	for _, r := range runs {
		for _, s := range r.Manifest.Metrics {
			add(s.ID)
		}
	}
	rest := make([]string, 0, len(have))
	for id := range have {
		rest = append(rest, id)
	}
	slices.Sort(rest)
	for _, id := range rest {
		add(id)
	}
	for _, id := range ids {
		s, ok := specs[id]
		if !ok {
			s.ID = id
		}
		v.Metrics = append(v.Metrics, s.Complete())
	}
	if len(v.Headline) == 0 && len(ids) > 0 {
		v.Headline = ids[:1]
	}
}

// sideOf orders resolutions: native comes after all squares.
func sideOf(c Condition) int {
	if c.Resolution == suite.Native {
		return math.MaxInt32
	}
	return c.Resolution
}

func (v *View) orderConditions(keys []string) []Condition {
	var out []Condition
	for _, k := range keys {
		c, err := suite.ParseCondition(k)
		if err != nil {
			v.warn("%v: shown under the name it has", err)
			c = suite.Condition{}
		}
		out = append(out, Condition{Key: k, Condition: c})
	}
	place := func(c Condition) int {
		if c.Corruption == "" {
			return -1
		}
		for i, s := range v.Suite.Corruptions {
			if s.Type == c.Corruption {
				return i
			}
		}
		return len(v.Suite.Corruptions)
	}
	slices.SortStableFunc(out, func(a, b Condition) int {
		for _, d := range []int{place(a) - place(b), strings.Compare(a.Corruption, b.Corruption), a.Severity - b.Severity, sideOf(a) - sideOf(b), strings.Compare(a.Against, b.Against)} {
			if d != 0 {
				return d
			}
		}
		return 0
	})
	return out
}
