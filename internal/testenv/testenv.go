// Package testenv says what tests may need of the machine: files that `make deps`
// fetches, programs, real images.
//
// Its opinion: a test that is skipped guards nothing, so it may be skipped on a
// developer's machine only. Where CI=true, as CI services and .ci/run set it, a test
// that lacks what `make deps` and `make build` provide fails.
package testenv

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/vtbench/vtbench/internal/ffmpeg"
	"github.com/vtbench/vtbench/internal/missing"
	"github.com/vtbench/vtbench/internal/opencv"
)

// Skip skips a test for want of something that `make deps` or `make build` provides,
// and fails it where CI=true.
func Skip(t testing.TB, why ...any) {
	t.Helper()
	if ci, err := strconv.ParseBool(os.Getenv("CI")); err == nil && ci {
		t.Fatal(append([]any{"CI=true, and this test would be skipped:"}, why...)...)
	}
	t.Skip(why...) //nolint:forbidigo // the one place
}

// Sequential skips a long test of what one goroutine computes, or of what C computes,
// under the race detector, which makes it five to twenty times as long and has nothing to
// find there. The same test runs without the detector.
func Sequential(t testing.TB) {
	t.Helper()
	if race {
		t.Skip("nothing here runs at once: not under the race detector") //nolint:forbidigo // runs without
	}
}

// Need goes on where err is nil, skips the test as [Skip] does where it is a
// [missing.Error], and fails it otherwise.
func Need(t testing.TB, err error) {
	t.Helper()
	var lacks *missing.Error
	if errors.As(err, &lacks) {
		Skip(t, err)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// Root is the folder of the module that the test belongs to.
func Root(t testing.TB) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		if filepath.Dir(dir) == dir {
			t.Fatal("no go.mod above the test's folder")
		}
		dir = filepath.Dir(dir)
	}
}

var buildOpenCV = sync.OnceValues(func() (string, error) {
	if err := exec.Command("pkg-config", "--exists", "opencv4").Run(); err != nil {
		return "", &missing.Error{What: "OpenCV", Mend: "make deps", Err: err}
	}
	path, err := build("cmd/" + opencv.Program)
	if err != nil {
		return "", err
	}
	return path, os.Setenv(opencv.Env, path)
})

// OpenCV builds the helper vtbench-opencv of this checkout, as `make build` does, and
// has it found; the test is skipped, or fails, as by [Need] where OpenCV is missing.
func OpenCV(t testing.TB) string {
	t.Helper()
	path, err := buildOpenCV()
	Need(t, err)
	return path
}

// FFmpeg is the ffmpeg that `make deps-video` fetches, or another that has several things
// (see [ffmpeg.Program.Need]); the test is skipped, or fails, as by [Need] where there is
// none.
func FFmpeg(t testing.TB, things ...string) *ffmpeg.Program {
	t.Helper()
	p, err := ffmpeg.Open(t.Context())
	Need(t, err)
	Need(t, p.Need(things...))
	return p
}

// build builds a program of this checkout into bin, as `make build` does. The file is left
// as it is where it is up to date.
func build(folder string) (string, error) {
	root, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}").Output()
	if err != nil {
		return "", err
	}
	dir := strings.TrimSpace(string(root))
	path := filepath.Join(dir, "bin", filepath.Base(folder))
	cmd := exec.Command("go", "build", "-o", path, "./"+folder)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", errors.New("building " + folder + ": " + err.Error() + "\n" + string(out))
	}
	return path, nil
}

// Build builds a program of this checkout, which needs nothing but Go.
func Build(t testing.TB, folder string) string {
	t.Helper()
	path, err := build(folder)
	if err != nil {
		t.Fatal(err)
	}
	return path
}
