package cli

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/vtbench/vtbench/bench/cache"
	"github.com/vtbench/vtbench/reports/format"
)

// cacheEnv names the folder of the cache; "off" switches it off.
const cacheEnv = "VTBENCH_CACHE"

// cacheFlags say where results are kept between runs, and how much of them.
type cacheFlags struct {
	dir, size string
	off       bool
}

func (f *cacheFlags) add(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.dir, "cache", "", "folder of results that are kept between runs (default: $"+cacheEnv+", or the user's cache directory, and none where $CI is set)")
	cmd.Flags().StringVar(&f.size, "cache-size", "10GB", "most that the cache takes, 0 for none; the least recently used goes first")
	cmd.Flags().BoolVar(&f.off, "no-cache", false, "measure everything, and keep nothing for later runs")
}

// open opens the cache of a run; nil where there is none. Nobody asked for the one that is
// there by default: where it cannot be written, a run does without.
func (f *cacheFlags) open(a *app) (*cache.Cache, error) {
	if f.off && f.dir != "" {
		return nil, usagef("--cache and --no-cache exclude each other")
	}
	if f.off {
		return nil, nil
	}
	size, err := parseSize("--cache-size", f.size)
	if err != nil || size == 0 {
		return nil, err
	}
	dir, err := cacheDir(f.dir)
	if dir == "" || err != nil {
		return nil, err
	}
	c, err := cache.Open(dir, size)
	if notWritable(err) && f.dir == "" && os.Getenv(cacheEnv) == "" {
		a.warnf("%v; nothing is kept for later runs (--cache names another folder, --no-cache is silent)", err)
		return nil, nil
	}
	if err != nil {
		return nil, usagef("%w (--no-cache does without it)", err)
	}
	return c, nil
}

// cacheDir is the folder of the cache; "" where there is none: a machine of CI is thrown
// away, so what is kept there is of use only where somebody keeps the folder.
func cacheDir(named string) (string, error) {
	env := os.Getenv(cacheEnv)
	switch {
	case named != "":
		return filepath.Abs(named)
	case env == "off":
		return "", nil
	case env != "":
		return filepath.Abs(env)
	}
	if ci := os.Getenv("CI"); ci != "" && ci != "false" && ci != "0" {
		return "", nil
	}
	return userCacheDir()
}

// userCacheDir is where the user's programs keep what can be made again.
func userCacheDir() (string, error) {
	dir, err := os.UserCacheDir()
	if err != nil {
		return "", nil //nolint:nilerr // no home, no cache
	}
	return filepath.Join(dir, "vtbench", "results"), nil
}

// parseSize reads "10GB", "500 MB", "1GiB", or bytes.
func parseSize(flag, s string) (int64, error) {
	text := strings.ToLower(strings.ReplaceAll(s, " ", ""))
	scale := 1.0
	for _, u := range []struct {
		name  string
		scale float64
	}{
		{"kib", 1 << 10},
		{"mib", 1 << 20},
		{"gib", 1 << 30},
		{"tib", 1 << 40},
		{"kb", 1e3},
		{"mb", 1e6},
		{"gb", 1e9},
		{"tb", 1e12},
		{"b", 1},
	} {
		if cut, ok := strings.CutSuffix(text, u.name); ok {
			text, scale = cut, u.scale
			break
		}
	}
	v, err := strconv.ParseFloat(text, 64)
	if err != nil || !(v >= 0) || v*scale > 1<<60 {
		return 0, usagef("%s %s: want a size, for example 10GB or 500MB", flag, s)
	}
	return int64(v * scale), nil
}

func (a *app) cacheCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "cache info|prune",
		Short: "Show or shrink what is kept between runs",
		Long: `Runs leave reconstructions and values in a cache, and take from it what another run
measured in exactly the same way: the same tokenizer, weights, pixels, labels, options,
versions, engines and program. docs/identity.md lists all that makes a difference.`,
	}
	cmd.AddCommand(a.cacheInfo(), a.cachePrune())
	return cmd
}

// anyCacheDir is the folder that a command about the cache means, also where runs use none.
func anyCacheDir(named string) (string, error) {
	dir, err := cacheDir(named)
	if dir == "" && err == nil {
		dir, err = userCacheDir()
	}
	if dir == "" && err == nil {
		err = usagef("which folder? name it with --cache: this user has no cache directory")
	}
	return dir, err
}

func (a *app) cacheInfo() *cobra.Command {
	var named, as string
	var verify bool
	cmd := &cobra.Command{
		Use:   "info",
		Short: "Show where the cache is and what it holds",
		Args:  noArgs,
		RunE: func(*cobra.Command, []string) error {
			dir, err := anyCacheDir(named)
			if err != nil {
				return err
			}
			info, err := cache.Inspect(dir, verify)
			if err != nil {
				return usage(err)
			}
			for _, f := range info.Foreign {
				a.warnf("%s is no file of a cache; it is left alone", f)
			}
			for _, f := range info.Damaged {
				a.warnf("%s is damaged; it will be measured again", f)
			}
			if as == "json" {
				return a.json(info)
			}
			fmt.Fprintf(a.out, "folder           %s\n", info.Dir)
			fmt.Fprintf(a.out, "values           %s of %s\n", format.Bytes(info.Values.Bytes), format.Plural(info.Values.Entries, "reconstruction", "reconstructions"))
			fmt.Fprintf(a.out, "reconstructions  %s in %s\n", format.Bytes(info.Recons.Bytes), format.Plural(info.Recons.Entries, "file", "files"))
			if info.Entries > 0 {
				fmt.Fprintf(a.out, "last use         %s to %s\n", info.Oldest.Local().Format(time.DateTime), info.Newest.Local().Format(time.DateTime))
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&named, "cache", "", "folder of the cache (default: that of vtbench run)")
	cmd.Flags().BoolVar(&verify, "verify", false, "read every entry and name those that are damaged")
	formatFlag(cmd, &as, "table", "json")
	return cmd
}

func (a *app) cachePrune() *cobra.Command {
	var named, size, as string
	cmd := &cobra.Command{
		Use:   "prune",
		Short: "Remove what was not used for longest until the rest fits",
		Example: `  vtbench cache prune --cache-size 2GB
  vtbench cache prune --cache-size 0      # everything`,
		Args: noArgs,
		RunE: func(*cobra.Command, []string) error {
			limit, err := parseSize("--cache-size", size)
			if err != nil {
				return err
			}
			dir, err := anyCacheDir(named)
			if err != nil {
				return err
			}
			p, err := cache.Prune(dir, limit)
			if err != nil {
				return usage(err)
			}
			if as == "json" {
				return a.json(p)
			}
			_, err = fmt.Fprintf(a.out, "%s: removed %s, %s; %s left\n", dir, format.Plural(p.Removed, "entry", "entries"), format.Bytes(p.Freed), format.Bytes(p.Left))
			return err
		},
	}
	cmd.Flags().StringVar(&named, "cache", "", "folder of the cache (default: that of vtbench run)")
	cmd.Flags().StringVar(&size, "cache-size", "10GB", "what may stay")
	formatFlag(cmd, &as, "table", "json")
	return cmd
}
