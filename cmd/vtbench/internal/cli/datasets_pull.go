package cli

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/vtbench/vtbench/datasets/archive"
	"github.com/vtbench/vtbench/internal/assets"
	"github.com/vtbench/vtbench/internal/fetch"
	"github.com/vtbench/vtbench/reports/format"
)

// pulled is what `datasets pull RECIPE --format json` prints.
type pulled struct {
	Name    string       `json:"name"`
	Licence string       `json:"licence"`
	Source  string       `json:"source,omitempty"`
	Folder  string       `json:"folder"`
	Files   []pulledFile `json:"files"`
}

type pulledFile struct {
	File     string `json:"file"`
	SHA256   string `json:"sha256"`
	Size     int64  `json:"size"`
	State    string `json:"state"` // "fetched", "there", "failed"
	Unpacked string `json:"unpacked,omitempty"`
	Error    string `json:"error,omitempty"`
}

func (a *app) datasetsPullCommand() *cobra.Command {
	cmd := a.pullCommand("Fetch the photographs and the film that built-in data sets are made of, or what a recipe names", assets.Photo, assets.Film)
	photographs := cmd.RunE
	var output, shown string
	var jobs int
	cmd.Use = "pull [RECIPE.yaml]"
	cmd.Long += `

With a recipe it fetches the files that this names, into a folder of the recipe's name or
-o. A recipe states address, SHA-256, size and licence of every file (docs/files.md). A
download goes on where it was interrupted; what has not the stated size and digest is not
kept. Proxies are those of HTTPS_PROXY, HTTP_PROXY and NO_PROXY.`
	cmd.Example = `  vtbench datasets pull
  vtbench datasets pull kodak.yaml -o kodak`
	cmd.Args = takes(0, 1)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if len(args) == 0 {
			return photographs(cmd, args)
		}
		if jobs < 1 || jobs > 64 {
			return usagef("--jobs %d: want 1 to 64 files at once", jobs)
		}
		return a.pullRecipe(cmd.Context(), args[0], output, shown, jobs)
	}
	cmd.Flags().StringVarP(&output, "output", "o", "", "folder for the files of a recipe (default: its name)")
	cmd.Flags().IntVarP(&jobs, "jobs", "j", 4, "files fetched at once")
	formatFlag(cmd, &shown, "table", "json")
	return cmd
}

func (a *app) pullRecipe(ctx context.Context, file, dir, shown string, jobs int) error {
	l, err := fetch.Load(file)
	if err != nil {
		return usage(err)
	}
	if dir == "" {
		dir = l.Name
	}
	o := fetch.Options{Jobs: jobs}
	if !a.quiet {
		o.Log = a.err
	}
	status, err := l.Fetch(ctx, dir, o)
	if ctx.Err() != nil {
		return fmt.Errorf("interrupted; the same command goes on: %w", ctx.Err())
	}
	out := pulled{Name: l.Name, Licence: l.Licence, Source: l.Source, Folder: dir}
	failed := 0
	for _, s := range status {
		f := pulledFile{File: s.Path, SHA256: s.File.SHA256, Size: s.File.Size, State: "there"}
		if s.Fresh {
			f.State = "fetched"
		}
		if s.Err == nil && s.File.Unpack {
			f.Unpacked, s.Err = a.unpack(ctx, s.Path)
			err = errors.Join(err, s.Err)
		}
		if s.Err != nil {
			f.State, f.Error = "failed", s.Err.Error()
			failed++
		}
		out.Files = append(out.Files, f)
	}
	if shown == "json" {
		if err := a.json(out); err != nil {
			return err
		}
	} else {
		for _, f := range out.Files {
			if f.Error != "" {
				a.warnf("%s", f.Error)
			}
		}
		if _, err := fmt.Fprintf(a.out, "%s: %d of %s in %s; licence: %s\n", l.Name, len(out.Files)-failed, format.Plural(len(out.Files), "file", "files"), dir, l.Licence); err != nil {
			return err
		}
	}
	if failed > 0 {
		return &statusError{pullStatus(err), fmt.Errorf("%d of %s could not be fetched", failed, format.Plural(len(out.Files), "file", "files"))}
	}
	return nil
}

// pullStatus is that of a missing dependency where no server could be reached, of items that
// failed otherwise.
func pullStatus(err error) int {
	var u *url.Error
	var n net.Error
	if diskFailed(err) {
		return ExitInternal
	}
	if errors.As(err, &u) && errors.As(err, &n) {
		return ExitMissing
	}
	return ExitItemsFailed
}

// unpack unpacks an archive beside itself, once.
func (a *app) unpack(ctx context.Context, file string) (string, error) {
	dir := file
	for _, ext := range []string{".gz", ".tgz", ".tar", ".zip"} {
		dir = strings.TrimSuffix(dir, ext)
	}
	if dir == file {
		dir += ".unpacked"
	}
	if st, err := os.Stat(dir); err == nil && st.IsDir() {
		return dir, nil
	}
	left, err := archive.Unpack(ctx, file, dir)
	if err != nil {
		return "", err
	}
	if len(left) > 0 {
		a.warnf("%s: left out: %s", filepath.Base(file), left)
	}
	return dir, nil
}
