package cli

import (
	"fmt"

	"github.com/vtbench/vtbench/bench/score"
	"github.com/vtbench/vtbench/reports/format"
)

// refuse is the error of --strict, with what of the data cannot be used; nil for none.
func (a *app) refuse(faults []string, what string) error {
	if len(faults) == 0 {
		return nil
	}
	for i, f := range faults {
		if i == shownFailures {
			a.warnf("… and %d more", len(faults)-i)
			break
		}
		a.warnf("%s", f)
	}
	return usagef("--strict: %s of %s cannot be used; nothing was measured", format.Plural(len(faults), "part", "parts"), what)
}

// faultsOf tells which files of two sides cannot be scored.
func faultsOf(reader *score.Reader, sides [2]side, unpaired []string) (out []string) {
	for _, s := range sides {
		if left := s.l.LeftOut.Unusual(); len(left) > 0 {
			out = append(out, fmt.Sprintf("%s: left out: %s", s.path, left))
		}
		for _, m := range s.images() {
			if _, err := reader.Read(m.File); err != nil {
				out = append(out, err.Error())
			}
		}
	}
	for _, name := range unpaired {
		out = append(out, name+" has no partner")
	}
	return out
}
