package face

import (
	"context"
	"errors"
	"math"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/vtbench/vtbench/internal/assets"
	"github.com/vtbench/vtbench/internal/missing"
	"github.com/vtbench/vtbench/internal/opencv"
	"github.com/vtbench/vtbench/internal/testenv"
	"github.com/vtbench/vtbench/metrics/face/model"
	"github.com/vtbench/vtbench/pix"
)

// Both engines compute the same.
func TestEnginesAgree(t *testing.T) {
	a, b := realEngine(t, EngineONNX), realEngine(t, EngineOpenCV)
	img := portrait(t, &metric{engine: a, gallery: gallery{}}, "astronaut.png").Image
	want, err := a.Detect(t.Context(), img)
	if err != nil {
		t.Fatal(err)
	}
	got, err := b.Detect(t.Context(), img)
	if err != nil {
		t.Fatal(err)
	}
	if len(want) != len(got) || got[0].Box.IoU(want[0].Box) < .999 || math.Abs(got[0].Score-want[0].Score) > 1e-3 {
		t.Errorf("OpenCV finds %+v, ONNX Runtime %+v", got, want)
	}
	chips := []pix.Image{drawn(0), drawn(1), drawn(2)}
	x, err := a.Embed(t.Context(), chips)
	if err != nil {
		t.Fatal(err)
	}
	y, err := b.Embed(t.Context(), chips)
	if err != nil {
		t.Fatal(err)
	}
	for i := range x {
		if d := model.Distance(x[i], y[i]); d > 1e-4 {
			t.Errorf("chip %d: the embeddings are %g apart", i, d)
		}
	}
	// The engine and its version are part of what a value is.
	for e, want := range map[*engine]string{a: "ONNX Runtime ", b: "OpenCV "} {
		if got := e.provenance[provEngine]; !strings.HasPrefix(got, want) || !strings.ContainsAny(got, "0123456789") {
			t.Errorf("the engine is %q in the provenance, want %sand its version", got, want)
		}
	}
	if a.provenance[provRecogniser] != b.provenance[provRecogniser] || a.provenance[provDetector] != b.provenance[provDetector] {
		t.Errorf("the same networks have the provenance %v and %v", a.provenance, b.provenance)
	}
}

// A counter counts what reaches the networks.
type counter struct {
	detect             model.Detector
	embed              embedder
	detected, embedded atomic.Int64
}

func (c *counter) Detect(ctx context.Context, img pix.Image) ([]model.Detection, error) {
	c.detected.Add(1)
	return c.detect.Detect(ctx, img)
}

func (c *counter) Embed(ctx context.Context, chips []pix.Image) ([][]float32, error) {
	c.embedded.Add(int64(len(chips)))
	return c.embed.Embed(ctx, chips)
}

// What the networks said of an original is asked once.
func TestOriginalsAreShared(t *testing.T) {
	m := testMetric(t)
	ref := portrait(t, m, "astronaut.png")
	counted := &counter{detect: m.engine.Detector, embed: m.engine.embedder}
	m.engine.Detector, m.engine.embedder = counted, counted
	if err := m.Enrol(t.Context(), ref); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for range 3 { // as many conditions, at once
		wg.Go(func() {
			s, err := m.Prepare(t.Context(), ref)
			if err == nil {
				_, err = s.Score(t.Context(), ref.Image)
			}
			if err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if counted.detected.Load() != 1 || counted.embedded.Load() != 1 {
		t.Errorf("the original was looked at %d times, its face %d times", counted.detected.Load(), counted.embedded.Load())
	}
	other := ref
	other.Image = damaged(t, ref.Image, "jpeg_compression", 30)
	scored(t, m, other, other.Image)
	if counted.detected.Load() != 2 || counted.embedded.Load() != 2 {
		t.Errorf("two originals were looked at %d times, their faces %d times", counted.detected.Load(), counted.embedded.Load())
	}
}

// A helper that is missing is an error with the command; one that dies or is another
// program says so.
func TestBadOpenCVPrograms(t *testing.T) {
	dir := t.TempDir()
	for script, want := range map[string]string{
		"echo terminate called after throwing an instance of cv::Exception >&2; exit 134": "cv::Exception",
		"echo hello there, this is no frame at all":                                       "hello there",
		"exit 0": "status 0",
	} {
		p := filepath.Join(dir, "program")
		if err := os.WriteFile(p, []byte("#!/bin/sh\n"+script), 0o755); err != nil { //nolint:gosec // a program
			t.Fatal(err)
		}
		t.Setenv(opencv.Env, p)
		_, err := openOpenCV(t.Context(), weights{layout: model.YuNet, path: "d.onnx"}, weights{layout: "dlib", path: "r.dat"})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want word of %s", script, err, want)
		}
	}
	t.Setenv(opencv.Env, filepath.Join(dir, "absent"))
	_, err := openOpenCV(t.Context(), weights{}, weights{})
	var lacks *missing.Error
	if !errors.As(err, &lacks) || !strings.Contains(err.Error(), opencv.Env) || !strings.Contains(err.Error(), "make deps build") {
		t.Errorf("no program: %v", err)
	}
}

func TestUnknownEngine(t *testing.T) {
	for _, f := range []string{yuNetFile, dlibFile} {
		_, err := assets.Path(f)
		testenv.Need(t, err)
	}
	_, err := openEngine(t.Context(), map[string]string{OptionEngine: "opencw"})
	if err == nil || !strings.Contains(err.Error(), `did you mean "opencv"`) {
		t.Errorf("an engine that does not exist: %v", err)
	}
}

// The number of OpenCV's threads, which is that of the cores, changes no bit.
func TestThreadsDoNotMatter(t *testing.T) {
	testenv.Sequential(t)
	testenv.OpenCV(t)
	type result struct {
		Found      []model.Detection
		Embeddings [][]float32
	}
	var first result
	for _, threads := range []string{"1", "3"} {
		t.Setenv("OPENCV_FOR_THREADS_NUM", threads)
		e := realEngine(t, EngineOpenCV)
		ref := portrait(t, &metric{engine: e, gallery: gallery{}}, "astronaut.png")
		var r result
		var err error
		if r.Found, err = e.Detect(t.Context(), ref.Image); err != nil {
			t.Fatal(err)
		}
		if r.Embeddings, err = e.Embed(t.Context(), []pix.Image{drawn(0), drawn(1)}); err != nil {
			t.Fatal(err)
		}
		if threads == "1" {
			first = r
		} else if diff := cmp.Diff(first, r); diff != "" {
			t.Errorf("one thread and %s differ:\n%s", threads, diff)
		}
	}
}
