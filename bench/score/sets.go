package score

import (
	"cmp"
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

// A Source is a set of images, or of windows of films, that are read when they are wanted.
type Source struct {
	Names []string // unique
	Load  func(ctx context.Context, i int) (pix.Image, error)
	// Window is there instead where the set is one of windows of films; they are read in
	// their order, one at a time.
	Window func(ctx context.Context, i int) (pix.Clip, error)
}

// From makes a set of images.
func From(rd *Reader, images []Image) Source {
	s := Source{Load: func(_ context.Context, i int) (pix.Image, error) { return rd.image(images[i].Image, images[i].File) }}
	for _, m := range images {
		s.Names = append(s.Names, m.Name)
	}
	return s
}

// Sets compares two sets of images by the wanted metrics. Names need not agree, nor
// counts, nor sizes. An image that cannot be read ends it: a distance between sets from
// which some are missing is another number.
func Sets(ctx context.Context, ref, got Source, by metrics.OpenedSets, wanted []string, cfg metrics.Config) ([]SetScore, error) {
	gathered, err := Gather(ctx, ref, by, cfg)
	if err != nil {
		return nil, err
	}
	return Against(ctx, gathered, len(ref.Names), got, by, wanted, cfg)
}

// Gather embeds a set. Its result can be compared with any number of others.
func Gather(ctx context.Context, s Source, by metrics.OpenedSets, cfg metrics.Config) (metrics.Gathering, error) {
	g := by.Gather(cfg)
	return g, gather(ctx, g, s, by, max(cfg.Workers, 1))
}

// Against compares a set with references that were gathered before, n of them.
func Against(ctx context.Context, ref metrics.Gathering, n int, got Source, by metrics.OpenedSets, wanted []string, cfg metrics.Config) ([]SetScore, error) {
	g, err := Gather(ctx, got, by, cfg)
	if err != nil {
		return nil, err
	}
	values, err := by.Compare(cfg, wanted, ref, g)
	if err != nil {
		return nil, err
	}
	var out []SetScore
	for _, v := range values {
		s := SetScore{Metric: v.Metric, Value: record.Number(v.Value), N: len(got.Names), ReferenceN: n, Warnings: v.Warnings, Error: v.Err}
		if v.Err != "" {
			s.Value = record.NaN
		}
		out = append(out, s)
	}
	return out, nil
}

// embedded names what is embedded where that fails.
func embedded(name string, embed func() (string, error)) (string, error) {
	state, err := guard.Call("embedding "+name, embed)
	if err != nil {
		return "", fmt.Errorf("%s: %w", name, err)
	}
	return state, nil
}

// gather embeds images, as many at once as there are workers, and takes them in by
// their order.
func gather(ctx context.Context, g metrics.Gathering, s Source, by metrics.OpenedSets, workers int) error {
	clips, ofClips := by.Embedder.(metrics.ClipEmbedder)
	if s.Window != nil && !ofClips {
		return fmt.Errorf("%s compares images, and these are windows of films", by.Specs[0].ID)
	}
	for from := 0; from < len(s.Names); {
		n := min(workers*4, len(s.Names)-from)
		states := make([]string, n)
		group, ctx := errgroup.WithContext(ctx)
		group.SetLimit(workers)
		for i := range n {
			name := s.Names[from+i]
			embed := func() (string, error) {
				img, err := s.Load(ctx, from+i)
				if err != nil {
					return "", err
				}
				return embedded(name, func() (string, error) { return by.Embed(ctx, img) })
			}
			if s.Window != nil {
				clip, err := s.Window(ctx, from+i)
				if err != nil {
					return cmp.Or(group.Wait(), err) // of the first that failed
				}
				embed = func() (string, error) {
					return embedded(name, func() (string, error) { return clips.EmbedClip(ctx, clip) })
				}
			}
			group.Go(func() (err error) {
				states[i], err = embed()
				return err
			})
		}
		if err := group.Wait(); err != nil {
			return err
		}
		for i := range n {
			if err := g.Add(s.Names[from+i], states[i]); err != nil {
				return err
			}
		}
		from += n
	}
	return nil
}
