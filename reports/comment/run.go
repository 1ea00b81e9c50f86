package comment

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"strings"

	"github.com/vtbench/vtbench/internal/files"
	compare "github.com/vtbench/vtbench/reports/compare"
)

// Options are what the command line says.
type Options struct {
	Report     string // comparison as JSON: the comment is written from it
	File       string // Markdown that is posted as it is
	PR         int
	PRFile     string // holds the number; comes from the measuring run
	Event      string // $GITHUB_EVENT_PATH
	Repository string
	API        string
	Author     string
	Key        string
	Commit     string
	Full       string
	FullURL    string
	DryRun     bool
	Format     string // of the outcome: text or json

	Token string
	// HTTP and Log are those of [Client].
	HTTP *http.Client
	Log  func(format string, args ...any)
}

// Register declares the flags; getenv gives their defaults and the token.
func (o *Options) Register(fs *flag.FlagSet, getenv func(string) string) {
	fs.StringVar(&o.Report, "report", "", "comparison made by vtbench compare --format json; the comment is written from it")
	fs.StringVar(&o.File, "file", "", "Markdown to post as it is, of which you know where it comes from; instead of --report")
	fs.IntVar(&o.PR, "pr", 0, "number of the pull request")
	fs.StringVar(&o.PRFile, "pr-file", "", "file that holds the number, written by the measuring run; needs --event, against which it is checked")
	fs.StringVar(&o.Event, "event", "", "event of the workflow ($GITHUB_EVENT_PATH); it finds the pull request whose head was measured")
	fs.StringVar(&o.Repository, "repository", getenv("GITHUB_REPOSITORY"), "OWNER/NAME; default $GITHUB_REPOSITORY")
	fs.StringVar(&o.API, "api", getenv("GITHUB_API_URL"), "address of the REST API; default $GITHUB_API_URL")
	fs.StringVar(&o.Author, "author", "", "login that posts, for the token of an app of your own (default: ask; "+DefaultAuthor+" for a workflow's token)")
	fs.StringVar(&o.Key, "key", "", "tells the comments of several comparisons apart (default "+compare.DefaultKey+")")
	fs.StringVar(&o.Commit, "commit", "", "what was measured (default: what the event says)")
	fs.StringVar(&o.Full, "full", "", "where rows are that do not fit, for example \"compare.json in the artefact vtbench\"")
	fs.StringVar(&o.FullURL, "full-url", "", "https address of that, for a link")
	fs.BoolVar(&o.DryRun, "dry-run", false, "print the comment instead of posting it")
	fs.StringVar(&o.Format, "format", "text", "how to print what was done: text or json")
	o.Token = getenv("GITHUB_TOKEN")
}

// UsageError is what the caller can mend.
type UsageError struct{ err error }

// Error says what is wrong.
func (e *UsageError) Error() string { return e.err.Error() }

// Unwrap returns the cause.
func (e *UsageError) Unwrap() error { return e.err }

func usagef(layout string, args ...any) error {
	return &UsageError{fmt.Errorf(layout, args...)}
}

// maxFile bounds a file of Markdown; larger ones could not be posted.
const maxFile = 4 * MaxBody

// Run publishes what the options say, and prints the outcome on out.
func Run(ctx context.Context, o Options, out io.Writer) error {
	if o.Format != "text" && o.Format != "json" && o.Format != "" {
		return usagef("format %q: want text or json", o.Format)
	}
	var event *Event
	if o.Event != "" {
		var err error
		if event, err = ReadEvent(o.Event); err != nil {
			return err
		}
		if o.Commit == "" {
			o.Commit = event.commit()
		}
	}
	marker, body, err := o.body(event)
	if err != nil {
		return err
	}
	if o.DryRun {
		if o.Format == "json" {
			b, err := json.Marshal(map[string]string{"body": body})
			if err != nil {
				return fmt.Errorf("printing the comment: %w", err)
			}
			body = string(b) + "\n"
		}
		if _, err := io.WriteString(out, body); err != nil {
			return fmt.Errorf("printing the comment: %w", err)
		}
		return nil
	}
	c := &Client{API: o.API, Token: o.Token, Repository: o.Repository, Author: o.Author, HTTP: o.HTTP, Log: o.Log}
	number, why, err := o.number(ctx, c, event)
	if err != nil {
		return err
	}
	done := Outcome{Action: Skipped, Why: why}
	if number != 0 {
		if done, err = c.Publish(ctx, number, marker, body); err != nil {
			return err
		}
	}
	if o.Format == "json" {
		err = json.NewEncoder(out).Encode(done)
	} else {
		_, err = fmt.Fprintln(out, done)
	}
	if err != nil {
		return fmt.Errorf("printing what was done: %w", err)
	}
	return nil
}

// body is the comment, and the marker it begins with. Where the measuring run left
// no comparison, the comment says so.
func (o *Options) body(event *Event) (marker, body string, err error) {
	marker, err = compare.Marker(o.Key)
	if err != nil {
		return "", "", &UsageError{err}
	}
	switch {
	case (o.Report == "") == (o.File == ""):
		return "", "", usagef("name either a comparison with --report or Markdown with --file")
	case o.File != "":
		b, err := readAtMost(o.File, maxFile)
		if err != nil {
			return "", "", usagef("reading the comment: %w", err)
		}
		body := strings.TrimSpace(strings.ToValidUTF8(strings.ReplaceAll(string(b), "\r\n", "\n"), "\uFFFD"))
		if body == "" {
			return "", "", usagef("reading the comment: %s is empty", o.File)
		}
		if strings.HasPrefix(body, "<!-- vtbench:") && !marked(body, marker) {
			return "", "", usagef("%s begins with another marker than %s: make it with the same --key", o.File, marker)
		}
		if !marked(body, marker) {
			body = marker + "\n" + body
		}
		return marker, body + "\n", nil
	}
	var buf bytes.Buffer
	f, err := files.OpenPlain(o.Report)
	if errors.Is(err, fs.ErrNotExist) && event != nil && event.WorkflowRun != nil {
		url := o.FullURL
		if url == "" {
			url = event.WorkflowRun.URL
		}
		if err := compare.NoComparison(&buf, event.WorkflowRun.Conclusion, compare.Options{Key: o.Key, Commit: o.Commit, FullURL: url}); err != nil {
			return "", "", &UsageError{err}
		}
		return marker, buf.String(), nil
	}
	if err != nil {
		return "", "", usagef("reading the comparison: %w", err)
	}
	defer f.Close()
	r, err := compare.ReadJSON(f)
	if err != nil {
		return "", "", &UsageError{fmt.Errorf("%s: %w", o.Report, err)}
	}
	if err := compare.Markdown(&buf, r, compare.Options{Key: o.Key, Commit: o.Commit, Full: o.Full, FullURL: o.FullURL}); err != nil {
		return "", "", &UsageError{err}
	}
	return marker, buf.String(), nil
}

// number is the pull request to comment; 0 where there is none, and why.
func (o *Options) number(ctx context.Context, c *Client, event *Event) (number int, why string, err error) {
	claimed := o.PR
	if o.PRFile != "" {
		switch {
		case o.PR != 0:
			return 0, "", usagef("--pr and --pr-file name the same thing: give one")
		case event == nil:
			return 0, "", usagef("--pr-file holds what the measuring run claims: pass --event, so that it can be checked")
		}
		claimed, err = readNumber(o.PRFile)
		if err != nil && !errors.Is(err, fs.ErrNotExist) { // a run that failed early leaves none
			return 0, "", err
		}
	}
	if claimed < 0 {
		return 0, "", usagef("--pr %d: want the number of a pull request", claimed)
	}
	if event != nil {
		return c.PullRequest(ctx, event, claimed)
	}
	if claimed == 0 {
		return 0, "", usagef("which pull request? name it with --pr, or pass --event in a workflow")
	}
	return claimed, "", nil
}

// IsUsage reports whether err is the caller's to mend.
func IsUsage(err error) bool {
	var u *UsageError
	return errors.As(err, &u)
}
