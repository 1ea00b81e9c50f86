package compare

import (
	"encoding/xml"
	"fmt"
	"io"
	"path"
	"strings"

	"github.com/vtbench/vtbench/bench/compare"
	"github.com/vtbench/vtbench/reports/format"
)

// The part of JUnit's XML that CI services agree on.
type (
	junitSuites struct {
		XMLName  xml.Name     `xml:"testsuites"`
		Name     string       `xml:"name,attr"`
		Tests    int          `xml:"tests,attr"`
		Failures int          `xml:"failures,attr"`
		Errors   int          `xml:"errors,attr"`
		Skipped  int          `xml:"skipped,attr"`
		Suites   []junitSuite `xml:"testsuite"`
	}
	junitSuite struct {
		Name     string      `xml:"name,attr"`
		Tests    int         `xml:"tests,attr"`
		Failures int         `xml:"failures,attr"`
		Errors   int         `xml:"errors,attr"`
		Skipped  int         `xml:"skipped,attr"`
		Cases    []junitCase `xml:"testcase"`
		Out      string      `xml:"system-out,omitempty"`
		names    map[string]int
	}
	junitCase struct {
		Class   string        `xml:"classname,attr"`
		Name    string        `xml:"name,attr"`
		Failure *junitMessage `xml:"failure,omitempty"`
		Skipped *junitMessage `xml:"skipped,omitempty"`
		Out     string        `xml:"system-out,omitempty"`
	}
	junitMessage struct {
		Message string `xml:"message,attr"`
		Type    string `xml:"type,attr,omitempty"`
		Text    string `xml:",chardata"`
	}
)

// JUnit writes gates as test cases: one for each row that a gate looked at, failed
// where it found an error; a warning passes and says so. Without gates the headline
// rows are skipped test cases, since no gate says what would be a failure.
func JUnit(w io.Writer, r *compare.Report) error {
	s := junitSuite{Name: "comparison"}
	if g := r.Gates; g != nil {
		s.Name = "gates " + format.Line(path.Base(g.File))
		byRow := map[int][]compare.Finding{}
		for _, f := range g.Findings {
			byRow[f.Row] = append(byRow[f.Row], f)
		}
		for _, i := range g.Rows {
			s.add(r.Rows[i], r, byRow[i])
		}
		for _, f := range byRow[-1] {
			s.append(junitCase{Class: "gates", Name: fmt.Sprintf("gates[%d]: %s", f.Gate, format.Line(f.Rule))}, []compare.Finding{f}, r)
		}
	} else {
		for _, x := range r.Headline() {
			c := caseOf(x, r)
			c.Skipped = &junitMessage{Message: "there are no gates: nothing is judged"}
			s.append(c, nil, r)
		}
	}
	var out []string
	for _, a := range Alarms(r) {
		out = append(out, format.Line(a))
	}
	s.Out = strings.Join(append(out, format.Line(Title(r))), "\n")
	all := junitSuites{Name: "vtbench compare", Tests: s.Tests, Failures: s.Failures, Skipped: s.Skipped, Suites: []junitSuite{s}}
	b, err := xml.MarshalIndent(all, "", " ")
	if err != nil {
		return fmt.Errorf("writing the comparison as JUnit: %w", err)
	}
	return write(w, xml.Header+string(b)+"\n")
}

// caseOf names a row so that CI services can follow it from run to run: the class
// is where, the name is what.
func caseOf(x compare.Row, r *compare.Report) junitCase {
	return junitCase{
		Class: format.Line(x.Dataset + "." + strings.ReplaceAll(x.Condition, ".", "_")),
		Name:  format.Line(x.Title + binWords(x) + " of " + r.Pairs[x.Pair].Label),
		Out:   format.Line(Sentence(r, x)),
	}
}

func (s *junitSuite) add(x compare.Row, r *compare.Report, findings []compare.Finding) {
	s.append(caseOf(x, r), findings, r)
}

func (s *junitSuite) append(c junitCase, findings []compare.Finding, r *compare.Report) {
	var failed, warned []string
	rule := ""
	for _, f := range findings {
		_, what := Finding(r, f)
		if f.Level == compare.Error {
			failed = append(failed, format.Line(what))
			if rule == "" {
				rule = f.Rule
			}
		} else {
			warned = append(warned, "warning: "+format.Line(what))
		}
	}
	if len(failed) > 0 {
		c.Failure = &junitMessage{Message: strings.Join(failed, "; "), Type: format.Line(rule), Text: c.Out}
		s.Failures++
	}
	if c.Skipped != nil {
		s.Skipped++
	}
	if len(warned) > 0 {
		c.Out = strings.Trim(strings.Join(warned, "\n")+"\n"+c.Out, "\n")
	}
	if s.names == nil {
		s.names = map[string]int{}
	}
	key := c.Class + "\x00" + c.Name // services take equal names for one test
	if s.names[key]++; s.names[key] > 1 {
		c.Name += fmt.Sprintf(" (%d)", s.names[key])
	}
	s.Tests++
	s.Cases = append(s.Cases, c)
}
