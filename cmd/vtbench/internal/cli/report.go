package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/vtbench/vtbench/bench/summary"
	allmetrics "github.com/vtbench/vtbench/metrics/all"
	"github.com/vtbench/vtbench/reports"
	"github.com/vtbench/vtbench/reports/modelindex"
	"github.com/vtbench/vtbench/reports/table"
)

// formatModelIndex is the evaluation results of a Hugging Face model card.
const formatModelIndex = "model-index"

type reportOptions struct{ singleFile, figures bool }

// reported is one run as `report --format json` prints it.
type reported struct {
	Run      string           `json:"run"` // its directory
	Complete bool             `json:"complete"`
	Summary  *summary.Summary `json:"summary"`
}

func (a *app) reportCommand() *cobra.Command {
	var output, format, tokenizer string
	var opts reportOptions
	cmd := &cobra.Command{
		Use:   "report RUN…",
		Short: "Rebuild the reports of a run, or join several runs in one report",
		Example: `  vtbench report runs/text-20260101-120000
  vtbench report runs/mine runs/baselines -o joined --single-file
  vtbench report runs/mine --figures
  vtbench report runs/mine --format model-index --tokenizer mine`,
		Args: takes(1, -1),
		RunE: func(cmd *cobra.Command, args []string) error {
			var runs []*summary.Run
			for _, dir := range args {
				r, err := summary.Open(dir, allmetrics.Kinds())
				if err != nil {
					return usage(err)
				}
				if !r.Complete {
					a.warnf("%s was interrupted; the report shows what is there", dir)
				}
				for _, what := range r.Damaged {
					a.warnf("%s/%s", dir, what)
				}
				runs = append(runs, r)
			}
			if tokenizer != "" && format != formatModelIndex {
				return usagef("--tokenizer is of --format %s", formatModelIndex)
			}
			if format == formatModelIndex { // nothing to look at: no report is rebuilt
				if len(runs) > 1 || output != "" {
					return usagef("--format %s writes one run on stdout: leave out -o", formatModelIndex)
				}
				return usage(modelindex.Write(a.out, runs[0], tokenizer))
			}
			dir := output
			if dir == "" {
				if len(runs) > 1 {
					return usagef("several runs: name the directory of the joined report with -o")
				}
				dir = args[0]
			}
			if err := a.report(cmd.Context(), runs, dir, opts); err != nil {
				return err
			}
			if format == "json" {
				list := []reported{}
				for i, r := range runs {
					list = append(list, reported{args[i], r.Complete, &r.Summary})
				}
				return a.json(list)
			}
			for _, r := range runs {
				if err := a.printTable(r); err != nil {
					return err
				}
			}
			return nil
		},
	}
	cmd.Flags().StringVarP(&output, "output", "o", "", "directory of the report (default: the run's own)")
	formatFlag(cmd, &format, "table", "json", formatModelIndex)
	cmd.Flags().StringVar(&tokenizer, "tokenizer", "", "with --format "+formatModelIndex+": the tokenizer of the card (default: all but upper bounds)")
	cmd.Flags().BoolVar(&opts.singleFile, "single-file", false, "put all pictures into report.html")
	cmd.Flags().BoolVar(&opts.figures, "figures", false, "write figures/ too: plots as PNG and SVG, tables as LaTeX, Markdown and CSV, with marks for tokenizers that do not differ")
	return cmd
}

// report writes the reports of runs into dir and says where they are.
func (a *app) report(ctx context.Context, runs []*summary.Run, dir string, opts reportOptions) error {
	files, err := reports.Write(ctx, runs, dir, reports.Options{SingleFile: opts.singleFile, Figures: opts.figures})
	if err != nil {
		return fmt.Errorf("writing reports: %w", err)
	}
	for _, w := range files.Warnings {
		a.warnf("%s", w)
	}
	a.logf("report: %s", files.HTML)
	if files.Figures != "" {
		a.logf("figures: %s", files.Figures)
	}
	return nil
}

// printTable prints the headline table on stdout.
func (a *app) printTable(run *summary.Run) error {
	return table.Headline(a.out, run, table.Options{})
}
