package compare

import (
	"errors"
	"fmt"
	"io"
	"math"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/vtbench/vtbench/bench/compare"
	"github.com/vtbench/vtbench/bench/record"
	"github.com/vtbench/vtbench/bench/summary"
	"github.com/vtbench/vtbench/datasets"
	"github.com/vtbench/vtbench/metrics/stat"
	"github.com/vtbench/vtbench/reports/format"
)

const (
	// CommentLimit is the largest comment in bytes. GitHub refuses more than 65,536
	// characters; what is below leaves room for what a bot puts around it.
	CommentLimit = 60_000
	// SummaryLimit is the largest job summary in bytes: GitHub refuses more than a
	// mebibyte a step.
	SummaryLimit = 1_000_000
	// minLimit holds every heading, the note on how to read it, and the lines that
	// say what was left out.
	minLimit = 20_000
)

// What comes first must not push out what it is about: the rows.
const (
	alarmShare   = 0.25
	findingShare = 0.25
	worstShare   = 0.2
)

// DefaultKey is the key of a comment's marker.
const DefaultKey = "compare"

var keyPattern = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)

// Marker is the hidden first line by which a publisher finds its comment again.
func Marker(key string) (string, error) {
	if key == "" {
		key = DefaultKey
	}
	if !keyPattern.MatchString(key) || strings.Contains(key, "--") {
		return "", fmt.Errorf("the key of a comment is %q: want up to 64 letters, digits, dots, underscores and single hyphens", key)
	}
	return "<!-- vtbench:" + key + " -->", nil
}

// Markdown writes the comment for a pull request: the outcome, what is missing,
// what failed, the rows that decide, and everything else folded. It never exceeds
// the limit.
func Markdown(w io.Writer, r *compare.Report, o Options) error {
	marker, err := Marker(o.Key)
	if err != nil {
		return err
	}
	if o.Limit == 0 {
		o.Limit = CommentLimit
	}
	return page(w, r, o, marker+"\n")
}

// Summary writes the page of a CI job: the comment without its marker, with more
// room.
func Summary(w io.Writer, r *compare.Report, o Options) error {
	if o.Limit == 0 {
		o.Limit = SummaryLimit
	}
	return page(w, r, o, "")
}

// NoComparison writes the comment for a run that ended without a comparison: what
// is missing must not look like what has not changed. ended is how the run ended.
func NoComparison(w io.Writer, ended string, o Options) error {
	marker, err := Marker(o.Key)
	if err != nil {
		return err
	}
	run := "The run"
	if o.FullURL != "" {
		o.Full = run
		if run, err = fullText(o); err != nil {
			return err
		}
	}
	if o.Commit != "" {
		run += " for commit " + code(o.Commit)
	}
	if ended != "" {
		run += " (" + cell(ended) + ")"
	}
	return write(w, marker+"\n### ❌ vtbench: no comparison\n\n"+run+" left no comparison. Nothing is known about this change; earlier numbers are not of this commit.\n")
}

// A block is a part of the page that can be cut at its end.
type block struct {
	title string // for the line that says what was left out
	open  string
	rows  []string
	close string
	quote string  // "> " in a quotation
	share float64 // at most this share of the page; 0 is no bound
}

func (b block) cut(left int, full string) string {
	return fmt.Sprintf("%s\n%s… %s of “%s” left out for length: all are in %s.\n", strings.TrimSpace(b.quote), b.quote, format.Plural(left, "row", "rows"), b.title, full)
}

// page joins blocks in order of importance: each takes what room there is, and
// those that come later are the first to be cut.
func page(w io.Writer, r *compare.Report, o Options, lead string) error {
	if o.Limit < minLimit {
		return fmt.Errorf("writing the comparison as Markdown: the limit is %d bytes, want %d or more", o.Limit, minLimit)
	}
	m := &mark{r: r, o: o, failing: failingRows(r), oneSet: len(r.Rows) > 0}
	for _, x := range r.Rows {
		m.oneSet = m.oneSet && x.Dataset == r.Rows[0].Dataset
	}
	full, err := fullText(o)
	if err != nil {
		return err
	}
	m.full = full
	head, foot := lead+m.head(), m.foot()
	blocks := slices.DeleteFunc(m.blocks(), func(b block) bool { return len(b.rows) == 0 && b.open == "" })
	reserve := make([]int, len(blocks)+1)
	reserve[len(blocks)] = len(foot)
	for i, b := range slices.Backward(blocks) {
		reserve[i] = reserve[i+1] + len(b.cut(len(b.rows), m.full))
	}
	var out strings.Builder
	out.WriteString(head)
	for i, b := range blocks {
		room := o.Limit - out.Len() - reserve[i+1]
		if b.share > 0 {
			room = min(room, int(b.share*float64(o.Limit)))
		}
		fixed, size := len(b.open)+len(b.close), 0
		for _, row := range b.rows {
			size += len(row)
		}
		if fixed+size <= room {
			out.WriteString(b.open)
			for _, row := range b.rows {
				out.WriteString(row)
			}
			out.WriteString(b.close)
			continue
		}
		fixed += len(b.cut(len(b.rows), m.full))
		kept := 0
		for _, row := range b.rows {
			if fixed += len(row); fixed > room {
				break
			}
			kept++
		}
		if kept == 0 {
			out.WriteString(strings.TrimPrefix(block{title: b.title}.cut(len(b.rows), m.full), "\n") + "\n")
			continue
		}
		out.WriteString(b.open)
		for _, row := range b.rows[:kept] {
			out.WriteString(row)
		}
		out.WriteString(b.cut(len(b.rows)-kept, m.full))
		out.WriteString(b.close)
	}
	out.WriteString(foot)
	if out.Len() > o.Limit {
		return fmt.Errorf("writing the comparison as Markdown: %d bytes do not fit %d", out.Len(), o.Limit)
	}
	return write(w, out.String())
}

// maxURL bounds the address of the full results, which may stand there ten times.
const maxURL = 300

var plainURL = regexp.MustCompile(`^https://[A-Za-z0-9.-]+(:[0-9]+)?(/[A-Za-z0-9._~/?=#%+,-]*)?$`)

// fullText says where the full results are.
func fullText(o Options) (string, error) {
	out := cell(o.Full)
	if out == "" {
		out = "the output of <code>vtbench compare &#45;&#45;format json</code>"
	}
	if o.FullURL == "" {
		return out, nil
	}
	if len(o.FullURL) > maxURL || !plainURL.MatchString(o.FullURL) {
		return "", fmt.Errorf("the address of the full results is %q: want https://HOST/PATH of plain characters", middle(format.Line(o.FullURL), maxName))
	}
	return `<a href="` + escapeAttribute(o.FullURL) + `">` + out + "</a>", nil
}

// mark is the state of one page.
type mark struct {
	r       *compare.Report
	o       Options
	full    string
	failing map[int]compare.Level
	oneSet  bool // all rows are of one data set, which the head names
}

// failingRows is the worst level among the findings of each row.
func failingRows(r *compare.Report) map[int]compare.Level {
	out := map[int]compare.Level{}
	if r.Gates == nil {
		return out
	}
	for _, f := range r.Gates.Findings {
		if f.Row >= 0 && out[f.Row] != compare.Error {
			out[f.Row] = f.Level
		}
	}
	return out
}

// sign is the picture before the title; the title says the same in words.
func (m *mark) sign() string {
	r := m.r
	worse, better := r.Count(compare.Worse, true), r.Count(compare.Better, true)
	switch {
	case r.Gates.Failed():
		return "❌"
	case r.Gates != nil && r.Gates.Warnings > 0, worse > 0, len(r.Skews) > 0:
		return "⚠️"
	case r.Gates != nil, better > 0:
		return "✅"
	}
	return "➖"
}

func (m *mark) head() string {
	var b strings.Builder
	fmt.Fprintf(&b, "### %s vtbench: %s\n\n", m.sign(), text(Title(m.r)))
	var base []string
	cand, suite := "", ""
	for _, s := range m.r.Sides {
		if s.Role == "baseline" {
			base = append(base, code(s.Name))
			continue
		}
		cand, suite = code(s.Name), fmt.Sprintf("suite %s, version %d", cell(s.Suite.ID), s.Suite.Version)
	}
	more := ""
	if len(base) > 3 {
		base, more = base[:3], fmt.Sprintf(" and %d more", len(base)-3)
	}
	line := cand + " against " + strings.Join(base, ", ") + more + " · " + suite
	if m.oneSet {
		line += " · data " + cell(m.r.Rows[0].Dataset)
	}
	if m.o.Commit != "" {
		line += " · commit " + code(m.o.Commit)
	}
	b.WriteString(line + "\n\n")
	if lead := Lead(m.r); lead != "" {
		b.WriteString("**" + text(lead) + ".**\n\n")
	}
	return b.String()
}

func (m *mark) blocks() []block {
	var changed, quiet, gridChanged, gridQuiet []int
	for _, i := range order(m.r, func(compare.Row) bool { return true }) {
		x := m.r.Rows[i]
		differs := m.failing[i] != "" || x.Verdict == compare.Worse || x.Verdict == compare.Better || x.Verdict == compare.Changed
		switch {
		case x.Headline && differs, m.failing[i] == compare.Error:
			changed = append(changed, i)
		case x.Headline:
			quiet = append(quiet, i)
		case differs:
			gridChanged = append(gridChanged, i)
		default:
			gridQuiet = append(gridQuiet, i)
		}
	}
	deciding := changed
	if len(changed)+len(quiet) <= maxOpenRows { // few enough to be read at a glance
		deciding, quiet = append(slices.Clone(changed), quiet...), nil
	}
	out := append([]block{m.alarms()}, m.worst())
	out = append(out, m.findings()...)
	switch {
	case len(deciding) > 0:
		out = append(out, m.table("Rows that decide", deciding, false))
	case len(m.r.Rows) > 0:
		out = append(out, block{title: "Rows that decide", open: "No headline row is better or worse.\n\n"})
	}
	return append(out,
		m.table("Headline rows without a difference shown", quiet, true),
		m.table("Other rows that differ", gridChanged, true),
		m.rates(),
		m.table("All other rows", gridQuiet, true),
	)
}

const (
	maxOpenRows     = 12 // headline rows that stand unfolded although nothing happened
	maxOpenFindings = 15 // findings of gates that do, errors first
)

func (m *mark) alarms() block {
	b := block{title: "What is missing or not alike", quote: "> ", share: alarmShare}
	for _, a := range Alarms(m.r) {
		b.rows = append(b.rows, "> - "+text(a)+"\n")
	}
	if len(b.rows) > 0 {
		b.open, b.close = "> [!WARNING]\n> **Before you read the numbers**\n>\n", "\n"
	}
	return b
}

// findings says how many gates did not hold, and lists those that have no row: what they
// found in a row stands there.
func (m *mark) findings() []block {
	g := m.r.Gates
	if g == nil {
		return nil
	}
	b := block{title: "Gates", share: findingShare}
	if len(g.Findings) == 0 {
		b.open = fmt.Sprintf("**Gates** (%s): %s looked at, all within bounds.\n\n", code(path.Base(g.File)), format.Plural(g.Checked, "row", "rows"))
		return []block{b}
	}
	b.open = fmt.Sprintf("**Gates** (%s): %s looked at, %s, %s.\n\n", code(path.Base(g.File)), format.Plural(g.Checked, "row", "rows"),
		format.Plural(g.Errors, "error", "errors"), format.Plural(g.Warnings, "warning", "warnings"))
	for _, f := range g.Findings {
		if f.Row >= 0 && f.Row < len(m.r.Rows) {
			continue
		}
		word := "⚠️ warning"
		if f.Level == compare.Error {
			word = "❌ **error**"
		}
		_, what := Finding(m.r, f)
		b.rows = append(b.rows, "- "+word+": "+text(what)+"\n")
	}
	if len(b.rows) > 0 {
		b.close = "\n"
	}
	if len(b.rows) <= maxOpenFindings {
		return []block{b}
	}
	more := block{
		title: "More findings of gates", share: findingShare, rows: b.rows[maxOpenFindings:],
		open:  fmt.Sprintf("<details><summary>More findings of gates (%s)</summary>\n\n", format.Count(len(b.rows)-maxOpenFindings)),
		close: "\n</details>\n\n",
	}
	b.rows = b.rows[:maxOpenFindings]
	return []block{b, more}
}

// allowed says below the metric of a row which gates it did not hold: what they allow.
func (m *mark) allowed(row int) string {
	if m.r.Gates == nil {
		return ""
	}
	x := m.r.Rows[row]
	st := format.For(x.Spec())
	var out []string
	for _, f := range m.r.Gates.Findings {
		if f.Row != row {
			continue
		}
		sign := "⚠️"
		if f.Level == compare.Error {
			sign = "❌"
		}
		bound := float64(f.Bound)
		say := tail(m.r, f, x)
		switch {
		case f.Rule == "missing":
			say = format.Plural(int(f.Value), "value missing", "values missing")
		case math.IsNaN(bound):
		case f.Rule == "min":
			say = "least allowed: " + st.With(bound)
		case f.Rule == "max":
			say = "most allowed: " + st.With(bound)
		case f.Rule != "regression":
		case f.Judge == compare.ByShown:
			say = "near end of the interval beyond " + points(st, bound)
		case f.Judge == compare.ByExcluded:
			say = "far end of the interval beyond " + points(st, bound)
		case f.Judge == compare.ByEstimate:
			say = "beyond " + points(st, bound)
		default:
			say = points(st, bound) + " matter"
		}
		if s := "<br>" + sign + " " + text(say); !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	return strings.Join(out, "")
}

// table is a block of rows: a table for each pair of tokenizers, the pair with the
// most urgent row first. A comment is some 800 pixels wide, so columns are few and
// the verdict is the first. What is the same in all rows of a table stands above it.
func (m *mark) table(title string, which []int, folded bool) block {
	b := block{title: title}
	if len(which) == 0 {
		return b
	}
	if folded {
		b.open = fmt.Sprintf("<details><summary>%s (%s)</summary>\n", title, format.Count(len(which)))
		b.close = "\n</details>\n\n"
	} else {
		b.close = "\n"
	}
	var pairs []int
	byPair := map[int][]int{}
	for _, i := range which {
		p := m.r.Rows[i].Pair
		if byPair[p] == nil {
			pairs = append(pairs, p)
		}
		byPair[p] = append(byPair[p], i)
	}
	for k, p := range pairs {
		rows := m.pairRows(byPair[p])
		if k > 0 || folded {
			rows[0] = "\n" + rows[0]
		}
		b.rows = append(b.rows, rows...)
	}
	return b
}

// pairRows is the table of one pair; its heading is part of the first row.
func (m *mark) pairRows(which []int) []string {
	r := m.r
	first := r.Rows[which[0]]
	one, powers := true, false
	for _, i := range which {
		x := r.Rows[i]
		one = one && x.Dataset == first.Dataset && x.Condition == first.Condition
		powers = powers || couldShow(x)
	}
	caption := pairTitle(r, first)
	header := []string{"verdict", "metric"}
	if one {
		caption += " · " + cell(m.place(first.Dataset, first.Condition))
	} else {
		header = append(header, "where")
	}
	rule := strings.Repeat("|:--", len(header)) + strings.Repeat("|--:", 5)
	header = append(header, "baseline → candidate", "Δ", "95 % interval", "p")
	if powers {
		header, rule = append(header, "could show"), rule+"|--:"
	}
	header = append(header, "n&nbsp;("+r.Samples()+")")
	var out []string
	for _, i := range which {
		x := r.Rows[i]
		st := format.For(x.Spec())
		cells := []string{m.verdict(i), unbroken(metricTitle(x)+binSuffix(x)) + m.allowed(i)}
		if s := note(r, x); s != "" {
			cells[1] += "<br>" + cell(s)
		}
		if !one {
			cells = append(cells, cell(m.place(x.Dataset, x.Condition)))
		}
		values, delta, share := format.None, format.None, ""
		if !math.IsNaN(float64(x.Baseline)) {
			values = st.Number(float64(x.Baseline)) + " → " + st.Number(float64(x.Candidate))
			delta = st.Delta(float64(x.Delta))
			if rel := relative(x); rel != format.None {
				share = " " + number("("+rel+")")
			}
		}
		n := format.Count(x.N)
		if x.Clusters > 0 {
			n += " (" + format.Count(x.Clusters) + ")"
		}
		cells = append(cells, number(values), number(delta)+share, number(bounds(st, x)), number(P(float64(x.Adjusted))))
		if powers {
			shown := ""
			if couldShow(x) {
				shown = detectable(x)
			}
			cells = append(cells, number(shown))
		}
		cells = append(cells, number(n))
		out = append(out, line(cells))
	}
	out[0] = caption + ":\n\n" + line(header) + rule + "|\n" + out[0]
	return out
}

// place is where a row was measured, without the data set where there is only one.
func (m *mark) place(dataset, condition string) string {
	if m.oneSet && dataset == m.r.Rows[0].Dataset {
		return conditionTitle(condition)
	}
	return dataset + ", " + conditionTitle(condition)
}

func line(cells []string) string { return "| " + strings.Join(cells, " | ") + " |\n" }

// pairTitle says which tokenizers a row compares.
func pairTitle(r *compare.Report, x compare.Row) string {
	p := r.Pairs[x.Pair]
	if p.Token == p.BaselineToken && p.Label == p.Token {
		return code(p.Token)
	}
	if p.Token == p.BaselineToken { // of several baselines
		return code(p.Token) + " against " + code(p.Baseline)
	}
	return code(p.Token) + " against " + code(p.BaselineToken)
}

// verdict is a verdict behind a sign: that of the gate the row failed, or its own.
func (m *mark) verdict(i int) string {
	x := m.r.Rows[i]
	sign, word := "", cell(verdictWord(x))
	switch x.Verdict {
	case compare.Worse:
		sign, word = "🔴", "**worse**"
	case compare.Better:
		sign, word = "🟢", "**better**"
	case compare.Changed:
		sign, word = "🟡", "**changed**"
	}
	switch m.failing[i] {
	case compare.Error:
		sign = "❌"
	case compare.Warn:
		sign = "⚠️"
	}
	if sign == "" {
		return word
	}
	return sign + "&nbsp;" + word
}

// couldShow reports whether a row needs to say what it could have shown.
func couldShow(x compare.Row) bool {
	return x.Verdict == compare.NoDifference && !math.IsNaN(float64(x.Detectable))
}

// note is what a verdict needs beside it.
func note(r *compare.Report, x compare.Row) string {
	var out []string
	equal := x.Delta == 0 && x.Lo == 0 && x.Hi == 0 // the row says so itself
	if x.Why != "" && !equal {
		out = append(out, x.Why)
	}
	if slices.Contains(x.Warnings, string(stat.WarnFewClusters)) {
		out = append(out, "few "+r.Samples())
	}
	return strings.Join(out, "; ")
}

// binSuffix names a scale bin behind a metric.
func binSuffix(x compare.Row) string {
	switch x.Bin {
	case summary.BinAll:
		return ""
	case summary.BinMean:
		return ", mean"
	}
	return ", " + x.Bin
}

// worst lists the instances that lost most, with their pictures where they can be
// linked to.
func (m *mark) worst() block {
	r := m.r
	if len(r.WorstCases) == 0 {
		return block{}
	}
	pictures := m.o.BaselineImages != "" && m.o.CandidateImages != "" &&
		slices.ContainsFunc(r.WorstCases, func(c compare.WorstCase) bool { return c.Original != "" || c.CandidateImage != "" })
	first := r.WorstCases[0]
	onePair, onePlace := true, true
	for _, c := range r.WorstCases {
		onePair = onePair && c.Pair == first.Pair
		onePlace = onePlace && c.Dataset == first.Dataset && c.Condition == first.Condition
	}
	var header, caption []string
	if onePair {
		caption = append(caption, pairTitle(r, compare.Row{Pair: first.Pair}))
	} else {
		header = append(header, "tokenizer")
	}
	if onePlace {
		caption = append(caption, cell(m.place(first.Dataset, first.Condition)))
	} else {
		header = append(header, "where")
	}
	readings := slices.ContainsFunc(r.WorstCases, func(c compare.WorstCase) bool { return c.Label != "" })
	header = append(header, "item", "baseline → candidate")
	if readings {
		header = append(header, "label, read before and after")
	}
	if pictures {
		header = append(header, "original", "baseline", "candidate")
	}
	b := block{
		title: "Instances that lost most", share: worstShare,
		open: fmt.Sprintf("**What lost most** (%d)\n\n", len(r.WorstCases)), close: "\n",
	}
	if len(caption) > 0 {
		b.open += strings.Join(caption, " · ") + ":\n\n"
	}
	b.open += line(header) + strings.Repeat("|:--", len(header)) + "|\n"
	for _, c := range r.WorstCases {
		x := caseRow(r, c) // titles and units are those of the rows
		st := format.For(x.Spec())
		var cells []string
		if !onePair {
			cells = append(cells, pairTitle(r, x))
		}
		if !onePlace {
			cells = append(cells, cell(m.place(c.Dataset, c.Condition)))
		}
		item := code(c.Item)
		if c.Instance != "" {
			item += ", " + code(c.Instance)
		}
		if c.Bin != "" {
			item += " (" + cell(c.Bin) + ")"
		}
		cells = append(cells, item, cell(metricTitle(x))+" "+number(st.Number(float64(c.Baseline))+" → "+st.Number(float64(c.Candidate))))
		if readings {
			cells = append(cells, code(c.Label)+"<br>"+code(readBefore(r, c))+"<br>"+code(reading(c.ReadCandidate)))
		}
		if pictures {
			cells = append(cells, picture(m.o.CandidateImages, c.Original, "original"),
				picture(m.o.BaselineImages, c.BaselineImage, "baseline"), picture(m.o.CandidateImages, c.CandidateImage, "candidate"))
		}
		b.rows = append(b.rows, line(cells))
	}
	if pictures && len(r.Credits) > 0 {
		b.close = "\n" + credits(r.Credits) + "\n\n"
	}
	return b
}

// maxCredits is how many photographs are named.
const maxCredits = 60

// credits says whose photographs pictures show.
func credits(list []datasets.Credit) string {
	var parts []string
	for i, c := range list {
		if i == maxCredits {
			parts = append(parts, fmt.Sprintf("and %d more, in the report of the run", len(list)-i))
			break
		}
		parts = append(parts, fmt.Sprintf("%s, %s (%s)", cell(c.Title), cell(c.Author), cell(c.Licence)))
	}
	return "Photographs: " + strings.Join(parts, "; ") + "."
}

// pictureWidth is the width of a picture of the strip in CSS pixels.
const pictureWidth = 120

// picture links to a picture below a run directory. Paths come from the run: only
// plain relative ones are followed.
func picture(prefix, name, alt string) string {
	link, err := relativeLink(prefix, name)
	if err != nil {
		return format.None
	}
	return fmt.Sprintf(`<img src="%s" width="%d" alt="%s">`, link, pictureWidth, alt)
}

func relativeLink(prefix, name string) (string, error) {
	if name == "" || path.IsAbs(name) || strings.ContainsAny(name, ":\\\x00") || !clean(name) {
		return "", errors.New("not a relative path")
	}
	if strings.HasPrefix(prefix, "https://") { // path.Join would make one slash of the two
		if len(prefix) > maxURL || !plainURL.MatchString(prefix) || strings.ContainsAny(prefix, "?#") {
			return "", errors.New("not a plain address")
		}
		rest, err := relativeLink(".", path.Clean(name))
		if err != nil {
			return "", err
		}
		return escapeAttribute(strings.TrimRight(prefix, "/")) + "/" + strings.TrimPrefix(rest, "./"), nil
	}
	joined := path.Join(prefix, name)
	parts := strings.Split(joined, "/")
	for i, p := range parts {
		parts[i] = strings.ReplaceAll(url.PathEscape(p), "|", "%7C")
	}
	if strings.Contains(parts[0], ":") { // would be a scheme
		parts[0] = "./" + parts[0]
	}
	return escapeAttribute(strings.Join(parts, "/")), nil
}

// clean reports whether a path stays below where it starts.
func clean(name string) bool {
	c := path.Clean(name)
	return c != ".." && !strings.HasPrefix(c, "../")
}

// escapeAttribute keeps what url.PathEscape leaves alone from being markup.
func escapeAttribute(s string) string {
	return strings.NewReplacer("&", "&amp;", "'", "&#39;", "*", "%2A", "_", "%5F", "~", "%7E", "@", "%40", "$", "%24").Replace(s)
}

// rates says what happens at equal rate, who is dominated, and what others reached.
func (m *mark) rates() block {
	b := block{title: "Rate"}
	beside := Beside(m.r)
	if len(beside) > 0 {
		b.title = "Rate and imported results"
	}
	for _, s := range beside {
		b.rows = append(b.rows, "- "+text(s)+"\n")
	}
	for _, c := range m.r.Curves {
		b.rows = append(b.rows, "- "+text(CurveSentence(c))+"\n")
	}
	for _, s := range Dominated(m.r) {
		b.rows = append(b.rows, "- "+text(s)+"\n")
	}
	switch {
	case len(b.rows) == 0:
		return block{}
	case len(m.r.Rows) == 0 && len(beside) > 0:
		b.open, b.close = "**"+b.title+":**\n\n", "\n"
	case len(m.r.Rows) == 0: // then this is what there is
		b.open, b.close = "**At equal rate:**\n\n", "\n"
	default:
		b.open = fmt.Sprintf("<details><summary>%s (%s)</summary>\n\n", b.title, format.Count(len(b.rows)))
		b.close = "\n</details>\n\n"
	}
	return b
}

// foot says how to read the page.
func (m *mark) foot() string {
	x := m.r.Method
	test := "sign flips"
	if x.Test == string(compare.Wilcoxon) {
		test = "Wilcoxon’s signed ranks"
	}
	var b strings.Builder
	b.WriteString("<details><summary>How to read this</summary>\n\n")
	if len(m.r.Rows) > 0 {
		samples, same := m.r.Samples(), "image or word"
		if samples != "images" {
			same = "image or frame, word, track or clip"
		}
		fmt.Fprintf(&b, "Both sides saw the same %s, and every number is a difference on the same %s; what one side lacks is not compared and is listed on top. "+
			"The interval says where the difference would likely lie on other %s of the same kind (%s, %s drawn whole). "+
			"**worse** and **better** need both: p below %g after correction for the number of rows (%s; Holm over %s, Benjamini–Hochberg over the other %s), and a difference of at least the margin that matters. "+
			"**equivalent** means that the whole interval lies within that margin. "+
			"**no difference shown** is not proof of none: what this data **could show** is the difference that it would have found in %.0f of 100 repetitions. "+
			"A **mean** is over the scales, each counted alike.",
			samples, same, samples, text(format.Plural(x.Resamples, "resample", "resamples")), samples, x.Alpha, test,
			format.Plural(x.Headline, "headline row", "headline rows"), format.Count(x.Grid), 100*x.Power)
		if m.r.Gates != nil {
			b.WriteString(" ❌ and ⚠️ mark rows that did not hold a gate.")
		}
		b.WriteString("\n")
	}
	if len(m.r.Curves) > 0 {
		b.WriteString("\nAt equal rate: the mean difference between the two curves of rate and quality, over the qualities that both reach (BD-rate), and over the rates that both have.\n")
	}
	fmt.Fprintf(&b, "\nEvery row with all digits is in %s.", m.full)
	if m.r.Program != "" {
		fmt.Fprintf(&b, " Made by %s, seed %d.", cell(m.r.Program), x.Seed)
	}
	b.WriteString("\n\n</details>\n")
	return b.String()
}

// Finding says where a gate did not hold ("" where it has no row) and what it
// found, in the units of the tables.
func Finding(r *compare.Report, f compare.Finding) (where, what string) {
	if f.Row < 0 || f.Row >= len(r.Rows) {
		return "", f.Message
	}
	x := r.Rows[f.Row]
	st := format.For(x.Spec())
	p := r.Pairs[x.Pair]
	where = fmt.Sprintf("%s%s of %s on %s, %s", x.Title, binWords(x), p.Label, x.Dataset, conditionTitle(x.Condition))
	v, bound := float64(f.Value), float64(f.Bound)
	if math.IsNaN(v) || math.IsNaN(bound) {
		return where, tail(r, f, x)
	}
	switch f.Rule {
	case "regression":
		switch f.Judge {
		case compare.ByShown:
			return where, fmt.Sprintf("worse by at least %s (near end of the interval); allowed are %s", points(st, v), points(st, bound))
		case compare.ByExcluded:
			return where, fmt.Sprintf("a loss of %s is not excluded (far end of the interval); allowed are %s", points(st, v), points(st, bound))
		case compare.ByEstimate:
			return where, fmt.Sprintf("worse by %s; allowed are %s", points(st, v), points(st, bound))
		}
		return where, fmt.Sprintf("worse by %s (p %s), where %s matter", points(st, v), P(float64(x.Adjusted)), points(st, bound))
	case "min":
		return where, fmt.Sprintf("%s is below the least allowed, %s", st.With(v), st.With(bound))
	case "max":
		return where, fmt.Sprintf("%s is above the most allowed, %s", st.With(v), st.With(bound))
	}
	return where, tail(r, f, x)
}

// tail is the message of a finding without the name of its row.
func tail(r *compare.Report, f compare.Finding, x compare.Row) string {
	name := x.Title
	if x.Bin != summary.BinAll {
		name += " " + x.Bin
	}
	return strings.TrimPrefix(f.Message, fmt.Sprintf("%s of %s on %s, %s: ", name, r.Pairs[x.Pair].Label, x.Dataset, x.Condition))
}

// CurveSentence says what a curve says at equal quality and at equal rate.
func CurveSentence(c compare.Curve) string {
	s := fmt.Sprintf("%s on %s, %s: ", c.Title, c.Dataset, conditionTitle(c.Condition))
	switch {
	case known(c.BDRate) && known(c.BDQuality):
		s += fmt.Sprintf("%s takes %s than %s at equal quality, and has %s at equal rate", c.Candidate, rateWords(c), c.Baseline, bdQuality(c))
	case known(c.BDRate):
		s += fmt.Sprintf("%s takes %s than %s at equal quality", c.Candidate, rateWords(c), c.Baseline)
	case known(c.BDQuality):
		s += fmt.Sprintf("%s has %s against %s at equal rate", c.Candidate, bdQuality(c), c.Baseline)
	default:
		s += fmt.Sprintf("%s and %s are not compared", c.Candidate, c.Baseline)
	}
	if n := curveNote(c); n != "" {
		s += " (" + n + ")"
	}
	return s
}

func known(v record.Number) bool { return !math.IsNaN(float64(v)) }

func curveHasValue(c compare.Curve) bool { return known(c.BDRate) || known(c.BDQuality) }

func rateWords(c compare.Curve) string {
	word := "more"
	if c.BDRate < 0 {
		word = "less"
	}
	return format.Style{Scale: 1, Places: 1}.Number(math.Abs(float64(c.BDRate))) + " % " + word + " rate"
}

// bdRate is the BD-rate with its sign.
func bdRate(c compare.Curve) string {
	if !known(c.BDRate) {
		return format.None
	}
	return format.Style{Scale: 1, Places: 1}.Delta(float64(c.BDRate)) + " % rate"
}

// bdQuality is the mean difference at equal rate, in the metric's units.
func bdQuality(c compare.Curve) string {
	if !known(c.BDQuality) {
		return format.None
	}
	st := format.For(c.Spec())
	s := st.Delta(float64(c.BDQuality))
	switch st.Unit {
	case "":
		return s
	case "%":
		return s + " points"
	}
	return s + " " + st.Unit
}

func share(v record.Number) string {
	if !known(v) {
		return format.None
	}
	return fmt.Sprintf("%.0f %%", 100*float64(v))
}

// Dominated says which tokenizers another one beats in rate and in quality, one
// sentence for all metrics where it is the same one.
func Dominated(r *compare.Report) []string {
	type key struct{ name, by, rate, dataset, condition string }
	titles := map[key][]string{}
	var keys []key
	for _, f := range r.Fronts {
		for _, x := range f.Points {
			if len(x.DominatedBy) == 0 {
				continue
			}
			by, more := x.DominatedBy, ""
			if len(by) > 3 {
				by, more = by[:3], fmt.Sprintf(" and %d more", len(by)-3)
			}
			k := key{x.Name, strings.Join(by, ", ") + more, f.Rate, f.Dataset, f.Condition}
			if titles[k] == nil {
				keys = append(keys, k)
			}
			titles[k] = append(titles[k], f.Title)
		}
	}
	var out []string
	for _, k := range keys {
		out = append(out, fmt.Sprintf("dominated: %s by %s, which takes no more rate and is no worse in %s (%s, %s, %s)",
			k.name, k.by, strings.Join(titles[k], ", "), k.rate, k.dataset, conditionTitle(k.condition)))
	}
	return out
}
