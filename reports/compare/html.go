package compare

import (
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"math"
	"slices"

	"github.com/vtbench/vtbench/bench/compare"
	"github.com/vtbench/vtbench/datasets"
	"github.com/vtbench/vtbench/reports/format"
)

//go:embed page.html
var pageHTML string

var pageTemplate = template.Must(template.New("page").Parse(pageHTML))

// htmlPage is what the template shows.
type htmlPage struct {
	Title, Lead     string
	Sides           []htmlSide
	Commit          string
	Alarms          []string
	Gates           string
	Findings        []htmlFinding
	Cases           []htmlCase
	Tables          []htmlTable
	Power           string
	Method, Program string
	Samples         string // what is drawn: "images"
	Credits         []datasets.Credit
}

type htmlSide struct{ Role, Name, Suite string }

type htmlFinding struct{ Level, Where, What string }

// htmlCase is an instance that lost: what it says, what was read, how it looks.
type htmlCase struct {
	Title, Where, Change                    string
	Label                                   string
	HasReadings                             bool
	ReadBaseline, ReadCandidate             string
	Original, BaselineImage, CandidateImage template.URL
	HasOriginal, HasBaseline, HasCandidate  bool
}

type htmlTable struct {
	Title  string
	Folded bool
	Rows   []htmlRow
}

type htmlRow struct {
	Kind                                            string // class: worse, better, changed, same
	Verdict, Tokenizer, Metric, Where               string
	Baseline, Candidate, Delta, Interval, P, Detect string
	N, Note                                         string
}

// HTML writes the comparison as one page that opens from disk: what changed in one
// sentence, the worst regressions with what was read and how it looks, then the rows,
// then what could have been seen. Pictures are linked to, relative to the page.
func HTML(w io.Writer, r *compare.Report, o Options) error {
	p := htmlPage{Title: Title(r), Lead: Lead(r), Commit: format.Line(o.Commit), Program: format.Line(r.Program), Samples: r.Samples()}
	for _, s := range r.Sides {
		p.Sides = append(p.Sides, htmlSide{s.Role, format.Line(s.Name), fmt.Sprintf("%s, version %d", format.Line(s.Suite.ID), s.Suite.Version)})
	}
	for _, a := range Alarms(r) {
		p.Alarms = append(p.Alarms, format.Line(a))
	}
	if g := r.Gates; g != nil {
		p.Gates = fmt.Sprintf("%s looked at, %s, %s", format.Plural(g.Checked, "row", "rows"), format.Plural(g.Errors, "error", "errors"), format.Plural(g.Warnings, "warning", "warnings"))
		for _, f := range g.Findings {
			where, what := Finding(r, f)
			p.Findings = append(p.Findings, htmlFinding{string(f.Level), format.Line(where), format.Line(what)})
		}
	}
	for _, c := range r.WorstCases {
		p.Cases = append(p.Cases, htmlCaseOf(r, c, o))
	}
	if slices.ContainsFunc(p.Cases, htmlCase.pictured) {
		p.Credits = r.Credits
	}
	p.tables(r)
	m := r.Method
	p.Method = format.Line(fmt.Sprintf("Paired by item; intervals at %.0f %% from %s resamples of %s, seed %d; p by the %s test, corrected by Holm over %s and by Benjamini–Hochberg over %s; verdicts at α = %g.",
		100*m.Level, format.Count(m.Resamples), r.Samples(), m.Seed, m.Test, format.Plural(m.Headline, "headline row", "headline rows"), format.Plural(m.Grid, "other row", "other rows"), m.Alpha))
	p.Power = fmt.Sprintf("“Could show” is the smallest true difference that this data would have shown with a chance of %.0f %%, to be significant and to matter.", 100*m.Power)
	if err := pageTemplate.Execute(w, &p); err != nil {
		return fmt.Errorf("writing the comparison: %w", err)
	}
	return nil
}

// pictured reports whether a case is shown.
func (c htmlCase) pictured() bool { return c.HasOriginal || c.HasBaseline || c.HasCandidate }

func htmlCaseOf(r *compare.Report, c compare.WorstCase, o Options) htmlCase {
	x := caseRow(r, c)
	st := format.For(x.Spec())
	out := htmlCase{
		Title: format.Line(c.Item), Where: format.Line(r.Pairs[c.Pair].Label + " · " + c.Dataset + ", " + conditionTitle(c.Condition)),
		Change: format.Line(x.Title + " " + st.Number(float64(c.Baseline)) + " → " + st.With(float64(c.Candidate))),
		Label:  format.Line(c.Label), HasReadings: c.Label != "" || c.ReadBaseline != "" || c.ReadCandidate != "",
		ReadBaseline: readBefore(r, c), ReadCandidate: reading(c.ReadCandidate),
	}
	if c.Instance != "" {
		out.Title += ", " + format.Line(c.Instance)
	}
	if c.Bin != "" {
		out.Title += " · " + format.Line(c.Bin)
	}
	link := func(prefix, name string) (template.URL, bool) {
		if prefix == "" {
			return "", false
		}
		l, err := relativeLink(prefix, name)
		return template.URL(l), err == nil //nolint:gosec // relative, or below an https address, and escaped
	}
	out.Original, out.HasOriginal = link(o.CandidateImages, c.Original)
	out.BaselineImage, out.HasBaseline = link(o.BaselineImages, c.BaselineImage)
	out.CandidateImage, out.HasCandidate = link(o.CandidateImages, c.CandidateImage)
	return out
}

// caseRow is a row with the title and the style of a worst case's metric.
func caseRow(r *compare.Report, c compare.WorstCase) compare.Row {
	x := compare.Row{Pair: c.Pair, Metric: c.Metric, Title: c.Metric}
	if i := slices.IndexFunc(r.Rows, func(y compare.Row) bool { return y.Metric == c.Metric }); i >= 0 {
		y := r.Rows[i]
		x.Title, x.Unit, x.Better, x.Show = y.Title, y.Unit, y.Better, y.Show
	}
	return x
}

// readBefore is what was read in the baseline's reconstruction; a baseline file does not
// keep it.
func readBefore(r *compare.Report, c compare.WorstCase) string {
	side := r.Pairs[c.Pair].SideIndex
	if c.ReadBaseline == "" && side >= 0 && side < len(r.Sides) && r.Sides[side].Source != compare.FromRun {
		return "not kept"
	}
	return reading(c.ReadBaseline)
}

// reading is what was read, on one line; nothing read is said.
func reading(s string) string {
	if s == "" {
		return "nothing"
	}
	return middle(format.Line(s), maxName)
}

// tables sorts the rows: what decides, what else differs, the rest folded.
func (p *htmlPage) tables(r *compare.Report) {
	failing := failingRows(r)
	var heads, others, quiet htmlTable
	heads.Title, others.Title, quiet.Title, quiet.Folded = "Rows that decide", "Other rows that differ", "All other rows", true
	for _, i := range order(r, func(compare.Row) bool { return true }) {
		x := r.Rows[i]
		st := format.For(x.Spec())
		row := htmlRow{
			Kind: "same", Verdict: format.Line(verdictWord(x)), Tokenizer: format.Line(r.Pairs[x.Pair].Label), Metric: format.Line(metricTitle(x) + binSuffix(x)),
			Where: format.Line(x.Dataset + ", " + conditionTitle(x.Condition)), Baseline: st.Number(float64(x.Baseline)), Candidate: st.Number(float64(x.Candidate)),
			Delta: st.Delta(float64(x.Delta)), Interval: bounds(st, x), P: P(float64(x.Adjusted)), N: format.Count(x.N), Note: format.Line(note(r, x)),
		}
		if x.Clusters > 0 {
			row.N += " (" + format.Count(x.Clusters) + ")"
		}
		if couldShow(x) {
			row.Detect = detectable(x)
		}
		switch x.Verdict {
		case compare.Worse, compare.Better, compare.Changed:
			row.Kind = string(x.Verdict)
		}
		if failing[i] != "" {
			row.Note = "gate: " + string(failing[i])
		}
		switch {
		case x.Headline || failing[i] == compare.Error:
			heads.Rows = append(heads.Rows, row)
		case row.Kind != "same" || failing[i] != "":
			others.Rows = append(others.Rows, row)
		default:
			quiet.Rows = append(quiet.Rows, row)
		}
	}
	for _, t := range []htmlTable{heads, others, quiet} {
		if len(t.Rows) > 0 {
			p.Tables = append(p.Tables, t)
		}
	}
}

// identical reports whether all values of a row are the same on both sides.
func identical(x compare.Row) bool {
	return x.N > 0 && x.Delta == 0 && x.Lo == 0 && x.Hi == 0
}

// verdictWord is a verdict, or that nothing differs at all.
func verdictWord(x compare.Row) string {
	if identical(x) && x.Verdict != compare.NotCompared {
		return "identical"
	}
	return string(x.Verdict)
}

// Lead is what changed in one sentence: "small, T-ACC: 100.0 → 18.2 %", of the row that
// changed most by its own margin; worse before better. It is "" where nothing did.
func Lead(r *compare.Report) string {
	best, by := -1, 0.0
	for _, v := range []compare.Verdict{compare.Worse, compare.Better} {
		for i, x := range r.Rows {
			d := math.Abs(float64(x.Delta)) / max(float64(x.Margin), 1e-9)
			if x.Verdict == v && d > by {
				best, by = i, d
			}
		}
		if best >= 0 {
			break
		}
	}
	if best < 0 {
		return ""
	}
	x := r.Rows[best]
	st := format.For(x.Spec())
	what := x.Title
	switch x.Bin {
	case "", "mean":
	default:
		what = x.Bin + ", " + what
	}
	verb := "Worse"
	if x.Verdict == compare.Better {
		verb = "Better"
	}
	name := func(s string) string { return middle(format.Line(s), maxName) }
	return fmt.Sprintf("%s most: %s %s → %s, %s on %s, %s", verb, name(what), st.Number(float64(x.Baseline)), name(st.With(float64(x.Candidate))),
		name(r.Pairs[x.Pair].Label), name(x.Dataset), name(conditionTitle(x.Condition)))
}
