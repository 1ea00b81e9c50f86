package cli

import (
	"bufio"
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/vtbench/vtbench/bench/score"
	"github.com/vtbench/vtbench/bench/summary"
	"github.com/vtbench/vtbench/internal/files"
	"github.com/vtbench/vtbench/metrics"
	allmetrics "github.com/vtbench/vtbench/metrics/all"
	"github.com/vtbench/vtbench/metrics/quality"
	"github.com/vtbench/vtbench/metrics/stat"
	"github.com/vtbench/vtbench/pix"
	"github.com/vtbench/vtbench/reports/format"
	"github.com/vtbench/vtbench/reports/table"
)

type scoreFlags struct {
	metrics     []string
	format      string
	workers     int
	options     map[string]string
	seed        uint64
	orientation string
	output      string // of a page
	keep        string
	serve       bool
	recipe      string
	strict      bool
	cache       cacheFlags
}

func (a *app) scoreCommand() *cobra.Command {
	var f scoreFlags
	cmd := &cobra.Command{
		Use:   "score REF DIST, or score --recipe FILE [REF] DIST",
		Short: "Compute metrics on two images or two folders, without a tokenizer",
		Long: `Compute image metrics between a reference and a distorted image, or between two
folders whose files are matched by name (the extension may differ). Files without
a partner are reported and make the exit status 4. Metrics of sets (FID and its kin)
compare all images of one folder with all of the other, whatever their names, counts
and sizes.

With --recipe a file says under which conditions sets are compared (docs/rfid.md):
references, how many, crop, resize, network. What does not fit is refused. The features
of the references are kept in the cache, so that REF may be left out later. REF and DIST
may be any data set, such as imagenet:DIR.`,
		Example: `  vtbench score original.png decoded.png
  vtbench score original/ decoded/ --metrics psnr,ssim,gmsd --format csv
  vtbench score original/ decoded/ --metrics all --format json
  vtbench score original/ decoded/ --format html -o score/ --keep-images all
  vtbench score original/ decoded/ -m lpips-alex --option lpips-alex.model=lpips_alex.onnx
  vtbench score original/ decoded/ -m fid --option feature.model=inception.onnx --option feature.side=299
  vtbench score --recipe imagenet-256.yaml imagenet:imagenet/val decoded/`,
		Args: func(cmd *cobra.Command, args []string) error {
			switch {
			case f.serve:
				return noArgs(cmd, args)
			case f.recipe != "":
				return takes(1, 2)(cmd, args)
			}
			return takes(2, 2)(cmd, args)
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			switch {
			case f.serve && f.recipe != "":
				return usagef("--recipe and --serve exclude each other")
			case f.serve:
				return a.serveScores(cmd, &f)
			case f.recipe != "":
				return a.scoreRecipe(cmd, args, &f)
			}
			return a.score(cmd, args[0], args[1], &f)
		},
	}
	fl := cmd.Flags()
	fl.StringSliceVarP(&f.metrics, "metrics", "m", quality.Usual(), "metric ids, or all; those of sets (vtbench list metrics) need --option feature.model=FILE")
	formatFlag(cmd, &f.format, "table", "json", "csv", "html")
	fl.StringVarP(&f.output, "output", "o", "", "with --format html: directory of the page and its pictures")
	fl.StringVar(&f.keep, "keep-images", strconv.Itoa(shownPairs), "with --format html: pairs whose pictures are kept: all, worst (by the first metric), or how many")
	complete(cmd, "metrics", completeMetrics)
	fl.IntVarP(&f.workers, "jobs", "j", 0, "pairs scored at once (default: all cores)")
	fl.StringToStringVar(&f.options, "option", nil, "option of a metric: lpips-alex.model=FILE; repeatable")
	fl.Uint64Var(&f.seed, "seed", 1, "seed of the bootstrap")
	orientationFlag(cmd, &f.orientation)
	fl.BoolVar(&f.serve, "serve", false, "answer calls on standard input and output, as docs/python.md says; Python's vtbench.score uses it")
	fl.StringVar(&f.recipe, "recipe", "", "YAML file with the conditions under which sets are compared")
	fl.BoolVar(&f.strict, "strict", false, "refuse to score where a file has no partner, cannot be read, or is left out")
	f.cache.add(cmd)
	complete(cmd, "recipe", completeYAML)
	return cmd
}

func (a *app) score(cmd *cobra.Command, ref, dist string, f *scoreFlags) (err error) {
	ids, sets, err := scoredMetrics(f.metrics)
	if err != nil {
		return err
	}
	if len(ids) > 0 && len(sets) > 0 && f.format == "csv" {
		return usagef("csv has a line a pair, or a line a metric of sets: ask for %s alone, or for --format json", strings.Join(sets, ", "))
	}
	page, err := f.page(ids, sets)
	if err != nil {
		return err
	}
	reader := &score.Reader{}
	if reader.Decode, err = pix.ParseOrientation(f.orientation); err != nil {
		return usagef("--orientation: %w", err)
	}
	reader.Decode.MaxPixels = a.decode.MaxPixels
	sides, err := sidesOf(cmd.Context(), ref, dist)
	if err != nil {
		return usage(err)
	}
	for _, s := range sides {
		a.leftOut(s.path, s.l)
	}
	var pairs []score.Pair
	var unpaired []string
	if len(ids) > 0 {
		if pairs, unpaired, err = match(sides[0], sides[1]); err != nil {
			return usage(err)
		}
	}
	cfg := metrics.Config{Workers: f.workers, Options: f.options, Seed: f.seed}
	if cfg.Workers <= 0 {
		cfg.Workers = runtime.GOMAXPROCS(0)
	}
	if f.strict {
		if err := a.refuse(faultsOf(reader, sides, unpaired), "the images"); err != nil {
			return err
		}
	}
	opened, err := openMetrics(cmd.Context(), slices.Concat(ids, sets), nil, cfg)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, opened.close()) }()
	scores, err := score.Pairs(cmd.Context(), reader, pairs, opened.metrics, ids, cfg.Workers, summary.DefaultBootstrap, f.seed)
	if err != nil {
		return err
	}
	distances, err := scoreSets(cmd.Context(), reader, sides, opened.sets, sets, cfg)
	if err != nil {
		return err
	}
	switch f.format {
	case "json":
		err = a.scoreJSON(scores.Pairs, struct {
			Aggregate  map[string]score.Aggregate `json:"aggregate"`
			Sets       []score.SetScore           `json:"sets,omitempty"`
			Provenance map[string]string          `json:"provenance,omitempty"`
			// What is not in the numbers, and what was assumed in decoding.
			Reader   string                     `json:"reader"`
			Unpaired []string                   `json:"unpaired,omitempty"`
			LeftOut  map[string]files.Omissions `json:"left_out,omitempty"`
			Notes    []score.FileNote           `json:"notes,omitempty"`
		}{scores.Aggregate, distances, opened.provenance, reader.Decode.Reader(), unpaired, leftOutOf(sides), reader.Notes()})
	case "html":
		err = a.scorePage(cmd.Context(), scored{dirs: [2]string{ref, dist}, reader: reader, pairs: pairs, scores: &scores, ids: ids, provenance: opened.provenance, workers: cfg.Workers, seed: f.seed}, page)
	case "csv":
		if len(sets) > 0 {
			err = a.setsCSV(distances)
		} else {
			err = a.scoreCSV(&scores, ids)
		}
	default:
		if len(ids) > 0 {
			err = a.scoreTable(&scores, ids)
		}
		if err == nil && len(distances) > 0 {
			err = a.setsTable(distances, opened.provenance)
		}
	}
	if err != nil {
		return err
	}
	unmeasured := 0
	for _, s := range distances {
		if s.Error != "" {
			unmeasured++
			a.warnf("%s: %s", s.Metric, s.Error)
		}
		for _, w := range s.Warnings {
			a.warnf("%s: %s", s.Metric, w)
		}
	}
	for _, n := range reader.Notes() {
		a.warnf("%s (%d files, %s first)", n.Note, n.Files, n.First)
	}
	for _, name := range unpaired {
		a.warnf("%s has no partner and was not scored", name)
	}
	for p := range scores.Pairs.All() {
		if p.Error != "" {
			a.warnf("%s: %s", p.Name, p.Error)
		}
		for _, id := range slices.Sorted(maps.Keys(p.Errors)) {
			a.warnf("%s: %s: %s", p.Name, id, strings.TrimPrefix(p.Errors[id], id+": "))
		}
	}
	if n := scores.Pairs.Failed(); n > 0 || len(unpaired) > 0 {
		return &statusError{ExitItemsFailed, fmt.Errorf("done, but %d of %d pairs have errors and %d files have no partner", n, len(pairs), len(unpaired))}
	}
	if unmeasured > 0 {
		return &statusError{ExitItemsFailed, fmt.Errorf("done, but %d of %d metrics of the sets have no value", unmeasured, len(distances))}
	}
	return nil
}

// scoredMetrics tells metrics of two images from those of two sets.
func scoredMetrics(asked []string) (ids, sets []string, err error) {
	var images []string
	for _, id := range asked {
		s, ok := metrics.Find(allmetrics.Kinds(), strings.TrimSpace(id))
		switch {
		case !ok || s.Scope != metrics.PerSet:
			images = append(images, id)
		case !slices.Contains(sets, s.ID):
			sets = append(sets, s.ID)
		}
	}
	if len(images) > 0 || len(sets) == 0 {
		ids, err = imageMetrics(images)
	}
	return ids, sets, err
}

// scoreSets compares the images of two folders, or two images, as sets.
func scoreSets(ctx context.Context, reader *score.Reader, sides [2]side, opened []metrics.OpenedSets, wanted []string, cfg metrics.Config) ([]score.SetScore, error) {
	if len(wanted) == 0 {
		return nil, nil
	}
	var out []score.SetScore
	for _, by := range opened {
		scores, err := score.Sets(ctx, score.From(reader, sides[0].images()), score.From(reader, sides[1].images()), by, wanted, cfg)
		if err != nil {
			return nil, usage(err)
		}
		out = append(out, scores...)
	}
	return out, nil
}

// setsTable prints metrics of sets, and what they were made with.
func (a *app) setsTable(scores []score.SetScore, provenance map[string]string) error {
	specs := specsByID()
	var rows [][]string
	for _, s := range scores {
		value := strconv.FormatFloat(float64(s.Value), 'g', 6, 64) // there is no interval to say how many digits count
		if s.Error != "" {
			value = "error"
		}
		rows = append(rows, []string{s.Metric, specs[s.Metric].Unit, specs[s.Metric].Better.Arrow(), value, strconv.Itoa(s.ReferenceN), strconv.Itoa(s.N)})
	}
	if err := table.Simple(a.out, []string{"metric of sets", "unit", "better", "value", "references", "distorted"}, rows); err != nil {
		return err
	}
	for _, key := range slices.Sorted(maps.Keys(provenance)) {
		fmt.Fprintf(a.out, "%s: %s\n", key, provenance[key])
	}
	return nil
}

// imageMetrics resolves the --metrics flag; only metrics of two images qualify.
func imageMetrics(want []string) ([]string, error) {
	var image, optional, other []string
	for _, k := range allmetrics.Kinds() {
		for _, s := range k.Specs {
			switch {
			case k.Open == nil || s.Scope != metrics.PerImage || s.Labels:
				other = append(other, s.ID)
			case k.NeedsModel:
				optional = append(optional, s.ID)
			default:
				image = append(image, s.ID)
			}
		}
	}
	var ids []string
	for _, id := range want {
		switch id = strings.TrimSpace(id); {
		case id == "all":
			ids = append(ids, image...)
		case slices.Contains(other, id):
			return nil, usagef("metric %q does not compare two images; `vtbench run` computes it", id)
		default:
			ids = append(ids, id) // openMetrics knows what is unknown
		}
	}
	seen := map[string]bool{}
	ids = slices.DeleteFunc(ids, func(id string) bool {
		dup := seen[id]
		seen[id] = true
		return dup || id == ""
	})
	if len(ids) == 0 {
		return nil, usagef("--metrics is empty: name some of %s, or all", strings.Join(append(image, optional...), ", "))
	}
	return ids, nil
}

// shownPairs is how many pairs a table on a screen shows; CSV and JSON have all.
const shownPairs = 20

// scoreTable prints metrics as rows, so that any number of them fits 80 columns;
// several metrics of several pairs make one table of aggregates and one of pairs.
func (a *app) scoreTable(s *score.Scores, ids []string) error {
	specs := specsByID()
	var rows [][]string
	for _, id := range ids {
		st := format.For(specs[id])
		agg := s.Aggregate[id]
		row := []string{id, specs[id].Unit, specs[id].Better.Arrow()}
		if s.Pairs.Len() == 1 {
			p := s.Pairs.At(0)
			switch {
			case p.Notes[id] == "inf":
				row = append(row, "inf (identical)")
			case p.Error != "" || p.Errors[id] != "":
				row = append(row, "error")
			default:
				row = append(row, st.Number(float64(p.Metrics[id])))
			}
		} else {
			row = append(row, st.Interval(float64(agg.Mean), float64(agg.Lo), float64(agg.Hi)), strconv.Itoa(agg.N), dropped(agg.Dropped))
		}
		rows = append(rows, row)
	}
	header := []string{"metric", "unit", "better", "value"}
	if s.Pairs.Len() > 1 {
		header = []string{"metric", "unit", "better", "mean [95 %]", "n", "dropped"}
	}
	if err := table.Simple(a.out, header, rows); err != nil || s.Pairs.Len() == 1 {
		return err
	}
	few := func(id string) bool {
		return slices.Contains(s.Aggregate[id].Warnings, string(stat.WarnFewClusters))
	}
	if slices.ContainsFunc(ids, few) {
		fmt.Fprintf(a.out, "a mean of fewer than %d pairs: the interval is rough; of 2 to 5 it is too narrow\n", stat.FewClusters)
	}
	if len(ids) > 5 {
		fmt.Fprintf(a.out, "%d pairs; --format csv or json lists each\n", s.Pairs.Len())
		return nil
	}
	rows = nil
	for i := range min(s.Pairs.Len(), shownPairs) {
		p := s.Pairs.At(i)
		row := []string{format.Line(p.Name)}
		for _, id := range ids {
			cell := "error"
			if v, ok := p.Metrics[id]; ok {
				if cell = p.Notes[id]; cell == "" {
					cell = format.For(specs[id]).Number(float64(v))
				}
			}
			row = append(row, cell)
		}
		rows = append(rows, row)
	}
	if err := table.Simple(a.out, append([]string{"pair"}, ids...), rows); err != nil {
		return err
	}
	if n := s.Pairs.Len() - shownPairs; n > 0 {
		fmt.Fprintf(a.out, "… and %d more; --format csv or json lists all\n", n)
	}
	return nil
}

func dropped(m map[string]int) string {
	var parts []string
	for _, k := range slices.Sorted(maps.Keys(m)) {
		parts = append(parts, fmt.Sprintf("%d %s", m[k], k))
	}
	return strings.Join(parts, ", ")
}

func (a *app) setsCSV(sets []score.SetScore) error {
	w := csv.NewWriter(a.out)
	if err := w.Write([]string{"metric", "value", "references", "distorted", "error"}); err != nil {
		return err
	}
	for _, s := range sets {
		value := ""
		if s.Error == "" {
			value = strconv.FormatFloat(float64(s.Value), 'g', -1, 64)
		}
		if err := w.Write([]string{format.Cell(s.Metric), value, strconv.Itoa(s.ReferenceN), strconv.Itoa(s.N), format.Cell(s.Error)}); err != nil {
			return err
		}
	}
	w.Flush()
	return w.Error()
}

// scoreJSON writes the pairs, one by one since there may be very many, and what else
// there is to say, as one object.
func (a *app) scoreJSON(pairs *score.PairScores, rest any) error {
	var b bytes.Buffer
	indented := func(v any, prefix string) error {
		b.Reset()
		enc := json.NewEncoder(&b)
		enc.SetIndent(prefix, " ")
		enc.SetEscapeHTML(false)
		return enc.Encode(v)
	}
	out := bufio.NewWriter(a.out)
	open := "{\n \"pairs\": ["
	for p := range pairs.All() {
		if err := indented(p, "  "); err != nil {
			return err
		}
		fmt.Fprintf(out, "%s\n  %s", open, bytes.TrimSpace(b.Bytes())) // Flush has the error
		open = ","
	}
	if pairs.Len() == 0 {
		fmt.Fprint(out, open)
	}
	if err := indented(rest, ""); err != nil {
		return err
	}
	fmt.Fprintf(out, "\n ],%s", bytes.TrimPrefix(b.Bytes(), []byte("{")))
	return out.Flush()
}

func (a *app) scoreCSV(s *score.Scores, ids []string) error {
	w := csv.NewWriter(a.out)
	if err := w.Write(append(append([]string{"name"}, ids...), "error")); err != nil {
		return err
	}
	for p := range s.Pairs.All() {
		row := []string{format.Cell(p.Name)}
		for _, id := range ids {
			cell := ""
			if v, ok := p.Metrics[id]; ok {
				if cell = p.Notes[id]; cell == "" {
					cell = strconv.FormatFloat(float64(v), 'g', -1, 64)
				}
			}
			row = append(row, cell)
		}
		errs := []string{}
		if p.Error != "" {
			errs = append(errs, p.Error)
		}
		for _, id := range slices.Sorted(maps.Keys(p.Errors)) {
			errs = append(errs, id+": "+p.Errors[id])
		}
		if err := w.Write(append(row, format.Cell(strings.Join(errs, "; ")))); err != nil {
			return err
		}
	}
	w.Flush()
	return w.Error()
}
