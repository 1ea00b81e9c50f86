// Package cache keeps results between runs, in plain files of a folder.
//
// Its opinion: an entry is one file, named by its key, written beside its place and
// renamed, never changed, and holding its own key and check sum. So any number of
// processes read and write at once without a lock, on any file system; a torn, edited or
// misplaced file is noticed when it is read, and is as if it were not there. An embedded
// database would need either one writer at a time, which two runs are not (bbolt), or a
// server's machinery to have several (SQLite's journal, which network file systems break);
// the build cache of the Go command has shown for years that files do.
//
// What is kept is bounded in size: the least recently used goes first, reconstructions
// before values, since they take most of the room and can be made again from what made
// them. Nothing in a folder that a cache did not write is ever removed.
package cache

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/gofrs/flock"

	"github.com/vtbench/vtbench/internal/files"
)

// A Space tells kinds of entries apart.
type Space string

// The spaces there are.
const (
	Values          Space = "v" // values of one reconstruction
	Reconstructions Space = "r" // pixels and tokens
)

// DefaultLimit is the size that a cache has unless another one is asked for.
const DefaultLimit = 10 << 30

// The form of an entry: a line that says what it is, the key, the SHA-256 of the content,
// the content.
const (
	magic  = "vtbench cache 1\n"
	header = len(magic) + 2*sha256.Size
	// maxEntry bounds an entry while it is read: pixels of 8192² and their tokens fit.
	maxEntry = 256 << 20
)

// Files of a cache beside its entries.
const (
	tagFile    = "CACHEDIR.TAG"
	lockFile   = "lock" // held while entries are counted and removed
	ledgerFile = "size" // bytes of all entries, as of the last time somebody counted
)

// tag is understood by programs that make backups (bford.info/cachedir).
const tag = "Signature: 8a477f597d28d172789f06886806bc55\n# Results that vtbench keeps between runs. It may be removed at any time.\n"

// fresh is how old the time of last use may become before reading an entry renews it.
const fresh = 10 * time.Minute

// A Key names an entry.
type Key = [sha256.Size]byte

// A Cache is an opened folder. It is safe for concurrent use.
type Cache struct {
	dir   string
	limit int64

	hits, misses, damaged, failed atomic.Int64
	unbooked                      atomic.Int64 // bytes written that are not in the ledger yet
}

// Stats say what a cache did since it was opened.
type Stats struct {
	Hits, Misses int64
	// Damaged are entries that were torn, edited or another one's; they were taken for
	// missing.
	Damaged int64
	Failed  int64 // entries that could not be written
}

// Open opens the cache in a folder and makes it where there is none. A limit of 0 is
// [DefaultLimit]. A folder that holds something else is refused.
func Open(dir string, limit int64) (*Cache, error) {
	if limit == 0 {
		limit = DefaultLimit
	}
	if limit < 0 {
		return nil, fmt.Errorf("opening the cache: a size of %d bytes", limit)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("opening the cache: %w", err)
	}
	if err := isCache(dir); err != nil {
		if !errors.Is(err, errEmpty) {
			return nil, err
		}
		if err := place(filepath.Join(dir, tagFile), []byte(tag)); err != nil {
			return nil, fmt.Errorf("making the cache: %w", err)
		}
	}
	return &Cache{dir: dir, limit: limit}, nil
}

var errEmpty = errors.New("the folder is empty")

// isCache says why a folder is none; errEmpty where it may become one.
func isCache(dir string) error {
	b, err := files.Read(filepath.Join(dir, tagFile), 4096)
	switch {
	case err == nil && string(b) == tag:
		return nil
	case err == nil:
		return fmt.Errorf("%s is a cache of another program; choose another folder", dir)
	case !errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("opening the cache: %w", err)
	}
	d, err := os.Open(dir) //nolint:forbidigo // a directory: a file of it was looked for above
	if err != nil {
		return fmt.Errorf("opening the cache: %w", err)
	}
	defer d.Close()
	names, err := d.Readdirnames(8)
	if err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("opening the cache: %w", err)
	}
	for _, n := range names {
		// Another process may be making it at this moment.
		if strings.HasPrefix(n, temporary) || n == tagFile {
			continue
		}
		// Or has made it, and begun to use it, since the tag was looked for.
		if b, err := files.Read(filepath.Join(dir, tagFile), 4096); err != nil || string(b) != tag {
			return fmt.Errorf("%s holds other files (%s) and is no cache; choose an empty folder", dir, n)
		}
		return nil
	}
	return errEmpty
}

// Dir is the folder.
func (c *Cache) Dir() string { return c.dir }

// Stats says what was done so far.
func (c *Cache) Stats() Stats {
	return Stats{c.hits.Load(), c.misses.Load(), c.damaged.Load(), c.failed.Load()}
}

// path is where an entry lies: 256 folders keep each of them small.
func (c *Cache) path(s Space, k Key) string {
	name := hex.EncodeToString(k[:])
	return filepath.Join(c.dir, name[:2], name+"-"+string(s))
}

// Get returns the content of an entry, and whether it is there and whole.
func (c *Cache) Get(s Space, k Key) ([]byte, bool) {
	path := c.path(s, k)
	b, used, err := read(path)
	if err == nil {
		b, err = content(b, k)
	}
	switch {
	case err == nil:
		c.hits.Add(1)
		if now := time.Now(); now.Sub(used) > fresh {
			_ = os.Chtimes(path, now, now) // a time that is not renewed costs the entry its place at worst
		}
		return b, true
	case errors.Is(err, errDamaged):
		c.damaged.Add(1)
		_ = os.Remove(path) // it is of no use; the next one to need it writes it anew
	}
	// What cannot be opened may be whole: there are too few descriptors, or no right to it.
	c.misses.Add(1)
	return nil, false
}

// Has reports whether an entry is there, without looking whether it is whole.
func (c *Cache) Has(s Space, k Key) bool {
	st, err := os.Lstat(c.path(s, k))
	return err == nil && st.Mode().IsRegular()
}

// read reads a file and tells when it was last used.
func read(path string) ([]byte, time.Time, error) {
	f, err := files.Open(path)
	if err != nil {
		return nil, time.Time{}, err
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return nil, time.Time{}, err
	}
	if st.Size() > maxEntry {
		return nil, time.Time{}, errDamaged
	}
	b := make([]byte, st.Size())
	if _, err := io.ReadFull(f, b); errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, time.Time{}, errDamaged
	} else if err != nil {
		return nil, time.Time{}, err
	}
	return b, st.ModTime(), nil
}

var errDamaged = errors.New("the entry is damaged")

// content checks an entry against its key and its sum.
func content(b []byte, k Key) ([]byte, error) {
	if len(b) < header || string(b[:len(magic)]) != magic || !bytes.Equal(b[len(magic):len(magic)+len(k)], k[:]) {
		return nil, errDamaged
	}
	body := b[header:]
	if sum := sha256.Sum256(body); !bytes.Equal(sum[:], b[len(magic)+len(k):header]) {
		return nil, errDamaged
	}
	return body, nil
}

// Put keeps an entry. An entry that cannot be written is counted and otherwise ignored:
// a cache never costs a run its result.
func (c *Cache) Put(s Space, k Key, body []byte) {
	if len(body) > maxEntry-header || int64(len(body)) > c.limit/4 {
		return
	}
	b := make([]byte, 0, header+len(body))
	b = append(b, magic...)
	b = append(b, k[:]...)
	sum := sha256.Sum256(body)
	b = append(b, sum[:]...)
	b = append(b, body...)
	if err := place(c.path(s, k), b); err != nil {
		c.failed.Add(1)
		return
	}
	// A long run looks after the limit on its way, not only at its end.
	if n := c.unbooked.Add(int64(len(b))); n > max(c.limit/20, 1<<20) && c.unbooked.CompareAndSwap(n, 0) {
		if err := c.book(n); err != nil {
			c.failed.Add(1)
		}
	}
}

// temporary begins the names of files that are being written.
const temporary = ".new-"

// place writes a file beside its place and renames it. It is not synced: what a power cut
// tears is noticed by its check sum.
func place(path string, b []byte) error {
	dir := filepath.Dir(path)
	f, err := os.CreateTemp(dir, temporary+"*")
	if errors.Is(err, fs.ErrNotExist) {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return err
		}
		f, err = os.CreateTemp(dir, temporary+"*")
	}
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return nil
}

// Close books what was written and brings the folder back under its limit.
func (c *Cache) Close() error {
	if n := c.unbooked.Swap(0); n > 0 {
		return c.book(n)
	}
	return nil
}

// book adds to the ledger; over the limit, it counts and prunes. Another process that is
// just doing so does it for this one, too.
func (c *Cache) book(n int64) error {
	l := flock.New(filepath.Join(c.dir, lockFile), flock.SetPermissions(0o600))
	if ok, err := l.TryLock(); err != nil || !ok {
		if err != nil {
			return fmt.Errorf("locking the cache: %w", err)
		}
		c.unbooked.Add(n)
		return nil
	}
	defer l.Unlock() //nolint:errcheck // the lock goes with the file
	size, known := readLedger(c.dir)
	if known && size+n <= c.limit {
		return writeLedger(c.dir, size+n)
	}
	_, err := prune(c.dir, c.limit)
	return err
}

func readLedger(dir string) (int64, bool) {
	b, err := files.Read(filepath.Join(dir, ledgerFile), 64)
	if err != nil {
		return 0, false
	}
	n, err := strconv.ParseInt(strings.TrimSpace(string(b)), 10, 64)
	return n, err == nil && n >= 0
}

func writeLedger(dir string, n int64) error {
	if err := place(filepath.Join(dir, ledgerFile), []byte(strconv.FormatInt(n, 10)+"\n")); err != nil {
		return fmt.Errorf("keeping the size of the cache: %w", err)
	}
	return nil
}

// entryName is the form of the names of entries.
var entryName = regexp.MustCompile(`^[0-9a-f]{64}-[vr]$`)
