package child

import (
	"os"
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

// Widen asks for a larger buffer of a pipe, so that what is large takes fewer switches
// between two processes; the kernel's limit for users is 1 MiB by default.
func Widen(f *os.File) {
	raw, err := f.SyscallConn()
	if err != nil {
		return
	}
	// A refusal only costs speed.
	_ = raw.Control(func(fd uintptr) {
		_, _ = unix.FcntlInt(fd, unix.F_SETPIPE_SZ, 1<<20)
	})
}
