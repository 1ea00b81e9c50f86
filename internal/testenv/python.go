package testenv

import (
	"os"
	"os/exec"
	"testing"
)

// Python returns the path of a Python that has numpy: $VTBENCH_PYTHON, then the usual ones;
// the test is skipped, or fails, as by [Skip] where there is none. A name alone would be
// another program once a test puts its own folder first on the PATH.
func Python(t testing.TB) string {
	t.Helper()
	for _, p := range []string{os.Getenv("VTBENCH_PYTHON"), "python3", "/usr/bin/python3"} {
		if p == "" {
			continue
		}
		path, err := exec.LookPath(p)
		if err == nil && exec.Command(path, "-c", "import numpy").Run() == nil {
			return path
		}
	}
	Skip(t, "no Python with numpy: set VTBENCH_PYTHON, or install python3-numpy")
	return ""
}
