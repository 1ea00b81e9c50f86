package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/vtbench/vtbench/bench/record"
)

// Bounds of what one process of vtbench may take in a case.
const (
	// patience is when a process that should end counts as one that hangs. It takes
	// seconds; a loaded machine may make minutes of them.
	patience = 3 * time.Minute
	// memory is the most resident memory, in bytes. A run of the suites here takes up to
	// 0.3 GB.
	memory = 1 << 30
	// addresses is the most address space, in KiB: what asks for more fails at once and
	// leaves the machine alone.
	addresses = 16 << 20
)

// A lab holds what all cases share: programs, inputs, undisturbed runs.
type lab struct {
	o       options
	vtbench string
	work    string   // vtbench-work
	hostile string   // the plug-in that misbehaves
	modes   []string // how
	onnx    string   // a model that is small
	in      *inputFiles
	most    atomic.Int64 // bytes of resident memory of any process

	shared     shared
	sharing    sync.Once
	sharingErr error

	mu         sync.Mutex
	references map[string]*reference
	counts     map[string]int // what was killed in runs by workers
}

func newLab(ctx context.Context, o options) (*lab, error) {
	dir, err := filepath.Abs(o.dir)
	if err != nil {
		return nil, err
	}
	o.dir = dir
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	bin, err := filepath.Abs(o.bin)
	if err != nil {
		return nil, err
	}
	l := &lab{o: o, vtbench: filepath.Join(bin, "vtbench"), work: filepath.Join(bin, "vtbench-work"), references: map[string]*reference{}}
	if _, err := os.Stat(l.vtbench); err != nil {
		return nil, fmt.Errorf("%w; build it with: make build", err)
	}
	l.hostile = filepath.Join(dir, "hostile")
	build := exec.CommandContext(ctx, "go", "test", "-c", "-o", l.hostile, "github.com/vtbench/vtbench/tokenizers/process")
	if out, err := build.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("building the plug-in that misbehaves: %w\n%s", err, out)
	}
	root, err := exec.CommandContext(ctx, "go", "list", "-m", "-f", "{{.Dir}}", "github.com/vtbench/vtbench").Output()
	if err != nil {
		return nil, fmt.Errorf("finding the module: %w", err)
	}
	l.onnx = filepath.Join(strings.TrimSpace(string(root)), "tokenizers/onnx/testdata/autoencoder.onnx")
	if l.modes, err = modes(strings.TrimSpace(string(root))); err != nil {
		return nil, err
	}
	if l.in, err = makeInputs(filepath.Join(dir, "inputs")); err != nil {
		return nil, fmt.Errorf("making inputs: %w", err)
	}
	return l, nil
}

func (l *lab) mostMemory() int64 { return l.most.Load() }

// An attempt is one case.
type attempt struct {
	*lab
	ctx context.Context
	n   int        // number of the case
	rng *rand.Rand // from seed, kind and number
	dir string     // of its own, empty at first
}

// try tries one case and removes what it left, unless it is to be kept.
func (l *lab) try(ctx context.Context, k kind, n int) error {
	h := fnv.New64a()
	fmt.Fprintf(h, "%s %d", k.name, n)
	dir := filepath.Join(l.o.dir, "cases", strings.Map(func(r rune) rune {
		if 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' {
			return r
		}
		return '-'
	}, k.name), fmt.Sprint(n))
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	a := &attempt{lab: l, ctx: ctx, n: n, rng: rand.New(rand.NewPCG(l.o.seed, h.Sum64())), dir: dir}
	err := k.try(a)
	if err == nil || !strings.Contains(l.o.dir, "kept") {
		if err := os.RemoveAll(dir); err != nil {
			return err
		}
	}
	return err
}

// path is a path in the folder of the case.
func (a *attempt) path(name string) string { return filepath.Join(a.dir, name) }

// write writes a file into the folder of the case.
func (a *attempt) write(name string, b []byte) string {
	path := a.path(name)
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, b, 0o644)); err != nil {
		panic(err)
	}
	return path
}

// limits of a process, as the shell's ulimit sets them; 0 for none.
type limits struct {
	files int // open descriptors
	bytes int // of a file, in units of 512
}

// A process is one of vtbench that was started.
type process struct {
	cmd         *exec.Cmd
	out, errOut bytes.Buffer
	done        chan struct{}
	stop        context.CancelFunc
	began       time.Time
	a           *attempt
	stuck       bool
}

// An outcome is how a process of vtbench ended.
type outcome struct {
	status   int // -1 where a signal ended it
	signal   syscall.Signal
	out, err string
	took     time.Duration
	memory   int64 // most resident bytes
}

// start starts vtbench with arguments.
func (a *attempt) start(lim limits, env []string, args ...string) *process {
	return a.startProgram(a.vtbench, lim, env, args...)
}

// startProgram starts a program with arguments.
func (a *attempt) startProgram(program string, lim limits, env []string, args ...string) *process {
	ctx, stop := context.WithTimeout(a.ctx, patience)
	script := fmt.Sprintf("ulimit -v %d; ", addresses)
	if lim.files > 0 {
		script += fmt.Sprintf("ulimit -n %d; ", lim.files)
	}
	if lim.bytes > 0 {
		script += fmt.Sprintf("ulimit -f %d; ", lim.bytes)
	}
	p := &process{cmd: exec.CommandContext(ctx, "/bin/sh", slices.Concat([]string{"-c", script + `exec "$@"`, "sh", program}, args)...), done: make(chan struct{}), stop: stop, began: time.Now(), a: a}
	p.cmd.Dir = a.dir
	p.cmd.Stdout, p.cmd.Stderr = &p.out, &p.errOut
	// A group of its own, so that whatever a case leaves behind can be found and ended.
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	p.cmd.Env = append(os.Environ(), env...)
	p.cmd.WaitDelay = 10 * time.Second
	p.cmd.Cancel = func() error {
		p.stuck = true
		return syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL)
	}
	if err := p.cmd.Start(); err != nil {
		panic(err)
	}
	go func() {
		defer close(p.done)
		_ = p.cmd.Wait() // how it ended is in the state
	}()
	return p
}

// wait waits for the process to end.
func (p *process) wait() (outcome, error) {
	<-p.done
	p.stop()
	if p.a.ctx.Err() != nil {
		return outcome{}, p.a.ctx.Err()
	}
	o := outcome{status: p.cmd.ProcessState.ExitCode(), out: p.out.String(), err: p.errOut.String(), took: time.Since(p.began)}
	if ws, ok := p.cmd.ProcessState.Sys().(syscall.WaitStatus); ok && ws.Signaled() {
		o.signal = ws.Signal()
	}
	if ru, ok := p.cmd.ProcessState.SysUsage().(*syscall.Rusage); ok {
		o.memory = ru.Maxrss << 10
	}
	for {
		most := p.a.most.Load()
		if o.memory <= most || p.a.most.CompareAndSwap(most, o.memory) {
			break
		}
	}
	switch {
	case p.stuck:
		return o, fmt.Errorf("it did not end within %s: vtbench %s\n%s", patience, strings.Join(p.cmd.Args[5:], " "), tail(o.err))
	case o.memory > memory:
		return o, fmt.Errorf("it took %d MB of memory: vtbench %s", o.memory>>20, strings.Join(p.cmd.Args[5:], " "))
	case strings.ContainsRune(o.out+o.err, '\x1b'):
		return o, fmt.Errorf("it prints control characters: vtbench %s\n%q", strings.Join(p.cmd.Args[5:], " "), tail(o.err))
	case strings.Contains(o.err, "panic:") && strings.Contains(o.err, "goroutine ") || strings.Contains(o.err, "fatal error:"):
		return o, fmt.Errorf("it panicked: vtbench %s\n%s", strings.Join(p.cmd.Args[5:], " "), tail(o.err))
	}
	return o, nil
}

// kill sends a signal; the process may have ended.
func (p *process) kill(s syscall.Signal) { _ = syscall.Kill(p.cmd.Process.Pid, s) }

// killGroup ends the process and what it started in its group, as a lost machine does.
func (p *process) killGroup() { _ = syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL) }

// running reports whether the process has not ended.
func (p *process) running() bool {
	select {
	case <-p.done:
		return false
	default:
		return true
	}
}

// pause waits, or until the process has ended.
func (p *process) pause(d time.Duration) {
	select {
	case <-p.done:
	case <-time.After(d):
	}
}

// run runs vtbench to its end.
func (a *attempt) run(args ...string) (outcome, error) {
	return a.start(limits{}, nil, args...).wait()
}

// expect is run where the status must be one of those given, and anything but 0 be told
// on stderr.
func (a *attempt) expect(statuses []int, args ...string) (outcome, error) {
	o, err := a.run(args...)
	if err != nil {
		return o, err
	}
	return o, o.check(statuses, args)
}

// check holds an outcome against the statuses that it may have.
func (o *outcome) check(statuses []int, args []string) error {
	if !slices.Contains(statuses, o.status) {
		return fmt.Errorf("vtbench %s ended with status %d (signal %d), want %v:\n%s", strings.Join(args, " "), o.status, o.signal, statuses, tail(o.err))
	}
	if o.status != 0 && !strings.Contains(o.err, "vtbench: ") && !strings.Contains(o.err, `"error":`) {
		return fmt.Errorf("vtbench %s ended with status %d without a message:\n%s", strings.Join(args, " "), o.status, tail(o.err))
	}
	return nil
}

// tail is the end of what a process said, indented.
func tail(s string) string {
	lines := strings.Split(strings.TrimSpace(s), "\n")
	if len(lines) > 12 {
		lines = lines[len(lines)-12:]
	}
	for i, l := range lines {
		if len(l) > 300 {
			lines[i] = l[:300] + "…"
		}
	}
	return "    " + strings.Join(lines, "\n    ")
}

// A reference is a run that nothing disturbed.
type reference struct {
	once sync.Once
	err  error
	dir  string
	took time.Duration
	sums map[string]string
}

// undisturbed returns the run of some arguments that nothing disturbed; it is made once.
func (a *attempt) undisturbed(args []string) (*reference, error) {
	key := strings.Join(args, "\x00")
	a.mu.Lock()
	r := a.references[key]
	if r == nil {
		r = &reference{dir: filepath.Join(a.o.dir, "references", fmt.Sprint(len(a.references)))}
		a.references[key] = r
	}
	a.mu.Unlock()
	r.once.Do(func() {
		if r.err = os.MkdirAll(filepath.Dir(r.dir), 0o755); r.err != nil {
			return
		}
		o, err := a.expect([]int{0}, append(slices.Clone(args), "-o", r.dir)...)
		if err != nil {
			r.err = fmt.Errorf("an undisturbed run: %w", err)
			return
		}
		r.took = o.took
		r.sums, r.err = contents(r.dir)
		if r.err == nil && len(r.sums) < 6 {
			r.err = fmt.Errorf("an undisturbed run left only %d files in %s", len(r.sums), r.dir)
		}
	})
	return r, r.err
}

// clone copies an undisturbed run into the folder of the case.
func (a *attempt) clone(r *reference, name string) (string, error) {
	to := a.path(name)
	return to, os.CopyFS(to, os.DirFS(r.dir))
}

// contents are the files of a run directory that must be equal byte for byte in equal
// runs; of the manifest, all but where and when it ran.
func contents(dir string) (map[string]string, error) {
	out := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		name, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		switch top, _, _ := strings.Cut(filepath.ToSlash(name), "/"); top {
		case record.TimingsFile, record.PerformanceFile, record.LockFile, "logs",
			"report.html", "report.md", "tables", "plots": // times, and what is made of them
			return nil
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if name == record.ManifestFile {
			if b, err = withoutHost(b); err != nil {
				return err
			}
		}
		out[name] = string(b)
		return nil
	})
	return out, err
}

func withoutHost(manifest []byte) ([]byte, error) {
	var m map[string]json.RawMessage
	if err := json.Unmarshal(manifest, &m); err != nil {
		return nil, err
	}
	delete(m, "host")
	return json.Marshal(m)
}

// same compares a run directory with the undisturbed run.
func (r *reference) same(dir string) error {
	got, err := contents(dir)
	if err != nil {
		return err
	}
	var errs []error
	for name, want := range r.sums {
		switch b, ok := got[name]; {
		case !ok:
			errs = append(errs, fmt.Errorf("%s is missing", name))
		case b != want:
			errs = append(errs, fmt.Errorf("%s differs from the undisturbed run's (%d bytes, %d there)", name, len(b), len(want)))
		}
	}
	for name := range got {
		if _, ok := r.sums[name]; !ok {
			errs = append(errs, fmt.Errorf("%s is not in the undisturbed run", name))
		}
	}
	// As many times as there are groups, each closed by its sum, are what Verify checks.
	state, err := record.Verify(dir)
	switch {
	case err != nil:
		errs = append(errs, err)
	case state.Damage != nil:
		errs = append(errs, state.Damage)
	}
	return errors.Join(errs...)
}

// chance is true in one of n cases.
func (a *attempt) chance(n int) bool { return a.rng.IntN(n) == 0 }

// one draws from a list.
func one[T any](a *attempt, list ...T) T { return list[a.rng.IntN(len(list))] }
