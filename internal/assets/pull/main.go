// Pull fetches all assets; `make deps` runs it before anything is built.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"

	"github.com/vtbench/vtbench/internal/assets"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := assets.Pull(ctx, os.Stderr, assets.Files()); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(5)
	}
}
