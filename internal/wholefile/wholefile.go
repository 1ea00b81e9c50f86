// Package wholefile writes files whole or not at all: whoever reads one, or comes
// after a crash or a power cut, sees the old content or the new, never a part.
package wholefile

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/google/renameio/v2"
)

// Write replaces a file, readable for all, and returns when file and name are on
// disk. Writers of one file may run at once: one of them wins.
func Write(path string, b []byte) error {
	dir := filepath.Dir(path)
	// The folder of the file, not $TMPDIR: renaming must not cross file systems.
	err := renameio.WriteFile(path, b, 0o644, renameio.WithTempDir(dir), renameio.WithStaticPermissions(0o644))
	if err == nil {
		err = syncFolder(dir)
	}
	if err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	return nil
}

// syncFolder writes the names of a folder to disk, which renameio leaves out.
func syncFolder(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
