package distribute

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/gofrs/flock"
	"github.com/nats-io/nats-server/v2/server"
)

// storeWait is how long a server waits for the one that had its folder before: a run that
// continues another may begin before the end of that one's server.
const storeWait = 20 * time.Second

// An Embedded server is one for a site that has none.
type Embedded struct {
	Listen string // host:port; port 0 takes any
	Store  string // folder of its streams
	Server Server // Login, Cert, Key and CA: what clients must show, and its own certificate
	Most   int64  // bytes of streams; 0 for what the disk has

	wait time.Duration // for whoever has the folder; 0 for storeWait
}

// Start starts the server and returns the URL of clients on this machine, and how to end it.
// Whoever can reach it can hand out and take work, so a server that listens to other
// machines needs a login.
// Two servers on one folder would destroy it, so a second waits until the first is gone.
func (e Embedded) Start() (url string, stop func(), err error) {
	host, port, err := net.SplitHostPort(e.Listen)
	if err != nil {
		return "", nil, fmt.Errorf("where to listen: %w; want HOST:PORT", err)
	}
	n, err := strconv.Atoi(port)
	if err != nil || n < 0 {
		return "", nil, fmt.Errorf("where to listen: port %q: want a number", port)
	}
	if n == 0 {
		n = server.RANDOM_PORT
	}
	if ip := net.ParseIP(host); host != "localhost" && (ip == nil || !ip.IsLoopback()) && e.Server.Login == "" {
		return "", nil, fmt.Errorf("listening at %s without a login lets everybody hand out and take work: name a file with user:password by --login, or listen at 127.0.0.1", e.Listen)
	}
	lock, err := lockStore(e.Store, cmp.Or(e.wait, storeWait))
	if err != nil {
		return "", nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, lock.Close())
		}
	}()
	o := &server.Options{
		ServerName: "vtbench", Host: host, Port: n, JetStream: true, StoreDir: e.Store, NoSigs: true, NoLog: true,
		JetStreamMaxStore: e.Most, MaxPayload: 1 << 20, DontListen: false, WriteDeadline: 30 * time.Second,
	}
	if e.Server.Login != "" {
		if o.Username, o.Password, err = readLogin(e.Server.Login); err != nil {
			return "", nil, err
		}
	}
	scheme := "nats://"
	if e.Server.Cert != "" {
		scheme = "tls://"
		tc := &server.TLSConfigOpts{CertFile: e.Server.Cert, KeyFile: e.Server.Key, CaFile: e.Server.CA, Verify: e.Server.CA != ""}
		if o.TLSConfig, err = server.GenTLSConfig(tc); err != nil {
			return "", nil, fmt.Errorf("reading the certificate of the server: %w", err)
		}
		o.TLS, o.TLSTimeout = true, 5
	}
	s, err := server.NewServer(o)
	if err != nil {
		return "", nil, fmt.Errorf("starting the server: %w", err)
	}
	s.Start()
	if !s.ReadyForConnections(20 * time.Second) {
		s.Shutdown()
		return "", nil, fmt.Errorf("starting the server at %s: it does not answer; is something else there, or its folder %s in use?", e.Listen, e.Store)
	}
	addr, ok := s.Addr().(*net.TCPAddr)
	if !ok {
		s.Shutdown()
		return "", nil, errors.New("starting the server: it has no address")
	}
	if host == "" || host == "0.0.0.0" || host == "::" {
		host = "127.0.0.1"
	}
	return scheme + net.JoinHostPort(host, strconv.Itoa(addr.Port)), func() {
		s.Shutdown()
		s.WaitForShutdown()
		_ = lock.Close() // it ends with the process anyway
	}, nil
}

// lockStore makes the folder of a server and keeps others out.
func lockStore(dir string, wait time.Duration) (*flock.Flock, error) {
	ctx, cancel := context.WithTimeout(context.Background(), wait)
	defer cancel()
	for {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return nil, fmt.Errorf("making the folder of the server: %w", err)
		}
		l := flock.New(filepath.Join(dir, "lock"), flock.SetPermissions(0o600))
		if _, err := l.TryLockContext(ctx, 50*time.Millisecond); err != nil {
			err = errors.Join(err, l.Close())
			if errors.Is(err, fs.ErrNotExist) && ctx.Err() == nil {
				continue // removed meanwhile, at the end of a run
			}
			if ctx.Err() != nil {
				return nil, fmt.Errorf("another server works in the folder %s; end it, or name another folder", dir)
			}
			return nil, fmt.Errorf("locking the folder of the server: %w", err)
		}
		held, err := l.Stat()
		if err != nil {
			return nil, errors.Join(err, l.Close())
		}
		if there, err := os.Stat(l.Path()); err == nil && os.SameFile(there, held) {
			return l, nil
		}
		// Who had it removed the folder at the end of its run.
		if err := l.Close(); err != nil {
			return nil, err
		}
	}
}
