package comment

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/vtbench/vtbench/bench/compare"
	reports "github.com/vtbench/vtbench/reports/compare"
)

const (
	token  = "t0ken-of-a-test"
	repo   = "owner/name"
	marker = "<!-- vtbench:compare -->"
	us     = DefaultAuthor
)

type stored struct {
	ID    int64
	PR    int
	Login string
	Body  string
}

// service plays the part of GitHub's REST API that the package uses.
type service struct {
	*httptest.Server
	t *testing.T

	mu       sync.Mutex
	comments []stored
	pulls    map[int]map[string]any
	login    string // of the token; "" for a workflow's, which may not ask
	perPage  int
	calls    []string
	// before is asked first; a status other than 0 is the answer. carryOut makes a
	// failed POST take effect all the same, as a lost answer does.
	before   func(r *http.Request) (status int, header map[string]string, body string)
	carryOut bool
	evilLink string
}

func newService(t *testing.T) *service {
	s := &service{t: t, pulls: map[int]map[string]any{}, perPage: 3}
	s.Server = httptest.NewServer(s)
	t.Cleanup(s.Close)
	return s
}

// ServeHTTP answers as the service does, with pages, permissions and limits.
func (s *service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls = append(s.calls, r.Method+" "+r.URL.Path)
	if got := r.Header.Get("Authorization"); got != "Bearer "+token {
		s.answer(w, http.StatusUnauthorized, map[string]string{"message": "Bad credentials"})
		return
	}
	lost := false
	if s.before != nil {
		if status, header, body := s.before(r); status != 0 {
			for k, v := range header {
				w.Header().Set(k, v)
			}
			if lost = s.carryOut && r.Method == http.MethodPost; !lost {
				w.WriteHeader(status)
				fmt.Fprint(w, body)
				return
			}
		}
	}
	path := strings.TrimPrefix(r.URL.Path, "/api/v3")
	var n int
	var id int64
	switch {
	case path == "/user" && s.login == "":
		s.answer(w, http.StatusForbidden, map[string]string{"message": "Resource not accessible by integration"})
	case path == "/user":
		s.answer(w, http.StatusOK, map[string]string{"login": s.login})
	case scan(path, "/repos/"+repo+"/issues/comments/%d", &id) && r.Method == http.MethodPatch:
		i := slices.IndexFunc(s.comments, func(c stored) bool { return c.ID == id })
		if i < 0 {
			s.answer(w, http.StatusNotFound, map[string]string{"message": "Not Found"})
			return
		}
		s.comments[i].Body = s.body(r)
		s.answer(w, http.StatusOK, s.view(s.comments[i]))
	case scan(path, "/repos/"+repo+"/issues/%d/comments", &n) && r.Method == http.MethodGet:
		var all []any
		for _, c := range s.comments {
			if c.PR == n {
				all = append(all, s.view(c))
			}
		}
		s.page(w, r, all)
	case scan(path, "/repos/"+repo+"/issues/%d/comments", &n) && r.Method == http.MethodPost:
		c := stored{ID: int64(len(s.comments)) + 100, PR: n, Login: us, Body: s.body(r)}
		if s.login != "" {
			c.Login = s.login
		}
		s.comments = append(s.comments, c)
		if lost {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		s.answer(w, http.StatusCreated, s.view(c))
	case scan(path, "/repos/"+repo+"/pulls/%d", &n):
		if p, ok := s.pulls[n]; ok {
			s.answer(w, http.StatusOK, p)
			return
		}
		s.answer(w, http.StatusNotFound, map[string]string{"message": "Not Found"})
	case path == "/repos/"+repo+"/pulls":
		var all []any
		for _, n := range sorted(s.pulls) {
			p := s.pulls[n]
			head := p["head"].(map[string]any)
			owner := ""
			if rp, ok := head["repo"].(map[string]any); ok {
				owner, _, _ = strings.Cut(rp["full_name"].(string), "/")
			}
			if r.URL.Query().Get("head") == owner+":"+head["ref"].(string) && r.URL.Query().Get("state") == "open" {
				all = append(all, p)
			}
		}
		s.page(w, r, all)
	default:
		s.answer(w, http.StatusNotFound, map[string]string{"message": "Not Found"})
	}
}

func scan(path, layout string, into any) bool {
	n, err := fmt.Sscanf(path, layout, into)
	var back string
	switch v := into.(type) {
	case *int:
		back = fmt.Sprintf(layout, *v)
	case *int64:
		back = fmt.Sprintf(layout, *v)
	}
	return err == nil && n == 1 && back == path
}

func sorted(m map[int]map[string]any) []int {
	var out []int
	for k := range m {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}

func (s *service) body(r *http.Request) string {
	var in struct {
		Body string `json:"body"`
	}
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
		s.t.Errorf("%s %s: %v", r.Method, r.URL, err)
	}
	return in.Body
}

func (s *service) view(c stored) map[string]any {
	return map[string]any{"id": c.ID, "body": c.Body, "html_url": fmt.Sprintf("https://service.example/pull/%d#issuecomment-%d", c.PR, c.ID), "user": map[string]string{"login": c.Login}}
}

func (s *service) page(w http.ResponseWriter, r *http.Request, all []any) {
	page, _ := strconv.Atoi(r.URL.Query().Get("page"))
	page = max(page, 1)
	from, to := min((page-1)*s.perPage, len(all)), min(page*s.perPage, len(all))
	if to < len(all) {
		q := r.URL.Query()
		q.Set("page", strconv.Itoa(page+1))
		host := s.URL
		if s.evilLink != "" {
			host = s.evilLink
		}
		w.Header().Set("Link", fmt.Sprintf(`<%s%s?%s>; rel="next", <%s%s?page=9>; rel="last"`, host, r.URL.Path, q.Encode(), host, r.URL.Path))
	}
	list := all[from:to]
	if list == nil {
		list = []any{}
	}
	s.answer(w, http.StatusOK, list)
}

func (s *service) answer(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	if err := json.NewEncoder(w).Encode(v); err != nil {
		s.t.Error(err)
	}
}

func (s *service) pull(n int, full, ref, sha string) {
	s.pulls[n] = map[string]any{"number": n, "head": map[string]any{"sha": sha, "ref": ref, "repo": map[string]any{"full_name": full}}}
}

func (s *service) count(call string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for _, c := range s.calls {
		if strings.HasPrefix(c, call) {
			n++
		}
	}
	return n
}

// client talks to the service and does not wait.
func (s *service) client(waits *[]time.Duration) *Client {
	return &Client{
		API: s.URL + "/api/v3/", Token: token, Repository: repo, HTTP: s.Client(), Log: s.t.Logf,
		Wait: func(_ context.Context, d time.Duration) error {
			if waits != nil {
				*waits = append(*waits, d)
			}
			return nil
		},
		Now: func() time.Time { return time.Unix(1_000_000, 0) },
	}
}

func body(s string) string { return marker + "\n" + s + "\n" }

func TestCreatesOnceThenUpdates(t *testing.T) {
	s := newService(t)
	c := s.client(nil)
	for i, tc := range []struct {
		body string
		want Action
	}{{body("one"), Created}, {body("two"), Updated}, {body("two"), Unchanged}, {body("three"), Updated}} {
		out, err := c.Publish(t.Context(), 7, marker, tc.body)
		if err != nil {
			t.Fatal(err)
		}
		if out.Action != tc.want || out.PR != 7 || !strings.Contains(out.URL, "/pull/7#issuecomment-100") {
			t.Errorf("step %d: got %+v", i, out)
		}
		if len(s.comments) != 1 || s.comments[0].Body != tc.body {
			t.Errorf("step %d: there are %+v", i, s.comments)
		}
	}
	if n := s.count("PATCH"); n != 2 {
		t.Errorf("%d updates: a comment that would not change was touched", n)
	}
}

func TestFindsItsCommentOnALaterPage(t *testing.T) {
	s := newService(t)
	for i := range 10 {
		s.comments = append(s.comments, stored{int64(i), 7, "somebody", "hello"})
	}
	s.comments = append(s.comments, stored{50, 8, us, body("of another pull request")}, stored{51, 7, us, body("old")})
	out, err := s.client(nil).Publish(t.Context(), 7, marker, body("new"))
	if err != nil || out.Action != Updated || s.comments[11].Body != body("new") || len(s.comments) != 12 {
		t.Errorf("got %+v, %v, %+v", out, err, s.comments)
	}
	if n := s.count("GET /api/v3/repos/owner/name/issues/7/comments"); n != 4 {
		t.Errorf("%d pages were read, want 4", n)
	}
}

// A marker that somebody copied, quoted or put elsewhere is not ours.
func TestLeavesOthersAlone(t *testing.T) {
	s := newService(t)
	s.comments = []stored{
		{1, 7, "stranger", body("copied")},
		{2, 7, "other-app[bot]", body("copied by a bot")},
		{3, 7, us, "text before\n" + body("x")},
		{4, 7, us, "<!-- vtbench:compare.2 -->\nanother key"},
		{5, 7, us, marker + "suffix"},
	}
	before := slices.Clone(s.comments)
	out, err := s.client(nil).Publish(t.Context(), 7, marker, body("new"))
	if err != nil || out.Action != Created {
		t.Fatalf("got %+v, %v", out, err)
	}
	if !slices.Equal(s.comments[:5], before) || len(s.comments) != 6 {
		t.Errorf("there are %+v", s.comments)
	}
}

func TestKnowsItselfByItsToken(t *testing.T) {
	s := newService(t)
	s.login = "Maintainer"
	s.comments = []stored{{1, 7, us, body("by the workflow")}, {2, 7, "maintainer", body("by hand")}}
	out, err := s.client(nil).Publish(t.Context(), 7, marker, body("new"))
	if err != nil || out.Action != Updated || s.comments[0].Body != body("by the workflow") || s.comments[1].Body != body("new") {
		t.Errorf("got %+v, %v, %+v", out, err, s.comments)
	}
	c := s.client(nil)
	c.Author = us
	if out, err = c.Publish(t.Context(), 7, marker, body("newer")); err != nil || out.Action != Updated || s.comments[0].Body != body("newer") {
		t.Errorf("with an author: got %+v, %v, %+v", out, err, s.comments)
	}
}

func TestTriesAgain(t *testing.T) {
	reset := strconv.FormatInt(1_000_000+9, 10)
	for name, tc := range map[string]struct {
		status int
		header map[string]string
		want   time.Duration
	}{
		"server error":       {502, nil, time.Second},
		"retry after":        {429, map[string]string{"Retry-After": "7"}, 7 * time.Second},
		"retry after a date": {503, map[string]string{"Retry-After": time.Unix(1_000_000+5, 0).UTC().Format(http.TimeFormat)}, 5 * time.Second},
		"secondary limit":    {403, map[string]string{"Retry-After": "3"}, 3 * time.Second},
		"rate limit":         {403, map[string]string{"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": reset}, 9 * time.Second},
	} {
		for _, method := range []string{http.MethodGet, http.MethodPost, http.MethodPatch} {
			t.Run(name+" "+method, func(t *testing.T) {
				s := newService(t)
				s.login = us
				if method == http.MethodPatch {
					s.comments = []stored{{1, 7, us, body("old")}}
				}
				failures := 2
				s.before = func(r *http.Request) (int, map[string]string, string) {
					if r.Method != method || failures == 0 {
						return 0, nil, ""
					}
					failures--
					return tc.status, tc.header, "try later"
				}
				var waits []time.Duration
				out, err := s.client(&waits).Publish(t.Context(), 7, marker, body("new"))
				if err != nil || len(s.comments) != 1 || s.comments[0].Body != body("new") {
					t.Fatalf("got %+v, %v, %+v", out, err, s.comments)
				}
				if len(waits) != 2 || waits[0] != tc.want {
					t.Errorf("waited %v, first want %v", waits, tc.want)
				}
			})
		}
	}
}

// A post whose answer was lost must not be made twice.
func TestLostAnswerMakesNoDuplicate(t *testing.T) {
	s := newService(t)
	s.carryOut = true
	s.before = func(r *http.Request) (int, map[string]string, string) {
		if r.Method == http.MethodPost {
			return http.StatusBadGateway, nil, ""
		}
		return 0, nil, ""
	}
	out, err := s.client(nil).Publish(t.Context(), 7, marker, body("new"))
	if err != nil || out.Action != Unchanged || len(s.comments) != 1 || s.count("POST") != 1 {
		t.Errorf("got %+v, %v, %+v, %d posts", out, err, s.comments, s.count("POST"))
	}
}

func TestDeletedMeanwhile(t *testing.T) {
	s := newService(t)
	s.comments = []stored{{1, 7, us, body("old")}}
	s.before = func(r *http.Request) (int, map[string]string, string) {
		if r.Method == http.MethodPatch {
			s.comments = nil
		}
		return 0, nil, ""
	}
	out, err := s.client(nil).Publish(t.Context(), 7, marker, body("new"))
	if err != nil || out.Action != Created || len(s.comments) != 1 {
		t.Errorf("got %+v, %v, %+v", out, err, s.comments)
	}
}

func TestGivesUpWithAReason(t *testing.T) {
	for name, tc := range map[string]struct {
		status int
		header map[string]string
		body   string
		want   []string
		tries  int
	}{
		"forbidden":  {403, nil, `{"message":"Resource not accessible by integration"}`, []string{"403", "not accessible by integration", "pull-requests: write", "workflow_run"}, 1},
		"not found":  {404, nil, `{"message":"Not Found"}`, []string{"404", "owner/name or that pull request does not exist"}, 1},
		"refused":    {422, nil, `{"message":"Body is too long"}`, []string{"422", "Body is too long"}, 1},
		"moved":      {301, map[string]string{"Location": "/elsewhere"}, "", []string{"301", "moved", "GITHUB_REPOSITORY"}, 1},
		"down":       {500, nil, "<html>oops</html>", []string{"500", "fault of the service"}, attempts},
		"limit":      {429, map[string]string{"Retry-After": "3600"}, "", []string{"429"}, 1},
		"no JSON":    {200, nil, "<html>a login page</html>", []string{"not what the API documents", "is http"}, 1},
		"wrong JSON": {200, nil, `{"a":1}`, []string{"not what the API documents"}, 1},
		"escapes":    {422, nil, `{"message":"\u001b[31mred"}`, []string{`\x1b[31mred`}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			s := newService(t)
			tries := 0
			s.before = func(r *http.Request) (int, map[string]string, string) {
				if strings.HasSuffix(r.URL.Path, "/comments") {
					tries++
					return tc.status, tc.header, tc.body
				}
				return 0, nil, ""
			}
			_, err := s.client(nil).Publish(t.Context(), 7, marker, body("new"))
			if err == nil {
				t.Fatal("no error")
			}
			for _, want := range tc.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%q is missing in: %v", want, err)
				}
			}
			if strings.Contains(err.Error(), token) {
				t.Error("the token is in the message")
			}
			if tries != tc.tries {
				t.Errorf("%d tries, want %d", tries, tc.tries)
			}
		})
	}
}

func TestBadToken(t *testing.T) {
	s := newService(t)
	c := s.client(nil)
	c.Token = "wrong"
	if _, err := c.Publish(t.Context(), 7, marker, body("x")); err == nil || !strings.Contains(err.Error(), "GITHUB_TOKEN is not valid") {
		t.Errorf("got %v", err)
	}
}

// The token goes to the API and nowhere else.
func TestTokenStaysHome(t *testing.T) {
	other := newService(t)
	s := newService(t)
	for i := range 5 {
		s.comments = append(s.comments, stored{int64(i), 7, "somebody", "hello"})
	}
	s.evilLink = other.URL
	if _, err := s.client(nil).Publish(t.Context(), 7, marker, body("x")); err == nil || !strings.Contains(err.Error(), "not the API") {
		t.Errorf("got %v", err)
	}
	s.evilLink = ""
	s.before = func(*http.Request) (int, map[string]string, string) {
		return http.StatusTemporaryRedirect, map[string]string{"Location": other.URL + "/user"}, ""
	}
	if _, err := s.client(nil).Publish(t.Context(), 7, marker, body("x")); err == nil {
		t.Error("no error")
	}
	if len(other.calls) != 0 {
		t.Errorf("another host was asked: %v", other.calls)
	}
}

func TestCancelled(t *testing.T) {
	s := newService(t)
	ctx, cancel := context.WithCancel(t.Context())
	s.before = func(*http.Request) (int, map[string]string, string) {
		cancel()
		return http.StatusBadGateway, nil, ""
	}
	c := s.client(nil)
	c.Wait = nil
	if _, err := c.Publish(ctx, 7, marker, body("x")); err == nil {
		t.Error("no error")
	}
	if n := s.count("GET"); n > 1 {
		t.Errorf("%d requests after it was cancelled", n)
	}
}

func TestRefusesWhatItCannotKeep(t *testing.T) {
	s := newService(t)
	for name, tc := range map[string]struct {
		change func(*Client)
		pr     int
		body   string
		want   string
	}{
		"no marker":       {nil, 7, "hello", "marker"},
		"too long":        {nil, 7, body(strings.Repeat("ü", MaxBody)), "65,536"},
		"no number":       {nil, 0, body("x"), "no pull request"},
		"no API":          {func(c *Client) { c.API = "" }, 7, body("x"), "GITHUB_API_URL"},
		"API by http":     {func(c *Client) { c.API = "http://service.example" }, 7, body("x"), "https only"},
		"API is no URL":   {func(c *Client) { c.API = "service.example" }, 7, body("x"), "want https"},
		"no token":        {func(c *Client) { c.Token = "" }, 7, body("x"), "GITHUB_TOKEN"},
		"token of lines":  {func(c *Client) { c.Token = "a\nb" }, 7, body("x"), "white space"},
		"repository":      {func(c *Client) { c.Repository = "owner" }, 7, body("x"), "OWNER/NAME"},
		"repository path": {func(c *Client) { c.Repository = "owner/.." }, 7, body("x"), "OWNER/NAME"},
		"repository tail": {func(c *Client) { c.Repository = "owner/name/x?y" }, 7, body("x"), "OWNER/NAME"},
	} {
		c := s.client(nil)
		if tc.change != nil {
			tc.change(c)
		}
		if _, err := c.Publish(t.Context(), tc.pr, marker, tc.body); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: got %v, want …%s…", name, err, tc.want)
		}
	}
	if len(s.calls) != 0 {
		t.Errorf("the service was asked: %v", s.calls)
	}
}

func event(kind, full, branch, sha string) *Event {
	e := &Event{WorkflowRun: &WorkflowRun{Event: kind, HeadSHA: sha, HeadBranch: branch}}
	e.Repository.FullName = repo
	e.WorkflowRun.HeadRepository.FullName = full
	return e
}

func TestPullRequestOfEvent(t *testing.T) {
	const sha = "0123456789abcdef0123456789abcdef01234567"
	s := newService(t)
	s.perPage = 1
	s.pull(3, "fork/name", "work", sha)
	s.pull(4, "victim/name", "fix", "9999")
	s.pull(5, "fork/other", "work", sha) // another repository of the same owner
	s.pull(6, "fork/name", "moved", "aaaa")
	s.pull(8, "fork/name", "twice", sha)
	s.pull(9, "fork/name", "twice", sha)
	s.pulls[10] = map[string]any{"number": 10, "head": map[string]any{"sha": sha, "ref": "gone", "repo": nil}}
	for name, tc := range map[string]struct {
		e       *Event
		claimed int
		want    int
		why     string
		err     string
	}{
		"found by its head":               {e: event("pull_request", "fork/name", "work", sha), want: 3},
		"claimed rightly":                 {e: event("pull_request", "fork/name", "work", sha), claimed: 3, want: 3},
		"claims another":                  {e: event("pull_request", "fork/name", "work", sha), claimed: 4, err: "not its head"},
		"claims one of equal commit":      {e: event("pull_request", "fork/name", "work", sha), claimed: 5, err: "not its head"},
		"claims another branch's":         {e: event("pull_request", "fork/name", "work", sha), claimed: 8, err: "not its head"},
		"claims one that does not exist":  {e: event("pull_request", "fork/name", "work", sha), claimed: 77, err: "404"},
		"claims one whose fork is gone":   {e: event("pull_request", "fork/name", "gone", sha), claimed: 10, err: "not its head"},
		"newer head":                      {e: event("pull_request", "fork/name", "moved", sha), why: "newer head"},
		"newer head, claimed":             {e: event("pull_request", "fork/name", "moved", sha), claimed: 6, why: "newer head"},
		"two of one head":                 {e: event("pull_request", "fork/name", "twice", sha), err: "--pr-file"},
		"two of one head, claimed":        {e: event("pull_request", "fork/name", "twice", sha), claimed: 9, want: 9},
		"none":                            {e: event("pull_request", "fork/name", "absent", sha), why: "no open pull request"},
		"a push":                          {e: event("push", "owner/name", "main", sha), why: "started by push"},
		"an event without a commit":       {e: event("pull_request", "fork/name", "work", ""), err: "does not say"},
		"an event of another repository":  {e: func() *Event { e := event("pull_request", "a/b", "c", sha); e.Repository.FullName = "x/y"; return e }(), err: "the repository is"},
		"a pull request's own":            {e: &Event{PullRequest: &Pull{Number: 12}}, want: 12},
		"a pull request's own, claimed":   {e: &Event{PullRequest: &Pull{Number: 12}}, claimed: 12, want: 12},
		"a pull request's own, other one": {e: &Event{PullRequest: &Pull{Number: 12}}, claimed: 4, err: "not of 4"},
	} {
		n, why, err := s.client(nil).PullRequest(t.Context(), tc.e, tc.claimed)
		switch {
		case tc.err != "":
			if err == nil || !strings.Contains(err.Error(), tc.err) || n != 0 {
				t.Errorf("%s: got %d, %v, want an error about %q", name, n, err, tc.err)
			}
		case err != nil || n != tc.want || !strings.Contains(why, tc.why):
			t.Errorf("%s: got %d, %q, %v; want %d, %q", name, n, why, err, tc.want, tc.why)
		}
	}
}

// fixtures writes a comparison and an event, as a workflow finds them.
func fixtures(t *testing.T) (report, eventPath string) {
	t.Helper()
	dir := t.TempDir()
	r := &compare.Report{
		Schema: compare.ReportVersion, Pairs: []compare.Pair{}, Rows: []compare.Row{}, Tallies: []compare.Tally{},
		Sides: []compare.SideInfo{{Role: "baseline", Name: "main"}, {Role: "candidate", Name: "@everyone</details>[x](https://x.example)"}},
	}
	var b bytes.Buffer
	if err := reports.JSON(&b, r); err != nil {
		t.Fatal(err)
	}
	report, eventPath = filepath.Join(dir, "compare.json"), filepath.Join(dir, "event.json")
	write(t, report, b.String())
	write(t, eventPath, `{"action":"completed","repository":{"full_name":"owner/name"},"workflow_run":{"event":"pull_request","conclusion":"failure","html_url":"https://service.example/runs/9","head_sha":"0123456789abcdef","head_branch":"work","head_repository":{"full_name":"fork/name","owner":{"login":"fork"}}}}`)
	return report, eventPath
}

func write(t *testing.T, name, s string) {
	t.Helper()
	if err := os.WriteFile(name, []byte(s), 0o644); err != nil {
		t.Fatal(err)
	}
}

func (s *service) options() Options {
	return Options{API: s.URL + "/api/v3", Token: token, Repository: repo, HTTP: s.Client()}
}

func TestRunPublishesAReport(t *testing.T) {
	s := newService(t)
	s.pull(3, "fork/name", "work", "0123456789abcdef")
	o := s.options()
	o.Report, o.Event = fixtures(t)
	var out bytes.Buffer
	if err := Run(t.Context(), o, &out); err != nil {
		t.Fatal(err)
	}
	if got := out.String(); !strings.HasPrefix(got, "created https://service.example/pull/3#") {
		t.Errorf("got %q", got)
	}
	posted := s.comments[0].Body
	if !strings.HasPrefix(posted, marker+"\n### ") || !strings.Contains(posted, "0123456789abcdef") {
		t.Errorf("posted:\n%s", posted)
	}
	if strings.Contains(posted, "@everyone") || strings.Contains(posted, "](https") || strings.Contains(posted, "everyone</details>") {
		t.Errorf("a stranger's names are markup:\n%s", posted)
	}
	out.Reset()
	o.Key, o.DryRun = "second", true
	calls := len(s.calls)
	if err := Run(t.Context(), o, &out); err != nil || !strings.HasPrefix(out.String(), "<!-- vtbench:second -->\n") || len(s.calls) != calls {
		t.Errorf("dry run: %v\n%s", err, out.String())
	}
}

// A run that failed before it compared must not leave old numbers standing.
func TestRunThatLeftNothing(t *testing.T) {
	s := newService(t)
	s.pull(3, "fork/name", "work", "0123456789abcdef")
	s.comments = []stored{{1, 3, us, body("numbers of an older commit")}}
	o := s.options()
	_, o.Event = fixtures(t)
	o.Report, o.PRFile = filepath.Join(t.TempDir(), "compare.json"), filepath.Join(t.TempDir(), "pr")
	var out bytes.Buffer
	if err := Run(t.Context(), o, &out); err != nil || !strings.HasPrefix(out.String(), "updated ") {
		t.Fatalf("%v, %q", err, out.String())
	}
	for _, want := range []string{"no comparison", "(failure)", "0123456789abcdef", `href="https://service.example/runs/9"`} {
		if !strings.Contains(s.comments[0].Body, want) {
			t.Errorf("%q is missing:\n%s", want, s.comments[0].Body)
		}
	}
}

func TestRunPublishesMarkdown(t *testing.T) {
	s := newService(t)
	dir := t.TempDir()
	for i, in := range []string{"hello\r\nthere", marker + "\nhello", body("hello again\n\n")} {
		o := s.options()
		o.File, o.PR = filepath.Join(dir, "comment.md"), 7
		write(t, o.File, in)
		if err := Run(t.Context(), o, &bytes.Buffer{}); err != nil {
			t.Fatal(err)
		}
		if len(s.comments) != 1 || !strings.HasPrefix(s.comments[0].Body, body("hello")[:len(marker)+6]) || strings.Count(s.comments[0].Body, marker) != 1 {
			t.Errorf("%d: %+v", i, s.comments)
		}
	}
}

func TestRunSkips(t *testing.T) {
	s := newService(t)
	o := s.options()
	o.Report, o.Event = fixtures(t)
	var out bytes.Buffer
	if err := Run(t.Context(), o, &out); err != nil || !strings.HasPrefix(out.String(), "skipped: no open pull request has the head 0123456789ab of fork/name:work") {
		t.Errorf("%v, %q", err, out.String())
	}
	if s.count("POST")+s.count("PATCH") != 0 {
		t.Error("something was posted")
	}
}

func TestRunUsage(t *testing.T) {
	s := newService(t)
	report, ev := fixtures(t)
	dir := t.TempDir()
	for name, text := range map[string]string{
		"bad.json": "{", "empty.md": " \n", "other.md": "<!-- vtbench:other -->\nx", "pr": "12; rm -rf /", "big": strings.Repeat("1", 100), "schedule.json": `{"schedule":"0 0 * * *"}`, "x.md": "x",
	} {
		write(t, filepath.Join(dir, name), text)
	}
	at := func(name string) string { return filepath.Join(dir, name) }
	for name, tc := range map[string]struct {
		change func(*Options)
		want   string
	}{
		"nothing":           {func(o *Options) { o.Report = "" }, "either"},
		"both":              {func(o *Options) { o.File = "x" }, "either"},
		"no number":         {func(o *Options) {}, "which pull request"},
		"negative":          {func(o *Options) { o.PR = -1 }, "--pr -1"},
		"file, no event":    {func(o *Options) { o.PRFile = at("pr") }, "--event"},
		"both numbers":      {func(o *Options) { o.PR, o.PRFile, o.Event = 1, at("pr"), ev }, "give one"},
		"no number in it":   {func(o *Options) { o.PRFile, o.Event = at("pr"), ev }, "does not hold a number"},
		"too much in it":    {func(o *Options) { o.PRFile, o.Event = at("big"), ev }, "more than"},
		"a folder":          {func(o *Options) { o.PRFile, o.Event = dir, ev }, "a file is wanted"},
		"other event":       {func(o *Options) { o.Event = at("schedule.json") }, "neither"},
		"broken event":      {func(o *Options) { o.Event = at("bad.json") }, "event"},
		"absent event":      {func(o *Options) { o.Event = at("absent") }, "event"},
		"broken comparison": {func(o *Options) { o.Report, o.PR = at("bad.json"), 1 }, "vtbench compare --format json"},
		"absent comparison": {func(o *Options) { o.Report, o.PR = at("absent"), 1 }, "absent"},
		"empty Markdown":    {func(o *Options) { o.Report, o.File, o.PR = "", at("empty.md"), 1 }, "empty"},
		"another key":       {func(o *Options) { o.Report, o.File, o.PR = "", at("other.md"), 1 }, "same --key"},
		"bad key":           {func(o *Options) { o.Key, o.PR = "a b", 1 }, "key"},
		"bad address":       {func(o *Options) { o.FullURL, o.PR = "javascript:alert(1)", 1 }, "address"},
		"no repository":     {func(o *Options) { o.Repository, o.PR = "", 1 }, "OWNER/NAME"},
	} {
		o := s.options()
		o.Report = report
		tc.change(&o)
		err := Run(t.Context(), o, &bytes.Buffer{})
		if err == nil || !strings.Contains(err.Error(), tc.want) || !IsUsage(err) {
			t.Errorf("%s: got %v, want a usage error about %q", name, err, tc.want)
		}
	}
	if len(s.calls) != 0 {
		t.Errorf("the service was asked: %v", s.calls)
	}
}

func TestFlagsAndEnvironment(t *testing.T) {
	var o Options
	fs := flag.NewFlagSet("comment", flag.ContinueOnError)
	env := map[string]string{"GITHUB_TOKEN": "t", "GITHUB_API_URL": "https://service.example", "GITHUB_REPOSITORY": "a/b"}
	o.Register(fs, func(k string) string { return env[k] })
	if err := fs.Parse([]string{"--report", "r.json", "--pr", "3", "--key", "k", "--repository", "c/d"}); err != nil {
		t.Fatal(err)
	}
	if o.Report != "r.json" || o.PR != 3 || o.Key != "k" || o.Repository != "c/d" || o.API != "https://service.example" || o.Token != "t" {
		t.Errorf("got %+v", o)
	}
}

func TestStatusErrorIsFound(t *testing.T) {
	s := newService(t)
	s.before = func(*http.Request) (int, map[string]string, string) { return 418, nil, "" }
	_, err := s.client(nil).Publish(t.Context(), 7, marker, body("x"))
	var e *StatusError
	if !errors.As(err, &e) || e.Status != 418 {
		t.Errorf("got %v", err)
	}
}

func ExampleOutcome() {
	fmt.Println(Outcome{Action: Updated, PR: 12, URL: "https://service.example/pull/12#issuecomment-1"})
	fmt.Println(Outcome{Action: Skipped, Why: "no open pull request has the head 0123456789ab"})
	// Output:
	// updated https://service.example/pull/12#issuecomment-1
	// skipped: no open pull request has the head 0123456789ab
}
