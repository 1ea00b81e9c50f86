//go:build unix

package record

import (
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

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
