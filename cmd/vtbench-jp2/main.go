//go:build opencv

// Vtbench-jp2 is the tokenizer jp2: JPEG 2000 by OpenCV, as a plug-in of its own.
// It is not part of vtbench itself, because OpenCV takes longer to load than vtbench
// to print its help, and because an exception inside OpenCV ends the process it
// happens in: here that costs one image.
//
//	go build -tags opencv -o bin/vtbench-jp2 ./cmd/vtbench-jp2     (or: make jp2)
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/vtbench/vtbench/tokenizers/process/plugin"
)

func main() {
	rate := flag.Int("rate", 100, "size of the codestream in thousandths of the raw image, 1 to 1000")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := plugin.Serve(ctx, newCodec(*rate), os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "vtbench-jp2:", err)
		os.Exit(1)
	}
}
