// Vtbench-opencv is the helper that holds OpenCV: the networks of faces, optical flow and
// the tokenizer jp2. It is a program of its own, because an exception inside OpenCV ends the
// process it happens in, and because OpenCV takes longer to load than vtbench to print
// its help. vtbench starts it; docs/protocol.md says what the two tell each other.
//
//	vtbench-opencv version
//	vtbench-opencv jp2 -rate 50
//	vtbench-opencv flow
//	vtbench-opencv faces -detector yunet=FILE -recogniser dlib=FILE
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

	"gocv.io/x/gocv"

	"github.com/vtbench/vtbench/internal/opencv"
	"github.com/vtbench/vtbench/tokenizers/process/plugin"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	err := run(ctx, os.Args[1:])
	var bad usage
	switch {
	case errors.As(err, &bad):
		fmt.Fprintf(os.Stderr, "%s: %v\nusage: %[1]s version | jp2 [-rate N] | flow | faces -detector LAYOUT=FILE -recogniser LAYOUT=FILE\n", opencv.Program, err)
		os.Exit(2)
	case err != nil:
		fmt.Fprintf(os.Stderr, "%s: %v\n", opencv.Program, err)
		os.Exit(1)
	}
}

// usage is a wrong command line.
type usage string

func (u usage) Error() string { return string(u) }

func run(ctx context.Context, args []string) error {
	if len(args) == 0 {
		return usage("want a command")
	}
	fs := flag.NewFlagSet(args[0], flag.ContinueOnError)
	fs.SetOutput(io.Discard) // main prints the error
	switch args[0] {
	case "version":
		_, err := fmt.Println("OpenCV", gocv.OpenCVVersion())
		return err
	case "jp2":
		rate := fs.Int("rate", 100, "size of the codestream in thousandths of the raw image, 1 to 1000")
		if err := parse(fs, args[1:]); err != nil {
			return err
		}
		return plugin.Serve(ctx, newCodec(*rate), os.Stdin, os.Stdout)
	case "flow":
		if err := parse(fs, args[1:]); err != nil {
			return err
		}
		return plugin.ServeHelper(ctx, flowInfo(), map[string]plugin.Op{opencv.FlowFarneback: farneback}, os.Stdin, os.Stdout)
	case "faces":
		detector := fs.String("detector", "", "LAYOUT=FILE")
		recogniser := fs.String("recogniser", "", "LAYOUT=FILE")
		if err := parse(fs, args[1:]); err != nil {
			return err
		}
		f, err := openFaces(*detector, *recogniser)
		if err != nil {
			return err
		}
		return errors.Join(plugin.ServeHelper(ctx, f.info(), f.ops(), os.Stdin, os.Stdout), f.close())
	}
	return usage(fmt.Sprintf("unknown command %q", args[0]))
}

func parse(fs *flag.FlagSet, args []string) error {
	if err := fs.Parse(args); err != nil {
		return usage(err.Error())
	}
	if fs.NArg() > 0 {
		return usage(fmt.Sprintf("unexpected argument %q", fs.Arg(0)))
	}
	return nil
}
