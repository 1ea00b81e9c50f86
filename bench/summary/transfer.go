package summary

import (
	"fmt"
	"slices"

	"github.com/vtbench/vtbench/bench/record"
	"github.com/vtbench/vtbench/bench/suite"
	"github.com/vtbench/vtbench/metrics/stat"
)

// A TransferRow says how a headline metric of a tokenizer changes from one resolution to
// the next, on the same images.
type TransferRow struct {
	Tokenizer string        `json:"tokenizer"`
	Dataset   string        `json:"dataset"`
	Metric    string        `json:"metric"`
	From      string        `json:"from"` // conditions
	To        string        `json:"to"`
	Before    record.Number `json:"before"`
	After     record.Number `json:"after"`
	Delta     record.Number `json:"delta"` // After less Before; null where it is undefined
	Lo        record.Number `json:"lo"`    // interval of the difference: images are resampled with both values
	Hi        record.Number `json:"hi"`
	N         int           `json:"n"` // values behind Before
	Clusters  int           `json:"clusters"`
	Warnings  []string      `json:"warnings,omitempty"`
}

// OtherImages is the warning of a TransferRow whose sides do not rest on the same values:
// some failed, or were infinite, at one resolution only.
const OtherImages = "other_images"

// transfer compares neighbouring resolutions of undamaged images.
func (a *aggregation) transfer() ([]TransferRow, error) {
	s := &a.m.Suite
	if !s.Transfer {
		return nil, nil
	}
	var out []TransferRow
	for _, d := range a.m.Datasets {
		n := len(a.clusters[d.Name])
		if n == 0 {
			continue
		}
		plan, err := stat.NewPlan(n, a.m.Bootstrap.Resamples, a.m.Seed)
		if err != nil {
			return nil, fmt.Errorf("comparing resolutions of %s: %w", d.Name, err)
		}
		for _, id := range s.Headline {
			for _, t := range a.m.Tokenizers {
				for i := range len(s.Resolutions) - 1 {
					row := TransferRow{
						Tokenizer: t.Name, Dataset: d.Name, Metric: id,
						From: suite.Condition{Resolution: s.Resolutions[i]}.String(), To: suite.Condition{Resolution: s.Resolutions[i+1]}.String(),
					}
					from, to := a.cells[cellKey{d.Name, t.Name, row.From, id}], a.cells[cellKey{d.Name, t.Name, row.To, id}]
					if from == nil || to == nil {
						continue
					}
					if err := a.transferRow(&row, plan, from.whole(a.specs[id].ByClass, n), to.whole(a.specs[id].ByClass, n)); err != nil {
						return nil, fmt.Errorf("comparing resolutions of %s by %s: %w", t.Name, id, err)
					}
					out = append(out, row)
				}
			}
		}
	}
	return out, nil
}

func (a *aggregation) transferRow(row *TransferRow, plan *stat.Plan, from, to whole) error {
	byClass := a.specs[row.Metric].ByClass
	mean := func(w whole) (Estimate, error) {
		s := stat.MeanOf(w.ratios...)
		s.Partial = byClass
		return Estimated(plan, s, w.n, a.m.Bootstrap)
	}
	before, err := mean(from)
	if err != nil {
		return err
	}
	after, err := mean(to)
	if err != nil {
		return err
	}
	row.Before, row.After, row.N, row.Clusters = before.Value, after.Value, from.n, before.Clusters
	row.Delta, row.Lo, row.Hi = record.NaN, record.NaN, record.NaN
	if from.n == 0 || to.n == 0 {
		return nil
	}
	s := stat.Difference(from.ratios, to.ratios)
	s.Partial = byClass
	e, err := Estimated(plan, s, min(from.n, to.n), a.m.Bootstrap)
	if err != nil {
		return err
	}
	row.Delta, row.Lo, row.Hi, row.Warnings = e.Value, e.Lo, e.Hi, e.Warnings
	if !byClass && !slices.Equal(from.ratios[0].Den, to.ratios[0].Den) {
		row.Warnings = append(row.Warnings, OtherImages)
	}
	return nil
}

// whole are all values of a cell: one ratio, or one for each class.
type whole struct {
	ratios []stat.Ratio
	n      int
}

func (c *cell) whole(byClass bool, clusters int) whole {
	w := whole{}
	pool := &bin{}
	pool.grow(clusters)
	for _, b := range c.bins {
		for i := range b.num {
			pool.num[i] += b.num[i]
			pool.den[i] += b.den[i]
		}
		w.n += b.n
	}
	w.ratios = []stat.Ratio{{Num: pool.num, Den: pool.den}}
	if byClass && w.n > 0 {
		w.ratios = c.classRatios(clusters)
	}
	return w
}
