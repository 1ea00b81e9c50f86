package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/vtbench/vtbench/bench/suite"
	"github.com/vtbench/vtbench/internal/missing"
	"github.com/vtbench/vtbench/internal/suggest"
	"github.com/vtbench/vtbench/metrics"
	allmetrics "github.com/vtbench/vtbench/metrics/all"
)

// specs lists all metrics there are, in the order of the registry.
func specs() []metrics.Spec {
	var out []metrics.Spec
	for _, k := range allmetrics.Kinds() {
		out = append(out, k.Specs...)
	}
	return out
}

func specsByID() map[string]metrics.Spec {
	out := map[string]metrics.Spec{}
	for _, s := range specs() {
		out[s.ID] = s
	}
	return out
}

// findMetrics are the specs of these ids; an unknown id is an error with the nearest
// one.
func findMetrics(ids []string) ([]metrics.Spec, error) {
	var out []metrics.Spec
	for _, id := range ids {
		s, ok := metrics.Find(allmetrics.Kinds(), id)
		if !ok {
			var names []string
			for _, s := range specs() {
				names = append(names, s.ID)
			}
			return nil, usagef("unknown metric %q%s; `vtbench list metrics` shows all", id, suggest.Hint(id, names))
		}
		out = append(out, s)
	}
	return out, nil
}

// chooseMetrics puts the metrics of the command line over those of a suite: names
// replace them, names behind a plus sign are added.
func chooseMetrics(s *suite.Suite, asked []string) error {
	var only, more []string
	for _, id := range asked {
		id = strings.TrimSpace(id)
		added, plus := strings.CutPrefix(id, "+")
		switch {
		case id == "":
		case plus && !slices.Contains(more, added):
			more = append(more, added)
		case !plus && !slices.Contains(only, id):
			only = append(only, id)
		}
	}
	replacing, err := findMetrics(only)
	if err != nil {
		return err
	}
	adding, err := findMetrics(more)
	if err != nil {
		return err
	}
	if len(only) > 0 {
		s.OnlyMetrics(replacing)
	}
	s.AddMetrics(adding)
	return nil
}

// addBeside adds the metrics that options ask for beside those of a suite: those of a
// second engine. They stand last in the headline.
func addBeside(s *suite.Suite) error {
	for _, k := range allmetrics.Kinds() {
		if k.Beside == nil || !k.Yields(s.Metrics) {
			continue
		}
		ids, err := k.Beside(s.Metrics, s.Options)
		if err != nil {
			return usage(err)
		}
		adding, err := findMetrics(ids)
		if err != nil {
			return err
		}
		s.AddMetrics(adding)
	}
	return nil
}

// openedMetrics are the metrics of a run.
type openedMetrics struct {
	metrics    []metrics.Metric
	observers  []metrics.Observer
	codes      []metrics.CodeComparer
	sets       []metrics.OpenedSets
	temporal   []metrics.Temporal
	followers  []metrics.Follower
	provenance map[string]string
	leftOut    map[string]string // by id: why
}

// isMissing reports whether an error says that something must be installed first.
func isMissing(err error) bool {
	var m *missing.Error
	return errors.As(err, &m)
}

// knownOptions refuses options that nothing would read: a misspelt one that is ignored is a
// wrong result that looks right.
func knownOptions(options map[string]string) error {
	owner, _, _ := strings.Cut(modeOption, ".")
	owners := []string{owner}
	for _, k := range allmetrics.Kinds() {
		if k.Options != "" {
			owners = append(owners, k.Options)
		}
		for _, s := range k.Specs {
			owners = append(owners, s.ID)
		}
	}
	for _, key := range slices.Sorted(maps.Keys(options)) {
		if owner, _, dotted := strings.Cut(key, "."); !dotted || !slices.Contains(owners, owner) {
			return usagef("option %q: nothing has options of %q%s; want METRIC.NAME=VALUE, such as ocr.lang=deu", key, owner, suggest.Hint(owner, owners))
		}
	}
	return nil
}

// openMetrics opens the kinds that yield any of the wanted ids; an unknown id is
// an error with the nearest one. Those that optional names are left out where what
// they need is missing.
func openMetrics(ctx context.Context, ids, optional []string, cfg metrics.Config) (o openedMetrics, err error) {
	if _, err := findMetrics(ids); err != nil {
		return o, err
	}
	if err := knownOptions(cfg.Options); err != nil {
		return o, err
	}
	cfg.Wanted = ids
	o.provenance, o.leftOut = map[string]string{}, map[string]string{}
	for _, k := range allmetrics.Kinds() {
		if !k.Yields(ids) {
			continue
		}
		opened, err := o.open(ctx, k, cfg)
		if isMissing(err) && !slices.ContainsFunc(k.Specs, func(s metrics.Spec) bool {
			return slices.Contains(ids, s.ID) && !slices.Contains(optional, s.ID)
		}) {
			for _, s := range k.Specs {
				if slices.Contains(ids, s.ID) {
					o.leftOut[s.ID] = err.Error()
				}
			}
			continue
		}
		if err != nil {
			return openedMetrics{}, errors.Join(usage(fmt.Errorf("opening metric %s: %w", firstOf(k.Specs, ids), err)), o.close())
		}
		if p, ok := opened.(metrics.Provenance); ok {
			maps.Copy(o.provenance, p.Provenance())
		}
	}
	return o, nil
}

// firstOf is the first id of a kind that was asked for.
func firstOf(specs []metrics.Spec, ids []string) string {
	for _, s := range specs {
		if slices.Contains(ids, s.ID) {
			return s.ID
		}
	}
	return ""
}

// open opens one kind and returns what it opened, if anything.
func (o *openedMetrics) open(ctx context.Context, k metrics.Kind, cfg metrics.Config) (any, error) {
	switch {
	case k.Observer != nil:
		o.observers = append(o.observers, k.Observer)
	case k.Codes != nil:
		o.codes = append(o.codes, k.Codes)
	case k.Sets != nil:
		e, err := k.Sets.Open(ctx, cfg)
		if err != nil {
			return nil, err
		}
		o.sets = append(o.sets, metrics.OpenedSets{Specs: k.Specs, Sets: k.Sets, Embedder: e})
		return e, nil
	case k.Follower != nil:
		o.followers = append(o.followers, k.Follower)
	case k.Temporal != nil:
		t, err := k.Temporal(ctx, cfg)
		if err != nil {
			return nil, err
		}
		o.temporal = append(o.temporal, t)
		return t, nil
	default:
		m, err := k.Open(ctx, cfg)
		if err != nil {
			return nil, err
		}
		o.metrics = append(o.metrics, m)
		return m, nil
	}
	return nil, nil
}

func (o *openedMetrics) close() error {
	var errs []error
	end := func(v any) {
		if c, ok := v.(io.Closer); ok {
			errs = append(errs, c.Close())
		}
	}
	for _, m := range o.metrics {
		end(m)
	}
	for _, t := range o.temporal {
		end(t)
	}
	for _, s := range o.sets {
		end(s.Embedder)
	}
	return errors.Join(errs...)
}
