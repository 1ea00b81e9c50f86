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

// Write replaces a file and returns when file and name are on disk. A new file may be read
// and written by whom the umask lets, as any that a program makes; one that is replaced
// keeps its permissions. Writers of one file may run at once: one of them wins.
func Write(path string, b []byte) error {
	dir := filepath.Dir(path)
	// The folder of the file, not $TMPDIR: renaming must not cross file systems.
	err := renameio.WriteFile(path, b, 0o666, renameio.WithTempDir(dir), renameio.WithExistingPermissions())
	if err == nil {
		err = SyncFolder(dir)
	}
	if err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	return nil
}

// SyncFolder returns when the names of a folder are on disk, which syncing the files in it
// does not bring about.
func SyncFolder(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
