package run

import (
	"context"
	"fmt"

	"golang.org/x/sync/errgroup"

	"github.com/vtbench/vtbench/datasets"
	"github.com/vtbench/vtbench/internal/guard"
)

// Faults loads every item that the run would take, and tells what of the data cannot be
// used: items that fail, labels that are lost, files that are left out and are no usual ones.
func (c *Config) Faults(ctx context.Context) ([]string, error) {
	r := &runner{cfg: *c}
	var out []string
	for _, d := range c.Datasets {
		if l, ok := d.Data.(datasets.Listed); ok {
			if left := l.LeftOut().Unusual(); len(left) > 0 {
				out = append(out, fmt.Sprintf("%s: left out: %s", d.Spec, left))
			}
		}
		found := make([][]string, r.items(d))
		g, ctx := errgroup.WithContext(ctx)
		g.SetLimit(max(c.Workers, 1))
		if _, films := d.Data.(datasets.Clipped); films {
			g.SetLimit(1) // frames are loaded in order
		}
		for i := range found {
			g.Go(func() error {
				if ctx.Err() != nil {
					return ctx.Err()
				}
				id := d.Data.IDs()[i]
				item, err := guard.Call("loading "+id, func() (datasets.Item, error) { return d.Data.Load(ctx, i) })
				if err != nil {
					found[i] = append(found[i], fmt.Sprintf("%s: %s: %v", d.Spec, id, err))
				}
				for _, l := range item.Lost {
					found[i] = append(found[i], fmt.Sprintf("%s: %s: %s: %s", d.Spec, id, l.Reason, l.Where))
				}
				return ctx.Err()
			})
		}
		if err := g.Wait(); err != nil {
			return nil, err
		}
		for _, f := range found {
			out = append(out, f...)
		}
	}
	return out, nil
}
