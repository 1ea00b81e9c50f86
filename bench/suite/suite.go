// Package suite says what is asked: which images, prepared and damaged how, scored by
// which metrics, told apart by which scales.
//
// Its opinion: a question is data. A [Suite] is a YAML file that states all that
// changes an answer, so its digest and version say whether two answers may be
// compared; nothing here knows a tokenizer, a metric or a data set, only their names.
//
//	s, err := suite.Load("text")
//	for _, c := range s.Conditions() {
//		fmt.Println(c) // clean@256, clean@512
//	}
package suite

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/vtbench/vtbench/metrics"
)

// Frames of a film that are given to tokenizers at once.
const (
	DefaultWindow = 16
	MaxWindow     = 256
)

// Wants reports whether the suite asks for a metric.
func (s *Suite) Wants(metric string) bool { return slices.Contains(s.Metrics, metric) }

// A Suite is a question as data: which images, prepared how, damaged how, scored
// by which metrics, told apart by which scales. Suites are YAML files, the built-in
// ones are embedded (see [BuiltIn]); a user's own comes by path.
type Suite struct {
	ID       string `yaml:"id" json:"id"`
	Version  int    `yaml:"version" json:"version"` // raised when any field changes what is measured
	Title    string `yaml:"title" json:"title"`
	Question string `yaml:"question" json:"question"` // what the suite asks, in one sentence
	// Datasets are data set specs ("text-default", "icdar:DIR").
	Datasets []string `yaml:"datasets" json:"datasets"`
	// Resolutions are the sides of the squares the tokenizer sees; native gives it every
	// image at its own size.
	Resolutions Resolutions `yaml:"resolutions" json:"resolutions"`
	// ScoreAt says where reconstructions are compared: "original" scales them back
	// to the image's own size first (TokBench), "input" compares with what the
	// tokenizer was given.
	ScoreAt string `yaml:"score_at" json:"score_at"`
	// Transfer asks how the headline metrics change from each resolution to the next, on
	// the same images.
	Transfer bool `yaml:"transfer,omitempty" json:"transfer,omitempty"`
	// Items is how many items of each data set run by default; 0 leaves it to the
	// data sets.
	Items int `yaml:"items,omitempty" json:"items,omitempty"`
	// Batch is how many images a tokenizer is given at once, and with it how many are in
	// memory; 0 leaves it to the tokenizers.
	Batch int `yaml:"batch,omitempty" json:"batch,omitempty"`
	// Window is how many frames of a film tokenizers are given at once, and with it how many
	// are in memory; 0 stands for DefaultWindow.
	Window      int          `yaml:"window,omitempty" json:"window,omitempty"`
	Corruptions []Corruption `yaml:"corruptions,omitempty" json:"corruptions,omitempty"`
	// Baseline is the tokenizer whose errors the corruption error is relative to.
	Baseline string   `yaml:"baseline,omitempty" json:"baseline,omitempty"`
	Metrics  []string `yaml:"metrics" json:"metrics"`
	// Headline metrics stand first in tables and are the ones gates and Holm look at.
	Headline []string `yaml:"headline" json:"headline"`
	// Distributions are metrics whose single values are shown as histograms, with the
	// range of each, or none for the metric's own.
	Distributions map[string][]float64 `yaml:"distributions,omitempty" json:"distributions,omitempty"`
	// Worst is the metric by which a report picks the worst cases.
	Worst string `yaml:"worst,omitempty" json:"worst,omitempty"`
	// Of holds what differs for one of several data sets, by its spec.
	Of map[string]DatasetOptions `yaml:"of,omitempty" json:"of,omitempty"`
	// Optional names data sets, metrics and tokenizers that are left out, with a warning,
	// where the files, models or libraries they need are missing.
	Optional []string `yaml:"optional,omitempty" json:"optional,omitempty"`
	Bins     *Bins    `yaml:"bins,omitempty" json:"bins,omitempty"`
	// Tokenizers run when the user names none.
	Tokenizers []string `yaml:"tokenizers" json:"tokenizers"`
	// Options go to the metrics: "ocr.lang": "eng".
	Options map[string]string `yaml:"options,omitempty" json:"options,omitempty"`
}

// DatasetOptions are a suite's choices for one data set; what is zero is as for all.
type DatasetOptions struct {
	Items int    `yaml:"items,omitempty" json:"items,omitempty"`
	Worst string `yaml:"worst,omitempty" json:"worst,omitempty"`
}

// ItemsOf is how many items of a data set run by default; 0 leaves it to the data set.
func (s *Suite) ItemsOf(spec string) int {
	if n := s.Of[spec].Items; n > 0 {
		return n
	}
	return s.Items
}

// WorstOf is the metric by which the worst cases of a data set are picked.
func (s *Suite) WorstOf(spec string) string {
	if id := s.Of[spec].Worst; id != "" {
		return id
	}
	return s.Worst
}

// WithoutDataset leaves a data set out.
func (s *Suite) WithoutDataset(spec string) {
	s.Datasets = slices.DeleteFunc(slices.Clone(s.Datasets), func(d string) bool { return d == spec })
	s.Of = maps.Clone(s.Of)
	delete(s.Of, spec)
	s.tidy()
}

// WithoutMetric leaves a metric out.
func (s *Suite) WithoutMetric(id string) {
	is := func(m string) bool { return m == id }
	s.Metrics = slices.DeleteFunc(slices.Clone(s.Metrics), is)
	s.Headline = slices.DeleteFunc(slices.Clone(s.Headline), is)
	s.Distributions = maps.Clone(s.Distributions)
	delete(s.Distributions, id)
	s.Of = maps.Clone(s.Of)
	for spec, o := range s.Of {
		if o.Worst == id {
			o.Worst = ""
			s.Of[spec] = o
		}
	}
	if s.Worst == id {
		s.Worst = ""
	}
	s.tidy()
}

// OnlyMetrics replaces the metrics. Those that judge reconstructions become the
// headline, or all where none does.
func (s *Suite) OnlyMetrics(specs []metrics.Spec) {
	var ids, judges []string
	for _, m := range specs {
		ids = append(ids, m.ID)
		if m.Role.Judges() {
			judges = append(judges, m.ID)
		}
	}
	for _, id := range slices.Clone(s.Metrics) {
		if !slices.Contains(ids, id) {
			s.WithoutMetric(id)
		}
	}
	s.Metrics, s.Headline = ids, judges
	if len(judges) == 0 {
		s.Headline = slices.Clone(ids)
	}
	if s.Worst == "" {
		for _, m := range specs {
			if slices.Contains(s.Headline, m.ID) && !m.Scope.Whole() {
				s.Worst = m.ID
				break
			}
		}
	}
}

// AddMetrics adds metrics that the suite does not have; those that judge reconstructions
// stand last in its headline.
func (s *Suite) AddMetrics(specs []metrics.Spec) {
	s.Metrics, s.Headline = slices.Clone(s.Metrics), slices.Clone(s.Headline)
	for _, m := range specs {
		if !s.Wants(m.ID) {
			s.Metrics = append(s.Metrics, m.ID)
		}
		if m.Role.Judges() && !slices.Contains(s.Headline, m.ID) {
			s.Headline = append(s.Headline, m.ID)
		}
	}
}

// OnlyDatasets replaces the data sets, and forgets what was said of the old ones.
func (s *Suite) OnlyDatasets(specs []string) {
	s.Datasets = specs
	s.Of = maps.Clone(s.Of)
	maps.DeleteFunc(s.Of, func(spec string, _ DatasetOptions) bool { return !slices.Contains(specs, spec) })
	s.tidy()
}

// WithoutTokenizers forgets which tokenizers run where none are named.
func (s *Suite) WithoutTokenizers() {
	s.Tokenizers = nil
	s.tidy()
}

// tidy drops from Optional what is not in the suite any more.
func (s *Suite) tidy() {
	s.Optional = slices.DeleteFunc(slices.Clone(s.Optional), func(name string) bool {
		return !slices.Contains(s.Datasets, name) && !slices.Contains(s.Metrics, name) && !slices.Contains(s.Tokenizers, name)
	})
}

// Corruption names a corruption and the severities to run.
type Corruption struct {
	Type       string `yaml:"type" json:"type"`
	Severities []int  `yaml:"severities" json:"severities"`
	// Extra keeps the corruption out of mPC, rPC and mCE, as ImageNet-C keeps its
	// validation corruptions out. Token damage always stays out.
	Extra bool `yaml:"extra,omitempty" json:"extra,omitempty"`
}

// Bins sort instances by scale, so that "small text" means the same at every
// resolution.
type Bins struct {
	// Scale is the rule: "text" is box width / (characters × longer side), "face"
	// is face size / longer side; a data set that states an instance's scale wins. "tag"
	// sorts by tag instead: an instance is in the bin that one of its tags names.
	Scale string   `yaml:"scale" json:"scale"`
	Names []string `yaml:"names" json:"names"` // from small to large
	// Edges has len(Names)+1 ascending numbers a resolution; bin i holds
	// edges[i] ≤ scale < edges[i+1]. Bins by tag have none.
	Edges map[int][]float64 `yaml:"edges,omitempty" json:"edges"`
}

// ByTag is the rule of Bins.Scale that sorts by tag.
const ByTag = "tag"

// Of returns the name of the bin a scale belongs to at a resolution, or "" when
// it lies outside all of them.
func (b *Bins) Of(scale float64, resolution int) string {
	edges := b.Edges[resolution]
	for i := range b.Names {
		if i+1 < len(edges) && edges[i] <= scale && scale < edges[i+1] {
			return b.Names[i]
		}
	}
	return ""
}

// Validate checks a suite for everything that can be known without opening data
// sets, tokenizers or metrics. All faults are reported, not only the first.
func (s *Suite) Validate() error {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if s.ID == "" {
		bad("id is missing")
	}
	if s.Version < 1 {
		bad("version must be 1 or more, is %d", s.Version)
	}
	if len(s.Datasets) == 0 {
		bad("datasets is empty: name at least one")
	}
	if len(s.Metrics) == 0 {
		bad("metrics is empty: name at least one")
	}
	if len(s.Resolutions) == 0 {
		bad("resolutions is empty: name at least one, for example [256]")
	}
	for _, r := range s.Resolutions {
		if r != Native && (r < 16 || r > 8192) {
			bad("resolutions: %d is outside 16..8192; native gives images at their own size", r)
		}
	}
	// What is listed twice would be measured and counted twice.
	for i, r := range s.Resolutions {
		if slices.Contains(s.Resolutions[:i], r) {
			bad("resolutions: %s is listed twice", Size(r))
		}
	}
	for _, list := range []struct {
		field string
		names []string
	}{{"metrics", s.Metrics}, {"headline", s.Headline}} {
		for i, name := range list.names {
			if slices.Contains(list.names[:i], name) {
				bad("%s: %q is listed twice", list.field, name)
			}
		}
	}
	if slices.Contains(s.Resolutions, Native) && slices.ContainsFunc(s.Corruptions, func(c Corruption) bool { return strings.HasPrefix(c.Type, "token_") }) {
		bad("resolutions: tokens are damaged at squares only, not at native size")
	}
	if s.Transfer && len(s.Resolutions) < 2 {
		bad("transfer: there is one resolution, and none to compare it with")
	}
	if s.Batch < 0 {
		bad("batch must not be negative, is %d", s.Batch)
	}
	if s.Window < 0 || s.Window > MaxWindow {
		bad("window must be 1 to %d frames, is %d", MaxWindow, s.Window)
	}
	if s.Items < 0 {
		bad("items must not be negative, is %d", s.Items)
	}
	if s.ScoreAt != "original" && s.ScoreAt != "input" {
		bad("score_at is %q: want original or input", s.ScoreAt)
	}
	for _, h := range s.Headline {
		if !slices.Contains(s.Metrics, h) {
			bad("headline: %q is not among metrics", h)
		}
	}
	for _, id := range slices.Sorted(maps.Keys(s.Distributions)) {
		if !slices.Contains(s.Metrics, id) {
			bad("distributions: %q is not among metrics", id)
		}
		if r := s.Distributions[id]; len(r) > 0 && (len(r) != 2 || !(r[0] < r[1]) || math.IsInf(r[1]-r[0], 0)) {
			bad("distributions.%s is %v: want two ascending numbers, as in [-1, 1], or nothing for the range of the metric", id, r)
		}
	}
	if s.Worst != "" && !slices.Contains(s.Metrics, s.Worst) {
		bad("worst: %q is not among metrics", s.Worst)
	}
	for spec, o := range s.Of {
		if !slices.Contains(s.Datasets, spec) {
			bad("of: %q is not among datasets", spec)
		}
		if o.Items < 0 {
			bad("of.%s: items must not be negative, is %d", spec, o.Items)
		}
		if o.Worst != "" && !slices.Contains(s.Metrics, o.Worst) {
			bad("of.%s: worst: %q is not among metrics", spec, o.Worst)
		}
	}
	for _, name := range s.Optional {
		if !slices.Contains(s.Datasets, name) && !slices.Contains(s.Metrics, name) && !slices.Contains(s.Tokenizers, name) {
			bad("optional: %q is not among datasets, metrics or tokenizers", name)
		}
	}
	for i, c := range s.Corruptions {
		if c.Type == "" {
			bad("corruptions[%d]: type is missing", i)
		}
		if len(c.Severities) == 0 {
			bad("corruptions[%d] %s: severities is empty: name some of 1..5", i, c.Type)
		}
		if strings.HasPrefix(c.Type, "token_") && !slices.Contains(TokenDamages(), c.Type) {
			bad("corruptions[%d]: there is no token damage %q: want one of %s", i, c.Type, strings.Join(TokenDamages(), ", "))
		}
		if slices.ContainsFunc(s.Corruptions[:i], func(o Corruption) bool { return o.Type == c.Type }) {
			bad("corruptions[%d]: %s is listed twice; put its severities together", i, c.Type)
		}
		for k, sev := range c.Severities {
			if sev < 1 || sev > 5 {
				bad("corruptions[%d] %s: severity %d is outside 1..5", i, c.Type, sev)
			}
			if slices.Contains(c.Severities[:k], sev) {
				bad("corruptions[%d] %s: severity %d is listed twice", i, c.Type, sev)
			}
		}
	}
	if b := s.Bins; b != nil {
		if b.Scale != "text" && b.Scale != "face" && b.Scale != ByTag {
			bad("bins.scale is %q: want text, face or tag", b.Scale)
		}
		if b.Scale == ByTag && len(b.Edges) > 0 {
			bad("bins.edges: bins by tag have none")
		}
		if len(b.Names) == 0 {
			bad("bins.names is empty")
		}
		for i, name := range b.Names {
			if slices.Contains(b.Names[:i], name) {
				bad("bins.names: %q is listed twice", name)
			}
		}
		for _, r := range s.Resolutions {
			if b.Scale == ByTag {
				break
			}
			e, ok := b.Edges[r]
			if !ok {
				bad("bins.edges has nothing for resolution %d", r)
				continue
			}
			if len(e) != len(b.Names)+1 || !slices.IsSorted(e) {
				bad("bins.edges[%d] is %v: want %d ascending numbers", r, e, len(b.Names)+1)
			}
		}
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("suite %q: %w", s.ID, err)
	}
	return nil
}
