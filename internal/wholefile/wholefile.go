// Package wholefile writes files whole or not at all: whoever reads one, or comes
// after a crash or a power cut, sees the old content or the new, never a part.
package wholefile

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"syscall"
)

// part ends the name of a file that is not whole yet.
const part = ".part"

var unfinished = regexp.MustCompile(`^\..+\.part[0-9]*$`)

// Write replaces a file and returns when file and name are on disk. A new file may be read
// and written by whom the umask lets, as any that a program makes; one that is replaced
// keeps its permissions. Writers of one file may run at once: one of them wins. What a
// killed writer leaves beside the file, the next writer of that file takes over, so that
// nothing is left once somebody has written it.
func Write(path string, b []byte) error { return WriteFrom(path, bytes.NewReader(b)) }

// WriteFrom is Write of all that r gives; where reading fails, the file stays as it was.
func WriteFrom(path string, r io.Reader) error {
	if err := write(path, r); err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	return nil
}

// Put is Write, but for the name: that is on disk once [SyncFolder] was called, which does
// for many files of a folder at once.
func Put(path string, b []byte) error {
	if err := put(path, bytes.NewReader(b)); err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	return nil
}

func write(path string, r io.Reader) error {
	if err := put(path, r); err != nil {
		return err
	}
	return SyncFolder(filepath.Dir(path))
}

func put(path string, r io.Reader) error {
	f, err := open(path)
	if err != nil {
		return err
	}
	if err := fill(f, path, r); err != nil {
		// Removed while it is locked: nobody else can have begun to write into it.
		return errors.Join(err, os.Remove(f.Name()), f.Close())
	}
	return f.Close()
}

// fill writes the part f and gives it the name of the file.
func fill(f *os.File, path string, r io.Reader) error {
	if err := f.Truncate(0); err != nil {
		return err
	}
	if old, err := os.Stat(path); err == nil {
		if err := f.Chmod(old.Mode().Perm()); err != nil {
			return err
		}
	}
	if _, err := io.Copy(f, r); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}

// open opens and locks the file beside path that is to become it. The lock goes with the
// process, so what a dead writer left is free, and another name is taken where a living one
// holds the first.
func open(path string) (*os.File, error) {
	dir, base := filepath.Split(path)
	for i := 0; ; i++ {
		name := dir + "." + base + part
		if i > 0 {
			name += fmt.Sprint(i)
		}
		f, err := openLocked(name)
		if !errors.Is(err, errBusy) {
			return f, err
		}
	}
}

var errBusy = errors.New("another process writes it")

func openLocked(name string) (*os.File, error) {
	for {
		// Neither through a link nor into a pipe that somebody put there.
		f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0o666)
		if err != nil {
			return nil, err
		}
		st, err := f.Stat()
		if err == nil && !st.Mode().IsRegular() {
			err = fmt.Errorf("%s is not a regular file; remove it", name)
		}
		if err == nil {
			err = lock(f)
		}
		if err != nil {
			return nil, errors.Join(err, f.Close())
		}
		// Whoever held it before may have renamed it meanwhile.
		if now, err := os.Lstat(name); err == nil && os.SameFile(st, now) {
			return f, nil
		}
		if err := f.Close(); err != nil {
			return nil, err
		}
	}
}

// lock locks a file against other writers until it is closed. File systems that know no
// locks have one writer.
func lock(f *os.File) error {
	switch err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); {
	case errors.Is(err, syscall.EWOULDBLOCK):
		return errBusy
	case errors.Is(err, syscall.ENOLCK), errors.Is(err, syscall.ENOTSUP), errors.Is(err, syscall.ENOSYS):
		return nil
	default:
		return err
	}
}

// Folder makes a folder in dir, with dir itself. One that is a link is refused: files would
// be replaced and removed where it leads, which dir's author chose and not its user.
func Folder(dir, name string) error {
	path := filepath.Join(dir, name)
	if err := os.MkdirAll(path, 0o777); err != nil {
		return err
	}
	info, err := os.Lstat(path)
	if err == nil && !info.IsDir() {
		err = fmt.Errorf("%s is a link: only folders of %s itself are written to; remove it", path, dir)
	}
	return err
}

// Sweep removes what killed writers left in a folder: parts that nobody alive holds. A
// folder that is not there has none.
func Sweep(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("looking for unfinished files: %w", err)
	}
	for _, e := range entries {
		if !unfinished.MatchString(e.Name()) || !e.Type().IsRegular() {
			continue
		}
		name := filepath.Join(dir, e.Name())
		f, err := openLocked(name)
		if errors.Is(err, errBusy) {
			continue
		}
		if err == nil {
			err = errors.Join(os.Remove(name), f.Close())
		}
		if err != nil {
			return fmt.Errorf("removing an unfinished file: %w", err)
		}
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
