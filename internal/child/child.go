// Package child starts programs in process groups of their own, which are ended as a
// whole, and knows which processes this one started. The plug-ins' sweep for what was left
// behind must take no other child of this process for a leftover.
package child

import (
	"errors"
	"os/exec"
	"sync"
	"syscall"
)

var started = struct {
	sync.Mutex
	pids map[int]bool
}{pids: map[int]bool{}}

// Start starts a program in a group of its own, which does not get the terminal's Ctrl-C.
// On Linux the kernel ends the program should this process be killed. It must be waited
// for with [Wait].
func Start(cmd *exec.Cmd) error {
	isolate(cmd)
	// Locked, so that no sweep meets a child that is not yet known.
	started.Lock()
	defer started.Unlock()
	err := cmd.Start()
	if err == nil {
		started.pids[cmd.Process.Pid] = true
	}
	return err
}

// Wait waits for a program that [Start] started.
func Wait(cmd *exec.Cmd) error {
	err := cmd.Wait()
	started.Lock()
	defer started.Unlock()
	delete(started.pids, cmd.Process.Pid)
	return err
}

// Kill ends every process of the group that the program leads.
func Kill(cmd *exec.Cmd) error {
	if err := syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
		return err
	}
	return nil
}

// Apart calls f while nothing is being started, and tells it which processes are children
// that [Start] started and that have not been waited for.
func Apart(f func(ours func(pid int) bool)) {
	started.Lock()
	defer started.Unlock()
	f(func(pid int) bool { return started.pids[pid] })
}
