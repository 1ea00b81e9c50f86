package cli

import (
	"flag"
	"os"

	"github.com/spf13/cobra"

	"github.com/vtbench/vtbench/reports/comment"
)

func (a *app) commentCommand() *cobra.Command {
	var o comment.Options
	cmd := &cobra.Command{
		Use:   "comment {--report compare.json | --file comment.md} {--pr N | --event FILE}",
		Short: "Post a comparison under a pull request, or update the comment that is there",
		Long: `Posts a comparison as a comment under a pull request. There is one comment for each
--key: it is found again by a hidden first line, updated in place, and left alone
where it would not change. Comments of others are never edited.

Run it where the pull request's code is not: in a workflow_run job, with --event
"$GITHUB_EVENT_PATH". The event decides which pull request is commented; what the
measuring run says about that is only used where the event confirms it.

The token is read from GITHUB_TOKEN, never from a flag. cmd/vtbench-comment is this
command alone, and builds without cgo.`,
		Example: `  vtbench comment --report compare.json --event "$GITHUB_EVENT_PATH"
  vtbench comment --report compare.json --pr 12 --dry-run
  vtbench comment --file comment.md --pr 12 --key text`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			o.Log = a.logf
			err := comment.Run(cmd.Context(), o, a.out)
			if comment.IsUsage(err) {
				return usage(err)
			}
			return err
		},
	}
	fs := flag.NewFlagSet("comment", flag.ContinueOnError)
	o.Register(fs, os.Getenv)
	cmd.Flags().AddGoFlagSet(fs)
	return cmd
}
