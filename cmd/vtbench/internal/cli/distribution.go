package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/vtbench/vtbench/bench/score"
	"github.com/vtbench/vtbench/metrics/feature"
	"github.com/vtbench/vtbench/metrics/network"
	"github.com/vtbench/vtbench/pix"
)

// distributions are the metrics of two sets of images; they need a network that
// the user brings (--option feature.model=FILE).
var distributions = []string{"fid", "kid", "cmmd"}

// splitDistributions takes the metrics of sets out of a list of ids.
func splitDistributions(ids []string) (image, sets []string) {
	for _, id := range ids {
		if slices.Contains(distributions, id) {
			sets = append(sets, id)
		} else {
			image = append(image, id)
		}
	}
	return image, sets
}

// scoreSets computes distances between the features of all references and of all
// distorted images. An image that cannot be read ends it: a distance between sets
// from which some are missing is another number.
func scoreSets(ctx context.Context, pairs []score.Pair, ids []string, options map[string]string, seed uint64) (out []feature.Score, err error) {
	e, err := network.OpenExtractor(options, "references of this call")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, e.Close()) }()
	ref, got := feature.NewSet(e.Provenance()), feature.NewSet(e.Provenance())
	for _, p := range pairs {
		for _, side := range []struct {
			set  *feature.Set
			file string
		}{{ref, p.Reference}, {got, p.Distorted}} {
			img, err := pix.Load(side.file)
			if err != nil {
				return nil, usage(err)
			}
			f, err := e.Features(ctx, []pix.Image{img})
			if err != nil {
				return nil, fmt.Errorf("%s: %w", side.file, err)
			}
			if err := side.set.Add(p.Name, f[0]); err != nil {
				return nil, fmt.Errorf("%s: %w", side.file, err)
			}
		}
	}
	for _, id := range ids {
		var s feature.Score
		switch id {
		case "fid":
			s, err = feature.FID(ref, got)
		case "kid":
			s, err = feature.KID(ref, got, feature.KIDOptions{Seed: seed})
		default:
			s, err = feature.CMMD(ref, got)
		}
		if err != nil {
			return nil, usage(err)
		}
		out = append(out, s)
	}
	return out, nil
}

// printSets prints distances between sets with what they rest on.
func (a *app) printSets(scores []feature.Score) {
	for _, s := range scores {
		fmt.Fprintf(a.out, "%s %.6g: %s of layer %s, resize %s, %d reference and %d distorted images, weights %.12s\n",
			s.Metric, s.Value, s.Provenance.Extractor, s.Provenance.Layer, s.Provenance.Resize, s.ReferenceN, s.N, s.Provenance.Weights)
		for _, w := range s.Warnings {
			a.warnf("%s: %v", s.Metric, w)
		}
	}
}
