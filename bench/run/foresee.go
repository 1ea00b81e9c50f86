package run

import (
	"context"
	"slices"

	"github.com/vtbench/vtbench/internal/guard"
	"github.com/vtbench/vtbench/metrics"
)

// lookedAt is how many items of each data set [Config.Unscored] looks at: enough to
// tell a data set without labels from one where they are sparse.
const lookedAt = 4

// Unscored returns the headline metrics that can have no value on the data, as far as
// the first items of each data set tell: nothing in them is labelled that the metric
// scores, at no resolution of the suite. items is how many were looked at. It stops
// at the first item that settles it, which most often is the very first.
func (c *Config) Unscored(ctx context.Context) (ids []string, items int) {
	pending := map[string]metrics.Chooser{}
	for _, m := range c.Metrics {
		choose, _ := m.(metrics.Chooser)
		for _, s := range m.Specs() {
			if s.Scope == metrics.PerInstance && slices.Contains(c.Suite.Headline, s.ID) {
				pending[s.ID] = choose
			}
		}
	}
	for i := 0; i < lookedAt && len(pending) > 0; i++ {
		for _, d := range c.Datasets {
			if i >= len(d.Data.IDs()) || len(pending) == 0 {
				continue
			}
			if c.settle(ctx, d, i, pending) {
				items++
			}
		}
	}
	if items == 0 {
		return nil, 0
	}
	for _, id := range c.Suite.Headline {
		if _, ok := pending[id]; ok {
			ids = append(ids, id)
		}
	}
	return ids, items
}

// settle takes from pending the metrics that score something in an item. An item that
// cannot be loaded tells nothing, and the run will say why.
func (c *Config) settle(ctx context.Context, d DatasetSource, i int, pending map[string]metrics.Chooser) (loaded bool) {
	var err error
	defer guard.Recover(&err, "looking at "+d.Spec)
	item, err := d.Data.Load(ctx, i)
	if err != nil {
		return false
	}
	for _, res := range c.Suite.Resolutions {
		scored, _, _ := c.Suite.Sort(item, res)
		for _, in := range scored {
			for id, choose := range pending {
				if choose == nil || choose.Scores(in) {
					delete(pending, id)
				}
			}
		}
	}
	return true
}
