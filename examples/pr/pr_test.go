// Package pr holds a worked example; its test keeps the files together.
package pr

import (
	"os"
	"strings"
	"testing"

	"github.com/vtbench/vtbench/bench/compare"
)

func read(t *testing.T, name string) []string {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return strings.Split(string(b), "\n")
}

// The tokenizers differ by the change that the README shows, and by their version.
func TestTheChangeIsTheOneShown(t *testing.T) {
	before, after := read(t, "before.py"), read(t, "after.py")
	readme := strings.Join(read(t, "README.md"), "\n")
	has := func(lines []string, s string) bool {
		for _, l := range lines {
			if l == s {
				return true
			}
		}
		return false
	}
	for _, side := range []struct {
		sign        string
		lines, than []string
	}{{"-", before, after}, {"+", after, before}} {
		for _, l := range side.lines {
			if has(side.than, l) || strings.Contains(l, "version =") || strings.Contains(l, "vtbench run") {
				continue
			}
			if !strings.Contains(readme, side.sign+l) {
				t.Errorf("README.md does not show %s%s", side.sign, l)
			}
		}
	}
}

func TestGates(t *testing.T) {
	f, err := compare.LoadGates("gates.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Apply(compare.Options{}); err != nil {
		t.Error(err)
	}
}
