package cli

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/vtbench/vtbench/bench/suite"
	"github.com/vtbench/vtbench/datasets/corrupt"
	"github.com/vtbench/vtbench/pix"
)

// modeOption is the option of a suite that says what pixel units mean.
const modeOption = "corrupt.mode"

// corrupter is what a run corrupts images with. The mode is put into the suite's
// options, so that the manifest tells which one it was even where none was named.
func corrupter(s *suite.Suite, seed uint64) (func(img pix.Image, name string, severity int, key string) (pix.Image, error), error) {
	if len(s.Corruptions) == 0 {
		return nil, nil
	}
	for _, c := range s.Corruptions {
		name, _ := suite.Condition{Corruption: c.Type}.Image()
		if name == "" {
			continue // of tokens, or of whole frames
		}
		if _, err := corrupt.Lookup(name); err != nil {
			return nil, usagef("suite %s: %w", s.ID, err)
		}
	}
	if s.Options == nil {
		s.Options = map[string]string{}
	}
	if s.Options[modeOption] == "" {
		s.Options[modeOption] = corrupt.Compat.String()
	}
	mode, err := corrupt.ParseMode(s.Options[modeOption])
	if err != nil {
		return nil, usagef("suite %s: option %s: %w", s.ID, modeOption, err)
	}
	return func(img pix.Image, name string, severity int, key string) (pix.Image, error) {
		return corrupt.Apply(img, name, severity, corrupt.Options{Seed: seed, Key: key, Mode: mode})
	}, nil
}

type corruptFlags struct {
	kind, mode, key string
	orientation     string
	maxPixels       int64
	severity, size  int
	amount          float64
	byAmount        bool // --amount was given
	seed            uint64
	sheet, force    bool
}

func (a *app) corruptCommand() *cobra.Command {
	var f corruptFlags
	cmd := &cobra.Command{
		Use:   "corrupt IN OUT --type NAME --severity N",
		Short: "Damage an image or a folder of images, or show all damage on a sheet",
		Long: `corrupt writes damaged copies of images as PNG. IN is an image or a folder, whose
tree is kept; OUT is a .png file or a folder. The same seed and the same relative
path give the same pixels on every machine.

With --sheet it writes one picture with every corruption at every severity.`,
		Example: `  vtbench corrupt photo.jpg foggy.png --type fog --severity 3
  vtbench corrupt photos/ damaged/ --type motion_blur --severity 5 --mode scaled
  vtbench corrupt photo.jpg half.png --type salt_and_pepper --amount 0.5
  vtbench corrupt photo.jpg sheet.png --sheet`,
		Args: takes(2, 2),
		RunE: func(cmd *cobra.Command, args []string) error { return a.corrupt(cmd, args[0], args[1], &f) },
	}
	fl := cmd.Flags()
	fl.StringVar(&f.kind, "type", "", "`NAME` of the corruption, see vtbench list corruptions; with --sheet a comma-separated choice")
	fl.IntVar(&f.severity, "severity", 0, "1, the mildest, to 5")
	fl.Float64Var(&f.amount, "amount", 0, "instead of a severity, where that is one number: a share, a factor, pixels (list corruptions --format json has the unit)")
	fl.Uint64Var(&f.seed, "seed", 1, "seed of everything random")
	fl.StringVar(&f.key, "key", "", "identifies a single image instead of its file name")
	fl.StringVar(&f.mode, "mode", corrupt.Compat.String(), "compat: constants are pixels, as in imagecorruptions; scaled: they grow with the image")
	fl.BoolVar(&f.sheet, "sheet", false, "write a contact sheet of corruptions × severities")
	fl.IntVar(&f.size, "cell", 192, "longer side of a picture on the sheet, in pixels")
	fl.BoolVar(&f.force, "force", false, "replace files that exist")
	orientationFlag(cmd, &f.orientation)
	complete(cmd, "type", completeCorruption)
	return cmd
}

func (a *app) corrupt(cmd *cobra.Command, in, out string, f *corruptFlags) error {
	mode, err := corrupt.ParseMode(f.mode)
	if err != nil {
		return usagef("--mode: %w", err)
	}
	st, err := os.Stat(in)
	if err != nil {
		return usagef("corrupting: %w", err)
	}
	opt := corrupt.Options{Seed: f.seed, Key: f.key, Mode: mode}
	if f.sheet {
		if st.IsDir() {
			return usagef("--sheet shows one image, and %s is a folder", in)
		}
		return a.corruptSheet(in, out, f, opt)
	}
	f.maxPixels = a.decode.MaxPixels
	f.byAmount = cmd.Flags().Changed("amount")
	if f.byAmount && f.severity != 0 {
		return usagef("--severity and --amount say the same thing: give one")
	}
	if f.kind == "" || f.severity == 0 && !f.byAmount {
		return usagef("which damage? name it with --type and --severity; `vtbench list corruptions` shows them")
	}
	if _, err := corrupt.Lookup(f.kind); err != nil {
		return usagef("--type: %w", err)
	}
	if f.byAmount {
		if _, err := corrupt.ParseSpec(f.kind + "=" + strconv.FormatFloat(f.amount, 'g', -1, 64)); err != nil {
			return usagef("--amount: %w", err)
		}
	} else if f.severity < 1 || f.severity > corrupt.Severities {
		return usagef("--severity %d: want 1 to %d", f.severity, corrupt.Severities)
	}
	if !st.IsDir() {
		if opt.Key == "" {
			opt.Key = filepath.Base(in)
		}
		if o, err := os.Stat(out); err == nil && o.IsDir() {
			out = filepath.Join(out, pngName(filepath.Base(in)))
		}
		return corruptFile(in, out, f, opt)
	}
	if f.key != "" {
		return usagef("--key identifies a single image, and %s is a folder", in)
	}
	return a.corruptFolder(cmd, in, out, f, opt)
}

func pngName(name string) string { return strings.TrimSuffix(name, filepath.Ext(name)) + ".png" }

func corruptFile(in, out string, f *corruptFlags, opt corrupt.Options) error {
	if err := writable(out, f.force); err != nil {
		return err
	}
	decode, err := pix.ParseOrientation(f.orientation)
	if err != nil {
		return usagef("--orientation: %w", err)
	}
	decode.MaxPixels = f.maxPixels
	d, err := pix.Read(in, decode)
	if err != nil {
		return usage(err)
	}
	img := d.Image
	var got pix.Image
	if f.byAmount {
		got, err = corrupt.ApplyAmount(img, f.kind, f.amount, opt)
	} else {
		got, err = corrupt.Apply(img, f.kind, f.severity, opt)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", in, err)
	}
	return got.SavePNG(out)
}

// writable refuses what is no PNG and what is there already.
func writable(out string, force bool) error {
	if !strings.EqualFold(filepath.Ext(out), ".png") {
		return usagef("%s: images are written as PNG, which adds no damage of its own; name it %s", out, pngName(out))
	}
	if _, err := os.Stat(out); err == nil && !force {
		return usagef("%s exists; --force replaces it", out)
	}
	return nil
}

func (a *app) corruptFolder(cmd *cobra.Command, in, out string, f *corruptFlags, opt corrupt.Options) error {
	l, err := listImages(cmd.Context(), in)
	if err != nil {
		return usage(err)
	}
	a.leftOut(in, l)
	taken := map[string]string{}
	for _, rel := range l.Files {
		to := pngName(rel)
		if other, ok := taken[to]; ok {
			return usagef("%s and %s would both be written to %s; rename one", other, rel, to)
		}
		taken[to] = rel
	}
	if err := os.MkdirAll(out, 0o777); err != nil {
		return usage(err)
	}
	failed := make([]error, len(l.Files))
	g, ctx := errgroup.WithContext(cmd.Context())
	g.SetLimit(runtime.GOMAXPROCS(0))
	for i, rel := range l.Files {
		g.Go(func() error {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			opt := opt
			opt.Key = rel
			to := filepath.Join(out, filepath.FromSlash(pngName(rel)))
			if failed[i] = os.MkdirAll(filepath.Dir(to), 0o777); failed[i] == nil {
				failed[i] = corruptFile(l.Path(rel), to, f, opt)
			}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return err
	}
	n := 0
	for _, err := range failed {
		if err != nil {
			n++
			a.warnf("%v", err)
		}
	}
	a.logf("%d of %d images written to %s", len(l.Files)-n, len(l.Files), out)
	if n > 0 {
		return &statusError{ExitItemsFailed, errors.New("some images could not be corrupted")}
	}
	return nil
}

// corruptProvenance is what a manifest says of the corruptions.
func corruptProvenance() string { return fmt.Sprintf("version %d", corrupt.Version) }
