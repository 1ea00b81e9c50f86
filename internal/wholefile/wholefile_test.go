package wholefile_test

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/vtbench/vtbench/internal/wholefile"
)

func TestWrite(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "a.txt")
	for _, want := range []string{"first", "second, longer", ""} {
		if err := wholefile.Write(path, []byte(want)); err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(path)
		if err != nil || string(got) != want {
			t.Errorf("%q, %v; want %q", got, err, want)
		}
	}
}

// The umask says who may read a new file; one that is replaced keeps what it had.
func TestPermissions(t *testing.T) {
	for mask, want := range map[int]os.FileMode{0o022: 0o644, 0o002: 0o664, 0o077: 0o600} {
		path := filepath.Join(t.TempDir(), "a.txt")
		old := syscall.Umask(mask)
		err := wholefile.Write(path, []byte("x"))
		syscall.Umask(old)
		if err != nil {
			t.Fatal(err)
		}
		if st, err := os.Stat(path); err != nil || st.Mode().Perm() != want {
			t.Errorf("umask %o: mode %v, %v; want %v", mask, st.Mode(), err, want)
		}
		if err := os.Chmod(path, 0o640); err != nil {
			t.Fatal(err)
		}
		if err := wholefile.Write(path, []byte("y")); err != nil {
			t.Fatal(err)
		}
		if st, err := os.Stat(path); err != nil || st.Mode().Perm() != 0o640 {
			t.Errorf("replaced: mode %v, %v", st.Mode(), err)
		}
	}
}

// A failure names the file and leaves nothing behind.
func TestFailures(t *testing.T) {
	dir := t.TempDir()
	if err := wholefile.Write(filepath.Join(dir, "no", "a.txt"), nil); err == nil || !strings.Contains(err.Error(), "a.txt") {
		t.Errorf("without a folder: %v", err)
	}
	taken := filepath.Join(dir, "folder")
	if err := os.MkdirAll(filepath.Join(taken, "full"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := wholefile.Write(taken, []byte("x")); err == nil || !strings.Contains(err.Error(), taken) {
		t.Errorf("onto a folder: %v", err)
	}
	left, err := filepath.Glob(filepath.Join(dir, ".part-*"))
	if err != nil || len(left) != 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}
