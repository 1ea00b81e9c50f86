package strictyaml

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
)

// Small files that would take gigabytes are refused, at a fraction of that.
func TestBounds(t *testing.T) {
	var deep strings.Builder
	for i := range 600 {
		deep.WriteString(strings.Repeat(" ", i) + "a:\n")
	}
	var bomb strings.Builder
	bomb.WriteString("a0: &a0 [x, x, x, x, x, x, x, x, x]\n")
	for i := 1; i < 9; i++ {
		fmt.Fprintf(&bomb, "a%d: &a%d [%s]\n", i, i, strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*a%d, ", i-1), 9), ", "))
	}
	for name, doc := range map[string]string{
		"flow lists":    "a: " + strings.Repeat("[", 100_000),
		"flow maps":     strings.Repeat("{a: ", 50_000),
		"lists":         strings.Repeat("- ", 100_000) + "x",
		"complex keys":  strings.Repeat("? ", 100_000) + "x",
		"indented maps": deep.String(),
		"aliases":       bomb.String(),
		"a flat list":   "a: [" + strings.Repeat("{},", 300_000) + "{}]",
		"a flat map":    strings.Repeat("a:\n", 300_000),
		"short words":   "a: [" + strings.Repeat("1 ,", 300_000) + "1]",
		"bytes":         "a: " + strings.Repeat("x", MaxBytes),
	} {
		var v struct {
			A any `yaml:"a"`
		}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		err := Decode("x.yaml", []byte(doc), &v)
		runtime.ReadMemStats(&after)
		if err == nil || !strings.Contains(err.Error(), "x.yaml") {
			t.Errorf("%s: %v", name, err)
		}
		if mb := (after.TotalAlloc - before.TotalAlloc) >> 20; mb > 100 {
			t.Errorf("%s took %d MB", name, mb)
		}
	}
	// The longest list that is read takes no more.
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	var list struct {
		A []map[string]string `yaml:"a"`
	}
	if err := Decode("x.yaml", []byte("a: ["+strings.Repeat("{},", maxTokens/3-2)+"{}]"), &list); err != nil || len(list.A) != maxTokens/3-1 {
		t.Errorf("%d, %v", len(list.A), err)
	}
	runtime.ReadMemStats(&after)
	if mb := (after.TotalAlloc - before.TotalAlloc) >> 20; mb > 100 {
		t.Errorf("the longest list takes %d MB", mb)
	}
	// What people write is read.
	var v struct {
		A []map[string][]int `yaml:"a"`
	}
	if err := Decode("x.yaml", []byte("a:\n  - {b: [1, 2], c: [3]}\n  - d:\n      - 4\n"), &v); err != nil || len(v.A) != 2 {
		t.Errorf("%v, %v", v, err)
	}
}
