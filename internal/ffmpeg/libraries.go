package ffmpeg

import (
	"cmp"
	"context"
	"crypto/sha256"
	"debug/elf"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/vtbench/vtbench/internal/files"
	"github.com/vtbench/vtbench/tokenizers/process/wire"
)

// identity is the digest of all that computes when the program at path runs: its file, and
// the shared libraries that the system's loader finds for it, which in the builds of
// distributions are all of libavcodec, libx264, libvmaf and the rest. The C library is left
// out, as it is where vtbench says which build it is itself; so a build without other
// libraries has the digest of its file, on every machine. Where no loader can be asked
// (a script, another system), what the program says of itself stands in.
func identity(ctx context.Context, path, said string) (string, error) {
	own, err := digest(path)
	if err != nil {
		return "", err
	}
	libs, err := libraries(ctx, path)
	switch {
	case errors.Is(err, errNoLoader):
		libs = []library{{name: "it says", sha256: said}}
	case err != nil:
		return "", fmt.Errorf("looking for the shared libraries of %s, which its results depend on: %w", path, err)
	case len(libs) == 0:
		return own, nil
	}
	h := sha256.New()
	fmt.Fprintln(h, own)
	for _, l := range libs {
		fmt.Fprintf(h, "%q %q\n", l.name, l.sha256)
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

func digest(path string) (string, error) {
	f, err := files.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", fmt.Errorf("reading %s: %w", path, err)
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// A library is a shared library by its file name, without folders, and its digest.
type library struct{ name, sha256 string }

// errNoLoader says that nobody can be asked what a program loads.
var errNoLoader = errors.New("no loader can be asked")

// libraries lists the shared libraries of a program but for the C library, by name. They
// are those of the loader that the program names, asked in the same environment, and so
// the ones that LD_LIBRARY_PATH, RUNPATH and the processor select.
func libraries(ctx context.Context, path string) ([]library, error) {
	path, err := filepath.EvalSymlinks(path) // $ORIGIN is the folder of the file itself
	if err != nil {
		return nil, err
	}
	loader, err := interpreter(path)
	if err != nil || loader == "" {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, DefaultIdle)
	defer cancel()
	cmd := exec.CommandContext(ctx, loader, "--list", path)
	cmd.Env = environment(os.Environ())
	out, err := cmd.Output()
	if err != nil {
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			err = fmt.Errorf("%w: %s", err, wire.Clean(string(exit.Stderr), 300))
		}
		return nil, fmt.Errorf("%s --list: %w", loader, err)
	}
	var libs []library
	var paths []string
	for line := range strings.Lines(string(out)) {
		// "libx264.so.164 => /lib/x86_64-linux-gnu/libx264.so.164 (0x00007f…)", or the path
		// alone for one that is named by it; what the kernel brings has none.
		name, at := "", strings.TrimSpace(line)
		if before, after, ok := strings.Cut(at, " => "); ok {
			name, at = before, after
		}
		if i := strings.LastIndex(at, " (0x"); i >= 0 {
			at = at[:i]
		}
		if name == "" {
			name = at
		}
		switch name = filepath.Base(name); {
		case ofC(name) || strings.HasPrefix(name, "linux-vdso") || strings.HasPrefix(name, "linux-gate"):
		case !filepath.IsAbs(at):
			return nil, fmt.Errorf("%s --list says %.200q: no file of a library", loader, line)
		default:
			libs, paths = append(libs, library{name: name}), append(paths, at)
		}
	}
	var g errgroup.Group
	g.SetLimit(runtime.GOMAXPROCS(0))
	for i := range libs {
		g.Go(func() (err error) {
			libs[i].sha256, err = digest(paths[i])
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	slices.SortFunc(libs, func(a, b library) int { return cmp.Or(cmp.Compare(a.name, b.name), cmp.Compare(a.sha256, b.sha256)) })
	return libs, nil
}

// interpreter is the loader that an ELF program names; "" for one that is linked statically.
func interpreter(path string) (string, error) {
	f, err := elf.Open(path)
	var format *elf.FormatError
	if errors.As(err, &format) || runtime.GOOS != "linux" {
		return "", errNoLoader
	}
	if err != nil {
		return "", err
	}
	defer f.Close() //nolint:errcheck // only read from
	for _, p := range f.Progs {
		if p.Type == elf.PT_INTERP {
			b, err := io.ReadAll(io.LimitReader(p.Open(), 4096))
			return strings.TrimRight(string(b), "\x00"), err
		}
	}
	return "", nil
}

// ofC reports whether a library is a part of the C library or of the compiler's support of
// it (glibc, musl).
func ofC(name string) bool {
	if strings.HasPrefix(name, "ld-") || strings.HasPrefix(name, "ld64") || strings.HasPrefix(name, "libc.musl-") {
		return true
	}
	stem, _, _ := strings.Cut(name, ".so")
	return slices.Contains([]string{"libc", "libm", "libmvec", "libdl", "libpthread", "librt", "libresolv", "libutil", "libanl", "libnsl", "libgcc_s"}, stem)
}
