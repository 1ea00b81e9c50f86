package table

import (
	"encoding/csv"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"

	"github.com/vtbench/vtbench/bench/record"
	"github.com/vtbench/vtbench/bench/summary"
	"github.com/vtbench/vtbench/reports/format"
	"github.com/vtbench/vtbench/reports/view"
)

// CSV writes every row of one metric: one line a tokenizer, data set, condition
// and bin. Missing numbers are empty cells; every reason for which values were
// kept out of a mean has a column of its own.
func CSV(w io.Writer, v *view.View, metric string) error {
	var rows []summary.Row
	var reasons []string
	for _, d := range v.Datasets {
		for _, c := range v.Conditions {
			for _, t := range v.Tokens {
				for _, bin := range append(slices.Clone(v.Bins), summary.BinMean, summary.BinAll) {
					r, ok := v.Row(t.Name, d.Name, c.Key, bin, metric)
					if !ok {
						continue
					}
					rows = append(rows, r)
					for reason := range r.Dropped {
						if !slices.Contains(reasons, reason) {
							reasons = append(reasons, reason)
						}
					}
				}
			}
		}
	}
	slices.Sort(reasons)
	out := csv.NewWriter(w)
	lines := [][]string{append([]string{"tokenizer", "dataset", "condition", "bin", "metric", "mean", "lo", "hi", "n", "clusters"}, format.Cells(reasons...)...)}
	for _, r := range rows {
		line := append(format.Cells(r.Tokenizer, r.Dataset, r.Condition, view.BinTitle(r.Bin), r.Metric),
			number(r.Mean), number(r.Lo), number(r.Hi), strconv.Itoa(r.N), strconv.Itoa(r.Clusters))
		for _, reason := range reasons {
			line = append(line, strconv.Itoa(r.Dropped[reason]))
		}
		lines = append(lines, line)
	}
	if err := out.WriteAll(lines); err != nil {
		return fmt.Errorf("writing csv: %w", err)
	}
	return nil
}

func number(n record.Number) string {
	if f := float64(n); !math.IsNaN(f) && !math.IsInf(f, 0) {
		return strconv.FormatFloat(f, 'g', -1, 64)
	}
	return ""
}

// RobustCSV writes every score over conditions: one line a tokenizer, data set,
// resolution, side, metric, score and corruption.
func RobustCSV(w io.Writer, v *view.View) error {
	out := csv.NewWriter(w)
	lines := [][]string{{"tokenizer", "dataset", "resolution", "against", "metric", "score", "corruption", "value", "lo", "hi", "clusters"}}
	for _, r := range v.Robust {
		lines = append(lines, append(format.Cells(r.Tokenizer, r.Dataset, strconv.Itoa(r.Resolution), r.Against, r.Metric, r.Score, r.Corruption),
			number(r.Value), number(r.Lo), number(r.Hi), strconv.Itoa(r.Clusters)))
	}
	if err := out.WriteAll(lines); err != nil {
		return fmt.Errorf("writing csv: %w", err)
	}
	return nil
}
