package wholefile_test

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/iotest"

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
	kept := filepath.Join(dir, "kept")
	if err := wholefile.Write(kept, []byte("old")); err != nil {
		t.Fatal(err)
	}
	half := io.MultiReader(strings.NewReader("new, but"), iotest.ErrReader(errors.New("cut")))
	if err := wholefile.WriteFrom(kept, half); err == nil || !strings.Contains(err.Error(), "cut") {
		t.Errorf("from a reader that fails: %v", err)
	}
	if b, err := os.ReadFile(kept); err != nil || string(b) != "old" {
		t.Errorf("%q, %v", b, err)
	}
	left, err := filepath.Glob(filepath.Join(dir, ".*.part*"))
	if err != nil || len(left) != 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

// A killed writer's part is taken over by the next writer of the file, and swept; that of a
// living one is left alone.
func TestLeftovers(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "a.html")
	left := filepath.Join(dir, ".a.html.part")
	if err := os.WriteFile(left, []byte("a long beginning of a page"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := wholefile.Write(path, []byte("whole")); err != nil {
		t.Fatal(err)
	}
	if b, err := os.ReadFile(path); err != nil || string(b) != "whole" {
		t.Errorf("%q, %v", b, err)
	}
	if _, err := os.Lstat(left); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the part is still there: %v", err)
	}

	held := filepath.Join(dir, ".b.png.part")
	f, err := os.Create(held)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX); err != nil {
		t.Fatal(err)
	}
	if err := wholefile.Write(filepath.Join(dir, "b.png"), []byte("b")); err != nil {
		t.Fatal(err)
	}
	dead := []string{".b.png.part1", ".c.json.part"}
	mine := []string{".part", "a.part", ".d.partial", "b.png"}
	for _, name := range append(dead, mine...) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("x"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := wholefile.Sweep(dir); err != nil {
		t.Fatal(err)
	}
	for _, name := range dead {
		if _, err := os.Lstat(filepath.Join(dir, name)); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s was left: %v", name, err)
		}
	}
	for _, name := range append(mine, ".b.png.part") {
		if _, err := os.Lstat(filepath.Join(dir, name)); err != nil {
			t.Errorf("%s was removed", name)
		}
	}
	if err := wholefile.Sweep(filepath.Join(dir, "none")); err != nil {
		t.Error(err)
	}
}

// A link or a pipe where the part would be is neither followed nor waited for.
func TestPlanted(t *testing.T) {
	dir := t.TempDir()
	target := filepath.Join(dir, "target")
	if err := os.WriteFile(target, []byte("precious"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(target, filepath.Join(dir, ".a.part")); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mkfifo(filepath.Join(dir, ".b.part"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"a", "b"} {
		if err := wholefile.Write(filepath.Join(dir, name), []byte("x")); err == nil || !strings.Contains(err.Error(), "."+name+".part") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if b, err := os.ReadFile(target); err != nil || string(b) != "precious" {
		t.Errorf("through the link: %q, %v", b, err)
	}
}

// Many writers of one file at once: it is whole whenever it is read, and no part stays.
func TestAtOnce(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "a")
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for range 10 {
				if err := wholefile.Write(path, bytes.Repeat([]byte{byte('a' + i)}, 1000*(i+1))); err != nil {
					t.Error(err)
				}
				b, err := os.ReadFile(path)
				if err != nil || len(b)%1000 != 0 || len(b) == 0 || bytes.Count(b, b[:1]) != len(b) || len(b) != 1000*int(b[0]-'a'+1) {
					t.Errorf("torn: %d bytes, %v", len(b), err)
				}
			}
		})
	}
	wg.Wait()
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 1 {
		t.Errorf("left behind: %v, %v", entries, err)
	}
}

// A folder is made where there is none, and is no link to somebody's.
func TestFolder(t *testing.T) {
	dir, other := t.TempDir(), t.TempDir()
	if err := os.Symlink(other, filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "file"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"new": "", "link": "is a link", "file": "not a directory"} {
		for range 2 {
			if err := wholefile.Folder(dir, name); (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
				t.Errorf("%s: error %v, want %q", name, err, want)
			}
		}
	}
}
