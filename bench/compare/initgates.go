package compare

import (
	"fmt"
	"slices"
	"strings"

	"github.com/vtbench/vtbench/metrics"
)

// InitGates writes a commented gates file for these results: headline metrics
// fail, other metrics with a better end warn, rates may not rise.
func InitGates(h *Header) string {
	var b strings.Builder
	p := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	p("# Gates of suite %s, version %d: what a change may cost.", h.Suite.ID, h.Suite.Version)
	p("# vtbench compare BASE CANDIDATE --gates THIS_FILE exits with 3 where an error is found.")
	p("# For each row the last gate that matches decides; rows that none matches pass.")
	p("version: 1")
	p("")
	p("# Level of a verdict, after correction for the number of rows.")
	p("alpha: 0.05")
	p("")
	p("# The smallest difference that matters, in the metric's units or in %% of the")
	p("# baseline. Smaller ones are never better or worse, however sure.")
	p("margins:")
	for _, m := range h.Metrics {
		d := m.Margin
		amount := fmt.Sprintf("%g", d.Absolute)
		if d.Absolute == 0 {
			amount = fmt.Sprintf("%g%%", 100*d.Relative)
		}
		unit := ""
		if m.Unit != "" && d.Absolute != 0 {
			unit = " # " + m.Unit
		}
		p("  - {metric: %q, amount: %q}%s", m.ID, amount, unit)
	}
	p("")
	p("# Keys of a gate:")
	p("#   metric     id or pattern; the only one that is required")
	p("#   dataset, condition, tokenizer   patterns; default: all")
	p("#   bin        default: the overall row. small, mean, all, or \"*\" for every row")
	p("#   level      off, warn or error (default)")
	p("#   judge      verdict: fails where the verdict is worse (default)")
	p("#              estimate: fails where the estimate exceeds allow, noise or not")
	p("#              shown: fails where the whole interval exceeds allow")
	p("#              excluded: fails unless the whole interval is within allow")
	p("#   allow      regression that is allowed: 0.01, or 2%% of the baseline")
	p("#   min, max   bounds of the candidate's value itself")
	p("#   min_n      fewer paired values are a finding")
	p("#   missing    off, warn or error: values that the candidate lacks; default: level")
	p("gates:")
	for _, m := range h.Metrics {
		if slices.Contains(h.Headline, m.ID) || m.Better == metrics.Neither || m.Role == metrics.RoleRate {
			continue
		}
		if m.Scope.Whole() {
			p("  # %s is a value of the whole set and has no interval: bound it, or allow a regression.", m.ID)
			p("  # - {metric: %s, level: warn, judge: estimate, allow: 5%%}", m.ID)
			continue
		}
		p("  - {metric: %s, level: warn}", m.ID)
	}
	for _, m := range h.Metrics {
		if m.Role == metrics.RoleRate && !m.Scope.Whole() {
			p("  - {metric: %s, level: warn, judge: estimate, allow: 1%%, missing: off} # not every tokenizer has this rate", m.ID)
		}
	}
	for _, id := range h.Headline {
		if s, ok := specOf(h, id); ok && s.HeadlineFrom > 0 {
			p("  - {metric: %s, level: warn} # no headline below %d images or people; above, make it an error", id, s.HeadlineFrom)
			continue
		}
		p("  - {metric: %s, level: error, missing: error}", id)
		if len(h.Bins) > 0 {
			if s, ok := specOf(h, id); ok && s.ByBin() {
				p("  - {metric: %s, bin: %s, level: error, missing: error} # the smallest, where tokenizers break first", id, h.Bins[0])
			}
		}
	}
	return b.String()
}
