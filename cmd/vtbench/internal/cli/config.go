package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/vtbench/vtbench/bench/run"
	"github.com/vtbench/vtbench/bench/suite"
	"github.com/vtbench/vtbench/internal/files"
	"github.com/vtbench/vtbench/internal/strictyaml"
	"github.com/vtbench/vtbench/tokenizers"
	alltok "github.com/vtbench/vtbench/tokenizers/all"
)

// config is vtbench.yaml: what can be said on the command line, and options that
// do not fit there.
type config struct {
	Suite       string            `yaml:"suite"`
	Data        []string          `yaml:"data"`
	Tokenizers  []tokenizerConfig `yaml:"tokenizers"`
	Resolutions suite.Resolutions `yaml:"resolutions"`
	Metrics     []string          `yaml:"metrics"`
	Limit       *int              `yaml:"limit"`
	Full        bool              `yaml:"full"`
	Seed        *uint64           `yaml:"seed"`
	Workers     int               `yaml:"workers"`
	Batch       int               `yaml:"batch"`
	Window      int               `yaml:"window"`
	Output      string            `yaml:"output"`
	Resamples   int               `yaml:"resamples"`
	Options     map[string]string `yaml:"options"`
}

// tokenizerConfig is one tokenizer of a config file.
type tokenizerConfig struct {
	Use      string         `yaml:"use"`     // spec, as on the command line: it may stand for several
	Name     string         `yaml:"name"`    // label; the spec itself when empty
	Options  map[string]any `yaml:"options"` // further options of the kind; a list stands for several tokenizers
	optional bool           // the suite does without it where what it needs is missing
}

func readConfig(path string) (config, error) {
	var c config
	b, err := files.Read(path, strictyaml.MaxBytes)
	if err != nil {
		return c, usagef("reading configuration: %w", err)
	}
	if err := strictyaml.Decode(path, b, &c); err != nil {
		return c, usagef("reading configuration: %w", err)
	}
	for i, t := range c.Tokenizers {
		if t.Use == "" {
			return c, usagef("%s: tokenizers[%d]: use is missing: name a tokenizer, for example use: jpeg:q=20", path, i)
		}
	}
	return c, nil
}

// openTokenizers opens every tokenizer of a run, as many at once as there are cores since
// that may take minutes, and tells progress of it where that is not nil; when one cannot be
// opened, the others are closed. Optional ones are left out where what they need is missing,
// and leftOut says why.
func openTokenizers(ctx context.Context, list []tokenizerConfig, kinds []tokenizers.Kind, progress run.Progress, leftOut map[string]string) ([]run.TokenizerSource, error) {
	type opening struct {
		config tokenizerConfig
		kind   tokenizers.Kind
		source run.TokenizerSource
		err    error
	}
	var all []*opening
	for _, c := range list {
		specs, err := c.specs(kinds)
		if err != nil {
			return nil, usage(err)
		}
		for _, spec := range specs {
			kind, opts, err := tokenizers.Resolve(spec, kinds)
			if err != nil {
				return nil, usage(err)
			}
			all = append(all, &opening{config: c, kind: kind, source: run.TokenizerSource{Name: spec.Name, Kind: kind.Name, Options: opts}})
		}
	}
	if progress != nil {
		progress.Begin("opening tokenizers", len(all), 0)
		defer progress.End()
	}
	var g errgroup.Group
	g.SetLimit(runtime.GOMAXPROCS(0))
	var opened sync.Mutex
	for _, o := range all {
		g.Go(func() error {
			o.source.Tokenizer, o.err = o.kind.Open(ctx, o.source.Options)
			if progress != nil {
				opened.Lock()
				defer opened.Unlock()
				progress.Step(1)
			}
			return nil
		})
	}
	_ = g.Wait()
	var out []run.TokenizerSource
	var failed error // the first in the order of the list
	for _, o := range all {
		switch {
		case o.err == nil:
			out = append(out, o.source)
		case isMissing(o.err) && o.config.optional:
			leftOut[o.config.Use] = o.err.Error()
		case failed == nil:
			failed = usage(fmt.Errorf("opening tokenizer %q: %w", o.source.Name, o.err))
		}
	}
	if failed != nil {
		return nil, errors.Join(failed, closeTokenizers(out))
	}
	return out, nil
}

// specs are the tokenizers that an entry of a config file, or a flag, stands for.
func (c tokenizerConfig) specs(kinds []tokenizers.Kind) ([]tokenizers.Spec, error) {
	specs, err := tokenizers.ParseSpecs(c.Use, kinds)
	if err != nil {
		return nil, err
	}
	options := map[string][]string{}
	for key, v := range c.Options {
		if list, several := v.([]any); several {
			options[key] = []string{}
			for _, x := range list {
				options[key] = append(options[key], fmt.Sprint(x))
			}
		} else {
			options[key] = []string{fmt.Sprint(v)}
		}
	}
	var out []tokenizers.Spec
	for _, s := range specs {
		if c.Name != "" {
			s = s.Renamed(c.Name)
		}
		more, err := s.WithOptions(options)
		if err != nil {
			return nil, err
		}
		out = append(out, more...)
	}
	return out, nil
}

// names reports whether one of the tokenizers is called so; a text that cannot be
// read is left to [openTokenizers].
func (c *config) names(name string) bool {
	return slices.ContainsFunc(c.Tokenizers, func(t tokenizerConfig) bool {
		specs, err := t.specs(alltok.Kinds())
		return err == nil && slices.ContainsFunc(specs, func(s tokenizers.Spec) bool { return s.Name == name })
	})
}

func closeTokenizers(list []run.TokenizerSource) error {
	var errs []error
	for _, t := range list {
		if c, ok := t.Tokenizer.(io.Closer); ok {
			if err := c.Close(); err != nil {
				errs = append(errs, fmt.Errorf("closing tokenizer %q: %w", t.Name, err))
			}
		}
	}
	return errors.Join(errs...)
}

// closeTokenizers closes what was opened. One that does not leave when it is told to has
// given all its results before, so that is said and costs nothing.
func (a *app) closeTokenizers(list []run.TokenizerSource) {
	if err := closeTokenizers(list); err != nil {
		a.warnf("%v", err)
	}
}

// closeData closes data sets that keep files open or programs running. They were only read.
func (a *app) closeData(list []run.DatasetSource) {
	for _, d := range list {
		if c, ok := d.Data.(io.Closer); ok {
			if err := c.Close(); err != nil {
				a.warnf("closing data set %s: %v", d.Spec, err)
			}
		}
	}
}

// parseShard reads "2/8".
func parseShard(s string) (run.Shard, error) {
	if s == "" {
		return run.Shard{}, nil
	}
	var sh run.Shard
	var rest string
	n, _ := fmt.Sscanf(strings.TrimSpace(s)+" ", "%d/%d%s", &sh.Index, &sh.Count, &rest)
	if n != 2 || sh.Count < 1 || sh.Index < 1 || sh.Index > sh.Count {
		return run.Shard{}, usagef("--shard %s: want i/n with 1 ≤ i ≤ n, for example 2/8", s)
	}
	return sh, nil
}
