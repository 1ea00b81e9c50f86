package run

import (
	"bytes"
	"context"
	"slices"

	"github.com/vtbench/vtbench/bench/record"
	"github.com/vtbench/vtbench/internal/guard"
	"github.com/vtbench/vtbench/metrics"
	"github.com/vtbench/vtbench/pix"
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
	if item.Labels != nil {
		for _, m := range c.Metrics {
			for _, s := range m.Specs() {
				if s.ByClass {
					delete(pending, s.ID)
				}
			}
		}
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

// Foreseen is how much the whole images take that a run keeps: an estimate.
type Foreseen struct {
	Pictures int
	Bytes    int64
}

// Kept foresees what whole images take, from the first item of each data set that can be
// loaded: every picture and damage map is taken to be as large as that item at its size.
func (c *Config) Kept(ctx context.Context) (out Foreseen) {
	r := &runner{cfg: *c}
	each := max(len(c.Tokenizers)-1, 0)*(1+len(c.Maps)) + 1 // the original has no map
	for _, d := range c.Datasets {
		items := r.items(d)
		switch {
		case c.KeepImages == record.KeepWorst:
			items = min(items, worstCases*max(len(c.Tokenizers)-1, 0))
		case c.KeepImages != record.KeepAll:
			items = min(items, int(c.KeepImages))
		}
		if c.Shard.Count > 1 {
			items = (items + c.Shard.Count - 1) / c.Shard.Count
		}
		for _, res := range c.Suite.Resolutions {
			n := items * each
			if c.KeepImages == record.KeepWorst { // a reconstruction each, with its original
				n = items * (2 + len(c.Maps))
			}
			out.Pictures += n
			out.Bytes += int64(n) * c.pictureSize(ctx, d, res)
		}
	}
	return out
}

// pictureSize is the size of a data set's first item as a picture, 0 where none of the
// first can be loaded.
func (c *Config) pictureSize(ctx context.Context, d DatasetSource, side int) (size int64) {
	for i := range min(lookedAt, len(d.Data.IDs())) {
		b, err := guard.Call("looking at "+d.Spec, func() ([]byte, error) {
			item, err := d.Data.Load(ctx, i)
			if err != nil {
				return nil, err
			}
			img, _, err := pix.Fit(item.Image, side)
			if err != nil {
				return nil, err
			}
			var b bytes.Buffer
			err = img.EncodePNG(&b)
			return b.Bytes(), err
		})
		if err == nil {
			return int64(len(b))
		}
	}
	return 0
}
