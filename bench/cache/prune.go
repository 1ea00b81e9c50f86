package cache

import (
	"cmp"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/gofrs/flock"
)

// Info describes the content of a cache.
type Info struct {
	Dir     string    `json:"dir"`
	Entries int       `json:"entries"`
	Bytes   int64     `json:"bytes"`
	Values  SpaceInfo `json:"values"`
	Recons  SpaceInfo `json:"reconstructions"`
	Oldest  time.Time `json:"oldest,omitzero"` // last use of the entry that would go first
	Newest  time.Time `json:"newest,omitzero"`
	// Damaged are entries that are not as they were written, only where all were read.
	Damaged []string `json:"damaged,omitempty"`
	// Foreign are files that no cache wrote. They are left alone.
	Foreign []string `json:"foreign,omitempty"`
}

// SpaceInfo counts the entries of one kind.
type SpaceInfo struct {
	Entries int   `json:"entries"`
	Bytes   int64 `json:"bytes"`
}

// Pruned says what Prune removed.
type Pruned struct {
	Removed int   `json:"removed"` // entries
	Freed   int64 `json:"freed"`   // bytes
	Left    int64 `json:"left"`    // bytes of all entries
}

// entry is a file of the cache.
type entry struct {
	path  string
	space Space
	size  int64
	used  time.Time
}

// Inspect describes a cache; verify reads every entry. A folder that does not exist is an
// empty cache.
func Inspect(dir string, verify bool) (Info, error) {
	info := Info{Dir: dir}
	if err := isCache(dir); err != nil {
		if errors.Is(err, errEmpty) || errors.Is(err, fs.ErrNotExist) {
			return info, nil
		}
		return info, err
	}
	entries, foreign, err := list(dir)
	if err != nil {
		return info, err
	}
	info.Foreign = foreign
	for _, e := range entries {
		s := &info.Values
		if e.space == Reconstructions {
			s = &info.Recons
		}
		s.Entries++
		s.Bytes += e.size
		info.Entries++
		info.Bytes += e.size
		if info.Oldest.IsZero() || e.used.Before(info.Oldest) {
			info.Oldest = e.used
		}
		if e.used.After(info.Newest) {
			info.Newest = e.used
		}
		if verify && !e.whole() {
			info.Damaged = append(info.Damaged, e.path)
		}
	}
	return info, nil
}

// whole reads an entry and reports whether it is as it was written.
func (e entry) whole() bool {
	var k Key
	if _, err := hex.Decode(k[:], []byte(filepath.Base(e.path))[:2*len(k)]); err != nil {
		return false
	}
	b, _, err := read(e.path)
	if err == nil {
		_, err = content(b, k)
	}
	return err == nil
}

// abandoned is how old a file must be that a process was writing, to be one that it will
// not finish.
const abandoned = time.Hour

// list finds the entries of a cache, and the files in it that are none.
func list(dir string) (entries []entry, foreign []string, err error) {
	folders, err := os.ReadDir(dir)
	if err != nil {
		return nil, nil, fmt.Errorf("reading the cache: %w", err)
	}
	for _, f := range folders {
		path := filepath.Join(dir, f.Name())
		switch {
		case f.Name() == tagFile || f.Name() == lockFile || f.Name() == ledgerFile || strings.HasPrefix(f.Name(), temporary):
			continue
		case !f.IsDir() || len(f.Name()) != 2:
			foreign = append(foreign, path)
			continue
		}
		names, err := os.ReadDir(path)
		if err != nil {
			return nil, nil, fmt.Errorf("reading the cache: %w", err)
		}
		for _, n := range names {
			file := filepath.Join(path, n.Name())
			st, err := n.Info()
			switch {
			case errors.Is(err, fs.ErrNotExist):
				continue // another process pruned it
			case err != nil:
				return nil, nil, fmt.Errorf("reading the cache: %w", err)
			case strings.HasPrefix(n.Name(), temporary):
				if time.Since(st.ModTime()) > abandoned {
					_ = os.Remove(file)
				}
			case !st.Mode().IsRegular() || !entryName.MatchString(n.Name()) || !strings.HasPrefix(n.Name(), f.Name()):
				foreign = append(foreign, file)
			default:
				entries = append(entries, entry{file, Space(n.Name()[len(n.Name())-1:]), st.Size(), st.ModTime()})
			}
		}
	}
	return entries, foreign, nil
}

// Prune removes entries until those that are left take no more than limit bytes, and waits
// for another process that is doing the same.
func Prune(dir string, limit int64) (Pruned, error) {
	if err := isCache(dir); err != nil {
		if errors.Is(err, errEmpty) || errors.Is(err, fs.ErrNotExist) {
			return Pruned{}, nil
		}
		return Pruned{}, err
	}
	l := flock.New(filepath.Join(dir, lockFile), flock.SetPermissions(0o600))
	if err := l.Lock(); err != nil {
		return Pruned{}, fmt.Errorf("locking the cache: %w", err)
	}
	defer l.Unlock() //nolint:errcheck // the lock goes with the file
	p, err := pruneTo(dir, limit, limit)
	if err == nil {
		err = writeLedger(dir, p.Left)
	}
	return p, err
}

// prune brings a cache that is locked, and over its limit, a tenth under it, so that it is
// not counted for every entry from then on.
func prune(dir string, limit int64) (Pruned, error) {
	p, err := pruneTo(dir, limit, limit-limit/10)
	if err != nil {
		return p, err
	}
	return p, writeLedger(dir, p.Left)
}

func pruneTo(dir string, limit, target int64) (Pruned, error) {
	entries, _, err := list(dir)
	if err != nil {
		return Pruned{}, err
	}
	var p Pruned
	for _, e := range entries {
		p.Left += e.size
	}
	if p.Left <= limit {
		return p, nil
	}
	slices.SortFunc(entries, func(a, b entry) int {
		// "r" before "v": reconstructions take the room, and can be made again.
		return cmp.Or(cmp.Compare(a.space, b.space), a.used.Compare(b.used), cmp.Compare(a.path, b.path))
	})
	for _, e := range entries {
		if p.Left <= target {
			break
		}
		if err := os.Remove(e.path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return p, fmt.Errorf("pruning the cache: %w", err)
		}
		p.Left -= e.size
		p.Freed += e.size
		p.Removed++
	}
	return p, nil
}
