// Package python carries the Python SDK inside the program, so that what is written with
// it can be started in a Python that does not have it, and never in another version.
package python

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/vtbench/vtbench/internal/files"
)

//go:embed vtbench/*.py vtbench/*.json
var sdk embed.FS

// Read returns a file of the SDK: "vtbench/zoo.json".
func Read(name string) ([]byte, error) { return sdk.ReadFile(name) }

// Install returns a folder for PYTHONPATH that holds the package vtbench. It is in the
// user's cache, named by a digest of its files, and written where it is not there whole.
func Install() (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("finding the cache folder: %w", err)
	}
	return install(filepath.Join(cache, "vtbench"))
}

func install(cache string) (string, error) {
	all := map[string][]byte{}
	digest := sha256.New()
	err := fs.WalkDir(sdk, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := sdk.ReadFile(path)
		all[path] = data
		fmt.Fprintf(digest, "%s %d\n%s", path, len(data), data)
		return err
	})
	if err != nil {
		return "", err
	}
	dir := filepath.Join(cache, fmt.Sprintf("python-%x", digest.Sum(nil)[:6]))
	for path, data := range all {
		path = filepath.Join(dir, filepath.FromSlash(path))
		if have, err := files.ReadPlain(path, int64(len(data))); err == nil && bytes.Equal(have, data) {
			continue
		}
		if err := write(path, data); err != nil {
			return "", fmt.Errorf("writing the Python SDK: %w", err)
		}
	}
	return dir, nil
}

// write puts a file in its place whole, since another process may start from there.
func write(path string, data []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".part-*")
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err == nil {
		err = f.Chmod(0o644)
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		_ = os.Remove(f.Name())
	}
	return err
}
