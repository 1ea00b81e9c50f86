package face

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// FuzzModels: the file that names networks is read, or refused with its name, and never
// names a file outside its folder.
func FuzzModels(f *testing.F) {
	for _, s := range []string{
		"detector: {layout: yunet, file: d.onnx, sha256: abc}\nrecogniser: {layout: sface, file: r.onnx, strangers: 0.1, threshold: 1.1}\n",
		"detector: {layout: scrfd, file: ../../etc/passwd}\n", "recogniser: {layout: dlib, file: \"\"}\n", "recogniser: {layout: arcface, file: a, threshold: .inf}\n",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, ModelsFile), b, 0o644); err != nil {
			t.Fatal(err)
		}
		m, err := readModels(dir)
		if err != nil {
			if !strings.Contains(err.Error(), ModelsFile) {
				t.Errorf("the error does not name the file: %v", err)
			}
			return
		}
		for _, f := range []*modelFile{m.Detector, m.Recogniser} {
			if f != nil && !filepath.IsLocal(f.File) {
				t.Errorf("%q is not below the folder", f.File)
			}
		}
	})
}
