package comment

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/vtbench/vtbench/internal/boundedjson"
	"github.com/vtbench/vtbench/internal/files"
	"github.com/vtbench/vtbench/reports/format"
)

// Event is what the service says about why a workflow runs. It is written by the
// service, not by the pull request, so it can be trusted.
type Event struct {
	Repository struct {
		FullName string `json:"full_name"`
	} `json:"repository"`
	WorkflowRun *WorkflowRun `json:"workflow_run"`
	PullRequest *Pull        `json:"pull_request"`
}

// WorkflowRun is a run of another workflow that has ended.
type WorkflowRun struct {
	Event          string `json:"event"`
	Conclusion     string `json:"conclusion"`
	URL            string `json:"html_url"`
	HeadSHA        string `json:"head_sha"`
	HeadBranch     string `json:"head_branch"`
	HeadRepository struct {
		FullName string `json:"full_name"`
		Owner    struct {
			Login string `json:"login"`
		} `json:"owner"`
	} `json:"head_repository"`
}

// Pull is a pull request.
type Pull struct {
	Number int `json:"number"`
	Head   struct {
		SHA  string `json:"sha"`
		Ref  string `json:"ref"`
		Repo *struct {
			FullName string `json:"full_name"`
		} `json:"repo"`
	} `json:"head"`
}

// maxEvent bounds an event file; GitHub's own are far smaller.
const maxEvent = 32 << 20

// ReadEvent reads the file that GITHUB_EVENT_PATH names.
func ReadEvent(name string) (*Event, error) {
	b, err := readAtMost(name, maxEvent)
	if err != nil {
		return nil, usagef("reading the event: %w", err)
	}
	var e Event
	if err := boundedjson.Unmarshal(b, &e, maxEvent); err != nil {
		return nil, usagef("reading the event: %s is not what the service writes", name) // what it holds is not shown
	}
	if e.WorkflowRun == nil && e.PullRequest == nil {
		return nil, usagef("the event %s is neither of a pull_request nor of a workflow_run: name the pull request with --pr and leave --event out", name)
	}
	return &e, nil
}

// commit is what was measured.
func (e *Event) commit() string {
	if e.WorkflowRun != nil {
		return e.WorkflowRun.HeadSHA
	}
	return e.PullRequest.Head.SHA
}

// PullRequest finds the pull request whose head the event's run measured. number is
// what the run's own files claim, or 0: it is only used where its head is the
// repository and branch of the event, so that no run can have another pull request
// commented. why says, with number 0, why there is nothing to do.
func (c *Client) PullRequest(ctx context.Context, e *Event, claimed int) (number int, why string, err error) {
	if err := c.check(); err != nil {
		return 0, "", err
	}
	if e.Repository.FullName != "" && !strings.EqualFold(e.Repository.FullName, c.Repository) {
		return 0, "", usagef("the event is of %s, the repository is %s", format.Line(e.Repository.FullName), c.Repository)
	}
	if e.WorkflowRun == nil {
		if claimed != 0 && claimed != e.PullRequest.Number {
			return 0, "", fmt.Errorf("the event is of pull request %d, not of %d", e.PullRequest.Number, claimed)
		}
		return e.PullRequest.Number, "", nil
	}
	run := e.WorkflowRun
	if run.Event != "pull_request" && run.Event != "pull_request_target" {
		return 0, fmt.Sprintf("the run was started by %s, not by a pull request", format.Line(run.Event)), nil
	}
	if run.HeadSHA == "" || run.HeadRepository.FullName == "" || run.HeadBranch == "" {
		return 0, "", usagef("the event does not say which commit of which branch was measured")
	}
	if claimed != 0 {
		return c.claimed(ctx, run, claimed)
	}
	owner := run.HeadRepository.Owner.Login
	if owner == "" {
		owner, _, _ = strings.Cut(run.HeadRepository.FullName, "/")
	}
	next := c.repo() + "/pulls?state=open&per_page=" + strconv.Itoa(perPage) + "&head=" + url.QueryEscape(owner+":"+run.HeadBranch)
	var found []int
	newer := 0
	for page := 0; next != "" && page < maxPages; page++ {
		var list []Pull
		h, err := c.do(ctx, "looking for the pull request", http.MethodGet, next, nil, &list)
		if err != nil {
			return 0, "", err
		}
		for _, p := range list {
			switch {
			case !p.of(run):
			case p.Head.SHA == run.HeadSHA:
				found = append(found, p.Number)
			default:
				newer = p.Number
			}
		}
		if next, err = c.nextPage(h); err != nil {
			return 0, "", err
		}
	}
	switch {
	case len(found) == 1:
		return found[0], "", nil
	case len(found) > 1:
		return 0, "", fmt.Errorf("pull requests %v all have the head %s: let the measuring run write its number to a file, and pass that as --pr-file", found, short(run.HeadSHA))
	case newer != 0:
		return 0, superseded(newer, run.HeadSHA), nil
	}
	return 0, fmt.Sprintf("no open pull request has the head %s of %s:%s", short(run.HeadSHA), format.Line(run.HeadRepository.FullName), format.Line(run.HeadBranch)), nil
}

// claimed checks a number that comes from the run's files.
func (c *Client) claimed(ctx context.Context, run *WorkflowRun, number int) (int, string, error) {
	var p Pull
	if _, err := c.do(ctx, fmt.Sprintf("reading pull request %d", number), http.MethodGet, c.repo()+"/pulls/"+strconv.Itoa(number), nil, &p); err != nil {
		return 0, "", err
	}
	if !p.of(run) {
		return 0, "", fmt.Errorf("the run claims to be of pull request %d, but measured %s:%s, which is not its head: nothing was posted",
			number, format.Line(run.HeadRepository.FullName), format.Line(run.HeadBranch))
	}
	if p.Head.SHA != run.HeadSHA {
		return 0, superseded(number, run.HeadSHA), nil
	}
	return number, "", nil
}

func superseded(number int, sha string) string {
	return fmt.Sprintf("pull request %d has a newer head than %s; the run of that one will comment", number, short(sha))
}

// of reports whether the head of a pull request is the branch that a run measured.
func (p *Pull) of(run *WorkflowRun) bool {
	return p.Head.Repo != nil && strings.EqualFold(p.Head.Repo.FullName, run.HeadRepository.FullName) && p.Head.Ref == run.HeadBranch
}

func short(sha string) string { return format.Line(sha[:min(12, len(sha))]) }

// maxNumber bounds a file that should hold a number only.
const maxNumber = 64

// readNumber reads a pull request's number from a file that a stranger may have
// written: digits, and nothing else.
func readNumber(name string) (int, error) {
	b, err := readAtMost(name, maxNumber)
	if err != nil {
		return 0, usagef("reading the number of the pull request: %w", err)
	}
	s := strings.TrimSpace(string(b))
	n, err := strconv.ParseUint(s, 10, 31)
	if err != nil || n == 0 {
		return 0, usagef("reading the number of the pull request: %s does not hold a number", name) // what it holds is not shown
	}
	return int(n), nil
}

// readAtMost reads a file of at most n bytes that is no link: what a job without rights
// packed may be anything, and a link would show what only this job may read.
func readAtMost(name string, n int64) ([]byte, error) { return files.ReadPlain(name, n) }
