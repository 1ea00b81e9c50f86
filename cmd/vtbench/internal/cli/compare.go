package cli

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/vtbench/vtbench/bench/compare"
	"github.com/vtbench/vtbench/internal/files"
	"github.com/vtbench/vtbench/internal/suggest"
	"github.com/vtbench/vtbench/internal/wholefile"
	allmetrics "github.com/vtbench/vtbench/metrics/all"
	compared "github.com/vtbench/vtbench/reports/compare"
)

type compareFlags struct {
	gates, output, format, from string
	initGates, skew, all        bool
	extra, margins, metrics     []string
	alpha, power                float64
	resamples                   int
	seed                        uint64
	test                        string
	key, commit, full           string
	baseImages, candImages      string
}

func (a *app) compareCommand() *cobra.Command {
	var f compareFlags
	cmd := &cobra.Command{
		Use:   "compare BASE CANDIDATE [BASE…]",
		Short: "Say whether a tokenizer is better or worse than another, image by image",
		Long: `Compare pairs the values of two results, item by item and word by word, and says
for each metric whether the candidate is better, worse, equivalent, or whether
nothing was shown, and what could have been.

BASE and CANDIDATE are run directories or files of ` + "`vtbench baseline`" + `; RUN#TOKENIZER
selects a tokenizer, RUN#KIND all of a kind. More baselines may follow.

Exit status 3 means that a gate failed, 4 that there was nothing to compare. --from
only writes a stored comparison again and does not judge it.`,
		Example: `  vtbench compare runs/main runs/pr
  vtbench compare 'runs/a#vq:patch=8,k=256' 'runs/a#vq:patch=8,k=1024'
  vtbench compare --init-gates runs/main -o gates.yaml
  vtbench compare main.vtbench.json.gz runs/pr --gates gates.yaml --format json -o compare.json \
      --also markdown=comment.md --also junit=junit.xml
  vtbench compare --from compare.json --format github`,
		RunE: func(cmd *cobra.Command, args []string) error { return a.compare(cmd, &f, args) },
	}
	fl := cmd.Flags()
	fl.StringVarP(&f.gates, "gates", "g", "", "YAML file that says what a change may cost; exit 3 where it costs more")
	fl.BoolVar(&f.initGates, "init-gates", false, "write a commented gates file for one run instead of comparing")
	fl.StringVarP(&f.format, "format", "f", compared.FormatTable, "table, markdown (a comment), html (a page), summary (a CI job's page), json, junit or github (annotations)")
	fl.StringVarP(&f.output, "output", "o", "", "file to write instead of stdout")
	complete(cmd, "format", cobra.FixedCompletions(append(compared.Formats(), "github"), cobra.ShellCompDirectiveNoFileComp))
	fl.StringArrayVar(&f.extra, "also", nil, "write another format as well: FORMAT=FILE; repeatable")
	fl.StringVar(&f.from, "from", "", "write a comparison stored with --format json again, without its data")
	fl.BoolVar(&f.skew, "allow-version-skew", false, "compare what has different versions or digests; every output names them")
	fl.BoolVar(&f.all, "all", false, "every row in the table, not only what decides and what differs")
	fl.StringArrayVar(&f.margins, "margin", nil, "smallest difference that matters: METRIC=0.01 or METRIC=2%; repeatable, patterns allowed")
	fl.StringSliceVarP(&f.metrics, "metrics", "m", nil, "only these metrics; patterns allowed")
	fl.Float64Var(&f.alpha, "alpha", 0, "level of a verdict, after correction for the number of rows (default 0.05, or that of the gates)")
	fl.Float64Var(&f.power, "power", 0.8, "chance with which the detectable difference would be found")
	fl.StringVar(&f.test, "test", string(compare.SignFlip), "sign-flip (of means) or wilcoxon (of ranks)")
	fl.IntVar(&f.resamples, "resamples", 0, "bootstrap resamples and random sign flips (default 9999)")
	fl.Uint64Var(&f.seed, "seed", 1, "seed of resamples and flips")
	fl.StringVar(&f.key, "key", "", "tells the comments of several comparisons under one pull request apart")
	fl.StringVar(&f.commit, "commit", "", "commit that was measured, for the comment")
	fl.StringVar(&f.full, "full", "", "where the full results are, for the note under a shortened comment")
	fl.StringVar(&f.baseImages, "baseline-images", "", "path or https address of the baseline's run directory, for pictures (default: relative to -o)")
	fl.StringVar(&f.candImages, "candidate-images", "", "path or https address of the candidate's run directory, for pictures (default: relative to -o)")
	complete(cmd, "metrics", completeMetrics)
	complete(cmd, "gates", completeYAML)
	return cmd
}

// compareFormat resolves the name of a format.
func compareFormat(name string) (string, error) {
	if name == "github" {
		return compared.FormatAnnotations, nil
	}
	if !compared.Known(name) {
		known := append(compared.Formats(), "github")
		return "", usagef("format %q%s; want %s", name, suggest.Hint(name, known), strings.Join(known, ", "))
	}
	return name, nil
}

// sink is one thing to write: a format into a file, or on stdout where there is none.
type sink struct{ format, path string }

func (f *compareFlags) sinks() ([]sink, error) {
	format, err := compareFormat(f.format)
	if err != nil {
		return nil, err
	}
	out := []sink{{format, f.output}}
	for _, s := range f.extra {
		name, path, ok := strings.Cut(s, "=")
		if !ok || path == "" {
			return nil, usagef("--also %q: want FORMAT=FILE, for example markdown=comment.md", s)
		}
		if name, err = compareFormat(name); err != nil {
			return nil, err
		}
		out = append(out, sink{name, path})
	}
	return out, nil
}

func (a *app) compare(cmd *cobra.Command, f *compareFlags, args []string) error {
	sinks, err := f.sinks()
	if err != nil {
		return err
	}
	switch {
	case f.initGates && (f.from != "" || f.gates != "" || len(f.extra) > 0):
		return usagef("--init-gates writes a gates file and nothing else: leave out --from, --gates and --also")
	case f.initGates:
		if len(args) != 1 {
			return usagef("--init-gates takes one run or baseline file, not %d", len(args))
		}
		return a.initGates(args[0], f.output)
	case f.from != "":
		if len(args) > 0 || f.gates != "" {
			return usagef("--from writes a stored comparison again: leave out runs and --gates")
		}
		r, err := readComparison(f.from)
		if err != nil {
			return usage(err)
		}
		return a.writeComparison(r, f, sinks, compared.Options{})
	case len(args) < 2:
		return usagef("compare what with what? want BASE CANDIDATE; `%s --help` shows how it is used", cmd.CommandPath())
	}
	return a.compareSides(f, args, sinks)
}

func readComparison(name string) (*compare.Report, error) {
	file, err := files.Open(name)
	if err != nil {
		return nil, fmt.Errorf("reading a comparison: %w", err)
	}
	defer file.Close()
	r, err := compared.ReadJSON(file)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return r, nil
}

func (a *app) compareSides(f *compareFlags, args []string, sinks []sink) error {
	opts := compare.Options{
		Alpha: f.alpha, Power: f.power, Resamples: f.resamples, Seed: f.seed, Test: compare.Test(f.test),
		Metrics: f.metrics, AllowVersionSkew: f.skew, Program: "vtbench " + version(),
	}
	for _, s := range f.margins {
		m, err := compare.ParseMargin(s)
		if err != nil {
			return usagef("--margin: %w", err)
		}
		opts.Margins = append(opts.Margins, m)
	}
	var gates *compare.GateFile
	if f.gates != "" {
		var err error
		if gates, err = compare.LoadGates(f.gates); err != nil {
			return usage(err)
		}
		if opts, err = gates.Apply(opts); err != nil {
			return usage(err)
		}
	}
	loaded := map[string]*compare.Results{} // a run named twice is read once
	var sides []compare.Side
	for _, arg := range args {
		s := compare.ParseSelection(arg)
		path := filepath.Clean(s.Path)
		if loaded[path] == nil {
			r, err := compare.Load(path, compare.LoadOptions{Kinds: allmetrics.Kinds()})
			if err != nil {
				return usage(err)
			}
			loaded[path] = r
		}
		sides = append(sides, compare.Side{Results: loaded[path], Tokenizer: s.Tokenizer})
	}
	candidate := sides[1]
	baselines := append([]compare.Side{sides[0]}, sides[2:]...)
	report, err := compare.Compare(baselines, candidate, opts)
	if errors.Is(err, compare.ErrNothing) && len(f.metrics) == 0 {
		return &statusError{ExitItemsFailed, err}
	}
	if err != nil {
		return usage(err)
	}
	if gates != nil {
		report.Gate(f.gates, gates)
	}
	if err := a.writeComparison(report, f, sinks, compared.Options{BaselineImages: baselines[0].Results.Dir, CandidateImages: candidate.Results.Dir}); err != nil {
		return err
	}
	if report.Gates.Failed() {
		return &statusError{ExitGate, fmt.Errorf("gates of %s failed: %d errors", f.gates, report.Gates.Errors)}
	}
	switch {
	case !report.Compared():
		return &statusError{ExitItemsFailed, errors.New("nothing was compared; the report says why")}
	case !decided(report) && len(report.Curves) == 0 && len(report.Fronts) == 0 && len(f.metrics) == 0 && len(candidate.Results.Headline) > 0:
		return &statusError{ExitItemsFailed, errors.New("done, but no headline metric has a value on both sides: whether the candidate is better or worse was not measured")}
	}
	return nil
}

// decided reports whether a row that decides has a difference.
func decided(r *compare.Report) bool {
	return slices.ContainsFunc(r.Headline(), func(x compare.Row) bool { return !math.IsNaN(float64(x.Delta)) })
}

// writeComparison writes a report everywhere it was asked for. Links to pictures
// are relative to the file that holds them.
func (a *app) writeComparison(r *compare.Report, f *compareFlags, sinks []sink, base compared.Options) error {
	for _, s := range sinks {
		o := base
		o.All, o.Key, o.Commit, o.Full = f.all, f.key, f.commit, f.full
		for _, link := range []struct {
			to       *string
			override string
		}{{&o.BaselineImages, f.baseImages}, {&o.CandidateImages, f.candImages}} {
			*link.to = relativeTo(s.path, *link.to)
			if link.override != "" {
				*link.to = link.override
			}
		}
		if s.path == "" {
			if terminal(a.out) {
				o.Colour = os.Getenv("NO_COLOR") == ""
				if w, _, err := term.GetSize(int(os.Stdout.Fd())); err == nil {
					o.Width = w
				}
			}
			if err := compared.Write(a.out, s.format, r, o); err != nil {
				return err
			}
			continue
		}
		if err := writeWhole(s.path, func(w io.Writer) error { return compared.Write(w, s.format, r, o) }); err != nil {
			return err
		}
		a.logf("%s: %s", s.format, s.path)
	}
	return nil
}

// relativeTo is the way from the folder of a file to a directory, or the directory
// as it is where there is no such way.
func relativeTo(file, dir string) string {
	if dir == "" || file == "" {
		return filepath.ToSlash(dir)
	}
	from, err1 := filepath.Abs(filepath.Dir(file))
	to, err2 := filepath.Abs(dir)
	if rel, err := filepath.Rel(from, to); err1 == nil && err2 == nil && err == nil {
		return filepath.ToSlash(rel)
	}
	return filepath.ToSlash(dir)
}

// writeWhole writes a file whole or not at all.
func writeWhole(path string, write func(io.Writer) error) error {
	var buf bytes.Buffer
	if err := write(&buf); err != nil {
		return err
	}
	if err := wholefile.Write(path, buf.Bytes()); err != nil {
		return usage(err)
	}
	return nil
}

// initGates writes a gates file for a run; it never replaces one, which may have
// been edited by hand.
func (a *app) initGates(arg, output string) error {
	r, err := compare.Load(compare.ParseSelection(arg).Path, compare.LoadOptions{Kinds: allmetrics.Kinds()})
	if err != nil {
		return usage(err)
	}
	text := compare.InitGates(&r.Header)
	if output == "" {
		_, err := io.WriteString(a.out, text)
		return err
	}
	if _, err := os.Stat(output); !errors.Is(err, fs.ErrNotExist) {
		return usagef("%s exists: name another file, or remove it", output)
	}
	if err := writeWhole(output, func(w io.Writer) error { _, err := io.WriteString(w, text); return err }); err != nil {
		return err
	}
	a.logf("gates: %s", output)
	return nil
}
