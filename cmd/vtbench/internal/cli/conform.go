package cli

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"

	alltok "github.com/vtbench/vtbench/tokenizers/all"
	"github.com/vtbench/vtbench/tokenizers/tokenizertest"
)

func (a *app) conformCommand() *cobra.Command {
	var format, file string
	var timeout time.Duration
	var side int
	cmd := &cobra.Command{
		Use:   "conform TOKENIZER",
		Short: "Check that a tokenizer keeps what the bench relies on",
		Long: `Put a tokenizer through the checks that every built-in one passes: shapes and
ranges, determinism as declared, batch invariance, odd and extreme sizes, codes,
error isolation, cancellation, times. Each failure comes with how to mend it.
Exit status 3 when a check failed.`,
		Example:           "  vtbench conform vq:patch=8,k=1024\n  vtbench conform 'process:python3 my_tok.py' --format json",
		Args:              takes(0, 1),
		ValidArgsFunction: firstArg(completeTokenizer),
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			var list []tokenizerConfig
			switch {
			case len(args) == 1 && file == "":
				list = []tokenizerConfig{{Use: args[0]}}
			case len(args) == 0 && file != "":
				c, err := readConfig(file)
				if err != nil {
					return err
				}
				list = c.Tokenizers
			}
			if len(list) != 1 {
				return usagef("name one tokenizer, or a configuration (-c) that holds one")
			}
			if specs, err := list[0].specs(alltok.Kinds()); err != nil {
				return usage(err)
			} else if len(specs) != 1 {
				return usagef("tokenizer %q stands for %d tokenizers (%s, …): name one", list[0].Use, len(specs), specs[0].Name)
			}
			toks, err := openTokenizers(cmd.Context(), list, alltok.Kinds(), a.progress(), nil)
			if err != nil {
				return err
			}
			defer a.closeTokenizers(toks)
			report := tokenizertest.Run(cmd.Context(), toks[0].Tokenizer, tokenizertest.Options{
				Timeout: timeout, Side: side,
				Progress: func(c tokenizertest.Check) {
					if format == "json" {
						a.logf("%-8s %s", c.Status, c.Name) // the report comes at the end
					} else {
						fmt.Fprint(a.out, c)
					}
				},
			})
			if cmd.Context().Err() != nil {
				return cmd.Context().Err()
			}
			if format == "json" {
				b, err := report.JSON()
				if err != nil {
					return err
				}
				fmt.Fprintf(a.out, "%s\n", b)
			} else {
				fmt.Fprint(a.out, report.Counts())
			}
			if !report.OK() {
				return &statusError{ExitGate, fmt.Errorf("%s fails %d of %d checks", toks[0].Name, report.Count(tokenizertest.Failed), len(report.Checks))}
			}
			return nil
		},
	}
	fl := cmd.Flags()
	fl.StringVarP(&file, "config", "c", "", "YAML file that holds the tokenizer and its options")
	complete(cmd, "config", completeYAML)
	formatFlag(cmd, &format, "table", "json")
	fl.DurationVar(&timeout, "timeout", 2*time.Minute, "how long one call may take")
	fl.IntVar(&side, "side", 64, "about how large the test images are")
	return cmd
}
