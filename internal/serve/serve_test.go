package serve

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gofrs/flock"
	"github.com/google/go-cmp/cmp"

	"github.com/vtbench/vtbench/bench/compare"
	"github.com/vtbench/vtbench/bench/record"
	"github.com/vtbench/vtbench/metrics"
	"github.com/vtbench/vtbench/reports/leaderboard"
)

const secret = "the secret of another folder"

// folder is a folder of runs in which strangers had a hand, beside a secret.
func folder(t *testing.T) (runs, outside string) {
	t.Helper()
	dir := t.TempDir()
	runs, outside = filepath.Join(dir, "runs"), filepath.Join(dir, "outside")
	write := func(path, text string) {
		t.Helper()
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write(filepath.Join(outside, "secret.png"), secret)
	write(filepath.Join(outside, "run", record.ManifestFile), secret)
	write(filepath.Join(runs, ".env"), secret)
	write(filepath.Join(runs, "notes.html"), secret)
	write(filepath.Join(runs, "bad<script>", record.ManifestFile), "{"+secret)
	write(filepath.Join(runs, "bad<script>", leaderboard.ReportFile), "<script>alert(1)</script>"+secret)
	write(filepath.Join(runs, "linked", record.ManifestFile), `{"schema": 2}`)
	for from, to := range map[string]string{
		filepath.Join(runs, "linked", record.RecordsFile): filepath.Join(outside, "secret.png"),
		filepath.Join(runs, "away"):                       filepath.Join(outside, "run"),
		filepath.Join(runs, "picture.png"):                filepath.Join(outside, "secret.png"),
	} {
		if err := os.Symlink(to, from); err != nil {
			t.Fatal(err)
		}
	}
	b := compare.NewBuilder("r", compare.Header{
		Source: compare.FromRun, Suite: compare.SuiteID{ID: "pixels", Version: 1, Digest: "d"}, Datasets: []compare.DatasetID{{Name: "d", Version: 1, Digest: "d", Items: 9}},
		Headline: []string{"psnr"}, Tokens: []compare.TokenID{{Name: "first"}, {Name: "second"}},
		Metrics: []metrics.Spec{{ID: "psnr", Version: 1, Title: "PSNR", Better: metrics.Higher, Scope: metrics.PerImage}},
	})
	for i := range 9 {
		for tok, v := range map[string]float64{"first": 30, "second": 20} {
			b.Add(&record.Record{Dataset: "d", Tokenizer: tok, Item: fmt.Sprint(i), Condition: "clean", Metric: "psnr", Value: record.Num(v + float64(i))})
		}
	}
	r, err := b.Results()
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Save(filepath.Join(runs, "base"+compare.BaselineSuffix), compare.SaveOptions{}); err != nil {
		t.Fatal(err)
	}
	return runs, outside
}

func server(t *testing.T, dir string, hosts ...string) *Server {
	t.Helper()
	t.Setenv("TMPDIR", t.TempDir())
	s, err := New(Options{Dir: dir, Hosts: hosts, Options: leaderboard.Options{BoardOptions: compare.BoardOptions{Resamples: 199}}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		s.shelf.wait()
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func get(s *Server, change func(*http.Request)) *http.Response {
	r := httptest.NewRequest(http.MethodGet, "http://127.0.0.1:7717/", nil)
	change(r)
	w := httptest.NewRecorder()
	s.Handler().ServeHTTP(w, r)
	return w.Result()
}

func shut(t *testing.T, c io.Closer) {
	t.Helper()
	if err := c.Close(); err != nil {
		t.Error(err)
	}
}

func body(t *testing.T, resp *http.Response) string {
	t.Helper()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// Only who asks for the server by its own name, from its own pages, is answered.
func TestWhoIsAnswered(t *testing.T) {
	runs, _ := folder(t)
	s := server(t, runs, "bench.example.org")
	header := func(k, v string) func(*http.Request) { return func(r *http.Request) { r.Header.Set(k, v) } }
	host := func(h string) func(*http.Request) { return func(r *http.Request) { r.Host = h } }
	method := func(m string) func(*http.Request) { return func(r *http.Request) { r.Method = m } }
	fetch := func(site, mode, dest string) func(*http.Request) {
		return func(r *http.Request) {
			r.Header.Set("Sec-Fetch-Site", site)
			r.Header.Set("Sec-Fetch-Mode", mode)
			r.Header.Set("Sec-Fetch-Dest", dest)
		}
	}
	for name, tc := range map[string]struct {
		change func(*http.Request)
		want   int
	}{
		"its address":              {host("127.0.0.1:7717"), 200},
		"another loopback":         {host("127.8.9.1"), 200},
		"IPv6":                     {host("[::1]:7717"), 200},
		"IPv6 without port":        {host("[::1]"), 200},
		"localhost":                {host("LocalHost:80"), 200},
		"a dot":                    {host("localhost.:80"), 200},
		"allowed":                  {host("bench.example.org"), 200},
		"rebound":                  {host("evil.example:7717"), 403},
		"rebound to look alike":    {host("127.0.0.1.evil.example"), 403},
		"localhost in front":       {host("localhost.evil.example:7717"), 403},
		"another machine":          {host("192.168.0.7:7717"), 403},
		"nothing":                  {host(""), 403},
		"its own page":             {header("Origin", "http://127.0.0.1:7717"), 200},
		"a stranger's page":        {header("Origin", "http://evil.example"), 403},
		"another port":             {header("Origin", "http://127.0.0.1:8080"), 403},
		"no origin":                {header("Origin", "null"), 403},
		"fetched by its page":      {fetch("same-origin", "cors", "empty"), 200},
		"typed":                    {fetch("none", "navigate", "document"), 200},
		"a link":                   {fetch("cross-site", "navigate", "document"), 200},
		"in a frame":               {fetch("cross-site", "navigate", "iframe"), 403},
		"a picture elsewhere":      {fetch("cross-site", "no-cors", "image"), 403},
		"a script on another port": {fetch("same-site", "no-cors", "script"), 403},
		"HEAD":                     {method(http.MethodHead), 200},
		"POST":                     {method(http.MethodPost), 405},
		"PUT":                      {method(http.MethodPut), 405},
		"DELETE":                   {method(http.MethodDelete), 405},
		"OPTIONS":                  {method(http.MethodOptions), 405},
		"TRACE":                    {method(http.MethodTrace), 405},
	} {
		resp := get(s, tc.change)
		if resp.StatusCode != tc.want {
			t.Errorf("%s: %d, want %d", name, resp.StatusCode, tc.want)
		}
		for _, h := range []string{"X-Content-Type-Options", "X-Frame-Options", "Cross-Origin-Resource-Policy", "Content-Security-Policy"} {
			if resp.Header.Get(h) == "" {
				t.Errorf("%s: no %s", name, h)
			}
		}
		if resp.Header.Get("Access-Control-Allow-Origin") != "" {
			t.Errorf("%s: other origins are let in", name)
		}
	}
	s.local = false // listening on all addresses
	if got := get(s, host("192.168.0.7:7717")).StatusCode; got != 200 {
		t.Errorf("by an address of the machine: %d", got)
	}
	if got := get(s, host("evil.example")).StatusCode; got != 403 {
		t.Errorf("rebound: %d", got)
	}
}

// No path, however it is written, and no link leads to a file of the folder or out of it;
// what a stranger packed into a run is not shown.
func TestNothingLeaks(t *testing.T) {
	runs, outside := folder(t)
	before := listing(t, runs)
	s := server(t, runs)
	s.watch.rank(context.Background())
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewUnstartedServer(s.Handler())
	shut(t, srv.Listener)
	srv.Listener = l
	srv.Start()
	defer srv.Close()
	raw := func(path string) (status, text string) {
		t.Helper()
		c, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer shut(t, c)
		fmt.Fprintf(c, "GET %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", path)
		resp, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err != nil {
			return "refused", ""
		}
		defer shut(t, resp.Body)
		return resp.Status, body(t, resp)
	}
	var slugs []string
	list, err := s.watch.look()
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range list {
		if x.slug != "" {
			slugs = append(slugs, x.slug)
		}
	}
	if len(slugs) != 2 {
		t.Fatalf("slugs %v: the link to a run elsewhere is followed, or a run is not seen", slugs)
	}
	paths := []string{
		"/../outside/secret.png", "/runs/../../outside/secret.png", "/..%2foutside%2fsecret.png", "/%2e%2e/outside/secret.png", "/runs/%2e%2e/%2e%2e/outside/secret.png",
		"/..%5coutside%5csecret.png", `/..\outside\secret.png`, "/.env", "/%2eenv", "/runs/.env", "/notes.html", "/picture.png", "/runs/picture.png", "/away/manifest.json", "/runs/away/manifest.json",
		"/runs/runs-away/report.html", "//etc/passwd", "///etc/passwd", "/runs//etc/passwd", "/etc/passwd", "/%00", "/lock", "/runs", "/runs/", "http://evil.example/", "/live.json/../../outside/secret.png", outside + "/secret.png",
	}
	for _, slug := range slugs {
		for _, name := range []string{
			"", "report.html", "records.jsonl", "manifest.json", "../lock", "..%2flock", "%2e%2e/lock", "../../outside/secret.png", "images/../../../outside/secret.png", "images", "report.html/", "./report.html", "REPORT.HTML",
		} {
			paths = append(paths, "/runs/"+slug+"/"+name)
		}
	}
	for _, p := range paths {
		status, text := raw(p)
		if strings.Contains(text, secret) || strings.Contains(text, "alert(1)") || strings.Contains(text, "root:") {
			t.Errorf("GET %s gives what it should not (%s)", p, status)
		}
		if strings.HasPrefix(status, "200") || strings.HasPrefix(status, "5") {
			t.Errorf("GET %s: %s", p, status)
		}
	}
	for _, p := range []string{"/", "/index.html", "/live.json", "/leaderboard.json"} {
		status, text := raw(p)
		if !strings.HasPrefix(status, "200") || strings.Contains(text, secret) || strings.Contains(text, "<script>/") || strings.Contains(text, outside) || strings.Contains(text, filepath.Dir(runs)) {
			t.Errorf("GET %s: %s", p, status)
		}
		if p != "/leaderboard.json" && (!strings.Contains(text, "links are not followed") || !strings.Contains(text, "damaged")) {
			t.Errorf("GET %s does not say what is wrong with the runs:\n%.3000s", p, text)
		}
	}
	if status, text := raw("/"); !strings.Contains(text, "bad&lt;script&gt;") || strings.Contains(text, "bad<script>") {
		t.Errorf("%s: a name became markup", status)
	}
	if _, text := raw("/leaderboard.json"); !strings.Contains(text, `"first"`) {
		t.Error("the baseline file is not on the leaderboard")
	}
	if d := cmp.Diff(before, listing(t, runs)); d != "" {
		t.Errorf("the folder was written to: %s", d)
	}
}

// listing is what stands in a folder, with times.
func listing(t *testing.T, dir string) map[string]string {
	t.Helper()
	out := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err == nil {
			out[path] = fmt.Sprint(info.Mode(), info.Size(), info.ModTime())
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// A server that ends leaves nothing behind; one that was killed is tidied up after by the
// next, and one that is alive is left alone.
func TestStop(t *testing.T) {
	runs, _ := folder(t)
	tmp := t.TempDir()
	t.Setenv("TMPDIR", tmp)
	dead, alive, other := filepath.Join(tmp, workPrefix+"dead"), filepath.Join(tmp, workPrefix+"alive"), filepath.Join(tmp, workPrefix+"other")
	for _, dir := range []string{dead, alive, other} {
		if err := os.MkdirAll(filepath.Join(dir, "run"), 0o755); err != nil {
			t.Fatal(err)
		}
		if dir == other { // no lock: not a server's
			continue
		}
		if err := os.WriteFile(filepath.Join(dir, "lock"), nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	held := flock.New(filepath.Join(alive, "lock"))
	if ok, err := held.TryLock(); !ok || err != nil {
		t.Fatal(ok, err)
	}
	defer shut(t, held)
	s, err := New(Options{Dir: runs, Options: leaderboard.Options{BoardOptions: compare.BoardOptions{Resamples: 199}}})
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { done <- s.Serve(ctx, l) }()
	resp, err := http.Get("http://" + l.Addr().String() + "/live.json")
	if err != nil || resp.StatusCode != 200 {
		t.Fatal(resp, err)
	}
	shut(t, resp.Body)
	big, err := http.NewRequest(http.MethodGet, "http://"+l.Addr().String()+"/", nil)
	if err != nil {
		t.Fatal(err)
	}
	big.Header.Set("X", strings.Repeat("x", 4*maxHeader))
	if resp, err := http.DefaultClient.Do(big); err == nil {
		shut(t, resp.Body)
		if resp.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
			t.Errorf("a header of %d bytes: %s", 4*maxHeader, resp.Status)
		}
	}
	cancel()
	if err := <-done; err != nil {
		t.Errorf("stopping: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	left, err := filepath.Glob(filepath.Join(tmp, "*"))
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]string{alive, other}, left); d != "" {
		t.Error(d)
	}
}

// The leaderboard follows the folder, and what has not changed is not read again.
func TestLeaderboardFollows(t *testing.T) {
	runs, _ := folder(t)
	s := server(t, runs)
	rank := func() *leaderboard.Site {
		t.Helper()
		s.watch.mu.Lock()
		s.watch.looked = s.watch.looked.AddDate(-1, 0, 0)
		s.watch.mu.Unlock()
		s.watch.rank(context.Background())
		site, err := s.watch.board()
		if err != nil {
			t.Fatal(err)
		}
		return site
	}
	first := rank()
	if first != rank() {
		t.Error("nothing has changed and the leaderboard is made anew")
	}
	b, err := os.ReadFile(filepath.Join(runs, "base"+compare.BaselineSuffix)) //nolint:forbidigo // our own
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(runs, "more"+compare.BaselineSuffix), b, 0o644); err != nil {
		t.Fatal(err)
	}
	second := rank()
	if len(first.Collection.Sources) != 1 || len(second.Collection.Sources) != 2 {
		t.Errorf("%d, then %d sources", len(first.Collection.Sources), len(second.Collection.Sources))
	}
	if live := s.watch.live(); live.Board != "2" || live.Note != "" {
		t.Errorf("board %s, %q", live.Board, live.Note)
	}
	if err := os.RemoveAll(runs); err != nil {
		t.Fatal(err)
	}
	rank()
	if live := s.watch.live(); live.Note == "" {
		t.Error("the folder is gone and nobody is told")
	}
}
