package html

import (
	"fmt"
	"html/template"
	"math"
	"strings"

	"github.com/vtbench/vtbench/bench/summary"
	"github.com/vtbench/vtbench/metrics"
	"github.com/vtbench/vtbench/reports/format"
	"github.com/vtbench/vtbench/reports/view"
)

// robustTable is what is kept of one metric under every corruption.
type robustTable struct {
	Key, ID, Title, Hint string
	Summary              []string // headings of the columns in front: clean, rPC, mCE
	Corruptions          []string
	Rows                 []robustRow
	Plots                []figure
}

type robustRow struct {
	Token   token
	Summary []cell
	Cells   []cell
}

func newRobust(v *view.View) []robustTable {
	var out []robustTable
	grids := v.RobustGrids()
	for i, g := range grids {
		t := robustTable{Key: g.Key(), ID: fmt.Sprintf("r%d", i)}
		clean := format.For(g.Metric)
		share := format.Percent
		at := ""
		if len(v.Datasets) > 1 {
			at = ", " + g.Dataset.Name
		}
		if len(v.Resolutions()) > 1 {
			at += fmt.Sprintf(", %d px", g.Resolution)
		}
		if g.Score == summary.ScoreFlip {
			t.Title = "flipped tokens" + at
			t.Hint = "Share of tokens that damage changes, less what encoding the reconstruction again changes. Lower is steadier."
		} else {
			t.Title = g.Metric.Title + at
			if !g.Metric.Labels {
				t.Title += " against " + strings.TrimPrefix(g.AgainstTitle(), "the ")
			}
			t.Hint = fmt.Sprintf("Share of the clean score that is kept, scored against %s; mean over severities. rPC is the mean over corruptions.", g.AgainstTitle())
			if g.Metric.Better == metrics.Lower {
				t.Hint += " Lower is better: it is a share of an error."
			}
			t.Summary = []string{"clean" + unitIn(clean), "rPC (%)"}
			if g.HasMCE {
				t.Summary = append(t.Summary, "mCE")
				t.Hint += " mCE counts errors in those of " + v.Suite.Baseline + "; below 1 is better than it."
			}
		}
		if none := g.WithoutTokens(); len(none) > 0 {
			t.Hint += " Not under token damage, having no tokens that can be decoded: " + strings.Join(none, ", ") + "."
		}
		for _, c := range g.Corruptions {
			// Columns are narrow: the longest word may break.
			t.Corruptions = append(t.Corruptions, strings.ReplaceAll(view.CorruptionTitle(c), "compression", "com\u00adpression"))
		}
		for _, r := range g.Rows {
			row := robustRow{Token: toToken(r.Token)}
			if len(t.Summary) > 0 {
				row.Summary = append(row.Summary, plainCell(clean, r.P), plainCell(share, r.RPC))
				row.Summary[1].Head = true
				if g.HasMCE {
					row.Summary = append(row.Summary, plainCell(format.Style{Scale: 1, Places: 2}, r.MCE))
				}
			}
			for _, c := range r.Cells {
				x := plainCell(format.Style{Scale: 100, Places: 0}, c)
				if !math.IsNaN(c.Mean) && !math.IsInf(c.Mean, 0) {
					x.Bar = template.CSS(fmt.Sprintf("--h:%.0f%%", 62*math.Max(0, math.Min(1, c.Mean)))) //nolint:gosec // a number
				}
				row.Cells = append(row.Cells, x)
			}
			t.Rows = append(t.Rows, row)
		}
		out = append(out, t)
	}
	return out
}

// plainCell writes a number with its interval.
func plainCell(st format.Style, c view.Cell) cell {
	if !c.OK || math.IsNaN(c.Mean) {
		return cell{Text: format.None}
	}
	return cell{Text: st.Number(c.Mean), Interval: st.Bounds(c.Lo, c.Hi), Sort: fmt.Sprint(c.Mean)}
}

func unitIn(st format.Style) string {
	if st.Unit == "" {
		return ""
	}
	return " (" + st.Unit + ")"
}
