//go:build !opencv

// Vtbench-opencv needs OpenCV: build it with `make opencv`.
package main

import (
	"fmt"
	"os"
)

func main() {
	fmt.Fprintln(os.Stderr, "vtbench-opencv was built without OpenCV: make opencv")
	os.Exit(5)
}
