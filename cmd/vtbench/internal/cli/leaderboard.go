package cli

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/vtbench/vtbench/bench/compare"
	allmetrics "github.com/vtbench/vtbench/metrics/all"
	"github.com/vtbench/vtbench/metrics/stat"
	"github.com/vtbench/vtbench/reports/format"
	"github.com/vtbench/vtbench/reports/leaderboard"
	"github.com/vtbench/vtbench/reports/table"
)

type leaderboardFlags struct {
	output, format string
	published      []string
	options        compare.BoardOptions
}

func (a *app) leaderboardCommand() *cobra.Command {
	var f leaderboardFlags
	cmd := &cobra.Command{
		Use:   "leaderboard DIR…",
		Short: "Rank the tokenizers of many runs and baselines on one static site",
		Long: `Leaderboard searches folders for run directories and baseline files and writes a site
that opens from disk or from any web server: for each suite, data set and version of what
measures them a ranking by every headline metric, over the values that all ranked
tokenizers have, with coverage, the ranks that the data does not exclude, and the report
of every run one click away. What cannot be read is named and left out; the exit status
is 4 then.`,
		Example: `  vtbench leaderboard runs -o site
  vtbench leaderboard runs/mine baselines/main` + compare.BaselineSuffix + ` -o site --published none`,
		Args: takes(1, -1),
		RunE: func(cmd *cobra.Command, args []string) error { return a.leaderboard(cmd.Context(), args, &f) },
	}
	fl := cmd.Flags()
	fl.StringVarP(&f.output, "output", "o", "", "folder of the site (required): a new one, or one with a site in it")
	formatFlag(cmd, &f.format, "table", "json")
	boardFlags(cmd, &f.options, &f.published)
	return cmd
}

// boardFlags are the flags of whatever shows a leaderboard.
func boardFlags(cmd *cobra.Command, o *compare.BoardOptions, published *[]string) {
	fl := cmd.Flags()
	fl.Float64Var(&o.MinCoverage, "min-coverage", compare.DefaultMinCoverage, "share of the values without which a tokenizer has no rank")
	fl.IntVar(&o.Resamples, "resamples", stat.DefaultResamples, "bootstrap resamples behind intervals and ranks")
	fl.StringSliceVar(published, "published", []string{"all"}, "tables of others to show beside: all, none, or their ids")
}

// checkBoard says what is wrong with the flags of a leaderboard.
func checkBoard(o compare.BoardOptions, ids []string) ([]leaderboard.Published, error) {
	if !(o.MinCoverage > 0 && o.MinCoverage <= 1) {
		return nil, usagef("--min-coverage %g: want a share above 0, 1 at most", o.MinCoverage)
	}
	if o.Resamples < 99 {
		return nil, usagef("--resamples %d: want 99 or more", o.Resamples)
	}
	out, err := leaderboard.SelectPublished(ids)
	return out, usage(err)
}

func (a *app) leaderboard(ctx context.Context, roots []string, f *leaderboardFlags) error {
	if f.output == "" {
		return usagef("name the folder of the site with -o")
	}
	published, err := checkBoard(f.options, f.published)
	if err != nil {
		return err
	}
	site, err := leaderboard.Write(ctx, roots, f.output, leaderboard.Options{
		BoardOptions: f.options, Kinds: allmetrics.Kinds(), Published: published, Program: "vtbench " + version(),
		Log: func(line string) { a.logf("%s", line) },
	})
	if err != nil {
		if errors.Is(err, context.Canceled) {
			return err
		}
		return usage(err)
	}
	for _, s := range site.Collection.Skipped {
		a.warnf("%s", s)
	}
	for _, p := range site.Collection.Problems {
		a.warnf("%s is left out: %s", p.Name, p.Error)
	}
	if f.format == "json" {
		data, err := site.JSON()
		if err != nil {
			return err
		}
		if _, err := a.out.Write(data); err != nil {
			return err
		}
	} else if err := a.printBoards(site); err != nil {
		return err
	}
	a.logf("site: %s", site.Index)
	switch n := len(site.Collection.Problems); {
	case n > 0:
		return &statusError{ExitItemsFailed, fmt.Errorf("%s of %d could not be read and %s on the site", format.Count(n), n+len(site.Collection.Sources), map[bool]string{true: "is not", false: "are not"}[n == 1])}
	case site.Ranked() == 0:
		return &statusError{ExitItemsFailed, errors.New("nobody is ranked: no headline metric has a value that all have")}
	}
	return nil
}

// printBoards prints one line for each ranking: who leads it.
func (a *app) printBoards(site *leaderboard.Site) error {
	var rows [][]string
	for _, b := range site.Boards {
		var first []string
		ranked := 0
		value := ""
		for _, r := range b.Rows {
			if r.Rank > 0 {
				ranked++
			}
			if r.Rank == 1 {
				first = append(first, format.Line(r.Token.Name))
				value = format.For(b.Spec).Interval(float64(r.Value), float64(r.Lo), float64(r.Hi))
			}
		}
		switch more := len(first) - 1; {
		case more < 0:
			first = []string{""}
		case more > 0:
			first[0] += fmt.Sprintf(" and %s more", format.Count(more))
		}
		rows = append(rows, []string{
			format.Line(fmt.Sprintf("%s %d", b.Suite.ID, b.Suite.Version)), format.Line(b.Dataset.Name), b.Condition, b.Spec.Title + b.Better.Arrow(),
			first[0], value, format.Count(ranked), fmt.Sprintf("%d/%d", b.Common, b.Total),
		})
	}
	if len(rows) == 0 {
		return nil
	}
	return table.Simple(a.out, []string{"suite", "data set", "condition", "metric", "first", "value", "ranked", "common"}, rows)
}
