//go:build !linux && unix

package child

import (
	"os"
	"os/exec"
	"syscall"
)

func isolate(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }

// LimitMemory needs Linux.
func LimitMemory(*exec.Cmd, uint64) error { return nil }

// Widen needs Linux.
func Widen(*os.File) {}
