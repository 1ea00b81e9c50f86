package cli

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"runtime"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/vtbench/vtbench/bench/cache"
	"github.com/vtbench/vtbench/bench/recipe"
	"github.com/vtbench/vtbench/bench/run"
	"github.com/vtbench/vtbench/bench/score"
	"github.com/vtbench/vtbench/bench/suite"
	"github.com/vtbench/vtbench/datasets"
	"github.com/vtbench/vtbench/datasets/folder"
	"github.com/vtbench/vtbench/datasets/video"
	"github.com/vtbench/vtbench/metrics"
	allmetrics "github.com/vtbench/vtbench/metrics/all"
	"github.com/vtbench/vtbench/pix"
)

// loadRecipe reads a recipe and puts options of the command line over where its files lie.
func loadRecipe(path string, options map[string]string) (*recipe.Recipe, error) {
	r, err := recipe.Load(path)
	if err != nil {
		return nil, usage(err)
	}
	if err := r.Check(allmetrics.Kinds()); err != nil {
		return nil, usage(err)
	}
	said := r.Options()
	for _, key := range slices.Sorted(maps.Keys(options)) {
		if v, ok := said[key]; ok && key != r.Prefix()+"model" && v != options[key] {
			return nil, usagef("--option %s=%s: recipe %s says %s", key, options[key], r.Name, v)
		}
		if strings.HasPrefix(key, r.Prefix()) && key != r.Prefix()+"model" && said[key] == "" {
			return nil, usagef("--option %s: recipe %s says what images are given to the network; put it there", key, r.Name)
		}
	}
	if m := options[r.Prefix()+"model"]; m != "" {
		r.Extractor.Model = m
	}
	return r, nil
}

// askRecipe makes the suite of a recipe, and refuses what would measure something else.
func (a *app) askRecipe(cmd *cobra.Command, f *runFlags, c *config) (suite.Suite, *recipe.Recipe, error) {
	var none suite.Suite
	given := func(flag string) bool { return cmd.Flags().Changed(flag) }
	if c.Suite != "" {
		return none, nil, usagef("--recipe is a suite of its own: leave out --suite, or ask for its metrics with -m +fid")
	}
	r, err := loadRecipe(f.recipe, c.Options)
	if err != nil {
		return none, nil, err
	}
	for _, flag := range []string{"limit", "full", "resolution", "window"} {
		if given(flag) {
			return none, nil, usagef("--%s: recipe %s says how many images there are, and how large", flag, r.Name)
		}
	}
	switch {
	case len(c.Data) > 1:
		return none, nil, usagef("--data: recipe %s is about one data set", r.Name)
	case len(c.Data) == 1: // where it is on this machine
		r.Reference.Dataset = c.Data[0]
	case r.Reference.Dataset == "":
		return none, nil, usagef("where are the references of recipe %s? name them with --data", r.Name)
	}
	if given("seed") && f.seed != r.Seed {
		return none, nil, usagef("--seed %d: recipe %s says %d", f.seed, r.Name, r.Seed)
	}
	c.Seed = &r.Seed
	s, err := r.Suite()
	return s, r, usage(err)
}

// references opens the references of a recipe, checked and prepared.
func (a *app) references(ctx context.Context, r *recipe.Recipe, spec string) (datasets.Dataset, func(), error) {
	d, err := a.openData(ctx, spec)
	if err != nil {
		return nil, nil, err
	}
	done := func() {
		if c, ok := d.(io.Closer); ok {
			_ = c.Close() // only read from
		}
	}
	p, err := r.Prepare(d)
	if err != nil {
		done()
		return nil, nil, err
	}
	return p, done, nil
}

// specOfPath is the data set that a path, or a spec, stands for.
func specOfPath(r *recipe.Recipe, path string) string {
	switch st, err := os.Stat(path); {
	case err != nil:
		return path
	case r.Window > 0:
		return video.Name + ":" + path
	case st.IsDir():
		return folder.Name + ":" + path
	}
	return path
}

// recipeScore is what `score --recipe --format json` prints.
type recipeScore struct {
	Recipe     string            `json:"recipe"`
	Digest     string            `json:"digest"`
	References string            `json:"references"` // "measured", "cached"
	Sets       []score.SetScore  `json:"sets"`
	Provenance map[string]string `json:"provenance"`
	Reader     string            `json:"reader"`
}

// scoreRecipe compares a set of images with the references of a recipe.
func (a *app) scoreRecipe(cmd *cobra.Command, args []string, f *scoreFlags) (err error) {
	ctx := cmd.Context()
	if cmd.Flags().Changed("metrics") || cmd.Flags().Changed("seed") {
		return usagef("--metrics and --seed stand in the recipe")
	}
	r, err := loadRecipe(f.recipe, f.options)
	if err != nil {
		return err
	}
	options := r.Options()
	maps.Copy(options, f.options)
	cfg := metrics.Config{Workers: f.workers, Options: options, Seed: r.Seed}
	if cfg.Workers <= 0 {
		cfg.Workers = runtime.GOMAXPROCS(0)
	}
	reader := &score.Reader{}
	if reader.Decode, err = pix.ParseOrientation(f.orientation); err != nil {
		return usagef("--orientation: %w", err)
	}
	reader.Decode.MaxPixels = a.decode.MaxPixels
	got, err := a.openData(ctx, specOfPath(r, args[len(args)-1]))
	if err != nil {
		return usage(err)
	}
	if c, ok := got.(io.Closer); ok {
		defer c.Close() //nolint:errcheck // only read from
	}
	source, err := sourceOf(r, got)
	if err != nil {
		return usage(err)
	}
	if n := len(source.Names); n != r.Reference.N {
		return usagef("recipe %s: reference.n is %d, %s has %d %s: %w", r.Name, r.Reference.N, args[len(args)-1], n, r.Things(), recipe.ErrMismatch)
	}
	if f.strict {
		all := run.Config{Datasets: []run.DatasetSource{{Spec: args[len(args)-1], Data: got}}, Full: true, Workers: cfg.Workers}
		faults, err := all.Faults(ctx)
		if err != nil {
			return err
		}
		if err := a.refuse(faults, "the images"); err != nil {
			return err
		}
	}
	opened, err := openMetrics(ctx, r.Metrics, nil, cfg)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, opened.close()) }()
	c, err := f.cache.open(a)
	if err != nil {
		return err
	}
	if c != nil {
		defer func() { a.kept(c) }()
	}
	out := recipeScore{Recipe: r.Name, Digest: r.Digest(), Provenance: opened.provenance, Reader: reader.Decode.Reader()}
	spec := r.Reference.Dataset
	if len(args) == 2 {
		spec = specOfPath(r, args[0])
	}
	for _, by := range opened.sets {
		ref, from, err := a.referenceSet(ctx, r, spec, by, cfg, c)
		if err != nil {
			return usage(err)
		}
		out.References = from
		scores, err := score.Against(ctx, ref, r.Reference.N, source, by, r.Metrics, cfg)
		if err != nil {
			return usage(err)
		}
		out.Sets = append(out.Sets, scores...)
	}
	return a.printRecipe(&out, f.format)
}

func (a *app) printRecipe(out *recipeScore, how string) error {
	var err error
	switch how {
	case "json":
		err = a.json(out)
	case "csv":
		err = a.setsCSV(out.Sets)
	default:
		fmt.Fprintf(a.out, "recipe %s, digest %.12s, references %s\n\n", out.Recipe, out.Digest, out.References)
		err = a.setsTable(out.Sets, out.Provenance)
	}
	if err != nil {
		return err
	}
	unmeasured := 0
	for _, s := range out.Sets {
		if s.Error != "" {
			unmeasured++
			a.warnf("%s: %s", s.Metric, s.Error)
		}
		for _, w := range s.Warnings {
			a.warnf("%s: %s", s.Metric, w)
		}
	}
	if unmeasured > 0 {
		return &statusError{ExitItemsFailed, fmt.Errorf("done, but %d of %d metrics of the sets have no value", unmeasured, len(out.Sets))}
	}
	return nil
}

// referenceSet is the references of a recipe, embedded: from the cache, or measured and kept
// there.
func (a *app) referenceSet(ctx context.Context, r *recipe.Recipe, spec string, by metrics.OpenedSets, cfg metrics.Config, c *cache.Cache) (metrics.Gathering, string, error) {
	stored, canStore := by.Sets.(metrics.StoredSets)
	key := referenceKey(r, by, a.decode)
	if c != nil && canStore {
		if b, ok := c.Get(cache.Values, key); ok {
			g, err := stored.Restore(b)
			if err == nil {
				return g, "cached", nil
			}
			a.warnf("references of recipe %s in the cache cannot be read and are measured again: %v", r.Name, err)
		}
	}
	if spec == "" {
		return nil, "", fmt.Errorf("where are the references of recipe %s? they are not in the cache: write score --recipe FILE REF DIST", r.Name)
	}
	d, done, err := a.references(ctx, r, spec)
	if err != nil {
		return nil, "", err
	}
	defer done()
	a.logf("embedding the %d references of recipe %s", r.Reference.N, r.Name)
	source, err := sourceOf(r, d)
	if err != nil {
		return nil, "", err
	}
	g, err := score.Gather(ctx, source, by, cfg)
	if err != nil {
		return nil, "", err
	}
	if c != nil && canStore {
		b, err := stored.Store(g)
		if err != nil {
			return nil, "", err
		}
		c.Put(cache.Values, key, b)
	}
	return g, "measured", nil
}

// referenceKey names the references of a recipe in the cache: by all that changes their
// features.
func referenceKey(r *recipe.Recipe, by metrics.OpenedSets, decode pix.Options) cache.Key {
	h := sha256.New()
	fmt.Fprintf(h, "references\x00%s\x00%s\x00", r.Digest(), decode.Reader())
	if p, ok := by.Embedder.(metrics.Provenance); ok {
		from := p.Provenance()
		for _, k := range slices.Sorted(maps.Keys(from)) {
			fmt.Fprintf(h, "%s=%s\x00", k, from[k])
		}
	}
	return cache.Key(h.Sum(nil))
}

// sourceOf is a data set as the images or windows that a recipe compares; a window is called
// by its first frame. Images of another size than the recipe's are refused.
func sourceOf(r *recipe.Recipe, d datasets.Dataset) (score.Source, error) {
	ids := d.IDs()
	load := func(ctx context.Context, i int) (pix.Image, error) {
		it, err := d.Load(ctx, i)
		if err == nil {
			err = r.Fits(it.Image)
		}
		if err != nil {
			return it.Image, fmt.Errorf("%s: %w", ids[i], err)
		}
		return it.Image, nil
	}
	if r.Window == 0 {
		return score.Source{Names: ids, Load: load}, nil
	}
	var s score.Source
	windows, err := r.Windows(d)
	for _, w := range windows {
		s.Names = append(s.Names, ids[w.Item])
	}
	s.Window = func(ctx context.Context, i int) (pix.Clip, error) {
		c := pix.Clip{Start: windows[i].Frame}
		for k := range r.Window {
			m, err := load(ctx, windows[i].Item+k)
			if err != nil {
				return c, err
			}
			c.Frames = append(c.Frames, m)
		}
		return c, nil
	}
	return s, err
}

// byRecipe puts the references of a recipe in the place of a data set.
func byRecipe(r *recipe.Recipe, src *run.DatasetSource) error {
	if r == nil {
		return nil
	}
	p, err := r.Prepare(src.Data)
	if err != nil {
		return usage(err)
	}
	src.Data = p
	return nil
}
