package main

import (
	"fmt"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/vtbench/vtbench/bench/record"
)

// writers are several processes that write to one directory.
func writers() []kind {
	return []kind{
		{name: "two to four runs on one directory", promise: "one measures, the others are refused with status 2; nothing is doubled", full: 40, short: 3, try: (*attempt).several},
		{name: "a lock left by a dead process, by another machine", promise: "taken over, refused without --break-lock", full: 20, short: 2, try: (*attempt).oldLock},
	}
}

func (a *attempt) several() error {
	args := a.suite()
	r, err := a.undisturbed(args)
	if err != nil {
		return err
	}
	dir := a.path("run")
	if a.chance(2) { // on what another one left
		p := a.begin(dir, args)
		a.moment(p, r, dir)
		p.kill(syscall.SIGKILL)
		if _, err := p.wait(); err != nil {
			return err
		}
	}
	list := make([]*process, 2+a.rng.IntN(3))
	for i := range list {
		list[i] = a.begin(dir, args)
		time.Sleep(time.Duration(a.rng.IntN(60)) * time.Millisecond)
	}
	done := 0
	for _, p := range list {
		o, err := p.wait()
		if err != nil {
			return err
		}
		if err := o.check([]int{0, 2}, args); err != nil {
			return err
		}
		if o.status == 0 {
			done++
		} else if !strings.Contains(o.err, dir) {
			return fmt.Errorf("it was refused without naming the directory:\n%s", tail(o.err))
		}
	}
	if done == 0 {
		return fmt.Errorf("all of %d writers were refused", len(list))
	}
	return r.same(dir)
}

func (a *attempt) oldLock() error {
	args := a.suite()
	r, err := a.undisturbed(args)
	if err != nil {
		return err
	}
	dir := a.path("run")
	p := a.begin(dir, args)
	a.moment(p, r, dir)
	p.kill(syscall.SIGKILL)
	if _, err := p.wait(); err != nil {
		return err
	}
	if !exists(filepath.Join(dir, record.ManifestFile)) {
		return a.finish(dir, args, r)
	}
	var lock []byte
	elsewhere := false
	switch a.rng.IntN(5) {
	case 0:
		lock, elsewhere = []byte(`{"host":"another-machine","pid":1,"started":"2026-01-01T00:00:00Z"}`), true
	case 1:
		lock = []byte(`{"host":`) // torn
	case 2:
		lock = make([]byte, 1<<20)
	case 3:
		lock = []byte{}
	case 4: // as it was left
		return a.finish(dir, args, r)
	}
	a.write(filepath.Join("run", record.LockFile), lock)
	if elsewhere {
		o, err := a.expect([]int{2}, append(args, "-o", dir, "--resume")...)
		if err != nil {
			return err
		}
		if !strings.Contains(o.err, "another-machine") || !strings.Contains(o.err, "--break-lock") {
			return fmt.Errorf("it does not say who holds the lock:\n%s", tail(o.err))
		}
		if _, err := a.expect([]int{0}, append(args, "-o", dir, "--resume", "--break-lock")...); err != nil {
			return err
		}
		return r.same(dir)
	}
	return a.finish(dir, args, r)
}
