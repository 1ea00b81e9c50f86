// Command vtbench-comment is `vtbench comment` alone: it posts a comparison under a
// pull request. It needs no cgo and no library, so the job that holds the token
// installs one small program and nothing else:
//
//	CGO_ENABLED=0 go install github.com/vtbench/vtbench/cmd/vtbench-comment@VERSION
//	vtbench-comment --report compare.json --event "$GITHUB_EVENT_PATH"
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/vtbench/vtbench/reports/comment"
)

// Exit statuses; they are those of vtbench.
const (
	exitDone        = 0
	exitInternal    = 1
	exitUsage       = 2
	exitInterrupted = 130
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // the second signal ends the program as it ends any other
	os.Exit(run(ctx, os.Args[1:], os.Getenv, os.Stdout, os.Stderr))
}

func run(ctx context.Context, args []string, getenv func(string) string, stdout, stderr io.Writer) int {
	var o comment.Options
	fs := flag.NewFlagSet("vtbench-comment", flag.ContinueOnError)
	fs.SetOutput(stderr)
	o.Register(fs, getenv)
	switch err := fs.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		return exitDone
	case err != nil:
		return exitUsage // fs has said why
	case fs.NArg() > 0:
		fmt.Fprintf(stderr, "vtbench-comment: unexpected argument %q; --help shows the flags\n", fs.Arg(0))
		return exitUsage
	}
	o.Log = func(format string, args ...any) { fmt.Fprintf(stderr, format+"\n", args...) }
	err := comment.Run(ctx, o, stdout)
	switch {
	case err == nil:
		return exitDone
	case ctx.Err() != nil:
		return exitInterrupted
	}
	fmt.Fprintf(stderr, "vtbench-comment: %v\n", err)
	if comment.IsUsage(err) {
		return exitUsage
	}
	return exitInternal
}
