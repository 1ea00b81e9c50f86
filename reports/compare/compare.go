// Package compare writes a comparison for those who read it: a terminal, a pull
// request, a program, a continuous-integration service.
//
// Its opinion: what is missing comes first, then what got worse, then the rest,
// folded. A row that shows no difference says which difference it could have
// shown. Colour means better or worse and nothing else. What does not fit is cut
// at the end of the least important table, and the cut says how many rows it took
// and where they are.
package compare

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"

	"github.com/vtbench/vtbench/bench/compare"
	"github.com/vtbench/vtbench/bench/suite"
	"github.com/vtbench/vtbench/bench/summary"
	"github.com/vtbench/vtbench/internal/boundedjson"
	"github.com/vtbench/vtbench/metrics/stat"
	"github.com/vtbench/vtbench/reports/format"
	"github.com/vtbench/vtbench/reports/view"
)

// JSON writes the report; schema.json in this package documents it.
func JSON(w io.Writer, r *compare.Report) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", " ")
	if err := enc.Encode(r); err != nil {
		return fmt.Errorf("writing the comparison: %w", err)
	}
	return nil
}

// maxJSON bounds what ReadJSON takes: it may come from a stranger's pull request.
const maxJSON = 64 << 20

// maxMemory bounds what it becomes: a comparison of ten thousand rows takes a tenth.
const maxMemory = 128 << 20

// ReadJSON reads what JSON wrote. Unknown fields and other versions are errors.
func ReadJSON(r io.Reader) (*compare.Report, error) {
	b, err := io.ReadAll(io.LimitReader(r, maxJSON+1))
	if err != nil {
		return nil, fmt.Errorf("reading a comparison: %w", err)
	}
	if len(b) > maxJSON {
		return nil, fmt.Errorf("reading a comparison: it is larger than %s", format.Bytes(maxJSON))
	}
	var out compare.Report
	if err := boundedjson.Check(b, &out, maxMemory); err != nil {
		return nil, fmt.Errorf("reading a comparison: %w", err)
	}
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&out); err != nil {
		return nil, fmt.Errorf("reading a comparison: %s; want a file of `vtbench compare --format json`", wrong(err))
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("reading a comparison: there is more after its end")
	}
	if out.Schema != compare.ReportVersion {
		return nil, fmt.Errorf("reading a comparison: it has schema %d, this program reads %d", out.Schema, compare.ReportVersion)
	}
	for i, x := range out.Rows {
		if x.Pair < 0 || x.Pair >= len(out.Pairs) {
			return nil, fmt.Errorf("reading a comparison: row %d belongs to pair %d of %d", i, x.Pair, len(out.Pairs))
		}
	}
	for i, x := range out.Tallies {
		if x.Pair < 0 || x.Pair >= len(out.Pairs) {
			return nil, fmt.Errorf("reading a comparison: tally %d belongs to pair %d of %d", i, x.Pair, len(out.Pairs))
		}
	}
	for i, x := range out.WorstCases {
		if x.Pair < 0 || x.Pair >= len(out.Pairs) {
			return nil, fmt.Errorf("reading a comparison: worst case %d belongs to pair %d of %d", i, x.Pair, len(out.Pairs))
		}
	}
	if g := out.Gates; g != nil {
		for _, i := range g.Rows {
			if i < 0 || i >= len(out.Rows) {
				return nil, fmt.Errorf("reading a comparison: a gate looked at row %d of %d", i, len(out.Rows))
			}
		}
		for i, f := range g.Findings {
			if f.Row < -1 || f.Row >= len(out.Rows) {
				return nil, fmt.Errorf("reading a comparison: finding %d belongs to row %d of %d", i, f.Row, len(out.Rows))
			}
		}
	}
	return &out, nil
}

// wrong says what is wrong with a comparison without a word of it: the file may be a
// stranger's, or none that was meant, and the message stands in a log that all can read.
func wrong(err error) string {
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	switch {
	case errors.As(err, &syntax):
		return fmt.Sprintf("it is no JSON (at byte %d)", syntax.Offset)
	case errors.As(err, &kind) && kind.Field != "":
		return fmt.Sprintf("%s is of another kind than is wanted (at byte %d)", format.Line(kind.Field), kind.Offset)
	case errors.As(err, &kind):
		return "it is no object of JSON"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return "it ends too early"
	case strings.HasPrefix(err.Error(), "json: unknown field"):
		return "it has a field that this version does not know"
	}
	return "a value cannot be read"
}

// Title is the outcome in one line.
func Title(r *compare.Report) string {
	worse, better := r.Count(compare.Worse, true), r.Count(compare.Better, true)
	heads := len(r.Headline())
	outcome := "no difference shown in " + format.Plural(heads, "headline row", "headline rows")
	switch {
	case len(r.Rows) == 0 && slices.ContainsFunc(r.Curves, curveHasValue):
		n := 0
		for _, c := range r.Curves {
			if curveHasValue(c) {
				n++
			}
		}
		outcome = "compared at equal rate only, in " + format.Plural(n, "metric", "metrics")
		if left := len(r.Curves) - n; left > 0 {
			outcome += fmt.Sprintf(", not in %d", left)
		}
	case !r.Compared():
		outcome = "nothing was compared"
	case len(r.Rows) == 0:
		outcome = "nothing was tested"
	case heads == 0:
		outcome = "no headline rows"
	case worse > 0 && better > 0:
		outcome = fmt.Sprintf("worse in %d and better in %d of %s", worse, better, format.Plural(heads, "headline row", "headline rows"))
	case worse > 0:
		outcome = fmt.Sprintf("worse in %d of %s", worse, format.Plural(heads, "headline row", "headline rows"))
	case better > 0:
		outcome = fmt.Sprintf("better in %d of %s", better, format.Plural(heads, "headline row", "headline rows"))
	case heads > 0 && r.Count(compare.Equivalent, true) == heads:
		outcome = "equivalent in " + format.Plural(heads, "headline row", "headline rows")
	}
	gw, gb := r.Count(compare.Worse, false)-worse, r.Count(compare.Better, false)-better
	if gw+gb > 0 {
		outcome += fmt.Sprintf("; of the other rows %d worse, %d better", gw, gb)
	}
	if g := r.Gates; g != nil {
		switch {
		case g.Failed():
			outcome = "gates failed (" + format.Plural(g.Errors, "error", "errors") + "); " + outcome
		case g.Warnings > 0:
			outcome = "gates passed with " + format.Plural(g.Warnings, "warning", "warnings") + "; " + outcome
		default:
			outcome = "gates passed; " + outcome
		}
	}
	return outcome
}

// Alarms is what a reader must know before any number: what cannot be compared,
// what is missing, what failed.
func Alarms(r *compare.Report) []string {
	var out []string
	for _, s := range r.Skews {
		out = append(out, "NOT LIKE WITH LIKE: "+s.String())
	}
	for _, s := range r.Sides {
		if s.Source == compare.Imported {
			line := s.Name + " is imported"
			if s.Origin != "" {
				line += " from " + s.Origin
			}
			out = append(out, line+": its values were made elsewhere and nothing about that was checked")
		}
		if s.Failures > 0 {
			out = append(out, fmt.Sprintf("%s: %s failed, the first: %s", s.Name, format.Plural(s.Failures, "value", "values"), s.FirstFail))
		}
	}
	for _, u := range r.Unpaired {
		if u.Side == "baseline" {
			out = append(out, fmt.Sprintf("missing: %s is in the baseline %s and not in the candidate", u.Tokenizer, u.Name))
		} else {
			out = append(out, fmt.Sprintf("new: %s has no counterpart in the baseline", u.Tokenizer))
		}
	}
	out = append(out, losses(r)...)
	out = append(out, r.Warnings...)
	return out
}

// losses sums the tallies of a pair up: metrics that lost the same are one line.
func losses(r *compare.Report) []string {
	type key struct {
		pair int
		what string
	}
	metricsOf := map[key][]string{}
	var order []key
	for _, t := range r.Tallies {
		if t.Lost()+t.FailedBoth == 0 {
			continue
		}
		var parts []string
		add := func(n int, what string) {
			if n > 0 {
				parts = append(parts, format.Count(n)+" "+what)
			}
		}
		add(t.Missing, "missing in the candidate")
		add(t.FailedCandidate, "failed in the candidate only")
		add(t.FailedBaseline, "failed in the baseline only")
		add(t.FailedBoth, "failed in both")
		add(t.DroppedCandidate, "dropped in the candidate only")
		add(t.DroppedBaseline, "dropped in the baseline only")
		add(t.Infinite, "infinite on one side only")
		add(t.New, "new in the candidate")
		add(t.Moved, "in another bin or of another weight")
		what := fmt.Sprintf("%s, %s: %s; %s compared", t.Dataset, conditionTitle(t.Condition), strings.Join(parts, ", "), format.Count(t.Paired))
		if len(t.Examples) > 0 {
			what += " (for example " + t.Examples[0] + ")"
		}
		k := key{t.Pair, what}
		if metricsOf[k] == nil {
			order = append(order, k)
		}
		metricsOf[k] = append(metricsOf[k], t.Metric)
	}
	var out []string
	for _, k := range order {
		out = append(out, fmt.Sprintf("%s on %s [%s]", r.Pairs[k.pair].Label, k.what, strings.Join(metricsOf[k], ", ")))
	}
	return out
}

// Sentence says a row in words: "T-ACC rose from 22.9 to 29.2 %, by 6.3 points
// (2.1 to 10.4): better".
func Sentence(r *compare.Report, x compare.Row) string {
	return fmt.Sprintf("%s%s of %s on %s, %s%s", x.Title, binWords(x), r.Pairs[x.Pair].Label, x.Dataset, conditionTitle(x.Condition), predicate(x))
}

// predicate is the rest of a sentence whose subject is a row.
func predicate(x compare.Row) string {
	if x.N == 0 && math.IsNaN(float64(x.Delta)) {
		return ": not compared, " + x.Why
	}
	st := format.For(x.Spec())
	verb := "stayed at"
	switch d := float64(x.Delta); {
	case d > 0:
		verb = "rose from " + st.Number(float64(x.Baseline)) + " to"
	case d < 0:
		verb = "fell from " + st.Number(float64(x.Baseline)) + " to"
	}
	s := fmt.Sprintf(" %s %s", verb, st.With(float64(x.Candidate)))
	if !math.IsNaN(float64(x.Lo)) && x.Delta != 0 {
		s += fmt.Sprintf(", by %s (95 %% interval %s to %s; p %s)", points(st, float64(x.Delta)), st.Delta(float64(x.Lo)), st.Delta(float64(x.Hi)), P(float64(x.Adjusted)))
	}
	s += ": " + string(x.Verdict)
	if x.Why != "" {
		s += ", " + x.Why
	}
	if x.Verdict == compare.NoDifference && !math.IsNaN(float64(x.Detectable)) {
		s += fmt.Sprintf("; this data would have shown %s", points(st, float64(x.Detectable)))
	}
	return s
}

// points writes a difference with a unit that cannot be taken for a percentage of
// the baseline.
func points(st format.Style, d float64) string {
	if st.Unit == "%" {
		return st.Number(math.Abs(d)) + " points"
	}
	return st.With(math.Abs(d))
}

func binWords(x compare.Row) string {
	switch x.Bin {
	case summary.BinAll:
		return ""
	case summary.BinMean:
		if x.ByClass {
			return ", mean over classes"
		}
		return ", mean over scales"
	}
	if x.ByClass {
		return ", " + x.Bin
	}
	return ", " + x.Bin + " scale"
}

// conditionTitle writes "clean@256" as "clean, 256 px".
func conditionTitle(s string) string {
	c, err := suite.ParseCondition(s)
	if err != nil {
		return format.Line(s)
	}
	out := "clean"
	if c.Corruption != "" {
		out = fmt.Sprintf("%s %d", view.CorruptionTitle(c.Corruption), c.Severity)
	}
	if size := suite.Size(c.Resolution); size != "" {
		out += ", " + size
	}
	if c.Against == suite.AgainstClean {
		out += ", against the undamaged original"
	}
	return out
}

func binTitle(bin string) string {
	if bin == summary.BinAll {
		return "all"
	}
	return bin
}

// P writes a p-value with the digits it deserves.
func P(p float64) string {
	switch {
	case math.IsNaN(p):
		return format.None
	case p < 0.001:
		return "<.001"
	case p > 0.9995:
		return "1"
	}
	return strings.TrimPrefix(fmt.Sprintf("%.3f", p), "0")
}

// urgency orders rows: what failed a gate, then worse, better, changed, then by p.
func urgency(r *compare.Report) func(a, b int) int {
	failing := map[int]int{}
	for i, l := range failingRows(r) {
		failing[i] = map[compare.Level]int{compare.Error: 2, compare.Warn: 1}[l]
	}
	rank := map[compare.Verdict]int{compare.Worse: 0, compare.Better: 1, compare.Changed: 2, compare.NoDifference: 3, compare.Equivalent: 3, compare.NotCompared: 4}
	return func(a, b int) int {
		x, y := r.Rows[a], r.Rows[b]
		return cmp.Or(-cmp.Compare(failing[a], failing[b]), cmp.Compare(rank[x.Verdict], rank[y.Verdict]))
	}
}

// order lists the rows that keep wants, urgent ones first, else as they are.
func order(r *compare.Report, keep func(compare.Row) bool) []int {
	var out []int
	for i, x := range r.Rows {
		if keep(x) {
			out = append(out, i)
		}
	}
	slices.SortStableFunc(out, urgency(r))
	return out
}

// metricTitle is "T-ACC↑ (%)".
func metricTitle(x compare.Row) string {
	out := x.Title + x.Better.Arrow()
	if u := format.For(x.Spec()).Unit; u != "" {
		out += " (" + u + ")"
	}
	return out
}

func relative(x compare.Row) string {
	p := float64(x.Percent)
	if math.IsNaN(p) || math.IsInf(p, 0) || format.For(x.Spec()).Unit == "%" { // no percentage of a percentage
		return format.None
	}
	if math.Abs(p) > 999 {
		return map[bool]string{true: ">+999 %", false: "<−999 %"}[p > 0]
	}
	return format.Style{Scale: 1, Places: 1}.Delta(p) + " %"
}

func detectable(x compare.Row) string {
	if math.IsNaN(float64(x.Detectable)) {
		return format.None
	}
	return format.For(x.Spec()).Number(float64(x.Detectable))
}

var curveWords = map[string]string{
	string(stat.WarnLowOverlap): "the curves share less than 75 % of their range of quality",
	compare.WarnLowRateOverlap:  "the curves share less than 75 % of their range of rates",
}

// curveNote says why a curve has no BD-rate, and what to think of its values.
func curveNote(c compare.Curve) string {
	var out []string
	if c.Why != "" {
		out = append(out, "no BD-rate: "+c.Why)
	}
	for _, w := range c.Warnings {
		if s, ok := curveWords[w]; ok {
			w = s
		}
		out = append(out, w)
	}
	return strings.Join(out, "; ")
}
