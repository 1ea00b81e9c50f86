//go:build unix

package cli

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/vtbench/vtbench/bench/record"
	"github.com/vtbench/vtbench/internal/testenv"
)

// fileLimit makes the program meet a full disk: no file of it can grow beyond so many bytes.
const fileLimit = "VTBENCH_TEST_FILE_LIMIT"

func limitFiles() error {
	text := os.Getenv(fileLimit)
	if text == "" {
		return nil
	}
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		return err
	}
	signal.Ignore(syscall.SIGXFSZ) // so that writing fails as on a full disk
	return syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: n, Max: n})
}

// onFullDisk runs the program where files have at most so many bytes.
func onFullDisk(t *testing.T, bytes int, args ...string) (status int, stderr string) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self, args...)
	cmd.Env = append(os.Environ(), asProgram+"=1", fmt.Sprintf("%s=%d", fileLimit, bytes))
	var errs strings.Builder
	cmd.Stderr = &errs
	var exit *exec.ExitError
	if err := cmd.Run(); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), errs.String()
}

// results are the files of a run that do not differ between equal runs.
func results(t *testing.T, dir string) map[string][]byte {
	t.Helper()
	out := map[string][]byte{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		rel, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		switch top, _, _ := strings.Cut(filepath.ToSlash(rel), "/"); top {
		case record.RecordsFile, record.CodesFile, record.GroupsFile, record.SummaryFile, record.ImagesDir:
			out[rel], err = os.ReadFile(path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// A disk that is full, wherever that is noticed, ends a run with 1; once there is room it
// goes on and ends as if nothing had happened, and no half of a file stays.
func TestFullDisk(t *testing.T) {
	t.Chdir(t.TempDir())
	put(t, "s.yaml", []byte(suiteFile))
	photos(t, "in", 9, false, 0)
	run := func(dir string, more ...string) []string {
		return append([]string{"run", "--suite", "s.yaml", "--data", "folder:in", "--batch", "2", "--resamples", "100", "-o", dir}, more...)
	}
	if status, _, stderr := vtbench(t, run("whole")...); status != ExitDone {
		t.Fatal(stderr)
	}
	want := results(t, "whole")
	full := 0
	for _, bytes := range []int{100, 2000, 5000, 7000, 9000, 12_000, 15_000, 20_000, 40_000} {
		dir := fmt.Sprintf("full-%d", bytes)
		status, stderr := onFullDisk(t, bytes, run(dir)...)
		if status == ExitDone {
			continue
		}
		full++
		if status != ExitInternal || !strings.Contains(stderr, "file too large") {
			t.Errorf("%d bytes: status %d: %s", bytes, status, stderr)
		}
		again := run(dir)
		if _, err := os.Stat(filepath.Join(dir, record.ManifestFile)); err == nil {
			if !strings.Contains(stderr, "--resume") && !strings.Contains(stderr, "vtbench report "+dir) {
				t.Errorf("%d bytes: it does not say how to go on: %s", bytes, stderr)
			}
			again = run(dir, "--resume")
		}
		if status, _, stderr := vtbench(t, again...); status != ExitDone {
			t.Errorf("%d bytes: going on: status %d: %s", bytes, status, stderr)
		}
		got := results(t, dir)
		for name, b := range want {
			if !bytesEqual(got[name], b) {
				t.Errorf("%d bytes: %s differs from that of a run without interruption", bytes, name)
			}
		}
		for name := range got {
			if want[name] == nil {
				t.Errorf("%d bytes: %s is left behind", bytes, name)
			}
		}
	}
	if full < 4 {
		t.Errorf("only %d runs met a full disk", full)
	}
}

func bytesEqual(a, b []byte) bool { return a != nil && bytes.Equal(a, b) }

// What holds or damages a run directory, and a TMPDIR that is none, are the user's to mend.
func TestStatusOfWhatCanBeMended(t *testing.T) {
	t.Chdir(t.TempDir())
	put(t, "s.yaml", []byte(suiteFile))
	photos(t, "in", 5, false, 0)
	run := []string{"run", "--suite", "s.yaml", "--data", "folder:in", "--batch", "1", "--resamples", "100", "-o", "r"}
	if status, _, stderr := vtbench(t, run...); status != ExitDone {
		t.Fatal(stderr)
	}
	resume := append(run, "--resume")
	expect := func(what string, status int, text string, args ...string) {
		t.Helper()
		got, _, stderr := vtbench(t, args...)
		if got != status || !strings.Contains(stderr, text) {
			t.Errorf("%s: status %d, want %d with %q: %s", what, got, status, text, stderr)
		}
	}
	lock, err := record.TakeLock("r", false)
	if err != nil {
		t.Fatal(err)
	}
	expect("a held lock", ExitUsage, fmt.Sprintf("process %d", os.Getpid()), resume...)
	if err := lock.Release(); err != nil {
		t.Fatal(err)
	}

	name := filepath.Join("r", record.RecordsFile)
	whole, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	put(t, name, whole[:len(whole)/2])
	expect("a torn journal", ExitUsage, record.RecordsFile, "report", "r")
	expect("a torn journal", ExitUsage, record.RecordsFile, "compare", "r", "r")
	expect("a torn journal", ExitUsage, "--redo-from", resume...)
	lines := bytes.SplitAfter(whole, []byte("\n"))
	lines[2] = []byte("{\"tokenizer\": \n")
	put(t, name, bytes.Join(lines, nil))
	expect("a broken line", ExitUsage, "line 3 cannot be read", "report", "r")
	expect("going on", ExitDone, "", append(resume, "--redo-from", "0")...)

	for _, args := range [][]string{
		{"report", "r", "-o", "s.yaml/x"},
		{"score", "in", "in", "--format", "html", "-o", "s.yaml/x"},
		{"leaderboard", "r", "-o", "s.yaml/x"},
		{"merge", "r", "-o", "s.yaml/x"},
		{"compare", "r", "r", "-o", "s.yaml/x"},
		{"datasets", "sheet", "folder:in", "s.yaml/x.png"},
		{"datasets", "export", "folder:in", "s.yaml/x"},
		{"corrupt", "in", "s.yaml/x", "--type", "fog", "--severity", "1"},
		{"baseline", "save", "r", "-o", "s.yaml/x.vtbench.json.gz"},
	} {
		expect("a folder that is a file", ExitUsage, "s.yaml", args...)
	}
	again := func(dir string) []string { return append(run[:len(run)-1:len(run)-1], dir) }
	t.Setenv("CI", "")
	t.Setenv("VTBENCH_CACHE", "")
	t.Setenv("XDG_CACHE_HOME", filepath.Join(t.TempDir(), "file"))
	t.Setenv("HOME", os.Getenv("XDG_CACHE_HOME")) // where the user's cache is on other systems
	put(t, os.Getenv("XDG_CACHE_HOME"), nil)
	expect("a home that cannot be written", ExitDone, "nothing is kept for later runs", again("homeless")...)
	expect("a cache that is named, and is a file", ExitUsage, "--no-cache does without it", append(again("named"), "--cache", "s.yaml/x")...)

	t.Setenv("TMPDIR", filepath.Join(t.TempDir(), "none"))
	text := []string{"run", "--suite", "text", "--data", "text-small", "-t", "resize", "--limit", "1", "-o", "t"}
	if status, _, stderr := vtbench(t, text...); status == ExitMissing {
		testenv.Skip(t, stderr)
	}
	expect("a bad TMPDIR", ExitUsage, "TMPDIR must name a folder", text...)
}

// What a run writes may be read by whom the umask lets.
func TestRunHonoursTheUmask(t *testing.T) {
	t.Chdir(t.TempDir())
	put(t, "s.yaml", []byte(suiteFile))
	photos(t, "in", 3, false, 0)
	for mask, deny := range map[int]fs.FileMode{0o077: 0o077, 0o027: 0o027} {
		dir := fmt.Sprintf("r%o", mask)
		old := syscall.Umask(mask)
		status, _, stderr := vtbench(t, "run", "--suite", "s.yaml", "--data", "folder:in", "--resamples", "100", "-o", dir)
		syscall.Umask(old)
		if status != ExitDone {
			t.Fatal(stderr)
		}
		err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			info, err := d.Info()
			if err == nil && info.Mode().Perm()&deny != 0 {
				t.Errorf("umask %o: %s has mode %v", mask, path, info.Mode())
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

// stubborn is a plug-in that returns what it is given and does not leave.
const stubborn = `import json, struct, sys, time
out = sys.stdout.buffer
while True:
    n, h = struct.unpack("<II", sys.stdin.buffer.read(8))
    r = json.loads(sys.stdin.buffer.read(h))
    body = sys.stdin.buffer.read(n - 4 - h)
    if r["type"] == "bye":
        time.sleep(1000)
    head = {"type": "result", "id": r["id"]}
    if r["type"] == "hello":
        head.update(type="hello", protocol=1, info={"name": "stubborn", "version": "1"})
    elif "items" in r:
        head["items"] = r["items"]
    head = json.dumps(head).encode()
    out.write(struct.pack("<II", 4 + len(head) + len(body), len(head)) + head + body)
    out.flush()
`

// A plug-in that stays after bye has given all its results: it is killed, and that is said.
func TestPlugInThatStays(t *testing.T) {
	python := testenv.Python(t)
	t.Chdir(t.TempDir())
	put(t, "s.yaml", []byte(suiteFile))
	put(t, "p.py", []byte(stubborn))
	photos(t, "in", 2, false, 0)
	put(t, "c.yaml", []byte(fmt.Sprintf(`suite: s.yaml
data: [folder:in]
resamples: 100
tokenizers:
  - name: mine
    use: "process:%s p.py"
    options: {stop_timeout: 200ms, shared_memory: "false"}
`, python)))
	status, _, stderr := vtbench(t, "run", "-c", "c.yaml", "-o", "r")
	if status != ExitDone || !strings.Contains(stderr, `warning: closing tokenizer "mine"`) || !strings.Contains(stderr, "did not exit within 200ms") {
		t.Errorf("status %d: %s", status, stderr)
	}
}
