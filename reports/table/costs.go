package table

import (
	"io"
	"strings"

	"github.com/vtbench/vtbench/reports/view"
)

// Costs prints what tokenizers cost with the machine to itself, a table a condition, and
// why some could not be timed; nothing where that was not asked for.
func Costs(w io.Writer, v *view.View) error {
	var conditions []string
	seen := map[string]bool{}
	for _, a := range v.Alone {
		if !seen[a.Condition] {
			seen[a.Condition] = true
			conditions = append(conditions, a.Condition)
		}
	}
	for _, cond := range conditions {
		costs := v.Costs(cond)
		header := []string{"tokenizer"}
		for _, c := range costs {
			header = append(header, c.Title)
		}
		var rows [][]string
		for _, t := range v.Tokens {
			row, any := []string{t.Name}, false
			for _, c := range costs {
				text, _, ok := c.Of(t.Name)
				row, any = append(row, text), any || ok
			}
			if any {
				rows = append(rows, row)
			}
		}
		if err := printf(w, "\nTime and memory, %s\n", cond); err != nil {
			return err
		}
		if err := Simple(w, header, rows); err != nil {
			return err
		}
	}
	if work := v.Work(); work != "" && len(v.Alone) > 0 {
		if err := printf(w, "\nShares of the work:\n%s\n", strings.Join(lines(work, DefaultWidth), "\n")); err != nil {
			return err
		}
	}
	for _, a := range v.Alone {
		if a.Error != "" {
			if err := printf(w, "%s could not be timed at %s: %s\n", a.Tokenizer, a.Condition, a.Error); err != nil {
				return err
			}
		}
	}
	return nil
}
