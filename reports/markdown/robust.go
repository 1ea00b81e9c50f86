package markdown

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/vtbench/vtbench/bench"
	"github.com/vtbench/vtbench/reports/view"
)

// robustness ranks tokenizers by the share of each headline score that they keep.
func robustness(b *strings.Builder, v *view.View) {
	var rows []bench.RobustRow
	for _, r := range v.Robust {
		if r.Score == bench.ScoreRPC && !math.IsNaN(float64(r.Value)) {
			rows = append(rows, r)
		}
	}
	if len(rows) == 0 {
		return
	}
	slices.SortStableFunc(rows, func(x, y bench.RobustRow) int {
		return cmp.Or(cmp.Compare(x.Dataset, y.Dataset), cmp.Compare(x.Resolution, y.Resolution),
			cmp.Compare(x.Metric, y.Metric), cmp.Compare(x.Against, y.Against), -cmp.Compare(x.Value, y.Value))
	})
	b.WriteString("## What is kept under damage\n\nrPC: the mean over corruptions and severities over the clean score.\n\n| data set | metric | against | tokenizer | rPC | 95 % interval |\n|---|---|---|---|---|---|\n")
	for _, r := range rows {
		against := "what was shown"
		if r.Against == bench.AgainstClean {
			against = "the undamaged original"
		}
		if m, ok := v.Metric(r.Metric); ok && m.Labels {
			against = "labels"
		}
		interval := "–"
		if !math.IsNaN(float64(r.Lo)) {
			interval = percent(r.Lo) + " to " + percent(r.Hi)
		}
		fmt.Fprintf(b, "| %s, %d px | %s | %s | %s | %s | %s |\n", Escape(r.Dataset), r.Resolution, Escape(r.Metric), against, Escape(r.Tokenizer), percent(r.Value), interval)
	}
	b.WriteString("\n")
}

func percent(n bench.Number) string { return strconv.FormatFloat(100*float64(n), 'f', 1, 64) + " %" }
