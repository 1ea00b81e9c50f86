package cache_test

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/vtbench/vtbench/bench/cache"
)

func key(s string) cache.Key { return sha256.Sum256([]byte(s)) }

func open(t *testing.T, dir string, limit int64) *cache.Cache {
	t.Helper()
	c, err := cache.Open(dir, limit)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestEntries(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "cache")
	c := open(t, dir, 0)
	if _, ok := c.Get(cache.Values, key("a")); ok {
		t.Error("an empty cache has something")
	}
	for _, body := range []string{"", "content", strings.Repeat("x", 1<<20)} {
		c.Put(cache.Values, key("a"), []byte(body))
		if got, ok := c.Get(cache.Values, key("a")); !ok || string(got) != body {
			t.Errorf("%d bytes came back as %d, %v", len(body), len(got), ok)
		}
	}
	if _, ok := c.Get(cache.Reconstructions, key("a")); ok || c.Has(cache.Reconstructions, key("a")) || !c.Has(cache.Values, key("a")) {
		t.Error("spaces are mixed up")
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	info, err := cache.Inspect(dir, true)
	if err != nil || info.Entries != 1 || len(info.Damaged)+len(info.Foreign) != 0 {
		t.Errorf("%+v, %v", info, err)
	}
}

// What was torn, edited or put in another's place is no entry, is counted and goes away.
func TestDamage(t *testing.T) {
	for name, harm := range map[string]func([]byte, []byte) []byte{
		"torn":          func(b, _ []byte) []byte { return b[:len(b)-3] },
		"torn header":   func(b, _ []byte) []byte { return b[:20] },
		"empty":         func([]byte, []byte) []byte { return nil },
		"a bit":         func(b, _ []byte) []byte { b[len(b)-1] ^= 1; return b },
		"longer":        func(b, _ []byte) []byte { return append(b, 'x') },
		"another key's": func(_, other []byte) []byte { return other },
		"other version": func(b, _ []byte) []byte { return bytes.Replace(b, []byte("cache 1"), []byte("cache 2"), 1) },
		"something":     func([]byte, []byte) []byte { return []byte("not of a cache at all") },
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			c := open(t, dir, 0)
			c.Put(cache.Values, key("a"), []byte("values of a"))
			c.Put(cache.Values, key("b"), []byte("values of b"))
			path := func(s string) string {
				k := fmt.Sprintf("%x", key(s))
				return filepath.Join(dir, k[:2], k+"-v")
			}
			a, err := os.ReadFile(path("a"))
			if err != nil {
				t.Fatal(err)
			}
			b, err := os.ReadFile(path("b"))
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path("a"), harm(a, b), 0o600); err != nil {
				t.Fatal(err)
			}
			if info, err := cache.Inspect(dir, true); err != nil || len(info.Damaged) != 1 {
				t.Errorf("inspection: %+v, %v", info, err)
			}
			if got, ok := c.Get(cache.Values, key("a")); ok {
				t.Errorf("got %q", got)
			}
			if c.Stats().Damaged != 1 {
				t.Errorf("%+v", c.Stats())
			}
			if c.Has(cache.Values, key("a")) {
				t.Error("it is still there")
			}
			if got, ok := c.Get(cache.Values, key("b")); !ok || string(got) != "values of b" {
				t.Error("it cost another entry")
			}
		})
	}
}

// What cannot be opened is missing and stays: it may be whole, or nothing of a cache's.
func TestWhatCannotBeOpened(t *testing.T) {
	for name, put := range map[string]func(path string) error{
		"a folder":         func(path string) error { return os.Mkdir(path, 0o700) },
		"a pipe":           func(path string) error { return syscall.Mkfifo(path, 0o600) },
		"a link to itself": func(path string) error { return os.Symlink(path, path) },
	} {
		dir := t.TempDir()
		c := open(t, dir, 0)
		c.Put(cache.Values, key("a"), []byte("values of a"))
		k := fmt.Sprintf("%x", key("a"))
		path := filepath.Join(dir, k[:2], k+"-v")
		if err := errors.Join(os.Remove(path), put(path)); err != nil {
			t.Fatal(err)
		}
		if got, ok := c.Get(cache.Values, key("a")); ok || c.Stats().Misses != 1 || c.Stats().Damaged != 0 {
			t.Errorf("%s: got %q, %+v", name, got, c.Stats())
		}
		if _, err := os.Lstat(path); err != nil {
			t.Errorf("%s was removed: %v", name, err)
		}
	}
}

// A folder with other things in it is not taken, and nothing foreign is ever removed.
func TestForeign(t *testing.T) {
	dir := t.TempDir()
	mine := filepath.Join(dir, "thesis.txt")
	if err := os.WriteFile(mine, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := cache.Open(dir, 0); err == nil || !strings.Contains(err.Error(), "thesis.txt") {
		t.Errorf("a folder of somebody's: %v", err)
	}
	if _, err := cache.Prune(dir, 0); err == nil {
		t.Error("a folder of somebody's was pruned")
	}
	sub := filepath.Join(dir, "cache")
	c := open(t, sub, 0)
	c.Put(cache.Values, key("a"), []byte("a"))
	strange := filepath.Join(sub, "ab", "notes.txt")
	if err := os.MkdirAll(filepath.Dir(strange), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, f := range []string{strange, filepath.Join(sub, "readme")} {
		if err := os.WriteFile(f, []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if info, err := cache.Inspect(sub, false); err != nil || len(info.Foreign) != 2 || info.Entries != 1 {
		t.Errorf("%+v, %v", info, err)
	}
	if p, err := cache.Prune(sub, 0); err != nil || p.Removed != 1 || p.Left != 0 {
		t.Errorf("%+v, %v", p, err)
	}
	if _, err := os.Stat(strange); err != nil {
		t.Error("a foreign file was removed")
	}
}

// The least recently used goes first, reconstructions before values.
func TestPrune(t *testing.T) {
	dir := t.TempDir()
	c := open(t, dir, 0)
	body := bytes.Repeat([]byte("x"), 1000)
	then := time.Now().Add(-24 * time.Hour)
	for i := range 10 {
		name := fmt.Sprint(i)
		c.Put(cache.Reconstructions, key(name), body)
		c.Put(cache.Values, key(name), body)
		for _, s := range []string{"r", "v"} {
			k := fmt.Sprintf("%x", key(name))
			at := then.Add(time.Duration(i) * time.Minute)
			if err := os.Chtimes(filepath.Join(dir, k[:2], k+"-"+s), at, at); err != nil {
				t.Fatal(err)
			}
		}
	}
	if _, ok := c.Get(cache.Reconstructions, key("0")); !ok { // which makes it the youngest
		t.Fatal("lost")
	}
	info, err := cache.Inspect(dir, false)
	if err != nil {
		t.Fatal(err)
	}
	one := info.Bytes / 20
	if p, err := cache.Prune(dir, 14*one); err != nil || p.Removed != 6 || p.Left != 14*one {
		t.Fatalf("%+v, %v", p, err)
	}
	for i := range 10 {
		name := fmt.Sprint(i)
		if !c.Has(cache.Values, key(name)) {
			t.Errorf("values %d went before reconstructions", i)
		}
		if want := i == 0 || i > 6; c.Has(cache.Reconstructions, key(name)) != want {
			t.Errorf("reconstruction %d: %v", i, !want)
		}
	}
	if p, err := cache.Prune(dir, 3*one); err != nil || p.Removed != 11 {
		t.Errorf("%+v, %v", p, err)
	}
	for i := range 10 {
		if want := i >= 7; c.Has(cache.Values, key(fmt.Sprint(i))) != want {
			t.Errorf("values %d: %v", i, !want)
		}
	}
}

// A cache keeps under its limit by itself, also while a long run writes.
func TestLimit(t *testing.T) {
	dir := t.TempDir()
	const limit = 8 << 20
	c := open(t, dir, limit)
	body := bytes.Repeat([]byte("x"), 200<<10)
	for i := range 200 {
		c.Put(cache.Reconstructions, key(fmt.Sprint(i)), body)
	}
	if info, err := cache.Inspect(dir, false); err != nil || info.Bytes > limit+2<<20 {
		t.Errorf("%d bytes while writing, %v", info.Bytes, err)
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	if info, err := cache.Inspect(dir, false); err != nil || info.Bytes > limit || info.Bytes < limit/2 {
		t.Errorf("%d bytes at the end, %v", info.Bytes, err)
	}
	c = open(t, dir, limit)
	c.Put(cache.Values, key("huge"), bytes.Repeat(body, 20)) // half the limit
	if c.Has(cache.Values, key("huge")) {
		t.Error("one entry took half the cache")
	}
}

// Many write and read the same entries at once, and prune.
func TestSharing(t *testing.T) {
	dir := t.TempDir()
	var g sync.WaitGroup
	for w := range 4 {
		g.Go(func() {
			c, err := cache.Open(dir, 1<<20)
			if err != nil {
				t.Error(err)
				return
			}
			for i := range 100 {
				name := fmt.Sprint(i % 20)
				want := strings.Repeat(name, 5000)
				if got, ok := c.Get(cache.Values, key(name)); ok && string(got) != want {
					t.Errorf("entry %s of another content", name)
				}
				c.Put(cache.Values, key(name), []byte(want))
				if i%25 == w {
					if _, err := cache.Prune(dir, 100_000); err != nil {
						t.Error(err)
					}
				}
			}
			if err := c.Close(); err != nil {
				t.Error(err)
			}
			if st := c.Stats(); st.Damaged != 0 || st.Failed != 0 {
				t.Errorf("%+v", st)
			}
		})
	}
	g.Wait()
}

// BenchmarkGet is the look-up of the values of one reconstruction, and so of some hundred
// values at once in a suite of text.
func BenchmarkGet(b *testing.B) {
	dir := b.TempDir()
	c, err := cache.Open(dir, 0)
	if err != nil {
		b.Fatal(err)
	}
	body := bytes.Repeat([]byte("x"), 4000)
	for i := range 256 {
		c.Put(cache.Values, key(fmt.Sprint(i)), body)
	}
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		if _, ok := c.Get(cache.Values, key(fmt.Sprint(i%256))); !ok {
			b.Fatal("lost")
		}
		i++
	}
}
