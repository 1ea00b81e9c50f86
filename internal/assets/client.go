package assets

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// wheel downloads a wheel with pip and opens it. The platform is fixed: the files
// wanted are the same in all of a release's wheels.
func (p pack) wheel(ctx context.Context, tmp string) (fs.FS, func() error, error) {
	if err := run(ctx, tmp, "python3", "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps",
		"--only-binary=:all:", "--python-version", "3.11", "--implementation", "cp", "--platform", "manylinux2014_x86_64",
		"--platform", "manylinux_2_17_x86_64", "--dest", ".", p.Name+"=="+p.Version); err != nil {
		return nil, nil, err
	}
	found, err := filepath.Glob(filepath.Join(tmp, "*.whl"))
	if err != nil || len(found) != 1 {
		return nil, nil, errors.Join(fmt.Errorf("pip left %d wheels, want one", len(found)), err)
	}
	z, err := zip.OpenReader(found[0])
	if err != nil {
		return nil, nil, fmt.Errorf("opening %s: %w", filepath.Base(found[0]), err)
	}
	return z, z.Close, nil
}

// sdist downloads a source distribution with pip and opens what is below its top
// folder. pip wants to know the package's metadata, so it needs setuptools, which it
// fetches itself.
func (p pack) sdist(ctx context.Context, tmp string) (fs.FS, func() error, error) {
	if err := run(ctx, tmp, "python3", "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps",
		"--no-binary", p.Name, "--dest", ".", p.Name+"=="+p.Version); err != nil {
		return nil, nil, err
	}
	found, err := filepath.Glob(filepath.Join(tmp, "*.tar.gz"))
	if err != nil || len(found) != 1 {
		return nil, nil, errors.Join(fmt.Errorf("pip left %d source distributions, want one", len(found)), err)
	}
	root := filepath.Join(tmp, "root")
	if err := os.Mkdir(root, 0o755); err != nil {
		return nil, nil, err
	}
	args := []string{"--extract", "--gzip", "--file", found[0], "--directory", root, "--strip-components=1", "--wildcards"}
	for _, f := range p.Files {
		args = append(args, "*/"+f.Path)
	}
	if err := run(ctx, tmp, "tar", args...); err != nil {
		return nil, nil, err
	}
	return os.DirFS(root), func() error { return nil }, nil
}

// deb downloads a Debian package with apt-get and unpacks it.
func (p pack) deb(ctx context.Context, tmp string) (fs.FS, func() error, error) {
	name := p.Name
	if p.Version != "" {
		name += "=" + p.Version
	}
	// apt's own user must be able to write here, or apt-get complains.
	if err := os.Chmod(tmp, 0o777); err != nil { //nolint:gosec // a fresh folder of our own, removed at the end
		return nil, nil, err
	}
	if err := run(ctx, tmp, "apt-get", "download", "-q", name); err != nil {
		if os.Geteuid() != 0 {
			return nil, nil, fmt.Errorf("%w; as root: apt-get update", err)
		}
		// A fresh machine has no lists of packages.
		if err := run(ctx, tmp, "apt-get", "update", "-qq"); err != nil {
			return nil, nil, err
		}
		if err := run(ctx, tmp, "apt-get", "download", "-q", name); err != nil {
			return nil, nil, err
		}
	}
	found, err := filepath.Glob(filepath.Join(tmp, "*.deb"))
	if err != nil || len(found) != 1 {
		return nil, nil, errors.Join(fmt.Errorf("apt-get left %d packages, want one", len(found)), err)
	}
	root := filepath.Join(tmp, "root")
	if err := run(ctx, tmp, "dpkg-deb", "--extract", found[0], root); err != nil {
		return nil, nil, err
	}
	return os.DirFS(root), func() error { return nil }, nil
}

// run runs a client in dir; the end of its output is the error.
func run(ctx context.Context, dir, name string, args ...string) error {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = dir
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Run(); err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return fmt.Errorf("%s %s: %w: %s", name, args[0], err, tail(said.String()))
	}
	return nil
}

// tail is the end of what a client said.
func tail(s string) string {
	s = strings.TrimSpace(s)
	const most = 600
	if len(s) > most {
		s = "…" + s[len(s)-most:]
	}
	return s
}
