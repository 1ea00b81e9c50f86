package compare

import (
	"fmt"
	"io"
	"strings"

	"github.com/vtbench/vtbench/bench/compare"
	"github.com/vtbench/vtbench/reports/format"
)

// annotationsPerKind is how many annotations of one kind GitHub shows for a step;
// it drops the others without a word.
const annotationsPerKind = 10

// Annotations writes workflow commands of GitHub Actions: an error or a warning for
// each finding of a gate, warnings for what is missing and, without gates, for
// headline rows that are worse. More than GitHub shows are counted in the last.
func Annotations(w io.Writer, r *compare.Report) error {
	var failures, warnings []annotation
	for _, a := range Alarms(r) {
		warnings = append(warnings, annotation{"vtbench: missing or not alike", a})
	}
	if g := r.Gates; g != nil {
		for _, f := range g.Findings {
			where, what := Finding(r, f)
			if where == "" {
				where = "gates"
			}
			if f.Level == compare.Error {
				failures = append(failures, annotation{where, what})
			} else {
				warnings = append(warnings, annotation{where, what})
			}
		}
	} else {
		for _, x := range r.Headline() {
			if x.Verdict == compare.Worse {
				warnings = append(warnings, annotation{x.Title + " is worse", Sentence(r, x)})
			}
		}
	}
	var b strings.Builder
	commands(&b, "error", failures)
	commands(&b, "warning", warnings)
	commands(&b, "notice", []annotation{{"vtbench", Title(r)}})
	return write(w, b.String())
}

type annotation struct{ title, message string }

func commands(b *strings.Builder, kind string, list []annotation) {
	for i, a := range list {
		if i == annotationsPerKind-1 && len(list) > annotationsPerKind {
			left := len(list) - i
			a = annotation{"vtbench", fmt.Sprintf("%s more; they are in the job summary and in the comparison's files", format.Plural(left, kind, kind+"s"))}
		}
		fmt.Fprintf(b, "::%s title=%s::%s\n", kind, commandProperty(a.title), commandData(a.message))
		if i == annotationsPerKind-1 {
			return
		}
	}
}

// commandData escapes the message of a workflow command as the runner's own
// toolkit does: percent first.
func commandData(s string) string {
	return strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A").Replace(middle(format.Line(s), maxText))
}

// commandProperty escapes a property, which commas and colons would end.
func commandProperty(s string) string {
	return strings.NewReplacer(":", "%3A", ",", "%2C").Replace(commandData(s))
}
