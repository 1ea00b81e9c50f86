package process

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/vtbench/vtbench/internal/child"
)

// leaders are the processes that were started as plug-ins and have not been ended. What
// a plug-in leaves behind in a session of its own becomes a child of this process, which
// is a subreaper (prctl(2)): it is told by being a child that was not started here.
var leaders = struct {
	sync.Mutex
	adopting sync.Once
	pids     map[int]bool
}{pids: map[int]bool{}}

// isolate puts the child into a process group of its own, which can be ended as
// a whole and does not get the terminal's Ctrl-C, and has the kernel end the
// child should vtbench itself be killed.
func isolate(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

// launch starts the process of a plug-in.
func launch(cmd *exec.Cmd) error {
	leaders.adopting.Do(func() {
		// Where it is refused, processes are found by their mark only.
		_ = unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
	})
	// Locked, so that no sweep meets a child that is not yet among the leaders.
	leaders.Lock()
	defer leaders.Unlock()
	err := cmd.Start()
	if err == nil {
		leaders.pids[cmd.Process.Pid] = true
	}
	return err
}

// signalGroup signals every process of the group.
func signalGroup(pid int, sig syscall.Signal) error {
	if err := syscall.Kill(-pid, sig); err != nil && !errors.Is(err, syscall.ESRCH) {
		return err
	}
	return nil
}

// A relative is a process that may belong to a plug-in.
type relative struct {
	pid, parent, group int
	started            string // tells a process from a later one of its number
}

// processes lists all processes there are.
func processes() []relative {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil
	}
	var out []relative
	for _, e := range entries {
		if pid, err := strconv.Atoi(e.Name()); err == nil {
			if r, ok := stat(pid); ok {
				out = append(out, r)
			}
		}
	}
	return out
}

func stat(pid int) (relative, bool) {
	b, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat") //nolint:forbidigo // of the kernel
	if err != nil {
		return relative{}, false // it ended
	}
	// The name of the program, in parentheses, may hold blanks: pid (name) state ppid pgrp …
	f := bytes.Fields(b[bytes.LastIndexByte(b, ')')+1:])
	if len(f) < 20 {
		return relative{}, false
	}
	r := relative{pid: pid, started: string(f[19])}
	if r.parent, err = strconv.Atoi(string(f[1])); err != nil {
		return relative{}, false
	}
	if r.group, err = strconv.Atoi(string(f[2])); err != nil {
		return relative{}, false
	}
	return r, true
}

// descendants lists the children of a process, theirs, and so on.
func descendants(pid int) []relative {
	all := processes()
	var out []relative
	for of := []int{pid}; len(of) > 0; {
		var next []int
		for _, r := range all {
			if slices.Contains(of, r.parent) && !slices.Contains(out, r) {
				out, next = append(out, r), append(next, r.pid)
			}
		}
		of = next
	}
	return out
}

// sweep kills what is left of a plug-in that has ended: descendants that it had, whatever
// carries its mark in the environment, and children of this process that were not started
// here; these last only where no other plug-in runs whose they could be, so that the last
// one to end takes all with it. It goes over /proc until nothing is found, since a child
// may be forking while it is looked for.
func sweep(leader int, mark string, had []relative) (killed int) {
	leaders.Lock()
	defer leaders.Unlock()
	delete(leaders.pids, leader)
	self, group := os.Getpid(), syscall.Getpgrp()
	// What others of this program started are children that no plug-in left behind.
	child.Apart(func(ours func(pid int) bool) {
		for range 5 {
			found := 0
			for _, r := range processes() {
				orphan := r.parent == self && r.group != group && !leaders.pids[r.pid] && !ours(r.pid)
				if r.pid == self || !(slices.ContainsFunc(had, func(h relative) bool { return h.pid == r.pid && h.started == r.started }) ||
					marked(r.pid, mark) || orphan && len(leaders.pids) == 0) {
					continue
				}
				if syscall.Kill(r.pid, syscall.SIGKILL) == nil {
					found++
				}
				if orphan {
					reap(r.pid)
				}
			}
			if found == 0 {
				return
			}
			killed += found
		}
	})
	return killed
}

func marked(pid int, mark string) bool {
	env, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/environ") //nolint:forbidigo // of the kernel
	return err == nil && bytes.Contains(env, []byte(mark))
}

// reap waits for a child that was killed, so that nothing of it stays. One that hangs in
// the kernel stays until this process ends.
func reap(pid int) {
	for range 50 {
		got, err := syscall.Wait4(pid, nil, syscall.WNOHANG, nil)
		if got != 0 || err != nil && !errors.Is(err, syscall.EINTR) {
			return
		}
		time.Sleep(time.Millisecond)
	}
}
