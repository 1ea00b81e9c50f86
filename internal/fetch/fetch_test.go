package fetch_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/vtbench/vtbench/internal/fetch"
)

var content = bytes.Repeat([]byte("0123456789abcdef"), 4096) // 64 KiB

func sum(b []byte) string { return fmt.Sprintf("%x", sha256.Sum256(b)) }

func options() fetch.Options {
	return fetch.Options{Idle: time.Minute, Wait: time.Millisecond}
}

// serve answers with a handler, and counts requests.
func serve(t *testing.T, h http.HandlerFunc) (string, *atomic.Int64) {
	t.Helper()
	var n atomic.Int64
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n.Add(1)
		h(w, r)
	}))
	t.Cleanup(s.Close)
	return s.URL, &n
}

// whole serves content, with ranges.
func whole(w http.ResponseWriter, r *http.Request) {
	http.ServeContent(w, r, "f", time.Time{}, bytes.NewReader(content))
}

// part sends n bytes of a body that claims to have all.
func part(w http.ResponseWriter, b []byte, n int) {
	w.Header().Set("Content-Length", fmt.Sprint(len(b)))
	_, _ = w.Write(b[:n])
	if f, ok := w.(http.Flusher); ok {
		f.Flush()
	}
	panic(http.ErrAbortHandler)
}

func one(urls ...string) *fetch.List {
	return &fetch.List{Files: []fetch.File{{URLs: urls, Name: "sub/f.bin", SHA256: sum(content), Size: int64(len(content))}}}
}

func TestFetch(t *testing.T) {
	for name, tc := range map[string]struct {
		serve    http.HandlerFunc
		before   []byte // a part that is there already
		err      string // "" for success
		requests int64  // 0 for any number
	}{
		"plain":          {whole, nil, "", 1},
		"goes on":        {whole, content[:1000], "", 1},
		"all there":      {whole, content, "", -1},
		"part of others": {whole, bytes.Repeat([]byte("x"), 1000), "SHA-256", 1},
		"part too long":  {whole, append(bytes.Clone(content), 'x'), "", 1},
		"without ranges": {func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(content) }, content[:1000], "", 1},
		"cut off, then the rest": {func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Range") == "" {
				part(w, content, 30_000)
			}
			whole(w, r)
		}, nil, "", 2},
		"cut off without ranges": {func(w http.ResponseWriter, _ *http.Request) { part(w, content, 30_000) }, nil, "after", 4},
		"ends early without a length": {func(w http.ResponseWriter, _ *http.Request) {
			w.(http.Flusher).Flush()
			_, _ = w.Write(content[:100])
		}, nil, "ends after 100 of 65536 bytes", 4},
		"redirected": {func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path != "/there" {
				http.Redirect(w, r, "/there", http.StatusFound)
				return
			}
			whole(w, r)
		}, nil, "", 2},
		"redirected for ever": {func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/again", http.StatusFound) }, nil, "more than ten redirections", 0},
		"another length":      {func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("short")) }, nil, "has 5 bytes, the recipe says 65536", 1},
		"more than it says": {func(w http.ResponseWriter, _ *http.Request) {
			w.(http.Flusher).Flush() // no length is told
			for range 1000 {
				if _, err := w.Write(content); err != nil {
					return
				}
			}
		}, nil, "sends more than the 65536 bytes", 1},
		"other bytes": {func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(bytes.Repeat([]byte("x"), len(content))) }, nil, "has SHA-256 " + sum(bytes.Repeat([]byte("x"), len(content))), 1},
		"another range": {func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Range") == "" {
				whole(w, r)
				return
			}
			w.Header().Set("Content-Range", "bytes 5-99/65536")
			w.WriteHeader(http.StatusPartialContent)
		}, content[:1000], "", 2},
		"a range of another file": {func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Range") == "" {
				whole(w, r)
				return
			}
			w.Header().Set("Content-Range", "bytes 1000-1999/2000")
			w.WriteHeader(http.StatusPartialContent)
		}, content[:1000], "", 2},
		"not there": {http.NotFound, nil, "404 Not Found", 1},
		"busy, then there": {func() http.HandlerFunc {
			var n atomic.Int64
			return func(w http.ResponseWriter, r *http.Request) {
				if n.Add(1) < 3 {
					w.WriteHeader(http.StatusServiceUnavailable)
					return
				}
				whole(w, r)
			}
		}(), nil, "", 3},
		"silence": {func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", "65536")
			_, _ = w.Write(content[:10])
			w.(http.Flusher).Flush()
			<-r.Context().Done()
		}, nil, "nothing came for", 4},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			url, n := serve(t, tc.serve)
			file := filepath.Join(dir, "sub", "f.bin")
			if tc.before != nil {
				if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(file+".part", tc.before, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			o := options()
			if name == "silence" {
				o.Idle = 100 * time.Millisecond
			}
			_, err := one(url).Fetch(t.Context(), dir, o)
			if tc.err == "" && err != nil || tc.err != "" && (err == nil || !strings.Contains(err.Error(), tc.err)) {
				t.Fatalf("error %v, want one with %q", err, tc.err)
			}
			if want := tc.requests; want > 0 && n.Load() != want || want < 0 && n.Load() != 0 {
				t.Errorf("%d requests, want %d", n.Load(), want)
			}
			got, readErr := os.ReadFile(file)
			if (readErr == nil) != (tc.err == "") || readErr == nil && !bytes.Equal(got, content) {
				t.Errorf("the file has %d bytes, %v", len(got), readErr)
			}
			if _, err := os.Stat(file + ".part.lock"); err == nil {
				t.Error("the lock is left")
			}
			if st, err := os.Stat(file + ".part"); err == nil && (tc.err == "" || st.Size() > int64(len(content))) {
				t.Errorf("a part of %d bytes is left", st.Size())
			}
		})
	}
}

// A file that is there is not fetched again; one that is there with other bytes is not
// touched.
func TestThereAlready(t *testing.T) {
	dir := t.TempDir()
	url, n := serve(t, whole)
	for range 2 {
		if _, err := one(url).Fetch(t.Context(), dir, options()); err != nil {
			t.Fatal(err)
		}
	}
	if n.Load() != 1 {
		t.Errorf("%d requests", n.Load())
	}
	file := filepath.Join(dir, "sub", "f.bin")
	if err := os.WriteFile(file, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := one(url).Fetch(t.Context(), dir, options()); err == nil || !strings.Contains(err.Error(), "remove it first") {
		t.Errorf("another file in its place: %v", err)
	}
	if b, err := os.ReadFile(file); err != nil || string(b) != "mine" {
		t.Errorf("it was changed to %q, %v", b, err)
	}
}

// Mirrors stand in for each other, several files come at once, one that fails costs itself.
func TestSeveral(t *testing.T) {
	good, _ := serve(t, whole)
	bad, _ := serve(t, http.NotFound)
	dir := t.TempDir()
	l := one(bad, good)
	for i := range 9 {
		l.Files = append(l.Files, fetch.File{URLs: []string{good}, Name: fmt.Sprintf("%d.bin", i), SHA256: sum(content), Size: int64(len(content))})
	}
	l.Files[5].URLs = []string{bad}
	status, err := l.Fetch(t.Context(), dir, options())
	if err == nil || !strings.Contains(err.Error(), "fetching 4.bin") || strings.Count(err.Error(), "fetching") != 1 {
		t.Errorf("error %v", err)
	}
	for i, s := range status {
		if (s.Err == nil) != (i != 5) || s.Err == nil && !s.Fresh {
			t.Errorf("%s: %+v", s.File.Name, s)
		}
	}
}

// What is interrupted goes on where it ended.
func TestInterrupted(t *testing.T) {
	dir := t.TempDir()
	ctx, cancel := context.WithCancel(t.Context())
	url, _ := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Range") != "" {
			whole(w, r)
			return
		}
		w.Header().Set("Content-Length", "65536")
		_, _ = w.Write(content[:40_000])
		w.(http.Flusher).Flush()
		time.AfterFunc(50*time.Millisecond, cancel)
		<-r.Context().Done()
	})
	o := options()
	if _, err := one(url).Fetch(ctx, dir, o); !errors.Is(err, context.Canceled) {
		t.Fatalf("error %v", err)
	}
	st, err := os.Stat(filepath.Join(dir, "sub", "f.bin.part"))
	if err != nil || st.Size() == 0 {
		t.Fatalf("nothing was kept: %v", err)
	}
	if _, err := one(url).Fetch(t.Context(), dir, o); err != nil {
		t.Fatal(err)
	}
}

// The proxy that the environment names is asked. The environment is read once a process, so
// the test is a process of its own.
func TestProxy(t *testing.T) {
	if dir := os.Getenv("FETCH_THROUGH_PROXY"); dir != "" {
		if _, err := one("http://nowhere.example/f").Fetch(t.Context(), dir, options()); err != nil {
			t.Fatal(err)
		}
		return
	}
	var asked atomic.Value
	url, _ := serve(t, func(w http.ResponseWriter, r *http.Request) {
		asked.Store(r.URL.String())
		whole(w, r)
	})
	dir := t.TempDir()
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestProxy$")
	cmd.Env = append(os.Environ(), "FETCH_THROUGH_PROXY="+dir, "HTTP_PROXY="+url, "http_proxy="+url, "NO_PROXY=", "no_proxy=")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if got := asked.Load(); got != "http://nowhere.example/f" {
		t.Errorf("the proxy was asked for %v", got)
	}
}

func TestLoad(t *testing.T) {
	sound := "pull: 1\nname: mine\nlicence: CC0-1.0\nfiles:\n  - {url: \"https://h.example/a.zip\", sha256: " + sum(nil) + ", size: 12}\n"
	load := func(text string) (*fetch.List, error) {
		file := filepath.Join(t.TempDir(), "p.yaml")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return fetch.Load(file)
	}
	l, err := load(sound)
	if err != nil || l.Files[0].Name != "a.zip" {
		t.Fatalf("%+v, %v", l, err)
	}
	for old, with := range map[string][2]string{
		"pull: 1":             {"pull: 2", "p.yaml:1:7: pull: is 2"},
		"name: mine":          {"name: ../mine", "name: is \"../mine\""},
		"licence: CC0-1.0":    {"licence: \"\"", "under which terms"},
		"https://h":           {"ftp://h", "begins with https:// or http://"},
		"/a.zip\"":            {"/a.zip\", name: ../a", "files[0].name: is \"../a\""},
		"a.zip\",":            {"\",", "files[0].name"},
		"sha256: ":            {"sha256: x", "files[0].sha256"},
		"size: 12":            {"size: 0", "files[0].size: is 0"},
		", size: 12":          {", seize: 12", `unknown field "seize", did you mean "size"?`},
		"\"https://h.example": {"\"file:///etc", "files[0].url"},
	} {
		if _, err := load(strings.Replace(sound, old, with[0], 1)); err == nil || !strings.Contains(err.Error(), with[1]) {
			t.Errorf("%s: error %v, want one with %q", with[0], err, with[1])
		}
	}
	if _, err := load(sound + strings.SplitAfter(sound, "files:\n")[1]); err == nil || !strings.Contains(err.Error(), "and so is that of files[0]") {
		t.Errorf("a name twice: %v", err)
	}
}
