//go:build unix

package record

import (
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// A lock that is a pipe is refused; opening it would wait for ever.
func TestLockIsPipe(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mkfifo(filepath.Join(dir, LockFile), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := TakeLock(dir, false); err == nil || !strings.Contains(err.Error(), "run.lock is no regular file") {
		t.Errorf("error %v", err)
	}
}
