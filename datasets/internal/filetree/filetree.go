// Package filetree is what data sets in folders share: finding images, putting
// them in an order of which any prefix is fair, and a digest of it all.
//
// Its opinion: the order comes from the names alone, so that it is the same on
// every machine; and a digest covers names and bytes, since a file that was
// edited makes another data set.
package filetree

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/vtbench/vtbench/pix"
)

// Images lists the image files below root as slash-separated paths relative to
// it. Files and folders whose names begin with a dot are left out: they are
// editors' and file managers' own. Links to files are followed, links to folders
// only where root itself is one.
func Images(ctx context.Context, root string) ([]string, error) {
	return Files(ctx, root, pix.IsImage)
}

// Files is Images for any names.
func Files(ctx context.Context, root string, want func(name string) bool) ([]string, error) {
	real, err := Dir(root)
	if err != nil {
		return nil, err
	}
	var names []string
	err = filepath.WalkDir(real, func(p string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case ctx.Err() != nil:
			return ctx.Err()
		case p == real:
			return nil
		case strings.HasPrefix(d.Name(), "."):
			if d.IsDir() {
				return filepath.SkipDir
			}
			return nil
		case d.IsDir() || !want(d.Name()):
			return nil
		}
		rel, err := filepath.Rel(real, p)
		if err != nil {
			return err
		}
		names = append(names, filepath.ToSlash(rel))
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("listing %s: %w", root, err)
	}
	slices.SortFunc(names, Natural)
	return names, nil
}

// Dir resolves links of a folder's path and checks that it is a folder.
func Dir(root string) (string, error) {
	if root == "" {
		return "", errors.New("no folder is named; write it behind the colon")
	}
	real, err := filepath.EvalSymlinks(root)
	if err != nil {
		return "", fmt.Errorf("opening folder: %w", err)
	}
	info, err := os.Stat(real)
	if err != nil {
		return "", fmt.Errorf("opening folder: %w", err)
	}
	if !info.IsDir() {
		return "", fmt.Errorf("%s is a file; a folder is wanted", root)
	}
	return real, nil
}

// Natural compares names as people do: runs of digits as numbers, so that img_2
// comes before img_10; byte by byte where that does not decide.
func Natural(a, b string) int {
	x, y := a, b
	for x != "" && y != "" {
		nx, ny := digits(x), digits(y)
		if nx > 0 && ny > 0 {
			u, v := strings.TrimLeft(x[:nx], "0"), strings.TrimLeft(y[:ny], "0")
			if c := cmp.Or(cmp.Compare(len(u), len(v)), cmp.Compare(u, v)); c != 0 {
				return c
			}
			x, y = x[nx:], y[ny:]
			continue
		}
		if x[0] != y[0] {
			return cmp.Compare(x[0], y[0])
		}
		x, y = x[1:], y[1:]
	}
	return cmp.Or(cmp.Compare(len(x), len(y)), cmp.Compare(a, b))
}

func digits(s string) int {
	n := 0
	for n < len(s) && '0' <= s[n] && s[n] <= '9' {
		n++
	}
	return n
}

// Interleave reorders sorted names so that folders take turns: any prefix has its
// share of each. Names of one folder keep their order.
func Interleave(names []string) []string {
	var dirs []string
	byDir := map[string][]string{}
	for _, n := range names {
		d := path.Dir(n)
		if _, ok := byDir[d]; !ok {
			dirs = append(dirs, d)
		}
		byDir[d] = append(byDir[d], n)
	}
	slices.SortFunc(dirs, Natural)
	out := make([]string, 0, len(names))
	for i := 0; len(out) < len(names); i++ {
		for _, d := range dirs {
			if i < len(byDir[d]) {
				out = append(out, byDir[d][i])
			}
		}
	}
	return out
}

// Digest is the hex SHA-256 over the sorted names and the contents of files
// below root. A file that cannot be read counts as such and does not fail:
// loading it will.
func Digest(root string, names []string) string {
	names = slices.Clone(names)
	slices.Sort(names)
	sums := make([]string, len(names))
	var g errgroup.Group
	g.SetLimit(runtime.GOMAXPROCS(0))
	for i, n := range names {
		g.Go(func() error {
			sums[i] = fileSum(filepath.Join(root, filepath.FromSlash(n)))
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return "" // not reached: no member returns an error
	}
	h := sha256.New()
	for i, n := range names {
		fmt.Fprintf(h, "%q %s\n", n, sums[i])
	}
	return hex.EncodeToString(h.Sum(nil))
}

func fileSum(name string) string {
	f, err := os.Open(name)
	if err != nil {
		return "unreadable"
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "unreadable"
	}
	return hex.EncodeToString(h.Sum(nil))
}
