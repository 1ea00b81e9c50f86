// Package serve shows a folder of runs in a browser while they are being made: the
// leaderboard of what is finished, how far the others are, and the report of each.
//
// Its opinion: a server on somebody's machine is reached by every page that their browser
// opens, so it answers only who asks for it by its own name, from its own pages. It hands
// out what this program makes from records, in a folder of its own, and no file of the runs
// as it lies there: a path cannot lead out of them, and a page that a stranger packed into a
// run directory is never shown. It reads and never writes; what it holds and how long it
// waits is bounded.
package serve

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/gofrs/flock"

	"github.com/vtbench/vtbench/internal/files"
	"github.com/vtbench/vtbench/reports/leaderboard"
)

// Options say what is served, and to whom.
type Options struct {
	Dir string
	// Hosts are names by which the server may be asked for, beside those of the machine
	// itself: what a proxy in front of it is called.
	Hosts []string
	leaderboard.Options
	// Log is told what goes wrong; nil is told nothing.
	Log func(line string)
}

// Bounds of the server.
const (
	maxConnections = 64
	maxHeader      = 16 << 10
	readTimeout    = 10 * time.Second
	writeTimeout   = 30 * time.Second
	idleTimeout    = 30 * time.Second
	stopTimeout    = 5 * time.Second
)

// Server serves one folder.
type Server struct {
	o     Options
	local bool // listens on this machine alone
	shelf *shelf
	watch *watch
}

// New opens a folder. Close removes what was made for it.
func New(o Options) (*Server, error) {
	dir, err := files.Dir(o.Dir)
	if err != nil {
		return nil, err
	}
	if o.Log == nil {
		o.Log = func(string) {}
	}
	work, err := newWork()
	if err != nil {
		return nil, fmt.Errorf("making a folder for pages: %w", err)
	}
	s := &Server{o: o, local: true}
	s.shelf = &shelf{ctx: context.Background(), work: work, kinds: o.Kinds, log: o.Log, pages: map[string]*shelved{}}
	s.watch = &watch{o: o, dir: dir}
	return s, nil
}

// Close removes the pages that were made.
func (s *Server) Close() error { return s.shelf.work.close() }

// Serve answers requests until the context ends, and then lets those that are being
// answered come to their end.
func (s *Server) Serve(ctx context.Context, l net.Listener) error {
	if a, ok := l.Addr().(*net.TCPAddr); ok {
		s.local = a.IP.IsLoopback()
	}
	ctx, stop := context.WithCancel(ctx)
	var wg sync.WaitGroup
	wg.Go(func() { s.watch.run(ctx) })
	s.shelf.ctx = ctx
	srv := &http.Server{
		Handler: s.Handler(), ReadHeaderTimeout: readTimeout, ReadTimeout: readTimeout, WriteTimeout: writeTimeout, IdleTimeout: idleTimeout,
		MaxHeaderBytes: maxHeader, ErrorLog: nil, BaseContext: func(net.Listener) context.Context { return ctx },
	}
	wg.Go(func() {
		<-ctx.Done()
		last, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTimeout)
		defer cancel()
		if err := srv.Shutdown(last); err != nil {
			s.o.Log("stopping: " + errors.Join(err, srv.Close()).Error())
		}
	})
	err := srv.Serve(&limited{Listener: l, room: make(chan struct{}, maxConnections)})
	stop()
	wg.Wait()
	s.shelf.wait()
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}

// limited accepts so many connections at once; others wait to be accepted.
type limited struct {
	net.Listener
	room chan struct{}
}

func (l *limited) Accept() (net.Conn, error) {
	l.room <- struct{}{}
	c, err := l.Listener.Accept()
	if err != nil {
		<-l.room
		return nil, err
	}
	return &counted{Conn: c, done: sync.OnceFunc(func() { <-l.room })}, nil
}

type counted struct {
	net.Conn
	done func()
}

func (c *counted) Close() error {
	defer c.done()
	return c.Conn.Close()
}

// Handler answers requests.
func (s *Server) Handler() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		for k, v := range map[string]string{
			"X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY", "Referrer-Policy": "no-referrer",
			"Cross-Origin-Resource-Policy": "same-origin", "Cross-Origin-Opener-Policy": "same-origin", "Content-Security-Policy": "frame-ancestors 'none'",
			"Cache-Control": "no-cache",
		} {
			h.Set(k, v)
		}
		if why, status := s.refuse(r); status != 0 {
			if status == http.StatusMethodNotAllowed {
				h.Set("Allow", "GET, HEAD")
			}
			http.Error(w, why, status)
			return
		}
		s.answer(w, r)
	})
}

// refuse says why a request is not answered.
func (s *Server) refuse(r *http.Request) (why string, status int) {
	switch {
	case r.Method != http.MethodGet && r.Method != http.MethodHead:
		return "this server is read-only", http.StatusMethodNotAllowed
	case !s.named(r.Host):
		// A page of a stranger whose name leads here asks by that name.
		return "this server does not go by that name; --host allows one", http.StatusForbidden
	case !s.ours(r):
		return "only this server's own pages may ask", http.StatusForbidden
	case badPath(r):
		return "this is no path", http.StatusBadRequest
	}
	return "", 0
}

// named reports whether a Host header names this server: an address, since no name server
// can give one of those another meaning, localhost, or a name that was allowed.
func (s *Server) named(host string) bool {
	name, _, err := net.SplitHostPort(host)
	if err != nil {
		name = strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
	}
	name = strings.ToLower(strings.TrimSuffix(name, "."))
	if ip := net.ParseIP(name); ip != nil {
		return !s.local || ip.IsLoopback()
	}
	return name == "localhost" || slices.ContainsFunc(s.o.Hosts, func(h string) bool { return strings.EqualFold(h, name) })
}

// ours reports whether a request comes from the address bar, a link, or a page of this
// server.
func (s *Server) ours(r *http.Request) bool {
	if o := r.Header.Get("Origin"); o != "" && o != "http://"+r.Host && o != "https://"+r.Host {
		return false
	}
	switch r.Header.Get("Sec-Fetch-Site") {
	case "", "none", "same-origin":
		return true
	}
	return r.Header.Get("Sec-Fetch-Mode") == "navigate" && r.Header.Get("Sec-Fetch-Dest") == "document"
}

// badPath reports paths that no page of this server links to.
func badPath(r *http.Request) bool {
	p := r.URL.Path
	raw := strings.ToLower(r.URL.EscapedPath())
	return !strings.HasPrefix(p, "/") || strings.ContainsAny(p, "\\\x00") || strings.Contains(p, "//") ||
		strings.Contains(raw, "%2f") || strings.Contains(raw, "%5c") || strings.Contains(raw, "%2e%2e") ||
		slices.ContainsFunc(strings.Split(p, "/"), func(part string) bool { return strings.HasPrefix(part, ".") })
}

// work is the folder that pages are made in. What a server that was killed left there is
// removed by the next one.
type work struct {
	dir  string
	lock *flock.Flock
	root *os.Root
}

const workPrefix = "vtbench-serve-"

func newWork() (*work, error) {
	sweep(os.TempDir())
	dir, err := os.MkdirTemp("", workPrefix)
	if err != nil {
		return nil, err
	}
	w := &work{dir: dir, lock: flock.New(filepath.Join(dir, "lock"))}
	if _, err = w.lock.TryLock(); err == nil {
		w.root, err = os.OpenRoot(dir)
	}
	if err != nil {
		return nil, errors.Join(err, w.lock.Close(), os.RemoveAll(dir))
	}
	return w, nil
}

func (w *work) close() error {
	return errors.Join(w.root.Close(), os.RemoveAll(w.dir), w.lock.Close())
}

// sweep removes the folders of servers that are gone. Folders of others cannot be removed
// and stay.
func sweep(tmp string) {
	found, err := filepath.Glob(filepath.Join(tmp, workPrefix+"*"))
	if err != nil {
		return
	}
	for _, dir := range found {
		path := filepath.Join(dir, "lock")
		folder, err := os.Lstat(dir)
		if err != nil || !folder.IsDir() {
			continue
		}
		if file, err := os.Lstat(path); err != nil || !file.Mode().IsRegular() {
			continue
		}
		l := flock.New(path)
		if free, err := l.TryLock(); err == nil && free {
			os.RemoveAll(dir)
		}
		_ = l.Close() // it was only looked at
	}
}
