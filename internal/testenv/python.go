package testenv

import (
	"os"
	"os/exec"
	"testing"
)

// Python returns a Python that has numpy: $VTBENCH_PYTHON, then the usual ones; the test
// is skipped, or fails, as by [Skip] where there is none.
func Python(t testing.TB) string {
	t.Helper()
	for _, p := range []string{os.Getenv("VTBENCH_PYTHON"), "python3", "/usr/bin/python3"} {
		if p == "" {
			continue
		}
		if exec.Command(p, "-c", "import numpy").Run() == nil {
			return p
		}
	}
	Skip(t, "no Python with numpy: set VTBENCH_PYTHON, or install python3-numpy")
	return ""
}
