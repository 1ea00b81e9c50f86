// Package distribute carries the work of a run to processes on other machines and their
// results back, over NATS JetStream.
//
// Its opinion: what is handed out is a unit, one group of the plan to one lane of
// tokenizers, and its result is a message of which a stream takes the first and no other.
// So nothing has to be remembered of who does what. A worker that dies loses its lease, and
// another does the unit again; a result that comes twice is dropped; a coordinator that dies
// finds what was done in the stream. Exactly once follows from that, without transactions,
// and the directory is that of one process, byte for byte, since it is written in the order
// of the plan by the process that would have written it anyway.
//
// Of a run with the identity ID there are: the stream vtb-ID-work, a queue with a durable
// consumer for each lane; the stream vtb-ID-done, of one message a subject; the bucket
// vtb-ID, of pictures and of results that are too large for a message; and the key ID in the
// bucket vtb-jobs, which says to workers what the run is. All are removed when the run has
// committed the last of them.
//
// Rejected: a database (every machine needs it, and none of these processes would otherwise
// have one); static shards, which one slow item or one lost machine holds up, and which
// remain for those who want no server (docs/scale.md).
package distribute

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/klauspost/compress/zstd"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/vtbench/vtbench/bench/identity"
	"github.com/vtbench/vtbench/bench/record"
	"github.com/vtbench/vtbench/internal/files"
	"github.com/vtbench/vtbench/internal/workwire"
)

// jobsBucket holds the runs that there are, and how far each is.
const jobsBucket = "vtb-jobs"

// progressOf is the key of a run's progress in it.
func progressOf(id string) string { return id + ".progress" }

// Times. The lease is how long a unit may go without a sign of life before another worker
// gets it; workers prolong it three times as often.
const (
	DefaultLease = 60 * time.Second
	sweepEvery   = 5 * time.Second
	aliveEvery   = time.Second
	gone         = 15 * time.Second // a worker that was not heard of
	inlineMost   = 256 << 10        // bytes of a result in its message; the limit of NATS is 1 MB
)

// job is what workers are told of a run, with how its queue is read.
type job struct {
	workwire.Job
	Lease time.Duration `json:"lease"`
}

// names of what a run has on the server.
type names struct{ id string }

// namesOf are those of a run: another begin of the same is another run.
func namesOf(m *record.Manifest) names {
	c := *m
	c.Remarks = nil
	return names{identity.Digest(&c)[:16]}
}

func (n names) workStream() string       { return "vtb-" + n.id + "-work" }
func (n names) doneStream() string       { return "vtb-" + n.id + "-done" }
func (n names) bucket() string           { return "vtb-" + n.id }
func (n names) consumer(lane int) string { return fmt.Sprintf("lane-%d", lane) }
func (n names) alive() string            { return "vtb." + n.id + ".alive" }

func (n names) work(lane int) string { return fmt.Sprintf("vtb.%s.work.%d", n.id, lane) }
func (n names) done(u workwire.Unit) string {
	return fmt.Sprintf("vtb.%s.done.%d.%d", n.id, u.Lane, u.Group)
}

// unitOf reads what done wrote.
func unitOf(subject string) (u workwire.Unit, ok bool) {
	parts := strings.Split(subject, ".")
	if len(parts) != 5 {
		return u, false
	}
	n, err := fmt.Sscanf(parts[3]+" "+parts[4], "%d %d", &u.Lane, &u.Group)
	return u, n == 2 && err == nil
}

// task is a message of the work stream.
type task struct {
	workwire.Unit
	// Crashes is how often what measures ended while it did this unit.
	Crashes int    `json:"crashes,omitempty"`
	Why     string `json:"why,omitempty"` // the last of them
}

// result is a message of the done stream: the output, or where it is.
type result struct {
	Worker   string          `json:"worker"`
	Items    json.RawMessage `json:"items,omitempty"`
	Object   string          `json:"object,omitempty"` // the items, where they are large
	Pictures string          `json:"pictures,omitempty"`
}

// output is run.Output without its types: what is carried is not looked at.
type output struct {
	Items    json.RawMessage `json:"items"`
	Pictures json.RawMessage `json:"pictures,omitempty"`
}

// Server says where the NATS server is and who one is to it. Secrets are read from files, so
// that none stands in a command line.
type Server struct {
	URL   string
	Creds string // file of a user's JWT and key, as `nsc` writes it
	Login string // file with user:password
	CA    string // file of certificates that the server's is signed by
	Cert  string // files of one's own, where the server asks for it
	Key   string
}

// Connect connects to the server and stays connected: a server that goes away is waited for.
func (s Server) Connect(name string, log func(string, ...any)) (*nats.Conn, error) {
	opts := []nats.Option{
		nats.Name(name), nats.MaxReconnects(-1), nats.ReconnectWait(500 * time.Millisecond), nats.RetryOnFailedConnect(true),
		nats.Timeout(5 * time.Second), nats.PingInterval(10 * time.Second), nats.MaxPingsOutstanding(2),
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) {
			if err != nil {
				log("the server at %s is away: %v", s.URL, err)
			}
		}),
		nats.ReconnectHandler(func(*nats.Conn) { log("the server at %s is back", s.URL) }),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) {
			if errors.Is(err, nats.ErrAuthorization) || errors.Is(err, nats.ErrAuthExpired) {
				log("the server at %s: %v", s.URL, err)
			}
		}),
	}
	if s.Creds != "" {
		if _, err := os.Stat(s.Creds); err != nil {
			return nil, fmt.Errorf("reading credentials: %w", err)
		}
		opts = append(opts, nats.UserCredentials(s.Creds))
	}
	if s.Login != "" {
		user, password, err := readLogin(s.Login)
		if err != nil {
			return nil, err
		}
		opts = append(opts, nats.UserInfo(user, password))
	}
	if s.CA != "" || s.Cert != "" {
		c, err := s.tls()
		if err != nil {
			return nil, err
		}
		opts = append(opts, nats.Secure(c))
	}
	nc, err := nats.Connect(s.URL, opts...)
	if err != nil {
		return nil, fmt.Errorf("connecting to %s: %w", s.URL, err)
	}
	return nc, nil
}

// tls is the configuration of a client.
func (s Server) tls() (*tls.Config, error) {
	c := &tls.Config{MinVersion: tls.VersionTLS12}
	if s.CA != "" {
		b, err := files.Read(s.CA, mostSecret)
		if err != nil {
			return nil, fmt.Errorf("reading certificates: %w", err)
		}
		if c.RootCAs = x509.NewCertPool(); !c.RootCAs.AppendCertsFromPEM(b) {
			return nil, fmt.Errorf("reading certificates: %s holds none in PEM", s.CA)
		}
	}
	if s.Cert != "" {
		pair, err := tls.LoadX509KeyPair(s.Cert, s.Key)
		if err != nil {
			return nil, fmt.Errorf("reading the certificate %s: %w", s.Cert, err)
		}
		c.Certificates = []tls.Certificate{pair}
	}
	return c, nil
}

// mostSecret bounds files of credentials and certificates.
const mostSecret = 4 << 20

// readLogin reads a file with user:password.
func readLogin(path string) (user, password string, err error) {
	b, err := files.Read(path, mostSecret)
	if err != nil {
		return "", "", fmt.Errorf("reading the login: %w", err)
	}
	user, password, ok := strings.Cut(strings.TrimSpace(string(b)), ":")
	if !ok || user == "" || password == "" {
		return "", "", fmt.Errorf("reading the login: %s does not hold user:password", path)
	}
	return user, password, nil
}

// packer and unpacker compress what is carried.
var (
	packer, _   = zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(2))
	unpacker, _ = zstd.NewReader(nil, zstd.WithDecoderConcurrency(0), zstd.WithDecoderMaxMemory(1<<30))
)

// retry does something until it succeeds, ctx ends or the error is final. The server may be
// away or full, and both pass.
func retry(ctx context.Context, log func(string, ...any), what string, do func(context.Context) error) error {
	wait, told := 100*time.Millisecond, false
	for {
		try, cancel := context.WithTimeout(ctx, 15*time.Second)
		err := do(try)
		cancel()
		switch {
		case err == nil:
			if told {
				log("%s: done", what)
			}
			return nil
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.Is(err, jetstream.ErrStreamNotFound), errors.Is(err, jetstream.ErrBucketNotFound), errors.Is(err, jetstream.ErrConsumerNotFound):
			return fmt.Errorf("%s: %w", what, err)
		}
		if !told && wait > time.Second {
			told = true
			log("%s: %v; trying again", what, err)
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return ctx.Err()
		}
		wait = min(2*wait, 3*time.Second)
	}
}

// taken reports whether a subject has its one message already.
func taken(err error) bool {
	var api *jetstream.APIError
	return errors.As(err, &api) && strings.Contains(api.Description, "maximum messages per subject")
}
