package child

import (
	"os/exec"
	"syscall"

	"golang.org/x/sys/unix"
)

func isolate(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

// LimitMemory bounds the memory that a running program can allocate, in bytes: of it, not
// of what it shares with others. What it asks for beyond that fails.
func LimitMemory(cmd *exec.Cmd, n uint64) error {
	return unix.Prlimit(cmd.Process.Pid, unix.RLIMIT_DATA, &unix.Rlimit{Cur: n, Max: n}, nil)
}
