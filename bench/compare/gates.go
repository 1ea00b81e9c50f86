package compare

import (
	"errors"
	"fmt"
	"math"
	"path"
	"slices"
	"strings"

	"github.com/vtbench/vtbench/bench/record"
	"github.com/vtbench/vtbench/bench/summary"
	"github.com/vtbench/vtbench/internal/files"
	"github.com/vtbench/vtbench/internal/strictyaml"
	"github.com/vtbench/vtbench/internal/suggest"
	"github.com/vtbench/vtbench/metrics"
)

// Level is what a finding of a gate costs.
type Level string

// The levels there are.
const (
	Off   Level = "off"
	Warn  Level = "warn"
	Error Level = "error"
)

// Judge is which number of a row a gate looks at.
type Judge string

// The ways to judge an allowed regression.
const (
	// ByVerdict fails where the verdict is worse: significant after correction, and
	// of a size that matters. The default.
	ByVerdict Judge = "verdict"
	// ByEstimate fails where the estimate is worse than allowed, noise or not.
	ByEstimate Judge = "estimate"
	// ByShown fails where the whole interval is worse than allowed.
	ByShown Judge = "shown"
	// ByExcluded fails unless the whole interval is better than the allowed
	// regression: the data must exclude it (non-inferiority).
	ByExcluded Judge = "excluded"
)

// GateFile is a gates file.
type GateFile struct {
	Version int        `yaml:"version"`
	Alpha   float64    `yaml:"alpha,omitempty"`
	Margins []MarginOf `yaml:"margins,omitempty"`
	Gates   []Gate     `yaml:"gates"`
}

// MarginOf is a margin as written in a gates file.
type MarginOf struct {
	Metric string `yaml:"metric"`
	Amount string `yaml:"amount"` // "0.01", or "2%" of the baseline
}

// A Gate is one rule. Patterns are those of path.Match, except that * also matches /.
// For each row the last gate that matches decides; rows that none matches pass.
type Gate struct {
	Metric    string `yaml:"metric"`
	Dataset   string `yaml:"dataset,omitempty"`   // default: all
	Condition string `yaml:"condition,omitempty"` // default: all; "clean@256", "*/5@*"
	Bin       string `yaml:"bin,omitempty"`       // default: the overall row; "*" for all, "all", "mean", "small"
	Tokenizer string `yaml:"tokenizer,omitempty"` // default: all; label of the candidate
	Level     Level  `yaml:"level,omitempty"`     // default: error
	Judge     Judge  `yaml:"judge,omitempty"`     // default: verdict, or estimate where allow is given
	Allow     string `yaml:"allow,omitempty"`     // allowed regression: "0.01", or "2%" of the baseline
	// Min and Max bound the candidate's value itself.
	Min  *float64 `yaml:"min,omitempty"`
	Max  *float64 `yaml:"max,omitempty"`
	MinN int      `yaml:"min_n,omitempty"` // fewer paired values are a finding
	// Missing is what values cost that the candidate lacks, and rows without a value.
	Missing Level `yaml:"missing,omitempty"` // default: level
}

// GateResult is the outcome of gates.
type GateResult struct {
	File     string    `json:"file"`
	Checked  int       `json:"checked"` // rows that a gate looked at
	Rows     []int     `json:"rows"`    // which they are
	Errors   int       `json:"errors"`
	Warnings int       `json:"warnings"`
	Findings []Finding `json:"findings"`
}

// Failed reports whether the comparison must not pass.
func (g *GateResult) Failed() bool { return g != nil && g.Errors > 0 }

// A Finding is a gate that did not hold.
type Finding struct {
	Level   Level         `json:"level"`
	Gate    int           `json:"gate"` // index into the file
	Row     int           `json:"row"`  // index into the rows; −1 where there is none
	Rule    string        `json:"rule"` // "regression", "min", "max", "min_n", "missing", "no_row"
	Judge   Judge         `json:"judge,omitempty"`
	Value   record.Number `json:"value"`
	Bound   record.Number `json:"bound"`
	Message string        `json:"message"`
}

// LoadGates reads a gates file; every key must be known.
func LoadGates(name string) (*GateFile, error) {
	b, err := files.Read(name, strictyaml.MaxBytes)
	if err != nil {
		return nil, fmt.Errorf("reading gates: %w", err)
	}
	return ParseGates(name, b)
}

// ParseGates reads the content of a gates file. Errors name line and field, all of
// them at once.
func ParseGates(name string, b []byte) (*GateFile, error) {
	var f GateFile
	if err := strictyaml.Decode(name, b, &f); err != nil {
		return nil, fmt.Errorf("reading gates: %w", err)
	}
	var errs []error
	for _, p := range f.problems() {
		errs = append(errs, fmt.Errorf("%s: %s: %s", strictyaml.Where(name, b, p.field), p.field, p.message))
	}
	if len(errs) > 0 {
		return nil, fmt.Errorf("reading gates: %w", errors.Join(errs...))
	}
	return &f, nil
}

// problem is something in a gates file that cannot be meant.
type problem struct{ field, message string }

func (f *GateFile) problems() []problem {
	var out []problem
	bad := func(field, format string, args ...any) {
		out = append(out, problem{field, fmt.Sprintf(format, args...)})
	}
	if f.Version != 1 {
		bad("version", "is %d, want 1", f.Version)
	}
	if !(f.Alpha >= 0 && f.Alpha < 0.5) {
		bad("alpha", "is %g, want a level between 0 and 0.5, usually 0.05", f.Alpha)
	}
	for i, m := range f.Margins {
		at := fmt.Sprintf("margins[%d]", i)
		if m.Metric == "" {
			bad(at, "metric is missing: name one, or a pattern such as t-*")
		} else if _, err := path.Match(m.Metric, ""); err != nil {
			bad(at+".metric", "%q is not a pattern: %v", m.Metric, err)
		}
		if _, _, err := parseAmount(m.Amount); err != nil {
			bad(at+".amount", "%v", err)
		}
	}
	if len(f.Gates) == 0 {
		bad("gates", "is empty: a file without gates passes everything")
	}
	for i, g := range f.Gates {
		g.problems(func(field, format string, args ...any) {
			bad(strings.TrimSuffix(fmt.Sprintf("gates[%d].%s", i, field), "."), format, args...)
		})
	}
	return out
}

func (g Gate) problems(bad func(field, format string, args ...any)) {
	if g.Metric == "" {
		bad("", "metric is missing: name one, or a pattern such as t-*")
	}
	for _, p := range []struct{ field, pattern string }{
		{"metric", g.Metric}, {"dataset", g.Dataset}, {"condition", g.Condition}, {"bin", g.Bin}, {"tokenizer", g.Tokenizer},
	} {
		if _, err := glob(p.pattern, ""); err != nil {
			bad(p.field, "%q is not a pattern: %v", p.pattern, err)
		}
	}
	word := func(field, got string, known ...string) {
		if got != "" && !slices.Contains(known, got) {
			bad(field, "is %q, want %s%s", got, strings.Join(known, ", "), suggest.Hint(got, known))
		}
	}
	word("level", string(g.Level), string(Off), string(Warn), string(Error))
	word("missing", string(g.Missing), string(Off), string(Warn), string(Error))
	word("judge", string(g.Judge), string(ByVerdict), string(ByEstimate), string(ByShown), string(ByExcluded))
	switch {
	case g.Allow != "":
		if _, _, err := parseAmount(g.Allow); err != nil {
			bad("allow", "%v", err)
		}
		if g.Judge == ByVerdict {
			bad("judge", "verdict and allow exclude each other: a verdict allows what is smaller than the margin; set margins, or judge by estimate, shown or excluded")
		}
	case g.Judge != "" && g.Judge != ByVerdict:
		bad("judge", "%s needs allow, the regression that is allowed (0 for none)", g.Judge)
	}
	for _, b := range []struct {
		field string
		value *float64
	}{{"min", g.Min}, {"max", g.Max}} {
		if b.value != nil && (math.IsNaN(*b.value) || math.IsInf(*b.value, 0)) {
			bad(b.field, "is %g, want a number", *b.value)
		}
	}
	if g.Min != nil && g.Max != nil && *g.Min > *g.Max {
		bad("min", "%g is above max %g", *g.Min, *g.Max)
	}
	if g.MinN < 0 {
		bad("min_n", "is %d, must not be negative", g.MinN)
	}
}

func (f *GateFile) margins() ([]Margin, error) {
	var out []Margin
	for i, m := range f.Margins {
		abs, rel, err := parseAmount(m.Amount)
		if err != nil {
			return nil, fmt.Errorf("margins[%d]: %w", i, err)
		}
		out = append(out, margin(m.Metric, abs, rel))
	}
	return out, nil
}

// Apply puts the file's level and margins in front of those of the options: what
// the command line says wins.
func (f *GateFile) Apply(o Options) (Options, error) {
	m, err := f.margins()
	if err != nil {
		return o, err
	}
	o.Margins = append(m, o.Margins...)
	if o.Alpha == 0 {
		o.Alpha = f.Alpha
	}
	return o, nil
}

// glob is path.Match in which * also matches a slash: conditions hold slashes.
func glob(pattern, s string) (bool, error) {
	const slash = "\x00"
	return path.Match(strings.ReplaceAll(pattern, "/", slash), strings.ReplaceAll(s, "/", slash))
}

// matchesAny reports whether one of the patterns matches; no patterns match all.
func matchesAny(patterns []string, s string) bool {
	return len(patterns) == 0 || slices.ContainsFunc(patterns, func(p string) bool { return matches(p, s) })
}

func matches(pattern, s string) bool {
	if pattern == "" {
		return true
	}
	ok, _ := glob(pattern, s)
	return ok
}

// matches reports whether a gate looks at a row.
func (g Gate) matches(r Row, p Pair, overall bool) bool {
	if !matches(g.Metric, r.Metric) || !matches(g.Dataset, r.Dataset) || !matches(g.Condition, r.Condition) || !matches(g.Tokenizer, p.Token) {
		return false
	}
	switch g.Bin {
	case "":
		return overall
	case "all":
		return r.Bin == summary.BinAll
	}
	name := r.Bin
	if name == summary.BinAll {
		name = "all"
	}
	return matches(g.Bin, name)
}

// Gate applies gates to the rows and stores the outcome in the report.
func (r *Report) Gate(name string, f *GateFile) *GateResult {
	out := &GateResult{File: name, Rows: []int{}, Findings: []Finding{}}
	used := make([]bool, len(f.Gates))
	// The overall row of a metric is its mean over bins where there are bins.
	type cell struct {
		pair                       int
		dataset, condition, metric string
	}
	mean := map[cell]bool{}
	for _, x := range r.Rows {
		if x.Bin == summary.BinMean {
			mean[cell{x.Pair, x.Dataset, x.Condition, x.Metric}] = true
		}
	}
	for i, x := range r.Rows {
		overall := x.Bin == summary.BinMean || x.Bin == summary.BinAll && !mean[cell{x.Pair, x.Dataset, x.Condition, x.Metric}]
		last := -1
		for k, g := range f.Gates {
			if g.matches(x, r.Pairs[x.Pair], overall) {
				used[k], last = true, k
			}
		}
		if last < 0 || f.Gates[last].level() == Off {
			continue
		}
		out.Checked++
		out.Rows = append(out.Rows, i)
		for _, finding := range f.Gates[last].check(x) {
			finding.Gate, finding.Row = last, i
			if finding.Rule == "regression" {
				finding.Judge = f.Gates[last].judge()
			}
			finding.Message = r.rowName(x) + ": " + finding.Message
			out.add(finding)
		}
	}
	var ids []string
	for _, x := range r.Rows {
		if !slices.Contains(ids, x.Metric) {
			ids = append(ids, x.Metric)
		}
	}
	for k, g := range f.Gates {
		if !used[k] && g.level() != Off && g.missing() != Off {
			hint := ""
			if !slices.Contains(ids, g.Metric) {
				hint = suggest.Hint(g.Metric, ids)
			}
			out.add(Finding{
				Level: g.missing(), Gate: k, Row: -1, Rule: "no_row", Value: record.Number(nan), Bound: record.Number(nan),
				Message: fmt.Sprintf("gates[%d] (metric %s) matches no row, so it guards nothing%s", k, g.Metric, hint),
			})
		}
	}
	for _, u := range r.Unpaired {
		if u.Side != "baseline" {
			continue
		}
		for k, g := range slices.Backward(f.Gates) {
			if matches(g.Tokenizer, u.Tokenizer) && g.level() != Off && g.missing() != Off {
				out.add(Finding{
					Level: g.missing(), Gate: k, Row: -1, Rule: "missing", Value: record.Number(nan), Bound: record.Number(nan),
					Message: fmt.Sprintf("%s is in the baseline %s and not in the candidate", u.Tokenizer, u.Name),
				})
				break
			}
		}
	}
	slices.SortStableFunc(out.Findings, func(a, b Finding) int {
		rank := map[Level]int{Error: 0, Warn: 1}
		return rank[a.Level] - rank[b.Level]
	})
	r.Gates = out
	return out
}

func (g *GateResult) add(f Finding) {
	switch f.Level {
	case Error:
		g.Errors++
	case Warn:
		g.Warnings++
	default:
		return
	}
	g.Findings = append(g.Findings, f)
}

func (r *Report) rowName(x Row) string {
	parts := []string{x.Title}
	if x.Bin != summary.BinAll {
		parts = append(parts, x.Bin)
	}
	return fmt.Sprintf("%s of %s on %s, %s", strings.Join(parts, " "), r.Pairs[x.Pair].Label, x.Dataset, x.Condition)
}

func (g Gate) level() Level {
	if g.Level == "" {
		return Error
	}
	return g.Level
}

func (g Gate) judge() Judge {
	switch {
	case g.Judge != "":
		return g.Judge
	case g.Allow != "":
		return ByEstimate
	}
	return ByVerdict
}

func (g Gate) missing() Level {
	if g.Missing == "" {
		return g.level()
	}
	return g.Missing
}

// check applies one gate to one row.
func (g Gate) check(r Row) []Finding {
	var out []Finding
	add := func(l Level, rule string, value, bound float64, format string, args ...any) {
		out = append(out, Finding{Level: l, Rule: rule, Value: record.Number(value), Bound: record.Number(bound), Message: fmt.Sprintf(format, args...)})
	}
	if r.N == 0 || math.IsNaN(float64(r.Candidate)) {
		why := r.Why
		if why == "" {
			why = "no value"
		}
		add(g.missing(), "missing", nan, nan, "nothing to judge: %s", why)
		return out
	}
	if r.Lost > 0 {
		add(g.missing(), "missing", float64(r.Lost), 0, "%d values of the baseline are missing, failed or dropped in the candidate", r.Lost)
	}
	if r.N < g.MinN {
		add(g.level(), "min_n", float64(r.N), float64(g.MinN), "%d paired values, fewer than %d", r.N, g.MinN)
	}
	v := float64(r.Candidate)
	if g.Min != nil && exceeds(*g.Min, v) {
		add(g.level(), "min", v, *g.Min, "%.6g is below %g", v, *g.Min)
	}
	if g.Max != nil && exceeds(v, *g.Max) {
		add(g.level(), "max", v, *g.Max, "%.6g is above %g", v, *g.Max)
	}
	if g.Allow == "" {
		switch {
		case r.Verdict == NotCompared && g.Min == nil && g.Max == nil:
			add(g.missing(), "regression", nan, nan, "there is no verdict to judge by (%s): bound it by min or max, or set allow", r.Why)
		case r.Verdict == Worse:
			add(g.level(), "regression", r.Regression(), float64(r.Margin), "worse by %.4g, more than the margin %.4g (p %.2g after correction)", r.Regression(), float64(r.Margin), float64(r.Adjusted))
		}
		return out
	}
	regression := r.Regression()
	switch {
	case r.Better != metrics.Higher && r.Better != metrics.Lower:
		add(g.level(), "regression", nan, nan, "%s has no better end, so nothing is a regression: bound it by min and max", r.Metric)
		return out
	case math.IsNaN(regression): // of sets, which have a value on one side only
		add(g.missing(), "regression", nan, nan, "nothing to judge: the baseline has no value to subtract")
		return out
	}
	abs, rel, err := parseAmount(g.Allow)
	if err != nil { // checked when the file was read
		add(Error, "regression", nan, nan, "allow: %v", err)
		return out
	}
	allowed := max(abs, rel*math.Abs(float64(r.Baseline)))
	least, most := r.regressionBounds()
	switch g.Judge {
	case ByShown:
		switch {
		case math.IsNaN(least):
			add(g.missing(), "regression", nan, allowed, "there is no interval to judge by: %s", intervalWhy(r))
		case exceeds(least, allowed):
			add(g.level(), "regression", least, allowed, "worse by at least %.4g (interval), allowed %.4g", least, allowed)
		}
	case ByExcluded:
		switch {
		case math.IsNaN(most): // what is not known is not excluded
			add(g.level(), "regression", nan, allowed, "there is no interval to judge by: %s", intervalWhy(r))
		case exceeds(most, allowed):
			add(g.level(), "regression", most, allowed, "a regression of %.4g is not excluded (interval), allowed %.4g", most, allowed)
		}
	default:
		if exceeds(regression, allowed) {
			add(g.level(), "regression", regression, allowed, "worse by %.4g, allowed %.4g", regression, allowed)
		}
	}
	return out
}

// exceeds reports whether x is above a bound by more than the rounding of sums: a fall from
// 0.9 to 0.8 is one of 0.1.
func exceeds(x, bound float64) bool {
	return x > bound && !alike(x, bound)
}

func intervalWhy(r Row) string {
	if r.Why != "" {
		return r.Why
	}
	return "one image only"
}

// regressionBounds are the ends of the interval of [Row.Regression], in order.
func (r Row) regressionBounds() (least, most float64) {
	if r.Better == metrics.Higher {
		return -float64(r.Hi), -float64(r.Lo)
	}
	return float64(r.Lo), float64(r.Hi)
}
