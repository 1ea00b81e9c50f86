// Package table prints results on a terminal: the headline table of a run, lists,
// and CSV files with every row.
//
// Its opinion: a table that wraps is not read. The headline table fits 80
// columns; what does not fit (exact interval ends, counts by tokenizer) is in the
// CSV files and the HTML report, and the line below the table says what was left
// out of the means. Nothing is coloured: rank is told by order.
package table

import (
	"bytes"
	"fmt"
	"io"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/olekukonko/tablewriter"
	"github.com/olekukonko/tablewriter/pkg/twwidth"
	"github.com/olekukonko/tablewriter/renderer"
	"github.com/olekukonko/tablewriter/tw"
	"golang.org/x/term"

	"github.com/vtbench/vtbench/bench/summary"
	"github.com/vtbench/vtbench/metrics"
	"github.com/vtbench/vtbench/reports/format"
	"github.com/vtbench/vtbench/reports/view"
)

// DefaultWidth is the width of a table where there is no terminal to ask.
const DefaultWidth = 80

// Options change how tables are printed.
type Options struct {
	// Width in columns; 0 asks $COLUMNS, then the terminal, or is [DefaultWidth].
	Width int
}

func (o Options) width(w io.Writer) int {
	if o.Width > 0 {
		return o.Width
	}
	if n, err := strconv.Atoi(os.Getenv("COLUMNS")); err == nil && n >= 40 {
		return n
	}
	if f, ok := w.(*os.File); ok {
		if n, _, err := term.GetSize(int(f.Fd())); err == nil && n >= 40 {
			return n
		}
	}
	return DefaultWidth
}

// Headline prints one table for each data set and resolution: tokenizers by scale
// bins for the first headline metric, with its other headline metrics, upper
// bounds first, then best first.
func Headline(w io.Writer, run *summary.Run, o Options) error {
	v, err := view.New(run)
	if err != nil {
		return err
	}
	return View(w, v, o)
}

// View is Headline for runs that are arranged already.
func View(w io.Writer, v *view.View, o Options) error {
	width := o.width(w)
	if len(v.Heads) > 0 {
		if err := printf(w, "%s\n\n", wrap(v.Heads, width)); err != nil {
			return err
		}
	}
	for _, s := range v.Sections() {
		if err := section(w, v, s, width); err != nil {
			return err
		}
	}
	if err := transfer(w, v, width); err != nil {
		return err
	}
	if err := kept(w, v, width); err != nil {
		return err
	}
	if err := Costs(w, v); err != nil {
		return err
	}
	return notes(w, v, width)
}

// notes prints what a reader must know, in lines that fit.
func notes(w io.Writer, v *view.View, width int) error {
	for _, warning := range v.Warnings {
		for i, line := range lines(format.Line(warning), width-6) {
			lead := "note: "
			if i > 0 {
				lead = "      "
			}
			if err := printf(w, "%s%s\n", lead, line); err != nil {
				return err
			}
		}
	}
	return nil
}

// sideMetrics are shown beside the bins where the run has them: the other
// headline metrics and the one of pixels that everybody asks for.
func sideMetrics(v *view.View, head []string) []metrics.Spec {
	var out []metrics.Spec
	for _, id := range head[1:] {
		if spec, ok := v.Metric(id); ok {
			out = append(out, spec)
		}
	}
	if spec, ok := v.Pixels(); ok && !slices.Contains(head, spec.ID) {
		out = append(out, spec)
	}
	return out[:min(len(out), 2)]
}

func section(w io.Writer, v *view.View, s view.Section, width int) error {
	head := v.HeadlineOf(s)
	if len(head) == 0 {
		return nil
	}
	g := v.Grid(s.Dataset.Name, s.Condition.Key, head[0])
	style := format.For(g.Metric)
	side := sideMetrics(v, head)
	// The arrow of the metric stands in the title; side columns bring their own.
	if err := printf(w, "%s%s%s of %s, %s\n", g.Metric.Title, g.Metric.Better.Arrow(), unit(style), format.Line(s.Dataset.Name), s.Condition.Title()); err != nil {
		return err
	}
	header, rows := cells(v, s, g, withBounds, side)
	if tooWide(header, rows, width) {
		header, rows = cells(v, s, g, plusMinus, side)
	}
	for len(side) > 0 && tooWide(header, rows, width) {
		side = side[:len(side)-1]
		header, rows = cells(v, s, g, plusMinus, side)
	}
	// Names that are cut could look alike: what is left of the width goes to them, and the
	// last columns into the next table.
	var moved []column
	for _, n := range []int{1, len(g.RateColumns())} { // the worst bin, then all rates together
		if !tooWide(header, rows, width) {
			break
		}
		for range n {
			last := len(header) - 1
			c := column{header[last], map[string]string{}}
			for i, r := range g.Rows {
				c.cells[r.Token.Name], rows[i] = rows[i][last], rows[i][:last]
			}
			header, moved = header[:last], append([]column{c}, moved...)
		}
	}
	fit(header, rows, width)
	if err := Simple(w, header, rows); err != nil {
		return err
	}
	if err := printf(w, "%s\n%s\n\n", tally(v, s, g, width), legend(g, rows, width)); err != nil {
		return err
	}
	return sideBySide(w, v, append(means(v, s, unshown(v, head[1:], side)), moved...), width)
}

// unshown are the headline metrics that a table had no room for.
func unshown(v *view.View, head []string, shown []metrics.Spec) []metrics.Spec {
	var out []metrics.Spec
	for _, id := range head {
		if m, ok := v.Metric(id); ok && !slices.ContainsFunc(shown, func(s metrics.Spec) bool { return s.ID == id }) {
			out = append(out, m)
		}
	}
	return out
}

// cells makes the table of a section with these side metrics.
func cells(v *view.View, s view.Section, g view.Grid, number func(metrics.Spec, view.Cell) string, side []metrics.Spec) (header []string, rows [][]string) {
	style := format.For(g.Metric)
	header = []string{"tokenizer"}
	for _, b := range g.Bins {
		header = append(header, view.BinTitle(b))
	}
	header = append(header, view.BinTitle(g.Head))
	for _, m := range side {
		header = append(header, m.Title+m.Better.Arrow())
	}
	if g.Quantized() {
		header = append(header, sizeTitle)
	}
	rates := g.RateColumns()
	for _, c := range rates {
		header = append(header, c.Short)
	}
	header = append(header, "worst"+unit(format.Style{Unit: format.Points(style.Unit)}))
	for _, r := range g.Rows {
		row := []string{format.Line(r.Token.Name)}
		if g.Passed(r) {
			row[0] += passedMark
		}
		for _, c := range append(r.Cells, r.Head) {
			row = append(row, number(g.Metric, c))
		}
		for _, m := range side {
			c := v.Head(r.Token, s.Dataset.Name, s.Condition, m.ID)
			row = append(row, format.For(m).Number(c.Shown()))
		}
		if g.Quantized() {
			row = append(row, size(r.Token))
		}
		for _, c := range rates {
			row = append(row, rate(r.Token, c.Of(r)))
		}
		rows = append(rows, append(row, worst(style, r)))
	}
	return header, rows
}

// unit is the unit of a title: " (%)".
func unit(st format.Style) string {
	if st.Unit == "" {
		return ""
	}
	return " (" + st.Unit + ")"
}

// passedMark stands behind an upper bound that another row passes.
const passedMark = "*"

// plusMinus writes a mean and half of its interval, or how far both ends are from it
// where they are not as far.
func plusMinus(m metrics.Spec, c view.Cell) string {
	return format.For(m).PlusMinus(c.Shown(), c.Lo, c.Hi, m.Min, m.Max)
}

// withBounds writes the ends themselves where they are not as far from the mean.
func withBounds(m metrics.Spec, c view.Cell) string {
	st := format.For(m)
	if math.IsNaN(c.Mean+c.Lo+c.Hi) || st.Even(c.Mean, c.Lo, c.Hi, m.Min, m.Max) {
		return plusMinus(m, c)
	}
	return st.Interval(c.Mean, c.Lo, c.Hi)
}

// sizeTitle is the column of the sizes of networks.
const sizeTitle = "kB"

// size is what the files of a network take in kB; "" where there is no network.
func size(t view.Token) string {
	if t.Info.WeightBytes == 0 {
		return ""
	}
	return format.Count(int(math.Round(float64(t.Info.WeightBytes) / 1000)))
}

// rate is a rate in bits per pixel; ~ marks an estimate.
func rate(t view.Token, r view.Rate) string {
	switch {
	case t.Floor:
		return ""
	case !r.OK():
		return format.None
	}
	out := format.Style{Digits: 2, Scale: 1}.Number(r.BPP)
	if r.Estimated() {
		return "~" + out
	}
	return out
}

// worst says in which bin a tokenizer loses most against the upper bound, and how
// much.
func worst(st format.Style, r view.GridRow) string {
	if !r.Worst.OK {
		return ""
	}
	bin := r.Worst.Bin
	if bin == summary.BinAll || bin == summary.BinMean {
		return st.Delta(r.Worst.Delta)
	}
	return bin + " " + st.Delta(r.Worst.Delta)
}

// tally says what stands behind a table, in lines that fit.
func tally(v *view.View, s view.Section, g view.Grid, width int) string {
	t := v.Tally(s.Dataset.Name, s.Condition.Key, g.Metric.ID)
	parts := []string{fmt.Sprintf("%s %s kept", t.Kept, view.Units(len(s.Dataset.Clips) > 0, g.Metric))}
	for _, r := range t.Reasons {
		parts = append(parts, fmt.Sprintf("%s %s", r.Span, r.Title))
	}
	return wrap(parts, width)
}

// legend explains the marks of a headline table.
func legend(g view.Grid, rows [][]string, width int) string {
	parts := intervalMarks(rows)
	if g.Bound != "" {
		worst := "worst: bin that loses most against " + format.Line(g.Bound)
		if format.For(g.Metric).Unit == "%" {
			worst += ", in points of a hundred (pp)"
		}
		parts = append(parts, worst)
	}
	if g.Quantized() {
		parts = append(parts, sizeTitle+": files of the network")
	}
	rates := g.RateColumns()
	var names []string
	none, estimated := false, false
	for _, c := range rates {
		names = append(names, c.Short)
		for _, r := range g.Rows {
			none = none || !c.Of(r).OK() && !r.Token.Floor
			estimated = estimated || c.Of(r).Estimated()
		}
	}
	switch len(names) {
	case 2:
		parts = append(parts, "fixed, coded: bits per pixel of tokens at fixed length, and after entropy coding")
	case 1:
		parts = append(parts, map[string]string{
			"fixed": "fixed: bits per pixel of tokens at fixed length", "coded": "coded: bits per pixel after entropy coding",
		}[names[0]])
	}
	if none {
		parts = append(parts, "–: no bits to count")
	}
	if estimated {
		parts = append(parts, "~: estimated, no bitstream")
	}
	if slices.ContainsFunc(g.Rows, g.Passed) {
		parts = append(parts, "*: an upper bound that another row passes; bounds are measured, too")
	}
	return wrap(parts, width)
}

// intervalMarks explain how intervals are written in these rows.
func intervalMarks(rows [][]string) []string {
	var parts []string
	has := func(mark string) bool {
		return slices.ContainsFunc(rows, func(r []string) bool {
			return slices.ContainsFunc(r[1:], func(cell string) bool {
				_, behind, _ := strings.Cut(cell, " ")
				return strings.Contains(cell, mark) && (mark != "+" || behind == "" && strings.Index(cell, "+") > 0)
			})
		})
	}
	if has("±") {
		parts = append(parts, "±: half of the 95 % interval")
	}
	if has("[") {
		parts = append(parts, "[from, to]: 95 % interval")
	}
	if has("+") {
		parts = append(parts, "+a−b: ends of an uneven 95 % interval")
	}
	return parts
}

// wrap joins parts by dots into lines that fit.
func wrap(parts []string, width int) string {
	out, line := "", ""
	for _, p := range parts {
		switch {
		case line == "":
			line = p
		case columns(line)+3+columns(p) > width:
			out, line = out+line+"\n", p
		default:
			line += " · " + p
		}
	}
	return out + line
}

// List prints a header and rows of words in the width of the terminal: cells of the
// last column are broken into lines.
func List(w io.Writer, header []string, rows [][]string, o Options) error {
	last := len(header) - 1
	_, total := widths(header, rows)
	lastWidth := columns(header[last])
	for _, r := range rows {
		lastWidth = max(lastWidth, columns(r[last]))
	}
	room := max(o.width(w)-(total-lastWidth), 24)
	var out [][]string
	for _, r := range rows {
		for i, line := range lines(r[last], room) {
			row := make([]string, len(r))
			if i == 0 {
				copy(row, r)
			}
			row[last] = line
			out = append(out, row)
		}
	}
	return Simple(w, header, out)
}

// lines breaks a text at spaces into lines of at most n columns; a longer word
// keeps its own line.
func lines(s string, n int) []string {
	out := []string{""}
	for _, word := range strings.Fields(s) {
		last := &out[len(out)-1]
		switch {
		case *last == "":
			*last = word
		case columns(*last)+1+columns(word) > n:
			out = append(out, word)
		default:
			*last += " " + word
		}
	}
	return out
}

// Simple prints a header and rows, columns aligned, numbers to the right, without
// a frame.
func Simple(w io.Writer, header []string, rows [][]string) error {
	align := make([]tw.Align, len(header))
	for i := range header {
		align[i] = tw.AlignLeft
		if i > 0 && numeric(rows, i) {
			align[i] = tw.AlignRight
		}
	}
	cell := tw.CellConfig{
		Formatting: tw.CellFormatting{AutoWrap: tw.WrapNone, AutoFormat: tw.Off},
		Alignment:  tw.CellAlignment{PerColumn: align},
		Padding:    tw.CellPadding{Global: tw.Padding{Right: " ", Overwrite: true}},
	}
	var buf bytes.Buffer
	t := tablewriter.NewTable(&buf,
		tablewriter.WithRenderer(renderer.NewBlueprint(tw.Rendition{
			Borders: tw.BorderNone,
			Symbols: tw.NewSymbols(tw.StyleLight),
			Settings: tw.Settings{
				Lines:      tw.Lines{ShowTop: tw.Off, ShowBottom: tw.Off, ShowHeaderLine: tw.On, ShowFooterLine: tw.Off},
				Separators: tw.Separators{ShowHeader: tw.On, ShowFooter: tw.Off, BetweenRows: tw.Off, BetweenColumns: tw.Off},
			},
		})),
		tablewriter.WithConfig(tablewriter.Config{Header: cell, Row: cell, Behavior: tw.Behavior{TrimSpace: tw.Off}}),
	)
	t.Header(header)
	if err := t.Bulk(rows); err != nil {
		return fmt.Errorf("printing a table: %w", err)
	}
	if err := t.Render(); err != nil {
		return fmt.Errorf("printing a table: %w", err)
	}
	for line := range strings.Lines(buf.String()) {
		if err := printf(w, "%s\n", strings.TrimRight(line, " \n")); err != nil {
			return err
		}
	}
	return nil
}

// numeric reports whether a column holds numbers, and nothing else.
func numeric(rows [][]string, col int) bool {
	some := false
	for _, r := range rows {
		if col >= len(r) || r[col] == "" || r[col] == format.None {
			continue
		}
		if !strings.ContainsAny(r[col][:1], "0123456789~+-") && !strings.HasPrefix(r[col], "−") && !strings.HasPrefix(r[col], "∞") {
			return false
		}
		some = true
	}
	return some
}

// widths are the widths of the columns, with the space between them.
func widths(header []string, rows [][]string) (first, total int) {
	for c := range header {
		wide := columns(header[c])
		for _, r := range rows {
			wide = max(wide, columns(r[c]))
		}
		if c == 0 {
			first = wide
		}
		total += wide + 1
	}
	return first, total
}

// usualName is the length up to which names should not have to be shortened.
const usualName = 20

// tooWide says that names of the usual length would have to be shortened.
func tooWide(header []string, rows [][]string, width int) bool {
	first, total := widths(header, rows)
	return total-first+min(first, usualName) > width
}

// fit makes a table as narrow as width by shortening the names of the first
// column in their middle; other columns hold numbers and stay.
func fit(header []string, rows [][]string, width int) {
	first, total := widths(header, rows)
	if over := total - width; over > 0 {
		names := make([]string, len(rows))
		for i, r := range rows {
			names[i] = r[0]
		}
		for i, name := range format.Fit(names, max(first-over, 12)) {
			rows[i][0] = name
		}
	}
}

// columns is the width of a text on a terminal: 2 for wide characters, 0 for what
// combines with the one before.
func columns(s string) int { return twwidth.Width(s) }

func printf(w io.Writer, layout string, args ...any) error {
	if _, err := fmt.Fprintf(w, layout, args...); err != nil {
		return fmt.Errorf("printing a table: %w", err)
	}
	return nil
}
