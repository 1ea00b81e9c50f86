package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/vtbench/vtbench/bench/record"
)

// disks are machines that have too little of something.
func disks() []kind {
	const resumed = "status 1 and a message; resumed, once there is room, into the bytes of an undisturbed run"
	return []kind{
		{name: "a disk that is full, then has room", promise: resumed, full: 50, short: 3, try: (*attempt).fullDisk, lacks: func(l *lab) string {
			dir := filepath.Join(l.o.dir, "mount")
			err := os.MkdirAll(dir, 0o755)
			if err == nil {
				err = unix.Mount("tmpfs", dir, "tmpfs", 0, "size=64k")
			}
			if err == nil {
				err = unix.Unmount(dir, unix.MNT_DETACH)
			}
			if err != nil {
				return "a small file system cannot be mounted here (" + err.Error() + ")"
			}
			return ""
		}},
		{name: "files that may not grow, then may", promise: resumed, full: 30, short: 2, try: (*attempt).shortFiles},
		{name: "too few file descriptors, then enough", promise: "a message; what is written is never wrong", full: 30, short: 2, try: (*attempt).fewFiles},
		{name: "a folder that cannot be written, TMPDIR that is not there", promise: "status 1 or 2 and a message", full: 20, short: 2, try: (*attempt).unwritable},
	}
}

func (a *attempt) fullDisk() error {
	args := a.suite()
	r, err := a.undisturbed(args)
	if err != nil {
		return err
	}
	size := 0
	for _, s := range r.sums {
		size += len(s) + 4096
	}
	mount := a.path("disk")
	if err := os.MkdirAll(mount, 0o755); err != nil {
		return err
	}
	room := 4096 * (1 + a.rng.IntN(size/4096+30))
	if err := unix.Mount("tmpfs", mount, "tmpfs", 0, fmt.Sprintf("size=%d", room)); err != nil {
		return err
	}
	defer func() { _ = unix.Unmount(mount, unix.MNT_DETACH) }()
	dir := filepath.Join(mount, "run")
	o, err := a.begin(dir, args).wait()
	if err != nil {
		return err
	}
	if err := o.check([]int{0, 1}, args); err != nil {
		return fmt.Errorf("with %d bytes of room: %w", room, err)
	}
	if o.status == 1 && !strings.Contains(o.err, "no space left") {
		return fmt.Errorf("with %d bytes of room it says:\n%s", room, tail(o.err))
	}
	if err := unix.Mount("tmpfs", mount, "tmpfs", unix.MS_REMOUNT, "size=64m"); err != nil {
		return err
	}
	if err := a.finish(dir, args, r); err != nil {
		return fmt.Errorf("after a disk of %d bytes: %w", room, err)
	}
	return nil
}

func (a *attempt) shortFiles() error {
	args := a.suite()
	r, err := a.undisturbed(args)
	if err != nil {
		return err
	}
	longest := 0
	for _, s := range r.sums {
		longest = max(longest, len(s))
	}
	dir := a.path("run")
	blocks := 1 + a.rng.IntN(longest/512+40)
	o, err := a.start(limits{bytes: blocks}, nil, append(slices.Clone(args), "-o", dir)...).wait()
	if err != nil {
		return err
	}
	if err := o.check([]int{0, 1}, args); err != nil {
		return fmt.Errorf("with files of at most %d bytes: %w", 512*blocks, err)
	}
	if err := a.finish(dir, args, r); err != nil {
		return fmt.Errorf("after files of at most %d bytes: %w", 512*blocks, err)
	}
	return nil
}

func (a *attempt) fewFiles() error {
	args := a.suite()
	r, err := a.undisturbed(args)
	if err != nil {
		return err
	}
	dir := a.path("run")
	n := 4 + a.rng.IntN(28)
	o, err := a.start(limits{files: n}, nil, append(slices.Clone(args), "-o", dir)...).wait()
	if err != nil {
		return err
	}
	if strings.Contains(o.err, "error while loading shared libraries") {
		return nil // the program did not begin
	}
	switch {
	case o.status == 0:
		return r.same(dir)
	case o.status == 4: // what failed is counted and said
		if !strings.Contains(o.err, "too many open files") {
			return fmt.Errorf("with %d descriptors items failed, for no reason that is said:\n%s", n, tail(o.err))
		}
		return nil
	}
	if err := o.check([]int{1, 2, 5}, args); err != nil {
		return fmt.Errorf("with %d descriptors: %w", n, err)
	}
	if err := a.finish(dir, args, r); err != nil {
		return fmt.Errorf("after %d descriptors: %w", n, err)
	}
	return nil
}

// unwritable gives places that cannot be used.
func (a *attempt) unwritable() error {
	args := a.suite()
	r, err := a.undisturbed(args)
	if err != nil {
		return err
	}
	file := a.write("file", []byte("x"))
	dir := a.path("run")
	switch a.rng.IntN(4) {
	case 0: // below a file
		_, err := a.expect([]int{2}, append(args, "-o", filepath.Join(file, "run"))...)
		return err
	case 1: // a file
		_, err := a.expect([]int{2}, append(args, "-o", file)...)
		return err
	case 2: // a journal is a folder
		if err := os.MkdirAll(filepath.Join(dir, one(a, record.RecordsFile, record.GroupsFile, record.CodesFile, record.TimingsFile)), 0o755); err != nil {
			return err
		}
		_, err := a.expect([]int{2}, append(args, "-o", dir)...)
		return err
	}
	p := a.start(limits{}, []string{"TMPDIR=" + one(a, filepath.Join(file, "tmp"), a.path("absent"), "/proc")}, append(slices.Clone(args), "-o", dir)...)
	o, err := p.wait()
	if err != nil {
		return err
	}
	if o.status == 0 {
		return r.same(dir)
	}
	return errors.Join(o.check([]int{2}, args), a.finish(dir, args, r))
}
