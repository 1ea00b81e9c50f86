package face

import (
	"errors"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/vtbench/vtbench/internal/missing"
	"github.com/vtbench/vtbench/pix"
)

// Both engines compute the same. VTBENCH_OPENCV=bin/vtbench-opencv runs it.
func TestOpenCVAgreesWithONNXRuntime(t *testing.T) {
	program, err := findOpenCV()
	var lacks *missing.Error
	if errors.As(err, &lacks) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv(OpenCVEnv, program)
	a := realEngine(t)
	b, err := openEngine(map[string]string{OptionEngine: EngineOpenCV})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := b.close(); err != nil {
			t.Error(err)
		}
	}()
	img := portrait(t, &metric{engine: a, gallery: gallery{}}, "astronaut.png").Image
	want, err := a.detector.detect(img)
	if err != nil {
		t.Fatal(err)
	}
	got, err := b.detector.detect(img)
	if err != nil {
		t.Fatal(err)
	}
	if len(want) != len(got) || got[0].Box.IoU(want[0].Box) < .999 || math.Abs(got[0].Score-want[0].Score) > 1e-3 {
		t.Errorf("OpenCV finds %+v, ONNX Runtime %+v", got, want)
	}
	chips := []pix.Image{drawn(0), drawn(1), drawn(2)}
	x, err := a.recogniser.embed(chips)
	if err != nil {
		t.Fatal(err)
	}
	y, err := b.recogniser.embed(chips)
	if err != nil {
		t.Fatal(err)
	}
	for i := range x {
		if d := Distance(x[i], y[i]); d > 1e-4 {
			t.Errorf("chip %d: the embeddings are %g apart", i, d)
		}
	}
	if !strings.Contains(b.provenance["face.recogniser"], "OpenCV") {
		t.Errorf("the provenance is %q", b.provenance)
	}
}

// A program that dies, prints rubbish or is none costs the call and says why.
func TestBadOpenCVPrograms(t *testing.T) {
	dir := t.TempDir()
	write := func(script string) string {
		p := filepath.Join(dir, "program")
		if err := os.WriteFile(p, []byte("#!/bin/sh\n"+script), 0o755); err != nil { //nolint:gosec // a program
			t.Fatal(err)
		}
		t.Setenv(OpenCVEnv, p)
		return p
	}
	for script, want := range map[string]string{
		"echo terminate called after throwing an instance of cv::Exception >&2; exit 134": "cv::Exception",
		"echo hello there, this is no frame at all":                                       "loading model.onnx",
		"exit 0": "loading model.onnx",
	} {
		write(script)
		if n, err := openOpenCV("model.onnx", nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, %v; want word of %s", script, n, err, want)
		}
	}
	// It loads, then dies on the first image.
	write(`printf '\064\000\000\000\060\000\000\000{"opencv":"4.6.0","outputs":["a"],              }'; cat >/dev/null`)
	if _, err := openOpenCV("model.onnx", nil); err == nil {
		t.Error("a broken greeting passes")
	}
	write(`printf '\044\000\000\000\040\000\000\000{"opencv":"4.6","outputs":["a"]}'; head -c 100 >/dev/null; echo out of luck >&2; exit 134`)
	n, err := openOpenCV("model.onnx", nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := n.run(1, 8, make([]float32, 3*8*8)); err == nil || !strings.Contains(err.Error(), "model.onnx") {
		t.Errorf("a program that dies: %v", err)
	}
	if err := n.Close(); err != nil {
		t.Error(err)
	}
	if _, err := n.run(1, 8, make([]float32, 3*8*8)); err == nil {
		t.Error("a closed network runs")
	}
	t.Setenv(OpenCVEnv, filepath.Join(dir, "absent"))
	if _, err := openOpenCV("model.onnx", nil); err == nil || !strings.Contains(err.Error(), OpenCVEnv) {
		t.Errorf("no program: %v", err)
	}
	if _, err := openEngine(map[string]string{OptionEngine: "tensorrt"}); err == nil || !strings.Contains(err.Error(), "opencv") {
		t.Errorf("an engine that does not exist: %v", err)
	}
}

func opencvEngine(b *testing.B) *engine {
	b.Helper()
	e, err := openEngine(map[string]string{OptionEngine: EngineOpenCV})
	var lacks *missing.Error
	if errors.As(err, &lacks) {
		b.Skip(err)
	}
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := e.close(); err != nil {
			b.Error(err)
		}
	})
	return e
}

func BenchmarkDetectOpenCV(b *testing.B) {
	e := opencvEngine(b)
	img := portrait(b, &metric{engine: e, gallery: gallery{}}, "astronaut.png").Image
	for b.Loop() {
		if _, err := e.detector.detect(img); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkFaceOpenCV(b *testing.B) {
	e := opencvEngine(b)
	chip := drawn(0)
	for b.Loop() {
		if _, err := e.recogniser.embed([]pix.Image{chip}); err != nil {
			b.Fatal(err)
		}
	}
}
