package compare

import (
	"errors"
	"fmt"
	"iter"
	"math"
	"path"
	"slices"
	"strings"

	"github.com/vtbench/vtbench/bench/record"
	"github.com/vtbench/vtbench/bench/suite"
	"github.com/vtbench/vtbench/bench/summary"
	"github.com/vtbench/vtbench/internal/suggest"
	"github.com/vtbench/vtbench/metrics"
	"github.com/vtbench/vtbench/metrics/stat"
)

var nan = math.NaN()

// Test names a test of paired differences of clusters.
type Test string

// The tests there are; docs/statistics.md says which when.
const (
	SignFlip Test = "sign-flip"
	Wilcoxon Test = "wilcoxon"
)

// Options change how a comparison is made; the zero value is the usual one.
type Options struct {
	Alpha     float64 // level of a verdict; 0 means 0.05
	Power     float64 // for the detectable difference; 0 means 0.8
	Resamples int     // 0 means stat.DefaultResamples
	Seed      uint64  // of resamples and flips; 0 means 1
	Test      Test    // "" means SignFlip
	// Margins override the smallest differences that matter; the last match wins.
	Margins []Margin
	// Metrics keeps only metrics that match one of these patterns; nil keeps all.
	Metrics []string
	// AllowVersionSkew compares what should not be compared, and says so.
	AllowVersionSkew bool
	Program          string // version of the program, for the report
}

func (o Options) resolve() (Options, error) {
	if o.Alpha == 0 {
		o.Alpha = 0.05
	}
	if o.Power == 0 {
		o.Power = 0.8
	}
	if o.Resamples == 0 {
		o.Resamples = stat.DefaultResamples
	}
	if o.Seed == 0 {
		o.Seed = 1
	}
	if o.Test == "" {
		o.Test = SignFlip
	}
	switch {
	case !(o.Alpha > 0 && o.Alpha < 0.5):
		return o, fmt.Errorf("alpha is %g: want a level between 0 and 0.5, usually 0.05", o.Alpha)
	case !(o.Power > o.Alpha && o.Power < 1):
		return o, fmt.Errorf("power is %g: want a chance between alpha and 1, usually 0.8", o.Power)
	case o.Resamples < 99:
		return o, fmt.Errorf("resamples is %d: want 99 or more", o.Resamples)
	case o.Test != SignFlip && o.Test != Wilcoxon:
		return o, fmt.Errorf("test is %q: want %s or %s", o.Test, SignFlip, Wilcoxon)
	}
	for _, p := range o.Metrics {
		if _, err := path.Match(p, ""); err != nil {
			return o, fmt.Errorf("metric pattern %q: %w", p, err)
		}
	}
	for _, m := range o.Margins {
		if err := m.check(); err != nil {
			return o, err
		}
	}
	return o, nil
}

// A Side is results, or some tokenizers of them.
type Side struct {
	Results *Results
	// Tokenizer selects one by its label, or all of a family ("vq" for "vq:…"); ""
	// selects all contestants.
	Tokenizer string
}

// selected lists the contestants of a side.
func (s Side) selected() ([]TokenID, error) {
	var out, bounds []TokenID
	for _, t := range s.Results.Tokens {
		switch {
		case s.Tokenizer == t.Name:
			return []TokenID{t}, nil
		case s.Tokenizer != "" && t.Family() != s.Tokenizer:
		case t.Reference:
			bounds = append(bounds, t)
		default:
			out = append(out, t)
		}
	}
	if len(out) == 0 && s.Tokenizer == "" {
		out = bounds // a run of upper bounds only
	}
	if len(out) == 0 {
		var names []string
		for _, t := range s.Results.Tokens {
			names = append(names, t.Name)
		}
		if s.Tokenizer == "" {
			return nil, fmt.Errorf("%s has no tokenizers", s.Results.Name)
		}
		return nil, fmt.Errorf("%s has no tokenizer %q: there are %s", s.Results.Name, s.Tokenizer, strings.Join(names, ", "))
	}
	return out, nil
}

// engine is the state of one comparison.
type engine struct {
	o      Options
	report *Report
	tests  []pending
	// curvesOnly are the baselines that are compared as families of several rates.
	curvesOnly []string
	// effects are detectable differences in units of the standard error.
	effects map[effectKey]float64
}

type effectKey struct {
	clusters int
	level    float64
}

// pending is a row whose numbers are not there yet.
type pending struct {
	row              int
	base, cand, diff []stat.Ratio
}

// Compare compares a candidate with one or several baselines.
func Compare(baselines []Side, candidate Side, o Options) (*Report, error) {
	o, err := o.resolve()
	if err != nil {
		return nil, fmt.Errorf("comparing: %w", err)
	}
	if len(baselines) == 0 {
		return nil, errors.New("comparing: there is no baseline")
	}
	e := &engine{o: o, effects: map[effectKey]float64{}, report: &Report{
		Schema: ReportVersion, Program: o.Program, Pairs: []Pair{}, Rows: []Row{}, Tallies: []Tally{},
		Method: Method{Alpha: o.Alpha, Level: 0.95, Test: string(o.Test), Resamples: o.Resamples, Seed: o.Seed, Power: o.Power},
	}}
	for i, b := range baselines {
		if err := e.side(i, b, candidate); err != nil {
			return nil, err
		}
	}
	info, err := describeSide("candidate", candidate)
	if err != nil {
		return nil, err
	}
	e.report.Sides = append(e.report.Sides, info)
	e.report.Credits = candidate.Results.Credits
	e.adjust()
	if err := e.fronts(baselines, candidate); err != nil {
		return nil, err
	}
	return e.report, nil
}

func describeSide(role string, s Side) (SideInfo, error) {
	toks, err := s.selected()
	if err != nil {
		return SideInfo{}, err
	}
	h := &s.Results.Header
	info := SideInfo{
		Role: role, Name: s.name(), Source: h.Source, Origin: h.Origin, Suite: h.Suite, Datasets: h.Datasets,
		Tokens: toks, Made: h.Made, Program: h.Program, Partial: h.Partial,
	}
	chosen := map[string]bool{"": true}
	for _, t := range toks {
		chosen[t.Name] = true
	}
	for _, f := range h.Failures {
		if !chosen[f.Tokenizer] {
			continue
		}
		if info.Failures++; info.Failures == 1 {
			info.FirstFail = strings.TrimSpace(f.Tokenizer + " on " + f.Item + ": " + f.Error)
		}
	}
	return info, nil
}

func (s Side) name() string {
	if s.Tokenizer == "" {
		return s.Results.Name
	}
	return s.Results.Name + "#" + s.Tokenizer
}

// side compares the candidate with one baseline side.
func (e *engine) side(index int, b, c Side) error {
	info, err := describeSide("baseline", b)
	if err != nil {
		return err
	}
	e.report.Sides = append(e.report.Sides, info)
	if b.Results.Partial {
		e.warn("%s was interrupted: what it lacks is counted as missing", b.name())
	}
	if index == 0 && c.Results.Partial {
		e.warn("%s was interrupted: what it lacks is counted as missing", c.name())
	}
	imported := b.Results.Source == Imported || c.Results.Source == Imported
	skews := check(&b.Results.Header, &c.Results.Header)
	switch {
	case len(skews) == 0:
	case e.o.AllowVersionSkew:
		e.report.Skews = append(e.report.Skews, skews...)
	case imported:
		e.warn("imported results stand beside the others (%s): how they were made is not known here, so they are not tested against them", strings.Join(importedNames(b, c), ", "))
		return nil // see fronts: their values are shown
	default:
		return &SkewError{b.name(), c.name(), skews}
	}
	pairs, err := e.pair(index, b, c)
	if err != nil {
		return err
	}
	m := newMatch(b.Results, c.Results)
	e.oneSided(m)
	if len(pairs) == 0 {
		return nil
	}
	specs := slices.Concat(b.Results.Metrics, c.Results.Metrics)
	for _, x := range e.o.Margins { // a misspelt margin would silently leave the default in force
		if !slices.ContainsFunc(specs, func(s metrics.Spec) bool { return matches(x.Metric, s.ID) }) {
			e.warn("the margin of %q matches no metric", x.Metric)
		}
	}
	for _, pattern := range e.o.Metrics { // nor would a misspelt metric be missed
		if !slices.ContainsFunc(specs, func(s metrics.Spec) bool { return matches(pattern, s.ID) }) {
			ids := make([]string, len(specs))
			for i, s := range specs {
				ids[i] = s.ID
			}
			return fmt.Errorf("neither %s nor %s has a metric %q%s", b.name(), c.name(), pattern, suggest.Hint(pattern, ids))
		}
	}
	e.control(m)
	found := 0
	for _, d := range m.datasets() {
		n, err := e.dataset(m, d, pairs)
		if err != nil {
			return err
		}
		found += n
	}
	before := len(e.report.WorstCases)
	e.worst(m, pairs)
	if err := e.readings(m, before); err != nil {
		return err
	}
	if found == 0 {
		return fmt.Errorf("%s and %s %w: there is nothing to pair; were they run on different items (--limit, --shard) or metrics, or did both measure nothing?", b.name(), c.name(), ErrNothing)
	}
	return nil
}

// ErrNothing says that two results hold no value of the same metric on the same item.
var ErrNothing = errors.New("share no value")

func importedNames(sides ...Side) []string {
	var out []string
	for _, s := range sides {
		if s.Results.Source == Imported {
			out = append(out, s.name())
		}
	}
	return out
}

func (e *engine) warn(format string, args ...any) {
	if s := fmt.Sprintf(format, args...); !slices.Contains(e.report.Warnings, s) {
		e.report.Warnings = append(e.report.Warnings, s)
	}
}

// pair decides which tokenizers are compared: one with one; those of equal label;
// one candidate with several baselines; several candidates with one baseline.
func (e *engine) pair(index int, b, c Side) ([]int, error) {
	bt, err := b.selected()
	if err != nil {
		return nil, err
	}
	ct, err := c.selected()
	if err != nil {
		return nil, err
	}
	var out []int
	add := func(x, y TokenID) {
		p := Pair{
			Baseline: b.Results.Name + "#" + x.Name, Candidate: c.Results.Name + "#" + y.Name,
			BaselineToken: x.Name, Token: y.Name, SideIndex: index,
		}
		p.Label = y.Name
		if x.Name != y.Name {
			p.Label += " against " + x.Name
		}
		out = append(out, len(e.report.Pairs))
		e.report.Pairs = append(e.report.Pairs, p)
	}
	has := func(list []TokenID, name string) bool {
		return slices.ContainsFunc(list, func(t TokenID) bool { return t.Name == name })
	}
	sameRun := b.Results == c.Results
	itself := sameRun && b.Tokenizer == c.Tokenizer
	// Upper bounds stand for the contestants of a run that has no others. Beside a
	// baseline that has some they are no change of them: the candidate lacks them all.
	if c.Tokenizer == "" && boundsOnly(ct) && !boundsOnly(bt) {
		for _, t := range bt {
			e.report.Unpaired = append(e.report.Unpaired, Unpaired{"baseline", b.Results.Name, t.Name})
		}
		e.warn("the candidate %s has upper bounds only: nothing in it is compared; %s#%s selects one of them", c.name(), c.name(), ct[0].Name)
		return nil, nil
	}
	if itself {
		e.warn("%s is compared with itself", b.name())
	}
	common := 0
	for _, t := range bt {
		if has(ct, t.Name) {
			common++
		}
	}
	switch {
	case len(bt) == 1 && len(ct) == 1:
		add(bt[0], ct[0])
	case common > 0 && (!sameRun || itself):
		for _, t := range bt {
			if has(ct, t.Name) {
				add(t, t)
			} else {
				e.report.Unpaired = append(e.report.Unpaired, Unpaired{"baseline", b.Results.Name, t.Name})
			}
		}
		for _, t := range ct {
			if !has(bt, t.Name) {
				e.report.Unpaired = append(e.report.Unpaired, Unpaired{"candidate", c.Results.Name, t.Name})
			}
		}
	case len(ct) == 1:
		for _, t := range bt {
			if sameRun && t.Name == ct[0].Name {
				continue // the candidate is not its own baseline
			}
			add(t, ct[0])
		}
	case len(bt) == 1:
		for _, t := range ct {
			if sameRun && t.Name == bt[0].Name {
				continue
			}
			add(bt[0], t)
		}
	case b.Tokenizer != "" && c.Tokenizer != "" && common == 0:
		e.warn("%s and %s are two families of several rates: they are compared as curves only", b.name(), c.name())
		e.curvesOnly = append(e.curvesOnly, b.name())
	default:
		return nil, fmt.Errorf("%s has %d tokenizers and %s has %d, none of the same name: select with RUN#TOKENIZER which are to be compared", b.name(), len(bt), c.name(), len(ct))
	}
	for i, x := range e.report.Pairs { // labels tell pairs apart
		for j := range e.report.Pairs[:i] {
			if e.report.Pairs[j].Label == x.Label && e.report.Pairs[j].SideIndex != x.SideIndex {
				e.report.Pairs[i].Label = x.Token + " against " + x.Baseline
			}
		}
	}
	return out, nil
}

func boundsOnly(list []TokenID) bool {
	return !slices.ContainsFunc(list, func(t TokenID) bool { return !t.Reference })
}

// match relates the units of two results.
type match struct {
	b, c     *Results
	toB      []int32 // unit of c to unit of b; −1 where b has none
	clusterB []int32 // by unit of b: number of its cluster in its data set
	clusters map[string]int
	at       []int32                    // by unit of b, scratch: 1 + index into a cell
	keys     []cellKey                  // the cells of b, in order
	conds    map[string]map[string]bool // by data set, of either side
}

func newMatch(b, c *Results) *match {
	m := &match{b: b, c: c, toB: make([]int32, len(c.units)), clusterB: make([]int32, len(b.units)), clusters: map[string]int{}, at: make([]int32, len(b.units)), keys: b.keys(), conds: map[string]map[string]bool{}}
	for _, r := range []*Results{b, c} {
		for k := range r.cells {
			if m.conds[k.dataset] == nil {
				m.conds[k.dataset] = map[string]bool{}
			}
			m.conds[k.dataset][k.condition] = true
		}
	}
	for i, u := range c.units {
		m.toB[i] = -1
		if k, ok := b.index[unitKey{u.dataset, u.item, u.instance}]; ok {
			m.toB[i] = k
		}
	}
	// Only clusters of the baseline can have pairs; sorted by name, so that the
	// resamples do not depend on the order of the records.
	names := map[string]map[string]int32{}
	for _, u := range b.units {
		if names[u.dataset] == nil {
			names[u.dataset] = map[string]int32{}
		}
		names[u.dataset][u.cluster] = 0
	}
	for d, set := range names {
		sorted := make([]string, 0, len(set))
		for s := range set {
			sorted = append(sorted, s)
		}
		slices.Sort(sorted)
		for i, s := range sorted {
			set[s] = int32(i)
		}
		m.clusters[d] = len(sorted)
	}
	for i, u := range b.units {
		m.clusterB[i] = names[u.dataset][u.cluster]
	}
	return m
}

func (m *match) datasets() []string {
	var out []string
	for _, d := range m.b.Datasets {
		if m.clusters[d.Name] > 0 {
			out = append(out, d.Name)
		}
	}
	return out
}

// sums are the values of one bin by cluster, over pairs that both sides have.
type sums struct {
	base, cand, diff, den []float64
	// candDen is that of the candidate: another one only where weights are measured.
	candDen []float64
	n       int
}

func newSums(clusters int) *sums {
	all := make([]float64, 5*clusters)
	part := func(i int) []float64 { return all[i*clusters : (i+1)*clusters : (i+1)*clusters] }
	return &sums{part(0), part(1), part(2), part(3), part(4), 0}
}

func (s *sums) support() int {
	k := 0
	for i, d := range s.den {
		if d > 0 || s.candDen[i] > 0 {
			k++
		}
	}
	return k
}

// maxExamples is how many lost items a tally names.
const maxExamples = 5

// tally matches two cells value by value; weighed says that weights are measured and may
// differ. The sums are by bin.
func (m *match) tally(bc, cc *cell, weighed bool, t *Tally) map[string]*sums {
	out := map[string]*sums{}
	k := m.clusters[t.Dataset]
	example := func(u unit, why string) {
		if len(t.Examples) < maxExamples {
			s := u.item
			if u.instance != "" {
				s += ", " + u.instance
			}
			t.Examples = append(t.Examples, s+" ("+why+")")
		}
	}
	if bc == nil {
		bc = &cell{}
	}
	if cc == nil {
		cc = &cell{}
	}
	for i, v := range bc.values {
		m.at[v.unit] = int32(i) + 1
	}
	matched := 0
	for _, y := range cc.values {
		u := m.toB[y.unit]
		if u < 0 || m.at[u] == 0 {
			t.New++
			example(m.c.units[y.unit], "new in the candidate")
			continue
		}
		x := bc.values[m.at[u]-1]
		m.at[u] = -m.at[u] // seen
		matched++
		switch {
		case x.reason == failed && y.reason == failed:
			t.FailedBoth++
		case y.reason == failed && x.reason == 0:
			t.FailedCandidate++
			example(m.b.units[u], "the candidate failed")
		case x.reason == failed && y.reason == 0:
			t.FailedBaseline++
			example(m.b.units[u], "the baseline failed")
		case x.reason != 0 && y.reason != 0:
			t.DroppedBoth++
		case x.reason == infinite && y.reason == 0, x.reason == 0 && y.reason == infinite:
			t.Infinite++
			example(m.b.units[u], "infinite on one side")
		case y.reason != 0:
			t.DroppedCandidate++
			example(m.b.units[u], reasons[y.reason]+" in the candidate")
		case x.reason != 0:
			t.DroppedBaseline++
			example(m.b.units[u], reasons[x.reason]+" in the baseline")
		case m.b.binNames[x.bin] != m.c.binNames[y.bin] || x.n != y.n && !weighed:
			t.Moved++
			example(m.b.units[u], "another scale bin or weight")
		default:
			name := m.b.binNames[x.bin]
			s := out[name]
			if s == nil {
				s = newSums(k)
				out[name] = s
			}
			i := m.clusterB[u]
			s.base[i] += x.v * x.n
			s.cand[i] += y.v * y.n
			s.den[i] += x.n
			s.candDen[i] += y.n
			if x.n > 0 || y.n > 0 {
				s.n++
			}
			t.Paired++
		}
	}
	t.Missing = len(bc.values) - matched
	for _, v := range bc.values {
		if m.at[v.unit] > 0 && t.Missing > 0 {
			example(m.b.units[v.unit], "missing in the candidate")
		}
		m.at[v.unit] = 0
	}
	return out
}

// pairs yields the values that two cells have of one unit, and that unit of b.
func (m *match) pairs(bc, cc *cell) iter.Seq2[int32, [2]value] {
	return func(yield func(int32, [2]value) bool) {
		for i, v := range bc.values {
			m.at[v.unit] = int32(i) + 1
		}
		defer func() {
			for _, v := range bc.values {
				m.at[v.unit] = 0
			}
		}()
		for _, y := range cc.values {
			if u := m.toB[y.unit]; u >= 0 && m.at[u] != 0 && !yield(u, [2]value{bc.values[m.at[u]-1], y}) {
				return
			}
		}
	}
}

// control compares upper bounds that both results measured.
func (e *engine) control(m *match) {
	if m.b == m.c {
		return
	}
	of := map[string]*Control{}
	for _, t := range m.b.Tokens {
		if _, ok := m.c.Token(t.Name); ok && t.Reference {
			of[t.Name] = &Control{Tokenizer: t.Name, Baseline: m.b.Name}
		}
	}
	for _, k := range m.keys {
		ctl := of[k.tokenizer]
		if ctl == nil || m.c.cells[k] == nil {
			continue
		}
		for _, p := range m.pairs(m.b.cells[k], m.c.cells[k]) {
			x, y := p[0], p[1]
			ctl.Values++
			if x.v != y.v || x.reason != y.reason {
				ctl.Differing++
				if d := math.Abs(x.v - y.v); ctl.Metric == "" || d > float64(ctl.Largest) {
					ctl.Largest, ctl.Metric = record.Number(d), k.metric
				}
			}
		}
	}
	for _, t := range m.b.Tokens {
		ctl := of[t.Name]
		if ctl == nil || ctl.Values == 0 {
			continue
		}
		delete(of, t.Name)
		e.report.Controls = append(e.report.Controls, *ctl)
		if ctl.Differing > 0 {
			e.warn("%s is an upper bound and should be equal on both sides, but %d of its %d values differ (largest: %s by %.3g): the harness or its surroundings changed, so every row is in doubt",
				t.Name, ctl.Differing, ctl.Values, ctl.Metric, float64(ctl.Largest))
		}
	}
}

// maxRows bounds the rows of a data set, of which there is one for each bin, too: what
// strangers say that they measured is compared in bounded time.
const maxRows = 1 << 20

func (e *engine) wants(metric string) bool {
	return matchesAny(e.o.Metrics, metric)
}

// dataset makes the rows of one data set: all pairs on one plan of resamples.
func (e *engine) dataset(m *match, dataset string, pairs []int) (paired int, err error) {
	plan, err := stat.NewPlan(m.clusters[dataset], e.o.Resamples, e.o.Seed)
	if err != nil {
		return 0, fmt.Errorf("comparing on %s: %w", dataset, err)
	}
	conditions := m.conditions(dataset)
	specs := slices.DeleteFunc(m.specs(), func(s metrics.Spec) bool { return !e.wants(s.ID) })
	if n := int64(len(pairs)) * int64(len(conditions)) * int64(len(specs)); n > maxRows {
		return 0, fmt.Errorf("comparing on %s: %d pairs of tokenizers in %d metrics under %d conditions are more than %d rows: select with RUN#TOKENIZER or --metrics", dataset, len(pairs), len(specs), len(conditions), maxRows)
	}
	for _, p := range pairs {
		pair := e.report.Pairs[p]
		for _, cond := range conditions {
			if lacks := m.withoutTokens(dataset, pair, cond); lacks != "" {
				e.warn("%s has no tokens to damage: conditions that damage tokens are not compared", lacks)
				continue
			}
			for _, spec := range specs {
				bk := cellKey{dataset, pair.BaselineToken, cond, spec.ID}
				ck := cellKey{dataset, pair.Token, cond, spec.ID}
				row := Row{
					Pair: p, Dataset: dataset, Condition: cond, Metric: spec.ID, Title: spec.Title, Unit: spec.Unit, Better: spec.Better, Show: spec.Show, ByClass: spec.ByClass, spec: spec, films: m.c.films(dataset),
					Baseline: record.Number(nan), Candidate: record.Number(nan), Delta: record.Number(nan), Percent: record.Number(nan),
					Lo: record.Number(nan), Hi: record.Number(nan), P: record.Number(nan), Adjusted: record.Number(nan), Margin: record.Number(nan),
					Detectable: record.Number(nan), Effect: record.Number(nan), Verdict: NotCompared,
				}
				if spec.Scope.Whole() {
					e.corpus(m, bk, ck, row)
					continue
				}
				bc, cc := m.b.cells[bk], m.c.cells[ck]
				if bc == nil && cc == nil {
					continue
				}
				if lacks := m.never(bk, ck); lacks != "" {
					row.Why = lacks + " has no " + spec.Title
					e.report.Rows = append(e.report.Rows, row)
					continue
				}
				t := Tally{Pair: p, Dataset: dataset, Condition: cond, Metric: spec.ID}
				bins := m.tally(bc, cc, ownWeights(spec), &t)
				e.report.Tallies = append(e.report.Tallies, t)
				paired += t.Paired
				row.Lost = t.LostByCandidate()
				e.rows(m, row, spec, bins)
			}
		}
	}
	return paired, e.compute(plan)
}

// never names the tokenizer that has no value of a metric by its nature, such as
// the nominal rate of one without codes: another tokenizer than the one it is
// compared with, that was measured in other respects. Anything else that is absent
// was lost.
func (m *match) never(bk, ck cellKey) string {
	if bk.tokenizer == ck.tokenizer {
		return ""
	}
	switch {
	case m.b.cells[bk] == nil && m.b.measured(bk):
		return bk.tokenizer
	case m.c.cells[ck] == nil && m.c.measured(ck):
		return ck.tokenizer
	}
	return ""
}

// withoutTokens names the tokenizer of a pair that was never measured under a
// condition that damages tokens, since it has none; another tokenizer than the one
// it is compared with, as in never.
func (m *match) withoutTokens(dataset string, p Pair, cond string) string {
	c, err := suite.ParseCondition(cond)
	if err != nil || p.BaselineToken == p.Token || !slices.Contains(suite.TokenDamages(), c.Corruption) {
		return ""
	}
	b := m.b.measured(cellKey{dataset: dataset, tokenizer: p.BaselineToken, condition: cond})
	k := m.c.measured(cellKey{dataset: dataset, tokenizer: p.Token, condition: cond})
	switch {
	case k && !b:
		return p.BaselineToken
	case b && !k:
		return p.Token
	}
	return ""
}

// measured reports whether a tokenizer has any value under a condition.
func (r *Results) measured(k cellKey) bool {
	for _, s := range r.Metrics {
		k.metric = s.ID
		if r.cells[k] != nil {
			return true
		}
	}
	return false
}

// corpus makes the row of a metric of the whole set: two numbers and no test.
func (e *engine) corpus(m *match, bk, ck cellKey, row Row) {
	x, okB := m.b.ofSet(bk)
	y, okC := m.c.ofSet(ck)
	if !okB && !okC {
		return
	}
	row.Why = "a value of the whole set: it has no parts to resample"
	if okB {
		row.Baseline = x.Value
	}
	if okC {
		row.Candidate = y.Value
	}
	row.Delta = row.Candidate - row.Baseline
	row.Percent = record.Number(percent(float64(row.Delta), float64(row.Baseline)))
	row.Margin = record.Number(e.margin(row))
	if okB && okC && x.Images != y.Images {
		row.Why += fmt.Sprintf("; %d images in the baseline, %d in the candidate", x.Images, y.Images)
		row.Lost = max(0, x.Images-y.Images)
	}
	row.N = min(x.Images, y.Images)
	e.report.Rows = append(e.report.Rows, row)
}

func percent(delta, base float64) float64 {
	if base == 0 {
		return nan
	}
	return 100 * delta / math.Abs(base)
}

// oneSided says which metrics one side never measured: there is nothing to pair
// and nothing that got lost.
func (e *engine) oneSided(m *match) {
	for _, s := range []struct {
		has, lacks *Results
		word       string
	}{{m.b, m.c, "baseline"}, {m.c, m.b, "candidate"}} {
		var only []string
		for _, x := range s.has.Metrics {
			if _, both := s.lacks.Spec(x.ID); !both && e.wants(x.ID) {
				only = append(only, x.ID)
			}
		}
		slices.Sort(only)
		if len(only) > 0 {
			e.warn("only the %s %s measures %s: not compared", s.word, s.has.Name, strings.Join(only, ", "))
		}
	}
}

// specs are the metrics that both sides measure, those of the headline first.
func (m *match) specs() []metrics.Spec {
	var out []metrics.Spec
	add := func(s metrics.Spec) {
		if !slices.ContainsFunc(out, func(x metrics.Spec) bool { return x.ID == s.ID }) {
			out = append(out, s)
		}
	}
	for _, id := range m.b.Headline {
		if s, ok := m.b.Spec(id); ok {
			add(s)
		}
	}
	for _, s := range m.b.Metrics {
		add(s)
	}
	for i, s := range out {
		x, both := m.c.Spec(s.ID)
		out[i].Measured = s.Measured || both && x.Measured // older files do not say
	}
	return slices.DeleteFunc(out, func(s metrics.Spec) bool { _, both := m.c.Spec(s.ID); return !both })
}

// ownWeights reports whether the weights of a metric are measured, so that those of the two
// sides differ.
func ownWeights(s metrics.Spec) bool { return s.ByClass || s.Measured }

// conditions lists the conditions of a data set: clean first, then by name.
func (m *match) conditions(dataset string) []string {
	var out []string
	for c := range m.conds[dataset] {
		out = append(out, c)
	}
	slices.SortFunc(out, func(a, b string) int {
		if x, y := isClean(a), isClean(b); x != y {
			if x {
				return -1
			}
			return 1
		}
		return strings.Compare(a, b)
	})
	return out
}

func isClean(condition string) bool {
	c, err := suite.ParseCondition(condition)
	return err == nil && c.Corruption == "" && c.Against == ""
}

// rows queues the rows of one cell: bins, their unweighted mean, and the pool.
func (e *engine) rows(m *match, row Row, spec metrics.Spec, bins map[string]*sums) {
	headline := slices.Contains(m.b.Headline, spec.ID) && isClean(row.Condition)
	clusters := m.clusters[row.Dataset]
	queue := func(name string, parts []*sums, n, support int, head bool) {
		r := row
		r.Bin, r.N, r.Clusters, r.Headline = name, n, support, head && support >= spec.HeadlineFrom
		var base, cand, diff []stat.Ratio
		for _, s := range parts {
			base, cand, diff = append(base, stat.Ratio{Num: s.base, Den: s.den}), append(cand, stat.Ratio{Num: s.cand, Den: s.candDen}), append(diff, stat.Ratio{Num: s.diff, Den: s.den})
		}
		e.report.Rows = append(e.report.Rows, r)
		e.tests = append(e.tests, pending{len(e.report.Rows) - 1, base, cand, diff})
	}
	pool := newSums(clusters)
	var parts []*sums
	var empty []string
	names := m.b.Bins
	if spec.ByClass {
		names = m.classes(bins)
	} else if !spec.ByBin() {
		names = nil
	}
	all := slices.Clone(names)
	for name := range bins { // bins that the suite does not know (imports)
		if !slices.Contains(all, name) {
			all = append(all, name)
		}
	}
	slices.Sort(all[len(names):])
	for _, name := range all {
		s := bins[name]
		if s == nil {
			s = newSums(clusters)
			empty = append(empty, name)
		}
		for i := range s.den {
			s.diff[i] = s.cand[i] - s.base[i]
			pool.base[i] += s.base[i]
			pool.cand[i] += s.cand[i]
			pool.diff[i] += s.diff[i]
			pool.den[i] += s.den[i]
			pool.candDen[i] += s.candDen[i]
		}
		pool.n += s.n
		if slices.Contains(names, name) {
			parts = append(parts, s)
		}
	}
	mean := len(names) > 0 && len(empty) == 0
	if len(names) > 0 {
		if mean {
			queue(summary.BinMean, parts, pool.n, pool.support(), headline)
		} else {
			r := row
			r.Bin, r.Why = summary.BinMean, "no pair in bin "+strings.Join(empty, ", ")+": the mean over bins does not exist"
			e.report.Rows = append(e.report.Rows, r)
		}
	}
	for i, name := range names {
		queue(name, parts[i:i+1], parts[i].n, parts[i].support(), false)
	}
	if spec.ByClass && mean {
		return // all classes together are another metric
	}
	queue(summary.BinAll, []*sums{pool}, pool.n, pool.support(), headline && !mean)
}

// classes are the bins of a metric that has one for each class, in the order of classes.
func (m *match) classes(bins map[string]*sums) []string {
	var out []string
	for _, name := range m.b.binNames {
		if s := bins[name]; s != nil && s.n > 0 {
			out = append(out, name)
		}
	}
	return out
}

// chunk is how many statistics are resampled at once: their replicates are in
// memory together.
const chunk = 128

// compute fills in the queued rows.
func (e *engine) compute(plan *stat.Plan) error {
	defer func() { e.tests = e.tests[:0] }()
	var queue []pending
	for _, p := range e.tests {
		r := &e.report.Rows[p.row]
		if r.N == 0 {
			r.Why = "no value that both sides have"
			continue
		}
		queue = append(queue, p)
	}
	for part := range slices.Chunk(queue, chunk) {
		stats := make([]stat.Statistic, len(part))
		for i, p := range part {
			// Both sides have the same denominators, so the difference of the means is the
			// mean of the differences: half of the sums.
			stats[i] = stat.MeanOf(p.diff...)
			if spec := e.report.Rows[p.row].spec; ownWeights(spec) {
				stats[i] = stat.Difference(p.base, p.cand)
				stats[i].Partial = spec.ByClass
			}
		}
		ivs, err := plan.Intervals(stats, stat.Options{})
		if err != nil {
			return fmt.Errorf("comparing: %w", err)
		}
		for i, p := range part {
			if err := e.fill(&e.report.Rows[p.row], p, ivs[i]); err != nil {
				return fmt.Errorf("comparing %s under %s: %w", e.report.Rows[p.row].Metric, e.report.Rows[p.row].Condition, err)
			}
		}
	}
	return nil
}

func meanOf(rs []stat.Ratio, partial bool) float64 {
	values := make([]float64, len(rs))
	for i, r := range rs {
		if values[i] = r.Value(); math.IsNaN(values[i]) && !partial {
			return values[i]
		}
	}
	return stat.MeanOfDefined(values)
}

func (e *engine) fill(r *Row, p pending, iv stat.Interval) error {
	base := meanOf(p.base, r.spec.ByClass)
	if math.IsNaN(base) {
		r.Why = "all paired values have weight 0"
		r.N = 0
		return nil
	}
	r.Baseline, r.Candidate, r.Delta = record.Number(base), record.Number(meanOf(p.cand, r.spec.ByClass)), record.Number(iv.Estimate)
	r.Percent = record.Number(percent(iv.Estimate, base))
	r.Margin = record.Number(e.margin(*r))
	for _, w := range iv.Warnings {
		r.Warnings = append(r.Warnings, string(w))
	}
	if r.Clusters < 2 {
		return nil // one image says nothing about others
	}
	r.Lo, r.Hi, r.se = record.Number(iv.Lo), record.Number(iv.Hi), iv.SE
	if ownWeights(r.spec) {
		t, err := stat.Swap(p.base, p.cand, stat.SignFlipOptions{Resamples: e.o.Resamples, Seed: e.o.Seed})
		if err != nil {
			return err
		}
		r.P, r.differing = record.Number(t.P), t.N
		return nil
	}
	parts, err := stat.Contributions(p.base, p.cand)
	if err != nil {
		return err
	}
	// Clusters without data contribute nothing and are no observations.
	kept := parts[:0]
	for i, d := range parts {
		if slices.ContainsFunc(p.base, func(b stat.Ratio) bool { return b.Den[i] > 0 }) {
			kept = append(kept, d)
		}
	}
	var t stat.Test
	if e.o.Test == Wilcoxon {
		t, err = stat.Wilcoxon(kept, stat.WilcoxonOptions{})
	} else {
		t, err = stat.SignFlip(kept, stat.SignFlipOptions{Resamples: e.o.Resamples, Seed: e.o.Seed})
	}
	if err != nil {
		return err
	}
	r.P, r.differing = record.Number(t.P), t.N
	if d := stat.CohenDZ(kept); !math.IsInf(d, 0) {
		r.Effect = record.Number(d)
	}
	return nil
}
