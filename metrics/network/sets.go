package network

import (
	"bytes"
	"context"
	"fmt"

	"github.com/vtbench/vtbench/metrics"
	"github.com/vtbench/vtbench/metrics/feature"
	"github.com/vtbench/vtbench/pix"
)

// setKind is the entry of the metrics of sets: one network's features make all of them.
func setKind() metrics.Kind {
	return metrics.Kind{Specs: feature.Specs(), Sets: sets{}, Options: "feature", NeedsModel: true}
}

// sets measures sets by the features of the network that the options describe.
type sets struct{}

var _ metrics.StoredSets = sets{}

// Store implements metrics.StoredSets.
func (sets) Store(g metrics.Gathering) ([]byte, error) {
	f, ok := g.(*feature.Gathering)
	if !ok {
		return nil, fmt.Errorf("keeping features: %T was not made here", g)
	}
	var b bytes.Buffer
	_, err := f.WriteTo(&b)
	return b.Bytes(), err
}

// Restore implements metrics.StoredSets.
func (sets) Restore(b []byte) (metrics.Gathering, error) {
	g, err := feature.ReadGathering(b)
	if err != nil {
		return nil, err
	}
	return g, nil
}

// Open implements metrics.Sets.
func (sets) Open(_ context.Context, cfg metrics.Config) (metrics.Embedder, error) {
	e, err := OpenExtractor(cfg.Options, "")
	if err != nil {
		return nil, err
	}
	return embedder{e}, nil
}

// Gather implements metrics.Sets.
func (sets) Gather(cfg metrics.Config) metrics.Gathering { return feature.Gather(cfg.Seed) }

// Compare implements metrics.Sets.
func (sets) Compare(cfg metrics.Config, wanted []string, ref, got metrics.Gathering) ([]metrics.Value, error) {
	a, ok := ref.(*feature.Gathering)
	b, same := got.(*feature.Gathering)
	if !ok || !same {
		return nil, fmt.Errorf("comparing sets of features: %T and %T were not made here", ref, got)
	}
	return feature.Compare(cfg, wanted, a, b)
}

// embedder makes states of features.
type embedder struct{ extractor *Extractor }

var (
	_ metrics.Embedder   = embedder{}
	_ metrics.Provenance = embedder{}
)

// Embed implements metrics.Embedder.
func (e embedder) Embed(ctx context.Context, img pix.Image) (string, error) {
	f, err := e.extractor.Features(ctx, []pix.Image{img})
	if err != nil {
		return "", err
	}
	return feature.Encode(f[0]), nil
}

// Close implements io.Closer.
func (e embedder) Close() error { return e.extractor.Close() }

// Provenance implements metrics.Provenance.
func (e embedder) Provenance() map[string]string {
	out := e.extractor.said()
	for _, key := range []string{feature.OptionKIDSubset, feature.OptionN, feature.OptionRecipe} {
		if s := e.extractor.settings.options[key]; s != "" {
			out[key] = s
		}
	}
	return out
}
