package cli

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/vtbench/vtbench/internal/assets"
	"github.com/vtbench/vtbench/internal/opencv"
	"github.com/vtbench/vtbench/internal/testenv"
)

// Without the files: everything that needs them ends with status 5 and one line that
// names the command, and nothing is fetched without being asked for.
func TestMissingFiles(t *testing.T) {
	cache := t.TempDir()
	t.Setenv("XDG_CACHE_HOME", cache)
	t.Setenv("PATH", t.TempDir()) // no pip, no apt-get
	for mend, commands := range map[string][]string{
		"vtbench datasets pull": {"datasets verify", "datasets info portraits-default", "datasets info photos-default", "datasets pull"},
		"vtbench models pull":   {"models verify", "models pull"},
	} {
		for _, c := range commands {
			status, _, stderr := vtbench(t, strings.Fields(c)...)
			if status != 5 || strings.Count(stderr, "to install it: "+mend) != 1 {
				t.Errorf("%s: status %d, %q", c, status, stderr)
			}
		}
	}
	// Looking finds no fault.
	status, out, stderr := vtbench(t, "models", "list", "--format", "json")
	var list []struct {
		assets.File
		State string `json:"state"`
	}
	if err := json.Unmarshal([]byte(out), &list); err != nil || status != 0 || stderr != "" {
		t.Fatalf("models list: status %d, %v, %q", status, err, stderr)
	}
	if len(list) != len(assets.Files(assets.Model)) {
		t.Errorf("%d networks are listed of %d", len(list), len(assets.Files(assets.Model)))
	}
	for _, m := range list {
		if m.State != "missing" || m.Licence == "" || len(m.SHA256) != 64 {
			t.Errorf("listed: %+v", m)
		}
	}
	found, err := os.ReadDir(filepath.Join(cache, "vtbench", "assets"))
	if err == nil && len(found) > 0 {
		t.Errorf("in the cache: %v", found)
	}
}

// A file that was damaged on disk is named, and is not called missing.
func TestDamagedFile(t *testing.T) {
	cache := t.TempDir()
	t.Setenv("XDG_CACHE_HOME", cache)
	f, ok := assets.Find("chelsea.png")
	if !ok {
		t.Fatal("chelsea.png is not on the list")
	}
	dir := filepath.Join(cache, "vtbench", "assets")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "chelsea-"+f.SHA256[:12]+".png")
	if err := os.WriteFile(file, []byte("half of it"), 0o644); err != nil {
		t.Fatal(err)
	}
	status, out, stderr := vtbench(t, "datasets", "verify")
	if status == 0 || !strings.Contains(stderr, file) || !strings.Contains(out, "damaged") {
		t.Errorf("status %d, %q", status, stderr)
	}
}

// Without the helper the face suite ends with the command that makes it, and doctor
// says so.
func TestMissingHelper(t *testing.T) {
	for _, f := range assets.Files() {
		testenv.Need(t, f.Verify())
	}
	t.Chdir(t.TempDir())
	t.Setenv("PATH", t.TempDir())
	t.Setenv(opencv.Env, "")
	status, _, stderr := vtbench(t, "run", "--suite", "face", "--limit", "1", "-t", "resize", "-o", "out")
	if status != ExitMissing || !strings.Contains(stderr, "vtbench-opencv is missing") || !strings.Contains(stderr, "make deps build") {
		t.Errorf("status %d, want %d: %s", status, ExitMissing, stderr)
	}
	_, stdout, stderr := vtbench(t, "doctor")
	if !strings.Contains(stdout, "OpenCV") || !strings.Contains(stdout, opencv.Mend) {
		t.Errorf("doctor says\n%s%s", stdout, stderr)
	}
}

// A tokenizer that a suite calls optional is left out, and said so, where its program is
// missing; one that the user names is not.
func TestOptionalTokenizer(t *testing.T) {
	t.Chdir(t.TempDir())
	t.Setenv("PATH", t.TempDir())
	t.Setenv("VTBENCH_OPENCV", "")
	photos(t, "in", 1, false, 0)
	text := strings.Replace(suiteFile, `"jpeg:q=30"]`, `"jpeg:q=30", jp2]`, 1) + "optional: [jp2]\n"
	if err := os.WriteFile("s.yaml", []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	status, out, stderr := vtbench(t, "run", "--suite", "s.yaml", "--data", "folder:in", "-o", "run")
	if status != 0 || !strings.Contains(stderr, "jp2 is left out: ") || !strings.Contains(out, "jp2 is part of the suite and left out") || strings.Contains(out, "\njp2 ") || !strings.Contains(out, "jpeg:q=30") {
		t.Errorf("status %d, %q, %q", status, out, stderr)
	}
	status, _, stderr = vtbench(t, "run", "--suite", "s.yaml", "--data", "folder:in", "-o", "other", "-t", "jp2")
	if status != 5 {
		t.Errorf("named by the user: status %d, %q", status, stderr)
	}
}
