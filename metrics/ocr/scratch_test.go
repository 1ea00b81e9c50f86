//go:build cgo

package ocr

import (
	"os"
	"runtime"
	"strings"
	"testing"
)

// The configuration can be read by its path while Tesseract starts, and no folder lists it:
// a process that is killed then leaves nothing.
func TestConfigLeavesNothing(t *testing.T) {
	tmp := t.TempDir()
	t.Setenv("TMPDIR", tmp)
	listed := func() int {
		t.Helper()
		entries, err := os.ReadDir(tmp)
		if err != nil {
			t.Fatal(err)
		}
		return len(entries)
	}
	path, done, err := writeConfig([]variable{{"a", "1"}, {"b", "x y"}})
	if err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(path) //nolint:forbidigo // our own
	if err != nil || string(b) != "a 1\nb x y\n" {
		t.Errorf("%q, %v", b, err)
	}
	if n := listed(); n > 0 && runtime.GOOS == "linux" && strings.HasPrefix(path, "/proc/") {
		t.Errorf("%d files are listed", n)
	}
	done()
	if n := listed(); n > 0 {
		t.Errorf("%d files are left", n)
	}
}
