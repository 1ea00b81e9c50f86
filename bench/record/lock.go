package record

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/gofrs/flock"

	"github.com/vtbench/vtbench/internal/files"
	"github.com/vtbench/vtbench/internal/wholefile"
)

// Holder says who writes to a run directory.
type Holder struct {
	Host    string `json:"host"`
	PID     int    `json:"pid"`
	Started string `json:"started"` // RFC 3339, UTC
}

// LockedError says that another process writes to the run directory.
type LockedError struct {
	Dir    string
	Holder Holder
	// Elsewhere says that the holder ran on another machine, so that it cannot be told
	// whether it is alive.
	Elsewhere bool
}

// Error implements error.
func (e *LockedError) Error() string {
	who := fmt.Sprintf("process %d on %s, since %s", e.Holder.PID, e.Holder.Host, e.Holder.Started)
	if e.Holder == (Holder{}) {
		who = "another process"
	}
	if e.Elsewhere {
		return fmt.Sprintf("%s is held by %s; whether that one is alive cannot be told from here: if it is not, take over with --break-lock", e.Dir, who)
	}
	return fmt.Sprintf("%s is being written by %s; wait for it, or choose another directory with -o", e.Dir, who)
}

// A Lock keeps other processes from writing to a run directory.
type Lock struct{ f *flock.Flock }

// TakeLock takes the lock of a run directory. One that a dead process of this machine
// left behind is taken over; one of another machine only with force. A lock that is held
// is a *LockedError. What a writer that was killed left half written is removed.
func TakeLock(dir string, force bool) (*Lock, error) {
	path := filepath.Join(dir, LockFile)
	if err := onlyFiles(dir); err != nil {
		return nil, fmt.Errorf("locking %s: %w", dir, err)
	}
	l := &Lock{flock.New(path, flock.SetPermissions(0o666))}
	ok, err := l.f.TryLock()
	for range 3 { // who only looks whether somebody writes holds it for a moment
		if ok || err != nil {
			break
		}
		time.Sleep(5 * time.Millisecond)
		ok, err = l.f.TryLock()
	}
	if err != nil {
		return nil, fmt.Errorf("locking %s: %w", dir, err)
	}
	before, known := readHolder(path)
	if !ok {
		return nil, &LockedError{Dir: dir, Holder: before}
	}
	host, err := os.Hostname()
	if err != nil {
		return nil, errors.Join(fmt.Errorf("locking %s: %w", dir, err), l.f.Unlock())
	}
	// The kernel's lock is ours, so a holder of this machine is dead; it knows nothing of
	// holders on other machines that share the file system.
	if known && before.Host != host && !force {
		return nil, errors.Join(&LockedError{Dir: dir, Holder: before, Elsewhere: true}, l.f.Unlock())
	}
	b, err := json.Marshal(Holder{Host: host, PID: os.Getpid(), Started: time.Now().UTC().Format(time.RFC3339)})
	if err == nil {
		// In place: another file would not be the one that is locked.
		err = os.WriteFile(path, append(b, '\n'), 0o666)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("locking %s: %w", dir, err), l.f.Unlock())
	}
	for _, d := range []string{dir, filepath.Join(dir, ImagesDir)} {
		if err := wholefile.Sweep(d); err != nil {
			return nil, errors.Join(err, l.Release())
		}
	}
	return l, nil
}

// onlyFiles refuses a run directory in which something else has the name of one of its
// files: opening a pipe would wait for somebody at its other end, a folder could not be
// replaced once all is measured, and behind a link lies a file that is not of the run.
func onlyFiles(dir string) error {
	for _, name := range []string{LockFile, ManifestFile, RecordsFile, CodesFile, TimingsFile, GroupsFile, SummaryFile, PerformanceFile, SealFile, ProgressFile, ImagesDir + "/" + CasesFile} {
		info, err := os.Lstat(filepath.Join(dir, filepath.FromSlash(name)))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		if !info.Mode().IsRegular() {
			return fmt.Errorf("%s is no regular file: remove it", name)
		}
	}
	return nil
}

// readHolder reads who wrote a lock file; known is false for an empty one, which was
// given back.
func readHolder(path string) (h Holder, known bool) {
	f, err := files.Open(path)
	if err != nil {
		return h, false
	}
	defer f.Close()
	var b [4096]byte
	n, err := f.Read(b[:])
	if err != nil || json.Unmarshal(b[:n], &h) != nil {
		return Holder{}, false
	}
	return h, h.Host != ""
}

// Release gives the lock back. The file stays, empty: removing it could let two others
// lock two files of one name.
func (l *Lock) Release() error {
	err := os.Truncate(l.f.Path(), 0)
	if errors.Is(err, fs.ErrNotExist) {
		err = nil // the directory is gone
	}
	return errors.Join(err, l.f.Unlock())
}
