package ocr

import (
	"context"

	"github.com/vtbench/vtbench/datasets"
	"github.com/vtbench/vtbench/metrics"
	"github.com/vtbench/vtbench/metrics/text"
	"github.com/vtbench/vtbench/pix"
)

// Several reads labels with one engine or several, outside of a run. It is safe for
// concurrent use.
type Several struct{ readers *readers }

// A Reading is what an engine reads in the box of a label.
type Reading struct {
	Engine string
	Text   string
	Exact  bool // equal to the label
	Err    error
}

// OpenSeveral opens the engines that the options of a metric name.
func OpenSeveral(ctx context.Context, cfg metrics.Config) (*Several, error) {
	s, err := setupOf(cfg)
	if err != nil {
		return nil, err
	}
	r, err := openReaders(ctx, s)
	if err != nil {
		return nil, err
	}
	return &Several{r}, nil
}

// Read reads the box of a label with every engine.
func (s *Several) Read(ctx context.Context, img pix.Image, in datasets.Instance) []Reading {
	out := make([]Reading, len(s.readers.eyes))
	for i, e := range s.readers.eyes {
		r := Reading{Engine: e.engine}
		r.Text, r.Err = e.of(in.Tags).ReadBox(ctx, img, in.Box)
		r.Exact = r.Err == nil && text.Exact(in.Text, r.Text)
		out[i] = r
	}
	return out
}

// Close closes the engines.
func (s *Several) Close() error { return s.readers.Close() }
