package face

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/kballard/go-shellquote"

	"github.com/vtbench/vtbench/internal/assets"
	"github.com/vtbench/vtbench/internal/missing"
	"github.com/vtbench/vtbench/internal/opencv"
	"github.com/vtbench/vtbench/internal/opencv/helper"
	"github.com/vtbench/vtbench/internal/testenv"
	"github.com/vtbench/vtbench/metrics"
	"github.com/vtbench/vtbench/metrics/face/model"
	"github.com/vtbench/vtbench/pix"
	"github.com/vtbench/vtbench/tokenizers"
	"github.com/vtbench/vtbench/tokenizers/process"
	"github.com/vtbench/vtbench/tokenizers/process/plugin"
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

// A helper that is killed, in the middle of a call or between two, costs nothing: the call
// is made again in a new process, and no file is left.
func TestKilledHelper(t *testing.T) {
	testenv.Sequential(t)
	testenv.OpenCV(t)
	e := realEngine(t, EngineOpenCV)
	chips := []pix.Image{drawn(0), drawn(1)}
	want, err := e.Embed(t.Context(), chips)
	if err != nil {
		t.Fatal(err)
	}
	signal(t, syscall.SIGSTOP)
	done := make(chan error, 1)
	var got [][]float32
	go func() {
		var err error
		got, err = e.Embed(t.Context(), chips)
		done <- err
	}()
	time.Sleep(50 * time.Millisecond) // the call waits for the stopped process, or is about to
	signal(t, syscall.SIGKILL)
	if err := <-done; err != nil || cmp.Diff(want, got) != "" {
		t.Errorf("after a kill: %v\n%s", err, cmp.Diff(want, got))
	}
	left, err := filepath.Glob("/dev/shm/*vtbench*")
	if err != nil || len(left) > 0 {
		t.Errorf("left after a kill: %v, %v", left, err)
	}
	signal(t, syscall.SIGKILL) // between two calls
	if got, err := e.Embed(t.Context(), chips); err != nil || cmp.Diff(want, got) != "" {
		t.Errorf("after a kill between calls: %v", err)
	}
}

// signal sends a signal to the helpers of this process.
func signal(t *testing.T, s syscall.Signal) {
	t.Helper()
	tasks, err := filepath.Glob("/proc/self/task/*/children")
	if err != nil {
		t.Fatal(err)
	}
	sent := 0
	for _, f := range tasks {
		b, err := os.ReadFile(f)
		if err != nil {
			continue // the thread has ended
		}
		for _, pid := range strings.Fields(string(b)) {
			n, err := strconv.Atoi(pid)
			name, _ := os.ReadFile("/proc/" + pid + "/comm")
			if err == nil && strings.HasPrefix(string(name), opencv.Program) && syscall.Kill(n, s) == nil {
				sent++
			}
		}
	}
	if sent == 0 {
		t.Skip("no helper is found in /proc")
	}
}

// A helper that dies at every call: the error names the signal, and says that it is worth
// measuring again.
func TestHelperThatAlwaysDies(t *testing.T) {
	h, err := process.OpenHelper(t.Context(), tokenizers.Options{"command": shellquote.Join(os.Args[0], "-test.run=^TestDyingHelper$"), "env": dyingEnv + "=1"}, opencv.FaceEmbed)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = h.Close() }()
	_, err = (&openCV{helper.Helper{Helper: h}}).Embed(t.Context(), []pix.Image{drawn(0)})
	if !errors.Is(err, metrics.ErrAgain) || !strings.Contains(err.Error(), "signal 9 (killed)") {
		t.Errorf("a helper that dies at every call: %v", err)
	}
}

const dyingEnv = "VTBENCH_TEST_DYING_HELPER"

// TestDyingHelper is that helper.
func TestDyingHelper(t *testing.T) {
	if os.Getenv(dyingEnv) == "" {
		t.Skip("it is a helper of another test")
	}
	die := func(context.Context, json.RawMessage, []byte) (any, []byte, error) {
		return nil, nil, syscall.Kill(os.Getpid(), syscall.SIGKILL)
	}
	if err := plugin.ServeHelper(t.Context(), tokenizers.Info{Name: "dying", Version: "1"}, map[string]plugin.Op{opencv.FaceEmbed: die}, os.Stdin, os.Stdout); err != nil {
		t.Error(err)
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
