package compare

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/vtbench/vtbench/bench/record"
	"github.com/vtbench/vtbench/internal/files"
)

// Bounds of a search for results: far more than any folder of runs has.
const (
	maxFound     = 1000
	maxSeen      = 200_000
	maxFindDepth = 8
)

// Found are the results below a folder.
type Found struct {
	// Paths are run directories and baseline files, in the order of their names, below the
	// folder and "/"-separated; "." is the folder itself.
	Paths []string
	// Skipped are entries that were not looked into.
	Skipped []Skip
}

// A Skip is an entry that was not looked into, and why.
type Skip struct{ Path, Why string }

// Find lists the run directories and baseline files at and below a folder. Run
// directories are not searched, links are not followed, and what begins with a dot is
// left out.
func Find(root string) (Found, error) {
	root, err := files.Dir(root)
	if err != nil {
		return Found{}, err
	}
	var out Found
	seen := 0
	err = filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil && path == root {
			return err
		}
		if seen++; seen > maxSeen {
			return fmt.Errorf("more than %d files: name the folders of the runs", maxSeen)
		}
		rel, relErr := filepath.Rel(root, path)
		if relErr != nil {
			return relErr
		}
		rel = filepath.ToSlash(rel)
		switch {
		case err != nil:
			out.Skipped = append(out.Skipped, Skip{rel, err.Error()})
			return nil
		case rel != "." && strings.HasPrefix(d.Name(), "."):
			if d.IsDir() {
				return fs.SkipDir
			}
			return nil
		case d.Type()&fs.ModeSymlink != 0:
			out.Skipped = append(out.Skipped, Skip{rel, "a link; links are not followed here"})
			return nil
		case !d.IsDir():
			if d.Type().IsRegular() && strings.HasSuffix(d.Name(), BaselineSuffix) {
				out.Paths = append(out.Paths, rel)
			}
		case isRun(path):
			out.Paths = append(out.Paths, rel)
			err = fs.SkipDir
		case strings.Count(rel, "/") >= maxFindDepth:
			return fs.SkipDir
		}
		if len(out.Paths) > maxFound {
			return fmt.Errorf("more than %d runs and baselines", maxFound)
		}
		return err // to skip the folder, or nothing
	})
	if err != nil {
		return Found{}, fmt.Errorf("looking for runs in %s: %w", root, err)
	}
	slices.SortFunc(out.Paths, files.Natural)
	slices.SortFunc(out.Skipped, func(a, b Skip) int { return files.Natural(a.Path, b.Path) })
	return out, nil
}

// isRun reports whether a folder is a run directory.
func isRun(dir string) bool {
	info, err := os.Lstat(filepath.Join(dir, record.ManifestFile))
	return err == nil && !info.IsDir()
}
