package strictyaml

import (
	"strings"
	"testing"
)

// FuzzDecode: any document is read, or refused with its name, without a panic.
func FuzzDecode(f *testing.F) {
	for _, s := range []string{
		"a: 1\nb: [x, y]\nc:\n  d: {x: 1.5}\n", "a: &x 1\nb: [*x]\n", "<<: *x", "? a\n: b", "- - - x", "a: !!binary aGk=\n", "a: |\n  x\n  y\n", "a: >-\n  x\n", "%YAML 1.2\n---\na: 1\n...\n", "\ufeffa: 1", "{a: [", "\t", "a: 0x1F\nb: 1e400\n", "version: 0\nb:\n ! 0\n0: 0",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var v struct {
			A int            `yaml:"a"`
			B []string       `yaml:"b"`
			C map[string]any `yaml:"c"`
			D *struct {
				E *float64          `yaml:"e"`
				F map[string]string `yaml:"f"`
			} `yaml:"d"`
		}
		if err := Decode("f.yaml", b, &v); err != nil && !strings.Contains(err.Error(), "f.yaml") {
			t.Errorf("the error does not name the file: %v", err)
		}
		Where("f.yaml", b, "b[0]")
		Where("f.yaml", b, "c.d")
	})
}
