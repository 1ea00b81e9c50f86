package memory

import (
	"os/exec"
	"runtime"
	"syscall"
	"testing"
)

func TestPeakSeesAnAllocation(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("Linux only") //nolint:forbidigo // the system
	}
	Reset()
	before := Now()
	b := make([]byte, 64<<20)
	for i := range b {
		b[i] = 1
	}
	if got := Peak() - before; got < 60<<20 {
		t.Errorf("64 MiB in use raise the peak by %d MiB", got>>20)
	}
	runtime.KeepAlive(b)
}

func TestPeakOfAGroup(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("Linux only") //nolint:forbidigo // the system
	}
	cmd := exec.Command("sleep", "30")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := cmd.Process.Kill(); err != nil {
			t.Error(err)
		}
		_ = cmd.Wait() // killed
	}()
	ResetGroup(cmd.Process.Pid)
	if got := PeakGroup(cmd.Process.Pid); got < 100<<10 || got > 64<<20 {
		t.Errorf("a process that sleeps takes %d bytes", got)
	}
	if got := PeakGroup(1 << 30); got != 0 {
		t.Errorf("a group that is not there takes %d bytes", got)
	}
}
