package cli

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"github.com/spf13/cobra"

	"github.com/vtbench/vtbench/bench/record"
	"github.com/vtbench/vtbench/bench/run"
	"github.com/vtbench/vtbench/bench/suite"
	"github.com/vtbench/vtbench/datasets/corrupt"
	"github.com/vtbench/vtbench/internal/wholefile"
	"github.com/vtbench/vtbench/tokenizers/folder"
)

// The manifest of an export is written last: its presence says that it is complete.
const (
	exportManifestFile = "manifest.json"
	exportImagesFile   = "images.jsonl"
)

// exported is the manifest of an export.
type exported struct {
	Program     string                `json:"program"`
	Datasets    []record.DatasetEntry `json:"datasets"`
	Suite       string                `json:"suite,omitempty"` // whose conditions these are
	Version     int                   `json:"suite_version,omitempty"`
	Resolutions suite.Resolutions     `json:"resolutions"`
	Seed        uint64                `json:"seed"`
	// Corruptions says which code damaged the images, and what its pixel units mean.
	Corruptions string `json:"corruptions,omitempty"`
	Written     int    `json:"written"`
	Failed      int    `json:"failed"`
}

// exportedImage is one image of an export, or the reason why there is none: a line of
// images.jsonl.
type exportedImage struct {
	File       string `json:"file"` // below the folder, with slashes
	Dataset    string `json:"dataset"`
	Item       string `json:"item"`
	Condition  string `json:"condition"`
	Resolution int    `json:"resolution"`
	// Width and Height are the original's; Inside is where it lies in the square:
	// x, y, width, height.
	Width  int    `json:"width,omitempty"`
	Height int    `json:"height,omitempty"`
	Inside [4]int `json:"inside"`
	SHA256 string `json:"sha256,omitempty"` // of the file
	Error  string `json:"error,omitempty"`
}

type exportFlags struct {
	suite, format  string
	resolutions    suite.Resolutions
	workers, limit int
	full           bool
	seed           uint64
	options        map[string]string
}

func (a *app) datasetsExportCommand() *cobra.Command {
	var f exportFlags
	cmd := &cobra.Command{
		Use:   "export DATASET… DIR",
		Short: "Write the very images that a tokenizer is given, to be reconstructed elsewhere",
		Long: `export writes the images of a data set as tokenizers are given them: fitted into a
square, padded, and with --suite under every condition of a suite, damaged with the keys
that a run uses. Reconstruct them with any program, into another folder under the same
names, and score that folder: the table is the one that an adapter would have given.

DIR must be empty or new. images.jsonl in it says what each file is, where in its square
the picture lies, and what could not be loaded; manifest.json where all came from.`,
		Example: `  vtbench datasets export icdar:DIR to-do --resolution 256
  vtbench datasets export text-default photos to-do --suite robustness
  vtbench run --suite text --data icdar:DIR -r 256 -t mine=folder:done`,
		Args:              takes(2, -1),
		ValidArgsFunction: firstArg(completeDataset),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.export(cmd.Context(), args[:len(args)-1], args[len(args)-1], &f, cmd.Flags().Changed("resolution"))
		},
	}
	fl := cmd.Flags()
	f.resolutions = suite.Resolutions{256}
	fl.VarP(&sides{to: &f.resolutions}, "resolution", "r", "sides of the squares, or native; with --suite the suite's")
	fl.StringVarP(&f.suite, "suite", "s", "", "suite whose conditions and number of items are wanted: a name or the path of a .yaml file")
	fl.IntVar(&f.limit, "limit", 0, "only the first N items of each data set (a stratified prefix)")
	fl.BoolVar(&f.full, "full", false, "all items of each data set")
	fl.IntVarP(&f.workers, "jobs", "j", 0, "workers (default: all cores)")
	fl.Uint64Var(&f.seed, "seed", 1, "seed of everything random, as in a run")
	fl.StringToStringVar(&f.options, "option", nil, "option over the suite's, as in a run: corrupt.mode=scaled")
	formatFlag(cmd, &f.format, "table", "json")
	complete(cmd, "suite", completeSuite)
	return cmd
}

func (a *app) export(ctx context.Context, specs []string, dir string, f *exportFlags, sized bool) error {
	if f.limit < 0 || f.workers < 0 {
		return usagef("--limit and --jobs must not be negative")
	}
	if f.limit > 0 && f.full {
		return usagef("--limit and --full exclude each other")
	}
	var asked suite.Suite
	if f.suite != "" {
		var err error
		if asked, err = suite.Load(f.suite); err != nil {
			return usage(err)
		}
	}
	c := config{Data: specs, Options: f.options}
	if f.suite == "" || sized {
		c.Resolutions = f.resolutions
	}
	override(&asked, &c)
	if err := emptyFolder(dir); err != nil {
		return err
	}
	cfg := run.Config{Suite: asked, Workers: f.workers, Limit: f.limit, Full: f.full, Seed: f.seed}
	var err error
	if cfg.Corrupt, err = corrupter(&cfg.Suite, cfg.Seed); err != nil {
		return err
	}
	for _, spec := range specs {
		d, err := a.openData(ctx, spec)
		if err != nil {
			return usage(err)
		}
		cfg.Datasets = append(cfg.Datasets, run.DatasetSource{Spec: spec, Data: d})
	}
	m := exported{
		Program: "vtbench " + version(), Suite: asked.ID, Version: asked.Version,
		Resolutions: asked.Resolutions, Seed: f.seed,
	}
	if cfg.Suite.ImageCorruptions() {
		m.Corruptions = fmt.Sprintf("version %d, %s", corrupt.Version, cfg.Suite.Options[modeOption])
	}
	var mu sync.Mutex
	var images []exportedImage
	taken := map[string]string{} // items by file
	m.Datasets, _, err = run.Inputs(ctx, cfg, func(in run.Input) error {
		e := exportedImage{
			File: folder.Name(in.Ref), Dataset: in.Ref.Dataset, Item: in.Ref.Item, Condition: in.Ref.Condition,
			Resolution: in.Ref.Resolution, Width: in.Ref.W, Height: in.Ref.H,
		}
		mu.Lock()
		other, twice := taken[e.File]
		taken[e.File] = e.Item
		mu.Unlock()
		if twice {
			return usagef("items %q and %q of %s would both be written to %s: rename one", other, e.Item, e.Dataset, e.File)
		}
		if in.Err != nil {
			e.Error = in.Err.Error()
		} else {
			r := in.Place.Inside
			e.Inside = [4]int{r.Min.X, r.Min.Y, r.Dx(), r.Dy()}
			sum, err := writeInput(dir, e.File, in)
			if err != nil {
				return err
			}
			e.SHA256 = sum
		}
		mu.Lock()
		defer mu.Unlock()
		for len(images) <= in.Index {
			images = append(images, exportedImage{})
		}
		images[in.Index] = e
		return nil
	})
	if err != nil {
		return err
	}
	var lines bytes.Buffer
	enc := json.NewEncoder(&lines)
	enc.SetEscapeHTML(false)
	for _, e := range images {
		if err := enc.Encode(&e); err != nil {
			return err
		}
		if e.Error == "" {
			m.Written++
			continue
		}
		if m.Failed++; m.Failed <= shownFailures {
			a.warnf("%s: %s: %s", e.Dataset, e.Item, e.Error)
		}
	}
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return err
	}
	if err := wholefile.Write(filepath.Join(dir, exportImagesFile), lines.Bytes()); err != nil {
		return err
	}
	if err := record.WriteJSON(filepath.Join(dir, exportManifestFile), &m); err != nil {
		return err
	}
	if f.format == "json" {
		if err := a.json(&m); err != nil {
			return err
		}
	} else {
		fmt.Fprintf(a.out, "%d images written to %s; %s says what they are\n", m.Written, dir, filepath.Join(dir, exportImagesFile))
	}
	if m.Failed > 0 {
		return &statusError{ExitItemsFailed, fmt.Errorf("%d of %d images could not be made; they are in %s", m.Failed, len(images), exportImagesFile)}
	}
	return nil
}

// emptyFolder refuses a folder that holds anything: files of two exports in one folder
// would pass for those of one.
func emptyFolder(dir string) error {
	entries, err := os.ReadDir(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return usagef("exporting: %w", err)
	case len(entries) > 0:
		return usagef("%s is not empty (%s): name a new folder", dir, entries[0].Name())
	}
	return nil
}

// writeInput writes an image as PNG and returns the digest of the file.
func writeInput(dir, name string, in run.Input) (string, error) {
	rel := filepath.FromSlash(name)
	if !filepath.IsLocal(rel) {
		return "", usagef("item %q cannot be written below %s", in.Ref.Item, dir)
	}
	var b bytes.Buffer
	if err := in.Image.EncodePNG(&b); err != nil {
		return "", err
	}
	path := filepath.Join(dir, rel)
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		return "", err
	}
	if err := os.WriteFile(path, b.Bytes(), 0o666); err != nil {
		return "", err
	}
	sum := sha256.Sum256(b.Bytes())
	return hex.EncodeToString(sum[:]), nil
}
