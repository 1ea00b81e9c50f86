//go:build unix

package record

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// Nothing is written through a link: what it leads to is not of the run.
func TestLockRefusesLinks(t *testing.T) {
	for _, name := range []string{LockFile, ManifestFile, RecordsFile, GroupsFile, SealFile} {
		dir, other := t.TempDir(), filepath.Join(t.TempDir(), "mine")
		if err := errors.Join(os.WriteFile(other, []byte("kept"), 0o644), os.Symlink(other, filepath.Join(dir, name))); err != nil {
			t.Fatal(err)
		}
		if _, err := TakeLock(dir, true); err == nil || !strings.Contains(err.Error(), name+" is no regular file") {
			t.Errorf("%s: error %v", name, err)
		}
		if b, err := os.ReadFile(other); err != nil || string(b) != "kept" {
			t.Errorf("%s: behind the link stands %q, %v", name, b, err)
		}
	}
}

// What has the name of a file and is none is refused; opening a pipe would wait for ever.
func TestLockRefusesPipes(t *testing.T) {
	for _, name := range []string{LockFile, ManifestFile, GroupsFile, PerformanceFile} {
		dir := t.TempDir()
		if err := syscall.Mkfifo(filepath.Join(dir, name), 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := TakeLock(dir, false); err == nil || !strings.Contains(err.Error(), name+" is no regular file") {
			t.Errorf("%s: error %v", name, err)
		}
	}
}
