package process

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/vtbench/vtbench/internal/child"
	"github.com/vtbench/vtbench/tokenizers"
	"github.com/vtbench/vtbench/tokenizers/process/wire"
)

// noBody bounds the raw bytes of an answer that should carry none.
const noBody = 0

// drainTime is how long to wait, once a process has ended or closed a pipe, for what
// it wrote to arrive and for its exit to be seen.
const drainTime = time.Second

// reapTime is how long a killed process may take to be reaped. One that hangs
// in the kernel, on a driver or a network file system, may take forever.
const reapTime = 10 * time.Second

// maxCodebooks bounds how many codebooks a tokenizer has: ten times as many as any that is
// known.
const maxCodebooks = 1024

// A proc is one running process of a plug-in, with the process group it leads; or the
// streams to a tokenizer in a program that is not ours to start or end.
type proc struct {
	cmd    *exec.Cmd // nil for one that is not ours
	mark   string    // environment entry that finds its children
	stdin  *os.File
	stdout *os.File
	stderr *os.File
	tail   *tail
	shm    *shared // nil where the plug-in does not share memory

	frames  chan frame    // what the reader found; one at a time
	exited  chan struct{} // closed when the process was reaped; of one that is not ours, when its stream ended
	waitErr error         // valid after exited
	dead    chan struct{} // closed when we end it: releases the reader
	drained chan struct{} // closed when its standard error was read to the end
	// What the answer awaited can have at most: raw bytes, and items.
	maxBody, maxItems atomic.Int64

	nextID uint64
	hello  wire.Response
}

// A frame is what the reader of a plug-in's output hands over.
type frame struct {
	head wire.Response
	body []byte
	err  error
}

// fault is the failure of the process rather than of an image: the process is of
// no use afterwards.
type fault struct {
	err error
	// unrelated says that it does not come from the request being served: the process
	// had ended before, or it answered an older request.
	unrelated bool
}

func (f *fault) Error() string { return f.err.Error() }
func (f *fault) Unwrap() error { return f.err }

// Is makes every fault an [ErrLost].
func (f *fault) Is(target error) bool { return target == ErrLost }

// ErrLost is what an error is whose cause is the process and no image: it died, hung or
// broke the protocol. The next request starts it again.
var ErrLost = errors.New("the process was lost")

func faultf(format string, args ...any) error { return &fault{err: fmt.Errorf(format, args...)} }

// unrelatedf makes a fault that does not come from the request being served.
func unrelatedf(format string, args ...any) error {
	return &fault{err: fmt.Errorf(format, args...), unrelated: true}
}

// newProc makes a proc without streams.
func newProc() *proc {
	return &proc{
		tail:    &tail{},
		frames:  make(chan frame),
		exited:  make(chan struct{}),
		dead:    make(chan struct{}),
		drained: make(chan struct{}),
	}
}

// start starts the process and its readers; the handshake comes after.
func start(c *config, replica int) (*proc, error) {
	words := forReplica(c.words, replica)
	dir := forReplica([]string{c.dir}, replica)[0]
	path, err := resolve(words[0], dir)
	if err != nil {
		return nil, fmt.Errorf("starting it: %w", err)
	}
	var id [16]byte
	if _, err := rand.Read(id[:]); err != nil {
		return nil, err
	}
	p := newProc()
	p.mark = "VTBENCH_PLUGIN=" + hex.EncodeToString(id[:])
	cmd := exec.Command(path, words[1:]...)
	cmd.Args[0] = words[0]
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), forReplica(c.env, replica)...)
	cmd.Env = append(cmd.Env, p.mark,
		fmt.Sprintf("VTBENCH_PROTOCOL=%d", wire.MaxVersion),
		fmt.Sprintf("VTBENCH_REPLICA=%d", replica),
		fmt.Sprintf("VTBENCH_REPLICAS=%d", c.replicas))
	isolate(cmd)
	p.cmd = cmd

	if c.shm {
		// Where there is no shared memory the pipe carries everything.
		if s, err := newShared(); err == nil {
			p.shm = s
			cmd.ExtraFiles = []*os.File{s.file} // fd 3 there
		}
	}
	var theirs [3]*os.File
	var ours [3]*os.File
	closeAll := func() {
		for _, f := range append(theirs[:], ours[:]...) {
			if f != nil {
				_ = f.Close() // the start has failed already
			}
		}
		if p.shm != nil {
			p.shm.close()
		}
	}
	for i := range 3 {
		r, w, err := os.Pipe()
		if err != nil {
			closeAll()
			return nil, fmt.Errorf("starting it: %w", err)
		}
		if i == 0 {
			theirs[i], ours[i] = r, w
		} else {
			theirs[i], ours[i] = w, r
		}
	}
	child.Widen(ours[0])
	child.Widen(ours[1])
	cmd.Stdin, cmd.Stdout, cmd.Stderr = theirs[0], theirs[1], theirs[2]
	p.stdin, p.stdout, p.stderr = ours[0], ours[1], ours[2]

	// The kernel's parent-death signal follows the thread that started the child,
	// so one thread starts it, waits for it and does nothing else.
	started := make(chan error, 1)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := launch(cmd)
		started <- err
		if err == nil {
			p.waitErr = cmd.Wait()
			close(p.exited)
		}
	}()
	if err := <-started; err != nil {
		closeAll()
		return nil, fmt.Errorf("starting it: %w", err)
	}
	for _, f := range theirs {
		_ = f.Close() // the child has its own
	}
	go func() {
		defer close(p.drained)
		_, _ = io.Copy(p.tail, p.stderr) // ends when the pipe does, whatever the reason
	}()
	go p.read()
	return p, nil
}

// read turns the plug-in's output into frames until it ends or breaks.
func (p *proc) read() {
	r := wire.NewReader(p.stdout)
	for {
		var f frame
		var head []byte
		var n int
		head, n, f.err = r.Next(wire.MaxFrame)
		if f.err == nil {
			// The bound is read only now: a request raises it before it is sent, so
			// an answer to that request is held against the raised bound.
			if limit := p.maxBody.Load(); int64(n) > limit {
				f.err = &wire.FrameError{Reason: fmt.Sprintf("the frame carries %d raw bytes where at most %d can be meant", n, limit), Start: head[:min(len(head), 120)], Header: true}
			}
		}
		if f.err == nil {
			f.err = wire.UnmarshalResponse(head, &f.head, int(p.maxItems.Load()))
		}
		if f.err == nil && n > 0 {
			// What the header describes must be what comes, before memory is spent on it.
			want, err := f.head.Size()
			if err == nil && want != n {
				err = fmt.Errorf("the header describes %d raw bytes, the frame carries %d", want, n)
			}
			if err != nil {
				f.err = &wire.FrameError{Reason: "the header contradicts its body", Start: head[:min(len(head), 120)], Header: true, Err: err}
			} else {
				f.body = make([]byte, n)
				f.err = r.Body(f.body)
			}
		}
		if f.err != nil && p.cmd == nil {
			if p.waitErr = errSides; !ended(f.err) {
				p.waitErr = f.err
			}
			close(p.exited)
		}
		select {
		case p.frames <- f:
		case <-p.dead:
			return
		}
		if f.err != nil {
			return
		}
	}
}

// ask sends one request and waits for its answer. maxReply bounds the raw bytes
// of the answer; room is how many of them get a place in shared memory, 0 to use
// the pipe. Errors are faults (the process must go), ctx's own error, or what the
// plug-in answered as an error.
func (p *proc) ask(ctx context.Context, req *wire.Request, maxReply, room int, body [][]byte, limit time.Duration) (wire.Response, []byte, error) {
	p.nextID++
	req.ID = p.nextID
	// No request is pending: a frame that is there already answers none.
	select {
	case f := <-p.frames:
		return wire.Response{}, nil, p.unexpected(f)
	default:
	}
	timer := time.NewTimer(limit)
	defer timer.Stop()

	size := 0
	for _, b := range body {
		size += len(b)
	}
	shm := p.shm != nil && p.hello.Cookie != "" && size >= shmWorth && room > 0
	if shm {
		place, err := p.shm.place(size, room)
		if err != nil {
			return wire.Response{}, nil, &fault{err: err}
		}
		at := p.shm.mem[place.In.Off:]
		for _, b := range body {
			at = at[copy(at, b):]
		}
		req.Shm, body = place, nil
	}
	head, err := json.Marshal(req)
	if err != nil {
		return wire.Response{}, nil, fmt.Errorf("encoding the request: %w", err)
	}
	p.maxBody.Store(int64(maxReply))
	p.maxItems.Store(int64(itemsOf(req)))
	// Written in a goroutine: a plug-in that answers before it has read the request,
	// or writes without end, must not block both sides.
	written := make(chan error, 1)
	go func() { written <- wire.Write(p.stdin, head, body...) }()

	var f frame
	var writeErr error
	var grace <-chan time.Time
	answered, writing := false, true
	exited := p.exited
	for !answered || writing {
		select {
		case got := <-p.frames:
			switch {
			case answered:
				return wire.Response{}, nil, p.unexpected(got)
			case got.err != nil:
				return wire.Response{}, nil, p.broken(ctx, got.err)
			}
			f, answered = got, true
		case writeErr = <-written:
			writing = false
			if writeErr != nil && answered {
				return wire.Response{}, nil, p.gone(ctx, writeErr)
			}
			if writeErr != nil { // it closed its end; its last frame or its exit says why
				grace = time.After(drainTime)
			}
		case <-exited:
			exited = nil
			grace = time.After(drainTime) // an answer may still lie in the pipe
		case <-grace:
			return wire.Response{}, nil, p.gone(ctx, writeErr)
		case <-ctx.Done():
			return wire.Response{}, nil, ctx.Err()
		case <-timer.C:
			if p.cmd == nil {
				return wire.Response{}, nil, faultf("no answer within %v; its descriptors were closed", limit)
			}
			return wire.Response{}, nil, faultf("no answer within %v; it was killed%s", limit, p.stderrEnd())
		}
	}
	if writeErr != nil {
		return wire.Response{}, nil, p.gone(ctx, writeErr)
	}
	r := f.head
	if r.ID != req.ID {
		return wire.Response{}, nil, p.unexpected(f)
	}
	if r.Type == wire.Failure {
		msg := wire.Clean(r.Error, 2000)
		if msg == "" {
			msg = "it answered with an error that says nothing"
		}
		return r, nil, errors.New(msg)
	}
	got := f.body
	if r.Shm != nil {
		if !shm || len(f.body) > 0 || r.Shm.Off < req.Shm.Out.Off || r.Shm.Len < 0 || r.Shm.Len > req.Shm.Out.Len ||
			r.Shm.Off > req.Shm.Out.Off+req.Shm.Out.Len-r.Shm.Len {
			return wire.Response{}, nil, faultf("its answer points to shared memory that it was not given (offset %d, length %d)", r.Shm.Off, r.Shm.Len)
		}
		want, err := r.Size()
		if err == nil && want != r.Shm.Len {
			err = fmt.Errorf("the header describes %d raw bytes, the shared memory holds %d", want, r.Shm.Len)
		}
		if err != nil {
			return wire.Response{}, nil, faultf("the header contradicts its body: %w", err)
		}
		// Copied before anything is checked: the other side may still write there.
		got = append([]byte(nil), p.shm.mem[r.Shm.Off:r.Shm.Off+r.Shm.Len]...)
	}
	return r, got, nil
}

// itemsOf is how many items the answer to a request can have.
func itemsOf(req *wire.Request) int {
	if req.Type == wire.Codebook {
		return 1
	}
	return len(req.Items)
}

// A Refusal is the error of a plug-in that answered the handshake with an error.
type Refusal struct{ Reason string }

// Error implements error.
func (r *Refusal) Error() string { return r.Reason }

// unexpected describes a frame that answers no pending request.
func (p *proc) unexpected(f frame) error {
	switch {
	case f.err != nil:
		return p.broken(context.Background(), f.err)
	case f.head.ID == 0 || f.head.ID > p.nextID:
		return unrelatedf("it sent a %q for request %d, which was never made (the last was %d): answer with the id of the request", wire.Clean(f.head.Type, 40), f.head.ID, p.nextID)
	case f.head.ID == p.nextID:
		return unrelatedf("it sent a second answer to request %d: answer every request once", f.head.ID)
	default:
		return unrelatedf("it sent a %q for request %d, which it had answered before (now at %d): answer every request once", wire.Clean(f.head.Type, 40), f.head.ID, p.nextID)
	}
}

// ended reports whether a stream ended, and did not break.
func ended(err error) bool {
	var fe *wire.FrameError
	return errors.Is(err, wire.ErrClosed) || errors.As(err, &fe) && errors.Is(fe.Err, io.ErrUnexpectedEOF)
}

// broken says why the stream of frames ended.
func (p *proc) broken(ctx context.Context, err error) error {
	var fe *wire.FrameError
	switch {
	case ended(err):
		return p.gone(ctx, err)
	case errors.As(err, &fe) && fe.Text():
		return faultf("its standard output carries text where the protocol should be (%w): print to standard error, import vtbench before anything that prints, or start it with python -m vtbench", err)
	}
	return faultf("its standard output breaks the protocol (%w): see docs/protocol.md", err)
}

// gone says how the process ended, waiting a moment for it to have done so.
func (p *proc) gone(ctx context.Context, err error) error {
	select {
	case <-p.exited:
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(drainTime):
		if errors.Is(err, syscall.EPIPE) {
			return unrelatedf("it closed its standard input and keeps running%s", p.stderrEnd())
		}
		return faultf("it closed its standard output and keeps running (%v)%s", err, p.stderrEnd())
	}
	detail := ""
	var fe *wire.FrameError
	if errors.As(err, &fe) {
		detail = ", in the middle of an answer (" + fe.Error() + ")"
	}
	if p.waitErr == nil && detail == "" {
		return unrelatedf("%s%s", p.status(), p.stderrEnd()) // status 0 is no crash
	}
	return faultf("%s%s%s", p.status(), detail, p.stderrEnd())
}

// status says how a process that was reaped ended.
func (p *proc) status() string {
	var ee *exec.ExitError
	switch {
	case p.cmd == nil:
		return errSides.Error()
	case p.waitErr == nil:
		const early = "it exited with status 0 before it was told to"
		if p.hello.Info == nil {
			return early + ", and answered nothing: a program that is a plug-in serves until then, in Python by vtbench.serve(…)"
		}
		return early
	case errors.As(p.waitErr, &ee):
		if ws, ok := ee.Sys().(syscall.WaitStatus); ok && ws.Signal() > 0 {
			hint := ""
			if ws.Signal() == syscall.SIGKILL {
				hint = ", perhaps for want of memory"
			}
			return fmt.Sprintf("it was ended by signal %d (%v)%s", ws.Signal(), ws.Signal(), hint)
		}
		return fmt.Sprintf("it exited with status %d", ee.ExitCode())
	}
	return fmt.Sprintf("it ended (%v)", p.waitErr)
}

// stderrEnd quotes the end of the plug-in's standard error. Of a process that has ended
// all of it is waited for, unless a child keeps the pipe open.
func (p *proc) stderrEnd() string {
	if p.cmd == nil {
		return ""
	}
	if !p.alive() {
		select {
		case <-p.drained:
		case <-time.After(drainTime):
		}
	}
	if s := p.tail.last(4, " / "); s != "" {
		s = "; the end of its stderr: " + s
		if strings.Contains(s, "No module named 'vtbench'") {
			s += "; install the SDK: pip install ./tokenizers/process/python"
		}
		return s
	}
	return "; it wrote nothing to stderr"
}

// handshake agrees on a version and learns what the plug-in is.
func (p *proc) handshake(ctx context.Context, replica int, limit time.Duration) error {
	req := &wire.Request{
		Type:     wire.Hello,
		Protocol: &wire.Versions{Min: wire.MinVersion, Max: wire.MaxVersion},
		Host:     "vtbench",
		Replica:  replica,
		MaxFrame: wire.MaxFrame,
	}
	if p.shm != nil {
		req.SharedMemory = &wire.SharedMemory{FD: 3, Size: len(p.shm.mem)}
	}
	r, _, err := p.ask(ctx, req, noBody, 0, nil, limit)
	if err != nil {
		var f *fault
		if errors.As(err, &f) || ctx.Err() != nil {
			return err
		}
		return faultf("it refused the handshake: %w%s", &Refusal{Reason: err.Error()}, p.stderrEnd())
	}
	if r.Type != wire.Hello {
		return faultf("it answered the handshake with a %q: want a hello, see docs/protocol.md", wire.Clean(r.Type, 40))
	}
	if r.Protocol < wire.MinVersion || r.Protocol > wire.MaxVersion {
		return faultf("it speaks protocol version %d, this vtbench speaks %d to %d: install the SDK that came with this vtbench, or the vtbench that the plug-in was made for",
			r.Protocol, wire.MinVersion, wire.MaxVersion)
	}
	if r.Info == nil {
		return faultf("its hello has no info: send at least {\"name\": …, \"version\": …}")
	}
	if err := checkInfo(r.Info); err != nil {
		return faultf("the info in its hello: %w", err)
	}
	if err := checkAbilities(slices.Concat(r.Can, r.Ops)); err != nil {
		return faultf("what its hello says it can: %w", err)
	}
	switch clips := slices.Contains(r.Can, wire.CanClips); {
	case clips && r.Info.Clips == nil:
		r.Info.Clips = &tokenizers.ClipInfo{} // any number of frames
	case !clips && r.Info.Clips != nil:
		return faultf("the info in its hello has clips, and what it can has no %q: state both, and answer reconstruct_clip", wire.CanClips)
	}
	if r.Cookie != "" && (p.shm == nil || r.Cookie != p.shm.cookie()) {
		r.Cookie = "" // it sees other memory, as it does in a container or over ssh: use the pipe
	}
	p.hello = r
	return nil
}

// maxAbilities bounds what a plug-in says it can do, operations included.
const maxAbilities = 100

// checkAbilities refuses what could not be a list of abilities: it is shown in messages.
func checkAbilities(names []string) error {
	if len(names) > maxAbilities {
		return fmt.Errorf("%d abilities: want at most %d", len(names), maxAbilities)
	}
	for _, s := range names {
		if s == "" || wire.Clean(s, 100) != s {
			return fmt.Errorf("%q: a name of 1 to 100 printable bytes is wanted", wire.Clean(s, 60))
		}
	}
	return nil
}

// checkInfo refuses what could not be a description of a tokenizer.
func checkInfo(in *tokenizers.Info) error {
	if in.Name == "" || len(in.Name) > 200 || wire.Clean(in.Name, 200) != in.Name {
		return fmt.Errorf("name %q must be 1 to 200 printable bytes", wire.Clean(in.Name, 60))
	}
	for what, s := range map[string]string{"version": in.Version, "weights": in.Weights, "code": in.Code} {
		if len(s) > 200 || wire.Clean(s, 200) != s {
			return fmt.Errorf("%s must be at most 200 printable bytes", what)
		}
	}
	for what, n := range map[string]int{
		"multiple_of": in.MultipleOf, "fixed_w": in.FixedW, "fixed_h": in.FixedH, "min_side": in.MinSide,
		"max_side": in.MaxSide, "stride": in.Stride, "channels": in.Channels, "batch_size": in.BatchSize,
	} {
		if n < 0 || n > 1<<24 {
			return fmt.Errorf("%s is %d: want 0 to %d", what, n, 1<<24)
		}
	}
	if n := len(in.Codebooks); n > maxCodebooks {
		return fmt.Errorf("%d codebooks: want at most %d", n, maxCodebooks)
	}
	for i, k := range in.Codebooks {
		if k < 1 || k > 1<<30 {
			return fmt.Errorf("codebook %d has %d entries: want 1 to %d", i, k, 1<<30)
		}
	}
	if in.MaxSide > 0 && in.MinSide > in.MaxSide {
		return fmt.Errorf("min_side %d is larger than max_side %d", in.MinSide, in.MaxSide)
	}
	if in.MultipleOf > 1 && (in.FixedW%in.MultipleOf != 0 || in.FixedH%in.MultipleOf != 0) {
		return fmt.Errorf("fixed size %d×%d is no multiple of %d", in.FixedW, in.FixedH, in.MultipleOf)
	}
	if err := in.Clips.Validate(); err != nil {
		return err
	}
	if len(in.Params) > 1000 {
		return fmt.Errorf("%d params: want at most 1000", len(in.Params))
	}
	for k, v := range in.Params {
		clean := wire.Clean(v, 1000)
		if k == "" || wire.Clean(k, 100) != k {
			return fmt.Errorf("param %q: its name must be 1 to 100 printable bytes", wire.Clean(k, 60))
		}
		in.Params[k] = clean
	}
	return nil
}

// alive reports whether the process has not been reaped.
func (p *proc) alive() bool {
	select {
	case <-p.exited:
		return false
	default:
		return true
	}
}

// kill ends the whole group at once and waits until the process is reaped. The
// pipes are closed, so that a child which holds them cannot hold us.
func (p *proc) kill() {
	select {
	case <-p.dead:
		return
	default:
		close(p.dead)
	}
	if p.cmd == nil {
		_ = p.stdin.Close()
		_ = p.stdout.Close()
		return
	}
	had := descendants(p.cmd.Process.Pid) // also those in other groups; none once it has died
	// The group outlives its leader: children are signalled even when the leader
	// is gone. Its number cannot have been given away meanwhile while one of them
	// lives, and with none left there is no process to signal.
	_ = signalGroup(p.cmd.Process.Pid, syscall.SIGKILL) // a group that is gone already is what we want
	select {
	case <-p.exited:
	case <-time.After(reapTime):
	}
	sweep(p.cmd.Process.Pid, p.mark, had)
	_ = p.stdin.Close()
	_ = p.stdout.Close()
	_ = p.stderr.Close() // its reader ends with it
	if p.shm != nil {
		p.shm.close()
	}
}

// stop asks the process to finish, and ends it when it does not.
func (p *proc) stop(grace time.Duration) error {
	defer p.kill()
	select {
	case <-p.dead:
		return nil
	default:
	}
	if !p.alive() {
		return nil
	}
	bye, err := json.Marshal(&wire.Request{Type: wire.Bye})
	if err != nil {
		return err
	}
	deadline := time.Now().Add(grace)
	if err := p.stdin.SetWriteDeadline(deadline); err != nil {
		return fmt.Errorf("saying bye: %w", err)
	}
	// A plug-in that no longer reads learns it from the closed pipe.
	_ = wire.Write(p.stdin, bye)
	_ = p.stdin.Close()
	timer := time.NewTimer(time.Until(deadline))
	defer timer.Stop()
	for {
		select {
		case <-p.frames: // whatever it still says
		case <-p.exited:
			var ee *exec.ExitError
			if errors.As(p.waitErr, &ee) {
				return fmt.Errorf("at shutdown %s%s", strings.TrimSpace(p.status()), p.stderrEnd())
			}
			return nil
		case <-timer.C:
			if p.cmd == nil {
				return fmt.Errorf("it did not close its descriptors within %v of being told to", grace)
			}
			return fmt.Errorf("it did not exit within %v of being told to, and was killed: leave the loop on \"bye\" or at the end of standard input", grace)
		}
	}
}
