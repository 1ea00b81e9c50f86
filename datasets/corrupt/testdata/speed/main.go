// Command speed times corruptions for speed.py: it reads the size of an image
// ("W H") and its RGB bytes, then lines "name severity times", and answers each
// with the nanoseconds of every call.
package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/vtbench/vtbench/datasets/corrupt"
	"github.com/vtbench/vtbench/pix"
)

func main() {
	if err := serve(bufio.NewReader(os.Stdin), os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "speed:", err)
		os.Exit(1)
	}
}

func serve(in *bufio.Reader, out io.Writer) error {
	var w, h int
	if _, err := fmt.Fscanf(in, "%d %d\n", &w, &h); err != nil {
		return fmt.Errorf("reading the size: %w", err)
	}
	img := pix.New(w, h)
	if _, err := io.ReadFull(in, img.Pix); err != nil {
		return fmt.Errorf("reading the pixels: %w", err)
	}
	for {
		var name string
		var severity, times int
		if _, err := fmt.Fscanf(in, "%s %d %d\n", &name, &severity, &times); err == io.EOF {
			return nil
		} else if err != nil {
			return fmt.Errorf("reading a job: %w", err)
		}
		for i := range times {
			start := time.Now()
			if _, err := corrupt.Apply(img, name, severity, corrupt.Options{Seed: uint64(i)}); err != nil {
				return err
			}
			fmt.Fprint(out, time.Since(start).Nanoseconds(), " ")
		}
		fmt.Fprintln(out)
	}
}
