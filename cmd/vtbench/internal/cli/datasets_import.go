package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/vtbench/vtbench/datasets"
	"github.com/vtbench/vtbench/datasets/folder"
	"github.com/vtbench/vtbench/datasets/manifest"
	"github.com/vtbench/vtbench/internal/wholefile"
	"github.com/vtbench/vtbench/reports/format"
)

type datasetImportFlags struct {
	output, title, licence, source, format string
	copies, strict                         bool
	limit                                  int
}

// imported is what `datasets import` prints.
type imported struct {
	File   string   `json:"file"` // "" where nothing was written
	Digest string   `json:"digest,omitempty"`
	Items  int      `json:"items"`
	Labels int      `json:"labels"`
	Faults []string `json:"faults,omitempty"` // what of the source is not in it, and why
}

func (a *app) datasetsImportCommand() *cobra.Command {
	var f datasetImportFlags
	cmd := &cobra.Command{
		Use:   "import SOURCE -o FILE.jsonl",
		Short: "Make a manifest of one's own images: a line an image, with what is known of it",
		Long: `import writes a manifest, which --data manifest:FILE.jsonl reads. SOURCE is

  a folder                its images
  a .csv file             a row a label; columns image, text, left, top, right, bottom and
                          more (docs/adding-a-dataset.md)
  any data set            with --copy: icdar:DIR, webdataset:SHARDS, text-default, …; the
                          images are written beside the manifest, as PNG

Every image is read: its SHA-256 and size go into the manifest and are held to later. What
cannot be used is named, with file and line, and left out; the exit status is 4 then. With
--strict nothing is written where anything cannot be used.`,
		Example: `  vtbench datasets import photos -o photos/manifest.jsonl --licence CC0-1.0
  vtbench datasets import signs.csv -o manifest.jsonl
  vtbench datasets import cord:CORD/test -o mine/manifest.jsonl --copy --limit 50
  vtbench run --suite text --data manifest:mine/manifest.jsonl`,
		Args:              takes(1, 1),
		ValidArgsFunction: firstArg(completeDataset),
		RunE:              func(cmd *cobra.Command, args []string) error { return a.importData(cmd.Context(), args[0], &f) },
	}
	fl := cmd.Flags()
	fl.StringVarP(&f.output, "output", "o", "", "the manifest, which ends in .jsonl; images are named as seen from its folder")
	fl.BoolVar(&f.copies, "copy", false, "write the images beside the manifest instead of naming them where they are")
	fl.BoolVar(&f.strict, "strict", false, "write nothing where anything of the source cannot be used")
	fl.StringVar(&f.title, "title", "", "one line that says what the set is")
	fl.StringVar(&f.licence, "licence", "", "terms of the images, an SPDX identifier")
	fl.StringVar(&f.source, "source", "", "where the images come from")
	fl.IntVar(&f.limit, "limit", 0, "only the first N items, with --copy")
	formatFlag(cmd, &f.format, "table", "json")
	return cmd
}

func (a *app) importData(ctx context.Context, source string, f *datasetImportFlags) (err error) {
	if !strings.HasSuffix(f.output, ".jsonl") {
		return usagef("-o names the manifest, which ends in .jsonl: it is %q", f.output)
	}
	if f.limit < 0 || f.limit > 0 && !f.copies {
		return usagef("--limit %d: a number of items from 1, with --copy", f.limit)
	}
	if _, err := os.Stat(f.output); err == nil {
		return usagef("%s exists; remove it, or name another file", f.output)
	}
	dir := filepath.Dir(f.output)
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return usage(err)
	}
	o := datasets.Options{Decode: a.decode}
	kind, path, _ := strings.Cut(source, ":")
	st, statErr := os.Stat(source)
	var m *manifest.Imported
	var staged string
	switch {
	case f.copies:
		if m, staged, err = a.copyData(ctx, source, dir, f.limit); staged != "" {
			defer func() { err = errors.Join(err, os.RemoveAll(staged)) }()
		}
	case statErr == nil && st.IsDir():
		m, err = manifest.FromFolder(ctx, source, dir, o)
	case kind == folder.Name:
		m, err = manifest.FromFolder(ctx, path, dir, o)
	case statErr == nil && strings.EqualFold(filepath.Ext(source), ".csv"):
		m, err = manifest.FromTable(ctx, source, dir, o)
	default:
		if _, err := a.openData(ctx, source); err != nil {
			return usage(err)
		}
		return usagef("the images of %s cannot be named where they are: --copy writes them beside the manifest", source)
	}
	if err != nil {
		return usage(err)
	}
	for _, set := range []struct {
		to   *string
		with string
	}{{&m.Header.Title, f.title}, {&m.Header.Licence, f.licence}, {&m.Header.Source, f.source}} {
		if set.with != "" {
			*set.to = set.with
		}
	}
	out := imported{Faults: m.Faults, Items: len(m.Entries)}
	for _, e := range m.Entries {
		out.Labels += len(e.Labels)
	}
	if out.Items == 0 || f.strict && len(m.Faults) > 0 {
		why := fmt.Errorf("nothing was written: %s of %s cannot be used", format.Plural(len(m.Faults), "part", "parts"), source)
		if out.Items == 0 {
			why = fmt.Errorf("nothing was written: %s has no image that can be used", source)
		}
		return errors.Join(usage(why), a.printImported(&out, f.format))
	}
	if err := a.writeManifest(ctx, m, staged, f.output, &out); err != nil {
		return err
	}
	if err := a.printImported(&out, f.format); err != nil {
		return err
	}
	if n := len(m.Faults); n > 0 {
		return &statusError{ExitItemsFailed, fmt.Errorf("done, but %s of %s cannot be used and %s not in the manifest", format.Plural(n, "part", "parts"), source, are(n))}
	}
	return nil
}

func are(n int) string {
	if n == 1 {
		return "is"
	}
	return "are"
}

// copyData copies a data set into a folder of its own, from which it is moved when all of it
// is there.
func (a *app) copyData(ctx context.Context, source, dir string, limit int) (*manifest.Imported, string, error) {
	for _, name := range []string{"images", "masks"} {
		if _, err := os.Stat(filepath.Join(dir, name)); err == nil {
			return nil, "", usagef("%s is there already: copies go into a folder that has none", filepath.Join(dir, name))
		}
	}
	if st, err := os.Stat(source); err == nil && st.IsDir() {
		source = folder.Name + ":" + source
	}
	d, err := a.openData(ctx, source)
	if err != nil {
		return nil, "", err
	}
	if c, ok := d.(io.Closer); ok {
		defer c.Close() //nolint:errcheck // only read from
	}
	staged, err := os.MkdirTemp(dir, ".import-")
	if err != nil {
		return nil, "", err
	}
	m, err := manifest.Copy(ctx, d, limit, staged)
	return m, staged, err
}

// writeManifest moves copies to their place, writes the manifest and opens it.
func (a *app) writeManifest(ctx context.Context, m *manifest.Imported, staged, file string, out *imported) error {
	if staged != "" {
		for _, name := range []string{"images", "masks"} {
			err := os.Rename(filepath.Join(staged, name), filepath.Join(filepath.Dir(file), name))
			if err != nil && !errors.Is(err, os.ErrNotExist) {
				return err
			}
		}
	}
	var b bytes.Buffer
	if err := manifest.Encode(&b, m.Header, m.Entries); err != nil {
		return err
	}
	if err := wholefile.Write(file, b.Bytes()); err != nil {
		return err
	}
	d, err := manifest.Open(ctx, file, datasets.Options{Decode: a.decode})
	if err != nil {
		return err
	}
	if n := len(d.IDs()); n != len(m.Entries) {
		return errors.Join(fmt.Errorf("%s has %d items, %d were written", file, n, len(m.Entries)), d.Close())
	}
	out.File, out.Digest = file, d.Info().Digest
	return d.Close()
}

func (a *app) printImported(out *imported, how string) error {
	if how == "json" {
		return a.json(out)
	}
	for i, f := range out.Faults {
		if i == shownFailures {
			a.warnf("… and %d more; --format json has all", len(out.Faults)-i)
			break
		}
		a.warnf("%s", f)
	}
	if out.File == "" {
		return nil
	}
	_, err := fmt.Fprintf(a.out, "%s: %s, %s\ndigest %.16s…\nuse it with --data %s:%s\n", out.File,
		format.Plural(out.Items, "item", "items"), format.Plural(out.Labels, "label", "labels"), out.Digest, manifest.Name, out.File)
	return err
}
