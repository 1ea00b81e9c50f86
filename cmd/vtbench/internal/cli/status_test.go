package cli

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/vtbench/vtbench/bench/record"
)

// `vtbench status` tells a run that is being made from one that ended and one that broke
// off, and shows what progress.json says.
func TestStatus(t *testing.T) {
	t.Chdir(t.TempDir())
	photos(t, "images", 3, false, 0)
	if err := os.WriteFile("s.yaml", []byte(suiteFile), 0o644); err != nil {
		t.Fatal(err)
	}
	if status, _, stderr := vtbench(t, "run", "--suite", "s.yaml", "--data", "folder:images", "--resamples", "100", "-q", "-o", "r", "--batch", "2"); status != ExitDone {
		t.Fatalf("status %d\n%s", status, stderr)
	}
	if _, err := os.Stat(filepath.Join("r", record.ProgressFile)); err == nil {
		t.Error("progress.json is left behind")
	}
	shows := func(want ...string) {
		t.Helper()
		status, out, stderr := vtbench(t, "status", "r")
		for _, w := range want {
			if status != ExitDone || !strings.Contains(out, w) {
				t.Errorf("status %d, %q is not in:\n%s%s", status, w, out, stderr)
			}
		}
	}
	shows("suite pixels, finished, 3 of 3 items committed")

	lock, err := record.TakeLock("r", false)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now().UTC()
	p := record.Progress{
		Phase: "measuring", Begun: now.Add(-60 * time.Second), Updated: now, Done: 70, Total: 100, Resumed: 10,
		Tokenizers: []record.TokenProgress{{Name: "jpeg:q=30", Done: 35, Total: 50, Resumed: 5, Cached: 7, Failed: 2}, {Name: "resize", Total: 50}},
	}
	if err := record.WriteProgress("r", &p); err != nil {
		t.Fatal(err)
	}
	shows("running", "measuring: 70 of 100, 1m0s, about 30s left", "jpeg:q=30  35    50  30.0     30s   7       2", "resize     0     50  –        –     0       0")
	_, out, _ := vtbench(t, "status", "r", "--format", "json")
	var got record.Status
	if err := json.Unmarshal([]byte(out), &got); err != nil || got.State != record.Running || got.Progress == nil || got.Progress.Failed() != 2 || got.Holder.PID != os.Getpid() {
		t.Errorf("%+v, %v", got, err)
	}
	if err := lock.Release(); err != nil {
		t.Fatal(err)
	}
	shows("finished") // a file that a killed process left means nothing

	if err := record.Unseal("r"); err != nil {
		t.Fatal(err)
	}
	shows("interrupted", "--resume")
	if status, _, stderr := vtbench(t, "status", "images"); status != ExitUsage || !strings.Contains(stderr, "no manifest.json") {
		t.Errorf("status %d: %s", status, stderr)
	}
}

// The cache from the command line: where it is, what it holds, and that CI has none.
func TestCacheCommand(t *testing.T) {
	t.Chdir(t.TempDir())
	photos(t, "images", 3, false, 0)
	if err := os.WriteFile("s.yaml", []byte(suiteFile), 0o644); err != nil {
		t.Fatal(err)
	}
	run := func(out string, more ...string) string {
		t.Helper()
		status, _, stderr := vtbench(t, append([]string{"run", "--suite", "s.yaml", "--data", "folder:images", "--resamples", "100", "-o", out}, more...)...)
		if status != ExitDone {
			t.Fatalf("status %d\n%s", status, stderr)
		}
		return stderr
	}
	run("a", "--cache", "kept")
	if said := run("b", "--cache", "kept"); !strings.Contains(said, "from the cache") {
		t.Errorf("nothing is said of the cache:\n%s", said)
	}
	run("c", "--no-cache")
	for _, name := range []string{record.RecordsFile, record.CodesFile, record.SummaryFile, record.SealFile} {
		a, _ := os.ReadFile(filepath.Join("a", name))
		for _, other := range []string{"b", "c"} {
			if b, _ := os.ReadFile(filepath.Join(other, name)); string(a) != string(b) || len(a) == 0 {
				t.Errorf("%s of %s is another one", name, other)
			}
		}
	}
	_, out, _ := vtbench(t, "cache", "info", "--cache", "kept", "--verify", "--format", "json")
	var info struct{ Entries int }
	if err := json.Unmarshal([]byte(out), &info); err != nil || info.Entries == 0 {
		t.Errorf("%s, %v", out, err)
	}
	if status, out, _ := vtbench(t, "cache", "prune", "--cache", "kept", "--cache-size", "0"); status != ExitDone || !strings.Contains(out, "0 B left") {
		t.Errorf("status %d: %s", status, out)
	}
	run("d", "--cache", "none", "--cache-size", "0")
	if _, err := os.Stat("none"); err == nil {
		t.Error("a cache of no bytes was made")
	}
	for _, args := range [][]string{
		{"run", "--suite", "s.yaml", "--cache", "x", "--no-cache"},
		{"run", "--suite", "s.yaml", "--cache-size", "lots"},
		{"run", "--suite", "s.yaml", "--cache", "images", "--data", "folder:images"},
		{"cache", "prune", "--cache", "images"},
	} {
		if status, _, stderr := vtbench(t, args...); status != ExitUsage {
			t.Errorf("%v: status %d\n%s", args, status, stderr)
		}
	}
	// Where the folder is.
	t.Setenv(cacheEnv, "")
	t.Setenv("XDG_CACHE_HOME", "/home/of/caches")
	for ci, want := range map[string]string{"": "/home/of/caches/vtbench/results", "true": "", "false": "/home/of/caches/vtbench/results"} {
		t.Setenv("CI", ci)
		if got, err := cacheDir(""); got != want || err != nil {
			t.Errorf("CI=%q: %q, %v; want %q", ci, got, err, want)
		}
	}
	t.Setenv("CI", "true")
	if got, _ := cacheDir("/named"); got != "/named" {
		t.Errorf("a folder that is named in CI: %q", got)
	}
	t.Setenv(cacheEnv, "/by/environment")
	if got, _ := cacheDir(""); got != "/by/environment" {
		t.Errorf("a folder that the environment names: %q", got)
	}
	t.Setenv(cacheEnv, "off")
	if got, _ := cacheDir(""); got != "" {
		t.Errorf("switched off: %q", got)
	}
	for text, want := range map[string]int64{"10GB": 10e9, "1 GiB": 1 << 30, "500mb": 500e6, "12": 12, "0": 0, "2.5kB": 2500} {
		if got, err := parseSize("--cache-size", text); got != want || err != nil {
			t.Errorf("%s is %d, %v", text, got, err)
		}
	}
}
