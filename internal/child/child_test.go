package child_test

import (
	"os/exec"
	"testing"

	"github.com/vtbench/vtbench/internal/child"
)

func TestKnownWhileItRuns(t *testing.T) {
	cmd := exec.Command("sleep", "300")
	if err := child.Start(cmd); err != nil {
		t.Fatal(err)
	}
	known := func() (yes bool) {
		child.Apart(func(ours func(int) bool) { yes = ours(cmd.Process.Pid) })
		return yes
	}
	if !known() {
		t.Error("a child that was started is not known")
	}
	if err := child.Kill(cmd); err != nil {
		t.Fatal(err)
	}
	if err := child.Wait(cmd); err == nil {
		t.Error("a killed child ended well")
	}
	if known() {
		t.Error("a child that was waited for is known still")
	}
}
