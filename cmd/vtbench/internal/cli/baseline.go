package cli

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/vtbench/vtbench/bench/compare"
	"github.com/vtbench/vtbench/internal/suggest"
	"github.com/vtbench/vtbench/metrics"
	allmetrics "github.com/vtbench/vtbench/metrics/all"
	"github.com/vtbench/vtbench/reports/format"
	"github.com/vtbench/vtbench/reports/table"
)

func (a *app) baselineCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "baseline save|list|show|import",
		Short: "Keep results in small checksummed files that a repository can hold",
		Long: `A baseline file holds every value of a run, without images and without the text
that was read, so that ` + "`vtbench compare`" + ` can pair a later run with it. Equal results
give equal bytes; a file that was changed is refused.`,
	}
	cmd.AddCommand(a.baselineSave(), a.baselineList(), a.baselineShow(), a.baselineImport())
	return cmd
}

func (a *app) baselineSave() *cobra.Command {
	var output, as string
	var only []string
	var opts compare.SaveOptions
	cmd := &cobra.Command{
		Use:   "save RUN[#TOKENIZER]",
		Short: "Make a baseline file of a run",
		Example: `  vtbench baseline save runs/main -o baselines/main` + compare.BaselineSuffix + `
  vtbench baseline save 'runs/main#vq:patch=8,k=1024'`,
		Args: takes(1, 1),
		RunE: func(_ *cobra.Command, args []string) error {
			s := compare.ParseSelection(args[0])
			r, err := compare.Load(s.Path, compare.LoadOptions{Kinds: allmetrics.Kinds()})
			if err != nil {
				return usage(err)
			}
			if s.Tokenizer != "" {
				only = append(only, s.Tokenizer)
			}
			if opts.Tokenizers, err = keepTokenizers(r, only); err != nil {
				return err
			}
			if output == "" {
				output = strings.TrimSuffix(filepath.Base(filepath.Clean(s.Path)), compare.BaselineSuffix) + compare.BaselineSuffix
			}
			return a.saveBaseline(r, output, as, opts)
		},
	}
	cmd.Flags().StringVarP(&output, "output", "o", "", "file to write (default: the run's name + "+compare.BaselineSuffix+")")
	formatFlag(cmd, &as, "table", "json")
	cmd.Flags().StringArrayVarP(&only, "tokenizer", "t", nil, "only this tokenizer, or all of this kind, and the upper bounds; repeatable (default: all)")
	cmd.Flags().StringSliceVarP(&opts.Metrics, "metrics", "m", nil, "only these metrics; patterns allowed (default: all)")
	return cmd
}

// keepTokenizers keeps the selected tokenizers or kinds, and the upper bounds, which
// show whether two harnesses measure alike.
func keepTokenizers(r *compare.Results, selected []string) (func(compare.TokenID) bool, error) {
	if len(selected) == 0 {
		return nil, nil
	}
	is := func(t compare.TokenID, s string) bool { return t.Name == s || t.Family() == s }
	for _, s := range selected {
		if !slices.ContainsFunc(r.Tokens, func(t compare.TokenID) bool { return is(t, s) }) {
			var names []string
			for _, t := range r.Tokens {
				names = append(names, t.Name)
			}
			return nil, usagef("%s has no tokenizer %q%s; there are %s", r.Name, s, suggest.Hint(s, names), strings.Join(names, ", "))
		}
	}
	return func(t compare.TokenID) bool {
		return t.Reference || slices.ContainsFunc(selected, func(s string) bool { return is(t, s) })
	}, nil
}

func (a *app) saveBaseline(r *compare.Results, path, as string, o compare.SaveOptions) error {
	if !strings.HasSuffix(path, compare.BaselineSuffix) {
		return usagef("%s: baseline files end in %s", path, compare.BaselineSuffix)
	}
	if r.Partial {
		a.warnf("%s was interrupted: the baseline holds what is there, and comparisons will count the rest as new", r.Name)
	}
	if n := len(r.Failures); n > 0 {
		a.warnf("%s failed in %s; they stay failures in the baseline", format.Plural(n, "value", "values"), r.Name)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		return usagef("writing baseline: %w", err)
	}
	if err := r.Save(path, o); err != nil {
		return usage(err)
	}
	st, err := os.Stat(path)
	if err != nil {
		return err
	}
	saved, err := compare.Load(path, compare.LoadOptions{}) // what was written can be read
	if err != nil {
		return err
	}
	if as == "json" {
		return a.json(entryOf(path, saved))
	}
	_, err = fmt.Fprintf(a.out, "%s: %s of %s on %s, %s\n", path, format.Plural(saved.Values(), "value", "values"),
		format.Plural(len(saved.Tokens), "tokenizer", "tokenizers"), format.Plural(saved.Items(), "image", "images"), format.Bytes(st.Size()))
	return err
}

// baselineEntry is one file of a list.
type baselineEntry struct {
	File       string            `json:"file"`
	Error      string            `json:"error,omitempty"`
	Source     compare.Source    `json:"source,omitempty"`
	Suite      compare.SuiteID   `json:"suite"`
	Tokenizers []compare.TokenID `json:"tokenizers,omitempty"`
	Items      int               `json:"items"`
	Values     int               `json:"values"`
	Made       string            `json:"made,omitempty"`
}

func entryOf(file string, r *compare.Results) baselineEntry {
	return baselineEntry{File: file, Source: r.Source, Suite: r.Suite, Tokenizers: r.Tokens, Items: r.Items(), Values: r.Values(), Made: r.Made}
}

func (a *app) baselineList() *cobra.Command {
	var as string
	cmd := &cobra.Command{
		Use:   "list [DIR|FILE…]",
		Short: "List the baseline files below folders",
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				args = []string{"."}
			}
			var files []string
			for _, root := range args {
				err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
					if err == nil && !d.IsDir() && strings.HasSuffix(path, compare.BaselineSuffix) {
						files = append(files, path)
					}
					return err
				})
				if err != nil {
					return usagef("listing baselines: %w", err)
				}
			}
			return a.listBaselines(files, as)
		},
	}
	formatFlag(cmd, &as, "table", "json")
	return cmd
}

// listBaselines reads every file: a damaged one is listed as such, and is an error.
func (a *app) listBaselines(files []string, as string) error {
	list := []baselineEntry{}
	var damaged []string
	for _, f := range files {
		r, err := compare.Load(f, compare.LoadOptions{})
		if err != nil {
			damaged = append(damaged, err.Error())
			list = append(list, baselineEntry{File: f, Error: err.Error()})
			continue
		}
		list = append(list, entryOf(f, r))
	}
	if as == "json" {
		if err := a.json(list); err != nil {
			return err
		}
	} else {
		var rows [][]string
		for _, e := range list {
			if e.Error != "" {
				rows = append(rows, []string{format.Line(e.File), "damaged", "", "", "", ""})
				continue
			}
			rows = append(rows, []string{
				format.Line(e.File), fmt.Sprintf("%s %d", format.Line(e.Suite.ID), e.Suite.Version), format.Count(len(e.Tokenizers)),
				format.Count(e.Items), format.Count(e.Values), madeOrSource(e.Made, e.Source),
			})
		}
		if len(rows) == 0 {
			a.logf("no file ends in %s", compare.BaselineSuffix)
		} else if err := table.Simple(a.out, []string{"file", "suite", "tokenizers", "images", "values", "made"}, rows); err != nil {
			return err
		}
	}
	if len(damaged) > 0 {
		return usagef("%s", strings.Join(damaged, "\n"))
	}
	return nil
}

func madeOrSource(made string, s compare.Source) string {
	if s == compare.Imported {
		return "imported"
	}
	day, _, _ := strings.Cut(made, "T")
	return day
}

func (a *app) baselineShow() *cobra.Command {
	var as string
	cmd := &cobra.Command{
		Use:   "show FILE",
		Short: "Show what a baseline file holds: versions, digests, tokenizers, means",
		Args:  takes(1, 1),
		RunE: func(_ *cobra.Command, args []string) error {
			r, err := compare.Load(args[0], compare.LoadOptions{Kinds: allmetrics.Kinds()})
			if err != nil {
				return usage(err)
			}
			if as == "json" {
				return a.json(struct {
					compare.Header
					Items  int            `json:"items"`
					Values int            `json:"values"`
					Means  []compare.Mean `json:"means"`
				}{r.Header, r.Items(), r.Values(), r.Means()})
			}
			return a.showBaseline(r)
		},
	}
	formatFlag(cmd, &as, "table", "json")
	return cmd
}

func (a *app) showBaseline(r *compare.Results) error {
	var b strings.Builder
	p := func(layout string, args ...any) { fmt.Fprintf(&b, layout+"\n", args...) }
	p("%s: %s", format.Line(r.Name), r.Source)
	if r.Origin != "" {
		p("origin    %s", format.Line(r.Origin))
	}
	if r.Made != "" {
		p("made      %s by %s", format.Line(r.Made), format.Line(r.Program))
	}
	p("suite     %s %d %s", format.Line(r.Suite.ID), r.Suite.Version, shortDigest(r.Suite.Digest))
	for _, d := range r.Datasets {
		p("data set  %s %d %s, %s", format.Line(d.Name), d.Version, shortDigest(d.Digest), format.Plural(d.Items, "image", "images"))
	}
	for _, kv := range r.Software {
		p("software  %s %s", format.Line(kv.Key), format.Line(kv.Value))
	}
	for _, t := range r.Tokens {
		p("tokenizer %s %s %s", format.Line(t.Name), format.Line(t.Version), shortDigest(t.Weights))
	}
	for _, s := range r.Metrics {
		p("metric    %s, version %d", format.Line(s.ID), s.Version)
	}
	p("values    %s, %s failed", format.Count(r.Values()), format.Count(len(r.Failures)))
	if means := r.Means(); len(means) > 0 {
		p("")
		var rows [][]string
		for _, m := range means {
			spec, _ := r.Spec(m.Metric)
			rows = append(rows, []string{format.Line(m.Tokenizer), format.Line(m.Dataset), m.Condition, spec.Title, format.For(spec).With(float64(m.Value)), format.Count(m.N)})
		}
		if err := table.Simple(&b, []string{"tokenizer", "data set", "condition", "metric", "mean", "n"}, rows); err != nil {
			return err
		}
	}
	_, err := fmt.Fprint(a.out, b.String())
	return err
}

func shortDigest(s string) string { return s[:min(12, len(s))] }

type importFlags struct {
	output   string
	format   string
	opts     compare.ImportOptions
	better   []string
	bins     []string
	headline []string
}

func (a *app) baselineImport() *cobra.Command {
	var f importFlags
	cmd := &cobra.Command{
		Use:   "import tokbench|csv FILE…",
		Short: "Make a baseline file of results that others published",
		Long: `Import reads the per-instance JSON files that TokBench publishes (one a set; they
are pooled, as in its tables), or CSV with one value a line and a header: item,
metric and value are required; tokenizer, dataset, instance, condition, bin,
cluster and n are optional. Imported results are marked as such everywhere.`,
		Example: `  vtbench baseline import tokbench output/ic13.json output/ic15.json -o tokbench` + compare.BaselineSuffix + ` \
      --origin https://github.com/wjf5203/TokBench
  vtbench baseline import csv theirs.csv -o theirs` + compare.BaselineSuffix + ` --better sharpness=higher`,
		Args: takes(2, -1),
		RunE: func(_ *cobra.Command, args []string) error { return a.importBaseline(&f, args[0], args[1:]) },
	}
	fl := cmd.Flags()
	fl.StringVarP(&f.output, "output", "o", "", "file to write (required)")
	formatFlag(cmd, &f.format, "table", "json")
	fl.StringVar(&f.opts.Origin, "origin", "", "where the results were published")
	fl.StringVar(&f.opts.Dataset, "dataset", "", "name of the data set (CSV: where there is no column)")
	fl.StringVar(&f.opts.Suite, "suite", "", "name of the suite")
	fl.StringVar(&f.opts.Tokenizer, "tokenizer", "", "CSV: whose values these are, where there is no column")
	fl.StringVar(&f.opts.Condition, "condition", "", "CSV: condition such as clean@256, where there is no column")
	fl.StringSliceVar(&f.bins, "bins", nil, "CSV: scale bins from small to large")
	fl.StringSliceVar(&f.headline, "headline", nil, "CSV: metrics that decide (default: all)")
	fl.StringArrayVar(&f.better, "better", nil, "CSV: which end of a metric is better: METRIC=higher|lower|neither; repeatable")
	return cmd
}

func (a *app) importBaseline(f *importFlags, kind string, files []string) error {
	if f.output == "" {
		return usagef("name the file to write with -o")
	}
	specs, err := importSpecs(f.better)
	if err != nil {
		return err
	}
	f.opts.Specs, f.opts.Bins, f.opts.Headline = specs, f.bins, f.headline
	var r *compare.Results
	switch kind {
	case "tokbench":
		r, err = compare.ImportTokBench(files, f.opts)
	case "csv":
		if len(files) > 1 {
			return usagef("csv takes one file, not %d", len(files))
		}
		r, err = compare.ImportCSV(files[0], f.opts)
	default:
		return usagef("cannot import %q%s; want tokbench or csv", kind, suggest.Hint(kind, []string{"tokbench", "csv"}))
	}
	if err != nil {
		return usage(err)
	}
	return a.saveBaseline(r, f.output, f.format, compare.SaveOptions{})
}

// importSpecs finds metrics of imports: those of --better first, then ours.
func importSpecs(better []string) (func(string) (metrics.Spec, bool), error) {
	said := map[string]metrics.Direction{}
	for _, s := range better {
		id, d, _ := strings.Cut(s, "=")
		switch metrics.Direction(d) {
		case metrics.Higher, metrics.Lower, metrics.Neither:
			said[id] = metrics.Direction(d)
		default:
			return nil, usagef("--better %q: want METRIC=higher, METRIC=lower or METRIC=neither", s)
		}
	}
	return func(name string) (metrics.Spec, bool) {
		if d, ok := said[name]; ok {
			return metrics.Spec{ID: name, Better: d, Min: metrics.Unbounded(-1), Max: metrics.Unbounded(1)}, true
		}
		for _, s := range specs() {
			if s.ID == name || s.Alias != "" && s.Alias == name {
				return s, true
			}
		}
		return metrics.Spec{}, false
	}, nil
}
