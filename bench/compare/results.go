package compare

import (
	"fmt"
	"slices"
	"strings"

	"github.com/vtbench/vtbench/bench/record"
	"github.com/vtbench/vtbench/bench/summary"
	"github.com/vtbench/vtbench/datasets"
	"github.com/vtbench/vtbench/metrics"
)

// Source says where results come from.
type Source string

// The sources there are.
const (
	FromRun      Source = "run"      // a run directory
	FromBaseline Source = "baseline" // a file made by Save
	Imported     Source = "imported" // published by others; nothing about its making was checked
)

// Header is what decides whether two results may be compared, and what a reader
// must know of them.
type Header struct {
	Source   Source   `json:"source"`
	Origin   string   `json:"origin,omitempty"` // of imports: the file or page
	Suite    SuiteID  `json:"suite"`
	Headline []string `json:"headline,omitempty"`
	Worst    string   `json:"worst,omitempty"` // metric that picks the worst cases
	// WorstOf is that metric of data sets where it is another one.
	WorstOf  map[string]string `json:"worst_of,omitempty"`
	Bins     []string          `json:"bins,omitempty"` // from small to large
	Datasets []DatasetID       `json:"datasets"`
	Metrics  []metrics.Spec    `json:"metrics"`
	Tokens   []TokenID         `json:"tokenizers"`
	Seed     uint64            `json:"seed"`
	Software []KeyValue        `json:"software,omitempty"` // OCR engine, models
	Made     string            `json:"made,omitempty"`     // RFC 3339
	Program  string            `json:"program,omitempty"`
	Failures []summary.Failure `json:"failures,omitempty"`
	// Credits are those of the works of others that pictures of the run show.
	Credits []datasets.Credit `json:"credits,omitempty"`
	// Partial marks a run that was interrupted.
	Partial bool `json:"partial,omitempty"`
	// Shard is which part of a run this is: "2/8".
	Shard string `json:"shard,omitempty"`
}

// decides reports whether a metric is a headline, or a rate to see headlines beside.
func (h *Header) decides(id string) bool {
	if slices.Contains(h.Headline, id) {
		return true
	}
	s, ok := specOf(h, id)
	return ok && s.Role == metrics.RoleRate
}

// SuiteID names a suite as it was resolved.
type SuiteID struct {
	ID      string `json:"id"`
	Version int    `json:"version"`
	Digest  string `json:"digest"`
	Title   string `json:"title,omitempty"`
}

// DatasetID names a data set and how much of it was planned.
type DatasetID struct {
	Name    string `json:"name"`
	Version int    `json:"version"`
	Digest  string `json:"digest"`
	Items   int    `json:"items"`
	Clips   int    `json:"clips,omitempty"` // films whose frames the items are; 0 for images
}

// Samples are what is drawn for intervals: each with all that was measured in it.
func (d DatasetID) Samples() string {
	if d.Clips > 0 {
		return "clips"
	}
	return "images"
}

// films reports whether a data set is one of films.
func (h *Header) films(dataset string) bool {
	return slices.ContainsFunc(h.Datasets, func(d DatasetID) bool { return d.Name == dataset && d.Clips > 0 })
}

// TokenID names a tokenizer.
type TokenID struct {
	Name      string `json:"name"`
	Kind      string `json:"kind,omitempty"`
	Version   string `json:"version,omitempty"`
	Weights   string `json:"weights,omitempty"`
	Reference bool   `json:"reference,omitempty"` // an upper bound, not a contestant
	Clips     bool   `json:"clips,omitempty"`     // it codes the frames of films together
}

// Family is what makes tokenizers points of one rate curve: the label before its
// options, "vq" of "vq:patch=8,k=256".
func (t TokenID) Family() string {
	f, _, _ := strings.Cut(t.Name, ":")
	return f
}

// KeyValue is a named piece of software.
type KeyValue struct {
	Key   string `json:"key"`
	Value string `json:"value"`
}

// Results are the values of one run, baseline file or import, by tokenizer.
type Results struct {
	Name string // as the user wrote it
	Dir  string // of a run; "" for files
	Header
	units   []unit
	cells   map[cellKey]*cell
	corpus  []corpusValue   // values of whole sets; they have no parts to pair
	sets    map[cellKey]int // of corpus, made when it is first asked for
	cases   []record.Case
	dupes   int
	first   string // the first duplicate, for the message
	strings map[string]string
	index   map[unitKey]int32
	// binNames are the bins that occur, the first being none.
	binNames []string
}

// corpusValue is a metric of a whole set.
type corpusValue struct {
	Dataset   string        `json:"dataset"`
	Tokenizer string        `json:"tokenizer"`
	Condition string        `json:"condition"`
	Metric    string        `json:"metric"`
	Value     record.Number `json:"value"`
	Images    int           `json:"images"`
}

// ofSet returns the value of a metric of a whole set.
func (r *Results) ofSet(k cellKey) (corpusValue, bool) {
	if r.sets == nil {
		r.sets = map[cellKey]int{}
		for i, c := range r.corpus {
			r.sets[cellKey{c.Dataset, c.Tokenizer, c.Condition, c.Metric}] = i
		}
	}
	i, ok := r.sets[k]
	if !ok {
		return corpusValue{}, false
	}
	return r.corpus[i], true
}

// A unit is what is paired: an image, or an instance in it.
type unit struct{ dataset, item, cluster, instance string }

type unitKey struct{ dataset, item, instance string }

// maxUnits bounds the images and instances of results: at a quarter of a kilobyte each
// they take as much memory as the values of a large run.
const maxUnits = 4 << 20

// Bounds of what results name: far above what a run has, and low enough that pairs of them
// can be looked at.
const (
	maxNamed = 1000
	maxBins  = 4096
)

// bounded refuses results that name more than can be compared in bounded time.
func (r *Results) bounded() error {
	for _, x := range []struct {
		what     string
		n, limit int
	}{
		{"data sets", len(r.Datasets), maxNamed},
		{"tokenizers", len(r.Tokens), maxNamed},
		{"metrics", len(r.Metrics), maxNamed},
		{"headline metrics", len(r.Headline), maxNamed},
		{"scale bins", max(len(r.Bins), len(r.binNames)), maxBins},
	} {
		if x.n > x.limit {
			return fmt.Errorf("it names more than %d %s", x.limit, x.what)
		}
	}
	if len(r.units) > maxUnits {
		return fmt.Errorf("it has more than %d images and instances", maxUnits)
	}
	return nil
}

// cellKey is one metric of one tokenizer under one condition.
type cellKey struct{ dataset, tokenizer, condition, metric string }

type cell struct{ values []value }

// value is one measured value, 24 bytes: comparisons of hundreds of thousands of
// instances stay in memory.
type value struct {
	unit   int32
	bin    uint16 // index into Results.binNames
	reason uint8  // index into reasons; 0 for a value that counts
	v, n   float64
}

// Builder makes Results from records.
type Builder struct{ r *Results }

// NewBuilder starts results with this header.
func NewBuilder(name string, h Header) *Builder {
	return &Builder{&Results{
		Name: name, Header: h, cells: map[cellKey]*cell{},
		strings: map[string]string{}, index: map[unitKey]int32{}, binNames: []string{""},
	}}
}

func (r *Results) intern(s string) string {
	if s == "" {
		return ""
	}
	if t, ok := r.strings[s]; ok {
		return t
	}
	s = strings.Clone(s)
	r.strings[s] = s
	return s
}

func (r *Results) unit(dataset, item, cluster, instance string) int32 {
	k := unitKey{dataset, item, instance}
	if i, ok := r.index[k]; ok {
		return i
	}
	k = unitKey{r.intern(dataset), r.intern(item), r.intern(instance)}
	if cluster == "" {
		cluster = item
	}
	i := int32(len(r.units))
	r.units = append(r.units, unit{k.dataset, k.item, r.intern(cluster), k.instance})
	r.index[k] = i
	return i
}

func (r *Results) bin(name string) uint16 {
	for i, b := range r.binNames { // a handful
		if b == name {
			return uint16(i)
		}
	}
	r.binNames = append(r.binNames, strings.Clone(name))
	return uint16(len(r.binNames) - 1)
}

// reasons for which a value does not count; the first is none.
var reasons = []string{
	"", metrics.DropFailed, metrics.DropUnreadable, metrics.DropOutside, metrics.DropIgnored,
	metrics.DropInfinite, metrics.DropUndefined, metrics.DropLoad, metrics.DropNotFound, "other",
}

func reasonIndex(s string) uint8 {
	if i := slices.Index(reasons, s); i >= 0 {
		return uint8(i)
	}
	return uint8(len(reasons) - 1)
}

var (
	failed   = reasonIndex(metrics.DropFailed)
	infinite = reasonIndex(metrics.DropInfinite)
)

// Add takes in one record. Records without a tokenizer hold for all and are no
// part of a pair; failures among them are in the header.
func (b *Builder) Add(rec *record.Record) {
	r := b.r
	if rec.Error != "" {
		r.Failures = append(r.Failures, summary.Failure{
			Tokenizer: rec.Tokenizer, Dataset: rec.Dataset, Item: rec.Item, Instance: rec.Instance,
			Condition: rec.Condition, Metric: rec.Metric, Error: rec.Error,
		})
	}
	if rec.Tokenizer == "" || rec.Metric == "" || len(r.units) > maxUnits || len(r.binNames) > maxBins {
		return
	}
	k := cellKey{rec.Dataset, rec.Tokenizer, rec.Condition, rec.Metric}
	c := r.cells[k]
	if c == nil {
		k = cellKey{r.intern(k.dataset), r.intern(k.tokenizer), r.intern(k.condition), r.intern(k.metric)}
		c = &cell{}
		r.cells[k] = c
	}
	x := value{unit: r.unit(rec.Dataset, rec.Item, rec.Cluster, rec.Instance), bin: r.bin(rec.Bin), n: rec.Weight()}
	v, reason := rec.Counted()
	if x.reason = reasonIndex(reason); x.reason == 0 {
		x.v = v
	}
	c.values = append(c.values, x)
}

// Results returns what was built; a value that was measured twice is an error,
// since it is undecided which one counts.
func (b *Builder) Results() (*Results, error) {
	r := b.r
	if err := r.bounded(); err != nil {
		return nil, fmt.Errorf("reading %s: %w", r.Name, err)
	}
	r.Metrics = slices.Clone(r.Metrics)
	for i, s := range r.Metrics {
		r.Metrics[i] = s.Complete() // older runs and imports state less
	}
	for k, c := range r.cells {
		slices.SortStableFunc(c.values, func(x, y value) int { return int(x.unit) - int(y.unit) })
		for i := 1; i < len(c.values); i++ {
			if c.values[i].unit == c.values[i-1].unit {
				u := r.units[c.values[i].unit]
				if r.dupes++; r.dupes == 1 {
					r.first = fmt.Sprintf("%s of %s on %s %s %s under %s", k.metric, k.tokenizer, k.dataset, u.item, u.instance, k.condition)
				}
			}
		}
	}
	if r.dupes > 0 {
		return nil, fmt.Errorf("%s: %d values stand there twice, the first is %s: join runs of different items only", r.Name, r.dupes, r.first)
	}
	return r, nil
}

// Cases are the pictures kept by a run.
func (r *Results) Cases() []record.Case { return r.cases }

// Token returns the tokenizer of this label.
func (r *Results) Token(name string) (TokenID, bool) {
	for _, t := range r.Tokens {
		if t.Name == name {
			return t, true
		}
	}
	return TokenID{}, false
}

// Spec returns the spec of a metric.
func (r *Results) Spec(id string) (metrics.Spec, bool) {
	for _, s := range r.Metrics {
		if s.ID == id {
			return s, true
		}
	}
	return metrics.Spec{}, false
}
