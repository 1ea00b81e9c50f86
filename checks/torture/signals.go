package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/vtbench/vtbench/bench/record"
)

// signals are interruptions at random moments of runs of every suite.
func signals() []kind {
	const resumed = "what was interrupted is resumed into the bytes of an undisturbed run"
	return []kind{
		{name: "KILL, up to four times, then resumed", promise: resumed, full: 120, short: 8, try: (*attempt).killed},
		{name: "TERM, then resumed", promise: resumed + "; status 130", full: 40, short: 3, try: func(a *attempt) error { return a.interrupted(syscall.SIGTERM) }},
		{name: "INT, then resumed", promise: resumed + "; status 130", full: 40, short: 3, try: func(a *attempt) error { return a.interrupted(syscall.SIGINT) }},
		{name: "INT twice, then resumed", promise: resumed + "; the second ends the program", full: 40, short: 3, try: func(a *attempt) error { return a.interrupted(syscall.SIGINT, syscall.SIGINT) }},
		{name: "STOP, another writer meanwhile, CONT", promise: "one of two writers measures, the other is refused with status 2", full: 40, short: 3, try: (*attempt).stopped},
		{name: "INT of a run whose plug-in hangs", promise: "ends, and no process of the plug-in is left", full: 30, short: 2, try: (*attempt).interruptedHang},
		{name: "KILL while shards are merged or reports written", promise: "the same command again gives the same bytes", full: 30, short: 2, try: (*attempt).killedMerge},
	}
}

// suite draws the arguments of a run: every suite that there is, the cheap ones more
// often.
func (a *attempt) suite() []string {
	args := []string{"run", "-q", "-j", "2", "--resamples", "100", "--batch", "2", "-t", "jpeg:q=20"}
	add := func(more ...string) []string { return append(args, more...) }
	switch a.n % 40 {
	case 4, 23:
		return add("--suite", "text", "--data", "icdar:"+a.in.words, "-r", "256", "--limit", "4")
	case 9:
		return add("--suite", "robustness", "--data", "folder:"+a.in.photos, "-r", "32", "--limit", "3", "-m", "psnr")
	case 14:
		return add("--suite", "robustness-full", "--data", "folder:"+a.in.photos, "-r", "32", "--limit", "3", "-m", "psnr")
	case 29:
		return a.faces("face", args)
	case 35:
		return a.faces("face-may", args)
	}
	return add("--suite", a.in.suite, "--data", "folder:"+a.in.photos)
}

// faces is a run of a suite of faces; of pixels where the portraits were not fetched.
func (a *attempt) faces(suite string, args []string) []string {
	args = slices.Clip(args)
	faces := append(args, "--suite", suite, "-r", "256", "--limit", "2", "-m", "f-sim,face-detected,psnr")
	if _, err := a.undisturbed(faces); err != nil && strings.Contains(err.Error(), "status 5") {
		return append(args, "--suite", a.in.suite, "--data", "folder:"+a.in.photos)
	}
	return faces
}

// begin starts or continues a run.
func (a *attempt) begin(dir string, args []string) *process {
	args = append(slices.Clone(args), "-o", dir)
	if exists(filepath.Join(dir, record.ManifestFile)) {
		args = append(args, "--resume")
	}
	return a.start(limits{}, nil, args...)
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

// moment waits for a random moment of a run: a time, or how far it came and a little.
func (a *attempt) moment(p *process, r *reference, dir string) {
	switch a.rng.IntN(4) {
	case 0, 1:
		p.pause(time.Duration(a.rng.Float64() * 1.1 * float64(r.took)))
		return
	case 2:
		groups := a.rng.IntN(4)
		for p.running() && lines(filepath.Join(dir, record.GroupsFile)) < groups {
			p.pause(time.Millisecond)
		}
	case 3:
		name := one(a, record.ManifestFile, record.RecordsFile, record.ImagesDir+"/"+record.CasesFile, record.PerformanceFile, record.SummaryFile, record.SealFile, "report.md")
		for p.running() && !exists(filepath.Join(dir, name)) {
			p.pause(time.Millisecond)
		}
	}
	p.pause(time.Duration(a.rng.IntN(20)) * time.Millisecond)
}

func lines(path string) int {
	b, err := os.ReadFile(path)
	if err != nil {
		return 0
	}
	return strings.Count(string(b), "\n")
}

// finish continues a run to its end and compares it with the undisturbed one.
func (a *attempt) finish(dir string, args []string, r *reference) error {
	o, err := a.begin(dir, args).wait()
	if err == nil {
		err = o.check([]int{0}, args)
	}
	if err != nil {
		return fmt.Errorf("resuming: %w", err)
	}
	return r.same(dir)
}

func (a *attempt) killed() error {
	args := a.suite()
	r, err := a.undisturbed(args)
	if err != nil {
		return err
	}
	dir := a.path("run")
	for range 1 + a.rng.IntN(4) {
		p := a.begin(dir, args)
		a.moment(p, r, dir)
		p.kill(syscall.SIGKILL)
		o, err := p.wait()
		if err != nil {
			return err
		}
		if o.signal != syscall.SIGKILL {
			if err := o.check([]int{0}, args); err != nil {
				return fmt.Errorf("going on after KILL: %w", err)
			}
		}
	}
	return a.finish(dir, args, r)
}

func (a *attempt) interrupted(sent ...syscall.Signal) error {
	args := a.suite()
	r, err := a.undisturbed(args)
	if err != nil {
		return err
	}
	dir := a.path("run")
	for range 1 + a.rng.IntN(2) {
		p := a.begin(dir, args)
		a.moment(p, r, dir)
		for i, s := range sent {
			if i > 0 {
				p.pause(time.Duration(a.rng.IntN(30)) * time.Millisecond)
			}
			p.kill(s)
		}
		o, err := p.wait()
		if err != nil {
			return err
		}
		// A signal before the program asks for it, or the second, ends it at once.
		if o.signal == sent[0] {
			continue
		}
		if err := o.check([]int{0, 130}, args); err != nil {
			return fmt.Errorf("after %v: %w", sent, err)
		}
		if o.status == 130 && exists(filepath.Join(dir, record.GroupsFile)) && !strings.Contains(o.err, "--resume") && !record.Complete(dir) {
			return fmt.Errorf("it was interrupted and does not say how to continue:\n%s", tail(o.err))
		}
	}
	return a.finish(dir, args, r)
}

// stopped stops a writer, lets another one try, and lets the first go on.
func (a *attempt) stopped() error {
	args := a.suite()
	r, err := a.undisturbed(args)
	if err != nil {
		return err
	}
	dir := a.path("run")
	first := a.begin(dir, args)
	a.moment(first, r, dir)
	first.kill(syscall.SIGSTOP)
	o2, err := a.begin(dir, args).wait()
	first.kill(syscall.SIGCONT)
	o1, err1 := first.wait()
	if err := errors.Join(err, err1); err != nil {
		return err
	}
	for _, o := range []outcome{o1, o2} {
		if err := o.check([]int{0, 2}, args); err != nil {
			return err
		}
	}
	if o1.status == 2 && o2.status == 2 {
		return fmt.Errorf("both writers were refused:\n%s\n%s", tail(o1.err), tail(o2.err))
	}
	return a.finish(dir, args, r)
}

// interruptedHang interrupts a run that waits for a plug-in.
func (a *attempt) interruptedHang() error {
	mode := one(a, "hang-always", "hang-in-batch", "hang-at-start", "hang-at-shutdown", "drains", "no-pong")
	dir := a.path("run")
	p := a.plugin(dir, mode, "60s")
	p.pause(time.Duration(a.rng.IntN(1500)) * time.Millisecond)
	for range 1 + a.rng.IntN(2) {
		p.kill(one(a, syscall.SIGINT, syscall.SIGTERM))
		p.pause(time.Duration(a.rng.IntN(100)) * time.Millisecond)
	}
	o, err := p.wait()
	if err != nil {
		return err
	}
	if o.signal != syscall.SIGINT && o.signal != syscall.SIGTERM {
		if err := o.check([]int{0, 4, 130}, []string{mode}); err != nil {
			return err
		}
	}
	return a.left(mode)
}

// killedMerge kills a merge of two shards, or a report, and runs it again.
func (a *attempt) killedMerge() error {
	args := []string{"run", "-q", "-j", "2", "--resamples", "100", "--batch", "2", "-t", "jpeg:q=20", "--suite", a.in.suite, "--data", "folder:" + a.in.photos}
	r, err := a.undisturbed(args)
	if err != nil {
		return err
	}
	var again []string
	dir := a.path("run")
	if a.chance(2) {
		again = []string{"merge", "-q", "-o", dir}
		for _, shard := range []string{"1/2", "2/2"} {
			part, err := a.undisturbed(append(slices.Clone(args), "--shard", shard))
			if err != nil {
				return err
			}
			again = append(again, part.dir)
		}
	} else {
		if dir, err = a.clone(r, "run"); err != nil {
			return err
		}
		again = []string{"report", "-q", dir}
	}
	for range 1 + a.rng.IntN(3) {
		p := a.start(limits{}, nil, again...)
		if a.chance(2) {
			name := one(a, record.ManifestFile, record.RecordsFile, record.GroupsFile, record.SummaryFile, record.SealFile, "report.html")
			for p.running() && !exists(filepath.Join(dir, name)) {
				p.pause(time.Millisecond)
			}
		}
		p.pause(time.Duration(a.rng.IntN(150)) * time.Millisecond)
		p.kill(syscall.SIGKILL)
		if o, err := p.wait(); err != nil {
			return err
		} else if o.signal != syscall.SIGKILL && o.status != 0 {
			return o.check([]int{0}, again)
		}
	}
	if _, err := a.expect([]int{0}, again...); err != nil {
		return err
	}
	return r.same(dir)
}
