// Package testdata finds the real images that some tests need and that are not
// part of the repository.
package testdata

import (
	"os"
	"path/filepath"
	"testing"
)

// Path returns the path of a file or folder below $VTBENCH_TESTDATA, or below
// ../shared/data beside the repository; the test is skipped where there is none.
func Path(t testing.TB, elem ...string) string {
	t.Helper()
	root := os.Getenv("VTBENCH_TESTDATA")
	if root == "" {
		dir, err := os.Getwd()
		if err != nil {
			t.Fatal(err)
		}
		for {
			if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
				break
			}
			if filepath.Dir(dir) == dir {
				t.Fatal("no go.mod above the test's folder")
			}
			dir = filepath.Dir(dir)
		}
		root = filepath.Join(dir, "..", "shared", "data")
	}
	p := filepath.Join(append([]string{root}, elem...)...)
	if _, err := os.Stat(p); err != nil {
		t.Skipf("test data %s is not here; set VTBENCH_TESTDATA to a folder that has it", p)
	}
	return p
}
