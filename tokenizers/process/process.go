// Package process makes a tokenizer of any program that speaks a small framed
// protocol on its standard input and output: a PyTorch model through the Python
// SDK in tokenizers/process/python, or anything else by docs/protocol.md.
//
// Its opinion: somebody else's program is always about to crash, hang or print,
// and none of that may cost more than the images it happens on. Every wait has a
// deadline, every length a bound; a process that dies is started again and its
// batch is given to it image by image, so that one bad image costs one item; and
// when the run ends, no process of the plug-in is left. Images are retried one at
// a time rather than in halves, because a crash costs a start, which for a model
// is a load from disk, while a single image costs milliseconds: one by one finds
// the culprit with one more crash, halving needs one a level.
//
//	tok, err := process.Open(ctx, tokenizers.Options{"command": "python my_tok.py"})
//	defer tok.Close()
//	out, err := tok.Reconstruct(ctx, images)
package process

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"reflect"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/vtbench/vtbench/internal/memory"
	"github.com/vtbench/vtbench/pix"
	"github.com/vtbench/vtbench/tokenizers"
	"github.com/vtbench/vtbench/tokenizers/process/wire"
)

const (
	// maxRequest bounds the pixels of one request, in bytes: larger batches are
	// sent in parts, so that request and answer stay well below a frame.
	maxRequest = 128 << 20
	// shmWorth is the size of a request, in bytes, from which shared memory beats
	// the pipe; measured by BenchmarkOverhead: below it they are level.
	shmWorth = 256 << 10
	// idleAfter is how long a process may be idle before it is pinged, so that one
	// that died while idle is found in seconds and not at a batch's deadline.
	idleAfter = 30 * time.Second
	// pingLimit is how long an idle plug-in may take to answer a ping.
	pingLimit = 30 * time.Second
	firstWait = 100 * time.Millisecond // between the second failure in a row and the next start
	longWait  = 10 * time.Second       // the most that doubles to
)

// Kind is the registry entry. On the command line the whole text behind the
// colon is the command; a configuration file can set the rest.
func Kind() tokenizers.Kind {
	return tokenizers.Kind{
		Name:    "process",
		Summary: "any program that speaks the plug-in protocol, for example through the Python SDK",
		Example: "process:python examples/tokenizers/numpy_blocks.py",
		Arg:     "command",
		Guess:   guess,
		Options: slices.Concat([]tokenizers.Option{
			{Name: "command", Required: true, Help: "command to start, in words as a shell would cut them; nothing is expanded but {replica}", Check: checkCommand},
			{Name: "dir", Help: "working directory of the command; {replica} is filled in"},
			{Name: "env", Help: `environment as "KEY=VALUE …", for example CUDA_VISIBLE_DEVICES={replica}`, Check: func(v string) error {
				_, err := parseEnv(v)
				return err
			}},
			tokenizers.IntOption("replicas", 1, 1, 256, "how many copies to run side by side"),
		}, limits(), []tokenizers.Option{
			tokenizers.IntOption("restarts", 5, 0, 1000, "failures in a row, without a good image between, after which it is given up"),
			tokenizers.BoolOption("shared_memory", true, "pass large batches through shared memory where the plug-in can"),
		}),
		Open: func(ctx context.Context, opts tokenizers.Options) (tokenizers.Tokenizer, error) {
			t, err := Open(ctx, opts)
			if err != nil {
				return nil, err
			}
			return t.withAbilities(), nil
		},
	}
}

// limits are the options of everything that speaks the protocol.
func limits() []tokenizers.Option {
	return []tokenizers.Option{
		tokenizers.IntOption("batch", 0, 0, 4096, "most images a request; 0: what the plug-in says it likes"),
		durationOption("start_timeout", "5m", "from start to the answered handshake: loading libraries and weights"),
		durationOption("first_batch_timeout", "10m", "the first batch of a process: compiling, warming up"),
		durationOption("batch_timeout", "2m", "every later batch"),
		durationOption("stop_timeout", "5s", "from being told to finish to being killed"),
	}
}

// guess starts a script, arguments and all, by the interpreter of its language.
func guess(command string) string {
	script, _, _ := strings.Cut(command, " ")
	for extension, interpreter := range map[string]string{".py": "python3", ".js": "node", ".mjs": "node"} {
		if strings.HasSuffix(script, extension) {
			return "process:" + interpreter + " " + command
		}
	}
	return ""
}

func checkCommand(v string) error {
	words, err := splitWords(v)
	if err != nil {
		return err
	}
	if len(words) == 0 {
		return errors.New("want a command, for example: python my_tok.py")
	}
	return nil
}

// durationOption declares a positive span of time: "90s", "5m".
func durationOption(name, def, help string) tokenizers.Option {
	return tokenizers.Option{Name: name, Default: def, Help: help + " (like 90s or 5m)", Check: func(v string) error {
		d, err := time.ParseDuration(v)
		if err != nil || d <= 0 {
			return errors.New("want a span of time such as 90s, 5m or 1h30m")
		}
		return nil
	}}
}

// config is what the options say.
type config struct {
	label    string // how errors call it
	words    []string
	dir      string
	env      []string
	replicas int
	batch    int
	starting time.Duration
	first    time.Duration
	later    time.Duration
	stopping time.Duration
	restarts int
	shm      bool
	wait     time.Duration // first backoff
	ends     *ends         // in place of a command: what leads to a tokenizer that is there already
}

func configure(opts tokenizers.Options) (*config, error) {
	// Options that were not resolved through the registry lack checks and defaults.
	_, opts, err := tokenizers.Resolve(tokenizers.Spec{Name: "process", Kind: "process", Opts: opts}, []tokenizers.Kind{Kind()})
	if err != nil {
		return nil, err
	}
	c := &config{
		label:    wire.Clean(opts["command"], 200),
		dir:      opts["dir"],
		replicas: opts.Int("replicas"),
		restarts: opts.Int("restarts"),
		shm:      opts.Bool("shared_memory"),
		wait:     firstWait,
	}
	if c.words, err = splitWords(opts["command"]); err != nil {
		return nil, err
	}
	if c.env, err = parseEnv(opts["env"]); err != nil {
		return nil, err
	}
	if err := c.limits(opts); err != nil {
		return nil, err
	}
	return c, nil
}

// limits reads the options that [limits] declares.
func (c *config) limits(opts tokenizers.Options) (err error) {
	c.batch = opts.Int("batch")
	for name, into := range map[string]*time.Duration{"start_timeout": &c.starting, "first_batch_timeout": &c.first, "batch_timeout": &c.later, "stop_timeout": &c.stopping} {
		if *into, err = time.ParseDuration(opts[name]); err != nil {
			return err
		}
	}
	return nil
}

// A Tokenizer is a plug-in with its replicas. It is safe for concurrent use; as
// many calls run at once as there are replicas, the others wait.
type Tokenizer struct {
	c    *config
	info tokenizers.Info
	can  []string
	ops  []string // of a helper

	idle  chan *replica
	all   []*replica
	lost  chan struct{} // closed when the last replica was given up
	limit atomic.Int64  // images a request, lowered when a batch was too much
	guest *proc         // what is not a process of ours, also when it is lost; else nil

	mu       sync.Mutex
	left     int // replicas not given up
	lastErr  error
	warnings []string
	books    map[int]*book
	device   int64 // the most accelerator memory that a replica told of
}

// maxDeviceMemory bounds what a plug-in may state: 16 TiB, more than any machine has.
const maxDeviceMemory = 16 << 40

// A replica is one copy of the plug-in, through all restarts of its process.
type replica struct {
	n     int
	p     *proc // nil: to be started
	fails int   // in a row
	used  time.Time
	ran   bool // the present process has answered a batch

	mu   sync.Mutex
	tail *tail // of the present or last process
}

// Open starts the plug-in, all replicas at once, and shakes hands.
func Open(ctx context.Context, opts tokenizers.Options) (*Tokenizer, error) {
	c, err := configure(opts)
	if err != nil {
		return nil, err
	}
	return open(ctx, c)
}

func open(ctx context.Context, c *config) (*Tokenizer, error) {
	t := &Tokenizer{c: c, idle: make(chan *replica, c.replicas), lost: make(chan struct{}), left: c.replicas, books: map[int]*book{}}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	errs := make([]error, c.replicas)
	var wg sync.WaitGroup
	for i := range c.replicas {
		r := &replica{n: i}
		t.all = append(t.all, r)
		t.idle <- r
		wg.Go(func() {
			if errs[i] = t.launch(ctx, r); errs[i] != nil {
				cancel() // one that cannot start makes the others useless
			}
		})
	}
	wg.Wait()
	// The first fault explains the cancellations that followed from it.
	slices.SortStableFunc(errs, func(a, b error) int {
		rank := func(e error) int {
			switch {
			case e == nil:
				return 2
			case errors.Is(e, context.Canceled):
				return 1
			}
			return 0
		}
		return rank(a) - rank(b)
	})
	err := errs[0]
	if err == nil {
		hello := t.all[0].p.hello
		t.info, t.can, t.ops = *hello.Info, hello.Can, hello.Ops
		for _, r := range t.all {
			if err = t.same(r); err != nil {
				break
			}
		}
	}
	if err != nil {
		for _, r := range t.all {
			r.drop()
		}
		return nil, t.name(err)
	}
	if c.ends != nil {
		t.guest = t.all[0].p
	}
	t.info.Concurrent = c.replicas > 1
	t.info.External = true
	most := t.info.BatchSize
	if c.batch > 0 {
		most, t.info.BatchSize = c.batch, c.batch
	}
	if most == 0 {
		most = 4096
	}
	t.limit.Store(int64(most))
	t.info.Params = maps.Clone(t.info.Params)
	if t.info.Params == nil {
		t.info.Params = map[string]string{}
	}
	if sdk := wire.Clean(t.all[0].p.hello.SDK, 80); sdk != "" {
		t.info.Params["sdk"] = sdk
	}
	return t, nil
}

// name says whose error it is.
func (t *Tokenizer) name(err error) error { return fmt.Errorf("plug-in %q: %w", t.c.label, err) }

// launch starts the process of a replica and shakes hands.
func (t *Tokenizer) launch(ctx context.Context, r *replica) error {
	if t.guest != nil { // what was lost stays lost
		return &fault{err: t.Why()}
	}
	begin := func() (*proc, error) { return start(t.c, r.n) }
	if t.c.ends != nil {
		begin = func() (*proc, error) { return attach(t.c) }
	}
	p, err := begin()
	if err != nil {
		return &fault{err: err}
	}
	r.mu.Lock()
	r.tail = p.tail
	r.mu.Unlock()
	if err := p.handshake(ctx, r.n, t.c.starting); err != nil {
		p.kill()
		if t.c.replicas > 1 && ctx.Err() == nil {
			return faultf("replica %d: %w", r.n, err)
		}
		return err
	}
	r.p, r.ran, r.used = p, false, time.Now()
	return nil
}

// same refuses a process that is another tokenizer than the first one was.
func (t *Tokenizer) same(r *replica) error {
	a, b := t.info, r.p.hello.Info
	for _, f := range []struct {
		what string
		a, b any
	}{
		{"name", a.Name, b.Name},
		{"version", a.Version, b.Version},
		{"weights", a.Weights, b.Weights},
		{"codebooks", sizes(a.Codebooks), sizes(b.Codebooks)},
		{"multiple_of", a.MultipleOf, b.MultipleOf},
		{"fixed size", [2]int{a.FixedW, a.FixedH}, [2]int{b.FixedW, b.FixedH}},
		{"clips", clipWords(a.Clips), clipWords(b.Clips)},
	} {
		if f.what == "codebooks" && !slices.Equal(a.Codebooks, b.Codebooks) || !reflect.DeepEqual(f.a, f.b) {
			return faultf("replica %d says its %s is %v, an earlier process said %v: all must be the same tokenizer, so load a fixed checkpoint", r.n, f.what, f.b, f.a)
		}
	}
	return nil
}

// drop ends the process of a replica at once.
func (r *replica) drop() {
	if r.p != nil {
		r.p.kill()
		r.p = nil
	}
}

// Info implements tokenizers.Tokenizer.
func (t *Tokenizer) Info() tokenizers.Info { return t.info }

// Stderr implements tokenizers.Witness: the last of what each replica wrote, at
// most 64 KiB each.
func (t *Tokenizer) Stderr() []string {
	if t.c.ends != nil {
		return nil // that of another program
	}
	out := make([]string, len(t.all))
	for i, r := range t.all {
		r.mu.Lock()
		if r.tail != nil {
			out[i] = r.tail.String()
		}
		r.mu.Unlock()
	}
	return out
}

// Warnings implements tokenizers.Witness: restarts, clocks that cannot be, batches
// that were too large.
func (t *Tokenizer) Warnings() []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.Clone(t.warnings)
}

func (t *Tokenizer) warn(format string, args ...any) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if msg := fmt.Sprintf(format, args...); len(t.warnings) < 100 && !slices.Contains(t.warnings, msg) {
		t.warnings = append(t.warnings, msg)
	}
}

// Reconstruct implements tokenizers.Tokenizer.
func (t *Tokenizer) Reconstruct(ctx context.Context, in []pix.Image) ([]tokenizers.Reconstruction, error) {
	return t.reconstruct(ctx, in)
}

func (t *Tokenizer) reconstruct(ctx context.Context, in []pix.Image) ([]tokenizers.Reconstruction, error) {
	out := make([]tokenizers.Reconstruction, len(in))
	jobs := make([]job, 0, len(in))
	for i, m := range in {
		err := m.Validate()
		if err == nil {
			err = t.info.Accepts(m.W, m.H)
		}
		if err != nil {
			out[i].Err = fmt.Errorf("before asking plug-in %q: %w", t.c.label, err)
			continue
		}
		jobs = append(jobs, job{
			n:    i,
			item: wire.Item{W: m.W, H: m.H},
			body: [][]byte{m.Pix},
			back: 3 * m.W * m.H,
			take: func(it wire.Item, p wire.Payload) error { return t.reconstruction(&out[i], m, it, p) },
			fail: func(err error) { out[i].Err = err },
		})
	}
	err := t.run(ctx, wire.Reconstruct, jobs, func(took time.Duration, ok []int) {
		most, sum := longest(took), time.Duration(0)
		for _, i := range ok {
			// Each is bounded before it is added, so that no sum overflows.
			sum += min(out[i].Encode, most+1) + min(out[i].Decode, most+1)
		}
		if sum > most {
			for _, i := range ok {
				out[i].Encode, out[i].Decode = 0, 0
			}
			t.warn("it reported more encoding and decoding time than a whole request took; the times of such requests are left out (report the time of an image, not of its batch, for every image)")
		}
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// longest is the most time that a plug-in can have spent on a request: one part in fifty and
// a millisecond cover clocks of different kinds.
func longest(took time.Duration) time.Duration { return took + took/50 + time.Millisecond }

// reconstruction checks and keeps one result.
func (t *Tokenizer) reconstruction(r *tokenizers.Reconstruction, m pix.Image, it wire.Item, p wire.Payload) error {
	if it.Frames != 0 {
		return fmt.Errorf("it returned a window of %d frames for an image: frames belong to answers to reconstruct_clip", it.Frames)
	}
	if it.W != m.W || it.H != m.H {
		return &tokenizers.SizeError{
			W: it.W, H: it.H, WantW: m.W, WantH: m.H,
			Text: fmt.Sprintf("it returned %d×%d for an image of %d×%d: return every image at the size it came in (pad inside, or declare multiple_of or a fixed size)", it.W, it.H, m.W, m.H),
		}
	}
	codes, err := t.codes(it, p)
	if err != nil {
		return err
	}
	if err := costs(it); err != nil {
		return err
	}
	*r = tokenizers.Reconstruction{
		Image: pix.Image{W: it.W, H: it.H, Pix: p.Pix}, Codes: codes,
		Bits: it.Bits, FileBits: it.FileBits, Capacity: it.Capacity,
		Encode: time.Duration(it.EncodeNS), Decode: time.Duration(it.DecodeNS),
	}
	return nil
}

// costs checks the bits and times of a result whose size and number of frames are right.
// An image or window can plausibly take a hundred times the bits of its pixels, and a header
// of a megabyte.
func costs(it wire.Item) error {
	if it.Bits < 0 || it.FileBits < 0 || it.EncodeNS < 0 || it.DecodeNS < 0 || it.Capacity < 0 {
		return fmt.Errorf("it returned bits (%d, %d), a capacity (%g) or times (%d ns, %d ns) below zero", it.Bits, it.FileBits, it.Capacity, it.EncodeNS, it.DecodeNS)
	}
	what, own := fmt.Sprintf("an image of %d×%d", it.W, it.H), 24*int64(it.W)*int64(it.H)
	if it.Frames > 0 {
		what, own = fmt.Sprintf("a window of %d frames of %d×%d", it.Frames, it.W, it.H), own*int64(it.Frames)
	}
	switch most := 100*own + 8<<20; {
	case it.Bits > most || it.FileBits > most:
		return fmt.Errorf("it returned %d and %d bits for %s, whose pixels have %d: state the bits of this bitstream alone", it.Bits, it.FileBits, what, own)
	case it.Capacity > float64(most):
		return fmt.Errorf("it returned a capacity of %g bits for %s, whose pixels have %d: state that of this latent alone", it.Capacity, what, own)
	}
	return nil
}

// sizes shows the first of a list of codebooks.
func sizes(books []int) string {
	const shown = 8
	if len(books) <= shown {
		return fmt.Sprint(books)
	}
	return strings.TrimSuffix(fmt.Sprint(books[:shown]), "]") + fmt.Sprintf(" … %d in all]", len(books))
}

// codes checks the ids of one result against the declared codebooks.
func (t *Tokenizer) codes(it wire.Item, p wire.Payload) (*tokenizers.Codes, error) {
	if len(it.Books) != len(t.info.Codebooks) {
		return nil, fmt.Errorf("it returned ids of %d codebooks, its info declares %d (%v): declare every codebook, and return ids for each", len(it.Books), len(t.info.Codebooks), sizes(t.info.Codebooks))
	}
	if len(it.Books) == 0 {
		return nil, nil
	}
	c := &tokenizers.Codes{}
	for b, book := range it.Books {
		if book.Size != t.info.Codebooks[b] {
			return nil, fmt.Errorf("codebook %d has size %d here and %d in its info: they must agree", b, book.Size, t.info.Codebooks[b])
		}
		c.Books = append(c.Books, tokenizers.Book{Size: book.Size, Shape: book.Shape, IDs: p.IDs[b]})
	}
	if err := c.Validate(); err != nil {
		return nil, fmt.Errorf("%w: ids start at 0, and the declared size must be the size of the codebook", err)
	}
	return c, nil
}

// A job is one item on its way through the plug-in.
type job struct {
	n    int // place in the caller's batch
	item wire.Item
	body [][]byte
	back int // raw bytes its answer is expected to have
	take func(wire.Item, wire.Payload) error
	fail func(error)
}

func (j job) size() int {
	n := 0
	for _, b := range j.body {
		n += len(b)
	}
	return max(n, j.back)
}

// run gets all jobs done: in requests that fit, on whichever replica is free.
// Its error is ctx's, or that no replica is left; everything else is told to the
// job. done is called for every request that was answered.
func (t *Tokenizer) run(ctx context.Context, kind string, jobs []job, done func(took time.Duration, ok []int)) error {
	tried := false
	for len(jobs) > 0 {
		if err := ctx.Err(); err != nil {
			return err
		}
		n, bytes := 0, 0
		for n < len(jobs) && n < int(t.limit.Load()) && (n == 0 || bytes+jobs[n].size() <= maxRequest) {
			bytes += jobs[n].size()
			n++
		}
		r, err := t.acquire(ctx)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err != nil && !tried:
			return err
		case err != nil: // results of earlier requests are kept
			for _, j := range jobs {
				j.fail(err)
			}
			return nil
		}
		tried = true
		left, err := t.serve(ctx, r, kind, jobs[:n], done)
		t.release(r)
		if err != nil {
			return err
		}
		jobs = slices.Concat(left, jobs[n:])
	}
	return nil
}

// acquire waits for a replica.
func (t *Tokenizer) acquire(ctx context.Context) (*replica, error) {
	select {
	case r := <-t.idle:
		return r, nil
	default:
	}
	select {
	case r := <-t.idle:
		return r, nil
	case <-t.lost:
		t.mu.Lock()
		defer t.mu.Unlock()
		return nil, t.name(t.lastErr)
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// release gives a replica back, unless it is to be given up.
func (t *Tokenizer) release(r *replica) {
	if r.fails <= t.c.restarts {
		t.idle <- r
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.left--; t.left == 0 {
		t.lastErr = fmt.Errorf("given up after %d failures in a row, the last: %w", r.fails, t.lastErr)
		close(t.lost)
	}
}

// serve runs one request on a replica and, when the process fails on it, its
// items one by one. It returns the jobs that this replica, given up, did not try.
func (t *Tokenizer) serve(ctx context.Context, r *replica, kind string, jobs []job, done func(time.Duration, []int)) (left []job, err error) {
	err = t.attempt(ctx, r, kind, jobs, done)
	if err == nil {
		return nil, nil
	}
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	died := r.p == nil
	if len(jobs) == 1 && !died {
		t.failed(jobs, 0, err) // the plug-in answered with an error
		return nil, nil
	}
	if died {
		t.warn("a batch of %d was retried image by image: %v", len(jobs), err)
	}
	if r.fails > t.c.restarts {
		return jobs, nil
	}
	allGood := true
	for i := range jobs {
		if r.fails > t.c.restarts {
			return jobs[i:], nil
		}
		err := t.attempt(ctx, r, kind, jobs[i:i+1], done)
		var f *fault
		if errors.As(err, &f) && f.unrelated && ctx.Err() == nil && r.fails <= t.c.restarts {
			err = t.attempt(ctx, r, kind, jobs[i:i+1], done) // earlier failures are those of another process
		}
		if err != nil {
			if ctx.Err() != nil {
				return nil, ctx.Err()
			}
			allGood = false
			t.failed(jobs, i, err)
		}
	}
	if died && allGood && len(jobs) > 1 {
		// Every image succeeds alone, so the batch was too large, most often for memory.
		half := int64(max(1, len(jobs)/2))
		if half < t.limit.Load() {
			t.limit.Store(half)
			t.warn("it failed on a batch of %d but on none of its images: batches are %d from here on", len(jobs), half)
		}
	}
	return nil, nil
}

// failed tells a job that it failed.
func (t *Tokenizer) failed(jobs []job, i int, err error) {
	if jobs[i].item.Frames > 0 {
		jobs[i].fail(fmt.Errorf("plug-in %q, window from frame %d: %w", t.c.label, jobs[i].item.Start, err))
		return
	}
	jobs[i].fail(fmt.Errorf("plug-in %q, image %d of the batch: %w", t.c.label, jobs[i].n, err))
}

// settle records how a request ended. Where the process is to blame it is ended, to be
// started again by the next request.
func (t *Tokenizer) settle(ctx context.Context, r *replica, err error) {
	var f *fault
	switch {
	case err == nil:
		r.fails, r.used, r.ran = 0, time.Now(), true
	case ctx.Err() != nil:
		r.drop() // it may be anywhere in a request: the next one starts afresh
	case errors.As(err, &f):
		r.fails++
		t.mu.Lock()
		t.lastErr = err
		t.mu.Unlock()
		r.drop()
	default: // it answered with an error; the process goes on
		r.used, r.ran = time.Now(), true
	}
}

// exchange sends one request to a process that is ready for it and returns the answer.
func (t *Tokenizer) exchange(ctx context.Context, r *replica, req *wire.Request, most, room int, body [][]byte) (wire.Response, []byte, time.Duration, error) {
	if err := t.ready(ctx, r); err != nil {
		return wire.Response{}, nil, 0, err
	}
	limit := t.c.later
	if !r.ran {
		limit = t.c.first
	}
	began := time.Now()
	resp, raw, err := r.p.ask(ctx, req, most, room, body, limit)
	if d := resp.DeviceMemory; d > 0 && d <= maxDeviceMemory {
		t.mu.Lock()
		t.device = max(t.device, d)
		t.mu.Unlock()
	}
	took := time.Since(began)
	if err == nil && resp.Type != wire.Result {
		err = faultf("it answered a %s with a %q: want a result or an error", req.Type, wire.Clean(resp.Type, 40))
	}
	return resp, raw, took, err
}

// attempt sends jobs in one request. An error means that nothing of it counts.
func (t *Tokenizer) attempt(ctx context.Context, r *replica, kind string, jobs []job, done func(time.Duration, []int)) (err error) {
	defer func() { t.settle(ctx, r, err) }()
	req := &wire.Request{Type: kind, Items: make([]wire.Item, len(jobs))}
	var body [][]byte
	expect := 0
	for i, j := range jobs {
		req.Items[i] = j.item
		body = append(body, j.body...)
		expect += j.back
	}
	// Codes come on top of the pixels: a dozen ids a pixel are as many as can be
	// meant, fewer than one are usual.
	most := min(16*expect+1<<20, wire.MaxFrame)
	room := 2*expect + 1<<20
	resp, raw, took, err := t.exchange(ctx, r, req, most, room, body)
	if err != nil {
		return err
	}
	parts, err := wire.Split(resp.Items, raw)
	if err != nil {
		return faultf("the header contradicts its body: %w", err)
	}
	if len(parts) != len(jobs) {
		return fmt.Errorf("it returned %d results for a batch of %d: return one for every image, with an error in those that failed", len(parts), len(jobs))
	}
	ok := make([]int, 0, len(jobs))
	for i, j := range jobs {
		if msg := resp.Items[i].Error; msg != "" {
			t.failed(jobs, i, errors.New(wire.Clean(msg, 2000)))
		} else if err := j.take(resp.Items[i], parts[i]); err != nil {
			t.failed(jobs, i, err)
		} else {
			ok = append(ok, j.n)
		}
	}
	if done != nil {
		done(took, ok)
	}
	return nil
}

// ready makes sure that the replica has a process that answers.
func (t *Tokenizer) ready(ctx context.Context, r *replica) error {
	if r.p != nil && r.p.alive() && time.Since(r.used) > idleAfter {
		resp, _, err := r.p.ask(ctx, &wire.Request{Type: wire.Ping}, noBody, 0, nil, pingLimit)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err != nil:
			t.warn("it was idle, did not answer a ping and was started again: %v", err)
			r.drop()
		case resp.Type != wire.Result:
			return faultf("it answered a ping with a %q: want a result", wire.Clean(resp.Type, 40))
		}
	}
	// One that is not ours is asked all the same: what it sent last says why it ended.
	if r.p != nil && r.p.cmd != nil && !r.p.alive() {
		t.warn("it ended between two batches and was started again: %v", r.p.gone(ctx, nil))
		r.drop()
	}
	if r.p != nil {
		return nil
	}
	if r.fails > 1 {
		wait := min(t.c.wait<<min(r.fails-2, 20), longWait)
		timer := time.NewTimer(wait)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	if err := t.launch(ctx, r); err != nil {
		return err
	}
	if err := t.same(r); err != nil {
		return err
	}
	return nil
}

// Close tells every replica to finish and ends what does not. It must not run
// beside Reconstruct.
func (t *Tokenizer) Close() error {
	errs := make([]error, len(t.all))
	var wg sync.WaitGroup
	for i, r := range t.all {
		if r.p == nil {
			continue
		}
		wg.Go(func() {
			if err := r.p.stop(t.c.stopping); err != nil {
				errs[i] = t.name(err)
			}
			r.p = nil
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}

var _ interface {
	tokenizers.Tokenizer
	tokenizers.Warmer
	tokenizers.Witness
	tokenizers.Meter
	io.Closer
} = (*Tokenizer)(nil)

// ResetPeak implements [tokenizers.Meter]. Accelerator memory is told as the most that a
// process ever had in use.
func (t *Tokenizer) ResetPeak() {
	for _, r := range t.all {
		if r.p != nil && r.p.cmd != nil {
			memory.ResetGroup(r.p.cmd.Process.Pid)
		}
	}
}

// PeakMemory implements [tokenizers.Meter]: the sum over the processes of all replicas,
// and the most accelerator memory that one of them told of.
func (t *Tokenizer) PeakMemory() (host, device int64) {
	for _, r := range t.all {
		if r.p != nil && r.p.cmd != nil {
			host += memory.PeakGroup(r.p.cmd.Process.Pid)
		}
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	return host, t.device
}

// Warm runs one grey image of the size through every replica, so that compiling
// and first allocations are not timed.
func (t *Tokenizer) Warm(ctx context.Context, w, h int) error {
	grey := pix.New(w, h)
	for i := range grey.Pix {
		grey.Pix[i] = 128
	}
	var held []*replica
	defer func() {
		for _, r := range held {
			t.release(r)
		}
	}()
	for range t.all {
		t.mu.Lock()
		more := len(held) < t.left
		t.mu.Unlock()
		if !more {
			break
		}
		r, err := t.acquire(ctx)
		if err != nil {
			return err
		}
		held = append(held, r)
	}
	errs := make([]error, len(held))
	var wg sync.WaitGroup
	for i, r := range held {
		wg.Go(func() {
			var failed error
			left, err := t.serve(ctx, r, wire.Reconstruct, []job{{
				item: wire.Item{W: w, H: h}, body: [][]byte{grey.Pix}, back: len(grey.Pix),
				take: func(wire.Item, wire.Payload) error { return nil },
				fail: func(err error) { failed = err },
			}}, nil)
			if errs[i] = err; err == nil && failed != nil {
				errs[i] = fmt.Errorf("warming up at %d×%d: %w", w, h, failed)
			} else if err == nil && len(left) > 0 {
				errs[i] = errors.New("warming up: the replica was given up")
			}
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}

// String names the plug-in.
func (t *Tokenizer) String() string {
	if t.c.ends != nil {
		return t.c.label
	}
	return strings.TrimSpace("process:" + t.c.label)
}
