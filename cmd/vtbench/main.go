// Vtbench judges visual tokenizers: it runs them over text, faces and damaged
// images, scores what is left, and compares the result with baselines.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/vtbench/vtbench/cmd/vtbench/internal/cli"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // the second signal ends the program as it ends any other
	code := cli.Run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}
