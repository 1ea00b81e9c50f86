package compare

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/vtbench/vtbench/bench/record"
	"github.com/vtbench/vtbench/bench/suite"
	"github.com/vtbench/vtbench/metrics"
	"github.com/vtbench/vtbench/metrics/stat"
)

// A Board ranks tokenizers of several results by one metric, on the values that all of
// them have.
//
// Results stand on one board only where [Compare] would compare them: suite, data set,
// metric, engines and seed are of equal version and digest. Whoever has less than
// [BoardOptions.MinCoverage] of the values is on the board without a rank, so that one
// half of a run does not take the other half from everybody. An upper bound has a value
// and no rank.
type Board struct {
	Suite    SuiteID    `json:"suite"`
	Dataset  DatasetID  `json:"dataset"`
	Seed     uint64     `json:"seed"`
	Software []KeyValue `json:"software,omitempty"`
	Source   Source     `json:"source"` // imported, or not
	Origin   string     `json:"origin,omitempty"`
	// Condition is "clean@256", or "damaged@256" for the unweighted mean over Conditions.
	Condition  string            `json:"condition"`
	Conditions []string          `json:"conditions,omitempty"`
	Metric     string            `json:"metric"`
	Version    int               `json:"metric_version"`
	Better     metrics.Direction `json:"better"`
	Spec       metrics.Spec      `json:"-"`
	// Bins are the scale bins over which the mean is taken, unweighted; none where all
	// values are pooled.
	Bins []string `json:"bins,omitempty"`
	// Common are the values that all have who are ranked, Total those that anyone has, or
	// failed on. Clusters are the images or people of the common ones.
	Common   int `json:"common"`
	Total    int `json:"total"`
	Clusters int `json:"clusters"`
	// Rows are the upper bounds, those with a rank from the best on, and the others.
	Rows []BoardRow `json:"rows"`
	// Warnings are those of the intervals (stat.Warning).
	Warnings []string `json:"warnings,omitempty"`
	Why      string   `json:"why,omitempty"` // why nobody has a rank
}

// A BoardRow is one tokenizer of a board.
type BoardRow struct {
	Token TokenID `json:"tokenizer"`
	// Results are the numbers of the results that have it: several have the same values, or
	// some of them.
	Results []int `json:"results"`
	// Rank counts from 1; 0 is none. RankLo and RankHi are the ranks that the data does
	// not exclude ([stat.Plan.Ranks]).
	Rank   int `json:"rank,omitempty"`
	RankLo int `json:"rank_lo,omitempty"`
	RankHi int `json:"rank_hi,omitempty"`
	// Value is the mean over the common values of those who are ranked, over the own ones of
	// the others.
	Value record.Number `json:"value"`
	Lo    record.Number `json:"lo"`
	Hi    record.Number `json:"hi"`
	// Counted of Total values are there; Lacks says of the others why.
	Counted int            `json:"counted"`
	Total   int            `json:"total"`
	Lacks   map[string]int `json:"lacks,omitempty"`
	Rates   []BoardRate    `json:"rates,omitempty"`
	Why     string         `json:"why,omitempty"` // why it has no rank
}

// Coverage is the share of the values that are there.
func (r BoardRow) Coverage() float64 {
	if r.Total == 0 {
		return 0
	}
	return float64(r.Counted) / float64(r.Total)
}

// A BoardRate is what a tokenizer costs, over all images of the board's first condition.
type BoardRate struct {
	Metric   string           `json:"metric"`
	Counting metrics.Counting `json:"counting"`
	Value    record.Number    `json:"value"`
}

// Missing is the reason of values that are not there at all.
const Missing = "missing"

// DefaultMinCoverage is the share of values without which nobody is ranked.
const DefaultMinCoverage = .9

// BoardOptions change how boards are made; the zero value is the usual one.
type BoardOptions struct {
	MinCoverage float64 // 0 means DefaultMinCoverage
	Resamples   int     // 0 means stat.DefaultResamples
	Seed        uint64  // of the resamples; 0 means 1
}

func (o BoardOptions) resolve() (BoardOptions, error) {
	if o.MinCoverage == 0 {
		o.MinCoverage = DefaultMinCoverage
	}
	if o.Resamples == 0 {
		o.Resamples = stat.DefaultResamples
	}
	if o.Seed == 0 {
		o.Seed = 1
	}
	switch {
	case !(o.MinCoverage > 0 && o.MinCoverage <= 1):
		return o, fmt.Errorf("the least coverage is %g: want a share above 0, 1 at most", o.MinCoverage)
	case o.Resamples < 99:
		return o, fmt.Errorf("resamples is %d: want 99 or more", o.Resamples)
	}
	return o, nil
}

// Boards ranks the tokenizers of all results by every headline metric: on undamaged images
// of each resolution, and over all damage that a suite does to images.
func Boards(results []*Results, o BoardOptions) ([]Board, error) {
	o, err := o.resolve()
	if err != nil {
		return nil, fmt.Errorf("ranking: %w", err)
	}
	var out []Board
	for _, d := range divisions(results) {
		boards, err := d.boards(o)
		if err != nil {
			return nil, fmt.Errorf("ranking suite %s on %s: %w", d.suite.ID, d.dataset.Name, err)
		}
		out = append(out, boards...)
	}
	return out, nil
}

// A division are results that may be ranked together: of equal suite, seed and engines, on
// one data set.
type division struct {
	suite    SuiteID
	dataset  DatasetID
	seed     uint64
	software []KeyValue
	source   Source
	origin   string
	members  []member
	clusters int
}

// member is a result with the numbers of its units in the division.
type member struct {
	number int // among the results that were given
	*Results
	units []int32 // by unit: number in the division; −1 for another data set
}

// divisions sorts results into divisions; a result is in one for each of its data sets.
func divisions(results []*Results) []*division {
	byKey := map[string]*division{}
	var out []*division
	for i, r := range results {
		for _, set := range r.Datasets {
			d := &division{suite: r.Suite, seed: r.Seed, software: r.Software, source: FromRun, dataset: set}
			d.suite.Title, d.dataset.Items = "", 0
			if r.Source == Imported { // nothing is known of how it was made, so nothing else is like it
				d.source, d.origin = Imported, cmp.Or(r.Origin, r.Name)
			}
			key := d.key()
			if byKey[key] == nil {
				byKey[key] = d
				out = append(out, d)
			}
			d = byKey[key]
			d.suite.Title = cmp.Or(d.suite.Title, r.Suite.Title)
			d.dataset.Items = max(d.dataset.Items, set.Items)
			d.members = append(d.members, member{number: i, Results: r})
		}
	}
	slices.SortStableFunc(out, func(a, b *division) int {
		return cmp.Or(
			cmp.Compare(a.suite.ID, b.suite.ID), -cmp.Compare(a.suite.Version, b.suite.Version), -cmp.Compare(len(a.members), len(b.members)),
			cmp.Compare(a.suite.Digest, b.suite.Digest), cmp.Compare(a.seed, b.seed), slices.CompareFunc(a.software, b.software, func(x, y KeyValue) int {
				return cmp.Or(cmp.Compare(x.Key, y.Key), cmp.Compare(x.Value, y.Value))
			}))
	})
	return out
}

// key is equal for what may be ranked together.
func (d *division) key() string {
	parts := []string{
		string(d.source), d.origin, d.suite.ID, d.suite.Digest, strconv.Itoa(d.suite.Version), strconv.FormatUint(d.seed, 10),
		d.dataset.Name, d.dataset.Digest, strconv.Itoa(d.dataset.Version),
	}
	for _, kv := range d.software {
		parts = append(parts, kv.Key, kv.Value)
	}
	return fmt.Sprintf("%q", parts)
}

// number gives units that are equal one number, and clusters theirs, in the order of
// their names.
func (d *division) number() (clusterOf []int32) {
	units := map[unitKey]int32{}
	var names []string // of clusters, by unit
	for i := range d.members {
		m := &d.members[i]
		m.units = make([]int32, len(m.Results.units))
		for k, u := range m.Results.units {
			if m.units[k] = -1; u.dataset != d.dataset.Name {
				continue
			}
			key := unitKey{u.dataset, u.item, u.instance}
			n, ok := units[key]
			if !ok {
				n = int32(len(units))
				units[key] = n
				names = append(names, u.cluster)
			}
			m.units[k] = n
		}
	}
	sorted := slices.Compact(slices.Sorted(slices.Values(names)))
	d.clusters = len(sorted)
	clusterOf = make([]int32, len(names))
	for i, name := range names {
		k, _ := slices.BinarySearch(sorted, name)
		clusterOf[i] = int32(k)
	}
	return clusterOf
}

// group is what one board is of: a condition, or several that are averaged.
type group struct {
	name       string
	conditions []string
}

// groups are the clean conditions, from small to large, and for each resolution all
// damage to images.
func (d *division) groups() []group {
	seen := map[string]bool{}
	var conds []suite.Condition
	for _, m := range d.members {
		for k := range m.cells {
			if k.dataset != d.dataset.Name || seen[k.condition] {
				continue
			}
			seen[k.condition] = true
			if c, err := suite.ParseCondition(k.condition); err == nil && c.Against == "" && (c.Corruption == "" || c.DamagesImage()) {
				conds = append(conds, c)
			}
		}
	}
	slices.SortFunc(conds, func(a, b suite.Condition) int {
		return cmp.Or(cmp.Compare(a.Resolution, b.Resolution), cmp.Compare(a.Corruption, b.Corruption), cmp.Compare(a.Severity, b.Severity))
	})
	var out []group
	for _, c := range conds {
		name := c.String()
		if c.Corruption != "" {
			name = strings.Replace(suite.Condition{Resolution: c.Resolution}.String(), "clean", "damaged", 1)
		}
		if n := len(out); n == 0 || out[n-1].name != name {
			out = append(out, group{name: name})
		}
		g := &out[len(out)-1]
		g.conditions = append(g.conditions, c.String())
	}
	return out
}

// specs are the headline metrics that can be ranked by; those of another version are other
// ones.
func (d *division) specs() []metrics.Spec {
	var out []metrics.Spec
	for _, m := range d.members {
		for _, id := range m.Headline {
			s, ok := m.Spec(id)
			if !ok || s.Better == metrics.Neither || s.Role == metrics.RoleRate {
				continue
			}
			if !slices.ContainsFunc(out, func(x metrics.Spec) bool { return sameMetric(x, s) }) {
				out = append(out, s)
			}
		}
	}
	return out
}

func sameMetric(a, b metrics.Spec) bool {
	return a.ID == b.ID && a.Version == b.Version && a.Better == b.Better
}

func (d *division) boards(o BoardOptions) ([]Board, error) {
	clusterOf := d.number()
	var plan *stat.Plan
	if d.clusters > 0 {
		var err error
		if plan, err = stat.NewPlan(d.clusters, o.Resamples, o.Seed); err != nil {
			return nil, err
		}
	}
	var out []Board
	for _, g := range d.groups() {
		for _, spec := range d.specs() {
			b := Board{
				Suite: d.suite, Dataset: d.dataset, Seed: d.seed, Software: d.software, Source: d.source, Origin: d.origin, Condition: g.name,
				Metric: spec.ID, Version: spec.Version, Better: spec.Better, Spec: spec, Rows: []BoardRow{},
			}
			if len(g.conditions) > 1 || g.name != g.conditions[0] {
				b.Conditions = g.conditions
			}
			t := table{division: d, clusterOf: clusterOf, conditions: g.conditions, spec: spec, o: o}
			if err := t.fill(&b, plan); err != nil {
				return nil, fmt.Errorf("%s under %s: %w", spec.ID, g.name, err)
			}
			if len(b.Rows) > 0 {
				out = append(out, b)
			}
		}
	}
	return out, nil
}

// table is a board that is being made.
type table struct {
	*division
	clusterOf  []int32
	conditions []string
	spec       metrics.Spec
	o          BoardOptions
	entrants   []*entrant
	bins       []string // of the suite, or one that holds all
}

// entrant is a tokenizer that has values of the board.
type entrant struct {
	row    BoardRow
	member member
	values int // those that do not count among them
	lacks  map[string]int
	ranked bool
	parts  []stat.Ratio
}

// cells are the values of an entrant, by condition; nil where there are none.
func (t *table) cells(e *entrant, condition string) []value {
	c := e.member.Results.cells[cellKey{t.dataset.Name, e.row.Token.Name, condition, t.spec.ID}]
	if c == nil {
		return nil
	}
	return c.values
}

func (t *table) fill(b *Board, plan *stat.Plan) error {
	if t.spec.Scope.Whole() {
		t.whole(b)
		return nil
	}
	t.enter()
	if len(t.entrants) == 0 {
		return nil
	}
	t.cover(b)
	t.bins = []string{""}
	if names := t.members[0].Bins; t.spec.ByBin() && len(names) > 0 {
		t.bins = names
	}
	t.sum(b)
	if len(t.bins) > 1 && slices.ContainsFunc(t.entrants, func(e *entrant) bool {
		return e.ranked && slices.ContainsFunc(e.parts, func(r stat.Ratio) bool { return math.IsNaN(r.Value()) })
	}) {
		t.bins = []string{""} // a mean over bins of which one is empty is not the mean over bins
		t.sum(b)
	}
	if len(t.bins) > 1 {
		b.Bins = t.bins
	}
	if err := t.rank(b, plan); err != nil {
		return err
	}
	t.rows(b)
	return nil
}

// enter finds who has values. One tokenizer with equal values wherever two results have
// them, of which one has all that the other has, is one entrant.
func (t *table) enter() {
	var all []*entrant
	for _, m := range t.members {
		s, ok := m.Spec(t.spec.ID)
		if !ok || !sameMetric(s, t.spec) || !slices.Contains(m.Headline, s.ID) {
			continue
		}
		for _, token := range m.Tokens {
			e := &entrant{row: BoardRow{Token: token, Results: []int{m.number}}, member: m}
			for _, cond := range t.conditions {
				e.values += len(t.cells(e, cond))
			}
			if e.values > 0 {
				all = append(all, e)
			}
		}
	}
	bySize := slices.Clone(all)
	slices.SortStableFunc(bySize, func(a, b *entrant) int { return -cmp.Compare(a.values, b.values) })
	merged := map[*entrant]bool{}
	at := make([]int32, len(t.clusterOf)) // scratch: 1 + index of a value
	for i, small := range bySize {
		for _, large := range bySize[:i] {
			if !merged[large] && large.row.Token == small.row.Token && t.within(small, large, at) {
				large.row.Results = append(large.row.Results, small.row.Results...)
				slices.Sort(large.row.Results)
				merged[small] = true
				break
			}
		}
	}
	t.entrants = slices.DeleteFunc(all, func(e *entrant) bool { return merged[e] })
}

// within reports whether every value of one entrant is one of another's.
func (t *table) within(small, large *entrant, at []int32) bool {
	for _, cond := range t.conditions {
		have := t.cells(large, cond)
		for i, v := range have {
			at[large.member.units[v.unit]] = int32(i) + 1
		}
		same := true
		for _, v := range t.cells(small, cond) {
			i := at[small.member.units[v.unit]]
			if i == 0 {
				same = false
				break
			}
			x := have[i-1]
			if x.v != v.v || x.n != v.n || x.reason != v.reason || large.member.binNames[x.bin] != small.member.binNames[v.bin] {
				same = false
				break
			}
		}
		for _, v := range have {
			at[large.member.units[v.unit]] = 0
		}
		if !same {
			return false
		}
	}
	return true
}

// cover counts what there is, and decides who can be ranked.
func (t *table) cover(b *Board) {
	there := make([]bool, len(t.clusterOf))
	for _, e := range t.entrants {
		e.lacks = map[string]int{}
	}
	for _, cond := range t.conditions {
		clear(there)
		for _, e := range t.entrants {
			for _, v := range t.cells(e, cond) {
				if v.reason == 0 || v.reason == failed {
					there[e.member.units[v.unit]] = true
				}
			}
		}
		total := 0
		for _, ok := range there {
			if ok {
				total++
			}
		}
		b.Total += total
		for _, e := range t.entrants {
			seen := 0
			for _, v := range t.cells(e, cond) {
				if !there[e.member.units[v.unit]] {
					if v.reason == infinite { // lossless on what nobody else has either
						e.lacks[metrics.DropInfinite]++
					}
					continue
				}
				if seen++; v.reason == 0 {
					e.row.Counted++
				} else {
					e.lacks[reasons[v.reason]]++
				}
			}
			if total > seen {
				e.lacks[Missing] += total - seen
			}
		}
	}
	for _, e := range t.entrants {
		e.row.Total = b.Total
		if len(e.lacks) > 0 {
			e.row.Lacks = e.lacks
		}
		switch {
		case e.row.Token.Reference:
			e.row.Why = "an upper bound"
		case e.row.Counted == 0 && e.lacks[metrics.DropInfinite] > 0:
			e.row.Why = "infinite everywhere: nothing was lost"
		case e.row.Counted == 0:
			e.row.Why = "no value counts"
		case e.row.Coverage() < t.o.MinCoverage:
			e.row.Why = fmt.Sprintf("less than %g %% of the values", 100*t.o.MinCoverage)
		default:
			e.ranked = true
		}
	}
}

// sum adds up the values that all have who are ranked, by condition, bin and cluster; of
// the others what they have of these, and all that they have where that is not enough.
func (t *table) sum(b *Board) {
	ranked := 0
	for _, e := range t.entrants {
		e.parts = make([]stat.Ratio, 0, len(t.conditions)*len(t.bins))
		if e.ranked {
			ranked++
		}
	}
	b.Common = 0
	type state struct {
		have int
		bin  string
		n    float64
	}
	units := make([]state, len(t.clusterOf))
	clusters := make([]bool, t.clusters)
	for _, cond := range t.conditions {
		clear(units)
		for _, e := range t.entrants {
			if !e.ranked {
				continue
			}
			for _, v := range t.cells(e, cond) {
				u := &units[e.member.units[v.unit]]
				bin := e.member.binNames[v.bin]
				switch {
				case v.reason != 0:
				case u.have == 0:
					*u = state{1, bin, v.n}
				case u.bin == bin && u.n == v.n:
					u.have++
				}
			}
		}
		for i, u := range units {
			if ranked > 0 && u.have == ranked {
				b.Common++
				clusters[t.clusterOf[i]] = true
			}
		}
		for _, e := range t.entrants {
			sums := make([]stat.Ratio, len(t.bins))
			for i := range sums {
				sums[i] = stat.Ratio{Num: make([]float64, t.clusters), Den: make([]float64, t.clusters)}
			}
			for _, v := range t.cells(e, cond) {
				u := e.member.units[v.unit]
				if v.reason != 0 || (e.ranked || e.row.Token.Reference) && units[u].have != ranked {
					continue
				}
				i := 0
				if len(t.bins) > 1 {
					if i = slices.Index(t.bins, e.member.binNames[v.bin]); i < 0 {
						continue
					}
				}
				sums[i].Num[t.clusterOf[u]] += v.v * v.n
				sums[i].Den[t.clusterOf[u]] += v.n
			}
			e.parts = append(e.parts, sums...)
		}
	}
	b.Clusters = 0
	for _, ok := range clusters {
		if ok {
			b.Clusters++
		}
	}
}

func (t *table) rank(b *Board, plan *stat.Plan) error {
	var list []*entrant
	for _, e := range t.entrants {
		if e.ranked {
			list = append(list, e)
		}
	}
	switch {
	case len(list) > 0 && b.Common == 0:
		b.Why = "there is no value that all have"
	case len(list) > 0 && b.Clusters < t.spec.HeadlineFrom:
		b.Why = fmt.Sprintf("%d independent samples (%s) are too few to rank by this metric: it takes %d", b.Clusters, samples(t.dataset.Clips > 0), t.spec.HeadlineFrom)
	}
	stats := make([]stat.Statistic, len(t.entrants))
	for i, e := range t.entrants {
		stats[i] = stat.MeanOf(e.parts...)
	}
	ivs, err := plan.Intervals(stats, stat.Options{})
	if err != nil {
		return err
	}
	for i, e := range t.entrants {
		iv := ivs[i]
		e.row.Value, e.row.Lo, e.row.Hi = record.Number(iv.Estimate), record.Number(nan), record.Number(nan)
		if iv.Clusters > 1 {
			e.row.Lo, e.row.Hi = record.Number(iv.Lo), record.Number(iv.Hi)
		}
		for _, w := range iv.Warnings {
			if s := string(w); e.ranked && !slices.Contains(b.Warnings, s) {
				b.Warnings = append(b.Warnings, s)
			}
		}
	}
	slices.Sort(b.Warnings)
	if b.Why != "" {
		return nil
	}
	ranked := make([]stat.Statistic, len(list))
	for i, e := range list {
		ranked[i] = stat.MeanOf(e.parts...)
	}
	sets, err := plan.Ranks(ranked, t.spec.Better == metrics.Higher, stat.Options{})
	if err != nil {
		return err
	}
	for i, e := range list {
		e.row.Rank, e.row.RankLo, e.row.RankHi = sets[i].Rank, sets[i].Lo, sets[i].Hi
	}
	return nil
}

// whole ranks by a value of the whole set. It has no parts, so only those are ranked that
// saw as many images as any, and nothing is known of how sure a rank is.
func (t *table) whole(b *Board) {
	for _, m := range t.members {
		if s, ok := m.Spec(t.spec.ID); !ok || !sameMetric(s, t.spec) {
			continue
		}
		for _, token := range m.Tokens {
			v, ok := m.ofSet(cellKey{t.dataset.Name, token.Name, t.conditions[0], t.spec.ID})
			if !ok || len(t.conditions) > 1 {
				continue
			}
			e := &entrant{member: m, row: BoardRow{Token: token, Results: []int{m.number}, Value: v.Value, Lo: record.Number(nan), Hi: record.Number(nan), Counted: v.Images}}
			b.Total = max(b.Total, v.Images)
			t.entrants = append(t.entrants, e)
		}
	}
	b.Common, b.Clusters = b.Total, b.Total
	sign := 1.0
	if t.spec.Better == metrics.Lower {
		sign = -1
	}
	for _, e := range t.entrants {
		e.row.Total = b.Total
		switch {
		case e.row.Token.Reference:
			e.row.Why = "an upper bound"
		case math.IsNaN(float64(e.row.Value)):
			e.row.Why = "no value"
		case e.row.Counted < b.Total:
			e.row.Why = "a value of the whole set, on fewer images than others"
			e.row.Lacks = map[string]int{Missing: b.Total - e.row.Counted}
		default:
			e.ranked = true
		}
	}
	for _, e := range t.entrants {
		if !e.ranked {
			continue
		}
		e.row.Rank = 1
		for _, other := range t.entrants {
			if other.ranked && sign*float64(other.row.Value-e.row.Value) > 0 {
				e.row.Rank++
			}
		}
	}
	t.rows(b)
}

// rows puts the entrants in order.
func (t *table) rows(b *Board) {
	for _, e := range t.entrants {
		for _, counting := range metrics.Countings() {
			for _, s := range e.member.Metrics {
				if s.Rate != counting {
					continue
				}
				if v, _ := e.member.overall(cellKey{t.dataset.Name, e.row.Token.Name, t.conditions[0], s.ID}, s); v > 0 {
					e.row.Rates = append(e.row.Rates, BoardRate{s.ID, counting, record.Number(v)})
				}
			}
		}
		b.Rows = append(b.Rows, e.row)
	}
	block := func(r BoardRow) int {
		switch {
		case r.Token.Reference:
			return 0
		case r.Rank > 0:
			return 1
		}
		return 2
	}
	slices.SortStableFunc(b.Rows, func(x, y BoardRow) int {
		return cmp.Or(cmp.Compare(block(x), block(y)), cmp.Compare(x.Rank, y.Rank), -cmp.Compare(x.Counted, y.Counted),
			cmp.Compare(x.Token.Name, y.Token.Name), slices.Compare(x.Results, y.Results))
	})
}
