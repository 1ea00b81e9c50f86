package python

import (
	"os"
	"path/filepath"
	"testing"
)

func TestInstall(t *testing.T) {
	cache := t.TempDir()
	dir, err := install(cache)
	if err != nil {
		t.Fatal(err)
	}
	// Every module of the SDK is there, those with a leading underscore too.
	here, err := filepath.Glob("vtbench/*.py")
	if err != nil || len(here) < 8 {
		t.Fatal(here, err)
	}
	for _, f := range append(here, "vtbench/zoo.json") {
		want, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := os.ReadFile(filepath.Join(dir, f)); err != nil || string(got) != string(want) {
			t.Errorf("%s: not installed as it is (%v)", f, err)
		}
	}
	// What was cut off or edited is written again, and nothing is left beside it.
	broken := filepath.Join(dir, "vtbench", "_serve.py")
	if err := os.WriteFile(broken, []byte("half"), 0o644); err != nil {
		t.Fatal(err)
	}
	again, err := install(cache)
	if err != nil || again != dir {
		t.Fatal(again, err)
	}
	if got, _ := os.ReadFile(broken); string(got) == "half" {
		t.Error("an edited file was kept")
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "vtbench", ".part-*")); len(left) > 0 {
		t.Error("left behind: ", left)
	}
}
