package cli

import (
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
)

func TestCommentCommand(t *testing.T) {
	t.Chdir(t.TempDir())
	posted := ""
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		reply := `[]`
		switch {
		case r.URL.Path == "/user":
			reply = `{"login":"me"}`
		case r.Method == http.MethodPost:
			posted = r.URL.Path
			w.WriteHeader(http.StatusCreated)
			reply = `{"id":1,"html_url":"https://service.example/1"}`
		}
		if _, err := w.Write([]byte(reply)); err != nil {
			t.Error(err)
		}
	}))
	defer srv.Close()
	t.Setenv("GITHUB_API_URL", srv.URL)
	t.Setenv("GITHUB_REPOSITORY", "owner/name")
	t.Setenv("GITHUB_TOKEN", "t0ken")
	if err := os.WriteFile("comment.md", []byte("hello\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	status, out, stderr := vtbench(t, "comment", "--file", "comment.md", "--pr", "12")
	if status != ExitDone || out != "created https://service.example/1\n" || posted != "/repos/owner/name/issues/12/comments" {
		t.Errorf("status %d, stdout %q, stderr %q, posted to %q", status, out, stderr, posted)
	}
	status, out, _ = vtbench(t, "comment", "--file", "comment.md", "--pr", "12", "--format", "json")
	if status != ExitDone || out != `{"action":"created","pr":12,"url":"https://service.example/1"}`+"\n" {
		t.Errorf("as JSON: status %d, stdout %q", status, out)
	}
	for args, want := range map[string]string{
		"comment --file comment.md --pr 12 --format jsn": "want text or json",
		"comment": "--report", "comment --file comment.md": "which pull request", "comment --file absent --pr 1": "absent", "comment x": "takes no arguments", "comment --pr x": "--pr",
	} {
		status, _, stderr := vtbench(t, strings.Fields(args)...)
		if status != ExitUsage || !strings.Contains(stderr, want) {
			t.Errorf("%s: status %d, stderr %q", args, status, stderr)
		}
	}
	t.Setenv("GITHUB_TOKEN", "")
	if status, _, stderr := vtbench(t, "comment", "--file", "comment.md", "--pr", "12"); status != ExitUsage || !strings.Contains(stderr, "GITHUB_TOKEN") {
		t.Errorf("without a token: status %d, stderr %q", status, stderr)
	}
}
