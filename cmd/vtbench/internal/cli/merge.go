package cli

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/vtbench/vtbench/bench/run"
	"github.com/vtbench/vtbench/bench/summary"
	allmetrics "github.com/vtbench/vtbench/metrics/all"
)

// mergedRun is what `merge --format json` prints.
type mergedRun struct {
	Run      string           `json:"run"`
	Complete bool             `json:"complete"`
	Missing  []string         `json:"missing,omitempty"` // items that no directory has
	Doubled  []string         `json:"doubled,omitempty"` // what several have
	Summary  *summary.Summary `json:"summary"`
}

func (a *app) mergeCommand() *cobra.Command {
	var output, format string
	var partial bool
	cmd := &cobra.Command{
		Use:   "merge RUN… -o DIR",
		Short: "Join shards and parts of one run into the directory of one run",
		Long: `Join shards and interrupted parts of one run into a directory whose records, summary
and cases are those of a single run, byte for byte. Directories of different runs are
refused, and so are missing groups of items, unless --partial takes what is there.
Merging again into the same directory gives the same files.`,
		Example: `  vtbench run --suite text --shard 1/2 -o part1
  vtbench run --suite text --shard 2/2 -o part2
  vtbench merge part1 part2 -o runs/text`,
		Args: takes(1, -1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if output == "" {
				return usagef("name the directory of the merged run with -o")
			}
			got, err := run.Merge(cmd.Context(), run.MergeConfig{Dirs: args, Dir: output, Kinds: allmetrics.Kinds(), Partial: partial})
			if err != nil {
				return err
			}
			for _, d := range got.Doubled {
				a.warnf("measured twice, with equal content: %s", d)
			}
			if len(got.Missing) > 0 {
				a.warnf("missing: %s", strings.Join(got.Missing, ", "))
			}
			if err := a.report(cmd.Context(), []*summary.Run{got.Run}, output, reportOptions{}); err != nil {
				return err
			}
			if format == "json" {
				err = a.json(mergedRun{output, got.Run.Complete, got.Missing, got.Doubled, &got.Run.Summary})
			} else {
				err = a.printTable(got.Run)
			}
			if err != nil {
				return err
			}
			if len(got.Missing) > 0 {
				return &statusError{ExitItemsFailed, fmt.Errorf("merged, but %d groups of items are missing", len(got.Missing))}
			}
			a.remarks(&got.Run.Summary)
			return a.failures(got.Run)
		},
	}
	cmd.Flags().StringVarP(&output, "output", "o", "", "directory of the merged run")
	cmd.Flags().BoolVar(&partial, "partial", false, "merge what is there although groups of items are missing; exit status 4")
	formatFlag(cmd, &format, "table", "json")
	return cmd
}
