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

// Report writes the whole report.
func Report(v *view.View, plots []Plot) string {
	var b strings.Builder
	p := func(layout string, args ...any) { fmt.Fprintf(&b, layout, args...) }
	p("# %s\n\n", format.Markdown(v.Suite.Title+": "+v.Name))
	if v.Suite.Question != "" {
		p("%s\n\n", format.Markdown(v.Suite.Question))
	}
	if len(v.Heads) > 0 {
		p("%s.\n\n", format.Markdown(strings.Join(v.Heads, "; ")))
	}
	for _, w := range v.Warnings {
		p("> **Note:** %s\n\n", format.Markdown(w))
	}
	for _, f := range v.Findings() {
		p("- **%s: %s.** %s\n", format.Markdown(f.Label), format.Markdown(f.Value), format.Markdown(f.Plain()))
	}
	p("\n")
	for _, s := range v.Sections() {
		p("## %s\n\n", format.Markdown(sectionTitle(s)))
		for _, id := range v.Headline {
			grid(&b, v, s, id)
		}
		images(&b, v, s)
	}
	matrices(&b, v)
	robustness(&b, v)
	if len(plots) > 0 {
		p("## Plots\n\n")
		for _, f := range plots {
			p("![%s](%s)\n\n", format.Markdown(f.Caption), strings.ReplaceAll(f.Path, " ", "%20"))
		}
	}
	if rows := v.FailureRows(); len(rows) > 0 {
		p("## What failed\n\n| tokenizer | condition | item | why |\n|---|---|---|---|\n")
		more := 0
		for i, f := range rows {
			if i >= maxFailures {
				more += f.Failures
				continue
			}
			p("| %s | %s | %s | %s |\n", format.Markdown(cmp.Or(f.Tokenizer, "all")), format.Markdown(cmp.Or(f.Condition, "all")), format.Markdown(f.Item), format.Markdown(f.Why))
		}
		if more > 0 {
			p("\n… and %s more, all in `%s`.\n", format.Count(more), record.SummaryFile)
		}
		p("\n")
	}
	method(&b, v)
	credits(&b, v)
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
	fmt.Fprintf(b, "### %s", format.Markdown(g.Metric.Title))
	if st.Unit != "" {
		fmt.Fprintf(b, " (%s)", format.Markdown(st.Unit))
	}
	fmt.Fprintf(b, "\n\n%s; %s.\n\n", format.Markdown(g.Metric.Short), format.Markdown(view.BetterWord(g.Metric.Better)))
	header := []string{"tokenizer"}
	for _, bin := range append(slices.Clone(g.Bins), g.Head) {
		header = append(header, format.Markdown(view.BinTitle(bin)))
	}
	rates := g.RateColumns()
	for _, c := range rates {
		header = append(header, c.Title)
	}
	header = append(header, "n", "worst against "+format.Markdown(g.Bound))
	if g.Bound == "" {
		header = header[:len(header)-1]
	}
	writeRow(b, header)
	b.WriteString("|---|" + strings.Repeat("--:|", len(header)-1) + "\n")
	for _, r := range g.Rows {
		row := []string{name(r.Token)}
		for _, c := range append(slices.Clone(r.Cells), r.Head) {
			row = append(row, st.Interval(c.Shown(), c.Lo, c.Hi))
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
				worst = format.Markdown(view.BinTitle(r.Worst.Bin)) + " " + st.Delta(r.Worst.Delta)
			}
			row = append(row, worst)
		}
		writeRow(b, row)
	}
	t := v.Tally(s.Dataset.Name, s.Condition.Key, id)
	parts := []string{t.Kept.String() + " " + view.Units(len(s.Dataset.Clips) > 0, g.Metric) + " kept"}
	for _, r := range t.Reasons {
		parts = append(parts, r.Span.String()+" "+r.Title)
	}
	fmt.Fprintf(b, "\n%s.\n\n", format.Markdown(strings.Join(parts, ", ")))
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
		header = append(header, format.Markdown(title))
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
				cell = format.For(m).Interval(c.Shown(), c.Lo, c.Hi)
			}
			row = append(row, cell)
		}
		for _, c := range costs {
			text, _, _ := c.Of(t.Name)
			row = append(row, format.Markdown(text))
		}
		writeRow(b, row)
	}
	b.WriteString("\n")
}

// matrices writes the tables of classes and of resolutions.
func matrices(b *strings.Builder, v *view.View) {
	group := ""
	for _, m := range v.Matrices() {
		if m.Group != group {
			group = m.Group
			fmt.Fprintf(b, "## %s\n\n", format.Markdown(group))
		}
		st := format.For(m.Metric)
		fmt.Fprintf(b, "### %s", format.Markdown(m.Title))
		if st.Unit != "" {
			fmt.Fprintf(b, " (%s)", format.Markdown(st.Unit))
		}
		fmt.Fprintf(b, "\n\n%s\n\n", format.Markdown(m.Note))
		header := []string{m.Corner}
		for _, c := range m.Columns {
			header = append(header, format.Markdown(c))
		}
		writeRow(b, header)
		b.WriteString("|---|" + strings.Repeat("--:|", len(header)-1) + "\n")
		unpaired := false
		for _, r := range m.Rows {
			row := []string{format.Markdown(r.Name)}
			if r.Token != nil {
				row[0] = name(*r.Token)
			}
			for _, c := range r.Cells {
				text := format.Markdown(c.Text(st))
				if bounds := st.Bounds(c.Lo, c.Hi); bounds != "" && c.Text(st) != format.None {
					text += " " + bounds
				}
				unpaired = unpaired || c.Unpaired
				row = append(row, text)
			}
			writeRow(b, row)
		}
		b.WriteString("\n")
		if unpaired {
			fmt.Fprintf(b, "%s.\n\n", format.Markdown(view.UnpairedNote))
		}
	}
}

func writeRow(b *strings.Builder, cells []string) {
	b.WriteString("| " + strings.Join(cells, " | ") + " |\n")
}

// method says what the numbers rest on, so that somebody else can make them again.
func method(b *strings.Builder, v *view.View) {
	fmt.Fprintf(b, "## How it was measured\n\n")
	for _, r := range v.Runs {
		m := r.Manifest
		drawn, kind := r.Drawn()
		if len(v.Runs) > 1 {
			fmt.Fprintf(b, "### %s\n\n", format.Markdown(r.Name))
		}
		fmt.Fprintf(b, "- suite %s, version %d, digest %s, scored at the %s size\n", format.Markdown(m.Suite.ID), m.Suite.Version, digest(m.SuiteHash), format.Markdown(m.Suite.ScoreAt))
		for _, d := range m.Datasets {
			fmt.Fprintf(b, "- data set %s, version %d, digest %s: %s of %s items%s\n", format.Markdown(d.Name), d.Info.Version, digest(d.Info.Digest), format.Count(d.Items), format.Count(d.Total), format.Markdown(view.About(d.Info)))
		}
		fmt.Fprintf(b, "- intervals: %g %%, %s cluster bootstrap over %s, %s resamples, seed %d: where the mean would likely lie on other %s of the same kind\n", 100*m.Bootstrap.Level, format.Markdown(m.Bootstrap.Method), drawn, format.Count(m.Bootstrap.Resamples), m.Seed, kind)
		for _, k := range sortedKeys(m.Provenance) {
			fmt.Fprintf(b, "- %s: %s\n", format.Markdown(k), format.Markdown(m.Provenance[k]))
		}
		for _, t := range m.Tokenizers {
			facts := []string{t.Info.Version}
			if t.Info.Weights != "" {
				facts = append(facts, fmt.Sprintf("weights %.12s", t.Info.Weights))
			}
			for _, k := range sortedKeys(t.Info.Params) {
				facts = append(facts, k+": "+t.Info.Params[k])
			}
			fmt.Fprintf(b, "- tokenizer %s: %s\n", format.Markdown(t.Name), format.Markdown(strings.Join(slices.DeleteFunc(facts, func(s string) bool { return s == "" }), ", ")))
		}
		fmt.Fprintf(b, "- %s, %s, %s, %d cores%s, started %s\n\n", format.Markdown(m.Host.Program), format.Markdown(m.Host.Go), format.Markdown(m.Host.OS), m.Host.Cores, cpu(m.Host.CPU), format.Markdown(m.Host.Started))
	}
	if work := v.Work(); work != "" {
		fmt.Fprintf(b, "Shares of the work: %s.\n\n", format.Markdown(work))
	}
	fmt.Fprintf(b, "Metrics:\n\n")
	for _, m := range v.Metrics {
		fmt.Fprintf(b, "- **%s** (%s, version %d): %s. %s\n", format.Markdown(m.Title), format.Markdown(m.ID), m.Version, format.Markdown(m.Short), format.Markdown(m.Long))
	}
}

// credits says whose photographs a report and its pictures show.
func credits(b *strings.Builder, v *view.View) {
	list := v.Credits()
	if len(list) == 0 {
		return
	}
	b.WriteString("\n## Credits\n\nThe photographs are of these; crops, and sizes other than theirs, are ours.\n\n")
	writeRow(b, []string{"title", "author", "licence", "source"})
	b.WriteString("|---|---|---|---|\n")
	for _, c := range list {
		writeRow(b, []string{format.Markdown(c.Title), format.Markdown(c.Author), format.Markdown(c.Licence), format.Markdown(c.Source)})
	}
}

// digest is as much of a digest as tells two apart.
func digest(s string) string {
	r := []rune(s)
	return format.Markdown(string(r[:min(len(r), 12)]))
}

func cpu(s string) string {
	if s == "" {
		return ""
	}
	return " of " + format.Markdown(s)
}

func sortedKeys(m map[string]string) []string {
	var keys []string
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
