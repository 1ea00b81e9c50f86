package onnx

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// FuzzSidecar: the file beside a model is read, or refused with its name.
func FuzzSidecar(f *testing.F) {
	for _, s := range []string{
		"name: vae\nrange: [-1, 1]\nmean: [0.5, 0.5, 0.5]\nstd: [0.5, 0.5, 0.5]\nlayout: NCHW\ncolour: RGB\ncodes: [ids]\ncodebooks: [1024]\nstride: 8\n",
		"output: {range: [0, 255]}\nconnect: {a: b}\nlatent: z\ndeterministic: false\n", "range: [1, 1]\nstd: [0, 0, 0]\n", "codes: [a, b]\ncodebooks: [-1]\nbooks_axis: 9\n",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		file := filepath.Join(t.TempDir(), "m.yaml")
		if err := os.WriteFile(file, b, 0o644); err != nil {
			t.Fatal(err)
		}
		s, err := readSidecar(file, "m.onnx")
		if err != nil {
			if !strings.Contains(err.Error(), "m.yaml") {
				t.Errorf("the error does not name the file: %v", err)
			}
			return
		}
		if err := s.check(file); err != nil {
			t.Errorf("what was read and checked is refused the second time: %v", err)
		}
	})
}
