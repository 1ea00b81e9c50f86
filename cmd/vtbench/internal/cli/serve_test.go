package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/vtbench/vtbench/bench/record"
	"github.com/vtbench/vtbench/reports/leaderboard"
)

// A folder is served while a run in it is being made: the run's progress, then its report,
// and the leaderboard of those that are done. Ctrl-C is the ordinary end.
func TestServe(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := os.WriteFile("s.yaml", []byte(suiteFile), 0o644); err != nil {
		t.Fatal(err)
	}
	photos(t, "in", 3, false, 0)
	for _, dir := range []string{"runs/a", "runs/b"} {
		if status, _, stderr := vtbench(t, "run", "--suite", "s.yaml", "--data", "folder:in", "-q", "--resamples", "100", "-o", dir); status != ExitDone {
			t.Fatalf("status %d: %s", status, stderr)
		}
	}
	// b is being made: it is not sealed, and somebody writes to it.
	if err := os.Remove(filepath.Join("runs", "b", record.SealFile)); err != nil {
		t.Fatal(err)
	}
	lock, err := record.TakeLock("runs/b", false)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now().UTC()
	p := record.Progress{Phase: "measuring", Begun: now.Add(-time.Minute), Updated: now, Done: 30, Total: 60, Tokenizers: []record.TokenProgress{{Name: "resize", Done: 30, Total: 60, Failed: 2}}}
	if err := record.WriteProgress("runs/b", &p); err != nil {
		t.Fatal(err)
	}

	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	out, in := io.Pipe()
	var stderr bytes.Buffer
	ended := make(chan int)
	go func() {
		status := Run(ctx, []string{"serve", "runs", "--listen", "127.0.0.1:0", "--format", "json", "--resamples", "99"}, in, &stderr)
		_ = in.Close() // never fails
		ended <- status
	}()
	var where struct{ URL string }
	if err := json.NewDecoder(out).Decode(&where); err != nil {
		cancel()
		t.Fatalf("%v, status %d: %s", err, <-ended, stderr.String())
	}
	get := func(path string) (status int, text string) {
		t.Helper()
		resp, err := http.Get(where.URL + path)
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(resp.Body)
		if err := errors.Join(err, resp.Body.Close()); err != nil {
			t.Fatal(err)
		}
		return resp.StatusCode, string(b)
	}
	// until asks until an answer is as wanted; a loaded machine may take its time.
	until := func(path string, want func(status int, text string) bool) string {
		t.Helper()
		var status int
		var text string
		for range 600 {
			if status, text = get(path); want(status, text) {
				return text
			}
			time.Sleep(50 * time.Millisecond)
		}
		t.Fatalf("GET %s: %d\n%.2000s", path, status, text)
		return ""
	}
	var live leaderboard.Live
	text := until("live.json", func(_ int, text string) bool { return strings.Contains(text, "running") })
	if err := json.Unmarshal([]byte(text), &live); err != nil {
		t.Fatal(err)
	}
	if len(live.Runs) != 2 || live.Runs[0].Name != "runs/b" || live.Runs[0].Share() != 50 || live.Runs[0].Failed != 2 || live.Runs[0].Left != "about 1m0s" || live.Runs[1].State != "finished" {
		t.Errorf("%+v", live.Runs)
	}
	for _, r := range live.Runs { // of a run that is being made too
		page := until(strings.TrimPrefix(r.Page, "./"), func(status int, _ string) bool { return status == http.StatusOK })
		if !strings.Contains(page, "jpeg:q=30") {
			t.Errorf("the report of %s does not show its tokenizers", r.Name)
		}
		dir := strings.TrimSuffix(strings.TrimPrefix(r.Page, "./"), leaderboard.ReportFile)
		if status, csv := get(dir + "tables/psnr.csv"); status != http.StatusOK || !strings.Contains(csv, "jpeg") {
			t.Errorf("the tables of %s: %d", r.Name, status)
		}
	}
	page := until("", func(_ int, text string) bool { return strings.Contains(text, `class="ranked"><tr`) })
	if !strings.Contains(page, "50 %, measuring") {
		t.Error("the page does not show how far the run is")
	}
	if err := lock.Release(); err != nil {
		t.Fatal(err)
	}
	until("live.json", func(_ int, text string) bool {
		return !strings.Contains(text, "running") && strings.Contains(text, "interrupted")
	})

	// The port is taken.
	addr := strings.TrimSuffix(strings.TrimPrefix(where.URL, "http://"), "/")
	if status, _, stderr := vtbench(t, "serve", "runs", "--listen", addr); status != ExitUsage || !strings.Contains(stderr, "takes a free port") {
		t.Errorf("status %d: %s", status, stderr)
	}
	if status, _, stderr := vtbench(t, "serve", "absent"); status != ExitUsage || !strings.Contains(stderr, "absent") {
		t.Errorf("status %d: %s", status, stderr)
	}
	cancel()
	go io.Copy(io.Discard, out) //nolint:errcheck // the pipe may not block
	if status := <-ended; status != ExitDone {
		t.Errorf("status %d at the end: %s", status, stderr.String())
	}
	if c, err := net.Dial("tcp", addr); err == nil {
		t.Error("somebody still listens", c.Close())
	}
}
