package compare

import (
	"fmt"
	"strings"

	"github.com/vtbench/vtbench/bench/compare"
	"github.com/vtbench/vtbench/reports/format"
)

// Beside sets published results beside what was measured here: one sentence for each
// imported tokenizer and condition. They are not tested against each other, so the
// sentence says on which data each number stands and calls nothing better.
func Beside(r *compare.Report) []string {
	type group struct{ name, dataset, condition string }
	type side struct{ theirs, ours []string }
	var order []group
	sides := map[group]*side{}
	here := map[group]string{}
	for _, f := range r.Fronts {
		own, found := candidate(f)
		st := format.For(f.Spec())
		for _, x := range f.Points {
			if x.Source != compare.Imported {
				continue
			}
			data := x.Dataset
			if data == "" {
				data = f.Dataset
			}
			g := group{x.Name, data, f.Condition}
			s := sides[g]
			if s == nil {
				s = &side{}
				sides[g] = s
				order = append(order, g)
			}
			s.theirs = append(s.theirs, fmt.Sprintf("%s %s (n %s)", f.Title, st.With(float64(x.Value)), format.Count(x.N)))
			if found {
				here[g] = own.Name + " on " + f.Dataset
				s.ours = append(s.ours, f.Title+" "+st.With(float64(own.Value)))
			}
		}
	}
	var out []string
	for _, g := range order {
		s := fmt.Sprintf("imported, beside and not tested: %s on %s, %s: %s", g.name, g.dataset, conditionTitle(g.condition), strings.Join(sides[g].theirs, ", "))
		if ours := sides[g].ours; len(ours) > 0 {
			s += fmt.Sprintf("; here %s: %s", here[g], strings.Join(ours, ", "))
		}
		out = append(out, s)
	}
	return out
}

// candidate is the first tokenizer measured here, the candidate's before others.
func candidate(f compare.Front) (compare.FrontPoint, bool) {
	for _, role := range []string{"candidate", "baseline"} {
		for _, x := range f.Points {
			if x.Role == role && x.Source != compare.Imported {
				return x, true
			}
		}
	}
	return compare.FrontPoint{}, false
}
