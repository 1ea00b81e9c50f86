package ffmpeg

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/vtbench/vtbench/internal/child"
	"github.com/vtbench/vtbench/tokenizers/process/wire"
)

// ErrHung is what the error of a run is that was ended since nothing moved any more.
var ErrHung = errors.New("ffmpeg hangs")

// maxSaid is how much of the beginning, where ffmpeg says what its inputs are, and of the end
// of what it says is kept, and maxLines how many lines
// of it an error repeats.
const (
	maxSaid  = 64 << 10
	maxLines = 3
)

// A Stream is the output of a run. It is for one goroutine; Close may be called at any
// time, once, and must be.
type Stream struct {
	cmd    *exec.Cmd
	out    *os.File
	idle   time.Duration
	limit  int64 // bytes that may come yet; negative for no bound
	said   said
	moved  atomic.Int64 // when a byte last went into ffmpeg, in ns since began
	began  time.Time
	exited chan struct{}
	status error // of the process; valid once exited is closed
	feeds  sync.WaitGroup
	fed    feedErrors
	cause  atomic.Pointer[error] // why it was ended
	stop   func() bool           // of the context's watch
	once   sync.Once
	err    error // that ended Read
}

// start runs ffmpeg with these arguments and the streams of j.
func (p *Program) start(ctx context.Context, j Job, args []string) (_ *Stream, err error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s := &Stream{idle: j.Idle, limit: j.MaxOutput, began: time.Now(), exited: make(chan struct{})}
	if s.idle == 0 {
		s.idle = DefaultIdle
	}
	if s.limit == 0 {
		s.limit = -1
	}
	s.cmd = exec.Command(p.Path, args...)
	s.cmd.Env = environment(os.Environ())
	s.cmd.Stderr = &s.said
	s.cmd.WaitDelay = time.Second // for a grandchild that holds the pipe
	var theirs, ours []*os.File
	defer func() {
		for _, f := range theirs {
			_ = f.Close() // the child has its own
		}
		if err != nil {
			for _, f := range ours {
				_ = f.Close() // nothing was written
			}
		}
	}()
	r, w, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	s.out, s.cmd.Stdout = r, w
	child.Widen(r)
	theirs, ours = append(theirs, w), append(ours, r)
	var feeds []func()
	for i, in := range j.Inputs {
		if in.File != "" {
			continue
		}
		r, w, err := os.Pipe()
		if err != nil {
			return nil, err
		}
		child.Widen(w)
		theirs, ours = append(theirs, r), append(ours, w)
		s.cmd.ExtraFiles = append(s.cmd.ExtraFiles, r)
		feeds = append(feeds, func() { s.feed(i, w, in.Reader) })
	}
	if err := child.Start(s.cmd); err != nil {
		return nil, fmt.Errorf("starting ffmpeg: %w", err)
	}
	limit := j.MaxMemory
	if limit == 0 {
		limit = DefaultMemory
	}
	// One that has ended already cannot be limited and need not be.
	_ = child.LimitMemory(s.cmd, limit)
	s.stop = context.AfterFunc(ctx, func() { s.end(ctx.Err()) })
	for _, f := range feeds {
		s.feeds.Go(f)
	}
	go func() {
		s.status = child.Wait(s.cmd)
		if errors.Is(s.status, exec.ErrWaitDelay) {
			_ = child.Kill(s.cmd) // what it left behind, in its group
		}
		close(s.exited)
	}()
	return s, nil
}

// environment leaves out what makes ffmpeg write files of its own or colour what it says.
func environment(env []string) []string {
	return slices.DeleteFunc(env, func(e string) bool {
		return strings.HasPrefix(e, "FFREPORT=") || strings.HasPrefix(e, "AV_LOG_")
	})
}

// feed writes a stream into ffmpeg.
func (s *Stream) feed(i int, w *os.File, r io.Reader) {
	_, err := io.Copy(&mover{w, s}, r)
	err = errors.Join(err, w.Close())
	if c, ok := r.(io.Closer); ok {
		_ = c.Close() // who writes into a pipe must not wait for ffmpeg
	}
	// ffmpeg leaves an input before its end where it has enough, or has failed.
	if err != nil && !errors.Is(err, syscall.EPIPE) && !errors.Is(err, os.ErrDeadlineExceeded) {
		err = fmt.Errorf("feeding input %d: %w", i, err)
		s.fed.add(err)
		s.end(err)
	}
}

// A mover notes that bytes move into ffmpeg, and gives up where none do.
type mover struct {
	w *os.File
	s *Stream
}

func (m *mover) Write(p []byte) (int, error) {
	n, progress := 0, time.Now()
	for n < len(p) {
		if time.Since(progress) > m.s.idle {
			return n, fmt.Errorf("%w: it has read nothing for %v", ErrHung, m.s.idle)
		}
		select {
		case <-m.s.exited:
			return n, syscall.EPIPE
		default:
		}
		// Short, so that the end of ffmpeg is seen whoever else holds the pipe.
		if err := m.w.SetWriteDeadline(time.Now().Add(time.Second)); err != nil {
			return n, err
		}
		k, err := m.w.Write(p[n:])
		if n += k; k > 0 {
			progress = time.Now()
			m.s.moved.Store(int64(time.Since(m.s.began)))
		}
		if err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
			return n, err
		}
	}
	return n, nil
}

type feedErrors struct {
	sync.Mutex
	errs []error
}

func (f *feedErrors) add(err error) {
	f.Lock()
	defer f.Unlock()
	f.errs = append(f.errs, err)
}

func (f *feedErrors) joined() error {
	f.Lock()
	defer f.Unlock()
	return errors.Join(f.errs...)
}

// end kills ffmpeg and all its processes; the first cause is the one that is told.
func (s *Stream) end(cause error) {
	s.cause.CompareAndSwap(nil, &cause)
	select {
	case <-s.exited: // its number may be another's
	default:
		_ = child.Kill(s.cmd) // one that is gone is what is wanted
	}
}

// Read implements [io.Reader]. At the end it waits for ffmpeg: [io.EOF] says that it ended
// well. Any other error names what ffmpeg said, is [ErrHung] where it was ended for that,
// or the context's.
func (s *Stream) Read(p []byte) (int, error) {
	if s.err != nil {
		return 0, s.err
	}
	if len(p) == 0 {
		return 0, nil
	}
	waiting := time.Now()
	for {
		if err := s.out.SetReadDeadline(time.Now().Add(min(s.idle, time.Second))); err != nil {
			return 0, s.failed(err)
		}
		n, err := s.out.Read(p)
		switch {
		case n > 0:
			if s.limit >= 0 {
				if int64(n) > s.limit {
					return 0, s.failed(fmt.Errorf("ffmpeg puts out more than the bound"))
				}
				s.limit -= int64(n)
			}
			return n, nil
		case errors.Is(err, os.ErrDeadlineExceeded):
			still := min(time.Since(waiting), time.Since(s.began)-time.Duration(s.moved.Load()))
			if still < s.idle {
				continue
			}
			return 0, s.failed(fmt.Errorf("%w: nothing moved for %v", ErrHung, s.idle))
		case errors.Is(err, io.EOF):
			return 0, s.finished()
		default:
			return 0, s.failed(err)
		}
	}
}

// failed ends ffmpeg for a cause.
func (s *Stream) failed(cause error) error {
	s.end(cause)
	return s.finished()
}

// finished waits for the process and says how it ended.
func (s *Stream) finished() error {
	for waiting := time.Now(); ; {
		select {
		case <-s.exited:
		case <-time.After(min(s.idle, time.Second)):
			// It may close its output and go on computing, or hang.
			if still := min(time.Since(waiting), time.Since(s.began)-time.Duration(s.moved.Load())); still >= s.idle {
				s.end(fmt.Errorf("%w: its output ended %v ago, and it goes on", ErrHung, s.idle))
				waiting = time.Now()
			}
			continue
		}
		break
	}
	cause := s.cause.Load()
	switch {
	case cause != nil:
		s.err = *cause
	case s.status != nil:
		s.err = fmt.Errorf("ffmpeg: %w", s.status)
	case s.fed.joined() != nil:
		s.err = s.fed.joined()
	default:
		s.err = io.EOF
		return s.err
	}
	if said := s.Said(); said != "" && !errors.Is(s.err, context.Canceled) {
		s.err = fmt.Errorf("%w: %s", s.err, said)
	}
	return s.err
}

// Said is what ffmpeg complained of, or said last where it did not complain; its lines are
// joined by "; ". Paths of the machine may be in it. Its threads speak at once, so what is
// told is what those say that read the input, where they complain at all.
func (s *Stream) Said() string {
	lines := s.Complaints()
	if of := slices.DeleteFunc(slices.Clone(lines), func(l string) bool { return !strings.HasPrefix(l, "in#") }); len(of) > 0 {
		lines = of
	}
	if len(lines) > 0 {
		return strings.Join(lines[:min(len(lines), maxLines)], "; ")
	}
	for l := range strings.Lines(s.said.String()) {
		if l = tidy(l); l != "" {
			lines = append(lines, l)
		}
	}
	return strings.Join(lines[max(0, len(lines)-maxLines):], "; ")
}

// Complaints are the lines of what is kept of what ffmpeg said that it calls errors, or that speak
// of damage; each once.
func (s *Stream) Complaints() []string {
	var lines []string
	for l := range strings.Lines(s.said.String()) {
		if t := tidy(l); grave.MatchString(l) && !slices.Contains(lines, t) {
			lines = append(lines, t)
		}
	}
	return lines
}

var (
	grave = regexp.MustCompile(`\[(error|fatal|panic)\] |\[warning\] .*corrupt`)
	// "[in#0/avi @ 0x562103650e00] [warning] ": who speaks, at an address that is another in
	// each run, and how serious it is
	address = regexp.MustCompile(` @ 0x[0-9a-f]+`)
	marks   = regexp.MustCompile(`^(?:\[([^\]]*)\] (?:\[[^\]]*\] )*?)??\[(?:info|warning|error|fatal|panic)\] `)
)

// tidy takes what is of no use to people out of a line.
func tidy(l string) string {
	l = address.ReplaceAllString(l, "")
	if m := marks.FindStringSubmatchIndex(l); m != nil {
		who := ""
		if m[2] >= 0 {
			who = l[m[2]:m[3]] + ": "
		}
		l = who + l[m[1]:]
	}
	return wire.Clean(l, 300)
}

// Log is the beginning and the end of what ffmpeg said, as it is, of at most 64 KiB each.
func (s *Stream) Log() string { return s.said.String() }

// Close ends ffmpeg where it still runs, and frees what the run took. It returns an error
// only where it had ended badly before and no Read has told.
func (s *Stream) Close() (err error) {
	s.once.Do(func() {
		told := s.err != nil
		s.stop()
		select {
		case <-s.exited:
		default:
			s.end(context.Canceled)
		}
		<-s.exited
		_ = s.out.Close() // read to where it was wanted
		s.feeds.Wait()
		if !told && s.cause.Load() == nil && s.status != nil {
			err = s.finished()
		}
	})
	return err
}

// said keeps the beginning and the end of what is written to it.
type said struct {
	mu   sync.Mutex
	head []byte // the first maxSaid bytes
	buf  []byte // of what follows
	left bool   // something between them is left out
}

// Write implements [io.Writer]; it never fails.
func (t *said) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	k := min(len(p), maxSaid-len(t.head))
	t.head = append(t.head, p[:k]...)
	if t.buf = append(t.buf, p[k:]...); len(t.buf) > 2*maxSaid {
		t.buf = append(t.buf[:0], t.buf[len(t.buf)-maxSaid:]...)
		t.left = true
	}
	return len(p), nil
}

func (t *said) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	end := max(0, len(t.buf)-maxSaid)
	if !t.left && end == 0 {
		return string(t.head) + string(t.buf)
	}
	return string(t.head) + "\n…\n" + string(t.buf[end:])
}
