package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

func TestStatus(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "c.md")
	if err := os.WriteFile(name, []byte("hello"), 0o644); err != nil {
		t.Fatal(err)
	}
	env := map[string]string{"GITHUB_TOKEN": "t", "GITHUB_REPOSITORY": "a/b", "GITHUB_API_URL": "http://127.0.0.1:1"}
	for _, tc := range []struct {
		args        []string
		status      int
		out, stderr string
	}{
		{[]string{"--help"}, exitDone, "", "-event"},
		{[]string{"--no-such-flag"}, exitUsage, "", "no-such-flag"},
		{[]string{"x"}, exitUsage, "", "unexpected"},
		{nil, exitUsage, "", "--report"},
		{[]string{"--file", name, "--dry-run"}, exitDone, "<!-- vtbench:compare -->\nhello\n", ""},
		{[]string{"--file", name, "--pr", "1", "--api", "http://elsewhere.example"}, exitUsage, "", "https only"},
	} {
		var out, stderr bytes.Buffer
		status := run(t.Context(), tc.args, func(k string) string { return env[k] }, &out, &stderr)
		if status != tc.status || out.String() != tc.out || !strings.Contains(stderr.String(), tc.stderr) {
			t.Errorf("%v: status %d, stdout %q, stderr %q", tc.args, status, out.String(), stderr.String())
		}
	}
}

// The job that holds the token must not need Tesseract to build this.
func TestNeedsNoCgo(t *testing.T) {
	out, err := exec.Command("go", "list", "-deps", "-f", "{{if and (not .Standard) .CgoFiles}}{{.ImportPath}}{{end}}", ".").CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if s := strings.TrimSpace(string(out)); s != "" {
		t.Errorf("these need cgo: %s", s)
	}
}
