// Package tokenizertest is the conformance suite that every tokenizer passes
// before its numbers are worth a table.
//
// It asks what the harness relies on: sizes, determinism as declared, results
// that do not depend on the rest of the batch, declared constraints that are true, codes
// that fit their codebooks, errors that cost one image and not a run. Of a
// [tokenizers.ClipTokenizer] it asks the same about windows of frames besides: as many
// frames as went in, no trace of earlier windows, a first frame that stands alone where
// that is declared. It does
// not judge quality; one warning aside: a tokenizer that returns nothing like
// its input has most often got its value range or its channel order wrong, and
// that is worth being told before a night of computing, with the range that fits where
// the tokenizer can be tried with others.
//
// Fields are named as plug-ins write them (multiple_of, batch_invariant), which is how
// [tokenizers.Info] is written as JSON.
//
// Programs call [Run] and show its report (`vtbench conform` does); the tests of
// an adapter call [Conform].
//
//	report := tokenizertest.Run(ctx, tok, tokenizertest.Options{})
//	if !report.OK() {
//		fmt.Print(report)
//	}
package tokenizertest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/vtbench/vtbench/tokenizers"
)

// A Status is how a check ended.
type Status string

// The ways a check ends. A warning is worth a look and fails nothing.
const (
	OK      Status = "ok"
	Warning Status = "warning"
	Failed  Status = "failed"
	Skipped Status = "skipped"
)

// A Check is one line of the report.
type Check struct {
	Name   string `json:"name"`
	Asks   string `json:"asks"` // what the check asks, in one line
	Status Status `json:"status"`
	Detail string `json:"detail,omitempty"` // what was seen, or why it was skipped
	Mend   string `json:"mend,omitempty"`   // what to do about a failure
}

// A Report is the outcome of a [Run].
type Report struct {
	Info   tokenizers.Info `json:"info"`
	Checks []Check         `json:"checks"`
}

// OK reports whether no check failed.
func (r Report) OK() bool { return r.Count(Failed) == 0 }

// Count is the number of checks that ended so.
func (r Report) Count(s Status) int {
	n := 0
	for _, c := range r.Checks {
		if c.Status == s {
			n++
		}
	}
	return n
}

// String is the report as a checklist, one line a check, failures with what to
// do about them.
func (r Report) String() string {
	var b strings.Builder
	for _, c := range r.Checks {
		b.WriteString(c.String())
	}
	b.WriteString(r.Counts())
	return b.String()
}

// Counts is the last line of the report.
func (r Report) Counts() string {
	return fmt.Sprintf("%s: %d ok, %d failed, %d warnings, %d skipped\n",
		r.Info.Name, r.Count(OK), r.Count(Failed), r.Count(Warning), r.Count(Skipped))
}

// String is the check with what was seen and what to do, a line each.
func (c Check) String() string {
	s := fmt.Sprintf("%-8s %-14s %s\n", c.Status, c.Name, c.Asks)
	if c.Detail != "" { // of several images an error a line
		s += fmt.Sprintf("%24s%s\n", "", strings.ReplaceAll(c.Detail, "\n", fmt.Sprintf("\n%24s", "")))
	}
	if c.Mend != "" {
		s += fmt.Sprintf("%24s-> %s\n", "", c.Mend)
	}
	return s
}

// JSON is the report as indented JSON.
func (r Report) JSON() ([]byte, error) { return json.MarshalIndent(r, "", "  ") }

// Options bound a [Run].
type Options struct {
	// Timeout is how long one call may take before the run is given up; 0 means
	// two minutes.
	Timeout time.Duration
	// Side is about how large the images of most checks are; 0 means 64. The
	// tokenizer's constraints go before it.
	Side int
	// Progress, where set, is told of each check as it ends.
	Progress func(Check)
}

// Run puts a tokenizer through all checks. It does not close it. A check that
// does not apply is skipped and says why; after a call that hangs, the rest is.
func Run(ctx context.Context, tok tokenizers.Tokenizer, opts Options) Report {
	if opts.Timeout <= 0 {
		opts.Timeout = 2 * time.Minute
	}
	if opts.Side <= 0 {
		opts.Side = 64
	}
	r := &runner{tok: tok, info: tok.Info(), opts: opts}
	report := Report{Info: r.info}
	list := checks()
	if _, ok := tok.(tokenizers.ClipTokenizer); ok && r.info.Clips != nil {
		list = append(list, clipChecks()...)
	}
	for _, c := range list {
		out := Check{Name: c.name, Asks: c.asks}
		switch {
		case ctx.Err() != nil:
			out.Status, out.Detail = Skipped, "the run was interrupted"
		case r.hung != "":
			out.Status, out.Detail = Skipped, "the tokenizer still hangs in the check "+r.hung
		case r.lost != "" && c.needsImages():
			out.Status, out.Detail = Skipped, r.lost
		case r.lostClips != "" && strings.HasPrefix(c.name, "clip "):
			out.Status, out.Detail = Skipped, r.lostClips
		default:
			out.Status, out.Detail = r.check(ctx, c)
			if out.Status == Failed || out.Status == Warning {
				out.Mend = c.mend
			}
		}
		report.Checks = append(report.Checks, out)
		if opts.Progress != nil {
			opts.Progress(out)
		}
	}
	return report
}

// check runs one check.
func (r *runner) check(ctx context.Context, c check) (Status, string) {
	r.name = c.name
	detail, err := c.run(ctx, r)
	var skip skipped
	var warn warning
	switch {
	case r.dirty != "":
		d := r.dirty
		r.dirty = ""
		return Failed, d
	case errors.As(err, &skip):
		return Skipped, string(skip)
	case errors.As(err, &warn):
		return Warning, string(warn)
	case err != nil:
		return Failed, err.Error()
	}
	return OK, detail
}

// TB is the part of testing.TB that [Conform] needs; *testing.T has it.
type TB interface {
	Helper()
	Context() context.Context
	Logf(format string, args ...any)
	Errorf(format string, args ...any)
	Fatalf(format string, args ...any)
}

// Conform opens a tokenizer, runs all checks, closes it and reports what failed
// as test errors.
func Conform(t TB, open func(ctx context.Context) (tokenizers.Tokenizer, error), opts Options) {
	t.Helper()
	tok, err := open(t.Context())
	if err != nil {
		t.Fatalf("opening the tokenizer: %v", err)
		return
	}
	report := Run(t.Context(), tok, opts)
	for _, c := range report.Checks {
		switch c.Status {
		case Failed:
			t.Errorf("%s: %s\n%s\n-> %s", c.Name, c.Asks, c.Detail, c.Mend)
		default:
			t.Logf("%-8s %-14s %s", c.Status, c.Name, c.Detail)
		}
	}
	if c, ok := tok.(io.Closer); ok {
		if err := c.Close(); err != nil {
			t.Errorf("closing the tokenizer: %v", err)
		}
	}
}
