// Package markdown writes a run as report.md: what a repository, a pull request or
// a terminal pager shows without a browser.
//
// Its opinion: names come from outside and may hold anything, so every one is
// escaped; tables hold what a reader compares, everything else is in the CSV files
// it links to.
package markdown

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/vtbench/vtbench/bench/record"
	"github.com/vtbench/vtbench/metrics"
	"github.com/vtbench/vtbench/reports/format"
	"github.com/vtbench/vtbench/reports/view"
)

// A Plot is a figure that is linked to.
type Plot struct {
	Path    string // relative to the report, "/" separated
	Caption string
}

// maxFailures is how many failures are listed; summary.json has all.
const maxFailures = 50

// Escape makes a text safe anywhere in GitHub Markdown: one line, no markup, no
// HTML, no table separators.
func Escape(s string) string {
	var b strings.Builder
	for _, r := range format.Line(s) {
		switch r {
		case '\\', '`', '*', '_', '{', '}', '[', ']', '(', ')', '#', '+', '!', '|', '~':
			b.WriteByte('\\')
			b.WriteRune(r)
		case '<':
			b.WriteString("&lt;")
		case '>':
			b.WriteString("&gt;")
		case '&':
			b.WriteString("&amp;")
		case '@': // would notify somebody in a pull request
			b.WriteString("&#64;")
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

// Report writes the whole report.
func Report(v *view.View, plots []Plot) string {
	var b strings.Builder
	p := func(layout string, args ...any) { fmt.Fprintf(&b, layout, args...) }
	p("# %s\n\n", Escape(v.Suite.Title+": "+v.Name))
	if v.Suite.Question != "" {
		p("%s\n\n", Escape(v.Suite.Question))
	}
	if len(v.Heads) > 0 {
		p("%s.\n\n", Escape(strings.Join(v.Heads, "; ")))
	}
	for _, w := range v.Warnings {
		p("> **Note:** %s\n\n", Escape(w))
	}
	for _, f := range v.Findings() {
		p("- **%s: %s.** %s\n", Escape(f.Label), Escape(f.Value), Escape(f.Plain()))
	}
	p("\n")
	for _, s := range v.Sections() {
		p("## %s\n\n", Escape(sectionTitle(s)))
		for _, id := range v.Headline {
			grid(&b, v, s, id)
		}
		images(&b, v, s)
	}
	robustness(&b, v)
	if len(plots) > 0 {
		p("## Plots\n\n")
		for _, f := range plots {
			p("![%s](%s)\n\n", Escape(f.Caption), strings.ReplaceAll(f.Path, " ", "%20"))
		}
	}
	if len(v.Failures) > 0 {
		p("## What failed\n\n| tokenizer | condition | item | why |\n|---|---|---|---|\n")
		for i, f := range v.Failures {
			if i == maxFailures {
				p("\n… and %s more, all in `%s`.\n", format.Count(len(v.Failures)-i), record.SummaryFile)
				break
			}
			item := f.Item
			if f.Instance != "" {
				item += ", " + f.Instance
			}
			p("| %s | %s | %s | %s |\n", Escape(cmp.Or(f.Tokenizer, "all")), Escape(cmp.Or(f.Condition, "all")), Escape(item), Escape(f.Error))
		}
		p("\n")
	}
	method(&b, v)
	return b.String()
}

func sectionTitle(s view.Section) string {
	return s.Dataset.Name + ", " + s.Condition.Title()
}

// grid writes the table of one metric by scale bins.
func grid(b *strings.Builder, v *view.View, s view.Section, id string) {
	g := v.Grid(s.Dataset.Name, s.Condition.Key, id)
	if len(g.Rows) == 0 {
		return
	}
	st := format.For(g.Metric)
	fmt.Fprintf(b, "### %s", Escape(g.Metric.Title))
	if st.Unit != "" {
		fmt.Fprintf(b, " (%s)", Escape(st.Unit))
	}
	fmt.Fprintf(b, "\n\n%s; %s.\n\n", Escape(g.Metric.Short), Escape(view.BetterWord(g.Metric.Better)))
	header := []string{"tokenizer"}
	for _, bin := range append(slices.Clone(g.Bins), g.Head) {
		header = append(header, Escape(view.BinTitle(bin)))
	}
	rates := g.RateColumns()
	for _, c := range rates {
		header = append(header, c.Title)
	}
	header = append(header, "n", "worst against "+Escape(g.Bound))
	if g.Bound == "" {
		header = header[:len(header)-1]
	}
	writeRow(b, header)
	b.WriteString("|---|" + strings.Repeat("--:|", len(header)-1) + "\n")
	for _, r := range g.Rows {
		row := []string{name(r.Token)}
		for _, c := range append(slices.Clone(r.Cells), r.Head) {
			row = append(row, st.Interval(c.Mean, c.Lo, c.Hi))
		}
		for _, c := range rates {
			rate := ""
			if x := c.Of(r); x.OK() {
				if rate = format.Rate.Number(x.BPP); x.Estimated() {
					rate += " (estimate)"
				}
			}
			row = append(row, rate)
		}
		row = append(row, format.Count(r.Head.N))
		if g.Bound != "" {
			worst := ""
			if r.Worst.OK {
				worst = Escape(view.BinTitle(r.Worst.Bin)) + " " + st.Delta(r.Worst.Delta)
			}
			row = append(row, worst)
		}
		writeRow(b, row)
	}
	t := v.Tally(s.Dataset.Name, s.Condition.Key, id)
	what := "images"
	if g.Metric.Scope == metrics.PerInstance {
		what = "instances"
	}
	parts := []string{t.Kept.String() + " " + what + " kept"}
	for _, r := range t.Reasons {
		parts = append(parts, r.Span.String()+" "+r.Title)
	}
	fmt.Fprintf(b, "\n%s.\n\n", Escape(strings.Join(parts, ", ")))
}

// images writes the metrics of whole images and sets in one table.
func images(b *strings.Builder, v *view.View, s view.Section) {
	var specs []metrics.Spec
	for _, m := range v.Metrics {
		if slices.Contains(v.Headline, m.ID) {
			continue
		}
		for _, t := range v.Tokens {
			if c := v.Head(t, s.Dataset.Name, s.Condition, m.ID); c.OK {
				specs = append(specs, m)
				break
			}
		}
	}
	if len(specs) == 0 {
		return
	}
	header := []string{"tokenizer"}
	for _, m := range specs {
		title := m.Title
		if u := format.For(m).Unit; u != "" {
			title += " (" + u + ")"
		}
		header = append(header, Escape(title))
	}
	costs := v.Costs(s.Condition.Key)
	for _, c := range costs {
		header = append(header, c.Title)
	}
	fmt.Fprintf(b, "### Everything else\n\n")
	writeRow(b, header)
	b.WriteString("|---|" + strings.Repeat("--:|", len(header)-1) + "\n")
	for _, t := range v.Tokens {
		row := []string{name(t)}
		for _, m := range specs {
			c := v.Head(t, s.Dataset.Name, s.Condition, m.ID)
			cell := ""
			if c.OK {
				cell = format.For(m).Interval(c.Mean, c.Lo, c.Hi)
			}
			row = append(row, cell)
		}
		for _, c := range costs {
			text, _, _ := c.Of(t.Name)
			row = append(row, Escape(text))
		}
		writeRow(b, row)
	}
	b.WriteString("\n")
}

func writeRow(b *strings.Builder, cells []string) {
	b.WriteString("| " + strings.Join(cells, " | ") + " |\n")
}

// method says what the numbers rest on, so that somebody else can make them again.
func method(b *strings.Builder, v *view.View) {
	fmt.Fprintf(b, "## How it was measured\n\n")
	for _, r := range v.Runs {
		m := r.Manifest
		if len(v.Runs) > 1 {
			fmt.Fprintf(b, "### %s\n\n", Escape(r.Name))
		}
		fmt.Fprintf(b, "- suite %s, version %d, digest %s, scored at the %s size\n", Escape(m.Suite.ID), m.Suite.Version, digest(m.SuiteHash), Escape(m.Suite.ScoreAt))
		for _, d := range m.Datasets {
			fmt.Fprintf(b, "- data set %s, version %d, digest %s: %s of %s items%s\n", Escape(d.Name), d.Info.Version, digest(d.Info.Digest), format.Count(d.Items), format.Count(d.Total), Escape(view.About(d.Info)))
		}
		fmt.Fprintf(b, "- intervals: %g %%, %s cluster bootstrap over images (or the people shown), %s resamples, seed %d: where the mean would likely lie on other images of the same kind\n", 100*m.Bootstrap.Level, Escape(m.Bootstrap.Method), format.Count(m.Bootstrap.Resamples), m.Seed)
		for _, k := range sortedKeys(m.Provenance) {
			fmt.Fprintf(b, "- %s: %s\n", Escape(k), Escape(m.Provenance[k]))
		}
		for _, t := range m.Tokenizers {
			facts := []string{t.Info.Version}
			if t.Info.Weights != "" {
				facts = append(facts, fmt.Sprintf("weights %.12s", t.Info.Weights))
			}
			for _, k := range sortedKeys(t.Info.Params) {
				facts = append(facts, k+": "+t.Info.Params[k])
			}
			fmt.Fprintf(b, "- tokenizer %s: %s\n", Escape(t.Name), Escape(strings.Join(slices.DeleteFunc(facts, func(s string) bool { return s == "" }), ", ")))
		}
		fmt.Fprintf(b, "- %s, %s, %s, %d cores%s, started %s\n\n", Escape(m.Host.Program), Escape(m.Host.Go), Escape(m.Host.OS), m.Host.Cores, cpu(m.Host.CPU), Escape(m.Host.Started))
	}
	fmt.Fprintf(b, "Metrics:\n\n")
	for _, m := range v.Metrics {
		fmt.Fprintf(b, "- **%s** (%s, version %d): %s. %s\n", Escape(m.Title), Escape(m.ID), m.Version, Escape(m.Short), Escape(m.Long))
	}
}

// digest is as much of a digest as tells two apart.
func digest(s string) string {
	r := []rune(s)
	return Escape(string(r[:min(len(r), 12)]))
}

func cpu(s string) string {
	if s == "" {
		return ""
	}
	return " of " + Escape(s)
}

func sortedKeys(m map[string]string) []string {
	var keys []string
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
