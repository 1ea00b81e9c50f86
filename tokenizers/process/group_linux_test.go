package process

import (
	"os/exec"
	"testing"
	"time"

	"github.com/vtbench/vtbench/internal/child"
)

// TestSweepSparesOtherChildren ends the last plug-in while ffmpeg, say, runs: a child of
// this program in a group of its own, as what plug-ins leave behind is.
func TestSweepSparesOtherChildren(t *testing.T) {
	cmd := exec.Command("sleep", "300")
	if err := child.Start(cmd); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- child.Wait(cmd) }()
	if n := sweep(0, "VTBENCH_PLUGIN=none", nil); n != 0 {
		t.Errorf("%d processes were killed", n)
	}
	select {
	case err := <-ended:
		t.Fatalf("a child that is no plug-in's was ended: %v", err)
	case <-time.After(100 * time.Millisecond):
	}
	if err := child.Kill(cmd); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; err == nil {
		t.Error("a killed child ended well")
	}
}
