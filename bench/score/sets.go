package score

import (
	"context"
	"fmt"

	"golang.org/x/sync/errgroup"

	"github.com/vtbench/vtbench/bench/record"
	"github.com/vtbench/vtbench/internal/guard"
	"github.com/vtbench/vtbench/metrics"
	"github.com/vtbench/vtbench/pix"
)

// An Image is an image of a set, by a name that is unique in it: a file, or one in memory.
type Image struct {
	Name, File string
	Image      *pix.Image // nil where it is a file
}

// SetScore is a metric of two sets.
type SetScore struct {
	Metric     string        `json:"metric"`
	Value      record.Number `json:"value"` // null where there is none
	N          int           `json:"n"`
	ReferenceN int           `json:"reference_n"`
	Warnings   []string      `json:"warnings,omitempty"`
	Error      string        `json:"error,omitempty"`
}

// Sets compares two sets of images by the wanted metrics. Names need not agree, nor
// counts, nor sizes. An image that cannot be read ends it: a distance between sets from
// which some are missing is another number.
func Sets(ctx context.Context, rd *Reader, ref, got []Image, by metrics.OpenedSets, wanted []string, cfg metrics.Config) ([]SetScore, error) {
	gathered := make([]metrics.Gathering, 2)
	for i, images := range [][]Image{ref, got} {
		gathered[i] = by.Gather(cfg)
		if err := gather(ctx, rd, gathered[i], images, by, max(cfg.Workers, 1)); err != nil {
			return nil, err
		}
	}
	values, err := by.Compare(cfg, wanted, gathered[0], gathered[1])
	if err != nil {
		return nil, err
	}
	var out []SetScore
	for _, v := range values {
		s := SetScore{Metric: v.Metric, Value: record.Number(v.Value), N: len(got), ReferenceN: len(ref), Warnings: v.Warnings, Error: v.Err}
		if v.Err != "" {
			s.Value = record.NaN
		}
		out = append(out, s)
	}
	return out, nil
}

// gather embeds images, as many at once as there are workers, and takes them in by
// their order.
func gather(ctx context.Context, rd *Reader, g metrics.Gathering, images []Image, by metrics.OpenedSets, workers int) error {
	for len(images) > 0 {
		now := images[:min(workers*4, len(images))]
		images = images[len(now):]
		states := make([]string, len(now))
		group, ctx := errgroup.WithContext(ctx)
		group.SetLimit(workers)
		for i, m := range now {
			group.Go(func() error {
				img, err := rd.image(m.Image, m.File)
				if err != nil {
					return err
				}
				states[i], err = guard.Call("embedding "+m.Name, func() (string, error) { return by.Embed(ctx, img) })
				if err != nil {
					return fmt.Errorf("%s: %w", m.Name, err)
				}
				return nil
			})
		}
		if err := group.Wait(); err != nil {
			return err
		}
		for i, m := range now {
			if err := g.Add(m.Name, states[i]); err != nil {
				return err
			}
		}
	}
	return nil
}
