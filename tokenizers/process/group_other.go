//go:build !linux && unix

package process

import (
	"errors"
	"os/exec"
	"syscall"
)

// isolate puts the child into a process group of its own.
func isolate(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }

// launch starts the process of a plug-in.
func launch(cmd *exec.Cmd) error { return cmd.Start() }

// A relative is a process that may belong to a plug-in.
type relative struct{}

// descendants needs /proc.
func descendants(int) []relative { return nil }

// signalGroup signals every process of the group.
func signalGroup(pid int, sig syscall.Signal) error {
	if err := syscall.Kill(-pid, sig); err != nil && !errors.Is(err, syscall.ESRCH) {
		return err
	}
	return nil
}

// sweep needs /proc: elsewhere children that leave the group are out of reach.
func sweep(int, string, []relative) int { return 0 }
