package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"html"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/extension"
	gmhtml "github.com/yuin/goldmark/renderer/html"
	xhtml "golang.org/x/net/html"

	"github.com/vtbench/vtbench/internal/fixture"
	"github.com/vtbench/vtbench/reports/compare"
)

// strangers are authors of pull requests, who may give names, files and comparisons to a
// job that holds a token.
func strangers() []kind {
	return []kind{
		{
			name:    "comparisons full of markup, mentions and links, published",
			promise: "names never become markup, mentions, references or links; one comment, of at most 65,536 characters, under the pull request of the event",
			full:    400, short: 10, try: (*attempt).published,
		},
		{
			name:    "links to secrets, pipes and lies given to the publisher",
			promise: "the token and what a link points to are never shown, and nothing is posted",
			full:    200, short: 6, try: (*attempt).secrets,
		},
	}
}

// token is what must not be seen anywhere.
const token = "ghs_torture0secret"

// service plays the part of GitHub's REST API.
type service struct {
	*httptest.Server
	mu     sync.Mutex
	posted []string // bodies, with the number of their pull request
}

func newService() *service {
	s := &service{}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		defer s.mu.Unlock()
		pull := map[string]any{"number": 12, "head": map[string]any{"sha": "abc", "ref": "b", "repo": map[string]any{"full_name": "o/r"}}}
		var answer any = []any{}
		switch {
		case r.Method == http.MethodPost || r.Method == http.MethodPatch:
			var in struct{ Body string }
			if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
				w.WriteHeader(http.StatusBadRequest)
				return
			}
			s.posted = append(s.posted, r.URL.Path+"\n"+in.Body)
			answer = map[string]any{"id": 1, "body": in.Body, "html_url": "https://x"}
			w.WriteHeader(http.StatusCreated)
		case strings.HasSuffix(r.URL.Path, "/pulls/12"):
			answer = pull
		case strings.HasSuffix(r.URL.Path, "/pulls"):
			answer = []any{pull}
		case strings.HasSuffix(r.URL.Path, "/user"):
			w.WriteHeader(http.StatusForbidden)
			answer = map[string]string{"message": "not for this token"}
		}
		_ = json.NewEncoder(w).Encode(answer) // the program may have gone
	}))
	return s
}

func (s *service) bodies() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.posted)
}

// publish runs the publisher as a workflow does.
func (a *attempt) publish(s *service, args ...string) (outcome, error) {
	args = append([]string{"comment", "--api", s.URL, "--repository", "o/r", "--author", "github-actions[bot]", "--event", a.write("event.json", []byte(event))}, args...)
	o, err := a.start(limits{}, []string{"GITHUB_TOKEN=" + token}, args...).wait()
	if err != nil {
		return o, err
	}
	if strings.Contains(o.out+o.err+strings.Join(s.bodies(), ""), token) {
		return o, fmt.Errorf("the token is shown by %v", args)
	}
	return o, o.check([]int{0, 1, 2}, args)
}

// hostileName is a name that a stranger may give, made of several.
func (a *attempt) hostileName() string {
	pieces := slices.Concat(fixture.Attacks, []string{"\u2066", "\u200b", "\ufeff", "\x00", "\x9b31m", "\xff\xfe", "=1+1", "+1", "-1", "@x", "javascript:alert(1)", "<svg/onload=x>", "\t", "&#64;x", "[a]:", "|", "\u2028"})
	var b strings.Builder
	for range 1 + a.rng.IntN(4) {
		b.WriteString(one(a, pieces...))
	}
	return b.String()
}

func (a *attempt) published() error {
	name := a.hostileName()
	var b bytes.Buffer
	if err := compare.Write(&b, compare.FormatJSON, fixture.HostileComparison(name), compare.Options{}); err != nil {
		return fmt.Errorf("%q: %w", name, err)
	}
	s := newService()
	defer s.Close()
	o, err := a.publish(s, "--report", a.write("compare.json", b.Bytes()))
	if err != nil {
		return fmt.Errorf("%q: %w", name, err)
	}
	bodies := s.bodies()
	if o.status != 0 { // a name that no comparison can have
		if len(bodies) > 0 {
			return fmt.Errorf("%q: status %d, and it posted", name, o.status)
		}
		return nil
	}
	if len(bodies) != 1 {
		return fmt.Errorf("%q: %d comments were posted", name, len(bodies))
	}
	path, body, _ := strings.Cut(bodies[0], "\n")
	if !strings.HasSuffix(path, "/issues/12/comments") || len(body) > 65536 {
		return fmt.Errorf("%q: %d bytes were posted to %s", name, len(body), path)
	}
	if err := harmless(body); err != nil {
		return fmt.Errorf("%q: %w", name, err)
	}
	return nil
}

// github is CommonMark with GitHub's extensions, raw HTML included: the strictest
// reading of what a name could do.
var github = goldmark.New(goldmark.WithExtensions(extension.GFM), goldmark.WithRendererOptions(gmhtml.WithUnsafe()))

// elements that a comment may have.
var elements = []string{"p", "h1", "h2", "h3", "h4", "table", "thead", "tbody", "tr", "th", "td", "code", "strong", "em", "b", "br", "details", "summary", "ul", "ol", "li", "img", "sub", "sup", "hr", "blockquote", "del", "input"}

var references = regexp.MustCompile(`(?i)@[a-z0-9]|#[0-9]|\bgh-[0-9]`)

// harmless renders a comment and looks for what a name must not become.
func harmless(md string) error {
	var page bytes.Buffer
	if err := github.Convert([]byte(md), &page); err != nil {
		return err
	}
	z := xhtml.NewTokenizer(&page)
	code, comments := 0, 0
	for {
		switch z.Next() {
		case xhtml.ErrorToken:
			if comments != 1 {
				return fmt.Errorf("%d comments of HTML, want the marker alone:\n%s", comments, md)
			}
			return nil
		case xhtml.CommentToken:
			comments++
		case xhtml.StartTagToken, xhtml.SelfClosingTagToken:
			t := z.Token()
			if t.Data == "code" {
				code++
			}
			if !slices.Contains(elements, t.Data) {
				return fmt.Errorf("a name became <%s>:\n%s", t.Data, md)
			}
			for _, at := range t.Attr {
				if strings.HasPrefix(at.Key, "on") || at.Key == "href" || at.Key == "src" && strings.Contains(at.Val, "//") {
					return fmt.Errorf("a name became %s=%q:\n%s", at.Key, at.Val, md)
				}
			}
		case xhtml.EndTagToken:
			if z.Token().Data == "code" {
				code--
			}
		case xhtml.TextToken:
			if m := references.FindString(html.UnescapeString(string(z.Raw()))); m != "" && code == 0 {
				return fmt.Errorf("a name became the reference %q:\n%s", m, md)
			}
		}
	}
}

// secrets gives the publisher links to what only it may read, and numbers of other pull
// requests.
func (a *attempt) secrets() error {
	s := newService()
	defer s.Close()
	secret := a.write("secret", []byte("a secret "+token+"\n"))
	place := a.path("given")
	what := "a link to a file"
	var err error
	switch a.rng.IntN(6) {
	case 0:
		err = os.Symlink(secret, place)
	case 1:
		what, err = "a link to /proc/self/environ", os.Symlink("/proc/self/environ", place)
	case 2: // a folder on the way is a link: what is behind it is a plain file
		what, err = "a file with the secret in it", os.WriteFile(place, []byte("secret "+token), 0o644)
	case 3:
		what, err = "a list with the secret in it", os.WriteFile(place, []byte(`["`+token+`"]`), 0o644)
	default:
		what, err = a.obstacle(place)
	}
	if err != nil {
		return err
	}
	var args []string
	switch a.rng.IntN(3) {
	case 0:
		args = []string{"--report", place}
	case 1:
		args = []string{"--report", a.write("compare.json", nil), "--pr-file", place}
		var b bytes.Buffer
		if err := compare.Write(&b, compare.FormatJSON, fixture.HostileComparison("x"), compare.Options{}); err != nil {
			return err
		}
		a.write("compare.json", b.Bytes())
	case 2:
		other := a.write("number", []byte(one(a, "13", "-1", "12x", "99999999999", "0", token)))
		args = []string{"--file", a.write("x.md", []byte("x")), "--pr-file", other}
		what = "another number"
	}
	o, err := a.publish(s, args...)
	if err != nil {
		return fmt.Errorf("%s, %s: %w", args[len(args)-2], what, err)
	}
	if o.status == 0 || len(s.bodies()) > 0 {
		return fmt.Errorf("%s is %s: status %d, %d comments posted", args[len(args)-2], what, o.status, len(s.bodies()))
	}
	return nil
}
