package testenv

import (
	"os"
	"path/filepath"
	"testing"
)

// Data returns the path of a file or folder of real images below $VTBENCH_TESTDATA, or
// below ../shared/data beside the repository. They are no part of the repository and
// nothing fetches them, so the test is skipped where they are not, in CI too.
func Data(t testing.TB, elem ...string) string {
	t.Helper()
	root := os.Getenv("VTBENCH_TESTDATA")
	if root == "" {
		root = filepath.Join(Root(t), "..", "shared", "data")
	}
	p := filepath.Join(append([]string{root}, elem...)...)
	if _, err := os.Stat(p); err != nil {
		t.Skipf("test data %s is not here; set VTBENCH_TESTDATA to a folder that has it", p) //nolint:forbidigo // nothing provides it
	}
	return p
}
