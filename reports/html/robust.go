package html

import (
	"fmt"
	"html/template"
	"math"
	"strings"

	"github.com/vtbench/vtbench/bench/suite"
	"github.com/vtbench/vtbench/bench/summary"
	"github.com/vtbench/vtbench/reports/format"
	"github.com/vtbench/vtbench/reports/view"
)

// robustTable is one metric under every corruption.
type robustTable struct {
	Key, ID, Title, Hint string
	Summary              []string // headings of the columns in front: clean, under damage, loss, kept, mCE
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
		style := format.Style{Scale: 100, Places: 0} // of flipped tokens
		kept, most := false, 1.
		if g.Score != summary.ScoreFlip {
			style, most = clean, largest(g)
			style.Places = max(0, style.Places-1) // columns are narrow
		}
		at := ""
		if len(v.Datasets) > 1 {
			at = ", " + g.Dataset.Name
		}
		if len(v.Resolutions()) > 1 {
			at += ", " + suite.Size(g.Resolution)
		}
		if g.Score == summary.ScoreFlip {
			t.Title = "flipped tokens" + at
			t.Hint = "Share of tokens that damage changes, less what encoding the reconstruction again changes. Lower is steadier."
		} else {
			t.Title = g.Metric.Title + at
			if !g.Metric.Labels {
				t.Title += " against " + strings.TrimPrefix(g.AgainstTitle(), "the ")
			}
			t.Hint = fmt.Sprintf("Scores under damage, against %s; mean over severities, %s. mPC is the mean over corruptions.", g.AgainstTitle(), view.BetterWord(g.Metric.Better))
			t.Summary = []string{"mPC" + unitIn(clean), "clean" + unitIn(clean)}
			if g.Baseline != "" {
				t.Summary = append(t.Summary, "loss"+unitIn(format.Style{Unit: format.Points(clean.Unit)}))
				t.Hint += " Loss: mPC less that of " + g.Baseline + "."
			}
			if kept = g.HasKept(); kept {
				t.Summary = append(t.Summary, "kept (%)")
				t.Hint += " Under " + g.KeptLegend() + "."
			}
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
				row.Summary = append(row.Summary, plainCell(clean, r.MPC), plainCell(clean, r.P))
				row.Summary[0].Head = true
				if g.Baseline != "" {
					loss := plainCell(clean, r.Loss)
					if r.Loss.OK {
						loss.Text = clean.Delta(r.Loss.Mean)
					}
					row.Summary = append(row.Summary, loss)
				}
				if kept {
					x := plainCell(format.Percent, r.RPC)
					x.Text = view.Kept(r.RPC)
					row.Summary = append(row.Summary, x)
				}
				if g.HasMCE {
					row.Summary = append(row.Summary, plainCell(format.Style{Scale: 1, Places: 2}, r.MCE))
				}
			}
			for _, c := range r.Cells {
				x := plainCell(style, c)
				if !math.IsNaN(c.Mean) && !math.IsInf(c.Mean, 0) && most > 0 {
					x.Bar = template.CSS(fmt.Sprintf("--h:%.0f%%", 62*math.Max(0, math.Min(1, c.Mean/most)))) //nolint:gosec // a number
				}
				row.Cells = append(row.Cells, x)
			}
			t.Rows = append(t.Rows, row)
		}
		out = append(out, t)
	}
	return out
}

// largest is the value that fills a bar.
func largest(g view.RobustGrid) float64 {
	if lo, hi, ok := g.Metric.Bounds(); ok && lo == 0 {
		return hi
	}
	most := 0.
	for _, r := range g.Rows {
		for _, c := range r.Cells {
			if !math.IsNaN(c.Mean) && !math.IsInf(c.Mean, 0) {
				most = math.Max(most, c.Mean)
			}
		}
	}
	return most
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
