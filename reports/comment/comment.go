// Package comment keeps one comment of a comparison under a pull request up to
// date.
//
// Its opinion: whoever runs a benchmark of somebody else's code must not also hold
// a token that can write. So the run uploads a comparison as JSON, without any
// rights; this package, in a job that never sees the pull request's code, reads
// that file, writes the comment from it (names are escaped, the layout is ours) and
// posts it. A stranger's file decides neither which pull request is commented (the
// event says whose head was measured) nor what markup stands there.
//
// There is one comment for each key, found again by a hidden marker on its first
// line, and only among comments of the account that posts: a marker copied into
// somebody else's comment is left alone. A comment that would not change is not
// touched.
//
//	c := comment.Client{API: os.Getenv("GITHUB_API_URL"), Token: token, Repository: "owner/name"}
//	out, err := c.Publish(ctx, 12, marker, body)
//	fmt.Println(out) // updated https://…
package comment

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/vtbench/vtbench/internal/boundedjson"
	"github.com/vtbench/vtbench/reports/format"
)

const (
	// MaxBody is what GitHub takes as a comment, in characters.
	MaxBody = 65_536
	// DefaultAuthor is who posts with the token of a workflow. Such a token may not
	// ask who it is.
	DefaultAuthor = "github-actions[bot]"

	attempts  = 5
	maxWait   = 2 * time.Minute // longer is for a later run, not for a waiting job
	firstWait = time.Second
	timeout   = 30 * time.Second
	maxAnswer = 32 << 20
	perPage   = 100
	maxPages  = 200
)

// A Client posts to one repository.
type Client struct {
	API        string // base of the REST API, $GITHUB_API_URL in a workflow
	Token      string
	Repository string // OWNER/NAME
	// Author is the login that posts; "" asks the API, and where the token may not
	// ask means [DefaultAuthor].
	Author string

	// HTTP is used where it is not nil; redirects are never followed.
	HTTP *http.Client
	// Wait sleeps between attempts; nil means a timer.
	Wait func(context.Context, time.Duration) error
	// Log is told why something is tried again; nil is silent.
	Log func(format string, args ...any)
	// Now is the clock for Retry-After dates; nil means time.Now.
	Now func() time.Time
}

// Action is what became of a comment.
type Action string

// What can become of one.
const (
	Created   Action = "created"
	Updated   Action = "updated"
	Unchanged Action = "unchanged"
	Skipped   Action = "skipped"
)

// Outcome says what was done.
type Outcome struct {
	Action Action `json:"action"`
	PR     int    `json:"pr,omitempty"`
	URL    string `json:"url,omitempty"`
	Why    string `json:"why,omitempty"` // of Skipped
}

// String is the outcome in one line.
func (o Outcome) String() string {
	switch {
	case o.Action == Skipped:
		return "skipped: " + o.Why
	case o.URL != "":
		return string(o.Action) + " " + format.Line(o.URL)
	}
	return fmt.Sprintf("%s under pull request %d", o.Action, o.PR)
}

// StatusError is an answer that is no success.
type StatusError struct {
	Doing   string
	Status  int
	Message string // of the service
	Hint    string
	retry   time.Duration // what the service asks for; negative where it does not
}

// Error says what was refused and what to do.
func (e *StatusError) Error() string {
	s := fmt.Sprintf("%s: the service answers %d", e.Doing, e.Status)
	if e.Message != "" {
		s += " (" + format.Line(e.Message) + ")"
	}
	if e.Hint != "" {
		s += "; " + e.Hint
	}
	return s
}

// again reports whether the same request may succeed later.
func (e *StatusError) again() bool {
	return e.Status >= 500 || e.Status == http.StatusTooManyRequests || e.Status == http.StatusForbidden && e.retry >= 0
}

type remark struct {
	ID   int64  `json:"id"`
	Body string `json:"body"`
	URL  string `json:"html_url"`
	User *struct {
		Login string `json:"login"`
	} `json:"user"`
}

// Publish posts body under a pull request, or updates the comment that begins with
// the same marker. The first line of body must be the marker.
func (c *Client) Publish(ctx context.Context, pr int, marker, body string) (Outcome, error) {
	if err := c.check(); err != nil {
		return Outcome{}, err
	}
	if pr <= 0 {
		return Outcome{}, fmt.Errorf("publishing a comment: %d is no pull request", pr)
	}
	if !marked(body, marker) || !strings.HasPrefix(marker, "<!--") {
		return Outcome{}, fmt.Errorf("publishing a comment: its first line is not the marker %s, so it would never be found again", format.Line(marker))
	}
	if n := utf8.RuneCountInString(body); n > MaxBody {
		return Outcome{}, fmt.Errorf("publishing a comment: it has %s characters, at most %s are taken", format.Count(n), format.Count(MaxBody))
	}
	author, err := c.author(ctx)
	if err != nil {
		return Outcome{}, err
	}
	// A request to create that was answered by an error may have been carried out
	// all the same, so each attempt looks first.
	for try := 1; ; try++ {
		old, err := c.find(ctx, pr, marker, author)
		if err != nil {
			return Outcome{}, err
		}
		var out Outcome
		if old != nil {
			out, err = c.update(ctx, pr, old, body)
		} else {
			out, err = c.create(ctx, pr, body)
		}
		if err == nil {
			return out, nil
		}
		if !c.later(ctx, err, try, old != nil) {
			return Outcome{}, err
		}
	}
}

// later waits where another attempt makes sense.
func (c *Client) later(ctx context.Context, err error, try int, updating bool) bool {
	if try >= attempts || ctx.Err() != nil {
		return false
	}
	var s *StatusError
	if errors.As(err, &s) {
		if updating && s.Status == http.StatusNotFound {
			return true // deleted in the meantime: post it anew
		}
		if updating || !s.again() {
			return false // updates were repeated already
		}
	} else if updating {
		return false
	}
	return c.pause(ctx, err, try) == nil
}

func (c *Client) create(ctx context.Context, pr int, body string) (Outcome, error) {
	var got remark
	_, err := c.once(ctx, "posting the comment", http.MethodPost, c.issue(pr)+"/comments", map[string]string{"body": body}, &got)
	return Outcome{Action: Created, PR: pr, URL: got.URL}, err
}

func (c *Client) update(ctx context.Context, pr int, old *remark, body string) (Outcome, error) {
	out := Outcome{Action: Unchanged, PR: pr, URL: old.URL}
	if strings.ReplaceAll(old.Body, "\r\n", "\n") == body || strings.TrimRight(old.Body, "\n") == strings.TrimRight(body, "\n") {
		return out, nil
	}
	out.Action = Updated
	_, err := c.do(ctx, "updating the comment", http.MethodPatch, c.repo()+"/issues/comments/"+strconv.FormatInt(old.ID, 10), map[string]string{"body": body}, nil)
	return out, err
}

// find pages through the comments of a pull request to the first of ours.
func (c *Client) find(ctx context.Context, pr int, marker, author string) (*remark, error) {
	next := c.issue(pr) + "/comments?per_page=" + strconv.Itoa(perPage)
	for page := 0; next != ""; page++ {
		if page == maxPages {
			return nil, fmt.Errorf("looking for the comment: pull request %d has more than %s comments", pr, format.Count(maxPages*perPage))
		}
		var list []remark
		h, err := c.do(ctx, "looking for the comment", http.MethodGet, next, nil, &list)
		if err != nil {
			return nil, err
		}
		for i, x := range list {
			if !marked(x.Body, marker) {
				continue
			}
			if x.User != nil && strings.EqualFold(x.User.Login, author) {
				return &list[i], nil
			}
			c.logf("%s has our marker but is not by %s: left alone", format.Line(x.URL), format.Line(author))
		}
		if next, err = c.nextPage(h); err != nil {
			return nil, err
		}
	}
	return nil, nil
}

// marked reports whether the first line of a comment is the marker.
func marked(body, marker string) bool {
	rest, ok := strings.CutPrefix(body, marker)
	return ok && marker != "" && (rest == "" || rest[0] == '\n' || rest[0] == '\r')
}

// author is who posts with this token.
func (c *Client) author(ctx context.Context) (string, error) {
	if c.Author != "" {
		return c.Author, nil
	}
	var me struct {
		Login string `json:"login"`
	}
	_, err := c.do(ctx, "asking who posts", http.MethodGet, c.base()+"/user", nil, &me)
	var s *StatusError
	switch {
	case errors.As(err, &s) && (s.Status == http.StatusForbidden || s.Status == http.StatusNotFound):
		return DefaultAuthor, nil // the token of a workflow has no user
	case err != nil:
		return "", err
	case me.Login == "":
		return "", errors.New("asking who posts: the service does not say; name the login with --author")
	}
	return me.Login, nil
}

var repository = regexp.MustCompile(`^[A-Za-z0-9_-][A-Za-z0-9_.-]*/[A-Za-z0-9_.-]+$`)

func (c *Client) check() error {
	if c.API == "" {
		return usagef("the address of the API is missing: set GITHUB_API_URL (GitHub sets it in every workflow) or pass --api")
	}
	u, err := url.Parse(c.API)
	if err != nil || u.Host == "" || u.RawQuery != "" || u.Fragment != "" || u.User != nil {
		return usagef("the address of the API is %q: want https://HOST or https://HOST/PATH", format.Line(c.API))
	}
	if u.Scheme != "https" && (u.Scheme != "http" || !loopback(u.Hostname())) {
		return usagef("the address of the API is %q: a token is sent by https only", format.Line(c.API))
	}
	if c.Token == "" {
		return usagef("the token is missing: set GITHUB_TOKEN; in a workflow, env: GITHUB_TOKEN: ${{ github.token }}")
	}
	if strings.ContainsAny(c.Token, "\r\n \t") {
		return usagef("the token holds white space: it was cut or joined by mistake")
	}
	if _, name, _ := strings.Cut(c.Repository, "/"); !repository.MatchString(c.Repository) || name == "." || name == ".." {
		return usagef("the repository is %q: want OWNER/NAME, by --repository or GITHUB_REPOSITORY", format.Line(c.Repository))
	}
	return nil
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

func (c *Client) base() string        { return strings.TrimRight(c.API, "/") }
func (c *Client) repo() string        { return c.base() + "/repos/" + c.Repository }
func (c *Client) issue(pr int) string { return c.repo() + "/issues/" + strconv.Itoa(pr) }

func (c *Client) logf(layout string, args ...any) {
	if c.Log != nil {
		c.Log(layout, args...)
	}
}

// do repeats a request that may be repeated.
func (c *Client) do(ctx context.Context, doing, method, address string, in, out any) (http.Header, error) {
	for try := 1; ; try++ {
		h, err := c.once(ctx, doing, method, address, in, out)
		if err == nil || try >= attempts || ctx.Err() != nil {
			return h, err
		}
		var s *StatusError
		var bad *answerError
		if errors.As(err, &s) && !s.again() || errors.As(err, &bad) {
			return h, err
		}
		if c.pause(ctx, err, try) != nil {
			return h, err
		}
	}
}

// pause waits as long as the service asks for, or twice as long as before.
func (c *Client) pause(ctx context.Context, err error, try int) error {
	d := firstWait << (try - 1)
	var s *StatusError
	if errors.As(err, &s) && s.retry >= 0 {
		d = s.retry
	}
	if d > maxWait {
		c.logf("the service asks to wait %s: run this again then", d.Round(time.Second))
		return err
	}
	c.logf("%v; trying again in %s", err, d.Round(time.Millisecond))
	if c.Wait != nil {
		return c.Wait(ctx, d)
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// answerError is an answer that cannot be read; asking again would not help.
type answerError struct{ err error }

func (e *answerError) Error() string { return e.err.Error() }
func (e *answerError) Unwrap() error { return e.err }

// once makes one request. Redirects are not followed: they would turn a change into
// a question, and take the token elsewhere.
func (c *Client) once(ctx context.Context, doing, method, address string, in, out any) (http.Header, error) {
	var body io.Reader
	if in != nil {
		b, err := json.Marshal(in)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", doing, err)
		}
		body = bytes.NewReader(b)
	}
	req, err := http.NewRequestWithContext(ctx, method, address, body)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", doing, err)
	}
	req.Header.Set("Accept", "application/vnd.github+json")
	req.Header.Set("X-GitHub-Api-Version", "2022-11-28")
	req.Header.Set("User-Agent", "vtbench")
	req.Header.Set("Authorization", "Bearer "+c.Token)
	if in != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	client := http.Client{Timeout: timeout}
	if c.HTTP != nil {
		client = *c.HTTP
	}
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	resp, err := client.Do(req)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", doing, err)
	}
	defer func() { _ = resp.Body.Close() }() // it was read, or is thrown away
	b, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	if err != nil {
		return nil, fmt.Errorf("%s: reading the answer: %w", doing, err)
	}
	if len(b) > maxAnswer {
		return nil, &answerError{fmt.Errorf("%s: the answer is larger than %s", doing, format.Bytes(maxAnswer))}
	}
	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		return resp.Header, c.refused(doing, resp, b)
	}
	if out != nil {
		if err := boundedjson.Unmarshal(b, out, 4*maxAnswer); err != nil {
			return nil, &answerError{fmt.Errorf("%s: the answer is not what the API documents: %w; is %s the address of the REST API?", doing, err, format.Line(c.API))}
		}
	}
	return resp.Header, nil
}

func (c *Client) refused(doing string, resp *http.Response, body []byte) *StatusError {
	e := &StatusError{Doing: doing, Status: resp.StatusCode, retry: c.retryAfter(resp.Header)}
	var said struct {
		Message string `json:"message"`
	}
	if json.Unmarshal(body, &said) == nil {
		e.Message = said.Message
		if r := []rune(e.Message); len(r) > 300 {
			e.Message = string(r[:300]) + "…"
		}
	}
	switch s := resp.StatusCode; {
	case s >= 300 && s < 400:
		e.Hint = "the repository has moved: name it as it is called now (GITHUB_REPOSITORY or --repository)"
	case s == http.StatusUnauthorized:
		e.Hint = "GITHUB_TOKEN is not valid, or has expired"
	case s == http.StatusForbidden && e.retry >= 0:
		e.Hint = "that is a limit of the service; run this again later"
	case s == http.StatusForbidden:
		e.Hint = "the token may not do that: the job needs `permissions: pull-requests: write`, and runs for pull requests from forks never get it; publish from a workflow_run (docs/pull-requests.md)"
	case s == http.StatusNotFound:
		e.Hint = fmt.Sprintf("%s or that pull request does not exist, or the token cannot see it", c.Repository)
	case s == http.StatusUnprocessableEntity:
		e.Hint = "the comment was refused as it is"
	case s >= 500:
		e.Hint = "that is a fault of the service; run this again later"
	}
	return e
}

// retryAfter is how long the service asks to wait; negative where it does not.
func (c *Client) retryAfter(h http.Header) time.Duration {
	now := time.Now
	if c.Now != nil {
		now = c.Now
	}
	if v := strings.TrimSpace(h.Get("Retry-After")); v != "" {
		if n, err := strconv.Atoi(v); err == nil && n >= 0 {
			return time.Duration(min(n, 1<<30)) * time.Second
		}
		if t, err := http.ParseTime(v); err == nil {
			return max(0, t.Sub(now()))
		}
	}
	if h.Get("X-RateLimit-Remaining") == "0" {
		if n, err := strconv.ParseInt(h.Get("X-RateLimit-Reset"), 10, 64); err == nil {
			return max(0, time.Unix(n, 0).Sub(now()))
		}
		return firstWait
	}
	return -1
}

var nextLink = regexp.MustCompile(`<([^<>]+)>\s*;[^,<]*\brel="?next"?`)

// nextPage is the address of the next page, "" after the last. The token goes
// nowhere but to the API.
func (c *Client) nextPage(h http.Header) (string, error) {
	m := nextLink.FindStringSubmatch(strings.Join(h.Values("Link"), ","))
	if m == nil {
		return "", nil
	}
	u, err := url.Parse(m[1])
	own, ownErr := url.Parse(c.base())
	if err != nil || ownErr != nil || u.Scheme != own.Scheme || u.Host != own.Host {
		return "", fmt.Errorf("looking for the comment: the next page is at %s, which is not the API", format.Line(m[1]))
	}
	return u.String(), nil
}
