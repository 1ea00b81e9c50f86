// Package fetch downloads the files of a list, each named by its digest and size.
//
// Its opinion: what a server says is a claim. Nothing is kept that has not the size and the
// SHA-256 that the list states; a server that sends more is cut off, one that sends less is
// asked for the rest, by Range where it can; what arrived stays beside the place of the file
// until all of it is there, so that the next call goes on. Proxies are those of the
// environment.
//
//	list, err := fetch.Load("kodak.yaml")
//	err = list.Fetch(ctx, "kodak", fetch.Options{Log: os.Stderr})
package fetch

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/gofrs/flock"

	"github.com/vtbench/vtbench/internal/files"
	"github.com/vtbench/vtbench/internal/strictyaml"
	"github.com/vtbench/vtbench/internal/wholefile"
)

// Format is the version of the lists.
const Format = 1

// MaxSize bounds a file: a terabyte.
const MaxSize = 1 << 40

// A List is a YAML file that says what a data set is made of.
type List struct {
	Format  int    `yaml:"pull"` // 1
	Name    string `yaml:"name"`
	Title   string `yaml:"title"`
	Licence string `yaml:"licence"` // SPDX id, or what is known of the terms
	Source  string `yaml:"source"`  // the page that describes it
	Files   []File `yaml:"files"`
}

// A File is one download.
type File struct {
	URL    string   `yaml:"url"`
	URLs   []string `yaml:"urls"` // mirrors, tried in their order, instead of url
	Name   string   `yaml:"name"` // below the folder; the end of the URL where it is left out
	SHA256 string   `yaml:"sha256"`
	Size   int64    `yaml:"size"` // in bytes
	// Unpack says that the archive is unpacked beside itself, which is seldom needed: data
	// sets are read out of zip and tar files.
	Unpack bool `yaml:"unpack"`
}

// Load reads a list and checks it. Errors name file and line.
func Load(file string) (*List, error) {
	b, err := files.Read(file, strictyaml.MaxBytes)
	if err != nil {
		return nil, fmt.Errorf("reading recipe: %w", err)
	}
	var l List
	if err := strictyaml.Decode(file, b, &l); err != nil {
		return nil, fmt.Errorf("reading recipe: %w", err)
	}
	if field, err := l.check(); err != nil {
		return nil, fmt.Errorf("reading recipe: %s: %s: %w", strictyaml.Where(file, b, field), field, err)
	}
	return &l, nil
}

// check tells which field is wrong, and how. It fills in names.
func (l *List) check() (field string, err error) {
	switch {
	case l.Format != Format:
		return "pull", fmt.Errorf("is %d, want %d, the version of the format", l.Format, Format)
	case !plain(l.Name):
		return "name", fmt.Errorf("is %q: want a name for a folder", l.Name)
	case l.Licence == "":
		return "licence", errors.New("is missing: under which terms may the files be used?")
	case len(l.Files) == 0:
		return "files", errors.New("is empty")
	}
	seen := map[string]string{}
	for i := range l.Files {
		f, at := &l.Files[i], fmt.Sprintf("files[%d]", i)
		if (f.URL == "") == (len(f.URLs) == 0) {
			return at + ".url", errors.New("either url or urls is wanted")
		}
		if f.URL != "" {
			f.URLs = []string{f.URL}
		}
		for _, s := range f.URLs {
			u, err := url.Parse(s)
			if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
				return at + ".url", fmt.Errorf("is %q: want an address that begins with https:// or http://", s)
			}
			if f.Name == "" {
				f.Name = path.Base(u.Path)
			}
		}
		for _, part := range strings.Split(f.Name, "/") {
			if !plain(part) {
				return at + ".name", fmt.Errorf("is %q: want a name below the folder, with / as separator", f.Name)
			}
		}
		if sum, err := hex.DecodeString(f.SHA256); err != nil || len(sum) != sha256.Size {
			return at + ".sha256", fmt.Errorf("is %q: want 64 hexadecimal digits", f.SHA256)
		}
		if f.Size < 1 || f.Size > MaxSize {
			return at + ".size", fmt.Errorf("is %d: the number of bytes is wanted", f.Size)
		}
		if other, twice := seen[strings.ToLower(f.Name)]; twice {
			return at + ".name", fmt.Errorf("is %s, and so is that of %s", f.Name, other)
		}
		seen[strings.ToLower(f.Name)] = at
	}
	return "", nil
}

// plain reports whether a name may be that of a file of ours.
func plain(name string) bool {
	return name != "" && !strings.HasPrefix(name, ".") && !strings.ContainsAny(name, "/\\:\x00") && len(name) < 200 && !strings.HasSuffix(name, partial) && !strings.HasSuffix(name, lock)
}

// Names that are ours while a file is fetched.
const (
	partial = ".part"
	lock    = ".part.lock"
)

// Options say how files are fetched. The zero value is the default.
type Options struct {
	Jobs   int       // files at once; 0 means 4
	Log    io.Writer // lines of progress; nil for none
	Client *http.Client
	Idle   time.Duration // how long a server may send nothing; 0 means a minute
	Wait   time.Duration // before the second try, doubled each time; 0 means half a second
}

// tries is how often a file is asked for.
const tries = 4

// A Status is what became of a file.
type Status struct {
	File  File
	Path  string
	Fresh bool // it was fetched now
	Err   error
}

// Fetch brings all files of a list into a folder, several at once, and tells what became of
// each. One that fails does not keep the others from coming; the error joins all.
func (l *List) Fetch(ctx context.Context, dir string, o Options) ([]Status, error) {
	if o.Jobs <= 0 {
		o.Jobs = 4
	}
	if o.Client == nil {
		o.Client = Client()
	}
	if o.Idle <= 0 {
		o.Idle = time.Minute
	}
	if o.Wait <= 0 {
		o.Wait = time.Second / 2
	}
	out := make([]Status, len(l.Files))
	slots := make(chan struct{}, o.Jobs)
	var wg sync.WaitGroup
	var said sync.Mutex
	for i, f := range l.Files {
		wg.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			g := getter{o: o, f: f, path: filepath.Join(dir, filepath.FromSlash(f.Name)), say: func(layout string, args ...any) {
				said.Lock()
				defer said.Unlock()
				if o.Log != nil {
					fmt.Fprintf(o.Log, layout+"\n", args...)
				}
			}}
			fresh, err := g.get(ctx)
			if err != nil {
				err = fmt.Errorf("fetching %s: %w", f.Name, err)
			}
			out[i] = Status{File: f, Path: g.path, Fresh: fresh, Err: err}
		})
	}
	wg.Wait()
	var errs []error
	for _, s := range out {
		errs = append(errs, s.Err)
	}
	return out, errors.Join(errs...)
}

// Client is what files are fetched with: proxies as the environment says, at most ten
// redirections, none of them from https to http, and bodies as they are.
func Client() *http.Client {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.Proxy = http.ProxyFromEnvironment
	t.DisableCompression = true
	t.ResponseHeaderTimeout = time.Minute
	return &http.Client{Transport: t, CheckRedirect: func(r *http.Request, via []*http.Request) error {
		switch {
		case len(via) > 10:
			return errors.New("more than ten redirections")
		case r.URL.Scheme != "https" && via[0].URL.Scheme == "https":
			return fmt.Errorf("redirected from https to %s", r.URL)
		}
		return nil
	}}
}

// getter fetches one file.
type getter struct {
	o    Options
	f    File
	path string
	say  func(layout string, args ...any)
}

// errFinal marks what another try does not mend.
type errFinal struct{ error }

func (e errFinal) Unwrap() error { return e.error }

func (g *getter) get(ctx context.Context) (fresh bool, err error) {
	if err := ctx.Err(); err != nil {
		return false, err
	}
	if _, err := os.Lstat(g.path); err == nil {
		sum, size, err := sumOf(ctx, g.path)
		if err != nil {
			return false, err
		}
		if size == g.f.Size && strings.EqualFold(sum, g.f.SHA256) {
			return false, nil
		}
		return false, fmt.Errorf("%s is there with %d bytes and SHA-256 %s, the recipe says %d and %s: remove it first", g.path, size, sum, g.f.Size, g.f.SHA256)
	}
	if err := os.MkdirAll(filepath.Dir(g.path), 0o777); err != nil {
		return false, err
	}
	guard := flock.New(g.path + lock)
	if ok, err := guard.TryLock(); err != nil || !ok {
		return false, errors.Join(errors.New("another program is fetching it"), err)
	}
	defer func() { err = errors.Join(err, guard.Unlock(), os.Remove(g.path+lock)) }()
	var last error
	for try := range tries {
		for _, from := range g.f.URLs {
			err := g.once(ctx, from)
			if err == nil {
				return true, g.keep()
			}
			if ctx.Err() != nil {
				return false, ctx.Err()
			}
			last = err
			g.say("%s: %v", g.f.Name, err)
		}
		var final errFinal
		if errors.As(last, &final) && len(g.f.URLs) == 1 {
			return false, last
		}
		if try < tries-1 {
			select {
			case <-ctx.Done():
				return false, ctx.Err()
			case <-time.After(g.o.Wait << try):
			}
		}
	}
	return false, last
}

// once asks one server for what is missing, and checks the whole where nothing is any more.
func (g *getter) once(ctx context.Context, from string) error {
	out, err := os.OpenFile(g.path+partial, os.O_CREATE|os.O_RDWR, 0o666) //nolint:forbidigo // our own file
	if err != nil {
		return errFinal{err}
	}
	err = g.fill(ctx, from, out)
	if err == nil {
		err = out.Sync()
	}
	if err = errors.Join(err, out.Close()); err != nil {
		return err
	}
	sum, _, err := sumOf(ctx, g.path+partial)
	if err != nil {
		return err
	}
	if !strings.EqualFold(sum, g.f.SHA256) {
		return errors.Join(errFinal{fmt.Errorf("%s has SHA-256 %s, the recipe says %s: not kept", from, sum, g.f.SHA256)}, os.Remove(g.path+partial))
	}
	return nil
}

// fill reads the rest of the file behind what is there.
func (g *getter) fill(ctx context.Context, from string, out *os.File) error {
	have, err := out.Seek(0, io.SeekEnd)
	if err != nil {
		return err
	}
	if have > g.f.Size {
		if have, err = 0, out.Truncate(0); err != nil {
			return err
		}
	}
	if have == g.f.Size {
		return nil
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, from, nil)
	if err != nil {
		return errFinal{err}
	}
	r.Header.Set("User-Agent", "vtbench")
	if have > 0 {
		r.Header.Set("Range", fmt.Sprintf("bytes=%d-", have))
		g.say("%s: going on at %d of %d bytes", g.f.Name, have, g.f.Size)
	} else {
		g.say("%s: %d bytes from %s", g.f.Name, g.f.Size, r.URL.Host)
	}
	resp, err := g.o.Client.Do(r)
	if err != nil {
		return err
	}
	defer resp.Body.Close() //nolint:errcheck // it was only read
	switch {
	case resp.StatusCode == http.StatusPartialContent && have > 0:
		if err := ranged(resp.Header.Get("Content-Range"), have, g.f.Size); err != nil {
			return errors.Join(fmt.Errorf("%s: %w", from, err), out.Truncate(0))
		}
	case resp.StatusCode == http.StatusOK: // the whole, whatever was asked for
		if n := resp.ContentLength; n >= 0 && n != g.f.Size {
			return errFinal{fmt.Errorf("%s has %d bytes, the recipe says %d: not kept", from, n, g.f.Size)}
		}
		have = 0
		if err := out.Truncate(0); err != nil {
			return err
		}
	case resp.StatusCode == http.StatusRequestedRangeNotSatisfiable:
		return errors.Join(fmt.Errorf("%s: the server has less than the %d bytes that are here", from, have), out.Truncate(0))
	case resp.StatusCode >= 400 && resp.StatusCode < 500 && resp.StatusCode != http.StatusTooManyRequests && resp.StatusCode != http.StatusRequestTimeout:
		return errFinal{fmt.Errorf("%s: %s", from, resp.Status)}
	default:
		return fmt.Errorf("%s: %s", from, resp.Status)
	}
	if _, err := out.Seek(have, io.SeekStart); err != nil {
		return err
	}
	idle := time.AfterFunc(g.o.Idle, func() { cancel(fmt.Errorf("nothing came for %s", g.o.Idle)) })
	defer idle.Stop()
	// One byte more than is wanted shows that there is more.
	n, err := io.Copy(out, io.LimitReader(watched{resp.Body, func() { idle.Reset(g.o.Idle) }}, g.f.Size-have+1))
	if cause := context.Cause(ctx); err != nil && cause != nil {
		err = cause
	}
	switch {
	case have+n > g.f.Size:
		return errors.Join(errFinal{fmt.Errorf("%s sends more than the %d bytes that the recipe says: not kept", from, g.f.Size)}, out.Truncate(0))
	case err != nil:
		return fmt.Errorf("%s, after %d of %d bytes: %w", from, have+n, g.f.Size, err)
	case have+n < g.f.Size:
		return fmt.Errorf("%s ends after %d of %d bytes: %w", from, have+n, g.f.Size, io.ErrUnexpectedEOF)
	}
	return nil
}

// ranged checks that a part is the one that was asked for: "bytes 100-199/200".
func ranged(s string, from, size int64) error {
	rest, ok := strings.CutPrefix(s, "bytes ")
	span, total, both := strings.Cut(rest, "/")
	first, _, dash := strings.Cut(span, "-")
	n, err := strconv.ParseInt(first, 10, 64)
	if !ok || !both || !dash || err != nil || n != from {
		return fmt.Errorf("bytes from %d were asked for, the server sends %q", from, s)
	}
	if t, err := strconv.ParseInt(total, 10, 64); total != "*" && (err != nil || t != size) {
		return fmt.Errorf("the server has %s bytes, the recipe says %d", total, size)
	}
	return nil
}

// watched tells whenever something was read.
type watched struct {
	r    io.Reader
	seen func()
}

func (w watched) Read(b []byte) (int, error) {
	n, err := w.r.Read(b)
	if n > 0 {
		w.seen()
	}
	return n, err
}

// keep puts the whole file in its place.
func (g *getter) keep() error {
	if err := os.Rename(g.path+partial, g.path); err != nil {
		return err
	}
	return wholefile.SyncFolder(filepath.Dir(g.path))
}

// sumOf is the SHA-256 and the size of a file.
func sumOf(ctx context.Context, name string) (string, int64, error) {
	f, err := files.OpenPlain(name)
	if err != nil {
		return "", 0, err
	}
	defer f.Close()
	h := sha256.New()
	n, err := io.Copy(h, ended{ctx, f})
	return hex.EncodeToString(h.Sum(nil)), n, err
}

// ended is a reader that ends with its context.
type ended struct {
	ctx context.Context
	r   io.Reader
}

func (e ended) Read(b []byte) (int, error) {
	if err := e.ctx.Err(); err != nil {
		return 0, err
	}
	return e.r.Read(b)
}
